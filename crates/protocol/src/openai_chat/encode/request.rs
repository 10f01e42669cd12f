//! A request written for a provider.

use std::collections::BTreeMap;

use super::message::Conversation;
use super::part::{Scene, write_mark};
use super::speaker;
use crate::exchange::{
    BlockKind, Fault, Losses, NO_TOOL_LEFT, OutputFormat, Reasoning, Request, Role, Tool,
    ToolChoice, ToolKind,
};
use crate::openai_chat::parameters::{self, MAX_STOP};
use crate::openai_chat::wire::{self, NO_ROUTER, PENALTIES, PlainNames, ROUTER_ONLY, SAMPLING};
use crate::openai_chat::write::{ObjectWriter, array, object};
use crate::openai_chat::{reasoning, structured, usage};
use crate::target::{Encoded, MaxTokensField, ResponseContext, StreamUsage, Target};
use crate::{Dialect, tool_words};

const FOREIGN: &str = "only the protocol it came in knows this member";

/// Writes a request for a provider that speaks this protocol, with its deviations. `user` is
/// written as it stands: the gateway has made it unrecognisable before. USERT-1
pub fn encode_request(request: &Request, target: &Target<'_>) -> Result<Encoded, Fault> {
    if !target.takes_tools() && tool_words::concerns(request) {
        return tool_words::told(request, |worded| encode_request(worded, target));
    }
    let spoken = speaker::in_words(request, target);
    let request = spoken.as_ref().unwrap_or(request);
    let declared = request.tools.iter().filter_map(|tool| match &tool.kind {
        ToolKind::Function { name, .. } => Some(name.as_str()),
        ToolKind::Opaque { .. } => None,
    });
    let names = PlainNames::of(declared.chain(request.called_names()));
    let mut context = ResponseContext {
        tool_names: BTreeMap::new(),
        emulated_output_tool: None,
        no_finish_reason: target.quirks.no_finish_reason,
        reasoning_tokens_on_top: target.quirks.reasoning_tokens_on_top,
        think_tags: target.quirks.think_tags,
        exclude_reasoning: request.reasoning.as_ref().is_some_and(|asked| asked.exclude),
        prefill: if target.quirks.prefix_flag { prefill(request) } else { None },
        rewritten: false,
        ..ResponseContext::default()
    };
    let of_host = request.extras.for_dialect(Dialect::OpenaiChat);
    let thinking = of_host.iter().find(|(name, _)| name == "thinking");
    let options = of_host.iter().find(|(name, _)| name == "web_search_options");
    if target.refusal("web_search_options").is_none() {
        context.search_context =
            options.and_then(|(_, raw)| usage::asked_search_context(raw.as_raw()));
    }
    let own = reasoning::own_switch(target, thinking.map(|(_, raw)| raw.as_raw()));
    let mut body = Vec::with_capacity(1_024);
    let mut losses = Losses::default();
    let mut writer = Writer {
        object: ObjectWriter::begin(&mut body),
        target,
        losses: &mut losses,
        reasoning: request.reasoning.as_ref().or(own.as_ref()),
        written: vec!["model", "messages", "stream"],
    };
    writer.object.string("model", target.model);
    writer.messages(request, &names)?;
    writer.tools(request, &names);
    writer.output(request.output.as_ref());
    writer.sampling(request);
    writer.limit(request);
    writer.reasoning(request)?;
    writer.stream(request);
    writer.others(request);
    writer.extras(request);
    writer.object.end();
    context.tool_names = names.into_declared();
    Ok(Encoded { body, headers: Vec::new(), losses, context })
}

/// The text the model is to continue. CHAT-8
fn prefill(request: &Request) -> Option<String> {
    let turn = request.turns.last().filter(|turn| turn.role == Role::Assistant)?;
    match turn.blocks.as_slice() {
        [block] => match &block.kind {
            BlockKind::Text { text, .. } if !text.is_empty() => Some(text.clone()),
            _ => None,
        },
        _ => None,
    }
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
    /// The buffer for a member's value; nothing if the provider does not take it. CHAT-4
    fn put(&mut self, name: &'static str) -> Option<&mut Vec<u8>> {
        self.written.push(name);
        if self.allows(name) { Some(self.object.value(name)) } else { None }
    }

    /// Whether the provider takes a member; if not, that is a loss.
    fn allows(&mut self, name: &str) -> bool {
        let abilities = self.target.abilities;
        // One parameter with two names.
        let listed = if name == "random_seed" { "seed" } else { name };
        let is_of_logprobs = matches!(name, "logprobs" | "top_logprobs");
        let why = if let Some(why) = self.target.refusal(listed) {
            why
        } else if SAMPLING.contains(&name)
            && let Some(why) = abilities.sampling_refusal(self.reasoning)
        {
            why
        } else if !abilities.penalties && PENALTIES.contains(&name) {
            "the model takes no penalties"
        } else if is_of_logprobs && !abilities.tells_logprobs(self.reasoning) {
            "the model tells no log probabilities"
        } else {
            return true;
        };
        self.losses.record(name, why);
        false
    }

    fn put_raw(&mut self, name: &'static str, json: &str) {
        if let Some(out) = self.put(name) {
            out.extend_from_slice(json.as_bytes());
        }
    }

    fn put_value<T: serde::Serialize>(&mut self, name: &'static str, value: Option<T>) {
        if let Some(value) = value
            && let Some(out) = self.put(name)
        {
            let _ = serde_json::to_writer(out, &value);
        }
    }

    fn messages(&mut self, request: &Request, names: &PlainNames) -> Result<(), Fault> {
        let out = self.object.value("messages");
        let mut conversation = Conversation::begin(out, names);
        if let Some(OutputFormat::JsonSchema { schema, .. }) = &request.output
            && by_words(self.target)
        {
            conversation.instruction(&structured::instruction(schema.as_raw()));
        }
        let last = request.turns.len().saturating_sub(1);
        for (at, turn) in request.turns.iter().enumerate() {
            let mut scene = Scene { target: self.target, losses: self.losses, message: at };
            conversation.turn(turn, at == last, &mut scene)?;
            self.losses.record_members(at, turn, Dialect::OpenaiChat, FOREIGN);
        }
        let mut scene = Scene { target: self.target, losses: self.losses, message: last };
        conversation.end(&mut scene)
    }

    fn tools(&mut self, request: &Request, names: &PlainNames) {
        if !self.target.takes_tools() {
            return;
        }
        let marks = self.target.quirks.cache_control;
        let mut kept = Vec::new();
        for (at, tool) in request.tools.iter().enumerate() {
            match &tool.kind {
                ToolKind::Opaque { origin, .. } if *origin != Dialect::OpenaiChat => self
                    .losses
                    .record(format!("tools[{at}]"), "only the protocol it came in knows this tool"),
                _ => kept.push(tool),
            }
        }
        let none_left = kept.is_empty() && !request.tools.is_empty();
        let choice = request.tool_choice.as_ref();
        let is_left = choice.is_none_or(|choice| choice.is_left(&request.tools, &kept));
        if !kept.is_empty()
            && let Some(out) = self.put("tools")
        {
            array(out, kept, |out, tool| write_tool(out, tool, names, marks));
        }
        match choice {
            Some(choice) if is_left => self.tool_choice(choice, names),
            Some(_) => self.losses.record("tool_choice", NO_TOOL_LEFT),
            None => {}
        }
        if !none_left {
            self.put_value("parallel_tool_calls", request.parallel_tool_calls);
        } else if request.parallel_tool_calls.is_some() {
            self.losses.record("parallel_tool_calls", NO_TOOL_LEFT);
        }
    }

    /// TOOLS-3, bugs 18, 30
    fn tool_choice(&mut self, choice: &ToolChoice, names: &PlainNames) {
        let forced = match choice {
            ToolChoice::Required | ToolChoice::Named(_) => true,
            ToolChoice::Allowed { required, .. } => *required,
            ToolChoice::Auto | ToolChoice::None | ToolChoice::Opaque { .. } => false,
        };
        if forced && !self.target.abilities.forces_tool_choice(self.reasoning) {
            self.losses.record("tool_choice", "the model cannot be forced to call a tool");
            self.put_raw("tool_choice", "\"auto\"");
            return;
        }
        let any = self.target.quirks.tool_choice_any;
        if let ToolChoice::Opaque { origin, raw } = choice {
            if *origin == Dialect::OpenaiChat {
                self.put_raw("tool_choice", raw.get());
            } else {
                self.losses.record("tool_choice", "only the protocol it came in knows this choice");
            }
            return;
        }
        let Some(out) = self.put("tool_choice") else { return };
        match choice {
            ToolChoice::Auto | ToolChoice::Opaque { .. } => out.extend_from_slice(b"\"auto\""),
            ToolChoice::None => out.extend_from_slice(b"\"none\""),
            ToolChoice::Required if any => out.extend_from_slice(b"\"any\""),
            ToolChoice::Required => out.extend_from_slice(b"\"required\""),
            ToolChoice::Named(name) => write_function_name(out, names.sent(name)),
            ToolChoice::Allowed { names: allowed, required } => object(out, |choice| {
                choice.string("type", "allowed_tools");
                choice.object("allowed_tools", |inner| {
                    inner.string("mode", if *required { "required" } else { "auto" });
                    inner.array("tools", allowed, |out, name| {
                        write_function_name(out, names.sent(name));
                    });
                });
            }),
        }
    }

    /// STRUCT-1, STRUCT-2
    fn output(&mut self, output: Option<&OutputFormat>) {
        let words = by_words(self.target);
        match output {
            None => {}
            Some(OutputFormat::Text) => self.put_raw("response_format", r#"{"type":"text"}"#),
            Some(OutputFormat::JsonObject) => {
                self.put_raw("response_format", structured::JSON_OBJECT);
            }
            Some(OutputFormat::JsonSchema { .. }) if words => {
                self.losses
                    .record("response_format.json_schema", "the schema is asked for in words");
                self.put_raw("response_format", structured::JSON_OBJECT);
            }
            Some(OutputFormat::JsonSchema { name, description, schema, strict }) => {
                let Some(out) = self.put("response_format") else { return };
                object(out, |format| {
                    format.string("type", "json_schema");
                    format.object("json_schema", |inner| {
                        // The name is required here, and free.
                        inner.string("name", name.as_deref().unwrap_or("answer"));
                        if let Some(description) = description {
                            inner.string("description", description);
                        }
                        inner.raw("schema", schema.get());
                        if let Some(strict) = strict {
                            inner.boolean("strict", *strict);
                        }
                    });
                });
            }
            Some(OutputFormat::Opaque { origin: Dialect::OpenaiChat, raw }) => {
                self.put_raw("response_format", raw.get());
            }
            Some(OutputFormat::Opaque { .. }) => {
                self.losses
                    .record("response_format", "only the protocol it came in knows this form");
            }
        }
    }

    /// CHAT-3
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
        self.put_value("top_k", sampling.top_k);
        self.put_value("min_p", sampling.min_p);
        self.put_value("top_a", sampling.top_a);
        self.put_value("frequency_penalty", sampling.frequency_penalty);
        self.put_value("presence_penalty", sampling.presence_penalty);
        self.put_value("repetition_penalty", sampling.repetition_penalty);
        let seed = if self.target.quirks.random_seed { "random_seed" } else { "seed" };
        self.put_value(seed, sampling.seed);
        self.put_value("logit_bias", sampling.logit_bias.as_ref());
        self.put_value("logprobs", sampling.logprobs);
        self.put_value("top_logprobs", sampling.top_logprobs);
        let stop = sampling.stop.get(..MAX_STOP).unwrap_or(&sampling.stop);
        if stop.len() < sampling.stop.len() {
            self.losses
                .record("stop", "this protocol takes four sequences: the others are left out");
        }
        self.put_value("stop", (!stop.is_empty()).then_some(stop));
        self.put_value("n", sampling.n);
    }

    /// Bug 23
    fn limit(&mut self, request: &Request) {
        let name = match self.target.quirks.max_tokens_field {
            MaxTokensField::AsSent | MaxTokensField::MaxTokens => "max_tokens",
            MaxTokensField::MaxCompletionTokens => "max_completion_tokens",
        };
        self.put_value(name, request.max_output_tokens);
    }

    /// REASON-6
    fn reasoning(&mut self, request: &Request) -> Result<(), Fault> {
        let Some(asked) = &request.reasoning else { return Ok(()) };
        let of_host = request.extras.for_dialect(Dialect::OpenaiChat);
        let thinking = of_host.iter().find(|(name, _)| name == "thinking");
        if reasoning::has_own_switch(self.target)
            && let Some(said) = thinking.and_then(|(_, raw)| parameters::thinking(raw.as_raw()))
            && (Reasoning { exclude: asked.exclude, ..said }) == *asked
        {
            // It is said in the host's own words, which are written as they are.
            return Ok(());
        }
        let kwargs = request
            .extras
            .for_dialect(Dialect::OpenaiChat)
            .iter()
            .find(|(name, _)| name == "chat_template_kwargs")
            .map(|(_, raw)| raw.as_raw());
        let limit = request.max_output_tokens;
        for (name, json) in reasoning::request_members(asked, self.target, limit, kwargs)? {
            self.put_raw(name, &json);
        }
        Ok(())
    }

    /// Bug 22
    fn stream(&mut self, request: &Request) {
        if !request.stream {
            return;
        }
        self.object.boolean("stream", true);
        if self.target.quirks.stream_usage == StreamUsage::StreamOptions {
            self.put_raw("stream_options", r#"{"include_usage":true}"#);
        }
    }

    fn others(&mut self, request: &Request) {
        self.put_value("verbosity", request.verbosity.as_ref());
        self.put_value("modalities", request.modalities.as_ref());
        self.put_value("audio", request.audio_output.as_ref());
        if self.target.quirks.is_router() {
            self.put_value("image_config", request.image_config.as_ref());
        } else if request.image_config.is_some() {
            self.losses.record("image_config", NO_ROUTER);
        }
        self.put_value("prediction", request.prediction.as_ref());
        self.put_value("prompt_cache_key", request.prompt_cache_key.as_ref());
        self.put_value("user", request.user.as_ref());
        self.put_value("metadata", request.metadata.as_ref());
        let fast = || {
            let extras = request.extras.for_dialect(Dialect::OpenaiChat);
            let (_, speed) = extras.iter().find(|(name, _)| name == "speed")?;
            (speed.get() == "\"fast\"").then_some("priority")
        };
        let written = request.service_tier.as_deref().or_else(fast);
        let tier = self.target.tier_for(written);
        if written.is_some() && tier.is_none() {
            self.losses.record("service_tier", "the endpoint has another tier");
        }
        self.put_value("service_tier", tier.map(wire::service_tier));
        if self.target.quirks.cache_control {
            if let Some(mark) = &request.cache {
                write_mark(&mut self.object, mark);
            }
        } else if is_marked(request) {
            self.losses.record("cache_control", "the provider takes no marks");
        }
    }

    fn extras(&mut self, request: &Request) {
        if let Some(origin) = request.extras.origin
            && origin != Dialect::OpenaiChat
        {
            let extras = &request.extras;
            let foreign = extras.members.iter().map(|(name, _)| name);
            for name in foreign.filter(|name| !wire::is_for_the_router(extras, name)) {
                self.losses.record(name.clone(), FOREIGN);
            }
            return;
        }
        for (name, raw) in &request.extras.members {
            let known = name.as_str();
            if let Some(why) = self.target.retention(known, raw.get()) {
                self.losses.record(known, why);
            } else if !ROUTER_ONLY.contains(&known)
                && !self.written.contains(&known)
                && (known != "thinking" || reasoning::has_own_switch(self.target))
                && self.allows(known)
            {
                self.object.raw_of(known, raw.get());
            }
        }
    }
}

/// Whether anything of the prompt is marked for the cache.
fn is_marked(request: &Request) -> bool {
    let blocks = || request.turns.iter().flat_map(|turn| &turn.blocks);
    request.cache.is_some()
        || request.tools.iter().any(|tool| tool.cache.is_some())
        || blocks().any(|block| block.cache.is_some())
}

fn by_words(target: &Target<'_>) -> bool {
    target.quirks.no_json_schema || !target.abilities.structured_output
}

fn write_function_name(out: &mut Vec<u8>, name: &str) {
    object(out, |choice| {
        choice.string("type", "function");
        choice.object("function", |function| function.string("name", name));
    });
}

/// TOOLS-1
fn write_tool(out: &mut Vec<u8>, tool: &Tool, names: &PlainNames, marks: bool) {
    match &tool.kind {
        ToolKind::Opaque { raw, .. } => out.extend_from_slice(raw.get().as_bytes()),
        ToolKind::Function { name, description, parameters, strict } => object(out, |entry| {
            entry.string("type", "function");
            entry.object("function", |function| {
                function.string("name", names.sent(name));
                if let Some(description) = description {
                    function.string("description", description);
                }
                if let Some(parameters) = parameters {
                    function.raw("parameters", parameters.get());
                }
                if let Some(strict) = strict {
                    function.boolean("strict", *strict);
                }
            });
            if let Some(mark) = tool.cache.as_ref().filter(|_| marks) {
                write_mark(entry, mark);
            }
            entry.members(tool.extras.for_dialect(Dialect::OpenaiChat));
        }),
    }
}
