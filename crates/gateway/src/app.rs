//! The composition root: what all requests share.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use store::{Micros, Settlements, Store};
use tokio::sync::{Mutex, Semaphore, watch};
use tokio::task::coop::unconstrained;

use crate::api::lockout::Lockout;
use crate::api::sign_on::SignOnService;
use crate::clock::now_micros;
use crate::control::key_use::KeyUses;
use crate::control::limits::{Limits, Nodes, Rates, Tables, rebuild};
use crate::control::{CompileError, ControlSources, SignedIn, Snapshot, compile};
use crate::inference::estimate::TokenEstimates;
use crate::inference::provenance::{self, Provenance};
use crate::inference::room::Room;
use crate::inference::sticky::Stickiness;
use crate::inference::stored::TURNS;
use crate::settings::Settings;
use crate::telemetry::Metrics;
use crate::upstream::Pool;

/// So many connections at once are told why they are turned away; more are just closed.
const MAX_TURNED_AWAY: usize = 64;

/// What all requests share.
pub struct App {
    /// Limits and times.
    pub settings: Settings,
    /// Persistence.
    pub store: Store,
    /// The way to the settlement writer.
    pub settlements: Settlements,
    /// Room for the bodies of requests.
    pub bodies: Arc<Room>,
    /// Who reads or writes conversations that are kept.
    pub stored_turns: Semaphore,
    /// Counters.
    pub metrics: Metrics,
    /// What is used and held of limits of money.
    pub limits: Arc<Limits>,
    /// How many requests begin and run.
    pub rates: Rates,
    /// Which endpoint a conversation stays with.
    pub sticky: Stickiness,
    /// How many tokens prompts have.
    pub estimates: TokenEstimates,
    /// Where reasoning was made.
    pub provenance: Provenance,
    /// Who failed to sign in too often.
    pub lockout: Lockout,
    /// When keys were noted last that leave no generations.
    pub uses: KeyUses,
    /// When it began.
    pub started: Instant,
    /// Where people may sign in beside passwords.
    pub sign_on: Option<SignOnService>,
    sources: ControlSources,
    snapshot: ArcSwap<Snapshot>,
    /// Taken while the control plane is read and put in force, so that no older state follows a
    /// newer one.
    reloading: Mutex<()>,
    draining: AtomicBool,
    running: AtomicUsize,
    turned_away: Arc<Semaphore>,
    cut_off: AtomicBool,
    stop: watch::Sender<Stage>,
}

/// How far a gateway has come on its way to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    /// It serves.
    Serving,
    /// Nothing new is taken.
    Draining,
    /// What still runs is ended.
    CutOff,
    /// Nothing is waited for any more.
    Over,
}

/// What one worker thread owns beside what all share.
#[derive(Clone)]
pub struct Worker {
    /// What all share.
    pub app: Arc<App>,
    /// This worker's connections to providers.
    pub pool: Pool,
    /// This worker's way to the settlement writer.
    pub settlements: Settlements,
}

impl App {
    /// Reads the control plane and puts the first snapshot in force.
    pub async fn new(
        settings: Settings,
        store: Store,
        sources: ControlSources,
    ) -> Result<Arc<Self>, CompileError> {
        Self::among(settings, store, sources, None).await
    }

    /// The same among other nodes over the same database, which share what they count.
    pub async fn among(
        settings: Settings,
        store: Store,
        sources: ControlSources,
        nodes: Option<Nodes>,
    ) -> Result<Arc<Self>, CompileError> {
        let state = store.snapshot().await?;
        let (lease, without) = (lease(&settings), settings.limits.without_valkey);
        let tables = match &nodes {
            None => Tables::local(lease),
            Some(nodes) => Tables::shared(nodes, &store, &state, lease, without),
        };
        let Tables { limits, rates, sticky } = tables;
        let snapshot = compile(&state, &sources, None, &mut limits.names())?;
        rebuild(&limits, &store, now_micros()).await?;
        let provenance = Provenance::new(&store.derived_key(provenance::PURPOSE));
        Ok(Arc::new(Self {
            sign_on: settings
                .sign_on
                .clone()
                .map(|sign_on| SignOnService::new(sign_on, &settings.upstream.authorities)),
            // One of the largest has room in any case.
            bodies: Room::new(settings.max_bodies_bytes.max(settings.max_body_bytes)),
            settings,
            settlements: store.settlements(),
            store,
            stored_turns: Semaphore::new(TURNS),
            metrics: Metrics::new(),
            limits,
            rates,
            sticky,
            estimates: TokenEstimates::default(),
            provenance,
            lockout: Lockout::default(),
            uses: KeyUses::default(),
            started: Instant::now(),
            sources,
            snapshot: ArcSwap::from_pointee(snapshot),
            reloading: Mutex::new(()),
            draining: AtomicBool::new(false),
            running: AtomicUsize::new(0),
            turned_away: Arc::new(Semaphore::new(MAX_TURNED_AWAY)),
            cut_off: AtomicBool::new(false),
            stop: watch::Sender::new(Stage::Serving),
        }))
    }

    /// Keys of providers found in the environment: (provider's slug, key).
    pub(crate) fn environment(&self) -> &[(String, store::Secret)] {
        &self.sources.environment
    }

    /// The snapshot in force.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// Reads the control plane again and swaps the snapshot.
    pub async fn reload(&self) -> Result<(), CompileError> {
        let _turn = self.reloading.lock().await;
        self.told(self.read_control_plane().await)
    }

    /// Puts in force what was changed before this call, by whomever, unless it is already. Many
    /// changes at once are read together.
    pub async fn catch_up(&self) -> Result<(), CompileError> {
        let _turn = self.reloading.lock().await;
        self.told(self.read_what_changed().await)
    }

    /// The metrics and `/readyz` tell until it works that what is in force is not what is stored:
    /// it may be a key that was revoked. Called with the turn held, so that who came last is right.
    fn told(&self, outcome: Result<(), CompileError>) -> Result<(), CompileError> {
        self.metrics.control_stale(outcome.is_err());
        outcome
    }

    async fn read_what_changed(&self) -> Result<(), CompileError> {
        if self.store.revision().await? == self.snapshot().revision {
            return Ok(());
        }
        self.read_control_plane().await
    }

    async fn read_control_plane(&self) -> Result<(), CompileError> {
        let state = self.store.snapshot().await?;
        let next =
            compile(&state, &self.sources, Some(&self.snapshot()), &mut self.limits.names())?;
        self.snapshot.store(Arc::new(next));
        Ok(())
    }

    /// Remembers that a session is in use, and now and then has it written down, beside the
    /// request.
    pub fn session_seen(&self, signed_in: &SignedIn, now: Micros) {
        if !signed_in.seen(now) {
            return;
        }
        let (store, id) = (self.store.clone(), signed_in.session.id.clone());
        tokio::spawn(async move {
            if let Err(error) = store.session_seen(&id, now).await {
                tracing::warn!(%error, "it could not be written down that a session is in use");
            }
        });
    }

    /// Whether new requests are still taken.
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// Tells load balancers to look elsewhere; requests are still taken.
    pub fn announce_drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// Stops taking requests; those running go on.
    pub fn drain(&self) {
        self.announce_drain();
        self.advance(Stage::Draining);
    }

    /// Ends what still runs: callers get an error, and every call its row.
    pub fn cut_off(&self) {
        self.draining.store(true, Ordering::Relaxed);
        self.cut_off.store(true, Ordering::Release);
        self.advance(Stage::CutOff);
    }

    /// Whether running requests are to end now.
    pub fn is_cut_off(&self) -> bool {
        self.cut_off.load(Ordering::Acquire)
    }

    /// Nothing is waited for any more.
    pub(crate) fn end(&self) {
        self.advance(Stage::Over);
    }

    /// Stages never go back.
    fn advance(&self, to: Stage) {
        self.stop.send_if_modified(|stage| {
            let ahead = *stage < to;
            if ahead {
                *stage = to;
            }
            ahead
        });
    }

    /// A way to wait for the order to stop.
    pub fn stopping(&self) -> Stopping {
        Stopping(self.stop.subscribe())
    }

    /// Permits for telling connections that they are too many.
    pub(crate) fn turned_away(&self) -> &Arc<Semaphore> {
        &self.turned_away
    }

    /// How many connections are being served.
    pub fn running(&self) -> &AtomicUsize {
        &self.running
    }
}

/// How long money is held without a sign of life: longer than an attempt may be silent.
fn lease(settings: &Settings) -> Duration {
    settings.limits.lease.max(settings.upstream.total * 3)
}

/// Waits for the order to stop.
pub struct Stopping(watch::Receiver<Stage>);

impl Stopping {
    /// Resolves when the gateway was told to stop.
    pub async fn wait(&mut self) {
        self.reach(Stage::Draining).await;
    }

    /// Resolves when running requests are to end.
    pub async fn wait_cut_off(&mut self) {
        self.reach(Stage::CutOff).await;
    }

    /// Resolves when nothing is waited for any more.
    pub(crate) async fn wait_over(&mut self) {
        self.reach(Stage::Over).await;
    }

    async fn reach(&mut self, stage: Stage) {
        // An error means that the sender is gone: stopped as well.
        let _ = self.0.wait_for(|reached| *reached >= stage).await;
    }
}

/// The orders to stop, for a task that waits for much else besides. An order wakes the task, so that
/// in its other turns nobody is asked for one.
pub(crate) struct Orders {
    latest: watch::Receiver<Stage>,
    /// Wakes the task at the next order; `None` until it waits for one.
    next: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl Orders {
    /// Those of an app, which must not be dropped before.
    pub(crate) fn of(app: &App) -> Self {
        let mut latest = app.stop.subscribe();
        if *latest.borrow() > Stage::Serving {
            latest.mark_changed();
        }
        Self { latest, next: None }
    }

    /// The next order, each told once, the last for those before it. To be polled by one and the same
    /// task.
    pub(crate) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Stage> {
        if self.next.is_none() {
            let mut waiting = self.latest.clone();
            // Only what is really asked wakes: a turn that was refused for its length would not.
            let mut next = Box::pin(unconstrained(async move {
                let _ = waiting.changed().await;
            }));
            // If it has come already, it is told below.
            let _ = next.as_mut().poll(context);
            self.next = Some(next);
        }
        if !self.latest.has_changed().unwrap_or(false) {
            return Poll::Pending;
        }
        self.next = None;
        Poll::Ready(*self.latest.borrow_and_update())
    }
}

#[cfg(test)]
mod tests {
    use catalog::CatalogParts;
    use store::{Actor, OverlayKind};

    use super::*;

    async fn app() -> Arc<App> {
        let none = || CatalogParts::default().into_catalog();
        let catalog = move |_: &_| none().map_err(|it| CompileError::Catalog(it.to_string()));
        let sources = ControlSources { environment: Vec::new(), catalog: Box::new(catalog) };
        let store = Store::open_temporary().await.unwrap();
        App::new(Settings::default(), store, sources).await.unwrap()
    }

    #[tokio::test]
    async fn orders_wake_the_task_and_are_told_once() {
        let app = app().await;
        let mut orders = Orders::of(&app);
        let mut next = async || std::future::poll_fn(|context| orders.poll(context)).await;
        let giving = Arc::clone(&app);
        let (waits, is_waiting) = tokio::sync::oneshot::channel();
        let task = tokio::spawn(async move {
            is_waiting.await.unwrap();
            giving.drain();
        });
        let waiting = async {
            waits.send(()).unwrap();
            next().await
        };
        assert_eq!(waiting.await, Stage::Draining);
        task.await.unwrap();
        app.cut_off();
        app.end();
        assert_eq!(next().await, Stage::Over);
        let mut late = Orders::of(&app);
        assert_eq!(std::future::poll_fn(|context| late.poll(context)).await, Stage::Over);
        let again = std::future::poll_fn(|context| Poll::Ready(late.poll(context)));
        assert!(again.await.is_pending());
    }

    #[tokio::test]
    async fn what_is_not_in_force_is_told_until_somebody_has_put_it_there() {
        let broken = Arc::new(AtomicBool::new(false));
        let is_broken = Arc::clone(&broken);
        let catalog = move |_: &_| match is_broken.load(Ordering::Relaxed) {
            true => Err(CompileError::Catalog("a link is missing".to_owned())),
            false => CatalogParts::default()
                .into_catalog()
                .map_err(|error| CompileError::Catalog(error.to_string())),
        };
        let sources = ControlSources { environment: Vec::new(), catalog: Box::new(catalog) };
        let store = Store::open_temporary().await.unwrap();
        let app = App::new(Settings::default(), store.clone(), sources).await.unwrap();
        let document = serde_json::json!({"slug": "mine"});
        let actor = Actor::system();
        store.overlay_put(OverlayKind::Provider, "mine", &document, &actor, 1).await.unwrap();
        broken.store(true, Ordering::Relaxed);
        assert!(app.catch_up().await.is_err());
        assert!(app.metrics.is_control_stale());
        broken.store(false, Ordering::Relaxed);
        app.catch_up().await.unwrap();
        assert!(!app.metrics.is_control_stale());
    }
}
