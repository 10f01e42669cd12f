//! Names of the Messages protocol, and the writers its encoders share with others.

use crate::exchange::FinishReason;
pub(super) use crate::json::write::{
    array, float, into_text, key, members, number, raw, string, string_or_null,
};
pub(super) use crate::tool_input::write_input;

/// The protocol version sent in `anthropic-version`.
pub(super) const VERSION: &str = "2023-06-01";

/// The member of the body that carries the version where the address names the model.
pub(super) const VERSION_MEMBER: &str = "anthropic_version";

/// The feature flag that keeps `strict` on tools and enforces answer schemas. PROV-15, STRUCT-4
pub(super) const STRUCTURED_OUTPUTS: &str = "structured-outputs-2025-11-13";
/// The feature flag of fast mode. TIER-10, wire-formats 2.1
pub(super) const FAST_MODE: &str = "fast-mode-2026-02-01";

/// The feature flag for files in the provider's store.
pub(super) const FILES: &str = "files-api-2025-04-14";

/// Top-level members that speak to the router and never to a provider. MSG-1
pub(crate) const ROUTER_MEMBERS: &[&str] = &[
    "models",
    "fallbacks",
    "provider",
    "plugins",
    "route",
    "session_id",
    "trace",
    "user",
    "preset",
    "speed",
    "max_cost",
    "prompt_cache_key",
    "transforms",
    "usage",
    "debug",
    "include_reasoning",
    "stop_server_tools_when",
    "max_tool_calls",
];

/// The normalised reason of a `stop_reason`; an unknown word counts as a normal end.
pub(super) fn finish_of(stop_reason: &str) -> FinishReason {
    match stop_reason {
        "tool_use" => FinishReason::ToolCalls,
        "max_tokens" | "model_context_window_exceeded" => FinishReason::Length,
        "refusal" => FinishReason::ContentFilter,
        _ => FinishReason::Stop,
    }
}

/// The `stop_reason` for a caller: the provider's own word where it is one of this protocol and
/// agrees, else the nearest. `None` for an answer that failed part-way. MSG-2
pub(super) fn stop_reason_of(reason: FinishReason, native: Option<&str>) -> Option<&str> {
    const KNOWN: &[&str] = &[
        "end_turn",
        "max_tokens",
        "model_context_window_exceeded",
        "stop_sequence",
        "tool_use",
        "pause_turn",
        "refusal",
        "compaction",
    ];
    if let Some(native) = native
        && KNOWN.contains(&native)
        && finish_of(native) == reason
    {
        return Some(native);
    }
    match reason {
        FinishReason::Stop => Some("end_turn"),
        FinishReason::Length => Some("max_tokens"),
        FinishReason::ToolCalls => Some("tool_use"),
        FinishReason::ContentFilter => Some("refusal"),
        FinishReason::Error => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stop_reason_has_its_normalised_value() {
        // bug 30; wire-formats 2.2, 12.1
        for (native, reason) in [
            ("end_turn", FinishReason::Stop),
            ("stop_sequence", FinishReason::Stop),
            ("pause_turn", FinishReason::Stop),
            ("compaction", FinishReason::Stop),
            ("tool_use", FinishReason::ToolCalls),
            ("max_tokens", FinishReason::Length),
            ("model_context_window_exceeded", FinishReason::Length),
            ("refusal", FinishReason::ContentFilter),
            ("something_new", FinishReason::Stop),
        ] {
            assert_eq!(finish_of(native), reason, "{native}");
        }
    }

    #[test]
    fn a_foreign_or_contradicting_word_never_becomes_a_stop_reason() {
        assert_eq!(stop_reason_of(FinishReason::Stop, Some("STOP")), Some("end_turn"));
        assert_eq!(stop_reason_of(FinishReason::Stop, Some("tool_use")), Some("end_turn"));
        assert_eq!(stop_reason_of(FinishReason::Stop, Some("pause_turn")), Some("pause_turn"));
        assert_eq!(stop_reason_of(FinishReason::ToolCalls, Some("tool_calls")), Some("tool_use"));
        assert_eq!(stop_reason_of(FinishReason::Error, None), None);
    }
}
