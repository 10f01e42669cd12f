//! From rows to a snapshot.

use std::sync::Arc;

use catalog::{AuthStyle, Catalog, Provider};
use http::{HeaderName, HeaderValue};
use ledger::Spenders;
use routing::health::HealthTable;
use sha2::{Digest as _, Sha256};
use store::{ControlState, Secret};

use super::limits::{Running, TermsSource};
use super::snapshot::{Access, Caller, EndpointState, Snapshot};
use crate::upstream::{Origin, OriginError};

/// What a snapshot is made of, beside the store's rows.
pub struct ControlSources {
    /// Keys of providers found in the environment: (provider's slug, key).
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
    let access = catalog
        .providers()
        .map(|(_, provider)| access_of(provider, state, sources))
        .collect::<Vec<_>>();
    let available = catalog::available(&catalog, &|provider| {
        catalog
            .find_provider(&provider.slug)
            .and_then(|id| access.get(id.0 as usize))
            .is_some_and(|ways| !ways.is_empty())
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
    Ok(Snapshot {
        revision: state.revision,
        overlays: state.overlays.clone(),
        keys: state.keys.iter().filter_map(|key| caller_of(key, &terms, names)).collect(),
        access,
        endpoints,
        available,
        health,
        catalog,
        default_model,
    })
}

fn caller_of(
    key: &store::ApiKey,
    terms: &TermsSource<'_>,
    names: &mut Spenders,
) -> Option<([u8; 32], Arc<Caller>)> {
    let caller = Caller {
        key_hash: key.hash.as_str().into(),
        label: key.label.clone(),
        name: key.name.clone(),
        account_id: key.account_id.as_str().into(),
        workspace_id: key.workspace_id.as_str().into(),
        disabled: key.disabled,
        expires_at: key.expires_at,
        is_management: key.is_management,
        limit_nano_usd: key.limit_nano_usd,
        limit_reset: key.limit_reset,
        include_byok_in_limit: key.include_byok_in_limit,
        creator: key.creator.clone(),
        terms: terms.of(key, names),
    };
    Some((unhex(&key.hash)?, Arc::new(caller)))
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0_u8; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[at * 2..at * 2 + 2], 16).ok()?;
    }
    Some(bytes)
}

fn access_of(
    provider: &Provider,
    state: &ControlState,
    sources: &ControlSources,
) -> Vec<Arc<Access>> {
    let mut found: Vec<Access> = Vec::new();
    let usable = |access: Result<Access, AccessError>, credential: &str| match access {
        Ok(access) => Some(access),
        Err(error) => {
            tracing::warn!(
                provider = provider.slug,
                credential,
                %error,
                "a credential cannot be used and is left out"
            );
            None
        }
    };
    let mut rows: Vec<_> = state
        .credentials
        .iter()
        .filter(|(row, _)| row.provider == provider.slug && !row.disabled)
        .collect();
    rows.sort_by_key(|(row, _)| (row.workspace_id.is_none(), row.is_fallback, row.sort_order));
    for (row, secret) in rows {
        let access = reach(provider, row.base_url.as_deref(), Some(secret)).map(|reach| Access {
            credential_id: row.id.clone(),
            workspace_id: row.workspace_id.clone(),
            is_fallback: row.is_fallback,
            allowed_models: row.allowed_models.clone(),
            allowed_key_hashes: row.allowed_key_hashes.clone(),
            ..reach
        });
        found.extend(usable(access, &row.id));
    }
    for (_, secret) in sources.environment.iter().filter(|(slug, _)| *slug == provider.slug) {
        found.extend(usable(reach(provider, None, Some(secret)), "environment"));
    }
    if provider.auth == AuthStyle::None && found.is_empty() {
        found.extend(usable(reach(provider, None, None), "none"));
    }
    found.into_iter().map(Arc::new).collect()
}

/// Why a credential cannot be used.
#[derive(Debug, thiserror::Error)]
enum AccessError {
    #[error(transparent)]
    Origin(#[from] OriginError),
    #[error("the key contains characters that cannot be part of a header")]
    Header,
}

fn reach(
    provider: &Provider,
    base_url: Option<&str>,
    secret: Option<&Secret>,
) -> Result<Access, AccessError> {
    let origin = Origin::parse(base_url.unwrap_or(&provider.base_url))?;
    let header = match secret {
        Some(secret) => auth_header(&provider.auth, secret.expose())?,
        None => None,
    };
    Ok(Access {
        credential_id: "environment".to_owned(),
        origin,
        header,
        workspace_id: None,
        is_fallback: false,
        allowed_models: None,
        allowed_key_hashes: None,
    })
}

fn auth_header(
    auth: &AuthStyle,
    secret: &str,
) -> Result<Option<(HeaderName, HeaderValue)>, AccessError> {
    let name = match auth {
        AuthStyle::None => return Ok(None),
        AuthStyle::Bearer => http::header::AUTHORIZATION,
        AuthStyle::XApiKey => HeaderName::from_static("x-api-key"),
        AuthStyle::XGoogApiKey => HeaderName::from_static("x-goog-api-key"),
        AuthStyle::ApiKey => HeaderName::from_static("api-key"),
        AuthStyle::Header(name) => {
            HeaderName::from_bytes(name.as_bytes()).map_err(|_| AccessError::Header)?
        }
    };
    let text = match auth {
        AuthStyle::Bearer => format!("Bearer {secret}"),
        _ => secret.to_owned(),
    };
    let mut value = HeaderValue::from_str(&text).map_err(|_| AccessError::Header)?;
    value.set_sensitive(true);
    Ok(Some((name, value)))
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
    fn credentials_become_headers_and_never_show() {
        let (name, value) = auth_header(&AuthStyle::Bearer, "secret").unwrap().unwrap();
        assert_eq!((name.as_str(), value.to_str().unwrap()), ("authorization", "Bearer secret"));
        assert!(!format!("{value:?}").contains("secret"));
        assert!(auth_header(&AuthStyle::XApiKey, "a\r\nx: y").is_err(), "header injection");
    }

    #[test]
    fn hashes_are_read_or_refused() {
        assert_eq!(unhex(&"ab".repeat(32)), Some([0xab; 32]));
        assert_eq!(unhex("ab"), None);
        assert_eq!(unhex(&"zz".repeat(32)), None);
    }
}
