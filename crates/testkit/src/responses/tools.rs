//! Tools, flat here, and the choice among them.

use serde_json::{Map, Value};

use super::request::invalid_value;
use crate::answer::{Asked, Choice, Tool};
use crate::openai::{flag, missing, tool_name, unknown_parameter, wrong_type};
use crate::rejection::Rejection;
use crate::tokens;

/// Tools the vendor runs, or that have no schema.
const OTHERS: [&str; 14] = [
    "apply_patch",
    "code_interpreter",
    "computer",
    "computer_use_preview",
    "custom",
    "file_search",
    "image_generation",
    "local_shell",
    "mcp",
    "namespace",
    "shell",
    "tool_search",
    "web_search",
    "web_search_preview",
];

pub(super) fn read(fields: &Map<String, Value>, asked: &mut Asked) -> Result<(), Rejection> {
    let tools = match fields.get("tools") {
        None | Some(Value::Null) => &Vec::new(),
        Some(Value::Array(tools)) => tools,
        Some(_) => return Err(wrong_type("tools", "an array of objects")),
    };
    for (index, tool) in tools.iter().enumerate() {
        let path = format!("tools[{index}]");
        let kind = tool.get("type").and_then(Value::as_str);
        match kind.ok_or_else(|| missing(&format!("{path}.type")))? {
            "function" => asked.tools.push(function(tool, &path)?),
            kind if kind.starts_with("web_search") => asked.searches = true,
            kind if OTHERS.contains(&kind) => {}
            kind => return Err(invalid_value(&format!("{path}.type"), kind, &OTHERS)),
        }
        asked.prompt.input += tokens::count(&tool.to_string());
    }
    if fields.get("parallel_tool_calls").is_some_and(|value| !value.is_null()) {
        asked.parallel = flag(fields, "parallel_tool_calls")?;
    }
    asked.choice = choice(fields.get("tool_choice"), tools)?;
    Ok(())
}

fn function(tool: &Value, path: &str) -> Result<Tool, Rejection> {
    let known = ["type", "name", "description", "parameters", "strict", "defer_loading"];
    let Some(name) = tool.get("name").and_then(Value::as_str) else {
        return Err(missing(&format!("{path}.name")));
    };
    let members = tool.as_object().into_iter().flat_map(Map::keys);
    for key in members {
        if !known.contains(&key.as_str()) {
            return Err(unknown_parameter(&format!("{path}.{key}")));
        }
    }
    if !tool_name(name) {
        return Err(Rejection::invalid(format!(
            "Invalid '{path}.name': string does not match pattern. Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'."
        ))
        .param(format!("{path}.name"))
        .kind("invalid_value"));
    }
    let schema = tool.get("parameters").cloned().unwrap_or_default();
    let refused = |why: String| {
        Rejection::invalid(format!("Invalid schema for function '{name}': {why}"))
            .param(format!("{path}.parameters"))
            .kind("invalid_function_parameters")
    };
    if schema.is_object() && schema.get("type").is_some_and(|kind| kind != "object") {
        return Err(refused(format!(
            "schema must be a JSON Schema of 'type: \"object\"', got 'type: {}'.",
            schema["type"]
        )));
    }
    if tool.get("strict") == Some(&Value::Bool(true)) {
        strict(&schema).map_err(refused)?;
    }
    Ok(Tool { name: name.to_owned(), schema })
}

/// What a strict schema must have, at its top.
fn strict(schema: &Value) -> Result<(), String> {
    if schema.get("additionalProperties") != Some(&Value::Bool(false)) {
        return Err(
            "In context=(), 'additionalProperties' is required to be supplied and to be false."
                .to_owned(),
        );
    }
    let required = schema.get("required").and_then(Value::as_array);
    for key in schema["properties"].as_object().into_iter().flat_map(Map::keys) {
        if required.is_none_or(|required| !required.iter().any(|name| name == key)) {
            return Err(format!(
                "In context=(), 'required' is required to be supplied and to be an array including every key in properties. Missing '{key}'."
            ));
        }
    }
    Ok(())
}

fn choice(choice: Option<&Value>, tools: &[Value]) -> Result<Choice, Rejection> {
    let words = ["none", "auto", "required"];
    let there = |wanted: &Value| {
        let found = tools.iter().any(|tool| {
            tool["type"] == wanted["type"]
                && (wanted["name"].is_null() || tool["name"] == wanted["name"])
        });
        let named = wanted["name"].as_str().or_else(|| wanted["type"].as_str());
        let named = named.unwrap_or_default();
        match found {
            true => Ok(wanted["name"].as_str().map(str::to_owned)),
            false => Err(Rejection::invalid(format!(
                "Tool choice '{named}' not found in 'tools' parameter."
            ))
            .param("tool_choice")),
        }
    };
    match choice {
        None | Some(Value::Null) => Ok(Choice::Auto),
        Some(Value::String(word)) => match word.as_str() {
            "auto" => Ok(Choice::Auto),
            "none" => Ok(Choice::None),
            "required" if tools.is_empty() => Err(Rejection::invalid(
                "Tool choice 'required' must be specified with 'tools' parameter.",
            )
            .param("tool_choice")),
            "required" => Ok(Choice::Required(Vec::new())),
            other => Err(invalid_value("tool_choice", other, &words)),
        },
        Some(value) if value["type"] == "allowed_tools" => {
            let allowed = value["tools"].as_array().ok_or_else(|| missing("tool_choice.tools"))?;
            let names: Vec<Option<String>> = allowed.iter().map(there).collect::<Result<_, _>>()?;
            match value["mode"].as_str() {
                Some("required") => Ok(Choice::Required(names.into_iter().flatten().collect())),
                Some("auto") => Ok(Choice::Auto),
                _ => Err(missing("tool_choice.mode")),
            }
        }
        Some(value) if value["type"].is_string() => {
            if value.get("function").is_some() {
                return Err(unknown_parameter("tool_choice.function"));
            }
            if value["type"] == "function" && value["name"].is_null() {
                return Err(missing("tool_choice.name"));
            }
            Ok(there(value)?.map_or(Choice::Auto, |name| Choice::Required(vec![name])))
        }
        Some(_) => Err(missing("tool_choice.type")),
    }
}
