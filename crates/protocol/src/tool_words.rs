//! Tools told in words, for models that take none: what is offered stands in the instructions, and
//! calls and results of earlier turns are text. CHAT-9

use std::collections::HashMap;

use crate::exchange::{Block, BlockKind, Fault, Request, Role, Tool, ToolChoice, ToolKind, Turn};
use crate::json::envelope::write_string;
use crate::target::Encoded;

/// How a line begins that calls a tool, and one that tells what a tool gave.
pub(crate) const CALL: &str = "Call of ";
/// See [`CALL`].
pub(crate) const RESULT: &str = "Result of ";

/// What is lost by it.
pub(crate) const LOSS: &str = "the model takes no tools: they are told in words";

/// Which call is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due<'d> {
    /// None may be made: nothing needs to be told.
    Never,
    /// The model decides.
    Open,
    /// Some call.
    Any,
    /// A call of this tool.
    Of(&'d str),
}

/// A list of tools, like one in YAML.
pub(crate) struct Offer {
    list: Vec<u8>,
}

impl Offer {
    pub(crate) const fn new() -> Self {
        Self { list: Vec::new() }
    }

    /// Adds a tool; its parameters are a JSON Schema.
    pub(crate) fn tool(&mut self, name: &str, description: Option<&str>, schema: Option<&str>) {
        self.list.extend_from_slice(b"\n- name: ");
        write_string(&mut self.list, name);
        if let Some(description) = description {
            self.list.extend_from_slice(b"\n  description: ");
            write_string(&mut self.list, description);
        }
        if let Some(schema) = schema {
            self.list.extend_from_slice(b"\n  parameters: ");
            self.list.extend_from_slice(schema.as_bytes());
        }
    }

    /// The instruction that stands for the tools; `None` if there is nothing to tell.
    pub(crate) fn instruction(self, due: Due<'_>) -> Option<String> {
        if self.list.is_empty() || due == Due::Never {
            return None;
        }
        let due = match due {
            Due::Any => " You must call one of them now.".to_owned(),
            Due::Of(name) => format!(" You must call {name} now."),
            Due::Never | Due::Open => String::new(),
        };
        Some(format!(
            "You can call the tools listed below.{due} To call one, answer with a line of the form\n\
             {CALL}NAME: ARGUMENTS\nwhere ARGUMENTS is one JSON object that fits the parameters \
             of the tool. The result comes in the next message.\n\ntools:{}",
            String::from_utf8_lossy(&self.list)
        ))
    }
}

/// A call that was made.
pub(crate) fn call(name: &str, arguments: &str) -> String {
    let arguments = if arguments.is_empty() { "{}" } else { arguments };
    format!("{CALL}{name}: {arguments}")
}

/// What stands before a result.
pub(crate) fn result(name: &str) -> String {
    format!("{RESULT}{name}: ")
}

/// Whether a request has anything to do with tools.
pub(crate) fn concerns(request: &Request) -> bool {
    let is_of_tools = |block: &Block| {
        matches!(block.kind, BlockKind::ToolCall { .. } | BlockKind::ToolResult { .. })
    };
    !request.tools.is_empty() || request.turns.iter().flat_map(|turn| &turn.blocks).any(is_of_tools)
}

/// The tools that a request offers in words, as far as it may call any.
fn offered(request: &Request) -> Vec<String> {
    if request.tool_choice == Some(ToolChoice::None) {
        return Vec::new();
    }
    let name = |tool: &Tool| match &tool.kind {
        ToolKind::Function { name, .. } => Some(name.clone()),
        ToolKind::Opaque { .. } => None,
    };
    request.tools.iter().filter_map(name).collect()
}

/// Writes a request without its tools, and lets the answer be read for calls in words. `written`
/// writes it for a provider.
pub(crate) fn told(
    request: &Request,
    written: impl FnOnce(&Request) -> Result<Encoded, Fault>,
) -> Result<Encoded, Fault> {
    let mut encoded = written(&without_tools(request))?;
    encoded.losses.record("tools", LOSS);
    encoded.context.tools_in_words = offered(request);
    encoded.context.rewritten |= !encoded.context.tools_in_words.is_empty();
    Ok(encoded)
}

/// The same request without tools, calls and results.
fn without_tools(request: &Request) -> Request {
    let mut request = request.clone();
    let mut offer = Offer::new();
    for tool in std::mem::take(&mut request.tools) {
        if let ToolKind::Function { name, description, parameters, .. } = &tool.kind {
            let schema = parameters.as_ref().filter(|schema| !schema.is_null());
            offer.tool(name, description.as_deref(), schema.map(|schema| schema.get()));
        }
    }
    request.parallel_tool_calls = None;
    let choice = request.tool_choice.take();
    let instruction = offer.instruction(match &choice {
        Some(ToolChoice::None) => Due::Never,
        Some(ToolChoice::Required | ToolChoice::Allowed { required: true, .. }) => Due::Any,
        Some(ToolChoice::Named(name)) => Due::Of(name),
        _ => Due::Open,
    });
    let mut called: HashMap<String, String> = HashMap::new();
    for turn in &mut request.turns {
        if turn.role == Role::Tool {
            turn.role = Role::User;
        }
        let blocks = std::mem::take(&mut turn.blocks);
        for block in blocks {
            in_words(block, &mut called, &mut turn.blocks);
        }
    }
    if let Some(text) = instruction {
        request.turns.insert(0, Turn::new(Role::System, vec![Block::text(text)]));
    }
    request
}

fn in_words(block: Block, called: &mut HashMap<String, String>, blocks: &mut Vec<Block>) {
    let cache = block.cache.clone();
    let before = blocks.len();
    match block.kind {
        BlockKind::ToolCall { id, name, arguments } => {
            blocks.push(Block::text(call(&name, &arguments)));
            called.insert(id, name);
        }
        BlockKind::ToolResult { call_id, name, content, .. } => {
            let name = called.get(&call_id).cloned().or(name).unwrap_or(call_id);
            let mut words = result(&name);
            let mut rest = Vec::new();
            for block in content {
                match block.kind {
                    BlockKind::Text { text, .. } => words.push_str(&text),
                    _ => rest.push(block),
                }
            }
            blocks.push(Block::text(words));
            blocks.extend(rest);
        }
        _ => {
            blocks.push(block);
            return;
        }
    }
    if let Some(block) = blocks.get_mut(before..).and_then(<[Block]>::last_mut) {
        block.cache = cache;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offer_is_a_list_and_says_what_is_due() {
        let offer = |due| {
            let mut offer = Offer::new();
            offer.tool("get", Some("Gets \"it\""), Some(r#"{"type":"object"}"#));
            offer.tool("put", None, None);
            offer.instruction(due)
        };
        let text = offer(Due::Open).unwrap();
        let list = "tools:\n- name: \"get\"\n  description: \"Gets \\\"it\\\"\"\n  parameters: {\"type\":\"object\"}\n- name: \"put\"";
        assert!(text.ends_with(list), "{text}");
        assert!(!text.contains("must"));
        assert!(offer(Due::Any).unwrap().contains("must call one"));
        assert!(offer(Due::Of("put")).unwrap().contains("must call put"));
        assert_eq!(offer(Due::Never), None);
        assert_eq!(Offer::new().instruction(Due::Any), None);
    }
}
