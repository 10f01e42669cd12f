//! A caller's request for a provider of the same protocol.

use memchr::memmem;

use super::super::wire::ROUTER_MEMBERS;
use super::super::{decode_request, encode_request};
use crate::exchange::{Fault, Losses};
use crate::json::envelope::write_member;
use crate::json::{Envelope, Object};
use crate::target::{Encoded, ResponseContext, Target};

/// What the gateway imposes on a request beside the target's needs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RequestPatch {
    /// The most tokens the answer may have; lowers what the caller asked for, or sets it.
    pub max_output_tokens: Option<u64>,
}

/// The caller's body for an endpoint that speaks the same protocol. The model is part of the URL,
/// so only members that speak to the router go; everything else stays byte for byte. Where the model
/// takes no tools, the request is read and written anew.
pub fn patch_request(
    envelope: &Envelope<'_>,
    target: &Target<'_>,
    patch: &RequestPatch,
) -> Result<Encoded, Fault> {
    if !target.takes_tools() && has_tools(envelope) {
        return in_words(envelope, target, patch);
    }
    let mut edit = envelope.edit();
    for name in ROUTER_MEMBERS {
        edit.remove(name);
    }
    let mut headers = Vec::new();
    let mut losses = Losses::default();
    let names = ["serviceTier", "service_tier"];
    let written = names.iter().find_map(|name| envelope.get::<String>(name).ok().flatten());
    let tier = target.tier_for(written.as_deref());
    // Vertex, which takes no ids of calls, takes the tier in a header.
    let in_header = target.quirks.no_function_call_ids;
    if in_header || tier != written.as_deref() {
        names.iter().for_each(|name| edit.remove(*name));
    }
    match tier {
        None if written.is_some() => losses.record("serviceTier", "the endpoint has another tier"),
        Some(tier @ ("flex" | "priority")) if in_header => {
            headers.push(("x-vertex-ai-llm-shared-request-type", tier.to_owned()));
        }
        Some(tier) if !in_header && Some(tier) != written.as_deref() => {
            edit.set("serviceTier", format!("\"{tier}\""));
        }
        _ => {}
    }
    if let Some(most) = patch.max_output_tokens
        && let Some(config) = lowered(envelope, most)?
    {
        edit.remove("generation_config");
        edit.set("generationConfig", config);
    }
    Ok(Encoded {
        body: edit.finish(),
        headers,
        losses,
        context: ResponseContext {
            no_finish_reason: target.quirks.no_finish_reason,
            ..ResponseContext::default()
        },
    })
}

/// Whether a request has anything to do with tools: every call and every result is an object of
/// these names.
fn has_tools(envelope: &Envelope<'_>) -> bool {
    let calls = ["functionCall", "function_call", "functionResponse", "function_response"];
    let contents = envelope.raw("contents").map_or(&b""[..], |raw| raw.get().as_bytes());
    envelope.has("tools")
        || calls.iter().any(|name| memmem::find(contents, name.as_bytes()).is_some())
}

/// CHAT-9
fn in_words(
    envelope: &Envelope<'_>,
    target: &Target<'_>,
    patch: &RequestPatch,
) -> Result<Encoded, Fault> {
    // Whether it streams is in the address, as the model is.
    let mut request = decode_request(&envelope.edit().finish(), target.model, false)?;
    if let Some(limit) = patch.max_output_tokens {
        request.max_output_tokens =
            Some(request.max_output_tokens.map_or(limit, |asked| asked.min(limit)));
    }
    let mut encoded = encode_request(&request, target)?;
    encoded.context.rewritten = true;
    Ok(encoded)
}

/// The settings of the generation with an answer of at most `most` tokens; `None` where they say
/// less already.
fn lowered(envelope: &Envelope<'_>, most: u64) -> Result<Option<String>, Fault> {
    let names = ["generationConfig", "generation_config"];
    let there = |name: &&str| envelope.raw(name).filter(|raw| raw.get() != "null");
    let told = names.iter().find_map(there);
    let config = match told {
        Some(raw) => {
            Object::of(raw).map_err(|_| Fault::invalid("generationConfig: must be an object"))?
        }
        None => Object::default(),
    };
    let limits = ["maxOutputTokens", "max_output_tokens"];
    let asked = limits
        .iter()
        .find_map(|name| config.peek(name).filter(|raw| raw.get() != "null"))
        .and_then(|raw| raw.get().trim_matches('"').parse::<u64>().ok());
    if asked.is_some_and(|asked| asked <= most) {
        return Ok(None);
    }
    let mut out = vec![b'{'];
    for (name, raw) in config.iter().filter(|(name, _)| !limits.contains(name)) {
        write_member(&mut out, name, raw.get());
    }
    write_member(&mut out, "maxOutputTokens", &most.to_string());
    out.push(b'}');
    // It is made of texts.
    Ok(Some(String::from_utf8_lossy(&out).into_owned()))
}
