//! Batches into SQLite, one transaction each: the rows, and the roll-ups of exactly those rows
//! that were new.
//!
//! The clerk's connection is driven on its own thread: handing each statement to another one
//! costs more than running it.

use std::collections::HashSet;
use std::convert::Infallible;
use std::sync::Arc;

use rusqlite::types::{ToSql, ToSqlOutput, ValueRef};
use rusqlite::{
    Connection, ErrorCode, OptionalExtension as _, Statement, Transaction, TransactionBehavior,
};

use super::target::WriteError;
use super::withheld::{self, HORIZON, WITHHOLD};
use crate::Generation;
use crate::engine::Engine;
use crate::generation::{APP, COLUMNS, Cell, MANNER, RARE, has_rare, write_cells};
use crate::roll_up::attempts::{self, Attempts};
use crate::roll_up::{
    Apps, Combination, KeyDays, Known, Last, OUTLINES, Outline, Place, RollUp, SERIES, Series,
    Sums, Table, digest, key_day,
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
    connection: Option<Open>,
    texts: Texts,
}

/// A connection, and what was learnt over it, which holds no longer than it does.
struct Open {
    connection: Connection,
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

/// What the row before had.
#[derive(Default)]
struct LastTexts<'g> {
    series: Last<'g, 10, Series>,
    manner: Last<'g, 12>,
    app: Last<'g, 5>,
}

/// The texts of statements.
struct Texts {
    /// By [`Insert::place`].
    inserts: [Insert; 8],
    key_day: String,
    minute: String,
    day: String,
    outlines: [String; OUTLINES],
}

/// How rows are inserted.
struct Insert {
    /// One of them.
    one: String,
    /// [`TOGETHER`] of them.
    many: String,
    /// Which of the generation's columns are among those written.
    written: Vec<bool>,
}

/// So many rows are inserted by one statement where there are as many: to begin and to end it costs
/// about as much as a row.
const TOGETHER: usize = 8;

/// A row with what it is named by.
struct Named<'g> {
    row: &'g Generation,
    series: Series,
    manner: Option<i64>,
    app: Option<i64>,
    /// See [`Insert::place`].
    place: usize,
}

impl<'g> Named<'g> {
    fn bind(&self, insert: &Insert, bind: Bind<'_, 'g>) -> Result<(), rusqlite::Error> {
        let mut written = insert.written.iter();
        write_cells(self.row, |cell| match written.next() {
            Some(true) => bind(cell),
            _ => Ok(()),
        })?;
        bind(Cell::Integer(self.series.number))?;
        bind(self.manner.map_or(Cell::Null, Cell::Integer))?;
        bind(self.app.map_or(Cell::Null, Cell::Integer))
    }
}

/// What became of a transaction.
enum Outcome {
    /// It was committed, with these price versions that were new.
    Committed(Vec<Arc<str>>),
    /// It was undone: some of the rows that were inserted together were known already, and which
    /// they were nobody can tell.
    SomeKnown,
}

/// What a transaction adds to the roll-ups.
#[derive(Default)]
struct Added {
    roll_up: RollUp,
    key_days: KeyDays,
    attempts: Attempts,
}

impl Added {
    fn add(&mut self, named: &Named<'_>) {
        self.roll_up.add(named.row, named.series);
        self.key_days.add(named.row);
        self.attempts.add(named.row);
    }
}

const PRICE_LIST: &str =
    "INSERT INTO price_list (version, prices) VALUES (?, ?) ON CONFLICT (version) DO NOTHING";

/// The most combinations of texts a transaction puts where they stand once. Beyond it rows keep
/// their texts themselves: texts that are always others are not worth it.
const MOST_FRESH: usize = 32;

impl Insert {
    /// All of them, in the order of [`Insert::place`].
    fn all() -> [Insert; 8] {
        std::array::from_fn(|place| Insert::new(place & 1 > 0, place & 2 > 0, place & 4 > 0))
    }

    /// By whether manner and app are named by number, and whether there is something in a rare
    /// column.
    fn place(has_manner: bool, has_app: bool, has_rare: bool) -> usize {
        usize::from(has_manner) | usize::from(has_app) << 1 | usize::from(has_rare) << 2
    }

    fn new(has_manner: bool, has_app: bool, has_rare: bool) -> Insert {
        let is_shared = |column: &str| {
            // The index needs the workspace in the row.
            (SERIES.columns.contains(&column) && !["workspace_id", "is_byok"].contains(&column))
                || (has_manner && MANNER.columns.contains(&column))
                || (has_app && APP.columns.contains(&column))
        };
        let (mut columns, mut values) = (Vec::new(), Vec::new());
        let mut written = Vec::with_capacity(COLUMNS.len());
        for (column, nothing) in COLUMNS.iter().zip(nothings()) {
            let is_empty = !has_rare && RARE.contains(column);
            let is_written = !is_shared(column) && !is_empty;
            written.push(is_written);
            // What is the same in every row need not be bound in each.
            if is_written || is_empty {
                columns.push(*column);
                values.push(if is_written { "?" } else { nothing });
            }
        }
        columns.extend(["series", "manner", "app"]);
        values.extend(["?", "?", "?"]);
        let (columns, values) = (columns.join(","), format!("({})", values.join(",")));
        let text = |rows: usize| {
            let rows = vec![values.as_str(); rows].join(",");
            // What else may be wrong with a row ends the transaction, so that a statement need not
            // keep what it would undo.
            format!(
                "INSERT OR FAIL INTO generation ({columns}) VALUES {rows} \
                 ON CONFLICT (id) DO NOTHING"
            )
        };
        Insert { one: text(1), many: text(TOGETHER), written }
    }
}

/// What stands in each of [`COLUMNS`] where there is nothing.
fn nothings() -> Vec<&'static str> {
    let mut nothings = Vec::with_capacity(COLUMNS.len());
    let empty = Generation::default();
    let Ok::<_, Infallible>(()) = write_cells(&empty, |cell| {
        nothings.push(if matches!(cell, Cell::Integer(_)) { "0" } else { "NULL" });
        Ok(())
    });
    nothings
}

impl SqliteBooks {
    pub(super) fn new(engine: Engine) -> SqliteBooks {
        let texts = Texts {
            inserts: Insert::all(),
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
        SqliteBooks { engine, connection: None, texts }
    }

    /// Writes rows and roll-ups and commits. Rows whose identity is known already, or comes twice
    /// in the batch, are left out of both.
    pub(super) fn write(&mut self, rows: &[&Generation]) -> Result<(), WriteError> {
        let _turn = self.engine.blocking_write_turn();
        self.engine.check_place().map_err(|error| WriteError::Database(Box::new(error)))?;
        let mut open = match self.connection.take() {
            Some(open) => open,
            None => {
                let connection = self.engine.connect_clerk()?;
                Open { connection, known: KnownTexts::default() }
            }
        };
        let mut outcome = open.transact(&self.texts, rows, true)?;
        if matches!(outcome, Outcome::SomeKnown) {
            outcome = open.transact(&self.texts, rows, false)?;
        }
        match outcome {
            Outcome::Committed(versions) => open.known.versions.extend(versions),
            // One by one it is always told: nothing was written, and nobody must think so.
            Outcome::SomeKnown => return Err(WriteError::Database("rows were undone".into())),
        }
        self.connection = Some(open);
        Ok(())
    }

    pub(super) fn close(&mut self) {
        if let Some(open) = self.connection.take()
            && let Err((_, error)) = open.connection.close()
        {
            tracing::warn!(%error, "closing the settlement connection failed");
        }
    }
}

impl Open {
    /// One transaction. `together`: rows may share statements.
    fn transact(
        &mut self,
        texts: &Texts,
        rows: &[&Generation],
        together: bool,
    ) -> Result<Outcome, rusqlite::Error> {
        let outcome = self.write(texts, rows, together);
        let is_committed = matches!(outcome, Ok(Outcome::Committed(_)));
        self.known.series.conclude(is_committed);
        self.known.outlines.conclude(is_committed);
        self.known.manners.conclude(is_committed);
        self.known.apps.conclude(is_committed);
        outcome
    }

    fn write(
        &mut self,
        statements: &Texts,
        rows: &[&Generation],
        together: bool,
    ) -> Result<Outcome, rusqlite::Error> {
        let Open { connection, known } = self;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let horizon = match withheld::is_any_old(rows) {
            true => transaction.query_row(HORIZON, (), |row| row.get(0)).optional()?,
            false => None,
        };
        let mut withheld = 0;
        let mut fresh = Vec::new();
        let mut last = LastTexts::default();
        let mut named_rows = Vec::with_capacity(rows.len());
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
            let apps = match &mut known.named_apps {
                Some(apps) => apps,
                unread => unread.insert(read_apps(&transaction)?),
            };
            let texts = apps.texts(row);
            let series = match last.series.find(&texts).or_else(|| known.series.find(&texts)) {
                Some(series) => series,
                None => {
                    let series = new_series(&transaction, &mut known.outlines, &texts)?;
                    known.series.learn(&texts, series);
                    series
                }
            };
            last.series.put(texts, series);
            let manner =
                number_if_worth(&transaction, &MANNER, &mut known.manners, &mut last.manner, row)?;
            let app = number_if_worth(&transaction, &APP, &mut known.apps, &mut last.app, row)?;
            let place = Insert::place(manner.is_some(), app.is_some(), has_rare(row));
            named_rows.push(Named { row, series, manner, app, place });
        }
        let mut added = Added::default();
        for alike in named_rows.chunk_by(|one, next| one.place == next.place) {
            let insert = &statements.inserts[alike[0].place];
            if !insert_alike(&transaction, insert, alike, together, &mut added)? {
                return Ok(Outcome::SomeKnown);
            }
        }
        let Added { roll_up, key_days, attempts } = added;
        {
            let mut add = transaction.prepare_cached(&statements.key_day)?;
            for line in key_days.lines() {
                run(&mut add, |bind| line.into_iter().try_for_each(bind))?;
            }
        }
        add_lines(&transaction, &statements.minute, &roll_up.minutes())?;
        let days = roll_up.days();
        add_lines(&transaction, &statements.day, &days)?;
        for (outline, text) in Outline::ALL.into_iter().zip(&statements.outlines) {
            add_lines(&transaction, text, &roll_up.outlined(&days, outline))?;
        }
        add_attempts(&transaction, &attempts)?;
        transaction.commit()?;
        withheld::report(withheld);
        Ok(Outcome::Committed(fresh))
    }
}

/// Inserts rows that are written alike, and adds those that are new. `false` if it cannot be told
/// which they are: then the transaction is to be undone.
fn insert_alike(
    transaction: &Transaction<'_>,
    insert: &Insert,
    rows: &[Named<'_>],
    together: bool,
    added: &mut Added,
) -> Result<bool, rusqlite::Error> {
    let (groups, others) = if together { rows.as_chunks::<TOGETHER>() } else { (&[][..], rows) };
    if !groups.is_empty() {
        let mut statement = transaction.prepare_cached(&insert.many)?;
        for group in groups {
            let changed = run(&mut statement, |bind| {
                group.iter().try_for_each(|row| row.bind(insert, bind))
            })?;
            if changed != TOGETHER {
                return Ok(false);
            }
            group.iter().for_each(|row| added.add(row));
        }
    }
    if !others.is_empty() {
        let mut statement = transaction.prepare_cached(&insert.one)?;
        for row in others {
            if run(&mut statement, |bind| row.bind(insert, bind))? == 1 {
                added.add(row);
            }
        }
    }
    Ok(true)
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
fn number_if_worth<'g, const N: usize>(
    transaction: &Transaction<'_>,
    combination: &Combination<N>,
    known: &mut Known<N>,
    last: &mut Last<'g, N>,
    row: &'g Generation,
) -> Result<Option<i64>, rusqlite::Error> {
    let texts = (combination.texts)(row);
    if let Some(number) = last.find(&texts) {
        return Ok(Some(number));
    }
    let number = match known.fresh() >= MOST_FRESH {
        true => known.find(&texts),
        false => Some(number(transaction, combination, known, &texts)?),
    };
    if let Some(number) = number {
        last.put(texts, number);
    }
    Ok(number)
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
    for line in counted.lines() {
        add.execute(line)?;
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
