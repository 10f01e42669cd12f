//! Settlement: exactly once, whatever happens.

use std::path::Path;
use std::time::Duration;

use proptest::prelude::*;
use rusqlite::TransactionBehavior;

use super::generation;
use crate::engine::EngineOptions;
use crate::settlement::SettlementOptions;
use crate::{Full, Generation, MasterKey, NewApiKey, SettleError, Store, StoreError};

/// A store without a journal that gives up on a locked database at once.
async fn impatient(path: &Path, capacity: usize) -> Store {
    let engine = EngineOptions { busy_timeout: Duration::from_millis(1), durable: false };
    let settlements = SettlementOptions {
        capacity,
        retry_pauses: vec![Duration::from_millis(1)],
        // Never on its own: the test says when.
        backlog_pause: Duration::from_secs(3_600),
        ..SettlementOptions::default()
    };
    let key = MasterKey::generate().unwrap();
    Store::open_with(path, key, 0, &engine, settlements, None).await.unwrap()
}

const SEGMENT: &str = "trunkline.journal/0000000000000001.journal";

/// A store with a journal and a database that gives up at once.
async fn journalled(path: &Path, key: &MasterKey, in_memory: usize) -> Store {
    let engine = EngineOptions { busy_timeout: Duration::from_millis(1), durable: false };
    let settlements = SettlementOptions {
        retry_pauses: Vec::new(),
        backlog_pause: Duration::from_secs(3_600),
        journal: Some(path.with_extension("journal")),
        durable: false,
        in_memory,
        ..SettlementOptions::default()
    };
    Store::open_with(path, key.clone(), 0, &engine, settlements, None).await.unwrap()
}

async fn count(store: &Store, sql: &'static str) -> i64 {
    store.settlements().flush().await.unwrap();
    sqlx::query_scalar(sql).fetch_one(store.engine().reader()).await.unwrap()
}

#[tokio::test]
async fn a_row_is_in_the_books_when_its_future_resolves() {
    let store = Store::open_temporary().await.unwrap();
    let slot = store.settlements().reserve_slot().unwrap();
    slot.settle(generation("gen-1", "key", 7)).await.unwrap();
    assert_eq!(store.generation("gen-1").await.unwrap().unwrap().total_cost, 7);
    assert_eq!(store.key_usage("key", 0).await.unwrap().usage.total, 7);
}

#[tokio::test]
async fn replays_within_a_batch_and_across_batches_count_once() {
    let store = Store::open_temporary().await.unwrap();
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
    assert_eq!(count(&store, "SELECT COUNT(*) FROM generation").await, 150);
}

#[tokio::test]
async fn the_first_settlement_of_an_identity_stands() {
    let store = Store::open_temporary().await.unwrap();
    let settlements = store.settlements();
    for cost in [5, 9] {
        let slot = settlements.reserve_slot().unwrap();
        slot.settle(generation("gen-1", "key", cost)).await.unwrap();
    }
    assert_eq!(store.generation("gen-1").await.unwrap().unwrap().total_cost, 5);
    assert_eq!(store.key_usage("key", 0).await.unwrap().usage.total, 5);
}

#[tokio::test]
async fn slots_run_out_at_the_capacity_and_come_back_when_dropped_or_committed() {
    let folder = tempfile::tempdir().unwrap();
    let store = impatient(&folder.path().join("trunkline.db"), 2).await;
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

#[tokio::test]
async fn a_future_dropped_does_not_cancel_its_row() {
    let store = Store::open_temporary().await.unwrap();
    let settlements = store.settlements();
    drop(settlements.reserve_slot().unwrap().settle(generation("gen-1", "key", 1)));
    settlements.flush().await.unwrap();
    assert!(store.generation("gen-1").await.unwrap().is_some());
}

#[tokio::test]
async fn closing_writes_what_is_queued_and_refuses_what_comes_after() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("trunkline.db");
    let key = MasterKey::generate().unwrap();
    let store = Store::open(&path, key.clone(), 0).await.unwrap();
    let settlements = store.settlements();
    let late = settlements.reserve_slot().unwrap();
    for n in 0..2_500 {
        let row = generation(format!("gen-{n}"), "key", 1);
        drop(settlements.reserve_slot().unwrap().settle(row));
    }
    store.close().await.unwrap();
    assert_eq!(late.settle(generation("late", "key", 1)).await, Err(SettleError::Closed));
    assert_eq!(settlements.flush().await, Err(SettleError::Closed));

    let store = Store::open(&path, key, 0).await.unwrap();
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
    for name in ["trunkline.db", "trunkline.db-wal", SEGMENT] {
        std::fs::copy(folder.path().join(name), left.path().join(name)).unwrap();
    }
    let recovered = Store::open(&left.path().join("trunkline.db"), key, 0).await.unwrap();
    assert_eq!(recovered.key_usage("key", 0).await.unwrap().requests, 20);
    assert!(recovered.generation("gen-19").await.unwrap().is_some());
    recovered.close().await.unwrap();
    store.close().await.unwrap();
}

#[tokio::test]
async fn rows_a_locked_database_refuses_are_held_back_and_written_exactly_once_later() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("trunkline.db");
    let store = impatient(&path, 100).await;
    let settlements = store.settlements();
    let mut other = store.engine().connect_clerk().unwrap();
    let lock = other.transaction_with_behavior(TransactionBehavior::Immediate).unwrap();
    for n in 0..10 {
        let slot = settlements.reserve_slot().unwrap();
        let settled = slot.settle(generation(format!("gen-{n}"), "key", 1)).await;
        assert!(matches!(settled, Err(SettleError::NotCommitted { .. })));
    }
    assert!(settlements.flush().await.is_err());
    assert_eq!(settlements.occupancy().0, 10, "an outage keeps its places");

    lock.rollback().unwrap();
    settlements.flush().await.unwrap();
    assert_eq!(settlements.occupancy().0, 0);
    assert_eq!(store.key_usage("key", 0).await.unwrap().requests, 10);
    let replay = settlements.reserve_slot().unwrap().settle(generation("gen-0", "key", 1));
    replay.await.unwrap();
    assert_eq!(store.key_usage("key", 0).await.unwrap().requests, 10);
    store.close().await.unwrap();
}

#[tokio::test]
async fn with_a_journal_a_locked_database_is_not_felt_and_gets_every_row_once_later() {
    for in_memory in [1, 30, 10_000] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("trunkline.db");
        let store = journalled(&path, &MasterKey::generate().unwrap(), in_memory).await;
        let settlements = store.settlements();
        let mut other = store.engine().connect_clerk().unwrap();
        let lock = other.transaction_with_behavior(TransactionBehavior::Immediate).unwrap();
        for n in 0..100 {
            let slot = settlements.reserve_slot().unwrap();
            slot.settle(generation(format!("gen-{n}"), "key", 1)).await.unwrap();
            if n == 50 {
                assert!(settlements.flush().await.is_err());
                assert!(settlements.trouble().is_some());
            }
        }
        assert_eq!(settlements.unwritten(), 100);
        lock.rollback().unwrap();
        settlements.flush().await.unwrap();
        assert_eq!((settlements.unwritten(), settlements.occupancy().0), (0, 0));
        assert_eq!(settlements.trouble(), None);
        assert_eq!(store.key_usage("key", 0).await.unwrap().requests, 100);
        store.close().await.unwrap();
        let left = std::fs::read_dir(folder.path().join("trunkline.journal")).unwrap();
        assert_eq!(left.count(), 1, "only the lock is left after a clean end");
    }
}

#[tokio::test]
async fn what_an_outage_kept_in_the_journal_is_written_at_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("trunkline.db");
    let key = MasterKey::generate().unwrap();
    let store = journalled(&path, &key, 10).await;
    let mut other = store.engine().connect_clerk().unwrap();
    let lock = other.transaction_with_behavior(TransactionBehavior::Immediate).unwrap();
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
    lock.rollback().unwrap();
    let store = Store::open(&path, key, 0).await.unwrap();
    assert_eq!(store.key_usage("key", 0).await.unwrap().requests, 50);
    assert_eq!(store.generation("gen-49").await.unwrap().unwrap().prices, prices);
    store.close().await.unwrap();
}

#[tokio::test]
async fn a_second_process_cannot_serve_from_the_same_journal() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("trunkline.db");
    let key = MasterKey::generate().unwrap();
    let store = Store::open(&path, key.clone(), 0).await.unwrap();
    let second = Store::open(&path, key, 0).await;
    assert!(matches!(second, Err(StoreError::InUse { .. })));
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

#[tokio::test]
async fn a_row_that_can_never_be_written_does_not_stand_in_the_way() {
    let folder = tempfile::tempdir().unwrap();
    let store = impatient(&folder.path().join("trunkline.db"), 1_000).await;
    sqlx::query(
        "CREATE TRIGGER poison BEFORE INSERT ON generation WHEN NEW.id = 'gen-13' \
         BEGIN SELECT RAISE(ABORT, 'refused'); END",
    )
    .execute(store.engine().reader())
    .await
    .unwrap();
    let settlements = store.settlements();
    for n in 0..100 {
        let row = generation(format!("gen-{n}"), "key", 1);
        drop(settlements.reserve_slot().unwrap().settle(row));
    }
    assert!(settlements.flush().await.is_err());
    assert_eq!(store.key_usage("key", 0).await.unwrap().requests, 99);
    assert_eq!(settlements.occupancy().0, 1);

    sqlx::query("DROP TRIGGER poison").execute(store.engine().reader()).await.unwrap();
    settlements.flush().await.unwrap();
    assert_eq!(store.key_usage("key", 0).await.unwrap().requests, 100);
    store.close().await.unwrap();
}

#[tokio::test]
async fn absurd_amounts_are_cut_alike_in_the_row_and_in_the_roll_up() {
    let store = Store::open_temporary().await.unwrap();
    let settlements = store.settlements();
    for n in 0..20 {
        let row = Generation {
            native_tokens_prompt: i64::MAX,
            ..generation(format!("gen-{n}"), "key", i64::MAX)
        };
        settlements.reserve_slot().unwrap().settle(row).await.unwrap();
    }
    let in_rows = count(&store, "SELECT SUM(total_cost) FROM generation").await;
    assert_eq!(store.key_usage("key", 0).await.unwrap().usage.total, in_rows);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_settling_tasks_and_control_changes_get_along() {
    let store = Store::open_temporary().await.unwrap();
    let tasks: Vec<_> = (0..16)
        .map(|task| {
            let (store, settlements) = (store.clone(), store.settlements());
            tokio::spawn(async move {
                for n in 0..50 {
                    let slot = settlements.reserve_slot().unwrap();
                    slot.settle(generation(format!("gen-{task}-{n}"), "key", 1)).await.unwrap();
                    if n % 25 == 0 {
                        let new = NewApiKey { name: "k".into(), ..NewApiKey::default() };
                        store.create_api_key(new, 0).await.unwrap();
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

#[tokio::test]
async fn two_processes_settle_into_one_database() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("trunkline.db");
    let key = MasterKey::generate().unwrap();
    let one = Store::open(&path, key.clone(), 0).await.unwrap();
    let two = Store::open_beside(&path, key, 0).await.unwrap();
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
            let store = Store::open_temporary().await.unwrap();
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
            let differing = count(
                &store,
                "SELECT COUNT(*) FROM (
                    SELECT key_hash, created_at / 86400000000, is_byok, COUNT(*), SUM(total_cost),
                        SUM(CASE WHEN is_byok THEN upstream_inference_cost ELSE 0 END),
                        SUM(native_tokens_completion)
                    FROM generation GROUP BY 1, 2, 3
                    EXCEPT
                    SELECT key_hash, day, is_byok, requests, cost_nano_usd, byok_usage_nano_usd,
                        completion_tokens
                    FROM key_usage_day
                )",
            ).await;
            let lines = count(&store, "SELECT COUNT(*) FROM key_usage_day").await;
            let groups = count(
                &store,
                "SELECT COUNT(*) FROM (SELECT DISTINCT key_hash, created_at / 86400000000, is_byok
                 FROM generation)",
            ).await;
            assert_eq!((differing, lines), (0, groups));
        });
    }
}
