//! The APIs callers use. A surface speaks one dialect; what it has beyond that is written here.

mod fallbacks;
mod late;
mod letter_case;
mod vectors;

use crate::exchange::{Fault, RenderedError, Request};
use crate::facts::{RequestFacts, of_gemini, of_messages, of_responses};
use crate::json::{Envelope, RawJson};
use crate::openai_chat::{completions, read_facts, read_router_facts};
use crate::untranslatable::protocol_of;
use crate::{Dialect, anthropic, embeddings, gemini, openai_chat, openai_responses, rerank};

pub use late::Failed;

/// The API a caller speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Surface {
    /// `POST /chat/completions`. CHAT-1
    Chat,
    /// `POST /completions`. CHAT-14
    Completions,
    /// `POST /responses`, OpenAI's. RESP-1
    Responses,
    /// `POST /messages`, Anthropic's. MSG-1
    Messages,
    /// `POST /v1beta/models/{model}:generateContent`, Google's.
    Gemini,
    /// `POST /embeddings`. EMB-1
    Embeddings,
    /// `POST /rerank`. RERANK-2
    Rerank,
}

/// What was read of a body to find out what is asked for, so that it is not read again.
#[derive(Debug, PartialEq)]
pub enum Read {
    /// The facts alone: a conversation is decoded when a provider needs it.
    Facts,
    /// A request for embeddings.
    Embeddings(Box<embeddings::Request>),
    /// A request to rerank.
    Rerank(Box<rerank::Request>),
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
            Self::Chat | Self::Completions | Self::Embeddings | Self::Rerank => Dialect::OpenaiChat,
            Self::Responses => Dialect::OpenaiResponses,
            Self::Messages => Dialect::Anthropic,
            Self::Gemini => Dialect::Gemini,
        }
    }

    /// The name in logs and figures.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Completions => "completions",
            Self::Responses => "responses",
            Self::Messages => "messages",
            Self::Gemini => "gemini",
            Self::Embeddings => "embeddings",
            Self::Rerank => "rerank",
        }
    }

    /// Whether a provider of `dialect` understands a conversation as it is.
    pub fn passes(self, dialect: Dialect) -> bool {
        let conversation =
            matches!(self, Self::Chat | Self::Responses | Self::Messages | Self::Gemini);
        conversation && self.dialect() == dialect
    }

    /// The members whose text is counted in [`RequestFacts::estimated_prompt_tokens`].
    pub const fn counted_members(self) -> &'static [&'static str] {
        match self {
            Self::Chat | Self::Completions => &["messages", "tools"],
            Self::Responses => &["input", "tools", "instructions"],
            Self::Messages => &["messages", "tools", "system"],
            Self::Gemini => &["contents", "tools", "systemInstruction"],
            Self::Embeddings => &["input"],
            Self::Rerank => &["query", "documents"],
        }
    }

    /// Reads a body: what routing must know, and what is no conversation in neutral form. Of a
    /// conversation it refuses only what leaves open where it goes and what it may cost; the rest is
    /// for [`Self::decode`] to refuse, or for a provider of the same protocol.
    pub fn read(self, body: &[u8], addressed: &Addressed) -> Result<(RequestFacts, Read), Fault> {
        let envelope = Envelope::parse(body).map_err(|error| Fault::invalid(error.to_string()))?;
        self.read_indexed(&envelope, body, addressed)
    }

    /// Like [`Self::read`], of a body that is indexed already.
    pub fn read_indexed(
        self,
        envelope: &Envelope<'_>,
        body: &[u8],
        addressed: &Addressed,
    ) -> Result<(RequestFacts, Read), Fault> {
        match self {
            Self::Chat => Ok((read_facts(envelope)?, Read::Facts)),
            Self::Completions => {
                // Only the chat surface may leave the prompt out in favour of messages.
                if !envelope.has("prompt") {
                    return Err(Fault::invalid("prompt: is missing; send a string"));
                }
                Ok((completions::read_facts(envelope)?, Read::Facts))
            }
            Self::Responses => {
                openai_responses::refuse_stored(envelope)?;
                Ok((of_responses(envelope, read_router_facts(envelope)?)?, Read::Facts))
            }
            Self::Messages => {
                let mut facts = read_router_facts(envelope)?;
                fallbacks::read(envelope, &mut facts)?;
                Ok((of_messages(envelope, facts)?, Read::Facts))
            }
            Self::Embeddings => {
                let request = embeddings::decode_request(body)?;
                let facts = vectors::of_embeddings(read_router_facts(envelope)?, &request);
                Ok((facts, Read::Embeddings(Box::new(request))))
            }
            Self::Rerank => {
                let request = rerank::decode_request(body)?;
                let facts = vectors::of_rerank(read_router_facts(envelope)?, &request);
                Ok((facts, Read::Rerank(Box::new(request))))
            }
            Self::Gemini => {
                let mut facts = read_router_facts(envelope)?;
                facts.model.clone_from(&addressed.model);
                facts.stream = addressed.stream;
                Ok((of_gemini(envelope, facts)?, Read::Facts))
            }
        }
    }

    /// Reads a whole conversation in neutral form.
    pub fn decode(self, body: &[u8], addressed: &Addressed) -> Result<Request, Fault> {
        match self {
            Self::Chat => openai_chat::decode_request(body),
            Self::Completions => completions::decode_request(body),
            Self::Responses => openai_responses::decode_request(body),
            Self::Messages => anthropic::decode_request(body),
            Self::Embeddings | Self::Rerank => {
                Err(Fault::invalid("the request is not a conversation"))
            }
            Self::Gemini => {
                let model = addressed.model.as_deref().unwrap_or_default();
                gemini::decode_request(body, model, addressed.stream)
            }
        }
    }

    /// The fault of a request that cannot be read, where no provider takes it as it is. What is wrong
    /// in any version of a protocol is no better as it is.
    pub fn untranslatable(self, mut fault: Fault) -> Fault {
        if fault.unknown && matches!(self, Self::Responses | Self::Messages | Self::Gemini) {
            let protocol = protocol_of(self.dialect());
            fault.message.push_str(&format!(
                "; this provider's protocol has no counterpart for it: it can only be sent as it \
                 is, to a provider that speaks the {protocol} protocol"
            ));
        }
        fault
    }

    /// Renders an error in the surface's own envelope. `members` stand beside it.
    pub fn encode_error(
        self,
        fault: &Fault,
        generation_id: Option<&str>,
        members: &[(String, RawJson)],
    ) -> RenderedError {
        match self {
            Self::Chat | Self::Completions | Self::Embeddings | Self::Rerank => {
                openai_chat::encode_error(fault, generation_id, members)
            }
            Self::Responses => openai_responses::encode_error(fault, generation_id, members),
            Self::Messages => anthropic::encode_error(fault, generation_id, members),
            Self::Gemini => gemini::encode_error(fault, generation_id, members),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is wrong in every version of a protocol could not be sent as it is either.
    #[test]
    fn only_what_nobody_here_knows_is_said_to_need_the_same_protocol() {
        let ending = |surface: Surface, body: &str| {
            let fault = surface.decode(body.as_bytes(), &Addressed::default()).unwrap_err();
            surface.untranslatable(fault).message.contains("has no counterpart")
        };
        for (surface, body) in [
            (Surface::Responses, r#"{"input":"x","temperature":"hot"}"#),
            (Surface::Responses, r#"{"input":"x","temperature":9}"#),
            (Surface::Responses, r#"{"input":[{"type":"item_reference","id":"msg_1"}]}"#),
            (Surface::Responses, r#"{"input":[{"role":"user"}]}"#),
            (Surface::Messages, r#"{"max_tokens":9,"messages":[{"role":"user","content":1}]}"#),
            (Surface::Messages, r#"{"max_tokens":9,"messages":[],"temperature":"hot"}"#),
            (Surface::Gemini, r#"{"contents":[{"parts":[{"text":1}]}]}"#),
            (
                Surface::Gemini,
                r#"{"contents":[{"parts":[{"text":"x"}]}],"generationConfig":{"temperature":"hot"}}"#,
            ),
        ] {
            assert!(!ending(surface, body), "{body}");
        }
        for (surface, body) in [
            (Surface::Responses, r#"{"input":"x","reasoning":{"effort":"ultra"}}"#),
            (Surface::Responses, r#"{"input":[{"role":"director","content":"x"}]}"#),
            (Surface::Responses, r#"{"input":"x","tool_choice":"perhaps"}"#),
            (
                Surface::Messages,
                r#"{"max_tokens":9,"messages":[{"role":"director","content":"x"}]}"#,
            ),
            (
                Surface::Messages,
                r#"{"max_tokens":9,"messages":[{"role":"user","content":"x"}],"output_config":{"effort":"ultra"}}"#,
            ),
            (Surface::Gemini, r#"{"contents":[{"role":"director","parts":[{"text":"x"}]}]}"#),
        ] {
            assert!(ending(surface, body), "{body}");
        }
    }

    /// REASON-8
    #[test]
    fn pro_mode_is_found_on_each_surface_that_has_it() {
        for (surface, asked) in [
            (Surface::Chat, r#""messages":[{"role":"user","content":"x"}]"#),
            (Surface::Responses, r#""input":"x""#),
        ] {
            for (mode, expected) in [("pro", true), ("standard", false)] {
                let body = format!(r#"{{"model":"m",{asked},"reasoning":{{"mode":"{mode}"}}}}"#);
                let (facts, _) = surface.read(body.as_bytes(), &Addressed::default()).unwrap();
                assert_eq!(facts.reasoning.unwrap().asks_for_pro(), expected, "{body}");
            }
        }
    }
}
