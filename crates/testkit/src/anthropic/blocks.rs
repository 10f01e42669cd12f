//! Content blocks: which there are, what they may hold and what they cost.

use serde_json::{Map, Value};

use super::THINKING;
use crate::answer::Media;
use crate::rejection::Rejection;
use crate::{signature, tokens};

/// A block that was checked.
#[derive(Default)]
pub(super) struct Block {
    pub tokens: u64,
    pub media: Media,
    pub text: Option<String>,
    /// The id of the call it is or answers.
    pub call: Option<String>,
}

pub(super) fn missing(path: &str) -> Rejection {
    Rejection::invalid(format!("{path}: Field required"))
}

pub(super) fn extra(path: &str) -> Rejection {
    Rejection::invalid(format!("{path}: Extra inputs are not permitted"))
}

/// Checks a block that stands at `path` (`messages.0.content.1`) in a message of `role`.
pub(super) fn read(block: &Value, path: &str, role: &str) -> Result<Block, Rejection> {
    let fields = block
        .as_object()
        .ok_or_else(|| Rejection::invalid(format!("{path}: Input should be an object")))?;
    let kind = fields
        .get("type")
        .and_then(Value::as_str)
        .ok_or_else(|| missing(&format!("{path}.type")))?;
    let members: &[&str] = match kind {
        "text" => &["text", "cache_control", "citations"],
        "image" => &["source", "cache_control"],
        "document" => &["source", "title", "context", "citations", "cache_control"],
        "tool_use" => &["id", "name", "input", "cache_control", "caller"],
        "tool_result" => &["tool_use_id", "content", "is_error", "cache_control"],
        "thinking" => &["thinking", "signature"],
        "redacted_thinking" => &["data"],
        "search_result"
        | "server_tool_use"
        | "web_search_tool_result"
        | "web_fetch_tool_result"
        | "code_execution_tool_result"
        | "bash_code_execution_tool_result"
        | "text_editor_code_execution_tool_result"
        | "mcp_tool_use"
        | "mcp_tool_result"
        | "container_upload"
        | "compaction"
        | "tool_reference" => {
            return Ok(Block { tokens: tokens::count(&block.to_string()), ..Block::default() });
        }
        _ => {
            return Err(Rejection::invalid(format!(
                "{path}: Input tag '{kind}' found using 'type' does not match any of the expected tags: 'document', 'image', 'redacted_thinking', 'search_result', 'server_tool_use', 'text', 'thinking', 'tool_result', 'tool_use', 'web_search_tool_result'"
            )));
        }
    };
    if let Some(key) = fields.keys().find(|key| *key != "type" && !members.contains(&key.as_str()))
    {
        return Err(extra(&format!("{path}.{kind}.{key}")));
    }
    let belongs = match kind {
        "tool_use" | "thinking" | "redacted_thinking" => role == "assistant",
        "tool_result" | "image" | "document" => role == "user",
        _ => true,
    };
    if !belongs {
        let holder = if role == "user" { "assistant" } else { "user" };
        return Err(Rejection::invalid(format!(
            "{path}: `{kind}` blocks can only be specified in `{holder}` messages"
        )));
    }
    let text = |key: &str| {
        fields
            .get(key)
            .and_then(Value::as_str)
            .ok_or_else(|| missing(&format!("{path}.{kind}.{key}")))
    };
    Ok(match kind {
        "text" => plain(text("text")?)?,
        "image" | "document" => source(fields, kind, path)?,
        "tool_use" => call(fields, text("id")?, text("name")?, path)?,
        "tool_result" => result(fields, text("tool_use_id")?, path)?,
        "thinking" => {
            let (thinking, signature) = (text("thinking")?, text("signature")?);
            if !signature::fits(signature, THINKING, thinking) {
                return Err(Rejection::invalid(format!(
                    "{path}: Invalid `signature` in `thinking` block"
                )));
            }
            Block { tokens: tokens::count(thinking), ..Block::default() }
        }
        _ => Block { tokens: tokens::count(text("data")?), ..Block::default() },
    })
}

fn plain(text: &str) -> Result<Block, Rejection> {
    if text.is_empty() {
        return Err(Rejection::invalid("messages: text content blocks must be non-empty"));
    }
    Ok(Block { tokens: tokens::count(text), text: Some(text.to_owned()), ..Block::default() })
}

fn source(fields: &Map<String, Value>, kind: &str, path: &str) -> Result<Block, Rejection> {
    let path = format!("{path}.{kind}.source");
    let source = fields.get("source").ok_or_else(|| missing(&path))?;
    let form = source["type"].as_str().ok_or_else(|| missing(&format!("{path}.type")))?;
    let wanted: &[&str] = match (kind, form) {
        (_, "base64") => &["media_type", "data"],
        (_, "url") => &["url"],
        (_, "file") => &["file_id"],
        ("document", "text") => &["media_type", "data"],
        ("document", "content") => &["content"],
        _ => {
            return Err(Rejection::invalid(format!(
                "{path}: Input tag '{form}' found using 'type' does not match any of the expected tags: 'base64', 'file', 'url'"
            )));
        }
    };
    if let Some(key) = wanted.iter().find(|key| source.get(**key).is_none()) {
        return Err(missing(&format!("{path}.{form}.{key}")));
    }
    if form == "url" && source["url"].as_str().is_none_or(|url| !url.starts_with("https://")) {
        return Err(Rejection::invalid(format!("{path}.url.url: Only HTTPS URLs are supported.")));
    }
    let media_type = source["media_type"].as_str().unwrap_or_default();
    let images = ["image/jpeg", "image/png", "image/gif", "image/webp"];
    if kind == "image" && form == "base64" && !images.contains(&media_type) {
        return Err(Rejection::invalid(format!(
            "{path}.base64.media_type: Input should be 'image/jpeg', 'image/png', 'image/gif' or 'image/webp'"
        )));
    }
    let media = match kind {
        "image" => Media { images: 1, ..Media::default() },
        _ => Media { documents: 1, ..Media::default() },
    };
    Ok(Block { tokens: media.tokens(), media, ..Block::default() })
}

fn call(fields: &Map<String, Value>, id: &str, name: &str, path: &str) -> Result<Block, Rejection> {
    let well_formed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if id.is_empty() || !id.bytes().all(well_formed) {
        return Err(Rejection::invalid(format!(
            "{path}.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'"
        )));
    }
    let input = match fields.get("input") {
        Some(input @ Value::Object(_)) => input,
        Some(_) => {
            return Err(Rejection::invalid(format!(
                "{path}.tool_use.input: Input should be a valid dictionary"
            )));
        }
        None => return Err(missing(&format!("{path}.tool_use.input"))),
    };
    let tokens = tokens::count(name) + tokens::count(&input.to_string());
    Ok(Block { tokens, call: Some(id.to_owned()), ..Block::default() })
}

fn result(fields: &Map<String, Value>, id: &str, path: &str) -> Result<Block, Rejection> {
    let mut block = Block { call: Some(id.to_owned()), ..Block::default() };
    let mut joined = String::new();
    match fields.get("content") {
        None | Some(Value::Null) => {}
        Some(Value::String(text)) => {
            block.tokens = tokens::count(text);
            joined.push_str(text);
        }
        Some(Value::Array(parts)) => {
            for (index, part) in parts.iter().enumerate() {
                let part = read(part, &format!("{path}.tool_result.content.{index}"), "user")?;
                block.tokens = block.tokens.saturating_add(part.tokens);
                block.media.add(part.media);
                joined.push_str(part.text.as_deref().unwrap_or_default());
            }
        }
        Some(_) => {
            return Err(Rejection::invalid(format!(
                "{path}.tool_result.content: Input should be a valid string"
            )));
        }
    }
    block.text = Some(joined);
    Ok(block)
}
