//! One choice of an answer, made into what callers expect: normalised finish reason, reasoning in
//! both its forms, whole tool calls. What needs no change is copied. CHAT-12, REASON-9

use serde_json::value::RawValue;

use super::call::{legacy_call, tool_calls};
use super::changes::Changes;
use crate::exchange::{ErrorType, Fault, FinishReason};
use crate::json::Object;
use crate::openai_chat::calls::Calls;
use crate::openai_chat::error::write_error;
use crate::openai_chat::prefill::Prefill;
use crate::openai_chat::read::{
    is_array, is_null, is_object, is_string, lenient_array, lenient_object, lenient_string,
};
use crate::openai_chat::think::{Split, ThinkTags};
use crate::openai_chat::wire;
use crate::openai_chat::write::{into_text, object, quoted};
use crate::target::ResponseContext;

/// The most choices accepted in one answer.
pub(in crate::openai_chat) const MAX_CHOICES: usize = 128;

/// What is remembered of one choice.
#[derive(Debug)]
pub(super) struct ChoiceState {
    pub(super) index: u32,
    pub(super) finish: Option<(FinishReason, Option<String>)>,
    pub(super) calls: Calls,
    prefill: Prefill,
    think: ThinkTags,
    role_told: bool,
}

/// Whether a choice is a piece of a stream or a whole answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Chunk,
    Whole,
}

/// What the choices of one body share.
pub(super) struct Surroundings<'s> {
    pub(super) shape: Shape,
    pub(super) context: &'s ResponseContext,
    /// The provider's id of the answer, from which missing tool call ids are made.
    pub(super) answer: &'s str,
}

/// What was seen in one choice.
#[derive(Debug, Default)]
pub(super) struct Seen<'a> {
    /// Something the caller would miss.
    pub(super) content: bool,
    /// Its place among the choices of the answer.
    pub(super) index: u32,
    /// The choice ended here.
    pub(super) finished: bool,
    /// Bytes of text, reasoning and arguments.
    pub(super) text_bytes: u64,
    /// The one string that changes from chunk to chunk, if the chunk is otherwise like the next.
    pub(super) varying: Option<&'a RawValue>,
    /// The chunk begins or ends something, or holds several things.
    pub(super) special: bool,
    /// Nothing is left to be sent: the choice had ended before.
    pub(super) stale: bool,
    /// The choice ended because the provider failed, and the chunk does not say more.
    pub(super) fault: Option<Fault>,
    /// Images.
    pub(super) images: u64,
    /// What the choice says that it used.
    pub(super) usage: Option<&'a RawValue>,
    /// A tool call began, or goes on elsewhere: what was learned of indexes holds no longer.
    pub(super) began_call: bool,
}

impl<'a> Seen<'a> {
    pub(super) fn text(&mut self, raw: &'a RawValue) {
        let bytes = raw.get().len().saturating_sub(2);
        if bytes > 0 {
            self.content = true;
            self.text_bytes += bytes as u64;
            self.special |= self.varying.is_some();
            self.varying = Some(raw);
        }
    }
}

fn broken(why: &str) -> Fault {
    Fault::new(
        ErrorType::ProviderUnavailable,
        format!("Provider returned an invalid answer: {why}"),
    )
}

/// Writes one choice. `position` stands in for a missing index.
pub(super) fn patch_choice<'a>(
    raw: &'a RawValue,
    position: u32,
    states: &mut Vec<ChoiceState>,
    around: &Surroundings<'_>,
    out: &mut Vec<u8>,
) -> Result<Seen<'a>, Fault> {
    let Some(choice) = lenient_object(raw) else { return Err(broken("a choice is no object")) };
    let given: Option<u32> =
        choice.peek("index").and_then(|raw| serde_json::from_str(raw.get()).ok());
    let index = given.unwrap_or(position);
    let state = state_of(states, index, around.context)?;
    let mut seen = Seen { index, ..Seen::default() };
    let mut changes = Changes::default();
    if given.is_none() {
        changes.set("index", index.to_string());
    }
    payload(&choice, state, around, &mut seen, &mut changes)?;
    if let Some(told) = choice.peek("usage") {
        // It is told once, and of the whole answer. STREAM-3
        changes.remove_from(&choice, "usage");
        seen.usage = Some(told).filter(|raw| !is_null(raw));
        seen.special |= seen.usage.is_some();
    }
    if choice.peek("logprobs").is_some_and(|raw| !is_null(raw)) {
        seen.content = true;
        seen.special = true;
    }
    let was_finished = state.finish.is_some();
    finish(&choice, state, around, &mut seen, &mut changes);
    if around.shape == Shape::Chunk && was_finished && !seen.content {
        seen.stale = true;
        return Ok(seen);
    }
    if changes.is_empty() {
        out.extend_from_slice(raw.get().as_bytes());
    } else {
        changes.write(&choice, out);
    }
    Ok(seen)
}

fn state_of<'s>(
    states: &'s mut Vec<ChoiceState>,
    index: u32,
    context: &ResponseContext,
) -> Result<&'s mut ChoiceState, Fault> {
    let at = match states.iter().position(|state| state.index == index) {
        Some(at) => at,
        None if states.len() >= MAX_CHOICES => return Err(broken("too many choices")),
        None => {
            states.push(ChoiceState {
                index,
                finish: None,
                calls: Calls::default(),
                prefill: Prefill::new(context.prefill.as_deref()),
                think: ThinkTags::new(context.think_tags),
                role_told: false,
            });
            states.len() - 1
        }
    };
    Ok(&mut states[at])
}

/// The `delta` or the `message`.
fn payload<'a>(
    choice: &Object<'a>,
    state: &mut ChoiceState,
    around: &Surroundings<'_>,
    seen: &mut Seen<'a>,
    changes: &mut Changes,
) -> Result<(), Fault> {
    let (name, other) = match around.shape {
        Shape::Chunk => ("delta", "message"),
        Shape::Whole => ("message", "delta"),
    };
    let mut found = choice.peek(name).filter(|raw| !is_null(raw));
    if found.is_none() {
        found = choice.peek(other).filter(|raw| !is_null(raw));
        changes.remove_from(choice, other);
        changes.set(name, found.map_or("{}", RawValue::get));
    }
    let Some(raw) = found else {
        if around.shape == Shape::Whole {
            changes.set(name, r#"{"role":"assistant","content":""}"#);
        }
        return Ok(());
    };
    let Some(payload) = lenient_object(raw) else { return Err(broken("a message is no object")) };
    let mut inner = Changes::default();
    if around.shape == Shape::Chunk && payload.peek("role").is_some() {
        if state.role_told {
            // Clients that add up strings would repeat it.
            inner.remove("role");
        } else {
            state.role_told = true;
            seen.special = true;
        }
    }
    let ends = choice.peek("finish_reason").and_then(lenient_string);
    let last = around.shape == Shape::Whole || ends.is_some_and(|word| !word.is_empty());
    content(&payload, state, last, around.context, seen, &mut inner);
    reasoning(&payload, around.context, seen, &mut inner);
    if let Some(calls) = payload.peek("tool_calls").filter(|raw| is_array(raw)) {
        if let Some(written) = tool_calls(calls, state, around, seen)? {
            inner.set("tool_calls", written);
        }
    } else if let Some(function) = payload.peek("function_call").filter(|raw| is_object(raw)) {
        inner.remove("function_call");
        inner.set("tool_calls", legacy_call(function, state, around, seen)?);
    }
    if let Some(images) = payload.peek("images") {
        seen.images += lenient_array(images).len() as u64;
    }
    for name in ["images", "audio", "annotations"] {
        let full = |raw: &RawValue| !matches!(raw.get(), "null" | "[]" | "{}" | "\"\"");
        if payload.peek(name).is_some_and(full) {
            seen.content = true;
            seen.special = true;
        }
    }
    if let Some(refusal) = payload.peek("refusal").filter(|raw| is_string(raw)) {
        seen.text(refusal);
    }
    if !inner.is_empty() {
        let mut written = Vec::with_capacity(raw.get().len() + 96);
        inner.write(&payload, &mut written);
        changes.set(name, into_text(written));
    }
    Ok(())
}

fn content<'a>(
    payload: &Object<'a>,
    state: &mut ChoiceState,
    last: bool,
    context: &ResponseContext,
    seen: &mut Seen<'a>,
    changes: &mut Changes,
) {
    let Some(raw) = payload.peek("content") else { return };
    if is_string(raw) {
        seen.text(raw);
        if state.is_watching() {
            seen.special = true;
            let Some(piece) = lenient_string(raw) else { return };
            let Split { thought, text } = state.split(&piece, last);
            seen.content = !text.is_empty() || !(thought.is_empty() || context.exclude_reasoning);
            if text != piece {
                changes.set("content", quoted(&text));
            }
            if !thought.is_empty() {
                set_reasoning(changes, &quoted(&thought));
            }
        }
    } else if is_array(raw) {
        // Mistral's parts: text and thinking.
        seen.special = true;
        let (text, thinking) = read_parts(raw);
        seen.text_bytes += (text.len() + thinking.len()) as u64;
        seen.content |= !text.is_empty() || !thinking.is_empty();
        changes.set("content", quoted(&text));
        if !thinking.is_empty() {
            set_reasoning(changes, &quoted(&thinking));
        }
    }
}

/// The text and the thinking of a content that is an array.
pub(in crate::openai_chat) fn read_parts(raw: &RawValue) -> (String, String) {
    let mut text = String::new();
    let mut thinking = String::new();
    for part in lenient_array(raw) {
        if let Some(piece) = lenient_string(part) {
            text.push_str(&piece);
            continue;
        }
        let Some(part) = lenient_object(part) else { continue };
        if let Some(piece) = part.peek_str("text") {
            text.push_str(&piece);
        }
        match part.peek("thinking") {
            Some(raw) if is_string(raw) => {
                thinking.push_str(&lenient_string(raw).unwrap_or_default());
            }
            Some(raw) => {
                for piece in lenient_array(raw).into_iter().filter_map(lenient_object) {
                    thinking.push_str(&piece.peek_str("text").unwrap_or_default());
                }
            }
            None => {}
        }
    }
    (text, thinking)
}

/// Sets both forms of a reasoning text, given as JSON. REASON-9
fn set_reasoning(changes: &mut Changes, text: &str) {
    changes.set("reasoning", text);
    changes.set(
        "reasoning_details",
        format!(r#"[{{"type":"reasoning.text","text":{text},"format":"unknown","index":0}}]"#),
    );
}

fn reasoning<'a>(
    payload: &Object<'a>,
    context: &ResponseContext,
    seen: &mut Seen<'a>,
    changes: &mut Changes,
) {
    if context.exclude_reasoning {
        for name in ["reasoning", "reasoning_content", "reasoning_details"] {
            if payload.peek(name).is_some() || changes.value(name).is_some() {
                changes.remove(name);
            }
        }
        return;
    }
    let text = ["reasoning_content", "reasoning"]
        .iter()
        .find_map(|name| payload.peek(name).filter(|raw| is_string(raw) && raw.get().len() > 2));
    let details = payload
        .peek("reasoning_details")
        .filter(|raw| is_array(raw) && !lenient_array(raw).is_empty());
    if payload.peek("reasoning_content").is_some() {
        changes.remove("reasoning_content");
    }
    match (details, text) {
        (Some(details), text) => {
            seen.content = true;
            seen.special = true;
            seen.text_bytes += details.get().len() as u64;
            if !payload.peek("reasoning").is_some_and(is_string) {
                let joined = match text {
                    Some(text) => text.get().to_owned(),
                    None => quoted(&details_text(details)),
                };
                if joined != "\"\"" {
                    changes.set("reasoning", joined);
                }
            }
        }
        (None, Some(text)) => {
            seen.text(text);
            set_reasoning(changes, text.get());
        }
        (None, None) => {}
    }
}

fn details_text(details: &RawValue) -> String {
    lenient_array(details)
        .into_iter()
        .filter_map(lenient_object)
        .filter_map(|entry| entry.peek_str("text").or_else(|| entry.peek_str("summary")))
        .collect()
}

/// CHAT-12
fn finish(
    choice: &Object<'_>,
    state: &mut ChoiceState,
    around: &Surroundings<'_>,
    seen: &mut Seen<'_>,
    changes: &mut Changes,
) {
    let told = choice.peek("finish_reason");
    let word = told.and_then(lenient_string);
    let mut reason = word.as_deref().and_then(wire::finish_reason);
    if reason.is_none() && around.shape == Shape::Whole {
        // A whole answer has ended, whether it says so or not.
        reason = Some(FinishReason::Stop);
    }
    let Some(reason) = reason else {
        if told.is_none_or(|raw| !is_null(raw)) {
            changes.set("finish_reason", "null");
        }
        return;
    };
    let reason = wire::with_calls(reason, !state.calls.is_empty());
    let native = choice
        .peek_str("native_finish_reason")
        .or(word.clone())
        .filter(|word| !word.is_empty())
        .map(std::borrow::Cow::into_owned);
    if word.as_deref() != Some(reason.name()) {
        changes.set("finish_reason", format!("\"{}\"", reason.name()));
    }
    if choice.peek("native_finish_reason").is_none() {
        changes.set(
            "native_finish_reason",
            native.as_deref().map_or_else(|| "null".to_owned(), quoted),
        );
    }
    if reason == FinishReason::Error && choice.peek("error").is_none_or(is_null) {
        let fault = Fault::of_finish(native.as_deref());
        match around.shape {
            Shape::Chunk => seen.fault = Some(fault),
            // CHAT-11
            Shape::Whole => {
                let mut written = Vec::new();
                object(&mut written, |error| write_error(error, &fault));
                changes.set("error", into_text(written));
            }
        }
    }
    if state.finish.is_none() {
        state.finish = Some((reason, native));
        seen.finished = true;
        seen.content = seen.content || around.shape == Shape::Chunk;
    }
    seen.special = true;
}

impl ChoiceState {
    /// Whether the beginning of the content has not been decided yet.
    fn is_watching(&self) -> bool {
        self.prefill.is_pending() || self.think.is_watching()
    }

    /// Takes a repeated prefill and thoughts out of a piece of content. With the `last` piece comes
    /// what was held back for more.
    fn split(&mut self, piece: &str, last: bool) -> Split {
        let mut text = self.prefill.take(piece).unwrap_or_else(|| piece.to_owned());
        if last {
            text = self.prefill.release().unwrap_or(text);
        }
        let mut split = self.think.take(&text);
        if last {
            let held = self.think.release();
            split.thought.push_str(&held.thought);
            split.text.push_str(&held.text);
        }
        split
    }

    /// Writes the choices of the chunks that must come before the end of this choice: text held
    /// back, and arguments for calls without any. Bug 3
    pub(super) fn closing_choices(&mut self, context: &ResponseContext) -> Vec<String> {
        let mut choices = Vec::new();
        let Split { thought, text } = self.split("", true);
        if !thought.is_empty() && !context.exclude_reasoning {
            let mut delta = Changes::default();
            set_reasoning(&mut delta, &quoted(&thought));
            let mut written = Vec::new();
            delta.write(&Object::default(), &mut written);
            choices.push(self.choice_with(&into_text(written)));
        }
        if !text.is_empty() {
            choices.push(self.choice_with(&format!(r#"{{"content":{}}}"#, quoted(&text))));
        }
        let bare: Vec<usize> = self.calls.without_arguments().collect();
        for at in bare {
            self.calls.slots[at].arguments = true;
            let call =
                format!(r#"{{"tool_calls":[{{"index":{at},"function":{{"arguments":"{{}}"}}}}]}}"#);
            choices.push(self.choice_with(&call));
        }
        choices
    }

    fn choice_with(&self, delta: &str) -> String {
        let mut out = Vec::new();
        object(&mut out, |choice| {
            choice.number("index", u64::from(self.index));
            choice.raw("delta", delta);
            choice.raw("finish_reason", "null");
        });
        into_text(out)
    }

    /// Whether it ended, or ends now without a word, with a call that never got its name.
    pub(super) fn lacks_a_name(&self) -> bool {
        let reason = self.finish.as_ref().map_or(FinishReason::Stop, |(reason, _)| *reason);
        self.calls.lack_a_name(reason)
    }

    /// Why a choice ended whose provider did not say.
    pub(super) fn silent_reason(&self) -> FinishReason {
        wire::with_calls(FinishReason::Stop, !self.calls.is_empty())
    }

    /// The last choice of a stream that ended well without a word. wire-formats 12.1
    pub(super) fn silent_end(&mut self) -> Option<String> {
        if self.finish.is_some() {
            return None;
        }
        let reason = self.silent_reason();
        self.finish = Some((reason, None));
        Some(format!(
            r#"{{"index":{},"delta":{{"content":""}},"finish_reason":"{}","native_finish_reason":null}}"#,
            self.index,
            reason.name()
        ))
    }
}
