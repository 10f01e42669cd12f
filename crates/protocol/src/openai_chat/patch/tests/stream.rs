use proptest::prelude::*;

use super::{charge, identity};
use crate::exchange::PatchOutcome;
use crate::exchange::{Additions, ErrorType, Fault, FinishReason};
use crate::json::RawJson;
use crate::openai_chat::PatchStream;
use crate::sse::{Frame, FrameTooLong, Splitter};
use crate::target::ResponseContext;

const HEAD: &str = r#"data: {"id":"gen-1","provider":"P","model":"a/b","object":"chat.completion.chunk","created":7"#;

fn push(stream: &mut PatchStream, data: &str) -> (String, PatchOutcome) {
    let mut out = Vec::new();
    let outcome = stream.push(&Frame { event: None, data: data.as_bytes() }, &mut out);
    (String::from_utf8(out).unwrap(), outcome)
}

fn new() -> PatchStream {
    PatchStream::new(identity(), ResponseContext::default())
}

pub(super) fn all(chunks: &[&str]) -> Result<Vec<serde_json::Value>, Fault> {
    let mut stream = new();
    let mut out = Vec::new();
    for chunk in chunks {
        let outcome = stream.push(&Frame { event: None, data: chunk.as_bytes() }, &mut out);
        if let Some(fault) = outcome.fault {
            return Err(fault);
        }
    }
    stream.end()?;
    let charge = charge();
    stream.finish(
        Additions { charge: Some(&charge), members: &[], ..Additions::default() },
        &mut out,
    );
    Ok(read(&out))
}

/// Reads what was written as a caller does.
fn read(out: &[u8]) -> Vec<serde_json::Value> {
    let mut values = Vec::new();
    let mut done = 0;
    let mut splitter = Splitter::new();
    let mut keep = |frame: Frame<'_>| {
        assert_eq!(done, 0, "nothing comes after the end");
        if frame.is_done() {
            done += 1;
        } else {
            values.push(serde_json::from_slice(frame.data).unwrap());
        }
        Ok::<(), FrameTooLong>(())
    };
    splitter.push(out, &mut keep).unwrap();
    splitter.finish(&mut keep).unwrap();
    assert_eq!(done, 1);
    values
}

#[test]
fn a_text_chunk_keeps_every_byte_below_the_top() {
    let mut stream = new();
    for text in ["a", "h\\u00e9", "\\\"", "é 🎉"] {
        let (out, outcome) = push(
            &mut stream,
            &format!(
                r#"{{"id":"c","object":"chat.completion.chunk","created":1,"model":"gpt","system_fingerprint":"fp","choices":[{{"index":0,"delta":{{"content":"{text}"}},"x": 1.0e1,"finish_reason":null}}],"usage":null,"obfuscation":"{text}z"}}"#
            ),
        );
        assert_eq!(
            out,
            format!(
                "{HEAD},\"system_fingerprint\":\"fp\",\"obfuscation\":\"{text}z\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{text}\"}},\"x\": 1.0e1,\"finish_reason\":null}}]}}\n\n"
            )
        );
        assert!(outcome.content && outcome.fault.is_none());
    }
    assert_eq!(stream.upstream_id(), Some("c"));
}

/// STREAM-3, CHAT-12
#[test]
fn usage_comes_once_and_last_with_its_cost() {
    let out = all(&[
        r#"{"choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}],"usage":{"prompt_tokens":1,"completion_tokens":0}}"#,
        r#"{"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":null}],"usage":{"prompt_tokens":1,"completion_tokens":1}}"#,
        r#"{"choices":[{"index":0,"delta":{},"finish_reason":"eos"}]}"#,
        r#"{"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2}}"#,
        "[DONE]",
    ])
    .unwrap();
    assert_eq!(out.len(), 4, "{out:?}");
    assert_eq!(out[2]["choices"][0]["finish_reason"], "stop");
    assert_eq!(out[2]["choices"][0]["native_finish_reason"], "eos");
    assert!(out[..3].iter().all(|chunk| chunk.get("usage").is_none()));
    assert_eq!(out[3]["choices"], serde_json::json!([]));
    assert_eq!(out[3]["usage"]["completion_tokens"], 2, "replaced, not summed");
    assert_eq!(out[3]["usage"]["cost"], 0.5);
}

/// Bug 10
#[test]
fn chunks_without_choices_are_no_trouble() {
    let out = all(&[
        r#"{"choices":[],"prompt_filter_results":[{"prompt_index":0}]}"#,
        r#"{"choices":null}"#,
        r#"{"id":"x"}"#,
        r#"{"choices":[{"index":0,"delta":null,"finish_reason":null}]}"#,
        r#"{"choices":[{"delta":{"content":"a"}}]}"#,
        r#"{"choices":[{"index":0,"finish_reason":"stop"}],"x_groq":{"id":"r","usage":{"prompt_tokens":4,"completion_tokens":1}}}"#,
    ])
    .unwrap();
    assert_eq!(out.len(), 4, "{out:?}");
    assert!(out[0]["prompt_filter_results"].is_array(), "it waits for a chunk with choices");
    assert_eq!(out[0]["choices"][0]["delta"], serde_json::json!({}));
    assert_eq!(out[1]["choices"][0]["index"], 0);
    assert!(out[1].get("prompt_filter_results").is_none(), "told once");
    assert_eq!(out[2]["x_groq"], serde_json::json!({"id":"r"}));
    assert_eq!(out[3]["usage"]["prompt_tokens"], 4);
}

/// REASON-9, on the slow path and on the learned one
#[test]
fn reasoning_is_told_in_both_forms() {
    let mut stream = new();
    for text in ["a", "b\\n", "c"] {
        let (out, outcome) = push(
            &mut stream,
            &format!(
                r#"{{"choices":[{{"index":0,"delta":{{"content":null,"reasoning_content":"{text}"}},"finish_reason":null}}]}}"#
            ),
        );
        assert_eq!(
            out,
            format!(
                "{HEAD},\"choices\":[{{\"index\":0,\"delta\":{{\"content\":null,\"reasoning\":\"{text}\",\"reasoning_details\":[{{\"type\":\"reasoning.text\",\"text\":\"{text}\",\"format\":\"unknown\",\"index\":0}}]}},\"finish_reason\":null}}]}}\n\n"
            )
        );
        assert!(outcome.content);
    }
}

/// Bugs 2, 3, 15, 29
#[test]
fn tool_calls_are_repaired() {
    let out = all(&[
        r#"{"id":"x","choices":[{"index":0,"delta":{"tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":""}}]}}]}"#,
        r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"id":"a","function":{"name":"f","arguments":"{\"q\":"}}]}}]}"#,
        r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":null,"function":{"arguments":"1}"}}]}}]}"#,
        r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"name":"g","arguments":{"z":2}}}]}}]}"#,
        r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":7,"id":"n","type":"function","function":{"name":"h"}}]}}]}"#,
        r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#,
    ])
    .unwrap();
    let mut calls = vec![(String::new(), String::new(), String::new()); 3];
    for chunk in &out {
        for call in chunk["choices"][0]["delta"]["tool_calls"].as_array().unwrap_or(&vec![]) {
            let at = call["index"].as_u64().unwrap() as usize;
            calls[at].0.push_str(call["id"].as_str().unwrap_or_default());
            calls[at].1.push_str(call["function"]["name"].as_str().unwrap_or_default());
            calls[at].2.push_str(call["function"]["arguments"].as_str().unwrap_or_default());
        }
    }
    assert_eq!(calls[0], ("a".into(), "f".into(), "{\"q\":1}".into()));
    assert_eq!(calls[1].1, "g");
    assert_eq!(calls[1].2, "{\"z\":2}");
    assert!(calls[1].0.starts_with("call_"));
    assert_eq!(calls[2], ("n".into(), "h".into(), "{}".into()));
    let last = &out[out.len() - 2]["choices"][0];
    assert_eq!(last["finish_reason"], "tool_calls");
}

/// The calls of a streamed answer as callers add them up: id, name, arguments.
fn added_up(context: ResponseContext, pieces: &[&str]) -> Vec<(String, String, String)> {
    let mut stream = PatchStream::new(identity(), context);
    let mut calls: Vec<(String, String, String)> = Vec::new();
    for piece in pieces {
        let (out, _) = push(
            &mut stream,
            &format!(
                r#"{{"choices":[{{"index":0,"delta":{{"tool_calls":[{piece}]}},"finish_reason":null}}]}}"#
            ),
        );
        let value: serde_json::Value = serde_json::from_str(&out["data: ".len()..]).unwrap();
        for call in value["choices"][0]["delta"]["tool_calls"].as_array().unwrap() {
            let at = call["index"].as_u64().unwrap() as usize;
            calls.resize_with(calls.len().max(at + 1), Default::default);
            calls[at].0.push_str(call["id"].as_str().unwrap_or_default());
            calls[at].1.push_str(call["function"]["name"].as_str().unwrap_or_default());
            calls[at].2.push_str(call["function"]["arguments"].as_str().unwrap_or_default());
        }
    }
    calls
}

/// Bugs 2, 28, 29
#[test]
fn a_name_may_come_late_in_parts_or_again_and_again() {
    let renamed = ResponseContext {
        tool_names: [("get_weather".to_owned(), "get.weather".to_owned())].into(),
        ..ResponseContext::default()
    };
    for (pieces, name, arguments) in [
        (
            vec![
                r#"{"index":0,"id":"c","function":{"arguments":""}}"#,
                r#"{"index":0,"function":{"name":"get_weather","arguments":"{}"}}"#,
            ],
            "get.weather",
            "{}",
        ),
        (
            vec![
                r#"{"id":"c","function":{"name":null,"arguments":"{"}}"#,
                r#"{"function":{"name":"get_weather","arguments":"}"}}"#,
                r#"{"id":"c","function":{"name":"get_weather","arguments":" "}}"#,
            ],
            "get.weather",
            "{} ",
        ),
        (
            vec![
                r#"{"index":0,"id":"c"}"#,
                r#"{"index":0,"function":{"name":"get_"}}"#,
                r#"{"index":0,"function":{"name":"time","arguments":""}}"#,
                r#"{"index":0,"function":{"name":"","arguments":"{}"}}"#,
            ],
            "get_time",
            "{}",
        ),
    ] {
        let expected = vec![("c".to_owned(), name.to_owned(), arguments.to_owned())];
        assert_eq!(added_up(renamed.clone(), &pieces), expected, "{pieces:?}");
    }
}

/// Bug 2: every call has the index 0; what was learned must not be applied to the next call.
#[test]
fn arguments_go_to_the_call_that_began_last() {
    let start = |id: &str| {
        format!(
            r#"{{"choices":[{{"index":0,"delta":{{"tool_calls":[{{"index":0,"id":"{id}","type":"function","function":{{"name":"f","arguments":""}}}}]}}}}]}}"#
        )
    };
    let piece = |text: &str| {
        format!(
            r#"{{"choices":[{{"index":0,"delta":{{"tool_calls":[{{"index":0,"function":{{"arguments":"{text}"}}}}]}}}}]}}"#
        )
    };
    let mut stream = new();
    for (call, id) in ["a", "b"].iter().enumerate() {
        push(&mut stream, &start(id));
        for text in ["1", "2", "3"] {
            let (out, _) = push(&mut stream, &piece(text));
            assert!(
                out.contains(&format!(
                    r#"[{{"index":{call},"function":{{"arguments":"{text}"}}}}]"#
                )),
                "{out}"
            );
        }
    }
}

/// Bug 2: the id says whose a piece is, and what was learned of an index ends with its meaning.
#[test]
fn a_call_goes_on_under_another_index() {
    let calls = added_up(
        ResponseContext::default(),
        &[
            r#"{"index":0,"id":"a","type":"function","function":{"name":"f","arguments":"{\"q\":"}}"#,
            r#"{"index":1,"id":"a","function":{"arguments":"1"}}"#,
            r#"{"index":1,"function":{"arguments":"2"}}"#,
            r#"{"index":1,"function":{"arguments":"3"}}"#,
            r#"{"index":2,"id":"b","type":"function","function":{"name":"g","arguments":"{"}}"#,
            r#"{"index":1,"function":{"arguments":"}"}}"#,
            r#"{"index":1,"id":"b","function":{"arguments":"}"}}"#,
        ],
    );
    assert_eq!(calls[0], ("a".into(), "f".into(), "{\"q\":123}".into()));
    assert_eq!(calls[1], ("b".into(), "g".into(), "{}".into()));
    assert_eq!(calls.len(), 2);
}

#[test]
fn a_call_that_never_gets_its_name_is_a_fault() {
    let call = r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"a","function":{"arguments":"{}"}}]}}]}"#;
    let end = |reason: &str| {
        format!(r#"{{"choices":[{{"index":0,"delta":{{}},"finish_reason":"{reason}"}}]}}"#)
    };
    for last in [&end("tool_calls"), "[DONE]"] {
        let fault = all(&[call, last]).expect_err("a fault");
        assert_eq!(fault.error_type, ErrorType::ProviderUnavailable, "{last}");
    }
    assert!(all(&[call, &end("length")]).is_ok());
}

/// Bugs 11, 16
#[test]
fn a_stream_that_fails_or_breaks_off_is_a_fault() {
    let text = r#"{"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":null}]}"#;
    let end = r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#;
    for (chunks, error_type) in [
        (vec![text], ErrorType::ProviderUnavailable),
        (vec![], ErrorType::ProviderUnavailable),
        (vec!["[DONE]"], ErrorType::ProviderUnavailable),
        (
            vec![r#"{"error":{"message":"x","code":"rate_limit_exceeded"}}"#],
            ErrorType::RateLimitExceeded,
        ),
        (vec![text, r#"{"error":{"message":"Overloaded"}}"#], ErrorType::ProviderOverloaded),
        (vec![text, "{not json"], ErrorType::ProviderUnavailable),
        (vec![text, r#"[{"error":{"code":400,"message":"m"}}]"#], ErrorType::InvalidRequest),
        (vec![text, r#"{"choices":[7]}"#], ErrorType::ProviderUnavailable),
    ] {
        assert_eq!(all(&chunks).expect_err("a fault").error_type, error_type, "{chunks:?}");
    }
    assert!(all(&[text, end]).is_ok(), "some never say done");
    let silent = all(&[text, "[DONE]"]).unwrap();
    assert_eq!(silent[1]["choices"][0]["finish_reason"], "stop");
    let context = ResponseContext { no_finish_reason: true, ..ResponseContext::default() };
    let mut stream = PatchStream::new(identity(), context);
    push(&mut stream, text);
    assert_eq!(stream.end(), Ok(()));
}

/// STREAM-5: the word alone does not tell what went wrong.
#[test]
fn an_end_that_is_an_error_tells_of_it() {
    let out = all(&[
        r#"{"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":null}]}"#,
        r#"{"choices":[{"index":0,"delta":{},"finish_reason":"network_error"}]}"#,
    ])
    .unwrap();
    assert_eq!(out[1]["choices"][0]["finish_reason"], "error");
    assert_eq!(out[1]["error"]["code"], 502);
    assert_eq!(out[1]["error"]["metadata"]["provider_code"], "network_error");
}

/// The call of hosts from before `tool_calls`, and images, which have prices of their own.
#[test]
fn legacy_calls_and_images_are_seen() {
    let mut stream = new();
    for delta in [
        r#"{"function_call":{"name":"f","arguments":""}}"#,
        r#"{"function_call":{"arguments":"{}"}}"#,
        r#"{"images":[{"type":"image_url","image_url":{"url":"data:x"}}]}"#,
    ] {
        let (out, outcome) =
            push(&mut stream, &format!(r#"{{"choices":[{{"index":0,"delta":{delta}}}]}}"#));
        assert!(outcome.content && !out.contains("function_call"), "{out}");
    }
    let (out, _) = push(
        &mut stream,
        r#"{"choices":[{"index":0,"delta":{},"finish_reason":"function_call"}]}"#,
    );
    assert!(out.contains(r#""finish_reason":"tool_calls""#), "{out}");
    assert_eq!(stream.images(), 1);
}

/// Some hosts tell the role in every chunk.
#[test]
fn the_role_is_told_once() {
    let mut stream = new();
    for at in 0..6 {
        let (out, _) = push(
            &mut stream,
            r#"{"choices":[{"index":0,"delta":{"role":"assistant","content":"a"},"finish_reason":null}]}"#,
        );
        assert_eq!(out.contains("\"role\""), at == 0, "{out}");
        assert!(out.contains(r#""content":"a""#));
    }
}

/// Bug 7: compatible endpoints carry thought signatures beside the function.
#[test]
fn what_a_call_carries_beside_its_function_survives() {
    let carried = r#""extra_content":{"google":{"thought_signature":"s"}}"#;
    let (out, _) = push(
        &mut new(),
        &format!(
            r#"{{"choices":[{{"index":0,"delta":{{"tool_calls":[{{"index":0,"id":"c","type":"function","function":{{"name":"f","arguments":"{{}}"}},{carried}}}]}}}}]}}"#
        ),
    );
    assert!(out.contains(carried), "{out}");
}

/// wire-formats 11: the host could not read its own model's call.
#[test]
fn a_call_in_an_error_is_a_call() {
    let error = r#"{"error":{"message":"m","code":"tool_use_failed","failed_generation":"{\"name\":\"f\",\"arguments\":{\"a\":1}}"}}"#;
    let out = all(&[error]).unwrap();
    let choice = &out[0]["choices"][0];
    assert_eq!(choice["delta"]["tool_calls"][0]["function"]["name"], "f");
    assert_eq!(choice["delta"]["tool_calls"][0]["function"]["arguments"], "{\"a\":1}");
    assert_eq!(choice["finish_reason"], "tool_calls");
    let unreadable =
        r#"{"error":{"message":"m","code":"tool_use_failed","failed_generation":"hm"}}"#;
    assert_eq!(all(&[unreadable]).unwrap_err().error_type, ErrorType::ProviderUnavailable);
}

/// Large chunks are not kept for comparison.
#[test]
fn what_is_learned_is_bounded() {
    let mut stream = new();
    for _ in 0..4 {
        let padding = "x".repeat(10_000);
        push(
            &mut stream,
            &format!(r#"{{"choices":[{{"index":0,"delta":{{"content":"a"}}}}],"x":"{padding}"}}"#),
        );
    }
    assert_eq!(stream.known_shapes(), 0);
}

/// Bug 11
#[test]
fn a_frame_named_error_is_a_fault_whatever_it_holds() {
    for data in [r#"{"message":"busy","code":"server_is_overloaded"}"#, "{}", "busy", ""] {
        let frame = Frame { event: Some("error"), data: data.as_bytes() };
        let outcome = new().push(&frame, &mut Vec::new());
        assert_eq!(outcome.fault.is_some(), !data.is_empty(), "{data}");
    }
}

/// STREAM-5, STREAM-6
#[test]
fn a_failure_after_the_beginning_is_told_as_a_chunk() {
    let mut stream = new();
    let mut out = Vec::new();
    let fault = Fault::new(ErrorType::ProviderUnavailable, "gone").with_provider_code("E");
    stream.fail(&fault, &mut out);
    assert_eq!(
        String::from_utf8(out).unwrap(),
        format!(
            "{HEAD},\"error\":{{\"code\":502,\"message\":\"gone\",\"metadata\":{{\"error_type\":\"provider_unavailable\",\"provider_code\":\"E\"}}}},\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"\"}},\"finish_reason\":\"error\",\"native_finish_reason\":null}}]}}\n\ndata: [DONE]\n\n"
        )
    );
}

#[test]
fn several_choices_end_each_on_their_own() {
    let mut stream = new();
    push(
        &mut stream,
        r#"{"choices":[{"index":1,"delta":{"content":"b"}},{"index":0,"delta":{"content":"a"}}]}"#,
    );
    push(&mut stream, r#"{"choices":[{"index":1,"delta":{},"finish_reason":"length"}]}"#);
    assert_eq!(stream.progress(), (2, 1));
    assert!(stream.end().is_err());
    assert_eq!(stream.finish_reason(), Some(FinishReason::Length));
}

#[test]
fn an_end_without_a_reason_has_the_one_that_callers_are_told() {
    let call = r#""tool_calls":[{"index":0,"id":"c","function":{"name":"f","arguments":"{}"}}]"#;
    for (delta, expected) in
        [(r#""content":"a""#, FinishReason::Stop), (call, FinishReason::ToolCalls)]
    {
        let mut stream = new();
        push(&mut stream, &format!(r#"{{"choices":[{{"index":0,"delta":{{{delta}}}}}]}}"#));
        push(&mut stream, "[DONE]");
        assert_eq!(stream.finish_reason(), None);
        stream.end().unwrap();
        assert_eq!(stream.finish_reason(), Some(expected));
    }
}

#[test]
fn an_end_that_is_said_twice_is_told_once() {
    let end = r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":1}}"#;
    let out = all(&[r#"{"choices":[{"index":0,"delta":{"content":"a"}}]}"#, end, end]).unwrap();
    assert_eq!(out.len(), 3, "{out:?}");
}

#[test]
fn line_breaks_inside_a_chunk_do_not_tear_the_frame() {
    let pretty = "{\n \"choices\": [\n  {\"index\": 0,\n \"delta\": {\"content\": \"a\"},\n \"finish_reason\": null}\n ],\n \"x\": {\n }\n}";
    let (out, _) = push(&mut new(), pretty);
    assert_eq!(out.matches('\n').count(), 2, "{out}");
}

#[test]
fn members_of_the_gateway_stand_in_the_last_chunk() {
    let mut stream = new();
    push(
        &mut stream,
        r#"{"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":"stop"}]}"#,
    );
    let members = [("openrouter_metadata".to_owned(), RawJson::of("m").unwrap())];
    let mut out = Vec::new();
    stream.finish(Additions { charge: None, members: &members, ..Additions::default() }, &mut out);
    assert_eq!(read(&out)[0]["openrouter_metadata"], "m");
}

/// CHAT-8
#[test]
fn a_repeated_prefill_is_taken_off() {
    let context = ResponseContext { prefill: Some("{\"a".into()), ..ResponseContext::default() };
    let mut stream = PatchStream::new(identity(), context);
    let mut text = String::new();
    for piece in [r#"{\""#, r#"a\""#, ":1}"] {
        let (out, _) = push(
            &mut stream,
            &format!(
                r#"{{"choices":[{{"index":0,"delta":{{"content":"{piece}"}},"finish_reason":null}}]}}"#
            ),
        );
        let value: serde_json::Value = serde_json::from_str(&out[6..]).unwrap();
        text.push_str(value["choices"][0]["delta"]["content"].as_str().unwrap());
    }
    assert_eq!(text, "\":1}");
}

fn chunk() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z\"\\\\\n é]{0,6}".prop_map(|text| {
            let text = serde_json::to_string(&text).unwrap();
            format!(r#"{{"id":"x","choices":[{{"index":0,"delta":{{"content":{text}}},"finish_reason":null}}],"obfuscation":"ab"}}"#)
        }),
        "[a-z]{0,6}".prop_map(|text| {
            format!(r#"{{"id":"x","choices":[{{"index":0,"delta":{{"reasoning":"{text}"}},"finish_reason":null}}]}}"#)
        }),
        "[a-z]{0,6}".prop_map(|text| {
            format!(r#"{{"choices":[{{"index":0,"delta":{{"tool_calls":[{{"index":2,"id":"i","function":{{"name":"f","arguments":"{text}"}}}}]}}}}]}}"#)
        }),
        "[a-z]{0,6}".prop_map(|text| {
            format!(r#"{{"choices":[{{"index":0,"delta":{{"tool_calls":[{{"index":2,"function":{{"arguments":"{text}"}}}}]}}}}]}}"#)
        }),
        Just(r#"{"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2}}"#.to_owned()),
        ("[ab]", "[a-z]{1,6}").prop_map(|(tier, text)| {
            format!(r#"{{"service_tier":"{tier}","choices":[{{"index":0,"delta":{{"content":"{text}"}}}}]}}"#)
        }),
    ]
}

/// What stands in an event of errors is one, whatever it looks like.
#[test]
fn an_error_that_looks_like_a_chunk_is_an_error() {
    let mut stream = new();
    let chunk =
        |text: &str| format!(r#"{{"choices":[{{"index":0,"delta":{{"content":"{text}"}}}}]}}"#);
    let mut out = Vec::new();
    for text in ["a", "b"] {
        stream.push(&Frame { event: None, data: chunk(text).as_bytes() }, &mut out);
    }
    let length = out.len();
    let outcome =
        stream.push(&Frame { event: Some("error"), data: chunk("c").as_bytes() }, &mut out);
    assert!(outcome.fault.is_some());
    assert_eq!(out.len(), length);
}

proptest! {
    /// What was learned changes nothing but the speed: a stream that learns and one that reads
    /// every chunk afresh write the same.
    #[test]
    fn learned_chunks_are_written_like_read_ones(chunks in proptest::collection::vec(chunk(), 0..24)) {
        let mut learning = new();
        let mut reading = new();
        reading.forget_how_to_learn();
        for chunk in &chunks {
            let one = push(&mut learning, chunk);
            let other = push(&mut reading, chunk);
            prop_assert_eq!(one, other);
        }
        prop_assert_eq!(learning.text_bytes(), reading.text_bytes());
        prop_assert_eq!(learning.service_tier(), reading.service_tier());
    }

    #[test]
    fn any_bytes_make_valid_frames_or_a_fault(data in proptest::collection::vec(any::<u8>(), 0..120)) {
        let mut stream = new();
        let mut out = Vec::new();
        let outcome = stream.push(&Frame { event: None, data: &data }, &mut out);
        prop_assert!(outcome.fault.is_none() || out.is_empty());
    }

    #[test]
    fn any_json_makes_valid_frames_or_a_fault(
        choice in "\\{\"(delta|message|index|finish_reason)\":[\\[\\]{}\":,a-z0-9]{0,40}\\}",
    ) {
        let mut stream = new();
        let mut out = Vec::new();
        let data = format!("{{\"choices\":[{choice}]}}");
        stream.push(&Frame { event: None, data: data.as_bytes() }, &mut out);
        let charge = charge();
        stream.finish(Additions { charge: Some(&charge), members: &[], ..Additions::default() }, &mut out);
        read(&out);
    }
}
