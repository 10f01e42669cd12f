//! Events into the stream a caller gets. RESP-4

mod call;
mod message;
mod thought;

use super::item::{Item, Kind, Thought};
use super::write::{Events, write_failure};
use crate::exchange::{
    Additions, ErrorType, Event, Fault, FinishReason, Identity, MediaSource, ReasoningDelta, Usage,
};
use crate::openai_chat::write::{ObjectWriter, array, object};
use crate::openai_responses::error::write_error;
use crate::openai_responses::{Echo, usage, wire};
use crate::sse::DONE;

/// The most bytes of an answer that are kept for its last event. A provider that sends more than
/// this is broken or hostile.
const MAX_KEPT: usize = 64 * 1024 * 1024;

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
    /// Bytes of the answer so far.
    kept: usize,
    most: usize,
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
            kept: 0,
            most: MAX_KEPT,
        }
    }

    /// With a smaller bound.
    #[cfg(test)]
    pub(in crate::openai_responses) fn with_limit(mut self, most: usize) -> Self {
        self.most = most;
        self
    }

    /// Takes one event and writes what the caller gets for it, which may be nothing.
    pub fn push(&mut self, event: &Event, out: &mut Vec<u8>) {
        if self.fault.is_some() {
            return;
        }
        self.kept = self.kept.saturating_add(weight(event));
        if self.kept > self.most {
            let fault = Fault::new(ErrorType::ProviderUnavailable, "The answer is too long");
            self.begin(out);
            write_failure(&mut self.events, &fault, out);
            self.fault = Some(fault);
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
            match additions.and_then(|additions| additions.completed) {
                Some(completed) if status == "completed" => {
                    response.number("completed_at", completed);
                }
                _ => response.raw("completed_at", "null"),
            }
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

/// How many bytes an event adds to the answer, and a little for itself.
fn weight(event: &Event) -> usize {
    let text = match event {
        Event::Text { text, .. }
        | Event::Refusal { text, .. }
        | Event::ToolCallArguments { arguments: text, .. } => text.len(),
        Event::Reasoning { delta, .. } => match delta {
            ReasoningDelta::Text(text)
            | ReasoningDelta::Signature(text)
            | ReasoningDelta::Summary(text)
            | ReasoningDelta::Encrypted(text) => text.len(),
        },
        Event::Annotation { raw, .. } | Event::Logprobs { raw, .. } => raw.get().len(),
        Event::ToolCallStart { id, name, .. } => id.len() + name.len(),
        Event::Image { source: MediaSource::Base64 { data, .. }, .. } => data.len(),
        Event::Audio { transcript: Some(said), .. } => said.len(),
        _ => return 0,
    };
    text.saturating_add(64)
}
