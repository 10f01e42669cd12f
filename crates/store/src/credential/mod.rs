//! Provider credentials: keys for providers, sealed with the master key (BYOK-1).

mod change;

use serde::{Deserialize, Serialize};

pub use change::CredentialChange;

use crate::audit::Deed;
use crate::engine::{Change, Row, Session, Sql, values};
use crate::secret::{hex, random_bytes};
use crate::{Actor, MasterKey, Micros, Secret, Store, StoreError};

/// How a credential came to be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CredentialSource {
    /// A person or a program entered it.
    #[default]
    Entered,
}

impl CredentialSource {
    /// The word used in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            CredentialSource::Entered => "entered",
        }
    }
}

/// What a test of a credential found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TestState {
    /// The provider accepts it.
    Verified,
    /// The provider refuses it, or it has a form that cannot be used.
    Rejected,
    /// It could not be told.
    Unknown,
}

impl TestState {
    /// Every state.
    pub const ALL: [TestState; 3] = [TestState::Verified, TestState::Rejected, TestState::Unknown];

    /// The word used in the API and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            TestState::Verified => "verified",
            TestState::Rejected => "rejected",
            TestState::Unknown => "unknown",
        }
    }
}

/// The last test of a credential.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CredentialTest {
    /// What it found.
    pub state: TestState,
    /// The same in words, without any part of the secret.
    pub message: String,
    /// Microseconds since the Unix epoch.
    pub at: Micros,
}

/// A provider's key as stored, without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProviderCredential {
    /// Stable identity.
    pub id: String,
    /// Slug of the provider it is for.
    pub provider: String,
    /// Name given by its owner.
    pub name: String,
    /// Masked secret.
    pub label: String,
    /// The workspace it serves; `None` is all of them.
    pub workspace_id: Option<String>,
    /// Where the provider is reached, when not at its usual address.
    pub base_url: Option<String>,
    /// Used only when the others failed (BYOK-2).
    pub is_fallback: bool,
    /// Order among the credentials of a provider, lowest first.
    pub sort_order: i64,
    /// Models it may serve; `None` is all.
    pub allowed_models: Option<Vec<String>>,
    /// Hashes of the API keys that may use it; `None` is all.
    pub allowed_key_hashes: Option<Vec<String>>,
    /// Members whose keys may use it; `None` is everybody.
    pub allowed_member_ids: Option<Vec<String>>,
    /// Not used while set.
    pub disabled: bool,
    /// How it came to be.
    pub source: CredentialSource,
    /// What its last test found. A new secret has none yet. Not part of the control plane's
    /// revision.
    #[serde(skip)]
    pub last_test: Option<CredentialTest>,
    /// Microseconds since the Unix epoch.
    pub created_at: Micros,
}

/// What a new credential is to be.
#[derive(Debug, Clone)]
pub struct NewProviderCredential {
    /// Slug of the provider it is for; required.
    pub provider: String,
    /// Name given by its owner.
    pub name: String,
    /// The provider's key; required.
    pub secret: Secret,
    /// The workspace it serves; `None` is all of them.
    pub workspace_id: Option<String>,
    /// Where the provider is reached, when not at its usual address.
    pub base_url: Option<String>,
    /// Used only when the others failed.
    pub is_fallback: bool,
    /// Order among the credentials of a provider, lowest first.
    pub sort_order: i64,
    /// Models it may serve; `None` is all.
    pub allowed_models: Option<Vec<String>>,
    /// Hashes of the API keys that may use it; `None` is all.
    pub allowed_key_hashes: Option<Vec<String>>,
    /// Members whose keys may use it; `None` is everybody.
    pub allowed_member_ids: Option<Vec<String>>,
    /// Not used while set.
    pub disabled: bool,
}

impl Default for NewProviderCredential {
    fn default() -> NewProviderCredential {
        NewProviderCredential {
            provider: String::new(),
            name: String::new(),
            secret: Secret::new(""),
            workspace_id: None,
            base_url: None,
            is_fallback: false,
            sort_order: 0,
            allowed_models: None,
            allowed_key_hashes: None,
            allowed_member_ids: None,
            disabled: false,
        }
    }
}

impl Store {
    /// Seals and stores a provider's key.
    pub async fn create_credential(
        &self,
        new: NewProviderCredential,
        actor: &Actor,
        now: Micros,
    ) -> Result<ProviderCredential, StoreError> {
        let required = [("provider", new.provider.as_str()), ("secret", new.secret.expose())];
        for (what, text) in required {
            if text.is_empty() {
                return Err(StoreError::Invalid { what, reason: "it is empty".into() });
            }
        }
        let credential = ProviderCredential {
            id: format!("cred_{}", hex(&random_bytes::<12>()?)),
            provider: new.provider,
            name: new.name,
            label: mask(new.secret.expose()),
            workspace_id: new.workspace_id,
            base_url: new.base_url,
            is_fallback: new.is_fallback,
            sort_order: new.sort_order,
            allowed_models: new.allowed_models,
            allowed_key_hashes: new.allowed_key_hashes,
            allowed_member_ids: new.allowed_member_ids,
            disabled: new.disabled,
            source: CredentialSource::Entered,
            last_test: None,
            created_at: now,
        };
        let context = seal_context(&credential.id, &credential.provider);
        let sealed = self.master_key().seal(&context, new.secret.expose())?;
        let mut change = self.database().begin_change().await?;
        if let Some(workspace_id) = &credential.workspace_id {
            crate::workspace::workspace_or_default(&mut change, Some(workspace_id)).await?;
        }
        insert(&mut change, &credential, sealed).await?;
        let subject = &credential.id;
        let deed = Deed { actor, now, action: "provider_credential.create", subject };
        deed.record(&mut change, None, Some(&credential)).await?;
        change.commit().await?;
        Ok(credential)
    }

    /// Every credential, by provider and order.
    pub async fn credentials(&self) -> Result<Vec<ProviderCredential>, StoreError> {
        let rows = self.database().fetch_all(select_all(), &[]).await?;
        rows.iter().map(from_row).collect()
    }

    /// A credential's secret in the clear.
    pub async fn decrypt_credential(&self, id: &str) -> Result<Secret, StoreError> {
        let row = row_of(&mut self.database().session().await?, id).await?;
        open(&row, &from_row(&row)?, self.master_key())
    }

    /// Switches a credential off or on.
    pub async fn set_credential_disabled(
        &self,
        id: &str,
        disabled: bool,
        actor: &Actor,
        now: Micros,
    ) -> Result<(), StoreError> {
        let mut change = self.database().begin_change().await?;
        let before = read_one(&mut change, id).await?;
        let text = "UPDATE provider_credential SET disabled = $1 WHERE id = $2";
        change.execute(text, values![disabled, id]).await?;
        let after = ProviderCredential { disabled, ..before.clone() };
        let deed = Deed { actor, now, action: "provider_credential.update", subject: id };
        deed.record(&mut change, Some(&before), Some(&after)).await?;
        change.commit().await
    }

    /// Removes a credential and its secret.
    pub async fn remove_credential(
        &self,
        id: &str,
        actor: &Actor,
        now: Micros,
    ) -> Result<(), StoreError> {
        let mut change = self.database().begin_change().await?;
        let before = read_one(&mut change, id).await?;
        change.execute("DELETE FROM provider_credential WHERE id = $1", values![id]).await?;
        let deed = Deed { actor, now, action: "provider_credential.remove", subject: id };
        deed.record(&mut change, Some(&before), None).await?;
        change.commit().await
    }
}

/// Removes what a workspace alone could use, with its secrets: nobody could see it any more.
pub(crate) async fn remove_of_workspace(
    change: &mut Change,
    workspace_id: &str,
    actor: &Actor,
    now: Micros,
) -> Result<(), StoreError> {
    let rows = change.fetch_all(select_all(), &[]).await?;
    for row in &rows {
        let before = from_row(row)?;
        if before.workspace_id.as_deref() != Some(workspace_id) {
            continue;
        }
        let id = before.id.as_str();
        change.execute("DELETE FROM provider_credential WHERE id = $1", values![id]).await?;
        let deed = Deed { actor, now, action: "provider_credential.remove", subject: id };
        deed.record(change, Some(&before), None).await?;
    }
    Ok(())
}

/// Named one by one: a node that still runs an older version goes on when a newer one adds some.
const COLUMNS: &str = "id, provider, name, label, workspace_id, base_url, is_fallback, sort_order, \
    allowed_models, allowed_key_hashes, disabled, source, created_at, sealed_secret, \
    allowed_user_ids";

/// The columns of the last test, which are never written with the others.
const TEST_COLUMNS: &str = "test_state, test_message, tested_at";

fn select_all() -> Sql {
    Sql::composed(format!(
        "SELECT {COLUMNS}, {TEST_COLUMNS} FROM provider_credential ORDER BY provider, sort_order, created_at, id"
    ))
}

/// Every credential in use with its secret. A row that cannot be read is left out and logged: it
/// must not keep a revoked key in force.
pub(crate) async fn read_all_opened(
    session: &mut Session,
    master_key: &MasterKey,
) -> Result<Vec<(ProviderCredential, Secret)>, StoreError> {
    let rows = session.fetch_all(select_all(), &[]).await?;
    let mut found = Vec::with_capacity(rows.len());
    for row in &rows {
        let opened = from_row(row).and_then(|credential| {
            if credential.disabled {
                return Ok(None);
            }
            let secret = open(row, &credential, master_key)?;
            Ok(Some((credential, secret)))
        });
        match opened {
            Ok(opened) => found.extend(opened),
            Err(error) => {
                let id = row.try_get("id").unwrap_or("?");
                tracing::warn!(id, %error, "a provider credential cannot be read and is left out");
            }
        }
    }
    Ok(found)
}

async fn row_of(session: &mut Session, id: &str) -> Result<Row, StoreError> {
    let text = format!("SELECT {COLUMNS}, {TEST_COLUMNS} FROM provider_credential WHERE id = $1");
    let row = session.fetch_optional(Sql::composed(text), values![id]).await?;
    row.ok_or_else(|| not_found(id))
}

async fn read_one(session: &mut Session, id: &str) -> Result<ProviderCredential, StoreError> {
    from_row(&row_of(session, id).await?)
}

/// What a sealed secret is bound to: moved to another row or provider, it does not open.
fn seal_context(id: &str, provider: &str) -> String {
    format!("{id}\n{provider}")
}

fn open(
    row: &Row,
    credential: &ProviderCredential,
    master_key: &MasterKey,
) -> Result<Secret, StoreError> {
    let sealed: &[u8] = row.try_get("sealed_secret")?;
    let context = seal_context(&credential.id, &credential.provider);
    match master_key.open(&context, sealed) {
        Some(plain) => Ok(Secret::new(plain.as_str())),
        None => Err(StoreError::CredentialUnreadable { id: credential.id.clone() }),
    }
}

/// Shows enough to tell two keys apart, and nothing of a short or structured one.
fn mask(secret: &str) -> String {
    let plain = secret.len() >= 16 && secret.bytes().all(|byte| byte.is_ascii_graphic());
    if !plain || secret.starts_with(['{', '[']) {
        return "...".to_owned();
    }
    format!("{}...{}", &secret[..4], &secret[secret.len() - 4..])
}

fn not_found(id: &str) -> StoreError {
    StoreError::NotFound { what: "provider credential", id: id.to_owned() }
}

async fn insert(
    session: &mut Session,
    credential: &ProviderCredential,
    sealed: Vec<u8>,
) -> Result<(), StoreError> {
    let text = format!(
        "INSERT INTO provider_credential ({COLUMNS}) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)"
    );
    let values = values![
        &credential.id,
        &credential.provider,
        &credential.name,
        &credential.label,
        &credential.workspace_id,
        &credential.base_url,
        credential.is_fallback,
        credential.sort_order,
        list_text(&credential.allowed_models),
        list_text(&credential.allowed_key_hashes),
        credential.disabled,
        credential.source.as_str(),
        credential.created_at,
        sealed,
        list_text(&credential.allowed_member_ids),
    ];
    session.execute(Sql::composed(text), values).await?;
    Ok(())
}

fn from_row(row: &Row) -> Result<ProviderCredential, StoreError> {
    let source: String = row.try_get("source")?;
    let source = match source.as_str() {
        "entered" => CredentialSource::Entered,
        _ => return Err(StoreError::Corrupt { what: "credential source", reason: source }),
    };
    Ok(ProviderCredential {
        id: row.try_get("id")?,
        provider: row.try_get("provider")?,
        name: row.try_get("name")?,
        label: row.try_get("label")?,
        workspace_id: row.try_get("workspace_id")?,
        base_url: row.try_get("base_url")?,
        is_fallback: row.try_get("is_fallback")?,
        sort_order: row.try_get("sort_order")?,
        allowed_models: list(row, "allowed_models")?,
        allowed_key_hashes: list(row, "allowed_key_hashes")?,
        allowed_member_ids: list(row, "allowed_user_ids")?,
        disabled: row.try_get("disabled")?,
        source,
        last_test: last_test(row)?,
        created_at: row.try_get("created_at")?,
    })
}

/// A test that cannot be read says nothing; the credential is usable all the same.
fn last_test(row: &Row) -> Result<Option<CredentialTest>, StoreError> {
    let state: Option<&str> = row.try_get("test_state")?;
    let state = state.and_then(|word| TestState::ALL.into_iter().find(|one| one.as_str() == word));
    let (Some(state), Some(at)) = (state, row.try_get("tested_at")?) else { return Ok(None) };
    let message: Option<String> = row.try_get("test_message")?;
    Ok(Some(CredentialTest { state, message: message.unwrap_or_default(), at }))
}

fn list_text(list: &Option<Vec<String>>) -> Option<String> {
    list.as_ref().map(|list| serde_json::json!(list).to_string())
}

fn list(row: &Row, column: &'static str) -> Result<Option<Vec<String>>, StoreError> {
    let text: Option<&str> = row.try_get(column)?;
    text.map(|text| {
        serde_json::from_str(text)
            .map_err(|error| StoreError::Corrupt { what: column, reason: error.to_string() })
    })
    .transpose()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{TestDatabase, on_each_engine};

    fn acme(secret: &str) -> NewProviderCredential {
        NewProviderCredential {
            provider: "acme".into(),
            secret: Secret::new(secret),
            ..NewProviderCredential::default()
        }
    }

    on_each_engine!(a_credential_comes_back_whole_and_its_secret_only_when_asked_for);
    async fn a_credential_comes_back_whole_and_its_secret_only_when_asked_for(
        database: TestDatabase,
    ) {
        let store = database.open().await;
        let workspace = store.workspaces().await.unwrap().remove(0);
        let new = NewProviderCredential {
            name: "main".into(),
            workspace_id: Some(workspace.id),
            base_url: Some("http://127.0.0.1:9/v1".into()),
            is_fallback: true,
            sort_order: 2,
            allowed_models: Some(vec!["acme/one".into()]),
            allowed_key_hashes: Some(vec!["ab".into()]),
            ..acme("acme-0123456789-wxyz")
        };
        let created = store.create_credential(new, &Actor::system(), 3).await.unwrap();
        assert_eq!(created.label, "acme...wxyz");
        assert_eq!(store.credentials().await.unwrap(), std::slice::from_ref(&created));
        let secret = store.decrypt_credential(&created.id).await.unwrap();
        assert_eq!(secret.expose(), "acme-0123456789-wxyz");
        store.set_credential_disabled(&created.id, true, &Actor::system(), 1).await.unwrap();
        assert!(store.credentials().await.unwrap()[0].disabled);
        store.remove_credential(&created.id, &Actor::system(), 1).await.unwrap();
        assert!(store.credentials().await.unwrap().is_empty());
        assert!(store.remove_credential(&created.id, &Actor::system(), 1).await.is_err());
        assert!(store.decrypt_credential(&created.id).await.is_err());
    }

    on_each_engine!(credentials_are_listed_by_provider_and_order);
    async fn credentials_are_listed_by_provider_and_order(database: TestDatabase) {
        let store = database.open().await;
        for (provider, sort_order) in [("b", 0), ("a", 2), ("a", 1)] {
            let new =
                NewProviderCredential { provider: provider.into(), sort_order, ..acme("secret") };
            store.create_credential(new, &Actor::system(), 1).await.unwrap();
        }
        let listed = store.credentials().await.unwrap();
        let order: Vec<_> =
            listed.iter().map(|row| (row.provider.as_str(), row.sort_order)).collect();
        assert_eq!(order, [("a", 1), ("a", 2), ("b", 0)]);
    }

    on_each_engine!(a_sealed_secret_moved_to_another_provider_does_not_open);
    async fn a_sealed_secret_moved_to_another_provider_does_not_open(database: TestDatabase) {
        let store = database.open().await;
        let created = store.create_credential(acme("secret"), &Actor::system(), 1).await.unwrap();
        store.run("UPDATE provider_credential SET provider = 'other'").await;
        let opened = store.decrypt_credential(&created.id).await;
        assert!(matches!(opened, Err(StoreError::CredentialUnreadable { .. })));
    }

    // AUTH-6
    on_each_engine!(a_row_that_cannot_be_read_does_not_keep_changes_out_of_force);
    async fn a_row_that_cannot_be_read_does_not_keep_changes_out_of_force(database: TestDatabase) {
        let store = database.open().await;
        store.create_credential(acme("first"), &Actor::system(), 1).await.unwrap();
        let good = store.create_credential(acme("second"), &Actor::system(), 2).await.unwrap();
        let off = store.create_credential(acme("third"), &Actor::system(), 3).await.unwrap();
        store.set_credential_disabled(&off.id, true, &Actor::system(), 1).await.unwrap();
        store.run("UPDATE provider_credential SET label = 'moved' WHERE created_at = 1").await;
        store.run("UPDATE provider_credential SET provider = 'b' WHERE created_at = 1").await;
        store.run("INSERT INTO setting (name, value) VALUES ('broken', '{')").await;
        let state = store.snapshot().await.unwrap();
        assert_eq!(state.credentials, [(good, Secret::new("second"))]);
        assert!(state.settings.is_empty());
    }

    #[test]
    fn masks_show_nothing_of_short_or_structured_secrets() {
        for secret in ["", "short", "{\"type\":\"service_account\"}", "with spaces in between them"]
        {
            assert_eq!(mask(secret), "...");
        }
    }

    on_each_engine!(a_credential_without_provider_or_secret_is_refused);
    async fn a_credential_without_provider_or_secret_is_refused(database: TestDatabase) {
        let store = database.open().await;
        assert!(store.create_credential(acme(""), &Actor::system(), 1).await.is_err());
        let nameless = NewProviderCredential { provider: String::new(), ..acme("secret") };
        assert!(store.create_credential(nameless, &Actor::system(), 1).await.is_err());
    }
}
