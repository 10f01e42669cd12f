//! Looking at a database without changing it.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use sqlx::{ConnectOptions as _, Connection as _, PgConnection};

use super::{migrations, postgres};
use crate::{Micros, Store, StoreError};

/// What is set up in a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schema {
    /// The version of its schema; `None` if nothing is set up yet.
    pub found: Option<i64>,
    /// The newest version this program knows.
    pub known: i64,
    /// The server's clock, if there is a server.
    pub server_time: Option<Micros>,
}

const VERSION: &str = "SELECT MAX(version) FROM _sqlx_migrations WHERE success";

impl Store {
    /// Looks at a SQLite file that exists.
    pub async fn schema_of_file(path: &Path) -> Result<Schema, StoreError> {
        let path = path.to_path_buf();
        let looking = tokio::task::spawn_blocking(move || schema_in_file(&path));
        looking.await.map_err(|error| StoreError::Database(Box::new(error)))?
    }

    /// Looks at a database on a PostgreSQL server, which is waited for for a while at most.
    pub async fn schema_of_server(address: &str, patience: Duration) -> Result<Schema, StoreError> {
        let options = postgres::parse(address)?;
        let mut connection = postgres::reach(patience, options.connect()).await?;
        let found = version_on_server(&mut connection).await?;
        let server_time =
            sqlx::query_scalar("SELECT (EXTRACT(EPOCH FROM clock_timestamp()) * 1000000)::BIGINT")
                .fetch_one(&mut connection)
                .await?;
        connection.close().await?;
        let known = migrations::newest(migrations::POSTGRES);
        Ok(Schema { found, known, server_time: Some(server_time) })
    }
}

/// What [`Store::schema_of_file`] tells. Blocks.
pub(crate) fn schema_in_file(path: &Path) -> Result<Schema, StoreError> {
    let found = version_in_file(path).map_err(|error| StoreError::Database(Box::new(error)))?;
    Ok(Schema { found, known: migrations::newest(migrations::SQLITE), server_time: None })
}

fn version_in_file(path: &Path) -> Result<Option<i64>, rusqlite::Error> {
    // Written to by SQLite itself when it has to recover from a killed process.
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    let text = "SELECT COUNT(*) FROM sqlite_master WHERE name = '_sqlx_migrations'";
    let is_set_up: i64 = connection.query_row(text, [], |row| row.get(0))?;
    if is_set_up == 0 {
        return Ok(None);
    }
    connection.query_row(VERSION, [], |row| row.get(0))
}

/// Whether there is a database in a file, or something that is none. To be called where blocking does
/// no harm.
pub(crate) fn is_file_set_up(path: &Path) -> bool {
    let is_something = std::fs::metadata(path).is_ok_and(|metadata| metadata.len() > 0);
    is_something && !matches!(version_in_file(path), Ok(None))
}

/// The version of the schema on a server; `None` if nothing is set up.
pub(super) async fn version_on_server(
    connection: &mut PgConnection,
) -> Result<Option<i64>, sqlx::Error> {
    let text = "SELECT to_regclass('_sqlx_migrations') IS NOT NULL";
    let is_set_up: bool = sqlx::query_scalar(text).fetch_one(&mut *connection).await?;
    if !is_set_up {
        return Ok(None);
    }
    sqlx::query_scalar(VERSION).fetch_one(connection).await
}

#[cfg(test)]
mod tests {
    use crate::tests::{TestDatabase, on_each_engine};

    on_each_engine!(looking_at_a_database_tells_its_version_and_changes_nothing);
    async fn looking_at_a_database_tells_its_version_and_changes_nothing(database: TestDatabase) {
        if database.is_postgres() {
            assert_eq!(database.schema().await.found, None);
        }
        database.open().await.close().await.unwrap();
        let schema = database.schema().await;
        assert_eq!(schema.found, Some(schema.known));
        assert_eq!(schema.server_time.is_some(), database.is_postgres());
        let store = database.open().await;
        store.run("UPDATE _sqlx_migrations SET version = 99 WHERE version = 1").await;
        assert_eq!(database.schema().await.found, Some(99));
        store.close().await.unwrap();
    }
}
