//! What the two engines must have in common, and what only one of them has.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{TestDatabase, generation, on_each_engine};
use crate::engine::{Value, values};
use crate::{Actor, Generation, Micros, NewApiKey, Store, StoreError, Withheld};

const DAY: Micros = 86_400_000_000;

async fn settle(store: &Store, row: Generation) {
    store.settlements().reserve_slot().unwrap().settle(row).await.unwrap();
}

on_each_engine!(every_kind_of_value_comes_back_as_it_went_in);
async fn every_kind_of_value_comes_back_as_it_went_in(database: TestDatabase) {
    let store = database.open().await;
    let mut session = store.database().session().await.unwrap();
    // A table, since SQLite knows the type of a boolean only from its column.
    let text = match database.is_postgres() {
        true => "CREATE TEMPORARY TABLE kinds (t TEXT, i BIGINT, b BOOLEAN, y BYTEA)",
        false => "CREATE TEMPORARY TABLE kinds (t TEXT, i BIGINT, b BOOLEAN, y BLOB)",
    };
    session.execute(text, &[]).await.unwrap();
    let insert = "INSERT INTO kinds (t, i, b, y) VALUES ($1, $2, $3, $4)";
    let bytes: Vec<u8> = (0..=255).collect();
    let present = values!["ünï\u{10ffff}", i64::MIN, true, bytes.clone()];
    assert_eq!(session.execute(insert, present).await.unwrap(), 1);
    let absent =
        &[Value::Text(None), Value::Integer(None), Value::Boolean(None), Value::Bytes(None)];
    session.execute(insert, absent).await.unwrap();
    let rows = session.fetch_all("SELECT * FROM kinds ORDER BY i IS NULL", &[]).await.unwrap();
    assert_eq!(rows[0].try_get::<String>("t").unwrap(), "ünï\u{10ffff}");
    assert_eq!(rows[0].try_get::<i64>("i").unwrap(), i64::MIN);
    assert!(rows[0].try_get::<bool>("b").unwrap());
    assert_eq!(rows[0].try_get::<&[u8]>("y").unwrap(), bytes);
    assert_eq!(rows[1].try_get::<Option<&str>>("t").unwrap(), None);
    assert_eq!(rows[1].try_get::<Option<i64>>("i").unwrap(), None);
    assert_eq!(rows[1].try_get::<Option<bool>>("b").unwrap(), None);
    assert_eq!(rows[1].try_get::<Option<Vec<u8>>>("y").unwrap(), None);
}

on_each_engine!(text_is_ordered_by_its_bytes);
async fn text_is_ordered_by_its_bytes(database: TestDatabase) {
    let store = database.open().await;
    for name in ["b", "A", "a", "_", "é"] {
        store
            .overlay_put(crate::OverlayKind::Model, name, &json!({}), &Actor::system(), 0)
            .await
            .unwrap();
    }
    let listed = store.overlay_list().await.unwrap();
    let names: Vec<_> = listed.iter().map(|overlay| overlay.id.as_str()).collect();
    assert_eq!(names, ["A", "_", "a", "b", "é"]);
}

on_each_engine!(text_with_a_nul_character_is_refused_by_both_engines_alike);
async fn text_with_a_nul_character_is_refused_by_both_engines_alike(database: TestDatabase) {
    let store = database.open().await;
    let new = NewApiKey { name: "a\0b".into(), ..NewApiKey::default() };
    let refused = store.create_api_key(new, &Actor::system(), 0).await;
    assert!(matches!(refused, Err(StoreError::Invalid { what: "text", .. })));
    let unknown = store.api_key("a\0b").await;
    assert!(matches!(unknown, Err(StoreError::Invalid { .. })));
}

on_each_engine!(a_caller_s_nul_character_does_not_lose_a_settlement);
async fn a_caller_s_nul_character_does_not_lose_a_settlement(database: TestDatabase) {
    let store = database.open().await;
    let row = Generation { session_id: Some("s\0".into()), ..generation("gen-1", "key", 3) };
    settle(&store, row).await;
    assert_eq!(store.key_usage("key", 0).await.unwrap().usage.total, 3);
    assert!(store.generation("gen-1").await.unwrap().is_some());
}

on_each_engine!(a_change_dropped_or_refused_leaves_nothing_behind);
async fn a_change_dropped_or_refused_leaves_nothing_behind(database: TestDatabase) {
    let store = database.open().await;
    let revision = store.revision().await.unwrap();
    let mut change = store.database().begin_change().await.unwrap();
    change.execute("INSERT INTO setting VALUES ('a', '1')", &[]).await.unwrap();
    drop(change);
    let mut change = store.database().begin_change().await.unwrap();
    change.execute("INSERT INTO setting VALUES ('b', '1')", &[]).await.unwrap();
    assert!(change.execute("INSERT INTO setting VALUES ('b', '1')", &[]).await.is_err());
    drop(change);
    assert_eq!(store.revision().await.unwrap(), revision);
    assert!(store.snapshot().await.unwrap().settings.is_empty());
}

on_each_engine!(changes_of_several_processes_follow_one_upon_the_other);
async fn changes_of_several_processes_follow_one_upon_the_other(database: TestDatabase) {
    let (one, two) = (database.open().await, database.open().await);
    let before = one.revision().await.unwrap();
    let tasks: Vec<_> = (0..20)
        .map(|n| {
            let store = if n % 2 == 0 { one.clone() } else { two.clone() };
            tokio::spawn(async move {
                // Reads, then writes what it has read: a lost update would show.
                let mut change = store.database().begin_change().await.unwrap();
                let text = "SELECT value FROM setting WHERE name = 'count'";
                let row = change.fetch_optional(text, &[]).await.unwrap();
                let count = row.map_or(0, |row| {
                    row.try_get::<String>("value").unwrap().parse::<i64>().unwrap()
                });
                let text = "INSERT INTO setting (name, value) VALUES ('count', $1) \
                            ON CONFLICT (name) DO UPDATE SET value = excluded.value";
                change.execute(text, values![(count + 1).to_string()]).await.unwrap();
                change.commit().await.unwrap();
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(one.setting("count").await.unwrap(), Some(json!(20)));
    assert_eq!(one.revision().await.unwrap().number(), before.number() + 20);
}

on_each_engine!(a_change_by_another_process_is_told);
async fn a_change_by_another_process_is_told(database: TestDatabase) {
    let (server, tool) = (database.open().await, database.open().await);
    let mut changes = server.changes(server.revision().await.unwrap());
    for n in 0..3 {
        let (told, ()) = tokio::join!(changes.next(), async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            tool.put_setting("a", &json!(n), &Actor::system(), 1).await.unwrap();
        });
        assert_eq!(told.unwrap(), server.revision().await.unwrap());
    }
    let nothing = tokio::time::timeout(Duration::from_millis(700), changes.next()).await;
    assert!(nothing.is_err(), "no change, nothing told");

    // What changes while nobody waits is told to whoever waits next.
    tool.put_setting("a", &json!(9), &Actor::system(), 1).await.unwrap();
    assert_eq!(changes.next().await.unwrap(), server.revision().await.unwrap());
    // A watcher that was never asked again does not keep the store from closing.
    server.close().await.unwrap();
}

on_each_engine!(a_revision_of_the_same_number_after_the_database_was_put_back_is_another);
async fn a_revision_of_the_same_number_after_the_database_was_put_back_is_another(
    database: TestDatabase,
) {
    let (server, tool) = (database.open().await, database.open().await);
    tool.put_setting("a", &json!(1), &Actor::system(), 1).await.unwrap();
    let before = server.snapshot().await.unwrap().revision;
    let mut changes = server.changes(before.clone());
    // Back by a change that the server knows, and another one in its place.
    tool.run("UPDATE control_revision SET revision = revision - 1").await;
    tool.put_setting("a", &json!(2), &Actor::system(), 1).await.unwrap();
    let told = changes.next().await.unwrap();
    assert_eq!((told.number(), told != before), (before.number(), true));
    assert_eq!(told, server.snapshot().await.unwrap().revision);
    // Raised by hand it is another one too.
    tool.run("UPDATE control_revision SET revision = revision + 1").await;
    assert_ne!(server.revision().await.unwrap(), told);
}

#[tokio::test]
async fn postgresql_tells_of_changes_at_once_also_after_it_cut_the_connection() {
    let Some(database) = TestDatabase::postgres().await else { return };
    let (server, tool) = (database.open().await, database.open().await);
    let mut changes = server.changes(server.revision().await.unwrap());
    tool.put_setting("a", &json!(0), &Actor::system(), 1).await.unwrap();
    changes.next().await.unwrap();
    for cut in [false, true, false] {
        if cut {
            let cut = "SELECT COUNT(pg_terminate_backend(pid)) AS n FROM pg_stat_activity \
                       WHERE datname = current_database() AND pid <> pg_backend_pid()";
            assert!(tool.number(cut).await >= 1);
        }
        let waiting = async {
            let told = changes.next().await.unwrap();
            (told, Instant::now())
        };
        let ((told, at), changed) = tokio::join!(waiting, async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            tool.put_setting("a", &json!(1), &Actor::system(), 1).await.unwrap();
            Instant::now()
        });
        assert_eq!(told, tool.revision().await.unwrap());
        let late = at.saturating_duration_since(changed);
        // Who listens reads the revision unasked only every ten seconds.
        assert!(late < Duration::from_secs(5), "told after {late:?}");
    }
}

#[tokio::test]
async fn settlements_and_reads_survive_a_server_that_cuts_every_connection() {
    let Some(database) = TestDatabase::postgres().await else { return };
    let (store, other) = (database.open().await, database.open().await);
    for n in 0..3 {
        settle(&store, generation(format!("gen-{n}"), "key", 1)).await;
        let cut = "SELECT COUNT(pg_terminate_backend(pid)) AS n FROM pg_stat_activity \
                   WHERE datname = current_database() AND pid <> pg_backend_pid()";
        assert!(other.number(cut).await >= 1);
        assert_eq!(store.key_usage("key", 0).await.unwrap().requests, n + 1);
    }
}

on_each_engine!(generations_of_days_that_are_over_leave_and_the_roll_up_stays);
async fn generations_of_days_that_are_over_leave_and_the_roll_up_stays(database: TestDatabase) {
    let store = database.open().await;
    let settlements = store.settlements();
    for n in 0..1_300_i64 {
        let created_at = if n < 1_200 { n % 3 * DAY + n } else { 3 * DAY + n };
        let row = Generation { created_at, ..generation(format!("gen-{n}"), "key", 1) };
        drop(settlements.reserve_slot().unwrap().settle(row));
    }
    settlements.flush().await.unwrap();
    store.remove_generations_before(2 * DAY + 5).await.unwrap();
    let left = store.number("SELECT COUNT(*) AS n FROM generation").await;
    let oldest = store.number("SELECT MIN(created_at) AS n FROM generation").await;
    assert_eq!((left, oldest), (500, 2 * DAY + 2));
    assert_eq!(store.key_usage("key", 0).await.unwrap().requests, 1_300);
    // Doing it again, and preparing, is no harm.
    store.remove_generations_before(2 * DAY).await.unwrap();
    store.prepare_days(3 * DAY).await.unwrap();
    store.prepare_days(4 * DAY).await.unwrap();
    settle(&store, Generation { created_at: 11 * DAY, ..generation("later", "key", 1) }).await;
    assert_eq!(store.number("SELECT COUNT(*) AS n FROM generation").await, 501);
    assert_eq!(store.withheld_settlements().await.unwrap(), Withheld::default());
}

#[tokio::test]
async fn days_without_room_get_it_from_several_nodes_at_once() {
    let Some(database) = TestDatabase::postgres().await else { return };
    let (one, two) = (database.open().await, database.open().await);
    let settled: Vec<_> = (0..40)
        .map(|n| {
            let store = if n % 2 == 0 { &one } else { &two };
            let created_at = (100 + n / 4) * DAY;
            let row = Generation { created_at, ..generation(format!("gen-{n}"), "key", 1) };
            store.settlements().reserve_slot().unwrap().settle(row)
        })
        .collect();
    for committed in settled {
        committed.await.unwrap();
    }
    assert_eq!(one.key_usage("key", 0).await.unwrap().requests, 40);
}

on_each_engine!(an_identity_that_tells_another_day_than_its_row_is_found_all_the_same);
async fn an_identity_that_tells_another_day_than_its_row_is_found_all_the_same(
    database: TestDatabase,
) {
    let store = database.open().await;
    let late = Generation { created_at: 9 * DAY, ..generation("gen-86400-late", "key", 1) };
    let prompt = Generation { created_at: DAY + 1, ..generation("gen-86400-now", "key", 1) };
    settle(&store, late.clone()).await;
    settle(&store, prompt.clone()).await;
    assert_eq!(store.generation("gen-86400-late").await.unwrap(), Some(late));
    assert_eq!(store.generation("gen-86400-now").await.unwrap(), Some(prompt));
}

#[tokio::test]
async fn each_partition_has_the_indexes_of_the_whole_and_no_more() {
    let Some(database) = TestDatabase::postgres().await else { return };
    let store = database.open().await;
    let indexes = "SELECT COUNT(*) AS n FROM pg_indexes WHERE tablename LIKE 'generation_day_%'";
    let partitions = "SELECT COUNT(*) AS n FROM pg_inherits \
                      WHERE inhparent = 'generation'::regclass";
    assert_eq!(store.number(partitions).await, 9);
    assert_eq!(store.number(indexes).await, 5 * 9);
}

on_each_engine!(a_node_of_an_older_version_goes_on_beside_a_newer_one);
async fn a_node_of_an_older_version_goes_on_beside_a_newer_one(database: TestDatabase) {
    let older = database.open().await;
    let new = NewApiKey { name: "k".into(), ..NewApiKey::default() };
    older.create_api_key(new.clone(), &Actor::system(), 0).await.unwrap();
    older.snapshot().await.unwrap();
    // What the newer version's migrations do, while statements of the older one are prepared.
    let newer = database.open().await;
    for text in [
        "ALTER TABLE api_key ADD COLUMN novelty TEXT",
        "ALTER TABLE provider_credential ADD COLUMN novelty TEXT",
        "ALTER TABLE workspace ADD COLUMN novelty TEXT",
        "ALTER TABLE generation ADD COLUMN novelty TEXT",
    ] {
        newer.run(text).await;
    }
    older.create_api_key(new, &Actor::system(), 0).await.unwrap();
    assert_eq!(older.snapshot().await.unwrap().keys.len(), 2);
    settle(&older, generation("gen-1", "key", 1)).await;
    assert!(older.generation("gen-1").await.unwrap().is_some());
}

#[test]
fn sqlite_is_compiled_as_the_books_want_it() {
    let connection = rusqlite::Connection::open_in_memory().unwrap();
    let mut statement = connection.prepare("PRAGMA compile_options").unwrap();
    let options: Vec<String> =
        statement.query_map((), |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let has = |option: &str| options.iter().any(|told| told == option);
    // `.cargo/config.toml` is read only where cargo runs inside the repository.
    assert!(has("DEFAULT_MEMSTATUS=0") && has("OMIT_SHARED_CACHE"), "{options:?}");
    assert!(!has("ENABLE_MEMORY_MANAGEMENT") && !has("ENABLE_LOAD_EXTENSION"), "{options:?}");
}

on_each_engine!(a_zero_that_was_told_is_kept);
async fn a_zero_that_was_told_is_kept(database: TestDatabase) {
    let store = database.open().await;
    let row = Generation { request_bytes: Some(0), ..generation("gen-1", "key", 1) };
    settle(&store, row).await;
    let read = store.generation("gen-1").await.unwrap().unwrap();
    assert_eq!((read.request_bytes, read.response_bytes), (Some(0), None));
}
