//! The request body: which fields there are and what they ask for.

use serde_json::{Map, Value, json};

use super::fields::{get, list, object, violation};
use super::{contents, schema, signs};
use crate::answer::{Asked, Choice, Form, Tool};
use crate::rejection::Rejection;
use crate::tokens;

const REQUEST: [&str; 12] = [
    "model",
    "contents",
    "systemInstruction",
    "tools",
    "toolConfig",
    "safetySettings",
    "generationConfig",
    "cachedContent",
    "serviceTier",
    "store",
    "labels",
    "continuationToken",
];

const GENERATION: [&str; 22] = [
    "temperature",
    "topP",
    "topK",
    "candidateCount",
    "maxOutputTokens",
    "stopSequences",
    "responseMimeType",
    "responseSchema",
    "responseJsonSchema",
    "_responseJsonSchema",
    "responseModalities",
    "presencePenalty",
    "frequencyPenalty",
    "seed",
    "responseLogprobs",
    "logprobs",
    "enableEnhancedCivicAnswers",
    "speechConfig",
    "thinkingConfig",
    "imageConfig",
    "mediaResolution",
    "responseFormat",
];

const TOOL: [&str; 9] = [
    "functionDeclarations",
    "googleSearch",
    "googleSearchRetrieval",
    "codeExecution",
    "urlContext",
    "googleMaps",
    "computerUse",
    "fileSearch",
    "mcpServers",
];

/// Checks a request as Google would and reads it.
pub(crate) fn read(body: &Value, model: &str, stream: bool) -> Result<Asked, Rejection> {
    let body = if body.is_null() { &json!({}) } else { body };
    let fields = object(body, "", &REQUEST)?;
    let mut asked = Asked {
        model: model.to_owned(),
        stream,
        parallel: true,
        count: 1,
        include_usage: true,
        ..Asked::default()
    };
    if get(fields, "cachedContent").is_some()
        && ["systemInstruction", "tools", "toolConfig"]
            .iter()
            .any(|name| get(fields, name).is_some())
    {
        return Err(Rejection::invalid(
            "CachedContent can not be used with GenerateContent request setting system_instruction, tools or tool_config.\n\nProposed fix: move those values to CachedContent from GenerateContent request.",
        ));
    }
    tools(fields, &mut asked)?;
    if let Some(config) = get(fields, "generationConfig") {
        generation(config, &mut asked)?;
    }
    if let Some(system) = get(fields, "systemInstruction") {
        let system = object(system, "system_instruction", &["role", "parts"])?;
        let content = contents::parts(list(system.get("parts")), "system_instruction")?;
        asked.prompt.input += tokens::MESSAGE_TOKENS + content.tokens;
    }
    contents::read(list(fields.get("contents")), &mut asked)?;
    Ok(asked)
}

/// The answer to a request to count tokens.
pub(crate) fn count(body: &Value, model: &str) -> Result<Value, Rejection> {
    let fields = object(body, "", &["contents", "generateContentRequest"])?;
    let asked = match get(fields, "generateContentRequest") {
        Some(request) => read(request, model, false)?,
        None => read(&json!({"contents": fields.get("contents")}), model, false)?,
    };
    let tokens = asked.prompt.input;
    Ok(json!({
        "totalTokens": tokens,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": tokens}],
    }))
}

fn tools(fields: &Map<String, Value>, asked: &mut Asked) -> Result<(), Rejection> {
    for (place, tool) in list(fields.get("tools")).iter().enumerate() {
        let tool = object(tool, &format!("tools[{place}]"), &TOOL)?;
        for (index, declaration) in list(get(tool, "functionDeclarations")).iter().enumerate() {
            let path = format!("tools[{place}].function_declarations[{index}]");
            let known = [
                "name",
                "description",
                "parameters",
                "parametersJsonSchema",
                "response",
                "responseJsonSchema",
                "behavior",
            ];
            let declaration_fields = object(declaration, &path, &known)?;
            let name = declaration_fields.get("name").and_then(Value::as_str).unwrap_or_default();
            if !function_name(name) {
                return Err(Rejection::invalid(format!(
                    "* GenerateContentRequest.{path}.name: Invalid function name. Must start with a letter or an underscore. Must be alphanumeric (a-z, A-Z, 0-9), underscores (_), dots (.), colons (:), or dashes (-), with a maximum length of 64.\n"
                )));
            }
            let parameters = get(declaration_fields, "parameters");
            let free = get(declaration_fields, "parametersJsonSchema");
            if parameters.is_some() && free.is_some() {
                return Err(Rejection::invalid(format!(
                    "* GenerateContentRequest.{path}: only one of parameters and parameters_json_schema may be set.\n"
                )));
            }
            if let Some(parameters) = parameters {
                schema::check(parameters, &format!("{path}.parameters"))?;
            }
            if asked.tools.iter().any(|tool| tool.name == name) {
                return Err(Rejection::invalid(format!(
                    "Duplicate function declaration found: {name}"
                )));
            }
            let schema = parameters.or(free).cloned().unwrap_or_default();
            asked.prompt.input += tokens::count(&declaration.to_string());
            asked.tools.push(Tool { name: name.to_owned(), schema });
        }
    }
    let Some(config) = get(fields, "toolConfig") else {
        return Ok(());
    };
    let known = ["functionCallingConfig", "retrievalConfig", "includeServerSideToolInvocations"];
    let config = object(config, "tool_config", &known)?;
    match get(config, "functionCallingConfig") {
        Some(calling) => choice(calling, asked),
        None => Ok(()),
    }
}

fn function_name(name: &str) -> bool {
    let first = name.bytes().next().unwrap_or_default();
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"_.:-".contains(&byte);
    name.len() <= 64 && (first.is_ascii_alphabetic() || first == b'_') && name.bytes().all(letter)
}

fn choice(calling: &Value, asked: &mut Asked) -> Result<(), Rejection> {
    let path = "tool_config.function_calling_config";
    let known = ["mode", "allowedFunctionNames", "streamFunctionCallArguments"];
    let calling = object(calling, path, &known)?;
    if asked.tools.is_empty() {
        return Err(Rejection::invalid(
            "Function calling config is set without function_declarations.",
        ));
    }
    let names: Vec<String> = list(get(calling, "allowedFunctionNames"))
        .iter()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect();
    let mode = calling.get("mode").and_then(Value::as_str).unwrap_or("AUTO");
    if !names.is_empty() && !["ANY", "VALIDATED"].contains(&mode) {
        return Err(Rejection::invalid(
            "Allowed function names should be set only when function calling mode is ANY or VALIDATED.",
        ));
    }
    if let Some(name) = names.iter().find(|name| asked.tools.iter().all(|tool| tool.name != **name))
    {
        return Err(Rejection::invalid(format!(
            "Allowed function name `{name}` is not among the function declarations."
        )));
    }
    asked.choice = match mode {
        "ANY" => Choice::Required(names),
        "NONE" => Choice::None,
        "AUTO" | "VALIDATED" | "MODE_UNSPECIFIED" => Choice::Auto,
        other => {
            return Err(violation(
                path,
                format!(
                    "Invalid value at '{path}.mode' (type.googleapis.com/google.ai.generativelanguage.v1beta.FunctionCallingConfig.Mode), \"{other}\""
                ),
            ));
        }
    };
    Ok(())
}

fn generation(config: &Value, asked: &mut Asked) -> Result<(), Rejection> {
    let config = object(config, "generation_config", &GENERATION)?;
    let integer = |name: &str| match get(config, name) {
        None => Ok(None),
        Some(value) => value.as_u64().map(Some).ok_or_else(|| {
            let path = format!("generation_config.{name}");
            violation(&path, format!("Invalid value at '{path}' (TYPE_INT32), {value}"))
        }),
    };
    asked.max_tokens = integer("maxOutputTokens")?;
    asked.count = integer("candidateCount")?.unwrap_or(1).max(1);
    if asked.count > 8 {
        return Err(Rejection::invalid(
            "* GenerateContentRequest.generation_config.candidate_count: The candidateCount parameter must be in the range [1, 8].\n",
        ));
    }
    let temperature = get(config, "temperature").and_then(Value::as_f64);
    if temperature.is_some_and(|value| !(0.0..=2.0).contains(&value)) {
        return Err(Rejection::invalid(
            "* GenerateContentRequest.generation_config.temperature: must be in the range [0.0, 2.0].\n",
        ));
    }
    let stops = list(get(config, "stopSequences"));
    if stops.len() > 5 {
        return Err(Rejection::invalid(
            "* GenerateContentRequest.generation_config.stop_sequences: The number of stop sequences must not exceed 5.\n",
        ));
    }
    asked.stops = stops.iter().filter_map(Value::as_str).map(str::to_owned).collect();
    if let Some(thinking) = get(config, "thinkingConfig") {
        think(thinking, asked)?;
    }
    form(config, asked)
}

fn think(thinking: &Value, asked: &mut Asked) -> Result<(), Rejection> {
    let path = "generation_config.thinking_config";
    let known = ["includeThoughts", "thinkingBudget", "thinkingLevel"];
    let thinking = object(thinking, path, &known)?;
    let (budget, level) = (get(thinking, "thinkingBudget"), get(thinking, "thinkingLevel"));
    if budget.is_some() && level.is_some() {
        return Err(Rejection::invalid(
            "You can only set only one of thinking budget and thinking level.",
        ));
    }
    if let Some(level) = level {
        if !signs(&asked.model) {
            return Err(Rejection::invalid("Thinking level is not supported for this model."));
        }
        let known = ["MINIMAL", "LOW", "MEDIUM", "HIGH"];
        let name = level.as_str().unwrap_or_default();
        if !known.iter().any(|known| known.eq_ignore_ascii_case(name)) {
            return Err(violation(
                path,
                format!(
                    "Invalid value at '{path}.thinking_level' (type.googleapis.com/google.ai.generativelanguage.v1beta.ThinkingConfig.ThinkingLevel), {level}"
                ),
            ));
        }
    }
    let budget = budget.and_then(Value::as_i64);
    if budget == Some(0) && asked.model.contains("pro") {
        return Err(Rejection::invalid(
            "Budget 0 is invalid. This model only works in thinking mode.",
        ));
    }
    asked.reasoning = budget != Some(0);
    asked.show_reasoning = get(thinking, "includeThoughts") == Some(&Value::Bool(true));
    Ok(())
}

fn form(config: &Map<String, Value>, asked: &mut Asked) -> Result<(), Rejection> {
    let subset = get(config, "responseSchema");
    let free = get(config, "responseJsonSchema").or_else(|| config.get("_responseJsonSchema"));
    let json = get(config, "responseMimeType").and_then(Value::as_str) == Some("application/json");
    if let Some(subset) = subset {
        schema::check(subset, "generation_config.response_schema")?;
    }
    match (subset.or(free), json) {
        (None, false) => return Ok(()),
        (None, true) => asked.form = Form::Object,
        (Some(schema), true) => asked.form = Form::Schema(schema.clone()),
        (Some(_), false) => {
            return Err(Rejection::invalid(
                "* GenerateContentRequest.generation_config.response_mime_type: response_schema can only be set when response_mime_type is application/json.\n",
            ));
        }
    }
    if !asked.tools.is_empty() && !signs(&asked.model) {
        return Err(Rejection::invalid(
            "Function calling with a response mime type: 'application/json' is unsupported",
        ));
    }
    Ok(())
}
