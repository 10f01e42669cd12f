//! The data folder: the database and the master key, both for their owner only.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use store::{MasterKey, Store};

use crate::configuration::{FolderSettings, MasterKeySource};
use crate::moment;

/// The database in a data folder.
pub fn database(folder: &Path) -> PathBuf {
    folder.join("trunkline.db")
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
    let path = prepare(settings)?;
    Store::open(&path, master_key(settings)?, moment::now())
        .await
        .with_context(|| format!("the database {} cannot be opened", path.display()))
}

/// Opens the store, also beside a process that serves from it, and makes the folder, the key and
/// the database where they are missing.
pub async fn open_or_create(settings: &FolderSettings) -> Result<Store> {
    let path = prepare(settings)?;
    Store::open_beside(&path, master_key(settings)?, moment::now())
        .await
        .with_context(|| format!("the database {} cannot be opened", path.display()))
}

/// Where the database is or will be.
fn prepare(settings: &FolderSettings) -> Result<PathBuf> {
    let folder = settings.path();
    let path = database(&folder);
    // A new key would not open the old database: say so instead of making one.
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
    Ok(path)
}

/// Opens the store of a folder that must have one: a command that only reads must not leave an
/// empty database behind in a misspelt folder.
pub async fn open(settings: &FolderSettings) -> Result<Store> {
    let path = database(&settings.path());
    if !path.exists() {
        bail!(
            "there is no database {}; name its folder with --data-folder, or run `trunkline serve` \
             to make one",
            path.display()
        );
    }
    open_or_create(settings).await
}

/// The master key, from where the settings say.
pub fn master_key(settings: &FolderSettings) -> Result<MasterKey> {
    if let Some(MasterKeySource::Environment(name)) = &settings.master_key {
        let text = std::env::var(name)
            .with_context(|| format!("the master key is to be in the variable {name}"))?;
        return Ok(MasterKey::parse(&text)?);
    }
    let path = key_file(settings).unwrap_or_else(|| settings.path().join("master.key"));
    MasterKey::load_or_create(&path)
        .with_context(|| format!("the master key {} cannot be used", path.display()))
}
