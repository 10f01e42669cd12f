//! Ollama's error form: `{"error"}`.

use bytes::Bytes;
use serde_json::{Value, json};

use crate::rejection::Rejection;

/// The error body for a rejection.
pub(crate) fn error_body(rejection: &Rejection) -> Value {
    let message = rejection.message.as_deref().unwrap_or(match rejection.status {
        400 => "invalid request",
        401 => "unauthorized",
        403 => "forbidden",
        404 => "model not found, try pulling it first",
        413 => "http: request body too large",
        429 => "too many concurrent requests",
        503 | 529 => "server busy, please try again.  maximum pending requests exceeded",
        500..=599 => "model runner has unexpectedly stopped, this may be due to resource limitations or an internal error, check ollama server logs for details",
        _ => "the request was refused",
    });
    json!({"error": message})
}

/// The same error as a line of a stream that has already begun.
pub(crate) fn error_event(rejection: &Rejection) -> Bytes {
    format!("{}\n", error_body(rejection)).into()
}
