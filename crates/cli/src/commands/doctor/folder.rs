//! The data folder: who can read it, and whether it opens.

use std::path::Path;

use store::{Store, StoreError};

use super::finding::Finding;
use crate::configuration::FolderSettings;
use crate::data_folder;

/// Whether folder, database and key are for their owner only.
pub fn rights(settings: &FolderSettings) -> Vec<Finding> {
    let folder = settings.path();
    if !folder.exists() {
        let detail = format!("{} does not exist yet; the first start makes it", folder.display());
        return vec![Finding::fine("data folder", detail)];
    }
    let mut findings = vec![private("data folder", &folder, "700")];
    for (check, path) in [
        ("database", Some(data_folder::database(&folder))),
        ("master key", data_folder::key_file(settings)),
    ] {
        if let Some(path) = path.filter(|path| path.exists()) {
            findings.push(private(check, &path, "600"));
        }
    }
    findings
}

fn private(check: &str, path: &Path, mode: &str) -> Finding {
    use std::os::unix::fs::PermissionsExt;
    let shown = path.display();
    match std::fs::metadata(path) {
        Err(error) => Finding::failure(check, format!("{shown} cannot be looked at: {error}"))
            .mend("run as the user who owns it"),
        Ok(metadata) if metadata.permissions().mode() & 0o077 == 0 => {
            Finding::fine(check, format!("{shown} is for its owner only"))
        }
        Ok(metadata) => {
            let found = metadata.permissions().mode() & 0o777;
            let detail = format!("others on this machine have rights on {shown} (mode {found:o})");
            let finding = if check == "data folder" {
                // Its files have rights of their own, which are looked at next.
                Finding::warning(check, detail)
            } else {
                Finding::failure(check, detail)
            };
            finding.mend(format!("chmod {mode} {shown}"))
        }
    }
}

/// Opens the database, if there is one.
pub async fn open(settings: &FolderSettings) -> (Option<Store>, Vec<Finding>) {
    const CHECK: &str = "database opens";
    let path = data_folder::database(&settings.path());
    if !path.exists() {
        let detail = format!("{} does not exist yet; the first start makes it", path.display());
        return (None, vec![Finding::fine(CHECK, detail)]);
    }
    let error = match data_folder::open(settings).await {
        Ok(store) => {
            let finding = Finding::fine(CHECK, "it opens with its master key, and is current");
            return (Some(store), vec![finding]);
        }
        Err(error) => error,
    };
    let mend = match error.downcast_ref::<StoreError>() {
        Some(StoreError::DatabaseNewer { .. }) => {
            "run the newer version of trunkline that wrote it, or restore an older backup"
        }
        Some(StoreError::WrongMasterKey | StoreError::MalformedMasterKey) => {
            "restore the master key that this database was made with"
        }
        Some(StoreError::File { .. }) => "run as the user who owns the data folder",
        _ => "restore the database and its master key from a backup of the same moment",
    };
    (None, vec![Finding::failure(CHECK, format!("{error:#}")).mend(mend)])
}
