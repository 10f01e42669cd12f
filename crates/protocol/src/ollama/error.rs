//! Errors: a text, whether it is a body or a line of a stream. wire-formats 10

use crate::exchange::{ErrorType, Fault};
use crate::json::Object;
use crate::openai_chat;

/// What of a message tells that the prompt was too long.
const CONTEXT_LENGTH: [&str; 2] = ["exceeds the context length", "longer than the context length"];

/// Reads a provider's error answer of any content type.
pub fn decode_error(status: u16, retry_after: Option<&str>, body: &[u8]) -> Fault {
    let mut fault = openai_chat::decode_error(status, retry_after, body);
    let lower = fault.message.to_ascii_lowercase();
    let told = if CONTEXT_LENGTH.iter().any(|words| lower.contains(words)) {
        ErrorType::ContextLengthExceeded
    } else if lower.contains("server busy") {
        ErrorType::ProviderOverloaded
    } else {
        return fault;
    };
    fault.error_type = told;
    fault.status = told.status();
    fault
}

/// The fault in a body or a line that should have been an answer; `None` if it tells of none.
/// Bug 11
pub(super) fn inside(whole: &Object<'_>, body: &[u8]) -> Option<Fault> {
    let told = whole.peek("error")?;
    (!matches!(told.get(), "null" | "\"\"")).then(|| decode_error(200, None, body))
}
