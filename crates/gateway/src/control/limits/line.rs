//! Who waits on this node at limits that nodes share.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ledger::SpenderId;
use tokio::sync::{Notify, Semaphore};

/// Those who wait at the limit of one spender. Only the first of them asks: whoever needs much is
/// not passed by those of this node who need little, and the server is asked by one instead of all.
pub(super) struct Line {
    /// The turn to ask, given in the order of coming.
    pub turn: Semaphore,
    /// Told when something of the spender's is free again on this node.
    pub freed: Notify,
}

/// All lines in which somebody stands.
#[derive(Default)]
pub(super) struct Lines(Mutex<HashMap<SpenderId, Arc<Line>>>);

impl Lines {
    /// The first of these spenders at whose limit somebody waits.
    pub fn any_of(&self, spenders: impl Iterator<Item = SpenderId>) -> Option<SpenderId> {
        let lines = self.lines();
        if lines.is_empty() {
            return None;
        }
        spenders.into_iter().find(|spender| lines.contains_key(spender))
    }

    /// Stands in line, until the place is dropped.
    pub fn stand(&self, spender: SpenderId) -> Standing<'_> {
        let new = || Arc::new(Line { turn: Semaphore::new(1), freed: Notify::new() });
        let line = Arc::clone(self.lines().entry(spender).or_insert_with(new));
        Standing { lines: self, spender, line }
    }

    /// Something of these spenders' is free again.
    pub fn freed(&self, spenders: &[SpenderId]) {
        let lines = self.lines();
        if lines.is_empty() {
            return;
        }
        for line in spenders.iter().filter_map(|spender| lines.get(spender)) {
            line.freed.notify_waiters();
        }
    }

    fn lines(&self) -> MutexGuard<'_, HashMap<SpenderId, Arc<Line>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place in a line.
pub(super) struct Standing<'l> {
    lines: &'l Lines,
    spender: SpenderId,
    pub line: Arc<Line>,
}

impl Drop for Standing<'_> {
    fn drop(&mut self) {
        let mut lines = self.lines.lines();
        // Counted under the lock under which others come: the table's own, and this one.
        if Arc::strong_count(&self.line) == 2 {
            lines.remove(&self.spender);
        }
    }
}
