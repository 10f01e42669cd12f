//! Tools in namespaces: functions elsewhere, and told as what they are to who declared them.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::{frames, identity, told};
use crate::exchange::{Additions, Event, FinishReason, Request, ToolChoice, ToolKind, fold};
use crate::json::Envelope;
use crate::openai_responses::namespace::flatten;
use crate::openai_responses::{Echo, StreamDecoder, decode_request, decode_response};
use crate::sse::Frame;
use crate::target::{Abilities, Encoded, Quirks, Target};
use crate::{Dialect, codec, openai_responses};

const BODY: &str = r#"{"input":[{"role":"user","content":"q"},
    {"type":"function_call","call_id":"c","name":"get","namespace":"crm","arguments":"{}"},
    {"type":"function_call_output","call_id":"c","output":"ok"}],
    "tools":[{"type":"function","name":"get"},
        {"type":"namespace","name":"crm","description":"Customers.","tools":[
            {"type":"function","name":"get","description":"Gets one.","defer_loading":true,"parameters":{"type":"object","properties":{"id":{"type":"string"}}}},
            {"type":"custom","name":"note"}]},
        {"type":"tool_search"}],
    "tool_choice":{"type":"function","namespace":"crm","name":"get"}}"#;

fn encoded(dialect: Dialect, body: &str) -> Result<Encoded, String> {
    let request = decode_request(body.as_bytes()).unwrap();
    let (quirks, abilities) = (Quirks::default(), Abilities::default());
    let target = Target::new("m", &quirks, &abilities);
    codec::encode_request(dialect, &request, &target, &[]).map_err(|fault| fault.message)
}

fn flat(body: &str) -> Request {
    flatten(&decode_request(body.as_bytes()).unwrap()).unwrap().unwrap().request
}

fn names(request: &Request) -> Vec<&str> {
    let names = request.tools.iter().filter_map(|tool| match &tool.kind {
        ToolKind::Function { name, .. } => Some(name.as_str()),
        ToolKind::Opaque { .. } => None,
    });
    names.collect()
}

#[test]
fn other_protocols_get_a_function_for_each_tool_of_a_namespace() {
    for dialect in Dialect::ALL.into_iter().filter(|it| *it != Dialect::OpenaiResponses) {
        let encoded = encoded(dialect, BODY).unwrap();
        assert_eq!(encoded.context.declared_name("crm__get"), "crm\u{1f}get", "{dialect:?}");
        let body: Value = serde_json::from_slice(&encoded.body).unwrap();
        let told = body.to_string();
        // Where a choice cannot be told, the one tool is offered alone.
        let names = ["\"get\"", "\"crm__note\"", "\"crm__get\"", "crm: Customers.\\n\\nGets one."];
        let alone = if matches!(dialect, Dialect::Cohere | Dialect::Ollama) { 2 } else { 0 };
        for name in &names[alone..] {
            assert!(told.contains(name), "{dialect:?} {told}");
        }
        assert!(!told.contains("namespace"), "{dialect:?} {told}");
    }
    let chat = encoded(Dialect::OpenaiChat, BODY).unwrap();
    let chat: Value = serde_json::from_slice(&chat.body).unwrap();
    assert_eq!(chat["tools"].as_array().unwrap().len(), 3);
    assert_eq!(
        chat["tools"][1]["function"],
        json!({"name":"crm__get","description":"crm: Customers.\n\nGets one.",
            "parameters":{"type":"object","properties":{"id":{"type":"string"}}}})
    );
    assert_eq!(chat["tools"][2]["function"]["parameters"]["required"], json!(["input"]));
    assert_eq!(chat["messages"][1]["tool_calls"][0]["function"]["name"], "crm__get");
    assert_eq!(chat["tool_choice"]["function"]["name"], "crm__get");
}

/// What is told of tools between the turns is known from the beginning elsewhere.
#[test]
fn tools_that_are_told_later_are_tools_elsewhere() {
    let body = r#"{"input":[{"role":"user","content":"q"},
        {"type":"additional_tools","role":"developer","tools":[
            {"type":"function","name":"late"},
            {"type":"function","name":"get","description":"Gets it anew."},
            {"type":"namespace","name":"crm","tools":[
                {"type":"function","name":"get","description":"Anew, too."},
                {"type":"function","name":"put"}]}]},
        {"role":"user","content":"r"}],
        "tools":[{"type":"function","name":"get"},
            {"type":"namespace","name":"crm","description":"Customers.","tools":[
                {"type":"function","name":"get"}]}]}"#;
    for dialect in Dialect::ALL.into_iter().filter(|it| *it != Dialect::OpenaiResponses) {
        let encoded = encoded(dialect, body).unwrap();
        let told = String::from_utf8(encoded.body).unwrap();
        for name in ["\"get\"", "\"late\"", "\"crm__get\"", "\"crm__put\""] {
            assert_eq!(told.matches(name).count(), 1, "{dialect:?} {name} {told}");
        }
        for description in ["Gets it anew.", "crm: Customers.\\n\\nAnew, too."] {
            assert!(told.contains(description), "{told}");
        }
        assert!(!told.contains("additional_tools"), "{told}");
    }
    for (body, message) in [
        (
            r#"{"input":[{"type":"additional_tools","role":"developer"}]}"#,
            "input[0].tools: is missing",
        ),
        (
            r#"{"input":[{"type":"additional_tools","tools":[{"type":"function"}]}]}"#,
            "input[0].tools[0].name: is missing",
        ),
    ] {
        let refused = decode_request(body.as_bytes()).unwrap_err().message;
        assert!(refused.starts_with(message), "{refused}");
    }
    for (tool, place) in [
        (r#"{"type":"namespace","tools":[]}"#, "input[0].tools[1].name: is missing"),
        (r#"{"type":"frobnicator"}"#, "input[0].tools[1]: "),
    ] {
        let body = format!(
            r#"{{"input":[{{"type":"additional_tools","tools":[{{"type":"function","name":"f"}},
            {tool}]}}]}}"#
        );
        let refused = encoded(Dialect::OpenaiChat, &body).unwrap_err();
        assert!(refused.starts_with(place), "{refused}");
    }
}

#[test]
fn a_call_is_told_with_its_namespace_in_a_stream_and_whole() {
    let echo = Echo::read(&Envelope::parse(BODY.as_bytes()).unwrap());
    let context = encoded(Dialect::OpenaiChat, BODY).unwrap().context;
    let calls = ["crm__get", "crm__note", "get"];
    let mut events = Vec::new();
    for (index, name) in calls.into_iter().enumerate() {
        let index = index as u32;
        let name = context.declared_name(name).to_owned();
        let arguments = r#"{"input":"x"}"#.to_owned();
        events.push(Event::ToolCallStart { choice: 0, index, id: format!("call_{index}"), name });
        events.push(Event::ToolCallArguments { choice: 0, index, arguments });
    }
    events.push(Event::Finish { choice: 0, reason: FinishReason::ToolCalls, native: None });
    let found = frames(&told(echo.clone(), &events));
    let added = found.iter().find(|frame| frame["type"] == "response.output_item.added").unwrap();
    assert_eq!(
        (&added["item"]["name"], &added["item"]["namespace"]),
        (&json!("get"), &json!("crm"))
    );
    let output = &found.last().unwrap()["response"]["output"];
    assert_eq!(
        output,
        &json!([
            {"id":"fc_gw_gen-1_0","type":"function_call","status":"completed","call_id":"call_0",
             "name":"get","namespace":"crm","arguments":r#"{"input":"x"}"#},
            {"id":"ctc_gw_gen-1_1","type":"custom_tool_call","status":"completed","call_id":"call_1",
             "name":"note","namespace":"crm","input":"x"},
            {"id":"fc_gw_gen-1_2","type":"function_call","status":"completed","call_id":"call_2",
             "name":"get","arguments":r#"{"input":"x"}"#},
        ])
    );
    let whole = openai_responses::encode_response_with(
        &fold(events),
        &identity(),
        &echo,
        Additions::default(),
    );
    let whole: Value = serde_json::from_slice(&whole).unwrap();
    assert_eq!(&whole["output"], output);
}

/// Written anew for the same protocol, namespaces are what they are, and calls come back in them.
#[test]
fn a_provider_of_the_same_protocol_gets_and_tells_namespaces() {
    let own = encoded(Dialect::OpenaiResponses, BODY).unwrap();
    let body: Value = serde_json::from_slice(&own.body).unwrap();
    let sent: Value = serde_json::from_str(BODY).unwrap();
    assert_eq!(body["tools"][1], sent["tools"][1]);
    assert_eq!(body["tool_choice"], sent["tool_choice"]);
    assert_eq!(body["input"][1], sent["input"][1]);
    let call = r#"{"type":"function_call","id":"fc_1","call_id":"d","name":"get","namespace":"crm","arguments":"{}"}"#;
    let whole = format!(r#"{{"status":"completed","output":[{call}]}}"#);
    let whole = decode_response(whole.as_bytes(), &own.context).unwrap();
    let mut decoder = StreamDecoder::new(own.context);
    let mut events = Vec::new();
    for data in [
        format!(r#"{{"type":"response.output_item.done","output_index":0,"item":{call}}}"#),
        r#"{"type":"response.completed","response":{"status":"completed"}}"#.to_owned(),
    ] {
        decoder.push(&Frame { event: None, data: data.as_bytes() }, &mut events);
    }
    assert_eq!(fold(events.clone()).choices[0].turn, whole.choices[0].turn);
    assert_eq!(fold(events.clone()).choices[0].turn.blocks.len(), 1);
    let echo = Echo::read(&Envelope::parse(BODY.as_bytes()).unwrap());
    let found = frames(&told(echo, &events));
    assert_eq!(found.last().unwrap()["response"]["output"][0]["namespace"], "crm");
}

#[test]
fn names_of_functions_are_plain_and_never_become_one() {
    let group = |name: &str, tools: &[&str]| {
        let tools: Vec<_> =
            tools.iter().map(|name| json!({"type":"function","name":name})).collect();
        json!({"type":"namespace","name":name,"tools":tools})
    };
    let long = "n".repeat(60);
    let longer = format!("{long}x");
    let tools = json!([
        {"type":"function","name":"a__b"},
        group("a", &["b", "b__c"]),
        group("a__b", &["c"]),
        group("x.y", &["z", "e\u{301}"]),
        group("9", &["k"]),
        group(&long, &["long", "longer"]),
        group(&longer, &["long"]),
    ]);
    let body = json!({"input":"x","tools":tools});
    let request = flat(&body.to_string());
    let names = names(&request);
    assert_eq!(names.len(), 10);
    assert_eq!(names.iter().collect::<HashSet<_>>().len(), 10, "{names:?}");
    let is_plain = |name: &&str| {
        name.len() <= 64
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
    };
    assert!(names.iter().all(is_plain), "{names:?}");
    assert_eq!(names[4..7], ["x_y__z", "x_y__e_", "_9__k"]);
    // What a tool is called does not hang on what stands before it.
    let mut turned = body;
    turned["tools"].as_array_mut().unwrap().reverse();
    let turned = flat(&turned.to_string());
    assert_eq!(
        self::names(&turned).into_iter().collect::<HashSet<_>>(),
        names.into_iter().collect()
    );
}

#[test]
fn a_choice_of_tools_is_one_of_their_functions() {
    let chosen = |choice: &str| {
        let from = BODY.find(r#""tool_choice""#).unwrap();
        flat(&format!(r#"{}"tool_choice":{choice}}}"#, &BODY[..from])).tool_choice.unwrap()
    };
    let some = |names: &[&str], required| ToolChoice::Allowed {
        names: names.iter().map(|name| (*name).to_owned()).collect(),
        required,
    };
    assert_eq!(
        chosen(r#"{"type":"custom","name":"note"}"#),
        ToolChoice::Named("crm__note".to_owned()),
        "there is no other"
    );
    assert_eq!(chosen(r#"{"type":"function","name":"get"}"#), ToolChoice::Named("get".to_owned()));
    assert_eq!(
        chosen(
            r#"{"type":"allowed_tools","mode":"required","tools":[{"type":"namespace","name":"crm"},{"type":"function","name":"get"}]}"#
        ),
        some(&["crm__get", "crm__note", "get"], true)
    );
    assert_eq!(
        chosen(
            r#"{"type":"allowed_tools","mode":"auto","tools":[{"type":"function","name":"note"}]}"#
        ),
        some(&["crm__note"], false)
    );
}

#[test]
fn what_cannot_be_a_function_is_refused_by_its_place() {
    for (more, message) in [
        (
            r#""tools":[{"type":"namespace","name":"a","tools":[{"type":"function","name":"f"},{"type":"mcp","server_label":"s"}]}]"#,
            "tools[0].tools[1]: a tool of the type `mcp` can only be sent",
        ),
        (r#""tools":[{"type":"namespace","name":"a"}]"#, "tools[0].tools: is missing"),
        (r#""tools":[{"type":"namespace","tools":[]}]"#, "tools[0].name: is missing"),
        (
            r#""tools":[{"type":"namespace","name":"a","tools":[{"type":"function"}]}]"#,
            "tools[0].tools[0].name: is missing",
        ),
        (
            r#""tool_choice":{"type":"function","namespace":"a","name":"f"}"#,
            "tool_choice: names a tool that is not offered",
        ),
        (r#""tool_choice":{"type":"namespace","name":"a"}"#, "tool_choice: a choice of the type"),
    ] {
        let body = format!(r#"{{"input":"x",{more}}}"#);
        let refused = encoded(Dialect::Anthropic, &body).unwrap_err();
        assert!(refused.starts_with(message), "{refused}");
        assert!(encoded(Dialect::OpenaiResponses, &body).is_ok());
    }
}

/// Each tool is told with the name of its namespace: a long one would be kept a thousand times.
#[test]
fn the_name_of_a_namespace_is_bounded() {
    let tools = vec![r#"{"type":"function","name":"f"}"#; 1_000].join(",");
    let name = "n".repeat(900_000);
    let body = format!(
        r#"{{"input":"x","tools":[{{"type":"namespace","name":"{name}","tools":[{tools}]}}]}}"#
    );
    let refused = encoded(Dialect::Anthropic, &body).unwrap_err();
    assert!(refused.starts_with("tools[0].name: is longer than 256 bytes"), "{refused}");
    let context = encoded(Dialect::OpenaiResponses, &body).unwrap().context;
    assert!(context.tool_names.is_empty(), "nothing of it is kept");
}
