//! `thinkingConfig`: a budget or a level, never both. REASON-6, wire-formats 3.6

use super::super::wire::{open_member, string_member, write_extras};
use crate::Dialect;
use crate::exchange::{Effort, Fault, Losses, Reasoning, Request};
use crate::json::envelope::write_member;
use crate::target::{ReasoningStyle, Target};

/// The largest budget that every model with budgets accepts; efforts stay below it.
const MAX_EFFORT_BUDGET: u64 = 24_576;
/// The largest budget any model accepts.
const MAX_BUDGET: u64 = 32_768;
/// The output limit assumed where neither the caller nor the catalogue tells one.
const DEFAULT_LIMIT: u64 = 65_536;
/// The levels of the protocol.
const LEVELS: [Effort; 4] = [Effort::Minimal, Effort::Low, Effort::Medium, Effort::High];

/// What is said about how much to think.
enum Amount {
    Budget(i64),
    Level(&'static str),
}

/// Writes `thinkingConfig` unless it would be empty. Fails where reasoning is switched off that the model
/// cannot do without. REASON-13
pub(super) fn write(
    out: &mut Vec<u8>,
    request: &Request,
    target: &Target<'_>,
    losses: &mut Losses,
) -> Result<(), Fault> {
    let abilities = target.abilities;
    let unset = Reasoning::default();
    let reasoning = request.reasoning.as_ref().unwrap_or(&unset);
    if abilities.reasoning == ReasoningStyle::None {
        if reasoning.wanted() == Some(true) {
            losses.record("reasoning", "this model does not reason");
        }
        return Ok(());
    }
    if abilities.reasoning_mandatory && reasoning.wanted() == Some(false) {
        return Err(Fault::invalid(
            "reasoning: this model always reasons, it cannot be switched off; leave `reasoning` \
             out or ask for an effort",
        ));
    }
    let extras = reasoning.extras.for_dialect(Dialect::Gemini);
    let own_amount =
        extras.iter().any(|(name, _)| name == "thinkingBudget" || name == "thinkingLevel");
    let amount = if own_amount { None } else { amount(reasoning, request, target, losses) };
    let off = matches!(amount, Some(Amount::Budget(0)));
    let thinks = match reasoning.wanted() {
        Some(wanted) => wanted,
        None => abilities.reasoning_default_on || abilities.reasoning_mandatory,
    };
    let mut config = vec![b'{'];
    match amount {
        Some(Amount::Budget(budget)) => {
            write_member(&mut config, "thinkingBudget", &budget.to_string());
        }
        Some(Amount::Level(level)) => string_member(&mut config, "thinkingLevel", level),
        None => {}
    }
    // Summaries come only when asked for; asking while thinking is off is an error.
    if thinks && !off && !reasoning.exclude {
        write_member(&mut config, "includeThoughts", "true");
    }
    write_extras(&mut config, extras);
    if config.len() > 1 {
        config.push(b'}');
        open_member(out, "thinkingConfig");
        out.append(&mut config);
    }
    Ok(())
}

fn amount(
    reasoning: &Reasoning,
    request: &Request,
    target: &Target<'_>,
    losses: &mut Losses,
) -> Option<Amount> {
    let abilities = target.abilities;
    let wanted = reasoning.wanted()?;
    let levels = || -> Vec<Effort> {
        let known: Vec<Effort> =
            LEVELS.into_iter().filter(|level| abilities.efforts.contains(level)).collect();
        if known.is_empty() { LEVELS.to_vec() } else { known }
    };
    let by_level = matches!(abilities.reasoning, ReasoningStyle::Level | ReasoningStyle::Effort);
    if !wanted {
        return Some(if by_level {
            losses
                .record("reasoning", "cannot be switched off here: the lowest level is asked for");
            Amount::Level(level_name(levels().first().copied()))
        } else {
            Amount::Budget(0)
        });
    }
    if let (Some(budget), None) = (reasoning.max_tokens, reasoning.effort) {
        let budget = budget.max(abilities.least_budget).min(MAX_BUDGET);
        return Some(Amount::Budget(budget as i64));
    }
    let limit = request.max_output_tokens.or(abilities.max_output_tokens).unwrap_or(DEFAULT_LIMIT);
    if by_level {
        let effort = reasoning.effective_effort(Some(limit))?;
        return Some(Amount::Level(level_name(effort.nearest(&levels()))));
    }
    if abilities.reasoning == ReasoningStyle::Toggle {
        return Some(Amount::Budget(-1));
    }
    let budget = reasoning.budget_within(limit)?.max(abilities.least_budget);
    if budget >= limit {
        losses.record("reasoning.effort", "the output limit leaves no room for the least budget");
        return None;
    }
    Some(Amount::Budget(budget.min(MAX_EFFORT_BUDGET) as i64))
}

const fn level_name(effort: Option<Effort>) -> &'static str {
    match effort {
        Some(Effort::Minimal) => "MINIMAL",
        Some(Effort::Low) => "LOW",
        Some(Effort::Medium) => "MEDIUM",
        _ => "HIGH",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::{Abilities, Quirks};

    fn written(reasoning: Option<Reasoning>, abilities: &Abilities) -> String {
        within(10_000, reasoning, abilities)
    }

    fn within(limit: u64, reasoning: Option<Reasoning>, abilities: &Abilities) -> String {
        let quirks = Quirks::default();
        let target = Target::new("m", &quirks, abilities);
        let request = Request { reasoning, max_output_tokens: Some(limit), ..Request::default() };
        let mut out = vec![b'{'];
        if let Err(fault) = write(&mut out, &request, &target, &mut Losses::default()) {
            return fault.message;
        }
        String::from_utf8(out).unwrap().trim_start_matches("{\"thinkingConfig\":").to_owned()
    }

    fn effort(effort: Effort) -> Option<Reasoning> {
        Some(Reasoning { effort: Some(effort), ..Reasoning::default() })
    }

    /// REASON-2, REASON-6: models before 3 take a budget.
    #[test]
    fn budgets() {
        let flash = Abilities {
            reasoning: ReasoningStyle::Budget,
            reasoning_default_on: true,
            ..Abilities::default()
        };
        let pro = Abilities { reasoning_mandatory: true, ..flash.clone() };
        let tokens = |max| Some(Reasoning { max_tokens: Some(max), ..Reasoning::default() });
        for (abilities, reasoning, expected) in [
            (&flash, None, r#"{"includeThoughts":true}"#),
            (&flash, effort(Effort::None), r#"{"thinkingBudget":0}"#),
            (&pro, effort(Effort::Minimal), r#"{"thinkingBudget":1000,"includeThoughts":true}"#),
            (&flash, effort(Effort::Low), r#"{"thinkingBudget":2000,"includeThoughts":true}"#),
            (&flash, tokens(600), r#"{"thinkingBudget":600,"includeThoughts":true}"#),
            (&flash, tokens(5), r#"{"thinkingBudget":128,"includeThoughts":true}"#),
            (&flash, tokens(900_000), r#"{"thinkingBudget":32768,"includeThoughts":true}"#),
            (&flash, Some(Reasoning { exclude: true, ..Reasoning::default() }), "{"),
            (
                &flash,
                Some(Reasoning { exclude: true, enabled: Some(true), ..Reasoning::default() }),
                r#"{"thinkingBudget":5000}"#,
            ),
        ] {
            assert_eq!(written(reasoning.clone(), abilities), expected, "{reasoning:?}");
        }
        // Thoughts count for the limit: it is not all theirs. wire-formats 3.1
        for (limit, asked, budget) in
            [(500, Effort::Low, 128), (900, Effort::Medium, 450), (900, Effort::High, 720)]
        {
            let text = within(limit, effort(asked), &flash);
            assert!(text.contains(&format!("\"thinkingBudget\":{budget},")), "{text}");
        }
        let lite = Abilities { least_budget: 512, ..flash.clone() };
        for (limit, told) in [
            (1_000, r#"{"thinkingBudget":512,"includeThoughts":true}"#),
            (512, r#"{"includeThoughts":true}"#),
        ] {
            assert_eq!(within(limit, effort(Effort::Low), &lite), told);
        }
    }

    /// REASON-6, REASON-13: models from 3 on take a level, the nearest they have.
    #[test]
    fn levels() {
        let all = Abilities { reasoning: ReasoningStyle::Level, ..Abilities::default() };
        let two = Abilities { efforts: vec![Effort::High, Effort::Low], ..all.clone() };
        for (abilities, asked, expected) in [
            (&all, Effort::Minimal, "MINIMAL"),
            (&all, Effort::Xhigh, "HIGH"),
            (&all, Effort::Max, "HIGH"),
            (&two, Effort::Medium, "HIGH"),
            (&two, Effort::Minimal, "LOW"),
            (&two, Effort::None, "LOW"),
            (&all, Effort::None, "MINIMAL"),
        ] {
            let text = written(effort(asked), abilities);
            assert!(
                text.contains(&format!("\"thinkingLevel\":\"{expected}\"")),
                "{asked:?} {text}"
            );
            assert!(!text.contains("thinkingBudget"), "never both: {text}");
        }
        let budget = Some(Reasoning { max_tokens: Some(4000), ..Reasoning::default() });
        assert_eq!(
            written(budget, &all),
            r#"{"thinkingBudget":4000,"includeThoughts":true}"#,
            "an explicit budget stays one"
        );
        let both = Reasoning {
            max_tokens: Some(4000),
            effort: Some(Effort::High),
            ..Reasoning::default()
        };
        assert!(!written(Some(both), &all).contains("thinkingBudget"));
    }

    /// REASON-13
    #[test]
    fn a_model_that_must_reason_cannot_be_told_not_to() {
        for style in [ReasoningStyle::Budget, ReasoningStyle::Level] {
            let must =
                Abilities { reasoning: style, reasoning_mandatory: true, ..Abilities::default() };
            let off = Reasoning { enabled: Some(false), ..Reasoning::default() };
            for asked in [effort(Effort::None), Some(off)] {
                assert!(written(asked, &must).contains("always reasons"));
            }
            assert!(written(effort(Effort::Minimal), &must).contains("includeThoughts"));
        }
    }

    #[test]
    fn a_model_that_does_not_reason_is_not_told_to() {
        assert_eq!(written(effort(Effort::High), &Abilities::default()), "{");
    }
}
