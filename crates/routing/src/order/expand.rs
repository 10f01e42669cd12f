//! Each credential makes its own copy of an endpoint. BYOK-2, BYOK-5

use crate::candidate::Candidate;
use crate::group::Group;
use crate::plan::{Attempt, Credential, Why};

/// The most credentials of one class that one endpoint is tried with.
const MOST_CREDENTIALS: u8 = 16;

/// Writes the attempts for candidates in order: first with all credentials of the caller's own,
/// then with the shared ones, then with the caller's fallback keys. BYOK-2, BYOK-3
pub(crate) fn expand(groups: &[Group], candidates: &[Candidate<'_>], attempts: &mut Vec<Attempt>) {
    type Class = (fn(&Candidate<'_>) -> u8, fn(u8) -> Credential);
    let classes: [Class; 3] = [
        (|candidate| candidate.available.own, Credential::Own),
        (|candidate| candidate.available.usable_shared(), Credential::Shared),
        (|candidate| candidate.available.fallback, Credential::Fallback),
    ];
    for (count, credential) in classes {
        for candidate in candidates {
            for at in 0..count(candidate).min(MOST_CREDENTIALS) {
                attempts.push(Attempt {
                    endpoint: candidate.id,
                    model: candidate.model,
                    asked: groups[candidate.group].resolved.asked,
                    credential: credential(at),
                    tier: candidate.endpoint.service_tier,
                    why: Why { placement: candidate.placement, notes: candidate.notes },
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Available;
    use crate::fixture::{Scene, endpoint};

    fn copies(scene: &Scene) -> Vec<(&str, Credential)> {
        let plan = scene.plan(1).unwrap();
        plan.attempts
            .iter()
            .map(|attempt| {
                (scene.catalog.endpoint(attempt.endpoint).tag.as_str(), attempt.credential)
            })
            .collect()
    }

    fn two() -> Scene {
        Scene::new(vec![endpoint("x/m", "a", "1"), endpoint("x/m", "b", "2")])
            .provider_object(r#"{"order":["a","b"]}"#)
    }

    /// BYOK-2, BYOK-3, BYOK-5
    #[test]
    fn own_credentials_come_first_whatever_the_order_says_and_fallback_keys_last() {
        use Credential::{Fallback, Own, Shared};
        let scene = two()
            .credential("a", Available { fallback: 1, ..Available::SHARED })
            .credential("b", Available { own: 2, shared: 1, ..Available::NONE });
        assert_eq!(
            copies(&scene),
            [("b", Own(0)), ("b", Own(1)), ("b", Shared(0)), ("a", Shared(0)), ("a", Fallback(0))]
        );
        let scene = two()
            .credential("a", Available { own: 1, shared: 1, ..Available::NONE })
            .credential("b", Available { own: 1, shared: 1, ..Available::NONE });
        assert_eq!(
            copies(&scene),
            [("a", Own(0)), ("b", Own(0)), ("a", Shared(0)), ("b", Shared(0))]
        );
    }

    /// BYOK-4
    #[test]
    fn a_key_that_is_always_used_forbids_the_shared_one() {
        let scene = two()
            .credential("a", Available { own: 1, shared: 1, exclusive: true, ..Available::NONE });
        assert_eq!(copies(&scene), [("a", Credential::Own(0)), ("b", Credential::Shared(0))]);
    }

    /// PROV-2, PROV-3
    #[test]
    fn without_fallbacks_only_the_first_or_the_listed_endpoints_stay() {
        let scene = |object: &str| {
            Scene::new(vec![
                endpoint("x/m", "a", "1"),
                endpoint("x/m", "b", "2"),
                endpoint("x/n", "c", "1"),
            ])
            .provider_object(object)
        };
        for (object, expected) in [
            (r#"{"allow_fallbacks":false,"sort":"price"}"#, vec!["a", "c"]),
            (r#"{"allow_fallbacks":false,"order":["b"]}"#, vec!["b"]),
            (r#"{"allow_fallbacks":false,"order":["c","b","z"]}"#, vec!["b", "c"]),
            (r#"{"allow_fallbacks":false,"sort":{"by":"price","partition":"none"}}"#, vec!["a"]),
        ] {
            assert_eq!(scene(object).tags(1), expected, "{object}");
        }
        let scene = scene(r#"{"allow_fallbacks":false,"sort":"price"}"#)
            .ask(&["x/m"])
            .credential("b", Available { own: 1, shared: 1, ..Available::NONE });
        assert_eq!(scene.tags(1), ["b", "b"], "all credentials of the one endpoint");
    }

    /// PERF-7
    #[test]
    fn without_partition_a_later_model_with_an_own_key_goes_first() {
        let scene = |object: &str| {
            Scene::new(vec![endpoint("x/m", "a", "1"), endpoint("x/n", "c", "2")])
                .provider_object(object)
                .credential("c", Available::OWN)
        };
        assert_eq!(scene("{}").tags(1), ["a", "c"]);
        assert_eq!(scene(r#"{"sort":{"by":"price","partition":"none"}}"#).tags(1), ["c", "a"]);
    }
}
