//! The tokens of a whole prompt: its texts, and what the vendor puts around them.

use protocol::exchange::{
    Block, BlockKind, MediaSource, ReasoningContent, Request, Role, ToolKind,
};

use super::{Counter, Encoding};

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

impl Encoding {
    /// The tokens of a prompt, as the vendor's documentation counts them. Media are left out: how
    /// many tokens they have depends on what is in them.
    pub fn count_prompt(self, request: &Request) -> Option<u64> {
        Some(self.counter()?.count_prompt(request))
    }
}

impl Counter {
    fn count_prompt(&mut self, request: &Request) -> u64 {
        let mut tokens = ANSWER;
        for turn in &request.turns {
            let role = match turn.role {
                Role::System => "system",
                Role::Developer => "developer",
                Role::User => "user",
                Role::Assistant => "assistant",
                Role::Tool => "tool",
            };
            tokens += AROUND_MESSAGE + self.count(role);
            if let Some(name) = &turn.name {
                tokens += NAME + self.count(name);
            }
            for block in &turn.blocks {
                tokens += self.count_block(block);
            }
        }
        for tool in &request.tools {
            tokens += AROUND_FUNCTION;
            match &tool.kind {
                ToolKind::Function { name, description, parameters, .. } => {
                    tokens += self.count(name);
                    tokens += self.count(description.as_deref().unwrap_or_default());
                    tokens += self.count(parameters.as_ref().map_or("", |schema| schema.get()));
                }
                ToolKind::Opaque { raw, .. } => tokens += self.count(raw.get()),
            }
        }
        if !request.tools.is_empty() {
            tokens += FUNCTIONS_END;
        }
        tokens
    }

    fn count_block(&mut self, block: &Block) -> u64 {
        match &block.kind {
            BlockKind::Text { text, .. } | BlockKind::Refusal { text } => self.count(text),
            BlockKind::ToolCall { name, arguments, .. } => {
                AROUND_MESSAGE + self.count(name) + self.count(arguments)
            }
            BlockKind::ToolResult { content, .. } => {
                content.iter().map(|block| self.count_block(block)).sum()
            }
            BlockKind::Reasoning(reasoning) => match &reasoning.content {
                ReasoningContent::Text { text, .. } => self.count(text),
                ReasoningContent::Summary { summary } => self.count(summary),
                ReasoningContent::Encrypted { .. } => 0,
            },
            BlockKind::File { source: MediaSource::Text { text, .. }, .. } => self.count(text),
            BlockKind::Opaque { raw, .. } => self.count(raw.get()),
            BlockKind::Image { .. }
            | BlockKind::Audio { .. }
            | BlockKind::Video { .. }
            | BlockKind::File { .. } => 0,
        }
    }
}
