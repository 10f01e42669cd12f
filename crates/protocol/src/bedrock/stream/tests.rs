use proptest::prelude::*;

use super::*;
use crate::bedrock::decode_response;
use crate::event_stream::{
    Frame, FrameError, Splitter, write_event, write_exception, write_message,
};
use crate::exchange::{
    BlockKind, ErrorType, Event, FinishReason, ReasoningContent, Response, Usage, fold,
};
use crate::target::ResponseContext;

fn framed(lines: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (kind, json) in lines {
        if kind.ends_with("Exception") {
            write_exception(&mut bytes, kind, json.as_bytes());
        } else {
            write_event(&mut bytes, kind, json.as_bytes());
        }
    }
    bytes
}

fn read(bytes: &[u8], context: &ResponseContext) -> Vec<Event> {
    let mut decoder = StreamDecoder::new(context.clone());
    let mut events = Vec::new();
    let outcome = Splitter::new().push(bytes, |frame: Frame<'_>| {
        decoder.push(&frame, &mut events);
        Ok::<(), FrameError>(())
    });
    outcome.unwrap();
    decoder.finish(&mut events);
    events
}

fn told(lines: &[(&str, &str)]) -> Vec<Event> {
    read(&framed(lines), &ResponseContext::default())
}

/// A character that is cut in two, in every kind of block; and halves that stay halves.
#[test]
fn half_a_character_is_joined_or_replaced_and_nothing_is_lost() {
    let response = fold(told(&[
        ("messageStart", r#"{"role":"assistant"}"#),
        (
            "contentBlockDelta",
            r#"{"contentBlockIndex":0,"delta":{"reasoningContent":{"text":"a\ud83d"}}}"#,
        ),
        ("contentBlockDelta", r#"{"contentBlockIndex":1,"delta":{"text":"hello \ud83d"}}"#),
        (
            "contentBlockDelta",
            r#"{"contentBlockIndex":0,"delta":{"reasoningContent":{"text":"\ude00"}}}"#,
        ),
        ("contentBlockStop", r#"{"contentBlockIndex":0}"#),
        ("contentBlockDelta", r#"{"contentBlockIndex":1,"delta":{"text":"\ude00 bye\ud83d"}}"#),
        ("contentBlockStop", r#"{"contentBlockIndex":1}"#),
        (
            "contentBlockStart",
            r#"{"contentBlockIndex":2,"start":{"toolUse":{"toolUseId":"t","name":"f"}}}"#,
        ),
        (
            "contentBlockDelta",
            r#"{"contentBlockIndex":2,"delta":{"toolUse":{"input":"{\"a\":\"\ud83d"}}}"#,
        ),
        (
            "contentBlockDelta",
            r#"{"contentBlockIndex":2,"delta":{"toolUse":{"input":"\ude00\"}"}}}"#,
        ),
        ("messageStop", r#"{"stopReason":"tool_use"}"#),
    ]));
    let told = format!("{:?}", response.choices[0].turn.blocks);
    for text in ["text: \"a😀\"", "text: \"hello 😀 bye\u{fffd}\"", r#"{\"a\":\"😀\"}"#] {
        assert!(told.contains(text), "{text} {told}");
    }
}

const TOOLS: &[(&str, &str)] = &[
    ("messageStart", r#"{"role":"assistant","p":"abcd"}"#),
    (
        "contentBlockDelta",
        r#"{"contentBlockIndex":0,"delta":{"reasoningContent":{"text":"Two "}},"p":"ab"}"#,
    ),
    (
        "contentBlockDelta",
        r#"{"contentBlockIndex":0,"delta":{"reasoningContent":{"text":"calls"}}}"#,
    ),
    (
        "contentBlockDelta",
        r#"{"contentBlockIndex":0,"delta":{"reasoningContent":{"signature":"c2ln"}}}"#,
    ),
    ("contentBlockStop", r#"{"contentBlockIndex":0}"#),
    ("contentBlockDelta", r#"{"contentBlockIndex":1,"delta":{"text":"Both."}}"#),
    ("contentBlockStop", r#"{"contentBlockIndex":1}"#),
    (
        "contentBlockStart",
        r#"{"contentBlockIndex":2,"start":{"toolUse":{"toolUseId":"t1","name":"weather"}}}"#,
    ),
    ("contentBlockDelta", r#"{"contentBlockIndex":2,"delta":{"toolUse":{"input":""}}}"#),
    ("contentBlockDelta", r#"{"contentBlockIndex":2,"delta":{"toolUse":{"input":"{\"city\""}}}"#),
    ("contentBlockDelta", r#"{"contentBlockIndex":2,"delta":{"toolUse":{"input":":\"Oslo\"}"}}}"#),
    ("contentBlockStop", r#"{"contentBlockIndex":2}"#),
    (
        "contentBlockStart",
        r#"{"contentBlockIndex":3,"start":{"toolUse":{"toolUseId":"t2","name":"now"}}}"#,
    ),
    ("contentBlockStop", r#"{"contentBlockIndex":3}"#),
    ("messageStop", r#"{"stopReason":"tool_use"}"#),
    (
        "metadata",
        r#"{"usage":{"inputTokens":10,"outputTokens":20,"totalTokens":130,"cacheReadInputTokens":100},"metrics":{"latencyMs":5},"serviceTier":{"type":"flex"}}"#,
    ),
];

const WHOLE: &str = r#"{"output":{"message":{"role":"assistant","content":[
    {"reasoningContent":{"reasoningText":{"text":"Two calls","signature":"c2ln"}}},
    {"text":"Both."},
    {"toolUse":{"toolUseId":"t1","name":"weather","input":{"city": "Oslo"}}},
    {"toolUse":{"toolUseId":"t2","name":"now","input":{}}}]}},
    "stopReason":"tool_use","serviceTier":{"type":"flex"},"metrics":{"latencyMs":5},
    "usage":{"inputTokens":10,"outputTokens":20,"totalTokens":130,"cacheReadInputTokens":100}}"#;

/// Bugs 2, 3, 17
#[test]
fn reasoning_text_and_parallel_tools_are_told_in_order() {
    let events = told(TOOLS);
    let calls: Vec<(u32, &str)> = events
        .iter()
        .filter_map(|event| match event {
            Event::ToolCallStart { index, id, .. } => Some((*index, id.as_str())),
            _ => None,
        })
        .collect();
    assert_eq!(calls, [(0, "t1"), (1, "t2")], "only calls are counted");
    let empty = Event::ToolCallArguments { choice: 0, index: 1, arguments: "{}".into() };
    assert!(events.contains(&empty));
    assert_eq!(
        events.last(),
        Some(&Event::Usage(Usage {
            input: 110,
            cached_input: 100,
            output: 20,
            ..Usage::default()
        })),
        "what comes behind the end is still read"
    );
}

#[test]
fn a_stream_folds_to_the_whole_answer() {
    let whole = decode_response(WHOLE.as_bytes(), &ResponseContext::default()).unwrap();
    let folded = fold(told(TOOLS));
    assert_eq!(folded, Response { extras: folded.extras.clone(), ..whole });
}

/// Bugs 11, 16
#[test]
fn what_breaks_off_or_fails_is_a_fault() {
    for cut in 0..TOOLS.len() - 2 {
        let events = told(&TOOLS[..cut]);
        assert!(matches!(events.last(), Some(Event::Fault(_))), "cut behind {cut}");
    }
    let events = told(&TOOLS[..TOOLS.len() - 1]);
    assert!(matches!(events.last(), Some(Event::Finish { .. })), "only counts are missing");
    for (name, kind) in [
        ("throttlingException", ErrorType::RateLimitExceeded),
        ("serviceUnavailableException", ErrorType::ProviderOverloaded),
        ("modelStreamErrorException", ErrorType::ProviderUnavailable),
        ("internalServerException", ErrorType::ProviderUnavailable),
        ("validationException", ErrorType::InvalidRequest),
    ] {
        let events = told(&[TOOLS[0], TOOLS[1], (name, r#"{"message":"no"}"#), TOOLS[14]]);
        let Some(Event::Fault(fault)) = events.last() else { panic!("{name}: {events:?}") };
        assert_eq!((fault.error_type, fault.message.as_str()), (kind, "no"), "{name}");
        assert_eq!(fault.provider_code.as_deref(), Some(name));
    }
    let mut bytes = Vec::new();
    let headers = [
        (":message-type", "error"),
        (":error-code", "InternalFailure"),
        (":error-message", "broken"),
    ];
    write_message(&mut bytes, &headers, b"");
    let events = read(&bytes, &ResponseContext::default());
    let [Event::Fault(fault)] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!(fault.message, "broken");
}

/// Bug 13
#[test]
fn an_emulated_answer_is_the_content_and_never_a_call() {
    let context = ResponseContext {
        emulated_output_tool: Some("weather".into()),
        ..ResponseContext::default()
    };
    let only: Vec<(&str, &str)> = [&TOOLS[..1], &TOOLS[5..12], &TOOLS[14..15]].concat();
    let folded = fold(read(&framed(&only), &context));
    assert_eq!(folded.choices[0].turn.blocks, [crate::exchange::Block::text(r#"{"city":"Oslo"}"#)]);
    assert_eq!(folded.choices[0].finish, Some(FinishReason::Stop));
    let whole = decode_response(WHOLE.as_bytes(), &context).unwrap();
    let kinds: Vec<bool> = whole.choices[0]
        .turn
        .blocks
        .iter()
        .map(|block| matches!(block.kind, BlockKind::Text { .. }))
        .collect();
    assert_eq!(kinds, [false, true, false], "reasoning, the answer, the caller's own call");
    assert_eq!(whole.choices[0].finish, Some(FinishReason::ToolCalls));
    // Without the call the words are all there is.
    let words: Vec<(&str, &str)> =
        [&TOOLS[..1], &TOOLS[5..7], &[("messageStop", r#"{"stopReason":"end_turn"}"#)]].concat();
    let folded = fold(read(&framed(&words), &context));
    assert_eq!(folded.choices[0].turn.blocks, [crate::exchange::Block::text("Both.")]);
}

#[test]
fn redacted_reasoning_and_images_come_in_pieces_of_base64() {
    let events = told(&[
        (
            "contentBlockDelta",
            r#"{"contentBlockIndex":0,"delta":{"reasoningContent":{"redactedContent":"YQ=="}}}"#,
        ),
        (
            "contentBlockDelta",
            r#"{"contentBlockIndex":0,"delta":{"reasoningContent":{"redactedContent":"Yg=="}}}"#,
        ),
        ("contentBlockStop", r#"{"contentBlockIndex":0}"#),
        ("contentBlockStart", r#"{"contentBlockIndex":1,"start":{"image":{"format":"webp"}}}"#),
        (
            "contentBlockDelta",
            r#"{"contentBlockIndex":1,"delta":{"image":{"source":{"bytes":"eHk="}}}}"#,
        ),
        ("contentBlockStop", r#"{"contentBlockIndex":1}"#),
        ("messageStop", r#"{"stopReason":"end_turn"}"#),
    ]);
    let blocks = fold(events).choices.remove(0).turn.blocks;
    let BlockKind::Reasoning(reasoning) = &blocks[0].kind else { panic!("{blocks:?}") };
    assert_eq!(reasoning.content, ReasoningContent::Encrypted { data: "YWI=".into() });
    let BlockKind::Image { source, .. } = &blocks[1].kind else { panic!("{blocks:?}") };
    assert_eq!(source.to_url().unwrap(), "data:image/webp;base64,eHk=");
}

#[test]
fn citations_are_annotations_of_the_text_they_follow() {
    let events = told(&[
        ("contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{"text":"Grün"}}"#),
        ("contentBlockStop", r#"{"contentBlockIndex":0}"#),
        ("contentBlockDelta", r#"{"contentBlockIndex":1,"delta":{"text":" ist es"}}"#),
        (
            "contentBlockDelta",
            r#"{"contentBlockIndex":1,"delta":{"citation":{"title":"T","location":{"web":{"url":"https://a"}}}}}"#,
        ),
        ("contentBlockStop", r#"{"contentBlockIndex":1}"#),
        ("messageStop", r#"{"stopReason":"end_turn"}"#),
    ]);
    let folded = fold(events);
    let whole = decode_response(
        r#"{"output":{"message":{"content":[{"text":"Grün"},{"citationsContent":{"content":[{"text":" ist es"}],"citations":[{"title":"T","location":{"web":{"url":"https://a"}}}]}}]}},"stopReason":"end_turn"}"#.as_bytes(),
        &ResponseContext::default(),
    )
    .unwrap();
    let annotations =
        |response: &Response| match &response.choices[0].turn.blocks.last().unwrap().kind {
            BlockKind::Text { annotations, .. } => annotations.clone(),
            other => panic!("{other:?}"),
        };
    assert_eq!(annotations(&folded), annotations(&whole));
    assert!(annotations(&whole)[0].get().contains(r#""start_index":4,"end_index":11"#));
}

#[test]
fn reasoning_that_is_not_wanted_is_left_out() {
    let context = ResponseContext { exclude_reasoning: true, ..ResponseContext::default() };
    let is_reasoning = |event: &Event| matches!(event, Event::Reasoning { .. });
    assert!(!read(&framed(TOOLS), &context).iter().any(is_reasoning));
    let whole = decode_response(WHOLE.as_bytes(), &context).unwrap();
    assert_eq!(whole.choices[0].turn.blocks.len(), 3);
}

#[test]
fn an_answer_that_cannot_be_read_is_a_fault() {
    let context = ResponseContext::default();
    for bad in ["", "[]", "{}", r#"{"output":{}}"#, r#"{"output":{"message":{"content":[1]}}}"#] {
        let fault = decode_response(bad.as_bytes(), &context).unwrap_err();
        assert_eq!(fault.error_type, ErrorType::ProviderUnavailable, "{bad}");
    }
    let body = br#"{"__type":"x#ThrottlingException","message":"slow down"}"#;
    let fault = decode_response(body, &context).unwrap_err();
    assert_eq!(fault.error_type, ErrorType::RateLimitExceeded);
    for bad in ["[]", "{", "\u{1}", r#"{"contentBlockIndex":0,"delta":3}"#] {
        let events = told(&[("contentBlockDelta", bad), TOOLS[14]]);
        assert!(matches!(events.last(), Some(Event::Fault(_))), "{bad}");
    }
    let unknown = [("newEvent", "{}"), TOOLS[5], TOOLS[14]];
    assert!(matches!(told(&unknown).last(), Some(Event::Finish { .. })));
}

/// A block of an answer, to be told in both ways.
#[derive(Clone, Debug)]
enum Said {
    Text(Vec<String>),
    Thought(Vec<String>, Option<String>),
    Redacted(Vec<u8>),
    Call(String, Vec<(String, i32)>),
}

fn said() -> impl Strategy<Value = Said> {
    let pieces = || proptest::collection::vec("[a-zé\"\\\\ ]{1,5}", 1..4);
    prop_oneof![
        pieces().prop_map(Said::Text),
        (pieces(), proptest::option::of("[a-zA-Z0-9]{4}"))
            .prop_map(|(pieces, signature)| Said::Thought(pieces, signature)),
        proptest::collection::vec(any::<u8>(), 1..9).prop_map(Said::Redacted),
        ("[a-z]{1,4}", proptest::collection::vec(("[a-c]{1,3}", any::<i32>()), 0..3))
            .prop_map(|(name, arguments)| Said::Call(name, arguments)),
    ]
}

/// The blocks of the whole answer, and the events of the stream.
fn both(said: &[Said]) -> (serde_json::Value, Vec<(&'static str, String)>) {
    use base64::Engine;
    use serde_json::json;
    let mut whole = Vec::new();
    let mut events = Vec::new();
    for (index, said) in said.iter().enumerate() {
        let mut delta = |delta: serde_json::Value| {
            let event = json!({"contentBlockIndex": index, "delta": delta});
            events.push(("contentBlockDelta", event.to_string()));
        };
        match said {
            Said::Text(pieces) => {
                pieces.iter().for_each(|piece| delta(json!({ "text": piece })));
                whole.push(json!({"text": pieces.concat()}));
            }
            Said::Thought(pieces, signature) => {
                for piece in pieces {
                    delta(json!({"reasoningContent": {"text": piece}}));
                }
                let mut told = json!({"text": pieces.concat()});
                if let Some(signature) = signature {
                    delta(json!({"reasoningContent": {"signature": signature}}));
                    told["signature"] = signature.as_str().into();
                }
                whole.push(json!({"reasoningContent": {"reasoningText": told}}));
            }
            Said::Redacted(bytes) => {
                let encode = |bytes: &[u8]| base64::engine::general_purpose::STANDARD.encode(bytes);
                for piece in bytes.chunks(4) {
                    delta(json!({"reasoningContent": {"redactedContent": encode(piece)}}));
                }
                whole.push(json!({"reasoningContent": {"redactedContent": encode(bytes)}}));
            }
            Said::Call(name, arguments) => {
                let mut input = serde_json::Map::new();
                for (key, value) in arguments {
                    input.insert(key.clone(), (*value).into());
                }
                let text = serde_json::Value::from(input.clone()).to_string();
                let id = format!("t{index}");
                let start = json!({"contentBlockIndex": index,
                    "start": {"toolUse": {"toolUseId": id, "name": name}}});
                events.push(("contentBlockStart", start.to_string()));
                for piece in text.as_bytes().chunks(3).filter(|_| !input.is_empty()) {
                    let piece = String::from_utf8_lossy(piece);
                    let event = json!({"contentBlockIndex": index,
                        "delta": {"toolUse": {"input": piece}}});
                    events.push(("contentBlockDelta", event.to_string()));
                }
                whole.push(json!({"toolUse": {"toolUseId": id, "name": name, "input": input}}));
            }
        }
        events.push(("contentBlockStop", json!({"contentBlockIndex": index}).to_string()));
    }
    let end = json!({"stopReason": "end_turn"});
    events.push(("messageStop", end.to_string()));
    let whole = json!({"output": {"message": {"content": whole}}, "stopReason": "end_turn"});
    (whole, events)
}

proptest! {
    #[test]
    fn any_answer_told_as_a_stream_is_the_same_answer(
        said in proptest::collection::vec(said(), 0..6),
    ) {
        // Texts that follow each other are one text, whoever tells them.
        let mut said = said;
        said.dedup_by(|one, other| matches!((one, other), (Said::Text(_), Said::Text(_))));
        let (whole, events) = both(&said);
        let context = ResponseContext::default();
        let whole = decode_response(whole.to_string().as_bytes(), &context).unwrap();
        let lines: Vec<(&str, &str)> =
            events.iter().map(|(kind, json)| (*kind, json.as_str())).collect();
        prop_assert_eq!(fold(told(&lines)), whole);
    }

    #[test]
    fn splitting_the_bytes_anywhere_changes_nothing(
        cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..8),
    ) {
        let whole = framed(TOOLS);
        let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(whole.len())).collect();
        at.sort_unstable();
        at.push(whole.len());
        let (mut decoder, mut splitter) =
            (StreamDecoder::new(ResponseContext::default()), Splitter::new());
        let (mut events, mut from) = (Vec::new(), 0);
        for cut in at {
            let outcome = splitter.push(&whole[from..cut], |frame: Frame<'_>| {
                decoder.push(&frame, &mut events);
                Ok::<(), FrameError>(())
            });
            prop_assert_eq!(outcome, Ok(()));
            from = cut;
        }
        prop_assert_eq!(splitter.finish(), Ok(()));
        decoder.finish(&mut events);
        prop_assert_eq!(events, told(TOOLS));
    }

    /// Whatever the order of events, a stream ends in one finish or one fault.
    #[test]
    fn any_order_of_events_ends_once(order in proptest::collection::vec(0..TOOLS.len(), 0..30)) {
        let lines: Vec<(&str, &str)> = order.iter().map(|at| TOOLS[*at]).collect();
        let ends = told(&lines)
            .iter()
            .filter(|event| matches!(event, Event::Fault(_) | Event::Finish { .. }))
            .count();
        prop_assert_eq!(ends, 1);
    }
}
