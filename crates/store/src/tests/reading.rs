//! Generations and usage read back.

use super::{TestDatabase, full_generation, generation, on_each_engine};
use crate::{Generation, GenerationFilter, KeyUsage, Micros, Store, Windows};

const DAY: Micros = 86_400_000_000;

async fn store_with(database: &TestDatabase, rows: impl IntoIterator<Item = Generation>) -> Store {
    let store = database.open().await;
    let settlements = store.settlements();
    for row in rows {
        drop(settlements.reserve_slot().unwrap().settle(row));
    }
    settlements.flush().await.unwrap();
    store
}

on_each_engine!(every_field_of_a_generation_comes_back);
async fn every_field_of_a_generation_comes_back(database: TestDatabase) {
    let full = full_generation("gen-1-full");
    let bare = generation("gen-1-bare", "", 0);
    let store = store_with(&database, [full.clone(), bare.clone()]).await;
    assert_eq!(store.generation("gen-1-full").await.unwrap(), Some(full));
    assert_eq!(store.generation("gen-1-bare").await.unwrap(), Some(bare));
    assert_eq!(store.generation("gen-1-none").await.unwrap(), None);
}

on_each_engine!(pages_go_from_newest_to_oldest_without_gap_or_repetition);
async fn pages_go_from_newest_to_oldest_without_gap_or_repetition(database: TestDatabase) {
    // Moments repeat, so that identities have to break ties.
    let rows = (0..25).map(|n| Generation {
        created_at: i64::from(n) / 4,
        ..generation(format!("gen-{n:02}"), "key", 1)
    });
    let store = store_with(&database, rows).await;
    for filter in [
        GenerationFilter::default(),
        GenerationFilter { workspace_id: Some("ws".into()), ..GenerationFilter::default() },
    ] {
        let mut seen = Vec::new();
        let mut cursor = None;
        loop {
            let page = store.generations_page(&filter, cursor.as_ref(), 7).await.unwrap();
            seen.extend(page.rows.iter().map(|row| row.id.to_string()));
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        let expected: Vec<_> = (0..25).rev().map(|n| format!("gen-{n:02}")).collect();
        assert_eq!(seen, expected);
    }
}

on_each_engine!(each_filter_narrows_a_page);
async fn each_filter_narrows_a_page(database: TestDatabase) {
    let target = full_generation("gen-1-target");
    let store = store_with(&database, [target.clone(), generation("gen-1-other", "k", 1)]).await;
    let none = GenerationFilter::default();
    let some = |text: &str| Some(text.to_owned());
    let filters = [
        GenerationFilter { account_id: some("acct"), ..none.clone() },
        GenerationFilter { key_hash: some("hash"), ..none.clone() },
        GenerationFilter { model: some("acme/one"), ..none.clone() },
        GenerationFilter { session_id: some("session"), ..none.clone() },
        GenerationFilter { from: Some(target.created_at), ..none.clone() },
        GenerationFilter {
            workspace_id: some("ws"),
            key_hash: some("hash"),
            from: Some(1),
            until: Some(target.created_at + 1),
            ..none.clone()
        },
    ];
    for filter in filters {
        let page = store.generations_page(&filter, None, 10).await.unwrap();
        assert_eq!(page.rows, std::slice::from_ref(&target), "{filter:?}");
        assert_eq!(page.next, None);
    }
    let before = GenerationFilter { until: Some(target.created_at), ..none };
    let page = store.generations_page(&before, None, 10).await.unwrap();
    assert_eq!(page.rows.len(), 1);
    assert_ne!(page.rows[0].id, target.id);
}

on_each_engine!(usage_is_counted_in_utc_days_weeks_from_monday_and_calendar_months);
/// KEYS-2
async fn usage_is_counted_in_utc_days_weeks_from_monday_and_calendar_months(
    database: TestDatabase,
) {
    // Wednesday 4 February 1970: the week began on Monday 2 February (day 32).
    let now = 34 * DAY + 5;
    let days = [(34, 1), (33, 10), (32, 100), (31, 1_000), (30, 10_000)];
    let rows = days.map(|(day, cost)| Generation {
        created_at: day * DAY + 7,
        ..generation(format!("gen-{day}"), "key", cost)
    });
    let byok = Generation {
        created_at: 34 * DAY,
        is_byok: true,
        upstream_inference_cost: 5,
        ..generation("gen-byok", "key", 2)
    };
    let store = store_with(&database, rows.into_iter().chain([byok])).await;
    let usage = store.key_usage("key", now).await.unwrap();
    let expected = KeyUsage {
        usage: Windows { total: 11_113, daily: 3, weekly: 113, monthly: 1_113 },
        byok_usage: Windows { total: 5, daily: 5, weekly: 5, monthly: 5 },
        requests: 6,
        last_day: Some(34 * DAY),
    };
    assert_eq!(usage, expected);
    assert_eq!(store.key_usage("never used", now).await.unwrap(), KeyUsage::default());
    let some = store.keys_usage(&["never used", "key"], now).await.unwrap();
    assert_eq!((some.len(), some["key"]), (1, expected));
    assert!(store.keys_usage(&[], now).await.unwrap().is_empty());
}
