//! `POST /byok`. BYOK-1, BYOK-6

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use serde::Deserialize;
use store::NewProviderCredential;
use utoipa::ToSchema;

use super::address;
use super::object::CredentialAnswer;
use super::request::{Written, check_hashes, check_list, check_users, provider, reach, written};
use crate::api::Refused;
use crate::api::body::{Given, check_length, present};
use crate::api::change::{put_in_force, refused};
use crate::api::openapi::ErrorAnswer;
use crate::api::session::Management;
use crate::api::workspaces;
use crate::app::App;
use crate::clock::now_micros;

/// What the credential is to be.
#[derive(Deserialize, ToSchema)]
pub struct CreateCredential {
    /// Slug of the provider.
    provider: String,
    /// The provider's key, or what its form asks for; kept sealed and never shown.
    #[schema(min_length = 1)]
    key: String,
    #[schema(max_length = 255)]
    name: Option<String>,
    disabled: Option<bool>,
    is_fallback: Option<bool>,
    /// Our own: its place among the provider's; the last unless said.
    sort_order: Option<i64>,
    allowed_models: Option<Vec<String>>,
    allowed_api_key_hashes: Option<Vec<String>>,
    allowed_user_ids: Option<Vec<String>>,
    /// Id or slug; the default workspace unless said, everybody's for `null` (our own).
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    workspace_id: Option<Option<String>>,
    /// Our own: where the provider is reached, when not at its usual address.
    base_url: Option<String>,
}

/// Stores a credential, in force for requests that begin afterwards.
#[utoipa::path(
    post,
    path = "/api/v1/byok",
    tag = "byok",
    request_body = CreateCredential,
    responses((status = 201, body = CredentialAnswer), (status = "4XX", body = ErrorAnswer))
)]
pub async fn create(
    State(app): State<Arc<App>>,
    management: Management,
    Given(given): Given<CreateCredential>,
) -> Result<(StatusCode, Json<CredentialAnswer>), Refused> {
    let provider = provider(&app, &given.provider)?;
    let Written { secret, base_url: named, model } = written(&provider, &given.key)?;
    let name = given.name.unwrap_or_default();
    check_length("name", &name, 0, 255)?;
    check_list("allowed_models", given.allowed_models.as_ref())?;
    check_users(&app, &management, given.allowed_user_ids.as_ref()).await?;
    check_hashes(&app, &management, given.allowed_api_key_hashes.as_ref()).await?;
    let workspace_id = match &given.workspace_id {
        Some(None) => None,
        Some(Some(name)) => Some(workspaces::named(&app, &management, Some(name)).await?.id),
        None => Some(workspaces::named(&app, &management, None).await?.id),
    };
    let base_url = given.base_url.filter(|url| !url.is_empty()).or(named);
    reach(&provider, base_url.as_deref(), &secret, workspace_id.is_some())?;
    address::check(&app, &provider, base_url.as_deref()).await?;
    let sort_order = match given.sort_order {
        Some(order) => order,
        None => {
            let before = super::all(&app, &management).await?;
            let orders = before.iter().filter(|row| row.provider == provider.slug);
            orders.map(|row| row.sort_order).max().map_or(0, |last| last.saturating_add(1))
        }
    };
    let new = NewProviderCredential {
        provider: provider.slug,
        name,
        secret,
        workspace_id,
        base_url,
        is_fallback: given.is_fallback.unwrap_or(false),
        sort_order,
        allowed_models: given.allowed_models.or(model.map(|model| vec![model])),
        allowed_key_hashes: given.allowed_api_key_hashes,
        allowed_member_ids: given.allowed_user_ids,
        disabled: given.disabled.unwrap_or(false),
    };
    let actor = management.actor();
    let made = app.store.create_credential(new, &actor, now_micros()).await.map_err(refused)?;
    put_in_force(&app).await?;
    Ok((StatusCode::CREATED, Json(CredentialAnswer { data: made.into() })))
}
