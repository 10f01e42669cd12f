//! A stream whose content flows: the provider is read, its bytes become the caller's, and the end
//! is settled.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use protocol::exchange::{Additions, ErrorType, Fault, FinishReason};
use routing::health::{Observation, Outcome};
use store::Committed;
use tokio::time::Sleep;

use super::Call;
use super::attempt::{Started, body_fault, for_caller};
use super::pace::Pace;
use super::prepare::Served;
use super::read_on::{is_worth_reading, read_on};
use super::settle::{Ending, Settlement};
use super::stored::Keeping;
use crate::app::App;
use crate::clock::{now_millis, now_seconds};
use crate::error::mask;
use crate::settings::Settings;
use crate::upstream::UpstreamBody;

/// A stream under way, with what it owes to the books.
pub struct Live {
    call: Arc<Call>,
    started: Option<Started>,
    settlement: Option<Box<Settlement>>,
    /// Wakes for whatever is due next: a sign of life, or the end of patience. Moved only when it
    /// fires, not for each chunk.
    timer: Pin<Box<Sleep>>,
    /// When the provider was last heard of. A pause of the caller moves it on.
    last_data: Instant,
    /// When the caller last got something.
    last_sign: Instant,
    /// The last time that was looked at.
    now: Instant,
    pace: Pace,
    /// All choices have ended.
    finished: bool,
    /// Data came so soon after the last that more is waited for, for some turns.
    gathering: bool,
    /// The turns given since.
    turns: u32,
}

/// What a stream comes to.
pub struct End {
    /// The commit of its row.
    pub committed: Option<Committed>,
    /// What is written to the caller once that is done.
    pub tail: Vec<u8>,
    /// The provider's body, if its last bytes are still to be read.
    pub upstream: Option<Box<UpstreamBody>>,
    /// What is written instead of `tail`, once it is known whether the answer is kept.
    pub keeping: Option<Keeping>,
}

impl End {
    /// An end that waits for nothing.
    pub fn told(tail: Vec<u8>) -> Self {
        Self { committed: None, tail, upstream: None, keeping: None }
    }
}

/// Whom a stream that breaks off is put down to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Blame {
    /// The provider: it counts against its endpoint, and nothing is billed. ZCI-1
    Provider,
    /// The caller, who took so slowly that the provider's time ran out or that it went away: what
    /// was sent is billed as if the caller had left. STREAM-9
    Caller,
    /// This gateway, which stops: nothing is billed.
    Gateway,
}

/// Data that follows within this time is part of a burst.
const BACK_TO_BACK: Duration = Duration::from_micros(300);
/// So many turns the other tasks of this worker get before a burst counts as over.
const TURNS: u32 = 3;
/// So many bytes of a burst are sent together.
const GATHERED: usize = 16 * 1024;

impl Live {
    /// Content flows from now on.
    pub fn new(call: Arc<Call>, started: Started, settlement: Box<Settlement>, app: &App) -> Self {
        let now = Instant::now();
        let settings = &app.settings;
        let first = patience(settings, started.finished).min(settings.heartbeat_interval());
        Self {
            call,
            timer: Box::pin(tokio::time::sleep(first)),
            last_data: now,
            last_sign: now,
            now,
            pace: Pace::default(),
            finished: started.finished,
            gathering: false,
            turns: 0,
            started: Some(started),
            settlement: Some(settlement),
        }
    }

    /// Whether what is written is held back for the rest of a burst.
    pub fn is_gathering(&self) -> bool {
        self.gathering
    }

    /// The caller got what was written.
    pub fn handed_out(&mut self) {
        self.last_sign = self.now;
        self.pace.handed_out(self.now);
    }

    /// What is known of how it ended.
    pub(super) fn ending(started: &Started) -> Ending {
        Ending {
            usage: started.relay.usage(),
            text_bytes: started.relay.text_bytes(),
            images_out: started.relay.images(),
            finish: started.relay.finish_reason(),
            native_finish: started.relay.native_finish_reason().map(str::to_owned),
            status: 200,
            service_tier: started.relay.service_tier().map(str::to_owned),
            upstream_id: started.relay.upstream_id().map(str::to_owned),
            ..Ending::default()
        }
    }

    /// The provider ended well: writes the end, with the cost, and hands the record over.
    fn finish(&mut self, mut tail: Vec<u8>) -> End {
        let (Some(mut started), Some(settlement)) = (self.started.take(), self.settlement.take())
        else {
            return End::told(tail);
        };
        let ending = Self::ending(&started);
        let bill = settlement.bill(&ending);
        if ending.usage != Some(bill.usage) {
            started.relay.set_usage(bill.usage);
        }
        let members = self.call.metadata(settlement.generation());
        let additions = Additions {
            charge: Some(&bill.charge),
            members: &members,
            completed: Some(now_seconds()),
        };
        started.relay.finish(additions, &mut tail);
        let served = Served {
            candidate: &started.candidate,
            began: started.began,
            first_content: settlement.first_content(),
            held_up: self.pace.held_up(),
            finish: ending.finish,
            counted: ending.usage.map(|usage| usage.input),
        };
        self.call.served(&served, &bill.usage);
        let committed = settlement.settle(ending, &bill);
        let upstream = Some(Box::new(started.upstream));
        let Some(stored) = &self.call.stored else {
            return End { committed, upstream, ..End::told(tail) };
        };
        let spoken = started.relay.text_bytes() > 0;
        let keeping = Some(stored.keep_end(&self.call, tail, spoken));
        End { committed, upstream, keeping, ..End::told(Vec::new()) }
    }

    /// It broke off after content: says so in the stream. STREAM-5
    fn fail(&mut self, fault: &Fault, blame: Blame, mut tail: Vec<u8>) -> End {
        let (Some(mut started), Some(settlement)) = (self.started.take(), self.settlement.take())
        else {
            return End::told(tail);
        };
        if blame == Blame::Provider {
            self.call.snapshot.observe(
                started.candidate.endpoint,
                &Observation::of(Outcome::Failure),
                now_millis(),
            );
        }
        let shown = mask(&for_caller(fault.clone(), started.candidate.access.is_byok()));
        let sent = started.candidate.access.authorization.sent();
        started.relay.fail(&sent.withheld(shown), &mut tail);
        // What told the failure may be in it already.
        sent.mask(&mut tail);
        let mut ending = Ending {
            error_type: Some(fault.error_type.name()),
            cancelled: blame == Blame::Caller,
            ..Self::ending(&started)
        };
        if blame != Blame::Caller {
            ending.finish = Some(FinishReason::Error);
        }
        let bill = settlement.bill(&ending);
        End { committed: settlement.settle(ending, &bill), ..End::told(tail) }
    }

    /// The gateway stops and cannot wait for the end.
    pub fn cut_off(&mut self, tail: Vec<u8>) -> End {
        self.fail(&stopping(), Blame::Gateway, tail)
    }

    /// Goes on. `Ready(None)`: something may have been written to `out`, and it goes on;
    /// `Ready(Some)`: it is over, and `out` is part of the tail.
    pub fn poll(
        &mut self,
        app: &App,
        context: &mut Context<'_>,
        out: &mut Vec<u8>,
    ) -> Poll<Option<End>> {
        let Some(started) = &mut self.started else {
            let tail = std::mem::take(out);
            return Poll::Ready(Some(End::told(tail)));
        };
        let now = Instant::now();
        self.now = now;
        if let Some(settlement) = &mut self.settlement {
            settlement.keep(now);
        }
        let held_up = self.pace.asked(now);
        if !held_up.is_zero() {
            // Within the time of one whole attempt: even a slow caller has an end.
            let before = self.pace.held_up() - held_up;
            started.deadline += held_up.min(app.settings.upstream.total.saturating_sub(before));
            self.last_data += held_up;
        }
        if !started.written.is_empty() {
            std::mem::swap(out, &mut started.written);
            return Poll::Ready(None);
        }
        if self.gathering && out.len() >= GATHERED {
            self.gathering = false;
            return Poll::Ready(None);
        }
        let mut blame = Blame::Provider;
        let fault = if started.ended {
            None
        } else {
            match started.upstream.poll_data(context) {
                Poll::Ready(Some(Ok(data))) => {
                    // Pieces that come back to back are sent together: a write for each would cost
                    // ten times what everything else does.
                    self.gathering = now.saturating_duration_since(self.last_data) < BACK_TO_BACK;
                    self.last_data = now;
                    let mut step = started.relay.push(&data, out);
                    started.ended = step.done;
                    if step.finished
                        && !self.finished
                        && started.relay.all_finished(self.call.facts.answers)
                    {
                        // Only usage may still come; it is not waited for as long as content is.
                        self.finished = true;
                        self.timer
                            .as_mut()
                            .reset((now + app.settings.upstream.after_finish).into());
                    } else if step.content && !step.finished {
                        // It had said so too early.
                        self.finished = false;
                    }
                    if step.done && step.fault.is_none() {
                        step.fault = started.relay.end(out).fault;
                    }
                    match step.fault {
                        Some(fault) => Some(fault),
                        None if !started.ended && now > started.deadline => {
                            blame = self.pace.blame(now);
                            Some(timed_out())
                        }
                        None => {
                            self.gathering &= !started.ended;
                            self.turns = 0;
                            return Poll::Ready(None);
                        }
                    }
                }
                Poll::Ready(Some(Err(error))) => {
                    started.ended = true;
                    blame = self.pace.blame(now);
                    let asked = self.call.facts.answers;
                    unless_complete(started, out, asked, body_fault(&error))
                }
                Poll::Ready(None) => {
                    started.ended = true;
                    blame = self.pace.blame(now);
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
                    if self.timer.as_mut().poll(context).is_pending() {
                        return Poll::Pending;
                    }
                    let patience = patience(&app.settings, self.finished);
                    let due = (self.last_data + patience).min(started.deadline);
                    let sign = self.last_sign + app.settings.heartbeat_interval();
                    if due > now {
                        if sign > now {
                            self.timer.as_mut().reset(due.min(sign).into());
                        } else {
                            // A model may think for minutes between two words; nobody on the way
                            // should take that for a dead connection. STREAM-2
                            let next = now + app.settings.heartbeat_interval();
                            self.timer.as_mut().reset(due.min(next).into());
                            self.gathering = false;
                            self.call.surface.write_heartbeat(out);
                        }
                        return Poll::Ready(None);
                    }
                    started.ended = true;
                    blame = self.pace.blame(now);
                    unless_complete(started, out, self.call.facts.answers, timed_out())
                }
            }
        };
        if fault.is_none() && !out.is_empty() {
            // Content does not wait for the books, only the end does.
            self.gathering = false;
            return Poll::Ready(None);
        }
        let tail = std::mem::take(out);
        // A failure told as a finish reason has its error in the chunk that told it.
        Poll::Ready(Some(match fault {
            Some(fault) => self.fail(&fault, blame, tail),
            None => self.finish(tail),
        }))
    }
}

impl Pace {
    /// Whom it is put down to when the provider goes away now.
    fn blame(&self, now: Instant) -> Blame {
        if self.may_have_spoiled(now) { Blame::Caller } else { Blame::Provider }
    }
}

/// How long a silent provider is waited for.
pub(super) fn patience(settings: &Settings, finished: bool) -> Duration {
    let limits = &settings.upstream;
    if finished { limits.idle.min(limits.after_finish) } else { limits.idle }
}

/// The provider went away: a fault, unless all that matters had come.
fn unless_complete(
    started: &mut Started,
    out: &mut Vec<u8>,
    asked: u64,
    fault: Fault,
) -> Option<Fault> {
    let end = started.relay.end(out);
    let complete = end.fault.is_none() && started.relay.all_finished(asked);
    (!complete).then_some(fault)
}

fn timed_out() -> Fault {
    Fault::new(ErrorType::Timeout, "Request timed out. Please try again later.")
}

/// The fault of requests that the gateway cannot wait for any more.
pub fn stopping() -> Fault {
    Fault::new(ErrorType::ProviderOverloaded, "The gateway is being stopped. Please try again.")
}

impl Drop for Live {
    /// The caller left: the provider's connection closes, and what was metered is settled, unless
    /// the provider bills it all, or more than can be metered.
    /// STREAM-8, STREAM-9
    fn drop(&mut self) {
        if let (Some(started), Some(settlement)) = (self.started.take(), self.settlement.take()) {
            // Of an answer that is whole only the count is missing: leaving then saves nothing, and
            // what is hidden in it (reasoning, searches) cannot be guessed.
            let told = started.relay.usage();
            let is_wanted =
                self.finished || is_worth_reading(&self.call, &started.candidate, told.as_ref());
            if started.ended || !is_wanted {
                settlement.abandon(Self::ending(&started));
            } else {
                read_on(Arc::clone(&self.call), started, settlement, self.finished);
            }
        }
    }
}
