//! The order of what may be tried.

mod exacto;
mod expand;
mod fallback;
mod makers;
mod rank;
mod sticky;
mod threshold;

pub(crate) use expand::expand;
pub use sticky::{STICKY_TTL_MS, is_remembered};

use crate::candidate::Candidate;
use crate::group::Group;
use crate::plan::{Exclusion, StickyUse};
use crate::random::Rng;
use crate::situation::Situation;

/// Puts candidates that are sorted together in order: those of one model, or of all of them
/// without partition. The key says it all but for the draw and the memory of the conversation.
pub(crate) fn arrange<'a>(
    situation: &Situation<'a>,
    groups: &[Group],
    candidates: &mut Vec<Candidate<'a>>,
    exclusions: &mut Vec<Exclusion>,
    rng: &mut Rng,
) -> Option<StickyUse> {
    rank::measure(situation, groups, candidates);
    exacto::grade(situation, groups, candidates);
    rank::sort(candidates);
    rank::draw(situation, groups, candidates, rng);
    let sticky = sticky::bring_forward(situation, groups, candidates);
    fallback::cut(situation, candidates, exclusions);
    sticky
}
