//! A provider's whole answer passed on in the same protocol.

use super::super::decode::decode_response;
use super::super::wire::{members, raw, string};
use super::usage_with_charge;
use crate::exchange::{
    Additions, BlockKind, Fault, FinishReason, Identity, ReasoningContent, Usage,
};
use crate::json::{Object, RawJson};
use crate::target::ResponseContext;

/// A provider's whole answer, ready but for its cost.
#[derive(Clone, Debug)]
pub struct PatchedResponse {
    /// The body without its usage and its closing brace.
    body: Vec<u8>,
    told: Option<RawJson>,
    /// The token counts, if the provider told them; may be set where it did not.
    pub usage: Option<Usage>,
    /// Why the answer ended, with the provider's own word. CHAT-12
    pub finishes: Vec<(FinishReason, Option<String>)>,
    /// The tier that served, if told. TIER-7
    pub service_tier: Option<String>,
    /// The provider's id of the answer.
    pub upstream_id: Option<String>,
    /// Bytes of text, reasoning and arguments, for an estimate where no usage is told.
    pub text_bytes: u64,
    /// Whether there is anything in the answer. CHAT-16
    pub has_content: bool,
}

impl PatchedResponse {
    /// The body, with usage and cost. USAGE-7
    pub fn finish(mut self, additions: Additions<'_>) -> Vec<u8> {
        let usage = usage_with_charge(
            self.told.as_ref(),
            self.usage.as_ref(),
            self.service_tier.as_deref(),
            additions,
        );
        if let Some(usage) = usage {
            raw(&mut self.body, "usage", &usage);
        }
        members(&mut self.body, additions.members);
        self.body.push(b'}');
        self.body
    }
}

/// Edits a provider's whole answer: who answers. Everything else is kept as it came.
pub fn patch_response(
    body: &[u8],
    identity: &Identity,
    context: &ResponseContext,
) -> Result<PatchedResponse, Fault> {
    let response = decode_response(body, context)?;
    let text = simdutf8::basic::from_utf8(body).unwrap_or_default();
    // It was read a moment ago; it is an object.
    let object = Object::parse(text).unwrap_or_default();
    let mut out = Vec::with_capacity(body.len() + 512);
    out.push(b'{');
    string(&mut out, "id", &identity.id);
    string(&mut out, "model", &identity.model);
    string(&mut out, "provider", &identity.provider);
    let replaced = ["id", "model", "provider", "usage"];
    for (name, value) in object.iter().filter(|(name, _)| !replaced.contains(name)) {
        raw(&mut out, name, value.get());
    }
    let mut text_bytes = 0;
    let mut has_content = false;
    for block in response.choices.iter().flat_map(|choice| &choice.turn.blocks) {
        let bytes = match &block.kind {
            BlockKind::Text { text, .. } | BlockKind::Refusal { text } => text.len(),
            BlockKind::ToolCall { arguments, .. } => arguments.len(),
            BlockKind::Reasoning(reasoning) => match &reasoning.content {
                ReasoningContent::Text { text, .. } => text.len(),
                ReasoningContent::Summary { summary } => summary.len(),
                ReasoningContent::Encrypted { data } => data.len(),
            },
            _ => 1,
        };
        text_bytes += bytes as u64;
        has_content |= bytes > 0;
    }
    Ok(PatchedResponse {
        body: out,
        told: object.peek("usage").filter(|raw| raw.get() != "null").map(RawJson::from_raw),
        usage: response.usage,
        finishes: response
            .choices
            .into_iter()
            .filter_map(|choice| Some((choice.finish?, choice.native_finish)))
            .collect(),
        service_tier: response.service_tier,
        upstream_id: response.id,
        text_bytes,
        has_content,
    })
}
