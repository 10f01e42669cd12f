//! Settlement: exactly once, whatever happens.

use proptest::prelude::*;

use super::{TestDatabase, flush_when_unlocked, generation, on_each_engine};
use crate::{Actor, Full, Generation, MasterKey, NewApiKey, SettleError, Store};

on_each_engine!(a_row_is_in_the_books_when_its_future_resolves);
async fn a_row_is_in_the_books_when_its_future_resolves(database: TestDatabase) {
    let store = database.open().await;
    let slot = store.settlements().reserve_slot().unwrap();
    slot.settle(generation("gen-1", "key", 7)).await.unwrap();
    assert_eq!(store.generation("gen-1").await.unwrap().unwrap().total_cost, 7);
    assert_eq!(store.key_usage("key", 0).await.unwrap().usage.total, 7);
}

on_each_engine!(replays_within_a_batch_and_across_batches_count_once);
async fn replays_within_a_batch_and_across_batches_count_once(database: TestDatabase) {
    let store = database.open().await;
    let settlements = store.settlements();
    for _ in 0..3 {
        let settled: Vec<_> = (0..150)
            .flat_map(|n| [n, n])
            .map(|n| {
                let row = generation(format!("gen-{n}"), "key", n);
                settlements.reserve_slot().unwrap().settle(row)
            })
            .collect();
        for committed in settled {
            committed.await.unwrap();
        }
    }
    let usage = store.key_usage("key", 0).await.unwrap();
    assert_eq!((usage.requests, usage.usage.total), (150, (0..150).sum()));
    assert_eq!(store.number("SELECT COUNT(*) AS n FROM generation").await, 150);
}

on_each_engine!(the_first_settlement_of_an_identity_stands);
async fn the_first_settlement_of_an_identity_stands(database: TestDatabase) {
    let store = database.open().await;
    let settlements = store.settlements();
    for cost in [5, 9] {
        let slot = settlements.reserve_slot().unwrap();
        slot.settle(generation("gen-1", "key", cost)).await.unwrap();
    }
    assert_eq!(store.generation("gen-1").await.unwrap().unwrap().total_cost, 5);
    assert_eq!(store.key_usage("key", 0).await.unwrap().usage.total, 5);
}

on_each_engine!(slots_run_out_at_the_capacity_and_come_back_when_dropped_or_committed);
async fn slots_run_out_at_the_capacity_and_come_back_when_dropped_or_committed(
    database: TestDatabase,
) {
    let store = database.open_impatient(2).await;
    let settlements = store.settlements();
    let (one, two) = (settlements.reserve_slot().unwrap(), settlements.reserve_slot().unwrap());
    assert_eq!(settlements.reserve_slot().err(), Some(Full));
    assert_eq!(settlements.occupancy(), (2, 2));
    drop(one);
    let three = settlements.reserve_slot().unwrap();
    two.settle(generation("gen-2", "key", 1)).await.unwrap();
    three.settle(generation("gen-3", "key", 1)).await.unwrap();
    settlements.flush().await.unwrap();
    assert_eq!(settlements.occupancy(), (0, 2));
    store.close().await.unwrap();
}

on_each_engine!(a_future_dropped_does_not_cancel_its_row);
async fn a_future_dropped_does_not_cancel_its_row(database: TestDatabase) {
    let store = database.open().await;
    let settlements = store.settlements();
    drop(settlements.reserve_slot().unwrap().settle(generation("gen-1", "key", 1)));
    settlements.flush().await.unwrap();
    assert!(store.generation("gen-1").await.unwrap().is_some());
}

on_each_engine!(closing_writes_what_is_queued_and_refuses_what_comes_after);
async fn closing_writes_what_is_queued_and_refuses_what_comes_after(database: TestDatabase) {
    let store = database.open().await;
    let settlements = store.settlements();
    let late = settlements.reserve_slot().unwrap();
    for n in 0..2_500 {
        let row = generation(format!("gen-{n}"), "key", 1);
        drop(settlements.reserve_slot().unwrap().settle(row));
    }
    store.close().await.unwrap();
    assert_eq!(late.settle(generation("late", "key", 1)).await, Err(SettleError::Closed));
    assert_eq!(settlements.flush().await, Err(SettleError::Closed));

    let store = database.open().await;
    assert_eq!(store.key_usage("key", 0).await.unwrap().requests, 2_500);
    assert!(store.generation("late").await.unwrap().is_none());
    store.close().await.unwrap();
}

#[test]
fn what_was_committed_survives_a_store_dropped_without_closing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("trunkline.db");
    let key = MasterKey::generate().unwrap();
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let first = runtime();
    first.block_on(async {
        let store = Store::open(&path, key.clone(), 0).await.unwrap();
        let slot = store.settlements().reserve_slot().unwrap();
        slot.settle(generation("gen-1", "key", 3)).await.unwrap();
    });
    first.shutdown_background();
    runtime().block_on(async {
        let store = Store::open(&path, key, 0).await.unwrap();
        assert!(store.generation("gen-1").await.unwrap().is_some());
        assert_eq!(store.key_usage("key", 0).await.unwrap().usage.total, 3);
        store.close().await.unwrap();
    });
}

#[tokio::test]
async fn what_was_committed_is_in_the_files_as_a_killed_process_leaves_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("trunkline.db");
    let key = MasterKey::generate().unwrap();
    let store = Store::open(&path, key.clone(), 0).await.unwrap();
    for n in 0..20 {
        let slot = store.settlements().reserve_slot().unwrap();
        slot.settle(generation(format!("gen-{n}"), "key", 1)).await.unwrap();
    }
    // Nothing is checkpointed or closed: the rows are in the logs only.
    let left = tempfile::tempdir().unwrap();
    std::fs::create_dir(left.path().join("trunkline.journal")).unwrap();
    let segment = "trunkline.journal/0000000000000001.journal";
    for name in ["trunkline.db", "trunkline.db-wal", segment] {
        std::fs::copy(folder.path().join(name), left.path().join(name)).unwrap();
    }
    let recovered = Store::open(&left.path().join("trunkline.db"), key, 0).await.unwrap();
    assert_eq!(recovered.key_usage("key", 0).await.unwrap().requests, 20);
    assert!(recovered.generation("gen-19").await.unwrap().is_some());
    recovered.close().await.unwrap();
    store.close().await.unwrap();
}

on_each_engine!(rows_a_locked_database_refuses_are_held_back_and_written_exactly_once_later);
async fn rows_a_locked_database_refuses_are_held_back_and_written_exactly_once_later(
    database: TestDatabase,
) {
    let store = database.open_impatient(100).await;
    let settlements = store.settlements();
    // Another process's change, which on SQLite has the whole database.
    let other = database.open().await;
    let mut lock = other.database().begin_change().await.unwrap();
    if database.is_postgres() {
        lock.execute("LOCK TABLE generation", &[]).await.unwrap();
    }
    for n in 0..10 {
        let slot = settlements.reserve_slot().unwrap();
        let settled = slot.settle(generation(format!("gen-{n}"), "key", 1)).await;
        assert!(matches!(settled, Err(SettleError::NotCommitted { .. })));
    }
    assert!(settlements.flush().await.is_err());
    assert_eq!(settlements.occupancy().0, 10, "an outage keeps its places");

    drop(lock);
    flush_when_unlocked(&settlements).await;
    assert_eq!(settlements.occupancy().0, 0);
    assert_eq!(store.key_usage("key", 0).await.unwrap().requests, 10);
    let replay = settlements.reserve_slot().unwrap().settle(generation("gen-0", "key", 1));
    replay.await.unwrap();
    assert_eq!(store.key_usage("key", 0).await.unwrap().requests, 10);
    store.close().await.unwrap();
}

on_each_engine!(a_row_that_can_never_be_written_does_not_stand_in_the_way);
async fn a_row_that_can_never_be_written_does_not_stand_in_the_way(database: TestDatabase) {
    let store = database.open_impatient(1_000).await;
    super::refuse(&store, database.is_postgres()).await;
    let settlements = store.settlements();
    for n in 0..100 {
        let row = generation(format!("gen-{n}"), "key", 1);
        drop(settlements.reserve_slot().unwrap().settle(row));
    }
    assert!(settlements.flush().await.is_err());
    assert_eq!(store.key_usage("key", 0).await.unwrap().requests, 99);
    assert_eq!(settlements.occupancy().0, 1);

    super::refuse_no_more(&store, database.is_postgres()).await;
    settlements.flush().await.unwrap();
    assert_eq!(store.key_usage("key", 0).await.unwrap().requests, 100);
    store.close().await.unwrap();
}

on_each_engine!(absurd_amounts_are_cut_alike_in_the_row_and_in_the_roll_up);
async fn absurd_amounts_are_cut_alike_in_the_row_and_in_the_roll_up(database: TestDatabase) {
    let store = database.open().await;
    let settlements = store.settlements();
    for n in 0..20 {
        let row = Generation {
            native_tokens_prompt: i64::MAX,
            ..generation(format!("gen-{n}"), "key", i64::MAX)
        };
        settlements.reserve_slot().unwrap().settle(row).await.unwrap();
    }
    let in_rows = store.number("SELECT CAST(SUM(total_cost) AS BIGINT) AS n FROM generation").await;
    assert_eq!(store.key_usage("key", 0).await.unwrap().usage.total, in_rows);
}

on_each_engine!(many_settling_tasks_and_control_changes_get_along);
async fn many_settling_tasks_and_control_changes_get_along(database: TestDatabase) {
    let store = database.open().await;
    let tasks: Vec<_> = (0..16)
        .map(|task| {
            let (store, settlements) = (store.clone(), store.settlements());
            tokio::spawn(async move {
                for n in 0..50 {
                    let slot = settlements.reserve_slot().unwrap();
                    slot.settle(generation(format!("gen-{task}-{n}"), "key", 1)).await.unwrap();
                    if n % 25 == 0 {
                        let new = NewApiKey { name: "k".into(), ..NewApiKey::default() };
                        store.create_api_key(new, &Actor::system(), 0).await.unwrap();
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(store.key_usage("key", 0).await.unwrap().requests, 16 * 50);
    assert_eq!(store.api_keys(true, None).await.unwrap().len(), 32);
}

on_each_engine!(two_processes_settle_into_one_database);
async fn two_processes_settle_into_one_database(database: TestDatabase) {
    let (one, two) = (database.open().await, database.open().await);
    let mut settled = Vec::new();
    for n in 0..200 {
        for store in [&one, &two] {
            let row = generation(format!("gen-{n}"), "key", 1);
            settled.push(store.settlements().reserve_slot().unwrap().settle(row));
        }
    }
    for committed in settled {
        committed.await.unwrap();
    }
    assert_eq!(one.key_usage("key", 0).await.unwrap().requests, 200);
    one.close().await.unwrap();
    two.close().await.unwrap();
}

type Row = (u8, u8, i64, i64, bool);

/// Settles rows, some of them replays, and compares the roll-up with their sum.
async fn check_roll_up(database: TestDatabase, rows: Vec<Row>, flushes: Vec<bool>) {
    let store = database.open().await;
    let settlements = store.settlements();
    for ((id, key, cost, day, is_byok), flush) in rows.into_iter().zip(flushes) {
        let row = Generation {
            created_at: day * 86_400_000_000,
            is_byok,
            upstream_inference_cost: cost / 2,
            native_tokens_completion: cost.abs(),
            ..generation(format!("gen-{id}"), &format!("key-{key}"), cost)
        };
        drop(settlements.reserve_slot().unwrap().settle(row));
        if flush {
            settlements.flush().await.unwrap();
        }
    }
    store.settlements().flush().await.unwrap();
    let differing = store
        .number(
            "SELECT COUNT(*) AS n FROM (
            SELECT key_hash, created_at / 86400000000, is_byok, COUNT(*), SUM(total_cost),
                SUM(CASE WHEN is_byok THEN upstream_inference_cost ELSE 0 END),
                SUM(native_tokens_completion)
            FROM generation_entry GROUP BY 1, 2, 3
            EXCEPT
            SELECT key_hash, day, is_byok, requests, cost_nano_usd, byok_usage_nano_usd,
                completion_tokens
            FROM key_usage_day
        ) AS differing",
        )
        .await;
    let lines = store.number("SELECT COUNT(*) AS n FROM key_usage_day").await;
    let groups = store
        .number(
            "SELECT COUNT(*) AS n FROM (
            SELECT DISTINCT key_hash, created_at / 86400000000, is_byok FROM generation_entry
        ) AS lines",
        )
        .await;
    assert_eq!((differing, lines), (0, groups));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_roll_up_is_the_sum_of_the_generations(
        rows in proptest::collection::vec(
            (0..60_u8, 0..3_u8, -1_000_000_000..1_000_000_000_i64, 0..5_i64, any::<bool>()),
            1..200,
        ),
        flushes in proptest::collection::vec(any::<bool>(), 200),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            check_roll_up(TestDatabase::sqlite(), rows.clone(), flushes.clone()).await;
            if let Some(database) = TestDatabase::postgres().await {
                check_roll_up(database, rows, flushes).await;
            }
        });
    }
}
