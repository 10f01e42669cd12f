//! What routing needs to know of a request, whatever the caller speaks.

mod fingerprint;
mod gathering;
mod gemini;
mod messages;
#[cfg(test)]
mod of_request;
mod responses;
#[cfg(test)]
mod tests;

pub use fingerprint::Fingerprint;
pub(crate) use gemini::of_gemini;
pub(crate) use messages::of_messages;
#[cfg(test)]
pub(crate) use of_request::complete;
pub(crate) use responses::of_responses;

use crate::exchange::{Reasoning, Role};
use crate::json::RawJson;

/// The form asked for the answer, as far as routing cares. STRUCT-1
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StructuredOutput {
    /// `json_object`.
    JsonObject,
    /// `json_schema`.
    JsonSchema,
    /// `grammar`, `python` or a kind this version does not know.
    Other,
}

/// The searches expected of a tool whose caller sets no limit to them. Models seldom make more for
/// one answer; what they make is billed in any case.
pub(crate) const EXPECTED_SEARCHES: u64 = 10;

/// What messages are made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Turns {
    /// Nobody looked.
    #[default]
    Unread,
    /// Each is a role and a text and nothing more: most prompts are.
    Plain(PlainRoles),
    /// One has more.
    Other,
}

/// The roles of messages that are each a role and a text, beside those of user and assistant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PlainRoles {
    /// There is a system message.
    pub system: bool,
    /// There is a developer message.
    pub developer: bool,
}

impl PlainRoles {
    /// Adds the role of a message; `None` if it is one of more than a text.
    pub(crate) fn with(mut self, role: Role) -> Option<Self> {
        match role {
            Role::System => self.system = true,
            Role::Developer => self.developer = true,
            Role::User | Role::Assistant => {}
            Role::Tool => return None,
        }
        Some(self)
    }
}

/// What routing needs to know of a request.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RequestFacts {
    /// The model asked for; absent means the account's default. CHAT-2
    pub model: Option<String>,
    /// Fallback models, in order. FALL
    pub models: Vec<String>,
    /// Whether the answer is streamed.
    pub stream: bool,
    /// The parameters present, in the words of `supported_parameters`. CHAT-4
    pub parameters: Vec<&'static str>,
    /// Whether a message carries an image.
    pub image_input: bool,
    /// How many images there are.
    pub images: u64,
    /// Whether a message carries audio.
    pub audio_input: bool,
    /// Whether a message carries video.
    pub video_input: bool,
    /// Whether a message carries a file.
    pub file_input: bool,
    /// How many tools are offered.
    pub tools: usize,
    /// Whether a tool name is one that some hosts refuse. Bug 28
    pub irregular_tool_names: bool,
    /// Whether `tool_choice` is there.
    pub tool_choice: bool,
    /// Whether `tool_choice` forces a call.
    pub forced_tool_choice: bool,
    /// Whether the conversation holds tool calls or results.
    pub tool_history: bool,
    /// The form asked for the answer; `None` for text.
    pub structured_output: Option<StructuredOutput>,
    /// What is said about reasoning, its three spellings merged. CHAT-6, REASON-5
    pub reasoning: Option<Reasoning>,
    /// The verbosity asked for.
    pub verbosity: Option<String>,
    /// The output limit asked for. CHAT-5
    pub max_output_tokens: Option<u64>,
    /// How many answers are asked for; 1 when not said.
    pub answers: u64,
    /// The prompt's size in tokens, estimated: a quarter of the bytes of messages and tools,
    /// without media.
    pub estimated_prompt_tokens: u64,
    /// How many messages there are.
    pub message_count: usize,
    /// Whether there is more to the messages than roles and texts, where that was looked at.
    pub turns: Turns,
    /// Whether the last message is the assistant's, to be continued. CHAT-8
    pub prefill: bool,
    /// The session named in the body. STICKY-8
    pub session_id: Option<String>,
    /// The end user named: `user`, else `safety_identifier`. USERT-1
    pub user: Option<String>,
    /// The tier asked for. TIER-1
    pub service_tier: Option<String>,
    /// The speed asked for. TIER-1
    pub speed: Option<String>,
    /// The caching hint. STICKY-9
    pub prompt_cache_key: Option<String>,
    /// The `provider` preferences, unread.
    pub provider: Option<RawJson>,
    /// The `plugins`, unread.
    pub plugins: Option<RawJson>,
    /// Whether a `preset` is named. PRESET-1
    pub preset: bool,
    /// The deprecated `route`: `fallback` or `sort`. CHAT-3
    pub route: Option<String>,
    /// Whether the body sent upstream is to be shown. DEBUG-1
    pub echo_upstream_body: bool,
    /// How the conversation begins, for stickiness. STICKY-7
    pub opening: ConversationOpening,
    /// Whether there are cache marks. PCACHE-1
    pub cache_marks: bool,
    /// The longest single input in tokens, estimated, where there are several of which each has to
    /// fit; `None` for a conversation.
    pub longest_input_tokens: Option<u64>,
    /// Whether tools of the provider's own are offered, which bring text of their own into the
    /// prompt.
    pub hosted_tools: bool,
    /// The bytes that names of tools have more where namespaces are told in them, at most.
    pub namespace_bytes: u64,
    /// Whether there are parts nobody here knows, or references to what a provider keeps: they may
    /// bring more into the prompt than their bytes.
    pub unknown_parts: bool,
    /// How many searches of the web tools of the provider's own may make: as many as the caller
    /// allows, else a number that is seldom exceeded.
    pub web_searches: u64,
    /// Search units of a rerank, at most. RERANK-2
    pub search_units: u64,
    /// The kinds of output asked for; empty means text.
    pub output_modalities: Vec<String>,
}

impl RequestFacts {
    /// The most tokens of output asked for, of all answers together; without a limit `u64::MAX`.
    pub fn most_output(&self) -> u64 {
        self.max_output_tokens.map_or(u64::MAX, |most| most.saturating_mul(self.answers.max(1)))
    }
}

/// How a conversation begins: what stays the same from turn to turn. STICKY-7
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConversationOpening {
    /// Of the text of the first system or developer message.
    pub instructions: Fingerprint,
    /// Of the text of the first other message.
    pub first_message: Fingerprint,
}
