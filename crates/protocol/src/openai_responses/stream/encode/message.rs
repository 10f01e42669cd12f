//! The message that grows, part by part.

use super::StreamEncoder;
use crate::json::RawJson;
use crate::openai_responses::stream::item::{Kind, Part, write_part};
use crate::openai_responses::wire;

impl StreamEncoder {
    fn parts(&mut self, at: usize) -> Option<&mut Vec<Part>> {
        match &mut self.items.get_mut(at)?.kind {
            Kind::Message(parts) => Some(parts),
            _ => None,
        }
    }

    /// The open message and the position of its last part, which is made if it is of another kind.
    fn part(&mut self, refusal: bool, out: &mut Vec<u8>) -> (usize, u64) {
        self.close_thought(out);
        if std::mem::take(&mut self.stale) {
            self.close_message("completed", out);
        }
        let at = match self.message {
            Some(at) => at,
            None => {
                let at = self.open("msg", Kind::Message(Vec::new()), out);
                self.message = Some(at);
                at
            }
        };
        let last = self.parts(at).and_then(|parts| parts.last());
        if last.is_none_or(|part| matches!(part, Part::Refusal(_)) != refusal) {
            self.close_part(at, out);
            let part = if refusal {
                Part::Refusal(String::new())
            } else {
                Part::Text { text: String::new(), annotations: Vec::new(), logprobs: Vec::new() }
            };
            let position = self.parts(at).map_or(0, |parts| parts.len()) as u64;
            self.tell("response.content_part.added", at, out, |event| {
                event.number("content_index", position);
                write_part(event.value("part"), &part);
            });
            if let Some(parts) = self.parts(at) {
                parts.push(part);
            }
        }
        let position = self.parts(at).map_or(0, |parts| parts.len().saturating_sub(1)) as u64;
        (at, position)
    }

    pub(super) fn text(&mut self, piece: &str, out: &mut Vec<u8>) {
        if piece.is_empty() {
            return;
        }
        let (at, position) = self.part(false, out);
        self.delta("response.output_text.delta", at, position, piece, true, out);
        if let Some(Part::Text { text, .. }) = self.parts(at).and_then(|parts| parts.last_mut()) {
            text.push_str(piece);
        }
    }

    pub(super) fn refusal(&mut self, piece: &str, out: &mut Vec<u8>) {
        if piece.is_empty() {
            return;
        }
        let (at, position) = self.part(true, out);
        self.delta("response.refusal.delta", at, position, piece, false, out);
        if let Some(Part::Refusal(text)) = self.parts(at).and_then(|parts| parts.last_mut()) {
            text.push_str(piece);
        }
    }

    fn delta(
        &mut self,
        kind: &str,
        at: usize,
        position: u64,
        piece: &str,
        logprobs: bool,
        out: &mut Vec<u8>,
    ) {
        self.tell(kind, at, out, |event| {
            event.number("content_index", position);
            event.string("delta", piece);
            if logprobs {
                event.raw("logprobs", "[]");
            }
        });
    }

    /// The last text of the open message, also when something stands after it.
    fn open_text(&mut self) -> Option<(usize, u64)> {
        let at = self.message?;
        let parts = self.parts(at)?;
        matches!(parts.last(), Some(Part::Text { .. })).then(|| (at, parts.len() as u64 - 1))
    }

    pub(super) fn annotation(&mut self, raw: &RawJson, out: &mut Vec<u8>) {
        let (at, position) = match self.open_text() {
            Some(open) => open,
            None => self.part(false, out),
        };
        let flat = wire::annotation_out(raw);
        let Some(Part::Text { annotations, .. }) =
            self.parts(at).and_then(|parts| parts.last_mut())
        else {
            return;
        };
        let index = annotations.len() as u64;
        annotations.push(flat.clone());
        self.tell("response.output_text.annotation.added", at, out, |event| {
            event.number("content_index", position);
            event.number("annotation_index", index);
            event.raw("annotation", &flat);
        });
    }

    pub(super) fn logprobs(&mut self, raw: &RawJson, out: &mut Vec<u8>) {
        let entries = wire::logprobs_out(raw);
        let Some((at, position)) = self.open_text().filter(|_| !entries.is_empty()) else { return };
        self.tell("response.output_text.delta", at, out, |event| {
            event.number("content_index", position);
            event.string("delta", "");
            event.raw("logprobs", &wire::joined(&entries));
        });
        if let Some(Part::Text { logprobs, .. }) = self.parts(at).and_then(|parts| parts.last_mut())
        {
            logprobs.extend(entries);
        }
    }

    /// Tells that the last part of a message is complete.
    fn close_part(&mut self, at: usize, out: &mut Vec<u8>) {
        let Some(Kind::Message(parts)) = self.items.get(at).map(|item| &item.kind) else { return };
        let Some(part) = parts.last() else { return };
        let position = parts.len() as u64 - 1;
        let mut written = Vec::new();
        write_part(&mut written, part);
        let (kind, name, text, logprobs) = match part {
            Part::Text { text, logprobs, .. } => {
                ("response.output_text.done", "text", text.clone(), Some(wire::joined(logprobs)))
            }
            Part::Refusal(text) => ("response.refusal.done", "refusal", text.clone(), None),
        };
        self.tell(kind, at, out, |event| {
            event.number("content_index", position);
            event.string(name, &text);
            if let Some(logprobs) = &logprobs {
                event.raw("logprobs", logprobs);
            }
        });
        self.tell("response.content_part.done", at, out, |event| {
            event.number("content_index", position);
            event.value("part").extend_from_slice(&written);
        });
    }

    pub(super) fn close_message(&mut self, status: &str, out: &mut Vec<u8>) {
        self.stale = false;
        if let Some(at) = self.message.take() {
            self.close_part(at, out);
            self.close(at, status, out);
        }
    }

    /// Something else follows the open message. What still belongs to it may come in a whole
    /// answer, where nothing is told before its time.
    pub(super) fn leave_message(&mut self, out: &mut Vec<u8>) {
        if self.events.is_silent() {
            self.stale = self.message.is_some();
        } else {
            self.close_message("completed", out);
        }
    }
}
