//! What the control plane is compiled from beside the database: provider keys in the environment
//! and the catalogue.

use std::collections::{BTreeMap, HashSet};
use std::net::SocketAddr;

use anyhow::Result;
use catalog::AuthStyle;
use gateway::control::{CompileError, ControlSources};
use store::{OverlayKind, Secret, Store};

use crate::catalogue::CatalogueSource;
use crate::credentials;

/// What was found at start.
pub struct Sources {
    /// Providers that can be reached: display name, and how. By name.
    pub available: BTreeMap<String, String>,
    /// The cheapest model that can be reached.
    pub cheapest: Option<String>,
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
        let stored = credentials.iter().find(|row| row.provider == provider.slug && !row.disabled);
        let found = credentials::from_environment(provider);
        let how = match (&stored, &found) {
            (Some(row), _) if row.base_url.is_some() || provider.is_reachable() => {
                format!("stored key {}", row.label)
            }
            (_, Some((variable, _))) if provider.is_reachable() => (*variable).to_owned(),
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
    let cheapest = super::greeting::cheapest(&catalog, |id| reachable.contains(&id));
    Ok(Sources { available, cheapest, environment, catalogue })
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
