//! `/keys`: the keys of an account, for those who manage them. KEYS
//!
//! Management keys are not among them: they have a place of their own (`management_keys`).

pub mod create;
pub mod delete;
pub mod list;
pub mod names;
mod object;
mod pick;
mod rates;
pub mod rotate;
pub mod show;
pub mod spend;
pub mod update;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};
use protocol::exchange::{ErrorType, Fault};
use store::ApiKey;

use super::change::refused;
use super::session::Management;
use crate::app::App;

/// The routes.
pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/keys", get(list::list).post(create::create))
        .route("/keys/{hash}", get(show::show).patch(update::update).delete(delete::delete))
}

/// Our own.
pub fn internal() -> Router<Arc<App>> {
    Router::new()
        .route("/keys/names", post(names::tell))
        .route("/keys/{hash}/rotate", post(rotate::rotate))
}

/// The key of that hash, if it is one of the account's that are managed here.
async fn find(app: &App, management: &Management, hash: &str) -> Result<ApiKey, Fault> {
    let mut found = app.store.api_key(hash).await.map_err(refused)?;
    if found.is_none()
        && let Some(own) = app.store.key_of_secret(hash).await.map_err(refused)?
    {
        // Whoever hashes the secret a key has now finds it as well. AUTH-3
        found = app.store.api_key(&own).await.map_err(refused)?;
    }
    found
        .filter(|key| {
            let own = management.own_only();
            key.account_id == management.account_id()
                && !key.is_management
                && own.is_none_or(|own| key.member_id.as_deref() == Some(own))
        })
        .ok_or_else(|| Fault::new(ErrorType::NotFound, "API key not found"))
}
