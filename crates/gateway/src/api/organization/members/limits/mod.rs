//! What a member's keys may spend together in a window. Our own.

pub mod delete;
pub mod put;

use protocol::exchange::Fault;
use serde::Serialize;
use store::{BudgetInterval, MemberLimit};
use utoipa::ToSchema;

use crate::api::money::Usd;

/// A limit.
#[derive(Serialize, ToSchema)]
pub struct LimitObject {
    /// `daily`, `weekly`, `monthly` or `lifetime`.
    interval: &'static str,
    #[schema(value_type = f64)]
    limit_usd: Usd,
    /// Whether what is paid with provider keys of a workspace's own counts.
    include_byok: bool,
}

impl From<MemberLimit> for LimitObject {
    fn from(limit: MemberLimit) -> Self {
        Self {
            interval: limit.interval.as_str(),
            limit_usd: Usd(limit.limit_nano_usd),
            include_byok: limit.include_byok,
        }
    }
}

/// The window of a path.
pub fn interval(word: &str) -> Result<BudgetInterval, Fault> {
    BudgetInterval::parse(word)
        .ok_or_else(|| Fault::invalid("interval: must be daily, weekly, monthly or lifetime"))
}
