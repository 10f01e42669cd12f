//! The simulated OpenAI, seen by a bare client.
#![allow(clippy::unwrap_used, reason = "a panic in a test is the report")]

mod client;

use client::{Answer, post, send};
use serde_json::{Value, json};
use testkit::{Outcome, Script, Simulator, UsageMode, tokens};

const PATH: &str = "/openai/v1/chat/completions";

fn ask(text: &str) -> Value {
    json!({"model": "gpt-sim", "messages": [{"role": "user", "content": text}]})
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

async fn chat(body: &Value) -> Answer {
    let simulator = Simulator::start().await.unwrap();
    post(simulator.address(), PATH, &[], body).await
}

#[tokio::test]
async fn a_plain_answer_echoes_and_counts() {
    let simulator = Simulator::start().await.unwrap();
    let answer = post(simulator.address(), PATH, &[], &ask("hi there")).await;
    assert_eq!(answer.status, 200);
    let body = answer.json();
    assert_eq!(body["object"], "chat.completion");
    let text = body["choices"][0]["message"]["content"].as_str().unwrap();
    assert_eq!(text, "Hello from the simulated model gpt-sim. You said: hi there");
    assert_eq!(body["choices"][0]["finish_reason"], "stop");
    let prompt = tokens::MESSAGE_TOKENS + tokens::count("hi there");
    let output = tokens::count(text);
    assert_eq!(body["usage"]["prompt_tokens"], prompt);
    assert_eq!(body["usage"]["completion_tokens"], output);
    assert_eq!(body["usage"]["total_tokens"], prompt + output);
    let calls = simulator.wait_until(|calls| calls[0].outcome != Outcome::Pending).await;
    assert_eq!(calls[0].outcome, Outcome::Completed);
    assert_eq!(calls[0].usage.output, output);
    assert_eq!(calls[0].body, ask("hi there"));
    let bill = simulator.bill();
    assert_eq!((bill.running, bill.answers.len()), (0, 1));
    assert_eq!(body["id"], bill.answers[0].answer);
    assert_eq!(bill.answers[0].output_tokens, output);
    assert_eq!(bill.billable_tokens, bill.answers[0].prompt_tokens + output);
    assert_eq!(simulator.billable_tokens(), prompt + output);
}

#[tokio::test]
async fn a_stream_ends_with_done_and_states_usage_only_if_asked() {
    let plain = chat(&with(ask("hi there"), json!({"stream": true}))).await;
    assert_eq!(plain.data().last().unwrap(), "[DONE]");
    assert!(plain.events().iter().all(|event| event.get("usage").is_none()));
    assert_eq!(plain.header("content-type"), Some("text/event-stream; charset=utf-8"));

    let counted = chat(&with(
        ask("hi there"),
        json!({"stream": true, "stream_options": {"include_usage": true}}),
    ))
    .await;
    let events = counted.events();
    let (last, others) = events.split_last().unwrap();
    assert_eq!(last["choices"], json!([]));
    assert_eq!(last["usage"]["prompt_tokens"], 6);
    assert!(others.iter().all(|event| event["usage"].is_null()));
    let text: String = others
        .iter()
        .filter_map(|event| event["choices"][0]["delta"]["content"].as_str())
        .collect();
    assert_eq!(text, "Hello from the simulated model gpt-sim. You said: hi there");
    assert_eq!(others.last().unwrap()["choices"][0]["finish_reason"], "stop");
    assert!(others.len() > 8, "one chunk for each word");
}

#[tokio::test]
async fn usage_can_be_missing_or_everywhere() {
    let simulator = Simulator::start().await.unwrap();
    let body = with(ask("hi"), json!({"stream": true, "stream_options": {"include_usage": true}}));
    simulator.push(Script::new().usage(UsageMode::Missing));
    let answer = post(simulator.address(), PATH, &[], &body).await;
    assert!(answer.events().iter().all(|event| event["usage"].is_null()));
    simulator.push(Script::new().usage(UsageMode::EveryChunk));
    let answer = post(simulator.address(), PATH, &[], &body).await;
    let counts: Vec<u64> = answer
        .events()
        .iter()
        .map(|event| event["usage"]["completion_tokens"].as_u64().unwrap())
        .collect();
    assert!(counts.is_sorted());
    assert_eq!(
        *counts.last().unwrap(),
        tokens::count("Hello from the simulated model gpt-sim. You said: hi")
    );
}

#[tokio::test]
async fn tools_are_called_in_parallel_and_their_results_quoted() {
    let question = with(ask("use get_weather and get_time in Paris"), json!({"tools": weather()}));
    let body = chat(&question).await.json();
    let message = &body["choices"][0]["message"];
    assert_eq!(body["choices"][0]["finish_reason"], "tool_calls");
    assert_eq!(message["content"], Value::Null);
    let calls = message["tool_calls"].as_array().unwrap();
    assert_eq!(calls.len(), 2);
    assert_eq!(
        calls[0]["function"],
        json!({"name": "get_weather", "arguments": "{\"city\":\"Paris\"}"})
    );
    assert_eq!(calls[1]["function"]["arguments"], "{}");

    let mut next = question.clone();
    let messages = next["messages"].as_array_mut().unwrap();
    messages.push(json!({"role": "assistant", "content": null, "tool_calls": calls}));
    messages.push(json!({"role": "tool", "tool_call_id": calls[0]["id"], "content": "sunny"}));
    messages.push(json!({"role": "tool", "tool_call_id": calls[1]["id"], "content": "noon"}));
    let text = chat(&next).await.json()["choices"][0]["message"]["content"].to_string();
    assert!(text.contains("sunny") && text.contains("noon"), "{text}");
}

#[tokio::test]
async fn streamed_tool_calls_join_to_the_same_arguments() {
    let question =
        with(ask("use get_weather in Paris"), json!({"tools": weather(), "stream": true}));
    let events = chat(&question).await.events();
    let calls: Vec<&Value> =
        events.iter().filter_map(|event| event.pointer("/choices/0/delta/tool_calls/0")).collect();
    assert_eq!(calls[0]["function"]["name"], "get_weather");
    let arguments: String =
        calls.iter().map(|call| call["function"]["arguments"].as_str().unwrap()).collect();
    assert_eq!(arguments, "{\"city\":\"Paris\"}");
    assert!(calls.len() > 2);
}

#[tokio::test]
async fn structured_output_fits_its_schema() {
    let format = json!({"response_format": {"type": "json_schema", "json_schema": {"name": "city", "schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}}});
    let body = chat(&with(ask("Paris"), format)).await.json();
    assert_eq!(body["choices"][0]["message"]["content"], "{\"city\":\"Paris\"}");
}

#[tokio::test]
async fn several_choices_and_log_probabilities_are_given() {
    let body =
        chat(&with(ask("hi"), json!({"n": 2, "logprobs": true, "top_logprobs": 2, "seed": 1})))
            .await
            .json();
    assert_eq!(body["choices"].as_array().unwrap().len(), 2);
    assert_eq!(body["choices"][1]["index"], 1);
    let tokens = body["choices"][0]["logprobs"]["content"].as_array().unwrap();
    assert_eq!(tokens[0]["top_logprobs"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn reasoning_is_shown_only_by_compatible_hosts() {
    for (model, member) in [
        ("deepseek-sim", Some("reasoning_content")),
        ("sim-reason", Some("reasoning")),
        ("gpt-sim", None),
    ] {
        let body = with(ask("hi"), json!({"model": model, "reasoning_effort": "low"}));
        let answer = chat(&body).await.json();
        let message = &answer["choices"][0]["message"];
        for name in ["reasoning_content", "reasoning"] {
            assert_eq!(message.get(name).is_some(), member == Some(name), "{model} {name}");
        }
        assert!(
            answer["usage"]["completion_tokens_details"]["reasoning_tokens"].as_u64().unwrap() > 0
        );
        let events = chat(&with(body, json!({"stream": true}))).await.events();
        let text: String = events
            .iter()
            .filter_map(|event| event["choices"][0]["delta"][member.unwrap_or("none")].as_str())
            .collect();
        assert_eq!(text.is_empty(), member.is_none());
    }
}

#[tokio::test]
async fn requests_are_refused_in_the_words_of_the_vendor() {
    let call = json!({"role": "assistant", "content": null, "tool_calls": [{"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]});
    let user = json!({"role": "user", "content": "hi"});
    let tool = json!({"role": "tool", "tool_call_id": "call_1", "content": "x"});
    let cases = [
        (
            with(ask("hi"), json!({"frobnicate": 1})),
            "Unrecognized request argument supplied: frobnicate",
        ),
        (
            with(ask("hi"), json!({"provider": {}})),
            "Unrecognized request argument supplied: provider",
        ),
        (json!({"model": "m"}), "Missing required parameter: 'messages'."),
        (json!({"messages": []}), "you must provide a model parameter"),
        (
            with(ask("hi"), json!({"messages": [user, tool]})),
            "messages with role 'tool' must be a response",
        ),
        (
            with(ask("hi"), json!({"messages": [user, call]})),
            "did not have response messages: call_1",
        ),
        (
            with(ask("hi"), json!({"messages": [user, call, user]})),
            "did not have response messages: call_1",
        ),
        (
            with(
                ask("hi"),
                json!({"messages": [{"role": "user", "content": "hi", "reasoning": "x"}]}),
            ),
            "Unknown parameter: 'messages[0].reasoning'.",
        ),
        (
            with(
                ask("hi"),
                json!({"messages": [{"role": "user", "content": [{"type": "text", "text": "hi", "cache_control": {}}]}]}),
            ),
            "Unknown parameter: 'messages[0].content[0].cache_control'.",
        ),
        (
            with(ask("hi"), json!({"stream_options": {"include_usage": true}})),
            "only allowed when 'stream' is enabled",
        ),
        (with(ask("hi"), json!({"temperature": 3})), "Expected a value <= 2, but got 3 instead."),
        (
            with(ask("hi"), json!({"tool_choice": "auto"})),
            "only allowed when 'tools' are specified",
        ),
        (with(ask("hi"), json!({"tools": []})), "empty array"),
        (
            with(ask("hi"), json!({"tools": [{"type": "function", "function": {"name": "a.b"}}]})),
            "does not match pattern",
        ),
        (
            with(ask("hi"), json!({"model": "gpt-5-sim", "max_tokens": 5})),
            "Use 'max_completion_tokens' instead.",
        ),
        (
            with(ask("hi"), json!({"response_format": {"type": "json_object"}})),
            "must contain the word 'json'",
        ),
    ];
    for (body, expected) in cases {
        let answer = chat(&body).await;
        assert_eq!(answer.status, 400, "{body}");
        let error = &answer.json()["error"];
        assert!(error["message"].as_str().unwrap().contains(expected), "{error}");
        assert_eq!(error["type"], "invalid_request_error");
    }
}

#[tokio::test]
async fn images_are_seen_and_counted() {
    let parts = json!([{"type": "text", "text": "look"}, {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}]);
    let body =
        chat(&json!({"model": "m", "messages": [{"role": "user", "content": parts}]})).await.json();
    assert!(body["choices"][0]["message"]["content"].as_str().unwrap().contains("I see 1 image."));
    assert_eq!(body["usage"]["prompt_tokens"], tokens::MESSAGE_TOKENS + 1 + tokens::IMAGE_TOKENS);
}

#[tokio::test]
async fn keys_are_checked_only_if_told_so() {
    let simulator = Simulator::builder().require_key("secret").start().await.unwrap();
    let answer =
        post(simulator.address(), PATH, &[("authorization", "Bearer wrong")], &ask("hi")).await;
    assert_eq!((answer.status, &answer.json()["error"]["code"]), (401, &json!("invalid_api_key")));
    let answer =
        post(simulator.address(), PATH, &[("authorization", "Bearer secret")], &ask("hi")).await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn models_and_calls_are_listed() {
    let simulator = Simulator::builder().models(["a", "b"]).start().await.unwrap();
    let list = send(simulator.address(), "GET", "/openai/v1/models", &[], "").await.json();
    assert_eq!(list["data"][1]["id"], "b");
    let one = send(
        simulator.address(),
        "GET",
        "/openai/v1/models/a",
        &[("authorization", "Bearer key")],
        "",
    )
    .await;
    assert_eq!(one.json()["id"], "a");
    assert_eq!(send(simulator.address(), "GET", "/openai/v1/models/z", &[], "").await.status, 404);
    simulator
        .wait_until(|calls| {
            calls.iter().filter(|call| call.outcome != Outcome::Pending).count() == 3
        })
        .await;
    let calls = send(simulator.address(), "GET", "/_sim/calls", &[], "").await.text();
    assert!(!calls.contains("Bearer key"), "keys stay hidden");
}
