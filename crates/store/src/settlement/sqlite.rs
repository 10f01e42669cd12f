//! Batches into SQLite, one transaction each: the rows, and the roll-ups of exactly those rows
//! that were new.
//!
//! The clerk's connection is driven on its own thread: handing each statement to another one
//! costs more than running it.

use std::collections::HashSet;
use std::sync::Arc;

use rusqlite::types::{ToSql, ToSqlOutput, ValueRef};
use rusqlite::{
    CachedStatement, Connection, ErrorCode, OptionalExtension as _, Statement, Transaction,
    TransactionBehavior,
};

use super::target::WriteError;
use super::withheld::{self, HORIZON, WITHHOLD};
use crate::Generation;
use crate::engine::Engine;
use crate::generation::{APP, COLUMNS, Cell, MANNER, write_cells};
use crate::roll_up::attempts::{self, Attempts};
use crate::roll_up::{
    Apps, Combination, KeyDays, Known, OUTLINES, Outline, Place, RollUp, SERIES, Series, Sums,
    Table, digest, key_day,
};

impl From<rusqlite::Error> for WriteError {
    fn from(error: rusqlite::Error) -> WriteError {
        match error.sqlite_error_code() {
            Some(ErrorCode::ConstraintViolation | ErrorCode::TooBig | ErrorCode::TypeMismatch) => {
                WriteError::Row(Box::new(error))
            }
            _ => WriteError::Database(Box::new(error)),
        }
    }
}

/// The books in a file.
pub(crate) struct SqliteBooks {
    engine: Engine,
    /// `None` after a failure: a connection that failed in a transaction is not trusted again.
    connection: Option<Connection>,
    texts: Texts,
    known: KnownTexts,
}

/// What the database has already.
#[derive(Default)]
struct KnownTexts {
    /// Price versions.
    versions: HashSet<Arc<str>>,
    series: Known<10, Series>,
    /// What series are in outlines.
    outlines: Known<10>,
    /// `None` until they are read.
    named_apps: Option<Apps>,
    manners: Known<12>,
    apps: Known<5>,
}

/// The texts of statements.
struct Texts {
    /// By whether manner and app are named by number.
    inserts: [Insert; 4],
    key_day: String,
    minute: String,
    day: String,
    outlines: [String; OUTLINES],
}

/// How a row is inserted.
struct Insert {
    text: String,
    /// Which of the generation's columns are among those written.
    written: Vec<bool>,
}

const PRICE_LIST: &str =
    "INSERT INTO price_list (version, prices) VALUES (?, ?) ON CONFLICT (version) DO NOTHING";

/// The most combinations of texts a transaction puts where they stand once. Beyond it rows keep
/// their texts themselves: texts that are always others are not worth it.
const MOST_FRESH: usize = 32;

impl Insert {
    fn new(has_manner: bool, has_app: bool) -> Insert {
        let is_shared = |column: &str| {
            // The index needs the workspace in the row.
            (SERIES.columns.contains(&column) && !["workspace_id", "is_byok"].contains(&column))
                || (has_manner && MANNER.columns.contains(&column))
                || (has_app && APP.columns.contains(&column))
        };
        let written: Vec<bool> = COLUMNS.iter().map(|column| !is_shared(column)).collect();
        let mut columns: Vec<&str> = COLUMNS
            .iter()
            .zip(&written)
            .filter_map(|(column, is_written)| is_written.then_some(*column))
            .collect();
        columns.extend(["series", "manner", "app"]);
        let text = format!(
            "INSERT INTO generation ({}) VALUES ({}) ON CONFLICT (id) DO NOTHING",
            columns.join(","),
            vec!["?"; columns.len()].join(",")
        );
        Insert { text, written }
    }
}

impl SqliteBooks {
    pub(super) fn new(engine: Engine) -> SqliteBooks {
        let texts = Texts {
            inserts: [(false, false), (true, false), (false, true), (true, true)]
                .map(|(has_manner, has_app)| Insert::new(has_manner, has_app)),
            key_day: format!(
                "INSERT INTO key_usage_day ({}) VALUES ({}){}",
                key_day::COLUMNS.join(","),
                vec!["?"; key_day::COLUMNS.len()].join(","),
                key_day::ON_CONFLICT
            ),
            minute: Table::Minute.add_line(),
            day: Table::Day.add_line(),
            outlines: Outline::ALL.map(|outline| Table::Outline(outline).add_line()),
        };
        SqliteBooks { engine, connection: None, texts, known: KnownTexts::default() }
    }

    /// Writes rows and roll-ups and commits. Rows whose identity is known already, or comes twice
    /// in the batch, are left out of both.
    pub(super) fn write(&mut self, rows: &[&Generation]) -> Result<(), WriteError> {
        let _turn = self.engine.blocking_write_turn();
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.engine.connect_clerk()?,
        };
        let written = self.write_with(&mut connection, rows);
        let is_committed = written.is_ok();
        self.known.series.conclude(is_committed);
        self.known.outlines.conclude(is_committed);
        self.known.manners.conclude(is_committed);
        self.known.apps.conclude(is_committed);
        self.known.versions.extend(written?);
        self.connection = Some(connection);
        Ok(())
    }

    /// Returns the price versions that were new.
    fn write_with(
        &mut self,
        connection: &mut Connection,
        rows: &[&Generation],
    ) -> Result<Vec<Arc<str>>, rusqlite::Error> {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let known = &mut self.known;
        let horizon = match withheld::is_any_old(rows) {
            true => transaction.query_row(HORIZON, (), |row| row.get(0)).optional()?,
            false => None,
        };
        let mut withheld = 0;
        let mut roll_up = RollUp::default();
        let mut key_days = KeyDays::default();
        let mut attempts = Attempts::default();
        let mut fresh = Vec::new();
        let mut statement: Option<(usize, CachedStatement<'_>)> = None;
        for row in rows {
            if withheld::is_beyond(row, horizon) {
                withheld += withhold(&transaction, row)?;
                continue;
            }
            if let (Some(version), Some(prices)) = (&row.price_version, &row.prices)
                && !known.versions.contains(version)
                && !fresh.contains(version)
            {
                transaction.execute(PRICE_LIST, (&**version, &**prices))?;
                fresh.push(Arc::clone(version));
            }
            let named = match &mut known.named_apps {
                Some(named) => named,
                unread => unread.insert(read_apps(&transaction)?),
            };
            let texts = named.texts(row);
            let series = match known.series.find(&texts) {
                Some(series) => series,
                None => {
                    let series = new_series(&transaction, &mut known.outlines, &texts)?;
                    known.series.learn(&texts, series);
                    series
                }
            };
            let manner = number_if_worth(&transaction, &MANNER, &mut known.manners, row)?;
            let app = number_if_worth(&transaction, &APP, &mut known.apps, row)?;
            let place = usize::from(manner.is_some()) + 2 * usize::from(app.is_some());
            let insert = &self.texts.inserts[place];
            // Finding a statement by its text costs as much as binding all of it.
            let statement = match &mut statement {
                Some((of, statement)) if *of == place => statement,
                other => &mut other.insert((place, transaction.prepare_cached(&insert.text)?)).1,
            };
            let changed = run(statement, |bind| {
                let mut written = insert.written.iter();
                write_cells(row, |cell| match written.next() {
                    Some(true) => bind(cell),
                    _ => Ok(()),
                })?;
                bind(Cell::Integer(series.number))?;
                bind(manner.map_or(Cell::Null, Cell::Integer))?;
                bind(app.map_or(Cell::Null, Cell::Integer))
            })?;
            if changed == 1 {
                roll_up.add(row, series);
                key_days.add(row);
                attempts.add(row);
            }
        }
        drop(statement);
        {
            let mut add = transaction.prepare_cached(&self.texts.key_day)?;
            for line in key_days.lines() {
                run(&mut add, |bind| line.into_iter().try_for_each(bind))?;
            }
        }
        add_lines(&transaction, &self.texts.minute, &roll_up.minutes())?;
        let days = roll_up.days();
        add_lines(&transaction, &self.texts.day, &days)?;
        for (outline, text) in Outline::ALL.into_iter().zip(&self.texts.outlines) {
            add_lines(&transaction, text, &roll_up.outlined(&days, outline))?;
        }
        add_attempts(&transaction, &attempts)?;
        transaction.commit()?;
        withheld::report(withheld);
        Ok(fresh)
    }

    pub(super) fn close(&mut self) {
        if let Some(connection) = self.connection.take()
            && let Err((_, error)) = connection.close()
        {
            tracing::warn!(%error, "closing the settlement connection failed");
        }
    }
}

/// Keeps a row apart whose day has left, unless it is known; gives how many rows that were.
fn withhold(transaction: &Transaction<'_>, row: &Generation) -> Result<usize, rusqlite::Error> {
    let known = "SELECT 1 FROM generation WHERE id = ?";
    if transaction.prepare_cached(known)?.exists((&*row.id,))? {
        return Ok(0);
    }
    transaction.prepare_cached(WITHHOLD)?.execute((
        &*row.id,
        row.created_at,
        &*row.key_hash,
        row.total_cost,
        row.upstream_inference_cost,
        withheld::record(row),
    ))
}

/// The number of a row's combination of texts, unless it is new and the transaction has put in
/// too many.
fn number_if_worth<const N: usize>(
    transaction: &Transaction<'_>,
    combination: &Combination<N>,
    known: &mut Known<N>,
    row: &Generation,
) -> Result<Option<i64>, rusqlite::Error> {
    if known.fresh() >= MOST_FRESH {
        return Ok(known.find(&(combination.texts)(row)));
    }
    number(transaction, combination, known, &(combination.texts)(row)).map(Some)
}

/// The number of a row's combination of texts, which is put in if it is new.
fn number<const N: usize>(
    transaction: &Transaction<'_>,
    combination: &Combination<N>,
    known: &mut Known<N>,
    texts: &[Option<&str>; N],
) -> Result<i64, rusqlite::Error> {
    if let Some(number) = known.find(texts) {
        return Ok(number);
    }
    let number = number_in_database(transaction, combination, texts)?;
    known.learn(texts, number);
    Ok(number)
}

/// A series that is not known yet, with what it is in outlines.
fn new_series(
    transaction: &Transaction<'_>,
    known: &mut Known<10>,
    texts: &[Option<&str>; 10],
) -> Result<Series, rusqlite::Error> {
    let mut outlines = [0; OUTLINES];
    for outline in Outline::ALL {
        outlines[outline as usize] = number(transaction, &SERIES, known, &outline.texts(texts))?;
    }
    Ok(Series { number: number_in_database(transaction, &SERIES, texts)?, outlines })
}

fn number_in_database<const N: usize>(
    transaction: &Transaction<'_>,
    combination: &Combination<N>,
    texts: &[Option<&str>; N],
) -> Result<i64, rusqlite::Error> {
    let digest = digest(texts);
    let mut insert = transaction.prepare_cached(&combination.insert())?;
    insert.raw_bind_parameter(1, &digest)?;
    for (place, text) in (2..).zip(texts) {
        insert.raw_bind_parameter(place, text)?;
    }
    insert.raw_execute()?;
    let mut select = transaction.prepare_cached(&combination.select())?;
    select.query_row([&digest], |row| row.get(0))
}

/// The applications that are told apart already.
fn read_apps(transaction: &Transaction<'_>) -> Result<Apps, rusqlite::Error> {
    let mut select = transaction.prepare_cached(Apps::SELECT)?;
    let names = select.query_map((), |row| row.get(0))?.collect::<Result<Vec<String>, _>>()?;
    Ok(Apps::of(names.into_iter()))
}

fn add_attempts(transaction: &Transaction<'_>, counted: &Attempts) -> Result<(), rusqlite::Error> {
    let text = format!(
        "INSERT INTO attempt_stretch ({}) VALUES (?, ?, ?, ?, ?) {}",
        attempts::COLUMNS,
        attempts::ON_CONFLICT
    );
    let mut add = transaction.prepare_cached(&text)?;
    for ((stretch, account, provider, error), count) in counted.lines() {
        add.execute((stretch, &**account, &**provider, &**error, count))?;
    }
    Ok(())
}

fn add_lines(
    transaction: &Transaction<'_>,
    text: &str,
    lines: &[(Place, Sums)],
) -> Result<(), rusqlite::Error> {
    let mut add = transaction.prepare_cached(text)?;
    for ((time, series), sums) in lines {
        run(&mut add, |bind| {
            [time, series]
                .into_iter()
                .chain(sums.figures())
                .try_for_each(|n| bind(Cell::Integer(*n)))
        })?;
    }
    Ok(())
}

type Bind<'b, 'c> = &'b mut dyn FnMut(Cell<'c>) -> Result<(), rusqlite::Error>;

/// Runs a statement with the cells given; says how many rows it changed.
fn run<'c>(
    statement: &mut Statement<'_>,
    cells: impl FnOnce(Bind<'_, 'c>) -> Result<(), rusqlite::Error>,
) -> Result<usize, rusqlite::Error> {
    let mut index = 0;
    cells(&mut |cell| {
        index += 1;
        statement.raw_bind_parameter(index, cell)
    })?;
    statement.raw_execute()
}

impl ToSql for Cell<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Cell::Null => ValueRef::Null,
            Cell::Integer(number) => ValueRef::Integer(*number),
            Cell::Text(text) => ValueRef::Text(text.as_bytes()),
        }))
    }
}
