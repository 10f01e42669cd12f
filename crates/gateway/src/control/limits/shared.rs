//! The counters of money that many nodes share, as one node sees them.

use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use futures_util::{FutureExt as _, StreamExt as _};
use ledger::{
    Expired, Limit, Micros, NanoUsd, ReservationId, ReservationRequest, Spend, SpenderId, Spent,
};
use store::shared::{NotReserved, SharedCounters, TendError, Tended, Unavailable};
use tokio::sync::mpsc;

use super::counters::{Ask, behind, limited, new_id};
use super::line::Lines;
use super::terms::Terms;
use crate::clock::{now_micros, random};
use crate::settings::WithoutValkey;

/// How often this node sees whether it is in step with the others.
const PAUSE: Duration = Duration::from_millis(200);
/// For how long trouble may last before it is told to callers: a new connection and figures that
/// are rebuilt take less.
const GRACE: Duration = Duration::from_secs(3);
/// Between two tries meanwhile.
const AGAIN: Duration = Duration::from_millis(60);
/// How many messages are under way to the server at once.
const AT_ONCE: usize = 256;
/// How soon who waits for money asks again, at first and at last.
const SOON: Duration = Duration::from_millis(10);
const LATER: Duration = Duration::from_millis(250);
/// How long the end of a node waits for what the others do not know yet.
const FAREWELL: Duration = Duration::from_secs(5);

/// What is on its way to the server, in the order in which it was said.
type Delivery = BoxFuture<'static, ()>;

/// Counters in Valkey, who waits for them here, and what is yet to be told there.
pub(super) struct Shared {
    counters: SharedCounters,
    without: WithoutValkey,
    lines: Lines,
    deliveries: mpsc::UnboundedSender<Delivery>,
    /// How many deliveries have not come to an end.
    undelivered: Arc<AtomicUsize>,
    /// How many reservations this node holds.
    running: AtomicUsize,
    trouble: Mutex<Option<Trouble>>,
}

/// Why the counters cannot be asked, and since when.
struct Trouble {
    since: Instant,
    why: String,
}

impl Shared {
    /// Begins to keep in step, on the runtime of the caller and until this is dropped.
    pub fn begin(counters: SharedCounters, without: WithoutValkey) -> Arc<Self> {
        let (deliveries, mut due) = mpsc::unbounded_channel::<Delivery>();
        tokio::spawn(async move {
            let due = futures_util::stream::poll_fn(|context| due.poll_recv(context));
            due.for_each_concurrent(AT_ONCE, |delivery| delivery).await;
        });
        let not_yet = Trouble { since: Instant::now(), why: "no sign of Valkey yet".to_owned() };
        let shared = Arc::new(Self {
            counters,
            without,
            lines: Lines::default(),
            deliveries,
            undelivered: Arc::default(),
            running: AtomicUsize::new(0),
            trouble: Mutex::new(Some(not_yet)),
        });
        tokio::spawn(keep_in_step(Arc::downgrade(&shared)));
        shared
    }

    /// Reads the books into the figures, at the start of a node: what it wrote before it was
    /// killed, others may never have been told. Gives up after a while; then it is done when the
    /// server is there.
    pub async fn rebuild(&self) {
        let end = Instant::now() + GRACE * 3;
        while Instant::now() < end {
            match self.counters.rebuild(now_micros()).await {
                Ok(Tended::Rebuilt) => {
                    self.tend().await;
                    return;
                }
                Ok(Tended::InStep | Tended::Waiting) => self.tend().await,
                Err(error) => tracing::debug!(%error, "shared counters cannot be rebuilt yet"),
            }
            tokio::time::sleep(jittered(AGAIN)).await;
        }
        tracing::warn!("Valkey is not there yet: limits are not known until it is");
    }

    /// Reserves at once, unless others of this node wait already.
    pub async fn reserve(&self, ask: &Ask) -> Result<(ReservationId, Spend), NotReserved> {
        if let Some(first) = self.lines.any_of(limited(&ask.caller.terms)) {
            return Err(behind(&ask.caller.terms, first).into());
        }
        self.reserve_now(ask).await
    }

    /// Reserves without regard to who waits. Trouble that passes is waited for.
    pub async fn reserve_now(&self, ask: &Ask) -> Result<(ReservationId, Spend), NotReserved> {
        if ask.caller.terms.limits.is_empty() {
            // Nothing is held for it; it only has to count.
            return Ok(self.note(ask)?);
        }
        let end = Instant::now() + GRACE;
        loop {
            // Each try by another name: what became of the one before may not be known yet.
            let request = ReservationRequest { id: new_id(), ..ask.request() };
            match self.counters.reserve(now_micros(), &request).await {
                Ok(granted) => {
                    self.running.fetch_add(1, Ordering::Relaxed);
                    return Ok((request.id, granted.amount));
                }
                Err(NotReserved::Refused(refused)) => return Err(refused.into()),
                Err(NotReserved::Unavailable(_)) if self.is_passing() && Instant::now() < end => {
                    tokio::time::sleep(jittered(AGAIN)).await;
                }
                Err(NotReserved::Unavailable(why)) => {
                    let is_free = ask.amount == Spend::ZERO;
                    if !is_free && self.without == WithoutValkey::Refuse {
                        return Err(why.into());
                    }
                    return Ok(self.note(ask)?);
                }
            }
        }
    }

    /// A call that is made without a reservation, and counts all the same.
    fn note(&self, ask: &Ask) -> Result<(ReservationId, Spend), Unavailable> {
        let id = new_id();
        self.counters.note(now_micros(), id, &ask.caller.terms.spenders, ask.lease)?;
        self.running.fetch_add(1, Ordering::Relaxed);
        Ok((id, ask.amount))
    }

    /// Waits in turn on this node, at most for `patience`. Other nodes are not told of it: between
    /// them, whoever asks first after something was freed gets it.
    pub async fn in_turn(
        &self,
        ask: &Ask,
        blocked: SpenderId,
        patience: Duration,
    ) -> Result<(ReservationId, Spend), NotReserved> {
        let end = tokio::time::Instant::now() + patience;
        let standing = self.lines.stand(blocked);
        let line = &standing.line;
        let turn = tokio::time::timeout_at(end, line.turn.acquire()).await;
        let mut pause = SOON;
        loop {
            let mut freed = pin!(line.freed.notified());
            // From here on, so that nothing is missed while it is asked.
            freed.as_mut().enable();
            match self.reserve_now(ask).await {
                Err(NotReserved::Refused(refused))
                    if refused.blocked_by_holds
                        && turn.is_ok()
                        && tokio::time::Instant::now() < end =>
                {
                    let again = (tokio::time::Instant::now() + jittered(pause)).min(end);
                    let _ = tokio::time::timeout_at(again, freed).await;
                    pause = (pause * 2).min(LATER);
                }
                decided => return decided,
            }
        }
    }

    pub fn settle(
        self: &Arc<Self>,
        id: ReservationId,
        terms: &Terms,
        actual: Spend,
        generation: &Arc<str>,
    ) {
        // The call itself puts it down, before the row is handed in; what cannot be delivered now
        // is delivered by who tends.
        let settled = self.counters.settle(now_micros(), id, actual, generation);
        self.end(terms, settled.map(drop));
    }

    pub fn release(self: &Arc<Self>, id: ReservationId, terms: &Terms) {
        let counters = self.counters.clone();
        self.end(terms, async move { drop(counters.release(id).await) });
    }

    pub fn renew(&self, id: ReservationId, lease: Micros) {
        let counters = self.counters.clone();
        self.deliver(async move {
            // The next sign of life does as well.
            let _ = counters.renew(now_micros(), id, lease).await;
        });
    }

    fn end(self: &Arc<Self>, terms: &Terms, told: impl Future<Output = ()> + Send + 'static) {
        self.running.fetch_sub(1, Ordering::Relaxed);
        let (shared, spenders) = (Arc::downgrade(self), terms.spenders.clone());
        self.deliver(async move {
            told.await;
            if let Some(shared) = shared.upgrade() {
                shared.lines.freed(&spenders);
            }
        });
    }

    fn deliver(&self, delivery: impl Future<Output = ()> + Send + 'static) {
        let undelivered = Arc::clone(&self.undelivered);
        undelivered.fetch_add(1, Ordering::Relaxed);
        let counted = async move {
            delivery.await;
            undelivered.fetch_sub(1, Ordering::Relaxed);
        };
        // Nobody takes it only when the runtime ends, and with it the node.
        let _ = self.deliveries.send(Box::pin(counted));
    }

    pub async fn expire(&self, now: Micros) -> Vec<Expired> {
        // If it cannot be done now, then the next time.
        self.counters.expire(now).await.unwrap_or_default()
    }

    pub async fn used(&self, spender: SpenderId) -> Result<Spent, Unavailable> {
        self.counters.used(now_micros(), spender).await
    }

    pub async fn unused(&self, limit: &Limit) -> Result<NanoUsd, Unavailable> {
        self.counters.unused(now_micros(), limit).await
    }

    pub async fn held(&self, spender: SpenderId) -> Result<Spend, Unavailable> {
        self.counters.held(spender).await
    }

    pub fn running(&self) -> usize {
        self.running.load(Ordering::Relaxed)
    }

    /// By how much this node's clock is ahead of the one that all go by.
    pub fn ahead(&self) -> Option<Micros> {
        self.counters.ahead(now_micros())
    }

    /// What is wrong, and what becomes of calls meanwhile.
    pub fn trouble(&self) -> Option<String> {
        let trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        let why = &trouble.as_ref()?.why;
        let done = match self.without {
            WithoutValkey::Refuse => "requests with limits are refused",
            WithoutValkey::Serve => "limits are not held",
        };
        Some(format!("{why}; {done}"))
    }

    /// Whether there is no trouble, or only since a moment ago.
    fn is_passing(&self) -> bool {
        let trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        trouble.as_ref().is_none_or(|trouble| trouble.since.elapsed() < GRACE)
    }

    async fn tend(&self) {
        let why = match self.counters.tend(now_micros()).await {
            Ok(Tended::InStep | Tended::Rebuilt) => None,
            Ok(Tended::Waiting) => Some("the figures in Valkey are being rebuilt".to_owned()),
            // Without the books nothing can be rebuilt, which matters only if it has to be.
            Err(TendError::Books(_)) if self.counters.running().await.is_ok() => None,
            Err(error) => Some(error.to_string()),
        };
        let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        match (why, &mut *trouble) {
            (None, None) => {}
            (None, Some(_)) => {
                tracing::info!("in step with the other nodes");
                *trouble = None;
            }
            (Some(why), Some(known)) => known.why = why,
            (Some(why), None) => {
                tracing::warn!(why, "out of step with the other nodes");
                *trouble = Some(Trouble { since: Instant::now(), why });
            }
        }
    }

    pub async fn close(&self) {
        let end = Instant::now() + FAREWELL;
        while self.undelivered.load(Ordering::Relaxed) > 0 && Instant::now() < end {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        // What ended while the server was away.
        self.tend().await;
    }
}

async fn keep_in_step(shared: Weak<Shared>) {
    loop {
        let Some(here) = shared.upgrade() else { return };
        here.tend().await;
        let counters = here.counters.clone();
        drop(here);
        let _ = tokio::time::timeout(PAUSE, counters.trouble()).await;
    }
}

/// A pause of about that length: nodes that ask in step hinder each other.
fn jittered(pause: Duration) -> Duration {
    let thousandths = u32::try_from(500 + random() % 1000).unwrap_or(1000);
    pause * thousandths / 1000
}
