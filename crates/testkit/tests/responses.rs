//! The simulated OpenAI Responses, seen by a bare client.
#![allow(clippy::unwrap_used, reason = "a panic in a test is the report")]

mod client;

use client::{Answer, post};
use serde_json::{Value, json};
use testkit::{Outcome, Script, Simulator, tokens};

const PATH: &str = "/openai/v1/responses";

fn ask(text: &str) -> Value {
    json!({"model": "gpt-5.5", "input": [{"role": "user", "content": [{"type": "input_text", "text": text}]}]})
}

fn with(mut body: Value, more: Value) -> Value {
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

fn weather() -> Value {
    json!([
        {"type": "function", "name": "get_weather", "strict": true, "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"], "additionalProperties": false}},
        {"type": "function", "name": "get_time", "parameters": {"type": "object", "properties": {}}}
    ])
}

async fn respond(body: &Value) -> Answer {
    let simulator = Simulator::start().await.unwrap();
    post(simulator.address(), PATH, &[], body).await
}

async fn scripted(body: &Value, script: &str) -> Answer {
    let simulator = Simulator::start().await.unwrap();
    post(simulator.address(), PATH, &[("x-sim-script", script)], body).await
}

/// One line for each event: its type without `response.`, and what it carries.
fn outline(answer: &Answer) -> String {
    let mut lines = String::new();
    for (place, event) in answer.events().iter().enumerate() {
        assert_eq!(event["sequence_number"], place);
        let kind = event["type"].as_str().unwrap();
        lines.push_str(kind.strip_prefix("response.").unwrap_or(kind));
        for key in ["output_index", "content_index", "summary_index"] {
            if let Some(index) = event[key].as_u64() {
                lines.push_str(&format!(" {index}"));
            }
        }
        for key in ["delta", "text", "arguments", "refusal", "message"] {
            if let Some(text) = event[key].as_str() {
                lines.push_str(&format!(" {text:?}"));
            }
        }
        for pointer in ["/item/type", "/item/status", "/part/type", "/response/status"] {
            if let Some(text) = event.pointer(pointer).and_then(Value::as_str) {
                lines.push_str(&format!(" {text}"));
            }
        }
        lines.push('\n');
    }
    lines
}

#[tokio::test]
async fn a_plain_answer_echoes_and_counts() {
    let simulator = Simulator::start().await.unwrap();
    let body = with(ask("hi"), json!({"metadata": {"a": "b"}, "store": false}));
    let answer = post(simulator.address(), PATH, &[], &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let body = answer.json();
    let text = "Hello from the simulated model gpt-5.5. You said: hi";
    assert_eq!(body["output"][0]["content"][0]["text"], text);
    assert_eq!((&body["object"], &body["status"]), (&json!("response"), &json!("completed")));
    assert_eq!((&body["metadata"], &body["store"]), (&json!({"a": "b"}), &json!(false)));
    let (input, output) = (tokens::MESSAGE_TOKENS + tokens::count("hi"), tokens::count(text));
    assert_eq!(
        body["usage"],
        json!({
            "input_tokens": input,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": output,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": input + output,
        })
    );
    let calls = simulator.wait_until(|calls| calls[0].outcome != Outcome::Pending).await;
    assert_eq!((calls[0].usage.input, calls[0].usage.output), (input, output));
    assert_eq!(simulator.bill().answers[0].answer, body["id"].as_str().unwrap());
    let path = "/openai/v1/responses/input_tokens";
    let counted = post(simulator.address(), path, &[], &ask("hi")).await;
    assert_eq!(counted.json()["input_tokens"], input);
}

#[tokio::test]
async fn a_stream_has_all_events_in_order() {
    let body = with(
        ask("hi"),
        json!({"stream": true, "reasoning": {"summary": "auto"}, "tools": [{"type": "web_search"}]}),
    );
    let answer = scripted(&body, "text=one two;chunks=1").await;
    let thought = "The user says: hi. I will answer plainly.";
    assert_eq!(
        outline(&answer),
        format!(
            "\
created in_progress
in_progress in_progress
output_item.added 0 reasoning
reasoning_summary_part.added 0 0 summary_text
reasoning_summary_text.delta 0 0 {thought:?}
reasoning_summary_text.done 0 0 {thought:?}
reasoning_summary_part.done 0 0 summary_text
output_item.done 0 reasoning
output_item.added 1 web_search_call in_progress
web_search_call.in_progress 1
web_search_call.searching 1
web_search_call.completed 1
output_item.done 1 web_search_call completed
output_item.added 2 message in_progress
content_part.added 2 0 output_text
output_text.delta 2 0 \"one two\"
output_text.annotation.added 2 0
output_text.done 2 0 \"one two\"
content_part.done 2 0 output_text
output_item.done 2 message completed
completed completed
"
        )
    );
    let events = answer.events();
    let end = &events.last().unwrap()["response"];
    assert_eq!(end["output"][2]["content"][0]["annotations"][0]["type"], "url_citation");
    assert_eq!(end["usage"]["output_tokens_details"]["reasoning_tokens"], tokens::count(thought));
    assert!(events[15]["obfuscation"].is_string());
    assert_eq!(events[2]["item"]["id"], end["output"][0]["id"]);
}

#[tokio::test]
async fn calls_and_refusals_are_streamed() {
    let tools = json!({"tools": weather(), "stream": true, "stream_options": {"include_obfuscation": false}});
    let called = respond(&with(ask("use get_weather and get_time in Rome"), tools)).await;
    assert_eq!(
        outline(&called),
        "\
created in_progress
in_progress in_progress
output_item.added 0 function_call in_progress
function_call_arguments.delta 0 \"{\\\"city\\\":\"
function_call_arguments.delta 0 \"\\\"Rome\\\"}\"
function_call_arguments.done 0 \"{\\\"city\\\":\\\"Rome\\\"}\"
output_item.done 0 function_call completed
output_item.added 1 function_call in_progress
function_call_arguments.delta 1 \"{}\"
function_call_arguments.done 1 \"{}\"
output_item.done 1 function_call completed
completed completed
"
    );
    let refused =
        scripted(&with(ask("hi"), json!({"stream": true})), "fault=refusal;chunks=1").await;
    assert_eq!(
        outline(&refused),
        "\
created in_progress
in_progress in_progress
output_item.added 0 message in_progress
content_part.added 0 0 refusal
refusal.delta 0 0 \"I'm sorry, I can't assist with that.\"
refusal.done 0 0 \"I'm sorry, I can't assist with that.\"
content_part.done 0 0 refusal
output_item.done 0 message completed
completed completed
"
    );
}

#[tokio::test]
async fn a_limit_leaves_the_response_incomplete() {
    let simulator = Simulator::start().await.unwrap();
    let body = with(ask(&"word ".repeat(40)), json!({"max_output_tokens": 16}));
    let answer = post(simulator.address(), PATH, &[], &body).await.json();
    assert_eq!(answer["status"], "incomplete");
    assert_eq!(answer["incomplete_details"], json!({"reason": "max_output_tokens"}));
    assert_eq!(answer["output"][0]["status"], "incomplete");
    assert_eq!(answer["usage"]["output_tokens"], 16);
    let stream = with(body, json!({"stream": true}));
    let answer = post(simulator.address(), PATH, &[], &stream).await;
    assert_eq!(answer.events().last().unwrap()["type"], "response.incomplete");
}

/// A turn that reasoned and called a tool, statelessly.
async fn turn() -> (Value, Value) {
    let question = with(
        ask("use get_weather in Rome"),
        json!({"store": false, "include": ["reasoning.encrypted_content"], "reasoning": {"effort": "low"}, "tools": weather(), "stream": true}),
    );
    let events = respond(&question).await.events();
    let output = events.last().unwrap()["response"]["output"].clone();
    let added = &events[2]["item"]["encrypted_content"];
    assert_ne!(*added, output[0]["encrypted_content"]);
    assert_eq!(output[0]["summary"], json!([]));
    let mut again = question;
    again["stream"] = false.into();
    let input = again["input"].as_array_mut().unwrap();
    input.extend(output.as_array().unwrap().clone());
    input.push(
        json!({"type": "function_call_output", "call_id": output[1]["call_id"], "output": "sunny"}),
    );
    (again, added.clone())
}

#[tokio::test]
async fn reasoning_comes_back_whole_or_not_at_all() {
    let (again, added) = turn().await;
    let answer = respond(&again).await.json();
    assert!(
        answer["output"][1]["content"][0]["text"].as_str().unwrap().contains("sunny"),
        "{answer}"
    );
    let refused = |change: fn(&mut Value, &Value)| {
        let mut body = again.clone();
        change(&mut body, &added);
        async move {
            let answer = respond(&body).await;
            (
                answer.status,
                answer.json()["error"]["message"].as_str().unwrap_or_default().to_owned(),
            )
        }
    };
    let id = again["input"][1]["id"].as_str().unwrap();
    let (status, message) = refused(|body, _| {
        body["input"][1].as_object_mut().unwrap().remove("encrypted_content");
    })
    .await;
    assert_eq!(status, 404);
    assert!(message.starts_with(&format!("Item with id '{id}' not found.")), "{message}");
    let (status, message) =
        refused(|body, added| body["input"][1]["encrypted_content"] = added.clone()).await;
    assert_eq!(status, 400);
    assert!(message.contains("could not be decrypted or parsed"), "{message}");
    let (_, message) = refused(|body, _| body["input"][1]["id"] = "rs_other".into()).await;
    assert!(message.contains("item_id did not match"), "{message}");
    let (status, message) = refused(|body, _| {
        body["input"].as_array_mut().unwrap().truncate(2);
    })
    .await;
    assert_eq!(status, 400);
    assert!(message.ends_with("without its required following item."), "{message}");
    // The id may be left out; then the encrypted content speaks for itself.
    let (status, _) = refused(|body, _| {
        body["input"][1].as_object_mut().unwrap().remove("id");
    })
    .await;
    assert_eq!(status, 200);
}

#[tokio::test]
async fn what_the_vendor_refuses_is_refused() {
    let item = |item: Value| with(ask("x"), json!({"input": [item]}));
    for (body, status, code, message) in [
        (
            with(ask("x"), json!({"messages": []})),
            400,
            "unknown_parameter",
            "Unknown parameter: 'messages'.",
        ),
        (
            json!({"model": "m"}),
            400,
            "missing_required_parameter",
            "Missing required parameter: 'input'.",
        ),
        (
            with(ask("x"), json!({"max_output_tokens": 5})),
            400,
            "integer_below_min_value",
            "Invalid 'max_output_tokens'",
        ),
        (
            with(ask("x"), json!({"stream": true, "stream_options": {"include_usage": true}})),
            400,
            "unknown_parameter",
            "Unknown parameter: 'stream_options.include_usage'.",
        ),
        (
            with(ask("x"), json!({"tools": [{"type": "function", "function": {"name": "f"}}]})),
            400,
            "missing_required_parameter",
            "Missing required parameter: 'tools[0].name'.",
        ),
        (
            with(
                ask("x"),
                json!({"tools": [{"type": "function", "name": "f", "strict": true, "parameters": {"type": "object"}}]}),
            ),
            400,
            "invalid_function_parameters",
            "Invalid schema for function 'f': In context=()",
        ),
        (
            with(
                ask("x"),
                json!({"tools": weather(), "tool_choice": {"type": "function", "name": "no"}}),
            ),
            400,
            "",
            "Tool choice 'no' not found in 'tools' parameter.",
        ),
        (
            with(ask("x"), json!({"text": {"format": {"type": "json_object"}}})),
            400,
            "",
            "Response input messages must contain the word 'json'",
        ),
        (
            with(ask("x"), json!({"text": {"format": {"type": "json_schema", "json_schema": {}}}})),
            400,
            "unknown_parameter",
            "Unknown parameter: 'text.format.json_schema'.",
        ),
        (
            with(ask("x"), json!({"include": ["thoughts"]})),
            400,
            "invalid_value",
            "Invalid value: 'thoughts'.",
        ),
        (
            with(ask("x"), json!({"model": "gpt-4.1", "include": ["reasoning.encrypted_content"]})),
            400,
            "",
            "Encrypted content is not supported with this model.",
        ),
        (
            with(ask("x"), json!({"model": "gpt-4.1", "reasoning": {"effort": "low"}})),
            400,
            "unsupported_parameter",
            "Unsupported parameter: 'reasoning.effort'",
        ),
        (
            with(ask("x"), json!({"reasoning": {"effort": "low"}, "temperature": 0.5})),
            400,
            "unsupported_parameter",
            "Unsupported parameter: 'temperature'",
        ),
        (
            with(ask("x"), json!({"previous_response_id": "resp_1"})),
            400,
            "previous_response_not_found",
            "Previous response with id 'resp_1' not found.",
        ),
        (
            item(json!({"type": "item_reference", "id": "rs_1"})),
            404,
            "",
            "Item with id 'rs_1' not found.",
        ),
        (
            item(json!({"role": "assistant", "content": [{"type": "input_text", "text": "x"}]})),
            400,
            "invalid_value",
            "Invalid value: 'input_text'. Supported values are: 'output_text', 'refusal'.",
        ),
        (
            item(
                json!({"role": "user", "content": [{"type": "input_text", "text": "x", "cache_control": {}}]}),
            ),
            400,
            "unknown_parameter",
            "Unknown parameter: 'input[0].content[0].cache_control'.",
        ),
        (
            item(json!({"role": "user", "content": "x", "id": "item_1"})),
            400,
            "invalid_value",
            "Invalid 'input[0].id': 'item_1'. Expected an ID that begins with 'msg'.",
        ),
        (
            item(json!({"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"})),
            400,
            "",
            "No tool output found for function call c.",
        ),
        (
            item(json!({"type": "function_call_output", "call_id": "c", "output": ""})),
            400,
            "",
            "No tool call found for function call output with call_id c.",
        ),
        (
            item(json!({"type": "reasoning", "id": "rs_1", "encrypted_content": "x"})),
            400,
            "missing_required_parameter",
            "Missing required parameter: 'input[0].summary'.",
        ),
    ] {
        let answer = respond(&body).await;
        let error = &answer.json()["error"];
        assert_eq!(answer.status, status, "{body}");
        assert_eq!(error["code"].as_str().unwrap_or_default(), code, "{body}");
        let stated = error["message"].as_str().unwrap();
        assert!(stated.starts_with(message), "{stated}");
    }
}

#[tokio::test]
async fn faults_strike_streams_of_responses() {
    let body = with(ask("one two"), json!({"stream": true}));
    let failed = scripted(&body, "fault=error:2:500;message=boom").await.events();
    let failed = failed.last().unwrap();
    assert_eq!(failed["type"], "response.failed");
    assert_eq!(failed["response"]["error"], json!({"code": "server_error", "message": "boom"}));
    assert_eq!(failed["response"]["status"], "failed");
    let limited = scripted(&body, "fault=error:1:429").await.events();
    let limited = limited.last().unwrap();
    assert_eq!(
        (&limited["type"], &limited["code"]),
        (&json!("error"), &json!("rate_limit_exceeded"))
    );
    assert_eq!(limited["sequence_number"], 5);
    let first = scripted(&body, "fault=error:0:503").await.events();
    assert_eq!((first.len(), &first[0]["type"]), (1, &json!("error")));
    assert_eq!(
        scripted(&body, "fault=status:503").await.json()["error"]["code"],
        "server_is_overloaded"
    );
    let cut = scripted(&body, "fault=truncate:2").await;
    assert!(cut.complete && !cut.text().contains("response.completed"));
    assert!(scripted(&body, "fault=malformed:1").await.text().contains("not json"));
    assert!(scripted(&body, "fault=reset:1").await.reset);
    let empty = scripted(&ask("x"), "fault=empty").await.json();
    assert_eq!((&empty["output"], &empty["usage"]["output_tokens"]), (&json!([]), &json!(0)));
}

#[tokio::test]
async fn logprobs_and_structured_output_are_made() {
    let schema = json!({"type": "object", "properties": {"city": {"type": "string"}}});
    let body = with(
        ask("Paris"),
        json!({"text": {"format": {"type": "json_schema", "name": "place", "schema": schema}}, "top_logprobs": 2}),
    );
    let answer = respond(&body).await.json();
    let part = &answer["output"][0]["content"][0];
    assert_eq!(part["text"], r#"{"city":"Paris"}"#);
    assert_eq!(part["logprobs"][0]["top_logprobs"].as_array().unwrap().len(), 2);
    let simulator = Simulator::builder().require_key("secret").start().await.unwrap();
    simulator.push(Script::new());
    assert_eq!(post(simulator.address(), PATH, &[], &ask("x")).await.status, 401);
}
