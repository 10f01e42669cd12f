//! Counters as they were when the gateway last stopped.

use ledger::{NanoUsd, PerWindow, SpenderKind, Spent};
use store::{KeyUsage, Micros, Store, StoreError, UsageOf, Windows};

use super::local::Limits;

/// Fills counters at zero with what the books say. To be called before the first request.
pub async fn rebuild(limits: &Limits, store: &Store, now: Micros) -> Result<(), StoreError> {
    for of in UsageOf::ALL {
        let kind = match of {
            UsageOf::Account => SpenderKind::Account,
            UsageOf::Workspace => SpenderKind::Workspace,
            UsageOf::Member => SpenderKind::Member,
            UsageOf::Key => SpenderKind::Key,
        };
        for (name, usage) in store.usage_of_all(of, now).await? {
            let spender = limits.names().intern(kind, &name);
            limits.load(now, spender, &spent(&usage));
        }
    }
    Ok(())
}

fn spent(usage: &KeyUsage) -> Spent {
    let windows = |windows: &Windows| PerWindow {
        daily: NanoUsd(windows.daily),
        weekly: NanoUsd(windows.weekly),
        monthly: NanoUsd(windows.monthly),
        lifetime: NanoUsd(windows.total),
    };
    Spent { credits: windows(&usage.usage), byok: windows(&usage.byok_usage) }
}
