//! One candidate, part by part → events. A whole answer and a stream go the same way.

use std::borrow::Cow;

use super::chunk::{FunctionCall, Part};
use super::partial::PartialArguments;
use crate::Dialect;
use crate::exchange::{Event, MediaSource, ReasoningDelta, ReasoningFormat};
use crate::json::half::{Half, Quoted};
use crate::json::{RawJson, compact};
use crate::target::ResponseContext;
use serde_json::value::RawValue;

/// How much text is kept to turn byte offsets of citations into character offsets.
const MAX_TEXT_KEPT: usize = 1024 * 1024;

/// A part could not be read.
#[derive(Debug, PartialEq, Eq)]
pub(in super::super) struct Malformed;

/// Where a candidate stands.
#[derive(Debug, Default)]
pub(in super::super) struct CandidateState {
    pub(in super::super) index: u32,
    reasoning: u32,
    thinking: bool,
    calls: u32,
    open_call: Option<OpenCall>,
    /// The provider's last word on why it ended.
    pub(in super::super) finish: Option<String>,
    /// What it rests on; later metadata replace earlier ones.
    pub(in super::super) grounding: Option<String>,
    /// The text so far, for the offsets of citations.
    pub(in super::super) text: String,
    /// Half a character at the end of the text, and of the thought, so far.
    text_half: Half,
    thought_half: Half,
}

#[derive(Debug)]
struct OpenCall {
    id: Option<String>,
    name: String,
    signature: Option<String>,
    arguments: PartialArguments,
}

impl CandidateState {
    /// A candidate from which nothing was heard.
    pub(in super::super) fn new(index: u32) -> Self {
        Self { index, ..Self::default() }
    }

    /// Whether it called a function.
    pub(in super::super) const fn called(&self) -> bool {
        self.calls > 0 || self.open_call.is_some()
    }

    /// Takes one part.
    pub(in super::super) fn part(
        &mut self,
        raw: &RawValue,
        response_id: &str,
        context: &ResponseContext,
        events: &mut Vec<Event>,
    ) -> Result<(), Malformed> {
        if raw.get() == "null" {
            return Ok(());
        }
        let part: Part<'_> = serde_json::from_str(raw.get()).map_err(|_| Malformed)?;
        let signature = part.thought_signature.map(Quoted::text).filter(|text| !text.is_empty());
        if let Some(call) = part.function_call {
            self.thinking = false;
            return self.call(call, signature, response_id, context, events);
        }
        if part.thought == Some(true) {
            let text = part.text.map(|text| text.join(&mut self.thought_half));
            self.thought(text, signature, context, events);
            return Ok(());
        }
        if let Some(data) = part.inline_data {
            self.thinking = false;
            let media_type = data.mime_type.map_or(Cow::Borrowed(""), Quoted::text);
            let Some(data) = data.data else {
                return self.opaque(raw, events);
            };
            if media_type.starts_with("image/") {
                let source = MediaSource::Base64 {
                    media_type: media_type.into_owned(),
                    data: data.text().into_owned(),
                };
                events.push(Event::Image { choice: self.index, source });
            } else if media_type.starts_with("audio/") {
                events.push(Event::Audio {
                    choice: self.index,
                    id: None,
                    data: Some(data.text().into_owned()),
                    transcript: None,
                    expires_at: None,
                });
            } else {
                return self.opaque(raw, events);
            }
            self.signature(None, signature, context, events);
            return Ok(());
        }
        match part.text {
            Some(text) => {
                let text = text.join(&mut self.text_half);
                self.thinking &= text.is_empty();
                self.say(text.into_owned(), events);
                self.signature(None, signature, context, events);
                Ok(())
            }
            None if signature.is_some() && only_a_signature(raw) => {
                self.signature(None, signature, context, events);
                Ok(())
            }
            None => self.opaque(raw, events),
        }
    }

    fn say(&mut self, text: String, events: &mut Vec<Event>) {
        if text.is_empty() {
            return;
        }
        if self.text.len() + text.len() <= MAX_TEXT_KEPT {
            self.text.push_str(&text);
        }
        events.push(Event::Text { choice: self.index, text });
    }

    /// The end: nothing more comes of what has begun.
    pub(in super::super) fn end(
        &mut self,
        response_id: &str,
        context: &ResponseContext,
        events: &mut Vec<Event>,
    ) {
        if let Some(text) = self.thought_half.end() {
            self.thought(Some(Cow::Owned(text)), None, context, events);
        }
        if let Some(text) = self.text_half.end() {
            self.say(text, events);
        }
        self.close(response_id, context, events);
    }

    /// A call that never ended is told as far as it came.
    fn close(&mut self, response_id: &str, context: &ResponseContext, events: &mut Vec<Event>) {
        if let Some(open) = self.open_call.take() {
            let arguments = open.arguments.finish();
            let id = open.id.as_deref();
            let signature = open.signature.map(Cow::Owned);
            self.whole(id, &open.name, arguments, signature, response_id, context, events);
        }
    }

    fn thought(
        &mut self,
        text: Option<Cow<'_, str>>,
        signature: Option<Cow<'_, str>>,
        context: &ResponseContext,
        events: &mut Vec<Event>,
    ) {
        if context.exclude_reasoning {
            return;
        }
        let text = text.filter(|text| !text.is_empty());
        if text.is_none() && signature.is_none() {
            return;
        }
        if !self.thinking {
            self.thinking = true;
            self.reasoning = self.reasoning.saturating_add(1);
        }
        let deltas = [
            text.map(|text| ReasoningDelta::Text(text.into_owned())),
            signature.map(|data| ReasoningDelta::Signature(data.into_owned())),
        ];
        for delta in deltas.into_iter().flatten() {
            // A signature ends its block: signed blocks are never merged.
            self.thinking = !matches!(delta, ReasoningDelta::Signature(_));
            events.push(Event::Reasoning {
                choice: self.index,
                index: self.reasoning - 1,
                id: None,
                format: ReasoningFormat::Gemini,
                delta,
            });
        }
    }

    fn signature(
        &mut self,
        call_id: Option<&str>,
        signature: Option<Cow<'_, str>>,
        context: &ResponseContext,
        events: &mut Vec<Event>,
    ) {
        let Some(data) = signature.filter(|_| !context.exclude_reasoning) else { return };
        self.thinking = false;
        self.reasoning = self.reasoning.saturating_add(1);
        events.push(Event::Reasoning {
            choice: self.index,
            index: self.reasoning - 1,
            id: call_id.map(str::to_owned),
            format: ReasoningFormat::Gemini,
            delta: ReasoningDelta::Encrypted(data.into_owned()),
        });
    }

    fn opaque(&mut self, raw: &RawValue, events: &mut Vec<Event>) -> Result<(), Malformed> {
        self.thinking = false;
        if raw.get() != "{}" {
            let raw = RawJson::from_raw(raw);
            events.push(Event::Opaque { origin: Dialect::Gemini, raw });
        }
        Ok(())
    }

    fn call(
        &mut self,
        call: FunctionCall<'_>,
        signature: Option<Cow<'_, str>>,
        response_id: &str,
        context: &ResponseContext,
        events: &mut Vec<Event>,
    ) -> Result<(), Malformed> {
        let name = call.name.map(Quoted::text).filter(|name| !name.is_empty());
        let continues = call.will_continue == Some(true);
        let pieces = call.partial_args.unwrap_or_default();
        if name.is_some() {
            // A new call ends the one before.
            self.close(response_id, context, events);
        }
        if self.open_call.is_none() {
            let Some(name) = name else { return Ok(()) };
            let id = call.id.map(Quoted::text).filter(|id| !id.is_empty());
            if !continues && pieces.is_empty() {
                let arguments = call
                    .args
                    .filter(|args| args.get().starts_with('{'))
                    .map_or_else(|| "{}".to_owned(), |args| compact(args.get()));
                let id = id.as_deref();
                self.whole(id, &name, arguments, signature, response_id, context, events);
                return Ok(());
            }
            self.open_call = Some(OpenCall {
                id: id.map(Cow::into_owned),
                name: name.into_owned(),
                signature: None,
                arguments: PartialArguments::new(call.args.map(RawValue::get)),
            });
        }
        if let Some(open) = &mut self.open_call {
            if let Some(signature) = signature {
                open.signature.get_or_insert_with(|| signature.into_owned());
            }
            for piece in &pieces {
                open.arguments.add(piece).map_err(|_| Malformed)?;
            }
        }
        if !continues {
            self.close(response_id, context, events);
        }
        Ok(())
    }

    #[expect(clippy::too_many_arguments, reason = "each is one member of the call")]
    fn whole(
        &mut self,
        id: Option<&str>,
        name: &str,
        arguments: String,
        signature: Option<Cow<'_, str>>,
        response_id: &str,
        context: &ResponseContext,
        events: &mut Vec<Event>,
    ) {
        let index = self.calls;
        self.calls = self.calls.saturating_add(1);
        let id = match id {
            Some(id) => id.to_owned(),
            None => generated_id(index, self.index, response_id, name, &arguments),
        };
        self.signature(Some(&id), signature, context, events);
        let choice = self.index;
        let name = context.declared_name(name).to_owned();
        events.push(Event::ToolCallStart { choice, index, id, name });
        events.push(Event::ToolCallArguments { choice, index, arguments });
    }
}

/// Whether a part says nothing but its signature.
fn only_a_signature(raw: &RawValue) -> bool {
    crate::json::Object::of(raw)
        .is_ok_and(|object| object.iter().all(|(name, _)| name == "thoughtSignature"))
}

/// An id for a call that came without one: the same bytes give the same id, other answers give
/// other ids.
fn generated_id(
    ordinal: u32,
    choice: u32,
    response_id: &str,
    name: &str,
    arguments: &str,
) -> String {
    // FNV-1a: nothing depends on it being hard to guess.
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let choice = choice.to_le_bytes();
    for bytes in [response_id.as_bytes(), &choice, name.as_bytes(), arguments.as_bytes()] {
        for byte in bytes.iter().chain(&[0xFF]) {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
    format!("call_{ordinal}_{hash:016x}")
}
