use proptest::prelude::*;

use super::{events_of, identity};
use crate::Dialect;
use crate::exchange::{
    Additions, Block, BlockKind, CacheMark, Choice, Effort, Extras, FinishReason, MediaSource,
    OutputFormat, Reasoning, ReasoningBlock, ReasoningContent, ReasoningFormat, Request, Response,
    Role, Sampling, Tool, ToolChoice, ToolKind, Turn, Usage, fold, unfold,
};
use crate::json::{Envelope, RawJson};
use crate::openai_chat::{
    RequestPatch, StreamEncoder, decode_request, decode_response, encode_request, encode_response,
    patch_request, read_facts,
};
use crate::target::{
    Abilities, Quirks, ReasoningReplay, ReasoningRequest, ResponseContext, Target,
};

fn text() -> impl Strategy<Value = String> {
    "[a-z\"\\\\\n{}é🎉]{1,8}"
}

fn raw(value: serde_json::Value) -> RawJson {
    RawJson::of(&value).unwrap()
}

fn mark() -> impl Strategy<Value = Option<CacheMark>> {
    prop_oneof![
        3 => Just(None),
        1 => Just(Some(CacheMark { ttl: None })),
        1 => Just(Some(CacheMark { ttl: Some("1h".into()) })),
    ]
}

fn reasoning_block() -> impl Strategy<Value = Block> {
    let content = prop_oneof![
        (text(), proptest::option::of(text()))
            .prop_map(|(text, signature)| ReasoningContent::Text { text, signature }),
        text().prop_map(|summary| ReasoningContent::Summary { summary }),
        text().prop_map(|data| ReasoningContent::Encrypted { data }),
    ];
    let format = prop_oneof![
        Just(ReasoningFormat::Anthropic),
        Just(ReasoningFormat::OpenaiResponses),
        Just(ReasoningFormat::Unknown),
        Just(ReasoningFormat::Other("xai-responses-v1".into())),
    ];
    (content, proptest::option::of("[a-z]{1,4}"), format).prop_map(|(content, id, format)| {
        Block::new(BlockKind::Reasoning(ReasoningBlock { content, id, format }))
    })
}

/// The blocks of an assistant's turn in the order this protocol tells them.
fn assistant(prefix: &'static str) -> impl Strategy<Value = Vec<Block>> {
    (
        proptest::collection::vec(reasoning_block(), 0..3),
        proptest::option::of(text()),
        proptest::option::of(text()),
        0_usize..3,
        any::<bool>(),
    )
        .prop_map(move |(mut blocks, text, refusal, calls, signed)| {
            blocks.extend(text.map(Block::text));
            blocks.extend(refusal.map(|text| Block::new(BlockKind::Refusal { text })));
            for at in 0..calls {
                let id = format!("{prefix}{at}");
                if signed {
                    blocks.push(Block::new(BlockKind::Reasoning(ReasoningBlock {
                        content: ReasoningContent::Encrypted { data: format!("sig{at}") },
                        id: Some(id.clone()),
                        format: ReasoningFormat::Gemini,
                    })));
                }
                blocks.push(Block::new(BlockKind::ToolCall {
                    id,
                    name: "f".into(),
                    arguments: "{\"a\":1}".into(),
                }));
            }
            blocks
        })
}

fn response() -> impl Strategy<Value = Response> {
    let finish = prop_oneof![
        Just(FinishReason::Length),
        Just(FinishReason::ContentFilter),
        Just(FinishReason::ToolCalls),
    ];
    (proptest::collection::vec((assistant("c"), finish), 1..3), 0_u64..1_000, 0_u64..1_000)
        .prop_map(|(choices, input, output)| Response {
            id: Some("gen-1".into()),
            model: Some("a/b".into()),
            created: Some(7),
            choices: choices
                .into_iter()
                .enumerate()
                .map(|(index, (blocks, finish))| Choice {
                    index: index as u32,
                    turn: Turn::new(Role::Assistant, blocks),
                    finish: Some(finish),
                    native_finish: Some("native".into()),
                    logprobs: None,
                    extras: Extras::default(),
                })
                .collect(),
            usage: Some(Usage { input, output, ..Usage::default() }),
            service_tier: None,
            system_fingerprint: None,
            extras: Extras::default(),
        })
}

fn part() -> impl Strategy<Value = Block> {
    let kind = prop_oneof![
        text().prop_map(|text| BlockKind::Text { text, annotations: Vec::new() }),
        Just(BlockKind::Image {
            source: MediaSource::Url("https://x/y".into()),
            detail: Some("high".into())
        }),
        Just(BlockKind::Audio {
            source: MediaSource::Base64 { media_type: "audio/wav".into(), data: "AA==".into() },
            format: "wav".into(),
            transcript: None
        }),
        Just(BlockKind::Video { source: MediaSource::Url("https://x/v".into()) }),
        Just(BlockKind::File {
            source: MediaSource::Base64 {
                media_type: "application/pdf".into(),
                data: "AA==".into()
            },
            filename: Some("a.pdf".into())
        }),
    ];
    (kind, mark()).prop_map(|(kind, cache)| Block { cache, ..Block::new(kind) })
}

fn request() -> impl Strategy<Value = Request> {
    let user = proptest::collection::vec(part(), 1..4);
    let sampling = (
        proptest::option::of(0_u32..=20),
        proptest::option::of(1_u64..50),
        proptest::option::of(any::<i64>()),
        proptest::collection::vec(text(), 0..3),
    )
        .prop_map(|(temperature, top_k, seed, stop)| Sampling {
            temperature: temperature.map(|tenths| f64::from(tenths) / 10.0),
            top_k,
            seed,
            stop,
            ..Sampling::default()
        });
    let choice = prop_oneof![
        Just(None),
        Just(Some(ToolChoice::Auto)),
        Just(Some(ToolChoice::Required)),
        Just(Some(ToolChoice::Named("f".into()))),
        Just(Some(ToolChoice::Allowed { names: vec!["f".into()], required: true })),
    ];
    let output = prop_oneof![
        Just(None),
        Just(Some(OutputFormat::JsonObject)),
        Just(Some(OutputFormat::JsonSchema {
            name: Some("n".into()),
            description: None,
            schema: raw(serde_json::json!({"type":"object"})),
            strict: Some(true),
        })),
    ];
    let reasoning = prop_oneof![
        Just(None),
        Just(Some(Reasoning { effort: Some(Effort::Low), ..Reasoning::default() })),
        Just(Some(Reasoning { max_tokens: Some(2_000), exclude: true, ..Reasoning::default() })),
    ];
    (text(), user, assistant("c"), sampling, choice, output, reasoning, any::<bool>(), mark())
        .prop_map(
            |(system, user, blocks, sampling, tool_choice, output, reasoning, stream, cache)| {
                let results: Vec<Turn> = blocks
                    .iter()
                    .filter_map(|block| match &block.kind {
                        BlockKind::ToolCall { id, .. } => Some(Turn::new(
                            Role::Tool,
                            vec![Block::new(BlockKind::ToolResult {
                                call_id: id.clone(),
                                name: None,
                                content: vec![Block::text("r")],
                                is_error: false,
                            })],
                        )),
                        _ => None,
                    })
                    .collect();
                let mut turns = vec![
                    Turn::new(Role::System, vec![Block::text(system)]),
                    Turn::new(Role::User, user),
                    Turn::new(Role::Assistant, blocks),
                ];
                turns.extend(results);
                Request {
                    model: "native".into(),
                    turns,
                    tools: vec![Tool {
                        kind: ToolKind::Function {
                            name: "f".into(),
                            description: Some("d".into()),
                            parameters: Some(raw(serde_json::json!({"type":"object"}))),
                            strict: None,
                        },
                        cache: cache.clone(),
                        extras: Extras::default(),
                    }],
                    tool_choice,
                    parallel_tool_calls: Some(false),
                    output,
                    sampling,
                    reasoning,
                    max_output_tokens: Some(100),
                    stream,
                    cache,
                    user: Some("h".into()),
                    extras: Extras::of(
                        Dialect::OpenaiChat,
                        vec![("safe_prompt".into(), raw(serde_json::json!(true)))],
                    ),
                    ..Request::default()
                }
            },
        )
}

fn told(response: &Response) -> Vec<u8> {
    let mut encoder = StreamEncoder::new(identity());
    let mut out = Vec::new();
    for event in unfold(response) {
        encoder.push(&event, &mut out);
    }
    encoder.finish(Additions::default(), &mut out);
    out
}

proptest! {
    #[test]
    fn a_request_survives_writing_and_reading(request in request()) {
        let quirks = Quirks {
            cache_control: true,
            reasoning_replay: ReasoningReplay::ReasoningDetails,
            reasoning_request: ReasoningRequest::Reasoning,
            ..Quirks::default()
        };
        let abilities = Abilities::default();
        let target = Target::new("native", &quirks, &abilities);
        let encoded = encode_request(&request, &target).unwrap();
        prop_assert!(encoded.losses.0.is_empty(), "{:?}", encoded.losses);
        prop_assert_eq!(&decode_request(&encoded.body).unwrap(), &request);
        // Routing sees the same request as translation does.
        let envelope = Envelope::parse(&encoded.body).unwrap();
        let facts = read_facts(&envelope).unwrap();
        prop_assert_eq!(facts.message_count, request.turns.len());
        let kind = |wanted: fn(&BlockKind) -> bool| {
            request.turns[1].blocks.iter().any(|block| wanted(&block.kind))
        };
        prop_assert_eq!(facts.image_input, kind(|kind| matches!(kind, BlockKind::Image { .. })));
        prop_assert_eq!(facts.audio_input, kind(|kind| matches!(kind, BlockKind::Audio { .. })));
        prop_assert_eq!(facts.video_input, kind(|kind| matches!(kind, BlockKind::Video { .. })));
        prop_assert_eq!(facts.file_input, kind(|kind| matches!(kind, BlockKind::File { .. })));
        // A target that takes everything gets every byte of the messages.
        let patched = patch_request(&envelope, &target, &RequestPatch::default()).unwrap();
        let again = Envelope::parse(&patched.body).unwrap();
        prop_assert_eq!(
            again.raw("messages").unwrap().get(),
            envelope.raw("messages").unwrap().get()
        );
    }

    #[test]
    fn an_answer_survives_writing_and_reading(response in response()) {
        let body = encode_response(&response, &identity(), Additions::default());
        prop_assert_eq!(decode_response(&body, &ResponseContext::default()).unwrap(), response);
    }

    #[test]
    fn a_stream_folds_into_the_whole_answer(response in response()) {
        let out = told(&response);
        prop_assert_eq!(fold(events_of(&[&out])), response);
    }

    #[test]
    fn splitting_a_stream_anywhere_changes_nothing(
        response in response(),
        cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let out = told(&response);
        let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(out.len() + 1)).collect();
        at.sort_unstable();
        let mut pieces = Vec::new();
        let mut from = 0;
        for cut in at {
            pieces.push(&out[from..cut]);
            from = cut;
        }
        pieces.push(&out[from..]);
        prop_assert_eq!(events_of(&pieces), events_of(&[&out]));
    }

    #[test]
    fn readers_never_panic_on_any_bytes(body in proptest::collection::vec(any::<u8>(), 0..160)) {
        let _ = decode_request(&body);
        let _ = decode_response(&body, &ResponseContext::default());
        let _ = events_of(&[&body]);
    }

    #[test]
    fn readers_never_panic_on_any_json(
        inner in "[\\[\\]{}\":,a-z0-9]{0,60}",
        name in "(messages|choices|tools|usage|error|reasoning|base_resp)",
    ) {
        for body in [format!("{{\"{name}\":{inner}}}"), format!("{{\"{name}\":[{{{inner}}}]}}")] {
            let _ = decode_request(body.as_bytes());
            let _ = decode_response(body.as_bytes(), &ResponseContext::default());
            let _ = events_of(&[format!("data: {body}\n\n").as_bytes()]);
        }
    }
}
