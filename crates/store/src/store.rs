//! The store itself: opening, closing and what it is made of.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use zeroize::Zeroizing;

use crate::account::bootstrap;
use crate::engine::{self, Database, Engine, EngineOptions, PostgresEngine, PostgresOptions};
use crate::roll_up::is_outlined;
use crate::settlement::{self, SettlementOptions, Target};
use crate::{MasterKey, Micros, Settlements, StoreError, files, journal};

/// How long a ping waits. A server that is stopped answers neither yes nor no, and whoever asks
/// whether this process is ready may wait for a second at most.
const PING_PATIENCE: Duration = Duration::from_millis(500);

/// An open database. Clones share it.
#[derive(Debug, Clone)]
pub struct Store(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    database: Database,
    identity: String,
    master_key: MasterKey,
    settlements: Settlements,
    /// All days have outlines.
    is_outlined: AtomicBool,
    /// Outlines were looked over since the start.
    was_looked_over: AtomicBool,
    /// Removed with the last clone, or before.
    temporary: Mutex<Option<tempfile::TempDir>>,
}

impl Store {
    /// Opens a SQLite file, or creates it with owner-only rights, brings its schema up to date
    /// and makes sure of the default account and workspace. A database written by a newer
    /// version, or set up with another master key, is refused.
    ///
    /// The store is for serving: settlements are made safe in a journal beside the file, which is
    /// this process's alone. While another process serves from it, it cannot be opened so.
    pub async fn open(
        path: &Path,
        master_key: MasterKey,
        now: Micros,
    ) -> Result<Store, StoreError> {
        let journal = Some(Store::journal_beside(path));
        let settlements = SettlementOptions { journal, ..SettlementOptions::default() };
        let engine = EngineOptions::default();
        Store::open_with(path, master_key, now, &engine, settlements, None).await
    }

    /// The folder of the journal of a SQLite file.
    pub fn journal_beside(path: &Path) -> PathBuf {
        path.with_extension("journal")
    }

    /// The same for reading and changing the control plane, also while another process serves.
    /// What a journal holds is left to whoever serves next.
    pub async fn open_beside(
        path: &Path,
        master_key: MasterKey,
        now: Micros,
    ) -> Result<Store, StoreError> {
        check_unclaimed_file(path, &Store::journal_beside(path)).await?;
        let (engine, settlements) = (EngineOptions::default(), SettlementOptions::default());
        Store::open_with(path, master_key, now, &engine, settlements, None).await
    }

    /// Fails if a journal's folder has rows for a database: to be asked before an empty one is set up
    /// by whoever does not serve. See [`StoreError::JournalWithoutDatabase`].
    pub fn check_unclaimed(journal: &Path) -> Result<(), StoreError> {
        let Some(owner) = journal::owner(journal)? else { return Ok(()) };
        let database = owner.database.map(|identity| format!("the database {identity}"));
        let unknown = || "a database that an older version did not name".to_owned();
        let (path, owner) = (owner.segment, database.unwrap_or_else(unknown));
        Err(StoreError::JournalWithoutDatabase { path, owner })
    }

    /// A store in a temporary folder that vanishes with it, with a key of its own and commits
    /// that do not wait for the disk: for tests and trials.
    pub async fn open_temporary() -> Result<Store, StoreError> {
        let folder = tempfile::Builder::new()
            .prefix("trunkline-")
            .tempdir()
            .map_err(|error| files::failure(&std::env::temp_dir(), error))?;
        let path = folder.path().join("trunkline.db");
        let options = EngineOptions { durable: false, ..EngineOptions::default() };
        let journal = Some(path.with_extension("journal"));
        let settlements =
            SettlementOptions { journal, durable: false, ..SettlementOptions::default() };
        let key = MasterKey::generate()?;
        Store::open_with(&path, key, 0, &options, settlements, Some(folder)).await
    }

    pub(crate) async fn open_with(
        path: &Path,
        master_key: MasterKey,
        now: Micros,
        options: &EngineOptions,
        settlement_options: SettlementOptions,
        temporary: Option<tempfile::TempDir>,
    ) -> Result<Store, StoreError> {
        if let Some(journal) = &settlement_options.journal {
            check_unclaimed_file(path, journal).await?;
        }
        let engine = Engine::open(path, options).await?;
        let database = Database::Sqlite(engine);
        Store::assemble(database, master_key, now, settlement_options, temporary).await
    }

    /// Where an address of [`Store::connect`] leads to, in words, without user and password.
    pub fn describe(address: &str) -> Result<String, StoreError> {
        engine::describe(address)
    }

    /// Connects to a database on a PostgreSQL server, named as in
    /// `postgres://user:password@host:5432/name?sslmode=verify-full`, brings its schema up to date
    /// and makes sure of the default account and workspace. Many nodes may share it. It is refused
    /// for the same reasons as a file. A process that serves names a folder of its own, where
    /// settlements are kept while the server is away.
    pub async fn connect(
        address: &str,
        journal: Option<&Path>,
        master_key: MasterKey,
        now: Micros,
    ) -> Result<Store, StoreError> {
        let journal = journal.map(Path::to_path_buf);
        let settlements =
            SettlementOptions { journal, journal_first: false, ..SettlementOptions::default() };
        let options = PostgresOptions::default();
        Store::connect_with(address, master_key, now, &options, settlements).await
    }

    pub(crate) async fn connect_with(
        address: &str,
        master_key: MasterKey,
        now: Micros,
        options: &PostgresOptions,
        settlement_options: SettlementOptions,
    ) -> Result<Store, StoreError> {
        let before_setup = || match &settlement_options.journal {
            Some(journal) => Store::check_unclaimed(journal),
            None => Ok(()),
        };
        let engine = PostgresEngine::open(address, options, now, before_setup).await?;
        let database = Database::Postgres(engine);
        Store::assemble(database, master_key, now, settlement_options, None).await
    }

    async fn assemble(
        database: Database,
        master_key: MasterKey,
        now: Micros,
        settlement_options: SettlementOptions,
        temporary: Option<tempfile::TempDir>,
    ) -> Result<Store, StoreError> {
        let identity = bootstrap(&database, &master_key, now).await?;
        let is_outlined = is_outlined(&database).await?;
        let books = database.clone();
        let starting = tokio::task::spawn_blocking(move || {
            let target = match books {
                Database::Sqlite(engine) => Target::sqlite(engine),
                Database::Postgres(engine) => Target::postgres(engine)?,
            };
            settlement::start(target, settlement_options, &identity).map(|it| (it, identity))
        });
        let (settlements, identity) =
            starting.await.map_err(|error| StoreError::Database(Box::new(error)))??;
        let inner = Inner {
            database,
            identity,
            master_key,
            settlements,
            is_outlined: is_outlined.into(),
            was_looked_over: false.into(),
            temporary: Mutex::new(temporary),
        };
        Ok(Store(Arc::new(inner)))
    }

    /// Removes the folder of a temporary store while clones of it may live on, as where threads
    /// outlast a test: they go on with the files they have open, and nothing stays on the disk.
    /// Any other store it leaves alone.
    pub fn discard_temporary(&self) {
        let folder = self.0.temporary.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(folder);
    }

    /// The way to the settlement writer.
    pub fn settlements(&self) -> Settlements {
        self.0.settlements.clone()
    }

    /// The kind of the database: `sqlite` or `postgres`.
    pub fn kind(&self) -> &'static str {
        self.0.database.name()
    }

    /// By what the database is told from others: the identity of the account its first start made. A
    /// copy has the same.
    pub fn identity(&self) -> &str {
        &self.0.identity
    }

    /// Whether the database answers, and soon. A server that only lets itself be read, as a standby,
    /// counts as one that does not.
    pub async fn ping(&self) -> Result<(), StoreError> {
        let text = match self.0.database.is_shared() {
            true => "SELECT current_setting('transaction_read_only') = 'on' AS is_read_only",
            false => "SELECT FALSE AS is_read_only",
        };
        let asking = self.0.database.fetch_one(text, &[]);
        let row = match tokio::time::timeout(PING_PATIENCE, asking).await {
            Ok(answer) => answer?,
            Err(late) => return Err(StoreError::Unreachable(Box::new(late))),
        };
        match row.try_get("is_read_only")? {
            false => Ok(()),
            true => Err(StoreError::Unreachable("the database server takes no writes".into())),
        }
    }

    /// What time it is at the database's server, in microseconds since 1970; `None` if there is none,
    /// or it does not answer soon.
    pub async fn server_time(&self) -> Option<Micros> {
        let database = &self.0.database;
        if !database.is_shared() {
            return None;
        }
        let text =
            "SELECT (EXTRACT(EPOCH FROM clock_timestamp()) * 1000000)::BIGINT AS server_time";
        let asking = database.fetch_one(text, &[]);
        let row = tokio::time::timeout(PING_PATIENCE, asking).await.ok()?.ok()?;
        row.try_get("server_time").ok()
    }

    /// Writes all settlements handed in, stops the writer and closes every connection. Fails if
    /// settlements had to be given up.
    pub async fn close(&self) -> Result<(), StoreError> {
        let drained = self.0.settlements.shutdown().await;
        self.0.database.close().await;
        Ok(drained?)
    }

    /// Whether questions about days may read outlines.
    pub(crate) fn is_outlined(&self) -> bool {
        self.0.is_outlined.load(Ordering::Acquire)
    }

    /// Whether outlines were looked over since the start.
    pub(crate) fn was_looked_over(&self) -> bool {
        self.0.was_looked_over.load(Ordering::Acquire)
    }

    /// All days have outlines, and were looked over.
    pub(crate) fn set_outlined(&self) {
        self.0.is_outlined.store(true, Ordering::Release);
        self.0.was_looked_over.store(true, Ordering::Release);
    }

    pub(crate) fn database(&self) -> &Database {
        &self.0.database
    }

    /// A key derived from the master key for a purpose of its own: the same on all nodes that have
    /// the same master key, and gone from memory when it is dropped.
    pub fn derived_key(&self, purpose: &str) -> Zeroizing<[u8; 32]> {
        self.0.master_key.derive(purpose)
    }

    pub(crate) fn master_key(&self) -> &MasterKey {
        &self.0.master_key
    }
}

/// Refuses to make a file where the journal has rows for one that was there.
async fn check_unclaimed_file(path: &Path, journal: &Path) -> Result<(), StoreError> {
    let (path, journal) = (path.to_path_buf(), journal.to_path_buf());
    let checking = tokio::task::spawn_blocking(move || match engine::is_file_set_up(&path) {
        true => Ok(()),
        false => Store::check_unclaimed(&journal),
    });
    checking.await.map_err(|error| StoreError::Database(Box::new(error)))?
}
