//! What routing must know of a request on the Messages surface. MSG-1

use serde_json::value::RawValue;

use super::gathering::{Gathering, has, opening};
use super::{RequestFacts, StructuredOutput};
use crate::anthropic::ROUTER_MEMBERS;
use crate::exchange::{Effort, Fault, Reasoning};
use crate::json::{Envelope, Object, lenient};
use crate::openai_chat::is_plain_name;
use crate::openai_chat::read::{Place, array, boolean, is_null, is_string, unsigned};
use crate::untranslatable::ANTHROPIC_TOLD;

/// The longest `user`, in characters. MSG-1
const LONGEST_USER: usize = 256;

/// Lists and objects beside the conversation that bring nothing into the prompt but their bytes.
const WITHOUT_TEXT: [&str; 12] = [
    "system",
    "messages",
    "tools",
    "tool_choice",
    "stop_sequences",
    "metadata",
    "thinking",
    "output_config",
    "output_format",
    "cache_control",
    // What is forgotten of the conversation; what a summary of it costs is another matter.
    "context_management",
    // Names of features, which some clouds take in the body.
    "anthropic_beta",
];

/// Adds what the conversation tells to `facts`, which has what speaks to the router. Strict is only
/// what decides where a request goes and what is held for it.
pub(crate) fn of_messages(
    envelope: &Envelope<'_>,
    facts: RequestFacts,
) -> Result<RequestFacts, Fault> {
    let raw = |name: &str| envelope.raw(name).filter(|raw| !is_null(raw));
    let mut gathering = Gathering::new(facts);
    if let Some(system) = raw("system") {
        gathering.turn();
        content(system, &mut gathering);
        gathering.facts.opening.instructions = opening(system);
    }
    let all = Place::Top("messages");
    let messages =
        raw("messages").ok_or_else(|| all.refuse("is missing; send at least one message"))?;
    let messages = array(messages, &all)?;
    if messages.is_empty() {
        return Err(all.refuse("is empty; send at least one message"));
    }
    let mut first = true;
    for raw in &messages {
        gathering.turn();
        let Some(message) = lenient::object(Some(raw)) else {
            gathering.unknown(raw);
            continue;
        };
        let role = message.peek_str("role");
        let said = message.peek("content").filter(|raw| !is_null(raw));
        if let Some(said) = said {
            content(said, &mut gathering);
        }
        gathering.count_rest(&message, &["role", "content"]);
        gathering.facts.prefill = role.as_deref() == Some("assistant");
        if role.as_deref() != Some("system") && std::mem::take(&mut first) {
            gathering.facts.opening.first_message = said.map(opening).unwrap_or_default();
        }
    }
    for (at, raw) in gathering.tools(raw("tools"))?.into_iter().enumerate() {
        tool(raw, at, &mut gathering)?;
    }
    beside(envelope, &mut gathering);
    settings(envelope, &mut gathering)?;
    Ok(gathering.finish())
}

/// Members beside the conversation that may bring more into the prompt than their bytes: the tools of
/// remote servers, skills, and whatever the vendor thinks of next. A word or a number stays one.
fn beside(envelope: &Envelope<'_>, gathering: &mut Gathering) {
    for (name, raw) in envelope.members().filter(|(_, raw)| !is_null(raw)) {
        match name {
            "mcp_servers" => gathering.facts.hosted_tools = true,
            "context_management" => {
                gathering.facts.unknown_parts |= raw.get().contains("\"compact");
            }
            name if WITHOUT_TEXT.contains(&name) || ROUTER_MEMBERS.contains(&name) => {}
            _ => {
                gathering.facts.unknown_parts |= raw.get().starts_with(['[', '{']);
            }
        }
    }
}

/// A text or a list of blocks.
fn content(raw: &RawValue, gathering: &mut Gathering) {
    if is_string(raw) {
        gathering.block();
        gathering.count(Some(raw));
        return;
    }
    let Some(blocks) = crate::json::scan::elements(raw) else {
        gathering.unknown(raw);
        return;
    };
    for raw in blocks {
        block(raw, gathering);
    }
}

fn block(raw: &RawValue, gathering: &mut Gathering) {
    gathering.block();
    let Some(block) = lenient::object(Some(raw)) else {
        gathering.unknown(raw);
        return;
    };
    gathering.facts.cache_marks |= has(&block, "cache_control");
    match block.peek_str("type").as_deref() {
        Some("text") => {
            gathering.count(block.peek("text"));
            gathering.count_rest(&block, &["type", "cache_control", "text"]);
        }
        Some("image") if source(&block).is_some_and(|kind| !matches!(kind, "text" | "content")) => {
            gathering.image();
            gathering.count_rest(&block, &["type", "cache_control", "source"]);
        }
        Some("document") => document(raw, &block, gathering),
        Some("tool_use") => {
            gathering.facts.tool_history = true;
            for name in ["id", "name", "input"] {
                gathering.count(block.peek(name));
            }
            let counted = ["type", "cache_control", "id", "name", "input"];
            gathering.count_rest(&block, &counted);
        }
        Some("tool_result") => {
            gathering.facts.tool_history = true;
            gathering.count(block.peek("tool_use_id"));
            if let Some(raw) = block.peek("content").filter(|raw| !is_null(raw)) {
                content(raw, gathering);
            }
            let counted = ["type", "cache_control", "tool_use_id", "content", "is_error"];
            gathering.count_rest(&block, &counted);
        }
        Some("search_result") => {
            for name in ["title", "source"] {
                gathering.count(block.peek(name));
            }
            if let Some(raw) = block.peek("content") {
                content(raw, gathering);
            }
            let counted = ["type", "cache_control", "title", "source", "content"];
            gathering.count_rest(&block, &counted);
        }
        Some("thinking") => {
            gathering.count(block.peek("thinking"));
            gathering.count(block.peek("signature"));
        }
        Some("redacted_thinking") => gathering.count(block.peek("data")),
        Some(kind) if ANTHROPIC_TOLD.contains(&kind) => {
            // A document may hold media, by their addresses too.
            gathering.facts.file_input |= raw.get().contains("\"document\"");
            gathering.count(Some(raw));
        }
        _ => {
            gathering.facts.file_input |= raw.get().contains("\"document\"");
            gathering.unknown(raw);
        }
    }
}

/// The kind of a source this version knows.
fn source(block: &Object<'_>) -> Option<&'static str> {
    let source = lenient::object(block.peek("source"))?;
    let kind = source.peek_str("type")?;
    ["base64", "url", "file", "text", "content"].into_iter().find(|known| *known == kind)
}

fn document(raw: &RawValue, block: &Object<'_>, gathering: &mut Gathering) {
    match source(block) {
        Some("text") => {
            let source = lenient::object(block.peek("source"));
            gathering.count(source.and_then(|source| source.peek("data")));
        }
        Some("content") => {
            let source = lenient::object(block.peek("source"));
            if let Some(raw) = source.and_then(|source| source.peek("content")) {
                content(raw, gathering);
            }
        }
        Some(_) => gathering.facts.file_input = true,
        None => {
            gathering.facts.file_input = true;
            gathering.unknown(raw);
            return;
        }
    }
    gathering.count(block.peek("title"));
    gathering.count_rest(block, &["type", "cache_control", "source", "title"]);
}

fn tool(raw: &RawValue, at: usize, gathering: &mut Gathering) -> Result<(), Fault> {
    gathering.block();
    gathering.facts.tools += 1;
    let Some(tool) = lenient::object(Some(raw)) else {
        gathering.unknown(raw);
        return Ok(());
    };
    gathering.facts.cache_marks |= has(&tool, "cache_control");
    let kind = tool.peek_str("type");
    if tool.peek("type").is_some() && kind.as_deref() != Some("custom") {
        gathering.facts.hosted_tools = true;
        // What nobody can bill is not asked for.
        if kind.as_deref().is_some_and(|kind| kind.starts_with("advisor")) {
            return Err(Fault::invalid(format!(
                "tools[{at}]: the advisor's tokens are another model's, and are not billed here; \
                 leave the tool out"
            )));
        }
        if kind.is_some_and(|kind| kind.starts_with("web_search")) {
            gathering.searches(lenient::count(tool.peek("max_uses").filter(|it| !is_null(it))));
        }
        gathering.count(Some(raw));
        return Ok(());
    }
    let name = tool.peek_str("name").unwrap_or_default();
    gathering.facts.irregular_tool_names |= !is_plain_name(&name);
    for name in ["name", "description", "input_schema"] {
        gathering.count(tool.peek(name));
    }
    let counted = ["type", "cache_control", "name", "description", "input_schema", "strict"];
    gathering.count_rest(&tool, &counted);
    Ok(())
}

fn settings(envelope: &Envelope<'_>, gathering: &mut Gathering) -> Result<(), Fault> {
    let raw = |name: &str| envelope.raw(name).filter(|raw| !is_null(raw));
    let facts = &mut gathering.facts;
    if facts.user.as_ref().is_some_and(|user| user.chars().count() > LONGEST_USER) {
        return Err(Place::Top("user").refuse("must be at most 256 characters"));
    }
    let told = lenient::object(raw("metadata")).and_then(|told| told.peek_str("user_id"));
    facts.user = facts.user.take().or_else(|| told.map(Into::into));
    // The vendor's word for the ordinary one. TIER-1
    if facts.service_tier.as_deref() == Some("standard_only") {
        facts.service_tier = Some("default".to_owned());
    }
    if let Some(raw) = raw("stream") {
        facts.stream = boolean(raw, &Place::Top("stream"))?;
    }
    if let Some(raw) = raw("max_tokens") {
        facts.max_output_tokens = Some(unsigned(raw, 1, u64::MAX, &Place::Top("max_tokens"))?);
    }
    facts.cache_marks |= raw("cache_control").is_some();
    let place = raw("inference_geo").and_then(|raw| serde_json::from_str::<String>(raw.get()).ok());
    if place.is_some_and(|place| place != "global") {
        return Err(Place::Top("inference_geo").refuse(
            "the vendor's price for one place is not known here; leave it out, or name a provider \
             there in `provider.only`",
        ));
    }
    let choice = lenient::object(raw("tool_choice"));
    let kind = choice.as_ref().and_then(|choice| choice.peek_str("type"));
    facts.tool_choice = raw("tool_choice").is_some();
    facts.forced_tool_choice = matches!(kind.as_deref(), Some("any" | "tool"));
    let parallel = choice.is_some_and(|choice| has(&choice, "disable_parallel_tool_use"));
    facts.reasoning = lenient::object(raw("thinking")).map(|told| thinking(&told));
    let config = lenient::object(raw("output_config"));
    if let Some(effort) = config.as_ref().and_then(|config| config.peek_str("effort")) {
        match facts.reasoning.as_mut().filter(|told| told.wanted() == Some(true)) {
            Some(reasoning) => reasoning.effort = Effort::from_name(&effort),
            None => facts.verbosity = Some(effort.into_owned()),
        }
    }
    // The older place of the same thing. wire-formats 2.7
    let format = raw("output_format").or_else(|| config?.peek("format").filter(|it| !is_null(it)));
    facts.structured_output = format.map(|raw| {
        let kind = lenient::object(Some(raw)).and_then(|format| format.peek_str("type"));
        match kind.as_deref() {
            Some("json_schema") => StructuredOutput::JsonSchema,
            _ => StructuredOutput::Other,
        }
    });
    let schema = facts.structured_output == Some(StructuredOutput::JsonSchema);
    let reasons = facts.reasoning.as_ref().is_some_and(|told| told.wanted().is_some());
    let verbosity = facts.verbosity.is_some();
    let tools = facts.tools > 0;
    gathering.parameters(&[
        ("temperature", raw("temperature").is_some()),
        ("top_p", raw("top_p").is_some()),
        ("top_k", raw("top_k").is_some()),
        ("stop", !lenient::elements(raw("stop_sequences")).is_empty()),
        ("max_tokens", raw("max_tokens").is_some()),
        ("tools", tools),
        ("tool_choice", raw("tool_choice").is_some()),
        ("parallel_tool_calls", parallel),
        ("response_format", format.is_some()),
        ("structured_outputs", schema),
        ("reasoning", reasons),
        ("verbosity", verbosity),
    ]);
    Ok(())
}

/// What is said about thinking; a kind nobody here knows switches it on.
fn thinking(told: &Object<'_>) -> Reasoning {
    match told.peek_str("type").as_deref() {
        Some("disabled") => Reasoning { enabled: Some(false), ..Reasoning::default() },
        Some("enabled") if has(told, "budget_tokens") => Reasoning {
            max_tokens: lenient::count(told.peek("budget_tokens")),
            ..Reasoning::default()
        },
        _ => Reasoning { enabled: Some(true), ..Reasoning::default() },
    }
}
