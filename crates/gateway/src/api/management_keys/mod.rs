//! `/api/internal/management-keys`: the keys of those who manage an account. Our own.

pub mod create;
pub mod delete;
pub mod list;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use serde::Serialize;
use store::ApiKey;
use utoipa::ToSchema;

use crate::api::time::iso;
use crate::app::App;

/// The routes.
pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/management-keys", get(list::list).post(create::create))
        .route("/management-keys/{hash}", axum::routing::delete(delete::delete))
}

/// A management key.
#[derive(Serialize, ToSchema)]
pub struct ManagementKeyObject {
    /// SHA-256 of the key, in hex: its identity. AUTH-3
    pub hash: String,
    pub name: String,
    pub label: String,
    pub created_at: String,
    /// To the minute.
    pub last_used_at: Option<String>,
    pub expires_at: Option<String>,
    pub disabled: bool,
    /// The member who made it, or made the key that made it; `null`: the machine.
    pub creator: Option<String>,
}

impl ManagementKeyObject {
    fn new(key: ApiKey, last_used_at: Option<i64>) -> Self {
        Self {
            hash: key.hash,
            name: key.name,
            label: key.label,
            created_at: iso(key.created_at),
            last_used_at: last_used_at.map(iso),
            expires_at: key.expires_at.map(iso),
            disabled: key.disabled,
            creator: key.creator,
        }
    }
}
