//! A prompt in the order in which templates write it, whichever API it came by: results of tools are
//! messages of their own, and calls belong to what the model said.

use protocol::exchange::{
    Block, BlockKind, MediaSource, ReasoningContent, Request, Role, Tool, Turn,
};

/// Texts that follow each other.
pub type Texts<'r> = Vec<&'r str>;

/// A message.
pub enum Said<'r> {
    /// Instructions.
    System(Texts<'r>),
    /// What the user says.
    User(Texts<'r>),
    /// What the model said.
    Model {
        /// Its reasoning.
        reasoning: Texts<'r>,
        /// The answer.
        texts: Texts<'r>,
        /// What it called.
        calls: Vec<Call<'r>>,
    },
    /// What a tool gave back.
    Result {
        /// The call it answers.
        id: &'r str,
        /// What it gave.
        texts: Texts<'r>,
    },
}

/// A call of a tool.
pub struct Call<'r> {
    /// Its id.
    pub id: &'r str,
    /// The tool's name.
    pub name: &'r str,
    /// The arguments as the model wrote them.
    pub arguments: &'r str,
}

/// A prompt.
pub struct Conversation<'r> {
    /// The messages.
    pub said: Vec<Said<'r>>,
    /// The tools that are offered.
    pub tools: &'r [Tool],
    /// Of which message the user's last one is; reasoning before it is forgotten by most templates.
    pub last_user: Option<usize>,
    /// The request, for what templates write of its settings.
    pub request: &'r Request,
}

impl<'r> Conversation<'r> {
    /// The prompt of a request.
    pub fn of(request: &'r Request) -> Self {
        let mut said = Vec::new();
        for turn in &request.turns {
            add(&mut said, turn);
        }
        let last_user = said.iter().rposition(|said| matches!(said, Said::User(_)));
        Self { said, tools: &request.tools, last_user, request }
    }

    /// The instructions that stand first, and the rest.
    pub fn split_system(&self) -> (Option<&Texts<'r>>, &[Said<'r>]) {
        match self.said.split_first() {
            Some((Said::System(texts), rest)) => (Some(texts), rest),
            _ => (None, &self.said),
        }
    }

    /// Whether a message comes after the last one of the user's.
    pub fn is_after_user(&self, at: usize) -> bool {
        self.last_user.is_none_or(|last| at > last)
    }
}

fn add<'r>(said: &mut Vec<Said<'r>>, turn: &'r Turn) {
    let mut texts = Texts::new();
    let mut reasoning = Texts::new();
    let mut calls = Vec::new();
    let mut results = 0;
    for block in &turn.blocks {
        match &block.kind {
            BlockKind::ToolCall { id, name, arguments } => {
                calls.push(Call { id, name, arguments });
            }
            BlockKind::ToolResult { call_id, content, .. } => {
                let mut texts = Texts::new();
                content.iter().for_each(|block| add_texts(&mut texts, block));
                said.push(Said::Result { id: call_id, texts });
                results += 1;
            }
            BlockKind::Reasoning(block) => reasoning.extend(reasoning_of(&block.content)),
            _ => add_texts(&mut texts, block),
        }
    }
    match turn.role {
        Role::System | Role::Developer => said.push(Said::System(texts)),
        Role::Assistant => said.push(Said::Model { reasoning, texts, calls }),
        // Anthropic's API has results in the user's messages, often without anything else.
        Role::User | Role::Tool if results > 0 && texts.is_empty() => {}
        Role::User => said.push(Said::User(texts)),
        Role::Tool => said.push(Said::Result { id: "", texts }),
    }
}

fn add_texts<'r>(texts: &mut Texts<'r>, block: &'r Block) {
    match &block.kind {
        BlockKind::Text { text, .. }
        | BlockKind::Refusal { text }
        | BlockKind::File { source: MediaSource::Text { text, .. }, .. } => {
            if !text.is_empty() {
                texts.push(text);
            }
        }
        BlockKind::Opaque { raw, .. } => texts.push(raw.get()),
        BlockKind::ToolResult { content, .. } => {
            content.iter().for_each(|block| add_texts(texts, block));
        }
        BlockKind::ToolCall { .. }
        | BlockKind::Reasoning(_)
        | BlockKind::Image { .. }
        | BlockKind::Audio { .. }
        | BlockKind::Video { .. }
        | BlockKind::File { .. } => {}
    }
}

/// Reasoning that can be read.
pub fn reasoning_of(content: &ReasoningContent) -> Option<&str> {
    match content {
        ReasoningContent::Text { text, .. } => Some(text),
        ReasoningContent::Summary { summary } => Some(summary),
        ReasoningContent::Encrypted { .. } => None,
    }
}
