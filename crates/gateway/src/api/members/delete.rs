//! `DELETE /members/{id}`.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use http::StatusCode;
use protocol::exchange::{ErrorType, Fault};

use crate::api::openapi::ErrorAnswer;
use crate::api::organization::members::{self, Removal};
use crate::api::session::Management;
use crate::api::{Deleted, Refused};
use crate::app::App;

/// Removes a member from the account and from all workspaces, and signs it out. Refused for the
/// last owner, and with 409 while the member has keys in use, which the message names.
#[utoipa::path(
    delete,
    path = "/api/internal/members/{id}",
    tag = "internal",
    params(("id" = String, Path, description = "The member's id")),
    responses((status = 200, body = Deleted), (status = "4XX", body = ErrorAnswer))
)]
pub async fn delete(
    State(app): State<Arc<App>>,
    management: Management,
    id: Result<Path<String>, PathRejection>,
) -> Result<Json<Deleted>, Refused> {
    let Path(id) = id?;
    match members::remove(&app, &management, &id).await? {
        Removal::Done => Ok(Json(Deleted::DONE)),
        Removal::KeysInUse(names) => {
            let message =
                format!("The member has keys in use: {names}. Delete or disable them first",);
            let fault = Fault::new(ErrorType::InvalidRequest, message);
            Err(fault.with_status(StatusCode::CONFLICT.as_u16()).into())
        }
    }
}
