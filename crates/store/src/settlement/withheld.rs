//! Settlements that reach the database after their day has left it. Those in a journal may have
//! been counted before the process was killed, and the rows that would tell are gone: they are
//! neither counted again nor lost, but kept apart for an operator to decide.

use serde_json::{Map, Value};

use crate::calendar::MICROS_PER_DAY;
use crate::engine::values;
use crate::generation::{COLUMNS, Cell, write_cells};
use crate::{Generation, Micros, Store, StoreError};

/// The first day whose generations are all there, if any ever left.
pub(crate) const HORIZON: &str = "SELECT day FROM generation_horizon WHERE id = 1";

/// Keeps a row apart, with its [`record`] at the end.
pub(crate) const WITHHOLD: &str = "INSERT INTO withheld_settlement \
    (id, created_at, key_hash, total_cost, upstream_inference_cost, record) \
    VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (id) DO NOTHING";

/// Moves the horizon, which never goes back.
const MOVE_HORIZON: &str = "INSERT INTO generation_horizon (id, day) VALUES (1, $1) \
    ON CONFLICT (id) DO UPDATE SET day = excluded.day WHERE generation_horizon.day < excluded.day";

/// A row younger than this is not looked at: its day cannot have left.
const YOUNG: Micros = MICROS_PER_DAY;

/// Whether any row is so old that its day may have left.
pub(crate) fn is_any_old(rows: &[&Generation]) -> bool {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let now = since
        .map_or(Micros::MAX, |since| Micros::try_from(since.as_micros()).unwrap_or(Micros::MAX));
    rows.iter().any(|row| row.created_at < now.saturating_sub(YOUNG))
}

/// Whether the day of a row lies before the horizon.
pub(crate) fn is_beyond(row: &Generation, horizon: Option<i64>) -> bool {
    horizon.is_some_and(|day| row.created_at < day.saturating_mul(MICROS_PER_DAY))
}

/// Tells of rows that are kept apart.
pub(crate) fn report(count: usize) {
    if count > 0 {
        tracing::error!(
            rows = count,
            "settlements of days that were removed are not counted, but kept in \
             withheld_settlement: whether they were counted before cannot be told"
        );
    }
}

/// A row as it is kept apart.
pub(crate) fn record(row: &Generation) -> String {
    let mut members = Map::new();
    let mut columns = COLUMNS.iter();
    let Ok::<_, std::convert::Infallible>(()) = write_cells(row, |cell| {
        let value = match cell {
            Cell::Null => Value::Null,
            Cell::Integer(number) => number.into(),
            // PostgreSQL keeps no NUL.
            Cell::Text(text) => text.replace('\0', "\u{fffd}").into(),
        };
        members.extend(columns.next().map(|column| ((*column).to_owned(), value)));
        Ok(())
    });
    Value::Object(members).to_string()
}

/// What is kept apart altogether.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Withheld {
    /// How many settlements.
    pub settlements: i64,
    /// What they would charge, in nano-dollars.
    pub total_cost: i64,
}

impl Store {
    /// The settlements that are kept apart because their day had left when they came.
    pub async fn withheld_settlements(&self) -> Result<Withheld, StoreError> {
        let text = "SELECT COUNT(*) AS settlements, \
                    CAST(COALESCE(SUM(total_cost), 0) AS BIGINT) AS total_cost \
                    FROM withheld_settlement";
        let row = self.database().fetch_one(text, &[]).await?;
        Ok(Withheld {
            settlements: row.try_get("settlements")?,
            total_cost: row.try_get("total_cost")?,
        })
    }

    /// Generations of the days before this one are about to leave. Said before they do: whoever
    /// settles later knows, and who settles now is done before.
    pub(crate) async fn move_horizon(&self, day: i64) -> Result<(), StoreError> {
        let mut write = self.database().begin_write().await?;
        write.execute(MOVE_HORIZON, values![day]).await?;
        write.commit().await
    }
}
