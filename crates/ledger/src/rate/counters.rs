//! Counters by what they belong to.

use std::collections::HashMap;
use std::hash::Hash;

use super::counter::{RateCounter, check};
use super::rule::{RateRule, RateVerdict, Span};
use crate::Micros;

/// The counts of everyone, by a key of the caller's choice.
#[derive(Debug)]
pub struct RateCounters<K> {
    counters: HashMap<K, Counts>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    minute: RateCounter,
    day: RateCounter,
}

impl<K> Default for RateCounters<K> {
    fn default() -> Self {
        Self { counters: HashMap::new() }
    }
}

impl<K: Hash + Eq> RateCounters<K> {
    /// Counts a request if all rules allow it. Otherwise nothing is counted, so that who keeps
    /// trying is not kept out by it, and the verdict is that of the rule which limits longest.
    /// Without a rule it is `None`, and nothing is counted.
    pub fn admit(&mut self, now: Micros, key: K, rules: &[RateRule]) -> Option<RateVerdict> {
        let counts = self.counters.get(&key).copied().unwrap_or_default();
        let verdict = verdict(now, &counts.minute, &counts.day, rules)?;
        if verdict.is_allowed() {
            let counts = self.counters.entry(key).or_default();
            counts.minute.count(now, Span::Minute);
            counts.day.count(now, Span::Day);
        }
        Some(verdict)
    }

    /// What [`Self::admit`] would say, without counting.
    pub fn check(&self, now: Micros, key: &K, rules: &[RateRule]) -> Option<RateVerdict> {
        let counts = self.counters.get(key).copied().unwrap_or_default();
        verdict(now, &counts.minute, &counts.day, rules)
    }

    /// Forgets counters in which nothing counts any more. Their number is bounded by this alone:
    /// it is to be called now and then.
    pub fn sweep(&mut self, now: Micros) {
        self.counters.retain(|_, counts| {
            !(counts.minute.is_idle(now, Span::Minute) && counts.day.is_idle(now, Span::Day))
        });
    }

    /// How many counters there are.
    pub fn len(&self) -> usize {
        self.counters.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.counters.is_empty()
    }
}

/// What rules say of the counts of minutes and of days: the verdict of the rule that limits
/// longest, or else that has the fewest left. Without a rule it is `None`.
pub fn verdict(
    now: Micros,
    minute: &RateCounter,
    day: &RateCounter,
    rules: &[RateRule],
) -> Option<RateVerdict> {
    let verdict = |rule: &RateRule| match rule.span {
        Span::Minute => check(now, rule, minute),
        Span::Day => check(now, rule, day),
    };
    rules.iter().map(verdict).min_by_key(|verdict| match verdict {
        RateVerdict::Limited { resets_at_ms, .. } => (false, 0, -i128::from(*resets_at_ms)),
        RateVerdict::Allowed { remaining, .. } => (true, *remaining, 0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Micros = 60_000_000;
    const DAY: Micros = 86_400_000_000;

    #[test]
    fn all_rules_allow_or_nothing_is_counted() {
        let mut counters = RateCounters::default();
        let rules = [RateRule::per_minute(2), RateRule::per_day(3)];
        let mut admit = |now| counters.admit(now, "free", &rules).unwrap();
        assert_eq!(admit(DAY).remaining(), 2);
        assert!(admit(DAY).is_allowed());
        let limited = admit(DAY + 1);
        assert_eq!((limited.is_allowed(), limited.remaining()), (false, 0));
        for _ in 0..10 {
            assert!(!admit(DAY + 2).is_allowed());
        }
        // Trying again did not use up the day.
        assert!(admit(DAY + 2 * MINUTE).is_allowed());
        let limited = admit(DAY + 9 * MINUTE);
        assert_eq!(limited.resets_at_ms(), 2 * DAY / 1000, "the day limits longest");
        assert!(admit(2 * DAY).is_allowed());
        assert_eq!(counters.admit(DAY, "paid", &[]), None, "RATE-4");
        assert_eq!(counters.len(), 1);
    }

    #[test]
    fn idle_counters_are_forgotten() {
        let mut counters = RateCounters::default();
        counters.admit(DAY, 1, &[RateRule::per_day(3)]);
        counters.sweep(2 * DAY);
        assert!(!counters.is_empty(), "a sliding day would still count it");
        counters.sweep(3 * DAY);
        assert!(counters.is_empty());
        assert_eq!(counters.check(3 * DAY, &1, &[RateRule::per_day(3)]).unwrap().remaining(), 3);
    }
}
