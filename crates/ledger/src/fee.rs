//! Shares of amounts: a workspace's mark-up and the fee on purchases of credits.

use std::fmt;

use crate::NanoUsd;

/// A share in hundredths of a percent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BasisPoints(pub u32);

impl BasisPoints {
    /// The share of an amount in nano-dollars, rounded once, half to even.
    pub fn of(self, amount: NanoUsd) -> NanoUsd {
        NanoUsd::divided(i128::from(amount.0) * i128::from(self.0), 10_000)
    }
}

impl fmt::Display for BasisPoints {
    /// As a percentage without trailing zeros: `5.5 %`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.0 / 100, self.0 % 100);
        match (rest, rest % 10) {
            (0, _) => write!(formatter, "{whole} %"),
            (_, 0) => write!(formatter, "{whole}.{} %", rest / 10),
            _ => write!(formatter, "{whole}.{rest:02} %"),
        }
    }
}

/// What a workspace is charged on top of what providers charge; nothing by default. CREDIT-1
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Markup(pub BasisPoints);

impl Markup {
    /// What is charged for what cost `total` nano-dollars.
    #[must_use]
    pub fn apply(self, total: NanoUsd) -> NanoUsd {
        total + self.0.of(total)
    }

    /// The largest cost that `available` nano-dollars pay for: one more would be charged more.
    #[must_use]
    pub fn affordable(self, available: NanoUsd) -> NanoUsd {
        if available == NanoUsd(i64::MAX) {
            // Charges end there: no cost is charged more.
            return available;
        }
        let one = NanoUsd(1);
        let parts = 10_000 + i128::from(self.0.0);
        // Rounding moves the exact answer by less than one in either direction.
        let mut cost =
            NanoUsd::saturated((i128::from(available.0) * 10_000).div_euclid(parts)) + one;
        while self.apply(cost) > available {
            cost = cost - one;
        }
        cost
    }
}

/// The fee on a purchase of credits; none by default. CREDIT-2
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct PurchaseFee {
    /// Of the credits bought.
    pub share: BasisPoints,
    /// At least this, in nano-dollars.
    pub minimum: NanoUsd,
}

impl PurchaseFee {
    /// The fee for buying credits worth `credits` nano-dollars; nothing for none.
    pub fn of(&self, credits: NanoUsd) -> NanoUsd {
        if credits <= NanoUsd::ZERO {
            return NanoUsd::ZERO;
        }
        self.share.of(credits).max(self.minimum)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DOLLAR: i64 = 1_000_000_000;

    /// CREDIT-2: 5.5 %, at least $0.80.
    #[test]
    fn the_purchase_fee_has_a_minimum() {
        let fee = PurchaseFee { share: BasisPoints(550), minimum: NanoUsd(8 * DOLLAR / 10) };
        assert_eq!(fee.of(NanoUsd(100 * DOLLAR)), NanoUsd(55 * DOLLAR / 10));
        assert_eq!(fee.of(NanoUsd(10 * DOLLAR)), NanoUsd(8 * DOLLAR / 10));
        assert_eq!(fee.of(NanoUsd::ZERO), NanoUsd::ZERO);
        assert_eq!(PurchaseFee::default().of(NanoUsd(10 * DOLLAR)), NanoUsd::ZERO);
    }

    /// CREDIT-1
    #[test]
    fn there_is_no_markup_by_default_and_halves_round_to_even() {
        assert_eq!(Markup::default().apply(NanoUsd(123)), NanoUsd(123));
        let half = Markup(BasisPoints(5_000));
        for (cost, charged) in [(1, 1), (3, 5), (5, 7), (7, 11)] {
            assert_eq!(half.apply(NanoUsd(cost)), NanoUsd(charged), "{cost}");
        }
        let most = Markup(BasisPoints(u32::MAX)).apply(NanoUsd(i64::MAX));
        assert_eq!(most, NanoUsd(i64::MAX));
    }

    #[test]
    fn shares_read_as_percentages() {
        for (points, text) in [(550, "5.5 %"), (500, "5 %"), (1, "0.01 %"), (1_234, "12.34 %")] {
            assert_eq!(BasisPoints(points).to_string(), text);
        }
    }

    proptest! {
        #[test]
        fn a_markup_is_within_half_a_nano_dollar(cost in 0..i64::MAX / 4, points in 0_u32..30_000) {
            let charged = Markup(BasisPoints(points)).apply(NanoUsd(cost));
            let exact = i128::from(cost) * (10_000 + i128::from(points));
            prop_assert!((i128::from(charged.0) * 10_000 - exact).abs() <= 5_000);
        }

        #[test]
        fn what_is_affordable_under_a_markup_is_exact(
            available in prop_oneof![-100_000..100_000_i64, i64::MIN..=i64::MAX],
            points in 0_u32..30_000,
        ) {
            let markup = Markup(BasisPoints(points));
            let cost = markup.affordable(NanoUsd(available));
            prop_assert!(markup.apply(cost) <= NanoUsd(available));
            if available < i64::MAX && cost > NanoUsd(i64::MIN) {
                prop_assert!(markup.apply(cost + NanoUsd(1)) > NanoUsd(available));
            }
        }
    }
}
