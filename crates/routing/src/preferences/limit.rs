//! Limits as callers write them: numbers, or numbers in strings.

use catalog::PicoUsd;

/// What a price is given for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    /// USD per million tokens.
    MillionTokens,
    /// USD for one.
    One,
}

/// The text of a JSON number or of a JSON string that holds one.
pub(super) fn number_text(json: &str) -> &str {
    json.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(json).trim()
}

/// Reads a number that is finite and not negative.
pub(super) fn number(json: &str) -> Option<f64> {
    let value: f64 = number_text(json).parse().ok()?;
    (value.is_finite() && value >= 0.0).then_some(value)
}

/// Reads a ceiling. A ceiling is no price that is billed: digits beyond a pico-dollar are rounded,
/// and one above the largest price there is means no limit but is kept as that largest.
pub(super) fn ceiling(json: &str, unit: Unit) -> Option<PicoUsd> {
    let text = number_text(json);
    let exact = match unit {
        Unit::MillionTokens => PicoUsd::per_million(text),
        Unit::One => PicoUsd::parse(text),
    };
    if let Ok(price) = exact {
        return Some(price);
    }
    let scale = match unit {
        Unit::MillionTokens => 1e6,
        Unit::One => 1e12,
    };
    // A cast from float to integer saturates.
    number(json).map(|value| PicoUsd((value * scale).round() as i64))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// PROV-12
    #[test]
    fn ceilings_are_numbers_or_numeric_strings_and_are_never_refused_for_their_digits() {
        for (json, unit, expected) in [
            ("1", Unit::MillionTokens, Some(1_000_000)),
            ("\"0.5\"", Unit::MillionTokens, Some(500_000)),
            ("0.30000000000000004", Unit::MillionTokens, Some(300_000)),
            ("0", Unit::MillionTokens, Some(0)),
            ("\"0.01\"", Unit::One, Some(10_000_000_000)),
            ("1e300", Unit::One, Some(i64::MAX)),
            ("-1", Unit::One, None),
            ("\"-1\"", Unit::One, None),
            ("\"NaN\"", Unit::One, None),
            ("\"inf\"", Unit::One, None),
            ("\"\"", Unit::One, None),
            ("true", Unit::One, None),
            ("[]", Unit::One, None),
        ] {
            assert_eq!(ceiling(json, unit).map(|price| price.0), expected, "{json}");
        }
    }
}
