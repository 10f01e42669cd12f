//! `DELETE /organization/members/{id}`. Our own.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use protocol::exchange::Fault;

use super::Removal;
use crate::api::openapi::ErrorAnswer;
use crate::api::session::Management;
use crate::api::{Deleted, Refused};
use crate::app::App;

/// Removes a member from the account and from all workspaces. Refused for the last owner, and
/// while the member has active keys.
#[utoipa::path(
    delete,
    path = "/api/v1/organization/members/{id}",
    tag = "organization",
    params(("id" = String, Path, description = "The member's id")),
    responses((status = 200, body = Deleted), (status = "4XX", body = ErrorAnswer))
)]
pub async fn delete(
    State(app): State<Arc<App>>,
    management: Management,
    id: Result<Path<String>, PathRejection>,
) -> Result<Json<Deleted>, Refused> {
    let Path(id) = id?;
    match super::remove(&app, &management, &id).await? {
        Removal::Done => Ok(Json(Deleted::DONE)),
        Removal::KeysInUse(names) => Err(Refused(Fault::invalid(format!(
            "The member has active API keys; delete or disable them first: {names}"
        )))),
    }
}
