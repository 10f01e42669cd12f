//! What is asked of the counters, and what they answer.

use super::id::ReservationId;
use super::limit::Limit;
use super::spender::{Spend, SpenderId};
use crate::{Micros, NanoUsd};

/// What is to be reserved for a request.
#[derive(Clone, Copy, Debug)]
pub struct ReservationRequest<'a> {
    /// Its name.
    pub id: ReservationId,
    /// All that spend: account, workspace, member, key, whether they have limits or not.
    pub spenders: &'a [SpenderId],
    /// All limits that apply.
    pub limits: &'a [Limit],
    /// An upper bound of what it will cost.
    pub amount: Spend,
    /// What has to be affordable at least. A request that states its length needs all of
    /// `amount`; one that does not is content with less, and is cut to that length.
    pub least: Spend,
    /// For how long, in microseconds, unless renewed: if a node dies, nobody else releases it.
    pub lease: Micros,
}

/// A reservation that was granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Granted {
    /// What is held: the amount asked for, or what limits leave of it.
    pub amount: Spend,
}

/// A reservation that was refused. CREDIT-4, KEYS-9, WS-7
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the {} has {left} USD left, {needed} USD are needed", limit.kind)]
pub struct Refused {
    /// The broadest limit that does not fit.
    pub limit: Limit,
    /// What is neither used nor held of it, in nano-dollars; may be negative.
    pub left: NanoUsd,
    /// What would count toward it at least, in nano-dollars.
    pub needed: NanoUsd,
    /// When its window is over; `None` for a lifetime.
    pub resets_at: Option<Micros>,
    /// Whether the request would fit all limits if nothing were held: then it is worth a second
    /// try when a reservation ends.
    pub blocked_by_holds: bool,
}

/// What became of a settlement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// It counts, and what was held is free.
    Counted {
        /// What was held.
        held: Spend,
    },
    /// It counts, though the lease had run out and nothing was held any more.
    CountedLate,
    /// Nothing changed: the reservation was settled or released before, or never granted.
    NotHeld,
}

/// A reservation whose lease ran out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expired {
    /// Its name.
    pub id: ReservationId,
    /// What was held.
    pub held: Spend,
}
