//! The request body: which parameters there are and what they ask for.

use serde_json::{Map, Value};

use super::Host;
use super::messages::{self, missing, wrong_type};
use crate::answer::{Asked, Choice, Form, Tool};
use crate::rejection::Rejection;
use crate::tokens;

/// Parameters of the Chat Completions endpoint.
const KNOWN: [&str; 38] = [
    "audio",
    "frequency_penalty",
    "function_call",
    "functions",
    "logit_bias",
    "logprobs",
    "max_completion_tokens",
    "max_tokens",
    "messages",
    "metadata",
    "modalities",
    "model",
    "moderation",
    "n",
    "parallel_tool_calls",
    "prediction",
    "presence_penalty",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "reasoning_effort",
    "response_format",
    "safety_identifier",
    "seed",
    "service_tier",
    "stop",
    "store",
    "stream",
    "stream_options",
    "suffix",
    "temperature",
    "tool_choice",
    "tools",
    "top_logprobs",
    "top_p",
    "user",
    "verbosity",
    "web_search_options",
];

/// Parameters that compatible hosts add.
const KNOWN_TO_COMPATIBLE: [&str; 10] = [
    "thinking",
    "chat_template_kwargs",
    "enable_thinking",
    "include_reasoning",
    "min_p",
    "reasoning",
    "repetition_penalty",
    "thinking_budget",
    "top_k",
    "reasoning_format",
];

/// Checks a request as OpenAI would and reads it.
pub(crate) fn read(body: &Value) -> Result<Asked, Rejection> {
    let Some(fields) = body.as_object() else {
        return Err(Rejection::invalid(
            "We could not parse the JSON body of your request. (HINT: This likely means you aren't using your HTTP library correctly. The OpenAI API expects a JSON payload, but what was sent was not valid JSON.)",
        ));
    };
    let model = match fields.get("model") {
        Some(Value::String(model)) => model.clone(),
        _ => return Err(Rejection::invalid("you must provide a model parameter")),
    };
    let host = Host::of(&model);
    for key in fields.keys() {
        let known = KNOWN.contains(&key.as_str())
            || (host != Host::OpenAi && KNOWN_TO_COMPATIBLE.contains(&key.as_str()));
        if !known {
            return Err(Rejection::invalid(format!(
                "Unrecognized request argument supplied: {key}"
            )));
        }
    }
    let mut asked = Asked { model, parallel: true, count: 1, ..Asked::default() };
    asked.stream = flag(fields, "stream")?;
    stream_options(fields, &mut asked)?;
    ranges(fields)?;
    limits(fields, host, &mut asked)?;
    asked.reasoning = reasons(fields, host);
    asked.show_reasoning = asked.reasoning && host.reasoning_member().is_some();
    tools(fields, &mut asked)?;
    asked.form = form(fields)?;
    let Some(messages) = fields.get("messages") else {
        return Err(missing("messages"));
    };
    let messages =
        messages.as_array().ok_or_else(|| wrong_type("messages", "an array of objects"))?;
    messages::read(messages, host, &mut asked)?;
    if asked.form == Form::Object
        && !Value::from(messages.clone()).to_string().to_lowercase().contains("json")
    {
        return Err(Rejection::invalid(
            "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'.",
        )
        .param("messages"));
    }
    Ok(asked)
}

pub(crate) fn flag(fields: &Map<String, Value>, key: &str) -> Result<bool, Rejection> {
    match fields.get(key) {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(value)) => Ok(*value),
        Some(_) => Err(wrong_type(key, "a boolean")),
    }
}

fn stream_options(fields: &Map<String, Value>, asked: &mut Asked) -> Result<(), Rejection> {
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
    for key in options.keys() {
        if !["include_usage", "include_obfuscation"].contains(&key.as_str()) {
            return Err(messages::unknown_parameter(&format!("stream_options.{key}")));
        }
    }
    asked.include_usage = flag(options, "include_usage")?;
    Ok(())
}

fn ranges(fields: &Map<String, Value>) -> Result<(), Rejection> {
    for (key, low, high) in [
        ("temperature", 0.0, 2.0),
        ("top_p", 0.0, 1.0),
        ("presence_penalty", -2.0, 2.0),
        ("frequency_penalty", -2.0, 2.0),
    ] {
        range(fields, key, low, high)?;
    }
    Ok(())
}

/// Refuses a number outside its range.
pub(crate) fn range(
    fields: &Map<String, Value>,
    key: &str,
    low: f64,
    high: f64,
) -> Result<(), Rejection> {
    let Some(value) = fields.get(key).filter(|value| !value.is_null()) else {
        return Ok(());
    };
    let number = value.as_f64().ok_or_else(|| wrong_type(key, "a decimal"))?;
    let (side, sign, bound, code) = if number > high {
        ("above maximum", "<=", high, "decimal_above_max_value")
    } else if number < low {
        ("below minimum", ">=", low, "decimal_below_min_value")
    } else {
        return Ok(());
    };
    Err(Rejection::invalid(format!(
        "Invalid '{key}': decimal {side} value. Expected a value {sign} {bound}, but got {value} instead."
    ))
    .param(key)
    .kind(code))
}

fn limits(fields: &Map<String, Value>, host: Host, asked: &mut Asked) -> Result<(), Rejection> {
    let integer = |key: &str, least: u64| {
        match fields.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match value.as_u64() {
            Some(number) if number >= least => Ok(Some(number)),
            Some(number) => Err(Rejection::invalid(format!(
                "Invalid '{key}': integer below minimum value. Expected a value >= {least}, but got {number} instead."
            ))
            .param(key)
            .kind("integer_below_min_value")),
            None => Err(wrong_type(key, "an integer")),
        },
    }
    };
    let old = integer("max_tokens", 1)?;
    let new = integer("max_completion_tokens", 1)?;
    let reasoner = ["o1", "o3", "o4", "gpt-5"].iter().any(|name| asked.model.starts_with(name));
    if old.is_some() && reasoner && host == Host::OpenAi {
        return Err(Rejection::invalid(
            "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
        )
        .param("max_tokens")
        .kind("unsupported_parameter"));
    }
    asked.max_tokens = new.or(old);
    asked.count = integer("n", 1)?.unwrap_or(1);
    if asked.count > 128 {
        return Err(Rejection::invalid(format!(
            "Invalid 'n': integer above maximum value. Expected a value <= 128, but got {} instead.",
            asked.count
        ))
        .param("n")
        .kind("integer_above_max_value"));
    }
    let top = integer("top_logprobs", 0)?;
    if flag(fields, "logprobs")? {
        asked.logprobs = Some(top.unwrap_or(0).min(20));
    } else if top.is_some() {
        return Err(Rejection::invalid(
            "The 'top_logprobs' parameter is only allowed when 'logprobs' is enabled.",
        )
        .param("top_logprobs"));
    }
    asked.stops = match fields.get("stop") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::String(stop)) => vec![stop.clone()],
        Some(Value::Array(stops)) if stops.len() <= 4 => {
            stops.iter().filter_map(Value::as_str).map(str::to_owned).collect()
        }
        Some(Value::Array(stops)) => {
            return Err(Rejection::invalid(format!(
                "Invalid 'stop': array too long. Expected an array with maximum length 4, but got an array with length {} instead.",
                stops.len()
            ))
            .param("stop")
            .kind("array_above_max_length"));
        }
        Some(_) => return Err(wrong_type("stop", "one of a string or array of strings")),
    };
    Ok(())
}

/// Whether the request asks the model to reason.
fn reasons(fields: &Map<String, Value>, host: Host) -> bool {
    let effort = fields.get("reasoning_effort").and_then(Value::as_str);
    if effort.is_some_and(|effort| effort != "none") {
        return true;
    }
    if host == Host::OpenAi {
        return false;
    }
    let thinking = fields.get("thinking").and_then(|thinking| thinking.get("type"));
    let reasoning = fields.get("reasoning");
    thinking.and_then(Value::as_str).is_some_and(|kind| kind != "disabled")
        || fields.get("enable_thinking") == Some(&Value::Bool(true))
        || fields.get("include_reasoning") == Some(&Value::Bool(true))
        || reasoning.is_some_and(|reasoning| {
            reasoning.get("enabled") != Some(&Value::Bool(false)) && reasoning.is_object()
        })
}

fn tools(fields: &Map<String, Value>, asked: &mut Asked) -> Result<(), Rejection> {
    let tools = match fields.get("tools") {
        None | Some(Value::Null) => {
            if fields.get("tool_choice").is_some_and(|choice| !choice.is_null()) {
                return Err(Rejection::invalid("Invalid value for 'tool_choice': 'tool_choice' is only allowed when 'tools' are specified.").param("tool_choice"));
            }
            if fields.get("parallel_tool_calls").is_some_and(|parallel| !parallel.is_null()) {
                return Err(Rejection::invalid("Invalid value for 'parallel_tool_calls': 'parallel_tool_calls' is only allowed when 'tools' are specified.").param("parallel_tool_calls"));
            }
            return Ok(());
        }
        Some(Value::Array(tools)) if tools.is_empty() => {
            return Err(Rejection::invalid("Invalid 'tools': empty array. Expected an array with minimum length 1, but got an empty array instead.").param("tools").kind("empty_array"));
        }
        Some(Value::Array(tools)) => tools,
        Some(_) => return Err(wrong_type("tools", "an array of objects")),
    };
    for (index, tool) in tools.iter().enumerate() {
        let path = format!("tools[{index}]");
        if tool.get("type").and_then(Value::as_str).is_none() {
            return Err(missing(&format!("{path}.type")));
        }
        let Some(function) = tool.get("function").and_then(Value::as_object) else {
            return Err(missing(&format!("{path}.function")));
        };
        let name = function
            .get("name")
            .and_then(Value::as_str)
            .ok_or_else(|| missing(&format!("{path}.function.name")))?;
        if !tool_name(name) {
            return Err(Rejection::invalid(format!(
                "Invalid '{path}.function.name': string does not match pattern. Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'."
            ))
            .param(format!("{path}.function.name"))
            .kind("invalid_value"));
        }
        for key in function.keys() {
            if !["name", "description", "parameters", "strict"].contains(&key.as_str()) {
                return Err(messages::unknown_parameter(&format!("{path}.function.{key}")));
            }
        }
        let schema = function.get("parameters").cloned().unwrap_or_default();
        if schema.is_object() && schema.get("type").is_some_and(|kind| kind != "object") {
            return Err(Rejection::invalid(format!(
                "Invalid schema for function '{name}': schema must be a JSON Schema of 'type: \"object\"', got 'type: {}'.",
                schema["type"]
            ))
            .param(format!("{path}.function.parameters"))
            .kind("invalid_function_parameters"));
        }
        asked.prompt.input += tokens::count(&tool.to_string());
        asked.tools.push(Tool { name: name.to_owned(), schema });
    }
    asked.parallel = fields.get("parallel_tool_calls") != Some(&Value::Bool(false));
    asked.choice = choice(fields.get("tool_choice"), &asked.tools)?;
    Ok(())
}

pub(crate) fn tool_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}

fn choice(choice: Option<&Value>, tools: &[Tool]) -> Result<Choice, Rejection> {
    let invalid = |value: &Value| {
        Rejection::invalid(format!(
            "Invalid value: {value}. Supported values are: 'none', 'auto', and 'required'."
        ))
        .param("tool_choice")
        .kind("invalid_value")
    };
    let names = match choice {
        None | Some(Value::Null) => return Ok(Choice::Auto),
        Some(Value::String(word)) => {
            return match word.as_str() {
                "auto" => Ok(Choice::Auto),
                "none" => Ok(Choice::None),
                "required" => Ok(Choice::Required(Vec::new())),
                _ => Err(invalid(&Value::String(word.clone()))),
            };
        }
        Some(value) if value["type"] == "allowed_tools" => {
            let allowed = &value["allowed_tools"];
            if allowed["mode"] != "required" {
                return Ok(Choice::Auto);
            }
            let named = allowed["tools"].as_array().into_iter().flatten();
            named.filter_map(|tool| tool["function"]["name"].as_str()).collect::<Vec<_>>()
        }
        Some(value) => {
            vec![value["function"]["name"].as_str().ok_or_else(|| invalid(value))?]
        }
    };
    for name in &names {
        if tools.iter().all(|tool| tool.name != *name) {
            return Err(Rejection::invalid(format!(
                "Invalid value for 'tool_choice': no function named '{name}' was specified in the 'tools' parameter."
            ))
            .param("tool_choice"));
        }
    }
    Ok(Choice::Required(names.into_iter().map(str::to_owned).collect()))
}

fn form(fields: &Map<String, Value>) -> Result<Form, Rejection> {
    let Some(format) = fields.get("response_format").filter(|format| !format.is_null()) else {
        return Ok(Form::Text);
    };
    match format.get("type").and_then(Value::as_str) {
        Some("text") => Ok(Form::Text),
        Some("json_object") => Ok(Form::Object),
        Some("json_schema") => {
            let Some(schema) = format.get("json_schema").filter(|schema| schema.is_object()) else {
                return Err(missing("response_format.json_schema"));
            };
            if schema.get("name").and_then(Value::as_str).is_none() {
                return Err(missing("response_format.json_schema.name"));
            }
            Ok(Form::Schema(schema.get("schema").cloned().unwrap_or_default()))
        }
        Some(other) => Err(Rejection::invalid(format!(
            "Invalid value: '{other}'. Supported values are: 'json_object', 'json_schema', and 'text'."
        ))
        .param("response_format.type")
        .kind("invalid_value")),
        None => Err(missing("response_format.type")),
    }
}
