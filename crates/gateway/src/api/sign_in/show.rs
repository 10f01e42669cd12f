//! `GET /session`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;

use super::object::{SessionAnswer, session_object};
use crate::api::openapi::ErrorAnswer;
use crate::api::session::Member;
use crate::app::App;

/// Shows who is signed in.
#[utoipa::path(
    get,
    path = "/api/internal/session",
    tag = "internal",
    responses((status = 200, body = SessionAnswer), (status = "4XX", body = ErrorAnswer))
)]
pub async fn show(State(app): State<Arc<App>>, Member(signed_in): Member) -> Json<SessionAnswer> {
    Json(session_object(&app.snapshot(), &signed_in))
}
