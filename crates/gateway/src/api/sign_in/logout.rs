//! `POST /logout`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::header::SET_COOKIE;
use http::{HeaderMap, Method};
use store::{Actor, ActorKind};

use super::device::From;
use crate::api::change::{put_in_force, refused};
use crate::api::openapi::ErrorAnswer;
use crate::api::session::cookie;
use crate::api::{Deleted, Refused};
use crate::app::App;
use crate::clock::now_micros;

/// Ends the session, and makes the browser forget it. Whoever has none is signed out already.
#[utoipa::path(
    post,
    path = "/api/internal/logout",
    tag = "internal",
    responses((status = 200, body = Deleted), (status = "4XX", body = ErrorAnswer))
)]
pub async fn log_out(
    State(app): State<Arc<App>>,
    From(device): From,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let now = now_micros();
    if let Ok(signed_in) = cookie::signed_in(&headers, &app.snapshot(), now) {
        cookie::check_source(&Method::POST, &headers)?;
        let (member, session) = (&signed_in.member.id, &signed_in.session.id);
        let actor = Actor { kind: ActorKind::Member, id: member.clone(), origin: device.address };
        app.store.end_session(member, session, &actor, now).await.map_err(refused)?;
        put_in_force(&app).await?;
    }
    let mut response = Json(Deleted::DONE).into_response();
    response.headers_mut().insert(SET_COOKIE, cookie::forget(&app.settings, &headers)?);
    Ok(response)
}
