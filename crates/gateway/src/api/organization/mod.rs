//! `/organization`: who works with the account. ORG

pub mod members;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, put};

use crate::app::App;

/// The routes. All but the list are our own: OpenRouter's members come by invitation.
pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/organization/members", get(members::list::list).post(members::create::create))
        .route(
            "/organization/members/{id}",
            get(members::show::show).patch(members::update::update).delete(members::delete::delete),
        )
        .route(
            "/organization/members/{id}/limits/{interval}",
            put(members::limits::put::put).delete(members::limits::delete::delete),
        )
}
