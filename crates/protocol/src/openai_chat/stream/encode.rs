//! Events into chunks for a caller. STREAM-1, STREAM-3, STREAM-5, STREAM-10

use super::ChunkHead;
use crate::exchange::{
    Additions, Event, Fault, FinishReason, Identity, ReasoningDelta, ReasoningFormat, Usage,
};
use crate::json::envelope::write_string;
use crate::openai_chat::encode::{write_detail, write_image};
use crate::openai_chat::error::write_error;
use crate::openai_chat::write::{ObjectWriter, into_text, object};
use crate::openai_chat::{CallForms, custom, image_signature, legacy_logprobs};
use crate::openai_responses::custom_input;
use crate::sse::DONE;

/// Which surface's chunks are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Surface {
    /// `chat.completion.chunk` with deltas.
    Chat,
    /// `text_completion` with texts. CHAT-14
    Completions,
}

/// Writes a stream for a caller. Feed every event to [`Self::push`], then call [`Self::finish`].
#[derive(Debug)]
pub struct StreamEncoder {
    surface: Surface,
    /// How calls are told.
    forms: CallForms,
    head: ChunkHead,
    usage: Option<Usage>,
    service_tier: Option<String>,
    system_fingerprint: Option<String>,
    /// The choices whose role was told, and their calls without arguments so far.
    begun: Vec<Begun>,
    failed: bool,
}

#[derive(Debug)]
struct Begun {
    choice: u32,
    role_told: bool,
    bare_calls: Vec<u32>,
    /// The call that is told to a caller that knows no tools.
    function: Option<u32>,
    /// Calls of tools that take a text, with the arguments so far.
    texts: Vec<(u32, String)>,
    images: usize,
    /// Nothing was told since the last image.
    behind_image: bool,
    /// Characters of text whose log probabilities were told on the legacy surface.
    offset: usize,
}

impl StreamEncoder {
    /// An encoder that answers in the name of `identity`.
    pub fn new(identity: Identity) -> Self {
        Self::of(Surface::Chat, &identity, "chat.completion.chunk")
    }

    /// The same with calls in the forms that the caller declared.
    #[must_use]
    pub fn with_calls(self, forms: CallForms) -> Self {
        Self { forms, ..self }
    }

    /// An encoder for the legacy surface. CHAT-14
    pub(in crate::openai_chat) fn legacy(identity: &Identity) -> Self {
        Self::of(Surface::Completions, identity, "text_completion")
    }

    fn of(surface: Surface, identity: &Identity, name: &str) -> Self {
        Self {
            surface,
            forms: CallForms::default(),
            head: ChunkHead::new(identity, name),
            usage: None,
            service_tier: None,
            system_fingerprint: None,
            begun: Vec::new(),
            failed: false,
        }
    }

    /// Takes one event and writes what the caller gets for it, which may be nothing.
    pub fn push(&mut self, event: &Event, out: &mut Vec<u8>) {
        if self.failed {
            return;
        }
        match event {
            Event::Start { service_tier, system_fingerprint, .. } => {
                if service_tier.is_some() {
                    self.service_tier.clone_from(service_tier);
                }
                if system_fingerprint.is_some() {
                    self.system_fingerprint.clone_from(system_fingerprint);
                }
            }
            Event::Usage(usage) => self.usage = Some(*usage),
            Event::Fault(fault) => {
                self.failed = true;
                self.head.error(fault, out);
            }
            Event::Ping | Event::Opaque { .. } => {}
            Event::Finish { choice, reason, native } => {
                self.end(*choice, *reason, native.as_deref(), out);
            }
            Event::Logprobs { choice, raw } => {
                let mut legacy = Vec::new();
                if self.surface == Surface::Completions {
                    let offset = &mut self.begun(*choice).offset;
                    legacy_logprobs::write(&mut legacy, raw.as_raw(), offset);
                }
                let legacy = into_text(legacy);
                let told = if legacy.is_empty() { raw.get() } else { &legacy };
                self.chunk(*choice, out, Some(told), |delta| delta.string("content", ""));
            }
            Event::Text { choice, text } => self.text(*choice, text, out),
            Event::Annotation { .. }
            | Event::Refusal { .. }
            | Event::Reasoning { .. }
            | Event::ToolCallStart { .. }
            | Event::ToolCallArguments { .. }
            | Event::Image { .. }
            | Event::Audio { .. } => self.piece(event, out),
        }
    }

    /// Writes the end: usage with its cost and `[DONE]`; after a fault only the latter.
    pub fn finish(&mut self, additions: Additions<'_>, out: &mut Vec<u8>) {
        if !self.failed {
            let tier = self.service_tier.as_deref();
            self.head.usage(self.usage.as_ref(), tier, &[], &[], additions, out);
        }
        out.extend_from_slice(DONE);
    }

    fn text(&mut self, choice: u32, text: &str, out: &mut Vec<u8>) {
        self.chunk(choice, out, None, |delta| delta.string("content", text));
    }

    fn piece(&mut self, event: &Event, out: &mut Vec<u8>) {
        match event {
            Event::Refusal { choice, text } => {
                self.chunk(*choice, out, None, |delta| delta.string("refusal", text));
            }
            Event::Annotation { choice, raw } => self.chunk(*choice, out, None, |delta| {
                delta.string("content", "");
                delta.array("annotations", [raw], |out, raw| {
                    out.extend_from_slice(raw.get().as_bytes());
                });
            }),
            Event::Reasoning { choice, index, id, format, delta } => {
                let signed = *format == ReasoningFormat::Gemini
                    && matches!(delta, ReasoningDelta::Encrypted(_));
                let begun = self.begun(*choice);
                let image = (signed && begun.behind_image)
                    .then(|| image_signature::id(begun.images.saturating_sub(1)));
                let id = id.as_deref().or(image.as_deref());
                self.chunk(*choice, out, None, |writer| {
                    write_reasoning(writer, *index, id, format, delta);
                });
            }
            Event::ToolCallStart { choice, index, name, .. } if self.forms.as_function => {
                let begun = self.begun(*choice);
                if *begun.function.get_or_insert(*index) == *index {
                    begun.bare_calls.push(*index);
                    self.chunk(*choice, out, None, |delta| {
                        delta.object("function_call", |function| {
                            function.string("name", name);
                            function.string("arguments", "");
                        });
                    });
                }
            }
            Event::ToolCallStart { choice, index, id, name } if self.forms.is_custom(name) => {
                self.begun(*choice).texts.push((*index, String::new()));
                self.chunk(*choice, out, None, |delta| {
                    write_call(delta, *index, |call| {
                        call.string("id", id);
                        custom::write_call(call, name, "");
                    });
                });
            }
            Event::ToolCallStart { choice, index, id, name } => {
                self.begun(*choice).bare_calls.push(*index);
                self.chunk(*choice, out, None, |delta| {
                    write_call(delta, *index, |call| {
                        call.string("id", id);
                        call.string("type", "function");
                        call.object("function", |function| {
                            function.string("name", name);
                            function.string("arguments", "");
                        });
                    });
                });
            }
            Event::ToolCallArguments { choice, index, arguments } if !arguments.is_empty() => {
                let begun = self.begun(*choice);
                // The text can be read when it is whole.
                if let Some((_, text)) = begun.texts.iter_mut().find(|(custom, _)| custom == index)
                {
                    text.push_str(arguments);
                    return;
                }
                begun.bare_calls.retain(|bare| bare != index);
                self.arguments(*choice, *index, arguments, out);
            }
            Event::Image { choice, source } => {
                if let Some(url) = source.to_url() {
                    self.chunk(*choice, out, None, |delta| {
                        delta.string("content", "");
                        delta.array("images", [url], |out, url| write_image(out, &url));
                    });
                    let begun = self.begun(*choice);
                    begun.images += 1;
                    begun.behind_image = true;
                }
            }
            Event::Audio { choice, id, data, transcript, expires_at } => {
                self.chunk(*choice, out, None, |delta| {
                    delta.object("audio", |audio| {
                        for (name, text) in [("id", id), ("data", data), ("transcript", transcript)]
                        {
                            if let Some(text) = text {
                                audio.string(name, text);
                            }
                        }
                        if let Some(time) = expires_at {
                            audio.number("expires_at", *time);
                        }
                    });
                });
            }
            _ => {}
        }
    }

    fn arguments(&mut self, choice: u32, index: u32, arguments: &str, out: &mut Vec<u8>) {
        if self.forms.as_function {
            if self.begun(choice).function == Some(index) {
                self.chunk(choice, out, None, |delta| {
                    delta.object("function_call", |call| call.string("arguments", arguments));
                });
            }
            return;
        }
        self.chunk(choice, out, None, |delta| {
            write_call(delta, index, |call| {
                call.object("function", |function| function.string("arguments", arguments));
            });
        });
    }

    fn begun(&mut self, choice: u32) -> &mut Begun {
        let at = match self.begun.iter().position(|begun| begun.choice == choice) {
            Some(at) => at,
            None => {
                self.begun.push(Begun {
                    choice,
                    role_told: false,
                    bare_calls: Vec::new(),
                    function: None,
                    texts: Vec::new(),
                    images: 0,
                    behind_image: false,
                    offset: 0,
                });
                self.begun.len() - 1
            }
        };
        &mut self.begun[at]
    }

    /// Writes a chunk with one delta. The first of a choice tells the role.
    fn chunk(
        &mut self,
        choice: u32,
        out: &mut Vec<u8>,
        logprobs: Option<&str>,
        fill: impl FnOnce(&mut ObjectWriter<'_>),
    ) {
        let begun = self.begun(choice);
        begun.behind_image = false;
        let first = !std::mem::replace(&mut begun.role_told, true);
        let unfinished = Ending { reason: "null", native: "null", fault: None };
        self.write(choice, out, logprobs, first, unfinished, fill);
    }

    fn write(
        &self,
        choice: u32,
        out: &mut Vec<u8>,
        logprobs: Option<&str>,
        first: bool,
        ending: Ending<'_>,
        fill: impl FnOnce(&mut ObjectWriter<'_>),
    ) {
        let chat = self.surface == Surface::Chat;
        self.head.frame(out, |chunk| {
            if let Some(fault) = &ending.fault {
                chunk.object("error", |error| write_error(error, fault));
            }
            let choices = chunk.value("choices");
            choices.push(b'[');
            object(choices, |entry| {
                entry.number("index", u64::from(choice));
                if chat {
                    entry.object("delta", |delta| {
                        if first {
                            delta.string("role", "assistant");
                        }
                        fill(delta);
                    });
                } else {
                    let mut text = Vec::new();
                    object(&mut text, fill);
                    write_legacy(entry, &text);
                }
                entry.raw("finish_reason", ending.reason);
                entry.raw("native_finish_reason", ending.native);
                entry.raw("logprobs", logprobs.unwrap_or("null"));
            });
            choices.push(b']');
            if let Some(print) = &self.system_fingerprint {
                chunk.string("system_fingerprint", print);
            }
        });
    }

    fn end(&mut self, choice: u32, reason: FinishReason, native: Option<&str>, out: &mut Vec<u8>) {
        for (index, arguments) in std::mem::take(&mut self.begun(choice).texts) {
            let text = custom_input(&arguments);
            self.chunk(choice, out, None, |delta| {
                write_call(delta, index, |call| {
                    call.object(custom::CUSTOM, |custom| custom.string("input", &text));
                });
            });
        }
        // A call without arguments has none, in JSON. Bug 3
        for index in std::mem::take(&mut self.begun(choice).bare_calls) {
            self.arguments(choice, index, "{}", out);
        }
        let word = format!("\"{}\"", self.forms.finish_name(reason));
        let mut told = Vec::new();
        match native {
            Some(native) => write_string(&mut told, native),
            None => told.extend_from_slice(b"null"),
        }
        let told = into_text(told);
        let first = !std::mem::replace(&mut self.begun(choice).role_told, true);
        // STREAM-5
        let fault = (reason == FinishReason::Error).then(|| Fault::of_finish(native));
        let ending = Ending { reason: &word, native: &told, fault };
        self.write(choice, out, None, first, ending, |delta| {
            delta.string("content", "");
        });
    }
}

/// How a choice ends in a chunk: both reasons as JSON.
struct Ending<'e> {
    reason: &'e str,
    native: &'e str,
    fault: Option<Fault>,
}

/// A delta on the legacy surface: its content is the text, the rest stands beside it. CHAT-14
fn write_legacy(entry: &mut ObjectWriter<'_>, delta: &[u8]) {
    let text = std::str::from_utf8(delta).unwrap_or("{}");
    let delta = crate::json::Object::parse(text).unwrap_or_default();
    entry.raw("text", delta.peek("content").map_or("\"\"", |raw| raw.get()));
    for (name, raw) in delta.iter().filter(|(name, _)| *name != "content") {
        entry.raw_of(name, raw.get());
    }
}

fn write_call(delta: &mut ObjectWriter<'_>, index: u32, fill: impl FnOnce(&mut ObjectWriter<'_>)) {
    let calls = delta.value("tool_calls");
    calls.push(b'[');
    object(calls, |call| {
        call.number("index", u64::from(index));
        fill(call);
    });
    calls.push(b']');
}

/// REASON-9, REASON-11
fn write_reasoning(
    delta: &mut ObjectWriter<'_>,
    index: u32,
    id: Option<&str>,
    format: &ReasoningFormat,
    piece: &ReasoningDelta,
) {
    let (kind, value, signature) = match piece {
        ReasoningDelta::Text(text) => ("reasoning.text", Some(("text", text.as_str())), None),
        ReasoningDelta::Signature(signature) => ("reasoning.text", None, Some(signature.as_str())),
        ReasoningDelta::Summary(text) => {
            ("reasoning.summary", Some(("summary", text.as_str())), None)
        }
        ReasoningDelta::Encrypted(data) => {
            ("reasoning.encrypted", Some(("data", data.as_str())), None)
        }
    };
    delta.string("content", "");
    match piece {
        ReasoningDelta::Text(text) | ReasoningDelta::Summary(text) => {
            delta.string("reasoning", text);
        }
        ReasoningDelta::Signature(_) | ReasoningDelta::Encrypted(_) => {}
    }
    delta.array("reasoning_details", [()], |out, ()| {
        object(out, |entry| {
            write_detail(entry, kind, value, signature, id, format.name(), index as usize);
        });
    });
}
