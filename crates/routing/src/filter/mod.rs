//! The hard filters: what an endpoint must satisfy to be tried at all. LB-9

mod admission;
mod capability;
mod price;
mod privacy;
mod soft;

pub(crate) use soft::prefer_capable;

use crate::candidate::Candidate;
use crate::group::Group;
use crate::plan::{Exclusion, Subject};
use crate::reason::Reason;
use crate::situation::Situation;

/// A hard filter: the reason to leave an endpoint out, if there is one.
type Filter = fn(&Situation<'_>, &Group, &Candidate<'_>) -> Option<Reason>;

/// All hard filters. The first that objects gives the reason; the order is that of
/// [`crate::reason::Stage`], so the reason says how far an endpoint came.
const FILTERS: &[Filter] = &[
    admission::status,
    admission::credential,
    admission::first_party,
    admission::service_tier,
    admission::allowed,
    admission::ignored,
    privacy::data_collection,
    privacy::retention,
    privacy::distillable,
    privacy::region,
    capability::quantization,
    price::max_price,
    capability::context_length,
    capability::max_tokens,
    capability::input_modalities,
    capability::output_modalities,
    capability::require_parameters,
];

/// Keeps the candidates to which no filter objects.
pub(crate) fn hard(
    situation: &Situation<'_>,
    groups: &[Group],
    candidates: &mut Vec<Candidate<'_>>,
    exclusions: &mut Vec<Exclusion>,
) {
    candidates.retain(|candidate| {
        let group = &groups[candidate.group];
        match FILTERS.iter().find_map(|filter| filter(situation, group, candidate)) {
            None => true,
            Some(reason) => {
                exclusions.push(Exclusion { subject: Subject::Endpoint(candidate.id), reason });
                false
            }
        }
    });
}
