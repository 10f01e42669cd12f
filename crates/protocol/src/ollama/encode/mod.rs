//! Exchange → a chat request. wire-formats 10

mod messages;
mod tools;

use crate::exchange::{Effort, Fault, Losses, OutputFormat, Reasoning, Request};
use crate::json::Object;
use crate::json::envelope::write_string;
use crate::json::write::{array, into_text, key, number, raw, string};
use crate::openai_chat::wire::is_for_the_router;
use crate::target::{Encoded, ReasoningStyle, ResponseContext, Target};
use crate::tool_words;

/// Writes a request for an endpoint that speaks Ollama's chat.
pub fn encode_request(request: &Request, target: &Target<'_>) -> Result<Encoded, Fault> {
    if !target.takes_tools() && tool_words::concerns(request) {
        return tool_words::told(request, |worded| encode_request(worded, target));
    }
    let mut losses = Losses::default();
    let tools = tools::plan(request, &mut losses);
    let output = output(request, target, !tools.tools.is_empty(), &mut losses);
    let words: Vec<&str> =
        [tools.due.as_deref(), output.words.as_deref()].into_iter().flatten().collect();
    let messages = messages::write(request, target, &words, &mut losses)?;

    let mut body = Vec::with_capacity(4096);
    body.push(b'{');
    string(&mut body, "model", target.model);
    // It streams unless told not to.
    raw(&mut body, "stream", if request.stream { "true" } else { "false" });
    raw(&mut body, "messages", &messages);
    if !tools.tools.is_empty() {
        key(&mut body, "tools");
        array(&mut body, &tools.tools, |out, tool| out.extend_from_slice(tool.as_bytes()));
    }
    if let Some(format) = &output.format {
        raw(&mut body, "format", format);
    }
    if let Some(think) = think(request, target, &mut losses)? {
        raw(&mut body, "think", &think);
    }
    // A prompt that does not fit would silently lose its beginning.
    let fixed = request.extras.members.iter().any(|(name, _)| name == "truncate");
    if !fixed {
        raw(&mut body, "truncate", "false");
    }
    write_options(&mut body, request, target, &mut losses);
    for (name, value) in &request.extras.members {
        match name.as_str() {
            "keep_alive" | "truncate" | "shift" => raw(&mut body, name, value.get()),
            // Taken in among the others.
            "options" if value.get().starts_with('{') => {}
            _ if is_for_the_router(&request.extras, name) => {}
            _ => losses.record(name.as_str(), "the provider's protocol has no such parameter"),
        }
    }
    body.push(b'}');
    record_what_is_unknown_here(request, &mut losses);
    Ok(Encoded {
        body,
        headers: Vec::new(),
        losses,
        context: ResponseContext {
            no_finish_reason: target.quirks.no_finish_reason,
            exclude_reasoning: request.reasoning.as_ref().is_some_and(|it| it.exclude),
            think_tags: target.quirks.think_tags,
            ..ResponseContext::default()
        },
    })
}

/// How the form of the answer is brought about.
#[derive(Default)]
struct Output {
    /// The value of `format`.
    format: Option<String>,
    /// An instruction.
    words: Option<String>,
}

/// The format is the schema itself. It holds for every answer, so that no tool would ever be called:
/// beside tools there are words alone. STRUCT-1
fn output(request: &Request, target: &Target<'_>, tools: bool, losses: &mut Losses) -> Output {
    let allowed = target.refusal("response_format").is_none() && !tools;
    if tools && request.output.as_ref().is_some_and(OutputFormat::is_json) {
        losses
            .record("response_format", "asked for in words: a form would leave no room for calls");
    }
    let any = Some("\"json\"".to_owned()).filter(|_| allowed);
    match &request.output {
        None | Some(OutputFormat::Text) => Output::default(),
        Some(OutputFormat::Opaque { .. }) => {
            losses.record("response_format", "the form belongs to another protocol");
            Output::default()
        }
        // Without a word of it in the prompt, models fill the answer with white space.
        Some(OutputFormat::JsonObject) => Output {
            format: any,
            words: Some("Answer with one valid JSON object and nothing else.".to_owned()),
        },
        Some(OutputFormat::JsonSchema { schema, .. }) => {
            let native = target.abilities.structured_output && !target.quirks.no_json_schema;
            if native && allowed && schema.get().starts_with('{') {
                return Output { format: Some(schema.get().to_owned()), words: None };
            }
            Output {
                format: any,
                words: Some(format!(
                    "Answer with JSON and nothing else (no code fences, no words before or after \
                     it) that is valid under this JSON Schema:\n{}",
                    schema.get()
                )),
            }
        }
    }
}

/// The value of `think`: on, off, or an effort. REASON-6
fn think(
    request: &Request,
    target: &Target<'_>,
    losses: &mut Losses,
) -> Result<Option<String>, Fault> {
    let abilities = target.abilities;
    if request.verbosity.is_some() {
        losses.record("verbosity", "the model takes no verbosity");
    }
    let Some(reasoning) = &request.reasoning else { return Ok(None) };
    if reasoning.summary.is_some() {
        losses.record("reasoning.summary", "reasoning is told in full");
    }
    Ok(match (reasoning.wanted(), abilities.reasoning) {
        (None, _) => None,
        (Some(false), _) if abilities.reasoning_mandatory => {
            return Err(Fault::invalid(
                "reasoning.effort: this model cannot answer without reasoning; leave `none` out \
                 or choose another model",
            ));
        }
        // Models that do not reason refuse to be asked for it.
        (Some(false), ReasoningStyle::None) => None,
        (Some(true), ReasoningStyle::None) => {
            losses.record("reasoning", "the model does not reason");
            None
        }
        (Some(false), _) => Some("false".to_owned()),
        (Some(true), ReasoningStyle::Effort | ReasoningStyle::Level) => {
            Some(format!("\"{}\"", effort(reasoning, request, target).name()))
        }
        (Some(true), _) => Some("true".to_owned()),
    })
}

fn effort(reasoning: &Reasoning, request: &Request, target: &Target<'_>) -> Effort {
    const KNOWN: [Effort; 3] = [Effort::Low, Effort::Medium, Effort::High];
    let limit = request.max_output_tokens.or(target.abilities.max_output_tokens);
    let wished = reasoning.effective_effort(limit).unwrap_or(Effort::Medium);
    let known = &target.abilities.efforts;
    let possible: Vec<Effort> =
        known.iter().copied().filter(|it| KNOWN.contains(it) || *it == Effort::Max).collect();
    let possible = if possible.is_empty() { KNOWN.to_vec() } else { possible };
    wished.nearest(&possible).unwrap_or(Effort::Medium)
}

/// Sampling and limits, which stand in an object of their own. Options the caller names in this
/// protocol's words come first. Bug 24
fn write_options(body: &mut Vec<u8>, request: &Request, target: &Target<'_>, losses: &mut Losses) {
    let sampling = &request.sampling;
    let abilities = target.abilities;
    let mut may = |name: &str, able: bool| {
        let why = (!able).then_some("the model does not take it").or_else(|| target.refusal(name));
        if let Some(why) = why {
            losses.record(name, why);
        }
        why.is_none()
    };
    let mut options: Vec<(String, String)> = Vec::new();
    let given = request.extras.members.iter().find(|(name, _)| name == "options");
    if let Some(given) = given.and_then(|(_, value)| Object::of(value.as_raw()).ok()) {
        options.extend(given.iter().map(|(name, raw)| (name.to_owned(), raw.get().to_owned())));
    }
    let mut put = |name: &str, value: Option<String>| {
        let Some(value) = value else { return };
        options.retain(|(known, _)| known != name);
        options.push((name.to_owned(), value));
    };
    let whole = |value: u64| value.to_string();
    let limit = request.max_output_tokens.filter(|_| may("max_tokens", true));
    put("num_predict", limit.map(|limit| whole(limit.max(1))));
    let asked = request.reasoning.as_ref();
    let open = abilities.sampling_refusal(asked).is_none();
    let penalties = open && abilities.penalties;
    for (name, sent, value, able) in [
        ("temperature", "temperature", sampling.temperature, open),
        ("top_p", "top_p", sampling.top_p, open),
        ("min_p", "min_p", sampling.min_p, open),
        ("repetition_penalty", "repeat_penalty", sampling.repetition_penalty, open),
        ("frequency_penalty", "frequency_penalty", sampling.frequency_penalty, penalties),
        ("presence_penalty", "presence_penalty", sampling.presence_penalty, penalties),
    ] {
        put(sent, value.filter(|_| may(name, able)).map(decimal));
    }
    put("top_k", sampling.top_k.filter(|_| may("top_k", open)).map(whole));
    put("seed", sampling.seed.filter(|_| may("seed", true)).map(|seed| seed.to_string()));
    let stop: Vec<&String> = sampling.stop.iter().filter(|it| !it.is_empty()).collect();
    if !stop.is_empty() && may("stop", true) {
        let mut out = Vec::new();
        array(&mut out, stop, |out, sequence| write_string(out, sequence));
        put("stop", Some(into_text(out)));
    }
    if !options.is_empty() {
        key(body, "options");
        body.push(b'{');
        for (name, value) in &options {
            raw(body, name, value);
        }
        body.push(b'}');
    }
    if sampling.logprobs == Some(true) && may("logprobs", abilities.tells_logprobs(asked)) {
        raw(body, "logprobs", "true");
        if let Some(count) = sampling.top_logprobs.filter(|_| may("top_logprobs", true)) {
            number(body, "top_logprobs", count.min(20));
        }
    }
}

fn decimal(value: f64) -> String {
    serde_json::to_string(&value).unwrap_or_default()
}

/// Parameters the protocol has no place for.
fn record_what_is_unknown_here(request: &Request, losses: &mut Losses) {
    losses.record_citations(&request.turns);
    let sampling = &request.sampling;
    let extra_modalities = request
        .modalities
        .as_ref()
        .is_some_and(|modalities| modalities.iter().any(|name| name != "text"));
    let marked = request.cache.is_some()
        || request.tools.iter().any(|tool| tool.cache.is_some())
        || request.turns.iter().flat_map(|turn| &turn.blocks).any(|block| block.cache.is_some());
    for (name, is_set) in [
        ("n", sampling.n.is_some_and(|count| count > 1)),
        ("logit_bias", sampling.logit_bias.is_some()),
        ("top_a", sampling.top_a.is_some()),
        ("parallel_tool_calls", request.parallel_tool_calls == Some(false)),
        ("modalities", extra_modalities),
        ("audio", request.audio_output.is_some()),
        ("image_config", request.image_config.is_some()),
        ("prediction", request.prediction.is_some()),
        ("prompt_cache_key", request.prompt_cache_key.is_some()),
        ("cache_control", marked),
        ("user", request.user.is_some()),
        ("metadata", request.metadata.is_some()),
        ("service_tier", request.service_tier.is_some()),
    ] {
        if is_set {
            losses.record(name, "the provider's protocol has no such parameter");
        }
    }
}
