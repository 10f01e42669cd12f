//! What only the protocol it came in can say. A provider of another protocol would be asked without
//! it, and the caller would never learn: it is refused, but for what a conversation can do without.

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use crate::Dialect;
use crate::exchange::{
    Block, BlockKind, Fault, Origin, OutputFormat, Request, Tool, ToolChoice, ToolKind,
};
use crate::json::{Object, RawJson};
use crate::openai_chat::read::Place;
use crate::openai_responses::NAMESPACE;

/// What the vendor's own tools did, told in blocks of Anthropic's: what came of it is in the text
/// that follows.
pub(crate) const ANTHROPIC_TOLD: [&str; 9] = [
    "server_tool_use",
    "web_search_tool_result",
    "web_fetch_tool_result",
    "code_execution_tool_result",
    "bash_code_execution_tool_result",
    "text_editor_code_execution_tool_result",
    "tool_search_tool_result",
    "mcp_tool_use",
    "mcp_tool_result",
];

/// The same in items of the Responses protocol.
const RESPONSES_TOLD: [&str; 5] = [
    "web_search_call",
    "file_search_call",
    "code_interpreter_call",
    "image_generation_call",
    "mcp_list_tools",
];

/// The same in parts of Gemini's.
pub(crate) const GEMINI_TOLD: [&str; 4] =
    ["executableCode", "executable_code", "codeExecutionResult", "code_execution_result"];

/// Tools that vendors run, or define for their own models, by how their types begin. Where they are
/// missing a model answers without them.
const ANTHROPIC_TOOLS: [&str; 9] = [
    "web_search",
    "web_fetch",
    "code_execution",
    "bash",
    "text_editor",
    "computer",
    "memory",
    "tool_search",
    "mcp_toolset",
];
const RESPONSES_TOOLS: [&str; 12] = [
    "web_search",
    "file_search",
    "code_interpreter",
    "image_generation",
    "mcp",
    "computer",
    "local_shell",
    "shell",
    "apply_patch",
    "tool_search",
    "openrouter:",
    "datetime",
];
const GEMINI_TOOLS: [&str; 16] = [
    "googleSearch",
    "google_search",
    "googleMaps",
    "google_maps",
    "codeExecution",
    "code_execution",
    "urlContext",
    "url_context",
    "fileSearch",
    "file_search",
    "computerUse",
    "computer_use",
    "enterpriseWebSearch",
    "enterprise_web_search",
    "retrieval",
    "mcp",
];

/// Forms of an answer that only the chat protocol has. STRUCT-1
const CHAT_FORMATS: [&str; 2] = ["grammar", "python"];

/// Refuses what a provider of `dialect` cannot be told, by its place and kind. To be asked before a
/// request is written for it.
pub(crate) fn refuse(dialect: Dialect, request: &Request) -> Result<(), Fault> {
    for block in request.turns.iter().flat_map(|turn| &turn.blocks) {
        refuse_block(dialect, block)?;
    }
    refuse_settings(dialect, request)?;
    for (at, tool) in request.tools.iter().enumerate() {
        let ToolKind::Opaque { origin, raw } = &tool.kind else { continue };
        let known: &[&str] = match origin {
            Dialect::Anthropic => &ANTHROPIC_TOOLS,
            Dialect::OpenaiResponses => &RESPONSES_TOOLS,
            Dialect::Gemini => &GEMINI_TOOLS,
            _ => continue,
        };
        if *origin == dialect {
            continue;
        }
        let unknown = kinds(*origin, raw).into_iter().find(|kind| {
            // Its functions are told one by one.
            let is_group = *origin == Dialect::OpenaiResponses && kind == NAMESPACE;
            !is_group && !known.iter().any(|known| kind.starts_with(known))
        });
        if let Some(kind) = unknown {
            // An entry of Gemini's may hold many functions, which are entries of their own here.
            let place = match origin {
                Dialect::Gemini => "tools".to_owned(),
                _ => request.tool_place(at),
            };
            return Err(self::tool(&Place::Top(&place), &kind, *origin));
        }
    }
    refuse_missed_tool(dialect, request)
}

/// Refuses a request whose answer rests on a tool that a provider of `dialect` does not have: the
/// only one on offer, or one that has to be called. Where there are functions beside it the model
/// goes without: coding agents offer such tools with every request.
fn refuse_missed_tool(dialect: Dialect, request: &Request) -> Result<(), Fault> {
    let missed = |tool: &Tool| match &tool.kind {
        ToolKind::Opaque { origin, raw } if *origin != dialect => {
            let kind = kinds(*origin, raw).into_iter().next()?;
            let is_group = *origin == Dialect::OpenaiResponses && kind == NAMESPACE;
            (!is_group).then_some((*origin, kind))
        }
        _ => None,
    };
    let all: Vec<_> = request.tools.iter().map(missed).collect();
    if all.iter().all(Option::is_none) || request.tool_choice == Some(ToolChoice::None) {
        return Ok(());
    }
    let due = |at: usize, tool: &Tool, kind: &str| match &request.tool_choice {
        _ if all.iter().all(Option::is_some) => at == 0,
        Some(ToolChoice::Named(name)) => is_named(tool, name),
        Some(ToolChoice::Opaque { raw, .. }) => self::kind(raw) == kind,
        _ => false,
    };
    for (at, (tool, missed)) in request.tools.iter().zip(&all).enumerate() {
        if let Some((origin, kind)) = missed
            && due(at, tool, kind)
        {
            let place = match origin {
                Dialect::Gemini => "tools".to_owned(),
                _ => request.tool_place(at),
            };
            return Err(self::tool(&Place::Top(&place), kind, *origin));
        }
    }
    Ok(())
}

/// Whether a tool that a vendor runs is called so.
fn is_named(tool: &Tool, name: &str) -> bool {
    let ToolKind::Opaque { raw, .. } = &tool.kind else { return false };
    let object = Object::of(raw.as_raw()).unwrap_or_default();
    object.peek_str("name").is_some_and(|known| known == name)
}

/// The refusal of a tool that only the protocol it came in knows.
pub(crate) fn tool(place: &Place<'_>, kind: &str, origin: Dialect) -> Fault {
    fault(&place.to_string(), ("a tool", "the tool"), kind, origin)
}

fn refuse_block(dialect: Dialect, block: &Block) -> Result<(), Fault> {
    match &block.kind {
        // OpenRouter's own SDKs name `UNKNOWN` what their types of a tool's results lack, whatever it
        // was: a conversation is not refused for it.
        BlockKind::ToolResult { content, .. } => content
            .iter()
            .filter(|block| !is_opaque_in_chat(block))
            .try_for_each(|block| refuse_block(dialect, block)),
        BlockKind::Opaque { origin, raw } if *origin != dialect => {
            let (place, told, words): (_, &[&str], _) = match origin {
                Dialect::Anthropic => ("messages", &ANTHROPIC_TOLD, ("a block", "the block")),
                Dialect::OpenaiResponses => ("input", &RESPONSES_TOLD, words_of(block.origin)),
                Dialect::Gemini => ("contents", &GEMINI_TOLD, ("a part", "the part")),
                _ => ("messages", &[], ("a part", "the part")),
            };
            match kinds(*origin, raw).into_iter().find(|kind| !told.contains(&kind.as_str())) {
                Some(kind) => {
                    let place = block.place_or(|| place.to_owned());
                    Err(fault(&place, words, &kind, *origin))
                }
                None => Ok(()),
            }
        }
        _ => Ok(()),
    }
}

/// Settings of a kind that nobody here knows: without them a model would do something else.
fn refuse_settings(dialect: Dialect, request: &Request) -> Result<(), Fault> {
    if let Some(ToolChoice::Opaque { origin, raw }) = &request.tool_choice
        && matches!(origin, Dialect::Anthropic | Dialect::OpenaiResponses)
        && *origin != dialect
    {
        let kind = kind(raw);
        // A choice of a tool that a vendor runs goes as the tool does, one in a namespace as that.
        let known = *origin == Dialect::OpenaiResponses
            && (matches!(kind.as_str(), "allowed_tools" | "function" | "custom")
                || RESPONSES_TOOLS.iter().any(|known| kind.starts_with(known)));
        if !known {
            return Err(fault("tool_choice", ("a choice", "the choice"), &kind, *origin));
        }
    }
    if let Some(OutputFormat::Opaque { origin, raw }) = &request.output
        && *origin != dialect
    {
        let kind = kind(raw);
        let place = match origin {
            Dialect::OpenaiResponses => "text.format",
            Dialect::Anthropic => "output_config.format",
            Dialect::Gemini => "generationConfig.responseMimeType",
            _ => "response_format",
        };
        if *origin != Dialect::OpenaiChat || !CHAT_FORMATS.contains(&kind.as_str()) {
            return Err(fault(place, ("a format", "the format"), &kind, *origin));
        }
    }
    let thinking = request.reasoning.as_ref().and_then(|reasoning| {
        let members = reasoning.extras.for_dialect(Dialect::Anthropic);
        members.iter().find(|(name, _)| name == "thinking")
    });
    match thinking {
        Some((_, raw)) if dialect != Dialect::Anthropic => {
            Err(fault("thinking", ("thinking", "it"), &kind(raw), Dialect::Anthropic))
        }
        _ => Ok(()),
    }
}

/// What is said of what stands among items, or in one of them.
const fn words_of(origin: Origin) -> (&'static str, &'static str) {
    match origin {
        Origin::ItemContent(..) | Origin::ItemOutput(..) => ("a part", "the part"),
        _ => ("an item", "the item"),
    }
}

fn is_opaque_in_chat(block: &Block) -> bool {
    matches!(&block.kind, BlockKind::Opaque { origin: Dialect::OpenaiChat, .. })
}

fn kind(raw: &RawJson) -> String {
    let object = Object::of(raw.as_raw()).unwrap_or_default();
    object.peek_str("type").map(Cow::into_owned).unwrap_or_default()
}

/// What a value says it is: by its type, with Gemini by its members.
fn kinds(origin: Dialect, raw: &RawJson) -> Vec<String> {
    if origin != Dialect::Gemini {
        return vec![kind(raw)];
    }
    let object = Object::of(raw.as_raw()).unwrap_or_default();
    let beside = ["thought", "thoughtSignature", "thought_signature", "partMetadata"];
    let names = object.iter().map(|(name, _)| name).filter(|name| !beside.contains(name));
    names.map(str::to_owned).collect()
}

fn fault(place: &str, (what, it): (&str, &str), kind: &str, origin: Dialect) -> Fault {
    let shown: String = kind.chars().take(64).collect();
    Fault::invalid(format!(
        "{place}: {what} of the type `{shown}` can only be sent to a provider that speaks the \
         {} protocol; choose such a provider or leave {it} out",
        protocol_of(origin)
    ))
}

/// What a protocol is called toward callers.
pub(crate) const fn protocol_of(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::OpenaiChat => "chat",
        Dialect::OpenaiResponses => "Responses",
        Dialect::Anthropic => "Messages",
        Dialect::Gemini => "Gemini",
        Dialect::Bedrock => "Converse",
        Dialect::Cohere => "Cohere",
        Dialect::Ollama => "Ollama",
    }
}
