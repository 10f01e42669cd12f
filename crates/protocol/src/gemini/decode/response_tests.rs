//! Whole answers.

use serde_json::{Value, json};

use super::decode_response;
use crate::Dialect;
use crate::exchange::{
    Additions, Block, BlockKind, Charge, Choice, ErrorType, Extras, FinishReason, Identity,
    MediaSource, ReasoningBlock, ReasoningContent, ReasoningFormat, Response, Role, Turn, Usage,
};
use crate::gemini::encode_response;
use crate::json::RawJson;
use crate::target::ResponseContext;

fn read(body: &Value) -> Response {
    decode_response(body.to_string().as_bytes(), &ResponseContext::default()).unwrap()
}

fn encrypted(id: Option<&str>, data: &str) -> Block {
    Block::new(BlockKind::Reasoning(ReasoningBlock {
        content: ReasoningContent::Encrypted { data: data.into() },
        id: id.map(str::to_owned),
        format: ReasoningFormat::Gemini,
    }))
}

fn thought(text: &str) -> Block {
    Block::new(BlockKind::Reasoning(ReasoningBlock {
        content: ReasoningContent::Text { text: text.into(), signature: None },
        id: None,
        format: ReasoningFormat::Gemini,
    }))
}

fn call(id: &str, name: &str, arguments: &str) -> Block {
    Block::new(BlockKind::ToolCall {
        id: id.into(),
        name: name.into(),
        arguments: arguments.into(),
    })
}

#[test]
fn every_kind_of_part_becomes_its_block() {
    let response = read(&json!({
        "candidates":[{"content":{"role":"model","parts":[
            {"text":"let me","thought":true},{"text":" see","thought":true},
            {"text":"Hi"},{"text":" there","thoughtSignature":"T"},
            {"executableCode":{"code":"1"}},
            {"inlineData":{"mimeType":"image/png","data":"aGk="},"thoughtSignature":"I"},
            {"functionCall":{"id":"c1","name":"f","args":{"a":1}},"thoughtSignature":"S"},
            {"functionCall":{"id":"c2","name":"g"}}
        ]},"finishReason":"STOP"}],
        "usageMetadata":{"promptTokenCount":4,"candidatesTokenCount":5,"trafficType":"ON_DEMAND_PRIORITY"},
        "modelVersion":"gemini-3","responseId":"r"
    }));
    let code = json!({"executableCode":{"code":"1"}});
    assert_eq!(
        response.choices[0].turn.blocks,
        [
            thought("let me see"),
            Block::text("Hi there"),
            encrypted(None, "T"),
            Block::new(BlockKind::Opaque {
                origin: Dialect::Gemini,
                raw: RawJson::of(&code).unwrap()
            }),
            Block::new(BlockKind::Image {
                source: MediaSource::Base64 { media_type: "image/png".into(), data: "aGk=".into() },
                detail: None
            }),
            encrypted(None, "I"),
            encrypted(Some("c1"), "S"),
            call("c1", "f", r#"{"a":1}"#),
            call("c2", "g", "{}"),
        ]
    );
    assert_eq!(response.choices[0].finish, Some(FinishReason::ToolCalls), "bug 15");
    assert_eq!(response.choices[0].native_finish.as_deref(), Some("STOP"));
    assert_eq!(response.service_tier.as_deref(), Some("priority"));
    assert_eq!(response.usage, Some(Usage { input: 4, output: 5, ..Usage::default() }));
}

#[test]
fn calls_without_ids_get_stable_and_different_ones() {
    let body = |id: &str| {
        json!({"responseId":id,"candidates":[{"content":{"parts":[
            {"functionCall":{"name":"f","args":{}}},{"functionCall":{"name":"f","args":{}}}]},"finishReason":"STOP"}]})
    };
    let ids = |response: Response| -> Vec<String> {
        let blocks = response.choices.into_iter().flat_map(|choice| choice.turn.blocks);
        blocks
            .filter_map(|block| match block.kind {
                BlockKind::ToolCall { id, .. } => Some(id),
                _ => None,
            })
            .collect()
    };
    let first = ids(read(&body("a")));
    assert_eq!(first, ids(read(&body("a"))));
    assert_ne!(first[0], first[1]);
    assert_ne!(first[0], ids(read(&body("b")))[0], "another answer has other ids");
    assert!(first[0].starts_with("call_0_"));
}

/// Bug 26
#[test]
fn a_blocked_prompt_is_filtered_content() {
    let response = read(&json!({"promptFeedback":{"blockReason":"PROHIBITED_CONTENT"},
        "usageMetadata":{"promptTokenCount":9}}));
    assert_eq!(response.choices[0].finish, Some(FinishReason::ContentFilter));
    assert_eq!(response.choices[0].native_finish.as_deref(), Some("PROHIBITED_CONTENT"));
    assert!(response.choices[0].turn.blocks.is_empty());
}

/// Bugs 12, 26
#[test]
fn a_candidate_without_content_keeps_its_finish() {
    for (native, reason) in [
        ("MAX_TOKENS", FinishReason::Length),
        ("MALFORMED_FUNCTION_CALL", FinishReason::Error),
        ("NO_IMAGE", FinishReason::Error),
        ("RECITATION", FinishReason::ContentFilter),
    ] {
        for content in
            [json!(null), json!({}), json!({"role":"model","parts":[]}), json!({"parts":[null]})]
        {
            let response = read(&json!({"candidates":[{"finishReason":native,"content":content}]}));
            assert_eq!(response.choices[0].finish, Some(reason));
        }
    }
}

#[test]
fn errors_and_nonsense_inside_a_200_are_faults() {
    let context = ResponseContext::default();
    for (body, kind) in [
        (
            &br#"{"error":{"code":503,"status":"UNAVAILABLE","message":"m"}}"#[..],
            ErrorType::ProviderOverloaded,
        ),
        (
            br#"[{"error":{"code":429,"status":"RESOURCE_EXHAUSTED","message":"m"}}]"#,
            ErrorType::RateLimitExceeded,
        ),
        (b"{}", ErrorType::ProviderUnavailable),
        (b"<html>", ErrorType::ProviderUnavailable),
        (b"", ErrorType::ProviderUnavailable),
        (br#"{"candidates":[{"index":99999999999}]}"#, ErrorType::ProviderUnavailable),
        (br#"{"candidates":[{"content":{"parts":[7]}}]}"#, ErrorType::ProviderUnavailable),
    ] {
        let fault = decode_response(body, &context).unwrap_err();
        assert_eq!(fault.error_type, kind, "{}", String::from_utf8_lossy(body));
    }
}

#[test]
fn depth_in_what_a_provider_sends_does_not_overflow() {
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(200_000), "]".repeat(200_000));
    for part in [
        format!(r#"{{"functionCall":{{"name":"f","args":{deep}}}}}"#),
        format!(r#"{{"functionCall":{{"name":"f","args":{deep},"willContinue":true}}}}"#),
        format!(r#"{{"somethingNew":{deep}}}"#),
        format!(r#"{{"functionCall":{deep}}}"#),
    ] {
        let body = format!(
            r#"{{"candidates":[{{"content":{{"parts":[{part}]}},"groundingMetadata":{deep},"logprobsResult":{deep}}}],"usageMetadata":{deep},"promptFeedback":{deep}}}"#
        );
        let _ = decode_response(body.as_bytes(), &ResponseContext::default());
    }
    let _ = decode_response(format!("[{deep}]").as_bytes(), &ResponseContext::default());
}

/// Bug 28, REASON-4
#[test]
fn names_are_mapped_back_and_excluded_reasoning_is_left_out() {
    let context = ResponseContext {
        tool_names: [("a_b".into(), "a.b".into())].into(),
        exclude_reasoning: true,
        ..ResponseContext::default()
    };
    let body = json!({"candidates":[{"content":{"parts":[{"text":"t","thought":true},
        {"functionCall":{"id":"1","name":"a_b"},"thoughtSignature":"S"}]},"finishReason":"STOP"}]});
    let response = decode_response(body.to_string().as_bytes(), &context).unwrap();
    assert_eq!(response.choices[0].turn.blocks, [call("1", "a.b", "{}")]);
}

/// WEB-4
#[test]
fn grounding_becomes_citations() {
    let response = read(
        &json!({"candidates":[{"content":{"parts":[{"text":"é is"}]},"finishReason":"STOP",
        "groundingMetadata":{"webSearchQueries":["q"],"groundingChunks":[{"web":{"uri":"https://a","title":"A"}}],
        "groundingSupports":[{"segment":{"endIndex":2},"groundingChunkIndices":[0]}]}}],
        "usageMetadata":{"promptTokenCount":1,"toolUsePromptTokenCount":9}}),
    );
    let BlockKind::Text { annotations, .. } = &response.choices[0].turn.blocks[0].kind else {
        panic!("text")
    };
    assert_eq!(
        annotations[0].get(),
        r#"{"type":"url_citation","url_citation":{"url":"https://a","title":"A","start_index":0,"end_index":1}}"#
    );
    let usage = response.usage.unwrap();
    assert_eq!((usage.web_searches, usage.input), (1, 1));
}

fn identity() -> Identity {
    Identity { id: "gen-1".into(), model: "a/b".into(), provider: "P".into(), created: 1 }
}

#[test]
fn what_is_written_for_a_caller_reads_back() {
    let citation = r#"{"type":"url_citation","url_citation":{"url":"https://a","title":"A","start_index":1,"end_index":2}}"#;
    let choice = |index, blocks, finish, native: &str| Choice {
        index,
        turn: Turn::new(Role::Assistant, blocks),
        finish: Some(finish),
        native_finish: Some(native.into()),
        logprobs: None,
        extras: Extras::default(),
    };
    let response = Response {
        id: Some("gen-1".into()),
        model: Some("a/b".into()),
        choices: vec![
            choice(
                0,
                vec![
                    thought("hm"),
                    Block::new(BlockKind::Text {
                        text: "éa".into(),
                        annotations: vec![RawJson::parse(citation.into()).unwrap()],
                    }),
                    encrypted(None, "T"),
                    encrypted(Some("c"), "S"),
                    call("c", "f", r#"{"a":1}"#),
                ],
                FinishReason::ToolCalls,
                "STOP",
            ),
            choice(1, vec![Block::text("b")], FinishReason::Length, "MAX_TOKENS"),
        ],
        usage: Some(Usage {
            input: 9,
            cached_input: 2,
            output: 7,
            reasoning: 3,
            ..Usage::default()
        }),
        service_tier: Some("flex".into()),
        ..Response::default()
    };
    let bytes = encode_response(&response, &identity(), Additions::default());
    assert_eq!(decode_response(&bytes, &ResponseContext::default()).unwrap(), response);
}

/// USAGE-3
#[test]
fn charge_and_members_are_written() {
    let response = Response { usage: Some(Usage::default()), ..Response::default() };
    let charge = Charge {
        cost: "0.00001250".into(),
        is_byok: true,
        upstream_cost: Some("0.5".into()),
        ..Charge::default()
    };
    let members = [("openrouter_metadata".to_owned(), RawJson::parse("{}".into()).unwrap())];
    let additions = Additions { charge: Some(&charge), members: &members, ..Additions::default() };
    let text = String::from_utf8(encode_response(&response, &identity(), additions)).unwrap();
    assert!(text.contains(r#""cost":0.00001250,"is_byok":true"#), "{text}");
    assert!(text.contains(r#""cost_details":{"upstream_inference_cost":0.5}"#));
    assert!(text.contains(r#""openrouter_metadata":{}"#));
    let charge = Charge { cost: "null".into(), ..Charge::default() };
    let additions = Additions { charge: Some(&charge), members: &[], ..Additions::default() };
    let text = String::from_utf8(encode_response(&response, &identity(), additions)).unwrap();
    assert!(text.contains(r#""cost":null,"is_byok":false"#), "an unknown price: {text}");
}

#[test]
fn signatures_of_other_services_do_not_reach_callers_as_ours() {
    let mut foreign = encrypted(None, "X");
    let mut signed = thought("t");
    for block in [&mut foreign, &mut signed] {
        if let BlockKind::Reasoning(reasoning) = &mut block.kind {
            reasoning.format = ReasoningFormat::Anthropic;
            if let ReasoningContent::Text { signature, .. } = &mut reasoning.content {
                *signature = Some("Y".into());
            }
        }
    }
    let response = Response {
        choices: vec![Choice {
            index: 0,
            turn: Turn::new(Role::Assistant, vec![signed, foreign]),
            finish: None,
            native_finish: None,
            logprobs: None,
            extras: Extras::default(),
        }],
        ..Response::default()
    };
    let bytes = encode_response(&response, &identity(), Additions::default());
    let value: Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(value["candidates"][0]["content"]["parts"], json!([{"text":"t","thought":true}]));
}
