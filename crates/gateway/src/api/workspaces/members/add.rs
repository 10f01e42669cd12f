//! `POST /workspaces/{id}/members/add`. WS-4

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use protocol::exchange::Fault;
use serde::Serialize;
use store::{DEFAULT_WORKSPACE_SLUG, StoreError};
use utoipa::ToSchema;

use super::{MemberSelection, WorkspaceMember};
use crate::api::Refused;
use crate::api::body::Given;
use crate::api::change::{put_in_force, refused};
use crate::api::openapi::ErrorAnswer;
use crate::api::session::Management;
use crate::app::App;
use crate::clock::now_micros;

/// The answer.
#[derive(Serialize, ToSchema)]
pub struct AddedMembers {
    /// Those who were named.
    data: Vec<WorkspaceMember>,
    /// How many of them are new.
    added_count: u64,
}

/// Puts members of the organization into a workspace, with the role they have there.
#[utoipa::path(
    post,
    path = "/api/v1/workspaces/{id}/members/add",
    tag = "workspaces",
    params(("id" = String, Path, description = "The workspace's id or slug")),
    request_body = MemberSelection,
    responses((status = 200, body = AddedMembers), (status = "4XX", body = ErrorAnswer))
)]
pub async fn add(
    State(app): State<Arc<App>>,
    management: Management,
    name: Result<Path<String>, PathRejection>,
    Given(given): Given<MemberSelection>,
) -> Result<Json<AddedMembers>, Refused> {
    let Path(name) = name?;
    let ids = given.ids()?;
    let workspace = crate::api::workspaces::find(&app, &management, &name).await?;
    let unknown = || Fault::invalid("user_ids: the organization has no such member");
    let mut added_count = 0;
    // Everybody is in the default workspace already. WS-3
    if workspace.settings.slug != DEFAULT_WORKSPACE_SLUG {
        let (actor, now) = (management.actor(), now_micros());
        let adding = app.store.add_workspace_members(&workspace.id, &ids, &actor, now);
        added_count = adding.await.map_err(|error| match error {
            StoreError::NotFound { what: "member", .. } => unknown(),
            other => refused(other),
        })?;
        put_in_force(&app).await?;
    }
    let mut data = super::members_of(&app, &workspace).await?;
    data.retain(|member| ids.contains(&member.user_id));
    if data.len() < ids.len() {
        return Err(unknown().into());
    }
    Ok(Json(AddedMembers { data, added_count }))
}
