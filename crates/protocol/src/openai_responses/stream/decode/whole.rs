//! Items that are complete: what their pieces did not tell is told now.

use super::{Kind, Outcome, StreamDecoder, thought_delta};
use crate::exchange::{Event, ReasoningDelta};
use crate::json::Object;
use crate::openai_chat::read::{lenient_array, lenient_object};
use crate::openai_responses::decode::text_of;
use crate::openai_responses::wire;

impl StreamDecoder {
    /// An item is complete: what its deltas did not tell is told now.
    pub(super) fn done(
        &mut self,
        at: usize,
        told: &Object<'_>,
        events: &mut Vec<Event>,
    ) -> Outcome {
        let Some(item) = self.items.get_mut(at) else { return Ok(()) };
        if std::mem::replace(&mut item.done, true) {
            return Ok(());
        }
        item.comments |= wire::is_commentary(told);
        self.halves(at, events);
        let Some(item) = self.items.get_mut(at) else { return Ok(()) };
        match &mut item.kind {
            Kind::Message(_) => self.message_done(at, told, events),
            Kind::Thought { format, .. } => {
                if format.is_none() {
                    *format = text_of(told, "format");
                }
                self.thought_done(at, told, events)
            }
            Kind::Call { .. } => {
                self.begin_call(at, told, events);
                let untold = matches!(
                    self.items.get(at).map(|item| &item.kind),
                    Some(Kind::Call { arguments: false, .. })
                );
                let whole = match told.peek_str("input") {
                    Some(input) if told.peek_str("type").as_deref() == Some("custom_tool_call") => {
                        Some(wire::custom_arguments(&input))
                    }
                    _ => text_of(told, "arguments"),
                };
                match whole.filter(|_| untold) {
                    Some(piece) => self.more_arguments(at, piece, events),
                    None => Ok(()),
                }
            }
            Kind::Other => {
                if told.peek_str("type").as_deref() == Some("image_generation_call") {
                    if let Some(source) = wire::generated_image(told) {
                        events.push(Event::Image { choice: 0, source });
                    }
                } else {
                    self.searches += u64::from(wire::is_search(told));
                }
                Ok(())
            }
        }
    }

    /// What stands for halves of characters whose other half never came to an item.
    pub(super) fn halves(&mut self, at: usize, events: &mut Vec<Event>) {
        let Some(item) = self.items.get_mut(at) else { return };
        match &mut item.kind {
            Kind::Message(parts) => {
                events.extend(parts.iter_mut().filter_map(|part| {
                    let text = part.half.end()?;
                    Some(match part.refuses {
                        true => Event::Refusal { choice: 0, text },
                        false => Event::Text { choice: 0, text },
                    })
                }));
            }
            Kind::Thought { pieces, .. } => {
                let ends = pieces.iter_mut().filter_map(|piece| {
                    let text = piece.half.end()?;
                    Some((piece.ordinal, thought_delta(piece.is_summary, text)))
                });
                for (ordinal, delta) in ends.collect::<Vec<_>>() {
                    self.tell_thought(at, ordinal, delta, events);
                }
            }
            Kind::Call { ordinal, started, arguments, waiting, half } => {
                let Some(end) = half.end() else { return };
                if *started {
                    *arguments = true;
                    let index = *ordinal;
                    events.push(Event::ToolCallArguments { choice: 0, index, arguments: end });
                } else {
                    waiting.push_str(&end);
                }
            }
            Kind::Other => {}
        }
    }

    fn message_done(&mut self, at: usize, told: &Object<'_>, events: &mut Vec<Event>) -> Outcome {
        let parts = told.peek("content").map(lenient_array).unwrap_or_default();
        for (index, part) in parts.into_iter().filter_map(lenient_object).enumerate() {
            let Some(known) = self.part_at(at, index as u64)? else { return Ok(()) };
            let untold = !std::mem::replace(&mut known.text, true);
            match part.peek_str("type").as_deref() {
                Some("refusal") => {
                    if let Some(text) = text_of(&part, "refusal").filter(|_| untold) {
                        events.push(Event::Refusal { choice: 0, text });
                    }
                }
                Some("output_text" | "text") => {
                    if let Some(text) = text_of(&part, "text").filter(|_| untold) {
                        self.say(at, text, events);
                    }
                    let Some(known) = self.part_at(at, index as u64)? else { return Ok(()) };
                    let found = part.peek("annotations").map(lenient_array).unwrap_or_default();
                    for raw in found.into_iter().skip(known.annotations) {
                        let raw = wire::annotation_in(raw);
                        events.push(Event::Annotation { choice: 0, raw });
                    }
                    let entries = part.peek("logprobs").map(lenient_array).unwrap_or_default();
                    if let Some(raw) = wire::logprobs_in(&entries).filter(|_| !known.logprobs) {
                        events.push(Event::Logprobs { choice: 0, raw });
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// What proves reasoning stands only in the complete item.
    fn thought_done(&mut self, at: usize, told: &Object<'_>, events: &mut Vec<Event>) -> Outcome {
        for (name, is_summary) in [("summary", true), ("content", false)] {
            let parts = told.peek(name).map(lenient_array).unwrap_or_default();
            for (index, raw) in parts.into_iter().enumerate() {
                let text = lenient_object(raw).and_then(|part| text_of(&part, "text"));
                if let Some(text) = text.filter(|_| !self.is_told(at, is_summary, index as u64)) {
                    self.thought(at, is_summary, index as u64, text, events)?;
                }
            }
        }
        if let Some(signature) = text_of(told, "signature") {
            let last = match self.items.get(at).map(|item| &item.kind) {
                Some(Kind::Thought { pieces, .. }) => {
                    pieces.iter().rev().find(|piece| !piece.is_summary).map(|piece| piece.ordinal)
                }
                _ => None,
            };
            let ordinal = last.unwrap_or_else(|| self.next_thought());
            self.tell_thought(at, ordinal, ReasoningDelta::Signature(signature), events);
        }
        if let Some(data) = text_of(told, "encrypted_content") {
            let ordinal = self.next_thought();
            self.tell_thought(at, ordinal, ReasoningDelta::Encrypted(data), events);
        }
        Ok(())
    }

    fn next_thought(&mut self) -> u32 {
        self.thoughts += 1;
        self.thoughts - 1
    }
}
