//! Answers of the Responses API that a workspace keeps, each with what was asked, so that a
//! conversation can go on from it. The texts are sealed with the master key.

use std::time::Duration;

use crate::engine::{Row, values};
use crate::{MasterKey, Micros, Store, StoreError};

/// Rows per transaction when old ones are removed: they may be large.
const BATCH: i64 = 50;

/// How long a conversation may take to be read.
const PATIENCE: Duration = Duration::from_secs(5);

/// An answer that is kept, with what was asked for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredResponse {
    /// The id its caller knows.
    pub id: String,
    /// The answer the request went on from.
    pub previous_id: Option<String>,
    /// The workspace, which alone may read it.
    pub workspace_id: String,
    /// The key that asked.
    pub key_hash: String,
    /// The model that answered.
    pub model: String,
    /// Microseconds since the Unix epoch.
    pub created_at: Micros,
    /// When it is gone; `None`: it stays.
    pub expires_at: Option<Micros>,
    /// How many items were asked and answered.
    pub items: i64,
    /// The items of the request itself, without those before it: a JSON array.
    pub input: String,
    /// The answer as its caller got it: a JSON object.
    pub response: String,
}

/// What was asked and answered in one turn of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredTurn {
    /// A JSON array of items.
    pub input: String,
    /// The answer: a JSON object.
    pub response: String,
}

/// The most of a conversation that is read at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChainBounds {
    /// Items asked and answered; turns are not more.
    pub items: i64,
    /// Their bytes.
    pub bytes: i64,
}

/// A conversation up to an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoredChain {
    /// All turns, oldest first.
    Whole(Vec<StoredTurn>),
    /// The workspace has no such answer.
    Unknown,
    /// An answer before it is gone.
    Broken,
    /// It is longer than the bounds.
    TooLong,
}

/// Walks back from an answer while the sums are within bounds. Texts beyond them are not read.
const CHAIN: &str = "\
    WITH RECURSIVE chain (id, previous_id, items, bytes, depth) AS ( \
        SELECT id, previous_id, items, bytes, CAST(1 AS BIGINT) FROM stored_response \
        WHERE id = $1 AND workspace_id = $2 AND (expires_at IS NULL OR expires_at > $3) \
        UNION ALL \
        SELECT earlier.id, earlier.previous_id, chain.items + earlier.items, \
               chain.bytes + earlier.bytes, chain.depth + 1 \
        FROM chain JOIN stored_response AS earlier ON earlier.id = chain.previous_id \
        WHERE earlier.workspace_id = $2 \
          AND (earlier.expires_at IS NULL OR earlier.expires_at > $3) \
          AND chain.items <= $4 AND chain.bytes <= $5 AND chain.depth <= $4 \
    ) \
    SELECT chain.id AS id, chain.previous_id AS previous_id, \
           chain.items <= $4 AND chain.bytes <= $5 AND chain.depth <= $4 AS fits, \
           CASE WHEN chain.items <= $4 AND chain.bytes <= $5 THEN stored_response.input END \
               AS input, \
           CASE WHEN chain.items <= $4 AND chain.bytes <= $5 THEN stored_response.response END \
               AS response \
    FROM chain JOIN stored_response ON stored_response.id = chain.id \
    ORDER BY chain.depth DESC";

impl Store {
    /// Keeps an answer. One that is there already stays as it is.
    pub async fn put_stored_response(&self, kept: StoredResponse) -> Result<(), StoreError> {
        let bytes = kept.input.len().saturating_add(kept.response.len());
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        let key = self.master_key().clone();
        // What is sealed may be long; whoever serves is not held up by it.
        let (kept, input, response) = blocking(move || {
            let context = |part| context(part, &kept.workspace_id, &kept.id);
            let input = key.seal(&context("input"), &kept.input)?;
            let response = key.seal(&context("response"), &kept.response)?;
            Ok((kept, input, response))
        })
        .await?;
        let mut write = self.database().begin_write().await?;
        let text = "INSERT INTO stored_response (id, previous_id, workspace_id, key_hash, model, \
                    created_at, expires_at, items, bytes, input, response) \
                    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) \
                    ON CONFLICT (id) DO NOTHING";
        let values = values![
            &kept.id,
            &kept.previous_id,
            &kept.workspace_id,
            &kept.key_hash,
            &kept.model,
            kept.created_at,
            kept.expires_at,
            kept.items,
            bytes,
            input,
            response,
        ];
        write.execute(text, values).await?;
        write.commit().await
    }

    /// An answer that a workspace keeps; `None` where there is none, or it is another's.
    pub async fn stored_response(
        &self,
        id: &str,
        workspace_id: &str,
        now: Micros,
    ) -> Result<Option<StoredResponse>, StoreError> {
        let text = "SELECT id, previous_id, workspace_id, key_hash, model, created_at, \
                    expires_at, items, input, response FROM stored_response \
                    WHERE id = $1 AND workspace_id = $2 \
                    AND (expires_at IS NULL OR expires_at > $3)";
        // No id of an answer has one, and a database could not be asked for it.
        if id.contains('\0') {
            return Ok(None);
        }
        let found = self.database().fetch_optional(text, values![id, workspace_id, now]).await?;
        let Some(row) = found else { return Ok(None) };
        let (input, response) = (row.try_get("input")?, row.try_get("response")?);
        let turn = self.opened(workspace_id, vec![(id.to_owned(), input, response)]).await?;
        let turn = turn.into_iter().next().ok_or_else(|| unreadable(id))?;
        stored(&row, turn).map(Some)
    }

    /// The key that asked for an answer that a workspace keeps; `None` where there is none, or it is
    /// another's. Nothing is opened for it.
    pub async fn key_of_stored_response(
        &self,
        id: &str,
        workspace_id: &str,
        now: Micros,
    ) -> Result<Option<String>, StoreError> {
        if id.contains('\0') {
            return Ok(None);
        }
        let text = "SELECT key_hash FROM stored_response WHERE id = $1 AND workspace_id = $2 \
                    AND (expires_at IS NULL OR expires_at > $3)";
        let found = self.database().fetch_optional(text, values![id, workspace_id, now]).await?;
        found.map(|row| row.try_get("key_hash")).transpose()
    }

    /// The conversation up to an answer that a workspace keeps.
    pub async fn stored_chain(
        &self,
        id: &str,
        workspace_id: &str,
        bounds: ChainBounds,
        now: Micros,
    ) -> Result<StoredChain, StoreError> {
        if id.contains('\0') {
            return Ok(StoredChain::Unknown);
        }
        let values = values![id, workspace_id, now, bounds.items, bounds.bytes];
        let rows = self.database().fetch_all_within(PATIENCE, CHAIN, values).await?;
        let Some(oldest) = rows.first() else { return Ok(StoredChain::Unknown) };
        if !oldest.try_get::<bool>("fits")? {
            return Ok(StoredChain::TooLong);
        }
        if oldest.try_get::<Option<&str>>("previous_id")?.is_some() {
            return Ok(StoredChain::Broken);
        }
        let sealed = rows
            .iter()
            .map(|row| Ok((row.try_get("id")?, row.try_get("input")?, row.try_get("response")?)))
            .collect::<Result<Vec<_>, StoreError>>()?;
        self.opened(workspace_id, sealed).await.map(StoredChain::Whole)
    }

    /// Removes an answer that a workspace keeps. Says whether there was one.
    pub async fn remove_stored_response(
        &self,
        id: &str,
        workspace_id: &str,
        now: Micros,
    ) -> Result<bool, StoreError> {
        if id.contains('\0') {
            return Ok(false);
        }
        let mut write = self.database().begin_write().await?;
        let text = "DELETE FROM stored_response WHERE id = $1 AND workspace_id = $2 \
                    AND (expires_at IS NULL OR expires_at > $3)";
        let removed = write.execute(text, values![id, workspace_id, now]).await?;
        write.commit().await?;
        Ok(removed > 0)
    }

    /// Removes the answers whose time is over, a few at a time.
    pub async fn remove_expired_responses(&self, now: Micros) -> Result<(), StoreError> {
        loop {
            let mut write = self.database().begin_write().await?;
            let text = "DELETE FROM stored_response WHERE id IN \
                        (SELECT id FROM stored_response WHERE expires_at <= $1 LIMIT $2)";
            let removed = write.execute(text, values![now, BATCH]).await?;
            write.commit().await?;
            if removed == 0 {
                return Ok(());
            }
        }
    }

    /// Removes the answers kept before a moment, for a time that was made shorter since.
    pub async fn remove_responses_before(&self, moment: Micros) -> Result<(), StoreError> {
        loop {
            let mut write = self.database().begin_write().await?;
            let text = "DELETE FROM stored_response WHERE id IN \
                        (SELECT id FROM stored_response WHERE created_at < $1 LIMIT $2)";
            let removed = write.execute(text, values![moment, BATCH]).await?;
            write.commit().await?;
            if removed == 0 {
                return Ok(());
            }
        }
    }

    /// Opens what is sealed of a workspace's answers: id, input and answer of each.
    async fn opened(
        &self,
        workspace_id: &str,
        sealed: Vec<(String, Vec<u8>, Vec<u8>)>,
    ) -> Result<Vec<StoredTurn>, StoreError> {
        let (key, workspace_id) = (self.master_key().clone(), workspace_id.to_owned());
        blocking(move || {
            let open = |part, id: &str, sealed: &[u8]| open(&key, part, &workspace_id, id, sealed);
            let turns = sealed.iter().map(|(id, input, response)| {
                Ok(StoredTurn {
                    input: open("input", id, input)?,
                    response: open("response", id, response)?,
                })
            });
            turns.collect()
        })
        .await
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| StoreError::Database(Box::new(error)))?
}

/// What a text is bound to, so that none can stand in for another.
fn context(part: &str, workspace_id: &str, id: &str) -> String {
    format!("stored response {part} {workspace_id} {id}")
}

fn open(
    key: &MasterKey,
    part: &str,
    workspace_id: &str,
    id: &str,
    sealed: &[u8],
) -> Result<String, StoreError> {
    let plain = key.open(&context(part, workspace_id, id), sealed).ok_or_else(|| unreadable(id))?;
    Ok(plain.as_str().to_owned())
}

fn unreadable(id: &str) -> StoreError {
    let reason = format!("{id} was sealed with another key, or changed");
    StoreError::Corrupt { what: "stored response", reason }
}

fn stored(row: &Row, turn: StoredTurn) -> Result<StoredResponse, StoreError> {
    Ok(StoredResponse {
        id: row.try_get("id")?,
        previous_id: row.try_get("previous_id")?,
        workspace_id: row.try_get("workspace_id")?,
        key_hash: row.try_get("key_hash")?,
        model: row.try_get("model")?,
        created_at: row.try_get("created_at")?,
        expires_at: row.try_get("expires_at")?,
        items: row.try_get("items")?,
        input: turn.input,
        response: turn.response,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{TestDatabase, on_each_engine};
    use crate::{Retention, Store};

    const BOUNDS: ChainBounds = ChainBounds { items: 1_000, bytes: 16 << 20 };

    fn kept(id: &str, previous: Option<&str>) -> StoredResponse {
        StoredResponse {
            id: id.to_owned(),
            previous_id: previous.map(str::to_owned),
            workspace_id: "ws".to_owned(),
            key_hash: "key".to_owned(),
            model: "acme/one".to_owned(),
            created_at: 10,
            expires_at: Some(100),
            items: 2,
            input: format!("[\"asked {id}\"]"),
            response: format!("{{\"output\":[\"told {id}\"]}}"),
        }
    }

    async fn put(store: &Store, rows: &[StoredResponse]) {
        for row in rows {
            store.put_stored_response(row.clone()).await.unwrap();
        }
    }

    async fn chain(store: &Store, id: &str, bounds: ChainBounds) -> StoredChain {
        store.stored_chain(id, "ws", bounds, 50).await.unwrap()
    }

    on_each_engine!(an_answer_is_its_workspaces_alone_until_it_is_removed_or_over);
    async fn an_answer_is_its_workspaces_alone_until_it_is_removed_or_over(database: TestDatabase) {
        let store = database.open().await;
        let row = kept("a", None);
        put(&store, &[row.clone(), StoredResponse { input: "[]".into(), ..row.clone() }]).await;
        let key = store.key_of_stored_response("a", "ws", 50).await.unwrap();
        assert_eq!(key.as_ref(), Some(&row.key_hash));
        assert_eq!(store.stored_response("a", "ws", 50).await.unwrap(), Some(row));
        for (id, workspace, now) in [("a", "other", 50), ("b", "ws", 50), ("a", "ws", 100)] {
            assert_eq!(store.stored_response(id, workspace, now).await.unwrap(), None);
            assert_eq!(store.key_of_stored_response(id, workspace, now).await.unwrap(), None);
            assert!(!store.remove_stored_response(id, workspace, now).await.unwrap());
            let chain = store.stored_chain(id, workspace, BOUNDS, now).await.unwrap();
            assert_eq!(chain, StoredChain::Unknown);
        }
        assert_eq!(store.stored_response("a\0", "ws", 50).await.unwrap(), None);
        assert!(store.remove_stored_response("a", "ws", 50).await.unwrap());
        assert!(!store.remove_stored_response("a", "ws", 50).await.unwrap());
    }

    on_each_engine!(a_conversation_is_read_whole_or_not_at_all);
    async fn a_conversation_is_read_whole_or_not_at_all(database: TestDatabase) {
        let store = database.open().await;
        let rows = [kept("a", None), kept("b", Some("a")), kept("c", Some("b"))];
        put(&store, &rows).await;
        let turn = |row: &StoredResponse| StoredTurn {
            input: row.input.clone(),
            response: row.response.clone(),
        };
        let whole = StoredChain::Whole(rows.iter().map(turn).collect());
        assert_eq!(chain(&store, "c", BOUNDS).await, whole);
        // The branch that goes on from an answer in the middle is one of its own.
        let half = StoredChain::Whole(rows[..2].iter().map(turn).collect());
        assert_eq!(chain(&store, "b", BOUNDS).await, half);
        let bytes: usize = rows.iter().map(|row| row.input.len() + row.response.len()).sum();
        let just = ChainBounds { items: 6, bytes: i64::try_from(bytes).unwrap() };
        assert_eq!(chain(&store, "c", just).await, whole);
        for short in [
            ChainBounds { items: 5, ..just },
            ChainBounds { items: 1, ..just },
            ChainBounds { bytes: just.bytes - 1, ..just },
        ] {
            assert_eq!(chain(&store, "c", short).await, StoredChain::TooLong);
        }
        put(&store, &[StoredResponse { workspace_id: "other".into(), ..kept("x", None) }]).await;
        put(&store, &[kept("y", Some("x")), kept("z", Some("gone"))]).await;
        assert_eq!(chain(&store, "y", BOUNDS).await, StoredChain::Broken);
        assert_eq!(chain(&store, "z", BOUNDS).await, StoredChain::Broken);
        store.remove_stored_response("a", "ws", 50).await.unwrap();
        assert_eq!(chain(&store, "c", BOUNDS).await, StoredChain::Broken);
    }

    on_each_engine!(a_circle_has_an_end);
    async fn a_circle_has_an_end(database: TestDatabase) {
        let store = database.open().await;
        let empty = |id, previous| StoredResponse { items: 0, ..kept(id, Some(previous)) };
        put(&store, &[empty("a", "b"), empty("b", "a"), empty("c", "c")]).await;
        let bounds = ChainBounds { items: 50, ..BOUNDS };
        for id in ["a", "c"] {
            assert_eq!(chain(&store, id, bounds).await, StoredChain::TooLong);
        }
    }

    on_each_engine!(what_is_kept_goes_when_its_time_is_over_or_made_shorter);
    async fn what_is_kept_goes_when_its_time_is_over_or_made_shorter(database: TestDatabase) {
        const DAY: Micros = 24 * 3_600 * 1_000_000;
        let store = database.open().await;
        for n in 0..120 {
            put(&store, &[kept(&format!("old-{n}"), None)]).await;
        }
        let late = |id, expires_at| StoredResponse { expires_at, ..kept(id, None) };
        put(&store, &[late("long", Some(90 * DAY)), late("ever", None)]).await;
        let count = "SELECT COUNT(*) AS n FROM stored_response";
        let for_ever = Retention { stored_response_days: None, ..Retention::default() };
        store.keep_house(&for_ever, 100).await.unwrap();
        assert_eq!(store.number(count).await, 2);
        store.keep_house(&Retention::default(), 29 * DAY).await.unwrap();
        assert_eq!(store.number(count).await, 2);
        store.keep_house(&Retention::default(), 31 * DAY).await.unwrap();
        assert_eq!(store.number(count).await, 0);
    }

    #[tokio::test]
    async fn nothing_that_was_said_can_be_read_in_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("trunkline.db");
        let key = MasterKey::generate().unwrap();
        let store = Store::open(&path, key.clone(), 0).await.unwrap();
        put(&store, &[kept("gen-7", None)]).await;
        store.close().await.unwrap();
        for entry in std::fs::read_dir(folder.path()).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                let bytes = std::fs::read(&path).unwrap();
                for said in ["asked gen-7", "told gen-7"] {
                    let is_there = bytes.windows(said.len()).any(|part| part == said.as_bytes());
                    assert!(!is_there, "{path:?}");
                }
            }
        }
        let store = Store::open(&path, key, 0).await.unwrap();
        // A row that was put in the place of another does not open.
        store.run("UPDATE stored_response SET workspace_id = 'other'").await;
        let moved = store.stored_response("gen-7", "other", 50).await;
        assert!(matches!(moved, Err(StoreError::Corrupt { .. })), "{moved:?}");
    }
}
