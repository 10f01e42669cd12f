//! Opening and refusing databases.

use super::{TestDatabase, on_each_engine};
use crate::engine::values;
use crate::{MasterKey, Store, StoreError};

on_each_engine!(a_database_written_by_a_newer_version_is_refused_with_both_versions);
async fn a_database_written_by_a_newer_version_is_refused_with_both_versions(
    database: TestDatabase,
) {
    let store = database.open().await;
    let text = "INSERT INTO _sqlx_migrations \
                (version, description, success, checksum, execution_time) \
                VALUES (9999, 'from the future', TRUE, $1, 0)";
    let mut session = store.database().session().await.unwrap();
    session.execute(text, values![vec![0]]).await.unwrap();
    drop(session);
    store.close().await.unwrap();

    let error = database.try_open(database.key.clone(), 0).await.unwrap_err();
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

on_each_engine!(several_first_starts_at_once_set_up_one_database);
async fn several_first_starts_at_once_set_up_one_database(database: TestDatabase) {
    let (one, two, three) = tokio::join!(database.open(), database.open(), database.open());
    assert_eq!(one.accounts().await.unwrap().len(), 1);
    assert_eq!(one.workspaces().await.unwrap(), two.workspaces().await.unwrap());
    assert_eq!(one.workspaces().await.unwrap(), three.workspaces().await.unwrap());
    for store in [one, two, three] {
        store.close().await.unwrap();
    }
}

on_each_engine!(an_open_store_answers_and_a_closed_one_does_not);
async fn an_open_store_answers_and_a_closed_one_does_not(database: TestDatabase) {
    let store = database.open().await;
    store.ping().await.unwrap();
    store.close().await.unwrap();
    assert!(store.ping().await.is_err());
}

#[tokio::test]
async fn a_file_that_may_only_be_read_is_refused_by_name() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("trunkline.db");
    let key = MasterKey::generate().unwrap();
    Store::open_beside(&path, key.clone(), 0).await.unwrap().close().await.unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o400)).unwrap();
    if std::fs::OpenOptions::new().append(true).open(&path).is_ok() {
        // The superuser may write whatever the file says.
        return;
    }
    let refused = Store::open_beside(&path, key, 0).await;
    assert!(matches!(refused, Err(StoreError::File { path: named, .. }) if named == path));
}
