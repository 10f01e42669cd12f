//! Copies of a database in a file: made beside a running gateway, looked through, and put in the place
//! of one.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use crate::engine::{Schema, schema_in_file};
use crate::journal::Residue;
use crate::{Store, StoreError, files};

/// The most faults of a file that are told.
const MOST_FAULTS: u32 = 5;

/// What was put aside to make room for a copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// The folder it is in now; `None` if nothing was there.
    pub aside: Option<PathBuf>,
}

impl Store {
    /// Writes a copy of the database in the file `database` to `copy`, which must not exist, as it is
    /// at one moment; others may write to it meanwhile. Blocks until it is on the disk.
    pub fn back_up(database: &Path, copy: &Path) -> Result<(), StoreError> {
        let file = files::create_private_file(copy).map_err(|error| files::failure(copy, error))?;
        let written = written(database, copy);
        if written.is_err() {
            // Half a copy is none.
            remove(copy);
        }
        written?;
        file.sync_all().map_err(|error| files::failure(copy, error))?;
        files::sync_folder(copy.parent())
    }

    /// What is wrong with the database in a file, which is read whole; nothing if it is sound. Blocks.
    pub fn faults(database: &Path) -> Result<Vec<String>, StoreError> {
        let connection = open(database).map_err(wrong)?;
        let look = format!("PRAGMA integrity_check({MOST_FAULTS})");
        let mut statement = connection.prepare(&look).map_err(wrong)?;
        let told = statement.query_map((), |row| row.get::<_, String>(0)).map_err(wrong)?;
        let faults = told.collect::<Result<Vec<_>, _>>().map_err(wrong)?;
        Ok(faults.into_iter().filter(|fault| fault != "ok").collect())
    }

    /// Puts a copy, which is looked through first, in the place of the database in the file `database`,
    /// and what was there, with all that belongs to it (log, index, journal), into a folder beside it
    /// that is named by `moment`. Nobody may have it open. Blocks.
    pub fn restore(copy: &Path, database: &Path, moment: &str) -> Result<Restored, StoreError> {
        let journal = Store::journal_beside(database);
        if Residue::of(&journal)?.is_in_use {
            return Err(StoreError::InUse { path: journal });
        }
        files::create_private_folder(database.parent())?;
        // First all that may fail.
        let arriving = beside(database, ".restoring");
        remove(&arriving);
        if let Err(error) = put(copy, &arriving).and_then(|()| check(&arriving)) {
            remove(&arriving);
            return Err(error);
        }
        // The database last: as long as it is there, nothing is lost.
        let there: Vec<PathBuf> = std::iter::once(journal)
            .chain(["-wal", "-shm", ""].iter().map(|end| beside(database, end)))
            .filter(|path| path.exists())
            .collect();
        let mut aside = None;
        if !there.is_empty() {
            let folder = database.with_file_name(format!("before-restore-{moment}"));
            let made = files::create_private_folder_anew(&folder);
            if let Err(error) = made.and_then(|()| move_all(&there, &folder)) {
                remove(&arriving);
                return Err(error);
            }
            aside = Some(folder);
        }
        std::fs::rename(&arriving, database).map_err(|error| files::failure(database, error))?;
        files::sync_folder(database.parent())?;
        Ok(Restored { aside })
    }
}

fn written(database: &Path, copy: &Path) -> Result<(), StoreError> {
    let connection = open(database).map_err(wrong)?;
    connection.execute("VACUUM INTO ?", [copy.to_string_lossy()]).map_err(wrong)?;
    Ok(())
}

/// Opens a database, without making one. SQLite itself writes to one whose process was killed.
fn open(database: &Path) -> Result<Connection, rusqlite::Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(database, flags)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    Ok(connection)
}

/// Refuses what is no sound database of this program.
fn check(copy: &Path) -> Result<(), StoreError> {
    if let Some(fault) = Store::faults(copy)?.into_iter().next() {
        return Err(StoreError::Corrupt { what: "copy", reason: fault });
    }
    let Schema { found, known, .. } = schema_in_file(copy)?;
    match found {
        Some(found) if found > known => Err(StoreError::DatabaseNewer { found, known }),
        Some(_) => Ok(()),
        None => Err(StoreError::Invalid {
            what: "copy",
            reason: "it is no database of this program".to_owned(),
        }),
    }
}

fn remove(database: &Path) {
    for end in ["", "-wal", "-shm", "-journal"] {
        // It may not be there.
        let _ = std::fs::remove_file(beside(database, end));
    }
}

/// Moves files into a folder; if one cannot be moved, those before it go back.
fn move_all(there: &[PathBuf], folder: &Path) -> Result<(), StoreError> {
    let inside = |path: &Path| folder.join(path.file_name().unwrap_or_default());
    for (moved, path) in there.iter().enumerate() {
        if let Err(error) = std::fs::rename(path, inside(path)) {
            for before in &there[..moved] {
                // There it came from a moment ago.
                let _ = std::fs::rename(inside(before), before);
            }
            let _ = std::fs::remove_dir(folder);
            return Err(files::failure(path, error));
        }
    }
    Ok(())
}

fn put(copy: &Path, place: &Path) -> Result<(), StoreError> {
    let mut to = files::create_private_file(place).map_err(|error| files::failure(place, error))?;
    let mut from = std::fs::File::open(copy).map_err(|error| files::failure(copy, error))?;
    std::io::copy(&mut from, &mut to).map_err(|error| files::failure(place, error))?;
    to.sync_all().map_err(|error| files::failure(place, error))
}

fn beside(database: &Path, end: &str) -> PathBuf {
    let mut name = database.file_name().map(OsString::from).unwrap_or_default();
    name.push(end);
    database.with_file_name(name)
}

fn wrong(error: rusqlite::Error) -> StoreError {
    StoreError::Database(Box::new(error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Actor, MasterKey, NewApiKey};

    async fn store(path: &Path) -> Store {
        let key = MasterKey::parse(&"7".repeat(64)).unwrap();
        Store::open(path, key, 1).await.unwrap()
    }

    async fn keys(store: &Store) -> usize {
        store.snapshot().await.unwrap().keys.len()
    }

    async fn make_key(store: &Store, name: &str) {
        let key = NewApiKey { name: name.to_owned(), ..NewApiKey::default() };
        store.create_api_key(key, &Actor::system(), 1).await.unwrap();
    }

    #[tokio::test]
    async fn a_copy_made_beside_a_running_store_comes_back_without_what_came_later() {
        let folder = tempfile::tempdir().unwrap();
        let (database, copy) = (folder.path().join("trunkline.db"), folder.path().join("copy.db"));
        let before = store(&database).await;
        make_key(&before, "one").await;
        Store::back_up(&database, &copy).unwrap();
        assert!(Store::back_up(&database, &copy).is_err(), "a copy is not written over");
        assert_eq!(Store::faults(&copy).unwrap(), Vec::<String>::new());
        make_key(&before, "two").await;
        let refused = Store::restore(&copy, &database, "now").unwrap_err();
        assert!(matches!(refused, StoreError::InUse { .. }), "{refused}");
        // A log and a journal of a later time, as a killed process leaves them.
        before.close().await.unwrap();
        std::fs::write(beside(&database, "-wal"), "of another time").unwrap();
        std::fs::create_dir_all(Store::journal_beside(&database)).unwrap();
        let restored = Store::restore(&copy, &database, "now").unwrap();
        let aside = restored.aside.unwrap();
        assert!(aside.join("trunkline.db").exists() && aside.join("trunkline.db-wal").exists());
        assert!(Store::restore(&copy, &database, "now").is_err(), "what is aside stays");
        assert!(aside.join("trunkline.db-wal").exists() && database.exists());
        assert!(!beside(&database, "-wal").exists() && !beside(&database, ".restoring").exists());
        let after = store(&database).await;
        assert_eq!(keys(&after).await, 1);
        after.close().await.unwrap();
    }

    #[tokio::test]
    async fn what_is_no_sound_copy_leaves_all_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("trunkline.db");
        let there = store(&database).await;
        make_key(&there, "one").await;
        there.close().await.unwrap();
        let copy = folder.path().join("copy.db");
        Store::back_up(&database, &copy).unwrap();
        let mut bytes = std::fs::read(&copy).unwrap();
        let length = bytes.len();
        bytes[8192 * 2..length.min(8192 * 6)].fill(0xa5);
        for (name, content) in
            [("text", b"no database".to_vec()), ("empty", Vec::new()), ("damaged", bytes)]
        {
            let copy = folder.path().join(name);
            std::fs::write(&copy, content).unwrap();
            assert!(Store::restore(&copy, &database, "now").is_err(), "{name}");
            assert!(!beside(&database, ".restoring").exists());
            assert!(!folder.path().join("before-restore-now").exists());
        }
        let after = store(&database).await;
        assert_eq!(keys(&after).await, 1);
        after.close().await.unwrap();
    }
}
