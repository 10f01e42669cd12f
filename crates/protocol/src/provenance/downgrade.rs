//! A conversation without what a provider could not verify.

use crate::exchange::{Block, BlockKind, ReasoningContent, Request};

/// The request without the proofs of reasoning that are `refused`; `None` if it has none of them.
///
/// Signatures are taken from the texts they sign, which stay: whoever takes unsigned reasoning gets
/// it, others never see it. Encrypted reasoning goes, and with it thoughts without a word. Answers,
/// tool calls and results stay as they are; a target that asks for a signature on calls gets the
/// documented stand-in from its encoder. wire-formats 3.6, 12.4
pub fn without(request: &Request, refused: &dyn Fn(&str) -> bool) -> Option<Request> {
    let proof = |block: &Block| {
        let BlockKind::Reasoning(reasoning) = &block.kind else { return false };
        match &reasoning.content {
            ReasoningContent::Text { signature: Some(proof), .. }
            | ReasoningContent::Encrypted { data: proof } => refused(proof),
            ReasoningContent::Text { .. } | ReasoningContent::Summary { .. } => false,
        }
    };
    if !request.turns.iter().flat_map(|turn| &turn.blocks).any(proof) {
        return None;
    }
    let mut request = request.clone();
    for turn in &mut request.turns {
        turn.blocks.retain_mut(|block| {
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
