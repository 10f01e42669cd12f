//! What callers send to the inference routes: the members that are read here. Any other member is
//! allowed and passed on.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// A chat request. CHAT-3
#[derive(Serialize, ToSchema)]
pub struct ChatRequest {
    pub model: Option<String>,
    pub models: Option<Vec<String>>,
    pub messages: Vec<Message>,
    pub stream: Option<bool>,
    pub max_tokens: Option<u64>,
    pub max_completion_tokens: Option<u64>,
    #[schema(minimum = 0, maximum = 2)]
    pub temperature: Option<f64>,
    #[schema(exclusive_minimum = 0, maximum = 1)]
    pub top_p: Option<f64>,
    pub top_k: Option<u64>,
    #[schema(minimum = -2, maximum = 2)]
    pub frequency_penalty: Option<f64>,
    #[schema(minimum = -2, maximum = 2)]
    pub presence_penalty: Option<f64>,
    pub seed: Option<i64>,
    /// A string, or an array of strings.
    pub stop: Option<Value>,
    #[schema(value_type = Option<Vec<Object>>)]
    pub tools: Option<Vec<String>>,
    /// A word, or an object that names a function.
    pub tool_choice: Option<Value>,
    pub parallel_tool_calls: Option<bool>,
    #[schema(value_type = Option<Object>)]
    pub response_format: Option<String>,
    #[schema(value_type = Option<Object>)]
    pub reasoning: Option<String>,
    #[schema(value_type = Option<Object>)]
    pub provider: Option<String>,
    pub service_tier: Option<String>,
    #[schema(max_length = 256)]
    pub session_id: Option<String>,
    pub user: Option<String>,
}

/// One message. CHAT-7
#[derive(Serialize, ToSchema)]
pub struct Message {
    pub role: String,
    /// A text, or an array of parts.
    pub content: Option<Value>,
    pub name: Option<String>,
    pub tool_call_id: Option<String>,
}

/// A legacy completion request. CHAT-14
#[derive(Serialize, ToSchema)]
pub struct CompletionRequest {
    pub model: Option<String>,
    pub prompt: String,
    pub stream: Option<bool>,
    pub max_tokens: Option<u64>,
}

/// A request of OpenAI's Responses API. `background: true` and `conversation` are refused, and so
/// are `store: true` and `previous_response_id`, but in a workspace that has `stores_responses`.
/// RESP-1, RESP-2, RESP-3
#[derive(Serialize, ToSchema)]
pub struct ResponsesRequest {
    pub model: Option<String>,
    pub models: Option<Vec<String>>,
    /// A text, or an array of items: the whole conversation.
    pub input: Value,
    pub instructions: Option<String>,
    pub stream: Option<bool>,
    pub store: Option<bool>,
    /// The stored answer that this one goes on from.
    pub previous_response_id: Option<String>,
    pub max_output_tokens: Option<u64>,
    #[schema(minimum = 0, maximum = 2)]
    pub temperature: Option<f64>,
    #[schema(minimum = 0, maximum = 1)]
    pub top_p: Option<f64>,
    #[schema(value_type = Option<Vec<Object>>)]
    pub tools: Option<Vec<String>>,
    /// A word, or an object that names a tool.
    pub tool_choice: Option<Value>,
    pub parallel_tool_calls: Option<bool>,
    #[schema(value_type = Option<Object>)]
    pub reasoning: Option<String>,
    #[schema(value_type = Option<Object>)]
    pub text: Option<String>,
    pub include: Option<Vec<String>>,
    #[schema(value_type = Option<Object>)]
    pub metadata: Option<String>,
    pub prompt_cache_key: Option<String>,
    pub safety_identifier: Option<String>,
    pub service_tier: Option<String>,
    #[schema(value_type = Option<Object>)]
    pub provider: Option<String>,
    #[schema(max_length = 256)]
    pub session_id: Option<String>,
    pub user: Option<String>,
}

/// A request of Anthropic's Messages API. MSG-1
#[derive(Serialize, ToSchema)]
pub struct MessagesRequest {
    pub model: Option<String>,
    pub models: Option<Vec<String>>,
    /// At most three objects `{"model": …}`, in place of `models`. FALL-6
    #[schema(value_type = Option<Vec<Object>>, max_items = 3)]
    pub fallbacks: Option<Vec<String>>,
    pub max_tokens: u64,
    pub messages: Vec<MessagesTurn>,
    /// A text, or an array of blocks.
    pub system: Option<Value>,
    pub stream: Option<bool>,
    pub temperature: Option<f64>,
    pub top_p: Option<f64>,
    pub top_k: Option<u64>,
    pub stop_sequences: Option<Vec<String>>,
    #[schema(value_type = Option<Vec<Object>>)]
    pub tools: Option<Vec<String>>,
    #[schema(value_type = Option<Object>)]
    pub tool_choice: Option<String>,
    #[schema(value_type = Option<Object>)]
    pub thinking: Option<String>,
    #[schema(value_type = Option<Object>)]
    pub output_config: Option<String>,
    #[schema(value_type = Option<Object>)]
    pub metadata: Option<String>,
    pub service_tier: Option<String>,
    pub speed: Option<String>,
    #[schema(value_type = Option<Object>)]
    pub provider: Option<String>,
    #[schema(max_length = 256)]
    pub session_id: Option<String>,
    #[schema(max_length = 256)]
    pub user: Option<String>,
}

/// One turn of a conversation in Anthropic's form.
#[derive(Serialize, ToSchema)]
pub struct MessagesTurn {
    pub role: String,
    /// A text, or an array of blocks.
    pub content: Value,
}

/// A prompt whose tokens are to be counted. MSG-1
#[derive(Serialize, ToSchema)]
pub struct CountTokensRequest {
    pub model: String,
    pub messages: Vec<MessagesTurn>,
    /// A text, or an array of blocks.
    pub system: Option<Value>,
    #[schema(value_type = Option<Vec<Object>>)]
    pub tools: Option<Vec<String>>,
}

/// A request for embeddings. EMB-1
#[derive(Serialize, ToSchema)]
pub struct EmbeddingsRequest {
    pub model: String,
    /// A text, an array of texts, tokens, or an array of objects with `content`.
    pub input: Value,
    #[schema(minimum = 1)]
    pub dimensions: Option<u64>,
    /// `float` or `base64`.
    pub encoding_format: Option<String>,
    pub input_type: Option<String>,
    #[schema(value_type = Option<Object>)]
    pub provider: Option<String>,
    pub user: Option<String>,
}

/// A request to rank documents. RERANK-2
#[derive(Serialize, ToSchema)]
pub struct RerankRequest {
    pub model: String,
    pub query: String,
    /// Texts, or objects with `text` and `image`.
    #[schema(min_items = 1)]
    pub documents: Vec<Value>,
    #[schema(minimum = 1)]
    pub top_n: Option<u64>,
    #[schema(value_type = Option<Object>)]
    pub provider: Option<String>,
}

/// A request of Google's Gemini API; the model stands in the address.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct GenerateContentRequest {
    #[schema(value_type = Vec<Object>)]
    pub contents: Vec<String>,
    #[schema(value_type = Option<Object>)]
    pub system_instruction: Option<String>,
    #[schema(value_type = Option<Vec<Object>>)]
    pub tools: Option<Vec<String>>,
    #[schema(value_type = Option<Object>)]
    pub tool_config: Option<String>,
    #[schema(value_type = Option<Object>)]
    pub generation_config: Option<String>,
    #[schema(value_type = Option<Vec<Object>>)]
    pub safety_settings: Option<Vec<String>>,
}

/// A prompt of Google's form whose tokens are to be counted: the request as it would be made, or
/// wrapped.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct GeminiCountTokensRequest {
    #[schema(value_type = Option<Vec<Object>>)]
    pub contents: Option<Vec<String>>,
    pub generate_content_request: Option<GenerateContentRequest>,
}
