//! Batches into SQLite, one transaction each: the rows, and the roll-ups of exactly those rows
//! that were new.
//!
//! The clerk's connection is driven on its own thread: handing each statement to another one
//! costs more than running it.

use std::collections::HashSet;
use std::sync::Arc;

use rusqlite::types::{ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode, Statement, TransactionBehavior};

use super::roll_up::{self, RollUp};
use super::target::WriteError;
use crate::Generation;
use crate::engine::Engine;
use crate::generation::{COLUMNS, Cell, write_cells};

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
    insert: String,
    roll_up: String,
    /// Price versions the database has.
    versions: HashSet<Arc<str>>,
}

const PRICE_LIST: &str =
    "INSERT INTO price_list (version, prices) VALUES (?, ?) ON CONFLICT (version) DO NOTHING";

impl SqliteBooks {
    pub(super) fn new(engine: Engine) -> SqliteBooks {
        let marks = |columns: &[&str]| vec!["?"; columns.len()].join(",");
        SqliteBooks {
            engine,
            connection: None,
            insert: format!(
                "INSERT INTO generation ({}) VALUES ({}) ON CONFLICT (id) DO NOTHING",
                COLUMNS.join(","),
                marks(COLUMNS)
            ),
            roll_up: format!(
                "INSERT INTO key_usage_day ({}) VALUES ({}){}",
                roll_up::COLUMNS.join(","),
                marks(roll_up::COLUMNS),
                roll_up::ON_CONFLICT
            ),
            versions: HashSet::new(),
        }
    }

    /// Writes rows and roll-ups and commits. Rows whose identity is known already, or comes twice
    /// in the batch, are left out of both.
    pub(super) fn write(&mut self, rows: &[&Generation]) -> Result<(), WriteError> {
        let _turn = self.engine.blocking_write_turn();
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.engine.connect_clerk()?,
        };
        let fresh = self.write_with(&mut connection, rows)?;
        self.versions.extend(fresh);
        self.connection = Some(connection);
        Ok(())
    }

    fn write_with(
        &self,
        connection: &mut Connection,
        rows: &[&Generation],
    ) -> Result<Vec<Arc<str>>, rusqlite::Error> {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut roll_up = RollUp::default();
        let mut fresh = Vec::new();
        {
            let mut insert = transaction.prepare_cached(&self.insert)?;
            for row in rows {
                if let (Some(version), Some(prices)) = (&row.price_version, &row.prices)
                    && !self.versions.contains(version)
                    && !fresh.contains(version)
                {
                    transaction.execute(PRICE_LIST, (&**version, &**prices))?;
                    fresh.push(Arc::clone(version));
                }
                if run(&mut insert, |bind| write_cells(row, bind))? == 1 {
                    roll_up.add(row);
                }
            }
            let mut add = transaction.prepare_cached(&self.roll_up)?;
            for line in roll_up.lines() {
                run(&mut add, |bind| line.into_iter().try_for_each(bind))?;
            }
        }
        transaction.commit()?;
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
