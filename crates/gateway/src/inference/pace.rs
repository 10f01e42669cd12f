//! How fast a caller takes, as far as that holds its provider up.

use std::time::{Duration, Instant};

/// A provider that goes away while its caller held it up for so long in all may have been driven
/// away: servers close connections that they cannot write to, often after a minute.
const MAY_SPOIL: Duration = Duration::from_secs(5);
/// Pauses further apart than this do not add up.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(60);

/// Watches how long bytes that were handed out wait until the caller asks for more. The provider
/// is not read meanwhile, so this time is none of its own.
#[derive(Debug, Default)]
pub struct Pace {
    handed_out: Option<Instant>,
    held_up: Duration,
    recent: Duration,
    last: Option<Instant>,
}

impl Pace {
    /// Bytes were handed out.
    pub fn handed_out(&mut self, now: Instant) {
        self.handed_out = Some(now);
    }

    /// More is asked for. Tells how long the provider was held up since bytes were handed out.
    pub fn asked(&mut self, now: Instant) -> Duration {
        let Some(since) = self.handed_out.take() else { return Duration::ZERO };
        let waited = now.saturating_duration_since(since);
        self.held_up += waited;
        if self.last.is_some_and(|last| since.saturating_duration_since(last) > FORGOTTEN_AFTER) {
            self.recent = Duration::ZERO;
        }
        self.recent += waited;
        self.last = Some(now);
        waited
    }

    /// How long the provider was held up in all.
    pub fn held_up(&self) -> Duration {
        self.held_up
    }

    /// Whether a provider that goes away now may have been driven away.
    pub fn may_have_spoiled(&self, now: Instant) -> bool {
        self.recent >= MAY_SPOIL
            && self.last.is_some_and(|last| now.saturating_duration_since(last) <= FORGOTTEN_AFTER)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_time_between_bytes_and_the_next_request_counts() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut pace = Pace::default();
        assert_eq!(pace.asked(at(100)), Duration::ZERO, "nothing was handed out");
        pace.handed_out(at(100));
        assert_eq!(pace.asked(at(103)), Duration::from_secs(3));
        assert_eq!(pace.asked(at(200)), Duration::ZERO, "the provider was silent");
        assert_eq!(pace.held_up(), Duration::from_secs(3));
    }

    #[test]
    fn a_provider_is_spoiled_by_pauses_that_are_long_and_not_long_ago() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut pace = Pace::default();
        pace.handed_out(at(0));
        pace.asked(at(4));
        assert!(!pace.may_have_spoiled(at(4)));
        pace.handed_out(at(5));
        pace.asked(at(7));
        assert!(pace.may_have_spoiled(at(8)), "they add up");
        assert!(!pace.may_have_spoiled(at(80)), "long ago");
        pace.handed_out(at(90));
        pace.asked(at(91));
        assert!(!pace.may_have_spoiled(at(91)), "the earlier ones are forgotten");
    }
}
