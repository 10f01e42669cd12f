//! Amounts as JSON numbers.

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_exact_numbers() {
        assert_eq!(serde_json::to_string(&Usd(1_234_567_891)).unwrap(), "1.234567891");
        assert_eq!(serde_json::to_string(&Usd(0)).unwrap(), "0");
    }
}
