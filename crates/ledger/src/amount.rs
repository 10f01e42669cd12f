//! Amounts of money.

use std::cmp::Ordering;
use std::fmt;
use std::iter::Sum;
use std::ops::{Add, Sub};

use catalog::PicoUsd;

use crate::Quantity;

/// An amount in nano-dollars (10⁻⁹ USD).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NanoUsd(pub i64);

impl NanoUsd {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// Rounds a sum of pico-dollars to nano-dollars, half to even. Beyond the range of 64 bits
    /// (nine billion dollars) it stays at the end of the range.
    pub fn from_pico(pico: i128) -> Self {
        Self::divided(pico, 1000)
    }

    /// Brings a sum into the range of 64 bits.
    pub(crate) fn saturated(nano: i128) -> Self {
        Self(i64::try_from(nano).unwrap_or(if nano < 0 { i64::MIN } else { i64::MAX }))
    }

    /// `numerator / denominator` nano-dollars, half to even, for an even positive denominator.
    pub(crate) fn divided(numerator: i128, denominator: i128) -> Self {
        let quotient = numerator.div_euclid(denominator);
        let rounded = match numerator.rem_euclid(denominator).cmp(&(denominator / 2)) {
            Ordering::Less => quotient,
            Ordering::Greater => quotient + 1,
            Ordering::Equal => quotient + (quotient & 1),
        };
        Self::saturated(rounded)
    }

    /// The sum, staying at the end of the range instead of wrapping.
    #[must_use]
    pub const fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Add for NanoUsd {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        self.saturating_add(other)
    }
}

impl Sub for NanoUsd {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Sum for NanoUsd {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Self::saturating_add)
    }
}

impl NanoUsd {
    /// The exact decimal number of US dollars without trailing zeros: a JSON number.
    pub fn to_text(self) -> String {
        // An answer has many amounts; the machinery of formatting costs more than what it writes.
        self.written(str::to_owned)
    }

    fn written<T>(self, take: impl FnOnce(&str) -> T) -> T {
        // From the end: a sign, at most eleven digits, the point and nine more.
        let mut text = [b'0'; 24];
        let mut start = text.len();
        let value = self.0.unsigned_abs();
        let (mut whole, mut fraction) = (value / 1_000_000_000, value % 1_000_000_000);
        let mut places = 9;
        while places > 0 && fraction % 10 == 0 {
            fraction /= 10;
            places -= 1;
        }
        let mut put = |byte: u8| {
            start -= 1;
            text[start] = byte;
        };
        if places > 0 {
            for _ in 0..places {
                put(b'0' + (fraction % 10) as u8);
                fraction /= 10;
            }
            put(b'.');
        }
        loop {
            put(b'0' + (whole % 10) as u8);
            whole /= 10;
            if whole == 0 {
                break;
            }
        }
        if self.0 < 0 {
            put(b'-');
        }
        // Digits are ASCII, so this never fails.
        take(std::str::from_utf8(&text[start..]).unwrap_or_default())
    }
}

impl fmt::Display for NanoUsd {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.written(|text| formatter.write_str(text))
    }
}

/// A sum before it is rounded, in femto-dollars (10⁻¹⁵ USD): thousandths of a unit times
/// pico-dollars. Sums stay at the end of the range, far beyond what rounds to an amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Femto(pub i128);

impl Femto {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// In one nano-dollar.
    pub const PER_NANO: i128 = 1_000_000;

    /// A quantity at a price.
    pub fn product(quantity: Quantity, price: PicoUsd) -> Self {
        let thousandths = i128::try_from(quantity.as_thousandths()).unwrap_or(i128::MAX);
        Self(thousandths.saturating_mul(i128::from(price.0)))
    }

    /// The sum.
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// So many times it.
    pub fn times(self, count: u64) -> Self {
        Self(self.0.saturating_mul(i128::from(count)))
    }

    /// Rounded to nano-dollars, half to even.
    pub fn rounded(self) -> NanoUsd {
        NanoUsd::divided(self.0, Self::PER_NANO)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn halves_round_to_even_and_text_is_exact() {
        for (pico, nano) in
            [(499, 0), (500, 0), (501, 1), (1500, 2), (2500, 2), (-500, 0), (-1500, -2)]
        {
            assert_eq!(NanoUsd::from_pico(pico).0, nano, "{pico}");
        }
        assert_eq!(NanoUsd(1_500_000_000).to_string(), "1.5");
        assert_eq!(NanoUsd(-7).to_string(), "-0.000000007");
        assert_eq!(NanoUsd(3_000_000_000).to_string(), "3");
        assert_eq!(NanoUsd::from_pico(i128::MAX).0, i64::MAX);
        assert_eq!(NanoUsd(i64::MIN).to_string(), "-9223372036.854775808");
    }

    proptest! {
        #[test]
        fn text_is_a_number_of_the_same_value(nano: i64) {
            let text = NanoUsd(nano).to_string();
            let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
            prop_assert!(fraction.len() <= 9 && !fraction.ends_with('0'));
            let digits = format!("{whole}{fraction:0<9}");
            prop_assert_eq!(digits.parse::<i128>().unwrap(), i128::from(nano));
        }
    }
}
