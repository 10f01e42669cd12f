//! What routing needs to know of a request, and the checks every request must pass: one shallow
//! pass, without decoding the conversation.

#[cfg(test)]
mod tests;

use std::collections::HashSet;

use serde_json::value::RawValue;

use super::calls::MAX_CALLS;
use super::parameters::{Parameters, prompt_text, type_of};
use super::read::{
    Place, array, is_array, is_null, is_object, is_string, lenient_array, lenient_object,
    lenient_string, object, string,
};
use super::wire;
use crate::exchange::{Fault, Role};
use crate::facts::{
    EXPECTED_SEARCHES, Fingerprint, PlainRoles, RequestFacts, StructuredOutput, Turns,
};
use crate::json::{Envelope, Object, RawJson};
use crate::parameter::Parameter;

/// The most tools that may be offered.
pub(crate) const MAX_TOOLS: usize = 1_024;

/// Reads what routing needs and refuses what no provider should see. The messages of refusals
/// name the member.
pub fn read_facts(envelope: &Envelope<'_>) -> Result<RequestFacts, Fault> {
    let mut facts = RequestFacts { answers: 1, ..RequestFacts::default() };
    let mut size = Size::default();
    let parameters = Parameters::read(envelope.members(), |_, _| {})?;
    for (name, raw) in envelope.members() {
        if let Some(known) = Parameter::from_name(name)
            && !is_null(raw)
        {
            facts.parameters.push(known.name());
        }
    }
    match (parameters.messages, parameters.prompt) {
        (Some(messages), _) => read_messages(messages, &mut facts, &mut size)?,
        (None, Some(prompt)) => {
            let text = prompt_text(prompt)?;
            size.text += text.len();
            facts.message_count = 1;
            facts.opening.first_message = Fingerprint::of(&text);
        }
        (None, None) => {
            return Err(Fault::invalid("messages: is missing; send at least one message"));
        }
    }
    if let Some(raw) = parameters.tools {
        size.text += raw.get().len();
        read_tools(raw, &mut facts)?;
    }
    if envelope.has("web_search_options") {
        facts.web_searches = facts.web_searches.saturating_add(EXPECTED_SEARCHES);
    }
    facts.tool_choice = parameters.tool_choice.is_some();
    facts.forced_tool_choice =
        parameters.tool_choice.is_some_and(|raw| !matches!(raw.get(), "\"auto\"" | "\"none\""));
    facts.structured_output = structured_output(parameters.response_format)?;
    facts.cache_marks |= parameters.cache.is_some();
    facts.estimated_prompt_tokens = (size.text as u64).div_ceil(4);
    facts.echo_upstream_body = echo_upstream_body(envelope)?;
    facts.provider = raw_object(envelope, "provider")?;
    facts.plugins = raw_array(envelope, "plugins")?;
    facts.preset = envelope.has("preset");
    facts.route = envelope.raw("route").and_then(lenient_string).map(Into::into);

    facts.model = parameters.model.map(Into::into);
    facts.models = parameters.models.into_iter().map(Into::into).collect();
    facts.stream = parameters.stream;
    facts.reasoning = parameters.reasoning;
    facts.verbosity = parameters.verbosity.map(Into::into);
    facts.max_output_tokens = parameters.max_tokens;
    facts.answers = parameters.sampling.n.unwrap_or(1);
    facts.session_id = parameters.session_id.map(Into::into);
    facts.user = parameters.user.or(parameters.safety_identifier).map(Into::into);
    facts.service_tier = parameters.service_tier.map(Into::into);
    facts.speed = parameters.speed.map(Into::into);
    facts.prompt_cache_key = parameters.prompt_cache_key.map(Into::into);
    facts.output_modalities = parameters.modalities.unwrap_or_default();
    Ok(facts)
}

/// The members that speak to the router and mean the same on every surface.
const ROUTER_MEMBERS: [&str; 10] = [
    "model",
    "models",
    "provider",
    "plugins",
    "session_id",
    "user",
    "service_tier",
    "speed",
    "prompt_cache_key",
    "debug",
];

/// Reads what speaks to the router, and nothing else, of a body of any surface.
pub(crate) fn read_router_facts(envelope: &Envelope<'_>) -> Result<RequestFacts, Fault> {
    let members = envelope.members().filter(|(name, _)| ROUTER_MEMBERS.contains(name));
    let parameters = Parameters::read(members, |_, _| {})?;
    Ok(RequestFacts {
        model: parameters.model.map(Into::into),
        models: parameters.models.into_iter().map(Into::into).collect(),
        answers: 1,
        provider: raw_object(envelope, "provider")?,
        plugins: raw_array(envelope, "plugins")?,
        preset: envelope.has("preset"),
        route: envelope.raw("route").and_then(lenient_string).map(Into::into),
        session_id: parameters.session_id.map(Into::into),
        user: parameters.user.map(Into::into),
        service_tier: parameters.service_tier.map(Into::into),
        speed: parameters.speed.map(Into::into),
        prompt_cache_key: parameters.prompt_cache_key.map(Into::into),
        ..RequestFacts::default()
    })
}

/// How much text there is, in bytes; media do not count.
#[derive(Default)]
struct Size {
    text: usize,
}

pub(crate) fn raw_object(envelope: &Envelope<'_>, name: &str) -> Result<Option<RawJson>, Fault> {
    match envelope.raw(name) {
        Some(raw) if is_null(raw) => Ok(None),
        Some(raw) if is_object(raw) => Ok(Some(RawJson::from_raw(raw))),
        Some(raw) => Err(Place::Top(name).expected("an object", raw)),
        None => Ok(None),
    }
}

pub(crate) fn raw_array(envelope: &Envelope<'_>, name: &str) -> Result<Option<RawJson>, Fault> {
    match envelope.raw(name) {
        Some(raw) if is_null(raw) => Ok(None),
        Some(raw) if is_array(raw) => Ok(Some(RawJson::from_raw(raw))),
        Some(raw) => Err(Place::Top(name).expected("an array", raw)),
        None => Ok(None),
    }
}

pub(crate) fn echo_upstream_body(envelope: &Envelope<'_>) -> Result<bool, Fault> {
    let Some(raw) = envelope.raw("debug").filter(|raw| !is_null(raw)) else { return Ok(false) };
    let debug = object(raw, &Place::Top("debug"))?;
    Ok(debug.peek("echo_upstream_body").is_some_and(|raw| raw.get() == "true"))
}

fn structured_output(raw: Option<&RawValue>) -> Result<Option<StructuredOutput>, Fault> {
    let Some(raw) = raw else { return Ok(None) };
    let place = Place::Top("response_format");
    Ok(match type_of(&object(raw, &place)?, &place)?.as_ref() {
        "text" => None,
        "json_object" => Some(StructuredOutput::JsonObject),
        "json_schema" => Some(StructuredOutput::JsonSchema),
        _ => Some(StructuredOutput::Other),
    })
}

/// Refuses more than anyone needs: what is done for each entry is not free.
pub(crate) fn bounded(count: usize, most: usize, place: &Place<'_>) -> Result<(), Fault> {
    if count > most {
        return Err(place.refuse(format_args!("has {count} entries; at most {most} are accepted")));
    }
    Ok(())
}

fn read_tools(raw: &RawValue, facts: &mut RequestFacts) -> Result<(), Fault> {
    let place = Place::Top("tools");
    let entries = array(raw, &place)?;
    bounded(entries.len(), MAX_TOOLS, &place)?;
    for (at, raw) in entries.into_iter().enumerate() {
        let place = place.element(at);
        let tool = object(raw, &place)?;
        facts.tools += 1;
        facts.cache_marks |= tool.peek("cache_control").is_some();
        match type_of(&tool, &place)?.as_ref() {
            "function" => {}
            kind => {
                facts.hosted_tools |= kind != "custom";
                if kind.contains("web_search") {
                    facts.web_searches = facts.web_searches.saturating_add(EXPECTED_SEARCHES);
                }
                continue;
            }
        }
        let place = place.member("function");
        let Some(function) = tool.peek("function") else { return Err(place.refuse("is missing")) };
        let function = object(function, &place)?;
        let name_place = place.member("name");
        let Some(name) = function.peek("name") else {
            return Err(name_place.refuse("is missing"));
        };
        facts.irregular_tool_names |= !wire::is_plain_name(&string(name, &name_place)?);
    }
    Ok(())
}

/// The ids of the tool calls so far: a result without a call is refused here, with its place,
/// instead of by a provider without.
#[derive(Default)]
pub(crate) struct CallIds<'a> {
    seen: HashSet<std::borrow::Cow<'a, str>>,
}

impl<'a> CallIds<'a> {
    pub(crate) fn add(&mut self, id: std::borrow::Cow<'a, str>) {
        self.seen.insert(id);
    }

    pub(crate) fn check(&self, id: &str, place: &Place<'_>) -> Result<(), Fault> {
        if self.seen.contains(id) {
            return Ok(());
        }
        let shown: String = id.chars().take(64).collect();
        Err(place
            .refuse(format_args!("no tool call with the id `{shown}` comes before this result")))
    }
}

/// The role of a message. CHAT-7
pub(super) fn role_of(message: &Object<'_>, place: &Place<'_>) -> Result<Role, Fault> {
    let place = place.member("role");
    let Some(raw) = message.peek("role") else { return Err(place.refuse("is missing")) };
    let name = string(raw, &place)?;
    wire::role(&name).ok_or_else(|| {
        let shown: String = name.chars().take(64).collect();
        place.refuse(format_args!(
            "unknown role `{shown}`; use system, developer, user, assistant or tool"
        ))
    })
}

fn read_messages(raw: &RawValue, facts: &mut RequestFacts, size: &mut Size) -> Result<(), Fault> {
    let all = Place::Top("messages");
    let entries = array(raw, &all)?;
    if entries.is_empty() {
        return Err(all.refuse("is empty; send at least one message"));
    }
    size.text += raw.get().len();
    let mut calls = CallIds::default();
    let mut opening = Opening::default();
    facts.message_count = entries.len();
    let mut plain = Some(PlainRoles::default());
    for (at, raw) in entries.into_iter().enumerate() {
        let place = all.element(at);
        let message = object(raw, &place)?;
        let role = role_of(&message, &place)?;
        facts.prefill = role == Role::Assistant;
        let is_plain = message.len() == 2 && message.peek("content").is_some_and(is_string);
        plain = plain.filter(|_| is_plain).and_then(|plain| plain.with(role));
        let content = message.peek("content").filter(|raw| !is_null(raw));
        match (content, message.peek("content")) {
            (Some(content), _) => {
                let place = place.member("content");
                if is_array(content) {
                    read_parts(content, &place, facts, size)?;
                } else if !is_string(content) {
                    return Err(place.expected("a string or an array of parts", content));
                }
            }
            (None, None) if role != Role::Assistant => {
                return Err(place.member("content").refuse("is missing"));
            }
            (None, _) => {}
        }
        opening.take(role, content, facts);
        match role {
            Role::Assistant => {
                facts.tool_history |= read_calls(&message, &place, &mut calls)?;
            }
            Role::Tool => {
                facts.tool_history = true;
                let place = place.member("tool_call_id");
                let Some(id) = message.peek("tool_call_id") else {
                    return Err(place.refuse("is missing"));
                };
                calls.check(&string(id, &place)?, &place)?;
            }
            Role::System | Role::Developer | Role::User => {}
        }
        facts.cache_marks |= message.peek("cache_control").is_some();
    }
    facts.turns = plain.map_or(Turns::Other, Turns::Plain);
    Ok(())
}

fn read_parts(
    raw: &RawValue,
    place: &Place<'_>,
    facts: &mut RequestFacts,
    size: &mut Size,
) -> Result<(), Fault> {
    for (at, raw) in array(raw, place)?.into_iter().enumerate() {
        let place = place.element(at);
        let part = object(raw, &place)?;
        facts.cache_marks |=
            part.peek("cache_control").is_some() || part.peek("prompt_cache_breakpoint").is_some();
        // One without a kind is the provider's to judge.
        let Some(kind) = part.peek("type") else { continue };
        let seen = match string(kind, &place.member("type"))?.as_ref() {
            "image_url" => {
                facts.images += 1;
                &mut facts.image_input
            }
            "input_audio" => &mut facts.audio_input,
            "video_url" | "input_video" => &mut facts.video_input,
            "file" => &mut facts.file_input,
            _ => continue,
        };
        *seen = true;
        size.text = size.text.saturating_sub(raw.get().len());
    }
    Ok(())
}

/// Reads the ids of an assistant's calls; tells whether there were any.
fn read_calls<'a>(
    message: &Object<'a>,
    place: &Place<'_>,
    calls: &mut CallIds<'a>,
) -> Result<bool, Fault> {
    let Some(raw) = message.peek("tool_calls").filter(|raw| !is_null(raw)) else {
        return Ok(false);
    };
    let place = place.member("tool_calls");
    let entries = array(raw, &place)?;
    bounded(entries.len(), MAX_CALLS, &place)?;
    for (at, raw) in entries.iter().enumerate() {
        let place = place.element(at);
        let call = object(raw, &place)?;
        let place = place.member("id");
        match call.peek("id") {
            Some(id) => calls.add(string(id, &place)?),
            None => return Err(place.refuse("is missing")),
        }
    }
    Ok(!entries.is_empty())
}

#[derive(Default)]
struct Opening {
    instructions: bool,
    first: bool,
}

impl Opening {
    fn take(&mut self, role: Role, content: Option<&RawValue>, facts: &mut RequestFacts) {
        let (seen, fingerprint) = match role {
            Role::System | Role::Developer => {
                (&mut self.instructions, &mut facts.opening.instructions)
            }
            _ => (&mut self.first, &mut facts.opening.first_message),
        };
        if !std::mem::replace(seen, true)
            && let Some(content) = content
        {
            *fingerprint = of_content(content);
        }
    }
}

/// Of the text of a content: the same for a string and for one text part.
fn of_content(content: &RawValue) -> Fingerprint {
    if is_string(content) {
        return Fingerprint::of(&lenient_string(content).unwrap_or_default());
    }
    let parts = lenient_array(content).into_iter().filter_map(lenient_object);
    parts.fold(Fingerprint::default(), |found, part| match part.peek_str("text") {
        Some(piece) => found.and(&piece),
        // Media identify a conversation as well as text does.
        _ => part.iter().fold(found, |found, (_, raw)| found.and(raw.get())),
    })
}
