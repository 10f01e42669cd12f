//! Calls without a break, for protocols in which one block follows another: what a provider says
//! between the pieces of a call's arguments waits until they are whole, since a block that was closed
//! does not go on.

use crate::exchange::{ErrorType, Event, Fault, MediaSource, ReasoningDelta};
use crate::json::complete::Completeness;

/// The most that waits, in bytes.
const MOST_WAITING: usize = 16 * 1024 * 1024;

/// Puts the events of an answer in an order without breaks.
#[derive(Default)]
pub(super) struct Unbroken {
    open: Vec<Call>,
    waiting: Vec<(u32, Event)>,
    size: usize,
}

/// A call whose arguments are not whole.
struct Call {
    choice: u32,
    index: u32,
    arguments: Completeness,
}

impl Unbroken {
    /// Takes the next event and tells those whose turn it is.
    pub(super) fn take(&mut self, event: Event, mut tell: impl FnMut(&Event)) -> Result<(), Fault> {
        match &event {
            Event::ToolCallStart { choice, index, .. } => {
                let arguments = Completeness::default();
                self.open.push(Call { choice: *choice, index: *index, arguments });
                tell(&event);
            }
            Event::ToolCallArguments { choice, index, arguments } => {
                let (choice, index) = (*choice, *index);
                let place =
                    self.open.iter().rposition(|it| (it.choice, it.index) == (choice, index));
                tell(&event);
                if let Some(place) = place {
                    self.open[place].arguments.read(arguments);
                    if self.open[place].arguments.is_complete() {
                        self.open.remove(place);
                        self.release(choice, &mut tell);
                    }
                }
            }
            Event::Finish { choice, .. } => {
                self.open.retain(|call| call.choice != *choice);
                self.release(*choice, &mut tell);
                tell(&event);
            }
            _ => match block_of(&event) {
                Some((choice, size)) if self.is_open(choice) => {
                    self.size += size;
                    if self.size > MOST_WAITING {
                        return Err(Fault::new(
                            ErrorType::ProviderUnavailable,
                            "Provider never ended the arguments of a tool call",
                        ));
                    }
                    self.waiting.push((choice, event));
                }
                _ => tell(&event),
            },
        }
        Ok(())
    }

    /// Tells what waits for calls that never ended.
    pub(super) fn end(&mut self, mut tell: impl FnMut(&Event)) {
        self.open.clear();
        for (_, event) in std::mem::take(&mut self.waiting) {
            tell(&event);
        }
    }

    fn is_open(&self, choice: u32) -> bool {
        self.open.iter().any(|call| call.choice == choice)
    }

    fn release(&mut self, choice: u32, tell: &mut impl FnMut(&Event)) {
        if self.waiting.is_empty() || self.is_open(choice) {
            return;
        }
        for (of, event) in std::mem::take(&mut self.waiting) {
            if of == choice {
                self.size -= block_of(&event).map_or(0, |(_, size)| size);
                tell(&event);
            } else {
                self.waiting.push((of, event));
            }
        }
    }
}

/// The answer that an event adds a block to, and its size; `None` if it adds none.
fn block_of(event: &Event) -> Option<(u32, usize)> {
    // Each takes some room, whatever it says.
    let sized = |choice: &u32, text: &str| Some((*choice, text.len() + size_of::<Event>()));
    match event {
        Event::Text { choice, text } | Event::Refusal { choice, text } => sized(choice, text),
        Event::Annotation { choice, raw } => sized(choice, raw.get()),
        Event::Reasoning { choice, delta, .. } => match delta {
            ReasoningDelta::Text(text)
            | ReasoningDelta::Signature(text)
            | ReasoningDelta::Summary(text)
            | ReasoningDelta::Encrypted(text) => sized(choice, text),
        },
        Event::Image { choice, source } => match source {
            MediaSource::Url(text)
            | MediaSource::FileId(text)
            | MediaSource::Base64 { data: text, .. }
            | MediaSource::Text { text, .. } => sized(choice, text),
        },
        Event::Audio { choice, data, .. } => sized(choice, data.as_deref().unwrap_or_default()),
        Event::Opaque { raw, .. } => sized(&0, raw.get()),
        Event::Start { .. }
        | Event::ToolCallStart { .. }
        | Event::ToolCallArguments { .. }
        | Event::Logprobs { .. }
        | Event::Finish { .. }
        | Event::Usage(_)
        | Event::Fault(_)
        | Event::Ping => None,
    }
}
