//! `GET /keys`. KEYS-5

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use protocol::exchange::Fault;
use serde::{Deserialize, Serialize};
use store::{ApiKeyFilter, KeyUsage};
use utoipa::{IntoParams, ToSchema};

use super::object::{ManagedKey, People};
use super::pick::{KeyOrder, KeysPage, Last, Start, pick};
use crate::api::Refused;
use crate::api::openapi::ErrorAnswer;
use crate::api::page::{Asked, cursor, number, read_cursor, truth};
use crate::api::session::Management;
use crate::api::workspaces;
use crate::app::App;
use crate::clock::now_micros;

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
    /// Our own: `created` (oldest first), `name`, `spend` (most first), `last_used` (latest first),
    /// `expires` (soonest first) or `limit` (those that have used most of their own limit first, but
    /// before them those that can be used; those without a limit last); `created` unless said.
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
    let include_disabled = truth("include_disabled", which.include_disabled.as_deref())?;
    let workspace = workspaces::named(&app, &management, which.workspace_id.as_deref()).await?;
    let order = KeyOrder::read(which.order.as_deref())?;
    let after = which.cursor.as_deref().filter(|cursor| !cursor.is_empty());
    let start = match after.map(read_cursor) {
        None => Start::At(offset),
        Some(None) => return Err(Fault::invalid(NO_CURSOR).into()),
        Some(Some((place, hash))) => Start::Behind(Last { place, hash }),
    };
    let filter = ApiKeyFilter {
        account_id: management.account_id().to_owned(),
        workspace_id: workspace.id,
        member_id: management.own_only().map(str::to_owned),
        include_disabled,
        is_limited: None,
    };
    let now = now_micros();
    let search = which.search.as_deref().filter(|text| !text.is_empty());
    let KeysPage { keys, spent, last } = pick(&app, filter, search, order, &start, now).await?;
    let next_cursor = last.map(|last| cursor(last.place, &last.hash));
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
