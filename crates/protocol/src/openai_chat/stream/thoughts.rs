//! The reasoning of one choice: plain, or in entries. REASON-11

use serde_json::value::RawValue;

use crate::exchange::{Event, ReasoningBlock, ReasoningContent, ReasoningDelta, ReasoningFormat};
use crate::json::half::Half;
use crate::openai_chat::decode::detail;
use crate::openai_chat::read::{is_string, lenient_count, lenient_object};

/// The most reasoning blocks told apart in one answer.
const MAX_REASONING: usize = 1_024;

/// The reasoning blocks so far: an ordinal is a place in this list.
#[derive(Debug, Default)]
pub(super) struct Thoughts(Vec<Told>);

/// A block of which something was told.
#[derive(Debug)]
struct Told {
    thought: Thought,
    id: Option<String>,
    format: ReasoningFormat,
    /// Half a character at the end of the text so far of an entry.
    half: Half,
}

/// What tells blocks apart.
#[derive(Clone, Debug, PartialEq)]
enum Thought {
    /// Plain text without entries.
    Plain,
    /// An entry with its index and kind.
    Entry(u64, Kind, Option<String>),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Text,
    Summary,
    Encrypted,
}

impl Kind {
    const fn delta(self, text: String) -> ReasoningDelta {
        match self {
            Self::Text => ReasoningDelta::Text(text),
            Self::Summary => ReasoningDelta::Summary(text),
            Self::Encrypted => ReasoningDelta::Encrypted(text),
        }
    }
}

impl Thoughts {
    /// Takes a piece of reasoning without entries.
    pub(super) fn plain(&mut self, choice: u32, text: String, events: &mut Vec<Event>) {
        if text.is_empty() {
            return;
        }
        let format = Some(ReasoningFormat::Unknown);
        if let Some(at) = self.place(&Thought::Plain, format.as_ref()) {
            self.tell(choice, at, None, format, ReasoningDelta::Text(text), events);
        }
    }

    /// Takes an entry.
    pub(super) fn entry(&mut self, choice: u32, raw: &RawValue, events: &mut Vec<Event>) {
        let Some(object) = lenient_object(raw) else { return };
        let index = object.peek("index").map_or(0, lenient_count);
        let told_format = object.peek("format").is_some_and(is_string);
        let Some(ReasoningBlock { content, id, format }) = detail(&object) else { return };
        let (kind, text, signature) = match content {
            ReasoningContent::Text { text, signature } => (Kind::Text, text, signature),
            ReasoningContent::Summary { summary } => (Kind::Summary, summary, None),
            ReasoningContent::Encrypted { data } => (Kind::Encrypted, data, None),
        };
        if text.is_empty() && signature.is_none() {
            return;
        }
        // Encrypted entries of one index with different ids are different blocks.
        let own = id.clone().filter(|_| kind == Kind::Encrypted);
        let format = told_format.then_some(format);
        let Some(at) = self.place(&Thought::Entry(index, kind, own), format.as_ref()) else {
            return;
        };
        let member = match kind {
            Kind::Text => object.peek("text"),
            Kind::Summary => object.peek("summary"),
            Kind::Encrypted => None,
        };
        let text = match self.0.get_mut(at).zip(member) {
            // Only a text that was cut within a character is read once more.
            Some((told, raw)) if told.half != Half::default() || text.contains('\u{fffd}') => {
                told.id.clone_from(&id);
                told.half.join(raw.get()).unwrap_or_default().into_owned()
            }
            _ => text,
        };
        if !text.is_empty() {
            self.tell(choice, at, id.clone(), format.clone(), kind.delta(text), events);
        }
        if let Some(signature) = signature {
            let delta = ReasoningDelta::Signature(signature);
            self.tell(choice, at, id, format, delta, events);
        }
    }

    /// What stands for halves of characters whose other half never came.
    pub(super) fn halves(&mut self, choice: u32, events: &mut Vec<Event>) {
        for at in 0..self.0.len() {
            let Some(told) = self.0.get_mut(at) else { return };
            if let (Some(text), Thought::Entry(_, kind, _)) = (told.half.end(), &told.thought) {
                let (id, delta) = (told.id.take(), kind.delta(text));
                self.tell(choice, at, id, None, delta, events);
            }
        }
    }

    /// The place of a block, which may be a new one; `None` if there are too many.
    fn place(&mut self, thought: &Thought, format: Option<&ReasoningFormat>) -> Option<usize> {
        if let Some(at) = self.0.iter().rposition(|told| told.thought == *thought) {
            return Some(at);
        }
        if self.0.len() >= MAX_REASONING {
            return None;
        }
        self.0.push(Told {
            thought: thought.clone(),
            id: None,
            format: format.cloned().unwrap_or_default(),
            half: Half::default(),
        });
        Some(self.0.len() - 1)
    }

    fn tell(
        &mut self,
        choice: u32,
        at: usize,
        id: Option<String>,
        format: Option<ReasoningFormat>,
        delta: ReasoningDelta,
        events: &mut Vec<Event>,
    ) {
        let Some(told) = self.0.get_mut(at) else { return };
        // Pieces without a format have that of their block.
        let format = format.unwrap_or_else(|| told.format.clone());
        told.format.clone_from(&format);
        let index = u32::try_from(at).unwrap_or(u32::MAX);
        events.push(Event::Reasoning { choice, index, id, format, delta });
    }
}
