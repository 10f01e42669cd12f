//! What is held for one call.

use std::sync::Arc;
use std::time::Instant;

use ledger::{ReservationId, Spend};

use super::counters::Limits;
use crate::control::Caller;

/// What is held for one call, by its one owner. Settled or dropped, which frees it: either way it
/// ends exactly once. Promise 3
pub struct Reservation {
    limits: Arc<Limits>,
    caller: Arc<Caller>,
    id: ReservationId,
    granted: Spend,
    renewed: Instant,
    held: bool,
}

impl Reservation {
    /// A reservation that was granted.
    pub(super) fn new(
        limits: Arc<Limits>,
        caller: Arc<Caller>,
        id: ReservationId,
        granted: Spend,
    ) -> Self {
        Self { limits, caller, id, granted, renewed: Instant::now(), held: true }
    }

    /// What is held, in nano-dollars.
    pub fn granted(&self) -> Spend {
        self.granted
    }

    /// The call goes on: its lease begins anew, if a third of it is over. Cheap otherwise.
    pub fn keep(&mut self, now: Instant) {
        if now.saturating_duration_since(self.renewed) >= self.limits.lease() / 3 {
            self.renewed = now;
            self.limits.renew(self.id);
        }
    }

    /// Frees what is held and counts what the call did cost. To be done before the row of this
    /// `generation` is handed in: nodes that read the books go by that.
    pub fn settle(mut self, actual: Spend, generation: &Arc<str>) {
        self.held = false;
        self.limits.settle(self.id, &self.caller.terms, actual, generation);
    }

    /// Takes it out of its owner's hands without freeing it: for who holds the lock already.
    pub(super) fn disarm(mut self) -> ReservationId {
        self.held = false;
        self.id
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if self.held {
            self.limits.release(self.id, &self.caller.terms);
        }
    }
}
