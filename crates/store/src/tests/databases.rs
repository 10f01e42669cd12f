//! One suite for both engines: a test is given a database and does not know which.

use std::path::PathBuf;
use std::time::Duration;

use crate::engine::{EngineOptions, PostgresOptions};
use crate::settlement::SettlementOptions;
use crate::{MasterKey, Micros, Schema, Store, StoreError};

use super::server;

/// Makes an `async fn(TestDatabase)` two tests: one on SQLite, one on PostgreSQL.
macro_rules! on_each_engine {
    ($name:ident) => {
        mod $name {
            use crate::tests::TestDatabase;

            #[tokio::test]
            async fn sqlite() {
                super::$name(TestDatabase::sqlite()).await;
            }

            #[tokio::test]
            async fn postgres() {
                if let Some(database) = TestDatabase::postgres().await {
                    super::$name(database).await;
                }
            }
        }
    };
}
pub(crate) use on_each_engine;

/// A database of a test's own, and the key it is set up with.
pub(crate) struct TestDatabase {
    place: Place,
    folder: tempfile::TempDir,
    pub(crate) key: MasterKey,
}

enum Place {
    Sqlite,
    Postgres(String),
}

impl TestDatabase {
    pub(crate) fn sqlite() -> TestDatabase {
        TestDatabase::at(Place::Sqlite)
    }

    /// `None` when these tests are to be left out.
    pub(crate) async fn postgres() -> Option<TestDatabase> {
        if server::is_skipped() {
            return None;
        }
        Some(TestDatabase::at(Place::Postgres(server::new_database().await)))
    }

    fn at(place: Place) -> TestDatabase {
        let folder = tempfile::tempdir().unwrap();
        TestDatabase { place, folder, key: MasterKey::generate().unwrap() }
    }

    /// Where a file is.
    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("data/trunkline.db")
    }

    /// Where a store with a journal has it.
    pub(crate) fn journal(&self) -> PathBuf {
        self.folder.path().join("journal")
    }

    /// What a look from outside shows.
    pub(crate) async fn schema(&self) -> Schema {
        match &self.place {
            Place::Sqlite => Store::schema_of_file(&self.path()).await.unwrap(),
            Place::Postgres(address) => {
                Store::schema_of_server(address, Duration::from_secs(10)).await.unwrap()
            }
        }
    }

    pub(crate) fn is_postgres(&self) -> bool {
        matches!(self.place, Place::Postgres(_))
    }

    pub(crate) async fn open(&self) -> Store {
        self.try_open(self.key.clone(), 0).await.unwrap()
    }

    pub(crate) async fn try_open(&self, key: MasterKey, now: Micros) -> Result<Store, StoreError> {
        let settlements = SettlementOptions::default();
        match &self.place {
            Place::Sqlite => {
                let options = EngineOptions { durable: false, ..EngineOptions::default() };
                Store::open_with(&self.path(), key, now, &options, settlements, None).await
            }
            Place::Postgres(address) => Store::connect(address, None, key, now).await,
        }
    }

    /// A store that gives up on locks at once, and does not return to rows held back by itself:
    /// the test says when.
    pub(crate) async fn open_impatient(&self, capacity: usize) -> Store {
        let settlements = SettlementOptions {
            capacity,
            retry_pauses: vec![Duration::from_millis(1)],
            backlog_pause: Duration::from_secs(3_600),
            ..SettlementOptions::default()
        };
        self.open_with(settlements).await
    }

    /// The same with a journal, and at most so many rows in memory behind it.
    pub(crate) async fn open_with_journal(&self, in_memory: usize) -> Store {
        self.open_with(self.journalling(in_memory)).await
    }

    /// The same, where it may be refused.
    pub(crate) async fn try_open_with_journal(&self) -> Result<Store, StoreError> {
        self.try_open_waiting(Duration::from_millis(10), self.journalling(10)).await
    }

    fn journalling(&self, in_memory: usize) -> SettlementOptions {
        SettlementOptions {
            retry_pauses: Vec::new(),
            backlog_pause: Duration::from_secs(3_600),
            journal: Some(self.journal()),
            journal_first: !self.is_postgres(),
            durable: false,
            in_memory,
            ..SettlementOptions::default()
        }
    }

    /// A store with a journal whose database may keep it waiting for long.
    pub(crate) async fn open_patient(&self) -> Store {
        let settlements = SettlementOptions {
            journal: Some(self.journal()),
            journal_first: !self.is_postgres(),
            durable: false,
            ..SettlementOptions::default()
        };
        self.open_waiting(Duration::from_secs(60), settlements).await
    }

    async fn open_with(&self, settlements: SettlementOptions) -> Store {
        self.open_waiting(Duration::from_millis(10), settlements).await
    }

    async fn open_waiting(&self, patience: Duration, settlements: SettlementOptions) -> Store {
        self.try_open_waiting(patience, settlements).await.unwrap()
    }

    async fn try_open_waiting(
        &self,
        patience: Duration,
        settlements: SettlementOptions,
    ) -> Result<Store, StoreError> {
        let key = self.key.clone();
        match &self.place {
            Place::Sqlite => {
                let options = EngineOptions { busy_timeout: patience, durable: false };
                Store::open_with(&self.path(), key, 0, &options, settlements, None).await
            }
            Place::Postgres(address) => {
                let options =
                    PostgresOptions { lock_timeout: patience, ..PostgresOptions::default() };
                Store::connect_with(address, key, 0, &options, settlements).await
            }
        }
    }
}

impl Store {
    /// Runs a statement behind the store's back.
    pub(crate) async fn run(&self, sql: &'static str) -> u64 {
        self.database().session().await.unwrap().execute(sql, &[]).await.unwrap()
    }

    /// The one number a statement gives, in a column named `n`.
    pub(crate) async fn number(&self, sql: &'static str) -> i64 {
        self.database().fetch_one(sql, &[]).await.unwrap().try_get("n").unwrap()
    }
}
