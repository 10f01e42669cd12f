//! The limits of free models.

use super::rule::RateRule;
use crate::NanoUsd;

/// How many requests to `:free` models an account may make: over all its keys. RATE-1, RATE-2
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FreeTier {
    /// Requests in a minute.
    pub per_minute: u64,
    /// Requests in a UTC day before `threshold` was reached.
    pub per_day_before: u64,
    /// Requests in a UTC day since.
    pub per_day_after: u64,
    /// Credits that have to be bought, ever, in nano-dollars. CREDIT-8
    pub threshold: NanoUsd,
}

impl Default for FreeTier {
    /// 20 a minute; 50 a day, and 1000 for who ever bought 10 credits. RATE-1
    fn default() -> Self {
        Self {
            per_minute: 20,
            per_day_before: 50,
            per_day_after: 1_000,
            threshold: NanoUsd(10_000_000_000),
        }
    }
}

impl FreeTier {
    /// The rules for an account that ever bought so many nano-dollars of credits.
    pub fn rules(&self, ever_bought: NanoUsd) -> [RateRule; 2] {
        let per_day =
            if ever_bought < self.threshold { self.per_day_before } else { self.per_day_after };
        [RateRule::per_minute(self.per_minute), RateRule::per_day(per_day)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RATE-1, CREDIT-8
    #[test]
    fn ten_credits_ever_bought_raise_the_day() {
        let per_day = |bought| FreeTier::default().rules(NanoUsd(bought))[1].requests;
        assert_eq!(per_day(9_999_999_999), 50);
        assert_eq!(per_day(10_000_000_000), 1_000);
        assert_eq!(FreeTier::default().rules(NanoUsd::ZERO)[0], RateRule::per_minute(20));
    }
}
