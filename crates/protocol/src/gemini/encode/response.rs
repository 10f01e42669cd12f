//! Exchange → what a caller of this protocol gets.

use std::borrow::Cow;

use super::super::decode::logprobs::gemini_form;
use super::super::wire::{
    Part, PartBody, element, open_member, string_member, write_extras, write_parts,
};
use super::super::{finish, usage};
use super::{grounding, results};
use crate::Dialect;
use crate::exchange::{
    Additions, Block, BlockKind, Charge, Choice, Identity, MediaSource, ReasoningContent,
    ReasoningFormat, Response, Usage,
};
use crate::json::envelope::write_member;
use crate::openai_chat::usage::number as decimal;

/// Writes a whole answer.
pub fn encode_response(
    response: &Response,
    identity: &Identity,
    additions: Additions<'_>,
) -> Vec<u8> {
    let mut out = Vec::with_capacity(1024);
    out.push(b'{');
    open_member(&mut out, "candidates");
    out.push(b'[');
    for choice in &response.choices {
        element(&mut out);
        write_choice(&mut out, choice);
    }
    out.push(b']');
    close(&mut out, identity, response.usage.as_ref(), response.service_tier.as_deref(), additions);
    write_extras(&mut out, response.extras.for_dialect(Dialect::Gemini));
    out.push(b'}');
    out
}

/// Writes the members that stand beside the candidates.
pub(in super::super) fn close(
    out: &mut Vec<u8>,
    identity: &Identity,
    counts: Option<&Usage>,
    tier: Option<&str>,
    additions: Additions<'_>,
) {
    if let Some(counts) = counts {
        open_member(out, "usageMetadata");
        usage::write(out, counts, tier);
        if let Some(charge) = additions.charge {
            // Reopen the object just written: the charge belongs to the counts. USAGE-3
            out.pop();
            write_charge(out, charge);
            out.push(b'}');
        }
    }
    named(out, identity);
    write_extras(out, additions.members);
}

/// Writes who answered.
pub(in super::super) fn named(out: &mut Vec<u8>, identity: &Identity) {
    string_member(out, "modelVersion", &identity.model);
    string_member(out, "responseId", &identity.id);
}

fn write_charge(out: &mut Vec<u8>, charge: &Charge) {
    write_member(out, "cost", decimal(&charge.cost));
    write_member(out, "is_byok", if charge.is_byok { "true" } else { "false" });
    if let Some(cost) = &charge.upstream_cost {
        open_member(out, "cost_details");
        out.push(b'{');
        write_member(out, "upstream_inference_cost", decimal(cost));
        if let Some(cost) = &charge.upstream_prompt_cost {
            write_member(out, "upstream_inference_prompt_cost", decimal(cost));
        }
        if let Some(cost) = &charge.upstream_completion_cost {
            write_member(out, "upstream_inference_completions_cost", decimal(cost));
        }
        out.push(b'}');
    }
}

fn write_choice(out: &mut Vec<u8>, choice: &Choice) {
    out.push(b'{');
    let parts = parts_of(&choice.turn.blocks);
    if !parts.is_empty() {
        open_member(out, "content");
        out.push(b'{');
        open_member(out, "parts");
        write_parts(out, &parts);
        string_member(out, "role", "model");
        out.push(b'}');
    }
    if let Some(reason) = choice.finish {
        string_member(out, "finishReason", finish::word(reason, choice.native_finish.as_deref()));
    }
    write_member(out, "index", &choice.index.to_string());
    let mut text = String::new();
    let mut citations = Vec::new();
    for block in &choice.turn.blocks {
        if let BlockKind::Text { text: more, annotations } = &block.kind {
            text.push_str(more);
            citations.extend(annotations.iter());
        }
    }
    if let Some(metadata) = grounding::metadata(&citations, &text) {
        write_member(out, "groundingMetadata", &metadata);
    }
    if let Some(result) = choice.logprobs.as_ref().and_then(|raw| gemini_form(raw.get())) {
        write_member(out, "logprobsResult", result.get());
    }
    write_extras(out, choice.extras.for_dialect(Dialect::Gemini));
    out.push(b'}');
}

fn parts_of(blocks: &[Block]) -> Vec<Part<'_>> {
    let mut parts: Vec<Part<'_>> = Vec::with_capacity(blocks.len());
    for (position, block) in blocks.iter().enumerate() {
        match &block.kind {
            BlockKind::Text { text, .. } if text.is_empty() => {}
            BlockKind::Text { text, .. } | BlockKind::Refusal { text } => {
                parts.push(Part::text(text));
            }
            BlockKind::Reasoning(reasoning) => {
                let own = reasoning.format == ReasoningFormat::Gemini;
                match &reasoning.content {
                    ReasoningContent::Text { text, signature } => {
                        let mut part = Part::new(PartBody::Thought(Cow::Borrowed(text)));
                        part.signature = signature.as_deref().filter(|_| own).map(Cow::Borrowed);
                        parts.push(part);
                    }
                    ReasoningContent::Summary { summary } => {
                        parts.push(Part::new(PartBody::Thought(Cow::Borrowed(summary))));
                    }
                    ReasoningContent::Encrypted { data } if own => {
                        if reasoning.id.is_some() {
                            // It is written with the call it belongs to.
                            continue;
                        }
                        let mut part = match parts.pop() {
                            Some(part)
                                if part.signature.is_none()
                                    && position > 0
                                    && matches!(
                                        part.body,
                                        PartBody::Text(_) | PartBody::InlineData { .. }
                                    ) =>
                            {
                                part
                            }
                            other => {
                                parts.extend(other);
                                Part::text("")
                            }
                        };
                        part.signature = Some(Cow::Borrowed(data));
                        parts.push(part);
                    }
                    ReasoningContent::Encrypted { .. } => {}
                }
            }
            BlockKind::ToolCall { id, name, arguments } => {
                let mut part = Part::new(call_body(id, name, arguments));
                part.signature = blocks.iter().find_map(|block| signature_for(block, id));
                parts.push(part);
            }
            BlockKind::Image { source, .. } => parts.extend(media("image/png", source)),
            BlockKind::Audio { source, .. } => parts.extend(media("audio/pcm", source)),
            BlockKind::Opaque { origin: Dialect::Gemini, raw } => {
                parts.push(Part::new(PartBody::Raw(raw)));
            }
            BlockKind::Video { .. }
            | BlockKind::File { .. }
            | BlockKind::ToolResult { .. }
            | BlockKind::Opaque { .. } => {}
        }
    }
    parts
}

/// The body of a call; arguments that are no object are wrapped in one.
pub(in super::super) fn call_body<'a>(
    id: &'a str,
    name: &'a str,
    arguments: &'a str,
) -> PartBody<'a> {
    PartBody::FunctionCall {
        id: Some(id),
        name: Cow::Borrowed(name),
        arguments: results::arguments(arguments).0,
    }
}

fn signature_for<'a>(block: &'a Block, call_id: &str) -> Option<Cow<'a, str>> {
    match &block.kind {
        BlockKind::Reasoning(reasoning)
            if reasoning.format == ReasoningFormat::Gemini
                && reasoning.id.as_deref() == Some(call_id) =>
        {
            match &reasoning.content {
                ReasoningContent::Encrypted { data } => Some(Cow::Borrowed(data)),
                _ => None,
            }
        }
        _ => None,
    }
}

/// The part for a medium the model made.
pub(in super::super) fn media<'a>(
    default: &'static str,
    source: &'a MediaSource,
) -> Option<Part<'a>> {
    Some(Part::new(match source {
        MediaSource::Base64 { media_type, data } => PartBody::InlineData {
            media_type: Cow::Borrowed(if media_type.is_empty() { default } else { media_type }),
            data: Cow::Borrowed(data),
            name: None,
        },
        MediaSource::Url(url) => {
            PartBody::FileData { media_type: Some(Cow::Borrowed(default)), uri: url }
        }
        MediaSource::Text { .. } | MediaSource::FileId(_) => return None,
    }))
}
