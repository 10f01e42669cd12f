//! Reasoning returns to where it was made. REASON-11

use crate::candidate::{Candidate, Key};
use crate::situation::Situation;

/// How recent the reasoning is that was made there and only there can be read. It goes before what
/// else is preferred, but not before the caller's own credentials or what `provider.order` names, and
/// it does not hold where the provider is known to be in trouble: an answer without earlier reasoning
/// is better than none. REASON-11
pub(super) fn rank(situation: &Situation<'_>, candidate: &Candidate<'_>) -> Option<u8> {
    let condition = candidate.condition;
    if !situation.facts.made_reasoning || condition.failing || condition.rate_limited {
        return None;
    }
    (situation.made)(candidate.id).map(|rank| rank.min(Key::MADE_NONE - 1))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use catalog::{Meter, PicoUsd};

    use crate::fixture::{Record, Scene, endpoint, flat};
    use crate::health::{Condition, UptimeTier};
    use crate::{Available, Note, Session, StickyFate};

    /// Three providers of a model, the first the cheapest by far, and two of another model.
    fn scene(made: &[&str]) -> Scene {
        let mut scene = Scene::new(vec![
            endpoint("x/m", "a", "1"),
            endpoint("x/m", "b/one", "300"),
            endpoint("x/m", "b/two", "400"),
            endpoint("x/m", "c", "200"),
            endpoint("x/n", "a/n", "1"),
            endpoint("x/n", "b/n", "9"),
        ]);
        scene.made = made.iter().map(|slug| (*slug).to_owned()).collect();
        scene
    }

    fn in_condition(condition: Condition) -> Record {
        Record { condition, ..Record::default() }
    }

    #[test]
    fn makers_go_first_the_latest_before_others_whatever_it_costs() {
        for (made, object, expected) in [
            (&[][..], r#"{"sort":"price"}"#, ["a", "c", "b/one", "b/two"]),
            (&["b"], r#"{"sort":"price"}"#, ["b/one", "b/two", "a", "c"]),
            (&["c", "b"], r#"{"sort":"price"}"#, ["c", "b/one", "b/two", "a"]),
            (&["b", "c"], r#"{"sort":"latency"}"#, ["b/one", "b/two", "c", "a"]),
            (&["gone", "c"], r#"{"sort":"price"}"#, ["c", "a", "b/one", "b/two"]),
            // A speed that is preferred is no reason to lose what was thought.
            (
                &["c"],
                r#"{"sort":"price","preferred_min_throughput":50}"#,
                ["c", "a", "b/one", "b/two"],
            ),
            // Those that are named go first, and among them the maker.
            (&["c"], r#"{"order":["a","c"]}"#, ["c", "a", "b/one", "b/two"]),
            (&["c"], r#"{"order":["b"]}"#, ["b/one", "b/two", "c", "a"]),
        ] {
            let scene = scene(made)
                .record("c", Record { throughput: flat(1.0), ..Record::default() })
                .provider_object(object);
            assert_eq!(scene.tags(1)[..4], expected, "{made:?} {object}");
        }
        for seed in 0..50 {
            let tags = scene(&["b"]).tags(seed).join(" ");
            assert!(tags.starts_with("b/"), "drawn among the maker's own: {tags}");
        }
    }

    #[test]
    fn the_plan_says_why() {
        let plan = scene(&["c"]).plan(1).unwrap();
        let first = plan.attempts[0].why.notes;
        assert!(first.has(Note::MadeReasoning));
        assert!(first.iter().any(|note| note.words().contains("reasoning was made here")));
        let others = plan.attempts.iter().filter(|it| it.why.notes.has(Note::MadeReasoning));
        assert_eq!(others.count(), 1);
    }

    /// PROV-2, PROV-4, PROV-6: it never admits or leaves out anything.
    #[test]
    fn whatever_may_not_be_tried_is_not_tried_for_its_reasoning() {
        for object in [
            r#"{"only":["a","c"]}"#,
            r#"{"ignore":["b"]}"#,
            r#"{"max_price":{"prompt":250}}"#,
            r#"{"order":["a","c"],"allow_fallbacks":false}"#,
            r#"{"zdr":true}"#,
            r#"{"data_collection":"deny"}"#,
            r#"{"require_parameters":true}"#,
        ] {
            let set = |made: &[&str]| -> BTreeSet<String> {
                let scene = scene(made).provider_object(object);
                scene.tags(1).into_iter().map(str::to_owned).collect()
            };
            assert_eq!(set(&["b"]), set(&[]), "{object}");
        }
        let one = scene(&["b"]).provider_object(r#"{"allow_fallbacks":false}"#);
        assert!(one.tags(1)[0].starts_with("b/"), "the best is the maker");
    }

    #[test]
    fn a_maker_in_trouble_waits_like_anybody_else() {
        let failing = Condition { failing: true, ..Condition::default() };
        let limited = Condition { rate_limited: true, ..Condition::default() };
        let poor = Condition { uptime: UptimeTier::Poor, ..Condition::default() };
        for (condition, expected) in [
            (failing, ["a", "b/one", "b/two", "c"]),
            (limited, ["a", "b/one", "b/two", "c"]),
            (poor, ["c", "a", "b/one", "b/two"]),
        ] {
            let scene = scene(&["c"])
                .record("c", in_condition(condition))
                .provider_object(r#"{"sort":"price"}"#);
            assert_eq!(scene.tags(1)[..4], expected, "{condition:?}");
        }
    }

    /// BYOK-3, FALL-1
    #[test]
    fn own_credentials_and_the_model_asked_for_still_go_first() {
        let own = scene(&["c"]).credential("a", Available::OWN);
        assert_eq!(own.tags(1)[0], "a");
        let other_model =
            scene(&["b"]).ask(&["x/n", "x/m"]).provider_object(r#"{"ignore":["b/n"]}"#);
        assert_eq!(other_model.tags(1)[0], "a/n");
    }

    /// STICKY-1: a warm cache elsewhere is not worth it, one at the maker is.
    #[test]
    fn the_memory_of_a_conversation_decides_among_a_makers_endpoints() {
        let remembered = |made: &[&str], tag: &str| {
            let endpoints =
                [("a", "1"), ("b/one", "300"), ("b/two", "400")].map(|(tag, dollars)| {
                    let mut made = endpoint("x/m", tag, dollars);
                    made.price.base.push((Meter::InputCacheRead, PicoUsd(1)));
                    made
                });
            let mut scene = Scene::new(endpoints.into());
            scene.facts.session = Some(Session { key: 1, named: true });
            scene.sticky.insert("x/m".to_owned(), tag.to_owned());
            scene.made = made.iter().map(|slug| (*slug).to_owned()).collect();
            assert_eq!(scene.plan(1).unwrap().sticky.unwrap().fate, StickyFate::Applied);
            scene.tags(1)[0].to_owned()
        };
        assert_eq!(remembered(&["b"], "b/two"), "b/two");
        assert_ne!(remembered(&["b"], "a"), "a");
        assert_eq!(remembered(&[], "a"), "a");
    }

    /// What alone decides whether reasoning gets a stamp.
    #[test]
    fn there_is_a_choice_where_another_way_exists_or_was_not_wanted() {
        let choice = |scene: Scene| scene.plan(1).unwrap().has_choice();
        let one = || Scene::new(vec![endpoint("x/m", "a", "1")]);
        assert!(!choice(one()));
        assert!(choice(one().credential("a", Available { own: 1, shared: 1, ..Available::NONE })));
        assert!(choice(scene(&[])));
        assert!(choice(scene(&[]).ask(&["x/n"]).provider_object(r#"{"only":["a"]}"#)));
        let nobody = Available::NONE;
        let alone = scene(&[]).ask(&["x/n"]).credential("b/n", nobody);
        assert!(!choice(alone), "nobody has a credential for the other");
    }
}
