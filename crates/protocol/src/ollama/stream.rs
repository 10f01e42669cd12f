//! A provider's stream → events: one answer a line, each with what is new. wire-formats 10

use super::response::Reading;
use crate::exchange::{ErrorType, Event, Fault};
use crate::target::ResponseContext;

/// Reads a stream line by line.
#[derive(Debug)]
pub struct StreamDecoder {
    lenient: bool,
    reading: Reading,
    ended: bool,
}

impl StreamDecoder {
    /// A decoder for the answer to one request.
    pub fn new(context: ResponseContext) -> Self {
        Self { lenient: context.no_finish_reason, reading: Reading::new(context), ended: false }
    }

    /// Reads one line, without its end. After a fault or the end of the answer nothing more is
    /// told.
    pub fn push(&mut self, line: &[u8], events: &mut Vec<Event>) {
        if self.ended || line.trim_ascii().is_empty() {
            return;
        }
        match self.reading.take(line, events) {
            Ok(()) if self.reading.is_done() => {
                self.ended = true;
                self.reading.end(events);
            }
            Ok(()) => {}
            Err(fault) => {
                self.ended = true;
                events.push(Event::Fault(fault));
            }
        }
    }

    /// Ends the stream: without the line that ends an answer it was cut, and an answer that was cut
    /// is no answer. Bug 16
    pub fn finish(&mut self, events: &mut Vec<Event>) {
        if self.ended {
            return;
        }
        self.ended = true;
        if self.lenient && self.reading.has_begun() {
            self.reading.end(events);
        } else {
            events.push(Event::Fault(Fault::new(
                ErrorType::ProviderUnavailable,
                "The provider's stream ended before the answer did",
            )));
        }
    }
}
