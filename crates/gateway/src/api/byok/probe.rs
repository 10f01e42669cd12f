//! `POST /api/internal/byok/test` and `…/byok/{id}/test`: whether a credential works. Our own.

use std::sync::Arc;
use std::time::Instant;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use catalog::Provider;
use protocol::exchange::{ErrorType, Fault};
use serde::{Deserialize, Serialize};
use store::{CredentialTest, Secret, TestState};
use utoipa::ToSchema;

use super::request::{Written, provider, written};
use super::{ENVIRONMENT, address};
use crate::api::Refused;
use crate::api::body::Given;
use crate::api::change::refused;
use crate::api::openapi::ErrorAnswer;
use crate::api::session::Management;
use crate::app::App;
use crate::clock::now_micros;
use crate::control::{AccessError, Reach, reach, reach_stored};
use crate::upstream::{Probe, probe};

/// A credential that is not stored.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TestCredential {
    /// Slug of the provider.
    provider: String,
    #[schema(min_length = 1)]
    key: String,
    /// Where the provider is reached, when not at its usual address.
    base_url: Option<String>,
}

/// What a test found.
#[derive(Serialize, ToSchema)]
pub struct TestAnswer {
    /// `verified`; `rejected`: it is the credential's fault; `unknown`: it could not be told.
    state: &'static str,
    message: String,
    latency_ms: u64,
}

/// Tests a credential before it is stored. Nothing of it is kept.
#[utoipa::path(
    post,
    path = "/api/internal/byok/test",
    tag = "internal",
    request_body = TestCredential,
    responses((status = 200, body = TestAnswer), (status = "4XX", body = ErrorAnswer))
)]
pub async fn unstored(
    State(app): State<Arc<App>>,
    _: Management,
    Given(given): Given<TestCredential>,
) -> Result<Json<TestAnswer>, Refused> {
    let provider = provider(&app, &given.provider)?;
    let Written { secret, base_url: named, .. } = written(&provider, &given.key)?;
    let base_url = given.base_url.as_deref().filter(|url| !url.is_empty()).or(named.as_deref());
    address::check(&app, &provider, base_url).await?;
    let reach = reach_stored(&provider, base_url, &secret, false);
    Ok(Json(ask(&app, &provider, reach).await.1))
}

/// Tests a credential, and keeps what was found.
#[utoipa::path(
    post,
    path = "/api/internal/byok/{id}/test",
    tag = "internal",
    params(("id" = String, Path, description = "The credential's id")),
    responses((status = 200, body = TestAnswer), (status = "4XX", body = ErrorAnswer))
)]
pub async fn stored(
    State(app): State<Arc<App>>,
    management: Management,
    id: Result<Path<String>, PathRejection>,
) -> Result<Json<TestAnswer>, Refused> {
    let Path(id) = id?;
    if let Some(slug) = id.strip_prefix(ENVIRONMENT) {
        let (provider, secret) = of_environment(&app, slug)?;
        let reach = reach(&provider, None, Some(secret));
        return Ok(Json(ask(&app, &provider, reach).await.1));
    }
    let row = super::find(&app, &management, &id).await?;
    let provider = provider(&app, &row.provider)?;
    let secret = app.store.decrypt_credential(&id).await.map_err(refused)?;
    let is_of_workspace = row.workspace_id.is_some();
    let reach = reach_stored(&provider, row.base_url.as_deref(), &secret, is_of_workspace);
    let (state, answer) = ask(&app, &provider, reach).await;
    let test = CredentialTest { state, message: answer.message.clone(), at: now_micros() };
    app.store.put_credential_test(&id, &test).await.map_err(refused)?;
    Ok(Json(answer))
}

fn of_environment<'a>(app: &'a App, slug: &str) -> Result<(Provider, &'a Secret), Fault> {
    let found = app.environment().iter().find(|(provider, _)| provider == slug);
    let (slug, secret) =
        found.ok_or_else(|| Fault::new(ErrorType::NotFound, "Credential not found"))?;
    Ok((provider(app, slug)?, secret))
}

async fn ask(
    app: &App,
    provider: &Provider,
    reach: Result<Reach, AccessError>,
) -> (TestState, TestAnswer) {
    let began = Instant::now();
    let (state, message) = match reach {
        Err(error) => (TestState::Rejected, format!("it cannot be used: {error}")),
        Ok(reach) => match probe(provider, &reach, &app.settings.upstream).await {
            Probe::Accepted(message) => (TestState::Verified, message),
            Probe::Refused(message) => (TestState::Rejected, message),
            Probe::Formed(message) | Probe::Silent(message) | Probe::Unclear(message) => {
                (TestState::Unknown, message)
            }
        },
    };
    let latency_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    (state, TestAnswer { state: state.as_str(), message, latency_ms })
}
