//! The `messages` array: its order, its calls and results, its thinking.

use serde_json::{Value, json};

use super::blocks::{self, extra, missing};
use super::prompt::Prompt;
use crate::answer::Asked;
use crate::rejection::Rejection;
use crate::tokens;

/// Checks the messages, adds them to the prompt and reads them into `asked`.
pub(super) fn read(
    messages: &[Value],
    prompt: &mut Prompt,
    asked: &mut Asked,
) -> Result<(), Rejection> {
    if messages.is_empty() {
        return Err(Rejection::invalid("messages: at least one message is required"));
    }
    let mut open: Vec<String> = Vec::new();
    let mut thinks = true;
    for (index, message) in messages.iter().enumerate() {
        let role = role(message, index, &asked.model)?;
        let content = content(message, index)?;
        let last = index + 1 == messages.len();
        whitespace(&content, role == "assistant" && last)?;
        let mut texts = Vec::new();
        let mut results = Vec::new();
        let mut calls = Vec::new();
        let mut cost = tokens::MESSAGE_TOKENS;
        for (place, value) in content.iter().enumerate() {
            let path = format!("messages.{index}.content.{place}");
            let block = blocks::read(value, &path, role)?;
            prompt.add(role, value, block.tokens.saturating_add(std::mem::take(&mut cost)))?;
            asked.media.add(block.media);
            match (value["type"].as_str().unwrap_or_default(), block.call) {
                ("tool_use", Some(id)) => calls.push(id),
                ("tool_result", Some(id)) => {
                    // Results come first, so whatever went before leaves the calls unanswered.
                    if texts.is_empty() {
                        expected(&id, &open, &path)?;
                        results.push((id, block.text.unwrap_or_default()));
                    }
                }
                _ => texts.extend(block.text),
            }
        }
        let unanswered: Vec<&str> = open
            .iter()
            .filter(|id| results.iter().all(|(answered, _)| answered != *id))
            .map(String::as_str)
            .collect();
        if !unanswered.is_empty() {
            return Err(dangling(index - 1, &unanswered));
        }
        open = calls;
        if role == "assistant" {
            let first = content.first().and_then(|block| block["type"].as_str());
            thinks = matches!(first, Some("thinking" | "redacted_thinking")) || open.is_empty();
        }
        if role == "user" {
            asked.tool_results = results.into_iter().map(|(_, text)| text).collect();
            if !texts.is_empty() {
                asked.user_text = texts.join(" ");
            }
            if last && !asked.tool_results.is_empty() && !thinks && asked.strict_thinking {
                return Err(unthinking(messages, index - 1));
            }
        }
    }
    if !open.is_empty() {
        let open: Vec<&str> = open.iter().map(String::as_str).collect();
        return Err(dangling(messages.len() - 1, &open));
    }
    Ok(())
}

fn role<'a>(message: &'a Value, index: usize, model: &str) -> Result<&'a str, Rejection> {
    let fields = message.as_object().ok_or_else(|| {
        Rejection::invalid(format!("messages.{index}: Input should be an object"))
    })?;
    if let Some(key) = fields.keys().find(|key| !["role", "content"].contains(&key.as_str())) {
        return Err(extra(&format!("messages.{index}.{key}")));
    }
    let role = fields.get("role").and_then(Value::as_str);
    let role = role.ok_or_else(|| missing(&format!("messages.{index}.role")))?;
    let inline = ["opus-4-8", "opus-5", "sonnet-5", "fable-5", "mythos-5"];
    match role {
        "user" | "assistant" => {}
        "system" if index > 0 && inline.iter().any(|name| model.contains(name)) => {}
        "system" => {
            return Err(Rejection::invalid(format!(
                "messages.{index}: role 'system' is not supported on this model"
            )));
        }
        _ => {
            return Err(Rejection::invalid(format!(
                "messages.{index}.role: Input should be 'user' or 'assistant'"
            )));
        }
    }
    Ok(role)
}

fn content(message: &Value, index: usize) -> Result<Vec<Value>, Rejection> {
    match message.get("content") {
        Some(Value::String(text)) if text.is_empty() => Err(Rejection::invalid(format!(
            "messages.{index}: all messages must have non-empty content except for the optional final assistant message"
        ))),
        Some(Value::String(text)) => Ok(vec![json!({"type": "text", "text": text})]),
        Some(Value::Array(blocks)) if blocks.is_empty() => Err(Rejection::invalid(format!(
            "messages.{index}: all messages must have non-empty content except for the optional final assistant message"
        ))),
        Some(Value::Array(blocks)) => Ok(blocks.clone()),
        Some(_) => Err(Rejection::invalid(format!(
            "messages.{index}.content: Input should be a valid list"
        ))),
        None => Err(missing(&format!("messages.{index}.content"))),
    }
}

/// Refuses text of nothing but white space where it is the only text, and white space at the end
/// of an answer the model is to continue.
fn whitespace(content: &[Value], prefill: bool) -> Result<(), Rejection> {
    let texts: Vec<&str> = content.iter().filter_map(|block| block["text"].as_str()).collect();
    if content.len() == 1
        && texts.first().is_some_and(|text| !text.is_empty() && text.trim().is_empty())
    {
        return Err(Rejection::invalid(
            "messages: text content blocks must contain non-whitespace text",
        ));
    }
    let end = content.last().and_then(|block| block["text"].as_str()).unwrap_or_default();
    if prefill && end.ends_with(char::is_whitespace) {
        return Err(Rejection::invalid(
            "messages: final assistant content cannot end with trailing whitespace",
        ));
    }
    Ok(())
}

fn expected(id: &str, open: &[String], path: &str) -> Result<(), Rejection> {
    if open.iter().any(|call| call == id) {
        return Ok(());
    }
    Err(Rejection::invalid(format!(
        "{path}: unexpected `tool_use_id` found in `tool_result` blocks: {id}. Each `tool_result` block must have a corresponding `tool_use` block in the previous message."
    )))
}

fn dangling(index: usize, ids: &[&str]) -> Rejection {
    Rejection::invalid(format!(
        "messages.{index}: `tool_use` ids were found without `tool_result` blocks immediately after: {}. Each `tool_use` block must have a corresponding `tool_result` block in the next message.",
        ids.join(", ")
    ))
}

fn unthinking(messages: &[Value], index: usize) -> Rejection {
    let found =
        messages[index].pointer("/content/0/type").and_then(Value::as_str).unwrap_or("text");
    Rejection::invalid(format!(
        "messages.{index}.content.0.type: Expected `thinking` or `redacted_thinking`, but found `{found}`. When `thinking` is enabled, a final `assistant` message must start with a thinking block (preceeding the lastmost set of `tool_use` and `tool_result` blocks). We recommend you include thinking blocks from previous turns. To avoid this requirement, disable `thinking`. Please consult our documentation at https://docs.claude.com/en/docs/build-with-claude/extended-thinking"
    ))
}
