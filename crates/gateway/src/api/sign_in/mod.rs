//! How people sign in and out, and what they see of themselves. Our own: what belongs to the pages
//! that the gateway serves.

pub mod device;
mod failure;
pub mod lockout;
pub mod login;
pub mod logout;
pub mod object;
pub mod profile;
pub mod sessions;
pub mod setup;
pub mod show;
pub mod ways;

use std::sync::Arc;

use axum::Json;
use axum::Router;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{delete, get, patch, post};
use http::header::{CACHE_CONTROL, SET_COOKIE};
use http::{HeaderMap, HeaderValue, StatusCode};
use protocol::exchange::Fault;
use store::CreatedSession;

use self::object::{SessionAnswer, session_object};
use super::change::put_in_force;
use super::session::cookie;
use crate::app::App;
use crate::error::internal;

/// The routes, below `/api/internal`.
pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/setup", get(setup::show).post(setup::set_up))
        .route("/sign-in", get(ways::show))
        .route("/login", post(login::log_in))
        .route("/logout", post(logout::log_out))
        .route("/session", get(show::show))
        .route("/profile", patch(profile::change))
        .route("/sessions", get(sessions::list))
        .route("/sessions/{id}", delete(sessions::end))
}

/// Puts a session in force and tells the browser to keep it.
pub async fn signed_in(
    app: &App,
    headers: &HeaderMap,
    status: StatusCode,
    created: &CreatedSession,
) -> Result<Response, Fault> {
    put_in_force(app).await?;
    let snapshot = app.snapshot();
    let mut signed_in = snapshot.people.sessions.values();
    let signed_in = signed_in
        .find(|signed_in| signed_in.session.id == created.session.id)
        .ok_or_else(|| internal("a session that was just begun is not in force"))?;
    let answer: SessionAnswer = session_object(&snapshot, signed_in);
    let mut response = (status, Json(answer)).into_response();
    let cookie = cookie::keep(created.token.expose(), &app.settings, headers)?;
    response.headers_mut().insert(SET_COOKIE, cookie);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}
