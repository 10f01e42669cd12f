use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::exchange::{
    Block, BlockKind, ErrorType, Event, FinishReason, ReasoningContent, Request, Response, Usage,
    fold,
};
use crate::openai_chat;
use crate::sse::{FrameTooLong, Splitter, write_event};
use crate::target::{Abilities, Encoded, Quirks, ReasoningStyle, ResponseContext, Target};

fn chat(body: Value) -> Request {
    openai_chat::decode_request(body.to_string().as_bytes()).unwrap()
}

fn written(request: Value, abilities: &Abilities) -> (Value, Encoded) {
    let quirks = Quirks::default();
    let target = Target::new("command-a", &quirks, abilities);
    let encoded = encode_request(&chat(request), &target).unwrap();
    (serde_json::from_slice(&encoded.body).unwrap(), encoded)
}

fn plain(request: Value) -> Value {
    written(request, &Abilities::default()).0
}

fn lost(encoded: &Encoded, path: &str) -> bool {
    encoded.losses.0.iter().any(|loss| loss.path == path)
}

fn tool(name: &str) -> Value {
    json!({"type": "function", "function": {"name": name}})
}

fn user(content: Value) -> Value {
    json!({"messages": [{"role": "user", "content": content}]})
}

#[test]
fn a_request_has_the_service_s_words() {
    let (body, encoded) = written(
        json!({
            "messages": [
                {"role": "developer", "content": "Be brief."}, {"role": "user", "content": "Hi"}],
            "max_tokens": 9, "temperature": 0.5, "top_p": 1.0, "top_k": 600, "seed": 3,
            "frequency_penalty": -1, "presence_penalty": 0.5, "logprobs": true,
            "stop": [" ", "a", "b"], "stream": true, "user": "u",
            "safety_mode": "STRICT", "documents": [{"data": {"text": "x"}}],
        }),
        &Abilities::default(),
    );
    assert_eq!(
        body,
        json!({
            "model": "command-a", "stream": true,
            "messages": [
                {"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}],
            "documents": [{"data": {"text": "x"}}],
            "max_tokens": 9, "temperature": 0.5, "p": 0.99, "k": 500, "seed": 3,
            "frequency_penalty": 0.0, "presence_penalty": 0.5, "logprobs": true,
            "stop_sequences": ["a", "b"], "safety_mode": "STRICT",
        })
    );
    for path in ["top_p", "top_k", "frequency_penalty", "stop", "user"] {
        assert!(lost(&encoded, path), "{path}");
    }
}

#[test]
fn no_more_than_five_stop_sequences_are_sent() {
    let mut request = chat(user("Hi".into()));
    request.sampling.stop = (0..7).map(|at| at.to_string()).collect();
    let (quirks, abilities) = (Quirks::default(), Abilities::default());
    let encoded = encode_request(&request, &Target::new("m", &quirks, &abilities)).unwrap();
    let body: Value = serde_json::from_slice(&encoded.body).unwrap();
    assert_eq!(body["stop_sequences"], json!(["0", "1", "2", "3", "4"]));
    assert!(lost(&encoded, "stop"));
}

/// Bugs 1, 3, 14
#[test]
fn calls_and_results_have_their_messages() {
    let body = plain(json!({
        "messages": [
            {"role": "user", "content": "Do both"},
            {"role": "assistant", "content": "I look.", "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "f", "arguments": ""}},
                {"id": "c2", "type": "function", "function": {"name": "g", "arguments": "{}"}}]},
            {"role": "tool", "tool_call_id": "c1", "content": "one"},
            {"role": "tool", "tool_call_id": "c2", "content": [{"type": "text", "text": "two"}]},
            {"role": "assistant", "content": " "},
            {"role": "user", "content": "And?"},
        ],
        "tools": [tool("f"), tool("g")],
    }));
    assert_eq!(
        body["messages"],
        json!([
            {"role": "user", "content": "Do both"},
            {"role": "assistant", "tool_plan": "I look.", "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}},
                {"id": "c2", "type": "function", "function": {"name": "g", "arguments": "{}"}}]},
            {"role": "tool", "tool_call_id": "c1", "content": "one"},
            {"role": "tool", "tool_call_id": "c2", "content": "two"},
            {"role": "user", "content": "And?"},
        ])
    );
    assert_eq!(
        body["tools"][0]["function"]["parameters"],
        json!({"type": "object", "properties": {}})
    );
}

/// Bug 30
#[test]
fn the_choice_among_tools_is_none_required_or_nothing() {
    let asked = |choice: Value| {
        let mut body = user("Hi".into());
        body["tools"] = json!([tool("f"), tool("g")]);
        body["tool_choice"] = choice;
        let body = plain(body);
        let names: Vec<String> = body["tools"]
            .as_array()
            .unwrap()
            .iter()
            .map(|tool| tool["function"]["name"].as_str().unwrap().to_owned())
            .collect();
        (body["tool_choice"].clone(), names.join(" "))
    };
    assert_eq!(asked("auto".into()), (Value::Null, "f g".into()));
    assert_eq!(asked("none".into()), ("NONE".into(), "f g".into()));
    assert_eq!(asked("required".into()), ("REQUIRED".into(), "f g".into()));
    let named = json!({"type": "function", "function": {"name": "g"}});
    assert_eq!(asked(named), ("REQUIRED".into(), "g".into()));
}

#[test]
fn files_of_text_are_documents_and_images_stay_parts() {
    let body = plain(user(json!([
        {"type": "file", "file": {"filename": "a.txt", "file_data": "data:text/plain;base64,aGk="}},
        {"type": "image_url", "image_url": {"url": "https://a/b.png", "detail": "low"}},
    ])));
    assert_eq!(body["documents"], json!([{"data": {"text": "hi", "title": "a.txt"}}]));
    assert_eq!(
        body["messages"][0]["content"],
        json!([{"type": "image_url", "image_url": {"url": "https://a/b.png", "detail": "low"}}])
    );
    let (quirks, abilities) =
        (Quirks { no_media_urls: true, ..Quirks::default() }, Abilities::default());
    let target = Target::new("m", &quirks, &abilities);
    let pdf = json!([{"type": "file", "file": {"file_data": "data:application/pdf;base64,eA=="}}]);
    let url = json!([{"type": "image_url", "image_url": {"url": "https://a/b.png"}}]);
    for bad in [pdf, url] {
        let fault = encode_request(&chat(user(bad)), &target).unwrap_err();
        assert!(fault.message.starts_with("messages[0].content[0]: "), "{}", fault.message);
    }
}

#[test]
fn schemas_stand_inside_the_format_unless_tools_are_offered() {
    let schema = json!({"type": "object", "properties": {"a": {"type": "string"}}});
    let mut body = user("Hi".into());
    body["response_format"] =
        json!({"type": "json_schema", "json_schema": {"name": "n", "schema": schema}});
    assert_eq!(
        plain(body.clone())["response_format"],
        json!({"type": "json_object", "json_schema": schema})
    );
    body["tools"] = json!([tool("f")]);
    let (body, _) = written(body, &Abilities::default());
    assert_eq!(body.get("response_format"), None);
    assert!(body["messages"][0]["content"].as_str().unwrap().contains("JSON Schema"));
}

/// wire-formats 12.4
#[test]
fn reasoning_is_switched_and_never_replayed() {
    let reasons = Abilities { reasoning: ReasoningStyle::Budget, ..Abilities::default() };
    let asked = |reasoning: Value, abilities: &Abilities| {
        let mut body = user("Hi".into());
        body["reasoning"] = reasoning;
        written(body, abilities).0["thinking"].clone()
    };
    assert_eq!(
        asked(json!({"max_tokens": 500}), &reasons),
        json!({"type": "enabled", "token_budget": 500})
    );
    assert_eq!(asked(json!({"enabled": true}), &reasons), json!({"type": "enabled"}));
    assert_eq!(asked(json!({"enabled": false}), &reasons), json!({"type": "disabled"}));
    assert_eq!(asked(json!({"enabled": true}), &Abilities::default()), Value::Null);
    let mandatory = Abilities { reasoning_mandatory: true, ..reasons };
    let (quirks, mut body) = (Quirks::default(), user("Hi".into()));
    body["reasoning"] = json!({"effort": "none"});
    let target = Target::new("m", &quirks, &mandatory);
    assert_eq!(encode_request(&chat(body), &target).unwrap_err().status, 400);
    let (body, encoded) = written(
        json!({"messages": [
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": "Ho", "reasoning": "hm"},
            {"role": "user", "content": "?"}]}),
        &Abilities::default(),
    );
    assert_eq!(body["messages"][1], json!({"role": "assistant", "content": "Ho"}));
    assert!(lost(&encoded, "messages[1].content[0]"), "{:?}", encoded.losses);
}

const WHOLE: &str = r#"{"id":"c1","finish_reason":"COMPLETE","message":{"role":"assistant","content":[
    {"type":"thinking","thinking":"Look at it."},{"type":"text","text":"Es ist grün."}],
    "citations":[{"start":7,"end":11,"text":"grün","type":"TEXT_CONTENT","content_index":1,
        "sources":[{"type":"document","id":"doc:0","document":{"id":"doc:0","title":"T","snippet":"S"}},
                   {"type":"tool","id":"t:0","tool_output":{"url":"https://a"}}]},
        {"start":0,"end":4,"text":"Look","type":"THINKING_CONTENT","sources":[{"type":"document","id":"d"}]}]},
    "usage":{"billed_units":{"input_tokens":10,"output_tokens":20},
        "tokens":{"input_tokens":70,"output_tokens":25},"cached_tokens":40}}"#;

const STREAM: [&str; 12] = [
    r#"{"id":"c1","type":"message-start","delta":{"message":{"role":"assistant","content":[]}}}"#,
    r#"{"type":"content-start","index":0,"delta":{"message":{"content":{"type":"thinking","thinking":""}}}}"#,
    r#"{"type":"content-delta","index":0,"delta":{"message":{"content":{"thinking":"Look "}}}}"#,
    r#"{"type":"content-delta","index":0,"delta":{"message":{"content":{"thinking":"at it."}}}}"#,
    r#"{"type":"content-end","index":0}"#,
    r#"{"type":"content-start","index":1,"delta":{"message":{"content":{"type":"text","text":""}}}}"#,
    r#"{"type":"content-delta","index":1,"delta":{"message":{"content":{"text":"Es ist "}}}}"#,
    r#"{"type":"content-delta","index":1,"delta":{"message":{"content":{"text":"grün."}}}}"#,
    r#"{"type":"citation-start","index":0,"delta":{"message":{"citations":{"start":7,"end":11,"text":"grün","type":"TEXT_CONTENT","content_index":1,"sources":[{"type":"document","id":"doc:0","document":{"id":"doc:0","title":"T","snippet":"S"}},{"type":"tool","id":"t:0","tool_output":{"url":"https://a"}}]}}}}"#,
    r#"{"type":"citation-end","index":0}"#,
    r#"{"type":"content-end","index":1}"#,
    r#"{"type":"message-end","delta":{"finish_reason":"COMPLETE","usage":{"billed_units":{"input_tokens":10,"output_tokens":20},"tokens":{"input_tokens":70,"output_tokens":25},"cached_tokens":40}}}"#,
];

fn events(chunks: &[&[u8]]) -> Vec<Event> {
    let mut decoder = StreamDecoder::new(ResponseContext::default());
    let (mut splitter, mut events) = (Splitter::new(), Vec::new());
    for chunk in chunks {
        let outcome = splitter.push(chunk, |frame| {
            decoder.push(&frame, &mut events);
            Ok::<(), FrameTooLong>(())
        });
        outcome.unwrap();
    }
    decoder.finish(&mut events);
    events
}

fn bytes(lines: &[&str]) -> Vec<u8> {
    let mut out = Vec::new();
    for line in lines {
        let kind: Value = serde_json::from_str(line).unwrap();
        write_event(&mut out, kind["type"].as_str().unwrap_or("x"), line.as_bytes());
    }
    out
}

fn told(lines: &[&str]) -> Vec<Event> {
    events(&[&bytes(lines)])
}

fn decoded(body: &str) -> Response {
    decode_response(body.as_bytes(), &ResponseContext::default()).unwrap()
}

/// Bug 17
#[test]
fn an_answer_has_its_reasoning_its_citations_and_what_is_billed() {
    let response = decoded(WHOLE);
    assert_eq!(response.id.as_deref(), Some("c1"));
    assert_eq!(
        response.usage,
        Some(Usage { input: 10, cached_input: 10, output: 20, ..Usage::default() })
    );
    let [thought, text] = response.choices[0].turn.blocks.as_slice() else {
        panic!("{response:?}")
    };
    let BlockKind::Reasoning(thought) = &thought.kind else { panic!("{thought:?}") };
    let expected = ReasoningContent::Text { text: "Look at it.".into(), signature: None };
    assert_eq!(thought.content, expected);
    let BlockKind::Text { annotations, .. } = &text.kind else { panic!("{text:?}") };
    let annotations: Vec<&str> = annotations.iter().map(|raw| raw.get()).collect();
    assert_eq!(
        annotations,
        [
            r#"{"type":"url_citation","url_citation":{"url":"doc:0","title":"T","content":"S","start_index":7,"end_index":11}}"#,
            r#"{"type":"url_citation","url_citation":{"url":"https://a","title":"t:0","content":"","start_index":7,"end_index":11}}"#,
        ]
    );
    assert_eq!(fold(told(&STREAM)), response, "the stream says the same");
}

/// A character that is cut in two, in every kind of piece; and halves that stay halves.
#[test]
fn half_a_character_is_joined_or_replaced_and_nothing_is_lost() {
    let lines = [
        STREAM[0],
        r#"{"type":"tool-plan-delta","delta":{"message":{"tool_plan":"p\ud83d"}}}"#,
        r#"{"type":"tool-plan-delta","delta":{"message":{"tool_plan":"\ude00"}}}"#,
        r#"{"type":"content-start","index":0,"delta":{"message":{"content":{"type":"thinking","thinking":"a\ud83d"}}}}"#,
        r#"{"type":"content-delta","index":0,"delta":{"message":{"content":{"thinking":"\ude00b\ud83d"}}}}"#,
        r#"{"type":"content-end","index":0}"#,
        r#"{"type":"content-start","index":1,"delta":{"message":{"content":{"type":"text","text":"\ud83d"}}}}"#,
        r#"{"type":"content-delta","index":1,"delta":{"message":{"content":{"text":"\ude00 bye\ud83d"}}}}"#,
        r#"{"type":"content-end","index":1}"#,
        r#"{"type":"tool-call-start","index":0,"delta":{"message":{"tool_calls":{"id":"t","type":"function","function":{"name":"f","arguments":"{\"a\":\"\ud83d"}}}}}"#,
        r#"{"type":"tool-call-delta","index":0,"delta":{"message":{"tool_calls":{"function":{"arguments":"\ude00\"}"}}}}}"#,
        r#"{"type":"message-end","delta":{"finish_reason":"TOOL_CALL"}}"#,
    ];
    let mut bytes = Vec::new();
    lines.iter().for_each(|line| write_event(&mut bytes, "x", line.as_bytes()));
    let response = fold(events(&[&bytes]));
    let told = format!("{:?}", response.choices[0].turn.blocks);
    for text in ["\"p😀\"", "\"a😀b\u{fffd}\"", "\"😀 bye\u{fffd}\"", r#"{\"a\":\"😀\"}"#] {
        assert!(told.contains(text), "{text} {told}");
    }
}

/// Bugs 2, 3, 15
#[test]
fn plans_and_calls_are_told_and_null_means_no_arguments() {
    let stream = [
        STREAM[0],
        r#"{"type":"tool-plan-delta","delta":{"message":{"tool_plan":"I will "}}}"#,
        r#"{"type":"tool-plan-delta","delta":{"message":{"tool_plan":"look."}}}"#,
        r#"{"type":"tool-call-start","index":0,"delta":{"message":{"tool_calls":{"id":"t1","type":"function","function":{"name":"f","arguments":""}}}}}"#,
        r#"{"type":"tool-call-delta","index":0,"delta":{"message":{"tool_calls":{"function":{"arguments":"{\"a\""}}}}}"#,
        r#"{"type":"tool-call-delta","index":0,"delta":{"message":{"tool_calls":{"function":{"arguments":":1}"}}}}}"#,
        r#"{"type":"tool-call-end","index":0}"#,
        r#"{"type":"tool-call-start","index":1,"delta":{"message":{"tool_calls":{"id":"t2","type":"function","function":{"name":"g","arguments":""}}}}}"#,
        r#"{"type":"tool-call-delta","index":1,"delta":{"message":{"tool_calls":{"function":{"arguments":"nu"}}}}}"#,
        r#"{"type":"tool-call-delta","index":1,"delta":{"message":{"tool_calls":{"function":{"arguments":"ll"}}}}}"#,
        r#"{"type":"tool-call-end","index":1}"#,
        r#"{"type":"tool-call-start","index":2,"delta":{"message":{"tool_calls":{"type":"function","function":{"name":"h"}}}}}"#,
        r#"{"type":"message-end","delta":{"finish_reason":"TOOL_CALL"}}"#,
    ];
    let folded = fold(told(&stream));
    let whole = decoded(
        r#"{"id":"c1","finish_reason":"TOOL_CALL","message":{"role":"assistant","tool_plan":"I will look.",
        "tool_calls":[{"id":"t1","type":"function","function":{"name":"f","arguments":"{\"a\":1}"}},
        {"id":"t2","type":"function","function":{"name":"g","arguments":"null"}},
        {"type":"function","function":{"name":"h"}}]}}"#,
    );
    assert_eq!(folded, whole);
    let calls: Vec<(&str, &str)> = whole.choices[0]
        .turn
        .blocks
        .iter()
        .filter_map(|block| match &block.kind {
            BlockKind::ToolCall { id, arguments, .. } => Some((id.as_str(), arguments.as_str())),
            _ => None,
        })
        .collect();
    assert_eq!(calls[..2], [("t1", "{\"a\":1}"), ("t2", "{}")]);
    assert!(calls[2].0.starts_with("call_") && calls[2].1 == "{}");
    assert_eq!(whole.choices[0].finish, Some(FinishReason::ToolCalls));
}

/// Bug 30
#[test]
fn every_finish_reason_has_its_normalised_value() {
    for (native, reason) in [
        ("COMPLETE", FinishReason::Stop),
        ("STOP_SEQUENCE", FinishReason::Stop),
        ("MAX_TOKENS", FinishReason::Length),
        ("TOOL_CALL", FinishReason::ToolCalls),
        ("ERROR", FinishReason::Error),
        ("TIMEOUT", FinishReason::Error),
        ("ERROR_LIMIT", FinishReason::Length),
        ("ERROR_TOXIC", FinishReason::ContentFilter),
        ("SOMETHING_NEW", FinishReason::Stop),
    ] {
        assert_eq!(wire::finish_of(native), reason, "{native}");
        let end = format!(r#"{{"type":"message-end","delta":{{"finish_reason":"{native}"}}}}"#);
        let events = told(&[STREAM[0], &end]);
        let finish = Event::Finish { choice: 0, reason, native: Some(native.into()) };
        assert_eq!(events.last(), Some(&finish));
    }
}

/// Bugs 11, 16
#[test]
fn what_breaks_off_or_fails_is_a_fault() {
    for cut in 0..STREAM.len() {
        let events = told(&STREAM[..cut]);
        assert!(matches!(events.last(), Some(Event::Fault(_))), "cut behind {cut}");
    }
    let failed =
        r#"{"type":"message-end","delta":{"finish_reason":"ERROR","error":"out of memory"}}"#;
    let events = told(&[STREAM[0], STREAM[6], failed, STREAM[11]]);
    let Some(Event::Fault(fault)) = events.last() else { panic!("{events:?}") };
    assert_eq!(fault.message, "out of memory");
    assert_eq!(fault.provider_code.as_deref(), Some("ERROR"));
    let events = told(&[r#"{"message":"too many tokens: limit is 128000"}"#]);
    let [Event::Fault(fault)] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!(fault.error_type, ErrorType::ContextLengthExceeded);
    for bad in ["", "[]", "{}", r#"{"message":"no"}"#, r#"{"message":{"content":[1]}}"#] {
        assert!(decode_response(bad.as_bytes(), &ResponseContext::default()).is_err(), "{bad}");
    }
}

#[test]
fn statuses_of_this_service_are_understood() {
    use ErrorType as E;
    for (status, message, kind) in [
        (400, "too many tokens: size limit exceeded by 5 tokens", E::ContextLengthExceeded),
        (400, "invalid request: p", E::InvalidRequest),
        (401, "invalid api token", E::Authentication),
        (402, "please add a payment method", E::PaymentRequired),
        (404, "model 'x' not found", E::NotFound),
        (422, "no", E::Unprocessable),
        (429, "too many tokens per minute", E::RateLimitExceeded),
        (498, "blocked", E::Authentication),
        (499, "request cancelled", E::ProviderUnavailable),
        (500, "internal", E::ProviderUnavailable),
    ] {
        let body = json!({"id": "e", "message": message}).to_string();
        let fault = decode_error(status, Some("2"), body.as_bytes());
        assert_eq!(fault.error_type, kind, "{status} {message}");
        assert_eq!((fault.message.as_str(), fault.retry_after), (message, Some(2)));
    }
}

#[test]
fn log_probabilities_have_openai_s_form() {
    let delta = r#"{"type":"content-delta","index":0,"delta":{"message":{"content":{"text":"Hi"}}},"logprobs":{"text":"Hi","token_ids":[1],"logprobs":[-0.5]}}"#;
    let folded = fold(told(&[delta, STREAM[11]]));
    let expected = r#"{"content":[{"token":"Hi","logprob":-0.5,"bytes":null,"top_logprobs":[]}]}"#;
    assert_eq!(folded.choices[0].logprobs.as_ref().unwrap().get(), expected);
    let whole = decoded(
        r#"{"finish_reason":"COMPLETE","message":{"content":"Hi"},"logprobs":[{"text":"Hi","token_ids":[1],"logprobs":[-0.5]}]}"#,
    );
    assert_eq!(whole.choices[0].logprobs.as_ref().unwrap().get(), expected);
    assert_eq!(whole.choices[0].turn.blocks, [Block::text("Hi")]);
}

proptest! {
    #[test]
    fn any_answer_told_as_a_stream_is_the_same_answer(
        thought in proptest::collection::vec("[a-zé]{1,5}", 0..3),
        text in proptest::collection::vec("[a-zé\" ]{1,5}", 0..4),
        plan in proptest::collection::vec("[a-z ]{1,5}", 0..3),
        calls in proptest::collection::vec(
            prop_oneof![Just("null"), Just(""), Just("{}"), Just("{\"a\":[null,1]}")], 0..4),
        size in 1_usize..5,
    ) {
        let mut content = Vec::new();
        let mut lines = vec![STREAM[0].to_owned()];
        for (kind, pieces) in [("thinking", &thought), ("text", &text)] {
            if pieces.is_empty() {
                continue;
            }
            let index = content.len();
            content.push(json!({"type": kind, kind: pieces.concat()}));
            for piece in pieces {
                lines.push(json!({"type": "content-delta", "index": index,
                    "delta": {"message": {"content": {kind: piece}}}}).to_string());
            }
        }
        for piece in &plan {
            lines.push(json!({"type": "tool-plan-delta",
                "delta": {"message": {"tool_plan": piece}}}).to_string());
        }
        let mut told_calls = Vec::new();
        for (index, arguments) in calls.iter().enumerate() {
            let function = json!({"name": "f", "arguments": arguments});
            told_calls.push(json!({"id": format!("t{index}"), "function": function}));
            lines.push(json!({"type": "tool-call-start", "index": index, "delta": {"message":
                {"tool_calls": {"id": format!("t{index}"), "function": {"name": "f"}}}}})
                .to_string());
            for piece in arguments.as_bytes().chunks(size) {
                let piece = String::from_utf8_lossy(piece);
                lines.push(json!({"type": "tool-call-delta", "index": index, "delta": {"message":
                    {"tool_calls": {"function": {"arguments": piece}}}}}).to_string());
            }
            lines.push(json!({"type": "tool-call-end", "index": index}).to_string());
        }
        lines.push(json!({"type": "message-end", "delta": {"finish_reason": "COMPLETE"}})
            .to_string());
        let whole = json!({"id": "c1", "finish_reason": "COMPLETE", "message": {
            "content": content, "tool_plan": plan.concat(), "tool_calls": told_calls}});
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        prop_assert_eq!(fold(told(&lines)), decoded(&whole.to_string()));
    }

    #[test]
    fn splitting_the_bytes_anywhere_changes_nothing(
        cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..8),
    ) {
        let whole = bytes(&STREAM);
        let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(whole.len())).collect();
        at.sort_unstable();
        let mut chunks = Vec::new();
        let mut from = 0;
        for cut in at {
            chunks.push(&whole[from..cut]);
            from = cut;
        }
        chunks.push(&whole[from..]);
        prop_assert_eq!(events(&chunks), events(&[&whole]));
    }

    /// Whatever the order of events, a stream ends in one finish or one fault.
    #[test]
    fn any_order_of_events_ends_once(order in proptest::collection::vec(0..STREAM.len(), 0..30)) {
        let lines: Vec<&str> = order.iter().map(|at| STREAM[*at]).collect();
        let ends = told(&lines)
            .iter()
            .filter(|event| matches!(event, Event::Fault(_) | Event::Finish { .. }))
            .count();
        prop_assert_eq!(ends, 1);
    }
}

/// Bug 28
#[test]
fn names_results_and_schemas_are_such_as_the_service_takes() {
    let schema = |parameters: Value| json!({"type": "function", "function": {"name": "f", "parameters": parameters}});
    let (body, encoded) = written(
        json!({
            "messages": [
                {"role": "user", "content": "hi"},
                {"role": "assistant", "tool_calls": [
                    {"id": "c", "type": "function", "function": {"name": "a.b/c", "arguments": "{}"}}]},
                {"role": "tool", "tool_call_id": "c", "content": ""}],
            "tools": [
                tool("a.b/c"), schema(json!({})), schema(json!({"anyOf": [{"type": "object"}]})),
                schema(json!({"type": "object", "properties": {"x": {}}}))],
            "temperature": 1.5,
        }),
        &Abilities::default(),
    );
    assert_eq!(body["tools"][0]["function"]["name"], "a_b_c");
    assert_eq!(body["messages"][1]["tool_calls"][0]["function"]["name"], "a_b_c");
    assert_eq!(encoded.context.declared_name("a_b_c"), "a.b/c");
    assert_eq!(body["messages"][2]["content"], "(no content)");
    let parameters = |at: usize| &body["tools"][at]["function"]["parameters"];
    assert_eq!(parameters(1), &json!({"type": "object", "properties": {}}));
    assert_eq!(parameters(2), &json!({"type": "object", "anyOf": [{"type": "object"}]}));
    assert_eq!(parameters(3), &json!({"type": "object", "properties": {"x": {}}}));
    assert_eq!(body["temperature"], 1.0);
    assert!(lost(&encoded, "temperature"));
}
