//! The catalogue overlay: documents an operator puts over the built-in catalogue. The store keeps
//! them as they are; what they mean is the catalogue's business.

use serde_json::Value;

use crate::audit::Deed;
use crate::engine::{Session, values};
use crate::{Actor, Micros, Store, StoreError};

/// What an overlay document describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum OverlayKind {
    /// A provider.
    Provider,
    /// A model.
    Model,
    /// An endpoint.
    Endpoint,
    /// A price.
    Price,
}

impl OverlayKind {
    /// Every kind.
    pub const ALL: [OverlayKind; 4] =
        [OverlayKind::Provider, OverlayKind::Model, OverlayKind::Endpoint, OverlayKind::Price];

    /// The word used in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            OverlayKind::Provider => "provider",
            OverlayKind::Model => "model",
            OverlayKind::Endpoint => "endpoint",
            OverlayKind::Price => "price",
        }
    }

    /// Reads the word of [`OverlayKind::as_str`].
    pub fn parse(text: &str) -> Option<OverlayKind> {
        OverlayKind::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// One overlay document.
#[derive(Debug, Clone, PartialEq)]
pub struct Overlay {
    /// What it describes.
    pub kind: OverlayKind,
    /// Identity within its kind.
    pub id: String,
    /// The document.
    pub document: Value,
    /// Microseconds since the Unix epoch.
    pub updated_at: Micros,
}

impl Store {
    /// Adds a document or replaces the one of the same kind and identity.
    pub async fn overlay_put(
        &self,
        kind: OverlayKind,
        id: &str,
        document: &Value,
        actor: &Actor,
        now: Micros,
    ) -> Result<(), StoreError> {
        if id.is_empty() {
            let reason = "it is empty".to_owned();
            return Err(StoreError::Invalid { what: "overlay identity", reason });
        }
        let mut change = self.database().begin_change().await?;
        let before = read_one(&mut change, kind, id).await?;
        let text = "INSERT INTO catalogue_overlay (kind, id, document, updated_at) \
                    VALUES ($1, $2, $3, $4) ON CONFLICT (kind, id) \
                    DO UPDATE SET document = excluded.document, updated_at = excluded.updated_at";
        change.execute(text, values![kind.as_str(), id, document.to_string(), now]).await?;
        let subject = &subject(kind, id);
        let deed = Deed { actor, now, action: "catalogue_overlay.put", subject };
        deed.record(&mut change, before.as_ref(), Some(document)).await?;
        change.commit().await
    }

    /// Every document, by kind and identity.
    pub async fn overlay_list(&self) -> Result<Vec<Overlay>, StoreError> {
        read_all(&mut self.database().session().await?).await
    }

    /// Removes a document; says whether there was one.
    pub async fn overlay_remove(
        &self,
        kind: OverlayKind,
        id: &str,
        actor: &Actor,
        now: Micros,
    ) -> Result<bool, StoreError> {
        let mut change = self.database().begin_change().await?;
        let Some(before) = read_one(&mut change, kind, id).await? else { return Ok(false) };
        let text = "DELETE FROM catalogue_overlay WHERE kind = $1 AND id = $2";
        change.execute(text, values![kind.as_str(), id]).await?;
        let subject = &subject(kind, id);
        let deed = Deed { actor, now, action: "catalogue_overlay.remove", subject };
        deed.record(&mut change, Some(&before), None).await?;
        change.commit().await?;
        Ok(true)
    }
}

/// How the audit log names a document.
fn subject(kind: OverlayKind, id: &str) -> String {
    format!("{}:{id}", kind.as_str())
}

async fn read_one(
    session: &mut Session,
    kind: OverlayKind,
    id: &str,
) -> Result<Option<Value>, StoreError> {
    let text = "SELECT document FROM catalogue_overlay WHERE kind = $1 AND id = $2";
    let row = session.fetch_optional(text, values![kind.as_str(), id]).await?;
    let Some(row) = row else { return Ok(None) };
    let document: String = row.try_get("document")?;
    // One that cannot be read can still be replaced or removed; the log then has its text.
    Ok(Some(serde_json::from_str(&document).unwrap_or(Value::String(document))))
}

pub(crate) async fn read_all(session: &mut Session) -> Result<Vec<Overlay>, StoreError> {
    let text = "SELECT kind, id, document, updated_at FROM catalogue_overlay ORDER BY kind, id";
    let rows = session.fetch_all(text, &[]).await?;
    rows.iter()
        .map(|row| {
            let kind: String = row.try_get("kind")?;
            let document: String = row.try_get("document")?;
            Ok(Overlay {
                kind: OverlayKind::parse(&kind)
                    .ok_or(StoreError::Corrupt { what: "overlay kind", reason: kind })?,
                id: row.try_get("id")?,
                document: serde_json::from_str(&document).map_err(|error| StoreError::Corrupt {
                    what: "overlay document",
                    reason: error.to_string(),
                })?,
                updated_at: row.try_get("updated_at")?,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{TestDatabase, on_each_engine};
    use serde_json::json;

    on_each_engine!(a_document_is_put_replaced_listed_and_removed);
    async fn a_document_is_put_replaced_listed_and_removed(database: TestDatabase) {
        let store = database.open().await;
        let model = OverlayKind::Model;
        store.overlay_put(model, "acme/one", &json!({"a": 1}), &Actor::system(), 1).await.unwrap();
        store
            .overlay_put(OverlayKind::Price, "acme/one", &json!({"p": "0.1"}), &Actor::system(), 2)
            .await
            .unwrap();
        store
            .overlay_put(model, "acme/one", &json!({"a": [2]}), &Actor::system(), 3)
            .await
            .unwrap();
        let listed = store.overlay_list().await.unwrap();
        assert_eq!(listed.len(), 2);
        assert_eq!(listed[0].document, json!({"a": [2]}));
        assert_eq!((listed[0].kind, listed[0].updated_at), (model, 3));
        assert!(store.overlay_remove(model, "acme/one", &Actor::system(), 1).await.unwrap());
        assert!(!store.overlay_remove(model, "acme/one", &Actor::system(), 1).await.unwrap());
        assert_eq!(store.overlay_list().await.unwrap().len(), 1);
    }

    #[test]
    fn every_kind_reads_back_from_its_word() {
        for kind in OverlayKind::ALL {
            assert_eq!(OverlayKind::parse(kind.as_str()), Some(kind));
        }
        assert_eq!(OverlayKind::parse("planet"), None);
    }
}
