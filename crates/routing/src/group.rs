//! A model found, with what its name and the request say about its endpoints.

use catalog::{EndpointStatus, ServiceTier};

use crate::candidate::Candidate;
use crate::facts::TierAsked;
use crate::plan::Resolved;
use crate::preferences::Sort;
use crate::resolve::{VariantWishes, wishes};
use crate::situation::Situation;

/// A model found, with what its name and the request say about its endpoints.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Group {
    pub resolved: Resolved,
    /// Flex was asked for, and the model has it. TIER-3
    pub flex_only: bool,
    /// Priority was asked for, and the model has it. TIER-2
    pub priority_first: bool,
    /// What endpoints are sorted by, if they are.
    pub sort: Option<Sort>,
}

/// What a request says of tiers, after the fast sibling has taken its part of it. TIER-10
fn tier_asked(situation: &Situation<'_>, resolved: Resolved) -> TierAsked {
    if resolved.via == crate::plan::Via::FastSibling && situation.facts.service_tier.is_none() {
        return TierAsked::None;
    }
    situation.facts.tier()
}

/// Collects the endpoints of the models found, and what holds for each model.
pub(crate) fn collect<'a>(
    situation: &Situation<'a>,
    models: &[Resolved],
) -> (Vec<Group>, Vec<Candidate<'a>>) {
    let mut groups = Vec::with_capacity(models.len());
    let endpoints = models.iter().map(|found| situation.catalog.endpoints_of(found.model).len());
    let mut candidates = Vec::with_capacity(endpoints.sum());
    for (at, resolved) in models.iter().enumerate() {
        let asked = tier_asked(situation, *resolved);
        let wishes = situation
            .facts
            .models
            .get(usize::from(resolved.asked))
            .map(|slug| wishes(situation, slug))
            .unwrap_or_default();
        let start = candidates.len();
        candidates.extend(situation.catalog.endpoints_of(resolved.model).map(|id| {
            let tier = situation.catalog.endpoint(id).service_tier;
            Candidate::new(situation, id, resolved.model, at, admits(asked, wishes, tier))
        }));
        // A tier that nobody can call is no tier: the request runs normally. TIER-3, TIER-10
        let has = |tier| {
            candidates[start..].iter().any(|candidate: &Candidate<'_>| {
                candidate.endpoint.service_tier == tier
                    && candidate.endpoint.status != EndpointStatus::Disabled
                    && candidate.available.any()
            })
        };
        let flex_only = asked == TierAsked::Flex && has(ServiceTier::Flex);
        let priority_first = asked == TierAsked::Priority && has(ServiceTier::Priority);
        let by_tier = match (flex_only, priority_first) {
            (true, _) => Some(Sort::Price),
            (_, true) => Some(Sort::Throughput),
            _ => None,
        };
        // What the request says of sorting beats what its tier implies, which beats the account.
        // PROV-14, TIER-2, TIER-3
        let sort = wishes
            .sort
            .or(situation.preferences.sort)
            .or(by_tier)
            .or(situation.policy.default_sort);
        groups.push(Group { resolved: *resolved, flex_only, priority_first, sort });
    }
    (groups, candidates)
}

fn admits(asked: TierAsked, wishes: VariantWishes, tier: ServiceTier) -> bool {
    asked.admits(tier)
        || (tier == ServiceTier::Priority && wishes.admits_priority)
        || (tier == ServiceTier::Flex && wishes.admits_flex)
}
