//! How many requests run at once.

use std::collections::HashMap;
use std::hash::Hash;

/// Requests under way, by a key of the caller's choice. Who entered has to leave.
#[derive(Debug)]
pub struct Concurrency<K> {
    running: HashMap<K, u64>,
}

impl<K> Default for Concurrency<K> {
    fn default() -> Self {
        Self { running: HashMap::new() }
    }
}

impl<K: Hash + Eq> Concurrency<K> {
    /// Enters if fewer than `most` are under way; says whether it did.
    pub fn enter(&mut self, key: K, most: u64) -> bool {
        if self.running(&key) >= most {
            return false;
        }
        *self.running.entry(key).or_default() += 1;
        true
    }

    /// Leaves.
    pub fn leave(&mut self, key: &K) {
        let Some(running) = self.running.get_mut(key) else { return };
        *running -= 1;
        if *running == 0 {
            self.running.remove(key);
        }
    }

    /// How many are under way.
    pub fn running(&self, key: &K) -> u64 {
        self.running.get(key).copied().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_leaves_makes_room_and_nothing_is_kept_of_who_is_gone() {
        let mut concurrency = Concurrency::default();
        assert!(concurrency.enter("a", 2) && concurrency.enter("a", 2));
        assert!(!concurrency.enter("a", 2));
        assert!(concurrency.enter("b", 1) && !concurrency.enter("c", 0));
        concurrency.leave(&"a");
        assert!(concurrency.enter("a", 2));
        for key in ["a", "a", "b", "b", "c"] {
            concurrency.leave(&key);
        }
        assert!(concurrency.running.is_empty());
    }
}
