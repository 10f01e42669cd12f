//! What the inference routes answer, as far as it is sure; further members may be there.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// An answer of the Responses API. RESP-1
#[derive(Serialize, ToSchema)]
pub struct ResponsesAnswer {
    pub id: String,
    pub object: String,
    pub created_at: u64,
    /// `completed`, or `incomplete`: then `incomplete_details` tells why.
    pub status: String,
    pub model: String,
    #[schema(value_type = Vec<Object>)]
    pub output: Vec<String>,
    #[schema(value_type = Option<Object>)]
    pub incomplete_details: Option<String>,
    pub usage: Option<ResponsesUsage>,
}

/// What an answer of the Responses API used, and its cost in USD. USAGE-6
#[derive(Serialize, ToSchema)]
pub struct ResponsesUsage {
    pub input_tokens: u64,
    pub output_tokens: u64,
    pub total_tokens: u64,
    pub cost: Option<f64>,
}

/// An error of the Responses API. ERR-13
#[derive(Serialize, ToSchema)]
pub struct ResponsesError {
    /// The generation; `null` where the request failed before it became one.
    id: Option<String>,
    object: String,
    /// `failed`.
    status: String,
    error: ResponsesErrorObject,
    /// The kind, in this gateway's words.
    error_type: String,
}

/// What went wrong, in OpenAI's words. ERR-13
#[derive(Serialize, ToSchema)]
pub struct ResponsesErrorObject {
    code: String,
    message: String,
    #[schema(value_type = Option<Object>)]
    metadata: Option<String>,
}

/// An answer of the Messages API. MSG-2
#[derive(Serialize, ToSchema)]
pub struct MessagesAnswer {
    pub id: String,
    pub r#type: String,
    pub role: String,
    pub model: String,
    #[schema(value_type = Vec<Object>)]
    pub content: Vec<String>,
    pub stop_reason: Option<String>,
    pub stop_sequence: Option<String>,
    pub usage: MessagesUsage,
}

/// What an answer of the Messages API used, and its cost in USD.
#[derive(Serialize, ToSchema)]
pub struct MessagesUsage {
    pub input_tokens: u64,
    pub output_tokens: u64,
    pub cache_creation_input_tokens: Option<u64>,
    pub cache_read_input_tokens: Option<u64>,
    pub cost: Option<f64>,
}

/// An error of the Messages API. ERR-16
#[derive(Serialize, ToSchema)]
pub struct MessagesError {
    /// `error`.
    r#type: String,
    error: MessagesErrorObject,
    /// The generation; `null` where the request failed before it became one.
    request_id: Option<String>,
}

/// What went wrong, in Anthropic's words and in this gateway's. ERR-15
#[derive(Serialize, ToSchema)]
pub struct MessagesErrorObject {
    r#type: String,
    message: String,
    error_type: String,
}

/// How many tokens a prompt has, as far as can be told without asking its provider. MSG-1
#[derive(Serialize, ToSchema)]
pub struct CountedTokens {
    input_tokens: u64,
}

/// Vectors, in the order of the inputs. EMB-1
#[derive(Serialize, ToSchema)]
pub struct EmbeddingsAnswer {
    pub id: Option<String>,
    pub object: String,
    pub model: String,
    pub data: Vec<EmbeddingObject>,
    pub usage: Option<EmbeddingsUsage>,
}

/// A vector. EMB-1
#[derive(Serialize, ToSchema)]
pub struct EmbeddingObject {
    pub object: String,
    pub index: u64,
    /// An array of numbers, or base64 of 32-bit floats, little-endian.
    pub embedding: Value,
}

/// What vectors used, and their cost in USD. EMB-1
#[derive(Serialize, ToSchema)]
pub struct EmbeddingsUsage {
    pub prompt_tokens: u64,
    pub total_tokens: u64,
    pub cost: Option<f64>,
}

/// Documents, the most relevant first. RERANK-2
#[derive(Serialize, ToSchema)]
pub struct RerankAnswer {
    pub id: Option<String>,
    pub model: String,
    pub provider: Option<String>,
    pub results: Vec<RankedDocument>,
    pub usage: Option<RerankUsage>,
}

/// A document and its relevance. RERANK-2
#[derive(Serialize, ToSchema)]
pub struct RankedDocument {
    pub index: u64,
    pub relevance_score: f64,
    #[schema(value_type = Object)]
    pub document: String,
}

/// What a ranking used, and its cost in USD. RERANK-2
#[derive(Serialize, ToSchema)]
pub struct RerankUsage {
    pub search_units: Option<u64>,
    pub total_tokens: Option<u64>,
    pub cost: Option<f64>,
}

/// An answer of the Gemini API. It has no cost: `GET /api/v1/generation` tells it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct GenerateContentAnswer {
    #[schema(value_type = Vec<Object>)]
    pub candidates: Vec<String>,
    #[schema(value_type = Option<Object>)]
    pub usage_metadata: Option<String>,
    pub model_version: Option<String>,
    pub response_id: Option<String>,
}

/// How many tokens a prompt has, in Google's form.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct GeminiCountedTokens {
    total_tokens: u64,
}

/// Models in Google's form.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct GeminiModels {
    models: Vec<GeminiModel>,
    /// Where the next page begins; left out on the last.
    #[schema(required = false)]
    next_page_token: Option<String>,
}

/// A model in OpenAI's form. What OpenRouter's list tells of it stands beside.
#[derive(Serialize, ToSchema)]
pub struct RetrievedModel {
    /// `AUTHOR/SLUG`.
    pub id: String,
    /// `model`.
    pub object: String,
    /// In seconds since 1970.
    pub created: i64,
    /// The author.
    pub owned_by: String,
    /// For people.
    pub name: String,
    pub context_length: Option<u64>,
}

/// A model in Google's form.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct GeminiModel {
    /// `models/AUTHOR/SLUG`.
    pub name: String,
    pub version: String,
    pub display_name: String,
    pub description: Option<String>,
    pub input_token_limit: Option<u64>,
    pub supported_generation_methods: Vec<String>,
}

/// An error of the Gemini API.
#[derive(Serialize, ToSchema)]
pub struct GeminiError {
    error: GeminiErrorObject,
}

/// What went wrong, in Google's words; `details` have the kind in this gateway's.
#[derive(Serialize, ToSchema)]
pub struct GeminiErrorObject {
    code: u16,
    message: String,
    status: String,
    #[schema(value_type = Vec<Object>)]
    details: Vec<String>,
}

/// An error. ERR-1
#[derive(Serialize, ToSchema)]
pub struct ErrorAnswer {
    error: ErrorObject,
}

/// What went wrong. ERR-1
#[derive(Serialize, ToSchema)]
pub struct ErrorObject {
    code: u16,
    message: String,
    #[schema(value_type = Option<Object>)]
    metadata: Option<String>,
}
