//! The counters of money that all requests share, of one node or of many.

use std::sync::{Arc, PoisonError, RwLock, RwLockWriteGuard};
use std::time::Duration;

use ledger::{
    Limit, Micros, NanoUsd, Refused, ReservationId, ReservationRequest, Spend, SpenderId, Spenders,
    Spent,
};
use store::Store;
use store::shared::{NotReserved, Unavailable};

use super::local::Local;
use super::reservation::Reservation;
use super::shared::Shared;
use super::skew::Skew;
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

/// The counters all requests of this node share, and where there are more nodes, those of all.
/// Reserving is asynchronous, since it may mean to ask elsewhere or to wait; settling, releasing
/// and renewing are told and not waited for.
pub struct Limits {
    place: Place,
    names: Arc<RwLock<Spenders>>,
    lease: Duration,
    skew: Skew,
}

/// Where the counters are.
enum Place {
    Local(Local),
    Shared(Arc<Shared>),
}

impl Limits {
    /// Counters of this node alone, at zero. A reservation that is neither settled nor renewed
    /// within `lease` is taken for lost.
    pub fn new(lease: Duration) -> Self {
        Self {
            place: Place::Local(Local::default()),
            names: Arc::default(),
            lease,
            skew: Skew::default(),
        }
    }

    /// Counters that other nodes share, with the names that they go by.
    pub(super) fn shared(
        shared: Arc<Shared>,
        names: Arc<RwLock<Spenders>>,
        lease: Duration,
    ) -> Self {
        Self { place: Place::Shared(shared), names, lease, skew: Skew::default() }
    }

    /// How long a reservation is held without being renewed.
    pub fn lease(&self) -> Duration {
        self.lease
    }

    /// The names of all spenders, for whoever compiles a snapshot.
    pub fn names(&self) -> RwLockWriteGuard<'_, Spenders> {
        self.names.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is asked for a call of `caller`.
    pub fn ask(&self, caller: &Arc<Caller>, amount: Spend, least: Spend) -> Ask {
        Ask { id: new_id(), caller: Arc::clone(caller), amount, least, lease: self.lease_micros() }
    }

    /// Reserves at once, or says why not. Where others wait already, `blocked_by_holds` is told
    /// though there may be room: they were first.
    pub async fn reserve(self: &Arc<Self>, ask: &Ask) -> Result<Reservation, NotReserved> {
        let (id, granted) = match &self.place {
            Place::Local(local) => (ask.id, local.reserve(ask)?),
            Place::Shared(shared) => shared.reserve(ask).await?,
        };
        Ok(self.granted(ask, id, granted))
    }

    /// Waits in turn for running calls to end, at most for `patience`. Dropped, it leaves. The
    /// refusal at the end is that of the last try.
    pub async fn reserve_in_turn(
        self: &Arc<Self>,
        ask: &Ask,
        blocked: SpenderId,
        patience: Duration,
    ) -> Result<Reservation, NotReserved> {
        match &self.place {
            Place::Local(local) => match local.in_turn(self, ask, blocked, patience).await {
                Some(outcome) => Ok(outcome?),
                None => Ok(self.granted(ask, ask.id, local.reserve_now(ask)?)),
            },
            Place::Shared(shared) => {
                let (id, granted) = shared.in_turn(ask, blocked, patience).await?;
                Ok(self.granted(ask, id, granted))
            }
        }
    }

    /// Reserves without regard to who waits.
    pub async fn reserve_now(self: &Arc<Self>, ask: &Ask) -> Result<Reservation, NotReserved> {
        let (id, granted) = match &self.place {
            Place::Local(local) => (ask.id, local.reserve_now(ask)?),
            Place::Shared(shared) => shared.reserve_now(ask).await?,
        };
        Ok(self.granted(ask, id, granted))
    }

    fn granted(self: &Arc<Self>, ask: &Ask, id: ReservationId, granted: Spend) -> Reservation {
        Reservation::new(Arc::clone(self), Arc::clone(&ask.caller), id, granted)
    }

    /// Frees what is held for a call and counts what it did cost. To be told before the row of
    /// this `generation` is handed in.
    pub fn settle(&self, id: ReservationId, terms: &Terms, actual: Spend, generation: &Arc<str>) {
        match &self.place {
            Place::Local(local) => local.settle(id, terms, actual),
            Place::Shared(shared) => shared.settle(id, terms, actual, generation),
        }
    }

    /// Frees what is held for a call that cost nothing.
    pub fn release(&self, id: ReservationId, terms: &Terms) {
        match &self.place {
            Place::Local(local) => local.release(id, terms),
            Place::Shared(shared) => shared.release(id, terms),
        }
    }

    /// Begins the lease of a call that goes on anew.
    pub fn renew(&self, id: ReservationId) {
        match &self.place {
            Place::Local(local) => local.renew(id, self.lease_micros()),
            Place::Shared(shared) => shared.renew(id, self.lease_micros()),
        }
    }

    /// Frees what calls hold whose lease has run out by `now`; tells how many there were.
    pub async fn expire(&self, now: Micros) -> usize {
        let expired = match &self.place {
            Place::Local(local) => local.expire(now),
            Place::Shared(shared) => shared.expire(now).await,
        };
        for lost in &expired {
            tracing::warn!(reservation = lost.id.0, held = lost.held.credits.0, "a lease ran out");
        }
        expired.len()
    }

    /// Rebuilds counters that nodes share; says whether they are shared.
    pub(super) async fn rebuild_shared(&self) -> bool {
        match &self.place {
            Place::Local(_) => false,
            Place::Shared(shared) => {
                shared.rebuild().await;
                true
            }
        }
    }

    /// Adds what a spender used before, to counters of this node alone.
    pub(super) fn load(&self, now: Micros, spender: SpenderId, spent: &Spent) {
        if let Place::Local(local) = &self.place {
            local.load(now, spender, spent);
        }
    }

    /// What a spender has used in the current windows, in nano-dollars. KEYS-1
    pub async fn used(&self, spender: SpenderId) -> Result<Spent, Unavailable> {
        match &self.place {
            Place::Local(local) => Ok(local.used(spender)),
            Place::Shared(shared) => shared.used(spender).await,
        }
    }

    /// What is not used of a limit, whatever is held, in nano-dollars. KEYS-8
    pub async fn unused(&self, limit: &Limit) -> Result<NanoUsd, Unavailable> {
        match &self.place {
            Place::Local(local) => Ok(local.unused(limit)),
            Place::Shared(shared) => shared.unused(limit).await,
        }
    }

    /// What is held for a spender's calls under way, in nano-dollars.
    pub async fn held(&self, spender: SpenderId) -> Result<Spend, Unavailable> {
        match &self.place {
            Place::Local(local) => Ok(local.held(spender)),
            Place::Shared(shared) => shared.held(spender).await,
        }
    }

    /// How many reservations this node holds.
    pub fn running(&self) -> usize {
        match &self.place {
            Place::Local(local) => local.running(),
            Place::Shared(shared) => shared.running(),
        }
    }

    /// What is wrong with limits at this moment: counters that nodes share cannot be asked, or the
    /// clock is not that of others.
    pub fn trouble(&self) -> Option<String> {
        self.unavailable().or_else(|| self.skew.trouble())
    }

    /// Why counters that nodes share cannot be asked at this moment.
    pub fn unavailable(&self) -> Option<String> {
        match &self.place {
            Place::Local(_) => None,
            Place::Shared(shared) => shared.trouble(),
        }
    }

    /// Compares this machine's clock with those of the servers that it works with.
    pub(super) async fn compare_clocks(&self, store: &Store) {
        let of_database = store.server_time().await.map(|time| now_micros().saturating_sub(time));
        let of_valkey = match &self.place {
            Place::Local(_) => None,
            Place::Shared(shared) => shared.ahead(),
        };
        self.skew.note(&[("the database", of_database), ("Valkey", of_valkey)]);
    }

    /// Tells other nodes what they do not know yet, before this one ends, as far as that takes no
    /// longer than a moment.
    pub async fn close(&self) {
        if let Place::Shared(shared) = &self.place {
            shared.close().await;
        }
    }

    fn lease_micros(&self) -> Micros {
        i64::try_from(self.lease.as_micros()).unwrap_or(Micros::MAX)
    }
}

/// A name that no other call has.
pub(super) fn new_id() -> ReservationId {
    ReservationId(u128::from(random()) << 64 | u128::from(random()))
}

/// The spenders that limits are of.
pub(super) fn limited(terms: &Terms) -> impl Iterator<Item = SpenderId> {
    terms.limits.iter().map(|limit| limit.spender)
}

/// The refusal of one who has to stand behind others at a spender's limit.
pub(super) fn behind(terms: &Terms, spender: SpenderId) -> Refused {
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
