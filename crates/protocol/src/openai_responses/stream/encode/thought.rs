//! Reasoning, piece by piece.

use super::StreamEncoder;
use crate::exchange::{ReasoningDelta, ReasoningFormat};
use crate::openai_responses::encode::{Shape, is_one_item};
use crate::openai_responses::stream::item::{Kind, Piece, Thought, write_text};

impl StreamEncoder {
    fn thought_at(&mut self, at: usize) -> Option<&mut Thought> {
        match &mut self.items.get_mut(at)?.kind {
            Kind::Thought(thought) => Some(thought),
            _ => None,
        }
    }

    pub(super) fn reasoning(
        &mut self,
        index: u32,
        id: Option<&str>,
        format: &ReasoningFormat,
        delta: &ReasoningDelta,
        out: &mut Vec<u8>,
    ) {
        // Citations of the text before may come after a signature.
        self.stale = self.message.is_some();
        let at = self.thought_for(index, id, format, delta, out);
        match delta {
            ReasoningDelta::Summary(text) => self.thinking(at, index, true, text, out),
            ReasoningDelta::Text(text) => self.thinking(at, index, false, text, out),
            ReasoningDelta::Signature(signature) => {
                if let Some(thought) = self.thought_at(at) {
                    thought.shape.text = true;
                    thought.shape.signed = true;
                    thought.signature = Some(signature.clone());
                }
            }
            ReasoningDelta::Encrypted(data) => {
                if let Some(thought) = self.thought_at(at) {
                    thought.shape.encrypted = true;
                    thought.encrypted_index = Some(index);
                    thought.encrypted.get_or_insert_default().push_str(data);
                }
            }
        }
    }

    /// The item a piece belongs to: the open one if it can, else another.
    fn thought_for(
        &mut self,
        index: u32,
        id: Option<&str>,
        format: &ReasoningFormat,
        delta: &ReasoningDelta,
        out: &mut Vec<u8>,
    ) -> usize {
        let open = self.thought;
        if let Some(at) = open
            && let Some(thought) = self.thought_at(at)
        {
            let known = match delta {
                ReasoningDelta::Encrypted(_) => thought.encrypted_index == Some(index),
                ReasoningDelta::Signature(_) => {
                    !thought.shape.signed && thought.pieces.iter().any(|piece| piece.index == index)
                }
                ReasoningDelta::Text(_) | ReasoningDelta::Summary(_) => {
                    thought.pieces.iter().any(|piece| piece.index == index && !piece.closed)
                }
            };
            let fits = match delta {
                ReasoningDelta::Summary(_) => thought.shape.takes_summary(),
                ReasoningDelta::Text(_) | ReasoningDelta::Signature(_) => {
                    thought.shape.takes_text()
                }
                ReasoningDelta::Encrypted(_) => !thought.shape.encrypted,
            };
            let told = thought.id.as_deref();
            if known || (fits && is_one_item((told, &thought.format), (id, format))) {
                return at;
            }
        }
        self.close_thought(out);
        let at = self.open(
            "rs",
            Kind::Thought(Thought {
                id: id.map(str::to_owned),
                format: format.clone(),
                shape: Shape::default(),
                pieces: Vec::new(),
                signature: None,
                encrypted: None,
                encrypted_index: None,
            }),
            out,
        );
        self.thought = Some(at);
        at
    }

    fn thinking(&mut self, at: usize, index: u32, is_summary: bool, text: &str, out: &mut Vec<u8>) {
        let Some(thought) = self.thought_at(at) else { return };
        thought.shape.text |= !is_summary;
        let found = thought.pieces.iter().position(|piece| {
            piece.index == index && piece.is_summary == is_summary && !piece.closed
        });
        let place = match found {
            Some(place) => place,
            None => {
                self.close_pieces(at, out);
                let Some(thought) = self.thought_at(at) else { return };
                thought.pieces.push(Piece {
                    index,
                    is_summary,
                    text: String::new(),
                    closed: false,
                });
                thought.pieces.len() - 1
            }
        };
        if text.is_empty() {
            return;
        }
        let Some(thought) = self.thought_at(at) else { return };
        let position = thought.position(place);
        let first = thought.pieces[place].text.is_empty();
        thought.pieces[place].text.push_str(text);
        let (part, name, delta, kind) = spoken(is_summary);
        if first {
            self.tell(&format!("response.{part}.added"), at, out, |event| {
                event.number(name, position);
                write_text(event.value("part"), kind, "");
            });
        }
        self.tell(&format!("response.{delta}.delta"), at, out, |event| {
            event.number(name, position);
            event.string("delta", text);
        });
    }

    /// Tells that the pieces of a reasoning item are complete.
    fn close_pieces(&mut self, at: usize, out: &mut Vec<u8>) {
        let Some(thought) = self.thought_at(at) else { return };
        let mut ended = Vec::new();
        for place in 0..thought.pieces.len() {
            if std::mem::replace(&mut thought.pieces[place].closed, true) {
                continue;
            }
            let position = thought.position(place);
            let piece = &thought.pieces[place];
            if !piece.text.is_empty() {
                ended.push((piece.is_summary, position, piece.text.clone()));
            }
        }
        for (is_summary, position, text) in ended {
            let (part, name, delta, kind) = spoken(is_summary);
            self.tell(&format!("response.{delta}.done"), at, out, |event| {
                event.number(name, position);
                event.string("text", &text);
            });
            self.tell(&format!("response.{part}.done"), at, out, |event| {
                event.number(name, position);
                write_text(event.value("part"), kind, &text);
            });
        }
    }

    pub(super) fn close_thought(&mut self, out: &mut Vec<u8>) {
        if let Some(at) = self.thought.take() {
            self.close_pieces(at, out);
            self.close(at, "completed", out);
        }
    }
}

/// The words for a piece of reasoning: its part, the name of its position, its delta, its kind.
const fn spoken(is_summary: bool) -> (&'static str, &'static str, &'static str, &'static str) {
    if is_summary {
        ("reasoning_summary_part", "summary_index", "reasoning_summary_text", "summary_text")
    } else {
        ("content_part", "content_index", "reasoning_text", "reasoning_text")
    }
}
