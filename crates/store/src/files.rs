//! Files and folders that only their owner may read.

use std::fs::{DirBuilder, File, OpenOptions};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use crate::StoreError;

/// Names the path in an operating system error.
pub(crate) fn failure(path: &Path, source: std::io::Error) -> StoreError {
    StoreError::File { path: path.to_path_buf(), source }
}

/// Creates a folder and its missing parents with mode 0700; folders that exist keep their mode.
pub(crate) fn create_private_folder(path: Option<&Path>) -> Result<(), StoreError> {
    let Some(path) = path.filter(|path| !path.as_os_str().is_empty()) else { return Ok(()) };
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    builder.create(path).map_err(|error| failure(path, error))
}

/// Creates a folder that must not exist yet, with mode 0700.
pub(crate) fn create_private_folder_anew(path: &Path) -> Result<(), StoreError> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    builder.create(path).map_err(|error| failure(path, error))
}

/// Creates a file that must not exist yet, with mode 0600.
pub(crate) fn create_private_file(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options.open(path)
}

/// Makes a new name in a folder survive a power loss.
pub(crate) fn sync_folder(path: Option<&Path>) -> Result<(), StoreError> {
    let path = path.filter(|path| !path.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(path).and_then(|folder| folder.sync_all()).map_err(|error| failure(path, error))
}

/// Which file it is, whatever it is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FileIdentity {
    device: u64,
    number: u64,
}

impl FileIdentity {
    /// Of the file at a path.
    pub(crate) fn of(path: &Path) -> std::io::Result<FileIdentity> {
        let metadata = std::fs::metadata(path)?;
        Ok(FileIdentity { device: metadata.dev(), number: metadata.ino() })
    }
}
