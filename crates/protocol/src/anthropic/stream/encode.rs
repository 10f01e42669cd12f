//! Events → the stream a caller reads. MSG-3

use super::complete::Completeness;
use crate::Dialect;
use crate::anthropic::response::write_stop_details;
use crate::anthropic::wire::{key, members, number, raw, stop_reason_of, string, string_or_null};
use crate::anthropic::{citations, error, foreign, usage};
use crate::exchange::{
    Additions, Event, Fault, FinishReason, Identity, ReasoningDelta, ReasoningFormat, Usage,
};
use crate::json::RawJson;
use crate::json::envelope::write_string;
use crate::sse::write_event;

/// The most kept of calls that wait for an earlier one to end, in bytes.
const MOST_WAITING: usize = 16 * 1024 * 1024;

/// The most calls that wait.
const MOST_CALLS: usize = 1_000;

/// The most kept of a refusal, in bytes.
const MOST_REFUSAL: usize = 64 * 1024;

/// Writes a stream event by event. Blocks follow each other strictly, as this protocol's clients
/// expect: pieces of a second call that come before the end of the first wait for it.
#[derive(Debug)]
pub struct StreamEncoder {
    identity: Identity,
    started: bool,
    /// The terminal frames or an error were written.
    ended: bool,
    next_index: u64,
    open: Option<Open>,
    waiting: Vec<Waiting>,
    usage: Option<Usage>,
    service_tier: Option<String>,
    finish: Option<(FinishReason, Option<String>)>,
    refusal: String,
    scratch: Vec<u8>,
}

#[derive(Debug)]
enum Open {
    Text,
    Thinking { ordinal: u32 },
    Tool { ordinal: u32, input: Completeness },
}

#[derive(Debug)]
struct Waiting {
    ordinal: u32,
    id: String,
    name: String,
    arguments: String,
}

impl StreamEncoder {
    /// An encoder for one answer.
    pub fn new(identity: Identity) -> Self {
        Self {
            identity,
            started: false,
            ended: false,
            next_index: 0,
            open: None,
            waiting: Vec::new(),
            usage: None,
            service_tier: None,
            finish: None,
            refusal: String::new(),
            scratch: Vec::new(),
        }
    }

    /// Writes one event. Usage is only remembered; a fault ends the stream with an error event.
    pub fn push(&mut self, event: &Event, out: &mut Vec<u8>) {
        if self.ended {
            return;
        }
        match event {
            Event::Start { service_tier: Some(tier), .. } => {
                self.service_tier = Some(tier.clone());
            }
            Event::Usage(usage) => self.usage = Some(*usage),
            Event::Text { choice: 0, text } if !text.is_empty() => {
                self.open_text(out);
                self.delta("text_delta", "text", text, out);
            }
            Event::Annotation { choice: 0, raw: annotation } => {
                if let Some(citation) = citations::citation(annotation) {
                    self.open_text(out);
                    self.delta_raw("citations_delta", "citation", &citation, out);
                }
            }
            Event::Refusal { choice: 0, text }
                if self.refusal.len() + text.len() <= MOST_REFUSAL =>
            {
                self.refusal.push_str(text);
            }
            Event::Audio { choice: 0, transcript: Some(text), .. } if !text.is_empty() => {
                self.open_text(out);
                self.delta("text_delta", "text", text, out);
            }
            Event::Reasoning { choice: 0, index, id, format, delta } => {
                self.reasoning(*index, id.as_deref(), format, delta, out);
            }
            Event::ToolCallStart { choice: 0, index, id, name } => {
                self.tool_call(*index, id, name, out);
            }
            Event::ToolCallArguments { choice: 0, index, arguments } => {
                self.arguments(*index, arguments, out);
            }
            Event::Opaque { origin: Dialect::Anthropic, raw } => {
                self.close(out);
                self.block(raw.get(), out);
            }
            Event::Finish { choice: 0, reason, native } => {
                self.finish = Some((*reason, native.clone()));
            }
            Event::Fault(fault) => self.fault(fault, out),
            Event::Ping if self.started => {
                write_event(out, "ping", br#"{"type":"ping"}"#);
            }
            // Other answers than the first, and media, have no place in this protocol.
            _ => {}
        }
    }

    /// Writes the terminal frames, unless a fault has ended the stream. An answer that its provider
    /// ended with an error ends with the event of one. USAGE-7, RMETA-4
    pub fn finish(&mut self, additions: Additions<'_>, out: &mut Vec<u8>) {
        if self.ended {
            return;
        }
        let (reason, native) = self.finish.take().unwrap_or((FinishReason::Stop, None));
        if reason == FinishReason::Error {
            self.ended = true;
            let fault = Fault::of_finish(native.as_deref());
            return write_fault(out, &fault, &self.identity, additions.members);
        }
        self.start(out);
        self.close(out);
        let refusal = std::mem::take(&mut self.refusal);
        let is_detail = reason == FinishReason::ContentFilter;
        if !is_detail && !refusal.is_empty() {
            self.open_text(out);
            self.delta("text_delta", "text", &refusal, out);
            self.close(out);
        }
        let mut json = vec![b'{'];
        string(&mut json, "type", "message_delta");
        key(&mut json, "delta");
        json.push(b'{');
        string_or_null(&mut json, "stop_reason", stop_reason_of(reason, native.as_deref()));
        raw(&mut json, "stop_sequence", "null");
        let told = is_detail && !refusal.is_empty();
        write_stop_details(&mut json, told.then_some(refusal.as_str()));
        raw(&mut json, "container", "null");
        json.push(b'}');
        key(&mut json, "usage");
        usage::write(
            &mut json,
            self.usage.as_ref(),
            self.service_tier.as_deref(),
            additions.charge,
        );
        json.push(b'}');
        write_event(out, "message_delta", &json);
        write_stop(out, additions.members);
        self.ended = true;
    }

    fn fault(&mut self, fault: &Fault, out: &mut Vec<u8>) {
        self.ended = true;
        write_fault(out, fault, &self.identity, &[]);
    }

    fn start(&mut self, out: &mut Vec<u8>) {
        if self.started {
            return;
        }
        self.started = true;
        let mut json = vec![b'{'];
        string(&mut json, "type", "message_start");
        key(&mut json, "message");
        json.push(b'{');
        string(&mut json, "id", &self.identity.id);
        string(&mut json, "type", "message");
        string(&mut json, "role", "assistant");
        string(&mut json, "model", &self.identity.model);
        string(&mut json, "provider", &self.identity.provider);
        for (name, value) in [
            ("content", "[]"),
            ("stop_reason", "null"),
            ("stop_sequence", "null"),
            ("stop_details", "null"),
            ("container", "null"),
        ] {
            raw(&mut json, name, value);
        }
        key(&mut json, "usage");
        usage::write(&mut json, self.usage.as_ref(), self.service_tier.as_deref(), None);
        json.extend_from_slice(b"}}");
        write_event(out, "message_start", &json);
    }

    /// Writes the start of a block, given as JSON text.
    fn begin(&mut self, block: &[u8], open: Open, out: &mut Vec<u8>) {
        self.start(out);
        let mut json = vec![b'{'];
        string(&mut json, "type", "content_block_start");
        number(&mut json, "index", self.next_index);
        key(&mut json, "content_block");
        json.extend_from_slice(block);
        json.push(b'}');
        write_event(out, "content_block_start", &json);
        self.open = Some(open);
    }

    fn stop(&mut self, out: &mut Vec<u8>) {
        if self.open.take().is_some() {
            let mut json = vec![b'{'];
            string(&mut json, "type", "content_block_stop");
            number(&mut json, "index", self.next_index);
            json.push(b'}');
            write_event(out, "content_block_stop", &json);
            self.next_index += 1;
        }
    }

    /// Ends the open block, and tells the calls that waited for it.
    fn close(&mut self, out: &mut Vec<u8>) {
        self.stop(out);
        for call in std::mem::take(&mut self.waiting) {
            self.begin_tool(&call, out);
            self.stop(out);
        }
    }

    /// A block that comes whole.
    fn block(&mut self, block: &str, out: &mut Vec<u8>) {
        self.begin(block.as_bytes(), Open::Text, out);
        self.stop(out);
    }

    fn open_text(&mut self, out: &mut Vec<u8>) {
        if !matches!(self.open, Some(Open::Text)) {
            self.close(out);
            self.begin(br#"{"type":"text","text":""}"#, Open::Text, out);
        }
    }

    fn delta(&mut self, kind: &str, name: &str, text: &str, out: &mut Vec<u8>) {
        out.extend_from_slice(
            b"event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":",
        );
        let _ = serde_json::to_writer(&mut *out, &self.next_index);
        out.extend_from_slice(b",\"delta\":{\"type\":\"");
        out.extend_from_slice(kind.as_bytes());
        out.extend_from_slice(b"\",\"");
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b"\":");
        write_string(out, text);
        out.extend_from_slice(b"}}\n\n");
    }

    fn delta_raw(&mut self, kind: &str, name: &str, json: &str, out: &mut Vec<u8>) {
        self.scratch.clear();
        self.scratch.push(b'{');
        string(&mut self.scratch, "type", "content_block_delta");
        number(&mut self.scratch, "index", self.next_index);
        key(&mut self.scratch, "delta");
        self.scratch.push(b'{');
        string(&mut self.scratch, "type", kind);
        raw(&mut self.scratch, name, json);
        self.scratch.extend_from_slice(b"}}");
        write_event(out, "content_block_delta", &self.scratch);
    }

    fn reasoning(
        &mut self,
        ordinal: u32,
        id: Option<&str>,
        format: &ReasoningFormat,
        delta: &ReasoningDelta,
        out: &mut Vec<u8>,
    ) {
        if let ReasoningDelta::Encrypted(data) = delta {
            self.close(out);
            let mut block = vec![b'{'];
            string(&mut block, "type", "redacted_thinking");
            string(&mut block, "data", &foreign::wrap(format, id, data));
            block.push(b'}');
            self.begin(&block, Open::Text, out);
            self.stop(out);
            return;
        }
        if !matches!(self.open, Some(Open::Thinking { ordinal: open }) if open == ordinal) {
            self.close(out);
            let block = br#"{"type":"thinking","thinking":"","signature":""}"#;
            self.begin(block, Open::Thinking { ordinal }, out);
        }
        match delta {
            ReasoningDelta::Text(text) | ReasoningDelta::Summary(text) => {
                if !text.is_empty() {
                    self.delta("thinking_delta", "thinking", text, out);
                }
            }
            ReasoningDelta::Signature(signature) => {
                let signature = foreign::wrap(format, id, signature);
                self.delta("signature_delta", "signature", &signature, out);
            }
            ReasoningDelta::Encrypted(_) => {}
        }
    }

    fn tool_call(&mut self, ordinal: u32, id: &str, name: &str, out: &mut Vec<u8>) {
        let call =
            Waiting { ordinal, id: id.to_owned(), name: name.to_owned(), arguments: String::new() };
        match &self.open {
            Some(Open::Tool { input, .. })
                if !input.is_complete() && self.waiting.len() < MOST_CALLS =>
            {
                self.waiting.push(call);
            }
            _ => {
                self.close(out);
                self.begin_tool(&call, out);
            }
        }
    }

    fn begin_tool(&mut self, call: &Waiting, out: &mut Vec<u8>) {
        let mut block = vec![b'{'];
        string(&mut block, "type", "tool_use");
        string(&mut block, "id", &call.id);
        string(&mut block, "name", &call.name);
        raw(&mut block, "input", "{}");
        block.push(b'}');
        let mut input = Completeness::default();
        input.read(&call.arguments);
        self.begin(&block, Open::Tool { ordinal: call.ordinal, input }, out);
        if !call.arguments.is_empty() {
            // Bug 4: what came whole is still a piece.
            self.delta("input_json_delta", "partial_json", &call.arguments, out);
        }
    }

    fn arguments(&mut self, ordinal: u32, piece: &str, out: &mut Vec<u8>) {
        if piece.is_empty() {
            return;
        }
        if let Some(Open::Tool { ordinal: open, input }) = &mut self.open
            && *open == ordinal
        {
            input.read(piece);
            let complete = input.is_complete();
            self.delta("input_json_delta", "partial_json", piece, out);
            if complete {
                self.advance(out);
            }
            return;
        }
        let kept: usize = self.waiting.iter().map(|call| call.arguments.len()).sum();
        if let Some(call) = self.waiting.iter_mut().find(|call| call.ordinal == ordinal) {
            call.arguments.push_str(piece);
        }
        if kept + piece.len() > MOST_WAITING {
            self.close(out);
        }
    }

    /// Goes on to the calls that waited, as far as they are complete, and opens the next one.
    fn advance(&mut self, out: &mut Vec<u8>) {
        while !self.waiting.is_empty()
            && matches!(&self.open, Some(Open::Tool { input, .. }) if input.is_complete())
        {
            self.stop(out);
            let call = self.waiting.remove(0);
            self.begin_tool(&call, out);
        }
    }
}

/// Writes the last frame. RMETA-4
pub(in crate::anthropic) fn write_stop(out: &mut Vec<u8>, more: &[(String, RawJson)]) {
    let mut json = vec![b'{'];
    string(&mut json, "type", "message_stop");
    members(&mut json, more);
    json.push(b'}');
    write_event(out, "message_stop", &json);
}

/// Writes an error event. ERR-16
pub(in crate::anthropic) fn write_fault(
    out: &mut Vec<u8>,
    fault: &Fault,
    identity: &Identity,
    more: &[(String, RawJson)],
) {
    let id = (!identity.id.is_empty()).then_some(identity.id.as_str());
    write_event(out, "error", error::envelope(fault, id, more).as_bytes());
}
