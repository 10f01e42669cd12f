//! Streams, both ways.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{StreamDecoder, StreamEncoder};
use crate::exchange::{
    Additions, Block, BlockKind, Choice, ErrorType, Event, Extras, Fault, FinishReason, Identity,
    ReasoningBlock, ReasoningContent, ReasoningDelta, ReasoningFormat, Response, Role, Turn, Usage,
    fold, unfold,
};
use crate::sse::{Frame, FrameTooLong, Splitter};
use crate::target::ResponseContext;

fn events_of(chunks: &[Value]) -> Vec<Event> {
    let mut decoder = StreamDecoder::new(ResponseContext::default());
    let mut events = Vec::new();
    for chunk in chunks {
        let data = chunk.to_string();
        decoder.push(&Frame { event: None, data: data.as_bytes() }, &mut events);
    }
    decoder.finish(&mut events);
    events
}

fn part(part: Value) -> Value {
    json!({"candidates":[{"content":{"parts":[part]}}]})
}

fn finished(reason: &str) -> Value {
    json!({"candidates":[{"finishReason":reason}]})
}

fn finishes(events: &[Event]) -> Vec<(u32, FinishReason, Option<&str>)> {
    events
        .iter()
        .filter_map(|event| match event {
            Event::Finish { choice, reason, native } => Some((*choice, *reason, native.as_deref())),
            _ => None,
        })
        .collect()
}

fn fault(events: &[Event]) -> Option<&Fault> {
    events.iter().find_map(|event| match event {
        Event::Fault(fault) => Some(fault),
        _ => None,
    })
}

/// Bugs 2, 15: the call came in an earlier chunk than `STOP`.
#[test]
fn a_call_anywhere_in_the_stream_makes_it_end_in_tool_calls() {
    let events = events_of(&[
        part(json!({"text":"hi"})),
        part(json!({"functionCall":{"id":"a","name":"f","args":{"x":1}},"thoughtSignature":"S"})),
        part(json!({"functionCall":{"id":"b","name":"g","args":{}}})),
        finished("STOP"),
    ]);
    assert_eq!(finishes(&events), [(0, FinishReason::ToolCalls, Some("STOP"))]);
    let starts: Vec<(u32, &str)> = events
        .iter()
        .filter_map(|event| match event {
            Event::ToolCallStart { index, id, .. } => Some((*index, id.as_str())),
            _ => None,
        })
        .collect();
    assert_eq!(starts, [(0, "a"), (1, "b")], "ordinals count calls only");
    let before = events.iter().position(|event| {
        matches!(event, Event::Reasoning { id: Some(id), delta: ReasoningDelta::Encrypted(_), .. } if id == "a")
    });
    assert!(matches!(events[before.unwrap() + 1], Event::ToolCallStart { index: 0, .. }));
}

/// Bug 12
#[test]
fn a_finish_without_content_and_content_after_a_finish_are_heard() {
    let events = events_of(&[
        json!({"candidates":[{"content":{"parts":[{"text":"a"}]},"finishReason":"STOP"}]}),
        part(json!({"text":"b"})),
        json!({"usageMetadata":{"promptTokenCount":1}}),
    ]);
    assert_eq!(finishes(&events).len(), 1);
    assert_eq!(fold(events).choices[0].turn.blocks, [Block::text("ab")]);
}

/// Bug 16
#[test]
fn a_stream_without_a_finish_reason_is_cut() {
    for chunks in [vec![part(json!({"text":"a"}))], vec![], vec![json!({"usageMetadata":{}})]] {
        let events = events_of(&chunks);
        assert_eq!(fault(&events).unwrap().error_type, ErrorType::ProviderUnavailable);
        assert!(finishes(&events).is_empty());
    }
    let two = json!({"candidates":[{"index":0,"finishReason":"STOP"},{"index":1,"content":{"parts":[{"text":"a"}]}}]});
    assert!(fault(&events_of(&[two])).is_some(), "every candidate must end");
}

#[test]
fn an_error_ends_the_stream_and_nothing_follows_it() {
    for error in [
        json!({"error":{"code":503,"status":"UNAVAILABLE","message":"overloaded"}}),
        json!([{"error":{"code":503,"status":"UNAVAILABLE","message":"overloaded"}}]),
    ] {
        let events = events_of(&[part(json!({"text":"a"})), error, finished("STOP")]);
        assert_eq!(fault(&events).unwrap().error_type, ErrorType::ProviderOverloaded);
        assert!(matches!(events.last(), Some(Event::Fault(_))));
    }
    let mut decoder = StreamDecoder::new(ResponseContext::default());
    let mut events = Vec::new();
    decoder.push(&Frame { event: None, data: b"{\"cand" }, &mut events);
    decoder.push(&Frame { event: None, data: b"{}" }, &mut events);
    decoder.finish(&mut events);
    assert_eq!(events.len(), 1);
}

/// Bug 26
#[test]
fn blocked_prompts_and_malformed_calls_are_no_success() {
    let events = events_of(&[json!({"promptFeedback":{"blockReason":"SAFETY"}})]);
    assert_eq!(finishes(&events), [(0, FinishReason::ContentFilter, Some("SAFETY"))]);
    let events = events_of(&[finished("MALFORMED_FUNCTION_CALL")]);
    assert_eq!(finishes(&events)[0].1, FinishReason::Error);
}

#[test]
fn counts_replace_each_other() {
    let counts =
        |output: u64| json!({"usageMetadata":{"promptTokenCount":5,"candidatesTokenCount":output}});
    let events = events_of(&[counts(1), counts(1), counts(4), finished("STOP")]);
    let told: Vec<u64> = events
        .iter()
        .filter_map(|event| match event {
            Event::Usage(usage) => Some(usage.output),
            _ => None,
        })
        .collect();
    assert_eq!(told, [1, 4]);
    assert_eq!(fold(events).usage, Some(Usage { input: 5, output: 4, ..Usage::default() }));
}

#[test]
fn candidates_may_interleave() {
    let both = |a: &str, b: &str| json!({"candidates":[{"index":1,"content":{"parts":[{"text":b}]}},{"content":{"parts":[{"text":a}]}}]});
    let response = fold(events_of(&[
        both("a", "b"),
        both("c", "d"),
        json!({"candidates":[{"index":1,"finishReason":"MAX_TOKENS"},{"finishReason":"STOP"}]}),
    ]));
    assert_eq!(response.choices[0].turn.blocks, [Block::text("ac")]);
    assert_eq!(response.choices[1].turn.blocks, [Block::text("bd")]);
    assert_eq!(response.choices[1].finish, Some(FinishReason::Length));
}

#[test]
fn half_a_character_is_joined_or_replaced_and_nothing_is_lost() {
    let chunk = |parts: &str| format!(r#"{{"candidates":[{{"content":{{"parts":[{parts}]}}}}]}}"#);
    let chunks = [
        chunk(r#"{"text":"hm \ud83d","thought":true}"#),
        chunk(r#"{"text":"\ude00","thought":true}"#),
        chunk(r#"{"text":"hello \ud83d"}"#),
        chunk(r#"{"text":"\ude00 wor\ud83dld\ud83d"}"#),
        finished("STOP").to_string(),
    ];
    let mut decoder = StreamDecoder::new(ResponseContext::default());
    let mut events = Vec::new();
    for data in &chunks {
        decoder.push(&Frame { event: None, data: data.as_bytes() }, &mut events);
    }
    decoder.finish(&mut events);
    let streamed = fold(events);
    let body = r#"{"candidates":[{"content":{"parts":[{"text":"hm \ud83d\ude00","thought":true},{"text":"hello \ud83d\ude00 wor\ud83dld\ud83d"}]},"finishReason":"STOP"}]}"#;
    let whole =
        crate::gemini::decode_response(body.as_bytes(), &ResponseContext::default()).unwrap();
    assert_eq!(streamed.choices, whole.choices);
    assert_eq!(whole.choices[0].turn.blocks[1], Block::text("hello 😀 wor\u{fffd}ld\u{fffd}"));
}

/// wire-formats 3.5
#[test]
fn arguments_in_pieces_are_put_together() {
    let response = fold(events_of(&[
        part(json!({"functionCall":{"name":"f","willContinue":true},"thoughtSignature":"S"})),
        part(
            json!({"functionCall":{"partialArgs":[{"jsonPath":"$.city","stringValue":"New","willContinue":true}],"willContinue":true}}),
        ),
        part(
            json!({"functionCall":{"partialArgs":[{"jsonPath":"$.city","stringValue":" York"},{"jsonPath":"$.n","numberValue":2}],"willContinue":true}}),
        ),
        part(json!({"functionCall":{}})),
        part(json!({"functionCall":{"name":"g","args":{}}})),
        finished("STOP"),
    ]));
    let blocks = &response.choices[0].turn.blocks;
    let BlockKind::ToolCall { name, arguments, id } = &blocks[1].kind else { panic!("a call") };
    assert_eq!((name.as_str(), arguments.as_str()), ("f", r#"{"city":"New York","n":2}"#));
    assert!(
        matches!(&blocks[0].kind, BlockKind::Reasoning(block) if block.id.as_ref() == Some(id))
    );
    assert!(matches!(&blocks[2].kind, BlockKind::ToolCall { name, .. } if name == "g"));
    let bad = part(json!({"functionCall":{"name":"f","partialArgs":[{"jsonPath":"x"}]}}));
    assert!(fault(&events_of(&[bad])).is_some());
}

#[test]
fn start_is_told_once_and_filled_in_later() {
    let events = events_of(&[
        json!({"responseId":"r","modelVersion":"m"}),
        json!({"responseId":"r","modelVersion":"m"}),
        json!({"responseId":"r","usageMetadata":{"serviceTier":"flex"}}),
        finished("STOP"),
    ]);
    let starts = events.iter().filter(|event| matches!(event, Event::Start { .. })).count();
    assert_eq!(starts, 2);
    let response = fold(events);
    assert_eq!(response.service_tier.as_deref(), Some("flex"));
    assert_eq!(response.model.as_deref(), Some("m"));
}

/// WEB-4
#[test]
fn citations_come_before_the_finish() {
    let grounded = json!({"candidates":[{"finishReason":"STOP","groundingMetadata":{
        "groundingChunks":[{"web":{"uri":"https://a"}}],
        "groundingSupports":[{"segment":{"startIndex":0,"endIndex":2},"groundingChunkIndices":[0]}]}}]});
    let events = events_of(&[part(json!({"text":"é"})), grounded.clone(), grounded]);
    let at = events.iter().position(|event| matches!(event, Event::Annotation { .. })).unwrap();
    assert!(matches!(events[at + 1], Event::Finish { .. }));
    assert_eq!(events.iter().filter(|event| matches!(event, Event::Annotation { .. })).count(), 1);
}

fn identity() -> Identity {
    Identity { id: "gen-1".into(), model: "a/b".into(), provider: "P".into(), created: 1 }
}

fn split(bytes: &[u8], cuts: &[usize]) -> Vec<Event> {
    let mut decoder = StreamDecoder::new(ResponseContext::default());
    let mut splitter = Splitter::new();
    let mut events = Vec::new();
    let mut from = 0;
    for cut in cuts.iter().copied().chain([bytes.len()]) {
        let mut take = |frame: Frame<'_>| {
            decoder.push(&frame, &mut events);
            Ok::<(), FrameTooLong>(())
        };
        splitter.push(&bytes[from..cut], &mut take).unwrap();
        from = cut;
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

fn written(events: &[Event]) -> Vec<u8> {
    let mut encoder = StreamEncoder::new(identity());
    let mut out = Vec::new();
    events.iter().for_each(|event| encoder.push(event, &mut out));
    encoder.finish(Additions::default(), &mut out);
    out
}

fn reasoning(content: ReasoningContent, id: Option<&str>) -> Block {
    Block::new(BlockKind::Reasoning(ReasoningBlock {
        content,
        id: id.map(str::to_owned),
        format: ReasoningFormat::Gemini,
    }))
}

fn any_block() -> impl Strategy<Value = Vec<Block>> {
    let text = || "[a-zé]{1,6}";
    fn encrypted(id: Option<&str>, data: String) -> Block {
        reasoning(ReasoningContent::Encrypted { data }, id)
    }
    prop_oneof![
        text().prop_map(|text| vec![Block::text(text)]),
        text().prop_map(move |data| vec![Block::text("t"), encrypted(None, data)]),
        text().prop_map(|text| vec![reasoning(
            ReasoningContent::Text { text, signature: None },
            None
        )]),
        (text(), text()).prop_map(|(text, signature)| vec![reasoning(
            ReasoningContent::Text { text, signature: Some(signature) },
            None
        )]),
        (text(), any::<u32>(), any::<bool>()).prop_map(move |(name, id, signed)| {
            let id = format!("id{id}");
            let mut blocks = Vec::new();
            if signed {
                blocks.push(encrypted(Some(&id), "S".to_owned()));
            }
            let arguments = format!(r#"{{"n":"{name}"}}"#);
            blocks.push(Block::new(BlockKind::ToolCall { id, name: "f".into(), arguments }));
            blocks
        }),
    ]
}

fn is_plain_text(block: &Block) -> bool {
    matches!(block.kind, BlockKind::Text { .. })
}

fn is_open_thought(block: &Block) -> bool {
    matches!(&block.kind, BlockKind::Reasoning(reasoning)
        if matches!(reasoning.content, ReasoningContent::Text { signature: None, .. }))
}

prop_compose! {
    fn any_response()(
        groups in prop::collection::vec(any_block(), 0..6),
        length in any::<bool>(),
        input in 0_u64..100, output in 0_u64..100,
    ) -> Response {
        let mut blocks: Vec<Block> = Vec::new();
        for block in groups.into_iter().flatten() {
            // Neighbours that the protocol cannot tell apart are one.
            let merges = blocks.last().is_some_and(|last| {
                (is_plain_text(last) && is_plain_text(&block))
                    || (is_open_thought(last) && matches!(&block.kind, BlockKind::Reasoning(reasoning)
                        if matches!(reasoning.content, ReasoningContent::Text { .. })))
            });
            let repeated = matches!(&block.kind, BlockKind::ToolCall { id, .. }
                if blocks.iter().any(|seen| matches!(&seen.kind, BlockKind::ToolCall { id: other, .. } if other == id)));
            if !merges && !repeated {
                blocks.push(block);
            }
        }
        let called = blocks.iter().any(|block| matches!(block.kind, BlockKind::ToolCall { .. }));
        let (finish, native) = match (length, called) {
            (true, _) => (FinishReason::Length, "MAX_TOKENS"),
            (false, true) => (FinishReason::ToolCalls, "STOP"),
            (false, false) => (FinishReason::Stop, "STOP"),
        };
        Response {
            id: Some("gen-1".into()),
            model: Some("a/b".into()),
            choices: vec![Choice {
                index: 0,
                turn: Turn::new(Role::Assistant, blocks),
                finish: Some(finish),
                native_finish: Some(native.into()),
                logprobs: None,
                extras: Extras::default(),
            }],
            usage: Some(Usage { input, output, ..Usage::default() }),
            ..Response::default()
        }
    }
}

proptest! {
    #[test]
    fn a_stream_tells_the_whole_answer(response in any_response()) {
        let bytes = written(&unfold(&response));
        prop_assert_eq!(fold(split(&bytes, &[])), response.clone());
        let whole = crate::gemini::encode_response(&response, &identity(), Additions::default());
        let read = crate::gemini::decode_response(&whole, &ResponseContext::default()).unwrap();
        prop_assert_eq!(read, response);
    }

    #[test]
    fn splitting_the_bytes_anywhere_changes_nothing(
        response in any_response(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
    ) {
        let bytes = written(&unfold(&response));
        let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        at.sort_unstable();
        prop_assert_eq!(split(&bytes, &at), split(&bytes, &[]));
    }

    #[test]
    fn no_bytes_make_the_decoder_panic(frames in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 0..5)) {
        let mut decoder = StreamDecoder::new(ResponseContext::default());
        let mut events = Vec::new();
        for data in &frames {
            decoder.push(&Frame { event: None, data }, &mut events);
        }
        decoder.finish(&mut events);
        let faults = events.iter().filter(|event| matches!(event, Event::Fault(_))).count();
        prop_assert!(faults <= 1);
    }
}

/// Bug 4: calls of other protocols come in pieces, and are whole here.
#[test]
fn calls_are_gathered_and_written_before_what_follows() {
    let event = |arguments: &str, index| Event::ToolCallArguments {
        choice: 0,
        index,
        arguments: arguments.into(),
    };
    let start = |index, id: &str| Event::ToolCallStart {
        choice: 0,
        index,
        id: id.into(),
        name: "f".into(),
    };
    let bytes = written(&[
        start(0, "a"),
        event("{\"x\"", 0),
        start(1, "b"),
        event(":1}", 0),
        event("", 1),
        Event::Text { choice: 0, text: "so".into() },
        Event::Finish {
            choice: 0,
            reason: FinishReason::ToolCalls,
            native: Some("tool_use".into()),
        },
    ]);
    let text = String::from_utf8(bytes.clone()).unwrap();
    assert!(text.contains(r#"{"functionCall":{"id":"a","name":"f","args":{"x":1}}}"#), "{text}");
    assert!(text.find("\"id\":\"b\"").unwrap() < text.find("so").unwrap());
    let response = fold(split(&bytes, &[]));
    assert_eq!(response.choices[0].finish, Some(FinishReason::ToolCalls));
    assert_eq!(response.choices[0].turn.blocks.len(), 3);
}

#[test]
fn a_fault_is_written_and_nothing_after_it() {
    let fault = Fault::new(ErrorType::ProviderOverloaded, "busy");
    let text = Event::Text { choice: 0, text: "a".into() };
    let bytes = written(&[text.clone(), Event::Fault(fault), text]);
    let events = split(&bytes, &[]);
    assert!(
        matches!(events.last(), Some(Event::Fault(fault)) if fault.message == "busy"),
        "{events:?}"
    );
    assert_eq!(events.iter().filter(|event| matches!(event, Event::Text { .. })).count(), 1);
}

#[test]
fn the_last_chunk_carries_usage_and_there_is_no_done() {
    let bytes = written(&[
        Event::Usage(Usage { input: 1, output: 2, ..Usage::default() }),
        Event::Finish { choice: 0, reason: FinishReason::Stop, native: None },
    ]);
    let text = String::from_utf8(bytes).unwrap();
    assert_eq!(
        text,
        "data: {\"candidates\":[{\"finishReason\":\"STOP\",\"index\":0}],\"usageMetadata\":{\"promptTokenCount\":1,\"candidatesTokenCount\":2,\"totalTokenCount\":3},\"modelVersion\":\"a/b\",\"responseId\":\"gen-1\"}\n\n"
    );
}
