//! Events → the stream a caller of this protocol gets.

use std::borrow::Cow;

use super::super::decode::logprobs::gemini_form;
use super::super::encode::grounding;
use super::super::encode::response::{call_body, close, media, named};
use super::super::error::error_object;
use super::super::finish;
use super::super::wire::{Part, PartBody, element, open_member, string_member};
use crate::Dialect;
use crate::exchange::{
    Additions, Event, FinishReason, Identity, MediaSource, ReasoningDelta, ReasoningFormat, Usage,
};
use crate::json::RawJson;
use crate::json::envelope::write_member;

/// The most bytes kept of one answer for what is only written at its end.
const MAX_KEPT: usize = 16 * 1024 * 1024;

/// Writes the stream of one answer. Calls are whole in this protocol, so their arguments are
/// gathered; the last chunk carries finish reasons and usage.
#[derive(Debug)]
pub struct StreamEncoder {
    identity: Identity,
    choices: Vec<Open>,
    usage: Option<Usage>,
    tier: Option<String>,
    failed: bool,
    /// A chunk before it is framed; kept for its capacity.
    chunk: Vec<u8>,
}

#[derive(Debug, Default)]
struct Open {
    choice: u32,
    calls: Vec<Call>,
    /// Signatures of calls that have not begun: (call id, data). Bug 7
    signatures: Vec<(String, String)>,
    finish: Option<(FinishReason, Option<String>)>,
    text: String,
    citations: Vec<RawJson>,
    kept: usize,
}

#[derive(Debug)]
struct Call {
    index: u32,
    id: String,
    name: String,
    arguments: String,
}

impl StreamEncoder {
    /// An encoder for one answer.
    pub fn new(identity: Identity) -> Self {
        Self {
            identity,
            choices: Vec::new(),
            usage: None,
            tier: None,
            failed: false,
            chunk: Vec::new(),
        }
    }

    /// Writes one event.
    pub fn push(&mut self, event: &Event, out: &mut Vec<u8>) {
        if self.failed {
            return;
        }
        match event {
            Event::Start { service_tier, .. } => {
                if service_tier.is_some() {
                    self.tier.clone_from(service_tier);
                }
            }
            Event::Text { choice, text } => {
                self.flush_calls(*choice, out);
                if text.is_empty() {
                    return;
                }
                let open = self.open(*choice);
                if open.text.len() + text.len() <= MAX_KEPT {
                    open.text.push_str(text);
                }
                self.part(*choice, Part::text(text.as_str()), out);
            }
            Event::Refusal { choice, text } => {
                self.flush_calls(*choice, out);
                if !text.is_empty() {
                    self.part(*choice, Part::text(text.as_str()), out);
                }
            }
            Event::Annotation { choice, raw } => {
                let open = self.open(*choice);
                open.kept = open.kept.saturating_add(raw.get().len());
                if open.kept <= MAX_KEPT {
                    open.citations.push(raw.clone());
                }
            }
            Event::Reasoning { choice, id, format, delta, .. } => {
                self.reasoning(*choice, id.as_deref(), format, delta, out);
            }
            Event::ToolCallStart { choice, index, id, name } => {
                let open = self.open(*choice);
                open.calls.push(Call {
                    index: *index,
                    id: id.clone(),
                    name: name.clone(),
                    arguments: String::new(),
                });
            }
            Event::ToolCallArguments { choice, index, arguments } => {
                let open = self.open(*choice);
                open.kept = open.kept.saturating_add(arguments.len());
                let fits = open.kept <= MAX_KEPT;
                let call = open.calls.iter_mut().rev().find(|call| call.index == *index);
                if let Some(call) = call.filter(|_| fits) {
                    call.arguments.push_str(arguments);
                }
            }
            Event::Image { choice, source } => {
                self.flush_calls(*choice, out);
                if let Some(part) = media("image/png", source) {
                    self.part(*choice, part, out);
                }
            }
            Event::Audio { choice, data: Some(data), .. } => {
                self.flush_calls(*choice, out);
                let source =
                    MediaSource::Base64 { media_type: "audio/pcm".to_owned(), data: data.clone() };
                if let Some(part) = media("audio/pcm", &source) {
                    self.part(*choice, part, out);
                }
            }
            Event::Logprobs { choice, raw } => {
                if let Some(result) = gemini_form(raw.get()) {
                    self.begin();
                    self.chunk.extend_from_slice(b"{\"index\":");
                    self.chunk.extend_from_slice(choice.to_string().as_bytes());
                    write_member(&mut self.chunk, "logprobsResult", result.get());
                    self.chunk.push(b'}');
                    self.end(out);
                }
            }
            Event::Finish { choice, reason, native } => {
                self.flush_calls(*choice, out);
                self.open(*choice).finish = Some((*reason, native.clone()));
            }
            Event::Usage(usage) => self.usage = Some(*usage),
            Event::Fault(fault) => {
                self.failed = true;
                self.chunk.clear();
                self.chunk.push(b'{');
                open_member(&mut self.chunk, "error");
                let id = (!self.identity.id.is_empty()).then_some(self.identity.id.as_str());
                error_object(&mut self.chunk, fault, id);
                self.chunk.push(b'}');
                crate::sse::write_data(out, &self.chunk);
            }
            Event::Opaque { origin: Dialect::Gemini, raw } => {
                // Only parts are passed on, and only this protocol's.
                self.flush_calls(0, out);
                self.part(0, Part::new(PartBody::Raw(raw)), out);
            }
            Event::Opaque { .. } | Event::Audio { .. } | Event::Ping => {}
        }
    }

    /// Ends the stream: finish reasons, usage and what the gateway adds. There is no terminal
    /// frame in this protocol.
    pub fn finish(&mut self, additions: Additions<'_>, out: &mut Vec<u8>) {
        if self.failed {
            return;
        }
        let open: Vec<u32> = self.choices.iter().map(|open| open.choice).collect();
        for choice in open {
            self.flush_calls(choice, out);
        }
        self.choices.sort_by_key(|open| open.choice);
        self.begin();
        for open in &self.choices {
            element(&mut self.chunk);
            self.chunk.push(b'{');
            if let Some((reason, native)) = &open.finish {
                let word = finish::word(*reason, native.as_deref());
                string_member(&mut self.chunk, "finishReason", word);
            }
            write_member(&mut self.chunk, "index", &open.choice.to_string());
            let citations: Vec<&RawJson> = open.citations.iter().collect();
            if let Some(metadata) = grounding::metadata(&citations, &open.text) {
                write_member(&mut self.chunk, "groundingMetadata", &metadata);
            }
            self.chunk.push(b'}');
        }
        self.chunk.push(b']');
        let tier = self.tier.as_deref();
        close(&mut self.chunk, &self.identity, self.usage.as_ref(), tier, additions);
        self.chunk.push(b'}');
        crate::sse::write_data(out, &self.chunk);
        self.failed = true;
    }

    fn open(&mut self, choice: u32) -> &mut Open {
        let at = match self.choices.iter().position(|open| open.choice == choice) {
            Some(at) => at,
            None => {
                self.choices.push(Open { choice, ..Open::default() });
                self.choices.len() - 1
            }
        };
        &mut self.choices[at]
    }

    fn reasoning(
        &mut self,
        choice: u32,
        id: Option<&str>,
        format: &ReasoningFormat,
        delta: &ReasoningDelta,
        out: &mut Vec<u8>,
    ) {
        let own = *format == ReasoningFormat::Gemini;
        let thought = |text: &'_ str| Part::new(PartBody::Thought(Cow::Owned(text.to_owned())));
        match delta {
            ReasoningDelta::Text(text) | ReasoningDelta::Summary(text) => {
                self.flush_calls(choice, out);
                if !text.is_empty() {
                    self.part(choice, thought(text), out);
                }
            }
            ReasoningDelta::Signature(data) if own => {
                let mut part = thought("");
                part.signature = Some(Cow::Borrowed(data));
                self.part(choice, part, out);
            }
            ReasoningDelta::Encrypted(data) if own => match id {
                Some(id) => {
                    let open = self.open(choice);
                    open.kept = open.kept.saturating_add(data.len());
                    if open.kept <= MAX_KEPT {
                        open.signatures.push((id.to_owned(), data.clone()));
                    }
                }
                None => {
                    self.flush_calls(choice, out);
                    let mut part = Part::text("");
                    part.signature = Some(Cow::Borrowed(data));
                    self.part(choice, part, out);
                }
            },
            // Signatures of other services mean nothing to callers of this protocol.
            ReasoningDelta::Signature(_) | ReasoningDelta::Encrypted(_) => {}
        }
    }

    /// Writes the calls gathered so far, in their order, in one chunk.
    fn flush_calls(&mut self, choice: u32, out: &mut Vec<u8>) {
        let open = self.open(choice);
        if open.calls.is_empty() {
            return;
        }
        let calls = std::mem::take(&mut open.calls);
        let signatures = std::mem::take(&mut open.signatures);
        let parts = calls.iter().map(|call| {
            let mut part = Part::new(call_body(&call.id, &call.name, &call.arguments));
            part.signature = signatures
                .iter()
                .find(|(id, _)| *id == call.id)
                .map(|(_, data)| Cow::Borrowed(data.as_str()));
            part
        });
        // Together: clients answer the calls of each chunk on their own.
        self.parts(choice, parts, out);
    }

    fn part(&mut self, choice: u32, part: Part<'_>, out: &mut Vec<u8>) {
        self.parts(choice, std::iter::once(part), out);
    }

    fn parts<'p>(&mut self, choice: u32, parts: impl Iterator<Item = Part<'p>>, out: &mut Vec<u8>) {
        self.begin();
        self.chunk.extend_from_slice(b"{\"content\":{\"parts\":[");
        for (at, part) in parts.enumerate() {
            if at > 0 {
                self.chunk.push(b',');
            }
            part.write(&mut self.chunk);
        }
        self.chunk.extend_from_slice(b"],\"role\":\"model\"},\"index\":");
        self.chunk.extend_from_slice(choice.to_string().as_bytes());
        self.chunk.push(b'}');
        self.end(out);
    }

    fn begin(&mut self) {
        self.chunk.clear();
        self.chunk.extend_from_slice(b"{\"candidates\":[");
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        self.chunk.push(b']');
        named(&mut self.chunk, &self.identity);
        self.chunk.push(b'}');
        crate::sse::write_data(out, &self.chunk);
    }
}
