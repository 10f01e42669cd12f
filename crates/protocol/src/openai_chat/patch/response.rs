//! A whole answer passed on in the same protocol.

use std::borrow::Cow;

use super::choice::{ChoiceState, Shape, Surroundings, patch_choice};
use crate::exchange::{Additions, ErrorType, Fault, FinishReason, Identity, Usage};
use crate::json::{Object, RawJson};
use crate::openai_chat::error::{fault_in_text, fault_inside};
use crate::openai_chat::read::{lenient_array, lenient_object};
use crate::openai_chat::usage::{self, ChoiceUsages};
use crate::openai_chat::write::ObjectWriter;
use crate::target::ResponseContext;

const REPLACED: [&str; 7] =
    ["id", "provider", "model", "object", "created", "usage", "openrouter_metadata"];

/// A provider's whole answer, ready but for its cost.
#[derive(Clone, Debug)]
pub struct PatchedResponse {
    /// The body without its last members and its closing brace.
    body: Vec<u8>,
    unknown_usage: Vec<(String, RawJson)>,
    /// The token counts, if the provider told them; may be set where it did not.
    pub usage: Option<Usage>,
    /// Why each answer ended, with the provider's own word. CHAT-12
    pub finishes: Vec<(FinishReason, Option<String>)>,
    /// The tier that served, if told. TIER-7
    pub service_tier: Option<String>,
    /// The provider's id of the answer.
    pub upstream_id: Option<String>,
    /// Bytes of text, reasoning and arguments, for an estimate where no usage is told.
    pub text_bytes: u64,
    /// Images in the answer.
    pub images: u64,
    /// Whether there is anything in the answer. CHAT-16
    pub has_content: bool,
}

impl PatchedResponse {
    /// The body, with usage and cost. USAGE-3
    pub fn finish(mut self, additions: Additions<'_>) -> Vec<u8> {
        let mut members = ObjectWriter::resume(&mut self.body);
        if let Some(usage) = &self.usage {
            usage::write(members.value("usage"), usage, additions.charge, &self.unknown_usage);
        }
        members.members(additions.members);
        members.end();
        self.body
    }
}

/// Edits a provider's whole answer: who answers, finish reasons, reasoning, tool calls. Unknown
/// members are kept.
pub fn patch_response(
    body: &[u8],
    identity: &Identity,
    context: &ResponseContext,
) -> Result<PatchedResponse, Fault> {
    let text = simdutf8::basic::from_utf8(body).map_err(|_| broken("it is not valid UTF-8"))?;
    let answer = Object::parse(text)
        .map_err(|_| fault_in_text(text).unwrap_or_else(|| broken("it is not valid JSON")))?;
    if let Some(fault) = fault_inside(&answer) {
        return Err(fault);
    }
    let entries = answer.peek("choices").map(lenient_array).unwrap_or_default();
    if entries.is_empty() {
        return Err(broken("it has no choices"));
    }
    let upstream_id = answer.peek_str("id").filter(|id| !id.is_empty()).map(Cow::into_owned);
    let mut out = Vec::with_capacity(body.len() + 512);
    let mut members = ObjectWriter::begin(&mut out);
    members.string("id", &identity.id);
    members.string("provider", &identity.provider);
    members.string("model", &identity.model);
    members.string("object", "chat.completion");
    members.number("created", identity.created);
    if answer.peek("system_fingerprint").is_none() {
        members.raw("system_fingerprint", "null");
    }
    let around = Surroundings {
        shape: Shape::Whole,
        context,
        answer: upstream_id.as_deref().unwrap_or(&identity.id),
    };
    let mut states: Vec<ChoiceState> = Vec::new();
    let mut text_bytes = 0;
    let mut images = 0;
    let mut has_content = false;
    let mut choice_usages = ChoiceUsages::default();
    for (name, raw) in answer.entries() {
        if name == "choices" {
            let written = members.value_of_entry(name);
            written.push(b'[');
            for (position, raw) in entries.iter().enumerate() {
                if position > 0 {
                    written.push(b',');
                }
                let position = u32::try_from(position).unwrap_or(u32::MAX);
                let seen = patch_choice(raw, position, &mut states, &around, written)?;
                text_bytes += seen.text_bytes;
                images += seen.images;
                has_content |= seen.content;
                if let Some(raw) = seen.usage {
                    choice_usages.take(seen.index, raw, context.reasoning_tokens_on_top);
                }
            }
            written.push(b']');
        } else if !REPLACED.contains(&name.as_ref()) {
            members.entry(name, raw.get());
        }
    }
    let groq = || lenient_object(answer.peek("x_groq")?)?.peek("usage");
    let told = answer.peek("usage").filter(|raw| raw.get() != "null").or_else(groq);
    let told = told.and_then(|raw| usage::read_all(raw, context.reasoning_tokens_on_top)).unzip();
    Ok(PatchedResponse {
        body: out,
        unknown_usage: told.1.unwrap_or_default(),
        usage: told
            .0
            .or_else(|| choice_usages.sum())
            .map(|told| usage::with_asked(told, context.search_context)),
        finishes: states.into_iter().filter_map(|state| state.finish).collect(),
        service_tier: answer.peek_str("service_tier").map(Cow::into_owned),
        upstream_id,
        text_bytes,
        images,
        has_content,
    })
}

fn broken(why: &str) -> Fault {
    Fault::new(
        ErrorType::ProviderUnavailable,
        format!("Provider returned an invalid answer: {why}"),
    )
}
