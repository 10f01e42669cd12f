//! Turns of ordered blocks.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::extras::Extras;
use super::origin::Origin;
use crate::Dialect;
use crate::json::RawJson;

/// What the user says first where a conversation begins with the assistant, for services that take
/// no such conversation, nor a message without text.
pub(crate) const OPENING: &str = "(The conversation begins with the assistant.)";

/// Who speaks in a turn. CHAT-7
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Instructions of the operator.
    System,
    /// Instructions in OpenAI's newer spelling.
    Developer,
    /// The caller.
    User,
    /// The model.
    Assistant,
    /// A tool's result.
    Tool,
}

/// One message: a role and its ordered blocks.
#[derive(Clone, Debug, PartialEq)]
pub struct Turn {
    /// Who speaks.
    pub role: Role,
    /// The speaker's name, where given. CHAT-7
    pub name: Option<String>,
    /// The content, in order. Never reordered: signatures are bound to positions.
    pub blocks: Vec<Block>,
    /// Unknown members of the message.
    pub extras: Extras,
}

impl Turn {
    /// A turn without name or extras.
    pub fn new(role: Role, blocks: Vec<Block>) -> Self {
        Self { role, name: None, blocks, extras: Extras::default() }
    }
}

/// One block of content.
#[derive(Clone, Debug, PartialEq)]
pub struct Block {
    /// What it is.
    pub kind: BlockKind,
    /// Whether the prompt up to and including this block should be cached. PCACHE-1
    pub cache: Option<CacheMark>,
    /// Unknown members of the block.
    pub extras: Extras,
    /// Where in the caller's body it stood.
    pub origin: Origin,
}

impl Block {
    /// A block without mark or extras.
    pub fn new(kind: BlockKind) -> Self {
        Self { kind, cache: None, extras: Extras::default(), origin: Origin::Unknown }
    }

    /// A text block.
    pub fn text(text: impl Into<String>) -> Self {
        Self::new(BlockKind::Text { text: text.into(), annotations: Vec::new() })
    }
}

/// What a block is.
#[derive(Clone, Debug, PartialEq)]
pub enum BlockKind {
    /// Text, with annotations (citations) in the caller-facing form `{type:"url_citation",…}`.
    Text {
        /// The text.
        text: String,
        /// Annotations, kept raw.
        annotations: Vec<RawJson>,
    },
    /// An image.
    Image {
        /// Where it is.
        source: MediaSource,
        /// `auto`, `low`, `high` or `original`. MMIN-1
        detail: Option<String>,
    },
    /// Audio. MMIN-2
    Audio {
        /// Where it is.
        source: MediaSource,
        /// `wav`, `mp3`, …
        format: String,
        /// What is said in it, where the model tells (audio output).
        transcript: Option<String>,
    },
    /// Video. MMIN-3
    Video {
        /// Where it is.
        source: MediaSource,
    },
    /// A document, usually a PDF. PDF-1
    File {
        /// Where it is.
        source: MediaSource,
        /// Its name.
        filename: Option<String>,
    },
    /// Reasoning of the model.
    Reasoning(ReasoningBlock),
    /// The model calls a tool.
    ToolCall {
        /// The call's id, unique in the conversation.
        id: String,
        /// The tool's name, as the caller declared it.
        name: String,
        /// The arguments as JSON text, as the model wrote them: they may not be valid JSON.
        arguments: String,
    },
    /// The result of a tool call.
    ToolResult {
        /// The call it answers.
        call_id: String,
        /// The tool's name, where the dialect tells it.
        name: Option<String>,
        /// The result's blocks.
        content: Vec<Block>,
        /// Whether the tool failed.
        is_error: bool,
    },
    /// The model declined, in OpenAI's separate field.
    Refusal {
        /// What it said.
        text: String,
    },
    /// A block this version does not know, for the dialect it came from only.
    Opaque {
        /// The dialect that knows it.
        origin: Dialect,
        /// The whole block.
        raw: RawJson,
    },
}

/// Where media are.
#[derive(Clone, Debug, PartialEq)]
pub enum MediaSource {
    /// An http(s), gs or other URL (never a data URL).
    Url(String),
    /// Bytes in base64.
    Base64 {
        /// The media type, e.g. `image/png`.
        media_type: String,
        /// Standard base64.
        data: String,
    },
    /// Plain text of a document.
    Text {
        /// The media type, e.g. `text/plain`.
        media_type: String,
        /// The text.
        text: String,
    },
    /// An id in the provider's file store.
    FileId(String),
}

/// The text of a document with its title before it, for protocols where it is text like any other.
pub(crate) fn titled<'t>(title: Option<&str>, text: &'t str) -> Cow<'t, str> {
    match title.filter(|title| !title.is_empty()) {
        Some(title) => Cow::Owned(format!("{title}\n{text}")),
        None => Cow::Borrowed(text),
    }
}

impl MediaSource {
    /// Reads a URL or a data URL (with or without parameters such as `;charset=utf-8`).
    /// A data URL that is not base64 is kept as a URL.
    pub fn from_url(url: &str) -> Self {
        let Some(rest) = url.strip_prefix("data:") else { return Self::Url(url.to_owned()) };
        match rest.split_once(',') {
            Some((head, data)) if head.split(';').any(|part| part.trim() == "base64") => {
                let media_type = head.split(';').next().unwrap_or_default().trim().to_owned();
                Self::Base64 { media_type, data: data.to_owned() }
            }
            _ => Self::Url(url.to_owned()),
        }
    }

    /// The URL or data URL form; `None` for file ids and text.
    pub fn to_url(&self) -> Option<String> {
        match self {
            Self::Url(url) => Some(url.clone()),
            Self::Base64 { media_type, data } => Some(format!("data:{media_type};base64,{data}")),
            Self::Text { .. } | Self::FileId(_) => None,
        }
    }
}

/// A mark that asks for the prompt up to here to be cached. PCACHE-1
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheMark {
    /// The lifetime asked for: `5m` or `1h`; `None` is the provider's default.
    pub ttl: Option<String>,
}

/// Reasoning, in the form of one `reasoning_details` entry. REASON-9
#[derive(Clone, Debug, PartialEq)]
pub struct ReasoningBlock {
    /// The content.
    pub content: ReasoningContent,
    /// The entry's id. For an encrypted Gemini signature: the id of the tool call it belongs to.
    pub id: Option<String>,
    /// Which service's form the signature or the encrypted data has. REASON-10
    pub format: ReasoningFormat,
}

/// The content of a reasoning block.
#[derive(Clone, Debug, PartialEq)]
pub enum ReasoningContent {
    /// Text, with the signature that proves where it came from.
    Text {
        /// The text.
        text: String,
        /// The signature; unsigned reasoning must never be replayed as signed.
        signature: Option<String>,
    },
    /// A summary.
    Summary {
        /// The summary.
        summary: String,
    },
    /// Data that only its issuer can read.
    Encrypted {
        /// The data.
        data: String,
    },
}

/// Which service's form reasoning has. Unknown names survive. REASON-10
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(from = "String", into = "String")]
pub enum ReasoningFormat {
    /// Not known.
    #[default]
    Unknown,
    /// Anthropic's thinking blocks.
    Anthropic,
    /// Gemini's thoughts and thought signatures.
    Gemini,
    /// OpenAI's Responses items.
    OpenaiResponses,
    /// Any other name.
    Other(String),
}

impl ReasoningFormat {
    /// The name on the wire.
    pub fn name(&self) -> &str {
        match self {
            Self::Unknown => "unknown",
            Self::Anthropic => "anthropic-claude-v1",
            Self::Gemini => "google-gemini-v1",
            Self::OpenaiResponses => "openai-responses-v1",
            Self::Other(name) => name,
        }
    }
}

impl From<String> for ReasoningFormat {
    fn from(name: String) -> Self {
        match name.as_str() {
            "unknown" => Self::Unknown,
            "anthropic-claude-v1" => Self::Anthropic,
            "google-gemini-v1" => Self::Gemini,
            "openai-responses-v1" => Self::OpenaiResponses,
            _ => Self::Other(name),
        }
    }
}

impl From<ReasoningFormat> for String {
    fn from(format: ReasoningFormat) -> Self {
        format.name().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_urls_with_parameters_are_understood() {
        assert_eq!(
            MediaSource::from_url("data:text/plain;charset=utf-8;base64,aGk="),
            MediaSource::Base64 { media_type: "text/plain".into(), data: "aGk=".into() }
        );
        assert!(matches!(MediaSource::from_url("data:text/plain,hi"), MediaSource::Url(_)));
        assert!(matches!(MediaSource::from_url("https://a/b.png"), MediaSource::Url(_)));
    }

    #[test]
    fn unknown_reasoning_formats_survive() {
        let format = ReasoningFormat::from("xai-responses-v1".to_owned());
        assert_eq!(String::from(format), "xai-responses-v1");
    }
}
