//! A whole answer, ready but for its cost.

use std::borrow::Cow;

use crate::embeddings::EncodingFormat;
use crate::exchange::{
    Additions, BlockKind, Fault, FinishReason, Identity, MOST_COUNTED, ReasoningContent, Response,
    Usage,
};
use crate::json::single::without_duplicates;
use crate::openai_chat::{CallForms, completions};
use crate::openai_responses::Echo;
use crate::provenance::{Stamp, stamp_answer, stamp_response};
use crate::target::ResponseContext;
use crate::{
    Dialect, Surface, anthropic, codec, embeddings, gemini, openai_chat, openai_responses, rerank,
};

/// A whole answer, ready but for its cost.
pub struct Answer {
    surface: Surface,
    form: Form,
    /// Token counts, if the provider told any that can be believed; may be set where it did not.
    pub usage: Option<Usage>,
    /// Why each choice ended, with the provider's own word. CHAT-12
    pub finishes: Vec<(Option<FinishReason>, Option<String>)>,
    /// The tier that served, if told. TIER-7
    pub service_tier: Option<String>,
    /// The provider's id of the answer.
    pub upstream_id: Option<String>,
    /// Bytes of text, for an estimate where no usage is told.
    pub text_bytes: u64,
    /// How many images it has.
    pub images: u64,
    /// Whether there is anything in it. CHAT-16
    pub has_content: bool,
    /// Search units of a rerank.
    pub search_units: u64,
    /// It has no completion, and is billed without.
    pub is_vectors: bool,
}

enum Form {
    Chat(Box<openai_chat::PatchedResponse>),
    Responses(Box<openai_responses::PatchedResponse>),
    Messages(Box<anthropic::PatchedResponse>),
    /// As it came: the protocol has no place for what is added.
    AsItCame(Vec<u8>),
    Translated(Box<Response>),
    /// For a caller of the chat surface that declared tools in forms of their own.
    WithCalls(Box<(Response, CallForms)>),
    Embeddings(Box<embeddings::Response>, EncodingFormat),
    PatchedEmbeddings(Box<embeddings::PatchedResponse>),
    Rerank(Box<(rerank::Request, rerank::Response)>),
}

impl Answer {
    /// Reads a provider's whole answer for a surface. `stamp` goes before all reasoning that only its
    /// maker can read. Of a member that stands in an object twice the last one counts.
    pub fn read(
        dialect: Dialect,
        surface: Surface,
        body: &[u8],
        identity: &Identity,
        context: &ResponseContext,
        stamp: Option<&Stamp>,
    ) -> Result<Self, Fault> {
        let read = |body: &[u8]| Self::of_body(dialect, surface, body, identity, context, stamp);
        let mut answer = read(body);
        // What is missing may stand in an object that could not be read. It is seldom so, and looking
        // for it is a pass over the whole.
        let is_whole =
            answer.as_ref().is_ok_and(|answer| answer.has_content && answer.usage.is_some());
        if !is_whole && let Some(single) = without_duplicates(body) {
            answer = read(&single);
        }
        let mut answer = answer?;
        answer.usage = answer.usage.filter(Usage::is_believable);
        Ok(answer)
    }

    fn of_body(
        dialect: Dialect,
        surface: Surface,
        body: &[u8],
        identity: &Identity,
        context: &ResponseContext,
        stamp: Option<&Stamp>,
    ) -> Result<Self, Fault> {
        let passes = surface.passes(dialect) && !context.rewritten;
        let stamped = match stamp {
            Some(stamp) if passes => stamp_answer(dialect, body, stamp),
            _ => Cow::Borrowed(body),
        };
        let body = &*stamped;
        match (surface, passes) {
            (Surface::Chat, true) => {
                let mut patched = openai_chat::patch_response(body, identity, context)?;
                let finishes = std::mem::take(&mut patched.finishes);
                Ok(Self {
                    surface,
                    usage: patched.usage,
                    finishes: finishes.into_iter().map(|(it, word)| (Some(it), word)).collect(),
                    service_tier: patched.service_tier.take(),
                    upstream_id: patched.upstream_id.take(),
                    text_bytes: patched.text_bytes,
                    images: patched.images,
                    has_content: patched.has_content,
                    search_units: 0,
                    is_vectors: false,
                    form: Form::Chat(Box::new(patched)),
                })
            }
            (Surface::Responses, true) => {
                let mut patched = openai_responses::patch_response(body, identity, context)?;
                let finishes = std::mem::take(&mut patched.finishes);
                Ok(Self {
                    surface,
                    usage: patched.usage,
                    finishes: finishes.into_iter().map(|(it, word)| (Some(it), word)).collect(),
                    service_tier: patched.service_tier.clone(),
                    upstream_id: patched.upstream_id.take(),
                    text_bytes: patched.text_bytes,
                    images: patched.images,
                    has_content: patched.has_content,
                    search_units: 0,
                    is_vectors: false,
                    form: Form::Responses(Box::new(patched)),
                })
            }
            (Surface::Messages, true) => {
                let mut patched = anthropic::patch_response(body, identity, context)?;
                let finishes = std::mem::take(&mut patched.finishes);
                Ok(Self {
                    surface,
                    usage: patched.usage,
                    finishes: finishes.into_iter().map(|(it, word)| (Some(it), word)).collect(),
                    service_tier: patched.service_tier.clone(),
                    upstream_id: patched.upstream_id.take(),
                    text_bytes: patched.text_bytes,
                    images: 0,
                    has_content: patched.has_content,
                    search_units: 0,
                    is_vectors: false,
                    form: Form::Messages(Box::new(patched)),
                })
            }
            (Surface::Gemini, true) => {
                let response = gemini::patch_response(body, context)?;
                Ok(Self::of(surface, &response, Form::AsItCame(body.to_vec())))
            }
            _ => {
                let mut response = codec::decode_response(dialect, body, context)?;
                if let Some(stamp) = stamp {
                    stamp_response(&mut response, stamp);
                }
                let mut answer = Self::of(surface, &response, Form::AsItCame(Vec::new()));
                let calls = CallForms::of(context);
                answer.form = match surface == Surface::Chat && !calls.is_plain() {
                    true => Form::WithCalls(Box::new((response, calls))),
                    false => Form::Translated(Box::new(response)),
                };
                Ok(answer)
            }
        }
    }

    fn of(surface: Surface, response: &Response, form: Form) -> Self {
        let finishes =
            response.choices.iter().map(|choice| (choice.finish, choice.native_finish.clone()));
        Self {
            surface,
            usage: response.usage,
            finishes: finishes.collect(),
            service_tier: response.service_tier.clone(),
            upstream_id: response.id.clone(),
            text_bytes: text_bytes(response),
            images: images(response),
            has_content: response.choices.iter().any(|choice| !choice.turn.blocks.is_empty()),
            search_units: 0,
            is_vectors: false,
            form,
        }
    }

    /// An answer without a completion.
    fn of_vectors(surface: Surface, form: Form) -> Self {
        Self {
            surface,
            form,
            usage: None,
            finishes: Vec::new(),
            service_tier: None,
            upstream_id: None,
            text_bytes: 0,
            images: 0,
            has_content: true,
            search_units: 0,
            is_vectors: true,
        }
    }

    /// Embeddings that were read. EMB-1
    pub fn of_embeddings(response: embeddings::Response, format: EncodingFormat) -> Self {
        let (usage, upstream_id) = (counted(response.usage), response.upstream_id.clone());
        let form = Form::Embeddings(Box::new(response), format);
        Self { usage, upstream_id, ..Self::of_vectors(Surface::Embeddings, form) }
    }

    /// Embeddings that pass as they came. EMB-1
    pub fn of_patched_embeddings(patched: embeddings::PatchedResponse) -> Self {
        let (usage, upstream_id) = (counted(patched.usage), patched.upstream_id.clone());
        let form = Form::PatchedEmbeddings(Box::new(patched));
        Self { usage, upstream_id, ..Self::of_vectors(Surface::Embeddings, form) }
    }

    /// A ranking. RERANK-2
    pub fn of_rerank(request: rerank::Request, response: rerank::Response) -> Self {
        let told = response.usage.unwrap_or_default();
        let believed = |count: Option<u64>| count.filter(|count| *count <= MOST_COUNTED);
        let (units, counted) = (believed(told.search_units), believed(told.total_tokens));
        let estimated = request.estimated_search_units();
        let upstream_id = response.upstream_id.clone();
        let tokens = counted.map(|input| Usage { input, ..Usage::default() });
        let form = Form::Rerank(Box::new((request, response)));
        Self {
            // One that bills by search units counts no tokens.
            usage: tokens.or(units.map(|_| Usage::default())),
            search_units: units.unwrap_or(estimated),
            upstream_id,
            ..Self::of_vectors(Surface::Rerank, form)
        }
    }

    /// The body for the caller, with usage and cost. USAGE-3
    ///
    /// `echo`: what the Responses surface repeats of the request.
    pub fn write(
        self,
        identity: &Identity,
        echo: Option<&Echo>,
        additions: Additions<'_>,
    ) -> Vec<u8> {
        match self.form {
            Form::Responses(mut patched) => {
                patched.usage = self.usage;
                patched.finish(additions)
            }
            Form::Chat(mut patched) => {
                patched.usage = self.usage;
                patched.finish(additions)
            }
            Form::Messages(mut patched) => {
                patched.usage = self.usage;
                patched.finish(additions)
            }
            Form::AsItCame(body) => body,
            Form::WithCalls(told) => {
                let (mut response, calls) = *told;
                response.usage = self.usage;
                openai_chat::encode_response_with_calls(&response, identity, additions, &calls)
            }
            Form::Translated(mut response) => {
                response.usage = self.usage;
                match self.surface {
                    Surface::Chat => openai_chat::encode_response(&response, identity, additions),
                    Surface::Completions => {
                        completions::encode_response(&response, identity, additions)
                    }
                    Surface::Responses => {
                        let default = Echo::default();
                        let echo = echo.unwrap_or(&default);
                        openai_responses::encode_response_with(&response, identity, echo, additions)
                    }
                    Surface::Messages => anthropic::encode_response(&response, identity, additions),
                    Surface::Gemini => gemini::encode_response(&response, identity, additions),
                    // They are not conversations.
                    Surface::Embeddings | Surface::Rerank => Vec::new(),
                }
            }
            Form::Embeddings(mut response, format) => {
                response.usage = self.usage;
                embeddings::encode_response(&response, identity, format, additions)
            }
            Form::PatchedEmbeddings(mut patched) => {
                patched.usage = self.usage;
                patched.finish(additions)
            }
            Form::Rerank(told) => {
                let (request, response) = *told;
                rerank::encode_response(&response, &request, identity, additions)
            }
        }
    }
}

/// Token counts of an answer without a completion: zeros stand for counts that were never made.
fn counted(usage: Option<Usage>) -> Option<Usage> {
    usage.filter(|usage| usage.input > 0 && usage.is_believable())
}

/// Images in an answer.
fn images(response: &Response) -> u64 {
    let blocks = response.choices.iter().flat_map(|choice| &choice.turn.blocks);
    blocks.filter(|block| matches!(block.kind, BlockKind::Image { .. })).count() as u64
}

/// Bytes of text in an answer, for an estimate where no usage is told.
fn text_bytes(response: &Response) -> u64 {
    let mut bytes = 0_u64;
    for choice in &response.choices {
        for block in &choice.turn.blocks {
            bytes += match &block.kind {
                BlockKind::Text { text, .. } | BlockKind::Refusal { text } => text.len() as u64,
                BlockKind::ToolCall { arguments, .. } => arguments.len() as u64,
                BlockKind::Reasoning(block) => match &block.content {
                    ReasoningContent::Text { text, .. } => text.len() as u64,
                    ReasoningContent::Summary { summary } => summary.len() as u64,
                    ReasoningContent::Encrypted { .. } => 0,
                },
                _ => 0,
            };
        }
    }
    bytes
}
