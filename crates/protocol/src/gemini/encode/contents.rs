//! Turns → `systemInstruction` and `contents`. wire-formats 3.1

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use super::super::names::ToolNames;
use super::super::wire::{Part, PartBody, SKIP_SIGNATURE};
use super::media::Media;
use super::results;
use crate::Dialect;
use crate::exchange::{
    Block, BlockKind, Fault, Losses, MediaSource, OPENING, ReasoningBlock, ReasoningContent,
    ReasoningFormat, Request, Role, Turn,
};
use crate::json::RawJson;
use crate::target::Target;

/// What stands for a text without a letter, which the service refuses.
const BLANK: &str = " ";

/// What a content holds. Contents of one kind in a row become one; the others stay apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// What the user says.
    User,
    /// Results of function calls, which do not mix with what a user says.
    Results,
    /// Media of results, for models that cannot take them inside the result.
    ResultMedia,
    /// What the model said.
    Model,
}

/// One content.
#[derive(Debug)]
pub(super) struct Content<'a> {
    pub(super) kind: Kind,
    pub(super) parts: Vec<Part<'a>>,
    pub(super) extras: &'a [(String, RawJson)],
}

/// The conversation as it is sent.
#[derive(Debug, Default)]
pub(super) struct Conversation<'a> {
    pub(super) system: Vec<Part<'a>>,
    pub(super) contents: Vec<Content<'a>>,
}

/// Arranges the turns of a request.
pub(super) fn arrange<'a>(
    request: &'a Request,
    target: &Target<'_>,
    names: &'a ToolNames<'a>,
    losses: &mut Losses,
) -> Result<Conversation<'a>, Fault> {
    let mut arranger = Arranger {
        conversation: Conversation::default(),
        media: Media {
            no_urls: target.quirks.no_media_urls,
            names: target.quirks.no_function_call_ids,
        },
        send_ids: !target.quirks.no_function_call_ids,
        media_in_results: target.abilities.media_in_tool_results,
        names,
        called: HashMap::new(),
        losses,
    };
    let mut leading = true;
    for (index, turn) in request.turns.iter().enumerate() {
        match turn.role {
            Role::System | Role::Developer => {
                if !leading {
                    arranger.losses.record(
                        format!("messages[{index}]"),
                        "moved into the system instruction: the protocol has no place for it",
                    );
                }
                arranger.system(index, turn);
            }
            Role::User | Role::Tool => {
                leading = false;
                arranger.user(index, turn)?;
            }
            Role::Assistant => {
                leading = false;
                arranger.model(index, turn)?;
            }
        }
    }
    let mut conversation = arranger.conversation;
    if !target.abilities.system_prompt {
        system_into_first_user(&mut conversation);
    }
    if conversation.contents.is_empty() {
        // Somebody has to say something: instructions alone are what the user says.
        let mut parts = std::mem::take(&mut conversation.system);
        if parts.is_empty() {
            parts.push(Part::text(BLANK));
        }
        conversation.contents.push(Content { kind: Kind::User, parts, extras: &[] });
    }
    if conversation.contents.first().is_some_and(|content| content.kind == Kind::Model) {
        let opening = Content { kind: Kind::User, parts: vec![Part::text(OPENING)], extras: &[] };
        conversation.contents.insert(0, opening);
    }
    if target.abilities.thought_signatures {
        sign_current_turn(&mut conversation.contents);
    }
    Ok(conversation)
}

/// For models without a place for instructions they stand before what the user says first.
pub(super) fn system_into_first_user(conversation: &mut Conversation<'_>) {
    let system = std::mem::take(&mut conversation.system);
    if system.is_empty() {
        return;
    }
    match conversation.contents.first_mut() {
        Some(content) if content.kind == Kind::User => {
            content.parts.splice(0..0, system);
        }
        _ => conversation
            .contents
            .insert(0, Content { kind: Kind::User, parts: system, extras: &[] }),
    }
}

/// The first call of each step since the user last spoke needs a signature; where another model
/// made the call, the documented stand-in goes there. Bug 7
fn sign_current_turn(contents: &mut [Content<'_>]) {
    let from =
        contents.iter().rposition(|content| content.kind == Kind::User).map_or(0, |at| at + 1);
    for content in &mut contents[from..] {
        let first = content
            .parts
            .iter_mut()
            .find(|part| matches!(part.body, PartBody::FunctionCall { .. }));
        if let Some(part) = first
            && part.signature.is_none()
        {
            part.signature = Some(Cow::Borrowed(SKIP_SIGNATURE));
        }
    }
}

struct Arranger<'a, 'l> {
    conversation: Conversation<'a>,
    media: Media,
    send_ids: bool,
    media_in_results: bool,
    names: &'a ToolNames<'a>,
    /// Call id → the function's name as sent; the latest call with an id counts.
    called: HashMap<&'a str, &'a str>,
    losses: &'l mut Losses,
}

impl<'a> Arranger<'a, '_> {
    fn push(&mut self, kind: Kind, part: Part<'a>) {
        match self.conversation.contents.last_mut() {
            Some(content) if content.kind == kind => content.parts.push(part),
            _ => self.conversation.contents.push(Content { kind, parts: vec![part], extras: &[] }),
        }
    }

    /// All results of one turn stand in one content, before their media. Bug 1
    fn push_result(&mut self, part: Part<'a>) {
        match self.conversation.contents.as_mut_slice() {
            [.., results, media]
                if results.kind == Kind::Results && media.kind == Kind::ResultMedia =>
            {
                results.parts.push(part);
            }
            _ => self.push(Kind::Results, part),
        }
    }

    fn attach_extras(&mut self, turn: &'a Turn, kind: Kind) {
        let extras = turn.extras.for_dialect(Dialect::Gemini);
        if let Some(content) = self.conversation.contents.last_mut()
            && content.kind == kind
            && content.extras.is_empty()
        {
            content.extras = extras;
        }
    }

    fn foreign_extras(&mut self, index: usize, turn: &Turn) {
        let why = "members unknown to the protocol";
        if turn.extras.origin.is_some_and(|origin| origin != Dialect::Gemini) {
            self.losses.record(format!("messages[{index}]"), why);
        }
        self.losses.record_members(index, turn, Dialect::Gemini, why);
    }

    fn system(&mut self, index: usize, turn: &'a Turn) {
        for (position, block) in turn.blocks.iter().enumerate() {
            match &block.kind {
                BlockKind::Text { text, .. } if text.is_empty() => {}
                BlockKind::Text { text, .. } => self
                    .conversation
                    .system
                    .push(Part::text(text).with_extras(block.extras.for_dialect(Dialect::Gemini))),
                _ => self
                    .losses
                    .record(block.place(index, position), "instructions can only be text"),
            }
        }
    }

    fn user(&mut self, index: usize, turn: &'a Turn) -> Result<(), Fault> {
        self.foreign_extras(index, turn);
        let mut name = turn.name.as_deref();
        for (position, block) in turn.blocks.iter().enumerate() {
            if let BlockKind::ToolResult { call_id, name, content, is_error } = &block.kind {
                let path = format!("messages[{index}]");
                let parts = block.extras.for_dialect(Dialect::Gemini);
                self.result(&path, call_id, name.as_deref(), content, *is_error, parts)?;
                continue;
            }
            let path = || block.place(index, position);
            let extras = block.extras.for_dialect(Dialect::Gemini);
            match &block.kind {
                BlockKind::Text { text, .. } => {
                    if !text.is_empty() {
                        let part = named_text(&mut name, text).with_extras(extras);
                        self.push(Kind::User, part);
                    }
                }
                BlockKind::Opaque { origin: Dialect::Gemini, raw } => {
                    self.push(Kind::User, Part::new(PartBody::Raw(raw)));
                }
                kind => match self.media.part(kind, path, self.losses)? {
                    Some(part) => self.push(Kind::User, part.with_extras(extras)),
                    None => self.losses.record(path(), "the protocol has no such user content"),
                },
            }
        }
        if turn.blocks.iter().all(|block| is_empty_text(&block.kind)) {
            self.push(Kind::User, Part::text(BLANK));
        }
        self.attach_extras(turn, Kind::User);
        Ok(())
    }

    fn result(
        &mut self,
        path: &str,
        call_id: &'a str,
        name: Option<&'a str>,
        content: &'a [Block],
        is_error: bool,
        extras: &'a [(String, RawJson)],
    ) -> Result<(), Fault> {
        let sent = match (self.called.get(call_id), name) {
            (Some(sent), _) => *sent,
            (None, Some(name)) => self.names.sent(name),
            (None, None) => call_id,
        };
        let response = results::response(content, is_error);
        let mut inside = Vec::new();
        let mut outside = Vec::new();
        for (position, block) in content.iter().enumerate() {
            if matches!(block.kind, BlockKind::Text { .. }) {
                continue;
            }
            let path = || block.place_or(|| format!("{path}.content[{position}]"));
            match self.media.part(&block.kind, path, self.losses)? {
                Some(part) if self.media_in_results && results::fits_inside(&part) => {
                    inside.push(part);
                }
                Some(part) => outside.push(part),
                None => self.losses.record(path(), "the protocol has no such result content"),
            }
        }
        let body = PartBody::FunctionResponse {
            id: self.send_ids.then_some(call_id),
            name: Cow::Borrowed(sent),
            response,
            media: inside,
        };
        self.push_result(Part::new(body).with_extras(extras));
        if !outside.is_empty() {
            self.push(Kind::ResultMedia, Part::text(format!("Output of {sent}:")));
            for part in outside {
                self.push(Kind::ResultMedia, part);
            }
        }
        Ok(())
    }

    fn model(&mut self, index: usize, turn: &'a Turn) -> Result<(), Fault> {
        self.foreign_extras(index, turn);
        let mut name = turn.name.as_deref();
        let mut parts: Vec<Part<'a>> = Vec::with_capacity(turn.blocks.len());
        let mut foreign = false;
        // A signature that no block has claimed yet, and whether its block was the one before.
        let mut loose: Option<(&'a str, usize)> = None;
        let signatures = Signatures::of(turn);
        for (position, block) in turn.blocks.iter().enumerate() {
            let path = || block.place(index, position);
            let extras = block.extras.for_dialect(Dialect::Gemini);
            match &block.kind {
                BlockKind::Text { text, .. } | BlockKind::Refusal { text } => {
                    if !text.is_empty() {
                        parts.push(named_text(&mut name, text).with_extras(extras));
                    }
                }
                BlockKind::Reasoning(reasoning) if reasoning.format != ReasoningFormat::Gemini => {
                    foreign = true;
                }
                BlockKind::Reasoning(reasoning) => match &reasoning.content {
                    ReasoningContent::Text { text, signature } => {
                        if !text.is_empty() || signature.is_some() {
                            let mut part = Part::new(PartBody::Thought(Cow::Borrowed(text)));
                            part.signature = signature.as_deref().map(Cow::Borrowed);
                            parts.push(part.with_extras(extras));
                        }
                    }
                    ReasoningContent::Summary { summary } => {
                        if !summary.is_empty() {
                            parts.push(Part::new(PartBody::Thought(Cow::Borrowed(summary))));
                        }
                    }
                    ReasoningContent::Encrypted { data } => {
                        if signatures.is_of_call(reasoning.id.as_deref()) {
                            continue;
                        }
                        match parts.last_mut() {
                            Some(part)
                                if reasoning.id.is_none()
                                    && follows_its_part(turn, position)
                                    && part.signature.is_none() =>
                            {
                                part.signature = Some(Cow::Borrowed(data));
                            }
                            _ => loose = Some((data, position)),
                        }
                    }
                },
                BlockKind::ToolCall { id, name, arguments } => {
                    let sent = self.names.sent(name);
                    self.called.insert(id, sent);
                    let (arguments, valid) = results::arguments(arguments);
                    if !valid {
                        self.losses.record(
                            path(),
                            "the arguments are not a JSON object and were wrapped in one",
                        );
                    }
                    let mut part = Part::new(PartBody::FunctionCall {
                        id: self.send_ids.then_some(id),
                        name: Cow::Borrowed(sent),
                        arguments,
                    });
                    part.signature = signatures.for_call(id).map(Cow::Borrowed);
                    if let (None, Some((data, at))) = (&part.signature, loose)
                        && at + 1 == position
                    {
                        part.signature = Some(Cow::Borrowed(data));
                        loose = None;
                    }
                    parts.push(part.with_extras(extras));
                }
                BlockKind::Audio { transcript: Some(text), .. } => {
                    parts.push(Part::text(text));
                }
                BlockKind::Opaque { origin: Dialect::Gemini, raw } => {
                    parts.push(Part::new(PartBody::Raw(raw)));
                }
                kind => match self.media.part(kind, path, self.losses)? {
                    Some(part) => parts.push(part.with_extras(extras)),
                    None => self.losses.record(path(), "the protocol has no such model content"),
                },
            }
        }
        if foreign {
            self.losses.record(
                format!("messages[{index}].reasoning_details"),
                "reasoning of another service is never replayed as this one's",
            );
        }
        if let Some((data, _)) = loose {
            place_loose(&mut parts, data);
        }
        for part in parts {
            self.push(Kind::Model, part);
        }
        self.attach_extras(turn, Kind::Model);
        Ok(())
    }
}

fn named_text<'a>(name: &mut Option<&'a str>, text: &'a str) -> Part<'a> {
    // CHAT-7
    match name.take().filter(|name| !name.is_empty()) {
        Some(name) => Part::text(format!("{name}: {text}")),
        None => Part::text(text),
    }
}

fn is_empty_text(kind: &BlockKind) -> bool {
    matches!(kind, BlockKind::Text { text, .. } if text.is_empty())
}

/// Whether the block before carries a part that a signature without id belongs to.
fn follows_its_part(turn: &Turn, position: usize) -> bool {
    position.checked_sub(1).and_then(|before| turn.blocks.get(before)).is_some_and(|block| {
        match &block.kind {
            BlockKind::Text { text, .. } => !text.is_empty(),
            BlockKind::Image { source, .. } => !matches!(source, MediaSource::Text { .. }),
            _ => false,
        }
    })
}

/// Which signature names which call by its id, wherever in the turn they stand: callers of other
/// dialects send all reasoning first.
#[derive(Default)]
struct Signatures<'a> {
    calls: HashSet<&'a str>,
    by_call: HashMap<&'a str, &'a str>,
}

impl<'a> Signatures<'a> {
    fn of(turn: &'a Turn) -> Self {
        let mut signatures = Self::default();
        for block in &turn.blocks {
            match &block.kind {
                BlockKind::ToolCall { id, .. } => {
                    signatures.calls.insert(id);
                }
                BlockKind::Reasoning(ReasoningBlock {
                    content: ReasoningContent::Encrypted { data },
                    id: Some(id),
                    format: ReasoningFormat::Gemini,
                }) => {
                    signatures.by_call.entry(id).or_insert(data);
                }
                _ => {}
            }
        }
        signatures
    }

    fn is_of_call(&self, id: Option<&str>) -> bool {
        id.is_some_and(|id| self.calls.contains(id))
    }

    fn for_call(&self, id: &str) -> Option<&'a str> {
        self.by_call.get(id).copied()
    }
}

/// A signature whose place was lost goes to the last text, where the service puts it; without any
/// text it becomes a part of its own.
fn place_loose<'a>(parts: &mut Vec<Part<'a>>, data: &'a str) {
    if parts.iter().any(|part| matches!(part.body, PartBody::FunctionCall { .. })) {
        return;
    }
    let last = parts
        .iter_mut()
        .rev()
        .find(|part| part.signature.is_none() && matches!(part.body, PartBody::Text(_)));
    match last {
        Some(part) => part.signature = Some(Cow::Borrowed(data)),
        None => {
            let mut part = Part::text("");
            part.signature = Some(Cow::Borrowed(data));
            parts.push(part);
        }
    }
}
