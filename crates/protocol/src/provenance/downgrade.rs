//! A conversation without what a provider could not verify.

use serde_json::Value;

use crate::Dialect;
use crate::exchange::{Block, BlockKind, ReasoningContent, Request};
use crate::json::RawJson;

/// The member of a call in OpenAI's dialect that holds Google's signature.
const BESIDE: &str = "extra_content";
const SIGNATURE: &str = "thought_signature";

/// The request without the proofs of reasoning that are `refused`; `None` if it has none of them.
///
/// Signatures are taken from the texts they sign, which stay: whoever takes unsigned reasoning gets
/// it, others never see it. Encrypted reasoning goes, and with it thoughts without a word. Answers,
/// tool calls and results stay as they are; a target that asks for a signature on calls gets the
/// documented stand-in from its encoder. The signature that Google's hosts of OpenAI's dialect put
/// beside a call goes too. wire-formats 3.6, 12.4
pub fn without(request: &Request, refused: &dyn Fn(&str) -> bool) -> Option<Request> {
    let proof = |block: &Block| {
        let BlockKind::Reasoning(reasoning) = &block.kind else { return false };
        match &reasoning.content {
            ReasoningContent::Text { signature: Some(proof), .. }
            | ReasoningContent::Encrypted { data: proof } => refused(proof),
            ReasoningContent::Text { .. } | ReasoningContent::Summary { .. } => false,
        }
    };
    let signed = |block: &Block| {
        matches!(block.kind, BlockKind::ToolCall { .. })
            && signature_beside(block).is_some_and(|proof| refused(&proof))
    };
    if !request.turns.iter().flat_map(|turn| &turn.blocks).any(|it| proof(it) || signed(it)) {
        return None;
    }
    let mut request = request.clone();
    for turn in &mut request.turns {
        turn.blocks.retain_mut(|block| {
            if signed(block) {
                leave_out_signature(block);
            }
            if !proof(block) {
                return true;
            }
            let BlockKind::Reasoning(reasoning) = &mut block.kind else { return true };
            match &mut reasoning.content {
                ReasoningContent::Text { text, signature } => {
                    *signature = None;
                    !text.is_empty()
                }
                ReasoningContent::Encrypted { .. } | ReasoningContent::Summary { .. } => false,
            }
        });
    }
    Some(request)
}

/// The signature beside a call: `extra_content.google.thought_signature`.
fn signature_beside(block: &Block) -> Option<String> {
    let beside = block.extras.for_dialect(Dialect::OpenaiChat);
    let (_, raw) = beside.iter().find(|(name, _)| name == BESIDE)?;
    let mut value: Value = raw.read().ok()?;
    match value.get_mut("google")?.get_mut(SIGNATURE)?.take() {
        Value::String(text) => Some(text),
        _ => None,
    }
}

/// Leaves it out, and what holds nothing else.
fn leave_out_signature(block: &mut Block) {
    block.extras.members.retain_mut(|(name, raw)| {
        if name != BESIDE {
            return true;
        }
        let Ok(mut beside) = raw.read::<serde_json::Map<String, Value>>() else { return true };
        let Some(Value::Object(google)) = beside.get_mut("google") else { return true };
        google.remove(SIGNATURE);
        if google.is_empty() {
            beside.remove("google");
        }
        if let Ok(left) = RawJson::of(&beside) {
            *raw = left;
        }
        !beside.is_empty()
    });
}
