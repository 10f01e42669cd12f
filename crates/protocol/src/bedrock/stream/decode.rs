//! A provider's stream → events. wire-formats 5.4

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::value::RawValue;

use crate::bedrock::media::image_type;
use crate::bedrock::response::{image, malformed, tier};
use crate::bedrock::wire::{REASONING, finish};
use crate::bedrock::{citations, error, usage};
use crate::event_stream::{Frame, FrameKind};
use crate::exchange::{ErrorType, Event, Fault, MediaSource, ReasoningDelta};
use crate::json::half::Half;
use crate::json::lenient::{count, object, piece, text, words};
use crate::json::{Object, RawJson};
use crate::target::ResponseContext;

/// The most blocks of one answer.
const MOST_BLOCKS: usize = 10_000;

/// The most text held back while it is open whether a tool's input is the answer, in bytes.
const MOST_HELD: usize = 1024 * 1024;

/// The most kept of open blocks, in bytes.
const MOST_KEPT: usize = 32 * 1024 * 1024;

/// Reads a stream message by message.
#[derive(Debug)]
pub struct StreamDecoder {
    context: ResponseContext,
    blocks: Vec<Open>,
    seen: usize,
    started: bool,
    tool_calls: u32,
    reasoning: u32,
    /// Characters of content so far, for the positions of annotations.
    written: u64,
    /// Text that may turn out to stand beside an emulated answer. Bug 13
    held: String,
    answered_by_tool: bool,
    /// Bytes kept of open blocks: citations and images.
    kept: usize,
    /// The answer is whole; counts may still come.
    stopped: bool,
    ended: bool,
}

/// A block that has begun and not stopped.
#[derive(Debug)]
struct Open {
    /// The provider's index, which counts blocks of all kinds. Bug 2
    index: u64,
    kind: Kind,
    /// Half a character at the end of what came so far.
    half: Half,
}

#[derive(Debug)]
enum Kind {
    /// Nothing has come that tells what it is.
    New,
    Text {
        start: u64,
        citations: Vec<RawJson>,
    },
    Reasoning {
        ordinal: u32,
        redacted: Vec<String>,
    },
    Tool {
        ordinal: u32,
        pieces: bool,
    },
    /// The tool whose input is the answer.
    Answer {
        pieces: bool,
    },
    Image {
        format: String,
        data: Vec<String>,
        stored: Option<MediaSource>,
    },
    Ignored,
}

impl StreamDecoder {
    /// A decoder for the answer to one request.
    pub fn new(context: ResponseContext) -> Self {
        Self {
            context,
            blocks: Vec::new(),
            seen: 0,
            started: false,
            tool_calls: 0,
            reasoning: 0,
            written: 0,
            held: String::new(),
            answered_by_tool: false,
            kept: 0,
            stopped: false,
            ended: false,
        }
    }

    /// Reads one message. After a fault nothing more is told.
    pub fn push(&mut self, frame: &Frame<'_>, events: &mut Vec<Event>) {
        if self.ended {
            return;
        }
        if let Err(fault) = self.read(frame, events) {
            self.ended = true;
            // What fails behind the end of the answer takes nothing from it.
            if !self.stopped {
                events.push(Event::Fault(fault));
            }
        }
    }

    /// Ends the stream: without the event that ends an answer it was cut, and an answer that was
    /// cut is no answer. Bug 16
    pub fn finish(&mut self, events: &mut Vec<Event>) {
        if self.ended {
            return;
        }
        self.ended = true;
        if self.stopped {
            return;
        }
        if self.context.no_finish_reason && self.seen > 0 {
            self.stop(None, events);
        } else {
            events.push(Event::Fault(Fault::new(
                ErrorType::ProviderUnavailable,
                "The provider's stream ended before the answer did",
            )));
        }
    }

    fn read(&mut self, frame: &Frame<'_>, events: &mut Vec<Event>) -> Result<(), Fault> {
        let kind = match frame.kind() {
            FrameKind::Event(kind) => kind,
            FrameKind::Exception(name) => {
                return Err(error::of_exception(name, None, frame.payload));
            }
            FrameKind::Error { code, message } => {
                return Err(error::of_exception(code, Some(message), frame.payload));
            }
            FrameKind::Unknown => return Ok(()),
        };
        let payload =
            std::str::from_utf8(frame.payload).map_err(|_| malformed("an event is not UTF-8"))?;
        let known = [
            "messageStart",
            "contentBlockStart",
            "contentBlockDelta",
            "contentBlockStop",
            "messageStop",
            "metadata",
        ];
        if !known.contains(&kind) {
            // Events of later versions, and exceptions that come as events.
            return if kind.ends_with("Exception") {
                Err(error::of_exception(kind, None, frame.payload))
            } else {
                Ok(())
            };
        }
        if crate::json::envelope::check_depth(frame.payload).is_err() {
            return Err(malformed("an event is nested too deeply"));
        }
        // Beside what is meant stands `p`, which hides the length of pieces.
        let data = Object::parse(payload)
            .map_err(|_| malformed("an event is not the JSON object it should be"))?;
        self.start(events, None);
        let index = count(data.peek("contentBlockIndex")).unwrap_or(0);
        match kind {
            "contentBlockStart" => self.block_start(index, data.peek("start"), events),
            "contentBlockDelta" => self.delta(index, data.peek("delta"), events),
            "contentBlockStop" => {
                if let Some(at) = self.blocks.iter().position(|open| open.index == index) {
                    let open = self.blocks.remove(at);
                    self.close(open, events);
                }
                Ok(())
            }
            "messageStop" => {
                self.stop(words(data.peek("stopReason")), events);
                Ok(())
            }
            "metadata" => {
                if let Some(tier) = tier(data.peek("serviceTier")) {
                    self.start(events, Some(tier));
                }
                events.extend(usage::read(data.peek("usage")).map(Event::Usage));
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Tells that the answer begins, once, and the tier when that comes.
    fn start(&mut self, events: &mut Vec<Event>, service_tier: Option<String>) {
        if !self.started || service_tier.is_some() {
            self.started = true;
            events.push(Event::Start {
                id: None,
                model: None,
                created: None,
                service_tier,
                system_fingerprint: None,
            });
        }
    }

    /// Opens a block. Only those of tools and images announce themselves. wire-formats 5.4
    fn open(&mut self, index: u64, kind: Kind) -> Result<(), Fault> {
        self.seen += 1;
        if self.seen > MOST_BLOCKS {
            return Err(malformed("it has too many blocks"));
        }
        self.blocks.push(Open { index, kind, half: Half::default() });
        Ok(())
    }

    fn block_start(
        &mut self,
        index: u64,
        start: Option<&RawValue>,
        events: &mut Vec<Event>,
    ) -> Result<(), Fault> {
        if self.stopped {
            return Ok(());
        }
        // A block that begins anew without having stopped has stopped.
        if let Some(at) = self.blocks.iter().position(|open| open.index == index) {
            let open = self.blocks.remove(at);
            self.close(open, events);
        }
        let start = object(start).unwrap_or_default();
        let kind = if let Some(call) = object(start.peek("toolUse")) {
            self.tool(&call, events)
        } else if let Some(image) = object(start.peek("image")) {
            let format = words(image.peek("format")).unwrap_or_else(|| "png".to_owned());
            Kind::Image { format, data: Vec::new(), stored: None }
        } else if start.is_empty() {
            Kind::New
        } else {
            Kind::Ignored
        };
        self.open(index, kind)
    }

    fn tool(&mut self, call: &Object<'_>, events: &mut Vec<Event>) -> Kind {
        if call.peek("type").is_some() {
            // Tools the service runs itself are not the caller's business.
            return Kind::Ignored;
        }
        let name = text(call.peek("name")).unwrap_or_default();
        if self.context.emulated_output_tool.as_deref() == Some(name.as_str()) {
            if self.answered_by_tool {
                return Kind::Ignored;
            }
            self.answered_by_tool = true;
            self.held.clear();
            return Kind::Answer { pieces: false };
        }
        let ordinal = self.tool_calls;
        self.tool_calls += 1;
        events.push(Event::ToolCallStart {
            choice: 0,
            index: ordinal,
            id: text(call.peek("toolUseId")).unwrap_or_default(),
            name: self.context.declared_name(&name).to_owned(),
        });
        Kind::Tool { ordinal, pieces: false }
    }

    fn delta(
        &mut self,
        index: u64,
        delta: Option<&RawValue>,
        events: &mut Vec<Event>,
    ) -> Result<(), Fault> {
        if self.stopped {
            return Ok(());
        }
        let delta = object(delta).ok_or_else(|| malformed("a delta has the wrong form"))?;
        if !self.blocks.iter().any(|open| open.index == index) {
            self.open(index, Kind::New)?;
        }
        let at = self.blocks.iter().position(|open| open.index == index).unwrap_or(0);
        let Some(open) = self.blocks.get_mut(at) else { return Ok(()) };
        let mut kind = std::mem::replace(&mut open.kind, Kind::Ignored);
        let mut half = open.half;
        if matches!(kind, Kind::New) {
            kind = self.kind_of(&delta);
        }
        self.piece(&mut kind, &mut half, &delta, events);
        if let Some(open) = self.blocks.get_mut(at) {
            open.kind = kind;
            open.half = half;
        }
        if self.kept > MOST_KEPT { Err(malformed("its blocks are too long")) } else { Ok(()) }
    }

    /// What a block is, by its first piece.
    fn kind_of(&mut self, delta: &Object<'_>) -> Kind {
        if delta.peek("text").is_some() || delta.peek("citation").is_some() {
            Kind::Text { start: self.written, citations: Vec::new() }
        } else if delta.peek("reasoningContent").is_some() {
            if self.context.exclude_reasoning {
                return Kind::Ignored;
            }
            let ordinal = self.reasoning;
            self.reasoning += 1;
            Kind::Reasoning { ordinal, redacted: Vec::new() }
        } else if delta.peek("image").is_some() {
            Kind::Image { format: "png".to_owned(), data: Vec::new(), stored: None }
        } else {
            Kind::Ignored
        }
    }

    fn piece(
        &mut self,
        kind: &mut Kind,
        half: &mut Half,
        delta: &Object<'_>,
        events: &mut Vec<Event>,
    ) {
        match kind {
            Kind::Text { citations, .. } => {
                if let Some(text) = piece(delta.peek("text"), half) {
                    self.text(text, events);
                }
                if let Some(citation) = delta.peek("citation") {
                    self.kept += citation.get().len() + 1;
                    citations.push(RawJson::from_raw(citation));
                }
            }
            Kind::Reasoning { ordinal, redacted } => {
                let Some(told) = object(delta.peek("reasoningContent")) else { return };
                if let Some(text) = piece(told.peek("text"), half) {
                    events.push(reasoning(*ordinal, ReasoningDelta::Text(text)));
                }
                if let Some(signature) = words(told.peek("signature")) {
                    events.push(reasoning(*ordinal, ReasoningDelta::Signature(signature)));
                }
                if let Some(data) = words(told.peek("redactedContent")) {
                    self.kept += data.len();
                    redacted.push(data);
                }
            }
            Kind::Tool { pieces, ordinal } => {
                let input = object(delta.peek("toolUse"));
                if let Some(arguments) = input.and_then(|input| piece(input.peek("input"), half)) {
                    *pieces = true;
                    let index = *ordinal;
                    events.push(Event::ToolCallArguments { choice: 0, index, arguments });
                }
            }
            Kind::Answer { pieces } => {
                let input = object(delta.peek("toolUse"));
                if let Some(text) = input.and_then(|input| piece(input.peek("input"), half)) {
                    *pieces = true;
                    events.push(Event::Text { choice: 0, text });
                }
            }
            Kind::Image { format, data, stored } => {
                let piece = object(delta.peek("image"));
                match piece.and_then(|piece| image(piece.peek("source"), format)) {
                    Some(MediaSource::Base64 { data: piece, .. }) => {
                        self.kept += piece.len();
                        data.push(piece);
                    }
                    other => *stored = other.or(stored.take()),
                }
            }
            Kind::New | Kind::Ignored => {}
        }
    }

    fn text(&mut self, text: String, events: &mut Vec<Event>) {
        self.written += text.chars().count() as u64;
        if self.context.emulated_output_tool.is_none() {
            events.push(Event::Text { choice: 0, text });
        } else if !self.answered_by_tool {
            self.held.push_str(&text);
            if self.held.len() > MOST_HELD {
                events.push(Event::Text { choice: 0, text: std::mem::take(&mut self.held) });
            }
        }
    }

    /// What stands for half a character whose other half never came to its block.
    fn half(&mut self, open: &mut Open, events: &mut Vec<Event>) {
        let Some(text) = open.half.end() else { return };
        match &mut open.kind {
            Kind::Text { .. } => self.text(text, events),
            Kind::Reasoning { ordinal, .. } => {
                events.push(reasoning(*ordinal, ReasoningDelta::Text(text)));
            }
            Kind::Tool { ordinal, pieces } => {
                *pieces = true;
                let index = *ordinal;
                events.push(Event::ToolCallArguments { choice: 0, index, arguments: text });
            }
            Kind::Answer { pieces } => {
                *pieces = true;
                events.push(Event::Text { choice: 0, text });
            }
            Kind::New | Kind::Image { .. } | Kind::Ignored => {}
        }
    }

    fn close(&mut self, mut open: Open, events: &mut Vec<Event>) {
        self.half(&mut open, events);
        match open.kind {
            Kind::Text { start, citations: cited } => {
                let size: usize = cited.iter().map(|raw| raw.get().len() + 1).sum();
                self.kept = self.kept.saturating_sub(size);
                let end = self.written;
                events.extend(
                    cited
                        .iter()
                        .filter(|_| self.context.emulated_output_tool.is_none())
                        .filter_map(|raw| citations::annotation(raw.as_raw(), start, end))
                        .map(|raw| Event::Annotation { choice: 0, raw }),
                );
            }
            // No arguments are an empty object. Bug 3
            Kind::Tool { ordinal, pieces: false } => events.push(Event::ToolCallArguments {
                choice: 0,
                index: ordinal,
                arguments: "{}".to_owned(),
            }),
            Kind::Answer { pieces: false } => {
                events.push(Event::Text { choice: 0, text: "{}".to_owned() });
            }
            Kind::Reasoning { ordinal, redacted } if !redacted.is_empty() => {
                self.kept = self.kept.saturating_sub(size(&redacted));
                events.push(reasoning(ordinal, ReasoningDelta::Encrypted(joined(redacted))));
            }
            Kind::Image { format, data, stored } => {
                self.kept = self.kept.saturating_sub(size(&data));
                let media_type = image_type(&format);
                let whole = (!data.is_empty())
                    .then(|| MediaSource::Base64 { media_type, data: joined(data) });
                events.extend(whole.or(stored).map(|source| Event::Image { choice: 0, source }));
            }
            _ => {}
        }
    }

    fn stop(&mut self, native: Option<String>, events: &mut Vec<Event>) {
        if self.stopped {
            return;
        }
        for open in std::mem::take(&mut self.blocks) {
            self.close(open, events);
        }
        if !self.held.is_empty() {
            events.push(Event::Text { choice: 0, text: std::mem::take(&mut self.held) });
        }
        self.stopped = true;
        let reason = finish(native.as_deref(), self.tool_calls > 0, self.answered_by_tool);
        events.push(Event::Finish { choice: 0, reason, native });
    }
}

fn reasoning(index: u32, delta: ReasoningDelta) -> Event {
    Event::Reasoning { choice: 0, index, id: None, format: REASONING, delta }
}

fn size(pieces: &[String]) -> usize {
    pieces.iter().map(String::len).sum()
}

/// Bytes that came in pieces, each in base64 of its own, which may end in padding.
fn joined(mut pieces: Vec<String>) -> String {
    if pieces.len() == 1 {
        return pieces.pop().unwrap_or_default();
    }
    let bytes: Result<Vec<Vec<u8>>, _> =
        pieces.iter().map(|piece| STANDARD.decode(piece)).collect();
    bytes.map_or_else(|_| pieces.concat(), |bytes| STANDARD.encode(bytes.concat()))
}
