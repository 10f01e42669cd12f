//! A journal whose end was being written when the power went. Read here by a reader of its own, so
//! that a mistake in the product's is not repeated.

use std::collections::HashSet;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::chance::Chance;

const HEAD: usize = 24;
const RECORD_HEAD: usize = 8;
/// The first column of a row, `id`, begins with this if it is a text.
const TEXT: u8 = 3;

/// What stands in the newest segment.
struct Segment {
    path: PathBuf,
    /// Where the first record begins.
    begin: usize,
    /// Where each record ends, and which row it is.
    records: Vec<(usize, String)>,
    bytes: Vec<u8>,
}

impl Segment {
    fn end(&self) -> usize {
        self.records.last().map_or(self.begin, |(end, _)| *end)
    }

    /// How many records have bytes in a stretch.
    fn overlapping(&self, from: usize, to: usize) -> usize {
        let begins = std::iter::once(self.begin).chain(self.records.iter().map(|(end, _)| *end));
        let ends = self.records.iter().map(|(end, _)| *end);
        begins.zip(ends).filter(|(begin, end)| *begin < to && *end > from).count()
    }

    /// Everything before this was promised to somebody.
    fn promised(&self, seen: &HashSet<String>) -> usize {
        let promised = self.records.iter().rev().find(|(_, id)| seen.contains(id));
        promised.map_or(self.begin, |(end, _)| *end)
    }
}

/// Tears the end of the newest segment at a random byte, behind all rows whose answers were `seen`
/// to their end. Tells how many whole records are lost with that.
pub fn tear(folder: &Path, seen: &HashSet<String>, chance: &mut Chance) -> usize {
    let Some(segment) = newest(folder) else { return 0 };
    let (promised, end) = (segment.promised(seen), segment.end());
    let file = std::fs::OpenOptions::new().write(true).open(&segment.path).unwrap();
    let write = |bytes: &[u8], at: usize| file.write_all_at(bytes, at as u64).unwrap();
    let lost_from = |at: usize| segment.records.iter().filter(|(end, _)| *end > at).count();
    match chance.below(5) {
        // Killed, and no more than that: what was written stays.
        0 => 0,
        // Only the first bytes came to the disk.
        1 | 2 => {
            let from = chance.between(promised, end);
            write(&vec![0; end - from], from);
            lost_from(from)
        }
        // A block in the middle did not.
        3 if promised < end => {
            let from = chance.between(promised, end - 1);
            let length = chance.between(1, end - from);
            let garbage: Vec<u8> = (0..length).map(|_| chance.next() as u8).collect();
            write(&garbage, from);
            // What stands behind it is whole.
            segment.overlapping(from, from + length)
        }
        // Part of a record that nobody heard of: its head, and not all that it announces.
        _ => {
            let first = segment.records.first().map_or(segment.begin, |(end, _)| *end);
            let mut part = segment.bytes[segment.begin..first].to_vec();
            part.truncate(chance.below(part.len().max(1)));
            part.push(chance.next() as u8 | 1);
            let room = segment.bytes.len() - end;
            write(&part[..part.len().min(room)], end);
            0
        }
    }
}

fn newest(folder: &Path) -> Option<Segment> {
    let files = std::fs::read_dir(folder).ok()?;
    let paths = files.map(|file| file.unwrap().path());
    let path = paths.filter(|path| path.extension().is_some_and(|it| it == "journal")).max()?;
    let bytes = std::fs::read(&path).unwrap();
    let names = word(&bytes, 16)?;
    let begin = HEAD + names;
    // The first line names the database, the second has the segment's secret, the third the columns.
    let mut lines = bytes.get(HEAD..begin)?.split(|byte| *byte == b'\n').skip(1);
    let secret = u64::from_str_radix(std::str::from_utf8(lines.next()?).unwrap(), 16).unwrap();
    assert!(lines.next()?.starts_with(b"id,"), "rows begin with their identity");
    // What checksums begin with.
    let seal = [bytes.get(8..16)?, &secret.to_le_bytes()].concat();
    let mut records = Vec::new();
    let mut at = begin;
    while let Some(record) = record(&bytes, at, &seal) {
        at += RECORD_HEAD + record.len();
        records.push((at, identity(record)));
    }
    Some(Segment { path, begin, records, bytes })
}

fn record<'b>(bytes: &'b [u8], at: usize, seal: &[u8]) -> Option<&'b [u8]> {
    let (length, sum) = (word(bytes, at)?, word(bytes, at + 4)?);
    let begin = at + RECORD_HEAD;
    let record = bytes.get(begin..begin + length).filter(|record| !record.is_empty())?;
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(seal);
    hasher.update(record);
    (hasher.finalize() as usize == sum).then_some(record)
}

fn word(bytes: &[u8], at: usize) -> Option<usize> {
    let bytes = bytes.get(at..at + 4)?.try_into().unwrap();
    Some(u32::from_le_bytes(bytes) as usize)
}

fn identity(record: &[u8]) -> String {
    // Identities are shorter than 128 bytes, so that their length is one byte.
    assert_eq!(record[0], TEXT);
    let length = usize::from(record[1]);
    String::from_utf8(record[2..2 + length].to_vec()).unwrap()
}
