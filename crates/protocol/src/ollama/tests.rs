use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::exchange::{
    Block, BlockKind, ErrorType, Event, FinishReason, ReasoningContent, Request, Response, Usage,
    fold,
};
use crate::ndjson::{LineTooLong, Splitter};
use crate::openai_chat;
use crate::target::{Abilities, Encoded, Quirks, ReasoningStyle, ResponseContext, Target};

fn chat(body: Value) -> Request {
    openai_chat::decode_request(body.to_string().as_bytes()).unwrap()
}

fn written(request: Value, abilities: &Abilities) -> (Value, Encoded) {
    let quirks = Quirks::default();
    let encoded =
        encode_request(&chat(request), &Target::new("qwen3", &quirks, abilities)).unwrap();
    (serde_json::from_slice(&encoded.body).unwrap(), encoded)
}

fn plain(request: Value) -> Value {
    written(request, &Abilities::default()).0
}

fn lost(encoded: &Encoded, path: &str) -> bool {
    encoded.losses.0.iter().any(|loss| loss.path == path)
}

fn user(content: Value) -> Value {
    json!({"messages": [{"role": "user", "content": content}]})
}

fn tool(name: &str) -> Value {
    json!({"type": "function", "function": {"name": name}})
}

/// Bug 23
#[test]
fn sampling_stands_in_options_and_nothing_is_cut_silently() {
    let (body, encoded) = written(
        json!({
            "messages": [
                {"role": "developer", "content": "Be brief."},
                {"role": "user", "content": [
                    {"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}],
            "max_tokens": 9, "temperature": 0.5, "top_p": 0.9, "top_k": 4, "min_p": 0.1, "seed": 3,
            "stop": ["x"], "repetition_penalty": 1.1, "frequency_penalty": 0.5,
            "logprobs": true, "top_logprobs": 2, "n": 2,
            "options": {"num_ctx": 32768, "seed": 1}, "keep_alive": "5m",
        }),
        &Abilities::default(),
    );
    assert_eq!(
        body,
        json!({
            "model": "qwen3", "stream": false, "truncate": false, "keep_alive": "5m",
            "messages": [
                {"role": "system", "content": "Be brief."}, {"role": "user", "content": "a\nb"}],
            "options": {"num_ctx": 32768, "num_predict": 9, "temperature": 0.5, "top_p": 0.9,
                "min_p": 0.1, "repeat_penalty": 1.1, "frequency_penalty": 0.5, "top_k": 4,
                "seed": 3, "stop": ["x"]},
            "logprobs": true, "top_logprobs": 2,
        })
    );
    assert!(lost(&encoded, "n"));
}

#[test]
fn images_are_bare_base64_and_urls_are_refused() {
    let image = |url: &str| user(json!([{"type": "image_url", "image_url": {"url": url}}]));
    assert_eq!(
        plain(image("data:image/png;base64,eA=="))["messages"],
        json!([{"role": "user", "content": "", "images": ["eA=="]}])
    );
    let file = json!([{"type": "file", "file":
        {"filename": "a.txt", "file_data": "data:text/plain;base64,aGk="}}]);
    assert_eq!(plain(user(file))["messages"][0]["content"], "a.txt:\nhi");
    let (quirks, abilities) = (Quirks::default(), Abilities::default());
    let pdf = json!([{"type": "file", "file": {"file_data": "data:application/pdf;base64,eA=="}}]);
    for bad in [image("https://a/b.png"), user(pdf)] {
        let fault = encode_request(&chat(bad), &Target::new("m", &quirks, &abilities)).unwrap_err();
        assert!(fault.message.starts_with("messages[0].content[0]: "), "{}", fault.message);
    }
}

/// Bugs 1, 3
#[test]
fn calls_have_objects_and_results_the_tool_s_name() {
    let request = json!({
        "messages": [
            {"role": "user", "content": "Do"},
            {"role": "assistant", "content": null, "reasoning": "hm", "tool_calls": [
                {"id": "c1", "type": "function",
                 "function": {"name": "f", "arguments": "{\"a\": 1.0}"}},
                {"id": "c2", "type": "function", "function": {"name": "g", "arguments": ""}}]},
            {"role": "tool", "tool_call_id": "c1", "content": "one"},
            {"role": "tool", "tool_call_id": "c2", "content": "two"},
        ],
        "tools": [tool("f"), tool("g")],
    });
    let body = plain(request.clone());
    assert_eq!(
        body["messages"],
        json!([
            {"role": "user", "content": "Do"},
            {"role": "assistant", "content": "", "thinking": "hm", "tool_calls": [
                {"id": "c1", "function": {"name": "f", "arguments": {"a": 1.0}}},
                {"id": "c2", "function": {"name": "g", "arguments": {}}}]},
            {"role": "tool", "content": "one", "tool_name": "f", "tool_call_id": "c1"},
            {"role": "tool", "content": "two", "tool_name": "g", "tool_call_id": "c2"},
        ])
    );
    assert_eq!(
        body["tools"][0]["function"],
        json!({"name": "f", "parameters": {"type": "object", "properties": {}}})
    );
    let quirks = Quirks { no_function_call_ids: true, ..Quirks::default() };
    let abilities = Abilities::default();
    let encoded = encode_request(&chat(request), &Target::new("m", &quirks, &abilities)).unwrap();
    assert!(!String::from_utf8(encoded.body).unwrap().contains("\"c1\""));
}

/// Bug 29
#[test]
fn a_choice_among_tools_is_never_sent() {
    let asked = |choice: Value| {
        let mut body = user("Hi".into());
        body["tools"] = json!([tool("f"), tool("g")]);
        body["tool_choice"] = choice;
        let (body, encoded) = written(body, &Abilities::default());
        assert_eq!(body.get("tool_choice"), None);
        let count = body.get("tools").map_or(0, |tools| tools.as_array().unwrap().len());
        let words = body["messages"][0]["content"].as_str().unwrap().to_owned();
        (count, words, lost(&encoded, "tool_choice"))
    };
    assert_eq!(asked("auto".into()), (2, "Hi".into(), false));
    assert_eq!(asked("none".into()), (0, "Hi".into(), false));
    assert_eq!(asked("required".into()), (2, "You must call one of the tools now.".into(), true));
    let named = json!({"type": "function", "function": {"name": "g"}});
    assert_eq!(asked(named), (1, "You must call `g` now.".into(), true));
}

#[test]
fn the_format_is_the_schema_itself() {
    let schema = json!({"type": "object", "properties": {"a": {"type": "string"}}});
    let mut body = user("Hi".into());
    body["response_format"] =
        json!({"type": "json_schema", "json_schema": {"name": "n", "schema": schema}});
    assert_eq!(plain(body.clone())["format"], schema);
    let older = Abilities { structured_output: false, ..Abilities::default() };
    let (told, _) = written(body.clone(), &older);
    assert_eq!(told["format"], "json");
    assert!(told["messages"][0]["content"].as_str().unwrap().contains("JSON Schema"));
    body["response_format"] = json!({"type": "json_object"});
    assert_eq!(plain(body)["format"], "json");
}

/// A form holds for the whole answer, so that no call could be told in it.
#[test]
fn beside_tools_the_form_is_asked_for_in_words() {
    let mut body = user("Hi".into());
    body["tools"] = json!([{"type": "function", "function": {"name": "f", "parameters": {}}}]);
    for format in [
        json!({"type": "json_object"}),
        json!({"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}}),
    ] {
        body["response_format"] = format;
        let (told, encoded) = written(body.clone(), &Abilities::default());
        assert_eq!(told.get("format"), None);
        assert!(told["messages"][0]["content"].as_str().unwrap().contains("JSON"), "{told}");
        assert!(lost(&encoded, "response_format"));
    }
    // What is not on offer is not in the way.
    body["tool_choice"] = "none".into();
    assert_eq!(plain(body)["format"], json!({"type": "object"}));
}

#[test]
fn thinking_is_on_off_or_an_effort() {
    let asked = |reasoning: Value, style: ReasoningStyle| {
        let mut body = user("Hi".into());
        body["reasoning"] = reasoning;
        let abilities = Abilities { reasoning: style, ..Abilities::default() };
        written(body, &abilities).0.get("think").cloned().unwrap_or_default()
    };
    use ReasoningStyle::{Effort, None, Toggle};
    assert_eq!(asked(json!({"effort": "high"}), Toggle), json!(true));
    assert_eq!(asked(json!({"effort": "none"}), Toggle), json!(false));
    assert_eq!(asked(json!({"effort": "minimal"}), Effort), json!("low"));
    assert_eq!(asked(json!({"effort": "xhigh"}), Effort), json!("high"));
    assert_eq!(asked(json!({"max_tokens": 9000}), Effort), json!("low"));
    assert_eq!(asked(json!({"effort": "high"}), None), Value::Null);
    let signed = json!({"messages": [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Ho", "reasoning_details": [
            {"type": "reasoning.text", "text": "hm", "signature": "s",
             "format": "anthropic-claude-v1"}]},
        {"role": "user", "content": "?"}]});
    let (body, encoded) = written(signed, &Abilities::default());
    assert_eq!(body["messages"][1], json!({"role": "assistant", "content": "Ho"}));
    assert!(lost(&encoded, "messages[1].content[0]"));
}

/// A transcript of two calls. Bug 29
const STREAM: [&str; 5] = [
    r#"{"model":"qwen3","created_at":"2026-11-20T10:00:00.1Z","message":{"role":"assistant","content":"","thinking":"Two "},"done":false}"#,
    r#"{"model":"qwen3","created_at":"2026-11-20T10:00:00.2Z","message":{"role":"assistant","content":"","thinking":"calls"},"done":false}"#,
    r#"{"model":"qwen3","created_at":"2026-11-20T10:00:00.3Z","message":{"role":"assistant","content":"Both: grün"},"done":false}"#,
    r#"{"model":"qwen3","created_at":"2026-11-20T10:00:00.4Z","message":{"role":"assistant","content":"","tool_calls":[{"function":{"name":"f","arguments":{"b": 1.0,"a":2}}},{"id":"call_x","function":{"index":1,"name":"g","arguments":{}}}]},"done":false}"#,
    r#"{"model":"qwen3","created_at":"2026-11-20T10:00:00.5Z","message":{"role":"assistant","content":""},"done":true,"done_reason":"stop","total_duration":5,"prompt_eval_count":11,"eval_count":7}"#,
];

const WHOLE: &str = r#"{"model":"qwen3","created_at":"2026-11-20T10:00:00.1Z","message":{"role":"assistant","content":"Both: grün","thinking":"Two calls","tool_calls":[{"function":{"name":"f","arguments":{"b": 1.0,"a":2}}},{"id":"call_x","function":{"name":"g"}}]},"done":true,"done_reason":"stop","prompt_eval_count":11,"eval_count":7}"#;

fn events(chunks: &[&[u8]], context: &ResponseContext) -> Vec<Event> {
    let mut decoder = StreamDecoder::new(context.clone());
    let (mut splitter, mut events) = (Splitter::new(), Vec::new());
    let mut take = |line: &[u8]| {
        decoder.push(line, &mut events);
        Ok::<(), LineTooLong>(())
    };
    for chunk in chunks {
        splitter.push(chunk, &mut take).unwrap();
    }
    splitter.finish(&mut take).unwrap();
    decoder.finish(&mut events);
    events
}

fn told(lines: &[&str]) -> Vec<Event> {
    events(&[lines.join("\n").as_bytes()], &ResponseContext::default())
}

fn decoded(body: &str) -> Response {
    decode_response(body.as_bytes(), &ResponseContext::default()).unwrap()
}

/// Bugs 3, 15, 29
#[test]
fn objects_become_texts_missing_ids_are_made_and_the_finish_is_derived() {
    let whole = decoded(WHOLE);
    assert_eq!(fold(told(&STREAM)), whole, "the stream says the same");
    assert_eq!(whole.usage, Some(Usage { input: 11, output: 7, ..Usage::default() }));
    let choice = &whole.choices[0];
    assert_eq!(choice.finish, Some(FinishReason::ToolCalls));
    assert_eq!(choice.native_finish.as_deref(), Some("stop"));
    let [thought, text, first, second] = choice.turn.blocks.as_slice() else { panic!("{whole:?}") };
    let BlockKind::Reasoning(thought) = &thought.kind else { panic!("{thought:?}") };
    let expected = ReasoningContent::Text { text: "Two calls".into(), signature: None };
    assert_eq!(thought.content, expected);
    assert_eq!(text, &Block::text("Both: grün"));
    let BlockKind::ToolCall { id, arguments, .. } = &first.kind else { panic!("{first:?}") };
    assert!(id.starts_with("call_"), "{id}");
    assert_eq!(arguments, r#"{"b":1.0,"a":2}"#);
    let BlockKind::ToolCall { id, arguments, .. } = &second.kind else { panic!("{second:?}") };
    assert_eq!((id.as_str(), arguments.as_str()), ("call_x", "{}"));
}

/// A character that is cut in two; and halves that stay halves.
#[test]
fn half_a_character_is_joined_or_replaced_and_nothing_is_lost() {
    let lines = [
        r#"{"message":{"role":"assistant","thinking":"a\ud83d"}}"#,
        r#"{"message":{"thinking":"\ude00"}}"#,
        r#"{"message":{"content":"hello \ud83d"}}"#,
        r#"{"message":{"content":"\ude00 wor\ud83dld\ud83d"}}"#,
        r#"{"message":{"content":""},"done":true,"done_reason":"stop"}"#,
    ];
    let streamed = fold(told(&lines));
    let whole = decoded(
        r#"{"message":{"thinking":"a\ud83d\ude00","content":"hello \ud83d\ude00 wor\ud83dld\ud83d"},"done":true,"done_reason":"stop"}"#,
    );
    assert_eq!(streamed.choices, whole.choices);
    assert_eq!(whole.choices[0].turn.blocks[1], Block::text("hello 😀 wor\u{fffd}ld\u{fffd}"));
}

#[test]
fn every_reason_to_be_done_has_its_normalised_value() {
    for (told, reason) in [
        (r#","done_reason":"stop""#, FinishReason::Stop),
        (r#","done_reason":"length""#, FinishReason::Length),
        (r#","done_reason":"load""#, FinishReason::Error),
        ("", FinishReason::Stop),
    ] {
        let body = format!(r#"{{"message":{{"content":"x"}},"done":true{told}}}"#);
        let response = decoded(&body);
        assert_eq!(response.choices[0].finish, Some(reason), "{told}");
        assert_eq!(response.usage, None);
    }
    let cached = decoded(r#"{"message":{"content":"x"},"done":true,"eval_count":3}"#);
    assert_eq!(cached.usage, Some(Usage { output: 3, ..Usage::default() }));
}

/// Bugs 11, 16
#[test]
fn what_breaks_off_or_fails_is_a_fault() {
    for cut in 0..STREAM.len() {
        let events = told(&STREAM[..cut]);
        assert!(matches!(events.last(), Some(Event::Fault(_))), "cut behind {cut}");
    }
    let whole = STREAM.join("\n");
    let half = events(&[&whole.as_bytes()[..whole.len() - 9]], &ResponseContext::default());
    assert!(matches!(half.last(), Some(Event::Fault(_))));
    let events =
        told(&[STREAM[0], r#"{"error":"model runner has unexpectedly stopped"}"#, STREAM[4]]);
    let Some(Event::Fault(fault)) = events.last() else { panic!("{events:?}") };
    assert_eq!(fault.message, "model runner has unexpectedly stopped");
    assert_eq!(fault.error_type, ErrorType::ProviderUnavailable);
    for bad in ["", "[]", "{}", r#"{"done":false}"#, r#"{"error":"no"}"#, "data: {}"] {
        assert!(decode_response(bad.as_bytes(), &ResponseContext::default()).is_err(), "{bad}");
    }
}

#[test]
fn errors_are_texts() {
    use ErrorType as E;
    for (status, message, kind) in [
        (400, "the input length exceeds the context length", E::ContextLengthExceeded),
        (400, "\"x\" does not support thinking", E::InvalidRequest),
        (401, "unauthorized", E::Authentication),
        (404, "model 'x' not found", E::NotFound),
        (500, "model requires more system memory", E::ProviderUnavailable),
        (503, "server busy, please try again", E::ProviderOverloaded),
    ] {
        let body = json!({"error": message}).to_string();
        let fault = decode_error(status, None, body.as_bytes());
        assert_eq!((fault.error_type, fault.message.as_str()), (kind, message), "{status}");
    }
}

#[test]
fn thoughts_in_tags_and_unwanted_ones_are_taken_out() {
    let body = r#"{"message":{"content":"<think>hm</think>\n\nHi"},"done":true}"#;
    let context = ResponseContext { think_tags: true, ..ResponseContext::default() };
    let response = decode_response(body.as_bytes(), &context).unwrap();
    assert_eq!(response.choices[0].turn.blocks.len(), 2);
    assert_eq!(response.choices[0].turn.blocks[1], Block::text("Hi"));
    let lines = [
        r#"{"message":{"content":"<thi"},"done":false}"#,
        r#"{"message":{"content":"nk>hm</think>Hi"},"done":false}"#,
        r#"{"message":{"content":""},"done":true}"#,
    ];
    assert_eq!(fold(events(&[lines.join("\n").as_bytes()], &context)).choices, response.choices);
    let excluded = ResponseContext { exclude_reasoning: true, ..ResponseContext::default() };
    let response = decode_response(WHOLE.as_bytes(), &excluded).unwrap();
    assert_eq!(response.choices[0].turn.blocks.len(), 3);
}

#[test]
fn log_probabilities_have_openai_s_form() {
    let body = r#"{"message":{"content":"x"},"done":true,"logprobs":[{"token":"x","logprob":-0.5,"bytes":[120],"top_logprobs":[]}]}"#;
    assert_eq!(
        decoded(body).choices[0].logprobs.as_ref().unwrap().get(),
        r#"{"content":[{"token":"x","logprob":-0.5,"bytes":[120],"top_logprobs":[]}]}"#
    );
}

proptest! {
    #[test]
    fn any_answer_told_as_a_stream_is_the_same_answer(
        thought in proptest::collection::vec("[a-zé]{1,5}", 0..3),
        text in proptest::collection::vec("[a-zé\" ]{1,5}", 0..4),
        calls in proptest::collection::vec((proptest::option::of("[a-z]{3}"), any::<i32>()), 0..4),
    ) {
        let mut lines = Vec::new();
        let mut line = |message: Value| {
            lines.push(json!({"model": "m", "created_at": "c", "message": message, "done": false})
                .to_string());
        };
        thought.iter().for_each(|piece| line(json!({ "thinking": piece })));
        text.iter().for_each(|piece| line(json!({ "content": piece })));
        let calls: Vec<Value> = calls
            .iter()
            .map(|(id, value)| {
                let mut call = json!({"function": {"name": "f", "arguments": {"a": value}}});
                if let Some(id) = id {
                    call["id"] = id.as_str().into();
                }
                call
            })
            .collect();
        calls.iter().for_each(|call| line(json!({ "tool_calls": [call] })));
        let last = r#"{"model":"m","created_at":"c","message":{},"done":true,"done_reason":"stop","eval_count":1}"#;
        lines.push(last.to_owned());
        let whole = json!({"model": "m", "created_at": "c", "done": true, "done_reason": "stop",
            "eval_count": 1, "message": {"thinking": thought.concat(), "content": text.concat(),
            "tool_calls": calls}});
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        prop_assert_eq!(fold(told(&lines)), decoded(&whole.to_string()));
    }

    #[test]
    fn splitting_the_bytes_anywhere_changes_nothing(
        cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..8),
    ) {
        let whole = STREAM.join("\r\n").into_bytes();
        let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(whole.len())).collect();
        at.sort_unstable();
        let mut chunks = Vec::new();
        let mut from = 0;
        for cut in at {
            chunks.push(&whole[from..cut]);
            from = cut;
        }
        chunks.push(&whole[from..]);
        let context = ResponseContext::default();
        prop_assert_eq!(events(&chunks, &context), events(&[&whole], &context));
    }

    /// Whatever the order of lines, a stream ends in one finish or one fault.
    #[test]
    fn any_order_of_lines_ends_once(order in proptest::collection::vec(0..STREAM.len(), 0..20)) {
        let lines: Vec<&str> = order.iter().map(|at| STREAM[*at]).collect();
        let ends = told(&lines)
            .iter()
            .filter(|event| matches!(event, Event::Fault(_) | Event::Finish { .. }))
            .count();
        prop_assert_eq!(ends, 1);
    }
}
