//! The turns of a conversation as items. Bugs 1, 3, 14, 20

use super::part::{PHASE, Scene, write_content};
use super::reasoning;
use crate::Dialect;
use crate::exchange::{Block, BlockKind, Fault, MediaSource, Role, Turn};
use crate::json::RawJson;
use crate::openai_chat::wire::PlainNames;
use crate::openai_chat::write::{ObjectWriter, object};
use crate::openai_responses::wire;

/// Writes items one after another.
pub(super) struct Items<'o> {
    out: &'o mut Vec<u8>,
    names: &'o PlainNames,
    count: usize,
}

impl<'o> Items<'o> {
    pub(super) fn begin(out: &'o mut Vec<u8>, names: &'o PlainNames) -> Self {
        out.push(b'[');
        Self { out, names, count: 0 }
    }

    pub(super) fn end(self) {
        self.out.push(b']');
    }

    fn next(&mut self) -> &mut Vec<u8> {
        if self.count > 0 {
            self.out.push(b',');
        }
        self.count += 1;
        self.out
    }

    pub(super) fn instruction(&mut self, text: &str) {
        object(self.next(), |item| {
            item.string("type", "message");
            item.string("role", "system");
            item.string("content", text);
        });
    }

    /// Writes a turn. Results of tools come first. Bug 1
    pub(super) fn turn(&mut self, turn: &Turn, scene: &mut Scene<'_>) -> Result<(), Fault> {
        if turn.name.is_some() {
            scene.lose("name", "this protocol has no names of speakers");
        }
        if turn.extras.origin.is_some_and(|origin| origin != Dialect::OpenaiResponses) {
            for (name, _) in &turn.extras.members {
                scene.lose(name, "only the protocol it came in knows this member");
            }
        }
        if turn.role == Role::Assistant {
            return self.assistant(turn, scene);
        }
        let mut rest = Vec::new();
        for block in &turn.blocks {
            match &block.kind {
                BlockKind::ToolResult { .. } => self.result(block, turn, scene)?,
                BlockKind::Opaque { origin: Dialect::OpenaiResponses, raw }
                    if turn.role == Role::Tool =>
                {
                    self.next().extend_from_slice(raw.get().as_bytes());
                }
                _ => rest.push(block),
            }
        }
        if rest.is_empty() && turn.role == Role::Tool {
            return Ok(());
        }
        if rest.is_empty() && !turn.blocks.is_empty() {
            return Ok(());
        }
        let role = match turn.role {
            Role::System | Role::Developer if !scene.target.abilities.system_prompt => Role::User,
            Role::Developer if scene.target.quirks.no_developer_role => Role::System,
            Role::Tool => Role::User,
            role => role,
        };
        let members = if turn.role == Role::Tool {
            &[]
        } else {
            turn.extras.for_dialect(Dialect::OpenaiResponses)
        };
        self.message(role, &rest, members, scene)
    }

    fn message(
        &mut self,
        role: Role,
        blocks: &[&Block],
        members: &[(String, RawJson)],
        scene: &mut Scene<'_>,
    ) -> Result<(), Fault> {
        let mut content = Vec::new();
        write_content(&mut content, role, blocks, scene)?;
        object(self.next(), |item| {
            item.string("type", "message");
            item.string("role", crate::openai_chat::wire::role_name(role));
            item.value("content").extend_from_slice(&content);
            for (name, raw) in members.iter().filter(|(name, _)| !is_message_member(name)) {
                item.raw_of(name, raw.get());
            }
        });
        Ok(())
    }

    fn result(&mut self, block: &Block, turn: &Turn, scene: &mut Scene<'_>) -> Result<(), Fault> {
        let BlockKind::ToolResult { call_id, content, is_error, .. } = &block.kind else {
            return Ok(());
        };
        if *is_error {
            scene.lose("is_error", "this protocol does not tell failed results apart");
        }
        let blocks: Vec<&Block> = content.iter().collect();
        let mut output = Vec::new();
        write_content(&mut output, Role::Tool, &blocks, scene)?;
        let custom = wire::is_kind(&block.extras, "custom_tool_call_output");
        object(self.next(), |item| {
            item.string(
                "type",
                if custom { "custom_tool_call_output" } else { "function_call_output" },
            );
            item.string("call_id", &wire::sent_call_id(call_id, scene.target.quirks));
            item.value("output").extend_from_slice(&output);
            if turn.role == Role::Tool {
                for (name, raw) in turn.extras.for_dialect(Dialect::OpenaiResponses) {
                    if !matches!(name.as_str(), "type" | "call_id" | "output") {
                        item.raw_of(name, raw.get());
                    }
                }
            }
        });
        Ok(())
    }

    fn assistant(&mut self, turn: &Turn, scene: &mut Scene<'_>) -> Result<(), Fault> {
        let blocks: Vec<&Block> = turn.blocks.iter().filter(|block| !is_nothing(block)).collect();
        let mut rest = blocks.as_slice();
        while let [block, ..] = rest {
            let used = match &block.kind {
                BlockKind::Reasoning(_) => {
                    let (thoughts, used) = reasoning::leading(rest);
                    // Reasoning without what it produced is refused. Bug 20
                    let followed = rest[used..].iter().any(|block| produces(block));
                    for thought in thoughts {
                        let why = thought.refusal(scene.target).or_else(|| {
                            (!followed).then_some("nothing follows that it could belong to")
                        });
                        match why {
                            Some(why) => scene.lose("reasoning_details", why),
                            None => thought.write(self.next(), scene.target),
                        }
                    }
                    used
                }
                BlockKind::ToolCall { id, name, arguments } => {
                    self.call(block, &wire::sent_call_id(id, scene.target.quirks), name, arguments);
                    1
                }
                BlockKind::Opaque { origin: Dialect::OpenaiResponses, raw } => {
                    self.next().extend_from_slice(raw.get().as_bytes());
                    1
                }
                BlockKind::Image { source, .. } => {
                    self.image(source, scene);
                    1
                }
                BlockKind::Audio { transcript: Some(said), .. } => {
                    scene
                        .lose("audio", "this protocol takes no earlier audio back, only its words");
                    self.message(Role::Assistant, &[&Block::text(said.clone())], &[], scene)?;
                    1
                }
                BlockKind::Text { .. } | BlockKind::Refusal { .. } => {
                    let phase = phase(block);
                    let same = |block: &&&Block| {
                        matches!(block.kind, BlockKind::Text { .. } | BlockKind::Refusal { .. })
                            && self::phase(block) == phase
                    };
                    let used = rest.iter().take_while(same).count();
                    let members = message_members(block);
                    self.message_with(&rest[..used], &members, scene)?;
                    used
                }
                _ => {
                    scene.lose("content", "this protocol cannot say it in the model's name");
                    1
                }
            };
            rest = rest.get(used..).unwrap_or_default();
        }
        Ok(())
    }

    fn message_with(
        &mut self,
        blocks: &[&Block],
        members: &[(String, RawJson)],
        scene: &mut Scene<'_>,
    ) -> Result<(), Fault> {
        let mut content = Vec::new();
        write_content(&mut content, Role::Assistant, blocks, scene)?;
        object(self.next(), |item| {
            item.string("type", "message");
            item.string("role", "assistant");
            item.value("content").extend_from_slice(&content);
            item.members(members);
        });
        Ok(())
    }

    fn call(&mut self, block: &Block, id: &str, name: &str, arguments: &str) {
        let sent = self.names.sent(name);
        let members = block.extras.for_dialect(Dialect::OpenaiResponses);
        if self.count > 0 {
            self.out.push(b',');
        }
        self.count += 1;
        let custom = wire::is_kind(&block.extras, "custom_tool_call");
        object(self.out, |item| {
            item.string("type", if custom { "custom_tool_call" } else { "function_call" });
            item.string("call_id", id);
            item.string("name", sent);
            if custom {
                item.string("input", &wire::custom_input(arguments));
            } else {
                // Bug 3
                item.string("arguments", if arguments.is_empty() { "{}" } else { arguments });
            }
            for (name, raw) in members {
                if !matches!(name.as_str(), "type" | "call_id" | "name" | "arguments" | "input") {
                    item.raw_of(name, raw.get());
                }
            }
        });
    }

    fn image(&mut self, source: &MediaSource, scene: &mut Scene<'_>) {
        if !matches!(source, MediaSource::Base64 { .. }) {
            scene.lose("images", "this protocol takes earlier images back only as bytes");
            return;
        }
        let id = wire::item_id("ig", "input", self.count);
        object(self.next(), |item: &mut ObjectWriter<'_>| {
            item.string("type", "image_generation_call");
            item.string("id", &id);
            item.string("status", "completed");
            if let MediaSource::Base64 { data, .. } = source {
                item.string("result", data);
            }
        });
    }
}

/// Whether a member of a message is written by another rule.
fn is_message_member(name: &str) -> bool {
    matches!(name, "type" | "role" | "content")
}

/// An empty text says nothing. Bug 14
fn is_nothing(block: &Block) -> bool {
    matches!(&block.kind, BlockKind::Text { text, .. } if text.is_empty())
}

/// Whether a block becomes an item that reasoning may stand before.
fn produces(block: &Block) -> bool {
    matches!(
        &block.kind,
        BlockKind::Text { .. }
            | BlockKind::Refusal { .. }
            | BlockKind::ToolCall { .. }
            | BlockKind::Opaque { origin: Dialect::OpenaiResponses, .. }
    )
}

fn phase(block: &Block) -> Option<&str> {
    let members = block.extras.for_dialect(Dialect::OpenaiResponses);
    members.iter().find(|(name, _)| name == PHASE).map(|(_, raw)| raw.get())
}

fn message_members(block: &Block) -> Vec<(String, RawJson)> {
    let members = block.extras.for_dialect(Dialect::OpenaiResponses);
    members.iter().filter(|(name, _)| name == PHASE).cloned().collect()
}
