//! `DELETE /workspaces/{id}/budgets/{interval}`. WS-6

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};

use crate::api::change::{put_in_force, refused};
use crate::api::openapi::ErrorAnswer;
use crate::api::session::Management;
use crate::api::{Deleted, Refused};
use crate::app::App;
use crate::clock::now_micros;

/// Removes a budget; one that is not there is as good as removed.
#[utoipa::path(
    delete,
    path = "/api/v1/workspaces/{id}/budgets/{interval}",
    tag = "workspaces",
    params(
        ("id" = String, Path, description = "The workspace's id or slug"),
        ("interval" = String, Path, description = "daily, weekly, monthly or lifetime"),
    ),
    responses((status = 200, body = Deleted), (status = "4XX", body = ErrorAnswer))
)]
pub async fn delete(
    State(app): State<Arc<App>>,
    management: Management,
    path: Result<Path<(String, String)>, PathRejection>,
) -> Result<Json<Deleted>, Refused> {
    let Path((name, word)) = path?;
    let interval = super::interval(&word)?;
    let workspace = crate::api::workspaces::find(&app, &management, &name).await?;
    let (actor, now) = (management.actor(), now_micros());
    app.store
        .remove_workspace_budget(&workspace.id, interval, &actor, now)
        .await
        .map_err(refused)?;
    put_in_force(&app).await?;
    Ok(Json(Deleted::DONE))
}
