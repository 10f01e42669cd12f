//! Names of the protocol.

use crate::exchange::{FinishReason, ReasoningFormat};

/// Whose form reasoning has. The answer does not tell the model, and only Claude's reasoning can be
/// sent back at all: that of others has no signature, and is recognised by that. wire-formats 5.3
pub(super) const REASONING: ReasoningFormat = ReasoningFormat::Anthropic;

/// The normalised reason of a `stopReason`; an unknown word counts as a normal end.
/// wire-formats 5.3
pub(super) fn finish_of(stop_reason: &str) -> FinishReason {
    match stop_reason {
        "tool_use" => FinishReason::ToolCalls,
        "max_tokens" | "model_context_window_exceeded" => FinishReason::Length,
        "content_filtered" | "guardrail_intervened" => FinishReason::ContentFilter,
        other if other.starts_with("malformed_") => FinishReason::Error,
        _ => FinishReason::Stop,
    }
}

/// The reason an answer ended, seen together with what it holds.
pub(super) fn finish(native: Option<&str>, calls: bool, answered_by_tool: bool) -> FinishReason {
    match native.map(finish_of) {
        // The only call was the answer itself. Bug 13
        Some(FinishReason::ToolCalls) if !calls && answered_by_tool => FinishReason::Stop,
        // Some models end their turn with a call. Bug 15
        None | Some(FinishReason::Stop) if calls => FinishReason::ToolCalls,
        Some(reason) => reason,
        None => FinishReason::Stop,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bug 30
    #[test]
    fn every_stop_reason_has_its_normalised_value() {
        for (native, reason) in [
            ("end_turn", FinishReason::Stop),
            ("stop_sequence", FinishReason::Stop),
            ("tool_use", FinishReason::ToolCalls),
            ("max_tokens", FinishReason::Length),
            ("model_context_window_exceeded", FinishReason::Length),
            ("guardrail_intervened", FinishReason::ContentFilter),
            ("content_filtered", FinishReason::ContentFilter),
            ("malformed_model_output", FinishReason::Error),
            ("malformed_tool_use", FinishReason::Error),
            ("something_new", FinishReason::Stop),
        ] {
            assert_eq!(finish_of(native), reason, "{native}");
        }
    }

    /// Bugs 13, 15
    #[test]
    fn calls_decide_where_the_word_does_not() {
        assert_eq!(finish(Some("end_turn"), true, false), FinishReason::ToolCalls);
        assert_eq!(finish(Some("max_tokens"), true, false), FinishReason::Length);
        assert_eq!(finish(Some("tool_use"), false, true), FinishReason::Stop);
        assert_eq!(finish(Some("tool_use"), true, true), FinishReason::ToolCalls);
        assert_eq!(finish(None, false, false), FinishReason::Stop);
    }
}
