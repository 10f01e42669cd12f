//! `GET /audit`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use serde_json::Value;
use store::{AuditCursor, AuditEntry};
use utoipa::ToSchema;

use crate::api::Refused;
use crate::api::change::refused;
use crate::api::openapi::ErrorAnswer;
use crate::api::page::{Asked, Leaf, cursor};
use crate::api::session::Management;
use crate::api::time::iso;
use crate::app::App;

/// The answer.
#[derive(Serialize, ToSchema)]
pub struct AuditLog {
    data: Vec<AuditObject>,
    /// Where the next page starts; `null` at the end.
    next_cursor: Option<String>,
}

/// One change.
#[derive(Serialize, ToSchema)]
pub struct AuditObject {
    id: String,
    created_at: String,
    actor: AuditActor,
    /// What was done, such as `api_key.create`.
    action: String,
    subject_kind: String,
    subject_id: String,
    /// The thing before, with secrets masked; `null` when it was made.
    #[schema(value_type = Option<Object>)]
    before: Option<Value>,
    /// The thing after, with secrets masked; `null` when it was removed.
    #[schema(value_type = Option<Object>)]
    after: Option<Value>,
}

/// Who made it.
#[derive(Serialize, ToSchema)]
pub struct AuditActor {
    /// `member`, `api_key`, `command_line` or `system`.
    kind: &'static str,
    /// A member's identity, a key's hash.
    id: String,
    /// The address it came from.
    origin: String,
}

impl From<AuditEntry> for AuditObject {
    fn from(entry: AuditEntry) -> Self {
        Self {
            id: entry.id,
            created_at: iso(entry.recorded_at),
            actor: AuditActor {
                kind: entry.actor.kind.as_str(),
                id: entry.actor.id,
                origin: entry.actor.origin,
            },
            action: entry.action,
            subject_kind: entry.subject_kind,
            subject_id: entry.subject_id,
            before: entry.before,
            after: entry.after,
        }
    }
}

/// Lists changes, newest first.
#[utoipa::path(
    get,
    path = "/api/v1/audit",
    tag = "audit",
    params(Leaf),
    responses((status = 200, body = AuditLog), (status = "4XX", body = ErrorAnswer))
)]
pub async fn list(
    State(app): State<Arc<App>>,
    _: Management,
    Asked(leaf): Asked<Leaf>,
) -> Result<Json<AuditLog>, Refused> {
    let start = leaf.start()?.map(|(recorded_at, id)| AuditCursor { recorded_at, id });
    let page = app.store.audit_page(start.as_ref(), leaf.limit()?).await.map_err(refused)?;
    Ok(Json(AuditLog {
        data: page.entries.into_iter().map(AuditObject::from).collect(),
        next_cursor: page.next.map(|next| cursor(next.recorded_at, &next.id)),
    }))
}
