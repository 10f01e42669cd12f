//! Daily activity by endpoint (ACT-1).

use super::condition::Conditions;
use crate::engine::{Row, Sql};
use crate::roll_up::{Outline, Table};
use crate::{Store, StoreError};

/// Which activity is asked for. Days count UTC days since the Unix epoch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ActivityQuery {
    /// The first day.
    pub from_day: i64,
    /// The day after the last.
    pub until_day: i64,
    /// Only this day of them.
    pub date: Option<i64>,
    /// Only of this account.
    pub account: Option<String>,
    /// Only of this workspace.
    pub workspace: Option<String>,
    /// Only of the key with this hash.
    pub key_hash: Option<String>,
    /// Only of the keys of this member.
    pub member: Option<String>,
    /// Whether workspaces are told apart.
    pub group_by_workspace: bool,
}

/// What one endpoint did on one day. Money is in nano-dollars.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ActivityRow {
    /// UTC days since the Unix epoch.
    pub day: i64,
    /// Slug of the model served.
    pub model: String,
    /// Dated slug of the model served.
    pub model_permaslug: String,
    /// Tag of the endpoint.
    pub endpoint_id: String,
    /// Name of the provider.
    pub provider_name: String,
    /// The workspace, where they are told apart.
    pub workspace_id: Option<String>,
    /// Charged to the account.
    pub usage: i64,
    /// Provider cost of answers given with the caller's own provider keys.
    pub byok_usage_inference: i64,
    /// Answers.
    pub requests: i64,
    /// Prompt tokens by the provider's count.
    pub prompt_tokens: i64,
    /// Completion tokens by the provider's count, reasoning included.
    pub completion_tokens: i64,
    /// Reasoning tokens among them.
    pub reasoning_tokens: i64,
}

const SUMS: [(&str, &str); 6] = [
    ("usage", "cost_nano_usd"),
    ("byok_usage", "byok_usage_nano_usd"),
    ("requests", "requests"),
    ("prompt_tokens", "prompt_tokens"),
    ("completion_tokens", "completion_tokens"),
    ("reasoning_tokens", "reasoning_tokens"),
];

impl Store {
    /// Activity by day and endpoint, newest day first (ACT-1). Rows in which nothing was asked
    /// for are not there.
    pub async fn activity(&self, query: &ActivityQuery) -> Result<Vec<ActivityRow>, StoreError> {
        self.settlements().catch_up().await;
        let workspace = if query.group_by_workspace { ", series.workspace_id" } else { "" };
        // Whose the usage was is not told by the outline of endpoints.
        let is_of_keys = query.key_hash.is_some() || query.member.is_some();
        let outline = Outline::Endpoint;
        let is_outlined = self.is_outlined() && !is_of_keys;
        let table = if is_outlined { Table::Outline(outline) } else { Table::Day };
        let mut conditions = Conditions::default();
        if is_outlined {
            conditions.number("line.kind", "=", outline.kind());
        }
        conditions.number("line.day", ">=", query.from_day);
        conditions.number("line.day", "<", query.until_day);
        if let Some(day) = query.date {
            conditions.number("line.day", "=", day);
        }
        for (column, value) in [
            ("series.account_id", &query.account),
            ("series.workspace_id", &query.workspace),
            ("series.key_hash", &query.key_hash),
        ] {
            if let Some(value) = value {
                conditions.text(column, "=", value);
            }
        }
        if let Some(member) = &query.member {
            let place = conditions.bind(member.as_str());
            conditions.put(format!(
                "series.key_hash IN (SELECT hash FROM api_key WHERE member_id = {place})"
            ));
        }
        let group = format!(
            "line.day, series.model, series.model_permaslug, series.endpoint_tag, \
             series.provider_name{workspace}"
        );
        let sums: Vec<String> = SUMS
            .iter()
            .map(|(name, column)| format!("CAST(SUM(line.{column}) AS BIGINT) AS {name}"))
            .collect();
        let text = format!(
            "SELECT {group}, {} FROM {} AS line \
             JOIN usage_series AS series ON series.id = line.series \
             WHERE {} GROUP BY {group} ORDER BY line.day DESC, usage DESC, {group}",
            sums.join(", "),
            table.name(),
            conditions.text_of(),
        );
        let rows = self.database().fetch_all(Sql::composed(text), conditions.values()).await?;
        rows.iter().map(|row| read(row, query.group_by_workspace)).collect()
    }
}

fn read(row: &Row, has_workspace: bool) -> Result<ActivityRow, StoreError> {
    Ok(ActivityRow {
        day: row.try_get("day")?,
        model: row.try_get("model")?,
        model_permaslug: row.try_get("model_permaslug")?,
        endpoint_id: row.try_get("endpoint_tag")?,
        provider_name: row.try_get("provider_name")?,
        workspace_id: has_workspace.then(|| row.try_get("workspace_id")).transpose()?,
        usage: row.try_get("usage")?,
        byok_usage_inference: row.try_get("byok_usage")?,
        requests: row.try_get("requests")?,
        prompt_tokens: row.try_get("prompt_tokens")?,
        completion_tokens: row.try_get("completion_tokens")?,
        reasoning_tokens: row.try_get("reasoning_tokens")?,
    })
}
