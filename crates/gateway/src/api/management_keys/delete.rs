//! `DELETE /api/internal/management-keys/{hash}`.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use protocol::exchange::{ErrorType, Fault};

use crate::api::change::{put_in_force, refused};
use crate::api::openapi::ErrorAnswer;
use crate::api::session::Management;
use crate::api::{Deleted, Refused};
use crate::app::App;
use crate::clock::now_micros;

/// Revokes a management key for good. None revokes itself: by mistake it would lock out whoever
/// has no other.
#[utoipa::path(
    delete,
    path = "/api/internal/management-keys/{hash}",
    tag = "internal",
    params(("hash" = String, Path, description = "The key's hash")),
    responses((status = 200, body = Deleted), (status = "4XX", body = ErrorAnswer))
)]
pub async fn delete(
    State(app): State<Arc<App>>,
    management: Management,
    hash: Result<Path<String>, PathRejection>,
) -> Result<Json<Deleted>, Refused> {
    let Path(hash) = hash?;
    let found = app.store.api_key(&hash).await.map_err(refused)?;
    found
        .filter(|key| key.account_id == management.account_id() && key.is_management)
        .ok_or_else(|| Fault::new(ErrorType::NotFound, "Management key not found"))?;
    let actor = management.actor();
    if hash == actor.id {
        let message = "A management key does not revoke itself: use another, or \
                       `trunkline key revoke` on the machine";
        return Err(Fault::invalid(message).with_status(409).into());
    }
    app.store.delete_api_key(&hash, &actor, now_micros()).await.map_err(refused)?;
    put_in_force(&app).await?;
    Ok(Json(Deleted::DONE))
}
