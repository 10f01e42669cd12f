//! Amounts as JSON numbers.

use protocol::exchange::Fault;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

/// An amount in nano-dollars, written as an exact decimal number of US dollars.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usd(pub i64);

impl Serialize for Usd {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = ledger::NanoUsd(self.0).to_string();
        RawValue::from_string(text).map_err(serde::ser::Error::custom)?.serialize(serializer)
    }
}

/// The amount that a member of a request says in US dollars, in nano-dollars. What is no amount,
/// or beyond what can be counted, is refused by the member's name.
pub fn nano_usd(field: &str, usd: f64) -> Result<i64, Fault> {
    // What 63 bits of nano-dollars hold, to the dollar.
    const BOUND: f64 = 9_223_372_036.0;
    if !usd.is_finite() {
        return Err(Fault::invalid(format!("{field}: is not a number")));
    }
    if usd.abs() >= BOUND {
        return Err(Fault::invalid(format!("{field}: is out of range; the most is {BOUND} USD")));
    }
    #[expect(clippy::cast_possible_truncation, reason = "the bounds are checked above")]
    let nano = (usd * 1e9).round() as i64;
    // As a limit of nothing it would forbid everything.
    if nano == 0 && usd != 0.0 {
        return Err(Fault::invalid(format!(
            "{field}: is less than a billionth of a dollar, which is the least that is counted"
        )));
    }
    Ok(nano)
}

/// The same for a limit, which cannot be below zero.
pub fn limit_nano_usd(field: &str, usd: f64) -> Result<i64, Fault> {
    if usd < 0.0 {
        return Err(Fault::invalid(format!("{field}: is below zero")));
    }
    nano_usd(field, usd)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dollars_are_counted_in_nano_dollars_or_refused_by_name() {
        assert_eq!(nano_usd("a", 0.1).unwrap(), 100_000_000);
        assert_eq!(nano_usd("a", -2.5).unwrap(), -2_500_000_000);
        assert_eq!(limit_nano_usd("a", 0.0).unwrap(), 0);
        assert_eq!(limit_nano_usd("a", 9_000_000_000.0).unwrap(), 9_000_000_000_000_000_000);
        for amount in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 9.3e9, -9.3e9, 1e300] {
            let refused = nano_usd("limit", amount).unwrap_err();
            assert!(refused.message.starts_with("limit: "), "{}", refused.message);
        }
        let refused = limit_nano_usd("limit", -1e-9).unwrap_err();
        assert_eq!(refused.message, "limit: is below zero");
        assert_eq!(limit_nano_usd("limit", 1e-9).unwrap(), 1);
        let refused = limit_nano_usd("limit", 1e-10).unwrap_err();
        assert!(refused.message.starts_with("limit: is less than"), "{}", refused.message);
    }

    #[test]
    fn amounts_are_exact_numbers() {
        assert_eq!(serde_json::to_string(&Usd(1_234_567_891)).unwrap(), "1.234567891");
        assert_eq!(serde_json::to_string(&Usd(0)).unwrap(), "0");
    }
}
