//! `PATCH /byok/{id}`. BYOK-6, BYOK-10

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use protocol::exchange::Fault;
use serde::Deserialize;
use store::CredentialChange;
use utoipa::ToSchema;

use super::address;
use super::object::CredentialAnswer;
use super::request::{check_hashes, check_list, check_users, provider, reach, written};
use crate::api::Refused;
use crate::api::body::{Given, check_length, present};
use crate::api::change::{put_in_force, refused};
use crate::api::openapi::ErrorAnswer;
use crate::api::session::Management;
use crate::app::App;
use crate::clock::now_micros;

/// What is to be changed; what is absent stays, `null` clears.
#[derive(Deserialize, ToSchema)]
pub struct UpdateCredential {
    /// A new secret in place of the old one, which is overwritten.
    #[schema(min_length = 1)]
    key: Option<String>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, max_length = 255)]
    name: Option<Option<String>>,
    disabled: Option<bool>,
    is_fallback: Option<bool>,
    /// Our own: its place among the provider's.
    sort_order: Option<i64>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<Vec<String>>)]
    allowed_models: Option<Option<Vec<String>>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<Vec<String>>)]
    allowed_api_key_hashes: Option<Option<Vec<String>>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<Vec<String>>)]
    allowed_user_ids: Option<Option<Vec<String>>>,
    /// Our own: where the provider is reached; `null`: at its usual address. Another one is taken
    /// only with `key`.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    base_url: Option<Option<String>>,
}

/// Changes a credential. The same secret cannot be told from a new one: what a test found is
/// forgotten with each that is sent.
#[utoipa::path(
    patch,
    path = "/api/v1/byok/{id}",
    tag = "byok",
    params(("id" = String, Path, description = "The credential's id")),
    request_body = UpdateCredential,
    responses((status = 200, body = CredentialAnswer), (status = "4XX", body = ErrorAnswer))
)]
pub async fn update(
    State(app): State<Arc<App>>,
    management: Management,
    id: Result<Path<String>, PathRejection>,
    Given(given): Given<UpdateCredential>,
) -> Result<Json<CredentialAnswer>, Refused> {
    let Path(id) = id?;
    super::check_stored(&id)?;
    let before = super::find(&app, &management, &id).await?;
    let name = given.name.map(Option::unwrap_or_default);
    check_length("name", name.as_deref().unwrap_or_default(), 0, 255)?;
    check_list("allowed_models", given.allowed_models.as_ref().and_then(Option::as_ref))?;
    let users = given.allowed_user_ids.as_ref().and_then(Option::as_ref);
    check_users(&app, &management, users).await?;
    let hashes = given.allowed_api_key_hashes.as_ref().and_then(Option::as_ref);
    check_hashes(&app, &management, hashes).await?;
    let read = |key: &str| written(&provider(&app, &before.provider)?, key);
    let new = given.key.as_deref().map(read).transpose()?;
    let (new_secret, named, model) = match new {
        Some(new) => (Some(new.secret), new.base_url, new.model),
        None => (None, None, None),
    };
    let base_url = given.base_url.map(|url| url.filter(|url| !url.is_empty()));
    let base_url = base_url.or(named.map(Some));
    // Otherwise whoever may change it could have the stored secret sent to an address of its own.
    if new_secret.is_none() && base_url.as_ref().is_some_and(|url| *url != before.base_url) {
        let message = "base_url: another address needs the secret again; send key with it";
        return Err(Fault::invalid(message).into());
    }
    if new_secret.is_some() || base_url.is_some() {
        let provider = provider(&app, &before.provider)?;
        let secret = match &new_secret {
            Some(secret) => secret.clone(),
            None => app.store.decrypt_credential(&id).await.map_err(refused)?,
        };
        let url = base_url.as_ref().unwrap_or(&before.base_url);
        reach(&provider, url.as_deref(), &secret, before.workspace_id.is_some())?;
        // What stands there may be what the operator gave at the machine.
        if *url != before.base_url {
            address::check(&app, &provider, url.as_deref()).await?;
        }
    }
    let changes = CredentialChange {
        name,
        secret: new_secret,
        base_url,
        is_fallback: given.is_fallback,
        sort_order: given.sort_order,
        allowed_models: given.allowed_models.or(model.map(|model| Some(vec![model]))),
        allowed_key_hashes: given.allowed_api_key_hashes,
        allowed_member_ids: given.allowed_user_ids,
        disabled: given.disabled,
    };
    let (actor, now) = (management.actor(), now_micros());
    let changed = app.store.update_credential(&id, changes, &actor, now).await.map_err(refused)?;
    put_in_force(&app).await?;
    Ok(Json(CredentialAnswer { data: changed.into() }))
}
