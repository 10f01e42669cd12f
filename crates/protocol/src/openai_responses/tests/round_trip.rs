use proptest::prelude::*;

use super::{events_of, identity, told};
use crate::Dialect;
use crate::exchange::{
    Additions, Block, BlockKind, Choice, Effort, Extras, FinishReason, MediaSource, OutputFormat,
    Reasoning, ReasoningBlock, ReasoningContent, ReasoningFormat, Request, Response, Role,
    Sampling, Tool, ToolChoice, ToolKind, Turn, Usage, fold, unfold,
};
use crate::facts::{RequestFacts, complete};
use crate::json::{Envelope, RawJson};
use crate::openai_responses::{
    Echo, PatchStream, RequestPatch, decode_request, decode_response, encode_request,
    encode_response, patch_request, patch_response,
};
use crate::target::{
    Abilities, Quirks, ReasoningReplay, ReasoningRequest, ReasoningStyle, ResponseContext, Target,
};

fn text() -> impl Strategy<Value = String> {
    "[a-z\"\\\\\n{}é🎉]{1,8}"
}

fn raw(value: serde_json::Value) -> RawJson {
    RawJson::of(&value).unwrap()
}

/// One reasoning item as its blocks, in the order they are told.
fn thought() -> impl Strategy<Value = Vec<Block>> {
    let format = prop_oneof![
        Just(ReasoningFormat::Anthropic),
        Just(ReasoningFormat::OpenaiResponses),
        Just(ReasoningFormat::Unknown),
        Just(ReasoningFormat::Gemini),
        Just(ReasoningFormat::Other("xai-responses-v1".into())),
    ];
    (
        proptest::collection::vec(text(), 0..3),
        proptest::option::of(text()),
        proptest::option::of(text()),
        proptest::option::of(text()),
        proptest::option::of("rs_[a-z]{1,3}"),
        format,
    )
        .prop_map(|(summaries, open, signature, data, id, format)| {
            let mut contents: Vec<ReasoningContent> = summaries
                .into_iter()
                .map(|summary| ReasoningContent::Summary { summary })
                .collect();
            contents.extend(open.map(|text| ReasoningContent::Text { text, signature }));
            contents.extend(data.map(|data| ReasoningContent::Encrypted { data }));
            contents
                .into_iter()
                .map(|content| {
                    Block::new(BlockKind::Reasoning(ReasoningBlock {
                        content,
                        id: id.clone(),
                        format: format.clone(),
                    }))
                })
                .collect()
        })
}

/// The blocks of an assistant's turn, in any order the protocol can tell.
fn assistant() -> impl Strategy<Value = Vec<Block>> {
    let piece = prop_oneof![
        thought(),
        text().prop_map(|text| vec![Block::text(text)]),
        text().prop_map(|text| vec![Block::new(BlockKind::Refusal { text })]),
        text().prop_map(|data| vec![Block::new(BlockKind::ToolCall {
            id: String::new(),
            name: "f".into(),
            arguments: data,
        })]),
        Just(vec![Block::new(BlockKind::Image {
            source: MediaSource::Base64 { media_type: "image/webp".into(), data: "AAAA".into() },
            detail: None,
        })]),
    ];
    proptest::collection::vec(piece, 0..6).prop_map(|pieces| {
        let mut blocks: Vec<Block> = Vec::new();
        for (at, mut block) in pieces.into_iter().flatten().enumerate() {
            if let BlockKind::ToolCall { id, .. } = &mut block.kind {
                *id = format!("call_{at}");
            }
            // Texts that touch are one.
            let touches = matches!(
                (blocks.last().map(|last| &last.kind), &block.kind),
                (Some(BlockKind::Text { .. }), BlockKind::Text { .. })
                    | (Some(BlockKind::Refusal { .. }), BlockKind::Refusal { .. })
            );
            if !touches {
                blocks.push(block);
            }
        }
        blocks
    })
}

fn response() -> impl Strategy<Value = Response> {
    let finish = prop_oneof![
        Just((FinishReason::Length, "max_output_tokens")),
        Just((FinishReason::ContentFilter, "content_filter")),
        Just((FinishReason::Stop, "completed")),
    ];
    (assistant(), finish, 0_u64..1_000, 0_u64..1_000).prop_map(
        |(blocks, (finish, native), input, output)| {
            let calls = blocks.iter().any(|block| matches!(block.kind, BlockKind::ToolCall { .. }));
            let finish = match finish {
                FinishReason::Stop if calls => FinishReason::ToolCalls,
                other => other,
            };
            Response {
                id: Some("gen-1".into()),
                model: Some("a/b".into()),
                created: Some(7),
                choices: vec![Choice {
                    index: 0,
                    turn: Turn::new(Role::Assistant, blocks),
                    finish: Some(finish),
                    native_finish: Some(native.into()),
                    logprobs: None,
                    extras: Extras::default(),
                }],
                usage: Some(Usage { input, output, ..Usage::default() }),
                service_tier: Some("flex".into()),
                system_fingerprint: None,
                extras: Extras::default(),
            }
        },
    )
}

fn part() -> impl Strategy<Value = Block> {
    let kind = prop_oneof![
        text().prop_map(|text| BlockKind::Text { text, annotations: Vec::new() }),
        Just(BlockKind::Image {
            source: MediaSource::Url("https://x/y".into()),
            detail: Some("high".into())
        }),
        Just(BlockKind::Image {
            source: MediaSource::FileId("file-1".into()),
            detail: Some("auto".into())
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
        Just(BlockKind::File {
            source: MediaSource::Url("https://x/a.pdf".into()),
            filename: None
        }),
    ];
    (kind, any::<bool>()).prop_map(|(kind, marked)| Block {
        cache: marked.then_some(crate::exchange::CacheMark { ttl: None }),
        ..Block::new(kind)
    })
}

fn request() -> impl Strategy<Value = Request> {
    let choice = prop_oneof![
        Just(None),
        Just(Some(ToolChoice::Auto)),
        Just(Some(ToolChoice::Required)),
        Just(Some(ToolChoice::Named("f".into()))),
        Just(Some(ToolChoice::Allowed { names: vec!["f".into()], required: true })),
    ];
    let output = prop_oneof![
        Just(None),
        Just(Some(OutputFormat::Text)),
        Just(Some(OutputFormat::JsonSchema {
            name: Some("n".into()),
            description: Some("d".into()),
            schema: raw(serde_json::json!({"type":"object"})),
            strict: Some(true),
        })),
    ];
    let reasoning = prop_oneof![
        Just(None),
        Just(Some(Reasoning {
            effort: Some(Effort::Low),
            summary: Some("auto".into()),
            ..Reasoning::default()
        })),
        Just(Some(Reasoning { max_tokens: Some(2_000), ..Reasoning::default() })),
    ];
    let user = proptest::collection::vec(part(), 1..4);
    (text(), user, assistant(), choice, output, reasoning, any::<bool>(), 0_u32..=20).prop_map(
        |(system, user, blocks, tool_choice, output, reasoning, stream, heat)| {
            // Earlier images are told without their kind, and reasoning needs a follower.
            let mut blocks: Vec<Block> = blocks
                .into_iter()
                .filter(|block| !matches!(block.kind, BlockKind::Image { .. }))
                .collect();
            blocks.push(Block::text("end"));
            let results: Vec<Turn> = blocks
                .iter()
                .filter_map(|block| match &block.kind {
                    BlockKind::ToolCall { id, .. } => Some(Turn::new(
                        Role::Tool,
                        vec![Block::new(BlockKind::ToolResult {
                            call_id: id.clone(),
                            name: None,
                            content: vec![Block::text("r"), Block::text("s")],
                            is_error: false,
                        })],
                    )),
                    _ => None,
                })
                .collect();
            let mut turns = vec![
                Turn::new(Role::System, vec![Block::text(system)]),
                Turn::new(Role::Developer, vec![Block::text("d")]),
                Turn::new(Role::User, user),
                Turn::new(Role::Assistant, blocks),
            ];
            turns.extend(results);
            turns.push(Turn::new(Role::User, vec![Block::text("go on")]));
            Request {
                model: "native".into(),
                turns,
                tools: vec![Tool {
                    kind: ToolKind::Function {
                        name: "f".into(),
                        description: Some("d".into()),
                        parameters: Some(raw(serde_json::json!({"type":"object"}))),
                        strict: Some(false),
                    },
                    cache: None,
                    extras: Extras::default(),
                }],
                tool_choice,
                parallel_tool_calls: Some(false),
                output,
                sampling: Sampling {
                    temperature: Some(f64::from(heat) / 10.0),
                    logprobs: Some(true),
                    top_logprobs: Some(2),
                    ..Sampling::default()
                },
                reasoning,
                max_output_tokens: Some(100),
                verbosity: Some("low".into()),
                stream,
                prompt_cache_key: Some("k".into()),
                user: Some("h".into()),
                metadata: Some(raw(serde_json::json!({"a":"b"}))),
                service_tier: Some("flex".into()),
                extras: Extras::of(
                    Dialect::OpenaiResponses,
                    vec![("truncation".into(), raw(serde_json::json!("auto")))],
                ),
                ..Request::default()
            }
        },
    )
}

proptest! {
    #[test]
    fn a_request_survives_writing_and_reading(request in request()) {
        let quirks = Quirks {
            cache_breakpoints: true,
            reasoning_replay: ReasoningReplay::ReasoningDetails,
            reasoning_request: ReasoningRequest::Reasoning,
            ..Quirks::default()
        };
        let abilities = Abilities { reasoning: ReasoningStyle::Effort, ..Abilities::default() };
        let target = Target::new("native", &quirks, &abilities);
        let encoded = encode_request(&request, &target).unwrap();
        prop_assert!(encoded.losses.0.is_empty(), "{:?}", encoded.losses);
        prop_assert_eq!(&decode_request(&encoded.body).unwrap(), &request);
        // Routing sees the same request as translation does.
        let envelope = Envelope::parse(&encoded.body).unwrap();
        let facts = complete(RequestFacts::default(), &request).unwrap();
        prop_assert_eq!(facts.message_count, request.turns.len());
        prop_assert_eq!(facts.tools, 1);
        // A target that takes everything gets every byte of the items.
        let patched = patch_request(&envelope, &target, &RequestPatch::default()).unwrap();
        let again = Envelope::parse(&patched.body).unwrap();
        prop_assert_eq!(
            again.raw("input").unwrap().get(),
            envelope.raw("input").unwrap().get()
        );
    }

    #[test]
    fn an_answer_survives_writing_and_reading(response in response()) {
        let body = encode_response(&response, &identity(), Additions::default());
        prop_assert_eq!(decode_response(&body, &ResponseContext::default()).unwrap(), response);
    }

    #[test]
    fn a_stream_folds_into_the_whole_answer(response in response()) {
        let out = told(Echo::default(), &unfold(&response));
        prop_assert_eq!(fold(events_of(&[&out])), response);
    }

    /// REASON-11, RESP-2: what was told comes back with the next request, and nothing is lost.
    #[test]
    fn what_was_told_can_be_sent_back(response in response()) {
        let body = encode_response(&response, &identity(), Additions::default());
        let envelope = Envelope::parse(&body).unwrap();
        let output = envelope.raw("output").unwrap().get();
        prop_assume!(output != "[]");
        let request = decode_request(format!("{{\"input\":{output}}}").as_bytes()).unwrap();
        let said: Vec<Block> = request.turns.into_iter().flat_map(|turn| turn.blocks).collect();
        prop_assert_eq!(&said, &response.choices[0].turn.blocks);
    }

    #[test]
    fn what_is_passed_on_reads_the_same(response in response()) {
        let context = ResponseContext::default();
        let body = encode_response(&response, &identity(), Additions::default());
        let passed = patch_response(&body, &identity(), &context).unwrap();
        let passed = passed.finish(Additions::default());
        prop_assert_eq!(decode_response(&passed, &context).unwrap(), response.clone());
        let stream = told(Echo::default(), &unfold(&response));
        let mut patch = PatchStream::new(identity(), context);
        let mut out = Vec::new();
        super::each_frame(&[&stream], |frame| {
            patch.push(frame, &mut out);
        });
        prop_assert!(patch.end().is_ok());
        patch.finish(Additions::default(), &mut out);
        prop_assert_eq!(events_of(&[&out]), events_of(&[&stream]));
    }

    #[test]
    fn splitting_a_stream_anywhere_changes_nothing(
        response in response(),
        cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let out = told(Echo::default(), &unfold(&response));
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
        name in "(input|output|tools|usage|error|reasoning|item|response|text)",
    ) {
        for body in [format!("{{\"{name}\":{inner}}}"), format!("{{\"{name}\":[{{{inner}}}]}}")] {
            let _ = decode_request(body.as_bytes());
            let _ = decode_response(body.as_bytes(), &ResponseContext::default());
            let _ = events_of(&[format!("data: {body}\n\n").as_bytes()]);
        }
    }
}
