//! One segment: a file with a head and records one after the other.
//!
//! Head: magic, number, length and checksum of what follows, then the identity of the database and,
//! in the next lines, the secret of the segment and the names of the columns. Segments of older
//! versions have no secret, or no identity either.
//! Record: length, checksum over the segment's number, its secret and the bytes, bytes. A file that
//! is written again still has its old records behind the end; their checksums are those of another
//! number, so that they are not taken for new ones. Nor is what a caller makes to look like one.

use std::collections::{HashMap, HashSet};
use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use super::damage::{self, Damage};
use super::record;
use crate::generation::COLUMNS;
use crate::secret::random_bytes;
use crate::{Generation, StoreError, files};

const MAGIC: &[u8; 8] = b"TLNJRNL3";
/// The magic of segments without a secret.
const MAGIC_WITHOUT_SECRET: &[u8; 8] = b"TLNJRNL2";
/// The magic of segments that do not name their database either.
const MAGIC_WITHOUT_OWNER: &[u8; 8] = b"TLNJRNL1";
/// Magic, number, length of the text, checksum.
const HEAD: usize = 24;
/// Length and checksum.
pub(super) const RECORD_HEAD: usize = 8;
/// No row is longer; a length beyond it is not one.
pub(super) const MAX_RECORD: usize = 16 * 1024 * 1024;

/// A place in the journal; later ones are greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position {
    pub(super) segment: u64,
    pub(super) offset: u64,
}

impl Position {
    /// Whether both are in one segment.
    pub(crate) fn is_beside(self, other: Position) -> bool {
        self.segment == other.segment
    }

    /// The position so many bytes later in the same segment.
    pub(super) fn after(self, bytes: usize) -> Position {
        Position { offset: self.offset.saturating_add(bytes as u64), ..self }
    }
}

/// What makes checksums those of one segment.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Seal {
    number: u64,
    /// Known to nobody outside; `None` in segments of older versions.
    secret: Option<u64>,
}

impl Seal {
    pub(super) fn checksum(self, bytes: &[u8]) -> u32 {
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(&self.number.to_le_bytes());
        if let Some(secret) = self.secret {
            hasher.update(&secret.to_le_bytes());
        }
        hasher.update(bytes);
        hasher.finalize()
    }

    /// Whether what has its checksum was written by us for sure.
    pub(super) fn is_secret(self) -> bool {
        self.secret.is_some()
    }
}

/// The segment that is written.
#[derive(Debug)]
pub(super) struct Segment {
    path: std::path::PathBuf,
    file: File,
    seal: Seal,
    /// Where the first record begins.
    first: u64,
    offset: u64,
    bytes: u64,
    /// Price versions whose prices stand in this segment.
    versions: HashSet<Arc<str>>,
    /// Of them, those encoded but not yet written.
    fresh: Vec<Arc<str>>,
}

impl Segment {
    /// Creates a file full of zeros, and writes the head.
    pub(super) fn create(
        path: &Path,
        identity: &str,
        number: u64,
        bytes: u64,
        durable: bool,
    ) -> Result<Segment, StoreError> {
        let failure = |error| files::failure(path, error);
        // One left by a failure before it was used is of no worth.
        if let Err(error) = std::fs::remove_file(path)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            return Err(failure(error));
        }
        let file = files::create_private_file(path).map_err(failure)?;
        zero(&file, 0, bytes).map_err(failure)?;
        Segment::begin(path, identity, file, number, bytes, durable)
    }

    /// Writes a released file again under a new name.
    pub(super) fn rewrite(
        old: &Path,
        path: &Path,
        identity: &str,
        number: u64,
        bytes: u64,
        durable: bool,
    ) -> Result<Segment, StoreError> {
        let failure = |error| files::failure(path, error);
        std::fs::rename(old, path).map_err(failure)?;
        let file = OpenOptions::new().write(true).open(path).map_err(failure)?;
        let size = file.metadata().map_err(failure)?.len();
        if size < bytes {
            zero(&file, size, bytes).map_err(failure)?;
        }
        Segment::begin(path, identity, file, number, size.max(bytes), durable)
    }

    fn begin(
        path: &Path,
        identity: &str,
        file: File,
        number: u64,
        bytes: u64,
        durable: bool,
    ) -> Result<Segment, StoreError> {
        let secret = u64::from_le_bytes(random_bytes::<8>()?);
        let text = format!("{identity}\n{secret:016x}\n{}", COLUMNS.join(","));
        let of_head = Seal { number, secret: None };
        let mut head = Vec::with_capacity(HEAD + text.len());
        head.extend_from_slice(MAGIC);
        head.extend_from_slice(&number.to_le_bytes());
        head.extend_from_slice(&(text.len() as u32).to_le_bytes());
        head.extend_from_slice(&of_head.checksum(text.as_bytes()).to_le_bytes());
        head.extend_from_slice(text.as_bytes());
        let mut segment = Segment {
            path: path.to_path_buf(),
            file,
            seal: Seal { number, secret: Some(secret) },
            first: head.len() as u64,
            offset: 0,
            bytes,
            versions: HashSet::new(),
            fresh: Vec::new(),
        };
        segment.write(&head, false)?;
        if durable {
            segment.file.sync_all().map_err(|error| files::failure(path, error))?;
        }
        Ok(segment)
    }

    /// Where the next record will begin.
    pub(super) fn end(&self) -> Position {
        Position { segment: self.seal.number, offset: self.offset }
    }

    /// Whether no row was written yet.
    pub(super) fn is_empty(&self) -> bool {
        self.offset <= self.first
    }

    /// Bytes left.
    pub(super) fn room(&self) -> usize {
        usize::try_from(self.bytes.saturating_sub(self.offset)).unwrap_or(usize::MAX)
    }

    /// Appends a row's record to `out`, unless the segment has no room for all of `out` then: the
    /// record's length is what comes back as the error.
    pub(super) fn encode(&mut self, row: &Generation, out: &mut Vec<u8>) -> Result<(), usize> {
        let start = out.len();
        out.extend_from_slice(&[0; RECORD_HEAD]);
        let first = match (&row.price_version, &row.prices) {
            (Some(version), Some(prices)) if !self.versions.contains(version) => {
                Some((version, &**prices))
            }
            _ => None,
        };
        record::encode(row, first.map(|(_, prices)| prices), out);
        if out.len() > self.room() {
            let length = out.len() - start;
            out.truncate(start);
            return Err(length);
        }
        if let Some((version, _)) = first {
            self.versions.insert(Arc::clone(version));
            self.fresh.push(Arc::clone(version));
        }
        let bytes = &out[start + RECORD_HEAD..];
        let (length, sum) = (bytes.len() as u32, self.seal.checksum(bytes));
        out[start..start + 4].copy_from_slice(&length.to_le_bytes());
        out[start + 4..start + RECORD_HEAD].copy_from_slice(&sum.to_le_bytes());
        Ok(())
    }

    /// Writes records behind the others and, if `durable`, waits until they are safe.
    pub(super) fn write(&mut self, bytes: &[u8], durable: bool) -> Result<(), StoreError> {
        let written = self
            .file
            .write_all_at(bytes, self.offset)
            .and_then(|()| if durable { self.file.sync_data() } else { Ok(()) });
        if let Err(error) = written {
            // Whole records in what was written would be taken for some behind a damaged one, once
            // something shorter is written over their beginning. If this fails too, they are.
            let _ = zero(&self.file, self.offset, self.offset + bytes.len() as u64);
            // What was encoded is not there.
            for version in self.fresh.drain(..) {
                self.versions.remove(&version);
            }
            return Err(files::failure(&self.path, error));
        }
        self.fresh.clear();
        self.offset += bytes.len() as u64;
        Ok(())
    }
}

/// Makes a released segment one without rows, so that nobody reads them again.
pub(super) fn blank(path: &Path) -> std::io::Result<()> {
    OpenOptions::new().write(true).open(path)?.write_all_at(&[0; MAGIC.len()], 0)
}

fn zero(file: &File, from: u64, to: u64) -> std::io::Result<()> {
    let zeros = vec![0; 256 * 1024];
    let mut at = from;
    while at < to {
        let length = usize::try_from(to - at).unwrap_or(usize::MAX).min(zeros.len());
        file.write_all_at(&zeros[..length], at)?;
        at += length as u64;
    }
    Ok(())
}

/// Reads one segment up to its end, and over what is damaged in it.
#[derive(Debug)]
pub(super) struct SegmentReader {
    file: File,
    path: std::path::PathBuf,
    seal: Seal,
    offset: u64,
    damage: Damage,
    /// The identity of the database its rows are for, where it is known.
    owner: Option<String>,
    columns: Vec<String>,
    prices: HashMap<Arc<str>, Arc<str>>,
    /// A file without a head of ours has no rows.
    is_ours: bool,
}

impl SegmentReader {
    /// Opens a segment at its first record.
    pub(super) fn open(path: &Path) -> Result<SegmentReader, StoreError> {
        let failure = |error| files::failure(path, error);
        let file = File::open(path).map_err(failure)?;
        let mut reader = SegmentReader {
            file,
            path: path.to_path_buf(),
            seal: Seal::default(),
            offset: 0,
            damage: Damage::default(),
            owner: None,
            columns: Vec::new(),
            prices: HashMap::new(),
            is_ours: false,
        };
        reader.read_head().map_err(failure)?;
        Ok(reader)
    }

    /// Opens the segment of a position, there. Prices that stand before it are read as well.
    pub(super) fn open_at(path: &Path, at: Position) -> Result<SegmentReader, StoreError> {
        let mut reader = SegmentReader::open(path)?;
        if reader.seal.number == at.segment {
            while reader.offset < at.offset && reader.next_row()?.is_some() {}
        }
        Ok(reader)
    }

    /// Refuses a segment with rows for another database than the one with that identity.
    pub(super) fn check_owner(self, identity: &str) -> Result<(), StoreError> {
        let path = self.path.clone();
        match self.owner_of_rows()? {
            Some(Some(owner)) if owner != identity => {
                Err(StoreError::ForeignJournal { path, owner, found: identity.to_owned() })
            }
            _ => Ok(()),
        }
    }

    /// The identity of the database that the rows are for, if it is known. `None` for a segment without
    /// rows, which has nothing to lose.
    pub(super) fn owner_of_rows(mut self) -> Result<Option<Option<String>>, StoreError> {
        Ok(self.next_row()?.map(|_| self.owner))
    }

    /// Where the next record begins.
    pub(super) fn position(&self) -> Position {
        Position { segment: self.seal.number, offset: self.offset }
    }

    /// What was damaged so far; `None` where all is sound.
    pub(super) fn damage(&self) -> Option<Damage> {
        (self.damage.places > 0).then_some(self.damage)
    }

    /// The file.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The next rows, at most `limit`; none at the end.
    pub(super) fn rows(&mut self, limit: usize) -> Result<Vec<Generation>, StoreError> {
        let mut rows = Vec::new();
        while rows.len() < limit {
            match self.next_row()? {
                Some(row) => rows.push(row),
                None => break,
            }
        }
        Ok(rows)
    }

    fn read_head(&mut self) -> std::io::Result<()> {
        let mut head = [0; HEAD];
        if !self.read_at(&mut head, 0)? || head[..8] == [0; 8] {
            return Ok(());
        }
        let version = [MAGIC_WITHOUT_OWNER, MAGIC_WITHOUT_SECRET, MAGIC]
            .into_iter()
            .position(|magic| head[..8] == *magic);
        let Some(version) = version else {
            return self.cannot_be_read();
        };
        let number = u64::from_le_bytes(array(&head[8..16]));
        let length = u32::from_le_bytes(array(&head[16..20])) as usize;
        let sum = u32::from_le_bytes(array(&head[20..24]));
        let mut text = vec![0; length.min(64 * 1024)];
        self.seal = Seal { number, secret: None };
        if !self.read_at(&mut text, HEAD as u64)? || self.seal.checksum(&text) != sum {
            return self.cannot_be_read();
        }
        let text_length = text.len();
        let text = String::from_utf8_lossy(&text);
        let mut names = &*text;
        if version >= 1
            && let Some((owner, rest)) = names.split_once('\n')
        {
            self.owner = Some(owner.to_owned());
            names = rest;
        }
        if version >= 2
            && let Some((secret, rest)) = names.split_once('\n')
        {
            self.seal.secret = u64::from_str_radix(secret, 16).ok();
            names = rest;
        }
        self.columns = names.split(',').map(str::to_owned).collect();
        self.offset = (HEAD + text_length) as u64;
        self.is_ours = true;
        Ok(())
    }

    /// There is a head, but not one that tells of its rows.
    fn cannot_be_read(&mut self) -> std::io::Result<()> {
        self.damage.add(self.file.metadata()?.len());
        Ok(())
    }

    fn next_row(&mut self) -> Result<Option<Generation>, StoreError> {
        if !self.is_ours {
            return Ok(None);
        }
        let next = self.next_record().map_err(|error| files::failure(&self.path, error))?;
        let Some(bytes) = next else { return Ok(None) };
        let Some(read) = record::decode(&self.columns, &bytes) else {
            return Err(StoreError::Corrupt {
                what: "journal",
                reason: format!("{}: a record is no row", self.path.display()),
            });
        };
        let (mut row, prices) = read?;
        if let (Some(version), Some(prices)) = (&row.price_version, prices) {
            self.prices.insert(Arc::clone(version), prices.into());
        }
        row.prices =
            row.price_version.as_ref().and_then(|version| self.prices.get(version)).cloned();
        Ok(Some(row))
    }

    /// The bytes of the next whole record, which the offset is behind then.
    fn next_record(&mut self) -> std::io::Result<Option<Vec<u8>>> {
        let mut found = self.record()?;
        if found.is_none() {
            let rest = self.rest()?;
            let Some(gap) = damage::next_sound(&rest, self.columns.len(), self.seal) else {
                return Ok(None);
            };
            // Who reads behind the writer may have come while it wrote both.
            found = self.record()?;
            if found.is_none() {
                self.damage.add(gap as u64);
                self.offset += gap as u64;
                found = self.record()?;
            }
        }
        if let Some(bytes) = &found {
            self.offset += (RECORD_HEAD + bytes.len()) as u64;
        }
        Ok(found)
    }

    /// The bytes of the record at the offset, if there is a whole one.
    fn record(&self) -> std::io::Result<Option<Vec<u8>>> {
        let mut head = [0; RECORD_HEAD];
        if !self.read_at(&mut head, self.offset)? {
            return Ok(None);
        }
        let length = u32::from_le_bytes(array(&head[..4])) as usize;
        let sum = u32::from_le_bytes(array(&head[4..]));
        if length == 0 || length > MAX_RECORD {
            return Ok(None);
        }
        let mut bytes = vec![0; length];
        if !self.read_at(&mut bytes, self.offset + RECORD_HEAD as u64)? {
            return Ok(None);
        }
        Ok((self.seal.checksum(&bytes) == sum).then_some(bytes))
    }

    /// Everything from the offset on.
    fn rest(&self) -> std::io::Result<Vec<u8>> {
        let length = self.file.metadata()?.len().saturating_sub(self.offset);
        let mut rest = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
        if !self.read_at(&mut rest, self.offset)? {
            rest.clear();
        }
        Ok(rest)
    }

    /// Fills the buffer; `false` if the file ends before.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> std::io::Result<bool> {
        match self.file.read_exact_at(buffer, offset) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// A slice of a length that is known.
pub(super) fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut array = [0; N];
    array.copy_from_slice(bytes);
    array
}
