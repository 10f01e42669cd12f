//! A provider's stream → events. wire-formats 6

use serde_json::value::RawValue;

use super::wire::{arguments, finish, logprobs, malformed, position};
use super::{citations, error, usage};
use crate::exchange::{ErrorType, Event, Fault, FinishReason, ReasoningDelta, ReasoningFormat};
use crate::json::Object;
use crate::json::half::Half;
use crate::json::lenient::{object, piece, text, words};
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
    blocks: Vec<Block>,
    /// The provider's index of the block whose reasoning is being told, and its ordinal here.
    thinking: Option<(u64, u32)>,
    reasoning: u32,
    /// The ordinal of the plan's reasoning.
    plan: Option<u32>,
    plan_half: Half,
    calls: Vec<Call>,
    tool_calls: u32,
    /// Characters of content so far.
    written: u64,
    seen: bool,
    ended: bool,
}

/// A block of content.
#[derive(Debug)]
struct Block {
    /// The provider's index.
    index: u64,
    /// Where its text begins in the whole content.
    start: u64,
    /// The ordinal of its reasoning.
    ordinal: u32,
    text_half: Half,
    thought_half: Half,
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
    /// Half a character at the end of the arguments so far.
    half: Half,
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
            plan_half: Half::default(),
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
                if let Some(text) = piece(message.peek("tool_plan"), &mut self.plan_half) {
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
                let arguments = function.as_ref().and_then(|it| it.peek("arguments"));
                if let Some(at) = self.calls.iter().position(|call| call.index == index) {
                    self.arguments(at, arguments, events);
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
            "content-end" => {
                if let Some(at) = self.blocks.iter().position(|block| block.index == index) {
                    self.halves(at, events);
                }
            }
            "citation-end" | "debug" => {}
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
        let at = match self.blocks.iter().position(|block| block.index == index) {
            Some(at) => at,
            None if self.blocks.len() >= MOST_BLOCKS => {
                return Err(malformed("it has too many blocks"));
            }
            None => {
                let (text_half, thought_half) = (Half::default(), Half::default());
                let start = self.written;
                self.blocks.push(Block { index, start, ordinal: 0, text_half, thought_half });
                self.blocks.len() - 1
            }
        };
        let Some(block) = self.blocks.get_mut(at) else { return Ok(()) };
        let text = piece(content.peek("text"), &mut block.text_half);
        let thought = piece(content.peek("thinking"), &mut block.thought_half);
        let thinks = thought.is_some() || block.thought_half != Half::default();
        if let Some(text) = text {
            self.text(text, events);
        }
        if thinks {
            let ordinal = match self.thinking {
                Some((known, ordinal)) if known == index => ordinal,
                _ => self.next_reasoning(),
            };
            self.thinking = Some((index, ordinal));
            if let Some(block) = self.blocks.get_mut(at) {
                block.ordinal = ordinal;
            }
            if let Some(text) = thought {
                self.reason(ordinal, text, events);
            }
        }
        Ok(())
    }

    fn text(&mut self, text: String, events: &mut Vec<Event>) {
        self.written += text.chars().count() as u64;
        events.push(Event::Text { choice: 0, text });
    }

    /// What stands for halves of characters whose other half never came to a block.
    fn halves(&mut self, at: usize, events: &mut Vec<Event>) {
        let Some(block) = self.blocks.get_mut(at) else { return };
        let (text, thought) = (block.text_half.end(), block.thought_half.end());
        let ordinal = block.ordinal;
        if let Some(text) = text {
            self.text(text, events);
        }
        if let Some(text) = thought {
            self.reason(ordinal, text, events);
        }
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
        let (held, half) = (String::new(), Half::default());
        self.calls.push(Call { index, ordinal, held, told: false, half });
        self.arguments(self.calls.len() - 1, function.peek("arguments"), events);
        Ok(())
    }

    fn arguments(&mut self, at: usize, raw: Option<&RawValue>, events: &mut Vec<Event>) {
        let Some(call) = self.calls.get_mut(at) else { return };
        let Some(more) = piece(raw, &mut call.half) else { return };
        call.held.push_str(&more);
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
        let start = self.blocks.iter().find(|block| block.index == place).map(|block| block.start);
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
        if let Some(text) = self.plan_half.end() {
            self.plan(text, events);
        }
        for at in 0..self.blocks.len() {
            self.halves(at, events);
        }
        for call in std::mem::take(&mut self.calls) {
            close(call, events);
        }
        let reason: FinishReason = finish(native.as_deref(), self.tool_calls > 0);
        events.push(Event::Finish { choice: 0, reason, native });
    }
}

/// Tells what was held back, or that there are no arguments.
fn close(mut call: Call, events: &mut Vec<Event>) {
    if let Some(end) = call.half.end() {
        call.held.push_str(&end);
        if call.told {
            let (index, arguments) = (call.ordinal, call.held);
            events.push(Event::ToolCallArguments { choice: 0, index, arguments });
            return;
        }
    }
    if !call.told {
        events.push(Event::ToolCallArguments {
            choice: 0,
            index: call.ordinal,
            arguments: arguments(Some(call.held)),
        });
    }
}
