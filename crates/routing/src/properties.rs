//! What holds for every plan, whatever is asked: the filters are written down here a second time,
//! from the other side.

use std::collections::HashSet;

use catalog::{
    Endpoint, EndpointStatus, Modalities, Parameter, Parameters, Quantization, ServiceTier,
};
use proptest::prelude::*;

use crate::fixture::{Record, Scene, endpoint, flat, text_and_image};
use crate::health::{Condition, ToolRecord, UptimeTier};
use crate::{Available, Credential, NoRoute, Plan, Reason, Subject};

const TAGS: [&str; 10] =
    ["a", "a/flex", "a/priority", "b", "b/us-east5", "c", "d/turbo", "d", "e", "f"];

fn endpoints() -> impl Strategy<Value = Vec<Endpoint>> {
    let one = (
        prop::sample::select(vec!["x/a", "x/b", "y/c"]),
        prop::sample::select(TAGS.to_vec()),
        0_u32..4,
        prop::option::of(100_u64..2_000),
        prop::option::of(100_u64..2_000),
        prop::sample::select(vec![Quantization::Unknown, Quantization::Mxfp4, Quantization::Fp8]),
        any::<(bool, bool, bool, bool)>(),
        any::<(bool, bool, bool)>(),
        prop::bool::weighted(0.1),
    );
    prop::collection::vec(one, 1..14).prop_map(|drawn| {
        let mut seen = HashSet::new();
        drawn
            .into_iter()
            .filter(|one| seen.insert((one.0, one.1)))
            .map(|(model, tag, price, context, most, quantization, can, data, disabled)| {
                let mut made = endpoint(model, tag, &price.to_string());
                made.context_length = context;
                made.max_completion_tokens = most;
                made.quantization = quantization;
                made.service_tier = match tag.split_once('/') {
                    Some((_, "flex")) => ServiceTier::Flex,
                    Some((_, "priority")) => ServiceTier::Priority,
                    _ => ServiceTier::Default,
                };
                if can.0 {
                    made.input_modalities = text_and_image();
                }
                for (able, parameter) in [
                    (can.1, Parameter::Tools),
                    (can.2, Parameter::ResponseFormat),
                    (can.3, Parameter::Seed),
                ] {
                    if able {
                        made.supported_parameters = made.supported_parameters.with(parameter);
                    }
                }
                made.data_policy = Some(catalog::DataPolicy {
                    trains: data.0,
                    retains: data.1,
                    zero_retention: data.2,
                    ..catalog::DataPolicy::default()
                });
                if disabled {
                    made.status = EndpointStatus::Disabled;
                }
                made
            })
            .collect()
    })
}

fn objects() -> impl Strategy<Value = String> {
    let members = prop::sample::subsequence(
        vec![
            r#""order":["b","a/priority","zzz"]"#,
            r#""allow_fallbacks":false"#,
            r#""require_parameters":true"#,
            r#""data_collection":"deny""#,
            r#""zdr":true"#,
            r#""only":["a","b","d/turbo","f"]"#,
            r#""ignore":["b/us-east5","c"]"#,
            r#""quantizations":["fp4","unknown"]"#,
            r#""sort":{"by":"throughput","partition":"none"}"#,
            r#""preferred_min_throughput":{"p90":50}"#,
            r#""max_price":{"prompt":2}"#,
        ],
        0..5,
    );
    members.prop_map(|members| format!("{{{}}}", members.join(",")))
}

fn records() -> impl Strategy<Value = Vec<Record>> {
    let one = (any::<(bool, bool)>(), 0_u8..3, prop::option::of(1.0_f64..100.0)).prop_map(
        |((failing, rate_limited), uptime, throughput)| Record {
            condition: Condition {
                failing,
                rate_limited,
                uptime: match uptime {
                    0 => UptimeTier::Normal,
                    1 => UptimeTier::Degraded,
                    _ => UptimeTier::Poor,
                },
            },
            latency: None,
            throughput: throughput.and_then(flat),
            tools: ToolRecord { requests: 100, tool_requests: 200, invalid: u64::from(uptime) },
        },
    );
    prop::collection::vec(one, 14)
}

fn scenes() -> impl Strategy<Value = Scene> {
    (
        endpoints(),
        objects(),
        records(),
        prop::collection::vec((0_u8..3, 0_u8..2, 0_u8..2, any::<bool>()), TAGS.len()),
        (0_u64..1_500, prop::option::of(1_u64..1_500), any::<bool>(), any::<u8>()),
        prop::option::of(prop::sample::select(vec!["flex", "priority", "default", "auto"])),
    )
        .prop_map(|(endpoints, object, records, credentials, facts, tier)| {
            let mut scene = Scene::new(endpoints).provider_object(&object);
            let ids: Vec<_> = scene.catalog.endpoints().map(|(id, _)| id).collect();
            scene.health.0 = ids.into_iter().zip(records).collect();
            for (tag, (own, shared, fallback, exclusive)) in TAGS.iter().zip(credentials) {
                let available =
                    Available { own: own / 2, shared, fallback, exclusive, ..Available::NONE };
                scene.credentials.insert((*tag).to_owned(), available);
            }
            scene.facts.estimated_prompt_tokens = facts.0;
            scene.facts.max_output_tokens = facts.1;
            if facts.2 {
                scene.facts.input_modalities = text_and_image();
            }
            for (bit, parameter) in [Parameter::Tools, Parameter::Seed].into_iter().enumerate() {
                if facts.3 >> bit & 1 == 1 {
                    scene.facts.parameters = scene.facts.parameters.with(parameter);
                }
            }
            scene.facts.service_tier = tier.and_then(crate::TierAsked::from_name);
            scene
        })
}

/// The hard filters, said again. LB-9
fn may_be_tried(scene: &Scene, made: &Endpoint) -> bool {
    let preferences = &scene.preferences;
    let facts = &scene.facts;
    let policy = made.data_policy.as_ref().unwrap();
    let named =
        |list: &[crate::ProviderPattern], text: &str| list.iter().any(|entry| entry.text() == text);
    let provider = made.provider.as_str();
    let tier = made.service_tier;
    let asked = facts.tier();
    made.status != EndpointStatus::Disabled
        && (tier == ServiceTier::Default
            || asked.admits(tier)
            || named(&preferences.order, &made.tag)
            || named(&preferences.only, &made.tag))
        && (preferences.only.is_empty()
            || named(&preferences.only, provider)
            || named(&preferences.only, &made.tag))
        && !named(&preferences.ignore, provider)
        && !named(&preferences.ignore, &made.tag)
        && !(preferences.deny_data_collection && (policy.trains || policy.retains))
        && (!preferences.zdr || policy.zero_retention)
        && preferences.quantizations.is_none_or(|set| set.has(made.quantization))
        && preferences
            .max_price
            .prompt
            .is_none_or(|limit| made.price.get(catalog::Meter::Prompt).unwrap() <= limit)
        && made.context_length.is_none_or(|limit| facts.estimated_prompt_tokens / 2 <= limit)
        && facts.max_output_tokens.is_none_or(|asked| {
            made.max_completion_tokens.or(made.context_length).is_none_or(|limit| asked <= limit)
        })
        && made.input_modalities.covers(facts.input_modalities)
        && made.output_modalities.covers(Modalities::TEXT)
        && (!preferences.require_parameters || made.supported_parameters.covers(facts.parameters))
}

/// Every endpoint of the models found is tried or left out with one reason, and never both.
fn everything_is_accounted_for(scene: &Scene, plan: &Result<Plan, Box<NoRoute>>) {
    let (models, attempts, exclusions) = match plan {
        Ok(plan) => (&plan.models, plan.attempts.as_slice(), &plan.exclusions),
        Err(refusal) => (&refusal.models, [].as_slice(), &refusal.exclusions),
    };
    let tried: HashSet<_> = attempts.iter().map(|attempt| attempt.endpoint).collect();
    let mut left_out = HashSet::new();
    for exclusion in exclusions {
        if let Subject::Endpoint(id) = exclusion.subject {
            assert!(left_out.insert(id), "one reason each");
            assert!(!tried.contains(&id), "not both");
            assert!(!exclusion.reason.to_string().is_empty());
        }
    }
    for found in models {
        for id in scene.catalog.endpoints_of(found.model) {
            assert!(tried.contains(&id) || left_out.contains(&id), "neither");
        }
    }
}

proptest! {
    #[test]
    fn a_seed_and_a_situation_give_one_plan(scene in scenes(), seed in any::<u64>()) {
        prop_assert_eq!(scene.plan(seed), scene.plan(seed));
    }

    #[test]
    fn every_endpoint_is_tried_or_left_out_with_a_reason(scene in scenes(), seed in any::<u64>()) {
        everything_is_accounted_for(&scene, &scene.plan(seed));
    }

    #[test]
    fn a_plan_respects_every_hard_filter(scene in scenes(), seed in any::<u64>()) {
        if let Ok(plan) = scene.plan(seed) {
            let mut copies = HashSet::new();
            for attempt in &plan.attempts {
                let made = scene.catalog.endpoint(attempt.endpoint);
                prop_assert!(may_be_tried(&scene, made), "{:?}", made);
                let available = scene.credentials[&made.tag];
                let count = match attempt.credential {
                    Credential::Own(at) => at < available.own,
                    Credential::Shared(at) => at < available.usable_shared(),
                    Credential::Fallback(at) => at < available.fallback,
                };
                prop_assert!(count, "the credential is there");
                prop_assert!(copies.insert((attempt.endpoint, attempt.credential)), "once");
            }
        }
    }

    /// The other way round: what no hard filter touches is left out by later rules only.
    #[test]
    fn nothing_is_left_out_without_need(scene in scenes(), seed in any::<u64>()) {
        let exclusions = match scene.plan(seed) {
            Ok(plan) => plan.exclusions,
            Err(refusal) => refusal.exclusions,
        };
        for exclusion in exclusions {
            let Subject::Endpoint(id) = exclusion.subject else { continue };
            let made = scene.catalog.endpoint(id);
            let later = matches!(
                exclusion.reason,
                Reason::Capability { .. }
                    | Reason::FallbacksOff
                    | Reason::NoCredential
                    | Reason::ServiceTier { tier: ServiceTier::Default | ServiceTier::Priority }
            );
            prop_assert!(later || !may_be_tried(&scene, made), "{:?}", exclusion.reason);
        }
    }

    /// FALL-5, BYOK-3
    #[test]
    fn models_stay_in_order_and_own_credentials_first_in_each(
        scene in scenes(),
        seed in any::<u64>(),
    ) {
        if let Ok(plan) = scene.plan(seed) {
            let class = |credential| match credential {
                Credential::Own(_) => 0,
                Credential::Shared(_) => 1,
                Credential::Fallback(_) => 2,
            };
            let partitioned = scene.preferences.partition != Some(crate::Partition::None);
            let places: Vec<_> = plan
                .attempts
                .iter()
                .map(|attempt| {
                    (if partitioned { attempt.asked } else { 0 }, class(attempt.credential))
                })
                .collect();
            prop_assert!(places.is_sorted(), "{:?}", places);
        }
    }

    /// LB-1: chance changes the order, never what is tried.
    #[test]
    fn chance_decides_the_order_and_nothing_else(scene in scenes(), one in any::<u64>(), two in any::<u64>()) {
        let endpoints = |seed| {
            let mut ids: Vec<_> = match scene.plan(seed) {
                Ok(plan) => plan.attempts.iter().map(|attempt| attempt.endpoint).collect(),
                Err(_) => Vec::new(),
            };
            ids.sort_unstable();
            ids
        };
        if scene.preferences.allow_fallbacks {
            prop_assert_eq!(endpoints(one), endpoints(two));
        }
        prop_assert_eq!(endpoints(one).is_empty(), endpoints(two).is_empty());
    }
}

#[test]
fn parameters_of_the_generator_reach_the_soft_preference() {
    // Guards the properties above against a generator that never gets there.
    let mut scene = Scene::new(vec![endpoint("x/a", "a", "1"), {
        let mut able = endpoint("x/a", "b", "1");
        able.supported_parameters = Parameters::NONE.with(Parameter::Tools);
        able
    }]);
    scene.facts.parameters = Parameters::NONE.with(Parameter::Tools);
    let plan = scene.plan(1).unwrap();
    assert!(matches!(plan.exclusions[0].reason, Reason::Capability { .. }));
}
