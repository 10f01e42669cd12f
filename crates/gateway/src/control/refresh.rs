//! Notices changes of the control plane, whoever made them, and publishes a new snapshot.

use std::sync::Arc;
use std::time::Duration;

use crate::app::App;

/// How soon a change that could not be put in force is tried again.
const RETRY: Duration = Duration::from_millis(500);

/// Publishes a new snapshot after each change until the gateway stops, at once even while the
/// database says nothing.
pub async fn refresh_while_open(app: Arc<App>) {
    let mut stopping = app.stopping();
    tokio::select! {
        () = refresh(&app) => {}
        () = stopping.wait() => {}
    }
}

async fn refresh(app: &App) {
    let mut changes = app.store.changes(app.snapshot().revision.clone());
    loop {
        match changes.next().await {
            // What was changed here is in force already.
            Ok(revision) if revision == app.snapshot().revision => {}
            Ok(_) => {
                if let Err(error) = app.reload().await {
                    tracing::error!(%error, "a change of the control plane could not be put in force");
                    tokio::time::sleep(RETRY).await;
                    // Told once more, if what is in force is still the old state.
                    changes = app.store.changes(app.snapshot().revision.clone());
                }
            }
            Err(error) => tracing::warn!(%error, "the store cannot be read"),
        }
    }
}
