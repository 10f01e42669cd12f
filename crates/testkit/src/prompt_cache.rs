//! The prompt cache of a vendor with explicit cache marks.

use std::collections::HashSet;

use crate::answer::Asked;

/// Prefixes remembered; beyond this the cache starts anew.
const KEPT_PREFIXES: usize = 100_000;

/// A marked end of a cacheable prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    /// Digest of everything up to and including the marked block.
    pub digest: [u8; 32],
    /// Prompt tokens up to and including the marked block.
    pub tokens: u64,
    /// Whether the prefix is to be kept for an hour instead of five minutes.
    pub hour: bool,
}

/// Prefixes seen in the simulator's life.
#[derive(Debug, Default)]
pub(crate) struct PromptCache {
    seen: HashSet<[u8; 32]>,
}

impl PromptCache {
    /// Splits the prompt's tokens: up to the longest known prefix they are read, from there to
    /// the last mark they are written, and the rest is ordinary input.
    pub(crate) fn charge(&mut self, asked: &mut Asked) {
        let Some(last) = asked.marks.last() else {
            return;
        };
        let known = asked.marks.iter().rev().find(|mark| self.seen.contains(&mark.digest));
        let read = known.map_or(0, |mark| mark.tokens);
        let total = asked.prompt.input;
        asked.prompt.cache_read = read;
        asked.prompt.cache_write = last.tokens.saturating_sub(read);
        asked.prompt.input = total.saturating_sub(last.tokens);
        let mut from = read;
        for mark in &asked.marks {
            let written = mark.tokens.saturating_sub(from);
            if mark.hour {
                asked.prompt.cache_write_hour += written;
            }
            from = from.max(mark.tokens);
        }
        if self.seen.len() + asked.marks.len() > KEPT_PREFIXES {
            self.seen.clear();
        }
        self.seen.extend(asked.marks.iter().map(|mark| mark.digest));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calls::Usage;

    fn asked(marks: &[(u8, u64)], total: u64) -> Asked {
        Asked {
            marks: marks
                .iter()
                .map(|(id, tokens)| Mark { digest: [*id; 32], tokens: *tokens, hour: false })
                .collect(),
            prompt: Usage { input: total, ..Usage::default() },
            ..Asked::default()
        }
    }

    #[test]
    fn a_prefix_is_written_once_and_read_after() {
        let mut cache = PromptCache::default();
        let split = |cache: &mut PromptCache, mut asked: Asked| {
            cache.charge(&mut asked);
            (asked.prompt.input, asked.prompt.cache_write, asked.prompt.cache_read)
        };
        assert_eq!(split(&mut cache, asked(&[(1, 100)], 120)), (20, 100, 0));
        assert_eq!(split(&mut cache, asked(&[(1, 100)], 120)), (20, 0, 100));
        assert_eq!(split(&mut cache, asked(&[(1, 100), (2, 150)], 160)), (10, 50, 100));
        assert_eq!(split(&mut cache, asked(&[(1, 100), (2, 150)], 160)), (10, 0, 150));
        assert_eq!(split(&mut cache, asked(&[], 5)), (5, 0, 0));
    }
}
