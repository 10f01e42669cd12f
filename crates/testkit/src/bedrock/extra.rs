//! `additionalModelRequestFields`: what the makers of models take besides.

use serde_json::{Map, Value};

use super::Family;
use super::fields::{model, object};
use crate::answer::{Asked, Choice};
use crate::rejection::Rejection;

pub(super) fn read(
    fields: &Map<String, Value>,
    family: Family,
    asked: &mut Asked,
) -> Result<(), Rejection> {
    let empty = Value::Object(Map::new());
    let extra = fields.get("additionalModelRequestFields").filter(|extra| !extra.is_null());
    let extra = extra.unwrap_or(&empty);
    let known: &[&str] = match family {
        Family::Anthropic => {
            &["thinking", "output_config", "top_k", "tool_choice", "anthropic_beta", "metadata"]
        }
        Family::Nova => &["inferenceConfig", "reasoningConfig"],
        Family::Llama => &[],
        Family::Mistral => &["top_k"],
        Family::Other => {
            &["reasoning_effort", "reasoning", "reasoning_config", "thinking", "top_k"]
        }
    };
    let members = extra.as_object().into_iter().flat_map(Map::keys);
    for key in members {
        if !known.contains(&key.as_str()) {
            return Err(model(&format!(
                "Malformed input request: #: extraneous key [{key}] is not permitted, please reformat your input and try again."
            )));
        }
    }
    match family {
        Family::Anthropic => claude(fields, extra, asked),
        Family::Nova => {
            asked.reasoning = extra["reasoningConfig"]["type"] == "enabled";
            if let Some(config) = extra.get("inferenceConfig") {
                object(config, "additionalModelRequestFields.inferenceConfig", &["topK"])?;
            }
            asked.show_reasoning = asked.reasoning;
            Ok(())
        }
        _ => {
            let effort = ["/reasoning_effort", "/reasoning/effort", "/reasoning_config"];
            asked.reasoning = effort.iter().any(|pointer| {
                extra.pointer(pointer).and_then(Value::as_str).is_some_and(|word| word != "none")
            });
            asked.show_reasoning = asked.reasoning;
            Ok(())
        }
    }
}

fn claude(fields: &Map<String, Value>, extra: &Value, asked: &mut Asked) -> Result<(), Rejection> {
    if let Some(choice) = extra.get("tool_choice") {
        if fields.get("toolConfig").and_then(|config| config.get("toolChoice")).is_some() {
            return Err(model("tool_choice: Extra inputs are not permitted"));
        }
        asked.parallel = choice["disable_parallel_tool_use"] != true;
        asked.choice = match (choice["type"].as_str(), choice["name"].as_str()) {
            (Some("auto"), _) => Choice::Auto,
            (Some("none"), _) => Choice::None,
            (Some("any"), _) => Choice::Required(Vec::new()),
            (Some("tool"), Some(name)) => Choice::Required(vec![name.to_owned()]),
            _ => return Err(model("tool_choice.type: Field required")),
        };
    }
    let forced = matches!(asked.choice, Choice::Required(_));
    asked.show_reasoning = extra["thinking"]["display"] != "omitted";
    match extra["thinking"]["type"].as_str() {
        None | Some("disabled") => return Ok(()),
        Some("enabled") => {
            let budget = extra["thinking"]["budget_tokens"].as_u64();
            let budget =
                budget.ok_or_else(|| model("thinking.enabled.budget_tokens: Field required"))?;
            if budget < 1024 {
                return Err(model(
                    "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024",
                ));
            }
            if asked.max_tokens.is_some_and(|max| budget >= max) {
                return Err(model("`max_tokens` must be greater than `thinking.budget_tokens`."));
            }
            if forced {
                return Err(model("Thinking may not be enabled when tool_choice forces tool use."));
            }
            asked.reasoning = true;
            asked.strict_thinking = true;
        }
        Some("adaptive") => asked.reasoning = !forced,
        Some(other) => {
            return Err(model(&format!(
                "thinking: Input tag '{other}' found using 'type' does not match any of the expected tags: 'adaptive', 'disabled', 'enabled'"
            )));
        }
    }
    let temperature = fields.get("inferenceConfig").and_then(|config| config.get("temperature"));
    if asked.reasoning && temperature.and_then(Value::as_f64).is_some_and(|value| value < 1.0) {
        return Err(model("`temperature` may only be set to 1 when thinking is enabled."));
    }
    if asked.reasoning && extra.get("top_k").is_some() {
        return Err(model("`top_k` must be unset when thinking is enabled."));
    }
    Ok(())
}
