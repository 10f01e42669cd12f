//! A provider's whole answer.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::{message, thought};
use crate::Dialect;
use crate::exchange::{
    Block, BlockKind, Choice, ErrorType, Extras, Fault, FinishReason, MediaSource, Response, Role,
    Turn,
};
use crate::json::{Object, RawJson};
use crate::openai_chat::error::{fault_in_text, fault_inside};
use crate::openai_chat::patch::{MAX_CHOICES, read_parts};
use crate::openai_chat::prefill::Prefill;
use crate::openai_chat::read::{
    is_array, is_null, lenient_array, lenient_count, lenient_object, lenient_string,
};
use crate::openai_chat::think::ThinkTags;
use crate::openai_chat::usage::{self, ChoiceUsages};
use crate::openai_chat::wire;
use crate::target::ResponseContext;

/// Reads a provider's whole answer. An error inside a good status is an error. Bug 11
pub fn decode_response(body: &[u8], context: &ResponseContext) -> Result<Response, Fault> {
    let text = simdutf8::basic::from_utf8(body).map_err(|_| broken("it is not valid UTF-8"))?;
    let mut answer = Object::parse(text)
        .map_err(|_| fault_in_text(text).unwrap_or_else(|| broken("it is not valid JSON")))?;
    if let Some(fault) = fault_inside(&answer) {
        return Err(fault);
    }
    let entries = answer.take_raw("choices").map(lenient_array).unwrap_or_default();
    if entries.is_empty() {
        return Err(broken("it has no choices"));
    }
    if entries.len() > MAX_CHOICES {
        return Err(broken("it has too many choices"));
    }
    let id = take_text(&mut answer, "id");
    let known = id.as_deref().unwrap_or_default();
    let mut choice_usages = ChoiceUsages::default();
    let mut choices = Vec::with_capacity(entries.len());
    for (position, raw) in entries.into_iter().enumerate() {
        let position = u32::try_from(position).unwrap_or(u32::MAX);
        choices.push(choice(raw, position, known, context, &mut choice_usages)?);
    }
    let told = answer.take_raw("usage").filter(|raw| !is_null(raw));
    let groq = || lenient_object(answer.peek("x_groq")?)?.peek("usage");
    let usage = told
        .or_else(groq)
        .and_then(|raw| usage::read(raw, context.reasoning_tokens_on_top))
        .or_else(|| choice_usages.sum())
        .map(|told| usage::with_asked(told, context.search_context));
    let model = take_text(&mut answer, "model");
    let created = answer.take_raw("created").map(lenient_count).filter(|time| *time > 0);
    let service_tier = take_text(&mut answer, "service_tier");
    let system_fingerprint = take_text(&mut answer, "system_fingerprint");
    for written_anew in
        ["object", "provider", "x_groq", "base_resp", "error", "openrouter_metadata"]
    {
        answer.take_raw(written_anew);
    }
    Ok(Response {
        id,
        model,
        created,
        choices,
        usage,
        service_tier,
        system_fingerprint,
        extras: Extras::of(Dialect::OpenaiChat, answer.into_members()),
    })
}

fn broken(why: &str) -> Fault {
    Fault::new(
        ErrorType::ProviderUnavailable,
        format!("Provider returned an invalid answer: {why}"),
    )
}

fn take_text(object: &mut Object<'_>, name: &str) -> Option<String> {
    object
        .take_raw(name)
        .and_then(lenient_string)
        .filter(|text| !text.is_empty())
        .map(Cow::into_owned)
}

fn choice(
    raw: &RawValue,
    position: u32,
    answer: &str,
    context: &ResponseContext,
    usages: &mut ChoiceUsages,
) -> Result<Choice, Fault> {
    let Some(mut choice) = lenient_object(raw) else { return Err(broken("a choice is no object")) };
    let index = choice
        .take_raw("index")
        .and_then(|raw| serde_json::from_str(raw.get()).ok())
        .unwrap_or(position);
    if let Some(raw) = choice.take_raw("usage") {
        usages.take(index, raw, context.reasoning_tokens_on_top);
    }
    let payload = ["message", "delta"]
        .iter()
        .filter_map(|name| choice.take_raw(name))
        .find(|raw| !is_null(raw));
    let mut message = match payload {
        Some(raw) => lenient_object(raw).ok_or_else(|| broken("a message is no object"))?,
        None => Object::default(),
    };
    // The legacy surface has a text in place of a message. CHAT-14
    let text = choice.take_raw("text").and_then(lenient_string);
    let turn = turn(&mut message, text, index, answer, context);
    let calls = turn.blocks.iter().any(|block| matches!(block.kind, BlockKind::ToolCall { .. }));
    let word = take_text(&mut choice, "finish_reason");
    let native = take_text(&mut choice, "native_finish_reason").or_else(|| word.clone());
    let reason = word.as_deref().and_then(wire::finish_reason).unwrap_or(FinishReason::Stop);
    Ok(Choice {
        index,
        turn,
        finish: Some(wire::with_calls(reason, calls)),
        native_finish: native,
        logprobs: choice.take_raw("logprobs").filter(|raw| !is_null(raw)).map(RawJson::from_raw),
        extras: Extras::of(Dialect::OpenaiChat, choice.into_members()),
    })
}

fn turn(
    message: &mut Object<'_>,
    legacy: Option<Cow<'_, str>>,
    index: u32,
    answer: &str,
    context: &ResponseContext,
) -> Turn {
    let mut text = legacy.map(Cow::into_owned).unwrap_or_default();
    let mut thinking = String::new();
    if let Some(raw) = message.take_raw("content") {
        if is_array(raw) {
            (text, thinking) = read_parts(raw);
        } else if let Some(found) = lenient_string(raw) {
            text = found.into_owned();
        }
    }
    let mut prefill = Prefill::new(context.prefill.as_deref());
    if let Some(instead) = prefill.take(&text) {
        text = prefill.release().unwrap_or(instead);
    }
    if context.think_tags {
        let mut tags = ThinkTags::new(true);
        let split = tags.take(&text);
        let held = tags.release();
        thinking.extend([split.thought, held.thought]);
        text = split.text + &held.text;
    }
    let mut blocks = Vec::new();
    let annotations: Vec<RawJson> = message
        .take_raw("annotations")
        .map(lenient_array)
        .unwrap_or_default()
        .into_iter()
        .map(RawJson::from_raw)
        .collect();
    if !text.is_empty() || !annotations.is_empty() {
        blocks.push(Block::new(BlockKind::Text { text, annotations }));
    }
    if let Some(text) = take_text(message, "refusal") {
        blocks.push(Block::new(BlockKind::Refusal { text }));
    }
    if let Some(raw) = message.take_raw("images") {
        blocks.extend(lenient_array(raw).into_iter().filter_map(message::image_of));
    }
    if let Some(audio) = message.take_raw("audio").and_then(audio) {
        blocks.push(audio);
    }
    let mut reasoning = thought::take(message);
    if reasoning.is_empty() && !thinking.is_empty() {
        reasoning.push(thought::plain(thinking));
    }
    if context.exclude_reasoning {
        reasoning.clear();
    }
    let mut calls = Vec::new();
    for raw in message.take_raw("tool_calls").map(lenient_array).unwrap_or_default() {
        calls.extend(call(raw, index, calls.len(), answer, context));
    }
    if calls.is_empty()
        && let Some(raw) = message.take_raw("function_call")
        && let Some(function) = lenient_object(raw)
    {
        calls.push(function_call(&function, wire::tool_call_id(answer, index, 0), context));
    }
    Turn::new(Role::Assistant, thought::arrange(reasoning, blocks, calls))
}

fn audio(raw: &RawValue) -> Option<Block> {
    let audio = lenient_object(raw)?;
    let data = audio.peek_str("data").unwrap_or_default().into_owned();
    let transcript = audio.peek_str("transcript").map(Cow::into_owned);
    (!data.is_empty() || transcript.is_some()).then(|| {
        Block::new(BlockKind::Audio {
            source: MediaSource::Base64 { media_type: "audio/pcm".to_owned(), data },
            format: "pcm16".to_owned(),
            transcript,
        })
    })
}

/// Bugs 3, 29
fn call(
    raw: &RawValue,
    choice: u32,
    position: usize,
    answer: &str,
    context: &ResponseContext,
) -> Option<Block> {
    let call = lenient_object(raw)?;
    let function = lenient_object(call.peek("function")?)?;
    let id = call.peek_str("id").filter(|id| !id.is_empty()).map_or_else(
        || wire::tool_call_id(answer, choice, u32::try_from(position).unwrap_or(u32::MAX)),
        Cow::into_owned,
    );
    Some(function_call(&function, id, context))
}

fn function_call(function: &Object<'_>, id: String, context: &ResponseContext) -> Block {
    let name = function.peek_str("name").unwrap_or_default();
    let arguments = match function.peek("arguments") {
        Some(raw) if !is_null(raw) => {
            lenient_string(raw).map_or_else(|| raw.get().to_owned(), Cow::into_owned)
        }
        _ => String::new(),
    };
    Block::new(BlockKind::ToolCall {
        id,
        name: context.declared_name(&name).to_owned(),
        arguments: if arguments.is_empty() { "{}".to_owned() } else { arguments },
    })
}
