//! A caller's request.

use serde_json::value::RawValue;

use super::message;
use super::part::{optional_string, required, required_string, take_mark};
use crate::Dialect;
use crate::exchange::{
    Block, Extras, Fault, OutputFormat, Request, Role, Tool, ToolChoice, ToolKind, Turn,
};
use crate::json::{Envelope, Object, RawJson};
use crate::openai_chat::custom;
use crate::openai_chat::facts::CallIds;
use crate::openai_chat::parameters::{Parameters, prompt_text, type_of};
use crate::openai_chat::read::{
    Place, array, boolean, is_null, is_object, is_string, object, string,
};

/// Reads a caller's request. The messages of refusals name the member and what is wrong with it.
/// CHAT-1, CHAT-3, CHAT-6, CHAT-7
pub fn decode_request(body: &[u8]) -> Result<Request, Fault> {
    let envelope = Envelope::parse(body).map_err(|error| Fault::invalid(error.to_string()))?;
    let mut others = Vec::new();
    let parameters = Parameters::read(envelope.members(), |name, raw| {
        others.push((name.to_owned(), RawJson::from_raw(raw)));
    })?;
    let turns = match (parameters.messages, parameters.prompt) {
        (Some(raw), _) => turns(raw)?,
        (None, Some(prompt)) => {
            vec![Turn::new(Role::User, vec![Block::text(prompt_text(prompt)?)])]
        }
        (None, None) => {
            return Err(Fault::invalid("messages: is missing; send at least one message"));
        }
    };
    let mut sampling = parameters.sampling;
    sampling.stop = parameters.stop.into_iter().map(Into::into).collect();
    sampling.logit_bias = parameters.logit_bias.map(RawJson::from_raw);
    Ok(Request {
        model: parameters.model.unwrap_or_default().into_owned(),
        turns,
        tools: parameters.tools.map(tools).transpose()?.unwrap_or_default(),
        late_tools: Vec::new(),
        tool_choice: parameters.tool_choice.map(tool_choice).transpose()?,
        parallel_tool_calls: parameters.parallel_tool_calls,
        output: parameters.response_format.map(output).transpose()?,
        sampling,
        reasoning: parameters.reasoning,
        max_output_tokens: parameters.max_tokens,
        verbosity: parameters.verbosity.map(Into::into),
        modalities: parameters.modalities,
        audio_output: parameters.audio.map(RawJson::from_raw),
        image_config: parameters.image_config.map(RawJson::from_raw),
        prediction: parameters.prediction.map(RawJson::from_raw),
        stream: parameters.stream,
        cache: parameters.cache,
        prompt_cache_key: parameters.prompt_cache_key.map(Into::into),
        user: parameters.user.or(parameters.safety_identifier).map(Into::into),
        metadata: parameters.metadata.map(RawJson::from_raw),
        service_tier: parameters.service_tier.map(Into::into),
        extras: Extras::of(Dialect::OpenaiChat, others),
    })
}

fn turns(raw: &RawValue) -> Result<Vec<Turn>, Fault> {
    let place = Place::Top("messages");
    let entries = array(raw, &place)?;
    if entries.is_empty() {
        return Err(place.refuse("is empty; send at least one message"));
    }
    let mut calls = CallIds::default();
    let mut turns = entries
        .into_iter()
        .enumerate()
        .map(|(at, raw)| message::decode(raw, &place.element(at), &mut calls))
        .collect::<Result<Vec<_>, _>>()?;
    custom::mark_results(&mut turns);
    Ok(turns)
}

/// TOOLS-1
fn tools(raw: &RawValue) -> Result<Vec<Tool>, Fault> {
    let place = Place::Top("tools");
    array(raw, &place)?
        .into_iter()
        .enumerate()
        .map(|(at, raw)| tool(raw, &place.element(at)))
        .collect()
}

fn tool(raw: &RawValue, place: &Place<'_>) -> Result<Tool, Fault> {
    let mut tool = object(raw, place)?;
    let kind = type_of(&tool, place)?;
    if kind == custom::CUSTOM
        && let Some(raw) = tool.peek(custom::CUSTOM)
    {
        return custom::tool(raw, &place.member(custom::CUSTOM));
    }
    if kind != "function" {
        return Ok(Tool {
            kind: ToolKind::Opaque { origin: Dialect::OpenaiChat, raw: RawJson::from_raw(raw) },
            cache: None,
            extras: Extras::default(),
        });
    }
    tool.take_raw("type");
    let inner = place.member("function");
    let Some(function) = tool.take_raw("function") else { return Err(inner.refuse("is missing")) };
    let mut function = object(function, &inner)?;
    let name = required_string(&mut function, "name", &inner)?.into_owned();
    let description = optional_string(&mut function, "description", &inner)?.map(Into::into);
    let parameters = match function.take_raw("parameters") {
        Some(raw) if is_object(raw) => Some(RawJson::from_raw(raw)),
        Some(raw) if !is_null(raw) => {
            return Err(inner.member("parameters").expected("a JSON Schema object", raw));
        }
        _ => None,
    };
    let strict = match function.take_raw("strict") {
        Some(raw) if !is_null(raw) => Some(boolean(raw, &inner.member("strict"))?),
        _ => None,
    };
    let cache = match take_mark(&mut tool, place)? {
        Some(mark) => Some(mark),
        None => take_mark(&mut function, &inner)?,
    };
    Ok(Tool {
        kind: ToolKind::Function { name, description, parameters, strict },
        cache,
        extras: Extras::of(Dialect::OpenaiChat, tool.into_members()),
    })
}

/// TOOLS-3
fn tool_choice(raw: &RawValue) -> Result<ToolChoice, Fault> {
    let place = Place::Top("tool_choice");
    if is_string(raw) {
        let word = string(raw, &place)?;
        return Ok(match word.as_ref() {
            "auto" => ToolChoice::Auto,
            "none" => ToolChoice::None,
            "required" | "any" => ToolChoice::Required,
            _ => {
                return Err(
                    place.refuse("must be none, auto, required or the choice of one function")
                );
            }
        });
    }
    let mut choice = object(raw, &place)?;
    match type_of(&choice, &place)?.as_ref() {
        "function" => Ok(ToolChoice::Named(named(&mut choice, "function", &place)?)),
        custom::CUSTOM if choice.peek(custom::CUSTOM).is_some() => {
            Ok(ToolChoice::Named(named(&mut choice, custom::CUSTOM, &place)?))
        }
        "allowed_tools" => {
            let inner = place.member("allowed_tools");
            let allowed = required(&mut choice, "allowed_tools", &place)?;
            allowed_tools(allowed, &inner)
        }
        _ => Ok(ToolChoice::Opaque { origin: Dialect::OpenaiChat, raw: RawJson::from_raw(raw) }),
    }
}

/// The name of what is chosen, which stands in a member of its own.
fn named(
    choice: &mut Object<'_>,
    member: &'static str,
    place: &Place<'_>,
) -> Result<String, Fault> {
    let inner = place.member(member);
    let chosen = required(choice, member, place)?;
    let name = required_string(&mut object(chosen, &inner)?, "name", &inner)?;
    Ok(name.into_owned())
}

fn allowed_tools(raw: &RawValue, place: &Place<'_>) -> Result<ToolChoice, Fault> {
    let mut allowed = object(raw, place)?;
    let required_call = match optional_string(&mut allowed, "mode", place)?.as_deref() {
        Some("required") => true,
        Some("auto") | None => false,
        Some(_) => return Err(place.member("mode").refuse("must be auto or required")),
    };
    let place = place.member("tools");
    let Some(tools) = allowed.take_raw("tools") else { return Err(place.refuse("is missing")) };
    let mut names = Vec::new();
    for (at, raw) in array(tools, &place)?.into_iter().enumerate() {
        let place = place.element(at);
        let mut tool = object(raw, &place)?;
        let member = if tool.peek(custom::CUSTOM).is_some() { custom::CUSTOM } else { "function" };
        names.push(named(&mut tool, member, &place)?);
    }
    Ok(ToolChoice::Allowed { names, required: required_call })
}

/// STRUCT-1
fn output(raw: &RawValue) -> Result<OutputFormat, Fault> {
    let place = Place::Top("response_format");
    let mut format = object(raw, &place)?;
    Ok(match type_of(&format, &place)?.as_ref() {
        "text" => OutputFormat::Text,
        "json_object" => OutputFormat::JsonObject,
        "json_schema" => {
            let inner = place.member("json_schema");
            let schema = required(&mut format, "json_schema", &place)?;
            let mut schema = object(schema, &inner)?;
            OutputFormat::JsonSchema {
                name: optional_string(&mut schema, "name", &inner)?.map(Into::into),
                description: optional_string(&mut schema, "description", &inner)?.map(Into::into),
                strict: match schema.take_raw("strict") {
                    Some(raw) if !is_null(raw) => Some(boolean(raw, &inner.member("strict"))?),
                    _ => None,
                },
                schema: RawJson::from_raw(required(&mut schema, "schema", &inner)?),
            }
        }
        _ => OutputFormat::Opaque { origin: Dialect::OpenaiChat, raw: RawJson::from_raw(raw) },
    })
}
