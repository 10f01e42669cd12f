//! Secrets of keys that got a new one, and when keys that leave no generations were used.
//!
//! A key's identity is the hash of its first secret and stays so: usage, limits, lists of allowed
//! keys and the log of changes name it. Later secrets lead to it.

use std::collections::HashMap;

use serde::Serialize;

use crate::analytics::Conditions;
use crate::api_key::{ApiKey, CreatedApiKey, api_key_hash, new_secret, not_found, read_one};
use crate::audit::Deed;
use crate::engine::{Row, Session, Sql, values};
use crate::{Actor, Micros, Store, StoreError};

/// A secret of a key that got a new one at some time. Any other key has one secret, whose hash is
/// its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeySecret {
    /// Lowercase hex SHA-256 of the secret.
    pub hash: String,
    /// The key it leads to.
    pub key_hash: String,
    /// Microseconds since the Unix epoch.
    pub created_at: Micros,
    /// Refused from this moment on; `None` for the newest secret.
    pub expires_at: Option<Micros>,
}

/// How many keys are asked for by one statement.
const MOST_AT_ONCE: usize = 500;

impl Store {
    /// Gives a key a new secret. Those it had go on for `grace` microseconds, and none of them for
    /// longer than it would have before. Refused for a key whose secret nobody knows.
    pub async fn rotate_api_key(
        &self,
        hash: &str,
        grace: Micros,
        actor: &Actor,
        now: Micros,
    ) -> Result<CreatedApiKey, StoreError> {
        let mut change = self.database().begin_change().await?;
        let before = read_one(&mut change, hash).await?.ok_or_else(|| not_found(hash))?;
        if before.origin.is_some() {
            let reason = "nobody has its secret: delete it, and it is made anew when it is needed";
            return Err(StoreError::Invalid { what: "key", reason: reason.to_owned() });
        }
        let (plaintext, label) = new_secret()?;
        let end = now.saturating_add(grace.max(0));
        // Told of the first secret only once it is not the only one.
        let text = "INSERT INTO api_key_secret (hash, key_hash, created_at, expires_at) \
                    VALUES ($1, $1, $2, $3) ON CONFLICT (hash) DO NOTHING";
        change.execute(text, values![hash, before.created_at, end]).await?;
        let text = "UPDATE api_key_secret SET expires_at = $1 \
                    WHERE key_hash = $2 AND (expires_at IS NULL OR expires_at > $1)";
        change.execute(text, values![end, hash]).await?;
        // The first one stays, or it would be the key's only secret again.
        let text = "DELETE FROM api_key_secret \
                    WHERE key_hash = $1 AND hash <> $1 AND expires_at <= $2";
        change.execute(text, values![hash, now]).await?;
        let text = "INSERT INTO api_key_secret (hash, key_hash, created_at, expires_at) \
                    VALUES ($1, $2, $3, $4)";
        let secret_hash = api_key_hash(plaintext.expose());
        change.execute(text, values![&secret_hash, hash, now, None::<i64>]).await?;
        let text = "UPDATE api_key SET label = $1, updated_at = $2 WHERE hash = $3";
        change.execute(text, values![&label, now, hash]).await?;
        let after = ApiKey { label, updated_at: now, ..before.clone() };
        let deed = Deed { actor, now, action: "api_key.rotate", subject: hash };
        deed.record(&mut change, Some(&before), Some(&after)).await?;
        change.commit().await?;
        Ok(CreatedApiKey { plaintext, key: after })
    }

    /// The key that a secret with this hash leads to, where it is not the key's own.
    pub async fn key_of_secret(&self, hash: &str) -> Result<Option<String>, StoreError> {
        let text = "SELECT key_hash FROM api_key_secret WHERE hash = $1";
        let row = self.database().fetch_optional(text, values![hash]).await?;
        row.map(|row| row.try_get("key_hash")).transpose()
    }

    /// Notes that a key was used, where no generation tells it. No change of the control plane.
    pub async fn note_key_use(&self, hash: &str, at: Micros) -> Result<(), StoreError> {
        let mut write = self.database().begin_write().await?;
        let text = "INSERT INTO api_key_use (key_hash, last_used_at) VALUES ($1, $2) \
                    ON CONFLICT (key_hash) DO UPDATE SET last_used_at = excluded.last_used_at \
                    WHERE api_key_use.last_used_at < excluded.last_used_at";
        write.execute(text, values![hash, at]).await?;
        write.commit().await
    }

    /// When keys were last used that leave no generations, by hash.
    pub async fn key_uses(&self) -> Result<HashMap<String, Micros>, StoreError> {
        let text = "SELECT key_hash, last_used_at FROM api_key_use";
        let rows = self.database().fetch_all(text, &[]).await?;
        rows.iter()
            .map(|row| Ok((row.try_get("key_hash")?, row.try_get("last_used_at")?)))
            .collect()
    }

    /// The names of some keys of an account, or of one of its members alone, by hash; of those that
    /// are deleted too.
    pub async fn api_key_names(
        &self,
        account_id: &str,
        member_id: Option<&str>,
        hashes: &[&str],
    ) -> Result<HashMap<String, String>, StoreError> {
        let mut names = HashMap::with_capacity(hashes.len());
        for some in hashes.chunks(MOST_AT_ONCE) {
            let mut conditions = Conditions::default();
            conditions.text("account_id", "=", account_id);
            if let Some(member) = member_id {
                conditions.text("member_id", "=", member);
            }
            let places: Vec<_> = some.iter().map(|hash| conditions.bind(*hash)).collect();
            conditions.put(format!("hash IN ({})", places.join(", ")));
            let text = format!("SELECT hash, name FROM api_key WHERE {}", conditions.text_of());
            for row in self.database().fetch_all(Sql::composed(text), conditions.values()).await? {
                names.insert(row.try_get("hash")?, row.try_get("name")?);
            }
        }
        Ok(names)
    }
}

/// Every secret of every key that got a new one.
pub(crate) async fn read_all(session: &mut Session) -> Result<Vec<KeySecret>, StoreError> {
    let text = "SELECT hash, key_hash, created_at, expires_at FROM api_key_secret ORDER BY hash";
    let rows = session.fetch_all(text, &[]).await?;
    rows.iter().map(from_row).collect()
}

fn from_row(row: &Row) -> Result<KeySecret, StoreError> {
    Ok(KeySecret {
        hash: row.try_get("hash")?,
        key_hash: row.try_get("key_hash")?,
        created_at: row.try_get("created_at")?,
        expires_at: row.try_get("expires_at")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::NewApiKey;
    use crate::tests::{TestDatabase, on_each_engine};

    on_each_engine!(a_new_secret_leads_to_the_same_key_and_ends_those_before);
    async fn a_new_secret_leads_to_the_same_key_and_ends_those_before(database: TestDatabase) {
        let store = database.open().await;
        let actor = Actor::system();
        let new = NewApiKey { name: "ci".into(), ..NewApiKey::default() };
        let first = store.create_api_key(new, &actor, 1).await.unwrap();
        let hash = first.key.hash.clone();
        assert!(store.snapshot().await.unwrap().key_secrets.is_empty());

        let second = store.rotate_api_key(&hash, 100, &actor, 10).await.unwrap();
        assert_eq!(second.key.hash, hash, "its identity stays");
        assert_ne!(second.key.label, first.key.label);
        let second_hash = api_key_hash(second.plaintext.expose());
        let ends = |state: &crate::ControlState| {
            let mut ends: Vec<_> = state
                .key_secrets
                .iter()
                .map(|secret| {
                    assert_eq!(secret.key_hash, hash);
                    (secret.created_at, secret.expires_at)
                })
                .collect();
            ends.sort_unstable();
            ends
        };
        assert_eq!(ends(&store.snapshot().await.unwrap()), [(1, Some(110)), (10, None)]);
        assert_eq!(store.key_of_secret(&second_hash).await.unwrap(), Some(hash.clone()));
        assert_eq!(store.key_of_secret("nothing").await.unwrap(), None);

        store.rotate_api_key(&hash, 1_000, &actor, 20).await.unwrap();
        let expected = [(1, Some(110)), (10, Some(1_020)), (20, None)];
        assert_eq!(
            ends(&store.snapshot().await.unwrap()),
            expected,
            "none lives longer than before"
        );
        store.rotate_api_key(&hash, 0, &actor, 30).await.unwrap();
        let expected = [(1, Some(30)), (10, Some(30)), (20, Some(30)), (30, None)];
        let told = ends(&store.snapshot().await.unwrap());
        assert!(told.iter().all(|end| expected.contains(end)), "all end at once: {told:?}");
        store.rotate_api_key(&hash, 5, &actor, 40).await.unwrap();
        let told = ends(&store.snapshot().await.unwrap());
        assert_eq!(told, [(1, Some(30)), (30, Some(45)), (40, None)], "what is over goes");
        assert!(store.rotate_api_key("none", 0, &actor, 1).await.is_err());
        let action = store.audit_page(None, 1).await.unwrap().entries.remove(0);
        assert_eq!(action.action, "api_key.rotate");
        assert!(!format!("{:?}", action.after).contains(second.plaintext.expose()));
    }

    on_each_engine!(names_are_told_of_the_keys_that_are_asked_for);
    async fn names_are_told_of_the_keys_that_are_asked_for(database: TestDatabase) {
        let store = database.open().await;
        let actor = Actor::system();
        let mut hashes = Vec::new();
        for name in ["one", "two", "three"] {
            let new = NewApiKey { name: name.into(), ..NewApiKey::default() };
            hashes.push(store.create_api_key(new, &actor, 1).await.unwrap().key);
        }
        store.delete_api_key(&hashes[0].hash, &actor, 2).await.unwrap();
        let account = hashes[0].account_id.clone();
        let mut asked: Vec<&str> = vec!["nothing"; MOST_AT_ONCE];
        asked.extend([hashes[0].hash.as_str(), hashes[1].hash.as_str()]);
        let names = store.api_key_names(&account, None, &asked).await.unwrap();
        assert_eq!(names.len(), 2);
        assert_eq!(
            (names[&hashes[0].hash].as_str(), names[&hashes[1].hash].as_str()),
            ("one", "two")
        );
        assert!(store.api_key_names("another", None, &asked).await.unwrap().is_empty());
        assert!(store.api_key_names(&account, None, &[]).await.unwrap().is_empty());
    }

    on_each_engine!(uses_are_noted_and_never_go_back);
    async fn uses_are_noted_and_never_go_back(database: TestDatabase) {
        let store = database.open().await;
        let revision = store.revision().await.unwrap();
        for at in [5, 9, 7] {
            store.note_key_use("hash", at).await.unwrap();
        }
        assert_eq!(store.key_uses().await.unwrap()["hash"], 9);
        assert_eq!(store.revision().await.unwrap(), revision);
    }
}
