//! When management keys were used: they leave no generations that would tell it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use store::{Micros, Store};

/// How often a use is noted: a page makes many calls at once.
const OFTEN: Micros = 60_000_000;

/// When keys were noted last. There are as many as management keys that were ever used.
#[derive(Debug, Default)]
pub struct KeyUses(Mutex<HashMap<Arc<str>, Micros>>);

impl KeyUses {
    /// Notes a use, at most once a minute, without anybody waiting for it.
    pub fn note(&self, store: &Store, key_hash: &Arc<str>, now: Micros) {
        if !self.is_due(key_hash, now) {
            return;
        }
        let (store, key_hash) = (store.clone(), Arc::clone(key_hash));
        tokio::spawn(async move {
            if let Err(error) = store.note_key_use(&key_hash, now).await {
                tracing::debug!(%error, "the use of a key was not noted");
            }
        });
    }

    fn is_due(&self, key_hash: &Arc<str>, now: Micros) -> bool {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let last = known.entry(Arc::clone(key_hash)).or_insert(Micros::MIN);
        let is_due = now.saturating_sub(*last) >= OFTEN;
        if is_due {
            *last = now;
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_use_is_noted_once_a_minute_for_each_key() {
        let uses = KeyUses::default();
        let (one, other): (Arc<str>, Arc<str>) = ("one".into(), "other".into());
        assert!(uses.is_due(&one, 0) && uses.is_due(&other, 5));
        assert!(!uses.is_due(&one, OFTEN - 1));
        assert!(uses.is_due(&one, OFTEN) && !uses.is_due(&other, OFTEN));
    }
}
