//! The shape of `api.json`. Numbers are kept as text: a price never passes through a float.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::price::{Meter, PicoUsd, PriceList, PriceOverride, PriceTextError};

/// `context_over_200k` holds above so many tokens.
const LONG_CONTEXT: u64 = 200_000;

pub(super) type Document = BTreeMap<String, ListProvider>;

#[derive(Deserialize)]
pub(super) struct ListProvider {
    #[serde(default)]
    pub models: BTreeMap<String, ListModel>,
}

#[derive(Deserialize)]
pub(super) struct ListModel {
    pub name: Option<String>,
    #[serde(default)]
    pub reasoning: bool,
    #[serde(default)]
    pub tool_call: bool,
    #[serde(default)]
    pub structured_output: bool,
    pub temperature: Option<bool>,
    pub knowledge: Option<String>,
    pub release_date: Option<String>,
    #[serde(default)]
    pub open_weights: bool,
    pub status: Option<String>,
    #[serde(default)]
    pub modalities: ListModalities,
    #[serde(default)]
    pub limit: ListLimit,
    pub cost: Option<BTreeMap<String, Box<RawValue>>>,
}

#[derive(Default, Deserialize)]
pub(super) struct ListModalities {
    #[serde(default)]
    pub input: Vec<String>,
    #[serde(default)]
    pub output: Vec<String>,
}

#[derive(Default, Deserialize)]
pub(super) struct ListLimit {
    pub context: Option<u64>,
    pub input: Option<u64>,
    pub output: Option<u64>,
}

#[derive(Deserialize)]
struct Tier {
    tier: TierCondition,
}

#[derive(Deserialize)]
struct TierCondition {
    #[serde(rename = "type")]
    kind: String,
    size: Option<u64>,
}

/// A price that cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum CostError {
    #[error(transparent)]
    Price(#[from] PriceTextError),
    #[error("`{0}` is not of the known form")]
    Shape(&'static str),
}

impl ListModel {
    /// The prices, from USD per million units. `None`: the list has none.
    pub(super) fn price(&self) -> Result<Option<PriceList>, CostError> {
        let Some(cost) = &self.cost else { return Ok(None) };
        let mut list = PriceList { base: prices(cost)?, overrides: Vec::new() };
        if let Some(raw) = cost.get("context_over_200k") {
            let above: BTreeMap<String, Box<RawValue>> = serde_json::from_str(raw.get())
                .map_err(|_| CostError::Shape("context_over_200k"))?;
            list.overrides.push(PriceOverride {
                min_prompt_tokens: Some(LONG_CONTEXT),
                prices: prices(&above)?,
                ..PriceOverride::default()
            });
        }
        if let Some(raw) = cost.get("tiers") {
            for raw in serde_json::from_str::<Vec<Box<RawValue>>>(raw.get())
                .map_err(|_| CostError::Shape("tiers"))?
            {
                list.overrides.extend(tier(&raw)?);
            }
        }
        list.overrides.retain(|entry| !entry.prices.is_empty());
        list.overrides.sort_by_key(|entry| entry.min_prompt_tokens);
        // The same threshold may be given in both ways.
        list.overrides.dedup_by_key(|entry| entry.min_prompt_tokens);
        Ok((!list.base.is_empty()).then_some(list))
    }
}

fn tier(raw: &RawValue) -> Result<Option<PriceOverride>, CostError> {
    let shape = |_| CostError::Shape("tiers");
    let condition: Tier = serde_json::from_str(raw.get()).map_err(shape)?;
    let (true, Some(size)) = (condition.tier.kind == "context", condition.tier.size) else {
        return Ok(None);
    };
    let members: BTreeMap<String, Box<RawValue>> =
        serde_json::from_str(raw.get()).map_err(shape)?;
    Ok(Some(PriceOverride {
        min_prompt_tokens: Some(size),
        prices: prices(&members)?,
        ..PriceOverride::default()
    }))
}

/// What the list has prices of, by its names.
const METERS: [(&str, Meter); 7] = [
    ("input", Meter::Prompt),
    ("output", Meter::Completion),
    ("cache_read", Meter::InputCacheRead),
    ("cache_write", Meter::InputCacheWrite),
    ("reasoning", Meter::InternalReasoning),
    ("input_audio", Meter::Audio),
    ("output_audio", Meter::AudioOutput),
];

/// Whether the list can have a price of a meter at all.
pub(super) fn is_listed(meter: Meter) -> bool {
    METERS.iter().any(|(_, known)| *known == meter)
}

fn prices(
    members: &BTreeMap<String, Box<RawValue>>,
) -> Result<Vec<(Meter, PicoUsd)>, PriceTextError> {
    let mut prices = Vec::new();
    for (name, raw) in members {
        let Some((_, meter)) = METERS.iter().find(|(known, _)| known == name) else { continue };
        if raw.get() != "null" {
            prices.push((*meter, PicoUsd::per_million(raw.get())?));
        }
    }
    prices.sort_by_key(|(meter, _)| *meter);
    Ok(prices)
}
