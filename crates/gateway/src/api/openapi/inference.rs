//! The routes that the listener takes before the router, and those beside them.

use super::answer::{
    CountedTokens, EmbeddingsAnswer, ErrorAnswer, GeminiCountedTokens, GeminiError, GeminiModel,
    GeminiModels, GenerateContentAnswer, MessagesAnswer, MessagesError, RerankAnswer,
    ResponsesAnswer, ResponsesError, RetrievedModel,
};
use super::request::{
    ChatRequest, CompletionRequest, CountTokensRequest, EmbeddingsRequest,
    GeminiCountTokensRequest, GenerateContentRequest, MessagesRequest, RerankRequest,
    ResponsesRequest,
};

/// Documents a route whose answers are generations.
macro_rules! generates {
    (
        $name:ident, $path:literal, $doc:literal, $request:ty => ($($answer:tt)+), $error:ty
        $(, $param:literal)*
    ) => {
        #[doc = $doc]
        #[utoipa::path(
            post,
            path = $path,
            tag = "inference",
            $(params(($param = String, Path)),)*
            request_body = $request,
            responses(
                (
                    status = 200,
                    content($($answer)+),
                    headers(("X-Generation-Id" = String, description = "Its record's id"))
                ),
                (status = "4XX", body = $error),
                (status = "5XX", body = $error),
            )
        )]
        #[expect(dead_code, reason = "carries the documentation of a route only")]
        pub fn $name() {}
    };
}

/// Documents a route that tells something and asks no provider.
macro_rules! tells {
    (
        $name:ident, $method:ident, $path:literal, $doc:literal, $answer:ty, $error:ty
        $(, body $request:ty)? $(, $param:literal)*
    ) => {
        #[doc = $doc]
        #[utoipa::path(
            $method,
            path = $path,
            tag = "inference",
            $(params(($param = String, Path)),)*
            $(request_body = $request,)?
            responses(
                (status = 200, body = $answer),
                (status = "4XX", body = $error),
                (status = "5XX", body = $error),
            )
        )]
        #[expect(dead_code, reason = "carries the documentation of a route only")]
        pub fn $name() {}
    };
}

generates!(
    chat,
    "/api/v1/chat/completions",
    "Answers a conversation.",
    ChatRequest => ((Object = "application/json"), (String = "text/event-stream")),
    ErrorAnswer
);
generates!(
    cursor,
    "/api/v1/cursor/chat/completions",
    "Answers a conversation of Cursor's, whose tools may be flat. CLIENT-3",
    ChatRequest => ((Object = "application/json"), (String = "text/event-stream")),
    ErrorAnswer
);
generates!(
    completions,
    "/api/v1/completions",
    "Continues a prompt.",
    CompletionRequest => ((Object = "application/json"), (String = "text/event-stream")),
    ErrorAnswer
);
generates!(
    responses,
    "/api/v1/responses",
    "Answers in OpenAI's Responses form. Stored only with `store: true`, in a workspace that has `stores_responses`.",
    ResponsesRequest => ((ResponsesAnswer = "application/json"), (String = "text/event-stream")),
    ResponsesError
);
generates!(
    messages,
    "/api/v1/messages",
    "Answers in Anthropic's Messages form.",
    MessagesRequest => ((MessagesAnswer = "application/json"), (String = "text/event-stream")),
    MessagesError
);
generates!(
    anthropic_messages,
    "/anthropic/v1/messages",
    "The same, for clients that are given the address of a host.",
    MessagesRequest => ((MessagesAnswer = "application/json"), (String = "text/event-stream")),
    MessagesError
);
generates!(
    embeddings,
    "/api/v1/embeddings",
    "Makes vectors of texts and media.",
    EmbeddingsRequest => ((EmbeddingsAnswer = "application/json")),
    ErrorAnswer
);
generates!(
    rerank,
    "/api/v1/rerank",
    "Ranks documents by their relevance to a query.",
    RerankRequest => ((RerankAnswer = "application/json")),
    ErrorAnswer
);
generates!(
    generate_content,
    "/v1beta/models/{model}:generateContent",
    "Answers in Google's Gemini form. The model may have slashes, plain or as %2F.",
    GenerateContentRequest => ((GenerateContentAnswer = "application/json")),
    GeminiError,
    "model"
);
generates!(
    stream_generate_content,
    "/v1beta/models/{model}:streamGenerateContent",
    "The same, streamed as server-sent events, whatever `alt` says.",
    GenerateContentRequest => ((String = "text/event-stream")),
    GeminiError,
    "model"
);

tells!(
    count_tokens,
    post,
    "/api/v1/messages/count_tokens",
    "Counts the tokens of a prompt, or estimates them; no provider is asked.",
    CountedTokens,
    MessagesError,
    body CountTokensRequest
);
tells!(
    anthropic_count_tokens,
    post,
    "/anthropic/v1/messages/count_tokens",
    "The same, for clients that are given the address of a host.",
    CountedTokens,
    MessagesError,
    body CountTokensRequest
);
tells!(
    gemini_count_tokens,
    post,
    "/v1beta/models/{model}:countTokens",
    "Counts the tokens of a prompt, or estimates them; no provider is asked.",
    GeminiCountedTokens,
    GeminiError,
    body GeminiCountTokensRequest,
    "model"
);
tells!(
    gemini_model,
    get,
    "/v1beta/models/{model}",
    "Shows a model in Google's form.",
    GeminiModel,
    GeminiError,
    "model"
);

tells!(
    count_tokens_of_version_one,
    post,
    "/api/v1/models/{model}:countTokens",
    "The same, for clients of Google's that are told to speak `v1`.",
    GeminiCountedTokens,
    GeminiError,
    body GeminiCountTokensRequest,
    "model"
);
tells!(
    retrieved_model,
    get,
    "/api/v1/models/{model}",
    "Shows a model as `models.retrieve` of OpenAI's clients reads it. The slash in its name may be plain or %2F.",
    RetrievedModel,
    ErrorAnswer,
    "model"
);

/// Lists models in Google's form.
#[utoipa::path(
    get,
    path = "/v1beta/models",
    tag = "inference",
    params(
        ("pageSize" = Option<u64>, Query, description = "50 if not said, at most 1000"),
        ("pageToken" = Option<String>, Query, description = "`nextPageToken` of the page before"),
    ),
    responses((status = 200, body = GeminiModels))
)]
#[expect(dead_code, reason = "carries the documentation of a route only")]
pub fn gemini_models() {}
