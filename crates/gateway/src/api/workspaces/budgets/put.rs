//! `PUT /workspaces/{id}/budgets/{interval}`. WS-5, WS-6

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{BudgetAnswer, BudgetObject};
use crate::api::Refused;
use crate::api::body::Given;
use crate::api::change::{put_in_force, refused};
use crate::api::money::limit_nano_usd;
use crate::api::openapi::ErrorAnswer;
use crate::api::session::Management;
use crate::app::App;
use crate::clock::now_micros;

/// What the budget is to be.
#[derive(Deserialize, ToSchema)]
pub struct BudgetRequest {
    /// USD, above zero; longer windows must allow more than shorter ones.
    #[schema(exclusive_minimum = 0)]
    limit_usd: f64,
    /// Of all budgets of the workspace; unchanged unless said.
    include_byok_in_budgets: Option<bool>,
}

/// Sets a budget, or replaces it.
#[utoipa::path(
    put,
    path = "/api/v1/workspaces/{id}/budgets/{interval}",
    tag = "workspaces",
    params(
        ("id" = String, Path, description = "The workspace's id or slug"),
        ("interval" = String, Path, description = "daily, weekly, monthly or lifetime"),
    ),
    request_body = BudgetRequest,
    responses((status = 200, body = BudgetAnswer), (status = "4XX", body = ErrorAnswer))
)]
pub async fn put(
    State(app): State<Arc<App>>,
    management: Management,
    path: Result<Path<(String, String)>, PathRejection>,
    Given(given): Given<BudgetRequest>,
) -> Result<Json<BudgetAnswer>, Refused> {
    let Path((name, word)) = path?;
    let interval = super::interval(&word)?;
    let limit = limit_nano_usd("limit_usd", given.limit_usd)?;
    let workspace = crate::api::workspaces::find(&app, &management, &name).await?;
    let include = given.include_byok_in_budgets;
    let actor = management.actor();
    let budget = app
        .store
        .put_workspace_budget(&workspace.id, interval, limit, include, &actor, now_micros())
        .await
        .map_err(refused)?;
    put_in_force(&app).await?;
    let include_byok_in_budgets = include.unwrap_or(workspace.settings.include_byok_in_budgets);
    let data = BudgetObject::new(&app, budget, include_byok_in_budgets).await;
    Ok(Json(BudgetAnswer { data, include_byok_in_budgets }))
}
