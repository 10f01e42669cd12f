//! The server on which nodes share what they count: whether it can be reached, and whether all nodes
//! are to have it.

use store::Store;

use super::finding::Finding;
use crate::commands::serve::nodes::{self, Sharing};
use crate::configuration::{Address, FolderSettings};

const CHECK: &str = "valkey";

/// Looks at the server, if one is set.
pub async fn check(given: Option<&Address>, folder: &FolderSettings) -> Option<Finding> {
    Some(match nodes::open(given, folder) {
        Ok(Sharing::Unsaid | Sharing::Nowhere) => return None,
        Err(error) => Finding::failure(CHECK, format!("{error:#}"))
            .mend("set valkey_url to redis://user:password@host:6379/0, or remove it"),
        Ok(Sharing::In(valkey)) if nodes::answers(&valkey).await => {
            Finding::fine(CHECK, "the server that nodes share answers")
        }
        Ok(Sharing::In(_)) => {
            Finding::failure(CHECK, "the server that nodes share cannot be reached, or refused; the log line has its reason")
                .mend("start the server, or correct its address, user, password and the way to it")
        }
    })
}

/// Whether a node with these settings would start beside the others.
pub async fn agreement(store: &Store, given: Option<&Address>) -> Option<Finding> {
    if given.is_some() {
        return None;
    }
    let error = nodes::agree(store, &Sharing::Unsaid).await.err()?;
    Some(
        Finding::failure(CHECK, format!("{error:#}"))
            .mend("set valkey_url as on the other nodes, or to off when no node has it any more"),
    )
}
