//! Names of keys by their hashes.

use std::collections::HashMap;

use protocol::exchange::Fault;

use crate::api::change::refused;
use crate::app::App;

/// The names of some keys of an account, of those that are deleted too.
pub async fn names<'h>(
    app: &App,
    account: &str,
    hashes: impl Iterator<Item = &'h str>,
) -> Result<HashMap<String, String>, Fault> {
    let snapshot = app.snapshot();
    let mut names = HashMap::new();
    let mut is_missing = false;
    for hash in hashes.filter(|hash| !hash.is_empty()) {
        if names.contains_key(hash) {
            continue;
        }
        match snapshot.caller_of(hash).filter(|caller| &*caller.account_id == account) {
            Some(caller) => {
                names.insert(hash.to_owned(), caller.name.clone());
            }
            None => is_missing = true,
        }
    }
    if is_missing {
        // Those in force go first: they may have been renamed a moment ago.
        let mut all = app.store.api_key_names(account).await.map_err(refused)?;
        all.extend(names);
        names = all;
    }
    Ok(names)
}
