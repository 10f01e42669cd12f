//! The caller's own credentials come first. BYOK-3

use crate::candidate::Candidate;
use crate::plan::Note;

/// Brings endpoints with a prioritised credential of the caller's own to the front, in the order
/// they have, whatever `provider.order` says. BYOK-3, PERF-7
pub(super) fn first(candidates: &mut [Candidate<'_>]) {
    for candidate in candidates.iter_mut() {
        if candidate.available.own > 0 {
            candidate.notes.add(Note::OwnCredential);
        }
    }
    candidates.sort_by_key(|candidate| candidate.available.own == 0);
}
