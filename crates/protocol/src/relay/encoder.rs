//! The encoder of a surface's stream.

use crate::exchange::{Additions, Event, Identity};
use crate::openai_chat::{CallForms, completions};
use crate::openai_responses::Echo;
use crate::{Surface, anthropic, gemini, openai_chat, openai_responses};

/// Writes events as a surface tells them.
pub(super) enum Encoder {
    Chat(openai_chat::StreamEncoder),
    Completions(completions::StreamEncoder),
    Responses(Box<openai_responses::StreamEncoder>),
    Messages(anthropic::StreamEncoder),
    Gemini(gemini::StreamEncoder),
}

impl Encoder {
    /// `calls`: how those are told on the chat surface.
    pub(super) fn new(
        surface: Surface,
        identity: Identity,
        echo: Option<Echo>,
        calls: CallForms,
    ) -> Self {
        match surface {
            // Vectors are not streamed.
            Surface::Chat | Surface::Embeddings | Surface::Rerank => {
                let encoder = openai_chat::StreamEncoder::new(identity);
                Self::Chat(encoder.with_calls(calls))
            }
            Surface::Completions => Self::Completions(completions::StreamEncoder::new(identity)),
            Surface::Responses => {
                let echo = echo.unwrap_or_default();
                Self::Responses(Box::new(openai_responses::StreamEncoder::with_echo(
                    identity, echo,
                )))
            }
            Surface::Messages => Self::Messages(anthropic::StreamEncoder::new(identity)),
            Surface::Gemini => Self::Gemini(gemini::StreamEncoder::new(identity)),
        }
    }

    pub(super) fn push(&mut self, event: &Event, out: &mut Vec<u8>) {
        match self {
            Self::Chat(encoder) => encoder.push(event, out),
            Self::Completions(encoder) => encoder.push(event, out),
            Self::Responses(encoder) => encoder.push(event, out),
            Self::Messages(encoder) => encoder.push(event, out),
            Self::Gemini(encoder) => encoder.push(event, out),
        }
    }

    pub(super) fn finish(&mut self, additions: Additions<'_>, out: &mut Vec<u8>) {
        match self {
            Self::Chat(encoder) => encoder.finish(additions, out),
            Self::Completions(encoder) => encoder.finish(additions, out),
            Self::Responses(encoder) => encoder.finish(additions, out),
            Self::Messages(encoder) => encoder.finish(additions, out),
            Self::Gemini(encoder) => encoder.finish(additions, out),
        }
    }
}
