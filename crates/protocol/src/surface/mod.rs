//! The APIs callers use. A surface speaks one dialect; what it has beyond that is written here.

mod fallbacks;
mod late;

use crate::exchange::{Fault, RenderedError, Request};
use crate::facts::{RequestFacts, complete};
use crate::json::{Envelope, RawJson};
use crate::openai_chat::{completions, read_facts, read_router_facts};
use crate::{Dialect, anthropic, gemini, openai_chat};

pub use late::Failed;

/// The API a caller speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Surface {
    /// `POST /chat/completions`. CHAT-1
    Chat,
    /// `POST /completions`. CHAT-14
    Completions,
    /// `POST /messages`, Anthropic's. MSG-1
    Messages,
    /// `POST /v1beta/models/{model}:generateContent`, Google's.
    Gemini,
}

/// What the address of a request says beside its body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Addressed {
    /// The model, where the address names it.
    pub model: Option<String>,
    /// Whether the answer is streamed, where the address says so.
    pub stream: bool,
}

impl Surface {
    /// The dialect it speaks.
    pub const fn dialect(self) -> Dialect {
        match self {
            Self::Chat | Self::Completions => Dialect::OpenaiChat,
            Self::Messages => Dialect::Anthropic,
            Self::Gemini => Dialect::Gemini,
        }
    }

    /// The name in logs and figures.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Completions => "completions",
            Self::Messages => "messages",
            Self::Gemini => "gemini",
        }
    }

    /// Whether a provider of `dialect` understands the body as it is.
    pub fn passes(self, dialect: Dialect) -> bool {
        self != Self::Completions && self.dialect() == dialect
    }

    /// The members whose text is counted in [`RequestFacts::estimated_prompt_tokens`].
    pub const fn counted_members(self) -> &'static [&'static str] {
        match self {
            Self::Chat | Self::Completions => &["messages", "tools"],
            Self::Messages => &["messages", "tools", "system"],
            Self::Gemini => &["contents", "tools", "systemInstruction"],
        }
    }

    /// Reads a body: what routing must know, and the request in neutral form where finding that out
    /// took reading all of it.
    pub fn read(
        self,
        body: &[u8],
        addressed: &Addressed,
    ) -> Result<(RequestFacts, Option<Request>), Fault> {
        let envelope = Envelope::parse(body).map_err(|error| Fault::invalid(error.to_string()))?;
        self.read_indexed(&envelope, body, addressed)
    }

    /// Like [`Self::read`], of a body that is indexed already.
    pub fn read_indexed(
        self,
        envelope: &Envelope<'_>,
        body: &[u8],
        addressed: &Addressed,
    ) -> Result<(RequestFacts, Option<Request>), Fault> {
        match self {
            Self::Chat => Ok((read_facts(envelope)?, None)),
            Self::Completions => {
                let mut facts = read_facts(envelope)?;
                // Only the chat surface may leave the prompt out in favour of messages.
                if !envelope.has("prompt") {
                    return Err(Fault::invalid("prompt: is missing; send a string"));
                }
                facts.echo_upstream_body = false;
                Ok((facts, None))
            }
            Self::Messages => {
                let mut facts = read_router_facts(envelope)?;
                fallbacks::read(envelope, &mut facts)?;
                let request = self.decode(body, addressed)?;
                Ok((complete(facts, &request)?, Some(request)))
            }
            Self::Gemini => {
                let mut facts = read_router_facts(envelope)?;
                facts.model.clone_from(&addressed.model);
                let request = self.decode(body, addressed)?;
                Ok((complete(facts, &request)?, Some(request)))
            }
        }
    }

    /// Reads the whole request in neutral form.
    pub fn decode(self, body: &[u8], addressed: &Addressed) -> Result<Request, Fault> {
        match self {
            Self::Chat => openai_chat::decode_request(body),
            Self::Completions => completions::decode_request(body),
            Self::Messages => anthropic::decode_request(body),
            Self::Gemini => {
                let model = addressed.model.as_deref().unwrap_or_default();
                gemini::decode_request(body, model, addressed.stream)
            }
        }
    }

    /// Renders an error in the surface's own envelope. `members` stand beside it.
    pub fn encode_error(
        self,
        fault: &Fault,
        generation_id: Option<&str>,
        members: &[(String, RawJson)],
    ) -> RenderedError {
        match self {
            Self::Chat | Self::Completions => {
                openai_chat::encode_error(fault, generation_id, members)
            }
            Self::Messages => anthropic::encode_error(fault, generation_id, members),
            Self::Gemini => gemini::encode_error(fault, generation_id, members),
        }
    }
}
