use proptest::prelude::*;

use super::*;

/// wire-formats 9.3, 11, 12.5
#[test]
fn every_known_shape_is_classified() {
    use ErrorType::*;
    let table: [(u16, &str, ErrorType, u16, &str); 30] = [
        (
            400,
            r#"{"error":{"message":"This model's maximum context length is 8 tokens","type":"invalid_request_error","code":"context_length_exceeded"}}"#,
            ContextLengthExceeded,
            400,
            "This model's maximum context length is 8 tokens",
        ),
        (
            400,
            r#"{"object":"error","message":"Current length is 9 while limit is 8","code":400}"#,
            ContextLengthExceeded,
            400,
            "Current length is 9 while limit is 8",
        ),
        (
            400,
            r#"{"error":{"message":"too long","code":"string_above_max_length"}}"#,
            StringTooLong,
            400,
            "too long",
        ),
        (
            400,
            r#"{"error":{"code":"content_filter","message":"m","innererror":{"code":"ResponsibleAIPolicyViolation"}}}"#,
            ContentPolicyViolation,
            400,
            "m",
        ),
        (
            429,
            r#"{"error":{"message":"quota","code":"insufficient_quota"}}"#,
            PaymentRequired,
            402,
            "quota",
        ),
        (
            429,
            r#"{"error":{"message":"slow","type":"requests","code":"rate_limit_exceeded"}}"#,
            RateLimitExceeded,
            429,
            "slow",
        ),
        (
            429,
            r#"{"error":{"message":"q","type":"exceeded_current_quota_error"}}"#,
            PaymentRequired,
            402,
            "q",
        ),
        (
            500,
            r#"{"error":{"message":"The server had an error","type":"server_error"}}"#,
            ProviderUnavailable,
            502,
            "The server had an error",
        ),
        (
            503,
            r#"{"error":{"message":"x","code":"server_is_overloaded"}}"#,
            ProviderOverloaded,
            503,
            "x",
        ),
        (529, "{}", ProviderOverloaded, 529, "Provider returned error 529"),
        (
            401,
            r#"{"error":{"message":"bad key","code":"invalid_api_key"}}"#,
            Authentication,
            401,
            "bad key",
        ),
        (
            422,
            r#"{"detail":[{"loc":["body","messages",0],"msg":"Extra inputs are not permitted","type":"extra_forbidden"}]}"#,
            Unprocessable,
            422,
            "messages.0: Extra inputs are not permitted",
        ),
        (404, r#"{"detail":"Not Found"}"#, NotFound, 404, "Not Found"),
        (
            200,
            r#"{"base_resp":{"status_code":1002,"status_msg":"rate limit"}}"#,
            RateLimitExceeded,
            429,
            "rate limit",
        ),
        (
            200,
            r#"{"base_resp":{"status_code":1008,"status_msg":"insufficient balance"}}"#,
            PaymentRequired,
            402,
            "insufficient balance",
        ),
        (200, r#"{"error":{"code":"1305","message":"busy"}}"#, ProviderOverloaded, 503, "busy"),
        (400, r#"{"error":{"code":"1302","message":"rate"}}"#, RateLimitExceeded, 429, "rate"),
        (400, r#"{"error":{"code":"1113","message":"balance"}}"#, PaymentRequired, 402, "balance"),
        (400, r#"{"error":"just text"}"#, InvalidRequest, 400, "just text"),
        (
            403,
            r#"{"success":false,"errors":[{"code":10000,"message":"no"}]}"#,
            PermissionDenied,
            403,
            "no",
        ),
        (
            400,
            r#"[{"error":{"code":400,"message":"from an array","status":"INVALID_ARGUMENT"}}]"#,
            InvalidRequest,
            400,
            "from an array",
        ),
        (
            200,
            r#"{"error":{"code":502,"message":"m","metadata":{"error_type":"provider_unavailable"}}}"#,
            ProviderUnavailable,
            502,
            "m",
        ),
        (
            429,
            r#"{"message":"Service tier capacity exceeded for this model.","type":"x"}"#,
            RateLimitExceeded,
            429,
            "Service tier capacity exceeded for this model.",
        ),
        (
            502,
            "<html><body>Bad gateway</body></html>",
            ProviderUnavailable,
            502,
            "Provider returned error 502",
        ),
        (
            400,
            "\n<!DOCTYPE html><html><body>Bad request</body></html>",
            ProviderUnavailable,
            502,
            "Provider returned error 400",
        ),
        (
            400,
            r#"{"error":{"message":"no such model","code":"model_not_found"}}"#,
            NotFound,
            404,
            "no such model",
        ),
        (409, r#"{"error":{"message":"try later"}}"#, ProviderUnavailable, 502, "try later"),
        (504, "upstream request timeout", Timeout, 504, "upstream request timeout"),
        (408, "", Timeout, 408, "Provider returned error 408"),
        (400, r#"{"error":{"message":"trunc"#, InvalidRequest, 400, "Provider returned error 400"),
    ];
    for (status, body, error_type, code, message) in table {
        let fault = decode_error(status, None, body.as_bytes());
        assert_eq!(
            (fault.error_type, fault.status, fault.message.as_str()),
            (error_type, code, message),
            "{status} {body}"
        );
    }
}

/// LB-4
#[test]
fn a_status_that_no_request_is_guilty_of_is_the_providers_trouble() {
    for status in [405, 409, 421, 423, 424, 425, 451, 499] {
        let fault = decode_error(status, None, b"{}");
        assert_eq!(fault.error_type, ErrorType::ProviderUnavailable, "{status}");
        // A word says more than the status.
        let word = br#"{"error":{"message":"m","code":"context_length_exceeded"}}"#;
        let fault = decode_error(status, None, word);
        assert_eq!(fault.error_type, ErrorType::ContextLengthExceeded, "{status}");
    }
    for (status, error_type) in [
        (400, ErrorType::InvalidRequest),
        (404, ErrorType::NotFound),
        (413, ErrorType::PayloadTooLarge),
        (418, ErrorType::InvalidRequest),
        (422, ErrorType::Unprocessable),
    ] {
        assert_eq!(decode_error(status, None, b"{}").error_type, error_type, "{status}");
    }
}

#[test]
fn waiting_times_are_bounded_and_dates_are_not_guessed() {
    assert_eq!(decode_error(429, Some("2.1"), b"").retry_after, Some(3));
    assert_eq!(decode_error(429, Some("1e99"), b"").retry_after, Some(86_400));
    assert_eq!(decode_error(429, Some("Wed, 21 Oct 2015 07:28:00 GMT"), b"").retry_after, None);
}

/// ERR-1, ERR-6
#[test]
fn the_envelope_is_the_chat_one() {
    let fault = Fault::new(ErrorType::ProviderUnavailable, "gone").with_provider_code("E1");
    let members = [("user_id".to_owned(), RawJson::of("u").unwrap())];
    let rendered = encode_error(&fault, Some("gen-1"), &members);
    assert_eq!(rendered.status, 502);
    assert_eq!(
        String::from_utf8(rendered.body).unwrap(),
        r#"{"error":{"code":502,"message":"gone","metadata":{"error_type":"provider_unavailable","provider_code":"E1"}},"user_id":"u"}"#
    );
}

/// ERR-17, ERR-10
#[test]
fn an_internal_error_shows_nothing_of_the_inside() {
    let mut fault = Fault::new(ErrorType::Server, "table x is gone").with_provider_code("E1");
    fault.metadata.push(("availability".into(), RawJson::of(&1).unwrap()));
    let members = [("openrouter_metadata".to_owned(), RawJson::of("u").unwrap())];
    assert_eq!(
        String::from_utf8(encode_error(&fault, None, &members).body).unwrap(),
        r#"{"error":{"code":500,"message":"Internal Server Error","metadata":{"error_type":"server"},"availability":1}}"#
    );
}

#[test]
fn a_message_is_bounded() {
    let body = format!(r#"{{"error":{{"message":"{}"}}}}"#, "ä".repeat(5_000));
    assert_eq!(decode_error(400, None, body.as_bytes()).message.chars().count(), 2_000);
}

proptest! {
    #[test]
    fn any_bytes_make_a_fault(status: u16, body in proptest::collection::vec(any::<u8>(), 0..200)) {
        let fault = decode_error(status, Some("x"), &body);
        prop_assert!(!fault.message.is_empty());
    }
}
