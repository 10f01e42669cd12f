//! A stream passed on in the same protocol: who answers is set, everything below survives. RESP-4

use super::names;
use super::response::write_head;
use crate::exchange::{
    Additions, Event, Fault, FinishReason, Identity, PatchOutcome, ReasoningDelta, Usage,
};
use crate::json::{Object, RawJson};
use crate::openai_chat::patch::changes::Changes;
use crate::openai_chat::read::{is_null, lenient_object};
use crate::openai_chat::write::{ObjectWriter, into_text};
use crate::openai_responses::echo::Echo;
use crate::openai_responses::stream::{Events, StreamDecoder, StreamEncoder};
use crate::openai_responses::usage;
use crate::sse::{DONE, Frame, write_data, write_event};
use crate::target::ResponseContext;

/// Passes the frames of a stream on: all as they came but those that hold the answer, which is
/// named, and the last one, which waits for the cost. Feed every frame to [`Self::push`], then at
/// the end of the stream call [`Self::end`], then [`Self::finish`] or [`Self::fail`].
#[derive(Debug)]
pub struct PatchStream {
    identity: Identity,
    context: ResponseContext,
    decoder: StreamDecoder,
    events: Vec<Event>,
    /// What the answer so far tells of its keeping.
    keeping: Vec<(&'static str, RawJson)>,
    /// The last event, which gets the cost.
    held: Option<RawJson>,
    /// The number of the last event that was written.
    last: Option<u64>,
    begun: bool,
    content: bool,
    usage: Option<Usage>,
    finish: Option<(FinishReason, Option<String>)>,
    upstream_id: Option<String>,
    service_tier: Option<String>,
    text_bytes: u64,
    images: u64,
    failed: bool,
}

impl PatchStream {
    /// A stream answered in the name of `identity`.
    pub fn new(identity: Identity, context: ResponseContext) -> Self {
        Self {
            identity,
            decoder: StreamDecoder::new(context.clone()),
            context,
            keeping: Vec::new(),
            events: Vec::new(),
            held: None,
            last: None,
            begun: false,
            content: false,
            usage: None,
            finish: None,
            upstream_id: None,
            service_tier: None,
            text_bytes: 0,
            images: 0,
            failed: false,
        }
    }

    /// The same, telling in the answer so far that it is kept, and which it goes on from, as the
    /// request has it. What becomes of it the last event tells, whose writer is told.
    #[must_use]
    pub fn keeping(mut self, echo: Option<&Echo>) -> Self {
        self.keeping = echo.map(Echo::of_keeping).unwrap_or_default();
        self
    }

    /// Takes one frame and writes what the caller gets for it, which may be nothing.
    pub fn push(&mut self, frame: &Frame<'_>, out: &mut Vec<u8>) -> PatchOutcome {
        let done = self.finish.is_some() || frame.is_done();
        if self.failed || done {
            return PatchOutcome { done, ..PatchOutcome::default() };
        }
        self.decoder.push(frame, &mut self.events);
        let (content, fault) = self.learn();
        if fault.is_some() {
            self.failed = true;
            return PatchOutcome { fault, ..PatchOutcome::default() };
        }
        let Ok(text) = std::str::from_utf8(frame.data) else { return PatchOutcome::default() };
        if text.trim().is_empty() {
            return PatchOutcome::default();
        }
        // It was read a moment ago; it is an object.
        let event = Object::parse(text).unwrap_or_default();
        let kind = event.peek_str("type").map_or_else(
            || frame.event.unwrap_or_default().to_owned(),
            std::borrow::Cow::into_owned,
        );
        if self.finish.is_some() {
            self.held = RawJson::parse(text.replace(['\n', '\r'], " ")).ok();
            return PatchOutcome { content, finished: true, done: true, fault: None };
        }
        if let Some(number) =
            event.peek("sequence_number").and_then(|raw| serde_json::from_str(raw.get()).ok())
        {
            self.last = Some(number);
        }
        self.forward(frame, &event, &kind, out);
        // Pieces of what only this protocol knows are content as well.
        let content = content || kind.ends_with(".delta");
        self.content |= content;
        PatchOutcome { content, ..PatchOutcome::default() }
    }

    /// Takes over what the decoder told: whether there was content, and its fault.
    fn learn(&mut self) -> (bool, Option<Fault>) {
        let mut content = false;
        let mut failure = None;
        for event in self.events.drain(..) {
            content |= event.is_content() && !matches!(event, Event::Finish { .. });
            match event {
                Event::Start { id, service_tier, .. } => {
                    self.upstream_id = id.or(self.upstream_id.take());
                    self.service_tier = service_tier.or(self.service_tier.take());
                }
                Event::Usage(counts) => self.usage = Some(counts),
                Event::Finish { reason, native, .. } => self.finish = Some((reason, native)),
                Event::Fault(fault) => failure = Some(fault),
                Event::Image { .. } => self.images += 1,
                Event::Text { text, .. }
                | Event::Refusal { text, .. }
                | Event::ToolCallArguments { arguments: text, .. }
                | Event::Reasoning {
                    delta: ReasoningDelta::Text(text) | ReasoningDelta::Summary(text),
                    ..
                } => self.text_bytes += text.len() as u64,
                _ => {}
            }
        }
        (content, failure)
    }

    fn forward(&mut self, frame: &Frame<'_>, event: &Object<'_>, kind: &str, out: &mut Vec<u8>) {
        let name = frame.event.or(Some(kind).filter(|kind| is_plain(kind)));
        let changed = match event.peek("response").and_then(lenient_object) {
            Some(response) => {
                self.begun |= kind == "response.created";
                Some(self.with_response(event, &response))
            }
            None => self.renamed(event),
        };
        let data = changed.as_deref().map_or(frame.data, str::as_bytes);
        write(name, data, out);
    }

    /// An event that holds the answer so far, named.
    fn with_response(&self, event: &Object<'_>, response: &Object<'_>) -> String {
        let mut whole = Vec::new();
        write_head(&mut whole, response, &self.identity, &self.context, &self.keeping);
        let mut members = ObjectWriter::resume(&mut whole);
        if let Some(usage) = response.peek("usage") {
            members.raw("usage", usage.get());
        }
        members.end();
        let mut changes = Changes::default();
        changes.set("response", into_text(whole));
        let mut out = Vec::new();
        changes.write(event, &mut out);
        into_text(out)
    }

    /// An event with the names its caller declared; `None` where nothing changes. Bug 28
    fn renamed(&self, event: &Object<'_>) -> Option<String> {
        if self.context.tool_names.is_empty() {
            return None;
        }
        let Some(item) = event.peek("item").and_then(lenient_object) else {
            return names::declared(event, &self.context);
        };
        let mut changes = Changes::default();
        changes.set("item", names::declared(&item, &self.context)?);
        let mut out = Vec::new();
        changes.write(event, &mut out);
        Some(into_text(out))
    }

    /// Ends the provider's side: a stream that was cut is a fault. Bug 16
    pub fn end(&mut self) -> Result<(), Fault> {
        if self.failed {
            return Ok(());
        }
        self.decoder.finish(&mut self.events);
        match self.learn().1 {
            Some(fault) => {
                self.failed = true;
                Err(fault)
            }
            None => Ok(()),
        }
    }

    /// Writes the last event, with usage and cost, and `[DONE]`. USAGE-6, RMETA-4
    pub fn finish(&mut self, additions: Additions<'_>, out: &mut Vec<u8>) {
        if self.failed {
            return;
        }
        self.failed = true;
        match self.held.take() {
            Some(held) => self.last_event(&held, additions, out),
            // A provider that does not end its streams.
            None => {
                let mut encoder = self.encoder();
                if let Some(counts) = self.usage {
                    encoder.push(&Event::Usage(counts), out);
                }
                return encoder.finish(additions, out);
            }
        }
        out.extend_from_slice(DONE);
    }

    fn last_event(&self, held: &RawJson, additions: Additions<'_>, out: &mut Vec<u8>) {
        let event = Object::of(held.as_raw()).unwrap_or_default();
        let response = event.peek("response").and_then(lenient_object).unwrap_or_default();
        let mut whole = Vec::new();
        write_head(&mut whole, &response, &self.identity, &self.context, &[]);
        let mut members = ObjectWriter::resume(&mut whole);
        let told = response.peek("usage").filter(|raw| !is_null(raw));
        let unknown = told.map(usage::unknown_members).unwrap_or_default();
        match &self.usage {
            Some(counts) => {
                usage::write(members.value("usage"), counts, additions.charge, &unknown);
            }
            None => members.raw("usage", "null"),
        }
        members.members(additions.members);
        members.end();
        let mut changes = Changes::default();
        changes.set("response", into_text(whole));
        let mut json = Vec::new();
        changes.write(&event, &mut json);
        let kind = event.peek_str("type").unwrap_or_default();
        write(Some(&kind).filter(|kind| is_plain(kind)).map(AsRef::as_ref), &json, out);
    }

    /// One that goes on where the provider stopped.
    fn encoder(&self) -> StreamEncoder {
        StreamEncoder::resumed(self.identity.clone(), Events::after(self.last), self.begun)
    }

    /// Writes the end of a stream that failed after it began. ERR-13
    pub fn fail(&mut self, fault: &Fault, out: &mut Vec<u8>) {
        self.failed = true;
        let mut encoder = self.encoder();
        encoder.push(&Event::Fault(fault.clone()), out);
        encoder.finish(Additions::default(), out);
    }

    /// The token counts, if the provider told them.
    pub fn usage(&self) -> Option<Usage> {
        self.usage
    }

    /// Sets the token counts, for providers that tell none.
    pub fn set_usage(&mut self, usage: Usage) {
        self.usage = Some(usage);
    }

    /// Why the answer ended; `None` before its end.
    pub fn finish_reason(&self) -> Option<FinishReason> {
        self.finish.as_ref().map(|(reason, _)| *reason)
    }

    /// The provider's own word for it.
    pub fn native_finish_reason(&self) -> Option<&str> {
        self.finish.as_ref()?.1.as_deref()
    }

    /// How many answers have begun, and how many of them have ended: there is one.
    pub fn progress(&self) -> (usize, usize) {
        let ended = usize::from(self.finish.is_some());
        (usize::from(self.content).max(ended), ended)
    }

    /// The tier that serves, if told. TIER-7
    pub fn service_tier(&self) -> Option<&str> {
        self.service_tier.as_deref()
    }

    /// The provider's id of the answer.
    pub fn upstream_id(&self) -> Option<&str> {
        self.upstream_id.as_deref()
    }

    /// Images so far.
    pub fn images(&self) -> u64 {
        self.images
    }

    /// Bytes of text, reasoning and arguments so far, for an estimate where no usage is told.
    pub fn text_bytes(&self) -> u64 {
        self.text_bytes
    }
}

/// Whether a text can be the name of an event: a line break in it would tear the frame.
fn is_plain(kind: &str) -> bool {
    !kind.is_empty() && kind.bytes().all(|byte| byte.is_ascii_graphic())
}

fn write(name: Option<&str>, data: &[u8], out: &mut Vec<u8>) {
    match name {
        Some(name) => write_event(out, name, data),
        None => write_data(out, data),
    }
}
