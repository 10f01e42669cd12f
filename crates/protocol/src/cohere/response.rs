//! A provider's whole answer → exchange. wire-formats 6

use serde_json::value::RawValue;

use super::wire::{arguments, finish, logprobs, malformed};
use super::{citations, error, usage};
use crate::Dialect;
use crate::exchange::{
    Block, BlockKind, Choice, Extras, Fault, ReasoningBlock, ReasoningContent, ReasoningFormat,
    Response, Role, Turn,
};
use crate::json::lenient::{elements, object, text, words};
use crate::json::{MAX_DEPTH, Object, RawJson};
use crate::openai_chat::tool_call_id;
use crate::target::ResponseContext;

/// Reads a whole answer. What has no message is an error, whatever its status. Bug 11
pub fn decode_response(body: &[u8], context: &ResponseContext) -> Result<Response, Fault> {
    let mut whole = parse(body)?;
    let Some(message) = object(whole.peek("message")) else {
        return Err(if whole.peek("message").is_some() || whole.peek("error").is_some() {
            error::decode_error(200, None, body)
        } else {
            malformed("it has no message")
        });
    };
    whole.take_raw("message");
    let id = words(whole.take_raw("id"));
    let mut blocks = Vec::new();
    for entry in content(message.peek("content")) {
        take(entry, context, &mut blocks)?;
    }
    cite(&message, &mut blocks);
    if let Some(plan) = words(message.peek("tool_plan")).filter(|_| !context.exclude_reasoning) {
        blocks.push(reasoning(plan));
    }
    for (at, entry) in elements(message.peek("tool_calls")).into_iter().enumerate() {
        let call = object(Some(entry)).ok_or_else(|| malformed("a call is not an object"))?;
        let function = object(call.peek("function")).unwrap_or_default();
        let name = text(function.peek("name")).unwrap_or_default();
        blocks.push(Block::new(BlockKind::ToolCall {
            id: words(call.peek("id"))
                .unwrap_or_else(|| tool_call_id(id.as_deref().unwrap_or_default(), 0, at as u32)),
            name: context.declared_name(&name).to_owned(),
            arguments: arguments(text(function.peek("arguments"))),
        }));
    }
    let native = words(whole.take_raw("finish_reason"));
    let calls = blocks.iter().any(|block| matches!(block.kind, BlockKind::ToolCall { .. }));
    let told = native.is_some() || context.no_finish_reason || calls;
    let counts = usage::read(whole.take_raw("usage"));
    let logprobs = logprobs(elements(whole.take_raw("logprobs")));
    Ok(Response {
        id,
        choices: vec![Choice {
            index: 0,
            turn: Turn::new(Role::Assistant, blocks),
            finish: told.then(|| finish(native.as_deref(), calls)),
            native_finish: native,
            logprobs,
            extras: Extras::default(),
        }],
        usage: counts,
        extras: Extras::of(Dialect::Cohere, whole.into_members()),
        ..Response::default()
    })
}

fn parse(body: &[u8]) -> Result<Object<'_>, Fault> {
    let text = simdutf8::basic::from_utf8(body).map_err(|_| malformed("it is not UTF-8"))?;
    if crate::json::envelope::check_depth(body).is_err() {
        return Err(malformed(&format!("it is nested deeper than {MAX_DEPTH} levels")));
    }
    Object::parse(text).map_err(|_| malformed("it is not a JSON object"))
}

/// The blocks of the content; a plain text is one.
fn content(raw: Option<&RawValue>) -> Vec<&RawValue> {
    match raw {
        Some(raw) if raw.get().starts_with('"') => vec![raw],
        other => elements(other),
    }
}

fn take(entry: &RawValue, context: &ResponseContext, blocks: &mut Vec<Block>) -> Result<(), Fault> {
    if let Some(plain) = text(Some(entry)) {
        blocks.push(Block::text(plain));
        return Ok(());
    }
    let block = object(Some(entry)).ok_or_else(|| malformed("a block is not an object"))?;
    match block.peek_str("type").as_deref() {
        Some("thinking") if context.exclude_reasoning => {}
        Some("thinking") => {
            blocks.push(reasoning(text(block.peek("thinking")).unwrap_or_default()));
        }
        Some("text") => blocks.push(Block::text(text(block.peek("text")).unwrap_or_default())),
        _ => blocks.push(Block::new(BlockKind::Opaque {
            origin: Dialect::Cohere,
            raw: RawJson::from_raw(entry),
        })),
    }
    Ok(())
}

/// Reasoning, which is never sent back. wire-formats 12.4
fn reasoning(text: String) -> Block {
    Block::new(BlockKind::Reasoning(ReasoningBlock {
        content: ReasoningContent::Text { text, signature: None },
        id: None,
        format: ReasoningFormat::Unknown,
    }))
}

/// Gives the texts their annotations. Citations count the blocks of the message's content.
fn cite(message: &Object<'_>, blocks: &mut [Block]) {
    let kinds: Vec<bool> = content(message.peek("content"))
        .into_iter()
        .map(|entry| {
            text(Some(entry)).is_some()
                || object(Some(entry))
                    .is_some_and(|block| block.peek_str("type").as_deref() == Some("text"))
        })
        .collect();
    for raw in elements(message.peek("citations")) {
        let Some(citation) = object(Some(raw)) else { continue };
        let Some(place) = citations::place(&citation) else { continue };
        // The text of that block, or the last one where there is none.
        let place = usize::try_from(place).unwrap_or(usize::MAX).min(kinds.len());
        let nth = kinds.iter().take(place).filter(|is_text| **is_text).count();
        let mut start = 0;
        let mut texts = blocks.iter_mut().filter_map(|block| match &mut block.kind {
            BlockKind::Text { text, annotations } => Some((text, annotations)),
            _ => None,
        });
        let mut found = None;
        for (at, (text, annotations)) in texts.by_ref().enumerate() {
            if at == nth {
                found = Some(annotations);
                break;
            }
            start += text.chars().count() as u64;
        }
        if let Some(found) = found {
            found.extend(citations::annotations(&citation, start));
        }
    }
}
