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
}

impl Dialect {
    /// All dialects, for tables and tests.
    pub const ALL: [Self; 4] =
        [Self::OpenaiChat, Self::OpenaiResponses, Self::Anthropic, Self::Gemini];

    /// The name used in data files, logs and documentation.
    pub const fn name(self) -> &'static str {
        match self {
            Self::OpenaiChat => "openai_chat",
            Self::OpenaiResponses => "openai_responses",
            Self::Anthropic => "anthropic",
            Self::Gemini => "gemini",
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
        })
    }
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
        for good in ["gemini-2.5-pro", "models/x", "claude@2025", "a:b"] {
            assert_eq!(safe_model_id(good), Ok(good));
        }
    }
}
