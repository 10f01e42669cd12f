//! Exchange → a chat request. wire-formats 6

mod messages;
mod tools;

use crate::exchange::{Fault, Losses, OutputFormat, Reasoning, Request, ToolKind};
use crate::json::envelope::write_string;
use crate::json::write::{array, float, key, number, raw, string};
use crate::openai_chat::wire::{PlainNames, is_for_the_router};
use crate::target::{Encoded, ReasoningStyle, ResponseContext, Target};
use crate::tool_words;

/// The most stop sequences the service takes.
const MOST_STOPS: usize = 5;

/// Members of this protocol that a caller may send beside those of its own.
const OWN_MEMBERS: [&str; 4] = ["safety_mode", "citation_options", "priority", "strict_tools"];

/// What is said where a schema or an object cannot be asked for natively.
const OBJECT: &str = "Answer with one valid JSON object and nothing else: no code fences, no words \
                      before or after it.";

/// Writes a request for an endpoint that speaks Cohere's chat.
pub fn encode_request(request: &Request, target: &Target<'_>) -> Result<Encoded, Fault> {
    if !target.takes_tools() && tool_words::concerns(request) {
        return tool_words::told(request, |worded| encode_request(worded, target));
    }
    let mut losses = Losses::default();
    let declared = request.tools.iter().filter_map(|tool| match &tool.kind {
        ToolKind::Function { name, .. } => Some(name.as_str()),
        ToolKind::Opaque { .. } => None,
    });
    let names = PlainNames::of(declared.chain(request.called_names()));
    let tools = tools::plan(request, target, &names, &mut losses);
    let output = output(request, target, !tools.is_empty(), &mut losses);
    let words = match &output {
        Output::Words(words) => Some(words.as_str()),
        _ => None,
    };
    let prompt = messages::write(request, target, &names, words, &mut losses)?;

    let mut body = Vec::with_capacity(4096);
    body.push(b'{');
    string(&mut body, "model", target.model);
    raw(&mut body, "stream", if request.stream { "true" } else { "false" });
    raw(&mut body, "messages", &prompt.messages);
    tools.write(&mut body);
    write_documents(&mut body, request, &prompt.documents);
    if let Output::Native(format) = &output {
        raw(&mut body, "response_format", format);
    }
    write_thinking(&mut body, request, target, &mut losses)?;
    write_sampling(&mut body, request, target, &mut losses);
    for (name, value) in &request.extras.members {
        let own = OWN_MEMBERS.contains(&name.as_str());
        if own && target.refusal(name).is_none() && !(name == "strict_tools" && tools.strict) {
            raw(&mut body, name, value.get());
        } else if !(is_for_the_router(&request.extras, name)
            || name == "documents" && value.get().starts_with('['))
        {
            losses.record(name.as_str(), "the provider's protocol has no such parameter");
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
            tool_names: names.into_declared(),
            exclude_reasoning: request.reasoning.as_ref().is_some_and(|it| it.exclude),
            ..ResponseContext::default()
        },
    })
}

/// How the form of the answer is brought about.
enum Output {
    Free,
    /// The value of `response_format`.
    Native(String),
    /// An instruction.
    Words(String),
}

/// A schema stands inside the format for objects. STRUCT-1
fn output(request: &Request, target: &Target<'_>, tools: bool, losses: &mut Losses) -> Output {
    // The service takes either tools or a format.
    let possible = !tools && target.refusal("response_format").is_none();
    if tools && request.output.as_ref().is_some_and(OutputFormat::is_json) {
        losses.record("response_format", "asked for in words: the service takes tools or a form");
    }
    match &request.output {
        None | Some(OutputFormat::Text) => Output::Free,
        Some(OutputFormat::Opaque { .. }) => {
            losses.record("response_format", "the form belongs to another protocol");
            Output::Free
        }
        Some(OutputFormat::JsonObject) if possible => {
            Output::Native(r#"{"type":"json_object"}"#.to_owned())
        }
        Some(OutputFormat::JsonObject) => Output::Words(OBJECT.to_owned()),
        Some(OutputFormat::JsonSchema { schema, .. }) => {
            let native = target.abilities.structured_output && !target.quirks.no_json_schema;
            if possible && native {
                return Output::Native(format!(
                    r#"{{"type":"json_object","json_schema":{}}}"#,
                    schema.get()
                ));
            }
            Output::Words(format!(
                "Answer with JSON and nothing else (no code fences, no words before or after it) \
                 that is valid under this JSON Schema:\n{}",
                schema.get()
            ))
        }
    }
}

/// Documents the answer may cite: those of the caller, and the files of its messages.
fn write_documents(body: &mut Vec<u8>, request: &Request, files: &[String]) {
    let given: Vec<String> = request
        .extras
        .members
        .iter()
        .filter(|(name, _)| name == "documents")
        .flat_map(|(_, value)| crate::json::lenient::elements(Some(value.as_raw())))
        .map(|raw| raw.get().to_owned())
        .collect();
    if !given.is_empty() || !files.is_empty() {
        key(body, "documents");
        array(body, given.iter().chain(files), |out, json| out.extend_from_slice(json.as_bytes()));
    }
}

/// Reasoning is on unless it is switched off, for models that reason. REASON-3
fn write_thinking(
    body: &mut Vec<u8>,
    request: &Request,
    target: &Target<'_>,
    losses: &mut Losses,
) -> Result<(), Fault> {
    let abilities = target.abilities;
    if request.verbosity.is_some() {
        losses.record("verbosity", "the model takes no verbosity");
    }
    let Some(reasoning) = &request.reasoning else { return Ok(()) };
    if reasoning.summary.is_some() {
        losses.record("reasoning.summary", "reasoning is told in full");
    }
    let reasons = abilities.reasoning != ReasoningStyle::None;
    match reasoning.wanted() {
        None => {}
        Some(false) if abilities.reasoning_mandatory => {
            return Err(Fault::invalid(
                "reasoning.effort: this model cannot answer without reasoning; leave `none` out \
                 or choose another model",
            ));
        }
        Some(false) if reasons => raw(body, "thinking", r#"{"type":"disabled"}"#),
        Some(false) => {}
        Some(true) if !reasons => losses.record("reasoning", "the model does not reason"),
        Some(true) => {
            key(body, "thinking");
            body.push(b'{');
            string(body, "type", "enabled");
            if let Some(budget) = budget(reasoning, request, target) {
                number(body, "token_budget", budget);
            }
            body.push(b'}');
        }
    }
    Ok(())
}

/// The budget, if one was asked for or an effort is to be one.
fn budget(reasoning: &Reasoning, request: &Request, target: &Target<'_>) -> Option<u64> {
    if reasoning.max_tokens.is_some() {
        return reasoning.max_tokens.map(|budget| budget.max(1));
    }
    reasoning.effort?;
    let limit = request.max_output_tokens.or(target.abilities.max_output_tokens)?;
    reasoning.budget_within(limit)
}

/// The limit and sampling, within the service's narrower ranges. Bugs 24, 30
fn write_sampling(body: &mut Vec<u8>, request: &Request, target: &Target<'_>, losses: &mut Losses) {
    let sampling = &request.sampling;
    let abilities = target.abilities;
    let mut may = |name: &str, able: bool| {
        let why = (!able).then_some("the model does not take it").or_else(|| target.refusal(name));
        if let Some(why) = why {
            losses.record(name, why);
        }
        why.is_none()
    };
    let asked = request.reasoning.as_ref();
    let open = abilities.sampling_refusal(asked).is_none();
    let limit = request.max_output_tokens.filter(|_| may("max_tokens", true));
    let temperature = sampling.temperature.filter(|_| may("temperature", open));
    let top_p = sampling.top_p.filter(|_| may("top_p", open));
    let top_k = sampling.top_k.filter(|_| may("top_k", open));
    let frequency = sampling
        .frequency_penalty
        .filter(|_| may("frequency_penalty", open && abilities.penalties));
    let presence =
        sampling.presence_penalty.filter(|_| may("presence_penalty", open && abilities.penalties));
    let seed = sampling.seed.filter(|_| may("seed", true));
    let logprobs = sampling
        .logprobs
        .filter(|wanted| *wanted && may("logprobs", abilities.tells_logprobs(asked)));
    let stops = !sampling.stop.is_empty() && may("stop", true);

    if let Some(limit) = limit {
        number(body, "max_tokens", limit.max(1));
    }
    let mut clamped = |name: &str, sent: &str, value: Option<f64>, low: f64, high: f64| {
        let Some(value) = value else { return };
        let fitting = value.clamp(low, high);
        if fitting != value {
            losses.record(name, "clamped to what the service takes");
        }
        float(body, sent, fitting);
    };
    clamped("temperature", "temperature", temperature, 0.0, 1.0);
    clamped("top_p", "p", top_p, 0.01, 0.99);
    clamped("frequency_penalty", "frequency_penalty", frequency, 0.0, 1.0);
    clamped("presence_penalty", "presence_penalty", presence, 0.0, 1.0);
    if let Some(count) = top_k {
        if count > 500 {
            losses.record("top_k", "clamped to 500, what the service takes");
        }
        number(body, "k", count.min(500));
    }
    if let Some(seed) = seed {
        match u64::try_from(seed) {
            Ok(seed) => number(body, "seed", seed),
            Err(_) => losses.record("seed", "the service takes no negative seed"),
        }
    }
    if logprobs.is_some() {
        raw(body, "logprobs", "true");
    }
    if stops {
        let all = &sampling.stop;
        let some: Vec<&String> =
            all.iter().filter(|it| !it.trim().is_empty()).take(MOST_STOPS).collect();
        if some.len() < all.len() {
            losses.record("stop", "blank stop sequences, and more than five, are refused");
        }
        if !some.is_empty() {
            key(body, "stop_sequences");
            array(body, some, |out, sequence| write_string(out, sequence));
        }
    }
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
        ("top_logprobs", sampling.top_logprobs.is_some_and(|count| count > 0)),
        ("logit_bias", sampling.logit_bias.is_some()),
        ("repetition_penalty", sampling.repetition_penalty.is_some()),
        ("min_p", sampling.min_p.is_some()),
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
