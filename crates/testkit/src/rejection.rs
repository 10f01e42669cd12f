//! An error as a vendor would state it, before it takes that vendor's form.

/// A refused request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rejection {
    pub status: u16,
    /// `None` is the vendor's usual wording for the status.
    pub message: Option<String>,
    /// OpenAI: the parameter at fault.
    pub param: Option<String>,
    /// OpenAI: `code`; Anthropic: `error.type`; Gemini: `status`. `None` is the usual one.
    pub kind: Option<String>,
    /// Seconds to wait, where the vendor says so.
    pub retry_after: Option<u64>,
    /// Gemini: entries of `error.details`.
    pub details: Vec<serde_json::Value>,
}

impl Rejection {
    pub(crate) fn new(status: u16, message: impl Into<String>) -> Self {
        Self { message: Some(message.into()), ..Self::status(status) }
    }

    pub(crate) fn status(status: u16) -> Self {
        Self {
            status,
            message: None,
            param: None,
            kind: None,
            retry_after: None,
            details: Vec::new(),
        }
    }

    /// A malformed request.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(400, message)
    }

    #[must_use]
    pub(crate) fn param(mut self, param: impl Into<String>) -> Self {
        self.param = Some(param.into());
        self
    }

    #[must_use]
    pub(crate) fn kind(mut self, kind: impl Into<String>) -> Self {
        self.kind = Some(kind.into());
        self
    }
}
