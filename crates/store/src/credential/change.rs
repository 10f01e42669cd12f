//! Changing a credential, and keeping what a test of it found.

use super::{
    CredentialTest, ProviderCredential, list_text, mask, not_found, read_one, seal_context,
};
use crate::audit::Deed;
use crate::engine::values;
use crate::{Actor, Micros, Secret, Store, StoreError};

/// Changes to a credential; `None` leaves a field as it is (BYOK-6, BYOK-10).
#[derive(Debug, Clone, Default)]
pub struct CredentialChange {
    /// A new name.
    pub name: Option<String>,
    /// A new secret in place of the old one, which is overwritten.
    pub secret: Option<Secret>,
    /// Another address of the provider, or `Some(None)` for its usual one.
    pub base_url: Option<Option<String>>,
    /// Whether it is used only when the others failed.
    pub is_fallback: Option<bool>,
    /// Its place among the credentials of a provider.
    pub sort_order: Option<i64>,
    /// The models it may serve, or `Some(None)` for all.
    pub allowed_models: Option<Option<Vec<String>>>,
    /// The keys that may use it, or `Some(None)` for all.
    pub allowed_key_hashes: Option<Option<Vec<String>>>,
    /// The members whose keys may use it, or `Some(None)` for everybody.
    pub allowed_member_ids: Option<Option<Vec<String>>>,
    /// Switched off or on.
    pub disabled: Option<bool>,
}

impl Store {
    /// Changes a credential. What was found of an old secret does not hold for a new one.
    pub async fn update_credential(
        &self,
        id: &str,
        changes: CredentialChange,
        actor: &Actor,
        now: Micros,
    ) -> Result<ProviderCredential, StoreError> {
        let mut change = self.database().begin_change().await?;
        let before = read_one(&mut change, id).await?;
        let mut after = before.clone();
        if let Some(secret) = &changes.secret {
            if secret.expose().is_empty() {
                return Err(StoreError::Invalid { what: "secret", reason: "it is empty".into() });
            }
            after.label = mask(secret.expose());
            after.last_test = None;
            let sealed =
                self.master_key().seal(&seal_context(id, &after.provider), secret.expose())?;
            let text = "UPDATE provider_credential SET sealed_secret = $1, test_state = NULL, \
                        test_message = NULL, tested_at = NULL WHERE id = $2";
            change.execute(text, values![sealed, id]).await?;
        }
        after.name = changes.name.unwrap_or(after.name);
        after.base_url = changes.base_url.unwrap_or(after.base_url);
        after.is_fallback = changes.is_fallback.unwrap_or(after.is_fallback);
        after.sort_order = changes.sort_order.unwrap_or(after.sort_order);
        after.allowed_models = changes.allowed_models.unwrap_or(after.allowed_models);
        after.allowed_key_hashes = changes.allowed_key_hashes.unwrap_or(after.allowed_key_hashes);
        after.allowed_member_ids = changes.allowed_member_ids.unwrap_or(after.allowed_member_ids);
        after.disabled = changes.disabled.unwrap_or(after.disabled);
        let text = "UPDATE provider_credential SET name = $1, label = $2, base_url = $3, \
                    is_fallback = $4, sort_order = $5, allowed_models = $6, \
                    allowed_key_hashes = $7, allowed_user_ids = $8, disabled = $9 WHERE id = $10";
        let values = values![
            &after.name,
            &after.label,
            &after.base_url,
            after.is_fallback,
            after.sort_order,
            list_text(&after.allowed_models),
            list_text(&after.allowed_key_hashes),
            list_text(&after.allowed_member_ids),
            after.disabled,
            id,
        ];
        change.execute(text, values).await?;
        let deed = Deed { actor, now, action: "provider_credential.update", subject: id };
        deed.record(&mut change, Some(&before), Some(&after)).await?;
        change.commit().await?;
        Ok(after)
    }

    /// Keeps what a test of a credential found. It is no change of the control plane: routing does
    /// not look at it.
    pub async fn put_credential_test(
        &self,
        id: &str,
        test: &CredentialTest,
    ) -> Result<(), StoreError> {
        let mut write = self.database().begin_write().await?;
        let text = "UPDATE provider_credential SET test_state = $1, test_message = $2, \
                    tested_at = $3 WHERE id = $4";
        let values = values![test.state.as_str(), &test.message, test.at, id];
        if write.execute(text, values).await? == 0 {
            return Err(not_found(id));
        }
        write.commit().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{TestDatabase, on_each_engine};
    use crate::{NewProviderCredential, TestState};

    on_each_engine!(a_credential_changes_in_place_and_forgets_what_was_found_of_its_old_secret);
    /// BYOK-6, BYOK-10
    async fn a_credential_changes_in_place_and_forgets_what_was_found_of_its_old_secret(
        database: TestDatabase,
    ) {
        let store = database.open().await;
        let actor = Actor::system();
        let new = NewProviderCredential {
            provider: "acme".into(),
            name: "one".into(),
            secret: Secret::new("first-secret-of-all"),
            allowed_models: Some(vec!["a/b".into()]),
            ..NewProviderCredential::default()
        };
        let made = store.create_credential(new, &actor, 1).await.unwrap();
        let found =
            CredentialTest { state: TestState::Verified, message: "accepted".into(), at: 2 };
        let revision = store.revision().await.unwrap();
        store.put_credential_test(&made.id, &found).await.unwrap();
        assert_eq!(store.revision().await.unwrap(), revision, "nobody has to compile anything");
        let listed = store.credentials().await.unwrap();
        assert_eq!(listed[0].last_test.as_ref(), Some(&found));

        let changes = CredentialChange {
            is_fallback: Some(true),
            allowed_models: Some(None),
            allowed_member_ids: Some(Some(vec!["ada".into()])),
            ..CredentialChange::default()
        };
        let changed = store.update_credential(&made.id, changes, &actor, 3).await.unwrap();
        let expected = ProviderCredential {
            is_fallback: true,
            allowed_models: None,
            allowed_member_ids: Some(vec!["ada".into()]),
            last_test: Some(found),
            ..made.clone()
        };
        assert_eq!(changed, expected, "what is not named stays");
        assert_eq!(store.credentials().await.unwrap(), [expected]);

        let secret = Some(Secret::new("second-secret-of-all"));
        let changes = CredentialChange { secret, ..CredentialChange::default() };
        let changed = store.update_credential(&made.id, changes, &actor, 4).await.unwrap();
        assert_eq!((changed.last_test, changed.label.as_str()), (None, "seco...-all"));
        assert_eq!(
            store.decrypt_credential(&made.id).await.unwrap().expose(),
            "second-secret-of-all"
        );
        let audit = serde_json::to_string(
            &store
                .audit_page(None, 10)
                .await
                .unwrap()
                .entries
                .iter()
                .map(|e| &e.after)
                .collect::<Vec<_>>(),
        );
        assert!(!audit.unwrap().contains("secret-of-all"));

        let empty =
            CredentialChange { secret: Some(Secret::new("")), ..CredentialChange::default() };
        assert!(store.update_credential(&made.id, empty, &actor, 5).await.is_err());
        assert!(
            store
                .put_credential_test(
                    "cred_none",
                    &CredentialTest { state: TestState::Unknown, message: String::new(), at: 1 }
                )
                .await
                .is_err()
        );
    }
}
