//! `/activity`: what was used on each day, by endpoint. ACT-1

pub mod export;
pub mod list;
mod query;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;

use crate::app::App;

/// The routes.
pub fn routes() -> Router<Arc<App>> {
    Router::new().route("/activity", get(list::list)).route("/activity/export", get(export::export))
}
