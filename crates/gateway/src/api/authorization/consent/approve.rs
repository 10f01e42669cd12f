//! `POST /auth/consent/approve`: the person agreed. OAUTH-3

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::HeaderName;
use http::header::CACHE_CONTROL;
use store::AUTHORIZATION_CODE_LIFE;

use super::{Consent, ConsentAnswer, ConsentRequest};
use crate::api::Refused;
use crate::api::authorization::request::AccessRequest;
use crate::api::body::Given;
use crate::api::change::refused;
use crate::api::openapi::ErrorAnswer;
use crate::api::session::Management;
use crate::api::time::iso;
use crate::app::App;
use crate::clock::now_micros;

/// Makes the code, and says where to send the browser with it.
#[utoipa::path(
    post,
    path = "/api/v1/auth/consent/approve",
    tag = "auth",
    request_body = ConsentRequest,
    responses((status = 200, body = ConsentAnswer), (status = "4XX", body = ErrorAnswer))
)]
pub async fn approve(
    State(app): State<Arc<App>>,
    management: Management,
    Given(given): Given<ConsentRequest>,
) -> Result<([(HeaderName, &'static str); 1], Json<ConsentAnswer>), Refused> {
    let now = now_micros();
    let asked = AccessRequest::read(given.given(), &app, &management, now).await?;
    let (challenge, actor) = (asked.challenge.as_ref(), management.actor());
    let making = app.store.create_authorization_code(&asked.key, challenge, &actor, now);
    let code = making.await.map_err(refused)?;
    let data = Consent {
        redirect_url: asked.callback.map(|callback| callback.with("code", code.expose())),
        code: Some(code.expose().to_owned()),
        expires_at: Some(iso(now.saturating_add(AUTHORIZATION_CODE_LIFE))),
    };
    Ok(([(CACHE_CONTROL, "no-store")], Json(ConsentAnswer { data })))
}
