//! A request written for a provider. Nothing is stored there. wire-formats 9.2

use super::input::Items;
use super::part::Scene;
use crate::exchange::{
    BlockKind, Effort, Fault, Losses, NO_TOOL_LEFT, OutputFormat, Reasoning, Request, Role, Tool,
    ToolChoice, ToolKind, Turn,
};
use crate::openai_chat::structured;
use crate::openai_chat::wire::{PlainNames, SAMPLING, is_for_the_router, service_tier};
use crate::openai_chat::write::{ObjectWriter, array, into_text, object};
use crate::openai_responses::namespace;
use crate::openai_responses::wire::{self, ENCRYPTED_REASONING, LEAST_OUTPUT, LOGPROBS};
use crate::parameter::Parameter;
use crate::target::{Encoded, ReasoningRequest, ReasoningStyle, ResponseContext, Target};
use crate::{Dialect, tool_words};

/// Members of the chat dialect that are the same here.
const OF_CHAT: [&str; 2] = ["prompt_cache_options", "prompt_cache_retention"];

const FOREIGN: &str = "only the protocol it came in knows this member";
const NOT_HERE: &str = "this protocol has no such member";

/// What stands for the word that a provider wants to see before it answers with JSON.
const SAY_JSON: &str = "Answer with one JSON object.";

/// Writes a request for a provider that speaks this protocol. `user` is written as it stands: the
/// gateway has made it unrecognisable before. USERT-1
pub fn encode_request(request: &Request, target: &Target<'_>) -> Result<Encoded, Fault> {
    if !target.takes_tools() && tool_words::concerns(request) {
        return tool_words::told(request, |worded| encode_request(worded, target));
    }
    let declared = request.tools.iter().filter_map(|tool| match &tool.kind {
        ToolKind::Function { name, .. } => Some(name.as_str()),
        ToolKind::Opaque { .. } => None,
    });
    let called = request.turns.iter().flat_map(|turn| &turn.blocks).filter_map(|block| {
        if let BlockKind::ToolCall { name, .. } = &block.kind { Some(name.as_str()) } else { None }
    });
    let names = PlainNames::of(declared.chain(called));
    let mut body = Vec::with_capacity(1_024);
    let mut losses = Losses::default();
    let mut writer = Writer {
        object: ObjectWriter::begin(&mut body),
        target,
        losses: &mut losses,
        reasoning: request.reasoning.as_ref(),
        written: vec!["model", "instructions", "input", "store", "stream", "include"],
    };
    writer.object.string("model", target.model);
    writer.input(request, &names)?;
    writer.tools(request, &names);
    writer.text(request);
    writer.sampling(request);
    writer.limit(request);
    writer.reasoning(request)?;
    writer.object.boolean("store", false);
    writer.include(request);
    if request.stream {
        writer.object.boolean("stream", true);
    }
    writer.others(request);
    writer.extras(request);
    writer.object.end();
    let mut tool_names = names.into_declared();
    tool_names.extend(namespace::declared(request));
    let context = ResponseContext {
        tool_names,
        no_finish_reason: target.quirks.no_finish_reason,
        reasoning_tokens_on_top: target.quirks.reasoning_tokens_on_top,
        exclude_reasoning: request.reasoning.as_ref().is_some_and(|asked| asked.exclude),
        ..ResponseContext::default()
    };
    Ok(Encoded { body, headers: Vec::new(), losses, context })
}

struct Writer<'w> {
    object: ObjectWriter<'w>,
    target: &'w Target<'w>,
    losses: &'w mut Losses,
    /// What the caller asks for, which decides what else may be sent.
    reasoning: Option<&'w Reasoning>,
    /// What stands in the body already: a member the caller invented must not stand there twice.
    written: Vec<&'static str>,
}

impl Writer<'_> {
    /// Whether the provider takes a member, by its name in the chat dialect; if not, that is a
    /// loss. CHAT-4
    fn allows(&mut self, name: &str) -> bool {
        let abilities = self.target.abilities;
        let is_of_logprobs = matches!(name, "logprobs" | "top_logprobs");
        let why = if let Some(why) = self.target.refusal(name) {
            why
        } else if SAMPLING.contains(&name)
            && let Some(why) = abilities.sampling_refusal(self.reasoning)
        {
            why
        } else if is_of_logprobs && !abilities.tells_logprobs(self.reasoning) {
            "the model tells no log probabilities"
        } else {
            return true;
        };
        self.losses.record(name, why);
        false
    }

    fn put_value<T: serde::Serialize>(&mut self, name: &'static str, value: Option<T>) {
        self.written.push(name);
        if let Some(value) = value
            && self.allows(name)
        {
            let _ = serde_json::to_writer(self.object.value(name), &value);
        }
    }

    fn put_raw(&mut self, name: &'static str, json: &str) {
        self.written.push(name);
        if self.allows(name) {
            self.object.raw(name, json);
        }
    }

    /// The conversation. Instructions that open it go to their own place, unless the word that asks
    /// for JSON has to be found among the items.
    fn input(&mut self, request: &Request, names: &PlainNames) -> Result<(), Fault> {
        let mut turns = request.turns.as_slice();
        let json = match &request.output {
            Some(OutputFormat::JsonObject) => true,
            Some(OutputFormat::JsonSchema { .. }) => by_words(self.target),
            _ => false,
        };
        let mut offset = 0;
        if !json
            && self.target.abilities.system_prompt
            && let [first, rest @ ..] = turns
            && let Some(text) = plain_instructions(first, self.target)
            && !rest.is_empty()
        {
            self.object.string("instructions", text);
            turns = rest;
            offset = 1;
        }
        let mut out = Vec::new();
        let mut items = Items::begin(&mut out, names);
        match &request.output {
            Some(OutputFormat::JsonSchema { schema, .. }) if json => {
                items.instruction(&structured::instruction(schema.as_raw()));
            }
            _ if json && !says_json(turns) => items.instruction(SAY_JSON),
            _ => {}
        }
        for (at, turn) in turns.iter().enumerate() {
            let mut scene = Scene { target: self.target, losses: self.losses, turn: at + offset };
            items.turn(turn, &mut scene)?;
            self.losses.record_members(at + offset, turn, Dialect::OpenaiResponses, FOREIGN);
        }
        items.end();
        self.object.value("input").extend_from_slice(&out);
        self.marks(request);
        Ok(())
    }

    /// PCACHE-5
    fn marks(&mut self, request: &Request) {
        let marked = request.turns.iter().flat_map(|turn| &turn.blocks).any(|block| {
            block
                .cache
                .as_ref()
                .is_some_and(|mark| !self.target.quirks.cache_breakpoints || mark.ttl.is_some())
        });
        let listed = request.tools.iter().any(|tool| tool.cache.is_some());
        if marked || listed || request.cache.is_some() {
            let why = if self.target.quirks.cache_breakpoints {
                "only parts of messages can be marked here, without a lifetime"
            } else {
                "the provider caches by itself"
            };
            self.losses.record("cache_control", why);
        }
    }

    fn tools(&mut self, request: &Request, names: &PlainNames) {
        if !self.target.takes_tools() {
            return;
        }
        let mut kept = Vec::new();
        for (at, tool) in request.tools.iter().enumerate() {
            match &tool.kind {
                ToolKind::Opaque { origin, .. } if *origin != Dialect::OpenaiResponses => self
                    .losses
                    .record(format!("tools[{at}]"), "only the protocol it came in knows this tool"),
                _ => kept.push(tool),
            }
        }
        self.written.push("tools");
        let none_left = kept.is_empty() && !request.tools.is_empty();
        let choice = request.tool_choice.as_ref();
        let is_left = choice.is_none_or(|choice| choice.is_left(&request.tools, &kept));
        if !kept.is_empty() {
            array(self.object.value("tools"), kept, |out, tool| write_tool(out, tool, names));
        }
        match choice {
            Some(choice) if is_left => self.tool_choice(choice, &request.tools, names),
            Some(_) => self.losses.record("tool_choice", NO_TOOL_LEFT),
            None => {}
        }
        if !none_left {
            self.put_value("parallel_tool_calls", request.parallel_tool_calls);
        } else if request.parallel_tool_calls.is_some() {
            self.losses.record("parallel_tool_calls", NO_TOOL_LEFT);
        }
    }

    /// TOOLS-3, bug 18
    fn tool_choice(&mut self, choice: &ToolChoice, tools: &[Tool], names: &PlainNames) {
        let forced = matches!(
            choice,
            ToolChoice::Required
                | ToolChoice::Named(_)
                | ToolChoice::Allowed { required: true, .. }
        );
        if forced && !self.target.abilities.forces_tool_choice(self.reasoning) {
            self.losses.record("tool_choice", "the model cannot be forced to call a tool");
            return self.put_raw("tool_choice", "\"auto\"");
        }
        let mut out = Vec::new();
        match choice {
            ToolChoice::Auto => out.extend_from_slice(b"\"auto\""),
            ToolChoice::None => out.extend_from_slice(b"\"none\""),
            ToolChoice::Required => out.extend_from_slice(b"\"required\""),
            ToolChoice::Named(name) => write_choice_of(&mut out, name, tools, names),
            ToolChoice::Allowed { names: allowed, required } => object(&mut out, |choice| {
                choice.string("type", "allowed_tools");
                choice.string("mode", if *required { "required" } else { "auto" });
                choice
                    .array("tools", allowed, |out, name| write_choice_of(out, name, tools, names));
            }),
            ToolChoice::Opaque { origin: Dialect::OpenaiResponses, raw } => {
                out.extend_from_slice(raw.get().as_bytes());
            }
            ToolChoice::Opaque { .. } => {
                self.losses.record("tool_choice", "only the protocol it came in knows this choice");
                return;
            }
        }
        self.put_raw("tool_choice", &into_text(out));
    }

    /// The form of the answer and its verbosity. STRUCT-1, STRUCT-2
    fn text(&mut self, request: &Request) {
        self.written.push("text");
        let format = self.format(request.output.as_ref());
        let verbosity = request.verbosity.as_deref().filter(|_| self.allows("verbosity"));
        if format.is_none() && verbosity.is_none() {
            return;
        }
        self.object.object("text", |text| {
            if let Some(format) = &format {
                text.raw("format", format);
            }
            if let Some(verbosity) = verbosity {
                text.string("verbosity", verbosity);
            }
        });
    }

    fn format(&mut self, output: Option<&OutputFormat>) -> Option<String> {
        let output = output?;
        if !matches!(output, OutputFormat::Text) && !self.allows("response_format") {
            return None;
        }
        Some(match output {
            OutputFormat::Text => r#"{"type":"text"}"#.to_owned(),
            OutputFormat::JsonObject => structured::JSON_OBJECT.to_owned(),
            OutputFormat::JsonSchema { .. } if by_words(self.target) => {
                self.losses
                    .record("response_format.json_schema", "the schema is asked for in words");
                structured::JSON_OBJECT.to_owned()
            }
            OutputFormat::JsonSchema { name, description, schema, strict } => {
                let mut out = Vec::new();
                object(&mut out, |format| {
                    format.string("type", "json_schema");
                    // The name is required here, and free.
                    format.string("name", name.as_deref().unwrap_or("answer"));
                    if let Some(description) = description {
                        format.string("description", description);
                    }
                    format.raw("schema", schema.get());
                    if let Some(strict) = strict {
                        format.boolean("strict", *strict);
                    }
                });
                into_text(out)
            }
            OutputFormat::Opaque { origin: Dialect::OpenaiResponses, raw } => raw.get().to_owned(),
            OutputFormat::Opaque { .. } => {
                self.losses
                    .record("response_format", "only the protocol it came in knows this form");
                return None;
            }
        })
    }

    /// CHAT-3, bug 24
    fn sampling(&mut self, request: &Request) {
        let sampling = &request.sampling;
        self.put_value("temperature", sampling.temperature);
        if sampling.temperature.is_some()
            && sampling.top_p.is_some()
            && !self.target.abilities.temperature_with_top_p
        {
            self.losses.record("top_p", "the model takes temperature or top_p, not both");
        } else {
            self.put_value("top_p", sampling.top_p);
        }
        self.put_value("top_logprobs", sampling.top_logprobs);
        if self.target.parameters.has(Parameter::TopK) {
            self.put_value("top_k", sampling.top_k);
        } else if sampling.top_k.is_some() {
            self.losses.record("top_k", NOT_HERE);
        }
        for (name, sent) in [
            // Answers tell these two, but requests that have them are refused.
            ("frequency_penalty", sampling.frequency_penalty.is_some()),
            ("presence_penalty", sampling.presence_penalty.is_some()),
            ("min_p", sampling.min_p.is_some()),
            ("top_a", sampling.top_a.is_some()),
            ("repetition_penalty", sampling.repetition_penalty.is_some()),
            ("seed", sampling.seed.is_some()),
            ("logit_bias", sampling.logit_bias.is_some()),
            ("stop", !sampling.stop.is_empty()),
            ("n", sampling.n.is_some_and(|count| count > 1)),
        ] {
            if sent {
                self.losses.record(name, NOT_HERE);
            }
        }
    }

    fn limit(&mut self, request: &Request) {
        let limit = request.max_output_tokens.map(|limit| {
            if limit < LEAST_OUTPUT {
                self.losses.record("max_tokens", "raised to the least that the provider takes");
            }
            limit.max(LEAST_OUTPUT)
        });
        self.written.push("max_output_tokens");
        if let Some(limit) = limit
            && self.allows("max_tokens")
        {
            self.object.number("max_output_tokens", limit);
        }
    }

    /// REASON-6, REASON-13
    fn reasoning(&mut self, request: &Request) -> Result<(), Fault> {
        self.written.push("reasoning");
        let Some(asked) = &request.reasoning else { return Ok(()) };
        if let Some(json) = asked_reasoning(asked, self.target, request.max_output_tokens)?
            && self.allows("reasoning")
        {
            self.object.raw("reasoning", &json);
        }
        Ok(())
    }

    /// What more the answer shall tell. Models that do not reason refuse to be asked for what they
    /// thought.
    fn include(&mut self, request: &Request) {
        let mut wanted: Vec<String> = Vec::new();
        let reasons = self.target.abilities.reasoning != ReasoningStyle::None;
        if reasons && self.target.refusal("reasoning").is_none() {
            wanted.push(format!("\"{ENCRYPTED_REASONING}\""));
        }
        if request.sampling.logprobs == Some(true) && self.allows("logprobs") {
            wanted.push(format!("\"{LOGPROBS}\""));
        }
        let others = request.extras.for_dialect(Dialect::OpenaiResponses);
        let others = others.iter().find(|(name, _)| name == "include");
        if let Some(list) = others.and_then(|(_, raw)| crate::json::scan::elements(raw.as_raw())) {
            wanted.extend(list.into_iter().map(|raw| raw.get().to_owned()));
        }
        if !wanted.is_empty() {
            self.object.array("include", wanted, |out, raw| out.extend_from_slice(raw.as_bytes()));
        }
    }

    fn others(&mut self, request: &Request) {
        self.put_value("prompt_cache_key", request.prompt_cache_key.as_ref());
        self.put_value("safety_identifier", request.user.as_ref());
        self.put_value("metadata", request.metadata.as_ref());
        let (tier, lost) =
            tier_word(request.service_tier.as_deref(), is_fast(request), self.target);
        if lost {
            self.losses.record("service_tier", "the endpoint has another tier");
        }
        self.put_value("service_tier", tier);
        let text_only = |kinds: &Vec<String>| kinds.iter().all(|kind| kind == "text");
        for (name, sent) in [
            ("modalities", request.modalities.as_ref().is_some_and(|kinds| !text_only(kinds))),
            ("audio", request.audio_output.is_some()),
            ("image_config", request.image_config.is_some()),
            ("prediction", request.prediction.is_some()),
        ] {
            if sent {
                self.losses.record(name, NOT_HERE);
            }
        }
    }

    fn extras(&mut self, request: &Request) {
        let own = request.extras.origin == Some(Dialect::OpenaiResponses);
        let chat = request.extras.origin == Some(Dialect::OpenaiChat);
        for (name, raw) in &request.extras.members {
            let known = name.as_str();
            if let Some(why) = self.target.retention(known, raw.get()) {
                self.losses.record(known, why);
            } else if own || (chat && OF_CHAT.contains(&known)) {
                if !self.written.contains(&known) && self.allows(known) {
                    self.object.raw_of(known, raw.get());
                }
            } else if !((chat && known == "speed") || is_for_the_router(&request.extras, known)) {
                self.losses.record(known, FOREIGN);
            }
        }
    }
}

fn is_fast(request: &Request) -> bool {
    let extras = request.extras.for_dialect(Dialect::OpenaiChat);
    extras.iter().any(|(name, speed)| name == "speed" && speed.get() == "\"fast\"")
}

/// The tier to ask for, and whether what was asked for is lost. TIER-1, TIER-2
pub(in crate::openai_responses) fn tier_word<'t>(
    written: Option<&'t str>,
    fast: bool,
    target: &Target<'_>,
) -> (Option<&'t str>, bool) {
    let written = written.or(fast.then_some("priority"));
    let tier = target.tier_for(written);
    (tier.map(service_tier), written.is_some() && tier.is_none())
}

fn by_words(target: &Target<'_>) -> bool {
    target.quirks.no_json_schema || !target.abilities.structured_output
}

/// The text of a turn that can stand as `instructions`.
fn plain_instructions<'t>(turn: &'t Turn, target: &Target<'_>) -> Option<&'t str> {
    let [block] = turn.blocks.as_slice() else { return None };
    let marked = block.cache.is_some() && target.quirks.cache_breakpoints;
    match &block.kind {
        BlockKind::Text { text, .. }
            if turn.role == Role::System
                && turn.name.is_none()
                && turn.extras.is_empty()
                && !marked
                && !text.is_empty() =>
        {
            Some(text)
        }
        _ => None,
    }
}

/// Whether the word JSON stands in a text of the conversation.
fn says_json(turns: &[Turn]) -> bool {
    turns.iter().flat_map(|turn| &turn.blocks).any(|block| match &block.kind {
        BlockKind::Text { text, .. } => {
            text.as_bytes().windows(4).any(|word| word.eq_ignore_ascii_case(b"json"))
        }
        _ => false,
    })
}

fn write_choice_of(out: &mut Vec<u8>, name: &str, tools: &[Tool], names: &PlainNames) {
    let custom = tools.iter().any(|tool| {
        matches!(&tool.kind, ToolKind::Function { name: declared, .. } if declared == name)
            && wire::is_kind(&tool.extras, "custom")
    });
    object(out, |choice| {
        choice.string("type", if custom { "custom" } else { "function" });
        choice.string("name", names.sent(name));
    });
}

/// TOOLS-1. `strict` is always told: here it is on where nobody says it is not, and schemas that
/// were written for other protocols would be refused.
fn write_tool(out: &mut Vec<u8>, tool: &Tool, names: &PlainNames) {
    match &tool.kind {
        ToolKind::Opaque { raw, .. } => out.extend_from_slice(raw.get().as_bytes()),
        ToolKind::Function { name, description, parameters, strict } => object(out, |entry| {
            let custom = wire::is_kind(&tool.extras, "custom");
            entry.string("type", if custom { "custom" } else { "function" });
            entry.string("name", names.sent(name));
            if let Some(description) = description {
                entry.string("description", description);
            }
            match parameters {
                _ if custom => {}
                Some(parameters) => entry.raw("parameters", parameters.get()),
                None => entry.raw("parameters", r#"{"type":"object","properties":{}}"#),
            }
            if !custom {
                entry.boolean("strict", strict.unwrap_or(false));
            }
            for (name, raw) in tool.extras.for_dialect(Dialect::OpenaiResponses) {
                if !matches!(
                    name.as_str(),
                    "type" | "name" | "description" | "parameters" | "strict"
                ) {
                    entry.raw_of(name, raw.get());
                }
            }
        }),
    }
}

/// Whether a caller of another protocol says that it wants to see thoughts, which are not told here
/// unless a summary of them is asked for.
fn asks_for_thoughts(asked: &Reasoning) -> bool {
    let display = asked.extras.for_dialect(Dialect::Anthropic).iter();
    let mut display = display.filter(|(name, _)| name == "display");
    asked.thoughts || display.any(|(_, raw)| raw.get() == "\"summarized\"")
}

/// The `reasoning` object for a target, as JSON text; `None` where there is nothing to say.
pub(in crate::openai_responses) fn asked_reasoning(
    asked: &Reasoning,
    target: &Target<'_>,
    limit: Option<u64>,
) -> Result<Option<String>, Fault> {
    let abilities = target.abilities;
    let wanted = asked.wanted();
    if wanted == Some(false) && abilities.reasoning_mandatory {
        return Err(Fault::invalid(
            "reasoning: this model always reasons, it cannot be switched off; leave `reasoning` \
             out or ask for an effort",
        ));
    }
    let in_full = target.quirks.reasoning_request == ReasoningRequest::Reasoning;
    let knows_off = abilities.efforts.contains(&Effort::None);
    if !in_full
        && (abilities.reasoning == ReasoningStyle::None
            || target.quirks.reasoning_request == ReasoningRequest::None
            || (wanted == Some(false) && !abilities.reasoning_default_on && !knows_off))
    {
        // It does not reason, or not unless told to: there is nothing to say.
        return Ok(None);
    }
    let mut out = Vec::new();
    object(&mut out, |reasoning| {
        if in_full {
            if let Some(effort) = asked.effort {
                reasoning.string("effort", effort.name());
            }
            if let Some(budget) = asked.max_tokens {
                reasoning.number("max_tokens", budget);
            }
            if let Some(enabled) = asked.enabled {
                reasoning.boolean("enabled", enabled);
            }
        } else if let Some(effort) = asked.effective_effort(limit.or(abilities.max_output_tokens)) {
            let efforts = &abilities.efforts;
            let sent =
                if efforts.is_empty() { effort } else { effort.nearest(efforts).unwrap_or(effort) };
            reasoning.string("effort", sent.name());
        }
        if let Some(summary) = &asked.summary {
            reasoning.string("summary", summary);
        } else if !in_full && wanted != Some(false) && asks_for_thoughts(asked) {
            reasoning.string("summary", "auto");
        }
        // `context` and `mode` are the same in both of OpenAI's protocols. REASON-8
        let of_openai =
            matches!(asked.extras.origin, Some(Dialect::OpenaiChat | Dialect::OpenaiResponses));
        for (name, raw) in asked.extras.members.iter().filter(|_| of_openai) {
            if !matches!(name.as_str(), "effort" | "max_tokens" | "enabled" | "summary") {
                reasoning.raw_of(name, raw.get());
            }
        }
    });
    Ok((out.len() > 2).then(|| into_text(out)))
}
