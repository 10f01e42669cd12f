//! The repository's own text files, as they are on disk.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

/// A text file.
#[derive(Clone, Debug)]
pub struct File {
    /// Its path below the repository, with `/`.
    pub path: String,
    /// What it says.
    pub text: String,
}

impl File {
    /// Whether the path ends with an extension such as `rs`.
    pub fn is(&self, extension: &str) -> bool {
        Path::new(&self.path).extension().is_some_and(|found| found == extension)
    }

    /// Whether one of the folders on the way is called so.
    pub fn is_below(&self, folder: &str) -> bool {
        let mut parts: Vec<&str> = self.path.split('/').collect();
        parts.pop();
        parts.contains(&folder)
    }
}

/// Folders that hold what tools made or downloaded.
const FOREIGN: [&str; 10] = [
    "target",
    "node_modules",
    "__pycache__",
    "data",
    "corpus",
    "artifacts",
    "dist",
    "golden",
    "snapshots",
    "proptest-regressions",
];

/// Hidden folders that are ours.
const HIDDEN: [&str; 2] = [".ci", ".config"];

/// Extensions of text people write.
const WRITTEN: [&str; 14] =
    ["rs", "toml", "md", "py", "js", "mjs", "ts", "tsx", "css", "html", "sh", "sql", "yml", "yaml"];

/// Names without an extension that are text as well.
const NAMED: [&str; 3] = ["Makefile", "Dockerfile", "run"];

/// Reads all files below `root`, in order of their paths.
pub fn read(root: &Path) -> Result<Vec<File>> {
    let mut files = Vec::new();
    walk(root, "", &mut files)?;
    files.sort_by(|left, right| left.path.cmp(&right.path));
    Ok(files)
}

fn walk(folder: &Path, prefix: &str, files: &mut Vec<File>) -> Result<()> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("{} cannot be read", folder.display()))?;
    for entry in entries {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}/{name}") };
        let kind = entry.file_type()?;
        if kind.is_dir() {
            let hidden = name.starts_with('.') && !HIDDEN.contains(&name.as_str());
            if !hidden && !FOREIGN.contains(&name.as_str()) {
                walk(&entry.path(), &path, files)?;
            }
        } else if kind.is_file() && is_written(&name) {
            // Files come and go while editors save.
            if let Ok(text) = fs::read_to_string(entry.path()) {
                files.push(File { path, text });
            }
        }
    }
    Ok(())
}

fn is_written(name: &str) -> bool {
    match name.rsplit_once('.') {
        Some((_, extension)) => WRITTEN.contains(&extension),
        None => NAMED.contains(&name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_file_is_read_and_build_products_are_not() {
        let files = read(&crate::repository()).unwrap();
        assert!(files.iter().any(|file| file.path == "xtask/src/tree.rs" && file.is("rs")));
        assert!(files.iter().any(|file| file.path == "Makefile"));
        assert!(!files.iter().any(|file| file.is_below("target") || file.is_below("node_modules")));
    }
}
