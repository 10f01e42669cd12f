//! The database: whether it can be reached, is of this program's version, and opens.

use std::io::ErrorKind;
use std::path::PathBuf;
use std::time::Duration;

use store::{Micros, Schema, Store, StoreError, Withheld};

use super::finding::Finding;
use crate::configuration::FolderSettings;
use crate::data_folder::{self, Place};
use crate::decimal::usd;
use crate::moment;

const CHECK: &str = "database";

/// By how much a server's clock may differ from this one, in microseconds.
const CLOCK_DIFFERENCE: Micros = 5_000_000;

/// Looks at the database without changing it, and opens it if that does not change it either.
pub async fn open(settings: &FolderSettings) -> (Option<Store>, Vec<Finding>) {
    let place = match Place::of(settings) {
        Ok(place) => place,
        Err(error) => {
            let finding = Finding::failure(CHECK, format!("{error:#}"))
                .mend("set database_url to postgres://user:password@host:5432/name");
            return (None, vec![finding]);
        }
    };
    // Nobody waits for a doctor who waits for a server.
    let schema = match place.schema(Duration::ZERO).await {
        Ok(schema) => schema,
        Err(error) => return (None, vec![failure(&place, &error.into())]),
    };
    let mut findings: Vec<Finding> =
        schema.and_then(|schema| schema.server_time).map(clocks).into_iter().collect();
    let shown = place.shown();
    let Some(Schema { found: Some(found), known, .. }) = schema else {
        let detail = match place {
            Place::File(_) => format!("{shown} does not exist yet; the first start makes it"),
            Place::Server(_) => format!("{shown} is empty; the first start sets it up"),
        };
        findings.push(Finding::fine(CHECK, detail));
        return (None, findings);
    };
    if found < known {
        let detail = format!(
            "{shown} has schema version {found}; the next start of this program brings it to {known}"
        );
        let finding = Finding::warning(CHECK, detail)
            .mend("make a backup, and start this version; older ones refuse the database then");
        findings.push(finding);
        return (None, findings);
    }
    match data_folder::open(settings).await {
        Ok(store) => {
            let detail = format!("{shown} opens with its master key, at schema version {found}");
            findings.push(Finding::fine(CHECK, detail));
            if let Place::File(path) = &place {
                findings.push(sound(path.clone()).await);
            }
            findings.extend(withheld(&store).await);
            (Some(store), findings)
        }
        Err(error) => {
            findings.push(failure(&place, &error));
            (None, findings)
        }
    }
}

/// Whether a file can be read from its first page to its last.
async fn sound(path: PathBuf) -> Finding {
    const CHECK: &str = "database file";
    let shown = path.display().to_string();
    let looked = tokio::task::spawn_blocking(move || Store::faults(&path)).await;
    let broken = |why: String| {
        Finding::failure(CHECK, format!("{shown} is damaged: {why}")).mend(
            "stop the gateway, keep a copy of the data folder as it is, and put a backup in its place \
             with `trunkline restore FILE`",
        )
    };
    match looked {
        Ok(Ok(faults)) if faults.is_empty() => {
            Finding::fine(CHECK, format!("{shown} is sound from its first page to its last"))
        }
        Ok(Ok(faults)) => broken(faults.join("; ")),
        Ok(Err(error)) => broken(format!("{:#}", anyhow::Error::new(error))),
        Err(error) => Finding::failure(CHECK, format!("{shown} was not looked through: {error}")),
    }
}

fn failure(place: &Place, error: &anyhow::Error) -> Finding {
    let known = error.chain().find_map(|cause| cause.downcast_ref::<StoreError>());
    let reason = error.chain().find_map(|cause| cause.downcast_ref::<std::io::Error>());
    let mend = match (known, place) {
        (_, Place::File(_)) if reason.is_some_and(|it| it.kind() == ErrorKind::NotADirectory) => {
            "name a folder with --data-folder"
        }
        (_, Place::File(_)) if is_of_rights(error) => RIGHTS,
        (Some(StoreError::DatabaseNewer { .. }), _) => {
            "run the newer version of trunkline that wrote it, or restore an older backup"
        }
        (Some(StoreError::WrongMasterKey | StoreError::MalformedMasterKey), _) => {
            "restore the master key that this database was made with"
        }
        (Some(StoreError::File { .. }), _) => RIGHTS,
        (Some(StoreError::Unreachable(_)), _) => {
            "start the server, or correct its address and the way to it"
        }
        (None, _) => "restore the master key, or say with --master-key where it is",
        (_, Place::Server(_)) => {
            "correct user, password, database and sslmode in database_url, and the rights there"
        }
        (_, Place::File(_)) => {
            "restore the database and its master key from a backup of the same moment, with \
             `trunkline restore FILE`"
        }
    };
    Finding::failure(CHECK, format!("{}: {error:#}", place.shown())).mend(mend)
}

const RIGHTS: &str =
    "run as the user who owns the data folder, or mend the rights on what is in it";

/// Whether the system did not let the file be opened or written: there is nothing wrong in it then,
/// and a backup would be the loss of what came after.
fn is_of_rights(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| match cause.downcast_ref::<std::io::Error>() {
        Some(error) => {
            matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem)
        }
        // SQLite's own words.
        None => {
            let text = cause.to_string();
            ["readonly database", "unable to open database", "permission denied"]
                .iter()
                .any(|words| text.contains(words))
        }
    })
}

/// Records that came out of a journal too late.
async fn withheld(store: &Store) -> Option<Finding> {
    const CHECK: &str = "withheld records";
    let withheld = match store.withheld_settlements().await {
        Ok(withheld) => withheld,
        Err(error) => return Some(Finding::failure(CHECK, error.to_string())),
    };
    (withheld.settlements > 0).then(|| told(withheld)).map(|detail| {
        Finding::warning(CHECK, detail).mend(
            "look at the table withheld_settlement; credit or charge by hand what it comes to, \
             delete its rows, and set generation_retention_days higher",
        )
    })
}

fn told(withheld: Withheld) -> String {
    format!(
        "{} records, {} USD, came out of a journal after their day was removed from the database: \
         they are not counted, since nobody can tell whether they were before",
        withheld.settlements,
        usd(withheld.total_cost)
    )
}

/// Whether this machine and the server agree about the time.
fn clocks(server: Micros) -> Finding {
    const CHECK: &str = "database clock";
    let difference = server.saturating_sub(moment::now());
    if difference.saturating_abs() > CLOCK_DIFFERENCE {
        let seconds = difference / 1_000_000;
        return Finding::warning(CHECK, format!("the server's differs by {seconds} seconds"))
            .mend("set both clocks with NTP: expiries and days in the books go by them");
    }
    Finding::fine(CHECK, "the server's agrees with this one")
}

#[cfg(test)]
mod tests {
    use super::super::finding::State;
    use super::*;

    #[test]
    fn a_file_that_may_not_be_written_is_not_replaced_by_a_backup() {
        let place = Place::File("data/trunkline.db".into());
        let said =
            |reason: &str| failure(&place, &StoreError::Database(reason.into()).into()).text();
        for reason in [
            "error returned from database: (code: 8) attempt to write a readonly database",
            "error returned from database: (code: 14) unable to open database file",
        ] {
            let text = said(reason);
            assert!(text.contains("mend the rights") && !text.contains("backup"), "{text}");
        }
        let denied = std::io::Error::from(ErrorKind::PermissionDenied);
        let error = anyhow::Error::new(denied).context("the master key cannot be used");
        assert!(failure(&place, &error).text().contains("mend the rights"));
        assert!(said("database disk image is malformed").contains("backup"));
    }

    #[test]
    fn clocks_that_differ_are_a_warning() {
        assert_eq!(clocks(moment::now()).state, State::Fine);
        assert_eq!(clocks(moment::now() - 60_000_000).state, State::Warning);
    }
}
