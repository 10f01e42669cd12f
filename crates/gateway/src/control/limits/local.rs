//! The counters of one node, in memory.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ledger::{
    Counters, Expired, Limit, Micros, NanoUsd, Refused, ReservationId, Spend, SpenderId, Spent,
};
use tokio::sync::oneshot;

use super::counters::{Ask, Limits, behind, limited};
use super::queue::{Queues, Waiter};
use super::reservation::Reservation;
use super::terms::Terms;
use crate::clock::now_micros;

/// What became of who waited.
pub(super) type Outcome = Result<Reservation, Refused>;

/// Counters of this node, and who waits at them.
#[derive(Default)]
pub(super) struct Local(Mutex<Books>);

#[derive(Default)]
struct Books {
    counters: Counters,
    queues: Queues,
}

impl Local {
    /// Reserves at once, unless others wait already: they were first. Tells what is granted.
    pub fn reserve(&self, ask: &Ask) -> Result<Spend, Refused> {
        let mut books = self.books();
        let Books { counters, queues } = &mut *books;
        let granted = counters.reserve(now_micros(), &ask.request())?;
        if let Some(first) = queues.any_of(limited(&ask.caller.terms)) {
            counters.release(ask.id);
            return Err(behind(&ask.caller.terms, first));
        }
        Ok(granted.amount)
    }

    /// Reserves without regard to who waits.
    pub fn reserve_now(&self, ask: &Ask) -> Result<Spend, Refused> {
        Ok(self.books().counters.reserve(now_micros(), &ask.request())?.amount)
    }

    /// Waits in turn, at most for `patience`. `None`: in vain. Dropped, it leaves.
    pub async fn in_turn(
        &self,
        limits: &Arc<Limits>,
        ask: &Ask,
        blocked: SpenderId,
        patience: Duration,
    ) -> Option<Outcome> {
        let (ticket, told) = self.enter(limits, ask, blocked);
        let waiting = Waiting { local: self, ticket };
        let outcome = tokio::time::timeout(patience, told).await;
        drop(waiting);
        outcome.ok()?.ok()
    }

    fn enter(
        &self,
        limits: &Arc<Limits>,
        ask: &Ask,
        blocked: SpenderId,
    ) -> (u64, oneshot::Receiver<Outcome>) {
        let (answer, told) = oneshot::channel();
        let mut books = self.books();
        let Books { counters, queues } = &mut *books;
        let ticket = queues.ticket();
        let waiter = Waiter { ticket, ask: ask.clone(), limits: Arc::clone(limits), answer };
        queues.enter(blocked, waiter);
        // What it waits for may have come meanwhile.
        queues.serve(now_micros(), counters, &[blocked]);
        (ticket, told)
    }

    pub fn settle(&self, id: ReservationId, terms: &Terms, actual: Spend) {
        self.change(terms, |counters, now| {
            counters.settle(now, id, actual);
        });
    }

    pub fn release(&self, id: ReservationId, terms: &Terms) {
        self.change(terms, |counters, _| {
            counters.release(id);
        });
    }

    pub fn renew(&self, id: ReservationId, lease: Micros) {
        self.books().counters.renew(now_micros(), id, lease);
    }

    pub fn expire(&self, now: Micros) -> Vec<Expired> {
        let mut books = self.books();
        let Books { counters, queues } = &mut *books;
        let expired = counters.expire(now);
        if !expired.is_empty() {
            queues.serve_all(now, counters);
        }
        expired
    }

    pub fn load(&self, now: Micros, spender: SpenderId, spent: &Spent) {
        self.books().counters.load(now, spender, spent);
    }

    pub fn used(&self, spender: SpenderId) -> Spent {
        self.books().counters.used(now_micros(), spender)
    }

    pub fn unused(&self, limit: &Limit) -> NanoUsd {
        self.books().counters.unused(now_micros(), limit)
    }

    pub fn held(&self, spender: SpenderId) -> Spend {
        self.books().counters.held(spender)
    }

    pub fn running(&self) -> usize {
        self.books().counters.running()
    }

    fn change(&self, terms: &Terms, change: impl FnOnce(&mut Counters, Micros)) {
        let now = now_micros();
        let mut books = self.books();
        let Books { counters, queues } = &mut *books;
        change(counters, now);
        if !queues.is_empty() {
            queues.serve(now, counters, &terms.spenders);
        }
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Leaves the queue when the wait is over, however it ends.
struct Waiting<'l> {
    local: &'l Local,
    ticket: u64,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut books = self.local.books();
        let Books { counters, queues } = &mut *books;
        if let Some(spender) = queues.leave(self.ticket) {
            // Whoever stood behind may need less.
            queues.serve(now_micros(), counters, &[spender]);
        }
    }
}
