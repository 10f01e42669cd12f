//! `GET /key`: what the calling key may and has. KEYS-1

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ledger::{Limit, LimitKind, NanoUsd, Window};
use serde::Serialize;
use store::LimitReset;
use utoipa::ToSchema;

use super::Refused;
use super::keys::spend::Spending;
use super::money::Usd;
use super::session::Session;
use super::time::iso;
use crate::app::App;
use crate::clock::now_micros;
use crate::inference::refusal::scope;

/// The answer.
#[derive(Serialize, ToSchema)]
pub struct KeyAnswer {
    data: KeyObject,
}

/// The calling key; money in USD. KEYS-1
#[derive(Serialize, ToSchema)]
pub struct KeyObject {
    pub label: String,
    #[schema(value_type = Option<f64>)]
    pub limit: Option<Usd>,
    #[schema(value_type = Option<f64>)]
    pub limit_remaining: Option<Usd>,
    pub limit_reset: Option<&'static str>,
    pub include_byok_in_limit: bool,
    #[serde(flatten)]
    pub spending: Spending,
    pub is_free_tier: bool,
    pub is_management_key: bool,
    pub is_provisioning_key: bool,
    pub creator_user_id: Option<String>,
    pub expires_at: Option<String>,
    pub rate_limit: RateLimit,
    pub workspace_id: String,
    /// Not in OpenRouter's published document, but its SDK for Python requires this and the four
    /// that follow.
    pub organization_id: Option<String>,
    pub allowed_data_regions: Vec<&'static str>,
    pub budgets: Vec<Budget>,
    pub effective_budget: Option<Budget>,
    pub free_model_daily_requests: FreeModelRequests,
}

/// A limit that requests with the key count toward. Money in USD.
#[derive(Clone, Serialize, ToSchema)]
pub struct Budget {
    scope: &'static str,
    budget_id: Option<String>,
    guardrail_id: Option<String>,
    #[schema(value_type = f64)]
    limit_usd: Usd,
    #[schema(value_type = f64)]
    spend_usd: Usd,
    #[schema(value_type = f64)]
    remaining_usd: Usd,
    include_byok: bool,
    reset_interval: Option<&'static str>,
    resets_at: Option<String>,
}

/// Requests to free models in this UTC day; −1: there is no limit, as in `rate_limit`. RATE-1
#[derive(Serialize, ToSchema)]
pub struct FreeModelRequests {
    limit: i64,
    used: i64,
    remaining: i64,
}

/// Always without a limit; kept for old clients. RATE-7
#[derive(Serialize, ToSchema)]
pub struct RateLimit {
    pub requests: i64,
    pub interval: &'static str,
    pub note: &'static str,
}

/// Shows the calling key.
#[utoipa::path(get, path = "/api/v1/key", responses((status = 200, body = KeyAnswer)))]
pub async fn show(
    State(app): State<Arc<App>>,
    session: Session,
) -> Result<Json<KeyAnswer>, Refused> {
    let caller = &session.caller;
    let terms = &caller.terms;
    let now = now_micros();
    let unknown = |why| Refused::from(crate::inference::refusal::unavailable(&why));
    let spent = app.limits.used(terms.key()).await.map_err(unknown)?;
    let mut budgets = Vec::with_capacity(terms.limits.len());
    for limit in &terms.limits {
        let remaining = app.limits.unused(limit).await.map_err(unknown)?;
        budgets.push(budget(limit, remaining, now));
    }
    let own = budgets.iter().find(|budget| budget.scope == scope(LimitKind::KeyLimit));
    let remaining = own.map(|budget| Usd(budget.remaining_usd.0.max(0)));
    let effective = budgets.iter().min_by_key(|budget| budget.remaining_usd.0).cloned();
    let free = app.rates.free_today(terms, &app.settings.limits.free, now).await;
    let count = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    Ok(Json(KeyAnswer {
        data: KeyObject {
            label: caller.label.clone(),
            limit: caller.limit_nano_usd.map(Usd),
            limit_remaining: remaining,
            limit_reset: caller.limit_reset.map(LimitReset::as_str),
            include_byok_in_limit: caller.include_byok_in_limit,
            spending: Spending::of(&spent),
            // Never credited. KEYS-1
            is_free_tier: terms.total_credits.is_some_and(|total| total <= NanoUsd::ZERO),
            is_management_key: caller.is_management,
            is_provisioning_key: caller.is_management,
            creator_user_id: caller.creator.clone(),
            expires_at: caller.expires_at.map(iso),
            rate_limit: RateLimit {
                requests: -1,
                interval: "10s",
                note: "This field is deprecated and safe to ignore.",
            },
            workspace_id: caller.workspace_id.to_string(),
            organization_id: None,
            allowed_data_regions: vec!["global"],
            budgets,
            effective_budget: effective,
            free_model_daily_requests: match free {
                None => FreeModelRequests { limit: -1, used: 0, remaining: -1 },
                Some((limit, left)) => FreeModelRequests {
                    limit: count(limit),
                    used: count(limit.saturating_sub(left)),
                    remaining: count(left),
                },
            },
        },
    }))
}

/// A limit with what counts toward it, whatever is held: what is held may yet come to nothing.
fn budget(limit: &Limit, remaining: NanoUsd, now: i64) -> Budget {
    Budget {
        scope: scope(limit.kind),
        budget_id: None,
        guardrail_id: None,
        limit_usd: Usd(limit.amount.0),
        spend_usd: Usd((limit.amount - remaining).0),
        remaining_usd: Usd(remaining.0),
        include_byok: limit.includes_byok,
        reset_interval: (limit.window != Window::Lifetime).then(|| limit.window.name()),
        resets_at: limit.window.resets_at(now).map(iso),
    }
}
