//! What routing needs to know of a caller's request, in the words of the chat dialect.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::decode::{SHARED, content_text, read};
use crate::exchange::{Block, BlockKind, Fault, OutputFormat, Request, Role, ToolKind};
use crate::json::Envelope;
use crate::openai_chat::facts::{
    ConversationOpening, MAX_TOOLS, RequestFacts, StructuredOutput, bounded, echo_upstream_body,
    raw_array, raw_object,
};
use crate::openai_chat::parameters::Parameters;
use crate::openai_chat::read::{Place, is_null, lenient_array, lenient_object, lenient_string};
use crate::openai_chat::wire::is_plain_name;
use crate::parameter::Parameter;

/// Reads what routing needs and refuses what no provider should see. The messages of refusals
/// name the member. Whether a stored conversation is asked for is not its business.
pub fn read_facts(envelope: &Envelope<'_>) -> Result<RequestFacts, Fault> {
    if let Some(raw) = envelope.raw("tools").filter(|raw| !is_null(raw)) {
        bounded(lenient_array(raw).len(), MAX_TOOLS, &Place::Top("tools"))?;
    }
    let shared = |name: &str| SHARED.contains(&name) || name == "session_id";
    let parameters =
        Parameters::read(envelope.members().filter(|(name, _)| shared(name)), |_, _| {})?;
    let request = read(envelope)?;
    let mut facts = RequestFacts {
        model: parameters.model.map(Into::into),
        models: parameters.models.into_iter().map(Into::into).collect(),
        stream: request.stream,
        parameters: listed(envelope, &request),
        tools: request.tools.len(),
        tool_choice: request.tool_choice.is_some(),
        forced_tool_choice: parameters
            .tool_choice
            .is_some_and(|raw| !matches!(raw.get(), "\"auto\"" | "\"none\"")),
        structured_output: request.output.as_ref().and_then(|format| match format {
            OutputFormat::Text => None,
            OutputFormat::JsonObject => Some(StructuredOutput::JsonObject),
            OutputFormat::JsonSchema { .. } => Some(StructuredOutput::JsonSchema),
            OutputFormat::Opaque { .. } => Some(StructuredOutput::Other),
        }),
        max_output_tokens: request.max_output_tokens,
        answers: 1,
        message_count: request.turns.len(),
        prefill: request.turns.last().is_some_and(|turn| turn.role == Role::Assistant),
        session_id: parameters.session_id.map(Into::into),
        user: request.user.clone(),
        service_tier: request.service_tier.clone(),
        speed: parameters.speed.map(Into::into),
        prompt_cache_key: request.prompt_cache_key.clone(),
        provider: raw_object(envelope, "provider")?,
        plugins: raw_array(envelope, "plugins")?,
        echo_upstream_body: echo_upstream_body(envelope)?,
        opening: opening(envelope),
        cache_marks: request.cache.is_some(),
        output_modalities: request.modalities.clone().unwrap_or_default(),
        ..RequestFacts::default()
    };
    let mut media = 0;
    for block in request.turns.iter().flat_map(|turn| &turn.blocks) {
        see(block, &mut facts, &mut media);
    }
    for tool in &request.tools {
        if let ToolKind::Function { name, .. } = &tool.kind {
            facts.irregular_tool_names |= !is_plain_name(name);
        }
    }
    let size: usize = ["input", "instructions", "tools"]
        .iter()
        .filter_map(|name| envelope.raw(name))
        .map(|raw| raw.get().len())
        .sum();
    facts.estimated_prompt_tokens = (size.saturating_sub(media) as u64).div_ceil(4);
    facts.reasoning = request.reasoning;
    facts.verbosity = request.verbosity;
    Ok(facts)
}

/// What a block tells; its size, if it is of media.
fn see(block: &Block, facts: &mut RequestFacts, media: &mut usize) {
    facts.cache_marks |= block.cache.is_some();
    let source = match &block.kind {
        BlockKind::Image { source, .. } => {
            facts.images += 1;
            facts.image_input = true;
            source
        }
        BlockKind::Audio { source, .. } => {
            facts.audio_input = true;
            source
        }
        BlockKind::Video { source } => {
            facts.video_input = true;
            source
        }
        BlockKind::File { source, .. } => {
            facts.file_input = true;
            source
        }
        BlockKind::ToolCall { name, .. } => {
            facts.tool_history = true;
            facts.irregular_tool_names |= !is_plain_name(name);
            return;
        }
        BlockKind::ToolResult { content, .. } => {
            facts.tool_history = true;
            content.iter().for_each(|block| see(block, facts, media));
            return;
        }
        _ => return,
    };
    if let crate::exchange::MediaSource::Base64 { data, .. } = source {
        *media = media.saturating_add(data.len());
    }
}

/// The parameters present, in the words of `supported_parameters`. CHAT-4
fn listed(envelope: &Envelope<'_>, request: &Request) -> Vec<&'static str> {
    let mut found: Vec<&'static str> = envelope
        .members()
        .filter(|(name, raw)| SHARED.contains(name) && !is_null(raw))
        .filter_map(|(name, _)| Parameter::from_name(name).map(Parameter::name))
        .collect();
    for (parameter, sent) in [
        (Parameter::MaxTokens, request.max_output_tokens.is_some()),
        (
            Parameter::ResponseFormat,
            request.output.as_ref().is_some_and(|form| *form != OutputFormat::Text),
        ),
        (Parameter::Verbosity, request.verbosity.is_some()),
        (Parameter::Logprobs, request.sampling.logprobs == Some(true)),
    ] {
        if sent && !found.contains(&parameter.name()) {
            found.push(parameter.name());
        }
    }
    found
}

/// How the conversation begins. STICKY-7
fn opening(envelope: &Envelope<'_>) -> ConversationOpening {
    let text = |raw: &RawValue| lenient_string(raw).map(Cow::into_owned);
    let mut opening = ConversationOpening {
        instructions: envelope.raw("instructions").and_then(text).unwrap_or_default(),
        first_message: String::new(),
    };
    let Some(input) = envelope.raw("input") else { return opening };
    if let Some(text) = text(input) {
        opening.first_message = text;
        return opening;
    }
    for item in lenient_array(input).into_iter().filter_map(lenient_object) {
        let content = item.peek("content").map(content_text).unwrap_or_default();
        match item.peek_str("role").as_deref() {
            Some("system" | "developer") => {
                if opening.instructions.is_empty() {
                    opening.instructions = content;
                }
            }
            _ => {
                opening.first_message = content;
                break;
            }
        }
    }
    opening
}
