//! Without fallbacks only what is preferred is tried. PROV-2, PROV-3

use crate::candidate::Candidate;
use crate::plan::{Exclusion, Placement, Subject};
use crate::reason::Reason;
use crate::situation::Situation;

/// With an order, only what it names stays; without one, only the first endpoint. Models named as
/// fallbacks are not providers: each of them keeps its own first. PROV-2, PROV-3
pub(super) fn cut(
    situation: &Situation<'_>,
    candidates: &mut Vec<Candidate<'_>>,
    exclusions: &mut Vec<Exclusion>,
) {
    if situation.preferences.allow_fallbacks {
        return;
    }
    let ordered = !situation.preferences.order.is_empty();
    let first = candidates.first().map(|candidate| candidate.id);
    candidates.retain(|candidate| {
        let keep = if ordered {
            matches!(candidate.placement, Placement::Listed(_))
        } else {
            Some(candidate.id) == first
        };
        if !keep {
            exclusions.push(Exclusion {
                subject: Subject::Endpoint(candidate.id),
                reason: Reason::FallbacksOff,
            });
        }
        keep
    });
}
