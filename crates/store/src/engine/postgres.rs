//! PostgreSQL: how the server is reached and how writers take turns.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgDatabaseError, PgPool, PgPoolOptions};
use sqlx::{ConnectOptions, Connection as _, PgConnection, Postgres, Transaction};
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::session::{Change, Session, Source};
use super::{migrations, partitions, schema};
use crate::{Micros, StoreError};

/// Several reads of one moment see one state.
const BEGIN_READ: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// Each step of a change sees what was committed before it: changes wait for each other on the
/// row of the revision, and read only after that.
const BEGIN_CHANGE: &str = "BEGIN ISOLATION LEVEL READ COMMITTED";

/// How long a transaction may take to begin: for a connection, and for whoever has the turn.
const BEGIN_PATIENCE: Duration = Duration::from_secs(15);

/// How long a statement may take before its server counts as one that says nothing. The sums of a
/// large deployment's books, which are read at a start, take seconds.
pub(super) const STATEMENT_PATIENCE: Duration = Duration::from_secs(60);

/// How long closing may take.
const CLOSE_PATIENCE: Duration = Duration::from_secs(2);

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
    connect_timeout: Duration,
    write_turn: Arc<Mutex<()>>,
}

impl PostgresEngine {
    /// Connects, brings the schema up to date and makes room for the generations of the days to
    /// come. Where nothing is set up yet, `before_setup` is asked whether that may be done.
    pub(crate) async fn open(
        address: &str,
        options: &PostgresOptions,
        now: Micros,
        before_setup: impl FnOnce() -> Result<(), StoreError>,
    ) -> Result<PostgresEngine, StoreError> {
        let plain = parse(address)?;
        let connect_timeout = options.connect_timeout;
        let mut setup = reach(connect_timeout, plain.connect()).await?;
        if schema::version_on_server(&mut setup).await?.is_none() {
            before_setup()?;
        }
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
            .acquire_timeout(connect_timeout)
            .connect_with(connect.clone());
        let pool = reach(connect_timeout, pool).await?;
        let write_turn = Arc::new(Mutex::new(()));
        Ok(PostgresEngine { pool, options: Box::new(connect), connect_timeout, write_turn })
    }

    pub(super) async fn session(&self) -> Result<Session, StoreError> {
        Ok(Session::Postgres(Source::Connection(self.pool.acquire().await?)))
    }

    pub(super) async fn begin_read(&self) -> Result<Session, StoreError> {
        let transaction = within(BEGIN_PATIENCE, self.transaction()).await?;
        Ok(Session::Postgres(Source::Transaction(transaction)))
    }

    /// A transaction that only reads.
    pub(super) async fn transaction(&self) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
        self.pool.begin_with(BEGIN_READ).await
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
        let beginning = async {
            let turn: OwnedMutexGuard<()> = Arc::clone(&self.write_turn).lock_owned().await;
            Ok((self.pool.begin_with(BEGIN_CHANGE).await?, turn))
        };
        // Whoever has the turn may wait for a server that says nothing.
        let (transaction, turn) = within(BEGIN_PATIENCE, beginning).await?;
        Ok((Session::Postgres(Source::Transaction(transaction)), turn))
    }

    /// A connection of one's own, outside the pool.
    pub(crate) async fn connect(&self) -> Result<PgConnection, sqlx::Error> {
        within(self.connect_timeout, self.options.connect()).await
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
        // Connections in the middle of something ask the server how far they are. One that says
        // nothing is not waited for: it notices by itself that they are gone.
        if tokio::time::timeout(CLOSE_PATIENCE, self.pool.close()).await.is_err() {
            tracing::debug!("connections are left to the database server");
        }
    }
}

/// Waits for a server, but not for ever: one that is stopped, or behind a network that swallows
/// packets, says nothing at all.
pub(super) async fn within<T>(
    time: Duration,
    asking: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, sqlx::Error> {
    let late = |_| sqlx::Error::Io(std::io::ErrorKind::TimedOut.into());
    tokio::time::timeout(time, asking).await.map_err(late)?
}

/// The same for a first connection, where a server that may yet come is told from one that
/// refuses.
pub(super) async fn reach<T>(
    time: Duration,
    connecting: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, StoreError> {
    within(time, connecting).await.map_err(|error| {
        if may_yet_come(&error) { StoreError::Unreachable(Box::new(error)) } else { error.into() }
    })
}

/// Whether the same may work in a while.
pub(super) fn may_yet_come(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut => true,
        // Starting, stopping, recovering; no room for another connection.
        sqlx::Error::Database(error) => {
            error.code().is_some_and(|code| ["57P01", "57P02", "57P03", "53300"].contains(&&*code))
        }
        _ => false,
    }
}

/// Where an address leads to, without user and password.
pub(crate) fn describe(address: &str) -> Result<String, StoreError> {
    let options = parse(address)?;
    let place = match options.get_socket() {
        Some(socket) => socket.display().to_string(),
        None if options.get_host().starts_with('/') => options.get_host().to_owned(),
        None => format!("{}:{}", options.get_host(), options.get_port()),
    };
    let name = options.get_database().unwrap_or_else(|| options.get_username());
    Ok(format!("PostgreSQL database {name} at {place}"))
}

/// Reads an address. What is wrong with it is told without it: there may be a password inside.
pub(super) fn parse(address: &str) -> Result<PgConnectOptions, StoreError> {
    let invalid = |reason: String| StoreError::Invalid { what: "database address", reason };
    if !["postgres://", "postgresql://"].iter().any(|scheme| address.starts_with(scheme)) {
        return Err(invalid("it does not begin with postgres://".to_owned()));
    }
    let options =
        PgConnectOptions::from_str(address).map_err(|error| invalid(error.to_string()))?;
    // That something is there already is no news to whoever runs the program.
    let options = options.options([("client_min_messages", "warning")]);
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
    fn a_description_shows_neither_user_nor_password() {
        for (address, shown) in [
            ("postgres://u:hidden@db.example:5433/books", "books at db.example:5433"),
            ("postgresql://u:hid%2Fden@db/books?sslmode=verify-full", "books at db:5432"),
            ("postgres:///books?host=/run/postgresql&password=hidden", "books at /run/postgresql"),
        ] {
            assert_eq!(describe(address).unwrap(), format!("PostgreSQL database {shown}"));
        }
    }

    #[tokio::test]
    async fn a_server_that_says_nothing_is_not_waited_for_for_ever() {
        // It takes connections into its queue and never answers, like a stopped server.
        let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("postgres://u@{}/x?sslmode=disable", silent.local_addr().unwrap());
        let options = PostgresOptions {
            connect_timeout: Duration::from_millis(50),
            ..PostgresOptions::default()
        };
        let error = PostgresEngine::open(&address, &options, 0, || Ok(())).await.unwrap_err();
        assert!(matches!(error, StoreError::Unreachable(_)), "{error}");
    }

    #[tokio::test]
    async fn a_server_that_is_not_there_may_yet_come() {
        let address = "postgres://u@localhost/x?host=/nowhere";
        let error = PostgresEngine::open(address, &PostgresOptions::default(), 0, || Ok(())).await;
        assert!(matches!(error, Err(StoreError::Unreachable(_))));
    }

    #[test]
    fn an_address_of_something_else_is_refused_without_showing_it() {
        for address in ["mysql://u:hidden@h/db", "postgres://u:hidden@[h/db", "hidden", ""] {
            let error = parse(address).unwrap_err();
            assert!(matches!(error, StoreError::Invalid { what: "database address", .. }));
            assert!(!error.to_string().contains("hidden"), "{error}");
        }
    }
}
