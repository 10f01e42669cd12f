//! The closed set of protocols for embeddings that providers speak.

use serde::{Deserialize, Serialize};

use crate::dialect::{UnsafeModelId, percent_encoded, safe_model_id};
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
    /// Vertex AI's `predict`, for Google's models of text.
    VertexPredict,
    /// The same for those of them that take one text a call.
    VertexPredictOne,
    /// Vertex AI's `embedContent`, for Google's models of several media: one input a call.
    VertexContent,
}

impl Form {
    /// All forms, for tables and tests.
    pub const ALL: [Self; 12] = [
        Self::OpenAi,
        Self::Cohere,
        Self::Voyage,
        Self::VoyageMultimodal,
        Self::Jina,
        Self::Mistral,
        Self::Gemini,
        Self::BedrockTitan,
        Self::BedrockCohere,
        Self::VertexPredict,
        Self::VertexPredictOne,
        Self::VertexContent,
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
            Self::VertexPredict => "vertex_predict",
            Self::VertexPredictOne => "vertex_predict_one",
            Self::VertexContent => "vertex_content",
        }
    }

    /// The path, below a provider's base URL, with a leading slash. The base is
    /// `https://api.cohere.com/v2` for Cohere, `…/v1` for OpenAI, Voyage, Jina and Mistral,
    /// `…/v1beta` for Gemini, `…/v1/projects/…/publishers/google` for Vertex AI and the host alone
    /// for Bedrock.
    pub fn path(self, model: &str) -> Result<String, UnsafeModelId> {
        Ok(match self {
            Self::OpenAi | Self::Voyage | Self::Jina | Self::Mistral => "/embeddings".to_owned(),
            Self::VoyageMultimodal => "/multimodalembeddings".to_owned(),
            Self::Cohere => "/embed".to_owned(),
            Self::Gemini => format!("/models/{}:batchEmbedContents", safe_model_id(model)?),
            Self::BedrockTitan | Self::BedrockCohere => invoke_path(model)?,
            Self::VertexPredict | Self::VertexPredictOne => {
                format!("/models/{}:predict", safe_model_id(model)?)
            }
            Self::VertexContent => format!("/models/{}:embedContent", safe_model_id(model)?),
        })
    }

    /// The most inputs in one call: what the vendor documents, else what callers may send.
    pub const fn inputs_per_call(self) -> usize {
        match self {
            Self::OpenAi | Self::Jina | Self::Mistral => super::MAX_INPUTS,
            Self::Cohere | Self::BedrockCohere => 96,
            Self::Voyage | Self::VoyageMultimodal => 1_000,
            Self::Gemini => 100,
            Self::VertexPredict => 250,
            Self::BedrockTitan | Self::VertexPredictOne | Self::VertexContent => 1,
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
            Self::VertexPredict | Self::VertexPredictOne | Self::VertexContent => {
                &["title", "autoTruncate"]
            }
        }
    }

    /// Whether what a caller writes once is repeated with every input, not with every call.
    pub(super) const fn repeats_with_inputs(self) -> bool {
        matches!(self, Self::Gemini | Self::VertexPredict)
    }

    /// Reads a provider's error answer: Google's as in its dialect, those of all others as in
    /// OpenAI's, which knows `{message}` of Cohere and Bedrock and `{detail}` of Voyage and Jina.
    pub fn decode_error(self, status: u16, retry_after: Option<&str>, body: &[u8]) -> Fault {
        match self {
            Self::Gemini | Self::VertexPredict | Self::VertexPredictOne | Self::VertexContent => {
                gemini::decode_error(status, retry_after, body)
            }
            _ => openai_chat::decode_error(status, retry_after, body),
        }
    }
}

/// The path of Bedrock's `InvokeModel`: the id is one segment, whatever it holds. wire-formats 5.1
pub(crate) fn invoke_path(model: &str) -> Result<String, UnsafeModelId> {
    Ok(format!("/model/{}/invoke", percent_encoded(safe_model_id(model)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_where_vendors_answer() {
        let paths = Form::ALL.map(|form| form.path("amazon.titan-embed-text-v2:0").unwrap());
        assert_eq!(
            paths,
            [
                "/embeddings",
                "/embed",
                "/embeddings",
                "/multimodalembeddings",
                "/embeddings",
                "/embeddings",
                "/models/amazon.titan-embed-text-v2:0:batchEmbedContents",
                "/model/amazon.titan-embed-text-v2%3A0/invoke",
                "/model/amazon.titan-embed-text-v2%3A0/invoke",
                "/models/amazon.titan-embed-text-v2:0:predict",
                "/models/amazon.titan-embed-text-v2:0:predict",
                "/models/amazon.titan-embed-text-v2:0:embedContent",
            ]
        );
        let profile = "arn:aws:bedrock:us-east-1:1:inference-profile/us.cohere.embed-v4:0";
        let path = Form::BedrockCohere.path(profile).unwrap();
        assert_eq!(path.matches('/').count(), 3, "an id is one segment: {path}");
        assert!(Form::Gemini.path("a/../b").is_err());
    }
}
