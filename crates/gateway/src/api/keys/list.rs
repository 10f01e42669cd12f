//! `GET /keys`. KEYS-5

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use store::KeyUsage;
use utoipa::{IntoParams, ToSchema};

use super::object::ManagedKey;
use crate::api::Refused;
use crate::api::change::refused;
use crate::api::openapi::ErrorAnswer;
use crate::api::page::{Asked, number, truth};
use crate::api::session::Management;
use crate::api::workspaces;
use crate::app::App;
use crate::clock::now_micros;

/// So many keys are a page. API-7
const PAGE: usize = 100;

/// Which keys.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Which {
    /// How many to pass over.
    #[param(value_type = Option<u64>)]
    offset: Option<String>,
    /// Whether disabled keys are listed as well.
    #[param(value_type = Option<bool>)]
    include_disabled: Option<String>,
    /// Id or slug of the workspace; the default one unless said.
    workspace_id: Option<String>,
}

/// The answer.
#[derive(Serialize, ToSchema)]
pub struct ManagedKeys {
    data: Vec<ManagedKey>,
}

/// Lists the keys of a workspace, oldest first, 100 at a time; to a member its own.
#[utoipa::path(
    get,
    path = "/api/v1/keys",
    tag = "keys",
    params(Which),
    responses((status = 200, body = ManagedKeys), (status = "4XX", body = ErrorAnswer))
)]
pub async fn list(
    State(app): State<Arc<App>>,
    management: Management,
    Asked(which): Asked<Which>,
) -> Result<Json<ManagedKeys>, Refused> {
    let offset = number("offset", which.offset.as_deref(), 0, u64::MAX)?.unwrap_or(0);
    let offset = usize::try_from(offset).unwrap_or(usize::MAX);
    let disabled = truth("include_disabled", which.include_disabled.as_deref())?;
    let workspace = workspaces::named(&app, &management, which.workspace_id.as_deref()).await?;
    let mut keys = app.store.api_keys(disabled, Some(&workspace.id)).await.map_err(refused)?;
    let own = management.own_only();
    let is_shown = |member: Option<&str>| own.is_none_or(|own| member == Some(own));
    keys.retain(|key| !key.is_management && is_shown(key.member_id.as_deref()));
    let keys: Vec<_> = keys.into_iter().skip(offset).take(PAGE).collect();
    let hashes: Vec<&str> = keys.iter().map(|key| key.hash.as_str()).collect();
    let spent = app.store.keys_usage(&hashes, now_micros()).await.map_err(refused)?;
    let nothing = KeyUsage::default();
    let data = keys
        .into_iter()
        .map(|key| {
            let spent = spent.get(&key.hash).unwrap_or(&nothing);
            ManagedKey::new(key, spent)
        })
        .collect();
    Ok(Json(ManagedKeys { data }))
}
