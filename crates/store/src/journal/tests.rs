//! Tests of the journal: whatever is cut off, what was told to be safe is read again.

use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::{Journal, Position, Residue, segments};
use crate::tests::generation;
use crate::{Generation, StoreError};

fn row(n: usize) -> Generation {
    Generation {
        price_version: Some(format!("v{}", n % 3).into()),
        prices: Some(format!("prices {}", n % 3).into()),
        ..generation(format!("gen-{n}"), "key", 1)
    }
}

fn append(journal: &mut Journal, rows: &[Generation]) -> Vec<Position> {
    let rows: Vec<&Generation> = rows.iter().collect();
    let mut ends = Vec::new();
    journal
        .append(&rows, |index, end| {
            assert_eq!(index, ends.len());
            ends.push(end);
        })
        .unwrap();
    assert!(ends.is_sorted());
    ends
}

/// Opens a journal, and what was found in it.
fn open(folder: &Path) -> (Journal, Vec<Generation>) {
    let mut found = Vec::new();
    let journal = Journal::open(folder, "acct_one", false, |rows| {
        found.extend(rows);
        Ok(())
    })
    .unwrap();
    (journal, found)
}

fn only_segment(folder: &Path) -> PathBuf {
    let mut segments = segments(folder).unwrap();
    assert_eq!(segments.len(), 1);
    segments.remove(0).1
}

#[test]
fn rows_are_found_in_order_with_their_prices() {
    let folder = tempfile::tempdir().unwrap();
    let rows: Vec<_> = (0..50).map(row).collect();
    let (mut journal, found) = open(folder.path());
    assert!(found.is_empty());
    append(&mut journal, &rows[..20]);
    append(&mut journal, &rows[20..]);
    drop(journal);
    assert_eq!(open(folder.path()).1, rows);
}

#[test]
fn what_was_replayed_is_not_found_again_although_the_file_is_used_again() {
    let folder = tempfile::tempdir().unwrap();
    let (mut journal, _) = open(folder.path());
    append(&mut journal, &(0..100).map(row).collect::<Vec<_>>());
    drop(journal);
    let (mut journal, found) = open(folder.path());
    assert_eq!(found.len(), 100);
    // Shorter than what stands behind it from before.
    append(&mut journal, &[row(7)]);
    drop(journal);
    only_segment(folder.path());
    assert_eq!(open(folder.path()).1, [row(7)]);
}

#[test]
fn rows_for_another_database_are_refused_and_stay() {
    let folder = tempfile::tempdir().unwrap();
    let (mut journal, _) = open(folder.path());
    let open_for = |identity: &str| {
        let mut found = 0;
        let opened = Journal::open(folder.path(), identity, false, |rows| {
            found += rows.len();
            Ok(())
        });
        opened.map(|_| found)
    };
    append(&mut journal, &[row(1), row(2)]);
    drop(journal);
    let refused = open_for("acct_two").unwrap_err();
    assert!(matches!(refused, StoreError::ForeignJournal { .. }));
    let told = refused.to_string();
    assert!(told.contains("acct_one") && told.contains("acct_two"), "{told}");
    assert_eq!(open_for("acct_one").unwrap(), 2);
    // All are replayed: what is left has no rows, and may be anybody's.
    assert_eq!(open_for("acct_two").unwrap(), 0);
}

/// Makes a segment as it was written by an older version: another magic, a shorter head, and no secret
/// in checksums.
fn age(path: &Path, has_owner: bool) {
    let bytes = std::fs::read(path).unwrap();
    let number = |at: usize| {
        usize::try_from(u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())).unwrap()
    };
    let checksum = |text: &[u8]| {
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(&bytes[8..16]);
        hasher.update(text);
        hasher.finalize().to_le_bytes()
    };
    let mut at = 24 + number(16);
    let head = std::str::from_utf8(&bytes[24..at]).unwrap();
    let [owner, _, names]: [&str; 3] = head.split('\n').collect::<Vec<_>>().try_into().unwrap();
    let text = if has_owner { format!("{owner}\n{names}") } else { names.to_owned() };
    let mut older = if has_owner { b"TLNJRNL2".to_vec() } else { b"TLNJRNL1".to_vec() };
    older.extend_from_slice(&bytes[8..16]);
    older.extend_from_slice(&u32::try_from(text.len()).unwrap().to_le_bytes());
    older.extend_from_slice(&checksum(text.as_bytes()));
    older.extend_from_slice(text.as_bytes());
    while number(at) > 0 {
        let end = at + 8 + number(at);
        older.extend_from_slice(&bytes[at..at + 4]);
        older.extend_from_slice(&checksum(&bytes[at + 8..end]));
        older.extend_from_slice(&bytes[at + 8..end]);
        at = end;
    }
    older.extend_from_slice(&bytes[at..]);
    std::fs::write(path, older).unwrap();
}

#[test]
fn a_segment_of_an_older_version_is_read() {
    for has_owner in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let (mut journal, _) = open(folder.path());
        append(&mut journal, &[row(1), row(2)]);
        drop(journal);
        age(&only_segment(folder.path()), has_owner);
        assert_eq!(open(folder.path()).1, [row(1), row(2)]);
        assert_eq!(Residue::of(folder.path()).unwrap().damaged, 0);
    }
}

/// Turns one bit.
fn flip(path: &Path, at: u64) {
    let file = std::fs::OpenOptions::new().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    file.write_all_at(&[byte[0] ^ 4], at).unwrap();
}

#[test]
fn a_damaged_record_costs_no_other_and_its_segment_is_kept() {
    // In its length, its checksum, its text; and in a segment of an older version.
    for (at, is_older) in [(0, false), (5, false), (30, false), (30, true)] {
        let folder = tempfile::tempdir().unwrap();
        let (mut journal, _) = open(folder.path());
        let rows: Vec<_> = (0..20).map(row).collect();
        let ends = append(&mut journal, &rows);
        drop(journal);
        let path = only_segment(folder.path());
        // The secret's line is not there in an older one.
        let shorter = if is_older { "0123456789abcdef\n".len() as u64 } else { 0 };
        if is_older {
            age(&path, true);
        }
        flip(&path, ends[6].offset - shorter + at);
        let damaged = std::fs::read(&path).unwrap();
        let (journal, found) = open(folder.path());
        assert_eq!(found[..7], rows[..7]);
        assert_eq!(found[7..], rows[8..], "all but the eighth");
        drop(journal);
        assert_eq!(Residue::of(folder.path()).unwrap().damaged, 1);
        let aside = path.with_extension("damaged");
        assert!(std::fs::read(aside).unwrap() == damaged, "kept as it was");
        assert!(open(folder.path()).1.is_empty(), "nothing comes twice");
    }
}

#[test]
fn a_stretch_of_nothing_in_the_middle_is_no_end() {
    let folder = tempfile::tempdir().unwrap();
    let (mut journal, _) = open(folder.path());
    let rows: Vec<_> = (0..300).map(row).collect();
    let ends = append(&mut journal, &rows);
    drop(journal);
    let path = only_segment(folder.path());
    let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    let from = ends[99].offset + 3;
    file.write_all_at(&[0; 4096], from).unwrap();
    let next = ends.iter().position(|end| end.offset >= from + 4096).unwrap() + 1;
    let (_, found) = open(folder.path());
    assert_eq!(found[..100], rows[..100]);
    assert_eq!(found.len(), 100 + rows.len() - next);
    assert_eq!(found.last(), rows.last());
}

#[test]
fn a_segment_whose_head_is_damaged_or_of_a_later_version_is_kept() {
    for at in [7, 30] {
        let folder = tempfile::tempdir().unwrap();
        for _ in 0..2 {
            let (mut journal, found) = open(folder.path());
            assert!(found.is_empty());
            append(&mut journal, &[row(1)]);
            drop(journal);
            flip(&segments(folder.path()).unwrap().pop().unwrap().1, at);
        }
        let (journal, _) = open(folder.path());
        assert_eq!(Residue::of(folder.path()).unwrap().damaged, 2);
        journal.clear().unwrap();
        assert_eq!(Residue::of(folder.path()).unwrap().damaged, 2);
    }
}

#[test]
fn what_a_caller_makes_look_like_a_record_is_not_read_from_a_torn_one() {
    let folder = tempfile::tempdir().unwrap();
    let (mut journal, _) = open(folder.path());
    append(&mut journal, &[row(1)]);
    drop(journal);
    let bytes = std::fs::read(only_segment(folder.path())).unwrap();
    let at = 24 + usize::from(u16::from_le_bytes([bytes[16], bytes[17]]));
    let length = usize::from(u16::from_le_bytes([bytes[at], bytes[at + 1]]));
    let record = &bytes[at + 8..at + 8 + length];
    // With the checksum of a segment whose secret nobody knows.
    let mut forged = (record.len() as u32).to_le_bytes().to_vec();
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&2_u64.to_le_bytes());
    hasher.update(record);
    forged.extend_from_slice(&hasher.finalize().to_le_bytes());
    forged.extend_from_slice(record);

    let (mut journal, _) = open(folder.path());
    let end = append(&mut journal, &[row(2)]).pop().unwrap();
    drop(journal);
    let path = only_segment(folder.path());
    let file = std::fs::OpenOptions::new().write(true).open(path).unwrap();
    file.write_all_at(&[9; 40], end.offset).unwrap();
    file.write_all_at(&forged, end.offset + 40).unwrap();
    assert_eq!(open(folder.path()).1, [row(2)]);
    assert_eq!(Residue::of(folder.path()).unwrap().damaged, 0);
}

#[test]
fn one_who_reads_behind_reads_over_what_is_damaged_and_it_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let rows: Vec<_> = (0..50).map(row).collect();
    let (mut journal, _) = open(folder.path());
    let ends = append(&mut journal, &rows);
    flip(&only_segment(folder.path()), ends[39].offset + 20);
    let mut reader = journal.folder().read_from(ends[29]).unwrap();
    let (read, end) = reader.rows(100).unwrap().unwrap();
    assert_eq!((&read[..10], &read[10..]), (&rows[30..40], &rows[41..]));
    assert_eq!(end, ends[49]);
    let next = journal.turn().unwrap();
    journal.folder().release(next).unwrap();
    assert_eq!(Residue::of(folder.path()).unwrap().damaged, 1);
    journal.clear().unwrap();
    assert_eq!(Residue::of(folder.path()).unwrap().damaged, 1);
}

#[test]
fn a_full_segment_is_followed_by_another_and_released_ones_are_used_again() {
    let folder = tempfile::tempdir().unwrap();
    let (mut journal, _) = open(folder.path());
    let long = |n: usize| Generation {
        session_id: Some("x".repeat(1_000_000).into()),
        ..generation(format!("gen-{n}"), "key", 1)
    };
    let mut end = None;
    for n in 0..40 {
        end = append(&mut journal, &[long(n)]).pop();
    }
    assert!(segments(folder.path()).unwrap().len() > 4);
    journal.folder().release(end.unwrap()).unwrap();
    assert_eq!(segments(folder.path()).unwrap().len(), 3, "the current one and two spare ones");
    for n in 40..80 {
        let end = append(&mut journal, &[long(n)]).pop().unwrap();
        journal.folder().release(end).unwrap();
    }
    assert!(segments(folder.path()).unwrap().len() <= 4);
    drop(journal);
    let found = open(folder.path()).1;
    assert_eq!(&*found.last().unwrap().id, "gen-79");
}

#[test]
fn one_who_reads_behind_finds_the_rest_with_its_prices() {
    let folder = tempfile::tempdir().unwrap();
    let rows: Vec<_> = (0..50).map(row).collect();
    let (mut journal, _) = open(folder.path());
    let ends = append(&mut journal, &rows);
    let mut reader = journal.folder().read_from(ends[29]).unwrap();
    let (read, end) = reader.rows(10).unwrap().unwrap();
    assert_eq!((read.as_slice(), end), (&rows[30..40], ends[39]));
    let (read, end) = reader.rows(100).unwrap().unwrap();
    assert_eq!((read.as_slice(), end), (&rows[40..], ends[49]));
    assert!(reader.rows(1).unwrap().is_none());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_torn_end_costs_only_what_is_torn(
        batches in proptest::collection::vec(1..20_usize, 1..6),
        torn in 0..2_000_u64,
        garbage: bool,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let (mut journal, _) = open(folder.path());
        let mut ends = Vec::new();
        for batch in batches {
            let first = ends.len();
            let rows: Vec<_> = (first..first + batch).map(row).collect();
            ends.extend(append(&mut journal, &rows));
        }
        drop(journal);
        let path = only_segment(folder.path());
        let file = std::fs::OpenOptions::new().write(true).open(path).unwrap();
        let last = ends.last().unwrap().offset;
        let cut = last.saturating_sub(torn);
        let byte = if garbage { 0xa5 } else { 0 };
        file.write_all_at(&vec![byte; usize::try_from(last - cut).unwrap()], cut).unwrap();
        let (_, found) = open(folder.path());
        let whole = ends.iter().filter(|end| end.offset <= cut).count();
        // Zeros over a record that ends with zeros may leave it whole.
        prop_assert!(found.len() == whole || !garbage && found.len() == whole + 1);
        for (n, found) in found.into_iter().enumerate() {
            prop_assert_eq!(found, row(n));
        }
    }
}
