//! What keys have spent, read from the daily roll-up.

use std::collections::HashMap;

use crate::calendar::{MICROS_PER_DAY, day_of, month_start, week_start};
use crate::engine::{Row, Session, Sql, Value, values};
use crate::{Micros, Store, StoreError};

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

/// Whose usage is summed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UsageScope {
    /// By account.
    Account,
    /// By workspace.
    Workspace,
    /// By the member whose key was used; usage of keys that are nobody's is left out.
    Member,
    /// By hash of the key.
    Key,
}

impl UsageScope {
    /// Every scope, the broadest first.
    pub const ALL: [UsageScope; 4] =
        [UsageScope::Account, UsageScope::Workspace, UsageScope::Member, UsageScope::Key];

    /// The column of `api_key` that names who spent.
    fn column(self) -> &'static str {
        match self {
            UsageScope::Account => "account_id",
            UsageScope::Workspace => "workspace_id",
            UsageScope::Member => "member_id",
            UsageScope::Key => "hash",
        }
    }
}

/// What [`from_row`] reads, summed over lines of the daily roll-up: `$1`, `$2` and `$3` are the
/// first days of the current day, week and month.
fn sums() -> String {
    let sum = |column: &str, from: Option<&str>, name: &str| {
        let amount = match from {
            None => column.to_owned(),
            Some(from) => format!("CASE WHEN day >= {from} THEN {column} ELSE 0 END"),
        };
        format!("CAST(COALESCE(SUM({amount}), 0) AS BIGINT) AS {name}")
    };
    let mut sums = vec!["MAX(day) AS last_day".to_owned(), sum("requests", None, "requests")];
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
        let text = format!("SELECT {} FROM key_usage_day WHERE key_hash = $4", sums());
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
        let sums = sums();
        let text = format!(
            "SELECT key_hash, {sums} FROM key_usage_day WHERE key_hash IN ({}) GROUP BY key_hash",
            places.join(", ")
        );
        let mut values: Vec<Value<'_>> =
            vec![day.into(), week_start(day).into(), month_start(day).into()];
        values.extend(hashes.iter().map(|hash| Value::from(*hash)));
        let rows = self.database().fetch_all(Sql::composed(text), &values).await?;
        rows.iter().map(|row| Ok((row.try_get("key_hash")?, from_row(row)?))).collect()
    }

    /// What all keys of an account have spent, those that are deleted included.
    pub async fn account_usage(
        &self,
        account_id: &str,
        now: Micros,
    ) -> Result<KeyUsage, StoreError> {
        self.settlements().catch_up().await;
        let day = day_of(now);
        // The rows of deleted keys stay, so that no spend is lost with a key.
        let sums = sums();
        let text = format!(
            "SELECT {sums} FROM key_usage_day \
             WHERE key_hash IN (SELECT hash FROM api_key WHERE account_id = $4)"
        );
        let values = values![day, week_start(day), month_start(day), account_id];
        from_row(&self.database().fetch_one(Sql::composed(text), values).await?)
    }

    /// What every account, workspace, member or key that ever spent anything has spent, by its
    /// identity: the sums over the keys that belong to it. Keys never change hands.
    pub async fn usage_of_all(
        &self,
        of: UsageScope,
        now: Micros,
    ) -> Result<Vec<(String, KeyUsage)>, StoreError> {
        self.settlements().catch_up().await;
        of_all(&mut self.database().session().await?, of, now).await
    }

    /// What each key that has a limit of its own has spent, by hash; those never used are left out.
    pub async fn limited_keys_usage(
        &self,
        now: Micros,
    ) -> Result<HashMap<String, KeyUsage>, StoreError> {
        self.settlements().catch_up().await;
        let day = day_of(now);
        let text = format!(
            "SELECT key_hash, {} FROM key_usage_day WHERE key_hash IN \
             (SELECT hash FROM api_key WHERE limit_nano_usd IS NOT NULL AND NOT deleted) \
             GROUP BY key_hash",
            sums()
        );
        let values = values![day, week_start(day), month_start(day)];
        let rows = self.database().fetch_all(Sql::composed(text), values).await?;
        rows.iter().map(|row| Ok((row.try_get("key_hash")?, from_row(row)?))).collect()
    }
}

/// The same in a view that others look at as well.
pub(crate) async fn of_all(
    session: &mut Session,
    of: UsageScope,
    now: Micros,
) -> Result<Vec<(String, KeyUsage)>, StoreError> {
    let day = day_of(now);
    let spender = of.column();
    let text = format!(
        "SELECT {spender} AS spender, {} FROM key_usage_day \
         JOIN api_key ON api_key.hash = key_usage_day.key_hash \
         WHERE {spender} IS NOT NULL GROUP BY {spender} ORDER BY {spender}",
        sums()
    );
    let values = values![day, week_start(day), month_start(day)];
    let rows = session.fetch_all(Sql::composed(text), values).await?;
    rows.iter().map(|row| Ok((row.try_get("spender")?, from_row(row)?))).collect()
}

fn from_row(row: &Row) -> Result<KeyUsage, StoreError> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{TestDatabase, on_each_engine};
    use crate::{Actor, Generation, NewApiKey};

    on_each_engine!(usage_is_summed_over_the_keys_of_each_spender);
    async fn usage_is_summed_over_the_keys_of_each_spender(database: TestDatabase) {
        const DAY: i64 = 86_400_000_000;
        let store = database.open().await;
        let (now, mut keys) = (20_000 * DAY + 5, Vec::new());
        for name in ["one", "two"] {
            let new = NewApiKey { name: name.into(), ..NewApiKey::default() };
            keys.push(store.create_api_key(new, &Actor::system(), 1).await.unwrap().key);
        }
        for (number, (key, created_at, cost, byok)) in
            [(0, now, 5, 0), (0, now - 400 * DAY, 7, 0), (1, now, 11, 13)].into_iter().enumerate()
        {
            let row = Generation {
                id: format!("gen-{number}").into(),
                key_hash: keys[key].hash.as_str().into(),
                created_at,
                total_cost: cost,
                upstream_inference_cost: byok,
                is_byok: byok > 0,
                ..Generation::default()
            };
            store.settlements().reserve_slot().unwrap().settle(row).await.unwrap();
        }
        store.delete_api_key(&keys[1].hash, &Actor::system(), now).await.unwrap();

        let sums = |(name, usage): &(String, KeyUsage)| {
            (name.clone(), usage.usage.total, usage.usage.daily, usage.byok_usage.monthly)
        };
        let account = store.usage_of_all(UsageScope::Account, now).await.unwrap();
        let all = |name: &str| vec![(name.to_owned(), 23, 16, 13)];
        assert_eq!(account.iter().map(sums).collect::<Vec<_>>(), all(&keys[0].account_id));
        let workspace = store.usage_of_all(UsageScope::Workspace, now).await.unwrap();
        assert_eq!(workspace.iter().map(sums).collect::<Vec<_>>(), all(&keys[0].workspace_id));
        assert!(store.usage_of_all(UsageScope::Member, now).await.unwrap().is_empty());
        let of_keys = store.usage_of_all(UsageScope::Key, now).await.unwrap();
        let mut of_keys: Vec<_> = of_keys.iter().map(|(_, usage)| usage.usage.total).collect();
        of_keys.sort_unstable();
        assert_eq!(of_keys, [11, 12]);
    }
}
