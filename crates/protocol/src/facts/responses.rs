//! What routing must know of a request on the Responses surface. RESP-1

use serde_json::value::RawValue;

use super::gathering::{Gathering, has, opening};
use super::{RequestFacts, StructuredOutput};
use crate::Dialect;
use crate::exchange::{Effort, Extras, Fault, Reasoning};
use crate::json::{Envelope, Object, RawJson, lenient, scan};
use crate::openai_chat::facts::bounded;
use crate::openai_chat::read::{Place, array, boolean, is_array, is_null, is_string, unsigned};
use crate::openai_chat::wire::MAX_FUNCTION_NAME;
use crate::openai_chat::{MAX_TOOLS, is_plain_name};
use crate::openai_responses::{LOGPROBS, MAX_NAMESPACE, NAMESPACE, is_result};

/// What the vendor's own tools did, told in items: their bytes are all they put into the prompt.
const TOLD: [&str; 8] = [
    "web_search_call",
    "file_search_call",
    "code_interpreter_call",
    "mcp_list_tools",
    "mcp_call",
    "mcp_approval_request",
    "local_shell_call",
    "reasoning",
];

/// Adds what the conversation tells to `facts`, which has what speaks to the router. Strict is only
/// what decides where a request goes and what is held for it.
pub(crate) fn of_responses(
    envelope: &Envelope<'_>,
    facts: RequestFacts,
) -> Result<RequestFacts, Fault> {
    let raw = |name: &str| envelope.raw(name).filter(|raw| !is_null(raw));
    let mut gathering = Gathering::new(facts);
    if let Some(instructions) = raw("instructions") {
        gathering.turn();
        match is_string(instructions) {
            true => gathering.count(Some(instructions)),
            false => gathering.unknown(instructions),
        }
        gathering.facts.opening.instructions = opening(instructions);
    }
    let place = Place::Top("input");
    let input = raw("input").ok_or_else(|| place.refuse("is missing; send a string or items"))?;
    if is_string(input) {
        gathering.turn();
        gathering.block();
        gathering.count(Some(input));
        gathering.facts.opening.first_message = opening(input);
    } else if is_array(input) {
        let items = array(input, &place)?;
        if items.is_empty() {
            return Err(place.refuse("is empty; send at least one item"));
        }
        let mut openings =
            Openings { instructions: raw("instructions").is_none(), first_message: true };
        for raw in items {
            item(raw, &mut openings, &mut gathering)?;
        }
    } else {
        return Err(place.expected("a string or an array of items", input));
    }
    for raw in gathering.tools(raw("tools"))? {
        tool(raw, &mut gathering)?;
    }
    // With those that are told between the turns.
    bounded(gathering.facts.tools, MAX_TOOLS, &Place::Top("tools"))?;
    if let Some(most) = lenient::count(raw("max_tool_calls")) {
        gathering.facts.web_searches = gathering.facts.web_searches.min(most);
    }
    settings(envelope, &mut gathering)?;
    Ok(gathering.finish())
}

/// Which openings are still to be found. STICKY-7
struct Openings {
    instructions: bool,
    first_message: bool,
}

fn item(raw: &RawValue, openings: &mut Openings, gathering: &mut Gathering) -> Result<(), Fault> {
    gathering.turn();
    let Some(item) = lenient::object(Some(raw)) else {
        gathering.unknown(raw);
        return Ok(());
    };
    // A message may leave its kind out.
    let kind = item.peek_str("type");
    let kind = kind.as_deref().unwrap_or("message");
    match kind {
        "message" => message(&item, openings, gathering),
        "function_call" | "custom_tool_call" => {
            gathering.facts.prefill = true;
            gathering.facts.tool_history = true;
            gathering.count_rest(&item, &["type", "id", "status", "arguments", "input"]);
            gathering.count(item.peek("arguments"));
            gathering.count(item.peek("input"));
        }
        "function_call_output" | "custom_tool_call_output" => {
            gathering.facts.prefill = false;
            gathering.facts.tool_history = true;
            gathering.count(item.peek("call_id"));
            content(item.peek("output"), gathering);
        }
        "image_generation_call" => {
            gathering.facts.prefill = true;
            match has(&item, "result") {
                true => gathering.image(),
                false => gathering.count(Some(raw)),
            }
        }
        "additional_tools" => {
            let tools = lenient::elements(item.peek("tools"));
            let all = gathering.facts.tools + tools.len();
            bounded(all, MAX_TOOLS, &Place::Top("input"))?;
            for raw in tools {
                tool(raw, gathering)?;
            }
        }
        kind => {
            gathering.facts.prefill = !is_result(kind);
            match TOLD.contains(&kind) {
                true => gathering.count(Some(raw)),
                false => gathering.unknown(raw),
            }
        }
    }
    Ok(())
}

fn message(item: &Object<'_>, openings: &mut Openings, gathering: &mut Gathering) {
    let said = item.peek("content");
    content(said, gathering);
    gathering.count_rest(item, &["type", "role", "content", "id", "status"]);
    let role = item.peek_str("role");
    gathering.facts.prefill = role.as_deref() == Some("assistant");
    let (wanted, place) = match role.as_deref() {
        Some("system" | "developer") => {
            (&mut openings.instructions, &mut gathering.facts.opening.instructions)
        }
        _ => (&mut openings.first_message, &mut gathering.facts.opening.first_message),
    };
    if std::mem::take(wanted) {
        *place = said.map(opening).unwrap_or_default();
    }
}

/// A text or a list of parts.
fn content(raw: Option<&RawValue>, gathering: &mut Gathering) {
    let Some(raw) = raw.filter(|raw| !is_null(raw)) else { return };
    if is_string(raw) {
        gathering.block();
        gathering.count(Some(raw));
        return;
    }
    let Some(parts) = scan::elements(raw) else {
        gathering.unknown(raw);
        return;
    };
    for raw in parts {
        gathering.block();
        match lenient::object(Some(raw)) {
            Some(part) => self::part(raw, &part, gathering),
            None => gathering.unknown(raw),
        }
    }
}

fn part(raw: &RawValue, part: &Object<'_>, gathering: &mut Gathering) {
    gathering.facts.cache_marks |=
        has(part, "cache_control") || has(part, "prompt_cache_breakpoint");
    match part.peek_str("type").as_deref() {
        Some("input_text" | "text" | "output_text") => {
            gathering.count(part.peek("text"));
            let counted = ["type", "cache_control", "prompt_cache_breakpoint", "text", "logprobs"];
            gathering.count_rest(part, &counted);
        }
        Some("refusal") => gathering.count(part.peek("refusal")),
        Some("input_image") => gathering.image(),
        Some("input_file") => {
            gathering.facts.file_input = true;
            gathering.count(part.peek("filename"));
        }
        Some("input_audio") => gathering.facts.audio_input = true,
        Some("input_video") => gathering.facts.video_input = true,
        _ => gathering.unknown(raw),
    }
}

fn tool(raw: &RawValue, gathering: &mut Gathering) -> Result<(), Fault> {
    gathering.block();
    gathering.facts.tools += 1;
    let Some(tool) = lenient::object(Some(raw)) else {
        gathering.unknown(raw);
        return Ok(());
    };
    let kind = tool.peek_str("type").unwrap_or_default();
    if kind == NAMESPACE {
        let inside = lenient::elements(tool.peek("tools"));
        gathering.facts.tools += inside.len();
        // Of all namespaces together.
        bounded(gathering.facts.tools, MAX_TOOLS, &Place::Top("tools"))?;
        // A flat name is no longer than it may be, nor is what is told of the namespace.
        gathering.facts.namespace_bytes +=
            (inside.len() * MAX_FUNCTION_NAME + MAX_NAMESPACE) as u64;
        gathering.facts.hosted_tools |= inside.iter().any(|raw| {
            let kind = lenient::object(Some(raw)).and_then(|tool| tool.peek_str("type"));
            !matches!(kind.as_deref(), Some("function" | "custom"))
        });
    } else if matches!(kind.as_ref(), "function" | "custom") {
        let name = tool.peek_str("name").unwrap_or_default();
        gathering.facts.irregular_tool_names |= !is_plain_name(&name);
    } else {
        gathering.facts.hosted_tools = true;
        if kind.starts_with("web_search") {
            gathering.searches(None);
        }
    }
    gathering.count_rest(&tool, &["type", "description", "strict"]);
    gathering.count(tool.peek("description"));
    Ok(())
}

fn settings(envelope: &Envelope<'_>, gathering: &mut Gathering) -> Result<(), Fault> {
    let raw = |name: &str| envelope.raw(name).filter(|raw| !is_null(raw));
    let facts = &mut gathering.facts;
    let identifier = raw("safety_identifier").and_then(scan::string);
    facts.user = facts.user.take().or_else(|| identifier.map(Into::into));
    if let Some(raw) = raw("stream") {
        facts.stream = boolean(raw, &Place::Top("stream"))?;
    }
    if let Some(raw) = raw("max_output_tokens") {
        let place = Place::Top("max_output_tokens");
        facts.max_output_tokens = Some(unsigned(raw, 1, u64::MAX, &place)?);
    }
    if let Some(raw) = raw("modalities") {
        let place = Place::Top("modalities");
        let names = array(raw, &place)?.into_iter().filter_map(scan::string);
        facts.output_modalities = names.map(Into::into).collect();
    }
    facts.cache_marks |= raw("cache_control").is_some();
    facts.tool_choice = raw("tool_choice").is_some();
    facts.forced_tool_choice = raw("tool_choice").is_some_and(is_forced);
    facts.reasoning = lenient::object(raw("reasoning")).map(|told| reasoning(&told));
    let text = lenient::object(raw("text"));
    let format = text.as_ref().and_then(|text| lenient::object(text.peek("format")));
    let verbosity = text.as_ref().and_then(|text| text.peek_str("verbosity"));
    facts.verbosity = verbosity.map(Into::into);
    let kind = format.and_then(|format| format.peek_str("type"));
    facts.structured_output = kind.and_then(|kind| match kind.as_ref() {
        "text" => None,
        "json_object" => Some(StructuredOutput::JsonObject),
        "json_schema" => Some(StructuredOutput::JsonSchema),
        _ => Some(StructuredOutput::Other),
    });
    let included = lenient::elements(raw("include")).into_iter().filter_map(scan::string);
    let alternatives = lenient::count(raw("top_logprobs"));
    let probabilities = alternatives.is_some_and(|count| count > 0)
        || included.into_iter().any(|name| name == LOGPROBS);
    let schema = facts.structured_output == Some(StructuredOutput::JsonSchema);
    let format = facts.structured_output.is_some();
    let reasons = facts.reasoning.as_ref().is_some_and(|told| told.wanted().is_some());
    let verbosity = facts.verbosity.is_some();
    let tools = facts.tools > 0;
    gathering.parameters(&[
        ("temperature", raw("temperature").is_some()),
        ("top_p", raw("top_p").is_some()),
        ("top_k", raw("top_k").is_some()),
        ("frequency_penalty", raw("frequency_penalty").is_some()),
        ("presence_penalty", raw("presence_penalty").is_some()),
        ("logprobs", probabilities),
        ("top_logprobs", raw("top_logprobs").is_some()),
        ("max_tokens", raw("max_output_tokens").is_some()),
        ("tools", tools),
        ("tool_choice", raw("tool_choice").is_some()),
        ("parallel_tool_calls", raw("parallel_tool_calls").is_some()),
        ("response_format", format),
        ("structured_outputs", schema),
        ("reasoning", reasons),
        ("verbosity", verbosity),
    ]);
    Ok(())
}

fn is_forced(choice: &RawValue) -> bool {
    if is_string(choice) {
        return choice.get() == "\"required\"";
    }
    let Some(choice) = lenient::object(Some(choice)) else { return false };
    match choice.peek_str("type").as_deref() {
        Some("function" | "custom") => true,
        Some("allowed_tools") => choice.peek_str("mode").as_deref() == Some("required"),
        _ => false,
    }
}

/// What is said about reasoning; an effort nobody here knows switches it on. REASON-1
fn reasoning(told: &Object<'_>) -> Reasoning {
    let named = told.peek_str("effort");
    let effort = named.as_deref().and_then(Effort::from_name);
    let enabled = match told.peek("enabled").map(RawValue::get) {
        Some("true") => Some(true),
        Some("false") => Some(false),
        _ => (has(told, "effort") && effort.is_none()).then_some(true),
    };
    let mode = told.peek("mode").map(|raw| ("mode".to_owned(), RawJson::from_raw(raw)));
    Reasoning {
        extras: Extras::of(Dialect::OpenaiResponses, mode.into_iter().collect()),
        effort,
        max_tokens: lenient::count(told.peek("max_tokens").filter(|raw| !is_null(raw))),
        enabled,
        exclude: told.peek("exclude").map(RawValue::get) == Some("true"),
        summary: told.peek_str("summary").map(Into::into),
        ..Reasoning::default()
    }
}
