//! The wire protocols behind one set of functions.

use bytes::Bytes;
use http::HeaderMap;
use serde::Serialize;
use serde_json::{Value, json};

use crate::answer::{Answer, Asked};
use crate::calls::Usage;
use crate::rejection::Rejection;
use crate::turn::{Event, Turn};
use crate::{anthropic, bedrock, cohere, gemini, ollama, openai, responses};

/// A wire protocol the simulator speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// OpenAI Chat Completions.
    OpenAi,
    /// OpenAI Responses.
    #[serde(rename = "openai_responses")]
    OpenAiResponses,
    /// Anthropic Messages.
    Anthropic,
    /// Gemini generateContent.
    Gemini,
    /// Amazon Bedrock's runtime: Converse and InvokeModel.
    Bedrock,
    /// Cohere v2.
    Cohere,
    /// Ollama's own API.
    Ollama,
}

impl Protocol {
    /// The path that a base URL of this protocol ends in.
    pub fn base_path(self) -> &'static str {
        match self {
            Self::OpenAi | Self::OpenAiResponses => "/openai/v1",
            Self::Anthropic => "/anthropic/v1",
            Self::Gemini => "/gemini/v1beta",
            Self::Bedrock => "/bedrock",
            Self::Cohere => "/cohere/v2",
            Self::Ollama => "/ollama/api",
        }
    }
}

/// A frame that is not JSON.
pub(crate) fn malformed_event(protocol: Protocol) -> Bytes {
    Bytes::from_static(match protocol {
        Protocol::OpenAiResponses => {
            b"event: response.output_text.delta\ndata: {\"type\": not json\n\n"
        }
        Protocol::OpenAi => b"data: {\"choices\": not json\n\n",
        Protocol::Anthropic => b"event: content_block_delta\ndata: {\"type\": not json\n\n",
        Protocol::Gemini => b"data: {\"candidates\": not json\r\n\r\n",
        Protocol::Bedrock => return bedrock::malformed(),
        Protocol::Ollama => b"{\"message\": not json\n",
        Protocol::Cohere => b"event: content-delta\ndata: {\"type\": not json\n\n",
    })
}

/// Reads and checks a request as the vendor would.
pub(crate) fn read(
    protocol: Protocol,
    body: &Value,
    model: Option<&str>,
    stream: Option<bool>,
) -> Result<Box<Asked>, Rejection> {
    let asked = match protocol {
        Protocol::OpenAi => openai::read(body)?,
        Protocol::OpenAiResponses => responses::read(body)?,
        Protocol::Anthropic => anthropic::read(body)?,
        Protocol::Gemini => {
            gemini::read(body, model.unwrap_or_default(), stream.unwrap_or_default())?
        }
        Protocol::Bedrock => {
            bedrock::read(body, model.unwrap_or_default(), stream.unwrap_or_default())?
        }
        Protocol::Cohere => cohere::read(body)?,
        Protocol::Ollama => ollama::read(body)?,
    };
    Ok(Box::new(asked))
}

/// The whole answer as one object.
pub(crate) fn full(
    protocol: Protocol,
    turn: &Turn,
    asked: &Asked,
    answers: &[Answer],
    usage: &Usage,
) -> Value {
    // All but OpenAI Chat and Gemini give just one answer.
    let Some(first) = answers.first() else {
        return Value::Null;
    };
    match protocol {
        Protocol::OpenAi => openai::full(turn, asked, answers, usage),
        Protocol::OpenAiResponses => responses::full(turn, asked, first, usage),
        Protocol::Anthropic => anthropic::full(turn, asked, first, usage),
        Protocol::Gemini => gemini::full(turn, asked, answers, usage),
        Protocol::Bedrock => bedrock::full(turn, asked, first, usage),
        Protocol::Cohere => cohere::full(turn, asked, first, usage),
        Protocol::Ollama => ollama::full(turn, asked, first, usage),
    }
}

/// The answer as the events of a stream.
pub(crate) fn events(
    protocol: Protocol,
    turn: &Turn,
    asked: &Asked,
    answers: &[Answer],
    usage: &Usage,
) -> Vec<Event> {
    let Some(first) = answers.first() else {
        return Vec::new();
    };
    match protocol {
        Protocol::OpenAi => openai::events(turn, asked, answers, usage),
        Protocol::OpenAiResponses => responses::events(turn, asked, first, usage),
        Protocol::Anthropic => anthropic::events(turn, asked, first, usage),
        Protocol::Gemini => gemini::events(turn, asked, answers, usage),
        Protocol::Bedrock => bedrock::events(turn, asked, first, usage),
        Protocol::Cohere => cohere::events(turn, asked, first, usage),
        Protocol::Ollama => ollama::events(turn, asked, first, usage),
    }
}

/// The vendor's error body.
pub(crate) fn error_body(protocol: Protocol, rejection: &Rejection, request: &str) -> Value {
    match protocol {
        Protocol::OpenAi | Protocol::OpenAiResponses => openai::error_body(rejection),
        Protocol::Anthropic => anthropic::error_body(rejection, request),
        Protocol::Gemini => gemini::error_body(rejection),
        Protocol::Bedrock => bedrock::error_body(rejection),
        Protocol::Cohere => cohere::error_body(rejection, request),
        Protocol::Ollama => ollama::error_body(rejection),
    }
}

/// The vendor's error inside a stream that has already begun; `sent` is the number of events
/// before it.
pub(crate) fn error_event(
    protocol: Protocol,
    rejection: &Rejection,
    turn: &Turn,
    asked: &Asked,
    sent: usize,
) -> Bytes {
    match protocol {
        Protocol::OpenAi => openai::error_event(rejection),
        Protocol::OpenAiResponses => responses::error_event(rejection, turn, asked, sent),
        Protocol::Anthropic => anthropic::error_event(rejection),
        Protocol::Gemini => gemini::error_event(rejection),
        Protocol::Bedrock => bedrock::error_event(rejection),
        Protocol::Cohere => cohere::error_event(rejection),
        Protocol::Ollama => ollama::error_event(rejection),
    }
}

/// The vendor's list of models.
pub(crate) fn models(protocol: Protocol, names: &[String], created: u64) -> Value {
    match protocol {
        Protocol::OpenAi | Protocol::OpenAiResponses => openai::models(names, created),
        Protocol::Anthropic => anthropic::models(names),
        Protocol::Gemini => gemini::models(names),
        Protocol::Bedrock => bedrock::models(names),
        Protocol::Cohere => cohere::models(names),
        Protocol::Ollama => ollama::models(names),
    }
}

/// The API key a request carries in the vendor's way; Gemini also takes it from the query.
pub(crate) fn key<'a>(
    protocol: Protocol,
    headers: &'a HeaderMap,
    query: &'a str,
) -> Option<&'a str> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let bearer = || header("authorization").and_then(|value| value.strip_prefix("Bearer "));
    match protocol {
        Protocol::OpenAi | Protocol::OpenAiResponses | Protocol::Cohere | Protocol::Ollama => {
            bearer()
        }
        Protocol::Anthropic => header("x-api-key").or_else(bearer),
        Protocol::Bedrock => bedrock::key(headers),
        Protocol::Gemini => header("x-goog-api-key")
            .or_else(bearer)
            .or_else(|| query.split('&').find_map(|pair| pair.strip_prefix("key="))),
    }
}

/// The refusal of a missing or wrong API key.
pub(crate) fn unauthorized(protocol: Protocol, given: bool) -> Rejection {
    match (protocol, given) {
        (Protocol::OpenAi | Protocol::OpenAiResponses, false) => Rejection::new(
            401,
            "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer auth (i.e. Authorization: Bearer YOUR_KEY).",
        ),
        (Protocol::Anthropic, false) => Rejection::new(401, "x-api-key header is required"),
        // Google answers a wrong key with 400 and a missing one with 403.
        (Protocol::Gemini, true) => Rejection {
            details: vec![json!({
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": "API_KEY_INVALID",
                "domain": "googleapis.com",
                "metadata": {"service": "generativelanguage.googleapis.com"},
            })],
            ..Rejection::invalid("API key not valid. Please pass a valid API key.")
        },
        (Protocol::Gemini, false) => Rejection::new(
            403,
            "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or other form of API consumer identity to call this API.",
        ),
        (Protocol::Ollama, false) => Rejection::status(401),
        (Protocol::Cohere, false) => Rejection::new(401, "no api key supplied"),
        (Protocol::Bedrock, _) => {
            Rejection::new(403, "The security token included in the request is invalid.")
                .kind("UnrecognizedClientException")
        }
        (_, true) => Rejection::status(401),
    }
}

/// The vendor's description of one model.
pub(crate) fn model(
    protocol: Protocol,
    names: &[String],
    name: &str,
    created: u64,
) -> Result<Value, Rejection> {
    let known = names.iter().any(|known| known == name);
    if !known {
        return Err(Rejection::status(404));
    }
    let list = models(protocol, &[name.to_owned()], created);
    let entry = ["data", "models", "modelSummaries"]
        .iter()
        .find_map(|key| list.get(key))
        .and_then(|entries| entries.get(0));
    entry.cloned().ok_or_else(|| Rejection::status(404))
}

/// The vendor's count of a prompt's tokens.
pub(crate) fn count(
    protocol: Protocol,
    body: &Value,
    model: Option<&str>,
) -> Result<Value, Rejection> {
    match protocol {
        Protocol::OpenAi | Protocol::Cohere | Protocol::Ollama => Err(Rejection::status(404)),
        Protocol::Bedrock => bedrock::count(body, model.unwrap_or_default()),
        Protocol::OpenAiResponses => responses::count(body),
        Protocol::Anthropic => anthropic::count(body),
        Protocol::Gemini => gemini::count(body, model.unwrap_or_default()),
    }
}

/// Turns events into the elements of one JSON array, as Gemini streams without `alt=sse`.
pub(crate) fn as_array(events: &mut [Event]) {
    let last = events.len().saturating_sub(1);
    for (index, event) in events.iter_mut().enumerate() {
        let text = event.bytes.strip_prefix(b"data: ").unwrap_or(&event.bytes).trim_ascii_end();
        let (before, after): (&[u8], &[u8]) =
            (if index == 0 { b"[" } else { b",\r\n" }, if index == last { b"]" } else { b"" });
        event.bytes = [before, text, after].concat().into();
    }
}

/// Content type of a stream.
pub(crate) fn stream_type(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::OpenAi | Protocol::OpenAiResponses | Protocol::Anthropic => {
            "text/event-stream; charset=utf-8"
        }
        Protocol::Gemini | Protocol::Cohere => "text/event-stream",
        Protocol::Bedrock => "application/vnd.amazon.eventstream",
        Protocol::Ollama => "application/x-ndjson",
    }
}

/// Content type of everything else.
pub(crate) fn json_type(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Gemini => "application/json; charset=UTF-8",
        Protocol::Ollama => "application/json; charset=utf-8",
        _ => "application/json",
    }
}

/// The id in an answer.
pub(crate) fn answer_id(protocol: Protocol, turn: &Turn) -> String {
    match protocol {
        Protocol::OpenAi => openai::answer_id(turn),
        Protocol::OpenAiResponses => responses::answer_id(turn),
        Protocol::Anthropic => anthropic::answer_id(turn),
        Protocol::Gemini => gemini::answer_id(turn),
        Protocol::Bedrock => bedrock::answer_id(turn),
        Protocol::Cohere => cohere::answer_id(turn),
        Protocol::Ollama => ollama::answer_id(turn),
    }
}

/// The response header that names the request.
pub(crate) fn request_id_header(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::OpenAi | Protocol::OpenAiResponses | Protocol::Ollama => "x-request-id",
        Protocol::Anthropic => "request-id",
        Protocol::Gemini => "x-goog-request-id",
        Protocol::Bedrock => "x-amzn-requestid",
        Protocol::Cohere => "x-debug-trace-id",
    }
}
