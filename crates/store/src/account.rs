//! Accounts, which pay, and what the first start makes.

use crate::engine::{Database, Session, values};
use crate::secret::{hex, random_bytes, random_uuid};
use crate::workspace::{self, DEFAULT_WORKSPACE_SLUG, Workspace, WorkspaceSettings};
use crate::{MasterKey, Micros, Store, StoreError};

const MASTER_KEY_CHECK: &str = "trunkline master key";

/// Who pays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Stable identity.
    pub id: String,
    /// Name shown to people.
    pub name: String,
    /// Microseconds since the Unix epoch.
    pub created_at: Micros,
}

impl Store {
    /// Every account.
    pub async fn accounts(&self) -> Result<Vec<Account>, StoreError> {
        accounts(&mut self.database().session().await?).await
    }
}

/// Creates the default account and workspace if there is none, and checks that the master key is
/// the one this database was set up with. Gives the database's identity, which is that of the
/// account its first start made: no other database has it, unless it is a copy.
pub(crate) async fn bootstrap(
    database: &Database,
    master_key: &MasterKey,
    now: Micros,
) -> Result<String, StoreError> {
    let mut session = database.session().await?;
    if let Some(sealed) = sealed_check(&mut session).await? {
        check_master_key(master_key, &sealed)?;
        return first_account(&mut session).await;
    }
    drop(session);
    let mut change = database.begin_change().await?;
    // Asked again under the lock: another process may have set up the database meanwhile.
    if let Some(sealed) = sealed_check(&mut change).await? {
        check_master_key(master_key, &sealed)?;
        return first_account(&mut change).await;
    }
    let sealed = master_key.seal(MASTER_KEY_CHECK, MASTER_KEY_CHECK)?;
    let text = "INSERT INTO master_key_check (id, sealed) VALUES (1, $1)";
    change.execute(text, values![sealed]).await?;
    let account_id = format!("acct_{}", hex(&random_bytes::<12>()?));
    let text = "INSERT INTO account (id, name, created_at) VALUES ($1, $2, $3)";
    change.execute(text, values![&account_id, "Default", now]).await?;
    let workspace = Workspace {
        id: random_uuid()?,
        account_id: account_id.clone(),
        settings: WorkspaceSettings::named(DEFAULT_WORKSPACE_SLUG, "Default"),
        created_by: None,
        created_at: now,
        updated_at: now,
    };
    workspace::insert(&mut change, &workspace).await?;
    change.commit().await?;
    Ok(account_id)
}

async fn first_account(session: &mut Session) -> Result<String, StoreError> {
    let first = accounts(session).await?.into_iter().next();
    first
        .map(|account| account.id)
        .ok_or_else(|| StoreError::Corrupt { what: "account", reason: "there is none".to_owned() })
}

async fn sealed_check(session: &mut Session) -> Result<Option<Vec<u8>>, StoreError> {
    let text = "SELECT sealed FROM master_key_check WHERE id = 1";
    let row = session.fetch_optional(text, &[]).await?;
    row.map(|row| row.try_get("sealed")).transpose()
}

fn check_master_key(master_key: &MasterKey, sealed: &[u8]) -> Result<(), StoreError> {
    match master_key.open(MASTER_KEY_CHECK, sealed) {
        Some(_) => Ok(()),
        None => Err(StoreError::WrongMasterKey),
    }
}

pub(crate) async fn accounts(session: &mut Session) -> Result<Vec<Account>, StoreError> {
    let text = "SELECT id, name, created_at FROM account ORDER BY created_at, id";
    let rows = session.fetch_all(text, &[]).await?;
    rows.iter()
        .map(|row| {
            Ok(Account {
                id: row.try_get("id")?,
                name: row.try_get("name")?,
                created_at: row.try_get("created_at")?,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{TestDatabase, on_each_engine};

    on_each_engine!(the_first_start_makes_one_account_and_one_workspace_and_the_second_none);
    async fn the_first_start_makes_one_account_and_one_workspace_and_the_second_none(
        database: TestDatabase,
    ) {
        let store = database.try_open(database.key.clone(), 5).await.unwrap();
        let (accounts, workspaces) =
            (store.accounts().await.unwrap(), store.workspaces().await.unwrap());
        let revision = store.revision().await.unwrap();
        store.close().await.unwrap();
        assert_eq!(accounts.len(), 1);
        assert_eq!(workspaces.len(), 1);
        assert_eq!(workspaces[0].settings.slug, DEFAULT_WORKSPACE_SLUG);
        assert_eq!(workspaces[0].account_id, accounts[0].id);
        assert_eq!(workspaces[0].created_at, 5);

        let store = database.try_open(database.key.clone(), 9).await.unwrap();
        assert_eq!(store.accounts().await.unwrap(), accounts);
        assert_eq!(store.workspaces().await.unwrap(), workspaces);
        assert_eq!(store.revision().await.unwrap(), revision);
        store.close().await.unwrap();
    }

    on_each_engine!(another_master_key_is_refused);
    async fn another_master_key_is_refused(database: TestDatabase) {
        database.open().await.close().await.unwrap();
        let refused = database.try_open(MasterKey::generate().unwrap(), 0).await;
        assert!(matches!(refused, Err(StoreError::WrongMasterKey)));
    }
}
