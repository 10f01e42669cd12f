//! A provider's chunks into events. Bugs 2, 3, 10, 11, 15, 16, 29

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::received::{Chunk, ChunkChoice, Delta, Piece, piece_of};
use super::thoughts::Thoughts;
use crate::exchange::{ErrorType, Event, Fault, FinishReason, MediaSource};
use crate::json::half::Half;
use crate::json::template::{Template, Templates};
use crate::json::{Object, RawJson};
use crate::openai_chat::calls::Calls;
use crate::openai_chat::error::{fault_in_text, fault_inside, fault_of_event};
use crate::openai_chat::patch::{MAX_CHOICES, read_parts};
use crate::openai_chat::prefill::Prefill;
use crate::openai_chat::read::{
    is_array, is_null, is_string, lenient_array, lenient_count, lenient_object, lenient_string,
};
use crate::openai_chat::think::{Split, ThinkTags};
use crate::openai_chat::usage::{self, ChoiceUsages};
use crate::openai_chat::wire;
use crate::sse::Frame;
use crate::target::ResponseContext;

/// The most bytes of arguments that wait for the name of their call.
const MAX_WAITING: usize = 1024 * 1024;

/// What is remembered of one choice.
#[derive(Debug, Default)]
struct ChoiceState {
    index: u32,
    finished: bool,
    calls: Calls,
    prefill: Prefill,
    think: ThinkTags,
    thoughts: Thoughts,
    text_half: Half,
    thought_half: Half,
    refusal_half: Half,
}

/// Makes events of a provider's frames. Feed every frame to [`Self::push`], then call
/// [`Self::finish`].
#[derive(Debug)]
pub struct StreamDecoder {
    context: ResponseContext,
    choices: Vec<ChoiceState>,
    id: Option<String>,
    service_tier: Option<String>,
    started: bool,
    done: bool,
    failed: bool,
    /// What was used has been told of the whole answer.
    usage_told: bool,
    choice_usages: ChoiceUsages,
    /// Chunks of one piece and nothing else.
    pieces: Templates<Piece>,
}

impl StreamDecoder {
    /// A decoder of the answer to a request that was written with `context`.
    pub fn new(context: ResponseContext) -> Self {
        Self {
            context,
            choices: Vec::new(),
            id: None,
            service_tier: None,
            started: false,
            done: false,
            failed: false,
            usage_told: false,
            choice_usages: ChoiceUsages::default(),
            pieces: Templates::default(),
        }
    }

    /// From now on every chunk is read.
    #[cfg(test)]
    pub(in crate::openai_chat) fn forget_how_to_learn(&mut self) {
        self.pieces.forget_how_to_learn();
    }

    /// How many shapes of chunks are remembered.
    #[cfg(test)]
    pub(in crate::openai_chat) fn known_shapes(&self) -> usize {
        self.pieces.count()
    }

    /// Takes one frame. After a fault nothing more is told.
    pub fn push(&mut self, frame: &Frame<'_>, events: &mut Vec<Event>) {
        if self.failed || self.done {
            return;
        }
        if frame.is_done() {
            self.done = true;
            return;
        }
        if self.known_piece(frame, events) {
            return;
        }
        if let Err(fault) = self.read(frame, events) {
            self.failed = true;
            events.push(Event::Fault(fault));
        }
    }

    /// The end of the stream. One that broke off ends in a fault. Bug 16
    pub fn finish(&mut self, events: &mut Vec<Event>) {
        if self.failed {
            return;
        }
        self.failed = true;
        let unfinished = self.choices.iter().any(|choice| !choice.finished);
        let why = if self.choices.is_empty() {
            "Provider returned an empty stream"
        } else if unfinished && !self.done && !self.context.no_finish_reason {
            "Provider ended the stream before the answer was complete"
        } else {
            for choice in self.choices.iter_mut().filter(|choice| !choice.finished) {
                if let Err(fault) = choice.end(FinishReason::Stop, None, &self.context, events) {
                    return events.push(Event::Fault(fault));
                }
            }
            return;
        };
        events.push(Event::Fault(Fault::new(ErrorType::ProviderUnavailable, why)));
    }

    fn read(&mut self, frame: &Frame<'_>, events: &mut Vec<Event>) -> Result<(), Fault> {
        let text = std::str::from_utf8(frame.data).map_err(|_| broken("it is not valid UTF-8"))?;
        if text.trim().is_empty() {
            return Ok(());
        }
        if frame.event == Some("error") {
            return Err(fault_of_event(text));
        }
        let chunk: Chunk<'_> = serde_json::from_str(text).map_err(|_| fault_of(text))?;
        if chunk.error.is_some()
            || chunk.base_resp.is_some()
            || chunk.choices.is_none()
            || chunk.object.is_some_and(|raw| raw.get() == "\"error\"")
        {
            let object = Object::parse(text).map_err(|_| broken("it is not valid JSON"))?;
            if let Some(fault) = fault_inside(&object) {
                return Err(fault);
            }
        }
        self.start(&chunk, events);
        let piece = piece_of(&chunk, &self.context);
        let choices = chunk.choices.unwrap_or_default();
        if choices.len() > MAX_CHOICES {
            return Err(broken("too many choices"));
        }
        let choice_told = self.take_choice_usages(&choices);
        for (position, choice) in choices.into_iter().enumerate() {
            let position = u32::try_from(position).unwrap_or(u32::MAX);
            if let Some(choice) = choice {
                self.choice(choice, position, events)?;
            }
        }
        self.tell_usage(chunk.usage, chunk.x_groq, choice_told, events);
        if let Some((raw, index, is_thought)) = piece
            && self.started
            && self.pieces.may_learn(frame.data)
        {
            let choice = self.choices.iter().position(|state| state.index == index.unwrap_or(0));
            let template = Template::of(text, raw, chunk.obfuscation.filter(|raw| is_string(raw)));
            let learned = choice.zip(template);
            self.pieces.learn(
                learned.map(|(choice, (template, _))| (template, Piece { choice, is_thought })),
            );
        }
        Ok(())
    }

    /// Remembers what choices say that they used; says whether any did.
    fn take_choice_usages(&mut self, choices: &[Option<ChunkChoice<'_>>]) -> bool {
        let mut told = false;
        for (position, choice) in choices.iter().enumerate() {
            if let Some(choice) = choice
                && let Some(raw) = choice.usage
            {
                let index = index_of(choice, u32::try_from(position).unwrap_or(u32::MAX));
                self.choice_usages.take(index, raw, self.context.reasoning_tokens_on_top);
                told = true;
            }
        }
        told
    }

    /// Tells what was used: what a chunk says of the whole answer, else the sum of its choices.
    fn tell_usage(
        &mut self,
        told: Option<&RawValue>,
        groq: Option<&RawValue>,
        choice_told: bool,
        events: &mut Vec<Event>,
    ) {
        let groq = || lenient_object(groq?)?.peek("usage");
        let on_top = self.context.reasoning_tokens_on_top;
        let usage = told.or_else(groq).and_then(|raw| usage::read(raw, on_top));
        self.usage_told |= usage.is_some();
        let sum = || self.choice_usages.sum().filter(|_| choice_told && !self.usage_told);
        let asked = self.context.search_context;
        let usage = usage.or_else(sum).map(|told| usage::with_asked(told, asked));
        events.extend(usage.map(Event::Usage));
    }

    /// Tells a chunk that differs from one before in its piece alone; says whether it does.
    fn known_piece(&mut self, frame: &Frame<'_>, events: &mut Vec<Event>) -> bool {
        if frame.event == Some("error") {
            return false;
        }
        let Some((piece, holes)) = self.pieces.find(frame.data) else { return false };
        let Some(json) = holes.content() else { return false };
        let Some(state) = self.choices.get_mut(piece.choice) else { return false };
        if state.finished {
            return true;
        }
        if piece.is_thought {
            let text = state.thought_half.join(json).unwrap_or_default();
            state.plain_thought(text.into_owned(), events);
        } else {
            let text = state.text_half.join(json).unwrap_or_default();
            state.text(&text, &self.context, events);
        }
        true
    }

    fn start(&mut self, chunk: &Chunk<'_>, events: &mut Vec<Event>) {
        let text = |raw: Option<&RawValue>| {
            raw.and_then(lenient_string).filter(|text| !text.is_empty()).map(Cow::into_owned)
        };
        if self.started {
            // The tier that serves may be told only at the end. TIER-7
            let told = chunk.service_tier.and_then(lenient_string).filter(|tier| !tier.is_empty());
            if told.is_some() && told.as_deref() != self.service_tier.as_deref() {
                self.pieces.clear();
                self.service_tier = told.map(Cow::into_owned);
                events.push(Event::Start {
                    id: None,
                    model: None,
                    created: None,
                    service_tier: self.service_tier.clone(),
                    system_fingerprint: None,
                });
            }
            return;
        }
        // A first chunk without an id, such as Azure's, is not the beginning yet.
        let id = text(chunk.id);
        if id.is_none() && chunk.choices.as_ref().is_none_or(Vec::is_empty) {
            return;
        }
        self.started = true;
        self.id.clone_from(&id);
        self.service_tier = text(chunk.service_tier);
        events.push(Event::Start {
            id,
            model: text(chunk.model),
            created: chunk.created.map(lenient_count).filter(|time| *time > 0),
            service_tier: self.service_tier.clone(),
            system_fingerprint: text(chunk.system_fingerprint),
        });
    }

    fn choice(
        &mut self,
        choice: ChunkChoice<'_>,
        position: u32,
        events: &mut Vec<Event>,
    ) -> Result<(), Fault> {
        let index = index_of(&choice, position);
        let at = match self.choices.iter().position(|state| state.index == index) {
            Some(at) => at,
            None if self.choices.len() >= MAX_CHOICES => return Err(broken("too many choices")),
            None => {
                self.choices.push(ChoiceState {
                    index,
                    prefill: Prefill::new(self.context.prefill.as_deref()),
                    think: ThinkTags::new(self.context.think_tags),
                    ..ChoiceState::default()
                });
                self.choices.len() - 1
            }
        };
        let state = &mut self.choices[at];
        if state.finished {
            return Ok(());
        }
        let answer = self.id.as_deref().unwrap_or_default();
        if let Some(delta) = choice.delta.or(choice.message) {
            state.delta(&delta, &self.context, answer, events)?;
        }
        if let Some(text) = choice.text.and_then(|raw| state.text_half.join(raw.get())) {
            state.text(&text, &self.context, events);
        }
        if let Some(raw) = choice.logprobs {
            events.push(Event::Logprobs { choice: index, raw: RawJson::from_raw(raw) });
        }
        let word = choice.finish_reason.and_then(lenient_string);
        if let Some(reason) = word.as_deref().and_then(wire::finish_reason) {
            let native = choice.native_finish_reason.and_then(lenient_string).or(word);
            state.end(reason, native.map(Cow::into_owned), &self.context, events)?;
        }
        Ok(())
    }
}

/// The place of a choice among those of the answer; `position` stands in for a missing one.
fn index_of(choice: &ChunkChoice<'_>, position: u32) -> u32 {
    choice.index.and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or(position)
}

fn broken(why: &str) -> Fault {
    Fault::new(ErrorType::ProviderUnavailable, format!("Provider returned an invalid chunk: {why}"))
}

/// What a frame that is no chunk says.
fn fault_of(text: &str) -> Fault {
    fault_in_text(text)
        .or_else(|| fault_inside(&Object::parse(text).ok()?))
        .unwrap_or_else(|| broken("it is not a valid chunk"))
}

impl ChoiceState {
    fn delta(
        &mut self,
        delta: &Delta<'_>,
        context: &ResponseContext,
        answer: &str,
        events: &mut Vec<Event>,
    ) -> Result<(), Fault> {
        let choice = self.index;
        if !context.exclude_reasoning {
            self.reasoning(delta, events);
        }
        if let Some(raw) = delta.content {
            if is_array(raw) {
                let (text, thinking) = read_parts(raw);
                if !context.exclude_reasoning {
                    self.plain_thought(thinking, events);
                }
                self.text(&text, context, events);
            } else if let Some(text) = self.text_half.join(raw.get()) {
                self.text(&text, context, events);
            }
        }
        let refusal = delta.refusal.and_then(|raw| self.refusal_half.join(raw.get()));
        if let Some(text) = refusal.filter(|text| !text.is_empty()) {
            events.push(Event::Refusal { choice, text: text.into_owned() });
        }
        for raw in delta.annotations.map(lenient_array).unwrap_or_default() {
            events.push(Event::Annotation { choice, raw: RawJson::from_raw(raw) });
        }
        for raw in delta.images.map(lenient_array).unwrap_or_default() {
            if let Some(source) = image(raw) {
                events.push(Event::Image { choice, source });
            }
        }
        if let Some(audio) = delta.audio.and_then(lenient_object) {
            let text = |name| audio.peek_str(name).map(Cow::into_owned);
            events.push(Event::Audio {
                choice,
                id: text("id"),
                data: text("data"),
                transcript: text("transcript"),
                expires_at: audio.peek("expires_at").map(lenient_count),
            });
        }
        for raw in delta.tool_calls.map(lenient_array).unwrap_or_default() {
            if let Some(call) = lenient_object(raw) {
                self.tool_call(&call, context, answer, events)?;
            }
        }
        if let Some(raw) = delta.function_call
            && let Some(function) = lenient_object(raw)
        {
            let at = self.calls.resolve(Some(0), None, false)?;
            self.function(at, &function, context, answer, events)?;
        }
        Ok(())
    }

    fn text(&mut self, piece: &str, context: &ResponseContext, events: &mut Vec<Event>) {
        let text = match self.prefill.take(piece) {
            Some(instead) => instead,
            None => piece.to_owned(),
        };
        let split = self.think.take(&text);
        self.split(split, context, events);
    }

    fn split(&mut self, split: Split, context: &ResponseContext, events: &mut Vec<Event>) {
        let Split { thought, text } = split;
        if !context.exclude_reasoning {
            self.plain_thought(thought, events);
        }
        if !text.is_empty() {
            events.push(Event::Text { choice: self.index, text });
        }
    }

    fn plain_thought(&mut self, text: String, events: &mut Vec<Event>) {
        self.thoughts.plain(self.index, text, events);
    }

    /// Entries where there are any, else the plain text. REASON-11
    fn reasoning(&mut self, delta: &Delta<'_>, events: &mut Vec<Event>) {
        let listed = delta.reasoning_details.map(lenient_array).unwrap_or_default();
        if listed.is_empty() {
            let text = [delta.reasoning_content, delta.reasoning]
                .into_iter()
                .flatten()
                .find(|raw| is_string(raw) && raw.get().len() > 2);
            if let Some(text) = text.and_then(|raw| self.thought_half.join(raw.get())) {
                self.plain_thought(text.into_owned(), events);
            }
            return;
        }
        for raw in listed {
            self.thoughts.entry(self.index, raw, events);
        }
    }

    fn tool_call(
        &mut self,
        call: &Object<'_>,
        context: &ResponseContext,
        answer: &str,
        events: &mut Vec<Event>,
    ) -> Result<(), Fault> {
        let function = call.peek("function").and_then(lenient_object).unwrap_or_default();
        let id = call.peek_str("id");
        let index = call.peek("index").and_then(|raw| serde_json::from_str(raw.get()).ok());
        let named = function.peek_str("name").is_some_and(|name| !name.is_empty());
        let at = self.calls.resolve(index, id.as_deref(), named)?;
        self.function(at, &function, context, answer, events)
    }

    fn function(
        &mut self,
        at: usize,
        function: &Object<'_>,
        context: &ResponseContext,
        answer: &str,
        events: &mut Vec<Event>,
    ) -> Result<(), Fault> {
        let choice = self.index;
        let index = u32::try_from(at).unwrap_or(u32::MAX);
        let name = function.peek_str("name").filter(|name| !name.is_empty());
        let given = self.calls.given(at).map(str::to_owned);
        let slot = &mut self.calls.slots[at];
        let mut arguments = match function.peek("arguments") {
            Some(raw) if is_null(raw) => String::new(),
            Some(raw) => {
                let text = slot.half.join(raw.get());
                text.map_or_else(|| raw.get().to_owned(), Cow::into_owned)
            }
            None => String::new(),
        };
        if !slot.started {
            let Some(name) = name else {
                // Arguments before the name wait for it.
                if slot.waiting.len() + arguments.len() > MAX_WAITING {
                    return Err(broken("a tool call never got its name"));
                }
                slot.waiting.push_str(&arguments);
                return Ok(());
            };
            slot.started = true;
            slot.name.push_str(&name);
            events.push(Event::ToolCallStart {
                choice,
                index,
                id: given.unwrap_or_else(|| wire::tool_call_id(answer, choice, index)),
                name: context.declared_name(&name).to_owned(),
            });
            if !slot.waiting.is_empty() {
                arguments.insert_str(0, &std::mem::take(&mut slot.waiting));
            }
        }
        if !arguments.is_empty() {
            slot.arguments = true;
            events.push(Event::ToolCallArguments { choice, index, arguments });
        }
        Ok(())
    }

    /// The end of the choice. Bugs 3, 15
    fn end(
        &mut self,
        reason: FinishReason,
        native: Option<String>,
        context: &ResponseContext,
        events: &mut Vec<Event>,
    ) -> Result<(), Fault> {
        let choice = self.index;
        self.finished = true;
        if self.calls.lack_a_name(reason) {
            return Err(broken("a tool call never got its name"));
        }
        self.halves(context, events);
        if let Some(text) = self.prefill.release() {
            let split = self.think.take(&text);
            self.split(split, context, events);
        }
        let held = self.think.release();
        self.split(held, context, events);
        for at in self.calls.without_arguments() {
            let index = u32::try_from(at).unwrap_or(u32::MAX);
            events.push(Event::ToolCallArguments { choice, index, arguments: "{}".to_owned() });
        }
        let called = self.calls.slots.iter().any(|slot| slot.started);
        events.push(Event::Finish { choice, reason: wire::with_calls(reason, called), native });
        Ok(())
    }

    /// What stands for halves of characters whose other half never came.
    fn halves(&mut self, context: &ResponseContext, events: &mut Vec<Event>) {
        let choice = self.index;
        if let Some(text) = self.thought_half.end().filter(|_| !context.exclude_reasoning) {
            self.plain_thought(text, events);
        }
        self.thoughts.halves(choice, events);
        if let Some(text) = self.text_half.end() {
            self.text(&text, context, events);
        }
        if let Some(text) = self.refusal_half.end() {
            events.push(Event::Refusal { choice, text });
        }
        for (at, slot) in self.calls.slots.iter_mut().enumerate().filter(|(_, slot)| slot.started) {
            if let Some(arguments) = slot.half.end() {
                slot.arguments = true;
                let index = u32::try_from(at).unwrap_or(u32::MAX);
                events.push(Event::ToolCallArguments { choice, index, arguments });
            }
        }
    }
}

fn image(raw: &RawValue) -> Option<MediaSource> {
    let image = lenient_object(raw)?;
    let url = match image.peek("image_url").and_then(lenient_object) {
        Some(inner) => inner.peek_str("url")?,
        None => image.peek_str("image_url")?,
    };
    Some(MediaSource::from_url(&url))
}
