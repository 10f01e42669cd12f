//! `finishReason` ⇄ finish reasons. wire-formats 12.1

use crate::exchange::FinishReason;

/// The normalised reason. `called` says whether a function was called anywhere in the answer:
/// calls end in `STOP` too, often in a later chunk. Bugs 15, 26
pub(super) fn normalised(native: &str, called: bool) -> FinishReason {
    match native {
        "MAX_TOKENS" | "CONTINUATION" => FinishReason::Length,
        "SAFETY"
        | "RECITATION"
        | "BLOCKLIST"
        | "PROHIBITED_CONTENT"
        | "SPII"
        | "IMAGE_SAFETY"
        | "IMAGE_PROHIBITED_CONTENT"
        | "IMAGE_RECITATION"
        | "MODEL_ARMOR" => FinishReason::ContentFilter,
        "MALFORMED_FUNCTION_CALL"
        | "UNEXPECTED_TOOL_CALL"
        | "TOO_MANY_TOOL_CALLS"
        | "MALFORMED_RESPONSE"
        | "MISSING_THOUGHT_SIGNATURE"
        | "LANGUAGE"
        | "NO_IMAGE" => FinishReason::Error,
        // `STOP`, `OTHER`, and values that are new since this was written.
        _ if called => FinishReason::ToolCalls,
        _ => FinishReason::Stop,
    }
}

/// The word for a caller: the provider's own if it was this protocol's.
pub(super) fn word(reason: FinishReason, native: Option<&str>) -> &str {
    if let Some(native) = native.filter(|word| is_own(word)) {
        return native;
    }
    match reason {
        FinishReason::Stop | FinishReason::ToolCalls => "STOP",
        FinishReason::Length => "MAX_TOKENS",
        FinishReason::ContentFilter => "SAFETY",
        FinishReason::Error => "OTHER",
    }
}

fn is_own(word: &str) -> bool {
    matches!(word, "STOP" | "OTHER") || normalised(word, false) != FinishReason::Stop
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_has_its_reason() {
        use FinishReason::{ContentFilter, Error, Length, Stop, ToolCalls};
        for (native, plain, called) in [
            ("STOP", Stop, ToolCalls),
            ("OTHER", Stop, ToolCalls),
            ("FINISH_REASON_UNSPECIFIED", Stop, ToolCalls),
            ("SOMETHING_NEW", Stop, ToolCalls),
            ("MAX_TOKENS", Length, Length),
            ("CONTINUATION", Length, Length),
            ("SAFETY", ContentFilter, ContentFilter),
            ("RECITATION", ContentFilter, ContentFilter),
            ("BLOCKLIST", ContentFilter, ContentFilter),
            ("PROHIBITED_CONTENT", ContentFilter, ContentFilter),
            ("SPII", ContentFilter, ContentFilter),
            ("IMAGE_SAFETY", ContentFilter, ContentFilter),
            ("MODEL_ARMOR", ContentFilter, ContentFilter),
            ("MALFORMED_FUNCTION_CALL", Error, Error),
            ("UNEXPECTED_TOOL_CALL", Error, Error),
            ("LANGUAGE", Error, Error),
            ("NO_IMAGE", Error, Error),
        ] {
            assert_eq!(normalised(native, false), plain, "{native}");
            assert_eq!(normalised(native, true), called, "{native}");
        }
    }

    #[test]
    fn callers_get_words_of_the_protocol_only() {
        assert_eq!(word(FinishReason::ToolCalls, Some("tool_use")), "STOP");
        assert_eq!(word(FinishReason::Length, None), "MAX_TOKENS");
        assert_eq!(word(FinishReason::ContentFilter, Some("SPII")), "SPII");
    }
}
