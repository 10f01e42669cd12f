//! The `messages`: their order, their calls and results, their reasoning.

use serde_json::Value;

use super::blocks::{self, Block};
use super::fields::{constraint, list, model, object, text};
use super::prompt::Prompt;
use super::{Family, fields};
use crate::answer::Asked;
use crate::rejection::Rejection;
use crate::tokens;

/// Checks the messages, adds them to the prompt and reads them into `asked`. `configured` tells
/// whether the request has tools.
pub(super) fn read(
    messages: &[Value],
    family: Family,
    configured: bool,
    prompt: &mut Prompt,
    asked: &mut Asked,
) -> Result<(), Rejection> {
    if messages.is_empty() {
        let what = "Member must have length greater than or equal to 1";
        return Err(constraint("messages", "[]", what));
    }
    let mut open: Vec<String> = Vec::new();
    let mut previous = "";
    let mut names: Vec<&str> = Vec::new();
    let mut thinks = true;
    for (index, message) in messages.iter().enumerate() {
        let path = format!("messages.{index}");
        let members = object(message, &path, &["role", "content"])?;
        let role = text(members, "role", &path)?;
        order(role, previous, index, family)?;
        previous = role;
        let content = list(members, "content", &path)?;
        if content.is_empty() {
            return Err(Rejection::invalid(format!(
                "The content field in the Message object at {path} is empty. Add a ContentBlock object to the content field and try again."
            )));
        }
        prompt.begin();
        let mut cost = tokens::MESSAGE_TOKENS;
        let mut read = Vec::with_capacity(content.len());
        for (place, value) in content.iter().enumerate() {
            let path = format!("{path}.content.{place}");
            let block = blocks::read(value, &path, role, family)?;
            if block.kind == "cachePoint" {
                prompt.point(&value["cachePoint"], &path)?;
                continue;
            }
            if let Some(name) = value["document"]["name"].as_str() {
                if names.contains(&name) {
                    return Err(Rejection::invalid(format!(
                        "The document name {name} at {path} is used more than once."
                    )));
                }
                names.push(name);
            }
            prompt.add(role, value, block.tokens.saturating_add(std::mem::take(&mut cost)));
            asked.media.add(block.media);
            read.push(block);
        }
        company(&read, &path)?;
        if !configured && read.iter().any(|block| block.call.is_some()) {
            // Bug 5.
            return Err(Rejection::invalid(
                "The toolConfig field must be defined when using toolUse and toolResult content blocks.",
            ));
        }
        answered(&read, &open, &path, family)?;
        open = calls(&read, "toolUse");
        if role == "assistant" {
            let first = read.first().map(|block| block.kind.as_str());
            thinks = first == Some("reasoningContent") || open.is_empty();
            continue;
        }
        let results = |block: &Block| (block.kind == "toolResult").then(|| block.text.clone())?;
        asked.tool_results = read.iter().filter_map(results).collect();
        let said: Vec<String> = read
            .iter()
            .filter(|block| block.kind == "text")
            .filter_map(|block| block.text.clone())
            .collect();
        if !said.is_empty() {
            asked.user_text = said.join(" ");
        }
        let last = index + 1 == messages.len();
        if last && !asked.tool_results.is_empty() && !thinks && asked.strict_thinking {
            return Err(model(&format!(
                "messages.{}.content.0.type: Expected `thinking` or `redacted_thinking`, but found `tool_use`. When `thinking` is enabled, a final `assistant` message must start with a thinking block (preceeding the lastmost set of `tool_use` and `tool_result` blocks).",
                index.saturating_sub(1)
            )));
        }
    }
    if previous == "assistant" {
        if !open.is_empty() {
            return Err(expected(&open, messages.len()));
        }
        let end =
            messages.last().and_then(|last| last["content"].as_array()?.last()?["text"].as_str());
        if end.is_some_and(|end| end.ends_with(char::is_whitespace)) && family == Family::Anthropic
        {
            return Err(model(
                "messages: final assistant content cannot end with trailing whitespace",
            ));
        }
        if family != Family::Anthropic {
            return Err(Rejection::invalid(
                "This model doesn't support conversation pre-fill. The conversation must end with a user message.",
            ));
        }
    }
    Ok(())
}

fn order(role: &str, previous: &str, index: usize, family: Family) -> Result<(), Rejection> {
    if !["user", "assistant"].contains(&role) {
        let what = "Member must satisfy enum value set: [user, assistant]";
        return Err(constraint(&format!("messages.{index}.role"), role, what));
    }
    if role == previous {
        return Err(fields::model(&format!(
            "messages: roles must alternate between \"user\" and \"assistant\", but found multiple \"{role}\" roles in a row"
        )));
    }
    if index == 0 && role == "assistant" && family != Family::Anthropic {
        return Err(Rejection::invalid(
            "A conversation must start with a user message. Try again with a conversation that starts with a user message.",
        ));
    }
    Ok(())
}

/// What may not stand alone.
fn company(read: &[Block], path: &str) -> Result<(), Rejection> {
    let has = |kind: &str| read.iter().any(|block| block.kind == kind);
    if has("document") && !has("text") && !has("toolResult") {
        return Err(Rejection::invalid(format!(
            "The message at {path} has a document block and must have a text block too."
        )));
    }
    Ok(())
}

fn calls(read: &[Block], kind: &str) -> Vec<String> {
    read.iter().filter(|block| block.kind == kind).filter_map(|block| block.call.clone()).collect()
}

/// All results of a turn stand in the one message after it (Bug 1).
fn answered(read: &[Block], open: &[String], path: &str, family: Family) -> Result<(), Rejection> {
    let results = calls(read, "toolResult");
    if results.iter().any(|id| !open.contains(id)) || results.len() > open.len() {
        return Err(Rejection::invalid(format!(
            "The number of toolResult blocks at {path}.content exceeds the number of toolUse blocks of previous turn."
        )));
    }
    let missing: Vec<String> = open.iter().filter(|id| !results.contains(id)).cloned().collect();
    if !missing.is_empty() {
        let index = path.rsplit('.').next().and_then(|index| index.parse().ok()).unwrap_or(0);
        return Err(expected(&missing, index));
    }
    let alone = matches!(family, Family::Llama | Family::Mistral);
    if alone && !results.is_empty() && read.iter().any(|block| block.kind != "toolResult") {
        return Err(Rejection::invalid(
            "This model doesn't support tool results and other content in the same message.",
        ));
    }
    Ok(())
}

fn expected(ids: &[String], index: usize) -> Rejection {
    Rejection::invalid(format!(
        "Expected toolResult blocks at messages.{index}.content for the following Ids: {}",
        ids.join(", ")
    ))
}
