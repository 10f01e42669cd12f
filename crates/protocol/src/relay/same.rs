//! The same protocol on both sides of a stream.

use super::Step;
use crate::exchange::{Additions, Fault, FinishReason, Identity, Usage};
use crate::openai_responses::Echo;
use crate::sse::Frame;
use crate::target::ResponseContext;
use crate::{Surface, anthropic, gemini, openai_chat, openai_responses};

/// Passes the frames of a stream on and learns what the books need.
pub(super) enum Same {
    OpenaiChat(Box<openai_chat::PatchStream>),
    OpenaiResponses(Box<openai_responses::PatchStream>),
    Anthropic(Box<anthropic::PatchStream>),
    Gemini(Box<gemini::PatchStream>),
}

/// The same call on whichever stream it is.
macro_rules! each {
    ($same:expr, $stream:ident => $call:expr) => {
        match $same {
            Same::OpenaiChat($stream) => $call,
            Same::OpenaiResponses($stream) => $call,
            Same::Anthropic($stream) => $call,
            Same::Gemini($stream) => $call,
        }
    };
}

impl Same {
    /// The stream of a surface whose providers speak the same. `echo`: what the Responses surface
    /// repeats of the request.
    pub(super) fn new(
        surface: Surface,
        identity: Identity,
        context: ResponseContext,
        echo: Option<&Echo>,
    ) -> Self {
        match surface {
            Surface::Chat | Surface::Completions | Surface::Embeddings | Surface::Rerank => {
                Self::OpenaiChat(Box::new(openai_chat::PatchStream::new(identity, context)))
            }
            Surface::Responses => {
                let stream = openai_responses::PatchStream::new(identity, context);
                Self::OpenaiResponses(Box::new(stream.keeping(echo)))
            }
            Surface::Messages => {
                Self::Anthropic(Box::new(anthropic::PatchStream::new(identity, context)))
            }
            Surface::Gemini => Self::Gemini(Box::new(gemini::PatchStream::new(identity, context))),
        }
    }

    pub(super) fn push(&mut self, frame: &Frame<'_>, step: &mut Step, out: &mut Vec<u8>) {
        each!(self, stream => {
            let outcome = stream.push(frame, out);
            step.content |= outcome.content;
            step.finished |= outcome.finished;
            step.done |= outcome.done;
            step.fault = outcome.fault;
        });
    }

    pub(super) fn end(&mut self) -> Result<(), Fault> {
        each!(self, stream => stream.end())
    }

    pub(super) fn finish(&mut self, additions: Additions<'_>, out: &mut Vec<u8>) {
        each!(self, stream => stream.finish(additions, out));
    }

    pub(super) fn fail(&mut self, fault: &Fault, out: &mut Vec<u8>) {
        each!(self, stream => stream.fail(fault, out));
    }

    pub(super) fn usage(&self) -> Option<Usage> {
        each!(self, stream => stream.usage())
    }

    pub(super) fn set_usage(&mut self, usage: Usage) {
        each!(self, stream => stream.set_usage(usage));
    }

    pub(super) fn finish_reason(&self) -> Option<FinishReason> {
        each!(self, stream => stream.finish_reason())
    }

    /// How many choices have begun, and how many have ended.
    pub(super) fn progress(&self) -> (usize, usize) {
        match self {
            Self::OpenaiChat(stream) => stream.progress(),
            Self::OpenaiResponses(stream) => stream.progress(),
            Self::Anthropic(stream) => (1, usize::from(stream.finish_reason().is_some())),
            Self::Gemini(stream) => stream.progress(),
        }
    }

    pub(super) fn native_finish_reason(&self) -> Option<&str> {
        each!(self, stream => stream.native_finish_reason())
    }

    pub(super) fn service_tier(&self) -> Option<&str> {
        each!(self, stream => stream.service_tier())
    }

    pub(super) fn upstream_id(&self) -> Option<&str> {
        each!(self, stream => stream.upstream_id())
    }

    pub(super) fn images(&self) -> u64 {
        match self {
            Self::OpenaiChat(stream) => stream.images(),
            Self::OpenaiResponses(stream) => stream.images(),
            // Its models make none.
            Self::Anthropic(_) => 0,
            Self::Gemini(stream) => stream.images(),
        }
    }

    pub(super) fn text_bytes(&self) -> u64 {
        each!(self, stream => stream.text_bytes())
    }
}
