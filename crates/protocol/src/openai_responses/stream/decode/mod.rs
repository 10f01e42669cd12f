//! A provider's events into those of the exchange. Bugs 3, 11, 16, wire-formats 9.2

mod whole;

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::Dialect;
use crate::exchange::{ErrorType, Event, Fault, ReasoningDelta, ReasoningFormat};
use crate::json::half::Half;
use crate::json::lenient::piece;
use crate::json::{Object, RawJson};
use crate::openai_chat::read::{is_null, is_string, lenient_array, lenient_count, lenient_object};
use crate::openai_responses::decode::{
    MAX_ITEMS, call_id, declared_name, incomplete_reason, text_of, with_searches,
};
use crate::openai_responses::error::{fault_inside, fault_of_event};
use crate::openai_responses::{usage, wire};
use crate::sse::Frame;
use crate::target::ResponseContext;

/// The most parts told apart in one item.
const MAX_PARTS: usize = 10_000;

/// Makes events of a provider's frames. Feed every frame to [`Self::push`], then call
/// [`Self::finish`].
#[derive(Debug)]
pub struct StreamDecoder {
    context: ResponseContext,
    items: Vec<Item>,
    /// How many reasoning blocks there were: an ordinal is a place among them.
    thoughts: u32,
    /// How many calls there were.
    calls: u32,
    searches: u64,
    /// The message with commentary that spoke last.
    commented: Option<usize>,
    service_tier: Option<String>,
    started: bool,
    ended: bool,
    failed: bool,
}

/// What is remembered of one item.
#[derive(Debug)]
struct Item {
    index: u64,
    id: Option<String>,
    done: bool,
    /// It is a message that says what the model is about to do.
    comments: bool,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Message(Vec<Told>),
    Thought { format: Option<String>, pieces: Vec<Piece> },
    Call { ordinal: u32, started: bool, arguments: bool, waiting: String, half: Half },
    Other,
}

/// What was told of one part of a message.
#[derive(Debug, Default)]
struct Told {
    index: u64,
    text: bool,
    logprobs: bool,
    annotations: usize,
    /// It is a refusal.
    refuses: bool,
    half: Half,
}

/// One part of a summary, or of the text, and the ordinal of its block.
#[derive(Debug)]
struct Piece {
    is_summary: bool,
    index: u64,
    ordinal: u32,
    half: Half,
}

type Outcome = Result<(), Fault>;

impl Told {
    /// What an event adds to the text: a piece, or the whole where no piece was told.
    fn more(&mut self, event: &Object<'_>, name: &str) -> Option<String> {
        if name == "delta" {
            let raw = said(event, name)?;
            self.text = true;
            return piece(Some(raw), &mut self.half);
        }
        let text = text_of(event, name).filter(|_| !self.text)?;
        self.text = true;
        Some(text)
    }
}

impl StreamDecoder {
    /// A decoder of the answer to a request that was written with `context`.
    pub fn new(context: ResponseContext) -> Self {
        Self {
            context,
            items: Vec::new(),
            thoughts: 0,
            calls: 0,
            searches: 0,
            commented: None,
            service_tier: None,
            started: false,
            ended: false,
            failed: false,
        }
    }

    /// Takes one frame. After a fault nothing more is told.
    pub fn push(&mut self, frame: &Frame<'_>, events: &mut Vec<Event>) {
        if self.failed || self.ended || frame.is_done() {
            return;
        }
        if let Err(fault) = self.read(frame, events) {
            self.failed = true;
            events.push(Event::Fault(fault));
        }
    }

    /// The end of the stream. One that broke off ends in a fault. Bug 16
    pub fn finish(&mut self, events: &mut Vec<Event>) {
        if self.failed || self.ended {
            return;
        }
        self.failed = true;
        let why = if !self.started && self.items.is_empty() {
            "Provider returned an empty stream"
        } else if !self.context.no_finish_reason {
            "Provider ended the stream before the answer was complete"
        } else {
            return self.end("completed", None, events);
        };
        events.push(Event::Fault(Fault::new(ErrorType::ProviderUnavailable, why)));
    }

    fn read(&mut self, frame: &Frame<'_>, events: &mut Vec<Event>) -> Outcome {
        let text = std::str::from_utf8(frame.data).map_err(|_| broken("it is not valid UTF-8"))?;
        if text.trim().is_empty() {
            return Ok(());
        }
        if frame.event == Some("error") {
            return Err(fault_of_event(text));
        }
        let event = Object::parse(text).map_err(|_| broken("it is not valid JSON"))?;
        let kind = event.peek_str("type").or(frame.event.map(Cow::Borrowed)).unwrap_or_default();
        match kind.as_ref() {
            "error" | "response.error" => return Err(fault_of_event(text)),
            "response.created" | "response.in_progress" | "response.queued" => {
                if let Some(response) = event.peek("response").and_then(lenient_object) {
                    self.start(&response, events);
                }
            }
            "response.completed"
            | "response.incomplete"
            | "response.failed"
            | "response.cancelled" => {
                return self.terminal(&event, kind.trim_start_matches("response."), events);
            }
            "response.output_item.added" => self.added(&event, events)?,
            "response.output_item.done" => {
                if let Some(item) = event.peek("item").and_then(lenient_object) {
                    let at = self.item(&event, &item)?;
                    self.done(at, &item, events)?;
                }
            }
            "response.output_text.delta" => self.text(&event, "delta", events)?,
            "response.output_text.done" => self.text(&event, "text", events)?,
            "response.refusal.delta" => self.refusal(&event, "delta", events)?,
            "response.refusal.done" => self.refusal(&event, "refusal", events)?,
            "response.output_text.annotation.added" => self.annotation(&event, events)?,
            "response.reasoning_summary_text.delta" => {
                self.thinking(&event, true, "delta", events)?
            }
            "response.reasoning_summary_text.done" => {
                self.thinking(&event, true, "text", events)?
            }
            "response.reasoning_text.delta" => self.thinking(&event, false, "delta", events)?,
            "response.reasoning_text.done" => self.thinking(&event, false, "text", events)?,
            "response.function_call_arguments.delta" => self.arguments(&event, "delta", events)?,
            "response.function_call_arguments.done" => {
                self.arguments(&event, "arguments", events)?;
            }
            "response.content_part.added"
            | "response.content_part.done"
            | "response.custom_tool_call_input.delta"
            | "response.custom_tool_call_input.done"
            | "response.reasoning_summary_part.added"
            | "response.reasoning_summary_part.done" => {}
            _ => {
                if let Some(fault) = fault_inside(&event) {
                    return Err(fault);
                }
                if let Ok(raw) = RawJson::parse(text.to_owned()) {
                    events.push(Event::Opaque { origin: Dialect::OpenaiResponses, raw });
                }
            }
        }
        Ok(())
    }

    fn start(&mut self, response: &Object<'_>, events: &mut Vec<Event>) {
        // `auto` is what was asked for, not what serves.
        let told = text_of(response, "service_tier").filter(|tier| tier != "auto");
        if !std::mem::replace(&mut self.started, true) {
            self.service_tier.clone_from(&told);
            events.push(Event::Start {
                id: text_of(response, "id"),
                model: text_of(response, "model"),
                created: response.peek("created_at").map(lenient_count).filter(|time| *time > 0),
                service_tier: told,
                system_fingerprint: None,
            });
        } else if told.is_some() && told != self.service_tier {
            // The tier that serves may be told only at the end. TIER-7
            self.service_tier = told;
            events.push(Event::Start {
                id: None,
                model: None,
                created: None,
                service_tier: self.service_tier.clone(),
                system_fingerprint: None,
            });
        }
    }

    /// The last event, which holds the whole answer.
    fn terminal(&mut self, event: &Object<'_>, kind: &str, events: &mut Vec<Event>) -> Outcome {
        let response = event.peek("response").and_then(lenient_object).unwrap_or_default();
        if let Some(fault) = fault_inside(&response) {
            return Err(fault);
        }
        if matches!(kind, "failed" | "cancelled") {
            return Err(Fault::of_finish(Some(kind)));
        }
        self.start(&response, events);
        if self.items.is_empty() {
            // Some tell everything at the end.
            let output = response.peek("output").map(lenient_array).unwrap_or_default();
            for (at, item) in output.into_iter().filter_map(lenient_object).enumerate() {
                let at = self.new_item(at as u64, text_of(&item, "id"), &item)?;
                self.done(at, &item, events)?;
            }
        }
        let told = response.peek("usage").filter(|raw| !is_null(raw));
        if let Some(counts) =
            told.and_then(|raw| usage::read(raw, self.context.reasoning_tokens_on_top))
        {
            events.push(Event::Usage(with_searches(counts, self.searches)));
        }
        let status = response.peek_str("status").unwrap_or(Cow::Borrowed(kind));
        self.end(&status, incomplete_reason(&response).as_deref(), events);
        Ok(())
    }

    fn end(&mut self, status: &str, incomplete: Option<&str>, events: &mut Vec<Event>) {
        self.ended = true;
        for at in 0..self.items.len() {
            self.halves(at, events);
        }
        let mut called = false;
        for item in &self.items {
            if let Kind::Call { ordinal, started: true, arguments, .. } = item.kind {
                called = true;
                if !arguments {
                    // Bug 3
                    let arguments = "{}".to_owned();
                    events.push(Event::ToolCallArguments { choice: 0, index: ordinal, arguments });
                }
            }
        }
        let (reason, native) = wire::finish(status, incomplete, called);
        events.push(Event::Finish { choice: 0, reason, native });
    }

    /// The item an event belongs to; a new one if it was not told of before.
    fn item(&mut self, event: &Object<'_>, told: &Object<'_>) -> Result<usize, Fault> {
        let id = text_of(event, "item_id").or_else(|| text_of(told, "id"));
        let index: Option<u64> =
            event.peek("output_index").and_then(|raw| serde_json::from_str(raw.get()).ok());
        let found = self.items.iter().rposition(|item| match (index, &id) {
            (Some(index), _) => item.index == index,
            (None, Some(id)) => item.id.as_ref() == Some(id),
            (None, None) => false,
        });
        match found {
            Some(at) => Ok(at),
            None => self.new_item(index.unwrap_or(self.items.len() as u64), id, told),
        }
    }

    fn new_item(
        &mut self,
        index: u64,
        id: Option<String>,
        told: &Object<'_>,
    ) -> Result<usize, Fault> {
        if self.items.len() >= MAX_ITEMS {
            return Err(broken("it has too many items"));
        }
        let kind = match told.peek_str("type").as_deref() {
            Some("reasoning") => {
                Kind::Thought { format: text_of(told, "format"), pieces: Vec::new() }
            }
            other => self.kind(other.unwrap_or_default()),
        };
        let comments = wire::is_commentary(told);
        self.items.push(Item { index, id, done: false, comments, kind });
        Ok(self.items.len() - 1)
    }

    fn kind(&mut self, name: &str) -> Kind {
        match name {
            "message" => Kind::Message(Vec::new()),
            "reasoning" => Kind::Thought { format: None, pieces: Vec::new() },
            "function_call" | "custom_tool_call" => {
                self.calls += 1;
                Kind::Call {
                    ordinal: self.calls - 1,
                    started: false,
                    arguments: false,
                    waiting: String::new(),
                    half: Half::default(),
                }
            }
            _ => Kind::Other,
        }
    }

    /// The item of a delta, whose kind the delta tells where nothing told of it before.
    fn item_of(&mut self, event: &Object<'_>, kind: &str) -> Result<usize, Fault> {
        let said = format!(r#"{{"type":"{kind}"}}"#);
        let said = Object::parse(&said).unwrap_or_default();
        let at = self.item(event, &said)?;
        if matches!(self.items.get(at).map(|item| &item.kind), Some(Kind::Other)) {
            let kind = self.kind(kind);
            if let Some(item) = self.items.get_mut(at) {
                item.kind = kind;
            }
        }
        Ok(at)
    }

    fn added(&mut self, event: &Object<'_>, events: &mut Vec<Event>) -> Outcome {
        let Some(item) = event.peek("item").and_then(lenient_object) else { return Ok(()) };
        let at = self.item(event, &item)?;
        self.begin_call(at, &item, events);
        let arguments = text_of(&item, "arguments");
        if let Some(piece) =
            arguments.filter(|_| item.peek_str("type").as_deref() == Some("function_call"))
        {
            self.more_arguments(at, piece, events)?;
        }
        Ok(())
    }

    fn part(&mut self, at: usize, event: &Object<'_>) -> Result<Option<&mut Told>, Fault> {
        self.part_at(at, position(event, "content_index"))
    }

    fn part_at(&mut self, at: usize, index: u64) -> Result<Option<&mut Told>, Fault> {
        let Some(Kind::Message(parts)) = self.items.get_mut(at).map(|item| &mut item.kind) else {
            return Ok(None);
        };
        let place = match parts.iter().rposition(|part| part.index == index) {
            Some(place) => place,
            None if parts.len() >= MAX_PARTS => return Err(broken("it has too many parts")),
            None => {
                parts.push(Told { index, ..Told::default() });
                parts.len() - 1
            }
        };
        Ok(parts.get_mut(place))
    }

    fn text(&mut self, event: &Object<'_>, name: &str, events: &mut Vec<Event>) -> Outcome {
        let at = self.item_of(event, "message")?;
        let Some(told) = self.part(at, event)? else { return Ok(()) };
        let piece = name == "delta";
        let text = told.more(event, name);
        if let Some(text) = text {
            self.say(at, text, events);
        }
        let Some(told) = self.part(at, event)? else { return Ok(()) };
        let entries = event.peek("logprobs").map(lenient_array).unwrap_or_default();
        if let Some(raw) = wire::logprobs_in(&entries).filter(|_| piece || !told.logprobs) {
            told.logprobs = true;
            events.push(Event::Logprobs { choice: 0, raw });
        }
        Ok(())
    }

    /// What a message says. Most protocols have one text for all messages of an answer, in which an
    /// answer must stand apart from the commentary before it.
    fn say(&mut self, at: usize, mut text: String, events: &mut Vec<Event>) {
        if self.commented.is_some_and(|before| before != at) {
            text.insert_str(0, wire::BETWEEN_MESSAGES);
            self.commented = None;
        }
        if self.items.get(at).is_some_and(|item| item.comments) {
            self.commented = Some(at);
        }
        events.push(Event::Text { choice: 0, text });
    }

    fn refusal(&mut self, event: &Object<'_>, name: &str, events: &mut Vec<Event>) -> Outcome {
        let at = self.item_of(event, "message")?;
        let Some(told) = self.part(at, event)? else { return Ok(()) };
        told.refuses = true;
        if let Some(text) = told.more(event, name) {
            events.push(Event::Refusal { choice: 0, text });
        }
        Ok(())
    }

    fn annotation(&mut self, event: &Object<'_>, events: &mut Vec<Event>) -> Outcome {
        let at = self.item_of(event, "message")?;
        if let Some(raw) = event.peek("annotation")
            && let Some(told) = self.part(at, event)?
        {
            told.annotations += 1;
            events.push(Event::Annotation { choice: 0, raw: wire::annotation_in(raw) });
        }
        Ok(())
    }

    fn thinking(
        &mut self,
        event: &Object<'_>,
        is_summary: bool,
        name: &str,
        events: &mut Vec<Event>,
    ) -> Outcome {
        let at = self.item_of(event, "reasoning")?;
        let index = position(event, if is_summary { "summary_index" } else { "content_index" });
        if name == "delta" {
            let Some(raw) = said(event, name) else { return Ok(()) };
            let Some(told) = self.thought_piece(at, is_summary, index)? else { return Ok(()) };
            let ordinal = told.ordinal;
            if let Some(text) = piece(Some(raw), &mut told.half) {
                self.tell_thought(at, ordinal, thought_delta(is_summary, text), events);
            }
            return Ok(());
        }
        match text_of(event, name) {
            Some(text) if !self.is_told(at, is_summary, index) => {
                self.thought(at, is_summary, index, text, events)
            }
            _ => Ok(()),
        }
    }

    fn is_told(&self, at: usize, is_summary: bool, index: u64) -> bool {
        match self.items.get(at).map(|item| &item.kind) {
            Some(Kind::Thought { pieces, .. }) => {
                pieces.iter().any(|piece| (piece.is_summary, piece.index) == (is_summary, index))
            }
            _ => true,
        }
    }

    fn thought(
        &mut self,
        at: usize,
        is_summary: bool,
        index: u64,
        text: String,
        events: &mut Vec<Event>,
    ) -> Outcome {
        if let Some(told) = self.thought_piece(at, is_summary, index)? {
            let ordinal = told.ordinal;
            self.tell_thought(at, ordinal, thought_delta(is_summary, text), events);
        }
        Ok(())
    }

    /// A part of a reasoning item, with an ordinal of its own.
    fn thought_piece(
        &mut self,
        at: usize,
        is_summary: bool,
        index: u64,
    ) -> Result<Option<&mut Piece>, Fault> {
        let ordinal = self.thoughts;
        let Some(item) = self.items.get_mut(at) else { return Ok(None) };
        let Kind::Thought { pieces, .. } = &mut item.kind else { return Ok(None) };
        let same = |piece: &Piece| (piece.is_summary, piece.index) == (is_summary, index);
        let place = match pieces.iter().rposition(same) {
            Some(place) => place,
            None if pieces.len() >= MAX_PARTS => return Err(broken("it has too many parts")),
            None => {
                pieces.push(Piece { is_summary, index, ordinal, half: Half::default() });
                self.thoughts += 1;
                pieces.len() - 1
            }
        };
        Ok(pieces.get_mut(place))
    }

    fn tell_thought(&self, at: usize, index: u32, delta: ReasoningDelta, events: &mut Vec<Event>) {
        if self.context.exclude_reasoning {
            return;
        }
        let Some(Item { id, kind: Kind::Thought { format, .. }, .. }) = self.items.get(at) else {
            return;
        };
        let id = id.clone().and_then(|id| wire::told_id(Cow::Owned(id)));
        let encrypted = matches!(delta, ReasoningDelta::Encrypted(_));
        let format = match format {
            Some(name) => ReasoningFormat::from(name.clone()),
            None => wire::reasoning_format(&Object::default(), id.as_deref(), encrypted),
        };
        events.push(Event::Reasoning { choice: 0, index, id, format, delta });
    }

    fn begin_call(&mut self, at: usize, told: &Object<'_>, events: &mut Vec<Event>) {
        let Some(item) = self.items.get_mut(at) else { return };
        let Kind::Call { ordinal, started, arguments, waiting, .. } = &mut item.kind else {
            return;
        };
        let Some(name) = text_of(told, "name").filter(|_| !*started) else { return };
        *started = true;
        let index = *ordinal;
        events.push(Event::ToolCallStart {
            choice: 0,
            index,
            id: call_id(told),
            name: declared_name(told, &name, &self.context),
        });
        if !waiting.is_empty() {
            *arguments = true;
            let arguments = std::mem::take(waiting);
            events.push(Event::ToolCallArguments { choice: 0, index, arguments });
        }
    }

    fn arguments(&mut self, event: &Object<'_>, name: &str, events: &mut Vec<Event>) -> Outcome {
        let at = self.item_of(event, "function_call")?;
        let Some(Kind::Call { arguments, waiting, half, .. }) =
            self.items.get_mut(at).map(|item| &mut item.kind)
        else {
            return Ok(());
        };
        let more = match name {
            "delta" => piece(event.peek(name), half),
            _ => text_of(event, name).filter(|_| !*arguments && waiting.is_empty()),
        };
        match more {
            Some(piece) => self.more_arguments(at, piece, events),
            None => Ok(()),
        }
    }

    fn more_arguments(&mut self, at: usize, piece: String, events: &mut Vec<Event>) -> Outcome {
        const MAX_WAITING: usize = 1024 * 1024;
        let Some(item) = self.items.get_mut(at) else { return Ok(()) };
        let Kind::Call { ordinal, started, arguments, waiting, .. } = &mut item.kind else {
            return Ok(());
        };
        if *started {
            *arguments = true;
            events.push(Event::ToolCallArguments { choice: 0, index: *ordinal, arguments: piece });
        } else if waiting.len() + piece.len() > MAX_WAITING {
            return Err(broken("a tool call never got its name"));
        } else {
            // Arguments before the name wait for it.
            waiting.push_str(&piece);
        }
        Ok(())
    }
}

/// A string that is not empty, as it came.
fn said<'a>(event: &Object<'a>, name: &str) -> Option<&'a RawValue> {
    event.peek(name).filter(|raw| is_string(raw) && raw.get().len() > 2)
}

fn thought_delta(is_summary: bool, text: String) -> ReasoningDelta {
    if is_summary { ReasoningDelta::Summary(text) } else { ReasoningDelta::Text(text) }
}

fn position(event: &Object<'_>, name: &str) -> u64 {
    event.peek(name).map_or(0, lenient_count)
}

fn broken(why: &str) -> Fault {
    Fault::new(ErrorType::ProviderUnavailable, format!("Provider returned an invalid event: {why}"))
}
