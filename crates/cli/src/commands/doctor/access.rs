//! Whether providers accept their keys: one cheap call each, all at once.

use std::sync::Arc;

use catalog::{AuthStyle, Catalog, PathStyle, Provider};
use gateway::clock::now_seconds;
use gateway::control::reach;
use gateway::upstream::{Authorization, Origin, Pool, Tokens, tls_config};
use http::{HeaderMap, HeaderName, HeaderValue};
use protocol::Dialect;
use store::{OverlayKind, Secret, Store};
use tokio::task::JoinSet;

use super::finding::Finding;
use crate::catalogue::CatalogueSource;
use crate::credentials::{self, Found};
use crate::outbound;

/// The largest list of models read, in bytes; some providers have long ones.
const LARGEST_LIST: usize = 32 * 1024 * 1024;

const UNLISTED: &str = "it cannot be checked: the provider lists no models";

/// A way to a provider.
struct Access {
    name: String,
    provider: Provider,
    base_url: Option<String>,
    /// The credential, or why it cannot be had.
    secret: Result<Option<Secret>, String>,
}

/// Checks every stored credential, every key in the environment and every local server.
pub async fn check(store: Option<&Store>) -> Vec<Finding> {
    let ways = match find(store).await {
        Ok(ways) => ways,
        Err(error) => return vec![Finding::failure("credentials", format!("{error:#}"))],
    };
    if ways.is_empty() {
        let detail = "no provider can be reached yet: there is no key for any";
        return vec![
            Finding::warning("credentials", detail)
                .mend("set a variable such as OPENAI_API_KEY, or run `trunkline credential add`"),
        ];
    }
    let mut calls = JoinSet::new();
    for (at, access) in ways.into_iter().enumerate() {
        calls.spawn(async move { (at, call(access).await) });
    }
    let mut findings = calls.join_all().await;
    findings.sort_by_key(|(at, _)| *at);
    findings.into_iter().map(|(_, finding)| finding).collect()
}

async fn find(store: Option<&Store>) -> anyhow::Result<Vec<Access>> {
    let rows = match store {
        Some(store) => store.overlay_list().await?,
        None => Vec::new(),
    };
    let catalog = CatalogueSource::shipped()?.build(&rows)?;
    let mut ways = Vec::new();
    if let Some(store) = store {
        stored(store, &catalog, &mut ways).await?;
    }
    for (_, provider) in catalog.providers() {
        let added = rows
            .iter()
            .any(|row| row.kind == OverlayKind::Provider && row.document["slug"] == provider.slug);
        if let Some(Found { variable, secret }) = credentials::from_environment(provider) {
            ways.push(Access {
                name: format!("{} key in {variable}", provider.slug),
                base_url: None,
                provider: provider.clone(),
                secret: secret.map(Some),
            });
        } else if provider.auth == AuthStyle::None && added {
            ways.push(Access {
                name: format!("{} server", provider.slug),
                base_url: None,
                provider: provider.clone(),
                secret: Ok(None),
            });
        }
    }
    Ok(ways)
}

async fn stored(store: &Store, catalog: &Catalog, ways: &mut Vec<Access>) -> anyhow::Result<()> {
    for row in store.credentials().await?.into_iter().filter(|row| !row.disabled) {
        let Some(id) = catalog.find_provider(&row.provider) else { continue };
        let provider = catalog.provider(id).clone();
        ways.push(Access {
            name: format!("{} credential {}", row.provider, row.id),
            base_url: row.base_url,
            provider,
            secret: Ok(Some(store.decrypt_credential(&row.id).await?)),
        });
    }
    Ok(())
}

async fn call(access: Access) -> Finding {
    let Access { name, provider, base_url, secret } = access;
    let reach = match secret {
        Ok(secret) => reach(&provider, base_url.as_deref(), secret.as_ref())
            .map_err(|error| error.to_string()),
        Err(problem) => Err(problem),
    };
    let reach = match reach {
        Ok(reach) => reach,
        Err(problem) => {
            return Finding::failure(name, format!("it cannot be used: {problem}"))
                .mend("enter the credential again, or correct the variable");
        }
    };
    match &reach.authorization {
        Authorization::Token(tokens) => return token(name, tokens).await,
        Authorization::Aws(keys) => {
            let detail = format!("its form is right, and it signs for {}", keys.region);
            return Finding::fine(name, detail);
        }
        Authorization::None | Authorization::Header(..) => {}
    }
    if provider.path_style != PathStyle::Protocol {
        return Finding::warning(name, UNLISTED);
    }
    let Some(headers) = headers(&provider, &reach.authorization) else {
        return Finding::failure(name, "the provider's headers cannot be sent")
            .mend("correct `headers` of the provider");
    };
    let Origin { scheme, authority, prefix } = &reach.origin;
    let base_url = format!("{scheme}://{authority}{prefix}");
    let path = &provider.models_path;
    let time = outbound::TIME_LIMIT;
    let answer = match outbound::get(&base_url, path, &headers, LARGEST_LIST, time).await {
        Ok(answer) => answer,
        Err(error) => {
            return Finding::failure(name, format!("{base_url} does not answer: {error:#}"))
                .mend("check the address, the network, and that the server runs");
        }
    };
    let status = answer.status;
    match status.as_u16() {
        200..=299 => Finding::fine(name, "it is accepted"),
        // Gemini says 400 to a key that is no key.
        401 | 403 => refused(name, status),
        400 if provider.dialect == Dialect::Gemini => refused(name, status),
        404 | 405 => Finding::warning(name, UNLISTED),
        _ => Finding::warning(name, format!("it cannot be checked now: the answer was {status}")),
    }
}

/// Whether a credential is exchanged for a token.
async fn token(name: String, tokens: &Arc<Tokens>) -> Finding {
    let pool = Pool::new(tls_config(&[]), outbound::TIME_LIMIT);
    match tokens.get(now_seconds(), &pool, None).await {
        Ok(_) => Finding::fine(name, "it is exchanged for a token"),
        Err(failure) => Finding::failure(name, format!("there is no token for it: {failure}"))
            .mend("check the credential, what it may do, and the network"),
    }
}

fn refused(name: String, status: http::StatusCode) -> Finding {
    Finding::failure(name, format!("the provider refuses it ({status})"))
        .mend("enter a key that is valid with `trunkline credential add`, or correct the variable")
}

/// The headers of a request to a provider, as the gateway sends them.
fn headers(provider: &Provider, authorization: &Authorization) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    if provider.dialect == Dialect::Anthropic {
        headers.insert("anthropic-version", HeaderValue::from_static("2023-06-01"));
    }
    for (name, value) in &provider.headers {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        headers.insert(name, HeaderValue::from_str(value).ok()?);
    }
    if let Authorization::Header(name, value) = authorization {
        headers.insert(name.clone(), value.clone());
    }
    Some(headers)
}
