//! Turns → system blocks and messages.

use super::media;
use super::piece::{Message, Piece, PieceKind, write_extras};
use crate::Dialect;
use crate::anthropic::wire::{array, key, raw, string, write_input};
use crate::anthropic::{LONGEST_NAME, citations, foreign};
use crate::exchange::{
    Block, BlockKind, CITATIONS, Fault, Losses, OPENING, ReasoningBlock, ReasoningContent,
    ReasoningFormat, Request, Role, Turn,
};
use crate::names::Names;
use crate::target::Target;

/// The most unknown members kept of turns that become one message.
const MOST_EXTRAS: usize = 64;

/// The conversation as the vendor wants it.
#[derive(Debug, Default)]
pub(super) struct Prompt {
    pub(super) system: Vec<Piece>,
    pub(super) messages: Vec<Message>,
    /// Whether a file in the provider's store is named.
    pub(super) stored_files: bool,
}

impl Prompt {
    /// Whether the conversation stands in the middle of a tool loop whose assistant turn does not
    /// begin with reasoning: thinking with a budget is refused there. Bug 19
    pub(super) fn loop_lacks_thinking(&self) -> bool {
        let [.., assistant, results] = self.messages.as_slice() else { return false };
        results.role == "user"
            && results.pieces.iter().any(|piece| piece.kind == PieceKind::ToolResult)
            && assistant.role == "assistant"
            && assistant.pieces.first().is_none_or(|piece| piece.kind != PieceKind::Thinking)
    }

    /// Puts reasoning first in its turn, where a budget model demands it.
    pub(super) fn put_thinking_first(&mut self) {
        for message in self.messages.iter_mut().filter(|message| message.role == "assistant") {
            if message.pieces.first().is_some_and(|piece| piece.kind != PieceKind::Thinking) {
                message.pieces.sort_by_key(|piece| piece.kind != PieceKind::Thinking);
            }
        }
    }

    /// Whether the last message is the assistant's, to be continued. CHAT-8
    pub(super) fn ends_with_prefill(&self) -> bool {
        self.messages.last().is_some_and(|message| message.role == "assistant")
    }
}

/// Writes all turns.
pub(super) fn write(
    request: &Request,
    target: &Target<'_>,
    names: &Names,
    losses: &mut Losses,
) -> Result<Prompt, Fault> {
    let ids = Names::of(LONGEST_NAME, request.call_ids());
    let mut writer = Writer {
        target,
        names,
        ids: &ids,
        losses,
        stored_files: false,
        pending_system: Vec::new(),
    };
    let mut prompt = Prompt::default();
    let leading = request.leading_instructions();
    // A conversation of nothing but instructions still needs a user's message.
    let leading = if leading == request.turns.len() { leading.saturating_sub(1) } else { leading };
    let last = request.turns.len().saturating_sub(1);
    for (at, turn) in request.turns.iter().enumerate() {
        if at < leading {
            prompt.system.extend(writer.system(at, turn));
            continue;
        }
        match turn.role {
            Role::System | Role::Developer => {
                let pieces = writer.system(at, turn);
                if target.abilities.inline_system && last > leading {
                    writer.pending_system.extend(pieces);
                } else {
                    writer.losses.record(
                        format!("messages[{at}].role"),
                        "instructions in mid-conversation are sent as the user's text",
                    );
                    push(&mut prompt.messages, "user", tagged(pieces), turn);
                }
            }
            Role::User | Role::Tool => {
                let pieces = writer.turn(at, turn, false)?;
                push(&mut prompt.messages, "user", pieces, turn);
            }
            Role::Assistant => {
                writer.place_system(&mut prompt.messages);
                let pieces = writer.turn(at, turn, at == last)?;
                if prompt.messages.is_empty() && !pieces.is_empty() {
                    writer.losses.record("messages", "a user message was put before the first one");
                    push(&mut prompt.messages, "user", vec![Piece::text(OPENING)], turn);
                }
                push(&mut prompt.messages, "assistant", pieces, turn);
            }
        }
    }
    writer.place_system(&mut prompt.messages);
    prompt.stored_files = writer.stored_files;
    for message in prompt.messages.iter_mut().filter(|message| message.role == "user") {
        message.pieces.sort_by_key(|piece| piece.kind != PieceKind::ToolResult);
    }
    drop_trailing_thinking(&mut prompt.messages, writer.losses);
    if prompt.messages.is_empty() {
        return Err(Fault::invalid(format!(
            "{}: at least one message must have content that is not empty",
            request.place()
        )));
    }
    Ok(prompt)
}

/// Appends to the last message of the same role, or begins one. Bug 1
fn push(messages: &mut Vec<Message>, role: &'static str, pieces: Vec<Piece>, turn: &Turn) {
    if pieces.is_empty() {
        return;
    }
    let extras = turn.extras.for_dialect(Dialect::Anthropic);
    match messages.last_mut() {
        Some(message) if message.role == role => {
            message.pieces.extend(pieces);
            for (name, value) in extras.iter().take(MOST_EXTRAS) {
                if message.extras.len() >= MOST_EXTRAS {
                    break;
                }
                if !message.extras.iter().any(|(seen, _)| seen == name) {
                    message.extras.push((name.clone(), value.clone()));
                }
            }
        }
        _ => messages.push(Message { role, pieces, extras: extras.to_vec() }),
    }
}

/// Wraps instructions so that the model can tell them from the user's words.
fn tagged(pieces: Vec<Piece>) -> Vec<Piece> {
    let mut wrapped = Vec::with_capacity(pieces.len() + 2);
    if !pieces.is_empty() {
        wrapped.push(Piece::text("<system>"));
        wrapped.extend(pieces);
        wrapped.push(Piece::text("</system>"));
    }
    wrapped
}

/// The vendor refuses a final assistant message that ends in reasoning.
fn drop_trailing_thinking(messages: &mut Vec<Message>, losses: &mut Losses) {
    let Some(message) = messages.last_mut().filter(|message| message.role == "assistant") else {
        return;
    };
    while message.pieces.last().is_some_and(|piece| piece.kind == PieceKind::Thinking) {
        message.pieces.pop();
        losses.record("messages", "reasoning at the very end cannot be continued");
    }
    if message.pieces.is_empty() {
        messages.pop();
    }
}

struct Writer<'w> {
    target: &'w Target<'w>,
    names: &'w Names,
    ids: &'w Names,
    losses: &'w mut Losses,
    stored_files: bool,
    /// Instructions that wait for their place before an assistant turn or at the end.
    pending_system: Vec<Piece>,
}

impl Writer<'_> {
    fn system(&mut self, at: usize, turn: &Turn) -> Vec<Piece> {
        let mut name = turn.name.as_deref();
        let mut pieces = Vec::new();
        for (part, block) in turn.blocks.iter().enumerate() {
            let path = || block.place(at, part);
            match &block.kind {
                BlockKind::Text { text, .. } if text.trim().is_empty() => {}
                BlockKind::Text { text, .. } => {
                    let piece = named_text(name.take(), text);
                    pieces.push(piece.finish_with(block, &path, self.losses));
                }
                _ => self.losses.record(path(), "instructions can only be text"),
            }
        }
        pieces
    }

    /// Puts waiting instructions where the vendor honours them: after a user message. Elsewhere
    /// they become the user's text.
    fn place_system(&mut self, messages: &mut Vec<Message>) {
        if self.pending_system.is_empty() {
            return;
        }
        let pieces = std::mem::take(&mut self.pending_system);
        let none = Turn::new(Role::System, Vec::new());
        if messages.last().is_some_and(|message| message.role == "user") {
            push(messages, "system", pieces, &none);
        } else {
            push(messages, "user", tagged(pieces), &none);
        }
    }

    fn turn(&mut self, at: usize, turn: &Turn, is_last: bool) -> Result<Vec<Piece>, Fault> {
        let mut name = turn.name.as_deref().filter(|_| turn.role != Role::Tool);
        // Only where a message ends in text does its trailing white space matter. Bug 14
        let trimmed = if is_last {
            turn.blocks.iter().rposition(|block| match &block.kind {
                BlockKind::Text { text, .. } => !text.trim().is_empty(),
                _ => true,
            })
        } else {
            None
        };
        let mut pieces = Vec::with_capacity(turn.blocks.len());
        for (part, block) in turn.blocks.iter().enumerate() {
            let path = || block.place(at, part);
            let piece = match &block.kind {
                BlockKind::Text { text, .. } if text.trim().is_empty() => None,
                BlockKind::Text { text, annotations } => {
                    let text = if trimmed == Some(part) { text.trim_end() } else { text };
                    let mut piece = named_text(name.take(), text);
                    let cited: Vec<String> = annotations
                        .iter()
                        .filter(|_| turn.role == Role::Assistant)
                        .filter_map(citations::replayable)
                        .collect();
                    if cited.len() < annotations.len() {
                        self.losses.record(format!("{}.annotations", path()), CITATIONS);
                    }
                    if !cited.is_empty() {
                        key(&mut piece.json, "citations");
                        array(&mut piece.json, &cited, |out, one| {
                            out.extend_from_slice(one.as_bytes());
                        });
                    }
                    Some(piece)
                }
                _ => self.block(block, turn.role, &path)?,
            };
            pieces.extend(piece.map(|piece| piece.finish_with(block, &path, self.losses)));
        }
        if name.is_some() && !pieces.is_empty() {
            self.losses.record(format!("messages[{at}].name"), "there is no text to put it before");
        }
        let foreign = turn.extras.for_dialect(Dialect::Anthropic).is_empty();
        for (member, _) in turn.extras.members.iter().filter(|_| foreign) {
            self.losses.record(
                format!("messages[{at}].{member}"),
                "the provider's protocol has no such member",
            );
        }
        Ok(pieces)
    }

    fn block(
        &mut self,
        block: &Block,
        role: Role,
        path: &dyn Fn() -> String,
    ) -> Result<Option<Piece>, Fault> {
        let from_model = role == Role::Assistant;
        Ok(match &block.kind {
            BlockKind::Text { text, .. } | BlockKind::Refusal { text } => {
                (!text.trim().is_empty()).then(|| Piece::text(text))
            }
            BlockKind::Reasoning(reasoning) => self.reasoning(reasoning, path),
            BlockKind::ToolCall { id, name, arguments } => {
                Some(self.tool_use(id, name, arguments, path))
            }
            BlockKind::ToolResult { call_id, content, is_error, .. } => {
                Some(self.tool_result(call_id, content, *is_error, path)?)
            }
            BlockKind::Image { .. } | BlockKind::File { .. } | BlockKind::Video { .. }
                if from_model =>
            {
                self.losses.record(path(), "an assistant message cannot carry media here");
                None
            }
            BlockKind::Image { source, detail } => {
                if detail.as_deref().is_some_and(|detail| detail != "auto") {
                    self.losses.record(format!("{}.detail", path()), "images have one resolution");
                }
                self.stored_files |= media::is_stored(source);
                Some(media::image(source, self.target, path)?)
            }
            BlockKind::File { source, filename } => {
                self.stored_files |= media::is_stored(source);
                Some(media::document(source, filename.as_deref(), self.target, path)?)
            }
            BlockKind::Audio { transcript, .. } if from_model => match transcript {
                Some(text) if !text.trim().is_empty() => Some(Piece::text(text)),
                _ => {
                    self.losses.record(path(), "an assistant message cannot carry media here");
                    None
                }
            },
            BlockKind::Audio { .. } => {
                return Err(Fault::invalid(format!("{}: this model takes no audio input", path())));
            }
            BlockKind::Video { .. } => {
                return Err(Fault::invalid(format!("{}: this model takes no video input", path())));
            }
            BlockKind::Opaque { origin: Dialect::Anthropic, raw } => Piece::verbatim(raw),
            BlockKind::Opaque { .. } => {
                self.losses.record(path(), "the block belongs to another protocol");
                None
            }
        })
    }

    /// Only what the vendor itself signed goes back to it. Bug 19, wire-formats 12.4
    fn reasoning(&mut self, block: &ReasoningBlock, path: &dyn Fn() -> String) -> Option<Piece> {
        match &block.content {
            ReasoningContent::Text { text, signature: Some(signature) }
                if block.format == ReasoningFormat::Anthropic
                    && !foreign::is_wrapped(signature) =>
            {
                let mut piece = Piece::of_type(PieceKind::Thinking, "thinking");
                string(&mut piece.json, "thinking", text);
                string(&mut piece.json, "signature", signature);
                Some(piece)
            }
            ReasoningContent::Encrypted { data }
                if block.format == ReasoningFormat::Anthropic && !foreign::is_wrapped(data) =>
            {
                let mut piece = Piece::of_type(PieceKind::Thinking, "redacted_thinking");
                string(&mut piece.json, "data", data);
                Some(piece)
            }
            _ => {
                self.losses.record(path(), "reasoning not signed by this provider is not replayed");
                None
            }
        }
    }

    fn tool_use(
        &mut self,
        id: &str,
        name: &str,
        arguments: &str,
        path: &dyn Fn() -> String,
    ) -> Piece {
        let mut piece = Piece::of_type(PieceKind::ToolUse, "tool_use");
        string(&mut piece.json, "id", self.ids.sent(id));
        string(&mut piece.json, "name", self.names.sent(name));
        key(&mut piece.json, "input");
        if !write_input(&mut piece.json, arguments) {
            self.losses.record(path(), "arguments that are no JSON object were wrapped in one");
        }
        piece
    }

    fn tool_result(
        &mut self,
        call_id: &str,
        content: &[Block],
        is_error: bool,
        path: &dyn Fn() -> String,
    ) -> Result<Piece, Fault> {
        let mut piece = Piece::of_type(PieceKind::ToolResult, "tool_result");
        string(&mut piece.json, "tool_use_id", self.ids.sent(call_id));
        let mut mark = None;
        let mut inner = Vec::with_capacity(content.len());
        for (at, block) in content.iter().enumerate() {
            let path = || block.place_or(|| format!("{}.content[{at}]", path()));
            if let Some(mut found) = self.block(block, Role::Tool, &path)? {
                write_extras(&mut found.json, &block.extras, &path, self.losses);
                inner.push(found);
            }
            mark = block.cache.clone().or(mark);
        }
        if !inner.is_empty() {
            key(&mut piece.json, "content");
            array(&mut piece.json, &inner, |out, found| found.write(out));
        }
        if is_error {
            raw(&mut piece.json, "is_error", "true");
        }
        // A mark on a part of the result is a mark on the result; the block's own one, if there
        // is one, takes its place.
        piece.mark = mark;
        Ok(piece)
    }
}

fn named_text(name: Option<&str>, text: &str) -> Piece {
    match name {
        // CHAT-7
        Some(name) if !name.is_empty() => Piece::text(&format!("{name}: {text}")),
        _ => Piece::text(text),
    }
}
