//! The tokens there are, and their ranks. Laid out for size: all bytes in one place, and a table of
//! ranks that is searched from the place a hash tells.

use std::io::Read;

use flate2::read::DeflateDecoder;

/// The most bytes a vocabulary may inflate to.
const MOST: u64 = 16 * 1024 * 1024;

/// Tokens by their bytes.
pub struct Vocabulary {
    bytes: Vec<u8>,
    /// Where each token ends; it begins where the one before it ends.
    ends: Vec<u32>,
    /// Ranks plus one by hash; zero is free. A power of two long, never more than half full.
    slots: Vec<u32>,
    longest: usize,
}

impl Vocabulary {
    /// Reads tokens in the order of their ranks, each a byte for its length and its bytes.
    pub fn read(deflated: &[u8]) -> Option<Self> {
        let mut raw = Vec::new();
        DeflateDecoder::new(deflated).take(MOST).read_to_end(&mut raw).ok()?;
        let mut vocabulary = Self {
            bytes: Vec::with_capacity(raw.len()),
            ends: Vec::new(),
            slots: Vec::new(),
            longest: 0,
        };
        let mut rest = raw.as_slice();
        while let Some((length, after)) = rest.split_first() {
            let (token, after) = after.split_at_checked(usize::from(*length))?;
            vocabulary.bytes.extend_from_slice(token);
            vocabulary.ends.push(u32::try_from(vocabulary.bytes.len()).ok()?);
            vocabulary.longest = vocabulary.longest.max(token.len());
            rest = after;
        }
        vocabulary.ends.shrink_to_fit();
        vocabulary.bytes.shrink_to_fit();
        vocabulary.slots = vec![0; (vocabulary.ends.len() * 2).next_power_of_two()];
        for rank in 0..u32::try_from(vocabulary.ends.len()).ok()? {
            let mut at = vocabulary.place(vocabulary.token(rank));
            while vocabulary.slots[at] != 0 {
                at = (at + 1) & (vocabulary.slots.len() - 1);
            }
            vocabulary.slots[at] = rank + 1;
        }
        Some(vocabulary)
    }

    /// The rank of a token with these bytes; the lower one is merged first.
    pub fn rank(&self, bytes: &[u8]) -> Option<u32> {
        if bytes.len() > self.longest || self.slots.is_empty() {
            return None;
        }
        let mut at = self.place(bytes);
        loop {
            let rank = self.slots[at].checked_sub(1)?;
            if self.token(rank) == bytes {
                return Some(rank);
            }
            at = (at + 1) & (self.slots.len() - 1);
        }
    }

    fn token(&self, rank: u32) -> &[u8] {
        let end = |rank: usize| self.ends.get(rank).map_or(0, |end| *end as usize);
        let start = (rank as usize).checked_sub(1).map_or(0, end);
        &self.bytes[start..end(rank as usize)]
    }

    /// Where the search for some bytes begins. The vocabulary is fixed, so nobody can choose what
    /// collides in it.
    fn place(&self, bytes: &[u8]) -> usize {
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        for byte in bytes {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        (hash ^ (hash >> 29)) as usize & (self.slots.len() - 1)
    }
}
