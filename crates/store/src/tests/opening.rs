//! Opening and refusing databases.

use crate::{MasterKey, Store, StoreError};

#[tokio::test]
async fn a_database_written_by_a_newer_version_is_refused_with_both_versions() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("trunkline.db");
    let key = MasterKey::generate().unwrap();
    let store = Store::open(&path, key.clone(), 0).await.unwrap();
    sqlx::query(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
         VALUES (9999, 'from the future', TRUE, x'00', 0)",
    )
    .execute(store.engine().reader())
    .await
    .unwrap();
    store.close().await.unwrap();

    let error = Store::open(&path, key, 0).await.unwrap_err();
    assert!(matches!(error, StoreError::DatabaseNewer { found: 9999, .. }));
    assert!(error.to_string().contains("newer version"));
}

#[cfg(unix)]
#[tokio::test]
async fn the_folder_the_file_and_its_log_are_for_their_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let store =
        Store::open(&data.join("trunkline.db"), MasterKey::generate().unwrap(), 0).await.unwrap();
    assert_eq!(std::fs::metadata(&data).unwrap().permissions().mode() & 0o777, 0o700);
    let mut files = 0;
    for file in std::fs::read_dir(&data).unwrap() {
        let file = file.unwrap();
        let metadata = file.metadata().unwrap();
        let mode = metadata.permissions().mode() & 0o777;
        assert_eq!(
            mode,
            if metadata.is_dir() { 0o700 } else { 0o600 },
            "{}",
            file.path().display()
        );
        files += 1;
    }
    assert!(files >= 2, "the database and its write-ahead log");
    store.close().await.unwrap();
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("trunkline.db");
    std::fs::write(&path, "not a database, whatever its name says ".repeat(100)).unwrap();
    let opened = Store::open(&path, MasterKey::generate().unwrap(), 0).await;
    assert!(matches!(opened, Err(StoreError::Database(_))));
}

#[tokio::test]
async fn two_first_starts_at_once_set_up_one_database() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data/trunkline.db");
    let key = MasterKey::generate().unwrap();
    let (one, two) =
        tokio::join!(Store::open(&path, key.clone(), 0), Store::open_beside(&path, key.clone(), 0));
    let (one, two) = (one.unwrap(), two.unwrap());
    assert_eq!(one.accounts().await.unwrap().len(), 1);
    assert_eq!(one.workspaces().await.unwrap(), two.workspaces().await.unwrap());
    one.close().await.unwrap();
    two.close().await.unwrap();
}

#[tokio::test]
async fn an_open_store_answers_and_a_closed_one_does_not() {
    let store = Store::open_temporary().await.unwrap();
    store.ping().await.unwrap();
    store.close().await.unwrap();
    assert!(store.ping().await.is_err());
}
