//! What an endpoint must be able to do.

use catalog::{Modalities, Parameter, Parameters};

use crate::candidate::Candidate;
use crate::group::Group;
use crate::reason::Reason;
use crate::situation::Situation;

/// Only weights stored as asked for. PROV-10
pub(super) fn quantization(
    situation: &Situation<'_>,
    _: &Group,
    candidate: &Candidate<'_>,
) -> Option<Reason> {
    let quantization = candidate.endpoint.quantization;
    let wanted = situation.preferences.quantizations?;
    (!wanted.has(quantization)).then_some(Reason::Quantization { quantization })
}

/// So many times may an estimated prompt be longer than an endpoint takes before it is left out.
const ESTIMATE_SLACK: u64 = 2;

/// The prompt must fit. It is measured by the estimate alone: room for the answer is the
/// provider's to judge, since answers are mostly shorter than their limit. An estimate of bytes
/// can be double what a tokenizer counts (indented code, other scripts than Latin), so what is not
/// far too long is only tried later: the provider knows best, and a context that is too long moves
/// on to endpoints with more room. What was counted for the model may be a sixteenth too much, for
/// providers that write prompts in another way. LB-9, FALL-2
pub(super) fn context_length(
    situation: &Situation<'_>,
    _: &Group,
    candidate: &Candidate<'_>,
) -> Option<Reason> {
    let tokens = situation.facts.estimated_prompt_tokens;
    let limit = candidate.endpoint.longest_prompt()?;
    let least = match situation.facts.counted_for == Some(candidate.model) {
        true => tokens - tokens / 16,
        false => tokens / ESTIMATE_SLACK,
    };
    (least > limit).then_some(Reason::ContextLength { tokens, limit })
}

/// It must be able to generate as much as is asked for. CHAT-5
pub(super) fn max_tokens(
    situation: &Situation<'_>,
    _: &Group,
    candidate: &Candidate<'_>,
) -> Option<Reason> {
    let tokens = situation.facts.max_output_tokens?;
    let limit = candidate.endpoint.max_completion_tokens.or(candidate.endpoint.context_length)?;
    (tokens > limit).then_some(Reason::MaxTokens { tokens, limit })
}

fn missing(wanted: Modalities, given: Modalities) -> Option<Modalities> {
    (!given.covers(wanted))
        .then(|| wanted.iter().filter(|modality| !given.has(*modality)).collect())
}

/// It must take what the prompt holds. LB-9
pub(super) fn input_modalities(
    situation: &Situation<'_>,
    _: &Group,
    candidate: &Candidate<'_>,
) -> Option<Reason> {
    missing(situation.facts.input_modalities, candidate.endpoint.input_modalities)
        .map(|missing| Reason::InputModalities { missing })
}

/// It must give what is asked for. LB-9
pub(super) fn output_modalities(
    situation: &Situation<'_>,
    _: &Group,
    candidate: &Candidate<'_>,
) -> Option<Reason> {
    missing(situation.facts.output_modalities, candidate.endpoint.output_modalities)
        .map(|missing| Reason::OutputModalities { missing })
}

/// Every parameter sent must be supported, if the request says so. Spellings of one thing count
/// as one. PROV-5, STRUCT-2
pub(super) fn require_parameters(
    situation: &Situation<'_>,
    _: &Group,
    candidate: &Candidate<'_>,
) -> Option<Reason> {
    if !situation.preferences.require_parameters {
        return None;
    }
    let supported = with_spellings(candidate.endpoint.supported_parameters);
    let missing = situation.facts.parameters.without(supported);
    (!missing.is_empty()).then_some(Reason::Parameters { missing })
}

/// Adds the other spellings of what is supported: both limits of the answer's length, and the
/// parts of `reasoning`.
pub(super) fn with_spellings(supported: Parameters) -> Parameters {
    let mut all = supported;
    for (has, brings) in [
        (Parameter::MaxTokens, Parameter::MaxCompletionTokens),
        (Parameter::MaxCompletionTokens, Parameter::MaxTokens),
        (Parameter::Reasoning, Parameter::ReasoningEffort),
        (Parameter::Reasoning, Parameter::IncludeReasoning),
        (Parameter::StructuredOutputs, Parameter::ResponseFormat),
    ] {
        if supported.has(has) {
            all = all.with(brings);
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use catalog::{Endpoint, Modality, Quantization};

    use super::*;
    use crate::AvailabilityCode;
    use crate::fixture::{Scene, catalog_with, endpoint, text_and_image};

    fn with(tag: &str, change: impl Fn(&mut Endpoint)) -> Endpoint {
        let mut made = endpoint("x/a", tag, "1");
        change(&mut made);
        made
    }

    fn sorted(scene: &Scene) -> Vec<&str> {
        let mut tags = scene.tags(1);
        tags.sort_unstable();
        tags
    }

    /// PROV-10
    #[test]
    fn quantizations_filter_and_unknown_is_a_level_of_its_own() {
        let scene = || {
            Scene::new(vec![
                with("four", |made| made.quantization = Quantization::Mxfp4),
                with("eight", |made| made.quantization = Quantization::Fp8),
                with("unknown", |_| {}),
            ])
        };
        for (object, expected) in [
            ("{}", vec!["eight", "four", "unknown"]),
            (r#"{"quantizations":["fp4"]}"#, vec!["four"]),
            (r#"{"quantizations":["fp8","unknown"]}"#, vec!["eight", "unknown"]),
            (r#"{"quantizations":["int4"]}"#, vec![]),
        ] {
            assert_eq!(sorted(&scene().provider_object(object)), expected, "{object}");
        }
    }

    /// CHAT-5, LB-9
    #[test]
    fn prompt_and_answer_must_fit() {
        let scene = |tokens, most| {
            let mut scene = Scene::new(vec![
                with("small", |made| made.context_length = Some(1_000)),
                with("input", |made| {
                    made.context_length = Some(9_000);
                    made.max_prompt_tokens = Some(2_000);
                }),
                with("output", |made| {
                    made.context_length = Some(9_000);
                    made.max_completion_tokens = Some(500);
                }),
                with("unknown", |_| {}),
            ]);
            scene.facts.estimated_prompt_tokens = tokens;
            scene.facts.max_output_tokens = most;
            scene
        };
        for (tokens, most, expected) in [
            (1_000, None, vec!["input", "output", "small", "unknown"]),
            (2_001, None, vec!["input", "output", "small", "unknown"]),
            (2_002, None, vec!["input", "output", "unknown"]),
            (4_002, None, vec!["output", "unknown"]),
            (10, Some(500), vec!["input", "output", "small", "unknown"]),
            (10, Some(501), vec!["input", "small", "unknown"]),
            (10, Some(9_001), vec!["unknown"]),
        ] {
            assert_eq!(sorted(&scene(tokens, most)), expected, "{tokens} {most:?}");
        }
    }

    /// LB-9: what was counted is held against endpoints of the model it was counted for.
    #[test]
    fn a_prompt_that_was_counted_is_left_out_where_it_does_not_fit() {
        let mut scene = Scene::new(vec![
            with("small", |made| made.context_length = Some(1_000)),
            with("large", |made| made.context_length = Some(9_000)),
        ]);
        for (tokens, counted, expected) in [
            (1_060, true, vec!["large", "small"]),
            (1_080, true, vec!["large"]),
            (1_080, false, vec!["large", "small"]),
        ] {
            scene.facts.estimated_prompt_tokens = tokens;
            scene.facts.counted_for = counted.then_some(catalog::ModelId(0));
            assert_eq!(sorted(&scene), expected, "{tokens} {counted}");
        }
    }

    /// LB-9: an estimate is no count.
    #[test]
    fn a_prompt_that_may_not_fit_is_tried_where_there_is_more_room_first() {
        let mut scene = Scene::new(vec![
            with("small", |made| made.context_length = Some(1_000)),
            with("large", |made| {
                made.context_length = Some(9_000);
                made.price = endpoint("x/a", "large", "9").price;
            }),
        ])
        .provider_object(r#"{"sort":"price"}"#);
        scene.facts.estimated_prompt_tokens = 1_000;
        assert_eq!(scene.tags(1), ["small", "large"]);
        scene.facts.estimated_prompt_tokens = 1_001;
        assert_eq!(scene.tags(1), ["large", "small"]);
        let scene = scene.provider_object(r#"{"order":["small"]}"#);
        assert_eq!(scene.tags(1), ["small", "large"], "the caller's order holds");
    }

    /// LB-9, LB-10
    #[test]
    fn modalities_must_be_covered_both_ways() {
        let mut scene = Scene::new(vec![
            with("sees", |made| made.input_modalities = text_and_image()),
            with("paints", |made| made.output_modalities = text_and_image()),
        ]);
        scene.facts.input_modalities = text_and_image();
        assert_eq!(scene.tags(1), ["sees"]);
        scene.facts.input_modalities = Modalities::TEXT;
        scene.facts.output_modalities = text_and_image();
        assert_eq!(scene.tags(1), ["paints"]);
        scene.facts.output_modalities = Modalities::TEXT.with(Modality::Audio);
        let refusal = scene.refusal();
        assert_eq!(refusal.availability.code, AvailabilityCode::ConstraintFiltered);
        assert!(refusal.message.contains("audio"), "{}", refusal.message);
    }

    /// ERR-10
    #[test]
    fn a_refusal_names_the_member_of_the_api_that_was_used() {
        use catalog::ModelKind::{Chat, Embedding, Rerank};

        use crate::Surface;
        for (surface, kind, prompt, limit, modalities) in [
            (Surface::Chat, Chat, "messages", "max_tokens", "modalities"),
            (Surface::Responses, Chat, "input", "max_output_tokens", "modalities"),
            (
                Surface::Gemini,
                Chat,
                "contents",
                "generationConfig.maxOutputTokens",
                "generationConfig.responseModalities",
            ),
            (Surface::Completions, Chat, "prompt", "max_tokens", "modalities"),
            (Surface::Embeddings, Embedding, "input", "max_tokens", "modalities"),
            (Surface::Rerank, Rerank, "documents", "max_tokens", "modalities"),
        ] {
            let field = |change: &dyn Fn(&mut crate::Facts)| {
                let small = with("small", |made| made.context_length = Some(1_000));
                let catalog = catalog_with(vec![small], |model| model.kind = kind, |_| {});
                let mut scene = Scene::of(catalog).ask(&["x/a"]);
                scene.facts.surface = surface;
                change(&mut scene.facts);
                scene.refusal().availability.constraint.unwrap().field
            };
            assert_eq!(field(&|facts| facts.estimated_prompt_tokens = 9_000), prompt);
            assert_eq!(field(&|facts| facts.input_modalities = text_and_image()), prompt);
            assert_eq!(field(&|facts| facts.max_output_tokens = Some(9_000)), limit);
            assert_eq!(field(&|facts| facts.output_modalities = text_and_image()), modalities);
        }
    }

    /// PROV-5, STRUCT-2
    #[test]
    fn required_parameters_must_all_be_supported_in_any_spelling() {
        let supports = |names: &[Parameter]| names.iter().copied().collect::<Parameters>();
        let all = supports(&[Parameter::MaxTokens, Parameter::Seed, Parameter::StructuredOutputs]);
        let mut scene = Scene::new(vec![
            with("all", |made| made.supported_parameters = all),
            with("some", |made| made.supported_parameters = supports(&[Parameter::Seed])),
        ])
        .provider_object(r#"{"require_parameters":true}"#);
        for (sent, expected) in [
            (vec![Parameter::Seed], vec!["all", "some"]),
            (vec![Parameter::Seed, Parameter::MaxCompletionTokens], vec!["all"]),
            (vec![Parameter::ResponseFormat], vec!["all"]),
            (vec![Parameter::TopK], vec![]),
        ] {
            scene.facts.parameters = supports(&sent);
            assert_eq!(sorted(&scene), expected, "{sent:?}");
        }
        assert_eq!(scene.refusal().availability.excluded_by, ["require_parameters"]);
        scene.preferences.require_parameters = false;
        assert_eq!(sorted(&scene), ["all", "some"], "otherwise they are dropped: CHAT-4");
    }
}
