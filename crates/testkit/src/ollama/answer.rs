//! Chat answers, whole and as lines of JSON.

use bytes::Bytes;
use serde_json::{Value, json};

use crate::answer::{Answer, Asked, Finish, ToolCall, call_tokens, pieces};
use crate::calls::Usage;
use crate::script::UsageMode;
use crate::tokens;
use crate::turn::{Event, Turn};

const REFUSAL: &str = "I'm sorry, I can't assist with that.";

/// The list of models.
pub(crate) fn models(names: &[String]) -> Value {
    let models: Vec<Value> = names
        .iter()
        .map(|name| {
            json!({
                "name": name,
                "model": name,
                "modified_at": "2026-01-01T00:00:00Z",
                "size": 4_000_000_000_u64,
                "digest": "0".repeat(64),
                "details": {"format": "gguf", "family": "simulated", "parameter_size": "8B", "quantization_level": "Q4_K_M"},
            })
        })
        .collect();
    json!({"models": models})
}

/// Answers have no id; a caller's books may know the request by its id instead.
pub(crate) fn answer_id(turn: &Turn) -> String {
    format!("req_{}", turn.id("request", 24))
}

/// The whole answer as one object.
pub(crate) fn full(turn: &Turn, asked: &Asked, answer: &Answer, total: &Usage) -> Value {
    let mut message = json!({"role": "assistant", "content": text(answer)});
    if !answer.reasoning.is_empty() {
        message["thinking"] = answer.reasoning.as_str().into();
    }
    if !answer.calls.is_empty() {
        let calls = answer.calls.iter().enumerate();
        message["tool_calls"] =
            calls.map(|(place, call)| tool_call(turn, asked, place, call)).collect();
    }
    last(turn, asked, answer, total, message)
}

/// The answer as the lines of a stream.
pub(crate) fn events(turn: &Turn, asked: &Asked, answer: &Answer, total: &Usage) -> Vec<Event> {
    let mut events = Vec::new();
    let mut line = |message: Value, output: u64| {
        let mut body = object(turn, asked, message);
        body["done"] = false.into();
        if turn.usage == UsageMode::EveryChunk {
            body["prompt_eval_count"] = total.prompt().into();
            body["eval_count"] = output.into();
        }
        events.push(Event { bytes: Bytes::from(format!("{body}\n")), output, content: true });
    };
    let mut length = 0;
    for piece in pieces(&answer.reasoning, turn.chunks) {
        length += piece.len();
        let output = tokens::count(&answer.reasoning[..length]);
        line(json!({"role": "assistant", "content": "", "thinking": piece}), output);
    }
    let mut base = answer.reasoning_tokens();
    let mut length = 0;
    let said = text(answer);
    for piece in pieces(said, turn.chunks) {
        length += piece.len();
        line(json!({"role": "assistant", "content": piece}), base + tokens::count(&said[..length]));
    }
    base += tokens::count(&answer.text);
    for (place, call) in answer.calls.iter().enumerate() {
        base += call_tokens(call);
        // Each call comes whole.
        let calls = json!([tool_call(turn, asked, place, call)]);
        line(json!({"role": "assistant", "content": "", "tool_calls": calls}), base);
    }
    let end = last(turn, asked, answer, total, json!({"role": "assistant", "content": ""}));
    let output = answer.output_tokens();
    events.push(Event { bytes: Bytes::from(format!("{end}\n")), output, content: false });
    events
}

/// What the model says; a refusal is a text like any other here.
fn text(answer: &Answer) -> &str {
    if answer.finish == Finish::Refusal { REFUSAL } else { &answer.text }
}

fn object(turn: &Turn, asked: &Asked, message: Value) -> Value {
    json!({"model": asked.model, "created_at": time(turn.created), "message": message})
}

/// The object that ends an answer.
fn last(turn: &Turn, asked: &Asked, answer: &Answer, total: &Usage, message: Value) -> Value {
    let mut body = object(turn, asked, message);
    body["done"] = true.into();
    if asked.count == 0 {
        // Without messages the model is merely loaded.
        body["message"]["content"] = "".into();
        body["done_reason"] = "load".into();
        return body;
    }
    // Tool calls have no reason of their own (Bug 29).
    match answer.finish {
        Finish::Length => body["done_reason"] = "length".into(),
        Finish::Unstated => {}
        _ => body["done_reason"] = "stop".into(),
    }
    for key in ["total_duration", "load_duration", "prompt_eval_duration", "eval_duration"] {
        body[key] = 1_000_000.into();
    }
    if turn.usage != UsageMode::Missing {
        body["prompt_eval_count"] = total.prompt().into();
        body["eval_count"] = total.output.into();
    }
    body
}

fn tool_call(turn: &Turn, asked: &Asked, place: usize, call: &ToolCall) -> Value {
    let mut value =
        json!({"function": {"index": place, "name": call.name, "arguments": call.arguments}});
    if !asked.model.contains("old") {
        let mark = turn.id(&format!("call {place}"), 8).to_lowercase();
        value["id"] = format!("call_{mark}").into();
    }
    value
}

/// Unix seconds as RFC 3339.
fn time(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let (mut year, mut day) = (1970_u64, days);
    let leap = |year: u64| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    let length = |year: u64| if leap(year) { 366 } else { 365 };
    while day >= length(year) && year < 9999 {
        day -= length(year);
        year += 1;
    }
    let months = [31, if leap(year) { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 1;
    for length in months {
        if day < length {
            break;
        }
        day -= length;
        month += 1;
    }
    format!(
        "{year:04}-{month:02}-{:02}T{:02}:{:02}:{:02}.123456789Z",
        day + 1,
        rest / 3600,
        rest / 60 % 60,
        rest % 60
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_dates() {
        assert_eq!(time(0), "1970-01-01T00:00:00.123456789Z");
        assert_eq!(time(951_782_400), "2000-02-29T00:00:00.123456789Z");
        assert_eq!(time(1_767_225_599), "2025-12-31T23:59:59.123456789Z");
    }
}
