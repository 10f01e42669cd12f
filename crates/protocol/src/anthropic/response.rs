//! Exchange → a whole answer for a caller. MSG-2, USAGE-7

use super::wire::{array, key, members, raw, string, string_or_null};
use super::{citations, error, foreign, usage, wire};
use crate::Dialect;
use crate::exchange::{
    Additions, BlockKind, Choice, Fault, FinishReason, Identity, ReasoningContent, Response,
};

/// Writes a whole answer. Only the first choice has a place in this protocol.
pub fn encode_response(
    response: &Response,
    identity: &Identity,
    additions: Additions<'_>,
) -> Vec<u8> {
    let choice = response.choices.first();
    let mut out = Vec::with_capacity(1024);
    out.push(b'{');
    string(&mut out, "id", &identity.id);
    string(&mut out, "type", "message");
    string(&mut out, "role", "assistant");
    string(&mut out, "model", &identity.model);
    string(&mut out, "provider", &identity.provider);
    key(&mut out, "content");
    let blocks = choice.map(content_blocks).unwrap_or_default();
    array(&mut out, &blocks, |out, block| out.extend_from_slice(block));
    write_end(&mut out, choice);
    if let Some(failed) = choice.filter(|choice| choice.finish == Some(FinishReason::Error)) {
        // The protocol has no reason to stop for it, and `null` alone is easily overlooked.
        error::write_error(&mut out, &Fault::of_finish(failed.native_finish.as_deref()));
    }
    key(&mut out, "usage");
    usage::write(
        &mut out,
        response.usage.as_ref(),
        response.service_tier.as_deref(),
        additions.charge,
    );
    let extras = response.extras.for_dialect(Dialect::Anthropic);
    if !extras.iter().any(|(name, _)| name == "container") {
        raw(&mut out, "container", "null");
    }
    members(&mut out, extras);
    members(&mut out, additions.members);
    out.push(b'}');
    out
}

/// Whether a refusal's words belong into `stop_details` rather than into the content.
fn refusal_is_detail(choice: &Choice) -> bool {
    choice.finish == Some(FinishReason::ContentFilter)
}

fn write_end(out: &mut Vec<u8>, choice: Option<&Choice>) {
    let reason = choice.and_then(|choice| choice.finish);
    let native = choice.and_then(|choice| choice.native_finish.as_deref());
    let stop_reason = match reason {
        Some(reason) => wire::stop_reason_of(reason, native),
        None => Some("end_turn"),
    };
    string_or_null(out, "stop_reason", stop_reason);
    let own = choice.map(|choice| choice.extras.for_dialect(Dialect::Anthropic)).unwrap_or(&[]);
    for name in ["stop_sequence", "stop_details"] {
        match own.iter().find(|(known, _)| known == name) {
            Some((_, value)) => raw(out, name, value.get()),
            None if name == "stop_details" => {
                let told = choice.filter(|choice| refusal_is_detail(choice)).and_then(refusal);
                write_stop_details(out, told.as_deref());
            }
            None => raw(out, name, "null"),
        }
    }
}

fn refusal(choice: &Choice) -> Option<String> {
    let told: String = choice
        .turn
        .blocks
        .iter()
        .filter_map(|block| match &block.kind {
            BlockKind::Refusal { text } => Some(text.as_str()),
            _ => None,
        })
        .collect();
    (!told.is_empty()).then_some(told)
}

/// Writes `stop_details`: why the model declined, or null.
pub(super) fn write_stop_details(out: &mut Vec<u8>, explanation: Option<&str>) {
    let Some(explanation) = explanation else { return raw(out, "stop_details", "null") };
    key(out, "stop_details");
    out.push(b'{');
    string(out, "type", "refusal");
    raw(out, "category", "null");
    string(out, "explanation", explanation);
    out.push(b'}');
}

fn content_blocks(choice: &Choice) -> Vec<Vec<u8>> {
    let mut blocks = Vec::with_capacity(choice.turn.blocks.len());
    for block in &choice.turn.blocks {
        let mut out = vec![b'{'];
        match &block.kind {
            BlockKind::Text { text, annotations } => {
                string(&mut out, "type", "text");
                string(&mut out, "text", text);
                let cited: Vec<String> =
                    annotations.iter().filter_map(citations::citation).collect();
                if !cited.is_empty() {
                    key(&mut out, "citations");
                    array(&mut out, &cited, |out, one| out.extend_from_slice(one.as_bytes()));
                }
            }
            BlockKind::Refusal { .. } if refusal_is_detail(choice) => continue,
            BlockKind::Refusal { text } => {
                string(&mut out, "type", "text");
                string(&mut out, "text", text);
            }
            BlockKind::Audio { transcript: Some(text), .. } => {
                string(&mut out, "type", "text");
                string(&mut out, "text", text);
            }
            BlockKind::Reasoning(reasoning) => {
                let wrap =
                    |data: &str| foreign::wrap(&reasoning.format, reasoning.id.as_deref(), data);
                match &reasoning.content {
                    ReasoningContent::Text { text, signature } => {
                        string(&mut out, "type", "thinking");
                        string(&mut out, "thinking", text);
                        let signature = signature.as_deref().map(wrap).unwrap_or_default();
                        string(&mut out, "signature", &signature);
                    }
                    ReasoningContent::Summary { summary } => {
                        string(&mut out, "type", "thinking");
                        string(&mut out, "thinking", summary);
                        string(&mut out, "signature", "");
                    }
                    ReasoningContent::Encrypted { data } => {
                        string(&mut out, "type", "redacted_thinking");
                        string(&mut out, "data", &wrap(data));
                    }
                }
            }
            BlockKind::ToolCall { id, name, arguments } => {
                string(&mut out, "type", "tool_use");
                string(&mut out, "id", id);
                string(&mut out, "name", name);
                key(&mut out, "input");
                wire::write_input(&mut out, arguments);
            }
            BlockKind::Opaque { origin: Dialect::Anthropic, raw } => {
                blocks.push(raw.get().as_bytes().to_vec());
                continue;
            }
            // The protocol's answers have no place for media, nor for what others alone know.
            BlockKind::Audio { .. }
            | BlockKind::Image { .. }
            | BlockKind::Video { .. }
            | BlockKind::File { .. }
            | BlockKind::ToolResult { .. }
            | BlockKind::Opaque { .. } => continue,
        }
        members(&mut out, block.extras.for_dialect(Dialect::Anthropic));
        out.push(b'}');
        blocks.push(out);
    }
    blocks
}
