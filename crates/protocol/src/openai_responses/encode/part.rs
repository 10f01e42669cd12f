//! Content for providers: a string where one will do, parts where not.

use crate::Dialect;
use crate::exchange::{Block, BlockKind, Fault, Losses, MediaSource, Role, titled};
use crate::json::envelope::write_string;
use crate::openai_chat::write::{ObjectWriter, array, object};
use crate::openai_responses::wire;
use crate::target::Target;

/// What writing content needs to know, and what it lost.
pub(super) struct Scene<'s> {
    pub(super) target: &'s Target<'s>,
    pub(super) losses: &'s mut Losses,
    /// The turn's place in the caller's request.
    pub(super) turn: usize,
}

impl Scene<'_> {
    pub(super) fn lose(&mut self, what: &str, why: &'static str) {
        self.losses.record(format!("messages[{}].{what}", self.turn), why);
    }
}

/// Writes the blocks of a message, or of a function's output, as the value of its content.
pub(super) fn write_content(
    out: &mut Vec<u8>,
    role: Role,
    blocks: &[&Block],
    scene: &mut Scene<'_>,
) -> Result<(), Fault> {
    if let [block] = blocks
        && let BlockKind::Text { text, annotations } = &block.kind
        && annotations.is_empty()
        && own_members(block).is_empty()
        && !is_marked(block, scene)
    {
        write_string(out, text);
        return Ok(());
    }
    let mut parts: Vec<Vec<u8>> = Vec::with_capacity(blocks.len());
    for block in blocks {
        if let Some(part) = part(role, block, scene)? {
            parts.push(part);
        }
    }
    if parts.is_empty() {
        out.extend_from_slice(b"\"\"");
    } else {
        array(out, parts, |out, part| out.extend_from_slice(&part));
    }
    Ok(())
}

/// Whether the cache mark of a block is written. PCACHE-5
fn is_marked(block: &Block, scene: &Scene<'_>) -> bool {
    block.cache.is_some() && scene.target.quirks.cache_breakpoints
}

/// The members of a block's own part: those of its message are written there.
fn own_members(block: &Block) -> Vec<&(String, crate::json::RawJson)> {
    let members = block.extras.for_dialect(Dialect::OpenaiResponses);
    members.iter().filter(|(name, _)| name != PHASE).collect()
}

/// A member of an assistant's message that its blocks carry.
pub(super) const PHASE: &str = "phase";

/// One part; `None` if it cannot be said.
fn part(role: Role, block: &Block, scene: &mut Scene<'_>) -> Result<Option<Vec<u8>>, Fault> {
    if let BlockKind::Opaque { origin: Dialect::OpenaiResponses, raw } = &block.kind {
        return Ok(Some(raw.get().as_bytes().to_vec()));
    }
    if scene.target.quirks.no_media_urls
        && let BlockKind::Image { source, .. } | BlockKind::File { source, .. } = &block.kind
        && matches!(source, MediaSource::Url(_))
    {
        return Err(Fault::invalid(format!(
            "{}: this provider does not fetch media; send the bytes as a data URL",
            block.place_or(|| format!("messages[{}].content", scene.turn))
        )));
    }
    let mut out = Vec::new();
    let mut part = ObjectWriter::begin(&mut out);
    if let Err(why) = write_members(&mut part, role, block) {
        scene.lose("content", why);
        return Ok(None);
    }
    if is_marked(block, scene) {
        part.raw("prompt_cache_breakpoint", r#"{"mode":"explicit"}"#);
    }
    for (name, raw) in own_members(block) {
        part.raw_of(name, raw.get());
    }
    part.end();
    Ok(Some(out))
}

fn write_members(
    part: &mut ObjectWriter<'_>,
    role: Role,
    block: &Block,
) -> Result<(), &'static str> {
    const NOT_A_URL: &str = "this protocol takes such media only as a URL or bytes";
    match &block.kind {
        BlockKind::Text { text, annotations } if role == Role::Assistant => {
            part.string("type", "output_text");
            part.string("text", text);
            let flat: Vec<String> = annotations.iter().filter_map(wire::annotation_sent).collect();
            part.raw("annotations", &wire::joined(&flat));
        }
        BlockKind::Text { text, .. } => {
            part.string("type", "input_text");
            part.string("text", text);
        }
        BlockKind::Refusal { text } if role == Role::Assistant => {
            part.string("type", "refusal");
            part.string("refusal", text);
        }
        BlockKind::Refusal { text } => {
            part.string("type", "input_text");
            part.string("text", text);
        }
        BlockKind::Image { source, detail } => {
            part.string("type", "input_image");
            match source {
                MediaSource::FileId(id) => part.string("file_id", id),
                other => part.string("image_url", &other.to_url().ok_or(NOT_A_URL)?),
            }
            // Required here.
            part.string("detail", detail.as_deref().unwrap_or("auto"));
        }
        BlockKind::File { source: MediaSource::Text { text, .. }, filename } => {
            part.string("type", "input_text");
            part.string("text", &titled(filename.as_deref(), text));
        }
        BlockKind::File { source, filename } => {
            part.string("type", "input_file");
            match source {
                MediaSource::FileId(id) => part.string("file_id", id),
                MediaSource::Url(url) => part.string("file_url", url),
                bytes => {
                    // Bytes have no name of their own, and one is required for them.
                    let known = matches!(bytes, MediaSource::Base64 { media_type, .. } if media_type == "application/pdf");
                    let plain = if known { "document.pdf" } else { "document" };
                    part.string("filename", filename.as_deref().unwrap_or(plain));
                    part.string("file_data", &bytes.to_url().ok_or(NOT_A_URL)?);
                    return Ok(());
                }
            }
            // A file that is named otherwise needs no name.
            if let (Some(filename), MediaSource::Url(_)) = (filename, source) {
                part.string("filename", filename);
            }
        }
        BlockKind::Audio { source: MediaSource::Base64 { data, .. }, format, .. } => {
            part.string("type", "input_audio");
            object(part.value("input_audio"), |audio| {
                audio.string("data", data);
                audio.string("format", format);
            });
        }
        BlockKind::Audio { .. } => return Err("this protocol takes audio only as bytes"),
        BlockKind::Video { source } => {
            part.string("type", "input_video");
            part.string("video_url", &source.to_url().ok_or(NOT_A_URL)?);
        }
        BlockKind::Opaque { .. } => return Err("only the protocol it came in knows this block"),
        BlockKind::Reasoning(_) | BlockKind::ToolCall { .. } | BlockKind::ToolResult { .. } => {
            return Err("it has no place in a content");
        }
    }
    Ok(())
}
