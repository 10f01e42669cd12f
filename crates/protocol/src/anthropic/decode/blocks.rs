//! Content blocks of a caller.

use std::collections::HashSet;

use serde_json::value::RawValue;

use super::read::{Members, Path, list, object, text};
use crate::Dialect;
use crate::anthropic::wire::{into_text, raw as write_raw};
use crate::anthropic::{citations, foreign};
use crate::exchange::{
    Block, BlockKind, CacheMark, Extras, Fault, MediaSource, ReasoningBlock, ReasoningContent,
    ReasoningFormat,
};
use crate::json::{RawJson, compact};

/// Reads blocks, and remembers the tool calls met: a result without its call is refused.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    calls: HashSet<String>,
}

impl Blocks {
    /// Content that may be a plain string or a list of blocks.
    pub(super) fn content(
        &mut self,
        raw: &RawValue,
        from_model: bool,
        path: &Path<'_>,
    ) -> Result<Vec<Block>, Fault> {
        if raw.get().starts_with('"') {
            return Ok(vec![Block::text(text(raw, path)?)]);
        }
        if !raw.get().starts_with('[') {
            return Err(path.refuse("expected a string or a list of blocks"));
        }
        let mut written = 0;
        list(raw, path)?
            .into_iter()
            .enumerate()
            .map(|(at, raw)| self.block(raw, from_model, &mut written, &path.element(at)))
            .collect()
    }

    fn block(
        &mut self,
        raw: &RawValue,
        from_model: bool,
        written: &mut u64,
        path: &Path<'_>,
    ) -> Result<Block, Fault> {
        let mut members = Members { object: object(raw, path)?, path };
        let kind = members
            .object
            .peek_str("type")
            .ok_or_else(|| path.member("type").refuse("this member is required"))?
            .into_owned();
        let cache = cache_mark(&mut members)?;
        let kind = match kind.as_str() {
            "text" => {
                let text = members.needed("text")?;
                let start = *written;
                *written += text.chars().count() as u64;
                let annotations = match members.raw("citations") {
                    Some(cited) if from_model => list(cited, &path.member("citations"))?
                        .into_iter()
                        .filter_map(|cited| citations::annotation(cited, start, *written))
                        .collect(),
                    _ => Vec::new(),
                };
                BlockKind::Text { text, annotations }
            }
            "image" => match source(&mut members, false)? {
                Some(source) => BlockKind::Image { source, detail: None },
                None => return Ok(unknown(members, cache)),
            },
            "document" => match source(&mut members, true)? {
                Some(source) => BlockKind::File { source, filename: members.text("title")? },
                None => return Ok(unknown(members, cache)),
            },
            "tool_use" if from_model => {
                let id = members.needed("id")?;
                let name = members.needed("name")?;
                let arguments = match members.raw("input") {
                    None => "{}".to_owned(),
                    Some(input) if input.get().starts_with('{') => compact(input.get()),
                    Some(_) => return Err(path.member("input").refuse("expected an object")),
                };
                self.calls.insert(id.clone());
                BlockKind::ToolCall { id, name, arguments }
            }
            "tool_use" => {
                return Err(path.refuse("tool_use blocks belong into assistant messages"));
            }
            "tool_result" if from_model => {
                return Err(path.refuse("tool_result blocks belong into user messages"));
            }
            "tool_result" => {
                let call_id = members.needed("tool_use_id")?;
                if !self.calls.contains(&call_id) {
                    let shown: String = call_id.chars().take(64).collect();
                    return Err(path.member("tool_use_id").refuse(format_args!(
                        "no earlier assistant message has a tool_use block with the id `{shown}`"
                    )));
                }
                let content = match members.raw("content") {
                    Some(content) => self.content(content, false, &path.member("content"))?,
                    None => Vec::new(),
                };
                let is_error = members.boolean("is_error")?.unwrap_or(false);
                BlockKind::ToolResult { call_id, name: None, content, is_error }
            }
            "thinking" => {
                let text = members.needed("thinking")?;
                let signature = members.text("signature")?.filter(|it| !it.is_empty());
                BlockKind::Reasoning(thinking(text, signature))
            }
            "redacted_thinking" => BlockKind::Reasoning(redacted(members.needed("data")?)),
            _ => return Ok(unknown(members, cache)),
        };
        members.object.take_raw("type");
        let extras = Extras::of(Dialect::Anthropic, members.object.into_members());
        Ok(Block { kind, cache, extras, origin: path.origin() })
    }
}

/// Takes `cache_control`. PCACHE-1
pub(super) fn cache_mark(members: &mut Members<'_, '_>) -> Result<Option<CacheMark>, Fault> {
    let Some(raw) = members.raw("cache_control") else { return Ok(None) };
    let path = members.path.member("cache_control");
    let mut mark = Members { object: object(raw, &path)?, path: &path };
    if mark.needed("type")? != "ephemeral" {
        return Err(path.member("type").refuse("must be `ephemeral`").of_unknown());
    }
    Ok(Some(CacheMark { ttl: mark.text("ttl")? }))
}

/// A block of a kind only this protocol knows; its mark has been taken out already.
fn unknown(members: Members<'_, '_>, cache: Option<CacheMark>) -> Block {
    let origin = members.path.origin();
    let mut out = vec![b'{'];
    for (name, value) in members.object.iter() {
        write_raw(&mut out, name, value.get());
    }
    out.push(b'}');
    let raw = RawJson::parse(into_text(out));
    let kind = match raw {
        Ok(raw) => BlockKind::Opaque { origin: Dialect::Anthropic, raw },
        Err(_) => BlockKind::Text { text: String::new(), annotations: Vec::new() },
    };
    Block { kind, cache, extras: Extras::default(), origin }
}

/// Takes the source of media; `None`, with everything left in its place, for a kind only this
/// protocol knows.
fn source(members: &mut Members<'_, '_>, text_allowed: bool) -> Result<Option<MediaSource>, Fault> {
    let path = members.path.member("source");
    let raw =
        members.object.peek("source").ok_or_else(|| path.refuse("this member is required"))?;
    let mut source = Members { object: object(raw, &path)?, path: &path };
    let found = match source.needed("type")?.as_str() {
        "base64" => MediaSource::Base64 {
            media_type: source.needed("media_type")?,
            data: source.needed("data")?,
        },
        "url" => MediaSource::from_url(&source.needed("url")?),
        "file" => MediaSource::FileId(source.needed("file_id")?),
        "text" if text_allowed => MediaSource::Text {
            media_type: source.text("media_type")?.unwrap_or_else(|| "text/plain".to_owned()),
            text: source.needed("data")?,
        },
        _ => return Ok(None),
    };
    members.object.take_raw("source");
    Ok(Some(found))
}

/// Bugs 7, 19: what is unsigned stays unsigned, and what another vendor signed goes back to it.
fn thinking(text: String, signature: Option<String>) -> ReasoningBlock {
    let (signature, id, format) = match signature {
        None => (None, None, ReasoningFormat::Unknown),
        Some(text) if !foreign::is_wrapped(&text) => (Some(text), None, ReasoningFormat::Anthropic),
        Some(text) => match foreign::unwrap(&text) {
            Some(it) => (Some(it.data), it.id, it.format),
            None => (None, None, ReasoningFormat::Unknown),
        },
    };
    ReasoningBlock { content: ReasoningContent::Text { text, signature }, id, format }
}

fn redacted(data: String) -> ReasoningBlock {
    let (data, id, format) = match foreign::unwrap(&data) {
        Some(it) => (it.data, it.id, it.format),
        None => (data, None, ReasoningFormat::Anthropic),
    };
    ReasoningBlock { content: ReasoningContent::Encrypted { data }, id, format }
}
