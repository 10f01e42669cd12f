//! How a limit stands: what is used of it, what is left, and when it starts afresh.

use ledger::Limit;
use serde::Serialize;
use utoipa::ToSchema;

use super::money::Usd;
use super::time::iso;
use crate::app::App;
use crate::clock::now_micros;

/// How a limit stands. Our own.
#[derive(Serialize, ToSchema)]
pub struct LimitUse {
    /// What was spent in the current window, in USD; `null` while it cannot be told.
    #[schema(value_type = Option<f64>)]
    used_usd: Option<Usd>,
    /// What is left in USD, never less than nothing; `null` while it cannot be told.
    #[schema(value_type = Option<f64>)]
    remaining_usd: Option<Usd>,
    /// When the window ends; `null`: never.
    resets_at: Option<String>,
}

impl LimitUse {
    /// Asks the counters that requests are held by. Where nodes that count together cannot, nothing
    /// is told.
    pub async fn of(app: &App, limit: &Limit) -> Self {
        let left = app.limits.unused(limit).await.ok();
        Self {
            used_usd: left.map(|left| Usd((limit.amount - left).0)),
            remaining_usd: left.map(|left| Usd(left.0.max(0))),
            resets_at: limit.window.resets_at(now_micros()).map(iso),
        }
    }
}
