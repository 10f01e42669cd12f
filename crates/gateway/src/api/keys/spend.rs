//! What a key has spent, and what of it counts toward its limit.

use ledger::Spent;
use serde::Serialize;
use store::{KeyUsage, LimitReset, Windows};
use utoipa::ToSchema;

use crate::api::money::Usd;

/// What a key has spent, in USD: over its life and in the current UTC windows, charged to the
/// account, and by providers to own credentials. KEYS-1, KEYS-2
#[derive(Serialize, ToSchema)]
pub struct Spending {
    #[schema(value_type = f64)]
    usage: Usd,
    #[schema(value_type = f64)]
    usage_daily: Usd,
    #[schema(value_type = f64)]
    usage_weekly: Usd,
    #[schema(value_type = f64)]
    usage_monthly: Usd,
    #[schema(value_type = f64)]
    byok_usage: Usd,
    #[schema(value_type = f64)]
    byok_usage_daily: Usd,
    #[schema(value_type = f64)]
    byok_usage_weekly: Usd,
    #[schema(value_type = f64)]
    byok_usage_monthly: Usd,
}

impl Spending {
    /// Shows what was spent.
    pub fn of(spent: &Spent) -> Self {
        let (credits, byok) = (&spent.credits, &spent.byok);
        Self {
            usage: Usd(credits.lifetime.0),
            usage_daily: Usd(credits.daily.0),
            usage_weekly: Usd(credits.weekly.0),
            usage_monthly: Usd(credits.monthly.0),
            byok_usage: Usd(byok.lifetime.0),
            byok_usage_daily: Usd(byok.daily.0),
            byok_usage_weekly: Usd(byok.weekly.0),
            byok_usage_monthly: Usd(byok.monthly.0),
        }
    }
}

/// What was spent in the window of a limit. KEYS-8, KEYS-10
pub fn against_limit(usage: &KeyUsage, reset: Option<LimitReset>, include_byok: bool) -> i64 {
    let counted = |windows: &Windows| match reset {
        None => windows.total,
        Some(LimitReset::Daily) => windows.daily,
        Some(LimitReset::Weekly) => windows.weekly,
        Some(LimitReset::Monthly) => windows.monthly,
    };
    let byok = if include_byok { counted(&usage.byok_usage) } else { 0 };
    counted(&usage.usage).saturating_add(byok)
}

/// What is left of a limit: never less than nothing. KEYS-3
pub fn remaining(limit: Option<i64>, spent: i64) -> Option<i64> {
    limit.map(|limit| limit.saturating_sub(spent).max(0))
}
