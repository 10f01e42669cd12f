//! What goes on after a caller left: where a provider bills an answer in any case, it is read to
//! its end, so that the books have what it cost. STREAM-8

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Instant;

use catalog::PriceState;
use protocol::exchange::{Fault, FinishReason, Usage};
use tokio::runtime::Handle;

use super::attempt::{Started, body_fault};
use super::live::{Live, patience};
use super::plan::Candidate;
use super::prepare::Call;
use super::settle::Settlement;
use crate::app::App;
use crate::listener::Running;

/// Whether an answer that nobody waits for is read to its end, `told` being what its provider has
/// counted so far. Streams can be cancelled where the catalogue says so, whole answers nowhere; what
/// is free is not worth a wait. STREAM-8
pub fn is_worth_reading(call: &Call, candidate: &Candidate, told: Option<&Usage>) -> bool {
    let catalog = &call.snapshot.catalog;
    if catalog.endpoint(candidate.endpoint).price.state() == PriceState::Free {
        return false;
    }
    let can_stop =
        catalog.provider_of(candidate.endpoint).cancel_stops_billing && call.facts.stream;
    let counts = call.app.settings.limits.read_on_uncounted;
    !can_stop || (counts && cannot_be_metered(call, candidate, told))
}

/// Whether a provider bills more than what can be seen of an answer: reasoning that it keeps to
/// itself or tells a summary of, searches, sound; and for the prompt, files, sound and films. What was cancelled is
/// never counted, so that who leaves one word before the end would have all of that for nothing.
fn cannot_be_metered(call: &Call, candidate: &Candidate, told: Option<&Usage>) -> bool {
    let (catalog, facts) = (&call.snapshot.catalog, &call.facts);
    let (endpoint, model) =
        (catalog.endpoint(candidate.endpoint), catalog.model_of(candidate.endpoint));
    // Whose weights are public has nothing to hide.
    let is_hidden = catalog.quirks_of(candidate.endpoint).hides_reasoning
        && model.hugging_face_id.is_none()
        && !model.distillable;
    let reasons = is_hidden && endpoint.abilities.reasons(facts.reasoning.as_ref());
    // Images are counted as ordinary ones; pages and minutes may be one or a thousand.
    let media = facts.audio_input || facts.video_input || facts.file_input;
    let prompt_is_known = !media || told.is_some_and(|usage| usage.input > 0);
    let sounds = facts.output_modalities.iter().any(|modality| modality == "audio");
    // Agents offer tools of providers with every request, and few are used.
    let searches = facts.web_searches > 0 && facts.tools == 0;
    reasons || sounds || searches || !prompt_is_known
}

/// What a request and whoever waits for its answer know of each other.
#[derive(Default)]
pub struct Presence {
    /// Whether a stream is asked for, once the request is known to be good.
    streams: OnceLock<bool>,
    /// The provider that is asked now bills in any case.
    billed: AtomicBool,
    left: AtomicBool,
}

impl Presence {
    /// Whether the caller left.
    pub fn has_left(&self) -> bool {
        self.left.load(Ordering::Relaxed)
    }

    /// The request is good, and asks for a stream or not.
    pub fn asks(&self, stream: bool) {
        // It is said once.
        let _ = self.streams.set(stream);
    }

    /// Whether it is known that a stream is asked for.
    pub fn is_streaming(&self) -> bool {
        self.streams.get() == Some(&true)
    }

    /// Whether it is known that the answer comes as a whole.
    pub fn is_whole(&self) -> bool {
        self.streams.get() == Some(&false)
    }

    /// A provider is asked that bills in any case, or none is any more.
    pub fn billed(&self, billed: bool) {
        self.billed.store(billed, Ordering::Relaxed);
    }
}

/// A request under way. Dropped while a provider bills for it in any case, it goes on in the
/// background.
pub struct Lingering<F: Future<Output: Send> + Send + 'static> {
    answering: Option<Pin<Box<F>>>,
    app: Arc<App>,
    presence: Arc<Presence>,
}

impl<F: Future<Output: Send> + Send + 'static> Lingering<F> {
    /// Watches over a request.
    pub fn new(app: Arc<App>, presence: Arc<Presence>, answering: Pin<Box<F>>) -> Self {
        Self { answering: Some(answering), app, presence }
    }
}

impl<F: Future<Output: Send> + Send + 'static> Future for Lingering<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let Some(answering) = &mut self.answering else { return Poll::Pending };
        let outcome = std::task::ready!(answering.as_mut().poll(context));
        self.answering = None;
        Poll::Ready(outcome)
    }
}

impl<F: Future<Output: Send> + Send + 'static> Drop for Lingering<F> {
    fn drop(&mut self) {
        let Some(answering) = self.answering.take() else { return };
        if !self.presence.billed.load(Ordering::Relaxed) || self.app.is_cut_off() {
            return;
        }
        let Ok(runtime) = Handle::try_current() else { return };
        self.presence.left.store(true, Ordering::Relaxed);
        let app = Arc::clone(&self.app);
        let running = Running::new(&app);
        runtime.spawn(async move {
            let mut stopping = app.stopping();
            let patience = app.settings.limits.read_on_timeout;
            tokio::select! {
                // Nobody wants the answer; its row is what it was waited for.
                _ = tokio::time::timeout(patience, answering) => {}
                () = stopping.wait_cut_off() => {}
            }
            drop(running);
        });
    }
}

/// Reads a stream on whose caller left; then settles it. `finished`: only usage may still come.
pub fn read_on(call: Arc<Call>, started: Started, settlement: Box<Settlement>, finished: bool) {
    let reading = Reading { left: Some((started, settlement)), finished };
    let Ok(runtime) = Handle::try_current() else { return };
    let app = Arc::clone(&call.app);
    let running = Running::new(&app);
    runtime.spawn(async move {
        let mut stopping = app.stopping();
        tokio::select! {
            () = reading.run(&call) => {}
            // Dropped, it settles what was metered.
            () = stopping.wait_cut_off() => {}
        }
        drop(running);
    });
}

/// A stream that is read for the books alone.
struct Reading {
    left: Option<(Started, Box<Settlement>)>,
    finished: bool,
}

impl Reading {
    async fn run(mut self, call: &Call) {
        let settings = &call.app.settings;
        let Some((started, settlement)) = &mut self.left else { return };
        let end = started.deadline.min(Instant::now() + settings.limits.read_on_timeout);
        let mut room = settings.limits.max_read_on_bytes;
        let mut unwanted = Vec::new();
        let fault = loop {
            if started.ended {
                break None;
            }
            let now = Instant::now();
            settlement.keep(now);
            let patience = patience(settings, self.finished);
            let patience = patience.min(end.saturating_duration_since(now));
            match started.upstream.data(patience).await {
                Some(Ok(data)) => {
                    let mut step = started.relay.push(&data, &mut unwanted);
                    started.ended = step.done;
                    if step.done && step.fault.is_none() {
                        step.fault = started.relay.end(&mut unwanted).fault;
                    }
                    unwanted.clear();
                    if step.fault.is_some() {
                        break step.fault;
                    }
                    match room.checked_sub(data.len()) {
                        Some(less) => room = less,
                        None => return,
                    }
                }
                // Out of time, whose fault ever that is: what was metered is settled.
                Some(Err(crate::upstream::BodyError::Idle(_))) => return,
                Some(Err(error)) => {
                    let complete = started.relay.end(&mut unwanted).fault.is_none()
                        && started.relay.all_finished(call.facts.answers);
                    break (!complete).then(|| body_fault(&error));
                }
                None => {
                    started.ended = true;
                    break started.relay.end(&mut unwanted).fault;
                }
            }
        };
        self.settle(fault);
    }

    /// The provider came to an end, a good one or not.
    fn settle(mut self, fault: Option<Fault>) {
        let Some((started, settlement)) = self.left.take() else { return };
        let mut ending = Live::ending(&started);
        (ending.cancelled, ending.read_on) = (true, true);
        if let Some(fault) = fault {
            // A failed answer is free, whoever would have read it. ZCI-1
            ending.finish = Some(FinishReason::Error);
            ending.error_type = Some(fault.error_type.name());
        }
        let bill = settlement.bill(&ending);
        // Nobody waits for the commit; the writer has the row.
        let _ = settlement.settle(ending, &bill);
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        if let Some((started, settlement)) = self.left.take() {
            settlement.abandon(Live::ending(&started));
        }
    }
}
