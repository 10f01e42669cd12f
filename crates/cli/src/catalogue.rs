//! The catalogue as a data folder has it: the shipped one, the stored changes over it, and what
//! the environment and the simulator add.
//!
//! Each change is a row of the store: a provider, model, endpoint or price. Rows that came from a
//! synchronisation lie below an operator's own, so that the operator's always stand.

use std::net::SocketAddr;

use anyhow::{Context as _, Result, bail};
use catalog::facts::Facts;
use catalog::overlay::{
    EndpointChange, ModelChange, Overlay as Changes, PriceChange, ProviderChange, apply,
};
use catalog::{AuthStyle, Catalog, CatalogParts, Provider, Variable};
use serde::Deserialize;
use serde_json::json;
use store::{Actor, Micros, Overlay, OverlayKind, Store};

use crate::changes::Laid;
use crate::{credentials, simulated};

/// What begins the identity of a row that came from a synchronisation. No slug has a space.
const SYNCHRONISED: &str = "sync ";

/// Whose changes they are. The later one wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer {
    /// What a synchronisation found.
    Synchronised,
    /// What the operator said.
    Operator,
}

/// What the catalogue is built from, again after each change.
#[derive(Clone, Debug)]
pub struct CatalogueSource {
    facts: Facts,
    simulated: Option<SocketAddr>,
}

impl CatalogueSource {
    /// The shipped catalogue. Its parts are read again whenever they are needed: that takes
    /// milliseconds, and keeping them would double the memory of an idle gateway.
    pub fn shipped() -> Result<Self> {
        let facts = Facts::shipped().context("the shipped catalogue cannot be read")?;
        Ok(Self { facts, simulated: None })
    }

    /// With simulated providers that listen at `address`.
    #[must_use]
    pub fn with_simulated(mut self, address: Option<SocketAddr>) -> Self {
        self.simulated = address;
        self
    }

    /// What is known beside the catalogue.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// The parts of the catalogue with the stored changes over it. A change that cannot be laid
    /// over is left out: one bad row must not take the service down.
    pub fn parts(&self, rows: &[Overlay]) -> Result<CatalogParts> {
        let (parts, left_out) = self.lay_over(rows)?;
        for LeftOut { row, reason } in left_out {
            tracing::warn!(
                kind = row.kind.as_str(),
                id = row.id,
                error = reason,
                "a stored change of the catalogue is left out"
            );
        }
        Ok(parts)
    }

    /// The stored changes that cannot be laid over.
    pub fn left_out<'r>(&self, rows: &'r [Overlay]) -> Result<Vec<LeftOut<'r>>> {
        Ok(self.lay_over(rows)?.1)
    }

    fn lay_over<'r>(&self, rows: &'r [Overlay]) -> Result<(CatalogParts, Vec<LeftOut<'r>>)> {
        let mut parts = CatalogParts::embedded().context("the shipped catalogue cannot be read")?;
        let mut left_out = Vec::new();
        if rows.is_empty() {
            return Ok((parts, left_out));
        }
        for layer in [Layer::Synchronised, Layer::Operator] {
            let (mut all, mut single) = (Changes::default(), Vec::new());
            for kind in ORDER {
                for row in rows.iter().filter(|row| row.kind == kind && layer_of(row) == layer) {
                    match read(row) {
                        Ok(changes) => single.push((row, changes)),
                        Err(error) => left_out.push(LeftOut::of(row, &error)),
                    }
                }
            }
            for (_, changes) in &single {
                add_to(&mut all, changes.clone());
            }
            match apply(parts.clone(), &[all], &self.facts) {
                Ok(changed) => parts = changed,
                // Something in there is wrong: find it by going one by one.
                Err(_) => {
                    for (row, changes) in single {
                        match apply(parts.clone(), &[changes], &self.facts) {
                            Ok(changed) => parts = changed,
                            Err(error) => left_out.push(LeftOut::of(row, &error)),
                        }
                    }
                }
            }
        }
        Ok((parts, left_out))
    }

    /// The parts with these changes over them, or what is wrong with the changes.
    pub fn check(&self, rows: &[Overlay], changes: &Changes) -> Result<CatalogParts> {
        let parts = apply(self.parts(rows)?, std::slice::from_ref(changes), &self.facts)?;
        parts.clone().into_catalog()?;
        Ok(parts)
    }

    /// What is wrong with the changes that were named, laid over as they are to be stored.
    pub fn check_laid(&self, laid: &Laid) -> Result<()> {
        let (parts, left_out) = self.lay_over(&laid.rows)?;
        if let Some(wrong) = left_out.into_iter().find(|left_out| laid.names(left_out.row)) {
            bail!(wrong.reason);
        }
        parts.into_catalog()?;
        Ok(())
    }

    /// What would be left out only once some of the stored changes are gone.
    pub fn left_out_without<'r>(
        &self,
        rows: &'r [Overlay],
        gone: &[&Overlay],
    ) -> Result<Option<(&'r Overlay, String)>> {
        let is_gone = |row: &Overlay| gone.iter().any(|other| is_same(other, row));
        let kept: Vec<_> = rows.iter().filter(|row| !is_gone(row)).cloned().collect();
        let before = self.left_out(rows)?;
        let new = self
            .left_out(&kept)?
            .into_iter()
            .find(|left_out| !before.iter().any(|known| is_same(known.row, left_out.row)));
        Ok(new.and_then(|LeftOut { row, reason }| {
            let row = rows.iter().find(|stored| is_same(stored, row))?;
            Some((row, reason))
        }))
    }

    /// The catalogue with the stored changes over it.
    pub fn build(&self, rows: &[Overlay]) -> Result<Catalog> {
        let mut parts = self.parts(rows)?;
        for provider in &mut parts.providers {
            fill_base_url(provider, credentials::address_variable);
        }
        if let Some(address) = self.simulated {
            simulated::add_to(&mut parts, address);
        }
        Ok(parts.into_catalog()?)
    }
}

/// The order in which kinds are laid over: what others refer to comes first.
const ORDER: [OverlayKind; 4] =
    [OverlayKind::Provider, OverlayKind::Model, OverlayKind::Endpoint, OverlayKind::Price];

/// A stored change that cannot be laid over the catalogue.
#[derive(Debug)]
pub struct LeftOut<'r> {
    /// The change.
    pub row: &'r Overlay,
    /// Why.
    pub reason: String,
}

impl<'r> LeftOut<'r> {
    fn of(row: &'r Overlay, error: &dyn std::fmt::Display) -> Self {
        Self { row, reason: error.to_string() }
    }
}

/// Whose change a row is.
pub fn layer_of(row: &Overlay) -> Layer {
    if row.id.starts_with(SYNCHRONISED) { Layer::Synchronised } else { Layer::Operator }
}

fn is_same(one: &Overlay, other: &Overlay) -> bool {
    one.kind == other.kind && one.id == other.id
}

/// What a row is called without whose change it is.
pub fn name_of(row: &Overlay) -> &str {
    row.id.strip_prefix(SYNCHRONISED).unwrap_or(&row.id)
}

fn read(row: &Overlay) -> Result<Changes, serde_json::Error> {
    let mut changes = Changes::default();
    match row.kind {
        OverlayKind::Provider => {
            changes.providers.push(ProviderChange::deserialize(&row.document)?);
        }
        OverlayKind::Model => changes.models.push(ModelChange::deserialize(&row.document)?),
        OverlayKind::Endpoint => {
            changes.endpoints.push(EndpointChange::deserialize(&row.document)?);
        }
        OverlayKind::Price => changes.prices.push(PriceChange::deserialize(&row.document)?),
    }
    Ok(changes)
}

/// Adds changes to others, after which they are laid over.
pub fn add_to(all: &mut Changes, changes: Changes) {
    all.providers.extend(changes.providers);
    all.models.extend(changes.models);
    all.endpoints.extend(changes.endpoints);
    all.prices.extend(changes.prices);
}

/// What the operator said, of what is stored.
pub fn operator_changes(rows: &[Overlay]) -> Changes {
    let mut all = Changes::default();
    for row in rows.iter().filter(|row| layer_of(row) == Layer::Operator) {
        if let Ok(changes) = read(row) {
            add_to(&mut all, changes);
        }
    }
    all
}

/// Changes as rows of the store. What they switch off is not among them.
pub fn rows(changes: &Changes, layer: Layer, now: Micros) -> Vec<Overlay> {
    let prefix = match layer {
        Layer::Synchronised => SYNCHRONISED,
        Layer::Operator => "",
    };
    let row = |kind, id: String, document| Overlay {
        kind,
        id: format!("{prefix}{id}"),
        document,
        updated_at: now,
    };
    let mut rows = Vec::new();
    for change in &changes.providers {
        rows.push(row(OverlayKind::Provider, change.slug.clone(), json!(change)));
    }
    for change in &changes.models {
        rows.push(row(OverlayKind::Model, change.id.clone(), json!(change)));
    }
    for change in &changes.endpoints {
        let tag = change.tag.as_ref().unwrap_or(&change.provider);
        rows.push(row(OverlayKind::Endpoint, format!("{} {tag}", change.model), json!(change)));
    }
    for change in &changes.prices {
        let id = format!("{} {}", change.model, change.tag);
        rows.push(row(OverlayKind::Price, id, json!(change)));
    }
    rows
}

/// Stores rows.
pub async fn put(store: &Store, rows: &[Overlay]) -> Result<()> {
    for row in rows {
        store
            .overlay_put(row.kind, &row.id, &row.document, &Actor::command_line(), row.updated_at)
            .await?;
    }
    Ok(())
}

/// Removes rows, one by one in their order; says whether there was one.
pub async fn remove(store: &Store, rows: &[&Overlay], now: Micros) -> Result<bool> {
    let mut removed = false;
    for row in rows {
        removed |= store.overlay_remove(row.kind, &row.id, &Actor::command_line(), now).await?;
    }
    Ok(removed)
}

/// Finds out what a base URL leaves open, and the region of a provider at AWS, whose address may
/// not tell it; a credential may know more. An address that stays open is not reachable, which
/// whoever looks for a way to the provider finds out.
fn fill_base_url(provider: &mut Provider, lookup: impl Fn(&str) -> Option<String>) {
    let known = provider
        .base_url_variables()
        .chain((provider.auth == AuthStyle::Aws).then_some(Variable::REGION))
        .filter_map(|variable| Some((variable.name().to_owned(), variable.found(&lookup)?)))
        .collect();
    provider.base_url_values = known;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn overlay(kind: OverlayKind, id: &str, document: serde_json::Value) -> Overlay {
        Overlay { kind, id: id.to_owned(), document, updated_at: 0 }
    }

    #[test]
    fn documents_replace_what_is_shipped_and_bad_ones_are_left_out() {
        let source = CatalogueSource::shipped().unwrap();
        let shipped = source.build(&[]).unwrap();
        let (_, endpoint) = shipped.endpoints().next().unwrap();
        let overlays = [
            overlay(OverlayKind::Provider, "x", json!({"slug": "x"})),
            overlay(OverlayKind::Model, "y", json!({"colour": "red"})),
            overlay(
                OverlayKind::Price,
                "p",
                json!({"model": endpoint.model, "tag": endpoint.tag, "price": {"prompt": "0.25", "completion": "0.5"}}),
            ),
        ];
        let changed = source.build(&overlays).unwrap();
        assert_eq!(changed.endpoints().len(), shipped.endpoints().len());
        let model = changed.find(&endpoint.model).unwrap();
        let price = changed
            .endpoints_of(model)
            .map(|id| changed.endpoint(id))
            .find(|other| other.tag == endpoint.tag)
            .and_then(|found| found.price.get(catalog::Meter::Prompt));
        assert_eq!(price, Some(catalog::PicoUsd(250_000_000_000)));
        assert_eq!(changed.find_provider("x"), None);
        let left_out = source.left_out(&overlays).unwrap();
        let ids: Vec<_> = left_out.iter().map(|left_out| left_out.row.id.as_str()).collect();
        assert_eq!(ids, ["y", "x"]);
    }

    #[test]
    fn a_base_url_is_filled_in_when_all_of_it_is_known() {
        let mut provider: Provider = serde_json::from_value(json!({
            "slug": "x", "name": "X", "dialect": "openai_chat", "base_url": "https://{HOST}.example/v1"
        }))
        .unwrap();
        fill_base_url(&mut provider, |_| None);
        assert!(!provider.is_reachable());
        fill_base_url(&mut provider, |_| Some("eu".to_owned()));
        assert!(provider.is_reachable());
        assert_eq!(provider.base_url_values["HOST"], "eu");
        assert_eq!(provider.base_url_values.len(), 1);
    }

    /// Behind a proxy whose address says nothing of it.
    #[test]
    fn the_region_of_the_machine_is_known_whatever_the_base_url_is() {
        let mut provider: Provider = serde_json::from_value(json!({
            "slug": "x", "name": "X", "dialect": "bedrock", "base_url": "https://x.example", "auth": "aws"
        }))
        .unwrap();
        fill_base_url(&mut provider, |name| {
            (name == "AWS_DEFAULT_REGION").then(|| "eu-west-1".to_owned())
        });
        assert_eq!(provider.base_url_values["AWS_REGION"], "eu-west-1");
    }
}
