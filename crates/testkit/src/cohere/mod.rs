//! Cohere v2 as the vendor speaks it (wire-formats 6).

mod answer;
mod error;
mod messages;
mod request;

pub(crate) use answer::{answer_id, events, full, models};
pub(crate) use error::{error_body, error_event};
pub(crate) use request::read;

use crate::turn::Turn;

/// An id in the shape of a UUID.
pub(crate) fn uuid(turn: &Turn, purpose: &str) -> String {
    use sha2::{Digest, Sha256};
    let digest = Sha256::digest(turn.id(purpose, 32));
    let hex: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}
