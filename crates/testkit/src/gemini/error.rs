//! Google's error form: `{"error":{code,message,status,details[]}}`.

use bytes::Bytes;
use serde_json::{Value, json};

use crate::rejection::Rejection;

/// The error body for a rejection.
pub(crate) fn error_body(rejection: &Rejection) -> Value {
    let (status, message) = usual(rejection.status);
    let mut error = json!({
        "code": rejection.status,
        "message": rejection.message.as_deref().unwrap_or(message),
        "status": rejection.kind.as_deref().unwrap_or(status),
    });
    let mut details = rejection.details.clone();
    if let Some(seconds) = rejection.retry_after {
        details.push(json!({
            "@type": "type.googleapis.com/google.rpc.RetryInfo",
            "retryDelay": format!("{seconds}s"),
        }));
    }
    if !details.is_empty() {
        error["details"] = details.into();
    }
    json!({"error": error})
}

/// The same error inside a stream that has already begun.
pub(crate) fn error_event(rejection: &Rejection) -> Bytes {
    format!("data: {}\r\n\r\n", error_body(rejection)).into()
}

/// Status name and message Google uses for an HTTP status.
fn usual(status: u16) -> (&'static str, &'static str) {
    match status {
        400 => ("INVALID_ARGUMENT", "Request contains an invalid argument."),
        401 => (
            "UNAUTHENTICATED",
            "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication credential.",
        ),
        403 => ("PERMISSION_DENIED", "The caller does not have permission"),
        404 => (
            "NOT_FOUND",
            "The model is not found for API version v1beta, or is not supported for generateContent.",
        ),
        409 => ("ABORTED", "The operation was aborted."),
        413 => ("INVALID_ARGUMENT", "Request payload size exceeds the limit: 20971520 bytes."),
        429 => (
            "RESOURCE_EXHAUSTED",
            "You exceeded your current quota, please check your plan and billing details.",
        ),
        499 => ("CANCELLED", "The operation was cancelled."),
        501 => ("UNIMPLEMENTED", "The operation is not implemented."),
        503 | 529 => ("UNAVAILABLE", "The model is overloaded. Please try again later."),
        504 => ("DEADLINE_EXCEEDED", "The request timed out. Please try again."),
        500..=599 => (
            "INTERNAL",
            "An internal error has occurred. Please retry or report in https://developers.generativeai.google/guide/troubleshooting",
        ),
        _ => ("FAILED_PRECONDITION", "The request was refused."),
    }
}
