//! Bedrock's error form: `{"message"}`, with the kind in the header `x-amzn-errortype`
//! (wire-formats 5.5).

use bytes::Bytes;
use serde_json::{Value, json};

use super::frame;
use crate::rejection::Rejection;

/// The error body for a rejection.
pub(crate) fn error_body(rejection: &Rejection) -> Value {
    json!({"message": rejection.message.as_deref().unwrap_or(usual(rejection.status).1)})
}

/// The value of `x-amzn-errortype`: the code and the namespace it belongs to.
pub(crate) fn error_type(rejection: &Rejection) -> String {
    let code = rejection.kind.as_deref().unwrap_or(usual(rejection.status).0);
    format!("{code}:http://internal.amazon.com/coral/com.amazon.bedrock/")
}

/// The exception inside a stream that has already begun; only a few of the kinds exist there.
pub(crate) fn error_event(rejection: &Rejection) -> Bytes {
    let kind = rejection.kind.clone().unwrap_or_else(|| {
        match rejection.status {
            424 | 408 => "modelStreamErrorException",
            429 => "throttlingException",
            503 | 529 => "serviceUnavailableException",
            500..=599 => "internalServerException",
            _ => "validationException",
        }
        .to_owned()
    });
    frame::message("exception", ":exception-type", &kind, &error_body(rejection))
}

/// Code and message Bedrock uses for a status.
fn usual(status: u16) -> (&'static str, &'static str) {
    match status {
        400 => ("ValidationException", "The provided request is not valid."),
        402 => ("ServiceQuotaExceededException", "Your account has no quota left."),
        401 => (
            "UnrecognizedClientException",
            "The security token included in the request is invalid.",
        ),
        403 => (
            "AccessDeniedException",
            "You don't have access to the model with the specified model ID.",
        ),
        404 => (
            "ResourceNotFoundException",
            "Could not resolve the foundation model from the model identifier.",
        ),
        408 => (
            "ModelTimeoutException",
            "Model has timed out in processing the request. Try your request again.",
        ),
        413 => ("RequestEntityTooLargeException", "The request is too large."),
        424 => (
            "ModelErrorException",
            "The system encountered an unexpected error during processing. Try your request again.",
        ),
        429 => ("ThrottlingException", "Too many requests, please wait before trying again."),
        503 | 529 => ("ServiceUnavailableException", "Bedrock is unable to process your request."),
        500..=599 => (
            "InternalServerException",
            "The system encountered an unexpected error during processing. Try your request again.",
        ),
        _ => ("ValidationException", "The request was refused."),
    }
}
