//! Whether an endpoint is there for this request: status, credentials, service tier, lists.

use catalog::{EndpointStatus, ServiceTier};

use crate::candidate::Candidate;
use crate::group::Group;
use crate::pattern::{Fit, ProviderPattern};
use crate::plan::Via;
use crate::policy::Source;
use crate::reason::Reason;
use crate::situation::Situation;

/// Switched-off endpoints are not tried.
pub(super) fn status(_: &Situation<'_>, _: &Group, candidate: &Candidate<'_>) -> Option<Reason> {
    (candidate.endpoint.status == EndpointStatus::Disabled).then_some(Reason::Disabled)
}

/// An endpoint without any credential is not tried.
pub(super) fn credential(
    _: &Situation<'_>,
    _: &Group,
    candidate: &Candidate<'_>,
) -> Option<Reason> {
    if candidate.available.any() {
        None
    } else if candidate.available.by_other_profile {
        Some(Reason::InferenceProfile)
    } else {
        Some(Reason::NoCredential)
    }
}

/// The fast sibling is used at its author only. TIER-10
pub(super) fn first_party(
    situation: &Situation<'_>,
    group: &Group,
    candidate: &Candidate<'_>,
) -> Option<Reason> {
    (group.resolved.via == Via::FastSibling
        && candidate.provider.slug != situation.catalog.model(candidate.model).author())
    .then_some(Reason::NotFirstParty)
}

/// Other tiers must be asked for, admitted by a variant, or named; flex excludes everything else
/// where the model has it. TIER-1, TIER-3, TIER-4, TIER-5, SLUG-4
pub(super) fn service_tier(
    situation: &Situation<'_>,
    group: &Group,
    candidate: &Candidate<'_>,
) -> Option<Reason> {
    let tier = candidate.endpoint.service_tier;
    let refused = Some(Reason::ServiceTier { tier });
    if group.flex_only {
        return if tier == ServiceTier::Flex { None } else { refused };
    }
    if tier == ServiceTier::Default || candidate.tier_admitted {
        return None;
    }
    let preferences = situation.preferences;
    if named(&preferences.order, candidate) || named(&preferences.only, candidate) {
        None
    } else {
        refused
    }
}

/// Whether a list names this very endpoint. SLUG-3
fn named(patterns: &[ProviderPattern], candidate: &Candidate<'_>) -> bool {
    patterns
        .iter()
        .any(|pattern| pattern.fit(candidate.endpoint, candidate.provider) == Fit::Endpoint)
}

/// `only` of the request and the lists of account and guardrails must all admit. PROV-4, GUARD-5
pub(super) fn allowed(
    situation: &Situation<'_>,
    _: &Group,
    candidate: &Candidate<'_>,
) -> Option<Reason> {
    let only = &situation.preferences.only;
    let admitted = candidate.tier_admitted || named(&situation.preferences.order, candidate);
    let selects = |pattern: &ProviderPattern| {
        pattern.selects(candidate.endpoint, candidate.provider, admitted)
    };
    if !only.is_empty() && !only.iter().any(selects) {
        return Some(Reason::NotAllowed { source: Source::Request });
    }
    // The lists of a policy name who may see data: a provider's slug means all of its tiers.
    let admits =
        |pattern: &ProviderPattern| pattern.removes(candidate.endpoint, candidate.provider);
    situation
        .policy
        .allowed_providers
        .iter()
        .find(|list| !list.providers.iter().any(admits))
        .map(|list| Reason::NotAllowed { source: list.source })
}

/// `ignore` of the request and of the policy add up. PROV-4
pub(super) fn ignored(
    situation: &Situation<'_>,
    _: &Group,
    candidate: &Candidate<'_>,
) -> Option<Reason> {
    let hit = |patterns: &[ProviderPattern]| {
        patterns.iter().any(|pattern| pattern.removes(candidate.endpoint, candidate.provider))
    };
    if hit(&situation.preferences.ignore) {
        return Some(Reason::Ignored { source: Source::Request });
    }
    hit(&situation.policy.ignored_providers).then_some(Reason::Ignored { source: Source::Account })
}

#[cfg(test)]
mod tests {
    use catalog::{Endpoint, Slug};

    use super::*;
    use crate::fixture::{Scene, catalog_with, endpoint, model};
    use crate::policy::AllowedProviders;
    use crate::{Available, Speed, TierAsked};

    fn tier(tag: &str, dollars: &str, tier: ServiceTier) -> Endpoint {
        let mut made = endpoint("x/a", tag, dollars);
        made.service_tier = tier;
        made
    }

    fn tiers() -> Scene {
        Scene::new(vec![
            tier("openai", "2", ServiceTier::Default),
            tier("openai/flex", "1", ServiceTier::Flex),
            tier("openai/priority", "4", ServiceTier::Priority),
            tier("other", "3", ServiceTier::Default),
        ])
    }

    fn sorted(scene: &Scene) -> Vec<&str> {
        let mut tags = scene.tags(1);
        tags.sort_unstable();
        tags
    }

    #[test]
    fn what_is_switched_off_or_has_no_credential_is_left_out() {
        let mut off = endpoint("x/a", "off", "1");
        off.status = EndpointStatus::Disabled;
        let mut old = endpoint("x/a", "old", "1");
        old.status = EndpointStatus::Deprecated;
        let (none, other) = (endpoint("x/a", "none", "1"), endpoint("x/a", "other", "1"));
        let scene = Scene::new(vec![off, old, none, other])
            .credential("none", Available::NONE)
            .credential("other", Available::BY_OTHER_PROFILE);
        assert_eq!(scene.tags(1), ["old"]);
        let exclusions = scene.plan(1).unwrap().exclusions;
        assert_eq!(
            exclusions.iter().map(|exclusion| exclusion.reason).collect::<Vec<_>>(),
            [Reason::NoCredential, Reason::Disabled, Reason::InferenceProfile]
        );
    }

    /// TIER-1, TIER-2, TIER-3, TIER-5
    #[test]
    fn tiers_are_admitted_by_service_tier_and_by_variants() {
        use TierAsked::{Default as Plain, Flex, Priority};
        for (slug, asked, expected) in [
            ("x/a", None, vec!["openai", "other"]),
            ("x/a", Some(Plain), vec!["openai", "other"]),
            ("x/a", Some(Priority), vec!["openai", "openai/priority", "other"]),
            ("x/a", Some(Flex), vec!["openai/flex"]),
            ("x/a:nitro", None, vec!["openai", "openai/priority", "other"]),
            ("x/a:nitro", Some(Plain), vec!["openai", "other"]),
            ("x/a:floor", None, vec!["openai", "openai/flex", "other"]),
            ("x/a:floor", Some(Plain), vec!["openai", "other"]),
            ("x/a:exacto", None, vec!["openai", "other"]),
        ] {
            let mut scene = tiers().ask(&[slug]);
            scene.facts.service_tier = asked;
            assert_eq!(sorted(&scene), expected, "{slug} {asked:?}");
        }
        let scene = tiers().ask(&["x/a:nitro"]).provider_object(r#"{"order":["other"]}"#);
        assert_eq!(sorted(&scene), ["openai", "other"], "an order turns the admission off");
    }

    /// TIER-3
    #[test]
    fn flex_on_a_model_without_flex_runs_normally() {
        let mut scene = Scene::new(vec![endpoint("x/a", "p", "1")]);
        scene.facts.service_tier = Some(TierAsked::Flex);
        assert_eq!(scene.tags(1), ["p"]);
        let mut scene = tiers().credential("openai/flex", Available::NONE);
        scene.facts.service_tier = Some(TierAsked::Flex);
        assert_eq!(sorted(&scene), ["openai", "other"], "flex nobody can call is no flex");
    }

    /// TIER-4, SLUG-4
    #[test]
    fn naming_a_tier_admits_it_and_a_base_slug_does_not() {
        for (object, expected) in [
            (r#"{"only":["openai"]}"#, vec!["openai"]),
            (r#"{"only":["openai/priority"]}"#, vec!["openai/priority"]),
            (r#"{"only":["openai","openai/flex"]}"#, vec!["openai", "openai/flex"]),
            (r#"{"order":["openai/priority"]}"#, vec!["openai", "openai/priority", "other"]),
            (
                r#"{"order":["openai/priority"],"only":["openai"]}"#,
                vec!["openai", "openai/priority"],
            ),
        ] {
            assert_eq!(sorted(&tiers().provider_object(object)), expected, "{object}");
        }
        let mut scene = tiers().provider_object(r#"{"only":["openai"]}"#);
        scene.facts.service_tier = Some(TierAsked::Priority);
        assert_eq!(sorted(&scene), ["openai", "openai/priority"]);
    }

    /// PROV-4, GUARD-5
    #[test]
    fn allow_lists_intersect_and_ignore_lists_add_up() {
        let list = |source, names: &[&str]| AllowedProviders {
            source,
            providers: names.iter().map(|name| ProviderPattern::new(name)).collect(),
        };
        let mut scene =
            Scene::new(["a", "b", "c", "d"].iter().map(|tag| endpoint("x/m", tag, "1")).collect())
                .provider_object(r#"{"only":["a","b","c"],"ignore":["c"]}"#);
        assert_eq!(sorted(&scene), ["a", "b"]);
        scene.policy.allowed_providers = vec![list(Source::Account, &["b", "c", "d"])];
        assert_eq!(sorted(&scene), ["b"]);
        scene.policy.ignored_providers = vec![ProviderPattern::new("b")];
        let refusal = scene.refusal();
        assert_eq!(refusal.availability.code, crate::AvailabilityCode::NoEndpoints);
        assert_eq!(refusal.availability.excluded_by, ["allowed_providers"]);
        assert!(
            refusal
                .message
                .starts_with("No allowed providers are available for the selected model."),
            "{}",
            refusal.message
        );
        assert_eq!(refusal.status, 404);
        scene.policy.ignored_providers.clear();
        scene.policy.allowed_providers = vec![list(Source::Guardrail, &["z"])];
        assert_eq!(scene.refusal().status, 403, "a guardrail's list is a 403: GUARD-7");
    }

    /// TIER-10
    #[test]
    fn fast_mode_goes_to_the_sibling_at_its_author() {
        let endpoints = vec![
            endpoint("anthropic/opus", "anthropic", "1"),
            endpoint("anthropic/opus-fast", "anthropic", "6"),
            endpoint("anthropic/opus-fast", "vertex", "6"),
        ];
        let mut scene = Scene::of(catalog_with(endpoints, |_| {}, |_| {})).ask(&["anthropic/opus"]);
        scene.facts.speed = Some(Speed::Fast);
        let plan = scene.plan(1).unwrap();
        assert_eq!(plan.attempts.len(), 1);
        assert_eq!(scene.catalog.endpoint(plan.attempts[0].endpoint).model, "anthropic/opus-fast");
        assert_eq!(plan.exclusions[0].reason, Reason::NotFirstParty);
        scene.facts.speed = Some(Speed::Standard);
        let plan = scene.plan(1).unwrap();
        assert_eq!(scene.catalog.endpoint(plan.attempts[0].endpoint).model, "anthropic/opus");
        // On a model without a sibling it is a tier like any other.
        let mut scene = tiers();
        scene.facts.models = vec![Slug::parse(&model("x/a").id).unwrap()];
        scene.facts.speed = Some(Speed::Fast);
        assert_eq!(scene.tags(1)[0], "openai/priority");
    }
}
