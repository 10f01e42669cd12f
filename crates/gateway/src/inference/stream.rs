//! Step 5: a streamed answer on its way to the caller, with back-pressure: the provider is read
//! only as fast as the caller takes. STREAM

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use protocol::exchange::{Additions, ErrorType, Fault, FinishReason};
use protocol::json::RawJson;
use protocol::sse::{DONE, write_comment, write_data};
use routing::health::{Observation, Outcome};
use store::Committed;
use tokio::time::Sleep;

use super::Call;
use super::attempt::{Started, body_fault, for_caller};
use super::prepare::Served;
use super::settle::{Ending, Settlement};
use crate::app::App;
use crate::clock::now_millis;
use crate::error::mask;
use crate::upstream::UpstreamBody;

/// The comment that keeps a waiting caller's connection open. STREAM-2
const HEARTBEAT: &str = "OPENROUTER PROCESSING";

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
    Settling { committed: Option<Committed>, tail: Vec<u8>, upstream: Option<Box<UpstreamBody>> },
    /// Nothing more.
    Done,
}

/// A stream under way, with what it owes to the books.
pub struct Live {
    call: Arc<Call>,
    started: Option<Started>,
    settlement: Option<Settlement>,
    idle: Pin<Box<Sleep>>,
    last_data: Instant,
    finished: bool,
    /// Data came so soon after the last that more is waited for, for some turns.
    gathering: bool,
    /// The turns given since.
    turns: u32,
}

/// Data that follows within this time is part of a burst.
const BACK_TO_BACK: Duration = Duration::from_micros(300);
/// So many turns the other tasks of this worker get before a burst counts as over.
const TURNS: u32 = 3;
/// So many bytes of a burst are sent together.
const GATHERED: usize = 16 * 1024;

impl Live {
    /// Content flows from now on.
    pub fn new(call: Arc<Call>, started: Started, settlement: Settlement, app: &App) -> Self {
        let now = Instant::now();
        Self {
            call,
            idle: Box::pin(tokio::time::sleep(app.settings.upstream.idle)),
            last_data: now,
            finished: started.finished,
            gathering: false,
            turns: 0,
            started: Some(started),
            settlement: Some(settlement),
        }
    }

    fn ending(started: &Started, status: u16) -> Ending {
        Ending {
            usage: started.relay.usage(),
            text_bytes: started.relay.text_bytes(),
            images_out: started.relay.images(),
            finish: started.relay.finish_reason(),
            native_finish: started.relay.native_finish_reason().map(str::to_owned),
            status,
            service_tier: started.relay.service_tier().map(str::to_owned),
            upstream_id: started.relay.upstream_id().map(str::to_owned),
            ..Ending::default()
        }
    }

    /// The provider ended well: writes the end, with the cost, and hands the record over.
    fn finish(&mut self, tail: &mut Vec<u8>) -> (Option<Committed>, Option<Box<UpstreamBody>>) {
        let (Some(mut started), Some(settlement)) = (self.started.take(), self.settlement.take())
        else {
            return (None, None);
        };
        let ending = Self::ending(&started, 200);
        let bill = settlement.bill(&ending);
        if ending.usage.is_none() {
            started.relay.set_usage(bill.usage);
        }
        let members = self.call.metadata(settlement.generation());
        let additions = Additions { charge: Some(&bill.charge), members: &members };
        started.relay.finish(additions, tail);
        let served = Served {
            candidate: &started.candidate,
            began: started.began,
            first_content: settlement.first_content(),
            finish: ending.finish,
        };
        self.call.served(&served, &bill.usage);
        (settlement.settle(ending, &bill), Some(Box::new(started.upstream)))
    }

    /// The provider failed after content: says so in the stream and bills nothing. STREAM-5, ZCI-1
    fn fail(&mut self, fault: &Fault, tail: &mut Vec<u8>) -> Option<Committed> {
        let (Some(mut started), Some(settlement)) = (self.started.take(), self.settlement.take())
        else {
            return None;
        };
        self.call.snapshot.observe(
            started.candidate.endpoint,
            &Observation::of(Outcome::Failure),
            now_millis(),
        );
        let shown = mask(&for_caller(fault.clone(), started.candidate.access.is_byok()));
        started.relay.fail(&shown, tail);
        let ending = Ending {
            finish: Some(FinishReason::Error),
            error_type: Some(fault.error_type.name()),
            ..Self::ending(&started, fault.status)
        };
        let bill = settlement.bill(&ending);
        settlement.settle(ending, &bill)
    }

    fn poll_live(
        &mut self,
        app: &App,
        context: &mut Context<'_>,
        out: &mut Vec<u8>,
    ) -> Poll<Option<Phase>> {
        let Some(started) = &mut self.started else { return Poll::Ready(Some(Phase::Done)) };
        if !started.written.is_empty() {
            std::mem::swap(out, &mut started.written);
            return Poll::Ready(None);
        }
        let now = Instant::now();
        if self.gathering && out.len() >= GATHERED {
            self.gathering = false;
            return Poll::Ready(None);
        }
        let fault = if started.ended {
            None
        } else {
            match started.upstream.poll_data(context) {
                Poll::Ready(Some(Ok(data))) => {
                    // Pieces that come back to back are sent together: a write for each would cost
                    // ten times what everything else does.
                    self.gathering = now.duration_since(self.last_data) < BACK_TO_BACK;
                    self.last_data = now;
                    let mut step = started.relay.push(&data, out);
                    started.ended = step.done;
                    if step.finished && !self.finished {
                        // Only usage may still come; it is not waited for as long as content is.
                        self.finished = true;
                        self.idle.as_mut().reset((now + AFTER_FINISH).into());
                    }
                    if step.done && step.fault.is_none() {
                        step.fault = started.relay.end(out).fault;
                    }
                    match step.fault {
                        Some(fault) => Some(fault),
                        None if now > started.deadline => Some(timed_out()),
                        None => {
                            self.gathering &= !started.ended;
                            self.turns = 0;
                            return Poll::Ready(None);
                        }
                    }
                }
                Poll::Ready(Some(Err(error))) => {
                    started.ended = true;
                    unless_complete(started, out, body_fault(&error))
                }
                Poll::Ready(None) => {
                    started.ended = true;
                    started.relay.end(out).fault
                }
                Poll::Pending if !out.is_empty() => {
                    // The connection's driver may have more at hand: it gets some turns.
                    if self.gathering && self.turns < TURNS {
                        self.turns += 1;
                        context.waker().wake_by_ref();
                        return Poll::Pending;
                    }
                    self.gathering = false;
                    return Poll::Ready(None);
                }
                Poll::Pending => {
                    if self.idle.as_mut().poll(context).is_pending() {
                        return Poll::Pending;
                    }
                    let patience = app.settings.upstream.idle;
                    let idle = if self.finished { patience.min(AFTER_FINISH) } else { patience };
                    let due = (self.last_data + idle).min(started.deadline);
                    if due > now {
                        // Data came since the timer was set: it is moved only now, not for each
                        // chunk.
                        self.idle.as_mut().reset(due.into());
                        return Poll::Ready(None);
                    }
                    started.ended = true;
                    unless_complete(started, out, timed_out())
                }
            }
        };
        if fault.is_none() && !out.is_empty() {
            // Content does not wait for the books, only the end does.
            self.gathering = false;
            return Poll::Ready(None);
        }
        let mut tail = std::mem::take(out);
        let (committed, upstream) = match fault {
            Some(fault) => (self.fail(&fault, &mut tail), None),
            None => self.finish(&mut tail),
        };
        Poll::Ready(Some(Phase::Settling { committed, tail, upstream }))
    }
}

/// How long usage is waited for after the last choice ended.
const AFTER_FINISH: Duration = Duration::from_secs(2);

/// The provider went away: a fault, unless all that matters had come.
fn unless_complete(started: &mut Started, out: &mut Vec<u8>, fault: Fault) -> Option<Fault> {
    let end = started.relay.end(out);
    let complete = end.fault.is_none() && started.relay.finish_reason().is_some();
    (!complete).then_some(fault)
}

fn timed_out() -> Fault {
    Fault::new(ErrorType::Timeout, "Request timed out. Please try again later.")
}

impl Drop for Live {
    /// The caller left: the provider's connection closes, and what was metered is settled.
    /// STREAM-8, STREAM-9
    fn drop(&mut self) {
        if let (Some(started), Some(settlement)) = (self.started.take(), self.settlement.take()) {
            settlement.abandon(Self::ending(&started, 200));
        }
    }
}

impl StreamBody {
    /// A stream whose content flows.
    pub fn live(app: Arc<App>, generation_id: String, live: Box<Live>) -> Self {
        Self { app, generation_id, phase: Phase::Live(live), out: Vec::new(), heartbeat: None }
    }

    /// A stream whose caller waits for attempts that are still under way.
    pub fn waiting(app: Arc<App>, generation_id: String, waiting: Waiting) -> Self {
        let heartbeat = Box::pin(tokio::time::sleep(app.settings.heartbeat_interval()));
        let mut out = Vec::new();
        write_comment(&mut out, HEARTBEAT);
        Self { app, generation_id, phase: Phase::Waiting(waiting), out, heartbeat: Some(heartbeat) }
    }

    /// The next bytes for the caller.
    pub fn poll_bytes(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        loop {
            // While a burst is gathered, `out` is not yet let go.
            let gathering = matches!(&self.phase, Phase::Live(live) if live.gathering);
            if !self.out.is_empty() && !gathering {
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
                Phase::Live(live) => match live.poll_live(&self.app, context, &mut self.out) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(None) => {}
                    Poll::Ready(Some(next)) => self.phase = next,
                },
                Phase::Settling { committed, tail, upstream } => {
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
        write_comment(&mut self.out, HEARTBEAT);
        true
    }

    fn fail_late(&mut self, failure: LateFailure) {
        let shown = mask(&failure.fault);
        let mut tail = Vec::new();
        write_data(&mut tail, &late_error(&self.generation_id, &shown, &failure));
        tail.extend_from_slice(DONE);
        self.phase = Phase::Settling { committed: None, tail, upstream: None };
    }
}

/// The error chunk of a stream in which nothing was said yet. STREAM-5
fn late_error(generation_id: &str, fault: &Fault, failure: &LateFailure) -> Vec<u8> {
    let members = &failure.members;
    let rendered = protocol::openai_chat::encode_error(fault, Some(generation_id), members);
    let choice = r#"[{"index":0,"delta":{"content":""},"finish_reason":"error","native_finish_reason":null}]"#;
    match protocol::json::Envelope::parse(&rendered.body) {
        Ok(envelope) => {
            let mut edit = envelope.edit();
            edit.set("id", format!("\"{generation_id}\""));
            edit.set("object", "\"chat.completion.chunk\"");
            edit.set("created", crate::clock::now_seconds().to_string());
            let (model, provider) = &failure.last;
            for (name, value) in [("model", model), ("provider", provider)] {
                if let Ok(json) = serde_json::to_string(value) {
                    edit.set(name, json);
                }
            }
            edit.set("choices", choice);
            edit.finish()
        }
        Err(_) => rendered.body,
    }
}

/// A commit that failed is tried again by the writer, which holds the row in memory until then: it
/// is lost only if the process ends before the store works again.
pub fn report_commit(generation_id: &str, result: Result<(), store::SettleError>) {
    if let Err(error) = result {
        tracing::error!(generation = generation_id, %error, "a settlement waits for the store");
    }
}
