//! `/auth`: how an application gets a key of the person who sent it here, by PKCE. OAUTH
//!
//! A code is made either by a server with a management key (`POST /auth/keys/code`) or by the
//! consent page after a person has agreed; the application exchanges it once for a key.

pub mod code;
pub mod consent;
pub mod exchange;
mod request;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};

use crate::app::App;

/// The routes.
pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/auth/keys", post(exchange::exchange))
        .route("/auth/keys/code", post(code::create))
        .route("/auth/consent", get(consent::show::show))
        .route("/auth/consent/approve", post(consent::approve::approve))
        .route("/auth/consent/deny", post(consent::deny::deny))
}
