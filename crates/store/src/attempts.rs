//! What became of attempts at providers, read from their roll-up, and the failures among them.

use std::time::Duration;

use crate::engine::{Sql, values};
use crate::generation::{GenerationFilter, GenerationStatus};
use crate::roll_up::attempts::STRETCH;
use crate::{Generation, Micros, Store, StoreError};

/// Attempts at one provider in one stretch of time that had the same outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptLine {
    /// The first moment of the stretch.
    pub at: Micros,
    /// Name of the provider.
    pub provider_name: String,
    /// The kind of error; empty for attempts that went well.
    pub error_type: String,
    /// How many.
    pub attempts: i64,
}

impl Store {
    /// Attempts for an account since a moment, in stretches of `step` times five minutes, by
    /// provider and outcome. Those of the stretch that the moment falls in count whole.
    pub async fn attempts_since(
        &self,
        account_id: &str,
        since: Micros,
        step: i64,
        patience: Duration,
    ) -> Result<Vec<AttemptLine>, StoreError> {
        self.settlements().catch_up().await;
        let step = step.max(1);
        let text = format!(
            "SELECT stretch / {step} AS place, provider_name, error_type, \
             CAST(SUM(attempts) AS BIGINT) AS attempts FROM attempt_stretch \
             WHERE stretch >= $1 AND account_id = $2 \
             GROUP BY place, provider_name, error_type \
             ORDER BY place, provider_name, error_type"
        );
        let values = values![since.div_euclid(STRETCH), account_id];
        let rows = self.database().fetch_all_within(patience, Sql::composed(text), values).await?;
        rows.iter()
            .map(|row| {
                let place: i64 = row.try_get("place")?;
                Ok(AttemptLine {
                    at: place.saturating_mul(step).saturating_mul(STRETCH),
                    provider_name: row.try_get("provider_name")?,
                    error_type: row.try_get("error_type")?,
                    attempts: row.try_get("attempts")?,
                })
            })
            .collect()
    }

    /// The attempts of each provider's newest stretch of five minutes that has any, since a moment.
    pub async fn newest_attempts(
        &self,
        account_id: &str,
        since: Micros,
        patience: Duration,
    ) -> Result<Vec<AttemptLine>, StoreError> {
        self.settlements().catch_up().await;
        let text = "SELECT stretch, provider_name, error_type, attempts FROM attempt_stretch \
                    JOIN (SELECT provider_name AS name, MAX(stretch) AS newest \
                    FROM attempt_stretch WHERE stretch >= $1 AND account_id = $2 \
                    GROUP BY provider_name) AS of_name ON provider_name = name AND stretch = newest \
                    WHERE stretch >= $1 AND account_id = $2 ORDER BY provider_name, error_type";
        let values = values![since.div_euclid(STRETCH), account_id];
        let rows = self.database().fetch_all_within(patience, text, values).await?;
        rows.iter()
            .map(|row| {
                let stretch: i64 = row.try_get("stretch")?;
                Ok(AttemptLine {
                    at: stretch.saturating_mul(STRETCH),
                    provider_name: row.try_get("provider_name")?,
                    error_type: row.try_get("error_type")?,
                    attempts: row.try_get("attempts")?,
                })
            })
            .collect()
    }

    /// The newest failures of an account since a moment, of all members or of one, at most `limit`.
    pub async fn failures_since(
        &self,
        account_id: &str,
        member_id: Option<&str>,
        since: Micros,
        limit: u32,
    ) -> Result<Vec<Generation>, StoreError> {
        let filter = GenerationFilter {
            account_id: Some(account_id.to_owned()),
            member_id: member_id.map(str::to_owned),
            status: Some(GenerationStatus::Failed),
            from: Some(since),
            ..GenerationFilter::default()
        };
        Ok(self.generations_page(&filter, None, limit).await?.rows)
    }

    /// Removes the counts of all attempts before a moment.
    pub async fn remove_attempts_before(&self, moment: Micros) -> Result<(), StoreError> {
        let mut write = self.database().begin_write().await?;
        let text = "DELETE FROM attempt_stretch WHERE stretch < $1";
        write.execute(text, values![moment.div_euclid(STRETCH)]).await?;
        write.commit().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Attempt;
    use crate::tests::{TestDatabase, generation, on_each_engine};

    const PATIENCE: Duration = Duration::from_secs(30);

    on_each_engine!(attempts_are_counted_by_provider_and_outcome_once);
    async fn attempts_are_counted_by_provider_and_outcome_once(database: TestDatabase) {
        let store = database.open().await;
        let attempt = |provider: &str, status, error: Option<&str>| Attempt {
            provider_name: provider.into(),
            status,
            error_type: error.map(Into::into),
            ..Attempt::default()
        };
        for (id, at, account) in
            [("gen-1", 7, "a"), ("gen-2", 8, "a"), ("gen-3", 7, "b"), ("gen-1", 7, "a")]
        {
            let row = Generation {
                created_at: at * STRETCH + 5,
                account_id: account.into(),
                attempts: vec![
                    attempt("Acme", Some(429), Some("rate_limit_exceeded")),
                    attempt("Acme", None, None),
                    attempt("Bolt", Some(200), None),
                ],
                ..generation(id, "key", 1)
            };
            store.settlements().reserve_slot().unwrap().settle(row).await.unwrap();
        }
        let line = |place: i64, provider: &str, error: &str, attempts| AttemptLine {
            at: place * STRETCH,
            provider_name: provider.into(),
            error_type: error.into(),
            attempts,
        };
        let newest = store.newest_attempts("a", 0, PATIENCE).await.unwrap();
        assert_eq!(newest.last(), Some(&line(8, "Bolt", "", 1)));
        assert!(newest.len() > 1 && newest.iter().all(|line| line.at == 8 * STRETCH));
        assert!(store.newest_attempts("a", 9 * STRETCH, PATIENCE).await.unwrap().is_empty());
        let told = store.attempts_since("a", 7 * STRETCH + 9, 1, PATIENCE).await.unwrap();
        let expected = [7, 8].map(|place| {
            [line(place, "Acme", "rate_limit_exceeded", 1), line(place, "Bolt", "", 1)]
        });
        assert_eq!(told, expected.concat());
        let told = store.attempts_since("a", 0, 12, PATIENCE).await.unwrap();
        assert_eq!(told, [line(0, "Acme", "rate_limit_exceeded", 2), line(0, "Bolt", "", 2)]);
        store.remove_attempts_before(8 * STRETCH).await.unwrap();
        assert_eq!(store.attempts_since("a", 0, 1, PATIENCE).await.unwrap().len(), 2);
        assert!(store.attempts_since("b", 0, 1, PATIENCE).await.unwrap().is_empty());
    }
}
