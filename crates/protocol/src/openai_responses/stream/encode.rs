//! Events into the stream a caller gets. RESP-4

use super::item::{Item, Kind, Part, Piece, Thought, write_part, write_text};
use super::write::{Events, write_failure};
use crate::exchange::{
    Additions, Event, Fault, FinishReason, Identity, MediaSource, ReasoningDelta, ReasoningFormat,
    Usage,
};
use crate::json::RawJson;
use crate::openai_chat::write::{ObjectWriter, array, object};
use crate::openai_responses::encode::{Shape, is_one_item};
use crate::openai_responses::error::write_error;
use crate::openai_responses::{Echo, usage, wire};
use crate::sse::DONE;

/// Writes a stream for a caller. Feed every event to [`Self::push`], then call [`Self::finish`].
/// The answer so far is kept: the last event holds all of it.
#[derive(Debug)]
pub struct StreamEncoder {
    identity: Identity,
    echo: Echo,
    events: Events,
    /// The choice that is told: there is only one in this protocol.
    choice: u32,
    begun: bool,
    /// By `output_index`.
    items: Vec<Item>,
    message: Option<usize>,
    /// Something stands after the open message: more text begins another.
    stale: bool,
    thought: Option<usize>,
    /// The calls so far: ordinal and item.
    calls: Vec<(u32, usize)>,
    usage: Option<Usage>,
    service_tier: Option<String>,
    finish: Option<(FinishReason, Option<String>)>,
    fault: Option<Fault>,
}

impl StreamEncoder {
    /// An encoder that answers in the name of `identity` to a request that named no parameters.
    pub fn new(identity: Identity) -> Self {
        Self::with_echo(identity, Echo::default())
    }

    /// The same, with what the answer repeats of its request.
    pub fn with_echo(identity: Identity, echo: Echo) -> Self {
        Self::of(identity, echo, Events::default(), 0)
    }

    /// One that writes nothing until it is asked for the whole.
    pub(in crate::openai_responses) fn silent(identity: Identity, echo: Echo, choice: u32) -> Self {
        Self::of(identity, echo, Events::silent(), choice)
    }

    /// One that goes on with a stream of which something was written already.
    pub(in crate::openai_responses) fn resumed(
        identity: Identity,
        events: Events,
        begun: bool,
    ) -> Self {
        Self { begun, ..Self::of(identity, Echo::default(), events, 0) }
    }

    fn of(identity: Identity, echo: Echo, events: Events, choice: u32) -> Self {
        Self {
            identity,
            echo,
            events,
            choice,
            begun: false,
            items: Vec::new(),
            message: None,
            stale: false,
            thought: None,
            calls: Vec::new(),
            usage: None,
            service_tier: None,
            finish: None,
            fault: None,
        }
    }

    /// Takes one event and writes what the caller gets for it, which may be nothing.
    pub fn push(&mut self, event: &Event, out: &mut Vec<u8>) {
        if self.fault.is_some() {
            return;
        }
        match event {
            Event::Start { service_tier, .. } => {
                if service_tier.is_some() {
                    self.service_tier.clone_from(service_tier);
                }
            }
            Event::Usage(counts) => self.usage = Some(*counts),
            Event::Fault(fault) => {
                self.begin(out);
                write_failure(&mut self.events, fault, out);
                self.fault = Some(fault.clone());
            }
            Event::Ping | Event::Opaque { .. } => {}
            Event::Finish { choice, reason, native } if *choice == self.choice => {
                self.end(*reason, native.as_deref(), out);
            }
            Event::Text { choice, text } if *choice == self.choice => self.text(text, out),
            Event::Refusal { choice, text } if *choice == self.choice => self.refusal(text, out),
            Event::Annotation { choice, raw } if *choice == self.choice => {
                self.annotation(raw, out);
            }
            Event::Logprobs { choice, raw } if *choice == self.choice => self.logprobs(raw, out),
            Event::Reasoning { choice, index, id, format, delta } if *choice == self.choice => {
                self.reasoning(*index, id.as_deref(), format, delta, out);
            }
            Event::ToolCallStart { choice, index, id, name } if *choice == self.choice => {
                self.call(*index, id, name, out);
            }
            Event::ToolCallArguments { choice, index, arguments } if *choice == self.choice => {
                self.arguments(*index, arguments, out);
            }
            Event::Image { choice, source } if *choice == self.choice => self.image(source, out),
            // There is no audio in this protocol; what is said in it is text.
            Event::Audio { choice, transcript: Some(said), .. } if *choice == self.choice => {
                self.text(said, out);
            }
            Event::Finish { .. }
            | Event::Text { .. }
            | Event::Refusal { .. }
            | Event::Annotation { .. }
            | Event::Logprobs { .. }
            | Event::Reasoning { .. }
            | Event::ToolCallStart { .. }
            | Event::ToolCallArguments { .. }
            | Event::Image { .. }
            | Event::Audio { .. } => {}
        }
    }

    /// Writes the end: the whole answer with its usage and cost, and `[DONE]`. USAGE-6
    pub fn finish(&mut self, additions: Additions<'_>, out: &mut Vec<u8>) {
        self.begin(out);
        if self.fault.is_none() {
            self.close_all("completed", out);
        }
        let status = self.status();
        let mut whole = Vec::new();
        self.write_response(&mut whole, status, Some(additions));
        self.events.write(out, &format!("response.{status}"), |event| {
            event.value("response").extend_from_slice(&whole);
        });
        out.extend_from_slice(DONE);
    }

    /// The whole answer, instead of the end of its stream.
    pub(in crate::openai_responses) fn into_whole(mut self, additions: Additions<'_>) -> Vec<u8> {
        let mut nothing = Vec::new();
        self.close_all("completed", &mut nothing);
        let mut whole = Vec::with_capacity(1_024);
        self.write_response(&mut whole, self.status(), Some(additions));
        whole
    }

    /// How the answer ended.
    fn status(&self) -> &'static str {
        match (&self.fault, &self.finish) {
            (Some(_), _) | (None, Some((FinishReason::Error, _))) => "failed",
            (None, Some((FinishReason::Length | FinishReason::ContentFilter, _))) => "incomplete",
            (None, _) => "completed",
        }
    }

    fn begin(&mut self, out: &mut Vec<u8>) {
        if std::mem::replace(&mut self.begun, true) || self.events.is_silent() {
            return;
        }
        let mut response = Vec::with_capacity(1_024);
        self.write_response(&mut response, "in_progress", None);
        for kind in ["response.created", "response.in_progress"] {
            self.events.write(out, kind, |event| {
                event.value("response").extend_from_slice(&response);
            });
        }
    }

    /// Writes the response object, with all items that are complete. RESP-2
    fn write_response(&self, out: &mut Vec<u8>, status: &str, additions: Option<Additions<'_>>) {
        let finish = self.finish.as_ref();
        let fault = match finish {
            Some((FinishReason::Error, native)) if self.fault.is_none() => {
                Some(Fault::of_finish(native.as_deref()))
            }
            _ => self.fault.clone(),
        };
        object(out, |response| {
            response.string("id", &self.identity.id);
            response.string("object", "response");
            response.number("created_at", self.identity.created);
            response.string("status", status);
            response.raw("background", "false");
            response.raw("completed_at", "null");
            match &fault {
                Some(fault) if status == "failed" => {
                    response.object("error", |error| write_error(error, fault));
                    response.string("error_type", &fault.error_type.name());
                }
                _ => response.raw("error", "null"),
            }
            let reason = match finish {
                Some((FinishReason::ContentFilter, _)) => "content_filter",
                _ => "max_output_tokens",
            };
            if status == "incomplete" {
                response.object("incomplete_details", |why| why.string("reason", reason));
            } else {
                response.raw("incomplete_details", "null");
            }
            self.echo.write_before(response);
            response.string("model", &self.identity.model);
            array(response.value("output"), &self.items, |out, item| match &item.done {
                Some(json) => out.extend_from_slice(json.as_bytes()),
                None => item.write(out, "incomplete"),
            });
            self.echo.write_after(response);
            response.string_or_null("service_tier", self.service_tier.as_deref());
            let charge = additions.and_then(|additions| additions.charge);
            match &self.usage {
                Some(counts) if additions.is_some() => {
                    usage::write(response.value("usage"), counts, charge, &[]);
                }
                _ => response.raw("usage", "null"),
            }
            if let Some(additions) = additions {
                response.members(additions.members);
            }
        });
    }

    /// Opens an item and tells of it.
    fn open(&mut self, prefix: &str, kind: Kind, out: &mut Vec<u8>) -> usize {
        self.begin(out);
        let at = self.items.len();
        let id = match &kind {
            Kind::Thought(Thought { id: Some(id), .. }) => id.clone(),
            _ => wire::item_id(prefix, &self.identity.id, at),
        };
        let item = Item { id, kind, done: None };
        self.events.write(out, "response.output_item.added", |event| {
            event.number("output_index", at as u64);
            item.write(event.value("item"), "in_progress");
        });
        self.items.push(item);
        at
    }

    /// Completes an item and tells of it.
    fn close(&mut self, at: usize, status: &str, out: &mut Vec<u8>) {
        let Some(item) = self.items.get_mut(at).filter(|item| item.done.is_none()) else { return };
        let json = item.as_json(status);
        self.events.write(out, "response.output_item.done", |event| {
            event.number("output_index", at as u64);
            event.raw("item", &json);
        });
        item.done = Some(json);
    }

    /// Writes an event of an item.
    fn tell(
        &mut self,
        kind: &str,
        at: usize,
        out: &mut Vec<u8>,
        fill: impl FnOnce(&mut ObjectWriter<'_>),
    ) {
        let Some(item) = self.items.get(at) else { return };
        self.events.write(out, kind, |event| {
            event.string("item_id", &item.id);
            event.number("output_index", at as u64);
            fill(event);
        });
    }

    // Messages.

    fn parts(&mut self, at: usize) -> Option<&mut Vec<Part>> {
        match &mut self.items.get_mut(at)?.kind {
            Kind::Message(parts) => Some(parts),
            _ => None,
        }
    }

    /// The open message and the position of its last part, which is made if it is of another kind.
    fn part(&mut self, refusal: bool, out: &mut Vec<u8>) -> (usize, u64) {
        self.close_thought(out);
        if std::mem::take(&mut self.stale) {
            self.close_message("completed", out);
        }
        let at = match self.message {
            Some(at) => at,
            None => {
                let at = self.open("msg", Kind::Message(Vec::new()), out);
                self.message = Some(at);
                at
            }
        };
        let last = self.parts(at).and_then(|parts| parts.last());
        if last.is_none_or(|part| matches!(part, Part::Refusal(_)) != refusal) {
            self.close_part(at, out);
            let part = if refusal {
                Part::Refusal(String::new())
            } else {
                Part::Text { text: String::new(), annotations: Vec::new(), logprobs: Vec::new() }
            };
            let position = self.parts(at).map_or(0, |parts| parts.len()) as u64;
            self.tell("response.content_part.added", at, out, |event| {
                event.number("content_index", position);
                write_part(event.value("part"), &part);
            });
            if let Some(parts) = self.parts(at) {
                parts.push(part);
            }
        }
        let position = self.parts(at).map_or(0, |parts| parts.len().saturating_sub(1)) as u64;
        (at, position)
    }

    fn text(&mut self, piece: &str, out: &mut Vec<u8>) {
        if piece.is_empty() {
            return;
        }
        let (at, position) = self.part(false, out);
        self.delta("response.output_text.delta", at, position, piece, true, out);
        if let Some(Part::Text { text, .. }) = self.parts(at).and_then(|parts| parts.last_mut()) {
            text.push_str(piece);
        }
    }

    fn refusal(&mut self, piece: &str, out: &mut Vec<u8>) {
        if piece.is_empty() {
            return;
        }
        let (at, position) = self.part(true, out);
        self.delta("response.refusal.delta", at, position, piece, false, out);
        if let Some(Part::Refusal(text)) = self.parts(at).and_then(|parts| parts.last_mut()) {
            text.push_str(piece);
        }
    }

    fn delta(
        &mut self,
        kind: &str,
        at: usize,
        position: u64,
        piece: &str,
        logprobs: bool,
        out: &mut Vec<u8>,
    ) {
        self.tell(kind, at, out, |event| {
            event.number("content_index", position);
            event.string("delta", piece);
            if logprobs {
                event.raw("logprobs", "[]");
            }
        });
    }

    /// The last text of the open message, also when something stands after it.
    fn open_text(&mut self) -> Option<(usize, u64)> {
        let at = self.message?;
        let parts = self.parts(at)?;
        matches!(parts.last(), Some(Part::Text { .. })).then(|| (at, parts.len() as u64 - 1))
    }

    fn annotation(&mut self, raw: &RawJson, out: &mut Vec<u8>) {
        let (at, position) = match self.open_text() {
            Some(open) => open,
            None => self.part(false, out),
        };
        let flat = wire::annotation_out(raw);
        let Some(Part::Text { annotations, .. }) =
            self.parts(at).and_then(|parts| parts.last_mut())
        else {
            return;
        };
        let index = annotations.len() as u64;
        annotations.push(flat.clone());
        self.tell("response.output_text.annotation.added", at, out, |event| {
            event.number("content_index", position);
            event.number("annotation_index", index);
            event.raw("annotation", &flat);
        });
    }

    fn logprobs(&mut self, raw: &RawJson, out: &mut Vec<u8>) {
        let entries = wire::logprobs_out(raw);
        let Some((at, position)) = self.open_text().filter(|_| !entries.is_empty()) else { return };
        self.tell("response.output_text.delta", at, out, |event| {
            event.number("content_index", position);
            event.string("delta", "");
            event.raw("logprobs", &wire::joined(&entries));
        });
        if let Some(Part::Text { logprobs, .. }) = self.parts(at).and_then(|parts| parts.last_mut())
        {
            logprobs.extend(entries);
        }
    }

    /// Tells that the last part of a message is complete.
    fn close_part(&mut self, at: usize, out: &mut Vec<u8>) {
        let Some(Kind::Message(parts)) = self.items.get(at).map(|item| &item.kind) else { return };
        let Some(part) = parts.last() else { return };
        let position = parts.len() as u64 - 1;
        let mut written = Vec::new();
        write_part(&mut written, part);
        let (kind, name, text, logprobs) = match part {
            Part::Text { text, logprobs, .. } => {
                ("response.output_text.done", "text", text.clone(), Some(wire::joined(logprobs)))
            }
            Part::Refusal(text) => ("response.refusal.done", "refusal", text.clone(), None),
        };
        self.tell(kind, at, out, |event| {
            event.number("content_index", position);
            event.string(name, &text);
            if let Some(logprobs) = &logprobs {
                event.raw("logprobs", logprobs);
            }
        });
        self.tell("response.content_part.done", at, out, |event| {
            event.number("content_index", position);
            event.value("part").extend_from_slice(&written);
        });
    }

    fn close_message(&mut self, status: &str, out: &mut Vec<u8>) {
        self.stale = false;
        if let Some(at) = self.message.take() {
            self.close_part(at, out);
            self.close(at, status, out);
        }
    }

    /// Something else follows the open message. What still belongs to it may come in a whole
    /// answer, where nothing is told before its time.
    fn leave_message(&mut self, out: &mut Vec<u8>) {
        if self.events.is_silent() {
            self.stale = self.message.is_some();
        } else {
            self.close_message("completed", out);
        }
    }

    // Reasoning.

    fn thought_at(&mut self, at: usize) -> Option<&mut Thought> {
        match &mut self.items.get_mut(at)?.kind {
            Kind::Thought(thought) => Some(thought),
            _ => None,
        }
    }

    fn reasoning(
        &mut self,
        index: u32,
        id: Option<&str>,
        format: &ReasoningFormat,
        delta: &ReasoningDelta,
        out: &mut Vec<u8>,
    ) {
        // Citations of the text before may come after a signature.
        self.stale = self.message.is_some();
        let at = self.thought_for(index, id, format, delta, out);
        match delta {
            ReasoningDelta::Summary(text) => self.thinking(at, index, true, text, out),
            ReasoningDelta::Text(text) => self.thinking(at, index, false, text, out),
            ReasoningDelta::Signature(signature) => {
                if let Some(thought) = self.thought_at(at) {
                    thought.shape.text = true;
                    thought.shape.signed = true;
                    thought.signature = Some(signature.clone());
                }
            }
            ReasoningDelta::Encrypted(data) => {
                if let Some(thought) = self.thought_at(at) {
                    thought.shape.encrypted = true;
                    thought.encrypted_index = Some(index);
                    thought.encrypted.get_or_insert_default().push_str(data);
                }
            }
        }
    }

    /// The item a piece belongs to: the open one if it can, else another.
    fn thought_for(
        &mut self,
        index: u32,
        id: Option<&str>,
        format: &ReasoningFormat,
        delta: &ReasoningDelta,
        out: &mut Vec<u8>,
    ) -> usize {
        let open = self.thought;
        if let Some(at) = open
            && let Some(thought) = self.thought_at(at)
        {
            let known = match delta {
                ReasoningDelta::Encrypted(_) => thought.encrypted_index == Some(index),
                ReasoningDelta::Signature(_) => {
                    !thought.shape.signed && thought.pieces.iter().any(|piece| piece.index == index)
                }
                ReasoningDelta::Text(_) | ReasoningDelta::Summary(_) => {
                    thought.pieces.iter().any(|piece| piece.index == index && !piece.closed)
                }
            };
            let fits = match delta {
                ReasoningDelta::Summary(_) => thought.shape.takes_summary(),
                ReasoningDelta::Text(_) | ReasoningDelta::Signature(_) => {
                    thought.shape.takes_text()
                }
                ReasoningDelta::Encrypted(_) => !thought.shape.encrypted,
            };
            let told = thought.id.as_deref();
            if known || (fits && is_one_item((told, &thought.format), (id, format))) {
                return at;
            }
        }
        self.close_thought(out);
        let at = self.open(
            "rs",
            Kind::Thought(Thought {
                id: id.map(str::to_owned),
                format: format.clone(),
                shape: Shape::default(),
                pieces: Vec::new(),
                signature: None,
                encrypted: None,
                encrypted_index: None,
            }),
            out,
        );
        self.thought = Some(at);
        at
    }

    fn thinking(&mut self, at: usize, index: u32, is_summary: bool, text: &str, out: &mut Vec<u8>) {
        let Some(thought) = self.thought_at(at) else { return };
        thought.shape.text |= !is_summary;
        let found = thought.pieces.iter().position(|piece| {
            piece.index == index && piece.is_summary == is_summary && !piece.closed
        });
        let place = match found {
            Some(place) => place,
            None => {
                self.close_pieces(at, out);
                let Some(thought) = self.thought_at(at) else { return };
                thought.pieces.push(Piece {
                    index,
                    is_summary,
                    text: String::new(),
                    closed: false,
                });
                thought.pieces.len() - 1
            }
        };
        if text.is_empty() {
            return;
        }
        let Some(thought) = self.thought_at(at) else { return };
        let position = thought.position(place);
        let first = thought.pieces[place].text.is_empty();
        thought.pieces[place].text.push_str(text);
        let (part, name, delta, kind) = spoken(is_summary);
        if first {
            self.tell(&format!("response.{part}.added"), at, out, |event| {
                event.number(name, position);
                write_text(event.value("part"), kind, "");
            });
        }
        self.tell(&format!("response.{delta}.delta"), at, out, |event| {
            event.number(name, position);
            event.string("delta", text);
        });
    }

    /// Tells that the pieces of a reasoning item are complete.
    fn close_pieces(&mut self, at: usize, out: &mut Vec<u8>) {
        let Some(thought) = self.thought_at(at) else { return };
        let mut ended = Vec::new();
        for place in 0..thought.pieces.len() {
            let position = thought.position(place);
            let piece = &mut thought.pieces[place];
            if !std::mem::replace(&mut piece.closed, true) && !piece.text.is_empty() {
                ended.push((piece.is_summary, position, piece.text.clone()));
            }
        }
        for (is_summary, position, text) in ended {
            let (part, name, delta, kind) = spoken(is_summary);
            self.tell(&format!("response.{delta}.done"), at, out, |event| {
                event.number(name, position);
                event.string("text", &text);
            });
            self.tell(&format!("response.{part}.done"), at, out, |event| {
                event.number(name, position);
                write_text(event.value("part"), kind, &text);
            });
        }
    }

    fn close_thought(&mut self, out: &mut Vec<u8>) {
        if let Some(at) = self.thought.take() {
            self.close_pieces(at, out);
            self.close(at, "completed", out);
        }
    }

    // Calls and images.

    fn call(&mut self, index: u32, id: &str, name: &str, out: &mut Vec<u8>) {
        self.close_thought(out);
        self.leave_message(out);
        let call =
            Kind::Call { id: id.to_owned(), name: name.to_owned(), arguments: String::new() };
        let at = self.open("fc", call, out);
        self.calls.push((index, at));
    }

    fn arguments(&mut self, index: u32, piece: &str, out: &mut Vec<u8>) {
        let found = self.calls.iter().rev().find(|(known, _)| *known == index).map(|(_, at)| *at);
        let Some(at) = found.filter(|_| !piece.is_empty()) else { return };
        if let Some(Kind::Call { arguments, .. }) =
            self.items.get_mut(at).map(|item| &mut item.kind)
        {
            arguments.push_str(piece);
        }
        self.tell("response.function_call_arguments.delta", at, out, |event| {
            event.string("delta", piece);
        });
    }

    fn close_calls(&mut self, status: &str, out: &mut Vec<u8>) {
        for (index, at) in std::mem::take(&mut self.calls) {
            let bare = matches!(
                self.items.get(at).map(|item| &item.kind),
                Some(Kind::Call { arguments, .. }) if arguments.is_empty()
            );
            if bare {
                // A call without arguments has none, in JSON. Bug 3
                self.calls = vec![(index, at)];
                self.arguments(index, "{}", out);
                self.calls.clear();
            }
            let Some(Kind::Call { name, arguments, .. }) =
                self.items.get(at).map(|item| &item.kind)
            else {
                continue;
            };
            let (name, arguments) = (name.clone(), arguments.clone());
            self.tell("response.function_call_arguments.done", at, out, |event| {
                event.string("name", &name);
                event.string("arguments", &arguments);
            });
            self.close(at, status, out);
        }
    }

    fn image(&mut self, source: &MediaSource, out: &mut Vec<u8>) {
        self.close_thought(out);
        self.leave_message(out);
        let at = self.open("ig", Kind::Image(source.clone()), out);
        self.tell("response.image_generation_call.in_progress", at, out, |_| {});
        self.tell("response.image_generation_call.completed", at, out, |_| {});
        self.close(at, "completed", out);
    }

    // The end.

    fn close_all(&mut self, status: &str, out: &mut Vec<u8>) {
        self.close_thought(out);
        self.close_message(status, out);
        self.close_calls(status, out);
    }

    fn end(&mut self, reason: FinishReason, native: Option<&str>, out: &mut Vec<u8>) {
        self.begin(out);
        let status = match reason {
            FinishReason::Stop | FinishReason::ToolCalls => "completed",
            FinishReason::Length | FinishReason::ContentFilter | FinishReason::Error => {
                "incomplete"
            }
        };
        self.close_all(status, out);
        if reason == FinishReason::Error {
            write_failure(&mut self.events, &Fault::of_finish(native), out);
        }
        self.finish = Some((reason, native.map(str::to_owned)));
    }
}

/// The words for a piece of reasoning: its part, the name of its position, its delta, its kind.
const fn spoken(is_summary: bool) -> (&'static str, &'static str, &'static str, &'static str) {
    if is_summary {
        ("reasoning_summary_part", "summary_index", "reasoning_summary_text", "summary_text")
    } else {
        ("content_part", "content_index", "reasoning_text", "reasoning_text")
    }
}
