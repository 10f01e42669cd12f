//! PostgreSQL: how the server is reached and how writers take turns.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgDatabaseError, PgPool, PgPoolOptions};
use sqlx::{ConnectOptions, Connection as _, PgConnection};
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::session::{Change, Session, Source};
use super::{migrations, partitions};
use crate::{Micros, StoreError};

/// Several reads of one moment see one state.
const BEGIN_READ: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// Each step of a change sees what was committed before it: changes wait for each other on the
/// row of the revision, and read only after that.
const BEGIN_CHANGE: &str = "BEGIN ISOLATION LEVEL READ COMMITTED";

/// How a server is used.
#[derive(Debug, Clone)]
pub(crate) struct PostgresOptions {
    /// The most connections for reads and changes. The settlement writer has one more, and so has
    /// each [`crate::Changes`].
    pub(crate) connections: u32,
    /// How long to wait for a connection.
    pub(crate) connect_timeout: Duration,
    /// How long a statement waits for a lock that another node holds.
    pub(crate) lock_timeout: Duration,
}

impl Default for PostgresOptions {
    fn default() -> PostgresOptions {
        let (connect_timeout, lock_timeout) = (Duration::from_secs(10), Duration::from_secs(5));
        PostgresOptions { connections: 8, connect_timeout, lock_timeout }
    }
}

/// An open database on a server.
#[derive(Debug, Clone)]
pub(crate) struct PostgresEngine {
    pool: PgPool,
    options: Box<PgConnectOptions>,
    write_turn: Arc<Mutex<()>>,
}

impl PostgresEngine {
    /// Connects, brings the schema up to date and makes room for the generations of the days to
    /// come.
    pub(crate) async fn open(
        address: &str,
        options: &PostgresOptions,
        now: Micros,
    ) -> Result<PostgresEngine, StoreError> {
        let plain = parse(address)?;
        let mut setup = plain.connect().await?;
        migrations::run(&mut setup, migrations::POSTGRES).await?;
        partitions::prepare(&mut setup, partitions::ahead_of(now)).await?;
        setup.close().await?;

        let connect = plain.options([
            ("lock_timeout", options.lock_timeout.as_millis().to_string()),
            // A node that vanished in the middle of a change must not stop the others for good.
            ("idle_in_transaction_session_timeout", "30s".to_owned()),
        ]);
        let pool = PgPoolOptions::new()
            .max_connections(options.connections)
            .acquire_timeout(options.connect_timeout)
            .connect_with(connect.clone())
            .await?;
        let write_turn = Arc::new(Mutex::new(()));
        Ok(PostgresEngine { pool, options: Box::new(connect), write_turn })
    }

    pub(super) async fn session(&self) -> Result<Session, StoreError> {
        Ok(Session::Postgres(Source::Connection(self.pool.acquire().await?)))
    }

    pub(super) async fn begin_read(&self) -> Result<Session, StoreError> {
        let transaction = self.pool.begin_with(BEGIN_READ).await?;
        Ok(Session::Postgres(Source::Transaction(transaction)))
    }

    pub(super) async fn begin_change(&self) -> Result<Change, StoreError> {
        let (session, turn) = self.begin().await?;
        Change::of_control_plane(session, turn).await
    }

    pub(super) async fn begin_write(&self) -> Result<Change, StoreError> {
        let (session, turn) = self.begin().await?;
        Ok(Change::of_data(session, turn))
    }

    async fn begin(&self) -> Result<(Session, OwnedMutexGuard<()>), StoreError> {
        // The row of the revision would do, but whoever waits for it holds a connection that
        // readers may need.
        let turn: OwnedMutexGuard<()> = Arc::clone(&self.write_turn).lock_owned().await;
        let transaction = self.pool.begin_with(BEGIN_CHANGE).await?;
        Ok((Session::Postgres(Source::Transaction(transaction)), turn))
    }

    /// A connection of one's own, outside the pool.
    pub(crate) async fn connect(&self) -> Result<PgConnection, sqlx::Error> {
        self.options.connect().await
    }

    /// A pool of one connection, which lives as long as whoever listens on it.
    pub(super) fn listening_pool(&self) -> PgPool {
        PgPoolOptions::new()
            .max_connections(1)
            .max_lifetime(None)
            .idle_timeout(None)
            .connect_lazy_with((*self.options).clone())
    }

    pub(super) async fn close(&self) {
        self.pool.close().await;
    }
}

/// Reads an address. What is wrong with it is told without it: there may be a password inside.
fn parse(address: &str) -> Result<PgConnectOptions, StoreError> {
    let invalid = |reason: String| StoreError::Invalid { what: "database address", reason };
    if !["postgres://", "postgresql://"].iter().any(|scheme| address.starts_with(scheme)) {
        return Err(invalid("it does not begin with postgres://".to_owned()));
    }
    let options =
        PgConnectOptions::from_str(address).map_err(|error| invalid(error.to_string()))?;
    Ok(options.application_name("trunkline").disable_statement_logging())
}

/// Whether there is no partition for a row of a batch.
pub(super) fn lacks_partition(error: &sqlx::Error) -> bool {
    let sqlx::Error::Database(error) = error else { return false };
    error.try_downcast_ref::<PgDatabaseError>().is_some_and(|error| {
        // A check constraint's violation has the same code, but names the constraint.
        error.code() == "23514" && error.constraint().is_none()
    })
}

/// Whether the server refused what is in a statement rather than the statement.
pub(crate) fn is_row_at_fault(error: &sqlx::Error) -> bool {
    let error = match error {
        sqlx::Error::Encode(_) => return true,
        sqlx::Error::Database(error) => error,
        _ => return false,
    };
    // Data exceptions, integrity violations, limits of the program, exceptions raised by triggers.
    const CLASSES: [&str; 4] = ["22", "23", "54", "P0"];
    error
        .try_downcast_ref::<PgDatabaseError>()
        .is_some_and(|error| CLASSES.iter().any(|class| error.code().starts_with(class)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_something_else_is_refused_without_showing_it() {
        for address in ["mysql://u:hidden@h/db", "postgres://u:hidden@[h/db", "hidden", ""] {
            let error = parse(address).unwrap_err();
            assert!(matches!(error, StoreError::Invalid { what: "database address", .. }));
            assert!(!error.to_string().contains("hidden"), "{error}");
        }
    }
}
