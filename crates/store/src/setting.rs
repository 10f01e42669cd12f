//! Settings: small named JSON values.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::audit::Deed;
use crate::engine::{Session, values};
use crate::{Actor, Micros, Store, StoreError};

impl Store {
    /// The value of a setting.
    pub async fn setting(&self, name: &str) -> Result<Option<Value>, StoreError> {
        let text = "SELECT value FROM setting WHERE name = $1";
        let row = self.database().fetch_optional(text, values![name]).await?;
        row.map(|row| parse(row.try_get("value")?)).transpose()
    }

    /// Sets a setting, or replaces its value.
    pub async fn put_setting(
        &self,
        name: &str,
        value: &Value,
        actor: &Actor,
        now: Micros,
    ) -> Result<(), StoreError> {
        self.change_setting(name, |_| value.clone(), actor, now).await?;
        Ok(())
    }

    /// Sets a setting to what is made of its value before, which is `null` where it cannot be read;
    /// tells the new value. Of changes at once each is made of the other's outcome.
    pub async fn change_setting(
        &self,
        name: &str,
        made_of: impl FnOnce(Option<&Value>) -> Value + Send,
        actor: &Actor,
        now: Micros,
    ) -> Result<Value, StoreError> {
        let mut change = self.database().begin_change().await?;
        let text = "SELECT value FROM setting WHERE name = $1";
        let before = change.fetch_optional(text, values![name]).await?;
        let before = match &before {
            // One that cannot be read can still be replaced.
            Some(row) => Some(parse(row.try_get("value")?).unwrap_or_default()),
            None => None,
        };
        let value = &made_of(before.as_ref());
        let text = "INSERT INTO setting (name, value) VALUES ($1, $2) \
                    ON CONFLICT (name) DO UPDATE SET value = excluded.value";
        change.execute(text, values![name, value.to_string()]).await?;
        let deed = Deed { actor, now, action: "setting.put", subject: name };
        deed.record(&mut change, before.as_ref(), Some(value)).await?;
        change.commit().await?;
        Ok(value.clone())
    }

    /// Sets a setting that nobody has set yet, and says whether it was this call. Of several
    /// nodes that do it at once one is told so.
    pub async fn claim_setting(&self, name: &str, value: &Value) -> Result<bool, StoreError> {
        let mut change = self.database().begin_change().await?;
        let text =
            "INSERT INTO setting (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING";
        let is_new = change.execute(text, values![name, value.to_string()]).await? == 1;
        change.commit().await?;
        Ok(is_new)
    }
}

pub(crate) async fn read_all(session: &mut Session) -> Result<BTreeMap<String, Value>, StoreError> {
    let rows = session.fetch_all("SELECT name, value FROM setting", &[]).await?;
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
    use crate::Actor;
    use crate::tests::{TestDatabase, on_each_engine};
    use serde_json::json;

    on_each_engine!(a_setting_is_absent_then_set_then_replaced);
    async fn a_setting_is_absent_then_set_then_replaced(database: TestDatabase) {
        let store = database.open().await;
        assert_eq!(store.setting("theme").await.unwrap(), None);
        assert!(store.claim_setting("theme", &json!("dark")).await.unwrap());
        assert!(!store.claim_setting("theme", &json!("grey")).await.unwrap());
        assert_eq!(store.setting("theme").await.unwrap(), Some(json!("dark")));
        store.put_setting("theme", &json!({"name": "light"}), &Actor::system(), 1).await.unwrap();
        assert_eq!(store.setting("theme").await.unwrap(), Some(json!({"name": "light"})));
        let longer = |before: Option<&serde_json::Value>| json!([before]);
        let told = store.change_setting("theme", longer, &Actor::system(), 2).await.unwrap();
        assert_eq!(told, json!([{"name": "light"}]));
        assert_eq!(store.setting("theme").await.unwrap(), Some(told));
    }
}
