//! Writing settlements to PostgreSQL: a batch is a transaction of two or three statements,
//! whatever its size. Rows travel as one array per column.

use std::collections::HashSet;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use sqlx::error::BoxDynError;
use sqlx::postgres::PgArguments;
use sqlx::{Arguments as _, AssertSqlSafe, Connection as _, PgConnection, Row as _};

use super::partitions;
use super::postgres::lacks_partition;
use crate::calendar::day_of;
use crate::generation::{Cell, Kind, write_cells};
use crate::{Generation, generation};

/// How long a batch may take. A server that vanishes without a word would otherwise be waited for
/// until the operating system gives up, a quarter of an hour later.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a batch adds to one roll-up table, as one array per column. Columns that are not part of
/// the key are added to what the table has.
#[derive(Debug)]
pub(crate) struct Sums {
    /// The table.
    pub(crate) table: &'static str,
    /// The columns of its primary key.
    pub(crate) key: Vec<(&'static str, Array)>,
    /// The columns that are summed.
    pub(crate) sums: Vec<(&'static str, Vec<i64>)>,
}

/// The values of one column.
#[derive(Debug)]
pub(crate) enum Array {
    Text(Vec<Arc<str>>),
    Integer(Vec<i64>),
    Boolean(Vec<bool>),
}

/// Writes rows that are not in the books yet, and the roll-ups of exactly those, in one
/// transaction. `roll_up` is given the rows that were new. Returns their
/// identities: the caller learns what was a replay. Rows for days without a partition get one.
///
/// Of several rows with one identity the first stands. That is so across batches because a replay
/// carries the `created_at` of the first settlement, which is part of the key.
///
/// After a failure nothing of the batch is in the books, and the connection is not to be used
/// again.
pub(crate) async fn write(
    connection: &mut PgConnection,
    rows: &[&Generation],
    roll_up: impl Fn(&[&Generation]) -> Vec<Sums>,
) -> Result<HashSet<Arc<str>>, sqlx::Error> {
    let written = async {
        match attempt(connection, rows, &roll_up).await {
            Err(error) if lacks_partition(&error) => {
                let days = rows.iter().flat_map(|row| {
                    let day = day_of(row.created_at);
                    // The next day as well, as long as nobody makes it in time.
                    day..=day.saturating_add(1)
                });
                partitions::prepare(connection, days).await?;
                attempt(connection, rows, &roll_up).await
            }
            outcome => outcome,
        }
    };
    let late = |_| sqlx::Error::Io(std::io::ErrorKind::TimedOut.into());
    tokio::time::timeout(PATIENCE, written).await.map_err(late)?
}

async fn attempt(
    connection: &mut PgConnection,
    rows: &[&Generation],
    roll_up: impl Fn(&[&Generation]) -> Vec<Sums>,
) -> Result<HashSet<Arc<str>>, sqlx::Error> {
    let mut seen = HashSet::with_capacity(rows.len());
    let rows: Vec<&Generation> = rows.iter().copied().filter(|row| seen.insert(&*row.id)).collect();
    let mut transaction = connection.begin().await?;
    freeze_prices(&mut transaction, &rows).await?;
    let mut new = insert(&mut transaction, &rows).await?;
    let added: Vec<&Generation> = rows.iter().copied().filter(|row| new.remove(&*row.id)).collect();
    if !added.is_empty() {
        for sums in roll_up(&added) {
            add(&mut transaction, &sums).await?;
        }
    }
    transaction.commit().await?;
    Ok(added.iter().map(|row| Arc::clone(&row.id)).collect())
}

static INSERT: LazyLock<Arc<str>> = LazyLock::new(|| {
    let columns = generation::COLUMNS.join(", ");
    let elements: Vec<_> = generation::KINDS.iter().map(|kind| element(*kind)).collect();
    let arrays = arrays(&elements);
    format!(
        "INSERT INTO generation ({columns}) \
         SELECT * FROM UNNEST({arrays}) AS batch ({columns}) \
         ON CONFLICT DO NOTHING RETURNING id"
    )
    .into()
});

/// `$1::TEXT[], $2::BIGINT[]` and so on.
fn arrays(elements: &[&str]) -> String {
    let arrays: Vec<String> =
        elements.iter().zip(1..).map(|(element, n)| format!("${n}::{element}[]")).collect();
    arrays.join(", ")
}

/// Inserts rows and returns the identities of those that were new.
async fn insert(
    connection: &mut PgConnection,
    rows: &[&Generation],
) -> Result<HashSet<String>, sqlx::Error> {
    let arguments = columns(rows).map_err(sqlx::Error::Encode)?;
    sqlx::query_with(AssertSqlSafe(Arc::clone(&INSERT)), arguments)
        .fetch_all(connection)
        .await?
        .iter()
        .map(|row| row.try_get(0))
        .collect()
}

/// One array per column.
fn columns(rows: &[&Generation]) -> Result<PgArguments, BoxDynError> {
    let mut columns: Vec<Vec<Cell<'_>>> =
        generation::COLUMNS.iter().map(|_| Vec::with_capacity(rows.len())).collect();
    for row in rows {
        let mut column = columns.iter_mut();
        let Ok::<_, std::convert::Infallible>(()) = write_cells(row, |cell| {
            column.next().into_iter().for_each(|column| column.push(cell.clone()));
            Ok(())
        });
    }
    let mut arguments = PgArguments::default();
    for (cells, kind) in columns.into_iter().zip(generation::KINDS) {
        let number = |cell: &Cell<'_>| match cell {
            Cell::Integer(number) => Some(*number),
            Cell::Null | Cell::Text(_) => None,
        };
        match kind {
            Kind::Integer => arguments.add(cells.iter().map(number).collect::<Vec<_>>())?,
            Kind::Boolean => arguments.add(
                cells.iter().map(|cell| number(cell).map(|number| number != 0)).collect::<Vec<_>>(),
            )?,
            Kind::Text => arguments.add(cells.into_iter().map(text).collect::<Vec<_>>())?,
        }
    }
    Ok(arguments)
}

/// PostgreSQL cannot keep NUL characters, which a caller can put into a JSON text. A charge is not
/// refused for that.
fn text(cell: Cell<'_>) -> Option<String> {
    match cell {
        Cell::Text(text) if text.contains('\0') => Some(text.replace('\0', "\u{fffd}")),
        Cell::Text(text) => Some(text.into_owned()),
        Cell::Null | Cell::Integer(_) => None,
    }
}

fn element(kind: Kind) -> &'static str {
    match kind {
        Kind::Integer => "BIGINT",
        Kind::Boolean => "BOOLEAN",
        Kind::Text => "TEXT",
    }
}

/// Freezes the price lists of rows, each version once.
async fn freeze_prices(
    connection: &mut PgConnection,
    rows: &[&Generation],
) -> Result<(), sqlx::Error> {
    let mut lists: Vec<(&str, &str)> = rows
        .iter()
        .filter_map(|row| Some((row.price_version.as_deref()?, row.prices.as_deref()?)))
        .collect();
    lists.sort_unstable();
    lists.dedup_by_key(|(version, _)| *version);
    let (versions, prices): (Vec<&str>, Vec<&str>) = lists.into_iter().unzip();
    sqlx::query(
        "INSERT INTO price_list (version, prices) SELECT * FROM UNNEST($1::TEXT[], $2::TEXT[]) \
         ON CONFLICT (version) DO NOTHING",
    )
    .bind(versions)
    .bind(prices)
    .execute(connection)
    .await?;
    Ok(())
}

/// Adds sums to a roll-up, in the order of its key: other nodes add to the same lines.
async fn add(connection: &mut PgConnection, sums: &Sums) -> Result<(), sqlx::Error> {
    let key: Vec<&str> = sums.key.iter().map(|(name, _)| *name).collect();
    let summed: Vec<&str> = sums.sums.iter().map(|(name, _)| *name).collect();
    let columns = [key.as_slice(), summed.as_slice()].concat().join(", ");
    let mut elements: Vec<&str> = sums.key.iter().map(|(_, array)| array.element()).collect();
    elements.resize(key.len() + summed.len(), "BIGINT");
    let table = sums.table;
    let joined: Vec<String> =
        summed.iter().map(|name| format!("{name} = {table}.{name} + excluded.{name}")).collect();
    let text = format!(
        "INSERT INTO {table} ({columns}) SELECT * FROM UNNEST({arrays}) AS batch ({columns}) \
         ORDER BY {key} ON CONFLICT ({key}) DO UPDATE SET {joined}",
        arrays = arrays(&elements),
        key = key.join(", "),
        joined = joined.join(", "),
    );
    let mut arguments = PgArguments::default();
    let mut bind = || -> Result<(), BoxDynError> {
        for (_, array) in &sums.key {
            array.bind(&mut arguments)?;
        }
        for (_, array) in &sums.sums {
            arguments.add(array)?;
        }
        Ok(())
    };
    bind().map_err(sqlx::Error::Encode)?;
    sqlx::query_with(AssertSqlSafe(text), arguments).execute(connection).await?;
    Ok(())
}

impl Array {
    fn element(&self) -> &'static str {
        match self {
            Array::Text(_) => "TEXT",
            Array::Integer(_) => "BIGINT",
            Array::Boolean(_) => "BOOLEAN",
        }
    }

    fn bind(&self, arguments: &mut PgArguments) -> Result<(), BoxDynError> {
        match self {
            Array::Text(values) => {
                let values: Vec<&str> = values.iter().map(|value| &**value).collect();
                arguments.add(values)
            }
            Array::Integer(values) => arguments.add(values),
            Array::Boolean(values) => arguments.add(values),
        }
    }
}
