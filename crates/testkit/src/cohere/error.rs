//! Cohere's error form: `{"id","message"}`.

use bytes::Bytes;
use serde_json::{Value, json};

use crate::rejection::Rejection;

/// The error body for a rejection.
pub(crate) fn error_body(rejection: &Rejection, request: &str) -> Value {
    json!({"id": request, "message": message(rejection)})
}

/// The same error inside a stream that has already begun: a `message-end` that says so
/// (wire-formats 6).
pub(crate) fn error_event(rejection: &Rejection) -> Bytes {
    let data = json!({"type": "message-end", "delta": {
        "error": message(rejection),
        "finish_reason": if rejection.status == 504 { "TIMEOUT" } else { "ERROR" },
    }});
    format!("event: message-end\ndata: {data}\n\n").into()
}

fn message(rejection: &Rejection) -> &str {
    rejection.message.as_deref().unwrap_or(match rejection.status {
        400 => "invalid request",
        401 => "invalid api token",
        402 => "Please add or update your payment method at https://dashboard.cohere.com/billing?tab=payment to continue",
        403 => "please contact support",
        404 => "model not found, make sure the correct model ID was used and that you have access to the model.",
        413 => "request entity too large",
        422 => "unprocessable entity",
        429 => "You are past the per minute request limit, please wait and try again later.",
        498 => "invalid token: blocked input or output",
        499 => "request cancelled",
        501 => "not implemented",
        503 | 529 => "service unavailable, please try again later",
        504 => "request timed out",
        500..=599 => "internal server error, this has been reported to our developers",
        _ => "the request was refused",
    })
}
