//! Reasoning controls: each maker's own, in `additionalModelRequestFields`. REASON-3, REASON-6,
//! wire-formats 5.2

use crate::anthropic::thinking;
use crate::bedrock::family::Family;
use crate::exchange::{Effort, Fault, Losses, Request};
use crate::json::write::{into_text, key, string};
use crate::target::{ReasoningRequest, ReasoningStyle, Target};

/// What is written about reasoning.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// The output limit, if one is sent.
    pub(super) max_tokens: Option<u64>,
    /// Members of `additionalModelRequestFields`, with their JSON.
    pub(super) fields: Vec<(&'static str, String)>,
    /// Sampling parameters are refused.
    pub(super) closes_sampling: bool,
    /// Thinking with a budget is on, which forbids forced tool choices and prefills.
    pub(super) has_budget: bool,
}

/// Decides all of it. `loop_lacks_thinking`: the conversation stands in a tool loop without signed
/// reasoning.
pub(super) fn plan(
    request: &Request,
    target: &Target<'_>,
    family: Family,
    loop_lacks_thinking: bool,
    losses: &mut Losses,
) -> Result<Plan, Fault> {
    if family == Family::Anthropic {
        return claude(request, target, loop_lacks_thinking, losses);
    }
    let abilities = target.abilities;
    let limit = abilities.max_output_tokens.filter(|limit| *limit > 0);
    let max_tokens = request.max_output_tokens.map(|asked| match limit {
        Some(limit) if asked > limit => {
            losses.record("max_tokens", "clamped to the most the model can generate");
            limit
        }
        _ => asked.max(1),
    });
    let mut plan = Plan { max_tokens, ..Plan::default() };
    if request.verbosity.is_some() {
        losses.record("verbosity", "the model takes no verbosity");
    }
    let Some(reasoning) = &request.reasoning else { return Ok(plan) };
    if reasoning.summary.is_some() {
        losses.record("reasoning.summary", "the model decides how it summarises");
    }
    match reasoning.wanted() {
        None => return Ok(plan),
        Some(false) if abilities.reasoning_mandatory => {
            return Err(Fault::invalid(
                "reasoning.effort: this model cannot answer without reasoning; leave `none` out \
                 or choose another model",
            ));
        }
        Some(true) if abilities.reasoning == ReasoningStyle::None => {
            losses.record("reasoning", "the model does not reason");
            return Ok(plan);
        }
        Some(false) if !abilities.reasoning_default_on && family != Family::Qwen => {
            return Ok(plan);
        }
        Some(false) if abilities.reasoning == ReasoningStyle::None => return Ok(plan),
        Some(_) => {}
    }
    let wished = reasoning.effective_effort(request.max_output_tokens.or(limit));
    let Some(wished) = wished else { return Ok(plan) };
    let known = &abilities.efforts;
    let effort = if known.is_empty() { common(wished) } else { wished.nearest(known) };
    plan.fields.extend(field(family, target, effort.unwrap_or(wished)));
    Ok(plan)
}

/// Without a list of efforts: those that every model knows.
fn common(wished: Effort) -> Option<Effort> {
    Some(match wished {
        Effort::None => Effort::None,
        _ => wished.nearest(&[Effort::Low, Effort::Medium, Effort::High])?,
    })
}

fn field(family: Family, target: &Target<'_>, effort: Effort) -> Option<(&'static str, String)> {
    let quoted = || format!("\"{}\"", effort.name());
    let in_object = target.quirks.reasoning_request == ReasoningRequest::Reasoning
        || matches!(family, Family::Openai | Family::Xai);
    Some(match family {
        Family::Amazon => {
            let mut out = vec![b'{'];
            if effort == Effort::None {
                string(&mut out, "type", "disabled");
            } else {
                string(&mut out, "type", "enabled");
                string(&mut out, "maxReasoningEffort", effort.name());
            }
            out.push(b'}');
            ("reasoningConfig", into_text(out))
        }
        Family::Qwen => ("reasoning_config", quoted()),
        _ if in_object => ("reasoning", format!("{{\"effort\":{}}}", quoted())),
        _ => ("reasoning_effort", quoted()),
    })
}

/// Claude takes the members of its own protocol.
fn claude(
    request: &Request,
    target: &Target<'_>,
    loop_lacks_thinking: bool,
    losses: &mut Losses,
) -> Result<Plan, Fault> {
    let planned = thinking::plan(request, target, loop_lacks_thinking, losses)?;
    // Without a limit the service lets the model generate what it can.
    let sent = request.max_output_tokens.is_some() || planned.has_budget();
    let mut plan = Plan {
        max_tokens: sent.then_some(planned.max_tokens),
        fields: Vec::new(),
        closes_sampling: planned.active,
        has_budget: planned.has_budget(),
    };
    if let Some(thinking) = planned.thinking_json() {
        plan.fields.push(("thinking", thinking));
    }
    if let Some(effort) = planned.effort {
        let mut out = vec![b'{'];
        key(&mut out, "effort");
        out.extend_from_slice(format!("\"{}\"}}", effort.name()).as_bytes());
        plan.fields.push(("output_config", into_text(out)));
    }
    Ok(plan)
}
