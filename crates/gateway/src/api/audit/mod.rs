//! `/audit`: who changed what. Our own.

pub mod list;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;

use crate::app::App;

/// The routes.
pub fn routes() -> Router<Arc<App>> {
    Router::new().route("/audit", get(list::list))
}
