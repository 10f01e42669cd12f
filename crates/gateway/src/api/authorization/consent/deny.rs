//! `POST /auth/consent/deny`: the person did not agree.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;

use super::{Consent, ConsentAnswer, ConsentRequest};
use crate::api::Refused;
use crate::api::authorization::request::AccessRequest;
use crate::api::body::Given;
use crate::api::openapi::ErrorAnswer;
use crate::api::session::Management;
use crate::app::App;
use crate::clock::now_micros;

/// Says where to send the browser: back, with `error=access_denied`. Nothing is made.
#[utoipa::path(
    post,
    path = "/api/v1/auth/consent/deny",
    tag = "auth",
    request_body = ConsentRequest,
    responses((status = 200, body = ConsentAnswer), (status = "4XX", body = ErrorAnswer))
)]
pub async fn deny(
    State(app): State<Arc<App>>,
    management: Management,
    Given(given): Given<ConsentRequest>,
) -> Result<Json<ConsentAnswer>, Refused> {
    let asked = AccessRequest::read(given.given(), &app, &management, now_micros()).await?;
    let redirect_url = asked.callback.map(|callback| callback.with("error", "access_denied"));
    Ok(Json(ConsentAnswer { data: Consent { code: None, redirect_url, expires_at: None } }))
}
