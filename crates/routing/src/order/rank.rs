//! The ranking: by own credentials, makers of reasoning, thresholds, list, tier, health and price,
//! or by a sort; and the draw. BYOK-3, LB-1, PERF-4, PROV-2, PROV-11

use catalog::ServiceTier;

use super::{makers, threshold};
use crate::candidate::{Candidate, Key};
use crate::group::Group;
use crate::health::{Condition, UptimeTier};
use crate::plan::{Note, Placement};
use crate::preferences::Sort;
use crate::price::{comparable, price_order};
use crate::random::Rng;
use crate::situation::Situation;

/// Looks up what is known of each candidate and makes its key.
pub(super) fn measure(
    situation: &Situation<'_>,
    groups: &[Group],
    candidates: &mut [Candidate<'_>],
) {
    let preferences = situation.preferences;
    for candidate in candidates {
        let group = &groups[candidate.group];
        // Without partition all are sorted by what the first model's name says.
        let sort = leading_sort(groups, candidate, situation);
        let now = situation.now_ms;
        candidate.condition = situation.health.condition(candidate.id, now);
        candidate.price = comparable(situation, candidate.endpoint);
        if sort == Some(Sort::Throughput) || preferences.preferred_min_throughput.is_some() {
            candidate.throughput = situation.health.throughput(candidate.id, now);
        }
        if sort == Some(Sort::Latency) || preferences.preferred_max_latency.is_some() {
            candidate.latency = situation.health.latency(candidate.id, now);
        }
        let listed = preferences.order.iter().position(|pattern| {
            pattern.selects(candidate.endpoint, candidate.provider, candidate.tier_admitted)
        });
        let listed = listed.and_then(|at| u16::try_from(at).ok());
        let prioritised =
            group.priority_first && candidate.endpoint.service_tier == ServiceTier::Priority;
        let own = candidate.available.own > 0;
        let below = threshold::is_missed(preferences, candidate);
        let tight = is_tight(situation, candidate);
        let made = makers::rank(situation, candidate);
        candidate.key = Key {
            own: u8::from(!own),
            unlisted: u8::from(situation.facts.made_reasoning && listed.is_none()),
            made: made.unwrap_or(Key::MADE_NONE),
            below: u8::from(below),
            listed: listed.unwrap_or(u16::MAX),
            tier: u8::from(!prioritised),
            room: u8::from(tight),
            health: health_class(candidate.condition, sort.is_some()),
            tools: 0,
            measure: measured(candidate, sort),
            price: price_order(candidate.price),
            id: candidate.id.0,
        };
        candidate.placement = match (listed, sort) {
            (Some(at), _) => Placement::Listed(at),
            (None, Some(sort)) => Placement::Sorted(sort),
            (None, None) => Placement::Priced,
        };
        let condition = candidate.condition;
        candidate.notes.add_if(own, Note::OwnCredential);
        candidate.notes.add_if(made.is_some(), Note::MadeReasoning);
        candidate.notes.add_if(below, Note::BelowThreshold);
        candidate.notes.add_if(tight, Note::Tight);
        candidate.notes.add_if(prioritised || group.flex_only, Note::Tier);
        candidate.notes.add_if(condition.failing, Note::Failing);
        candidate.notes.add_if(condition.rate_limited, Note::RateLimited);
        candidate.notes.add_if(condition.uptime == UptimeTier::Degraded, Note::Degraded);
        candidate.notes.add_if(condition.uptime == UptimeTier::Poor, Note::Poor);
    }
}

/// Whether the prompt is too long by its estimate, which is not sure enough to leave the endpoint
/// out. LB-9
fn is_tight(situation: &Situation<'_>, candidate: &Candidate<'_>) -> bool {
    candidate
        .endpoint
        .longest_prompt()
        .is_some_and(|limit| situation.facts.estimated_prompt_tokens > limit)
}

/// What a candidate is sorted by: what its model says, or without partition the first model.
pub(super) fn leading_sort(
    groups: &[Group],
    candidate: &Candidate<'_>,
    situation: &Situation<'_>,
) -> Option<Sort> {
    let at = if crate::route::is_partitioned(situation) { candidate.group } else { 0 };
    groups.get(at).and_then(|group| group.sort)
}

/// 0 is tried first. By default: normal, degraded, poor, failing. With a sort only what is failing
/// or hardly ever up goes behind, so that the list is as sorted as asked for. LB-1, LB-3, LB-5
fn health_class(condition: Condition, sorted: bool) -> u8 {
    if condition.failing || condition.rate_limited {
        return 3;
    }
    match (condition.uptime, sorted) {
        (UptimeTier::Poor, _) => 2,
        (UptimeTier::Degraded, false) => 1,
        (UptimeTier::Degraded | UptimeTier::Normal, _) => 0,
    }
}

/// Bits of a positive float are ordered like the float. Without data an endpoint goes behind
/// those that have some.
fn measured(candidate: &Candidate<'_>, sort: Option<Sort>) -> u64 {
    let bits = |value: f64| value.max(0.0).to_bits();
    match sort {
        Some(Sort::Latency) => candidate.latency.map_or(u64::MAX, |latency| bits(latency.p50)),
        Some(Sort::Throughput) => {
            candidate.throughput.map_or(u64::MAX, |throughput| !bits(throughput.p50))
        }
        Some(Sort::Price | Sort::Exacto) | None => 0,
    }
}

/// Sorts by key.
pub(super) fn sort(candidates: &mut [Candidate<'_>]) {
    candidates.sort_unstable_by_key(|candidate| candidate.key);
}

/// Draws the first among the best, with probability proportional to 1/price². The best are those
/// that nothing but the price sets apart, so whoever is drawn is also tried first. The others follow
/// by price. Free ones are infinitely likely: one of them is drawn, all alike. Those without a
/// known price take part only among themselves. Not with an order or a sort. LB-1, LB-3
pub(super) fn draw(
    situation: &Situation<'_>,
    groups: &[Group],
    candidates: &mut [Candidate<'_>],
    rng: &mut Rng,
) {
    let Some(first) = candidates.first() else { return };
    if !situation.preferences.order.is_empty() || leading_sort(groups, first, situation).is_some() {
        return;
    }
    let known = |candidate: &Candidate<'_>| match candidate.price {
        Some(0) => 0,
        Some(_) => 1,
        None => 2,
    };
    let best = *first;
    let is_best = |candidate: &Candidate<'_>| {
        candidate.key.is_equal_but_for_price(best.key) && known(candidate) == known(&best)
    };
    let cheapest = first.price.unwrap_or(0);
    let weight = |candidate: &Candidate<'_>| match candidate.price {
        Some(price) if price > 0 => {
            // Relative to the cheapest, so that neither huge nor tiny prices leave the range.
            let ratio = cheapest as f64 / price as f64;
            ratio * ratio
        }
        _ => 1.0,
    };
    let count = candidates.iter().take_while(|candidate| is_best(candidate)).count();
    let total: f64 = candidates[..count].iter().map(weight).sum();
    let mut left = rng.unit() * total;
    let drawn = candidates[..count]
        .iter()
        .position(|candidate| {
            left -= weight(candidate);
            left < 0.0
        })
        .unwrap_or(0);
    candidates[..=drawn].rotate_right(1);
    if let Some(first) = candidates.first_mut() {
        first.placement = Placement::Drawn;
    }
}

#[cfg(test)]
mod tests {
    use catalog::PriceList;

    use super::*;
    use crate::fixture::{Record, Scene, endpoint, flat};

    fn failing() -> Record {
        Record {
            condition: Condition { failing: true, ..Condition::default() },
            ..Record::default()
        }
    }

    fn uptime(uptime: UptimeTier) -> Record {
        Record { condition: Condition { uptime, ..Condition::default() }, ..Record::default() }
    }

    fn three() -> Scene {
        Scene::new(vec![
            endpoint("x/m", "a", "1"),
            endpoint("x/m", "b", "2"),
            endpoint("x/m", "c", "3"),
        ])
    }

    /// LB-1, LB-2
    #[test]
    fn the_worked_example_holds_over_many_seeds() {
        let scene = three().record("b", failing());
        let (mut a, mut c) = (0, 0);
        for seed in 0..20_000 {
            match scene.tags(seed)[..] {
                ["a", "c", "b"] => a += 1,
                ["c", "a", "b"] => c += 1,
                ref other => panic!("{other:?}"),
            }
        }
        let ratio = f64::from(a) / f64::from(c);
        assert!((8.2..9.8).contains(&ratio), "{ratio}");
    }

    /// LB-1, PERF-4, BYOK-3: what is drawn is drawn among those that can be first.
    #[test]
    fn equal_prices_share_the_first_place_whatever_goes_behind_them() {
        let dear = || {
            Scene::new(vec![
                endpoint("x/m", "a", "1"),
                endpoint("x/m", "b", "2"),
                endpoint("x/m", "c", "2"),
            ])
        };
        let slow = dear()
            .record("a", Record { throughput: flat(1.0), ..Record::default() })
            .provider_object(r#"{"preferred_min_throughput":50}"#);
        let own =
            dear().credential("b", crate::Available::OWN).credential("c", crate::Available::OWN);
        for scene in [slow, own] {
            let mut firsts = [0, 0];
            for seed in 0..4_000 {
                let tags = scene.tags(seed);
                assert!(tags[0] != "a" && *tags.last().unwrap() == "a", "{tags:?}");
                firsts[usize::from(tags[0] == "c")] += 1;
            }
            assert!(firsts.iter().all(|count| (1_850..2_150).contains(count)), "{firsts:?}");
        }
    }

    /// LB-1: a documented choice for prices the formula does not cover.
    #[test]
    fn free_endpoints_win_and_unknown_prices_come_after_known_ones() {
        let mut unknown = endpoint("x/m", "u", "1");
        unknown.price = PriceList::default();
        let scene = Scene::new(vec![
            endpoint("x/m", "f", "0"),
            endpoint("x/m", "g", "0"),
            endpoint("x/m", "p", "1"),
            unknown,
        ]);
        let mut firsts = [0, 0];
        for seed in 0..2_000 {
            let tags = scene.tags(seed);
            firsts[usize::from(tags[0] == "g")] += 1;
            assert_eq!(tags[2..], ["p", "u"]);
        }
        assert!(firsts.iter().all(|count| (850..1_150).contains(count)), "{firsts:?}");
    }

    /// LB-5
    #[test]
    fn uptime_lowers_priority_and_the_failing_come_last() {
        let scene = Scene::new(
            ["normal", "degraded", "poor", "failing", "limited"]
                .iter()
                .zip(["5", "4", "3", "2", "1"])
                .map(|(tag, dollars)| endpoint("x/m", tag, dollars))
                .collect(),
        )
        .record("degraded", uptime(UptimeTier::Degraded))
        .record("poor", uptime(UptimeTier::Poor))
        .record("failing", failing())
        .record(
            "limited",
            Record {
                condition: Condition { rate_limited: true, ..Condition::default() },
                ..Record::default()
            },
        );
        for seed in 0..50 {
            let tags = scene.tags(seed);
            assert_eq!(tags[..3], ["normal", "degraded", "poor"]);
        }
        let scene = scene.provider_object(r#"{"sort":"price"}"#);
        assert_eq!(scene.tags(1), ["degraded", "normal", "poor", "limited", "failing"]);
    }

    /// PROV-2, LB-3
    #[test]
    fn listed_providers_come_first_in_order_and_the_rest_by_price() {
        for (object, expected) in [
            (r#"{"order":["c","b"]}"#, vec!["c", "b", "a"]),
            (r#"{"order":["nobody","c"]}"#, vec!["c", "a", "b"]),
            (r#"{"order":["c","c","a"]}"#, vec!["c", "a", "b"]),
            (r#"{"order":["nobody"]}"#, vec!["a", "b", "c"]),
            (r#"{"order":["b"],"sort":"price"}"#, vec!["b", "a", "c"]),
        ] {
            let scene = three().provider_object(object);
            for seed in 0..20 {
                assert_eq!(scene.tags(seed), expected, "{object}");
            }
        }
        let scene = three().provider_object(r#"{"order":["b","a"]}"#).record("b", failing());
        assert_eq!(scene.tags(1), ["b", "a", "c"], "the caller's order outweighs health");
    }

    /// SLUG-2: inside one entry of the list the usual rules decide.
    #[test]
    fn regions_of_a_listed_provider_are_ranked_among_themselves() {
        let scene = Scene::new(vec![
            endpoint("x/m", "v/one", "1"),
            endpoint("x/m", "v/two", "2"),
            endpoint("x/m", "w", "1"),
        ])
        .record("v/one", failing())
        .provider_object(r#"{"order":["v","w"]}"#);
        assert_eq!(scene.tags(1), ["v/two", "v/one", "w"]);
    }

    /// PROV-11, LB-3, VAR-2, PROV-14
    #[test]
    fn sorts_are_strict_and_endpoints_without_data_go_behind() {
        let measured = |latency, throughput| Record {
            latency: flat(latency),
            throughput: flat(throughput),
            ..Record::default()
        };
        let scene = || three().record("a", measured(2.0, 50.0)).record("b", measured(1.0, 20.0));
        for (slug, object, expected) in [
            ("x/m", r#"{"sort":"price"}"#, ["a", "b", "c"]),
            ("x/m", r#"{"sort":"latency"}"#, ["b", "a", "c"]),
            ("x/m", r#"{"sort":"throughput"}"#, ["a", "b", "c"]),
            ("x/m:nitro", "{}", ["a", "b", "c"]),
            ("x/m:floor", "{}", ["a", "b", "c"]),
            ("x/m:floor", r#"{"sort":"latency"}"#, ["a", "b", "c"]),
        ] {
            let scene = scene().ask(&[slug]).provider_object(object);
            for seed in 0..20 {
                assert_eq!(scene.tags(seed), expected, "{slug} {object}");
            }
        }
        let mut scene = scene();
        scene.policy.default_sort = Some(Sort::Latency);
        assert_eq!(scene.tags(3), ["b", "a", "c"], "the account's default");
        let scene = scene.provider_object(r#"{"sort":"price"}"#);
        assert_eq!(scene.tags(3), ["a", "b", "c"], "the request's own beats it");
    }

    /// TIER-2, TIER-3
    #[test]
    fn priority_goes_first_by_throughput_and_flex_by_price() {
        let tier = |tag, dollars, tier| {
            let mut made = endpoint("x/m", tag, dollars);
            made.service_tier = tier;
            made
        };
        let fast = |value| Record { throughput: flat(value), ..Record::default() };
        let mut scene = Scene::new(vec![
            tier("a", "1", ServiceTier::Default),
            tier("b", "1", ServiceTier::Default),
            tier("a/priority", "2", ServiceTier::Priority),
            tier("b/priority", "2", ServiceTier::Priority),
            tier("a/flex", "0.6", ServiceTier::Flex),
            tier("b/flex", "0.5", ServiceTier::Flex),
        ])
        .record("a", fast(90.0))
        .record("b", fast(95.0))
        .record("a/priority", fast(40.0))
        .record("b/priority", fast(60.0));
        scene.facts.service_tier = Some(crate::TierAsked::Priority);
        assert_eq!(scene.tags(1), ["b/priority", "a/priority", "b", "a"]);
        scene.facts.service_tier = Some(crate::TierAsked::Flex);
        assert_eq!(scene.tags(1), ["b/flex", "a/flex"]);
        scene.facts.service_tier = None;
        let scene = scene.ask(&["x/m:nitro"]);
        assert_eq!(
            scene.tags(1),
            ["b", "a", "b/priority", "a/priority"],
            "admitted by a variant they compete on the sort alone: TIER-5"
        );
    }
}
