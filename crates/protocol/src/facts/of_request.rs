//! Facts of a request that is decoded: what those that are gathered without decoding must be.

use super::gathering::{AROUND_BLOCK, AROUND_TURN};
use super::{ConversationOpening, Fingerprint, RequestFacts, StructuredOutput};
use crate::exchange::{
    Block, BlockKind, Extras, Fault, MediaSource, OutputFormat, ReasoningContent, Request, Role,
    Tool, ToolChoice, ToolKind, Turn,
};
use crate::openai_chat::{MAX_TOOLS, is_plain_name};

/// Adds what the conversation tells to `facts`, which has what speaks to the router.
pub(crate) fn complete(mut facts: RequestFacts, request: &Request) -> Result<RequestFacts, Fault> {
    if request.tools.len() > MAX_TOOLS {
        return Err(Fault::invalid(format!(
            "tools: has {} entries; at most {MAX_TOOLS} are accepted",
            request.tools.len()
        )));
    }
    facts.parameters = parameters(request);
    let mut text = 0;
    for turn in &request.turns {
        text += AROUND_TURN + members(&turn.extras);
        text += turn.blocks.iter().map(|it| block(it, &mut facts)).sum::<u64>();
    }
    for tool in &request.tools {
        text += tool_size(tool);
        facts.cache_marks |= tool.cache.is_some();
        match &tool.kind {
            ToolKind::Function { name, .. } => {
                facts.irregular_tool_names |= !is_plain_name(name);
            }
            ToolKind::Opaque { .. } => facts.hosted_tools = true,
        }
    }
    facts.cache_marks |= request.cache.is_some();
    facts.tools = request.tools.len();
    facts.tool_choice = request.tool_choice.is_some();
    facts.forced_tool_choice = matches!(
        request.tool_choice,
        Some(
            ToolChoice::Required
                | ToolChoice::Named(_)
                | ToolChoice::Allowed { required: true, .. }
        )
    );
    facts.structured_output = match &request.output {
        None | Some(OutputFormat::Text) => None,
        Some(OutputFormat::JsonObject) => Some(StructuredOutput::JsonObject),
        Some(OutputFormat::JsonSchema { .. }) => Some(StructuredOutput::JsonSchema),
        Some(OutputFormat::Opaque { .. }) => Some(StructuredOutput::Other),
    };
    facts.estimated_prompt_tokens = text.div_ceil(4);
    facts.message_count = request.turns.len();
    facts.prefill = request.turns.last().is_some_and(|turn| turn.role == Role::Assistant);
    facts.stream = request.stream;
    facts.reasoning.clone_from(&request.reasoning);
    facts.verbosity.clone_from(&request.verbosity);
    facts.max_output_tokens = request.max_output_tokens;
    facts.answers = request.sampling.n.unwrap_or(1);
    facts.output_modalities = request.modalities.clone().unwrap_or_default();
    facts.opening = opening(&request.turns);
    facts.user = facts.user.or_else(|| request.user.clone());
    facts.service_tier = request.service_tier.clone().or(facts.service_tier);
    facts.prompt_cache_key = facts.prompt_cache_key.or_else(|| request.prompt_cache_key.clone());
    Ok(facts)
}

/// The parameters present, in the words of `supported_parameters`. CHAT-4
fn parameters(request: &Request) -> Vec<&'static str> {
    let sampling = &request.sampling;
    let schema = matches!(request.output, Some(OutputFormat::JsonSchema { .. }));
    let formatted = !matches!(request.output, None | Some(OutputFormat::Text));
    let reasons = request.reasoning.as_ref().is_some_and(|it| it.wanted().is_some());
    [
        ("temperature", sampling.temperature.is_some()),
        ("top_p", sampling.top_p.is_some()),
        ("top_k", sampling.top_k.is_some()),
        ("min_p", sampling.min_p.is_some()),
        ("top_a", sampling.top_a.is_some()),
        ("frequency_penalty", sampling.frequency_penalty.is_some()),
        ("presence_penalty", sampling.presence_penalty.is_some()),
        ("repetition_penalty", sampling.repetition_penalty.is_some()),
        ("seed", sampling.seed.is_some()),
        ("logit_bias", sampling.logit_bias.is_some()),
        ("logprobs", sampling.logprobs.is_some()),
        ("top_logprobs", sampling.top_logprobs.is_some()),
        ("stop", !sampling.stop.is_empty()),
        ("max_tokens", request.max_output_tokens.is_some()),
        ("tools", !request.tools.is_empty()),
        ("tool_choice", request.tool_choice.is_some()),
        ("parallel_tool_calls", request.parallel_tool_calls.is_some()),
        ("response_format", formatted),
        ("structured_outputs", schema),
        ("reasoning", reasons),
        ("verbosity", request.verbosity.is_some()),
        ("prediction", request.prediction.is_some()),
    ]
    .into_iter()
    .filter_map(|(name, present)| present.then_some(name))
    .collect()
}

/// Notes what a block is and tells how much text it has, in bytes.
fn block(block: &Block, facts: &mut RequestFacts) -> u64 {
    facts.cache_marks |= block.cache.is_some();
    let text = match &block.kind {
        BlockKind::Text { text, annotations } => {
            text.len() + annotations.iter().map(|raw| raw.get().len()).sum::<usize>()
        }
        BlockKind::Refusal { text } => text.len(),
        BlockKind::Image { .. } => {
            facts.image_input = true;
            facts.images += 1;
            0
        }
        BlockKind::Audio { transcript, .. } => {
            facts.audio_input = true;
            transcript.as_deref().map_or(0, str::len)
        }
        BlockKind::Video { .. } => {
            facts.video_input = true;
            0
        }
        BlockKind::File { source, filename } => {
            facts.file_input |= !matches!(source, MediaSource::Text { .. });
            let inline = match source {
                MediaSource::Text { text, .. } => text.len(),
                _ => 0,
            };
            inline + filename.as_deref().map_or(0, str::len)
        }
        BlockKind::Reasoning(reasoning) => match &reasoning.content {
            ReasoningContent::Text { text, signature } => {
                text.len() + signature.as_deref().map_or(0, str::len)
            }
            ReasoningContent::Summary { summary } => summary.len(),
            ReasoningContent::Encrypted { data } => data.len(),
        },
        BlockKind::ToolCall { name, arguments, id } => {
            facts.tool_history = true;
            name.len() + arguments.len() + id.len()
        }
        BlockKind::ToolResult { content, call_id, .. } => {
            facts.tool_history = true;
            let inside: u64 = content.iter().map(|it| self::block(it, facts)).sum();
            return AROUND_BLOCK + call_id.len() as u64 + members(&block.extras) + inside;
        }
        BlockKind::Opaque { raw, .. } => {
            // A document may hold media, by their addresses too.
            facts.file_input |= raw.get().contains("\"document\"");
            raw.get().len()
        }
    };
    AROUND_BLOCK + text as u64 + members(&block.extras)
}

/// The size of what is passed on without being understood, in bytes.
fn members(extras: &Extras) -> u64 {
    extras.members.iter().map(|(name, raw)| (name.len() + raw.get().len()) as u64).sum()
}

fn tool_size(tool: &Tool) -> u64 {
    let text = match &tool.kind {
        ToolKind::Function { name, description, parameters, .. } => {
            name.len()
                + description.as_deref().map_or(0, str::len)
                + parameters.as_ref().map_or(0, |raw| raw.get().len())
        }
        ToolKind::Opaque { raw, .. } => raw.get().len(),
    };
    AROUND_BLOCK + text as u64 + members(&tool.extras)
}

/// STICKY-7
fn opening(turns: &[Turn]) -> ConversationOpening {
    let first = |system: bool| {
        turns
            .iter()
            .find(|turn| matches!(turn.role, Role::System | Role::Developer) == system)
            .map(|turn| turn.blocks.iter().map(identifying))
            .into_iter()
            .flatten()
            .fold(Fingerprint::default(), Fingerprint::and)
    };
    ConversationOpening { instructions: first(true), first_message: first(false) }
}

/// What a block says, or, of media, what they are: they identify a conversation as well.
fn identifying(block: &Block) -> &str {
    match &block.kind {
        BlockKind::Text { text, .. } => text,
        BlockKind::Image { source, .. }
        | BlockKind::Audio { source, .. }
        | BlockKind::Video { source }
        | BlockKind::File { source, .. } => match source {
            MediaSource::Url(text)
            | MediaSource::Base64 { data: text, .. }
            | MediaSource::Text { text, .. }
            | MediaSource::FileId(text) => text,
        },
        _ => "",
    }
}
