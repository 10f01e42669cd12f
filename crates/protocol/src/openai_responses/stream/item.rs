//! The items of an answer as they grow.

use crate::exchange::{MediaSource, ReasoningFormat};
use crate::openai_chat::write::{ObjectWriter, array, into_text, object};
use crate::openai_responses::encode::Shape;
use crate::openai_responses::namespace::MEMBER;
use crate::openai_responses::wire;

/// One item of an answer.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) id: String,
    pub(super) kind: Kind,
    /// The whole item as JSON, once it is complete.
    pub(super) done: Option<String>,
}

#[derive(Debug)]
pub(super) enum Kind {
    Message(Vec<Part>),
    Thought(Thought),
    /// Of a tool that takes a text, if `custom`: then the arguments hold it in JSON.
    Call {
        id: String,
        namespace: Option<String>,
        name: String,
        arguments: String,
        custom: bool,
    },
    Image(MediaSource),
}

/// A part of a message.
#[derive(Debug)]
pub(super) enum Part {
    Text { text: String, annotations: Vec<String>, logprobs: Vec<String> },
    Refusal(String),
}

/// A reasoning item.
#[derive(Debug)]
pub(super) struct Thought {
    /// The id as the model's service gave it.
    pub(super) id: Option<String>,
    pub(super) format: ReasoningFormat,
    pub(super) shape: Shape,
    pub(super) pieces: Vec<Piece>,
    pub(super) signature: Option<String>,
    pub(super) encrypted: Option<String>,
    /// The ordinal of the block whose data it holds.
    pub(super) encrypted_index: Option<u32>,
}

/// A part of a summary, or of the text.
#[derive(Debug)]
pub(super) struct Piece {
    /// The ordinal of its block.
    pub(super) index: u32,
    pub(super) is_summary: bool,
    pub(super) text: String,
    pub(super) closed: bool,
}

impl Thought {
    /// The position of a piece among those of its kind that hold text.
    pub(super) fn position(&self, at: usize) -> u64 {
        let kind = self.pieces.get(at).is_some_and(|piece| piece.is_summary);
        let before = self.pieces.iter().take(at);
        before.filter(|piece| piece.is_summary == kind && !piece.text.is_empty()).count() as u64
    }
}

/// Writes a part of a message.
pub(super) fn write_part(out: &mut Vec<u8>, part: &Part) {
    object(out, |written| match part {
        Part::Text { text, annotations, logprobs } => {
            written.string("type", "output_text");
            written.string("text", text);
            written.raw("annotations", &wire::joined(annotations));
            written.raw("logprobs", &wire::joined(logprobs));
        }
        Part::Refusal(text) => {
            written.string("type", "refusal");
            written.string("refusal", text);
        }
    });
}

/// Writes `{type, text}`.
pub(super) fn write_text(out: &mut Vec<u8>, kind: &str, text: &str) {
    object(out, |part| {
        part.string("type", kind);
        part.string("text", text);
    });
}

impl Item {
    /// Writes the item as it stands.
    pub(super) fn write(&self, out: &mut Vec<u8>, status: &str) {
        object(out, |item| {
            item.string("id", &self.id);
            match &self.kind {
                Kind::Message(parts) => {
                    item.string("type", "message");
                    item.string("role", "assistant");
                    item.string("status", status);
                    array(item.value("content"), parts, write_part);
                }
                Kind::Thought(thought) => write_thought(item, thought),
                Kind::Call { id, namespace, name, arguments, custom } => {
                    item.string("type", if *custom { "custom_tool_call" } else { "function_call" });
                    item.string("status", status);
                    item.string("call_id", id);
                    item.string("name", name);
                    if let Some(namespace) = namespace {
                        item.string(MEMBER, namespace);
                    }
                    if *custom {
                        item.string("input", &wire::custom_input(arguments));
                    } else {
                        item.string("arguments", arguments);
                    }
                }
                Kind::Image(source) => {
                    item.string("type", "image_generation_call");
                    item.string("status", status);
                    if status == "in_progress" {
                        item.raw("result", "null");
                    } else {
                        wire::write_image(item, source);
                    }
                }
            }
        });
    }

    /// The whole item as JSON text.
    pub(super) fn as_json(&self, status: &str) -> String {
        let mut out = Vec::new();
        self.write(&mut out, status);
        into_text(out)
    }
}

fn write_thought(item: &mut ObjectWriter<'_>, thought: &Thought) {
    item.string("type", "reasoning");
    let texts = |summary: bool| {
        thought
            .pieces
            .iter()
            .filter(move |piece| piece.is_summary == summary && !piece.text.is_empty())
    };
    array(item.value("summary"), texts(true), |out, piece| {
        write_text(out, "summary_text", &piece.text);
    });
    if texts(false).next().is_some() {
        array(item.value("content"), texts(false), |out, piece| {
            write_text(out, "reasoning_text", &piece.text);
        });
    }
    if let Some(data) = &thought.encrypted {
        item.string("encrypted_content", data);
    }
    if let Some(signature) = &thought.signature {
        item.string("signature", signature);
    }
    let encrypted = thought.encrypted.is_some();
    if wire::names_format(&thought.format, thought.id.as_deref(), encrypted) {
        item.string("format", thought.format.name());
    }
}
