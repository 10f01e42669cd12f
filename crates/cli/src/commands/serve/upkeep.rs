//! What a store needs from time to time while it is served from.

use std::time::Duration;

use store::{Micros, Retention, Store, StoreError};
use tracing::{info, warn};

use crate::moment;

/// How often. What is made ahead lasts for a week.
const PAUSE: Duration = Duration::from_secs(3600);

/// Keeps a store in order until it is dropped. Several nodes may do it at once.
pub async fn keep_in_order(store: Store, retention: Retention) {
    loop {
        if let Err(error) = once(&store, retention, moment::now()).await {
            // Nothing of it is urgent: the next time will do.
            warn!(%error, "the database could not be kept in order");
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn once(store: &Store, mut retention: Retention, now: Micros) -> Result<(), StoreError> {
    store.remove_expired(now).await?;
    // What waits in the journal may be old, and would not count any more if it came after its day
    // is gone.
    if let Some(trouble) = store.settlements().trouble() {
        info!(%trouble, "old records stay until settlements are written again");
        retention.generation_days = None;
    }
    store.keep_house(&retention, now).await
}

#[cfg(test)]
mod tests {
    use store::Generation;

    use super::*;

    const MICROS_PER_DAY: Micros = 24 * 3600 * 1_000_000;

    #[tokio::test]
    async fn old_records_go_only_when_that_is_set() {
        let store = Store::open_temporary().await.unwrap();
        let now = 100 * MICROS_PER_DAY;
        for (id, day) in [("gen-old", 10), ("gen-new", 95)] {
            let row = Generation {
                id: id.into(),
                created_at: day * MICROS_PER_DAY,
                ..Generation::default()
            };
            store.settlements().reserve_slot().unwrap().settle(row).await.unwrap();
        }
        store.settlements().flush().await.unwrap();
        once(&store, Retention::default(), now).await.unwrap();
        assert!(store.generation("gen-old").await.unwrap().is_some());
        let month = Retention { generation_days: Some(30), ..Retention::default() };
        once(&store, month, now).await.unwrap();
        assert!(store.generation("gen-old").await.unwrap().is_none());
        assert!(store.generation("gen-new").await.unwrap().is_some());
    }
}
