//! The cost of an answer, computed once and frozen.

use catalog::{Meter, PicoUsd, PriceList, PriceState};
use protocol::exchange::{FinishReason, Usage};

use crate::NanoUsd;

/// What was used, beside tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MeteredUsage {
    /// Tokens and searches.
    pub tokens: Usage,
    /// Requests, usually one.
    pub requests: u64,
    /// Images sent.
    pub images: u64,
    /// Images received.
    pub images_out: u64,
}

/// What an answer costs, with its parts. `total` is `prompt + completion + other`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// All of it.
    pub total: NanoUsd,
    /// Input tokens of all kinds.
    pub prompt: NanoUsd,
    /// Output tokens of all kinds.
    pub completion: NanoUsd,
    /// Requests, images, searches.
    pub other: NanoUsd,
    /// What caching saved against the plain input price; negative when writing cost more. GEN-4
    pub cache_discount: NanoUsd,
}

/// Why tokens of an answer are not billed. ZCI-1
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaivedReason {
    /// No completion token and no finish reason.
    Empty,
    /// The finish reason is an error.
    Failed,
}

/// Whether an answer's tokens are waived. ZCI-1, ZCI-2
pub fn waived(output_tokens: u64, finish: Option<FinishReason>) -> Option<WaivedReason> {
    match finish {
        Some(FinishReason::Error) => Some(WaivedReason::Failed),
        None if output_tokens == 0 => Some(WaivedReason::Empty),
        _ => None,
    }
}

/// The cost of `usage` at `prices`; `None` if the price is unknown, which is never zero.
/// `utc_minute_of_day` (0–1439) selects prices by time of day. MODELS-7, USAGE-4
pub fn cost(usage: &MeteredUsage, prices: &PriceList, utc_minute_of_day: u16) -> Option<Cost> {
    if prices.state() == PriceState::Unknown {
        return None;
    }
    let tokens = &usage.tokens;
    let price = |meter| prices.effective(meter, tokens.input, utc_minute_of_day);
    let prompt_price = price(Meter::Prompt).unwrap_or_default();
    let completion_price = price(Meter::Completion).unwrap_or_default();
    let times = |units: u64, price: PicoUsd| i128::from(units) * i128::from(price.0);

    // Every part is taken out of what is left, so that no token is billed twice even if a
    // provider's parts do not add up.
    let mut left = tokens.input;
    let mut part = |wanted: u64| {
        let taken = wanted.min(left);
        left -= taken;
        taken
    };
    let read = part(tokens.cached_input);
    let write = part(tokens.cache_write);
    let audio = part(tokens.audio_input);
    let image = part(tokens.image_input);
    let write_1h = tokens.cache_write_1h.min(write);
    let write_5m = write - write_1h;

    // A token without a price is an unknown price, unless the endpoint bills by the request.
    let by_request = price(Meter::Request).is_some();
    let unpriced = |parts: &[(u64, Meter)], fallback: Meter| {
        !by_request
            && price(fallback).is_none()
            && parts.iter().any(|(units, meter)| *units > 0 && price(*meter).is_none())
    };
    let parts = [
        (left, Meter::Prompt),
        (read, Meter::InputCacheRead),
        (write_5m, Meter::InputCacheWrite),
        (write_1h, Meter::InputCacheWrite1h),
        (audio, Meter::Audio),
        (image, Meter::ImageToken),
    ];
    if unpriced(&parts, Meter::Prompt) {
        return None;
    }
    let read_price = price(Meter::InputCacheRead).unwrap_or(prompt_price);
    let write_price = price(Meter::InputCacheWrite).unwrap_or(prompt_price);
    let write_1h_price = price(Meter::InputCacheWrite1h).unwrap_or(write_price);
    let prompt = times(left, prompt_price)
        + times(read, read_price)
        + times(write_5m, write_price)
        + times(write_1h, write_1h_price)
        + times(audio, price(Meter::Audio).unwrap_or(prompt_price))
        + times(image, price(Meter::ImageToken).unwrap_or(prompt_price));
    let uncached = times(read + write, prompt_price);
    let cached =
        times(read, read_price) + times(write_5m, write_price) + times(write_1h, write_1h_price);

    let mut left = tokens.output;
    let mut part = |wanted: u64| {
        let taken = wanted.min(left);
        left -= taken;
        taken
    };
    let reasoning = part(tokens.reasoning);
    let audio_out = part(tokens.audio_output);
    let image_out = part(tokens.image_output);
    let parts = [
        (left, Meter::Completion),
        (reasoning, Meter::InternalReasoning),
        (audio_out, Meter::AudioOutput),
        (image_out, Meter::ImageOutputToken),
    ];
    if unpriced(&parts, Meter::Completion) {
        return None;
    }
    let completion = times(left, completion_price)
        + times(reasoning, price(Meter::InternalReasoning).unwrap_or(completion_price))
        + times(audio_out, price(Meter::AudioOutput).unwrap_or(completion_price))
        + times(image_out, price(Meter::ImageOutputToken).unwrap_or(completion_price));

    // Where the tokens of images are priced, a price by the piece says the same once more.
    let by_piece = |meter, tokens: Meter, counted: u64| {
        let twice = counted > 0 || price(tokens).is_some_and(|price| price.0 > 0);
        if twice { PicoUsd::ZERO } else { price(meter).unwrap_or_default() }
    };
    let image_price = by_piece(Meter::Image, Meter::Prompt, tokens.image_input);
    let image_out_price =
        by_piece(Meter::ImageOutput, Meter::ImageOutputToken, tokens.image_output);
    let other = times(usage.requests, price(Meter::Request).unwrap_or_default())
        + times(usage.images, image_price)
        + times(usage.images_out, image_out_price)
        + times(tokens.web_searches, price(Meter::WebSearch).unwrap_or_default());

    // Rounded once: the parts are shares of the rounded total, the last one takes the rest.
    let total = NanoUsd::from_pico(prompt + completion + other);
    let prompt = NanoUsd::from_pico(prompt).min(total);
    let completion = NanoUsd::from_pico(completion).min(total - prompt);
    Some(Cost {
        total,
        prompt,
        completion,
        other: total - prompt - completion,
        cache_discount: NanoUsd::from_pico(uncached - cached),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use catalog::PriceOverride;
    use proptest::prelude::*;

    fn claude() -> PriceList {
        PriceList {
            base: vec![
                (Meter::Prompt, PicoUsd(3_000_000)),
                (Meter::Completion, PicoUsd(15_000_000)),
                (Meter::InputCacheRead, PicoUsd(300_000)),
                (Meter::InputCacheWrite, PicoUsd(3_750_000)),
                (Meter::InputCacheWrite1h, PicoUsd(6_000_000)),
            ],
            overrides: vec![PriceOverride {
                min_prompt_tokens: Some(200_000),
                prices: vec![(Meter::Prompt, PicoUsd(6_000_000))],
                ..PriceOverride::default()
            }],
        }
    }

    /// Bug 17: cached tokens are neither billed twice nor for nothing.
    #[test]
    fn cached_tokens_are_billed_once_at_their_own_price() {
        let tokens = Usage {
            input: 10_000,
            cached_input: 6_000,
            cache_write: 3_000,
            cache_write_1h: 1_000,
            output: 100,
            ..Usage::default()
        };
        let usage = MeteredUsage { tokens, requests: 1, ..MeteredUsage::default() };
        let cost = cost(&usage, &claude(), 0).unwrap();
        // 1000×3 + 6000×0.3 + 2000×3.75 + 1000×6 = 18,300 µ$ per … in nano: 18.3 m$
        assert_eq!(cost.prompt, NanoUsd(18_300_000));
        assert_eq!(cost.completion, NanoUsd(1_500_000));
        assert_eq!(cost.total, NanoUsd(19_800_000));
        assert_eq!(cost.cache_discount, NanoUsd(27_000_000 - 15_300_000));
    }

    #[test]
    fn an_unknown_price_is_not_zero_and_free_is_not_unknown() {
        let usage = MeteredUsage { requests: 1, ..MeteredUsage::default() };
        assert_eq!(cost(&usage, &PriceList::default(), 0), None);
        let free = PriceList { base: vec![(Meter::Prompt, PicoUsd(0))], overrides: Vec::new() };
        assert_eq!(cost(&usage, &free, 0), Some(Cost::default()));
        let tokens = Usage { output: 1, ..Usage::default() };
        let output = MeteredUsage { tokens, requests: 1, ..MeteredUsage::default() };
        assert_eq!(cost(&output, &free, 0), None, "output without a price");
    }

    /// ZCI-1
    #[test]
    fn empty_and_failed_answers_are_waived() {
        assert_eq!(waived(0, None), Some(WaivedReason::Empty));
        assert_eq!(waived(5, Some(FinishReason::Error)), Some(WaivedReason::Failed));
        assert_eq!(waived(0, Some(FinishReason::Stop)), None);
        assert_eq!(waived(5, None), None);
    }

    proptest! {
        #[test]
        fn parts_sum_to_the_total_and_nothing_is_negative(
            input in 0_u64..10_000_000, cached in 0_u64..10_000_000, write in 0_u64..10_000_000,
            output in 0_u64..10_000_000, reasoning in 0_u64..10_000_000,
        ) {
            let tokens = Usage {
                input, cached_input: cached, cache_write: write, output, reasoning,
                ..Usage::default()
            };
            let usage = MeteredUsage { tokens, requests: 1, ..MeteredUsage::default() };
            let cost = cost(&usage, &claude(), 0).unwrap();
            prop_assert_eq!(cost.prompt + cost.completion + cost.other, cost.total);
            prop_assert!(cost.prompt.0 >= 0 && cost.completion.0 >= 0 && cost.other.0 >= 0);
            // Never more than everything at the dearest price.
            let most = i128::from(input) * 6_000_000 + i128::from(output) * 15_000_000;
            prop_assert!(cost.total <= NanoUsd::from_pico(most));
        }
    }
}
