//! `PATCH /keys/{hash}`. KEYS-6

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use protocol::exchange::{ErrorType, Fault};
use serde::Deserialize;
use store::{ApiKeyChange, LimitReset};
use utoipa::ToSchema;

use super::object::{ManagedKey, ManagedKeyAnswer, People};
use super::rates::{self, KeyRateLimitRequest};
use crate::api::Refused;
use crate::api::body::{Given, present};
use crate::api::change::{put_in_force, refused};
use crate::api::money::limit_nano_usd;
use crate::api::openapi::ErrorAnswer;
use crate::api::session::Management;
use crate::api::workspaces;
use crate::app::App;
use crate::clock::now_micros;

/// What is to be changed; what is absent stays.
#[derive(Deserialize, ToSchema)]
pub struct UpdateKey {
    #[schema(min_length = 1, max_length = 255)]
    name: Option<String>,
    disabled: Option<bool>,
    /// USD; `null` takes the limit away.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<f64>, minimum = 0)]
    limit: Option<Option<f64>>,
    /// `daily`, `weekly`, `monthly`, or `null`: the key's lifetime.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    limit_reset: Option<Option<LimitReset>>,
    include_byok_in_limit: Option<bool>,
    /// Our own; `null` for what the settings say.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<KeyRateLimitRequest>)]
    rate_limit: Option<Option<KeyRateLimitRequest>>,
    /// Our own: requests that may run at once; `null`: as the settings say, 0: no limit.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<i64>, minimum = 0, maximum = 1_000_000_000)]
    concurrency: Option<Option<i64>>,
}

/// Changes a key.
#[utoipa::path(
    patch,
    path = "/api/v1/keys/{hash}",
    tag = "keys",
    params(("hash" = String, Path, description = "The key's hash")),
    request_body = UpdateKey,
    responses((status = 200, body = ManagedKeyAnswer), (status = "4XX", body = ErrorAnswer))
)]
pub async fn update(
    State(app): State<Arc<App>>,
    management: Management,
    hash: Result<Path<String>, PathRejection>,
    Given(given): Given<UpdateKey>,
) -> Result<Json<ManagedKeyAnswer>, Refused> {
    let Path(hash) = hash?;
    let now = now_micros();
    management.check_may_set_rates(given.rate_limit.is_some() || given.concurrency.is_some())?;
    let limit = match given.limit {
        Some(Some(limit)) => Some(Some(limit_nano_usd("limit", limit)?)),
        Some(None) => Some(None),
        None => None,
    };
    let found = super::find(&app, &management, &hash).await?;
    if found.disabled && given.disabled == Some(false) {
        // Who was taken out of a workspace makes no keys there, and so switches none on.
        workspaces::named(&app, &management, Some(&found.workspace_id)).await.map_err(|_| {
            let message = "You are not in the workspace of this key any more: it stays disabled";
            Fault::new(ErrorType::PermissionDenied, message)
        })?;
    }
    let hash = found.hash;
    let mut changes = ApiKeyChange {
        name: given.name,
        disabled: given.disabled,
        limit_nano_usd: limit,
        limit_reset: given.limit_reset,
        include_byok_in_limit: given.include_byok_in_limit,
        ..ApiKeyChange::default()
    };
    rates::change(&mut changes, given.rate_limit, given.concurrency);
    let actor = management.actor();
    let key = app.store.update_api_key(&hash, changes, &actor, now).await.map_err(refused)?;
    put_in_force(&app).await?;
    let spent = app.store.key_usage(&key.hash, now).await.map_err(refused)?;
    let people = People::all(&app).await?;
    let data = ManagedKey::new(&app, &people, key, &spent).await;
    Ok(Json(ManagedKeyAnswer { data }))
}
