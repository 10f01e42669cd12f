//! One batch, one transaction: the rows, and the roll-ups of exactly those rows that were new.

use std::collections::HashSet;
use std::sync::Arc;

use futures_util::TryStreamExt as _;
use sqlx::error::BoxDynError;
use sqlx::{Arguments as _, AssertSqlSafe, Either, Executor as _, Row as _};

use super::roll_up::{self, RollUp};
use crate::engine::{Arguments, BEGIN_WRITE, Connection};
use crate::{Generation, generation};

/// The most rows one transaction takes.
pub(super) const MAX_ROWS: usize = 1_000;

/// Rows per statement, largest first. A few sizes keep all statements prepared, and a batch of
/// any size needs few of them.
const SIZES: [usize; 5] = [256, 64, 16, 4, 1];

/// The statements of the writer, by number of rows. The driver runs statements on a thread of its
/// own and every hand-over costs, so that what belongs together is one text.
#[derive(Debug)]
pub(super) struct Statements {
    /// Begins the transaction and inserts.
    begin_insert: BySize,
    insert: BySize,
    insert_returning: BySize,
    roll_up: BySize,
    /// Sums and commits.
    roll_up_commit: BySize,
}

type BySize = [Arc<str>; SIZES.len()];

impl Statements {
    pub(super) fn new() -> Statements {
        let generations = |prefix: &str, suffix: &str| {
            SIZES.map(|rows| {
                let insert = insert_text("generation", generation::COLUMNS, rows);
                format!("{prefix}{insert} ON CONFLICT (id) DO NOTHING{suffix}").into()
            })
        };
        let roll_ups = |suffix: &str| {
            SIZES.map(|rows| {
                let insert = insert_text("key_usage_day", roll_up::COLUMNS, rows);
                format!("{insert}{}{suffix}", roll_up::ON_CONFLICT).into()
            })
        };
        Statements {
            begin_insert: generations(&format!("{BEGIN_WRITE};"), ""),
            insert: generations("", ""),
            insert_returning: generations("", " RETURNING id"),
            roll_up: roll_ups(""),
            roll_up_commit: roll_ups(";COMMIT"),
        }
    }
}

/// Parameters are anonymous: SQLite looks the names of numbered ones up one after the other,
/// which is quadratic in a statement with thousands of them.
fn insert_text(table: &str, columns: &[&str], rows: usize) -> String {
    let row = format!("({})", vec!["?"; columns.len()].join(","));
    let rows = vec![row; rows].join(",");
    format!("INSERT INTO {table} ({}) VALUES {rows}", columns.join(","))
}

/// Cuts items into runs for which there is a statement; gives the statement's index and the run.
fn runs<T>(mut items: &[T]) -> impl Iterator<Item = (usize, &[T])> {
    SIZES.iter().enumerate().flat_map(move |(index, &size)| {
        let (whole, rest) = items.split_at(items.len() - items.len() % size);
        items = rest;
        whole.chunks_exact(size).map(move |run| (index, run))
    })
}

fn arguments<T>(
    items: &[T],
    columns: usize,
    bind: impl Fn(&T, &mut Arguments) -> Result<(), BoxDynError>,
) -> Result<Arguments, sqlx::Error> {
    let mut arguments = Arguments::default();
    arguments.reserve(items.len() * columns, 0);
    for item in items {
        bind(item, &mut arguments).map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}

/// Writes rows and roll-ups and commits. Rows whose identity is known already, or comes twice in
/// the batch, are left out of both. After a failure the connection may be inside a transaction
/// and must be dropped.
pub(super) async fn write(
    connection: &mut Connection,
    statements: &Statements,
    rows: &[&Generation],
) -> Result<(), sqlx::Error> {
    let mut roll_up = RollUp::default();
    if insert(connection, statements, rows).await? == rows.len() {
        rows.iter().for_each(|row| roll_up.add(row));
    } else {
        // A replay is rare enough to be done again, asking which rows were new.
        connection.execute("ROLLBACK").await?;
        connection.execute(BEGIN_WRITE).await?;
        let mut new = insert_returning(connection, statements, rows).await?;
        rows.iter().filter(|row| new.remove(&*row.id)).for_each(|row| roll_up.add(row));
    }
    let lines = roll_up.lines();
    if lines.is_empty() {
        connection.execute("COMMIT").await?;
    }
    let mut runs = runs(&lines).peekable();
    while let Some((size, run)) = runs.next() {
        let last = runs.peek().is_none();
        let texts = if last { &statements.roll_up_commit } else { &statements.roll_up };
        let arguments = arguments(run, roll_up::COLUMNS.len(), |line, arguments| line(arguments))?;
        run_text(connection, &texts[size], arguments).await?;
    }
    Ok(())
}

/// Begins a transaction and inserts; says how many rows were new.
async fn insert(
    connection: &mut Connection,
    statements: &Statements,
    rows: &[&Generation],
) -> Result<usize, sqlx::Error> {
    let mut inserted = 0;
    let mut texts = &statements.begin_insert;
    for (size, run) in runs(rows) {
        let arguments = arguments(run, generation::COLUMNS.len(), |row, arguments| {
            generation::bind(row, arguments)
        })?;
        let changed = run_text(connection, &texts[size], arguments).await?;
        inserted += usize::try_from(changed).unwrap_or(usize::MAX);
        texts = &statements.insert;
    }
    Ok(inserted)
}

/// Runs a text and says how many rows its last statement changed. The statements before it are
/// left out: one that changes nothing reports the number of whichever ran before.
async fn run_text(
    connection: &mut Connection,
    text: &Arc<str>,
    arguments: Arguments,
) -> Result<u64, sqlx::Error> {
    let query = sqlx::query_with(AssertSqlSafe(Arc::clone(text)), arguments);
    let mut results = connection.fetch_many(query);
    let mut changed = 0;
    while let Some(result) = results.try_next().await? {
        if let Either::Left(done) = result {
            changed = done.rows_affected();
        }
    }
    Ok(changed)
}

async fn insert_returning(
    connection: &mut Connection,
    statements: &Statements,
    rows: &[&Generation],
) -> Result<HashSet<String>, sqlx::Error> {
    let mut new = HashSet::new();
    for (size, run) in runs(rows) {
        let text = &statements.insert_returning[size];
        let arguments = arguments(run, generation::COLUMNS.len(), |row, arguments| {
            generation::bind(row, arguments)
        })?;
        let returned = sqlx::query_with(AssertSqlSafe(Arc::clone(text)), arguments)
            .fetch_all(&mut *connection)
            .await?;
        for row in returned {
            new.insert(row.try_get(0)?);
        }
    }
    Ok(new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_of_any_size_are_cut_into_prepared_sizes_in_order() {
        for length in [0, 1, 3, 4, 63, 64, 65, 127, 1_000] {
            let items: Vec<usize> = (0..length).collect();
            let mut seen = Vec::new();
            for (size, run) in runs(&items) {
                assert_eq!(SIZES[size], run.len());
                seen.extend_from_slice(run);
            }
            assert_eq!(seen, items);
        }
    }
}
