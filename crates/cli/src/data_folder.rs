//! Where the data is: a folder with the database and the master key, both for their owner only,
//! or a database on a server that several nodes share. Either way a node has a folder of its own.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use store::{MasterKey, Schema, Store, StoreError};

use crate::configuration::{FolderSettings, MasterKeySource};
use crate::moment;

/// The pause between attempts to reach a server that is not there yet.
const PAUSE: Duration = Duration::from_millis(500);

/// How long one look at a server may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where the database is.
#[derive(Clone)]
pub enum Place {
    /// A file in the data folder, which may not exist yet.
    File(PathBuf),
    /// A PostgreSQL server, by its address, in which there may be a password.
    Server(String),
}

impl Place {
    /// Where the settings say that the database is.
    pub fn of(settings: &FolderSettings) -> Result<Self> {
        let given = match &settings.database_url {
            Some(address) => address.read().context("database_url cannot be used")?,
            None => None,
        };
        Ok(match given {
            Some(address) => {
                Store::describe(&address).context("database_url (or DATABASE_URL) is wrong")?;
                Self::Server(address)
            }
            None => Self::File(settings.path().join("trunkline.db")),
        })
    }

    /// The place in words, without passwords.
    pub fn shown(&self) -> String {
        match self {
            Self::File(path) => format!("the database {}", path.display()),
            Self::Server(address) => {
                Store::describe(address).unwrap_or_else(|_| "the database server".to_owned())
            }
        }
    }

    /// What is set up there; nothing in a file that does not exist. A server is waited for.
    pub async fn schema(&self, wait: Duration) -> Result<Option<Schema>, StoreError> {
        match self {
            Self::File(path) if !is_there(path)? => Ok(None),
            Self::File(path) => Ok(Some(Store::schema_of_file(path).await?)),
            Self::Server(address) => {
                let look = || Store::schema_of_server(address, PATIENCE.min(wait.max(PAUSE)));
                Ok(Some(patiently(wait, &self.shown(), look).await?))
            }
        }
    }

    /// The folder where settlements are safe before the database has them.
    pub fn journal(&self, settings: &FolderSettings) -> PathBuf {
        match self {
            Self::File(path) => Store::journal_beside(path),
            Self::Server(_) => settings.path().join("journal"),
        }
    }

    /// Opens the store, and makes what is missing, the key among it.
    async fn open(&self, settings: &FolderSettings, purpose: Purpose) -> Result<Store> {
        let opened = match self {
            Self::File(path) => {
                require_key_of_file(settings, path)?;
                if !is_there(path)? {
                    // Before there is a key for it.
                    Store::check_unclaimed(&self.journal(settings))
                        .with_context(|| format!("{} is not there", self.shown()))?;
                }
                let key = master_key(settings)?;
                match purpose {
                    Purpose::Serving => Store::open(path, key, moment::now()).await,
                    Purpose::Beside => Store::open_beside(path, key, moment::now()).await,
                }
            }
            Self::Server(address) => {
                let wait = settings.database_wait();
                let schema = self.schema(wait).await;
                let schema = schema.with_context(|| format!("{} cannot be used", self.shown()))?;
                if schema.is_some_and(|schema| schema.found.is_some()) {
                    require_key_of_server(settings, &self.shown())?;
                }
                let journal = self.journal(settings);
                if schema.is_some_and(|schema| schema.found.is_none()) {
                    Store::check_unclaimed(&journal)
                        .with_context(|| format!("{} is empty", self.shown()))?;
                }
                let key = master_key(settings)?;
                let journal = match purpose {
                    Purpose::Serving => Some(journal.as_path()),
                    Purpose::Beside => None,
                };
                let connect = || Store::connect(address, journal, key.clone(), moment::now());
                patiently(wait, &self.shown(), connect).await
            }
        };
        opened.map_err(|error| {
            let is_of_server = matches!(self, Self::Server(_));
            let error = match error {
                StoreError::WrongMasterKey if is_of_server => anyhow::Error::new(error).context(
                    "every node needs the master key that the database was set up with: name it \
                     with --master-key file:PATH or env:NAME",
                ),
                error => error.into(),
            };
            error.context(format!("{} cannot be opened", self.shown()))
        })
    }
}

/// What a store is opened for.
#[derive(Clone, Copy)]
enum Purpose {
    /// To serve from it: its journal is this process's alone.
    Serving,
    /// To read and change it, also beside a process that serves from it.
    Beside,
}

/// The key file of a data folder, unless the key is elsewhere.
pub fn key_file(settings: &FolderSettings) -> Option<PathBuf> {
    match &settings.master_key {
        None => Some(settings.path().join("master.key")),
        Some(MasterKeySource::File(path)) => Some(path.clone()),
        Some(MasterKeySource::Environment(_)) => None,
    }
}

/// Opens the store for serving from it, and makes the folder, the key and the database where they
/// are missing.
pub async fn serve(settings: &FolderSettings) -> Result<Store> {
    Place::of(settings)?.open(settings, Purpose::Serving).await
}

/// Opens the store, also beside a process that serves from it, and makes the folder, the key and
/// the database where they are missing.
pub async fn open_or_create(settings: &FolderSettings) -> Result<Store> {
    Place::of(settings)?.open(settings, Purpose::Beside).await
}

/// Opens the store if there is one: a command that only reads must not leave an empty database
/// behind in a misspelt place.
pub async fn open_if_there(settings: &FolderSettings) -> Result<Option<Store>> {
    let place = Place::of(settings)?;
    let is_there = match &place {
        Place::File(path) => is_there(path)?,
        Place::Server(_) => {
            let schema = place.schema(settings.database_wait()).await;
            let schema = schema.with_context(|| format!("{} cannot be used", place.shown()))?;
            schema.is_some_and(|schema| schema.found.is_some())
        }
    };
    if !is_there {
        return Ok(None);
    }
    Ok(Some(place.open(settings, Purpose::Beside).await?))
}

/// Opens the store of a place that must have one.
pub async fn open(settings: &FolderSettings) -> Result<Store> {
    if let Some(store) = open_if_there(settings).await? {
        return Ok(store);
    }
    match Place::of(settings)? {
        Place::File(path) => bail!(
            "there is no database {}; name its folder with --data-folder, or run `trunkline serve` \
             to make one",
            path.display()
        ),
        place @ Place::Server(_) => bail!(
            "nothing is set up in {}; correct database_url, or run `trunkline serve` to set it up",
            place.shown()
        ),
    }
}

/// Whether there is a file. One that may not be looked at is there for all that is known.
fn is_there(path: &Path) -> Result<bool, StoreError> {
    path.try_exists().map_err(|source| StoreError::File { path: path.to_owned(), source })
}

/// Tries until a server lets somebody in, or the time is over.
async fn patiently<T, F>(
    wait: Duration,
    place: &str,
    attempt: impl Fn() -> F,
) -> Result<T, StoreError>
where
    F: Future<Output = Result<T, StoreError>>,
{
    let begun = Instant::now();
    let mut is_told = false;
    loop {
        match attempt().await {
            Err(StoreError::Unreachable(reason)) if begun.elapsed() + PAUSE < wait => {
                if !is_told {
                    let seconds = wait.as_secs();
                    tracing::warn!(%reason, "{place} cannot be reached yet; waiting {seconds} seconds");
                    is_told = true;
                }
                tokio::time::sleep(PAUSE).await;
            }
            outcome => return outcome,
        }
    }
}

/// A new key would not open the old database: say so instead of making one.
fn require_key_of_file(settings: &FolderSettings, path: &Path) -> Result<()> {
    if let Some(key) = key_file(settings)
        && path.exists()
        && !key.exists()
    {
        bail!(
            "the database {} is there but its master key {} is not; restore the key file, or say \
             with --master-key where it is",
            path.display(),
            key.display()
        );
    }
    Ok(())
}

/// The same for a database that another node has set up.
fn require_key_of_server(settings: &FolderSettings, place: &str) -> Result<()> {
    if let Some(key) = key_file(settings)
        && !key.exists()
    {
        bail!(
            "{place} is set up already, but there is no master key {}: every node needs the one \
             that the database was set up with; copy it there, or name it with --master-key \
             file:PATH or env:NAME",
            key.display()
        );
    }
    Ok(())
}

/// The master key, from where the settings say.
fn master_key(settings: &FolderSettings) -> Result<MasterKey> {
    if let Some(MasterKeySource::Environment(name)) = &settings.master_key {
        let text = std::env::var(name)
            .with_context(|| format!("the master key is to be in the variable {name}"))?;
        return Ok(MasterKey::parse(&text)?);
    }
    let path = key_file(settings).unwrap_or_else(|| settings.path().join("master.key"));
    MasterKey::load_or_create(&path)
        .with_context(|| format!("the master key {} cannot be used", path.display()))
}
