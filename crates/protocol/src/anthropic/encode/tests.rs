//! What goes out, row by row of wire-formats 2.1, 2.6, 2.7 and 2.8.

use serde_json::{Value, json};

use super::{encode_request, encode_request_with};
use crate::Dialect;
use crate::exchange::{
    Block, BlockKind, CacheMark, Effort, Extras, Fault, MediaSource, Reasoning, ReasoningBlock,
    ReasoningContent, ReasoningFormat, Request, Role, Tool, ToolChoice, ToolKind, Turn,
};
use crate::json::RawJson;
use crate::parameter::Parameter;
use crate::target::{Abilities, Encoded, Quirks, ReasoningStyle, Target};

pub(super) fn encode_for(request: &Request, abilities: &Abilities) -> Result<Encoded, Fault> {
    let quirks = Quirks::default();
    encode_request(request, &Target::new("claude", &quirks, abilities))
}

pub(super) fn body(request: &Request, abilities: &Abilities) -> Value {
    serde_json::from_slice(&encode_for(request, abilities).unwrap().body).unwrap()
}

pub(super) fn plain(request: &Request) -> Value {
    body(request, &Abilities::default())
}

pub(super) fn text(role: Role, text: &str) -> Turn {
    Turn::new(role, vec![Block::text(text)])
}

pub(super) fn asking(turns: Vec<Turn>) -> Request {
    Request { model: "m".into(), turns, max_output_tokens: Some(1000), ..Request::default() }
}

pub(super) fn hello() -> Request {
    asking(vec![text(Role::User, "hi")])
}

fn call(id: &str, name: &str, arguments: &str) -> Block {
    Block::new(BlockKind::ToolCall {
        id: id.into(),
        name: name.into(),
        arguments: arguments.into(),
    })
}

fn result(id: &str, content: &str) -> Turn {
    Turn::new(
        Role::Tool,
        vec![Block::new(BlockKind::ToolResult {
            call_id: id.into(),
            name: None,
            content: vec![Block::text(content)],
            is_error: false,
        })],
    )
}

pub(super) fn tool(name: &str, parameters: Option<&str>, strict: Option<bool>) -> Tool {
    Tool {
        kind: ToolKind::Function {
            name: name.into(),
            description: None,
            parameters: parameters.map(|text| RawJson::parse(text.into()).unwrap()),
            strict,
        },
        cache: None,
        extras: Extras::default(),
    }
}

pub(super) fn effort(effort: Effort) -> Option<Reasoning> {
    Some(Reasoning { effort: Some(effort), ..Reasoning::default() })
}

pub(super) fn budget_model() -> Abilities {
    Abilities {
        reasoning: ReasoningStyle::Budget,
        max_output_tokens: Some(64_000),
        ..Abilities::default()
    }
}

fn signed(text: &str, signature: Option<&str>, format: ReasoningFormat) -> Block {
    Block::new(BlockKind::Reasoning(ReasoningBlock {
        content: ReasoningContent::Text {
            text: text.into(),
            signature: signature.map(str::to_owned),
        },
        id: None,
        format,
    }))
}

#[test]
fn all_results_of_one_turn_stand_first_in_one_user_message() {
    // bug 1
    let request = asking(vec![
        text(Role::User, "go"),
        Turn::new(Role::Assistant, vec![call("a", "f", "{\"x\":1}"), call("b", "f", "")]),
        result("a", "1"),
        text(Role::User, "also"),
        result("b", "2"),
    ]);
    let body = plain(&request);
    assert_eq!(
        body["messages"],
        json!([
            {"role":"user","content":[{"type":"text","text":"go"}]},
            {"role":"assistant","content":[
                {"type":"tool_use","id":"a","name":"f","input":{"x":1}},
                {"type":"tool_use","id":"b","name":"f","input":{}}]},
            {"role":"user","content":[
                {"type":"tool_result","tool_use_id":"a","content":[{"type":"text","text":"1"}]},
                {"type":"tool_result","tool_use_id":"b","content":[{"type":"text","text":"2"}]},
                {"type":"text","text":"also"}]},
        ])
    );
    // bug 5: the calls in the history need a tool, which may not be called
    assert_eq!(
        body["tools"],
        json!([{"name":"f","input_schema":{"type":"object","properties":{}}}])
    );
    assert_eq!(body["tool_choice"], json!({"type":"none"}));
}

#[test]
fn arguments_are_an_object_whatever_the_model_wrote() {
    for (arguments, input) in [
        ("", json!({})),
        ("  ", json!({})),
        ("{\"a\":1}", json!({"a":1})),
        ("\"{\\\"a\\\":1}\"", json!({"a":1})),
        ("[1]", json!({"arguments":[1]})),
        ("{\"a\":", json!({"arguments":"{\"a\":"})),
        ("null", json!({"arguments":null})),
    ] {
        let request = asking(vec![
            text(Role::User, "go"),
            Turn::new(Role::Assistant, vec![call("a", "f", arguments)]),
            result("a", "1"),
        ]);
        assert_eq!(plain(&request)["messages"][1]["content"][0]["input"], input, "{arguments}");
    }
}

#[test]
fn empty_text_is_dropped_and_a_prefill_has_no_trailing_white_space() {
    // bug 14
    let request = asking(vec![
        Turn::new(Role::User, vec![Block::text(" "), Block::text("hi")]),
        Turn::new(Role::Assistant, vec![Block::text(""), call("a", "f", "{}")]),
        result("a", "\n"),
        Turn::new(Role::Assistant, vec![Block::text("x \n"), Block::text("  ")]),
    ]);
    let messages = &plain(&request)["messages"];
    assert_eq!(messages[0]["content"], json!([{"type":"text","text":"hi"}]));
    assert_eq!(messages[1]["content"].as_array().unwrap().len(), 1);
    assert_eq!(messages[2]["content"], json!([{"type":"tool_result","tool_use_id":"a"}]));
    assert_eq!(messages[3]["content"], json!([{"type":"text","text":"x"}]));
    let nothing = asking(vec![text(Role::User, " ")]);
    assert!(encode_for(&nothing, &Abilities::default()).is_err());
}

#[test]
fn a_model_that_cannot_continue_a_message_is_asked_in_words() {
    // CHAT-8
    let request = asking(vec![text(Role::User, "hi"), text(Role::Assistant, "He")]);
    assert_eq!(plain(&request)["messages"].as_array().unwrap().len(), 2);
    let newest = Abilities { prefill: false, ..Abilities::default() };
    let messages = body(&request, &newest)["messages"].clone();
    assert_eq!(messages[2]["role"], "user");
    let thinking =
        Request { reasoning: effort(Effort::Low), max_output_tokens: Some(4_000), ..request };
    assert_eq!(body(&thinking, &budget_model())["messages"][2]["role"], "user");
}

#[test]
fn system_messages_go_to_their_place() {
    let request = asking(vec![
        text(Role::System, "a"),
        text(Role::Developer, "b"),
        text(Role::User, "hi"),
        text(Role::System, "c"),
        text(Role::Assistant, "yes"),
        text(Role::User, "go"),
    ]);
    let old = plain(&request);
    assert_eq!(old["system"], json!([{"type":"text","text":"a"},{"type":"text","text":"b"}]));
    assert_eq!(
        old["messages"][0]["content"],
        json!([{"type":"text","text":"hi"},{"type":"text","text":"<system>"},
               {"type":"text","text":"c"},{"type":"text","text":"</system>"}])
    );
    let new = body(&request, &Abilities { inline_system: true, ..Abilities::default() });
    assert_eq!(new["messages"][1], json!({"role":"system","content":[{"type":"text","text":"c"}]}));
    assert_eq!(new["messages"][2]["role"], "assistant");
    let only = asking(vec![text(Role::System, "a")]);
    assert_eq!(plain(&only)["messages"][0]["role"], "user");
    let assistant_first = asking(vec![text(Role::Assistant, "a"), text(Role::User, "b")]);
    assert_eq!(plain(&assistant_first)["messages"][0]["role"], "user");
}

#[test]
fn names_are_put_before_the_text() {
    // CHAT-7
    let mut turn = text(Role::User, "hi");
    turn.name = Some("Ann".into());
    assert_eq!(plain(&asking(vec![turn]))["messages"][0]["content"][0]["text"], "Ann: hi");
}

#[test]
fn sampling_fits_what_the_model_takes() {
    // bug 24
    let mut request = hello();
    request.sampling.temperature = Some(1.5);
    request.sampling.top_p = Some(0.5);
    request.sampling.top_k = Some(7);
    let free = plain(&request);
    assert_eq!(
        (&free["temperature"], &free["top_p"], &free["top_k"]),
        (&json!(1.0), &json!(0.5), &json!(7))
    );
    let either =
        body(&request, &Abilities { temperature_with_top_p: false, ..Abilities::default() });
    assert_eq!((&either["temperature"], &either["top_p"]), (&json!(1.0), &Value::Null));
    let closed = Abilities { sampling: false, ..Abilities::default() };
    let thinking = Request {
        reasoning: effort(Effort::Low),
        max_output_tokens: Some(4_000),
        ..request.clone()
    };
    for body in [body(&request, &closed), body(&thinking, &budget_model())] {
        for name in ["temperature", "top_p", "top_k"] {
            assert_eq!(body[name], Value::Null, "{name}");
        }
    }
    let losses = encode_for(&request, &closed).unwrap().losses;
    assert_eq!(losses.0.len(), 3);
}

#[test]
fn blank_stop_sequences_are_dropped() {
    // bug 30
    let mut request = hello();
    request.sampling.stop = vec![" ".into(), "END".into(), "\n".into()];
    assert_eq!(plain(&request)["stop_sequences"], json!(["END"]));
    request.sampling.stop = vec!["\n".into()];
    assert_eq!(plain(&request)["stop_sequences"], Value::Null);
}

#[test]
fn tool_choices_have_their_forms() {
    // TOOLS-3, wire-formats 12.2
    for (choice, parallel, expected) in [
        (None, None, Value::Null),
        (Some(ToolChoice::Auto), None, json!({"type":"auto"})),
        (Some(ToolChoice::None), Some(false), json!({"type":"none"})),
        (Some(ToolChoice::Required), None, json!({"type":"any"})),
        (Some(ToolChoice::Named("f".into())), None, json!({"type":"tool","name":"f"})),
        (None, Some(false), json!({"type":"auto","disable_parallel_tool_use":true})),
        (
            Some(ToolChoice::Required),
            Some(false),
            json!({"type":"any","disable_parallel_tool_use":true}),
        ),
    ] {
        let request = Request {
            tools: vec![tool("f", None, None), tool("g", None, None)],
            tool_choice: choice,
            parallel_tool_calls: parallel,
            ..hello()
        };
        assert_eq!(plain(&request)["tool_choice"], expected);
    }
    let allowed = ToolChoice::Allowed { names: vec!["g".into()], required: true };
    let request = Request {
        tools: vec![tool("f", None, None), tool("g", None, None)],
        tool_choice: Some(allowed),
        ..hello()
    };
    assert_eq!(plain(&request)["tools"].as_array().unwrap().len(), 1);
    assert_eq!(plain(&request)["tool_choice"], json!({"type":"any"}));
}

#[test]
fn a_choice_that_cannot_be_forced_becomes_auto_and_keeps_only_the_named_tool() {
    // bug 18
    let request = Request {
        tools: vec![tool("f", None, None), tool("g", None, None)],
        tool_choice: Some(ToolChoice::Named("g".into())),
        reasoning: effort(Effort::Low),
        max_output_tokens: Some(10_000),
        ..hello()
    };
    let unforced = Abilities { forced_tool_choice: false, ..Abilities::default() };
    for abilities in [budget_model(), unforced] {
        let encoded = encode_for(&request, &abilities).unwrap();
        let body: Value = serde_json::from_slice(&encoded.body).unwrap();
        assert_eq!(body["tool_choice"], json!({"type":"auto"}));
        assert_eq!(body["tools"].as_array().unwrap().len(), 1);
        assert_eq!(body["tools"][0]["name"], "g");
        assert!(encoded.losses.0.iter().any(|loss| loss.path == "tool_choice"));
    }
    assert_eq!(body(&request, &budget_model())["thinking"]["type"], "enabled");
}

#[test]
fn tool_names_are_changed_without_collisions_and_mapped_back() {
    // bug 28
    let request = Request {
        tools: vec![tool("a.b", None, None), tool("a_b", None, None)],
        tool_choice: Some(ToolChoice::Named("a.b".into())),
        ..asking(vec![
            text(Role::User, "go"),
            Turn::new(Role::Assistant, vec![call("functions.f:0", "a.b", "{}")]),
            result("functions.f:0", "1"),
        ])
    };
    let encoded = encode_for(&request, &Abilities::default()).unwrap();
    let body: Value = serde_json::from_slice(&encoded.body).unwrap();
    assert_eq!(body["tools"][0]["name"], "a_b_2");
    assert_eq!(body["tool_choice"]["name"], "a_b_2");
    assert_eq!(body["messages"][1]["content"][0]["name"], "a_b_2");
    let id = &body["messages"][1]["content"][0]["id"];
    assert_eq!(id, "functions_f_0");
    assert_eq!(id, &body["messages"][2]["content"][0]["tool_use_id"]);
    assert_eq!(encoded.context.declared_name("a_b_2"), "a.b");
    assert_eq!(encoded.context.declared_name("a_b"), "a_b");
}

#[test]
fn strict_is_kept_only_behind_its_feature_flag() {
    // PROV-15, PROV-16
    let parameters = r#"{"type":"object","properties":{"a":{"type":"string"}},"required":["a"]}"#;
    let request =
        Request { tools: vec![tool("f", Some(parameters), Some(true))], stream: true, ..hello() };
    let body = plain(&request);
    assert_eq!(body["tools"][0]["strict"], Value::Null);
    assert_eq!(body["tools"][0]["eager_input_streaming"], true);
    assert_eq!(body["stream"], true);
    let quirks = Quirks::default();
    let abilities = Abilities::default();
    let target = Target::new("m", &quirks, &abilities);
    let betas = ["structured-outputs-2025-11-13", "interleaved-thinking-2025-05-14", "bad\r\nx: y"];
    let encoded = encode_request_with(&request, &target, &betas).unwrap();
    let body: Value = serde_json::from_slice(&encoded.body).unwrap();
    assert_eq!(body["tools"][0]["strict"], true);
    assert_eq!(body["tools"][0]["input_schema"]["additionalProperties"], false);
    assert_eq!(
        encoded.headers,
        [
            ("anthropic-version", "2023-06-01".to_owned()),
            (
                "anthropic-beta",
                "structured-outputs-2025-11-13,interleaved-thinking-2025-05-14".to_owned()
            ),
        ]
    );
}

#[test]
fn signed_reasoning_goes_back_unmodified_and_foreign_reasoning_never() {
    // bug 19
    let request = asking(vec![
        text(Role::User, "go"),
        Turn::new(
            Role::Assistant,
            vec![
                signed("mine", Some("sig"), ReasoningFormat::Anthropic),
                signed("unsigned", None, ReasoningFormat::Anthropic),
                signed("foreign", Some("x"), ReasoningFormat::Gemini),
                Block::new(BlockKind::Reasoning(ReasoningBlock {
                    content: ReasoningContent::Encrypted { data: "enc".into() },
                    id: None,
                    format: ReasoningFormat::Anthropic,
                })),
                call("a", "f", "{}"),
            ],
        ),
        result("a", "1"),
    ]);
    let encoded = encode_for(&request, &Abilities::default()).unwrap();
    let body: Value = serde_json::from_slice(&encoded.body).unwrap();
    assert_eq!(
        body["messages"][1]["content"],
        json!([
            {"type":"thinking","thinking":"mine","signature":"sig"},
            {"type":"redacted_thinking","data":"enc"},
            {"type":"tool_use","id":"a","name":"f","input":{}},
        ])
    );
    assert_eq!(encoded.losses.0.len(), 2);
}

#[test]
fn thinking_with_a_budget_is_left_out_of_a_tool_loop_that_began_without_it() {
    // bug 19
    let turns = |first: Vec<Block>| {
        vec![text(Role::User, "go"), Turn::new(Role::Assistant, first), result("a", "1")]
    };
    let without = Request {
        reasoning: effort(Effort::Low),
        max_output_tokens: Some(9000),
        ..asking(turns(vec![Block::text("I call"), call("a", "f", "{}")]))
    };
    assert_eq!(body(&without, &budget_model())["thinking"], Value::Null);
    let adaptive = Abilities { reasoning: ReasoningStyle::Adaptive, ..Abilities::default() };
    assert_eq!(body(&without, &adaptive)["thinking"]["type"], "adaptive");
    let mine = signed("mine", Some("sig"), ReasoningFormat::Anthropic);
    let with = Request { turns: turns(vec![mine, call("a", "f", "{}")]), ..without };
    assert_eq!(body(&with, &budget_model())["thinking"]["type"], "enabled");
}

#[test]
fn cache_marks_stand_where_they_were_put() {
    // PCACHE-1
    let mark = Some(CacheMark { ttl: Some("1h".into()) });
    let marked = |mut block: Block| {
        block.cache = mark.clone();
        block
    };
    let mut results = result("a", "1");
    if let BlockKind::ToolResult { content, .. } = &mut results.blocks[0].kind {
        content[0].cache = mark.clone();
    }
    let mut request = asking(vec![
        Turn::new(Role::System, vec![marked(Block::text("s"))]),
        text(Role::User, "go"),
        Turn::new(Role::Assistant, vec![marked(call("a", "f", "{}"))]),
        results,
    ]);
    request.tools = vec![Tool { cache: Some(CacheMark { ttl: None }), ..tool("f", None, None) }];
    let body = plain(&request);
    let expected = json!({"type":"ephemeral","ttl":"1h"});
    assert_eq!(body["system"][0]["cache_control"], expected);
    assert_eq!(body["messages"][1]["content"][0]["cache_control"], expected);
    assert_eq!(body["messages"][2]["content"][0]["cache_control"], expected);
    assert_eq!(body["tools"][0]["cache_control"], expected, "raised");
    request.cache = Some(CacheMark { ttl: None });
    assert_eq!(plain(&request)["cache_control"], json!({"type":"ephemeral"}));
}

#[test]
fn media_have_their_sources() {
    // MMIN-1, PDF-1
    let one = |kind: BlockKind| {
        encode_for(
            &asking(vec![Turn::new(Role::User, vec![Block::new(kind)])]),
            &Abilities::default(),
        )
        .map(|encoded| {
            serde_json::from_slice::<Value>(&encoded.body).unwrap()["messages"][0]["content"][0]
                .clone()
        })
    };
    let image = |source| BlockKind::Image { source, detail: None };
    let file = |source| BlockKind::File { source, filename: Some("a.pdf".into()) };
    let base64 = |media_type: &str| MediaSource::Base64 {
        media_type: media_type.into(),
        data: "aGk=".into(),
    };
    assert_eq!(
        one(image(MediaSource::Url("https://a/b".into()))).unwrap(),
        json!({"type":"image","source":{"type":"url","url":"https://a/b"}})
    );
    assert_eq!(
        one(image(base64("image/jpg"))).unwrap(),
        json!({"type":"image","source":{"type":"base64","media_type":"image/jpeg","data":"aGk="}})
    );
    assert!(one(image(base64("image/tiff"))).is_err());
    assert!(one(image(MediaSource::Url("file:///etc/passwd".into()))).is_err());
    assert_eq!(
        one(file(base64("application/octet-stream"))).unwrap(),
        json!({"type":"document","source":{"type":"base64","media_type":"application/pdf","data":"aGk="},"title":"a.pdf"})
    );
    assert_eq!(one(file(base64("text/plain;charset=utf-8"))).unwrap()["source"]["data"], "hi");
    assert_eq!(
        one(file(MediaSource::FileId("f".into()))).unwrap()["source"],
        json!({"type":"file","file_id":"f"})
    );
    assert!(one(BlockKind::Video { source: MediaSource::Url("https://a".into()) }).is_err());
    assert!(
        one(BlockKind::Audio {
            source: base64("audio/wav"),
            format: "wav".into(),
            transcript: None
        })
        .is_err()
    );
}

/// TIER-10
#[test]
fn fast_mode_is_asked_for_with_its_flag() {
    let fast = Abilities { fast_mode: true, ..Abilities::default() };
    let encoded = encode_for(&hello(), &fast).unwrap();
    let body: Value = serde_json::from_slice(&encoded.body).unwrap();
    assert_eq!(body["speed"], "fast");
    assert!(encoded.headers.contains(&("anthropic-beta", "fast-mode-2026-02-01".to_owned())));
}

#[test]
fn what_the_protocol_has_no_place_for_is_told_as_lost() {
    let mut request = hello();
    request.sampling.seed = Some(1);
    request.sampling.n = Some(2);
    request.user = Some("u".into());
    request.service_tier = Some("flex".into());
    request.extras =
        Extras::of(Dialect::OpenaiChat, vec![("safe_prompt".into(), RawJson::of(&true).unwrap())]);
    let encoded = encode_for(&request, &Abilities::default()).unwrap();
    let paths: Vec<&str> = encoded.losses.0.iter().map(|loss| loss.path.as_str()).collect();
    assert_eq!(paths, ["service_tier", "seed", "n", "safe_prompt"]);
    let body: Value = serde_json::from_slice(&encoded.body).unwrap();
    assert_eq!(body["metadata"], json!({"user_id":"u"}));
    assert_eq!(body["safe_prompt"], Value::Null);
}

proptest::proptest! {
    #[test]
    fn whatever_stands_in_a_request_the_body_is_valid_json(
        words in proptest::collection::vec(".{0,12}", 6),
        arguments in "[\\[\\]{}\":,a0\\\\ ]{0,12}",
    ) {
        let mut turn = text(Role::User, &words[0]);
        turn.name = Some(words[1].clone());
        let request = Request {
            tools: vec![tool(&words[2], None, Some(true))],
            tool_choice: Some(ToolChoice::Named(words[3].clone())),
            user: Some(words[4].clone()),
            ..asking(vec![
                text(Role::User, "go"),
                Turn::new(Role::Assistant, vec![call(&words[5], &words[2], &arguments)]),
                result(&words[5], &words[1]),
                turn,
            ])
        };
        let body = plain(&request);
        let input = &body["messages"][1]["content"][0]["input"];
        proptest::prop_assert!(input.is_object());
    }
}

/// CHAT-4
#[test]
fn parameters_an_endpoint_does_not_support_are_left_out() {
    let mut request = hello();
    request.sampling.top_k = Some(4);
    request.sampling.temperature = Some(0.5);
    let (quirks, abilities) = (Quirks::default(), Abilities::default());
    let parameters = [Parameter::Temperature, Parameter::MaxTokens].into_iter().collect();
    let target = Target { parameters, ..Target::new("claude", &quirks, &abilities) };
    let body: Value =
        serde_json::from_slice(&encode_request(&request, &target).unwrap().body).unwrap();
    assert!(body.get("top_k").is_none() && body["temperature"] == 0.5, "{body}");
}

/// Bug 5: the tools that were offered do not exist here, but a call of one is in the history.
#[test]
fn calls_in_the_history_have_tools_even_if_all_are_dropped() {
    let mut request = asking(vec![
        text(Role::User, "go"),
        Turn::new(Role::Assistant, vec![call("a", "f", "{}")]),
        result("a", "1"),
    ]);
    request.tools = vec![Tool {
        kind: ToolKind::Opaque {
            origin: Dialect::Gemini,
            raw: RawJson::parse("{}".into()).unwrap(),
        },
        cache: None,
        extras: Extras::default(),
    }];
    let body = plain(&request);
    assert_eq!(body["tools"][0]["name"], "f");
    assert_eq!(body["tool_choice"], json!({"type":"none"}));
}
