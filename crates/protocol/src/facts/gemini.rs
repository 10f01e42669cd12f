//! What routing must know of a request on Google's surface, whose members may be written in two
//! ways: `systemInstruction` and `system_instruction`.

use std::borrow::Cow;
use std::collections::HashSet;

use serde_json::value::RawValue;

use super::gathering::{Gathering, opening};
use super::{RequestFacts, StructuredOutput};
use crate::exchange::{Effort, Fault, Reasoning};
use crate::json::{Envelope, Object, lenient, scan};
use crate::openai_chat::facts::bounded;
use crate::openai_chat::read::{Place, array, is_null, unsigned};
use crate::openai_chat::{MAX_TOOLS, is_plain_name};
use crate::untranslatable::GEMINI_TOLD;

/// The most answers asked for at once.
const MAX_ANSWERS: u64 = 128;

/// A member under either of its names.
fn of<'a>(object: &Object<'a>, camel: &str, snake: &str) -> Option<&'a RawValue> {
    let there = |name: &str| object.peek(name).filter(|raw| !is_null(raw));
    there(camel).or_else(|| there(snake))
}

/// Refuses a member that is there under both of its names: which of them counts is the provider's to
/// say, so that what is held could be less than what is asked for.
fn once(members: &[(&str, &RawValue)], place: &str) -> Result<(), Fault> {
    match twice(members) {
        Some((camel, snake)) => Err(Fault::invalid(format!(
            "{place}{camel}: is there as {snake} too; send one of them"
        ))),
        None => Ok(()),
    }
}

/// The names of a member that is there under both.
fn twice<'m>(members: &[(&'m str, &RawValue)]) -> Option<(&'m str, &'m str)> {
    let is_snake = |name: &str| name.contains('_');
    if !members.iter().any(|(name, _)| is_snake(name)) {
        return None;
    }
    let names: HashSet<&'m str> = members.iter().map(|(name, _)| *name).collect();
    let mut snakes = members.iter().map(|(name, _)| *name).filter(|name| is_snake(name));
    snakes.find_map(|snake| Some((*names.get(&*camel_of(snake))?, snake)))
}

/// A name in the other spelling.
fn camel_of(snake: &str) -> String {
    let mut upper = false;
    let mut camel = String::with_capacity(snake.len());
    for letter in snake.chars() {
        match letter {
            '_' => upper = true,
            letter if std::mem::take(&mut upper) => camel.push(letter.to_ascii_uppercase()),
            letter => camel.push(letter),
        }
    }
    camel
}

fn is_told_twice(object: &Object<'_>) -> bool {
    twice(&object.iter().collect::<Vec<_>>()).is_some()
}

/// Adds what the conversation tells to `facts`, which has what speaks to the router and what the
/// address says. Strict is only what decides where a request goes and what is held for it.
pub(crate) fn of_gemini(
    envelope: &Envelope<'_>,
    facts: RequestFacts,
) -> Result<RequestFacts, Fault> {
    let raw = |camel: &str, snake: &str| {
        let there = |name: &str| envelope.raw(name).filter(|raw| !is_null(raw));
        there(camel).or_else(|| there(snake))
    };
    once(&envelope.members().collect::<Vec<_>>(), "")?;
    let mut gathering = Gathering::new(facts);
    if let Some(system) = raw("systemInstruction", "system_instruction") {
        gathering.turn();
        match lenient::object(Some(system)) {
            Some(system) => {
                parts(system.peek("parts"), &mut gathering);
                gathering.facts.opening.instructions =
                    system.peek("parts").map(opening).unwrap_or_default();
            }
            None => {
                gathering.count(Some(system));
                gathering.facts.opening.instructions = opening(system);
            }
        }
    }
    let place = Place::Top("contents");
    let contents =
        raw("contents", "contents").ok_or_else(|| place.refuse("is missing; send one content"))?;
    let contents = several(contents).ok_or_else(|| place.expected("an array", contents))?;
    if contents.is_empty() {
        return Err(place.refuse("is empty; send at least one content"));
    }
    for (at, raw) in contents.into_iter().enumerate() {
        gathering.turn();
        let Some(content) = lenient::object(Some(raw)) else {
            gathering.unknown(raw);
            continue;
        };
        parts(content.peek("parts"), &mut gathering);
        gathering.count_rest(&content, &["role", "parts"]);
        gathering.facts.prefill = content.peek_str("role").as_deref() == Some("model");
        if at == 0 {
            let said = content.peek("parts").map(opening);
            gathering.facts.opening.first_message = said.unwrap_or_default();
        }
    }
    for raw in tools(raw("tools", "tools"), &mut gathering)? {
        tool(raw, &mut gathering)?;
    }
    if let Some(cached) = raw("cachedContent", "cached_content") {
        // A prompt that is kept at the provider, as long as it may be.
        gathering.unknown(cached);
    }
    let tier = raw("serviceTier", "service_tier").and_then(scan::string);
    if let Some(tier) = tier {
        gathering.facts.service_tier = Some(match tier.as_ref() {
            "standard" => "default".to_owned(),
            tier => tier.to_ascii_lowercase(),
        });
    }
    choice(raw("toolConfig", "tool_config"), &mut gathering);
    settings(raw("generationConfig", "generation_config"), &mut gathering)?;
    Ok(gathering.finish())
}

/// The elements of an array; one object stands for an array of it alone.
fn several(raw: &RawValue) -> Option<Vec<&RawValue>> {
    if raw.get().starts_with('{') { Some(vec![raw]) } else { scan::elements(raw) }
}

fn parts(raw: Option<&RawValue>, gathering: &mut Gathering) {
    let Some(raw) = raw.filter(|raw| !is_null(raw)) else { return };
    let Some(parts) = several(raw) else {
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
    let text = |object: &Object<'_>, camel: &str, snake: &str| {
        of(object, camel, snake).and_then(scan::string).map(Cow::into_owned)
    };
    let data = ["inlineData", "inline_data", "fileData", "file_data"];
    let mut data = data.iter().filter_map(|name| lenient::object(part.peek(name)));
    if is_told_twice(part) || data.any(|data| is_told_twice(&data)) {
        // Which of the two counts is not known here.
        gathering.unknown(raw);
        return;
    }
    if let Some(call) = of(part, "functionCall", "function_call") {
        gathering.facts.tool_history = true;
        gathering.count(Some(call));
        gathering.count_rest(part, &["functionCall", "function_call"]);
    } else if let Some(result) = of(part, "functionResponse", "function_response") {
        gathering.facts.tool_history = true;
        match lenient::object(Some(result)) {
            Some(result) => {
                parts(result.peek("parts"), gathering);
                gathering.count_rest(&result, &["parts"]);
            }
            None => gathering.unknown(result),
        }
        gathering.count_rest(part, &["functionResponse", "function_response"]);
    } else if let Some(data) = of(part, "inlineData", "inline_data") {
        let data = lenient::object(Some(data)).unwrap_or_default();
        gathering.medium(&text(&data, "mimeType", "mime_type").unwrap_or_default());
        gathering.count(of(&data, "displayName", "display_name"));
        gathering.count_rest(part, &["inlineData", "inline_data"]);
    } else if let Some(data) = of(part, "fileData", "file_data") {
        let data = lenient::object(Some(data)).unwrap_or_default();
        let told = text(&data, "mimeType", "mime_type").or_else(|| {
            let address = text(&data, "fileUri", "file_uri")?;
            crate::gemini::media_type_of(&address).map(str::to_owned)
        });
        gathering.medium(told.as_deref().unwrap_or("video/mp4"));
        gathering.count_rest(part, &[]);
    } else if let Some(said) = of(part, "text", "text") {
        gathering.count(Some(said));
        gathering.count_rest(part, &["text", "thought"]);
    } else if is_told(part) {
        gathering.count(Some(raw));
    } else {
        gathering.unknown(raw);
    }
}

/// Whether all the part puts into the prompt is its bytes.
fn is_told(part: &Object<'_>) -> bool {
    let beside = ["thought", "thoughtSignature", "thought_signature", "partMetadata"];
    let told = |name: &str| GEMINI_TOLD.contains(&name) || beside.contains(&name);
    part.iter().next().is_some() && part.iter().all(|(name, _)| told(name))
}

/// The entries of a list of tools, which may be left out around a single one.
fn tools<'a>(
    raw: Option<&'a RawValue>,
    gathering: &mut Gathering,
) -> Result<Vec<&'a RawValue>, Fault> {
    match raw {
        Some(raw) if raw.get().starts_with('{') => Ok(vec![raw]),
        raw => gathering.tools(raw),
    }
}

/// An entry of `tools`: declarations of functions, and tools of the vendor's own beside them.
fn tool(raw: &RawValue, gathering: &mut Gathering) -> Result<(), Fault> {
    let Some(entry) = lenient::object(Some(raw)) else {
        gathering.unknown(raw);
        return Ok(());
    };
    once(&entry.iter().collect::<Vec<_>>(), "tools.")?;
    let own = ["functionDeclarations", "function_declarations"];
    for raw in tools(of(&entry, own[0], own[1]), gathering)? {
        gathering.block();
        gathering.facts.tools += 1;
        let Some(declaration) = lenient::object(Some(raw)) else {
            gathering.unknown(raw);
            continue;
        };
        let name = declaration.peek_str("name").unwrap_or_default();
        gathering.facts.irregular_tool_names |= !is_plain_name(&name);
        gathering.count(declaration.peek("description"));
        gathering.count_rest(&declaration, &["description"]);
    }
    if entry.iter().any(|(name, _)| !own.contains(&name)) {
        gathering.block();
        gathering.facts.tools += 1;
        gathering.facts.hosted_tools = true;
        let searches = |name: &str| {
            name.to_ascii_lowercase().replace('_', "").contains("search")
                && !name.to_ascii_lowercase().starts_with("file")
        };
        if entry.iter().any(|(name, _)| searches(name)) {
            gathering.searches(None);
        }
        gathering.count_rest(&entry, &own);
    }
    // Of all entries together.
    bounded(gathering.facts.tools, MAX_TOOLS, &Place::Top("tools"))
}

fn choice(config: Option<&RawValue>, gathering: &mut Gathering) {
    let Some(config) = lenient::object(config) else { return };
    let calling = of(&config, "functionCallingConfig", "function_calling_config");
    let Some(calling) = lenient::object(calling) else { return };
    let mode = calling.peek_str("mode").unwrap_or_default().to_ascii_uppercase();
    let chosen = !matches!(mode.as_str(), "" | "MODE_UNSPECIFIED");
    gathering.facts.tool_choice = chosen;
    gathering.facts.forced_tool_choice = mode == "ANY";
    gathering.parameters(&[("tool_choice", chosen)]);
}

fn settings(config: Option<&RawValue>, gathering: &mut Gathering) -> Result<(), Fault> {
    // Callers of this protocol get thoughts only when they ask for them. REASON-4
    gathering.facts.reasoning = Some(Reasoning { exclude: true, ..Reasoning::default() });
    let tools = gathering.facts.tools > 0;
    gathering.parameters(&[("tools", tools)]);
    let Some(raw) = config else { return Ok(()) };
    let Some(config) = lenient::object(config) else {
        return Err(Place::Top("generationConfig").expected("an object", raw));
    };
    once(&config.iter().collect::<Vec<_>>(), "generationConfig.")?;
    let parent = Place::Top("generationConfig");
    let facts = &mut gathering.facts;
    if let Some(raw) = of(&config, "maxOutputTokens", "max_output_tokens") {
        let place = parent.member("maxOutputTokens");
        facts.max_output_tokens = Some(unsigned(raw, 1, u64::from(u32::MAX), &place)?);
    }
    let count = of(&config, "candidateCount", "candidate_count");
    if let Some(raw) = count {
        facts.answers = unsigned(raw, 1, MAX_ANSWERS, &parent.member("candidateCount"))?;
    }
    if let Some(raw) = of(&config, "responseModalities", "response_modalities") {
        let names = array(raw, &parent.member("responseModalities"))?.into_iter();
        let names = names.filter_map(scan::string);
        facts.output_modalities = names.map(|name| name.to_ascii_lowercase()).collect();
    }
    let form = of(&config, "responseMimeType", "response_mime_type").and_then(scan::string);
    let schema = of(&config, "responseSchema", "response_schema")
        .or_else(|| of(&config, "responseJsonSchema", "response_json_schema"));
    facts.structured_output = match (form.as_deref(), schema) {
        (Some("application/json"), Some(_)) => Some(StructuredOutput::JsonSchema),
        (Some("application/json"), None) => Some(StructuredOutput::JsonObject),
        // Other forms belong to this protocol alone.
        _ => None,
    };
    let told = lenient::object(of(&config, "thinkingConfig", "thinking_config"));
    if let Some(told) = told {
        once(&told.iter().collect::<Vec<_>>(), "generationConfig.thinkingConfig.")?;
        facts.reasoning = Some(thinking(&told));
    }
    let format = facts.structured_output;
    let reasons = facts.reasoning.as_ref().is_some_and(|told| told.wanted().is_some());
    let there = |camel: &str, snake: &str| of(&config, camel, snake).is_some();
    let stop = of(&config, "stopSequences", "stop_sequences");
    gathering.parameters(&[
        ("temperature", there("temperature", "temperature")),
        ("top_p", there("topP", "top_p")),
        ("top_k", there("topK", "top_k")),
        ("frequency_penalty", there("frequencyPenalty", "frequency_penalty")),
        ("presence_penalty", there("presencePenalty", "presence_penalty")),
        ("seed", there("seed", "seed")),
        ("logprobs", there("responseLogprobs", "response_logprobs")),
        ("top_logprobs", there("logprobs", "logprobs")),
        ("stop", !lenient::elements(stop).is_empty()),
        ("max_tokens", there("maxOutputTokens", "max_output_tokens")),
        ("response_format", format.is_some()),
        ("structured_outputs", format == Some(StructuredOutput::JsonSchema)),
        ("reasoning", reasons),
    ]);
    Ok(())
}

/// What is said about thinking; a level nobody here knows switches it on.
fn thinking(told: &Object<'_>) -> Reasoning {
    let include = of(told, "includeThoughts", "include_thoughts").map(RawValue::get);
    let thoughts = include == Some("true");
    let mut reasoning = Reasoning { exclude: !thoughts, thoughts, ..Reasoning::default() };
    let budget = of(told, "thinkingBudget", "thinking_budget")
        .and_then(|raw| serde_json::from_str::<f64>(raw.get()).ok());
    match budget {
        Some(budget) if budget < 0.0 => reasoning.enabled = Some(true),
        Some(0.0) => reasoning.enabled = Some(false),
        Some(budget) => reasoning.max_tokens = Some(budget as u64),
        None => {}
    }
    let level = of(told, "thinkingLevel", "thinking_level").and_then(scan::string);
    if let Some(level) = level.filter(|level| level != "THINKING_LEVEL_UNSPECIFIED") {
        reasoning.effort = Effort::from_name(&level.to_ascii_lowercase());
        if reasoning.effort.is_none() {
            reasoning.enabled = Some(true);
        }
    }
    reasoning
}
