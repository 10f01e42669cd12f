//! Tests of the journal: whatever is cut off, what was told to be safe is read again.

use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::{Journal, Position, segments};
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

#[test]
fn a_segment_of_a_version_without_identities_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let (mut journal, _) = open(folder.path());
    append(&mut journal, &[row(1)]);
    drop(journal);
    // As it was written then: another magic, and the names alone.
    let path = only_segment(folder.path());
    let bytes = std::fs::read(&path).unwrap();
    let length = usize::try_from(u32::from_le_bytes(bytes[16..20].try_into().unwrap())).unwrap();
    let names = &bytes[24 + "acct_one\n".len()..24 + length];
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&bytes[8..16]);
    hasher.update(names);
    let mut older = b"TLNJRNL1".to_vec();
    older.extend_from_slice(&bytes[8..16]);
    older.extend_from_slice(&u32::try_from(names.len()).unwrap().to_le_bytes());
    older.extend_from_slice(&hasher.finalize().to_le_bytes());
    older.extend_from_slice(names);
    older.extend_from_slice(&bytes[24 + length..]);
    std::fs::write(path, older).unwrap();
    assert_eq!(open(folder.path()).1, [row(1)]);
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
