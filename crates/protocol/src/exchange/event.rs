//! The events of a stream.

use super::fault::Fault;
use super::finish::FinishReason;
use super::turn::{MediaSource, ReasoningFormat};
use super::usage::Usage;
use crate::Dialect;
use crate::json::RawJson;

/// One event of an answer. `choice` is the answer's index when several were asked for.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The answer begins. Sent once, first; a later one only fills what was missing.
    Start {
        /// The provider's id of the answer.
        id: Option<String>,
        /// The model the provider says it runs.
        model: Option<String>,
        /// When, in seconds since 1970.
        created: Option<u64>,
        /// The tier that serves.
        service_tier: Option<String>,
        /// OpenAI's fingerprint.
        system_fingerprint: Option<String>,
    },
    /// Text.
    Text {
        /// The answer's index.
        choice: u32,
        /// The piece.
        text: String,
    },
    /// An annotation of the text so far, in the form `{type:"url_citation",…}`. WEB-4
    Annotation {
        /// The answer's index.
        choice: u32,
        /// The annotation.
        raw: RawJson,
    },
    /// A refusal, in OpenAI's separate field.
    Refusal {
        /// The answer's index.
        choice: u32,
        /// The piece.
        text: String,
    },
    /// A piece of reasoning. Pieces with the same `index` belong to one block. REASON-11
    Reasoning {
        /// The answer's index.
        choice: u32,
        /// The block's ordinal among the reasoning blocks of the answer.
        index: u32,
        /// The entry's id, if it has one.
        id: Option<String>,
        /// Whose form it has.
        format: ReasoningFormat,
        /// The piece.
        delta: ReasoningDelta,
    },
    /// A tool call begins.
    ToolCallStart {
        /// The answer's index.
        choice: u32,
        /// The call's ordinal among the tool calls of the answer: counts tool calls only, whatever
        /// the provider's block index was.
        index: u32,
        /// The call's id.
        id: String,
        /// The tool's name as the caller declared it.
        name: String,
    },
    /// A piece of a tool call's arguments (JSON text).
    ToolCallArguments {
        /// The answer's index.
        choice: u32,
        /// The call's ordinal.
        index: u32,
        /// The piece.
        arguments: String,
    },
    /// A whole image.
    Image {
        /// The answer's index.
        choice: u32,
        /// The image.
        source: MediaSource,
    },
    /// A piece of audio. MMIN-6
    Audio {
        /// The answer's index.
        choice: u32,
        /// The provider's id of the audio.
        id: Option<String>,
        /// A piece of base64.
        data: Option<String>,
        /// A piece of the transcript.
        transcript: Option<String>,
        /// When the provider forgets it, in seconds since 1970.
        expires_at: Option<u64>,
    },
    /// Log probabilities of the piece before, raw, in OpenAI's form.
    Logprobs {
        /// The answer's index.
        choice: u32,
        /// The value.
        raw: RawJson,
    },
    /// An answer ended.
    Finish {
        /// The answer's index.
        choice: u32,
        /// Why.
        reason: FinishReason,
        /// The provider's own word.
        native: Option<String>,
    },
    /// Token counts so far: each replaces the one before. Only the last one counts.
    Usage(Usage),
    /// The provider failed.
    Fault(Fault),
    /// The provider is alive.
    Ping,
    /// Something only its own dialect knows.
    Opaque {
        /// The dialect.
        origin: Dialect,
        /// The whole frame's data.
        raw: RawJson,
    },
}

/// A piece of reasoning.
#[derive(Clone, Debug, PartialEq)]
pub enum ReasoningDelta {
    /// Text.
    Text(String),
    /// The signature of the block's text (whole).
    Signature(String),
    /// Summary text.
    Summary(String),
    /// Encrypted data (whole).
    Encrypted(String),
}

impl Event {
    /// Whether this is content the caller would miss: from here on no other endpoint can take
    /// over unseen. STREAM-4
    pub fn is_content(&self) -> bool {
        match self {
            // No caller's protocol shows what it does not know.
            Self::Start { .. }
            | Self::Ping
            | Self::Usage(_)
            | Self::Fault(_)
            | Self::Opaque { .. } => false,
            Self::Text { text, .. } | Self::Refusal { text, .. } => !text.is_empty(),
            Self::Reasoning { delta, .. } => match delta {
                ReasoningDelta::Text(text)
                | ReasoningDelta::Signature(text)
                | ReasoningDelta::Summary(text)
                | ReasoningDelta::Encrypted(text) => !text.is_empty(),
            },
            Self::Annotation { .. }
            | Self::ToolCallStart { .. }
            | Self::ToolCallArguments { .. }
            | Self::Image { .. }
            | Self::Audio { .. }
            | Self::Logprobs { .. }
            | Self::Finish { .. } => true,
        }
    }
}
