//! The request body: which parameters there are and what they ask for.

use serde_json::{Map, Value, json};

use super::blocks::{extra, missing};
use super::messages;
use super::prompt::Prompt;
use crate::answer::{Asked, Choice, Form, Tool};
use crate::rejection::Rejection;
use crate::tokens;

/// Parameters of the Messages endpoint.
const KNOWN: [&str; 20] = [
    "cache_control",
    "container",
    "context_management",
    "inference_geo",
    "max_tokens",
    "mcp_servers",
    "messages",
    "metadata",
    "model",
    "output_config",
    "output_format",
    "service_tier",
    "speed",
    "stop_sequences",
    "stream",
    "system",
    "temperature",
    "thinking",
    "tool_choice",
    "tools",
];

/// Sampling parameters, which counting does not take.
const SAMPLING: [&str; 2] = ["top_k", "top_p"];

/// Checks a request as Anthropic would and reads it.
pub(crate) fn read(body: &Value) -> Result<Asked, Rejection> {
    let fields = object(body)?;
    if !fields.contains_key("max_tokens") {
        return Err(missing("max_tokens"));
    }
    prompt(fields)
}

/// The answer to a request to count tokens: the same body without `max_tokens`.
pub(crate) fn count(body: &Value) -> Result<Value, Rejection> {
    let fields = object(body)?;
    for key in ["max_tokens", "stream", "temperature"] {
        if fields.contains_key(key) {
            return Err(extra(key));
        }
    }
    Ok(json!({"input_tokens": prompt(fields)?.prompt.input}))
}

fn object(body: &Value) -> Result<&Map<String, Value>, Rejection> {
    body.as_object().ok_or_else(|| Rejection::invalid("Input should be a valid dictionary"))
}

fn prompt(fields: &Map<String, Value>) -> Result<Asked, Rejection> {
    for key in fields.keys() {
        if !KNOWN.contains(&key.as_str()) && !SAMPLING.contains(&key.as_str()) {
            return Err(extra(key));
        }
    }
    let model = match fields.get("model") {
        Some(Value::String(model)) => model.clone(),
        Some(_) => return Err(Rejection::invalid("model: Input should be a valid string")),
        None => return Err(missing("model")),
    };
    let mut asked = Asked { model, parallel: true, preamble: true, count: 1, ..Asked::default() };
    asked.stream = match fields.get("stream") {
        None | Some(Value::Null) => false,
        Some(Value::Bool(stream)) => *stream,
        Some(_) => return Err(Rejection::invalid("stream: Input should be a valid boolean")),
    };
    asked.max_tokens = match fields.get("max_tokens") {
        None => None,
        Some(value) => match value.as_u64() {
            Some(0) => {
                return Err(Rejection::invalid("max_tokens: must be greater than or equal to 1"));
            }
            Some(number) => Some(number),
            None => return Err(Rejection::invalid("max_tokens: Input should be a valid integer")),
        },
    };
    stops(fields, &mut asked)?;
    thinking(fields, &mut asked)?;
    sampling(fields, &asked)?;
    asked.form = form(fields)?;
    let mut prompt = Prompt::default();
    tools(fields, &mut prompt, &mut asked)?;
    system(fields, &mut prompt)?;
    match fields.get("messages") {
        Some(Value::Array(messages)) => messages::read(messages, &mut prompt, &mut asked)?,
        Some(_) => return Err(Rejection::invalid("messages: Input should be a valid list")),
        None => return Err(missing("messages")),
    }
    if let Some(mark) = fields.get("cache_control").filter(|mark| !mark.is_null()) {
        prompt.mark(mark)?;
    }
    asked.prompt.input = prompt.tokens;
    asked.marks = prompt.marks;
    Ok(asked)
}

fn stops(fields: &Map<String, Value>, asked: &mut Asked) -> Result<(), Rejection> {
    let stops = match fields.get("stop_sequences") {
        None | Some(Value::Null) => return Ok(()),
        Some(Value::Array(stops)) => stops,
        Some(_) => return Err(Rejection::invalid("stop_sequences: Input should be a valid list")),
    };
    for stop in stops.iter().filter_map(Value::as_str) {
        if stop.trim().is_empty() {
            return Err(Rejection::invalid(
                "stop_sequences: each stop sequence must contain non-whitespace",
            ));
        }
        asked.stops.push(stop.to_owned());
    }
    Ok(())
}

fn thinking(fields: &Map<String, Value>, asked: &mut Asked) -> Result<(), Rejection> {
    let Some(thinking) = fields.get("thinking").filter(|thinking| !thinking.is_null()) else {
        return Ok(());
    };
    let forced = matches!(
        fields.get("tool_choice").and_then(|choice| choice["type"].as_str()),
        Some("any" | "tool")
    );
    asked.show_reasoning = thinking["display"] != "omitted";
    match thinking["type"].as_str() {
        Some("enabled") => {
            let budget = thinking["budget_tokens"]
                .as_u64()
                .ok_or_else(|| missing("thinking.enabled.budget_tokens"))?;
            if budget < 1024 {
                return Err(Rejection::invalid(
                    "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024",
                ));
            }
            if asked.max_tokens.is_some_and(|max| budget >= max) {
                return Err(Rejection::invalid(
                    "`max_tokens` must be greater than `thinking.budget_tokens`. Please consult our documentation at https://docs.claude.com/en/docs/build-with-claude/extended-thinking#max-tokens-and-context-window-size",
                ));
            }
            if forced {
                return Err(Rejection::invalid(
                    "Thinking may not be enabled when tool_choice forces tool use.",
                ));
            }
            asked.reasoning = true;
            asked.strict_thinking = true;
        }
        // A forced tool is accepted here, but the model then does not think.
        Some("adaptive" | "between_tools") => asked.reasoning = !forced,
        Some("disabled") => {}
        Some(other) => {
            return Err(Rejection::invalid(format!(
                "thinking: Input tag '{other}' found using 'type' does not match any of the expected tags: 'adaptive', 'disabled', 'enabled'"
            )));
        }
        None => return Err(missing("thinking.type")),
    }
    Ok(())
}

fn sampling(fields: &Map<String, Value>, asked: &Asked) -> Result<(), Rejection> {
    let number = |key: &str| fields.get(key).and_then(Value::as_f64);
    let (temperature, top_p) = (number("temperature"), number("top_p"));
    for (key, value) in [("temperature", temperature), ("top_p", top_p)] {
        if value.is_some_and(|value| !(0.0..=1.0).contains(&value)) {
            return Err(Rejection::invalid(format!("{key}: range: 0..1")));
        }
    }
    if temperature.is_some() && top_p.is_some() && asked.model.contains("4-5") {
        return Err(Rejection::invalid(
            "`temperature` and `top_p` cannot both be specified for this model. Please use only one.",
        ));
    }
    if !asked.reasoning {
        return Ok(());
    }
    let refused = if temperature.is_some_and(|value| value < 1.0) {
        "`temperature` may only be set to 1 when thinking is enabled."
    } else if top_p.is_some_and(|value| value < 0.95) {
        "`top_p` must be greater than or equal to 0.95 or unset when thinking is enabled."
    } else if number("top_k").is_some() {
        "`top_k` must be unset when thinking is enabled."
    } else {
        return Ok(());
    };
    Err(Rejection::invalid(format!(
        "{refused} Please consult our documentation at https://docs.claude.com/en/docs/build-with-claude/extended-thinking"
    )))
}

fn form(fields: &Map<String, Value>) -> Result<Form, Rejection> {
    let config = fields.get("output_config").filter(|config| !config.is_null());
    if let Some(key) = config.and_then(Value::as_object).and_then(|config| {
        config.keys().find(|key| !["effort", "format", "task_budget"].contains(&key.as_str()))
    }) {
        return Err(extra(&format!("output_config.{key}")));
    }
    let format =
        config.and_then(|config| config.get("format")).or_else(|| fields.get("output_format"));
    let Some(format) = format.filter(|format| !format.is_null()) else {
        return Ok(Form::Text);
    };
    if format["type"] != "json_schema" {
        return Err(Rejection::invalid("output_config.format.type: Input should be 'json_schema'"));
    }
    let schema =
        format.get("schema").ok_or_else(|| missing("output_config.format.json_schema.schema"))?;
    Ok(Form::Schema(schema.clone()))
}

fn tools(
    fields: &Map<String, Value>,
    prompt: &mut Prompt,
    asked: &mut Asked,
) -> Result<(), Rejection> {
    let tools = match fields.get("tools") {
        None | Some(Value::Null) => &Vec::new(),
        Some(Value::Array(tools)) => tools,
        Some(_) => return Err(Rejection::invalid("tools: Input should be a valid list")),
    };
    for (index, tool) in tools.iter().enumerate() {
        let path = format!("tools.{index}.custom");
        let Some(tool_fields) = tool.as_object() else {
            return Err(Rejection::invalid(format!("tools.{index}: Input should be an object")));
        };
        let mut bare = tool.clone();
        if let Some(bare) = bare.as_object_mut() {
            bare.remove("cache_control");
        }
        prompt.add("tools", tool, tokens::count(&bare.to_string()))?;
        if tool_fields.get("type").is_some_and(|kind| !kind.is_null() && kind != "custom") {
            continue;
        }
        let known = [
            "type",
            "name",
            "description",
            "input_schema",
            "cache_control",
            "strict",
            "eager_input_streaming",
            "defer_loading",
            "allowed_callers",
            "input_examples",
        ];
        if let Some(key) = tool_fields.keys().find(|key| !known.contains(&key.as_str())) {
            return Err(extra(&format!("{path}.{key}")));
        }
        let name = tool["name"].as_str().ok_or_else(|| missing(&format!("{path}.name")))?;
        let letters = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        if !(1..=128).contains(&name.len()) || !name.bytes().all(letters) {
            return Err(Rejection::invalid(format!(
                "{path}.name: String should match pattern '^[a-zA-Z0-9_-]{{1,128}}$'"
            )));
        }
        let schema =
            tool.get("input_schema").ok_or_else(|| missing(&format!("{path}.input_schema")))?;
        match schema.get("type") {
            Some(kind) if kind == "object" => {}
            Some(_) => {
                return Err(Rejection::invalid(format!(
                    "{path}.input_schema.type: Input should be 'object'"
                )));
            }
            None => return Err(missing(&format!("{path}.input_schema.type"))),
        }
        if asked.tools.iter().any(|other| other.name == name) {
            return Err(Rejection::invalid("tools: Tool names must be unique."));
        }
        asked.tools.push(Tool { name: name.to_owned(), schema: schema.clone() });
    }
    choice(fields, tools.is_empty(), asked)
}

fn choice(fields: &Map<String, Value>, bare: bool, asked: &mut Asked) -> Result<(), Rejection> {
    let Some(choice) = fields.get("tool_choice").filter(|choice| !choice.is_null()) else {
        return Ok(());
    };
    if bare {
        return Err(Rejection::invalid("tool_choice may only be specified while providing tools."));
    }
    asked.parallel = choice["disable_parallel_tool_use"] != true;
    asked.choice = match choice["type"].as_str() {
        Some("auto") => Choice::Auto,
        Some("none") => Choice::None,
        Some("any") => Choice::Required(Vec::new()),
        Some("tool") => {
            let name = choice["name"].as_str().ok_or_else(|| missing("tool_choice.tool.name"))?;
            if asked.tools.iter().all(|tool| tool.name != name) {
                return Err(Rejection::invalid(format!(
                    "Tool '{name}' not found in provided tools"
                )));
            }
            Choice::Required(vec![name.to_owned()])
        }
        Some(other) => {
            return Err(Rejection::invalid(format!(
                "tool_choice: Input tag '{other}' found using 'type' does not match any of the expected tags: 'any', 'auto', 'none', 'tool'"
            )));
        }
        None => return Err(missing("tool_choice.type")),
    };
    Ok(())
}

fn system(fields: &Map<String, Value>, prompt: &mut Prompt) -> Result<(), Rejection> {
    match fields.get("system") {
        None | Some(Value::Null) => Ok(()),
        Some(Value::String(text)) => {
            let block = json!({"type": "text", "text": text});
            prompt.add("system", &block, tokens::MESSAGE_TOKENS + tokens::count(text))
        }
        Some(Value::Array(blocks)) => {
            let mut cost = tokens::MESSAGE_TOKENS;
            for (index, block) in blocks.iter().enumerate() {
                let text = block["text"]
                    .as_str()
                    .ok_or_else(|| missing(&format!("system.{index}.text")))?;
                if text.is_empty() {
                    return Err(Rejection::invalid(
                        "system: text content blocks must be non-empty",
                    ));
                }
                prompt.add("system", block, std::mem::take(&mut cost) + tokens::count(text))?;
            }
            Ok(())
        }
        Some(_) => Err(Rejection::invalid("system: Input should be a valid string")),
    }
}
