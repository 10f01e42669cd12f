//! `/organization`: who works with the account. ORG

pub mod members;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;

use crate::app::App;

/// The routes.
pub fn routes() -> Router<Arc<App>> {
    Router::new().route("/organization/members", get(members::list))
}
