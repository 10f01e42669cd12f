//! Money as people write it, read without passing through a float.

/// The digits after the point of a nano-dollar.
const PLACES: usize = 9;

/// A text that is no amount of dollars.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "`{0}` is not an amount: expected US dollars such as 25 or 0.50, at most 9 digits after the point"
)]
pub struct AmountError(String);

/// Reads dollars (`25`, `$0.50`, `.5`) as nano-dollars, exactly or not at all.
pub fn nano_usd(text: &str) -> Result<i64, AmountError> {
    parse(text.trim()).ok_or_else(|| AmountError(text.chars().take(80).collect()))
}

fn parse(text: &str) -> Option<i64> {
    let text = text.strip_prefix('$').unwrap_or(text);
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if (whole.is_empty() && fraction.is_empty()) || !digits(whole) || !digits(fraction) {
        return None;
    }
    let fraction = fraction.trim_end_matches('0');
    if fraction.len() > PLACES {
        return None;
    }
    let nanos: i64 = format!("{fraction:0<PLACES$}").parse().ok()?;
    let dollars: i64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    dollars.checked_mul(1_000_000_000)?.checked_add(nanos)
}

/// Writes nano-dollars as dollars, exactly, with at least two digits after the point.
pub fn usd(nano: i64) -> String {
    let sign = if nano < 0 { "-" } else { "" };
    let value = nano.unsigned_abs();
    let fraction = format!("{:09}", value % 1_000_000_000);
    let shown = fraction.trim_end_matches('0').len().max(2);
    format!("{sign}{}.{}", value / 1_000_000_000, &fraction[..shown])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn amounts_are_read_exactly_or_refused() {
        for (text, nano) in [
            ("0", 0),
            ("25", 25_000_000_000),
            ("$0.50", 500_000_000),
            (".5", 500_000_000),
            ("5.", 5_000_000_000),
            ("0.000000001", 1),
            ("0.1000000000000", 100_000_000),
            ("9223372036.854775807", i64::MAX),
        ] {
            assert_eq!(nano_usd(text), Ok(nano), "{text}");
        }
        for bad in
            ["", ".", "-1", "1e3", "1,5", "0.0000000001", "9223372036.854775808", "five", "+1"]
        {
            assert!(nano_usd(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn every_amount_reads_back_as_it_was_written(nano in 0..=i64::MAX) {
            prop_assert_eq!(nano_usd(&usd(nano)), Ok(nano));
        }

        #[test]
        fn no_text_panics(text in ".{0,40}") {
            let _ = nano_usd(&text);
        }
    }
}
