//! `/keys`: the keys of an account, for those who manage them. KEYS
//!
//! Management keys are not among them: they are made and revoked on the machine itself, so that
//! none of them can make another or lock its owner out.

pub mod create;
pub mod delete;
pub mod list;
pub mod names;
mod object;
mod rates;
pub mod show;
pub mod spend;
pub mod update;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
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

/// The key of that hash, if it is one of the account's that are managed here.
async fn find(app: &App, management: &Management, hash: &str) -> Result<ApiKey, Fault> {
    let found = app.store.api_key(hash).await.map_err(refused)?;
    found
        .filter(|key| {
            let own = management.own_only();
            key.account_id == management.account_id()
                && !key.is_management
                && own.is_none_or(|own| key.member_id.as_deref() == Some(own))
        })
        .ok_or_else(|| Fault::new(ErrorType::NotFound, "API key not found"))
}
