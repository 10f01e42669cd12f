//! A provider that does not take reasoning back.

use crate::exchange::{ErrorType, Fault};

/// What providers say of signatures and encrypted reasoning that they did not make, or that lack
/// where they want some, in small letters and without backticks.
const SAID: [&str; 11] = [
    // Anthropic, on all clouds.
    "invalid signature in thinking",
    "invalid data in redacted_thinking",
    "expected thinking or redacted_thinking",
    "redacted_thinking blocks in the latest assistant message cannot be modified",
    // OpenAI and Azure. Bug 20
    "of type reasoning was provided without",
    "items are not persisted when store is set to false",
    // Google, on both hosts. Bug 7
    "thought signature is not valid",
    "corrupted thought signature",
    "invalid thought signature",
    "missing a thought_signature",
    ".thought_signature",
];

/// Whether a provider refused a request for the proofs of reasoning in it, so that it would take
/// the request without them. wire-formats 2.6, 3.6, 9.2
pub fn is_refusal(fault: &Fault) -> bool {
    if fault.error_type != ErrorType::InvalidRequest && fault.error_type != ErrorType::NotFound {
        return false;
    }
    if fault.provider_code.as_deref() == Some("invalid_encrypted_content") {
        return true;
    }
    let message: String =
        fault.message.chars().filter(|it| !matches!(it, '`' | '\'' | '\\')).collect();
    let message = message.to_lowercase();
    SAID.iter().any(|said| message.contains(said))
        || (message.contains("encrypted content") && message.contains("could not be verified"))
}
