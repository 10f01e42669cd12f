//! The counters of one node.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ledger::{
    Counters, Limit, Micros, NanoUsd, Refused, ReservationId, ReservationRequest, Spend, SpenderId,
    Spenders, Spent,
};
use tokio::sync::oneshot;

use super::queue::{Queues, Waiter};
use super::reservation::Reservation;
use super::terms::Terms;
use crate::clock::{now_micros, random};
use crate::control::Caller;

/// What is asked of the limits for one call.
#[derive(Clone, Debug)]
pub struct Ask {
    /// Its name.
    pub id: ReservationId,
    /// Who calls, and with that who spends and under which limits.
    pub caller: Arc<Caller>,
    /// An upper bound of what it will cost, in nano-dollars.
    pub amount: Spend,
    /// What has to be affordable at least, in nano-dollars.
    pub least: Spend,
    /// For how long, in microseconds, unless renewed.
    pub lease: Micros,
}

impl Ask {
    pub(super) fn request(&self) -> ReservationRequest<'_> {
        ReservationRequest {
            id: self.id,
            spenders: &self.caller.terms.spenders,
            limits: &self.caller.terms.limits,
            amount: self.amount,
            least: self.least,
            lease: self.lease,
        }
    }
}

/// What became of it.
pub(super) type Outcome = Result<Reservation, Refused>;

/// The counters all requests of this node share. Reserving is asynchronous, since it may mean to
/// ask elsewhere or to wait; settling, releasing and renewing are told and not waited for.
pub struct Limits {
    books: Mutex<Books>,
    names: Mutex<Spenders>,
    lease: Duration,
}

#[derive(Default)]
struct Books {
    counters: Counters,
    queues: Queues,
}

impl Limits {
    /// Counters at zero. A reservation that is neither settled nor renewed within `lease` is
    /// taken for lost.
    pub fn new(lease: Duration) -> Self {
        Self { books: Mutex::default(), names: Mutex::default(), lease }
    }

    /// How long a reservation is held without being renewed.
    pub fn lease(&self) -> Duration {
        self.lease
    }

    /// The names of all spenders, for whoever compiles a snapshot.
    pub fn names(&self) -> MutexGuard<'_, Spenders> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is asked for a call of `caller`.
    pub fn ask(&self, caller: &Arc<Caller>, amount: Spend, least: Spend) -> Ask {
        let id = u128::from(random()) << 64 | u128::from(random());
        Ask {
            id: ReservationId(id),
            caller: Arc::clone(caller),
            amount,
            least,
            lease: i64::try_from(self.lease.as_micros()).unwrap_or(Micros::MAX),
        }
    }

    /// Reserves at once, or says why not. Where others wait already, `blocked_by_holds` is told
    /// though there may be room: they were first.
    #[expect(clippy::unused_async, reason = "counters elsewhere are asked over a network")]
    pub async fn reserve(self: &Arc<Self>, ask: &Ask) -> Result<Reservation, Refused> {
        let mut books = self.books();
        let Books { counters, queues } = &mut *books;
        let granted = counters.reserve(now_micros(), &ask.request())?;
        if let Some(first) = queues.any_of(limited(&ask.caller.terms)) {
            counters.release(ask.id);
            return Err(behind(&ask.caller.terms, first));
        }
        drop(books);
        let caller = Arc::clone(&ask.caller);
        Ok(Reservation::new(Arc::clone(self), caller, ask.id, granted.amount))
    }

    /// Waits in turn for running calls to end, at most for `patience`. Dropped, it leaves. The
    /// refusal at the end is that of the last try.
    pub async fn reserve_in_turn(
        self: &Arc<Self>,
        ask: &Ask,
        blocked: SpenderId,
        patience: Duration,
    ) -> Result<Reservation, Refused> {
        let (ticket, told) = self.enter(ask, blocked);
        let waiting = Waiting { limits: self, ticket };
        let outcome = tokio::time::timeout(patience, told).await;
        drop(waiting);
        match outcome {
            Ok(Ok(outcome)) => outcome,
            _ => self.reserve_now(ask),
        }
    }

    fn enter(self: &Arc<Self>, ask: &Ask, blocked: SpenderId) -> (u64, oneshot::Receiver<Outcome>) {
        let (answer, told) = oneshot::channel();
        let mut books = self.books();
        let Books { counters, queues } = &mut *books;
        let ticket = queues.ticket();
        let waiter = Waiter { ticket, ask: ask.clone(), limits: Arc::clone(self), answer };
        queues.enter(blocked, waiter);
        // What it waits for may have come meanwhile.
        queues.serve(now_micros(), counters, &[blocked]);
        (ticket, told)
    }

    /// Reserves without regard to who waits.
    pub fn reserve_now(self: &Arc<Self>, ask: &Ask) -> Result<Reservation, Refused> {
        let granted = self.books().counters.reserve(now_micros(), &ask.request())?;
        let caller = Arc::clone(&ask.caller);
        Ok(Reservation::new(Arc::clone(self), caller, ask.id, granted.amount))
    }

    /// Frees what is held for a call and counts what it did cost.
    pub fn settle(&self, id: ReservationId, terms: &Terms, actual: Spend) {
        self.change(terms, |counters, now| {
            counters.settle(now, id, actual);
        });
    }

    /// Frees what is held for a call that cost nothing.
    pub fn release(&self, id: ReservationId, terms: &Terms) {
        self.change(terms, |counters, _| {
            counters.release(id);
        });
    }

    /// Begins the lease of a call that goes on anew.
    pub fn renew(&self, id: ReservationId) {
        let lease = i64::try_from(self.lease.as_micros()).unwrap_or(Micros::MAX);
        self.books().counters.renew(now_micros(), id, lease);
    }

    /// Frees what calls hold whose lease has run out by `now`; tells how many there were.
    pub fn expire(&self, now: Micros) -> usize {
        let mut books = self.books();
        let Books { counters, queues } = &mut *books;
        let expired = counters.expire(now);
        if !expired.is_empty() {
            queues.serve_all(now, counters);
        }
        drop(books);
        for lost in &expired {
            tracing::warn!(reservation = lost.id.0, held = lost.held.credits.0, "a lease ran out");
        }
        expired.len()
    }

    /// Adds what a spender used before.
    pub fn load(&self, now: Micros, spender: SpenderId, spent: &Spent) {
        self.books().counters.load(now, spender, spent);
    }

    /// What a spender has used in the current windows, in nano-dollars. KEYS-1
    pub fn used(&self, spender: SpenderId) -> Spent {
        self.books().counters.used(now_micros(), spender)
    }

    /// What is not used of a limit, whatever is held, in nano-dollars. KEYS-8
    pub fn unused(&self, limit: &Limit) -> NanoUsd {
        self.books().counters.unused(now_micros(), limit)
    }

    /// What is held for a spender's calls under way, in nano-dollars.
    pub fn held(&self, spender: SpenderId) -> Spend {
        self.books().counters.held(spender)
    }

    /// How many reservations are held.
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
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn limited(terms: &Terms) -> impl Iterator<Item = SpenderId> {
    terms.limits.iter().map(|limit| limit.spender)
}

/// The refusal of one who has to stand behind others at a spender's limit.
fn behind(terms: &Terms, spender: SpenderId) -> Refused {
    // The spender is one of a limit: it was found by them.
    let found = terms.limits.iter().find(|limit| limit.spender == spender);
    let limit = found.copied().unwrap_or_else(|| Limit::balance(spender, NanoUsd::ZERO));
    Refused {
        limit,
        left: NanoUsd::ZERO,
        needed: NanoUsd::ZERO,
        resets_at: None,
        blocked_by_holds: true,
    }
}

/// Leaves the queue when the wait is over, however it ends.
struct Waiting<'l> {
    limits: &'l Arc<Limits>,
    ticket: u64,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut books = self.limits.books();
        let Books { counters, queues } = &mut *books;
        if let Some(spender) = queues.leave(self.ticket) {
            // Whoever stood behind may need less.
            queues.serve(now_micros(), counters, &[spender]);
        }
    }
}
