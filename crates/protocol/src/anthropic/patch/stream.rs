//! A provider's stream passed on in the same protocol.

use super::super::stream::{FrameKind, StreamDecoder, write_fault, write_stop};
use super::super::wire::{key, raw, string};
use super::usage_with_charge;
use crate::exchange::{
    Additions, Event, Fault, FinishReason, Identity, PatchOutcome, ReasoningDelta, Usage,
};
use crate::json::{Object, RawJson};
use crate::sse::{Frame, write_data, write_event};
use crate::target::ResponseContext;

/// Passes the frames of a stream on: all as they came but the first, which names the answer, and
/// the last ones, which wait for the cost. Feed every frame to [`Self::push`], then at the end of
/// the stream call [`Self::end`], then [`Self::finish`] or [`Self::fail`].
#[derive(Debug)]
pub struct PatchStream {
    identity: Identity,
    decoder: StreamDecoder,
    events: Vec<Event>,
    /// The first frame, until there is content to follow it.
    beginning: Vec<u8>,
    begun: bool,
    /// The last `message_delta`, which gets the cost.
    held: Option<RawJson>,
    /// The usage of the first frame, where no later one tells any.
    first_usage: Option<RawJson>,
    usage: Option<Usage>,
    finish: Option<(FinishReason, Option<String>)>,
    upstream_id: Option<String>,
    service_tier: Option<String>,
    text_bytes: u64,
    failed: bool,
}

impl PatchStream {
    /// A stream answered in the name of `identity`.
    pub fn new(identity: Identity, context: ResponseContext) -> Self {
        Self {
            identity,
            decoder: StreamDecoder::new(context),
            events: Vec::new(),
            beginning: Vec::new(),
            begun: false,
            held: None,
            first_usage: None,
            usage: None,
            finish: None,
            upstream_id: None,
            service_tier: None,
            text_bytes: 0,
            failed: false,
        }
    }

    /// Takes one frame and writes what the caller gets for it, which may be nothing.
    pub fn push(&mut self, frame: &Frame<'_>, out: &mut Vec<u8>) -> PatchOutcome {
        let done = self.finish.is_some();
        if self.failed || done {
            return PatchOutcome { done, ..PatchOutcome::default() };
        }
        let before = self.decoder.ending().is_some();
        let kind = self.decoder.take(frame, &mut self.events);
        if let Some(fault) = self.learn() {
            self.failed = true;
            return PatchOutcome { fault: Some(fault), ..PatchOutcome::default() };
        }
        let mut outcome = PatchOutcome::default();
        match kind {
            Some(FrameKind::MessageStart) => self.keep_beginning(frame),
            Some(FrameKind::MessageDelta) => {
                outcome.finished = !before && self.decoder.ending().is_some();
                let next = std::str::from_utf8(frame.data)
                    .ok()
                    .and_then(|text| RawJson::parse(text.replace(['\n', '\r'], " ")).ok());
                if let Some(held) = std::mem::replace(&mut self.held, next) {
                    self.begin(out);
                    write_event(out, "message_delta", held.get().as_bytes());
                }
            }
            Some(FrameKind::MessageStop) => {
                outcome.finished = true;
                outcome.done = true;
            }
            Some(FrameKind::Content(name)) => {
                self.begin(out);
                forward(frame, Some(name), out);
                outcome.content = true;
            }
            Some(FrameKind::Other) if self.begun => forward(frame, None, out),
            Some(FrameKind::Other) | None => {}
        }
        outcome
    }

    /// Takes over what the decoder told, and hands back its fault.
    fn learn(&mut self) -> Option<Fault> {
        let mut failure = None;
        for event in self.events.drain(..) {
            match event {
                Event::Start { id, service_tier, .. } => {
                    self.upstream_id = id.or(self.upstream_id.take());
                    self.service_tier = service_tier.or(self.service_tier.take());
                }
                Event::Usage(usage) => self.usage = Some(usage),
                Event::Finish { reason, native, .. } => self.finish = Some((reason, native)),
                Event::Fault(fault) => failure = Some(fault),
                Event::Text { text, .. } | Event::ToolCallArguments { arguments: text, .. } => {
                    self.text_bytes += text.len() as u64;
                }
                Event::Reasoning {
                    delta: ReasoningDelta::Text(text) | ReasoningDelta::Summary(text),
                    ..
                } => self.text_bytes += text.len() as u64,
                _ => {}
            }
        }
        failure
    }

    /// Names the answer in its first frame.
    fn keep_beginning(&mut self, frame: &Frame<'_>) {
        let text = std::str::from_utf8(frame.data).unwrap_or_default().replace(['\n', '\r'], " ");
        let envelope = Object::parse(&text).unwrap_or_default();
        let message =
            envelope.peek("message").and_then(|raw| Object::of(raw).ok()).unwrap_or_default();
        self.first_usage =
            message.peek("usage").filter(|raw| raw.get() != "null").map(RawJson::from_raw);
        let mut json = vec![b'{'];
        string(&mut json, "type", "message_start");
        key(&mut json, "message");
        json.push(b'{');
        string(&mut json, "id", &self.identity.id);
        string(&mut json, "model", &self.identity.model);
        string(&mut json, "provider", &self.identity.provider);
        let replaced = ["id", "model", "provider"];
        for (name, value) in message.iter().filter(|(name, _)| !replaced.contains(name)) {
            raw(&mut json, name, value.get());
        }
        json.push(b'}');
        for (name, value) in envelope.iter().filter(|(name, _)| !["type", "message"].contains(name))
        {
            raw(&mut json, name, value.get());
        }
        json.push(b'}');
        self.beginning = json;
    }

    fn begin(&mut self, out: &mut Vec<u8>) {
        if !self.begun {
            self.begun = true;
            if self.beginning.is_empty() {
                // The provider forgot to introduce itself.
                self.keep_beginning(&Frame { event: None, data: b"{}" });
            }
            write_event(out, "message_start", &self.beginning);
            self.beginning = Vec::new();
        }
    }

    /// Ends the provider's side: a stream that was cut is a fault. Bug 16
    pub fn end(&mut self) -> Result<(), Fault> {
        if self.failed {
            return Ok(());
        }
        self.decoder.finish(&mut self.events);
        match self.learn() {
            Some(fault) => {
                self.failed = true;
                Err(fault)
            }
            None => Ok(()),
        }
    }

    /// Writes the terminal frames, with usage and cost. USAGE-7, RMETA-4
    pub fn finish(&mut self, additions: Additions<'_>, out: &mut Vec<u8>) {
        if self.failed {
            return;
        }
        self.begin(out);
        let held = self.held.take();
        let object = held.as_ref().and_then(|held| Object::of(held.as_raw()).ok());
        let told = object.as_ref().and_then(|object| object.peek("usage"));
        let told = told.filter(|raw| raw.get() != "null").map(RawJson::from_raw);
        let usage = usage_with_charge(
            told.as_ref().or(self.first_usage.as_ref()),
            self.usage.as_ref(),
            self.service_tier.as_deref(),
            additions,
        );
        let mut json = vec![b'{'];
        match &object {
            Some(object) => {
                for (name, value) in object.iter().filter(|(name, _)| *name != "usage") {
                    raw(&mut json, name, value.get());
                }
            }
            None => {
                string(&mut json, "type", "message_delta");
                raw(&mut json, "delta", r#"{"stop_reason":"end_turn","stop_sequence":null}"#);
            }
        }
        if let Some(usage) = usage {
            raw(&mut json, "usage", &usage);
        }
        json.push(b'}');
        write_event(out, "message_delta", &json);
        write_stop(out, additions.members);
        self.failed = true;
    }

    /// Ends the stream with an error. ERR-16
    pub fn fail(&mut self, fault: &Fault, out: &mut Vec<u8>) {
        self.failed = true;
        write_fault(out, fault, &self.identity, &[]);
    }

    /// The token counts, if the provider told them.
    pub fn usage(&self) -> Option<Usage> {
        self.usage
    }

    /// Sets the token counts, for providers that tell none.
    pub fn set_usage(&mut self, usage: Usage) {
        self.usage = Some(usage);
    }

    /// Why the answer ended; `None` before the provider said it.
    pub fn finish_reason(&self) -> Option<FinishReason> {
        let told = self.finish.as_ref().map(|(reason, _)| *reason);
        told.or_else(|| Some(self.decoder.ending()?.0))
    }

    /// The provider's own word for it.
    pub fn native_finish_reason(&self) -> Option<&str> {
        match &self.finish {
            Some((_, native)) => native.as_deref(),
            None => Some(self.decoder.ending()?.1),
        }
    }

    /// The tier that serves, if told. TIER-7
    pub fn service_tier(&self) -> Option<&str> {
        self.service_tier.as_deref()
    }

    /// The provider's id of the answer.
    pub fn upstream_id(&self) -> Option<&str> {
        self.upstream_id.as_deref()
    }

    /// Bytes of text, reasoning and arguments so far, for an estimate where no usage is told.
    pub fn text_bytes(&self) -> u64 {
        self.text_bytes
    }
}

/// Writes a frame as it came. Line breaks between tokens would tear it.
fn forward(frame: &Frame<'_>, name: Option<&'static str>, out: &mut Vec<u8>) {
    let start = out.len();
    match frame.event.or(name) {
        Some(name) => write_event(out, name, frame.data),
        None => write_data(out, frame.data),
    }
    if memchr::memchr2(b'\n', b'\r', frame.data).is_some() {
        let from = out.len() - frame.data.len() - 2;
        let from = from.max(start);
        let to = out.len() - 2;
        for byte in &mut out[from..to] {
            if matches!(byte, b'\n' | b'\r') {
                *byte = b' ';
            }
        }
    }
}
