//! Messages and the events they are streamed as.

use bytes::Bytes;
use serde_json::{Value, json};

use super::THINKING;
use crate::answer::{Answer, Asked, Finish, call_tokens, pieces};
use crate::calls::Usage;
use crate::script::UsageMode;
use crate::turn::{Event, Turn};
use crate::{signature, tokens};

/// The list of models.
pub(crate) fn models(names: &[String]) -> Value {
    let data: Vec<Value> = names
        .iter()
        .map(|name| {
            json!({"type": "model", "id": name, "display_name": name, "created_at": "2026-01-01T00:00:00Z"})
        })
        .collect();
    json!({"data": data, "has_more": false, "first_id": names.first(), "last_id": names.last()})
}

/// The whole answer as one object.
pub(crate) fn full(turn: &Turn, asked: &Asked, answer: &Answer, total: &Usage) -> Value {
    let mut content = Vec::new();
    if !answer.reasoning.is_empty() {
        let shown = shown(asked, answer);
        content.push(json!({
            "type": "thinking",
            "thinking": shown,
            "signature": signature::sign(THINKING, shown),
        }));
    }
    if !answer.text.is_empty() {
        content.push(json!({"type": "text", "text": answer.text}));
    }
    for (place, call) in answer.calls.iter().enumerate() {
        content.push(json!({
            "type": "tool_use",
            "id": call_id(turn, place),
            "name": call.name,
            "input": call.arguments,
        }));
    }
    let mut message = message(turn, asked, content);
    message["stop_reason"] = finish(&answer.finish);
    message["stop_sequence"] = stop_sequence(&answer.finish);
    if answer.finish == Finish::Refusal {
        message["stop_details"] = refusal();
    }
    if turn.usage != UsageMode::Missing {
        message["usage"] = usage(total);
    }
    message
}

/// The answer as the events of a stream.
pub(crate) fn events(turn: &Turn, asked: &Asked, answer: &Answer, total: &Usage) -> Vec<Event> {
    let mut stream = Stream { turn, total: *total, index: 0, output: 0, events: Vec::new() };
    let mut opening = message(turn, asked, Vec::new());
    opening["stop_reason"] = Value::Null;
    opening["stop_sequence"] = Value::Null;
    if turn.usage != UsageMode::Missing {
        // The first count is not the final one; the vendor too begins with a token or so.
        opening["usage"] = usage(&Usage { output: total.output.min(1), ..*total });
    }
    stream.push("message_start", &json!({"type": "message_start", "message": opening}));
    if !answer.reasoning.is_empty() {
        thinking(&mut stream, asked, answer);
    }
    if !answer.text.is_empty() {
        stream.start(&json!({"type": "text", "text": ""}));
        let base = stream.output;
        let mut length = 0;
        for piece in pieces(&answer.text, turn.chunks) {
            length += piece.len();
            stream.output = base + tokens::count(&answer.text[..length]);
            stream.delta(&json!({"type": "text_delta", "text": piece}));
        }
        stream.stop();
    }
    for (place, call) in answer.calls.iter().enumerate() {
        let base = stream.output;
        stream.start(&json!({"type": "tool_use", "id": call_id(turn, place), "name": call.name, "input": {}}));
        stream.output = base + tokens::count(&call.name);
        stream.delta(&json!({"type": "input_json_delta", "partial_json": ""}));
        let arguments = call.arguments.to_string();
        // A call without arguments gets no more than the empty delta.
        if arguments != "{}" {
            for piece in pieces(&arguments, Some(arguments.len().div_ceil(8))) {
                stream.delta(&json!({"type": "input_json_delta", "partial_json": piece}));
            }
        }
        stream.output = base + call_tokens(call);
        stream.stop();
    }
    stream.output = answer.output_tokens();
    let mut delta = json!({
        "stop_reason": finish(&answer.finish),
        "stop_sequence": stop_sequence(&answer.finish),
    });
    if answer.finish == Finish::Refusal {
        delta["stop_details"] = refusal();
    }
    stream.message_delta(&delta);
    stream.push("message_stop", &json!({"type": "message_stop"}));
    stream.events
}

fn thinking(stream: &mut Stream<'_>, asked: &Asked, answer: &Answer) {
    let shown = shown(asked, answer);
    stream.start(&json!({"type": "thinking", "thinking": "", "signature": ""}));
    let mut length = 0;
    for piece in pieces(shown, stream.turn.chunks) {
        length += piece.len();
        stream.output = tokens::count(&shown[..length]);
        stream.delta(&json!({"type": "thinking_delta", "thinking": piece}));
    }
    stream.output = answer.reasoning_tokens();
    let signature = signature::sign(THINKING, shown);
    stream.delta(&json!({"type": "signature_delta", "signature": signature}));
    stream.stop();
}

struct Stream<'a> {
    turn: &'a Turn,
    total: Usage,
    index: usize,
    /// Generated tokens so far.
    output: u64,
    events: Vec<Event>,
}

impl Stream<'_> {
    fn push(&mut self, name: &str, data: &Value) {
        let bytes = Bytes::from(format!("event: {name}\ndata: {data}\n\n"));
        self.events.push(Event { bytes, output: self.output, content: false });
    }

    fn start(&mut self, block: &Value) {
        let data =
            json!({"type": "content_block_start", "index": self.index, "content_block": block});
        self.push("content_block_start", &data);
        if self.index == 0 {
            self.push("ping", &json!({"type": "ping"}));
        }
    }

    fn delta(&mut self, delta: &Value) {
        let data = json!({"type": "content_block_delta", "index": self.index, "delta": delta});
        self.push("content_block_delta", &data);
        if let Some(event) = self.events.last_mut() {
            event.content = true;
        }
        if self.turn.usage == UsageMode::EveryChunk {
            self.message_delta(&json!({"stop_reason": null, "stop_sequence": null}));
        }
    }

    fn stop(&mut self) {
        self.push(
            "content_block_stop",
            &json!({"type": "content_block_stop", "index": self.index}),
        );
        self.index += 1;
    }

    /// The delta of the message itself, with the usage so far.
    fn message_delta(&mut self, delta: &Value) {
        let mut data = json!({"type": "message_delta", "delta": delta});
        if self.turn.usage != UsageMode::Missing {
            data["usage"] = json!({
                "input_tokens": self.total.input,
                "cache_creation_input_tokens": self.total.cache_write,
                "cache_read_input_tokens": self.total.cache_read,
                "output_tokens": self.output,
            });
        }
        self.push("message_delta", &data);
    }
}

/// The thinking as shown: all of it, or none if the request wants it omitted.
fn shown<'a>(asked: &Asked, answer: &'a Answer) -> &'a str {
    if asked.show_reasoning { &answer.reasoning } else { "" }
}

fn message(turn: &Turn, asked: &Asked, content: Vec<Value>) -> Value {
    json!({
        "id": answer_id(turn),
        "type": "message",
        "role": "assistant",
        "model": asked.model,
        "content": content,
    })
}

pub(crate) fn answer_id(turn: &Turn) -> String {
    format!("msg_01{}", turn.id("message", 22))
}

fn call_id(turn: &Turn, place: usize) -> String {
    format!("toolu_01{}", turn.id(&format!("call {place}"), 22))
}

fn finish(finish: &Finish) -> Value {
    match finish {
        Finish::Stop => "end_turn".into(),
        Finish::StopSequence(_) => "stop_sequence".into(),
        Finish::Length => "max_tokens".into(),
        Finish::ToolCalls => "tool_use".into(),
        Finish::Refusal => "refusal".into(),
        Finish::Unstated => Value::Null,
    }
}

fn stop_sequence(finish: &Finish) -> Value {
    match finish {
        Finish::StopSequence(stop) => stop.as_str().into(),
        _ => Value::Null,
    }
}

fn refusal() -> Value {
    json!({"type": "refusal", "category": null, "explanation": "The simulated model declined."})
}

/// Anthropic's usage: the input excludes what was read from or written to the cache.
fn usage(usage: &Usage) -> Value {
    json!({
        "input_tokens": usage.input,
        "cache_creation_input_tokens": usage.cache_write,
        "cache_read_input_tokens": usage.cache_read,
        "cache_creation": {
            "ephemeral_5m_input_tokens": usage.cache_write.saturating_sub(usage.cache_write_hour),
            "ephemeral_1h_input_tokens": usage.cache_write_hour,
        },
        "output_tokens": usage.output,
        "output_tokens_details": {"thinking_tokens": usage.reasoning.min(usage.output)},
        "service_tier": "standard",
    })
}
