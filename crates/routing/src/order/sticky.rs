//! Conversations stay where their prompt is cached. STICKY-1 … STICKY-6

use catalog::{Meter, ServiceTier};

use crate::candidate::Candidate;
use crate::group::Group;
use crate::plan::{Note, StickyFate, StickyUse};
use crate::price::utc_minute;
use crate::situation::Situation;

/// How long a conversation is remembered after its last success, in milliseconds. STICKY-5
pub const STICKY_TTL_MS: u64 = 10 * 60_000;

/// Whether a finished attempt is remembered, or its memory renewed: it succeeded, and either the
/// session has a name or the provider's cache was used. An error changes nothing. STICKY-1,
/// STICKY-5, STICKY-8
pub const fn is_remembered(success: bool, session_named: bool, cached_tokens: u64) -> bool {
    success && (session_named || cached_tokens > 0)
}

/// Brings the remembered endpoint to the front, if there is one and it may be. Without partition
/// the first model that is remembered decides. STICKY-2, STICKY-3, STICKY-4
pub(super) fn bring_forward(
    situation: &Situation<'_>,
    groups: &[Group],
    candidates: &mut [Candidate<'_>],
) -> Option<StickyUse> {
    situation.facts.session?;
    let mut last = None;
    let remembered = candidates
        .iter()
        .filter_map(|candidate| {
            // Candidates of one model mostly stand together: ask once for each run.
            if last == Some(candidate.group) {
                return None;
            }
            last = Some(candidate.group);
            (situation.sticky)(candidate.model).map(|endpoint| (candidate.group, endpoint))
        })
        .min_by_key(|(group, _)| *group);
    let (_, endpoint) = remembered?;
    let position = candidates.iter().position(|candidate| candidate.id == endpoint);
    let fate = match position.and_then(|at| candidates.get(at)) {
        None => StickyFate::Unavailable,
        Some(candidate) => fate(situation, groups, candidate),
    };
    if let (StickyFate::Applied, Some(at)) = (fate, position) {
        candidates[at].notes.add(Note::Sticky);
        // The caller's own credentials go before it all the same, and so do the makers of the
        // reasoning: a cache saves less than that is worth. BYOK-3, REASON-11
        let key = candidates[at].key;
        let beside = |candidate: &Candidate<'_>| candidate.key.is_beside(key);
        let start = candidates.iter().position(beside).unwrap_or(at);
        candidates[start..=at].rotate_right(1);
    }
    Some(StickyUse { endpoint, fate })
}

fn fate(situation: &Situation<'_>, groups: &[Group], candidate: &Candidate<'_>) -> StickyFate {
    if !situation.preferences.order.is_empty() {
        return StickyFate::OrderGiven;
    }
    if candidate.condition.failing || candidate.condition.rate_limited {
        return StickyFate::Unavailable;
    }
    let wants_priority = groups[candidate.group].priority_first;
    if wants_priority && candidate.endpoint.service_tier != ServiceTier::Priority {
        return StickyFate::OtherTier;
    }
    let minute = utc_minute(situation.now_ms);
    let price = |meter| {
        candidate.endpoint.price.effective(meter, situation.facts.estimated_prompt_tokens, minute)
    };
    match (price(Meter::InputCacheRead), price(Meter::Prompt)) {
        (Some(read), Some(prompt)) if read < prompt => StickyFate::Applied,
        _ => StickyFate::NoSaving,
    }
}

#[cfg(test)]
mod tests {
    use catalog::PicoUsd;

    use super::*;
    use crate::Session;
    use crate::fixture::{Record, Scene, endpoint};
    use crate::health::Condition;

    fn cached(model: &str, tag: &str, dollars: &str) -> catalog::Endpoint {
        let mut made = endpoint(model, tag, dollars);
        made.price.base.push((Meter::InputCacheRead, PicoUsd(100_000)));
        made
    }

    fn scene() -> Scene {
        let mut scene = Scene::new(vec![
            endpoint("x/a", "cheap", "1"),
            cached("x/a", "dear", "100"),
            cached("x/b", "second", "1"),
        ]);
        scene.facts.session = Some(Session { key: 1, named: false });
        scene.sticky.insert("x/a".to_owned(), "dear".to_owned());
        scene
    }

    /// STICKY-1 … STICKY-6
    #[test]
    fn a_conversation_goes_where_it_was_if_that_saves_and_works() {
        let fate = |scene: &Scene| scene.plan(5).unwrap().sticky.map(|used| used.fate);
        let scene_ = scene();
        assert_eq!(scene_.tags(5), ["dear", "cheap", "second"]);
        assert_eq!(fate(&scene_), Some(StickyFate::Applied));

        let ordered = scene().provider_object(r#"{"order":["cheap"]}"#);
        assert_eq!(ordered.tags(5), ["cheap", "dear", "second"]);
        assert_eq!(fate(&ordered), Some(StickyFate::OrderGiven));

        let down = Record {
            condition: Condition { failing: true, ..Condition::default() },
            ..Record::default()
        };
        assert_eq!(fate(&scene().record("dear", down)), Some(StickyFate::Unavailable));
        let gone = scene().provider_object(r#"{"ignore":["dear"]}"#);
        assert_eq!(gone.tags(5), ["cheap", "second"]);
        assert_eq!(fate(&gone), Some(StickyFate::Unavailable));

        let mut no_saving = scene();
        no_saving.sticky.insert("x/a".to_owned(), "cheap".to_owned());
        assert_eq!(fate(&no_saving), Some(StickyFate::NoSaving));

        let mut other = scene();
        other.facts.session = None;
        assert_eq!(fate(&other), None, "no session, no memory");
        let sorted = scene().provider_object(r#"{"sort":"price"}"#);
        assert_eq!(sorted.tags(5), ["dear", "cheap", "second"], "a sort does not turn it off");
    }

    /// STICKY-10, PERF-6
    #[test]
    fn without_partition_it_goes_before_all_models() {
        let mut scene = scene().provider_object(r#"{"sort":{"by":"price","partition":"none"}}"#);
        scene.sticky.clear();
        scene.sticky.insert("x/b".to_owned(), "second".to_owned());
        assert_eq!(scene.tags(5), ["second", "cheap", "dear"]);
    }

    /// STICKY-1, STICKY-5, STICKY-8
    #[test]
    fn memory_begins_with_cache_use_or_a_named_session_and_never_with_an_error() {
        for (success, named, cached, remembered) in [
            (true, false, 0, false),
            (true, false, 1, true),
            (true, true, 0, true),
            (false, true, 9, false),
        ] {
            assert_eq!(is_remembered(success, named, cached), remembered);
        }
    }
}
