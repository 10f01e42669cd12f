//! Prompts of OpenAI's models, as the vendor's documentation counts them. Its template is not
//! public.

use protocol::exchange::{Block, BlockKind, MediaSource, Request, Role, ToolKind};

use super::said::reasoning_of;
use crate::tokenizer::Counter;

/// Around each message, with its role left out.
const AROUND_MESSAGE: u64 = 3;
/// For a name beside the role.
const NAME: u64 = 1;
/// What begins the answer.
const ANSWER: u64 = 3;
/// Around each function.
const AROUND_FUNCTION: u64 = 7;
/// At the end of all functions.
const FUNCTIONS_END: u64 = 12;

/// The tokens of a prompt.
pub fn count(counter: &mut Counter, request: &Request) -> u64 {
    let mut tokens = ANSWER;
    for turn in &request.turns {
        let role = match turn.role {
            Role::System => "system",
            Role::Developer => "developer",
            Role::User => "user",
            Role::Assistant => "assistant",
            Role::Tool => "tool",
        };
        tokens += AROUND_MESSAGE + counter.count(role);
        if let Some(name) = &turn.name {
            tokens += NAME + counter.count(name);
        }
        for block in &turn.blocks {
            tokens += count_block(counter, block);
        }
    }
    for tool in &request.tools {
        tokens += AROUND_FUNCTION;
        match &tool.kind {
            ToolKind::Function { name, description, parameters, .. } => {
                tokens += counter.count(name);
                tokens += counter.count(description.as_deref().unwrap_or_default());
                tokens += counter.count(parameters.as_ref().map_or("", |schema| schema.get()));
            }
            ToolKind::Opaque { raw, .. } => tokens += counter.count(raw.get()),
        }
    }
    if !request.tools.is_empty() {
        tokens += FUNCTIONS_END;
    }
    tokens
}

fn count_block(counter: &mut Counter, block: &Block) -> u64 {
    match &block.kind {
        BlockKind::Text { text, .. } | BlockKind::Refusal { text } => counter.count(text),
        BlockKind::ToolCall { name, arguments, .. } => {
            AROUND_MESSAGE + counter.count(name) + counter.count(arguments)
        }
        BlockKind::ToolResult { content, .. } => {
            content.iter().map(|block| count_block(counter, block)).sum()
        }
        BlockKind::Reasoning(reasoning) => {
            reasoning_of(&reasoning.content).map_or(0, |text| counter.count(text))
        }
        BlockKind::File { source: MediaSource::Text { text, .. }, .. } => counter.count(text),
        BlockKind::Opaque { raw, .. } => counter.count(raw.get()),
        BlockKind::Image { .. }
        | BlockKind::Audio { .. }
        | BlockKind::Video { .. }
        | BlockKind::File { .. } => 0,
    }
}
