//! Amazon Bedrock's runtime as the vendor speaks it.

mod access;
mod error;
mod frame;

pub(crate) use access::{admit, key};
pub(crate) use error::{error_body, error_event, error_type};
pub(crate) use frame::malformed;

use serde_json::{Value, json};

use crate::turn::Turn;

/// The list of models, as the control plane gives it.
pub(crate) fn models(names: &[String]) -> Value {
    let models: Vec<Value> = names
        .iter()
        .map(|name| json!({"modelId": name, "modelName": name, "providerName": "Simulator", "responseStreamingSupported": true}))
        .collect();
    json!({"modelSummaries": models})
}

/// Answers have no id; a caller's books may know the request by its id instead.
pub(crate) fn answer_id(turn: &Turn) -> String {
    format!("req_{}", turn.id("request", 24))
}
