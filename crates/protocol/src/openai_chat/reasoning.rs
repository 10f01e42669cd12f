//! How reasoning is asked for, in each host's words. REASON-6, REASON-13

use serde_json::value::RawValue;

use super::read::lenient_object;
use super::write::{ObjectWriter, into_text, object};
use crate::Dialect;
use crate::exchange::{Effort, Fault, Reasoning};
use crate::target::{ReasoningRequest, ReasoningStyle, Target};

/// What is said about reasoning when the caller's answer limit is not known.
const DEFAULT_LIMIT: u64 = 32_000;

/// The members that ask for reasoning, with their JSON, for one target. `kwargs` is what the
/// caller sent as `chat_template_kwargs`, which is kept.
pub(super) fn request_members(
    reasoning: &Reasoning,
    target: &Target<'_>,
    max_tokens: Option<u64>,
    kwargs: Option<&RawValue>,
) -> Result<Vec<(&'static str, String)>, Fault> {
    let abilities = target.abilities;
    let wanted = reasoning.wanted();
    if wanted == Some(false) && abilities.reasoning_mandatory {
        return Err(Fault::invalid(
            "reasoning: this model always reasons, it cannot be switched off; leave `reasoning` \
             out or ask for an effort",
        ));
    }
    let way = target.quirks.reasoning_request;
    if way == ReasoningRequest::Reasoning {
        return Ok(vec![("reasoning", in_full(reasoning))]);
    }
    let Some(on) = wanted else { return Ok(Vec::new()) };
    if abilities.reasoning == ReasoningStyle::None
        || (!on && !has_switch(way) && !abilities.reasoning_default_on && !knows_off(target))
    {
        // It does not reason, or not unless told to: there is nothing to say.
        return Ok(Vec::new());
    }
    let limit = max_tokens.or(abilities.max_output_tokens);
    let toggle = || {
        let word = if on { "enabled" } else { "disabled" };
        ("thinking", format!(r#"{{"type":"{word}"}}"#))
    };
    Ok(match way {
        ReasoningRequest::Reasoning | ReasoningRequest::None => Vec::new(),
        ReasoningRequest::Effort => effort(reasoning, target, limit).into_iter().collect(),
        ReasoningRequest::ThinkingType => vec![toggle()],
        ReasoningRequest::ThinkingTypeAndEffort => {
            let takes_effort = abilities.reasoning != ReasoningStyle::Toggle;
            // What always reasons has no switch, but for those that take nothing else.
            let has_switch = !(abilities.reasoning_mandatory && takes_effort);
            let mut members: Vec<_> = has_switch.then(toggle).into_iter().collect();
            let amount = reasoning.effort.is_some() || reasoning.max_tokens.is_some();
            if on && takes_effort && amount {
                members.extend(effort(reasoning, target, limit));
            }
            members
        }
        ReasoningRequest::EnableThinking => {
            let mut members = vec![("enable_thinking", on.to_string())];
            let amount = reasoning.effort.is_some() || reasoning.max_tokens.is_some();
            if on
                && amount
                && let Some(budget) = reasoning.budget_within(limit.unwrap_or(DEFAULT_LIMIT))
            {
                members.push(("thinking_budget", budget.to_string()));
            }
            members
        }
        ReasoningRequest::ChatTemplate => vec![("chat_template_kwargs", template(on, kwargs))],
    })
}

/// What a caller says by a host's own switch, where that is one the host has.
pub(super) fn own_switch(target: &Target<'_>, thinking: Option<&RawValue>) -> Option<Reasoning> {
    if !has_own_switch(target) {
        return None;
    }
    let on = lenient_object(thinking?)?.peek_str("type")? != "disabled";
    Some(Reasoning { enabled: Some(on), ..Reasoning::default() })
}

/// Whether a host has a switch of its own that is called `thinking`.
pub(super) fn has_own_switch(target: &Target<'_>) -> bool {
    use ReasoningRequest::{ThinkingType, ThinkingTypeAndEffort};
    matches!(target.quirks.reasoning_request, ThinkingType | ThinkingTypeAndEffort)
}

/// Whether a host has a switch, which says "off" whatever it does by itself.
fn has_switch(way: ReasoningRequest) -> bool {
    match way {
        ReasoningRequest::ThinkingType
        | ReasoningRequest::ThinkingTypeAndEffort
        | ReasoningRequest::EnableThinking
        | ReasoningRequest::ChatTemplate => true,
        ReasoningRequest::Reasoning | ReasoningRequest::Effort | ReasoningRequest::None => false,
    }
}

/// Whether "off" is among the efforts the model knows.
fn knows_off(target: &Target<'_>) -> bool {
    target.abilities.efforts.contains(&Effort::None)
}

fn effort(
    reasoning: &Reasoning,
    target: &Target<'_>,
    limit: Option<u64>,
) -> Option<(&'static str, String)> {
    let asked = reasoning.effective_effort(limit)?;
    let efforts = &target.abilities.efforts;
    let sent = if efforts.is_empty() { asked } else { asked.nearest(efforts).unwrap_or(asked) };
    Some(("reasoning_effort", format!("\"{}\"", sent.name())))
}

fn template(on: bool, kwargs: Option<&RawValue>) -> String {
    let mut out = Vec::new();
    object(&mut out, |object| {
        if let Some(sent) = kwargs.and_then(lenient_object) {
            for (name, raw) in sent.iter().filter(|(name, _)| *name != "enable_thinking") {
                object.raw_of(name, raw.get());
            }
        }
        object.boolean("enable_thinking", on);
    });
    into_text(out)
}

fn in_full(reasoning: &Reasoning) -> String {
    let mut out = Vec::new();
    object(&mut out, |object| write_members(object, reasoning));
    into_text(out)
}

fn write_members(object: &mut ObjectWriter<'_>, reasoning: &Reasoning) {
    if let Some(effort) = reasoning.effort {
        object.string("effort", effort.name());
    }
    if let Some(budget) = reasoning.max_tokens {
        object.number("max_tokens", budget);
    }
    if let Some(enabled) = reasoning.enabled {
        object.boolean("enabled", enabled);
    }
    if reasoning.exclude {
        object.boolean("exclude", true);
    }
    if let Some(summary) = &reasoning.summary {
        object.string("summary", summary);
    }
    object.members(reasoning.extras.for_dialect(Dialect::OpenaiChat));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::{Abilities, Quirks};

    fn ask(way: ReasoningRequest, abilities: Abilities, reasoning: Reasoning) -> Vec<String> {
        let quirks = Quirks { reasoning_request: way, ..Quirks::default() };
        let target = Target::new("m", &quirks, &abilities);
        request_members(&reasoning, &target, Some(10_000), None)
            .unwrap()
            .into_iter()
            .map(|(name, json)| format!("{name}={json}"))
            .collect()
    }

    fn reasons() -> Abilities {
        Abilities {
            reasoning: ReasoningStyle::Effort,
            reasoning_default_on: true,
            ..Abilities::default()
        }
    }

    /// REASON-6
    #[test]
    fn each_host_is_asked_in_its_own_words() {
        use ReasoningRequest as Way;
        let high = || Reasoning { effort: Some(Effort::High), ..Reasoning::default() };
        let off = || Reasoning { enabled: Some(false), ..Reasoning::default() };
        for (way, on, never) in [
            (Way::Effort, vec![r#"reasoning_effort="high""#], vec![r#"reasoning_effort="none""#]),
            (
                Way::Reasoning,
                vec![r#"reasoning={"effort":"high"}"#],
                vec![r#"reasoning={"enabled":false}"#],
            ),
            (
                Way::ThinkingType,
                vec![r#"thinking={"type":"enabled"}"#],
                vec![r#"thinking={"type":"disabled"}"#],
            ),
            (
                Way::ThinkingTypeAndEffort,
                vec![r#"thinking={"type":"enabled"}"#, r#"reasoning_effort="high""#],
                vec![r#"thinking={"type":"disabled"}"#],
            ),
            (
                Way::EnableThinking,
                vec!["enable_thinking=true", "thinking_budget=8000"],
                vec!["enable_thinking=false"],
            ),
            (
                Way::ChatTemplate,
                vec![r#"chat_template_kwargs={"enable_thinking":true}"#],
                vec![r#"chat_template_kwargs={"enable_thinking":false}"#],
            ),
            (Way::None, vec![], vec![]),
        ] {
            assert_eq!(ask(way, reasons(), high()), on, "{way:?}");
            assert_eq!(ask(way, reasons(), off()), never, "{way:?}");
            let nothing = ask(way, reasons(), Reasoning::default());
            assert!(nothing.is_empty() || way == Way::Reasoning, "{way:?} {nothing:?}");
        }
    }

    /// Nobody pays for thoughts that were refused, whatever the host does by itself.
    #[test]
    fn a_switch_is_turned_off_even_where_it_may_be_off() {
        let off = || Reasoning { enabled: Some(false), ..Reasoning::default() };
        let quiet = Abilities { reasoning_default_on: false, ..reasons() };
        assert_eq!(
            ask(ReasoningRequest::EnableThinking, quiet.clone(), off()),
            ["enable_thinking=false"]
        );
        assert!(ask(ReasoningRequest::Effort, quiet, off()).is_empty());
    }

    /// REASON-13
    #[test]
    fn the_nearest_effort_is_sent_and_off_is_refused_where_reasoning_is_mandatory() {
        let abilities = Abilities { efforts: vec![Effort::Low, Effort::High], ..reasons() };
        let asked = Reasoning { effort: Some(Effort::Max), ..Reasoning::default() };
        assert_eq!(
            ask(ReasoningRequest::Effort, abilities, asked),
            vec![r#"reasoning_effort="high""#]
        );
        let abilities = Abilities { reasoning_mandatory: true, ..reasons() };
        let quirks = Quirks::default();
        let target = Target::new("m", &quirks, &abilities);
        let off = Reasoning { effort: Some(Effort::None), ..Reasoning::default() };
        assert_eq!(request_members(&off, &target, None, None).unwrap_err().status, 400);
    }

    /// Hosts have models of both kinds, and the one kind refuses what the other is asked by.
    #[test]
    fn a_switch_and_an_effort_are_told_apart() {
        let way = ReasoningRequest::ThinkingTypeAndEffort;
        let asked = |effort| Reasoning { effort: Some(effort), ..Reasoning::default() };
        let switched = Abilities { reasoning: ReasoningStyle::Toggle, ..reasons() };
        assert_eq!(ask(way, switched, asked(Effort::High)), [r#"thinking={"type":"enabled"}"#]);
        let always = Abilities {
            reasoning_mandatory: true,
            efforts: vec![Effort::Low, Effort::High, Effort::Max],
            ..reasons()
        };
        for (wished, sent) in [
            (Effort::Minimal, "low"),
            (Effort::Medium, "high"),
            (Effort::Xhigh, "high"),
            (Effort::Max, "max"),
        ] {
            let expected = format!("reasoning_effort=\"{sent}\"");
            assert_eq!(ask(way, always.clone(), asked(wished)), [expected]);
        }
        let on = Reasoning { enabled: Some(true), ..Reasoning::default() };
        assert!(ask(way, always.clone(), on).is_empty());
        let only_on = Abilities { reasoning: ReasoningStyle::Toggle, ..always };
        assert_eq!(ask(way, only_on, asked(Effort::Low)), [r#"thinking={"type":"enabled"}"#]);
    }

    #[test]
    fn a_model_that_does_not_reason_is_not_asked() {
        let asked = Reasoning { effort: Some(Effort::Low), ..Reasoning::default() };
        assert!(ask(ReasoningRequest::Effort, Abilities::default(), asked).is_empty());
    }

    #[test]
    fn template_arguments_of_the_caller_are_kept() {
        let sent = RawValue::from_string(r#"{"a":1,"enable_thinking":true}"#.to_owned()).unwrap();
        assert_eq!(template(false, Some(&sent)), r#"{"a":1,"enable_thinking":false}"#);
    }
}
