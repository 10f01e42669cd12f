use crate::Dialect;
use crate::exchange::{
    Block, BlockKind, CacheMark, Effort, Extras, MediaSource, OutputFormat, Reasoning,
    ReasoningBlock, ReasoningContent, ReasoningFormat, Request, Role, Tool, ToolChoice, ToolKind,
    Turn,
};
use crate::json::RawJson;
use crate::openai_chat::{decode_request, encode_request};
use crate::parameter::Parameter;
use crate::target::{
    Abilities, Encoded, MaxTokensField, Quirks, ReasoningReplay, ReasoningStyle, Target,
};

fn encode(request: &Request, quirks: &Quirks, abilities: &Abilities) -> Encoded {
    encode_request(request, &Target::new("native", quirks, abilities)).unwrap()
}

fn sent(request: &Request, quirks: &Quirks, abilities: &Abilities) -> serde_json::Value {
    serde_json::from_slice(&encode(request, quirks, abilities).body).unwrap()
}

fn messages(turns: Vec<Turn>, quirks: &Quirks) -> serde_json::Value {
    let request = Request { turns, ..Request::default() };
    sent(&request, quirks, &Abilities::default())["messages"].clone()
}

fn call(id: &str, arguments: &str) -> Block {
    Block::new(BlockKind::ToolCall { id: id.into(), name: "f".into(), arguments: arguments.into() })
}

fn result(id: &str, content: Vec<Block>) -> Block {
    Block::new(BlockKind::ToolResult { call_id: id.into(), name: None, content, is_error: false })
}

fn thought(text: &str) -> Block {
    Block::new(BlockKind::Reasoning(ReasoningBlock {
        content: ReasoningContent::Text { text: text.into(), signature: Some("s".into()) },
        id: None,
        format: ReasoningFormat::Anthropic,
    }))
}

/// Bug 1: results that other protocols hold in a user's turn.
#[test]
fn results_become_messages_of_their_own_before_the_rest() {
    let turns = vec![
        Turn::new(Role::Assistant, vec![call("a", ""), call("b", "{\"x\":1}")]),
        Turn::new(
            Role::User,
            vec![Block::text("next"), result("a", vec![Block::text("ra")]), result("b", vec![])],
        ),
    ];
    assert_eq!(
        messages(turns, &Quirks::default()),
        serde_json::json!([
            {"role":"assistant","content":null,"tool_calls":[
                {"id":"a","type":"function","function":{"name":"f","arguments":"{}"}},
                {"id":"b","type":"function","function":{"name":"f","arguments":"{\"x\":1}"}}]},
            {"role":"tool","tool_call_id":"a","content":"ra"},
            {"role":"tool","tool_call_id":"b","content":""},
            {"role":"user","content":"next"}
        ])
    );
}

#[test]
fn media_in_a_result_follow_as_a_users_message_where_they_must() {
    let image = || {
        Block::new(BlockKind::Image {
            source: MediaSource::Base64 { media_type: "image/png".into(), data: "AA".into() },
            detail: None,
        })
    };
    let turns = vec![
        Turn::new(Role::Assistant, vec![call("a", "{}")]),
        Turn::new(Role::Tool, vec![result("a", vec![Block::text("see"), image()])]),
    ];
    let request = Request { turns, ..Request::default() };
    let out = sent(&request, &Quirks::default(), &Abilities::default());
    assert_eq!(out["messages"][1]["content"], "see");
    assert_eq!(out["messages"][2]["role"], "user");
    assert_eq!(out["messages"][2]["content"][0]["type"], "image_url");
    let able = Abilities { media_in_tool_results: true, ..Abilities::default() };
    let out = sent(&request, &Quirks::default(), &able);
    assert_eq!(out["messages"][1]["content"][1]["type"], "image_url");
    assert_eq!(out["messages"].as_array().unwrap().len(), 2);
}

/// wire-formats 12.4, bugs 19, 21, 25
#[test]
fn reasoning_goes_back_in_the_hosts_words() {
    let turns = || vec![Turn::new(Role::Assistant, vec![thought("hm"), Block::text("a")])];
    let replay = |reasoning_replay| Quirks { reasoning_replay, ..Quirks::default() };
    for (quirks, expected) in [
        (Quirks::default(), serde_json::json!({"role":"assistant","content":"a"})),
        (
            replay(ReasoningReplay::ReasoningContent),
            serde_json::json!({"role":"assistant","content":"a","reasoning_content":"hm"}),
        ),
        (
            replay(ReasoningReplay::Reasoning),
            serde_json::json!({"role":"assistant","content":"a","reasoning":"hm"}),
        ),
        (
            replay(ReasoningReplay::ThinkTags),
            serde_json::json!({"role":"assistant","content":"<think>hm</think>a"}),
        ),
        (
            replay(ReasoningReplay::ReasoningDetails),
            serde_json::json!({"role":"assistant","content":"a","reasoning_details":[
                {"type":"reasoning.text","text":"hm","signature":"s","format":"anthropic-claude-v1","index":0}]}),
        ),
    ] {
        assert_eq!(messages(turns(), &quirks)[0], expected, "{quirks:?}");
    }
    let bare = vec![Turn::new(Role::Assistant, vec![call("a", "{}")])];
    let out = messages(bare, &replay(ReasoningReplay::ReasoningContent));
    assert_eq!(out[0]["reasoning_content"], "");
}

/// Bugs 6, 25, 30 and Mistral's order
#[test]
fn a_strict_host_gets_only_what_it_knows() {
    let quirks = Quirks {
        strict_messages: true,
        nine_character_tool_ids: true,
        no_user_after_tool: true,
        tool_choice_any: true,
        random_seed: true,
        plain_image_url: true,
        no_developer_role: true,
        ..Quirks::default()
    };
    let mut developer = Turn::new(Role::Developer, vec![Block::text("x")]);
    developer.extras =
        Extras::of(Dialect::OpenaiChat, vec![("odd".into(), RawJson::of(&1).unwrap())]);
    let request = Request {
        turns: vec![
            developer,
            Turn::new(Role::Assistant, vec![thought("hm"), call("call_1234567890", "{}")]),
            Turn::new(Role::Tool, vec![result("call_1234567890", vec![Block::text("r")])]),
            Turn::new(
                Role::User,
                vec![Block::new(BlockKind::Image {
                    source: MediaSource::Url("https://x".into()),
                    detail: None,
                })],
            ),
        ],
        tool_choice: Some(ToolChoice::Required),
        sampling: crate::exchange::Sampling { seed: Some(3), ..Default::default() },
        ..Request::default()
    };
    let encoded = encode(&request, &quirks, &Abilities::default());
    let out: serde_json::Value = serde_json::from_slice(&encoded.body).unwrap();
    let id = out["messages"][1]["tool_calls"][0]["id"].as_str().unwrap();
    assert_eq!(id.len(), 9);
    assert_eq!(
        out,
        serde_json::json!({"model":"native","messages":[
            {"role":"system","content":"x"},
            {"role":"assistant","content":"","tool_calls":[{"id":id,"type":"function","function":{"name":"f","arguments":"{}"}}]},
            {"role":"tool","tool_call_id":id,"content":"r"},
            {"role":"assistant","content":"OK"},
            {"role":"user","content":[{"type":"image_url","image_url":"https://x"}]}],
            "tool_choice":"any","random_seed":3})
    );
    let paths: Vec<&str> = encoded.losses.0.iter().map(|loss| loss.path.as_str()).collect();
    assert_eq!(paths, ["messages[0].odd", "messages[1].reasoning_details"]);
}

/// Bugs 22, 23, 24, CHAT-4
#[test]
fn members_follow_the_target() {
    let request = Request {
        turns: vec![Turn::new(Role::User, vec![Block::text("x")])],
        sampling: crate::exchange::Sampling {
            temperature: Some(0.5),
            top_k: Some(3),
            ..Default::default()
        },
        max_output_tokens: Some(9),
        stream: true,
        reasoning: Some(Reasoning { effort: Some(Effort::High), ..Reasoning::default() }),
        cache: Some(CacheMark { ttl: None }),
        service_tier: Some("fast".into()),
        extras: Extras::of(
            Dialect::OpenaiChat,
            vec![
                ("provider".into(), RawJson::of("x").unwrap()),
                ("safe_prompt".into(), RawJson::of(&true).unwrap()),
                ("reasoning_effort".into(), RawJson::of("low").unwrap()),
            ],
        ),
        ..Request::default()
    };
    let quirks = Quirks {
        max_tokens_field: MaxTokensField::MaxCompletionTokens,
        unsupported_parameters: vec!["top_k".into()],
        ..Quirks::default()
    };
    let abilities =
        Abilities { sampling: false, reasoning: ReasoningStyle::Effort, ..Abilities::default() };
    let encoded = encode(&request, &quirks, &abilities);
    assert_eq!(
        String::from_utf8(encoded.body).unwrap(),
        r#"{"model":"native","messages":[{"role":"user","content":"x"}],"max_completion_tokens":9,"reasoning_effort":"high","stream":true,"stream_options":{"include_usage":true},"service_tier":"priority","safe_prompt":true}"#
    );
    let paths: Vec<&str> = encoded.losses.0.iter().map(|loss| loss.path.as_str()).collect();
    assert_eq!(paths, ["temperature", "top_k", "cache_control"]);
}

/// Bug 28
#[test]
fn tool_names_are_changed_and_remembered() {
    let request = Request {
        turns: vec![Turn::new(Role::User, vec![Block::text("x")])],
        tools: vec![Tool {
            kind: ToolKind::Function {
                name: "a.b".into(),
                description: None,
                parameters: None,
                strict: None,
            },
            cache: None,
            extras: Extras::default(),
        }],
        tool_choice: Some(ToolChoice::Named("a.b".into())),
        ..Request::default()
    };
    let encoded = encode(&request, &Quirks::default(), &Abilities::default());
    let out: serde_json::Value = serde_json::from_slice(&encoded.body).unwrap();
    assert_eq!(out["tools"][0]["function"]["name"], "a_b");
    assert_eq!(out["tool_choice"]["function"]["name"], "a_b");
    assert_eq!(encoded.context.declared_name("a_b"), "a.b");
}

/// STRUCT-2
#[test]
fn a_schema_is_enforced_or_asked_for_in_words() {
    let request = Request {
        turns: vec![Turn::new(Role::User, vec![Block::text("x")])],
        output: Some(OutputFormat::JsonSchema {
            name: None,
            description: None,
            schema: RawJson::of(&serde_json::json!({"type":"object"})).unwrap(),
            strict: Some(true),
        }),
        ..Request::default()
    };
    let out = sent(&request, &Quirks::default(), &Abilities::default());
    assert_eq!(out["response_format"]["json_schema"]["strict"], true);
    assert_eq!(out["response_format"]["json_schema"]["name"], "answer");
    let quirks = Quirks { no_json_schema: true, ..Quirks::default() };
    let out = sent(&request, &quirks, &Abilities::default());
    assert_eq!(out["response_format"], serde_json::json!({"type":"json_object"}));
    assert_eq!(out["messages"][0]["role"], "system");
}

#[test]
fn what_another_protocol_alone_knows_is_a_loss() {
    let mut block = Block::text("x");
    block.extras = Extras::of(Dialect::Gemini, vec![("a".into(), RawJson::of(&1).unwrap())]);
    let opaque =
        Block::new(BlockKind::Opaque { origin: Dialect::Anthropic, raw: RawJson::of(&1).unwrap() });
    let request = Request {
        turns: vec![Turn::new(Role::User, vec![block, opaque])],
        extras: Extras::of(Dialect::Gemini, vec![("safety".into(), RawJson::of(&1).unwrap())]),
        ..Request::default()
    };
    let encoded = encode(&request, &Quirks::default(), &Abilities::default());
    assert_eq!(
        String::from_utf8(encoded.body).unwrap(),
        r#"{"model":"native","messages":[{"role":"user","content":[{"type":"text","text":"x"}]}]}"#
    );
    let paths: Vec<&str> = encoded.losses.0.iter().map(|loss| loss.path.as_str()).collect();
    assert_eq!(paths, ["messages[0].content", "messages[0].content[0].a", "safety"]);
}

/// TOOLS-3
#[test]
fn a_choice_goes_with_the_tools_it_is_of() {
    let function = Tool {
        kind: ToolKind::Function {
            name: "f".into(),
            description: None,
            parameters: None,
            strict: None,
        },
        cache: None,
        extras: Extras::default(),
    };
    let hosted = Tool {
        kind: ToolKind::Opaque { origin: Dialect::Anthropic, raw: RawJson::of(&1).unwrap() },
        ..function.clone()
    };
    let named = |name: &str| ToolChoice::Named(name.to_owned());
    for (tools, choice, lost) in [
        (vec![&hosted], ToolChoice::Auto, vec!["tools[0]", "tool_choice", "parallel_tool_calls"]),
        (vec![&hosted], named("search"), vec!["tools[0]", "tool_choice", "parallel_tool_calls"]),
        (vec![&hosted, &function], named("search"), vec!["tools[0]", "tool_choice"]),
        (vec![&hosted, &function], named("f"), vec!["tools[0]"]),
        (vec![&hosted, &function], ToolChoice::Required, vec!["tools[0]"]),
        (vec![&function], named("search"), vec![]),
        (vec![], ToolChoice::Auto, vec![]),
    ] {
        let request = Request {
            turns: vec![Turn::new(Role::User, vec![Block::text("x")])],
            tools: tools.into_iter().cloned().collect(),
            tool_choice: Some(choice),
            parallel_tool_calls: Some(false),
            ..Request::default()
        };
        let (quirks, abilities) = (Quirks::default(), Abilities::default());
        let target = Target::new("native", &quirks, &abilities);
        for encoded in [
            encode_request(&request, &target).unwrap(),
            crate::openai_responses::encode_request(&request, &target).unwrap(),
        ] {
            let paths: Vec<&str> = encoded.losses.0.iter().map(|loss| loss.path.as_str()).collect();
            assert_eq!(paths, lost, "{:?}", request.tool_choice);
            let body: serde_json::Value = serde_json::from_slice(&encoded.body).unwrap();
            for name in ["tool_choice", "parallel_tool_calls"] {
                assert_eq!(body.get(name).is_none(), lost.contains(&name), "{body}");
            }
        }
    }
}

#[test]
fn what_another_provider_keeps_is_named() {
    let file =
        |id: &str| BlockKind::File { source: MediaSource::FileId(id.into()), filename: None };
    let image = BlockKind::Image { source: MediaSource::FileId("file-1".into()), detail: None };
    for (kind, named) in [
        (image.clone(), Some("the image `file-1`")),
        (file("file_011C"), Some("the file `file_011C`")),
        (file("files/b1"), Some("the file `files/b1`")),
        (file("file-1"), None),
    ] {
        let asked = vec![Turn::new(Role::User, vec![Block::text("x"), Block::new(kind.clone())])];
        let answered =
            vec![Turn::new(Role::Tool, vec![result("c", vec![Block::new(kind.clone())])])];
        for turns in [asked, answered] {
            let request = Request { turns, ..Request::default() };
            let (quirks, abilities) = (Quirks::default(), Abilities::default());
            let encoded = encode_request(&request, &Target::new("m", &quirks, &abilities));
            match (encoded, named) {
                (Ok(_), None) => {}
                (Err(fault), Some(named)) => {
                    assert_eq!(fault.status, 400);
                    assert!(fault.message.starts_with("messages[0].content: "), "{fault:?}");
                    assert!(fault.message.contains(named), "{fault:?}");
                }
                (encoded, _) => panic!("{kind:?}: {encoded:?}"),
            }
        }
    }
}

/// CHAT-3, CHAT-4
#[test]
fn parameters_an_endpoint_does_not_support_are_left_out() {
    let body = br#"{"model":"m","messages":[{"role":"user","content":"x"}],"top_k":3,"temperature":1,"seed":2,"max_tokens":9,"safe_prompt":true}"#;
    let request = decode_request(body).unwrap();
    let quirks = Quirks { random_seed: true, ..Quirks::default() };
    let abilities = Abilities::default();
    let parameters =
        [Parameter::Temperature, Parameter::Seed, Parameter::MaxTokens].into_iter().collect();
    let target = Target { parameters, ..Target::new("native", &quirks, &abilities) };
    let encoded = encode_request(&request, &target).unwrap();
    assert_eq!(
        String::from_utf8(encoded.body).unwrap(),
        r#"{"model":"native","messages":[{"role":"user","content":"x"}],"temperature":1.0,"random_seed":2,"max_tokens":9,"safe_prompt":true}"#
    );
    assert_eq!(encoded.losses.0[0].path, "top_k");
}

/// Bug 1: media of one result never stand between two results.
#[test]
fn results_of_one_turn_stay_together_whatever_they_hold() {
    let image = Block::new(BlockKind::Image {
        source: MediaSource::Base64 { media_type: "image/png".into(), data: "aGk=".into() },
        detail: None,
    });
    let turns = vec![
        Turn::new(Role::Tool, vec![result("a", vec![Block::text("1"), image])]),
        Turn::new(Role::Tool, vec![result("b", vec![Block::text("2")])]),
    ];
    let sent = messages(turns, &Quirks::default());
    let roles: Vec<_> = sent.as_array().unwrap().iter().map(|message| &message["role"]).collect();
    assert_eq!(roles, ["tool", "tool", "user"]);
}
