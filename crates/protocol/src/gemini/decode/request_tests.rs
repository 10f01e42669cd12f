//! What callers of this protocol ask.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::decode_request;
use crate::exchange::{
    BlockKind, Effort, ErrorType, OutputFormat, Request, Role, ToolChoice, ToolKind,
};
use crate::gemini::encode_request;
use crate::surface::{Addressed, Surface};
use crate::target::{Abilities, Quirks, ReasoningStyle, Target};

fn decoded(body: &Value) -> Request {
    decode_request(body.to_string().as_bytes(), "g", false).unwrap()
}

fn refused(body: &Value) -> String {
    let fault = decode_request(body.to_string().as_bytes(), "g", false).unwrap_err();
    assert_eq!(fault.error_type, ErrorType::InvalidRequest);
    fault.message
}

fn abilities() -> Abilities {
    Abilities {
        reasoning: ReasoningStyle::Level,
        thought_signatures: true,
        media_in_tool_results: true,
        ..Abilities::default()
    }
}

fn encoded(request: &Request) -> Value {
    let (quirks, abilities) = (Quirks::default(), abilities());
    let target = Target::new("g", &quirks, &abilities);
    serde_json::from_slice(&encode_request(request, &target).unwrap().body).unwrap()
}

/// As Google's own examples have it, and its API takes it.
#[test]
fn one_object_stands_for_a_list_of_it() {
    let call = json!({"role":"model","parts":[{"functionCall":{"name":"f","args":{}}}]});
    let image = json!({"inlineData":{"mimeType":"image/png","data":"AA=="}});
    let answer = |parts: Value| json!({"functionResponse":{"name":"f","response":{"result":"x"},"parts":parts}});
    let short = json!({"system_instruction":{"parts":{"text":"Be a cat"}},"contents":{"parts":{"text":"hi"}}});
    let long = json!({"system_instruction":{"parts":[{"text":"Be a cat"}]},"contents":[{"parts":[{"text":"hi"}]}]});
    let shorter = json!({"contents":[call, {"parts":answer(image.clone())}]});
    let longer = json!({"contents":[call, {"parts":[answer(json!([image]))]}]});
    for (short, long) in [(short, long), (shorter, longer)] {
        assert_eq!(decoded(&short), decoded(&long));
        let facts = |body: &Value| {
            let read = Surface::Gemini.read(body.to_string().as_bytes(), &Addressed::default());
            let facts = read.unwrap().0;
            assert!(!facts.unknown_parts, "{body}");
            (facts.opening, facts.images, facts.turns, facts.estimated_prompt_tokens)
        };
        assert_eq!(facts(&short), facts(&long));
    }
}

/// Bodies that mean the same after a round through the exchange.
fn bodies() -> Vec<Value> {
    vec![
        json!({"contents":[{"role":"user","parts":[{"text":"hi"}]}]}),
        json!({
            "contents":[
                {"role":"user","parts":[{"text":"look"},
                    {"inlineData":{"mimeType":"image/png","data":"aGk="}},
                    {"fileData":{"mimeType":"video/webm","fileUri":"https://www.youtube.com/watch?v=1"},
                     "videoMetadata":{"fps":2}}]},
                {"role":"model","parts":[{"text":"hm","thought":true},
                    {"functionCall":{"id":"a","name":"f","args":{"x":[1.50]}},"thoughtSignature":"S"},
                    {"functionCall":{"id":"b","name":"g","args":{}}}]},
                {"role":"user","parts":[
                    {"functionResponse":{"id":"a","name":"f","response":{"result":"ok"},
                        "parts":[{"inlineData":{"mimeType":"image/png","data":"aGk="}}]}},
                    {"functionResponse":{"id":"b","name":"g","response":{"output":{"y":1}}}}]},
                {"role":"model","parts":[{"text":"done","thoughtSignature":"T"},
                    {"executableCode":{"language":"PYTHON","code":"1"}}]},
                {"role":"user","parts":[{"text":"more"}]}
            ],
            "systemInstruction":{"parts":[{"text":"be kind"}]},
            "tools":[{"functionDeclarations":[{"name":"f","description":"d","parameters":{
                "type":"object","properties":{"x":{"type":"array","items":{"type":"number"}}}}}]},
                {"googleSearch":{}}],
            "toolConfig":{"functionCallingConfig":{"mode":"ANY","allowedFunctionNames":["f"]},
                "retrievalConfig":{"languageCode":"en"}},
            "generationConfig":{"temperature":0.5,"topP":0.5,"topK":3,"maxOutputTokens":9,
                "stopSequences":["x"],"seed":4,"candidateCount":2,"responseLogprobs":true,"logprobs":2,
                "presencePenalty":0.5,"frequencyPenalty":0.5,"responseMimeType":"application/json",
                "responseSchema":{"type":"object","properties":{"a":{"type":"string","nullable":true}}},
                "responseModalities":["TEXT"],"imageConfig":{"aspectRatio":"1:1"},
                "speechConfig":{"voiceConfig":{"prebuiltVoiceConfig":{"voiceName":"Kore"}}},
                "thinkingConfig":{"thinkingLevel":"LOW","includeThoughts":true},"mediaResolution":"X"},
            "safetySettings":[{"category":"C","threshold":"OFF"}],
            "serviceTier":"flex","labels":{"a":"b"}
        }),
        json!({"contents":[{"role":"user","parts":[{"text":"hi"}]}],
            "generationConfig":{"thinkingConfig":{"thinkingBudget":-1}}}),
        json!({"contents":[{"role":"user","parts":[{"text":"hi"}]}],
            "generationConfig":{"thinkingConfig":{"thinkingBudget":512,"includeThoughts":true}}}),
    ]
}

#[test]
fn a_round_through_the_exchange_keeps_everything() {
    for body in bodies() {
        let request = decoded(&body);
        assert_eq!(encoded(&request), body);
        assert_eq!(decoded(&encoded(&request)), request);
    }
}

#[test]
fn both_spellings_and_nulls_are_understood() {
    let request = decoded(&json!({
        "system_instruction":"be kind","contents":[{"parts":[{"inline_data":{"mime_type":"audio/wav","data":"x"}}]}],
        "generation_config":{"max_output_tokens":5,"temperature":null,"response_mime_type":"application/json"},
        "tools":null,"tool_config":null,"safety_settings":null,"model":"models/x"
    }));
    assert_eq!(request.turns[0].role, Role::System);
    assert!(
        matches!(&request.turns[1].blocks[0].kind, BlockKind::Audio { format, .. } if format == "wav")
    );
    assert_eq!(request.max_output_tokens, Some(5));
    assert_eq!(request.output, Some(OutputFormat::JsonObject));
    assert_eq!((request.model.as_str(), request.stream), ("g", false));
}

#[test]
fn a_single_object_stands_for_a_list_of_it() {
    let request = decoded(&json!({"contents":{"parts":{"text":"hi"}},
        "tools":{"functionDeclarations":{"name":"f"}}}));
    assert!(matches!(&request.tools[0].kind, ToolKind::Function { name, .. } if name == "f"));
    assert_eq!(request.tools.len(), 1);
}

#[test]
fn calls_without_ids_are_tied_to_their_results_in_order() {
    let request = decoded(&json!({"contents":[
        {"parts":[{"text":"go"}]},
        {"role":"model","parts":[{"functionCall":{"name":"f"}},{"functionCall":{"name":"f","args":{"n":2}}}]},
        {"parts":[{"functionResponse":{"name":"f","response":{"n":1}}},
            {"functionResponse":{"name":"f","response":{"error":"bad"}}},{"text":"so?"}]}
    ]}));
    let ids: Vec<&str> = request
        .turns
        .iter()
        .flat_map(|turn| &turn.blocks)
        .filter_map(|block| match &block.kind {
            BlockKind::ToolCall { id, .. } => Some(id.as_str()),
            BlockKind::ToolResult { call_id, .. } => Some(call_id.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(ids, ["call_0_f", "call_1_f", "call_0_f", "call_1_f"]);
    assert!(matches!(
        &request.turns[3].blocks[0].kind,
        BlockKind::ToolResult { is_error: true, .. }
    ));
    assert_eq!(request.turns[4].role, Role::User);
}

#[test]
fn schemas_of_the_subset_become_json_schema() {
    let body = br#"{"contents":[{"parts":[{"text":"a"}]}],"tools":[{"functionDeclarations":[
        {"name":"f","parameters":{"type":"OBJECT","properties":{"a":{"type":"STRING","nullable":true}}}}]}]}"#;
    let request = decode_request(body, "g", false).unwrap();
    let crate::exchange::ToolKind::Function { parameters: Some(schema), .. } =
        &request.tools[0].kind
    else {
        panic!("a function")
    };
    assert_eq!(schema.get(), r#"{"type":"object","properties":{"a":{"type":["string","null"]}}}"#);
}

/// REASON-4
#[test]
fn thoughts_come_only_when_asked_for() {
    let ask = |config: Value| {
        decoded(&json!({"contents":[{"parts":[{"text":"a"}]}],"generationConfig":config}))
            .reasoning
            .unwrap()
    };
    assert!(ask(json!({})).exclude);
    let on = ask(json!({"thinkingConfig":{"includeThoughts":true,"thinkingLevel":"HIGH"}}));
    assert!(!on.exclude);
    assert_eq!(on.effort, Some(Effort::High));
    assert_eq!(ask(json!({"thinkingConfig":{"thinkingBudget":0}})).wanted(), Some(false));
    assert_eq!(ask(json!({"thinkingConfig":{"thinkingBudget":-1}})).wanted(), Some(true));
    assert_eq!(ask(json!({"thinkingConfig":{"thinkingBudget":99}})).max_tokens, Some(99));
}

#[test]
fn modes_become_tool_choices() {
    for (config, expected) in [
        (json!({"mode":"AUTO"}), Some(ToolChoice::Auto)),
        (json!({"mode":"NONE"}), Some(ToolChoice::None)),
        (json!({"mode":"any"}), Some(ToolChoice::Required)),
        (json!({}), None),
    ] {
        let request = decoded(&json!({"contents":[{"parts":[{"text":"a"}]}],
            "toolConfig":{"functionCallingConfig":config}}));
        assert_eq!(request.tool_choice, expected);
    }
}

/// CHAT-3: every complaint names the member.
#[test]
fn what_is_wrong_is_named() {
    let user = json!([{"parts":[{"text":"a"}]}]);
    for (body, place) in [
        (json!({}), "contents: "),
        (json!({"contents":[]}), "contents: "),
        (json!({"contents":"x"}), "contents: "),
        (json!({"contents":[{"role":"system","parts":[]}]}), "contents[0].role: "),
        (json!({"contents":[{"parts":[{}]}]}), "contents[0].parts[0]: "),
        (json!({"contents":[{"parts":[{"text":7}]}]}), "contents[0].parts[0].text: "),
        (
            json!({"contents":[{"parts":[{"inlineData":{}}]}]}),
            "contents[0].parts[0].inlineData.data: ",
        ),
        (
            json!({"contents":[{"parts":[{"functionCall":{"name":"f"}}]}]}),
            "contents[0].parts[0].functionCall: ",
        ),
        (
            json!({"contents":[{"parts":[{"functionResponse":{"name":"f","response":{}}}]}]}),
            "contents[0].parts[0].functionResponse: ",
        ),
        (
            json!({"contents":user,"generationConfig":{"temperature":3}}),
            "generationConfig.temperature: ",
        ),
        (json!({"contents":user,"generationConfig":{"topP":0}}), "generationConfig.topP: "),
        (
            json!({"contents":user,"generationConfig":{"maxOutputTokens":0}}),
            "generationConfig.maxOutputTokens: ",
        ),
        (
            json!({"contents":user,"generationConfig":{"thinkingConfig":{"thinkingBudget":1,"thinkingLevel":"LOW"}}}),
            "generationConfig.thinkingConfig: ",
        ),
        (
            json!({"contents":user,"toolConfig":{"functionCallingConfig":{"mode":"SOME"}}}),
            "toolConfig.functionCallingConfig.mode: ",
        ),
        (
            json!({"contents":user,"tools":[{"functionDeclarations":[{}]}]}),
            "tools[0].functionDeclarations[0].name: ",
        ),
    ] {
        let message = refused(&body);
        assert!(message.starts_with(place), "{body}: {message}");
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let names = || {
        prop::sample::select(vec![
            "contents",
            "parts",
            "text",
            "role",
            "functionCall",
            "functionResponse",
            "name",
            "args",
            "response",
            "id",
            "inlineData",
            "fileData",
            "fileUri",
            "data",
            "generationConfig",
            "tools",
            "functionDeclarations",
            "toolConfig",
            "thoughtSignature",
            "thought",
            "candidates",
            "content",
            "finishReason",
            "index",
            "usageMetadata",
            "error",
            "x",
        ])
    };
    let leaf = prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[a-z]{0,4}".prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(names().prop_map(str::to_owned), inner, 0..5)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn nothing_a_caller_sends_makes_it_panic(body in any_json(), contents in any_json()) {
        let _ = decode_request(body.to_string().as_bytes(), "g", true);
        let body = json!({"contents":[contents]});
        if let Ok(request) = decode_request(body.to_string().as_bytes(), "g", true) {
            encoded(&request);
        }
    }

    #[test]
    fn no_bytes_make_it_panic(body in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode_request(&body, "g", false);
    }

    #[test]
    fn no_answer_makes_the_reader_panic(body in any_json(), parts in any_json()) {
        let context = crate::target::ResponseContext::default();
        let _ = super::decode_response(body.to_string().as_bytes(), &context);
        let body = json!({"candidates":[{"content":{"parts":[parts]},"finishReason":"STOP"}]});
        let _ = super::decode_response(body.to_string().as_bytes(), &context);
    }
}
