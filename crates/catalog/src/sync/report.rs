//! What a synchronisation found.

use std::fmt;

use crate::overlay::{EndpointChange, ModelChange, Overlay, PriceChange};
use crate::price::{Meter, PicoUsd, PriceList, PriceOverride};
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
    /// Prices that somebody must look at, and new endpoints without a price that can be read.
    pub held_back: Vec<HeldBack>,
    /// New endpoints whose price somebody must look at.
    pub held_back_added: Vec<HeldBackEndpoint>,
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

/// A new endpoint that is not accepted by itself.
#[derive(Clone, Debug, PartialEq)]
pub struct HeldBackEndpoint {
    /// The endpoint, and its model if that is new as well.
    pub added: AddedEndpoint,
    /// Why.
    pub reason: String,
}

/// A name that stands for nothing that can be accepted.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum AcceptError {
    /// Nothing of that name is held back.
    #[error("nothing is held back for `{0}`")]
    Nothing(String),
    /// There is no price to accept.
    #[error("the price of {model} at {tag} cannot be accepted: {reason}")]
    NoPrice {
        /// The model's id.
        model: String,
        /// The endpoint's tag.
        tag: String,
        /// Why it was held back.
        reason: String,
    },
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
    /// The document of what was held back and is accepted by name, `model` or `model@tag`. It
    /// belongs above that of [`SyncReport::overlay`]. A name that fits none is an error: somebody
    /// thinks that a price is accepted which is not.
    pub fn accepted(&self, names: &[String]) -> Result<Overlay, AcceptError> {
        let mut accepted = Overlay::default();
        for name in names {
            let fits = |model: &str, tag: &str| model == name || format!("{model}@{tag}") == *name;
            let mut found = false;
            for held in self.held_back.iter().filter(|held| fits(&held.model, &held.tag)) {
                found = true;
                let Some(price) = &held.price else {
                    return Err(AcceptError::NoPrice {
                        model: held.model.clone(),
                        tag: held.tag.clone(),
                        reason: held.reason.clone(),
                    });
                };
                accepted.prices.push(PriceChange {
                    model: held.model.clone(),
                    tag: held.tag.clone(),
                    price: Some(PriceObject(price.clone())),
                    price_per_million: None,
                });
            }
            for held in &self.held_back_added {
                let endpoint = &held.added.endpoint;
                if fits(&endpoint.model, &endpoint.provider) {
                    found = true;
                    if let Some(model) = &held.added.model
                        && accepted.models.iter().all(|known| known.id != model.id)
                    {
                        accepted.models.push(model.clone());
                    }
                    accepted.endpoints.push(endpoint.clone());
                }
            }
            if !found {
                return Err(AcceptError::Nothing(name.clone()));
            }
        }
        Ok(accepted)
    }

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

/// Where prices differ, a line for each meter and condition, per million units: as people talk of
/// tokens.
fn write_differences(
    formatter: &mut fmt::Formatter<'_>,
    old: &PriceList,
    new: &PriceList,
) -> fmt::Result {
    let none = if old.base.is_empty() { "unknown" } else { "none" };
    let text = |price: Option<PicoUsd>| price.map_or(none.to_owned(), PicoUsd::millions);
    for meter in Meter::ALL {
        let (old, new) = (old.get(meter), new.get(meter));
        if old != new {
            writeln!(formatter, "      {}: {} -> {}", meter.name(), text(old), text(new))?;
        }
    }
    let mut told = Vec::new();
    for condition in old.overrides.iter().chain(&new.overrides).map(Condition::of) {
        if told.contains(&condition) {
            continue;
        }
        for meter in Meter::ALL {
            let (old, new) = (condition.price(old, meter), condition.price(new, meter));
            if old != new {
                let (old, new) = (text(old), text(new));
                writeln!(formatter, "      {}{condition}: {old} -> {new}", meter.name())?;
            }
        }
        told.push(condition);
    }
    Ok(())
}

/// A whole price, a line for each meter and condition.
fn write_price(formatter: &mut fmt::Formatter<'_>, price: &PriceList) -> fmt::Result {
    for (meter, price) in &price.base {
        writeln!(formatter, "      {}: {}", meter.name(), price.millions())?;
    }
    for entry in &price.overrides {
        let condition = Condition::of(entry);
        for (meter, price) in &entry.prices {
            writeln!(formatter, "      {}{condition}: {}", meter.name(), price.millions())?;
        }
    }
    Ok(())
}

/// When prices of an override hold.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Condition {
    above: Option<u64>,
    hours: Option<(u16, u16)>,
}

impl Condition {
    fn of(entry: &PriceOverride) -> Self {
        Self { above: entry.min_prompt_tokens, hours: entry.utc_start.zip(entry.utc_end) }
    }

    fn price(self, list: &PriceList, meter: Meter) -> Option<PicoUsd> {
        let entry = list.overrides.iter().find(|entry| Self::of(entry) == self)?;
        entry.prices.iter().find(|(known, _)| *known == meter).map(|(_, price)| *price)
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(tokens) = self.above {
            write!(formatter, " above {tokens} tokens")?;
        }
        if let Some((start, end)) = self.hours {
            write!(formatter, " from {start:04} to {end:04} UTC")?;
        }
        Ok(())
    }
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
            self.held_back.len() + self.held_back_added.len(),
            self.overridden.len(),
        )?;
        for change in &self.changed {
            writeln!(formatter, "  ~ {} at {}", change.model, change.tag)?;
            write_differences(formatter, &change.old, &change.new)?;
        }
        for added in &self.added {
            let new = if added.model.is_some() { " (new model)" } else { "" };
            writeln!(
                formatter,
                "  + {} at {}{new}",
                added.endpoint.model, added.endpoint.provider
            )?;
            if let Some(PriceObject(price)) = &added.endpoint.price {
                write_price(formatter, price)?;
            }
        }
        for removed in &self.removed {
            writeln!(formatter, "  - {} at {}", removed.model, removed.tag)?;
        }
        for held in &self.held_back {
            writeln!(formatter, "  ! {} at {}: {}", held.model, held.tag, held.reason)?;
            if let Some(price) = &held.price {
                write_price(formatter, price)?;
            }
        }
        for HeldBackEndpoint { added, reason } in &self.held_back_added {
            let endpoint = &added.endpoint;
            writeln!(formatter, "  ! {} at {} (new): {reason}", endpoint.model, endpoint.provider)?;
            if let Some(PriceObject(price)) = &endpoint.price {
                write_price(formatter, price)?;
            }
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
