//! Exchange → a Converse request. The model and whether the answer is streamed stand in the path.
//! wire-formats 5.2

mod cache;
mod media;
mod output;
mod piece;
mod reasoning;
#[cfg(test)]
mod tests;
mod tools;
mod turns;

use self::piece::{Piece, write_all};
use super::family::Family;
use crate::exchange::{Fault, Losses, Request};
use crate::json::envelope::write_string;
use crate::json::write::{array, float, key, number, raw, string};
use crate::openai_chat::wire::is_for_the_router;
use crate::target::{Encoded, ResponseContext, Target};
use crate::tool_words;

/// What a model that cannot continue an assistant message is told instead.
const CONTINUE: &str = "Continue your last message exactly where it stopped. Repeat nothing.";

/// Members of this protocol that a caller may send beside those of its own.
const OWN_MEMBERS: [&str; 3] = ["guardrailConfig", "performanceConfig", "requestMetadata"];

/// Writes a request for an endpoint that speaks Converse.
pub fn encode_request(request: &Request, target: &Target<'_>) -> Result<Encoded, Fault> {
    if !target.takes_tools() && tool_words::concerns(request) {
        return tool_words::told(request, |worded| encode_request(worded, target));
    }
    let mut losses = Losses::default();
    let family = Family::of(target);
    let mut names = tools::names(request);
    let mut prompt = turns::write(request, target, family, &names, &mut losses)?;
    let lacking = prompt.loop_lacks_thinking();
    let reasoning = reasoning::plan(request, target, family, lacking, &mut losses)?;
    let output = output::plan(request, target, &mut names, &mut losses);
    let asked = request.reasoning.as_ref();
    let forcible = target.abilities.forces_tool_choice(asked) && !reasoning.has_budget;
    let mut offered = tools::plan(request, target, family, &names, &output, forcible, &mut losses);

    if reasoning.has_budget {
        prompt.put_thinking_first();
    }
    if prompt.ends_with_prefill() && (!target.abilities.prefill || reasoning.has_budget) {
        losses.record("messages", "the model is asked in words to continue the last message");
        turns::push(&mut prompt.messages, "user", vec![Piece::text(CONTINUE)]);
    }
    let words = match &output {
        output::Plan::Words(words) => Some(words.clone()),
        output::Plan::Tool { name, .. } if offered.must_be_told => {
            Some(format!("Give your final answer by calling the tool `{name}`, not as text."))
        }
        _ => None,
    };
    if let Some(words) = words {
        instruct(&mut prompt, &words, target);
    }
    prompt.settle(family);
    cache::settle(
        family,
        &mut offered.tools,
        &mut prompt.system,
        &mut prompt.messages,
        request.cache.as_ref(),
        &mut losses,
    );

    let mut body = Vec::with_capacity(4096);
    body.push(b'{');
    if !prompt.system.is_empty() {
        key(&mut body, "system");
        write_all(&mut body, &prompt.system);
    }
    key(&mut body, "messages");
    array(&mut body, &prompt.messages, |out, message| message.write(out));
    let mut fields = reasoning.fields;
    write_inference(
        &mut body,
        request,
        target,
        family,
        (reasoning.max_tokens, reasoning.closes_sampling),
        &mut fields,
        &mut losses,
    );
    if !offered.tools.is_empty() {
        key(&mut body, "toolConfig");
        body.push(b'{');
        key(&mut body, "tools");
        write_all(&mut body, &offered.tools);
        if let Some(choice) = &offered.choice {
            raw(&mut body, "toolChoice", choice);
        }
        body.push(b'}');
        fields.extend(offered.own_choice.map(|choice| ("tool_choice", choice)));
    }
    if !fields.is_empty() {
        key(&mut body, "additionalModelRequestFields");
        body.push(b'{');
        for (name, json) in &fields {
            raw(&mut body, name, json);
        }
        body.push(b'}');
    }
    if let output::Plan::Native(config) = &output {
        raw(&mut body, "outputConfig", config);
    }
    write_tier(&mut body, request, target, &mut losses);
    for (name, value) in &request.extras.members {
        if OWN_MEMBERS.contains(&name.as_str()) && target.refusal(name).is_none() {
            raw(&mut body, name, value.get());
        } else if !is_for_the_router(&request.extras, name) {
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
            emulated_output_tool: match output {
                output::Plan::Tool { name, .. } => Some(name),
                _ => None,
            },
            tool_names: names.into_renamed(),
            no_finish_reason: target.quirks.no_finish_reason,
            exclude_reasoning: request.reasoning.as_ref().is_some_and(|it| it.exclude),
            ..ResponseContext::default()
        },
    })
}

/// Adds an instruction at the end of the system prompt, or where there is none, of the user's text.
fn instruct(prompt: &mut turns::Prompt, words: &str, target: &Target<'_>) {
    if target.abilities.system_prompt {
        prompt.system.push(Piece::text(words));
    } else {
        turns::push(&mut prompt.messages, "user", vec![Piece::text(words)]);
    }
}

/// The limit and sampling, within the service's narrower ranges. Bugs 24, 30
fn write_inference(
    body: &mut Vec<u8>,
    request: &Request,
    target: &Target<'_>,
    family: Family,
    (max_tokens, closed): (Option<u64>, bool),
    fields: &mut Vec<(&'static str, String)>,
    losses: &mut Losses,
) {
    let sampling = &request.sampling;
    let closed = target
        .abilities
        .sampling_refusal(request.reasoning.as_ref())
        .or_else(|| closed.then_some("sampling parameters are refused while the model reasons"));
    let mut may_write = |name: &str, is_set: bool| {
        let why = closed.or_else(|| target.refusal(name));
        if let Some(why) = why.filter(|_| is_set) {
            losses.record(name, why);
        }
        is_set && why.is_none()
    };
    let temperature = sampling.temperature.filter(|_| may_write("temperature", true));
    let top_p = sampling.top_p.filter(|_| may_write("top_p", true));
    // 0 means off, which is not to send it.
    let top_k = sampling.top_k.filter(|count| *count > 0 && may_write("top_k", true));
    let limited = target.refusal("max_tokens").is_none();

    let mut inner = vec![b'{'];
    if let Some(limit) = max_tokens.filter(|_| limited) {
        number(&mut inner, "maxTokens", limit);
    }
    if let Some(value) = temperature {
        let clamped = value.clamp(0.0, 1.0);
        if clamped != value {
            losses.record("temperature", "clamped to 1, the service's maximum");
        }
        float(&mut inner, "temperature", clamped);
    }
    match top_p {
        Some(_) if temperature.is_some() && !target.abilities.temperature_with_top_p => {
            losses.record("top_p", "the model takes either temperature or top_p");
        }
        Some(value) => float(&mut inner, "topP", value),
        None => {}
    }
    let stop: Vec<&String> =
        sampling.stop.iter().filter(|sequence| !sequence.trim().is_empty()).collect();
    if stop.len() < sampling.stop.len() {
        losses.record("stop", "blank stop sequences are refused");
    }
    if !stop.is_empty() {
        if let Some(why) = target.refusal("stop") {
            losses.record("stop", why);
        } else {
            key(&mut inner, "stopSequences");
            array(&mut inner, stop, |out, sequence| write_string(out, sequence));
        }
    }
    inner.push(b'}');
    if inner.len() > 2 {
        key(body, "inferenceConfig");
        body.extend_from_slice(&inner);
    }
    // Unknown keys are refused, so only those models get it that know it.
    match (top_k, family) {
        (None, _) => {}
        (Some(count), Family::Anthropic) => fields.push(("top_k", count.to_string())),
        (Some(count), Family::Amazon) => {
            fields.push(("inferenceConfig", format!(r#"{{"topK":{count}}}"#)));
        }
        (Some(_), _) => losses.record("top_k", "the model has no such parameter"),
    }
}

/// The tier that serves. TIER-2
fn write_tier(body: &mut Vec<u8>, request: &Request, target: &Target<'_>, losses: &mut Losses) {
    let written = request.service_tier.as_deref();
    let tier = target.tier_for(written);
    if let Some(why) = tier.and_then(|_| target.refusal("service_tier")) {
        losses.record("service_tier", why);
        return;
    }
    let tier = match tier {
        None => {
            if written.is_some() {
                losses.record("service_tier", "the endpoint has another tier");
            }
            return;
        }
        // The service knows no choice of its own: without a word it is the ordinary one.
        Some("auto") => return,
        Some("default" | "standard" | "standard_only") => "default",
        Some(tier @ ("flex" | "priority" | "reserved")) => tier,
        Some(_) => return losses.record("service_tier", "the provider has no such tier"),
    };
    key(body, "serviceTier");
    body.push(b'{');
    string(body, "type", tier);
    body.push(b'}');
}

/// Parameters the protocol has no place for.
fn record_what_is_unknown_here(request: &Request, losses: &mut Losses) {
    losses.record_citations(&request.turns);
    let sampling = &request.sampling;
    let extra_modalities = request
        .modalities
        .as_ref()
        .is_some_and(|modalities| modalities.iter().any(|name| name != "text"));
    for (name, is_set) in [
        ("seed", sampling.seed.is_some()),
        ("n", sampling.n.is_some_and(|count| count > 1)),
        ("logprobs", sampling.logprobs == Some(true)),
        ("top_logprobs", sampling.top_logprobs.is_some()),
        ("logit_bias", sampling.logit_bias.is_some()),
        ("presence_penalty", sampling.presence_penalty.is_some()),
        ("frequency_penalty", sampling.frequency_penalty.is_some()),
        ("repetition_penalty", sampling.repetition_penalty.is_some()),
        ("min_p", sampling.min_p.is_some()),
        ("top_a", sampling.top_a.is_some()),
        ("modalities", extra_modalities),
        ("audio", request.audio_output.is_some()),
        ("image_config", request.image_config.is_some()),
        ("prediction", request.prediction.is_some()),
        ("prompt_cache_key", request.prompt_cache_key.is_some()),
        ("user", request.user.is_some()),
        ("metadata", request.metadata.is_some()),
    ] {
        if is_set {
            losses.record(name, "the provider's protocol has no such parameter");
        }
    }
}
