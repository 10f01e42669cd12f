//! `GET /workspaces/{id}`. WS-2

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};

use super::object::WorkspaceAnswer;
use crate::api::Refused;
use crate::api::openapi::ErrorAnswer;
use crate::api::session::Management;
use crate::app::App;

/// Shows a workspace.
#[utoipa::path(
    get,
    path = "/api/v1/workspaces/{id}",
    tag = "workspaces",
    params(("id" = String, Path, description = "The workspace's id or slug")),
    responses((status = 200, body = WorkspaceAnswer), (status = "4XX", body = ErrorAnswer))
)]
pub async fn show(
    State(app): State<Arc<App>>,
    management: Management,
    name: Result<Path<String>, PathRejection>,
) -> Result<Json<WorkspaceAnswer>, Refused> {
    let Path(name) = name?;
    let workspace = super::find(&app, &management, &name).await?;
    Ok(Json(WorkspaceAnswer { data: workspace.into() }))
}
