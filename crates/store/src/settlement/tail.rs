//! Rows as they come into the database, for whoever watches. Nothing is done while nobody does,
//! and whoever is slow misses some: the books wait for nobody.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::broadcast::error::RecvError;
use tokio::sync::broadcast::{Receiver, Sender};

use crate::{Direction, Generation, GenerationFilter, Micros, Store, StoreError};

/// So many rows wait for a slow watcher.
const WAITING: usize = 1_024;

/// How often the database is asked what other nodes have written.
const POLL: Duration = Duration::from_secs(1);

/// How far back it is asked each time: rows come in the order of their commits, which is not that
/// of their moments.
const OVERLAP: Micros = 10_000_000;

/// The most rows of others told at a time.
const MOST: u32 = 1_000;

/// So many identities are remembered, so that no row is told twice.
const REMEMBERED: usize = 8_192;

/// What a watcher is told.
#[derive(Debug, Clone)]
pub enum Settled {
    /// A row is in the database.
    Row(Arc<Generation>),
    /// Rows went by unseen.
    Missed,
}

/// Where rows are told of.
#[derive(Debug)]
pub(super) struct Announcer {
    sender: Sender<Settled>,
    /// Whether somebody asks what other nodes have written.
    is_polling: AtomicBool,
}

impl Default for Announcer {
    fn default() -> Announcer {
        Announcer { sender: Sender::new(WAITING), is_polling: AtomicBool::new(false) }
    }
}

impl Announcer {
    /// Tells of a row, if anybody watches.
    pub(super) fn tell(&self, row: impl FnOnce() -> Generation) {
        if self.sender.receiver_count() > 0 {
            // Nobody is left to hear it: that was a moment ago.
            let _ = self.sender.send(Settled::Row(Arc::new(row())));
        }
    }
}

/// Rows as they come into the database, of this node and of others. See
/// [`Store::watch_generations`].
#[derive(Debug)]
pub struct GenerationTail {
    receiver: Receiver<Settled>,
    seen: Seen,
}

impl GenerationTail {
    /// The next row. It ends with the store: `None`.
    pub async fn next(&mut self) -> Option<Settled> {
        loop {
            match self.receiver.recv().await {
                Ok(Settled::Row(row)) if !self.seen.is_new(&row.id) => {}
                Ok(told) => return Some(told),
                Err(RecvError::Lagged(_)) => return Some(Settled::Missed),
                Err(RecvError::Closed) => return None,
            }
        }
    }
}

/// The identities seen last.
#[derive(Debug, Default)]
struct Seen {
    known: HashSet<Arc<str>>,
    order: VecDeque<Arc<str>>,
}

impl Seen {
    /// Remembers an identity; says whether it was unknown.
    fn is_new(&mut self, id: &Arc<str>) -> bool {
        if !self.known.insert(Arc::clone(id)) {
            return false;
        }
        self.order.push_back(Arc::clone(id));
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        true
    }
}

impl Store {
    /// Watches what is settled from now on: rows of this process when they are in the database,
    /// rows of other nodes within about a second. To be called within a runtime.
    pub fn watch_generations(&self, now: Micros) -> GenerationTail {
        let settlements = self.settlements();
        let announcer = &settlements.shared.announcer;
        let receiver = announcer.sender.subscribe();
        // A file has one process that writes generations.
        if self.database().is_shared() && !announcer.is_polling.swap(true, Ordering::AcqRel) {
            let polling = Polling(self.clone());
            tokio::spawn(async move { polling.run(now).await });
        }
        GenerationTail { receiver, seen: Seen::default() }
    }
}

/// Asks for rows of other nodes until nobody watches. However it ends, the next watcher can begin
/// anew.
struct Polling(Store);

impl Drop for Polling {
    fn drop(&mut self) {
        self.0.settlements().shared.announcer.is_polling.store(false, Ordering::Release);
    }
}

impl Polling {
    async fn run(&self, since: Micros) {
        let shared = Arc::clone(&self.0.settlements().shared);
        let mut seen = Seen::default();
        let mut newest = since;
        loop {
            tokio::time::sleep(POLL).await;
            let sender = &shared.announcer.sender;
            if sender.receiver_count() == 0 {
                return;
            }
            if let Err(error) = self.once(sender, since, &mut newest, &mut seen).await {
                tracing::debug!(%error, "rows of other nodes cannot be read");
            }
        }
    }

    async fn once(
        &self,
        sender: &Sender<Settled>,
        since: Micros,
        newest: &mut Micros,
        seen: &mut Seen,
    ) -> Result<(), StoreError> {
        let from = Some(newest.saturating_sub(OVERLAP).max(since));
        let filter = GenerationFilter { from, ..GenerationFilter::default() };
        let page = self.0.generations_in_order(&filter, Direction::Descending, None, MOST).await?;
        let is_cut =
            page.next.is_some() && page.rows.last().is_some_and(|row| seen.is_new(&row.id));
        for row in page.rows.into_iter().rev() {
            *newest = (*newest).max(row.created_at);
            if seen.is_new(&row.id) {
                let _ = sender.send(Settled::Row(Arc::new(row)));
            }
        }
        if is_cut {
            let _ = sender.send(Settled::Missed);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{TestDatabase, generation, on_each_engine};

    async fn told(tail: &mut GenerationTail) -> String {
        let next = tokio::time::timeout(Duration::from_secs(30), tail.next());
        match next.await.unwrap().unwrap() {
            Settled::Row(row) => row.id.to_string(),
            Settled::Missed => "missed".to_owned(),
        }
    }

    async fn settle(store: &Store, id: &str, at: Micros) {
        let row = Generation { created_at: at, ..generation(id, "hash", 1) };
        store.settlements().reserve_slot().unwrap().settle(row).await.unwrap();
        store.settlements().flush().await.unwrap();
    }

    on_each_engine!(rows_are_told_once_and_in_the_database_before);
    async fn rows_are_told_once_and_in_the_database_before(database: TestDatabase) {
        let store = database.open().await;
        settle(&store, "gen-1-before", 1_000_000).await;
        let mut tail = store.watch_generations(1_000_001);
        for id in ["gen-2-a", "gen-3-b"] {
            settle(&store, id, 2_000_000).await;
            assert_eq!(told(&mut tail).await, id);
            assert!(store.generation(id).await.unwrap().is_some());
        }
        // A replay is no news.
        settle(&store, "gen-2-a", 2_000_000).await;
        settle(&store, "gen-4-c", 2_000_000).await;
        assert_eq!(told(&mut tail).await, "gen-4-c");
    }

    on_each_engine!(rows_of_other_nodes_are_told_where_there_can_be_any);
    async fn rows_of_other_nodes_are_told_where_there_can_be_any(database: TestDatabase) {
        if !database.is_postgres() {
            return;
        }
        let (store, other) = (database.open().await, database.open().await);
        let mut tail = store.watch_generations(1);
        settle(&other, "gen-1-theirs", 2).await;
        assert_eq!(told(&mut tail).await, "gen-1-theirs");
        settle(&store, "gen-2-ours", 3).await;
        assert_eq!(told(&mut tail).await, "gen-2-ours");
    }

    #[tokio::test]
    async fn a_slow_watcher_misses_rows_and_is_told_so() {
        let store = Store::open_temporary().await.unwrap();
        let mut tail = store.watch_generations(1);
        for n in 0..WAITING + 10 {
            let row = generation(format!("gen-{n}"), "hash", 1);
            drop(store.settlements().reserve_slot().unwrap().settle(row));
        }
        store.settlements().flush().await.unwrap();
        assert_eq!(told(&mut tail).await, "missed");
        assert_eq!(told(&mut tail).await, "gen-10");
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut seen = Seen::default();
        for n in 0..REMEMBERED + 5 {
            assert!(seen.is_new(&n.to_string().into()));
            assert!(!seen.is_new(&n.to_string().into()));
        }
        assert_eq!((seen.known.len(), seen.order.len()), (REMEMBERED, REMEMBERED));
    }
}
