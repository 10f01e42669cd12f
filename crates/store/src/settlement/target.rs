//! Where batches go: the database of either engine.

use std::ops::ControlFlow;
use std::time::Duration;

use sqlx::PgConnection;
use tokio::runtime::Runtime;

use super::sqlite::SqliteBooks;
use crate::engine::{self, Engine, PostgresEngine, PostgresMemory};
use crate::{Generation, StoreError};

/// How long a write may take before callers are no longer to wait for it, and how often is looked
/// for more of them from then on.
const PROMPT: Duration = Duration::from_millis(500);
const LOOK: Duration = Duration::from_millis(20);

/// Why a batch was not written.
#[derive(Debug, thiserror::Error)]
pub(super) enum WriteError {
    /// For what is in it: other rows may pass.
    #[error("a row was refused: {0}")]
    Row(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Whatever is in it.
    #[error("{0}")]
    Database(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<sqlx::Error> for WriteError {
    fn from(error: sqlx::Error) -> WriteError {
        if engine::is_row_at_fault(&error) {
            WriteError::Row(Box::new(error))
        } else {
            WriteError::Database(Box::new(error))
        }
    }
}

impl From<WriteError> for StoreError {
    fn from(error: WriteError) -> StoreError {
        StoreError::Database(Box::new(error))
    }
}

/// The books of one engine. Neither keeps a connection that failed: it may be in the middle of a
/// transaction.
pub(crate) enum Target {
    Sqlite(Box<SqliteBooks>),
    Postgres(Box<PostgresBooks>),
}

/// A connection, and what drives it on the thread that writes.
pub(crate) struct PostgresBooks {
    engine: PostgresEngine,
    runtime: Runtime,
    /// With what was learnt over it, which holds no longer than it does: the next one may lead to a
    /// server that lacks the last commits of this one, and gives its numbers to others.
    connection: Option<(PgConnection, PostgresMemory)>,
}

impl Target {
    pub(crate) fn sqlite(engine: Engine) -> Target {
        Target::Sqlite(Box::new(SqliteBooks::new(engine)))
    }

    pub(crate) fn postgres(engine: PostgresEngine) -> Result<Target, StoreError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|source| StoreError::File { path: "settlement thread".into(), source })?;
        let books = PostgresBooks { engine, runtime, connection: None };
        Ok(Target::Postgres(Box::new(books)))
    }

    /// Writes rows and roll-ups and commits. Rows whose identity is known already, or comes twice
    /// in the batch, are left out of both. To be called on a thread that may block. A server may
    /// keep silent for as long as it likes: once it is late, `late` is called again and again, and
    /// says whether to go on waiting.
    pub(super) fn write(
        &mut self,
        rows: &[&Generation],
        late: impl FnMut() -> ControlFlow<()>,
    ) -> Result<(), WriteError> {
        match self {
            // Answers within its own time limit, and nobody waits for it.
            Target::Sqlite(books) => books.write(rows),
            Target::Postgres(books) => books.write(rows, late),
        }
    }

    /// Writes rows, and gives back the places of those refused for what is in them. Fails if the
    /// database is at fault.
    pub(super) fn write_acceptable(
        &mut self,
        rows: &[&Generation],
    ) -> Result<Vec<usize>, WriteError> {
        let mut refused = Vec::new();
        let mut from = 0;
        let mut count = rows.len();
        while from < rows.len() {
            count = count.min(rows.len() - from);
            match self.write(&rows[from..from + count], || ControlFlow::Continue(())) {
                Ok(()) => {
                    from += count;
                    count = rows.len();
                }
                // Closing in on the row at fault.
                Err(WriteError::Row(_)) if count > 1 => count /= 2,
                Err(error @ WriteError::Row(_)) => {
                    tracing::error!(generation.id = %rows[from].id, %error, "a settlement is refused");
                    refused.push(from);
                    from += 1;
                    count = rows.len();
                }
                Err(error) => return Err(error),
            }
        }
        Ok(refused)
    }

    pub(super) fn close(&mut self) {
        match self {
            Target::Sqlite(books) => books.close(),
            Target::Postgres(books) => books.close(),
        }
    }
}

impl PostgresBooks {
    fn write(
        &mut self,
        rows: &[&Generation],
        mut late: impl FnMut() -> ControlFlow<()>,
    ) -> Result<(), WriteError> {
        let connection = &mut self.connection;
        let writing = async {
            let (mut open, mut memory) = match connection.take() {
                Some(known) => known,
                None => (self.engine.connect().await?, PostgresMemory::default()),
            };
            engine::write_postgres(&mut open, rows, &mut memory).await?;
            *connection = Some((open, memory));
            Ok(())
        };
        self.runtime.block_on(async {
            tokio::pin!(writing);
            let mut patience = PROMPT;
            loop {
                match tokio::time::timeout(patience, writing.as_mut()).await {
                    Ok(outcome) => return outcome,
                    Err(late_now) if late().is_break() => {
                        return Err(WriteError::Database(Box::new(late_now)));
                    }
                    Err(_) => {}
                }
                patience = LOOK;
            }
        })
    }

    fn close(&mut self) {
        if let Some((connection, _)) = self.connection.take()
            && let Err(error) = self.runtime.block_on(sqlx::Connection::close(connection))
        {
            tracing::warn!(%error, "closing the settlement connection failed");
        }
    }
}
