//! The key of the first start.

use anyhow::Result;
use serde_json::json;
use store::{Actor, CreatedApiKey, NewApiKey, Store};

use crate::moment;

/// Set once a data folder has had its first key, so that revoking every key does not bring
/// another one into being.
const SETTING: &str = "first_key_created";

/// Makes the first key of a data folder; nothing in one that has, or had, keys.
pub async fn create_once(store: &Store) -> Result<Option<CreatedApiKey>> {
    // Of nodes that start together one makes it.
    if store.setting(SETTING).await?.is_some()
        || !store.claim_setting(SETTING, &json!(true)).await?
        || !store.api_keys(true, None).await?.is_empty()
    {
        return Ok(None);
    }
    let new = NewApiKey { name: "first key".to_owned(), ..NewApiKey::default() };
    Ok(Some(store.create_api_key(new, &Actor::command_line(), moment::now()).await?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_first_key_is_made_once_even_if_it_is_revoked() {
        let store = Store::open_temporary().await.unwrap();
        let created = create_once(&store).await.unwrap().unwrap();
        assert_eq!(created.key.name, "first key");
        assert!(create_once(&store).await.unwrap().is_none());
        store.delete_api_key(&created.key.hash, &Actor::command_line(), 1).await.unwrap();
        assert!(create_once(&store).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn a_folder_with_keys_of_its_own_gets_none() {
        let store = Store::open_temporary().await.unwrap();
        let new = NewApiKey { name: "mine".to_owned(), ..NewApiKey::default() };
        store.create_api_key(new, &Actor::command_line(), 0).await.unwrap();
        assert!(create_once(&store).await.unwrap().is_none());
    }
}
