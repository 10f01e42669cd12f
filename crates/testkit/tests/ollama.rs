//! The simulated Ollama, seen by a bare client.
#![allow(clippy::unwrap_used, reason = "a panic in a test is the report")]

mod client;

use client::{Answer, post, send};
use serde_json::{Value, json};
use testkit::{Outcome, Protocol, Simulator, embedding, tokens};

const PATH: &str = "/ollama/api/chat";

fn ask(text: &str) -> Value {
    json!({"model": "qwen3", "stream": false, "messages": [{"role": "user", "content": text}]})
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

fn lines(answer: &Answer) -> Vec<Value> {
    answer.text().lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// The lines without the time, which differs.
fn outline(answer: &Answer) -> String {
    let mut all = String::new();
    for mut line in lines(answer) {
        assert!(line.as_object_mut().unwrap().remove("created_at").is_some());
        all.push_str(&format!("{line}\n"));
    }
    all
}

#[tokio::test]
async fn it_streams_unless_told_not_to() {
    let simulator = Simulator::start().await.unwrap();
    let whole = post(simulator.address(), PATH, &[], &ask("hi")).await.json();
    let text = "Hello from the simulated model qwen3. You said: hi";
    assert_eq!(whole["message"], json!({"role": "assistant", "content": text}));
    assert_eq!((&whole["done"], &whole["done_reason"]), (&json!(true), &json!("stop")));
    assert_eq!(whole["prompt_eval_count"], tokens::MESSAGE_TOKENS + 1);
    assert_eq!(whole["eval_count"], tokens::count(text));
    let calls = simulator.wait_until(|calls| calls[0].outcome != Outcome::Pending).await;
    assert_eq!(calls[0].usage.output, tokens::count(text));
    let mut body = ask("hi");
    body.as_object_mut().unwrap().remove("stream");
    let streamed = scripted(&body, "text=one two;chunks=1").await;
    assert_eq!(streamed.header("content-type"), Some("application/x-ndjson"));
    assert_eq!(
        outline(&streamed),
        r#"{"done":false,"message":{"content":"one two","role":"assistant"},"model":"qwen3"}
{"done":true,"done_reason":"stop","eval_count":2,"eval_duration":1000000,"load_duration":1000000,"message":{"content":"","role":"assistant"},"model":"qwen3","prompt_eval_count":5,"prompt_eval_duration":1000000,"total_duration":1000000}
"#
    );
}

#[tokio::test]
async fn thinking_and_tools_come_in_lines() {
    let body = with(
        ask("use get_weather and get_time in Rome"),
        json!({"stream": true, "think": true, "tools": weather()}),
    );
    let read = lines(&scripted(&body, "chunks=1").await);
    assert_eq!(
        read[0]["message"]["thinking"],
        "The user says: use get_weather and get_time in Rome. I will answer plainly."
    );
    let call = &read[1]["message"]["tool_calls"][0];
    assert!(call["id"].as_str().unwrap().starts_with("call_"));
    assert_eq!(
        call["function"],
        json!({"index": 0, "name": "get_weather", "arguments": {"city": "Rome"}})
    );
    assert_eq!(read[2]["message"]["tool_calls"][0]["function"]["arguments"], json!({}));
    assert_eq!(read[3]["done_reason"], "stop");
    let old =
        chat(&with(ask("use get_time"), json!({"model": "old", "tools": weather()}))).await.json();
    assert!(old["message"]["tool_calls"][0].get("id").is_none());
    let mut again = with(body, json!({"stream": false}));
    let message = chat(&again).await.json()["message"].clone();
    again["messages"].as_array_mut().unwrap().extend([
        message,
        json!({"role": "tool", "tool_name": "get_weather", "content": "sunny"}),
        json!({"role": "tool", "tool_name": "get_time", "content": "nine"}),
    ]);
    let text = chat(&again).await.json()["message"]["content"].as_str().unwrap().to_owned();
    assert!(text.contains("sunny") && text.contains("nine"), "{text}");
}

#[tokio::test]
async fn what_the_server_refuses_is_refused() {
    let user = |message: Value| with(ask("x"), json!({"messages": [message]}));
    for (body, message) in [
        (json!({"messages": []}), "model is required"),
        (
            user(json!({"role": "user", "content": [{"type": "text", "text": "x"}]})),
            "json: cannot unmarshal array into Go struct field ChatRequest.messages.content of type string",
        ),
        (user(json!({"role": "developer", "content": "x"})), "invalid role: \"developer\""),
        (
            user(json!({"role": "user", "content": "x", "images": ["data:image/png;base64,AA=="]})),
            "illegal base64 data at input byte 4",
        ),
        (
            user(
                json!({"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "{}"}}]}),
            ),
            "json: cannot unmarshal string into Go struct field ChatRequest.messages.tool_calls.function.arguments",
        ),
        (with(ask("x"), json!({"format": "xml"})), "invalid format: \"xml\""),
        (with(ask("x"), json!({"think": "much"})), "invalid think value: \"much\""),
        (
            with(ask("x"), json!({"options": {"num_predict": "9"}})),
            "option \"num_predict\" must be of type integer",
        ),
        (
            with(ask("x"), json!({"model": "gemma3", "tools": weather()})),
            "registry.ollama.ai/library/gemma3 does not support tools",
        ),
        (
            with(ask("x"), json!({"model": "llama3.2", "think": true})),
            "\"llama3.2\" does not support thinking",
        ),
    ] {
        let answer = chat(&body).await;
        assert_eq!(answer.status, 400, "{body}");
        let stated = answer.json();
        let stated = stated["error"].as_str().unwrap();
        assert!(stated.starts_with(message), "{stated}");
    }
    // What is not known is passed over, as the server does.
    assert_eq!(chat(&with(ask("x"), json!({"tool_choice": "auto"}))).await.status, 200);
}

#[tokio::test]
async fn options_faults_and_the_other_paths_work() {
    let body = with(ask("hi"), json!({"stream": true}));
    let failed = lines(&scripted(&body, "fault=error:2:500;message=boom").await);
    assert_eq!(failed[2], json!({"error": "boom"}));
    let cut = scripted(&body, "fault=truncate:1").await;
    assert!(cut.complete && !cut.text().contains("\"done\":true"));
    assert!(scripted(&body, "fault=malformed:1").await.text().contains("not json"));
    let half = scripted(&body, "fault=half:1").await;
    assert!(!half.text().ends_with('\n'));
    assert!(scripted(&body, "fault=reset:1").await.reset);
    let busy = scripted(&body, "fault=status:503").await;
    assert!(busy.json()["error"].as_str().unwrap().starts_with("server busy"));
    let empty = scripted(&ask("hi"), "fault=empty").await.json();
    assert!(empty.get("done_reason").is_none() && empty["message"]["content"] == "");
    let short = chat(&with(ask("hi"), json!({"options": {"num_predict": 2}}))).await.json();
    assert_eq!((&short["done_reason"], &short["eval_count"]), (&json!("length"), &json!(2)));
    let cut =
        chat(&with(ask(&"word ".repeat(100)), json!({"options": {"num_ctx": 16}}))).await.json();
    assert_eq!(cut["prompt_eval_count"], 16);
    let loaded = chat(&json!({"model": "qwen3", "messages": [], "stream": false})).await.json();
    assert_eq!(
        (&loaded["done_reason"], &loaded["message"]["content"]),
        (&json!("load"), &json!(""))
    );
    let schema = json!({"type": "object", "properties": {"city": {"type": "string"}}});
    let formed = chat(&with(ask("Rome"), json!({"format": schema}))).await.json();
    assert_eq!(formed["message"]["content"], r#"{"city":"Rome"}"#);

    let simulator = Simulator::builder().models(["a"]).start().await.unwrap();
    let tags = send(simulator.address(), "GET", "/ollama/api/tags", &[], "").await.json();
    assert_eq!(tags["models"][0]["name"], "a");
    let url = format!("{}/embed", Protocol::Ollama.base_path());
    let vectors = post(
        simulator.address(),
        &url,
        &[],
        &json!({"model": "e", "input": "hi", "dimensions": 8}),
    )
    .await;
    let vector: Vec<f32> = serde_json::from_value(vectors.json()["embeddings"][0].clone()).unwrap();
    assert_eq!(vector, embedding("hi", 8));
    let canned = post(simulator.address(), PATH, &[], &json!({"model": "bench-20-0"})).await;
    assert_eq!(lines(&canned).len(), 21);
}
