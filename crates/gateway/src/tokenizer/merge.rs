//! Byte pair encoding of one piece: of all neighbours that make a token the pair of the lowest rank is
//! merged first. A piece may be the whole text, so it takes n log n steps, not n².

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::vocabulary::Vocabulary;

/// No neighbour.
const NONE: usize = usize::MAX;

/// The room that is needed for it, kept from piece to piece.
#[derive(Default)]
pub struct Merger {
    /// By where a part begins: where it ends, and where the one before it begins.
    ends: Vec<usize>,
    before: Vec<usize>,
    /// Pairs by rank: where the left part begins, and where the right one ends. Those that are
    /// outdated stay until they are met.
    pairs: BinaryHeap<Reverse<(u32, usize, usize)>>,
}

impl Merger {
    /// How many tokens a piece has.
    pub fn count(&mut self, piece: &[u8], vocabulary: &Vocabulary) -> u64 {
        if piece.len() < 2 || vocabulary.rank(piece).is_some() {
            return u64::from(!piece.is_empty());
        }
        let length = piece.len();
        self.ends.clear();
        self.ends.extend(1..=length);
        self.before.clear();
        self.before.push(NONE);
        self.before.extend(0..length - 1);
        self.pairs.clear();
        let mut parts = length as u64;
        for start in 0..length - 1 {
            self.propose(piece, start, vocabulary);
        }
        while let Some(Reverse((_, start, end))) = self.pairs.pop() {
            let middle = self.ends[start];
            // A part that was merged into the one before it has no end of its own any more.
            if middle == NONE || middle >= length || self.ends[middle] != end {
                continue;
            }
            self.ends[start] = end;
            self.ends[middle] = NONE;
            if end < length {
                self.before[end] = start;
            }
            parts -= 1;
            self.propose(piece, start, vocabulary);
            if self.before[start] != NONE {
                self.propose(piece, self.before[start], vocabulary);
            }
        }
        parts
    }

    /// Adds the pair that begins at `start`, if it makes a token.
    fn propose(&mut self, piece: &[u8], start: usize, vocabulary: &Vocabulary) {
        let middle = self.ends[start];
        let Some(end) = self.ends.get(middle).copied() else { return };
        if let Some(rank) = piece.get(start..end).and_then(|bytes| vocabulary.rank(bytes)) {
            self.pairs.push(Reverse((rank, start, end)));
        }
    }
}
