//! The scribe: one thread that makes rows safe in the journal and answers those who wait. While
//! it waits for the disk the next batch gathers by itself.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use super::answer::{Answers, Outcome};
use super::clerk::MAX_ROWS;
use super::inbox::{Inbox, Taken};
use super::{Entry, Message, SettleError, Shared};
use crate::Generation;
use crate::journal::Journal;

/// How many rows at once are many, and how long rows gather then: what a disk takes for one write,
/// so that nobody waits much longer, or more where so much is under way that a worker needs longer
/// than that for its next round.
const GATHER: [(usize, Duration); 2] =
    [(8, Duration::from_millis(1)), (4, Duration::from_micros(400))];

pub(super) struct Scribe {
    inbox: Arc<Inbox<Message>>,
    shared: Arc<Shared>,
    journal: Journal,
    clerk: Arc<Inbox<Message>>,
}

impl Scribe {
    pub(super) fn new(
        inbox: Arc<Inbox<Message>>,
        shared: Arc<Shared>,
        journal: Journal,
        clerk: Arc<Inbox<Message>>,
    ) -> Scribe {
        Scribe { inbox, shared, journal, clerk }
    }

    pub(super) fn run(mut self) {
        let mut messages = Vec::new();
        let mut batch = Vec::new();
        let mut stopping = Vec::new();
        // Waiting for the disk costs more than a row: while rows come thick, some more may gather.
        let mut gather = None;
        loop {
            if let Some(time) = gather {
                std::thread::sleep(time);
            }
            if self.inbox.take(&mut messages, None) == Taken::Closed {
                break;
            }
            gather = GATHER.iter().find(|(rows, _)| messages.len() >= *rows).map(|(_, time)| *time);
            for message in messages.drain(..) {
                match message {
                    Message::Settle(entry) => batch.push(entry),
                    Message::Flush(reply) => {
                        self.keep(&mut batch);
                        self.forward(Message::Flush(reply));
                    }
                    Message::Forget { reply, .. } => {
                        self.keep(&mut batch);
                        // Without a new segment the old one is forgotten when it is full.
                        let before = match self.journal.turn() {
                            Ok(position) => Some(position),
                            Err(error) => {
                                tracing::warn!(%error, "the journal cannot begin a segment");
                                None
                            }
                        };
                        self.forward(Message::Forget { reply, before });
                    }
                    Message::Shutdown(reply) => {
                        // Nothing more is taken; what is there is still written.
                        self.inbox.close();
                        stopping.push(reply);
                    }
                }
            }
            self.keep(&mut batch);
        }
        self.finish(stopping);
    }

    /// Makes a batch safe, answers, and hands it on. What the journal does not take goes on
    /// unanswered: the database may take it.
    fn keep(&mut self, batch: &mut Vec<Entry>) {
        if batch.is_empty() {
            return;
        }
        let rows: Vec<&Generation> = batch.iter().map(|entry| &*entry.generation).collect();
        let mut ends = vec![None; rows.len()];
        let appended = self.journal.append(&rows, |index, end| ends[index] = Some(end));
        if let Err(error) = appended {
            let reason: Arc<str> = format!("{error}: {}", cause(&error)).into();
            tracing::error!(rows = batch.len(), %reason, "the journal does not take settlements");
            self.shared.set_trouble(Some(reason));
        }
        let mut answers = Answers::default();
        let mut all_safe = true;
        for (entry, end) in batch.iter_mut().zip(ends) {
            entry.end = end;
            all_safe &= end.is_some();
            if end.is_some()
                && let Some(reply) = entry.reply.take()
            {
                answers.send(reply, Ok(()));
            }
        }
        drop(answers);
        let enough = if all_safe { MAX_ROWS } else { 0 };
        if !self.clerk.put_quietly(batch.drain(..).map(Message::Settle), enough) {
            report_gone();
        }
    }

    fn forward(&self, message: Message) {
        if self.clerk.put(message).is_err() {
            report_gone();
        }
    }

    /// Waits for the clerk to bring everything into the database; then the journal is not needed.
    fn finish(self, stopping: Vec<oneshot::Sender<Outcome>>) {
        let (reply, answer) = oneshot::channel();
        self.forward(Message::Shutdown(reply));
        self.clerk.close();
        let outcome = answer.blocking_recv().unwrap_or(Err(SettleError::Closed));
        if outcome.is_ok()
            && let Err(error) = self.journal.clear()
        {
            tracing::warn!(%error, "the journal stays, and will be replayed");
        }
        for reply in stopping {
            // Whoever asked may have left.
            let _ = reply.send(outcome.clone());
        }
    }
}

fn report_gone() {
    tracing::error!("the settlement clerk is gone; the journal keeps its rows");
}

/// What is behind an error, which for a file is the operating system's word.
fn cause(error: &dyn std::error::Error) -> String {
    error.source().map(ToString::to_string).unwrap_or_default()
}
