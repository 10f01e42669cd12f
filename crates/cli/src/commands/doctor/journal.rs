//! The journal: whether it has room, and what a killed process left in it, for which database.

use std::path::Path;
use std::time::Duration;

use store::{Owner, Residue, Schema, Store};

use super::finding::Finding;
use crate::configuration::FolderSettings;
use crate::data_folder::Place;

const CHECK: &str = "journal";

const MEBIBYTE: u64 = 1024 * 1024;
/// With less, an outage of the database is felt soon.
const LITTLE: u64 = 512 * MEBIBYTE;
/// With less, not even a few segments have room.
const TOO_LITTLE: u64 = 32 * MEBIBYTE;

/// The database that is there.
#[derive(Clone, Copy)]
enum Found<'s> {
    /// With this identity.
    Database(&'s str),
    /// None was set up.
    Nothing,
    /// It cannot be told.
    Unknown,
}

/// Looks at the folder of the journal, and at the room on its disk. `store` is the database, if it
/// could be opened.
pub async fn check(settings: &FolderSettings, store: Option<&Store>) -> Vec<Finding> {
    // What is wrong with the place itself is said of the database.
    let Ok(place) = Place::of(settings) else { return Vec::new() };
    let folder = place.journal(settings);
    let found = match store {
        Some(store) => Found::Database(store.identity()),
        None => match place.schema(Duration::ZERO).await {
            Ok(None | Some(Schema { found: None, .. })) => Found::Nothing,
            Ok(Some(_)) | Err(_) => Found::Unknown,
        },
    };
    let mut findings = residue(&folder, found);
    findings.extend(free(&folder).map(room));
    findings
}

fn residue(folder: &Path, found: Found<'_>) -> Vec<Finding> {
    let shown = folder.display();
    let residue = match Residue::of(folder) {
        Ok(residue) => residue,
        Err(error) => {
            let finding = Finding::failure(CHECK, format!("{shown} cannot be looked at: {error}"));
            return vec![finding.mend("run as the user who owns it")];
        }
    };
    let segments = residue.segments;
    let mut findings = vec![
        match residue.owner.as_ref().and_then(|owner| stranger(owner, found)) {
            Some(finding) => finding,
            None if residue.is_in_use => {
                let size = residue.bytes / MEBIBYTE;
                Finding::fine(CHECK, format!("a gateway has it: {segments} segments, {size} MiB"))
            }
            None if segments == 0 => {
                Finding::fine(CHECK, format!("{shown} holds nothing that is not in the database"))
            }
            None => {
                let detail = format!(
                    "{shown} has {segments} segments of a process that was killed, or could not reach \
                 the database: there may be records in them that the database does not have"
                );
                Finding::warning(CHECK, detail).mend(
                    "start `trunkline serve` with this data folder once: it brings them into the \
                 database; do not delete them",
                )
            }
        },
    ];
    findings.extend((residue.damaged > 0).then(|| {
        let detail = format!(
            "{shown} has {} damaged segments: records are lost that could not be read in them, all \
             others are in the database",
            residue.damaged
        );
        Finding::warning(CHECK, detail).mend(
            "look after the disk; keep the files that end with .damaged elsewhere, or delete them",
        )
    }));
    findings
}

/// What there is to say of rows for another database than the one that is there: a start is refused.
fn stranger(owner: &Owner, found: Found<'_>) -> Option<Finding> {
    let segment = owner.segment.display();
    let detail = match (found, &owner.database) {
        (Found::Database(identity), Some(database)) if database != identity => format!(
            "{segment} has records for the database {database}, but this one is {identity}: a start \
             is refused"
        ),
        (Found::Nothing, Some(database)) => format!(
            "{segment} has records for the database {database}, but there is none: a start is refused"
        ),
        (Found::Nothing, None) => {
            format!("{segment} has records, but there is no database: a start is refused")
        }
        _ => return None,
    };
    Some(Finding::failure(CHECK, detail).mend(
        "put that database back (from a backup, if need be), or correct --data-folder or \
         database_url; to go on without it, move the journal's segments elsewhere and keep them",
    ))
}

/// Free bytes on the disk of a folder, or of the one it will be made in.
fn free(folder: &Path) -> Option<u64> {
    let there = folder.ancestors().find(|folder| folder.exists()).or(Some(Path::new(".")))?;
    let there = if there.as_os_str().is_empty() { Path::new(".") } else { there };
    let facts = rustix::fs::statvfs(there).ok()?;
    Some(facts.f_bavail.saturating_mul(facts.f_frsize))
}

fn room(free: u64) -> Finding {
    const CHECK: &str = "disk";
    let detail = format!("{} MiB are free where the journal is", free / MEBIBYTE);
    if free >= LITTLE {
        return Finding::fine(CHECK, detail);
    }
    let finding = if free >= TOO_LITTLE {
        Finding::warning(CHECK, detail)
    } else {
        Finding::failure(CHECK, detail)
    };
    finding.mend("make room: records are kept there while the database is away")
}

#[cfg(test)]
mod tests {
    use super::super::finding::State;
    use super::*;

    #[test]
    fn little_room_is_a_warning_and_none_a_failure() {
        assert_eq!(room(0).state, State::Failure);
        assert_eq!(room(LITTLE - 1).state, State::Warning);
        assert_eq!(room(LITTLE).state, State::Fine);
        assert!(free(Path::new("/nowhere/journal")).is_some_and(|free| free > 0));
    }

    fn states(folder: &Path, found: Found<'_>) -> Vec<State> {
        residue(folder, found).into_iter().map(|finding| finding.state).collect()
    }

    #[test]
    fn segments_that_nobody_has_are_a_warning_and_so_are_damaged_ones() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(states(folder.path(), Found::Unknown), [State::Fine]);
        std::fs::write(folder.path().join("0000000000000001.journal"), [0; 8]).unwrap();
        assert_eq!(states(folder.path(), Found::Unknown), [State::Warning]);
        std::fs::write(folder.path().join("0000000000000001.damaged"), [1; 8]).unwrap();
        assert_eq!(states(folder.path(), Found::Unknown), [State::Warning, State::Warning]);
    }

    #[test]
    fn records_for_another_database_are_a_failure() {
        let owner = |database: Option<&str>| Owner {
            segment: "1.journal".into(),
            database: database.map(str::to_owned),
        };
        for (database, found, is_strange) in [
            (Some("acct_a"), Found::Database("acct_a"), false),
            (Some("acct_a"), Found::Database("acct_b"), true),
            (Some("acct_a"), Found::Nothing, true),
            (Some("acct_a"), Found::Unknown, false),
            (None, Found::Database("acct_a"), false),
            (None, Found::Nothing, true),
        ] {
            let finding = stranger(&owner(database), found);
            assert_eq!(finding.is_some(), is_strange);
            assert!(finding.is_none_or(|finding| finding.state == State::Failure));
        }
    }
}
