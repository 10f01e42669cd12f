//! The items of a conversation as turns: what a model put out in one go is one turn. RESP-2

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::part::{content, optional_string, required, required_string, rest};
use super::tool::tool;
use crate::Dialect;
use crate::exchange::{
    Block, BlockKind, Extras, Fault, Origin, ReasoningBlock, ReasoningContent, Role, Tool, Turn,
};
use crate::json::{Object, RawJson};
use crate::openai_chat::facts::CallIds;
use crate::openai_chat::read::{
    Place, array, is_array, is_null, is_string, lenient_array, lenient_object, lenient_string,
    object, string,
};
use crate::openai_responses::wire;

/// Tools that are told between the turns, and where.
pub(super) type LateTools = Vec<(Tool, Origin)>;

/// The turns of an `input`, a string or items, and the tools that are told between them.
pub(super) fn turns(raw: &RawValue) -> Result<(Vec<Turn>, LateTools), Fault> {
    let place = Place::Top("input");
    if is_string(raw) {
        let turn = Turn::new(Role::User, vec![Block::text(string(raw, &place)?)]);
        return Ok((vec![turn], Vec::new()));
    }
    if !is_array(raw) {
        return Err(place.expected("a string or an array of items", raw));
    }
    let entries = array(raw, &place)?;
    if entries.is_empty() {
        return Err(place.refuse("is empty; send at least one item"));
    }
    let mut conversation = Conversation::default();
    for (at, raw) in entries.into_iter().enumerate() {
        conversation.item(raw, &place.element(at))?;
    }
    Ok((conversation.turns, conversation.tools))
}

#[derive(Default)]
struct Conversation<'a> {
    turns: Vec<Turn>,
    tools: LateTools,
    calls: CallIds<'a>,
}

impl<'a> Conversation<'a> {
    fn item(&mut self, raw: &'a RawValue, place: &Place<'_>) -> Result<(), Fault> {
        let mut item = object(raw, place)?;
        // A message may leave its kind out.
        let kind = match item.peek("type").filter(|raw| !is_null(raw)) {
            Some(raw) => string(raw, &place.member("type"))?,
            None if item.peek("role").is_some() => Cow::Borrowed("message"),
            None => return Err(place.member("type").refuse("is missing")),
        };
        match kind.as_ref() {
            "message" => self.message(item, raw, place),
            "function_call" | "custom_tool_call" => {
                let block = self.call(item, &kind, place)?;
                self.said([block]);
                Ok(())
            }
            "function_call_output" | "custom_tool_call_output" => self.result(item, &kind, place),
            "reasoning" => {
                self.said(reasoning(&mut item));
                Ok(())
            }
            "image_generation_call" => {
                self.said([match wire::generated_image(&item) {
                    Some(source) => {
                        Block::new(BlockKind::Image { source, detail: None }).at(place.origin())
                    }
                    None => opaque(raw, place),
                }]);
                Ok(())
            }
            "additional_tools" => {
                // Elsewhere the model has them from the beginning.
                let tools = required(&mut item, "tools", place)?;
                let place = place.member("tools");
                for (at, raw) in array(tools, &place)?.into_iter().enumerate() {
                    let place = place.element(at);
                    self.tools.push((tool(raw, &place)?, place.origin()));
                }
                Ok(())
            }
            "item_reference" => Err(place.refuse(
                "references to stored items are not supported, nothing is stored here; send the \
                 item itself",
            )),
            kind if wire::is_result(kind) => {
                self.turns.push(Turn::new(Role::Tool, vec![opaque(raw, place)]));
                Ok(())
            }
            _ => {
                self.said([opaque(raw, place)]);
                Ok(())
            }
        }
    }

    /// Adds to what the model said.
    fn said(&mut self, blocks: impl IntoIterator<Item = Block>) {
        let mut blocks = blocks.into_iter().peekable();
        if blocks.peek().is_none() {
            return;
        }
        match self.turns.last_mut() {
            Some(turn) if turn.role == Role::Assistant => turn.blocks.extend(blocks),
            _ => self.turns.push(Turn::new(Role::Assistant, blocks.collect())),
        }
    }

    fn message(
        &mut self,
        mut item: Object<'a>,
        raw: &'a RawValue,
        place: &Place<'_>,
    ) -> Result<(), Fault> {
        let role = required_string(&mut item, "role", place)?;
        let role = match role.as_ref() {
            "user" => Role::User,
            "assistant" => Role::Assistant,
            "system" => Role::System,
            "developer" => Role::Developer,
            other => {
                let shown: String = other.chars().take(64).collect();
                let why =
                    format!("unknown role `{shown}`; use user, assistant, system or developer");
                return Err(place.member("role").refuse(why).of_unknown());
            }
        };
        item.take_raw("type");
        let value = required(&mut item, "content", place)?;
        let mut blocks = content(value, &place.member("content"))?;
        // Told by answers; what is sent carries no ids. Bug 20
        item.take_raw("id");
        item.take_raw("status");
        if role != Role::Assistant {
            self.turns.push(Turn { role, name: None, blocks, extras: rest(item) });
            return Ok(());
        }
        if blocks.iter().any(|block| matches!(block.kind, BlockKind::Opaque { .. })) {
            // What has no name in a content of several kinds stays where it stands.
            self.said([opaque(raw, place)]);
            return Ok(());
        }
        // An empty text says nothing, and some protocols refuse it. Bug 14
        blocks.retain(
            |block| !matches!(&block.kind, BlockKind::Text { text, annotations } if text.is_empty() && annotations.is_empty()),
        );
        let extras = rest(item);
        if !extras.is_empty() {
            for block in &mut blocks {
                block.extras.origin = Some(Dialect::OpenaiResponses);
                block.extras.members.extend(extras.members.iter().cloned());
            }
        }
        self.said(blocks);
        Ok(())
    }

    /// A call of a function, or of a tool that takes a text, which its extras tell apart.
    fn call(
        &mut self,
        mut item: Object<'a>,
        kind: &str,
        place: &Place<'_>,
    ) -> Result<Block, Fault> {
        let id = required_string(&mut item, "call_id", place)?;
        self.calls.add(id.clone());
        let name = required_string(&mut item, "name", place)?.into_owned();
        let arguments = if kind == "custom_tool_call" {
            wire::custom_arguments(&required_string(&mut item, "input", place)?)
        } else {
            item.take_raw("type");
            optional_string(&mut item, "arguments", place)?.unwrap_or_default().into_owned()
        };
        item.take_raw("id");
        item.take_raw("status");
        Ok(Block {
            kind: BlockKind::ToolCall { id: id.into_owned(), name, arguments },
            cache: None,
            extras: rest(item),
            origin: place.origin(),
        })
    }

    fn result(&mut self, mut item: Object<'a>, kind: &str, place: &Place<'_>) -> Result<(), Fault> {
        let id = required_string(&mut item, "call_id", place)?;
        self.calls.check(&id, &place.member("call_id"))?;
        let value = required(&mut item, "output", place)?;
        let blocks = content(value, &place.member("output"))?;
        let kind = item.take_raw("type").filter(|_| kind != "function_call_output");
        let told = kind.map(|raw| ("type".to_owned(), RawJson::from_raw(raw)));
        item.take_raw("id");
        item.take_raw("status");
        let result = Block {
            kind: BlockKind::ToolResult {
                call_id: id.into_owned(),
                name: None,
                content: blocks,
                is_error: false,
            },
            cache: None,
            extras: Extras::of(Dialect::OpenaiResponses, told.into_iter().collect()),
            origin: place.origin(),
        };
        let extras = rest(item);
        self.turns.push(Turn { role: Role::Tool, name: None, blocks: vec![result], extras });
        Ok(())
    }
}

fn opaque(raw: &RawValue, place: &Place<'_>) -> Block {
    let raw = RawJson::from_raw(raw);
    Block::new(BlockKind::Opaque { origin: Dialect::OpenaiResponses, raw }).at(place.origin())
}

/// The blocks of a reasoning item, which share its id. An item may hold a summary in parts, text,
/// and data that only its issuer can read. REASON-9, REASON-10, wire-formats 9.2
pub(super) fn reasoning(item: &mut Object<'_>) -> Vec<Block> {
    let id = item.peek_str("id").and_then(wire::told_id);
    let mut found = Vec::new();
    for text in texts(item.take_raw("summary")) {
        found.push(ReasoningContent::Summary { summary: text.into_owned() });
    }
    let mut signature = text(item, "signature");
    let contents = texts(item.take_raw("content"));
    let last = contents.len().checked_sub(1);
    for (at, piece) in contents.into_iter().enumerate() {
        let signature = if Some(at) == last { signature.take() } else { None };
        found.push(ReasoningContent::Text { text: piece.into_owned(), signature });
    }
    if signature.is_some() {
        // A signature of thoughts that are not shown.
        found.push(ReasoningContent::Text { text: String::new(), signature });
    }
    if let Some(data) = text(item, "encrypted_content") {
        found.push(ReasoningContent::Encrypted { data });
    }
    found
        .into_iter()
        .map(|content| {
            let encrypted = matches!(content, ReasoningContent::Encrypted { .. });
            let format = wire::reasoning_format(item, id.as_deref(), encrypted);
            Block::new(BlockKind::Reasoning(ReasoningBlock { content, id: id.clone(), format }))
        })
        .collect()
}

fn text(item: &Object<'_>, name: &str) -> Option<String> {
    item.peek_str(name).filter(|text| !text.is_empty()).map(Cow::into_owned)
}

/// The texts of a list of parts.
fn texts(raw: Option<&RawValue>) -> Vec<Cow<'_, str>> {
    raw.map(lenient_array)
        .unwrap_or_default()
        .into_iter()
        .filter_map(|raw| lenient_string(lenient_object(raw)?.peek("text")?))
        .filter(|text| !text.is_empty())
        .collect()
}
