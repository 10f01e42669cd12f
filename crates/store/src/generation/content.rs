//! Prompts and answers of generations, kept only where a workspace asks for it, and for a time of
//! their own (GEN-5, IOLOG-1).

use serde_json::Value as Json;

use crate::engine::values;
use crate::{Micros, Store, StoreError};

/// Rows per transaction when old content is removed.
const BATCH: i64 = 200;

impl Store {
    /// Keeps the content of a generation; what is kept already stays as it is.
    pub async fn put_generation_content(
        &self,
        generation_id: &str,
        content: &Json,
        now: Micros,
    ) -> Result<(), StoreError> {
        let mut write = self.database().begin_write().await?;
        let text = "INSERT INTO generation_content (generation_id, created_at, document) \
                    VALUES ($1, $2, $3) ON CONFLICT (generation_id) DO NOTHING";
        write.execute(text, values![generation_id, now, content.to_string()]).await?;
        write.commit().await
    }

    /// The content of a generation, if it was kept.
    pub async fn generation_content(
        &self,
        generation_id: &str,
    ) -> Result<Option<Json>, StoreError> {
        let text = "SELECT document FROM generation_content WHERE generation_id = $1";
        let Some(row) = self.database().fetch_optional(text, values![generation_id]).await? else {
            return Ok(None);
        };
        let document: &str = row.try_get("document")?;
        serde_json::from_str(document).map(Some).map_err(|error| StoreError::Corrupt {
            what: "generation content",
            reason: error.to_string(),
        })
    }

    /// Removes the content kept before a moment, a few rows at a time.
    pub async fn remove_generation_content_before(&self, moment: Micros) -> Result<(), StoreError> {
        loop {
            let mut write = self.database().begin_write().await?;
            let text = "DELETE FROM generation_content WHERE generation_id IN \
                        (SELECT generation_id FROM generation_content WHERE created_at < $1 LIMIT $2)";
            let removed = write.execute(text, values![moment, BATCH]).await?;
            write.commit().await?;
            if removed == 0 {
                return Ok(());
            }
        }
    }
}
