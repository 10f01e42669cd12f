//! Errors: a message, and a status that says more than it. wire-formats 6

use crate::exchange::{ErrorType, Fault};
use crate::openai_chat;

/// Reads a provider's error answer of any content type.
pub fn decode_error(status: u16, retry_after: Option<&str>, body: &[u8]) -> Fault {
    let mut fault = openai_chat::decode_error(status, retry_after, body);
    let told = match status {
        // The credential was blocked.
        498 => ErrorType::Authentication,
        // The service gave up.
        499 => ErrorType::ProviderUnavailable,
        _ => return fault,
    };
    fault.error_type = told;
    fault.status = told.status();
    fault
}
