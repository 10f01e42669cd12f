//! Settings: small named JSON values.

use std::collections::BTreeMap;

use serde_json::Value;
use sqlx::Row as _;

use crate::engine::Connection;
use crate::{Store, StoreError};

impl Store {
    /// The value of a setting.
    pub async fn setting(&self, name: &str) -> Result<Option<Value>, StoreError> {
        let text: Option<String> = sqlx::query_scalar("SELECT value FROM setting WHERE name = $1")
            .bind(name)
            .fetch_optional(self.engine().reader())
            .await?;
        text.as_deref().map(parse).transpose()
    }

    /// Sets a setting, or replaces its value.
    pub async fn put_setting(&self, name: &str, value: &Value) -> Result<(), StoreError> {
        let mut change = self.engine().begin_change().await?;
        sqlx::query(
            "INSERT INTO setting (name, value) VALUES ($1, $2) \
             ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        )
        .bind(name)
        .bind(value.to_string())
        .execute(change.connection())
        .await?;
        change.commit().await
    }
}

pub(crate) async fn read_all(
    connection: &mut Connection,
) -> Result<BTreeMap<String, Value>, StoreError> {
    let rows = sqlx::query("SELECT name, value FROM setting").fetch_all(connection).await?;
    let mut found = BTreeMap::new();
    for row in &rows {
        let name: String = row.try_get("name")?;
        match parse(row.try_get("value")?) {
            Ok(value) => {
                found.insert(name, value);
            }
            // One bad value must not keep every other change out of force.
            Err(error) => tracing::warn!(name, %error, "a setting cannot be read and is left out"),
        }
    }
    Ok(found)
}

fn parse(text: &str) -> Result<Value, StoreError> {
    serde_json::from_str(text)
        .map_err(|error| StoreError::Corrupt { what: "setting", reason: error.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[tokio::test]
    async fn a_setting_is_absent_then_set_then_replaced() {
        let store = Store::open_temporary().await.unwrap();
        assert_eq!(store.setting("theme").await.unwrap(), None);
        store.put_setting("theme", &json!("dark")).await.unwrap();
        store.put_setting("theme", &json!({"name": "light"})).await.unwrap();
        assert_eq!(store.setting("theme").await.unwrap(), Some(json!({"name": "light"})));
    }
}
