//! Lists of generations: what the database takes is what a row at hand says of itself.

use std::time::Duration;

use super::{TestDatabase, on_each_engine};
use crate::{
    Actor, Generation, GenerationFilter, GenerationStatus, HistogramLine, MemberRole, NewApiKey,
    NewMember, Store,
};

const PATIENCE: Duration = Duration::from_secs(30);
const MINUTE: i64 = 60_000_000;

fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

/// Rows of all sorts: each is told apart from its neighbours by something.
fn rows(keys: &[String]) -> Vec<Generation> {
    let shared = |text: &str| Some(std::sync::Arc::<str>::from(text));
    (0..60_i64)
        .map(|n| {
            let is_error = n % 5 == 0;
            Generation {
                id: format!("gen-{}-{n:020}", 1_700_000_000 + n * 20).into(),
                created_at: 1_700_000_000_000_000 + n * 20_000_000,
                account_id: if n % 11 == 0 { "other" } else { "acct" }.into(),
                workspace_id: ["ws", "team"][usize::from(n % 3 == 0)].into(),
                key_hash: keys[usize::try_from(n % 3).unwrap()].as_str().into(),
                model_requested: "acme/one".into(),
                model: if n % 10 == 0 { "" } else { ["acme/one", "acme/two"][(n % 2) as usize] }
                    .into(),
                provider_name: ["Acme", "Bolt"][usize::from(n % 4 == 0)].into(),
                provider_slug: ["acme", "bolt"][usize::from(n % 4 == 0)].into(),
                status: if is_error { 502 } else { 200 },
                error_type: if is_error { shared("provider_unavailable") } else { None },
                cancelled: n % 15 == 0 || n % 7 == 0,
                finish_reason: shared(["stop", "length"][usize::from(n % 6 == 0)]),
                app_title: (n % 2 == 0).then(|| "Chat".into()),
                app_referer: (n % 3 != 0).then(|| "https://app.example".into()),
                external_user: (n % 4 == 1).then(|| "ann".into()),
                session_id: (n % 8 == 1).then(|| "s-1".into()),
                total_cost: n * 1_000,
                latency_ms: n * 10,
                ..Generation::default()
            }
        })
        .collect()
}

fn filters(keys: &[String], member: &str) -> Vec<GenerationFilter> {
    let none = GenerationFilter::default;
    let status = |status| GenerationFilter { status: Some(status), ..none() };
    let mut filters = vec![
        none(),
        GenerationFilter { account_id: text("acct"), ..none() },
        GenerationFilter { workspace_id: text("team"), account_id: text("acct"), ..none() },
        GenerationFilter { key_hash: text(&keys[1]), ..none() },
        GenerationFilter { member_id: text(member), ..none() },
        GenerationFilter { member_id: text("nobody"), ..none() },
        GenerationFilter { model: text("acme/one"), ..none() },
        GenerationFilter { model: text("acme/two"), provider: text("bolt"), ..none() },
        GenerationFilter { provider: text("Acme"), ..none() },
        GenerationFilter { app: text("Chat"), ..none() },
        GenerationFilter { app: text("https://app.example"), ..none() },
        GenerationFilter { user: text("ann"), ..none() },
        GenerationFilter { session_id: text("s-1"), ..none() },
        GenerationFilter { finish_reason: text("length"), ..none() },
        GenerationFilter { error_type: text("provider_unavailable"), ..none() },
        GenerationFilter { min_cost: Some(10_000), max_cost: Some(20_000), ..none() },
        GenerationFilter { min_latency_ms: Some(300), ..none() },
        GenerationFilter { text: text("gen-17000001"), ..none() },
        GenerationFilter { text: text("Provider_Un"), ..none() },
        GenerationFilter { text: text("%"), ..none() },
        GenerationFilter { text: text("_"), account_id: text("acct"), ..none() },
        GenerationFilter { text: text("provider-"), ..none() },
        GenerationFilter {
            from: Some(1_700_000_100_000_000),
            until: Some(1_700_000_900_000_000),
            key_hash: text(&keys[0]),
            ..none()
        },
    ];
    filters.extend(GenerationStatus::ALL.map(status));
    filters
}

async fn settled(store: &Store) -> (Vec<String>, String) {
    let actor = Actor::system();
    let new = NewMember { email: "a@b.c".into(), name: "A".into(), role: MemberRole::Owner };
    let member = store.create_member(new, &actor, 1).await.unwrap().id;
    let mut keys = Vec::new();
    for (name, member_id) in [("one", None), ("two", Some(member.clone())), ("three", None)] {
        let new = NewApiKey { name: name.into(), member_id, ..NewApiKey::default() };
        keys.push(store.create_api_key(new, &actor, 1).await.unwrap().key.hash);
    }
    for row in rows(&keys) {
        drop(store.settlements().reserve_slot().unwrap().settle(row));
    }
    store.settlements().flush().await.unwrap();
    (keys, member)
}

on_each_engine!(a_filter_takes_from_the_database_what_it_takes_of_rows_at_hand);
async fn a_filter_takes_from_the_database_what_it_takes_of_rows_at_hand(database: TestDatabase) {
    let store = database.open().await;
    let (keys, member) = settled(&store).await;
    let is_of = |key: &str, wanted: &str| key == keys[1] && wanted == member;
    for filter in filters(&keys, &member) {
        let mut expected: Vec<_> =
            rows(&keys).into_iter().filter(|row| filter.matches(row, is_of)).collect();
        expected.reverse();
        let (mut found, mut cursor) = (Vec::new(), None);
        loop {
            let page = store.generations_page(&filter, cursor.as_ref(), 7).await.unwrap();
            assert!(page.rows.len() <= 7);
            found.extend(page.rows);
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(found, expected, "{filter:?}");

        let lines = store.generations_histogram(&filter, 5, PATIENCE).await.unwrap();
        let mut counted: Vec<HistogramLine> = Vec::new();
        for row in expected.iter().rev() {
            let at = row.created_at.div_euclid(5 * MINUTE) * 5 * MINUTE;
            if counted.last().is_none_or(|line| line.at != at) {
                counted.push(HistogramLine { at, ..HistogramLine::default() });
            }
            let line = counted.last_mut().unwrap();
            match GenerationStatus::of(row) {
                GenerationStatus::Failed => line.failed += 1,
                GenerationStatus::Ok | GenerationStatus::Cancelled => line.ok += 1,
            }
        }
        // By whole minutes where roll-ups tell it: ranges of the test begin with some.
        if filter.from.is_none() {
            assert_eq!(lines, counted, "{filter:?}");
        }
        assert!(
            lines.iter().map(|line| line.ok + line.failed).sum::<i64>() >= expected.len() as i64
        );
    }
}

on_each_engine!(a_histogram_is_the_same_when_minutes_have_gone);
async fn a_histogram_is_the_same_when_minutes_have_gone(database: TestDatabase) {
    let store = database.open().await;
    settled(&store).await;
    let filter = GenerationFilter { account_id: text("acct"), ..GenerationFilter::default() };
    let before = store.generations_histogram(&filter, 5, PATIENCE).await.unwrap();
    assert!(before.len() > 3);
    store.remove_minutes_before(1_700_000_600_000_000).await.unwrap();
    assert_eq!(store.generations_histogram(&filter, 5, PATIENCE).await.unwrap(), before);
    let late = store.generations_histogram(&filter, 5, Duration::ZERO).await;
    assert!(matches!(late, Err(crate::StoreError::OutOfTime)));
}
