//! Tools as Cursor writes them into chat requests: in the form of the Responses API or of
//! Anthropic's, with the function's members in the tool itself. CLIENT-3

use serde_json::value::RawValue;

use super::read::{is_array, is_object, lenient_array, lenient_object};
use super::write::{array, into_text, object};
use crate::json::Envelope;

/// A request with its tools in the form of this protocol; `None` where nothing has to change, or
/// nothing can be read, which is told later.
pub fn nest_tools(body: &[u8]) -> Option<Vec<u8>> {
    let envelope = Envelope::parse(body).ok()?;
    let tools = envelope.raw("tools").filter(|raw| is_array(raw)).and_then(nested_list);
    let choice = envelope.raw("tool_choice").filter(|raw| is_object(raw)).and_then(nested_choice);
    if tools.is_none() && choice.is_none() {
        return None;
    }
    let mut edit = envelope.edit();
    for (name, json) in [("tools", tools), ("tool_choice", choice)] {
        if let Some(json) = json {
            edit.set(name, json);
        }
    }
    Some(edit.finish())
}

fn nested_list(raw: &RawValue) -> Option<String> {
    let tools = lenient_array(raw);
    let nested: Vec<_> = tools.iter().map(|raw| nested_tool(raw)).collect();
    if nested.iter().all(Option::is_none) {
        return None;
    }
    let mut out = Vec::with_capacity(raw.get().len() + 32 * nested.len());
    array(&mut out, tools.iter().zip(&nested), |out, (raw, nested)| {
        let text = nested.as_deref().unwrap_or_else(|| raw.get());
        out.extend_from_slice(text.as_bytes());
    });
    Some(into_text(out))
}

/// `None` for a tool that is in the right form, or that is no function.
fn nested_tool(raw: &RawValue) -> Option<String> {
    let tool = lenient_object(raw)?;
    let is_function = match tool.peek("type") {
        Some(_) => matches!(tool.peek_str("type").as_deref(), Some("function" | "custom")),
        None => true,
    };
    // A custom tool with a schema of arguments is Anthropic's word for a function.
    let is_anthropic = tool.peek("input_schema").is_some();
    let is_custom = tool.peek_str("type").as_deref() == Some("custom");
    if !is_function || (is_custom && !is_anthropic) || tool.peek("function").is_some() {
        return None;
    }
    tool.peek("name")?;
    let mut out = Vec::with_capacity(raw.get().len() + 32);
    object(&mut out, |whole| {
        whole.string("type", "function");
        whole.object("function", |function| {
            for (name, value) in
                tool.iter().filter(|(name, _)| !matches!(*name, "type" | "cache_control"))
            {
                let name = if name == "input_schema" { "parameters" } else { name };
                function.raw_of(name, value.get());
            }
        });
        if let Some(mark) = tool.peek("cache_control") {
            whole.raw("cache_control", mark.get());
        }
    });
    Some(into_text(out))
}

fn nested_choice(raw: &RawValue) -> Option<String> {
    let choice = lenient_object(raw)?;
    let name = choice.peek("name")?;
    let kind = choice.peek_str("type")?;
    if !matches!(&*kind, "function" | "tool") || choice.peek("function").is_some() {
        return None;
    }
    Some(format!(r#"{{"type":"function","function":{{"name":{}}}}}"#, name.get()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nested(body: &str) -> Option<String> {
        nest_tools(body.as_bytes()).map(|body| String::from_utf8(body).unwrap())
    }

    /// CLIENT-3
    #[test]
    fn flat_functions_are_put_into_their_place() {
        for (flat, expected) in [
            (
                r#"{"type":"function","name":"f","description":"d","parameters":{"a": 1},"strict":true}"#,
                r#"{"type":"function","function":{"name":"f","description":"d","parameters":{"a": 1},"strict":true}}"#,
            ),
            (
                r#"{"name":"f","input_schema":{"type":"object"},"cache_control":{"type":"ephemeral"}}"#,
                r#"{"type":"function","function":{"name":"f","parameters":{"type":"object"}},"cache_control":{"type":"ephemeral"}}"#,
            ),
            (
                r#"{"type":"custom","name":"f","input_schema":{}}"#,
                r#"{"type":"function","function":{"name":"f","parameters":{}}}"#,
            ),
        ] {
            let other = r#"{"type":"function","function":{"name": "g"}}"#;
            let body = format!(r#"{{"model":"m","tools":[{flat},{other}],"odd":1.0e0}}"#);
            let found = nested(&body).unwrap();
            let expected = format!(r#"{{"model":"m","tools":[{expected},{other}],"odd":1.0e0}}"#);
            assert_eq!(found, expected);
            assert_eq!(nested(&found), None, "twice is once");
        }
        assert_eq!(
            nested(r#"{"tool_choice":{"type":"function","name":"f"}}"#).unwrap(),
            r#"{"tool_choice":{"type":"function","function":{"name":"f"}}}"#
        );
    }

    #[test]
    fn everything_else_stays() {
        for body in [
            "{",
            r#"{"messages":[]}"#,
            r#"{"tools":null,"tool_choice":"auto"}"#,
            r#"{"tools":[1,null,"x",{}],"tool_choice":{"type":"function"}}"#,
            r#"{"tools":[{"type":"custom","name":"f","format":{}},{"type":"web_search","name":"w"}]}"#,
            r#"{"tools":[{"type":1,"name":"f"}],"tool_choice":{"type":"allowed_tools","name":"f"}}"#,
        ] {
            assert_eq!(nested(body), None, "{body}");
        }
    }
}
