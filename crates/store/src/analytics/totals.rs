//! What accounts, workspaces, members and keys have spent: for credit, budgets and limits.

use std::collections::HashMap;

use crate::calendar::{day_of, month_start, week_start};
use crate::engine::{Sql, values};
use crate::usage::{from_row, sums_over};
use crate::{KeyUsage, Micros, Store, StoreError};

/// Whose usage is summed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UsageScope {
    /// By account.
    Account,
    /// By workspace.
    Workspace,
    /// By the member whose key was used; usage of keys that are nobody's is left out.
    Member,
    /// By hash of the key.
    Key,
}

/// What each has spent, by identity, with the UTC windows it counts in (KEYS-2). Who has spent
/// nothing is not in it.
pub type UsageTotals = HashMap<String, KeyUsage>;

impl Store {
    /// What everybody of a kind has spent over their life and in the current day, week and month.
    pub async fn usage_totals(
        &self,
        scope: UsageScope,
        now: Micros,
    ) -> Result<UsageTotals, StoreError> {
        self.settlements().catch_up().await;
        let sums = sums_over("line.");
        let text = match scope {
            UsageScope::Key => format!(
                "SELECT line.key_hash AS spender, {sums} FROM key_usage_day AS line \
                 GROUP BY line.key_hash"
            ),
            UsageScope::Account | UsageScope::Workspace => {
                let column = match scope {
                    UsageScope::Account => "account_id",
                    _ => "workspace_id",
                };
                format!(
                    "SELECT series.{column} AS spender, {sums} FROM usage_day AS line \
                     JOIN usage_series AS series ON series.id = line.series \
                     GROUP BY series.{column}"
                )
            }
            UsageScope::Member => format!(
                "SELECT api_key.member_id AS spender, {sums} FROM key_usage_day AS line \
                 JOIN api_key ON api_key.hash = line.key_hash \
                 WHERE api_key.member_id IS NOT NULL GROUP BY api_key.member_id"
            ),
        };
        let day = day_of(now);
        let values = values![day, week_start(day), month_start(day)];
        let rows = self.database().fetch_all(Sql::composed(text), values).await?;
        rows.iter().map(|row| Ok((row.try_get("spender")?, from_row(row)?))).collect()
    }
}
