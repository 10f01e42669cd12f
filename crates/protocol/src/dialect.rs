//! The closed set of wire protocols.

use serde::{Deserialize, Serialize};

/// A wire protocol that a caller or a provider speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dialect {
    /// OpenAI Chat Completions, and the superset of it that OpenRouter speaks.
    OpenaiChat,
    /// OpenAI Responses, and the superset of it that OpenRouter speaks.
    OpenaiResponses,
    /// Anthropic Messages.
    Anthropic,
    /// Gemini `generateContent` and `streamGenerateContent`.
    Gemini,
    /// Amazon Bedrock's Converse and ConverseStream. Providers only.
    Bedrock,
    /// Cohere's chat, version 2. Providers only.
    Cohere,
    /// Ollama's own chat. Providers only.
    Ollama,
}

/// How the events of a stream are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Framing {
    /// Server-sent events; see [`crate::sse`].
    Sse,
    /// Amazon's binary messages; see [`crate::event_stream`].
    EventStream,
    /// One JSON value a line; see [`crate::ndjson`].
    Lines,
}

impl Framing {
    /// The media type of a stream of it.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Sse => "text/event-stream",
            Self::EventStream => "application/vnd.amazon.eventstream",
            Self::Lines => "application/x-ndjson",
        }
    }

    /// Whether bytes can only be the beginning of a stream of it, whatever their type says.
    pub fn is_begun_by(self, bytes: &[u8]) -> bool {
        const FIELDS: [&[u8]; 5] = [b"data:", b"event:", b"id:", b"retry:", b":"];
        let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes).trim_ascii_start();
        self == Self::Sse && FIELDS.iter().any(|field| bytes.starts_with(field))
    }
}

impl Dialect {
    /// All dialects, for tables and tests.
    pub const ALL: [Self; 7] = [
        Self::OpenaiChat,
        Self::OpenaiResponses,
        Self::Anthropic,
        Self::Gemini,
        Self::Bedrock,
        Self::Cohere,
        Self::Ollama,
    ];

    /// Those that callers can speak; the others are spoken to providers only.
    pub const CALLERS: [Self; 4] =
        [Self::OpenaiChat, Self::OpenaiResponses, Self::Anthropic, Self::Gemini];

    /// The name used in data files, logs and documentation.
    pub const fn name(self) -> &'static str {
        match self {
            Self::OpenaiChat => "openai_chat",
            Self::OpenaiResponses => "openai_responses",
            Self::Anthropic => "anthropic",
            Self::Gemini => "gemini",
            Self::Bedrock => "bedrock",
            Self::Cohere => "cohere",
            Self::Ollama => "ollama",
        }
    }

    /// How the events of its streams are told apart.
    pub const fn framing(self) -> Framing {
        match self {
            Self::OpenaiChat
            | Self::OpenaiResponses
            | Self::Anthropic
            | Self::Gemini
            | Self::Cohere => Framing::Sse,
            Self::Bedrock => Framing::EventStream,
            Self::Ollama => Framing::Lines,
        }
    }

    /// The path, below a provider's base URL, that answers a generation request, with a leading
    /// slash and with the query where the protocol needs one. `model` is checked before it enters
    /// the URL; see [`safe_model_id`].
    pub fn path(self, model: &str, stream: bool) -> Result<String, UnsafeModelId> {
        Ok(match self {
            Self::OpenaiChat => "/chat/completions".to_owned(),
            Self::OpenaiResponses => "/responses".to_owned(),
            Self::Anthropic => "/messages".to_owned(),
            Self::Gemini => {
                let model = safe_model_id(model)?;
                if stream {
                    format!("/models/{model}:streamGenerateContent?alt=sse")
                } else {
                    format!("/models/{model}:generateContent")
                }
            }
            Self::Bedrock => {
                let model = percent_encoded(safe_model_id(model)?);
                let operation = if stream { "converse-stream" } else { "converse" };
                format!("/model/{model}/{operation}")
            }
            Self::Cohere | Self::Ollama => "/chat".to_owned(),
        })
    }
}

/// A model id as one segment of a path: Amazon's contain `:`, and those that are resource names
/// `/`. wire-formats 5.1
pub(crate) fn percent_encoded(model: &str) -> String {
    let mut out = String::with_capacity(model.len() + 16);
    for letter in model.chars() {
        match letter {
            ':' => out.push_str("%3A"),
            '/' => out.push_str("%2F"),
            '@' => out.push_str("%40"),
            // The rest of a safe id is never encoded.
            other => out.push(other),
        }
    }
    out
}

/// A model id that may not be put into a URL.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("the model id contains characters that cannot be part of a URL path")]
pub struct UnsafeModelId;

/// Accepts a model id as part of a URL path only if every segment is made of letters, digits and
/// `-._~:@`, and none is `.` or `..`: a model id is data, and must not be able to choose another
/// path at the provider.
pub fn safe_model_id(model: &str) -> Result<&str, UnsafeModelId> {
    let safe = !model.is_empty()
        && model.split('/').all(|segment| {
            !segment.is_empty()
                && segment != "."
                && segment != ".."
                && segment
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"-._~:@".contains(&byte))
        });
    if safe { Ok(model) } else { Err(UnsafeModelId) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_id_cannot_choose_another_path() {
        for bad in ["", "..", "a/../b", "a?b", "a#b", "a b", "a/", "a%2f", "a\r\nb", "ä"] {
            assert_eq!(safe_model_id(bad), Err(UnsafeModelId), "{bad}");
        }
        assert_eq!(Dialect::Bedrock.path("../x", false), Err(UnsafeModelId));
        for good in ["gemini-2.5-pro", "models/x", "claude@2025", "a:b"] {
            assert_eq!(safe_model_id(good), Ok(good));
        }
    }
    #[test]
    fn ids_that_are_resource_names_stay_one_segment_of_the_path() {
        let plain = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";
        assert_eq!(
            Dialect::Bedrock.path(plain, false).unwrap(),
            "/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse"
        );
        let profile = "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.amazon.nova-2";
        assert_eq!(
            Dialect::Bedrock.path(profile, true).unwrap(),
            "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Ainference-profile%2F\
             us.amazon.nova-2/converse-stream"
        );
        assert_eq!(Dialect::Cohere.path("x", true).unwrap(), "/chat");
        assert_eq!(Dialect::Ollama.path("x", true).unwrap(), "/chat");
    }

    #[test]
    fn names_are_those_of_data_files_and_callers_speak_what_is_framed_as_events() {
        for dialect in Dialect::ALL {
            let name = serde_json::to_value(dialect).unwrap();
            assert_eq!(name, dialect.name());
        }
        for dialect in Dialect::CALLERS {
            assert!(Dialect::ALL.contains(&dialect));
            assert_eq!(dialect.framing(), Framing::Sse);
        }
        assert_eq!(Dialect::Bedrock.framing(), Framing::EventStream);
        assert_eq!(Dialect::Ollama.framing(), Framing::Lines);
    }
}
