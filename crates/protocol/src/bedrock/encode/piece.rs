//! The parts of a prompt while it is being written.

use crate::exchange::CacheMark;
use crate::json::write::{array, into_text, key, raw, string};

/// What a piece is, as far as the order of a message and cache points depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PieceKind {
    Text,
    /// A tool's result: these come first in a user message. Bug 1
    ToolResult,
    /// Reasoning: nothing is cached behind it.
    Reasoning,
    ToolUse,
    /// A document or a video.
    Document,
    /// Any other medium, or a tool.
    Other,
}

/// One block, tool or system text: a whole object.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    pub(super) kind: PieceKind,
    pub(super) json: String,
    pub(super) mark: Option<CacheMark>,
}

impl Piece {
    /// A block: an object with one member, which is an object that `fill` writes.
    pub(super) fn of(kind: PieceKind, name: &str, fill: impl FnOnce(&mut Vec<u8>)) -> Self {
        let mut json = vec![b'{'];
        key(&mut json, name);
        json.push(b'{');
        fill(&mut json);
        json.extend_from_slice(b"}}");
        Self { kind, json: into_text(json), mark: None }
    }

    pub(super) fn text(text: &str) -> Self {
        let mut json = vec![b'{'];
        string(&mut json, "text", text);
        json.push(b'}');
        Self { kind: PieceKind::Text, json: into_text(json), mark: None }
    }

    /// With a request to cache the prompt up to here.
    pub(super) fn marked(mut self, mark: Option<&CacheMark>) -> Self {
        self.mark = mark.cloned().or(self.mark);
        self
    }
}

/// Writes pieces as a list, each mark as a cache point behind its piece. Bug 27
pub(super) fn write_all(out: &mut Vec<u8>, pieces: &[Piece]) {
    let items = pieces.iter().flat_map(|piece| {
        [Some(piece.json.clone()), piece.mark.as_ref().map(cache_point)].into_iter().flatten()
    });
    array(out, items, |out, json| out.extend_from_slice(json.as_bytes()));
}

fn cache_point(mark: &CacheMark) -> String {
    let mut out = vec![b'{'];
    key(&mut out, "cachePoint");
    out.push(b'{');
    raw(&mut out, "type", r#""default""#);
    if let Some(ttl) = &mark.ttl {
        string(&mut out, "ttl", ttl);
    }
    out.extend_from_slice(b"}}");
    into_text(out)
}

/// One message of the conversation.
#[derive(Clone, Debug)]
pub(super) struct Message {
    pub(super) role: &'static str,
    pub(super) pieces: Vec<Piece>,
}

impl Message {
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.push(b'{');
        string(out, "role", self.role);
        key(out, "content");
        write_all(out, &self.pieces);
        out.push(b'}');
    }
}
