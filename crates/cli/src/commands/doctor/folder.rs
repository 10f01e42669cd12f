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
    findings.extend(unwritable(settings, &folder));
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

/// What the user who runs this may not write to, of what a gateway writes to.
fn unwritable(settings: &FolderSettings, folder: &Path) -> Option<Finding> {
    let place = Place::of(settings).ok()?;
    let journal = place.journal(settings);
    let mut places = vec![folder.to_path_buf(), journal.clone()];
    if let Place::File(path) = place {
        places.push(path);
    }
    places.extend(std::fs::read_dir(&journal).into_iter().flatten().flatten().map(|it| it.path()));
    let refused: Vec<String> = places
        .iter()
        .filter(|path| path.exists() && !may_write(path))
        .map(|path| path.display().to_string())
        .collect();
    (!refused.is_empty()).then(|| {
        Finding::failure("rights", format!("this user may not write to {}", refused.join(", ")))
            .mend("run as the user who owns the data folder, or mend the rights on what is in it")
    })
}

/// Whether the system lets this process write there; into a folder, also look into it.
fn may_write(path: &Path) -> bool {
    use rustix::fs::{Access, access};
    let wanted = match path.is_dir() {
        true => Access::WRITE_OK | Access::EXEC_OK,
        false => Access::WRITE_OK,
    };
    access(path, wanted).is_ok()
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
