//! The request body: which members there are and what they ask for.

use serde_json::{Map, Value, json};

use super::fields::{constraint, list, model, object, shape};
use super::prompt::Prompt;
use super::{Family, extra, messages, tools, unsampled};
use crate::answer::{Asked, Form};
use crate::rejection::Rejection;
use crate::tokens;

const REQUEST: [&str; 12] = [
    "additionalModelRequestFields",
    "additionalModelResponseFieldPaths",
    "guardrailConfig",
    "inferenceConfig",
    "messages",
    "outputConfig",
    "performanceConfig",
    "promptVariables",
    "requestMetadata",
    "serviceTier",
    "system",
    "toolConfig",
];

/// Checks a request as Bedrock would and reads it; model and streaming stand in the path.
pub(crate) fn read(body: &Value, model: &str, stream: bool) -> Result<Asked, Rejection> {
    let fields = object(body, "the request", &REQUEST)?;
    prompt(fields, model, stream)
}

/// The answer to a request to count tokens, which only bare foundation models take.
pub(crate) fn count(body: &Value, model: &str) -> Result<Value, Rejection> {
    let profile = ["us.", "us-gov.", "eu.", "apac.", "au.", "jp.", "ca.", "global.", "arn:"];
    if profile.iter().any(|geo| model.starts_with(geo)) {
        return Err(Rejection::invalid("The provided model doesn't support counting tokens."));
    }
    let converse = body.pointer("/input/converse").ok_or_else(|| shape("input.converse"))?;
    let known = ["messages", "system", "toolConfig", "additionalModelRequestFields"];
    let asked = prompt(object(converse, "input.converse", &known)?, model, false)?;
    Ok(json!({"inputTokens": asked.prompt.input}))
}

fn prompt(fields: &Map<String, Value>, model: &str, stream: bool) -> Result<Asked, Rejection> {
    if model.is_empty() || model.contains(char::is_whitespace) {
        return Err(Rejection::invalid("The provided model identifier is invalid."));
    }
    let family = Family::of(model);
    let mut asked = Asked {
        model: model.to_owned(),
        stream,
        parallel: true,
        preamble: family == Family::Anthropic,
        count: 1,
        ..Asked::default()
    };
    inference(fields, family, &mut asked)?;
    let mut prompt = Prompt::new(family);
    tools::read(fields, family, &mut prompt, &mut asked)?;
    extra::read(fields, family, &mut asked)?;
    asked.form = form(fields)?;
    system(fields, &mut prompt)?;
    let configured = fields.get("toolConfig").is_some_and(|config| !config.is_null());
    messages::read(list(fields, "messages", "")?, family, configured, &mut prompt, &mut asked)?;
    asked.prompt.input = prompt.tokens;
    asked.marks = prompt.marks;
    Ok(asked)
}

fn inference(
    fields: &Map<String, Value>,
    family: Family,
    asked: &mut Asked,
) -> Result<(), Rejection> {
    let Some(config) = fields.get("inferenceConfig").filter(|config| !config.is_null()) else {
        return Ok(());
    };
    let path = "inferenceConfig";
    let config = object(config, path, &["maxTokens", "temperature", "topP", "stopSequences"])?;
    for key in ["temperature", "topP"] {
        let Some(value) = config.get(key) else { continue };
        let number = value.as_f64().ok_or_else(|| shape(&format!("{path}.{key}")))?;
        if number > 1.0 {
            let what = "Member must have value less than or equal to 1";
            return Err(constraint(&format!("{path}.{key}"), &value.to_string(), what));
        }
        if number < 0.0 {
            let what = "Member must have value greater than or equal to 0";
            return Err(constraint(&format!("{path}.{key}"), &value.to_string(), what));
        }
        if family == Family::Anthropic && unsampled(&asked.model) {
            let name = if key == "topP" { "top_p" } else { key };
            return Err(model(&format!("`{name}` is deprecated for this model.")));
        }
    }
    let both = config.contains_key("temperature") && config.contains_key("topP");
    if both && family == Family::Anthropic && asked.model.contains("4-5") {
        return Err(model(
            "`temperature` and `top_p` cannot both be specified for this model. Please use only one.",
        ));
    }
    if let Some(value) = config.get("maxTokens") {
        let number = value.as_u64().ok_or_else(|| shape(&format!("{path}.maxTokens")))?;
        if number == 0 {
            let what = "Member must have value greater than or equal to 1";
            return Err(constraint(&format!("{path}.maxTokens"), "0", what));
        }
        asked.max_tokens = Some(number);
    }
    for stop in list(config, "stopSequences", path)? {
        let stop = stop.as_str().ok_or_else(|| shape(&format!("{path}.stopSequences")))?;
        if stop.is_empty() {
            let what = "Member must have length greater than or equal to 1";
            return Err(constraint(&format!("{path}.stopSequences"), stop, what));
        }
        if stop.trim().is_empty() && family == Family::Anthropic {
            return Err(model("stop_sequences: each stop sequence must contain non-whitespace"));
        }
        asked.stops.push(stop.to_owned());
    }
    Ok(())
}

fn form(fields: &Map<String, Value>) -> Result<Form, Rejection> {
    let Some(format) = fields.get("outputConfig").and_then(|config| config.get("textFormat"))
    else {
        return Ok(Form::Text);
    };
    let path = "outputConfig.textFormat";
    if format["type"] != "json_schema" {
        let what = "Member must satisfy enum value set: [json_schema]";
        return Err(constraint(&format!("{path}.type"), &format["type"].to_string(), what));
    }
    // The schema is JSON in a string here.
    let schema = format.pointer("/structure/jsonSchema/schema").and_then(Value::as_str);
    let schema = schema.ok_or_else(|| shape(&format!("{path}.structure.jsonSchema.schema")))?;
    serde_json::from_str(schema).map(Form::Schema).map_err(|_| {
        Rejection::invalid(format!("The schema at {path}.structure.jsonSchema is not valid JSON."))
    })
}

fn system(fields: &Map<String, Value>, prompt: &mut Prompt) -> Result<(), Rejection> {
    prompt.begin();
    let mut cost = tokens::MESSAGE_TOKENS;
    for (index, block) in list(fields, "system", "")?.iter().enumerate() {
        let path = format!("system.{index}");
        let members = object(block, &path, &["text", "cachePoint", "guardContent"])?;
        if let Some(point) = members.get("cachePoint") {
            prompt.point(point, &path)?;
            continue;
        }
        let text = members.get("text").or_else(|| block.pointer("/guardContent/text/text"));
        let text = text.and_then(Value::as_str).ok_or_else(|| shape(&path))?;
        if text.is_empty() {
            let what = "Member must have length greater than or equal to 1";
            return Err(constraint(&format!("{path}.text"), "", what));
        }
        prompt.add("system", block, std::mem::take(&mut cost) + tokens::count(text));
    }
    Ok(())
}
