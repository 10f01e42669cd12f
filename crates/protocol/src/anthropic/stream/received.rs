//! A provider's event as it comes.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::json::Object;
use crate::json::half::Quoted;
use crate::json::template::Template;

/// An event's data, as far as it is read.
#[derive(Deserialize)]
pub(super) struct Data<'a> {
    #[serde(borrow, default, rename = "type")]
    pub(super) kind: Option<Cow<'a, str>>,
    #[serde(default)]
    pub(super) index: Option<u64>,
    #[serde(borrow, default)]
    pub(super) delta: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) content_block: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) message: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) usage: Option<&'a RawValue>,
}

/// A piece of a block.
#[derive(Deserialize)]
pub(super) struct Delta<'a> {
    #[serde(borrow, default, rename = "type")]
    pub(super) kind: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(super) text: Option<Quoted<'a>>,
    #[serde(borrow, default)]
    pub(super) partial_json: Option<Quoted<'a>>,
    #[serde(borrow, default)]
    pub(super) thinking: Option<Quoted<'a>>,
    #[serde(borrow, default)]
    pub(super) signature: Option<Quoted<'a>>,
    #[serde(borrow, default)]
    pub(super) citation: Option<&'a RawValue>,
}

impl Data<'_> {
    /// The form of an event that is a piece of a block, with the block's index: others of it differ
    /// in the piece alone. `text` is what the event was read from.
    pub(super) fn form(&self, text: &str) -> Option<(Template, (u64, Piece))> {
        let delta = Object::of(self.delta?).ok()?;
        let (piece, name) = match delta.peek_str("type")?.as_ref() {
            "text_delta" => (Piece::Text, "text"),
            "input_json_delta" => (Piece::Input, "partial_json"),
            "thinking_delta" => (Piece::Thinking, "thinking"),
            _ => return None,
        };
        let (template, _) = Template::of(text, delta.peek(name)?, None)?;
        Some((template, (self.index.unwrap_or(0), piece)))
    }
}

/// What comes in pieces.
#[derive(Clone, Copy, Debug)]
pub(super) enum Piece {
    Text,
    Input,
    Thinking,
}

/// Reads an object that holds no member twice, known or not: what passes on is read by others, and
/// of two they may take the other one.
pub(super) fn read_object<'a, T: Deserialize<'a>>(text: &'a str) -> Option<T> {
    Object::parse(text).ok()?;
    serde_json::from_str(text).ok()
}
