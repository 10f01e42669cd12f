//! Errors, in both directions. wire-formats 3.8, 12.5

use serde_json::Value;

use super::wire::{open_member, string_member, write_extras};
use crate::exchange::{ErrorType, Fault, RenderedError};
use crate::json::RawJson;
use crate::json::envelope::write_member;

/// The longest message kept, in characters.
const MAX_MESSAGE: usize = 2_000;
/// Bodies beyond this are not read: an error does not need them.
const MAX_BODY: usize = 1024 * 1024;
/// How long a credential rests whose quota of the day is used up, in seconds. The quota returns at
/// midnight, Pacific time, but this crate has no clock; the delay the service names is for the
/// quota of the minute.
const DAILY_QUOTA_REST: u64 = 3_600;

const CONTEXT_PHRASES: [&str; 10] = [
    "input token count",
    "exceeds the maximum number of tokens allowed",
    "maximum context length",
    "exceed context limit",
    "reduce the length of the messages",
    "longer than the model's context length",
    "input tokens exceed",
    "prompt is too long",
    "input is too long",
    "context_length_exceeded",
];
const POLICY_PHRASES: [&str; 3] =
    ["content_policy_violation", "content_filter_policy", "rejected as a result of our safety"];

/// Reads a provider's error answer, whatever it is made of.
pub fn decode_error(status: u16, retry_after: Option<&str>, body: &[u8]) -> Fault {
    let parsed =
        if body.len() <= MAX_BODY { serde_json::from_slice::<Value>(body).ok() } else { None };
    let reported = parsed.as_ref().and_then(reported);
    let header = retry_after.and_then(seconds);
    match reported {
        Some(error) => from_error(status, header, error),
        None => {
            let mut fault = by_status(status, plain_message(status, body));
            fault.retry_after = header;
            fault
        }
    }
}

/// The error object: in the envelope, in an array of envelopes, or bare.
fn reported(value: &Value) -> Option<&Value> {
    let value = match value {
        Value::Array(list) => list.first()?,
        other => other,
    };
    match value.get("error") {
        Some(error) => Some(error),
        None if value.get("message").is_some() => Some(value),
        None => None,
    }
}

fn from_error(http: u16, header: Option<u64>, error: &Value) -> Fault {
    let text = |name: &str| error.get(name).and_then(Value::as_str);
    let message = match error {
        Value::String(text) => text.as_str(),
        _ => text("message").unwrap_or_default(),
    };
    // A 200 with an error inside carries the status in the error.
    let code = error.get("code").and_then(Value::as_u64).and_then(|code| u16::try_from(code).ok());
    let status = match code {
        Some(code) if !(400..600).contains(&http) => code,
        _ => http,
    };
    let word = text("status").unwrap_or_default();
    let details = Details::read(error);
    let shown = if message.trim().is_empty() {
        format!("The provider answered with status {status}.")
    } else {
        bounded(message)
    };
    let lower = message.to_ascii_lowercase();
    let mut fault = classify(status, word, &lower, &details, shown);
    fault.retry_after = match (details.retry_delay, header) {
        (Some(delay), Some(header)) => Some(delay.max(header)),
        (delay, header) => delay.or(header),
    };
    if details.daily_quota {
        fault.retry_after = Some(DAILY_QUOTA_REST.max(fault.retry_after.unwrap_or(0)));
        if let Ok(quota) = RawJson::parse("\"per_day\"".to_owned()) {
            fault.metadata.push(("quota".to_owned(), quota));
        }
    }
    fault.provider_code = details
        .reason
        .or_else(|| (!word.is_empty()).then(|| word.to_owned()))
        .or_else(|| code.map(|code| code.to_string()))
        .map(|code| code.chars().take(100).collect());
    fault
}

fn classify(status: u16, word: &str, lower: &str, details: &Details, message: String) -> Fault {
    let has = |phrases: &[&str]| phrases.iter().any(|phrase| lower.contains(phrase));
    let kind = if details.key_invalid || lower.contains("api key not valid") {
        ErrorType::Authentication
    } else if status == 402
        || (word == "FAILED_PRECONDITION" && lower.contains("billing"))
        || lower.contains("prepayment credits are depleted")
    {
        ErrorType::PaymentRequired
    } else if lower.contains("user location is not supported") {
        ErrorType::PermissionDenied
    } else if status < 500 && status != 429 && has(&CONTEXT_PHRASES) {
        ErrorType::ContextLengthExceeded
    } else if status < 500 && has(&POLICY_PHRASES) {
        ErrorType::ContentPolicyViolation
    } else if status == 400 && lower.contains("unable to process input image") {
        ErrorType::InvalidImage
    } else if status == 400 && lower.contains("cannot fetch content from the provided url") {
        ErrorType::ImageDownloadFailed
    } else {
        match word {
            "INVALID_ARGUMENT" | "FAILED_PRECONDITION" | "OUT_OF_RANGE" => {
                ErrorType::InvalidRequest
            }
            "UNAUTHENTICATED" => ErrorType::Authentication,
            "PERMISSION_DENIED" => ErrorType::PermissionDenied,
            "NOT_FOUND" => ErrorType::NotFound,
            "RESOURCE_EXHAUSTED" => ErrorType::RateLimitExceeded,
            "CANCELLED" | "DEADLINE_EXCEEDED" => ErrorType::Timeout,
            "ABORTED" | "ALREADY_EXISTS" | "UNIMPLEMENTED" => ErrorType::Server,
            "UNAVAILABLE" => ErrorType::ProviderOverloaded,
            "INTERNAL" | "UNKNOWN" | "DATA_LOSS" => ErrorType::ProviderUnavailable,
            _ => return by_status(status, message),
        }
    };
    Fault::new(kind, message)
}

fn by_status(status: u16, message: String) -> Fault {
    let kind = match status {
        400 => ErrorType::InvalidRequest,
        401 => ErrorType::Authentication,
        402 => ErrorType::PaymentRequired,
        403 => ErrorType::PermissionDenied,
        404 => ErrorType::NotFound,
        408 | 499 | 504 | 524 => ErrorType::Timeout,
        412 => ErrorType::PreconditionFailed,
        413 => ErrorType::PayloadTooLarge,
        422 => ErrorType::Unprocessable,
        429 => ErrorType::RateLimitExceeded,
        501 => ErrorType::Server,
        // What a request cannot be guilty of. LB-4
        405 | 409 | 421 | 423..=425 | 451 => ErrorType::ProviderUnavailable,
        503 | 529 => ErrorType::ProviderOverloaded,
        500..=599 => ErrorType::ProviderUnavailable,
        405..=499 => ErrorType::InvalidRequest,
        // An answer that is none, whatever its status says.
        _ => ErrorType::ProviderUnavailable,
    };
    let fault = Fault::new(kind, message);
    if matches!(status, 408 | 524 | 529) { fault.with_status(status) } else { fault }
}

/// What the details say that matters.
#[derive(Default)]
struct Details {
    reason: Option<String>,
    key_invalid: bool,
    retry_delay: Option<u64>,
    daily_quota: bool,
}

impl Details {
    fn read(error: &Value) -> Self {
        let mut found = Self::default();
        let list = error.get("details").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        for detail in list.iter().take(64) {
            if let Some(reason) = detail.get("reason").and_then(Value::as_str) {
                found.key_invalid |= matches!(reason, "API_KEY_INVALID" | "API_KEY_EXPIRED");
                found.reason.get_or_insert_with(|| reason.to_owned());
            }
            if let Some(delay) = detail.get("retryDelay").and_then(Value::as_str) {
                found.retry_delay = found.retry_delay.or_else(|| seconds(delay));
            }
            let violations = detail.get("violations").and_then(Value::as_array);
            found.daily_quota |= violations.is_some_and(|violations| {
                violations.iter().any(|violation| {
                    violation
                        .get("quotaId")
                        .and_then(Value::as_str)
                        .is_some_and(|quota| quota.contains("PerDay"))
                })
            });
        }
        found
    }
}

/// `14s`, `14`, `13.2s` → whole seconds, rounded up; a date is not understood without a clock.
fn seconds(text: &str) -> Option<u64> {
    let value: f64 = text.trim().trim_end_matches('s').parse().ok()?;
    (value.is_finite() && (0.0..1e9).contains(&value)).then(|| value.ceil() as u64)
}

fn bounded(message: &str) -> String {
    message.trim().chars().take(MAX_MESSAGE).collect()
}

/// A message for a body that is no error object: plain text is shown, markup is not.
fn plain_message(status: u16, body: &[u8]) -> String {
    let generic = || format!("The provider answered with status {status} and no readable error.");
    match std::str::from_utf8(&body[..body.len().min(16 * 1024)]) {
        Ok(text)
            if !text.trim().is_empty()
                && !text.trim_start().starts_with(['<', '{', '['])
                && !text.to_ascii_lowercase().contains("<html") =>
        {
            bounded(text)
        }
        _ => generic(),
    }
}

/// The service's word for a kind of error.
fn status_word(kind: ErrorType, status: u16) -> &'static str {
    match kind {
        ErrorType::Authentication => "UNAUTHENTICATED",
        ErrorType::PermissionDenied => "PERMISSION_DENIED",
        ErrorType::NotFound | ErrorType::ImageNotFound => "NOT_FOUND",
        ErrorType::RateLimitExceeded => "RESOURCE_EXHAUSTED",
        ErrorType::PaymentRequired | ErrorType::PreconditionFailed => "FAILED_PRECONDITION",
        ErrorType::ProviderOverloaded | ErrorType::ProviderUnavailable => "UNAVAILABLE",
        ErrorType::Timeout => "DEADLINE_EXCEEDED",
        ErrorType::Server | ErrorType::Unmapped => "INTERNAL",
        _ if status >= 500 => "INTERNAL",
        _ => "INVALID_ARGUMENT",
    }
}

/// Renders a fault in Google's envelope. The unified kind is the reason of an `ErrorInfo`; the
/// generation's id and the wait have details of their own. ERR-8
pub fn encode_error(
    fault: &Fault,
    generation_id: Option<&str>,
    members: &[(String, RawJson)],
) -> RenderedError {
    let mut out = vec![b'{'];
    open_member(&mut out, "error");
    error_object(&mut out, fault, generation_id);
    write_extras(&mut out, members);
    out.push(b'}');
    RenderedError { status: fault.status, body: out }
}

/// Writes the error object: the same in an answer and in a stream.
pub(super) fn error_object(out: &mut Vec<u8>, fault: &Fault, generation_id: Option<&str>) {
    const TYPE: &str = "@type";
    out.push(b'{');
    write_member(out, "code", &fault.status.to_string());
    string_member(out, "message", &fault.message);
    string_member(out, "status", status_word(fault.error_type, fault.status));
    open_member(out, "details");
    out.extend_from_slice(b"[{");
    string_member(out, TYPE, "type.googleapis.com/google.rpc.ErrorInfo");
    string_member(out, "reason", &fault.error_type.name());
    open_member(out, "metadata");
    out.push(b'{');
    if let Some(code) = &fault.provider_code {
        string_member(out, "provider_code", code);
    }
    write_extras(out, &fault.metadata);
    out.extend_from_slice(b"}}");
    if let Some(wait) = fault.retry_after {
        out.extend_from_slice(b",{");
        string_member(out, TYPE, "type.googleapis.com/google.rpc.RetryInfo");
        string_member(out, "retryDelay", &format!("{wait}s"));
        out.push(b'}');
    }
    if let Some(id) = generation_id {
        out.extend_from_slice(b",{");
        string_member(out, TYPE, "type.googleapis.com/google.rpc.RequestInfo");
        string_member(out, "requestId", id);
        out.push(b'}');
    }
    out.extend_from_slice(b"]}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn google(code: u16, word: &str, message: &str, details: &str) -> Fault {
        let body = format!(
            r#"{{"error":{{"code":{code},"message":"{message}","status":"{word}","details":{details}}}}}"#
        );
        decode_error(code, None, body.as_bytes())
    }

    /// Every row of wire-formats 3.8.
    #[test]
    fn every_status_has_its_kind() {
        use ErrorType::*;
        let key =
            r#"[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"API_KEY_INVALID"}]"#;
        for (code, word, message, details, kind) in [
            (400, "INVALID_ARGUMENT", "bad", "[]", InvalidRequest),
            (400, "OUT_OF_RANGE", "bad", "[]", InvalidRequest),
            (400, "INVALID_ARGUMENT", "API key not valid.", key, Authentication),
            (
                400,
                "INVALID_ARGUMENT",
                "The input token count (1048577) exceeds the maximum number of tokens allowed (1048576).",
                "[]",
                ContextLengthExceeded,
            ),
            (400, "FAILED_PRECONDITION", "enable billing on your project", "[]", PaymentRequired),
            (
                400,
                "FAILED_PRECONDITION",
                "User location is not supported for the API use.",
                "[]",
                PermissionDenied,
            ),
            (401, "UNAUTHENTICATED", "no", "[]", Authentication),
            (403, "PERMISSION_DENIED", "no", "[]", PermissionDenied),
            (404, "NOT_FOUND", "no", "[]", NotFound),
            (429, "RESOURCE_EXHAUSTED", "quota", "[]", RateLimitExceeded),
            (499, "CANCELLED", "x", "[]", Timeout),
            (504, "DEADLINE_EXCEEDED", "x", "[]", Timeout),
            (409, "ABORTED", "x", "[]", Server),
            (501, "UNIMPLEMENTED", "x", "[]", Server),
            (503, "UNAVAILABLE", "The model is overloaded.", "[]", ProviderOverloaded),
            (500, "INTERNAL", "x", "[]", ProviderUnavailable),
            (500, "UNKNOWN", "x", "[]", ProviderUnavailable),
            (418, "NEW_WORD", "x", "[]", InvalidRequest),
        ] {
            let fault = google(code, word, message, details);
            assert_eq!(fault.error_type, kind, "{code} {word} {message}");
            assert_eq!(fault.status, kind.status());
        }
    }

    #[test]
    fn quotas_and_waits_are_read() {
        let wait = r#"[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"13.4s"}]"#;
        let fault = google(429, "RESOURCE_EXHAUSTED", "slow", wait);
        assert_eq!(fault.retry_after, Some(14));
        assert_eq!(fault.provider_code.as_deref(), Some("RESOURCE_EXHAUSTED"));
        let daily = r#"[{"violations":[{"quotaId":"GenerateRequestsPerDayPerProjectPerModel-FreeTier"}]},{"retryDelay":"14s"}]"#;
        let fault = google(429, "RESOURCE_EXHAUSTED", "day", daily);
        assert_eq!(fault.retry_after, Some(DAILY_QUOTA_REST));
        assert_eq!(fault.metadata[0].0, "quota");
        assert_eq!(decode_error(429, Some("7"), b"").retry_after, Some(7));
        assert_eq!(decode_error(429, Some("Fri, 31 Dec 2027 23:59:59 GMT"), b"").retry_after, None);
    }

    #[test]
    fn arrays_bare_errors_markup_and_nothing_are_understood() {
        let array = br#"[{"error":{"code":503,"message":"m","status":"UNAVAILABLE"}}]"#;
        assert_eq!(decode_error(503, None, array).error_type, ErrorType::ProviderOverloaded);
        let inside = decode_error(200, None, br#"{"error":{"code":429,"message":"m"}}"#);
        assert_eq!(inside.error_type, ErrorType::RateLimitExceeded);
        assert_eq!(inside.provider_code.as_deref(), Some("429"));
        assert_eq!(decode_error(500, None, br#"{"error":"boom"}"#).message, "boom");
        for body in [&b"<html><body>502</body></html>"[..], b"", b"{\"error\":{\"mess", b"\xff\xfe"]
        {
            let fault = decode_error(502, None, body);
            assert_eq!(fault.error_type, ErrorType::ProviderUnavailable);
            assert!(fault.message.contains("status 502") && !fault.message.contains('<'));
        }
        for (status, body) in [(204, &b""[..]), (302, b"moved"), (999, b"x"), (200, b"[]")] {
            let fault = decode_error(status, None, body);
            assert_eq!(fault.error_type, ErrorType::ProviderUnavailable, "{status}");
        }
        assert_eq!(decode_error(529, None, b"busy").status, 529);
        let long = format!(r#"{{"error":{{"message":"{}"}}}}"#, "é".repeat(9_000));
        assert_eq!(decode_error(400, None, long.as_bytes()).message.chars().count(), MAX_MESSAGE);
    }

    /// ERR-8
    #[test]
    fn callers_get_googles_envelope() {
        let mut fault = Fault::new(ErrorType::RateLimitExceeded, "slow \"down\"");
        fault.retry_after = Some(9);
        let members = [("openrouter_metadata".to_owned(), RawJson::parse("{}".into()).unwrap())];
        let rendered = encode_error(&fault, Some("gen-1"), &members);
        assert_eq!(rendered.status, 429);
        let value: Value = serde_json::from_slice(&rendered.body).unwrap();
        assert_eq!(value["error"]["code"], 429);
        assert_eq!(value["error"]["status"], "RESOURCE_EXHAUSTED");
        assert_eq!(value["error"]["details"][0]["reason"], "rate_limit_exceeded");
        assert_eq!(value["error"]["details"][2]["requestId"], "gen-1");
        assert_eq!(decode_error(429, None, &rendered.body).retry_after, Some(9));
        assert!(value.get("openrouter_metadata").is_some());
    }

    proptest! {
        #[test]
        fn no_body_makes_it_panic(status in any::<u16>(), wait in ".{0,12}", body in proptest::collection::vec(any::<u8>(), 0..300)) {
            let fault = decode_error(status, Some(&wait), &body);
            prop_assert!(!fault.message.is_empty());
        }
    }
}
