//! A provider's stream → events. wire-formats 6

use serde_json::value::RawValue;

use super::wire::{arguments, finish, logprobs, malformed, position};
use super::{citations, error, usage};
use crate::exchange::{ErrorType, Event, Fault, FinishReason, ReasoningDelta, ReasoningFormat};
use crate::json::Object;
use crate::json::lenient::{object, text, words};
use crate::openai_chat::tool_call_id;
use crate::sse::Frame;
use crate::target::ResponseContext;

/// The most blocks and calls of one answer.
const MOST_BLOCKS: usize = 10_000;

/// The most held back of arguments that may still become `null`, in bytes.
const MOST_HELD: usize = 64;

/// Reads a stream event by event.
#[derive(Debug)]
pub struct StreamDecoder {
    context: ResponseContext,
    id: Option<String>,
    started: bool,
    /// The provider's index of a content block, and where its text begins in the whole content.
    blocks: Vec<(u64, u64)>,
    /// The provider's index of the block whose reasoning is being told, and its ordinal here.
    thinking: Option<(u64, u32)>,
    reasoning: u32,
    /// The ordinal of the plan's reasoning.
    plan: Option<u32>,
    calls: Vec<Call>,
    tool_calls: u32,
    /// Characters of content so far.
    written: u64,
    seen: bool,
    ended: bool,
}

/// A call that has begun and not ended.
#[derive(Debug)]
struct Call {
    /// The provider's index.
    index: u64,
    ordinal: u32,
    /// Arguments held back: they may become `null`, which means none. Bug 3
    held: String,
    told: bool,
}

impl StreamDecoder {
    /// A decoder for the answer to one request.
    pub fn new(context: ResponseContext) -> Self {
        Self {
            context,
            id: None,
            started: false,
            blocks: Vec::new(),
            thinking: None,
            reasoning: 0,
            plan: None,
            calls: Vec::new(),
            tool_calls: 0,
            written: 0,
            seen: false,
            ended: false,
        }
    }

    /// Reads one frame. After a fault or the end of the answer nothing more is told.
    pub fn push(&mut self, frame: &Frame<'_>, events: &mut Vec<Event>) {
        if self.ended || frame.is_done() || frame.data.trim_ascii().is_empty() {
            return;
        }
        if let Err(fault) = self.read(frame, events) {
            self.ended = true;
            events.push(Event::Fault(fault));
        }
    }

    /// Ends the stream: without the event that ends an answer it was cut, and an answer that was
    /// cut is no answer. Bug 16
    pub fn finish(&mut self, events: &mut Vec<Event>) {
        if self.ended {
            return;
        }
        self.ended = true;
        if self.context.no_finish_reason && self.seen {
            self.end(None, events);
        } else {
            events.push(Event::Fault(Fault::new(
                ErrorType::ProviderUnavailable,
                "The provider's stream ended before the answer did",
            )));
        }
    }

    fn read(&mut self, frame: &Frame<'_>, events: &mut Vec<Event>) -> Result<(), Fault> {
        let body =
            std::str::from_utf8(frame.data).map_err(|_| malformed("an event is not UTF-8"))?;
        if crate::json::envelope::check_depth(frame.data).is_err() {
            return Err(malformed("an event is nested too deeply"));
        }
        let data = Object::parse(body)
            .map_err(|_| malformed("an event is not the JSON object it should be"))?;
        let kind = words(data.peek("type")).or_else(|| frame.event.map(str::to_owned));
        let delta = object(data.peek("delta")).unwrap_or_default();
        let message = object(delta.peek("message")).unwrap_or_default();
        let index = position(data.peek("index"));
        match kind.as_deref().unwrap_or_default() {
            "message-start" => {
                self.id = words(data.peek("id")).map(|id| id.chars().take(256).collect());
                self.start(events);
            }
            "content-start" | "content-delta" => {
                self.start(events);
                let content = object(message.peek("content")).unwrap_or_default();
                self.content(index, &content, events)?;
                let told = data.peek("logprobs").and_then(|raw| logprobs([raw]));
                events.extend(told.map(|raw| Event::Logprobs { choice: 0, raw }));
            }
            "tool-plan-delta" => {
                self.start(events);
                if let Some(text) = words(message.peek("tool_plan")) {
                    self.plan(text, events);
                }
            }
            "tool-call-start" => {
                self.start(events);
                self.call(index, message.peek("tool_calls"), events)?;
            }
            "tool-call-delta" => {
                let call = object(message.peek("tool_calls"));
                let function = call.as_ref().and_then(|call| object(call.peek("function")));
                let piece = function.and_then(|it| words(it.peek("arguments")));
                if let Some(at) = self.calls.iter().position(|call| call.index == index) {
                    self.arguments(at, &piece.unwrap_or_default(), events);
                }
            }
            "tool-call-end" => {
                if let Some(at) = self.calls.iter().position(|call| call.index == index) {
                    let call = self.calls.remove(at);
                    close(call, events);
                }
            }
            "citation-start" => {
                if let Some(citation) = object(message.peek("citations")) {
                    self.cite(&citation, events);
                }
            }
            "message-end" => self.message_end(&delta, events),
            "content-end" | "citation-end" | "debug" => {}
            // Errors have no type of their own; events of later versions have one.
            "error" => return Err(error::decode_error(200, None, frame.data)),
            _ if data.peek("type").is_none()
                && (words(data.peek("message")).is_some() || data.peek("error").is_some()) =>
            {
                return Err(error::decode_error(200, None, frame.data));
            }
            _ => {}
        }
        Ok(())
    }

    fn start(&mut self, events: &mut Vec<Event>) {
        self.seen = true;
        if !std::mem::replace(&mut self.started, true) {
            events.push(Event::Start {
                id: self.id.clone(),
                model: None,
                created: None,
                service_tier: None,
                system_fingerprint: None,
            });
        }
    }

    fn content(
        &mut self,
        index: u64,
        content: &Object<'_>,
        events: &mut Vec<Event>,
    ) -> Result<(), Fault> {
        if !self.blocks.iter().any(|(known, _)| *known == index) {
            if self.blocks.len() >= MOST_BLOCKS {
                return Err(malformed("it has too many blocks"));
            }
            self.blocks.push((index, self.written));
        }
        if let Some(text) = words(content.peek("text")) {
            self.written += text.chars().count() as u64;
            events.push(Event::Text { choice: 0, text });
        }
        if let Some(text) = words(content.peek("thinking")) {
            let ordinal = match self.thinking {
                Some((known, ordinal)) if known == index => ordinal,
                _ => self.next_reasoning(),
            };
            self.thinking = Some((index, ordinal));
            self.reason(ordinal, text, events);
        }
        Ok(())
    }

    fn next_reasoning(&mut self) -> u32 {
        self.reasoning += 1;
        self.reasoning - 1
    }

    fn plan(&mut self, text: String, events: &mut Vec<Event>) {
        let ordinal = match self.plan {
            Some(ordinal) => ordinal,
            None => self.next_reasoning(),
        };
        self.plan = Some(ordinal);
        self.reason(ordinal, text, events);
    }

    fn reason(&self, index: u32, text: String, events: &mut Vec<Event>) {
        if !self.context.exclude_reasoning {
            events.push(Event::Reasoning {
                choice: 0,
                index,
                id: None,
                format: ReasoningFormat::Unknown,
                delta: ReasoningDelta::Text(text),
            });
        }
    }

    fn call(
        &mut self,
        index: u64,
        call: Option<&RawValue>,
        events: &mut Vec<Event>,
    ) -> Result<(), Fault> {
        if self.tool_calls as usize >= MOST_BLOCKS {
            return Err(malformed("it has too many calls"));
        }
        let call = object(call).ok_or_else(|| malformed("a call is not an object"))?;
        let function = object(call.peek("function")).unwrap_or_default();
        // A call that begins anew without having ended has ended.
        if let Some(at) = self.calls.iter().position(|call| call.index == index) {
            let call = self.calls.remove(at);
            close(call, events);
        }
        let ordinal = self.tool_calls;
        self.tool_calls += 1;
        let name = text(function.peek("name")).unwrap_or_default();
        let id = words(call.peek("id"));
        events.push(Event::ToolCallStart {
            choice: 0,
            index: ordinal,
            id: id.unwrap_or_else(|| {
                tool_call_id(self.id.as_deref().unwrap_or_default(), 0, ordinal)
            }),
            name: self.context.declared_name(&name).to_owned(),
        });
        self.calls.push(Call { index, ordinal, held: String::new(), told: false });
        let piece = words(function.peek("arguments")).unwrap_or_default();
        self.arguments(self.calls.len() - 1, &piece, events);
        Ok(())
    }

    fn arguments(&mut self, at: usize, piece: &str, events: &mut Vec<Event>) {
        let Some(call) = self.calls.get_mut(at).filter(|_| !piece.is_empty()) else { return };
        call.held.push_str(piece);
        let open =
            !call.told && call.held.len() <= MOST_HELD && "null".starts_with(call.held.trim());
        if !open {
            call.told = true;
            events.push(Event::ToolCallArguments {
                choice: 0,
                index: call.ordinal,
                arguments: std::mem::take(&mut call.held),
            });
        }
    }

    fn cite(&mut self, citation: &Object<'_>, events: &mut Vec<Event>) {
        let Some(place) = citations::place(citation) else { return };
        let start = self.blocks.iter().find(|(known, _)| *known == place).map(|(_, at)| *at);
        let found = citations::annotations(citation, start.unwrap_or(0));
        events.extend(found.into_iter().map(|raw| Event::Annotation { choice: 0, raw }));
    }

    fn message_end(&mut self, delta: &Object<'_>, events: &mut Vec<Event>) {
        self.ended = true;
        self.start(events);
        events.extend(usage::read(delta.peek("usage")).map(Event::Usage));
        let native = words(delta.peek("finish_reason"));
        // What went wrong says more than the word that something did. Bug 11
        if let Some(why) = words(delta.peek("error")) {
            let why = why.chars().take(2_000).collect::<String>();
            let fault = Fault::new(ErrorType::ProviderUnavailable, why);
            events.push(Event::Fault(match native {
                Some(word) => fault.with_provider_code(word),
                None => fault,
            }));
            return;
        }
        self.end(native, events);
    }

    fn end(&mut self, native: Option<String>, events: &mut Vec<Event>) {
        for call in std::mem::take(&mut self.calls) {
            close(call, events);
        }
        let reason: FinishReason = finish(native.as_deref(), self.tool_calls > 0);
        events.push(Event::Finish { choice: 0, reason, native });
    }
}

/// Tells what was held back, or that there are no arguments.
fn close(call: Call, events: &mut Vec<Event>) {
    if !call.told {
        events.push(Event::ToolCallArguments {
            choice: 0,
            index: call.ordinal,
            arguments: arguments(Some(call.held)),
        });
    }
}
