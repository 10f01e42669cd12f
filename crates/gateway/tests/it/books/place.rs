//! Where a world's books are, and what is left there of a process that was killed.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use gateway::clock::now_micros;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{
    AssertSqlSafe, Connection as _, Executor as _, PgConnection, Row as _, SqliteConnection,
};
use store::{MasterKey, Store};

use super::chance::Chance;
use super::{server, torn};

/// A data folder, and where its database is.
pub struct Place {
    folder: tempfile::TempDir,
    database: Database,
    key: MasterKey,
}

#[derive(Clone)]
enum Database {
    /// In the folder.
    Sqlite,
    /// By its address.
    Postgres(String),
}

/// What one query tells: by name how many rows, what they cost, and what of it others paid.
pub type Totals = BTreeMap<String, (i64, i64, i64)>;

impl Place {
    pub fn sqlite() -> Self {
        Self::new(Database::Sqlite, MasterKey::generate().unwrap())
    }

    /// `None` when these tests are to be left out.
    pub async fn postgres() -> Option<Self> {
        if server::is_skipped() {
            return None;
        }
        let address = server::new_database().await;
        Some(Self::new(Database::Postgres(address), MasterKey::generate().unwrap()))
    }

    fn new(database: Database, key: MasterKey) -> Self {
        Self { folder: tempfile::tempdir().unwrap(), database, key }
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn file(&self) -> PathBuf {
        self.data().join("trunkline.db")
    }

    fn journal(&self) -> PathBuf {
        Store::journal_beside(&self.file())
    }

    /// The store as a process that serves opens it.
    pub async fn open(&self) -> Store {
        let (key, now) = (self.key.clone(), now_micros());
        let opened = match &self.database {
            Database::Sqlite => Store::open(&self.file(), key, now).await,
            Database::Postgres(address) => {
                Store::connect(address, Some(&self.journal()), key, now).await
            }
        };
        opened.unwrap()
    }

    /// Whether a process that was killed still has its books, where nobody else sees them.
    pub fn stays(&self) -> bool {
        matches!(self.database, Database::Sqlite)
    }

    /// Takes the database away from those who write to it: settlements go no further than the
    /// journal.
    pub async fn outage(&self) -> Outage {
        match &self.database {
            Database::Sqlite => {
                let mut lock = self.connect_sqlite().await;
                lock.execute("BEGIN IMMEDIATE").await.unwrap();
                Outage::Locked(lock)
            }
            Database::Postgres(address) => {
                let cluster = Cluster::of(address);
                cluster.run(&cluster.shut()).await;
                Outage::Shut(cluster)
            }
        }
    }

    /// What a kill during an outage leaves. The process goes on with what is its own, and cannot
    /// reach what was left.
    pub async fn killed(&self, outage: Outage) -> Self {
        match outage {
            Outage::Locked(lock) => {
                let left = Self::new(Database::Sqlite, self.key.clone());
                // While nobody can write the log, files that are copied one after the other are
                // those of one moment. What is written to the journal meanwhile came before it.
                copy(&self.data(), &left.data());
                Outage::Locked(lock).end().await;
                left
            }
            Outage::Shut(cluster) => {
                let renamed = cluster.rename().await;
                let left = Self::new(Database::Postgres(renamed), self.key.clone());
                copy(&self.data(), &left.data());
                left
            }
        }
    }

    /// The same where the power went, and with it the end of the journal behind the rows of those
    /// whose answers were `seen`. Tells how many whole records were lost with it.
    pub async fn torn(
        &self,
        outage: Outage,
        seen: &HashSet<String>,
        chance: &mut Chance,
    ) -> (Self, usize) {
        let left = self.killed(outage).await;
        let lost = torn::tear(&left.journal(), seen, chance);
        (left, lost)
    }

    /// Once more as it is, killed when the journal had been replayed and was still there.
    pub async fn killed_in_replay(self) -> Self {
        let before = self.folder.path().join("before");
        copy(&self.journal(), &before);
        let store = self.open().await;
        let left = self.killed(self.outage().await).await;
        drop(store);
        std::fs::remove_dir_all(left.journal()).unwrap();
        copy(&before, &left.journal());
        left
    }

    async fn connect_sqlite(&self) -> SqliteConnection {
        let options =
            SqliteConnectOptions::new().filename(self.file()).busy_timeout(Duration::from_secs(60));
        SqliteConnection::connect_with(&options).await.unwrap()
    }

    /// What queries of four columns tell, each: a name, and three numbers.
    pub async fn totals(&self, queries: &[String]) -> Vec<Totals> {
        let mut told = Vec::new();
        macro_rules! ask {
            ($connection:expr) => {{
                let mut connection = $connection;
                for query in queries {
                    let query = sqlx::query(AssertSqlSafe(query.clone()));
                    let lines = query.fetch_all(&mut connection).await.unwrap();
                    let lines = lines.iter().map(|line| {
                        (line.get::<String, _>(0), (line.get(1), line.get(2), line.get(3)))
                    });
                    told.push(lines.collect());
                }
                connection.close().await.unwrap();
            }};
        }
        match &self.database {
            Database::Sqlite => ask!(self.connect_sqlite().await),
            Database::Postgres(address) => ask!(PgConnection::connect(address).await.unwrap()),
        }
        told
    }
}

/// Copies a folder by another process: in this one, to close a file of SQLite's would free the
/// locks it has on it.
fn copy(from: &Path, to: &Path) {
    let mut command = Command::new("cp");
    let copied = command.args(["-a", "--sparse=always"]).arg(from).arg(to).status().unwrap();
    assert!(copied.success(), "cp {} {}", from.display(), to.display());
}

/// A time without the database.
pub enum Outage {
    /// Somebody else holds the lock of a file.
    Locked(SqliteConnection),
    /// A server lets nobody in.
    Shut(Cluster),
}

impl Outage {
    pub async fn end(self) {
        match self {
            Self::Locked(mut lock) => {
                lock.execute("ROLLBACK").await.unwrap();
                lock.close().await.unwrap();
            }
            Self::Shut(cluster) => {
                let open = format!("ALTER DATABASE {} ALLOW_CONNECTIONS true", cluster.name);
                cluster.run(&[open]).await;
            }
        }
    }
}

/// A database of a server's, seen from another one of the same.
pub struct Cluster {
    name: String,
    /// Address of the server: what comes before the database's name, and what after.
    parts: (String, String),
}

impl Cluster {
    fn of(address: &str) -> Self {
        let (before, rest) = address.split_once("localhost/").unwrap();
        let (name, after) = rest.split_once('?').unwrap();
        Self { name: name.to_owned(), parts: (before.to_owned(), after.to_owned()) }
    }

    fn address(&self, name: &str) -> String {
        format!("{}localhost/{name}?{}", self.parts.0, self.parts.1)
    }

    /// Ends all connections and lets nobody in.
    fn shut(&self) -> [String; 2] {
        [format!("ALTER DATABASE {} ALLOW_CONNECTIONS false", self.name), self.end_connections()]
    }

    fn end_connections(&self) -> String {
        let end = "SELECT pg_terminate_backend(pid, 30000) FROM pg_stat_activity";
        format!("{end} WHERE datname = '{}'", self.name)
    }

    /// Gives the database another name and lets in who knows it: its new address. Those who were
    /// connected before find it no more.
    async fn rename(&self) -> String {
        let (name, renamed) = (&self.name, format!("{}_", self.name));
        // Who was on the way in when nobody was let in any more is in now.
        self.run(&[
            self.end_connections(),
            format!("ALTER DATABASE {name} RENAME TO {renamed}"),
            format!("ALTER DATABASE {renamed} ALLOW_CONNECTIONS true"),
        ])
        .await;
        self.address(&renamed)
    }

    async fn run(&self, texts: &[String]) {
        let mut connection = PgConnection::connect(&self.address("postgres")).await.unwrap();
        for text in texts {
            connection.execute(AssertSqlSafe(text.clone())).await.unwrap();
        }
        connection.close().await.unwrap();
    }
}
