//! The count of one span.

use super::rule::{RateRule, RateVerdict, Shape, Span};
use crate::Micros;

/// Requests of the current span of the clock and of the one before. It is to be used with one
/// [`Span`] only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RateCounter {
    /// Which span is the current one, counted from the epoch.
    span: i64,
    current: u64,
    previous: u64,
}

impl RateCounter {
    /// The counts of a span, numbered from the epoch, and of the one before: what was counted
    /// elsewhere.
    pub const fn new(span: i64, current: u64, previous: u64) -> Self {
        Self { span, current, previous }
    }

    /// Counts one request.
    pub fn count(&mut self, now: Micros, span: Span) {
        *self = self.at(now, span);
        self.current = self.current.saturating_add(1);
    }

    /// Whether nothing in it counts any more.
    pub fn is_idle(&self, now: Micros, span: Span) -> bool {
        let Self { current, previous, .. } = self.at(now, span);
        current == 0 && previous == 0
    }

    /// The counter as it is at `now`. A clock that goes back by a span or less begins no span
    /// twice; if it goes back further, the counter follows and keeps its counts.
    fn at(&self, now: Micros, span: Span) -> Self {
        let current = now.div_euclid(span.length());
        match current - self.span {
            0 | -1 => *self,
            1 => Self { span: current, current: 0, previous: self.current },
            2.. => Self { span: current, current: 0, previous: 0 },
            _ => Self { span: current, ..*self },
        }
    }
}

/// Whether a rule allows one more request. It is not counted by this.
pub fn check(now: Micros, rule: &RateRule, counter: &RateCounter) -> RateVerdict {
    let length = rule.span.length();
    let counter = counter.at(now, rule.span);
    let start = counter.span.saturating_mul(length);
    // Before the start if the clock went back: then all of the span before counts.
    let passed = now.saturating_sub(start).clamp(0, length);
    let limit = rule.requests;
    let carried = match rule.shape {
        Shape::Fixed => 0,
        Shape::Sliding => carried(counter.previous, length - passed, length),
    };
    let used = counter.current.saturating_add(carried);
    if used < limit {
        let resets_at_ms = millis(start.saturating_add(length));
        return RateVerdict::Allowed { limit, remaining: limit - used, resets_at_ms };
    }
    let wait = match rule.shape {
        Shape::Fixed => length,
        // Still within this span, when enough of the one before has slid out.
        Shape::Sliding if counter.current < limit => {
            until(counter.previous, limit - counter.current, length)
        }
        // In the next span, when enough of this one has.
        Shape::Sliding => length.saturating_add(until(counter.current, limit, length)),
    };
    RateVerdict::Limited { limit, remaining: 0, resets_at_ms: millis(start.saturating_add(wait)) }
}

/// How many of the requests of a span count while `inside` of its `length` still lies within the
/// sliding one: rounded up.
fn carried(requests: u64, inside: i64, length: i64) -> u64 {
    let part = u128::from(requests) * u128::from(inside.unsigned_abs());
    u64::try_from(part.div_ceil(u128::from(length.unsigned_abs()))).unwrap_or(u64::MAX)
}

/// How far into the next span fewer than `room` of the requests of a span count: the least
/// `passed` with `carried(requests, length - passed, length) < room`.
fn until(requests: u64, room: u64, length: i64) -> i64 {
    if requests == 0 || room == 0 {
        return length;
    }
    // carried ≤ room - 1 ⇔ requests × inside ≤ (room - 1) × length
    let most = u128::from(room - 1) * u128::from(length.unsigned_abs()) / u128::from(requests);
    length - i64::try_from(most).unwrap_or(length).min(length)
}

/// Microseconds as milliseconds, rounded up: at that moment it holds.
const fn millis(moment: Micros) -> i64 {
    moment.div_euclid(1000) + (moment.rem_euclid(1000) > 0) as i64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MINUTE: Micros = 60_000_000;

    fn counted(rule: &RateRule, times: &[Micros]) -> RateCounter {
        let mut counter = RateCounter::default();
        times.iter().for_each(|now| counter.count(*now, rule.span));
        counter
    }

    /// RATE-5
    #[test]
    fn a_fixed_span_begins_anew() {
        let rule = RateRule { shape: Shape::Fixed, ..RateRule::per_minute(2) };
        let counter = counted(&rule, &[MINUTE + 1, MINUTE + 2]);
        let limited = check(2 * MINUTE - 1, &rule, &counter);
        let resets_at_ms = 120_000;
        assert_eq!(limited, RateVerdict::Limited { limit: 2, remaining: 0, resets_at_ms });
        let allowed = check(2 * MINUTE, &rule, &counter);
        let resets_at_ms = 180_000;
        assert_eq!(allowed, RateVerdict::Allowed { limit: 2, remaining: 2, resets_at_ms });
    }

    #[test]
    fn a_sliding_span_remembers_what_still_lies_within() {
        let rule = RateRule::per_minute(10);
        let counter = counted(&rule, &[MINUTE; 10]);
        let at = |passed| check(2 * MINUTE + passed, &rule, &counter);
        assert!(!at(0).is_allowed());
        assert_eq!(check(2 * MINUTE - 1, &rule, &counter).resets_at_ms(), 126_000);
        assert!(!at(MINUTE / 10 - 1).is_allowed());
        assert_eq!(at(MINUTE / 10).remaining(), 1);
        assert_eq!(at(MINUTE / 2).remaining(), 5);
        assert_eq!(at(MINUTE).remaining(), 10);
    }

    #[test]
    fn a_rule_of_none_allows_none() {
        for shape in [Shape::Fixed, Shape::Sliding] {
            let rule = RateRule { shape, ..RateRule::per_minute(0) };
            assert!(!check(5, &rule, &RateCounter::default()).is_allowed());
        }
    }

    #[test]
    fn a_clock_that_goes_back_begins_no_span_twice() {
        let rule = RateRule { shape: Shape::Fixed, ..RateRule::per_minute(1) };
        let mut counter = counted(&rule, &[MINUTE]);
        assert!(!check(MINUTE - 1, &rule, &counter).is_allowed());
        counter.count(MINUTE - 1, Span::Minute);
        assert_eq!(counter.current, 2);
        for now in [i64::MIN, i64::MAX, 0] {
            counter.count(now, Span::Minute);
            check(now, &rule, &counter);
            check(now, &RateRule::per_day(5), &counter);
        }
    }

    fn some_rule() -> impl Strategy<Value = RateRule> {
        let span = prop_oneof![Just(Span::Minute), Just(Span::Day)];
        let shape = prop_oneof![Just(Shape::Fixed), Just(Shape::Sliding)];
        (1..40_u64, span, shape).prop_map(|(requests, span, shape)| RateRule {
            requests,
            span,
            shape,
        })
    }

    proptest! {
        #[test]
        fn a_request_is_allowed_at_the_reset_and_not_before(
            rule in some_rule(), gaps in prop::collection::vec(0_i64..100, 1..80),
        ) {
            let step = rule.span.length() / 500;
            let (mut now, mut counter) = (0, RateCounter::default());
            for gap in gaps {
                now += gap * step;
                match check(now, &rule, &counter) {
                    RateVerdict::Allowed { remaining, .. } => {
                        prop_assert!((1..=rule.requests).contains(&remaining));
                        counter.count(now, rule.span);
                        let after = check(now, &rule, &counter).remaining();
                        prop_assert_eq!(after, remaining - 1);
                    }
                    RateVerdict::Limited { resets_at_ms, .. } => {
                        let reset = resets_at_ms * 1000;
                        prop_assert!(reset > now);
                        prop_assert!(check(reset, &rule, &counter).is_allowed());
                        // Times are told in whole milliseconds.
                        prop_assert!(!check(reset - 1000, &rule, &counter).is_allowed());
                    }
                }
            }
        }

        #[test]
        fn a_span_of_the_clock_never_has_more_than_the_rule_says(
            rule in some_rule(), gaps in prop::collection::vec(0_i64..60, 1..300),
        ) {
            let step = rule.span.length() / 1_000;
            let (mut now, mut counter, mut begun) = (0, RateCounter::default(), Vec::new());
            for gap in gaps {
                now += gap * step;
                if check(now, &rule, &counter).is_allowed() {
                    counter.count(now, rule.span);
                    begun.push(now.div_euclid(rule.span.length()));
                }
            }
            for span in &begun {
                let count = begun.iter().filter(|other| *other == span).count();
                prop_assert!(count as u64 <= rule.requests);
            }
        }
    }
}
