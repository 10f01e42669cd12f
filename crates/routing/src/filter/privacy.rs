//! Where prompts may go.

use crate::candidate::Candidate;
use crate::group::Group;
use crate::reason::Reason;
use crate::situation::Situation;

/// The request may ask for endpoints that neither store nor train; the account may rule out
/// training, for free and for paid endpoints. PROV-6, PRIV-1, PRIV-3
pub(super) fn data_collection(
    situation: &Situation<'_>,
    _: &Group,
    candidate: &Candidate<'_>,
) -> Option<Reason> {
    let known = situation.catalog.data_policy(candidate.id);
    let denied = situation.preferences.deny_data_collection && (known.trains || known.retains);
    let trains = !situation.policy.admits_training(situation.catalog, candidate.id);
    (denied || trains).then_some(Reason::DataCollection)
}

/// Zero retention, asked for by the request or laid down for the author. Video is never free of
/// retention. PROV-7, PRIV-4, PRIV-5
pub(super) fn retention(
    situation: &Situation<'_>,
    _: &Group,
    candidate: &Candidate<'_>,
) -> Option<Reason> {
    let model = situation.catalog.model(candidate.model);
    let required = situation.preferences.zdr || situation.policy.zdr.covers(model);
    (required && !situation.catalog.retains_nothing(candidate.id, candidate.model))
        .then_some(Reason::Retention)
}

/// Only models whose output may train other models. PROV-8
pub(super) fn distillable(
    situation: &Situation<'_>,
    _: &Group,
    candidate: &Candidate<'_>,
) -> Option<Reason> {
    (situation.preferences.enforce_distillable_text
        && !situation.catalog.model(candidate.model).distillable)
        .then_some(Reason::NotDistillable)
}

/// Only endpoints known to run where data must stay.
pub(super) fn region(
    situation: &Situation<'_>,
    _: &Group,
    candidate: &Candidate<'_>,
) -> Option<Reason> {
    let left = situation.policy.left_region(candidate.endpoint, candidate.provider);
    left.map(|region| Reason::Region { region })
}

#[cfg(test)]
mod tests {
    use catalog::{DataPolicy, Endpoint, ModelKind};

    use crate::fixture::{Scene, catalog_with, endpoint};
    use crate::policy::{DataRegion, ZdrScopes};
    use crate::{AvailabilityCode, Policy};

    fn with(tag: &str, dollars: &str, trains: bool, retains: bool, zero: bool) -> Endpoint {
        let mut made = endpoint("openai/gpt", tag, dollars);
        made.data_policy =
            Some(DataPolicy { trains, retains, zero_retention: zero, ..DataPolicy::default() });
        made
    }

    fn scene() -> Scene {
        Scene::new(vec![
            with("clean", "1", false, false, true),
            with("stores", "1", false, true, false),
            with("trains", "1", true, true, false),
            with("free", "0", true, true, false),
            with("declared", "1", false, true, true),
        ])
    }

    fn sorted(scene: &Scene) -> Vec<&str> {
        let mut tags = scene.tags(1);
        tags.sort_unstable();
        tags
    }

    /// PROV-6, PROV-7, PRIV-3, PRIV-4
    #[test]
    fn request_and_account_rule_out_storing_and_training() {
        let deny_free = Policy { deny_free_training: true, ..Policy::default() };
        let deny_paid = Policy { deny_paid_training: true, ..Policy::default() };
        let zdr = |scopes| Policy { zdr: scopes, ..Policy::default() };
        let openai = ZdrScopes { openai: true, ..ZdrScopes::default() };
        let google = ZdrScopes { google: true, ..ZdrScopes::default() };
        for (object, policy, expected) in [
            ("{}", Policy::default(), vec!["clean", "declared", "free", "stores", "trains"]),
            (r#"{"data_collection":"deny"}"#, Policy::default(), vec!["clean"]),
            ("{}", deny_free, vec!["clean", "declared", "stores", "trains"]),
            ("{}", deny_paid.clone(), vec!["clean", "declared", "free", "stores"]),
            (
                r#"{"data_collection":"allow"}"#,
                deny_paid,
                vec!["clean", "declared", "free", "stores"],
            ),
            (r#"{"zdr":true}"#, Policy::default(), vec!["clean", "declared"]),
            (r#"{"zdr":false}"#, zdr(openai), vec!["clean", "declared"]),
            ("{}", zdr(google), vec!["clean", "declared", "free", "stores", "trains"]),
        ] {
            let mut scene = scene().provider_object(object);
            scene.policy = policy;
            assert_eq!(sorted(&scene), expected, "{object} {:?}", scene.policy);
        }
    }

    /// PRIV-1, PRIV-7
    #[test]
    fn an_unknown_policy_counts_as_training_and_the_refusal_says_which_rule_it_was() {
        let catalog = catalog_with(
            vec![endpoint("x/a", "p", "1")],
            |_| {},
            |provider| provider.data_policy = DataPolicy::default(),
        );
        for (object, rule) in [
            (r#"{"zdr":true}"#, "data_policy:zdr"),
            (r#"{"data_collection":"deny"}"#, "data_policy:training"),
        ] {
            let refusal = Scene::of(catalog.clone()).provider_object(object).refusal();
            assert_eq!(refusal.availability.code, AvailabilityCode::PrivacyRestricted);
            assert_eq!(refusal.status, 404);
            assert_eq!(refusal.availability.excluded_by, [rule]);
        }
    }

    /// PRIV-5
    #[test]
    fn video_is_never_free_of_retention() {
        let catalog = catalog_with(
            vec![with("clean", "1", false, false, true)],
            |model| model.kind = ModelKind::Video,
            |_| {},
        );
        let mut scene = Scene::of(catalog).provider_object(r#"{"zdr":true}"#);
        scene.facts.surface = crate::Surface::Video;
        assert_eq!(scene.refusal().availability.code, AvailabilityCode::PrivacyRestricted);
    }

    /// PROV-8
    #[test]
    fn only_models_whose_author_allows_it_are_distillable() {
        let endpoints = vec![endpoint("x/a", "p", "1"), endpoint("x/b", "q", "1")];
        let catalog =
            catalog_with(endpoints, |model| model.distillable = model.id == "x/b", |_| {});
        let scene = Scene::of(catalog).provider_object(r#"{"enforce_distillable_text":true}"#);
        assert_eq!(scene.tags(1), ["q"]);
    }

    #[test]
    fn data_stays_in_its_region() {
        let mut european = endpoint("x/a", "p/eu", "1");
        european.region = Some("eu-west-1".to_owned());
        let mut scene = Scene::new(vec![european, endpoint("x/a", "q", "1")]);
        scene.policy.data_regions = vec![DataRegion::Eu];
        assert_eq!(scene.tags(1), ["p/eu"]);
        scene.policy.allowed_regions = vec![DataRegion::Us, DataRegion::Eu];
        assert_eq!(scene.tags(1), ["p/eu"], "one of them suffices");
        scene.policy.data_regions = vec![DataRegion::Eu, DataRegion::Us];
        let refusal = scene.refusal();
        assert_eq!(refusal.availability.code, AvailabilityCode::ConstraintFiltered);
        assert_eq!(refusal.availability.excluded_by, ["data_region"]);
    }
}
