//! What a member's keys may spend together in a window. Our own.

pub mod delete;
pub mod put;

use ledger::{Limit, LimitKind, NanoUsd, SpenderKind};
use protocol::exchange::Fault;
use serde::Serialize;
use store::{BudgetInterval, MemberLimit};
use utoipa::ToSchema;

use crate::api::limit_use::LimitUse;
use crate::api::money::Usd;
use crate::app::App;
use crate::control::limits::window;

/// A limit.
#[derive(Serialize, ToSchema)]
pub struct LimitObject {
    /// `daily`, `weekly`, `monthly` or `lifetime`.
    interval: &'static str,
    #[schema(value_type = f64)]
    limit_usd: Usd,
    /// Whether what is paid with provider keys of a workspace's own counts.
    include_byok: bool,
    #[serde(flatten)]
    so_far: LimitUse,
}

impl LimitObject {
    /// Shows a limit with what was used of it.
    pub async fn new(app: &App, limit: MemberLimit) -> Self {
        let counted = Limit {
            spender: app.limits.names().intern(SpenderKind::Member, &limit.member_id),
            kind: LimitKind::MemberLimit,
            window: window(limit.interval),
            amount: NanoUsd(limit.limit_nano_usd),
            includes_byok: limit.include_byok,
        };
        Self {
            interval: limit.interval.as_str(),
            limit_usd: Usd(limit.limit_nano_usd),
            include_byok: limit.include_byok,
            so_far: LimitUse::of(app, &counted).await,
        }
    }
}

/// The window of a path.
pub fn interval(word: &str) -> Result<BudgetInterval, Fault> {
    BudgetInterval::parse(word)
        .ok_or_else(|| Fault::invalid("interval: must be daily, weekly, monthly or lifetime"))
}
