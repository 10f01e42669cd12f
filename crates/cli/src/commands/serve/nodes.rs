//! The server on which many nodes share what they count.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use store::shared::Valkey;

use crate::configuration::{Address, FolderSettings};
use crate::data_folder::Place;

/// How long a doctor waits for the server.
const PATIENCE: Duration = Duration::from_secs(3);

/// The server that the settings name, being connected to. What is wrong with an address is told
/// without it: there may be a password in it.
pub fn open(given: Option<&Address>, folder: &FolderSettings) -> Result<Option<Valkey>> {
    let Some(given) = given else { return Ok(None) };
    let Some(address) = given.read().context("valkey_url cannot be used")? else { return Ok(None) };
    if matches!(Place::of(folder)?, Place::File(_)) {
        bail!(
            "valkey_url (or VALKEY_URL) is set, but the database is a file, which belongs to one \
             node: set database_url to a PostgreSQL database that all nodes share, or remove \
             valkey_url"
        );
    }
    let Ok(valkey) = Valkey::open(&address) else {
        bail!(
            "valkey_url (or VALKEY_URL) is not an address such as \
             redis://user:password@host:6379/0, rediss://host or redis+unix:///path"
        );
    };
    Ok(Some(valkey))
}

/// Whether the server answers soon.
pub async fn answers(valkey: &Valkey) -> bool {
    valkey.connected(PATIENCE).await
}
