//! Tools as Cursor writes them into chat requests: in the form of the Responses API or of
//! Anthropic's, with the function's members in the tool itself. CLIENT-3

use serde_json::value::RawValue;

use super::read::{is_array, is_object, lenient_array, lenient_object};
use super::write::{ObjectWriter, array, into_text, object};
use crate::json::{Envelope, Object};

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

/// `None` for a tool that is in the right form, or that is neither a function nor a custom tool.
fn nested_tool(raw: &RawValue) -> Option<String> {
    let tool = lenient_object(raw)?;
    let is_function = match tool.peek("type") {
        Some(_) => matches!(tool.peek_str("type").as_deref(), Some("function" | "custom")),
        None => true,
    };
    // A custom tool with a schema of arguments is Anthropic's word for a function.
    let is_anthropic = tool.peek("input_schema").is_some();
    let is_custom = tool.peek_str("type").as_deref() == Some("custom");
    if !is_function || tool.peek("function").is_some() || tool.peek("custom").is_some() {
        return None;
    }
    tool.peek("name")?;
    if is_custom && !is_anthropic {
        return Some(nested_custom(&tool));
    }
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

/// A tool that takes a text, as the Responses API has it. Its grammar stands deeper here.
fn nested_custom(tool: &Object<'_>) -> String {
    let mut out = Vec::new();
    object(&mut out, |whole| {
        whole.string("type", "custom");
        whole.object("custom", |custom| {
            for (name, value) in tool.iter().filter(|(name, _)| *name != "type") {
                match lenient_object(value).filter(|_| name == "format") {
                    Some(format) if is_flat_grammar(&format) => {
                        custom.object("format", |nested| nest_grammar(nested, &format));
                    }
                    _ => custom.raw_of(name, value.get()),
                }
            }
        });
    });
    into_text(out)
}

fn is_flat_grammar(format: &Object<'_>) -> bool {
    format.peek_str("type").as_deref() == Some("grammar") && format.peek("grammar").is_none()
}

fn nest_grammar(nested: &mut ObjectWriter<'_>, format: &Object<'_>) {
    nested.string("type", "grammar");
    nested.object("grammar", |grammar| {
        for (name, value) in format.iter().filter(|(name, _)| *name != "type") {
            grammar.raw_of(name, value.get());
        }
    });
}

fn nested_choice(raw: &RawValue) -> Option<String> {
    let choice = lenient_object(raw)?;
    let kind = match &*choice.peek_str("type")? {
        // Anthropic's words for what is a word alone here.
        "any" => return Some("\"required\"".to_owned()),
        "auto" => return Some("\"auto\"".to_owned()),
        "none" => return Some("\"none\"".to_owned()),
        "function" | "tool" => "function",
        "custom" => "custom",
        _ => return None,
    };
    let name = choice.peek("name")?;
    if choice.peek(kind).is_some() {
        return None;
    }
    Some(format!(r#"{{"type":"{kind}","{kind}":{{"name":{}}}}}"#, name.get()))
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
    }

    /// CLIENT-3
    #[test]
    fn flat_custom_tools_are_put_into_their_place() {
        for (flat, expected) in [
            (
                r#"{"type":"custom","name":"f","description":"d"}"#,
                r#"{"type":"custom","custom":{"name":"f","description":"d"}}"#,
            ),
            (
                r#"{"type":"custom","name":"f","format":{"type":"text"}}"#,
                r#"{"type":"custom","custom":{"name":"f","format":{"type":"text"}}}"#,
            ),
            (
                r#"{"type":"custom","name":"f","format":{"type":"grammar","syntax":"lark","definition":"a"}}"#,
                r#"{"type":"custom","custom":{"name":"f","format":{"type":"grammar","grammar":{"syntax":"lark","definition":"a"}}}}"#,
            ),
        ] {
            let found = nested(&format!(r#"{{"tools":[{flat}]}}"#)).unwrap();
            assert_eq!(found, format!(r#"{{"tools":[{expected}]}}"#));
            assert_eq!(nested(&found), None, "twice is once");
        }
    }

    /// CLIENT-3
    #[test]
    fn choices_are_put_into_their_place() {
        for (flat, expected) in [
            (r#"{"type":"function","name":"f"}"#, r#"{"type":"function","function":{"name":"f"}}"#),
            (r#"{"type":"tool","name":"f"}"#, r#"{"type":"function","function":{"name":"f"}}"#),
            (r#"{"type":"custom","name":"f"}"#, r#"{"type":"custom","custom":{"name":"f"}}"#),
            (r#"{"type":"any"}"#, r#""required""#),
            (r#"{"type":"auto"}"#, r#""auto""#),
            (r#"{"type":"none"}"#, r#""none""#),
        ] {
            let found = nested(&format!(r#"{{"tool_choice":{flat}}}"#)).unwrap();
            assert_eq!(found, format!(r#"{{"tool_choice":{expected}}}"#));
            assert_eq!(nested(&found), None, "twice is once");
        }
    }

    #[test]
    fn everything_else_stays() {
        for body in [
            "{",
            r#"{"messages":[]}"#,
            r#"{"tools":null,"tool_choice":"auto"}"#,
            r#"{"tools":[1,null,"x",{}],"tool_choice":{"type":"function"}}"#,
            r#"{"tools":[{"type":"custom","custom":{"name":"f"}},{"type":"web_search","name":"w"}]}"#,
            r#"{"tools":[{"type":1,"name":"f"}],"tool_choice":{"type":"allowed_tools","name":"f"}}"#,
        ] {
            assert_eq!(nested(body), None, "{body}");
        }
    }
}
