//! The ledger of what was served: who asked what, how it ended and what a vendor would bill.
//!
//! Billing rule: nothing for an answer that never began or was refused; the input as soon as the
//! first byte of an answer went out; the output tokens of the chunks that went out. An answer
//! that ran to its end is billed in full.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use serde_json::Value;
use tokio::sync::watch;

use crate::Protocol;

/// Tokens of one exchange in a neutral form: `input` excludes both cache counts and `output`
/// includes `reasoning`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Usage {
    /// Prompt tokens neither read from nor written to the prompt cache.
    pub input: u64,
    /// Prompt tokens read from the prompt cache.
    pub cache_read: u64,
    /// Prompt tokens written to the prompt cache.
    pub cache_write: u64,
    /// Those of `cache_write` that are to be kept for an hour instead of five minutes.
    pub cache_write_hour: u64,
    /// Generated tokens, reasoning included.
    pub output: u64,
    /// Generated tokens that were reasoning.
    pub reasoning: u64,
    /// Searches, where rerank is billed by them instead of by tokens.
    pub search_units: u64,
}

impl Usage {
    /// All prompt tokens, cached or not.
    pub fn prompt(&self) -> u64 {
        self.input.saturating_add(self.cache_read).saturating_add(self.cache_write)
    }

    /// Prompt and generated tokens together.
    pub fn total(&self) -> u64 {
        self.prompt().saturating_add(self.output)
    }
}

/// How an exchange ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Still going on.
    Pending,
    /// The whole answer was handed to the connection.
    Completed,
    /// Refused by validation or the key check, with the status in [`Call::status`].
    Rejected,
    /// Ended as the scripted fault, named here in its short form, wanted.
    Fault(String),
    /// The client left before the end.
    Abandoned,
}

/// One request the simulator served.
#[derive(Clone, Debug, Serialize)]
pub struct Call {
    /// Sequence number within the simulator's life, from 1.
    pub number: u64,
    /// HTTP method.
    pub method: String,
    /// Path and query as received.
    pub path: String,
    /// Header names (lower case) and values in the order received.
    pub headers: Vec<(String, String)>,
    /// The request body; `null` if it was not JSON.
    pub body: Value,
    /// The wire protocol of the path.
    pub protocol: Protocol,
    /// The model asked for; empty if none.
    pub model: String,
    /// Whether a stream was asked for.
    pub stream: bool,
    /// HTTP status sent; 0 if no headers went out.
    pub status: u16,
    /// How the exchange ended.
    pub outcome: Outcome,
    /// What a vendor would bill.
    pub usage: Usage,
    /// Content chunks handed to the connection so far.
    pub chunks_sent: u64,
    /// Whether the client left before the end of the message.
    pub disconnected: bool,
    /// Size of the request body in bytes.
    #[serde(skip)]
    pub(crate) body_bytes: usize,
}

impl Call {
    /// The value of a header, by its lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// What a vendor would bill for one answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Billed {
    /// The id in the answer, which a caller's books may know it by.
    pub answer: String,
    /// The model asked for.
    pub model: String,
    /// How the exchange ended.
    pub outcome: Outcome,
    /// Prompt tokens, cached or not.
    pub prompt_tokens: u64,
    /// Generated tokens.
    pub output_tokens: u64,
    /// Searches, where rerank is billed by them.
    pub search_units: u64,
}

/// The bill: every answer that costs something, small enough to be kept for long runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Bill {
    /// Exchanges that have not ended, and are not on the bill yet.
    pub running: u64,
    /// The latest answers, oldest first.
    pub answers: VecDeque<Billed>,
    /// The tokens of all answers, kept or not.
    pub billable_tokens: u64,
}

/// Answers kept on the bill, oldest dropped first.
const KEPT_ANSWERS: usize = 200_000;

/// Calls kept, oldest dropped first. Both bounds hold so that neither a flood of small requests
/// nor a few huge ones can fill the memory.
const KEPT_CALLS: usize = 10_000;
const KEPT_BODY_BYTES: usize = 64 << 20;

#[derive(Debug, Default)]
struct Kept {
    calls: VecDeque<Call>,
    body_bytes: usize,
    billed: VecDeque<Billed>,
}

/// The shared book of calls.
#[derive(Debug)]
pub(crate) struct Ledger {
    kept: Mutex<Kept>,
    next: AtomicU64,
    billable: AtomicU64,
    running: AtomicU64,
    changes: watch::Sender<u64>,
}

impl Default for Ledger {
    fn default() -> Self {
        Self {
            kept: Mutex::default(),
            next: AtomicU64::new(1),
            billable: AtomicU64::new(0),
            running: AtomicU64::new(0),
            changes: watch::Sender::new(0),
        }
    }
}

impl Ledger {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn next_number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        self.kept().calls.iter().cloned().collect()
    }

    pub(crate) fn clear(&self) {
        *self.kept() = Kept::default();
        self.billable.store(0, Ordering::Relaxed);
    }

    pub(crate) fn billable_tokens(&self) -> u64 {
        self.billable.load(Ordering::Relaxed)
    }

    /// The bill, from one moment.
    pub(crate) fn whole_bill(&self) -> Bill {
        let kept = self.kept();
        Bill {
            running: self.running.load(Ordering::Relaxed),
            answers: kept.billed.clone(),
            billable_tokens: self.billable_tokens(),
        }
    }

    pub(crate) fn bill(&self, usage: &Usage) {
        self.billable.fetch_add(usage.total(), Ordering::Relaxed);
    }

    pub(crate) fn subscribe(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    fn push(&self, call: Call) {
        let mut kept = self.kept();
        kept.body_bytes = kept.body_bytes.saturating_add(call.body_bytes);
        kept.calls.push_back(call);
        while kept.calls.len() > 1
            && (kept.calls.len() > KEPT_CALLS || kept.body_bytes > KEPT_BODY_BYTES)
        {
            if let Some(old) = kept.calls.pop_front() {
                kept.body_bytes = kept.body_bytes.saturating_sub(old.body_bytes);
            }
        }
        drop(kept);
        self.changes.send_modify(|version| *version = version.wrapping_add(1));
    }

    /// Notes how far a call has come, for those who look while it goes on.
    fn progress(&self, number: u64, chunks_sent: u64) {
        let mut kept = self.kept();
        if let Some(call) = kept.calls.iter_mut().rev().find(|call| call.number == number) {
            call.chunks_sent = chunks_sent;
        }
    }

    fn settle(&self, settled: &Settled) {
        let mut kept = self.kept();
        // Searched from the back: a call settles soon after it began.
        if let Some(call) = kept.calls.iter_mut().rev().find(|call| call.number == settled.number) {
            call.status = settled.status;
            call.outcome = settled.outcome.clone();
            call.usage = settled.usage;
            call.chunks_sent = settled.chunks_sent;
            call.disconnected = settled.disconnected;
        }
        if settled.usage != Usage::default()
            && let Some(answer) = &settled.answer
        {
            kept.billed.push_back(Billed {
                answer: answer.clone(),
                model: settled.model.clone(),
                outcome: settled.outcome.clone(),
                prompt_tokens: settled.usage.prompt(),
                output_tokens: settled.usage.output,
                search_units: settled.usage.search_units,
            });
            if kept.billed.len() > KEPT_ANSWERS {
                kept.billed.pop_front();
            }
        }
        self.bill(&settled.usage);
        self.running.fetch_sub(1, Ordering::Relaxed);
        drop(kept);
        self.changes.send_modify(|version| *version = version.wrapping_add(1));
    }
}

#[derive(Debug)]
struct Settled {
    number: u64,
    model: String,
    answer: Option<String>,
    status: u16,
    outcome: Outcome,
    usage: Usage,
    chunks_sent: u64,
    disconnected: bool,
}

/// Follows one call and settles it in the ledger when dropped, so that a client that leaves at
/// any moment is still accounted for.
#[derive(Debug)]
pub(crate) struct Recorder {
    ledger: Arc<Ledger>,
    settled: Settled,
    planned: Usage,
    /// The short form of the scripted fault, if one is at work.
    fault: Option<String>,
}

impl Recorder {
    pub(crate) fn start(ledger: Arc<Ledger>, call: Call) -> Self {
        let (number, model) = (call.number, call.model.clone());
        ledger.running.fetch_add(1, Ordering::Relaxed);
        ledger.push(call);
        Self {
            ledger,
            settled: Settled {
                number,
                model,
                answer: None,
                status: 0,
                outcome: Outcome::Pending,
                usage: Usage::default(),
                chunks_sent: 0,
                disconnected: false,
            },
            planned: Usage::default(),
            fault: None,
        }
    }

    pub(crate) fn status(&mut self, status: u16) {
        self.settled.status = status;
    }

    /// What the whole exchange would cost, and the id in its answer.
    pub(crate) fn plan(&mut self, answer: String, usage: Usage) {
        self.settled.answer = Some(answer);
        self.planned = usage;
    }

    pub(crate) fn fault(&mut self, fault: String) {
        self.fault = Some(fault);
    }

    pub(crate) fn reject(&mut self, status: u16) {
        self.settled.status = status;
        self.settled.outcome = Outcome::Rejected;
    }

    /// A content chunk went out; `output` counts all generated tokens sent so far.
    pub(crate) fn progress(&mut self, output: u64, content: bool) {
        let output = output.max(self.settled.usage.output);
        self.settled.usage =
            Usage { output, reasoning: self.planned.reasoning.min(output), ..self.planned };
        if content {
            self.settled.chunks_sent = self.settled.chunks_sent.saturating_add(1);
            self.ledger.progress(self.settled.number, self.settled.chunks_sent);
        }
    }

    /// The message ended as planned.
    pub(crate) fn complete(&mut self) {
        if self.settled.outcome == Outcome::Pending {
            self.settled.outcome = match self.fault.take() {
                Some(fault) => Outcome::Fault(fault),
                None => Outcome::Completed,
            };
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        if self.settled.outcome == Outcome::Pending {
            self.settled.disconnected = true;
            self.settled.outcome = match self.fault.take() {
                Some(fault) => Outcome::Fault(fault),
                None => Outcome::Abandoned,
            };
        }
        self.ledger.settle(&self.settled);
    }
}
