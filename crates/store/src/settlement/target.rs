//! Where batches go: the connection of one engine, opened again after each failure.

use sqlx::{Connection as _, PgConnection};

use super::batch::{self, Statements};
use super::roll_up::RollUp;
use crate::Generation;
use crate::engine::{self, Connection, Engine, PostgresEngine};

/// The books of one engine.
pub(crate) struct Target(Books);

/// Neither keeps a connection that failed: it may be in the middle of a transaction.
enum Books {
    Sqlite { engine: Engine, connection: Option<Connection>, statements: Box<Statements> },
    Postgres { engine: PostgresEngine, connection: Option<PgConnection> },
}

impl Target {
    pub(crate) fn sqlite(engine: Engine, connection: Connection) -> Target {
        let statements = Box::new(Statements::new());
        Target(Books::Sqlite { engine, connection: Some(connection), statements })
    }

    /// Connects with the first batch: the connection belongs to the thread that writes.
    pub(crate) fn postgres(engine: PostgresEngine) -> Target {
        Target(Books::Postgres { engine, connection: None })
    }

    pub(super) async fn write(&mut self, rows: &[&Generation]) -> Result<(), sqlx::Error> {
        match &mut self.0 {
            Books::Sqlite { engine, connection, statements } => {
                let _turn = engine.write_turn().await;
                let mut open = match connection.take() {
                    Some(open) => open,
                    None => engine.connect_writer().await?,
                };
                batch::write(&mut open, statements, rows).await?;
                *connection = Some(open);
            }
            Books::Postgres { engine, connection } => {
                let mut open = match connection.take() {
                    Some(open) => open,
                    None => engine.connect().await?,
                };
                engine::write_postgres(&mut open, rows, |new| {
                    let mut roll_up = RollUp::default();
                    new.iter().for_each(|row| roll_up.add(row));
                    vec![roll_up.arrays()]
                })
                .await?;
                *connection = Some(open);
            }
        }
        Ok(())
    }

    pub(super) async fn disconnect(&mut self) {
        let closed = match &mut self.0 {
            Books::Sqlite { connection, .. } => match connection.take() {
                Some(connection) => connection.close().await,
                None => Ok(()),
            },
            Books::Postgres { connection, .. } => match connection.take() {
                Some(connection) => connection.close().await,
                None => Ok(()),
            },
        };
        if let Err(error) = closed {
            tracing::warn!(%error, "closing the settlement connection failed");
        }
    }
}
