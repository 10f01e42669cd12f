//! Every dialect behind one face, as providers are spoken to.

use crate::exchange::{ErrorType, Event, Fault, FinishReason, Request, Response};
use crate::target::{Encoded, ResponseContext, Target};
use crate::{
    Dialect, anthropic, bedrock, cohere, event_stream, gemini, ndjson, ollama, openai_chat,
    openai_responses, result_order, spoken_calls::SpokenCalls, sse, untranslatable,
};

/// Writes a request for a provider; what its protocol cannot be told is refused. `betas`: feature
/// flags of Anthropic the caller asks for; other dialects have no place for them.
pub fn encode_request(
    dialect: Dialect,
    request: &Request,
    target: &Target<'_>,
    betas: &[&str],
) -> Result<Encoded, Fault> {
    let in_text = match dialect {
        Dialect::Anthropic => None,
        _ => anthropic::passages_in_text(request),
    };
    let request = in_text.as_ref().unwrap_or(request);
    let in_order = match dialect {
        Dialect::OpenaiResponses => None,
        _ => result_order::repaired(request),
    };
    let request = in_order.as_ref().unwrap_or(request);
    untranslatable::refuse(dialect, request)?;
    let flat = match dialect {
        Dialect::OpenaiResponses => None,
        _ => openai_responses::flatten(request)?,
    };
    let mut encoded = match flat {
        Some(flat) => {
            let mut encoded = written(dialect, &flat.request, target, betas)?;
            encoded.context.tool_names.extend(flat.names);
            encoded
        }
        None => written(dialect, request, target, betas)?,
    };
    encoded.context.custom_tools = openai_chat::custom_tools(request);
    Ok(encoded)
}

fn written(
    dialect: Dialect,
    request: &Request,
    target: &Target<'_>,
    betas: &[&str],
) -> Result<Encoded, Fault> {
    match dialect {
        Dialect::OpenaiChat => openai_chat::encode_request(request, target),
        Dialect::OpenaiResponses => openai_responses::encode_request(request, target),
        Dialect::Anthropic => anthropic::encode_request_with(request, target, betas),
        Dialect::Gemini => gemini::encode_request(request, target),
        Dialect::Bedrock => bedrock::encode_request(request, target),
        Dialect::Cohere => cohere::encode_request(request, target),
        Dialect::Ollama => ollama::encode_request(request, target),
    }
}

/// Reads a provider's whole answer.
pub fn decode_response(
    dialect: Dialect,
    body: &[u8],
    context: &ResponseContext,
) -> Result<Response, Fault> {
    let mut response = match dialect {
        Dialect::OpenaiChat => openai_chat::decode_response(body, context),
        Dialect::OpenaiResponses => openai_responses::decode_response(body, context),
        Dialect::Anthropic => anthropic::decode_response(body, context),
        Dialect::Gemini => gemini::decode_response(body, context),
        Dialect::Bedrock => bedrock::decode_response(body, context),
        Dialect::Cohere => cohere::decode_response(body, context),
        Dialect::Ollama => ollama::decode_response(body, context),
    }?;
    if let Some(spoken) = SpokenCalls::new(context) {
        spoken.response(&mut response);
    }
    Ok(response)
}

/// What the headers of a provider's error say.
#[derive(Clone, Copy, Debug, Default)]
pub struct ErrorHeaders<'a> {
    /// `Retry-After`.
    pub retry_after: Option<&'a str>,
    /// `x-amzn-errortype`, which names Bedrock's exceptions. wire-formats 5.5
    pub error_type: Option<&'a str>,
}

/// Reads a provider's error.
pub fn decode_error(
    dialect: Dialect,
    status: u16,
    headers: ErrorHeaders<'_>,
    body: &[u8],
) -> Fault {
    let ErrorHeaders { retry_after, error_type } = headers;
    match dialect {
        Dialect::OpenaiChat => openai_chat::decode_error(status, retry_after, body),
        Dialect::OpenaiResponses => openai_responses::decode_error(status, retry_after, body),
        Dialect::Anthropic => anthropic::decode_error(status, retry_after, body),
        Dialect::Gemini => gemini::decode_error(status, retry_after, body),
        Dialect::Bedrock => bedrock::decode_error_of_type(status, retry_after, error_type, body),
        Dialect::Cohere => cohere::decode_error(status, retry_after, body),
        Dialect::Ollama => ollama::decode_error(status, retry_after, body),
    }
}

/// Reads a provider's stream, from bytes to events.
pub struct StreamDecoder {
    framed: Framed,
    /// Boxed, since few answers have any.
    spoken: Option<Box<SpokenCalls>>,
}

/// The decoders by how their streams are framed.
enum Framed {
    Sse { splitter: sse::Splitter, decoder: Box<SseDecoder> },
    EventStream { splitter: event_stream::Splitter, decoder: bedrock::StreamDecoder },
    Lines { splitter: ndjson::Splitter, decoder: ollama::StreamDecoder },
}

enum SseDecoder {
    OpenaiChat(openai_chat::StreamDecoder),
    OpenaiResponses(openai_responses::StreamDecoder),
    Anthropic(anthropic::StreamDecoder),
    Gemini(gemini::StreamDecoder),
    Cohere(cohere::StreamDecoder),
}

impl Framed {
    fn new(dialect: Dialect, context: ResponseContext) -> Self {
        let decoder = match dialect {
            Dialect::Bedrock => {
                return Self::EventStream {
                    splitter: event_stream::Splitter::new(),
                    decoder: bedrock::StreamDecoder::new(context),
                };
            }
            Dialect::Ollama => {
                return Self::Lines {
                    splitter: ndjson::Splitter::new(),
                    decoder: ollama::StreamDecoder::new(context),
                };
            }
            Dialect::OpenaiChat => SseDecoder::OpenaiChat(openai_chat::StreamDecoder::new(context)),
            Dialect::OpenaiResponses => {
                SseDecoder::OpenaiResponses(openai_responses::StreamDecoder::new(context))
            }
            Dialect::Anthropic => SseDecoder::Anthropic(anthropic::StreamDecoder::new(context)),
            Dialect::Gemini => SseDecoder::Gemini(gemini::StreamDecoder::new(context)),
            Dialect::Cohere => SseDecoder::Cohere(cohere::StreamDecoder::new(context)),
        };
        Self::Sse { splitter: sse::Splitter::new(), decoder: Box::new(decoder) }
    }

    fn push(&mut self, bytes: &[u8], events: &mut Vec<Event>) -> bool {
        let mut done = false;
        let broken = match self {
            Framed::Sse { splitter, decoder } => splitter
                .push(bytes, |frame| {
                    done |= frame.is_done() || frame.event.is_some_and(is_last);
                    decoder.push(&frame, events);
                    Ok::<(), sse::FrameTooLong>(())
                })
                .err()
                .map(|error| error.to_string()),
            Framed::EventStream { splitter, decoder } => splitter
                .push(bytes, |frame| {
                    decoder.push(&frame, events);
                    Ok::<(), event_stream::FrameError>(())
                })
                .err()
                .map(|error| error.to_string()),
            Framed::Lines { splitter, decoder } => splitter
                .push(bytes, |line| {
                    decoder.push(line, events);
                    Ok::<(), ndjson::LineTooLong>(())
                })
                .err()
                .map(|error| error.to_string()),
        };
        if let Some(why) = broken {
            events.push(Event::Fault(Fault::new(ErrorType::ProviderUnavailable, why)));
        }
        done
    }

    fn finish(&mut self, events: &mut Vec<Event>) {
        match self {
            Framed::Sse { splitter, decoder } => {
                // A frame that is too long was told when it came.
                let _ = splitter.finish(|frame| {
                    decoder.push(&frame, events);
                    Ok::<(), sse::FrameTooLong>(())
                });
                decoder.finish(events);
            }
            Framed::EventStream { splitter, decoder } => {
                // What is cut within a frame is cut: the decoder says so if it matters.
                let _ = splitter.finish();
                decoder.finish(events);
            }
            Framed::Lines { splitter, decoder } => {
                let _ = splitter.finish(|line| {
                    decoder.push(line, events);
                    Ok::<(), ndjson::LineTooLong>(())
                });
                decoder.finish(events);
            }
        }
    }
}

impl SseDecoder {
    fn push(&mut self, frame: &sse::Frame<'_>, events: &mut Vec<Event>) {
        match self {
            Self::OpenaiChat(decoder) => decoder.push(frame, events),
            Self::OpenaiResponses(decoder) => decoder.push(frame, events),
            Self::Anthropic(decoder) => decoder.push(frame, events),
            Self::Gemini(decoder) => decoder.push(frame, events),
            Self::Cohere(decoder) => decoder.push(frame, events),
        }
    }

    fn finish(&mut self, events: &mut Vec<Event>) {
        match self {
            Self::OpenaiChat(decoder) => decoder.finish(events),
            Self::OpenaiResponses(decoder) => decoder.finish(events),
            Self::Anthropic(decoder) => decoder.finish(events),
            Self::Gemini(decoder) => decoder.finish(events),
            Self::Cohere(decoder) => decoder.finish(events),
        }
    }

    fn progress(&self) -> (usize, usize) {
        match self {
            Self::Anthropic(decoder) => (1, usize::from(decoder.ending().is_some())),
            Self::Gemini(decoder) => decoder.progress(),
            Self::OpenaiChat(_) | Self::OpenaiResponses(_) | Self::Cohere(_) => (0, 0),
        }
    }

    fn ending(&self) -> Option<(FinishReason, &str)> {
        match self {
            Self::Anthropic(decoder) => decoder.ending(),
            Self::Gemini(decoder) => decoder.ending(),
            Self::OpenaiChat(_) | Self::OpenaiResponses(_) | Self::Cohere(_) => None,
        }
    }
}

/// Whether nothing follows an event of this name that would be waited for.
fn is_last(event: &str) -> bool {
    matches!(
        event,
        "message_stop" | "response.completed" | "response.incomplete" | "response.failed"
    )
}

impl StreamDecoder {
    /// A decoder for the answer to one request.
    pub fn new(dialect: Dialect, context: ResponseContext) -> Self {
        let spoken = SpokenCalls::new(&context).map(Box::new);
        Self { framed: Framed::new(dialect, context), spoken }
    }

    /// Takes bytes and tells what they mean. Returns whether the provider said that it is done. A
    /// frame beyond all bounds, or one that is broken, is a fault among the events.
    pub fn push(&mut self, bytes: &[u8], events: &mut Vec<Event>) -> bool {
        match &mut self.spoken {
            None => self.framed.push(bytes, events),
            Some(spoken) => {
                let mut told = Vec::new();
                let done = self.framed.push(bytes, &mut told);
                spoken.events(told, events);
                done
            }
        }
    }

    /// How many choices have begun and how many of them ended, as far as that is known before the
    /// events tell it: some protocols say why an answer ends before they are done with it.
    pub(crate) fn progress(&self) -> (usize, usize) {
        match &self.framed {
            Framed::Sse { decoder, .. } => decoder.progress(),
            Framed::EventStream { .. } | Framed::Lines { .. } => (0, 0),
        }
    }

    /// Why the first choice ends, with the provider's own word, where that is known before the
    /// events tell it.
    pub(crate) fn ending(&self) -> Option<(FinishReason, &str)> {
        match &self.framed {
            Framed::Sse { decoder, .. } => decoder.ending(),
            Framed::EventStream { .. } | Framed::Lines { .. } => None,
        }
    }

    /// The provider's bytes ended: a last unfinished frame, then a fault if the answer broke off.
    pub fn finish(&mut self, events: &mut Vec<Event>) {
        match &mut self.spoken {
            None => self.framed.finish(events),
            Some(spoken) => {
                let mut told = Vec::new();
                self.framed.finish(&mut told);
                spoken.events(told, events);
            }
        }
    }
}
