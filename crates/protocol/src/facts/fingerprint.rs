//! Telling texts apart without keeping them.

use xxhash_rust::xxh3::xxh3_64_with_seed;

/// What tells a sequence of texts from others: the same on every node and in every build. Quick,
/// since a prompt may begin with much, and no proof against those who look for two that are alike:
/// it may only decide what concerns nobody but who sent them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fingerprint(u64);

impl Fingerprint {
    /// Of one text.
    pub fn of(text: &str) -> Self {
        Self::default().and(text)
    }

    /// With one text more.
    #[must_use]
    pub fn and(self, text: &str) -> Self {
        Self(xxh3_64_with_seed(text.as_bytes(), self.0))
    }

    /// The number that it is.
    pub fn number(self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_told_apart_by_what_they_say_and_where_one_ends() {
        let told = [
            Fingerprint::default(),
            Fingerprint::of(""),
            Fingerprint::of("ab"),
            Fingerprint::of("a").and("b"),
            Fingerprint::of("b").and("a"),
            Fingerprint::of("a"),
        ];
        for (at, one) in told.iter().enumerate() {
            assert!(!told[..at].contains(one), "{at}");
        }
    }

    /// Nodes of several versions share what they remember by it.
    #[test]
    fn it_stays_what_it_was() {
        assert_eq!(
            Fingerprint::of("You are kind.").and("Hello").number(),
            10_086_087_233_729_599_949
        );
    }
}
