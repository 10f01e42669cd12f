//! Names of reservations.

use std::hash::{BuildHasherDefault, Hasher};

/// The name of a reservation: one for each request, drawn by chance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReservationId(pub u128);

/// Hashes ids that are chance already: folding them is enough.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct IdHasher(u64);

pub(super) type BuildIdHasher = BuildHasherDefault<IdHasher>;

impl IdHasher {
    fn mix(&mut self, word: u64) {
        // An odd constant spreads the low bits upwards, the shift brings the high ones down.
        let mixed = (self.0 ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        self.0 = mixed ^ (mixed >> 32);
    }
}

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word.iter_mut().zip(chunk).for_each(|(to, from)| *to = *from);
            self.mix(u64::from_le_bytes(word));
        }
    }
}
