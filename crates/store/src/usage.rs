//! What keys have spent, read from the daily roll-up.

use std::collections::HashMap;

use crate::calendar::{day_of, month_start, week_start};
use crate::engine::{Row, Sql, values};
use crate::{Micros, Store, StoreError, UsageScope};

/// Amounts over the life of a key and over the current UTC windows (KEYS-1, KEYS-2), in
/// nano-dollars.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Windows {
    /// Since the key exists.
    pub total: i64,
    /// Since 00:00 UTC.
    pub daily: i64,
    /// Since Monday, 00:00 UTC.
    pub weekly: i64,
    /// Since the first of the month, 00:00 UTC.
    pub monthly: i64,
}

/// What one key has spent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct KeyUsage {
    /// Charged to the account.
    pub usage: Windows,
    /// Provider cost of answers given with the caller's own provider keys.
    pub byok_usage: Windows,
    /// Answers since the key exists.
    pub requests: i64,
}

/// What [`from_row`] reads, summed over lines of a daily roll-up whose columns begin with `prefix`:
/// `$1`, `$2` and `$3` are the first days of the current day, week and month.
pub(crate) fn sums_over(prefix: &'static str) -> String {
    let sum = |column: &str, from: Option<&str>, name: &str| {
        let amount = match from {
            None => format!("{prefix}{column}"),
            Some(from) => {
                format!("CASE WHEN {prefix}day >= {from} THEN {prefix}{column} ELSE 0 END")
            }
        };
        format!("CAST(COALESCE(SUM({amount}), 0) AS BIGINT) AS {name}")
    };
    let mut sums = vec![sum("requests", None, "requests")];
    for (column, names) in [
        ("cost_nano_usd", ["total", "daily", "weekly", "monthly"]),
        ("byok_usage_nano_usd", ["byok_total", "byok_daily", "byok_weekly", "byok_monthly"]),
    ] {
        for (from, name) in [None, Some("$1"), Some("$2"), Some("$3")].into_iter().zip(names) {
            sums.push(sum(column, from, name));
        }
    }
    sums.join(", ")
}

impl Store {
    /// What a key has spent; nothing for a key never used.
    pub async fn key_usage(&self, hash: &str, now: Micros) -> Result<KeyUsage, StoreError> {
        self.settlements().catch_up().await;
        let day = day_of(now);
        let text = format!("SELECT {} FROM key_usage_day WHERE key_hash = $4", sums_over(""));
        let values = values![day, week_start(day), month_start(day), hash];
        from_row(&self.database().fetch_one(Sql::composed(text), values).await?)
    }

    /// What every key ever used has spent, by hash.
    pub async fn all_key_usage(
        &self,
        now: Micros,
    ) -> Result<HashMap<String, KeyUsage>, StoreError> {
        self.usage_totals(UsageScope::Key, now).await
    }
}

pub(crate) fn from_row(row: &Row) -> Result<KeyUsage, StoreError> {
    Ok(KeyUsage {
        usage: Windows {
            total: row.try_get("total")?,
            daily: row.try_get("daily")?,
            weekly: row.try_get("weekly")?,
            monthly: row.try_get("monthly")?,
        },
        byok_usage: Windows {
            total: row.try_get("byok_total")?,
            daily: row.try_get("byok_daily")?,
            weekly: row.try_get("byok_weekly")?,
            monthly: row.try_get("byok_monthly")?,
        },
        requests: row.try_get("requests")?,
    })
}
