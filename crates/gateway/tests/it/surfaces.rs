//! The APIs of other vendors, as their clients see them. MSG, CLIENT

use std::time::Duration;

use serde_json::{Value, json};
use testkit::{Fault, Point, Protocol, Script, Simulator};

use super::support::{Answer, Gateway, MODEL, PROTOCOLS, Upstream, settings};

/// A surface as its clients use it.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Spoken {
    Responses,
    Messages,
    Gemini,
}

const SPOKEN: [Spoken; 3] = [Spoken::Responses, Spoken::Messages, Spoken::Gemini];

impl Spoken {
    fn path(self, stream: bool) -> String {
        match (self, stream) {
            (Self::Responses, _) => "/api/v1/responses".to_owned(),
            (Self::Messages, _) => "/api/v1/messages".to_owned(),
            (Self::Gemini, false) => format!("/v1beta/models/{MODEL}:generateContent"),
            (Self::Gemini, true) => format!("/v1beta/models/{MODEL}:streamGenerateContent?alt=sse"),
        }
    }

    fn hello(self, stream: bool) -> Value {
        match self {
            Self::Responses => json!({
                "model": MODEL,
                "stream": stream,
                "instructions": "be kind",
                "input": "hello there",
            }),
            Self::Messages => json!({
                "model": MODEL,
                "max_tokens": 100,
                "stream": stream,
                "system": "be kind",
                "messages": [{"role": "user", "content": "hello there"}],
            }),
            Self::Gemini => json!({
                "systemInstruction": {"parts": [{"text": "be kind"}]},
                "contents": [{"role": "user", "parts": [{"text": "hello there"}]}],
            }),
        }
    }

    /// The member of the surface's own that the others do not know.
    fn unknown(self, body: &mut Value) {
        body["something_new"] = json!({"x": [1.0]});
    }

    fn text(self, body: &Value) -> String {
        let (list, text) = match self {
            Self::Responses => (&body["output"][0]["content"], "text"),
            Self::Messages => (&body["content"], "text"),
            Self::Gemini => (&body["candidates"][0]["content"]["parts"], "text"),
        };
        let parts = list.as_array().unwrap_or_else(|| panic!("{body}"));
        parts.iter().filter_map(|part| part[text].as_str()).collect()
    }

    fn usage(self, body: &Value) -> (u64, u64) {
        let (usage, input, output) = match self {
            Self::Responses | Self::Messages => (&body["usage"], "input_tokens", "output_tokens"),
            Self::Gemini => (&body["usageMetadata"], "promptTokenCount", "candidatesTokenCount"),
        };
        (usage[input].as_u64().unwrap(), usage[output].as_u64().unwrap())
    }

    fn finish(self, body: &Value) -> String {
        let word = match self {
            Self::Responses => &body["status"],
            Self::Messages => &body["stop_reason"],
            Self::Gemini => &body["candidates"][0]["finishReason"],
        };
        word.as_str().unwrap_or_else(|| panic!("{body}")).to_lowercase()
    }

    fn ended(self) -> &'static str {
        match self {
            Self::Responses => "completed",
            Self::Messages => "end_turn",
            Self::Gemini => "stop",
        }
    }

    /// The error's message and the surface's own word for its kind, from an envelope.
    fn error(self, body: &Value) -> (String, String) {
        let (kind, error) = match self {
            Self::Responses if body["type"] == "response.failed" => {
                (&body["response"]["error"]["code"], &body["response"]["error"])
            }
            Self::Responses => {
                assert_eq!(body["status"], "failed", "{body}");
                (&body["error"]["code"], &body["error"])
            }
            Self::Messages => {
                assert_eq!(body["type"], "error", "{body}");
                (&body["error"]["type"], &body["error"])
            }
            Self::Gemini => (&body["error"]["status"], &body["error"]),
        };
        let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("{body}")).to_owned();
        (text(&error["message"]), text(kind))
    }
}

/// The frames of a stream: the event's name, if it has one, and its data.
fn frames(answer: &Answer) -> Vec<(Option<String>, Value)> {
    let text = std::str::from_utf8(&answer.body).unwrap();
    text.split("\n\n")
        .filter(|frame| !frame.is_empty() && !frame.starts_with(':') && *frame != "data: [DONE]")
        .map(|frame| {
            let mut name = None;
            let mut data = String::new();
            for line in frame.lines() {
                if let Some(value) = line.strip_prefix("event: ") {
                    name = Some(value.to_owned());
                } else if let Some(value) = line.strip_prefix("data: ") {
                    data.push_str(value);
                }
            }
            (name, serde_json::from_str(&data).unwrap_or_else(|_| panic!("{text}")))
        })
        .collect()
}

/// All text of a stream.
fn streamed_text(spoken: Spoken, frames: &[(Option<String>, Value)]) -> String {
    frames
        .iter()
        .map(|(name, data)| match spoken {
            Spoken::Responses if name.as_deref() == Some("response.output_text.delta") => {
                data["delta"].as_str().unwrap_or_default().to_owned()
            }
            Spoken::Responses => String::new(),
            Spoken::Messages => data["delta"]["text"].as_str().unwrap_or_default().to_owned(),
            Spoken::Gemini if data["candidates"][0]["content"].is_object() => spoken.text(data),
            Spoken::Gemini => String::new(),
        })
        .collect()
}

async fn one(protocol: Protocol) -> (Simulator, Gateway) {
    let simulator = Simulator::start().await.unwrap();
    let gateway = Gateway::start(&[Upstream::of(&simulator, protocol, "one")]).await;
    (simulator, gateway)
}

/// MSG-1, MSG-2, USAGE-7
#[tokio::test]
async fn every_surface_reaches_every_protocol() {
    for spoken in SPOKEN {
        for protocol in PROTOCOLS {
            let (simulator, gateway) = one(protocol).await;
            let answer = gateway.post(&spoken.path(false), &spoken.hello(false)).await;
            let body = answer.json();
            assert_eq!(answer.status, 200, "{spoken:?} {protocol:?}: {body}");
            assert!(spoken.text(&body).contains("hello there"), "{body}");
            assert_eq!(spoken.finish(&body), spoken.ended(), "{body}");
            let call = &simulator.calls()[0];
            let billed = call.usage;
            assert_eq!(spoken.usage(&body), (billed.prompt(), billed.output), "{body}");
            if spoken == Spoken::Responses {
                assert_eq!(body["object"], "response");
                assert_eq!(body["model"], MODEL);
                assert_eq!(body["instructions"], "be kind");
                assert!(body["usage"]["cost"].as_f64().unwrap() > 0.0, "{body}");
            }
            if spoken == Spoken::Messages {
                assert_eq!(body["id"], answer.headers["x-generation-id"].to_str().unwrap());
                assert_eq!(body["model"], MODEL);
                assert_eq!(body["type"], "message");
                assert_eq!(body["role"], "assistant");
                let nano = (billed.prompt() * 3_000 + billed.output * 15_000) as f64;
                assert_eq!(body["usage"]["cost"].as_f64().unwrap(), nano / 1e9, "{body}");
            }
            let row = gateway.generation(&answer).await.unwrap();
            assert_eq!(&*row.model_requested, MODEL);
            assert_eq!(row.settled_by, store::SettledBy::Usage);
            assert_eq!(row.total_cost, (billed.prompt() * 3_000 + billed.output * 15_000) as i64);
            assert_eq!(row.finish_reason.as_deref(), Some("stop"));
            assert!(!row.streamed);
        }
    }
}

/// MSG-3
#[tokio::test]
async fn a_stream_says_the_same_as_the_whole_answer() {
    for spoken in SPOKEN {
        for protocol in PROTOCOLS {
            let (simulator, gateway) = one(protocol).await;
            let plain = gateway.post(&spoken.path(false), &spoken.hello(false)).await.json();
            let answer = gateway.post(&spoken.path(true), &spoken.hello(true)).await;
            assert_eq!(answer.status, 200, "{spoken:?} {protocol:?}");
            assert_eq!(answer.headers["content-type"], "text/event-stream");
            let frames = frames(&answer);
            assert_eq!(streamed_text(spoken, &frames), spoken.text(&plain), "{frames:?}");
            let names: Vec<_> = frames.iter().filter_map(|(name, _)| name.as_deref()).collect();
            match spoken {
                Spoken::Responses => {
                    assert_eq!(names.len(), frames.len(), "every event is named: {frames:?}");
                    assert_eq!(names[0], "response.created");
                    let numbers: Vec<_> =
                        frames.iter().map(|(_, data)| data["sequence_number"].as_u64()).collect();
                    let expected: Vec<_> = (0..numbers.len() as u64).map(Some).collect();
                    assert_eq!(numbers, expected);
                    let (name, last) = frames.last().unwrap();
                    assert_eq!(name.as_deref(), Some("response.completed"));
                    assert_eq!(spoken.text(&last["response"]), spoken.text(&plain));
                    assert!(last["response"]["usage"]["cost"].is_number(), "{last}");
                    assert_eq!(last["response"]["instructions"], "be kind");
                    assert!(answer.body.ends_with(b"data: [DONE]\n\n"));
                }
                Spoken::Messages => {
                    assert_eq!(names.len(), frames.len(), "every event is named: {frames:?}");
                    assert_eq!(names[..2], ["message_start", "content_block_start"]);
                    let last = names.len();
                    assert_eq!(
                        names[last - 3..],
                        ["content_block_stop", "message_delta", "message_stop"]
                    );
                    let delta = &frames[last - 2].1;
                    assert_eq!(delta["delta"]["stop_reason"], "end_turn");
                    assert!(delta["usage"]["cost"].is_number(), "{delta}");
                    assert_eq!(frames[0].1["message"]["model"], MODEL);
                }
                Spoken::Gemini => {
                    let last = &frames.last().unwrap().1;
                    let billed = simulator.calls()[1].usage;
                    assert_eq!(spoken.usage(last), (billed.prompt(), billed.output), "{frames:?}");
                    assert!(names.is_empty(), "{names:?}");
                }
            }
            let row = gateway.generation(&answer).await.unwrap();
            assert!(row.streamed);
            assert!(row.total_cost > 0);
        }
    }
}

/// Promise 5: what nobody here knows reaches a provider that speaks the same.
#[tokio::test]
async fn unknown_members_and_betas_reach_a_provider_of_the_same_protocol() {
    for (spoken, protocol) in [
        (Spoken::Responses, Protocol::OpenAiResponses),
        (Spoken::Messages, Protocol::Anthropic),
        (Spoken::Gemini, Protocol::Gemini),
    ] {
        let (simulator, gateway) = one(protocol).await;
        let mut body = spoken.hello(false);
        spoken.unknown(&mut body);
        body["provider"] = json!({"only": ["one"]});
        body["session_id"] = json!("s");
        let request = http::Request::post(spoken.path(false))
            .header("host", "x")
            .header("x-api-key", &gateway.key)
            .header("anthropic-beta", "brand-new-2027-01-01")
            .body(body.to_string().into())
            .unwrap();
        // Whether it understands them is the provider's to say.
        gateway.send(request).await;
        let call = &simulator.calls()[0];
        assert_eq!(call.body["something_new"], json!({"x": [1.0]}), "{}", call.body);
        for own in ["provider", "session_id"] {
            assert!(call.body.get(own).is_none(), "{}", call.body);
        }
        if protocol == Protocol::Anthropic {
            assert_eq!(call.header("anthropic-beta"), Some("brand-new-2027-01-01"));
            assert_eq!(call.body["model"], "simulated-model");
        }
    }
}

/// ERR-15, ERR-16: each surface tells errors in its own words, before the call and after.
#[tokio::test]
async fn errors_are_told_in_the_words_of_the_surface() {
    for spoken in SPOKEN {
        let (simulator, gateway) = one(Protocol::OpenAi).await;
        let words =
            |responses: &'static str, messages: &'static str, gemini: &'static str| match spoken {
                Spoken::Responses => responses,
                Spoken::Messages => messages,
                Spoken::Gemini => gemini,
            };
        let empty =
            gateway.post(&spoken.path(false), &json!({"model": MODEL, "max_tokens": 1})).await;
        assert_eq!(empty.status, 400);
        let (message, kind) = spoken.error(&empty.json());
        assert!(message.contains(words("input", "messages", "contents")), "{message}");
        assert_eq!(kind, words("invalid_prompt", "invalid_request_error", "INVALID_ARGUMENT"));

        let request = http::Request::post(spoken.path(false))
            .header("host", "x")
            .body("{}".to_owned().into())
            .unwrap();
        let unknown = gateway.send(request).await;
        assert_eq!(unknown.status, 401);
        assert_eq!(
            spoken.error(&unknown.json()).1,
            words("server_error", "authentication_error", "UNAUTHENTICATED")
        );

        simulator.set_default(Script::status(429));
        let limited = gateway.post(&spoken.path(false), &spoken.hello(false)).await;
        assert_eq!(limited.status, 429);
        assert_eq!(
            spoken.error(&limited.json()).1,
            words("rate_limit_exceeded", "rate_limit_error", "RESOURCE_EXHAUSTED")
        );
        assert!(gateway.generation(&limited).await.is_some());

        let id = limited.headers["x-generation-id"].to_str().unwrap();
        if spoken == Spoken::Messages {
            assert_eq!(limited.json()["request_id"], id);
        }
    }
}

/// STREAM-5: an error after the first content is an event of the surface, and is not billed.
#[tokio::test]
async fn a_stream_that_breaks_off_ends_in_the_words_of_the_surface() {
    for spoken in SPOKEN {
        for protocol in PROTOCOLS {
            let (simulator, gateway) = one(protocol).await;
            simulator.set_default(Script::fault(Fault::Reset(Point::After(2))));
            let answer = gateway.post(&spoken.path(true), &spoken.hello(true)).await;
            assert_eq!(answer.status, 200);
            let frames = frames(&answer);
            let (name, last) = frames.last().unwrap();
            spoken.error(last);
            match spoken {
                Spoken::Responses => assert_eq!(name.as_deref(), Some("response.failed")),
                Spoken::Messages => assert_eq!(name.as_deref(), Some("error")),
                Spoken::Gemini => assert_eq!(name.as_deref(), None),
            }
            assert!(!streamed_text(spoken, &frames[..frames.len() - 1]).is_empty());
            let row = gateway.generation(&answer).await.unwrap();
            assert_eq!(row.total_cost, 0, "{spoken:?} {protocol:?}");
            assert_eq!(row.finish_reason.as_deref(), Some("error"));
        }
    }
}

/// STREAM-2: a comment where clients expect one. Google's for Python reads a line that is not data
/// as a piece of an error, and passes over empty ones.
#[tokio::test]
async fn a_sign_of_life_is_one_the_surfaces_clients_understand() {
    let mut settings = settings();
    settings.heartbeat_after = Duration::from_millis(20);
    settings.heartbeat_interval = Duration::from_millis(20);
    for spoken in SPOKEN {
        let simulator = Simulator::start().await.unwrap();
        // Before the first word, and between two.
        simulator.set_default(Script::text("hello there").first_token(150).gap(150));
        let upstream = Upstream::of(&simulator, Protocol::OpenAi, "one");
        let gateway = Gateway::with_settings(&[upstream], settings.clone()).await;
        let answer = gateway.post(&spoken.path(true), &spoken.hello(true)).await;
        assert_eq!(answer.status, 200);
        let text = std::str::from_utf8(&answer.body).unwrap();
        let before = text.split_once("data: ").unwrap().0;
        match spoken {
            Spoken::Gemini => {
                assert!(before.len() > 1 && before.trim().is_empty(), "{text:?}");
                assert!(text[before.len()..].contains("\n\n\n"), "{text:?}");
                for line in text.lines() {
                    assert!(line.is_empty() || line.starts_with("data: {"), "{text:?}");
                }
                let said: String = text
                    .lines()
                    .filter_map(|line| line.strip_prefix("data: "))
                    .map(|data| serde_json::from_str::<Value>(data).unwrap())
                    .filter(|data| data["candidates"][0]["content"].is_object())
                    .map(|data| spoken.text(&data))
                    .collect();
                assert_eq!(said, "hello there");
            }
            Spoken::Responses | Spoken::Messages => {
                assert!(before.starts_with(": OPENROUTER PROCESSING\n\n"), "{text:?}");
                assert_eq!(streamed_text(spoken, &frames(&answer)), "hello there");
            }
        }
    }
}

/// The agents' own addresses and headers. CLIENT-1
#[tokio::test]
async fn clients_of_other_vendors_find_what_they_expect() {
    let (_simulator, gateway) = one(Protocol::Anthropic).await;
    let answer = gateway.post("/anthropic/v1/messages", &Spoken::Messages.hello(false)).await;
    assert_eq!(answer.status, 200);

    let request = http::Request::get("/anthropic/v1/models")
        .header("host", "x")
        .header("anthropic-version", "2023-06-01")
        .body(Default::default())
        .unwrap();
    let list = gateway.send(request).await.json();
    assert_eq!(list["data"][0]["id"], MODEL);
    assert_eq!(list["data"][0]["type"], "model");
    assert_eq!(list["data"][0]["display_name"], "Test: Model");
    assert_eq!(list["data"][0]["created_at"], "2026-01-01T00:00:00.000Z");
    assert_eq!((&list["has_more"], &list["first_id"]), (&json!(false), &json!(MODEL)));
    let plain = gateway.get("/api/v1/models").await.json();
    assert!(plain["data"][0].get("type").is_none(), "only for those who ask");

    for path in ["/anthropic/v1/messages/count_tokens", "/api/v1/messages/count_tokens"] {
        let counted = gateway.post(path, &Spoken::Messages.hello(false)).await;
        assert_eq!(counted.status, 200);
        let tokens = counted.json()["input_tokens"].as_u64().unwrap();
        assert!((5..60).contains(&tokens), "{tokens}");
    }
    let refused = gateway.post("/v1/messages/count_tokens", &json!({"model": MODEL})).await;
    assert_eq!(refused.status, 400);
    assert!(Spoken::Messages.error(&refused.json()).0.contains("messages"));

    let google = gateway.get("/v1beta/models").await.json();
    assert_eq!(google["models"][0]["name"], format!("models/{MODEL}"));
    assert_eq!(google["models"][0]["inputTokenLimit"], 128_000);
    let named = gateway.get(&format!("/v1beta/models/{MODEL}")).await;
    assert_eq!(named.json()["displayName"], "Test: Model");
    let unknown = gateway.get("/v1beta/models/none").await;
    assert_eq!(unknown.status, 404);
    assert_eq!(Spoken::Gemini.error(&unknown.json()).1, "NOT_FOUND");
    let count = format!("/v1beta/models/{MODEL}:countTokens");
    let counted = gateway.post(&count, &Spoken::Gemini.hello(false)).await.json();
    let wrapped = json!({"generateContentRequest": Spoken::Gemini.hello(false)});
    let again = gateway.post(&count, &wrapped).await.json();
    assert!(counted["totalTokens"].as_u64().unwrap() > 4, "{counted}");
    assert_eq!(counted, again);
    let other = gateway.post(&format!("/v1beta/models/{MODEL}:embedContent"), &json!({})).await;
    assert_eq!(other.status, 404);

    // A key in the address, as Google's clients may have it.
    let body = Spoken::Gemini.hello(false).to_string();
    let request =
        http::Request::post(format!("{}?key={}", Spoken::Gemini.path(false), gateway.key))
            .header("host", "x")
            .body(body.into())
            .unwrap();
    assert_eq!(gateway.send(request).await.status, 200);
}

/// RATE-5: counting is work too, and its requests are counted with the others of the key.
#[tokio::test]
async fn counting_tokens_is_within_the_rates_of_the_key() {
    let simulator = Simulator::start().await.unwrap();
    let mut settings = settings();
    settings.limits.key_per_minute = 2;
    let upstream = Upstream::of(&simulator, Protocol::Anthropic, "one");
    let gateway = Gateway::with_settings(&[upstream], settings).await;
    let count = format!("/v1beta/models/{MODEL}:countTokens");
    let body = Spoken::Messages.hello(false);
    assert_eq!(gateway.post("/v1/messages/count_tokens", &body).await.status, 200);
    assert_eq!(gateway.post(&count, &Spoken::Gemini.hello(false)).await.status, 200);
    let refused = gateway.post("/v1/messages/count_tokens", &body).await;
    assert_eq!(refused.status, 429, "{}", refused.json());
    assert_eq!(Spoken::Messages.error(&refused.json()).1, "rate_limit_error");
    assert!(refused.headers.contains_key("retry-after"), "{:?}", refused.headers);
}

/// A model goes by the name its author gave it, with or without a date. CLIENT-1
#[tokio::test]
async fn models_are_found_by_the_names_their_authors_use() {
    let simulator = Simulator::start().await.unwrap();
    let upstream = Upstream {
        model: "simulated-model".to_owned(),
        ..Upstream::of(&simulator, Protocol::Anthropic, "test")
    };
    let gateway = Gateway::start(&[upstream]).await;
    for name in ["simulated-model", "simulated-model-20260101"] {
        let mut body = Spoken::Messages.hello(false);
        body["model"] = json!(name);
        let answer = gateway.post("/v1/messages", &body).await;
        assert_eq!(answer.status, 200, "{}", answer.json());
        assert_eq!(answer.json()["model"], MODEL);
        assert_eq!(&*gateway.generation(&answer).await.unwrap().model_requested, name);
    }
    let mut body = Spoken::Messages.hello(false);
    body["model"] = json!("simulated-model-20260101-x");
    let unknown = gateway.post("/v1/messages", &body).await;
    assert_eq!(unknown.status, 400, "{}", unknown.json());
}

/// RESP-1: what would have to be kept is refused by name.
#[tokio::test]
async fn nothing_is_stored_for_the_responses_surface() {
    let (simulator, gateway) = one(Protocol::OpenAiResponses).await;
    for (member, value) in [("store", json!(true)), ("previous_response_id", json!("resp_1"))] {
        let mut body = Spoken::Responses.hello(false);
        body[member] = value;
        let refused = gateway.post("/api/v1/responses", &body).await;
        assert_eq!(refused.status, 400, "{member}");
        let (message, _) = Spoken::Responses.error(&refused.json());
        assert!(message.starts_with(member), "{message}");
    }
    assert!(simulator.calls().is_empty());
    let answer = gateway.post("/api/v1/responses", &Spoken::Responses.hello(false)).await;
    assert_eq!(answer.status, 200);
    assert_eq!(simulator.calls()[0].body["store"], false);
}

/// What chat completions had before tools works with providers of every protocol.
#[tokio::test]
async fn functions_of_old_clients_are_called_and_answered() {
    let function = json!({"name": "f", "parameters": {"type": "object", "properties": {}}});
    for protocol in [Protocol::OpenAi, Protocol::Anthropic, Protocol::Gemini] {
        let simulator = Simulator::start().await.unwrap();
        let gateway = Gateway::start(&[Upstream::of(&simulator, protocol, "one")]).await;
        for stream in [false, true] {
            let mut messages = json!([{"role": "user", "content": "hi"}]);
            let mut body = json!({"model": MODEL, "stream": stream, "functions": [function],
                "function_call": {"name": "f"}, "messages": messages});
            let answer = gateway.post("/v1/chat/completions", &body).await;
            assert_eq!(answer.status, 200, "{protocol:?}");
            let text = String::from_utf8_lossy(&answer.body);
            assert!(text.contains("\"function_call\":{\"name\":\"f\""), "{protocol:?} {text}");
            assert!(text.contains("\"finish_reason\":\"function_call\""), "{protocol:?} {text}");
            assert!(!text.contains("\"tool_calls\":"), "{protocol:?} {text}");
            let said = json!([
                {"role": "assistant", "content": null,
                    "function_call": {"name": "f", "arguments": "{}"}},
                {"role": "function", "name": "f", "content": "done"}]);
            messages.as_array_mut().unwrap().extend(said.as_array().unwrap().clone());
            body["messages"] = messages;
            body["function_call"] = json!("none");
            let answer = gateway.post("/v1/chat/completions", &body).await;
            assert_eq!(
                answer.status,
                200,
                "{protocol:?} {}",
                String::from_utf8_lossy(&answer.body)
            );
        }
    }
}
