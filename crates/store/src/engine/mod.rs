//! The database engines behind one type. Statements are written once, in the subset of SQL that
//! SQLite and PostgreSQL share, and run on either; what differs between the two is in here, and
//! so is everything that names the driver.
//!
//! What the shared subset is made of: `BIGINT` for every number and moment, `BOOLEAN`, `TEXT`
//! (also for JSON, and compared by bytes), `$1` for values, `ON CONFLICT`, `RETURNING`, and sums
//! cast to `BIGINT`.

mod bounded;
mod changes;
mod migrations;
mod outage;
mod partitions;
mod postgres;
mod postgres_roll_up;
mod postgres_settlement;
mod retention;
mod row;
mod schema;
mod session;
mod sqlite;
mod value;

pub(crate) use changes::revision;
pub use changes::{Changes, Revision};
pub(crate) use postgres::is_row_at_fault;
pub(crate) use postgres::{PostgresEngine, PostgresOptions, describe};
pub(crate) use postgres_settlement::{PostgresMemory, write as write_postgres};
pub use retention::Retention;
pub(crate) use row::Row;
pub use schema::Schema;
pub(crate) use schema::{is_file_set_up, schema_in_file};
pub(crate) use session::{Change, Session};
pub(crate) use sqlite::{SqliteEngine as Engine, SqliteOptions as EngineOptions};
pub(crate) use value::{Sql, Value, values};

use crate::StoreError;
use crate::generation::Kept;

/// An open database.
#[derive(Debug, Clone)]
pub(crate) enum Database {
    Sqlite(Engine),
    Postgres(PostgresEngine),
}

impl Database {
    /// A connection for some reads that need not agree with each other.
    pub(crate) async fn session(&self) -> Result<Session, StoreError> {
        match self {
            Database::Sqlite(engine) => engine.session().await,
            Database::Postgres(engine) => engine.session().await,
        }
    }

    /// A consistent view over several reads.
    pub(crate) async fn begin_read(&self) -> Result<Session, StoreError> {
        match self {
            Database::Sqlite(engine) => engine.begin_read().await,
            Database::Postgres(engine) => engine.begin_read().await,
        }
    }

    /// Begins a change of the control plane.
    pub(crate) async fn begin_change(&self) -> Result<Change, StoreError> {
        match self {
            Database::Sqlite(engine) => engine.begin_change().await,
            Database::Postgres(engine) => engine.begin_change().await,
        }
    }

    /// Begins a write of something that is not part of the control plane.
    pub(crate) async fn begin_write(&self) -> Result<Change, StoreError> {
        match self {
            Database::Sqlite(engine) => engine.begin_write().await,
            Database::Postgres(engine) => engine.begin_write().await,
        }
    }

    /// Every row of a single read.
    pub(crate) async fn fetch_all(
        &self,
        sql: impl Into<Sql>,
        values: &[Value<'_>],
    ) -> Result<Vec<Row>, StoreError> {
        self.session().await?.fetch_all(sql, values).await
    }

    /// The first row of a single read, if there is one.
    pub(crate) async fn fetch_optional(
        &self,
        sql: impl Into<Sql>,
        values: &[Value<'_>],
    ) -> Result<Option<Row>, StoreError> {
        self.session().await?.fetch_optional(sql, values).await
    }

    /// The first row of a single read that always has one.
    pub(crate) async fn fetch_one(
        &self,
        sql: impl Into<Sql>,
        values: &[Value<'_>],
    ) -> Result<Row, StoreError> {
        self.session().await?.fetch_one(sql, values).await
    }

    /// Where generations have their texts.
    pub(crate) fn kept(&self) -> Kept {
        match self {
            Database::Sqlite(_) => Kept::InParts,
            Database::Postgres(_) => Kept::Whole,
        }
    }

    /// Whether other nodes write generations into it.
    pub(crate) fn is_shared(&self) -> bool {
        matches!(self, Database::Postgres(_))
    }

    /// What it is, in a word.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Database::Sqlite(_) => "sqlite",
            Database::Postgres(_) => "postgres",
        }
    }

    /// Closes every connection.
    pub(crate) async fn close(&self) {
        match self {
            Database::Sqlite(engine) => engine.close().await,
            Database::Postgres(engine) => engine.close().await,
        }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> StoreError {
        if postgres::may_yet_come(&error) || outage::is_passing(&error) {
            return StoreError::Unreachable(Box::new(error));
        }
        StoreError::Database(Box::new(error))
    }
}
