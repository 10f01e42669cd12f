//! `GET`, `POST /setup`: the first owner, who has the link that `trunkline serve` printed.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use protocol::exchange::{ErrorType, Fault};
use serde::{Deserialize, Serialize};
use store::{Accepted, InvitationKind, Secret, hash_password};
use utoipa::ToSchema;

use super::device::From;
use super::object::SessionAnswer;
use crate::api::Refused;
use crate::api::body::{Given, check_length};
use crate::api::change::refused;
use crate::api::openapi::ErrorAnswer;
use crate::api::session::cookie::check_sign_in;
use crate::app::App;
use crate::clock::now_micros;

/// Whether somebody has to set the gateway up.
#[derive(Serialize, ToSchema)]
pub struct SetupAnswer {
    /// Nobody can sign in yet.
    needed: bool,
    /// A code is asked for, which only the machine's operator has.
    code_required: bool,
}

/// The first owner.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetupRequest {
    /// From the link; `trunkline setup-link` prints another.
    code: String,
    #[schema(max_length = 254)]
    email: String,
    #[schema(min_length = 1, max_length = 255)]
    name: String,
    #[schema(min_length = 10, max_length = 256)]
    password: String,
}

/// Shows whether the gateway has to be set up.
#[utoipa::path(
    get,
    path = "/api/internal/setup",
    tag = "internal",
    responses((status = 200, body = SetupAnswer))
)]
pub async fn show(State(app): State<Arc<App>>) -> Json<SetupAnswer> {
    Json(SetupAnswer { needed: !app.snapshot().people.is_set_up, code_required: true })
}

/// Makes the first owner and signs it in. It can be done once, and never again.
#[utoipa::path(
    post,
    path = "/api/internal/setup",
    tag = "internal",
    request_body = SetupRequest,
    responses((status = 201, body = SessionAnswer), (status = "4XX", body = ErrorAnswer))
)]
pub async fn set_up(
    State(app): State<Arc<App>>,
    From(device): From,
    headers: HeaderMap,
    Given(given): Given<SetupRequest>,
) -> Result<Response, Refused> {
    check_sign_in(&app.settings, &headers)?;
    if app.snapshot().people.is_set_up {
        return Err(closed().into());
    }
    check_length("email", &given.email, 1, 254)?;
    check_length("name", given.name.trim(), 1, 255)?;
    let now = now_micros();
    let link = app.store.invitation(&given.code, now).await.map_err(refused)?;
    // Before the work that a password takes.
    if link.is_none_or(|link| link.kind != InvitationKind::Setup) {
        return Err(wrong_code().into());
    }
    let hash = hash_password(Secret::new(given.password)).await.map_err(refused)?;
    let who = (given.email.as_str(), given.name.trim());
    let accepting = app.store.accept_invitation(&given.code, who, &hash, &device, now);
    match accepting.await.map_err(refused)? {
        Accepted::SignedIn(_, created) => {
            Ok(super::signed_in(&app, &headers, StatusCode::CREATED, &created).await?)
        }
        // Somebody was quicker.
        Accepted::Gone => Err(closed().into()),
    }
}

fn closed() -> Fault {
    let message = "The gateway is set up: sign in, or ask an owner for an invitation";
    Fault::new(ErrorType::InvalidRequest, message).with_status(StatusCode::CONFLICT.as_u16())
}

fn wrong_code() -> Fault {
    let message = "code: is not valid, or not any more; `trunkline setup-link` prints another";
    Fault::new(ErrorType::PermissionDenied, message)
}
