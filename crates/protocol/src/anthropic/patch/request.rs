//! A caller's request for a provider of the same protocol.

use memchr::memmem;
use serde_json::value::RawValue;

use super::super::encode::{encode_request_with, headers, is_flag};
use super::super::foreign::MARKER;
use super::super::wire::{
    FAST_MODE, ROUTER_MEMBERS, VERSION_MEMBER, into_text, raw as write_raw, string,
};
use super::super::{DEFAULT_MAX_TOKENS, decode_request};
use crate::exchange::{Fault, Losses};
use crate::json::envelope::write_string;
use crate::json::{Envelope, Object, lenient};
use crate::provenance::without_stamp;
use crate::target::{Encoded, ReasoningStyle, ResponseContext, Target};

/// What the gateway imposes on a request beside the target's needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestPatch {
    /// Who the end user is toward the provider, already made unrecognisable. Without it nothing
    /// is told: the raw value never leaves. USERT-1
    pub user_identity: Option<String>,
    /// The most tokens the answer may have; lowers what the caller asked for, or sets it.
    pub max_output_tokens: Option<u64>,
    /// Feature flags from the caller's `anthropic-beta` and `x-anthropic-beta`. PROV-15
    pub betas: Vec<String>,
}

/// Edits a caller's body for a target that speaks the same protocol.
pub fn patch_request(envelope: &Envelope<'_>, target: &Target<'_>) -> Result<Encoded, Fault> {
    patch_request_with(envelope, target, &RequestPatch::default())
}

/// Like [`patch_request`], with what the gateway imposes. Where the target would refuse what stands
/// deeper inside (reasoning another vendor wrote, a kind of thinking the model does not know) the
/// request is read and written anew instead.
pub fn patch_request_with(
    envelope: &Envelope<'_>,
    target: &Target<'_>,
    patch: &RequestPatch,
) -> Result<Encoded, Fault> {
    let asked = lenient::count(envelope.raw("max_tokens"));
    let limit = [asked, target.abilities.max_output_tokens, patch.max_output_tokens]
        .into_iter()
        .flatten()
        .filter(|limit| *limit > 0)
        .min();
    let lowered = limit.filter(|limit| asked.is_some_and(|asked| *limit < asked));
    if must_be_rewritten(envelope, target, lowered) {
        return rewrite(envelope, target, patch);
    }
    let mut losses = Losses::default();
    let mut edit = envelope.edit();
    match &target.quirks.anthropic_version {
        Some(version) => {
            edit.remove("model");
            edit.set(VERSION_MEMBER, quoted(version));
        }
        None => {
            edit.set("model", quoted(target.model));
            edit.remove(VERSION_MEMBER);
        }
    }
    for name in ROUTER_MEMBERS {
        edit.remove(*name);
    }
    match (asked, lowered) {
        (Some(_), None) => {}
        (Some(_), Some(limit)) => {
            losses.record("max_tokens", "lowered to the most that can be generated");
            edit.set("max_tokens", limit.to_string());
        }
        (None, _) if envelope.has("max_tokens") => {}
        (None, _) => edit.set("max_tokens", limit.unwrap_or(DEFAULT_MAX_TOKENS).to_string()),
    }
    match metadata(envelope, patch.user_identity.as_deref()) {
        Some(metadata) => edit.set("metadata", metadata),
        None => edit.remove("metadata"),
    }
    let tier: Option<String> = envelope.get("service_tier").ok().flatten();
    match target.tier_for(tier.as_deref()) {
        Some("auto" | "standard_only") => {}
        None => {
            if tier.is_some() {
                losses.record("service_tier", "the endpoint has another tier");
                edit.remove("service_tier");
            }
        }
        Some("priority") => edit.set("service_tier", "\"auto\""),
        Some("default" | "standard") => edit.set("service_tier", "\"standard_only\""),
        Some(_) => {
            losses.record("service_tier", "the provider has no such tier");
            edit.remove("service_tier");
        }
    }
    if target.abilities.reasoning_between_tools && is_switched_off(envelope) {
        edit.set("thinking", r#"{"type":"between_tools"}"#);
    }
    if !target.abilities.sampling {
        for name in ["temperature", "top_p", "top_k"] {
            if envelope.has(name) {
                losses.record(name, "the model takes no sampling parameters");
                edit.remove(name);
            }
        }
    }
    for name in &target.quirks.unsupported_parameters {
        let own = if name == "stop" { "stop_sequences" } else { name.as_str() };
        if envelope.has(own) {
            losses.record(name.as_str(), "the provider refuses it");
            edit.remove(own.to_owned());
        }
    }
    let mut flags: Vec<&str> = flags(patch);
    // TIER-10: what the caller said of it chose the endpoint, and was removed with the rest.
    if target.abilities.fast_mode {
        edit.set("speed", "\"fast\"");
        flags.push(FAST_MODE);
    }
    Ok(Encoded {
        body: edit.finish(),
        headers: headers(target, &flags),
        losses,
        context: ResponseContext {
            no_finish_reason: target.quirks.no_finish_reason,
            ..ResponseContext::default()
        },
    })
}

fn flags(patch: &RequestPatch) -> Vec<&str> {
    patch.betas.iter().map(|beta| beta.trim()).filter(|beta| is_flag(beta)).collect()
}

fn rewrite(
    envelope: &Envelope<'_>,
    target: &Target<'_>,
    patch: &RequestPatch,
) -> Result<Encoded, Fault> {
    let mut request = decode_request(&envelope.edit().finish())?;
    request.user.clone_from(&patch.user_identity);
    if let Some(limit) = patch.max_output_tokens {
        request.max_output_tokens =
            Some(request.max_output_tokens.map_or(limit, |it| it.min(limit)));
    }
    let mut encoded = encode_request_with(&request, target, &flags(patch))?;
    encoded.context.rewritten = true;
    Ok(encoded)
}

/// Whether something inside would be refused. The texts searched for cannot stand inside a JSON
/// string: its quotes would be escaped.
fn must_be_rewritten(envelope: &Envelope<'_>, target: &Target<'_>, lowered: Option<u64>) -> bool {
    if let Some(messages) = envelope.raw("messages")
        && (has_wrapped_proof(messages.get())
            // Unsigned thinking, bug 19, and citations that this gateway made.
            || has_empty_text(messages.get(), "\"signature\"")
            || has_empty_text(messages.get(), "\"encrypted_index\""))
    {
        return true;
    }
    // CHAT-9: tools have to be told in words.
    if !target.takes_tools() && (envelope.has("tools") || has_calls(envelope)) {
        return true;
    }
    let Some(thinking) = envelope.raw("thinking").and_then(|raw| Object::of(raw).ok()) else {
        return false;
    };
    match (thinking.peek_str("type").as_deref(), target.abilities.reasoning) {
        (Some("enabled"), ReasoningStyle::Adaptive) => true,
        (Some("adaptive"), ReasoningStyle::Budget) => true,
        (Some("disabled"), _) if target.abilities.reasoning_mandatory => true,
        (Some("enabled"), _) if loop_lacks_thinking(envelope) => true,
        (Some("enabled"), _) => {
            let budget = thinking.peek("budget_tokens").and_then(|raw| raw.get().parse().ok());
            lowered.zip(budget).is_some_and(|(limit, budget): (u64, u64)| budget >= limit)
        }
        _ => false,
    }
}

/// Whether the conversation stands in the middle of a tool loop whose assistant turn does not begin
/// with reasoning: thinking with a budget is refused there. Bug 19
fn loop_lacks_thinking(envelope: &Envelope<'_>) -> bool {
    let messages = lenient::elements(envelope.raw("messages"));
    let mut messages = messages.into_iter().rev().filter_map(|raw| lenient::object(Some(raw)));
    let role = |message: &Object<'_>, role: &str| message.peek_str("role").as_deref() == Some(role);
    let kind = |part: &RawValue| {
        let kind = lenient::object(Some(part))?.peek_str("type")?;
        Some(kind.into_owned())
    };
    let mut answers_calls = false;
    let mut message = messages.next();
    while let Some(said) = message.take_if(|message| role(message, "user")) {
        let parts = lenient::elements(said.peek("content"));
        answers_calls |= parts.into_iter().any(|part| kind(part).as_deref() == Some("tool_result"));
        message = messages.next();
    }
    // Messages of the assistant one after the other are one turn, which the first begins.
    let mut first = None;
    while let Some(said) = message.take_if(|message| role(message, "assistant")) {
        first = Some(lenient::elements(said.peek("content")).first().copied().and_then(kind));
        message = messages.next();
    }
    let thinks =
        |first: Option<String>| matches!(first.as_deref(), Some("thinking" | "redacted_thinking"));
    answers_calls && first.is_some_and(|first| !thinks(first))
}

/// Whether earlier turns may have calls of tools: every call has an input, and every result names
/// its call.
fn has_calls(envelope: &Envelope<'_>) -> bool {
    let Some(messages) = envelope.raw("messages") else { return false };
    [r#""tool_use""#, r#""tool_use_id""#]
        .iter()
        .any(|name| memmem::find(messages.get().as_bytes(), name.as_bytes()).is_some())
}

/// Whether thinking is switched off.
fn is_switched_off(envelope: &Envelope<'_>) -> bool {
    let thinking = envelope.raw("thinking").and_then(|raw| Object::of(raw).ok());
    thinking.is_some_and(|thinking| thinking.peek_str("type").as_deref() == Some("disabled"))
}

/// Whether a text is another vendor's proof, or such a one behind a stamp that is not ours to take
/// off.
fn has_wrapped_proof(text: &str) -> bool {
    let bytes = text.as_bytes();
    memmem::find_iter(bytes, MARKER).any(|at| without_stamp(&bytes[..at]).ends_with(b"\""))
}

/// Whether there is a member of this name, given with its quotes, with an empty text.
fn has_empty_text(text: &str, name: &str) -> bool {
    let bytes = text.as_bytes();
    memmem::find_iter(bytes, name).any(|at| {
        let rest = bytes[at + name.len()..].trim_ascii_start();
        rest.strip_prefix(b":").is_some_and(|rest| rest.trim_ascii_start().starts_with(b"\"\""))
    })
}

/// The metadata with the end user replaced; `None` if nothing is left. USERT-1
fn metadata(envelope: &Envelope<'_>, identity: Option<&str>) -> Option<String> {
    let told = envelope.raw("metadata").and_then(|raw| Object::of(raw).ok());
    let asked =
        envelope.has("user") || told.as_ref().is_some_and(|told| told.peek("user_id").is_some());
    let identity = identity.filter(|_| asked);
    let mut out = vec![b'{'];
    for (name, value) in told.iter().flat_map(Object::iter).filter(|(name, _)| *name != "user_id") {
        write_raw(&mut out, name, value.get());
    }
    if let Some(identity) = identity {
        string(&mut out, "user_id", identity);
    }
    out.push(b'}');
    (out.len() > 2).then(|| into_text(out))
}

fn quoted(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len() + 2);
    write_string(&mut out, text);
    into_text(out)
}
