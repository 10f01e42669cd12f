//! The `messages`: what is allowed in them, what they say and what they cost.

use serde_json::{Map, Value};

use super::request::{invalid, members};
use crate::answer::{Asked, Media};
use crate::rejection::Rejection;
use crate::tokens;

/// Checks the messages and reads them into `asked`.
pub(super) fn read(messages: &[Value], asked: &mut Asked) -> Result<(), Rejection> {
    if messages.is_empty() {
        return Err(invalid("must have at least one message"));
    }
    let mut open: Vec<String> = Vec::new();
    let mut cost = 0_u64;
    let mut last = "";
    for (index, message) in messages.iter().enumerate() {
        let path = format!("messages[{index}]");
        let fields =
            message.as_object().ok_or_else(|| invalid(&format!("{path} must be an object")))?;
        let role = fields.get("role").and_then(Value::as_str).unwrap_or_default();
        let known: &[&str] = match role {
            "system" | "user" => &["role", "content"],
            "assistant" => &["role", "content", "tool_plan", "tool_calls", "citations"],
            "tool" => &["role", "content", "tool_call_id"],
            _ => {
                return Err(invalid(&format!(
                    "{path}.role must be one of 'system', 'user', 'assistant', 'tool'"
                )));
            }
        };
        members(fields, &path, known)?;
        let said = content(fields.get("content"), role, &path)?;
        cost += tokens::MESSAGE_TOKENS + said.tokens;
        asked.media.add(said.media);
        last = role;
        if role == "tool" {
            let id = fields.get("tool_call_id").and_then(Value::as_str).unwrap_or_default();
            if !open.iter().any(|call| call == id) {
                return Err(invalid(&format!(
                    "{path}.tool_call_id is not the id of a tool call before it"
                )));
            }
            open.retain(|call| call != id);
            asked.tool_results.push(said.text);
            continue;
        }
        if !open.is_empty() {
            return Err(unanswered(&open));
        }
        asked.tool_results.clear();
        match role {
            "user" => asked.user_text = said.text,
            "assistant" => {
                let (ids, calls) = calls(fields, &path)?;
                if said.absent && ids.is_empty() {
                    return Err(invalid(&format!(
                        "{path} of the assistant must have content or tool_calls"
                    )));
                }
                let plan = fields.get("tool_plan").and_then(Value::as_str).unwrap_or_default();
                cost += calls + tokens::count(plan);
                open = ids;
            }
            _ => {}
        }
    }
    if !open.is_empty() {
        return Err(unanswered(&open));
    }
    if !["user", "tool"].contains(&last) {
        return Err(invalid("the last message must be of the user or of a tool"));
    }
    asked.prompt.input = asked.prompt.input.saturating_add(cost);
    Ok(())
}

fn unanswered(ids: &[String]) -> Rejection {
    invalid(&format!(
        "tool calls without a message of a tool that answers them: {}",
        ids.join(", ")
    ))
}

#[derive(Default)]
struct Said {
    text: String,
    tokens: u64,
    media: Media,
    absent: bool,
}

fn content(content: Option<&Value>, role: &str, path: &str) -> Result<Said, Rejection> {
    let path = format!("{path}.content");
    let parts = match content {
        None | Some(Value::Null) if role == "assistant" => {
            return Ok(Said { absent: true, ..Said::default() });
        }
        Some(Value::String(text)) => {
            let absent = text.is_empty();
            if absent && role != "assistant" {
                return Err(invalid(&format!("{path} cannot be empty")));
            }
            return Ok(Said {
                tokens: tokens::count(text),
                text: text.clone(),
                absent,
                ..Said::default()
            });
        }
        Some(Value::Array(parts)) if !parts.is_empty() => parts,
        _ => return Err(invalid(&format!("{path} must be a string or a list of parts"))),
    };
    let mut said = Said::default();
    let mut texts = Vec::new();
    for (place, part) in parts.iter().enumerate() {
        let path = format!("{path}[{place}]");
        let text = |key: &str| {
            part[key]
                .as_str()
                .map(str::to_owned)
                .ok_or_else(|| invalid(&format!("{path}.{key} is required")))
        };
        match (part["type"].as_str().unwrap_or_default(), role) {
            ("text", _) => texts.push(text("text")?),
            ("thinking", "assistant") => said.tokens += tokens::count(&text("thinking")?),
            ("image_url", "user") if part["image_url"]["url"].is_string() => said.media.images += 1,
            ("document", "tool") if !part["document"].is_null() => {
                texts.push(part["document"]["data"].to_string());
            }
            (kind, _) => {
                return Err(invalid(&format!(
                    "{path} of type '{kind}' is not valid in a message of role {role}"
                )));
            }
        }
    }
    said.text = texts.join(" ");
    said.tokens += texts.iter().map(|text| tokens::count(text)).sum::<u64>() + said.media.tokens();
    Ok(said)
}

/// The ids of the calls of a message, and their tokens.
fn calls(fields: &Map<String, Value>, path: &str) -> Result<(Vec<String>, u64), Rejection> {
    let list = match fields.get("tool_calls") {
        None | Some(Value::Null) => return Ok((Vec::new(), 0)),
        Some(list) => list.as_array().ok_or_else(|| invalid("tool_calls must be a list"))?,
    };
    let (mut ids, mut cost) = (Vec::new(), 0);
    for (place, call) in list.iter().enumerate() {
        let text = |pointer: &str| {
            call.pointer(pointer).and_then(Value::as_str).ok_or_else(|| {
                invalid(&format!(
                    "{path}.tool_calls[{place}]{} must be a string",
                    pointer.replace('/', ".")
                ))
            })
        };
        ids.push(text("/id")?.to_owned());
        if text("/type")? != "function" {
            return Err(invalid(&format!("{path}.tool_calls[{place}].type must be 'function'")));
        }
        let arguments = text("/function/arguments")?;
        if serde_json::from_str::<Value>(arguments).is_err() {
            return Err(invalid(&format!(
                "{path}.tool_calls[{place}].function.arguments must be JSON"
            )));
        }
        cost += tokens::count(text("/function/name")?) + tokens::count(arguments);
    }
    Ok((ids, cost))
}
