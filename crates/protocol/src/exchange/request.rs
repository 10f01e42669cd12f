//! A generation request.

use serde::{Deserialize, Serialize};

use super::extras::Extras;
use super::origin::Origin;
use super::turn::{BlockKind, CacheMark, Role, Turn};
use crate::json::RawJson;

/// A generation request in neutral form. Everything optional that was not sent stays `None`: the
/// provider's default applies, and no value is invented. CHAT-3
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Request {
    /// The model asked for, as written by the caller.
    pub model: String,
    /// The conversation, in order; system turns included.
    pub turns: Vec<Turn>,
    /// Tools offered.
    pub tools: Vec<Tool>,
    /// Where those of them stood that were told among the turns, by their position here.
    pub late_tools: Vec<(usize, Origin)>,
    /// Which tool must or may be called. TOOLS-3
    pub tool_choice: Option<ToolChoice>,
    /// Whether several calls in one turn are allowed. TOOLS-3
    pub parallel_tool_calls: Option<bool>,
    /// The form of the answer. STRUCT-1
    pub output: Option<OutputFormat>,
    /// Sampling controls.
    pub sampling: Sampling,
    /// Reasoning controls. REASON-1
    pub reasoning: Option<Reasoning>,
    /// The most tokens to generate, reasoning included.
    pub max_output_tokens: Option<u64>,
    /// `low`, `medium`, `high`, `xhigh`, `max`. CHAT-3
    pub verbosity: Option<String>,
    /// Output modalities: `text`, `image`, `audio`. MMIN-5
    pub modalities: Option<Vec<String>>,
    /// Audio output settings `{voice, format}`, raw. MMIN-6
    pub audio_output: Option<RawJson>,
    /// Image output settings, raw. MMIN-5
    pub image_config: Option<RawJson>,
    /// Predicted output, raw.
    pub prediction: Option<RawJson>,
    /// Whether the answer is streamed.
    pub stream: bool,
    /// Automatic caching of the whole prompt. PCACHE-1
    pub cache: Option<CacheMark>,
    /// A hint that groups requests with a common prefix. PCACHE-5
    pub prompt_cache_key: Option<String>,
    /// Who the end user is. USERT-1
    pub user: Option<String>,
    /// Free pairs of the caller, raw.
    pub metadata: Option<RawJson>,
    /// The service tier asked for. TIER-1
    pub service_tier: Option<String>,
    /// Unknown members.
    pub extras: Extras,
}

impl Request {
    /// How many turns at the beginning are instructions.
    pub(crate) fn leading_instructions(&self) -> usize {
        let is_instruction = |turn: &&Turn| matches!(turn.role, Role::System | Role::Developer);
        self.turns.iter().take_while(is_instruction).count()
    }

    /// The names of the tools that were called before, which need not be offered any more.
    pub(crate) fn called_names(&self) -> impl Iterator<Item = &str> + Clone {
        self.turns.iter().flat_map(|turn| &turn.blocks).filter_map(|block| match &block.kind {
            BlockKind::ToolCall { name, .. } => Some(name.as_str()),
            BlockKind::ToolResult { name, .. } => name.as_deref(),
            _ => None,
        })
    }

    /// The ids of calls of tools, in calls and in results, as often as they stand there.
    pub(crate) fn call_ids(&self) -> impl Iterator<Item = &str> + Clone {
        self.turns.iter().flat_map(|turn| &turn.blocks).filter_map(|block| match &block.kind {
            BlockKind::ToolCall { id, .. } => Some(id.as_str()),
            BlockKind::ToolResult { call_id, .. } => Some(call_id.as_str()),
            _ => None,
        })
    }
}

/// Sampling controls. CHAT-3
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sampling {
    /// 0–2.
    pub temperature: Option<f64>,
    /// (0, 1].
    pub top_p: Option<f64>,
    /// 0 switches it off.
    pub top_k: Option<u64>,
    /// 0–1.
    pub min_p: Option<f64>,
    /// 0–1.
    pub top_a: Option<f64>,
    /// −2…2.
    pub frequency_penalty: Option<f64>,
    /// −2…2.
    pub presence_penalty: Option<f64>,
    /// (0, 2].
    pub repetition_penalty: Option<f64>,
    /// Makes sampling repeatable where supported.
    pub seed: Option<i64>,
    /// Token id → −100…100, raw.
    pub logit_bias: Option<RawJson>,
    /// Whether log probabilities are returned.
    pub logprobs: Option<bool>,
    /// How many alternatives, 0–20.
    pub top_logprobs: Option<u64>,
    /// Stop sequences.
    pub stop: StopSequences,
    /// How many answers.
    pub n: Option<u64>,
}

/// Stop sequences; empty when none were sent.
pub type StopSequences = Vec<String>;

/// A tool offered to the model.
#[derive(Clone, Debug, PartialEq)]
pub struct Tool {
    /// What it is.
    pub kind: ToolKind,
    /// Whether the prompt up to here should be cached.
    pub cache: Option<CacheMark>,
    /// Unknown members.
    pub extras: Extras,
}

/// What a tool is.
#[derive(Clone, Debug, PartialEq)]
pub enum ToolKind {
    /// A function of the caller. TOOLS-1
    Function {
        /// Its name.
        name: String,
        /// What it does.
        description: Option<String>,
        /// JSON Schema of its arguments, raw.
        parameters: Option<RawJson>,
        /// Whether arguments must fit the schema.
        strict: Option<bool>,
    },
    /// A tool only the dialect it came from knows (`origin` is in the block's extras' dialect).
    Opaque {
        /// The dialect.
        origin: crate::Dialect,
        /// The whole entry.
        raw: RawJson,
    },
}

/// Which tool must or may be called. TOOLS-3
#[derive(Clone, Debug, PartialEq)]
pub enum ToolChoice {
    /// The model decides.
    Auto,
    /// No call.
    None,
    /// Some call.
    Required,
    /// A call of this function.
    Named(String),
    /// One of these functions; `required` says whether a call must be made.
    Allowed {
        /// The names allowed.
        names: Vec<String>,
        /// Whether one must be called.
        required: bool,
    },
    /// A form only its own dialect knows.
    Opaque {
        /// The dialect.
        origin: crate::Dialect,
        /// The whole value.
        raw: RawJson,
    },
}

/// Why a choice is left out.
pub(crate) const NO_TOOL_LEFT: &str = "the tools to choose among cannot be told";

impl ToolChoice {
    /// Whether there is still something to choose where, of the tools `offered`, only `kept` can be
    /// told. A choice that was empty from the start is the caller's.
    pub(crate) fn is_left(&self, offered: &[Tool], kept: &[&Tool]) -> bool {
        if kept.len() == offered.len() {
            return true;
        }
        match self {
            Self::Named(name) => kept.iter().any(|tool| {
                matches!(&tool.kind, ToolKind::Function { name: known, .. } if known == name)
            }),
            _ => !kept.is_empty(),
        }
    }
}

/// The form of the answer. STRUCT-1
#[derive(Clone, Debug, PartialEq)]
pub enum OutputFormat {
    /// Text.
    Text,
    /// Any JSON object.
    JsonObject,
    /// JSON that fits a schema.
    JsonSchema {
        /// The schema's name.
        name: Option<String>,
        /// What it describes.
        description: Option<String>,
        /// The schema, raw.
        schema: RawJson,
        /// Whether it is enforced.
        strict: Option<bool>,
    },
    /// A form only its own dialect knows (`grammar`, `python`).
    Opaque {
        /// The dialect.
        origin: crate::Dialect,
        /// The whole value.
        raw: RawJson,
    },
}

impl OutputFormat {
    /// Whether an answer of this form is JSON.
    pub fn is_json(&self) -> bool {
        matches!(self, Self::JsonObject | Self::JsonSchema { .. })
    }
}

/// Reasoning controls. REASON-1
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reasoning {
    /// How hard to think.
    pub effort: Option<Effort>,
    /// A budget in tokens, instead of an effort.
    pub max_tokens: Option<u64>,
    /// Whether reasoning is switched on (`true`: medium) or off.
    pub enabled: Option<bool>,
    /// Reason, but leave it out of the answer. REASON-4
    pub exclude: bool,
    /// The caller says that it wants to see thoughts, which some providers do not tell unasked.
    pub thoughts: bool,
    /// `auto`, `concise`, `detailed`.
    pub summary: Option<String>,
    /// Unknown members (`context`, `mode`, …).
    pub extras: Extras,
}

/// How hard to think. REASON-2
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Effort {
    /// Off.
    None,
    /// 10 % of the token limit.
    Minimal,
    /// 20 %.
    Low,
    /// 50 %.
    Medium,
    /// 80 %.
    High,
    /// 95 %.
    Xhigh,
    /// 95 %, and no less than the most a model offers.
    Max,
}

impl Effort {
    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Minimal => "minimal",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Xhigh => "xhigh",
            Self::Max => "max",
        }
    }

    /// The effort of a name on the wire.
    pub fn from_name(name: &str) -> Option<Self> {
        let all = [
            Self::None,
            Self::Minimal,
            Self::Low,
            Self::Medium,
            Self::High,
            Self::Xhigh,
            Self::Max,
        ];
        all.into_iter().find(|effort| effort.name() == name)
    }

    /// The share of the token limit that may go into reasoning, in percent. REASON-2
    pub const fn percent(self) -> u64 {
        match self {
            Self::None => 0,
            Self::Minimal => 10,
            Self::Low => 20,
            Self::Medium => 50,
            Self::High => 80,
            Self::Xhigh | Self::Max => 95,
        }
    }

    /// The nearest effort a model supports; `supported` may be in any order. On a tie the lower
    /// one, which costs less; but vendors without a medium take it for their high. `None` (off) is
    /// never chosen for an effort that asks for reasoning unless nothing else is there. REASON-13
    pub fn nearest(self, supported: &[Self]) -> Option<Self> {
        if supported.contains(&self) {
            return Some(self);
        }
        supported
            .iter()
            .copied()
            .filter(|effort| *effort != Self::None)
            .min_by_key(|effort| {
                let above = *effort as i8 - self as i8;
                (above.abs(), if self == Self::Medium { -above } else { above })
            })
            .or_else(|| supported.first().copied())
    }
}

impl Reasoning {
    /// Whether reasoning is asked for, refused, or left to the model (`None`).
    pub fn wanted(&self) -> Option<bool> {
        match (self.enabled, self.effort, self.max_tokens) {
            (Some(false), _, _) | (_, Some(Effort::None), _) | (_, _, Some(0)) => Some(false),
            (Some(true), _, _) | (_, Some(_), _) | (_, _, Some(_)) => Some(true),
            (None, None, None) => None,
        }
    }

    /// The effort asked for, with `enabled: true` as medium, and a budget turned into the effort
    /// whose share of `max_output_tokens` is nearest. REASON-4, REASON-6
    pub fn effective_effort(&self, max_output_tokens: Option<u64>) -> Option<Effort> {
        if self.wanted() == Some(false) {
            return Some(Effort::None);
        }
        if let Some(effort) = self.effort {
            return Some(effort);
        }
        if let Some(budget) = self.max_tokens {
            let limit = max_output_tokens.unwrap_or(32_000).max(1);
            let percent = budget.saturating_mul(100) / limit;
            return Some(match percent {
                0..=14 => Effort::Minimal,
                15..=34 => Effort::Low,
                35..=64 => Effort::Medium,
                _ => Effort::High,
            });
        }
        (self.enabled == Some(true)).then_some(Effort::Medium)
    }

    /// Whether the pro mode is asked for, which is another model's. REASON-8
    pub fn asks_for_pro(&self) -> bool {
        self.extras.members.iter().any(|(name, mode)| name == "mode" && mode.get() == "\"pro\"")
    }

    /// The budget in tokens for Anthropic's models that take one:
    /// max(min(limit × share, 128000), 1024). REASON-3
    pub fn effective_budget(&self, max_output_tokens: u64) -> Option<u64> {
        self.budget_within(max_output_tokens).map(|budget| budget.max(1024))
    }

    /// The budget in tokens for models without a least one: what was asked for, or the effort's share of
    /// the limit, which leaves room for an answer within it.
    pub fn budget_within(&self, max_output_tokens: u64) -> Option<u64> {
        if self.wanted() != Some(true) {
            return None;
        }
        if let Some(budget) = self.max_tokens {
            return Some(budget.max(1));
        }
        let effort = self.effective_effort(Some(max_output_tokens))?;
        let share = (u128::from(max_output_tokens) * u128::from(effort.percent()) / 100) as u64;
        Some(share.clamp(1, 128_000))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn budgets_follow_the_documented_shares() {
        let high = Reasoning { effort: Some(Effort::High), ..Reasoning::default() };
        assert_eq!(high.effective_budget(10_000), Some(8_000));
        assert_eq!(high.effective_budget(100), Some(1024), "never below the minimum");
        assert_eq!(high.effective_budget(1_000_000), Some(128_000), "never above the maximum");
        assert_eq!(high.budget_within(100), Some(80), "but where there is no least");
        let on = Reasoning { enabled: Some(true), ..Reasoning::default() };
        assert_eq!(on.effective_budget(10_000), Some(5_000), "enabled means medium");
        let off = Reasoning { effort: Some(Effort::None), ..Reasoning::default() };
        assert_eq!(off.effective_budget(10_000), None);
    }

    #[test]
    fn an_unsupported_effort_becomes_the_nearest() {
        use Effort::{High, Low, Max, Medium, Minimal, None as Off, Xhigh};
        assert_eq!(Xhigh.nearest(&[Low, Medium, High]), Some(High));
        assert_eq!(Minimal.nearest(&[High, Low]), Some(Low));
        assert_eq!(Xhigh.nearest(&[High, Max]), Some(High), "the lower one on a tie");
        assert_eq!(Medium.nearest(&[Low, High, Max]), Some(High), "as vendors without one have it");
        assert_eq!(Minimal.nearest(&[Off, High]), Some(High), "off is no kind of reasoning");
        assert_eq!(Max.nearest(&[]), None);
    }
}
