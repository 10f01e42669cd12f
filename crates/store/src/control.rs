//! The control plane read whole: what a running server compiles into its snapshot.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{
    Account, ApiKey, KeySecret, Member, MemberLimit, MemberSession, Overlay, ProviderCredential,
    Revision, Secret, Store, StoreError, Workspace, WorkspaceBudget, WorkspaceMember, account,
    api_key, budget, credential, credit, engine, identity, key_secret, member, overlay, setting,
    workspace,
};

/// Everything the control plane holds, as of one moment.
#[derive(Debug, Clone)]
pub struct ControlState {
    /// Every account.
    pub accounts: Vec<Account>,
    /// What each account with a ledger has been credited, in nano-dollars.
    pub credits: Vec<(String, i64)>,
    /// Every member.
    pub members: Vec<Member>,
    /// Every session stored, those that ended among them.
    pub sessions: Vec<MemberSession>,
    /// Every limit of every member.
    pub member_limits: Vec<MemberLimit>,
    /// Every workspace.
    pub workspaces: Vec<Workspace>,
    /// Which members are in which workspaces; the default one has them all.
    pub workspace_members: Vec<WorkspaceMember>,
    /// Every budget of every workspace.
    pub workspace_budgets: Vec<WorkspaceBudget>,
    /// Every key that is not deleted, disabled ones included.
    pub keys: Vec<ApiKey>,
    /// The secrets of keys that ever got a new one.
    pub key_secrets: Vec<KeySecret>,
    /// Every provider credential in use, with its secret in the clear. Those that are disabled or
    /// cannot be read are left out.
    pub credentials: Vec<(ProviderCredential, Secret)>,
    /// Every catalogue overlay document.
    pub overlays: Vec<Overlay>,
    /// Every setting by name.
    pub settings: BTreeMap<String, Value>,
    /// The revision all of this belongs to.
    pub revision: Revision,
}

impl Store {
    /// Reads the control plane whole and consistently.
    pub async fn snapshot(&self) -> Result<ControlState, StoreError> {
        let mut view = self.database().begin_read().await?;
        // One after the other on one connection, so that all of it belongs to the revision.
        let revision = engine::revision(&mut view).await?;
        Ok(ControlState {
            accounts: account::accounts(&mut view).await?,
            credits: credit::credits(&mut view).await?,
            members: member::members(&mut view).await?,
            sessions: identity::sessions(&mut view).await?,
            member_limits: member::member_limits(&mut view).await?,
            workspaces: workspace::workspaces(&mut view).await?,
            workspace_members: workspace::workspace_members(&mut view).await?,
            workspace_budgets: budget::budgets(&mut view).await?,
            keys: api_key::read_all(&mut view).await?,
            key_secrets: key_secret::read_all(&mut view).await?,
            credentials: credential::read_all_opened(&mut view, self.master_key()).await?,
            overlays: overlay::read_all(&mut view).await?,
            settings: setting::read_all(&mut view).await?,
            revision,
        })
    }

    /// The control plane's revision: another one after every change by any process. Cheap to poll.
    pub async fn revision(&self) -> Result<Revision, StoreError> {
        engine::revision(&mut self.database().session().await?).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{TestDatabase, on_each_engine};
    use crate::{Actor, ApiKeyChange, NewApiKey, NewProviderCredential, OverlayKind};
    use serde_json::json;

    on_each_engine!(every_change_raises_the_revision_and_shows_in_the_snapshot);
    async fn every_change_raises_the_revision_and_shows_in_the_snapshot(database: TestDatabase) {
        let store = database.open().await;
        let mut revisions = vec![store.revision().await.unwrap()];
        let key = store
            .create_api_key(
                NewApiKey { name: "k".into(), ..NewApiKey::default() },
                &Actor::system(),
                1,
            )
            .await;
        let key = key.unwrap().key;
        revisions.push(store.revision().await.unwrap());
        let change = ApiKeyChange { disabled: Some(true), ..ApiKeyChange::default() };
        store.update_api_key(&key.hash, change, &Actor::system(), 2).await.unwrap();
        revisions.push(store.revision().await.unwrap());
        let new = NewProviderCredential {
            provider: "acme".into(),
            secret: Secret::new("upstream-secret"),
            ..NewProviderCredential::default()
        };
        let credential = store.create_credential(new, &Actor::system(), 3).await.unwrap();
        revisions.push(store.revision().await.unwrap());
        store.overlay_put(OverlayKind::Model, "m", &json!({}), &Actor::system(), 4).await.unwrap();
        revisions.push(store.revision().await.unwrap());
        store.put_setting("a", &json!(1), &Actor::system(), 1).await.unwrap();
        revisions.push(store.revision().await.unwrap());
        assert!(revisions.is_sorted_by(|before, after| before.number() < after.number()));

        let state = store.snapshot().await.unwrap();
        assert_eq!(Some(&state.revision), revisions.last());
        assert_eq!((state.accounts.len(), state.workspaces.len()), (1, 1));
        assert!(state.keys[0].disabled);
        assert_eq!(state.credentials, [(credential, Secret::new("upstream-secret"))]);
        assert_eq!(state.overlays.len(), 1);
        assert_eq!(state.settings["a"], json!(1));
        assert!(!format!("{state:?}").contains("upstream-secret"));

        store.delete_api_key(&key.hash, &Actor::system(), 5).await.unwrap();
        assert!(store.snapshot().await.unwrap().keys.is_empty());
    }

    on_each_engine!(a_change_by_another_process_is_seen_in_the_revision);
    async fn a_change_by_another_process_is_seen_in_the_revision(database: TestDatabase) {
        let server = database.open().await;
        let before = server.revision().await.unwrap();
        let tool = database.open().await;
        tool.put_setting("a", &json!(1), &Actor::system(), 1).await.unwrap();
        tool.close().await.unwrap();
        assert_ne!(server.revision().await.unwrap(), before);
    }
}
