//! Errors: what providers of this protocol send, and the envelope its callers get.
//! wire-formats 2.5, 12.5, ERR-15, ERR-16

use super::wire::{into_text, key, members as write_members, raw, string, string_or_null};
use crate::exchange::{ErrorType, Fault, RenderedError};
use crate::json::{Object, RawJson};

/// The longest message kept of a provider's error, in characters.
const MAX_MESSAGE: usize = 2_000;

/// The longest wait believed, in seconds.
const MAX_RETRY_AFTER: u64 = 86_400;

/// What callers read instead of the inside of a failure of ours. ERR-17
const GENERIC: &str = "Internal Server Error";

/// What of a message tells that the prompt was too long.
const CONTEXT_LENGTH: &[&str] = &[
    "prompt is too long",
    "input is too long",
    "exceed context limit",
    "maximum context length",
    "exceeds the maximum number of tokens allowed",
    "input tokens exceed",
    "exceeds the available context size",
    "model's maximum context limit",
    "input token count",
];

/// Reads a provider's error answer of any content type. The kind says what happened at the
/// provider; whose fault that is toward the caller (our own key was refused, say) the gateway
/// decides.
pub fn decode_error(status: u16, retry_after: Option<&str>, body: &[u8]) -> Fault {
    let text = std::str::from_utf8(body).unwrap_or_default().trim();
    let mut fault = match Object::parse(text) {
        Ok(object) => from_envelope(Some(status), &object),
        Err(_) => from_parts(Some(status), None, readable(text)),
    };
    fault.retry_after = retry_after.and_then(seconds);
    fault
}

/// The fault in an error envelope, also one that came inside a 200 or as an event of a stream,
/// where only the type tells what happened. Bug 11
pub(super) fn from_envelope(status: Option<u16>, envelope: &Object<'_>) -> Fault {
    let inner = envelope.peek("error");
    let object = inner.and_then(|error| Object::of(error).ok());
    let source = object.as_ref().unwrap_or(envelope);
    let kind =
        source.peek_str("type").or_else(|| source.peek_str("code")).filter(|kind| kind != "error");
    let message = source
        .peek_str("message")
        .or_else(|| source.peek_str("Message"))
        .or_else(|| source.peek_str("detail"))
        .or_else(|| inner.and_then(|_| envelope.peek_str("error")));
    from_parts(status, kind.as_deref(), message.as_deref().and_then(readable))
}

fn from_parts(status: Option<u16>, kind: Option<&str>, message: Option<String>) -> Fault {
    let error_type = classify(status, kind, message.as_deref().unwrap_or_default());
    let message = message.unwrap_or_else(|| match status {
        Some(status) => format!("The provider answered with status {status}"),
        None => "The provider reported an error".to_owned(),
    });
    let mut fault = Fault::new(error_type, message);
    match (status, error_type) {
        (Some(529), _) | (None, ErrorType::ProviderOverloaded) => fault.status = 529,
        (Some(status @ (408 | 524)), _) => fault.status = status,
        _ => {}
    }
    if let Some(kind) = kind {
        fault.provider_code = Some(kind.chars().take(128).collect());
    }
    fault
}

fn classify(status: Option<u16>, kind: Option<&str>, message: &str) -> ErrorType {
    let lower = message.to_lowercase();
    let by_type = match kind {
        Some("invalid_request_error") => Some(ErrorType::InvalidRequest),
        Some("authentication_error") => Some(ErrorType::Authentication),
        Some("billing_error") => Some(ErrorType::PaymentRequired),
        Some("permission_error") => Some(ErrorType::PermissionDenied),
        Some("not_found_error") => Some(ErrorType::NotFound),
        Some("conflict_error") => Some(ErrorType::Server),
        Some("request_too_large") => Some(ErrorType::PayloadTooLarge),
        Some("rate_limit_error") => Some(ErrorType::RateLimitExceeded),
        Some("api_error") => Some(ErrorType::ProviderUnavailable),
        Some("timeout_error") => Some(ErrorType::Timeout),
        Some("overloaded_error") => Some(ErrorType::ProviderOverloaded),
        _ => None,
    };
    let by_status = status.and_then(|status| {
        Some(match status {
            400 => ErrorType::InvalidRequest,
            401 => ErrorType::Authentication,
            402 => ErrorType::PaymentRequired,
            403 => ErrorType::PermissionDenied,
            404 | 410 => ErrorType::NotFound,
            408 | 504 | 524 => ErrorType::Timeout,
            412 => ErrorType::PreconditionFailed,
            413 => ErrorType::PayloadTooLarge,
            422 => ErrorType::Unprocessable,
            429 => ErrorType::RateLimitExceeded,
            503 if lower.contains("overloaded") || lower.contains("over capacity") => {
                ErrorType::ProviderOverloaded
            }
            529 => ErrorType::ProviderOverloaded,
            // What a request cannot be guilty of. LB-4
            405 | 409 | 421 | 423..=425 | 451 | 499 => ErrorType::ProviderUnavailable,
            405..=499 => ErrorType::InvalidRequest,
            500.. => ErrorType::ProviderUnavailable,
            _ => return None,
        })
    });
    let found = by_type.or(by_status).unwrap_or(ErrorType::ProviderUnavailable);
    // The status of an invalid request hides three other things.
    if matches!(found, ErrorType::InvalidRequest | ErrorType::PayloadTooLarge) {
        if lower.contains("credit balance is too low") {
            return ErrorType::PaymentRequired;
        }
        if CONTEXT_LENGTH.iter().any(|words| lower.contains(words)) {
            return ErrorType::ContextLengthExceeded;
        }
        if lower.contains("content filtering policy") || lower.contains("usage policy") {
            return ErrorType::ContentPolicyViolation;
        }
    }
    found
}

/// A message short enough and free of markup; `None` if there is none.
fn readable(text: &str) -> Option<String> {
    let text = text.trim();
    let markup = text.starts_with('<') || text.contains("<html") || text.contains("<!DOCTYPE");
    if text.is_empty() || markup || text.starts_with('{') || text.starts_with('[') {
        return None;
    }
    Some(
        text.chars()
            .filter(|letter| !letter.is_control() || *letter == '\n')
            .take(MAX_MESSAGE)
            .collect(),
    )
}

/// A number of seconds, rounded up. A date would need a clock.
fn seconds(text: &str) -> Option<u64> {
    let value: f64 = text.trim().parse().ok()?;
    (value.is_finite() && value >= 0.0).then(|| (value.ceil() as u64).min(MAX_RETRY_AFTER))
}

/// The vendor's name of a kind of error. ERR-15
const fn vendor_type(error_type: ErrorType) -> &'static str {
    match error_type {
        ErrorType::Authentication => "authentication_error",
        ErrorType::PermissionDenied => "permission_error",
        ErrorType::PaymentRequired => "billing_error",
        ErrorType::NotFound | ErrorType::ImageNotFound => "not_found_error",
        ErrorType::RateLimitExceeded => "rate_limit_error",
        ErrorType::ProviderOverloaded => "overloaded_error",
        ErrorType::Timeout => "timeout_error",
        ErrorType::ProviderUnavailable | ErrorType::Server | ErrorType::Unmapped => "api_error",
        ErrorType::ContextLengthExceeded
        | ErrorType::MaxTokensExceeded
        | ErrorType::TokenLimitExceeded
        | ErrorType::StringTooLong
        | ErrorType::InvalidRequest
        | ErrorType::InvalidPrompt
        | ErrorType::PreconditionFailed
        | ErrorType::PayloadTooLarge
        | ErrorType::Unprocessable
        | ErrorType::ContentPolicyViolation
        | ErrorType::Refusal
        | ErrorType::InvalidImage
        | ErrorType::ImageTooLarge
        | ErrorType::ImageTooSmall
        | ErrorType::UnsupportedImageFormat
        | ErrorType::ImageDownloadFailed => "invalid_request_error",
    }
}

/// Renders a fault in the Messages envelope. `generation_id` is `None` when the failure came
/// before routing. The metadata member `availability` goes into `error`; other metadata has no
/// place in this protocol, except `patterns` of a guardrail, which callers act on. ERR-10, ERR-16,
/// ERR-17
pub fn encode_error(
    fault: &Fault,
    generation_id: Option<&str>,
    members: &[(String, RawJson)],
) -> RenderedError {
    RenderedError {
        status: fault.status,
        body: envelope(fault, generation_id, members).into_bytes(),
    }
}

/// The envelope as JSON text.
pub(super) fn envelope(
    fault: &Fault,
    generation_id: Option<&str>,
    members: &[(String, RawJson)],
) -> String {
    let mut out = vec![b'{'];
    string(&mut out, "type", "error");
    write_error(&mut out, fault);
    string_or_null(&mut out, "request_id", generation_id);
    if !is_internal(fault) {
        write_members(&mut out, members);
    }
    out.push(b'}');
    into_text(out)
}

/// Writes the member `error` into an open object.
pub(super) fn write_error(out: &mut Vec<u8>, fault: &Fault) {
    let inside = is_internal(fault);
    key(out, "error");
    out.push(b'{');
    string(out, "type", vendor_type(fault.error_type));
    string(out, "message", if inside { GENERIC } else { &fault.message });
    string(out, "error_type", &fault.error_type.name());
    for (name, value) in &fault.metadata {
        if !inside && matches!(name.as_str(), "availability" | "patterns") {
            raw(out, name, value.get());
        }
    }
    out.push(b'}');
}

/// Whether nothing of the inside may be shown. ERR-17
const fn is_internal(fault: &Fault) -> bool {
    fault.status == 500
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_of_the_error_table_has_its_kind() {
        // wire-formats 2.5
        for (status, kind, message, error_type, toward_caller) in [
            (
                400,
                "invalid_request_error",
                "messages: at least one",
                ErrorType::InvalidRequest,
                400,
            ),
            (
                400,
                "invalid_request_error",
                "prompt is too long: 210000 tokens > 200000 maximum",
                ErrorType::ContextLengthExceeded,
                400,
            ),
            (
                400,
                "invalid_request_error",
                "Your credit balance is too low to access the API",
                ErrorType::PaymentRequired,
                402,
            ),
            (401, "authentication_error", "invalid x-api-key", ErrorType::Authentication, 401),
            (402, "billing_error", "b", ErrorType::PaymentRequired, 402),
            (403, "permission_error", "p", ErrorType::PermissionDenied, 403),
            (404, "not_found_error", "model: x", ErrorType::NotFound, 404),
            (409, "conflict_error", "c", ErrorType::Server, 500),
            (413, "request_too_large", "r", ErrorType::PayloadTooLarge, 413),
            (429, "rate_limit_error", "r", ErrorType::RateLimitExceeded, 429),
            (500, "api_error", "a", ErrorType::ProviderUnavailable, 502),
            (504, "timeout_error", "t", ErrorType::Timeout, 504),
            (529, "overloaded_error", "Overloaded", ErrorType::ProviderOverloaded, 529),
        ] {
            let body = format!(
                r#"{{"type":"error","error":{{"type":"{kind}","message":"{message}"}},"request_id":"r"}}"#
            );
            let fault = decode_error(status, Some("7"), body.as_bytes());
            assert_eq!((fault.error_type, fault.status), (error_type, toward_caller), "{body}");
            assert_eq!(fault.message, message);
            assert_eq!(fault.provider_code.as_deref(), Some(kind));
            assert_eq!(fault.retry_after, Some(7));
        }
    }

    #[test]
    fn answers_that_are_no_envelope_are_told_by_their_status_and_never_show_markup() {
        for (status, body, error_type) in [
            (502, &b"<html><body>Bad gateway</body></html>"[..], ErrorType::ProviderUnavailable),
            (503, b"", ErrorType::ProviderUnavailable),
            (529, b"{\"type\":\"err", ErrorType::ProviderOverloaded),
            (429, b"slow down", ErrorType::RateLimitExceeded),
            (200, b"[]", ErrorType::ProviderUnavailable),
            (500, b"\xff\xfe", ErrorType::ProviderUnavailable),
            (401, br#"{"error":"nope"}"#, ErrorType::Authentication),
        ] {
            let fault = decode_error(status, Some("Wed, 21 Oct 2015"), body);
            assert_eq!(fault.error_type, error_type, "{status}");
            assert!(!fault.message.contains('<') && !fault.message.is_empty());
            assert_eq!(fault.retry_after, None, "a date needs a clock");
        }
        let long =
            format!(r#"{{"error":{{"type":"api_error","message":"{}"}}}}"#, "x".repeat(9000));
        assert_eq!(decode_error(500, None, long.as_bytes()).message.len(), 2000);
    }

    #[test]
    fn the_callers_envelope_carries_both_names_of_the_kind() {
        // ERR-15, ERR-16
        let members = [("openrouter_metadata".to_owned(), RawJson::of(&1).unwrap())];
        let fault = Fault::new(ErrorType::ProviderOverloaded, "busy").with_status(529);
        let rendered = encode_error(&fault, Some("gen-1"), &members);
        assert_eq!(rendered.status, 529);
        assert_eq!(
            String::from_utf8(rendered.body).unwrap(),
            r#"{"type":"error","error":{"type":"overloaded_error","message":"busy","error_type":"provider_overloaded"},"request_id":"gen-1","openrouter_metadata":1}"#
        );
        // ERR-17
        let fault = Fault::new(ErrorType::Server, "the disk is full");
        assert_eq!(
            String::from_utf8(encode_error(&fault, None, &members).body).unwrap(),
            r#"{"type":"error","error":{"type":"api_error","message":"Internal Server Error","error_type":"server"},"request_id":null}"#
        );
    }
}
