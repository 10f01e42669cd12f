//! OpenAI's error form: `{"error":{message,type,param,code}}`.

use bytes::Bytes;
use serde_json::{Value, json};

use crate::rejection::Rejection;

/// The error body for a rejection.
pub(crate) fn error_body(rejection: &Rejection) -> Value {
    let (message, kind, code) = usual(rejection.status);
    // What is not found is the model, unless the rejection names something else.
    let code = code.filter(|_| rejection.param.is_none());
    let code = rejection.kind.as_deref().or(code);
    json!({"error": {
        "message": rejection.message.as_deref().unwrap_or(message),
        "type": if code == Some("insufficient_quota") { "insufficient_quota" } else { kind },
        "param": rejection.param,
        "code": code,
    }})
}

/// The same error inside a stream that has already begun.
pub(crate) fn error_event(rejection: &Rejection) -> Bytes {
    format!("data: {}\n\n", error_body(rejection)).into()
}

/// Message, type and code OpenAI uses for a status.
fn usual(status: u16) -> (&'static str, &'static str, Option<&'static str>) {
    match status {
        400 => ("Invalid request.", "invalid_request_error", None),
        401 => (
            "Incorrect API key provided: sk-sim***. You can find your API key at https://platform.openai.com/account/api-keys.",
            "invalid_request_error",
            Some("invalid_api_key"),
        ),
        402 => ("Insufficient Balance", "unknown_error", Some("invalid_request_error")),
        403 => (
            "Country, region, or territory not supported",
            "request_forbidden",
            Some("unsupported_country_region_territory"),
        ),
        404 => (
            "The model does not exist or you do not have access to it.",
            "invalid_request_error",
            Some("model_not_found"),
        ),
        408 => ("Request timed out.", "timeout", None),
        413 => ("Request too large.", "invalid_request_error", None),
        429 => (
            "Rate limit reached for requests. Please try again later.",
            "requests",
            Some("rate_limit_exceeded"),
        ),
        503 => (
            "The server is overloaded or not ready yet.",
            "service_unavailable_error",
            Some("server_is_overloaded"),
        ),
        500..=502 | 504..=599 => (
            "The server had an error while processing your request. Sorry about that!",
            "server_error",
            None,
        ),
        _ => ("The request was refused.", "invalid_request_error", None),
    }
}
