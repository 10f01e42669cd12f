//! Why an answer ended.

use serde::{Deserialize, Serialize};

/// Why an answer ended, normalised to the five values callers see. CHAT-12
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FinishReason {
    /// The model finished, or met a stop sequence.
    Stop,
    /// The token limit was met.
    Length,
    /// The model calls tools.
    ToolCalls,
    /// Content was withheld.
    ContentFilter,
    /// The provider failed part-way.
    Error,
}

impl FinishReason {
    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
            Self::ToolCalls => "tool_calls",
            Self::ContentFilter => "content_filter",
            Self::Error => "error",
        }
    }
}
