//! The request body: which parameters there are and what they ask for.

use serde_json::{Map, Value};

use super::messages;
use crate::answer::{Asked, Choice, Form, Tool};
use crate::rejection::Rejection;
use crate::tokens;

const KNOWN: [&str; 22] = [
    "citation_options",
    "documents",
    "frequency_penalty",
    "k",
    "logprobs",
    "max_tokens",
    "messages",
    "model",
    "p",
    "presence_penalty",
    "priority",
    "raw_prompting",
    "response_format",
    "safety_mode",
    "seed",
    "stop_sequences",
    "stream",
    "strict_tools",
    "temperature",
    "thinking",
    "tool_choice",
    "tools",
];

/// Stop sequences allowed.
const MOST_STOPS: usize = 5;

pub(super) fn invalid(message: &str) -> Rejection {
    Rejection::invalid(format!("invalid request: {message}"))
}

fn unknown(path: &str) -> Rejection {
    Rejection::new(422, format!("unknown field: parameter '{path}' is not a valid field"))
}

/// Refuses members that are not known.
pub(super) fn members(
    fields: &Map<String, Value>,
    path: &str,
    known: &[&str],
) -> Result<(), Rejection> {
    match fields.keys().find(|key| !known.contains(&key.as_str())) {
        Some(key) if path.is_empty() => Err(unknown(key)),
        Some(key) => Err(unknown(&format!("{path}.{key}"))),
        None => Ok(()),
    }
}

/// Checks a request as Cohere would and reads it.
pub(crate) fn read(body: &Value) -> Result<Asked, Rejection> {
    let fields = body.as_object().ok_or_else(|| invalid("body must be a JSON object"))?;
    members(fields, "", &KNOWN)?;
    let model = given(fields, "model").and_then(Value::as_str);
    let model = model.ok_or_else(|| invalid("model is required"))?;
    let mut asked = Asked {
        model: model.to_owned(),
        parallel: true,
        preamble: true,
        count: 1,
        ..Asked::default()
    };
    asked.stream = flag(fields, "stream")?;
    asked.logprobs = flag(fields, "logprobs")?.then_some(0);
    ranges(fields)?;
    limits(fields, &mut asked)?;
    thinking(fields, &mut asked)?;
    tools(fields, &mut asked)?;
    asked.form = form(fields)?;
    documents(fields, &mut asked)?;
    let list = given(fields, "messages").and_then(Value::as_array);
    messages::read(list.ok_or_else(|| invalid("messages is required"))?, &mut asked)?;
    Ok(asked)
}

fn given<'a>(fields: &'a Map<String, Value>, key: &str) -> Option<&'a Value> {
    fields.get(key).filter(|value| !value.is_null())
}

fn flag(fields: &Map<String, Value>, key: &str) -> Result<bool, Rejection> {
    match given(fields, key) {
        None => Ok(false),
        Some(value) => value.as_bool().ok_or_else(|| invalid(&format!("{key} must be a boolean"))),
    }
}

fn ranges(fields: &Map<String, Value>) -> Result<(), Rejection> {
    for (key, low, high) in [
        ("temperature", 0.0, 1.0),
        ("p", 0.01, 0.99),
        ("k", 0.0, 500.0),
        ("frequency_penalty", 0.0, 1.0),
        ("presence_penalty", 0.0, 1.0),
    ] {
        let Some(value) = given(fields, key) else { continue };
        let number = value.as_f64().ok_or_else(|| invalid(&format!("{key} must be a number")))?;
        if !(low..=high).contains(&number) {
            return Err(invalid(&format!("{key} must be between {low} and {high} inclusive.")));
        }
    }
    Ok(())
}

fn limits(fields: &Map<String, Value>, asked: &mut Asked) -> Result<(), Rejection> {
    if let Some(value) = given(fields, "max_tokens") {
        let number = value.as_u64().filter(|number| *number > 0);
        asked.max_tokens =
            Some(number.ok_or_else(|| invalid("max_tokens must be a positive integer"))?);
    }
    let stops = match given(fields, "stop_sequences") {
        None => return Ok(()),
        Some(Value::Array(stops)) if stops.len() <= MOST_STOPS => stops,
        Some(_) => {
            let message = format!("stop_sequences must be a list of at most {MOST_STOPS} strings");
            return Err(invalid(&message));
        }
    };
    asked.stops = stops.iter().filter_map(Value::as_str).map(str::to_owned).collect();
    Ok(())
}

fn thinking(fields: &Map<String, Value>, asked: &mut Asked) -> Result<(), Rejection> {
    // A model made to reason does so unless it is told not to.
    asked.reasoning = asked.model.contains("reasoning");
    if let Some(thinking) = given(fields, "thinking") {
        let inner = thinking.as_object().ok_or_else(|| invalid("thinking must be an object"))?;
        members(inner, "thinking", &["type", "token_budget"])?;
        asked.reasoning = match thinking["type"].as_str() {
            Some("enabled") => true,
            Some("disabled") => false,
            _ => return Err(invalid("thinking.type must be one of 'enabled', 'disabled'")),
        };
    }
    asked.show_reasoning = asked.reasoning;
    Ok(())
}

fn tools(fields: &Map<String, Value>, asked: &mut Asked) -> Result<(), Rejection> {
    let tools = match given(fields, "tools") {
        None => &Vec::new(),
        Some(Value::Array(tools)) => tools,
        Some(_) => return Err(invalid("tools must be a list")),
    };
    for (index, tool) in tools.iter().enumerate() {
        let path = format!("tools[{index}]");
        if tool["type"] != "function" {
            return Err(invalid(&format!("{path}.type must be 'function'")));
        }
        let Some(function) = tool["function"].as_object() else {
            return Err(invalid(&format!("{path}.function is required")));
        };
        members(function, &format!("{path}.function"), &["name", "description", "parameters"])?;
        let name = function.get("name").and_then(Value::as_str).unwrap_or_default();
        let letters = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        if name.is_empty() || !name.bytes().all(letters) {
            return Err(invalid(&format!(
                "{path}.function.name must be letters, digits, underscores and hyphens"
            )));
        }
        let schema = function.get("parameters").cloned().unwrap_or_default();
        if schema["type"] != "object" {
            return Err(invalid(&format!("{path}.function.parameters must have type 'object'")));
        }
        asked.prompt.input += tokens::count(&tool.to_string());
        asked.tools.push(Tool { name: name.to_owned(), schema });
    }
    asked.choice = match given(fields, "tool_choice") {
        None => Choice::Auto,
        Some(_) if tools.is_empty() => {
            return Err(invalid("tool_choice can only be given along with tools"));
        }
        // Nothing else, and in capitals (Bug 30).
        Some(word) if word == "REQUIRED" => Choice::Required(Vec::new()),
        Some(word) if word == "NONE" => Choice::None,
        Some(_) => return Err(invalid("tool_choice must be one of 'REQUIRED', 'NONE'")),
    };
    Ok(())
}

fn form(fields: &Map<String, Value>) -> Result<Form, Rejection> {
    let Some(format) = given(fields, "response_format") else {
        return Ok(Form::Text);
    };
    let inner = format.as_object().ok_or_else(|| invalid("response_format must be an object"))?;
    members(inner, "response_format", &["type", "json_schema", "schema"])?;
    match format["type"].as_str() {
        Some("text") => Ok(Form::Text),
        Some("json_object") => {
            if let Some(other) =
                ["tools", "documents"].into_iter().find(|key| given(fields, key).is_some())
            {
                return Err(invalid(&format!(
                    "response_format is not supported in combination with {other}"
                )));
            }
            Ok(match given(inner, "json_schema").or_else(|| given(inner, "schema")) {
                Some(schema) => Form::Schema(schema.clone()),
                None => Form::Object,
            })
        }
        _ => Err(invalid("response_format.type must be one of 'text', 'json_object'")),
    }
}

fn documents(fields: &Map<String, Value>, asked: &mut Asked) -> Result<(), Rejection> {
    let documents = match given(fields, "documents") {
        None => return Ok(()),
        Some(Value::Array(documents)) => documents,
        Some(_) => return Err(invalid("documents must be a list")),
    };
    for document in documents {
        if !document.is_string() && !document["data"].is_object() {
            return Err(invalid("documents must be strings or objects with data"));
        }
        asked.prompt.input += tokens::count(&document.to_string());
    }
    asked.echo = documents.first().cloned().unwrap_or_default();
    Ok(())
}
