//! `POST /invites`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::header::CACHE_CONTROL;
use http::{HeaderName, StatusCode};
use serde::Deserialize;
use store::MemberRole;
use utoipa::ToSchema;

use super::{InvitationObject, RoleWord};
use crate::api::Refused;
use crate::api::body::{Given, check_length};
use crate::api::change::refused;
use crate::api::openapi::ErrorAnswer;
use crate::api::session::Management;
use crate::app::App;
use crate::clock::now_micros;
use crate::pages::secret_link;

/// Who is invited.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InviteRequest {
    #[schema(max_length = 254)]
    email: String,
    role: RoleWord,
}

/// Makes a link by which somebody becomes a member; it takes the place of earlier ones for the
/// address. Nobody is written to: send it yourself. It is good once, for seven days.
#[utoipa::path(
    post,
    path = "/api/internal/invites",
    tag = "internal",
    request_body = InviteRequest,
    responses((status = 201, body = InvitationObject), (status = "4XX", body = ErrorAnswer))
)]
pub async fn create(
    State(app): State<Arc<App>>,
    management: Management,
    Given(given): Given<InviteRequest>,
) -> Result<(StatusCode, [(HeaderName, &'static str); 1], Json<InvitationObject>), Refused> {
    check_length("email", &given.email, 1, 254)?;
    let role = MemberRole::from(given.role);
    management.check_may_make(role)?;
    let (actor, now) = (management.actor(), now_micros());
    let made = app.store.invite(&given.email, role, &actor, now).await.map_err(refused)?;
    let url = secret_link(&app.settings.public_url, made.invitation.kind, made.token.expose());
    let object = InvitationObject::new(made.invitation, Some(url));
    Ok((StatusCode::CREATED, [(CACHE_CONTROL, "no-store")], Json(object)))
}
