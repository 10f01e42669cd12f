//! `GET /workspaces/{id}/budgets`. WS-5

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use serde::Serialize;
use utoipa::ToSchema;

use super::BudgetObject;
use crate::api::Refused;
use crate::api::change::refused;
use crate::api::openapi::ErrorAnswer;
use crate::api::session::Management;
use crate::app::App;

/// The answer.
#[derive(Serialize, ToSchema)]
pub struct BudgetsAnswer {
    data: Vec<BudgetObject>,
    /// Whether spend on own provider keys counts.
    include_byok_in_budgets: bool,
}

/// Lists the budgets of a workspace, the shortest window first.
#[utoipa::path(
    get,
    path = "/api/v1/workspaces/{id}/budgets",
    tag = "workspaces",
    params(("id" = String, Path, description = "The workspace's id or slug")),
    responses((status = 200, body = BudgetsAnswer), (status = "4XX", body = ErrorAnswer))
)]
pub async fn list(
    State(app): State<Arc<App>>,
    management: Management,
    name: Result<Path<String>, PathRejection>,
) -> Result<Json<BudgetsAnswer>, Refused> {
    let Path(name) = name?;
    let workspace = crate::api::workspaces::find(&app, &management, &name).await?;
    let mut budgets = app.store.workspace_budgets().await.map_err(refused)?;
    budgets.retain(|budget| budget.workspace_id == workspace.id);
    let include_byok_in_budgets = workspace.settings.include_byok_in_budgets;
    let mut data = Vec::with_capacity(budgets.len());
    for budget in budgets {
        data.push(BudgetObject::new(&app, budget, include_byok_in_budgets).await);
    }
    Ok(Json(BudgetsAnswer { data, include_byok_in_budgets }))
}
