//! A provider's stream on its way to the caller: patched where both speak the same protocol,
//! translated where not, metered in any case.

use protocol::Dialect;
use protocol::exchange::{
    Additions, ErrorType, Event, Fault, FinishReason, Identity, ReasoningDelta, Usage,
};
use protocol::openai_chat::{PatchStream, completions};
use protocol::sse::{Frame, FrameTooLong, Splitter};
use protocol::target::ResponseContext;
use protocol::{anthropic, gemini, openai_chat};

use super::Surface;

/// What came of some bytes.
#[derive(Debug, Default)]
pub struct Step {
    /// Content the caller would miss was written. STREAM-4
    pub content: bool,
    /// A choice ended.
    pub finished: bool,
    /// The provider said that it is done.
    pub done: bool,
    /// The provider failed; nothing more will be written.
    pub fault: Option<Fault>,
}

/// A provider's stream on its way to the caller.
pub struct Relay {
    splitter: Splitter,
    path: Path,
}

enum Path {
    Patch(Box<PatchStream>),
    Translate(Box<Translation>),
}

struct Translation {
    decoder: Decoder,
    encoder: Encoder,
    events: Vec<Event>,
    tap: Tap,
}

enum Decoder {
    OpenaiChat(openai_chat::StreamDecoder),
    Anthropic(anthropic::StreamDecoder),
    Gemini(gemini::StreamDecoder),
}

enum Encoder {
    Chat(openai_chat::StreamEncoder),
    Completions(completions::StreamEncoder),
}

/// What the books need of the events that pass.
#[derive(Default)]
struct Tap {
    usage: Option<Usage>,
    finish: Option<FinishReason>,
    native: Option<String>,
    service_tier: Option<String>,
    upstream_id: Option<String>,
    text_bytes: u64,
    images: u64,
    /// The highest choice seen, counted from one.
    begun: usize,
    /// How many choices have ended.
    ended: usize,
}

impl Relay {
    /// A relay from a provider's dialect to a surface.
    pub fn new(
        dialect: Dialect,
        surface: Surface,
        identity: Identity,
        context: ResponseContext,
    ) -> Self {
        let path = match (dialect, surface) {
            (Dialect::OpenaiChat, Surface::Chat) => {
                Path::Patch(Box::new(PatchStream::new(identity, context)))
            }
            _ => Path::Translate(Box::new(Translation {
                decoder: match dialect {
                    Dialect::OpenaiChat => {
                        Decoder::OpenaiChat(openai_chat::StreamDecoder::new(context))
                    }
                    Dialect::Anthropic => {
                        Decoder::Anthropic(anthropic::StreamDecoder::new(context))
                    }
                    Dialect::Gemini => Decoder::Gemini(gemini::StreamDecoder::new(context)),
                },
                encoder: match surface {
                    Surface::Chat => Encoder::Chat(openai_chat::StreamEncoder::new(identity)),
                    Surface::Completions => {
                        Encoder::Completions(completions::StreamEncoder::new(identity))
                    }
                },
                events: Vec::new(),
                tap: Tap::default(),
            })),
        };
        Self { splitter: Splitter::new(), path }
    }

    /// Takes bytes of the provider and writes what the caller gets for them.
    pub fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Step {
        let mut step = Step::default();
        let path = &mut self.path;
        let result = self.splitter.push(bytes, |frame| {
            path.frame(&frame, &mut step, out);
            Ok::<(), FrameTooLong>(())
        });
        if let Err(error) = result
            && step.fault.is_none()
        {
            step.fault = Some(Fault::new(ErrorType::ProviderUnavailable, error.to_string()));
        }
        step
    }

    /// The end of the provider's bytes: a last unfinished frame, then a fault if the answer broke
    /// off.
    pub fn end(&mut self, out: &mut Vec<u8>) -> Step {
        let mut step = Step::default();
        let path = &mut self.path;
        let _ = self.splitter.finish(|frame| {
            path.frame(&frame, &mut step, out);
            Ok::<(), FrameTooLong>(())
        });
        if step.fault.is_none() {
            match path {
                Path::Patch(patch) => step.fault = patch.end().err(),
                Path::Translate(translation) => {
                    match &mut translation.decoder {
                        Decoder::OpenaiChat(decoder) => decoder.finish(&mut translation.events),
                        Decoder::Anthropic(decoder) => decoder.finish(&mut translation.events),
                        Decoder::Gemini(decoder) => decoder.finish(&mut translation.events),
                    }
                    translation.encode(&mut step, out);
                }
            }
        }
        step
    }

    /// Writes the end of a good answer. USAGE-3
    pub fn finish(&mut self, additions: Additions<'_>, out: &mut Vec<u8>) {
        match &mut self.path {
            Path::Patch(patch) => patch.finish(additions, out),
            Path::Translate(translation) => match &mut translation.encoder {
                Encoder::Chat(encoder) => encoder.finish(additions, out),
                Encoder::Completions(encoder) => encoder.finish(additions, out),
            },
        }
    }

    /// Writes the end of an answer that failed after it began. STREAM-5
    pub fn fail(&mut self, fault: &Fault, out: &mut Vec<u8>) {
        match &mut self.path {
            Path::Patch(patch) => patch.fail(fault, out),
            Path::Translate(translation) => {
                let event = Event::Fault(fault.clone());
                match &mut translation.encoder {
                    Encoder::Chat(encoder) => {
                        encoder.push(&event, out);
                        encoder.finish(Additions::default(), out);
                    }
                    Encoder::Completions(encoder) => {
                        encoder.push(&event, out);
                        encoder.finish(Additions::default(), out);
                    }
                }
            }
        }
    }

    /// Token counts, if the provider told any.
    pub fn usage(&self) -> Option<Usage> {
        match &self.path {
            Path::Patch(patch) => patch.usage(),
            Path::Translate(translation) => translation.tap.usage,
        }
    }

    /// Sets token counts where the provider told none, so that the caller sees what is billed.
    pub fn set_usage(&mut self, usage: Usage) {
        match &mut self.path {
            Path::Patch(patch) => patch.set_usage(usage),
            Path::Translate(translation) => {
                translation.tap.usage = Some(usage);
                let mut nothing = Vec::new();
                let event = Event::Usage(usage);
                match &mut translation.encoder {
                    Encoder::Chat(encoder) => encoder.push(&event, &mut nothing),
                    Encoder::Completions(encoder) => encoder.push(&event, &mut nothing),
                }
            }
        }
    }

    /// Why the first choice ended.
    pub fn finish_reason(&self) -> Option<FinishReason> {
        match &self.path {
            Path::Patch(patch) => patch.finish_reason(),
            Path::Translate(translation) => translation.tap.finish,
        }
    }

    /// Whether all choices that began have ended, and as many as were asked for: nothing but usage
    /// may still come.
    pub fn all_finished(&self, asked: u64) -> bool {
        let (begun, ended) = match &self.path {
            Path::Patch(patch) => patch.progress(),
            Path::Translate(translation) => (translation.tap.begun, translation.tap.ended),
        };
        ended >= begun && ended as u64 >= asked
    }

    /// The provider's own word for it.
    pub fn native_finish_reason(&self) -> Option<&str> {
        match &self.path {
            Path::Patch(patch) => patch.native_finish_reason(),
            Path::Translate(translation) => translation.tap.native.as_deref(),
        }
    }

    /// The tier that served. TIER-6
    pub fn service_tier(&self) -> Option<&str> {
        match &self.path {
            Path::Patch(patch) => patch.service_tier(),
            Path::Translate(translation) => translation.tap.service_tier.as_deref(),
        }
    }

    /// The provider's id of the answer.
    pub fn upstream_id(&self) -> Option<&str> {
        match &self.path {
            Path::Patch(patch) => patch.upstream_id(),
            Path::Translate(translation) => translation.tap.upstream_id.as_deref(),
        }
    }

    /// Images so far.
    pub fn images(&self) -> u64 {
        match &self.path {
            Path::Patch(patch) => patch.images(),
            Path::Translate(translation) => translation.tap.images,
        }
    }

    /// Bytes of text so far, for an estimate where no usage is told.
    pub fn text_bytes(&self) -> u64 {
        match &self.path {
            Path::Patch(patch) => patch.text_bytes(),
            Path::Translate(translation) => translation.tap.text_bytes,
        }
    }
}

impl Path {
    fn frame(&mut self, frame: &Frame<'_>, step: &mut Step, out: &mut Vec<u8>) {
        if step.fault.is_some() {
            return;
        }
        match self {
            Self::Patch(patch) => {
                let outcome = patch.push(frame, out);
                step.content |= outcome.content;
                step.finished |= outcome.finished;
                step.done |= outcome.done;
                step.fault = outcome.fault;
            }
            Self::Translate(translation) => {
                // Anthropic's last event; nothing follows that would be waited for.
                step.done |= frame.is_done() || frame.event == Some("message_stop");
                match &mut translation.decoder {
                    Decoder::OpenaiChat(decoder) => decoder.push(frame, &mut translation.events),
                    Decoder::Anthropic(decoder) => decoder.push(frame, &mut translation.events),
                    Decoder::Gemini(decoder) => decoder.push(frame, &mut translation.events),
                }
                translation.encode(step, out);
            }
        }
    }
}

impl Translation {
    fn encode(&mut self, step: &mut Step, out: &mut Vec<u8>) {
        for event in self.events.drain(..) {
            if step.fault.is_some() {
                continue;
            }
            self.tap.take(&event);
            step.finished |= matches!(event, Event::Finish { .. });
            step.content |= event.is_content() && !matches!(event, Event::Finish { .. });
            if let Event::Fault(fault) = event {
                step.fault = Some(fault);
                continue;
            }
            match &mut self.encoder {
                Encoder::Chat(encoder) => encoder.push(&event, out),
                Encoder::Completions(encoder) => encoder.push(&event, out),
            }
        }
    }
}

impl Tap {
    fn take(&mut self, event: &Event) {
        if let Event::Text { choice, .. }
        | Event::Refusal { choice, .. }
        | Event::Reasoning { choice, .. }
        | Event::ToolCallStart { choice, .. }
        | Event::Image { choice, .. }
        | Event::Audio { choice, .. }
        | Event::Finish { choice, .. } = event
        {
            self.begun = self.begun.max(*choice as usize + 1);
        }
        self.ended += usize::from(matches!(event, Event::Finish { .. }));
        let mut count = |text: &str| self.text_bytes += text.len() as u64;
        match event {
            Event::Start { id, service_tier, .. } => {
                if id.is_some() {
                    self.upstream_id.clone_from(id);
                }
                if service_tier.is_some() {
                    self.service_tier.clone_from(service_tier);
                }
            }
            Event::Text { text, .. } | Event::Refusal { text, .. } => count(text),
            Event::ToolCallArguments { arguments, .. } => count(arguments),
            Event::Reasoning {
                delta: ReasoningDelta::Text(text) | ReasoningDelta::Summary(text),
                ..
            } => count(text),
            Event::Finish { choice: 0, reason, native } => {
                self.finish = Some(*reason);
                self.native.clone_from(native);
            }
            Event::Usage(usage) => self.usage = Some(*usage),
            Event::Image { .. } => self.images += 1,
            _ => {}
        }
    }
}
