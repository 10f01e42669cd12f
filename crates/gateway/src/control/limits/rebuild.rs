//! Counters as they were when the gateway last stopped.

use store::{Micros, Store, StoreError, UsageScope};

use super::counters::Limits;

/// Fills counters with what the books say. To be called before the first request.
pub async fn rebuild(limits: &Limits, store: &Store, now: Micros) -> Result<(), StoreError> {
    // What a journal held is in the books before they are read.
    store.settlements().catch_up().await;
    if limits.rebuild_shared().await {
        return Ok(());
    }
    for of in UsageScope::ALL {
        for (name, usage) in store.usage_of_all(of, now).await? {
            let spender = limits.names().intern(of.kind(), &name);
            limits.load(now, spender, &usage.spent());
        }
    }
    Ok(())
}
