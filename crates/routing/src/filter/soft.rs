//! The soft preference for endpoints that can do what the request uses. PROV-9

use catalog::{Parameter, Parameters};

use super::capability::with_spellings;
use crate::candidate::Candidate;
use crate::facts::StructuredOutput;
use crate::plan::{Exclusion, Subject};
use crate::reason::Reason;
use crate::situation::Situation;

/// Leaves endpoints out that do not support tools, structured output or verbosity, where the
/// request uses them and another candidate of the same model does. Taken one after the other, so
/// that a model is never left without any. PROV-9, STRUCT-2
pub(crate) fn prefer_capable(
    situation: &Situation<'_>,
    candidates: &mut Vec<Candidate<'_>>,
    exclusions: &mut Vec<Exclusion>,
) {
    let facts = situation.facts;
    if facts.has_tools() {
        prefer(Parameter::Tools, candidates, exclusions);
    }
    match facts.structured {
        StructuredOutput::None => {}
        StructuredOutput::JsonObject => prefer(Parameter::ResponseFormat, candidates, exclusions),
        StructuredOutput::JsonSchema => {
            // A plain JSON mode is the next best thing to a schema, but no rival of it.
            prefer_over(
                Parameter::StructuredOutputs,
                Some(Parameter::ResponseFormat),
                candidates,
                exclusions,
            );
        }
    }
    if facts.parameters.has(Parameter::Verbosity) {
        prefer(Parameter::Verbosity, candidates, exclusions);
    }
}

fn prefer(wanted: Parameter, candidates: &mut Vec<Candidate<'_>>, out: &mut Vec<Exclusion>) {
    prefer_over(wanted, None, candidates, out);
}

/// Keeps, per model, those that support `wanted`; if none does, those that support `else_wanted`;
/// if none does, all.
fn prefer_over(
    wanted: Parameter,
    else_wanted: Option<Parameter>,
    candidates: &mut Vec<Candidate<'_>>,
    exclusions: &mut Vec<Exclusion>,
) {
    let has = |candidate: &Candidate<'_>, parameter| {
        with_spellings(candidate.endpoint.supported_parameters).has(parameter)
    };
    let groups = candidates.last().map_or(0, |last| last.group + 1);
    for group in 0..groups {
        let mut of_model = candidates.iter().filter(|candidate| candidate.group == group);
        let decisive = if of_model.clone().any(|candidate| has(candidate, wanted)) {
            wanted
        } else if let Some(other) = else_wanted
            && of_model.any(|candidate| has(candidate, other))
        {
            other
        } else {
            continue;
        };
        candidates.retain(|candidate| {
            let keep = candidate.group != group || has(candidate, decisive);
            if !keep {
                exclusions.push(Exclusion {
                    subject: Subject::Endpoint(candidate.id),
                    reason: Reason::Capability { missing: Parameters::NONE.with(decisive) },
                });
            }
            keep
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{Scene, endpoint};

    fn scene(supported: &[(&str, &[Parameter])]) -> Scene {
        Scene::new(
            supported
                .iter()
                .map(|(tag, parameters)| {
                    let mut made = endpoint("x/a", tag, "1");
                    made.supported_parameters = parameters.iter().copied().collect();
                    made
                })
                .collect(),
        )
    }

    /// PROV-9, STRUCT-2
    #[test]
    fn endpoints_that_can_are_used_if_there_are_any() {
        use Parameter::{ResponseFormat, StructuredOutputs, Tools, Verbosity};
        use StructuredOutput::{JsonObject, JsonSchema, None as Text};
        let all: &[(&str, &[Parameter])] = &[
            ("bare", &[]),
            ("json", &[ResponseFormat]),
            ("schema", &[StructuredOutputs]),
            ("tools", &[Tools]),
            ("verbose", &[Tools, Verbosity]),
        ];
        for (supported, sent, structured, expected) in [
            (all, vec![], Text, vec!["bare", "json", "schema", "tools", "verbose"]),
            (all, vec![Tools], Text, vec!["tools", "verbose"]),
            (all, vec![Tools, Verbosity], Text, vec!["verbose"]),
            (all, vec![], JsonObject, vec!["json", "schema"]),
            (all, vec![], JsonSchema, vec!["schema"]),
            (&all[..2], vec![], JsonSchema, vec!["json"]),
            (&all[..1], vec![Tools], JsonSchema, vec!["bare"]),
            (&all[..2], vec![Tools], Text, vec!["bare", "json"]),
            // None can do both: tools are looked at first, and nothing is left without a route.
            (all, vec![Tools], JsonSchema, vec!["tools", "verbose"]),
        ] {
            let mut scene = scene(supported);
            scene.facts.parameters = sent.iter().copied().collect();
            scene.facts.structured = structured;
            let mut tags = scene.tags(1);
            tags.sort_unstable();
            assert_eq!(tags, expected, "{sent:?} {structured:?}");
        }
    }

    /// PROV-9: the preference looks at one model at a time.
    #[test]
    fn a_model_that_can_does_not_push_out_one_that_cannot() {
        let mut able = endpoint("x/b", "q", "1");
        able.supported_parameters = Parameters::NONE.with(Parameter::Tools);
        let mut scene = Scene::new(vec![endpoint("x/a", "p", "1"), able]);
        scene.facts.parameters = Parameters::NONE.with(Parameter::Tools);
        assert_eq!(scene.tags(1), ["p", "q"]);
    }
}
