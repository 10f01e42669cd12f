//! The dialects behind one face, so that a test can run over every pair of them.

use protocol::exchange::{
    Additions, Event, Fault, Identity, RenderedError, Request, Response, fold,
};
use protocol::json::Envelope;
use protocol::sse::{Frame, FrameTooLong, Splitter};
use protocol::target::{
    Abilities, Encoded, Quirks, ReasoningReplay, ReasoningStyle, ResponseContext, Target,
};
use protocol::{
    Dialect, anthropic, bedrock, cohere, event_stream, gemini, ndjson, ollama, openai_chat,
    openai_responses,
};

use crate::checks;

/// The name every answer gets.
pub fn identity() -> Identity {
    Identity { id: "gen-1".into(), model: "a/b".into(), provider: "P".into(), created: 1 }
}

pub fn decode_request(dialect: Dialect, body: &[u8]) -> Result<Request, Fault> {
    match dialect {
        Dialect::OpenaiChat => openai_chat::decode_request(body),
        Dialect::OpenaiResponses => openai_responses::decode_request(body),
        Dialect::Anthropic => anthropic::decode_request(body),
        Dialect::Gemini => gemini::decode_request(body, "gemini-3-flash", false),
        other => panic!("no caller speaks {}", other.name()),
    }
}

/// Writes a request for a recent model of the dialect's vendor; for the chat dialect, for another
/// router, which takes everything the dialect can say.
pub fn encode_request(dialect: Dialect, request: &Request) -> Result<Encoded, Fault> {
    let (mut quirks, mut abilities) = (Quirks::default(), Abilities::default());
    let mut model = "target-model";
    match dialect {
        Dialect::OpenaiChat => {
            quirks.reasoning_replay = ReasoningReplay::ReasoningDetails;
            quirks.cache_control = true;
            abilities.reasoning = ReasoningStyle::Effort;
        }
        Dialect::OpenaiResponses => {
            quirks.cache_breakpoints = true;
            abilities.reasoning = ReasoningStyle::Effort;
        }
        Dialect::Anthropic => {
            abilities.reasoning = ReasoningStyle::Budget;
            abilities.max_output_tokens = Some(64_000);
            abilities.penalties = false;
            abilities.logprobs = false;
        }
        Dialect::Gemini => {
            abilities.reasoning = ReasoningStyle::Level;
            abilities.max_output_tokens = Some(65_536);
            abilities.thought_signatures = true;
            abilities.media_in_tool_results = true;
        }
        Dialect::Bedrock => {
            model = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";
            abilities.reasoning = ReasoningStyle::Budget;
            abilities.max_output_tokens = Some(64_000);
        }
        Dialect::Cohere => {
            abilities.reasoning = ReasoningStyle::Budget;
            abilities.max_output_tokens = Some(32_000);
            abilities.tools_with_schema = false;
        }
        Dialect::Ollama => abilities.reasoning = ReasoningStyle::Toggle,
    }
    let target = Target::new(model, &quirks, &abilities);
    match dialect {
        Dialect::OpenaiChat => openai_chat::encode_request(request, &target),
        Dialect::OpenaiResponses => openai_responses::encode_request(request, &target),
        Dialect::Anthropic => anthropic::encode_request(request, &target),
        Dialect::Gemini => gemini::encode_request(request, &target),
        Dialect::Bedrock => bedrock::encode_request(request, &target),
        Dialect::Cohere => cohere::encode_request(request, &target),
        Dialect::Ollama => ollama::encode_request(request, &target),
    }
}

pub fn decode_response(dialect: Dialect, body: &[u8]) -> Result<Response, Fault> {
    let context = ResponseContext::default();
    match dialect {
        Dialect::OpenaiChat => openai_chat::decode_response(body, &context),
        Dialect::OpenaiResponses => openai_responses::decode_response(body, &context),
        Dialect::Anthropic => anthropic::decode_response(body, &context),
        Dialect::Gemini => gemini::decode_response(body, &context),
        Dialect::Bedrock => bedrock::decode_response(body, &context),
        Dialect::Cohere => cohere::decode_response(body, &context),
        Dialect::Ollama => ollama::decode_response(body, &context),
    }
}

pub fn encode_response(dialect: Dialect, response: &Response) -> Vec<u8> {
    let additions = Additions::default();
    match dialect {
        Dialect::OpenaiChat => openai_chat::encode_response(response, &identity(), additions),
        Dialect::OpenaiResponses => {
            openai_responses::encode_response(response, &identity(), additions)
        }
        Dialect::Anthropic => anthropic::encode_response(response, &identity(), additions),
        Dialect::Gemini => gemini::encode_response(response, &identity(), additions),
        other => panic!("no caller speaks {}", other.name()),
    }
}

pub fn decode_error(
    dialect: Dialect,
    status: u16,
    retry_after: Option<&str>,
    body: &[u8],
) -> Fault {
    match dialect {
        Dialect::OpenaiChat => openai_chat::decode_error(status, retry_after, body),
        Dialect::OpenaiResponses => openai_responses::decode_error(status, retry_after, body),
        Dialect::Anthropic => anthropic::decode_error(status, retry_after, body),
        Dialect::Gemini => gemini::decode_error(status, retry_after, body),
        Dialect::Bedrock => bedrock::decode_error(status, retry_after, body),
        Dialect::Cohere => cohere::decode_error(status, retry_after, body),
        Dialect::Ollama => ollama::decode_error(status, retry_after, body),
    }
}

pub fn encode_error(dialect: Dialect, fault: &Fault) -> RenderedError {
    match dialect {
        Dialect::OpenaiChat => openai_chat::encode_error(fault, Some("gen-1"), &[]),
        Dialect::OpenaiResponses => openai_responses::encode_error(fault, Some("gen-1"), &[]),
        Dialect::Anthropic => anthropic::encode_error(fault, Some("gen-1"), &[]),
        Dialect::Gemini => gemini::encode_error(fault, Some("gen-1"), &[]),
        other => panic!("no caller speaks {}", other.name()),
    }
}

/// Splits a stream into frames as far as the bound on a frame allows.
pub fn each_frame(bytes: &[u8], mut take: impl FnMut(&Frame<'_>)) {
    let mut splitter = Splitter::new();
    let mut take = |frame: Frame<'_>| {
        take(&frame);
        Ok::<(), FrameTooLong>(())
    };
    if splitter.push(bytes, &mut take).is_ok() {
        let _ = splitter.finish(&mut take);
    }
}

pub fn decode_stream(dialect: Dialect, bytes: &[u8]) -> Vec<Event> {
    let context = ResponseContext::default();
    let mut events = Vec::new();
    match dialect {
        Dialect::OpenaiChat => {
            let mut decoder = openai_chat::StreamDecoder::new(context);
            each_frame(bytes, |frame| decoder.push(frame, &mut events));
            decoder.finish(&mut events);
        }
        Dialect::OpenaiResponses => {
            let mut decoder = openai_responses::StreamDecoder::new(context);
            each_frame(bytes, |frame| decoder.push(frame, &mut events));
            decoder.finish(&mut events);
        }
        Dialect::Anthropic => {
            let mut decoder = anthropic::StreamDecoder::new(context);
            each_frame(bytes, |frame| decoder.push(frame, &mut events));
            decoder.finish(&mut events);
        }
        Dialect::Gemini => {
            let mut decoder = gemini::StreamDecoder::new(context);
            each_frame(bytes, |frame| decoder.push(frame, &mut events));
            decoder.finish(&mut events);
        }
        Dialect::Bedrock => {
            let mut decoder = bedrock::StreamDecoder::new(context);
            let mut take = |frame: event_stream::Frame<'_>| {
                decoder.push(&frame, &mut events);
                Ok::<(), event_stream::FrameError>(())
            };
            let _ = event_stream::Splitter::new().push(&checks::framed(bytes), &mut take);
            decoder.finish(&mut events);
        }
        Dialect::Cohere => {
            let mut decoder = cohere::StreamDecoder::new(context);
            each_frame(bytes, |frame| decoder.push(frame, &mut events));
            decoder.finish(&mut events);
        }
        Dialect::Ollama => {
            let mut decoder = ollama::StreamDecoder::new(context);
            let mut take = |line: &[u8]| {
                decoder.push(line, &mut events);
                Ok::<(), ndjson::LineTooLong>(())
            };
            let mut splitter = ndjson::Splitter::new();
            if splitter.push(bytes, &mut take).is_ok() {
                let _ = splitter.finish(&mut take);
            }
            decoder.finish(&mut events);
        }
    }
    events
}

pub fn encode_stream(dialect: Dialect, events: &[Event]) -> Vec<u8> {
    let (identity, additions, mut out) = (identity(), Additions::default(), Vec::new());
    match dialect {
        Dialect::OpenaiChat => {
            let mut encoder = openai_chat::StreamEncoder::new(identity);
            events.iter().for_each(|event| encoder.push(event, &mut out));
            encoder.finish(additions, &mut out);
        }
        Dialect::OpenaiResponses => {
            let mut encoder = openai_responses::StreamEncoder::new(identity);
            events.iter().for_each(|event| encoder.push(event, &mut out));
            encoder.finish(additions, &mut out);
        }
        Dialect::Anthropic => {
            let mut encoder = anthropic::StreamEncoder::new(identity);
            events.iter().for_each(|event| encoder.push(event, &mut out));
            encoder.finish(additions, &mut out);
        }
        Dialect::Gemini => {
            let mut encoder = gemini::StreamEncoder::new(identity);
            events.iter().for_each(|event| encoder.push(event, &mut out));
            encoder.finish(additions, &mut out);
        }
        other => panic!("no caller speaks {}", other.name()),
    }
    out
}

/// Reads a stream as one answer.
pub fn folded(dialect: Dialect, bytes: &[u8]) -> Response {
    fold(decode_stream(dialect, bytes))
}

/// Whether a body would pass the gateway's first look.
pub fn is_envelope(body: &[u8]) -> bool {
    Envelope::parse(body).is_ok()
}
