//! Prices of the source document. A price that is not complete enough to bill by is unknown.

use std::collections::BTreeMap;

use super::source::SourceEndpoint;
use crate::facts::RequestFees;
use crate::model::ModelKind;
use crate::price::{Meter, PicoUsd, PriceList, PriceOverride, PriceState, PriceTextError};

/// The most that a token can cost. A price above is a slip of the source (per thousand or per
/// million taken for per token): 0.001 USD per token is 1,000 USD per million. What only reads is
/// far cheaper than what writes.
pub(crate) const fn most(kind: ModelKind) -> PicoUsd {
    match kind {
        ModelKind::Embedding | ModelKind::Rerank => PicoUsd(10_000_000),
        _ => PicoUsd(1_000_000_000),
    }
}

/// Why a price is unknown.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Doubt {
    /// The source has none.
    None,
    /// Zero, though the source does not call the endpoint free: often it means unknown.
    Zero,
    /// Input or output has no price.
    Incomplete,
    /// Above [`most`].
    Absurd,
    /// Not a price.
    Text(PriceTextError),
}

/// These prices with those of tokens so many times as high; `None` where one would be beyond what can
/// be said.
pub(super) fn raised(list: &PriceList, times: i64) -> Option<PriceList> {
    let raised = |prices: &[(Meter, PicoUsd)]| -> Option<Vec<(Meter, PicoUsd)>> {
        prices
            .iter()
            .map(|(meter, price)| {
                let times = if meter.counts_tokens() { times } else { 1 };
                Some((*meter, PicoUsd(price.0.checked_mul(times)?)))
            })
            .collect()
    };
    let overrides = list
        .overrides
        .iter()
        .map(|over| Some(PriceOverride { prices: raised(&over.prices)?, ..over.clone() }));
    Some(PriceList { base: raised(&list.base)?, overrides: overrides.collect::<Option<_>>()? })
}

/// The prices of an endpoint.
pub(super) fn build(source: &SourceEndpoint, kind: ModelKind) -> Result<PriceList, Doubt> {
    if source.price_confidence.is_none() {
        return Err(Doubt::None);
    }
    let mut base = Vec::new();
    for (name, text) in &source.pricing {
        let (Some(meter), Some(text)) = (meter(name), text) else { continue };
        base.push((meter, PicoUsd::parse(text).map_err(Doubt::Text)?));
    }
    base.sort_by_key(|(meter, _)| *meter);
    let price = |wanted| base.iter().find(|(meter, _)| *meter == wanted).map(|(_, price)| *price);
    if base.is_empty() {
        return Err(Doubt::None);
    }
    if base.iter().any(|(meter, price)| meter.counts_tokens() && *price > most(kind)) {
        return Err(Doubt::Absurd);
    }
    let free = base.iter().all(|(_, price)| *price == PicoUsd::ZERO);
    if free && !source.is_free {
        return Err(Doubt::Zero);
    }
    let needs_both = matches!(kind, ModelKind::Chat | ModelKind::Completion | ModelKind::Realtime);
    if needs_both && (price(Meter::Prompt).is_none() || price(Meter::Completion).is_none()) {
        return Err(Doubt::Incomplete);
    }
    // Priced by something that a chat does not meter: it would cost nothing.
    if needs_both
        && !free
        && [Meter::Prompt, Meter::Completion].map(price) == [Some(PicoUsd::ZERO); 2]
    {
        return Err(Doubt::Zero);
    }
    if !free {
        // A special token that costs nothing beside ordinary ones that cost something is a gap of
        // the source: without a price of its own it is billed as an ordinary token.
        base.retain(|(meter, price)| {
            *price != PicoUsd::ZERO
                || !meter.counts_tokens()
                || matches!(meter, Meter::Prompt | Meter::Completion)
        });
    }
    // What is read from a cache is never dearer than what is not: a slip, and limits would not hold.
    if let Some(prompt) = price_of(&base, Meter::Prompt).filter(|_| !free) {
        base.retain(|(meter, price)| *meter != Meter::InputCacheRead || *price <= prompt);
    }
    let mut overrides = Vec::new();
    for tier in &source.pricing_tiers {
        overrides.extend(price_override(tier)?.map(|entry| with_cache(entry, &base)));
    }
    // The higher threshold wins where several apply. MODELS-7
    overrides
        .sort_by_key(|entry: &PriceOverride| (entry.utc_start.is_some(), entry.min_prompt_tokens));
    Ok(PriceList { base, overrides })
}

/// These prices with that of a search on every request.
pub(super) fn with_search(list: &mut PriceList) {
    let Some(search) = list.get(Meter::WebSearch) else { return };
    match list.base.iter_mut().find(|(meter, _)| *meter == Meter::Request) {
        Some((_, price)) => price.0 = price.0.saturating_add(search.0),
        None => list.base.push((Meter::Request, search)),
    }
    list.base.retain(|(meter, _)| *meter != Meter::WebSearch);
    list.base.sort_by_key(|(meter, _)| *meter);
}

/// These prices with fees of a request that depend on how much of what it finds comes into the
/// prompt. Sources have one or two of them, as fees of a request and of a search; there is no fee of
/// a search beside them.
pub(super) fn with_request_fees(list: &mut PriceList, fees: RequestFees) {
    if list.state() == PriceState::Unknown {
        return;
    }
    let fees = [
        (Meter::Request, fees.low),
        (Meter::RequestMediumContext, fees.medium),
        (Meter::RequestHighContext, fees.high),
    ];
    list.base.retain(|(meter, _)| {
        *meter != Meter::WebSearch && fees.iter().all(|(known, _)| known != meter)
    });
    list.base.extend(fees);
    list.base.sort_by_key(|(meter, _)| *meter);
}

fn price_of(prices: &[(Meter, PicoUsd)], meter: Meter) -> Option<PicoUsd> {
    prices.iter().find(|(known, _)| *known == meter).map(|(_, price)| *price)
}

/// An override with the prices of a cache that it leaves out: they are multiples of the prompt's, and
/// rise and fall with it.
fn with_cache(mut entry: PriceOverride, base: &[(Meter, PicoUsd)]) -> PriceOverride {
    let (Some(usual), Some(now)) =
        (price_of(base, Meter::Prompt), price_of(&entry.prices, Meter::Prompt))
    else {
        return entry;
    };
    for meter in [Meter::InputCacheRead, Meter::InputCacheWrite, Meter::InputCacheWrite1h] {
        if price_of(&entry.prices, meter).is_some() {
            continue;
        }
        if let Some(price) = price_of(base, meter)
            && let Some(scaled) = i128::from(price.0)
                .checked_mul(i128::from(now.0))
                .and_then(|product| product.checked_div(i128::from(usual.0)))
            && let Ok(scaled) = i64::try_from(scaled)
        {
            entry.prices.push((meter, PicoUsd(scaled)));
        }
    }
    entry.prices.sort_by_key(|(meter, _)| *meter);
    entry
}

fn price_override(
    tier: &BTreeMap<String, serde_json::Value>,
) -> Result<Option<PriceOverride>, Doubt> {
    let number = |name: &str| tier.get(name).and_then(serde_json::Value::as_u64);
    let clock = |name: &str| number(name).and_then(|value| u16::try_from(value).ok());
    let mut prices = Vec::new();
    for (name, value) in tier {
        if let (Some(meter), Some(text)) = (meter(name), value.as_str()) {
            prices.push((meter, PicoUsd::parse(text).map_err(Doubt::Text)?));
        }
    }
    prices.sort_by_key(|(meter, _)| *meter);
    let entry = PriceOverride {
        min_prompt_tokens: number("min_prompt_tokens"),
        utc_start: clock("utc_start"),
        utc_end: clock("utc_end"),
        prices,
    };
    let conditional = entry.min_prompt_tokens.is_some() || entry.utc_start.is_some();
    Ok((conditional && !entry.prices.is_empty()).then_some(entry))
}

/// The meter of a name of the source.
fn meter(name: &str) -> Option<Meter> {
    match name {
        "cache_read" => Some(Meter::InputCacheRead),
        "cache_write" => Some(Meter::InputCacheWrite),
        "cache_write_1h" => Some(Meter::InputCacheWrite1h),
        _ => Meter::from_name(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(pricing: &str, extra: &str) -> Result<PriceList, Doubt> {
        let text = format!(
            r#"{{"provider": "p", "price_confidence": "single", "pricing": {pricing}{extra}}}"#
        );
        build(&serde_json::from_str(&text).unwrap(), ModelKind::Chat)
    }

    #[test]
    fn a_cache_is_priced_with_the_prompt_where_an_override_leaves_it_out() {
        let prices = list(
            r#"{"prompt": "0.000005", "completion": "0.000025", "cache_read": "0.0000005", "cache_write": "0.00000625", "cache_write_1h": "0.00001"}"#,
            r#", "pricing_tiers": [
                {"min_prompt_tokens": 200000, "prompt": "0.00001", "cache_write": "0.0000125"},
                {"min_prompt_tokens": 500000, "completion": "0.00005"}]"#,
        )
        .unwrap();
        let at = |meter, tokens| prices.effective(meter, tokens, 0).unwrap().0;
        assert_eq!(at(Meter::InputCacheWrite1h, 250_000), 20_000_000);
        assert_eq!(at(Meter::InputCacheWrite, 250_000), 12_500_000);
        assert_eq!(at(Meter::InputCacheRead, 250_000), 1_000_000);
        assert_eq!(at(Meter::InputCacheWrite1h, 100_000), 10_000_000);
    }

    #[test]
    fn a_cache_that_is_dearer_than_none_is_a_slip() {
        let prices = list(
            r#"{"prompt": "0.0000001", "completion": "0.0000003", "cache_read": "0.0000003"}"#,
            "",
        )
        .unwrap();
        assert_eq!(prices.get(Meter::InputCacheRead), None);
    }

    #[test]
    fn names_are_mapped_and_tiers_become_overrides_in_order() {
        let prices = list(
            r#"{"prompt": "0.000003", "completion": "0.000015", "cache_read": "0.0000003"}"#,
            r#", "pricing_tiers": [
                {"min_prompt_tokens": 500000, "prompt": "0.00001", "cache_write": null},
                {"min_prompt_tokens": 200000, "prompt": "0.000006"}]"#,
        )
        .unwrap();
        assert_eq!(prices.get(Meter::InputCacheRead), Some(PicoUsd(300_000)));
        assert_eq!(prices.effective(Meter::Prompt, 200_000, 0), Some(PicoUsd(3_000_000)));
        assert_eq!(prices.effective(Meter::Prompt, 200_001, 0), Some(PicoUsd(6_000_000)));
        assert_eq!(prices.effective(Meter::Prompt, 600_000, 0), Some(PicoUsd(10_000_000)));
    }

    #[test]
    fn what_cannot_be_billed_by_is_unknown() {
        for (pricing, expected) in [
            ("{}", Doubt::None),
            (r#"{"prompt": "0", "completion": "0"}"#, Doubt::Zero),
            (r#"{"prompt": "0", "completion": "0", "image_output": "0.04"}"#, Doubt::Zero),
            (r#"{"prompt": "0.000001"}"#, Doubt::Incomplete),
            (r#"{"prompt": "0.0032", "completion": "0.00971"}"#, Doubt::Absurd),
        ] {
            assert_eq!(list(pricing, ""), Err(expected), "{pricing}");
        }
        assert!(list(r#"{"prompt": "0", "completion": "0"}"#, r#", "is_free": true"#).is_ok());
    }

    #[test]
    fn vectors_cost_less_than_words() {
        let kind = |kind, price| {
            let text = format!(
                r#"{{"provider": "p", "price_confidence": "single", "pricing": {{"prompt": "{price}"}}}}"#
            );
            build(&serde_json::from_str(&text).unwrap(), kind).map(|_| ())
        };
        for (model, price, expected) in [
            (ModelKind::Embedding, "0.0001", Err(Doubt::Absurd)),
            (ModelKind::Rerank, "0.0001", Err(Doubt::Absurd)),
            (ModelKind::Embedding, "0.0000001", Ok(())),
            (ModelKind::Moderation, "0.0001", Ok(())),
        ] {
            assert_eq!(kind(model, price), expected, "{model:?} {price}");
        }
    }

    #[test]
    fn a_special_token_at_zero_is_billed_as_an_ordinary_one() {
        let prices =
            list(r#"{"prompt": "0.000001", "completion": "0.000002", "cache_write": "0"}"#, "")
                .unwrap();
        assert_eq!(prices.get(Meter::InputCacheWrite), None);
    }
}
