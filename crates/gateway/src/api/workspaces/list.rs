//! `GET /workspaces`. WS-2

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::object::WorkspaceObject;
use crate::api::Refused;
use crate::api::openapi::ErrorAnswer;
use crate::api::page::{Asked, Part};
use crate::api::session::Management;
use crate::app::App;

/// The answer.
#[derive(Serialize, ToSchema)]
pub struct WorkspacesAnswer {
    data: Vec<WorkspaceObject>,
    total_count: usize,
}

/// Lists the workspaces of the account, oldest first.
#[utoipa::path(
    get,
    path = "/api/v1/workspaces",
    tag = "workspaces",
    params(Part),
    responses((status = 200, body = WorkspacesAnswer), (status = "4XX", body = ErrorAnswer))
)]
pub async fn list(
    State(app): State<Arc<App>>,
    management: Management,
    Asked(part): Asked<Part>,
) -> Result<Json<WorkspacesAnswer>, Refused> {
    let (workspaces, total_count) = part.of(super::all(&app, &management).await?)?;
    let data = workspaces.into_iter().map(WorkspaceObject::from).collect();
    Ok(Json(WorkspacesAnswer { data, total_count }))
}
