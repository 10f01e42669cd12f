//! `POST /members/{id}/reset`.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use http::HeaderName;
use http::header::CACHE_CONTROL;
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::Refused;
use crate::api::change::refused;
use crate::api::openapi::ErrorAnswer;
use crate::api::organization::members;
use crate::api::session::Management;
use crate::api::time::iso;
use crate::app::App;
use crate::clock::now_micros;
use crate::pages::secret_link;

/// A link to set a password anew.
#[derive(Serialize, ToSchema)]
pub struct ResetAnswer {
    url: String,
    expires_at: String,
}

/// Makes a link by which a member sets its password anew; it takes the place of earlier ones.
/// Nobody is written to: send it yourself. It is good once, for 24 hours.
#[utoipa::path(
    post,
    path = "/api/internal/members/{id}/reset",
    tag = "internal",
    params(("id" = String, Path, description = "The member's id")),
    responses((status = 200, body = ResetAnswer), (status = "4XX", body = ErrorAnswer))
)]
pub async fn reset(
    State(app): State<Arc<App>>,
    management: Management,
    id: Result<Path<String>, PathRejection>,
) -> Result<([(HeaderName, &'static str); 1], Json<ResetAnswer>), Refused> {
    let Path(id) = id?;
    let member = members::find(&app, &management, &id).await?;
    // Whoever has the link becomes that member.
    management.check_may_make(member.role)?;
    let actor = management.actor();
    let made = app.store.create_reset(&id, &actor, now_micros()).await.map_err(refused)?;
    let url = secret_link(&app.settings.public_url, made.invitation.kind, made.token.expose());
    let answer = ResetAnswer { url, expires_at: iso(made.invitation.expires_at) };
    Ok(([(CACHE_CONTROL, "no-store")], Json(answer)))
}
