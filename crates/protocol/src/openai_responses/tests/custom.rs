//! Tools that take a text: functions elsewhere, and told as what they are to who declared them.

use serde_json::{Value, json};

use super::{frames, identity, told};
use crate::exchange::{Additions, Event, FinishReason, fold};
use crate::json::Envelope;
use crate::openai_chat;
use crate::openai_responses::{Echo, decode_request, encode_request, encode_response_with};
use crate::target::{Abilities, Quirks, Target};

const BODY: &str = r#"{"input":[{"role":"user","content":"q"},
    {"type":"custom_tool_call","id":"ctc_1","call_id":"c","name":"patch","input":"a\nb"},
    {"type":"custom_tool_call_output","call_id":"c","output":"ok"}],
    "tools":[{"type":"custom","name":"patch","description":"d","format":{"type":"text"}}],
    "tool_choice":{"type":"custom","name":"patch"}}"#;

#[test]
fn another_protocol_gets_a_function_of_one_argument() {
    let request = decode_request(BODY.as_bytes()).unwrap();
    let (quirks, abilities) = (Quirks::default(), Abilities::default());
    let target = Target::new("m", &quirks, &abilities);
    let chat = openai_chat::encode_request(&request, &target).unwrap();
    let chat: Value = serde_json::from_slice(&chat.body).unwrap();
    assert_eq!(
        chat["tools"][0]["function"],
        json!({"name":"patch","description":"d","parameters":{"type":"object",
            "properties":{"input":{"type":"string"}},"required":["input"]}})
    );
    assert_eq!(chat["tool_choice"], json!({"type":"function","function":{"name":"patch"}}));
    assert_eq!(
        chat["messages"][1]["tool_calls"][0]["function"]["arguments"],
        r#"{"input":"a\nb"}"#
    );
    assert_eq!(chat["messages"][2]["content"], "ok");
    // The model has to know the grammar, and nothing that matters is lost.
    let with_grammar = BODY.replace(
        r#"{"type":"text"}"#,
        r#"{"type":"grammar","syntax":"lark","definition":"start: x"}"#,
    );
    let request = decode_request(with_grammar.as_bytes()).unwrap();
    let told = openai_chat::encode_request(&request, &target).unwrap();
    assert!(String::from_utf8_lossy(&told.body).contains("grammar (lark):\\nstart: x"));
    assert_eq!(told.losses, Default::default());
    let request = decode_request(BODY.as_bytes()).unwrap();
    // In this protocol they are what they were.
    let own = encode_request(&request, &target).unwrap();
    let own: Value = serde_json::from_slice(&own.body).unwrap();
    let sent: Value = serde_json::from_str(BODY).unwrap();
    assert_eq!(own["tools"], sent["tools"]);
    assert_eq!(own["tool_choice"], sent["tool_choice"]);
    assert_eq!(
        own["input"][1],
        json!({"type":"custom_tool_call","call_id":"c","name":"patch","input":"a\nb"})
    );
    assert_eq!(own["input"][2], sent["input"][2]);
}

#[test]
fn a_call_of_it_is_told_as_the_caller_knows_it() {
    let echo = Echo::read(&Envelope::parse(BODY.as_bytes()).unwrap());
    let arguments = |index, piece: &str| Event::ToolCallArguments {
        choice: 0,
        index,
        arguments: piece.to_owned(),
    };
    let start = |index, name: &str| Event::ToolCallStart {
        choice: 0,
        index,
        id: format!("call_{index}"),
        name: name.to_owned(),
    };
    let events = [
        start(0, "patch"),
        arguments(0, r#"{"inp"#),
        start(1, "patch"),
        arguments(0, r#"ut":"x\ny"}"#),
        // Not every model keeps to the schema.
        arguments(1, "*** Begin"),
        start(2, "other"),
        Event::Finish { choice: 0, reason: FinishReason::ToolCalls, native: None },
    ];
    let found = frames(&told(echo.clone(), &events));
    let of = |kind: &str| -> Vec<Value> {
        found.iter().filter(|frame| frame["type"] == kind).cloned().collect()
    };
    let inputs: Vec<Value> =
        of("response.custom_tool_call_input.done").iter().map(|it| it["input"].clone()).collect();
    assert_eq!(inputs, ["x\ny", "*** Begin"]);
    assert_eq!(of("response.function_call_arguments.done")[0]["arguments"], "{}");
    let output = &of("response.completed")[0]["response"]["output"];
    assert_eq!(
        output[0],
        json!({"id":"ctc_gw_gen-1_0","type":"custom_tool_call","status":"completed","call_id":"call_0","name":"patch","input":"x\ny"})
    );
    assert_eq!(output[2]["type"], "function_call");
    let whole =
        encode_response_with(&fold(events.to_vec()), &identity(), &echo, Additions::default());
    let whole: Value = serde_json::from_slice(&whole).unwrap();
    assert_eq!(&whole["output"], output);
}
