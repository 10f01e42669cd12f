//! `toolConfig`: tools and the choice among them.

use serde_json::{Map, Value};

use super::Family;
use super::fields::{constraint, list, object, shape, text};
use super::prompt::Prompt;
use crate::answer::{Asked, Choice, Tool};
use crate::rejection::Rejection;
use crate::tokens;

/// Longest name of a tool.
const LONGEST_NAME: usize = 64;

/// Refuses a name that Bedrock does not take (Bug 28).
pub(super) fn name(name: &str, path: &str) -> Result<(), Rejection> {
    let letters = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if name.is_empty() || !name.bytes().all(letters) {
        let what = "Member must satisfy regular expression pattern: [a-zA-Z0-9_-]+";
        return Err(constraint(path, name, what));
    }
    if name.len() > LONGEST_NAME {
        let what = format!("Member must have length less than or equal to {LONGEST_NAME}");
        return Err(constraint(path, name, &what));
    }
    Ok(())
}

pub(super) fn read(
    fields: &Map<String, Value>,
    family: Family,
    prompt: &mut Prompt,
    asked: &mut Asked,
) -> Result<(), Rejection> {
    let Some(config) = fields.get("toolConfig").filter(|config| !config.is_null()) else {
        return Ok(());
    };
    let config = object(config, "toolConfig", &["tools", "toolChoice"])?;
    let tools = list(config, "tools", "toolConfig")?;
    if tools.is_empty() {
        let what = "Member must have length greater than or equal to 1";
        return Err(constraint("toolConfig.tools", "[]", what));
    }
    prompt.begin();
    for (index, tool) in tools.iter().enumerate() {
        let path = format!("toolConfig.tools.{index}");
        let members = object(tool, &path, &["toolSpec", "cachePoint", "systemTool"])?;
        if let Some(point) = members.get("cachePoint") {
            prompt.point(point, &path)?;
            continue;
        }
        prompt.add("tools", tool, tokens::count(&tool.to_string()));
        let Some(spec) = members.get("toolSpec") else { continue };
        let path = format!("{path}.toolSpec");
        let spec = object(spec, &path, &["name", "description", "inputSchema", "strict"])?;
        let named = text(spec, "name", &path)?;
        name(named, &format!("{path}.name"))?;
        if spec.contains_key("description") && text(spec, "description", &path)?.is_empty() {
            let what = "Member must have length greater than or equal to 1";
            return Err(constraint(&format!("{path}.description"), "", what));
        }
        let schema = spec.get("inputSchema").and_then(|schema| schema.get("json"));
        let schema = schema.ok_or_else(|| shape(&format!("{path}.inputSchema.json")))?;
        if schema.get("type") != Some(&Value::from("object")) {
            return Err(Rejection::invalid(format!(
                "The value at {path}.inputSchema.json.type must be one of the following: object."
            )));
        }
        if asked.tools.iter().any(|other| other.name == named) {
            return Err(Rejection::invalid(format!(
                "The tool name {named} at {path}.name is already in use. Tool names must be unique."
            )));
        }
        asked.tools.push(Tool { name: named.to_owned(), schema: schema.clone() });
    }
    asked.choice = choice(config, family, &asked.tools)?;
    Ok(())
}

fn choice(
    config: &Map<String, Value>,
    family: Family,
    tools: &[Tool],
) -> Result<Choice, Rejection> {
    let Some(choice) = config.get("toolChoice").filter(|choice| !choice.is_null()) else {
        return Ok(Choice::Auto);
    };
    let path = "toolConfig.toolChoice";
    let choice = object(choice, path, &["auto", "any", "tool"])?;
    let mut members = choice.iter();
    let (Some((kind, value)), None) = (members.next(), members.next()) else {
        return Err(shape(path));
    };
    let supported = match (kind.as_str(), family) {
        ("any", Family::Llama) | ("tool", Family::Llama | Family::Mistral) => false,
        _ => value.is_object(),
    };
    if !supported {
        return Err(Rejection::invalid(format!(
            "This model doesn't support the {path}.{kind} field. Remove {path}.{kind} and try again."
        )));
    }
    match kind.as_str() {
        "any" => Ok(Choice::Required(Vec::new())),
        "tool" => {
            let name = value["name"].as_str().ok_or_else(|| shape(&format!("{path}.tool.name")))?;
            if tools.iter().all(|tool| tool.name != name) {
                return Err(Rejection::invalid(format!(
                    "The tool name {name} at {path}.tool.name is not in toolConfig.tools."
                )));
            }
            Ok(Choice::Required(vec![name.to_owned()]))
        }
        _ => Ok(Choice::Auto),
    }
}
