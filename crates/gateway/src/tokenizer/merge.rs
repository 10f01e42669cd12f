//! Byte pair encoding of one piece: of all neighbours that make a token the pair of the lowest rank is
//! merged first, in n log n steps, not n². A piece may be the whole text, so a long one is cut: that
//! bounds what is kept for it.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::vocabulary::Vocabulary;

/// The most bytes that are paired at once. Each cut may add a token or two.
pub const MAX_PIECE: usize = 64 * 1024;

/// No neighbour.
const NONE: u32 = u32::MAX;

/// The room that is needed for it, kept from piece to piece.
#[derive(Default)]
pub struct Merger {
    /// By where a part begins: where it ends, and where the one before it begins.
    ends: Vec<u32>,
    before: Vec<u32>,
    /// Pairs by rank: where the left part begins, and where the right one ends. Those that are
    /// outdated stay until they are met.
    pairs: BinaryHeap<Reverse<(u32, u32, u32)>>,
    /// How many pairs were looked up so far: what the work grows with.
    #[cfg(test)]
    pub steps: u64,
}

impl Merger {
    /// How many tokens a piece has.
    pub fn count(&mut self, piece: &[u8], vocabulary: &Vocabulary) -> u64 {
        piece.chunks(MAX_PIECE).map(|chunk| self.count_chunk(chunk, vocabulary)).sum()
    }

    /// Of a piece no longer than [`MAX_PIECE`], so that every place in it is a `u32`.
    fn count_chunk(&mut self, piece: &[u8], vocabulary: &Vocabulary) -> u64 {
        if piece.len() < 2 || vocabulary.rank(piece).is_some() {
            return u64::from(!piece.is_empty());
        }
        let length = piece.len() as u32;
        self.ends.clear();
        self.ends.extend(1..=length);
        self.before.clear();
        self.before.push(NONE);
        self.before.extend(0..length - 1);
        self.pairs.clear();
        let mut parts = u64::from(length);
        for start in 0..length - 1 {
            self.propose(piece, start, vocabulary);
        }
        while let Some(Reverse((_, start, end))) = self.pairs.pop() {
            let middle = self.ends[start as usize];
            // A part that was merged into the one before it has no end of its own any more.
            if middle == NONE || middle >= length || self.ends[middle as usize] != end {
                continue;
            }
            self.ends[start as usize] = end;
            self.ends[middle as usize] = NONE;
            if end < length {
                self.before[end as usize] = start;
            }
            parts -= 1;
            self.propose(piece, start, vocabulary);
            let before = self.before[start as usize];
            if before != NONE {
                self.propose(piece, before, vocabulary);
            }
        }
        parts
    }

    /// Adds the pair that begins at `start`, if it makes a token.
    fn propose(&mut self, piece: &[u8], start: u32, vocabulary: &Vocabulary) {
        #[cfg(test)]
        {
            self.steps += 1;
        }
        let middle = self.ends[start as usize];
        let Some(end) = self.ends.get(middle as usize).copied() else { return };
        let bytes = piece.get(start as usize..end as usize);
        if let Some(rank) = bytes.and_then(|bytes| vocabulary.rank(bytes)) {
            self.pairs.push(Reverse((rank, start, end)));
        }
    }

    /// The most pairs that were kept at once so far, as room was made for them.
    #[cfg(test)]
    pub fn room(&self) -> usize {
        self.pairs.capacity().max(self.ends.capacity())
    }
}
