//! What callers of the Messages API read.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{StreamDecoder, StreamEncoder};
use crate::Dialect;
use crate::anthropic::{decode_response, encode_response};
use crate::exchange::{
    Additions, Block, BlockKind, Charge, Choice, ErrorType, Event, Extras, Fault, FinishReason,
    Identity, ReasoningBlock, ReasoningContent, ReasoningFormat, Response, Role, Turn, Usage, fold,
    unfold,
};
use crate::json::RawJson;
use crate::sse::{FrameTooLong, Splitter};
use crate::target::ResponseContext;

fn identity() -> Identity {
    Identity { id: "gen-1".into(), model: "a/b".into(), provider: "P".into(), created: 1 }
}

fn written(events: &[Event], additions: Additions<'_>) -> Vec<u8> {
    let mut encoder = StreamEncoder::new(identity());
    let mut out = Vec::new();
    for event in events {
        encoder.push(event, &mut out);
    }
    encoder.finish(additions, &mut out);
    out
}

fn frames(bytes: &[u8]) -> Vec<(String, Value)> {
    let mut found: Vec<(String, Value)> = Vec::new();
    Splitter::new()
        .push(bytes, |frame| {
            let name = frame.event.unwrap_or_default().to_owned();
            found.push((name, serde_json::from_slice(frame.data).unwrap()));
            Ok::<(), FrameTooLong>(())
        })
        .unwrap();
    for (name, data) in &found {
        assert_eq!(data["type"], name.as_str());
    }
    found
}

fn decoded(bytes: &[u8]) -> Vec<Event> {
    let mut decoder = StreamDecoder::new(ResponseContext::default());
    let mut events = Vec::new();
    Splitter::new()
        .push(bytes, |frame| {
            decoder.push(&frame, &mut events);
            Ok::<(), FrameTooLong>(())
        })
        .unwrap();
    decoder.finish(&mut events);
    events
}

fn start(index: u32, name: &str) -> Event {
    Event::ToolCallStart { choice: 0, index, id: format!("id{index}"), name: name.into() }
}

fn arguments(index: u32, piece: &str) -> Event {
    Event::ToolCallArguments { choice: 0, index, arguments: piece.into() }
}

fn text(piece: &str) -> Event {
    Event::Text { choice: 0, text: piece.into() }
}

fn ended(reason: FinishReason) -> Event {
    Event::Finish { choice: 0, reason, native: None }
}

#[test]
fn an_answer_is_framed_from_start_to_stop() {
    // MSG-3, USAGE-7, RMETA-4
    let charge = Charge { cost: "0.001".into(), ..Charge::default() };
    let members = [("openrouter_metadata".to_owned(), RawJson::of(&1).unwrap())];
    let events = [
        Event::Usage(Usage { input: 7, output: 1, ..Usage::default() }),
        text("Hi"),
        Event::Ping,
        ended(FinishReason::Length),
        Event::Usage(Usage { input: 7, output: 5, ..Usage::default() }),
    ];
    let found = frames(&written(
        &events,
        Additions { charge: Some(&charge), members: &members, ..Additions::default() },
    ));
    let names: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        [
            "message_start",
            "content_block_start",
            "content_block_delta",
            "ping",
            "content_block_stop",
            "message_delta",
            "message_stop"
        ]
    );
    assert_eq!(found[0].1["message"]["id"], "gen-1");
    assert_eq!(found[0].1["message"]["usage"]["input_tokens"], 7);
    assert_eq!(found[5].1["delta"]["stop_reason"], "max_tokens");
    assert_eq!(found[5].1["usage"]["output_tokens"], 5);
    assert_eq!(found[5].1["usage"]["cost"], 0.001);
    assert_eq!(found[6].1, json!({"type":"message_stop","openrouter_metadata":1}));
}

/// CHAT-11, STREAM-7
#[test]
fn an_answer_that_its_provider_ended_with_an_error_is_no_success() {
    let failed = || Event::Finish {
        choice: 0,
        reason: FinishReason::Error,
        native: Some("MALFORMED_FUNCTION_CALL".into()),
    };
    let error = json!({"type":"api_error","message":"Provider returned error: MALFORMED_FUNCTION_CALL",
        "error_type":"provider_unavailable"});
    let members = [("openrouter_metadata".to_owned(), RawJson::of(&1).unwrap())];
    let additions = Additions { charge: None, members: &members, ..Additions::default() };
    let found = frames(&written(&[text("Hi"), failed()], additions));
    let names: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["message_start", "content_block_start", "content_block_delta", "error"]);
    assert_eq!(
        found[3].1,
        json!({"type":"error","error":error,"request_id":"gen-1","openrouter_metadata":1})
    );
    let whole = encode_response(&fold([text("Hi"), failed()]), &identity(), additions);
    let body: Value = serde_json::from_slice(&whole).unwrap();
    assert_eq!(body["content"][0]["text"], "Hi");
    assert_eq!((&body["stop_reason"], &body["error"]), (&Value::Null, &error));
    let good = encode_response(
        &fold([text("Hi"), ended(FinishReason::Stop)]),
        &identity(),
        Additions::default(),
    );
    assert!(serde_json::from_slice::<Value>(&good).unwrap().get("error").is_none());
}

#[test]
fn whole_arguments_are_still_a_piece() {
    // bug 4
    let found = frames(&written(
        &[start(0, "f"), arguments(0, "{\"a\":1}"), ended(FinishReason::ToolCalls)],
        Additions::default(),
    ));
    assert_eq!(
        found[1].1["content_block"],
        json!({"type":"tool_use","id":"id0","name":"f","input":{}})
    );
    assert_eq!(found[2].1["delta"], json!({"type":"input_json_delta","partial_json":"{\"a\":1}"}));
    assert_eq!(found[4].1["delta"]["stop_reason"], "tool_use");
}

#[test]
fn calls_told_in_turns_are_written_one_after_the_other() {
    let events = [
        start(0, "f"),
        start(1, "g"),
        arguments(0, "{\"a\""),
        arguments(1, "{\"b\":"),
        arguments(0, ":1}"),
        arguments(1, "2}"),
        ended(FinishReason::ToolCalls),
    ];
    let bytes = written(&events, Additions::default());
    let mut open = 0;
    for (name, _) in frames(&bytes) {
        open += i32::from(name == "content_block_start") - i32::from(name == "content_block_stop");
        assert!((0..=1).contains(&open));
    }
    let response = fold(decoded(&bytes));
    let found: Vec<&str> = response.choices[0]
        .turn
        .blocks
        .iter()
        .filter_map(|block| match &block.kind {
            BlockKind::ToolCall { arguments, .. } => Some(arguments.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(found, ["{\"a\":1}", "{\"b\":2}"]);
}

#[test]
fn a_fault_ends_the_stream_with_an_error_event() {
    // bug 11, ERR-16
    let fault = Fault::new(ErrorType::ProviderOverloaded, "busy");
    let found =
        frames(&written(&[text("Hi"), Event::Fault(fault), text("no")], Additions::default()));
    let (name, data) = found.last().unwrap();
    assert_eq!(name, "error");
    assert_eq!(data["error"]["type"], "overloaded_error");
    assert_eq!(data["request_id"], "gen-1");
}

#[test]
fn an_empty_answer_is_still_a_whole_stream() {
    let found = frames(&written(&[], Additions::default()));
    let names: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["message_start", "message_delta", "message_stop"]);
}

#[test]
fn a_refusal_is_a_detail_of_a_withheld_answer_and_text_of_any_other() {
    let refusal = Event::Refusal { choice: 0, text: "no".into() };
    let withheld = frames(&written(
        &[refusal.clone(), ended(FinishReason::ContentFilter)],
        Additions::default(),
    ));
    assert_eq!(withheld[1].1["delta"]["stop_reason"], "refusal");
    assert_eq!(withheld[1].1["delta"]["stop_details"]["explanation"], "no");
    let said = frames(&written(&[refusal, ended(FinishReason::Stop)], Additions::default()));
    assert_eq!(said[2].1["delta"]["text"], "no");
}

fn response_of(blocks: Vec<Block>, finish: FinishReason) -> Response {
    Response {
        id: Some("gen-1".into()),
        model: Some("a/b".into()),
        choices: vec![Choice {
            index: 0,
            turn: Turn::new(Role::Assistant, blocks),
            finish: Some(finish),
            native_finish: crate::anthropic::wire::stop_reason_of(finish, None).map(str::to_owned),
            logprobs: None,
            extras: Extras::default(),
        }],
        usage: Some(Usage {
            input: 20,
            cached_input: 5,
            cache_write: 3,
            cache_write_1h: 1,
            output: 9,
            reasoning: 2,
            web_searches: 1,
            ..Usage::default()
        }),
        service_tier: Some("default".into()),
        ..Response::default()
    }
}

fn without_router_members(mut response: Response) -> Response {
    response.extras.members.retain(|(name, _)| !["provider", "container"].contains(&name.as_str()));
    if response.extras.members.is_empty() {
        response.extras = Extras::default();
    }
    response
}

#[test]
fn a_whole_answer_has_all_the_members_clients_require() {
    let response = response_of(
        vec![
            Block::text("Hi"),
            Block::new(BlockKind::ToolCall {
                id: "i".into(),
                name: "f".into(),
                arguments: String::new(),
            }),
            Block::new(BlockKind::Opaque {
                origin: Dialect::Gemini,
                raw: RawJson::of(&1).unwrap(),
            }),
        ],
        FinishReason::ToolCalls,
    );
    let body: Value =
        serde_json::from_slice(&encode_response(&response, &identity(), Additions::default()))
            .unwrap();
    assert_eq!(
        body["content"],
        json!([{"type":"text","text":"Hi"},{"type":"tool_use","id":"i","name":"f","input":{}}])
    );
    for name in [
        "id",
        "type",
        "role",
        "container",
        "model",
        "stop_reason",
        "stop_details",
        "stop_sequence",
        "usage",
    ] {
        assert!(body.get(name).is_some(), "{name}");
    }
    assert_eq!(body["usage"]["input_tokens"], 12);
    assert_eq!(body["usage"]["service_tier"], "standard");
}

fn any_answer() -> impl Strategy<Value = Response> {
    let block = prop_oneof![
        "[a-zé\\n\"]{1,8}".prop_map(Block::text),
        ("[a-z]{1,5}", proptest::option::of("[a-z]{1,5}"), any::<bool>()).prop_map(
            |(text, signature, foreign)| {
                let format = match (foreign, &signature) {
                    (true, Some(_)) => ReasoningFormat::Gemini,
                    _ => ReasoningFormat::Anthropic,
                };
                Block::new(BlockKind::Reasoning(ReasoningBlock {
                    content: ReasoningContent::Text { text, signature },
                    id: None,
                    format,
                }))
            }
        ),
        "[a-z]{1,5}".prop_map(|data| Block::new(BlockKind::Reasoning(ReasoningBlock {
            content: ReasoningContent::Encrypted { data },
            id: None,
            format: ReasoningFormat::Anthropic,
        }))),
        ("[a-z]{1,5}", "[a-z\\\\\"}{é]{0,6}").prop_map(|(name, value)| {
            Block::new(BlockKind::ToolCall {
                id: format!("id_{name}"),
                name,
                arguments: json!({ "a": value }).to_string(),
            })
        }),
    ];
    let finish = prop_oneof![
        Just(FinishReason::Stop),
        Just(FinishReason::Length),
        Just(FinishReason::ToolCalls)
    ];
    (proptest::collection::vec(block, 1..6), finish).prop_map(|(mut blocks, finish)| {
        // Neighbouring texts are one text in a stream.
        blocks.dedup_by(|later, earlier| {
            matches!((&later.kind, &earlier.kind), (BlockKind::Text { .. }, BlockKind::Text { .. }))
        });
        response_of(blocks, finish)
    })
}

/// What a decoder of providers' answers makes of another vendor's wrapped signature: it passes
/// the text on as it is.
fn as_read_by_a_provider_decoder(mut response: Response) -> Response {
    for block in &mut response.choices[0].turn.blocks {
        if let BlockKind::Reasoning(ReasoningBlock {
            content: ReasoningContent::Text { signature: Some(signature), .. },
            format,
            ..
        }) = &mut block.kind
        {
            *signature = crate::anthropic::foreign::wrap(format, None, signature);
            *format = ReasoningFormat::Anthropic;
        }
    }
    response
}

proptest! {
    #[test]
    fn decoding_a_whole_answer_undoes_encoding_it(response in any_answer()) {
        let body = encode_response(&response, &identity(), Additions::default());
        let back = decode_response(&body, &ResponseContext::default()).unwrap();
        prop_assert_eq!(without_router_members(back), as_read_by_a_provider_decoder(response));
    }

    #[test]
    fn the_stream_of_an_answer_folds_to_the_answer(response in any_answer()) {
        let bytes = written(&unfold(&response), Additions::default());
        frames(&bytes);
        prop_assert_eq!(fold(decoded(&bytes)), as_read_by_a_provider_decoder(response));
    }

    #[test]
    fn any_order_of_events_gives_well_formed_frames(
        order in proptest::collection::vec((0_u8..8, 0_u32..3, "[{}\"a:1]{0,4}"), 0..30),
    ) {
        let events: Vec<Event> = order
            .into_iter()
            .map(|(kind, index, piece)| match kind {
                0 => start(index, "f"),
                1 | 2 => arguments(index, &piece),
                3 => text(&piece),
                4 => Event::Reasoning {
                    choice: 0,
                    index,
                    id: None,
                    format: ReasoningFormat::Unknown,
                    delta: crate::exchange::ReasoningDelta::Text(piece),
                },
                5 => Event::Ping,
                6 => Event::Refusal { choice: 0, text: piece },
                _ => ended(FinishReason::Stop),
            })
            .collect();
        let found = frames(&written(&events, Additions::default()));
        prop_assert_eq!(found.last().map(|(name, _)| name.as_str()), Some("message_stop"));
        let mut open: Option<u64> = None;
        let mut next = 0;
        for (name, data) in found {
            match name.as_str() {
                "content_block_start" => {
                    prop_assert_eq!(open, None);
                    prop_assert_eq!(data["index"].as_u64(), Some(next));
                    open = Some(next);
                    next += 1;
                }
                "content_block_delta" => prop_assert_eq!(data["index"].as_u64(), open),
                "content_block_stop" => {
                    prop_assert_eq!(data["index"].as_u64(), open);
                    open = None;
                }
                _ => {}
            }
        }
        prop_assert_eq!(open, None);
    }
}
