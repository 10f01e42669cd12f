//! Reasoning in its spellings, and its place among the blocks of a turn. REASON-9, REASON-10

use std::collections::{HashMap, HashSet};

use serde_json::value::RawValue;

use crate::Dialect;
use crate::exchange::{Block, BlockKind, ReasoningBlock, ReasoningContent, ReasoningFormat};
use crate::json::{Object, RawJson};
use crate::openai_chat::image_signature;
use crate::openai_chat::read::{lenient_array, lenient_object, lenient_string};

/// The reasoning of a message, in order: its `reasoning_details`, else its `thinking_blocks`, else its
/// text in whichever member it came.
pub(super) fn take(message: &mut Object<'_>) -> Vec<Block> {
    let listed = message.take_raw("reasoning_details");
    let texts = [message.take_raw("reasoning_content"), message.take_raw("reasoning")];
    let thinking = message.take_raw("thinking_blocks");
    let blocks = listed.map(details).unwrap_or_default();
    let blocks =
        if blocks.is_empty() { thinking.map(thoughts).unwrap_or_default() } else { blocks };
    if !blocks.is_empty() {
        return blocks;
    }
    let text = texts
        .into_iter()
        .flatten()
        .find_map(|raw| lenient_string(raw).filter(|text| !text.is_empty()));
    text.map(|text| plain(text.into_owned())).into_iter().collect()
}

/// Reasoning nobody signed.
pub(super) fn plain(text: String) -> Block {
    Block::new(BlockKind::Reasoning(ReasoningBlock {
        content: ReasoningContent::Text { text, signature: None },
        id: None,
        format: ReasoningFormat::Unknown,
    }))
}

/// The entries of `reasoning_details`. An entry of a kind this version does not know is kept.
pub(super) fn details(raw: &RawValue) -> Vec<Block> {
    lenient_array(raw)
        .into_iter()
        .filter_map(|raw| {
            let entry = lenient_object(raw)?;
            Some(match detail(&entry) {
                Some(block) => Block::new(BlockKind::Reasoning(block)),
                None => Block::new(BlockKind::Opaque {
                    origin: Dialect::OpenaiChat,
                    raw: RawJson::from_raw(raw),
                }),
            })
        })
        .collect()
}

/// The entries of `thinking_blocks`, in which other gateways hand Anthropic's blocks on. Those of a
/// kind this version does not know are left out.
pub(in crate::openai_chat) fn thoughts(raw: &RawValue) -> Vec<Block> {
    let read = |entry: Object<'_>| {
        let text = |name| entry.peek_str(name).map(std::borrow::Cow::into_owned);
        let signature = text("signature").filter(|signature| !signature.is_empty());
        let (content, format) = match entry.peek_str("type")?.as_ref() {
            "thinking" => {
                let format = match signature {
                    Some(_) => ReasoningFormat::Anthropic,
                    None => ReasoningFormat::Unknown,
                };
                (ReasoningContent::Text { text: text("thinking")?, signature }, format)
            }
            "redacted_thinking" => {
                let data = text("data").filter(|data| !data.is_empty())?;
                (ReasoningContent::Encrypted { data }, ReasoningFormat::Anthropic)
            }
            _ => return None,
        };
        Some(Block::new(BlockKind::Reasoning(ReasoningBlock { content, id: None, format })))
    };
    lenient_array(raw).into_iter().filter_map(|raw| read(lenient_object(raw)?)).collect()
}

/// One entry; `None` for a kind this version does not know.
pub(in crate::openai_chat) fn detail(entry: &Object<'_>) -> Option<ReasoningBlock> {
    let text = |name| entry.peek_str(name).map(std::borrow::Cow::into_owned);
    let signature = text("signature").filter(|signature| !signature.is_empty());
    let signed = signature.is_some();
    let content = match entry.peek_str("type").as_deref() {
        Some("reasoning.text") => {
            ReasoningContent::Text { text: text("text").unwrap_or_default(), signature }
        }
        Some("reasoning.summary") => {
            ReasoningContent::Summary { summary: text("summary").unwrap_or_default() }
        }
        Some("reasoning.encrypted") => {
            ReasoningContent::Encrypted { data: text("data").unwrap_or_default() }
        }
        // Without a type, but with a text: MiniMax.
        None => ReasoningContent::Text { text: text("text")?, signature },
        Some(_) => return None,
    };
    let format = match text("format") {
        Some(name) => ReasoningFormat::from(name),
        None if signed || matches!(content, ReasoningContent::Encrypted { .. }) => {
            ReasoningFormat::Anthropic
        }
        None => ReasoningFormat::Unknown,
    };
    Some(ReasoningBlock { content, id: text("id"), format })
}

/// A Gemini signature, which is bound to the part beside it.
fn gemini_signature(block: &Block) -> Option<Option<&str>> {
    match &block.kind {
        BlockKind::Reasoning(ReasoningBlock {
            content: ReasoningContent::Encrypted { .. },
            id,
            format: ReasoningFormat::Gemini,
        }) => Some(id.as_deref()),
        _ => None,
    }
}

/// What stands behind its image names it no longer.
fn nameless(mut signature: Block) -> Block {
    if let BlockKind::Reasoning(reasoning) = &mut signature.kind {
        reasoning.id = None;
    }
    signature
}

/// Puts the blocks of an assistant's turn in order: reasoning, content, calls; but a Gemini
/// signature directly before its call, or after the text or the image it belongs to. One whose image
/// is not there any more is left out.
pub(super) fn arrange(reasoning: Vec<Block>, content: Vec<Block>, calls: Vec<Block>) -> Vec<Block> {
    let called: HashSet<&str> = calls
        .iter()
        .filter_map(|call| match &call.kind {
            BlockKind::ToolCall { id, .. } => Some(id.as_str()),
            _ => None,
        })
        .collect();
    let last_text = content.iter().rposition(|block| matches!(block.kind, BlockKind::Text { .. }));
    let mut before = Vec::new();
    let mut after_text = Vec::new();
    let mut bound: HashMap<String, Vec<Block>> = HashMap::new();
    for block in reasoning {
        match gemini_signature(&block) {
            Some(Some(id)) if called.contains(id) || image_signature::is_id(id) => {
                bound.entry(id.to_owned()).or_default().push(block);
            }
            Some(None) if last_text.is_some() => after_text.push(block),
            _ => before.push(block),
        }
    }
    let mut blocks = before;
    let mut images = 0;
    for (at, block) in content.into_iter().enumerate() {
        let is_image = matches!(block.kind, BlockKind::Image { .. });
        blocks.push(block);
        if Some(at) == last_text {
            blocks.append(&mut after_text);
        }
        if is_image {
            let signatures = bound.remove(&image_signature::id(images)).into_iter().flatten();
            blocks.extend(signatures.map(nameless));
            images += 1;
        }
    }
    for call in calls {
        if let BlockKind::ToolCall { id, .. } = &call.kind {
            blocks.extend(bound.remove(id).into_iter().flatten());
        }
        blocks.push(call);
    }
    blocks
}
