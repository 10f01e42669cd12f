//! The `messages` array: what is allowed in it, what it says and what it costs.

use serde_json::{Map, Value};

use super::Host;
use crate::answer::{Asked, Media};
use crate::rejection::Rejection;
use crate::tokens;

/// The longest id of a tool call.
const LONGEST_CALL_ID: usize = 40;

/// Checks the messages and reads them into `asked`.
pub(super) fn read(messages: &[Value], host: Host, asked: &mut Asked) -> Result<(), Rejection> {
    if messages.is_empty() {
        return Err(Rejection::invalid(
            "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty array instead.",
        )
        .param("messages")
        .kind("empty_array"));
    }
    let mut awaited: Vec<String> = Vec::new();
    let mut prompt = 0_u64;
    for (index, message) in messages.iter().enumerate() {
        let Some(fields) = message.as_object() else {
            return Err(wrong_type(&format!("messages[{index}]"), "an object"));
        };
        let role = role(fields, index, host)?;
        members(fields, role, index, host)?;
        let (text, media) = content(fields.get("content"), role, index, host)?;
        prompt += tokens::MESSAGE_TOKENS + text.tokens + media.tokens();
        asked.media.add(media);
        if role == "tool" {
            let id = fields.get("tool_call_id").and_then(Value::as_str).unwrap_or_default();
            bounded_id(id, &format!("messages[{index}].tool_call_id"), host)?;
            if !awaited.iter().any(|expected| expected == id) {
                return Err(Rejection::invalid(
                    "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with 'tool_calls'.",
                )
                .param(format!("messages.[{index}].role")));
            }
            awaited.retain(|expected| expected != id);
            asked.tool_results.push(text.joined);
            continue;
        }
        answered(&awaited, index)?;
        asked.tool_results.clear();
        match role {
            "user" => asked.user_text = text.joined,
            "assistant" => {
                let (ids, cost) = tool_calls(fields, index, host)?;
                awaited = ids;
                prompt += cost;
                if text.absent
                    && awaited.is_empty()
                    && !fields.contains_key("refusal")
                    && !fields.contains_key("audio")
                {
                    return Err(Rejection::invalid(format!(
                        "Invalid value for 'content': expected a string, got null. (messages[{index}])"
                    ))
                    .param(format!("messages.[{index}].content")));
                }
            }
            _ => {}
        }
    }
    answered(&awaited, messages.len())?;
    if host == Host::DeepSeek && asked.reasoning {
        reasoning_returned(messages)?;
    }
    asked.prompt.input = asked.prompt.input.saturating_add(prompt);
    Ok(())
}

pub(crate) fn wrong_type(path: &str, expected: &str) -> Rejection {
    Rejection::invalid(format!("Invalid type for '{path}': expected {expected}."))
        .param(path)
        .kind("invalid_type")
}

pub(crate) fn unknown_parameter(path: &str) -> Rejection {
    Rejection::invalid(format!("Unknown parameter: '{path}'."))
        .param(path)
        .kind("unknown_parameter")
}

pub(crate) fn missing(path: &str) -> Rejection {
    Rejection::invalid(format!("Missing required parameter: '{path}'."))
        .param(path)
        .kind("missing_required_parameter")
}

fn role(fields: &Map<String, Value>, index: usize, host: Host) -> Result<&str, Rejection> {
    let path = format!("messages[{index}].role");
    let role = fields.get("role").and_then(Value::as_str).ok_or_else(|| missing(&path))?;
    let known: &[&str] = match host {
        Host::DeepSeek => &["system", "user", "assistant", "tool"],
        _ => &["system", "developer", "user", "assistant", "tool", "function"],
    };
    if known.contains(&role) {
        return Ok(role);
    }
    let supported: Vec<String> = known.iter().map(|role| format!("'{role}'")).collect();
    Err(Rejection::invalid(format!(
        "Invalid value: '{role}'. Supported values are: {}.",
        supported.join(", ")
    ))
    .param(path)
    .kind("invalid_value"))
}

fn members(
    fields: &Map<String, Value>,
    role: &str,
    index: usize,
    host: Host,
) -> Result<(), Rejection> {
    for key in fields.keys() {
        let known = match key.as_str() {
            "role" | "content" | "name" => true,
            "tool_call_id" => role == "tool",
            "tool_calls" | "refusal" | "audio" | "function_call" | "annotations" => {
                role == "assistant"
            }
            "reasoning_content" | "prefix" => role == "assistant" && host == Host::DeepSeek,
            "reasoning" | "reasoning_details" => role == "assistant" && host == Host::Compatible,
            _ => false,
        };
        if !known {
            return Err(unknown_parameter(&format!("messages[{index}].{key}")));
        }
    }
    if role == "tool" && !fields.contains_key("tool_call_id") {
        return Err(missing(&format!("messages[{index}].tool_call_id")));
    }
    if role != "assistant" && !fields.contains_key("content") {
        return Err(missing(&format!("messages[{index}].content")));
    }
    Ok(())
}

/// The text of a message.
struct Text {
    joined: String,
    tokens: u64,
    absent: bool,
}

fn content(
    content: Option<&Value>,
    role: &str,
    index: usize,
    host: Host,
) -> Result<(Text, Media), Rejection> {
    let mut media = Media::default();
    let path = format!("messages[{index}].content");
    let parts = match content {
        None | Some(Value::Null) if role == "assistant" => {
            return Ok((Text { joined: String::new(), tokens: 0, absent: true }, media));
        }
        Some(Value::String(text)) => {
            let text = Text { tokens: tokens::count(text), joined: text.clone(), absent: false };
            return Ok((text, media));
        }
        Some(Value::Array(_)) if host == Host::DeepSeek && role != "user" => {
            return Err(Rejection::invalid(format!(
                "Failed to deserialize the JSON body into the target type: {path}: invalid type: sequence, expected a string"
            )));
        }
        Some(Value::Array(parts)) => parts,
        _ => return Err(wrong_type(&path, "one of a string or array of objects")),
    };
    let mut text = Text { joined: String::new(), tokens: 0, absent: false };
    for (place, part) in parts.iter().enumerate() {
        let path = format!("{path}[{place}]");
        let fields = part.as_object().ok_or_else(|| wrong_type(&path, "an object"))?;
        let kind = fields
            .get("type")
            .and_then(Value::as_str)
            .ok_or_else(|| missing(&format!("{path}.type")))?;
        match kind {
            "text" | "refusal" => {
                let piece = fields
                    .get(kind)
                    .and_then(Value::as_str)
                    .ok_or_else(|| missing(&format!("{path}.{kind}")))?;
                text.tokens += tokens::count(piece);
                if !text.joined.is_empty() {
                    text.joined.push(' ');
                }
                text.joined.push_str(piece);
            }
            "image_url" if role == "user" => {
                let url = fields.get("image_url").and_then(|image| image.get("url"));
                if url.and_then(Value::as_str).is_none() {
                    return Err(missing(&format!("{path}.image_url.url")));
                }
                media.images += 1;
            }
            "input_audio" if role == "user" => media.audio += 1,
            "file" if role == "user" => {
                file(fields, &path, host)?;
                media.documents += 1;
            }
            "video_url" if role == "user" => media.documents += 1,
            _ => {
                return Err(Rejection::invalid(format!(
                    "Invalid value: '{kind}'. Supported values are: 'text', 'image_url', 'input_audio', 'refusal', 'audio', and 'file'."
                ))
                .param(format!("{path}.type"))
                .kind("invalid_value"));
            }
        }
        if host == Host::OpenAi
            && let Some(key) = fields
                .keys()
                .find(|key| *key != "type" && *key != kind && *key != "prompt_cache_breakpoint")
        {
            return Err(unknown_parameter(&format!("{path}.{key}")));
        }
    }
    Ok((text, media))
}

/// OpenAI takes a file by its id, or its bytes; no address.
fn file(part: &Map<String, Value>, path: &str, host: Host) -> Result<(), Rejection> {
    let data = part.get("file").and_then(|file| file.get("file_data")).and_then(Value::as_str);
    if host != Host::OpenAi
        || data.is_none_or(|data| data.starts_with("data:") && data.contains(";base64,"))
    {
        return Ok(());
    }
    let path = format!("{path}.file.file_data");
    Err(Rejection::invalid(format!(
        "Invalid '{path}'. Expected a base64-encoded data URL with an application/pdf MIME type (e.g. 'data:application/pdf;base64,aW1nIGJ5dGVzIGhlcmU='), but got a value without the 'data:' prefix."
    ))
    .param(path)
    .kind("invalid_value"))
}

/// OpenAI alone bounds the ids of calls.
fn bounded_id(id: &str, path: &str, host: Host) -> Result<(), Rejection> {
    let length = id.chars().count();
    if host != Host::OpenAi || length <= LONGEST_CALL_ID {
        return Ok(());
    }
    Err(Rejection::invalid(format!(
        "Invalid '{path}': string too long. Expected a string with maximum length {LONGEST_CALL_ID}, but got a string with length {length} instead."
    ))
    .param(path)
    .kind("string_above_max_length"))
}

/// The ids an assistant message's calls wait for, and the calls' tokens.
fn tool_calls(
    fields: &Map<String, Value>,
    index: usize,
    host: Host,
) -> Result<(Vec<String>, u64), Rejection> {
    let path = format!("messages[{index}].tool_calls");
    let calls = match fields.get("tool_calls") {
        None | Some(Value::Null) => return Ok((Vec::new(), 0)),
        Some(Value::Array(calls)) => calls,
        Some(_) => return Err(wrong_type(&path, "an array of objects")),
    };
    if calls.is_empty() {
        return Err(Rejection::invalid(format!(
            "Invalid '{path}': empty array. Expected an array with minimum length 1, but got an empty array instead."
        ))
        .param(path)
        .kind("empty_array"));
    }
    let mut ids = Vec::new();
    let mut cost = 0;
    for (place, call) in calls.iter().enumerate() {
        let path = format!("{path}[{place}]");
        let text = |pointer: &str, name: &str| {
            call.pointer(pointer)
                .and_then(Value::as_str)
                .ok_or_else(|| missing(&format!("{path}.{name}")))
        };
        let id = text("/id", "id")?;
        bounded_id(id, &format!("{path}.id"), host)?;
        text("/type", "type")?;
        let name = text("/function/name", "function.name")?;
        let arguments = match call.pointer("/function/arguments") {
            Some(Value::String(arguments)) => arguments,
            Some(_) => return Err(wrong_type(&format!("{path}.function.arguments"), "a string")),
            None => return Err(missing(&format!("{path}.function.arguments"))),
        };
        cost += tokens::count(name) + tokens::count(arguments);
        ids.push(id.to_owned());
    }
    Ok((ids, cost))
}

fn answered(awaited: &[String], index: usize) -> Result<(), Rejection> {
    if awaited.is_empty() {
        return Ok(());
    }
    Err(Rejection::invalid(format!(
        "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. The following tool_call_ids did not have response messages: {}",
        awaited.join(", ")
    ))
    .param(format!("messages.[{index}].role")))
}

/// DeepSeek wants the reasoning of tool-calling turns back while it is thinking.
fn reasoning_returned(messages: &[Value]) -> Result<(), Rejection> {
    let turn = messages.iter().rposition(|message| message["role"] == "user").unwrap_or(0);
    for (index, message) in messages.iter().enumerate().skip(turn) {
        if message.get("tool_calls").is_some_and(Value::is_array)
            && message.get("reasoning_content").is_none_or(Value::is_null)
        {
            return Err(Rejection::invalid(format!(
                "Missing `reasoning_content` field in the assistant message at message index {index}. For more information, please refer to https://api-docs.deepseek.com/guides/thinking_mode#tool-calls"
            ))
            .kind("invalid_request_error"));
        }
    }
    Ok(())
}
