//! What counts toward a key's limit.

use store::{KeyUsage, LimitReset, Windows};

/// What was spent in the window of a limit. KEYS-8, KEYS-10
pub fn against_limit(usage: &KeyUsage, reset: Option<LimitReset>, include_byok: bool) -> i64 {
    let counted = |windows: &Windows| match reset {
        None => windows.total,
        Some(LimitReset::Daily) => windows.daily,
        Some(LimitReset::Weekly) => windows.weekly,
        Some(LimitReset::Monthly) => windows.monthly,
    };
    let byok = if include_byok { counted(&usage.byok_usage) } else { 0 };
    counted(&usage.usage).saturating_add(byok)
}

/// What is left of a limit: never less than nothing. KEYS-3
pub fn remaining(limit: Option<i64>, spent: i64) -> Option<i64> {
    limit.map(|limit| limit.saturating_sub(spent).max(0))
}
