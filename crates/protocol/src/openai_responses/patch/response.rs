//! A whole answer passed on in the same protocol.

use super::names;
use crate::exchange::{
    Additions, BlockKind, Fault, FinishReason, Identity, ReasoningContent, Usage,
};
use crate::json::{Object, RawJson};
use crate::openai_chat::read::{is_null, lenient_array, lenient_object};
use crate::openai_chat::write::ObjectWriter;
use crate::openai_responses::{decode_response, usage};
use crate::target::ResponseContext;

/// Members that are set here.
pub(super) const REPLACED: [&str; 4] = ["id", "model", "usage", "openrouter_metadata"];

/// Members that the schema requires, where `null` says no more than their absence: hosts of open
/// models leave them out, and official SDKs refuse an answer without them.
const REQUIRED: [&str; 9] = [
    "completed_at",
    "error",
    "frequency_penalty",
    "incomplete_details",
    "instructions",
    "metadata",
    "presence_penalty",
    "temperature",
    "top_p",
];

/// A provider's whole answer, ready but for its cost.
#[derive(Clone, Debug)]
pub struct PatchedResponse {
    /// The body without its last members and its closing brace.
    body: Vec<u8>,
    unknown_usage: Vec<(String, RawJson)>,
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
    /// Images in the answer.
    pub images: u64,
    /// Whether there is anything in the answer. CHAT-16
    pub has_content: bool,
}

impl PatchedResponse {
    /// The body, with usage and cost. USAGE-6
    pub fn finish(mut self, additions: Additions<'_>) -> Vec<u8> {
        let mut members = ObjectWriter::resume(&mut self.body);
        if let Some(counts) = &self.usage {
            usage::write(members.value("usage"), counts, additions.charge, &self.unknown_usage);
        } else {
            members.raw("usage", "null");
        }
        members.members(additions.members);
        members.end();
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
    let answer = Object::parse(text).unwrap_or_default();
    let mut out = Vec::with_capacity(body.len() + 512);
    write_head(&mut out, &answer, identity, context, &[]);
    let told = answer.peek("usage").filter(|raw| !is_null(raw));
    let mut text_bytes = 0;
    let mut images = 0;
    for block in response.choices.iter().flat_map(|choice| &choice.turn.blocks) {
        text_bytes += match &block.kind {
            BlockKind::Text { text, .. } | BlockKind::Refusal { text } => text.len() as u64,
            BlockKind::ToolCall { arguments, .. } => arguments.len() as u64,
            BlockKind::Reasoning(reasoning) => match &reasoning.content {
                ReasoningContent::Text { text, .. } => text.len() as u64,
                ReasoningContent::Summary { summary } => summary.len() as u64,
                // What nobody can read is no measure of what was generated.
                ReasoningContent::Encrypted { .. } => 0,
            },
            _ => 0,
        };
        images += u64::from(matches!(block.kind, BlockKind::Image { .. }));
    }
    let items = answer.peek("output").map(lenient_array).unwrap_or_default();
    let other = items.into_iter().filter_map(lenient_object).any(|item| {
        !matches!(item.peek_str("type").as_deref(), Some("message" | "reasoning") | None)
    });
    Ok(PatchedResponse {
        body: out,
        unknown_usage: told.map(usage::unknown_members).unwrap_or_default(),
        usage: response.usage,
        finishes: response
            .choices
            .into_iter()
            .filter_map(|choice| Some((choice.finish?, choice.native_finish)))
            .collect(),
        service_tier: response.service_tier,
        upstream_id: response.id,
        text_bytes,
        images,
        has_content: text_bytes > 0 || other,
    })
}

/// Writes a response object up to its last members, which come later: they and the closing brace
/// are missing. `keeping`: members that tell what becomes of the answer here. What becomes of it at
/// the provider is nothing its caller could ask for: without a word here it is not kept.
pub(super) fn write_head(
    out: &mut Vec<u8>,
    answer: &Object<'_>,
    identity: &Identity,
    context: &ResponseContext,
    keeping: &[(&'static str, RawJson)],
) {
    let kept = |name: &str| keeping.iter().any(|(member, _)| *member == name);
    let mut members = ObjectWriter::begin(out);
    members.string("id", &identity.id);
    members.string("model", &identity.model);
    for (name, value) in keeping {
        members.raw(name, value.get());
    }
    let rest = answer.iter().filter(|(name, _)| !REPLACED.contains(name) && !kept(name));
    for (name, raw) in rest {
        if name == "store" {
            members.raw_of(name, "false");
            continue;
        }
        match names::declared_in_output(raw, context).filter(|_| name == "output") {
            Some(output) => members.raw_of(name, &output),
            None => members.raw_of(name, raw.get()),
        }
    }
    for name in REQUIRED.iter().filter(|name| answer.peek(name).is_none() && !kept(name)) {
        members.raw(name, "null");
    }
}
