//! Rows that are in no roll-up by series because an older version wrote them: nodes of both work
//! beside each other for a while, and a database may be older than the roll-ups.

use std::collections::HashMap;

use super::{OUTLINES, Outline, RollUp, SERIES, Series, Table, digest};
use crate::engine::{Session, Sql, Value, values};
use crate::generation::{from_row, selection};
use crate::{Store, StoreError};

/// Rows per transaction: some ten milliseconds of work.
const BATCH: i64 = 300;

impl Store {
    /// Brings what older versions settled into the roll-ups by minute and day; says how many rows
    /// there were. To be called from time to time: nothing is read but such rows, through an index
    /// of their own. A row is marked in the transaction that sums it, so that it counts once,
    /// whatever other nodes do.
    pub async fn sum_older_generations(&self) -> Result<u64, StoreError> {
        let mut count = 0;
        let select = format!(
            "SELECT {} FROM generation_entry WHERE series IS NULL ORDER BY created_at LIMIT $1",
            selection()
        );
        loop {
            let mut write = self.database().begin_write().await?;
            let rows = write.fetch_all(Sql::composed(select.clone()), values![BATCH]).await?;
            if rows.is_empty() {
                return Ok(count);
            }
            let rows = rows.iter().map(from_row).collect::<Result<Vec<_>, _>>()?;
            let mut numbers = Numbers::default();
            let mut roll_up = RollUp::default();
            for row in &rows {
                let series = numbers.series(&mut write, &(SERIES.texts)(row)).await?;
                let mark = "UPDATE generation SET series = $1 \
                            WHERE id = $2 AND created_at = $3 AND series IS NULL";
                let values = values![series.number, &row.id, row.created_at];
                if write.execute(mark, values).await? == 1 {
                    roll_up.add(row, series);
                    count += 1;
                }
            }
            let days = roll_up.days();
            // Days before outlines, in which order whoever mends outlines locks them, too.
            let outlines = Outline::ALL
                .map(|outline| (Table::Outline(outline), roll_up.outlined(&days, outline)));
            let tables = [(Table::Minute, roll_up.minutes()), (Table::Day, days)];
            let tables = tables.into_iter().chain(outlines);
            for (table, lines) in tables {
                for ((time, series), sums) in lines {
                    let mut values: Vec<Value<'_>> = vec![time.into(), series.into()];
                    values.extend(sums.figures().iter().map(|figure| Value::from(*figure)));
                    write.execute(Sql::composed(table.add_line()), &values).await?;
                }
            }
            write.commit().await?;
        }
    }
}

/// Numbers of series and of what they are in outlines.
#[derive(Default)]
pub(super) struct Numbers(HashMap<Vec<u8>, i64>);

impl Numbers {
    /// The series of these texts, which gets a number if it is new.
    async fn series(
        &mut self,
        session: &mut Session,
        texts: &[Option<&str>; 10],
    ) -> Result<Series, StoreError> {
        let number = self.of(session, texts).await?;
        let mut outlines = [0; OUTLINES];
        for outline in Outline::ALL {
            outlines[outline as usize] = self.of(session, &outline.texts(texts)).await?;
        }
        Ok(Series { number, outlines })
    }

    /// The number of a combination of texts, which gets one if it is new.
    pub(super) async fn of(
        &mut self,
        session: &mut Session,
        texts: &[Option<&str>; 10],
    ) -> Result<i64, StoreError> {
        let digest = digest(texts);
        if let Some(number) = self.0.get(&digest) {
            return Ok(*number);
        }
        let mut values: Vec<Value<'_>> = vec![Value::from(&digest[..])];
        values.extend(texts.map(Value::from));
        session.execute(Sql::composed(SERIES.insert()), &values).await?;
        let found = session.fetch_one(Sql::composed(SERIES.select()), &values[..1]).await?;
        let number = found.try_get("id")?;
        self.0.insert(digest, number);
        Ok(number)
    }
}
