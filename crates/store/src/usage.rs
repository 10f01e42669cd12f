//! What keys have spent, read from the daily roll-up.

use std::collections::HashMap;

use crate::calendar::{MICROS_PER_DAY, day_of, month_start, week_start};
use crate::engine::{Row, Sql, Value, values};
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
    /// The first moment of the last UTC day with an answer.
    pub last_day: Option<Micros>,
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
    let last_day = format!("MAX({prefix}day) AS last_day");
    let mut sums = vec![last_day, sum("requests", None, "requests")];
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

    /// What each of some keys has spent, by hash; those never used are left out.
    pub async fn keys_usage(
        &self,
        hashes: &[&str],
        now: Micros,
    ) -> Result<HashMap<String, KeyUsage>, StoreError> {
        if hashes.is_empty() {
            return Ok(HashMap::new());
        }
        self.settlements().catch_up().await;
        let day = day_of(now);
        let places: Vec<String> = (4..4 + hashes.len()).map(|n| format!("${n}")).collect();
        let text = format!(
            "SELECT key_hash, {} FROM key_usage_day WHERE key_hash IN ({}) GROUP BY key_hash",
            sums_over(""),
            places.join(", ")
        );
        let mut values: Vec<Value<'_>> =
            vec![day.into(), week_start(day).into(), month_start(day).into()];
        values.extend(hashes.iter().map(|hash| Value::from(*hash)));
        let rows = self.database().fetch_all(Sql::composed(text), &values).await?;
        rows.iter().map(|row| Ok((row.try_get("key_hash")?, from_row(row)?))).collect()
    }

    /// What all keys of a workspace have spent, those that are deleted included.
    pub async fn workspace_usage(
        &self,
        workspace_id: &str,
        now: Micros,
    ) -> Result<KeyUsage, StoreError> {
        self.settlements().catch_up().await;
        let day = day_of(now);
        // The rows of deleted keys stay, so that no spend is lost with a key.
        let text = format!(
            "SELECT {} FROM key_usage_day \
             WHERE key_hash IN (SELECT hash FROM api_key WHERE workspace_id = $4)",
            sums_over("")
        );
        let values = values![day, week_start(day), month_start(day), workspace_id];
        from_row(&self.database().fetch_one(Sql::composed(text), values).await?)
    }

    /// What all keys of an account have spent, those that are deleted included.
    pub async fn account_usage(
        &self,
        account_id: &str,
        now: Micros,
    ) -> Result<KeyUsage, StoreError> {
        self.settlements().catch_up().await;
        let day = day_of(now);
        let text = format!(
            "SELECT {} FROM key_usage_day \
             WHERE key_hash IN (SELECT hash FROM api_key WHERE account_id = $4)",
            sums_over("")
        );
        let values = values![day, week_start(day), month_start(day), account_id];
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
        last_day: row.try_get::<Option<i64>>("last_day")?.map(|day| day * MICROS_PER_DAY),
    })
}
