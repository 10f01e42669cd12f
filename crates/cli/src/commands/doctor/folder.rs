//! The data folder: who can read it.

use std::io::ErrorKind;
use std::path::Path;

use super::finding::Finding;
use crate::configuration::FolderSettings;
use crate::data_folder::{self, Place};

/// Whether folder, database and key are for their owner only.
pub fn rights(settings: &FolderSettings) -> Vec<Finding> {
    let folder = settings.path();
    let shown = folder.display();
    match std::fs::metadata(&folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let detail = format!("{shown} does not exist yet; the first start makes it");
            return vec![Finding::fine("data folder", detail)];
        }
        Ok(metadata) if !metadata.is_dir() => {
            let finding = Finding::failure("data folder", format!("{shown} is no folder"));
            return vec![finding.mend("name a folder with --data-folder, or move the file away")];
        }
        _ => {}
    }
    let mut findings = vec![private("data folder", &folder, "700")];
    let file = match Place::of(settings) {
        Ok(Place::File(path)) => Some(path),
        Ok(Place::Server(_)) | Err(_) => None,
    };
    for (check, path) in [("database file", file), ("master key", data_folder::key_file(settings))]
    {
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
