//! Where statements run: one connection for a while, in a transaction or not.

use std::ops::{Deref, DerefMut};

use sqlx::pool::PoolConnection;
use sqlx::{Postgres, Sqlite, Transaction};
use tokio::sync::OwnedMutexGuard;

use super::postgres::{STATEMENT_PATIENCE, within};
use super::value::bind;
use super::{Row, Sql, Value};
use crate::StoreError;
use crate::secret::{hex, random_bytes};

/// The channel on which PostgreSQL tells of changes to the control plane.
pub(super) const CONTROL_CHANNEL: &str = "trunkline_control";

/// A connection lent by the pool, or a transaction on one. A transaction dropped is undone.
pub(crate) enum Session {
    Sqlite(Source<Sqlite>),
    Postgres(Source<Postgres>),
}

pub(crate) enum Source<D: sqlx::Database> {
    Connection(PoolConnection<D>),
    Transaction(Transaction<'static, D>),
}

impl<D: sqlx::Database> Source<D> {
    fn connection(&mut self) -> &mut D::Connection {
        match self {
            Source::Connection(connection) => connection,
            Source::Transaction(transaction) => transaction,
        }
    }

    async fn commit(self) -> Result<(), sqlx::Error> {
        match self {
            Source::Connection(_) => Ok(()),
            Source::Transaction(transaction) => transaction.commit().await,
        }
    }
}

impl Session {
    /// Every row of a result.
    pub(crate) async fn fetch_all(
        &mut self,
        sql: impl Into<Sql>,
        values: &[Value<'_>],
    ) -> Result<Vec<Row>, StoreError> {
        Ok(match self {
            Session::Sqlite(source) => {
                let query = bind(sql, values)?;
                let rows = query.fetch_all(source.connection()).await?;
                rows.into_iter().map(Row::Sqlite).collect()
            }
            Session::Postgres(source) => {
                let query = bind(sql, values)?;
                let rows = promptly(query.fetch_all(source.connection())).await?;
                rows.into_iter().map(Row::Postgres).collect()
            }
        })
    }

    /// The first row of a result, if there is one.
    pub(crate) async fn fetch_optional(
        &mut self,
        sql: impl Into<Sql>,
        values: &[Value<'_>],
    ) -> Result<Option<Row>, StoreError> {
        Ok(match self {
            Session::Sqlite(source) => {
                let query = bind(sql, values)?;
                query.fetch_optional(source.connection()).await?.map(Row::Sqlite)
            }
            Session::Postgres(source) => {
                let query = bind(sql, values)?;
                promptly(query.fetch_optional(source.connection())).await?.map(Row::Postgres)
            }
        })
    }

    /// The first row of a result that always has one.
    pub(crate) async fn fetch_one(
        &mut self,
        sql: impl Into<Sql>,
        values: &[Value<'_>],
    ) -> Result<Row, StoreError> {
        let row = self.fetch_optional(sql, values).await?;
        Ok(row.ok_or(sqlx::Error::RowNotFound)?)
    }

    /// Runs a statement and says how many rows it changed.
    pub(crate) async fn execute(
        &mut self,
        sql: impl Into<Sql>,
        values: &[Value<'_>],
    ) -> Result<u64, StoreError> {
        Ok(match self {
            Session::Sqlite(source) => {
                let query = bind(sql, values)?;
                query.execute(source.connection()).await?.rows_affected()
            }
            Session::Postgres(source) => {
                let query = bind(sql, values)?;
                promptly(query.execute(source.connection())).await?.rows_affected()
            }
        })
    }

    async fn commit(self) -> Result<(), StoreError> {
        match self {
            Session::Sqlite(source) => source.commit().await?,
            Session::Postgres(source) => promptly(source.commit()).await?,
        }
        Ok(())
    }
}

/// Waits for a server as long as a statement may take: one that says nothing is not there.
async fn promptly<T>(
    asking: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, sqlx::Error> {
    within(STATEMENT_PATIENCE, asking).await
}

/// A [`Session`] in a transaction that writes. Dropped without commit, it never happened.
pub(crate) struct Change {
    // Before the turn: the rollback of an abandoned change is queued before the next writer.
    session: Session,
    /// Whether other processes are to know.
    is_control: bool,
    _turn: OwnedMutexGuard<()>,
}

impl Change {
    /// Makes a transaction just begun a write of something that no node has a copy of.
    pub(super) fn of_data(session: Session, turn: OwnedMutexGuard<()>) -> Change {
        Change { session, is_control: false, _turn: turn }
    }

    /// Makes a transaction just begun a change of the control plane, by raising the revision that
    /// other processes watch, under a mark that no other revision has. Such changes follow one upon the other, also across processes, so
    /// that what a change has read still holds when it commits: on PostgreSQL by the lock of that
    /// row, on SQLite because the transaction has the whole file already.
    pub(super) async fn of_control_plane(
        mut session: Session,
        turn: OwnedMutexGuard<()>,
    ) -> Result<Change, StoreError> {
        let text = "UPDATE control_revision SET revision = revision + 1, mark = $1 WHERE id = 1";
        session.execute(text, super::values![hex(&random_bytes::<16>()?)]).await?;
        Ok(Change { session, is_control: true, _turn: turn })
    }

    /// Commits, and lets other processes know of a change of the control plane.
    pub(crate) async fn commit(mut self) -> Result<(), StoreError> {
        if self.is_control && matches!(self.session, Session::Postgres(_)) {
            // Delivered when the transaction commits, and not at all otherwise.
            let values = super::values![CONTROL_CHANNEL];
            self.session.execute("SELECT pg_notify($1, '')", values).await?;
        }
        self.session.commit().await
    }
}

impl Deref for Change {
    type Target = Session;

    fn deref(&self) -> &Session {
        &self.session
    }
}

impl DerefMut for Change {
    fn deref_mut(&mut self) -> &mut Session {
        &mut self.session
    }
}
