//! Exchange → what a Gemini endpoint gets.

mod contents;
mod generation;
pub(super) mod grounding;
mod media;
pub(super) mod response;
mod results;
mod thinking;
mod tools;

#[cfg(test)]
mod tests;

pub use response::encode_response;

pub(super) use generation::renamed_members;

use super::names::ToolNames;
use super::wire::{
    Part, ROUTER_MEMBERS, element, open_member, string_member, write_extras, write_parts,
};
use crate::exchange::{Fault, Losses, Request};
use crate::json::envelope::write_member;
use crate::openai_chat::wire::is_for_the_router;
use crate::target::{Encoded, ResponseContext, Target};
use crate::{Dialect, tool_words};
use contents::{Conversation, Kind};
use generation::Answer;

/// Members of other dialects' callers that mean the same here, in their usual spellings. CHAT-4
const PASSED_THROUGH: [(&str, &str); 5] = [
    ("safetySettings", "safetySettings"),
    ("safety_settings", "safetySettings"),
    ("cachedContent", "cachedContent"),
    ("cached_content", "cachedContent"),
    ("labels", "labels"),
];

/// Writes a request for a Gemini endpoint. The model is part of the URL, not of the body.
pub fn encode_request(request: &Request, target: &Target<'_>) -> Result<Encoded, Fault> {
    if !target.takes_tools() && tool_words::concerns(request) {
        return tool_words::told(request, |worded| encode_request(worded, target));
    }
    let mut losses = Losses::default();
    let names = ToolNames::of(request);
    let answer = generation::plan_answer(request, target, &mut losses);
    let body = write_body(request, target, &names, &answer, &mut losses)?;
    let mut encoded = Encoded { body, ..Encoded::default() };
    tier(request, target, &mut encoded, &mut losses);
    encoded.body.push(b'}');
    dropped(request, &mut losses);
    encoded.losses = losses;
    encoded.context = ResponseContext {
        tool_names: names.into_changed(),
        no_finish_reason: target.quirks.no_finish_reason,
        reasoning_tokens_on_top: target.quirks.reasoning_tokens_on_top,
        exclude_reasoning: request.reasoning.as_ref().is_some_and(|reasoning| reasoning.exclude),
        ..ResponseContext::default()
    };
    Ok(encoded)
}

fn write_body(
    request: &Request,
    target: &Target<'_>,
    names: &ToolNames<'_>,
    answer: &Answer,
    losses: &mut Losses,
) -> Result<Vec<u8>, Fault> {
    let mut conversation = contents::arrange(request, target, names, losses)?;
    if let Answer::Instruction(text) = answer {
        conversation.system.push(Part::text(text.as_str()));
        if !target.abilities.system_prompt {
            contents::system_into_first_user(&mut conversation);
        }
    }
    let cached = has_member(request, "cachedContent");
    let mut out = Vec::with_capacity(estimated_size(&conversation));
    out.push(b'{');
    if cached {
        // The cache already holds them; sending them again is an error.
        for (path, given) in
            [("messages[0]", !conversation.system.is_empty()), ("tools", !request.tools.is_empty())]
        {
            if given {
                losses.record(path, "part of the cached content that was named");
            }
        }
    } else if !conversation.system.is_empty() {
        open_member(&mut out, "systemInstruction");
        out.push(b'{');
        open_member(&mut out, "parts");
        write_parts(&mut out, &conversation.system);
        out.push(b'}');
    }
    open_member(&mut out, "contents");
    out.push(b'[');
    for content in &conversation.contents {
        element(&mut out);
        out.push(b'{');
        string_member(&mut out, "role", if content.kind == Kind::Model { "model" } else { "user" });
        open_member(&mut out, "parts");
        write_parts(&mut out, &content.parts);
        write_extras(&mut out, content.extras);
        out.push(b'}');
    }
    out.push(b']');
    if !cached {
        tools::write(&mut out, request, target, names, losses);
    }
    generation::write(&mut out, request, target, answer, losses)?;
    extras(&mut out, request, losses);
    losses.record_citations(&request.turns);
    Ok(out)
}

fn estimated_size(conversation: &Conversation<'_>) -> usize {
    let parts = conversation.contents.iter().flat_map(|content| &content.parts);
    1024 + parts
        .chain(&conversation.system)
        .map(|part| match &part.body {
            super::wire::PartBody::Text(text) => text.len() + 32,
            super::wire::PartBody::InlineData { data, .. } => data.len() + 96,
            super::wire::PartBody::FunctionResponse { response, .. } => response.len() + 96,
            _ => 256,
        })
        .sum::<usize>()
}

fn has_member(request: &Request, sent: &str) -> bool {
    request.extras.members.iter().any(|(name, _)| {
        name == sent
            || PASSED_THROUGH.iter().any(|(spelled, meant)| spelled == name && *meant == sent)
    })
}

fn extras(out: &mut Vec<u8>, request: &Request, losses: &mut Losses) {
    let own = request.extras.origin == Some(Dialect::Gemini);
    let mut written: Vec<&str> = Vec::new();
    for (name, value) in &request.extras.members {
        if own {
            // These two were merged into the members they belong to.
            let merged = name == "generationConfig" || name == "toolConfig";
            if !merged && !ROUTER_MEMBERS.contains(&name.as_str()) {
                write_member(out, name, value.get());
            }
            continue;
        }
        match PASSED_THROUGH.iter().find(|(spelled, _)| spelled == name) {
            Some((_, meant)) if !value.is_null() && !written.contains(meant) => {
                written.push(meant);
                write_member(out, meant, value.get());
            }
            _ if is_for_the_router(&request.extras, name) => {}
            _ => losses.record(name.clone(), "not in the protocol"),
        }
    }
}

/// The tier goes into the body at the Gemini API and into a header at Vertex, which is also the
/// host that takes no ids of calls. TIER-1, wire-formats 3.1
fn tier(request: &Request, target: &Target<'_>, encoded: &mut Encoded, losses: &mut Losses) {
    let written = request.service_tier.as_deref();
    let tier = match target.tier_for(written) {
        None => {
            if written.is_some() {
                losses.record("service_tier", "the endpoint has another tier");
            }
            return;
        }
        Some("auto" | "default" | "standard" | "standard_only") => return,
        Some("flex") => "flex",
        Some("priority" | "fast") => "priority",
        Some(_) => {
            losses.record("service_tier", "a tier this provider does not have");
            return;
        }
    };
    if target.refusal("service_tier").is_some() {
        losses.record("service_tier", "not accepted by this provider");
    } else if target.quirks.no_function_call_ids {
        encoded.headers.push(("x-vertex-ai-llm-shared-request-type", tier.to_owned()));
    } else {
        string_member(&mut encoded.body, "serviceTier", tier);
    }
}

/// What the protocol has no place for.
fn dropped(request: &Request, losses: &mut Losses) {
    let marked = request.cache.is_some()
        || request.tools.iter().any(|tool| tool.cache.is_some())
        || request.turns.iter().flat_map(|turn| &turn.blocks).any(|block| block.cache.is_some());
    for (path, given) in [
        ("cache_control", marked),
        ("prompt_cache_key", request.prompt_cache_key.is_some()),
        ("verbosity", request.verbosity.is_some()),
        ("prediction", request.prediction.is_some()),
        ("user", request.user.is_some()),
        ("metadata", request.metadata.is_some()),
    ] {
        if given {
            losses.record(
                path,
                if path == "cache_control" {
                    "prefixes are cached without being asked"
                } else {
                    "not in the protocol"
                },
            );
        }
    }
}
