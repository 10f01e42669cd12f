//! Content for providers: a string where one will do, parts where not.

use crate::Dialect;
use crate::exchange::{Block, BlockKind, CacheMark, Fault, Losses, MediaSource, titled};
use crate::openai_chat::write::{ObjectWriter, object};
use crate::target::Target;

/// What writing content needs to know, and what it lost.
pub(super) struct Scene<'s> {
    pub(super) target: &'s Target<'s>,
    pub(super) losses: &'s mut Losses,
    /// The message's place in the caller's request.
    pub(super) message: usize,
}

impl Scene<'_> {
    pub(super) fn lose(&mut self, what: &str, why: &'static str) {
        self.losses.record(format!("messages[{}].{what}", self.message), why);
    }

    fn place(&self, block: &Block) -> String {
        block.place_or(|| format!("messages[{}].content", self.message))
    }
}

/// Writes the blocks that are content as the value of `content`; tells whether there were any.
pub(super) fn write_content(
    out: &mut Vec<u8>,
    blocks: &[&Block],
    scene: &mut Scene<'_>,
) -> Result<(), Fault> {
    if let [block] = blocks
        && let BlockKind::Text { text, .. } = &block.kind
        && block.extras.for_dialect(Dialect::OpenaiChat).is_empty()
        && (block.cache.is_none() || !scene.target.quirks.cache_control)
    {
        crate::json::envelope::write_string(out, text);
        return Ok(());
    }
    if scene.target.quirks.text_as_string
        && let Some(text) = texts_alone(blocks)
    {
        crate::json::envelope::write_string(out, &text);
        return Ok(());
    }
    let start = out.len();
    out.push(b'[');
    for block in blocks {
        let before = out.len();
        if before > start + 1 {
            out.push(b',');
        }
        if !write_part(out, block, scene)? {
            out.truncate(before);
        }
    }
    if out.len() == start + 1 {
        out.truncate(start);
        out.extend_from_slice(b"\"\"");
    } else {
        out.push(b']');
    }
    Ok(())
}

/// The texts of blocks, one under the other; `None` if any of them is more than a text.
fn texts_alone(blocks: &[&Block]) -> Option<String> {
    let text = |block: &&Block| match &block.kind {
        BlockKind::Text { text, .. } => Some(text.clone()),
        BlockKind::File { source: MediaSource::Text { text, .. }, filename } => {
            Some(titled(filename.as_deref(), text).into_owned())
        }
        _ => None,
    };
    let texts: Option<Vec<String>> = blocks.iter().map(text).collect();
    texts.map(|texts| texts.join("\n"))
}

/// Writes one part; `false` if it cannot be said.
fn write_part(out: &mut Vec<u8>, block: &Block, scene: &mut Scene<'_>) -> Result<bool, Fault> {
    let quirks = scene.target.quirks;
    match &block.kind {
        BlockKind::Opaque { origin: Dialect::OpenaiChat, raw } => {
            out.extend_from_slice(raw.get().as_bytes());
            return Ok(true);
        }
        BlockKind::Image { source, .. } | BlockKind::Video { source }
            if quirks.no_media_urls && matches!(source, MediaSource::Url(_)) =>
        {
            return Err(Fault::invalid(format!(
                "{}: this provider does not fetch media; send the bytes as a data URL",
                scene.place(block)
            )));
        }
        BlockKind::File { source: MediaSource::Url(_), .. } if !quirks.is_router() => {
            return Err(Fault::invalid(format!(
                "{}: this provider does not fetch files; send the bytes as a data URL",
                scene.place(block)
            )));
        }
        BlockKind::Image { source: MediaSource::FileId(id), .. } => {
            return Err(stored_elsewhere("image", id, block, scene));
        }
        // Ids of files that OpenAI keeps are the only ones that this protocol can tell.
        BlockKind::File { source: MediaSource::FileId(id), .. } if !id.starts_with("file-") => {
            return Err(stored_elsewhere("file", id, block, scene));
        }
        _ => {}
    }
    let start = out.len();
    let mut part = ObjectWriter::begin(out);
    if let Err(why) = write_members(&mut part, block, quirks.plain_image_url) {
        out.truncate(start);
        scene.lose("content", why);
        return Ok(false);
    }
    if let Some(mark) = block.cache.as_ref().filter(|_| quirks.cache_control) {
        write_mark(&mut part, mark);
    }
    part.members(block.extras.for_dialect(Dialect::OpenaiChat));
    part.end();
    Ok(true)
}

fn stored_elsewhere(what: &str, id: &str, block: &Block, scene: &Scene<'_>) -> Fault {
    let shown: String = id.chars().take(64).collect();
    Fault::invalid(format!(
        "{}: the {what} `{shown}` is stored at another provider; send its bytes or a URL",
        scene.place(block)
    ))
}

fn write_members(
    part: &mut ObjectWriter<'_>,
    block: &Block,
    plain_image_url: bool,
) -> Result<(), &'static str> {
    const NOT_A_URL: &str = "this protocol takes such media only as a URL or bytes";
    match &block.kind {
        BlockKind::Text { text, .. } => {
            part.string("type", "text");
            part.string("text", text);
        }
        BlockKind::Image { source, detail } => {
            let url = source.to_url().ok_or(NOT_A_URL)?;
            part.string("type", "image_url");
            if plain_image_url {
                part.string("image_url", &url);
            } else {
                part.object("image_url", |image| {
                    image.string("url", &url);
                    if let Some(detail) = detail {
                        image.string("detail", detail);
                    }
                });
            }
        }
        BlockKind::Audio { source: MediaSource::Base64 { data, .. }, format, .. } => {
            part.string("type", "input_audio");
            part.object("input_audio", |audio| {
                audio.string("data", data);
                audio.string("format", format);
            });
        }
        BlockKind::Audio { .. } => return Err("this protocol takes audio only as bytes"),
        BlockKind::Video { source } => {
            let url = source.to_url().ok_or(NOT_A_URL)?;
            part.string("type", "video_url");
            part.object("video_url", |video| video.string("url", &url));
        }
        BlockKind::File { source: MediaSource::Text { text, .. }, filename } => {
            part.string("type", "text");
            part.string("text", &titled(filename.as_deref(), text));
        }
        BlockKind::File { source, filename } => {
            part.string("type", "file");
            part.object("file", |file| {
                if let Some(filename) = filename {
                    file.string("filename", filename);
                }
                match source {
                    MediaSource::FileId(id) => file.string("file_id", id),
                    other => file.string("file_data", &other.to_url().unwrap_or_default()),
                }
            });
        }
        BlockKind::Refusal { text } => {
            part.string("type", "refusal");
            part.string("refusal", text);
        }
        BlockKind::Opaque { .. } => return Err("only the protocol it came in knows this block"),
        BlockKind::Reasoning(_) | BlockKind::ToolCall { .. } | BlockKind::ToolResult { .. } => {
            return Err("it has no place in a content");
        }
    }
    Ok(())
}

/// PCACHE-1
pub(super) fn write_mark(holder: &mut ObjectWriter<'_>, mark: &CacheMark) {
    object(holder.value("cache_control"), |control| {
        control.string("type", "ephemeral");
        if let Some(ttl) = &mark.ttl {
            control.string("ttl", ttl);
        }
    });
}
