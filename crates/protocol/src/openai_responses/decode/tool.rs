//! Tools, which are flat here, their choice, and the form of the answer. TOOLS-1, TOOLS-3, STRUCT-1

use serde_json::value::RawValue;

use super::part::{optional_string, required, required_string, rest};
use crate::Dialect;
use crate::exchange::{Extras, Fault, OutputFormat, Tool, ToolChoice, ToolKind};
use crate::json::{Object, RawJson};
use crate::openai_chat::parameters::type_of;
use crate::openai_chat::read::{
    Place, array, boolean, is_null, is_object, is_string, object, string,
};
use crate::openai_responses::{namespace, wire};

pub(super) fn tools(raw: &RawValue) -> Result<Vec<Tool>, Fault> {
    let place = Place::Top("tools");
    array(raw, &place)?
        .into_iter()
        .enumerate()
        .map(|(at, raw)| tool(raw, &place.element(at)))
        .collect()
}

/// Reads one tool. One that is neither a function nor takes a text is kept whole.
pub(in crate::openai_responses) fn tool(raw: &RawValue, place: &Place<'_>) -> Result<Tool, Fault> {
    let mut tool = object(raw, place)?;
    let kind = type_of(&tool, place)?;
    if kind == "custom" {
        return custom(tool, place);
    }
    if kind != "function" {
        return Ok(Tool {
            kind: ToolKind::Opaque {
                origin: Dialect::OpenaiResponses,
                raw: RawJson::from_raw(raw),
            },
            cache: None,
            extras: Extras::default(),
        });
    }
    tool.take_raw("type");
    if tool.peek("name").is_none() && tool.peek("function").is_some() {
        return Err(place.member("function").refuse(
            "tools are flat here: put `name`, `description` and `parameters` beside `type`",
        ));
    }
    let name = required_string(&mut tool, "name", place)?.into_owned();
    let description = optional_string(&mut tool, "description", place)?.map(Into::into);
    let parameters = match tool.take_raw("parameters") {
        Some(raw) if is_object(raw) => Some(RawJson::from_raw(raw)),
        Some(raw) if !is_null(raw) => {
            return Err(place.member("parameters").expected("a JSON Schema object", raw));
        }
        _ => None,
    };
    let strict = optional_boolean(&mut tool, "strict", place)?;
    Ok(Tool {
        kind: ToolKind::Function { name, description, parameters, strict },
        cache: None,
        extras: rest(tool),
    })
}

/// A tool that takes a text. Elsewhere it is a function with this text as its only argument; what it
/// is here stays in its extras.
fn custom(mut tool: Object<'_>, place: &Place<'_>) -> Result<Tool, Fault> {
    let name = required_string(&mut tool, "name", place)?.into_owned();
    let description = optional_string(&mut tool, "description", place)?.map(Into::into);
    let parameters = wire::custom_schema(&tool);
    Ok(Tool {
        kind: ToolKind::Function { name, description, parameters, strict: None },
        cache: None,
        extras: rest(tool),
    })
}

fn optional_boolean(
    object: &mut Object<'_>,
    name: &str,
    place: &Place<'_>,
) -> Result<Option<bool>, Fault> {
    match object.take_raw(name) {
        Some(raw) if !is_null(raw) => boolean(raw, &place.member(name)).map(Some),
        _ => Ok(None),
    }
}

pub(super) fn tool_choice(raw: &RawValue) -> Result<ToolChoice, Fault> {
    let place = Place::Top("tool_choice");
    if is_string(raw) {
        return match string(raw, &place)?.as_ref() {
            "auto" => Ok(ToolChoice::Auto),
            "none" => Ok(ToolChoice::None),
            "required" => Ok(ToolChoice::Required),
            _ => Err(place
                .refuse("must be none, auto, required or the choice of one tool")
                .of_unknown()),
        };
    }
    let mut choice = object(raw, &place)?;
    Ok(match type_of(&choice, &place)?.as_ref() {
        "function" | "custom" if namespace::of(&choice).is_some() => opaque(raw),
        "function" | "custom" => {
            ToolChoice::Named(required_string(&mut choice, "name", &place)?.into_owned())
        }
        "allowed_tools" => match allowed(&mut choice, &place)? {
            Some(allowed) => allowed,
            None => opaque(raw),
        },
        _ => opaque(raw),
    })
}

fn opaque(raw: &RawValue) -> ToolChoice {
    ToolChoice::Opaque { origin: Dialect::OpenaiResponses, raw: RawJson::from_raw(raw) }
}

/// A choice among functions; `None` where other tools are among them, or some stand in namespaces.
fn allowed(choice: &mut Object<'_>, place: &Place<'_>) -> Result<Option<ToolChoice>, Fault> {
    let call = match optional_string(choice, "mode", place)?.as_deref() {
        Some("required") => true,
        Some("auto") | None => false,
        Some(_) => {
            return Err(place.member("mode").refuse("must be auto or required").of_unknown());
        }
    };
    let list = required(choice, "tools", place)?;
    let place = place.member("tools");
    let mut names = Vec::new();
    for (at, raw) in array(list, &place)?.into_iter().enumerate() {
        let place = place.element(at);
        let mut tool = object(raw, &place)?;
        if !matches!(type_of(&tool, &place)?.as_ref(), "function" | "custom")
            || namespace::of(&tool).is_some()
        {
            return Ok(None);
        }
        names.push(required_string(&mut tool, "name", &place)?.into_owned());
    }
    Ok(Some(ToolChoice::Allowed { names, required: call }))
}

/// What `text` says of the answer: its form and its verbosity.
pub(super) fn text(raw: &RawValue) -> Result<(Option<OutputFormat>, Option<String>), Fault> {
    let place = Place::Top("text");
    let mut text = object(raw, &place)?;
    let verbosity = optional_string(&mut text, "verbosity", &place)?.map(Into::into);
    let format = match text.take_raw("format").filter(|raw| !is_null(raw)) {
        Some(raw) => Some(output(raw, &place.member("format"))?),
        None => None,
    };
    Ok((format, verbosity))
}

fn output(raw: &RawValue, place: &Place<'_>) -> Result<OutputFormat, Fault> {
    let mut format = object(raw, place)?;
    Ok(match type_of(&format, place)?.as_ref() {
        "text" => OutputFormat::Text,
        "json_object" => OutputFormat::JsonObject,
        "json_schema" => OutputFormat::JsonSchema {
            name: optional_string(&mut format, "name", place)?.map(Into::into),
            description: optional_string(&mut format, "description", place)?.map(Into::into),
            strict: optional_boolean(&mut format, "strict", place)?,
            schema: RawJson::from_raw(required(&mut format, "schema", place)?),
        },
        _ => OutputFormat::Opaque { origin: Dialect::OpenaiResponses, raw: RawJson::from_raw(raw) },
    })
}
