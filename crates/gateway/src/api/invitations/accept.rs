//! `POST /invites/accept`: somebody follows a link.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use store::{Accepted, InvitationKind, Secret, hash_password};
use utoipa::ToSchema;

use crate::api::Refused;
use crate::api::body::{Given, check_length};
use crate::api::change::refused;
use crate::api::openapi::ErrorAnswer;
use crate::api::session::cookie::check_sign_in;
use crate::api::sign_in;
use crate::api::sign_in::device::From;
use crate::api::sign_in::object::SessionAnswer;
use crate::app::App;
use crate::clock::now_micros;

/// Which link, and who the person is.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AcceptRequest {
    /// What follows the `#` of the link.
    #[schema(max_length = 128)]
    secret: String,
    /// Not needed where only a password is set.
    #[serde(default)]
    #[schema(max_length = 255)]
    name: String,
    #[schema(min_length = 10, max_length = 256)]
    password: String,
}

/// Follows a link, once: makes the member, or sets its password anew and ends all its sessions, and
/// signs it in.
#[utoipa::path(
    post,
    path = "/api/internal/invites/accept",
    tag = "internal",
    request_body = AcceptRequest,
    responses((status = 200, body = SessionAnswer), (status = "4XX", body = ErrorAnswer))
)]
pub async fn accept(
    State(app): State<Arc<App>>,
    From(device): From,
    headers: HeaderMap,
    Given(given): Given<AcceptRequest>,
) -> Result<Response, Refused> {
    check_sign_in(&app.settings, &headers)?;
    // Before the work that a password takes.
    let link = super::find(&app, &given.secret).await?;
    let name = given.name.trim();
    check_length("name", name, usize::from(link.kind == InvitationKind::Invite), 255)?;
    let hash = hash_password(Secret::new(given.password)).await.map_err(refused)?;
    let accepting =
        app.store.accept_invitation(&given.secret, ("", name), &hash, &device, now_micros());
    match accepting.await.map_err(refused)? {
        Accepted::SignedIn(_, created) => {
            Ok(sign_in::signed_in(&app, &headers, StatusCode::OK, &created).await?)
        }
        Accepted::Gone => Err(super::gone().into()),
    }
}
