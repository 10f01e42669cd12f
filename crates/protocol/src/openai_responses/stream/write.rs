//! Writing numbered events. RESP-4

use crate::exchange::Fault;
use crate::openai_chat::write::{ObjectWriter, object};
use crate::openai_responses::error;
use crate::sse::write_event;

/// Writes events one after another, each with its number.
#[derive(Debug, Default)]
pub(in crate::openai_responses) struct Events {
    next: u64,
    silent: bool,
    scratch: Vec<u8>,
}

impl Events {
    /// One that writes nothing: only what came of it is wanted.
    pub(super) fn silent() -> Self {
        Self { silent: true, ..Self::default() }
    }

    /// One that goes on after others.
    pub(in crate::openai_responses) fn after(last: Option<u64>) -> Self {
        Self { next: last.map_or(0, |last| last.saturating_add(1)), ..Self::default() }
    }

    pub(super) const fn is_silent(&self) -> bool {
        self.silent
    }

    pub(in crate::openai_responses) fn write(
        &mut self,
        out: &mut Vec<u8>,
        kind: &str,
        fill: impl FnOnce(&mut ObjectWriter<'_>),
    ) {
        if self.silent {
            return;
        }
        self.scratch.clear();
        object(&mut self.scratch, |event| {
            event.string("type", kind);
            event.number("sequence_number", self.next);
            fill(event);
        });
        self.next = self.next.saturating_add(1);
        write_event(out, kind, &self.scratch);
    }
}

/// Writes the event that tells of a failure by itself. ERR-13
pub(super) fn write_failure(events: &mut Events, fault: &Fault, out: &mut Vec<u8>) {
    events.write(out, "error", |event| {
        event.string("code", error::code(fault.error_type));
        event.string("message", error::message(fault));
        event.raw("param", "null");
        event.string("error_type", &fault.error_type.name());
    });
}
