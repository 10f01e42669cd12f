//! One message of a caller's conversation. CHAT-7

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::part::{content, optional_string, required, required_string, take_mark};
use super::thought;
use crate::Dialect;
use crate::exchange::{Block, BlockKind, Extras, Fault, MediaSource, Origin, Role, Turn};
use crate::json::{Object, RawJson};
use crate::openai_chat::custom;
use crate::openai_chat::facts::{CallIds, role_of};
use crate::openai_chat::read::{
    Place, array, is_null, is_object, is_string, lenient_object, object, string,
};

pub(super) fn decode<'a>(
    raw: &'a RawValue,
    place: &Place<'_>,
    calls: &mut CallIds<'a>,
) -> Result<Turn, Fault> {
    let mut message = object(raw, place)?;
    let role = role_of(&message, place)?;
    message.take_raw("role");
    let name = optional_string(&mut message, "name", place)?.map(Cow::into_owned);
    match role {
        Role::Assistant => assistant(message, name, place, calls),
        Role::Tool => tool(message, name, place, calls),
        Role::System | Role::Developer | Role::User => {
            let raw = required(&mut message, "content", place)?;
            let mut blocks = content(raw, &place.member("content"))?;
            mark_last(&mut message, &mut blocks, place)?;
            Ok(Turn { role, name, blocks, extras: rest(message) })
        }
    }
}

fn rest(message: Object<'_>) -> Extras {
    let members = message.into_members();
    Extras::of(Dialect::OpenaiChat, members.into_iter().filter(|(_, raw)| !raw.is_null()).collect())
}

/// A mark on the message is one on its last block.
fn mark_last(
    message: &mut Object<'_>,
    blocks: &mut [Block],
    place: &Place<'_>,
) -> Result<(), Fault> {
    let mark = take_mark(message, place)?;
    if let (Some(mark), Some(last)) = (mark, blocks.last_mut()) {
        last.cache.get_or_insert(mark);
    }
    Ok(())
}

fn assistant<'a>(
    mut message: Object<'a>,
    name: Option<String>,
    place: &Place<'_>,
    calls: &mut CallIds<'a>,
) -> Result<Turn, Fault> {
    let mut blocks = match message.take_raw("content") {
        Some(raw) => content(raw, &place.member("content"))?,
        None => Vec::new(),
    };
    // An empty text says nothing, and some protocols refuse it. Bug 14
    blocks.retain(|block| !matches!(&block.kind, BlockKind::Text { text, .. } if text.is_empty()));
    if let Some(text) = optional_string(&mut message, "refusal", place)?
        && !text.is_empty()
    {
        blocks.push(Block::new(BlockKind::Refusal { text: text.into_owned() }));
    }
    if let Some(raw) = message.take_raw("annotations").filter(|raw| !is_null(raw)) {
        annotate(raw, &mut blocks, &place.member("annotations"))?;
    }
    if let Some(raw) = message.take_raw("images").filter(|raw| !is_null(raw)) {
        for image in array(raw, &place.member("images"))? {
            blocks.extend(image_of(image));
        }
    }
    if let Some(raw) = message.take_raw("audio").filter(|raw| !is_null(raw)) {
        blocks.push(audio_of(raw, &place.member("audio"))?);
    }
    let mut made = Vec::new();
    if let Some(raw) = message.take_raw("tool_calls").filter(|raw| !is_null(raw)) {
        let place = place.member("tool_calls");
        for (at, raw) in array(raw, &place)?.into_iter().enumerate() {
            made.push(call(raw, &place.element(at), calls)?);
        }
    }
    // The mark stands after all of the message. PCACHE-1
    let marked = if made.is_empty() { &mut blocks } else { &mut made };
    mark_last(&mut message, marked, place)?;
    let reasoning = thought::take(&mut message);
    Ok(Turn {
        role: Role::Assistant,
        name,
        blocks: thought::arrange(reasoning, blocks, made),
        extras: rest(message),
    })
}

fn annotate(raw: &RawValue, blocks: &mut Vec<Block>, place: &Place<'_>) -> Result<(), Fault> {
    let found: Vec<RawJson> = array(raw, place)?.into_iter().map(RawJson::from_raw).collect();
    if found.is_empty() {
        return Ok(());
    }
    let last = blocks.iter_mut().rev().find_map(|block| match &mut block.kind {
        BlockKind::Text { annotations, .. } => Some(annotations),
        _ => None,
    });
    match last {
        Some(annotations) => *annotations = found,
        None => {
            blocks.push(Block::new(BlockKind::Text { text: String::new(), annotations: found }))
        }
    }
    Ok(())
}

/// An image the model made, come back.
pub(super) fn image_of(raw: &RawValue) -> Option<Block> {
    let image = lenient_object(raw)?;
    let raw = image.peek("image_url")?;
    let url = match lenient_object(raw) {
        Some(object) => object.peek_str("url")?,
        None => image.peek_str("image_url")?,
    };
    let source = MediaSource::from_url(&url);
    Some(Block::new(BlockKind::Image { source, detail: None }))
}

/// Audio the model made, come back: whole, or by its id. MMIN-6
fn audio_of(raw: &RawValue, place: &Place<'_>) -> Result<Block, Fault> {
    let mut audio = object(raw, place)?;
    let data = optional_string(&mut audio, "data", place)?;
    let id = optional_string(&mut audio, "id", place)?;
    let transcript = optional_string(&mut audio, "transcript", place)?.map(Cow::into_owned);
    let source = match (data, id) {
        (Some(data), None) if !data.is_empty() => {
            MediaSource::Base64 { media_type: "audio/pcm".to_owned(), data: data.into_owned() }
        }
        (_, Some(id)) => MediaSource::FileId(id.into_owned()),
        _ => return Err(place.refuse("needs `id` or `data`")),
    };
    Ok(Block::new(BlockKind::Audio { source, format: "pcm16".to_owned(), transcript }))
}

fn call<'a>(raw: &'a RawValue, place: &Place<'_>, calls: &mut CallIds<'a>) -> Result<Block, Fault> {
    let mut call = object(raw, place)?;
    let id = required_string(&mut call, "id", place)?;
    calls.add(id.clone());
    if let Some((name, arguments, extras)) = custom::call(&call) {
        return Ok(Block {
            kind: BlockKind::ToolCall { id: id.into_owned(), name, arguments },
            cache: None,
            extras,
            origin: Origin::Unknown,
        });
    }
    call.take_raw("type");
    call.take_raw("index");
    let place = place.member("function");
    let Some(function) = call.take_raw("function") else {
        return Err(place.refuse("is missing"));
    };
    let mut function = object(function, &place)?;
    let name = required_string(&mut function, "name", &place)?.into_owned();
    let arguments = match function.take_raw("arguments") {
        Some(raw) if is_string(raw) => string(raw, &place.member("arguments"))?.into_owned(),
        Some(raw) if is_object(raw) => raw.get().to_owned(),
        Some(raw) if !is_null(raw) => {
            return Err(place.member("arguments").expected("a string", raw));
        }
        _ => String::new(),
    };
    Ok(Block {
        kind: BlockKind::ToolCall { id: id.into_owned(), name, arguments },
        cache: None,
        extras: rest(call),
        origin: Origin::Unknown,
    })
}

fn tool<'a>(
    mut message: Object<'a>,
    name: Option<String>,
    place: &Place<'_>,
    calls: &CallIds<'a>,
) -> Result<Turn, Fault> {
    let id = required_string(&mut message, "tool_call_id", place)?;
    calls.check(&id, &place.member("tool_call_id"))?;
    let raw = required(&mut message, "content", place)?;
    let blocks = content(raw, &place.member("content"))?;
    let cache = take_mark(&mut message, place)?;
    let result = Block {
        kind: BlockKind::ToolResult {
            call_id: id.into_owned(),
            name,
            content: blocks,
            is_error: false,
        },
        cache,
        extras: Extras::default(),
        origin: Origin::Unknown,
    };
    Ok(Turn { role: Role::Tool, name: None, blocks: vec![result], extras: rest(message) })
}
