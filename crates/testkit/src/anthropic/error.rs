//! Anthropic's error form: `{"type":"error","error":{type,message},"request_id"}`.

use bytes::Bytes;
use serde_json::{Value, json};

use crate::rejection::Rejection;

/// The error body for a rejection.
pub(crate) fn error_body(rejection: &Rejection, request: &str) -> Value {
    let mut body = error(rejection);
    body["request_id"] = request.into();
    body
}

/// The same error inside a stream that has already begun.
pub(crate) fn error_event(rejection: &Rejection) -> Bytes {
    format!("event: error\ndata: {}\n\n", error(rejection)).into()
}

fn error(rejection: &Rejection) -> Value {
    let (kind, message) = usual(rejection.status);
    json!({"type": "error", "error": {
        "type": rejection.kind.as_deref().unwrap_or(kind),
        "message": rejection.message.as_deref().unwrap_or(message),
    }})
}

/// Type and message Anthropic uses for a status.
fn usual(status: u16) -> (&'static str, &'static str) {
    match status {
        401 => ("authentication_error", "invalid x-api-key"),
        402 => ("billing_error", "There is an issue with your billing or payment information."),
        403 => (
            "permission_error",
            "Your API key does not have permission to use the specified resource.",
        ),
        404 => ("not_found_error", "The requested resource could not be found."),
        409 => ("conflict_error", "The request conflicts with the state of the resource."),
        413 => ("request_too_large", "Request exceeds the maximum size"),
        429 => (
            "rate_limit_error",
            "This request would exceed your organization's rate limit. Please try again later.",
        ),
        504 => ("timeout_error", "The request timed out while processing."),
        503 | 529 => ("overloaded_error", "Overloaded"),
        500..=599 => ("api_error", "Internal server error"),
        _ => ("invalid_request_error", "The request was invalid."),
    }
}
