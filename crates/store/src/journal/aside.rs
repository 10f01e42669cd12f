//! Segments that are kept aside, since something in them is damaged: what cannot be read by us may yet
//! be read by somebody.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::damage::Damage;
use super::segment::SegmentReader;
use crate::{StoreError, files};

/// How the name of such a segment ends.
const EXTENSION: &str = "damaged";

/// The segments of a journal that were found to be damaged, and are to be kept aside once their sound
/// rows are in the database. Clones share them.
#[derive(Debug, Clone, Default)]
pub(super) struct Damaged(Arc<Mutex<HashMap<PathBuf, Damage>>>);

impl Damaged {
    /// Notes what a reader has found, and tells of it once.
    pub(super) fn note(&self, reader: &SegmentReader) {
        let Some(damage) = reader.damage() else { return };
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.insert(reader.path().to_path_buf(), damage) != Some(damage) {
            tracing::error!(
                segment = %reader.path().display(),
                places = damage.places,
                bytes = damage.bytes,
                "the journal is damaged: what stood in places that cannot be read is lost, if it was \
                 ever answered; all other records are kept"
            );
        }
    }

    /// Moves a segment aside if it is among them; says whether it is.
    pub(super) fn keep_aside(&self, segment: &Path) -> Result<bool, StoreError> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !known.contains_key(segment) {
            return Ok(false);
        }
        let aside = free_name(segment);
        std::fs::rename(segment, &aside).map_err(|error| files::failure(segment, error))?;
        known.remove(segment);
        tracing::error!(segment = %aside.display(), "a damaged segment of the journal is kept aside");
        Ok(true)
    }
}

/// How many segments are kept aside in a folder.
pub(super) fn count(folder: &Path) -> Result<usize, StoreError> {
    let entries = std::fs::read_dir(folder).map_err(|error| files::failure(folder, error))?;
    let is_aside = |path: PathBuf| path.extension().is_some_and(|extension| extension == EXTENSION);
    Ok(entries.flatten().filter(|entry| is_aside(entry.path())).count())
}

/// A name that no segment has: numbers begin anew after a clean end.
fn free_name(segment: &Path) -> PathBuf {
    let plain = segment.with_extension(EXTENSION);
    let numbered = (2_u64..).map(|n| segment.with_extension(format!("{n}.{EXTENSION}")));
    std::iter::once(plain.clone()).chain(numbered).find(|path| !path.exists()).unwrap_or(plain)
}
