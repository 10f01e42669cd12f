//! The request body: which parameters there are and what they ask for.

use serde_json::{Map, Value, json};

use super::{input, reasons, tools};
use crate::answer::{Asked, Form};
use crate::openai::{flag, missing, range, unknown_parameter, wrong_type};
use crate::rejection::Rejection;
use crate::tokens;

/// Parameters of the endpoint.
const KNOWN: [&str; 33] = [
    "background",
    "client_metadata",
    "context_management",
    "conversation",
    "include",
    "input",
    "instructions",
    "max_output_tokens",
    "max_tool_calls",
    "metadata",
    "model",
    "moderation",
    "parallel_tool_calls",
    "previous_response_id",
    "prompt",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "reasoning",
    "safety_identifier",
    "service_tier",
    "store",
    "stream",
    "stream_options",
    "temperature",
    "text",
    "tool_choice",
    "tools",
    "top_logprobs",
    "top_p",
    "truncation",
    "user",
    "verbosity",
];

const INCLUDES: [&str; 8] = [
    ENCRYPTED,
    LOGPROBS,
    "code_interpreter_call.outputs",
    "computer_call_output.output.image_url",
    "file_search_call.results",
    "message.input_image.image_url",
    "web_search_call.action.sources",
    "web_search_call.results",
];
const ENCRYPTED: &str = "reasoning.encrypted_content";
const LOGPROBS: &str = "message.output_text.logprobs";

/// The least `max_output_tokens`.
const LEAST_TOKENS: u64 = 16;

pub(super) fn invalid_value(path: &str, value: &str, supported: &[&str]) -> Rejection {
    let supported: Vec<String> = supported.iter().map(|value| format!("'{value}'")).collect();
    Rejection::invalid(format!(
        "Invalid value: '{value}'. Supported values are: {}.",
        supported.join(", ")
    ))
    .param(path)
    .kind("invalid_value")
}

/// Checks a request as OpenAI would and reads it.
pub(crate) fn read(body: &Value) -> Result<Asked, Rejection> {
    let Some(fields) = body.as_object() else {
        return Err(Rejection::invalid(
            "We could not parse the JSON body of your request. The OpenAI API expects a JSON payload, but what was sent was not valid JSON.",
        ));
    };
    if let Some(key) = fields.keys().find(|key| !KNOWN.contains(&key.as_str())) {
        return Err(unknown_parameter(key));
    }
    let model = match fields.get("model") {
        Some(Value::String(model)) => model.clone(),
        Some(_) => return Err(wrong_type("model", "a string")),
        None => return Err(missing("model")),
    };
    let mut asked = Asked { model, parallel: true, count: 1, ..Asked::default() };
    asked.stream = flag(fields, "stream")?;
    stream_options(fields, &mut asked)?;
    range(fields, "temperature", 0.0, 2.0)?;
    range(fields, "top_p", 0.0, 1.0)?;
    state(fields)?;
    limits(fields, &mut asked)?;
    reasoning(fields, &mut asked)?;
    include(fields, &mut asked)?;
    tools::read(fields, &mut asked)?;
    asked.form = form(fields)?;
    if let Some(instructions) = fields.get("instructions").filter(|value| !value.is_null()) {
        let text = instructions.as_str().ok_or_else(|| wrong_type("instructions", "a string"))?;
        asked.prompt.input += tokens::MESSAGE_TOKENS + tokens::count(text);
    }
    input::read(fields.get("input"), &mut asked)?;
    if asked.form == Form::Object
        && !fields
            .get("input")
            .is_some_and(|input| input.to_string().to_lowercase().contains("json"))
    {
        return Err(Rejection::invalid(
            "Response input messages must contain the word 'json' in some form to use 'text.format' of type 'json_object'.",
        )
        .param("input"));
    }
    asked.echo = echo(fields);
    Ok(asked)
}

/// The answer to a request to count tokens.
pub(crate) fn count(body: &Value) -> Result<Value, Rejection> {
    let asked = read(body)?;
    Ok(json!({"object": "response.input_tokens", "input_tokens": asked.prompt.prompt()}))
}

fn stream_options(fields: &Map<String, Value>, asked: &mut Asked) -> Result<(), Rejection> {
    asked.obfuscate = true;
    let Some(options) = fields.get("stream_options").filter(|options| !options.is_null()) else {
        return Ok(());
    };
    if !asked.stream {
        return Err(Rejection::invalid(
            "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
        )
        .param("stream_options"));
    }
    let options = options.as_object().ok_or_else(|| wrong_type("stream_options", "an object"))?;
    if let Some(key) = options.keys().find(|key| *key != "include_obfuscation") {
        return Err(unknown_parameter(&format!("stream_options.{key}")));
    }
    asked.obfuscate = options.get("include_obfuscation") != Some(&Value::Bool(false));
    Ok(())
}

/// What would need an earlier response, or time after this exchange.
fn state(fields: &Map<String, Value>) -> Result<(), Rejection> {
    if let Some(id) = fields.get("previous_response_id").and_then(Value::as_str) {
        return Err(Rejection::invalid(format!("Previous response with id '{id}' not found."))
            .param("previous_response_id")
            .kind("previous_response_not_found"));
    }
    if let Some(id) = fields.get("conversation").filter(|value| !value.is_null()) {
        return Err(Rejection::new(404, format!("Conversation with id '{id}' not found.")));
    }
    if flag(fields, "background")? {
        return Err(
            Rejection::invalid("Background mode is not available here.").param("background")
        );
    }
    flag(fields, "store")?;
    Ok(())
}

fn limits(fields: &Map<String, Value>, asked: &mut Asked) -> Result<(), Rejection> {
    let Some(value) = fields.get("max_output_tokens").filter(|value| !value.is_null()) else {
        return Ok(());
    };
    let key = "max_output_tokens";
    let number = value.as_u64().ok_or_else(|| wrong_type(key, "an integer"))?;
    if number < LEAST_TOKENS {
        return Err(Rejection::invalid(format!(
            "Invalid '{key}': integer below minimum value. Expected a value >= {LEAST_TOKENS}, but got {number} instead."
        ))
        .param(key)
        .kind("integer_below_min_value"));
    }
    asked.max_tokens = Some(number);
    Ok(())
}

fn reasoning(fields: &Map<String, Value>, asked: &mut Asked) -> Result<(), Rejection> {
    let unsupported = |key: &str| {
        Rejection::invalid(format!(
            "Unsupported parameter: '{key}' is not supported with this model."
        ))
        .param(key)
        .kind("unsupported_parameter")
    };
    let Some(reasoning) = fields.get("reasoning").filter(|value| !value.is_null()) else {
        return Ok(());
    };
    let members = reasoning.as_object().ok_or_else(|| wrong_type("reasoning", "an object"))?;
    let known = ["effort", "summary", "generate_summary", "mode", "context"];
    if let Some(key) = members.keys().find(|key| !known.contains(&key.as_str())) {
        return Err(unknown_parameter(&format!("reasoning.{key}")));
    }
    let word = |key: &str, allowed: &[&str]| match members.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(word)) if allowed.contains(&word.as_str()) => Ok(Some(word.clone())),
        Some(other) => {
            let text = other.as_str().map_or_else(|| other.to_string(), str::to_owned);
            Err(invalid_value(&format!("reasoning.{key}"), &text, allowed))
        }
    };
    let efforts = ["none", "minimal", "low", "medium", "high", "xhigh", "max"];
    let effort = word("effort", &efforts)?;
    let summary = word("summary", &["auto", "concise", "detailed"])?;
    if effort.is_some() && !reasons(&asked.model) {
        return Err(unsupported("reasoning.effort"));
    }
    if summary.is_some() && !reasons(&asked.model) {
        return Err(unsupported("reasoning.summary"));
    }
    asked.reasoning = match effort.as_deref() {
        Some(effort) => effort != "none",
        None => summary.is_some(),
    };
    asked.show_reasoning = asked.reasoning && summary.is_some();
    if asked.reasoning
        && let Some(key) = ["temperature", "top_p"]
            .into_iter()
            .find(|key| fields.get(*key).is_some_and(|value| !value.is_null()))
    {
        return Err(unsupported(key));
    }
    Ok(())
}

fn include(fields: &Map<String, Value>, asked: &mut Asked) -> Result<(), Rejection> {
    let list = match fields.get("include") {
        None | Some(Value::Null) => &Vec::new(),
        Some(Value::Array(list)) => list,
        Some(_) => return Err(wrong_type("include", "an array of strings")),
    };
    for (index, value) in list.iter().enumerate() {
        let word = value.as_str().unwrap_or_default();
        if !INCLUDES.contains(&word) {
            return Err(invalid_value(&format!("include[{index}]"), word, &INCLUDES));
        }
    }
    let wants = |word: &str| list.iter().any(|value| value == word);
    if wants(ENCRYPTED) && !reasons(&asked.model) {
        return Err(Rejection::invalid("Encrypted content is not supported with this model.")
            .param("include"));
    }
    asked.encrypt_reasoning = wants(ENCRYPTED);
    let top = match fields.get("top_logprobs").filter(|value| !value.is_null()) {
        None => None,
        Some(value) => match value.as_u64() {
            Some(top) if top <= 20 => Some(top),
            _ => return Err(wrong_type("top_logprobs", "an integer from 0 to 20")),
        },
    };
    if wants(LOGPROBS) || top.is_some() {
        asked.logprobs = Some(top.unwrap_or(0));
    }
    Ok(())
}

fn form(fields: &Map<String, Value>) -> Result<Form, Rejection> {
    let Some(text) = fields.get("text").filter(|text| !text.is_null()) else {
        return Ok(Form::Text);
    };
    let members = text.as_object().ok_or_else(|| wrong_type("text", "an object"))?;
    if let Some(key) = members.keys().find(|key| !["format", "verbosity"].contains(&key.as_str())) {
        return Err(unknown_parameter(&format!("text.{key}")));
    }
    let Some(format) = members.get("format").filter(|format| !format.is_null()) else {
        return Ok(Form::Text);
    };
    let format = format.as_object().ok_or_else(|| wrong_type("text.format", "an object"))?;
    let known: &[&str] = match format.get("type").and_then(Value::as_str) {
        Some("text") => &[],
        Some("json_object") => &[],
        // Flat here; a schema nested under `json_schema` is that of Chat Completions.
        Some("json_schema") => &["name", "schema", "strict", "description"],
        Some(other) => {
            let kinds = ["json_object", "json_schema", "text"];
            return Err(invalid_value("text.format.type", other, &kinds));
        }
        None => return Err(missing("text.format.type")),
    };
    if let Some(key) = format.keys().find(|key| *key != "type" && !known.contains(&key.as_str())) {
        return Err(unknown_parameter(&format!("text.format.{key}")));
    }
    match format["type"].as_str() {
        Some("json_object") => Ok(Form::Object),
        Some("json_schema") => {
            for key in ["name", "schema"] {
                if format.get(key).is_none_or(Value::is_null) {
                    return Err(missing(&format!("text.format.{key}")));
                }
            }
            Ok(Form::Schema(format["schema"].clone()))
        }
        _ => Ok(Form::Text),
    }
}

/// The parameters that a response repeats.
fn echo(fields: &Map<String, Value>) -> Value {
    let get = |key: &str, default: Value| {
        fields.get(key).filter(|value| !value.is_null()).cloned().unwrap_or(default)
    };
    let reasoning = get("reasoning", json!({}));
    let text = get("text", json!({}));
    json!({
        "background": false,
        "instructions": get("instructions", Value::Null),
        "max_output_tokens": get("max_output_tokens", Value::Null),
        "max_tool_calls": get("max_tool_calls", Value::Null),
        "metadata": get("metadata", json!({})),
        "parallel_tool_calls": get("parallel_tool_calls", true.into()),
        "previous_response_id": null,
        "prompt_cache_key": get("prompt_cache_key", Value::Null),
        "reasoning": {"effort": reasoning["effort"], "summary": reasoning["summary"]},
        "safety_identifier": get("safety_identifier", Value::Null),
        "service_tier": "default",
        "store": get("store", true.into()),
        "temperature": get("temperature", json!(1.0)),
        "text": {
            "format": if text["format"].is_null() { json!({"type": "text"}) } else { text["format"].clone() },
            "verbosity": if text["verbosity"].is_null() { json!("medium") } else { text["verbosity"].clone() },
        },
        "tool_choice": get("tool_choice", "auto".into()),
        "tools": get("tools", json!([])),
        "top_logprobs": get("top_logprobs", 0.into()),
        "top_p": get("top_p", json!(1.0)),
        "truncation": get("truncation", "disabled".into()),
        "user": get("user", Value::Null),
    })
}
