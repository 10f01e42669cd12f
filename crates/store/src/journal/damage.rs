//! What is behind a record that cannot be read: nothing, or sound records, which are not lost with it.
//!
//! A journal ends with a record that was torn when the machine lost its power, with zeros, or with
//! what the file had before. Only where a whole record of the same segment stands behind is it
//! damage.

use super::record;
use super::segment::{MAX_RECORD, RECORD_HEAD, Seal, array};

/// What of a segment cannot be read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Damage {
    /// In how many places, each of at least one record.
    pub(super) places: usize,
    /// How many bytes they have together.
    pub(super) bytes: u64,
}

impl Damage {
    /// Adds a place.
    pub(super) fn add(&mut self, bytes: u64) {
        self.places += 1;
        self.bytes = self.bytes.saturating_add(bytes);
    }
}

/// Where the next sound record begins in what follows a record's begin, if there is one. `columns`
/// is how many columns records have.
///
/// Without a seal only the place is looked at where the record says that it ends: what callers send
/// is in records too, and one who writes there what looks like a record must not have it read.
pub(super) fn next_sound(rest: &[u8], columns: usize, seal: Seal) -> Option<usize> {
    let rest = without_zeros(rest);
    let claimed = length_at(rest, 0).map(|length| RECORD_HEAD + length);
    if let Some(at) = claimed.filter(|at| is_sound(rest, *at, columns, seal)) {
        return Some(at);
    }
    seal.is_secret().then(|| (1..rest.len()).find(|at| is_sound(rest, *at, columns, seal)))?
}

/// Whether a whole record begins there. What is told quickly is asked first: nearly no place has one.
fn is_sound(rest: &[u8], at: usize, columns: usize, seal: Seal) -> bool {
    let Some(length) = length_at(rest, at) else { return false };
    let begin = at + RECORD_HEAD;
    let bytes = &rest[begin..begin + length];
    record::has_columns(bytes, columns)
        && seal.checksum(bytes) == u32::from_le_bytes(array(&rest[at + 4..begin]))
}

/// The length that a record at a place says it has, if it can have that.
fn length_at(rest: &[u8], at: usize) -> Option<usize> {
    let room = rest.len().checked_sub(at.checked_add(RECORD_HEAD)?)?;
    let length = u32::from_le_bytes(array(&rest[at..at + 4])) as usize;
    (1..=MAX_RECORD.min(room)).contains(&length).then_some(length)
}

/// Without the zeros at the end, which most of a segment is, but for so many as a record may end with.
fn without_zeros(rest: &[u8]) -> &[u8] {
    const ZEROS: [u8; 4096] = [0; 4096];
    let mut plain = rest;
    while let Some((before, last)) = plain.split_last_chunk::<{ ZEROS.len() }>()
        && *last == ZEROS
    {
        plain = before;
    }
    &rest[..rest.len().min(plain.len() + ZEROS.len())]
}
