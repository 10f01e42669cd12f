//! What the kinds of errors of attempts say of a provider.

/// Whose fault an attempt's error is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    /// The provider's.
    Provider,
    /// The credential's.
    Credential,
    /// The caller's: it says nothing of the provider. LB-7
    Caller,
}

/// Reads the name of an error. Names that are not known are the provider's.
pub fn blame(error_type: &str) -> Blame {
    match error_type {
        "authentication" | "permission_denied" | "payment_required" => Blame::Credential,
        "context_length_exceeded"
        | "max_tokens_exceeded"
        | "token_limit_exceeded"
        | "string_too_long"
        | "invalid_request"
        | "invalid_prompt"
        | "precondition_failed"
        | "payload_too_large"
        | "unprocessable"
        | "content_policy_violation"
        | "refusal"
        | "invalid_image"
        | "image_too_large"
        | "image_too_small"
        | "unsupported_image_format"
        | "image_not_found"
        | "image_download_failed" => Blame::Caller,
        _ => Blame::Provider,
    }
}

#[cfg(test)]
mod tests {
    use protocol::exchange::ErrorType;

    use super::*;

    #[test]
    fn names_are_those_of_the_wire() {
        for (error, expected) in [
            (ErrorType::Authentication, Blame::Credential),
            (ErrorType::PermissionDenied, Blame::Credential),
            (ErrorType::PaymentRequired, Blame::Credential),
            (ErrorType::ContextLengthExceeded, Blame::Caller),
            (ErrorType::InvalidRequest, Blame::Caller),
            (ErrorType::ContentPolicyViolation, Blame::Caller),
            (ErrorType::PayloadTooLarge, Blame::Caller),
            (ErrorType::Unprocessable, Blame::Caller),
            (ErrorType::UnsupportedImageFormat, Blame::Caller),
            (ErrorType::ImageDownloadFailed, Blame::Caller),
            (ErrorType::NotFound, Blame::Provider),
            (ErrorType::ProviderUnavailable, Blame::Provider),
            (ErrorType::RateLimitExceeded, Blame::Provider),
            (ErrorType::Timeout, Blame::Provider),
        ] {
            assert_eq!(blame(&error.name()), expected, "{error:?}");
        }
    }
}
