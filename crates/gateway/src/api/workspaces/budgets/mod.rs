//! How much may be spent in a workspace in a window. WS-5

pub mod delete;
pub mod list;
pub mod put;
pub mod show;

use ledger::{Limit, LimitKind, NanoUsd, SpenderKind};
use protocol::exchange::Fault;
use serde::Serialize;
use store::{BudgetInterval, WorkspaceBudget};
use utoipa::ToSchema;

use crate::api::identity::derived_uuid;
use crate::api::limit_use::LimitUse;
use crate::api::money::Usd;
use crate::api::time::iso;
use crate::app::App;
use crate::control::limits::window;

/// The answer with one budget.
#[derive(Serialize, ToSchema)]
pub struct BudgetAnswer {
    data: BudgetObject,
    /// Of all budgets of the workspace.
    include_byok_in_budgets: bool,
}

/// A budget. WS-5
#[derive(Serialize, ToSchema)]
pub struct BudgetObject {
    id: String,
    workspace_id: String,
    #[schema(value_type = f64)]
    limit_usd: Usd,
    /// `daily`, `weekly`, `monthly`, or `null`: all time.
    reset_interval: Option<&'static str>,
    /// The same as `updated_at`: only the last change is known.
    created_at: String,
    updated_at: String,
    #[serde(flatten)]
    so_far: LimitUse,
}

impl BudgetObject {
    /// Shows a budget with what was used of it; `includes_byok`: whether spend on own provider
    /// keys counts.
    async fn new(app: &App, budget: WorkspaceBudget, includes_byok: bool) -> Self {
        let interval = budget.interval;
        let limit = Limit {
            spender: app.limits.names().intern(SpenderKind::Workspace, &budget.workspace_id),
            kind: LimitKind::WorkspaceBudget,
            window: window(interval),
            amount: NanoUsd(budget.limit_nano_usd),
            includes_byok,
        };
        let is_lifetime = interval == BudgetInterval::Lifetime;
        Self {
            id: budget_id(&budget.workspace_id, interval),
            workspace_id: budget.workspace_id,
            limit_usd: Usd(budget.limit_nano_usd),
            reset_interval: (!is_lifetime).then_some(interval.as_str()),
            created_at: iso(budget.updated_at),
            updated_at: iso(budget.updated_at),
            so_far: LimitUse::of(app, &limit).await,
        }
    }
}

/// The identity of a budget: there is one of a kind in a workspace.
pub fn budget_id(workspace_id: &str, interval: BudgetInterval) -> String {
    derived_uuid(&["workspace budget", workspace_id, interval.as_str()])
}

fn interval(word: &str) -> Result<BudgetInterval, Fault> {
    BudgetInterval::parse(word)
        .ok_or_else(|| Fault::invalid("interval: must be daily, weekly, monthly or lifetime"))
}
