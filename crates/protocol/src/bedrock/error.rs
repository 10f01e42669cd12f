//! Errors: exceptions by their names, whether in a header, in a body or in a stream.
//! wire-formats 5.4, 5.5

use crate::exchange::{ErrorType, Fault};
use crate::json::Object;
use crate::json::lenient::words;
use crate::openai_chat;

/// What of a message tells that the prompt was too long.
const CONTEXT_LENGTH: [&str; 6] = [
    "input is too long",
    "input tokens exceed",
    "prompt is too long",
    "maximum context length",
    "maximum number of tokens",
    "too many input tokens",
];

/// Reads a provider's error answer of any content type.
pub fn decode_error(status: u16, retry_after: Option<&str>, body: &[u8]) -> Fault {
    decode_error_of_type(status, retry_after, None, body)
}

/// Like [`decode_error`], with the header `x-amzn-errortype` (`Code:namespace`), where the service
/// names the exception more often than in the body.
pub fn decode_error_of_type(
    status: u16,
    retry_after: Option<&str>,
    error_type: Option<&str>,
    body: &[u8],
) -> Fault {
    let told = std::str::from_utf8(body).ok().and_then(|text| Object::parse(text.trim()).ok());
    let member = |name: &str| told.as_ref().and_then(|object| words(object.peek(name)));
    let named = error_type
        .map(str::to_owned)
        .or_else(|| member("__type"))
        .or_else(|| member("code"))
        .map(|name| bare(&name).to_owned())
        .filter(|name| !name.is_empty());
    let mut fault = openai_chat::decode_error(status, retry_after, body);
    // The front of the service spells it in upper case.
    if let Some(message) = member("message").or_else(|| member("Message")) {
        fault.message = message.trim().chars().take(2_000).collect();
    }
    let known = named.as_deref().and_then(|name| classify(name, &fault.message));
    settle(&mut fault, known, status);
    if let Some(name) = named {
        fault.provider_code = Some(name.chars().take(128).collect());
    }
    fault
}

/// The fault of an exception in a stream, or of one without a description.
pub(super) fn of_exception(name: &str, message: Option<&str>, body: &[u8]) -> Fault {
    let mut fault = decode_error_of_type(200, None, Some(name), body);
    if let Some(message) = message.filter(|message| !message.is_empty()) {
        fault.message = message.chars().take(2_000).collect();
        let known = classify(bare(name), &fault.message);
        settle(&mut fault, known, 200);
    }
    fault
}

/// The name without its namespace: `a#Name`, `Name:a`.
fn bare(name: &str) -> &str {
    let name = name.rsplit('#').next().unwrap_or_default();
    name.split(':').next().unwrap_or_default().trim()
}

fn settle(fault: &mut Fault, known: Option<ErrorType>, status: u16) {
    let Some(kind) = known else { return };
    fault.error_type = kind;
    fault.status = match (kind, status) {
        (ErrorType::Timeout, 408) => 408,
        _ => kind.status(),
    };
}

/// The kind an exception tells of. Names come in either case: `throttlingException` in a stream.
fn classify(name: &str, message: &str) -> Option<ErrorType> {
    let lower = message.to_lowercase();
    Some(match name.to_ascii_lowercase().as_str() {
        // The model is being copied to where it runs: another try helps.
        "throttlingexception" | "modelnotreadyexception" | "toomanyrequestsexception" => {
            ErrorType::RateLimitExceeded
        }
        "servicequotaexceededexception" => ErrorType::PaymentRequired,
        "validationexception" => validation(&lower),
        "accessdeniedexception" | "mpagreementbeingcreated" => ErrorType::PermissionDenied,
        "unrecognizedclientexception"
        | "incompletesignatureexception"
        | "invalidsignatureexception"
        | "expiredtokenexception"
        | "missingauthenticationtokenexception"
        | "invalidclienttokenid" => ErrorType::Authentication,
        "resourcenotfoundexception" | "unknownoperationexception" => ErrorType::NotFound,
        "modeltimeoutexception" | "requesttimeoutexception" => ErrorType::Timeout,
        "modelerrorexception" | "modelstreamerrorexception" => ErrorType::ProviderUnavailable,
        "serviceunavailableexception" | "serviceunavailable" => ErrorType::ProviderOverloaded,
        "internalserverexception" | "internalfailure" => ErrorType::ProviderUnavailable,
        _ => return None,
    })
}

/// What is behind a request that was refused as invalid.
fn validation(lower: &str) -> ErrorType {
    if CONTEXT_LENGTH.iter().any(|words| lower.contains(words)) {
        ErrorType::ContextLengthExceeded
    } else if lower.contains("model identifier is invalid")
        // It runs through an inference profile only.
        || lower.contains("on-demand throughput isn")
    {
        ErrorType::NotFound
    } else if lower.contains("content filtering policy") || lower.contains("usage policy") {
        ErrorType::ContentPolicyViolation
    } else {
        ErrorType::InvalidRequest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// wire-formats 5.5
    #[test]
    fn exceptions_are_known_by_their_names() {
        use ErrorType as E;
        for (status, name, message, kind, toward) in [
            (429, "ThrottlingException:http://x/", "slow", E::RateLimitExceeded, 429),
            (429, "ModelNotReadyException", "", E::RateLimitExceeded, 429),
            (400, "ServiceQuotaExceededException", "", E::PaymentRequired, 402),
            (400, "ValidationException", "Input is too long", E::ContextLengthExceeded, 400),
            (
                400,
                "ValidationException",
                "The provided model identifier is invalid.",
                E::NotFound,
                404,
            ),
            (
                400,
                "ValidationException",
                "Invocation of model ID x with on-demand throughput isn\u{2019}t supported.",
                E::NotFound,
                404,
            ),
            (400, "ValidationException", "bad topP", E::InvalidRequest, 400),
            (403, "AccessDeniedException", "", E::PermissionDenied, 403),
            (403, "UnrecognizedClientException", "", E::Authentication, 401),
            (404, "ResourceNotFoundException", "", E::NotFound, 404),
            (408, "ModelTimeoutException", "", E::Timeout, 408),
            (424, "ModelErrorException", "", E::ProviderUnavailable, 502),
            (503, "ServiceUnavailableException", "", E::ProviderOverloaded, 503),
            (500, "InternalServerException", "", E::ProviderUnavailable, 502),
            (418, "SomethingNew", "", E::InvalidRequest, 400),
        ] {
            let body = format!(r#"{{"message":"{message}"}}"#);
            let fault = decode_error_of_type(status, Some("3"), Some(name), body.as_bytes());
            assert_eq!((fault.error_type, fault.status), (kind, toward), "{name} {message}");
            assert_eq!(fault.provider_code.as_deref(), Some(bare(name)));
            assert_eq!(fault.retry_after, Some(3));
        }
    }

    #[test]
    fn the_name_may_stand_in_the_body_and_the_message_in_upper_case() {
        let body = br#"{"__type":"com.amazon.coral#ThrottlingException","Message":"Too many"}"#;
        let fault = decode_error(400, None, body);
        assert_eq!(fault.error_type, ErrorType::RateLimitExceeded);
        assert_eq!(fault.message, "Too many");
        assert_eq!(fault.provider_code.as_deref(), Some("ThrottlingException"));
        let fault = decode_error(502, None, b"<html>bad gateway</html>");
        assert_eq!(fault.error_type, ErrorType::ProviderUnavailable);
        assert!(!fault.message.contains('<'));
    }
}
