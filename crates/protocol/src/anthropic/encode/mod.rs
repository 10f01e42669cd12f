//! Exchange → a Messages request. wire-formats 2.1, 2.6, 2.7, 2.8

mod cache;
#[cfg(test)]
mod control_tests;
mod media;
mod output;
mod piece;
#[cfg(test)]
mod tests;
pub(crate) mod thinking;
mod tools;
mod turns;

use self::piece::Piece;
use super::wire::{
    FAST_MODE, FILES, STRUCTURED_OUTPUTS, VERSION, VERSION_MEMBER, array, float, key, number, raw,
    string,
};
use crate::exchange::{Fault, Losses, Request};
use crate::json::Object;
use crate::json::envelope::write_string;
use crate::openai_chat::wire::is_for_the_router;
use crate::target::{Encoded, ResponseContext, Target};
use crate::{Dialect, tool_words};

/// What a model that cannot continue an assistant message is told instead.
const CONTINUE: &str = "Continue your last message exactly where it stopped. Repeat nothing.";

/// Members that callers may add to, or that only an endpoint's address decides about.
const WRITTEN_OR_OURS: [&str; 3] = ["output_config", "metadata", VERSION_MEMBER];

/// The longest `metadata.user_id` the vendor takes, in characters.
const LONGEST_USER: usize = 256;

/// Writes a request for an endpoint that speaks Anthropic Messages.
pub fn encode_request(request: &Request, target: &Target<'_>) -> Result<Encoded, Fault> {
    encode_request_with(request, target, &[])
}

/// Like [`encode_request`], with the feature flags the caller sent in `x-anthropic-beta`. They are
/// forwarded, and `strict` on tools is kept only behind the one for structured outputs. PROV-15
pub fn encode_request_with(
    request: &Request,
    target: &Target<'_>,
    betas: &[&str],
) -> Result<Encoded, Fault> {
    if !target.takes_tools() && tool_words::concerns(request) {
        return tool_words::told(request, |worded| encode_request_with(worded, target, betas));
    }
    let mut losses = Losses::default();
    let mut names = tools::names(request);
    let mut prompt = turns::write(request, target, &names, &mut losses)?;
    let thinking = thinking::plan(request, target, prompt.loop_lacks_thinking(), &mut losses)?;
    let output = output::plan(request, target, &mut names, &mut losses);
    let conditions = tools::Conditions {
        thinking_with_budget: thinking.has_budget(),
        strict: betas.iter().any(|beta| beta.starts_with("structured-outputs-")),
    };
    let mut offered = tools::plan(request, target, &names, &output, conditions, &mut losses);

    if thinking.has_budget() {
        prompt.put_thinking_first();
    }
    let prefill_refused = !target.abilities.prefill || thinking.has_budget();
    if prompt.ends_with_prefill() && prefill_refused {
        losses.record("messages", "the model is asked in words to continue the last message");
        let pieces = vec![Piece::text(CONTINUE)];
        prompt.messages.push(piece::Message { role: "user", pieces, extras: Vec::new() });
    }
    match &output {
        output::Plan::Words(words) => prompt.system.push(Piece::text(words)),
        output::Plan::Tool { name, .. } if offered.must_be_told => {
            let words =
                format!("Give your final answer by calling the tool `{name}`, not as text.");
            prompt.system.push(Piece::text(&words));
        }
        _ => {}
    }
    let mut automatic = request.cache.clone();
    cache::settle(
        &mut offered.tools,
        &mut prompt.system,
        &mut prompt.messages,
        &mut automatic,
        &mut losses,
    );

    let mut body = Vec::with_capacity(4096);
    body.push(b'{');
    match &target.quirks.anthropic_version {
        Some(version) => string(&mut body, VERSION_MEMBER, version),
        None => string(&mut body, "model", target.model),
    }
    number(&mut body, "max_tokens", thinking.max_tokens);
    if !prompt.system.is_empty() {
        key(&mut body, "system");
        array(&mut body, &prompt.system, |out, piece| piece.write(out));
    }
    key(&mut body, "messages");
    array(&mut body, &prompt.messages, |out, message| message.write(out));
    if !offered.tools.is_empty() {
        key(&mut body, "tools");
        array(&mut body, &offered.tools, |out, piece| piece.write(out));
        if let Some(choice) = &offered.choice {
            raw(&mut body, "tool_choice", choice);
        }
    }
    thinking.write(&mut body);
    let extras = request.extras.for_dialect(Dialect::Anthropic);
    write_output_config(&mut body, &thinking, &output, extras);
    write_sampling(&mut body, request, target, thinking.active, &mut losses);
    write_caller(&mut body, request, target, &mut losses);
    if target.abilities.fast_mode {
        string(&mut body, "speed", "fast");
    }
    if let Some(mark) = &automatic {
        piece::write_mark(&mut body, mark);
    }
    if request.stream {
        raw(&mut body, "stream", "true");
    }
    for (name, value) in extras.iter().filter(|(name, _)| !WRITTEN_OR_OURS.contains(&name.as_str()))
    {
        if !refused(target, name) {
            raw(&mut body, name, value.get());
        }
    }
    body.push(b'}');
    record_what_is_unknown_here(request, &mut losses);

    let mut flags: Vec<&str> = betas.iter().copied().filter(|beta| is_flag(beta)).collect();
    if matches!(output, output::Plan::Native(_)) {
        flags.push(STRUCTURED_OUTPUTS);
    }
    if prompt.stored_files {
        flags.push(FILES);
    }
    if target.abilities.fast_mode {
        flags.push(FAST_MODE);
    }
    Ok(Encoded {
        body,
        headers: headers(target, &flags),
        losses,
        context: ResponseContext {
            emulated_output_tool: match output {
                output::Plan::Tool { name, .. } => Some(name),
                _ => None,
            },
            tool_names: names.into_renamed(),
            no_finish_reason: target.quirks.no_finish_reason,
            reasoning_tokens_on_top: target.quirks.reasoning_tokens_on_top,
            exclude_reasoning: request.reasoning.as_ref().is_some_and(|it| it.exclude),
            ..ResponseContext::default()
        },
    })
}

/// The protocol's headers, each feature flag once. A version in the body is the only one.
pub(super) fn headers(target: &Target<'_>, flags: &[&str]) -> Vec<(&'static str, String)> {
    let mut headers = Vec::with_capacity(2);
    if target.quirks.anthropic_version.is_none() {
        headers.push(("anthropic-version", VERSION.to_owned()));
    }
    let mut once: Vec<&str> = Vec::new();
    for flag in flags {
        if !once.contains(flag) {
            once.push(flag);
        }
    }
    if !once.is_empty() {
        headers.push(("anthropic-beta", once.join(",")));
    }
    headers
}

/// Whether a feature flag is one: nothing else may enter a header.
pub(super) fn is_flag(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 128
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

fn refused(target: &Target<'_>, name: &str) -> bool {
    target.refusal(name).is_some()
}

fn write_output_config(
    body: &mut Vec<u8>,
    thinking: &thinking::Plan,
    output: &output::Plan,
    extras: &[(String, crate::json::RawJson)],
) {
    let rest = extras.iter().find(|(name, _)| name == "output_config");
    let format = match output {
        output::Plan::Native(format) => Some(format),
        _ => None,
    };
    if rest.is_none() && format.is_none() && thinking.effort.is_none() {
        return;
    }
    key(body, "output_config");
    body.push(b'{');
    if let Some(effort) = thinking.effort {
        string(body, "effort", effort.name());
    }
    if let Some(format) = format {
        raw(body, "format", format);
    }
    if let Some(rest) = rest.and_then(|(_, value)| Object::of(value.as_raw()).ok()) {
        for (name, value) in rest.iter().filter(|(name, _)| *name != "effort" && *name != "format")
        {
            raw(body, name, value.get());
        }
    }
    body.push(b'}');
}

/// Sampling within the vendor's narrower ranges. Bugs 24, 30
fn write_sampling(
    body: &mut Vec<u8>,
    request: &Request,
    target: &Target<'_>,
    thinking: bool,
    losses: &mut Losses,
) {
    let sampling = &request.sampling;
    let closed = target
        .abilities
        .sampling_refusal(request.reasoning.as_ref())
        .or_else(|| thinking.then_some("sampling parameters are refused while the model reasons"));
    let may_write = |name: &str, is_set: bool, losses: &mut Losses| {
        let why = closed.or(refused(target, name).then_some("the provider refuses it"));
        match why {
            Some(why) if is_set => {
                losses.record(name, why);
                false
            }
            _ => is_set,
        }
    };
    let temperature = may_write("temperature", sampling.temperature.is_some(), losses);
    let top_p = may_write("top_p", sampling.top_p.is_some(), losses);
    // 0 means off, which is not to send it.
    let top_k = sampling.top_k.filter(|count| *count > 0);
    if let Some(value) = sampling.temperature.filter(|_| temperature) {
        let clamped = value.clamp(0.0, 1.0);
        if clamped != value {
            losses.record("temperature", "clamped to 1, the vendor's maximum");
        }
        float(body, "temperature", clamped);
    }
    if let Some(value) = sampling.top_p.filter(|_| top_p) {
        if temperature && !target.abilities.temperature_with_top_p {
            losses.record("top_p", "the model takes either temperature or top_p");
        } else {
            float(body, "top_p", value);
        }
    }
    if let Some(value) = top_k
        && may_write("top_k", true, losses)
    {
        number(body, "top_k", value);
    }
    let stop: Vec<&String> =
        sampling.stop.iter().filter(|sequence| !sequence.trim().is_empty()).collect();
    if stop.len() < sampling.stop.len() {
        losses.record("stop", "blank stop sequences are refused");
    }
    if !stop.is_empty() && !refused(target, "stop") {
        key(body, "stop_sequences");
        array(body, stop, |out, sequence| write_string(out, sequence));
    }
}

/// Who asks, and at which tier.
fn write_caller(body: &mut Vec<u8>, request: &Request, target: &Target<'_>, losses: &mut Losses) {
    let extras = request.extras.for_dialect(Dialect::Anthropic);
    let more = extras.iter().find(|(name, _)| name == "metadata");
    let more = more.and_then(|(_, value)| Object::of(value.as_raw()).ok());
    let user = request.user.as_deref().filter(|_| !refused(target, "user"));
    let fits = |user: &&str| user.chars().count() <= LONGEST_USER;
    if user.is_some_and(|user| !fits(&user)) {
        losses.record("user", "longer than the 256 characters the vendor takes");
    }
    let user = user.filter(fits);
    if user.is_some() || more.is_some() {
        key(body, "metadata");
        body.push(b'{');
        if let Some(user) = user {
            string(body, "user_id", user);
        }
        for (name, value) in more.iter().flat_map(Object::iter) {
            raw(body, name, value.get());
        }
        body.push(b'}');
    }
    let written = request.service_tier.as_deref();
    match target.tier_for(written).filter(|_| !refused(target, "service_tier")) {
        None => {
            if written.is_some() && target.tier_for(written).is_none() {
                losses.record("service_tier", "the endpoint has another tier");
            }
        }
        Some("auto" | "priority") => string(body, "service_tier", "auto"),
        Some("default" | "standard" | "standard_only") => {
            string(body, "service_tier", "standard_only");
        }
        Some(_) => losses.record("service_tier", "the provider has no such tier"),
    }
}

/// Parameters the protocol has no place for.
fn record_what_is_unknown_here(request: &Request, losses: &mut Losses) {
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
        ("metadata", request.metadata.is_some()),
    ] {
        if is_set {
            losses.record(name, "the provider's protocol has no such parameter");
        }
    }
    if request.extras.for_dialect(Dialect::Anthropic).is_empty() {
        let extras = &request.extras;
        for (name, _) in extras.members.iter().filter(|(name, _)| !is_for_the_router(extras, name))
        {
            losses.record(name.as_str(), "the provider's protocol has no such parameter");
        }
    }
}
