//! Every dialect behind one face, as providers are spoken to.

use crate::exchange::{ErrorType, Event, Fault, Request, Response};
use crate::sse::{FrameTooLong, Splitter};
use crate::target::{Encoded, ResponseContext, Target};
use crate::{Dialect, anthropic, gemini, openai_chat};

/// Writes a request for a provider. `betas`: feature flags of Anthropic the caller asks for; other
/// dialects have no place for them.
pub fn encode_request(
    dialect: Dialect,
    request: &Request,
    target: &Target<'_>,
    betas: &[&str],
) -> Result<Encoded, Fault> {
    match dialect {
        Dialect::OpenaiChat => openai_chat::encode_request(request, target),
        Dialect::Anthropic => anthropic::encode_request_with(request, target, betas),
        Dialect::Gemini => gemini::encode_request(request, target),
    }
}

/// Reads a provider's whole answer.
pub fn decode_response(
    dialect: Dialect,
    body: &[u8],
    context: &ResponseContext,
) -> Result<Response, Fault> {
    match dialect {
        Dialect::OpenaiChat => openai_chat::decode_response(body, context),
        Dialect::Anthropic => anthropic::decode_response(body, context),
        Dialect::Gemini => gemini::decode_response(body, context),
    }
}

/// Reads a provider's error; `retry_after` is the header's value.
pub fn decode_error(
    dialect: Dialect,
    status: u16,
    retry_after: Option<&str>,
    body: &[u8],
) -> Fault {
    match dialect {
        Dialect::OpenaiChat => openai_chat::decode_error(status, retry_after, body),
        Dialect::Anthropic => anthropic::decode_error(status, retry_after, body),
        Dialect::Gemini => gemini::decode_error(status, retry_after, body),
    }
}

/// Reads a provider's stream, from bytes to events.
pub struct StreamDecoder {
    splitter: Splitter,
    decoder: Decoder,
}

enum Decoder {
    OpenaiChat(openai_chat::StreamDecoder),
    Anthropic(anthropic::StreamDecoder),
    Gemini(gemini::StreamDecoder),
}

impl StreamDecoder {
    /// A decoder for the answer to one request.
    pub fn new(dialect: Dialect, context: ResponseContext) -> Self {
        let decoder = match dialect {
            Dialect::OpenaiChat => Decoder::OpenaiChat(openai_chat::StreamDecoder::new(context)),
            Dialect::Anthropic => Decoder::Anthropic(anthropic::StreamDecoder::new(context)),
            Dialect::Gemini => Decoder::Gemini(gemini::StreamDecoder::new(context)),
        };
        Self { splitter: Splitter::new(), decoder }
    }

    /// Takes bytes and tells what they mean. Returns whether the provider said that it is done. A
    /// frame beyond all bounds is a fault among the events.
    pub fn push(&mut self, bytes: &[u8], events: &mut Vec<Event>) -> bool {
        let (splitter, decoder) = (&mut self.splitter, &mut self.decoder);
        let mut done = false;
        let result = splitter.push(bytes, |frame| {
            // Anthropic's last event; nothing follows that would be waited for.
            done |= frame.is_done() || frame.event == Some("message_stop");
            match decoder {
                Decoder::OpenaiChat(decoder) => decoder.push(&frame, events),
                Decoder::Anthropic(decoder) => decoder.push(&frame, events),
                Decoder::Gemini(decoder) => decoder.push(&frame, events),
            }
            Ok::<(), FrameTooLong>(())
        });
        if let Err(error) = result {
            let fault = Fault::new(ErrorType::ProviderUnavailable, error.to_string());
            events.push(Event::Fault(fault));
        }
        done
    }

    /// The provider's bytes ended: a last unfinished frame, then a fault if the answer broke off.
    pub fn finish(&mut self, events: &mut Vec<Event>) {
        let (splitter, decoder) = (&mut self.splitter, &mut self.decoder);
        // A frame that is too long was told when it came.
        let _ = splitter.finish(|frame| {
            match decoder {
                Decoder::OpenaiChat(decoder) => decoder.push(&frame, events),
                Decoder::Anthropic(decoder) => decoder.push(&frame, events),
                Decoder::Gemini(decoder) => decoder.push(&frame, events),
            }
            Ok::<(), FrameTooLong>(())
        });
        match &mut self.decoder {
            Decoder::OpenaiChat(decoder) => decoder.finish(events),
            Decoder::Anthropic(decoder) => decoder.finish(events),
            Decoder::Gemini(decoder) => decoder.finish(events),
        }
    }
}
