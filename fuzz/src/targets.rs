//! The fuzz targets by name: each has a program of the same name in `fuzz_targets`.

use protocol::Dialect;

use super::vectors;
use super::{
    envelope, error, event_stream, lines, patch_request, patch_response, patch_stream, request,
    response, splitter, stream,
};

/// A name, and what must hold for every input.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const TARGETS: &[Target] = &[
    ("anthropic_error", |data| error(Dialect::Anthropic, data)),
    ("anthropic_patch_request", |data| patch_request(Dialect::Anthropic, data)),
    ("anthropic_patch_response", |data| patch_response(Dialect::Anthropic, data)),
    ("anthropic_patch_stream", |data| patch_stream(Dialect::Anthropic, data)),
    ("anthropic_request", |data| request(Dialect::Anthropic, data)),
    ("anthropic_response", |data| response(Dialect::Anthropic, data)),
    ("anthropic_stream", |data| stream(Dialect::Anthropic, data)),
    ("bedrock_error", |data| error(Dialect::Bedrock, data)),
    ("bedrock_response", |data| response(Dialect::Bedrock, data)),
    ("bedrock_stream", |data| stream(Dialect::Bedrock, data)),
    ("cohere_error", |data| error(Dialect::Cohere, data)),
    ("cohere_response", |data| response(Dialect::Cohere, data)),
    ("cohere_stream", |data| stream(Dialect::Cohere, data)),
    ("embeddings_request", vectors::embeddings_request),
    ("embeddings_response", vectors::embeddings_response),
    ("envelope", envelope),
    ("event_stream", event_stream),
    ("gemini_error", |data| error(Dialect::Gemini, data)),
    ("gemini_patch_request", |data| patch_request(Dialect::Gemini, data)),
    ("gemini_patch_response", |data| patch_response(Dialect::Gemini, data)),
    ("gemini_patch_stream", |data| patch_stream(Dialect::Gemini, data)),
    ("gemini_request", |data| request(Dialect::Gemini, data)),
    ("gemini_response", |data| response(Dialect::Gemini, data)),
    ("gemini_stream", |data| stream(Dialect::Gemini, data)),
    ("lines", lines),
    ("ollama_error", |data| error(Dialect::Ollama, data)),
    ("ollama_response", |data| response(Dialect::Ollama, data)),
    ("ollama_stream", |data| stream(Dialect::Ollama, data)),
    ("openai_chat_error", |data| error(Dialect::OpenaiChat, data)),
    ("openai_chat_patch_request", |data| patch_request(Dialect::OpenaiChat, data)),
    ("openai_chat_patch_response", |data| patch_response(Dialect::OpenaiChat, data)),
    ("openai_chat_patch_stream", |data| patch_stream(Dialect::OpenaiChat, data)),
    ("openai_chat_request", |data| request(Dialect::OpenaiChat, data)),
    ("openai_chat_response", |data| response(Dialect::OpenaiChat, data)),
    ("openai_chat_stream", |data| stream(Dialect::OpenaiChat, data)),
    ("openai_responses_error", |data| error(Dialect::OpenaiResponses, data)),
    ("openai_responses_patch_request", |data| patch_request(Dialect::OpenaiResponses, data)),
    ("openai_responses_patch_response", |data| patch_response(Dialect::OpenaiResponses, data)),
    ("openai_responses_patch_stream", |data| patch_stream(Dialect::OpenaiResponses, data)),
    ("openai_responses_request", |data| request(Dialect::OpenaiResponses, data)),
    ("openai_responses_response", |data| response(Dialect::OpenaiResponses, data)),
    ("openai_responses_stream", |data| stream(Dialect::OpenaiResponses, data)),
    ("rerank_request", vectors::rerank_request),
    ("rerank_response", vectors::rerank_response),
    ("splitter", splitter),
];
