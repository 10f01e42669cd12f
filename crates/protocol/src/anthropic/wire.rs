//! Names of the Messages protocol and the small writers its encoders share.

use serde_json::value::RawValue;

use crate::exchange::FinishReason;
use crate::json::RawJson;
use crate::json::envelope::{write_member, write_string};

/// The protocol version sent in `anthropic-version`.
pub(super) const VERSION: &str = "2023-06-01";

/// The member of the body that carries the version where the address names the model.
pub(super) const VERSION_MEMBER: &str = "anthropic_version";

/// The feature flag that keeps `strict` on tools and enforces answer schemas. PROV-15, STRUCT-4
pub(super) const STRUCTURED_OUTPUTS: &str = "structured-outputs-2025-11-13";

/// The feature flag for files in the provider's store.
pub(super) const FILES: &str = "files-api-2025-04-14";

/// Top-level members that speak to the router and never to a provider. MSG-1
pub(super) const ROUTER_MEMBERS: &[&str] = &[
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

/// Appends a comma unless the object has just begun, the name and the colon.
pub(super) fn key(out: &mut Vec<u8>, name: &str) {
    write_member(out, name, "");
}

/// Appends a string member.
pub(super) fn string(out: &mut Vec<u8>, name: &str, text: &str) {
    key(out, name);
    write_string(out, text);
}

/// Appends a string member, or `null`.
pub(super) fn string_or_null(out: &mut Vec<u8>, name: &str, text: Option<&str>) {
    match text {
        Some(text) => string(out, name, text),
        None => raw(out, name, "null"),
    }
}

/// Appends a member whose value is JSON text.
pub(super) fn raw(out: &mut Vec<u8>, name: &str, json: &str) {
    write_member(out, name, json);
}

/// Appends an integer member.
pub(super) fn number(out: &mut Vec<u8>, name: &str, value: u64) {
    key(out, name);
    let _ = serde_json::to_writer(out, &value);
}

/// Appends a number member.
pub(super) fn float(out: &mut Vec<u8>, name: &str, value: f64) {
    key(out, name);
    let _ = serde_json::to_writer(out, &value);
}

/// Appends members kept raw.
pub(super) fn members(out: &mut Vec<u8>, members: &[(String, RawJson)]) {
    for (name, value) in members {
        raw(out, name, value.get());
    }
}

/// Appends the items of an array, with brackets and commas.
pub(super) fn array<T>(
    out: &mut Vec<u8>,
    items: impl IntoIterator<Item = T>,
    mut write: impl FnMut(&mut Vec<u8>, T),
) {
    out.push(b'[');
    for (at, item) in items.into_iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        write(out, item);
    }
    out.push(b']');
}

/// JSON written by this dialect, as text.
pub(super) fn into_text(out: Vec<u8>) -> String {
    // Everything written here is made of `str`s, so nothing is ever replaced.
    String::from_utf8(out).unwrap_or_default()
}

/// Writes a call's input: always an object. Says whether the arguments were one (or empty).
pub(super) fn write_input(out: &mut Vec<u8>, arguments: &str) -> bool {
    let text = arguments.trim();
    if text.is_empty() {
        out.extend_from_slice(b"{}");
        return true;
    }
    if is_json_object(text) {
        out.extend_from_slice(text.as_bytes());
        return true;
    }
    // Some models encode their arguments twice.
    if let Ok(inner) = serde_json::from_str::<String>(text)
        && is_json_object(inner.trim())
    {
        out.extend_from_slice(inner.trim().as_bytes());
        return true;
    }
    out.extend_from_slice(b"{\"arguments\":");
    match serde_json::from_str::<&RawValue>(text) {
        Ok(value) => out.extend_from_slice(value.get().as_bytes()),
        Err(_) => write_string(out, arguments),
    }
    out.push(b'}');
    false
}

fn is_json_object(text: &str) -> bool {
    text.starts_with('{') && serde_json::from_str::<&RawValue>(text).is_ok()
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
