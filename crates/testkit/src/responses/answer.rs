//! Responses and the items they consist of.

use serde_json::{Value, json};

use super::encrypted;
use crate::answer::{Answer, Asked, Finish, ToolCall, pieces};
use crate::calls::Usage;
use crate::script::UsageMode;
use crate::turn::Turn;

/// What a refusal says.
pub(super) const REFUSAL: &str = "I'm sorry, I can't assist with that.";

/// The whole answer as one object.
pub(crate) fn full(turn: &Turn, asked: &Asked, answer: &Answer, total: &Usage) -> Value {
    let mut response = finished(turn, asked, answer, total);
    response["output"] = items(turn, asked, answer).iter().map(|item| item.done.clone()).collect();
    response
}

/// The response object at the end, but for its output.
pub(super) fn finished(turn: &Turn, asked: &Asked, answer: &Answer, total: &Usage) -> Value {
    let cut = answer.finish == Finish::Length;
    let mut response = response(turn, asked, if cut { "incomplete" } else { "completed" });
    if cut {
        response["incomplete_details"] = json!({"reason": "max_output_tokens"});
    } else {
        response["completed_at"] = turn.created.into();
    }
    if turn.usage != UsageMode::Missing {
        response["usage"] = usage(total);
    }
    response
}

/// A response object without output.
pub(super) fn response(turn: &Turn, asked: &Asked, status: &str) -> Value {
    let mut response = json!({
        "id": answer_id(turn),
        "object": "response",
        "created_at": turn.created,
        "completed_at": null,
        "status": status,
        "error": null,
        "incomplete_details": null,
        "model": asked.model,
        "output": [],
        "usage": null,
    });
    if let (Some(members), Some(echo)) = (response.as_object_mut(), asked.echo.as_object()) {
        members.extend(echo.clone());
    }
    response
}

/// An item as it begins and as it ends.
pub(super) struct Item<'a> {
    pub id: String,
    pub kind: Kind<'a>,
    pub added: Value,
    pub done: Value,
}

pub(super) enum Kind<'a> {
    /// With the summary shown.
    Reasoning(&'a str),
    Search,
    Text(&'a str),
    Refusal,
    Call(&'a ToolCall),
}

/// The items of an answer, in the order they are made.
pub(super) fn items<'a>(turn: &Turn, asked: &Asked, answer: &'a Answer) -> Vec<Item<'a>> {
    let mut items = Vec::new();
    let status = if answer.finish == Finish::Length { "incomplete" } else { "completed" };
    if !answer.reasoning.is_empty() {
        let id = format!("rs_{}", turn.id("reasoning", 48).to_lowercase());
        let shown = if asked.show_reasoning { answer.reasoning.as_str() } else { "" };
        let summary = match shown {
            "" => json!([]),
            shown => json!([{"type": "summary_text", "text": shown}]),
        };
        let mut added = json!({"id": id, "type": "reasoning", "summary": []});
        let mut done = json!({"id": id, "type": "reasoning", "summary": summary});
        if asked.encrypt_reasoning {
            added["encrypted_content"] = encrypted::unfinished().into();
            done["encrypted_content"] = encrypted::seal(&id, &answer.reasoning).into();
        }
        items.push(Item { id, kind: Kind::Reasoning(shown), added, done });
    }
    let refused = answer.finish == Finish::Refusal;
    let searched = asked.searches && !answer.text.is_empty();
    if searched {
        let id = format!("ws_{}", turn.id("search", 48).to_lowercase());
        let action = json!({"type": "search", "query": asked.user_text});
        let added = json!({"id": id, "type": "web_search_call", "status": "in_progress"});
        let done =
            json!({"id": id, "type": "web_search_call", "status": "completed", "action": action});
        items.push(Item { id, kind: Kind::Search, added, done });
    }
    if refused || !answer.text.is_empty() {
        let id = format!("msg_{}", turn.id("message", 48).to_lowercase());
        let message = |status: &str, content: Value| json!({"id": id, "type": "message", "status": status, "role": "assistant", "content": content});
        let added = message("in_progress", json!([]));
        let (kind, part) = match refused {
            true => (Kind::Refusal, json!({"type": "refusal", "refusal": REFUSAL})),
            false => (Kind::Text(&answer.text), text_part(turn, asked, &answer.text)),
        };
        let done = message(status, json!([part]));
        items.push(Item { id: id.clone(), kind, added, done });
    }
    for (place, call) in answer.calls.iter().enumerate() {
        let id = format!("fc_{}", turn.id(&format!("item {place}"), 48).to_lowercase());
        let item = |status: &str, arguments: &str| {
            json!({
                "id": id,
                "type": "function_call",
                "status": status,
                "call_id": format!("call_{}", turn.id(&format!("call {place}"), 24)),
                "name": call.name,
                "arguments": arguments,
            })
        };
        let added = item("in_progress", "");
        let done = item("completed", &call.arguments.to_string());
        items.push(Item { id: id.clone(), kind: Kind::Call(call), added, done });
    }
    items
}

fn text_part(turn: &Turn, asked: &Asked, text: &str) -> Value {
    json!({
        "type": "output_text",
        "annotations": annotation(asked, text).into_iter().collect::<Vec<_>>(),
        "logprobs": logprobs(asked, &pieces(text, turn.chunks)),
        "text": text,
    })
}

/// The citation of a text that was searched for.
pub(super) fn annotation(asked: &Asked, text: &str) -> Option<Value> {
    asked.searches.then(|| {
        json!({
            "type": "url_citation",
            "start_index": 0,
            "end_index": text.chars().count(),
            "title": "A simulated page",
            "url": "https://example.com/simulated",
        })
    })
}

/// Made-up but well-formed log probabilities: each later alternative is less likely.
pub(super) fn logprobs(asked: &Asked, tokens: &[&str]) -> Value {
    let Some(top) = asked.logprobs else {
        return json!([]);
    };
    let entry = |token: String, logprob: f64| json!({"token": token, "logprob": logprob, "bytes": token.as_bytes()});
    tokens
        .iter()
        .map(|token| {
            let mut item = entry((*token).to_owned(), -0.125);
            item["top_logprobs"] = (0..top)
                .map(|rank| match rank {
                    0 => entry((*token).to_owned(), -0.125),
                    rank => entry(format!("{token}{rank}"), -2.0 - rank as f64),
                })
                .collect();
            item
        })
        .collect()
}

pub(crate) fn answer_id(turn: &Turn) -> String {
    format!("resp_{}", turn.id("response", 48).to_lowercase())
}

/// Responses' usage: the input includes what was cached, the output includes reasoning.
pub(super) fn usage(usage: &Usage) -> Value {
    json!({
        "input_tokens": usage.prompt(),
        "input_tokens_details": {"cached_tokens": usage.cache_read},
        "output_tokens": usage.output,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning},
        "total_tokens": usage.total(),
    })
}
