//! The clerk: one thread that brings rows into the database, so that neither its work nor a slow
//! disk is felt by requests.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::answer::{Answers, Outcome, Reply};
use super::inbox::{Inbox, Taken};
use super::target::{Target, WriteError};
use super::{Entry, Message, SettleError, SettlementOptions, Shared};
use crate::Generation;
use crate::journal::{Folder, Journal, Position};

/// The most rows one transaction takes.
pub(super) const MAX_ROWS: usize = 1_000;

/// How long a database is waited for by a process that is to stop, and whose rows are safe; the
/// shorter one if it has failed already. Whoever stops processes kills them after ten seconds.
const LAST_PATIENCE: Duration = Duration::from_secs(5);
const LAST_PATIENCE_IN_TROUBLE: Duration = Duration::from_secs(1);

/// After this time with one thing those who come meanwhile are looked after in between.
const LONG: Duration = Duration::from_millis(500);

pub(super) struct Clerk {
    inbox: Arc<Inbox<Message>>,
    /// What was taken out of it while something else went on.
    taken: Vec<Message>,
    shared: Arc<Shared>,
    target: Target,
    journal: Option<Arc<Folder>>,
    /// The journal, where this thread writes it: with what the database does not take.
    spool: Option<Journal>,
    options: SettlementOptions,
    /// Rows to be written, in order.
    pending: VecDeque<Entry>,
    /// How many of them somebody waits for.
    awaited: usize,
    /// Since when the first of them waits.
    since: Option<Instant>,
    /// Rows beyond those pending, which are only in the journal.
    behind: Option<Behind>,
    /// Rows that were refused alone for what is in them.
    refused: Vec<Entry>,
    /// Everything before this is in the database.
    written: Option<Position>,
    /// The segment up to which the journal was released.
    released: Option<Position>,
    /// Why the last attempt failed, and when the next one is due.
    reason: Option<Arc<str>>,
    next_attempt: Option<Instant>,
    /// Whether nothing more will come.
    is_stopping: bool,
}

/// A stretch of the journal that is not in memory.
#[derive(Debug, Clone, Copy)]
struct Behind {
    from: Position,
    until: Position,
}

impl Clerk {
    pub(super) fn new(
        inbox: Arc<Inbox<Message>>,
        shared: Arc<Shared>,
        target: Target,
        options: SettlementOptions,
    ) -> Clerk {
        Clerk {
            inbox,
            taken: Vec::new(),
            shared,
            target,
            journal: None,
            spool: None,
            options,
            pending: VecDeque::new(),
            awaited: 0,
            since: None,
            behind: None,
            refused: Vec::new(),
            written: None,
            released: None,
            reason: None,
            next_attempt: None,
            is_stopping: false,
        }
    }

    /// Takes rows that somebody else put into the journal, from an inbox of its own.
    pub(super) fn behind(self, inbox: Arc<Inbox<Message>>, journal: Arc<Folder>) -> Clerk {
        Clerk { inbox, journal: Some(journal), ..self }
    }

    /// Has a journal for what the database does not take.
    pub(super) fn with_spool(self, spool: Journal) -> Clerk {
        Clerk { journal: Some(Arc::clone(spool.folder())), spool: Some(spool), ..self }
    }

    /// Puts a row aside that the database refuses for what is in it.
    pub(super) fn set_aside(&mut self, entry: Entry) {
        self.shared.settled.fetch_add(1, Ordering::AcqRel);
        self.in_trouble("a settlement is refused".into());
        self.refused.push(entry);
    }

    pub(super) fn run(mut self) {
        let mut messages = Vec::new();
        let mut asking = Vec::new();
        let mut stopping = Vec::new();
        let mut forget = None;
        loop {
            messages.append(&mut self.taken);
            if messages.is_empty()
                && self.inbox.take(&mut messages, self.deadline()) == Taken::Closed
            {
                break;
            }
            let mut unsafe_rows = Vec::new();
            for message in messages.drain(..) {
                match message {
                    // Nobody is kept waiting for a database that is known to be away.
                    Message::Settle(entry) if self.spool.is_some() && self.is_away() => {
                        unsafe_rows.push(entry);
                    }
                    Message::Settle(entry) => self.receive(entry),
                    Message::Flush(reply) => asking.push(reply),
                    Message::Forget { reply, before } => {
                        forget = Some(before);
                        asking.push(reply);
                    }
                    Message::Shutdown(reply) => {
                        self.inbox.close();
                        stopping.push(reply);
                    }
                }
            }
            keep(&mut self.spool, unsafe_rows.iter_mut().map(Waiting::of));
            unsafe_rows.drain(..).for_each(|entry| self.receive(entry));
            if !asking.is_empty() || self.is_due() {
                let outcome = self.write_all(!asking.is_empty());
                if let Some(before) = forget.take().filter(|_| outcome.is_ok()) {
                    self.forget(before);
                }
                for reply in asking.drain(..) {
                    // Whoever asked may have left; the rows are written all the same.
                    let _ = reply.send(outcome.clone());
                }
            }
        }
        self.finish(stopping);
    }

    fn receive(&mut self, entry: Entry) {
        // Rows safe in the journal need not be kept in memory while the database is away.
        if let (Some(end), None) = (entry.end, &entry.reply) {
            if let Some(behind) = &mut self.behind {
                behind.until = end;
                return;
            }
            let last = self.pending.back().and_then(|last| last.end);
            if self.pending.len() >= self.options.in_memory
                && let Some(from) = last
            {
                self.behind = Some(Behind { from, until: end });
                return;
            }
        }
        self.since.get_or_insert_with(Instant::now);
        self.awaited += usize::from(entry.reply.is_some());
        self.pending.push_back(entry);
    }

    /// Whether the database failed, and is not to be tried again yet.
    fn is_away(&self) -> bool {
        self.next_attempt.is_some_and(|attempt| attempt > Instant::now())
    }

    /// When something is to be done even if nothing comes.
    fn deadline(&self) -> Option<Instant> {
        if self.next_attempt.is_some() {
            return self.next_attempt;
        }
        self.since.map(|since| since + self.options.gather)
    }

    /// Rows that nobody waits for gather for a while; with the database in trouble, until the
    /// next attempt.
    fn is_due(&self) -> bool {
        if self.awaited > 0 {
            return true;
        }
        match self.next_attempt {
            Some(attempt) => attempt <= Instant::now(),
            None => {
                self.pending.len() >= MAX_ROWS
                    || self.since.is_some_and(|since| since.elapsed() >= self.options.gather)
            }
        }
    }

    /// Writes what is pending, then what is only in the journal. Rows refused before are tried
    /// again if somebody asks.
    fn write_all(&mut self, asked: bool) -> Outcome {
        if asked {
            let refused = std::mem::take(&mut self.refused);
            self.pending.extend(refused);
        }
        let begun = Instant::now();
        loop {
            while !self.pending.is_empty() {
                self.write_some()?;
                if begun.elapsed() >= LONG {
                    keep_arrivals(&mut self.spool, &self.inbox, &mut self.taken);
                }
            }
            self.since = None;
            if !self.read_behind()? {
                break;
            }
        }
        self.release();
        let outcome = match self.refused.len() {
            0 => Ok(()),
            _ => Err(self.not_committed()),
        };
        if outcome.is_ok() && self.reason.take().is_some() {
            tracing::info!("settlements are written again");
            self.shared.set_trouble(None);
        }
        self.next_attempt = None;
        outcome
    }

    /// Writes one transaction's worth of what is pending. Fails if the database is at fault.
    fn write_some(&mut self) -> Outcome {
        let mut count = self.pending.len().min(MAX_ROWS);
        loop {
            match self.try_write(count) {
                Ok(()) => {
                    self.done(count);
                    return Ok(());
                }
                // Closing in on the row at fault.
                Err(WriteError::Row(_)) if count > 1 => count /= 2,
                Err(error @ WriteError::Row(_)) => {
                    self.fail(&error, 1);
                    if let Some(entry) = self.pending.pop_front() {
                        self.refused.push(entry);
                    }
                    return Ok(());
                }
                Err(error) => {
                    let waiting = self.pending.len();
                    self.fail(&error, waiting);
                    return Err(self.not_committed());
                }
            }
        }
    }

    /// While the database is known to be in trouble nobody is kept waiting for repeated attempts.
    fn try_write(&mut self, count: usize) -> Result<(), WriteError> {
        let begun = Instant::now();
        self.shared.set_taking_since(Some(begun));
        let mut outcome = self.attempt(count);
        if self.reason.is_none() {
            for pause in self.options.retry_pauses.clone() {
                if !matches!(outcome, Err(WriteError::Database(_))) || begun.elapsed() >= LONG {
                    break;
                }
                std::thread::sleep(pause);
                outcome = self.attempt(count);
            }
        }
        self.shared.set_taking_since(None);
        let is_away = matches!(outcome, Err(WriteError::Database(_)));
        self.shared.is_database_away.store(is_away, Ordering::Relaxed);
        outcome
    }

    /// One transaction. When it takes long, nobody is kept waiting for it who can be answered by
    /// the spool: neither those pending nor those who come meanwhile.
    fn attempt(&mut self, count: usize) -> Result<(), WriteError> {
        let Clerk { pending, spool, taken, inbox, target, reason, is_stopping, .. } = self;
        let begun = Instant::now();
        let last_patience = if reason.is_some() { LAST_PATIENCE_IN_TROUBLE } else { LAST_PATIENCE };
        let mut waiting: Vec<Waiting<'_>> = pending.iter_mut().map(Waiting::of).collect();
        let rows: Vec<&Generation> =
            waiting.iter().take(count).map(|waiting| waiting.row).collect();
        let mut is_late = false;
        // Neither twice: what does not go into the spool now does not a moment later.
        let mut is_kept = true;
        let outcome = target.write(&rows, || {
            if spool.is_none() || !is_kept {
                return ControlFlow::Continue(());
            }
            if !is_late {
                is_late = true;
                if reason.is_none() {
                    tracing::warn!("the database is slow to take settlements");
                }
                is_kept = keep(spool, waiting.drain(..));
            }
            is_kept = is_kept && keep_arrivals(spool, inbox, taken);
            let is_stopping =
                *is_stopping || taken.iter().any(|message| matches!(message, Message::Shutdown(_)));
            if is_kept && is_stopping && begun.elapsed() >= last_patience {
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        });
        if is_late {
            self.awaited = self.pending.iter().filter(|entry| entry.reply.is_some()).count();
        }
        outcome
    }

    /// The first `count` rows pending are in the database.
    fn done(&mut self, count: usize) {
        let mut answers = Answers::default();
        for mut entry in self.pending.drain(..count) {
            self.written = entry.end.or(self.written);
            if let Some(reply) = entry.reply.take() {
                self.awaited -= 1;
                answers.send(reply, Ok(()));
            }
            let generation = entry.generation;
            self.shared.announcer.tell(|| *generation);
        }
        self.shared.applied.fetch_add(count as u64, Ordering::AcqRel);
    }

    /// The first `count` rows pending are not in the database: who waits for one is told.
    fn fail(&mut self, error: &WriteError, count: usize) {
        let reason: Arc<str> = error.to_string().into();
        if self.reason.is_none() {
            tracing::error!(rows = self.pending.len(), %reason, "settlements held back");
        }
        keep(&mut self.spool, self.pending.iter_mut().take(count).map(Waiting::of));
        self.awaited = self.pending.iter().filter(|entry| entry.reply.is_some()).count();
        let mut answers = Answers::default();
        for entry in self.pending.iter_mut().take(count) {
            if let Some(reply) = entry.reply.take() {
                let reason = Arc::clone(&reason);
                self.awaited -= 1;
                answers.send(reply, Err(SettleError::NotCommitted { reason }));
            }
        }
        self.in_trouble(reason);
    }

    fn in_trouble(&mut self, reason: Arc<str>) {
        self.shared.set_trouble(Some(Arc::clone(&reason)));
        self.reason = Some(reason);
        self.next_attempt = Some(Instant::now() + self.options.backlog_pause);
    }

    fn not_committed(&self) -> SettleError {
        let reason = self.reason.clone().unwrap_or_else(|| "refused".into());
        SettleError::NotCommitted { reason }
    }

    /// Writes a stretch of what is only in the journal; says whether there was one.
    fn read_behind(&mut self) -> Result<bool, SettleError> {
        let (Some(behind), Some(folder)) = (self.behind, self.journal.clone()) else {
            return Ok(false);
        };
        if let Err(error) = self.copy_behind(behind, &folder) {
            self.in_trouble(error.into());
            return Err(self.not_committed());
        }
        self.behind = None;
        Ok(true)
    }

    fn copy_behind(&mut self, behind: Behind, folder: &Folder) -> Result<(), String> {
        let mut reader = folder.read_from(behind.from).map_err(|error| error.to_string())?;
        let mut from = behind.from;
        while from < behind.until {
            let read = reader.rows(MAX_ROWS).map_err(|error| error.to_string())?;
            let Some((rows, end)) = read else {
                return Err("the journal ends before its end".to_owned());
            };
            let known: Vec<&Generation> = rows.iter().collect();
            let refused =
                self.target.write_acceptable(&known).map_err(|error| error.to_string())?;
            let written = rows.len() - refused.len();
            self.shared.applied.fetch_add(written as u64, Ordering::AcqRel);
            for (place, row) in rows.into_iter().enumerate() {
                if refused.contains(&place) {
                    self.refused.push(Entry::in_journal(row, end, &self.shared));
                } else {
                    self.shared.announcer.tell(|| row);
                }
            }
            // Those who come meanwhile are looked after, as long as this may take.
            keep_arrivals(&mut self.spool, &self.inbox, &mut self.taken);
            from = end;
            self.written = Some(end);
            self.behind = Some(Behind { from, until: behind.until });
        }
        Ok(())
    }

    /// Lets segments be written again whose rows are all in the database.
    fn release(&mut self) {
        let (Some(folder), Some(written)) = (&self.journal, self.written) else { return };
        let is_released = self.released.is_some_and(|released| released.is_beside(written));
        if is_released || !self.refused.is_empty() {
            return;
        }
        match folder.release(written) {
            Ok(()) => self.released = Some(written),
            Err(error) => tracing::warn!(%error, "journal segments stay"),
        }
    }

    /// Everything is in the database, so that the journal need not have it; what comes after
    /// `before` may be on its way. `None`: nothing is, or there is no such place.
    fn forget(&mut self, before: Option<Position>) {
        let turned = self.spool.as_mut().map(Journal::turn).transpose();
        match turned {
            Ok(turned) => self.written = before.or(turned).or(self.written),
            Err(error) => tracing::warn!(%error, "the journal cannot begin a segment"),
        }
        self.release();
    }

    /// Tries everything once more; answers those who asked to stop.
    fn finish(mut self, stopping: Vec<oneshot::Sender<Outcome>>) {
        self.is_stopping = true;
        let outcome = self.write_all(true);
        if let Err(error) = &outcome {
            let rows = self.pending.len() + self.refused.len();
            if self.journal.is_some() {
                tracing::error!(rows, %error, "settlements wait in the journal for the next start");
            } else {
                tracing::error!(rows, %error, "settlements lost at shutdown");
            }
        }
        self.target.close();
        if outcome.is_ok()
            && let Some(spool) = self.spool.take()
            && let Err(error) = spool.clear()
        {
            tracing::warn!(%error, "the journal stays, and will be replayed");
        }
        for reply in stopping {
            let _ = reply.send(outcome.clone());
        }
    }
}

/// A row that is to be made safe, and what is then known of it.
struct Waiting<'e> {
    row: &'e Generation,
    end: &'e mut Option<Position>,
    reply: &'e mut Option<Reply>,
}

impl<'e> Waiting<'e> {
    fn of(entry: &'e mut Entry) -> Waiting<'e> {
        let Entry { generation, end, reply, .. } = entry;
        Waiting { row: generation, end, reply }
    }
}

/// Makes rows safe in the spool, if there is one, and answers who waits for them. Says whether all
/// are safe.
fn keep<'e>(spool: &mut Option<Journal>, entries: impl Iterator<Item = Waiting<'e>>) -> bool {
    let Some(spool) = spool else { return false };
    let mut unsafe_rows: Vec<Waiting<'_>> =
        entries.filter(|waiting| waiting.end.is_none()).collect();
    if unsafe_rows.is_empty() {
        return true;
    }
    let rows: Vec<&Generation> = unsafe_rows.iter().map(|waiting| waiting.row).collect();
    let mut ends = vec![None; rows.len()];
    let kept = spool.append(&rows, |index, end| ends[index] = Some(end));
    if let Err(error) = &kept {
        tracing::error!(%error, "the journal does not take settlements");
    }
    let mut answers = Answers::default();
    for (waiting, end) in unsafe_rows.iter_mut().zip(ends) {
        *waiting.end = end;
        if end.is_some()
            && let Some(reply) = waiting.reply.take()
        {
            answers.send(reply, Ok(()));
        }
    }
    kept.is_ok()
}

/// Takes what is in the inbox and makes its rows safe in the spool, if there is one.
fn keep_arrivals(
    spool: &mut Option<Journal>,
    inbox: &Inbox<Message>,
    taken: &mut Vec<Message>,
) -> bool {
    if spool.is_none() {
        return false;
    }
    let known = taken.len();
    inbox.take_now(taken);
    let arrived = taken[known..].iter_mut().filter_map(|message| match message {
        Message::Settle(entry) => Some(Waiting::of(entry)),
        Message::Flush(_) | Message::Forget { .. } | Message::Shutdown(_) => None,
    });
    keep(spool, arrived)
}
