//! Whether the gateway lives, and whether it takes requests.

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;

use crate::app::App;

/// It lives.
pub async fn live() -> &'static str {
    "ok\n"
}

/// It takes requests: not draining, the store answers, there is room for settlements.
pub async fn ready(State(app): State<Arc<App>>) -> (StatusCode, String) {
    let refuse = |why: &str| (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n"));
    if app.is_draining() {
        return refuse("draining");
    }
    if app.metrics.is_control_stale() {
        return refuse("a change of keys, credentials or catalogue cannot be put in force");
    }
    let (taken, room) = app.settlements.occupancy();
    if taken >= room {
        return refuse("too many answers wait to be recorded");
    }
    match app.store.ping().await {
        Ok(()) => match app.settlements.trouble() {
            // Requests are served all the same: their rows are safe.
            Some(trouble) => {
                let unwritten = app.settlements.unwritten();
                (StatusCode::OK, format!("ready; {unwritten} settlements wait: {trouble}\n"))
            }
            None => match app.limits.trouble() {
                // Requests without limits are served, and every node has the same trouble.
                Some(trouble) => (StatusCode::OK, format!("ready; {trouble}\n")),
                None => (StatusCode::OK, "ready\n".to_owned()),
            },
        },
        Err(error) => {
            tracing::warn!(%error, "the store does not answer");
            refuse("the store does not answer")
        }
    }
}
