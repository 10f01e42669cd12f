//! A stream passed on in the same protocol: who answers is set, everything below survives.

use std::borrow::Cow;

use memchr::memchr2;
use serde_json::value::RawValue;

use super::choice::{ChoiceState, Seen, Shape, Surroundings, patch_choice};
use super::template::{Marked, Output};
use crate::exchange::{Additions, ErrorType, Fault, FinishReason, Identity, PatchOutcome, Usage};
use crate::json::template::Templates;
use crate::json::{Object, RawJson};
use crate::openai_chat::error::{
    fault_in_text, fault_inside, fault_of_event, recovered_chunk, write_error,
};
use crate::openai_chat::read::{is_null, is_string, lenient_array, lenient_object};
use crate::openai_chat::stream::ChunkHead;
use crate::openai_chat::usage::{self, ChoiceUsages};
use crate::sse::{DONE, Frame};
use crate::target::ResponseContext;

/// Members that are set, or that are told at the end.
const REPLACED: [&str; 7] =
    ["id", "provider", "model", "object", "created", "usage", "openrouter_metadata"];

/// Members that mean nothing in a chunk without choices.
const MEANINGLESS: [&str; 5] =
    ["choices", "system_fingerprint", "service_tier", "obfuscation", "x_groq"];

/// The most members that wait for a chunk with choices.
const MAX_WAITING: usize = 32;

/// Passes the frames of a stream on. Feed every frame to [`Self::push`], then at the end of the
/// stream call [`Self::end`], then [`Self::finish`] or [`Self::fail`].
#[derive(Debug)]
pub struct PatchStream {
    head: ChunkHead,
    context: ResponseContext,
    choices: Vec<ChoiceState>,
    usage: Option<Usage>,
    choice_usages: ChoiceUsages,
    unknown_usage: Vec<(String, RawJson)>,
    /// What chunks without choices told beside usage, for the next chunk that is written: only that
    /// of usage has no choices. STREAM-3
    waiting: Vec<(String, RawJson)>,
    upstream_id: Option<String>,
    service_tier: Option<String>,
    text_bytes: u64,
    images: u64,
    done: bool,
    failed: bool,
    /// The provider's stream ended well.
    over: bool,
    templates: Templates<Output>,
    scratch: Vec<u8>,
}

impl PatchStream {
    /// A stream answered in the name of `identity`.
    pub fn new(identity: Identity, context: ResponseContext) -> Self {
        Self {
            head: ChunkHead::new(&identity, "chat.completion.chunk"),
            context,
            choices: Vec::new(),
            usage: None,
            choice_usages: ChoiceUsages::default(),
            unknown_usage: Vec::new(),
            waiting: Vec::new(),
            upstream_id: None,
            service_tier: None,
            text_bytes: 0,
            images: 0,
            done: false,
            failed: false,
            over: false,
            templates: Templates::default(),
            scratch: Vec::new(),
        }
    }

    /// Takes one frame and writes what the caller gets for it, which may be nothing.
    pub fn push(&mut self, frame: &Frame<'_>, out: &mut Vec<u8>) -> PatchOutcome {
        if self.failed || self.done {
            return PatchOutcome { done: self.done, ..PatchOutcome::default() };
        }
        if self.waiting.is_empty()
            && frame.event != Some("error")
            && let Some((output, holes)) = self.templates.find(frame.data)
        {
            output.write(&holes, out);
            self.text_bytes += holes.content_bytes() as u64;
            return PatchOutcome { content: true, ..PatchOutcome::default() };
        }
        if frame.is_done() {
            self.done = true;
            return PatchOutcome { done: true, ..PatchOutcome::default() };
        }
        let start = out.len();
        match self.read(frame, out) {
            Ok(outcome) => outcome,
            Err(fault) => {
                out.truncate(start);
                self.failed = true;
                PatchOutcome { fault: Some(fault), ..PatchOutcome::default() }
            }
        }
    }

    fn read(&mut self, frame: &Frame<'_>, out: &mut Vec<u8>) -> Result<PatchOutcome, Fault> {
        let data = frame.data;
        let text = std::str::from_utf8(data).map_err(|_| broken("it is not valid UTF-8"))?;
        if text.trim().is_empty() {
            return Ok(PatchOutcome::default());
        }
        let text = match recovered_chunk(text) {
            Some(chunk) => Cow::Owned(chunk),
            None if frame.event == Some("error") => return Err(fault_of_event(text)),
            // Line breaks between tokens would tear the frame that is written.
            None if memchr2(b'\n', b'\r', data).is_some() => {
                Cow::Owned(text.replace(['\n', '\r'], " "))
            }
            None => Cow::Borrowed(text),
        };
        let seen = self.rewrite(&text, out)?;
        if let Some(varying) = seen.varying.filter(|_| self.templates.may_learn(text.as_bytes())) {
            self.learn(&text, varying, seen.second);
        }
        self.text_bytes += seen.text_bytes;
        self.images += seen.images;
        Ok(PatchOutcome {
            content: seen.content,
            finished: seen.finished,
            ..PatchOutcome::default()
        })
    }

    /// From now on every chunk is read.
    #[cfg(test)]
    pub(super) fn forget_how_to_learn(&mut self) {
        self.templates.forget_how_to_learn();
    }

    /// How many shapes of chunks are remembered.
    #[cfg(test)]
    pub(super) fn known_shapes(&self) -> usize {
        self.templates.count()
    }

    fn learn(&mut self, text: &str, varying: &RawValue, second: Option<&RawValue>) {
        let mut written = Vec::new();
        let learned = Marked::of(text, varying, second).and_then(|marked| {
            self.rewrite(&marked.text, &mut written).ok()?;
            marked.learn(&written)
        });
        self.templates.learn(learned);
    }

    fn rewrite<'t>(&mut self, text: &'t str, out: &mut Vec<u8>) -> Result<FrameSeen<'t>, Fault> {
        let chunk = match Object::parse(text) {
            Ok(chunk) => chunk,
            Err(_) => {
                return Err(fault_in_text(text).unwrap_or_else(|| broken("it is not valid JSON")));
            }
        };
        if let Some(fault) = fault_inside(&chunk) {
            return Err(fault);
        }
        let had_usage = self.take_facts(&chunk);
        let mut choices = std::mem::take(&mut self.scratch);
        choices.clear();
        let seen = self.rewrite_choices(&chunk, had_usage, &mut choices, out);
        if let Ok(seen) = &seen
            && seen.worth_sending
        {
            self.write_chunk(&chunk, &choices, seen.fault.as_ref(), out);
        }
        self.scratch = choices;
        seen
    }

    /// Remembers what is told once; says whether usage was among it.
    fn take_facts(&mut self, chunk: &Object<'_>) -> bool {
        if self.upstream_id.is_none() {
            self.upstream_id =
                chunk.peek_str("id").filter(|id| !id.is_empty()).map(Cow::into_owned);
        }
        if let Some(tier) = chunk.peek_str("service_tier")
            && self.service_tier.as_deref() != Some(&*tier)
        {
            // What was learned may tell another one.
            self.templates.clear();
            self.service_tier = Some(tier.into_owned());
        }
        let groq = || lenient_object(chunk.peek("x_groq")?)?.peek("usage");
        let Some(raw) = chunk.peek("usage").filter(|raw| !is_null(raw)).or_else(groq) else {
            return false;
        };
        // Each replaces the one before: some send a running count in every chunk.
        let told = usage::read_all(raw, self.context.reasoning_tokens_on_top);
        if let Some((usage, unknown)) = told {
            self.usage = Some(usage);
            self.unknown_usage = unknown;
        }
        true
    }

    fn rewrite_choices<'t>(
        &mut self,
        chunk: &Object<'t>,
        had_usage: bool,
        written: &mut Vec<u8>,
        out: &mut Vec<u8>,
    ) -> Result<FrameSeen<'t>, Fault> {
        let entries = chunk.peek("choices").map(lenient_array).unwrap_or_default();
        let around = Surroundings {
            shape: Shape::Chunk,
            context: &self.context,
            answer: self.upstream_id.as_deref().unwrap_or_default(),
        };
        let mut all = FrameSeen::default();
        let mut single: Option<Seen<'t>> = None;
        let count = entries.len();
        written.push(b'[');
        for (position, raw) in entries.into_iter().enumerate() {
            let before = written.len();
            if written.len() > 1 {
                written.push(b',');
            }
            let position = u32::try_from(position).unwrap_or(u32::MAX);
            let seen = patch_choice(raw, position, &mut self.choices, &around, written)?;
            if seen.stale {
                written.truncate(before);
            } else {
                all.worth_sending = true;
            }
            all.content |= seen.content;
            if let Some(raw) = seen.usage {
                let on_top = self.context.reasoning_tokens_on_top;
                self.choice_usages.take(seen.index, raw, on_top);
            }
            if seen.began_call {
                self.templates.clear();
            }
            all.finished |= seen.finished;
            all.text_bytes += seen.text_bytes;
            all.images += seen.images;
            if all.fault.is_none() && chunk.peek("error").is_none() {
                all.fault.clone_from(&seen.fault);
            }
            single = Some(seen);
        }
        written.push(b']');
        if count == 0 {
            self.let_wait(chunk);
        }
        if all.finished {
            let mut ended = self.choices.iter().filter(|choice| choice.finish.is_some());
            if ended.any(ChoiceState::lacks_a_name) {
                return Err(broken("a tool call never got its name"));
            }
            self.close_before_end(out);
        }
        if let Some(seen) = single.filter(|seen| count == 1 && !had_usage && !seen.special) {
            all.varying = seen.varying;
            all.second = chunk.peek("obfuscation").filter(|raw| is_string(raw));
        }
        Ok(all)
    }

    /// Keeps what a chunk without choices tells: Azure's first one of its filters, a vendor's
    /// extras, or nothing. Bug 10
    fn let_wait(&mut self, chunk: &Object<'_>) {
        for (name, raw) in chunk.iter() {
            if is_null(raw) || REPLACED.contains(&name) || MEANINGLESS.contains(&name) {
                continue;
            }
            self.waiting.retain(|(known, _)| known != name);
            if self.waiting.len() < MAX_WAITING {
                self.waiting.push((name.to_owned(), RawJson::from_raw(raw)));
            }
        }
    }

    /// Writes what must come before the end of the choices that just ended.
    fn close_before_end(&mut self, out: &mut Vec<u8>) {
        for state in self.choices.iter_mut().filter(|state| state.finish.is_some()) {
            for choice in state.closing_choices(&self.context) {
                self.head.frame(out, |chunk| chunk.raw("choices", &format!("[{choice}]")));
            }
        }
    }

    fn write_chunk(
        &mut self,
        chunk: &Object<'_>,
        choices: &[u8],
        fault: Option<&Fault>,
        out: &mut Vec<u8>,
    ) {
        let start = out.len();
        let mut members = self.head.begin(out);
        if let Some(fault) = fault {
            // STREAM-5
            members.object("error", |error| write_error(error, fault));
        }
        for (name, raw) in chunk.iter() {
            match name {
                "choices" => {}
                "x_groq" => {
                    if let Some(rest) = without_usage(raw) {
                        members.raw_of(name, &rest);
                    }
                }
                "error" if fault.is_some() => {}
                _ if REPLACED.contains(&name) => {}
                _ => members.raw_of(name, raw.get()),
            }
        }
        for (name, raw) in self.waiting.drain(..) {
            if chunk.peek(&name).is_none() {
                members.raw_of(&name, raw.get());
            }
        }
        members.value("choices").extend_from_slice(choices);
        ChunkHead::end(out, start);
    }

    /// The end of the provider's stream: a fault if it broke off. Bug 16
    pub fn end(&mut self) -> Result<(), Fault> {
        let finished = self.choices.iter().all(|choice| choice.finish.is_some());
        let begun = !self.choices.is_empty();
        let well = begun && (finished || self.done || self.context.no_finish_reason);
        let nameless = self.choices.iter().any(ChoiceState::lacks_a_name);
        if self.failed || (well && !nameless) {
            self.over = !self.failed;
            return Ok(());
        }
        self.failed = true;
        if well {
            return Err(broken("a tool call never got its name"));
        }
        Err(Fault::new(
            ErrorType::ProviderUnavailable,
            if begun {
                "Provider ended the stream before the answer was complete"
            } else {
                "Provider returned an empty stream"
            },
        ))
    }

    /// Writes the end of a good stream: ends left unsaid, usage with its cost, and `[DONE]`.
    /// STREAM-3, USAGE-3
    pub fn finish(&mut self, additions: Additions<'_>, out: &mut Vec<u8>) {
        for state in self.choices.iter_mut().filter(|state| state.finish.is_none()) {
            for choice in state.closing_choices(&self.context).into_iter().chain(state.silent_end())
            {
                self.head.frame(out, |chunk| chunk.raw("choices", &format!("[{choice}]")));
            }
        }
        self.head.usage(
            self.usage().as_ref(),
            self.service_tier.as_deref(),
            &self.unknown_usage,
            &self.waiting,
            additions,
            out,
        );
        out.extend_from_slice(DONE);
    }

    /// Writes the end of a stream that failed after it began. STREAM-5
    pub fn fail(&mut self, fault: &Fault, out: &mut Vec<u8>) {
        self.failed = true;
        self.head.error(fault, out);
        out.extend_from_slice(DONE);
    }

    /// The token counts, if the provider told them.
    pub fn usage(&self) -> Option<Usage> {
        let told = self.usage.or_else(|| self.choice_usages.sum());
        told.map(|told| usage::with_asked(told, self.context.search_context))
    }

    /// Sets the token counts, for providers that tell none.
    pub fn set_usage(&mut self, usage: Usage) {
        self.usage = Some(usage);
    }

    /// The answer that decides for all: the first one, but a whole one rather than one that failed.
    /// ZCI-1
    fn deciding(&self) -> Option<&ChoiceState> {
        let reason = |choice: &ChoiceState| choice.finish.as_ref().map(|(reason, _)| *reason);
        let first = self.choices.first()?;
        if reason(first) != Some(FinishReason::Error) {
            return Some(first);
        }
        let whole = |choice: &&ChoiceState| {
            reason(choice).is_some_and(|reason| reason != FinishReason::Error)
        };
        Some(self.choices.iter().find(whole).unwrap_or(first))
    }

    /// Why the answer ended; `None` before its end.
    pub fn finish_reason(&self) -> Option<FinishReason> {
        let first = self.deciding()?;
        let told = first.finish.as_ref().map(|(reason, _)| *reason);
        told.or_else(|| self.over.then(|| first.silent_reason()))
    }

    /// The provider's own word for it.
    pub fn native_finish_reason(&self) -> Option<&str> {
        self.deciding()?.finish.as_ref()?.1.as_deref()
    }

    /// How many choices have begun, and how many of them have ended.
    pub fn progress(&self) -> (usize, usize) {
        let ended = self.choices.iter().filter(|choice| choice.finish.is_some()).count();
        (self.choices.len(), ended)
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

/// What was seen in one frame.
#[derive(Default)]
struct FrameSeen<'t> {
    content: bool,
    finished: bool,
    worth_sending: bool,
    text_bytes: u64,
    images: u64,
    fault: Option<Fault>,
    varying: Option<&'t RawValue>,
    second: Option<&'t RawValue>,
}

fn broken(why: &str) -> Fault {
    Fault::new(ErrorType::ProviderUnavailable, format!("Provider returned an invalid chunk: {why}"))
}

/// What Groq tells beside usage; `None` if that is nothing.
fn without_usage(raw: &RawValue) -> Option<String> {
    let Some(object) = lenient_object(raw) else { return Some(raw.get().to_owned()) };
    let mut changes = super::changes::Changes::default();
    changes.remove_from(&object, "usage");
    if changes.is_empty() {
        return Some(raw.get().to_owned());
    }
    let mut out = Vec::new();
    changes.write(&object, &mut out);
    (object.len() > 1).then(|| crate::openai_chat::write::into_text(out))
}
