//! Files with one value in them: keys, credentials, addresses.

use std::fs::File;
use std::io::{Error, ErrorKind, Read, Result};
use std::path::Path;

/// Reads a file that is at most so long. It is not asked for its size: a device has none, and gives
/// without end.
pub fn read(path: &Path, most: u64) -> Result<String> {
    let file = File::open(path)?;
    if file.metadata()?.is_dir() {
        return Err(Error::new(ErrorKind::IsADirectory, "it is a folder"));
    }
    read_from(file, most)
}

/// The same for what is open.
pub fn read_from(from: impl Read, most: u64) -> Result<String> {
    let mut text = String::new();
    if from.take(most.saturating_add(1)).read_to_string(&mut text)? as u64 > most {
        return Err(Error::new(ErrorKind::FileTooLarge, format!("it is longer than {most} bytes")));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_folders_and_long_files_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        std::fs::write(&path, "12345").unwrap();
        assert_eq!(read(&path, 5).unwrap(), "12345");
        assert_eq!(read(&path, 4).unwrap_err().kind(), ErrorKind::FileTooLarge);
        assert_eq!(read(Path::new("/dev/zero"), 5).unwrap_err().kind(), ErrorKind::FileTooLarge);
        let error = read(folder.path(), 5).unwrap_err();
        assert_eq!(error.to_string(), "it is a folder");
    }
}
