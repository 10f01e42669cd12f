//! The journal: where settlements are safe before the database has them.
//!
//! Rows are appended to *segments*, files of a fixed size that are filled with zeros beforehand,
//! so that making an append safe writes data only and no metadata. Whoever has brought the rows
//! of a segment into the database releases it, and it is written again under a new number. What
//! is in the segments when a process starts is replayed; rows known already are recognised by
//! their identity, so that a replay of too much is harmless.
//!
//! A segment begins with the identity of the database its rows are for, and is not replayed into
//! another one, and with the names of the columns its rows have: one written by another version is
//! read by name.
//!
//! A segment in which something is damaged is read as far as it is sound, and then kept aside under
//! another name, with what could not be read.

mod aside;
mod damage;
mod record;
mod segment;

use std::collections::VecDeque;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use aside::Damaged;
pub(crate) use segment::Position;
use segment::{Segment, SegmentReader};

use crate::{Generation, StoreError, files};

/// Bytes of a segment.
const SEGMENT_BYTES: u64 = 8 * 1024 * 1024;
/// How many released segments are kept to be written again.
const SPARE_SEGMENTS: usize = 2;
/// How long another process that has the journal is waited for.
const LOCK_PATIENCE: Duration = Duration::from_secs(3);

/// The end of the journal, for its one writer.
#[derive(Debug)]
pub(crate) struct Journal {
    folder: Arc<Folder>,
    current: Segment,
    next_number: u64,
    durable: bool,
    buffer: Vec<u8>,
    ends: Vec<usize>,
}

/// The segments, for those who read and release them.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    /// The identity of the database.
    identity: String,
    spare: Mutex<VecDeque<PathBuf>>,
    /// Segments that are not to be written again.
    damaged: Damaged,
    /// The journal is this process's as long as this is held.
    _lock: File,
}

impl Journal {
    /// Opens the journal of a database in a folder, made with owner-only rights if need be. Fails
    /// if another process keeps it for longer than one needs to end, or if there are rows for
    /// another database in it. `replay` is given the rows found, in order and in batches, and must
    /// have brought them to safety when it returns.
    pub(crate) fn open(
        path: &Path,
        identity: &str,
        durable: bool,
        mut replay: impl FnMut(Vec<Generation>) -> Result<(), StoreError>,
    ) -> Result<Journal, StoreError> {
        files::create_private_folder(Some(path))?;
        let lock = lock(path)?;
        let found = segments(path)?;
        // Before any row is replayed.
        for (_, file) in &found {
            SegmentReader::open(file)?.check_owner(identity)?;
        }
        let damaged = Damaged::default();
        for (_, file) in &found {
            let mut reader = SegmentReader::open(file)?;
            loop {
                let rows = reader.rows(1_000)?;
                if rows.is_empty() {
                    break;
                }
                replay(rows)?;
            }
            damaged.note(&reader);
        }
        let number = found.last().map_or(1, |(number, _)| number + 1);
        let mut spare = VecDeque::new();
        for (_, file) in found {
            if !damaged.keep_aside(&file)? {
                spare.push_back(file);
            }
        }
        let folder = Arc::new(Folder {
            path: path.to_path_buf(),
            identity: identity.to_owned(),
            spare: Mutex::new(spare),
            damaged,
            _lock: lock,
        });
        folder.keep_spare(SPARE_SEGMENTS);
        let current = folder.begin(number, SEGMENT_BYTES, durable)?;
        Ok(Journal {
            folder,
            current,
            next_number: number + 1,
            durable,
            buffer: Vec::new(),
            ends: Vec::new(),
        })
    }

    /// The segments.
    pub(crate) fn folder(&self) -> &Arc<Folder> {
        &self.folder
    }

    /// Appends rows and makes them safe, and tells where each ends. After a failure those not
    /// told of are not there: the next append writes over them.
    pub(crate) fn append(
        &mut self,
        rows: &[&Generation],
        mut ended: impl FnMut(usize, Position),
    ) -> Result<(), StoreError> {
        let mut begin = 0;
        while begin < rows.len() {
            let count = self.fill(&rows[begin..])?;
            let from = self.current.end();
            self.current.write(&self.buffer, self.durable)?;
            for (index, end) in self.ends.iter().take(count).enumerate() {
                ended(begin + index, from.after(*end));
            }
            begin += count;
        }
        Ok(())
    }

    /// Goes on in a new segment, unless the current one has no rows, and tells where.
    pub(crate) fn turn(&mut self) -> Result<Position, StoreError> {
        if !self.current.is_empty() {
            self.current = self.folder.begin(self.next_number, SEGMENT_BYTES, self.durable)?;
            self.next_number += 1;
        }
        Ok(self.current.end())
    }

    /// Encodes as many rows as the current segment has room for, at least one; a new segment is
    /// begun when the first does not fit.
    fn fill(&mut self, rows: &[&Generation]) -> Result<usize, StoreError> {
        loop {
            self.buffer.clear();
            self.ends.clear();
            let mut needed = 0;
            for row in rows {
                match self.current.encode(row, &mut self.buffer) {
                    Ok(()) => self.ends.push(self.buffer.len()),
                    Err(length) => {
                        needed = length;
                        break;
                    }
                }
            }
            if !self.ends.is_empty() || rows.is_empty() {
                return Ok(self.ends.len());
            }
            // Room for the head and for prices besides.
            let bytes = SEGMENT_BYTES.max(needed as u64 + 1024 * 1024);
            self.current = self.folder.begin(self.next_number, bytes, self.durable)?;
            self.next_number += 1;
        }
    }

    /// Forgets everything: for a process that ends with all rows in the database.
    pub(crate) fn clear(self) -> Result<(), StoreError> {
        for (_, file) in segments(&self.folder.path)? {
            if !self.folder.damaged.keep_aside(&file)? {
                std::fs::remove_file(&file).map_err(|error| files::failure(&file, error))?;
            }
        }
        Ok(())
    }
}

impl Folder {
    /// The rows of all segments from a position on, for one who reads behind the writer.
    pub(crate) fn read_from(&self, from: Position) -> Result<JournalReader, StoreError> {
        let mut files: VecDeque<_> = segments(&self.path)?
            .into_iter()
            .filter(|(number, _)| *number >= from.segment)
            .map(|(_, file)| file)
            .collect();
        let reader = match files.pop_front() {
            Some(file) => Some(SegmentReader::open_at(&file, from)?),
            None => None,
        };
        Ok(JournalReader { reader, files, damaged: self.damaged.clone() })
    }

    /// All rows before a position are in the database: the segments before its own may be
    /// written again.
    pub(crate) fn release(&self, before: Position) -> Result<(), StoreError> {
        let mut spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner);
        for (number, file) in segments(&self.path)? {
            if number < before.segment
                && !spare.contains(&file)
                && !self.damaged.keep_aside(&file)?
            {
                spare.push_back(file);
            }
        }
        drop(spare);
        self.keep_spare(SPARE_SEGMENTS);
        self.blank_spare();
        Ok(())
    }

    /// Forgets what is in spare segments: after a kill it would be replayed, long after the rows
    /// it is about may have left the database.
    pub(crate) fn blank_spare(&self) {
        for file in self.spare.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            if let Err(error) = segment::blank(file) {
                tracing::warn!(file = %file.display(), %error, "a journal segment keeps its rows");
            }
        }
    }

    /// Deletes spare segments beyond a number.
    fn keep_spare(&self, most: usize) {
        let mut spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner);
        while spare.len() > most {
            let Some(file) = spare.pop_front() else { break };
            if let Err(error) = std::fs::remove_file(&file) {
                tracing::warn!(file = %file.display(), %error, "a journal segment stays");
            }
        }
    }

    /// Begins a segment, in a spare file if there is one.
    fn begin(&self, number: u64, bytes: u64, durable: bool) -> Result<Segment, StoreError> {
        let path = self.path.join(format!("{number:016}.journal"));
        let spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        let segment = match spare {
            Some(old) => Segment::rewrite(&old, &path, &self.identity, number, bytes, durable),
            None => Segment::create(&path, &self.identity, number, bytes, durable),
        }?;
        files::sync_folder(Some(&self.path))?;
        Ok(segment)
    }
}

/// Who the rows in a segment belong to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// The segment.
    pub segment: PathBuf,
    /// The identity of its database: [`Store::identity`](crate::Store::identity). `None` where an older
    /// version wrote it.
    pub database: Option<String>,
}

/// Whose rows are in a journal's folder, which need not exist; `None` if there are no rows.
pub(crate) fn owner(folder: &Path) -> Result<Option<Owner>, StoreError> {
    if !folder.exists() {
        return Ok(None);
    }
    for (_, segment) in segments(folder)? {
        if let Some(database) = SegmentReader::open(&segment)?.owner_of_rows()? {
            return Ok(Some(Owner { segment, database }));
        }
    }
    Ok(None)
}

/// What is in a journal's folder, seen from outside.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Residue {
    /// How many segments there are.
    pub segments: usize,
    /// How many bytes they have.
    pub bytes: u64,
    /// Whose rows are in the first of them that has any.
    pub owner: Option<Owner>,
    /// How many segments are kept aside for what is damaged in them.
    pub damaged: usize,
    /// Whether a process has the journal at the moment: then they are its own.
    pub is_in_use: bool,
}

impl Residue {
    /// Looks into a folder, which need not exist.
    pub fn of(folder: &Path) -> Result<Residue, StoreError> {
        if !folder.exists() {
            return Ok(Residue::default());
        }
        let found = segments(folder)?;
        let bytes = found.iter().filter_map(|(_, file)| file.metadata().ok()).map(|it| it.len());
        let path = folder.join("lock");
        let is_in_use = File::open(&path)
            .is_ok_and(|file| matches!(file.try_lock(), Err(TryLockError::WouldBlock)));
        let damaged = aside::count(folder)?;
        let owner = owner(folder)?;
        Ok(Residue { segments: found.len(), bytes: bytes.sum(), owner, damaged, is_in_use })
    }
}

/// Reads rows over several segments.
#[derive(Debug)]
pub(crate) struct JournalReader {
    reader: Option<SegmentReader>,
    files: VecDeque<PathBuf>,
    damaged: Damaged,
}

impl JournalReader {
    /// The next rows, at most `limit`, and where they end. None are left when it is empty.
    pub(crate) fn rows(
        &mut self,
        limit: usize,
    ) -> Result<Option<(Vec<Generation>, Position)>, StoreError> {
        loop {
            let Some(reader) = &mut self.reader else { return Ok(None) };
            let rows = reader.rows(limit)?;
            self.damaged.note(reader);
            if !rows.is_empty() {
                return Ok(Some((rows, reader.position())));
            }
            self.reader = match self.files.pop_front() {
                Some(file) => Some(SegmentReader::open(&file)?),
                None => None,
            };
        }
    }
}

/// Takes the journal for this process.
fn lock(folder: &Path) -> Result<File, StoreError> {
    let path = folder.join("lock");
    let file = match files::create_private_file(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => File::open(&path),
        created => created,
    }
    .map_err(|error| files::failure(&path, error))?;
    let deadline = Instant::now() + LOCK_PATIENCE;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            // One that is ending is waited for.
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => {
                std::thread::sleep(Duration::from_millis(10));
            }
            Err(TryLockError::WouldBlock) => return Err(StoreError::InUse { path }),
            Err(TryLockError::Error(error)) => return Err(files::failure(&path, error)),
        }
    }
}

/// The segments in a folder with their numbers, the oldest first.
fn segments(folder: &Path) -> Result<Vec<(u64, PathBuf)>, StoreError> {
    let failure = |error| files::failure(folder, error);
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failure)? {
        let path = entry.map_err(failure)?.path();
        let number = path
            .extension()
            .filter(|extension| *extension == "journal")
            .and_then(|_| path.file_stem()?.to_str()?.parse().ok());
        found.extend(number.map(|number| (number, path)));
    }
    found.sort_unstable();
    Ok(found)
}

#[cfg(test)]
mod tests;
