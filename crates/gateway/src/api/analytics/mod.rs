//! `/analytics`: questions of dashboards, answered from roll-ups. ACT-2 to ACT-4

pub mod meta;
pub mod query;
mod read;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};

use crate::app::App;

/// The routes.
pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/analytics/meta", get(meta::show))
        .route("/analytics/query", post(query::query))
}
