//! `GET /workspaces/{id}/budgets/{interval}`. WS-5

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use protocol::exchange::{ErrorType, Fault};

use super::{BudgetAnswer, BudgetObject};
use crate::api::Refused;
use crate::api::change::refused;
use crate::api::openapi::ErrorAnswer;
use crate::api::session::Management;
use crate::app::App;

/// Shows a budget.
#[utoipa::path(
    get,
    path = "/api/v1/workspaces/{id}/budgets/{interval}",
    tag = "workspaces",
    params(
        ("id" = String, Path, description = "The workspace's id or slug"),
        ("interval" = String, Path, description = "daily, weekly, monthly or lifetime"),
    ),
    responses((status = 200, body = BudgetAnswer), (status = "4XX", body = ErrorAnswer))
)]
pub async fn show(
    State(app): State<Arc<App>>,
    management: Management,
    path: Result<Path<(String, String)>, PathRejection>,
) -> Result<Json<BudgetAnswer>, Refused> {
    let Path((name, word)) = path?;
    let interval = super::interval(&word)?;
    let workspace = crate::api::workspaces::find(&app, &management, &name).await?;
    let budgets = app.store.workspace_budgets().await.map_err(refused)?;
    let budget = budgets
        .into_iter()
        .find(|budget| budget.workspace_id == workspace.id && budget.interval == interval)
        .ok_or_else(|| Fault::new(ErrorType::NotFound, "The workspace has no such budget"))?;
    let include_byok_in_budgets = workspace.settings.include_byok_in_budgets;
    let data = BudgetObject::new(&app, budget, include_byok_in_budgets).await;
    Ok(Json(BudgetAnswer { data, include_byok_in_budgets }))
}
