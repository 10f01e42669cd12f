//! What a Gemini endpoint gets, row by row of wire-formats 3.1 and 3.2.

use serde_json::{Value, json};

use super::encode_request;
use crate::Dialect;
use crate::exchange::{
    Block, BlockKind, ErrorType, Extras, MediaSource, OutputFormat, Reasoning, ReasoningBlock,
    ReasoningContent, ReasoningFormat, Request, Role, Sampling, Tool, ToolChoice, ToolKind, Turn,
};
use crate::json::RawJson;
use crate::target::{Abilities, Encoded, Quirks, ReasoningStyle, Target};

fn raw(value: Value) -> RawJson {
    RawJson::of(&value).unwrap()
}

fn encoded(request: &Request, abilities: &Abilities, quirks: &Quirks) -> (Value, Encoded) {
    let target = Target::new("gemini", quirks, abilities);
    let encoded = encode_request(request, &target).unwrap();
    (serde_json::from_slice(&encoded.body).unwrap(), encoded)
}

fn body(request: &Request) -> Value {
    encoded(request, &Abilities::default(), &Quirks::default()).0
}

fn say(role: Role, text: &str) -> Turn {
    Turn::new(role, vec![Block::text(text)])
}

fn call(id: &str, name: &str, arguments: &str) -> Block {
    Block::new(BlockKind::ToolCall {
        id: id.into(),
        name: name.into(),
        arguments: arguments.into(),
    })
}

fn result(call_id: &str, content: Vec<Block>) -> Turn {
    Turn::new(
        Role::Tool,
        vec![Block::new(BlockKind::ToolResult {
            call_id: call_id.into(),
            name: None,
            content,
            is_error: false,
        })],
    )
}

fn signature(id: Option<&str>, format: ReasoningFormat, data: &str) -> Block {
    Block::new(BlockKind::Reasoning(ReasoningBlock {
        content: ReasoningContent::Encrypted { data: data.into() },
        id: id.map(str::to_owned),
        format,
    }))
}

fn tool(name: &str) -> Tool {
    Tool {
        kind: ToolKind::Function {
            name: name.into(),
            description: Some("d".into()),
            parameters: Some(raw(json!({"type":"object","properties":{"a":{"type":"string"}}}))),
            strict: None,
        },
        cache: None,
        extras: Extras::default(),
    }
}

fn asking(turns: Vec<Turn>) -> Request {
    Request { turns, ..Request::default() }
}

#[test]
fn system_turns_are_the_system_instruction_and_later_ones_are_folded_into_it() {
    let request = asking(vec![
        say(Role::System, "a"),
        say(Role::Developer, "b"),
        say(Role::User, "hi"),
        say(Role::Assistant, ""),
        say(Role::System, "c"),
        say(Role::User, "again"),
    ]);
    let (body, encoded) = encoded(&request, &Abilities::default(), &Quirks::default());
    assert_eq!(
        body,
        json!({
            "systemInstruction":{"parts":[{"text":"a"},{"text":"b"},{"text":"c"}]},
            "contents":[{"role":"user","parts":[{"text":"hi"},{"text":"again"}]}]
        }),
        "an empty assistant turn leaves no part"
    );
    assert_eq!(encoded.losses.0[0].path, "messages[4]");
}

#[test]
fn without_a_place_of_its_own_the_system_prompt_stands_before_the_first_user() {
    let abilities = Abilities { system_prompt: false, ..Abilities::default() };
    let request = asking(vec![say(Role::System, "be kind"), say(Role::User, "hi")]);
    let (body, _) = encoded(&request, &abilities, &Quirks::default());
    assert_eq!(
        body,
        json!({"contents":[{"role":"user","parts":[{"text":"be kind"},{"text":"hi"}]}]})
    );
}

#[test]
fn a_history_begins_with_the_user_and_no_part_is_empty() {
    let request = asking(vec![say(Role::Assistant, "hello"), say(Role::User, "")]);
    let contents = body(&request)["contents"].clone();
    let opening = "(The conversation begins with the assistant.)";
    assert_eq!(contents[0], json!({"role":"user","parts":[{"text":opening}]}));
    assert_eq!(contents[1]["role"], "model");
    assert_eq!(contents[2], json!({"role":"user","parts":[{"text":" "}]}));
    let body = body(&asking(vec![say(Role::System, "be kind")]));
    assert_eq!(body, json!({"contents":[{"role":"user","parts":[{"text":"be kind"}]}]}));
}

/// CHAT-7
#[test]
fn a_name_stands_before_what_is_said() {
    let mut turn = say(Role::User, "hi");
    turn.name = Some("Ann".into());
    assert_eq!(body(&asking(vec![turn]))["contents"][0]["parts"][0]["text"], "Ann: hi");
}

#[test]
fn results_of_one_turn_share_a_content_and_user_text_stays_apart() {
    let request = asking(vec![
        say(Role::User, "go"),
        Turn::new(
            Role::Assistant,
            vec![Block::text("ok"), call("1", "f", r#"{"x":1.50}"#), call("2", "g.h", "")],
        ),
        result("2", vec![Block::text(r#"{"y":2}"#)]),
        result("1", vec![Block::text("sunny")]),
        say(Role::User, "thanks"),
    ]);
    let (body, encoded) = encoded(&request, &Abilities::default(), &Quirks::default());
    assert_eq!(
        body["contents"],
        json!([
            {"role":"user","parts":[{"text":"go"}]},
            {"role":"model","parts":[{"text":"ok"},
                {"functionCall":{"id":"1","name":"f","args":{"x":1.50}}},
                {"functionCall":{"id":"2","name":"g_h","args":{}}}]},
            {"role":"user","parts":[
                {"functionResponse":{"id":"2","name":"g_h","response":{"y":2}}},
                {"functionResponse":{"id":"1","name":"f","response":{"result":"sunny"}}}]},
            {"role":"user","parts":[{"text":"thanks"}]}
        ])
    );
    assert!(String::from_utf8(encoded.body).unwrap().contains("1.50"), "spelling survives");
    assert_eq!(encoded.context.tool_names, [("g_h".to_owned(), "g.h".to_owned())].into());
}

#[test]
fn vertex_gets_no_ids_and_the_tier_in_a_header() {
    let mut request = asking(vec![
        say(Role::User, "go"),
        Turn::new(Role::Assistant, vec![call("1", "f", "{}")]),
        result("1", vec![Block::text("x")]),
    ]);
    request.service_tier = Some("priority".into());
    let quirks = Quirks { no_function_call_ids: true, ..Quirks::default() };
    let (vertex, sent) = encoded(&request, &Abilities::default(), &quirks);
    assert_eq!(vertex["contents"][1]["parts"][0], json!({"functionCall":{"name":"f","args":{}}}));
    assert!(!vertex.to_string().contains("\"id\"") && vertex.get("serviceTier").is_none());
    assert_eq!(sent.headers[0].0, "x-vertex-ai-llm-shared-request-type");
    assert_eq!(body(&request)["serviceTier"], "priority");
}

#[test]
fn arguments_that_are_no_object_are_wrapped_and_told() {
    let request = asking(vec![
        say(Role::User, "go"),
        Turn::new(Role::Assistant, vec![call("1", "f", "{\"a\":")]),
    ]);
    let (body, encoded) = encoded(&request, &Abilities::default(), &Quirks::default());
    let part = &body["contents"][1]["parts"][0]["functionCall"];
    assert_eq!(part["args"], json!({"arguments":"{\"a\":"}));
    assert_eq!(encoded.losses.0[0].path, "messages[1].content[0]");
}

#[test]
fn media_of_results_go_inside_where_they_may() {
    let image = Block::new(BlockKind::Image {
        source: MediaSource::Base64 { media_type: "image/png".into(), data: "aGk=".into() },
        detail: None,
    });
    let request = asking(vec![
        say(Role::User, "go"),
        Turn::new(Role::Assistant, vec![call("1", "f", "{}")]),
        result("1", vec![Block::text("seen"), image]),
        say(Role::User, "and?"),
    ]);
    let new = Abilities { media_in_tool_results: true, ..Abilities::default() };
    let (inside, _) = encoded(&request, &new, &Quirks::default());
    assert_eq!(
        inside["contents"][2]["parts"][0]["functionResponse"]["parts"],
        json!([{"inlineData":{"mimeType":"image/png","data":"aGk="}}])
    );
    let contents = body(&request)["contents"].clone();
    assert_eq!(contents[2]["parts"].as_array().unwrap().len(), 1);
    assert_eq!(
        contents[3],
        json!({"role":"user","parts":[{"text":"Output of f:"},
            {"inlineData":{"mimeType":"image/png","data":"aGk="}}]})
    );
    assert_eq!(contents[4]["parts"][0]["text"], "and?");
}

/// Bug 1: media of one result never stand before the next result.
#[test]
fn results_of_one_turn_stay_together_whatever_they_hold() {
    let image = || {
        Block::new(BlockKind::Image {
            source: MediaSource::Base64 { media_type: "image/gif".into(), data: "aGk=".into() },
            detail: None,
        })
    };
    let request = asking(vec![
        say(Role::User, "go"),
        Turn::new(Role::Assistant, vec![call("1", "f", "{}"), call("2", "g", "{}")]),
        result("1", vec![Block::text("seen"), image()]),
        result("2", vec![Block::text("b"), image()]),
    ]);
    let contents = body(&request)["contents"].clone();
    let results = contents[2]["parts"].as_array().unwrap();
    let names: Vec<_> = results.iter().map(|part| &part["functionResponse"]["name"]).collect();
    assert_eq!(names, ["f", "g"]);
    assert_eq!(contents[3]["parts"].as_array().unwrap().len(), 4, "both media, each announced");
    assert!(contents.get(4).is_none());
}

/// Bug 7
#[test]
fn signatures_go_back_to_the_parts_they_came_from() {
    use ReasoningFormat::Gemini;
    let abilities = Abilities { thought_signatures: true, ..Abilities::default() };
    let request = asking(vec![
        say(Role::User, "go"),
        Turn::new(
            Role::Assistant,
            vec![signature(Some("1"), Gemini, "S1"), call("1", "f", "{}"), call("2", "f", "{}")],
        ),
        result("1", vec![Block::text("a")]),
        result("2", vec![Block::text("b")]),
        // As callers of other protocols send it: reasoning first, calls last.
        Turn::new(
            Role::Assistant,
            vec![signature(Some("3"), Gemini, "S3"), Block::text("hm"), call("3", "f", "{}")],
        ),
        result("3", vec![Block::text("c")]),
        Turn::new(Role::Assistant, vec![Block::text("done"), signature(None, Gemini, "T")]),
    ]);
    let (body, _) = encoded(&request, &abilities, &Quirks::default());
    let parts = |at: usize| &body["contents"][at]["parts"];
    assert_eq!(parts(1)[0]["thoughtSignature"], "S1");
    assert!(parts(1)[1].get("thoughtSignature").is_none(), "only the first of parallel calls");
    assert_eq!(parts(3)[1]["thoughtSignature"], "S3");
    assert_eq!(parts(5), &json!([{"text":"done","thoughtSignature":"T"}]));
}

/// Bug 7: history of another model.
#[test]
fn calls_of_another_model_get_the_stand_in_once_per_step_of_the_current_turn() {
    let abilities = Abilities { thought_signatures: true, ..Abilities::default() };
    let step = |id: &str| {
        let foreign = signature(Some(id), ReasoningFormat::Anthropic, "foreign");
        Turn::new(Role::Assistant, vec![foreign, call(id, "f", "{}"), call("x", "f", "{}")])
    };
    let request = asking(vec![
        say(Role::User, "old"),
        step("0"),
        result("0", vec![]),
        say(Role::User, "go"),
        step("1"),
        result("1", vec![]),
        step("2"),
        result("2", vec![]),
    ]);
    let (body, encoded) = encoded(&request, &abilities, &Quirks::default());
    let signatures: Vec<Option<&str>> = body["contents"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|content| content["parts"].as_array().unwrap())
        .filter(|part| part.get("functionCall").is_some())
        .map(|part| part.get("thoughtSignature").and_then(Value::as_str))
        .collect();
    let skip = Some("skip_thought_signature_validator");
    assert_eq!(signatures, [None, None, skip, None, skip, None]);
    assert!(!body.to_string().contains("foreign"), "bug 19: never replayed as ours");
    assert_eq!(encoded.losses.0[0].path, "messages[1].reasoning_details");
    let (old, _) = self::encoded(&request, &Abilities::default(), &Quirks::default());
    assert!(!old.to_string().contains("thoughtSignature"), "models before 3 need none");
}

#[test]
fn a_signature_without_any_text_is_a_part_of_its_own() {
    let turn = Turn::new(Role::Assistant, vec![signature(None, ReasoningFormat::Gemini, "S")]);
    let body = body(&asking(vec![say(Role::User, "a"), turn]));
    assert_eq!(body["contents"][1]["parts"], json!([{"text":"","thoughtSignature":"S"}]));
}

#[test]
fn media_become_inline_or_file_data() {
    let url = |url: &str| MediaSource::Url(url.into());
    let bytes = |kind: &str| MediaSource::Base64 { media_type: kind.into(), data: "aGk=".into() };
    let image = |source| BlockKind::Image { source, detail: None };
    for (kind, expected) in [
        (image(bytes("image/webp")), json!({"inlineData":{"mimeType":"image/webp","data":"aGk="}})),
        (
            image(url("https://a/b.png")),
            json!({"fileData":{"mimeType":"image/png","fileUri":"https://a/b.png"}}),
        ),
        (image(MediaSource::FileId("files/1".into())), json!({"fileData":{"fileUri":"files/1"}})),
        (
            BlockKind::Audio { source: bytes(""), format: "m4a".into(), transcript: None },
            json!({"inlineData":{"mimeType":"audio/mp4","data":"aGk="}}),
        ),
        (
            BlockKind::Video { source: url("https://www.youtube.com/watch?v=1") },
            json!({"fileData":{"mimeType":"video/mp4","fileUri":"https://www.youtube.com/watch?v=1"}}),
        ),
        (
            BlockKind::File {
                source: MediaSource::Text { media_type: "text/plain".into(), text: "hi".into() },
                filename: Some("a.txt".into()),
            },
            json!({"inlineData":{"mimeType":"text/plain","data":"aGk="}}),
        ),
    ] {
        let turn = Turn::new(Role::User, vec![Block::new(kind)]);
        assert_eq!(body(&asking(vec![turn]))["contents"][0]["parts"][0], expected);
    }
}

#[test]
fn where_urls_are_refused_the_fault_names_the_place() {
    let quirks = Quirks { no_media_urls: true, ..Quirks::default() };
    let abilities = Abilities::default();
    let target = Target::new("m", &quirks, &abilities);
    let image = |url: &str| BlockKind::Image { source: MediaSource::Url(url.into()), detail: None };
    let ask = |url: &str| {
        let turn = Turn::new(Role::User, vec![Block::text("see"), Block::new(image(url))]);
        encode_request(&asking(vec![turn]), &target)
    };
    let fault = ask("https://a/b.png").unwrap_err();
    assert_eq!(fault.error_type, ErrorType::InvalidRequest);
    assert!(fault.message.starts_with("messages[0].content[1]"), "{}", fault.message);
    assert!(ask("https://youtu.be/x").is_ok(), "the service resolves these itself");
}

#[test]
fn generation_config_is_mapped() {
    let mut request = asking(vec![say(Role::User, "a")]);
    request.max_output_tokens = Some(100);
    request.sampling = Sampling {
        temperature: Some(0.5),
        top_p: Some(0.9),
        top_k: Some(40),
        presence_penalty: Some(1.0),
        frequency_penalty: Some(-1.0),
        seed: Some(7),
        logprobs: Some(true),
        top_logprobs: Some(3),
        stop: ["a", " ", "b", "c", "d", "e", "f"].map(str::to_owned).to_vec(),
        n: Some(2),
        min_p: Some(0.1),
        ..Sampling::default()
    };
    request.modalities = Some(vec!["text".into(), "image".into()]);
    request.image_config = Some(raw(json!({"aspect_ratio":"1:1","image_size":"2K"})));
    let (body, sent) = encoded(&request, &Abilities::default(), &Quirks::default());
    assert_eq!(
        body["generationConfig"],
        json!({
            "maxOutputTokens":100,"candidateCount":2,"temperature":0.5,"topP":0.9,"topK":40,
            "seed":7,"presencePenalty":1.0,"frequencyPenalty":-1.0,"responseLogprobs":true,
            "logprobs":3,"stopSequences":["a","b","c","d","e"],
            "responseModalities":["TEXT","IMAGE"],"imageConfig":{"aspectRatio":"1:1","imageSize":"2K"}
        })
    );
    let lost: Vec<&str> = sent.losses.0.iter().map(|loss| loss.path.as_str()).collect();
    assert_eq!(lost, ["min_p", "stop", "stop"]);
    let narrow = Abilities {
        penalties: false,
        logprobs: false,
        max_output_tokens: Some(50),
        ..Abilities::default()
    };
    let quirks = Quirks { unsupported_parameters: vec!["seed".into()], ..Quirks::default() };
    let config = encoded(&request, &narrow, &quirks).0["generationConfig"].clone();
    for gone in ["presencePenalty", "frequencyPenalty", "responseLogprobs", "logprobs", "seed"] {
        assert!(config.get(gone).is_none(), "{gone}");
    }
    assert_eq!(config["maxOutputTokens"], 50);
}

#[test]
fn speech_is_asked_for_alone_with_its_voice() {
    let mut request = asking(vec![say(Role::User, "a")]);
    request.modalities = Some(vec!["text".into(), "audio".into()]);
    request.audio_output = Some(raw(json!({"voice":"Kore","format":"pcm16"})));
    assert_eq!(
        body(&request)["generationConfig"],
        json!({"responseModalities":["AUDIO"],
            "speechConfig":{"voiceConfig":{"prebuiltVoiceConfig":{"voiceName":"Kore"}}}})
    );
}

#[test]
fn every_tool_choice_has_its_mode() {
    let names = || vec!["f".to_owned(), "g".to_owned()];
    for (choice, expected) in [
        (ToolChoice::Auto, json!({"mode":"AUTO"})),
        (ToolChoice::None, json!({"mode":"NONE"})),
        (ToolChoice::Required, json!({"mode":"ANY"})),
        (ToolChoice::Named("a.b".into()), json!({"mode":"ANY","allowedFunctionNames":["a_b"]})),
        (
            ToolChoice::Allowed { names: names(), required: true },
            json!({"mode":"ANY","allowedFunctionNames":["f","g"]}),
        ),
    ] {
        let mut request = asking(vec![say(Role::User, "a")]);
        request.tools = vec![tool("f"), tool("g"), tool("a.b")];
        request.tool_choice = Some(choice);
        let body = body(&request);
        assert_eq!(body["toolConfig"]["functionCallingConfig"], expected);
        assert_eq!(body["tools"][0]["functionDeclarations"].as_array().unwrap().len(), 3);
    }
    let mut request = asking(vec![say(Role::User, "a")]);
    request.tool_choice = Some(ToolChoice::Required);
    assert!(body(&request).get("toolConfig").is_none(), "never without declarations");
    request.tools = vec![tool("f"), tool("g")];
    request.tool_choice = Some(ToolChoice::Allowed { names: vec!["g".into()], required: false });
    let body = body(&request);
    assert_eq!(body["toolConfig"]["functionCallingConfig"], json!({"mode":"AUTO"}));
    assert_eq!(body["tools"][0]["functionDeclarations"][0]["name"], "g");
}

/// Bug 8
#[test]
fn empty_parameters_are_left_out() {
    let mut request = asking(vec![say(Role::User, "a")]);
    let kind = |parameters| ToolKind::Function {
        name: "f".into(),
        description: None,
        parameters,
        strict: None,
    };
    for parameters in [None, Some(json!({"type":"object","properties":{}})), Some(json!(null))] {
        request.tools =
            vec![Tool { kind: kind(parameters.map(raw)), cache: None, extras: Extras::default() }];
        assert_eq!(body(&request)["tools"], json!([{"functionDeclarations":[{"name":"f"}]}]));
    }
}

/// STRUCT-1
#[test]
fn a_schema_is_sent_or_told_in_words() {
    let schema = json!({"$schema":"x","type":"object","properties":{"a":{"type":["string","null"]}},
        "required":["a"],"additionalProperties":false});
    let mut request = asking(vec![say(Role::User, "a")]);
    request.output = Some(OutputFormat::JsonSchema {
        name: Some("n".into()),
        description: None,
        schema: raw(schema),
        strict: Some(true),
    });
    assert_eq!(
        body(&request)["generationConfig"],
        json!({"responseMimeType":"application/json","responseSchema":{"type":"object",
            "properties":{"a":{"type":"string","nullable":true}},"required":["a"]}})
    );
    request.tools = vec![tool("f")];
    let old = Abilities { tools_with_schema: false, ..Abilities::default() };
    let (body, sent) = encoded(&request, &old, &Quirks::default());
    assert!(body.get("generationConfig").is_none());
    let words = body["systemInstruction"]["parts"][0]["text"].as_str().unwrap();
    assert!(words.contains("additionalProperties"), "the whole schema is told");
    assert!(sent.losses.0.iter().any(|loss| loss.path == "response_format"));
}

#[test]
fn extras_of_this_protocol_go_back_and_known_ones_of_others_pass() {
    let mut request = asking(vec![say(Role::User, "a")]);
    let settings = json!([{"category":"HARM_CATEGORY_HARASSMENT","threshold":"OFF"}]);
    request.extras = Extras::of(
        Dialect::Gemini,
        vec![
            ("safetySettings".into(), raw(settings.clone())),
            ("generationConfig".into(), raw(json!({"mediaResolution":"LOW"}))),
            ("provider".into(), raw(json!({}))),
        ],
    );
    let own = body(&request);
    assert_eq!(own["safetySettings"], settings);
    assert_eq!(own["generationConfig"], json!({"mediaResolution":"LOW"}));
    assert!(own.get("provider").is_none(), "the router's own members are refused by the service");
    request.extras = Extras::of(
        Dialect::OpenaiChat,
        vec![
            ("safety_settings".into(), raw(settings.clone())),
            ("raw_mode".into(), raw(json!(true))),
        ],
    );
    let (other, sent) = encoded(&request, &Abilities::default(), &Quirks::default());
    assert_eq!(other["safetySettings"], settings);
    assert!(other.get("raw_mode").is_none());
    assert_eq!(sent.losses.0[0].path, "raw_mode");
}

#[test]
fn what_a_named_cache_holds_is_not_sent_again() {
    let mut request = asking(vec![say(Role::System, "s"), say(Role::User, "a")]);
    request.tools = vec![tool("f")];
    request.tool_choice = Some(ToolChoice::Auto);
    request.extras =
        Extras::of(Dialect::Gemini, vec![("cachedContent".into(), raw(json!("cachedContents/1")))]);
    let body = body(&request);
    for gone in ["systemInstruction", "tools", "toolConfig"] {
        assert!(body.get(gone).is_none(), "{gone}");
    }
    assert_eq!(body["cachedContent"], "cachedContents/1");
}

#[test]
fn a_model_without_functions_reads_calls_as_text() {
    let abilities = Abilities { tools: false, ..Abilities::default() };
    let mut request = asking(vec![
        say(Role::User, "go"),
        Turn::new(Role::Assistant, vec![call("1", "f", "{\"a\":1}")]),
        result("1", vec![Block::text("x")]),
    ]);
    request.tools = vec![tool("f")];
    let (body, _) = encoded(&request, &abilities, &Quirks::default());
    assert!(body.get("tools").is_none());
    assert_eq!(body["contents"][1]["parts"][0]["text"], "Call of f: {\"a\":1}");
    assert_eq!(body["contents"][2]["parts"][0]["text"], "Result of f: x");
}

/// REASON-4
#[test]
fn excluded_reasoning_is_neither_asked_for_nor_told() {
    let mut request = asking(vec![say(Role::User, "a")]);
    request.reasoning =
        Some(Reasoning { enabled: Some(true), exclude: true, ..Reasoning::default() });
    let abilities = Abilities { reasoning: ReasoningStyle::Level, ..Abilities::default() };
    let (body, sent) = encoded(&request, &abilities, &Quirks::default());
    assert_eq!(body["generationConfig"]["thinkingConfig"], json!({"thinkingLevel":"MEDIUM"}));
    assert!(sent.context.exclude_reasoning);
}

#[test]
fn a_request_without_any_turn_is_still_well_formed() {
    assert_eq!(
        body(&Request::default()),
        json!({"contents":[{"role":"user","parts":[{"text":" "}]}]})
    );
}
