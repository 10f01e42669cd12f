//! `POST /workspaces/{id}/members/remove`. WS-4

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use protocol::exchange::Fault;
use serde::Serialize;
use store::{DEFAULT_WORKSPACE_SLUG, StoreError};
use utoipa::ToSchema;

use super::MemberSelection;
use crate::api::Refused;
use crate::api::body::Given;
use crate::api::change::{put_in_force, refused};
use crate::api::openapi::ErrorAnswer;
use crate::api::session::Management;
use crate::app::App;
use crate::clock::now_micros;

/// The answer.
#[derive(Serialize, ToSchema)]
pub struct RemovedMembers {
    removed_count: u64,
}

/// Takes members out of a workspace. Refused while one of them has active keys there.
#[utoipa::path(
    post,
    path = "/api/v1/workspaces/{id}/members/remove",
    tag = "workspaces",
    params(("id" = String, Path, description = "The workspace's id or slug")),
    request_body = MemberSelection,
    responses((status = 200, body = RemovedMembers), (status = "4XX", body = ErrorAnswer))
)]
pub async fn remove(
    State(app): State<Arc<App>>,
    management: Management,
    name: Result<Path<String>, PathRejection>,
    Given(given): Given<MemberSelection>,
) -> Result<Json<RemovedMembers>, Refused> {
    let Path(name) = name?;
    let ids = given.ids()?;
    let workspace = crate::api::workspaces::find(&app, &management, &name).await?;
    if workspace.settings.slug == DEFAULT_WORKSPACE_SLUG {
        return Err(Fault::invalid("Every member is in the default workspace").into());
    }
    let (actor, now) = (management.actor(), now_micros());
    let removing = app.store.remove_workspace_members(&workspace.id, &ids, &actor, now);
    let removed_count = removing.await.map_err(|error| match error {
        StoreError::Invalid { what: "removal", .. } => Fault::invalid(
            "user_ids: a member has active API keys in the workspace; delete or disable them first",
        ),
        other => refused(other),
    })?;
    put_in_force(&app).await?;
    Ok(Json(RemovedMembers { removed_count }))
}
