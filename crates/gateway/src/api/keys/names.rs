//! Names of keys by their hashes.

use std::collections::{HashMap, HashSet};

use store::StoreError;

use crate::app::App;

/// The names of some keys of an account, of those that are deleted too.
pub async fn names<'h>(
    app: &App,
    account: &str,
    hashes: impl Iterator<Item = &'h str>,
) -> Result<HashMap<String, String>, StoreError> {
    let snapshot = app.snapshot();
    let mut names = HashMap::new();
    let mut missing = HashSet::new();
    for hash in hashes.filter(|hash| !hash.is_empty()) {
        if names.contains_key(hash) {
            continue;
        }
        match snapshot.caller_of(hash).filter(|caller| &*caller.account_id == account) {
            Some(caller) => {
                names.insert(hash.to_owned(), caller.name.clone());
            }
            None => {
                missing.insert(hash);
            }
        }
    }
    if !missing.is_empty() {
        let missing: Vec<&str> = missing.into_iter().collect();
        names.extend(app.store.api_key_names(account, &missing).await?);
    }
    Ok(names)
}
