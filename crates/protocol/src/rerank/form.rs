//! The closed set of protocols for rerank that providers speak.

use serde::{Deserialize, Serialize};

use crate::dialect::UnsafeModelId;
use crate::embeddings::form::invoke_path;
use crate::exchange::Fault;
use crate::openai_chat;

/// A protocol for rerank that a provider speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// Cohere's `/v2/rerank`.
    Cohere,
    /// Voyage's.
    Voyage,
    /// Jina's, spoken by many hosts of open models.
    Jina,
    /// Cohere Rerank in the body of Bedrock's `InvokeModel`.
    BedrockCohere,
    /// Amazon Rerank in the body of Bedrock's `InvokeModel`.
    BedrockAmazon,
}

impl Form {
    /// All forms, for tables and tests.
    pub const ALL: [Self; 5] =
        [Self::Cohere, Self::Voyage, Self::Jina, Self::BedrockCohere, Self::BedrockAmazon];

    /// The name used in data files, logs and documentation.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cohere => "cohere",
            Self::Voyage => "voyage",
            Self::Jina => "jina",
            Self::BedrockCohere => "bedrock_cohere",
            Self::BedrockAmazon => "bedrock_amazon",
        }
    }

    /// The path, below a provider's base URL, with a leading slash. The base is
    /// `https://api.cohere.com/v2` for Cohere, `…/v1` for Voyage and Jina and the host alone for
    /// Bedrock.
    pub fn path(self, model: &str) -> Result<String, UnsafeModelId> {
        match self {
            Self::Cohere | Self::Voyage | Self::Jina => Ok("/rerank".to_owned()),
            Self::BedrockCohere | Self::BedrockAmazon => invoke_path(model),
        }
    }

    /// Parameters of the vendor's own that a caller may write: they are passed on as they are.
    pub(super) const fn own_parameters(self) -> &'static [&'static str] {
        match self {
            Self::Cohere => &["max_tokens_per_doc", "priority"],
            Self::Voyage | Self::Jina => &["truncation"],
            Self::BedrockCohere => &["max_tokens_per_doc"],
            Self::BedrockAmazon => &[],
        }
    }

    /// Reads a provider's error answer: those of all forms as in OpenAI's dialect, which knows
    /// `{message}` of Cohere and Bedrock and `{detail}` of Voyage and Jina.
    pub fn decode_error(self, status: u16, retry_after: Option<&str>, body: &[u8]) -> Fault {
        openai_chat::decode_error(status, retry_after, body)
    }
}
