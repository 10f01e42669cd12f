//! What providers stream, and what is told of it. wire-formats 2.4

use proptest::prelude::*;

use super::StreamDecoder;
use crate::anthropic::decode_response;
use crate::exchange::{ErrorType, Event, FinishReason, Usage, fold};
use crate::sse::{Frame, FrameTooLong, Splitter};
use crate::target::ResponseContext;

fn decode_pieces(pieces: &[&[u8]], context: &ResponseContext) -> Vec<Event> {
    let mut splitter = Splitter::new();
    let mut decoder = StreamDecoder::new(context.clone());
    let mut events = Vec::new();
    for piece in pieces {
        splitter
            .push(piece, |frame| {
                decoder.push(&frame, &mut events);
                Ok::<(), FrameTooLong>(())
            })
            .unwrap();
    }
    splitter
        .finish(|frame| {
            decoder.push(&frame, &mut events);
            Ok::<(), FrameTooLong>(())
        })
        .unwrap();
    decoder.finish(&mut events);
    events
}

fn stream(frames: &[&str]) -> Vec<u8> {
    frames.iter().flat_map(|frame| format!("event: x\ndata: {frame}\n\n").into_bytes()).collect()
}

fn decode(frames: &[&str], context: &ResponseContext) -> Vec<Event> {
    decode_pieces(&[&stream(frames)], context)
}

const START: &str = r#"{"type":"message_start","message":{"id":"msg_1","model":"claude","content":[],"usage":{"input_tokens":10,"cache_read_input_tokens":5,"cache_creation_input_tokens":3,"cache_creation":{"ephemeral_5m_input_tokens":1,"ephemeral_1h_input_tokens":2},"output_tokens":1,"service_tier":"standard"}}}"#;
const STOP: &str = r#"{"type":"message_stop"}"#;

const WHOLE: &[&str] = &[
    START,
    r#"{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}"#,
    r#"{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"hm ü"}}"#,
    r#"{"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"sig"}}"#,
    r#"{"type":"content_block_stop","index":0}"#,
    r#"{"type":"ping"}"#,
    r#"{"type":"content_block_start","index":1,"content_block":{"type":"redacted_thinking","data":"enc"}}"#,
    r#"{"type":"content_block_stop","index":1}"#,
    r#"{"type":"content_block_start","index":2,"content_block":{"type":"text","text":""}}"#,
    r#"{"type":"content_block_delta","index":2,"delta":{"type":"citations_delta","citation":{"type":"web_search_result_location","url":"https://a","title":"A","cited_text":"c","encrypted_index":"e"}}}"#,
    r#"{"type":"content_block_delta","index":2,"delta":{"type":"text_delta","text":"Hel"}}"#,
    r#"{"type":"content_block_delta","index":2,"delta":{"type":"text_delta","text":"lo"}}"#,
    r#"{"type":"content_block_stop","index":2}"#,
    r#"{"type":"content_block_start","index":3,"content_block":{"type":"tool_use","id":"t1","name":"f","input":{}}}"#,
    r#"{"type":"content_block_delta","index":3,"delta":{"type":"input_json_delta","partial_json":"{\"a\":"}}"#,
    r#"{"type":"content_block_delta","index":3,"delta":{"type":"input_json_delta","partial_json":"1}"}}"#,
    r#"{"type":"content_block_stop","index":3}"#,
    r#"{"type":"content_block_start","index":4,"content_block":{"type":"tool_use","id":"t2","name":"g","input":{}}}"#,
    r#"{"type":"content_block_delta","index":4,"delta":{"type":"input_json_delta","partial_json":""}}"#,
    r#"{"type":"content_block_stop","index":4}"#,
    r#"{"type":"content_block_start","index":5,"content_block":{"type":"tool_use","id":"t3","name":"h","input":{"q":1}}}"#,
    r#"{"type":"content_block_stop","index":5}"#,
    r#"{"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"output_tokens":20}}"#,
    r#"{"type":"message_delta","delta":{},"usage":{"output_tokens":25,"output_tokens_details":{"thinking_tokens":9}}}"#,
    STOP,
];

const WHOLE_BODY: &str = r#"{"id":"msg_1","type":"message","role":"assistant","model":"claude","content":[
{"type":"thinking","thinking":"hm ü","signature":"sig"},
{"type":"redacted_thinking","data":"enc"},
{"type":"text","text":"Hello","citations":[{"type":"web_search_result_location","url":"https://a","title":"A","cited_text":"c","encrypted_index":"e"}]},
{"type":"tool_use","id":"t1","name":"f","input":{"a":1}},
{"type":"tool_use","id":"t2","name":"g","input":{}},
{"type":"tool_use","id":"t3","name":"h","input":{"q":1}}],
"stop_reason":"tool_use","stop_sequence":null,
"usage":{"input_tokens":10,"cache_read_input_tokens":5,"cache_creation_input_tokens":3,"cache_creation":{"ephemeral_5m_input_tokens":1,"ephemeral_1h_input_tokens":2},"output_tokens":25,"output_tokens_details":{"thinking_tokens":9},"service_tier":"standard"}}"#;

#[test]
fn the_fold_of_a_stream_is_the_whole_answer() {
    // bugs 2, 3, 17
    let context = ResponseContext::default();
    let events = decode(WHOLE, &context);
    let calls: Vec<u32> = events
        .iter()
        .filter_map(|event| match event {
            Event::ToolCallStart { index, .. } => Some(*index),
            _ => None,
        })
        .collect();
    assert_eq!(calls, [0, 1, 2], "tool calls are counted, not blocks");
    let response = fold(events);
    assert_eq!(response, decode_response(WHOLE_BODY.as_bytes(), &context).unwrap());
    assert_eq!(
        response.usage.unwrap(),
        Usage {
            input: 18,
            cached_input: 5,
            cache_write: 3,
            cache_write_1h: 2,
            output: 25,
            reasoning: 9,
            ..Usage::default()
        }
    );
    assert_eq!(response.service_tier.as_deref(), Some("default"), "TIER-7");
}

#[test]
fn an_error_event_ends_everything() {
    // bug 11
    for (kind, error_type) in [
        ("overloaded_error", ErrorType::ProviderOverloaded),
        ("api_error", ErrorType::ProviderUnavailable),
        ("rate_limit_error", ErrorType::RateLimitExceeded),
        ("something_new", ErrorType::ProviderUnavailable),
    ] {
        let error = format!(r#"{{"type":"error","error":{{"type":"{kind}","message":"no"}}}}"#);
        let events = decode(&[START, &error, STOP], &ResponseContext::default());
        let Some(Event::Fault(fault)) = events.last() else { panic!("{events:?}") };
        assert_eq!(fault.error_type, error_type);
        assert!(!events.iter().any(|event| matches!(event, Event::Finish { .. })));
        let body = decode_response(error.as_bytes(), &ResponseContext::default());
        assert_eq!(body.unwrap_err().error_type, error_type, "an error inside a 200");
    }
}

#[test]
fn a_stream_that_was_cut_is_a_fault_and_never_a_stop() {
    // bug 16
    let reason = WHOLE.iter().position(|frame| frame.contains("stop_reason\":\"tool_use")).unwrap();
    for cut in 0..=reason {
        let events = decode(&WHOLE[..cut], &ResponseContext::default());
        assert!(matches!(events.last(), Some(Event::Fault(_))), "cut after {cut}");
        assert!(!events.iter().any(|event| matches!(event, Event::Finish { .. })));
    }
    // What is lost after the reason is only the word that it is over.
    for cut in reason + 1..WHOLE.len() {
        let response = fold(decode(&WHOLE[..cut], &ResponseContext::default()));
        assert_eq!(response.choices, fold(decode(WHOLE, &ResponseContext::default())).choices);
        assert!(response.usage.unwrap().output >= 20);
    }
    let lenient = ResponseContext { no_finish_reason: true, ..ResponseContext::default() };
    let events = decode(&WHOLE[..12], &lenient);
    assert!(matches!(events.last(), Some(Event::Finish { reason: FinishReason::Stop, .. })));
}

#[test]
fn malformed_frames_are_faults_and_unknown_ones_are_not() {
    for bad in [
        "{",
        "[]",
        "3",
        r#"{"type":"content_block_start","index":-1}"#,
        r#"{"type":"content_block_delta","delta":3}"#,
    ] {
        let events = decode(&[START, bad, STOP], &ResponseContext::default());
        assert!(matches!(events.last(), Some(Event::Fault(_))), "{bad}");
    }
    let events = decode(
        &[
            START,
            r#"{"amazon-bedrock-invocationMetrics":{"inputTokenCount":9}}"#,
            r#"{"type":"new"}"#,
            STOP,
        ],
        &ResponseContext::default(),
    );
    assert!(matches!(events.last(), Some(Event::Finish { reason: FinishReason::Stop, .. })));
}

#[test]
fn an_emulated_answer_is_content_and_its_call_is_never_seen() {
    // bug 13
    let context =
        ResponseContext { emulated_output_tool: Some("json".into()), ..ResponseContext::default() };
    let frames = [
        START,
        r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Here it is:"}}"#,
        r#"{"type":"content_block_stop","index":0}"#,
        r#"{"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"t","name":"json","input":{}}}"#,
        r#"{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"{\"a\":"}}"#,
        r#"{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"1}"}}"#,
        r#"{"type":"content_block_stop","index":1}"#,
        r#"{"type":"message_delta","delta":{"stop_reason":"tool_use"},"usage":{"output_tokens":20}}"#,
        STOP,
    ];
    let response = fold(decode(&frames, &context));
    let body = r#"{"id":"msg_1","model":"claude","content":[{"type":"text","text":"Here it is:"},{"type":"tool_use","id":"t","name":"json","input":{"a":1}}],"stop_reason":"tool_use"}"#;
    let whole = decode_response(body.as_bytes(), &context).unwrap();
    assert_eq!(response.choices, whole.choices);
    assert_eq!(whole.choices[0].turn.blocks, [crate::exchange::Block::text(r#"{"a":1}"#)]);
    assert_eq!(whole.choices[0].finish, Some(FinishReason::Stop));
    assert_eq!(whole.choices[0].native_finish.as_deref(), Some("tool_use"));

    // A model that answers in words is not lost, and the caller's own calls stay calls.
    let words = fold(decode(&[START, frames[1], frames[2], frames[3], STOP], &context));
    assert_eq!(words.choices[0].turn.blocks, [crate::exchange::Block::text("Here it is:")]);
    let other = frames.map(|frame| frame.replace("\"json\"", "\"mine\""));
    let other: Vec<&str> = other.iter().map(String::as_str).collect();
    let called = fold(decode(&other, &context));
    assert_eq!(called.choices[0].finish, Some(FinishReason::ToolCalls));
}

/// Bug 13: the model answers and calls a tool of the caller's at once.
#[test]
fn an_emulated_answer_beside_a_call_leaves_the_call_alone() {
    let context =
        ResponseContext { emulated_output_tool: Some("json".into()), ..ResponseContext::default() };
    let frames = [
        START,
        r#"{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"t","name":"json","input":{}}}"#,
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{\"a\":1}"}}"#,
        r#"{"type":"content_block_stop","index":0}"#,
        r#"{"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"u","name":"mine","input":{}}}"#,
        r#"{"type":"content_block_stop","index":1}"#,
        r#"{"type":"message_delta","delta":{"stop_reason":"tool_use"},"usage":{"output_tokens":20}}"#,
        STOP,
    ];
    let response = fold(decode(&frames, &context));
    let body = r#"{"id":"msg_1","model":"claude","content":[{"type":"tool_use","id":"t","name":"json","input":{"a":1}},{"type":"tool_use","id":"u","name":"mine","input":{}}],"stop_reason":"tool_use"}"#;
    let whole = decode_response(body.as_bytes(), &context).unwrap();
    assert_eq!(response.choices[0].finish, Some(FinishReason::ToolCalls));
    assert_eq!(response.choices, whole.choices);
    let calls: Vec<&str> = whole.choices[0]
        .turn
        .blocks
        .iter()
        .filter_map(|block| match &block.kind {
            crate::exchange::BlockKind::ToolCall { name, .. } => Some(name.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(calls, ["mine"]);
}

/// A character that is cut in two, in every kind of block; and halves that stay halves.
#[test]
fn half_a_character_is_joined_or_replaced_and_nothing_is_lost() {
    let frames = [
        START,
        r#"{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"a\ud83d"}}"#,
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"b\ud83d"}}"#,
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"\ude00c"}}"#,
        r#"{"type":"content_block_stop","index":0}"#,
        r#"{"type":"content_block_start","index":1,"content_block":{"type":"text","text":""}}"#,
        r#"{"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"hello \ud83d"}}"#,
        r#"{"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"\ude00 bye\ud83d"}}"#,
        r#"{"type":"content_block_stop","index":1}"#,
        r#"{"type":"content_block_start","index":2,"content_block":{"type":"tool_use","id":"t","name":"f","input":{}}}"#,
        r#"{"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"{\"a\":\"\ud83d"}}"#,
        r#"{"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"\ude00\"}"}}"#,
        r#"{"type":"content_block_stop","index":2}"#,
        r#"{"type":"message_delta","delta":{"stop_reason":"tool_use"},"usage":{"output_tokens":2}}"#,
        STOP,
    ];
    let response = fold(decode(&frames, &ResponseContext::default()));
    let body = r#"{"content":[{"type":"thinking","thinking":"a\ud83db\ud83d\ude00c"},{"type":"text","text":"hello \ud83d\ude00 bye\ud83d"},{"type":"tool_use","id":"t","name":"f","input":{"a":"😀"}}],"stop_reason":"tool_use"}"#;
    let whole = decode_response(body.as_bytes(), &ResponseContext::default()).unwrap();
    assert_eq!(response.choices, whole.choices);
    let text = crate::exchange::Block::text("hello 😀 bye\u{fffd}");
    assert_eq!(whole.choices[0].turn.blocks[1], text);
}

/// Pieces without a block have nothing to do with each other either.
#[test]
fn halves_of_characters_of_two_blocks_that_never_began_are_not_one_character() {
    let piece = |index: u32, text: &str| {
        format!(
            r#"{{"type":"content_block_delta","index":{index},"delta":{{"type":"text_delta","text":"{text}"}}}}"#
        )
    };
    let pieces = [
        piece(0, r"a\ud83d"),
        piece(1, r"b\ud83d"),
        piece(0, r"\ude00c"),
        piece(1, r"\ude01d"),
        piece(0, r"\ud83d"),
        piece(1, "e"),
    ];
    let mut frames = vec![START];
    frames.extend(pieces.iter().map(String::as_str));
    frames.push(STOP);
    let text: String = decode(&frames, &ResponseContext::default())
        .into_iter()
        .filter_map(|event| match event {
            Event::Text { text, .. } => Some(text),
            _ => None,
        })
        .collect();
    assert_eq!(text, "ab😀c😁de\u{fffd}");
}

#[test]
fn a_refusal_tells_why() {
    let delta = r#"{"type":"message_delta","delta":{"stop_reason":"refusal","stop_details":{"category":"cyber","explanation":"no"}},"usage":{"output_tokens":2}}"#;
    let events = decode(&[START, delta, STOP], &ResponseContext::default());
    assert!(events.contains(&Event::Refusal { choice: 0, text: "no".into() }));
    assert!(
        matches!(events.last(), Some(Event::Finish { reason: FinishReason::ContentFilter, native, .. }) if native.as_deref() == Some("refusal"))
    );
}

#[test]
fn blocks_of_the_vendors_own_tools_are_passed_on_whole() {
    let frames = [
        START,
        r#"{"type":"content_block_start","index":0,"content_block":{"type":"server_tool_use","id":"s","name":"web_search","input":{}}}"#,
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{\"query\":\"x\"}"}}"#,
        r#"{"type":"content_block_stop","index":0}"#,
        STOP,
    ];
    let events = decode(&frames, &ResponseContext::default());
    let raw = events.iter().find_map(|event| match event {
        Event::Opaque { raw, .. } => Some(raw.get().to_owned()),
        _ => None,
    });
    assert_eq!(
        raw.unwrap(),
        r#"{"type":"server_tool_use","id":"s","name":"web_search","input":{"query":"x"}}"#
    );
}

#[test]
fn excluded_reasoning_is_left_out() {
    // REASON-4
    let context = ResponseContext { exclude_reasoning: true, ..ResponseContext::default() };
    let events = decode(WHOLE, &context);
    assert!(!events.iter().any(|event| matches!(event, Event::Reasoning { .. })));
    assert_eq!(fold(events), decode_response(WHOLE_BODY.as_bytes(), &context).unwrap());
}

#[test]
fn names_are_mapped_back() {
    // bug 28
    let context = ResponseContext {
        tool_names: [("f".into(), "server.f".into())].into(),
        ..ResponseContext::default()
    };
    let events = decode(WHOLE, &context);
    assert!(
        events
            .iter()
            .any(|event| matches!(event, Event::ToolCallStart { name, .. } if name == "server.f"))
    );
}

proptest! {
    #[test]
    fn splitting_the_bytes_anywhere_changes_nothing(
        cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..20),
    ) {
        let bytes = stream(WHOLE);
        let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        at.sort_unstable();
        let mut pieces = Vec::new();
        let mut from = 0;
        for cut in at {
            pieces.push(&bytes[from..cut]);
            from = cut;
        }
        pieces.push(&bytes[from..]);
        let context = ResponseContext::default();
        prop_assert_eq!(decode_pieces(&pieces, &context), decode_pieces(&[&bytes], &context));
    }

    #[test]
    fn nothing_a_provider_sends_can_panic(
        order in proptest::collection::vec((0..WHOLE.len(), 0_u64..6, ".{0,12}"), 0..40),
        body in proptest::collection::vec(any::<u8>(), 0..100),
    ) {
        let frames: Vec<String> = order
            .iter()
            .map(|(at, index, noise)| {
                WHOLE[*at]
                    .replace("\"index\":3", &format!("\"index\":{index}"))
                    .replace("Hel", &noise.replace(['"', '\\', '\n', '\r'], ""))
            })
            .collect();
        let frames: Vec<&str> = frames.iter().map(String::as_str).collect();
        let events = decode(&frames, &ResponseContext::default());
        let ends = events
            .iter()
            .filter(|event| matches!(event, Event::Finish { .. } | Event::Fault(_)))
            .count();
        prop_assert_eq!(ends, 1);
        let _ = decode_response(&body, &ResponseContext::default());
    }
}

#[test]
fn what_is_kept_of_open_blocks_is_bounded() {
    let long = "x".repeat(1024 * 1024);
    let block = |index: usize| {
        format!(
            r#"{{"type":"content_block_start","index":{index},"content_block":{{"type":"new","data":"{long}"}}}}"#
        )
    };
    let mut frames = vec![START.to_owned()];
    frames.extend((0..20).map(block));
    let frames: Vec<&str> = frames.iter().map(String::as_str).collect();
    let events = decode(&frames, &ResponseContext::default());
    assert_eq!(events.iter().filter(|event| matches!(event, Event::Fault(_))).count(), 1);
    assert!(events.len() < 5);
}

/// TIER-7
#[test]
fn a_tier_that_is_told_at_the_end_is_told_on() {
    let frames = [
        r#"{"type":"message_start","message":{"id":"m","usage":{"input_tokens":1}}}"#,
        r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":1,"service_tier":"priority"}}"#,
        STOP,
    ];
    let events = decode(&frames, &ResponseContext::default());
    assert_eq!(fold(events).service_tier.as_deref(), Some("priority"));
}

fn event() -> impl Strategy<Value = String> {
    let text = || "[a-z\"\\\\\n é{}:]{0,6}".prop_map(|text| serde_json::to_string(&text).unwrap());
    let delta = |index: u64, kind: &str, name: &str, text: String| {
        format!(
            r#"{{"type":"content_block_delta","index":{index},"delta":{{"type":"{kind}","{name}":{text}}}}}"#
        )
    };
    let block = |index: u64, block: &str| {
        format!(r#"{{"type":"content_block_start","index":{index},"content_block":{block}}}"#)
    };
    prop_oneof![
        4 => (0..3_u64, text()).prop_map(move |(at, text)| delta(at, "text_delta", "text", text)),
        3 => (0..3_u64, text())
            .prop_map(move |(at, text)| delta(at, "input_json_delta", "partial_json", text)),
        2 => (0..3_u64, text())
            .prop_map(move |(at, text)| delta(at, "thinking_delta", "thinking", text)),
        1 => (0..3_u64, text())
            .prop_map(move |(at, text)| delta(at, "signature_delta", "signature", text)),
        1 => (0..3_u64).prop_map(move |at| block(at, r#"{"type":"text","text":""}"#)),
        1 => (0..3_u64).prop_map(move |at| block(at, r#"{"type":"thinking","thinking":""}"#)),
        1 => (0..3_u64)
            .prop_map(move |at| block(at, r#"{"type":"tool_use","id":"t","name":"f","input":{}}"#)),
        1 => (0..3_u64)
            .prop_map(move |at| block(at, r#"{"type":"server_tool_use","id":"s","input":{}}"#)),
        1 => (0..3_u64)
            .prop_map(|at| format!(r#"{{"type":"content_block_stop","index":{at}}}"#)),
        1 => Just(
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"\ud83d"}}"#
                .to_owned()
        ),
        1 => (0..3_u64).prop_map(move |at| {
            delta(at, "text_delta", "text", r#""\ude00a\ud83d""#.to_owned())
        }),
        1 => (0..3_u64).prop_map(move |at| {
            delta(at, "input_json_delta", "partial_json", r#""\ude00\ud83d""#.to_owned())
        }),
    ]
}

proptest! {
    /// What was learned changes nothing but the speed.
    #[test]
    fn learned_events_tell_what_read_ones_do(
        chunks in proptest::collection::vec(event(), 0..32),
        exclude_reasoning in any::<bool>(),
        emulated in any::<bool>(),
    ) {
        let emulated_output_tool = emulated.then(|| "f".to_owned());
        let context =
            ResponseContext { exclude_reasoning, emulated_output_tool, ..ResponseContext::default() };
        let mut learning = StreamDecoder::new(context.clone());
        let mut reading = StreamDecoder::new(context);
        reading.forget_how_to_learn();
        let (mut one, mut other) = (Vec::new(), Vec::new());
        for chunk in [START.to_owned()].iter().chain(&chunks).chain([&STOP.to_owned()]) {
            let frame = Frame { event: None, data: chunk.as_bytes() };
            prop_assert_eq!(learning.take(&frame, &mut one), reading.take(&frame, &mut other));
            prop_assert_eq!(&one, &other, "{}", chunk);
        }
    }
}
