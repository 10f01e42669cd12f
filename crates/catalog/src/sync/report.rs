//! What a synchronisation found.

use std::fmt;

use crate::overlay::{EndpointChange, ModelChange, Overlay, PriceChange};
use crate::price::{Meter, PicoUsd, PriceList};
use crate::price_object::PriceObject;

/// What a synchronisation found. Every list is in order of its names.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SyncReport {
    /// Endpoints that are new, some of models that are new.
    pub added: Vec<AddedEndpoint>,
    /// Prices that are accepted.
    pub changed: Vec<PriceDifference>,
    /// How many endpoints have the price they had.
    pub unchanged: usize,
    /// Endpoints that the list no longer has. They are not switched off: lists have gaps.
    pub removed: Vec<RemovedEndpoint>,
    /// Prices and endpoints that somebody must look at.
    pub held_back: Vec<HeldBack>,
    /// Endpoints whose price is the operator's: left alone.
    pub overridden: Vec<(String, String)>,
    /// Models of known providers that could not be matched with a model: provider and its name.
    pub unmatched: Vec<(String, String)>,
    /// Names of providers that the catalogue does not know.
    pub unknown_providers: Vec<String>,
}

/// A new endpoint.
#[derive(Clone, Debug, PartialEq)]
pub struct AddedEndpoint {
    /// The model, if it is new as well.
    pub model: Option<ModelChange>,
    /// The endpoint.
    pub endpoint: EndpointChange,
}

/// A price that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceDifference {
    /// The model's id.
    pub model: String,
    /// The endpoint's tag.
    pub tag: String,
    /// What it was. Empty: unknown.
    pub old: PriceList,
    /// What it is.
    pub new: PriceList,
}

/// Something that is not accepted by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldBack {
    /// The model's id, or the provider's name of a model.
    pub model: String,
    /// The endpoint's tag, or the provider's slug.
    pub tag: String,
    /// Why.
    pub reason: String,
    /// The price that is held back, if it could be read.
    pub price: Option<PriceList>,
}

/// An endpoint that the list no longer has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemovedEndpoint {
    /// The model's id.
    pub model: String,
    /// The endpoint's tag.
    pub tag: String,
    /// The provider's name of the model.
    pub upstream_model: String,
}

impl SyncReport {
    /// The accepted changes as a document. It belongs below the operator's documents.
    pub fn overlay(&self) -> Overlay {
        let mut models: Vec<ModelChange> = Vec::new();
        for model in self.added.iter().filter_map(|added| added.model.as_ref()) {
            if models.iter().all(|known| known.id != model.id) {
                models.push(model.clone());
            }
        }
        Overlay {
            models,
            endpoints: self.added.iter().map(|added| added.endpoint.clone()).collect(),
            prices: self
                .changed
                .iter()
                .map(|change| PriceChange {
                    model: change.model.clone(),
                    tag: change.tag.clone(),
                    price: Some(PriceObject(change.new.clone())),
                    price_per_million: None,
                })
                .collect(),
            ..Overlay::default()
        }
    }
}

/// A price as people read it.
fn readable(price: Option<PicoUsd>) -> String {
    // Token prices are talked of per million: the same digits, six places on.
    price.map_or_else(
        || "unknown".to_owned(),
        |price| PicoUsd(price.0.saturating_mul(1_000_000)).to_string(),
    )
}

impl fmt::Display for SyncReport {
    /// The report in words, prices in USD per million tokens.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            formatter,
            "{} prices changed, {} unchanged, {} endpoints added, {} no longer listed, {} held \
             back, {} left to your own prices",
            self.changed.len(),
            self.unchanged,
            self.added.len(),
            self.removed.len(),
            self.held_back.len(),
            self.overridden.len(),
        )?;
        for change in &self.changed {
            writeln!(formatter, "  ~ {} at {}", change.model, change.tag)?;
            let mut named = false;
            for meter in Meter::ALL {
                let (old, new) = (change.old.get(meter), change.new.get(meter));
                if old != new {
                    named = true;
                    let (old, new) = (readable(old), readable(new));
                    writeln!(formatter, "      {}: {old} -> {new}", meter.name())?;
                }
            }
            if !named {
                writeln!(formatter, "      conditional prices")?;
            }
        }
        for added in &self.added {
            let new = if added.model.is_some() { " (new model)" } else { "" };
            writeln!(
                formatter,
                "  + {} at {}{new}",
                added.endpoint.model, added.endpoint.provider
            )?;
        }
        for removed in &self.removed {
            writeln!(formatter, "  - {} at {}", removed.model, removed.tag)?;
        }
        for held in &self.held_back {
            writeln!(formatter, "  ! {} at {}: {}", held.model, held.tag, held.reason)?;
        }
        for (provider, model) in &self.unmatched {
            writeln!(formatter, "  ? {model} at {provider}: no such model in the catalogue")?;
        }
        if !self.unknown_providers.is_empty() {
            writeln!(formatter, "  unknown providers: {}", self.unknown_providers.join(", "))?;
        }
        Ok(())
    }
}
