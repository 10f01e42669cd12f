//! The schema's history per engine: forward only, embedded, in order. A file that has shipped is
//! never edited; a database whose applied text differs is refused.

use std::borrow::Cow;

use sqlx::migrate::{Migrate, MigrateError, Migration, MigrationType, Migrator};

use crate::StoreError;

/// Version, name and text of every step of an engine, oldest first.
pub(super) type History = &'static [(i64, &'static str, &'static str)];

pub(super) const SQLITE: History = &[
    (1, "initial", include_str!("../../migrations/sqlite/0001_initial.sql")),
    (2, "price list", include_str!("../../migrations/sqlite/0002_price_list.sql")),
    (3, "organisation", include_str!("../../migrations/sqlite/0003_organisation.sql")),
    (4, "roll-ups", include_str!("../../migrations/sqlite/0004_roll_ups.sql")),
    (5, "key rates", include_str!("../../migrations/sqlite/0005_key_rates.sql")),
    (
        6,
        "withheld settlements",
        include_str!("../../migrations/sqlite/0006_withheld_settlements.sql"),
    ),
    (7, "passed bytes", include_str!("../../migrations/sqlite/0007_passed_bytes.sql")),
    (8, "sessions", include_str!("../../migrations/sqlite/0008_sessions.sql")),
    (9, "resources", include_str!("../../migrations/sqlite/0009_resources.sql")),
    (10, "stored responses", include_str!("../../migrations/sqlite/0010_stored_responses.sql")),
    (11, "outlines", include_str!("../../migrations/sqlite/0011_outlines.sql")),
    (
        12,
        "identified attempts",
        include_str!("../../migrations/sqlite/0012_identified_attempts.sql"),
    ),
    (13, "revision marks", include_str!("../../migrations/sqlite/0013_revision_marks.sql")),
];

pub(super) const POSTGRES: History = &[
    (1, "initial", include_str!("../../migrations/postgres/0001_initial.sql")),
    (2, "price list", include_str!("../../migrations/postgres/0002_price_list.sql")),
    (3, "organisation", include_str!("../../migrations/postgres/0003_organisation.sql")),
    (4, "roll-ups", include_str!("../../migrations/postgres/0004_roll_ups.sql")),
    (5, "key rates", include_str!("../../migrations/postgres/0005_key_rates.sql")),
    (
        6,
        "withheld settlements",
        include_str!("../../migrations/postgres/0006_withheld_settlements.sql"),
    ),
    (7, "passed bytes", include_str!("../../migrations/postgres/0007_passed_bytes.sql")),
    (8, "sessions", include_str!("../../migrations/postgres/0008_sessions.sql")),
    (9, "resources", include_str!("../../migrations/postgres/0009_resources.sql")),
    (10, "stored responses", include_str!("../../migrations/postgres/0010_stored_responses.sql")),
    (11, "outlines", include_str!("../../migrations/postgres/0011_outlines.sql")),
    (
        12,
        "identified attempts",
        include_str!("../../migrations/postgres/0012_identified_attempts.sql"),
    ),
    (13, "revision marks", include_str!("../../migrations/postgres/0013_revision_marks.sql")),
];

/// The newest version of a history.
pub(super) fn newest(history: History) -> i64 {
    history.iter().map(|&(version, ..)| version).max().unwrap_or(0)
}

/// Brings a database up to this binary's schema, or refuses it. Each step is a transaction of its
/// own. On PostgreSQL an advisory lock makes nodes that start together take turns; it is freed
/// when the connection ends, whatever the outcome, so that the connection must not be kept.
pub(super) async fn run<C: Migrate>(
    connection: &mut C,
    history: History,
) -> Result<(), StoreError> {
    let migrator = Migrator::with_migrations(
        history
            .iter()
            .map(|&(version, name, text)| {
                let kind = MigrationType::Simple;
                let text = sqlx::SqlSafeStr::into_sql_str(text);
                Migration::new(version, Cow::Borrowed(name), kind, text, false)
            })
            .collect(),
    );
    let outcome = migrator.run_direct(None, connection, false).await;
    let known = newest(history);
    match outcome {
        Ok(()) => Ok(()),
        Err(MigrateError::VersionMissing(found)) if found > known => {
            Err(StoreError::DatabaseNewer { found, known })
        }
        Err(error) => Err(StoreError::Database(Box::new(error))),
    }
}
