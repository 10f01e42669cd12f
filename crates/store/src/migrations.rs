//! The schema's history: forward only, embedded, in order. A file that has shipped is never
//! edited; sqlx refuses a database whose applied text differs.

use std::borrow::Cow;

use sqlx::migrate::{Migrate, MigrateError, Migration, MigrationType, Migrator};

use crate::StoreError;

const SQLITE: &[(i64, &str, &str)] = &[
    (1, "initial", include_str!("../migrations/sqlite/0001_initial.sql")),
    (2, "price list", include_str!("../migrations/sqlite/0002_price_list.sql")),
];

/// Brings a database up to this binary's schema, or refuses it.
pub(crate) async fn run<C: Migrate>(connection: &mut C) -> Result<(), StoreError> {
    let migrator = Migrator::with_migrations(
        SQLITE
            .iter()
            .map(|&(version, name, text)| {
                let kind = MigrationType::Simple;
                let text = sqlx::SqlSafeStr::into_sql_str(text);
                Migration::new(version, Cow::Borrowed(name), kind, text, false)
            })
            .collect(),
    );
    let outcome = migrator.run_direct(None, connection, false).await;
    let known = SQLITE.iter().map(|&(version, ..)| version).max().unwrap_or(0);
    match outcome {
        Ok(()) => Ok(()),
        Err(MigrateError::VersionMissing(found)) if found > known => {
            Err(StoreError::DatabaseNewer { found, known })
        }
        Err(error) => Err(StoreError::Database(Box::new(error))),
    }
}
