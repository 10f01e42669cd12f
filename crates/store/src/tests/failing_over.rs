//! A database in another one's place: a server that lacks the last commits of the one before, and a
//! file put where another was.

use super::{TestDatabase, generation};
use crate::{Actor, Generation, NewApiKey, Store, StoreError};

/// Forgets usage, as a server that never had it.
const LACK: &str = "TRUNCATE generation, usage_series, usage_minute, usage_day, \
                    usage_outline_day, key_usage_day, price_list RESTART IDENTITY";

/// Ends the connections of everybody else.
const CUT: &str = "SELECT COUNT(pg_terminate_backend(pid)) AS n FROM pg_stat_activity \
                   WHERE datname = current_database() AND pid <> pg_backend_pid()";

async fn settle(store: &Store, row: Generation) {
    store.settlements().reserve_slot().unwrap().settle(row).await.unwrap();
}

fn priced(id: &str, key: &str) -> Generation {
    let (version, prices) = (Some("v1".into()), Some("{}".into()));
    Generation { price_version: version, prices, ..generation(id, key, 7) }
}

async fn charged(store: &Store, key: &str) -> (i64, i64) {
    let usage = store.key_usage(key, 0).await.unwrap();
    (usage.requests, usage.usage.total)
}

#[tokio::test]
async fn what_one_server_had_is_not_believed_of_the_next() {
    let Some(database) = TestDatabase::postgres().await else { return };
    let (store, other) = (database.open().await, database.open().await);
    settle(&store, priced("gen-1", "mine")).await;
    other.run(LACK).await;
    assert!(other.number(CUT).await >= 1);
    // The numbers go to somebody else.
    settle(&other, generation("gen-2", "theirs", 5)).await;
    settle(&store, priced("gen-3", "mine")).await;
    assert_eq!(charged(&store, "theirs").await, (1, 5));
    assert_eq!(charged(&store, "mine").await, (1, 7));
    let row = store.generation("gen-3").await.unwrap().unwrap();
    assert_eq!(row.prices.as_deref(), Some("{}"));
}

#[tokio::test]
async fn usage_of_a_series_that_is_not_there_is_not_dropped() {
    let Some(database) = TestDatabase::postgres().await else { return };
    for what in ["DELETE FROM usage_series", "DELETE FROM usage_series WHERE key_hash = ''"] {
        let (store, other) = (database.open().await, database.open().await);
        other.run(LACK).await;
        settle(&store, priced("gen-1", "mine")).await;
        // Behind the back of a connection that stays.
        assert!(other.run(what).await > 0);
        settle(&store, priced("gen-2", "mine")).await;
        assert_eq!(charged(&store, "mine").await, (2, 14), "{what}");
        let lost = "SELECT COUNT(*) AS n FROM usage_outline_day \
                    WHERE series NOT IN (SELECT id FROM usage_series)";
        let outlined = "SELECT COUNT(*) AS n FROM usage_outline_day \
                        WHERE series IN (SELECT id FROM usage_series)";
        assert!(other.number(lost).await > 0, "those of the first row");
        assert_eq!(other.number(outlined).await, 3, "{what}");
        store.close().await.unwrap();
        other.close().await.unwrap();
    }
}

#[tokio::test]
async fn nothing_is_written_into_a_file_that_is_not_at_its_place_any_more() {
    let database = TestDatabase::sqlite();
    let (path, aside) = (database.path(), database.path().with_extension("aside"));
    for is_replaced in [false, true] {
        let store = database.open_with_journal(10).await;
        settle(&store, priced(&format!("gen-{is_replaced}"), "key")).await;
        store.settlements().flush().await.unwrap();
        std::fs::rename(&path, &aside).unwrap();
        if is_replaced {
            std::fs::copy(&aside, &path).unwrap();
        }
        settle(&store, priced(&format!("gen-{is_replaced}-later"), "key")).await;
        assert!(store.settlements().flush().await.is_err());
        let told = store.settlements().trouble().unwrap();
        assert!(told.contains(if is_replaced { "was replaced" } else { "is gone" }), "{told}");
        let changed = store.put_setting("a", &1.into(), &Actor::system(), 0).await;
        assert!(matches!(changed, Err(StoreError::Unreachable(_))), "{changed:?}");
        std::fs::rename(&aside, &path).unwrap();
        store.settlements().flush().await.unwrap();
        let requests = if is_replaced { 4 } else { 2 };
        assert_eq!(charged(&store, "key").await, (requests, 7 * requests));
        store.close().await.unwrap();
    }
}

/// A server that lets itself be read only, as a standby does that was not promoted yet.
#[tokio::test]
async fn a_server_that_takes_no_writes_is_away_for_those_who_change_something() {
    const TURN: &str = "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET \
                        default_transaction_read_only = on', current_database()); END $$";
    const TURN_BACK: &str = "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I RESET \
                             default_transaction_read_only', current_database()); END $$";
    let Some(database) = TestDatabase::postgres().await else { return };
    let (store, other) = (database.open_with_journal(10).await, database.open().await);
    other.run(TURN).await;
    assert!(other.number(CUT).await >= 1);
    let new = NewApiKey { name: "k".into(), ..NewApiKey::default() };
    let changed = store.create_api_key(new.clone(), &Actor::system(), 0).await;
    assert!(matches!(changed, Err(StoreError::Unreachable(_))), "{changed:?}");
    assert!(matches!(store.ping().await, Err(StoreError::Unreachable(_))));
    assert!(store.snapshot().await.is_ok(), "it can be read");
    settle(&store, generation("gen-1", "key", 5)).await;
    let _ = store.settlements().flush().await;
    assert!(store.settlements().is_database_away());
    let mut session = other.database().session().await.unwrap();
    session.execute("SET default_transaction_read_only = off", &[]).await.unwrap();
    session.execute(TURN_BACK, &[]).await.unwrap();
    drop(session);
    assert!(other.number(CUT).await >= 1);
    store.settlements().flush().await.unwrap();
    assert!(!store.settlements().is_database_away());
    assert_eq!(charged(&store, "key").await, (1, 5));
    store.ping().await.unwrap();
    store.create_api_key(new, &Actor::system(), 0).await.unwrap();
}

#[tokio::test]
async fn a_file_that_takes_no_writes_is_away_for_those_who_change_something() {
    let database = TestDatabase::sqlite();
    let store = database.open().await;
    for (pragma, back) in [
        ("PRAGMA query_only = ON", "PRAGMA query_only = OFF"),
        // As a full disk.
        ("PRAGMA max_page_count = 1", "PRAGMA max_page_count = 1000000"),
    ] {
        let mut session = store.database().session().await.unwrap();
        session.execute(pragma, &[]).await.unwrap();
        let text = "INSERT INTO setting (name, value) VALUES ('a', hex(zeroblob(90000)))";
        let refused = session.execute(text, &[]).await;
        assert!(matches!(refused, Err(StoreError::Unreachable(_))), "{pragma}: {refused:?}");
        session.execute(back, &[]).await.unwrap();
    }
}
