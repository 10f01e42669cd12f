//! Rules, and what they say.

use crate::Micros;

/// The time over which requests are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Span {
    /// A minute.
    Minute,
    /// A UTC day.
    Day,
}

impl Span {
    /// Its length in microseconds.
    pub const fn length(self) -> Micros {
        match self {
            Self::Minute => 60_000_000,
            Self::Day => 86_400_000_000,
        }
    }
}

/// How a span follows the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Shape {
    /// Counting begins anew with each minute of the clock or each UTC day: twice the number may
    /// come together around the change.
    Fixed,
    /// The span ends now: of the one before, as much counts as still lies within, taken as spread
    /// evenly and rounded up.
    Sliding,
}

/// At most so many requests in a span.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RateRule {
    /// How many.
    pub requests: u64,
    /// In what time.
    pub span: Span,
    /// How it follows the clock.
    pub shape: Shape,
}

impl RateRule {
    /// So many in any minute.
    pub const fn per_minute(requests: u64) -> Self {
        Self { requests, span: Span::Minute, shape: Shape::Sliding }
    }

    /// So many in a UTC day.
    pub const fn per_day(requests: u64) -> Self {
        Self { requests, span: Span::Day, shape: Shape::Fixed }
    }
}

/// What a rule says of one more request. RATE-5
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RateVerdict {
    /// It may begin.
    Allowed {
        /// The number of the rule.
        limit: u64,
        /// How many more may begin now, this one included.
        remaining: u64,
        /// When the span of the clock ends, in milliseconds since the epoch.
        resets_at_ms: i64,
    },
    /// It may not.
    Limited {
        /// The number of the rule: `X-RateLimit-Limit`.
        limit: u64,
        /// Nothing: `X-RateLimit-Remaining`.
        remaining: u64,
        /// From when on one more is allowed, if none begins until then, in milliseconds since
        /// the epoch: `X-RateLimit-Reset`.
        resets_at_ms: i64,
    },
}

impl RateVerdict {
    /// Whether the request may begin.
    pub const fn is_allowed(&self) -> bool {
        matches!(self, Self::Allowed { .. })
    }

    /// How many more may begin.
    pub const fn remaining(&self) -> u64 {
        match self {
            Self::Allowed { remaining, .. } | Self::Limited { remaining, .. } => *remaining,
        }
    }

    /// When more may begin, in milliseconds since the epoch.
    pub const fn resets_at_ms(&self) -> i64 {
        match self {
            Self::Allowed { resets_at_ms, .. } | Self::Limited { resets_at_ms, .. } => {
                *resets_at_ms
            }
        }
    }
}
