//! Accounts, which pay, and workspaces, which scope keys, budgets and policy inside one.

use sqlx::Row as _;

use crate::engine::{Connection, Row};
use crate::secret::{hex, random_bytes};
use crate::{MasterKey, Micros, Store, StoreError};

/// Slug of the workspace that the first start creates and that unscoped requests mean.
pub const DEFAULT_WORKSPACE_SLUG: &str = "default";

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

/// A scope for keys, budgets and policy inside an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workspace {
    /// Stable identity.
    pub id: String,
    /// The account it belongs to.
    pub account_id: String,
    /// Short name, unique within the account.
    pub slug: String,
    /// Name shown to people.
    pub name: String,
    /// Microseconds since the Unix epoch.
    pub created_at: Micros,
}

impl Store {
    /// Every account.
    pub async fn accounts(&self) -> Result<Vec<Account>, StoreError> {
        let mut connection = self.engine().reader().acquire().await?;
        accounts(&mut connection).await
    }

    /// Every workspace of every account.
    pub async fn workspaces(&self) -> Result<Vec<Workspace>, StoreError> {
        let mut connection = self.engine().reader().acquire().await?;
        workspaces(&mut connection).await
    }

    /// Creates the default account and workspace if there is none, and checks that the master
    /// key is the one this database was set up with.
    pub(crate) async fn bootstrap(
        &self,
        master_key: &MasterKey,
        now: Micros,
    ) -> Result<(), StoreError> {
        let sealed: Option<Vec<u8>> =
            sqlx::query_scalar("SELECT sealed FROM master_key_check WHERE id = 1")
                .fetch_optional(self.engine().reader())
                .await?;
        if let Some(sealed) = sealed {
            return check_master_key(master_key, &sealed);
        }
        let mut change = self.engine().begin_change().await?;
        // Asked again under the lock: another process may have set up the file meanwhile.
        let sealed: Option<Vec<u8>> =
            sqlx::query_scalar("SELECT sealed FROM master_key_check WHERE id = 1")
                .fetch_optional(change.connection())
                .await?;
        if let Some(sealed) = sealed {
            return check_master_key(master_key, &sealed);
        }
        sqlx::query("INSERT INTO master_key_check (id, sealed) VALUES (1, $1)")
            .bind(master_key.seal(MASTER_KEY_CHECK, MASTER_KEY_CHECK)?)
            .execute(change.connection())
            .await?;
        let account_id = format!("acct_{}", hex(&random_bytes::<12>()?));
        sqlx::query("INSERT INTO account (id, name, created_at) VALUES ($1, $2, $3)")
            .bind(&account_id)
            .bind("Default")
            .bind(now)
            .execute(change.connection())
            .await?;
        sqlx::query(
            "INSERT INTO workspace (id, account_id, slug, name, created_at) \
             VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(format!("ws_{}", hex(&random_bytes::<12>()?)))
        .bind(&account_id)
        .bind(DEFAULT_WORKSPACE_SLUG)
        .bind("Default")
        .bind(now)
        .execute(change.connection())
        .await?;
        change.commit().await
    }
}

fn check_master_key(master_key: &MasterKey, sealed: &[u8]) -> Result<(), StoreError> {
    match master_key.open(MASTER_KEY_CHECK, sealed) {
        Some(_) => Ok(()),
        None => Err(StoreError::WrongMasterKey),
    }
}

pub(crate) async fn accounts(connection: &mut Connection) -> Result<Vec<Account>, StoreError> {
    let rows = sqlx::query("SELECT id, name, created_at FROM account ORDER BY created_at, id")
        .fetch_all(connection)
        .await?;
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

pub(crate) async fn workspaces(connection: &mut Connection) -> Result<Vec<Workspace>, StoreError> {
    let rows = sqlx::query(
        "SELECT id, account_id, slug, name, created_at FROM workspace ORDER BY created_at, id",
    )
    .fetch_all(connection)
    .await?;
    rows.iter().map(workspace).collect()
}

/// The workspace of that identity, or the default one for `None`.
pub(crate) async fn workspace_or_default(
    connection: &mut Connection,
    id: Option<&str>,
) -> Result<Workspace, StoreError> {
    let query = match id {
        Some(id) => sqlx::query(
            "SELECT id, account_id, slug, name, created_at FROM workspace WHERE id = $1",
        )
        .bind(id),
        None => sqlx::query(
            "SELECT id, account_id, slug, name, created_at FROM workspace WHERE slug = $1 \
             ORDER BY created_at, id LIMIT 1",
        )
        .bind(DEFAULT_WORKSPACE_SLUG),
    };
    let row = query.fetch_optional(connection).await?.ok_or_else(|| StoreError::NotFound {
        what: "workspace",
        id: id.unwrap_or(DEFAULT_WORKSPACE_SLUG).to_owned(),
    })?;
    workspace(&row)
}

fn workspace(row: &Row) -> Result<Workspace, StoreError> {
    Ok(Workspace {
        id: row.try_get("id")?,
        account_id: row.try_get("account_id")?,
        slug: row.try_get("slug")?,
        name: row.try_get("name")?,
        created_at: row.try_get("created_at")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_first_start_makes_one_account_and_one_workspace_and_the_second_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data/trunkline.db");
        let key = MasterKey::generate().unwrap();
        let store = Store::open(&path, key.clone(), 5).await.unwrap();
        let (accounts, workspaces) =
            (store.accounts().await.unwrap(), store.workspaces().await.unwrap());
        let revision = store.revision().await.unwrap();
        store.close().await.unwrap();
        assert_eq!(accounts.len(), 1);
        assert_eq!(workspaces.len(), 1);
        assert_eq!(workspaces[0].slug, DEFAULT_WORKSPACE_SLUG);
        assert_eq!(workspaces[0].account_id, accounts[0].id);
        assert_eq!(workspaces[0].created_at, 5);

        let store = Store::open(&path, key, 9).await.unwrap();
        assert_eq!(store.accounts().await.unwrap(), accounts);
        assert_eq!(store.workspaces().await.unwrap(), workspaces);
        assert_eq!(store.revision().await.unwrap(), revision);
        store.close().await.unwrap();
    }

    #[tokio::test]
    async fn another_master_key_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("trunkline.db");
        let store = Store::open(&path, MasterKey::generate().unwrap(), 0).await.unwrap();
        store.close().await.unwrap();
        let refused = Store::open(&path, MasterKey::generate().unwrap(), 0).await;
        assert!(matches!(refused, Err(StoreError::WrongMasterKey)));
    }
}
