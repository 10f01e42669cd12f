//! Candidates: endpoints on their way through the rules.

use std::cmp::Ordering;

use catalog::{Endpoint, EndpointId, ModelId, Provider};

use crate::health::{Condition, Percentiles};
use crate::plan::{Notes, Placement};
use crate::situation::{Available, Situation};

/// An endpoint on its way through the rules.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Candidate<'a> {
    pub id: EndpointId,
    pub endpoint: &'a Endpoint,
    pub provider: &'a Provider,
    pub model: ModelId,
    /// Position in the list of models found.
    pub group: usize,
    pub available: Available,
    /// Its service tier is admitted by something other than its own name.
    pub tier_admitted: bool,
    pub condition: Condition,
    /// What it costs, for comparison; `None` when unknown. See [`crate::price::comparable`].
    pub price: Option<u128>,
    pub throughput: Option<Percentiles>,
    pub latency: Option<Percentiles>,
    /// Where it stands; the smallest goes first.
    pub key: Key,
    pub placement: Placement,
    pub notes: Notes,
}

/// What candidates are ordered by, the weightiest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Key {
    /// 0 with a prioritised credential of the caller's own. BYOK-3
    pub own: u8,
    /// 0 for those `provider.order` names, where it matters before it ranks them.
    pub unlisted: u8,
    /// 0 for the maker of the conversation's latest reasoning, [`Key::MADE_NONE`] for those that
    /// made none. REASON-11
    pub made: u8,
    /// 0 for those that meet the preferred throughput and latency. PERF-4
    pub below: u8,
    /// Position in `provider.order`; those that are not named share the last. PROV-2
    pub listed: u16,
    /// 0 for the tier asked for. TIER-2
    pub tier: u8,
    /// 0 where the prompt fits by its estimate. LB-9
    pub room: u8,
    /// 0 for the healthy. LB-1, LB-5
    pub health: u8,
    /// 0 for those good with tools. EXACTO-5
    pub tools: u8,
    /// The measure of a sort by latency or throughput, as bits in the right order.
    pub measure: u64,
    /// The price, known before unknown.
    pub price: u128,
    /// The position in the catalogue, so that no two are equal.
    pub id: u32,
}

impl Key {
    /// No reasoning of the conversation was made there.
    pub(crate) const MADE_NONE: u8 = 15;

    /// The small members as one number, the weightiest in the highest bits: sorting is one
    /// comparison where nine would be.
    const fn class(self) -> u64 {
        let [own, unlisted, made] = [self.own, self.unlisted, self.made];
        let [below, tier, room, health, tools] =
            [self.below, self.tier, self.room, self.health, self.tools];
        (own as u64) << 61
            | (unlisted as u64) << 60
            | (made as u64) << 56
            | (below as u64) << 48
            | (self.listed as u64) << 32
            | (tier as u64) << 24
            | (room as u64) << 16
            | (health as u64) << 8
            | tools as u64
    }

    /// Whether two stand together where the makers of reasoning are arranged.
    pub(crate) const fn is_beside(self, other: Self) -> bool {
        self.class() >> 56 == other.class() >> 56
    }

    /// Whether nothing but the measure, the price and the position tells two apart.
    pub(crate) const fn is_equal_but_for_price(self, other: Self) -> bool {
        self.class() == other.class()
    }
}

impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.class(), self.measure, self.price, self.id).cmp(&(
            other.class(),
            other.measure,
            other.price,
            other.id,
        ))
    }
}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<'a> Candidate<'a> {
    pub(crate) fn new(
        situation: &Situation<'a>,
        id: EndpointId,
        model: ModelId,
        group: usize,
        tier_admitted: bool,
    ) -> Self {
        Self {
            id,
            endpoint: situation.catalog.endpoint(id),
            provider: situation.catalog.provider_of(id),
            model,
            group,
            available: (situation.credentials)(id),
            tier_admitted,
            condition: Condition::default(),
            price: None,
            throughput: None,
            latency: None,
            key: Key::default(),
            placement: Placement::Priced,
            notes: Notes::default(),
        }
    }
}
