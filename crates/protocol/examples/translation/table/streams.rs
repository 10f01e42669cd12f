//! Streams: where each kind of event is told to each caller.

use protocol::Dialect;
use protocol::exchange::{
    Additions, ErrorType, Event, Fault, FinishReason, MediaSource, ReasoningDelta, ReasoningFormat,
    Usage,
};
use protocol::json::RawJson;
use protocol::sse::{Frame, FrameTooLong, Splitter};
use protocol::{anthropic, gemini, openai_chat, openai_responses};
use serde_json::Value;

use super::Row;
use super::answers::identity;

/// Stands in what is probed, and nowhere else.
const MARK: &str = "M4RK";
/// The same for numbers.
const NUMBER: u64 = 4242;
/// Another vendor's proof, wrapped for callers of Anthropic's protocol, begins with this.
const WRAPPED: &str = "routed.v1.";

/// The rows, one for each kind of event.
pub fn rows() -> Vec<Row> {
    let plain = stream(Vec::new(), FinishReason::Stop, Usage::default());
    let mut rows = Vec::new();
    for (name, events) in marked() {
        let events = stream(events, FinishReason::Stop, Usage::default());
        rows.push(row(name, |caller| found(caller, &events).map(|leaf| leaf.place())));
    }
    for reason in [FinishReason::Length, FinishReason::ToolCalls, FinishReason::ContentFilter] {
        let events = stream(Vec::new(), reason, Usage::default());
        let name = format!("end: {}", reason.name());
        let told = |leaf: Leaf| format!("{}: `{}`", leaf.place(), leaf.value);
        rows.push(row(&name, |caller| new(caller, &plain, &events).map(told)));
    }
    let counts: [(&str, Usage); 5] = [
        ("usage: input", Usage { input: NUMBER, ..Usage::default() }),
        ("usage: output", Usage { output: NUMBER, ..Usage::default() }),
        ("usage: from the cache", Usage { input: 9000, cached_input: NUMBER, ..Usage::default() }),
        ("usage: into the cache", Usage { input: 9000, cache_write: NUMBER, ..Usage::default() }),
        ("usage: reasoning", Usage { output: 9000, reasoning: NUMBER, ..Usage::default() }),
    ];
    for (name, usage) in counts {
        let events = stream(Vec::new(), FinishReason::Stop, usage);
        rows.push(row(name, |caller| found(caller, &events).map(|leaf| leaf.place())));
    }
    rows
}

fn row(name: &str, told: impl Fn(Dialect) -> Option<String>) -> Row {
    let cell = |caller| told(caller).unwrap_or_else(|| "not told".to_owned());
    Row { name: name.to_owned(), cells: Dialect::CALLERS.into_iter().map(cell).collect() }
}

/// A stream with further events behind its text.
fn stream(more: Vec<Event>, reason: FinishReason, usage: Usage) -> Vec<Event> {
    let start = Event::Start {
        id: None,
        model: None,
        created: None,
        service_tier: None,
        system_fingerprint: None,
    };
    let mut events = vec![start, Event::Text { choice: 0, text: "Hello".to_owned() }];
    events.extend(more);
    events.push(Event::Finish { choice: 0, reason, native: None });
    events.push(Event::Usage(usage));
    events
}

fn marked() -> Vec<(&'static str, Vec<Event>)> {
    let mark = || MARK.to_owned();
    let raw = |json: String| RawJson::parse(json).unwrap();
    let reasoning =
        |format, delta| vec![Event::Reasoning { choice: 0, index: 0, id: None, format, delta }];
    let start = |service_tier, system_fingerprint| Event::Start {
        id: None,
        model: None,
        created: None,
        service_tier,
        system_fingerprint,
    };
    let call = |id: String, name: String, arguments: String| {
        vec![
            Event::ToolCallStart { choice: 0, index: 0, id, name },
            Event::ToolCallArguments { choice: 0, index: 0, arguments },
        ]
    };
    let (anthropic, openai) = (ReasoningFormat::Anthropic, ReasoningFormat::OpenaiResponses);
    vec![
        ("text", vec![Event::Text { choice: 0, text: mark() }]),
        ("text of a second answer", vec![Event::Text { choice: 1, text: mark() }]),
        ("tool call: id", call(mark(), "look".to_owned(), "{}".to_owned())),
        ("tool call: name", call("call_1".to_owned(), mark(), "{}".to_owned())),
        (
            "tool call: arguments",
            call("call_1".to_owned(), "look".to_owned(), format!("{{\"a\":\"{MARK}\"}}")),
        ),
        ("reasoning: text", reasoning(anthropic.clone(), ReasoningDelta::Text(mark()))),
        (
            "reasoning: signature",
            [ReasoningDelta::Text("Hm".to_owned()), ReasoningDelta::Signature(mark())]
                .into_iter()
                .flat_map(|delta| reasoning(anthropic.clone(), delta))
                .collect(),
        ),
        ("reasoning: summary", reasoning(openai.clone(), ReasoningDelta::Summary(mark()))),
        (
            "reasoning: encrypted, Anthropic's",
            reasoning(anthropic, ReasoningDelta::Encrypted(mark())),
        ),
        ("reasoning: encrypted, OpenAI's", reasoning(openai, ReasoningDelta::Encrypted(mark()))),
        (
            "citation",
            vec![Event::Annotation {
                choice: 0,
                raw: raw(format!(
                    r#"{{"type":"url_citation","url_citation":{{"url":"https://{MARK}","title":"T"}}}}"#
                )),
            }],
        ),
        ("refusal", vec![Event::Refusal { choice: 0, text: mark() }]),
        (
            "image",
            vec![Event::Image {
                choice: 0,
                source: MediaSource::Base64 { media_type: "image/png".to_owned(), data: mark() },
            }],
        ),
        (
            "audio",
            vec![Event::Audio {
                choice: 0,
                id: None,
                data: Some(mark()),
                transcript: None,
                expires_at: None,
            }],
        ),
        (
            "audio: transcript",
            vec![Event::Audio {
                choice: 0,
                id: None,
                data: None,
                transcript: Some(mark()),
                expires_at: None,
            }],
        ),
        (
            "logprobs",
            vec![Event::Logprobs {
                choice: 0,
                raw: raw(format!(
                    r#"{{"content":[{{"token":"{MARK}","logprob":-0.1,"top_logprobs":[]}}]}}"#
                )),
            }],
        ),
        ("tier that serves", vec![start(Some(mark()), None)]),
        ("system_fingerprint", vec![start(None, Some(mark()))]),
        (
            "provider failed part-way",
            vec![Event::Fault(Fault::new(ErrorType::ProviderOverloaded, mark()))],
        ),
    ]
}

/// The first place where the mark stands, in what a caller is told.
fn found(caller: Dialect, events: &[Event]) -> Option<Leaf> {
    leaves(caller, events).into_iter().find(|leaf| match &leaf.value {
        Value::String(text) => text.contains(MARK) || text.starts_with(WRAPPED),
        value => value.as_u64() == Some(NUMBER),
    })
}

/// The first place that says something else than a plain stream.
fn new(caller: Dialect, plain: &[Event], events: &[Event]) -> Option<Leaf> {
    let known = leaves(caller, plain);
    leaves(caller, events).into_iter().find(|leaf| !known.contains(leaf))
}

/// A value without further values in it.
#[derive(PartialEq)]
struct Leaf {
    event: Option<String>,
    path: String,
    value: Value,
}

impl Leaf {
    fn place(&self) -> String {
        match &self.event {
            Some(event) => format!("`{event}`: `{}`", self.path),
            None => format!("`{}`", self.path),
        }
    }
}

fn leaves(caller: Dialect, events: &[Event]) -> Vec<Leaf> {
    let (identity, additions, mut out) = (identity(), Additions::default(), Vec::new());
    macro_rules! encode {
        ($encoder:expr) => {{
            let mut encoder = $encoder;
            events.iter().for_each(|event| encoder.push(event, &mut out));
            encoder.finish(additions, &mut out);
        }};
    }
    match caller {
        Dialect::OpenaiResponses => encode!(openai_responses::StreamEncoder::new(identity)),
        Dialect::Anthropic => encode!(anthropic::StreamEncoder::new(identity)),
        Dialect::Gemini => encode!(gemini::StreamEncoder::new(identity)),
        _ => encode!(openai_chat::StreamEncoder::new(identity)),
    }
    let mut leaves = Vec::new();
    let mut take = |frame: Frame<'_>| {
        // The end of a stream is no JSON.
        if let Ok(value) = serde_json::from_slice::<Value>(frame.data) {
            walk(frame.event, String::new(), &value, &mut leaves);
        }
        Ok::<(), FrameTooLong>(())
    };
    let mut splitter = Splitter::new();
    splitter.push(&out, &mut take).unwrap();
    splitter.finish(&mut take).unwrap();
    leaves
}

fn walk(event: Option<&str>, path: String, value: &Value, leaves: &mut Vec<Leaf>) {
    match value {
        Value::Object(members) => {
            let mut names: Vec<&String> = members.keys().collect();
            names.sort();
            for name in names.into_iter().filter(|name| *name != "sequence_number") {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                walk(event, path, &members[name], leaves);
            }
        }
        Value::Array(entries) => {
            for (at, entry) in entries.iter().enumerate() {
                walk(event, format!("{path}[{at}]"), entry, leaves);
            }
        }
        value => leaves.push(Leaf { event: event.map(str::to_owned), path, value: value.clone() }),
    }
}
