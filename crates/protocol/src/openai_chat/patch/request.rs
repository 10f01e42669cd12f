//! A request passed on in the same protocol: top-level members are edited, everything else keeps
//! its bytes. CHAT-4

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::changes::Changes;
use super::messages::{self, Policy};
use crate::exchange::{Fault, Losses, Reasoning};
use crate::facts::{PlainRoles, Turns};
use crate::json::Envelope;
use crate::json::envelope::Edit;
use crate::openai_chat::parameters::{Parameters, prompt_text};
use crate::openai_chat::read::{is_null, lenient_array, lenient_object, lenient_string};
use crate::openai_chat::wire::{
    self, FOR_ROUTERS, NO_ROUTER, PENALTIES, PlainNames, RETAINING, ROUTER_ONLY, SAMPLING,
    SILENT_NULLS,
};
use crate::openai_chat::write::{into_text, object, quoted};
use crate::openai_chat::{reasoning, structured, usage};
use crate::parameter::Parameter;
use crate::target::{
    Encoded, MaxTokensField, ReasoningRequest, ResponseContext, StreamUsage, Target,
};
use crate::tool_words::{self, Due, Offer};

/// Parameters that may be set here though the caller did not send them under that name.
const SET: [Parameter; 4] = [
    Parameter::MaxTokens,
    Parameter::MaxCompletionTokens,
    Parameter::Reasoning,
    Parameter::ReasoningEffort,
];

/// Why a tier is not passed on. TIER-6
const OTHER_TIER: &str = "the endpoint has another tier";

/// What the gateway imposes on a request beside the target's needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestPatch {
    /// Who the end user is toward the provider, already made unrecognisable. Without it nothing
    /// is told: the raw value never leaves. USERT-1
    pub user_identity: Option<String>,
    /// The most tokens the answer may have; lowers what the caller asked for, or sets it.
    pub max_output_tokens: Option<u64>,
    /// What reading the facts has found the messages to be.
    pub turns: Turns,
}

impl RequestPatch {
    fn plain_roles(&self, messages: Option<&RawValue>) -> Option<PlainRoles> {
        let look = || messages.and_then(messages::plain_roles);
        match self.turns {
            Turns::Unread => look(),
            Turns::Plain(_) | Turns::Other if messages.is_none() => None,
            Turns::Plain(roles) => {
                debug_assert_eq!(Some(roles), look());
                Some(roles)
            }
            Turns::Other => {
                debug_assert_eq!(None, look());
                None
            }
        }
    }
}

/// Edits a caller's body for a target that speaks the same protocol. Unknown members survive byte
/// for byte; messages are touched only where the target would refuse them. CHAT-4
pub fn patch_request(
    envelope: &Envelope<'_>,
    target: &Target<'_>,
    patch: &RequestPatch,
) -> Result<Encoded, Fault> {
    let parameters = Parameters::read(envelope.members(), |_, _| {})?;
    let mut patcher = Patcher {
        envelope,
        target,
        edit: envelope.edit(),
        losses: Losses::default(),
        context: ResponseContext {
            no_finish_reason: target.quirks.no_finish_reason,
            reasoning_tokens_on_top: target.quirks.reasoning_tokens_on_top,
            think_tags: target.quirks.think_tags,
            ..ResponseContext::default()
        },
        plain: patch.plain_roles(parameters.messages),
    };
    patcher.edit.set("model", quoted(target.model));
    for name in ROUTER_ONLY {
        patcher.drop(name);
    }
    if !target.quirks.cache_control {
        patcher.drop("cache_control");
    }
    patcher.members();
    let names = patcher.tools(&parameters);
    let told = if target.takes_tools() { None } else { tools_in_words(&parameters) };
    let told = told.map(|(instruction, offered)| {
        // Calls are read in the text, which editing the answer would not do.
        patcher.context.rewritten = true;
        patcher.context.tools_in_words = offered;
        instruction
    });
    let form = patcher.response_format(&parameters);
    let instruction = match (told, form) {
        (Some(told), Some(form)) => Some(format!("{told}\n\n{form}")),
        (told, form) => told.or(form),
    };
    patcher.messages(&parameters, &names, instruction)?;
    let limit = patcher.limit(&parameters, patch);
    patcher.reasoning(&parameters, limit)?;
    patcher.stream_options(&parameters);
    patcher.sampling(&parameters);
    patcher.service_tier(&parameters);
    patcher.user(patch);
    patcher.unsupported();
    patcher.search_context();
    patcher.context.tool_names = names.into_declared();
    Ok(Encoded {
        body: patcher.edit.finish(),
        headers: Vec::new(),
        losses: patcher.losses,
        context: patcher.context,
    })
}

struct Patcher<'p, 'a> {
    envelope: &'p Envelope<'a>,
    target: &'p Target<'p>,
    edit: Edit<'p, 'a>,
    losses: Losses,
    context: ResponseContext,
    plain: Option<PlainRoles>,
}

impl<'a> Patcher<'_, 'a> {
    /// Removes a member that means nothing to a provider.
    fn drop(&mut self, name: &'static str) {
        if self.envelope.raw(name).is_some() {
            self.edit.remove(name);
        }
    }

    /// Removes a member the caller could miss.
    fn lose(&mut self, name: &'static str, why: &'static str) {
        if self.envelope.raw(name).is_some() {
            self.edit.remove(name);
            if self.envelope.has(name) {
                self.losses.record(name, why);
            }
        }
    }

    /// Members whose name or value the provider must not see. CHAT-4
    fn members(&mut self) {
        for name in SILENT_NULLS {
            if self.envelope.raw(name).is_some_and(is_null) {
                self.edit.remove(name);
            }
        }
        if !self.target.quirks.is_router() {
            for name in FOR_ROUTERS {
                self.lose(name, NO_ROUTER);
            }
        }
        for name in RETAINING {
            let value = self.envelope.raw(name).map(RawValue::get);
            if let Some(why) = value.and_then(|value| self.target.retention(name, value)) {
                self.lose(name, why);
            }
        }
    }

    /// Bugs 28, 30
    fn tools(&mut self, parameters: &Parameters<'_>) -> PlainNames {
        let abilities = self.target.abilities;
        if !self.target.takes_tools() {
            for name in ["tools", "tool_choice", "parallel_tool_calls"] {
                self.lose(name, tool_words::LOSS);
            }
            return PlainNames::default();
        }
        let choice = parameters.tool_choice.map(RawValue::get);
        let forced = choice.is_some_and(|text| !matches!(text, "\"auto\"" | "\"none\""));
        let forcible =
            !forced || abilities.forces_tool_choice(self.reasoning_asked(parameters).as_deref());
        if forced && !forcible {
            self.edit.set("tool_choice", "\"auto\"");
            self.losses.record("tool_choice", "the model cannot be forced to call a tool");
        } else if let Some(word @ ("\"required\"" | "\"any\"")) = choice {
            let any = self.target.quirks.tool_choice_any;
            let sent = if any { "\"any\"" } else { "\"required\"" };
            if word != sent {
                self.edit.set("tool_choice", sent);
            }
        }
        // Where calls could be.
        let called = parameters.messages.filter(|_| self.plain.is_none());
        let called = called.map(messages::called_names).unwrap_or_default();
        self.tool_names(parameters.tools, parameters.tool_choice.filter(|_| forcible), &called)
    }

    /// What is asked of reasoning, also by the host's own switch.
    fn reasoning_asked<'r>(&self, parameters: &'r Parameters<'_>) -> Option<Cow<'r, Reasoning>> {
        let own = || reasoning::own_switch(self.target, self.envelope.raw("thinking"));
        parameters.reasoning.as_ref().map(Cow::Borrowed).or_else(|| own().map(Cow::Owned))
    }

    fn tool_names(
        &mut self,
        tools: Option<&RawValue>,
        choice: Option<&RawValue>,
        called: &[Cow<'_, str>],
    ) -> PlainNames {
        let entries = tools.map(lenient_array).unwrap_or_default();
        let declared: Vec<_> = entries
            .iter()
            .filter_map(|raw| {
                lenient_object(lenient_object(raw)?.peek("function")?)?.peek_str("name")
            })
            .collect();
        let names = PlainNames::of(declared.iter().chain(called).map(AsRef::as_ref));
        let Some(tools) = tools else { return names };
        let marks = !self.target.quirks.cache_control && tools.get().contains("\"cache_control\"");
        if names.is_empty() && !marks {
            return names;
        }
        let mut out = Vec::with_capacity(tools.get().len());
        crate::openai_chat::write::array(&mut out, entries, |out, raw| {
            let Some(tool) = lenient_object(raw) else {
                out.extend_from_slice(raw.get().as_bytes());
                return;
            };
            let mut changes = renamed(&tool, &names);
            if marks {
                changes.remove_from(&tool, "cache_control");
            }
            if changes.is_empty() {
                out.extend_from_slice(raw.get().as_bytes());
            } else {
                changes.write(&tool, out);
            }
        });
        self.edit.set("tools", into_text(out));
        if let Some(choice) = choice.and_then(lenient_object) {
            let changes = renamed(&choice, &names);
            if !changes.is_empty() {
                let mut out = Vec::new();
                changes.write(&choice, &mut out);
                self.edit.set("tool_choice", into_text(out));
            }
        }
        names
    }

    /// The instruction that stands for a schema the host does not take.
    fn response_format(&mut self, parameters: &Parameters<'_>) -> Option<String> {
        if !self.target.quirks.no_json_schema && self.target.abilities.structured_output {
            return None;
        }
        let format = lenient_object(parameters.response_format?)?;
        if format.peek_str("type")? != "json_schema" {
            return None;
        }
        self.edit.set("response_format", structured::JSON_OBJECT);
        self.losses.record("response_format.json_schema", "the schema is asked for in words");
        Some(structured::instruction(lenient_object(format.peek("json_schema")?)?.peek("schema")?))
    }

    /// CHAT-1
    fn messages(
        &mut self,
        parameters: &Parameters<'a>,
        names: &PlainNames,
        instruction: Option<String>,
    ) -> Result<(), Fault> {
        // Models that know breakpoints are those that take these options: others refuse both.
        let marks_breakpoints = self.target.quirks.cache_breakpoints
            && self.envelope.raw("prompt_cache_options").is_some_and(|raw| !is_null(raw));
        let policy = Policy { target: self.target, names, instruction, marks_breakpoints };
        match (parameters.messages, parameters.prompt) {
            (Some(raw), prompt) => {
                if let Some(written) = messages::rewrite(raw, self.plain.as_ref(), &policy)? {
                    self.edit.set("messages", written);
                }
                if prompt.is_some() {
                    self.edit.remove("prompt");
                }
            }
            (None, Some(prompt)) => {
                let text = prompt_text(prompt)?;
                let mut out = Vec::with_capacity(text.len() + 64);
                out.push(b'[');
                for (role, content) in
                    [("system", policy.instruction.as_deref()), ("user", Some(text.as_ref()))]
                {
                    let Some(content) = content else { continue };
                    if out.len() > 1 {
                        out.push(b',');
                    }
                    object(&mut out, |message| {
                        message.string("role", role);
                        message.string("content", content);
                    });
                }
                out.push(b']');
                self.edit.remove("prompt");
                self.edit.set("messages", into_text(out));
            }
            (None, None) => {
                return Err(Fault::invalid("messages: is missing; send at least one message"));
            }
        }
        if self.target.quirks.prefix_flag {
            self.context.prefill = parameters.messages.and_then(prefill);
        }
        Ok(())
    }

    /// Bug 23
    fn limit(&mut self, parameters: &Parameters<'_>, patch: &RequestPatch) -> Option<u64> {
        let asked = parameters.max_tokens;
        let limit = match (asked, patch.max_output_tokens) {
            (Some(asked), Some(cap)) => Some(asked.min(cap)),
            (asked, cap) => asked.or(cap),
        }?;
        let (name, other) = match self.target.quirks.max_tokens_field {
            MaxTokensField::AsSent if self.envelope.has("max_completion_tokens") => {
                ("max_completion_tokens", "max_tokens")
            }
            MaxTokensField::AsSent | MaxTokensField::MaxTokens => {
                ("max_tokens", "max_completion_tokens")
            }
            MaxTokensField::MaxCompletionTokens => ("max_completion_tokens", "max_tokens"),
        };
        self.drop(other);
        // Where nothing changes, the caller's own spelling of the number stays.
        if asked != Some(limit) || !self.envelope.has(name) {
            self.edit.set(name, limit.to_string());
        }
        Some(limit)
    }

    /// REASON-6, REASON-13
    fn reasoning(&mut self, parameters: &Parameters<'_>, limit: Option<u64>) -> Result<(), Fault> {
        let own = reasoning::has_own_switch(self.target);
        if !own {
            self.drop("thinking");
        }
        let Some(asked) = &parameters.reasoning else { return Ok(()) };
        self.context.exclude_reasoning = asked.exclude;
        if own && parameters.asked_by_thinking {
            // It is said in the host's own words, and perhaps more than is known here.
            self.drop("reasoning");
            return Ok(());
        }
        let kwargs = self.envelope.raw("chat_template_kwargs");
        let members = reasoning::request_members(asked, self.target, limit, kwargs)?;
        let understood = self.target.quirks.reasoning_request == ReasoningRequest::Reasoning;
        if understood
            && !parameters.asked_by_thinking
            && !self.envelope.has("reasoning_effort")
            && !self.envelope.has("include_reasoning")
        {
            return Ok(());
        }
        self.drop("reasoning");
        self.drop("reasoning_effort");
        for (name, json) in members {
            self.edit.set(name, json);
        }
        Ok(())
    }

    /// Bug 22
    fn stream_options(&mut self, parameters: &Parameters<'_>) {
        if !parameters.stream || self.target.quirks.stream_usage == StreamUsage::Always {
            self.drop("stream_options");
            return;
        }
        let mut out = Vec::new();
        object(&mut out, |options| {
            if let Some(sent) = self.envelope.raw("stream_options").and_then(lenient_object) {
                for (name, raw) in sent.iter().filter(|(name, _)| *name != "include_usage") {
                    options.raw_of(name, raw.get());
                }
            }
            options.boolean("include_usage", true);
        });
        self.edit.set("stream_options", into_text(out));
    }

    /// Bug 24
    fn sampling(&mut self, parameters: &Parameters<'_>) {
        let abilities = self.target.abilities;
        let asked = self.reasoning_asked(parameters);
        let reasoning = asked.as_deref();
        if let Some(why) = abilities.sampling_refusal(reasoning) {
            for name in SAMPLING {
                self.lose(name, why);
            }
        }
        if !abilities.penalties {
            for name in PENALTIES {
                self.lose(name, "the model takes no penalties");
            }
        }
        if !abilities.tells_logprobs(reasoning) {
            for name in ["logprobs", "top_logprobs"] {
                self.lose(name, "the model tells no log probabilities");
            }
        }
        if !abilities.temperature_with_top_p && self.envelope.has("temperature") {
            self.lose("top_p", "the model takes temperature or top_p, not both");
        }
        if self.target.quirks.random_seed
            && let Some(seed) = self.envelope.raw("seed")
        {
            self.edit.remove("seed");
            self.edit.set("random_seed", seed.get());
        }
    }

    /// Remembers how much of what is found on the web is asked for, which some fees depend on.
    fn search_context(&mut self) {
        if self.target.refusal("web_search_options").is_none() {
            let options = self.envelope.raw("web_search_options");
            self.context.search_context = options.and_then(usage::asked_search_context);
        }
    }

    /// TIER-1
    fn service_tier(&mut self, parameters: &Parameters<'_>) {
        let written = parameters.service_tier.as_deref();
        let fast = parameters.speed.as_deref().filter(|speed| *speed == "fast");
        match self.target.tier_for(written.or(fast)).map(wire::service_tier) {
            Some(tier) if written == Some(tier) => {}
            Some(tier) => self.edit.set("service_tier", quoted(tier)),
            None => {
                if fast.is_some() && written.is_none() {
                    self.losses.record("speed", OTHER_TIER);
                }
                self.lose("service_tier", OTHER_TIER);
            }
        }
    }

    /// USERT-1
    fn user(&mut self, patch: &RequestPatch) {
        let identifier = self.envelope.has("safety_identifier");
        match &patch.user_identity {
            Some(identity) => {
                if identifier {
                    self.edit.set("safety_identifier", quoted(identity));
                }
                if self.envelope.has("user") || !identifier {
                    self.edit.set("user", quoted(identity));
                }
            }
            None => {
                self.drop("user");
                self.drop("safety_identifier");
            }
        }
    }

    /// CHAT-4
    fn unsupported(&mut self) {
        for name in &self.target.quirks.unsupported_parameters {
            self.refuse(name.clone().into());
        }
        if self.target.parameters.is_empty() {
            return;
        }
        let envelope = self.envelope;
        let sent = envelope.members().filter_map(|(name, _)| Parameter::from_name(name));
        for parameter in sent.chain(SET) {
            self.refuse(parameter.name().into());
        }
    }

    /// Removes a parameter that is not supported, also where it was set by us.
    fn refuse(&mut self, name: Cow<'static, str>) {
        let renamed = name == "seed" && self.edit.holds("random_seed");
        if !renamed && !self.edit.holds(&name) {
            return;
        }
        let Some(why) = self.target.refusal(&name) else { return };
        if self.envelope.has(&name) {
            self.losses.record(name.clone(), why);
        }
        if renamed {
            self.edit.remove("random_seed");
        }
        self.edit.remove(name);
    }
}

/// The instruction that stands for the tools, and their names; `None` if none may be called. CHAT-9
fn tools_in_words(parameters: &Parameters<'_>) -> Option<(String, Vec<String>)> {
    let mut offer = Offer::new();
    let mut names = Vec::new();
    for tool in lenient_array(parameters.tools?).into_iter().filter_map(lenient_object) {
        let Some(function) = tool.peek("function").and_then(lenient_object) else { continue };
        let Some(name) = function.peek_str("name") else { continue };
        let schema = function.peek("parameters").filter(|raw| !is_null(raw)).map(RawValue::get);
        offer.tool(&name, function.peek_str("description").as_deref(), schema);
        names.push(name.into_owned());
    }
    let choice = parameters.tool_choice;
    let named = choice
        .and_then(lenient_object)
        .and_then(|choice| lenient_object(choice.peek("function")?)?.peek_str("name"));
    let instruction = offer.instruction(match (choice.map(RawValue::get), &named) {
        (_, Some(name)) => Due::Of(name),
        (Some("\"none\""), _) => Due::Never,
        (Some("\"required\"" | "\"any\""), _) => Due::Any,
        _ => Due::Open,
    });
    Some((instruction?, names))
}

/// The changes that give a tool, or a choice of one, its sent name.
fn renamed(tool: &crate::json::Object<'_>, names: &PlainNames) -> Changes {
    let mut changes = Changes::default();
    if let Some(function) = tool.peek("function").and_then(lenient_object)
        && let Some(name) = function.peek_str("name")
        && names.sent(&name) != name
    {
        let mut inner = Changes::default();
        inner.set("name", quoted(names.sent(&name)));
        let mut out = Vec::new();
        inner.write(&function, &mut out);
        changes.set("function", into_text(out));
    }
    changes
}

/// The text the model is to continue, which some hosts repeat. CHAT-8
fn prefill(messages: &RawValue) -> Option<String> {
    let message = lenient_object(lenient_array(messages).last()?)?;
    if message.peek_str("role")? != "assistant" || message.peek("tool_calls").is_some() {
        return None;
    }
    let text = lenient_string(message.peek("content")?)?;
    (!text.is_empty()).then(|| text.into_owned())
}
