//! `DELETE /invites/{id}`.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use protocol::exchange::{ErrorType, Fault};

use crate::api::change::refused;
use crate::api::openapi::ErrorAnswer;
use crate::api::session::Management;
use crate::api::{Deleted, Refused};
use crate::app::App;
use crate::clock::now_micros;

/// Takes an invitation back: its link is good no more.
#[utoipa::path(
    delete,
    path = "/api/internal/invites/{id}",
    tag = "internal",
    params(("id" = String, Path, description = "The invitation's id")),
    responses((status = 200, body = Deleted), (status = "4XX", body = ErrorAnswer))
)]
pub async fn remove(
    State(app): State<Arc<App>>,
    management: Management,
    id: Result<Path<String>, PathRejection>,
) -> Result<Json<Deleted>, Refused> {
    let Path(id) = id?;
    let actor = management.actor();
    let removing = app.store.remove_invitation(&id, &actor, now_micros());
    match removing.await.map_err(refused)? {
        true => Ok(Json(Deleted::DONE)),
        false => Err(Fault::new(ErrorType::NotFound, "Invitation not found").into()),
    }
}
