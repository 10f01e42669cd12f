//! The closed set of protocols for embeddings that providers speak.

use serde::{Deserialize, Serialize};

use crate::dialect::{UnsafeModelId, safe_model_id};
use crate::exchange::Fault;
use crate::{gemini, openai_chat};

/// A protocol for embeddings that a provider speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// OpenAI's, spoken by its many compatible hosts, and by callers.
    #[serde(rename = "openai")]
    OpenAi,
    /// Cohere's `/v2/embed`.
    Cohere,
    /// Voyage's, for its models of text.
    Voyage,
    /// Voyage's for its multimodal models, which answer on another path to another body, even for
    /// mere texts.
    VoyageMultimodal,
    /// Jina's.
    Jina,
    /// Mistral's.
    Mistral,
    /// Gemini's `batchEmbedContents`.
    Gemini,
    /// Titan Text Embeddings V2 in the body of Bedrock's `InvokeModel`.
    BedrockTitan,
    /// Cohere Embed in the body of Bedrock's `InvokeModel`.
    BedrockCohere,
}

impl Form {
    /// All forms, for tables and tests.
    pub const ALL: [Self; 9] = [
        Self::OpenAi,
        Self::Cohere,
        Self::Voyage,
        Self::VoyageMultimodal,
        Self::Jina,
        Self::Mistral,
        Self::Gemini,
        Self::BedrockTitan,
        Self::BedrockCohere,
    ];

    /// The name used in data files, logs and documentation.
    pub const fn name(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::Cohere => "cohere",
            Self::Voyage => "voyage",
            Self::VoyageMultimodal => "voyage_multimodal",
            Self::Jina => "jina",
            Self::Mistral => "mistral",
            Self::Gemini => "gemini",
            Self::BedrockTitan => "bedrock_titan",
            Self::BedrockCohere => "bedrock_cohere",
        }
    }

    /// The path, below a provider's base URL, with a leading slash. The base is
    /// `https://api.cohere.com/v2` for Cohere, `…/v1` for OpenAI, Voyage, Jina and Mistral,
    /// `…/v1beta` for Gemini and the host alone for Bedrock.
    pub fn path(self, model: &str) -> Result<String, UnsafeModelId> {
        Ok(match self {
            Self::OpenAi | Self::Voyage | Self::Jina | Self::Mistral => "/embeddings".to_owned(),
            Self::VoyageMultimodal => "/multimodalembeddings".to_owned(),
            Self::Cohere => "/embed".to_owned(),
            Self::Gemini => format!("/models/{}:batchEmbedContents", safe_model_id(model)?),
            Self::BedrockTitan | Self::BedrockCohere => invoke_path(model)?,
        })
    }

    /// The most inputs in one call: what the vendor documents, else what callers may send.
    pub const fn inputs_per_call(self) -> usize {
        match self {
            Self::OpenAi | Self::Jina | Self::Mistral => super::MAX_INPUTS,
            Self::Cohere | Self::BedrockCohere => 96,
            Self::Voyage | Self::VoyageMultimodal => 1_000,
            Self::Gemini => 100,
            Self::BedrockTitan => 1,
        }
    }

    /// Parameters of the vendor's own that a caller may write beside OpenAI's: they are passed on
    /// as they are. Those that change what the numbers of a vector mean are not among them.
    pub(super) const fn own_parameters(self) -> &'static [&'static str] {
        match self {
            Self::OpenAi => &[],
            Self::Cohere => &["truncate", "max_tokens", "priority"],
            Self::BedrockCohere => &["truncate", "max_tokens"],
            Self::Voyage | Self::VoyageMultimodal => &["truncation"],
            Self::Jina => &["normalized", "late_chunking", "truncate"],
            Self::Mistral => &["metadata"],
            Self::Gemini => &["title"],
            Self::BedrockTitan => &["normalize"],
        }
    }

    /// Reads a provider's error answer: Gemini's as in its dialect, those of all others as in
    /// OpenAI's, which knows `{message}` of Cohere and Bedrock and `{detail}` of Voyage and Jina.
    pub fn decode_error(self, status: u16, retry_after: Option<&str>, body: &[u8]) -> Fault {
        match self {
            Self::Gemini => gemini::decode_error(status, retry_after, body),
            _ => openai_chat::decode_error(status, retry_after, body),
        }
    }
}

/// The path of Bedrock's `InvokeModel`: the id is one segment, whatever it holds. wire-formats 5.1
pub(crate) fn invoke_path(model: &str) -> Result<String, UnsafeModelId> {
    let segment = safe_model_id(model)?.replace(':', "%3A").replace('/', "%2F");
    Ok(format!("/model/{segment}/invoke"))
}
