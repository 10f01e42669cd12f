//! `GET /keys`. KEYS-5

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use protocol::exchange::Fault;
use serde::{Deserialize, Serialize};
use store::{ApiKey, KeyUsage, UsageScope};
use utoipa::{IntoParams, ToSchema};

use super::object::{ManagedKey, People};
use crate::api::Refused;
use crate::api::change::refused;
use crate::api::openapi::ErrorAnswer;
use crate::api::page::{Asked, cursor, number, read_cursor, truth};
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
    /// Our own: `next_cursor` of the page before.
    cursor: Option<String>,
    /// Our own: a part of the name, of the masked key or of the hash.
    search: Option<String>,
    /// Our own: `created` (oldest first), `name`, `spend` (most first), `last_used` (latest first)
    /// or `expires` (soonest first); `created` unless said.
    order: Option<String>,
}

/// The answer.
#[derive(Serialize, ToSchema)]
pub struct ManagedKeys {
    data: Vec<ManagedKey>,
    /// Our own: where the next page starts; `null` at the end.
    next_cursor: Option<String>,
}

/// Lists the keys of a workspace, 100 at a time; to a member its own.
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
    keys.retain(|key| {
        let is_ours = key.account_id == management.account_id();
        !key.is_management && is_ours && is_shown(key.member_id.as_deref())
    });
    if let Some(text) = which.search.as_deref().filter(|text| !text.is_empty()) {
        let text = text.to_lowercase();
        let has = |part: &str| part.to_lowercase().contains(&text);
        keys.retain(|key| has(&key.name) || has(&key.label) || key.hash.starts_with(&text));
    }
    let order = KeyOrder::read(which.order.as_deref())?;
    let now = now_micros();
    let mut spent = HashMap::new();
    if order.is_by_use() {
        spent = app
            .store
            .usage_of_all(UsageScope::Key, now)
            .await
            .map_err(refused)?
            .into_iter()
            .collect();
    }
    order.sort(&mut keys, &spent);
    let after = which.cursor.as_deref().filter(|cursor| !cursor.is_empty());
    let begin = match after.map(read_cursor) {
        None => offset,
        Some(None) => return Err(Fault::invalid(NO_CURSOR).into()),
        // Behind the last key of the page before; if that has gone, where it was.
        Some(Some((place, hash))) => {
            let now = keys.iter().position(|key| key.hash == hash);
            now.map_or(usize::try_from(place).unwrap_or(usize::MAX), |place| place + 1)
        }
    };
    let total = keys.len();
    let keys: Vec<_> = keys.into_iter().skip(begin).take(PAGE).collect();
    let end = begin.saturating_add(keys.len());
    let next_cursor = keys
        .last()
        .filter(|_| end < total)
        .map(|key| cursor(i64::try_from(end - 1).unwrap_or(i64::MAX), &key.hash));
    if !order.is_by_use() {
        let hashes: Vec<&str> = keys.iter().map(|key| key.hash.as_str()).collect();
        spent = app.store.keys_usage(&hashes, now).await.map_err(refused)?;
    }
    let people = People::all(&app).await?;
    let nothing = KeyUsage::default();
    let mut data = Vec::with_capacity(keys.len());
    for key in keys {
        let spent = spent.get(&key.hash).unwrap_or(&nothing);
        data.push(ManagedKey::new(&app, &people, key, spent).await);
    }
    Ok(Json(ManagedKeys { data, next_cursor }))
}

const NO_CURSOR: &str = "cursor: is none that a page before has named";

/// What keys are put in order by; those that are alike, by when they were made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum KeyOrder {
    Created,
    Name,
    Spend,
    LastUsed,
    Expires,
}

impl KeyOrder {
    fn read(word: Option<&str>) -> Result<Self, Fault> {
        Ok(match word {
            None | Some("" | "created") => Self::Created,
            Some("name") => Self::Name,
            Some("spend") => Self::Spend,
            Some("last_used") => Self::LastUsed,
            Some("expires") => Self::Expires,
            Some(_) => {
                let message = "order: must be created, name, spend, last_used or expires";
                return Err(Fault::invalid(message));
            }
        })
    }

    /// Whether it takes what every key has spent.
    fn is_by_use(self) -> bool {
        matches!(self, Self::Spend | Self::LastUsed)
    }

    /// Keys come as they were made, and sorting keeps that.
    fn sort(self, keys: &mut [ApiKey], spent: &HashMap<String, KeyUsage>) {
        let of = |key: &ApiKey| spent.get(&key.hash).copied().unwrap_or_default();
        match self {
            Self::Created => {}
            Self::Name => keys.sort_by_cached_key(|key| key.name.to_lowercase()),
            Self::Spend => keys.sort_by_cached_key(|key| Reverse(of(key).usage.total)),
            Self::LastUsed => keys.sort_by_cached_key(|key| Reverse(of(key).last_day)),
            Self::Expires => keys.sort_by_key(|key| key.expires_at.unwrap_or(i64::MAX)),
        }
    }
}
