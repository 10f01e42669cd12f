//! What can be asked for (ACT-4), computed from the figures of the roll-ups.

use crate::roll_up::{LATENCY_BOUNDS, Sum, Sums, THROUGHPUT_BOUNDS, percentile};

macro_rules! metrics {
    ($($(#[$doc:meta])* $name:ident $word:literal $is_rate:literal $make:expr;)*) => {
        /// One figure of an analytics answer (ACT-4). Money is in nano-dollars, durations in
        /// milliseconds, throughput in tokens per second, shares from 0 to 1.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Metric {
            $($(#[$doc])* $name,)*
        }

        impl Metric {
            /// Every metric.
            pub const ALL: &[Metric] = &[$(Metric::$name),*];

            /// The word used in the API.
            pub fn as_str(self) -> &'static str {
                match self { $(Metric::$name => $word,)* }
            }

            /// Whether it is a share, a mean or a percentile, which must not be added up.
            pub fn is_rate(self) -> bool {
                match self { $(Metric::$name => $is_rate,)* }
            }

            /// Its value, if there was anything to tell it from.
            pub(super) fn of(self, sums: &Sums) -> Option<Figure> {
                match self {
                    $(Metric::$name => {
                        let make: fn(&Sums) -> Option<Figure> = $make;
                        make(sums)
                    })*
                }
            }
        }
    };
}

metrics! {
    /// Answers.
    RequestCount "request_count" false |sums| sum(sums, Sum::Requests);
    /// Charged to the account.
    TotalUsage "total_usage" false |sums| sum(sums, Sum::Cost);
    /// Charged by providers.
    UsageUpstream "usage_upstream" false |sums| sum(sums, Sum::UpstreamCost);
    /// Charged by providers to the caller's own keys.
    UsageByok "usage_byok" false |sums| sum(sums, Sum::ByokUsage);
    /// Saved by the providers' caches.
    UsageCache "usage_cache" false |sums| sum(sums, Sum::CacheDiscount);
    /// Prompt and completion tokens.
    TokensTotal "tokens_total" false
        |sums| {
            let (prompt, completion) = (sums.get(Sum::PromptTokens), sums.get(Sum::CompletionTokens));
            Some(Figure::Count(prompt.saturating_add(completion)))
        };
    /// Prompt tokens.
    TokensPrompt "tokens_prompt" false |sums| sum(sums, Sum::PromptTokens);
    /// Completion tokens.
    TokensCompletion "tokens_completion" false |sums| sum(sums, Sum::CompletionTokens);
    /// Reasoning tokens.
    ReasoningTokens "reasoning_tokens" false |sums| sum(sums, Sum::ReasoningTokens);
    /// Prompt tokens read from the providers' caches.
    CachedTokens "cached_tokens" false |sums| sum(sums, Sum::CachedTokens);
    /// Prompt tokens written to the providers' caches.
    CacheWriteTokens "cache_write_tokens" false |sums| sum(sums, Sum::CacheWriteTokens);
    /// Web searches.
    WebSearches "web_searches" false |sums| sum(sums, Sum::WebSearches);
    /// Answers that were errors.
    FailureCount "failure_count" false |sums| sum(sums, Sum::Failures);
    /// Answers whose caller left.
    CancelledCount "cancelled_count" false |sums| sum(sums, Sum::Cancelled);
    /// Answers given again from the response cache.
    ResponseCacheCount "response_cache_count" false |sums| sum(sums, Sum::ResponseCacheHits);
    /// Share of prompt tokens that were read from the providers' caches.
    CacheHitRate "cache_hit_rate" true |sums| ratio(sums, Sum::CachedTokens, Sum::PromptTokens);
    /// Share of answers that read from the providers' caches.
    CacheRequestRate "cache_request_rate" true |sums| ratio(sums, Sum::CacheHits, Sum::Requests);
    /// Share of answers that were errors.
    FailureRate "failure_rate" true |sums| ratio(sums, Sum::Failures, Sum::Requests);
    /// Mean time to the first byte.
    LatencyMean "latency_mean" true |sums| ratio(sums, Sum::Latency, Sum::LatencyCount);
    /// Median time to the first byte.
    LatencyP50 "latency_p50" true |sums| latency(sums, 0.5);
    /// Time to the first byte of nine in ten.
    LatencyP90 "latency_p90" true |sums| latency(sums, 0.9);
    /// Time to the first byte of nineteen in twenty.
    LatencyP95 "latency_p95" true |sums| latency(sums, 0.95);
    /// Time to the first byte of ninety-nine in a hundred.
    LatencyP99 "latency_p99" true |sums| latency(sums, 0.99);
    /// Mean time to the first token.
    FirstTokenMean "first_token_mean" true |sums| ratio(sums, Sum::FirstToken, Sum::FirstTokenCount);
    /// Mean time of generating.
    GenerationTimeMean "generation_time_mean" true
        |sums| ratio(sums, Sum::GenerationTime, Sum::GenerationTimeCount);
    /// Tokens generated per second of generating.
    ThroughputMean "throughput_mean" true
        |sums| {
            let rate = share(sums, Sum::GenerationTimeTokens, Sum::GenerationTime)?;
            Some(Figure::Rate(rate * 1_000.0))
        };
    /// Median throughput.
    ThroughputP50 "throughput_p50" true |sums| throughput(sums, 0.5);
    /// Throughput that one in ten answers stays below.
    ThroughputP10 "throughput_p10" true |sums| throughput(sums, 0.1);
    /// Throughput of nine in ten.
    ThroughputP90 "throughput_p90" true |sums| throughput(sums, 0.9);
    /// Throughput of ninety-nine in a hundred.
    ThroughputP99 "throughput_p99" true |sums| throughput(sums, 0.99);
}

/// The value of a metric.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Figure {
    /// Something counted or summed, exactly.
    Count(i64),
    /// A share, a mean or a percentile.
    Rate(f64),
}

impl Figure {
    /// The value as a number to draw or to order by.
    pub fn as_f64(self) -> f64 {
        match self {
            Figure::Count(count) => count as f64,
            Figure::Rate(rate) => rate,
        }
    }
}

impl Metric {
    /// Whether it is told from the buckets.
    pub(super) fn is_percentile(self) -> bool {
        use Metric::{
            LatencyP50, LatencyP90, LatencyP95, LatencyP99, ThroughputP10, ThroughputP50,
            ThroughputP90, ThroughputP99,
        };
        matches!(
            self,
            LatencyP50
                | LatencyP90
                | LatencyP95
                | LatencyP99
                | ThroughputP10
                | ThroughputP50
                | ThroughputP90
                | ThroughputP99
        )
    }

    /// Reads the word of [`Metric::as_str`].
    pub fn parse(text: &str) -> Option<Metric> {
        Metric::ALL.iter().copied().find(|metric| metric.as_str() == text)
    }
}

fn sum(sums: &Sums, sum: Sum) -> Option<Figure> {
    Some(Figure::Count(sums.get(sum)))
}

fn share(sums: &Sums, part: Sum, whole: Sum) -> Option<f64> {
    let whole = sums.get(whole);
    (whole > 0).then(|| sums.get(part) as f64 / whole as f64)
}

fn ratio(sums: &Sums, part: Sum, whole: Sum) -> Option<Figure> {
    share(sums, part, whole).map(Figure::Rate)
}

fn latency(sums: &Sums, share: f64) -> Option<Figure> {
    percentile(&LATENCY_BOUNDS, sums.latencies(), share).map(Figure::Rate)
}

fn throughput(sums: &Sums, share: f64) -> Option<Figure> {
    percentile(&THROUGHPUT_BOUNDS, sums.throughputs(), share).map(Figure::Rate)
}
