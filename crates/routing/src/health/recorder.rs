//! The recorder of one endpoint.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use super::cell::Ring;
use super::histogram::{Better, Histogram, Percentiles};
use super::outcome::{Observation, Outcome};
use super::view::{Condition, ToolRecord, UptimeTier};

/// Failures in 30 seconds that make a significant outage, if they are also half of what counts.
const OUTAGE_FAILURES: u64 = 2;
/// Requests needed before an uptime is published. MODELS-12
const PUBLISHED_MINIMUM: u64 = 10;
/// How long a rate limit without a hint is respected.
const DEFAULT_PAUSE_MS: u64 = 5_000;
/// A hint is believed up to here: a peer cannot switch itself off for good.
const LONGEST_PAUSE_MS: u64 = 10 * 60_000;

/// A span of statistics. Spans are made of whole slots, the current one included: five minutes
/// cover between four and five, a day between 23 and 24 hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span {
    /// Five minutes.
    FiveMinutes,
    /// Half an hour.
    HalfHour,
    /// A day. Distributions are kept for half an hour only and give that.
    Day,
}

impl Span {
    const fn minutes(self) -> usize {
        match self {
            Self::FiveMinutes => 5,
            Self::HalfHour | Self::Day => 30,
        }
    }
}

#[derive(Debug, Default)]
struct Count {
    seconds: Ring<32, 1_000>,
    minutes: Ring<32, 60_000>,
    hours: Ring<32, 3_600_000>,
}

impl Count {
    fn add(&self, now_ms: u64) {
        self.seconds.add(now_ms);
        self.minutes.add(now_ms);
        self.hours.add(now_ms);
    }

    fn over(&self, span: Span, now_ms: u64) -> u64 {
        match span {
            Span::FiveMinutes | Span::HalfHour => self.minutes.sum(now_ms, span.minutes()),
            Span::Day => self.hours.sum(now_ms, 24),
        }
    }
}

#[derive(Debug)]
struct Distributions {
    /// Milliseconds, from 1 ms to 17 minutes.
    latency: Histogram,
    /// Tokens per second, from 0.01 to 10,000.
    throughput: Histogram,
}

/// Everything recorded about one endpoint, in atomics: recording and reading never wait. LB-8
///
/// About 2 KB; the distributions, another 20 KB, are made when the first measurement arrives.
#[derive(Debug, Default)]
pub struct EndpointHealth {
    successes: Count,
    failures: Count,
    tool_requests: Ring<32, 300_000>,
    invalid_tool_requests: Ring<32, 300_000>,
    rate_limited_until_ms: AtomicU64,
    rate_limited_at_ms: AtomicU64,
    last_failure_ms: AtomicU64,
    distributions: OnceLock<Box<Distributions>>,
}

impl EndpointHealth {
    /// Records an attempt that ended at `now_ms`.
    pub fn record(&self, observation: &Observation, now_ms: u64) {
        match observation.outcome {
            Outcome::Success => {
                self.successes.add(now_ms);
                // An answer is better evidence than an old hint, but one that began before the
                // limit was met says nothing of it: long streams end all the time.
                let began = observation.began_ms.unwrap_or(now_ms);
                if began >= self.rate_limited_at_ms.load(Ordering::Relaxed) {
                    self.rate_limited_until_ms.store(0, Ordering::Relaxed);
                }
            }
            Outcome::Failure => {
                self.failures.add(now_ms);
                self.last_failure_ms.fetch_max(now_ms, Ordering::Relaxed);
            }
            Outcome::NotCounted => {}
            Outcome::RateLimited { until_ms } => {
                let until = until_ms
                    .unwrap_or(now_ms.saturating_add(DEFAULT_PAUSE_MS))
                    .min(now_ms.saturating_add(LONGEST_PAUSE_MS));
                self.rate_limited_at_ms.fetch_max(now_ms, Ordering::Relaxed);
                self.rate_limited_until_ms.fetch_max(until, Ordering::Relaxed);
            }
        }
        if let Some(valid) = observation.tool_calls_valid {
            self.tool_requests.add(now_ms);
            if !valid {
                self.invalid_tool_requests.add(now_ms);
            }
        }
        if observation.latency_ms.is_some() || observation.throughput.is_some() {
            let distributions = self.distributions.get_or_init(|| {
                Box::new(Distributions {
                    latency: Histogram::starting_at(1.0),
                    throughput: Histogram::starting_at(0.01),
                })
            });
            if let Some(latency) = observation.latency_ms {
                distributions.latency.add(latency, now_ms);
            }
            if let Some(throughput) = observation.throughput {
                distributions.throughput.add(throughput, now_ms);
            }
        }
    }

    /// How it has been doing. LB-1, LB-5
    pub fn condition(&self, now_ms: u64) -> Condition {
        let rate_limited = self.rate_limited_until_ms.load(Ordering::Relaxed) > now_ms;
        // Nothing has failed for as long as anything is looked at: there is nothing to add up.
        let since_failure = now_ms.saturating_sub(self.last_failure_ms.load(Ordering::Relaxed));
        if since_failure > 30 * 60_000 {
            return Condition { rate_limited, ..Condition::default() };
        }
        let failures = self.failures.seconds.sum(now_ms, 30);
        let failing =
            failures >= OUTAGE_FAILURES && failures >= self.successes.seconds.sum(now_ms, 30);
        let uptime = UptimeTier::of(
            self.successes.over(Span::HalfHour, now_ms),
            self.failures.over(Span::HalfHour, now_ms),
        );
        Condition { failing, rate_limited, uptime }
    }

    /// Until when it is not to be asked, in milliseconds since 1970; in the past: it may be.
    pub fn rate_limited_until_ms(&self) -> u64 {
        self.rate_limited_until_ms.load(Ordering::Relaxed)
    }

    /// Successes in percent of what counts; `None` under ten requests. MODELS-12
    pub fn uptime(&self, span: Span, now_ms: u64) -> Option<f64> {
        let successes = self.successes.over(span, now_ms);
        let all = successes.saturating_add(self.failures.over(span, now_ms));
        (all >= PUBLISHED_MINIMUM).then(|| successes as f64 * 100.0 / all as f64)
    }

    /// Milliseconds to the first token; `None` under five samples. MODELS-13
    pub fn latency_ms(&self, span: Span, now_ms: u64) -> Option<Percentiles> {
        self.distributions.get()?.latency.percentiles(now_ms, span.minutes(), Better::Lower)
    }

    /// Tokens per second; `None` under five samples. MODELS-13
    pub fn throughput(&self, span: Span, now_ms: u64) -> Option<Percentiles> {
        self.distributions.get()?.throughput.percentiles(now_ms, span.minutes(), Better::Higher)
    }

    /// How well it calls tools. EXACTO-4, EXACTO-5
    pub fn tools(&self, now_ms: u64) -> ToolRecord {
        ToolRecord {
            requests: self.successes.over(Span::HalfHour, now_ms)
                + self.failures.over(Span::HalfHour, now_ms),
            tool_requests: self.tool_requests.sum(now_ms, 24),
            invalid: self.invalid_tool_requests.sum(now_ms, 24),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_700_000_000_000;

    fn record(health: &EndpointHealth, outcome: Outcome, times: usize, at: u64) {
        for _ in 0..times {
            health.record(&Observation::of(outcome), at);
        }
    }

    /// LB-1
    #[test]
    fn two_failures_that_are_half_of_all_in_thirty_seconds_are_an_outage() {
        for (successes, failures, failing) in
            [(0, 1, false), (0, 2, true), (2, 2, true), (3, 2, false), (100, 100, true)]
        {
            let health = EndpointHealth::default();
            record(&health, Outcome::Success, successes, NOW);
            record(&health, Outcome::Failure, failures, NOW);
            assert_eq!(health.condition(NOW).failing, failing, "{successes}/{failures}");
            assert_eq!(health.condition(NOW + 29_000).failing, failing, "still in the window");
            assert!(!health.condition(NOW + 31_000).failing, "out of the window");
        }
    }

    /// LB-5, LB-7
    #[test]
    fn what_the_caller_did_and_rate_limits_do_not_touch_uptime() {
        let health = EndpointHealth::default();
        record(&health, Outcome::Success, 80, NOW);
        record(&health, Outcome::Failure, 20, NOW);
        record(&health, Outcome::NotCounted, 500, NOW);
        record(&health, Outcome::RateLimited { until_ms: None }, 500, NOW);
        assert_eq!(health.condition(NOW).uptime, UptimeTier::Degraded);
        assert_eq!(health.uptime(Span::FiveMinutes, NOW), Some(80.0));
        assert_eq!(health.uptime(Span::Day, NOW), Some(80.0));
        let later = NOW + 10 * 60_000;
        assert_eq!(health.uptime(Span::FiveMinutes, later), None);
        assert_eq!(health.uptime(Span::HalfHour, later), Some(80.0));
        assert_eq!(health.uptime(Span::Day, NOW + 25 * 3_600_000), None);
    }

    #[test]
    fn a_rate_limit_is_respected_until_its_hint_a_success_or_the_longest_pause() {
        let health = EndpointHealth::default();
        record(&health, Outcome::RateLimited { until_ms: Some(NOW + 40_000) }, 1, NOW);
        assert!(health.condition(NOW + 39_999).rate_limited);
        assert!(!health.condition(NOW + 40_000).rate_limited);
        record(&health, Outcome::Success, 1, NOW + 1);
        assert!(!health.condition(NOW + 2).rate_limited);
        record(&health, Outcome::RateLimited { until_ms: Some(u64::MAX) }, 1, NOW);
        assert!(health.condition(NOW + 1).rate_limited);
        assert!(!health.condition(NOW + LONGEST_PAUSE_MS).rate_limited);
    }

    /// LB-1
    #[test]
    fn an_answer_that_began_before_a_rate_limit_does_not_lift_it() {
        let health = EndpointHealth::default();
        let success =
            |began| Observation { began_ms: Some(began), ..Observation::of(Outcome::Success) };
        record(&health, Outcome::RateLimited { until_ms: Some(NOW + 40_000) }, 1, NOW);
        health.record(&success(NOW - 1), NOW + 10);
        assert!(health.condition(NOW + 11).rate_limited);
        health.record(&success(NOW + 1), NOW + 20);
        assert!(!health.condition(NOW + 21).rate_limited);
    }

    /// EXACTO-4, MODELS-13
    #[test]
    fn measurements_and_tool_calls_are_kept_apart_from_outcomes() {
        let health = EndpointHealth::default();
        assert_eq!(health.latency_ms(Span::HalfHour, NOW), None);
        for valid in [true, true, false, true, true] {
            let observation = Observation {
                latency_ms: Some(500.0),
                throughput: Some(40.0),
                tool_calls_valid: Some(valid),
                ..Observation::of(Outcome::Success)
            };
            health.record(&observation, NOW);
        }
        let latency = health.latency_ms(Span::FiveMinutes, NOW).unwrap();
        let throughput = health.throughput(Span::HalfHour, NOW).unwrap();
        assert!((400.0..600.0).contains(&latency.p50), "{latency:?}");
        assert!((33.0..48.0).contains(&throughput.p90), "{throughput:?}");
        assert_eq!(health.tools(NOW), ToolRecord { requests: 5, tool_requests: 5, invalid: 1 });
    }
}
