//! The output limit, reasoning and the form of the answer. wire-formats 2.6, 2.7

use serde_json::{Value, json};

use super::encode_request_with;
use super::tests::{asking, body, budget_model, effort, encode_for, hello, plain, text, tool};
use crate::exchange::{Effort, OutputFormat, Reasoning, Request, Role, ToolChoice};
use crate::json::RawJson;
use crate::target::{Abilities, Quirks, ReasoningStyle, Target};

fn schema_output() -> Option<OutputFormat> {
    Some(OutputFormat::JsonSchema {
        name: Some("city".into()),
        description: None,
        schema: RawJson::parse(
            r#"{"type":"object","properties":{"name":{"type":"string"}},"required":["name"]}"#
                .into(),
        )
        .unwrap(),
        strict: Some(true),
    })
}

#[test]
fn the_output_limit_is_always_sent_and_never_above_the_maximum() {
    let with = |asked, most| {
        let request = Request { max_output_tokens: asked, ..hello() };
        body(&request, &Abilities { max_output_tokens: most, ..Abilities::default() })["max_tokens"]
            .as_u64()
            .unwrap()
    };
    assert_eq!(with(None, None), 4096);
    assert_eq!(with(None, Some(8192)), 8192);
    assert_eq!(with(Some(10_000), Some(8192)), 8192);
    assert_eq!(with(Some(10), Some(8192)), 10);
}

#[test]
fn a_budget_is_strictly_below_the_limit_which_is_never_raised() {
    // REASON-3
    for (asked, reasoning, most, expected) in [
        (Some(10_000), effort(Effort::High), Some(64_000), (10_000, Some(8_000))),
        (Some(500), effort(Effort::High), Some(64_000), (500, None)),
        (Some(500), effort(Effort::High), None, (500, None)),
        (Some(1_024), effort(Effort::High), None, (1_024, None)),
        (Some(1_200), effort(Effort::Low), None, (1_200, Some(1_024))),
        (
            Some(4_000),
            Some(Reasoning { max_tokens: Some(5_000), ..Reasoning::default() }),
            Some(64_000),
            (4_000, Some(3_200)),
        ),
        (
            // Nobody set a limit.
            None,
            Some(Reasoning { max_tokens: Some(5_000), ..Reasoning::default() }),
            None,
            (9_096, Some(5_000)),
        ),
        (
            Some(4_000),
            Some(Reasoning { max_tokens: Some(5), ..Reasoning::default() }),
            None,
            (4_000, Some(1_024)),
        ),
    ] {
        let request = Request { max_output_tokens: asked, reasoning, ..hello() };
        let abilities = Abilities { max_output_tokens: most, ..budget_model() };
        let body = body(&request, &abilities);
        let found =
            (body["max_tokens"].as_u64().unwrap(), body["thinking"]["budget_tokens"].as_u64());
        assert_eq!(found, expected, "{request:?}");
    }
}

#[test]
fn adaptive_models_take_an_effort() {
    let abilities = Abilities {
        reasoning: ReasoningStyle::Adaptive,
        efforts: vec![Effort::Low, Effort::Medium, Effort::High, Effort::Max],
        ..Abilities::default()
    };
    for (wished, sent) in [
        (Effort::Minimal, "low"),
        (Effort::Medium, "medium"),
        (Effort::Xhigh, "high"),
        (Effort::Max, "max"),
    ] {
        let body = body(&Request { reasoning: effort(wished), ..hello() }, &abilities);
        assert_eq!(body["thinking"], json!({"type":"adaptive","display":"summarized"}));
        assert_eq!(body["output_config"], json!({"effort":sent}));
    }
    let on = Reasoning { enabled: Some(true), ..Reasoning::default() };
    let body_on = body(&Request { reasoning: Some(on), ..hello() }, &abilities);
    assert_eq!(body_on["output_config"]["effort"], "medium", "REASON-4");
    // CHAT-3
    let verbose = Request { verbosity: Some("high".into()), ..hello() };
    assert_eq!(body(&verbose, &abilities)["output_config"]["effort"], "high");
    assert_eq!(plain(&verbose)["output_config"], Value::Null);
}

#[test]
fn reasoning_is_switched_off_explicitly_only_where_it_is_on_by_default() {
    let off = Request { reasoning: effort(Effort::None), ..hello() };
    assert_eq!(body(&off, &budget_model())["thinking"], Value::Null);
    let on = Abilities { reasoning_default_on: true, ..budget_model() };
    assert_eq!(body(&off, &on)["thinking"], json!({"type":"disabled"}));
    let always = Abilities { reasoning_mandatory: true, ..on };
    let fault = encode_for(&off, &always).unwrap_err();
    assert_eq!(fault.status, 400, "REASON-13");
}

/// wire-formats 2.6
#[test]
fn what_reasons_between_tools_is_told_just_that_when_it_is_switched_off() {
    let between = Abilities {
        reasoning: ReasoningStyle::Adaptive,
        efforts: vec![Effort::Low, Effort::Medium, Effort::High, Effort::Xhigh, Effort::Max],
        reasoning_default_on: true,
        reasoning_between_tools: true,
        ..Abilities::default()
    };
    let off = Request { reasoning: effort(Effort::None), ..hello() };
    assert_eq!(body(&off, &between)["thinking"], json!({"type":"between_tools"}));
    assert_eq!(body(&hello(), &between)["thinking"], Value::Null);
    // Without reasoning there is no effort above `high`.
    let all = Abilities { reasoning_between_tools: false, ..between.clone() };
    for abilities in [&between, &all] {
        for (verbosity, sent) in [("low", "low"), ("high", "high"), ("max", "high")] {
            let request = Request { verbosity: Some(verbosity.into()), ..off.clone() };
            assert_eq!(body(&request, abilities)["output_config"]["effort"], sent);
        }
    }
}

#[test]
fn a_schema_is_enforced_natively_where_the_model_can() {
    // STRUCT-1, STRUCT-4
    let request = Request { output: schema_output(), ..hello() };
    let encoded = encode_for(&request, &Abilities::default()).unwrap();
    let body: Value = serde_json::from_slice(&encoded.body).unwrap();
    assert_eq!(body["output_config"]["format"]["type"], "json_schema");
    assert_eq!(body["output_config"]["format"]["schema"]["additionalProperties"], false);
    assert_eq!(encoded.context.emulated_output_tool, None);
    assert!(encoded.headers.iter().any(|(_, value)| value.contains("structured-outputs")));
}

#[test]
fn a_schema_is_emulated_through_a_tool_where_it_cannot() {
    // bug 13
    let old = Abilities { structured_output: false, ..budget_model() };
    let request = Request { output: schema_output(), ..hello() };
    let encoded = encode_for(&request, &old).unwrap();
    let body: Value = serde_json::from_slice(&encoded.body).unwrap();
    assert_eq!(encoded.context.emulated_output_tool.as_deref(), Some("json"));
    assert_eq!(body["tools"][0]["name"], "json");
    assert_eq!(
        body["tool_choice"],
        json!({"type":"tool","name":"json","disable_parallel_tool_use":true})
    );
    // The caller's own tools stay callable, and its own name stays its own.
    let with_tools = Request { tools: vec![tool("json", None, None)], ..request.clone() };
    let encoded = encode_for(&with_tools, &old).unwrap();
    let body: Value = serde_json::from_slice(&encoded.body).unwrap();
    assert_eq!(encoded.context.emulated_output_tool.as_deref(), Some("json_2"));
    assert_eq!(body["tool_choice"], json!({"type":"any"}));
    // A call of the caller's tools is due first: answering through a tool would do instead.
    let due = Request { tool_choice: Some(ToolChoice::Required), ..with_tools };
    assert_eq!(encode_for(&due, &old).unwrap().context.emulated_output_tool, None);
    // bug 18: nothing is forced while the model thinks; words take its place
    let thinking =
        Request { reasoning: effort(Effort::Low), max_output_tokens: Some(9000), ..request };
    let encoded = encode_for(&thinking, &old).unwrap();
    let body: Value = serde_json::from_slice(&encoded.body).unwrap();
    assert_eq!(body["tool_choice"]["type"], "auto");
    assert_eq!(body["thinking"]["type"], "enabled");
    assert!(body["system"][0]["text"].as_str().unwrap().contains("`json`"));
}

#[test]
fn any_json_object_is_asked_for_in_words_at_the_end() {
    let request = Request {
        output: Some(OutputFormat::JsonObject),
        ..asking(vec![text(Role::System, "be kind"), text(Role::User, "hi")])
    };
    let system = plain(&request)["system"].clone();
    assert_eq!(system[0]["text"], "be kind");
    assert!(system[1]["text"].as_str().unwrap().contains("JSON"));
}

/// wire-formats 4
#[test]
fn where_the_address_names_the_model_the_body_names_the_version() {
    let version = "vertex-2023-10-16";
    let quirks = Quirks { anthropic_version: Some(version.into()), ..Quirks::default() };
    let abilities = Abilities::default();
    let target = Target::new("claude@1", &quirks, &abilities);
    let request = Request { stream: true, ..hello() };
    let encoded = encode_request_with(&request, &target, &["a-1"]).unwrap();
    let sent: Value = serde_json::from_slice(&encoded.body).unwrap();
    assert_eq!((&sent["anthropic_version"], &sent["stream"]), (&json!(version), &json!(true)));
    assert!(sent.get("model").is_none());
    assert_eq!(encoded.headers, [("anthropic-beta", "a-1".to_owned())]);
    assert!(plain(&request).get("anthropic_version").is_none());
}
