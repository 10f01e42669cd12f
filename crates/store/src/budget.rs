//! Budgets of workspaces: how much may be spent in a window (WS-5, WS-6).

use serde::{Deserialize, Serialize};

use crate::audit::Deed;
use crate::engine::{Row, Session, values};
use crate::workspace::{self, workspace_or_default};
use crate::{Actor, Micros, Store, StoreError};

/// The window a budget or limit applies to. Windows begin at 00:00 UTC, weeks on Monday.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BudgetInterval {
    /// A day.
    Daily,
    /// A week.
    Weekly,
    /// A calendar month.
    Monthly,
    /// All time.
    Lifetime,
}

impl BudgetInterval {
    /// Every interval, the shortest first.
    pub const ALL: [BudgetInterval; 4] = [
        BudgetInterval::Daily,
        BudgetInterval::Weekly,
        BudgetInterval::Monthly,
        BudgetInterval::Lifetime,
    ];

    /// The word used in the API and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            BudgetInterval::Daily => "daily",
            BudgetInterval::Weekly => "weekly",
            BudgetInterval::Monthly => "monthly",
            BudgetInterval::Lifetime => "lifetime",
        }
    }

    /// Reads the word of [`BudgetInterval::as_str`].
    pub fn parse(text: &str) -> Option<BudgetInterval> {
        BudgetInterval::ALL.into_iter().find(|interval| interval.as_str() == text)
    }

    /// Reads the column `reset_interval`.
    pub(crate) fn from_row(row: &Row) -> Result<BudgetInterval, StoreError> {
        let word: String = row.try_get("reset_interval")?;
        BudgetInterval::parse(&word)
            .ok_or(StoreError::Corrupt { what: "reset interval", reason: word })
    }
}

/// What may be spent in a workspace in a window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WorkspaceBudget {
    /// The workspace.
    pub workspace_id: String,
    /// The window.
    pub interval: BudgetInterval,
    /// Nano-dollars, more than zero.
    pub limit_nano_usd: i64,
    /// Microseconds since the Unix epoch.
    pub updated_at: Micros,
}

impl Store {
    /// Every budget of every workspace, the shortest window first.
    pub async fn workspace_budgets(&self) -> Result<Vec<WorkspaceBudget>, StoreError> {
        budgets(&mut self.database().session().await?).await
    }

    /// Sets a budget, or replaces it. A longer window must allow more than a shorter one.
    /// `include_byok` says for all of the workspace's budgets whether spend on the caller's own
    /// provider keys counts; `None` leaves it as it is.
    pub async fn put_workspace_budget(
        &self,
        workspace_id: &str,
        interval: BudgetInterval,
        limit_nano_usd: i64,
        include_byok: Option<bool>,
        actor: &Actor,
        now: Micros,
    ) -> Result<WorkspaceBudget, StoreError> {
        let invalid = |reason: String| StoreError::Invalid { what: "workspace budget", reason };
        if limit_nano_usd <= 0 {
            return Err(invalid("it is not more than zero".to_owned()));
        }
        let mut change = self.database().begin_change().await?;
        let workspace = workspace_or_default(&mut change, Some(workspace_id)).await?;
        let (mut before, mut others) = (None, Vec::new());
        for budget in budgets(&mut change).await? {
            match budget.workspace_id == workspace_id {
                true if budget.interval == interval => before = Some(budget),
                true => others.push(budget),
                false => {}
            }
        }
        for other in others {
            let fits = match other.interval < interval {
                true => other.limit_nano_usd < limit_nano_usd,
                false => other.limit_nano_usd > limit_nano_usd,
            };
            if !fits {
                let other = other.interval.as_str();
                let reason =
                    format!("the {other} budget leaves no room: longer windows allow more");
                return Err(invalid(reason));
            }
        }
        let workspace_id = workspace_id.to_owned();
        let after = WorkspaceBudget { workspace_id, interval, limit_nano_usd, updated_at: now };
        let text = "INSERT INTO workspace_budget \
                    (workspace_id, reset_interval, limit_nano_usd, updated_at) \
                    VALUES ($1, $2, $3, $4) ON CONFLICT (workspace_id, reset_interval) \
                    DO UPDATE SET limit_nano_usd = excluded.limit_nano_usd, \
                    updated_at = excluded.updated_at";
        let values = values![&after.workspace_id, interval.as_str(), limit_nano_usd, now];
        change.execute(text, values).await?;
        let subject = &after.workspace_id;
        let deed = Deed { actor, now, action: "workspace_budget.put", subject };
        deed.record(&mut change, before.as_ref(), Some(&after)).await?;
        if let Some(include) = include_byok {
            let mut settings = workspace.settings.clone();
            settings.include_byok_in_budgets = include;
            workspace::replace_settings(&mut change, workspace, settings, actor, now).await?;
        }
        change.commit().await?;
        Ok(after)
    }

    /// Removes a budget; says whether there was one.
    pub async fn remove_workspace_budget(
        &self,
        workspace_id: &str,
        interval: BudgetInterval,
        actor: &Actor,
        now: Micros,
    ) -> Result<bool, StoreError> {
        let mut change = self.database().begin_change().await?;
        let mut before = budgets(&mut change).await?;
        before.retain(|budget| budget.workspace_id == workspace_id && budget.interval == interval);
        let Some(before) = before.pop() else { return Ok(false) };
        let text = "DELETE FROM workspace_budget WHERE workspace_id = $1 AND reset_interval = $2";
        change.execute(text, values![workspace_id, interval.as_str()]).await?;
        let deed = Deed { actor, now, action: "workspace_budget.remove", subject: workspace_id };
        deed.record(&mut change, Some(&before), None).await?;
        change.commit().await?;
        Ok(true)
    }
}

pub(crate) async fn budgets(session: &mut Session) -> Result<Vec<WorkspaceBudget>, StoreError> {
    let text = "SELECT workspace_id, reset_interval, limit_nano_usd, updated_at \
                FROM workspace_budget ORDER BY workspace_id";
    let rows = session.fetch_all(text, &[]).await?;
    let mut budgets = rows
        .iter()
        .map(|row| {
            Ok(WorkspaceBudget {
                workspace_id: row.try_get("workspace_id")?,
                interval: BudgetInterval::from_row(row)?,
                limit_nano_usd: row.try_get("limit_nano_usd")?,
                updated_at: row.try_get("updated_at")?,
            })
        })
        .collect::<Result<Vec<_>, StoreError>>()?;
    budgets.sort_by(|one, other| {
        (&one.workspace_id, one.interval).cmp(&(&other.workspace_id, other.interval))
    });
    Ok(budgets)
}
