//! What kind of failure a provider tells of: the status alone is not enough. wire-formats 12.5

use crate::exchange::ErrorType;

/// The texts that mean the context is too long. wire-formats 12.5
const CONTEXT_LENGTH: [&str; 17] = [
    "exceed context limit",
    "maximum context length",
    "reduce the length of the messages",
    "requested token count exceeds the model's maximum context length",
    "model's maximum context limit",
    "is longer than the model's context length",
    "input tokens exceed the configured limit",
    "`inputs` tokens + `max_new_tokens` must be",
    "exceeds the available context size",
    "exceeds the maximum number of tokens allowed",
    "input token count",
    "context_length_exceeded",
    "input too long",
    "prompt is too long",
    "input is too long",
    "input tokens exceeded",
    "too many tokens",
];

const CONTENT_POLICY: [&str; 7] = [
    "content_policy_violation",
    "responsibleaipolicyviolation",
    "the response was filtered due to the prompt triggering",
    "your task failed as a result of our safety system",
    "the model produced invalid content",
    "content_filter_policy",
    "your request was rejected as a result of our safety system",
];

/// Words that mean the account behind the credential is empty or capped: no retry helps.
const QUOTA: [&str; 17] = [
    "insufficient_quota",
    "billing_hard_limit_reached",
    "credit_balance_exhausted",
    "organization_spend_limit_exceeded",
    "project_spend_limit_exceeded",
    "organization_usage_limit_exceeded",
    "exceeded_current_quota_error",
    "1113",
    "1308",
    "1309",
    "1310",
    "1311",
    "1312",
    "1316",
    "1317",
    "1320",
    "1321",
];

/// The kind that words and texts tell of. `lower` is the message in lower case.
pub(super) fn by_words(
    has: &dyn Fn(&str) -> bool,
    lower: &str,
    status: Option<u16>,
) -> Option<ErrorType> {
    let clients = status.is_none_or(|status| status < 500);
    if has("string_above_max_length") {
        return Some(ErrorType::StringTooLong);
    }
    if has("context_length_exceeded")
        || (clients
            && !lower.contains("string_above_max_length")
            && !lower.contains("invalid 'user'")
            && !matches!(status, Some(401..=403 | 429))
            && (CONTEXT_LENGTH.iter().any(|text| lower.contains(text))
                || (lower.contains("current length is") && lower.contains("while limit is"))
                || (lower.contains("maximum input length is") && lower.contains("tokens"))))
    {
        return Some(ErrorType::ContextLengthExceeded);
    }
    if has("content_filter")
        || has("content_policy_violation")
        || has("ResponsibleAIPolicyViolation")
        || has("1301")
        || has("1026")
        || has("1027")
        || (clients && CONTENT_POLICY.iter().any(|text| lower.contains(text)))
    {
        return Some(ErrorType::ContentPolicyViolation);
    }
    if QUOTA.iter().any(|word| has(word)) || lower.contains("credit balance is too low") {
        return Some(ErrorType::PaymentRequired);
    }
    if has("server_is_overloaded") || has("overloaded_error") || has("1305") {
        return Some(ErrorType::ProviderOverloaded);
    }
    if lower.contains("service tier capacity exceeded")
        || has("rate_limit_exceeded")
        || has("rate_limit_error")
        || has("rate_limit_reached_error")
        || has("1302")
        || has("1303")
    {
        return Some(ErrorType::RateLimitExceeded);
    }
    // The model failed, not the caller: another endpoint may do better.
    if has("tool_use_failed") {
        return Some(ErrorType::ProviderUnavailable);
    }
    if status.is_none_or(|status| status == 503)
        && (lower.contains("overloaded") || lower.contains("over capacity"))
    {
        return Some(ErrorType::ProviderOverloaded);
    }
    if status == Some(400) && has("model_not_found") {
        return Some(ErrorType::NotFound);
    }
    if status.is_some() {
        return None;
    }
    // Inside a stream there is no status: the type tells.
    Some(if has("invalid_api_key") || has("authentication_error") {
        ErrorType::Authentication
    } else if has("permission_error") || has("permission_denied") {
        ErrorType::PermissionDenied
    } else if has("model_not_found") || has("not_found_error") {
        ErrorType::NotFound
    } else if has("invalid_request_error") || has("BadRequestError") {
        ErrorType::InvalidRequest
    } else if has("timeout") || has("timeout_error") {
        ErrorType::Timeout
    } else {
        return None;
    })
}

/// The kind that a status alone tells of. What a request cannot be guilty of is the provider's
/// trouble, so that the next one is asked. LB-4
pub(super) const fn by_status(status: Option<u16>) -> ErrorType {
    match status {
        Some(401) => ErrorType::Authentication,
        Some(402) => ErrorType::PaymentRequired,
        Some(403) => ErrorType::PermissionDenied,
        Some(404 | 410) => ErrorType::NotFound,
        Some(408 | 504 | 524) => ErrorType::Timeout,
        Some(412) => ErrorType::PreconditionFailed,
        Some(413) => ErrorType::PayloadTooLarge,
        Some(422) => ErrorType::Unprocessable,
        Some(429) => ErrorType::RateLimitExceeded,
        Some(503 | 529) => ErrorType::ProviderOverloaded,
        Some(405 | 409 | 421 | 423..=425 | 451 | 499) => ErrorType::ProviderUnavailable,
        Some(400..=499) => ErrorType::InvalidRequest,
        _ => ErrorType::ProviderUnavailable,
    }
}
