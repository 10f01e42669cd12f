//! What a request may cost before it is made.

use catalog::PriceList;
use protocol::exchange::Usage;

use crate::afford::upper_bound;
use crate::cost::cost;
use crate::{MeteredUsage, NanoUsd};

/// What a request may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Estimate {
    /// With the estimated prompt and no output.
    pub prompt: NanoUsd,
    /// With the estimated prompt and all output tokens allowed: an upper bound.
    pub most: NanoUsd,
}

/// Estimates the cost of a request; `None` if the price is unknown.
pub fn estimate(
    prices: &PriceList,
    prompt_tokens: u64,
    most_output_tokens: u64,
    utc_minute_of_day: u16,
) -> Option<Estimate> {
    let tokens = Usage { input: prompt_tokens, ..Usage::default() };
    let usage = MeteredUsage { tokens, requests: 1, ..MeteredUsage::default() };
    let prompt = cost(&usage, prices, utc_minute_of_day)?.total;
    let tokens = Usage { output: most_output_tokens, ..tokens };
    let usage = MeteredUsage { tokens, ..usage };
    Some(Estimate { prompt, most: upper_bound(&usage, prices, utc_minute_of_day)? })
}
