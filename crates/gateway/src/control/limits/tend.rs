//! What is to be done now and then.

use std::sync::Arc;
use std::time::Duration;

use crate::app::App;
use crate::clock::now_micros;

/// How often.
const PAUSE: Duration = Duration::from_secs(10);

/// Compares clocks, frees what lost calls hold and forgets counters in which nothing counts any more, until the
/// gateway stops.
pub async fn tend_while_open(app: Arc<App>) {
    let mut stopping = app.stopping();
    loop {
        app.limits.compare_clocks(&app.store).await;
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            () = stopping.wait_over() => return,
        }
        let now = now_micros();
        app.limits.expire(now).await;
        app.rates.sweep(now);
        app.rates.renew().await;
    }
}
