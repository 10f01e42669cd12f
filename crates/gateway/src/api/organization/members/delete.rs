//! `DELETE /organization/members/{id}`. Our own.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use protocol::exchange::Fault;
use store::StoreError;

use crate::api::change::{put_in_force, refused};
use crate::api::openapi::ErrorAnswer;
use crate::api::session::Management;
use crate::api::{Deleted, Refused};
use crate::app::App;
use crate::clock::now_micros;

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
    super::find(&app, &management, &id).await?;
    let actor = management.actor();
    app.store.remove_member(&id, &actor, now_micros()).await.map_err(|error| match error {
        StoreError::Invalid { what: "removal", .. } => {
            Fault::invalid("The member has active API keys; delete or disable them first")
        }
        other => refused(other),
    })?;
    put_in_force(&app).await?;
    Ok(Json(Deleted::DONE))
}
