//! A request passed on in the same protocol: top-level members are edited, everything else keeps
//! its bytes. CHAT-4, RESP-1

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::input;
use crate::exchange::{Fault, Losses, Reasoning};
use crate::json::Envelope;
use crate::json::envelope::Edit;
use crate::openai_chat::parameters::Parameters;
use crate::openai_chat::patch::changes::Changes;
use crate::openai_chat::read::{
    Place, is_array, is_null, lenient_array, lenient_object, lenient_string, unsigned,
};
use crate::openai_chat::wire::{PENALTIES, PlainNames, SAMPLING, SILENT_NULLS};
use crate::openai_chat::write::{into_text, quoted};
use crate::openai_responses::decode::read;
use crate::openai_responses::encode::{asked_reasoning, encode_request, tier_word};
use crate::openai_responses::stored::refuse_references;
use crate::openai_responses::wire::{ENCRYPTED_REASONING, LOGPROBS, ROUTER_ONLY, joined};
use crate::target::{Encoded, ReasoningRequest, ReasoningStyle, ResponseContext, Target};

/// Members, and what the parameter is called in the list of what endpoints support.
const LISTED: [(&str, &str); 11] = [
    ("temperature", "temperature"),
    ("top_p", "top_p"),
    ("top_k", "top_k"),
    ("top_logprobs", "top_logprobs"),
    ("max_output_tokens", "max_tokens"),
    ("reasoning", "reasoning"),
    ("tools", "tools"),
    ("tool_choice", "tool_choice"),
    ("parallel_tool_calls", "parallel_tool_calls"),
    ("prompt_cache_key", "prompt_cache_key"),
    ("metadata", "metadata"),
];

/// Members that ask a router for something, and are unknown to OpenAI.
const FOR_ROUTERS: [&str; 2] = ["image_config", "modalities"];

/// Members that would let a provider keep what was said, beside `store`, which is always `false`.
const RETAINING: [&str; 1] = ["prompt_cache_retention"];

/// What the gateway imposes on a request beside the target's needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestPatch {
    /// Who the end user is toward the provider, already made unrecognisable. Without it nothing
    /// is told: the raw value never leaves. USERT-1
    pub user_identity: Option<String>,
    /// The most tokens the answer may have; lowers what the caller asked for, or sets it.
    pub max_output_tokens: Option<u64>,
}

/// What a caller asks for, as far as it may have to be edited. Values that nobody here knows are the
/// provider's to judge.
struct Asked<'a> {
    tools: Option<&'a RawValue>,
    tool_choice: Option<&'a RawValue>,
    /// `None` inside: with a value nobody here knows.
    reasoning: Option<Option<Reasoning>>,
    service_tier: Option<Cow<'a, str>>,
    speed: Option<Cow<'a, str>>,
}

impl<'a> Asked<'a> {
    fn read(envelope: &Envelope<'a>) -> Self {
        let raw = |name: &str| envelope.raw(name).filter(|raw| !is_null(raw));
        let reasoning = |raw| {
            let read = Parameters::read(std::iter::once(("reasoning", raw)), |_, _| {});
            read.ok().and_then(|read| read.reasoning)
        };
        Self {
            tools: raw("tools"),
            tool_choice: raw("tool_choice"),
            reasoning: raw("reasoning").map(reasoning),
            service_tier: raw("service_tier").and_then(lenient_string),
            speed: raw("speed").and_then(lenient_string),
        }
    }
}

/// Edits a caller's body for a target that speaks the same protocol. Nothing is stored there,
/// whatever the caller asked for; a reference to a stored conversation is refused. Where the target
/// needs more than edits (tools told in words, names it would refuse) the request is read and
/// written anew instead.
pub fn patch_request(
    envelope: &Envelope<'_>,
    target: &Target<'_>,
    patch: &RequestPatch,
) -> Result<Encoded, Fault> {
    refuse_references(envelope)?;
    let parameters = Asked::read(envelope);
    if must_be_rewritten(envelope, &parameters, target) {
        return rewrite(envelope, target, patch);
    }
    let mut patcher =
        Patcher { envelope, target, edit: envelope.edit(), losses: Losses::default() };
    patcher.edit.set("model", quoted(target.model));
    patcher.edit.set("store", "false");
    for name in ROUTER_ONLY {
        patcher.drop(name);
    }
    for name in ["previous_response_id", "conversation", "background"] {
        patcher.drop(name);
    }
    if !target.quirks.cache_control {
        patcher.drop("cache_control");
    }
    patcher.members();
    if let Some(raw) = envelope.raw("input")
        && let Some(items) = input::rewrite(raw, target, &mut patcher.losses)?
    {
        patcher.edit.set("input", items);
    }
    patcher.tool_choice(&parameters);
    let limit = patcher.limit(patch)?;
    patcher.reasoning(&parameters, limit)?;
    let reasoning = parameters.reasoning.as_ref().and_then(Option::as_ref);
    patcher.include(reasoning)?;
    patcher.sampling(reasoning);
    patcher.service_tier(&parameters);
    patcher.user(patch);
    patcher.text();
    patcher.unsupported();
    Ok(Encoded {
        body: patcher.edit.finish(),
        headers: Vec::new(),
        losses: patcher.losses,
        context: ResponseContext {
            no_finish_reason: target.quirks.no_finish_reason,
            reasoning_tokens_on_top: target.quirks.reasoning_tokens_on_top,
            ..ResponseContext::default()
        },
    })
}

/// Whether edits are not enough.
fn must_be_rewritten(envelope: &Envelope<'_>, parameters: &Asked<'_>, target: &Target<'_>) -> bool {
    let (quirks, abilities) = (target.quirks, target.abilities);
    let items = || envelope.raw("input").map(lenient_array).unwrap_or_default();
    let tools = parameters.tools.map(lenient_array).unwrap_or_default();
    let names: Vec<_> = tools
        .iter()
        .copied()
        .chain(items())
        .filter_map(lenient_object)
        .filter(|entry| {
            matches!(entry.peek_str("type").as_deref(), Some("function" | "function_call"))
        })
        .filter_map(|entry| entry.peek_str("name"))
        .collect();
    let schema = || {
        let format = lenient_object(lenient_object(envelope.raw("text")?)?.peek("format")?)?;
        Some(format.peek_str("type")? == "json_schema")
    };
    quirks.no_media_urls
        || quirks.no_developer_role
        || !abilities.system_prompt
        || !(target.takes_tools() || tools.is_empty() && names.is_empty())
        || ((quirks.no_json_schema || !abilities.structured_output) && schema() == Some(true))
        || !PlainNames::of(names.iter().map(AsRef::as_ref)).is_empty()
}

fn rewrite(
    envelope: &Envelope<'_>,
    target: &Target<'_>,
    patch: &RequestPatch,
) -> Result<Encoded, Fault> {
    let mut request = read(envelope)?;
    request.user.clone_from(&patch.user_identity);
    if let Some(limit) = patch.max_output_tokens {
        request.max_output_tokens =
            Some(request.max_output_tokens.map_or(limit, |asked| asked.min(limit)));
    }
    encode_request(&request, target)
}

struct Patcher<'p, 'a> {
    envelope: &'p Envelope<'a>,
    target: &'p Target<'p>,
    edit: Edit<'p, 'a>,
    losses: Losses,
}

impl Patcher<'_, '_> {
    /// Removes a member that means nothing to a provider.
    fn drop(&mut self, name: &'static str) {
        if self.envelope.raw(name).is_some() {
            self.edit.remove(name);
        }
    }

    /// Removes a member the caller could miss.
    fn lose(&mut self, name: &'static str, why: &'static str) {
        if self.edit.holds(name) {
            self.edit.remove(name);
            if self.envelope.has(name) {
                self.losses.record(name, why);
            }
        }
    }

    /// Members whose name or value the provider must not see. CHAT-4
    fn members(&mut self) {
        if !self.target.quirks.is_router() {
            for name in FOR_ROUTERS {
                let said = self.envelope.has(name);
                self.drop(name);
                if said && !self.is_text_alone(name) {
                    self.losses.record(name, "this protocol has no such member");
                }
            }
        }
        for name in SILENT_NULLS {
            if self.envelope.raw(name).is_some_and(is_null) {
                self.edit.remove(name);
            }
        }
        for name in RETAINING {
            let value = self.envelope.raw(name).map(RawValue::get);
            if let Some(why) = value.and_then(|value| self.target.retention(name, value)) {
                self.lose(name, why);
            }
        }
    }

    /// Whether modalities ask for no more than every answer has.
    fn is_text_alone(&self, name: &str) -> bool {
        let kinds = self.envelope.raw(name).map(lenient_array).unwrap_or_default();
        !kinds.is_empty() && kinds.iter().all(|kind| kind.get() == "\"text\"")
    }

    /// Bug 18
    fn tool_choice(&mut self, parameters: &Asked<'_>) {
        let choice = parameters.tool_choice.map(RawValue::get);
        let forced = choice.is_some_and(|text| !matches!(text, "\"auto\"" | "\"none\""));
        let reasoning = parameters.reasoning.as_ref().and_then(Option::as_ref);
        if forced && !self.target.abilities.forces_tool_choice(reasoning) {
            self.edit.set("tool_choice", "\"auto\"");
            self.losses.record("tool_choice", "the model cannot be forced to call a tool");
        }
    }

    fn limit(&mut self, patch: &RequestPatch) -> Result<Option<u64>, Fault> {
        const NAME: &str = "max_output_tokens";
        let asked = match self.envelope.raw(NAME).filter(|raw| !is_null(raw)) {
            Some(raw) => Some(unsigned(raw, 1, u64::MAX, &Place::Top(NAME))?),
            None => None,
        };
        let limit = [asked, patch.max_output_tokens].into_iter().flatten().min();
        // Where nothing changes, the caller's own spelling of the number stays.
        if let Some(limit) = limit.filter(|_| limit != asked) {
            self.edit.set(NAME, limit.to_string());
        }
        Ok(limit)
    }

    /// REASON-6, REASON-13
    fn reasoning(&mut self, parameters: &Asked<'_>, limit: Option<u64>) -> Result<(), Fault> {
        let asked = match &parameters.reasoning {
            Some(Some(asked)) => asked,
            // What nobody here knows is the provider's to judge.
            Some(None) | None => return Ok(()),
        };
        let told = asked_reasoning(asked, self.target, limit)?;
        if self.target.quirks.reasoning_request == ReasoningRequest::Reasoning {
            return Ok(());
        }
        match told {
            Some(json) => self.edit.set("reasoning", json),
            None if asked.wanted() == Some(true) => {
                self.lose("reasoning", "the model does not reason");
            }
            None => self.drop("reasoning"),
        }
        Ok(())
    }

    /// Models that reason tell what can be sent back, since nothing is stored; others refuse to be
    /// asked. wire-formats 9.2
    fn include(&mut self, reasoning: Option<&Reasoning>) -> Result<(), Fault> {
        let sent = match self.envelope.raw("include").filter(|raw| !is_null(raw)) {
            Some(raw) if is_array(raw) => lenient_array(raw),
            Some(raw) => return Err(Place::Top("include").expected("an array", raw)),
            None => Vec::new(),
        };
        let reasons = self.target.abilities.reasoning != ReasoningStyle::None
            && self.target.refusal("reasoning").is_none();
        let tells = self.target.abilities.tells_logprobs(reasoning)
            && self.target.refusal("logprobs").is_none();
        let own = format!("\"{ENCRYPTED_REASONING}\"");
        let probabilities = format!("\"{LOGPROBS}\"");
        let mut wanted: Vec<&str> = Vec::new();
        for raw in sent.iter().map(|raw| raw.get()) {
            if raw == own && !reasons {
                self.losses.record("include", "the model does not reason");
            } else if raw == probabilities && !tells {
                self.losses.record("include", "the model tells no log probabilities");
            } else {
                wanted.push(raw);
            }
        }
        if reasons && !wanted.contains(&own.as_str()) {
            wanted.push(&own);
        }
        let same = wanted.iter().copied().eq(sent.iter().map(|raw| raw.get()));
        if wanted.is_empty() {
            self.drop("include");
        } else if !same {
            self.edit.set("include", joined(&wanted));
        }
        Ok(())
    }

    /// Bug 24
    fn sampling(&mut self, reasoning: Option<&Reasoning>) {
        let abilities = self.target.abilities;
        if let Some(why) = abilities.sampling_refusal(reasoning) {
            for name in SAMPLING {
                self.lose(name, why);
            }
        }
        // Callers may send them, since answers tell them; the vendor refuses them as unknown.
        for name in PENALTIES {
            self.lose(name, "this protocol has no such member");
        }
        if !abilities.tells_logprobs(reasoning) {
            self.lose("top_logprobs", "the model tells no log probabilities");
        }
        if !abilities.temperature_with_top_p && self.envelope.has("temperature") {
            self.lose("top_p", "the model takes temperature or top_p, not both");
        }
    }

    /// TIER-1
    fn service_tier(&mut self, parameters: &Asked<'_>) {
        let written = parameters.service_tier.as_deref();
        let fast = parameters.speed.as_deref() == Some("fast");
        let (tier, lost) = tier_word(written, fast, self.target);
        match tier {
            Some(tier) if written == Some(tier) => {}
            Some(tier) => self.edit.set("service_tier", quoted(tier)),
            None => {
                if lost && written.is_none() {
                    self.losses.record("speed", "the endpoint has another tier");
                }
                self.lose("service_tier", "the endpoint has another tier");
            }
        }
    }

    /// USERT-1
    fn user(&mut self, patch: &RequestPatch) {
        match &patch.user_identity {
            Some(identity) => {
                if self.envelope.has("user") {
                    self.edit.set("user", quoted(identity));
                }
                if self.envelope.has("safety_identifier") || !self.envelope.has("user") {
                    self.edit.set("safety_identifier", quoted(identity));
                }
            }
            None => {
                self.drop("user");
                self.drop("safety_identifier");
            }
        }
    }

    /// What `text` asks for, as far as the endpoint supports it.
    fn text(&mut self) {
        let Some(text) = self.envelope.raw("text").and_then(lenient_object) else { return };
        let mut changes = Changes::default();
        for (name, listed) in [("format", "response_format"), ("verbosity", "verbosity")] {
            let plain = text
                .peek(name)
                .and_then(lenient_object)
                .is_some_and(|format| format.peek_str("type").as_deref() == Some("text"));
            if text.peek(name).is_none_or(is_null) || plain {
                continue;
            }
            if let Some(why) = self.target.refusal(listed) {
                self.losses.record(format!("text.{name}"), why);
                changes.remove(name);
            }
        }
        if !changes.is_empty() {
            let mut out = Vec::new();
            changes.write(&text, &mut out);
            self.edit.set("text", into_text(out));
        }
    }

    /// CHAT-4
    fn unsupported(&mut self) {
        for name in &self.target.quirks.unsupported_parameters {
            if self.edit.holds(name) && !LISTED.iter().any(|(own, _)| own == name) {
                self.losses.record(name.clone(), "the provider does not take it");
                self.edit.remove(name.clone());
            }
        }
        for (own, listed) in LISTED {
            if let Some(why) = self.target.refusal(listed) {
                self.lose(own, why);
            }
        }
    }
}
