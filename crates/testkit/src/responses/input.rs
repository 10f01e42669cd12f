//! The `input`: its messages, calls and their outputs, and reasoning that comes back.

use serde_json::{Map, Value};

use super::encrypted;
use super::request::invalid_value;
use crate::answer::{Asked, Media};
use crate::openai::{missing, unknown_parameter, wrong_type};
use crate::rejection::Rejection;
use crate::tokens;

/// Items that are counted but not looked into.
const OTHERS: [&str; 23] = [
    "additional_tools",
    "apply_patch_call",
    "apply_patch_call_output",
    "code_interpreter_call",
    "compaction",
    "computer_call",
    "computer_call_output",
    "custom_tool_call",
    "custom_tool_call_output",
    "file_search_call",
    "image_generation_call",
    "local_shell_call",
    "local_shell_call_output",
    "mcp_approval_request",
    "mcp_approval_response",
    "mcp_call",
    "mcp_list_tools",
    "program",
    "shell_call",
    "shell_call_output",
    "tool_search_call",
    "tool_search_output",
    "web_search_call",
];

/// Checks the input and reads it into `asked`.
pub(super) fn read(input: Option<&Value>, asked: &mut Asked) -> Result<(), Rejection> {
    let items = match input {
        None | Some(Value::Null) => return Err(missing("input")),
        Some(Value::String(text)) => {
            asked.user_text.clone_from(text);
            asked.prompt.input += tokens::MESSAGE_TOKENS + tokens::count(text);
            return Ok(());
        }
        Some(Value::Array(items)) => items,
        Some(_) => return Err(wrong_type("input", "one of a string or an array of objects")),
    };
    if items.is_empty() {
        return Err(Rejection::invalid(
            "Invalid 'input': empty array. Expected an array with minimum length 1, but got an empty array instead.",
        )
        .param("input")
        .kind("empty_array"));
    }
    let mut open: Vec<&str> = Vec::new();
    let mut cost = 0_u64;
    for (index, item) in items.iter().enumerate() {
        let path = format!("input[{index}]");
        let fields = item.as_object().ok_or_else(|| wrong_type(&path, "an object"))?;
        let kind = match fields.get("type").and_then(Value::as_str) {
            Some(kind) => kind,
            None if fields.contains_key("role") => "message",
            None => return Err(missing(&format!("{path}.type"))),
        };
        let text = |key: &str| {
            let path = format!("{path}.{key}");
            match fields.get(key) {
                None | Some(Value::Null) => Err(missing(&path)),
                Some(value) => value.as_str().ok_or_else(|| wrong_type(&path, "a string")),
            }
        };
        match kind {
            "message" => {
                members(fields, &["role", "content", "id", "status", "phase"], &path)?;
                identity(fields, "msg", &path)?;
                let said = message(fields, &path)?;
                cost += tokens::MESSAGE_TOKENS + said.tokens;
                asked.media.add(said.media);
                asked.tool_results.clear();
                if fields.get("role").and_then(Value::as_str) == Some("user") {
                    asked.user_text = said.text;
                }
            }
            "function_call" => {
                members(
                    fields,
                    &["call_id", "name", "arguments", "id", "status", "namespace"],
                    &path,
                )?;
                identity(fields, "fc", &path)?;
                let (name, arguments) = (text("name")?, text("arguments")?);
                open.push(text("call_id")?);
                cost += tokens::count(name) + tokens::count(arguments);
                asked.tool_results.clear();
            }
            "function_call_output" => {
                members(fields, &["call_id", "output", "id", "status"], &path)?;
                let id = text("call_id")?;
                if !open.contains(&id) {
                    return Err(Rejection::invalid(format!(
                        "No tool call found for function call output with call_id {id}."
                    ))
                    .param("input"));
                }
                open.retain(|call| *call != id);
                let said = content(fields.get("output"), "user", &format!("{path}.output"))?;
                cost += tokens::MESSAGE_TOKENS + said.tokens;
                asked.media.add(said.media);
                asked.tool_results.push(said.text);
            }
            "reasoning" => cost += reasoning(fields, &path, items.get(index + 1))?,
            "item_reference" => return Err(not_found(text("id")?)),
            kind if OTHERS.contains(&kind) => cost += tokens::count(&item.to_string()),
            kind => return Err(invalid_value(&path, kind, &OTHERS)),
        }
    }
    if let Some(id) = open.first() {
        return Err(Rejection::invalid(format!("No tool output found for function call {id}."))
            .param("input"));
    }
    asked.prompt.input = asked.prompt.input.saturating_add(cost);
    Ok(())
}

fn members(fields: &Map<String, Value>, known: &[&str], path: &str) -> Result<(), Rejection> {
    match fields.keys().find(|key| *key != "type" && !known.contains(&key.as_str())) {
        Some(key) => Err(unknown_parameter(&format!("{path}.{key}"))),
        None => Ok(()),
    }
}

/// An id, if there is one, must be of the item's kind.
fn identity(fields: &Map<String, Value>, begin: &str, path: &str) -> Result<(), Rejection> {
    match fields.get("id").and_then(Value::as_str) {
        Some(id) if !id.starts_with(begin) => Err(Rejection::invalid(format!(
            "Invalid '{path}.id': '{id}'. Expected an ID that begins with '{begin}'."
        ))
        .param(format!("{path}.id"))
        .kind("invalid_value")),
        _ => Ok(()),
    }
}

fn not_found(id: &str) -> Rejection {
    Rejection::new(
        404,
        format!(
            "Item with id '{id}' not found. Items are not persisted when `store` is set to false. Try again with `store` set to true, or remove this item from your input."
        ),
    )
    .param("input")
}

/// Checks reasoning that comes back (Bug 20) and returns its tokens.
fn reasoning(
    fields: &Map<String, Value>,
    path: &str,
    next: Option<&Value>,
) -> Result<u64, Rejection> {
    members(fields, &["id", "summary", "encrypted_content", "content", "status"], path)?;
    identity(fields, "rs", path)?;
    if !fields.get("summary").is_some_and(Value::is_array) {
        return Err(missing(&format!("{path}.summary")));
    }
    let id = fields.get("id").and_then(Value::as_str);
    let Some(content) = fields.get("encrypted_content").and_then(Value::as_str) else {
        return Err(match id {
            Some(id) => not_found(id),
            None => missing(&format!("{path}.id")),
        });
    };
    let thought = encrypted::open(content, id)?;
    let follows = next.is_some_and(|next| match next["type"].as_str() {
        Some("message") | None => next["role"] == "assistant",
        Some(kind) => kind == "reasoning" || kind.ends_with("_call"),
    });
    if !follows {
        return Err(Rejection::invalid(format!(
            "Item '{}' of type 'reasoning' was provided without its required following item.",
            id.unwrap_or("(no id)")
        ))
        .param("input"));
    }
    Ok(tokens::count(&thought))
}

#[derive(Default)]
struct Said {
    text: String,
    tokens: u64,
    media: Media,
}

fn message(fields: &Map<String, Value>, path: &str) -> Result<Said, Rejection> {
    let roles = ["assistant", "system", "developer", "user"];
    let role = fields.get("role").and_then(Value::as_str);
    let role = role.ok_or_else(|| missing(&format!("{path}.role")))?;
    if !roles.contains(&role) {
        return Err(invalid_value(&format!("{path}.role"), role, &roles));
    }
    if !fields.contains_key("content") {
        return Err(missing(&format!("{path}.content")));
    }
    content(fields.get("content"), role, &format!("{path}.content"))
}

fn content(content: Option<&Value>, role: &str, path: &str) -> Result<Said, Rejection> {
    let parts = match content {
        Some(Value::String(text)) => {
            return Ok(Said { tokens: tokens::count(text), text: text.clone(), ..Said::default() });
        }
        Some(Value::Array(parts)) => parts,
        None => return Err(missing(path)),
        Some(_) => return Err(wrong_type(path, "one of an array of objects or string")),
    };
    let allowed: &[&str] = match role {
        "assistant" => &["output_text", "refusal"],
        "user" => &["input_text", "input_image", "input_file", "input_audio"],
        _ => &["input_text", "input_image", "input_file"],
    };
    let mut said = Said::default();
    for (place, part) in parts.iter().enumerate() {
        let path = format!("{path}[{place}]");
        let fields = part.as_object().ok_or_else(|| wrong_type(&path, "an object"))?;
        let kind = fields.get("type").and_then(Value::as_str);
        let kind = kind.ok_or_else(|| missing(&format!("{path}.type")))?;
        if !allowed.contains(&kind) {
            return Err(invalid_value(&path, kind, allowed));
        }
        let known: &[&str] = match kind {
            "output_text" => &["text", "annotations", "logprobs"],
            "refusal" => &["refusal"],
            "input_text" => &["text", "prompt_cache_breakpoint"],
            "input_image" => &["image_url", "file_id", "detail", "prompt_cache_breakpoint"],
            "input_audio" => &["input_audio"],
            _ => &[
                "file_id",
                "file_data",
                "file_url",
                "filename",
                "detail",
                "prompt_cache_breakpoint",
            ],
        };
        members(fields, known, &path)?;
        match kind {
            "input_image" => {
                let stated = ["image_url", "file_id"].iter().find_map(|key| fields.get(*key));
                if !stated.is_some_and(Value::is_string) {
                    return Err(missing(&format!("{path}.image_url")));
                }
                said.media.images += 1;
            }
            "input_file" => said.media.documents += 1,
            "input_audio" => said.media.audio += 1,
            _ => {
                let key = if kind == "refusal" { "refusal" } else { "text" };
                let text = fields.get(key).and_then(Value::as_str);
                let text = text.ok_or_else(|| missing(&format!("{path}.{key}")))?;
                said.tokens += tokens::count(text);
                if !said.text.is_empty() {
                    said.text.push(' ');
                }
                said.text.push_str(text);
            }
        }
    }
    said.tokens += said.media.tokens();
    Ok(said)
}
