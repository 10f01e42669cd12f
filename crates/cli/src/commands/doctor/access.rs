//! Whether providers accept their keys: one cheap call each, all at once.

use catalog::{AuthStyle, Catalog, Provider};
use gateway::UpstreamLimits;
use gateway::control::reach;
use gateway::upstream::{Probe, probe};
use store::{OverlayKind, Secret, Store};
use tokio::task::JoinSet;

use super::finding::Finding;
use crate::catalogue::CatalogueSource;
use crate::credentials::{self, Found};

/// A way to a provider.
struct Access {
    name: String,
    provider: Provider,
    base_url: Option<String>,
    /// The credential, or why it cannot be had.
    secret: Result<Option<Secret>, String>,
}

/// Checks every stored credential, every key in the environment and every local server.
pub async fn check(store: Option<&Store>, limits: &UpstreamLimits) -> Vec<Finding> {
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
        let limits = limits.clone();
        calls.spawn(async move { (at, call(access, &limits).await) });
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

async fn call(access: Access, limits: &UpstreamLimits) -> Finding {
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
    match probe(&provider, &reach, limits).await {
        Probe::Accepted(detail) | Probe::Formed(detail) => Finding::fine(name, detail),
        Probe::Refused(detail) => Finding::failure(name, detail).mend(
            "enter one that is valid with `trunkline credential add`, or correct the variable; \
             check what it may do",
        ),
        Probe::Silent(detail) => Finding::failure(name, detail)
            .mend("check the address, the network, and that the server runs"),
        Probe::Unclear(detail) => Finding::warning(name, detail),
    }
}
