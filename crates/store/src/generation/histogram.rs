//! How many generations there were in each stretch of time.

use std::time::Duration;

use super::GenerationFilter;
use super::filter::FAILED;
use crate::analytics::Conditions;
use crate::calendar::{MICROS_PER_MINUTE, minute_of};
use crate::engine::{Row, Sql};
use crate::{Micros, Store, StoreError};

/// What there was in one stretch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HistogramLine {
    /// Its first moment.
    pub at: Micros,
    /// Answers that were no errors, those whose caller left included.
    pub ok: i64,
    /// Answers that were errors.
    pub failed: i64,
}

impl Store {
    /// Counts the generations that a filter takes, in stretches of `step` minutes of the clock;
    /// stretches without any are left out. From roll-ups where these tell what is asked for, else
    /// from the rows themselves. What takes longer than `patience` is [`StoreError::OutOfTime`].
    pub async fn generations_histogram(
        &self,
        filter: &GenerationFilter,
        step: i64,
        patience: Duration,
    ) -> Result<Vec<HistogramLine>, StoreError> {
        self.settlements().catch_up().await;
        let step = step.max(1);
        let (from, until) = (filter.from.unwrap_or(0), filter.until.unwrap_or(i64::MAX));
        let mut conditions = Conditions::default();
        let text = if filter.is_of_series() && self.has_minutes_since(from).await? {
            conditions.number("line.minute", ">=", minute_of(from));
            conditions.number("line.minute", "<", minute_of(until.saturating_sub(1)) + 1);
            if let Some(workspace) = &filter.workspace_id {
                conditions.text("series.workspace_id", "=", workspace);
            }
            let series = filter.series_conditions(&mut conditions);
            if !series.is_empty() {
                conditions.put(series);
            }
            format!(
                "SELECT line.minute / {step} AS stretch, \
                 CAST(SUM(line.requests) AS BIGINT) AS requests, \
                 CAST(SUM(line.failures) AS BIGINT) AS failures FROM usage_minute AS line \
                 JOIN usage_series AS series ON series.id = line.series \
                 WHERE {} GROUP BY stretch ORDER BY stretch",
                conditions.text_of()
            )
        } else {
            conditions.number("created_at", ">=", from);
            conditions.number("created_at", "<", until);
            filter.conditions(&mut conditions, self.database().kept());
            format!(
                "SELECT created_at / {} AS stretch, COUNT(*) AS requests, \
                 CAST(SUM(CASE WHEN {FAILED} THEN 1 ELSE 0 END) AS BIGINT) AS failures \
                 FROM generation WHERE {} GROUP BY stretch ORDER BY stretch",
                step.saturating_mul(MICROS_PER_MINUTE),
                conditions.text_of()
            )
        };
        let values = conditions.values();
        let rows = self.database().fetch_all_within(patience, Sql::composed(text), values).await?;
        rows.iter().map(|row| line(row, step)).collect()
    }

    /// Whether minutes are kept from a moment on.
    async fn has_minutes_since(&self, moment: Micros) -> Result<bool, StoreError> {
        let text = "SELECT (SELECT MIN(minute) FROM usage_minute) AS minute, \
                    (SELECT MIN(created_at) FROM generation) AS row";
        let row = self.database().fetch_one(text, &[]).await?;
        let (minute, oldest) =
            (row.try_get::<Option<i64>>("minute")?, row.try_get::<Option<i64>>("row")?);
        Ok(match (minute, oldest) {
            (Some(minute), Some(oldest)) => minute <= minute_of(oldest.max(moment)),
            (_, None) => true,
            (None, Some(_)) => false,
        })
    }
}

fn line(row: &Row, step: i64) -> Result<HistogramLine, StoreError> {
    let stretch: i64 = row.try_get("stretch")?;
    let (requests, failed): (i64, i64) = (row.try_get("requests")?, row.try_get("failures")?);
    let at = stretch.saturating_mul(step).saturating_mul(MICROS_PER_MINUTE);
    Ok(HistogramLine { at, ok: requests.saturating_sub(failed), failed })
}
