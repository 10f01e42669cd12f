//! Rates and numbers of running requests that many nodes share, as one node sees them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use ledger::rate::{RateRule, RateVerdict};
use ledger::{Micros, SpenderId, SpenderKind, Spenders};
use store::shared::{SharedRates, Unavailable};
use tokio::runtime::Handle;

use crate::clock::now_micros;

/// How long a place is kept for a node that gives no sign of life, in microseconds. Places are
/// renewed several times in that time.
const LEASE: Micros = 60_000_000;

/// Counts in Valkey.
pub(super) struct SharedPlaces {
    rates: SharedRates,
    names: Arc<RwLock<Spenders>>,
    runtime: Handle,
    /// Places of this node: whose, and how many there are at most.
    held: Mutex<HashMap<u128, (String, u64)>>,
}

impl SharedPlaces {
    /// On the runtime of the caller.
    pub fn new(rates: SharedRates, names: Arc<RwLock<Spenders>>) -> Self {
        Self { rates, names, runtime: Handle::current(), held: Mutex::default() }
    }

    /// Counts a request if all rules allow it.
    pub async fn admit(
        &self,
        now: Micros,
        spender: SpenderId,
        rules: &[RateRule],
    ) -> Result<Option<RateVerdict>, Unavailable> {
        self.rates.admit(now, &self.name(spender)?, rules).await
    }

    /// The same without counting.
    pub async fn check(
        &self,
        now: Micros,
        spender: SpenderId,
        rules: &[RateRule],
    ) -> Result<Option<RateVerdict>, Unavailable> {
        self.rates.check(now, &self.name(spender)?, rules).await
    }

    /// Takes a place, if fewer than `most` are taken.
    pub async fn enter(
        &self,
        now: Micros,
        spender: SpenderId,
        who: u128,
        most: u64,
    ) -> Result<bool, Unavailable> {
        let name = self.name(spender)?;
        let entered = self.rates.enter(now, &name, who, most, LEASE).await?;
        if entered {
            self.held().insert(who, (name, most));
        }
        Ok(entered)
    }

    /// Gives a place back.
    pub fn leave(self: &Arc<Self>, who: u128) {
        let Some((name, _)) = self.held().remove(&who) else { return };
        let places = Arc::clone(self);
        self.runtime.spawn(async move {
            // If it cannot be said now, its lease ends.
            let _ = places.rates.leave(&name, who).await;
        });
    }

    /// Keeps the places of this node.
    pub async fn renew(&self) {
        let held: Vec<_> = self.held().iter().map(|(who, held)| (*who, held.clone())).collect();
        for (who, (name, most)) in held {
            if self.rates.enter(now_micros(), &name, who, most, LEASE).await.is_err() {
                return;
            }
            if !self.held().contains_key(&who) {
                // It left while it was renewed.
                let _ = self.rates.leave(&name, who).await;
            }
        }
    }

    fn name(&self, spender: SpenderId) -> Result<String, Unavailable> {
        let names = self.names.read().unwrap_or_else(PoisonError::into_inner);
        let (kind, name) = names.name(spender).ok_or(Unavailable::UnknownSpender)?;
        let kind = if kind == SpenderKind::Key { "key" } else { "account" };
        Ok(format!("{kind}:{name}"))
    }

    fn held(&self) -> MutexGuard<'_, HashMap<u128, (String, u64)>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
