//! `POST /keys`. KEYS-4

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::header::CACHE_CONTROL;
use http::{HeaderName, StatusCode};
use protocol::exchange::Fault;
use serde::{Deserialize, Serialize};
use store::{KeyUsage, LimitReset, NewApiKey};
use utoipa::ToSchema;

use super::object::{ManagedKey, People};
use super::rates::KeyRateLimitRequest;
use crate::api::Refused;
use crate::api::body::Given;
use crate::api::change::{put_in_force, refused};
use crate::api::money::limit_nano_usd;
use crate::api::openapi::ErrorAnswer;
use crate::api::session::Management;
use crate::api::time::utc_micros;
use crate::api::workspaces;
use crate::app::App;
use crate::clock::now_micros;

/// What the key is to be. KEYS-4
#[derive(Deserialize, ToSchema)]
pub struct CreateKey {
    #[schema(min_length = 1, max_length = 255)]
    name: String,
    /// USD; `null` is no limit.
    #[schema(minimum = 0)]
    limit: Option<f64>,
    /// `daily`, `weekly`, `monthly`, or `null`: the key's lifetime.
    #[schema(value_type = Option<String>)]
    limit_reset: Option<LimitReset>,
    #[serde(default)]
    include_byok_in_limit: Option<bool>,
    /// Our own; `null`: as the settings say for every key.
    rate_limit: Option<KeyRateLimitRequest>,
    /// Our own: requests that may run at once; `null`: as the settings say, 0: no limit.
    #[schema(minimum = 0, maximum = 1_000_000_000)]
    concurrency: Option<i64>,
    /// A moment to come, in UTC.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
    /// The member the key is for, whose limits apply; by session, the one signed in unless said.
    creator_user_id: Option<String>,
    /// Id or slug; the default workspace unless said.
    workspace_id: Option<String>,
}

/// The answer: the only one with the key's text. AUTH-5
#[derive(Serialize, ToSchema)]
pub struct CreatedKeyAnswer {
    pub(super) data: ManagedKey,
    pub(super) key: String,
}

/// Makes a key.
#[utoipa::path(
    post,
    path = "/api/v1/keys",
    tag = "keys",
    request_body = CreateKey,
    responses((status = 201, body = CreatedKeyAnswer), (status = "4XX", body = ErrorAnswer))
)]
pub async fn create(
    State(app): State<Arc<App>>,
    management: Management,
    Given(given): Given<CreateKey>,
) -> Result<(StatusCode, [(HeaderName, &'static str); 1], Json<CreatedKeyAnswer>), Refused> {
    let now = now_micros();
    management.check_may_set_rates(given.rate_limit.is_some() || given.concurrency.is_some())?;
    let limit = given.limit.map(|limit| limit_nano_usd("limit", limit)).transpose()?;
    let expires_at = expiry(given.expires_at.as_deref(), now)?;
    let workspace = workspaces::named(&app, &management, given.workspace_id.as_deref()).await?;
    if let Some(id) = &given.creator_user_id {
        management.check_own(id)?;
        check_member(&app, &management, id).await?;
    }
    let (member, creator) = match given.creator_user_id {
        Some(id) => (Some(id.clone()), Some(id)),
        // Without a word, a person makes keys of its own, and an admin's management key nobody's.
        None => {
            let own = management.owner_of_new_keys().map(str::to_owned);
            (own.clone(), own)
        }
    };
    let new = NewApiKey {
        name: given.name,
        workspace_id: Some(workspace.id),
        creator,
        member_id: member,
        limit_nano_usd: limit,
        limit_reset: given.limit_reset,
        include_byok_in_limit: given.include_byok_in_limit.unwrap_or(false),
        rates: given.rate_limit.unwrap_or_default().rates(given.concurrency),
        expires_at,
        is_management: false,
        origin: None,
    };
    let people = People::all(&app).await?;
    let created = app.store.create_api_key(new, &management.actor(), now).await.map_err(refused)?;
    // The key is told even if it cannot be put in force at once: nobody could learn it later. The
    // failure is in the log.
    let _ = put_in_force(&app).await;
    let answer = CreatedKeyAnswer {
        data: ManagedKey::new(&app, &people, created.key, &KeyUsage::default()).await,
        key: created.plaintext.expose().to_owned(),
    };
    Ok((StatusCode::CREATED, [(CACHE_CONTROL, "no-store")], Json(answer)))
}

/// The moment from which a key is refused; it must be one to come.
pub fn expiry(text: Option<&str>, now: i64) -> Result<Option<i64>, Fault> {
    let Some(text) = text else { return Ok(None) };
    let moment = utc_micros("expires_at", text)?;
    if moment <= now {
        return Err(Fault::invalid("expires_at: lies in the past"));
    }
    Ok(Some(moment))
}

async fn check_member(app: &App, management: &Management, id: &str) -> Result<(), Fault> {
    let members = app.store.members().await.map_err(refused)?;
    let is_known = members
        .iter()
        .any(|member| member.id == id && member.account_id == management.account_id());
    if is_known {
        return Ok(());
    }
    Err(Fault::invalid("creator_user_id: the organization has no such member"))
}
