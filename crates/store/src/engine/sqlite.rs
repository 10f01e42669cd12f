//! SQLite: how a file is opened and how writers take turns.

use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::OpenFlags;
use sqlx::pool::PoolConnection;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{ConnectOptions as _, Sqlite};
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::session::{Change, Session, Source};
use super::{bounded, migrations};
use crate::StoreError;
use crate::files;

/// Takes the write lock at once: a transaction that reads first and upgrades later fails instead
/// of waiting when another process wrote in between.
pub(crate) const BEGIN_WRITE: &str = "BEGIN IMMEDIATE";

const READERS: u32 = 4;

/// The log is checkpointed by whoever commits, which is nearly always the settlement clerk, never
/// a request. 64 MB between checkpoints write pages that were touched often only once; the log
/// keeps its size, since growing it costs every commit.
const WAL_AUTOCHECKPOINT: &str = "8000";
const JOURNAL_SIZE_LIMIT: &str = "134217728";

/// How a database file is opened.
#[derive(Debug, Clone)]
pub(crate) struct SqliteOptions {
    /// How long a statement waits for another process's lock.
    pub(crate) busy_timeout: Duration,
    /// Whether a commit waits for the disk. Off only for databases that vanish anyway.
    pub(crate) durable: bool,
}

impl Default for SqliteOptions {
    fn default() -> SqliteOptions {
        SqliteOptions { busy_timeout: Duration::from_secs(5), durable: true }
    }
}

/// An open database: a small pool, and the turn that writers inside this process take.
#[derive(Debug, Clone)]
pub(crate) struct SqliteEngine {
    pool: SqlitePool,
    path: PathBuf,
    /// The file that is open, which may not be the one at the path for ever.
    file: files::FileIdentity,
    options: SqliteOptions,
    write_turn: Arc<Mutex<()>>,
}

impl SqliteEngine {
    /// Creates the file if need be, with owner-only rights (the WAL and its index inherit them),
    /// opens it and brings its schema up to date.
    pub(crate) async fn open(
        path: &Path,
        options: &SqliteOptions,
    ) -> Result<SqliteEngine, StoreError> {
        files::create_private_folder(path.parent())?;
        match files::create_private_file(path) {
            Ok(_) => files::sync_folder(path.parent())?,
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(files::failure(path, error)),
        }
        // SQLite would open it all the same, and refuse each write. Asked without opening it: to
        // close a second handle of a file frees the locks that SQLite has on it in this process.
        rustix::fs::access(path, rustix::fs::Access::WRITE_OK)
            .map_err(|error| files::failure(path, error.into()))?;
        let _setup = SetupLock::take(path).await?;
        let synchronous =
            if options.durable { SqliteSynchronous::Full } else { SqliteSynchronous::Off };
        let connect = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(false)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(synchronous)
            .foreign_keys(true)
            .busy_timeout(options.busy_timeout)
            // Generations are long rows: with 8 KB pages a commit touches half as many.
            .page_size(8192)
            .pragma("wal_autocheckpoint", WAL_AUTOCHECKPOINT)
            .pragma("journal_size_limit", JOURNAL_SIZE_LIMIT)
            .pragma("temp_store", "MEMORY")
            .disable_statement_logging();
        let pool = SqlitePoolOptions::new()
            .max_connections(READERS)
            .after_release(|connection, _| Box::pin(bounded::unbind(connection)))
            .connect_with(connect)
            .await?;
        let mut connection = pool.acquire().await?;
        migrations::run(&mut *connection, migrations::SQLITE).await?;
        drop(connection);
        Ok(SqliteEngine {
            pool,
            path: path.to_path_buf(),
            file: files::FileIdentity::of(path).map_err(|error| files::failure(path, error))?,
            options: options.clone(),
            write_turn: Arc::new(Mutex::new(())),
        })
    }

    pub(super) async fn session(&self) -> Result<Session, StoreError> {
        Ok(Session::Sqlite(Source::Connection(self.connection().await?)))
    }

    pub(super) async fn connection(&self) -> Result<PoolConnection<Sqlite>, sqlx::Error> {
        self.pool.acquire().await
    }

    pub(super) async fn begin_read(&self) -> Result<Session, StoreError> {
        Ok(Session::Sqlite(Source::Transaction(self.pool.begin().await?)))
    }

    /// Fails if the file that is open is not the one at its path any more: what is written into it
    /// would be gone with this process. Nor is another file opened in its place, whose log would be
    /// mixed up with this one's.
    pub(crate) fn check_place(&self) -> std::io::Result<()> {
        match files::FileIdentity::of(&self.path) {
            Ok(found) if found == self.file => Ok(()),
            Ok(_) => Err(std::io::Error::other(format!(
                "{} was replaced while it was in use: start again",
                self.path.display()
            ))),
            Err(error) => Err(std::io::Error::new(
                error.kind(),
                format!("{} is gone while it was in use: {error}", self.path.display()),
            )),
        }
    }

    /// Waits for this process's turn to write. SQLite lets waiters poll for its lock, so that a
    /// busy settlement writer could starve everybody else; this queue is fair.
    pub(crate) async fn write_turn(&self) -> OwnedMutexGuard<()> {
        Arc::clone(&self.write_turn).lock_owned().await
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
        let turn = self.write_turn().await;
        self.check_place().map_err(|error| StoreError::Unreachable(Box::new(error)))?;
        let transaction = self.pool.begin_with(BEGIN_WRITE).await?;
        Ok((Session::Sqlite(Source::Transaction(transaction)), turn))
    }

    /// The same for a thread that may block.
    pub(crate) fn blocking_write_turn(&self) -> OwnedMutexGuard<()> {
        Arc::clone(&self.write_turn).blocking_lock_owned()
    }

    /// A connection for the settlement clerk, outside the pool, driven by the thread that uses it,
    /// and with a larger cache (16 MB): it touches the same right edges again and again.
    pub(crate) fn connect_clerk(&self) -> Result<rusqlite::Connection, rusqlite::Error> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = rusqlite::Connection::open_with_flags(&self.path, flags)?;
        // All of its statements, so that none is compiled twice.
        connection.set_prepared_statement_cache_capacity(64);
        connection.busy_timeout(self.options.busy_timeout)?;
        let synchronous = if self.options.durable { "FULL" } else { "OFF" };
        for (name, value) in [
            ("synchronous", synchronous),
            ("foreign_keys", "ON"),
            ("wal_autocheckpoint", WAL_AUTOCHECKPOINT),
            ("journal_size_limit", JOURNAL_SIZE_LIMIT),
            ("temp_store", "MEMORY"),
            ("cache_size", "-16000"),
        ] {
            connection.pragma_update(None, name, value)?;
        }
        Ok(connection)
    }

    pub(super) async fn close(&self) {
        self.pool.close().await;
    }
}

/// Held while a database is set up. Neither the switch to write-ahead logging nor the migrations
/// wait for another process that does the same at the same moment; here they take turns.
struct SetupLock(#[expect(dead_code, reason = "the lock is freed when the file is closed")] File);

impl SetupLock {
    async fn take(database: &Path) -> Result<SetupLock, StoreError> {
        let mut path = database.as_os_str().to_owned();
        path.push(".setup-lock");
        let path = PathBuf::from(path);
        let waiting = tokio::task::spawn_blocking(move || {
            let file = match files::create_private_file(&path) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => File::open(&path),
                created => created,
            };
            file.and_then(|file| file.lock().map(|()| SetupLock(file)))
                .map_err(|error| files::failure(&path, error))
        });
        waiting.await.map_err(|error| StoreError::Database(Box::new(error)))?
    }
}
