//! `/api/internal/privacy`: what an account lets happen to prompts. Our own; PRIV-3, PRIV-4

pub mod show;
pub mod update;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use catalog::Region;
use protocol::exchange::Fault;
use serde::Serialize;
use utoipa::ToSchema;

use super::change::refused;
use crate::app::App;
use crate::control::data_policy::{self, DataPolicy, REGIONS};

/// The routes.
pub fn routes() -> Router<Arc<App>> {
    Router::new().route("/privacy", get(show::show).patch(update::update))
}

/// What an account lets happen to prompts, and what is left with it.
#[derive(Serialize, ToSchema)]
pub struct PrivacyObject {
    /// Endpoints that train on prompts, or of which nothing is known, may be used. PRIV-3
    allow_training: bool,
    /// Only endpoints that retain nothing are used, as with `zdr: true`. PRIV-4
    zdr_only: bool,
    /// Only endpoints known to run in one of these regions are used; empty: anywhere, `none`:
    /// nowhere, since this version knows none of those that are stored.
    regions: Vec<&'static str>,
    /// The regions that can be named.
    available_regions: Vec<&'static str>,
    effect: Effect,
}

/// What is left of what can be used: somebody has a credential for it.
#[derive(Serialize, ToSchema)]
pub struct Effect {
    endpoints_left: usize,
    endpoints_total: usize,
    models_left: usize,
    models_total: usize,
}

impl PrivacyObject {
    fn new(app: &App, policy: &DataPolicy) -> Self {
        let snapshot = app.snapshot();
        let catalog = &snapshot.catalog;
        let is_usable = |id| snapshot.is_reached(id);
        let left = data_policy::left(catalog, &policy.policy(), is_usable);
        Self {
            allow_training: policy.allow_training,
            zdr_only: policy.zdr_only,
            regions: policy.region_names(),
            available_regions: REGIONS.iter().map(|(name, _)| *name).collect(),
            effect: Effect {
                endpoints_left: left.endpoints,
                endpoints_total: left.endpoints_total,
                models_left: left.models,
                models_total: left.models_total,
            },
        }
    }
}

/// What is stored for an account.
async fn stored(app: &App, account: &str) -> Result<DataPolicy, Fault> {
    let value = app.store.setting(&data_policy::setting_of(account)).await.map_err(refused)?;
    Ok(value.as_ref().map(DataPolicy::read).unwrap_or_default())
}

fn regions<'n>(names: impl Iterator<Item = &'n str>) -> Result<Vec<Region>, Fault> {
    let mut regions = Vec::new();
    for name in names.map(str::trim).filter(|name| !name.is_empty()) {
        let known = REGIONS.iter().find(|(known, _)| *known == name);
        let Some((_, region)) = known else {
            let shown: String = name.chars().take(40).collect();
            return Err(Fault::invalid(format!("regions: `{shown}` is unknown; use eu or us")));
        };
        if !regions.contains(region) {
            regions.push(*region);
        }
    }
    Ok(regions)
}
