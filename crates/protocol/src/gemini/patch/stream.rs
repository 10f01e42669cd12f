//! A provider's stream passed on in the same protocol.

use super::super::error::encode_error;
use super::super::stream::StreamDecoder;
use crate::exchange::{Additions, Event, Fault, FinishReason, Identity, PatchOutcome, Tap, Usage};
use crate::sse::{Frame, write_data, write_event};
use crate::target::ResponseContext;

/// The most that is held back for the end, in bytes.
const MOST_HELD: usize = 1024 * 1024;

/// Passes frames on as they are; the last ones wait for the books. Feed every frame to
/// [`Self::push`], then at the end of the stream call [`Self::end`], then [`Self::finish`] or
/// [`Self::fail`].
#[derive(Debug)]
pub struct PatchStream {
    identity: Identity,
    decoder: StreamDecoder,
    events: Vec<Event>,
    tap: Tap,
    /// How many candidates have begun and ended, while frames come.
    progress: (usize, usize),
    /// The frames from the last that ended a candidate on.
    held: Vec<u8>,
    failed: bool,
}

impl PatchStream {
    /// A stream answered in the name of `identity`, which errors are told under; frames keep what
    /// they say.
    pub fn new(identity: Identity, context: ResponseContext) -> Self {
        Self {
            identity,
            decoder: StreamDecoder::new(context),
            events: Vec::new(),
            tap: Tap::default(),
            progress: (0, 0),
            held: Vec::new(),
            failed: false,
        }
    }

    /// Takes one frame and writes what the caller gets for it, which may be nothing yet.
    pub fn push(&mut self, frame: &Frame<'_>, out: &mut Vec<u8>) -> PatchOutcome {
        if self.failed {
            return PatchOutcome::default();
        }
        self.decoder.push(frame, &mut self.events);
        // Whoever speaks the protocol sees parts that are not known here.
        let seen = |event: &Event| event.is_content() || matches!(event, Event::Opaque { .. });
        let content = self.events.iter().any(seen);
        if let Some(fault) = self.learn() {
            self.failed = true;
            return PatchOutcome { fault: Some(fault), ..PatchOutcome::default() };
        }
        let before = std::mem::replace(&mut self.progress, self.decoder.progress());
        let finished = self.progress.1 > before.1;
        if content || self.held.len() > MOST_HELD {
            out.append(&mut self.held);
        }
        let to = if finished || !self.held.is_empty() { &mut self.held } else { &mut *out };
        forward(frame, to);
        PatchOutcome { content, finished, ..PatchOutcome::default() }
    }

    /// Takes over what the decoder told, and hands back its fault.
    fn learn(&mut self) -> Option<Fault> {
        let mut failure = None;
        for event in self.events.drain(..) {
            self.tap.take(&event);
            if let Event::Fault(fault) = event {
                failure = Some(fault);
            }
        }
        failure
    }

    /// Ends the provider's side: a stream that was cut is a fault. Bug 16
    pub fn end(&mut self) -> Result<(), Fault> {
        if self.failed {
            return Ok(());
        }
        self.decoder.finish(&mut self.events);
        match self.learn() {
            Some(fault) => {
                self.failed = true;
                Err(fault)
            }
            None => Ok(()),
        }
    }

    /// Writes the last frames. The protocol has no place for what is added.
    pub fn finish(&mut self, _additions: Additions<'_>, out: &mut Vec<u8>) {
        if !self.failed {
            out.append(&mut self.held);
            self.failed = true;
        }
    }

    /// Ends the stream with an error.
    pub fn fail(&mut self, fault: &Fault, out: &mut Vec<u8>) {
        self.failed = true;
        write_data(out, &encode_error(fault, Some(&self.identity.id), &[]).body);
    }

    /// The token counts, if the provider told them.
    pub fn usage(&self) -> Option<Usage> {
        self.tap.usage
    }

    /// Sets the token counts, for providers that tell none.
    pub fn set_usage(&mut self, usage: Usage) {
        self.tap.usage = Some(usage);
    }

    /// Why the answer ended; `None` before the provider said it.
    pub fn finish_reason(&self) -> Option<FinishReason> {
        self.tap.finish.or_else(|| Some(self.decoder.ending()?.0))
    }

    /// The provider's own word for it.
    pub fn native_finish_reason(&self) -> Option<&str> {
        match self.tap.finish {
            Some(_) => self.tap.native.as_deref(),
            None => Some(self.decoder.ending()?.1),
        }
    }

    /// How many candidates have begun, and how many have ended.
    pub fn progress(&self) -> (usize, usize) {
        self.progress
    }

    /// The tier that serves, if told. TIER-7
    pub fn service_tier(&self) -> Option<&str> {
        self.tap.service_tier.as_deref()
    }

    /// The provider's id of the answer.
    pub fn upstream_id(&self) -> Option<&str> {
        self.tap.upstream_id.as_deref()
    }

    /// Images so far.
    pub fn images(&self) -> u64 {
        self.tap.images
    }

    /// Bytes of text, reasoning and arguments so far, for an estimate where no usage is told.
    pub fn text_bytes(&self) -> u64 {
        self.tap.text_bytes
    }
}

/// Writes a frame as it came.
fn forward(frame: &Frame<'_>, out: &mut Vec<u8>) {
    match frame.event {
        Some(name) => write_event(out, name, frame.data),
        None if frame.data.contains(&b'\n') => {
            for line in frame.data.split(|byte| *byte == b'\n') {
                out.extend_from_slice(b"data: ");
                out.extend_from_slice(line);
                out.push(b'\n');
            }
            out.push(b'\n');
        }
        None => write_data(out, frame.data),
    }
}
