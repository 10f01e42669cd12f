//! A whole answer, and what the gateway adds to it.

use super::extras::Extras;
use super::finish::FinishReason;
use super::turn::Turn;
use super::usage::Usage;
use crate::json::RawJson;

/// A whole answer: the fold of its events.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Response {
    /// The provider's id of the answer.
    pub id: Option<String>,
    /// The model the provider says it ran.
    pub model: Option<String>,
    /// When, in seconds since 1970.
    pub created: Option<u64>,
    /// The answers, by index.
    pub choices: Vec<Choice>,
    /// Token counts; `None` if the provider sent none.
    pub usage: Option<Usage>,
    /// The tier that served. TIER-7
    pub service_tier: Option<String>,
    /// OpenAI's fingerprint.
    pub system_fingerprint: Option<String>,
    /// Unknown members.
    pub extras: Extras,
}

/// One of the answers.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// Its index.
    pub index: u32,
    /// The assistant's turn.
    pub turn: Turn,
    /// Why it ended; `None` if the provider did not say.
    pub finish: Option<FinishReason>,
    /// The provider's own word for it. CHAT-12
    pub native_finish: Option<String>,
    /// Log probabilities, raw, in OpenAI's form.
    pub logprobs: Option<RawJson>,
    /// Unknown members.
    pub extras: Extras,
}

/// How an answer is named toward the caller.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Identity {
    /// The generation's id, `gen-…`.
    pub id: String,
    /// The model that answered.
    pub model: String,
    /// The provider's display name.
    pub provider: String,
    /// When, in seconds since 1970.
    pub created: u64,
}

/// What an answer cost, rendered: decimal texts in USD, exact. USAGE-3
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Charge {
    /// What the caller's account pays.
    pub cost: String,
    /// Whether the caller's own credential was used.
    pub is_byok: bool,
    /// What the provider charges, if known.
    pub upstream_cost: Option<String>,
    /// The part of it for the prompt.
    pub upstream_prompt_cost: Option<String>,
    /// The part of it for the completion.
    pub upstream_completion_cost: Option<String>,
}

/// What the gateway adds to the end of an answer.
#[derive(Clone, Copy, Debug, Default)]
pub struct Additions<'a> {
    /// What it cost.
    pub charge: Option<&'a Charge>,
    /// Further top-level members (`openrouter_metadata`), raw. RMETA-4
    pub members: &'a [(String, RawJson)],
    /// When it came to its end, in seconds since 1970, for protocols that say so.
    pub completed: Option<u64>,
}
