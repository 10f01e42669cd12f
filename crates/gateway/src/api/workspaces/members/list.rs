//! `GET /workspaces/{id}/members`. WS-4

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use serde::Serialize;
use utoipa::ToSchema;

use super::WorkspaceMember;
use crate::api::Refused;
use crate::api::openapi::ErrorAnswer;
use crate::api::page::{Asked, Part};
use crate::api::session::Management;
use crate::app::App;

/// The answer.
#[derive(Serialize, ToSchema)]
pub struct WorkspaceMembers {
    data: Vec<WorkspaceMember>,
    total_count: usize,
}

/// Lists the members of a workspace; everybody is in the default one.
#[utoipa::path(
    get,
    path = "/api/v1/workspaces/{id}/members",
    tag = "workspaces",
    params(("id" = String, Path, description = "The workspace's id or slug"), Part),
    responses((status = 200, body = WorkspaceMembers), (status = "4XX", body = ErrorAnswer))
)]
pub async fn list(
    State(app): State<Arc<App>>,
    management: Management,
    name: Result<Path<String>, PathRejection>,
    Asked(part): Asked<Part>,
) -> Result<Json<WorkspaceMembers>, Refused> {
    let Path(name) = name?;
    let workspace = crate::api::workspaces::find(&app, &management, &name).await?;
    let (data, total_count) = part.of(super::members_of(&app, &workspace).await?)?;
    Ok(Json(WorkspaceMembers { data, total_count }))
}
