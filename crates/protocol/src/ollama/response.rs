//! A provider's answers → exchange: whole ones, and the lines of a stream, which have the same
//! form. wire-formats 10, Bug 29

use serde_json::value::RawValue;

use super::error;
use crate::Dialect;
use crate::exchange::{
    ErrorType, Event, Extras, Fault, FinishReason, MediaSource, ReasoningDelta, ReasoningFormat,
    Response, Usage, fold,
};
use crate::json::half::Half;
use crate::json::lenient::{elements, object, piece, text, tokens, words};
use crate::json::write::{into_text, key};
use crate::json::{MAX_DEPTH, Object, RawJson, compact};
use crate::openai_chat::think::{Split, ThinkTags};
use crate::openai_chat::tool_call_id;
use crate::target::ResponseContext;

/// The most calls of one answer.
const MOST_CALLS: u32 = 10_000;

/// Members of an answer that are read; what is left is nobody's business but this dialect's.
const READ: [&str; 9] = [
    "model",
    "created_at",
    "message",
    "done",
    "done_reason",
    "prompt_eval_count",
    "eval_count",
    "logprobs",
    "error",
];

/// Reads a whole answer.
pub fn decode_response(body: &[u8], context: &ResponseContext) -> Result<Response, Fault> {
    let mut reading = Reading::new(context.clone());
    let mut events = Vec::new();
    reading.take(body, &mut events)?;
    if !reading.is_done() && !context.no_finish_reason {
        return Err(malformed("it is not done"));
    }
    reading.end(&mut events);
    let mut response = fold(events);
    if let Some(whole) =
        simdutf8::basic::from_utf8(body).ok().and_then(|text| Object::parse(text).ok())
    {
        let mut left = whole.into_members();
        left.retain(|(name, _)| !READ.contains(&name.as_str()));
        response.extras = Extras::of(Dialect::Ollama, left);
    }
    Ok(response)
}

/// An answer that cannot be read.
fn malformed(why: &str) -> Fault {
    Fault::new(ErrorType::ProviderUnavailable, format!("The provider's answer is malformed: {why}"))
}

/// An answer as it is read, in one piece or in many.
#[derive(Debug)]
pub(super) struct Reading {
    context: ResponseContext,
    tags: ThinkTags,
    started: bool,
    /// Marks this answer among others, for the ids of its calls.
    mark: String,
    tool_calls: u32,
    done: Option<Option<String>>,
    /// Half a character at the end of the content, and of the thought, so far.
    text_half: Half,
    thought_half: Half,
}

impl Reading {
    pub(super) fn new(context: ResponseContext) -> Self {
        Self {
            tags: ThinkTags::new(context.think_tags),
            context,
            started: false,
            mark: String::new(),
            tool_calls: 0,
            done: None,
            text_half: Half::default(),
            thought_half: Half::default(),
        }
    }

    /// Whether the provider said that the answer is whole.
    pub(super) const fn is_done(&self) -> bool {
        self.done.is_some()
    }

    /// Whether anything was read.
    pub(super) const fn has_begun(&self) -> bool {
        self.started
    }

    /// Reads one answer or one line of a stream.
    pub(super) fn take(&mut self, body: &[u8], events: &mut Vec<Event>) -> Result<(), Fault> {
        let whole = simdutf8::basic::from_utf8(body).map_err(|_| malformed("it is not UTF-8"))?;
        if crate::json::envelope::check_depth(body).is_err() {
            return Err(malformed(&format!("it is nested deeper than {MAX_DEPTH} levels")));
        }
        let whole = Object::parse(whole).map_err(|_| malformed("it is not a JSON object"))?;
        if let Some(fault) = error::inside(&whole, body) {
            return Err(fault);
        }
        let message = object(whole.peek("message"));
        let done = whole.peek("done").map(RawValue::get) == Some("true");
        if message.is_none() && !done {
            return Err(malformed("it has no message"));
        }
        self.start(&whole, events);
        if let Some(message) = &message {
            self.message(message, events)?;
        }
        let logprobs = elements(whole.peek("logprobs"));
        events.extend(openai_logprobs(&logprobs).map(|raw| Event::Logprobs { choice: 0, raw }));
        if done {
            self.done = Some(words(whole.peek("done_reason")));
            events.extend(usage(&whole).map(Event::Usage));
        }
        Ok(())
    }

    fn start(&mut self, whole: &Object<'_>, events: &mut Vec<Event>) {
        if std::mem::replace(&mut self.started, true) {
            return;
        }
        let model = words(whole.peek("model"));
        let created = text(whole.peek("created_at")).unwrap_or_default();
        self.mark = format!("{} {created}", model.as_deref().unwrap_or_default());
        self.mark = self.mark.chars().take(256).collect();
        events.push(Event::Start {
            id: None,
            model,
            created: None,
            service_tier: None,
            system_fingerprint: None,
        });
    }

    fn message(&mut self, message: &Object<'_>, events: &mut Vec<Event>) -> Result<(), Fault> {
        if let Some(thought) = piece(message.peek("thinking"), &mut self.thought_half) {
            self.reason(thought, events);
        }
        if let Some(text) = piece(message.peek("content"), &mut self.text_half) {
            self.text(text, events);
        }
        for raw in elements(message.peek("images")) {
            if let Some(data) = words(Some(raw)) {
                let media_type = "image/png".to_owned();
                let source = MediaSource::Base64 { media_type, data };
                events.push(Event::Image { choice: 0, source });
            }
        }
        for raw in elements(message.peek("tool_calls")) {
            let call = object(Some(raw)).ok_or_else(|| malformed("a call is not an object"))?;
            self.call(&call, events)?;
        }
        Ok(())
    }

    fn text(&mut self, text: String, events: &mut Vec<Event>) {
        if self.tags.is_watching() {
            let split = self.tags.take(&text);
            self.tell(split, events);
        } else {
            events.push(Event::Text { choice: 0, text });
        }
    }

    fn tell(&self, split: Split, events: &mut Vec<Event>) {
        if !split.thought.is_empty() {
            self.reason(split.thought, events);
        }
        if !split.text.is_empty() {
            events.push(Event::Text { choice: 0, text: split.text });
        }
    }

    fn reason(&self, text: String, events: &mut Vec<Event>) {
        if !self.context.exclude_reasoning {
            events.push(Event::Reasoning {
                choice: 0,
                index: 0,
                id: None,
                format: ReasoningFormat::Unknown,
                delta: ReasoningDelta::Text(text),
            });
        }
    }

    /// A call, which always comes whole; older versions give it no id.
    fn call(&mut self, call: &Object<'_>, events: &mut Vec<Event>) -> Result<(), Fault> {
        if self.tool_calls >= MOST_CALLS {
            return Err(malformed("it has too many calls"));
        }
        let function =
            object(call.peek("function")).ok_or_else(|| malformed("a call has no function"))?;
        let name = text(function.peek("name")).unwrap_or_default();
        let index = self.tool_calls;
        self.tool_calls += 1;
        let id = words(call.peek("id")).unwrap_or_else(|| tool_call_id(&self.mark, 0, index));
        let name = self.context.declared_name(&name).to_owned();
        events.push(Event::ToolCallStart { choice: 0, index, id, name });
        let arguments = arguments(function.peek("arguments"));
        events.push(Event::ToolCallArguments { choice: 0, index, arguments });
        Ok(())
    }

    /// Ends the answer. That it calls tools the provider does not say. Bugs 15, 29
    pub(super) fn end(&mut self, events: &mut Vec<Event>) {
        // What stands for halves of characters whose other half never came.
        if let Some(text) = self.thought_half.end() {
            self.reason(text, events);
        }
        if let Some(text) = self.text_half.end() {
            self.text(text, events);
        }
        let rest = self.tags.release();
        self.tell(rest, events);
        let native = self.done.take().flatten();
        let calls = self.tool_calls > 0;
        let reason = match native.as_deref() {
            Some("length") => FinishReason::Length,
            // The model was only brought into memory, or out of it.
            Some("load" | "unload") => FinishReason::Error,
            _ if calls => FinishReason::ToolCalls,
            _ => FinishReason::Stop,
        };
        events.push(Event::Finish { choice: 0, reason, native });
    }
}

/// A call's arguments: an object, or in some versions the text of one. Bug 3
fn arguments(raw: Option<&RawValue>) -> String {
    match raw.map(RawValue::get) {
        None | Some("null") => "{}".to_owned(),
        Some(json) => match text(raw) {
            Some(told) if told.trim().is_empty() || told.trim() == "null" => "{}".to_owned(),
            Some(told) => told,
            None => compact(json),
        },
    }
}

/// The counts of the last line. A prompt that was cached may have none.
fn usage(whole: &Object<'_>) -> Option<Usage> {
    let (input, output) =
        (tokens(whole.peek("prompt_eval_count")), tokens(whole.peek("eval_count")));
    (input.is_some() || output.is_some()).then(|| Usage {
        input: input.unwrap_or(0),
        output: output.unwrap_or(0),
        ..Usage::default()
    })
}

/// The entries have OpenAI's form already, but for the object around them.
fn openai_logprobs(entries: &[&RawValue]) -> Option<RawJson> {
    if entries.is_empty() {
        return None;
    }
    let mut out = vec![b'{'];
    key(&mut out, "content");
    crate::json::write::array(&mut out, entries, |out, entry| {
        out.extend_from_slice(entry.get().as_bytes());
    });
    out.push(b'}');
    RawJson::parse(into_text(out)).ok()
}
