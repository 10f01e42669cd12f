//! How old rows leave. Of generations PostgreSQL drops the partitions of whole days, SQLite
//! deletes in small batches between which others get their turn to write. The daily roll-ups stay.

use serde::{Deserialize, Serialize};

use super::{Database, Engine, partitions, values};
use crate::calendar::{MICROS_PER_DAY, day_of, minute_of};
use crate::{Micros, Store, StoreError};

/// Rows per transaction: some ten milliseconds of work.
const BATCH: i64 = 500;

/// The oldest rows by place in the table, which are the oldest by moment but for a few that were
/// settled late. Those wait until the rows before them go.
const DELETE: &str = "DELETE FROM generation WHERE created_at < $1 AND rowid IN \
     (SELECT rowid FROM generation ORDER BY rowid LIMIT $2)";

/// Minutes per transaction when roll-ups by minute are removed.
const MINUTES: i64 = 30;

/// For how many days attempts are counted apart: as long as pages show, and some more.
const ATTEMPT_DAYS: u32 = 100;

/// How long what is kept, in days. `None` keeps it for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Retention {
    /// Generations. It should exceed any outage: a settlement replayed after its day was removed
    /// is kept apart and not counted.
    pub generation_days: Option<u32>,
    /// Roll-ups by minute. Those by day are always kept: limits and credit are counted by them.
    pub minute_days: Option<u32>,
    /// Prompts and answers (IOLOG-1).
    pub content_days: Option<u32>,
    /// Answers of the Responses API that are kept, at most: each has an end of its own as well.
    pub stored_response_days: Option<u32>,
}

impl Default for Retention {
    fn default() -> Retention {
        Retention {
            generation_days: None,
            minute_days: Some(31),
            content_days: Some(30),
            stored_response_days: Some(30),
        }
    }
}

impl Store {
    /// Everything that is to be done from time to time, once an hour or once a day: makes room for
    /// the days to come, sums what older versions settled, and removes what has outlived its time.
    /// Of what is to stay only the sums of recent days are read, where several nodes write them.
    pub async fn keep_house(&self, retention: &Retention, now: Micros) -> Result<(), StoreError> {
        let before = |days: u32| now.saturating_sub(i64::from(days).saturating_mul(MICROS_PER_DAY));
        self.prepare_days(now).await?;
        // Before anything is removed, so that it is in the roll-ups when it goes.
        self.sum_older_generations().await?;
        if let Err(error) = self.see_to_outlines(now).await {
            // What has outlived its time goes all the same.
            tracing::warn!(%error, "sums of days could not be compared");
        }
        if let Some(days) = retention.content_days {
            self.remove_generation_content_before(before(days)).await?;
        }
        self.remove_expired_responses(now).await?;
        if let Some(days) = retention.stored_response_days {
            self.remove_responses_before(before(days)).await?;
        }
        if let Some(days) = retention.minute_days {
            self.remove_minutes_before(before(days)).await?;
        }
        if let Some(days) = retention.generation_days {
            self.remove_generations_before(before(days)).await?;
        }
        self.remove_attempts_before(before(ATTEMPT_DAYS)).await
    }

    /// Makes room for the generations of the coming week. To be called once a day; days without
    /// room get it when the first row arrives, at the price of a slower commit.
    pub async fn prepare_days(&self, now: Micros) -> Result<(), StoreError> {
        if let Database::Postgres(engine) = self.database() {
            let mut connection = engine.connect().await?;
            partitions::prepare(&mut connection, partitions::ahead_of(now)).await?;
        }
        Ok(())
    }

    /// Removes the generations of all UTC days before the one `moment` falls on. What was settled
    /// late may stay for some time longer. A settlement that is replayed after its day was removed
    /// is [kept apart](Store::withheld_settlements): the time generations are kept should exceed
    /// any outage. Nothing is removed while settlements of this process are held back.
    pub async fn remove_generations_before(&self, moment: Micros) -> Result<(), StoreError> {
        let day = day_of(moment);
        self.settlements().forget().await?;
        self.move_horizon(day).await?;
        match self.database() {
            Database::Postgres(engine) => {
                let mut connection = engine.connect().await?;
                Ok(partitions::drop_before(&mut connection, day).await?)
            }
            Database::Sqlite(engine) => delete_before(self.database(), engine, day).await,
        }
    }

    /// Removes the roll-ups of all minutes before the one `moment` falls on, some minutes at a
    /// time.
    pub async fn remove_minutes_before(&self, moment: Micros) -> Result<(), StoreError> {
        let end = minute_of(moment);
        loop {
            let mut write = self.database().begin_write().await?;
            let oldest = "SELECT MIN(minute) AS oldest FROM usage_minute WHERE minute < $1";
            let row = write.fetch_one(oldest, values![end]).await?;
            let Some(oldest) = row.try_get::<Option<i64>>("oldest")? else { return Ok(()) };
            let until = oldest.saturating_add(MINUTES).min(end);
            write.execute("DELETE FROM usage_minute WHERE minute < $1", values![until]).await?;
            write.commit().await?;
        }
    }
}

async fn delete_before(database: &Database, engine: &Engine, day: i64) -> Result<(), StoreError> {
    let before = day.saturating_mul(MICROS_PER_DAY);
    loop {
        let turn = engine.write_turn().await;
        let mut session = database.session().await?;
        let deleted = session.execute(DELETE, values![before, BATCH]).await?;
        drop((session, turn));
        if deleted == 0 {
            return Ok(());
        }
        // Whoever queued for the turn has it now; a pause keeps the disk free for them.
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}
