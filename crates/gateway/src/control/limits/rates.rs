//! How many requests may begin, and how many may run. RATE

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use http::{HeaderMap, HeaderValue};
use ledger::rate::{Concurrency, FreeTier, RateCounters, RateRule, RateVerdict};
use ledger::{Micros, SpenderId, Spenders};
use protocol::exchange::{ErrorType, Fault};
use store::shared::SharedRates;

use super::counters::new_id;
use super::shared_rates::SharedPlaces;
use super::terms::Terms;
use crate::control::EndpointState;

/// The counters of rates and of running requests.
#[derive(Default)]
pub struct Rates {
    here: Here,
    /// Where nodes share them. What is counted here then only counts while those cannot be asked.
    shared: Option<Arc<SharedPlaces>>,
}

/// Counters of this node.
#[derive(Default)]
struct Here {
    /// Requests of each key.
    keys: Mutex<RateCounters<SpenderId>>,
    /// Requests of each account to free models. RATE-2
    free: Mutex<RateCounters<SpenderId>>,
    running: Arc<Mutex<Concurrency<SpenderId>>>,
}

/// A request that comes too early: 429, with what its headers tell. RATE-5
#[derive(Debug)]
pub struct Limited {
    /// The error.
    pub fault: Fault,
    /// `X-RateLimit-Limit`.
    pub limit: u64,
    /// `X-RateLimit-Reset`, in milliseconds since 1970.
    pub resets_at_ms: i64,
}

impl Limited {
    /// Refuses until `resets_at_ms`, but for a second at least: `Retry-After` has whole ones.
    fn new(message: String, limit: u64, resets_at_ms: i64, now: Micros) -> Self {
        let wait = resets_at_ms.saturating_sub(now.div_euclid(1000)).max(1);
        let mut fault = Fault::new(ErrorType::RateLimitExceeded, message);
        fault.retry_after = Some(wait.unsigned_abs().div_ceil(1000));
        Self { fault, limit, resets_at_ms }
    }

    /// Writes the headers. RATE-5
    pub fn tell(&self, headers: &mut HeaderMap) {
        headers.insert("x-ratelimit-limit", HeaderValue::from(self.limit));
        headers.insert("x-ratelimit-remaining", HeaderValue::from(0));
        headers.insert("x-ratelimit-reset", HeaderValue::from(self.resets_at_ms));
    }

    /// Refuses what can be tried again as soon as something ends.
    pub fn crowded(message: String, limit: u64, now: Micros) -> Self {
        Self::new(message, limit, now.div_euclid(1000).saturating_add(1000), now)
    }
}

impl Rates {
    /// Counters that other nodes share, on the runtime of the caller.
    pub(super) fn shared(rates: SharedRates, names: Arc<RwLock<Spenders>>) -> Self {
        let shared = Some(Arc::new(SharedPlaces::new(rates, names)));
        Self { here: Here::default(), shared }
    }

    /// Counts a request of a key, or refuses it: by the key's own numbers, or else by these. 0 is
    /// no limit.
    pub async fn admit_key(
        &self,
        terms: &Terms,
        per_minute: u64,
        per_day: u64,
        now: Micros,
    ) -> Result<(), Limited> {
        let per_minute = terms.rates.per_minute.unwrap_or(per_minute);
        let per_day = terms.rates.per_day.unwrap_or(per_day);
        let rules = [RateRule::per_minute(per_minute), RateRule::per_day(per_day)];
        let rules = match (per_minute, per_day) {
            (0, 0) => return Ok(()),
            (0, _) => &rules[1..],
            (_, 0) => &rules[..1],
            (_, _) => &rules[..],
        };
        let told = match &self.shared {
            // Boxed: where nothing is shared, requests need no room for it.
            Some(shared) => Box::pin(shared.admit(now, terms.key(), rules)).await.ok(),
            None => None,
        };
        let verdict = told.unwrap_or_else(|| lock(&self.here.keys).admit(now, terms.key(), rules));
        match verdict {
            Some(RateVerdict::Limited { limit, resets_at_ms, .. }) => {
                let span = if limit == per_minute { "minute" } else { "day" };
                let message =
                    format!("Rate limit exceeded: this key may make {limit} requests a {span}");
                Err(Limited::new(message, limit, resets_at_ms, now))
            }
            _ => Ok(()),
        }
    }

    /// Counts a request to a free model, or refuses it. It counts whether it succeeds or not.
    /// Accounts without a ledger are not limited. RATE-1, RATE-2, RATE-3
    pub async fn admit_free(
        &self,
        terms: &Terms,
        tier: &FreeTier,
        now: Micros,
    ) -> Result<(), Limited> {
        let rules = free_rules(terms, tier);
        let account = terms.account();
        let told = match &self.shared {
            Some(shared) => shared.admit(now, account, &rules).await.ok(),
            None => None,
        };
        let verdict = told.unwrap_or_else(|| lock(&self.here.free).admit(now, account, &rules));
        match verdict {
            Some(RateVerdict::Limited { limit, resets_at_ms, .. }) => {
                let daily = rules
                    .iter()
                    .any(|rule| rule.span == ledger::rate::Span::Day && rule.requests == limit);
                let span = if daily { "free-models-per-day" } else { "free-models-per-min" };
                let message = format!(
                    "Rate limit exceeded: {span}. The account may make {limit} requests to free \
                     models a {}",
                    if daily { "day" } else { "minute" }
                );
                Err(Limited::new(message, limit, resets_at_ms, now))
            }
            _ => Ok(()),
        }
    }

    /// Requests to free models a day: how many may be made, and how many are left; `None` where
    /// there is no limit. KEYS-1
    pub async fn free_today(
        &self,
        terms: &Terms,
        tier: &FreeTier,
        now: Micros,
    ) -> Option<(u64, u64)> {
        let rules = free_rules(terms, tier);
        let daily: Vec<_> =
            rules.into_iter().filter(|rule| rule.span == ledger::rate::Span::Day).collect();
        let limit = daily.first()?.requests;
        let account = terms.account();
        let told = match &self.shared {
            Some(shared) => shared.check(now, account, &daily).await.ok(),
            None => None,
        };
        let verdict = told.unwrap_or_else(|| lock(&self.here.free).check(now, &account, &daily));
        Some((limit, verdict?.remaining()))
    }

    /// A place among the running requests of a key, at most the key's own number, or else `most`;
    /// 0 is no limit.
    pub async fn enter_key(
        &self,
        terms: &Terms,
        most: u64,
        now: Micros,
    ) -> Result<Option<Place>, Limited> {
        let most = terms.rates.concurrency.unwrap_or(most);
        if most == 0 {
            return Ok(None);
        }
        let key = terms.key();
        let who = new_id().0;
        let entered = match &self.shared {
            // Boxed, as above.
            Some(shared) => match Box::pin(shared.enter(now, key, who, most)).await {
                Ok(entered) => {
                    Some((entered, Place::Shared(SharedPlace { places: Arc::clone(shared), who })))
                }
                Err(_) => None,
            },
            None => None,
        };
        let running = &self.here.running;
        match entered {
            Some((true, place)) => return Ok(Some(place)),
            Some((false, _)) => {}
            None if lock(running).enter(key, most) => {
                return Ok(Some(Place::Key { running: Arc::clone(running), key }));
            }
            None => {}
        }
        let message =
            format!("Rate limit exceeded: this key may have {most} requests running at once");
        Err(Limited::crowded(message, most, now))
    }

    /// Forgets counters in which nothing counts any more.
    pub fn sweep(&self, now: Micros) {
        lock(&self.here.keys).sweep(now);
        lock(&self.here.free).sweep(now);
    }

    /// Keeps the places of requests that run here, where nodes share them.
    pub async fn renew(&self) {
        if let Some(shared) = &self.shared {
            shared.renew().await;
        }
    }
}

fn free_rules(terms: &Terms, tier: &FreeTier) -> Vec<RateRule> {
    let Some(credits) = terms.total_credits else { return Vec::new() };
    tier.rules(credits).into_iter().filter(|rule| rule.requests > 0).collect()
}

/// A place among what may run at once. Dropped, it is free.
pub enum Place {
    /// Of a key.
    Key {
        /// All that run.
        running: Arc<Mutex<Concurrency<SpenderId>>>,
        /// The key.
        key: SpenderId,
    },
    /// Of a key, counted by many nodes.
    Shared(SharedPlace),
    /// Of an endpoint.
    Endpoint(Arc<EndpointState>),
}

/// A place among the running requests of a key, on all nodes.
pub struct SharedPlace {
    places: Arc<SharedPlaces>,
    who: u128,
}

impl Place {
    /// A place at an endpoint, at most `most`; 0 is no limit. `Err`: there is none.
    pub fn at_endpoint(state: &Arc<EndpointState>, most: u64) -> Result<Option<Self>, Full> {
        if most == 0 {
            return Ok(None);
        }
        let enter = |running| (running < most).then(|| running + 1);
        match state.running.fetch_update(Ordering::AcqRel, Ordering::Acquire, enter) {
            Ok(_) => Ok(Some(Self::Endpoint(Arc::clone(state)))),
            Err(_) => Err(Full),
        }
    }
}

/// As many requests run at an endpoint as may.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("as many requests run at this endpoint as may")]
pub struct Full;

/// How many requests run at an endpoint.
pub type Running = AtomicU64;

impl Drop for Place {
    fn drop(&mut self) {
        match self {
            Self::Key { running, key } => lock(running).leave(key),
            Self::Shared(SharedPlace { places, who }) => places.leave(*who),
            Self::Endpoint(state) => {
                state.running.fetch_sub(1, Ordering::AcqRel);
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
