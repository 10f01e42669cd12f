//! What the control plane is compiled from beside the database: provider keys in the environment
//! and the catalogue.

use std::collections::{BTreeMap, HashSet};
use std::net::SocketAddr;

use anyhow::Result;
use catalog::{AuthStyle, Provider};
use gateway::control::{CompileError, ControlSources, reach};
use store::{OverlayKind, Secret, Store};

use crate::catalogue::CatalogueSource;
use crate::credentials::{self, Found};

/// What was found at start.
pub struct Sources {
    /// Providers that can be reached: display name, and how. By name.
    pub available: BTreeMap<String, String>,
    /// The model that a first example names.
    pub example: Option<String>,
    environment: Vec<(String, Secret)>,
    catalogue: CatalogueSource,
}

/// Looks for provider keys and builds the catalogue.
pub async fn find(store: &Store) -> Result<Sources> {
    let catalogue = CatalogueSource::shipped()?;
    let overlays = store.overlay_list().await?;
    let catalog = catalogue.build(&overlays)?;
    let credentials = store.credentials().await?;
    let added = |slug: &str| {
        overlays.iter().any(|entry| entry.kind == OverlayKind::Provider && entry.id == slug)
    };
    let (mut available, mut environment) = (BTreeMap::new(), Vec::new());
    let mut reachable = HashSet::new();
    for (id, provider) in catalog.providers() {
        let mut stored = None;
        for row in credentials.iter().filter(|row| row.provider == provider.slug && !row.disabled) {
            let Ok(secret) = store.decrypt_credential(&row.id).await else { continue };
            if reach(provider, row.base_url.as_deref(), Some(&secret)).is_ok() {
                stored = Some(row);
                break;
            }
        }
        let found = in_environment(provider);
        let how = match (&stored, &found) {
            (Some(row), _) => format!("stored key {}", row.label),
            (_, Some((variable, _))) => (*variable).to_owned(),
            _ if provider.auth == AuthStyle::None && added(&provider.slug) => {
                provider.base_url.clone()
            }
            _ => continue,
        };
        reachable.insert(id);
        available.insert(provider.name.clone(), how);
        if let Some((_, secret)) = found {
            environment.push((provider.slug.clone(), secret));
        }
    }
    let example = super::example::model(&catalog, catalogue.facts(), |id| reachable.contains(&id));
    Ok(Sources { available, example, environment, catalogue })
}

/// A credential in the environment with which the provider can be reached. One with which it
/// cannot is told of once, here.
fn in_environment(provider: &Provider) -> Option<(&str, Secret)> {
    let Found { variable, secret } = credentials::from_environment(provider)?;
    let problem = match secret {
        Ok(secret) => match reach(provider, None, Some(&secret)) {
            Ok(_) => return Some((variable, secret)),
            Err(error) => error.to_string(),
        },
        Err(problem) => problem,
    };
    tracing::warn!(
        provider = provider.slug,
        variable,
        problem,
        "a credential in the environment cannot be used and is left out"
    );
    None
}

impl Sources {
    /// What the gateway compiles its snapshots from, with simulated providers at an address.
    pub fn into_control(self, simulator: Option<SocketAddr>) -> ControlSources {
        let catalogue = self.catalogue.with_simulated(simulator);
        ControlSources {
            environment: self.environment,
            catalog: Box::new(move |overlays| {
                catalogue
                    .build(overlays)
                    .map_err(|error| CompileError::Catalog(format!("{error:#}")))
            }),
        }
    }
}
