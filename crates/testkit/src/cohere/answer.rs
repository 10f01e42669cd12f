//! Chat answers and the events they are streamed as.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::uuid;
use crate::answer::{Answer, Asked, Finish, ToolCall, call_tokens, pieces};
use crate::calls::Usage;
use crate::script::UsageMode;
use crate::tokens;
use crate::turn::{Event, Turn};

/// The list of models.
pub(crate) fn models(names: &[String]) -> Value {
    let models: Vec<Value> = names
        .iter()
        .map(|name| json!({"name": name, "endpoints": ["chat", "embed", "rerank"], "context_length": 128_000}))
        .collect();
    json!({"models": models})
}

pub(crate) fn answer_id(turn: &Turn) -> String {
    uuid(turn, "message")
}

/// The whole answer as one object.
pub(crate) fn full(turn: &Turn, asked: &Asked, answer: &Answer, total: &Usage) -> Value {
    let mut content = Vec::new();
    if !answer.reasoning.is_empty() {
        content.push(json!({"type": "thinking", "thinking": answer.reasoning}));
    }
    let mut message = json!({"role": "assistant"});
    if answer.calls.is_empty() {
        if !answer.text.is_empty() {
            content.push(json!({"type": "text", "text": answer.text}));
        }
    } else {
        if !answer.text.is_empty() {
            message["tool_plan"] = answer.text.as_str().into();
        }
        message["tool_calls"] = answer
            .calls
            .iter()
            .enumerate()
            .map(|(place, call)| tool_call(turn, place, call, &arguments(call)))
            .collect();
    }
    if !content.is_empty() || answer.calls.is_empty() {
        message["content"] = content.into();
    }
    if let Some(citation) = citation(asked, answer) {
        message["citations"] = json!([citation]);
    }
    let mut body = json!({"id": answer_id(turn), "message": message});
    body["finish_reason"] = finish(&answer.finish);
    if turn.usage != UsageMode::Missing {
        body["usage"] = usage(total);
    }
    if asked.logprobs.is_some() {
        body["logprobs"] =
            pieces(&answer.text, turn.chunks).iter().map(|piece| logprob(piece)).collect();
    }
    body
}

/// The answer as the events of a stream.
pub(crate) fn events(turn: &Turn, asked: &Asked, answer: &Answer, total: &Usage) -> Vec<Event> {
    let mut stream = Stream { turn, asked, total: *total, index: 0, output: 0, events: Vec::new() };
    let empty = json!({"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []});
    stream.push("message-start", json!({"id": answer_id(turn), "delta": {"message": empty}}));
    if !answer.reasoning.is_empty() {
        stream.content("thinking", &answer.reasoning);
    }
    if answer.calls.is_empty() {
        if !answer.text.is_empty() {
            stream.content("text", &answer.text);
        }
        if let Some(citation) = citation(asked, answer) {
            stream.push(
                "citation-start",
                json!({"index": 0, "delta": {"message": {"citations": citation}}}),
            );
            stream.push("citation-end", json!({"index": 0}));
        }
    } else {
        stream.text(&answer.text, |stream, piece| {
            stream.delta("tool-plan-delta", json!({"delta": {"message": {"tool_plan": piece}}}));
        });
    }
    for (place, call) in answer.calls.iter().enumerate() {
        let base = stream.output;
        let at =
            |calls: Value| json!({"index": place, "delta": {"message": {"tool_calls": calls}}});
        stream.output = base + tokens::count(&call.name);
        stream.delta("tool-call-start", at(tool_call(turn, place, call, "")));
        let arguments = arguments(call);
        for piece in pieces(&arguments, Some(arguments.len().div_ceil(8))) {
            stream.delta("tool-call-delta", at(json!({"function": {"arguments": piece}})));
        }
        stream.output = base + call_tokens(call);
        stream.push("tool-call-end", json!({"index": place}));
    }
    stream.output = answer.output_tokens();
    let mut delta = json!({"finish_reason": finish(&answer.finish)});
    if turn.usage != UsageMode::Missing {
        delta["usage"] = usage(total);
    }
    stream.push("message-end", json!({"id": answer_id(turn), "delta": delta}));
    stream.events
}

struct Stream<'a> {
    turn: &'a Turn,
    asked: &'a Asked,
    total: Usage,
    index: usize,
    /// Generated tokens so far.
    output: u64,
    events: Vec<Event>,
}

impl Stream<'_> {
    fn push(&mut self, kind: &str, members: Value) {
        let mut data = Map::new();
        data.insert("type".to_owned(), kind.into());
        if let Value::Object(members) = members {
            data.extend(members);
        }
        let bytes = Bytes::from(format!("event: {kind}\ndata: {}\n\n", Value::from(data)));
        self.events.push(Event { bytes, output: self.output, content: false });
    }

    fn delta(&mut self, kind: &str, mut members: Value) {
        if self.turn.usage == UsageMode::EveryChunk {
            members["delta"]["usage"] = usage(&Usage { output: self.output, ..self.total });
        }
        self.push(kind, members);
        if let Some(event) = self.events.last_mut() {
            event.content = true;
        }
    }

    fn content(&mut self, kind: &str, text: &str) {
        let index = self.index;
        let at =
            |content: Value| json!({"index": index, "delta": {"message": {"content": content}}});
        self.push("content-start", at(json!({"type": kind, kind: ""})));
        self.text(text, |stream, piece| {
            let mut members = at(json!({kind: piece}));
            if stream.asked.logprobs.is_some() && kind == "text" {
                members["logprobs"] = logprob(piece);
            }
            stream.delta("content-delta", members);
        });
        self.push("content-end", json!({"index": index}));
        self.index += 1;
    }

    /// The pieces of a text, with the tokens generated by each.
    fn text(&mut self, text: &str, say: impl Fn(&mut Self, &str)) {
        let base = self.output;
        let mut length = 0;
        for piece in pieces(text, self.turn.chunks) {
            length += piece.len();
            self.output = base + tokens::count(&text[..length]);
            say(self, piece);
        }
    }
}

/// The arguments as text; those of a call without any are `null` (Bug 3).
fn arguments(call: &ToolCall) -> String {
    match call.arguments.to_string() {
        empty if empty == "{}" => "null".to_owned(),
        arguments => arguments,
    }
}

fn tool_call(turn: &Turn, place: usize, call: &ToolCall, arguments: &str) -> Value {
    let mark = turn.id(&format!("call {place}"), 12).to_lowercase();
    json!({
        "id": format!("{}_{mark}", call.name),
        "type": "function",
        "function": {"name": call.name, "arguments": arguments},
    })
}

/// The citation of an answer from documents, of which the first is cited.
fn citation(asked: &Asked, answer: &Answer) -> Option<Value> {
    if asked.echo.is_null() || answer.text.is_empty() || !answer.calls.is_empty() {
        return None;
    }
    let source = match &asked.echo {
        Value::String(text) => {
            json!({"type": "document", "id": "doc:0", "document": {"content": text}})
        }
        document => {
            let id = document.get("id").cloned().unwrap_or_else(|| "doc:0".into());
            json!({"type": "document", "id": id, "document": document["data"]})
        }
    };
    Some(json!({
        "start": 0,
        "end": answer.text.chars().count(),
        "text": answer.text,
        "sources": [source],
        "type": "TEXT_CONTENT",
    }))
}

fn logprob(text: &str) -> Value {
    json!({"text": text, "token_ids": [text.len()], "logprobs": [-0.125]})
}

fn finish(finish: &Finish) -> Value {
    match finish {
        Finish::Stop => "COMPLETE".into(),
        Finish::StopSequence(_) => "STOP_SEQUENCE".into(),
        Finish::Length => "MAX_TOKENS".into(),
        Finish::ToolCalls => "TOOL_CALL".into(),
        // The word is of the first version, which hosts still know.
        Finish::Refusal => "ERROR_TOXIC".into(),
        Finish::Unstated => Value::Null,
    }
}

/// Cohere's usage: what is billed, and what the model saw, its own template included.
fn usage(usage: &Usage) -> Value {
    json!({
        "billed_units": {"input_tokens": usage.prompt(), "output_tokens": usage.output},
        "tokens": {
            "input_tokens": usage.prompt() + tokens::COHERE_TEMPLATE_TOKENS,
            "output_tokens": usage.output,
        },
        "cached_tokens": usage.cache_read,
    })
}
