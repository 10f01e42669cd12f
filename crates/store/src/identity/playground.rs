//! The key that a member's requests by session run as.

use serde::{Deserialize, Serialize};

use crate::api_key::{COLUMNS, create, from_row};
use crate::audit::Deed;
use crate::engine::{Session, Sql, values};
use crate::{Actor, ApiKey, Micros, NewApiKey, Store, StoreError};

/// What made a key, where it was not a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyOrigin {
    /// A member's requests by session: nobody knows its text.
    Playground,
}

impl KeyOrigin {
    /// The word used in the API and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            KeyOrigin::Playground => "playground",
        }
    }

    /// Reads the word of [`KeyOrigin::as_str`].
    pub fn parse(text: &str) -> Option<KeyOrigin> {
        [KeyOrigin::Playground].into_iter().find(|origin| origin.as_str() == text)
    }
}

/// What people see such a key under.
const NAME: &str = "Playground";

impl Store {
    /// The key that a member's requests by session run as, in the default workspace and under the
    /// member's limits; made if there is none. Its text is forgotten as soon as it is made.
    pub async fn playground_key(
        &self,
        member_id: &str,
        actor: &Actor,
        now: Micros,
    ) -> Result<ApiKey, StoreError> {
        let mut change = self.database().begin_change().await?;
        // Of requests that come together the first makes it.
        if let Some(key) = of_member(&mut change, member_id).await? {
            return Ok(key);
        }
        let new = NewApiKey {
            name: NAME.to_owned(),
            creator: Some(member_id.to_owned()),
            member_id: Some(member_id.to_owned()),
            origin: Some(KeyOrigin::Playground),
            ..NewApiKey::default()
        };
        let key = create(&mut change, new, now).await?.key;
        let deed = Deed { actor, now, action: "api_key.create", subject: &key.hash };
        deed.record(&mut change, None, Some(&key)).await?;
        change.commit().await?;
        Ok(key)
    }

    /// The member whose key it is or, if it is deleted, was.
    pub async fn member_of_key(&self, hash: &str) -> Result<Option<String>, StoreError> {
        let text = "SELECT member_id FROM api_key WHERE hash = $1";
        match self.database().fetch_optional(text, values![hash]).await? {
            Some(row) => row.try_get("member_id"),
            None => Ok(None),
        }
    }
}

async fn of_member(session: &mut Session, member_id: &str) -> Result<Option<ApiKey>, StoreError> {
    let text = format!(
        "SELECT {COLUMNS} FROM api_key WHERE member_id = $1 AND origin = $2 AND deleted = $3 \
         ORDER BY created_at, hash LIMIT 1"
    );
    let values = values![member_id, KeyOrigin::Playground.as_str(), false];
    let row = session.fetch_optional(Sql::composed(text), values).await?;
    row.as_ref().map(from_row).transpose()
}

/// Deletes it with its member: nobody else can use it.
pub(crate) async fn remove_of_member(
    session: &mut Session,
    member_id: &str,
    now: Micros,
) -> Result<(), StoreError> {
    let text = "UPDATE api_key SET deleted = $1, updated_at = $2 \
                WHERE member_id = $3 AND origin = $4 AND deleted = $5";
    let origin = KeyOrigin::Playground.as_str();
    session.execute(text, values![true, now, member_id, origin, false]).await?;
    Ok(())
}
