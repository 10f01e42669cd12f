//! The journal: whether it has room, and what a killed process left in it.

use std::path::Path;

use store::Residue;

use super::finding::Finding;
use crate::configuration::FolderSettings;
use crate::data_folder::Place;

const CHECK: &str = "journal";

const MEBIBYTE: u64 = 1024 * 1024;
/// With less, an outage of the database is felt soon.
const LITTLE: u64 = 512 * MEBIBYTE;
/// With less, not even a few segments have room.
const TOO_LITTLE: u64 = 32 * MEBIBYTE;

/// Looks at the folder of the journal, and at the room on its disk.
pub fn check(settings: &FolderSettings) -> Vec<Finding> {
    // What is wrong with the place itself is said of the database.
    let Ok(place) = Place::of(settings) else { return Vec::new() };
    let folder = place.journal(settings);
    let mut findings = vec![residue(&folder)];
    findings.extend(free(&folder).map(room));
    findings
}

fn residue(folder: &Path) -> Finding {
    let shown = folder.display();
    match Residue::of(folder) {
        Err(error) => Finding::failure(CHECK, format!("{shown} cannot be looked at: {error}"))
            .mend("run as the user who owns it"),
        Ok(Residue { segments: 0, is_in_use: false, .. }) => {
            Finding::fine(CHECK, format!("{shown} holds nothing that is not in the database"))
        }
        Ok(Residue { segments, bytes, is_in_use: true }) => {
            let size = bytes / MEBIBYTE;
            Finding::fine(CHECK, format!("a gateway has it: {segments} segments, {size} MiB"))
        }
        Ok(Residue { segments, .. }) => {
            let detail = format!(
                "{shown} has {segments} segments of a process that was killed, or could not reach \
                 the database: there may be records in them that the database does not have"
            );
            Finding::warning(CHECK, detail).mend(
                "start `trunkline serve` with this data folder once: it brings them into the \
                 database; do not delete them",
            )
        }
    }
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

    #[test]
    fn segments_that_nobody_has_are_a_warning() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(residue(folder.path()).state, State::Fine);
        std::fs::write(folder.path().join("0000000000000001.journal"), [0; 8]).unwrap();
        assert_eq!(residue(folder.path()).state, State::Warning);
    }
}
