//! What an answer used, of everything that can have a price.

use std::fmt;

use protocol::exchange::Usage;

/// What an answer used: tokens, and what is counted by other units. Times are milliseconds, since
/// providers tell fractions of seconds; they are priced by the second. USAGE-3, USAGE-8
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
    /// Milliseconds of audio sent.
    pub milliseconds_in: u64,
    /// Milliseconds of audio received. Video counts in `video_milliseconds` alone.
    pub milliseconds_out: u64,
    /// Milliseconds of video received.
    pub video_milliseconds: u64,
    /// Characters to be spoken.
    pub characters: u64,
    /// Search units of a rerank.
    pub search_units: u64,
    /// Pages of documents read.
    pub pages: u64,
}

impl MeteredUsage {
    /// What is billed of an answer whose tokens are waived: searches and pages, which were work
    /// beside the model's. ZCI-2, ZCI-3
    #[must_use]
    pub fn auxiliary(&self) -> Self {
        Self {
            tokens: Usage { web_searches: self.tokens.web_searches, ..Usage::default() },
            pages: self.pages,
            ..Self::default()
        }
    }
}

/// How much of a meter was used, in thousandths of its unit: exact for pieces and for
/// milliseconds of what is priced by the second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Quantity(u128);

impl Quantity {
    /// Whole units: tokens, images, requests.
    pub const fn units(units: u64) -> Self {
        // 64 bits times a thousand are 74 bits.
        Self(units as u128 * 1000)
    }

    /// Thousandths of a unit: milliseconds.
    pub const fn thousandths(thousandths: u64) -> Self {
        Self(thousandths as u128)
    }

    /// Nothing.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// The number of thousandths of a unit.
    pub const fn as_thousandths(self) -> u128 {
        self.0
    }

    pub(crate) const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl fmt::Display for Quantity {
    /// The exact decimal number of units without trailing zeros: a JSON number.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.0 / 1000, self.0 % 1000);
        if rest == 0 {
            return write!(formatter, "{whole}");
        }
        write!(formatter, "{whole}.{}", format!("{rest:03}").trim_end_matches('0'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_written_exactly() {
        assert_eq!(Quantity::units(u64::MAX).to_string(), "18446744073709551615");
        assert_eq!(Quantity::thousandths(8_470).to_string(), "8.47");
        assert_eq!(Quantity::thousandths(5).to_string(), "0.005");
        assert_eq!(Quantity::default().to_string(), "0");
    }

    /// ZCI-3
    #[test]
    fn searches_and_pages_outlive_a_waiver() {
        let tokens = Usage { input: 10, output: 20, web_searches: 3, ..Usage::default() };
        let usage = MeteredUsage { tokens, requests: 1, images: 2, pages: 4, ..Default::default() };
        let rest = usage.auxiliary();
        assert_eq!((rest.tokens.web_searches, rest.pages), (3, 4));
        assert_eq!((rest.tokens.total(), rest.requests, rest.images), (0, 0, 0));
    }
}
