//! `POST /auth/keys/code`: a code made by a server. OAUTH-5

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::request::{self, AccessRequest};
use crate::api::Refused;
use crate::api::body::Given;
use crate::api::change::refused;
use crate::api::openapi::ErrorAnswer;
use crate::api::session::Management;
use crate::api::time::iso;
use crate::app::App;
use crate::clock::now_micros;

/// What the code is for.
#[derive(Deserialize, ToSchema)]
pub struct CodeRequest {
    /// An `https` address, or any port of localhost.
    callback_url: String,
    code_challenge: Option<String>,
    /// `S256` (unless said) or `plain`.
    code_challenge_method: Option<String>,
    #[schema(max_length = 100)]
    key_label: Option<String>,
    /// USD.
    #[schema(minimum = 0)]
    limit: Option<f64>,
    /// `daily`, `weekly` or `monthly`.
    usage_limit_type: Option<String>,
    #[schema(format = DateTime)]
    expires_at: Option<String>,
    /// Id or slug; the default workspace unless said.
    workspace_id: Option<String>,
}

/// The answer.
#[derive(Serialize, ToSchema)]
pub struct CodeAnswer {
    data: Code,
}

/// A code: it can be exchanged once, for ten minutes. OAUTH-3
#[derive(Serialize, ToSchema)]
pub struct Code {
    /// The code.
    id: String,
    app_id: u32,
    created_at: String,
}

/// Makes a code for a key that is made when the code is exchanged.
#[utoipa::path(
    post,
    path = "/api/v1/auth/keys/code",
    tag = "auth",
    request_body = CodeRequest,
    responses((status = 200, body = CodeAnswer), (status = "4XX", body = ErrorAnswer))
)]
pub async fn create(
    State(app): State<Arc<App>>,
    management: Management,
    Given(given): Given<CodeRequest>,
) -> Result<Json<CodeAnswer>, Refused> {
    let now = now_micros();
    let given = request::Given {
        callback_url: Some(&given.callback_url),
        code_challenge: given.code_challenge.as_deref(),
        code_challenge_method: given.code_challenge_method.as_deref(),
        key_label: given.key_label.as_deref(),
        limit: given.limit,
        usage_limit_type: given.usage_limit_type.as_deref(),
        expires_at: given.expires_at.as_deref(),
        workspace_id: given.workspace_id.as_deref(),
    };
    let asked = AccessRequest::read(given, &app, &management, now).await?;
    let (challenge, actor) = (asked.challenge.as_ref(), management.actor());
    let making = app.store.create_authorization_code(&asked.key, challenge, &actor, now);
    let code = making.await.map_err(refused)?;
    let data = Code {
        id: code.expose().to_owned(),
        app_id: asked.callback.map_or(0, |callback| callback.app_id()),
        created_at: iso(now),
    };
    Ok(Json(CodeAnswer { data }))
}
