//! The simulated Bedrock, seen by a bare client.
#![allow(clippy::unwrap_used, reason = "a panic in a test is the report")]

mod client;

use client::{Answer, post};
use serde_json::{Value, json};
use testkit::{Outcome, Simulator, tokens};

const CLAUDE: &str = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";
const TOKEN: (&str, &str) = ("authorization", "Bearer token");

fn path(model: &str, verb: &str) -> String {
    format!("/bedrock/model/{}/{verb}", model.replace(':', "%3A").replace('/', "%2F"))
}

fn ask(text: &str) -> Value {
    json!({"messages": [{"role": "user", "content": [{"text": text}]}]})
}

fn with(mut body: Value, more: Value) -> Value {
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

fn weather() -> Value {
    json!({"tools": [
        {"toolSpec": {"name": "get_weather", "inputSchema": {"json": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}}},
        {"toolSpec": {"name": "get_time", "inputSchema": {"json": {"type": "object", "properties": {}}}}}
    ]})
}

fn thinking() -> Value {
    json!({"thinking": {"type": "enabled", "budget_tokens": 1024}})
}

async fn converse(model: &str, body: &Value) -> Answer {
    let simulator = Simulator::start().await.unwrap();
    post(simulator.address(), &path(model, "converse"), &[TOKEN], body).await
}

async fn streamed(model: &str, body: &Value, script: &str) -> Answer {
    let simulator = Simulator::start().await.unwrap();
    let headers = [TOKEN, ("x-sim-script", script)];
    post(simulator.address(), &path(model, "converse-stream"), &headers, body).await
}

/// A frame as the specification describes it.
struct Frame {
    headers: Vec<(String, String)>,
    payload: Vec<u8>,
}

impl Frame {
    fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.payload).unwrap()
    }
}

/// Reads whole frames, checking lengths and checksums, and returns what is left over.
fn frames(mut bytes: &[u8]) -> (Vec<Frame>, &[u8]) {
    let sum = |bytes: &[u8]| {
        let mut sum = flate2::Crc::new();
        sum.update(bytes);
        sum.sum()
    };
    let word = |bytes: &[u8], at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
    let mut frames = Vec::new();
    while bytes.len() >= 12 {
        let (total, headers) = (word(bytes, 0) as usize, word(bytes, 4) as usize);
        assert_eq!(word(bytes, 8), sum(&bytes[..8]), "checksum of the lengths");
        if bytes.len() < total {
            break;
        }
        let (frame, rest) = bytes.split_at(total);
        assert_eq!(word(frame, total - 4), sum(&frame[..total - 4]), "checksum of the frame");
        let mut head = &frame[12..12 + headers];
        let mut read = Vec::new();
        while let Some((length, after)) = head.split_first() {
            let (name, after) = after.split_at(usize::from(*length));
            assert_eq!(after[0], 7, "a text");
            let length = usize::from(u16::from_be_bytes([after[1], after[2]]));
            let (value, after) = after[3..].split_at(length);
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
            read.push((text(name), text(value)));
            head = after;
        }
        let payload = frame[12 + headers..total - 4].to_vec();
        frames.push(Frame { headers: read, payload });
        bytes = rest;
    }
    (frames, bytes)
}

/// One line for each frame: its name and its payload without the padding.
fn outline(answer: &Answer) -> String {
    let (frames, rest) = frames(&answer.body);
    assert!(rest.is_empty());
    let mut lines = String::new();
    for frame in frames {
        let mut payload = frame.json();
        assert!(payload.as_object_mut().unwrap().remove("p").is_some_and(|p| p.is_string()));
        lines.push_str(&format!("{} {payload}\n", frame.header(":event-type")));
    }
    lines
}

#[tokio::test]
async fn a_plain_answer_echoes_and_counts() {
    let simulator = Simulator::start().await.unwrap();
    let url = path("amazon.nova-pro-v1:0", "converse");
    let body = with(ask("hi"), json!({"system": [{"text": "be kind"}]}));
    let answer = post(simulator.address(), &url, &[TOKEN], &body).await;
    let text = "Hello from the simulated model amazon.nova-pro-v1:0. You said: hi";
    let input = 2 * tokens::MESSAGE_TOKENS + tokens::count("be kind") + tokens::count("hi");
    let output = tokens::count(text);
    assert_eq!(
        answer.json(),
        json!({
            "output": {"message": {"role": "assistant", "content": [{"text": text}]}},
            "stopReason": "end_turn",
            "usage": {"inputTokens": input, "outputTokens": output, "totalTokens": input + output, "cacheReadInputTokens": 0, "cacheWriteInputTokens": 0},
            "metrics": {"latencyMs": 42},
        })
    );
    assert!(answer.header("x-amzn-requestid").is_some());
    let calls = simulator.wait_until(|calls| calls[0].outcome != Outcome::Pending).await;
    assert_eq!((calls[0].usage.input, calls[0].usage.output), (input, output));
    assert_eq!(calls[0].model, "amazon.nova-pro-v1:0");
    let count = json!({"input": {"converse": ask("hi")}});
    let url = path("amazon.nova-pro-v1:0", "count-tokens");
    let counted = post(simulator.address(), &url, &[TOKEN], &count).await;
    assert_eq!(counted.json(), json!({"inputTokens": tokens::MESSAGE_TOKENS + 1}));
    let profile = post(simulator.address(), &path(CLAUDE, "count-tokens"), &[TOKEN], &count).await;
    assert_eq!(profile.status, 400);
}

#[tokio::test]
async fn a_stream_is_made_of_frames() {
    let body = with(
        ask("use get_time"),
        json!({"toolConfig": weather(), "additionalModelRequestFields": thinking(), "inferenceConfig": {"maxTokens": 2000}}),
    );
    let answer = streamed(CLAUDE, &body, "chunks=1").await;
    assert_eq!(answer.header("content-type"), Some("application/vnd.amazon.eventstream"));
    let lines = outline(&answer);
    let kinds: Vec<&str> = lines.lines().map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(
        kinds,
        [
            "messageStart",
            "contentBlockDelta",
            "contentBlockDelta",
            "contentBlockStop",
            "contentBlockDelta",
            "contentBlockStop",
            "contentBlockStart",
            "contentBlockDelta",
            "contentBlockStop",
            "messageStop",
            "metadata"
        ]
    );
    let lines: Vec<&str> = lines.lines().collect();
    assert_eq!(lines[0], r#"messageStart {"role":"assistant"}"#);
    assert_eq!(
        lines[1],
        r#"contentBlockDelta {"contentBlockIndex":0,"delta":{"reasoningContent":{"text":"The user says: use get_time. I will answer plainly."}}}"#
    );
    assert!(lines[2].contains(r#"{"reasoningContent":{"signature":""#));
    assert_eq!(
        lines[4],
        r#"contentBlockDelta {"contentBlockIndex":1,"delta":{"text":"I will use get_time."}}"#
    );
    assert!(lines[6].starts_with(r#"contentBlockStart {"contentBlockIndex":2,"start":{"toolUse":{"name":"get_time","toolUseId":"tooluse_"#));
    assert_eq!(
        lines[7],
        r#"contentBlockDelta {"contentBlockIndex":2,"delta":{"toolUse":{"input":""}}}"#
    );
    assert_eq!(lines[9], r#"messageStop {"stopReason":"tool_use"}"#);
    assert!(lines[10].contains("\"outputTokens\""));
}

#[tokio::test]
async fn results_and_signed_reasoning_come_back() {
    let question = with(
        ask("use get_weather and get_time in Rome"),
        json!({"toolConfig": weather(), "additionalModelRequestFields": thinking(), "inferenceConfig": {"maxTokens": 2000}}),
    );
    let answer = converse(CLAUDE, &question).await.json();
    assert_eq!(answer["stopReason"], "tool_use");
    let message = answer["output"]["message"].clone();
    let id = |place: usize| message["content"][place]["toolUse"]["toolUseId"].clone();
    assert_eq!(message["content"][2]["toolUse"]["input"], json!({"city": "Rome"}));
    let result =
        |id: Value, content: Value| json!({"toolResult": {"toolUseId": id, "content": [content]}});
    let mut again = question.clone();
    let results =
        [result(id(2), json!({"text": "sunny"})), result(id(3), json!({"json": {"h": 9}}))];
    again["messages"]
        .as_array_mut()
        .unwrap()
        .extend([message, json!({"role": "user", "content": results})]);
    let text =
        converse(CLAUDE, &again).await.json()["output"]["message"]["content"][1]["text"].clone();
    let text = text.as_str().unwrap();
    assert!(
        text.contains("The tool said: sunny") && text.contains("The tool said: {\"h\":9}"),
        "{text}"
    );
    for (change, message) in [
        (
            (|body: &mut Value| {
                body["messages"][1]["content"][0]["reasoningContent"]["reasoningText"]["text"] =
                    "other".into()
            }) as fn(&mut Value),
            "Invalid `signature` in `thinking` block",
        ),
        (
            |body| {
                body["messages"][1]["content"][0]["reasoningContent"]["reasoningText"]
                    .as_object_mut()
                    .unwrap()
                    .remove("signature");
            },
            "thinking.signature: Field required",
        ),
        (
            |body| {
                body["messages"][1]["content"].as_array_mut().unwrap().remove(0);
            },
            "Expected `thinking`",
        ),
        (
            |body| {
                body["messages"][2]["content"].as_array_mut().unwrap().remove(1);
            },
            "Expected toolResult blocks at messages.2.content for the following Ids: tooluse_",
        ),
        (
            |body| {
                body.as_object_mut().unwrap().remove("toolConfig");
            },
            "The toolConfig field must be defined",
        ),
        (
            |body| body["messages"][2]["content"][0]["toolResult"]["toolUseId"] = "other".into(),
            "exceeds the number of toolUse blocks",
        ),
    ] {
        let mut body = again.clone();
        change(&mut body);
        let answer = converse(CLAUDE, &body).await;
        assert_eq!(answer.status, 400);
        assert_eq!(
            answer.header("x-amzn-errortype").unwrap().split(':').next(),
            Some("ValidationException")
        );
        let stated = answer.json()["message"].as_str().unwrap().to_owned();
        assert!(stated.contains(message), "{stated}");
    }
}

#[tokio::test]
async fn cache_points_split_the_usage() {
    let simulator = Simulator::start().await.unwrap();
    let body = json!({
        "system": [{"text": "a long system prompt"}, {"cachePoint": {"type": "default"}}],
        "messages": [{"role": "user", "content": [{"text": "hi"}]}],
    });
    let url = path(CLAUDE, "converse");
    let system = tokens::MESSAGE_TOKENS + tokens::count("a long system prompt");
    let first = post(simulator.address(), &url, &[TOKEN], &body).await.json();
    assert_eq!(first["usage"]["cacheWriteInputTokens"], system);
    assert_eq!(first["usage"]["cacheDetails"], json!([{"ttl": "5m", "inputTokens": system}]));
    let second = post(simulator.address(), &url, &[TOKEN], &body).await.json();
    assert_eq!(second["usage"]["cacheReadInputTokens"], system);
    assert_eq!(second["usage"]["inputTokens"], tokens::MESSAGE_TOKENS + 1);
    let refused =
        post(simulator.address(), &path("meta.llama4-v1:0", "converse"), &[TOKEN], &body).await;
    assert_eq!(refused.status, 403);
    let first = json!({"system": [{"cachePoint": {"type": "default"}}, {"text": "x"}], "messages": body["messages"]});
    let misplaced = post(simulator.address(), &url, &[TOKEN], &first).await;
    assert!(misplaced.json()["message"].as_str().unwrap().contains("cannot be the first block"));
}

#[tokio::test]
async fn what_the_vendor_refuses_is_refused() {
    let talk = |messages: Value| json!({"messages": messages});
    let user = |content: Value| json!({"role": "user", "content": content});
    let tool = |name: &str| json!({"toolConfig": {"tools": [{"toolSpec": {"name": name, "inputSchema": {"json": {"type": "object"}}}}]}});
    for (model, body, message) in [
        ("x.y", talk(json!([])), "Value '[]' at 'messages'"),
        (
            "x.y",
            with(ask("x"), json!({"stream": true})),
            "The field stream at the request is not known",
        ),
        ("x.y", talk(json!([user(json!([{"text": " "}]))])), "is blank. Add text"),
        (
            "x.y",
            talk(json!([user(json!([{"text": "a"}])), user(json!([{"text": "b"}]))])),
            "roles must alternate",
        ),
        (
            "x.y",
            talk(json!([{"role": "assistant", "content": [{"text": "x"}]}])),
            "must start with a user message",
        ),
        (
            "x.y",
            talk(
                json!([user(json!([{"text": "a"}])), {"role": "assistant", "content": [{"text": "b"}]}]),
            ),
            "must end with a user message",
        ),
        (
            "x.y",
            with(ask("x"), json!({"inferenceConfig": {"temperature": 1.5}})),
            "less than or equal to 1",
        ),
        (
            "x.y",
            with(ask("x"), json!({"inferenceConfig": {"maxTokens": 0}})),
            "greater than or equal to 1",
        ),
        ("x.y", with(ask("x"), json!({"inferenceConfig": {"topK": 1}})), "The field topK"),
        (
            "x.y",
            with(ask("x"), json!({"additionalModelRequestFields": {"seed": 1}})),
            "extraneous key [seed]",
        ),
        (
            "anthropic.claude-opus-4-7",
            with(ask("x"), json!({"inferenceConfig": {"temperature": 0.5}})),
            "`temperature` is deprecated for this model.",
        ),
        ("x.y", with(ask("x"), tool("a.b")), "pattern: [a-zA-Z0-9_-]+"),
        (
            "x.y",
            with(ask("x"), json!({"toolConfig": {"tools": []}})),
            "Value '[]' at 'toolConfig.tools'",
        ),
        (
            "meta.llama",
            with(
                ask("x"),
                with(
                    tool("f"),
                    json!({"toolConfig": {"tools": tool("f")["toolConfig"]["tools"], "toolChoice": {"any": {}}}}),
                ),
            ),
            "doesn't support the toolConfig.toolChoice.any field",
        ),
        (
            "x.y",
            talk(json!([user(json!([{"image": {"format": "bmp", "source": {"bytes": "AA=="}}}]))])),
            "enum value set: [png, jpeg",
        ),
        (
            "x.y",
            talk(json!([user(
                json!([{"document": {"format": "pdf", "name": "a", "source": {"bytes": "AA=="}}}])
            )])),
            "must have a text block too",
        ),
        (
            "x.y",
            talk(json!([user(
                json!([{"text": "x"}, {"document": {"format": "pdf", "name": "a.pdf", "source": {"bytes": "AA=="}}}])
            )])),
            "can only contain alphanumeric",
        ),
        (
            "openai.gpt-oss",
            talk(
                json!([user(json!([{"text": "x"}])), {"role": "assistant", "content": [{"reasoningContent": {"reasoningText": {"text": "t", "signature": "s"}}}, {"text": "y"}]}, user(json!([{"text": "z"}]))]),
            ),
            "doesn't support the reasoningContent.reasoningText.signature field",
        ),
    ] {
        let answer = converse(model, &body).await;
        assert_eq!(answer.status, 400, "{body}");
        let stated = answer.json()["message"].as_str().unwrap().to_owned();
        assert!(stated.contains(message), "{stated}");
    }
    let simulator = Simulator::start().await.unwrap();
    let bare = post(simulator.address(), &path(CLAUDE, "converse"), &[], &ask("x")).await;
    assert_eq!(bare.status, 403);
}

#[tokio::test]
async fn exceptions_and_other_faults_strike_the_stream() {
    for (status, kind) in [
        (429, "throttlingException"),
        (500, "internalServerException"),
        (503, "serviceUnavailableException"),
        (424, "modelStreamErrorException"),
        (400, "validationException"),
    ] {
        let answer =
            streamed(CLAUDE, &ask("hi"), &format!("fault=error:2:{status};message=boom")).await;
        let (frames, rest) = frames(&answer.body);
        let last = frames.last().unwrap();
        assert!(rest.is_empty() && frames.len() == 4);
        assert_eq!(
            (last.header(":message-type"), last.header(":exception-type")),
            ("exception", kind)
        );
        assert_eq!(last.json(), json!({"message": "boom"}));
    }
    let malformed = streamed(CLAUDE, &ask("hi"), "fault=malformed:1").await;
    let (read, _) = frames(&malformed.body);
    let broken = |frame: &&Frame| serde_json::from_slice::<Value>(&frame.payload).is_err();
    assert_eq!(read.iter().filter(broken).count(), 1);
    assert_eq!(read.last().unwrap().header(":event-type"), "metadata");
    let half = streamed(CLAUDE, &ask("hi"), "fault=half:1").await;
    assert!(half.complete && !frames(&half.body).1.is_empty());
    let cut = streamed(CLAUDE, &ask("hi"), "fault=truncate:1").await;
    assert_eq!(frames(&cut.body).0.last().unwrap().header(":event-type"), "contentBlockDelta");
    assert!(streamed(CLAUDE, &ask("hi"), "fault=reset:1").await.reset);
    let dripped = streamed(CLAUDE, &ask("hi"), "split=7").await;
    assert!(dripped.chunks.iter().all(|size| *size <= 7) && frames(&dripped.body).1.is_empty());
    let throttled = streamed(CLAUDE, &ask("hi"), "fault=status:429").await;
    assert_eq!(throttled.status, 429);
    assert!(throttled.header("x-amzn-errortype").unwrap().starts_with("ThrottlingException:"));
    assert_eq!(throttled.header("content-type"), Some("application/json"));
    let refused = outline(&streamed(CLAUDE, &ask("hi"), "fault=refusal").await);
    assert!(refused.contains("messageStop {\"stopReason\":\"content_filtered\"}"));
    let simulator = Simulator::start().await.unwrap();
    let url = path("bench-20-0", "converse-stream");
    let canned = post(simulator.address(), &url, &[TOKEN], &ask("hi")).await;
    assert_eq!(frames(&canned.body).0.len(), 24);
}

#[tokio::test]
async fn models_differ_by_their_makers() {
    let nova = with(
        ask("hi"),
        json!({"additionalModelRequestFields": {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "low"}}}),
    );
    let answer = converse("amazon.nova-2-lite-v1:0", &nova).await.json();
    let reasoning = &answer["output"]["message"]["content"][0]["reasoningContent"]["reasoningText"];
    assert!(reasoning["text"].is_string() && reasoning.get("signature").is_none());
    let called = with(ask("use get_time"), json!({"toolConfig": weather()}));
    let answer = converse("mistral.large", &called).await.json();
    let id = answer["output"]["message"]["content"][0]["toolUse"]["toolUseId"].as_str().unwrap();
    assert_eq!(id.len(), 9);
    let none =
        with(called, json!({"additionalModelRequestFields": {"tool_choice": {"type": "none"}}}));
    assert_eq!(converse(CLAUDE, &none).await.json()["stopReason"], "end_turn");
    let schema = json!({"type": "object", "properties": {"city": {"type": "string"}}}).to_string();
    let formed = with(
        ask("Rome"),
        json!({"outputConfig": {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": {"name": "place", "schema": schema}}}}}),
    );
    let answer = converse(CLAUDE, &formed).await.json();
    assert_eq!(answer["output"]["message"]["content"][0]["text"], r#"{"city":"Rome"}"#);
}
