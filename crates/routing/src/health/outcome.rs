//! What an attempt says about its endpoint.

/// What an attempt says about its endpoint. LB-5, LB-6, LB-7
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It answered.
    Success,
    /// The caller's doing, or nobody's: not counted. LB-7
    NotCounted,
    /// It refused for now: not counted as downtime, but it is left alone for a while. LB-7
    RateLimited {
        /// When it may be asked again, in milliseconds since 1970, if it said so.
        until_ms: Option<u64>,
    },
    /// It failed. Also an error in mid-stream, and an answer that ends in an error. LB-6
    Failure,
}

impl Outcome {
    /// Reads the status of an upstream answer. `excused` says that a 403 came from geography or
    /// moderation, which is not the provider's failing. LB-6, LB-7
    ///
    /// 401, 402, 403 without excuse, 404, 408 and everything from 500 up count against it; 429 is
    /// a rate limit; all other 4xx are the caller's.
    pub const fn of_status(status: u16, excused: bool, until_ms: Option<u64>) -> Self {
        match status {
            429 => Self::RateLimited { until_ms },
            401 | 402 | 404 | 408 => Self::Failure,
            403 if !excused => Self::Failure,
            400..=499 => Self::NotCounted,
            200..=299 => Self::Success,
            _ => Self::Failure,
        }
    }
}

/// One attempt, as it is recorded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Observation {
    /// How it went.
    pub outcome: Outcome,
    /// When it began, in milliseconds since 1970; `None`: just now.
    pub began_ms: Option<u64>,
    /// Milliseconds to the first token.
    pub latency_ms: Option<f64>,
    /// Output tokens per second over the whole attempt. MODELS-13
    pub throughput: Option<f64>,
    /// For an answer that called tools: whether every call was valid. EXACTO-3, EXACTO-4
    pub tool_calls_valid: Option<bool>,
}

impl Observation {
    /// An outcome without measurements.
    pub const fn of(outcome: Outcome) -> Self {
        Self { outcome, began_ms: None, latency_ms: None, throughput: None, tool_calls_valid: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// LB-6, LB-7
    #[test]
    fn statuses_count_against_the_provider_or_not() {
        use Outcome::{Failure, NotCounted, Success};
        for (status, excused, outcome) in [
            (200, false, Success),
            (400, false, NotCounted),
            (401, false, Failure),
            (402, false, Failure),
            (403, true, NotCounted),
            (403, false, Failure),
            (404, false, Failure),
            (408, false, Failure),
            (413, false, NotCounted),
            (422, false, NotCounted),
            (429, false, Outcome::RateLimited { until_ms: Some(9) }),
            (500, false, Failure),
            (503, true, Failure),
            (529, false, Failure),
            (0, false, Failure),
        ] {
            assert_eq!(Outcome::of_status(status, excused, Some(9)), outcome, "{status}");
        }
    }
}
