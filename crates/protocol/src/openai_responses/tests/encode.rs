use serde_json::{Value, json};

use crate::exchange::{
    Block, BlockKind, Effort, OutputFormat, Reasoning, ReasoningBlock, ReasoningContent,
    ReasoningFormat, Request, Role, Tool, ToolKind, Turn,
};
use crate::openai_chat;
use crate::openai_responses::{decode_request, encode_request};
use crate::parameter::{Parameter, Parameters};
use crate::target::{Abilities, Encoded, Quirks, ReasoningStyle, Target};

fn reasons() -> Abilities {
    Abilities { reasoning: ReasoningStyle::Effort, ..Abilities::default() }
}

fn write_for(abilities: &Abilities, request: &Request) -> (Value, Vec<String>) {
    let quirks = Quirks::default();
    let encoded = encode_request(request, &Target::new("m", &quirks, abilities)).unwrap();
    parts(&encoded)
}

fn parts(encoded: &Encoded) -> (Value, Vec<String>) {
    let losses = encoded.losses.0.iter().map(|loss| loss.path.clone()).collect();
    (serde_json::from_slice(&encoded.body).unwrap(), losses)
}

fn thought(content: ReasoningContent, id: &str) -> Block {
    Block::new(BlockKind::Reasoning(ReasoningBlock {
        content,
        id: Some(id.into()),
        format: ReasoningFormat::OpenaiResponses,
    }))
}

fn encrypted(id: &str) -> Block {
    thought(ReasoningContent::Encrypted { data: format!("E-{id}") }, id)
}

fn call(id: &str) -> Block {
    Block::new(BlockKind::ToolCall { id: id.into(), name: "f".into(), arguments: String::new() })
}

fn said(blocks: Vec<Block>) -> Request {
    Request { turns: vec![Turn::new(Role::Assistant, blocks)], ..Request::default() }
}

fn kinds(body: &Value) -> Vec<&str> {
    body["input"].as_array().unwrap().iter().map(|item| item["type"].as_str().unwrap()).collect()
}

/// Bug 20
#[test]
fn reasoning_goes_back_with_its_proof_and_before_what_it_produced_or_not_at_all() {
    let summary = || thought(ReasoningContent::Summary { summary: "s".into() }, "rs_1");
    let (body, losses) =
        write_for(&reasons(), &said(vec![summary(), encrypted("rs_1"), call("c")]));
    assert_eq!(kinds(&body), ["reasoning", "function_call"]);
    assert_eq!(
        body["input"][0],
        json!({"type":"reasoning","id":"rs_1","summary":[{"type":"summary_text","text":"s"}],
            "encrypted_content":"E-rs_1"})
    );
    assert!(losses.is_empty(), "{losses:?}");
    // An id alone names what nobody kept.
    let (body, losses) = write_for(&reasons(), &said(vec![summary(), call("c")]));
    assert_eq!(kinds(&body), ["function_call"]);
    assert_eq!(losses, ["messages[0].reasoning_details"]);
    // Nothing follows.
    let (body, losses) = write_for(&reasons(), &said(vec![call("c"), encrypted("rs_2")]));
    assert_eq!(kinds(&body), ["function_call"]);
    assert_eq!(losses.len(), 1);
    // Items are not mixed up.
    let (body, _) = write_for(
        &reasons(),
        &said(vec![encrypted("rs_1"), encrypted("rs_2"), Block::text("t"), call("c")]),
    );
    assert_eq!(kinds(&body), ["reasoning", "reasoning", "message", "function_call"]);
    // A model that does not reason refuses it.
    let (body, losses) =
        write_for(&Abilities::default(), &said(vec![encrypted("rs_1"), call("c")]));
    assert_eq!(kinds(&body), ["function_call"]);
    assert_eq!(losses.len(), 1);
}

/// Bug 19
#[test]
fn reasoning_of_another_service_is_not_sent() {
    for format in
        [ReasoningFormat::Anthropic, ReasoningFormat::Gemini, ReasoningFormat::Other("x".into())]
    {
        let block = Block::new(BlockKind::Reasoning(ReasoningBlock {
            content: ReasoningContent::Encrypted { data: "E".into() },
            id: None,
            format,
        }));
        let (body, losses) = write_for(&reasons(), &said(vec![block, call("c")]));
        assert_eq!(kinds(&body), ["function_call"]);
        assert_eq!(losses.len(), 1);
    }
}

/// REASON-11: through the chat dialect and back, nothing of the proof is lost.
#[test]
fn reasoning_survives_the_chat_dialect() {
    let blocks = vec![
        thought(ReasoningContent::Summary { summary: "a".into() }, "rs_1"),
        thought(ReasoningContent::Summary { summary: "b".into() }, "rs_1"),
        encrypted("rs_1"),
        call("c"),
    ];
    let quirks = Quirks {
        reasoning_replay: crate::target::ReasoningReplay::ReasoningDetails,
        ..Quirks::default()
    };
    let abilities = Abilities::default();
    let target = Target::new("m", &quirks, &abilities);
    let chat = openai_chat::encode_request(&said(blocks.clone()), &target).unwrap();
    let request = openai_chat::decode_request(&chat.body).unwrap();
    assert_eq!(request.turns[0].blocks[..3], blocks[..3]);
    let (body, _) = write_for(&reasons(), &request);
    assert_eq!(
        body["input"][0],
        json!({"type":"reasoning","id":"rs_1","summary":[{"type":"summary_text","text":"a"},
            {"type":"summary_text","text":"b"}],"encrypted_content":"E-rs_1"})
    );
}

/// wire-formats 9.2
#[test]
fn nothing_is_stored_and_only_models_that_reason_are_asked_for_their_reasoning() {
    let request = Request {
        turns: vec![Turn::new(Role::User, vec![Block::text("x")])],
        reasoning: Some(Reasoning { effort: Some(Effort::Max), ..Reasoning::default() }),
        ..Request::default()
    };
    let (body, _) = write_for(&Abilities::default(), &request);
    assert_eq!(body["store"], false);
    assert_eq!(body.get("include"), None);
    assert_eq!(body.get("reasoning"), None);
    let abilities = Abilities { efforts: vec![Effort::Low, Effort::High], ..reasons() };
    let (body, _) = write_for(&abilities, &request);
    assert_eq!(body["include"], json!(["reasoning.encrypted_content"]));
    assert_eq!(body["reasoning"], json!({"effort":"high"}));
    let off = Request {
        reasoning: Some(Reasoning { enabled: Some(false), ..Reasoning::default() }),
        ..request
    };
    let mandatory = Abilities { reasoning_mandatory: true, ..reasons() };
    let quirks = Quirks::default();
    let fault = encode_request(&off, &Target::new("m", &quirks, &mandatory)).unwrap_err();
    assert_eq!(fault.status, 400);
}

#[test]
fn json_is_asked_for_with_the_word_that_the_provider_looks_for() {
    let request = |text: &str| Request {
        turns: vec![
            Turn::new(Role::System, vec![Block::text("Answer in JSON.")]),
            Turn::new(Role::User, vec![Block::text(text)]),
        ],
        output: Some(OutputFormat::JsonObject),
        ..Request::default()
    };
    // Instructions are not searched for it, so that the turn stays among the items.
    let (body, _) = write_for(&Abilities::default(), &request("x"));
    assert_eq!(body.get("instructions"), None);
    assert_eq!(body["input"].as_array().unwrap().len(), 2);
    let mut silent = request("x");
    silent.turns.remove(0);
    let (body, _) = write_for(&Abilities::default(), &silent);
    assert!(body["input"][0]["content"].as_str().unwrap().contains("JSON"));
    silent.turns[0].blocks = vec![Block::text("as json")];
    let (body, _) = write_for(&Abilities::default(), &silent);
    assert_eq!(body["input"].as_array().unwrap().len(), 1);
}

/// CHAT-4
#[test]
fn what_the_endpoint_does_not_support_is_left_out_and_told() {
    let request = openai_chat::decode_request(
        br#"{"messages":[{"role":"user","content":"x"}],"temperature":1,"top_p":0.5,"top_k":3,
            "max_tokens":5,"seed":1,"stop":"y","verbosity":"low","provider":{},"logprobs":true,
            "response_format":{"type":"json_object"},"n":2,"odd":1}"#,
    )
    .unwrap();
    let (quirks, abilities) = (Quirks::default(), Abilities::default());
    let parameters: Parameters = [Parameter::MaxTokens, Parameter::TopK].into_iter().collect();
    let target = Target { parameters, ..Target::new("m", &quirks, &abilities) };
    let (body, losses) = parts(&encode_request(&request, &target).unwrap());
    assert_eq!(body["max_output_tokens"], 16);
    assert_eq!(body["top_k"], 3);
    for name in ["temperature", "top_p", "text", "seed", "stop", "include", "odd", "n"] {
        assert_eq!(body.get(name), None, "{name}");
    }
    for name in [
        "temperature",
        "top_p",
        "response_format",
        "verbosity",
        "seed",
        "stop",
        "n",
        "odd",
        "logprobs",
        "max_tokens",
    ] {
        assert!(losses.iter().any(|loss| loss == name), "{name}: {losses:?}");
    }
    assert!(!losses.iter().any(|loss| loss == "provider"), "{losses:?}");
}

/// Bug 28, and the default of `strict`, which is another here.
#[test]
fn tools_are_flat_with_plain_names_and_never_strict_by_accident() {
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
            extras: Default::default(),
        }],
        ..Request::default()
    };
    let (quirks, abilities) = (Quirks::default(), Abilities::default());
    let encoded = encode_request(&request, &Target::new("m", &quirks, &abilities)).unwrap();
    let (body, _) = parts(&encoded);
    assert_eq!(
        body["tools"],
        json!([{"type":"function","name":"a_b","parameters":{"type":"object","properties":{}},"strict":false}])
    );
    assert_eq!(encoded.context.declared_name("a_b"), "a.b");
}

/// CHAT-9
#[test]
fn tools_are_told_in_words_where_none_are_taken() {
    let request = decode_request(
        br#"{"input":[{"role":"user","content":"q"},{"type":"function_call","call_id":"c","name":"f","arguments":"{}"},
            {"type":"function_call_output","call_id":"c","output":"r"}],"tools":[{"type":"function","name":"f"}]}"#,
    )
    .unwrap();
    let abilities = Abilities { tools: false, ..Abilities::default() };
    let (body, losses) = write_for(&abilities, &request);
    assert_eq!(body.get("tools"), None);
    assert_eq!(kinds(&body), ["message"; 3]);
    assert!(body["instructions"].as_str().unwrap().contains("- name: \"f\""));
    assert!(losses.contains(&"tools".to_owned()));
}

/// Bug 14
#[test]
fn texts_that_say_nothing_are_left_out() {
    let (body, _) = write_for(&reasons(), &said(vec![Block::text(""), call("c")]));
    assert_eq!(kinds(&body), ["function_call"]);
    assert_eq!(body["input"][0]["arguments"], "{}");
}

/// The vendor refuses both as unknown, whatever the catalogue says of the model.
#[test]
fn penalties_are_never_sent_and_told() {
    let request = openai_chat::decode_request(
        br#"{"messages":[{"role":"user","content":"x"}],"frequency_penalty":0.5,
            "presence_penalty":-0.5,"repetition_penalty":1.1}"#,
    )
    .unwrap();
    let (quirks, abilities) = (Quirks::default(), Abilities::default());
    assert!(abilities.penalties);
    let parameters: Parameters =
        [Parameter::FrequencyPenalty, Parameter::PresencePenalty].into_iter().collect();
    for parameters in [parameters, Parameters::NONE] {
        let target = Target { parameters, ..Target::new("m", &quirks, &abilities) };
        let (body, losses) = parts(&encode_request(&request, &target).unwrap());
        for name in ["frequency_penalty", "presence_penalty", "repetition_penalty"] {
            assert_eq!(body.get(name), None, "{name}");
            assert!(losses.iter().any(|loss| loss == name), "{name}: {losses:?}");
        }
    }
}

/// REASON-4
#[test]
fn thoughts_that_were_asked_for_are_asked_of_the_provider() {
    let gemini = |thoughts: bool| {
        let body = json!({"contents": [{"parts": [{"text": "x"}]}], "generationConfig":
            {"thinkingConfig": {"includeThoughts": thoughts, "thinkingLevel": "LOW"}}});
        crate::gemini::decode_request(body.to_string().as_bytes(), "m", false).unwrap()
    };
    let messages = |display: &str| {
        let body = json!({"max_tokens": 9000, "messages": [{"role": "user", "content": "x"}],
            "thinking": {"type": "adaptive", "display": display}});
        crate::anthropic::decode_request(body.to_string().as_bytes()).unwrap()
    };
    for (request, summary) in [
        (gemini(true), Some("auto")),
        (gemini(false), None),
        (messages("summarized"), Some("auto")),
        (messages("omitted"), None),
    ] {
        let (body, _) = write_for(&reasons(), &request);
        assert_eq!(body["reasoning"]["summary"].as_str(), summary, "{body}");
        let (body, _) = write_for(&Abilities::default(), &request);
        assert!(body.get("reasoning").is_none(), "{body}");
    }
}
