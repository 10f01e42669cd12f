//! Calls of functions as chat completions had them before there were tools: `functions`,
//! `function_call` and results in the role `function`, which have no ids. They are read as tools;
//! what a model calls is told as it was asked for.

use serde_json::value::RawValue;

use super::patch::changes::Changes;
use super::read::{
    is_array, is_null, is_object, is_string, lenient_array, lenient_object, lenient_string,
};
use super::wire::tool_call_id;
use super::write::{array, into_text, object, quoted};
use crate::json::{Envelope, Object};

/// A request that was read as one with tools.
pub struct WithTools {
    /// Its body.
    pub body: Vec<u8>,
    /// It speaks of functions alone, and is told of a call as one: the first, without an id.
    pub calls_as_function: bool,
}

/// A request with its functions as tools; `None` where it has none. Who offers tools speaks of tools,
/// whatever its earlier turns say.
pub fn functions_as_tools(envelope: &Envelope<'_>) -> Option<WithTools> {
    let functions = envelope
        .raw("functions")
        .filter(|raw| is_array(raw))
        .map(lenient_array)
        .filter(|functions| !functions.is_empty());
    let choice = envelope.raw("function_call").filter(|raw| is_string(raw) || is_object(raw));
    let messages = envelope.raw("messages").filter(|_| !envelope.is_plain()).and_then(messages);
    if functions.is_none() && choice.is_none() && messages.is_none() {
        return None;
    }
    let mut edit = envelope.edit();
    for name in ["functions", "function_call"] {
        edit.remove(name);
    }
    let tools = envelope.raw("tools").map(lenient_array).unwrap_or_default();
    let calls_as_function = functions.is_some() && tools.is_empty();
    if let Some(functions) = functions {
        edit.set("tools", as_tools(tools, &functions));
        if let Some(choice) = choice.filter(|_| !envelope.has("tool_choice")) {
            edit.set("tool_choice", as_choice(choice));
        }
    }
    if let Some(messages) = messages {
        edit.set("messages", messages);
    }
    Some(WithTools { body: edit.finish(), calls_as_function })
}

fn as_tools(tools: Vec<&RawValue>, functions: &[&RawValue]) -> String {
    let mut out = Vec::new();
    let all = tools.into_iter().map(|tool| (tool, false));
    array(&mut out, all.chain(functions.iter().map(|it| (*it, true))), |out, (raw, bare)| {
        if bare {
            function(out, raw);
        } else {
            out.extend_from_slice(raw.get().as_bytes());
        }
    });
    into_text(out)
}

fn function(out: &mut Vec<u8>, raw: &RawValue) {
    object(out, |tool| {
        tool.string("type", "function");
        tool.raw("function", raw.get());
    });
}

fn as_choice(choice: &RawValue) -> String {
    if is_string(choice) {
        return choice.get().to_owned();
    }
    let mut out = Vec::new();
    function(&mut out, choice);
    into_text(out)
}

/// The messages with calls that have ids; `None` if they may stay as they are.
fn messages(raw: &RawValue) -> Option<String> {
    // Each result comes after the call it is of.
    memchr::memmem::find(raw.get().as_bytes(), b"\"function_call\"")?;
    let mut last: Option<String> = None;
    let mut changed = false;
    let mut out = Vec::with_capacity(raw.get().len() + 256);
    array(&mut out, lenient_array(raw).into_iter().enumerate(), |out, (at, raw)| {
        let changes = lenient_object(raw).map(|message| {
            let changes = changes(&message, at, &mut last);
            (message, changes)
        });
        match changes {
            Some((message, changes)) if !changes.is_empty() => {
                changed = true;
                changes.write(&message, out);
            }
            _ => out.extend_from_slice(raw.get().as_bytes()),
        }
    });
    changed.then(|| into_text(out))
}

fn changes(message: &Object<'_>, at: usize, last: &mut Option<String>) -> Changes {
    let mut changes = Changes::default();
    let call = message.peek("function_call").filter(|raw| is_object(raw));
    if let Some(call) = call
        && message.peek("tool_calls").is_none_or(is_null)
    {
        let id = tool_call_id("function_call", 0, u32::try_from(at).unwrap_or(u32::MAX));
        let mut out = Vec::new();
        array(&mut out, [call], |out, call| {
            object(out, |entry| {
                entry.string("id", &id);
                entry.string("type", "function");
                entry.raw("function", call.get());
            });
        });
        changes.set("tool_calls", into_text(out));
        changes.remove("function_call");
        *last = Some(id);
    } else if message.peek("role").and_then(lenient_string).as_deref() == Some("function")
        && let Some(id) = last
    {
        changes.set("role", "\"tool\"");
        changes.set("tool_call_id", quoted(id));
    }
    changes
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::openai_chat::decode_request;

    fn as_tools(body: &Value) -> Option<Value> {
        let body = body.to_string();
        let envelope = Envelope::parse(body.as_bytes()).unwrap();
        let body = functions_as_tools(&envelope)?.body;
        assert!(decode_request(&body).is_ok());
        Some(serde_json::from_slice(&body).unwrap())
    }

    #[test]
    fn functions_are_tools_without_ids() {
        let function = json!({"name": "f", "parameters": {"type": "object"}});
        let body = json!({"model": "m", "functions": [function], "function_call": {"name": "f"},
            "messages": [
                {"role": "user", "content": "hi"},
                {"role": "assistant", "content": null,
                    "function_call": {"name": "f", "arguments": "{}"}},
                {"role": "function", "name": "f", "content": "ok"}]});
        let read = as_tools(&body).unwrap();
        assert_eq!(read["tools"], json!([{"type": "function", "function": function}]));
        assert_eq!(read["tool_choice"], json!({"type": "function", "function": {"name": "f"}}));
        assert_eq!(read.get("parallel_tool_calls"), None);
        assert!(read.get("functions").is_none() && read.get("function_call").is_none());
        let call = &read["messages"][1]["tool_calls"][0];
        assert_eq!(call["function"], json!({"name": "f", "arguments": "{}"}));
        assert_eq!(read["messages"][2]["role"], "tool");
        assert_eq!(read["messages"][2]["tool_call_id"], call["id"]);
    }

    /// Who offers tools is told of calls as such, all of them and with their ids.
    #[test]
    fn tools_are_tools_whatever_earlier_turns_say() {
        let tool = json!({"type": "function", "function": {"name": "f"}});
        let told = json!({"role": "assistant", "function_call": {"name": "f", "arguments": "{}"}});
        for (extra, as_function) in [
            (json!({"tools": [tool]}), false),
            (json!({"tools": [tool], "function_call": "auto", "tool_choice": "none"}), false),
            (json!({"tools": [tool], "functions": [{"name": "g"}]}), false),
            (json!({"functions": []}), false),
            (json!({"functions": [{"name": "g"}]}), true),
        ] {
            let mut body = json!({"model": "m", "messages": [told]});
            for (name, value) in extra.as_object().unwrap() {
                body[name] = value.clone();
            }
            let text = body.to_string();
            let read = functions_as_tools(&Envelope::parse(text.as_bytes()).unwrap()).unwrap();
            assert_eq!(read.calls_as_function, as_function, "{body}");
            let read: Value = serde_json::from_slice(&read.body).unwrap();
            assert_eq!(read["tool_choice"], body["tool_choice"], "{body}");
        }
    }

    #[test]
    fn what_has_no_functions_is_left_alone() {
        for body in [
            json!({"messages": [{"role": "user", "content": "\"function_call\""}]}),
            json!({"messages": [{"role": "assistant", "content": "x", "function_call": null}],
                "functions": null, "function_call": null}),
        ] {
            assert_eq!(as_tools(&body), None, "{body}");
        }
    }
}
