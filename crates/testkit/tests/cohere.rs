//! The simulated Cohere, seen by a bare client.
#![allow(clippy::unwrap_used, reason = "a panic in a test is the report")]

mod client;

use client::{Answer, post, send};
use serde_json::{Value, json};
use testkit::{Outcome, Simulator, tokens};

const PATH: &str = "/cohere/v2/chat";

fn ask(text: &str) -> Value {
    json!({"model": "command-a", "messages": [{"role": "user", "content": text}]})
}

fn with(mut body: Value, more: Value) -> Value {
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

fn weather() -> Value {
    json!([
        {"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}},
        {"type": "function", "function": {"name": "get_time", "parameters": {"type": "object", "properties": {}}}}
    ])
}

async fn scripted(body: &Value, script: &str) -> Answer {
    let simulator = Simulator::start().await.unwrap();
    post(simulator.address(), PATH, &[("x-sim-script", script)], body).await
}

async fn chat(body: &Value) -> Answer {
    scripted(body, "").await
}

/// The events without ids, which differ from time to time.
fn outline(answer: &Answer) -> String {
    let mut lines = String::new();
    for mut event in answer.events() {
        event.as_object_mut().unwrap().remove("id");
        if let Some(call) =
            event.pointer_mut("/delta/message/tool_calls").and_then(Value::as_object_mut)
        {
            call.remove("id");
        }
        lines.push_str(&format!("{event}\n"));
    }
    lines
}

#[tokio::test]
async fn billed_units_are_not_the_tokens_the_model_saw() {
    let simulator = Simulator::start().await.unwrap();
    let answer = post(simulator.address(), PATH, &[], &ask("hi")).await;
    let body = answer.json();
    let text = "Hello from the simulated model command-a. You said: hi";
    assert_eq!(
        body["message"],
        json!({"role": "assistant", "content": [{"type": "text", "text": text}]})
    );
    assert_eq!(body["finish_reason"], "COMPLETE");
    let (input, output) = (tokens::MESSAGE_TOKENS + 1, tokens::count(text));
    assert_eq!(
        body["usage"],
        json!({
            "billed_units": {"input_tokens": input, "output_tokens": output},
            "tokens": {"input_tokens": input + tokens::COHERE_TEMPLATE_TOKENS, "output_tokens": output},
            "cached_tokens": 0,
        })
    );
    let calls = simulator.wait_until(|calls| calls[0].outcome != Outcome::Pending).await;
    assert_eq!((calls[0].usage.input, calls[0].usage.output), (input, output));
    assert_eq!(simulator.bill().answers[0].answer, body["id"].as_str().unwrap());
    let models = send(simulator.address(), "GET", "/cohere/v2/models", &[], "").await.json();
    assert!(models["models"][0]["name"].is_string());
}

#[tokio::test]
async fn a_stream_thinks_and_speaks() {
    let body = with(
        ask("hi"),
        json!({"stream": true, "thinking": {"type": "enabled"}, "documents": [{"id": "d", "data": {"text": "x"}}]}),
    );
    let answer = scripted(&body, "text=one two;chunks=1").await;
    let thought = "The user says: hi. I will answer plainly.";
    let usage = &answer.events().last().unwrap()["delta"]["usage"].clone();
    assert_eq!(
        outline(&answer),
        format!(
            r#"{{"delta":{{"message":{{"citations":[],"content":[],"role":"assistant","tool_calls":[],"tool_plan":""}}}},"type":"message-start"}}
{{"delta":{{"message":{{"content":{{"thinking":"","type":"thinking"}}}}}},"index":0,"type":"content-start"}}
{{"delta":{{"message":{{"content":{{"thinking":"{thought}"}}}}}},"index":0,"type":"content-delta"}}
{{"index":0,"type":"content-end"}}
{{"delta":{{"message":{{"content":{{"text":"","type":"text"}}}}}},"index":1,"type":"content-start"}}
{{"delta":{{"message":{{"content":{{"text":"one two"}}}}}},"index":1,"type":"content-delta"}}
{{"index":1,"type":"content-end"}}
{{"delta":{{"message":{{"citations":{{"end":7,"sources":[{{"document":{{"text":"x"}},"id":"d","type":"document"}}],"start":0,"text":"one two","type":"TEXT_CONTENT"}}}}}},"index":0,"type":"citation-start"}}
{{"index":0,"type":"citation-end"}}
{{"delta":{{"finish_reason":"COMPLETE","usage":{usage}}},"type":"message-end"}}
"#
        )
    );
    assert!(usage["billed_units"]["output_tokens"].as_u64().unwrap() > 10);
}

#[tokio::test]
async fn tools_are_planned_and_called() {
    let body = with(
        ask("use get_weather and get_time in Rome"),
        json!({"tools": weather(), "stream": true}),
    );
    let answer = scripted(&body, "chunks=1").await;
    let lines = outline(&answer);
    let lines: Vec<&str> = lines.lines().collect();
    assert_eq!(
        &lines[1..8],
        [
            r#"{"delta":{"message":{"tool_plan":"I will use get_weather and get_time."}},"type":"tool-plan-delta"}"#,
            r#"{"delta":{"message":{"tool_calls":{"function":{"arguments":"","name":"get_weather"},"type":"function"}}},"index":0,"type":"tool-call-start"}"#,
            r#"{"delta":{"message":{"tool_calls":{"function":{"arguments":"{\"city\":"}}}},"index":0,"type":"tool-call-delta"}"#,
            r#"{"delta":{"message":{"tool_calls":{"function":{"arguments":"\"Rome\"}"}}}},"index":0,"type":"tool-call-delta"}"#,
            r#"{"index":0,"type":"tool-call-end"}"#,
            r#"{"delta":{"message":{"tool_calls":{"function":{"arguments":"","name":"get_time"},"type":"function"}}},"index":1,"type":"tool-call-start"}"#,
            r#"{"delta":{"message":{"tool_calls":{"function":{"arguments":"null"}}}},"index":1,"type":"tool-call-delta"}"#,
        ]
    );
    assert!(lines.last().unwrap().contains("TOOL_CALL"));
    let mut again = with(body, json!({"stream": false}));
    let message = chat(&again).await.json()["message"].clone();
    assert!(message.get("content").is_none() && message["tool_plan"].is_string());
    let messages = again["messages"].as_array_mut().unwrap();
    let result = |place: usize, content: Value| json!({"role": "tool", "tool_call_id": message["tool_calls"][place]["id"], "content": content});
    messages.extend([
        message.clone(),
        result(0, json!([{"type": "document", "document": {"data": "sunny"}}])),
        result(1, json!("nine")),
    ]);
    let text =
        chat(&again).await.json()["message"]["content"][0]["text"].as_str().unwrap().to_owned();
    assert!(text.contains("sunny") && text.contains("nine"), "{text}");
    again["messages"].as_array_mut().unwrap().pop();
    assert!(chat(&again).await.json()["message"].as_str().unwrap().contains("tool calls without"));
}

#[tokio::test]
async fn what_the_vendor_refuses_is_refused() {
    for (body, status, message) in [
        (
            with(ask("x"), json!({"top_p": 0.5})),
            422,
            "unknown field: parameter 'top_p' is not a valid field",
        ),
        (
            with(ask("x"), json!({"tool_choice": "auto", "tools": weather()})),
            400,
            "invalid request: tool_choice must be one of",
        ),
        (
            with(ask("x"), json!({"tool_choice": "REQUIRED"})),
            400,
            "invalid request: tool_choice can only be given along with tools",
        ),
        (
            with(ask("x"), json!({"p": 1.0})),
            400,
            "invalid request: p must be between 0.01 and 0.99",
        ),
        (
            with(ask("x"), json!({"frequency_penalty": 1.5})),
            400,
            "invalid request: frequency_penalty must",
        ),
        (
            with(ask("x"), json!({"stop_sequences": ["a", "b", "c", "d", "e", "f"]})),
            400,
            "invalid request: stop_sequences",
        ),
        (
            with(ask("x"), json!({"response_format": {"type": "json_object"}, "tools": weather()})),
            400,
            "invalid request: response_format is not supported",
        ),
        (
            with(ask("x"), json!({"response_format": {"type": "json_schema"}})),
            400,
            "invalid request: response_format.type",
        ),
        (
            with(ask("x"), json!({"thinking": {"type": "on"}})),
            400,
            "invalid request: thinking.type",
        ),
        (
            with(ask("x"), json!({"messages": [{"role": "developer", "content": "x"}]})),
            400,
            "invalid request: messages[0].role",
        ),
        (
            with(
                ask("x"),
                json!({"messages": [{"role": "user", "content": "x"}, {"role": "assistant"}]}),
            ),
            400,
            "invalid request: messages[1] of the assistant must have content or tool_calls",
        ),
        (
            with(
                ask("x"),
                json!({"messages": [{"role": "tool", "tool_call_id": "c", "content": "x"}]}),
            ),
            400,
            "invalid request: messages[0].tool_call_id",
        ),
        (
            with(ask("x"), json!({"messages": [{"role": "user", "content": "x", "name": "me"}]})),
            422,
            "unknown field: parameter 'messages[0].name'",
        ),
    ] {
        let answer = chat(&body).await;
        assert_eq!(answer.status, status, "{body}");
        let stated = answer.json();
        let stated = stated["message"].as_str().unwrap();
        assert!(stated.starts_with(message), "{stated}");
    }
    let simulator = Simulator::builder().require_key("secret").start().await.unwrap();
    let answer = post(simulator.address(), PATH, &[], &ask("x")).await;
    assert_eq!((answer.status, &answer.json()["message"]), (401, &json!("no api key supplied")));
}

#[tokio::test]
async fn faults_limits_and_forms_work() {
    let body = with(ask("hi"), json!({"stream": true}));
    let failed = scripted(&body, "fault=error:2:500;message=boom").await.events();
    assert_eq!(failed.last().unwrap()["delta"], json!({"error": "boom", "finish_reason": "ERROR"}));
    let cut = scripted(&body, "fault=truncate:1").await;
    assert!(cut.complete && !cut.text().contains("message-end"));
    assert!(scripted(&body, "fault=malformed:1").await.text().contains("not json"));
    assert!(scripted(&body, "fault=reset:1").await.reset);
    assert_eq!(scripted(&body, "fault=status:429").await.status, 429);
    let empty = scripted(&ask("hi"), "fault=empty").await.json();
    assert_eq!((&empty["message"]["content"], &empty["finish_reason"]), (&json!([]), &Value::Null));
    let short = chat(&with(ask("hi"), json!({"max_tokens": 2}))).await.json();
    assert_eq!(short["finish_reason"], "MAX_TOKENS");
    let stopped = chat(&with(ask("hi"), json!({"stop_sequences": ["from"]}))).await.json();
    assert_eq!(stopped["finish_reason"], "STOP_SEQUENCE");
    let schema = json!({"type": "object", "properties": {"city": {"type": "string"}}});
    let formed = chat(&with(
        ask("Rome"),
        json!({"response_format": {"type": "json_object", "json_schema": schema}}),
    ))
    .await;
    assert_eq!(formed.json()["message"]["content"][0]["text"], r#"{"city":"Rome"}"#);
}
