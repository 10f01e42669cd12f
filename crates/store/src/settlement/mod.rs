//! Settlement: getting generations into the books exactly once, many to a transaction, without
//! the request's thread ever touching the database.
//!
//! A request takes a [`Slot`] when it is admitted, which is the only moment the queue can refuse.
//! Handing in the row later is synchronous and cannot fail for want of room, so it may happen in
//! a destructor. Whoever wants to know waits for the [`Committed`] that comes back.
//!
//! With SQLite two threads do the work. `scribe` makes rows safe in the journal, and then they are
//! answered. `clerk` brings them into the database, in larger transactions a moment later; when the
//! database is away, the journal keeps them. With PostgreSQL, where other nodes read what this one
//! wrote, there is only the clerk: rows are answered when the database has them, and only what it
//! does not take goes into the journal.

mod answer;
mod clerk;
mod inbox;
mod precedence;
mod scribe;
mod sqlite;
pub(crate) mod tail;
mod target;
pub(crate) mod withheld;

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

pub use answer::AnswerRelay;
use answer::{Mailbox, Outcome, Reply};
use clerk::Clerk;
use inbox::Inbox;
use scribe::Scribe;
pub(crate) use target::Target;

use crate::journal::{Journal, Position};
use crate::{Generation, StoreError};

/// How the writer behaves.
#[derive(Debug, Clone)]
pub(crate) struct SettlementOptions {
    /// Slots given out and rows in memory together never exceed this.
    pub(crate) capacity: usize,
    /// Pauses before a failed transaction is tried again; then its rows are held back.
    pub(crate) retry_pauses: Vec<Duration>,
    /// How often rows held back are tried when nothing else happens.
    pub(crate) backlog_pause: Duration,
    /// The folder of the journal; `None` for a store without one.
    pub(crate) journal: Option<PathBuf>,
    /// Whether rows are answered when the journal has them. Otherwise the database comes first,
    /// and the journal has only what it does not take.
    pub(crate) journal_first: bool,
    /// Whether the journal waits for the disk.
    pub(crate) durable: bool,
    /// How long rows that are safe in the journal gather before they are written.
    pub(crate) gather: Duration,
    /// How many rows that are safe in the journal are kept in memory for the database.
    pub(crate) in_memory: usize,
}

impl Default for SettlementOptions {
    fn default() -> SettlementOptions {
        SettlementOptions {
            capacity: 65_536,
            retry_pauses: [10, 50, 250].map(Duration::from_millis).to_vec(),
            backlog_pause: Duration::from_secs(1),
            journal: None,
            journal_first: true,
            durable: true,
            gather: Duration::from_millis(50),
            in_memory: 16_384,
        }
    }
}

/// Why a settlement is not known to be in the books.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettleError {
    /// Neither journal nor database took it. The row is held back and will be written when one
    /// works again, exactly once.
    #[error("not committed yet: {reason}")]
    NotCommitted {
        /// What went wrong.
        reason: Arc<str>,
    },
    /// The writer has stopped; the row was not written.
    #[error("the settlement writer has stopped")]
    Closed,
}

/// There is no room for another settlement: the request must not be admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the settlement queue is full")]
pub struct Full;

/// The way to the settlement writer; clones share it.
#[derive(Debug, Clone)]
pub struct Settlements {
    shared: Arc<Shared>,
    mailbox: Option<Arc<Mailbox>>,
    _alive: Arc<Alive>,
}

/// What requests and the threads share.
#[derive(Debug)]
struct Shared {
    inbox: Arc<Inbox<Message>>,
    capacity: usize,
    taken: AtomicUsize,
    /// Rows ever handed in, and rows of them that the database has.
    settled: AtomicU64,
    applied: AtomicU64,
    /// What is wrong at the moment.
    trouble: Mutex<Option<Arc<str>>>,
    /// The database did not take what it was given last.
    is_database_away: AtomicBool,
    /// Since when the database has been taking the rows it is given.
    taking_since: Mutex<Option<Instant>>,
    /// Tells who watches of rows that are in the database.
    announcer: tail::Announcer,
    /// A thread of the books broke: nothing more can be taken in.
    is_broken: AtomicBool,
}

/// How long who reads waits for what was settled before; the shorter one if the database is known
/// not to take it.
const CATCH_UP: Duration = Duration::from_secs(5);
const CATCH_UP_IN_TROUBLE: Duration = Duration::from_millis(500);

/// When the database takes longer than this, that is told.
const SLOW: Duration = Duration::from_secs(1);

impl Shared {
    fn new(inbox: Arc<Inbox<Message>>, capacity: usize) -> Shared {
        Shared {
            inbox,
            capacity,
            taken: AtomicUsize::new(0),
            settled: AtomicU64::new(0),
            applied: AtomicU64::new(0),
            trouble: Mutex::new(None),
            is_database_away: AtomicBool::new(false),
            taking_since: Mutex::new(None),
            announcer: tail::Announcer::default(),
            is_broken: AtomicBool::new(false),
        }
    }

    fn set_taking_since(&self, since: Option<Instant>) {
        *self.taking_since.lock().unwrap_or_else(PoisonError::into_inner) = since;
    }

    fn set_trouble(&self, trouble: Option<Arc<str>>) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
    }
}

/// With the last of it nobody can hand in anything any more.
#[derive(Debug)]
struct Alive(Arc<Inbox<Message>>);

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// Replays what a process before left in the journal of the database with that identity, and
/// starts the threads. To be called where blocking does no harm.
pub(crate) fn start(
    mut target: Target,
    options: SettlementOptions,
    identity: &str,
) -> Result<Settlements, StoreError> {
    let mut refused = Vec::new();
    let mut journal = match &options.journal {
        Some(folder) => Some(Journal::open(folder, identity, options.durable, |rows| {
            let known: Vec<&Generation> = rows.iter().collect();
            tracing::info!(rows = rows.len(), "settlements found in the journal");
            let places = target.write_acceptable(&known)?;
            refused.extend(places.into_iter().filter_map(|place| rows.get(place).cloned()));
            Ok(())
        })?),
        None => None,
    };
    let inbox = Inbox::new();
    let shared = Arc::new(Shared::new(Arc::clone(&inbox), options.capacity));
    let alive = Arc::new(Alive(Arc::clone(&inbox)));
    let mut clerk = Clerk::new(Arc::clone(&inbox), Arc::clone(&shared), target, options.clone());
    if let Some(journal) = &mut journal {
        // They stay in the journal, which is kept for them from start to start.
        let rows: Vec<&Generation> = refused.iter().collect();
        let mut ends = vec![None; rows.len()];
        journal.append(&rows, |index, end| ends[index] = Some(end))?;
        for (row, end) in refused.into_iter().zip(ends.into_iter().flatten()) {
            clerk.set_aside(Entry::in_journal(row, end, &shared));
        }
        journal.folder().blank_spare();
    }
    let (clerk, clerk_inbox) = match journal {
        Some(journal) if options.journal_first => {
            let clerk_inbox = Inbox::new();
            let clerk = clerk.behind(Arc::clone(&clerk_inbox), Arc::clone(journal.folder()));
            let scribe = Scribe::new(inbox, Arc::clone(&shared), journal, Arc::clone(&clerk_inbox));
            let scribe_inbox = Arc::clone(&shared.inbox);
            spawn("scribe", scribe_inbox, Arc::clone(&shared), move || scribe.run())?;
            (clerk, clerk_inbox)
        }
        Some(journal) => (clerk.with_spool(journal), inbox),
        None => (clerk, inbox),
    };
    spawn("clerk", clerk_inbox, Arc::clone(&shared), move || clerk.run())?;
    Ok(Settlements { shared, mailbox: None, _alive: alive })
}

/// Starts a thread of the books. Should it break, nothing more is admitted, and nobody waits for it:
/// what it had in hand is in the journal, and comes back with the next start.
fn spawn(
    name: &'static str,
    inbox: Arc<Inbox<Message>>,
    shared: Arc<Shared>,
    run: impl FnOnce() + Send + 'static,
) -> Result<(), StoreError> {
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(move || {
            precedence::give_way();
            if catch_unwind(AssertUnwindSafe(run)).is_err() {
                shared.is_broken.store(true, Ordering::Release);
                inbox.close();
                inbox.take_now(&mut Vec::new());
                tracing::error!(
                    thread = name,
                    "a thread of the books broke: start the gateway anew"
                );
            }
        })
        .map_err(|source| StoreError::File { path: "settlement thread".into(), source })?;
    Ok(())
}

impl Settlements {
    /// Sets room aside for one settlement. Taken at admission, so that the settlement itself
    /// cannot fail for want of room.
    pub fn reserve_slot(&self) -> Result<Slot, Full> {
        Ok(Slot { place: Place::take(&self.shared)?, settlements: self.clone() })
    }

    /// The same way for one worker thread, whose answers come together. The relay that goes with
    /// it is to be spawned on the worker's runtime.
    pub fn for_worker(&self) -> (Settlements, AnswerRelay) {
        let mailbox = Arc::new(Mailbox::default());
        let relay = AnswerRelay(Arc::clone(&mailbox));
        (Settlements { mailbox: Some(mailbox), ..self.clone() }, relay)
    }

    /// Slots given out and rows in memory, and how many of them there may be.
    pub fn occupancy(&self) -> (usize, usize) {
        (self.shared.taken.load(Ordering::Relaxed), self.shared.capacity)
    }

    /// Whether a thread of the books broke, so that nothing is taken in until the next start.
    pub fn is_broken(&self) -> bool {
        self.shared.is_broken.load(Ordering::Acquire)
    }

    /// What keeps rows from the database at the moment.
    pub fn trouble(&self) -> Option<Arc<str>> {
        let shared = &self.shared;
        let known = shared.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone();
        known.or_else(|| {
            // It may yet take them; but it may also be seconds until it is known that it does not.
            let since = *shared.taking_since.lock().unwrap_or_else(PoisonError::into_inner);
            since
                .is_some_and(|since| since.elapsed() > SLOW)
                .then(|| "the database is slow to take them".into())
        })
    }

    /// Whether the database did not take the rows it was given last, whatever is in them.
    pub fn is_database_away(&self) -> bool {
        self.shared.is_database_away.load(Ordering::Relaxed)
    }

    /// Rows handed in that are not in the database yet.
    pub fn unwritten(&self) -> u64 {
        let applied = self.shared.applied.load(Ordering::Acquire);
        self.shared.settled.load(Ordering::Acquire).saturating_sub(applied)
    }

    /// Waits until everything handed in before is in the database, or says why it is not. Rows
    /// held back are tried at once.
    pub async fn flush(&self) -> Result<(), SettleError> {
        self.ask(Message::Flush).await
    }

    /// The same before reading, where nothing is done if nothing is on its way, and nobody waits
    /// for long.
    pub async fn catch_up(&self) {
        if self.unwritten() == 0 {
            return;
        }
        let patience = if self.trouble().is_some() { CATCH_UP_IN_TROUBLE } else { CATCH_UP };
        match tokio::time::timeout(patience, self.flush()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, "read without the latest settlements"),
            Err(late) => tracing::debug!(%late, "read without the latest settlements"),
        }
    }

    /// Waits until everything handed in before is in the database, and then has the journal forget
    /// it. To be done before rows leave the database: what a journal has of them would come back
    /// after a kill. Fails where rows are held back.
    pub async fn forget(&self) -> Result<(), SettleError> {
        self.ask(|reply| Message::Forget { reply, before: None }).await
    }

    /// Writes everything handed in and stops the writer. What is handed in afterwards fails with
    /// [`SettleError::Closed`].
    pub async fn shutdown(&self) -> Result<(), SettleError> {
        self.ask(Message::Shutdown).await
    }

    async fn ask(
        &self,
        message: fn(oneshot::Sender<Outcome>) -> Message,
    ) -> Result<(), SettleError> {
        let (reply, answer) = oneshot::channel();
        self.shared.inbox.put(message(reply)).map_err(|_| SettleError::Closed)?;
        answer.await.unwrap_or(Err(SettleError::Closed))
    }
}

/// Room for one settlement. Dropped unused, it frees its place.
#[derive(Debug)]
pub struct Slot {
    place: Place,
    settlements: Settlements,
}

impl Slot {
    /// Hands a generation to the writer. Never blocks and never fails; what became of the row is
    /// told by the future returned, which need not be awaited.
    pub fn settle(self, generation: impl Into<Box<Generation>>) -> Committed {
        self.settle_boxed(generation.into())
    }

    fn settle_boxed(self, mut generation: Box<Generation>) -> Committed {
        if generation.bound_amounts() {
            tracing::error!(generation.id = %generation.id, "absurd amounts cut before settlement");
        }
        let Slot { place, settlements: Settlements { shared, mailbox, _alive } } = self;
        let (reply, answer) = Reply::new(mailbox);
        let entry = Entry { generation, end: None, reply: Some(reply), _place: place };
        shared.settled.fetch_add(1, Ordering::AcqRel);
        if let Err(Message::Settle(entry)) = shared.inbox.put(Message::Settle(entry)) {
            shared.applied.fetch_add(1, Ordering::AcqRel);
            tracing::error!(
                generation.id = %entry.generation.id,
                "settlement lost: the writer has stopped"
            );
        }
        Committed(answer)
    }
}

/// Resolves when the row is safe, or has failed to become so. Dropping it changes nothing about
/// the row.
#[derive(Debug)]
#[must_use = "the row is written in any case, but nobody learns whether"]
pub struct Committed(oneshot::Receiver<Outcome>);

impl Future for Committed {
    type Output = Result<(), SettleError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context).map(|answer| answer.unwrap_or(Err(SettleError::Closed)))
    }
}

/// What the threads are told.
#[derive(Debug)]
enum Message {
    Settle(Entry),
    Flush(oneshot::Sender<Outcome>),
    /// To write everything and to forget what the journal has before a position.
    Forget {
        reply: oneshot::Sender<Outcome>,
        before: Option<Position>,
    },
    Shutdown(oneshot::Sender<Outcome>),
}

/// A row on its way. Its place is freed when it is dropped.
#[derive(Debug)]
struct Entry {
    generation: Box<Generation>,
    /// Where it ends in the journal, if it is there.
    end: Option<Position>,
    /// Who waits, if it was not answered yet.
    reply: Option<Reply>,
    _place: Place,
}

impl Entry {
    /// A row that is safe in the journal, and nowhere else.
    fn in_journal(row: Generation, end: Position, shared: &Arc<Shared>) -> Entry {
        // Beyond the capacity, if need be: it was admitted once.
        shared.taken.fetch_add(1, Ordering::Relaxed);
        let place = Place(Arc::clone(shared));
        Entry { generation: Box::new(row), end: Some(end), reply: None, _place: place }
    }
}

/// One place of the capacity.
#[derive(Debug)]
struct Place(Arc<Shared>);

impl Place {
    fn take(shared: &Arc<Shared>) -> Result<Place, Full> {
        // Counted first and taken back if too many: the count never settles above the capacity.
        let before = shared.taken.fetch_add(1, Ordering::Relaxed);
        let place = Place(Arc::clone(shared));
        // Dropping the place takes it back.
        let has_room = before < shared.capacity && !shared.is_broken.load(Ordering::Relaxed);
        if has_room { Ok(place) } else { Err(Full) }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.taken.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_waits_for_a_thread_that_broke() {
        let shared = Arc::new(Shared::new(Inbox::new(), 10));
        let alive = Arc::new(Alive(Arc::clone(&shared.inbox)));
        let settlements = Settlements { shared: Arc::clone(&shared), mailbox: None, _alive: alive };
        let slot = settlements.reserve_slot().unwrap();
        let waits = slot.settle(Generation::default());
        let (reply, answer) = oneshot::channel();
        shared.inbox.put(Message::Shutdown(reply)).unwrap();
        spawn("breaking", Arc::clone(&shared.inbox), Arc::clone(&shared), || panic!("on purpose"))
            .unwrap();
        assert!(answer.blocking_recv().is_err(), "a stop does not hang");
        let waits = std::thread::spawn(move || waits.0.blocking_recv());
        assert!(waits.join().unwrap().is_err());
        assert!(settlements.is_broken());
        assert!(settlements.reserve_slot().is_err());
    }
}
