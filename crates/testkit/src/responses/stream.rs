//! The events of a streamed response.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::answer::{self, Item, Kind, REFUSAL, annotation, finished, items, logprobs};
use crate::answer::{Answer, Asked, Finish, call_tokens, pieces};
use crate::calls::Usage;
use crate::script::UsageMode;
use crate::tokens;
use crate::turn::{Event, Turn};

/// One event: its type, its members and its place in the stream.
pub(super) fn event(sequence: usize, kind: &str, members: Value) -> Bytes {
    let mut data = Map::new();
    data.insert("type".to_owned(), kind.into());
    data.insert("sequence_number".to_owned(), sequence.into());
    if let Value::Object(members) = members {
        data.extend(members);
    }
    Bytes::from(format!("event: {kind}\ndata: {}\n\n", Value::from(data)))
}

/// The answer as the events of a stream.
pub(crate) fn events(turn: &Turn, asked: &Asked, answer: &Answer, total: &Usage) -> Vec<Event> {
    let mut stream = Stream { turn, asked, output: 0, events: Vec::new() };
    let mut begun = answer::response(turn, asked, "in_progress");
    if turn.usage == UsageMode::EveryChunk {
        begun["usage"] = answer::usage(&Usage { output: 0, reasoning: 0, ..*total });
    }
    stream.push("response.created", json!({"response": begun}));
    stream.push("response.in_progress", json!({"response": begun}));
    let items = items(turn, asked, answer);
    for (index, item) in items.iter().enumerate() {
        stream
            .push("response.output_item.added", json!({"output_index": index, "item": item.added}));
        stream.item(index, item, answer);
        stream.push("response.output_item.done", json!({"output_index": index, "item": item.done}));
    }
    stream.output = answer.output_tokens();
    let mut end = finished(turn, asked, answer, total);
    end["output"] = items.iter().map(|item| item.done.clone()).collect();
    let kind = match answer.finish {
        Finish::Length => "response.incomplete",
        _ => "response.completed",
    };
    stream.push(kind, json!({"response": end}));
    stream.events
}

struct Stream<'a> {
    turn: &'a Turn,
    asked: &'a Asked,
    /// Generated tokens so far.
    output: u64,
    events: Vec<Event>,
}

impl Stream<'_> {
    fn push(&mut self, kind: &str, members: Value) {
        let bytes = event(self.events.len(), kind, members);
        self.events.push(Event { bytes, output: self.output, content: false });
    }

    /// An event that carries content, padded so that its length tells nothing.
    fn delta(&mut self, kind: &str, mut members: Value, delta: &str) {
        members["delta"] = delta.into();
        if self.asked.obfuscate {
            let padding = 16 - delta.len() % 16;
            let purpose = format!("padding {}", self.events.len());
            members["obfuscation"] = self.turn.id(&purpose, padding).into();
        }
        self.push(kind, members);
        if let Some(event) = self.events.last_mut() {
            event.content = true;
        }
    }

    fn item(&mut self, index: usize, item: &Item<'_>, answer: &Answer) {
        let at = |extra: Value| {
            let mut members = json!({"item_id": item.id, "output_index": index});
            if let (Some(members), Value::Object(extra)) = (members.as_object_mut(), extra) {
                members.extend(extra);
            }
            members
        };
        match item.kind {
            Kind::Reasoning("") => self.output = answer.reasoning_tokens(),
            Kind::Reasoning(shown) => {
                let part = |text: &str| json!({"type": "summary_text", "text": text});
                let place = json!({"summary_index": 0});
                self.push(
                    "response.reasoning_summary_part.added",
                    at(json!({"summary_index": 0, "part": part("")})),
                );
                self.text(shown, |stream, piece| {
                    stream.delta("response.reasoning_summary_text.delta", at(place.clone()), piece);
                });
                self.push(
                    "response.reasoning_summary_text.done",
                    at(json!({"summary_index": 0, "text": shown})),
                );
                self.push(
                    "response.reasoning_summary_part.done",
                    at(json!({"summary_index": 0, "part": part(shown)})),
                );
            }
            Kind::Search => {
                for step in ["in_progress", "searching", "completed"] {
                    self.push(&format!("response.web_search_call.{step}"), at(json!({})));
                }
            }
            Kind::Text(text) => {
                let empty =
                    json!({"type": "output_text", "annotations": [], "logprobs": [], "text": ""});
                self.push(
                    "response.content_part.added",
                    at(json!({"content_index": 0, "part": empty})),
                );
                let asked = self.asked;
                self.text(text, |stream, piece| {
                    let logprobs = logprobs(asked, &[piece]);
                    let members = at(json!({"content_index": 0, "logprobs": logprobs}));
                    stream.delta("response.output_text.delta", members, piece);
                });
                if let Some(annotation) = annotation(asked, text) {
                    self.push(
                        "response.output_text.annotation.added",
                        at(json!({"content_index": 0, "annotation_index": 0, "annotation": annotation})),
                    );
                }
                let part = &item.done["content"][0];
                self.push(
                    "response.output_text.done",
                    at(json!({"content_index": 0, "text": text, "logprobs": part["logprobs"]})),
                );
                self.push(
                    "response.content_part.done",
                    at(json!({"content_index": 0, "part": part})),
                );
            }
            Kind::Refusal => {
                let place = json!({"content_index": 0});
                let part = |text: &str| json!({"type": "refusal", "refusal": text});
                self.push(
                    "response.content_part.added",
                    at(json!({"content_index": 0, "part": part("")})),
                );
                for piece in pieces(REFUSAL, self.turn.chunks) {
                    self.delta("response.refusal.delta", at(place.clone()), piece);
                }
                self.push(
                    "response.refusal.done",
                    at(json!({"content_index": 0, "refusal": REFUSAL})),
                );
                self.push(
                    "response.content_part.done",
                    at(json!({"content_index": 0, "part": part(REFUSAL)})),
                );
            }
            Kind::Call(call) => {
                let base = self.output;
                self.output = base + tokens::count(&call.name);
                let arguments = call.arguments.to_string();
                for piece in pieces(&arguments, Some(arguments.len().div_ceil(8))) {
                    self.delta("response.function_call_arguments.delta", at(json!({})), piece);
                }
                self.output = base + call_tokens(call);
                self.push(
                    "response.function_call_arguments.done",
                    at(json!({"name": call.name, "arguments": arguments})),
                );
            }
        }
    }

    /// The pieces of a text, with the tokens generated by each.
    fn text(&mut self, text: &str, mut say: impl FnMut(&mut Self, &str)) {
        let base = self.output;
        let mut length = 0;
        for piece in pieces(text, self.turn.chunks) {
            length += piece.len();
            self.output = base + tokens::count(&text[..length]);
            say(self, piece);
        }
    }
}
