//! What callers of the Messages API send.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::decode_request;
use crate::anthropic::encode_request;
use crate::exchange::{
    Block, BlockKind, CacheMark, Effort, MediaSource, OutputFormat, Reasoning, ReasoningBlock,
    ReasoningContent, ReasoningFormat, Request, Role, ToolChoice, Turn,
};
use crate::target::{Abilities, Quirks, ReasoningStyle, Target};

fn decode(body: &Value) -> Request {
    decode_request(body.to_string().as_bytes()).unwrap()
}

fn refusal(body: &Value) -> String {
    let fault = decode_request(body.to_string().as_bytes()).unwrap_err();
    assert_eq!(fault.status, 400);
    fault.message
}

fn asking(more: Value) -> Value {
    let mut body = json!({"model":"m","max_tokens":10,"messages":[{"role":"user","content":"hi"}]});
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

#[test]
fn results_become_turns_of_their_own() {
    let request = decode(&json!({"model":"m","max_tokens":5,"system":"s","messages":[
        {"role":"user","content":"go"},
        {"role":"assistant","content":[{"type":"tool_use","id":"a","name":"f","input":{"x":1.0}},
                                        {"type":"tool_use","id":"b","name":"f","input":{}}]},
        {"role":"user","content":[
            {"type":"tool_result","tool_use_id":"a","content":"1","is_error":true},
            {"type":"tool_result","tool_use_id":"b"},
            {"type":"text","text":"also","cache_control":{"type":"ephemeral","ttl":"1h"}}]}]}));
    let roles: Vec<Role> = request.turns.iter().map(|turn| turn.role).collect();
    assert_eq!(
        roles,
        [Role::System, Role::User, Role::Assistant, Role::Tool, Role::Tool, Role::User]
    );
    assert!(matches!(&request.turns[2].blocks[0].kind,
        BlockKind::ToolCall { arguments, .. } if arguments == r#"{"x":1.0}"#));
    assert!(matches!(&request.turns[3].blocks[0].kind,
        BlockKind::ToolResult { is_error: true, content, .. } if content == &[Block::text("1")]));
    assert_eq!(request.turns[5].blocks[0].cache, Some(CacheMark { ttl: Some("1h".into()) }));
}

#[test]
fn controls_have_their_neutral_forms() {
    let request = decode(&asking(json!({
        "temperature":0.5,"top_p":0.9,"top_k":4,"stop_sequences":["E"],"stream":true,
        "tools":[{"name":"f","description":"d","input_schema":{"type":"object"},"strict":true},
                 {"type":"web_search_20250305","name":"web_search","max_uses":2}],
        "tool_choice":{"type":"tool","name":"f","disable_parallel_tool_use":true},
        "thinking":{"type":"enabled","budget_tokens":2000},
        "metadata":{"user_id":"u"},"service_tier":"standard_only",
        "cache_control":{"type":"ephemeral"},
        "output_config":{"format":{"type":"json_schema","schema":{"type":"object"}}},
        "context_management":{"edits":[]},"provider":{"only":["x"]},"session_id":"s",
    })));
    assert_eq!(request.tool_choice, Some(ToolChoice::Named("f".into())));
    assert_eq!(request.parallel_tool_calls, Some(false));
    assert_eq!(request.reasoning.as_ref().unwrap().max_tokens, Some(2000));
    assert_eq!(request.user.as_deref(), Some("u"));
    assert_eq!(request.service_tier.as_deref(), Some("default"));
    assert!(request.cache.is_some() && request.stream);
    assert!(matches!(request.output, Some(OutputFormat::JsonSchema { .. })));
    let extras: Vec<&str> = request.extras.members.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(extras, ["context_management"], "members for the router never reach a provider");
}

#[test]
fn kinds_of_thinking_are_understood() {
    // MSG-4
    let of = |thinking: Value| decode(&asking(json!({"thinking":thinking}))).reasoning.unwrap();
    assert_eq!(of(json!({"type":"disabled"})).wanted(), Some(false));
    assert_eq!(of(json!({"type":"adaptive"})).wanted(), Some(true));
    assert_eq!(of(json!({"type":"between_tools"})).wanted(), Some(true));
    let both =
        decode(&asking(json!({"thinking":{"type":"adaptive"},"output_config":{"effort":"max"}})));
    assert_eq!(both.reasoning.unwrap().effort, Some(Effort::Max));
    let alone = decode(&asking(json!({"output_config":{"effort":"low"}})));
    assert_eq!(alone.verbosity.as_deref(), Some("low"), "CHAT-3");
}

#[test]
fn what_is_wrong_is_refused_by_name() {
    for (body, place) in [
        (json!({"model":"m"}), "messages"),
        (json!({"messages":[]}), "messages"),
        (json!({"messages":"x"}), "messages"),
        (json!({"messages":[{"role":"tool","content":"x"}]}), "messages[0].role"),
        (json!({"messages":[{"role":"user"}]}), "messages[0].content"),
        (json!({"messages":[{"role":"user","content":3}]}), "messages[0].content"),
        (
            json!({"messages":[{"role":"user","content":[{"text":"x"}]}]}),
            "messages[0].content[0].type",
        ),
        (
            json!({"messages":[{"role":"user","content":[{"type":"tool_result","tool_use_id":"a"}]}]}),
            "messages[0].content[0].tool_use_id",
        ),
        (
            json!({"messages":[{"role":"user","content":[{"type":"tool_use","id":"a","name":"f"}]}]}),
            "messages[0].content[0]",
        ),
        (asking(json!({"max_tokens":0})), "max_tokens"),
        (asking(json!({"max_tokens":1.5})), "max_tokens"),
        (asking(json!({"temperature":3})), "temperature"),
        (asking(json!({"stop_sequences":[1]})), "stop_sequences[0]"),
        (
            asking(json!({"thinking":{"type":"enabled","budget_tokens":10}})),
            "thinking.budget_tokens",
        ),
        (asking(json!({"tools":[{"input_schema":{}}]})), "tools[0].name"),
        (asking(json!({"tool_choice":{"type":"tool"}})), "tool_choice.name"),
        (asking(json!({"user":"x".repeat(300)})), "user"),
        (asking(json!({"output_config":{"effort":"huge"}})), "output_config.effort"),
        (asking(json!({"cache_control":{"type":"forever"}})), "cache_control.type"),
    ] {
        let message = refusal(&body);
        assert!(message.starts_with(&format!("{place}: ")), "{message} for {body}");
    }
}

#[test]
fn explicit_nulls_count_as_absent() {
    // bug 25
    let request = decode(&asking(json!({
        "system":null,"temperature":null,"tools":null,"tool_choice":null,"thinking":null,
        "stop_sequences":null,"metadata":null,"output_config":null,"stream":null,"max_tokens":null,
        "context_management":null,
    })));
    assert_eq!(request, decode(&json!({"model":"m","messages":[{"role":"user","content":"hi"}]})));
}

#[test]
fn reasoning_knows_who_signed_it() {
    // bugs 7, 19
    let wrapped = crate::anthropic::foreign::wrap(&ReasoningFormat::Gemini, Some("c"), "sig");
    let request =
        decode(&json!({"messages":[{"role":"user","content":"hi"},{"role":"assistant","content":[
        {"type":"thinking","thinking":"a","signature":"own"},
        {"type":"thinking","thinking":"b","signature":""},
        {"type":"redacted_thinking","data":"enc"},
        {"type":"redacted_thinking","data":wrapped}]}]}));
    let found: Vec<(Option<&str>, &ReasoningFormat)> = request.turns[1]
        .blocks
        .iter()
        .map(|block| match &block.kind {
            BlockKind::Reasoning(ReasoningBlock { content, format, .. }) => match content {
                ReasoningContent::Text { signature, .. } => (signature.as_deref(), format),
                ReasoningContent::Encrypted { data } => (Some(data.as_str()), format),
                ReasoningContent::Summary { .. } => (None, format),
            },
            _ => panic!("not reasoning"),
        })
        .collect();
    assert_eq!(
        found,
        [
            (Some("own"), &ReasoningFormat::Anthropic),
            (None, &ReasoningFormat::Unknown),
            (Some("enc"), &ReasoningFormat::Anthropic),
            (Some("sig"), &ReasoningFormat::Gemini),
        ]
    );
}

#[test]
fn a_request_survives_the_way_out_and_back() {
    let body = json!({"model":"m","max_tokens":9000,"stream":false,
        "system":[{"type":"text","text":"s","cache_control":{"type":"ephemeral"}}],
        "messages":[
            {"role":"user","content":[
                {"type":"text","text":"look"},
                {"type":"image","source":{"type":"base64","media_type":"image/png","data":"aGk="}},
                {"type":"image","source":{"type":"url","url":"https://a/b"}},
                {"type":"document","source":{"type":"text","media_type":"text/plain","data":"x"},"title":"t","context":"c","citations":{"enabled":true}},
                {"type":"document","source":{"type":"content","content":[]},"cache_control":{"type":"ephemeral"}},
                {"type":"search_result","source":"s","title":"t","content":[]}]},
            {"role":"assistant","content":[
                {"type":"thinking","thinking":"hm","signature":"sig"},
                {"type":"text","text":"see","citations":[{"type":"web_search_result_location","url":"https://a","title":"A","cited_text":"c","encrypted_index":"e"}]},
                {"type":"server_tool_use","id":"s","name":"web_search","input":{"q":1}},
                {"type":"tool_use","id":"a","name":"f","input":{"x":1},"caller":{"type":"direct"}}]},
            {"role":"user","content":[
                {"type":"tool_result","tool_use_id":"a","content":[{"type":"text","text":"r"}],"is_error":true},
                {"type":"text","text":"go on"}]}],
        "tools":[{"name":"f","input_schema":{"type":"object","properties":{"x":{}}},"defer_loading":true},
                 {"type":"web_search_20250305","name":"web_search","cache_control":{"type":"ephemeral"}}],
        "tool_choice":{"type":"any","disable_parallel_tool_use":true},
        "thinking":{"type":"adaptive","display":"omitted"},
        "output_config":{"effort":"high","task_budget":{"total":5}},
        "metadata":{"user_id":"u","more":1},"stop_sequences":["E"],
        "service_tier":"auto","cache_control":{"type":"ephemeral"},
        "context_management":{"edits":[]}});
    let request = decode(&body);
    let quirks = Quirks::default();
    let abilities = Abilities { reasoning: ReasoningStyle::Adaptive, ..Abilities::default() };
    let target = Target::new("m", &quirks, &abilities);
    let encoded = encode_request(&request, &target).unwrap();
    assert_eq!(encoded.losses.0, [], "nothing of its own protocol is lost");
    let sent: Value = serde_json::from_slice(&encoded.body).unwrap();
    let mut expected = body;
    expected.as_object_mut().unwrap().remove("stream");
    assert_eq!(sent, expected);
    assert_eq!(decode(&sent), request);
}

fn any_block(role: Role) -> BoxedStrategy<Block> {
    let text = "[a-z]{1,5}( [a-z]{1,5})?".prop_map(Block::text);
    if role == Role::Assistant {
        prop_oneof![
            text,
            ("[a-z ]{0,5}", "[a-z]{1,5}").prop_map(|(text, signature)| {
                Block::new(BlockKind::Reasoning(ReasoningBlock {
                    content: ReasoningContent::Text { text, signature: Some(signature) },
                    id: None,
                    format: ReasoningFormat::Anthropic,
                }))
            }),
            "[a-z]{1,5}".prop_map(|name| {
                Block::new(BlockKind::ToolCall {
                    id: format!("call_{name}"),
                    name,
                    arguments: r#"{"a":[1.50]}"#.into(),
                })
            }),
        ]
        .boxed()
    } else {
        prop_oneof![
            text,
            "[a-z]{1,5}".prop_map(|path| Block::new(BlockKind::Image {
                source: MediaSource::Url(format!("https://{path}")),
                detail: None,
            })),
            Just(Block::new(BlockKind::File {
                source: MediaSource::Base64 {
                    media_type: "application/pdf".into(),
                    data: "aGk=".into(),
                },
                filename: Some("a.pdf".into()),
            })),
        ]
        .boxed()
    }
}

prop_compose! {
    fn any_request()(
        pairs in proptest::collection::vec(
            (proptest::collection::vec(any_block(Role::User), 1..3),
             proptest::collection::vec(any_block(Role::Assistant), 1..4)), 0..4),
        last in proptest::collection::vec(any_block(Role::User), 1..3),
        limit in proptest::option::of(2000_u64..9000),
        temperature in proptest::option::of(0_u8..10),
        enabled in proptest::option::of(Just(true)),
    ) -> Request {
        let mut turns = Vec::new();
        for (user, assistant) in pairs {
            turns.push(Turn::new(Role::User, user));
            turns.push(Turn::new(Role::Assistant, assistant));
        }
        turns.push(Turn::new(Role::User, last));
        let mut request = Request {
            model: "m".into(),
            turns,
            max_output_tokens: limit.or(Some(4096)),
            reasoning: enabled.map(|_| Reasoning { max_tokens: Some(1024), ..Reasoning::default() }),
            ..Request::default()
        };
        if enabled.is_none() {
            request.sampling.temperature = temperature.map(|tenths| f64::from(tenths) / 10.0);
        }
        request
    }
}

proptest! {
    #[test]
    fn decoding_undoes_encoding(request in any_request()) {
        let quirks = Quirks::default();
        let abilities = Abilities { reasoning: ReasoningStyle::Budget, ..Abilities::default() };
        let target = Target::new("m", &quirks, &abilities);
        let encoded = encode_request(&request, &target).unwrap();
        let mut back = decode_request(&encoded.body).unwrap();
        // Tools that were only needed for the history are not the caller's.
        back.tools.clear();
        back.tool_choice = None;
        // Where thinking comes first, the order of other blocks is the same.
        let mut request = request;
        if request.reasoning.is_some() {
            for turn in request.turns.iter_mut().filter(|turn| turn.role == Role::Assistant) {
                let is_other = |it: &Block| !matches!(it.kind, BlockKind::Reasoning(_));
                if turn.blocks.first().is_some_and(is_other) {
                    turn.blocks.sort_by_key(is_other);
                }
            }
        }
        prop_assert_eq!(back, request);
    }

    #[test]
    fn half_a_surrogate_pair_is_called_so(text in "[a-z]{0,3}") {
        let body = format!(
            r#"{{"model":"m","max_tokens":5,"messages":[{{"role":"user","content":"{text}\ud83d"}}]}}"#
        );
        let fault = decode_request(body.as_bytes()).unwrap_err();
        let expected = "messages[0].content: the string contains half of a surrogate pair";
        prop_assert!(fault.message.starts_with(expected), "{}", fault.message);
    }

    #[test]
    fn no_body_can_panic(body in proptest::collection::vec(any::<u8>(), 0..200), text in ".{0,40}") {
        let _ = decode_request(&body);
        let value = json!({"messages":[{"role":text,"content":[{"type":text}]}],"thinking":text});
        let _ = decode_request(value.to_string().as_bytes());
    }
}
