//! API keys: what callers present. Only a hash and a masked label are kept (AUTH-3, AUTH-4).

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::audit::Deed;
use crate::engine::{Row, Session, Sql, values};
use crate::identity::KeyOrigin;
use crate::member::members;
use crate::secret::{hex, random_bytes};
use crate::workspace::workspace_or_default;
use crate::{Actor, Micros, Secret, Store, StoreError};

const PREFIX: &str = "sk-or-v1-";

/// The longest name of a key, in characters.
const MAX_NAME: usize = 255;

/// When a key's limit starts afresh; without one it holds for the key's lifetime (KEYS-8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LimitReset {
    /// At 00:00 UTC every day.
    Daily,
    /// On Monday at 00:00 UTC.
    Weekly,
    /// On the first of the month at 00:00 UTC.
    Monthly,
}

impl LimitReset {
    /// The word used in the API and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            LimitReset::Daily => "daily",
            LimitReset::Weekly => "weekly",
            LimitReset::Monthly => "monthly",
        }
    }

    /// Reads the word of [`LimitReset::as_str`].
    pub fn parse(text: &str) -> Option<LimitReset> {
        [LimitReset::Daily, LimitReset::Weekly, LimitReset::Monthly]
            .into_iter()
            .find(|reset| reset.as_str() == text)
    }
}

/// How fast a key may be used, and how much at once. `None`: as the settings say for every key;
/// 0: no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRates {
    /// Requests that may begin in any minute.
    pub requests_per_minute: Option<i64>,
    /// Requests that may begin in a UTC day.
    pub requests_per_day: Option<i64>,
    /// Requests that may run at once.
    pub concurrency: Option<i64>,
}

/// The most that any of [`KeyRates`] can say.
const MOST_REQUESTS: i64 = 1_000_000_000;

impl KeyRates {
    fn check(self) -> Result<(), StoreError> {
        for (what, number) in [
            ("requests_per_minute", self.requests_per_minute),
            ("requests_per_day", self.requests_per_day),
            ("concurrency", self.concurrency),
        ] {
            if number.is_some_and(|number| !(0..=MOST_REQUESTS).contains(&number)) {
                let reason = format!("must be 0 (no limit) to {MOST_REQUESTS}");
                return Err(StoreError::Invalid { what, reason });
            }
        }
        Ok(())
    }
}

/// An API key as stored: everything but its text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ApiKey {
    /// Public identity: lowercase hex SHA-256 of the key's text (AUTH-3).
    pub hash: String,
    /// Name given by its owner.
    pub name: String,
    /// Masked text, such as `sk-or-v1-abc...1234` (AUTH-4).
    pub label: String,
    /// The workspace its requests belong to.
    pub workspace_id: String,
    /// The account that pays.
    pub account_id: String,
    /// Who created it, when known.
    pub creator: Option<String>,
    /// The member whose limits apply, if any.
    pub member_id: Option<String>,
    /// Refused while set.
    pub disabled: bool,
    /// Gone for callers and lists; the row stays because generations name it.
    pub deleted: bool,
    /// Spending limit in nano-dollars; `None` is unlimited (KEYS-3).
    pub limit_nano_usd: Option<i64>,
    /// The window the limit applies to; `None` is the key's lifetime.
    pub limit_reset: Option<LimitReset>,
    /// Whether spend on the caller's own provider keys counts towards the limit (KEYS-10).
    pub include_byok_in_limit: bool,
    /// How fast it may be used, and how much at once.
    pub rates: KeyRates,
    /// Refused from this moment on, microseconds since the Unix epoch.
    pub expires_at: Option<Micros>,
    /// A key for the management endpoints rather than for inference (AUTH-7).
    pub is_management: bool,
    /// What made it, where it was not a person.
    pub origin: Option<KeyOrigin>,
    /// Microseconds since the Unix epoch.
    pub created_at: Micros,
    /// Microseconds since the Unix epoch.
    pub updated_at: Micros,
}

/// What a new key is to be.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewApiKey {
    /// Name given by its owner; required.
    pub name: String,
    /// The workspace; `None` is the default one.
    pub workspace_id: Option<String>,
    /// Who creates it, when known.
    pub creator: Option<String>,
    /// The member whose limits apply, if any.
    pub member_id: Option<String>,
    /// Spending limit in nano-dollars.
    pub limit_nano_usd: Option<i64>,
    /// The window the limit applies to.
    pub limit_reset: Option<LimitReset>,
    /// Whether spend on the caller's own provider keys counts towards the limit.
    pub include_byok_in_limit: bool,
    /// How fast it may be used, and how much at once.
    #[serde(default)]
    pub rates: KeyRates,
    /// Microseconds since the Unix epoch.
    pub expires_at: Option<Micros>,
    /// A key for the management endpoints.
    pub is_management: bool,
    /// What makes it, where it is not a person.
    #[serde(default)]
    pub origin: Option<KeyOrigin>,
}

/// A key just made: the only moment its text exists outside its owner's hands (AUTH-5).
#[derive(Debug, Clone)]
pub struct CreatedApiKey {
    /// `sk-or-v1-` and 64 hex digits (AUTH-2).
    pub plaintext: Secret,
    /// The row stored.
    pub key: ApiKey,
}

/// Changes to a key; `None` leaves a field as it is (KEYS-6).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ApiKeyChange {
    /// A new name.
    pub name: Option<String>,
    /// Switched off or on.
    pub disabled: Option<bool>,
    /// A new limit in nano-dollars, or `Some(None)` for none.
    pub limit_nano_usd: Option<Option<i64>>,
    /// A new window, or `Some(None)` for the lifetime.
    pub limit_reset: Option<Option<LimitReset>>,
    /// Whether BYOK spend counts.
    pub include_byok_in_limit: Option<bool>,
    /// New requests per minute, or `Some(None)` for what the settings say.
    pub requests_per_minute: Option<Option<i64>>,
    /// New requests per UTC day, or `Some(None)` for what the settings say.
    pub requests_per_day: Option<Option<i64>>,
    /// A new number of requests at once, or `Some(None)` for what the settings say.
    pub concurrency: Option<Option<i64>>,
}

/// The public identity of a key's text: lowercase hex SHA-256 (AUTH-3).
pub fn api_key_hash(text: &str) -> String {
    hex(&Sha256::digest(text.as_bytes()))
}

fn mask(text: &str) -> String {
    let head: String = text.chars().take(PREFIX.len() + 3).collect();
    let tail = text.char_indices().rev().nth(3).map_or("", |(start, _)| &text[start..]);
    format!("{head}...{tail}")
}

impl Store {
    /// Makes a key and returns its text, once (AUTH-2, AUTH-5).
    pub async fn create_api_key(
        &self,
        new: NewApiKey,
        actor: &Actor,
        now: Micros,
    ) -> Result<CreatedApiKey, StoreError> {
        let mut change = self.database().begin_change().await?;
        let created = create(&mut change, new, now).await?;
        let deed = Deed { actor, now, action: "api_key.create", subject: &created.key.hash };
        deed.record(&mut change, None, Some(&created.key)).await?;
        change.commit().await?;
        Ok(created)
    }

    /// The keys of one workspace, or of all for `None`, oldest first; without the deleted ones
    /// and, unless asked for, without the disabled ones (KEYS-5).
    pub async fn api_keys(
        &self,
        include_disabled: bool,
        workspace_id: Option<&str>,
    ) -> Result<Vec<ApiKey>, StoreError> {
        let mut keys = read_all(&mut self.database().session().await?).await?;
        keys.retain(|key| {
            (include_disabled || !key.disabled)
                && workspace_id.is_none_or(|id| key.workspace_id == id)
        });
        Ok(keys)
    }

    /// One key by its hash; a deleted key is not found.
    pub async fn api_key(&self, hash: &str) -> Result<Option<ApiKey>, StoreError> {
        read_one(&mut self.database().session().await?, hash).await
    }

    /// Changes a key (KEYS-6).
    pub async fn update_api_key(
        &self,
        hash: &str,
        changes: ApiKeyChange,
        actor: &Actor,
        now: Micros,
    ) -> Result<ApiKey, StoreError> {
        let mut change = self.database().begin_change().await?;
        let before = read_one(&mut change, hash).await?.ok_or_else(|| not_found(hash))?;
        let mut key = before.clone();
        if let Some(name) = changes.name {
            check_name(&name)?;
            key.name = name;
        }
        if let Some(limit) = changes.limit_nano_usd {
            check_limit(limit)?;
            key.limit_nano_usd = limit;
        }
        key.disabled = changes.disabled.unwrap_or(key.disabled);
        if before.disabled && !key.disabled {
            check_member_is_there(&mut change, key.member_id.as_deref()).await?;
        }
        key.limit_reset = changes.limit_reset.unwrap_or(key.limit_reset);
        key.include_byok_in_limit =
            changes.include_byok_in_limit.unwrap_or(key.include_byok_in_limit);
        let rates = &mut key.rates;
        for (rate, change) in [
            (&mut rates.requests_per_minute, changes.requests_per_minute),
            (&mut rates.requests_per_day, changes.requests_per_day),
            (&mut rates.concurrency, changes.concurrency),
        ] {
            *rate = change.unwrap_or(*rate);
        }
        key.rates.check()?;
        key.updated_at = now;
        let text = "UPDATE api_key SET name = $1, disabled = $2, limit_nano_usd = $3, \
                    limit_reset = $4, include_byok_in_limit = $5, requests_per_minute = $6, \
                    requests_per_day = $7, concurrency = $8, updated_at = $9 WHERE hash = $10";
        let values = values![
            &key.name,
            key.disabled,
            key.limit_nano_usd,
            key.limit_reset.map(LimitReset::as_str),
            key.include_byok_in_limit,
            key.rates.requests_per_minute,
            key.rates.requests_per_day,
            key.rates.concurrency,
            key.updated_at,
            hash,
        ];
        change.execute(text, values).await?;
        let deed = Deed { actor, now, action: "api_key.update", subject: hash };
        deed.record(&mut change, Some(&before), Some(&key)).await?;
        change.commit().await?;
        Ok(key)
    }

    /// Deletes a key for good: it is refused from the next snapshot on and cannot come back.
    pub async fn delete_api_key(
        &self,
        hash: &str,
        actor: &Actor,
        now: Micros,
    ) -> Result<(), StoreError> {
        let mut change = self.database().begin_change().await?;
        let before = read_one(&mut change, hash).await?.ok_or_else(|| not_found(hash))?;
        let text = "UPDATE api_key SET deleted = $1, updated_at = $2 WHERE hash = $3";
        change.execute(text, values![true, now, hash]).await?;
        let deed = Deed { actor, now, action: "api_key.delete", subject: hash };
        deed.record(&mut change, Some(&before), None).await?;
        change.commit().await
    }
}

/// A key of a member who was removed is without the member's limits, so that it stays disabled.
async fn check_member_is_there(session: &mut Session, id: Option<&str>) -> Result<(), StoreError> {
    let Some(id) = id else { return Ok(()) };
    match members(session).await?.iter().any(|member| member.id == id) {
        true => Ok(()),
        false => Err(StoreError::NotFound { what: "member", id: id.to_owned() }),
    }
}

/// Makes a key in a transaction.
pub(crate) async fn create(
    session: &mut Session,
    new: NewApiKey,
    now: Micros,
) -> Result<CreatedApiKey, StoreError> {
    check_name(&new.name)?;
    check_limit(new.limit_nano_usd)?;
    new.rates.check()?;
    let workspace = workspace_or_default(session, new.workspace_id.as_deref()).await?;
    check_member_is_there(session, new.member_id.as_deref()).await?;
    let (plaintext, label) = new_secret()?;
    let key = ApiKey {
        hash: api_key_hash(plaintext.expose()),
        name: new.name,
        label,
        workspace_id: workspace.id,
        account_id: workspace.account_id,
        creator: new.creator,
        member_id: new.member_id,
        disabled: false,
        deleted: false,
        limit_nano_usd: new.limit_nano_usd,
        limit_reset: new.limit_reset,
        include_byok_in_limit: new.include_byok_in_limit,
        rates: new.rates,
        expires_at: new.expires_at,
        is_management: new.is_management,
        origin: new.origin,
        created_at: now,
        updated_at: now,
    };
    insert(session, &key).await?;
    Ok(CreatedApiKey { plaintext, key })
}

/// A secret, and how it is shown (AUTH-2, AUTH-4).
pub(crate) fn new_secret() -> Result<(Secret, String), StoreError> {
    let plaintext = Secret::new(format!("{PREFIX}{}", hex(&random_bytes::<32>()?)));
    let label = mask(plaintext.expose());
    Ok((plaintext, label))
}

fn check_name(name: &str) -> Result<(), StoreError> {
    let invalid = |reason: &str| StoreError::Invalid { what: "key name", reason: reason.into() };
    if name.trim().is_empty() {
        return Err(invalid("it is empty"));
    }
    if name.chars().count() > MAX_NAME {
        return Err(invalid("it is longer than 255 characters"));
    }
    Ok(())
}

fn check_limit(limit: Option<i64>) -> Result<(), StoreError> {
    if limit.is_some_and(|limit| limit < 0) {
        return Err(StoreError::Invalid { what: "key limit", reason: "it is negative".into() });
    }
    Ok(())
}

pub(crate) fn not_found(hash: &str) -> StoreError {
    StoreError::NotFound { what: "API key", id: hash.to_owned() }
}

/// Named one by one: a node that still runs an older version goes on when a newer one adds some.
pub(crate) const COLUMNS: &str = "hash, name, label, workspace_id, account_id, creator, disabled, deleted, \
    limit_nano_usd, limit_reset, include_byok_in_limit, expires_at, is_management, created_at, \
    updated_at, member_id, requests_per_minute, requests_per_day, concurrency, \
    origin";

async fn insert(session: &mut Session, key: &ApiKey) -> Result<(), StoreError> {
    let text = format!(
        "INSERT INTO api_key ({COLUMNS}) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, \
         $19, $20)"
    );
    let values = values![
        &key.hash,
        &key.name,
        &key.label,
        &key.workspace_id,
        &key.account_id,
        &key.creator,
        key.disabled,
        key.deleted,
        key.limit_nano_usd,
        key.limit_reset.map(LimitReset::as_str),
        key.include_byok_in_limit,
        key.expires_at,
        key.is_management,
        key.created_at,
        key.updated_at,
        &key.member_id,
        key.rates.requests_per_minute,
        key.rates.requests_per_day,
        key.rates.concurrency,
        key.origin.map(KeyOrigin::as_str),
    ];
    session.execute(Sql::composed(text), values).await?;
    Ok(())
}

/// Every key that is not deleted.
pub(crate) async fn read_all(session: &mut Session) -> Result<Vec<ApiKey>, StoreError> {
    let text =
        format!("SELECT {COLUMNS} FROM api_key WHERE deleted = $1 ORDER BY created_at, hash");
    let rows = session.fetch_all(Sql::composed(text), values![false]).await?;
    rows.iter().map(from_row).collect()
}

pub(crate) async fn read_one(
    session: &mut Session,
    hash: &str,
) -> Result<Option<ApiKey>, StoreError> {
    let text = format!("SELECT {COLUMNS} FROM api_key WHERE hash = $1 AND deleted = $2");
    let row = session.fetch_optional(Sql::composed(text), values![hash, false]).await?;
    row.as_ref().map(from_row).transpose()
}

pub(crate) fn from_row(row: &Row) -> Result<ApiKey, StoreError> {
    let limit_reset: Option<String> = row.try_get("limit_reset")?;
    let limit_reset = match limit_reset {
        None => None,
        Some(word) => Some(
            LimitReset::parse(&word)
                .ok_or(StoreError::Corrupt { what: "limit_reset", reason: word })?,
        ),
    };
    let origin: Option<String> = row.try_get("origin")?;
    Ok(ApiKey {
        hash: row.try_get("hash")?,
        name: row.try_get("name")?,
        label: row.try_get("label")?,
        workspace_id: row.try_get("workspace_id")?,
        account_id: row.try_get("account_id")?,
        creator: row.try_get("creator")?,
        disabled: row.try_get("disabled")?,
        deleted: row.try_get("deleted")?,
        limit_nano_usd: row.try_get("limit_nano_usd")?,
        limit_reset,
        include_byok_in_limit: row.try_get("include_byok_in_limit")?,
        expires_at: row.try_get("expires_at")?,
        is_management: row.try_get("is_management")?,
        // One that a newer node has made says nothing here.
        origin: origin.as_deref().and_then(KeyOrigin::parse),
        created_at: row.try_get("created_at")?,
        updated_at: row.try_get("updated_at")?,
        member_id: row.try_get("member_id")?,
        rates: KeyRates {
            requests_per_minute: row.try_get("requests_per_minute")?,
            requests_per_day: row.try_get("requests_per_day")?,
            concurrency: row.try_get("concurrency")?,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{TestDatabase, on_each_engine};

    fn named(name: &str) -> NewApiKey {
        NewApiKey { name: name.into(), ..NewApiKey::default() }
    }

    on_each_engine!(a_new_key_has_the_documented_form_and_is_stored_only_as_hash_and_label);
    /// AUTH-2, AUTH-3, AUTH-4
    async fn a_new_key_has_the_documented_form_and_is_stored_only_as_hash_and_label(
        database: TestDatabase,
    ) {
        let store = database.open().await;
        let created = store.create_api_key(named("ci"), &Actor::system(), 1).await.unwrap();
        let text = created.plaintext.expose();
        let digits = text.strip_prefix("sk-or-v1-").unwrap();
        assert_eq!(digits.len(), 64);
        assert!(digits.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f')));
        assert_eq!(created.key.hash, api_key_hash(text));
        assert_eq!(created.key.label, format!("{}...{}", &text[..12], &text[69..]));
        assert_eq!(store.api_key(&created.key.hash).await.unwrap(), Some(created.key));
    }

    #[test]
    fn the_hash_is_the_lowercase_hex_sha_256_of_the_whole_text() {
        assert_eq!(
            api_key_hash("abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }

    on_each_engine!(every_field_of_a_key_comes_back);
    async fn every_field_of_a_key_comes_back(database: TestDatabase) {
        let store = database.open().await;
        let new = NewApiKey {
            creator: Some("ada".into()),
            limit_nano_usd: Some(5_000_000_000),
            limit_reset: Some(LimitReset::Weekly),
            include_byok_in_limit: true,
            rates: KeyRates {
                requests_per_minute: Some(60),
                requests_per_day: Some(0),
                concurrency: Some(3),
            },
            expires_at: Some(99),
            is_management: true,
            ..named("full")
        };
        let created = store.create_api_key(new, &Actor::system(), 7).await.unwrap().key;
        assert_eq!(store.api_keys(false, None).await.unwrap(), std::slice::from_ref(&created));
        assert_eq!(created.limit_reset, Some(LimitReset::Weekly));
        assert_eq!((created.created_at, created.updated_at), (7, 7));
    }

    on_each_engine!(an_update_changes_what_it_names_and_nothing_else);
    /// KEYS-6
    async fn an_update_changes_what_it_names_and_nothing_else(database: TestDatabase) {
        let store = database.open().await;
        let before = store.create_api_key(named("old"), &Actor::system(), 1).await.unwrap().key;
        let changes = ApiKeyChange {
            name: Some("new".into()),
            limit_nano_usd: Some(Some(3)),
            limit_reset: Some(Some(LimitReset::Daily)),
            ..ApiKeyChange::default()
        };
        let after = store.update_api_key(&before.hash, changes, &Actor::system(), 2).await.unwrap();
        let expected = ApiKey {
            name: "new".into(),
            limit_nano_usd: Some(3),
            limit_reset: Some(LimitReset::Daily),
            updated_at: 2,
            ..before.clone()
        };
        assert_eq!(after, expected);
        assert_eq!(store.api_key(&before.hash).await.unwrap(), Some(expected));
        let cleared = ApiKeyChange { limit_nano_usd: Some(None), ..ApiKeyChange::default() };
        let after = store.update_api_key(&before.hash, cleared, &Actor::system(), 3).await.unwrap();
        assert_eq!(after.limit_nano_usd, None);
        let slow = ApiKeyChange {
            requests_per_minute: Some(Some(5)),
            concurrency: Some(Some(0)),
            ..ApiKeyChange::default()
        };
        let after = store.update_api_key(&before.hash, slow, &Actor::system(), 4).await.unwrap();
        let expected =
            KeyRates { requests_per_minute: Some(5), requests_per_day: None, concurrency: Some(0) };
        assert_eq!(after.rates, expected);
        let usual = ApiKeyChange { requests_per_minute: Some(None), ..ApiKeyChange::default() };
        let after = store.update_api_key(&before.hash, usual, &Actor::system(), 5).await.unwrap();
        assert_eq!(after.rates, KeyRates { requests_per_minute: None, ..expected });
        assert_eq!(store.api_key(&before.hash).await.unwrap(), Some(after));
    }

    on_each_engine!(lists_leave_out_disabled_deleted_and_foreign_keys);
    async fn lists_leave_out_disabled_deleted_and_foreign_keys(database: TestDatabase) {
        let store = database.open().await;
        let kept = store.create_api_key(named("kept"), &Actor::system(), 1).await.unwrap().key;
        let disabled =
            store.create_api_key(named("disabled"), &Actor::system(), 2).await.unwrap().key;
        let deleted =
            store.create_api_key(named("deleted"), &Actor::system(), 3).await.unwrap().key;
        let off = ApiKeyChange { disabled: Some(true), ..ApiKeyChange::default() };
        store.update_api_key(&disabled.hash, off, &Actor::system(), 4).await.unwrap();
        store.delete_api_key(&deleted.hash, &Actor::system(), 5).await.unwrap();

        assert_eq!(store.api_keys(false, None).await.unwrap(), std::slice::from_ref(&kept));
        assert_eq!(store.api_keys(true, Some(&kept.workspace_id)).await.unwrap().len(), 2);
        assert!(store.api_keys(true, Some("elsewhere")).await.unwrap().is_empty());
        assert_eq!(store.api_key(&deleted.hash).await.unwrap(), None);
        let again = store.delete_api_key(&deleted.hash, &Actor::system(), 6).await;
        assert!(matches!(again, Err(StoreError::NotFound { .. })));
    }

    on_each_engine!(nameless_keys_negative_limits_and_unknown_workspaces_are_refused);
    async fn nameless_keys_negative_limits_and_unknown_workspaces_are_refused(
        database: TestDatabase,
    ) {
        let store = database.open().await;
        let revision = store.revision().await.unwrap();
        let negative = NewApiKey { limit_nano_usd: Some(-1), ..named("x") };
        let elsewhere = NewApiKey { workspace_id: Some("nowhere".into()), ..named("x") };
        let slow = KeyRates { concurrency: Some(-1), ..KeyRates::default() };
        let fast = KeyRates { requests_per_day: Some(i64::MAX), ..KeyRates::default() };
        let [slow, fast] = [slow, fast].map(|rates| NewApiKey { rates, ..named("x") });
        for new in [named(" "), negative, elsewhere, slow, fast] {
            assert!(store.create_api_key(new, &Actor::system(), 1).await.is_err());
        }
        assert!(store.api_keys(true, None).await.unwrap().is_empty());
        assert_eq!(store.revision().await.unwrap(), revision);
    }
}
