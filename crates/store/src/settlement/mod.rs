//! Settlement: getting generations into the books exactly once, many to a transaction, without
//! the request's thread ever touching the database.
//!
//! A request takes a [`Slot`] when it is admitted, which is the only moment the queue can refuse.
//! Handing in the row later is synchronous and cannot fail for want of room, so it may happen in
//! a destructor. Whoever wants to know waits for the [`Committed`] that comes back.

mod backlog;
mod batch;
mod roll_up;
mod target;
mod writer;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use crate::Generation;

pub(crate) use target::Target;
pub(crate) use writer::spawn;

/// How the writer behaves.
#[derive(Debug, Clone)]
pub(crate) struct SettlementOptions {
    /// Slots given out, rows queued and rows held back together never exceed this.
    pub(crate) capacity: usize,
    /// Pauses before a failed transaction is tried again; then its rows are held back.
    pub(crate) retry_pauses: Vec<Duration>,
    /// How often rows held back are tried when nothing else happens.
    pub(crate) backlog_pause: Duration,
}

impl Default for SettlementOptions {
    fn default() -> SettlementOptions {
        SettlementOptions {
            capacity: 65_536,
            retry_pauses: [10, 50, 250].map(Duration::from_millis).to_vec(),
            backlog_pause: Duration::from_secs(1),
        }
    }
}

/// Why a settlement is not known to be in the books.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettleError {
    /// The database failed repeatedly. The row is held back and will be written when it works
    /// again, exactly once.
    #[error("not committed yet: {reason}")]
    NotCommitted {
        /// What the database said.
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
    queue: mpsc::UnboundedSender<Message>,
    room: Arc<Room>,
}

impl Settlements {
    fn new(capacity: usize) -> (Settlements, mpsc::UnboundedReceiver<Message>) {
        // The channel needs no bound of its own: each row in it holds a place in the room.
        let (queue, receiver) = mpsc::unbounded_channel();
        let room = Arc::new(Room { taken: AtomicUsize::new(0), capacity });
        (Settlements { queue, room }, receiver)
    }

    /// Sets room aside for one settlement. Taken at admission, so that the settlement itself
    /// cannot fail for want of room.
    pub fn reserve_slot(&self) -> Result<Slot, Full> {
        Ok(Slot { place: Place::take(&self.room)?, queue: self.queue.clone() })
    }

    /// Slots given out, rows queued and rows held back, and how many of them there may be.
    pub fn occupancy(&self) -> (usize, usize) {
        (self.room.taken.load(Ordering::Relaxed), self.room.capacity)
    }

    /// Waits until everything handed in before is in the books, or says why it is not. Rows held
    /// back are tried at once.
    pub async fn flush(&self) -> Result<(), SettleError> {
        self.ask(Message::Flush).await
    }

    /// Writes everything handed in and stops the writer. What is handed in afterwards fails with
    /// [`SettleError::Closed`].
    pub async fn shutdown(&self) -> Result<(), SettleError> {
        self.ask(Message::Shutdown).await
    }

    async fn ask(
        &self,
        message: fn(oneshot::Sender<Result<(), SettleError>>) -> Message,
    ) -> Result<(), SettleError> {
        let (reply, answer) = oneshot::channel();
        self.queue.send(message(reply)).map_err(|_| SettleError::Closed)?;
        answer.await.unwrap_or(Err(SettleError::Closed))
    }
}

/// Room for one settlement. Dropped unused, it frees its place.
#[derive(Debug)]
pub struct Slot {
    place: Place,
    queue: mpsc::UnboundedSender<Message>,
}

impl Slot {
    /// Hands a generation to the writer. Never blocks and never fails; what became of the row is
    /// told by the future returned, which need not be awaited.
    pub fn settle(self, mut generation: Generation) -> Committed {
        if generation.bound_amounts() {
            tracing::error!(generation.id = %generation.id, "absurd amounts cut before settlement");
        }
        let (reply, answer) = oneshot::channel();
        let pending = Pending { generation: Box::new(generation), reply, _place: self.place };
        if let Err(mpsc::error::SendError(Message::Settle(pending))) =
            self.queue.send(Message::Settle(pending))
        {
            tracing::error!(
                generation.id = %pending.generation.id,
                "settlement lost: the writer has stopped"
            );
        }
        Committed(answer)
    }
}

/// Resolves when the transaction with the row is committed, or has failed. Dropping it changes
/// nothing about the row.
#[derive(Debug)]
#[must_use = "the row is written in any case, but nobody learns whether"]
pub struct Committed(oneshot::Receiver<Result<(), SettleError>>);

impl Future for Committed {
    type Output = Result<(), SettleError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context).map(|answer| answer.unwrap_or(Err(SettleError::Closed)))
    }
}

/// What the writer is told.
#[derive(Debug)]
enum Message {
    Settle(Pending),
    Flush(oneshot::Sender<Result<(), SettleError>>),
    Shutdown(oneshot::Sender<Result<(), SettleError>>),
}

/// A row on its way. Its place is freed when it is dropped: committed, or given up.
#[derive(Debug)]
struct Pending {
    generation: Box<Generation>,
    reply: oneshot::Sender<Result<(), SettleError>>,
    _place: Place,
}

/// How many settlements there may be under way.
#[derive(Debug)]
struct Room {
    taken: AtomicUsize,
    capacity: usize,
}

/// One place in the room.
#[derive(Debug)]
struct Place(Arc<Room>);

impl Place {
    fn take(room: &Arc<Room>) -> Result<Place, Full> {
        // Counted first and taken back if too many: the count never settles above the capacity.
        let place = |before: usize| (before < room.capacity).then(|| Place(Arc::clone(room)));
        let before = room.taken.fetch_add(1, Ordering::Relaxed);
        place(before).ok_or_else(|| {
            room.taken.fetch_sub(1, Ordering::Relaxed);
            Full
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.taken.fetch_sub(1, Ordering::Relaxed);
    }
}
