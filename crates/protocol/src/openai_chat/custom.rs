//! Tools that take a text, as chat completions have them. In the exchange they are what they are as
//! the Responses protocol tells them: functions of one argument, whose extras say what they were.

use std::collections::HashSet;

use serde_json::value::RawValue;

use super::read::{Place, lenient_object};
use super::write::{ObjectWriter, into_text, object};
use crate::Dialect;
use crate::exchange::{BlockKind, Extras, Fault, Request, Tool, ToolKind, Turn};
use crate::json::{Object, RawJson};
use crate::openai_responses::{custom_arguments, custom_input, custom_schema, is_kind};

/// The type of such a tool, and the member that describes it.
pub(super) const CUSTOM: &str = "custom";

const CALL: &str = "custom_tool_call";
const RESULT: &str = "custom_tool_call_output";

/// What says that something is of a kind of the Responses protocol.
fn of_kind(kind: &str, more: Vec<(String, RawJson)>) -> Extras {
    let mut members = more;
    if let Ok(kind) = RawJson::of(kind) {
        members.insert(0, ("type".to_owned(), kind));
    }
    Extras::of(Dialect::OpenaiResponses, members)
}

/// Reads such a tool, given what stands in its own member.
pub(super) fn tool(raw: &RawValue, place: &Place<'_>) -> Result<Tool, Fault> {
    let mut tool = super::read::object(raw, place)?;
    let name = super::read::string(
        tool.take_raw("name").ok_or_else(|| place.member("name").refuse("is missing"))?,
        &place.member("name"),
    )?
    .into_owned();
    let description = tool.peek_str("description").map(Into::into);
    let format = tool.peek("format").and_then(lenient_object).and_then(|format| flat(&format));
    let more: Vec<_> = format.map(|format| ("format".to_owned(), format)).into_iter().collect();
    let mut described = Vec::new();
    object(&mut described, |described| described.members(&more));
    let described = into_text(described);
    let parameters = custom_schema(&Object::parse(&described).unwrap_or_default());
    Ok(Tool {
        kind: ToolKind::Function { name, description, parameters, strict: None },
        cache: None,
        extras: of_kind(CUSTOM, more),
    })
}

/// A format in the form of the Responses protocol, where a grammar has no object of its own.
fn flat(format: &Object<'_>) -> Option<RawJson> {
    let mut out = Vec::new();
    object(&mut out, |flat| {
        for (name, raw) in format.iter() {
            match lenient_object(raw).filter(|_| name == "grammar") {
                Some(grammar) => {
                    for (name, raw) in grammar.iter() {
                        flat.raw_of(name, raw.get());
                    }
                }
                None => flat.raw_of(name, raw.get()),
            }
        }
    });
    RawJson::parse(into_text(out)).ok()
}

/// The name, the arguments and the extras of an earlier call of such a tool; `None` for another
/// call.
pub(super) fn call(call: &Object<'_>) -> Option<(String, String, Extras)> {
    let custom = call.peek(CUSTOM).and_then(lenient_object)?;
    let name = custom.peek_str("name")?.into_owned();
    let arguments = custom_arguments(&custom.peek_str("input").unwrap_or_default());
    Some((name, arguments, of_kind(CALL, Vec::new())))
}

/// Says of the results of such calls that they are.
pub(super) fn mark_results(turns: &mut [Turn]) {
    let mut ids: HashSet<String> = HashSet::new();
    for block in turns.iter_mut().flat_map(|turn| &mut turn.blocks) {
        match &block.kind {
            BlockKind::ToolCall { id, .. } if is_kind(&block.extras, CALL) => {
                ids.insert(id.clone());
            }
            BlockKind::ToolResult { call_id, .. } if ids.contains(call_id) => {
                block.extras = of_kind(RESULT, Vec::new());
            }
            _ => {}
        }
    }
}

/// The names of the tools of a request that take a text.
pub(crate) fn names(request: &Request) -> Vec<String> {
    let custom = request.tools.iter().filter(|tool| is_kind(&tool.extras, CUSTOM));
    custom
        .filter_map(|tool| match &tool.kind {
            ToolKind::Function { name, .. } => Some(name.clone()),
            ToolKind::Opaque { .. } => None,
        })
        .collect()
}

/// Writes what a call of such a tool says, as its caller knows it.
pub(super) fn write_call(call: &mut ObjectWriter<'_>, name: &str, arguments: &str) {
    call.string("type", CUSTOM);
    call.object(CUSTOM, |custom| {
        custom.string("name", name);
        custom.string("input", &custom_input(arguments));
    });
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::Dialect;
    use crate::codec::encode_request;
    use crate::exchange::{Additions, Event, FinishReason, Identity, fold};
    use crate::openai_chat::{
        CallForms, StreamEncoder, decode_request, encode_response_with_calls,
    };
    use crate::target::{Abilities, Encoded, Quirks, Target};

    fn encoded(dialect: Dialect, format: &Value) -> (Value, Encoded) {
        let body = json!({"model": "m",
            "tools": [{"type": "custom", "custom": {
                "name": "patch", "description": "d", "format": format}}],
            "tool_choice": {"type": "custom", "custom": {"name": "patch"}},
            "messages": [
                {"role": "user", "content": "q"},
                {"role": "assistant", "tool_calls": [
                    {"id": "c", "type": "custom", "custom": {"name": "patch", "input": "a\nb"}}]},
                {"role": "tool", "tool_call_id": "c", "content": "ok"}]});
        let request = decode_request(body.to_string().as_bytes()).unwrap();
        let (quirks, abilities) = (Quirks::default(), Abilities::default());
        let target = Target::new("m", &quirks, &abilities);
        let encoded = encode_request(dialect, &request, &target, &[]).unwrap();
        (serde_json::from_slice(&encoded.body).unwrap(), encoded)
    }

    #[test]
    fn responses_have_such_tools_themselves() {
        let grammar = json!({"type": "grammar",
            "grammar": {"syntax": "lark", "definition": "start: x"}});
        let (sent, _) = encoded(Dialect::OpenaiResponses, &grammar);
        assert_eq!(
            sent["tools"],
            json!([{"type": "custom", "name": "patch", "description": "d",
                "format": {"type": "grammar", "syntax": "lark", "definition": "start: x"}}])
        );
        assert_eq!(sent["tool_choice"], json!({"type": "custom", "name": "patch"}));
        let items = sent["input"].as_array().unwrap();
        let of = |kind: &str| items.iter().find(|item| item["type"] == kind).unwrap();
        assert_eq!(of("custom_tool_call")["input"], "a\nb");
        assert_eq!(of("custom_tool_call_output")["call_id"], "c");
    }

    #[test]
    fn another_protocol_gets_a_function_of_one_argument() {
        for dialect in [Dialect::OpenaiChat, Dialect::Anthropic, Dialect::Gemini] {
            let (sent, encoded) = encoded(dialect, &json!({"type": "text"}));
            let text = sent.to_string();
            assert!(text.contains(r#""required":["input"]"#), "{dialect:?} {text}");
            assert_eq!(encoded.context.custom_tools, ["patch"]);
        }
    }

    #[test]
    fn a_call_is_told_as_the_caller_knows_it() {
        let calls = CallForms { custom: vec!["patch".to_owned()], ..CallForms::default() };
        let arguments = |index, arguments: &str| Event::ToolCallArguments {
            choice: 0,
            index,
            arguments: arguments.to_owned(),
        };
        let start = |index, name: &str| Event::ToolCallStart {
            choice: 0,
            index,
            id: format!("c{index}"),
            name: name.to_owned(),
        };
        let events = [
            start(0, "patch"),
            arguments(0, r#"{"inp"#),
            arguments(0, r#"ut":"x\ny"}"#),
            start(1, "other"),
            Event::Finish { choice: 0, reason: FinishReason::ToolCalls, native: None },
        ];
        let mut encoder = StreamEncoder::new(Identity::default()).with_calls(calls.clone());
        let mut out = Vec::new();
        for event in &events {
            encoder.push(event, &mut out);
        }
        let out = String::from_utf8(out).unwrap();
        assert!(out.contains(r#""type":"custom","custom":{"name":"patch","input":""}"#), "{out}");
        assert!(out.contains(r#""custom":{"input":"x\ny"}"#), "{out}");
        assert!(out.contains(r#""name":"other""#), "{out}");
        let response = fold(events);
        let whole = encode_response_with_calls(
            &response,
            &Identity::default(),
            Additions::default(),
            &calls,
        );
        let whole: Value = serde_json::from_slice(&whole).unwrap();
        let told = &whole["choices"][0]["message"]["tool_calls"];
        assert_eq!(
            told[0],
            json!({"index": 0, "id": "c0", "type": "custom",
                "custom": {"name": "patch", "input": "x\ny"}})
        );
        assert_eq!(told[1]["function"]["name"], "other");
    }
}
