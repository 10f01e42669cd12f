//! What is not wrong with a statement but with the database, and may be mended while nodes go on: it
//! takes no writes, has no room, or somebody else has what is needed.

use sqlx::postgres::PgDatabaseError;

/// PostgreSQL's classes: a connection that broke, no resources (no room on the disk, no memory, too
/// many connections), an operator who intervened, trouble of the system (its disk).
const POSTGRES_CLASSES: [&str; 4] = ["08", "53", "57P", "58"];
/// And its codes: a server that takes no writes, as a standby; a lock not gained in time, a deadlock, a
/// transaction that another one has overtaken.
const POSTGRES_CODES: [&str; 4] = ["25006", "55P03", "40P01", "40001"];
/// SQLite's: busy, locked, read-only, an error of the disk, full, cannot be opened.
const SQLITE_CODES: [u32; 6] = [5, 6, 8, 10, 13, 14];

/// Whether the same may work in a while.
pub(super) fn is_passing(error: &sqlx::Error) -> bool {
    let sqlx::Error::Database(error) = error else { return false };
    let Some(code) = error.code() else { return false };
    if error.try_downcast_ref::<PgDatabaseError>().is_some() {
        return is_passing_on_postgres(&code);
    }
    code.parse().is_ok_and(is_passing_on_sqlite)
}

fn is_passing_on_postgres(code: &str) -> bool {
    POSTGRES_CODES.contains(&code) || POSTGRES_CLASSES.iter().any(|class| code.starts_with(class))
}

/// What is told in detail has the code it belongs to in its last byte.
fn is_passing_on_sqlite(code: u32) -> bool {
    SQLITE_CODES.contains(&(code & 0xff))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_or_read_only_database_passes_and_a_wrong_statement_does_not() {
        for code in ["25006", "53100", "53200", "53300", "57P01", "57P03", "58030", "08006"] {
            assert!(is_passing_on_postgres(code), "{code}");
        }
        // A question that took too long was ended, a row is there twice, a table is not.
        for code in ["57014", "23505", "42P01", "22003", "28P01"] {
            assert!(!is_passing_on_postgres(code), "{code}");
        }
        // SQLITE_BUSY_SNAPSHOT, SQLITE_READONLY_DBMOVED, SQLITE_IOERR_WRITE, SQLITE_FULL.
        for code in [5, 261, 517, 8, 1032, 778, 13, 14] {
            assert!(is_passing_on_sqlite(code), "{code}");
        }
        // SQLITE_ERROR, SQLITE_CORRUPT, SQLITE_CONSTRAINT_UNIQUE, SQLITE_NOTADB.
        for code in [1, 11, 2067, 26] {
            assert!(!is_passing_on_sqlite(code), "{code}");
        }
    }
}
