//! `PATCH /workspaces/{id}`. WS-2

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};

use super::object::{WorkspaceAnswer, WorkspaceRequest};
use crate::api::Refused;
use crate::api::body::Given;
use crate::api::change::{put_in_force, refused};
use crate::api::openapi::ErrorAnswer;
use crate::api::session::Management;
use crate::app::App;
use crate::clock::now_micros;

/// Changes a workspace.
#[utoipa::path(
    patch,
    path = "/api/v1/workspaces/{id}",
    tag = "workspaces",
    params(("id" = String, Path, description = "The workspace's id or slug")),
    request_body = WorkspaceRequest,
    responses((status = 200, body = WorkspaceAnswer), (status = "4XX", body = ErrorAnswer))
)]
pub async fn update(
    State(app): State<Arc<App>>,
    management: Management,
    name: Result<Path<String>, PathRejection>,
    Given(given): Given<WorkspaceRequest>,
) -> Result<Json<WorkspaceAnswer>, Refused> {
    let Path(name) = name?;
    given.check(&app.snapshot())?;
    let workspace = super::find(&app, &management, &name).await?;
    let actor = management.actor();
    let changed = app
        .store
        .update_workspace(&workspace.id, |settings| given.apply(settings), &actor, now_micros())
        .await
        .map_err(refused)?;
    put_in_force(&app).await?;
    Ok(Json(WorkspaceAnswer { data: changed.into() }))
}
