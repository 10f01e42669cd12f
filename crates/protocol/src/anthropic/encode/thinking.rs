//! Reasoning controls and the output limit, which depend on each other. wire-formats 2.6

use crate::Dialect;
use crate::anthropic::DEFAULT_MAX_TOKENS;
use crate::anthropic::wire::{into_text, number, raw, string};
use crate::exchange::{Effort, Fault, Losses, Reasoning, Request};
use crate::json::RawJson;
use crate::target::{ReasoningStyle, Target};

/// The smallest budget the vendor takes. REASON-3
const LEAST_BUDGET: u64 = 1024;

/// What is written about reasoning.
#[derive(Debug, PartialEq)]
pub(crate) struct Plan {
    /// `max_tokens`, always sent.
    pub(crate) max_tokens: u64,
    pub(crate) thinking: Option<Thinking>,
    /// `output_config.effort`.
    pub(crate) effort: Option<Effort>,
    /// The model will reason: sampling parameters are refused then.
    pub(crate) active: bool,
}

/// The member `thinking`.
#[derive(Debug, PartialEq)]
pub(crate) enum Thinking {
    Enabled {
        budget: u64,
        display: Option<RawJson>,
    },
    Adaptive {
        display: RawJson,
    },
    Disabled,
    /// Off but between calls of tools: the least that some models take.
    BetweenTools,
    /// A form only this dialect knows, from its own caller.
    Verbatim(RawJson),
}

impl Plan {
    /// Whether thinking with a budget is on, which forbids forced tool choices and prefills.
    pub(crate) fn has_budget(&self) -> bool {
        matches!(self.thinking, Some(Thinking::Enabled { .. }))
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        if let Some(thinking) = self.thinking_json() {
            raw(out, "thinking", &thinking);
        }
    }

    /// The value of the member `thinking`, as JSON text.
    pub(crate) fn thinking_json(&self) -> Option<String> {
        let mut out = vec![b'{'];
        match self.thinking.as_ref()? {
            Thinking::Verbatim(value) => return Some(value.get().to_owned()),
            Thinking::Disabled => string(&mut out, "type", "disabled"),
            Thinking::BetweenTools => string(&mut out, "type", "between_tools"),
            Thinking::Enabled { budget, display } => {
                string(&mut out, "type", "enabled");
                number(&mut out, "budget_tokens", *budget);
                if let Some(display) = display {
                    raw(&mut out, "display", display.get());
                }
            }
            Thinking::Adaptive { display } => {
                string(&mut out, "type", "adaptive");
                raw(&mut out, "display", display.get());
            }
        }
        out.push(b'}');
        Some(into_text(out))
    }
}

/// Decides all of it. `loop_lacks_thinking`: the conversation stands in a tool loop without signed
/// reasoning, where a budget is refused.
pub(crate) fn plan(
    request: &Request,
    target: &Target<'_>,
    loop_lacks_thinking: bool,
    losses: &mut Losses,
) -> Result<Plan, Fault> {
    let abilities = target.abilities;
    let limit = abilities.max_output_tokens.filter(|limit| *limit > 0);
    let max_tokens = match (request.max_output_tokens, limit) {
        (Some(asked), Some(limit)) if asked > limit => {
            losses.record("max_tokens", "clamped to the most the model can generate");
            limit
        }
        (Some(asked), _) => asked.max(1),
        (None, limit) => limit.unwrap_or(DEFAULT_MAX_TOKENS),
    };
    let default = Reasoning::default();
    let reasoning = request.reasoning.as_ref().unwrap_or(&default);
    let own = |name: &str| {
        reasoning.extras.for_dialect(Dialect::Anthropic).iter().find(|(known, _)| known == name)
    };
    let mut plan = Plan {
        max_tokens,
        thinking: None,
        effort: None,
        active: abilities.reasoning_default_on || abilities.reasoning_mandatory,
    };
    let takes_effort = !abilities.efforts.is_empty()
        || matches!(
            abilities.reasoning,
            ReasoningStyle::Adaptive | ReasoningStyle::Effort | ReasoningStyle::Level
        );
    let mut effort = None;
    match (reasoning.wanted(), abilities.reasoning) {
        _ if own("thinking").is_some() => {
            plan.thinking = own("thinking").map(|(_, value)| Thinking::Verbatim(value.clone()));
            plan.active = true;
        }
        (Some(false), _) if abilities.reasoning_mandatory => {
            return Err(Fault::invalid(
                "reasoning.effort: this model cannot answer without reasoning; leave `none` out \
                 or choose another model",
            ));
        }
        (Some(false), _) => {
            if abilities.reasoning_between_tools {
                plan.thinking = Some(Thinking::BetweenTools);
            } else if abilities.reasoning_default_on {
                plan.thinking = Some(Thinking::Disabled);
            }
            plan.active = false;
        }
        (Some(true), ReasoningStyle::None) => {
            losses.record("reasoning", "the model does not reason");
        }
        (Some(true), ReasoningStyle::Budget | ReasoningStyle::Toggle) => {
            if loop_lacks_thinking {
                losses.record(
                    "reasoning",
                    "switched off: the tool calls being answered come without signed reasoning",
                );
                plan.thinking = abilities.reasoning_default_on.then_some(Thinking::Disabled);
                plan.active = false;
            } else {
                let display = own("display").map(|(_, value)| value.clone());
                plan.take_budget(request, reasoning, limit, display, losses);
            }
            if reasoning.max_tokens.is_some() {
                effort = reasoning.effort;
            }
        }
        (Some(true), style) => {
            plan.active = true;
            if style != ReasoningStyle::Effort {
                plan.thinking = adaptive(reasoning, own("display").map(|(_, value)| value));
            }
            // A caller of this dialect that only switches thinking on leaves the effort to the
            // model; anyone else means medium. REASON-4
            let left_open = own("type").is_some() || request.verbosity.is_some();
            if reasoning.effort.is_some() || reasoning.max_tokens.is_some() || !left_open {
                effort = reasoning
                    .effective_effort(request.max_output_tokens.or(limit).or(Some(max_tokens)));
            }
        }
        (None, _) => {}
    }
    if reasoning.summary.is_some() {
        losses.record("reasoning.summary", "the model decides how it summarises");
    }
    // CHAT-3, REASON-7
    if effort.is_none()
        && let Some(verbosity) = &request.verbosity
    {
        effort = effort_named(verbosity);
    }
    if let Some(wished) = effort {
        if takes_effort {
            plan.effort = nearest(wished, &abilities.efforts);
            // More than this is refused with thinking switched off.
            if matches!(plan.thinking, Some(Thinking::Disabled | Thinking::BetweenTools))
                && plan.effort > Some(Effort::High)
            {
                plan.effort = Some(Effort::High);
                losses.record("verbosity", "lowered to the most there is without reasoning");
            }
        } else if request.verbosity.is_some() {
            losses.record("verbosity", "the model takes no effort");
        }
    }
    Ok(plan)
}

impl Plan {
    /// A budget strictly below the output limit. What the caller set as limit is what the answer may
    /// cost, and is never raised: a budget that does not fit into it is lowered, and where there
    /// is no room for the least one, the model does not think. REASON-3
    fn take_budget(
        &mut self,
        request: &Request,
        reasoning: &Reasoning,
        limit: Option<u64>,
        display: Option<RawJson>,
        losses: &mut Losses,
    ) {
        let Some(mut budget) = reasoning.effective_budget(self.max_tokens) else { return };
        if budget >= self.max_tokens {
            if request.max_output_tokens.is_none() {
                let raised = budget.saturating_add(self.max_tokens);
                self.max_tokens = limit.map_or(raised, |limit| raised.min(limit));
            }
            if budget >= self.max_tokens {
                budget = share(self.max_tokens, Effort::High).max(LEAST_BUDGET);
                losses.record("reasoning.max_tokens", "lowered below the output limit");
            }
        }
        if budget < LEAST_BUDGET || budget >= self.max_tokens {
            losses.record("reasoning", "the output limit leaves no room for reasoning");
            return;
        }
        self.active = true;
        self.thinking = Some(Thinking::Enabled { budget, display });
    }
}

/// An effort's share of a limit, in tokens.
fn share(limit: u64, effort: Effort) -> u64 {
    u64::try_from(u128::from(limit) * u128::from(effort.percent()) / 100).unwrap_or(limit)
}

fn adaptive(reasoning: &Reasoning, display: Option<&RawJson>) -> Option<Thinking> {
    let display = match display {
        Some(display) => display.clone(),
        None => RawJson::of(if reasoning.exclude { "omitted" } else { "summarized" }).ok()?,
    };
    Some(Thinking::Adaptive { display })
}

fn effort_named(name: &str) -> Option<Effort> {
    Some(match name {
        "minimal" | "low" => Effort::Low,
        "medium" => Effort::Medium,
        "high" => Effort::High,
        "xhigh" => Effort::Xhigh,
        "max" => Effort::Max,
        _ => return None,
    })
}

/// The nearest effort the model knows; the vendor knows no `minimal`. REASON-13
fn nearest(wished: Effort, known: &[Effort]) -> Option<Effort> {
    let wished = if wished == Effort::Minimal { Effort::Low } else { wished };
    let found = if known.is_empty() { Some(wished) } else { wished.nearest(known) };
    found
        .filter(|effort| *effort != Effort::None)
        .map(|effort| if effort == Effort::Minimal { Effort::Low } else { effort })
}
