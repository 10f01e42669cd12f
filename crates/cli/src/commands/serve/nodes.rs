//! The server on which many nodes share what they count, and whether they all have it.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::json;
use store::shared::Valkey;
use store::{Actor, Store};

use crate::configuration::{Address, FolderSettings};
use crate::data_folder::Place;
use crate::moment;

/// How long a doctor waits for the server.
const PATIENCE: Duration = Duration::from_secs(3);

/// The setting that says whether the nodes of a database share what they count. A node that counts
/// alone beside those would let limits be spent once more, and nobody would notice.
const MARK: &str = "nodes_share_counters";

/// Where nodes share what they count.
#[derive(Debug)]
pub enum Sharing {
    /// On a server, which is being connected to.
    In(Valkey),
    /// Nowhere, whatever was before: the operator says so.
    Nowhere,
    /// Nothing is said of it.
    Unsaid,
}

impl Sharing {
    /// The server, if there is one.
    pub fn into_server(self) -> Option<Valkey> {
        match self {
            Self::In(valkey) => Some(valkey),
            Self::Nowhere | Self::Unsaid => None,
        }
    }
}

/// The server that the settings name, being connected to. What is wrong with an address is told
/// without it: there may be a password in it.
pub fn open(given: Option<&Address>, folder: &FolderSettings) -> Result<Sharing> {
    let Some(given) = given else { return Ok(Sharing::Unsaid) };
    let Some(address) = given.read().context("valkey_url cannot be used")? else {
        return Ok(Sharing::Unsaid);
    };
    if address == "off" {
        return Ok(Sharing::Nowhere);
    }
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
             redis://user:password@host:6379/0, rediss://host or redis+unix:///path, and not off"
        );
    };
    Ok(Sharing::In(valkey))
}

/// Whether the server answers soon.
pub async fn answers(valkey: &Valkey) -> bool {
    valkey.connected(PATIENCE).await
}

/// Sees to it that a node counts where the others do: one that shares says so in the database, and
/// one of which nothing is said does not start beside those.
pub async fn agree(store: &Store, sharing: &Sharing) -> Result<()> {
    let is_shared = store.setting(MARK).await? == Some(json!(true));
    let mark = match sharing {
        Sharing::In(_) => true,
        Sharing::Nowhere => false,
        Sharing::Unsaid if is_shared => bail!(
            "the nodes of this database share their limits on a Valkey server, and this one has no \
             valkey_url (or VALKEY_URL): beside them it would let limits be overspent. Set it as on \
             the other nodes; or, when none of them has it any more, start once with valkey_url = \
             \"off\""
        ),
        Sharing::Unsaid => return Ok(()),
    };
    if mark != is_shared {
        store.put_setting(MARK, &json!(mark), &Actor::command_line(), moment::now()).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_node_without_a_server_does_not_start_beside_those_that_share_one() {
        let store = Store::open_temporary().await.unwrap();
        agree(&store, &Sharing::Unsaid).await.unwrap();
        let valkey = Valkey::open("redis://127.0.0.1:1").unwrap();
        let shared = Sharing::In(valkey);
        agree(&store, &shared).await.unwrap();
        agree(&store, &shared).await.unwrap();
        let refused = agree(&store, &Sharing::Unsaid).await.unwrap_err().to_string();
        assert!(refused.contains("valkey_url") && refused.contains("off"), "{refused}");
        agree(&store, &Sharing::Nowhere).await.unwrap();
        agree(&store, &Sharing::Unsaid).await.unwrap();
    }

    #[tokio::test]
    async fn that_there_is_no_server_can_be_said() {
        let folder = FolderSettings::default();
        let off = "off".parse().unwrap();
        assert!(matches!(open(Some(&off), &folder), Ok(Sharing::Nowhere)));
        assert!(matches!(open(None, &folder), Ok(Sharing::Unsaid)));
    }
}
