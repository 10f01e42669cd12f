//! What a roll-up sums, in one list, so that writing and reading cannot disagree.

use super::histogram::{self, BUCKETS};
use crate::Generation;

macro_rules! sums {
    ($($(#[$doc:meta])* $name:ident $column:literal;)*) => {
        /// One figure of a roll-up line.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Sum {
            $($(#[$doc])* $name,)*
        }

        const NAMED: &[&str] = &[$($column),*];
    };
}

sums! {
    /// Answers.
    Requests "requests";
    /// Charged to the account, nano-dollars.
    Cost "cost_nano_usd";
    /// Charged by providers, nano-dollars.
    UpstreamCost "upstream_cost_nano_usd";
    /// Charged by providers to the caller's own key, nano-dollars.
    ByokUsage "byok_usage_nano_usd";
    /// Saved by the provider's cache, nano-dollars; may be negative (GEN-4).
    CacheDiscount "cache_discount_nano_usd";
    PromptTokens "prompt_tokens";
    CompletionTokens "completion_tokens";
    ReasoningTokens "reasoning_tokens";
    CachedTokens "cached_tokens";
    CacheWriteTokens "cache_write_tokens";
    WebSearches "web_searches";
    /// Answers that were errors.
    Failures "failures";
    /// Answers whose caller left.
    Cancelled "cancelled";
    /// Answers that read from the provider's cache.
    CacheHits "cache_hits";
    /// Answers given again from the response cache.
    ResponseCacheHits "response_cache_hits";
    /// Milliseconds to the first byte, and of how many answers.
    Latency "latency_ms";
    LatencyCount "latency_count";
    /// Milliseconds to the first token, and of how many answers.
    FirstToken "first_token_ms";
    FirstTokenCount "first_token_count";
    /// Milliseconds of generating, of how many answers, and how many tokens they made.
    GenerationTime "generation_time_ms";
    GenerationTimeCount "generation_time_count";
    GenerationTimeTokens "generation_time_tokens";
}

/// How many figures a line has.
pub(crate) const COUNT: usize = NAMED.len() + 2 * BUCKETS;

/// The columns of the figures that are not buckets, which come first.
pub(crate) fn named_columns() -> impl Iterator<Item = &'static str> {
    NAMED.iter().copied()
}

/// The columns of all figures, in the order of [`Sums`].
pub(crate) fn columns() -> impl Iterator<Item = &'static str> {
    NAMED.iter().chain(&histogram::LATENCY_COLUMNS).chain(&histogram::THROUGHPUT_COLUMNS).copied()
}

/// No duration that is summed is longer than a day: what claims to be is a clock that jumped.
const LONGEST_MS: i64 = 86_400_000;

/// The figures of one line, in the order of [`columns`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sums([i64; COUNT]);

impl Default for Sums {
    fn default() -> Sums {
        Sums([0; COUNT])
    }
}

impl Sums {
    /// Adds one row. Its amounts are bounded, and a batch is at most a thousand rows, so that no
    /// sum of a batch can overflow.
    pub(crate) fn add(&mut self, row: &Generation) {
        let is_failure = !row.cancelled && (row.status >= 400 || row.error_type.is_some());
        self.put(Sum::Requests, 1);
        self.put(Sum::Cost, row.total_cost);
        self.put(Sum::UpstreamCost, row.upstream_inference_cost);
        if row.is_byok {
            self.put(Sum::ByokUsage, row.upstream_inference_cost);
        }
        self.put(Sum::CacheDiscount, row.cache_discount);
        self.put(Sum::PromptTokens, row.native_tokens_prompt);
        self.put(Sum::CompletionTokens, row.native_tokens_completion);
        self.put(Sum::ReasoningTokens, row.native_tokens_reasoning);
        self.put(Sum::CachedTokens, row.native_tokens_cached);
        self.put(Sum::CacheWriteTokens, row.native_tokens_cache_write);
        self.put(Sum::WebSearches, row.web_searches);
        self.put(Sum::Failures, is_failure.into());
        self.put(Sum::Cancelled, row.cancelled.into());
        self.put(Sum::CacheHits, (row.native_tokens_cached > 0).into());
        let is_repeated = row.response_cache_source_id.is_some();
        self.put(Sum::ResponseCacheHits, is_repeated.into());
        // How long an error or an answer kept from before took says nothing about a provider.
        if !is_failure && !is_repeated {
            self.add_durations(row);
        }
    }

    fn add_durations(&mut self, row: &Generation) {
        let bounded = |duration: i64| duration.clamp(0, LONGEST_MS);
        let latency = bounded(row.latency_ms);
        self.put(Sum::Latency, latency);
        self.put(Sum::LatencyCount, 1);
        self.0[NAMED.len() + histogram::bucket(&histogram::LATENCY_BOUNDS, latency)] += 1;
        if let Some(first_token) = row.first_token_ms {
            self.put(Sum::FirstToken, bounded(first_token));
            self.put(Sum::FirstTokenCount, 1);
        }
        let (time, tokens) = (bounded(row.generation_time_ms), row.native_tokens_completion);
        if time > 0 && tokens > 0 {
            self.put(Sum::GenerationTime, time);
            self.put(Sum::GenerationTimeCount, 1);
            self.put(Sum::GenerationTimeTokens, tokens);
            let rate = tokens.saturating_mul(1_000) / time;
            let bucket = histogram::bucket(&histogram::THROUGHPUT_BOUNDS, rate);
            self.0[NAMED.len() + BUCKETS + bucket] += 1;
        }
    }

    fn put(&mut self, sum: Sum, amount: i64) {
        self.0[sum as usize] += amount;
    }

    /// Adds another line.
    pub(crate) fn join(&mut self, other: &Sums) {
        for (sum, amount) in self.0.iter_mut().zip(other.0) {
            *sum = sum.saturating_add(amount);
        }
    }

    /// Every figure, in the order of [`columns`].
    pub(crate) fn figures(&self) -> &[i64; COUNT] {
        &self.0
    }

    /// A line of these figures.
    pub(crate) fn of_figures(figures: [i64; COUNT]) -> Sums {
        Sums(figures)
    }

    /// One figure.
    pub(crate) fn get(&self, sum: Sum) -> i64 {
        self.0[sum as usize]
    }

    /// How many answers are in each bucket of latency.
    pub(crate) fn latencies(&self) -> &[i64] {
        &self.0[NAMED.len()..NAMED.len() + BUCKETS]
    }

    /// How many answers are in each bucket of throughput.
    pub(crate) fn throughputs(&self) -> &[i64] {
        &self.0[NAMED.len() + BUCKETS..]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_figure_has_its_place() {
        assert_eq!(columns().count(), COUNT);
        assert_eq!(columns().nth(Sum::Requests as usize), Some("requests"));
        let last = Sum::GenerationTimeTokens as usize;
        assert_eq!(columns().nth(last), Some("generation_time_tokens"));
        assert_eq!(last + 1, NAMED.len());
    }

    #[test]
    fn failures_have_no_part_in_latencies() {
        let mut sums = Sums::default();
        let answer = Generation {
            status: 200,
            latency_ms: 250,
            generation_time_ms: 2_000,
            native_tokens_completion: 100,
            ..Generation::default()
        };
        sums.add(&answer);
        sums.add(&Generation { status: 503, latency_ms: 9_000, ..Generation::default() });
        sums.add(&Generation { latency_ms: i64::MAX, cancelled: true, ..answer.clone() });
        assert_eq!(sums.get(Sum::Requests), 3);
        assert_eq!((sums.get(Sum::Failures), sums.get(Sum::Cancelled)), (1, 1));
        assert_eq!(sums.get(Sum::Latency), 250 + LONGEST_MS);
        assert_eq!(sums.latencies().iter().sum::<i64>(), 2);
        assert_eq!(sums.throughputs().iter().sum::<i64>(), 2);
    }
}
