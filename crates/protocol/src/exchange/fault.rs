//! What went wrong, with everything an error envelope needs.

use serde::{Deserialize, Serialize};

use crate::json::RawJson;

/// The unified kind of an error. ERR-8
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are the documentation: they are the API's own words")]
pub enum ErrorType {
    ContextLengthExceeded,
    MaxTokensExceeded,
    TokenLimitExceeded,
    StringTooLong,
    Authentication,
    PermissionDenied,
    PaymentRequired,
    RateLimitExceeded,
    ProviderOverloaded,
    ProviderUnavailable,
    InvalidRequest,
    InvalidPrompt,
    NotFound,
    PreconditionFailed,
    PayloadTooLarge,
    Unprocessable,
    ContentPolicyViolation,
    Refusal,
    InvalidImage,
    ImageTooLarge,
    ImageTooSmall,
    UnsupportedImageFormat,
    ImageNotFound,
    ImageDownloadFailed,
    Server,
    Timeout,
    Unmapped,
}

impl ErrorType {
    /// The HTTP status that goes with it. ERR-8
    pub const fn status(self) -> u16 {
        match self {
            Self::ContextLengthExceeded
            | Self::MaxTokensExceeded
            | Self::TokenLimitExceeded
            | Self::StringTooLong
            | Self::InvalidRequest
            | Self::InvalidPrompt
            | Self::ContentPolicyViolation
            | Self::Refusal
            | Self::InvalidImage
            | Self::ImageTooLarge
            | Self::ImageTooSmall
            | Self::UnsupportedImageFormat
            | Self::ImageDownloadFailed => 400,
            Self::Authentication => 401,
            Self::PaymentRequired => 402,
            Self::PermissionDenied => 403,
            Self::NotFound | Self::ImageNotFound => 404,
            Self::PreconditionFailed => 412,
            Self::PayloadTooLarge => 413,
            Self::Unprocessable => 422,
            Self::RateLimitExceeded => 429,
            Self::Server | Self::Unmapped => 500,
            Self::ProviderUnavailable => 502,
            Self::ProviderOverloaded => 503,
            Self::Timeout => 504,
        }
    }

    /// The name on the wire.
    pub fn name(self) -> String {
        serde_json::to_value(self)
            .ok()
            .and_then(|value| value.as_str().map(str::to_owned))
            .unwrap_or_default()
    }
}

/// What went wrong. The same value is decoded from a provider's error and rendered in the
/// caller's envelope; only the gateway decides what of it may be shown.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    /// The kind.
    pub error_type: ErrorType,
    /// The HTTP status toward the caller, usually `error_type.status()`; 408, 524 and 529 exist
    /// beside the table.
    pub status: u16,
    /// What happened, for the caller.
    pub message: String,
    /// The provider's own code or type. ERR-6
    pub provider_code: Option<String>,
    /// Seconds after which another try makes sense. ERR-4
    pub retry_after: Option<u64>,
    /// Further members of `error.metadata`, by name.
    pub metadata: Vec<(String, RawJson)>,
    /// What a caller wrote is refused because nobody here knows it: it may come from a later version
    /// of the caller's protocol.
    pub unknown: bool,
}

impl Fault {
    /// A fault with the status that goes with its kind.
    pub fn new(error_type: ErrorType, message: impl Into<String>) -> Self {
        Self {
            error_type,
            status: error_type.status(),
            message: message.into(),
            provider_code: None,
            retry_after: None,
            metadata: Vec::new(),
            unknown: false,
        }
    }

    /// The fault of a value that nobody here knows.
    #[must_use]
    pub fn of_unknown(mut self) -> Self {
        self.unknown = true;
        self
    }

    /// With another status.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// With the provider's own code.
    #[must_use]
    pub fn with_provider_code(mut self, code: impl Into<String>) -> Self {
        self.provider_code = Some(code.into());
        self
    }

    /// What is behind an answer that ended with [`FinishReason::Error`]: the provider failed
    /// part-way, and `native` is its word for it. CHAT-11, STREAM-7
    ///
    /// [`FinishReason::Error`]: super::FinishReason::Error
    pub fn of_finish(native: Option<&str>) -> Self {
        let told = native.filter(|word| !word.is_empty());
        let message = match told {
            Some(word) => format!("Provider returned error: {word}"),
            None => "Provider returned error".to_owned(),
        };
        let fault = Self::new(ErrorType::ProviderUnavailable, message);
        match told {
            Some(word) => fault.with_provider_code(word),
            None => fault,
        }
    }

    /// A request the caller must change. 400
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorType::InvalidRequest, message)
    }
}

/// An error in a dialect's envelope, ready to send.
#[derive(Clone, Debug, PartialEq)]
pub struct RenderedError {
    /// The HTTP status.
    pub status: u16,
    /// The JSON body.
    pub body: Vec<u8>,
}
