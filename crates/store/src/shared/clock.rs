//! The clock of the server that nodes share, as one node knows it between two questions.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use ledger::Micros;

/// A clock that goes on from what the server said last, whatever becomes of this machine's own.
#[derive(Debug)]
pub(super) struct Clock {
    is_followed: bool,
    /// What the server said, and when.
    told: Mutex<Option<(Micros, Instant)>>,
}

impl Default for Clock {
    fn default() -> Clock {
        Clock { is_followed: true, told: Mutex::default() }
    }
}

impl Clock {
    /// None at all: callers say what time it is.
    #[cfg(test)]
    pub(super) fn of_callers() -> Clock {
        Clock { is_followed: false, told: Mutex::default() }
    }

    /// Whether the server is to be asked.
    pub(super) fn is_followed(&self) -> bool {
        self.is_followed
    }

    /// Goes on from what the server says: seconds since 1970, and microseconds.
    pub(super) fn learn(&self, (seconds, micros): (i64, i64)) {
        let told = seconds.saturating_mul(1_000_000).saturating_add(micros);
        *self.told.lock().unwrap_or_else(PoisonError::into_inner) = Some((told, Instant::now()));
    }

    /// What time it is there; `None` until it has said.
    pub(super) fn now(&self) -> Option<Micros> {
        let (told, at) = (*self.told.lock().unwrap_or_else(PoisonError::into_inner))?;
        Some(told.saturating_add(i64::try_from(at.elapsed().as_micros()).unwrap_or(i64::MAX)))
    }
}
