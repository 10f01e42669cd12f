//! Reads that may take only so long. One that takes longer is ended where it runs and not only
//! forgotten: nobody waits for it any more, but it would go on to keep a core and a connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use sqlx::Postgres;
use sqlx::postgres::PgArguments;
use sqlx::query::Query;
use sqlx::sqlite::SqliteConnection;

use super::postgres::STATEMENT_PATIENCE;
use super::value::bind;
use super::{Database, Engine, PostgresEngine, Row, Sql, Value};
use crate::StoreError;

/// Steps of SQLite's machine between two looks at the clock: some tens of microseconds.
const STEPS: i32 = 10_000;

impl Database {
    /// Every row of a single read, or [`StoreError::OutOfTime`].
    pub(crate) async fn fetch_all_within(
        &self,
        time: Duration,
        sql: impl Into<Sql>,
        values: &[Value<'_>],
    ) -> Result<Vec<Row>, StoreError> {
        // PostgreSQL takes less than a millisecond for no bound at all.
        if time < Duration::from_millis(1) {
            return Err(StoreError::OutOfTime);
        }
        match self {
            Database::Sqlite(engine) => sqlite(engine, time, sql.into(), values).await,
            Database::Postgres(engine) => postgres(engine, time, sql.into(), values).await,
        }
    }
}

async fn sqlite(
    engine: &Engine,
    time: Duration,
    sql: Sql,
    values: &[Value<'_>],
) -> Result<Vec<Row>, StoreError> {
    let query = bind(sql, values)?;
    let mut connection = engine.connection().await?;
    let asked = Asked::default();
    let still_asked = Arc::clone(&asked.0);
    let deadline = Instant::now() + time;
    connection.lock_handle().await?.set_progress_handler(STEPS, move || {
        still_asked.load(Ordering::Relaxed) && Instant::now() < deadline
    });
    let rows = query.fetch_all(&mut *connection).await;
    let rows = rows.map_err(|error| end_of_time(error, SQLITE_INTERRUPT))?;
    Ok(rows.into_iter().map(Row::Sqlite).collect())
}

/// Whether somebody still waits. Once nobody does, SQLite ends the statement.
struct Asked(Arc<AtomicBool>);

impl Default for Asked {
    fn default() -> Asked {
        Asked(Arc::new(AtomicBool::new(true)))
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

/// Makes a connection that comes back fit for the next: whatever bounded it is gone, also where
/// whoever asked left in the middle.
pub(super) async fn unbind(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    connection.lock_handle().await?.remove_progress_handler();
    Ok(true)
}

async fn postgres(
    engine: &PostgresEngine,
    time: Duration,
    sql: Sql,
    values: &[Value<'_>],
) -> Result<Vec<Row>, StoreError> {
    let query = bind(sql, values)?;
    // The server is told how long it may take; if it says nothing at all, it is not there.
    let asking = async {
        ask_postgres(engine, time, query)
            .await
            .map_err(|error| end_of_time(error, POSTGRES_CANCELED))
    };
    let late = |late| StoreError::Unreachable(Box::new(late));
    tokio::time::timeout(time + STATEMENT_PATIENCE, asking).await.map_err(late)?
}

async fn ask_postgres(
    engine: &PostgresEngine,
    time: Duration,
    query: Query<'_, Postgres, PgArguments>,
) -> Result<Vec<Row>, sqlx::Error> {
    let mut transaction = engine.transaction().await?;
    // The server keeps to it by itself, also when the connection has nobody at its end.
    sqlx::query("SELECT set_config('statement_timeout', $1, TRUE)")
        .bind(time.as_millis().to_string())
        .execute(&mut *transaction)
        .await?;
    let rows = query.fetch_all(&mut *transaction).await?;
    transaction.commit().await?;
    Ok(rows.into_iter().map(Row::Postgres).collect())
}

const SQLITE_INTERRUPT: &str = "9";
const POSTGRES_CANCELED: &str = "57014";

fn end_of_time(error: sqlx::Error, code: &str) -> StoreError {
    let ended = error.as_database_error().and_then(|error| error.code());
    if ended.as_deref() == Some(code) { StoreError::OutOfTime } else { error.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{TestDatabase, on_each_engine};

    /// It would count for minutes.
    const SLOW: &str = "WITH RECURSIVE step(n) AS (SELECT CAST(1 AS BIGINT) UNION ALL \
                        SELECT n + 1 FROM step WHERE n < 1000000000) SELECT COUNT(*) AS n FROM step";

    /// More than any engine has connections.
    const MANY: usize = 12;

    on_each_engine!(a_read_that_takes_too_long_is_ended_where_it_runs);
    async fn a_read_that_takes_too_long_is_ended_where_it_runs(database: TestDatabase) {
        let store = database.open().await;
        let time = Duration::from_millis(100);
        let started = Instant::now();
        // Each goes through a connection that a read before it may have had.
        for _ in 0..MANY {
            let refused = store.database().fetch_all_within(time, SLOW, &[]).await;
            assert!(matches!(refused, Err(StoreError::OutOfTime)), "{:?}", refused.err());
        }
        assert!(started.elapsed() < Duration::from_secs(15), "{:?}", started.elapsed());
        check_that_nothing_runs(&store, &database).await;
        let none = store.database().fetch_all_within(Duration::ZERO, "SELECT 1 AS n", &[]).await;
        assert!(matches!(none, Err(StoreError::OutOfTime)));
    }

    on_each_engine!(a_read_nobody_waits_for_any_more_ends_too);
    async fn a_read_nobody_waits_for_any_more_ends_too(database: TestDatabase) {
        let store = database.open().await;
        // PostgreSQL is told the time, SQLite that nobody waits.
        let time = Duration::from_millis(if database.is_postgres() { 500 } else { 600_000 });
        for _ in 0..MANY {
            let asking = store.database().fetch_all_within(time, SLOW, &[]);
            assert!(tokio::time::timeout(Duration::from_millis(50), asking).await.is_err());
        }
        check_that_nothing_runs(&store, &database).await;
    }

    /// Every connection answers, and none of them is bounded any more.
    async fn check_that_nothing_runs(store: &crate::Store, database: &TestDatabase) {
        let reads = (0..MANY).map(|_| async {
            store
                .number(
                    "WITH RECURSIVE step(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM step \
                          WHERE n < 200000) SELECT COUNT(*) AS n FROM step",
                )
                .await
        });
        let reads = futures_util::future::join_all(reads);
        let told = tokio::time::timeout(Duration::from_secs(10), reads).await.unwrap();
        assert_eq!(told, [200_000; MANY]);
        if database.is_postgres() {
            let running = "SELECT COUNT(*) AS n FROM pg_stat_activity WHERE state = 'active' AND \
                           datname = current_database() AND pid <> pg_backend_pid() AND \
                           query LIKE '%1000000000%'";
            assert_eq!(store.number(running).await, 0);
        }
    }
}
