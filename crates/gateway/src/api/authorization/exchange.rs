//! `POST /auth/keys`: a code for a key. Whoever has the code needs no other key. OAUTH-4

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::HeaderName;
use http::header::CACHE_CONTROL;
use protocol::exchange::{ErrorType, Fault};
use serde::{Deserialize, Serialize};
use store::Redemption;
use utoipa::ToSchema;

use super::request::method;
use crate::api::Refused;
use crate::api::body::Given;
use crate::api::change::{put_in_force, refused};
use crate::api::openapi::ErrorAnswer;
use crate::api::session::Origin;
use crate::app::App;
use crate::clock::now_micros;

/// A code and what proves that it was made for the sender.
#[derive(Deserialize, ToSchema)]
pub struct Exchange {
    code: String,
    /// Required if a challenge was given with the request for the code.
    code_verifier: Option<String>,
    /// `S256` or `plain`; where it is said, it must be that of the challenge.
    code_challenge_method: Option<String>,
}

/// The answer: the only one with the key's text.
#[derive(Serialize, ToSchema)]
pub struct ExchangeAnswer {
    key: String,
    user_id: Option<String>,
}

/// Exchanges a code for a key, once.
#[utoipa::path(
    post,
    path = "/api/v1/auth/keys",
    tag = "auth",
    request_body = Exchange,
    responses((status = 200, body = ExchangeAnswer), (status = "4XX", body = ErrorAnswer))
)]
pub async fn exchange(
    State(app): State<Arc<App>>,
    Origin(origin): Origin,
    Given(given): Given<Exchange>,
) -> Result<([(HeaderName, &'static str); 1], Json<ExchangeAnswer>), Refused> {
    let method = given.code_challenge_method.as_deref().map(method).transpose()?;
    let verifier = given.code_verifier.as_deref();
    let redeemed = app
        .store
        .redeem_authorization_code(&given.code, verifier, method, &origin, now_micros())
        .await
        .map_err(refused)?;
    let forbidden = |message: &str| Fault::new(ErrorType::PermissionDenied, message);
    let created = match redeemed {
        Redemption::Key(created) => created,
        Redemption::Refused => return Err(forbidden("Invalid code or code_verifier").into()),
        Redemption::Expired => return Err(forbidden("Authorization code expired").into()),
    };
    // As for every new key: its text is told now or never.
    let _ = put_in_force(&app).await;
    let answer = ExchangeAnswer {
        key: created.plaintext.expose().to_owned(),
        user_id: created.key.member_id.or(created.key.creator),
    };
    Ok(([(CACHE_CONTROL, "no-store")], Json(answer)))
}
