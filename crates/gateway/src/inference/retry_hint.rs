//! When a provider wants to be asked again: the forms in which its headers say so.

use std::time::{Duration, UNIX_EPOCH};

use http::HeaderMap;
use http::header::RETRY_AFTER;

/// Whole seconds to wait, as a text; `None` if no header tells. `now`: in seconds since 1970. Of what
/// is used up at a provider that tells what is left of it, the longest wait counts. RATE-5
pub fn seconds(headers: &HeaderMap, now: u64) -> Option<String> {
    let told = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    if let Some(text) = told(RETRY_AFTER.as_str()) {
        if text.parse::<f64>().is_ok() {
            return Some(text.to_owned());
        }
        if let Some(wait) = until(text, now) {
            return Some(wait.to_string());
        }
    }
    if let Some(milliseconds) = told("retry-after-ms").and_then(|text| text.parse::<u64>().ok()) {
        return Some(milliseconds.div_ceil(1000).to_string());
    }
    ["requests", "tokens"]
        .iter()
        .filter(|what| told(&format!("x-ratelimit-remaining-{what}")) == Some("0"))
        .filter_map(|what| span(told(&format!("x-ratelimit-reset-{what}"))?))
        .max()
        .map(|wait| wait.as_secs_f64().ceil().to_string())
}

/// Seconds until an HTTP date; none if it is past.
fn until(date: &str, now: u64) -> Option<u64> {
    let at = httpdate::parse_http_date(date).ok()?;
    Some(at.duration_since(UNIX_EPOCH).ok()?.as_secs().saturating_sub(now))
}

/// A span of time as OpenAI writes it: `6m0s`, `1.5s`, `20ms`; a number alone is of seconds.
fn span(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut seconds = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|letter: char| !letter.is_ascii_digit() && letter != '.');
        let (number, behind) = rest.split_at(digits.unwrap_or(rest.len()));
        let number: f64 = number.parse().ok()?;
        let (unit, length) = match behind {
            _ if behind.starts_with("ms") => (0.001, 2),
            _ if behind.starts_with('h') => (3600.0, 1),
            _ if behind.starts_with('m') => (60.0, 1),
            _ if behind.starts_with('s') => (1.0, 1),
            "" => (1.0, 0),
            _ => return None,
        };
        seconds += number * unit;
        rest = &behind[length..];
    }
    (!text.is_empty()).then(|| Duration::try_from_secs_f64(seconds).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    fn wait(headers: &[(&'static str, &str)]) -> Option<String> {
        let headers = headers.iter().map(|(name, value)| {
            (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
        });
        seconds(&headers.collect(), 784_111_777)
    }

    #[test]
    fn a_wait_is_read_in_each_form() {
        for (headers, expected) in [
            (&[("retry-after", "7")][..], Some("7")),
            (&[("retry-after", "2.5")], Some("2.5")),
            // Ten seconds later, and long ago.
            (&[("retry-after", "Sun, 06 Nov 1994 08:49:47 GMT")], Some("10")),
            (&[("retry-after", "Sat, 06 Nov 1993 08:49:47 GMT")], Some("0")),
            (&[("retry-after", "soon"), ("retry-after-ms", "2500")], Some("3")),
            (&[("retry-after-ms", "20")], Some("1")),
            (
                &[("x-ratelimit-remaining-tokens", "0"), ("x-ratelimit-reset-tokens", "6m0s")],
                Some("360"),
            ),
            (
                &[
                    ("x-ratelimit-remaining-requests", "0"),
                    ("x-ratelimit-reset-requests", "20ms"),
                    ("x-ratelimit-remaining-tokens", "149"),
                    ("x-ratelimit-reset-tokens", "9h"),
                ],
                Some("1"),
            ),
            (&[("x-ratelimit-reset-tokens", "6m0s")], None),
            (&[("x-ratelimit-remaining-tokens", "0"), ("x-ratelimit-reset-tokens", "x")], None),
            (
                &[("x-ratelimit-remaining-tokens", "0"), ("x-ratelimit-reset-tokens", "1e999s")],
                None,
            ),
            (&[("retry-after", "")], None),
            (&[], None),
        ] {
            assert_eq!(wait(headers).as_deref(), expected, "{headers:?}");
        }
    }
}
