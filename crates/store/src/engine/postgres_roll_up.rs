//! What a batch adds to the roll-ups of PostgreSQL: one statement for all tables. Its lines travel
//! once, by minute; the server sums them up to days and outlines, and says whether it knows their
//! series.

use std::sync::{Arc, LazyLock};

use sqlx::error::BoxDynError;
use sqlx::postgres::PgArguments;
use sqlx::{Arguments as _, AssertSqlSafe, PgConnection};

use super::postgres_settlement::arrays;
use crate::calendar::MINUTES_PER_DAY;
use crate::roll_up::{
    OUTLINES, Outline, Place, RollUp, SUM_COUNT, Sums, Table, key_day, sum_columns,
};

/// Lines are added in the order of their keys: other nodes add to the same ones. What comes back is
/// how many series are not in the database: their lines would be read by nobody.
static ADD: LazyLock<Arc<str>> = LazyLock::new(|| {
    let columns = sum_columns().collect::<Vec<_>>().join(", ");
    let summed = sum_columns().map(|column| format!("SUM(batch.{column})::BIGINT"));
    let summed = summed.collect::<Vec<_>>().join(", ");
    let key_columns = key_day::COLUMNS;
    let key_summed = key_columns.iter().filter(|column| sum_columns().any(|sum| sum == **column));
    let key_summed: Vec<_> =
        key_summed.map(|column| format!("SUM(batch.{column})::BIGINT")).collect();
    format!(
        "WITH batch (minute, day, series, {outlines}, {columns}) AS \
            (SELECT * FROM UNNEST({arrays})), \
         minutes AS (INSERT INTO usage_minute (minute, series, {columns}) \
            SELECT minute, series, {columns} FROM batch ORDER BY minute, series {on_minute}), \
         days AS (INSERT INTO usage_day (day, series, {columns}) \
            SELECT batch.day, batch.series, {summed} FROM batch GROUP BY 1, 2 ORDER BY 1, 2 \
            {on_day}), \
         outlines AS (INSERT INTO usage_outline_day (kind, day, series, {columns}) \
            SELECT told.kind, batch.day, told.series, {summed} FROM batch \
            CROSS JOIN LATERAL (VALUES {kinds}) AS told (kind, series) \
            GROUP BY 1, 2, 3 ORDER BY 1, 2, 3 {on_outline}), \
         key_days AS (INSERT INTO key_usage_day ({key_columns}) \
            SELECT line.key_hash, batch.day, line.is_byok, {key_summed} FROM batch \
            JOIN usage_series AS line ON line.id = batch.series \
            GROUP BY 1, 2, 3 ORDER BY 1, 2, 3 {on_key_day}), \
         named AS (SELECT series FROM batch \
            UNION SELECT told.series FROM batch \
            CROSS JOIN LATERAL (VALUES {kinds}) AS told (kind, series)) \
         SELECT COUNT(*) FROM named \
            WHERE NOT EXISTS (SELECT 1 FROM usage_series WHERE id = named.series)",
        arrays = arrays(&["BIGINT"; SUM_COUNT + 3 + OUTLINES]),
        outlines = Outline::ALL.map(|outline| format!("outline_{}", outline.kind())).join(", "),
        kinds = Outline::ALL
            .map(|outline| format!("({0}::BIGINT, batch.outline_{0})", outline.kind()))
            .join(", "),
        on_outline = Table::Outline(Outline::Key).on_conflict(),
        on_minute = Table::Minute.on_conflict(),
        on_day = Table::Day.on_conflict(),
        key_columns = key_columns.join(", "),
        key_summed = key_summed.join(", "),
        on_key_day = key_day::ON_CONFLICT,
    )
    .into()
});

/// Adds the sums of a batch to all roll-ups. Fails if the database does not have a series of them:
/// then the transaction is to be undone, and what was learnt of the database to be forgotten.
pub(super) async fn add(
    connection: &mut PgConnection,
    roll_up: &RollUp,
) -> Result<(), sqlx::Error> {
    let lines = roll_up.minutes();
    if lines.is_empty() {
        return Ok(());
    }
    let arguments = arguments(roll_up, &lines).map_err(sqlx::Error::Encode)?;
    let adding = sqlx::query_scalar_with(AssertSqlSafe(Arc::clone(&ADD)), arguments);
    let unknown: i64 = adding.fetch_one(connection).await?;
    if unknown > 0 {
        tracing::error!(series = unknown, "the database has lost series that it had");
        return Err(sqlx::Error::Protocol("the database has lost series that it had".into()));
    }
    Ok(())
}

fn arguments(roll_up: &RollUp, lines: &[(Place, Sums)]) -> Result<PgArguments, BoxDynError> {
    let mut arguments = PgArguments::default();
    let column = |of: &dyn Fn(&(Place, Sums)) -> i64| lines.iter().map(of).collect::<Vec<i64>>();
    arguments.add(column(&|((minute, _), _)| *minute))?;
    arguments.add(column(&|((minute, _), _)| minute.div_euclid(MINUTES_PER_DAY)))?;
    arguments.add(column(&|((_, series), _)| *series))?;
    for outline in Outline::ALL {
        let of = |series| roll_up.outline_of(series, outline).unwrap_or_default();
        arguments.add(column(&|((_, series), _)| of(*series)))?;
    }
    for figure in 0..SUM_COUNT {
        arguments.add(column(&|(_, sums)| sums.figures()[figure]))?;
    }
    Ok(arguments)
}
