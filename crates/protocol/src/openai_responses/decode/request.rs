//! A caller's request. RESP-1 to RESP-3

use std::collections::{BTreeMap, HashMap};

use serde_json::value::RawValue;

use super::{item, tool};
use crate::Dialect;
use crate::exchange::{Block, Extras, Fault, Origin, Request, Role, Tool, ToolKind, Turn};
use crate::json::{Envelope, RawJson};
use crate::openai_chat::parameters::Parameters;
use crate::openai_chat::read::{Place, array, is_null, is_string, string, unsigned};
use crate::openai_responses::stored::refuse_references;
use crate::openai_responses::wire::{ENCRYPTED_REASONING, LOGPROBS, ROUTER_ONLY};

/// The members that mean the same as in the chat dialect, and are checked by the same rules.
const SHARED: [&str; 22] = [
    "model",
    "models",
    "stream",
    "temperature",
    "top_p",
    "top_k",
    "frequency_penalty",
    "presence_penalty",
    "top_logprobs",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "reasoning",
    "modalities",
    "image_config",
    "cache_control",
    "prompt_cache_key",
    "user",
    "safety_identifier",
    "metadata",
    "service_tier",
    "speed",
];

/// Members that say nothing to another protocol: how a stream is padded, and where answers are kept,
/// which is nowhere.
const SILENT: [&str; 5] =
    ["stream_options", "store", "background", "previous_response_id", "conversation"];

/// Reads a caller's request. The messages of refusals name the member and what is wrong with it.
/// That `store` and `background` are not `true` is for [`refuse_stored`] to say; a reference to a
/// stored conversation is refused here too, for it cannot be told in any protocol.
///
/// [`refuse_stored`]: crate::openai_responses::refuse_stored
pub fn decode_request(body: &[u8]) -> Result<Request, Fault> {
    let envelope = Envelope::parse(body).map_err(|error| Fault::invalid(error.to_string()))?;
    refuse_references(&envelope)?;
    read(&envelope)
}

/// Adds tools that were told later: a function takes the place of one of its name.
fn add(late: item::LateTools, tools: &mut Vec<Tool>) -> Vec<(usize, Origin)> {
    let name = |tool: &Tool| match &tool.kind {
        ToolKind::Function { name, .. } => Some(name.clone()),
        ToolKind::Opaque { .. } => None,
    };
    let places = tools.iter().enumerate().filter_map(|(at, tool)| Some((name(tool)?, at)));
    let mut places: HashMap<String, usize> =
        if late.is_empty() { HashMap::new() } else { places.collect() };
    let mut stood = BTreeMap::new();
    for (tool, origin) in late {
        let next = tools.len();
        let at = name(&tool).map_or(next, |name| *places.entry(name).or_insert(next));
        match tools.get_mut(at) {
            Some(other) => *other = tool,
            None => tools.push(tool),
        }
        stood.insert(at, origin);
    }
    stood.into_iter().collect()
}

/// Reads a request whose members are indexed already, whatever stored conversation it builds on.
pub(in crate::openai_responses) fn read(envelope: &Envelope<'_>) -> Result<Request, Fault> {
    let mut own = Own::default();
    let shared = envelope.members().filter(|(name, _)| SHARED.contains(name));
    let parameters = Parameters::read(shared, |_, _| {})?;
    for (name, raw) in envelope.members() {
        own.take(name, raw)?;
    }
    let mut turns = own.instructions;
    let mut tools = parameters.tools.map(tool::tools).transpose()?.unwrap_or_default();
    let Some(input) = own.input else {
        return Err(Fault::invalid("input: is missing; send a string or items"));
    };
    let (told, late) = item::turns(input)?;
    turns.extend(told);
    let late_tools = add(late, &mut tools);
    let (output, verbosity) = own.text.map(tool::text).transpose()?.unwrap_or_default();
    let mut sampling = parameters.sampling;
    if own.logprobs || sampling.top_logprobs.is_some_and(|count| count > 0) {
        sampling.logprobs = Some(true);
    }
    Ok(Request {
        model: parameters.model.unwrap_or_default().into_owned(),
        turns,
        tools,
        late_tools,
        tool_choice: parameters.tool_choice.map(tool::tool_choice).transpose()?,
        parallel_tool_calls: parameters.parallel_tool_calls,
        output,
        sampling,
        reasoning: parameters.reasoning,
        max_output_tokens: own.max_output_tokens,
        verbosity,
        modalities: parameters.modalities,
        image_config: parameters.image_config.map(RawJson::from_raw),
        stream: parameters.stream,
        cache: parameters.cache,
        prompt_cache_key: parameters.prompt_cache_key.map(Into::into),
        user: parameters.user.or(parameters.safety_identifier).map(Into::into),
        metadata: parameters.metadata.map(RawJson::from_raw),
        service_tier: parameters.service_tier.map(Into::into),
        extras: Extras::of(Dialect::OpenaiResponses, own.extras),
        ..Request::default()
    })
}

/// The members that only this protocol has.
#[derive(Default)]
struct Own<'a> {
    input: Option<&'a RawValue>,
    instructions: Vec<Turn>,
    text: Option<&'a RawValue>,
    max_output_tokens: Option<u64>,
    logprobs: bool,
    extras: Vec<(String, RawJson)>,
}

impl<'a> Own<'a> {
    fn take(&mut self, name: &str, raw: &'a RawValue) -> Result<(), Fault> {
        if is_null(raw)
            || SHARED.contains(&name)
            || SILENT.contains(&name)
            || ROUTER_ONLY.contains(&name)
        {
            return Ok(());
        }
        let place = Place::Top(name);
        match name {
            "input" => self.input = Some(raw),
            "text" => self.text = Some(raw),
            "max_output_tokens" => {
                self.max_output_tokens = Some(unsigned(raw, 1, u64::MAX, &place)?);
            }
            "instructions" if is_string(raw) => {
                let text = string(raw, &place)?;
                if !text.is_empty() {
                    self.instructions = vec![Turn::new(Role::System, vec![Block::text(text)])];
                }
            }
            "instructions" => return Err(place.expected("a string", raw)),
            "include" => self.include(raw, &place)?,
            _ => self.extras.push((name.to_owned(), RawJson::from_raw(raw))),
        }
        Ok(())
    }

    /// What more is asked for. What every answer tells, or another member says, needs no extra.
    fn include(&mut self, raw: &RawValue, place: &Place<'_>) -> Result<(), Fault> {
        let mut others = Vec::new();
        for (at, raw) in array(raw, place)?.into_iter().enumerate() {
            match string(raw, &place.element(at))?.as_ref() {
                ENCRYPTED_REASONING => {}
                LOGPROBS => self.logprobs = true,
                _ => others.push(RawJson::from_raw(raw)),
            }
        }
        if !others.is_empty()
            && let Ok(list) = RawJson::of(&others)
        {
            self.extras.push(("include".to_owned(), list));
        }
        Ok(())
    }
}
