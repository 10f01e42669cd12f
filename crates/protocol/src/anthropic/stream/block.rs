//! The blocks of a provider's stream while they are open.

use crate::anthropic::wire::{into_text, key, raw};
use crate::json::half::Half;
use crate::json::{Object, RawJson};
use crate::tool_input::input_text;

/// A block that has begun and not stopped.
#[derive(Debug)]
pub(super) struct Open {
    /// The provider's index, which counts blocks of all kinds. Bug 2
    pub(super) index: u64,
    pub(super) kind: Kind,
    /// Half a character at the end of what came so far.
    pub(super) half: Half,
}

#[derive(Debug)]
pub(super) enum Kind {
    Text {
        start: u64,
        citations: Vec<RawJson>,
    },
    Reasoning {
        ordinal: u32,
    },
    Tool {
        ordinal: u32,
        input: Input,
    },
    /// The tool whose input is the answer.
    Answer {
        input: Input,
    },
    /// Passed on whole when it stops.
    Whole {
        block: RawJson,
        input: String,
    },
    Ignored,
}

/// A tool's input as far as it came.
#[derive(Debug)]
pub(super) struct Input {
    /// What stood in the block's start, if it was more than the usual `{}`.
    initial: Option<String>,
    /// Whether anything came in pieces.
    pub(super) pieces: bool,
}

impl Input {
    pub(super) fn of(block: &Object<'_>) -> Self {
        let initial = input_text(block.peek("input"));
        Self { initial: (initial.trim() != "{}").then_some(initial), pieces: false }
    }

    /// What is still to be said at the end: all of it if no piece came. Bug 3
    pub(super) fn rest(self) -> Option<String> {
        (!self.pieces).then(|| self.initial.unwrap_or_else(|| "{}".to_owned()))
    }
}

/// A block with the input that came in pieces.
pub(super) fn with_input(block: &RawJson, input: &str) -> Option<RawJson> {
    let input = RawJson::parse(input.to_owned()).ok()?;
    let object = Object::of(block.as_raw()).ok()?;
    let mut out = vec![b'{'];
    for (name, value) in object.iter().filter(|(name, _)| *name != "input") {
        raw(&mut out, name, value.get());
    }
    key(&mut out, "input");
    out.extend_from_slice(input.get().as_bytes());
    out.push(b'}');
    RawJson::parse(into_text(out)).ok()
}
