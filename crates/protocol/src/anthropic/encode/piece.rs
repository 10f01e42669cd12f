//! The parts of a prompt while it is being written.

use crate::Dialect;
use crate::anthropic::wire::{array, key, members, raw, string};
use crate::exchange::{Block, CacheMark, Extras, Losses};
use crate::json::RawJson;

/// What a piece is, as far as the order of a message and cache marks depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PieceKind {
    /// A tool's result: these come first in a user message. Bug 1
    ToolResult,
    /// Reasoning: never marked.
    Thinking,
    /// A call of a tool.
    ToolUse,
    /// Anything else.
    Other,
}

/// One block, tool or system text: an object still open at its end.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    pub(super) kind: PieceKind,
    pub(super) json: Vec<u8>,
    pub(super) mark: Option<CacheMark>,
}

impl Piece {
    /// Begins an object with its type.
    pub(super) fn of_type(kind: PieceKind, name: &str) -> Self {
        let mut piece = Self { kind, json: vec![b'{'], mark: None };
        string(&mut piece.json, "type", name);
        piece
    }

    /// A whole text block.
    pub(super) fn text(text: &str) -> Self {
        let mut piece = Self::of_type(PieceKind::Other, "text");
        string(&mut piece.json, "text", text);
        piece
    }

    /// Takes a value of this very dialect as it is; `None` if it is no object.
    pub(super) fn verbatim(value: &RawJson) -> Option<Self> {
        let text = value.get().trim();
        let open = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'))?.trim_end();
        let mut json = Vec::with_capacity(text.len());
        json.push(b'{');
        json.extend_from_slice(open.trim_start().as_bytes());
        Some(Self { kind: PieceKind::Other, json, mark: None })
    }

    /// Adds what belongs to every block: its mark and the members only this dialect knows.
    pub(super) fn finish_with(
        mut self,
        block: &Block,
        path: &dyn Fn() -> String,
        losses: &mut Losses,
    ) -> Self {
        if self.kind != PieceKind::Thinking && block.cache.is_some() {
            self.mark.clone_from(&block.cache);
        }
        write_extras(&mut self.json, &block.extras, path, losses);
        self
    }

    /// Writes the closed object.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.json);
        if let Some(mark) = &self.mark {
            write_mark(out, mark);
        }
        out.push(b'}');
    }
}

/// Writes `cache_control`. PCACHE-1
pub(super) fn write_mark(out: &mut Vec<u8>, mark: &CacheMark) {
    key(out, "cache_control");
    out.push(b'{');
    string(out, "type", "ephemeral");
    if let Some(ttl) = &mark.ttl {
        string(out, "ttl", ttl);
    }
    out.push(b'}');
}

/// Writes unknown members back if they are of this dialect; else records them as lost.
pub(super) fn write_extras(
    out: &mut Vec<u8>,
    extras: &Extras,
    path: &dyn Fn() -> String,
    losses: &mut Losses,
) {
    let own = extras.for_dialect(Dialect::Anthropic);
    members(out, own);
    if own.is_empty() {
        for (name, _) in &extras.members {
            losses
                .record(format!("{}.{name}", path()), "the provider's protocol has no such member");
        }
    }
}

/// One message of the conversation.
#[derive(Clone, Debug)]
pub(super) struct Message {
    pub(super) role: &'static str,
    pub(super) pieces: Vec<Piece>,
    /// Unknown members of the turns it was made of.
    pub(super) extras: Vec<(String, RawJson)>,
}

impl Message {
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.push(b'{');
        string(out, "role", self.role);
        key(out, "content");
        array(out, &self.pieces, |out, piece| piece.write(out));
        for (name, value) in &self.extras {
            raw(out, name, value.get());
        }
        out.push(b'}');
    }
}
