//! Step 6: a streamed answer on its way to the caller, with back-pressure: the provider is read
//! only as fast as the caller takes. STREAM

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use protocol::Surface;
use protocol::exchange::Fault;
use protocol::json::RawJson;
use protocol::surface::Failed;
use tokio::time::Sleep;

use super::live::{End, Live, stopping};
use crate::app::App;
use crate::error::mask;

/// Attempts that are still under way when the caller already has headers.
pub type Waiting = Pin<Box<dyn Future<Output = Result<Box<Live>, LateFailure>> + Send>>;

/// All attempts failed after the caller got headers.
pub struct LateFailure {
    /// The error, told in the stream.
    pub fault: Fault,
    /// Further members beside it.
    pub members: Vec<(String, RawJson)>,
    /// The model and the provider of the last attempt; empty if there was none.
    pub last: (String, String),
}

/// A streamed answer.
pub struct StreamBody {
    app: Arc<App>,
    generation_id: String,
    surface: Surface,
    phase: Phase,
    out: Vec<u8>,
    heartbeat: Option<Pin<Box<Sleep>>>,
}

enum Phase {
    /// The caller has headers; attempts are under way.
    Waiting(Waiting),
    /// Content flows.
    Live(Box<Live>),
    /// All is written but the end, which waits for the books.
    Settling(End),
    /// Nothing more.
    Done,
}

impl From<End> for Phase {
    fn from(end: End) -> Self {
        Self::Settling(end)
    }
}

impl StreamBody {
    /// A stream whose content flows.
    pub fn live(app: Arc<App>, generation_id: String, surface: Surface, live: Box<Live>) -> Self {
        let phase = Phase::Live(live);
        Self { app, generation_id, surface, phase, out: Vec::new(), heartbeat: None }
    }

    /// A stream whose caller waits for attempts that are still under way.
    pub fn waiting(
        app: Arc<App>,
        generation_id: String,
        surface: Surface,
        waiting: Waiting,
    ) -> Self {
        let heartbeat = Box::pin(tokio::time::sleep(app.settings.heartbeat_interval()));
        let mut out = Vec::new();
        surface.write_heartbeat(&mut out);
        let phase = Phase::Waiting(waiting);
        Self { app, generation_id, surface, phase, out, heartbeat: Some(heartbeat) }
    }

    /// The next bytes for the caller.
    pub fn poll_bytes(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if self.app.is_cut_off() {
            self.cut_off();
        }
        loop {
            // While a burst is gathered, `out` is not yet let go.
            let gathering = matches!(&self.phase, Phase::Live(live) if live.is_gathering());
            if !self.out.is_empty() && !gathering {
                if let Phase::Live(live) = &mut self.phase {
                    live.handed_out();
                }
                return Poll::Ready(Some(Bytes::from(std::mem::take(&mut self.out))));
            }
            match &mut self.phase {
                Phase::Done => return Poll::Ready(None),
                Phase::Waiting(waiting) => match waiting.as_mut().poll(context) {
                    Poll::Ready(Ok(live)) => self.phase = Phase::Live(live),
                    Poll::Ready(Err(failure)) => self.fail_late(failure),
                    Poll::Pending => {
                        if !self.poll_heartbeat(context) {
                            return Poll::Pending;
                        }
                    }
                },
                Phase::Live(live) => match live.poll(&self.app, context, &mut self.out) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(None) => {}
                    Poll::Ready(Some(end)) => self.phase = end.into(),
                },
                Phase::Settling(End { committed, tail, upstream, keeping }) => {
                    // The provider's last bytes are read meanwhile, so that its connection can be
                    // used again.
                    while let Some(body) = upstream {
                        match body.poll_data(context) {
                            Poll::Ready(Some(Ok(_))) => {}
                            Poll::Ready(None | Some(Err(_))) => *upstream = None,
                            Poll::Pending => break,
                        }
                    }
                    if let Some(commit) = committed {
                        match Pin::new(commit).poll(context) {
                            Poll::Pending => return Poll::Pending,
                            Poll::Ready(result) => report_commit(&self.generation_id, result),
                        }
                        *committed = None;
                    }
                    if let Some(kept) = keeping {
                        *tail = std::task::ready!(kept.as_mut().poll(context));
                        *keeping = None;
                    }
                    self.out = std::mem::take(tail);
                    self.phase = Phase::Done;
                }
            }
        }
    }

    fn poll_heartbeat(&mut self, context: &mut Context<'_>) -> bool {
        let Some(heartbeat) = &mut self.heartbeat else { return false };
        if heartbeat.as_mut().poll(context).is_pending() {
            return false;
        }
        let next = tokio::time::Instant::now() + self.app.settings.heartbeat_interval();
        heartbeat.as_mut().reset(next);
        self.surface.write_heartbeat(&mut self.out);
        true
    }

    /// The gateway stops and cannot wait for the end.
    fn cut_off(&mut self) {
        match &mut self.phase {
            // Dropping the attempts settles them.
            Phase::Waiting(_) => self.fail_late(LateFailure {
                fault: stopping(),
                members: Vec::new(),
                last: Default::default(),
            }),
            Phase::Live(live) => {
                let end = live.cut_off(std::mem::take(&mut self.out));
                self.phase = end.into();
            }
            Phase::Settling(_) | Phase::Done => {}
        }
    }

    fn fail_late(&mut self, failure: LateFailure) {
        let shown = mask(&failure.fault);
        if shown.status == 500 {
            self.app.metrics.internal_error();
        }
        let mut tail = std::mem::take(&mut self.out);
        let (model, provider) = &failure.last;
        let failed = Failed {
            fault: &shown,
            members: &failure.members,
            generation_id: &self.generation_id,
            model,
            provider,
            created: crate::clock::now_seconds(),
        };
        self.surface.write_failed(&failed, &mut tail);
        self.phase = End::told(tail).into();
    }
}

/// A commit that failed is tried again by the writer, which holds the row in memory until then: it
/// is lost only if the process ends before the store works again.
pub fn report_commit(generation_id: &str, result: Result<(), store::SettleError>) {
    if let Err(error) = result {
        tracing::error!(generation = generation_id, %error, "a settlement waits for the store");
    }
}
