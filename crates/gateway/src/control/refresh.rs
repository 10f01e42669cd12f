//! Notices changes of the control plane, whoever made them, and publishes a new snapshot.

use std::sync::Arc;
use std::time::Duration;

use crate::app::App;

/// How often the store's revision is looked at. A change by the command line is in force within
/// this time.
const INTERVAL: Duration = Duration::from_millis(500);

/// Publishes a new snapshot after each change until the gateway stops.
pub async fn refresh_while_open(app: Arc<App>) {
    let mut stopping = app.stopping();
    loop {
        tokio::select! {
            () = tokio::time::sleep(INTERVAL) => {}
            () = stopping.wait() => return,
        }
        match app.store.revision().await {
            Ok(revision) if revision == app.snapshot().revision => {}
            // `/readyz` and the metrics tell of it until it works: what is not in force may be a
            // key that was revoked.
            Ok(_) => match app.reload().await {
                Ok(()) => app.metrics.control_stale(false),
                Err(error) => {
                    app.metrics.control_stale(true);
                    tracing::error!(%error, "a change of the control plane could not be put in force");
                }
            },
            Err(error) => tracing::warn!(%error, "the store cannot be read"),
        }
    }
}
