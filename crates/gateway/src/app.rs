//! The composition root: what all requests share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use arc_swap::ArcSwap;
use store::{Settlements, Store};
use tokio::sync::watch;

use crate::control::{CompileError, ControlSources, Snapshot, compile};
use crate::inference::sticky::StickyTable;
use crate::settings::Settings;
use crate::telemetry::Metrics;
use crate::upstream::Pool;

/// What all requests share.
pub struct App {
    /// Limits and times.
    pub settings: Settings,
    /// Persistence.
    pub store: Store,
    /// The way to the settlement writer.
    pub settlements: Settlements,
    /// Counters.
    pub metrics: Metrics,
    /// Which endpoint a conversation stays with.
    pub sticky: StickyTable,
    sources: ControlSources,
    snapshot: ArcSwap<Snapshot>,
    draining: AtomicBool,
    running: AtomicUsize,
    stop: watch::Sender<bool>,
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
        let state = store.snapshot().await?;
        let snapshot = compile(&state, &sources, None)?;
        Ok(Arc::new(Self {
            settings,
            settlements: store.settlements(),
            store,
            metrics: Metrics::new(),
            sticky: StickyTable::default(),
            sources,
            snapshot: ArcSwap::from_pointee(snapshot),
            draining: AtomicBool::new(false),
            running: AtomicUsize::new(0),
            stop: watch::Sender::new(false),
        }))
    }

    /// The snapshot in force.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// Reads the control plane again and swaps the snapshot.
    pub async fn reload(&self) -> Result<(), CompileError> {
        let state = self.store.snapshot().await?;
        let next = compile(&state, &self.sources, Some(&self.snapshot()))?;
        self.snapshot.store(Arc::new(next));
        Ok(())
    }

    /// Whether new requests are still taken.
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// Stops taking requests; those running go on.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
        self.stop.send_replace(true);
    }

    /// A way to wait for the order to stop.
    pub fn stopping(&self) -> Stopping {
        Stopping(self.stop.subscribe())
    }

    /// How many connections are being served.
    pub fn running(&self) -> &AtomicUsize {
        &self.running
    }
}

/// Waits for the order to stop.
pub struct Stopping(watch::Receiver<bool>);

impl Stopping {
    /// Resolves when the gateway was told to stop.
    pub async fn wait(&mut self) {
        // An error means that the sender is gone: stopped as well.
        let _ = self.0.wait_for(|stop| *stop).await;
    }
}
