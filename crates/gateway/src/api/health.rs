//! Whether the gateway lives, and whether it takes requests.

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;

use crate::app::App;

/// It lives.
pub async fn live() -> &'static str {
    "ok\n"
}

/// It takes requests: not draining, there is room for settlements. Without its database it goes on
/// with what it knows, and so does every other node: a balancer that took them out of service for
/// it would make an outage of the database one of everything.
pub async fn ready(State(app): State<Arc<App>>) -> (StatusCode, String) {
    let refuse = |why: &str| (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n"));
    let degraded = |why: String| (StatusCode::OK, format!("degraded; {why}\n"));
    if app.is_draining() {
        return refuse("draining");
    }
    if app.settlements.is_broken() {
        return refuse("the books are written no more: start the gateway anew");
    }
    let (taken, room) = app.settlements.occupancy();
    if taken >= room {
        return refuse("too many answers wait to be recorded");
    }
    let unwritten = app.settlements.unwritten();
    if let Err(error) = app.store.ping().await {
        tracing::warn!(%error, "the database does not answer");
        return degraded(format!(
            "the database does not answer: nothing can be changed, and {unwritten} settlements wait"
        ));
    }
    // With a database that answers, this node alone may be at fault.
    if app.metrics.is_control_stale() {
        return refuse("a change of keys, credentials or catalogue cannot be put in force");
    }
    if app.settlements.trouble().is_some() {
        // Requests are served all the same: their rows are safe. Whoever may ask this is not told
        // what a database says.
        return degraded(format!("{unwritten} settlements wait; the log says why"));
    }
    match app.limits.trouble() {
        // Requests without limits are served, and every node has the same trouble.
        Some(trouble) => degraded(trouble),
        None => (StatusCode::OK, "ready\n".to_owned()),
    }
}
