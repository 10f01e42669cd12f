//! Names of keys by their hashes; `POST /api/internal/keys/names`, our own.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use protocol::exchange::Fault;
use serde::{Deserialize, Serialize};
use store::StoreError;
use utoipa::ToSchema;

use crate::api::Refused;
use crate::api::body::Given;
use crate::api::change::refused;
use crate::api::openapi::ErrorAnswer;
use crate::api::session::Management;
use crate::app::App;

/// The most keys that are named at once: as many as an answer of analytics has rows.
const MOST: usize = 1_000;

/// Which keys.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WhichKeys {
    /// Their hashes.
    #[schema(max_items = 1000)]
    hashes: Vec<String>,
}

/// The answer.
#[derive(Serialize, ToSchema)]
pub struct KeyNames {
    /// Names by hash. A key that is not the account's, or that the caller may not see, is not there.
    data: BTreeMap<String, String>,
}

/// Tells the names of keys, of those that are deleted too; to a member only its own.
#[utoipa::path(
    post,
    path = "/api/internal/keys/names",
    tag = "internal",
    request_body = WhichKeys,
    responses((status = 200, body = KeyNames), (status = "4XX", body = ErrorAnswer))
)]
pub async fn tell(
    State(app): State<Arc<App>>,
    management: Management,
    Given(which): Given<WhichKeys>,
) -> Result<Json<KeyNames>, Refused> {
    if which.hashes.len() > MOST {
        return Err(Fault::invalid(format!("hashes: must be at most {MOST}")).into());
    }
    let account = management.account_id();
    let hashes = which.hashes.iter().map(String::as_str);
    let found = match management.own_only() {
        Some(own) => app.store.api_key_names(account, Some(own), &hashes.collect::<Vec<_>>()).await,
        None => names(&app, account, hashes).await,
    };
    let found = found.map_err(refused)?;
    Ok(Json(KeyNames { data: found.into_iter().collect() }))
}

/// The names of some keys of an account, of those that are deleted too.
pub async fn names<'h>(
    app: &App,
    account: &str,
    hashes: impl Iterator<Item = &'h str>,
) -> Result<HashMap<String, String>, StoreError> {
    let snapshot = app.snapshot();
    let mut names = HashMap::new();
    let mut missing = HashSet::new();
    for hash in hashes.filter(|hash| !hash.is_empty()) {
        if names.contains_key(hash) {
            continue;
        }
        match snapshot.caller_of(hash).filter(|caller| &*caller.account_id == account) {
            Some(caller) => {
                names.insert(hash.to_owned(), caller.name.clone());
            }
            None => {
                missing.insert(hash);
            }
        }
    }
    if !missing.is_empty() {
        let missing: Vec<&str> = missing.into_iter().collect();
        names.extend(app.store.api_key_names(account, None, &missing).await?);
    }
    Ok(names)
}
