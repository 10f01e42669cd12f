//! `GET /auth/consent`: what an application asks for.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use store::LimitReset;
use utoipa::ToSchema;

use super::ConsentRequest;
use crate::api::Refused;
use crate::api::authorization::request::AccessRequest;
use crate::api::money::Usd;
use crate::api::openapi::ErrorAnswer;
use crate::api::page::Asked;
use crate::api::session::Management;
use crate::api::time::iso;
use crate::app::App;
use crate::clock::now_micros;

/// The answer.
#[derive(Serialize, ToSchema)]
pub struct RequestAnswer {
    data: RequestObject,
}

/// What a person is to agree to.
#[derive(Serialize, ToSchema)]
pub struct RequestObject {
    /// The host the code goes to; `null` where the person copies it.
    application: Option<String>,
    app_id: Option<u32>,
    callback_url: Option<String>,
    /// `S256`, `plain`, or `null` without a challenge.
    code_challenge_method: Option<&'static str>,
    key_label: String,
    #[schema(value_type = Option<f64>)]
    limit: Option<Usd>,
    usage_limit_type: Option<&'static str>,
    expires_at: Option<String>,
    workspace_id: Option<String>,
}

/// Shows what an application asks for, or why it cannot be granted.
#[utoipa::path(
    get,
    path = "/api/v1/auth/consent",
    tag = "auth",
    params(ConsentRequest),
    responses((status = 200, body = RequestAnswer), (status = "4XX", body = ErrorAnswer))
)]
pub async fn show(
    State(app): State<Arc<App>>,
    management: Management,
    Asked(given): Asked<ConsentRequest>,
) -> Result<Json<RequestAnswer>, Refused> {
    let asked = AccessRequest::read(given.given(), &app, &management, now_micros()).await?;
    let (callback, key) = (asked.callback, asked.key);
    let data = RequestObject {
        application: callback.as_ref().map(|callback| callback.application().to_owned()),
        app_id: callback.as_ref().map(|callback| callback.app_id()),
        callback_url: callback.as_ref().map(|callback| callback.url().to_owned()),
        code_challenge_method: asked.challenge.map(|challenge| challenge.method.as_str()),
        key_label: key.name,
        limit: key.limit_nano_usd.map(Usd),
        usage_limit_type: key.limit_reset.map(LimitReset::as_str),
        expires_at: key.expires_at.map(iso),
        workspace_id: key.workspace_id,
    };
    Ok(Json(RequestAnswer { data }))
}
