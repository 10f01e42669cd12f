use proptest::prelude::*;

use super::{events, identity};
use crate::exchange::BlockKind;
use crate::exchange::{
    Additions, Charge, ErrorType, Event, Fault, FinishReason, ReasoningDelta, ReasoningFormat,
    Usage, fold,
};
use crate::json::RawJson;
use crate::openai_chat::{StreamDecoder, StreamEncoder};
use crate::sse::Frame;
use crate::target::ResponseContext;

fn read(chunks: &[&str]) -> Vec<Event> {
    events(ResponseContext::default(), chunks)
}

/// USAGE-3: Moonshot's place of it.
#[test]
fn usage_may_stand_in_the_choice_that_ends() {
    let used = |chunks: &[&str]| {
        let mut found = read(chunks).into_iter().filter_map(|event| match event {
            Event::Usage(usage) => Some((usage.input, usage.output)),
            _ => None,
        });
        found.next_back()
    };
    let text = r#"{"id":"x","choices":[{"index":0,"delta":{"content":"a"}}]}"#;
    let end = r#"{"id":"x","choices":[{"index":0,"delta":{},"finish_reason":"stop","usage":{"prompt_tokens":9,"completion_tokens":2}}]}"#;
    let top = r#"{"id":"x","choices":[],"usage":{"prompt_tokens":9,"completion_tokens":1}}"#;
    assert_eq!(used(&[text, end]), Some((9, 2)));
    assert_eq!(used(&[text, top, end]), Some((9, 1)));
    assert_eq!(used(&[text, end, top]), Some((9, 1)));
    let other = r#"{"id":"x","choices":[{"index":1,"delta":{"content":"b"},"finish_reason":"stop","usage":{"prompt_tokens":9,"completion_tokens":3}}]}"#;
    assert_eq!(used(&[text, other, end]), Some((9, 5)));
}

/// Bugs 2, 3, 15, 22: an ordinary stream with all that vendors do to it.
#[test]
fn a_stream_becomes_events() {
    let found = read(&[
        r#"{"choices":[],"prompt_filter_results":[]}"#,
        r#"{"id":"x","model":"m","created":3,"choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}"#,
        r#"{"id":"x","choices":[{"index":0,"delta":{"reasoning_content":"hm"}}]}"#,
        r#"{"id":"x","choices":[{"delta":{"content":"a"}}],"usage":{"prompt_tokens":1}}"#,
        r#"{"id":"x","choices":[{"index":0,"delta":{"tool_calls":[{"index":1,"id":"c","function":{"name":"f","arguments":null}}]}}]}"#,
        r#"{"id":"x","choices":[{"index":0,"delta":null,"finish_reason":"stop"}]}"#,
        r#"{"id":"x","choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2}}"#,
        "[DONE]",
    ]);
    assert_eq!(
        found,
        vec![
            Event::Start {
                id: Some("x".into()),
                model: Some("m".into()),
                created: Some(3),
                service_tier: None,
                system_fingerprint: None
            },
            Event::Reasoning {
                choice: 0,
                index: 0,
                id: None,
                format: ReasoningFormat::Unknown,
                delta: ReasoningDelta::Text("hm".into())
            },
            Event::Text { choice: 0, text: "a".into() },
            Event::Usage(Usage { input: 1, ..Usage::default() }),
            Event::ToolCallStart { choice: 0, index: 0, id: "c".into(), name: "f".into() },
            Event::ToolCallArguments { choice: 0, index: 0, arguments: "{}".into() },
            Event::Finish {
                choice: 0,
                reason: FinishReason::ToolCalls,
                native: Some("stop".into())
            },
            Event::Usage(Usage { input: 1, output: 2, ..Usage::default() }),
        ]
    );
}

/// Bugs 11, 16
#[test]
fn a_broken_stream_ends_in_one_fault() {
    let text = r#"{"choices":[{"index":0,"delta":{"content":"a"}}]}"#;
    for (chunks, error_type) in [
        (vec![text], ErrorType::ProviderUnavailable),
        (vec![], ErrorType::ProviderUnavailable),
        (vec!["[DONE]"], ErrorType::ProviderUnavailable),
        (vec![text, "nonsense", text], ErrorType::ProviderUnavailable),
        (
            vec![r#"{"error":{"code":"insufficient_quota","message":"m"}}"#],
            ErrorType::PaymentRequired,
        ),
        (
            vec![text, r#"{"error":"the model is overloaded","choices":[]}"#],
            ErrorType::ProviderOverloaded,
        ),
        (vec![r#"{"object":"error","message":"m","code":429}"#], ErrorType::RateLimitExceeded),
        (
            vec![r#"{"base_resp":{"status_code":1002,"status_msg":"m"}}"#],
            ErrorType::RateLimitExceeded,
        ),
    ] {
        let found = read(&chunks);
        let faults: Vec<_> = found
            .iter()
            .filter_map(|event| match event {
                Event::Fault(fault) => Some(fault.error_type),
                _ => None,
            })
            .collect();
        assert_eq!(faults, [error_type], "{chunks:?}");
        assert!(matches!(found.last(), Some(Event::Fault(_))), "nothing after a fault");
    }
    let silent = read(&[text, "[DONE]"]);
    assert!(matches!(
        silent.last(),
        Some(Event::Finish { reason: FinishReason::Stop, native: None, .. })
    ));
    let context = ResponseContext { no_finish_reason: true, ..ResponseContext::default() };
    let silent = events(context, &[text]);
    assert!(matches!(silent.last(), Some(Event::Finish { .. })));
}

/// REASON-11
#[test]
fn pieces_of_reasoning_entries_join_by_index_and_kind() {
    let found = read(&[
        r#"{"id":"x","choices":[{"index":0,"delta":{"reasoning":"a","reasoning_details":[{"type":"reasoning.text","text":"a","format":"anthropic-claude-v1","index":0}]}}]}"#,
        r#"{"choices":[{"index":0,"delta":{"reasoning":"b","reasoning_details":[{"type":"reasoning.text","text":"b","index":0}]}}]}"#,
        r#"{"choices":[{"index":0,"delta":{"reasoning_details":[{"type":"reasoning.text","signature":"s","index":0,"format":"anthropic-claude-v1"}]}}]}"#,
        r#"{"choices":[{"index":0,"delta":{"reasoning_details":[{"type":"reasoning.encrypted","data":"d","id":"c","format":"google-gemini-v1","index":0}]},"finish_reason":"stop"}]}"#,
    ]);
    let answer = fold(found);
    let blocks = &answer.choices[0].turn.blocks;
    assert_eq!(blocks.len(), 2, "{blocks:?}");
    assert!(matches!(&blocks[0].kind, BlockKind::Reasoning(block)
        if block.format == ReasoningFormat::Anthropic
        && matches!(&block.content, crate::exchange::ReasoningContent::Text { text, signature }
            if text == "ab" && signature.as_deref() == Some("s"))));
}

#[test]
fn arguments_before_the_name_wait_for_it() {
    let found = read(&[
        r#"{"id":"x","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"c","function":{"arguments":"{\"a\""}}]}}]}"#,
        r#"{"id":"x","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"name":"f","arguments":":1}"}}]},"finish_reason":"tool_calls"}]}"#,
    ]);
    assert_eq!(
        found[1..3],
        [
            Event::ToolCallStart { choice: 0, index: 0, id: "c".into(), name: "f".into() },
            Event::ToolCallArguments { choice: 0, index: 0, arguments: "{\"a\":1}".into() },
        ]
    );
}

/// The call that began goes on under another index, and with text between its pieces.
#[test]
fn a_call_is_known_by_its_id_wherever_its_pieces_stand() {
    let piece = |call: &str| {
        format!(r#"{{"id":"x","choices":[{{"index":0,"delta":{{"tool_calls":[{call}]}}}}]}}"#)
    };
    let start = piece(r#"{"index":0,"id":"c","function":{"name":"f","arguments":"{\"a\":"}}"#);
    let other = piece(r#"{"index":1,"id":"d","function":{"name":"g","arguments":"{"}}"#);
    let end = r#"{"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}"#;
    let moved = piece(r#"{"index":1,"id":"c","function":{"arguments":"\"x\"}"}}"#);
    let unlabelled = piece(r#"{"index":1,"function":{"arguments":"}"}}"#);
    let calls = |chunks: &[&str]| -> Vec<(String, String)> {
        let blocks = fold(read(chunks)).choices.swap_remove(0).turn.blocks.into_iter();
        blocks
            .filter_map(|block| match block.kind {
                BlockKind::ToolCall { id, arguments, .. } => Some((id, arguments)),
                _ => None,
            })
            .collect()
    };
    let whole = [("c".to_owned(), r#"{"a":"x"}"#.to_owned())];
    assert_eq!(calls(&[&start, &moved, end]), whole);
    let both = calls(&[&start, &other, &moved, end]);
    assert_eq!(both[0], whole[0]);
    // An index that was given to two calls says nothing any more.
    let found = read(&[&start, &other, &moved, &unlabelled, end]);
    assert!(matches!(found.last(), Some(Event::Fault(fault))
        if fault.error_type == ErrorType::ProviderUnavailable));
}

#[test]
fn a_call_that_never_gets_its_name_is_a_fault() {
    let end = |reason: &str| {
        format!(r#"{{"choices":[{{"index":0,"delta":{{}},"finish_reason":"{reason}"}}]}}"#)
    };
    let call = |call: &str| {
        format!(r#"{{"id":"x","choices":[{{"index":0,"delta":{{"tool_calls":[{call}]}}}}]}}"#)
    };
    for (nameless, reason, is_fault) in [
        (r#"{"index":0,"id":"c","function":{"arguments":"{}"}}"#, "tool_calls", true),
        (r#"{"index":0,"id":"c"}"#, "stop", true),
        (r#"{"index":0,"function":{"arguments":"{}"}}"#, "stop", true),
        (r#"{"index":0}"#, "tool_calls", true),
        (r#"{"index":0}"#, "stop", false),
        (r#"{"index":0,"id":"c"}"#, "length", false),
    ] {
        let found = read(&[&call(nameless), &end(reason)]);
        let fault = matches!(found.last(), Some(Event::Fault(fault))
            if fault.error_type == ErrorType::ProviderUnavailable);
        assert_eq!(fault, is_fault, "{nameless} {reason}: {found:?}");
        let told = found.iter().any(|event| matches!(event, Event::Finish { .. }));
        assert_eq!(told, !is_fault, "{nameless} {reason}");
    }
    let silent = read(&[&call(r#"{"index":0,"id":"c"}"#), "[DONE]"]);
    assert!(matches!(silent.last(), Some(Event::Fault(_))), "{silent:?}");
}

/// A character that is cut in two, in every kind of piece; and halves that stay halves.
#[test]
fn half_a_character_is_joined_or_replaced_and_nothing_is_lost() {
    let of = |delta: &str| format!(r#"{{"id":"x","choices":[{{"index":0,"delta":{delta}}}]}}"#);
    let chunks = [
        of(r#"{"reasoning_content":"hm\ud83d"}"#),
        of(r#"{"reasoning_content":"\ude00"}"#),
        of(
            r#"{"reasoning_details":[{"type":"reasoning.text","index":3,"text":"t\ud83d"},{"type":"reasoning.summary","index":4,"summary":"s\ud83d"}]}"#,
        ),
        of(
            r#"{"reasoning_details":[{"type":"reasoning.text","index":3,"text":"\ude00!"},{"type":"reasoning.text","index":3,"signature":"g"}]}"#,
        ),
        of(r#"{"content":"hello \ud83d"}"#),
        of(r#"{"content":"\ude00 wor\ud83dld\ud83d"}"#),
        of(
            r#"{"tool_calls":[{"index":0,"id":"c","function":{"name":"f","arguments":"{\"a\":\"\ud83d"}}]}"#,
        ),
        of(r#"{"tool_calls":[{"index":0,"function":{"arguments":"\ude00\"}"}}]}"#),
        r#"{"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}"#.to_owned(),
    ];
    let chunks: Vec<&str> = chunks.iter().map(String::as_str).collect();
    let found = read(&chunks);
    let text: String = found
        .iter()
        .filter_map(|event| match event {
            Event::Text { text, .. } => Some(text.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(text, "hello 😀 wor\u{fffd}ld\u{fffd}");
    let answer = fold(found);
    let arguments = answer.choices[0].turn.blocks.iter().find_map(|block| match &block.kind {
        BlockKind::ToolCall { arguments, .. } => Some(arguments.as_str()),
        _ => None,
    });
    assert_eq!(arguments, Some(r#"{"a":"😀"}"#));
    assert!(matches!(&answer.choices[0].turn.blocks[0].kind, BlockKind::Reasoning(block)
        if matches!(&block.content, crate::exchange::ReasoningContent::Text { text, .. }
            if text == "hm😀")));
    let listed = format!("{:?}", answer.choices[0].turn.blocks);
    assert!(listed.contains(r#"Text { text: "t😀!", signature: Some("g") }"#), "{listed}");
    assert!(listed.contains("summary: \"s\u{fffd}\""), "{listed}");
    let whole = r#"{"choices":[{"index":0,"message":{"content":"hello \ud83d world","reasoning_content":"a\ud83d"},"finish_reason":"stop"}]}"#;
    let whole = crate::openai_chat::decode_response(whole.as_bytes(), &ResponseContext::default());
    let blocks = whole.unwrap().choices.swap_remove(0).turn.blocks;
    assert_eq!(blocks[1], crate::exchange::Block::text("hello \u{fffd} world"));
}

fn written(events: &[Event], charge: Option<&Charge>) -> String {
    let mut encoder = StreamEncoder::new(identity());
    let mut out = Vec::new();
    for event in events {
        encoder.push(event, &mut out);
    }
    encoder.finish(Additions { charge, members: &[], ..Additions::default() }, &mut out);
    String::from_utf8(out).unwrap()
}

const HEAD: &str = r#"data: {"id":"gen-1","provider":"P","model":"a/b","object":"chat.completion.chunk","created":7"#;

/// STREAM-1, STREAM-3, STREAM-10
#[test]
fn events_become_chunks() {
    let charge = Charge { cost: "0.1".into(), ..Charge::default() };
    let out = written(
        &[
            Event::Usage(Usage { input: 1, ..Usage::default() }),
            Event::Reasoning {
                choice: 0,
                index: 0,
                id: None,
                format: ReasoningFormat::Anthropic,
                delta: ReasoningDelta::Text("hm".into()),
            },
            Event::Text { choice: 0, text: "a".into() },
            Event::ToolCallStart { choice: 0, index: 0, id: "c".into(), name: "f".into() },
            Event::Ping,
            Event::Finish {
                choice: 0,
                reason: FinishReason::ToolCalls,
                native: Some("tool_use".into()),
            },
        ],
        Some(&charge),
    );
    let tail = r#""finish_reason":null,"native_finish_reason":null,"logprobs":null}]}"#;
    let expected = [
        format!(
            r#"{HEAD},"choices":[{{"index":0,"delta":{{"role":"assistant","content":"","reasoning":"hm","reasoning_details":[{{"type":"reasoning.text","text":"hm","format":"anthropic-claude-v1","index":0}}]}},{tail}"#
        ),
        format!(r#"{HEAD},"choices":[{{"index":0,"delta":{{"content":"a"}},{tail}"#),
        format!(
            r#"{HEAD},"choices":[{{"index":0,"delta":{{"tool_calls":[{{"index":0,"id":"c","type":"function","function":{{"name":"f","arguments":""}}}}]}},{tail}"#
        ),
        format!(
            r#"{HEAD},"choices":[{{"index":0,"delta":{{"tool_calls":[{{"index":0,"function":{{"arguments":"{{}}"}}}}]}},{tail}"#
        ),
        format!(
            r#"{HEAD},"choices":[{{"index":0,"delta":{{"content":""}},"finish_reason":"tool_calls","native_finish_reason":"tool_use","logprobs":null}}]}}"#
        ),
        format!(
            r#"{HEAD},"choices":[],"usage":{{"prompt_tokens":1,"completion_tokens":0,"total_tokens":1,"cost":0.1,"is_byok":false,"prompt_tokens_details":{{"cached_tokens":0,"cache_write_tokens":0,"audio_tokens":0,"video_tokens":0}},"completion_tokens_details":{{"reasoning_tokens":0,"audio_tokens":0,"image_tokens":0}}}}}}"#
        ),
        "data: [DONE]".to_owned(),
    ];
    let lines: Vec<&str> = out.split_terminator("\n\n").collect();
    assert_eq!(lines, expected);
}

/// STREAM-5
#[test]
fn a_fault_is_the_last_chunk() {
    let out = written(
        &[
            Event::Text { choice: 0, text: "a".into() },
            Event::Fault(Fault::new(ErrorType::Timeout, "late")),
            Event::Text { choice: 0, text: "b".into() },
        ],
        None,
    );
    let lines: Vec<&str> = out.split_terminator("\n\n").collect();
    assert_eq!(lines.len(), 3);
    assert_eq!(
        lines[1],
        format!(
            r#"{HEAD},"error":{{"code":504,"message":"late","metadata":{{"error_type":"timeout"}}}},"choices":[{{"index":0,"delta":{{"content":""}},"finish_reason":"error","native_finish_reason":null}}]}}"#
        )
    );
    assert_eq!(lines[2], "data: [DONE]");
}

#[test]
fn raw_values_with_line_breaks_do_not_tear_a_frame() {
    let raw = RawJson::parse("{\n\"content\":\r\n[]}".into()).unwrap();
    let out = written(&[Event::Logprobs { choice: 0, raw }], None);
    assert!(out.contains(r#""logprobs":{ "content":  []}"#), "{out}");
}

/// A first chunk tells the role of each choice, also where calls came first.
#[test]
fn every_choice_tells_its_role_once() {
    let out = written(
        &[
            Event::ToolCallStart { choice: 1, index: 0, id: "c".into(), name: "f".into() },
            Event::Text { choice: 0, text: "a".into() },
            Event::Text { choice: 1, text: "b".into() },
        ],
        None,
    );
    assert_eq!(out.matches(r#""role":"assistant""#).count(), 2);
}

/// DEBUG-2
#[test]
fn the_upstream_body_is_shown_in_a_chunk_without_choices() {
    let body = RawJson::parse("{\"model\":\n\"m\"}".into()).unwrap();
    let mut out = Vec::new();
    crate::openai_chat::write_debug_chunk(&identity(), &body, &mut out);
    assert_eq!(
        String::from_utf8(out).unwrap(),
        format!(
            "{HEAD},\"choices\":[],\"debug\":{{\"echo_upstream_body\":{{\"model\": \"m\"}}}}}}\n\n"
        )
    );
}

/// STREAM-5
#[test]
fn an_end_that_is_an_error_tells_of_it() {
    let mut encoder = StreamEncoder::new(identity());
    let mut out = Vec::new();
    let reason = FinishReason::Error;
    let native = Some("MALFORMED_FUNCTION_CALL".to_owned());
    encoder.push(&Event::Finish { choice: 0, reason, native }, &mut out);
    let value: serde_json::Value = serde_json::from_slice(&out["data: ".len()..]).unwrap();
    assert_eq!(value["error"]["metadata"]["provider_code"], "MALFORMED_FUNCTION_CALL");
    assert_eq!(value["choices"][0]["finish_reason"], "error");
}

/// Bug 10
#[test]
fn chunks_without_choices_say_nothing() {
    let said = read(&[
        r#"{"choices":null}"#,
        r#"{"id":"x"}"#,
        r#"{"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":"stop"}]}"#,
    ]);
    let content: Vec<_> = said.iter().filter(|event| event.is_content()).collect();
    assert_eq!(content.len(), 2, "the text and the end: {said:?}");
}

fn chunk() -> impl Strategy<Value = String> {
    let text = || "[a-z\"\\\\\n é<>/]{0,6}".prop_map(|text| serde_json::to_string(&text).unwrap());
    let of = |delta: String| format!(r#"{{"id":"x","choices":[{{"index":0,"delta":{delta}}}]}}"#);
    prop_oneof![
        4 => text().prop_map(move |text| of(format!(r#"{{"content":{text}}}"#))),
        2 => text().prop_map(move |text| of(format!(r#"{{"reasoning_content":{text}}}"#))),
        1 => text().prop_map(move |text| of(format!(r#"{{"content":"","reasoning":{text}}}"#))),
        1 => text().prop_map(|text| {
            format!(r#"{{"choices":[{{"index":1,"delta":{{"content":{text}}}}}],"obfuscation":"ab"}}"#)
        }),
        1 => text().prop_map(|text| format!(r#"{{"service_tier":{text},"choices":[]}}"#)),
        1 => text().prop_map(|text| {
            format!(r#"{{"service_tier":"flex","choices":[{{"index":0,"delta":{{"content":{text}}}}}]}}"#)
        }),
        1 => text().prop_map(move |text| {
            of(format!(r#"{{"tool_calls":[{{"index":0,"id":"i","function":{{"name":"f","arguments":{text}}}}}]}}"#))
        }),
        1 => text().prop_map(|text| {
            format!(r#"{{"id":"x","choices":[{{"delta":{{"content":{text}}}}}],"usage":{{"prompt_tokens":3}}}}"#)
        }),
        1 => Just(r#"{"choices":[{"index":0,"delta":{"content":"\ud83d"}}]}"#.to_owned()),
        1 => Just(of(r#"{"content":"\ude00a\ud83d"}"#.to_owned())),
        1 => Just(of(r#"{"reasoning_content":"\ude00\ud83d"}"#.to_owned())),
        1 => Just(r#"{"choices":[{"index":1,"delta":{},"finish_reason":"stop"}]}"#.to_owned()),
    ]
}

/// One piece after the other: the first is read, the others are compared with it.
#[test]
fn pieces_like_those_before_are_not_read_again() {
    let mut decoder = StreamDecoder::new(ResponseContext::default());
    let mut events = Vec::new();
    for n in 0..5 {
        let chunk = format!(
            r#"{{"id":"x","choices":[{{"index":0,"delta":{{"content":"{n}\n"}}}}],"obfuscation":"{n}"}}"#
        );
        decoder.push(&Frame { event: None, data: chunk.as_bytes() }, &mut events);
    }
    assert_eq!(decoder.known_shapes(), 1);
    let texts = events.iter().filter_map(|event| match event {
        Event::Text { text, .. } => Some(text.as_str()),
        _ => None,
    });
    assert_eq!(texts.collect::<String>(), "0\n1\n2\n3\n4\n");
}

proptest! {
    /// What was learned changes nothing but the speed.
    #[test]
    fn learned_chunks_tell_what_read_ones_do(
        chunks in proptest::collection::vec(chunk(), 0..24),
        think_tags in any::<bool>(),
        exclude_reasoning in any::<bool>(),
        prefill in proptest::option::of("[a-z]{1,3}"),
    ) {
        let context =
            ResponseContext { think_tags, exclude_reasoning, prefill, ..ResponseContext::default() };
        let mut learning = StreamDecoder::new(context.clone());
        let mut reading = StreamDecoder::new(context);
        reading.forget_how_to_learn();
        let (mut one, mut other) = (Vec::new(), Vec::new());
        for chunk in &chunks {
            let frame = Frame { event: None, data: chunk.as_bytes() };
            learning.push(&frame, &mut one);
            reading.push(&frame, &mut other);
            prop_assert_eq!(&one, &other, "{}", chunk);
        }
        learning.finish(&mut one);
        reading.finish(&mut other);
        prop_assert_eq!(one, other);
    }
}
