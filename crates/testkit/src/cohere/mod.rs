//! Cohere v2 as the vendor speaks it.

mod error;

pub(crate) use error::{error_body, error_event};

use serde_json::{Value, json};

use crate::turn::Turn;

/// The list of models.
pub(crate) fn models(names: &[String]) -> Value {
    let models: Vec<Value> = names
        .iter()
        .map(|name| json!({"name": name, "endpoints": ["chat", "embed", "rerank"], "context_length": 128_000}))
        .collect();
    json!({"models": models})
}

pub(crate) fn answer_id(turn: &Turn) -> String {
    uuid(turn, "message")
}

/// An id in the shape of a UUID.
pub(crate) fn uuid(turn: &Turn, purpose: &str) -> String {
    use sha2::{Digest, Sha256};
    let digest = Sha256::digest(turn.id(purpose, 32));
    let hex: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}
