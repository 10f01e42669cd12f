//! The server on which nodes share what they count: whether it can be reached.

use super::finding::Finding;
use crate::commands::serve::nodes;
use crate::configuration::{Address, FolderSettings};

const CHECK: &str = "valkey";

/// Looks at the server, if one is set.
pub async fn check(given: Option<&Address>, folder: &FolderSettings) -> Option<Finding> {
    Some(match nodes::open(given, folder) {
        Ok(None) => return None,
        Err(error) => Finding::failure(CHECK, format!("{error:#}"))
            .mend("set valkey_url to redis://user:password@host:6379/0, or remove it"),
        Ok(Some(valkey)) if nodes::answers(&valkey).await => {
            Finding::fine(CHECK, "the server that nodes share answers")
        }
        Ok(Some(_)) => Finding::failure(CHECK, "the server that nodes share cannot be reached")
            .mend("start the server, or correct its address, user, password and the way to it"),
    })
}
