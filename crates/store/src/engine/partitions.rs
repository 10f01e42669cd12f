//! The partitions of PostgreSQL's `generation`: one per UTC day, so that what has outlived its
//! time is dropped as a whole instead of row by row.
//!
//! A partition is made as a table of its own and attached: that waits for no reader of the other
//! days, and no reader waits for it.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};

use crate::Micros;
use crate::calendar::{MICROS_PER_DAY, day_of};

/// How many days there is room for beyond the one it is.
const DAYS_AHEAD: i64 = 7;

/// Taken while partitions are made or dropped, so that nodes do not do it at once.
const LOCK: &str = "SELECT pg_advisory_xact_lock(7235916620489)";

/// The days to make room for: yesterday, for those whose clock is behind, to a week from now.
pub(super) fn ahead_of(now: Micros) -> RangeInclusive<i64> {
    let today = day_of(now);
    today - 1..=today + DAYS_AHEAD
}

/// Makes the partitions that are missing.
pub(super) async fn prepare(
    connection: &mut PgConnection,
    days: impl IntoIterator<Item = i64>,
) -> Result<(), sqlx::Error> {
    let days: BTreeSet<i64> = days.into_iter().collect();
    let existing = existing(connection).await?;
    let missing: Vec<i64> = days.difference(&existing).copied().collect();
    if missing.is_empty() {
        return Ok(());
    }
    let mut transaction = connection.begin().await?;
    transaction.execute(LOCK).await?;
    // Read again behind the lock: another node may have made them meanwhile.
    let existing = self::existing(&mut transaction).await?;
    for day in missing.into_iter().filter(|day| !existing.contains(day)) {
        let (name, from) = (name_of(day), day.saturating_mul(MICROS_PER_DAY));
        let until = from.saturating_add(MICROS_PER_DAY);
        let text = format!(
            "CREATE TABLE {name} (LIKE generation INCLUDING ALL);
             ALTER TABLE generation ATTACH PARTITION {name} FOR VALUES FROM ({from}) TO ({until})"
        );
        sqlx::raw_sql(AssertSqlSafe(text)).execute(&mut *transaction).await?;
    }
    transaction.commit().await
}

/// Drops the partitions of all days before one.
pub(super) async fn drop_before(
    connection: &mut PgConnection,
    day: i64,
) -> Result<(), sqlx::Error> {
    let outlived: Vec<i64> = existing(connection).await?.range(..day).copied().collect();
    for day in outlived {
        // One at a time, and given up after a moment: it needs the whole table to itself, and
        // whoever comes while it waits for a long read has to wait with it.
        let mut transaction = connection.begin().await?;
        transaction.execute("SET LOCAL lock_timeout = '3s'").await?;
        transaction.execute(LOCK).await?;
        let text = format!("DROP TABLE IF EXISTS {}", name_of(day));
        transaction.execute(AssertSqlSafe(text)).await?;
        transaction.commit().await?;
    }
    Ok(())
}

/// The days there is a partition for.
async fn existing(connection: &mut PgConnection) -> Result<BTreeSet<i64>, sqlx::Error> {
    let names: Vec<String> = sqlx::query_scalar(
        "SELECT relname::text FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
         WHERE inhparent = 'generation'::regclass",
    )
    .fetch_all(connection)
    .await?;
    Ok(names.iter().filter_map(|name| day_in(name)).collect())
}

/// The name of a day's partition. Days count from the Unix epoch.
fn name_of(day: i64) -> String {
    let sign = if day < 0 { "minus_" } else { "" };
    format!("generation_day_{sign}{}", day.unsigned_abs())
}

fn day_in(name: &str) -> Option<i64> {
    let day = name.strip_prefix("generation_day_")?;
    match day.strip_prefix("minus_") {
        Some(day) => day.parse::<i64>().ok().map(|day| -day),
        None => day.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_partition_tells_its_day() {
        for day in [-20, -1, 0, 1, 20_783] {
            assert_eq!(day_in(&name_of(day)), Some(day));
        }
        assert_eq!(day_in("generation_archive"), None);
    }
}
