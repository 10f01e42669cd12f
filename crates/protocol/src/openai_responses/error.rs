//! Errors: what providers of this protocol send, and what its callers get. ERR-13, ERR-14

use crate::exchange::{
    Choice, ErrorType, Extras, Fault, FinishReason, RenderedError, Response, Role, Turn,
};
use crate::json::{Object, RawJson};
use crate::openai_chat;
use crate::openai_chat::error as chat;
use crate::openai_chat::write::{ObjectWriter, object};

/// What callers read instead of the inside of a failure of ours. ERR-17
const GENERIC: &str = "Internal Server Error";

/// OpenAI's code for an earlier answer that is not there, and the member that names it: what clients
/// begin a conversation anew for. A fault of ours has it as its `provider_code`, for no provider is
/// ever told of earlier answers.
pub const PREVIOUS_RESPONSE_NOT_FOUND: &str = "previous_response_not_found";
const PREVIOUS_RESPONSE: &str = "previous_response_id";

/// Reads a provider's error answer of any shape. The kind says what happened at the provider;
/// whose fault that is toward the caller (our credential was refused, say) the gateway decides.
pub fn decode_error(status: u16, retry_after: Option<&str>, body: &[u8]) -> Fault {
    refined(openai_chat::decode_error(status, retry_after, body))
}

/// The fault told by an answer that should have been good; `None` if it tells of none. Bug 11
pub(super) fn fault_inside(answer: &Object<'_>) -> Option<Fault> {
    if let Some(mut fault) = chat::fault_inside(answer) {
        // Another router says it beside the error. ERR-9
        let told = answer.peek("error_type");
        if let Some(kind) = told.and_then(|raw| serde_json::from_str::<ErrorType>(raw.get()).ok()) {
            fault.error_type = kind;
            fault.status = kind.status();
            return Some(fault);
        }
        return Some(refined(fault));
    }
    match answer.peek_str("status").as_deref() {
        Some("failed") => Some(Fault::of_finish(None)),
        Some("cancelled") => Some(Fault::of_finish(Some("cancelled"))),
        _ => None,
    }
}

/// The fault in an `error` event. It stands in the event itself, or in a member.
pub(super) fn fault_of_event(text: &str) -> Fault {
    refined(chat::fault_of_event(text))
}

/// The kinds of failure that only this protocol has words for.
fn refined(mut fault: Fault) -> Fault {
    let generic = matches!(
        fault.error_type,
        ErrorType::InvalidRequest | ErrorType::ProviderUnavailable | ErrorType::Unprocessable
    );
    let Some(code) = fault.provider_code.as_deref().filter(|_| generic) else { return fault };
    let kind = match code {
        "invalid_prompt" if is_policy(&fault.message) => ErrorType::ContentPolicyViolation,
        "invalid_prompt" => ErrorType::InvalidPrompt,
        "image_content_policy_violation" | "bio_policy" | "cyber_policy" => {
            ErrorType::ContentPolicyViolation
        }
        "invalid_image"
        | "invalid_base64_image"
        | "invalid_image_url"
        | "image_parse_error"
        | "invalid_image_mode"
        | "empty_image_file" => ErrorType::InvalidImage,
        "invalid_image_format" | "unsupported_image_media_type" => {
            ErrorType::UnsupportedImageFormat
        }
        "image_too_large" | "image_file_too_large" => ErrorType::ImageTooLarge,
        "image_too_small" => ErrorType::ImageTooSmall,
        "image_file_not_found" => ErrorType::ImageNotFound,
        "failed_to_download_image" => ErrorType::ImageDownloadFailed,
        "vector_store_timeout" => ErrorType::Timeout,
        _ => return fault,
    };
    fault.error_type = kind;
    fault.status = kind.status();
    fault
}

fn is_policy(message: &str) -> bool {
    let lower = message.to_ascii_lowercase();
    lower.contains("usage policy") || lower.contains("flagged")
}

/// The code that stands for a kind. ERR-13
pub(super) const fn code(kind: ErrorType) -> &'static str {
    match kind {
        ErrorType::RateLimitExceeded => "rate_limit_exceeded",
        ErrorType::ContextLengthExceeded | ErrorType::InvalidRequest => "invalid_prompt",
        ErrorType::ContentPolicyViolation => "image_content_policy_violation",
        _ => "server_error",
    }
}

/// The text that callers read.
pub(super) fn message(fault: &Fault) -> &str {
    if fault.status == 500 { GENERIC } else { &fault.message }
}

/// Writes the members of an `error` object. `availability`, and what a guardrail tells, are
/// additions of OpenRouter. ERR-7, ERR-10, ERR-13
pub(super) fn write_error(error: &mut ObjectWriter<'_>, fault: &Fault) {
    let is_of_earlier = fault.provider_code.as_deref() == Some(PREVIOUS_RESPONSE_NOT_FOUND);
    if is_of_earlier {
        error.string("code", PREVIOUS_RESPONSE_NOT_FOUND);
    } else {
        error.string("code", code(fault.error_type));
    }
    error.string("message", message(fault));
    if is_of_earlier {
        error.string("param", PREVIOUS_RESPONSE);
    }
    let (available, others): (Vec<_>, Vec<_>) =
        fault.metadata.iter().partition(|(name, _)| name == "availability");
    if !others.is_empty() && fault.status != 500 {
        error.object("metadata", |metadata| {
            for (name, raw) in others {
                metadata.raw_of(name, raw.get());
            }
        });
    }
    if let Some((name, raw)) = available.first() {
        error.raw_of(name, raw.get());
    }
}

/// Renders a fault as this protocol's callers get it. `generation_id` is `None` when the failure
/// came before routing. `members` stand beside `error` at the top level. ERR-9, ERR-13
pub fn encode_error(
    fault: &Fault,
    generation_id: Option<&str>,
    members: &[(String, RawJson)],
) -> RenderedError {
    let mut body = Vec::with_capacity(256);
    object(&mut body, |answer| {
        answer.string_or_null("id", generation_id);
        answer.string("object", "response");
        answer.string("status", "failed");
        answer.object("error", |error| write_error(error, fault));
        answer.string("error_type", &fault.error_type.name());
        for (name, raw) in members {
            if fault.status != 500 || name != "openrouter_metadata" {
                answer.raw_of(name, raw.get());
            }
        }
    });
    RenderedError { status: fault.status, body }
}

/// The answer that stands for a fault because the conversation is too long: one that ended at its
/// limit, with nothing in it. `None` for every other fault. Whether to tell it so is for the gateway
/// to say, since both ways are documented. ERR-14
pub fn answer_to_overflow(fault: &Fault) -> Option<Response> {
    let native = match fault.error_type {
        ErrorType::ContextLengthExceeded
        | ErrorType::MaxTokensExceeded
        | ErrorType::TokenLimitExceeded
        | ErrorType::StringTooLong => fault.error_type.name(),
        _ => return None,
    };
    Some(Response {
        choices: vec![Choice {
            index: 0,
            turn: Turn::new(Role::Assistant, Vec::new()),
            finish: Some(FinishReason::Length),
            native_finish: Some(native),
            logprobs: None,
            extras: Extras::default(),
        }],
        ..Response::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_earlier_answer_that_is_not_there_is_told_as_openai_does() {
        let fault =
            Fault::new(ErrorType::NotFound, "why").with_provider_code(PREVIOUS_RESPONSE_NOT_FOUND);
        let rendered = encode_error(&fault, Some("gen-1"), &[]);
        assert_eq!(rendered.status, 404);
        let told: serde_json::Value = serde_json::from_slice(&rendered.body).unwrap();
        let error = serde_json::json!({
            "code": "previous_response_not_found", "message": "why",
            "param": "previous_response_id",
        });
        assert_eq!((&told["error"], &told["error_type"]), (&error, &"not_found".into()));
    }

    /// ERR-13
    #[test]
    fn the_kind_stands_beside_the_error_and_its_code_is_openais() {
        for (kind, status, expected) in [
            (ErrorType::RateLimitExceeded, 429, "rate_limit_exceeded"),
            (ErrorType::ContextLengthExceeded, 400, "invalid_prompt"),
            (ErrorType::InvalidRequest, 400, "invalid_prompt"),
            (ErrorType::InvalidPrompt, 400, "server_error"),
            (ErrorType::ContentPolicyViolation, 400, "image_content_policy_violation"),
            (ErrorType::Authentication, 401, "server_error"),
            (ErrorType::Timeout, 504, "server_error"),
        ] {
            let rendered = encode_error(&Fault::new(kind, "why"), Some("gen-1"), &[]);
            assert_eq!(rendered.status, status);
            let body: serde_json::Value = serde_json::from_slice(&rendered.body).unwrap();
            assert_eq!(
                body,
                serde_json::json!({"id":"gen-1","object":"response","status":"failed",
                    "error":{"code":expected,"message":"why"},"error_type":kind.name()})
            );
        }
    }

    /// ERR-17
    #[test]
    fn the_inside_of_our_own_failures_is_not_told() {
        let mut fault = Fault::new(ErrorType::Server, "a secret").with_provider_code("x");
        fault.metadata.push(("why".into(), RawJson::parse("\"secret\"".into()).unwrap()));
        let members = [("openrouter_metadata".to_owned(), RawJson::parse("{}".into()).unwrap())];
        let text = String::from_utf8(encode_error(&fault, None, &members).body).unwrap();
        assert!(!text.contains("secret") && !text.contains("openrouter_metadata"), "{text}");
        assert!(text.contains(r#""error_type":"server""#));
    }

    #[test]
    fn the_words_of_this_protocol_are_understood() {
        for (code, text, kind) in [
            ("invalid_prompt", "Invalid prompt", ErrorType::InvalidPrompt),
            ("invalid_prompt", "Flagged by our usage policy", ErrorType::ContentPolicyViolation),
            ("image_too_small", "x", ErrorType::ImageTooSmall),
            ("failed_to_download_image", "x", ErrorType::ImageDownloadFailed),
            ("rate_limit_exceeded", "x", ErrorType::RateLimitExceeded),
            ("server_error", "x", ErrorType::ProviderUnavailable),
            ("context_length_exceeded", "x", ErrorType::ContextLengthExceeded),
        ] {
            let event =
                format!(r#"{{"type":"error","code":"{code}","message":"{text}","param":null}}"#);
            let fault = fault_of_event(&event);
            assert_eq!((fault.error_type, fault.message.as_str()), (kind, text), "{code}");
            let failed = format!(
                r#"{{"status":"failed","error":{{"code":"{code}","message":"{text}"}},"output":[]}}"#
            );
            let fault = fault_inside(&Object::parse(&failed).unwrap()).unwrap();
            assert_eq!(fault.error_type, kind, "{code}");
        }
        let other = r#"{"status":"failed","error":{"code":"server_error","message":"m"},"error_type":"timeout"}"#;
        let fault = fault_inside(&Object::parse(other).unwrap()).unwrap();
        assert_eq!((fault.error_type, fault.status), (ErrorType::Timeout, 504));
    }

    /// ERR-14
    #[test]
    fn a_conversation_that_is_too_long_can_be_told_as_an_answer() {
        let fault = Fault::new(ErrorType::ContextLengthExceeded, "too long");
        let answer = answer_to_overflow(&fault).unwrap();
        assert_eq!(answer.choices[0].finish, Some(FinishReason::Length));
        assert_eq!(answer_to_overflow(&Fault::invalid("x")), None);
    }
}
