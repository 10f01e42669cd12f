use crate::Dialect;
use crate::exchange::{
    BlockKind, ErrorType, FinishReason, MediaSource, OutputFormat, ReasoningBlock,
    ReasoningContent, ReasoningFormat, Request, Role, ToolChoice, ToolKind,
};
use crate::openai_chat::{decode_request, decode_response};
use crate::target::ResponseContext;

fn request(body: &str) -> Request {
    decode_request(body.as_bytes()).unwrap_or_else(|fault| panic!("{body}: {}", fault.message))
}

fn refusal(body: &str) -> String {
    decode_request(body.as_bytes()).expect_err(body).message
}

/// REASON-10: how other gateways hand Anthropic's blocks on.
#[test]
fn thinking_blocks_are_reasoning() {
    let read = |members: &str| {
        let body = format!(
            r#"{{"messages":[{{"role":"user","content":"a"}},{{"role":"assistant","content":"b",{members}}}]}}"#
        );
        let turn = request(&body).turns.pop().unwrap();
        let thoughts = turn.blocks.into_iter().filter_map(|block| match block.kind {
            BlockKind::Reasoning(reasoning) => Some((reasoning.content, reasoning.format)),
            _ => None,
        });
        thoughts.collect::<Vec<_>>()
    };
    let text = |text: &str, signature: Option<&str>| ReasoningContent::Text {
        text: text.into(),
        signature: signature.map(str::to_owned),
    };
    let blocks = r#""thinking_blocks":[{"type":"thinking","thinking":"t","signature":"s"},{"type":"redacted_thinking","data":"d"},{"type":"thinking","thinking":"u","signature":""},{"type":"musing"},7]"#;
    let expected = vec![
        (text("t", Some("s")), ReasoningFormat::Anthropic),
        (ReasoningContent::Encrypted { data: "d".into() }, ReasoningFormat::Anthropic),
        (text("u", None), ReasoningFormat::Unknown),
    ];
    assert_eq!(read(blocks), expected);
    assert_eq!(read(&format!(r#"{blocks},"reasoning_content":"t""#)), expected);
    let listed = r#""reasoning_details":[{"type":"reasoning.text","text":"v"}]"#;
    let expected = vec![(text("v", None), ReasoningFormat::Unknown)];
    assert_eq!(read(&format!("{blocks},{listed}")), expected, "the own form wins");
}

/// USAGE-3
#[test]
fn usage_may_stand_in_the_choice() {
    let choice = r#"{"choices":[{"index":0,"message":{"content":"a"},"finish_reason":"stop","usage":{"prompt_tokens":9,"completion_tokens":2}}]"#;
    let output = |body: &str| {
        let read = decode_response(body.as_bytes(), &ResponseContext::default()).unwrap();
        read.usage.map(|usage| usage.output)
    };
    assert_eq!(output(&format!("{choice}}}")), Some(2));
    let told = format!(r#"{choice},"usage":{{"prompt_tokens":9,"completion_tokens":3}}}}"#);
    assert_eq!(output(&told), Some(3));
}

/// MMIN-1 to MMIN-4, PDF-1
#[test]
fn every_kind_of_part_is_read() {
    let read = request(
        r#"{"messages":[{"role":"user","name":"ann","content":[
            {"type":"text","text":"a","cache_control":{"type":"ephemeral","ttl":"1h"}},
            {"type":"image_url","image_url":{"url":"https://x/y.png","detail":"low"}},
            {"type":"image_url","image_url":"data:image/png;base64,AA=="},
            {"type":"input_audio","input_audio":{"data":"AA==","format":"mp3"}},
            {"type":"video_url","video_url":{"url":"https://x/y.mp4"}},
            {"type":"input_video","video_url":{"url":"https://x/z.mp4"}},
            {"type":"file","file":{"filename":"f.pdf","file_data":"data:application/pdf;base64,AA=="}},
            {"type":"file","file":{"file_id":"file-1"}},
            {"type":"hologram","x":1}]}]}"#,
    );
    let turn = &read.turns[0];
    assert_eq!((turn.role, turn.name.as_deref()), (Role::User, Some("ann")));
    let kinds: Vec<&BlockKind> = turn.blocks.iter().map(|block| &block.kind).collect();
    assert_eq!(turn.blocks[0].cache.as_ref().unwrap().ttl.as_deref(), Some("1h"));
    let base64 = |media_type: &str| MediaSource::Base64 {
        media_type: media_type.to_owned(),
        data: "AA==".to_owned(),
    };
    assert_eq!(
        kinds[1],
        &BlockKind::Image {
            source: MediaSource::Url("https://x/y.png".into()),
            detail: Some("low".into())
        }
    );
    assert_eq!(kinds[2], &BlockKind::Image { source: base64("image/png"), detail: None });
    assert_eq!(
        kinds[3],
        &BlockKind::Audio { source: base64("audio/mpeg"), format: "mp3".into(), transcript: None }
    );
    assert_eq!(kinds[4], &BlockKind::Video { source: MediaSource::Url("https://x/y.mp4".into()) });
    assert_eq!(kinds[5], &BlockKind::Video { source: MediaSource::Url("https://x/z.mp4".into()) });
    assert_eq!(
        kinds[6],
        &BlockKind::File { source: base64("application/pdf"), filename: Some("f.pdf".into()) }
    );
    assert_eq!(
        kinds[7],
        &BlockKind::File { source: MediaSource::FileId("file-1".into()), filename: None }
    );
    assert!(matches!(kinds[8], BlockKind::Opaque { origin: Dialect::OpenaiChat, .. }));
}

/// TOOLS-1, TOOLS-3, STRUCT-1
#[test]
fn tools_choices_and_forms_are_read() {
    let read = request(
        r#"{"messages":[{"role":"user","content":"x"}],
        "tools":[{"type":"function","function":{"name":"f","description":"d","parameters":{"type":"object"},"strict":true},"cache_control":{"type":"ephemeral"}},{"type":"openrouter:web_search"}],
        "tool_choice":{"type":"function","function":{"name":"f"}},
        "response_format":{"type":"json_schema","json_schema":{"name":"n","strict":true,"schema":{"a": 1}}},
        "stop":"end","seed":-4,"safe_prompt":true,"provider":{}}"#,
    );
    assert!(
        matches!(&read.tools[0].kind, ToolKind::Function { name, strict: Some(true), .. } if name == "f")
    );
    assert!(read.tools[0].cache.is_some());
    assert!(matches!(read.tools[1].kind, ToolKind::Opaque { .. }));
    assert_eq!(read.tool_choice, Some(ToolChoice::Named("f".into())));
    assert!(
        matches!(&read.output, Some(OutputFormat::JsonSchema { schema, .. }) if schema.get() == r#"{"a": 1}"#)
    );
    assert_eq!(read.sampling.stop, ["end"]);
    let names: Vec<&str> = read.extras.members.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["safe_prompt", "provider"]);
    for (choice, expected) in [
        (r#""auto""#, ToolChoice::Auto),
        (r#""none""#, ToolChoice::None),
        (r#""required""#, ToolChoice::Required),
        (
            r#"{"type":"allowed_tools","allowed_tools":{"mode":"required","tools":[{"type":"function","function":{"name":"f"}}]}}"#,
            ToolChoice::Allowed { names: vec!["f".into()], required: true },
        ),
    ] {
        let body =
            format!(r#"{{"messages":[{{"role":"user","content":"x"}}],"tool_choice":{choice}}}"#);
        assert_eq!(request(&body).tool_choice, Some(expected), "{choice}");
    }
}

/// REASON-9, bug 7: a Gemini signature goes where it belongs.
#[test]
fn reasoning_finds_its_place() {
    let read = request(
        r#"{"messages":[{"role":"assistant","content":"t","reasoning":"ignored",
        "reasoning_details":[
            {"type":"reasoning.text","text":"a","signature":"s","format":"anthropic-claude-v1","index":0},
            {"type":"reasoning.encrypted","data":"d1","id":"c2","format":"google-gemini-v1"},
            {"type":"reasoning.encrypted","data":"d0","format":"google-gemini-v1"},
            {"type":"reasoning.summary","summary":"z","id":"rs","format":"openai-responses-v1"},
            {"type":"reasoning.server_tool_call","tool_name":"x"}],
        "tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{}"}},
            {"id":"c2","type":"function","function":{"name":"g","arguments":"{}"}}]}]}"#,
    );
    let told: Vec<String> = read.turns[0]
        .blocks
        .iter()
        .map(|block| match &block.kind {
            BlockKind::Reasoning(ReasoningBlock { content, .. }) => match content {
                ReasoningContent::Text { text, signature } => format!("text {text} {signature:?}"),
                ReasoningContent::Summary { summary } => format!("summary {summary}"),
                ReasoningContent::Encrypted { data } => format!("encrypted {data}"),
            },
            BlockKind::ToolCall { id, .. } => id.clone(),
            BlockKind::Text { text, .. } => text.clone(),
            BlockKind::Opaque { .. } => "opaque".into(),
            _ => "other".into(),
        })
        .collect();
    assert_eq!(
        told,
        [
            "text a Some(\"s\")",
            "summary z",
            "opaque",
            "t",
            "encrypted d0",
            "c1",
            "encrypted d1",
            "c2"
        ]
    );
}

#[test]
fn either_spelling_of_plain_reasoning_is_read() {
    for member in ["reasoning", "reasoning_content"] {
        let read = request(&format!(
            r#"{{"messages":[{{"role":"assistant","content":null,"{member}":"hm"}}]}}"#
        ));
        assert_eq!(
            read.turns[0].blocks[0].kind,
            BlockKind::Reasoning(ReasoningBlock {
                content: ReasoningContent::Text { text: "hm".into(), signature: None },
                id: None,
                format: ReasoningFormat::Unknown,
            })
        );
    }
}

/// CHAT-1, CHAT-3, CHAT-7
#[test]
fn refusals_name_the_member() {
    for (body, start) in [
        (r#"{"messages":[{"role":"x","content":""}]}"#, "messages[0].role: unknown role"),
        (
            r#"{"messages":[{"role":"user","content":[{"type":"text"}]}]}"#,
            "messages[0].content[0].text: is missing",
        ),
        (
            r#"{"messages":[{"role":"user","content":[{"text":"x"}]}]}"#,
            "messages[0].content[0].type: is missing",
        ),
        (
            r#"{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":""}}]}]}"#,
            "messages[0].content[0].image_url.url: is empty",
        ),
        (
            r#"{"messages":[{"role":"user","content":[{"type":"input_audio","input_audio":{"data":"https://x","format":"wav"}}]}]}"#,
            "messages[0].content[0].input_audio.data: URLs",
        ),
        (
            r#"{"messages":[{"role":"assistant","tool_calls":[{"id":"a"}]}]}"#,
            "messages[0].tool_calls[0].function: is missing",
        ),
        (
            r#"{"messages":[{"role":"user","content":"x"}],"tool_choice":"some"}"#,
            "tool_choice: must be",
        ),
        (
            r#"{"messages":[{"role":"user","content":"x"}],"response_format":{"type":"json_schema","json_schema":{}}}"#,
            "response_format.json_schema.schema: is missing",
        ),
        (r#"{"messages":[{"role":"user","content":"x"}],"temperature":9}"#, "temperature: must be"),
        ("[]", "the request body is not a valid JSON object"),
    ] {
        let message = refusal(body);
        assert!(message.starts_with(start), "{body} gave {message}");
    }
}

/// Bugs 3, 15, 29, CHAT-12
#[test]
fn a_lenient_answer_is_read() {
    let answer = decode_response(
        br#"{"id":"x","model":"m","created":5.0,"service_tier":"flex","citations":["u"],"choices":[{"message":{"content":"hi","reasoning_content":"hm","refusal":null,"tool_calls":[{"function":{"name":"f","arguments":{"a":1}}},{"id":"c","function":{"name":"g"}}]},"finish_reason":"stop"}],"x_groq":{"usage":{"prompt_tokens":2,"completion_tokens":1}}}"#,
        &ResponseContext::default(),
    )
    .unwrap();
    assert_eq!(answer.created, Some(5));
    assert_eq!(answer.service_tier.as_deref(), Some("flex"));
    assert_eq!(answer.usage.unwrap().input, 2);
    assert_eq!(answer.extras.members[0].0, "citations");
    let choice = &answer.choices[0];
    assert_eq!(choice.finish, Some(FinishReason::ToolCalls));
    assert_eq!(choice.native_finish.as_deref(), Some("stop"));
    let calls: Vec<(&str, &str, &str)> = choice
        .turn
        .blocks
        .iter()
        .filter_map(|block| match &block.kind {
            BlockKind::ToolCall { id, name, arguments } => {
                Some((id.as_str(), name.as_str(), arguments.as_str()))
            }
            _ => None,
        })
        .collect();
    assert_eq!(calls[0].2, "{\"a\":1}");
    assert!(calls[0].0.starts_with("call_"));
    assert_eq!(calls[1], ("c", "g", "{}"));
}

/// Bug 11
#[test]
fn an_error_inside_a_good_status_is_an_error() {
    for (body, error_type) in [
        (r#"{"error":{"message":"m","type":"overloaded_error"}}"#, ErrorType::ProviderOverloaded),
        (r#"{"choices":[],"base_resp":{"status_code":1002}}"#, ErrorType::RateLimitExceeded),
        (r#"{"choices":null}"#, ErrorType::ProviderUnavailable),
        (r#"{"object":"error","message":"m","code":400}"#, ErrorType::InvalidRequest),
        (r#"{"choices":[null]}"#, ErrorType::ProviderUnavailable),
        ("", ErrorType::ProviderUnavailable),
    ] {
        let fault = decode_response(body.as_bytes(), &ResponseContext::default()).expect_err(body);
        assert_eq!(fault.error_type, error_type, "{body}");
    }
}

/// REASON-4, CHAT-8, bug 28
#[test]
fn the_context_of_the_request_is_honoured() {
    let context = ResponseContext {
        exclude_reasoning: true,
        prefill: Some("{\"a".into()),
        tool_names: [("a_b".into(), "a.b".into())].into(),
        ..ResponseContext::default()
    };
    let answer = decode_response(
        br#"{"choices":[{"message":{"content":"{\"a\":1}","reasoning":"hm","tool_calls":[{"id":"c","function":{"name":"a_b","arguments":"{}"}}]}}]}"#,
        &context,
    )
    .unwrap();
    let blocks = &answer.choices[0].turn.blocks;
    assert!(matches!(&blocks[0].kind, BlockKind::Text { text, .. } if text == "\":1}"));
    assert!(matches!(&blocks[1].kind, BlockKind::ToolCall { name, .. } if name == "a.b"));
}

/// PCACHE-1
#[test]
fn a_mark_on_a_message_of_calls_stands_on_the_last_call() {
    let request = decode_request(
        br#"{"model":"m","messages":[{"role":"assistant","content":null,"cache_control":{"type":"ephemeral"},"tool_calls":[{"id":"a","function":{"name":"f","arguments":"{}"}},{"id":"b","function":{"name":"f","arguments":"{}"}}]}]}"#,
    )
    .unwrap();
    let marks: Vec<bool> =
        request.turns[0].blocks.iter().map(|block| block.cache.is_some()).collect();
    assert_eq!(marks, [false, true]);
}
