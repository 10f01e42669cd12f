//! One turn as the messages it takes. Bugs 1, 3, 6, 21, 25

use super::part::{Scene, write_content, write_mark};
use super::thought;
use crate::Dialect;
use crate::exchange::{Block, BlockKind, Fault, MediaSource, Role, Turn};
use crate::openai_chat::patch::BETWEEN;
use crate::openai_chat::wire::{self, PlainNames};
use crate::openai_chat::write::{ObjectWriter, array, object};
use crate::target::{Quirks, ReasoningReplay};

/// Writes messages one after another.
pub(super) struct Conversation<'o, 'b> {
    out: &'o mut Vec<u8>,
    last: Option<Role>,
    /// Media of results, which a user shows after all results of one turn.
    shown: Vec<&'b Block>,
    names: &'o PlainNames,
    first: bool,
}

impl<'o, 'b> Conversation<'o, 'b> {
    pub(super) fn begin(out: &'o mut Vec<u8>, names: &'o PlainNames) -> Self {
        out.push(b'[');
        Self { out, last: None, shown: Vec::new(), names, first: true }
    }

    pub(super) fn end(mut self, scene: &mut Scene<'_>) -> Result<(), Fault> {
        self.show(scene)?;
        self.out.push(b']');
        Ok(())
    }

    /// Writes the media that have been waiting for the last result.
    fn show(&mut self, scene: &mut Scene<'_>) -> Result<(), Fault> {
        let shown = std::mem::take(&mut self.shown);
        if shown.is_empty() {
            return Ok(());
        }
        self.plain(Role::User, &Turn::new(Role::User, Vec::new()), &shown, scene)
    }

    pub(super) fn instruction(&mut self, text: &str) {
        self.comma();
        object(self.out, |message| {
            message.string("role", "system");
            message.string("content", text);
        });
    }

    fn comma(&mut self) {
        if !std::mem::take(&mut self.first) {
            self.out.push(b',');
        }
    }

    /// Writes a turn. Results of tools come first, each as a message of its own. Bug 1
    pub(super) fn turn(
        &mut self,
        turn: &'b Turn,
        is_last: bool,
        scene: &mut Scene<'_>,
    ) -> Result<(), Fault> {
        let is_result = |block: &&Block| matches!(block.kind, BlockKind::ToolResult { .. });
        let (results, rest): (Vec<&Block>, Vec<&Block>) = turn.blocks.iter().partition(is_result);
        if !results.is_empty() && rest.is_empty() {
            // The next turn may bring more results, and nothing may stand between them.
            for block in results {
                self.result(block, turn, scene)?;
            }
            return Ok(());
        }
        if results.is_empty() {
            self.show(scene)?;
        }
        for block in results {
            self.result(block, turn, scene)?;
        }
        let mut others = std::mem::take(&mut self.shown);
        others.extend(rest);
        match turn.role {
            Role::Assistant => self.assistant(turn, is_last, scene),
            Role::Tool => self.plain(Role::User, turn, &others, scene),
            role => self.plain(role, turn, &others, scene),
        }
    }

    fn plain(
        &mut self,
        role: Role,
        turn: &Turn,
        blocks: &[&Block],
        scene: &mut Scene<'_>,
    ) -> Result<(), Fault> {
        let quirks = scene.target.quirks;
        let role = match role {
            Role::System | Role::Developer if !scene.target.abilities.system_prompt => Role::User,
            Role::Developer if quirks.no_developer_role => Role::System,
            role => role,
        };
        if role == Role::User && self.last == Some(Role::Tool) && quirks.no_user_after_tool {
            self.comma();
            self.out.extend_from_slice(BETWEEN.as_bytes());
        }
        self.comma();
        self.last = Some(role);
        let mut message = ObjectWriter::begin(self.out);
        message.string("role", wire::role_name(role));
        if let Some(name) = &turn.name {
            message.string("name", name);
        }
        if blocks.is_empty() {
            message.string("content", "");
        } else {
            write_content(message.value("content"), blocks, scene)?;
        }
        extras(&mut message, turn, false, scene);
        message.end();
        Ok(())
    }

    fn result(
        &mut self,
        block: &'b Block,
        turn: &Turn,
        scene: &mut Scene<'_>,
    ) -> Result<(), Fault> {
        let BlockKind::ToolResult { call_id, name, content, is_error } = &block.kind else {
            return Ok(());
        };
        if *is_error {
            scene.lose("is_error", "this protocol does not tell failed results apart");
        }
        let quirks = scene.target.quirks;
        let (texts, others): (Vec<&Block>, Vec<&Block>) =
            content.iter().partition(|block| matches!(block.kind, BlockKind::Text { .. }));
        let (inside, after) = if scene.target.abilities.media_in_tool_results {
            (content.iter().collect(), Vec::new())
        } else {
            (texts, others)
        };
        self.shown.extend(after);
        self.comma();
        self.last = Some(Role::Tool);
        let mut message = ObjectWriter::begin(self.out);
        message.string("role", "tool");
        message.string("tool_call_id", &wire::sent_id(call_id, quirks));
        if let Some(name) = name.as_deref().filter(|_| !quirks.strict_messages) {
            message.string("name", self.names.sent(name));
        }
        if inside.is_empty() {
            message.string("content", "");
        } else {
            write_content(message.value("content"), &inside, scene)?;
        }
        if let Some(mark) = block.cache.as_ref().filter(|_| quirks.cache_control) {
            write_mark(&mut message, mark);
        }
        if turn.role == Role::Tool {
            extras(&mut message, turn, false, scene);
        }
        message.end();
        Ok(())
    }

    fn assistant(
        &mut self,
        turn: &Turn,
        is_last: bool,
        scene: &mut Scene<'_>,
    ) -> Result<(), Fault> {
        let quirks = scene.target.quirks;
        let calls: Vec<&Block> = turn
            .blocks
            .iter()
            .filter(|block| matches!(block.kind, BlockKind::ToolCall { .. }))
            .collect();
        let thought = thought::text(&turn.blocks);
        self.comma();
        self.last = Some(Role::Assistant);
        let mut message = ObjectWriter::begin(self.out);
        message.string("role", "assistant");
        if let Some(name) = &turn.name {
            message.string("name", name);
        }
        write_assistant_content(&mut message, turn, &thought, calls.is_empty(), scene)?;
        replay(&mut message, turn, &thought, !calls.is_empty(), scene);
        write_outputs(&mut message, turn, scene);
        if !calls.is_empty() {
            array(message.value("tool_calls"), calls, |out, block| {
                write_call(out, block, self.names, quirks);
            });
        }
        let prefix = is_last && quirks.prefix_flag;
        if prefix {
            message.boolean("prefix", true);
        }
        extras(&mut message, turn, prefix, scene);
        message.end();
        Ok(())
    }
}

fn extras(
    message: &mut ObjectWriter<'_>,
    turn: &Turn,
    prefix_written: bool,
    scene: &mut Scene<'_>,
) {
    let members = turn.extras.for_dialect(Dialect::OpenaiChat);
    if scene.target.quirks.strict_messages {
        for (name, _) in members {
            scene.lose(name, "the provider refuses members it does not know");
        }
    } else {
        for (name, raw) in members.iter().filter(|(name, _)| !prefix_written || name != "prefix") {
            message.raw_of(name, raw.get());
        }
    }
    if turn.extras.origin.is_some_and(|origin| origin != Dialect::OpenaiChat) {
        for (name, _) in &turn.extras.members {
            scene.lose(name, "only the protocol it came in knows this member");
        }
    }
}

fn write_assistant_content(
    message: &mut ObjectWriter<'_>,
    turn: &Turn,
    thought: &str,
    no_calls: bool,
    scene: &mut Scene<'_>,
) -> Result<(), Fault> {
    let tagged = (scene.target.quirks.reasoning_replay == ReasoningReplay::ThinkTags
        && !thought.is_empty())
    .then(|| Block::text(format!("<think>{thought}</think>")));
    let mut parts: Vec<&Block> = turn
        .blocks
        .iter()
        .filter(|block| match &block.kind {
            // An empty text says nothing, and some hosts refuse it. Bug 14
            BlockKind::Text { text, .. } => !text.is_empty(),
            BlockKind::File { .. } | BlockKind::Video { .. } => true,
            BlockKind::Opaque { .. } => !thought::is_detail(block),
            _ => false,
        })
        .collect();
    let joined;
    if let Some(tagged) = &tagged {
        match parts.as_slice() {
            [Block { kind: BlockKind::Text { text, .. }, .. }] => {
                joined = Block::text(format!("<think>{thought}</think>{text}"));
                parts = vec![&joined];
            }
            _ => parts.insert(0, tagged),
        }
    }
    if !parts.is_empty() {
        write_content(message.value("content"), &parts, scene)?;
    } else if no_calls || scene.target.quirks.strict_messages {
        message.string("content", "");
    } else {
        message.raw("content", "null");
    }
    Ok(())
}

/// wire-formats 12.4
fn replay(
    message: &mut ObjectWriter<'_>,
    turn: &Turn,
    thought: &str,
    calls: bool,
    scene: &mut Scene<'_>,
) {
    if !turn.blocks.iter().any(thought::is_detail) {
        if calls && scene.target.quirks.reasoning_replay == ReasoningReplay::ReasoningContent {
            message.string("reasoning_content", "");
        }
        return;
    }
    match scene.target.quirks.reasoning_replay {
        ReasoningReplay::Drop => {
            scene.lose("reasoning_details", "the provider does not take earlier reasoning back");
        }
        ReasoningReplay::ReasoningContent if calls || !thought.is_empty() => {
            message.string("reasoning_content", thought);
        }
        ReasoningReplay::Reasoning if !thought.is_empty() => message.string("reasoning", thought),
        ReasoningReplay::ReasoningDetails => thought::write_details(message, &turn.blocks),
        ReasoningReplay::ReasoningContent
        | ReasoningReplay::Reasoning
        | ReasoningReplay::ThinkTags => {}
    }
}

/// What a model put out beside text: it goes back in the members it came in.
fn write_outputs(message: &mut ObjectWriter<'_>, turn: &Turn, scene: &mut Scene<'_>) {
    let strict = scene.target.quirks.strict_messages;
    let mut images = Vec::new();
    let mut refusal = String::new();
    let mut annotations = Vec::new();
    let mut audio = None;
    for block in &turn.blocks {
        match &block.kind {
            BlockKind::Image { source, .. } => match source.to_url() {
                Some(url) if !strict => images.push(url),
                _ => scene.lose("images", "the provider takes no earlier images back"),
            },
            BlockKind::Refusal { text } => refusal.push_str(text),
            BlockKind::Text { annotations: found, .. } if !strict => annotations.extend(found),
            BlockKind::Audio { source, transcript, .. } if !strict => {
                audio = Some((source, transcript));
            }
            BlockKind::Audio { .. } => {
                scene.lose("audio", "the provider takes no earlier audio back");
            }
            _ => {}
        }
    }
    if !refusal.is_empty() {
        if strict {
            scene.lose("refusal", "the provider refuses members it does not know");
        } else {
            message.string("refusal", &refusal);
        }
    }
    if !annotations.is_empty() {
        message.array("annotations", annotations, |out, raw| {
            out.extend_from_slice(raw.get().as_bytes());
        });
    }
    if !images.is_empty() {
        message.array("images", images, |out, url| super::write_image(out, &url));
    }
    if let Some((source, transcript)) = audio {
        message.object("audio", |audio| {
            match source {
                MediaSource::FileId(id) => audio.string("id", id),
                MediaSource::Base64 { data, .. } => audio.string("data", data),
                MediaSource::Url(_) | MediaSource::Text { .. } => {}
            }
            if let Some(transcript) = transcript {
                audio.string("transcript", transcript);
            }
        });
    }
}

fn write_call(out: &mut Vec<u8>, block: &Block, names: &PlainNames, quirks: &Quirks) {
    let BlockKind::ToolCall { id, name, arguments } = &block.kind else { return };
    object(out, |call| {
        call.string("id", &wire::sent_id(id, quirks));
        call.string("type", "function");
        call.object("function", |function| {
            function.string("name", names.sent(name));
            // Bug 3
            function.string("arguments", if arguments.is_empty() { "{}" } else { arguments });
        });
        call.members(block.extras.for_dialect(Dialect::OpenaiChat));
    });
}
