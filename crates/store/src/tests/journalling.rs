//! Settlement with a journal: an outage of the database is not felt, and nothing is lost.

use std::time::Duration;

use serde_json::json;

use super::{TestDatabase, flush_when_unlocked, generation, on_each_engine};
use crate::{Generation, MasterKey, Residue, Store, StoreError, Withheld};

on_each_engine!(with_a_journal_an_outage_is_not_felt_and_every_row_is_written_once_later);
async fn with_a_journal_an_outage_is_not_felt_and_every_row_is_written_once_later(
    database: TestDatabase,
) {
    for (round, in_memory) in [1, 30, 10_000].into_iter().enumerate() {
        let store = database.open_with_journal(in_memory).await;
        let settlements = store.settlements();
        let other = database.open().await;
        let mut lock = other.database().begin_change().await.unwrap();
        if database.is_postgres() {
            lock.execute("LOCK TABLE generation", &[]).await.unwrap();
        }
        for n in 0..100 {
            let slot = settlements.reserve_slot().unwrap();
            let row = generation(format!("gen-{round}-{n}"), "key", 1);
            slot.settle(row).await.unwrap();
            if n == 50 {
                assert!(settlements.flush().await.is_err());
                assert!(settlements.trouble().is_some());
            }
        }
        assert_eq!(settlements.unwritten(), 100);
        drop(lock);
        flush_when_unlocked(&settlements).await;
        assert_eq!((settlements.unwritten(), settlements.occupancy().0), (0, 0));
        assert_eq!(settlements.trouble(), None);
        let requests = store.key_usage("key", 0).await.unwrap().requests;
        assert_eq!(requests, 100 * (i64::try_from(round).unwrap() + 1));
        other.close().await.unwrap();
        store.close().await.unwrap();
        let left = std::fs::read_dir(database.journal()).unwrap();
        assert_eq!(left.count(), 1, "only the lock is left after a clean end");
    }
}

on_each_engine!(what_an_outage_kept_in_the_journal_is_written_at_the_next_start);
async fn what_an_outage_kept_in_the_journal_is_written_at_the_next_start(database: TestDatabase) {
    let store = database.open_with_journal(10).await;
    let other = database.open().await;
    let mut lock = other.database().begin_change().await.unwrap();
    if database.is_postgres() {
        lock.execute("LOCK TABLE generation", &[]).await.unwrap();
    }
    let prices = Some("{}".into());
    for n in 0..50 {
        let slot = store.settlements().reserve_slot().unwrap();
        let row = Generation {
            price_version: Some("v1".into()),
            prices: prices.clone(),
            ..generation(format!("gen-{n}"), "key", 1)
        };
        slot.settle(row).await.unwrap();
    }
    assert!(store.close().await.is_err());
    drop(store);
    drop(lock);
    other.close().await.unwrap();
    let store = database.open_with_journal(10).await;
    assert_eq!(store.key_usage("key", 0).await.unwrap().requests, 50);
    assert_eq!(store.generation("gen-49").await.unwrap().unwrap().prices, prices);
    store.close().await.unwrap();
}

/// Settles rows that the database does not take, and gives a copy of the journal that has them.
async fn leave_in_journal(database: &TestDatabase, rows: &[Generation]) -> tempfile::TempDir {
    let store = database.open_with_journal(10).await;
    let other = database.open().await;
    let mut lock = other.database().begin_change().await.unwrap();
    if database.is_postgres() {
        lock.execute("LOCK TABLE generation", &[]).await.unwrap();
    }
    for row in rows {
        store.settlements().reserve_slot().unwrap().settle(row.clone()).await.unwrap();
    }
    let copy = tempfile::tempdir().unwrap();
    copy_journal(&database.journal(), copy.path());
    drop(lock);
    flush_when_unlocked(&store.settlements()).await;
    other.close().await.unwrap();
    store.close().await.unwrap();
    copy
}

fn copy_journal(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

on_each_engine!(a_journal_of_another_database_is_refused_and_kept);
async fn a_journal_of_another_database_is_refused_and_kept(database: TestDatabase) {
    let other = match database.is_postgres() {
        true => TestDatabase::postgres().await.unwrap(),
        false => TestDatabase::sqlite(),
    };
    let left = leave_in_journal(&database, &[generation("gen-1", "key", 5)]).await;
    copy_journal(left.path(), &other.journal());
    let refused = other.try_open_with_journal().await.unwrap_err();
    assert!(matches!(refused, StoreError::JournalWithoutDatabase { .. }), "{refused}");
    match database.is_postgres() {
        true => assert_eq!(other.schema().await.found, None, "nothing is set up"),
        false => assert!(!other.path().exists(), "nothing is made"),
    }
    let owner = Residue::of(&other.journal()).unwrap().owner.unwrap();
    // As well as a new one, one that has been in use.
    other.open().await.close().await.unwrap();
    let refused = other.try_open_with_journal().await.unwrap_err();
    assert!(matches!(refused, StoreError::ForeignJournal { .. }), "{refused}");
    let beside = other.open().await;
    assert_eq!(beside.key_usage("key", 0).await.unwrap().requests, 0);
    beside.close().await.unwrap();
    // In its own database it is known.
    copy_journal(&other.journal(), &database.journal());
    let store = database.open_with_journal(10).await;
    assert_eq!(owner.database.as_deref(), Some(store.identity()));
    assert_eq!(store.key_usage("key", 0).await.unwrap().requests, 1);
    store.close().await.unwrap();
}

on_each_engine!(what_leaves_the_database_has_left_the_journal_before);
async fn what_leaves_the_database_has_left_the_journal_before(database: TestDatabase) {
    const DAY: i64 = 86_400_000_000;
    let store = database.open_with_journal(10).await;
    let other = database.open().await;
    let settle = async |day: i64| {
        let row =
            Generation { created_at: day * DAY, ..generation(format!("gen-{day}"), "key", 1) };
        store.settlements().reserve_slot().unwrap().settle(row).await.unwrap();
    };
    let lock = async || {
        let mut lock = other.database().begin_change().await.unwrap();
        if database.is_postgres() {
            lock.execute("LOCK TABLE generation", &[]).await.unwrap();
        }
        lock
    };
    let held = lock().await;
    settle(1).await;
    settle(2).await;
    // While rows are held back none leaves.
    assert!(store.settlements().forget().await.is_err());
    drop(held);
    flush_when_unlocked(&store.settlements()).await;
    store.remove_generations_before(2 * DAY).await.unwrap();
    // The journal goes on.
    let held = lock().await;
    settle(3).await;
    let killed = tempfile::tempdir().unwrap();
    copy_journal(&database.journal(), killed.path());
    drop(held);
    flush_when_unlocked(&store.settlements()).await;
    other.close().await.unwrap();
    store.close().await.unwrap();

    copy_journal(killed.path(), &database.journal());
    let store = database.open_with_journal(10).await;
    assert_eq!(store.withheld_settlements().await.unwrap(), Withheld::default());
    assert_eq!(store.key_usage("key", 3 * DAY).await.unwrap().requests, 3);
    store.close().await.unwrap();
}

on_each_engine!(a_settlement_whose_day_was_removed_is_neither_counted_twice_nor_lost);
async fn a_settlement_whose_day_was_removed_is_neither_counted_twice_nor_lost(
    database: TestDatabase,
) {
    const DAY: i64 = 86_400_000_000;
    let row = |day: i64| Generation {
        created_at: day * DAY,
        ..generation(format!("gen-{day}"), "key", 10 + day)
    };
    let left = leave_in_journal(&database, &[row(1), row(2), row(3)]).await;
    let store = database.open().await;
    store.remove_generations_before(3 * DAY).await.unwrap();
    let before = store.key_usage("key", 3 * DAY).await.unwrap();
    assert_eq!((before.requests, before.usage.total), (3, 36));
    store.close().await.unwrap();

    copy_journal(left.path(), &database.journal());
    let store = database.open_with_journal(10).await;
    assert_eq!(store.key_usage("key", 3 * DAY).await.unwrap(), before, "nothing counts twice");
    let withheld = Withheld { settlements: 2, total_cost: 23 };
    assert_eq!(store.withheld_settlements().await.unwrap(), withheld);
    let text = "SELECT record FROM withheld_settlement WHERE id = 'gen-1'";
    let record = store.database().fetch_one(text, &[]).await.unwrap();
    let record: String = record.try_get("record").unwrap();
    let record: serde_json::Value = serde_json::from_str(&record).unwrap();
    assert_eq!((&record["id"], &record["total_cost"]), (&json!("gen-1"), &json!(11)));
    assert_eq!(store.number("SELECT COUNT(*) AS n FROM generation").await, 1);
    store.close().await.unwrap();

    // The same journal once more: they are known to be kept apart.
    copy_journal(left.path(), &database.journal());
    let store = database.open_with_journal(10).await;
    assert_eq!(store.withheld_settlements().await.unwrap(), withheld);
    // The horizon does not go back.
    store.remove_generations_before(DAY).await.unwrap();
    store.settlements().reserve_slot().unwrap().settle(row(2)).await.unwrap();
    store.settlements().flush().await.unwrap();
    assert_eq!(store.key_usage("key", 3 * DAY).await.unwrap(), before);
    store.close().await.unwrap();
}

on_each_engine!(a_database_that_keeps_silent_is_not_felt_either);
async fn a_database_that_keeps_silent_is_not_felt_either(database: TestDatabase) {
    let store = database.open_patient().await;
    let settlements = store.settlements();
    let other = database.open().await;
    let mut lock = other.database().begin_change().await.unwrap();
    if database.is_postgres() {
        lock.execute("LOCK TABLE generation", &[]).await.unwrap();
    }
    // The first is on its way when the others come.
    for n in 0..50 {
        let slot = settlements.reserve_slot().unwrap();
        let settled = slot.settle(generation(format!("gen-{n}"), "key", 1));
        tokio::time::timeout(Duration::from_secs(5), settled).await.unwrap().unwrap();
    }
    assert_eq!(settlements.unwritten(), 50);
    let told = async {
        while settlements.trouble().is_none() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(4), told).await.unwrap();
    drop(lock);
    settlements.flush().await.unwrap();
    assert_eq!((settlements.unwritten(), settlements.trouble()), (0, None));
    assert_eq!(store.key_usage("key", 0).await.unwrap().requests, 50);
    other.close().await.unwrap();
    store.close().await.unwrap();
    assert_eq!(std::fs::read_dir(database.journal()).unwrap().count(), 1);
}

on_each_engine!(a_row_that_is_refused_keeps_neither_a_start_nor_the_others_back);
async fn a_row_that_is_refused_keeps_neither_a_start_nor_the_others_back(database: TestDatabase) {
    for in_memory in [1, 100] {
        let store = database.open_with_journal(in_memory).await;
        super::refuse(&store, database.is_postgres()).await;
        let other = database.open().await;
        let mut lock = other.database().begin_change().await.unwrap();
        if database.is_postgres() {
            lock.execute("LOCK TABLE generation", &[]).await.unwrap();
        }
        for n in 0..30 {
            let slot = store.settlements().reserve_slot().unwrap();
            slot.settle(generation(format!("gen-{n}"), "key", 1)).await.unwrap();
        }
        assert!(store.settlements().flush().await.is_err());
        drop(lock);
        let others = async {
            while store.number("SELECT COUNT(*) AS n FROM generation").await < 29 {
                let _ = store.settlements().flush().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), others).await.unwrap();
        assert_eq!(store.settlements().unwritten(), 1);
        assert!(store.close().await.is_err(), "it stays in the journal");
        drop(store);

        let store = database.open_with_journal(in_memory).await;
        assert_eq!(store.settlements().unwritten(), 1);
        assert!(store.settlements().trouble().is_some());
        super::refuse_no_more(&store, database.is_postgres()).await;
        store.settlements().flush().await.unwrap();
        assert_eq!(store.settlements().unwritten(), 0);
        assert_eq!(store.number("SELECT COUNT(*) AS n FROM generation").await, 30);
        store.run("DELETE FROM generation").await;
        other.close().await.unwrap();
        store.close().await.unwrap();
        assert_eq!(std::fs::read_dir(database.journal()).unwrap().count(), 1);
    }
}

#[tokio::test]
async fn what_a_killed_process_left_is_seen_from_outside() {
    let database = TestDatabase::sqlite();
    let look = || Residue::of(&database.journal()).unwrap();
    assert_eq!(look(), Residue::default());
    let store = database.open_with_journal(10).await;
    assert!(look().is_in_use && look().segments == 1 && look().bytes > 0);
    store.close().await.unwrap();
    drop(store);
    assert_eq!(look().segments, 0);
}

#[tokio::test]
async fn no_file_is_made_beside_a_journal_that_has_rows_for_another_either() {
    let (database, folder) = (TestDatabase::sqlite(), tempfile::tempdir().unwrap());
    let left = leave_in_journal(&database, &[generation("gen-1", "key", 5)]).await;
    let path = folder.path().join("trunkline.db");
    copy_journal(left.path(), &Store::journal_beside(&path));
    // One that a start before made, and never set up.
    for is_empty_there in [false, true] {
        if is_empty_there {
            std::fs::write(&path, "").unwrap();
        }
        let refused = Store::open_beside(&path, MasterKey::generate().unwrap(), 0).await;
        let told = refused.unwrap_err().to_string();
        assert!(told.contains("has settlements for the database acct_"), "{told}");
        assert_eq!(std::fs::metadata(&path).map_or(0, |file| file.len()), 0);
    }
}

#[tokio::test]
async fn a_second_process_cannot_serve_from_the_same_journal() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("trunkline.db");
    let key = MasterKey::generate().unwrap();
    let store = Store::open(&path, key.clone(), 0).await.unwrap();
    let second = Store::open(&path, key.clone(), 0).await;
    assert!(matches!(second, Err(StoreError::InUse { .. })));
    Store::open_beside(&path, key, 0).await.unwrap().close().await.unwrap();
    store.close().await.unwrap();
}

#[tokio::test]
async fn a_worker_gets_its_answers_through_its_relay() {
    let store = Store::open_temporary().await.unwrap();
    let (settlements, relay) = store.settlements().for_worker();
    let relay = tokio::spawn(relay);
    let settled: Vec<_> = (0..100)
        .map(|n| {
            let row = generation(format!("gen-{n}"), "key", 1);
            settlements.reserve_slot().unwrap().settle(row)
        })
        .collect();
    for committed in settled {
        committed.await.unwrap();
    }
    relay.abort();
}
