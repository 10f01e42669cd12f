//! Embeddings and rerank: exchanges that measure texts instead of answering them.
//!
//! Vectors are made of the words of a text, so texts that share words are near each other, and a
//! test can make the same vector itself with [`embedding`]; relevance is the share of the query's
//! words that the document has ([`relevance`]).

mod bedrock;
mod cohere;
mod fields;
mod gemini;
mod hosts;
mod numbers;
mod openai;
mod rerank;
mod vector;

use serde_json::{Value, json};

pub(crate) use hosts::Host;
pub use rerank::relevance;
pub use vector::embedding;

use crate::calls::Usage;
use crate::rejection::Rejection;
use crate::turn::Turn;

/// What a path asks to measure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Task {
    /// `…/embeddings`, which many hosts have; the path may tell which.
    Embeddings(Option<Host>),
    /// `…/multimodalembeddings` of Voyage.
    Multimodal,
    /// `…/rerank`, as above.
    Rerank(Option<Host>),
    /// `/v2/embed` of Cohere.
    CohereEmbed,
    /// `/v2/rerank` of Cohere.
    CohereRerank,
    /// `:embedContent` of Gemini for this model.
    Content(String),
    /// `:batchEmbedContents` of Gemini for this model.
    Contents(String),
    /// `/api/embed` of Ollama.
    OllamaEmbed,
    /// `InvokeModel` of Bedrock for this model.
    Invoke(String),
}

impl Task {
    /// The model stated in the path.
    pub(crate) fn model(&self) -> Option<&str> {
        match self {
            Self::Content(model) | Self::Contents(model) | Self::Invoke(model) => Some(model),
            _ => None,
        }
    }

    /// The host a request is meant for, where several share a path.
    pub(crate) fn host(&self, body: &Value) -> Option<Host> {
        match self {
            Self::Embeddings(host) => Some(host.unwrap_or_else(|| Host::of_embeddings(body))),
            Self::Rerank(host) => Some(host.unwrap_or_else(|| Host::of_rerank(body))),
            Self::Multimodal => Some(Host::Voyage),
            _ => None,
        }
    }
}

/// A measured request: the answer and what it costs.
#[derive(Debug)]
pub(crate) struct Measured {
    pub body: Value,
    pub usage: Usage,
    /// The id in the answer, if it has one.
    pub id: Option<String>,
    /// Headers besides the usual ones.
    pub headers: Vec<(&'static str, String)>,
}

impl Measured {
    fn new(body: Value, tokens: u64) -> Self {
        let usage = Usage { input: tokens, ..Usage::default() };
        Self { body, usage, id: None, headers: Vec::new() }
    }

    fn with_id(mut self, id: String) -> Self {
        self.id = Some(id);
        self
    }
}

/// Checks a request as its vendor would and measures its texts.
pub(crate) fn measure(task: &Task, body: &Value, turn: &Turn) -> Result<Measured, Rejection> {
    let host = task.host(body);
    match task {
        Task::Embeddings(_) => match host {
            Some(Host::Voyage) => hosts::voyage(body),
            Some(Host::Jina) => hosts::jina(body),
            Some(Host::Mistral) => hosts::mistral(body, turn),
            Some(Host::OpenAi) | None => openai::embed(body),
        },
        Task::Multimodal => hosts::voyage_multimodal(body),
        Task::Rerank(_) => rerank::host(body, host.unwrap_or(Host::Jina)),
        Task::CohereEmbed => cohere::embed(body, turn),
        Task::CohereRerank => rerank::cohere(body, turn),
        Task::Content(model) => gemini::one(body, model),
        Task::Contents(model) => gemini::many(body, model),
        Task::OllamaEmbed => hosts::ollama(body),
        Task::Invoke(model) => bedrock::invoke(body, model, turn),
    }
}

/// The error form of hosts that state errors as `{"detail"}`; none for all others.
pub(crate) fn detail(host: Option<Host>, rejection: &Rejection) -> Option<Value> {
    let detail = match host? {
        Host::OpenAi => return None,
        Host::Voyage | Host::Jina | Host::Mistral => {
            rejection.message.clone().unwrap_or_else(|| {
                let status = http::StatusCode::from_u16(rejection.status).ok();
                status.and_then(|status| status.canonical_reason()).unwrap_or("Error").to_owned()
            })
        }
    };
    Some(match host? {
        // Mistral, like all of FastAPI, lists what was wrong with a body.
        Host::Mistral if rejection.status == 422 => json!({"detail": [{
            "type": rejection.kind.as_deref().unwrap_or("value_error"),
            "loc": ["body", rejection.param.as_deref().unwrap_or_default()],
            "msg": detail,
        }]}),
        _ => json!({"detail": detail}),
    })
}

#[cfg(test)]
mod tests;
