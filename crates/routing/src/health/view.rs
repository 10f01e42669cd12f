//! What routing asks about the health of endpoints.

use catalog::EndpointId;
use serde::Serialize;

use super::histogram::Percentiles;

/// The health of endpoints at a moment.
pub trait HealthView {
    /// How an endpoint has been doing.
    fn condition(&self, endpoint: EndpointId, now_ms: u64) -> Condition;
    /// Seconds to the first token over five minutes. PERF-2
    fn latency(&self, endpoint: EndpointId, now_ms: u64) -> Option<Percentiles>;
    /// Tokens per second over five minutes. PERF-2
    fn throughput(&self, endpoint: EndpointId, now_ms: u64) -> Option<Percentiles>;
    /// How well it calls tools. EXACTO-5
    fn tools(&self, endpoint: EndpointId, now_ms: u64) -> ToolRecord;
}

/// How an endpoint has been doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Condition {
    /// A significant outage in the last 30 seconds: at least two failures, and at least half of
    /// what counts. LB-1
    pub failing: bool,
    /// It said that it is not to be asked yet.
    pub rate_limited: bool,
    /// Its uptime over half an hour. LB-5
    pub uptime: UptimeTier,
}

/// How much of the time an endpoint answers. Under 100 requests it is normal. LB-5
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum UptimeTier {
    /// 95 % and more.
    #[default]
    Normal,
    /// 80 % to 95 %: lowered priority.
    Degraded,
    /// Under 80 %: used only as a fallback.
    Poor,
}

impl UptimeTier {
    /// Requests needed before a score counts. LB-5
    pub const MINIMUM_REQUESTS: u64 = 100;

    /// The tier of so many successes and failures.
    pub const fn of(successes: u64, failures: u64) -> Self {
        let (successes, all) = (successes as u128, successes as u128 + failures as u128);
        if all < Self::MINIMUM_REQUESTS as u128 {
            return Self::Normal;
        }
        let hundred = successes * 100;
        if hundred >= all * 95 {
            Self::Normal
        } else if hundred >= all * 80 {
            Self::Degraded
        } else {
            Self::Poor
        }
    }
}

/// How well an endpoint calls tools. EXACTO-4, EXACTO-5
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ToolRecord {
    /// Requests of any kind in half an hour.
    pub requests: u64,
    /// Requests that ended in tool calls, in two hours.
    pub tool_requests: u64,
    /// Those of them with at least one invalid call.
    pub invalid: u64,
}

/// Nothing is known: everything is healthy.
impl HealthView for () {
    fn condition(&self, _: EndpointId, _: u64) -> Condition {
        Condition::default()
    }
    fn latency(&self, _: EndpointId, _: u64) -> Option<Percentiles> {
        None
    }
    fn throughput(&self, _: EndpointId, _: u64) -> Option<Percentiles> {
        None
    }
    fn tools(&self, _: EndpointId, _: u64) -> ToolRecord {
        ToolRecord::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// LB-5
    #[test]
    fn uptime_counts_from_a_hundred_requests_on_and_falls_into_three_tiers() {
        use UptimeTier::{Degraded, Normal, Poor};
        for (successes, failures, tier) in [
            (0, 0, Normal),
            (0, 99, Normal),
            (0, 100, Poor),
            (95, 5, Normal),
            (94, 6, Degraded),
            (949, 51, Degraded),
            (80, 20, Degraded),
            (79, 21, Poor),
            (u64::MAX, u64::MAX, Poor),
        ] {
            assert_eq!(UptimeTier::of(successes, failures), tier, "{successes}/{failures}");
        }
    }
}
