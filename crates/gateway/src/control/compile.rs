//! From rows to a snapshot.

use std::collections::HashMap;
use std::sync::Arc;

use catalog::{Availability, Catalog};
use ledger::Spenders;
use routing::health::HealthTable;
use sha2::{Digest as _, Sha256};
use store::{ControlState, KeyOrigin, Secret};

use super::limits::{Running, TermsSource};
use super::people::People;
use super::rules::Rules;
use super::snapshot::{Caller, EndpointState, Snapshot};
use super::ways::Ways;

/// What a snapshot is made of, beside the store's rows.
pub struct ControlSources {
    /// Keys of providers found in the environment: (provider's slug, key). The operator's own.
    pub environment: Vec<(String, Secret)>,
    /// Builds the catalogue from the overlay documents of the store.
    pub catalog: Box<CatalogSource>,
}

/// Builds the catalogue from the overlay documents of the store.
pub type CatalogSource = dyn Fn(&[store::Overlay]) -> Result<Catalog, CompileError> + Send + Sync;

/// Why a snapshot could not be made. The one in force stays.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// The catalogue is not consistent.
    #[error("the catalogue could not be built: {0}")]
    Catalog(String),
    /// The store could not be read.
    #[error(transparent)]
    Store(#[from] store::StoreError),
}

/// Compiles a snapshot. A credential that cannot be used is left out with a warning: one bad row
/// must not take the service down. Health is carried over from `previous`. `names` numbers those who
/// spend, the same from snapshot to snapshot.
pub fn compile(
    state: &ControlState,
    sources: &ControlSources,
    previous: Option<&Snapshot>,
    names: &mut Spenders,
) -> Result<Snapshot, CompileError> {
    // Most changes are of keys: what exists stays as it is, and with it what is known of its health.
    let same = previous.filter(|previous| previous.overlays == state.overlays);
    let catalog = match same {
        Some(previous) => Arc::clone(&previous.catalog),
        None => Arc::new((sources.catalog)(&state.overlays)?),
    };
    let mut ways = Ways::new(&catalog, previous);
    let access = catalog
        .providers()
        .map(|(id, _)| ways.to(id, state, &sources.environment))
        .collect::<Vec<_>>();
    let available = Availability::of(&catalog, &|endpoint| {
        let ways = access.get(catalog.provider_id_of(endpoint).0 as usize);
        ways.into_iter().flatten().any(|access| access.reaches(endpoint))
    });
    let health = match (same, previous) {
        (Some(same), _) => Arc::clone(&same.health),
        (None, Some(previous)) => {
            Arc::new(previous.health.carried_over(&previous.catalog, &catalog))
        }
        (None, None) => Arc::new(HealthTable::new(&catalog)),
    };
    let endpoints = match same {
        Some(previous) => Arc::clone(&previous.endpoints),
        None => endpoints_of(&catalog).into(),
    };
    let default_model =
        state.settings.get("default_model").and_then(|value| value.as_str()).map(str::to_owned);
    let terms = TermsSource::new(state);
    let rules = Rules::new(state);
    let keys = callers_of(state, &terms, &rules, names);
    // As their rows are: no secret leads to them, so that none of one ends them.
    let sessions_keys = state.keys.iter().filter(|key| key.origin == Some(KeyOrigin::Playground));
    let sessions_keys = sessions_keys.rev().filter_map(|key| {
        let caller = caller_of(key, &terms, &rules, names);
        Some((key.member_id.clone()?, Arc::new(caller)))
    });
    let playground = sessions_keys.collect();
    Ok(Snapshot {
        revision: state.revision.clone(),
        people: People::new(state, playground, previous),
        overlays: state.overlays.clone(),
        keys,
        access,
        endpoints,
        available,
        health,
        catalog,
        default_model,
    })
}

/// All callers by the hashes of their secrets: a key that got a new one has several for a while.
/// They differ in their secret, and in when they end.
fn callers_of(
    state: &ControlState,
    terms: &TermsSource<'_>,
    rules: &Rules<'_>,
    names: &mut Spenders,
) -> HashMap<[u8; 32], Arc<Caller>> {
    let mut secrets: HashMap<&str, Vec<&store::KeySecret>> = HashMap::new();
    for secret in &state.key_secrets {
        secrets.entry(&secret.key_hash).or_default().push(secret);
    }
    let mut callers = HashMap::with_capacity(state.keys.len());
    for key in &state.keys {
        let mut add = |hash: &str, end: Option<store::Micros>| {
            let expires_at = [key.expires_at, end].into_iter().flatten().min();
            let Some(secret) = unhex(hash) else { return };
            let known = caller_of(key, terms, rules, names);
            let caller = Caller { expires_at, secret, ..known };
            callers.insert(secret, Arc::new(caller));
        };
        match secrets.get(key.hash.as_str()) {
            None => add(&key.hash, None),
            Some(secrets) => secrets.iter().for_each(|secret| add(&secret.hash, secret.expires_at)),
        }
    }
    callers
}

fn caller_of(
    key: &store::ApiKey,
    terms: &TermsSource<'_>,
    rules: &Rules<'_>,
    names: &mut Spenders,
) -> Caller {
    let workspace = rules.of(key);
    Caller {
        key_hash: key.hash.as_str().into(),
        secret: [0; 32],
        label: key.label.clone(),
        name: key.name.clone(),
        account_id: key.account_id.as_str().into(),
        workspace_id: key.workspace_id.as_str().into(),
        stores_responses: workspace.stores_responses,
        disabled: key.disabled,
        expires_at: key.expires_at,
        is_management: key.is_management,
        limit_nano_usd: key.limit_nano_usd,
        limit_reset: key.limit_reset,
        include_byok_in_limit: key.include_byok_in_limit,
        creator: key.creator.clone(),
        member_id: key.member_id.clone(),
        policy: Arc::clone(&workspace.policy),
        default_text_model: workspace.default_text_model.clone(),
        terms: terms.of(key, names),
    }
}

/// A hash as bytes.
pub(super) fn unhex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0_u8; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[at * 2..at * 2 + 2], 16).ok()?;
    }
    Some(bytes)
}

fn endpoints_of(catalog: &Catalog) -> Vec<Arc<EndpointState>> {
    catalog
        .endpoints()
        .map(|(id, endpoint)| {
            let provider = catalog.provider_of(id);
            let permaslug =
                catalog.find(&endpoint.model).map_or(endpoint.model.as_str(), |model| {
                    catalog.model(model).canonical_slug.as_str()
                });
            let prices = serde_json::to_string(&endpoint.price).unwrap_or_default();
            Arc::new(EndpointState {
                tag: endpoint.tag.as_str().into(),
                model: endpoint.model.as_str().into(),
                permaslug: permaslug.into(),
                provider_name: provider.name.as_str().into(),
                provider_slug: provider.slug.as_str().into(),
                upstream_model: endpoint.upstream_model.as_str().into(),
                price_version: price_version(&prices),
                prices: prices.into(),
                running: Running::new(0),
            })
        })
        .collect()
}

/// Names prices by what they are, so that a change makes another version and a change back the
/// same again. 64 bits suffice for some thousand lists.
fn price_version(prices: &str) -> Arc<str> {
    let digest = Sha256::digest(prices.as_bytes());
    digest[..8].iter().map(|byte| format!("{byte:02x}")).collect::<String>().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_read_or_refused() {
        assert_eq!(unhex(&"ab".repeat(32)), Some([0xab; 32]));
        assert_eq!(unhex("ab"), None);
        assert_eq!(unhex(&"zz".repeat(32)), None);
    }
}
