//! The request body. What the server does not know it passes over; what it knows must have the
//! right type.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use crate::answer::{Asked, Form, Tool};
use crate::rejection::Rejection;
use crate::tokens;

/// Tokens of context where the request asks for none; what is before is cut without a word.
const CONTEXT: u64 = 4096;

fn wrong(field: &str, given: &Value, wanted: &str) -> Rejection {
    let given = match given {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    Rejection::invalid(format!(
        "json: cannot unmarshal {given} into Go struct field ChatRequest.{field} of type {wanted}"
    ))
}

fn given<'a>(fields: &'a Map<String, Value>, key: &str) -> Option<&'a Value> {
    fields.get(key).filter(|value| !value.is_null())
}

fn text<'a>(
    fields: &'a Map<String, Value>,
    key: &str,
    field: &str,
) -> Result<Option<&'a str>, Rejection> {
    given(fields, key)
        .map(|value| value.as_str().ok_or_else(|| wrong(field, value, "string")))
        .transpose()
}

fn list<'a>(
    fields: &'a Map<String, Value>,
    key: &str,
    field: &str,
    wanted: &str,
) -> Result<&'a [Value], Rejection> {
    match given(fields, key) {
        None => Ok(&[]),
        Some(Value::Array(list)) => Ok(list),
        Some(other) => Err(wrong(field, other, wanted)),
    }
}

/// Checks a request as the server would and reads it.
pub(crate) fn read(body: &Value) -> Result<Asked, Rejection> {
    let fields = body.as_object().ok_or_else(|| wrong("", body, "api.ChatRequest"))?;
    let model = text(fields, "model", "model")?.unwrap_or_default();
    if model.is_empty() {
        return Err(Rejection::invalid("model is required"));
    }
    let mut asked = Asked { model: model.to_owned(), parallel: true, count: 1, ..Asked::default() };
    asked.stream = match given(fields, "stream") {
        None => true,
        Some(Value::Bool(stream)) => *stream,
        Some(other) => return Err(wrong("stream", other, "bool")),
    };
    tools(fields, &mut asked)?;
    think(fields, &mut asked)?;
    asked.form = form(fields)?;
    let messages = list(fields, "messages", "messages", "[]api.Message")?;
    for message in messages {
        read_message(message, &mut asked)?;
    }
    let context = options(fields, &mut asked)?;
    if messages.is_empty() {
        // The model is merely loaded.
        asked.count = 0;
        asked.max_tokens = Some(0);
    }
    asked.prompt.input = asked.prompt.input.min(context);
    Ok(asked)
}

fn tools(fields: &Map<String, Value>, asked: &mut Asked) -> Result<(), Rejection> {
    let tools = list(fields, "tools", "tools", "api.Tools")?;
    let without = ["gemma2", "gemma3", "phi3", "codellama"];
    if !tools.is_empty() && without.iter().any(|name| asked.model.starts_with(name)) {
        return Err(Rejection::invalid(format!(
            "registry.ollama.ai/library/{} does not support tools",
            asked.model
        )));
    }
    for tool in tools {
        let name = tool["function"]["name"].as_str().unwrap_or_default();
        let schema = tool["function"]["parameters"].clone();
        asked.prompt.input += tokens::count(&tool.to_string());
        asked.tools.push(Tool { name: name.to_owned(), schema });
    }
    Ok(())
}

fn think(fields: &Map<String, Value>, asked: &mut Asked) -> Result<(), Rejection> {
    asked.reasoning = match given(fields, "think") {
        None => false,
        Some(Value::Bool(think)) => *think,
        Some(Value::String(level))
            if ["low", "medium", "high", "max"].contains(&level.as_str()) =>
        {
            true
        }
        Some(other) => {
            return Err(Rejection::invalid(format!(
                "invalid think value: {other} (must be \"high\", \"medium\", \"low\", true, or false)"
            )));
        }
    };
    asked.show_reasoning = asked.reasoning;
    let without = ["llama", "gemma", "mistral", "phi", "codellama"];
    if asked.reasoning && without.iter().any(|name| asked.model.starts_with(name)) {
        return Err(Rejection::invalid(format!("{:?} does not support thinking", asked.model)));
    }
    Ok(())
}

fn form(fields: &Map<String, Value>) -> Result<Form, Rejection> {
    match given(fields, "format") {
        None => Ok(Form::Text),
        Some(Value::String(word)) if word.is_empty() => Ok(Form::Text),
        Some(Value::String(word)) if word == "json" => Ok(Form::Object),
        Some(schema @ Value::Object(_)) => Ok(Form::Schema(schema.clone())),
        Some(other) => Err(Rejection::invalid(format!(
            "invalid format: {other}; expected \"json\" or a valid JSON Schema object"
        ))),
    }
}

/// Reads the options, and returns the size of the context.
fn options(fields: &Map<String, Value>, asked: &mut Asked) -> Result<u64, Rejection> {
    let options = match given(fields, "options") {
        None => return Ok(CONTEXT),
        Some(Value::Object(options)) => options,
        Some(other) => return Err(wrong("options", other, "map[string]interface {}")),
    };
    let must = |key: &str, kind: &str| {
        Rejection::invalid(format!("option {key:?} must be of type {kind}"))
    };
    for key in ["num_predict", "top_k", "seed", "num_ctx", "num_keep", "repeat_last_n"] {
        if given(options, key).is_some_and(|value| value.as_f64().is_none()) {
            return Err(must(key, "integer"));
        }
    }
    for key in
        ["temperature", "top_p", "min_p", "repeat_penalty", "presence_penalty", "frequency_penalty"]
    {
        if given(options, key).is_some_and(|value| value.as_f64().is_none()) {
            return Err(must(key, "float32"));
        }
    }
    match given(options, "stop") {
        None => {}
        Some(Value::Array(stops)) => {
            for stop in stops {
                asked.stops.push(stop.as_str().ok_or_else(|| must("stop", "array"))?.to_owned());
            }
        }
        Some(_) => return Err(must("stop", "array")),
    }
    // Below zero is without end.
    asked.max_tokens = options.get("num_predict").and_then(Value::as_u64);
    Ok(options.get("num_ctx").and_then(Value::as_u64).unwrap_or(CONTEXT))
}

fn read_message(message: &Value, asked: &mut Asked) -> Result<(), Rejection> {
    let fields = message.as_object().ok_or_else(|| wrong("messages", message, "api.Message"))?;
    let role = text(fields, "role", "messages.role")?.unwrap_or_default();
    if !["system", "user", "assistant", "tool"].contains(&role) {
        return Err(Rejection::invalid(format!(
            "invalid role: {role:?}, must be one of [\"system\" \"user\" \"assistant\" \"tool\"]"
        )));
    }
    let said = text(fields, "content", "messages.content")?.unwrap_or_default();
    let thought = text(fields, "thinking", "messages.thinking")?.unwrap_or_default();
    text(fields, "tool_name", "messages.tool_name")?;
    let mut cost = tokens::MESSAGE_TOKENS + tokens::count(said) + tokens::count(thought);
    for image in list(fields, "images", "messages.images", "[]api.ImageData")? {
        let data =
            image.as_str().ok_or_else(|| wrong("messages.images", image, "api.ImageData"))?;
        // Neither addresses nor `data:` prefixes: the text must be base64 from its first letter.
        if STANDARD.decode(data).is_err() {
            let at = data
                .bytes()
                .position(|byte| !(byte.is_ascii_alphanumeric() || b"+/=".contains(&byte)));
            return Err(Rejection::invalid(format!(
                "illegal base64 data at input byte {}",
                at.unwrap_or(data.len())
            )));
        }
        asked.media.images += 1;
        cost += tokens::IMAGE_TOKENS;
    }
    for call in list(fields, "tool_calls", "messages.tool_calls", "[]api.ToolCall")? {
        let arguments = &call["function"]["arguments"];
        if !arguments.is_object() {
            let field = "messages.tool_calls.function.arguments";
            return Err(wrong(field, arguments, "api.ToolCallFunctionArguments"));
        }
        let name = call["function"]["name"].as_str().unwrap_or_default();
        cost += tokens::count(name) + tokens::count(&arguments.to_string());
    }
    match role {
        "tool" => asked.tool_results.push(said.to_owned()),
        "user" => {
            asked.tool_results.clear();
            said.clone_into(&mut asked.user_text);
        }
        _ => asked.tool_results.clear(),
    }
    asked.prompt.input = asked.prompt.input.saturating_add(cost);
    Ok(())
}
