//! `GET /key`: what the calling key may and has. KEYS-1

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use protocol::exchange::Fault;
use serde::Serialize;
use store::{BudgetInterval, LimitReset};
use utoipa::ToSchema;

use super::Refused;
use super::keys::spend::{against_limit, remaining};
use super::money::Usd;
use super::session::Session;
use super::time::{iso, next_reset};
use super::workspaces::budgets::budget_id;
use crate::app::App;
use crate::clock::now_micros;
use crate::error::internal;

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
    #[schema(value_type = f64)]
    pub usage: Usd,
    #[schema(value_type = f64)]
    pub usage_daily: Usd,
    #[schema(value_type = f64)]
    pub usage_weekly: Usd,
    #[schema(value_type = f64)]
    pub usage_monthly: Usd,
    #[schema(value_type = f64)]
    pub byok_usage: Usd,
    #[schema(value_type = f64)]
    pub byok_usage_daily: Usd,
    #[schema(value_type = f64)]
    pub byok_usage_weekly: Usd,
    #[schema(value_type = f64)]
    pub byok_usage_monthly: Usd,
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

/// A limit that requests with the key count toward: the key's own, or a budget of its workspace.
/// Money in USD.
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

/// Requests to free models a day. There is no such limit here: −1 says so, as in `rate_limit`.
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
    let now = now_micros();
    let spent = app.store.key_usage(&caller.key_hash, now).await.map_err(internal)?;
    let (usage, byok) = (spent.usage, spent.byok_usage);
    let against_limit = against_limit(&spent, caller.limit_reset, caller.include_byok_in_limit);
    let mut budgets = workspace_budgets(&app, &caller.workspace_id, now).await?;
    budgets.extend(caller.limit_nano_usd.map(|limit| Budget {
        scope: "key_limit",
        budget_id: None,
        guardrail_id: None,
        limit_usd: Usd(limit),
        spend_usd: Usd(against_limit),
        remaining_usd: Usd(limit.saturating_sub(against_limit)),
        include_byok: caller.include_byok_in_limit,
        reset_interval: caller.limit_reset.map(LimitReset::as_str),
        resets_at: caller.limit_reset.map(|reset| iso(next_reset(now, reset))),
    }));
    // The one that refuses first.
    let effective = budgets.iter().min_by_key(|budget| budget.remaining_usd.0).cloned();
    Ok(Json(KeyAnswer {
        data: KeyObject {
            label: caller.label.clone(),
            limit: caller.limit_nano_usd.map(Usd),
            limit_remaining: remaining(caller.limit_nano_usd, against_limit).map(Usd),
            limit_reset: caller.limit_reset.map(LimitReset::as_str),
            include_byok_in_limit: caller.include_byok_in_limit,
            usage: Usd(usage.total),
            usage_daily: Usd(usage.daily),
            usage_weekly: Usd(usage.weekly),
            usage_monthly: Usd(usage.monthly),
            byok_usage: Usd(byok.total),
            byok_usage_daily: Usd(byok.daily),
            byok_usage_weekly: Usd(byok.weekly),
            byok_usage_monthly: Usd(byok.monthly),
            is_free_tier: false,
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
            free_model_daily_requests: FreeModelRequests { limit: -1, used: 0, remaining: -1 },
        },
    }))
}

/// The budgets of a workspace with what was spent of them, the broadest first. WS-5
async fn workspace_budgets(app: &App, workspace: &str, now: i64) -> Result<Vec<Budget>, Fault> {
    let mut budgets = app.store.workspace_budgets().await.map_err(internal)?;
    budgets.retain(|budget| budget.workspace_id == workspace);
    if budgets.is_empty() {
        return Ok(Vec::new());
    }
    let workspaces = app.store.workspaces().await.map_err(internal)?;
    let include_byok = workspaces
        .iter()
        .any(|found| found.id == workspace && found.settings.include_byok_in_budgets);
    let spent = app.store.workspace_usage(workspace, now).await.map_err(internal)?;
    let shown = budgets.into_iter().rev().map(|budget| {
        let reset = match budget.interval {
            BudgetInterval::Daily => Some(LimitReset::Daily),
            BudgetInterval::Weekly => Some(LimitReset::Weekly),
            BudgetInterval::Monthly => Some(LimitReset::Monthly),
            BudgetInterval::Lifetime => None,
        };
        let spend = against_limit(&spent, reset, include_byok);
        Budget {
            scope: "workspace",
            budget_id: Some(budget_id(workspace, budget.interval)),
            guardrail_id: None,
            limit_usd: Usd(budget.limit_nano_usd),
            spend_usd: Usd(spend),
            remaining_usd: Usd(budget.limit_nano_usd.saturating_sub(spend)),
            include_byok,
            reset_interval: reset.map(LimitReset::as_str),
            resets_at: reset.map(|reset| iso(next_reset(now, reset))),
        }
    });
    Ok(shown.collect())
}
