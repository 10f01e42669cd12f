//! Converse answers and the frames they are streamed as.

use serde_json::{Map, Value, json};

use super::{Family, REASONING, frame};
use crate::answer::{Answer, Asked, Finish, call_tokens, pieces};
use crate::calls::Usage;
use crate::script::UsageMode;
use crate::turn::{Event, Turn};
use crate::{signature, tokens};

/// The list of models, as the control plane gives it.
pub(crate) fn models(names: &[String]) -> Value {
    let models: Vec<Value> = names
        .iter()
        .map(|name| json!({"modelId": name, "modelName": name, "providerName": "Simulator", "responseStreamingSupported": true}))
        .collect();
    json!({"modelSummaries": models})
}

/// Answers have no id; a caller's books may know the request by its id instead.
pub(crate) fn answer_id(turn: &Turn) -> String {
    format!("req_{}", turn.id("request", 24))
}

/// The whole answer as one object.
pub(crate) fn full(turn: &Turn, asked: &Asked, answer: &Answer, total: &Usage) -> Value {
    let family = Family::of(&asked.model);
    let mut content = Vec::new();
    if !answer.reasoning.is_empty() {
        let shown = shown(asked, answer);
        let mut text = json!({"text": shown});
        if family.signs() {
            text["signature"] = signature::sign(REASONING, shown).into();
        }
        content.push(json!({"reasoningContent": {"reasoningText": text}}));
    }
    if !answer.text.is_empty() {
        content.push(json!({"text": answer.text}));
    }
    for (place, call) in answer.calls.iter().enumerate() {
        let id = call_id(turn, family, place);
        content.push(
            json!({"toolUse": {"toolUseId": id, "name": call.name, "input": call.arguments}}),
        );
    }
    let mut body = json!({
        "output": {"message": {"role": "assistant", "content": content}},
        "metrics": {"latencyMs": 42},
    });
    if let Some(reason) = finish(&answer.finish) {
        body["stopReason"] = reason.into();
    }
    if turn.usage != UsageMode::Missing {
        body["usage"] = usage(total, family);
    }
    body
}

/// The answer as the frames of a stream.
pub(crate) fn events(turn: &Turn, asked: &Asked, answer: &Answer, total: &Usage) -> Vec<Event> {
    let family = Family::of(&asked.model);
    let mut stream = Stream { turn, index: 0, output: 0, events: Vec::new() };
    stream.push("messageStart", json!({"role": "assistant"}), false);
    if !answer.reasoning.is_empty() {
        let shown = shown(asked, answer);
        let reasoning = |delta: Value| json!({"reasoningContent": delta});
        stream.text(shown, |piece| reasoning(json!({"text": piece})));
        stream.output = answer.reasoning_tokens();
        if family.signs() {
            stream.delta(reasoning(json!({"signature": signature::sign(REASONING, shown)})));
        }
        stream.stop();
    }
    if !answer.text.is_empty() {
        stream.text(&answer.text, |piece| json!({"text": piece}));
        stream.stop();
    }
    for (place, call) in answer.calls.iter().enumerate() {
        let base = stream.output;
        // Only tool blocks are announced.
        let tool = json!({"toolUseId": call_id(turn, family, place), "name": call.name});
        let start = json!({"contentBlockIndex": stream.index, "start": {"toolUse": tool}});
        stream.push("contentBlockStart", start, false);
        stream.output = base + tokens::count(&call.name);
        let arguments = call.arguments.to_string();
        // A call without arguments gets none at all (Bug 3).
        if arguments == "{}" {
            stream.delta(json!({"toolUse": {"input": ""}}));
        } else {
            for piece in pieces(&arguments, Some(arguments.len().div_ceil(8))) {
                stream.delta(json!({"toolUse": {"input": piece}}));
            }
        }
        stream.output = base + call_tokens(call);
        stream.stop();
    }
    stream.output = answer.output_tokens();
    let mut end = Map::new();
    if let Some(reason) = finish(&answer.finish) {
        end.insert("stopReason".to_owned(), reason.into());
    }
    stream.push("messageStop", end.into(), false);
    let mut metadata = json!({"metrics": {"latencyMs": 42}});
    if turn.usage != UsageMode::Missing {
        metadata["usage"] = usage(total, family);
    }
    stream.push("metadata", metadata, false);
    stream.events
}

struct Stream<'a> {
    turn: &'a Turn,
    index: usize,
    /// Generated tokens so far.
    output: u64,
    events: Vec<Event>,
}

impl Stream<'_> {
    /// A frame, padded by the member `p` so that its length tells nothing.
    fn push(&mut self, name: &str, mut payload: Value, content: bool) {
        const LETTERS: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
        let purpose = self.turn.id(&format!("padding {}", self.events.len()), 1);
        let length = LETTERS.find(&purpose).unwrap_or(0) + 1;
        payload["p"] = LETTERS[..length].into();
        let bytes = frame::event(name, &payload);
        self.events.push(Event { bytes, output: self.output, content });
    }

    fn delta(&mut self, delta: Value) {
        let payload = json!({"contentBlockIndex": self.index, "delta": delta});
        self.push("contentBlockDelta", payload, true);
    }

    /// The pieces of a text, with the tokens generated by each.
    fn text(&mut self, text: &str, delta: impl Fn(&str) -> Value) {
        let base = self.output;
        let mut length = 0;
        for piece in pieces(text, self.turn.chunks) {
            length += piece.len();
            self.output = base + tokens::count(&text[..length]);
            self.delta(delta(piece));
        }
    }

    fn stop(&mut self) {
        self.push("contentBlockStop", json!({"contentBlockIndex": self.index}), false);
        self.index += 1;
    }
}

/// The reasoning as shown: all of it, or none if the request wants it omitted.
fn shown<'a>(asked: &Asked, answer: &'a Answer) -> &'a str {
    if asked.show_reasoning { &answer.reasoning } else { "" }
}

/// Mistral's models want ids of just nine letters and digits back, and give such.
fn call_id(turn: &Turn, family: Family, place: usize) -> String {
    let purpose = format!("call {place}");
    match family {
        Family::Mistral => turn.id(&purpose, 9),
        _ => format!("tooluse_{}", turn.id(&purpose, 22)),
    }
}

fn finish(finish: &Finish) -> Option<&'static str> {
    match finish {
        Finish::Stop => Some("end_turn"),
        Finish::StopSequence(_) => Some("stop_sequence"),
        Finish::Length => Some("max_tokens"),
        Finish::ToolCalls => Some("tool_use"),
        Finish::Refusal => Some("content_filtered"),
        Finish::Unstated => None,
    }
}

/// Bedrock's usage: the input excludes what was read from or written to the cache.
fn usage(usage: &Usage, family: Family) -> Value {
    let mut body = json!({
        "inputTokens": usage.input,
        "outputTokens": usage.output,
        "totalTokens": usage.total(),
    });
    if family.caches() {
        body["cacheReadInputTokens"] = usage.cache_read.into();
        body["cacheWriteInputTokens"] = usage.cache_write.into();
        let short = usage.cache_write.saturating_sub(usage.cache_write_hour);
        let details: Vec<Value> = [("5m", short), ("1h", usage.cache_write_hour)]
            .into_iter()
            .filter(|(_, tokens)| *tokens > 0)
            .map(|(ttl, tokens)| json!({"ttl": ttl, "inputTokens": tokens}))
            .collect();
        if !details.is_empty() {
            body["cacheDetails"] = details.into();
        }
    }
    body
}
