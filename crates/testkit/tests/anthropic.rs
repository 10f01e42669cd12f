//! The simulated Anthropic, seen by a bare client.
#![allow(clippy::unwrap_used, reason = "a panic in a test is the report")]

mod client;

use client::{Answer, post, send};
use serde_json::{Value, json};
use testkit::{Script, Simulator, UsageMode, tokens};

const PATH: &str = "/anthropic/v1/messages";
const VERSION: (&str, &str) = ("anthropic-version", "2023-06-01");

fn ask(text: &str) -> Value {
    json!({"model": "claude-sim", "max_tokens": 4096, "messages": [{"role": "user", "content": text}]})
}

fn with(mut body: Value, more: Value) -> Value {
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

fn weather() -> Value {
    json!([
        {"name": "get_weather", "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}},
        {"name": "get_time", "input_schema": {"type": "object", "properties": {}}}
    ])
}

async fn message(body: &Value) -> Answer {
    let simulator = Simulator::start().await.unwrap();
    post(simulator.address(), PATH, &[VERSION], body).await
}

#[tokio::test]
async fn a_plain_answer_has_the_form_of_a_message() {
    let answer = message(&ask("hi there")).await;
    assert!(answer.header("request-id").unwrap().starts_with("req_"));
    let body = answer.json();
    assert_eq!((&body["type"], &body["role"]), (&json!("message"), &json!("assistant")));
    assert_eq!(body["stop_reason"], "end_turn");
    let text = body["content"][0]["text"].as_str().unwrap();
    assert_eq!(text, "Hello from the simulated model claude-sim. You said: hi there");
    assert_eq!(body["usage"]["input_tokens"], tokens::MESSAGE_TOKENS + tokens::count("hi there"));
    assert_eq!(body["usage"]["output_tokens"], tokens::count(text));
}

#[tokio::test]
async fn a_stream_counts_cumulatively_from_start_to_stop() {
    let answer = message(&with(ask("hi"), json!({"stream": true}))).await;
    let events = answer.events();
    let kinds: Vec<&str> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(kinds[..3], ["message_start", "content_block_start", "ping"]);
    assert_eq!(kinds[kinds.len() - 3..], ["content_block_stop", "message_delta", "message_stop"]);
    assert_eq!(events[0]["message"]["usage"]["output_tokens"], 1);
    assert_eq!(events[0]["message"]["usage"]["input_tokens"], 5);
    let text: String = events.iter().filter_map(|event| event["delta"]["text"].as_str()).collect();
    let delta = &events[events.len() - 2];
    assert_eq!(delta["usage"]["output_tokens"], tokens::count(&text));
    assert_eq!(delta["delta"]["stop_reason"], "end_turn");
    assert!(answer.text().starts_with("event: message_start\ndata: "));

    let simulator = Simulator::start().await.unwrap();
    simulator.push(Script::new().usage(UsageMode::Missing));
    let body = with(ask("hi"), json!({"stream": true}));
    let answer = post(simulator.address(), PATH, &[VERSION], &body).await;
    assert!(!answer.text().contains("usage"));
    simulator.push(Script::new().usage(UsageMode::EveryChunk));
    let answer = post(simulator.address(), PATH, &[VERSION], &body).await;
    assert!(answer.text().matches("event: message_delta").count() > 5);
}

#[tokio::test]
async fn limits_and_stop_sequences_name_their_reason() {
    let body = message(&with(ask("hi"), json!({"max_tokens": 2}))).await.json();
    assert_eq!(
        (&body["stop_reason"], &body["usage"]["output_tokens"]),
        (&json!("max_tokens"), &json!(2))
    );
    let body = message(&with(ask("hi"), json!({"stop_sequences": ["simulated"]}))).await.json();
    assert_eq!(
        (&body["stop_reason"], &body["stop_sequence"]),
        (&json!("stop_sequence"), &json!("simulated"))
    );
}

#[tokio::test]
async fn tools_are_called_after_a_word_and_their_results_quoted() {
    let question = with(ask("use get_weather and get_time in Paris"), json!({"tools": weather()}));
    let body = message(&question).await.json();
    assert_eq!(body["stop_reason"], "tool_use");
    let content = body["content"].as_array().unwrap();
    assert_eq!(content[0]["type"], "text");
    assert_eq!(
        (&content[1]["name"], &content[1]["input"]),
        (&json!("get_weather"), &json!({"city": "Paris"}))
    );
    let mut next = question.clone();
    let messages = next["messages"].as_array_mut().unwrap();
    messages.push(json!({"role": "assistant", "content": content}));
    messages.push(json!({"role": "user", "content": [
        {"type": "tool_result", "tool_use_id": content[1]["id"], "content": "sunny"},
        {"type": "tool_result", "tool_use_id": content[2]["id"], "content": [{"type": "text", "text": "noon"}]},
    ]}));
    let text = message(&next).await.json()["content"][0]["text"].to_string();
    assert!(text.contains("sunny") && text.contains("noon"), "{text}");

    let events = message(&with(question, json!({"stream": true}))).await.events();
    let of = |index: u64| -> String {
        events
            .iter()
            .filter(|event| event["index"] == index)
            .filter_map(|event| event["delta"]["partial_json"].as_str())
            .collect()
    };
    assert_eq!((of(1), of(2)), ("{\"city\":\"Paris\"}".to_owned(), String::new()));
}

#[tokio::test]
async fn structured_output_comes_natively_and_by_a_forced_tool() {
    let schema =
        json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]});
    let native = json!({"output_config": {"format": {"type": "json_schema", "schema": schema}}});
    let body = message(&with(ask("Paris"), native)).await.json();
    assert_eq!(body["content"][0]["text"], "{\"city\":\"Paris\"}");
    let forced = json!({"tools": [{"name": "json", "input_schema": schema}], "tool_choice": {"type": "tool", "name": "json"}});
    let body = message(&with(ask("Paris"), forced)).await.json();
    assert_eq!(body["content"][0]["input"], json!({"city": "Paris"}));
}

#[tokio::test]
async fn thinking_is_signed_and_must_come_back_unaltered() {
    let thinking =
        json!({"thinking": {"type": "enabled", "budget_tokens": 1024}, "tools": weather()});
    let question = with(ask("use get_weather in Paris"), thinking);
    let body = message(&question).await.json();
    let content = body["content"].as_array().unwrap();
    assert_eq!(content[0]["type"], "thinking");
    assert!(body["usage"]["output_tokens_details"]["thinking_tokens"].as_u64().unwrap() > 0);

    let events = message(&with(question.clone(), json!({"stream": true}))).await.events();
    let signature = events.iter().find_map(|event| event["delta"]["signature"].as_str()).unwrap();
    assert_eq!(signature, content[0]["signature"]);

    let replay = |content: Vec<Value>| {
        let id = content.last().unwrap()["id"].clone();
        let mut next = question.clone();
        let messages = next["messages"].as_array_mut().unwrap();
        messages.push(json!({"role": "assistant", "content": content}));
        messages.push(json!({"role": "user", "content": [{"type": "tool_result", "tool_use_id": id, "content": "sunny"}]}));
        next
    };
    assert_eq!(message(&replay(content.clone())).await.status, 200);
    let mut altered = content.clone();
    altered[0]["thinking"] = "something else".into();
    let answer = message(&replay(altered)).await;
    assert_eq!(answer.status, 400);
    assert_eq!(
        answer.json()["error"]["message"],
        "messages.1.content.0: Invalid `signature` in `thinking` block"
    );
    let answer = message(&replay(content[1..].to_vec())).await;
    assert!(answer.text().contains("Expected `thinking` or `redacted_thinking`, but found `text`"));

    let omitted = json!({"thinking": {"type": "adaptive", "display": "omitted"}});
    let body = message(&with(ask("hi"), omitted)).await.json();
    assert_eq!(body["content"][0]["thinking"], "");
}

#[tokio::test]
async fn marked_prefixes_are_written_once_and_read_after() {
    let simulator = Simulator::start().await.unwrap();
    let system = json!([{"type": "text", "text": "a long system prompt", "cache_control": {"type": "ephemeral", "ttl": "1h"}}]);
    let body = with(ask("hi"), json!({"system": system}));
    let prefix = tokens::MESSAGE_TOKENS + tokens::count("a long system prompt");
    let first = post(simulator.address(), PATH, &[VERSION], &body).await.json();
    assert_eq!(first["usage"]["cache_creation_input_tokens"], prefix);
    assert_eq!(first["usage"]["cache_creation"]["ephemeral_1h_input_tokens"], prefix);
    assert_eq!(first["usage"]["input_tokens"], 5);
    let second = post(simulator.address(), PATH, &[VERSION], &body).await.json();
    assert_eq!(second["usage"]["cache_creation_input_tokens"], 0);
    assert_eq!(second["usage"]["cache_read_input_tokens"], prefix);
    assert_eq!(second["usage"]["input_tokens"], 5);
    let other = with(ask("hi"), json!({"system": "a long system prompt"}));
    let third = post(simulator.address(), PATH, &[VERSION], &other).await.json();
    assert_eq!(third["usage"]["input_tokens"], 5 + prefix);
}

#[tokio::test]
async fn requests_are_refused_in_the_words_of_the_vendor() {
    let user = json!({"role": "user", "content": "hi"});
    let call = json!({"role": "assistant", "content": [{"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}}]});
    let result = json!({"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "x"}]});
    let late = json!({"role": "user", "content": [{"type": "text", "text": "x"}, {"type": "tool_result", "tool_use_id": "toolu_1", "content": "x"}]});
    let cases = [
        (json!({"model": "m", "messages": [user]}), "max_tokens: Field required"),
        (with(ask("hi"), json!({"n": 2})), "n: Extra inputs are not permitted"),
        (
            with(ask("hi"), json!({"messages": [user, call, user]})),
            "messages.1: `tool_use` ids were found without `tool_result` blocks immediately after: toolu_1",
        ),
        (with(ask("hi"), json!({"messages": [user, call]})), "`tool_use` ids were found without"),
        (
            with(ask("hi"), json!({"messages": [user, call, late]})),
            "`tool_use` ids were found without",
        ),
        (
            with(ask("hi"), json!({"messages": [user, result]})),
            "unexpected `tool_use_id` found in `tool_result` blocks: toolu_1",
        ),
        (
            with(
                ask("hi"),
                json!({"messages": [{"role": "user", "content": [{"type": "text", "text": ""}]}]}),
            ),
            "text content blocks must be non-empty",
        ),
        (
            with(ask("hi"), json!({"messages": [{"role": "user", "content": " "}]})),
            "must contain non-whitespace text",
        ),
        (
            with(ask("hi"), json!({"messages": [user, {"role": "assistant", "content": "so "}]})),
            "cannot end with trailing whitespace",
        ),
        (
            with(ask("hi"), json!({"messages": [{"role": "system", "content": "x"}]})),
            "role 'system' is not supported on this model",
        ),
        (
            with(
                ask("hi"),
                json!({"messages": [{"role": "user", "content": [{"type": "text", "text": "x", "index": 1}]}]}),
            ),
            "messages.0.content.0.text.index: Extra inputs are not permitted",
        ),
        (
            with(ask("hi"), json!({"thinking": {"type": "enabled", "budget_tokens": 4096}})),
            "`max_tokens` must be greater than `thinking.budget_tokens`",
        ),
        (
            with(ask("hi"), json!({"thinking": {"type": "enabled", "budget_tokens": 9}})),
            "greater than or equal to 1024",
        ),
        (
            with(
                ask("hi"),
                json!({"thinking": {"type": "enabled", "budget_tokens": 1024}, "temperature": 0}),
            ),
            "`temperature` may only be set to 1",
        ),
        (
            with(
                ask("hi"),
                json!({"thinking": {"type": "enabled", "budget_tokens": 1024}, "tools": weather(), "tool_choice": {"type": "any"}}),
            ),
            "Thinking may not be enabled when tool_choice forces tool use.",
        ),
        (with(ask("hi"), json!({"temperature": 1.5})), "temperature: range: 0..1"),
        (with(ask("hi"), json!({"stop_sequences": [" "]})), "must contain non-whitespace"),
        (
            with(ask("hi"), json!({"tools": [{"name": "f"}]})),
            "tools.0.custom.input_schema: Field required",
        ),
        (
            with(
                ask("hi"),
                json!({"tools": [{"name": "a.b", "input_schema": {"type": "object"}}]}),
            ),
            "String should match pattern",
        ),
        (
            with(ask("hi"), json!({"tool_choice": {"type": "auto"}})),
            "may only be specified while providing tools",
        ),
    ];
    for (body, expected) in cases {
        let answer = message(&body).await;
        assert_eq!(answer.status, 400, "{body}");
        let body = answer.json();
        assert_eq!(
            (&body["type"], &body["error"]["type"]),
            (&json!("error"), &json!("invalid_request_error"))
        );
        let text = body["error"]["message"].as_str().unwrap();
        assert!(text.contains(expected), "{text}\n{expected}");
    }
}

#[tokio::test]
async fn the_version_and_the_key_are_headers() {
    let simulator = Simulator::builder().require_key("secret").start().await.unwrap();
    let answer = post(simulator.address(), PATH, &[("x-api-key", "secret")], &ask("hi")).await;
    assert!(answer.text().contains("anthropic-version: header is required"));
    let answer = post(simulator.address(), PATH, &[VERSION, ("x-api-key", "no")], &ask("hi")).await;
    assert_eq!(
        (answer.status, &answer.json()["error"]["type"]),
        (401, &json!("authentication_error"))
    );
    let answer =
        post(simulator.address(), PATH, &[VERSION, ("x-api-key", "secret")], &ask("hi")).await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn faults_have_the_form_of_the_vendor() {
    let simulator = Simulator::start().await.unwrap();
    for (status, kind) in [
        (429, "rate_limit_error"),
        (500, "api_error"),
        (529, "overloaded_error"),
        (402, "billing_error"),
    ] {
        simulator.push(Script::status(status).retry_after(3));
        let answer = post(simulator.address(), PATH, &[VERSION], &ask("hi")).await;
        assert_eq!((answer.status, answer.header("retry-after")), (status, Some("3")));
        let body = answer.json();
        assert_eq!(body["error"]["type"], kind);
        assert_eq!(body["request_id"].as_str(), answer.header("request-id"));
    }
    simulator.push("fault=error:2:529".parse().unwrap());
    let answer =
        post(simulator.address(), PATH, &[VERSION], &with(ask("hi"), json!({"stream": true})))
            .await;
    assert!(answer.text().ends_with("event: error\ndata: {\"error\":{\"message\":\"Overloaded\",\"type\":\"overloaded_error\"},\"type\":\"error\"}\n\n"));
    simulator.push("fault=truncate:2".parse().unwrap());
    let answer =
        post(simulator.address(), PATH, &[VERSION], &with(ask("hi"), json!({"stream": true})))
            .await;
    assert!(answer.complete && !answer.text().contains("message_stop"));
}

#[tokio::test]
async fn models_are_listed_and_tokens_counted() {
    let simulator = Simulator::builder().models(["a"]).start().await.unwrap();
    let list =
        send(simulator.address(), "GET", "/anthropic/v1/models", &[VERSION], "").await.json();
    assert_eq!((&list["data"][0]["id"], &list["has_more"]), (&json!("a"), &json!(false)));
    let body = json!({"model": "m", "messages": [{"role": "user", "content": "hi there"}]});
    let path = "/anthropic/v1/messages/count_tokens";
    let count = post(simulator.address(), path, &[VERSION], &body).await.json();
    assert_eq!(count, json!({"input_tokens": 6}));
    assert_eq!(post(simulator.address(), path, &[VERSION], &ask("hi")).await.status, 400);
}
