//! `GET /oidc/begin`: sends the browser to the service.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use form_urlencoded::Serializer;
use http::HeaderMap;
use serde::Deserialize;
use utoipa::IntoParams;

use super::attempt::Attempt;
use super::{callback_url, give_up, go_on, service};
use crate::api::Refused;
use crate::api::openapi::ErrorAnswer;
use crate::api::page::Asked;
use crate::app::App;

/// Where to come back to.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Whither {
    /// A page of the gateway's, relative to its address.
    return_to: Option<String>,
}

/// Sends the browser to the sign-on service, or with `?error=` to the page where one signs in.
#[utoipa::path(
    get,
    path = "/api/internal/oidc/begin",
    tag = "internal",
    params(Whither),
    responses(
        (status = 303, description = "Where the browser goes"),
        (status = "4XX", body = ErrorAnswer),
    )
)]
pub async fn begin(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    Asked(whither): Asked<Whither>,
) -> Result<Response, Refused> {
    let service = service(&app)?;
    let found = match service.found().await {
        Ok(found) => found,
        Err(problem) => return Ok(give_up(&app, &problem, Vec::new())?),
    };
    let attempt = Attempt::new(whither.return_to.as_deref())?;
    let query = Serializer::new(String::new())
        .append_pair("response_type", "code")
        .append_pair("client_id", &service.settings().client_id)
        .append_pair("redirect_uri", &callback_url(&app))
        .append_pair("scope", "openid email profile")
        .append_pair("state", &attempt.state())
        .append_pair("nonce", &attempt.nonce())
        .append_pair("code_challenge", &attempt.challenge())
        .append_pair("code_challenge_method", "S256")
        .finish();
    let endpoint = &found.metadata.authorization_endpoint;
    let separator = if endpoint.contains('?') { '&' } else { '?' };
    let cookie = attempt.keep(&app.settings, &headers)?;
    Ok(go_on(&format!("{endpoint}{separator}{query}"), vec![cookie])?)
}
