//! Token counts. `inputTokens` leaves out what came from or went into the cache. Bug 17,
//! wire-formats 5.3, 12.3

use serde_json::value::RawValue;

use crate::exchange::Usage;
use crate::json::lenient::{elements, object, tokens};

/// A `usage` object in the common convention; `None` if it is none.
pub(super) fn read(raw: Option<&RawValue>) -> Option<Usage> {
    let usage = object(raw)?;
    let of = |name: &str| tokens(usage.peek(name)).unwrap_or(0);
    let (read, written) = (of("cacheReadInputTokens"), of("cacheWriteInputTokens"));
    let hour = elements(usage.peek("cacheDetails"))
        .into_iter()
        .filter_map(|entry| object(Some(entry)))
        .filter(|entry| entry.peek_str("ttl").as_deref() == Some("1h"))
        .filter_map(|entry| tokens(entry.peek("inputTokens")))
        .fold(0_u64, u64::saturating_add);
    Some(Usage {
        input: of("inputTokens").saturating_add(read).saturating_add(written),
        cached_input: read,
        cache_write: written,
        cache_write_1h: hour.min(written),
        output: of("outputTokens"),
        ..Usage::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::RawJson;

    fn counted(json: &str) -> Option<Usage> {
        read(Some(RawJson::parse(json.to_owned()).unwrap().as_raw()))
    }

    /// Bug 17
    #[test]
    fn cached_tokens_are_added_to_the_input_once() {
        let usage = counted(
            r#"{"inputTokens":10,"outputTokens":5,"totalTokens":245,"cacheReadInputTokens":200,"cacheWriteInputTokens":30,"cacheDetails":[{"ttl":"5m","inputTokens":20},{"ttl":"1h","inputTokens":10}]}"#,
        );
        assert_eq!(
            usage,
            Some(Usage {
                input: 240,
                cached_input: 200,
                cache_write: 30,
                cache_write_1h: 10,
                output: 5,
                ..Usage::default()
            })
        );
    }

    #[test]
    fn wrong_counts_are_zero_and_never_overflow() {
        let usage = counted(
            r#"{"inputTokens":18446744073709551615,"cacheReadInputTokens":9,"cacheWriteInputTokens":"x","cacheDetails":{},"outputTokens":-1}"#,
        )
        .unwrap();
        assert_eq!((usage.input, usage.cached_input, usage.output), (u64::MAX, 9, 0));
        assert_eq!(counted("[]"), None);
        assert_eq!(read(None), None);
    }
}
