//! Chores with logic. `tidy` checks what the compiler does not: which crate may know which, what
//! pure crates may touch, licences, and that documents tell of everything there is. `translation`
//! writes the document that the code makes, `vocabulary` packs the tokens of a tokenizer, `corpora`
//! what fuzzing found.

pub mod corpora;
pub mod documents;
pub mod layers;
pub mod licence;
pub mod licences;
pub mod metadata;
pub mod purity;
pub mod source;
pub mod translation;
pub mod tree;
pub mod vocabulary;

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::Result;

/// One thing that is not tidy.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// Where: a file below the repository, or a package.
    pub place: String,
    /// The line, from 1; 0 for the whole place.
    pub line: usize,
    /// What is wrong and what to do.
    pub message: String,
}

impl Finding {
    /// A finding about a line.
    pub fn at(place: impl Into<String>, line: usize, message: impl Into<String>) -> Self {
        Self { place: place.into(), line, message: message.into() }
    }

    /// A finding about a whole file or package.
    pub fn about(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self::at(place, 0, message)
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(formatter, "{}: {}", self.place, self.message),
            line => write!(formatter, "{}:{line}: {}", self.place, self.message),
        }
    }
}

/// The root of the repository this was built in.
pub fn repository() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest).to_path_buf()
}

/// Everything that is not tidy, in order of place.
pub fn tidy(root: &Path) -> Result<Vec<Finding>> {
    let files = tree::read(root)?;
    let metadata = metadata::read(root)?;
    let mut findings = source::check(&files);
    findings.extend(purity::check(&files));
    findings.extend(layers::check(&metadata));
    findings.extend(licences::check(root, &metadata)?);
    findings.extend(documents::check(&files));
    findings.sort();
    Ok(findings)
}
