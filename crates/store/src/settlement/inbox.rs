//! The way to a thread: anyone puts in, one takes all at once. Putting in wakes the thread only
//! if it sleeps, so that under load it costs a lock and no system call.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

#[derive(Debug)]
pub(super) struct Inbox<T> {
    state: Mutex<State<T>>,
    wake: Condvar,
}

#[derive(Debug)]
struct State<T> {
    items: Vec<T>,
    is_closed: bool,
    /// Something is there that is not to wait for the deadline.
    is_urgent: bool,
    waiting: Waiting,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Waiting {
    No,
    ForAnything,
    /// Until a deadline, or for something urgent.
    UntilDeadline,
}

/// What came of taking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// There was something, or the time is over.
    Open,
    /// Nothing is there and nothing will come.
    Closed,
}

impl<T> Inbox<T> {
    pub(super) fn new() -> Arc<Inbox<T>> {
        let state =
            State { items: Vec::new(), is_closed: false, is_urgent: false, waiting: Waiting::No };
        Arc::new(Inbox { state: Mutex::new(state), wake: Condvar::new() })
    }

    /// Puts an item in, to be taken at once; gives it back if the inbox is closed.
    pub(super) fn put(&self, item: T) -> Result<(), T> {
        let mut state = self.lock();
        if state.is_closed {
            return Err(item);
        }
        state.items.push(item);
        state.is_urgent = true;
        self.wake(state);
        Ok(())
    }

    /// Puts items in that may wait for the taker's deadline, as long as there are fewer than
    /// `enough`. Says whether they were taken in.
    pub(super) fn put_quietly(&self, items: impl Iterator<Item = T>, enough: usize) -> bool {
        let mut state = self.lock();
        if state.is_closed {
            return false;
        }
        state.items.extend(items);
        if state.waiting == Waiting::ForAnything || state.items.len() >= enough {
            state.is_urgent = true;
            self.wake(state);
        }
        true
    }

    fn wake(&self, mut state: MutexGuard<'_, State<T>>) {
        if state.waiting != Waiting::No {
            state.waiting = Waiting::No;
            drop(state);
            self.wake.notify_one();
        }
    }

    /// Nothing more is taken in; what is there can still be taken out.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.is_closed = true;
        self.wake(state);
    }

    /// Moves everything there is to `items`, which must be empty; waits for something until the
    /// deadline, or for ever without one.
    pub(super) fn take(&self, items: &mut Vec<T>, deadline: Option<Instant>) -> Taken {
        let mut state = self.lock();
        if state.items.is_empty() {
            while !state.is_urgent && !state.is_closed {
                match deadline {
                    None => {
                        state.waiting = Waiting::ForAnything;
                        state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
                    }
                    Some(deadline) => {
                        let left = deadline.saturating_duration_since(Instant::now());
                        if left.is_zero() {
                            break;
                        }
                        state.waiting = Waiting::UntilDeadline;
                        let waited = self.wake.wait_timeout(state, left);
                        state = waited.unwrap_or_else(PoisonError::into_inner).0;
                    }
                }
            }
            if state.items.is_empty() && state.is_closed {
                return Taken::Closed;
            }
        }
        state.waiting = Waiting::No;
        state.is_urgent = false;
        // Both vectors keep their room.
        std::mem::swap(&mut state.items, items);
        Taken::Open
    }

    /// Moves everything there is to the end of `items`, without waiting.
    pub(super) fn take_now(&self, items: &mut Vec<T>) {
        items.append(&mut self.lock().items);
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        // Nothing panics while it is held but for want of memory.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
