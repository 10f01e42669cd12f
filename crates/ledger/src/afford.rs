//! Upper bounds: what an answer costs at most, and how long it may be for an amount.

use catalog::{Meter, PriceList};
use protocol::exchange::Usage;

use crate::amount::Femto;
use crate::cost::{Tariff, items};
use crate::{MeteredUsage, NanoUsd, Quantity};

/// A bound on a cost before it is rounded: a part that is certain, and a price for each token of
/// the answer.
struct Bound {
    before: Femto,
    each: Femto,
}

/// The meters an output token may fall under.
const OUTPUT: [Meter; 4] =
    [Meter::Completion, Meter::InternalReasoning, Meter::AudioOutput, Meter::ImageOutputToken];

/// `writes`: there may be output.
fn bound(
    usage: &MeteredUsage,
    prices: &PriceList,
    utc_minute_of_day: u16,
    writes: bool,
) -> Option<Bound> {
    let tariff = Tariff { prices, prompt_tokens: usage.tokens.input, utc_minute_of_day };
    let tokens =
        Usage { output: 0, reasoning: 0, audio_output: 0, image_output: 0, ..usage.tokens };
    let before = items(&MeteredUsage { tokens, ..*usage }, &tariff)?
        .as_slice()
        .iter()
        .fold(Femto::ZERO, |sum, item| sum.plus(Femto::product(item.quantity, item.price)));
    let dearest = OUTPUT.into_iter().filter_map(|meter| tariff.own(meter)).max();
    if dearest.is_none() && writes {
        // Nothing prices output tokens: unknown, unless a piece pays for the whole answer.
        let tokens = Usage { output: 1, ..tokens };
        items(&MeteredUsage { tokens, ..*usage }, &tariff)?;
    }
    let each = Femto::product(Quantity::units(1), dearest.unwrap_or_default());
    Some(Bound { before, each })
}

/// The most that `usage` can cost, in nano-dollars: input as it is told, every output token at
/// the dearest price of an output token, whatever it will be. Tokens that may be written to a
/// cache are to be told as written. `None` if the price of what is used is unknown: without output
/// that of output is not asked for, since vectors have none.
pub fn upper_bound(
    usage: &MeteredUsage,
    prices: &PriceList,
    utc_minute_of_day: u16,
) -> Option<NanoUsd> {
    let writes = usage.tokens.output > 0;
    let Bound { before, each } = bound(usage, prices, utc_minute_of_day, writes)?;
    let output = each.times(usage.tokens.output);
    Some(before.plus(output).rounded())
}

/// The most output tokens that `available` nano-dollars pay for beside a prompt of at most
/// `prompt_tokens`, by [`upper_bound`]: exactly, so that one more would cost more than that.
/// `u64::MAX` where output costs nothing, `None` if not even the prompt is affordable or if the
/// price is unknown.
pub fn affordable_output_tokens(
    prices: &PriceList,
    prompt_tokens: u64,
    available: NanoUsd,
    utc_minute_of_day: u16,
) -> Option<u64> {
    let tokens = Usage { input: prompt_tokens, ..Usage::default() };
    let usage = MeteredUsage { tokens, requests: 1, ..MeteredUsage::default() };
    affordable_output_tokens_beside(&usage, prices, available, utc_minute_of_day)
}

/// [`affordable_output_tokens`] beside anything else that is used: images, searches, tokens
/// written to a cache. Output tokens in `usage` are not looked at.
pub fn affordable_output_tokens_beside(
    usage: &MeteredUsage,
    prices: &PriceList,
    available: NanoUsd,
    utc_minute_of_day: u16,
) -> Option<u64> {
    let Bound { before, each } = bound(usage, prices, utc_minute_of_day, true)?;
    // The largest sum that rounds to no more than is available: half to even.
    let half = if available.0 & 1 == 0 { Femto::PER_NANO / 2 } else { Femto::PER_NANO / 2 - 1 };
    let most = i128::from(available.0) * Femto::PER_NANO + half;
    if before.0 > most {
        return None;
    }
    // Amounts end at `i64::MAX`: nothing costs more than that.
    if each.0 <= 0 || available.0 == i64::MAX {
        return Some(u64::MAX);
    }
    Some(u64::try_from((most - before.0) / each.0).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use catalog::{PicoUsd, PriceOverride};
    use proptest::prelude::*;

    use super::*;

    fn prices(base: &[(Meter, i64)]) -> PriceList {
        let base = base.iter().map(|(meter, price)| (*meter, PicoUsd(*price))).collect();
        PriceList { base, overrides: Vec::new() }
    }

    #[test]
    fn what_is_free_is_without_end_and_what_is_unknown_is_not_affordable() {
        let free = prices(&[(Meter::Prompt, 0), (Meter::Completion, 0)]);
        assert_eq!(affordable_output_tokens(&free, 10, NanoUsd(0), 0), Some(u64::MAX));
        assert_eq!(affordable_output_tokens(&free, 10, NanoUsd(-1), 0), None, "CREDIT-4");
        let rich = NanoUsd(1_000_000_000);
        assert_eq!(affordable_output_tokens(&PriceList::default(), 1, rich, 0), None);
        let half_known = prices(&[(Meter::Prompt, 1)]);
        assert_eq!(affordable_output_tokens(&half_known, 1, rich, 0), None);
    }

    #[test]
    fn a_dollar_pays_for_what_the_prompt_leaves() {
        let list = prices(&[
            (Meter::Prompt, 3_000_000),
            (Meter::Completion, 15_000_000),
            (Meter::Request, 1_000_000_000),
        ]);
        let dollar = NanoUsd(1_000_000_000);
        // 0.3 for the prompt, 0.001 for the request, 15 µ$ for each token.
        assert_eq!(affordable_output_tokens(&list, 100_000, dollar, 0), Some(46_600));
        assert_eq!(affordable_output_tokens(&list, 333_334, dollar, 0), None);
        assert_eq!(affordable_output_tokens(&list, 333_000, dollar, 0), Some(0));
    }

    fn some_prices() -> impl Strategy<Value = PriceList> {
        let price = prop_oneof![Just(0_i64), 1..2_000_i64, 1..100_000_000_i64];
        (
            (price.clone(), price.clone(), price.clone()),
            prop::option::of(price.clone()),
            prop::option::of(price),
            0_u64..20_000,
        )
            .prop_map(|((prompt, completion, tier), reasoning, request, threshold)| {
                let mut base = vec![(Meter::Prompt, prompt), (Meter::Completion, completion)];
                base.extend(request.map(|price| (Meter::Request, price)));
                base.extend(reasoning.map(|price| (Meter::InternalReasoning, price)));
                let overrides = vec![PriceOverride {
                    min_prompt_tokens: Some(threshold),
                    prices: vec![(Meter::Completion, PicoUsd(tier))],
                    ..PriceOverride::default()
                }];
                PriceList { overrides, ..prices(&base) }
            })
    }

    proptest! {
        #[test]
        fn the_length_is_exact(
            list in some_prices(), prompt in 0_u64..30_000, available in 0_i64..2_000_000_000,
            reasoning in 0_u64..1_000,
        ) {
            let most = |output: u64| {
                let tokens = Usage { input: prompt, output, ..Usage::default() };
                let usage = MeteredUsage { tokens, requests: 1, ..MeteredUsage::default() };
                upper_bound(&usage, &list, 0).unwrap().0
            };
            match affordable_output_tokens(&list, prompt, NanoUsd(available), 0) {
                None => prop_assert!(most(0) > available),
                Some(u64::MAX) => prop_assert!(most(u64::MAX) <= available),
                Some(output) => {
                    prop_assert!(most(output) <= available);
                    prop_assert!(most(output + 1) > available);
                    // Whatever share of it is reasoning, it costs no more.
                    let reasoning = reasoning.min(output);
                    let tokens = Usage { input: prompt, output, reasoning, ..Usage::default() };
                    let usage = MeteredUsage { tokens, requests: 1, ..MeteredUsage::default() };
                    let actual = crate::cost(&usage, &list, 0).unwrap().total.0;
                    prop_assert!(actual <= available);
                }
            }
        }
    }
}
