//! Other vendors' proofs of reasoning, carried through callers of this protocol.
//!
//! A caller of this protocol knows two opaque texts: a thinking block's signature and the data of
//! redacted thinking. What another vendor signed travels in them, wrapped together with its format
//! and id, so that it comes back to its issuer unharmed, and is never mistaken for Anthropic's.
//! Bugs 7, 19

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::exchange::ReasoningFormat;
use crate::provenance;

/// What a wrapped proof begins with. It cannot begin a genuine one: those are plain base64.
pub(super) const MARKER: &str = "routed.v1.";

/// A proof with what its issuer needs.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Wrapped {
    pub(super) format: ReasoningFormat,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<String>,
    pub(super) data: String,
}

/// Whether a signature or data is another vendor's, wrapped.
pub(super) fn is_wrapped(text: &str) -> bool {
    provenance::split(text).1.starts_with(MARKER)
}

/// Wraps a proof; Anthropic's own stays as it is. A stamp stays outside, where it is found.
pub(super) fn wrap(format: &ReasoningFormat, id: Option<&str>, data: &str) -> String {
    if *format == ReasoningFormat::Anthropic {
        return data.to_owned();
    }
    let (stamp, data) = provenance::split(data);
    let wrapped =
        Wrapped { format: format.clone(), id: id.map(str::to_owned), data: data.to_owned() };
    let json = serde_json::to_vec(&wrapped).unwrap_or_default();
    format!("{stamp}{MARKER}{}", URL_SAFE_NO_PAD.encode(json))
}

/// Unwraps; `None` for Anthropic's own and for what was tampered with.
pub(super) fn unwrap(text: &str) -> Option<Wrapped> {
    let (stamp, text) = provenance::split(text);
    let encoded = text.strip_prefix(MARKER)?;
    let mut wrapped: Wrapped =
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(encoded).ok()?).ok()?;
    wrapped.data.insert_str(0, stamp);
    Some(wrapped)
}

/// What another vendor wrote, out of the wrapping in which it travels here.
pub(crate) fn unwrapped_proof(text: &str) -> Option<String> {
    unwrap(text).map(|wrapped| wrapped.data)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_foreign_proof_survives_the_way_through_a_caller_of_this_protocol() {
        // bug 7
        let text = wrap(&ReasoningFormat::Gemini, Some("call_1"), "c2ln");
        assert!(is_wrapped(&text));
        let back = unwrap(&text).unwrap();
        assert_eq!(
            (back.format, back.id.as_deref(), back.data.as_str()),
            (ReasoningFormat::Gemini, Some("call_1"), "c2ln")
        );
        assert_eq!(wrap(&ReasoningFormat::Anthropic, None, "abc"), "abc");
        assert_eq!(unwrap("routed.v1.???"), None);
    }
}
