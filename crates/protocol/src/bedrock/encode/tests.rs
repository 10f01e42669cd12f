use serde_json::{Value, json};

use super::*;
use crate::exchange::Losses;
use crate::target::{Abilities, Quirks, ReasoningStyle, Tier};
use crate::{anthropic, openai_chat};

const CLAUDE: &str = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";
const NOVA: &str = "us.amazon.nova-2-lite-v1:0";
const LLAMA: &str = "meta.llama3-3-70b-instruct-v1:0";

fn chat(body: Value) -> Request {
    openai_chat::decode_request(body.to_string().as_bytes()).unwrap()
}

fn written(request: &Request, model: &str, abilities: &Abilities) -> (Value, Encoded) {
    let quirks = Quirks::default();
    let encoded = encode_request(request, &Target::new(model, &quirks, abilities)).unwrap();
    (serde_json::from_slice(&encoded.body).unwrap(), encoded)
}

fn plain(request: Value, model: &str) -> Value {
    written(&chat(request), model, &Abilities::default()).0
}

fn lost(losses: &Losses, path: &str) -> bool {
    losses.0.iter().any(|loss| loss.path == path)
}

fn tool(name: &str) -> Value {
    json!({"type": "function", "function": {"name": name, "parameters": {
        "type": "object", "properties": {"a": {"type": "string"}}}}})
}

fn call(id: &str, name: &str) -> Value {
    json!({"id": id, "type": "function", "function": {"name": name, "arguments": "{\"a\":\"x\"}"}})
}

fn result(id: &str) -> Value {
    json!({"role": "tool", "tool_call_id": id, "content": "done"})
}

#[test]
fn a_request_has_its_parts_where_the_service_wants_them() {
    let body = plain(
        json!({
            "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": "Hi"},
                {"role": "user", "content": "there"},
            ],
            "max_tokens": 9, "temperature": 1.5, "top_p": 0.5, "top_k": 4,
            "stop": ["END", " "], "seed": 3, "stream": true,
            "guardrailConfig": {"guardrailIdentifier": "g"}, "unheard_of": 1,
        }),
        CLAUDE,
    );
    assert_eq!(
        body,
        json!({
            "system": [{"text": "Be brief."}],
            "messages": [{"role": "user", "content": [{"text": "Hi"}, {"text": "there"}]}],
            "inferenceConfig":
                {"maxTokens": 9, "temperature": 1.0, "topP": 0.5, "stopSequences": ["END"]},
            "additionalModelRequestFields": {"top_k": 4},
            "guardrailConfig": {"guardrailIdentifier": "g"},
        })
    );
    let nova = plain(json!({"messages": [{"role": "user", "content": "Hi"}], "top_k": 4}), NOVA);
    assert_eq!(
        nova["additionalModelRequestFields"],
        json!({"inferenceConfig": {"topK": 4}}),
        "each maker has its own word"
    );
    let llama = plain(json!({"messages": [{"role": "user", "content": "Hi"}], "top_k": 4}), LLAMA);
    assert_eq!(llama.get("additionalModelRequestFields"), None, "unknown keys are refused");
}

/// Bug 1
#[test]
fn all_results_of_a_turn_stand_first_in_one_message() {
    let request = json!({
        "messages": [
            {"role": "user", "content": "Do both"},
            {"role": "assistant", "content": "", "tool_calls": [call("c1", "f"), call("c2", "g")]},
            result("c1"),
            result("c2"),
            {"role": "user", "content": "And?"},
        ],
        "tools": [tool("f"), tool("g")],
    });
    let body = plain(request.clone(), CLAUDE);
    let results = body["messages"][2]["content"].as_array().unwrap();
    assert_eq!(body["messages"].as_array().unwrap().len(), 3);
    assert_eq!(results[0]["toolResult"]["toolUseId"], "c1");
    assert_eq!(results[1]["toolResult"]["content"], json!([{"text": "done"}]));
    assert_eq!(results[2], json!({"text": "And?"}));

    let apart = plain(request, LLAMA);
    let roles: Vec<&str> = apart["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|message| message["role"].as_str().unwrap())
        .collect();
    assert_eq!(roles, ["user", "assistant", "user", "assistant", "user"]);
    assert_eq!(apart["messages"][3]["content"], json!([{"text": "."}]));
}

/// Bugs 5, 28
#[test]
fn calls_in_the_conversation_bring_their_tools_along() {
    let request = json!({
        "messages": [
            {"role": "user", "content": "Do it"},
            {"role": "assistant", "content": null, "tool_calls": [call("c1", "server.tool")]},
            result("c1"),
        ],
        "tool_choice": "none",
    });
    let (body, encoded) = written(&chat(request.clone()), CLAUDE, &Abilities::default());
    assert_eq!(body["toolConfig"]["tools"][0]["toolSpec"]["name"], "server_tool");
    assert_eq!(body["toolConfig"].get("toolChoice"), None);
    assert_eq!(body["additionalModelRequestFields"]["tool_choice"], json!({"type": "none"}));
    assert_eq!(encoded.context.declared_name("server_tool"), "server.tool");
    let (body, encoded) = written(&chat(request), LLAMA, &Abilities::default());
    assert_eq!(body["toolConfig"]["tools"].as_array().unwrap().len(), 1);
    assert!(lost(&encoded.losses, "tool_choice"));
}

#[test]
fn the_choice_among_tools_has_the_service_s_forms() {
    let asked = |choice: Value, parallel: bool, model: &str| {
        plain(
            json!({
                "messages": [{"role": "user", "content": "Hi"}], "tools": [tool("f"), tool("g")],
                "tool_choice": choice, "parallel_tool_calls": parallel,
            }),
            model,
        )
    };
    let named = json!({"type": "function", "function": {"name": "g"}});
    assert_eq!(asked(json!("auto"), true, NOVA)["toolConfig"]["toolChoice"], json!({"auto": {}}));
    assert_eq!(
        asked(json!("required"), true, NOVA)["toolConfig"]["toolChoice"],
        json!({"any": {}})
    );
    assert_eq!(
        asked(named.clone(), true, CLAUDE)["toolConfig"]["toolChoice"],
        json!({"tool": {"name": "g"}})
    );
    assert_eq!(asked(json!("none"), true, NOVA).get("toolConfig"), None);
    let single = asked(named, false, CLAUDE);
    assert_eq!(single["toolConfig"].get("toolChoice"), None);
    assert_eq!(
        single["additionalModelRequestFields"]["tool_choice"],
        json!({"type": "tool", "name": "g", "disable_parallel_tool_use": true})
    );
}

/// Bugs 13, 18
#[test]
fn a_schema_is_native_or_a_tool_that_nobody_sees() {
    let request = chat(json!({
        "messages": [{"role": "user", "content": "Who?"}],
        "response_format": {"type": "json_schema", "json_schema": {"name": "person", "schema":
            {"type": "object", "properties": {"n": {"type": "integer", "minimum": 1}},
             "required": ["n"], "additionalProperties": false}}},
    }));
    let (body, encoded) = written(&request, CLAUDE, &Abilities::default());
    let format = &body["outputConfig"]["textFormat"];
    assert_eq!(format["type"], "json_schema");
    assert_eq!(format["structure"]["jsonSchema"]["name"], "person");
    let schema: Value =
        serde_json::from_str(format["structure"]["jsonSchema"]["schema"].as_str().unwrap())
            .unwrap();
    assert_eq!(
        schema["properties"]["n"],
        json!({"type": "integer", "description": "(minimum: 1)"})
    );
    assert_eq!(encoded.context.emulated_output_tool, None);

    let old = Abilities { structured_output: false, ..Abilities::default() };
    let (body, encoded) = written(&request, LLAMA, &old);
    assert_eq!(encoded.context.emulated_output_tool.as_deref(), Some("json"));
    assert_eq!(body["toolConfig"]["toolChoice"], json!({"tool": {"name": "json"}}));
    assert_eq!(
        body["toolConfig"]["tools"][0]["toolSpec"]["inputSchema"]["json"]["properties"]["n"],
        json!({"type": "integer", "minimum": 1}),
    );
    let unforced = Abilities { forced_tool_choice: false, ..old };
    let (body, _) = written(&request, LLAMA, &unforced);
    assert_eq!(body["toolConfig"]["toolChoice"], json!({"auto": {}}));
    assert!(body["system"][0]["text"].as_str().unwrap().contains("`json`"));
}

/// Bugs 18, 19
#[test]
fn claude_reasons_in_its_own_words_and_gets_back_only_what_it_signed() {
    let abilities = Abilities {
        reasoning: ReasoningStyle::Budget,
        max_output_tokens: Some(64_000),
        ..Abilities::default()
    };
    let detail = |format: &str, more: Value| {
        let mut detail = json!({"type": "reasoning.text", "text": "hm", "format": format});
        for (name, value) in more.as_object().unwrap() {
            detail[name] = value.clone();
        }
        detail
    };
    let signed = detail("anthropic-claude-v1", json!({"signature": "c2ln"}));
    let redacted = json!({"type": "reasoning.encrypted", "data": "ZGF0YQ==",
        "format": "anthropic-claude-v1"});
    let conversation = |details: Vec<Value>| {
        chat(json!({
            "messages": [
                {"role": "user", "content": "Do it"},
                {"role": "assistant", "content": "", "tool_calls": [call("c1", "f")],
                 "reasoning_details": details},
                result("c1"),
            ],
            "tools": [tool("f")], "tool_choice": "required", "max_tokens": 4000, "top_k": 3,
            "reasoning": {"max_tokens": 2000}, "temperature": 0.5,
        }))
    };
    let (body, encoded) = written(&conversation(vec![signed, redacted]), CLAUDE, &abilities);
    assert_eq!(
        body["messages"][1]["content"][0],
        json!({"reasoningContent": {"reasoningText": {"text": "hm", "signature": "c2ln"}}})
    );
    assert_eq!(
        body["messages"][1]["content"][1],
        json!({"reasoningContent": {"redactedContent": "ZGF0YQ=="}})
    );
    assert_eq!(
        body["additionalModelRequestFields"],
        json!({"thinking": {"type": "enabled", "budget_tokens": 2000}})
    );
    assert_eq!(body["inferenceConfig"], json!({"maxTokens": 4000}));
    assert_eq!(body["toolConfig"]["toolChoice"], json!({"auto": {}}));
    assert!(lost(&encoded.losses, "temperature") && lost(&encoded.losses, "tool_choice"));

    let foreign = vec![
        detail("anthropic-claude-v1", json!({})),
        detail("google-gemini-v1", json!({"signature": "c2ln"})),
        json!({"type": "reasoning.encrypted", "data": "no base64!",
            "format": "anthropic-claude-v1"}),
    ];
    let (body, encoded) = written(&conversation(foreign), CLAUDE, &abilities);
    assert_eq!(body["messages"][1]["content"].as_array().unwrap().len(), 1);
    assert!(lost(&encoded.losses, "reasoning"), "a budget is refused in this place");
    assert_eq!(body.get("additionalModelRequestFields"), Some(&json!({"top_k": 3})));
}

#[test]
fn every_maker_has_its_own_word_for_an_effort() {
    let field = |model: &str, effort: &str| {
        let abilities = Abilities {
            reasoning: ReasoningStyle::Effort,
            reasoning_default_on: true,
            ..Abilities::default()
        };
        let request = chat(json!({
            "messages": [{"role": "user", "content": "Hi"}], "reasoning": {"effort": effort}}));
        written(&request, model, &abilities).0["additionalModelRequestFields"].clone()
    };
    for (model, effort, expected) in [
        (
            NOVA,
            "xhigh",
            json!({"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "high"}}),
        ),
        (NOVA, "none", json!({"reasoningConfig": {"type": "disabled"}})),
        ("openai.gpt-oss-20b-1:0", "minimal", json!({"reasoning_effort": "low"})),
        ("openai.gpt-5.6", "high", json!({"reasoning": {"effort": "high"}})),
        ("xai.grok-4.6", "low", json!({"reasoning": {"effort": "low"}})),
        ("qwen.qwen3-32b-v1:0", "none", json!({"reasoning_config": "none"})),
        ("deepseek.v3-v1:0", "high", json!({"reasoning_effort": "high"})),
        (CLAUDE, "high", json!({"output_config": {"effort": "high"}})),
    ] {
        assert_eq!(field(model, effort), expected, "{model} {effort}");
    }
}

/// Bug 27
#[test]
fn cache_points_stand_behind_what_is_marked_and_only_where_they_are_understood() {
    let request = anthropic::decode_request(
        json!({
            "model": "m", "max_tokens": 9,
            "system": [{"type": "text", "text": "S", "cache_control": {"type": "ephemeral"}}],
            "tools": [{"name": "f", "input_schema": {"type": "object"},
                "cache_control": {"type": "ephemeral"}}],
            "messages": [
                {"role": "user", "content": [
                    {"type": "text", "text": "A", "cache_control": {"type": "ephemeral"}},
                    {"type": "document", "source":
                        {"type": "base64", "media_type": "application/pdf", "data": "JVBERg=="},
                     "cache_control": {"type": "ephemeral", "ttl": "1h"}},
                    {"type": "text", "text": "B", "cache_control": {"type": "ephemeral"}},
                ]},
            ],
        })
        .to_string()
        .as_bytes(),
    )
    .unwrap();
    let (body, encoded) = written(&request, CLAUDE, &Abilities::default());
    let hour = json!({"cachePoint": {"type": "default", "ttl": "1h"}});
    assert_eq!(body["system"], json!([{"text": "S"}, hour]), "raised to what follows");
    assert_eq!(body["toolConfig"]["tools"][1], hour);
    let content = body["messages"][0]["content"].as_array().unwrap();
    assert_eq!(content[0], json!({"text": "A"}), "the oldest mark of the messages is dropped");
    assert_eq!(content[1]["document"]["name"], "document-1");
    assert_eq!(content[2], hour);
    assert_eq!(content[4], json!({"cachePoint": {"type": "default"}}));
    assert!(lost(&encoded.losses, "cache_control"));

    let (body, _) = written(&request, NOVA, &Abilities::default());
    let point = json!({"cachePoint": {"type": "default"}});
    assert_eq!(body["toolConfig"]["tools"].as_array().unwrap().len(), 1);
    assert_eq!(body["system"][1], point);
    let content = body["messages"][0]["content"].as_array().unwrap();
    assert_eq!((&content[1], &content[4]), (&point, &point));
    assert!(content[2].get("document").is_some() && content.len() == 5, "none behind a document");

    let (body, encoded) = written(&request, LLAMA, &Abilities::default());
    assert!(!body.to_string().contains("cachePoint"));
    assert!(lost(&encoded.losses, "cache_control"));
}

#[test]
fn media_are_bytes_in_known_formats() {
    let user = |part: Value| json!({"messages": [{"role": "user", "content": [part]}]});
    let image = |url: &str| user(json!({"type": "image_url", "image_url": {"url": url}}));
    assert_eq!(
        plain(image("data:image/jpg;base64,eA=="), CLAUDE)["messages"][0]["content"][0],
        json!({"image": {"format": "jpeg", "source": {"bytes": "eA=="}}})
    );
    assert_eq!(
        plain(image("s3://bucket/a.png"), NOVA)["messages"][0]["content"][0],
        json!({"image": {"format": "png", "source": {"s3Location": {"uri": "s3://bucket/a.png"}}}})
    );
    let file = |name: &str, data: &str| {
        user(json!({"type": "file", "file": {"filename": name, "file_data": data}}))
    };
    let body = plain(file("My plan.pdf", "data:application/pdf;base64,JVBERg=="), CLAUDE);
    assert_eq!(
        body["messages"][0]["content"],
        json!([
            {"document": {"format": "pdf", "name": "document-1", "source": {"bytes": "JVBERg=="}}},
            {"text": "(See the attached file.)"},
        ])
    );
    let refused = |body: Value| {
        let (quirks, abilities) = (Quirks::default(), Abilities::default());
        encode_request(&chat(body), &Target::new(CLAUDE, &quirks, &abilities)).unwrap_err().message
    };
    assert!(refused(image("https://a/b.png")).contains("messages[0].content[0]"));
    assert!(refused(image("data:image/tiff;base64,eA==")).contains("image/tiff"));
    assert!(refused(file("a.zip", "data:application/zip;base64,eA==")).contains("application/zip"));
}

#[test]
fn documents_stand_apart_from_results_and_results_may_show_images() {
    let request = anthropic::decode_request(
        json!({
            "model": "m", "max_tokens": 9, "tools": [{"name": "f", "input_schema": {}}],
            "messages": [
                {"role": "user", "content": "Go"},
                {"role": "assistant", "content": [
                    {"type": "tool_use", "id": "t1", "name": "f", "input": {}},
                    {"type": "tool_use", "id": "t2", "name": "f", "input": {}}]},
                {"role": "user", "content": [
                    {"type": "tool_result", "tool_use_id": "t1", "is_error": true, "content": [
                        {"type": "text", "text": " "},
                        {"type": "image", "source":
                            {"type": "base64", "media_type": "image/png", "data": "eA=="}}]},
                    {"type": "tool_result", "tool_use_id": "t2"},
                    {"type": "document", "source":
                        {"type": "text", "media_type": "text/plain", "data": "hi"}}]},
            ],
        })
        .to_string()
        .as_bytes(),
    )
    .unwrap();
    let (body, _) = written(&request, CLAUDE, &Abilities::default());
    let messages = body["messages"].as_array().unwrap();
    assert_eq!(
        messages[2]["content"][0]["toolResult"],
        json!({"toolUseId": "t1", "status": "error",
            "content": [{"image": {"format": "png", "source": {"bytes": "eA=="}}}]})
    );
    assert_eq!(
        messages[2]["content"][1]["toolResult"]["content"],
        json!([{"text": "(no content)"}])
    );
    assert_eq!(messages[3], json!({"role": "assistant", "content": [{"text": "."}]}));
    assert_eq!(messages[4]["content"][0]["document"]["source"], json!({"bytes": "aGk="}));
}

/// Bugs 6, 14
#[test]
fn blank_texts_go_and_ids_have_the_length_the_model_wants() {
    let long = "call_".to_owned() + &"x".repeat(80);
    let request = json!({
        "messages": [
            {"role": "user", "content": " "},
            {"role": "user", "content": "Do"},
            {"role": "assistant", "content": "\n", "tool_calls": [call(&long, "f")]},
            result(&long),
            {"role": "assistant", "content": "So \n"},
        ],
        "tools": [tool("f")],
    });
    let body = plain(request.clone(), CLAUDE);
    let messages = body["messages"].as_array().unwrap();
    assert_eq!(messages[0]["content"], json!([{"text": "Do"}]));
    assert_eq!(messages[1]["content"].as_array().unwrap().len(), 1);
    let id = messages[1]["content"][0]["toolUse"]["toolUseId"].as_str().unwrap();
    assert!(id.len() <= 64 && messages[2]["content"][0]["toolResult"]["toolUseId"] == id);
    assert_eq!(messages[3]["content"], json!([{"text": "So"}]));
    let body = plain(request, "mistral.mistral-large-2402-v1:0");
    let id = body["messages"][1]["content"][0]["toolUse"]["toolUseId"].as_str().unwrap();
    assert!(id.len() == 9 && id.bytes().all(|byte| byte.is_ascii_alphanumeric()));
}

#[test]
fn a_conversation_begins_with_the_user_where_it_must() {
    let request = json!({"messages": [
        {"role": "assistant", "content": "Hello"}, {"role": "user", "content": "Hi"}]});
    assert_eq!(plain(request.clone(), CLAUDE)["messages"][0]["role"], "assistant");
    assert_eq!(plain(request, LLAMA)["messages"][0]["role"], "user");
    let ends = json!({"messages": [
        {"role": "user", "content": "Hi"}, {"role": "assistant", "content": "I am"}]});
    let no_prefill = Abilities { prefill: false, ..Abilities::default() };
    let (body, _) = written(&chat(ends), CLAUDE, &no_prefill);
    assert_eq!(body["messages"][2]["content"], json!([{"text": CONTINUE}]));
    let silent = json!({"messages": [{"role": "user", "content": " "}]});
    let (quirks, abilities) = (Quirks::default(), Abilities::default());
    let fault = encode_request(&chat(silent), &Target::new(CLAUDE, &quirks, &abilities));
    assert_eq!(fault.unwrap_err().status, 400);
}

/// Bug 24
#[test]
fn parameters_the_model_refuses_are_left_out() {
    let request = chat(json!({
        "messages": [{"role": "user", "content": "Hi"}],
        "temperature": 0.5, "top_p": 0.9, "seed": 1, "user": "u", "n": 2, "max_tokens": 100_000}));
    let newer =
        Abilities { sampling: false, max_output_tokens: Some(64_000), ..Abilities::default() };
    let (body, encoded) = written(&request, NOVA, &newer);
    assert_eq!(body["inferenceConfig"], json!({"maxTokens": 64_000}));
    for path in ["temperature", "top_p", "seed", "user", "n", "max_tokens"] {
        assert!(lost(&encoded.losses, path), "{path}");
    }
    let either = Abilities { temperature_with_top_p: false, ..Abilities::default() };
    let (body, encoded) = written(&request, CLAUDE, &either);
    assert_eq!(body["inferenceConfig"].get("topP"), None);
    assert!(lost(&encoded.losses, "top_p"));
}

/// TIER-2
#[test]
fn the_tier_is_that_of_the_endpoint() {
    let (quirks, abilities) = (Quirks::default(), Abilities::default());
    for (asked, tier, expected) in [
        (None, Some(Tier::Flex), json!({"type": "flex"})),
        (Some("priority"), None, json!({"type": "priority"})),
        (Some("standard"), Some(Tier::Default), json!({"type": "default"})),
        (Some("auto"), Some(Tier::Default), Value::Null),
        (Some("priority"), Some(Tier::Default), Value::Null),
        (Some("unheard-of"), None, Value::Null),
    ] {
        let mut body = json!({"messages": [{"role": "user", "content": "Hi"}]});
        if let Some(asked) = asked {
            body["service_tier"] = asked.into();
        }
        let target = Target { tier, ..Target::new(CLAUDE, &quirks, &abilities) };
        let encoded = encode_request(&chat(body), &target).unwrap();
        let body: Value = serde_json::from_slice(&encoded.body).unwrap();
        assert_eq!(
            body.get("serviceTier").unwrap_or(&Value::Null),
            &expected,
            "{asked:?} {tier:?}"
        );
    }
}

/// CHAT-9
#[test]
fn tools_are_told_in_words_where_the_model_takes_none() {
    let request = chat(json!({
        "messages": [{"role": "user", "content": "Hi"}], "tools": [tool("f")]}));
    let none = Abilities { tools: false, system_prompt: false, ..Abilities::default() };
    let (body, encoded) = written(&request, LLAMA, &none);
    assert!(body.get("toolConfig").is_none() && body.get("system").is_none());
    assert!(body["messages"][0]["content"][0]["text"].as_str().unwrap().contains("\"f\""));
    assert!(lost(&encoded.losses, "tools"));
}
