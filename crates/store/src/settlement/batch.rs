//! One batch, one transaction: the rows, and the roll-ups of exactly those rows that were new.

use std::collections::HashSet;
use std::sync::Arc;

use sqlx::error::BoxDynError;
use sqlx::{Arguments as _, AssertSqlSafe, Connection as _, Row as _};

use super::roll_up::{self, RollUp};
use crate::engine::{Arguments, BEGIN_WRITE, Connection};
use crate::{Generation, generation};

/// The most rows one transaction takes.
pub(super) const MAX_ROWS: usize = 1_000;

/// Rows per statement, largest first. A few sizes keep all statements prepared, and a batch of
/// any size needs few of them.
const SIZES: [usize; 4] = [64, 16, 4, 1];

/// The statements of the writer, by number of rows.
#[derive(Debug)]
pub(super) struct Statements {
    insert: [(usize, Arc<str>); SIZES.len()],
    insert_returning: [(usize, Arc<str>); SIZES.len()],
    roll_up: [(usize, Arc<str>); SIZES.len()],
}

impl Statements {
    pub(super) fn new() -> Statements {
        let generations = |suffix: &str| {
            SIZES.map(|rows| (rows, insert_text("generation", generation::COLUMNS, rows, suffix)))
        };
        Statements {
            insert: generations(" ON CONFLICT (id) DO NOTHING"),
            insert_returning: generations(" ON CONFLICT (id) DO NOTHING RETURNING id"),
            roll_up: SIZES.map(|rows| {
                let (table, columns) = ("key_usage_day", roll_up::COLUMNS);
                (rows, insert_text(table, columns, rows, roll_up::ON_CONFLICT))
            }),
        }
    }
}

/// Parameters are anonymous: SQLite looks the names of numbered ones up one after the other,
/// which is quadratic in a statement with thousands of them.
fn insert_text(table: &str, columns: &[&str], rows: usize, suffix: &str) -> Arc<str> {
    let row = format!("({})", vec!["?"; columns.len()].join(","));
    let rows = vec![row; rows].join(",");
    format!("INSERT INTO {table} ({}) VALUES {rows}{suffix}", columns.join(",")).into()
}

/// Cuts items into runs for which there is a statement.
fn runs<'a, T>(
    statements: &'a [(usize, Arc<str>)],
    mut items: &'a [T],
) -> impl Iterator<Item = (&'a Arc<str>, &'a [T])> {
    statements.iter().flat_map(move |(size, text)| {
        let (whole, rest) = items.split_at(items.len() - items.len() % size);
        items = rest;
        whole.chunks_exact(*size).map(move |run| (text, run))
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
/// the batch, are left out of both.
pub(super) async fn write(
    connection: &mut Connection,
    statements: &Statements,
    rows: &[&Generation],
) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin_with(BEGIN_WRITE).await?;
    let inserted = insert(&mut transaction, statements, rows).await?;
    let mut roll_up = RollUp::default();
    if inserted == rows.len() {
        rows.iter().for_each(|row| roll_up.add(row));
    } else {
        // A replay is rare enough to be done again, asking which rows were new.
        transaction.rollback().await?;
        transaction = connection.begin_with(BEGIN_WRITE).await?;
        let mut new = insert_returning(&mut transaction, statements, rows).await?;
        rows.iter().filter(|row| new.remove(&*row.id)).for_each(|row| roll_up.add(row));
    }
    for (text, run) in runs(&statements.roll_up, &roll_up.lines()) {
        let arguments = arguments(run, roll_up::COLUMNS.len(), |line, arguments| line(arguments))?;
        sqlx::query_with(AssertSqlSafe(Arc::clone(text)), arguments)
            .execute(&mut *transaction)
            .await?;
    }
    transaction.commit().await
}

async fn insert(
    connection: &mut Connection,
    statements: &Statements,
    rows: &[&Generation],
) -> Result<usize, sqlx::Error> {
    let mut inserted = 0;
    for (text, run) in runs(&statements.insert, rows) {
        let arguments = arguments(run, generation::COLUMNS.len(), |row, arguments| {
            generation::bind(row, arguments)
        })?;
        let done = sqlx::query_with(AssertSqlSafe(Arc::clone(text)), arguments)
            .execute(&mut *connection)
            .await?;
        inserted += usize::try_from(done.rows_affected()).unwrap_or(usize::MAX);
    }
    Ok(inserted)
}

async fn insert_returning(
    connection: &mut Connection,
    statements: &Statements,
    rows: &[&Generation],
) -> Result<HashSet<String>, sqlx::Error> {
    let mut new = HashSet::new();
    for (text, run) in runs(&statements.insert_returning, rows) {
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
        let statements = SIZES.map(|size| (size, Arc::from(size.to_string())));
        for length in [0, 1, 3, 4, 63, 64, 65, 127, 1_000] {
            let items: Vec<usize> = (0..length).collect();
            let mut seen = Vec::new();
            for (text, run) in runs(&statements, &items) {
                assert_eq!(text.parse(), Ok(run.len()));
                seen.extend_from_slice(run);
            }
            assert_eq!(seen, items);
        }
    }
}
