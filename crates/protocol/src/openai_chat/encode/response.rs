//! A whole answer for a caller. CHAT-10 to CHAT-13

use super::thought;
use crate::Dialect;
use crate::exchange::{
    Additions, Block, BlockKind, Choice, Fault, FinishReason, Identity, MediaSource, Response,
};
use crate::openai_chat::error::write_error;
use crate::openai_chat::write::{ObjectWriter, array, object};
use crate::openai_chat::{CallForms, usage};

/// Writes a whole answer for a caller.
pub fn encode_response(
    response: &Response,
    identity: &Identity,
    additions: Additions<'_>,
) -> Vec<u8> {
    encode_response_with_calls(response, identity, additions, &CallForms::default())
}

/// The same with calls in the forms that the caller declared.
pub fn encode_response_with_calls(
    response: &Response,
    identity: &Identity,
    additions: Additions<'_>,
    calls: &CallForms,
) -> Vec<u8> {
    let mut out = Vec::with_capacity(1_024);
    object(&mut out, |answer| {
        answer.string("id", &identity.id);
        answer.string("provider", &identity.provider);
        answer.string("model", &identity.model);
        answer.string("object", "chat.completion");
        answer.number("created", identity.created);
        answer.array("choices", &response.choices, |out, choice| {
            write_choice(out, choice, calls);
        });
        answer.string_or_null("system_fingerprint", response.system_fingerprint.as_deref());
        if let Some(tier) = &response.service_tier {
            answer.string("service_tier", tier);
        }
        answer.members(response.extras.for_dialect(Dialect::OpenaiChat));
        if let Some(counts) = &response.usage {
            usage::write(answer.value("usage"), counts, additions.charge, &[]);
        }
        answer.members(additions.members);
    });
    out
}

fn write_choice(out: &mut Vec<u8>, choice: &Choice, forms: &CallForms) {
    object(out, |entry| {
        entry.number("index", u64::from(choice.index));
        entry.raw("logprobs", choice.logprobs.as_ref().map_or("null", |raw| raw.get()));
        entry
            .string_or_null("finish_reason", choice.finish.map(|reason| forms.finish_name(reason)));
        entry.string_or_null("native_finish_reason", choice.native_finish.as_deref());
        entry.object("message", |message| write_message(message, &choice.turn.blocks, forms));
        if choice.finish == Some(FinishReason::Error) {
            let fault = Fault::of_finish(choice.native_finish.as_deref());
            entry.object("error", |error| write_error(error, &fault));
        }
        let extras = choice.extras.for_dialect(Dialect::OpenaiChat);
        for (name, raw) in extras.iter().filter(|(name, _)| name != "error") {
            entry.raw_of(name, raw.get());
        }
    });
}

fn write_message(message: &mut ObjectWriter<'_>, blocks: &[Block], forms: &CallForms) {
    let mut text = String::new();
    let mut refusal = None::<String>;
    let mut annotations = Vec::new();
    let mut images = Vec::new();
    let mut calls = Vec::new();
    let mut audio = None;
    for block in blocks {
        match &block.kind {
            BlockKind::Text { text: piece, annotations: found } => {
                text.push_str(piece);
                annotations.extend(found);
            }
            BlockKind::Refusal { text } => refusal.get_or_insert_default().push_str(text),
            BlockKind::Image { source, .. } => images.extend(source.to_url()),
            BlockKind::ToolCall { id, name, arguments } => calls.push((id, name, arguments)),
            BlockKind::Audio { source, transcript, .. } => audio = Some((source, transcript)),
            BlockKind::Reasoning(_)
            | BlockKind::Video { .. }
            | BlockKind::File { .. }
            | BlockKind::ToolResult { .. }
            | BlockKind::Opaque { .. } => {}
        }
    }
    message.string("role", "assistant");
    if text.is_empty() && (!calls.is_empty() || refusal.is_some() || audio.is_some()) {
        message.raw("content", "null");
    } else {
        message.string("content", &text);
    }
    message.string_or_null("refusal", refusal.as_deref());
    let reasoning = thought::text(blocks);
    message.string_or_null("reasoning", (!reasoning.is_empty()).then_some(reasoning.as_str()));
    if blocks.iter().any(thought::is_detail) {
        thought::write_details(message, blocks);
    }
    if forms.as_function {
        if let Some((_, name, arguments)) = calls.first() {
            message.object("function_call", |function| {
                CallForms::write_function(function, name, arguments);
            });
        }
    } else if !calls.is_empty() {
        message.array("tool_calls", calls.into_iter().enumerate(), |out, (at, call)| {
            let (id, name, arguments) = call;
            object(out, |entry| {
                entry.number("index", at as u64);
                entry.string("id", id);
                forms.write_call(entry, name, arguments);
            });
        });
    }
    if !images.is_empty() {
        array(message.value("images"), images, |out, url| write_image(out, &url));
    }
    if let Some((source, transcript)) = audio {
        message.object("audio", |audio| {
            if let MediaSource::Base64 { data, .. } = source {
                audio.string("data", data);
            }
            if let Some(transcript) = transcript {
                audio.string("transcript", transcript);
            }
        });
    }
    if !annotations.is_empty() {
        message.array("annotations", annotations, |out, raw| {
            out.extend_from_slice(raw.get().as_bytes());
        });
    }
}

/// Writes an image as callers get it. MMIN-5
pub(in crate::openai_chat) fn write_image(out: &mut Vec<u8>, url: &str) {
    object(out, |image| {
        image.string("type", "image_url");
        image.object("image_url", |inner| inner.string("url", url));
    });
}
