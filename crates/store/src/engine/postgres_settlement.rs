//! Writing settlements to PostgreSQL: a batch is a transaction of two or three statements,
//! whatever its size. Rows travel as one array per column.

use std::collections::HashSet;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use sqlx::error::BoxDynError;
use sqlx::postgres::PgArguments;
use sqlx::{Arguments as _, AssertSqlSafe, Connection as _, PgConnection, Row as _};

use super::postgres::lacks_partition;
use super::{partitions, postgres_roll_up};
use crate::calendar::day_of;
use crate::generation::{Cell, Kind, write_cells};
use crate::roll_up::attempts::{self, Attempts};
use crate::roll_up::{Apps, Known, OUTLINES, Outline, RollUp, SERIES, Series, digest};
use crate::settlement::withheld::{self, HORIZON, WITHHOLD};
use crate::{Generation, generation};

/// How long a batch may take. A server that vanishes without a word would otherwise be waited for
/// until the operating system gives up, a quarter of an hour later.
const PATIENCE: Duration = Duration::from_secs(20);

/// What the database is known to have, so that a batch need not put it in again.
#[derive(Debug, Default)]
pub(crate) struct PostgresMemory {
    /// Price versions.
    versions: HashSet<Arc<str>>,
    series: Known<10, Series>,
    /// What series are in outlines.
    outlines: Known<10>,
    /// `None` until they are read.
    apps: Option<Apps>,
}

/// Writes rows that are not in the books yet, and the roll-ups of exactly those, in one
/// transaction. Rows for days without a partition get one.
///
/// Of several rows with one identity the first stands. That is so across batches because a replay
/// carries the `created_at` of the first settlement, which is part of the key.
///
/// After a failure nothing of the batch is in the books, and the connection is not to be used
/// again.
pub(crate) async fn write(
    connection: &mut PgConnection,
    rows: &[&Generation],
    memory: &mut PostgresMemory,
) -> Result<(), sqlx::Error> {
    let written = async {
        match attempt(connection, rows, memory).await {
            Err(error) if lacks_partition(&error) => {
                let days = rows.iter().flat_map(|row| {
                    let day = day_of(row.created_at);
                    // The next day as well, as long as nobody makes it in time.
                    day..=day.saturating_add(1)
                });
                partitions::prepare(connection, days).await?;
                attempt(connection, rows, memory).await
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
    memory: &mut PostgresMemory,
) -> Result<(), sqlx::Error> {
    let mut seen = HashSet::with_capacity(rows.len());
    let rows: Vec<&Generation> = rows.iter().copied().filter(|row| seen.insert(&*row.id)).collect();
    // Before the transaction, so that no node waits for another one's batch, and what is known
    // holds however the batch ends.
    let apps = match &mut memory.apps {
        Some(apps) => apps,
        unread => unread.insert(read_apps(connection).await?),
    };
    let (known, outlines) = (&mut memory.series, &mut memory.outlines);
    let mut series = number_series(connection, &rows, known, outlines, apps).await?;
    let mut transaction = connection.begin().await?;
    let mut rows = rows;
    let withheld = withhold(&mut transaction, &mut rows, &mut series).await?;
    let fresh = freeze_prices(&mut transaction, &rows, &memory.versions).await?;
    let mut new = insert(&mut transaction, &rows, &series).await?;
    let mut roll_up = RollUp::default();
    let mut attempts = Attempts::default();
    for (row, series) in rows.iter().zip(series) {
        if new.remove(&*row.id) {
            roll_up.add(row, series);
            attempts.add(row);
        }
    }
    postgres_roll_up::add(&mut transaction, &roll_up).await?;
    add_attempts(&mut transaction, &attempts).await?;
    transaction.commit().await?;
    withheld::report(withheld);
    memory.versions.extend(fresh);
    Ok(())
}

/// Takes out of a batch the rows whose day has left, and keeps apart those of them that are not
/// known; gives how many that were. While the batch goes on no further day leaves: the horizon
/// waits.
async fn withhold(
    connection: &mut PgConnection,
    rows: &mut Vec<&Generation>,
    series: &mut Vec<Series>,
) -> Result<usize, sqlx::Error> {
    if !withheld::is_any_old(rows) {
        return Ok(0);
    }
    let horizon = format!("{HORIZON} FOR SHARE");
    let horizon = sqlx::query_scalar(AssertSqlSafe(horizon)).fetch_optional(&mut *connection);
    let horizon: Option<i64> = horizon.await?;
    let beyond: Vec<&Generation> =
        rows.iter().copied().filter(|row| withheld::is_beyond(row, horizon)).collect();
    if beyond.is_empty() {
        return Ok(0);
    }
    let mut kept = rows.iter().map(|row| !withheld::is_beyond(row, horizon));
    series.retain(|_| kept.next().unwrap_or(true));
    rows.retain(|row| !withheld::is_beyond(row, horizon));
    let mut count = 0;
    for row in beyond {
        let known = "SELECT EXISTS (SELECT 1 FROM generation WHERE id = $1)";
        if sqlx::query_scalar(known).bind(&*row.id).fetch_one(&mut *connection).await? {
            continue;
        }
        let withheld = sqlx::query(WITHHOLD)
            .bind(&*row.id)
            .bind(row.created_at)
            .bind(&*row.key_hash)
            .bind(row.total_cost)
            .bind(row.upstream_inference_cost)
            .bind(withheld::record(row))
            .execute(&mut *connection)
            .await?;
        count += usize::try_from(withheld.rows_affected()).unwrap_or(usize::MAX);
    }
    Ok(count)
}

/// The applications that are told apart already.
async fn read_apps(connection: &mut PgConnection) -> Result<Apps, sqlx::Error> {
    let names: Vec<String> = sqlx::query_scalar(Apps::SELECT).fetch_all(connection).await?;
    Ok(Apps::of(names.into_iter()))
}

/// Adds attempts to their roll-up.
async fn add_attempts(
    connection: &mut PgConnection,
    counted: &Attempts,
) -> Result<(), sqlx::Error> {
    let (mut stretches, mut counts) = (Vec::new(), Vec::new());
    let mut texts = [Vec::new(), Vec::new(), Vec::new()];
    for (stretch, account, provider, error, count) in counted.lines() {
        stretches.push(stretch);
        counts.push(count);
        for (column, text) in texts.iter_mut().zip([account, provider, error]) {
            column.push(without_nul(text));
        }
    }
    if stretches.is_empty() {
        return Ok(());
    }
    let [accounts, providers, errors] = texts;
    let text = format!(
        "INSERT INTO attempt_stretch ({}) SELECT * FROM \
         UNNEST($1::BIGINT[], $2::TEXT[], $3::TEXT[], $4::TEXT[], $5::BIGINT[]) {}",
        attempts::COLUMNS,
        attempts::ON_CONFLICT
    );
    sqlx::query(AssertSqlSafe(text))
        .bind(stretches)
        .bind(accounts)
        .bind(providers)
        .bind(errors)
        .bind(counts)
        .execute(connection)
        .await?;
    Ok(())
}

/// The series of rows; those that are new get numbers.
async fn number_series(
    connection: &mut PgConnection,
    rows: &[&Generation],
    known: &mut Known<10, Series>,
    known_outlines: &mut Known<10>,
    apps: &mut Apps,
) -> Result<Vec<Series>, sqlx::Error> {
    let mut numbers = Vec::with_capacity(rows.len());
    for row in rows {
        let texts = apps.texts(row);
        let series = match known.find(&texts) {
            Some(series) => series,
            None => {
                let mut outlines = [0; OUTLINES];
                for outline in Outline::ALL {
                    let texts = outline.texts(&texts);
                    outlines[outline as usize] = match known_outlines.find(&texts) {
                        Some(number) => number,
                        None => {
                            let number = number_in_database(connection, &texts).await?;
                            known_outlines.learn(&texts, number);
                            known_outlines.conclude(true);
                            number
                        }
                    };
                }
                let number = number_in_database(connection, &texts).await?;
                let series = Series { number, outlines };
                known.learn(&texts, series);
                known.conclude(true);
                series
            }
        };
        numbers.push(series);
    }
    Ok(numbers)
}

/// Few rows are the first of their series: a statement for each does no harm.
async fn number_in_database(
    connection: &mut PgConnection,
    texts: &[Option<&str>; 10],
) -> Result<i64, sqlx::Error> {
    let digest = digest(texts);
    let mut query = sqlx::query(AssertSqlSafe(SERIES.insert())).bind(&digest);
    for text in texts {
        query = query.bind(text.map(without_nul));
    }
    query.execute(&mut *connection).await?;
    sqlx::query_scalar(AssertSqlSafe(SERIES.select())).bind(&digest).fetch_one(connection).await
}

static INSERT: LazyLock<Arc<str>> = LazyLock::new(|| {
    let columns = generation::COLUMNS.join(", ");
    let kinds = generation::KINDS.iter().copied().chain([Kind::Integer]);
    let elements: Vec<_> = kinds.map(element).collect();
    let arrays = arrays(&elements);
    format!(
        "INSERT INTO generation ({columns}, series) \
         SELECT * FROM UNNEST({arrays}) AS batch ({columns}, series) \
         ON CONFLICT DO NOTHING RETURNING id"
    )
    .into()
});

/// `$1::TEXT[], $2::BIGINT[]` and so on.
pub(super) fn arrays(elements: &[&str]) -> String {
    let arrays: Vec<String> =
        elements.iter().zip(1..).map(|(element, n)| format!("${n}::{element}[]")).collect();
    arrays.join(", ")
}

/// Inserts rows and returns the identities of those that were new.
async fn insert(
    connection: &mut PgConnection,
    rows: &[&Generation],
    series: &[Series],
) -> Result<HashSet<String>, sqlx::Error> {
    let mut arguments = columns(rows).map_err(sqlx::Error::Encode)?;
    let numbers: Vec<i64> = series.iter().map(|series| series.number).collect();
    arguments.add(numbers).map_err(sqlx::Error::Encode)?;
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

fn text(cell: Cell<'_>) -> Option<String> {
    match cell {
        Cell::Text(text) if text.contains('\0') => Some(without_nul(&text)),
        Cell::Text(text) => Some(text.into_owned()),
        Cell::Null | Cell::Integer(_) => None,
    }
}

/// PostgreSQL cannot keep NUL characters, which a caller can put into a JSON text. A charge is not
/// refused for that.
fn without_nul(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

fn element(kind: Kind) -> &'static str {
    match kind {
        Kind::Integer => "BIGINT",
        Kind::Boolean => "BOOLEAN",
        Kind::Text => "TEXT",
    }
}

/// Freezes the price lists of rows, each version once. Returns those that were not known.
async fn freeze_prices(
    connection: &mut PgConnection,
    rows: &[&Generation],
    known: &HashSet<Arc<str>>,
) -> Result<Vec<Arc<str>>, sqlx::Error> {
    let mut lists: Vec<(&Arc<str>, &Arc<str>)> = rows
        .iter()
        .filter_map(|row| Some((row.price_version.as_ref()?, row.prices.as_ref()?)))
        .filter(|(version, _)| !known.contains(*version))
        .collect();
    if lists.is_empty() {
        return Ok(Vec::new());
    }
    lists.sort_unstable();
    lists.dedup_by_key(|(version, _)| *version);
    let versions: Vec<&str> = lists.iter().map(|(version, _)| &***version).collect();
    let prices: Vec<&str> = lists.iter().map(|(_, prices)| &***prices).collect();
    sqlx::query(
        "INSERT INTO price_list (version, prices) SELECT * FROM UNNEST($1::TEXT[], $2::TEXT[]) \
         ON CONFLICT (version) DO NOTHING",
    )
    .bind(versions)
    .bind(prices)
    .execute(connection)
    .await?;
    Ok(lists.into_iter().map(|(version, _)| Arc::clone(version)).collect())
}
