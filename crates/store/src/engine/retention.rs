//! How old generations leave: PostgreSQL drops the partitions of whole days, SQLite deletes in
//! small batches between which others get their turn to write. The roll-ups stay.

use super::{Database, Engine, partitions};
use crate::calendar::{MICROS_PER_DAY, day_of};
use crate::{Micros, Store, StoreError};

/// Rows per transaction: some ten milliseconds of work.
const BATCH: i64 = 500;

/// The oldest rows by place in the table, which are the oldest by moment but for a few that were
/// settled late. Those wait until the rows before them go; no index has to be kept for them.
const DELETE: &str = "DELETE FROM generation WHERE created_at < $1 AND rowid IN \
     (SELECT rowid FROM generation ORDER BY rowid LIMIT $2)";

impl Store {
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
    /// counts again: the time generations are kept must exceed any outage.
    pub async fn remove_generations_before(&self, moment: Micros) -> Result<(), StoreError> {
        let day = day_of(moment);
        match self.database() {
            Database::Postgres(engine) => {
                let mut connection = engine.connect().await?;
                Ok(partitions::drop_before(&mut connection, day).await?)
            }
            Database::Sqlite(engine) => delete_before(self.database(), engine, day).await,
        }
    }
}

async fn delete_before(database: &Database, engine: &Engine, day: i64) -> Result<(), StoreError> {
    let before = day.saturating_mul(MICROS_PER_DAY);
    loop {
        let turn = engine.write_turn().await;
        let mut session = database.session().await?;
        let deleted = session.execute(DELETE, super::values![before, BATCH]).await?;
        drop((session, turn));
        if deleted == 0 {
            return Ok(());
        }
        // Whoever queued for the turn has it now; a pause keeps the disk free for them.
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}
