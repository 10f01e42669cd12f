//! Reasoning in this protocol's words. REASON-9

use crate::Dialect;
use crate::exchange::{Block, BlockKind, ReasoningBlock, ReasoningContent, ReasoningFormat};
use crate::openai_chat::image_signature;
use crate::openai_chat::read::lenient_object;
use crate::openai_chat::write::{ObjectWriter, array, into_text, object};

/// Whether a block belongs into `reasoning_details`.
pub(super) fn is_detail(block: &Block) -> bool {
    match &block.kind {
        BlockKind::Reasoning(_) => true,
        BlockKind::Opaque { origin: Dialect::OpenaiChat, raw } => lenient_object(raw.as_raw())
            .and_then(|entry| entry.peek_str("type"))
            .is_some_and(|kind| kind.starts_with("reasoning.")),
        _ => false,
    }
}

/// The text of all reasoning that has one.
pub(in crate::openai_chat) fn text(blocks: &[Block]) -> String {
    blocks
        .iter()
        .filter_map(|block| match &block.kind {
            BlockKind::Reasoning(reasoning) => match &reasoning.content {
                ReasoningContent::Text { text, .. } => Some(text.as_str()),
                ReasoningContent::Summary { summary } => Some(summary.as_str()),
                ReasoningContent::Encrypted { .. } => None,
            },
            _ => None,
        })
        .collect()
}

/// The blocks of reasoning as the value of `reasoning_details`.
pub(in crate::openai_chat) fn details(blocks: &[Block]) -> String {
    let mut out = Vec::new();
    let reasoning = blocks.iter().filter_map(|block| match &block.kind {
        BlockKind::Reasoning(reasoning) => Some(reasoning),
        _ => None,
    });
    array(&mut out, reasoning.enumerate(), |out, (at, reasoning)| {
        object(out, |entry| write_block(entry, reasoning, None, at));
    });
    into_text(out)
}

/// Writes `reasoning_details`, in order.
pub(super) fn write_details(message: &mut ObjectWriter<'_>, blocks: &[Block]) {
    let mut images = 0;
    let mut details = Vec::with_capacity(blocks.len());
    for (at, block) in blocks.iter().enumerate() {
        if is_told_image(block) {
            images += 1;
        }
        if is_detail(block) {
            let of_image = at.checked_sub(1).is_some_and(|before| is_told_image(&blocks[before]));
            details.push((block, of_image.then(|| image_signature::id(images - 1))));
        }
    }
    let details = details.into_iter().enumerate();
    message.array("reasoning_details", details, |out, (at, (block, image))| match &block.kind {
        BlockKind::Reasoning(reasoning) => crate::openai_chat::write::object(out, |entry| {
            write_block(entry, reasoning, image.filter(|_| is_loose_signature(reasoning)), at);
        }),
        BlockKind::Opaque { raw, .. } => out.extend_from_slice(raw.get().as_bytes()),
        _ => {}
    });
}

/// Whether a block is written among the images.
fn is_told_image(block: &Block) -> bool {
    matches!(&block.kind, BlockKind::Image { source, .. } if source.to_url().is_some())
}

/// Whether this is a signature that belongs to the part before it.
fn is_loose_signature(block: &ReasoningBlock) -> bool {
    block.id.is_none()
        && block.format == ReasoningFormat::Gemini
        && matches!(block.content, ReasoningContent::Encrypted { .. })
}

/// `image`: the id of the image that it signs.
fn write_block(
    entry: &mut ObjectWriter<'_>,
    block: &ReasoningBlock,
    image: Option<String>,
    index: usize,
) {
    let (kind, name, value, signature) = match &block.content {
        ReasoningContent::Text { text, signature } => {
            ("reasoning.text", "text", text, signature.as_deref())
        }
        ReasoningContent::Summary { summary } => ("reasoning.summary", "summary", summary, None),
        ReasoningContent::Encrypted { data } => ("reasoning.encrypted", "data", data, None),
    };
    let value = Some((name, value.as_str()));
    let id = block.id.as_deref().or(image.as_deref());
    write_detail(entry, kind, value, signature, id, block.format.name(), index);
}

/// Writes the members of one entry, whole or a piece of one.
pub(in crate::openai_chat) fn write_detail(
    entry: &mut ObjectWriter<'_>,
    kind: &str,
    value: Option<(&'static str, &str)>,
    signature: Option<&str>,
    id: Option<&str>,
    format: &str,
    index: usize,
) {
    entry.string("type", kind);
    if let Some((name, value)) = value {
        entry.string(name, value);
    }
    if let Some(signature) = signature {
        entry.string("signature", signature);
    }
    if let Some(id) = id {
        entry.string("id", id);
    }
    entry.string("format", format);
    entry.number("index", index as u64);
}
