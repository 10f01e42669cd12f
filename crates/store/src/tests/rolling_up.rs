//! Roll-ups are the sums of the rows, to the nano-dollar, whatever happened on the way.

use proptest::prelude::*;

use super::{TestDatabase, generation, on_each_engine};
use crate::engine::Sql;
use crate::roll_up::{Outline, SERIES};
use crate::{ActivityQuery, Generation, Micros, Retention, Store};

const DAY: Micros = 86_400_000_000;
const MINUTE: Micros = 60_000_000;

/// Generations, minutes, days and key days summed in the same way: number, cost, provider cost,
/// that of callers' own keys, tokens, durations.
const DIFFERENCES: &str = "
    SELECT COUNT(*) AS n FROM (
        SELECT key_hash, model, is_byok, created_at / 86400000000 AS day, COUNT(*) AS requests,
            CAST(SUM(total_cost) AS BIGINT) AS cost,
            CAST(SUM(upstream_inference_cost) AS BIGINT) AS upstream,
            CAST(SUM(CASE WHEN is_byok THEN upstream_inference_cost ELSE 0 END) AS BIGINT) AS byok,
            CAST(SUM(native_tokens_prompt) AS BIGINT) AS prompt,
            CAST(SUM(CASE WHEN cancelled THEN 1 ELSE 0 END) AS BIGINT) AS cancelled,
            CAST(SUM(CASE WHEN error_type IS NULL THEN latency_ms ELSE 0 END) AS BIGINT) AS latency,
            CAST(SUM(CASE WHEN error_type IS NULL THEN 1 ELSE 0 END) AS BIGINT) AS counted
        FROM generation_entry GROUP BY 1, 2, 3, 4
        EXCEPT
        SELECT series.key_hash, series.model, series.is_byok, line.minute / 1440,
            CAST(SUM(line.requests) AS BIGINT), CAST(SUM(line.cost_nano_usd) AS BIGINT),
            CAST(SUM(line.upstream_cost_nano_usd) AS BIGINT),
            CAST(SUM(line.byok_usage_nano_usd) AS BIGINT),
            CAST(SUM(line.prompt_tokens) AS BIGINT), CAST(SUM(line.cancelled) AS BIGINT),
            CAST(SUM(line.latency_ms) AS BIGINT), CAST(SUM(line.latency_count) AS BIGINT)
        FROM usage_minute AS line JOIN usage_series AS series ON series.id = line.series
        GROUP BY 1, 2, 3, 4
    ) AS differing";

const DAY_DIFFERENCES: &str = "
    SELECT COUNT(*) AS n FROM (
        SELECT series, minute / 1440 AS day, CAST(SUM(requests) AS BIGINT) AS requests,
            CAST(SUM(cost_nano_usd) AS BIGINT) AS cost,
            CAST(SUM(latency_3 + throughput_0) AS BIGINT) AS buckets
        FROM usage_minute GROUP BY 1, 2
        EXCEPT
        SELECT series, day, requests, cost_nano_usd, latency_3 + throughput_0 FROM usage_day
    ) AS differing";

const KEY_DIFFERENCES: &str = "
    SELECT COUNT(*) AS n FROM (
        SELECT series.key_hash, line.day, series.is_byok,
            CAST(SUM(line.requests) AS BIGINT) AS requests,
            CAST(SUM(line.cost_nano_usd) AS BIGINT) AS cost,
            CAST(SUM(line.byok_usage_nano_usd) AS BIGINT) AS byok,
            CAST(SUM(line.reasoning_tokens) AS BIGINT) AS reasoning
        FROM usage_day AS line JOIN usage_series AS series ON series.id = line.series
        GROUP BY 1, 2, 3
        EXCEPT
        SELECT key_hash, day, is_byok, requests, cost_nano_usd, byok_usage_nano_usd,
            reasoning_tokens
        FROM key_usage_day
    ) AS differing";

/// Each outline has, for what it tells apart, what the days have.
fn outline_differences(outline: Outline) -> String {
    let told: Vec<String> = SERIES
        .columns
        .into_iter()
        .filter(|column| outline.has(column))
        .map(|column| format!("series.{column}"))
        .collect();
    let lines = |table: &str, condition: &str| {
        format!(
            "SELECT {}, line.day, CAST(SUM(line.requests) AS BIGINT) AS requests, \
             CAST(SUM(line.cost_nano_usd) AS BIGINT) AS cost, \
             CAST(SUM(line.latency_3 + line.throughput_0) AS BIGINT) AS buckets \
             FROM {table} AS line JOIN usage_series AS series ON series.id = line.series \
             {condition} GROUP BY {}, line.day",
            told.join(", "),
            told.join(", "),
        )
    };
    let condition = format!("WHERE line.kind = {}", outline.kind());
    let (days, outlined) = (lines("usage_day", ""), lines("usage_outline_day", &condition));
    format!(
        "SELECT (SELECT COUNT(*) FROM ({days} EXCEPT {outlined}) AS one) \
         + (SELECT COUNT(*) FROM ({outlined} EXCEPT {days}) AS two) AS n"
    )
}

/// Everything sums to the same.
async fn check(store: &Store) {
    store.settlements().flush().await.unwrap();
    for text in [DIFFERENCES, DAY_DIFFERENCES, KEY_DIFFERENCES] {
        assert_eq!(store.number(text).await, 0, "{text}");
    }
    for outline in Outline::ALL {
        let text = outline_differences(outline);
        let row = store.database().fetch_one(Sql::composed(text.clone()), &[]).await.unwrap();
        assert_eq!(row.try_get::<i64>("n").unwrap(), 0, "{text}");
    }
    let rows = store.number("SELECT COUNT(*) AS n FROM generation").await;
    for text in [
        "SELECT CAST(COALESCE(SUM(requests), 0) AS BIGINT) AS n FROM usage_minute",
        "SELECT CAST(COALESCE(SUM(requests), 0) AS BIGINT) AS n FROM usage_day",
        "SELECT CAST(COALESCE(SUM(requests), 0) AS BIGINT) AS n FROM key_usage_day",
    ] {
        assert_eq!(store.number(text).await, rows, "{text}");
    }
}

fn settle(store: &Store, row: Generation) {
    drop(store.settlements().reserve_slot().unwrap().settle(row));
}

/// Identity, key, model, cost, moment, and whether the caller's own key was used.
type Row = (u8, u8, u8, i64, i64, bool);

/// One row per identity: a replay is the same row, at the same moment.
fn made(rows: &[Row]) -> Vec<Generation> {
    let mut first = std::collections::HashMap::new();
    rows.iter()
        .map(|row| {
            let (id, key, model, cost, moment, is_byok) = *first.entry(row.0).or_insert(*row);
            Generation {
                created_at: moment,
                is_byok,
                model: format!("acme/{model}").into(),
                account_id: "acct".into(),
                upstream_inference_cost: cost / 3,
                native_tokens_prompt: cost.abs() % 1_000,
                native_tokens_reasoning: cost.abs() % 7,
                native_tokens_completion: 10,
                generation_time_ms: cost.abs() % 5_000,
                latency_ms: cost.abs() % 2_000,
                cancelled: id % 5 == 0,
                error_type: (id % 5 == 1).then(|| "failed".into()),
                user_agent: Some(format!("agent/{}", cost % 50).into()),
                ..generation(format!("gen-{id}"), &format!("key-{key}"), cost)
            }
        })
        .collect()
}

async fn check_rows(database: TestDatabase, rows: &[Row], flushes: &[bool]) {
    let store = database.open().await;
    for (row, flush) in made(rows).into_iter().zip(flushes) {
        settle(&store, row);
        if *flush {
            store.settlements().flush().await.unwrap();
        }
    }
    check(&store).await;
    store.close().await.unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn roll_ups_are_the_sums_of_the_generations(
        rows in proptest::collection::vec(
            (
                0..90_u8,
                0..3_u8,
                0..3_u8,
                -1_000_000_000..1_000_000_000_i64,
                0..3 * DAY,
                any::<bool>(),
            ),
            1..200,
        ),
        flushes in proptest::collection::vec(any::<bool>(), 200),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            check_rows(TestDatabase::sqlite(), &rows, &flushes).await;
            if let Some(database) = TestDatabase::postgres().await {
                check_rows(database, &rows, &flushes).await;
            }
        });
    }
}

on_each_engine!(a_journal_torn_at_its_end_and_replayed_twice_counts_its_whole_rows_once);
async fn a_journal_torn_at_its_end_and_replayed_twice_counts_its_whole_rows_once(
    database: TestDatabase,
) {
    let store = database.open_with_journal(1_000).await;
    let other = database.open().await;
    let mut lock = other.database().begin_change().await.unwrap();
    if database.is_postgres() {
        lock.execute("LOCK TABLE generation", &[]).await.unwrap();
    }
    for n in 0..20 {
        let row = Generation { created_at: n * MINUTE, ..generation(format!("gen-{n}"), "key", 7) };
        store.settlements().reserve_slot().unwrap().settle(row).await.unwrap();
    }
    assert!(store.close().await.is_err());
    drop(store);
    drop(lock);
    let segment = std::fs::read_dir(database.journal())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|extension| extension == "journal"))
        .unwrap();
    // The last record lost its last byte, as if the power had gone while it was written.
    let mut bytes = std::fs::read(&segment).unwrap();
    let end = bytes.iter().rposition(|byte| *byte != 0).unwrap();
    bytes[end] ^= 0xff;
    for _ in 0..2 {
        std::fs::write(&segment, &bytes).unwrap();
        let store = database.open_with_journal(1_000).await;
        check(&store).await;
        assert_eq!(store.key_usage("key", 0).await.unwrap().usage.total, 19 * 7);
        store.close().await.unwrap();
    }
    // The one that was torn, handed in again by whoever had no answer.
    settle(&other, Generation { created_at: 19 * MINUTE, ..generation("gen-19", "key", 7) });
    check(&other).await;
    assert_eq!(other.key_usage("key", 0).await.unwrap().usage.total, 20 * 7);
}

on_each_engine!(a_clock_that_jumps_back_and_days_that_change_in_a_batch_are_summed_where_they_are);
async fn a_clock_that_jumps_back_and_days_that_change_in_a_batch_are_summed_where_they_are(
    database: TestDatabase,
) {
    let store = database.open().await;
    for (n, moment) in
        [DAY - 1, DAY, 2 * DAY - 1, 2 * DAY, DAY + 1, 0, MINUTE - 1, MINUTE].into_iter().enumerate()
    {
        settle(&store, Generation { created_at: moment, ..generation(format!("{n}"), "key", 1) });
    }
    check(&store).await;
    let lines = store.number("SELECT COUNT(*) AS n FROM usage_day").await;
    let minutes = store.number("SELECT COUNT(*) AS n FROM usage_minute").await;
    assert_eq!((lines, minutes), (3, 6));
}

on_each_engine!(what_an_older_version_settled_is_summed_once);
async fn what_an_older_version_settled_is_summed_once(database: TestDatabase) {
    let (store, other) = (database.open().await, database.open().await);
    settle(&store, Generation { created_at: DAY, ..generation("gen-new", "key", 5) });
    store.settlements().flush().await.unwrap();
    // As an older version writes them.
    for text in [
        "INSERT INTO generation (id, created_at, account_id, workspace_id, key_hash, model, status, \
         cancelled, is_byok, latency_ms, total_cost, upstream_inference_cost, native_tokens_prompt) \
         VALUES ('gen-old-1', 86400000001, '', 'ws', 'key', '', 200, FALSE, FALSE, 3, 7, 0, 0), \
         ('gen-old-2', 86400000002, '', 'ws', 'key', 'acme/one', 200, FALSE, TRUE, 3, 1, 9, 4)",
        "INSERT INTO key_usage_day VALUES ('key', 1, FALSE, 1, 7, 0, 0, 0, 0) ON CONFLICT \
         (key_hash, day, is_byok) DO UPDATE SET requests = key_usage_day.requests + 1, \
         cost_nano_usd = key_usage_day.cost_nano_usd + 7",
        "INSERT INTO key_usage_day VALUES ('key', 1, TRUE, 1, 1, 9, 4, 0, 0)",
    ] {
        store.run(text).await;
    }
    let (one, two) = tokio::join!(store.sum_older_generations(), other.sum_older_generations());
    assert_eq!(one.unwrap() + two.unwrap(), 2);
    assert_eq!(store.sum_older_generations().await.unwrap(), 0);
    check(&store).await;
    // Handed in again, it is known.
    settle(&store, Generation { created_at: 86_400_000_001, ..generation("gen-old-1", "key", 7) });
    check(&store).await;
    assert_eq!(&*store.generation("gen-old-2").await.unwrap().unwrap().model, "acme/one");
}

on_each_engine!(days_without_outlines_get_them);
async fn days_without_outlines_get_them(database: TestDatabase) {
    let settled = |n: i64| Generation {
        created_at: n % 5 * DAY,
        model: format!("acme/{}", n % 3).into(),
        is_byok: n % 7 == 0,
        app_title: (n % 2 == 0).then(|| format!("app {}", n % 4).into()),
        ..generation(format!("gen-{n}"), &format!("key-{}", n % 4), n)
    };
    let store = database.open().await;
    (0..60).for_each(|n| settle(&store, settled(n)));
    check(&store).await;
    let asked = ActivityQuery { until_day: 9, ..ActivityQuery::default() };
    let told = store.activity(&asked).await.unwrap();
    assert!(!told.is_empty());
    // As a version that knew no outlines left the database, and one that was stopped at work.
    for left in ["DELETE FROM usage_outline_day", "DELETE FROM usage_outline_day WHERE day < 3"] {
        store.run(left).await;
        let other = database.open().await;
        assert!(!other.is_outlined());
        assert_eq!(other.activity(&asked).await.unwrap(), told, "the days are asked");
        other.keep_house(&Retention::default(), 5 * DAY).await.unwrap();
        assert!(other.is_outlined());
        assert_eq!(other.activity(&asked).await.unwrap(), told);
        check(&other).await;
        other.close().await.unwrap();
    }
    if !database.is_postgres() {
        return;
    }
    // Settled beside this one by a node that knows none, and handed in later.
    for day in ["1", "4"] {
        let text = "UPDATE usage_outline_day SET requests = requests - 1 WHERE day = ";
        store
            .database()
            .session()
            .await
            .unwrap()
            .execute(Sql::composed(format!("{text}{day}")), &[])
            .await
            .unwrap();
        store.keep_house(&Retention::default(), 5 * DAY).await.unwrap();
        check(&store).await;
    }
}

on_each_engine!(minutes_leave_and_days_stay);
async fn minutes_leave_and_days_stay(database: TestDatabase) {
    let store = database.open().await;
    for n in 0..100 {
        let row = Generation { created_at: n * MINUTE, ..generation(format!("{n}"), "key", 1) };
        settle(&store, row);
    }
    let now = DAY + 70 * MINUTE;
    store.put_generation_content("0", &serde_json::json!({}), 0).await.unwrap();
    store.put_generation_content("99", &serde_json::json!({}), now).await.unwrap();
    store.settlements().flush().await.unwrap();
    let retention =
        Retention { minute_days: Some(1), content_days: Some(1), ..Retention::default() };
    for _ in 0..2 {
        store.keep_house(&retention, now).await.unwrap();
        let oldest = store.number("SELECT MIN(minute) AS n FROM usage_minute").await;
        let left = store.number("SELECT COUNT(*) AS n FROM usage_minute").await;
        assert_eq!((oldest, left), (70, 30));
    }
    assert_eq!(store.number("SELECT COUNT(*) AS n FROM generation").await, 100);
    assert_eq!(store.number("SELECT requests AS n FROM usage_day").await, 100);
    assert_eq!(store.generation_content("0").await.unwrap(), None);
    assert!(store.generation_content("99").await.unwrap().is_some());
    let nothing = Retention {
        generation_days: None,
        minute_days: None,
        content_days: None,
        stored_response_days: None,
    };
    store.keep_house(&nothing, now * 100).await.unwrap();
    assert_eq!(store.number("SELECT COUNT(*) AS n FROM usage_minute").await, 30);
}

on_each_engine!(texts_that_are_always_others_stay_in_their_rows_and_come_back);
async fn texts_that_are_always_others_stay_in_their_rows_and_come_back(database: TestDatabase) {
    let store = database.open().await;
    let row = |n: i64| Generation {
        user_agent: Some(format!("agent/{n}").into()),
        finish_reason: (n % 2 == 0).then(|| format!("reason {n}").into()),
        ..generation(format!("gen-{n}"), "key", 1)
    };
    for n in 0..300 {
        settle(&store, row(n));
    }
    store.settlements().flush().await.unwrap();
    for n in [0, 1, 150, 299] {
        assert_eq!(store.generation(&format!("gen-{n}")).await.unwrap(), Some(row(n)));
    }
    check(&store).await;
}
