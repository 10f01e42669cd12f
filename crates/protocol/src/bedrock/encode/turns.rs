//! Turns → system blocks and messages.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::media;
use super::piece::{Message, Piece, PieceKind};
use crate::bedrock::LONGEST_NAME;
use crate::bedrock::family::Family;
use crate::bedrock::wire::REASONING;
use crate::exchange::{
    Block, BlockKind, CacheMark, Fault, Losses, OPENING, ReasoningBlock, ReasoningContent, Request,
    Role, Turn,
};
use crate::json::write::{array, key, string};
use crate::names::Names;
use crate::openai_chat::nine_characters;
use crate::target::Target;
use crate::tool_input::write_input;

/// What stands between results of tools and what may not stand beside them.
const BETWEEN: &str = ".";

/// What stands beside a document in a message without text, which is refused.
const BESIDE: &str = "(See the attached file.)";

/// What stands for the content of a result that has none, which is refused.
const EMPTY: &str = "(no content)";

/// The conversation as the service wants it.
#[derive(Debug, Default)]
pub(super) struct Prompt {
    pub(super) system: Vec<Piece>,
    pub(super) messages: Vec<Message>,
}

impl Prompt {
    /// Whether the conversation stands in the middle of a tool loop whose assistant turn does not
    /// begin with reasoning: thinking with a budget is refused there. Bug 19
    pub(super) fn loop_lacks_thinking(&self) -> bool {
        let [.., assistant, results] = self.messages.as_slice() else { return false };
        results.role == "user"
            && results.pieces.iter().any(|piece| piece.kind == PieceKind::ToolResult)
            && assistant.role == "assistant"
            && assistant.pieces.first().is_none_or(|piece| piece.kind != PieceKind::Reasoning)
    }

    /// Puts reasoning first in its turn, where a budget model demands it.
    pub(super) fn put_thinking_first(&mut self) {
        for message in self.messages.iter_mut().filter(|message| message.role == "assistant") {
            message.pieces.sort_by_key(|piece| piece.kind != PieceKind::Reasoning);
        }
    }

    /// Whether the last message is the assistant's, to be continued. CHAT-8
    pub(super) fn ends_with_prefill(&self) -> bool {
        self.messages.last().is_some_and(|message| message.role == "assistant")
    }

    /// Separates results of tools from what may not stand beside them, and gives documents the
    /// text they need.
    pub(super) fn settle(&mut self, family: Family) {
        let mut settled: Vec<Message> = Vec::with_capacity(self.messages.len());
        for mut message in std::mem::take(&mut self.messages) {
            let results = message.pieces.iter().take_while(|it| it.kind == PieceKind::ToolResult);
            let results = results.count();
            let rest = message.pieces.get(results..).unwrap_or_default();
            let apart = results > 0
                && !rest.is_empty()
                && (family.results_stand_alone()
                    || (family == Family::Anthropic
                        && rest.iter().any(|piece| piece.kind == PieceKind::Document)));
            if apart {
                let rest = message.pieces.split_off(results);
                settled.push(message);
                settled.push(Message { role: "assistant", pieces: vec![Piece::text(BETWEEN)] });
                message = Message { role: "user", pieces: rest };
            }
            let has = |kind| message.pieces.iter().any(|piece| piece.kind == kind);
            if has(PieceKind::Document) && !has(PieceKind::Text) {
                message.pieces.push(Piece::text(BESIDE));
            }
            settled.push(message);
        }
        self.messages = settled;
    }
}

/// Writes all turns.
pub(super) fn write(
    request: &Request,
    target: &Target<'_>,
    family: Family,
    names: &Names,
    losses: &mut Losses,
) -> Result<Prompt, Fault> {
    let ids = Names::of(LONGEST_NAME, request.call_ids());
    let short_ids = target.quirks.nine_character_tool_ids || family == Family::Mistral;
    let mut writer = Writer { family, names, ids: &ids, short_ids, documents: 0, losses };
    let mut prompt = Prompt::default();
    let leading = request.leading_instructions();
    // A conversation of nothing but instructions still needs a user's message.
    let leading = if leading == request.turns.len() { leading.saturating_sub(1) } else { leading };
    let last = request.turns.len().saturating_sub(1);
    for (at, turn) in request.turns.iter().enumerate() {
        match turn.role {
            Role::System | Role::Developer if at < leading => {
                let pieces = writer.system(at, turn);
                if target.abilities.system_prompt {
                    prompt.system.extend(pieces);
                } else {
                    push(&mut prompt.messages, "user", pieces);
                }
            }
            Role::System | Role::Developer => {
                let pieces = writer.system(at, turn);
                let path = format!("messages[{at}].role");
                writer
                    .losses
                    .record(path, "instructions in mid-conversation are sent as the user's text");
                push(&mut prompt.messages, "user", tagged(pieces));
            }
            Role::User | Role::Tool => {
                let pieces = writer.turn(at, turn, false)?;
                push(&mut prompt.messages, "user", pieces);
            }
            Role::Assistant => {
                let pieces = writer.turn(at, turn, at == last)?;
                let opens = prompt.messages.is_empty() && !pieces.is_empty();
                if opens && !family.begins_with_any_role() {
                    writer.losses.record("messages", "a user message was put before the first one");
                    push(&mut prompt.messages, "user", vec![Piece::text(OPENING)]);
                }
                push(&mut prompt.messages, "assistant", pieces);
            }
        }
    }
    for message in prompt.messages.iter_mut().filter(|message| message.role == "user") {
        message.pieces.sort_by_key(|piece| piece.kind != PieceKind::ToolResult);
    }
    drop_trailing_reasoning(&mut prompt.messages, writer.losses);
    if prompt.messages.is_empty() {
        return Err(Fault::invalid(format!(
            "{}: at least one message must have content that is not empty",
            request.place()
        )));
    }
    Ok(prompt)
}

/// Appends to the last message of the same role, or begins one: roles must alternate, and all
/// results of a turn stand in one message. Bug 1
pub(super) fn push(messages: &mut Vec<Message>, role: &'static str, pieces: Vec<Piece>) {
    if pieces.is_empty() {
        return;
    }
    match messages.last_mut() {
        Some(message) if message.role == role => message.pieces.extend(pieces),
        _ => messages.push(Message { role, pieces }),
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

/// A final assistant message that ends in reasoning is refused.
fn drop_trailing_reasoning(messages: &mut Vec<Message>, losses: &mut Losses) {
    let Some(message) = messages.last_mut().filter(|message| message.role == "assistant") else {
        return;
    };
    while message.pieces.last().is_some_and(|piece| piece.kind == PieceKind::Reasoning) {
        message.pieces.pop();
        losses.record("messages", "reasoning at the very end cannot be continued");
    }
    if message.pieces.is_empty() {
        messages.pop();
    }
}

struct Writer<'w> {
    family: Family,
    names: &'w Names,
    ids: &'w Names,
    short_ids: bool,
    documents: usize,
    losses: &'w mut Losses,
}

impl Writer<'_> {
    fn system(&mut self, at: usize, turn: &Turn) -> Vec<Piece> {
        let mut name = turn.name.as_deref();
        let mut pieces = Vec::new();
        for (part, block) in turn.blocks.iter().enumerate() {
            match &block.kind {
                BlockKind::Text { text, .. } if text.trim().is_empty() => {}
                BlockKind::Text { text, .. } => {
                    pieces.push(named_text(name.take(), text).marked(block.cache.as_ref()));
                }
                _ => {
                    self.losses.record(block.place(at, part), "instructions can only be text");
                }
            }
        }
        pieces
    }

    fn turn(&mut self, at: usize, turn: &Turn, is_last: bool) -> Result<Vec<Piece>, Fault> {
        let mut name = turn.name.as_deref().filter(|_| turn.role != Role::Tool);
        // Only where a message ends in text does its trailing white space matter. Bug 14
        let trimmed = is_last.then(|| {
            turn.blocks.iter().rposition(|block| match &block.kind {
                BlockKind::Text { text, .. } => !text.trim().is_empty(),
                _ => true,
            })
        });
        let mut pieces = Vec::with_capacity(turn.blocks.len());
        for (part, block) in turn.blocks.iter().enumerate() {
            let path = || block.place(at, part);
            let piece = match &block.kind {
                BlockKind::Text { text, .. } if text.trim().is_empty() => None,
                BlockKind::Text { text, .. } => {
                    let text = if trimmed == Some(Some(part)) { text.trim_end() } else { text };
                    Some(named_text(name.take(), text))
                }
                _ => self.block(block, turn.role, &path)?,
            };
            pieces.extend(piece.map(|piece| piece.marked(block.cache.as_ref())));
            self.lose_members(&block.extras.members, &path);
        }
        if name.is_some() && !pieces.is_empty() {
            self.losses.record(format!("messages[{at}].name"), "there is no text to put it before");
        }
        self.lose_members(&turn.extras.members, &|| format!("messages[{at}]"));
        Ok(pieces)
    }

    fn lose_members(
        &mut self,
        members: &[(String, crate::json::RawJson)],
        path: &dyn Fn() -> String,
    ) {
        for (member, _) in members {
            let path = format!("{}.{member}", path());
            self.losses.record(path, "the provider's protocol has no such member");
        }
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
            BlockKind::Audio { transcript: Some(text), .. }
                if from_model && !text.trim().is_empty() =>
            {
                Some(Piece::text(text))
            }
            BlockKind::Image { .. }
            | BlockKind::File { .. }
            | BlockKind::Video { .. }
            | BlockKind::Audio { .. }
                if from_model =>
            {
                self.losses.record(path(), "an assistant message cannot carry media here");
                None
            }
            BlockKind::Image { source, detail } => {
                if detail.as_deref().is_some_and(|detail| detail != "auto") {
                    self.losses.record(format!("{}.detail", path()), "images have one resolution");
                }
                Some(media::image(source, path)?)
            }
            BlockKind::File { source, filename } => {
                Some(self.document(source, filename.as_deref(), path)?)
            }
            BlockKind::Video { source } => Some(media::video(source, path)?),
            BlockKind::Audio { .. } if role == Role::Tool => {
                return Err(Fault::invalid(format!(
                    "{}: results of tools cannot carry audio here",
                    path()
                )));
            }
            BlockKind::Audio { source, format, .. } => Some(media::audio(source, format, path)?),
            BlockKind::Opaque { .. } => {
                self.losses.record(path(), "the block belongs to another protocol");
                None
            }
        })
    }

    /// Documents get names that mean nothing: models take the name for an instruction.
    fn document(
        &mut self,
        source: &crate::exchange::MediaSource,
        filename: Option<&str>,
        path: &dyn Fn() -> String,
    ) -> Result<Piece, Fault> {
        let name = format!("document-{}", self.documents + 1);
        let piece = media::document(source, filename, &name, path)?;
        if piece.kind == PieceKind::Document {
            self.documents += 1;
            if filename.is_some() {
                let path = format!("{}.file.filename", path());
                self.losses.record(path, "documents have neutral names here");
            }
        }
        Ok(piece)
    }

    /// Only what Claude signed goes back, and to Claude only. Bug 19, wire-formats 12.4
    fn reasoning(&mut self, block: &ReasoningBlock, path: &dyn Fn() -> String) -> Option<Piece> {
        let own = self.family == Family::Anthropic && block.format == REASONING;
        match &block.content {
            ReasoningContent::Text { text, signature: Some(signature) }
                if own && !signature.is_empty() =>
            {
                Some(Piece::of(PieceKind::Reasoning, "reasoningContent", |out| {
                    key(out, "reasoningText");
                    out.push(b'{');
                    string(out, "text", text);
                    string(out, "signature", signature);
                    out.push(b'}');
                }))
            }
            // The service reads it as bytes and refuses what is no base64.
            ReasoningContent::Encrypted { data } if own && STANDARD.decode(data).is_ok() => {
                Some(Piece::of(PieceKind::Reasoning, "reasoningContent", |out| {
                    string(out, "redactedContent", data);
                }))
            }
            _ => {
                self.losses.record(path(), "reasoning not signed by this provider is not replayed");
                None
            }
        }
    }

    fn id(&self, id: &str) -> String {
        if self.short_ids { nine_characters(id) } else { self.ids.sent(id).to_owned() }
    }

    fn tool_use(
        &mut self,
        id: &str,
        name: &str,
        arguments: &str,
        path: &dyn Fn() -> String,
    ) -> Piece {
        let mut wrapped = false;
        let piece = Piece::of(PieceKind::ToolUse, "toolUse", |out| {
            string(out, "toolUseId", &self.id(id));
            string(out, "name", self.names.sent(name));
            key(out, "input");
            wrapped = !write_input(out, arguments);
        });
        if wrapped {
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
        let mut mark: Option<&CacheMark> = None;
        let mut inner = Vec::with_capacity(content.len());
        for (at, block) in content.iter().enumerate() {
            let path = || block.place_or(|| format!("{}.content[{at}]", path()));
            inner.extend(self.block(block, Role::Tool, &path)?);
            self.lose_members(&block.extras.members, &path);
            mark = block.cache.as_ref().or(mark);
        }
        if inner.is_empty() {
            inner.push(Piece::text(EMPTY));
        }
        let told = is_error && self.family != Family::Writer;
        if is_error && !told {
            self.losses.record(path(), "the model does not tell failed results apart");
        }
        let piece = Piece::of(PieceKind::ToolResult, "toolResult", |out| {
            string(out, "toolUseId", &self.id(call_id));
            key(out, "content");
            array(out, &inner, |out, piece| out.extend_from_slice(piece.json.as_bytes()));
            if told {
                string(out, "status", "error");
            }
        });
        // A mark on a part of the result is a mark on the result.
        Ok(piece.marked(mark))
    }
}

fn named_text(name: Option<&str>, text: &str) -> Piece {
    match name {
        // CHAT-7
        Some(name) if !name.is_empty() => Piece::text(&format!("{name}: {text}")),
        _ => Piece::text(text),
    }
}
