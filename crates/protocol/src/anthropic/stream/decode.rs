//! A provider's stream → events. wire-formats 2.4

use serde_json::value::RawValue;

use super::block::{Input, Kind, Open, with_input};
use super::received::{Data, Delta, Piece, read_object};
use crate::Dialect;
use crate::anthropic::decode::response::{explanation, malformed, text_of};
use crate::anthropic::usage::Counts;
use crate::anthropic::wire::finish_of;
use crate::anthropic::{citations, error};
use crate::exchange::{ErrorType, Event, Fault, FinishReason, ReasoningDelta, ReasoningFormat};
use crate::json::half::Half;
use crate::json::template::Templates;
use crate::json::{Object, RawJson};
use crate::sse::Frame;
use crate::target::ResponseContext;

/// The most blocks of one answer.
const MOST_BLOCKS: usize = 10_000;

/// The most text held back while it is open whether a tool's input is the answer, in bytes.
const MOST_HELD: usize = 1024 * 1024;

/// The most kept of open blocks, in bytes.
const MOST_KEPT: usize = 16 * 1024 * 1024;

/// What a frame was, as far as passing it on depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::anthropic) enum FrameKind {
    MessageStart,
    /// A block's start, piece or stop, with the event's name.
    Content(&'static str),
    MessageDelta,
    MessageStop,
    Other,
}

/// Reads a stream event by event.
#[derive(Debug)]
pub struct StreamDecoder {
    context: ResponseContext,
    blocks: Vec<Open>,
    seen: usize,
    tool_calls: u32,
    reasoning: u32,
    counts: Counts,
    stop_reason: Option<String>,
    refusal: Option<String>,
    /// Characters of content so far, for the positions of annotations.
    written: u64,
    /// Half a character at the end of what came for blocks that never began, by their index.
    strays: Vec<(u64, Half)>,
    /// Text that may turn out to stand beside an emulated answer. Bug 13
    held: String,
    answered_by_tool: bool,
    /// Bytes kept of open blocks: citations, and blocks that are passed on whole.
    kept: usize,
    ended: bool,
    /// Events that are a piece of a block.
    pieces: Templates<(u64, Piece)>,
}

impl StreamDecoder {
    /// A decoder for the answer to one request.
    pub fn new(context: ResponseContext) -> Self {
        Self {
            context,
            blocks: Vec::new(),
            seen: 0,
            tool_calls: 0,
            reasoning: 0,
            counts: Counts::default(),
            stop_reason: None,
            refusal: None,
            written: 0,
            strays: Vec::new(),
            held: String::new(),
            answered_by_tool: false,
            kept: 0,
            ended: false,
            pieces: Templates::default(),
        }
    }

    /// From now on every event is read.
    #[cfg(test)]
    pub(super) fn forget_how_to_learn(&mut self) {
        self.pieces.forget_how_to_learn();
    }

    /// Reads one frame. After a fault or the end of the answer nothing more is told.
    pub fn push(&mut self, frame: &Frame<'_>, events: &mut Vec<Event>) {
        self.take(frame, events);
    }

    /// Like [`Self::push`], and says what the frame was.
    pub(in crate::anthropic) fn take(
        &mut self,
        frame: &Frame<'_>,
        events: &mut Vec<Event>,
    ) -> Option<FrameKind> {
        if self.ended || frame.is_done() {
            return None;
        }
        match self.read(frame, events) {
            Ok(kind) => Some(kind),
            Err(fault) => {
                self.ended = true;
                events.push(Event::Fault(fault));
                None
            }
        }
    }

    /// Why the answer ends, once the provider said it; counts and the end itself may still come.
    pub(crate) fn ending(&self) -> Option<(FinishReason, &str)> {
        let native = self.stop_reason.as_deref()?;
        Some((self.reason(Some(native)), native))
    }

    /// Ends the stream: where the provider did not say why it was cut, and an answer that was cut
    /// is no answer. Bug 16
    pub fn finish(&mut self, events: &mut Vec<Event>) {
        if self.ended {
            return;
        }
        self.ended = true;
        // After the reason nothing of the answer is left to come but the word that it is over.
        if self.stop_reason.is_some() || (self.context.no_finish_reason && self.seen > 0) {
            self.close_all(events);
            self.tell_end(events);
        } else {
            events.push(Event::Fault(Fault::new(
                ErrorType::ProviderUnavailable,
                "The provider's stream ended before the answer did",
            )));
        }
    }

    fn read(&mut self, frame: &Frame<'_>, events: &mut Vec<Event>) -> Result<FrameKind, Fault> {
        if let Some((&(index, piece), holes)) = self.pieces.find(frame.data)
            && let Some(json) = holes.content()
        {
            self.piece(index, piece, json, events);
            self.check_kept()?;
            return Ok(FrameKind::Content("content_block_delta"));
        }
        let text =
            std::str::from_utf8(frame.data).map_err(|_| malformed("an event is not UTF-8"))?;
        let data: Data<'_> = read_object(text)
            .ok_or_else(|| malformed("an event is not the JSON object it should be"))?;
        let kind = data.kind.as_deref().or(frame.event).unwrap_or_default();
        Ok(match kind {
            "content_block_delta" => {
                self.delta(data.index.unwrap_or(0), data.delta, events)?;
                if data.kind.is_some() {
                    self.learn(text, &data);
                }
                FrameKind::Content("content_block_delta")
            }
            "content_block_start" => {
                self.start(data.index.unwrap_or(0), data.content_block, events)?;
                FrameKind::Content("content_block_start")
            }
            "content_block_stop" => {
                let index = data.index.unwrap_or(0);
                if let Some(at) = self.blocks.iter().position(|open| open.index == index) {
                    let open = self.blocks.remove(at);
                    self.close(open, events);
                }
                FrameKind::Content("content_block_stop")
            }
            "message_start" => {
                self.message_start(data.message, events)?;
                FrameKind::MessageStart
            }
            "message_delta" => {
                self.message_delta(data.delta, data.usage, events)?;
                FrameKind::MessageDelta
            }
            "message_stop" => {
                self.close_all(events);
                self.tell_end(events);
                self.ended = true;
                FrameKind::MessageStop
            }
            "ping" => {
                events.push(Event::Ping);
                FrameKind::Other
            }
            "error" => {
                let envelope = Object::parse(text).unwrap_or_default();
                return Err(error::from_envelope(None, &envelope));
            }
            // Events of later versions, and measurements without a type that repeat the usage.
            _ => FrameKind::Other,
        })
    }

    fn message_start(
        &mut self,
        message: Option<&RawValue>,
        events: &mut Vec<Event>,
    ) -> Result<(), Fault> {
        let message = message.map_or("{}", RawValue::get);
        let message = Object::parse(message).map_err(|_| malformed("the message is no object"))?;
        let usage = message.peek("usage").filter(|usage| usage.get() != "null");
        if let Some(usage) = usage {
            self.counts.merge(usage);
        }
        self.seen = self.seen.max(1);
        events.push(Event::Start {
            id: text_of(message.peek("id")),
            model: text_of(message.peek("model")),
            created: None,
            service_tier: self.counts.service_tier.clone(),
            system_fingerprint: None,
        });
        if usage.is_some() {
            events.push(Event::Usage(self.counts.normalised()));
        }
        // Prefixes of the answer may stand in the message itself.
        let content: Vec<&RawValue> = message
            .peek("content")
            .and_then(|raw| serde_json::from_str(raw.get()).ok())
            .unwrap_or_default();
        for (at, block) in content.into_iter().enumerate() {
            self.start(at as u64, Some(block), events)?;
        }
        Ok(())
    }

    fn message_delta(
        &mut self,
        delta: Option<&RawValue>,
        usage: Option<&RawValue>,
        events: &mut Vec<Event>,
    ) -> Result<(), Fault> {
        if let Some(delta) = delta.filter(|delta| delta.get() != "null") {
            let delta = Object::of(delta).map_err(|_| malformed("a message_delta is no object"))?;
            let told = text_of(delta.peek("stop_reason"));
            if let Some(reason) = told.filter(|reason| !reason.is_empty()) {
                self.stop_reason = Some(reason);
            }
            if let Some(text) = delta.peek("stop_details").and_then(explanation) {
                self.refusal = Some(text);
            }
        }
        if let Some(usage) = usage.filter(|usage| usage.get() != "null") {
            let before = self.counts.service_tier.clone();
            self.counts.merge(usage);
            // Some tell the tier at the end only.
            if self.counts.service_tier != before {
                events.push(Event::Start {
                    id: None,
                    model: None,
                    created: None,
                    service_tier: self.counts.service_tier.clone(),
                    system_fingerprint: None,
                });
            }
            events.push(Event::Usage(self.counts.normalised()));
        }
        Ok(())
    }

    fn start(
        &mut self,
        index: u64,
        block: Option<&RawValue>,
        events: &mut Vec<Event>,
    ) -> Result<(), Fault> {
        let raw = block.ok_or_else(|| malformed("a block has no start"))?;
        let block = Object::of(raw).map_err(|_| malformed("a block is not an object"))?;
        self.seen += 1;
        if self.seen > MOST_BLOCKS {
            return Err(malformed("it has too many blocks"));
        }
        // A block that begins anew without having stopped has stopped.
        if let Some(at) = self.blocks.iter().position(|open| open.index == index) {
            let open = self.blocks.remove(at);
            self.close(open, events);
        }
        let kind = match block.peek_str("type").unwrap_or_default().as_ref() {
            "text" => {
                let start = self.written;
                if let Some(text) = text_of(block.peek("text")) {
                    self.text(text, events);
                }
                let cited: Vec<RawJson> = block
                    .peek("citations")
                    .and_then(|raw| serde_json::from_str(raw.get()).ok())
                    .unwrap_or_default();
                self.kept += cited.iter().map(|raw| raw.get().len() + 1).sum::<usize>();
                self.check_kept()?;
                Kind::Text { start, citations: cited }
            }
            "thinking" | "redacted_thinking" if self.context.exclude_reasoning => Kind::Ignored,
            "thinking" => {
                let ordinal = self.reasoning;
                self.reasoning += 1;
                if let Some(text) = text_of(block.peek("thinking")) {
                    reasoning(ordinal, ReasoningDelta::Text(text), events);
                }
                match text_of(block.peek("signature")) {
                    Some(signature) if !signature.is_empty() => {
                        reasoning(ordinal, ReasoningDelta::Signature(signature), events);
                    }
                    _ => {}
                }
                Kind::Reasoning { ordinal }
            }
            "redacted_thinking" => {
                let ordinal = self.reasoning;
                self.reasoning += 1;
                let data = text_of(block.peek("data")).unwrap_or_default();
                reasoning(ordinal, ReasoningDelta::Encrypted(data), events);
                Kind::Ignored
            }
            "tool_use" => self.tool(&block, events),
            _ => {
                self.kept += raw.get().len();
                self.check_kept()?;
                Kind::Whole { block: RawJson::from_raw(raw), input: String::new() }
            }
        };
        self.blocks.push(Open { index, kind, half: Half::default() });
        Ok(())
    }

    fn tool(&mut self, block: &Object<'_>, events: &mut Vec<Event>) -> Kind {
        let name = text_of(block.peek("name")).unwrap_or_default();
        let input = Input::of(block);
        if self.context.emulated_output_tool.as_deref() == Some(name.as_str()) {
            if self.answered_by_tool {
                return Kind::Ignored;
            }
            self.answered_by_tool = true;
            self.held.clear();
            return Kind::Answer { input };
        }
        let ordinal = self.tool_calls;
        self.tool_calls += 1;
        events.push(Event::ToolCallStart {
            choice: 0,
            index: ordinal,
            id: text_of(block.peek("id")).unwrap_or_default(),
            name: self.context.declared_name(&name).to_owned(),
        });
        Kind::Tool { ordinal, input }
    }

    fn delta(
        &mut self,
        index: u64,
        delta: Option<&RawValue>,
        events: &mut Vec<Event>,
    ) -> Result<(), Fault> {
        let raw = delta.map_or("{}", RawValue::get);
        let delta: Delta<'_> =
            read_object(raw).ok_or_else(|| malformed("a delta has the wrong form"))?;
        let open =
            self.blocks.iter_mut().find(|open| open.index == index).map(|open| &mut open.kind);
        match (delta.kind.as_deref().unwrap_or_default(), open) {
            ("text_delta", _) => {
                self.piece(index, Piece::Text, delta.text.unwrap_or_default().json(), events);
            }
            ("input_json_delta", _) => {
                let json = delta.partial_json.unwrap_or_default().json();
                self.piece(index, Piece::Input, json, events);
            }
            ("thinking_delta", _) => {
                let json = delta.thinking.unwrap_or_default().json();
                self.piece(index, Piece::Thinking, json, events);
            }
            ("signature_delta", Some(Kind::Reasoning { ordinal })) => {
                let signature = delta.signature.unwrap_or_default().text().into_owned();
                if !signature.is_empty() {
                    reasoning(*ordinal, ReasoningDelta::Signature(signature), events);
                }
            }
            ("citations_delta", Some(Kind::Text { citations, .. })) => {
                if let Some(citation) = delta.citation {
                    self.kept += citation.get().len() + 1;
                    citations.push(RawJson::from_raw(citation));
                }
            }
            // Kinds of later versions, and pieces of blocks that never began.
            _ => {}
        }
        self.check_kept()
    }

    /// Takes a piece of the block that is open at an index, a JSON string.
    fn piece(&mut self, index: u64, piece: Piece, json: &str, events: &mut Vec<Event>) {
        let mut stray = Half::default();
        let (open, half) = match self.blocks.iter_mut().find(|open| open.index == index) {
            Some(Open { kind, half, .. }) => (Some(kind), half),
            None => {
                if let Some(at) = self.strays.iter().position(|(known, _)| *known == index) {
                    stray = self.strays.swap_remove(at).1;
                }
                (None, &mut stray)
            }
        };
        let text = half.join(json).unwrap_or_default();
        match (piece, open) {
            (Piece::Text, open) if !matches!(open, Some(Kind::Ignored)) => {
                self.text(text.into_owned(), events);
            }
            (Piece::Input, Some(Kind::Tool { ordinal, input })) if !text.is_empty() => {
                input.pieces = true;
                events.push(Event::ToolCallArguments {
                    choice: 0,
                    index: *ordinal,
                    arguments: text.into_owned(),
                });
            }
            (Piece::Input, Some(Kind::Answer { input })) if !text.is_empty() => {
                input.pieces = true;
                events.push(Event::Text { choice: 0, text: text.into_owned() });
            }
            (Piece::Input, Some(Kind::Whole { input, .. })) => {
                self.kept += text.len();
                input.push_str(&text);
            }
            (Piece::Thinking, Some(Kind::Reasoning { ordinal })) => {
                reasoning(*ordinal, ReasoningDelta::Text(text.into_owned()), events);
            }
            // Pieces of blocks that never began.
            _ => {}
        }
        if stray != Half::default() && self.strays.len() < MOST_BLOCKS {
            self.strays.push((index, stray));
        }
    }

    /// What stands for half a character whose other half never came to its block.
    fn half(&mut self, open: &mut Open, events: &mut Vec<Event>) {
        let Some(text) = open.half.end() else { return };
        match &mut open.kind {
            Kind::Text { .. } => self.text(text, events),
            Kind::Reasoning { ordinal } => reasoning(*ordinal, ReasoningDelta::Text(text), events),
            Kind::Tool { ordinal, input } => {
                input.pieces = true;
                let index = *ordinal;
                events.push(Event::ToolCallArguments { choice: 0, index, arguments: text });
            }
            Kind::Answer { input } => {
                input.pieces = true;
                events.push(Event::Text { choice: 0, text });
            }
            Kind::Whole { input, .. } => {
                self.kept += text.len();
                input.push_str(&text);
            }
            Kind::Ignored => {}
        }
    }

    /// Remembers the form of a piece.
    fn learn(&mut self, text: &str, data: &Data<'_>) {
        if self.pieces.may_learn(text.as_bytes()) {
            self.pieces.learn(data.form(text));
        }
    }

    fn check_kept(&self) -> Result<(), Fault> {
        if self.kept > MOST_KEPT { Err(malformed("its blocks are too long")) } else { Ok(()) }
    }

    fn text(&mut self, text: String, events: &mut Vec<Event>) {
        if text.is_empty() {
            return;
        }
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
            Kind::Tool { ordinal, input } => {
                if let Some(arguments) = input.rest() {
                    events.push(Event::ToolCallArguments { choice: 0, index: ordinal, arguments });
                }
            }
            Kind::Answer { input } => {
                if let Some(text) = input.rest() {
                    events.push(Event::Text { choice: 0, text });
                }
            }
            Kind::Whole { block, input } => {
                self.kept = self.kept.saturating_sub(block.get().len() + input.len());
                let raw = if input.is_empty() { Some(block) } else { with_input(&block, &input) };
                if let Some(raw) = raw {
                    events.push(Event::Opaque { origin: Dialect::Anthropic, raw });
                }
            }
            Kind::Reasoning { .. } | Kind::Ignored => {}
        }
    }

    fn close_all(&mut self, events: &mut Vec<Event>) {
        for open in std::mem::take(&mut self.blocks) {
            self.close(open, events);
        }
        for (_, mut half) in std::mem::take(&mut self.strays) {
            if let Some(text) = half.end() {
                self.text(text, events);
            }
        }
        if !self.held.is_empty() {
            events.push(Event::Text { choice: 0, text: std::mem::take(&mut self.held) });
        }
    }

    fn reason(&self, native: Option<&str>) -> FinishReason {
        let calls = self.tool_calls > 0;
        match native.map(finish_of) {
            // The only call was the answer itself. Bug 13
            Some(FinishReason::ToolCalls)
                if !calls && self.context.emulated_output_tool.is_some() =>
            {
                FinishReason::Stop
            }
            Some(reason) => reason,
            None if calls => FinishReason::ToolCalls,
            None => FinishReason::Stop,
        }
    }

    fn tell_end(&mut self, events: &mut Vec<Event>) {
        let native = self.stop_reason.take();
        let reason = self.reason(native.as_deref());
        if reason == FinishReason::ContentFilter
            && let Some(text) = self.refusal.take()
        {
            events.push(Event::Refusal { choice: 0, text });
        }
        events.push(Event::Finish { choice: 0, reason, native });
    }
}

fn reasoning(index: u32, delta: ReasoningDelta, events: &mut Vec<Event>) {
    let empty = matches!(&delta, ReasoningDelta::Text(text) if text.is_empty());
    if !empty {
        events.push(Event::Reasoning {
            choice: 0,
            index,
            id: None,
            format: ReasoningFormat::Anthropic,
            delta,
        });
    }
}
