//! A provider's answer on its way to the caller: patched where both speak the same protocol,
//! translated where not, metered in any case.

mod encoder;
mod same;
#[cfg(test)]
mod tests;
mod unbroken;
mod whole;

pub use whole::Answer;

use crate::codec::StreamDecoder;
use crate::exchange::{
    Additions, ErrorType, Event, Fault, FinishReason, Identity, Response, Tap, Usage, unfold,
};
use crate::openai_chat::CallForms;
use crate::openai_responses::Echo;
use crate::provenance::{Stamp, Stamper};
use crate::sse::{Frame, FrameTooLong, Splitter};
use crate::target::ResponseContext;
use crate::{Dialect, Surface};

use encoder::Encoder;
use same::Same;
use unbroken::Unbroken;

/// What came of some bytes.
#[derive(Debug, Default)]
pub struct Step {
    /// Content the caller would miss was written. STREAM-4
    pub content: bool,
    /// A choice ended: the provider said why.
    pub finished: bool,
    /// The provider said that it is done.
    pub done: bool,
    /// The provider failed; nothing more will be written.
    pub fault: Option<Fault>,
}

/// A provider's stream on its way to the caller. Feed it with [`Self::push`], then call
/// [`Self::end`], then [`Self::finish`] or [`Self::fail`].
pub struct Relay {
    path: Path,
}

enum Path {
    Same { splitter: Box<Splitter>, same: Stamped },
    Translate(Box<Translation>),
}

/// The same protocol on both sides, with stamps on the reasoning.
struct Stamped {
    dialect: Dialect,
    same: Same,
    stamper: Option<Stamper>,
}

impl Stamped {
    fn push(&mut self, frame: &Frame<'_>, step: &mut Step, out: &mut Vec<u8>) {
        let stamper = self.stamper.as_mut();
        match stamper.and_then(|stamper| stamper.frame(self.dialect, frame.data)) {
            Some(data) => self.same.push(&Frame { data: &data, ..*frame }, step, out),
            None => self.same.push(frame, step, out),
        }
    }
}

struct Translation {
    stamper: Option<Stamper>,
    decoder: StreamDecoder,
    encoder: Encoder,
    /// For surfaces on which a call must not be broken.
    unbroken: Option<Unbroken>,
    events: Vec<Event>,
    tap: Tap,
}

impl Relay {
    /// A relay from a provider's dialect to a surface: frames pass where both are the same and the
    /// request passed too. `echo`: what the Responses surface repeats of the request.
    pub fn new(
        dialect: Dialect,
        surface: Surface,
        identity: Identity,
        context: ResponseContext,
        echo: Option<Echo>,
    ) -> Self {
        if !surface.passes(dialect) || context.rewritten {
            return Self::translating(dialect, surface, identity, context, echo);
        }
        let same = Same::new(surface, identity, context, echo.as_ref());
        let same = Stamped { dialect, same, stamper: None };
        Self { path: Path::Same { splitter: Box::new(Splitter::new()), same } }
    }

    /// A relay for an answer that came whole where a stream was asked for: give it to [`Self::tell`].
    pub fn translating(
        dialect: Dialect,
        surface: Surface,
        identity: Identity,
        context: ResponseContext,
        echo: Option<Echo>,
    ) -> Self {
        let calls = CallForms::of(&context);
        let path = Path::Translate(Box::new(Translation {
            stamper: None,
            decoder: StreamDecoder::new(dialect, context),
            encoder: Encoder::new(surface, identity, echo, calls),
            unbroken: matches!(surface, Surface::Messages | Surface::Gemini)
                .then(Unbroken::default),
            events: Vec::new(),
            tap: Tap::default(),
        }));
        Self { path }
    }

    /// Tells a whole answer as a stream. Nothing comes after it.
    pub fn tell(&mut self, response: &Response, out: &mut Vec<u8>) -> Step {
        let mut step = Step { done: true, ..Step::default() };
        if let Path::Translate(translation) = &mut self.path {
            translation.events = unfold(response);
            translation.encode(&mut step, out);
        }
        step
    }

    /// The same with a stamp before all reasoning that only its maker can read.
    #[must_use]
    pub fn stamping(mut self, stamp: Option<Stamp>) -> Self {
        let stamper = stamp.map(Stamper::new);
        match &mut self.path {
            Path::Same { same, .. } => same.stamper = stamper,
            Path::Translate(translation) => translation.stamper = stamper,
        }
        self
    }

    /// Takes bytes of the provider and writes what the caller gets for them.
    pub fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Step {
        let mut step = Step::default();
        match &mut self.path {
            Path::Same { splitter, same } => {
                let result = splitter.push(bytes, |frame| {
                    if step.fault.is_none() {
                        same.push(&frame, &mut step, out);
                    }
                    Ok::<(), FrameTooLong>(())
                });
                if let Err(error) = result
                    && step.fault.is_none()
                {
                    let error = error.to_string();
                    step.fault = Some(Fault::new(ErrorType::ProviderUnavailable, error));
                }
            }
            Path::Translate(translation) => {
                let Translation { decoder, events, .. } = &mut **translation;
                let before = decoder.progress();
                step.done = decoder.push(bytes, events);
                step.finished = decoder.progress().1 > before.1;
                translation.encode(&mut step, out);
            }
        }
        step
    }

    /// The end of the provider's bytes: a last unfinished frame, then a fault if the answer broke
    /// off.
    pub fn end(&mut self, out: &mut Vec<u8>) -> Step {
        let mut step = Step::default();
        match &mut self.path {
            Path::Same { splitter, same } => {
                let _ = splitter.finish(|frame| {
                    if step.fault.is_none() {
                        same.push(&frame, &mut step, out);
                    }
                    Ok::<(), FrameTooLong>(())
                });
                if step.fault.is_none() {
                    step.fault = same.same.end().err();
                }
            }
            Path::Translate(translation) => {
                let Translation { decoder, events, .. } = &mut **translation;
                decoder.finish(events);
                translation.encode(&mut step, out);
            }
        }
        step
    }

    /// Writes the end of a good answer. USAGE-3
    pub fn finish(&mut self, additions: Additions<'_>, out: &mut Vec<u8>) {
        match &mut self.path {
            Path::Same { same, .. } => same.same.finish(additions, out),
            Path::Translate(translation) => {
                let Translation { encoder, unbroken, .. } = &mut **translation;
                if let Some(unbroken) = unbroken {
                    unbroken.end(|event| encoder.push(event, out));
                }
                encoder.finish(additions, out);
            }
        }
    }

    /// Writes the end of an answer that failed after it began. STREAM-5
    pub fn fail(&mut self, fault: &Fault, out: &mut Vec<u8>) {
        match &mut self.path {
            Path::Same { same, .. } => same.same.fail(fault, out),
            Path::Translate(translation) => {
                let Translation { encoder, unbroken, .. } = &mut **translation;
                // What waits was told before, and is the caller's.
                if let Some(unbroken) = unbroken {
                    unbroken.end(|event| encoder.push(event, out));
                }
                encoder.push(&Event::Fault(fault.clone()), out);
                encoder.finish(Additions::default(), out);
            }
        }
    }

    /// Token counts, if the provider told any that can be believed.
    pub fn usage(&self) -> Option<Usage> {
        let told = match &self.path {
            Path::Same { same, .. } => same.same.usage(),
            Path::Translate(translation) => translation.tap.usage,
        };
        told.filter(Usage::is_believable)
    }

    /// Sets token counts where the provider told none, so that the caller sees what is billed.
    pub fn set_usage(&mut self, usage: Usage) {
        match &mut self.path {
            Path::Same { same, .. } => same.same.set_usage(usage),
            Path::Translate(translation) => {
                translation.tap.usage = Some(usage);
                // Usage is remembered by an encoder, not written at once.
                translation.encoder.push(&Event::Usage(usage), &mut Vec::new());
            }
        }
    }

    /// Why the first choice ended.
    pub fn finish_reason(&self) -> Option<FinishReason> {
        match &self.path {
            Path::Same { same, .. } => same.same.finish_reason(),
            Path::Translate(translation) => {
                let told = translation.tap.finish;
                told.or_else(|| Some(translation.decoder.ending()?.0))
            }
        }
    }

    /// Whether all choices that began have ended, and as many as were asked for: nothing but usage
    /// may still come.
    pub fn all_finished(&self, asked: u64) -> bool {
        let (begun, ended) = match &self.path {
            Path::Same { same, .. } => same.same.progress(),
            Path::Translate(translation) => {
                let (begun, ended) = translation.decoder.progress();
                (translation.tap.begun.max(begun), translation.tap.ended.max(ended))
            }
        };
        ended >= begun && ended as u64 >= asked
    }

    /// The provider's own word for it.
    pub fn native_finish_reason(&self) -> Option<&str> {
        match &self.path {
            Path::Same { same, .. } => same.same.native_finish_reason(),
            Path::Translate(translation) => match translation.tap.finish {
                Some(_) => translation.tap.native.as_deref(),
                None => Some(translation.decoder.ending()?.1),
            },
        }
    }

    /// The tier that served. TIER-6
    pub fn service_tier(&self) -> Option<&str> {
        match &self.path {
            Path::Same { same, .. } => same.same.service_tier(),
            Path::Translate(translation) => translation.tap.service_tier.as_deref(),
        }
    }

    /// The provider's id of the answer.
    pub fn upstream_id(&self) -> Option<&str> {
        match &self.path {
            Path::Same { same, .. } => same.same.upstream_id(),
            Path::Translate(translation) => translation.tap.upstream_id.as_deref(),
        }
    }

    /// Images so far.
    pub fn images(&self) -> u64 {
        match &self.path {
            Path::Same { same, .. } => same.same.images(),
            Path::Translate(translation) => translation.tap.images,
        }
    }

    /// Bytes of text so far, for an estimate where no usage is told.
    pub fn text_bytes(&self) -> u64 {
        match &self.path {
            Path::Same { same, .. } => same.same.text_bytes(),
            Path::Translate(translation) => translation.tap.text_bytes,
        }
    }
}

impl Translation {
    fn encode(&mut self, step: &mut Step, out: &mut Vec<u8>) {
        for mut event in self.events.drain(..) {
            if step.fault.is_some() {
                continue;
            }
            self.tap.take(&event);
            if let Some(stamper) = &mut self.stamper {
                stamper.event(&mut event);
            }
            step.finished |= matches!(event, Event::Finish { .. });
            step.content |= event.is_content() && !matches!(event, Event::Finish { .. });
            match (event, &mut self.unbroken) {
                (Event::Fault(fault), _) => step.fault = Some(fault),
                (event, Some(unbroken)) => {
                    let told = unbroken.take(event, |event| self.encoder.push(event, out));
                    step.fault = told.err();
                }
                (event, None) => self.encoder.push(&event, out),
            }
        }
    }
}
