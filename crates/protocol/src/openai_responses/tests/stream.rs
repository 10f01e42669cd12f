use serde_json::{Value, json};

use super::{events, frames, identity, told};
use crate::exchange::{
    Additions, BlockKind, Charge, ErrorType, Event, Fault, FinishReason, ReasoningBlock,
    ReasoningContent, ReasoningDelta, ReasoningFormat, Usage, fold,
};
use crate::json::RawJson;
use crate::openai_responses::{Echo, StreamEncoder};
use crate::target::ResponseContext;

fn read(frames: &[&str]) -> Vec<Event> {
    events(ResponseContext::default(), frames)
}

const CREATED: &str = r#"{"type":"response.created","response":{"id":"resp_1","model":"m","created_at":3,"service_tier":"auto"}}"#;
const COMPLETED: &str = r#"{"type":"response.completed","response":{"status":"completed","service_tier":"flex","usage":{"input_tokens":1,"output_tokens":2},"output":[]}}"#;

/// wire-formats 9.2: the data of the item that is done counts, not that of the one that begins.
#[test]
fn encrypted_content_is_taken_from_the_complete_item() {
    let found = read(&[
        CREATED,
        r#"{"type":"response.output_item.added","output_index":0,"item":{"id":"rs_1","type":"reasoning","summary":[],"encrypted_content":"early"}}"#,
        r#"{"type":"response.reasoning_summary_text.delta","item_id":"rs_1","output_index":0,"summary_index":0,"delta":"s"}"#,
        r#"{"type":"response.reasoning_summary_text.done","item_id":"rs_1","output_index":0,"summary_index":0,"text":"s"}"#,
        r#"{"type":"response.output_item.done","output_index":0,"item":{"id":"rs_1","type":"reasoning","summary":[{"type":"summary_text","text":"s"}],"encrypted_content":"late"}}"#,
        COMPLETED,
    ]);
    let thought = |index, delta| Event::Reasoning {
        choice: 0,
        index,
        id: Some("rs_1".into()),
        format: ReasoningFormat::OpenaiResponses,
        delta,
    };
    assert_eq!(
        found[1..3],
        [
            thought(0, ReasoningDelta::Summary("s".into())),
            thought(1, ReasoningDelta::Encrypted("late".into())),
        ]
    );
    assert_eq!(
        found[3..],
        [
            Event::Start {
                id: None,
                model: None,
                created: None,
                service_tier: Some("flex".into()),
                system_fingerprint: None
            },
            Event::Usage(Usage { input: 1, output: 2, ..Usage::default() }),
            Event::Finish {
                choice: 0,
                reason: FinishReason::Stop,
                native: Some("completed".into())
            },
        ]
    );
}

/// A model says what it is about to do, and then answers.
#[test]
fn messages_of_one_answer_do_not_run_together() {
    let message = |id: &str, phase: &str, text: &str| {
        json!({"id": id, "type": "message", "phase": phase,
            "content": [{"type": "output_text", "text": text}]})
    };
    let output = json!([
        message("m1", "commentary", "First."),
        message("m2", "final_answer", "Then"),
        message("m3", "final_answer", ".")
    ]);
    let body = json!({"id": "resp_1", "status": "completed", "output": output});
    let whole = crate::openai_responses::decode_response(
        body.to_string().as_bytes(),
        &ResponseContext::default(),
    )
    .unwrap();
    let added = |index: u64, phase: &str| {
        json!({"type": "response.output_item.added", "output_index": index,
            "item": message(&format!("m{}", index + 1), phase, "")})
        .to_string()
    };
    let delta = |index: u64, text: &str| {
        json!({"type": "response.output_text.delta", "item_id": format!("m{}", index + 1),
            "output_index": index, "content_index": 0, "delta": text})
        .to_string()
    };
    let streamed = fold(read(&[
        CREATED,
        &added(0, "commentary"),
        &delta(0, "Fir"),
        &delta(0, "st."),
        &added(1, "final_answer"),
        &delta(1, "The"),
        &delta(1, "n"),
        &added(2, "final_answer"),
        &delta(2, "."),
        COMPLETED,
    ]));
    for answer in [whole, streamed] {
        let text: String = answer.choices[0]
            .turn
            .blocks
            .iter()
            .map(|block| match &block.kind {
                BlockKind::Text { text, .. } => text.as_str(),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(text, "First.\n\nThen.");
    }
}

/// Hosts leave out deltas, or everything but the end.
#[test]
fn what_was_not_told_in_pieces_is_told_once_when_it_is_whole() {
    let item = r#"{"type":"response.output_item.done","output_index":0,"item":{"type":"message","content":[{"type":"output_text","text":"hi","annotations":[{"type":"file_path","file_id":"f","index":0}]}]}}"#;
    let done =
        r#"{"type":"response.output_text.done","output_index":0,"content_index":0,"text":"hi"}"#;
    let delta =
        r#"{"type":"response.output_text.delta","output_index":0,"content_index":0,"delta":"hi"}"#;
    let last = r#"{"type":"response.completed","response":{"status":"completed","output":[{"type":"message","content":[{"type":"output_text","text":"hi"}]}]}}"#;
    for frames in [
        vec![delta, done, item, COMPLETED],
        vec![done, item, COMPLETED],
        vec![item, COMPLETED],
        vec![last],
    ] {
        let texts: Vec<Event> =
            read(&frames).into_iter().filter(|event| matches!(event, Event::Text { .. })).collect();
        assert_eq!(texts, [Event::Text { choice: 0, text: "hi".into() }], "{frames:?}");
    }
    let call = r#"{"type":"response.output_item.done","output_index":0,"item":{"type":"function_call","call_id":"c","name":"f","arguments":""}}"#;
    let found = read(&[call, COMPLETED]);
    assert!(found.contains(&Event::ToolCallStart {
        choice: 0,
        index: 0,
        id: "c".into(),
        name: "f".into()
    }));
    // Bug 3
    assert!(found.contains(&Event::ToolCallArguments {
        choice: 0,
        index: 0,
        arguments: "{}".into()
    }));
}

/// Bugs 11, 16
#[test]
fn a_broken_stream_ends_in_one_fault() {
    let text = r#"{"type":"response.output_text.delta","delta":"a"}"#;
    let failed = r#"{"type":"response.failed","response":{"status":"failed","error":{"code":"rate_limit_exceeded","message":"m"}}}"#;
    let error = r#"{"type":"error","code":"server_is_overloaded","message":"m","param":null}"#;
    let nested =
        r#"{"type":"error","error":{"type":"tokens","code":"insufficient_quota","message":"m"}}"#;
    for (frames, kind) in [
        (vec![], ErrorType::ProviderUnavailable),
        (vec!["[DONE]"], ErrorType::ProviderUnavailable),
        (vec![CREATED, text], ErrorType::ProviderUnavailable),
        (vec![CREATED, text, "nonsense", text], ErrorType::ProviderUnavailable),
        (vec![CREATED, failed, COMPLETED], ErrorType::RateLimitExceeded),
        (vec![text, error, failed], ErrorType::ProviderOverloaded),
        (vec![nested], ErrorType::PaymentRequired),
        (
            vec![r#"{"error":{"message":"m","code":"context_length_exceeded"}}"#],
            ErrorType::ContextLengthExceeded,
        ),
        (
            vec![text, r#"{"type":"response.cancelled","response":{"status":"cancelled"}}"#],
            ErrorType::ProviderUnavailable,
        ),
    ] {
        let found = read(&frames);
        let faults: Vec<&Fault> = found
            .iter()
            .filter_map(|event| if let Event::Fault(fault) = event { Some(fault) } else { None })
            .collect();
        assert_eq!(faults.len(), 1, "{frames:?}: {found:?}");
        assert_eq!(faults[0].error_type, kind, "{frames:?}");
        assert!(!found.iter().any(|event| matches!(event, Event::Finish { .. })));
    }
    let context = ResponseContext { no_finish_reason: true, ..ResponseContext::default() };
    let found = events(context, &[CREATED, text]);
    assert!(matches!(found.last(), Some(Event::Finish { reason: FinishReason::Stop, .. })));
}

fn kinds(found: &[Value]) -> Vec<&str> {
    found
        .iter()
        .map(|frame| frame["type"].as_str().unwrap().trim_start_matches("response."))
        .collect()
}

/// RESP-4
#[test]
fn every_item_and_part_begins_and_ends_in_its_place() {
    let thought = |delta| Event::Reasoning {
        choice: 0,
        index: 0,
        id: Some("rs_1".into()),
        format: ReasoningFormat::OpenaiResponses,
        delta,
    };
    let found = frames(&told(
        Echo::default(),
        &[
            thought(ReasoningDelta::Summary("s".into())),
            Event::Text { choice: 0, text: "t".into() },
            Event::Annotation {
                choice: 0,
                raw: RawJson::parse(r#"{"type":"url_citation","url_citation":{"url":"u"}}"#.into())
                    .unwrap(),
            },
            Event::Refusal { choice: 0, text: "no".into() },
            Event::ToolCallStart { choice: 0, index: 0, id: "c".into(), name: "f".into() },
            Event::Finish { choice: 0, reason: FinishReason::ToolCalls, native: None },
        ],
    ));
    assert_eq!(
        kinds(&found),
        [
            "created",
            "in_progress",
            "output_item.added",
            "reasoning_summary_part.added",
            "reasoning_summary_text.delta",
            "reasoning_summary_text.done",
            "reasoning_summary_part.done",
            "output_item.done",
            "output_item.added",
            "content_part.added",
            "output_text.delta",
            "output_text.annotation.added",
            "output_text.done",
            "content_part.done",
            "content_part.added",
            "refusal.delta",
            "refusal.done",
            "content_part.done",
            "output_item.done",
            "output_item.added",
            "function_call_arguments.delta",
            "function_call_arguments.done",
            "output_item.done",
            "completed",
        ]
    );
    for (at, frame) in found.iter().enumerate() {
        assert_eq!(frame["sequence_number"], json!(at));
    }
    assert_eq!(
        found[11]["annotation"],
        json!({"type":"url_citation","url":"u","title":"","start_index":0,"end_index":0})
    );
    assert_eq!((&found[15]["content_index"], &found[15]["output_index"]), (&json!(1), &json!(1)));
    // What is told when an item is done is what stands in the whole.
    let done: Vec<&Value> = found
        .iter()
        .filter(|frame| frame["type"] == "response.output_item.done")
        .map(|frame| &frame["item"])
        .collect();
    let output = found.last().unwrap()["response"]["output"].as_array().unwrap();
    assert_eq!(done, output.iter().collect::<Vec<_>>());
}

/// USAGE-6, RMETA-4
#[test]
fn the_last_event_holds_usage_cost_and_what_the_gateway_adds() {
    let mut encoder = StreamEncoder::new(identity());
    let mut out = Vec::new();
    encoder.push(&Event::Usage(Usage { input: 3, output: 4, ..Usage::default() }), &mut out);
    encoder
        .push(&Event::Finish { choice: 0, reason: FinishReason::Length, native: None }, &mut out);
    let charge = Charge { cost: "0.5".into(), ..Charge::default() };
    let members = [("openrouter_metadata".to_owned(), RawJson::parse("{\"a\":1}".into()).unwrap())];
    encoder.finish(
        Additions { charge: Some(&charge), members: &members, ..Additions::default() },
        &mut out,
    );
    let found = frames(&out);
    let last = found.last().unwrap();
    assert_eq!(last["type"], "response.incomplete");
    let response = &last["response"];
    assert_eq!(response["incomplete_details"], json!({"reason":"max_output_tokens"}));
    assert_eq!(response["usage"]["cost"], 0.5);
    assert_eq!(response["usage"]["total_tokens"], 7);
    assert_eq!(response["openrouter_metadata"]["a"], 1);
}

/// RESP-2
#[test]
fn an_answer_says_when_it_was_completed_and_no_other_does() {
    for (reason, completed) in [(FinishReason::Stop, json!(7)), (FinishReason::Length, json!(null))]
    {
        let mut encoder = StreamEncoder::new(identity());
        let mut out = Vec::new();
        encoder.push(&Event::Text { choice: 0, text: "t".into() }, &mut out);
        encoder.push(&Event::Finish { choice: 0, reason, native: None }, &mut out);
        encoder.finish(Additions { completed: Some(7), ..Additions::default() }, &mut out);
        let found = frames(&out);
        assert_eq!(found[0]["response"]["completed_at"], json!(null));
        assert_eq!(found.last().unwrap()["response"]["completed_at"], completed);
    }
}

/// ERR-13
#[test]
fn a_failure_midway_is_an_error_event_and_a_failed_answer() {
    let found = frames(&told(
        Echo::default(),
        &[
            Event::Text { choice: 0, text: "t".into() },
            Event::Fault(Fault::new(ErrorType::Timeout, "slow")),
            Event::Text { choice: 0, text: "never".into() },
        ],
    ));
    let [.., error, failed] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!(error["type"], "error");
    assert_eq!((&error["code"], &error["message"]), (&json!("server_error"), &json!("slow")));
    assert_eq!(failed["type"], "response.failed");
    let response = &failed["response"];
    assert_eq!(response["status"], "failed");
    assert_eq!(response["error"], json!({"code":"server_error","message":"slow"}));
    assert_eq!(response["error_type"], "timeout");
    assert_eq!(response["output"][0]["content"][0]["text"], "t");
    assert_eq!(response["output"][0]["status"], "incomplete");
    // An answer that the provider itself ended badly.
    let found = frames(&told(
        Echo::default(),
        &[Event::Finish { choice: 0, reason: FinishReason::Error, native: Some("x".into()) }],
    ));
    assert_eq!(kinds(&found), ["created", "in_progress", "error", "failed"]);
}

#[test]
fn interleaved_pieces_of_calls_find_their_items() {
    let piece =
        |index, text: &str| Event::ToolCallArguments { choice: 0, index, arguments: text.into() };
    let start = |index, id: &str| Event::ToolCallStart {
        choice: 0,
        index,
        id: id.into(),
        name: "f".into(),
    };
    let found = frames(&told(
        Echo::default(),
        &[
            start(0, "a"),
            start(1, "b"),
            piece(0, "{\"x\":"),
            piece(1, "{}"),
            piece(0, "1}"),
            Event::Finish { choice: 0, reason: FinishReason::ToolCalls, native: None },
        ],
    ));
    let output = &found.last().unwrap()["response"]["output"];
    assert_eq!(output[0]["arguments"], "{\"x\":1}");
    assert_eq!(output[1]["arguments"], "{}");
}

#[test]
fn an_answer_without_end_does_not_grow_without_bound() {
    let mut encoder = StreamEncoder::new(identity()).with_limit(1_000);
    let mut out = Vec::new();
    let piece = Event::Text { choice: 0, text: "x".repeat(100) };
    for _ in 0..50 {
        encoder.push(&piece, &mut out);
    }
    encoder.finish(Additions::default(), &mut out);
    let found = frames(&out);
    assert!(found.len() < 16, "{}", found.len());
    assert_eq!(kinds(&found)[found.len() - 2..], ["error", "failed"]);
}

#[test]
fn an_item_whose_kind_nobody_told_is_what_its_pieces_say() {
    let found = read(&[
        r#"{"type":"response.output_item.added","output_index":0,"item":{"id":"a"}}"#,
        r#"{"type":"response.output_text.delta","output_index":0,"content_index":0,"delta":"t"}"#,
        r#"{"type":"response.function_call_arguments.delta","output_index":1,"delta":"{}"}"#,
        r#"{"type":"response.output_item.done","output_index":1,"item":{"type":"function_call","call_id":"c","name":"f","arguments":"{}"}}"#,
        COMPLETED,
    ]);
    assert!(found.contains(&Event::Text { choice: 0, text: "t".into() }));
    let calls: Vec<&Event> = found
        .iter()
        .filter(|event| {
            matches!(event, Event::ToolCallStart { .. } | Event::ToolCallArguments { .. })
        })
        .collect();
    assert_eq!(calls.len(), 2, "{calls:?}");
}

/// A character that is cut in two, in every kind of piece; and halves that stay halves.
#[test]
fn half_a_character_is_joined_or_replaced_and_nothing_is_lost() {
    let found = read(&[
        r#"{"type":"response.reasoning_summary_text.delta","output_index":0,"summary_index":0,"delta":"a\ud83d"}"#,
        r#"{"type":"response.reasoning_summary_text.delta","output_index":0,"summary_index":0,"delta":"\ude00"}"#,
        r#"{"type":"response.reasoning_text.delta","output_index":0,"content_index":0,"delta":"b\ud83d"}"#,
        r#"{"type":"response.reasoning_text.done","output_index":0,"content_index":0,"text":"b\ud83d"}"#,
        r#"{"type":"response.output_item.done","output_index":0,"item":{"type":"reasoning"}}"#,
        r#"{"type":"response.output_text.delta","output_index":1,"content_index":0,"delta":"\ud83d"}"#,
        r#"{"type":"response.refusal.delta","output_index":1,"content_index":1,"delta":"no\ud83d"}"#,
        r#"{"type":"response.output_text.delta","output_index":1,"content_index":0,"delta":"\ude00 wor\ud83dld\ud83d"}"#,
        r#"{"type":"response.refusal.delta","output_index":1,"content_index":1,"delta":"\ude00"}"#,
        r#"{"type":"response.output_item.added","output_index":2,"item":{"type":"function_call","call_id":"c","name":"f"}}"#,
        r#"{"type":"response.function_call_arguments.delta","output_index":2,"delta":"{\"a\":\"\ud83d"}"#,
        r#"{"type":"response.function_call_arguments.delta","output_index":2,"delta":"\ude00\"}"}"#,
        r#"{"type":"response.function_call_arguments.done","output_index":2,"arguments":"{\"a\":\"\ud83d\ude00\"}"}"#,
        r#"{"type":"response.completed","response":{"status":"completed"}}"#,
    ]);
    let blocks = fold(found).choices.swap_remove(0).turn.blocks;
    let thought = |content| {
        let format = ReasoningFormat::Unknown;
        BlockKind::Reasoning(ReasoningBlock { content, id: None, format })
    };
    let kinds: Vec<BlockKind> = blocks.into_iter().map(|block| block.kind).collect();
    for kind in [
        thought(ReasoningContent::Summary { summary: "a😀".to_owned() }),
        thought(ReasoningContent::Text { text: "b\u{fffd}".to_owned(), signature: None }),
        BlockKind::ToolCall {
            id: "c".to_owned(),
            name: "f".to_owned(),
            arguments: r#"{"a":"😀"}"#.to_owned(),
        },
    ] {
        assert!(kinds.contains(&kind), "{kind:?} {kinds:?}");
    }
    let said = |kind: &BlockKind| match kind {
        BlockKind::Text { text, .. } | BlockKind::Refusal { text } => Some(text.clone()),
        _ => None,
    };
    let said: String = kinds.iter().filter_map(said).collect();
    assert_eq!(said.chars().filter(|letter| *letter == '😀').count(), 2, "{said}");
    assert_eq!(said.chars().filter(|letter| *letter == '\u{fffd}').count(), 2, "{said}");
}
