//! Where the books of a data folder are kept.

use std::path::Path;
use std::process::Command;
use std::rc::Rc;

use anyhow::{Context as _, Result};

use crate::postgres::Postgres;
use crate::process;

/// The variables that name a database; none of the caller's own counts.
const ADDRESS_VARIABLES: [&str; 2] = ["TRUNKLINE_DATABASE_URL", "DATABASE_URL"];

/// A kind of database.
#[derive(Clone, Debug)]
pub enum Books {
    /// SQLite, in the data folder.
    Sqlite,
    /// PostgreSQL, with a database for each data folder, named after it.
    Postgres(Rc<Postgres>),
}

impl Books {
    /// Makes what a new data folder needs before Trunkline starts with it.
    pub fn create(&self, data: &Path) -> Result<()> {
        match self {
            Self::Sqlite => Ok(()),
            Self::Postgres(server) => server.create(&database(data)?),
        }
    }

    /// Tells a command of Trunkline where the books of a data folder are.
    pub fn tell(&self, command: &mut Command, data: &Path) -> Result<()> {
        for variable in ADDRESS_VARIABLES {
            command.env_remove(variable);
        }
        if let Self::Postgres(server) = self {
            command.env(ADDRESS_VARIABLES[0], server.address(&database(data)?));
        }
        Ok(())
    }

    /// Runs statements, beside a running Trunkline.
    pub fn run(&self, data: &Path, statements: &str) -> Result<()> {
        match self {
            Self::Sqlite => {
                let mut command = Command::new("sqlite3");
                command.args(["-batch", "-bail", "-cmd", ".timeout 10000"]);
                command.arg(data.join("trunkline.db")).arg(statements);
                process::output(&mut command).map(drop)
            }
            Self::Postgres(server) => server.run(&database(data)?, statements),
        }
    }
}

/// The name of a data folder's database.
fn database(data: &Path) -> Result<String> {
    let name = data.file_name().and_then(|name| name.to_str());
    // A server has databases of its own, with names of their own.
    name.map(|name| format!("books_{name}")).context("a data folder without a name")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_database_but_the_own_one_is_used() {
        let mut command = Command::new("trunkline");
        command.env("DATABASE_URL", "postgres://elsewhere");
        Books::Sqlite.tell(&mut command, Path::new("/data/one")).unwrap();
        assert!(command.get_envs().all(|(_, value)| value.is_none()));
    }

    #[test]
    fn a_database_is_named_after_its_data_folder() {
        assert_eq!(database(Path::new("/results/run-1/limits")).unwrap(), "books_limits");
        assert!(database(Path::new("/")).is_err());
    }
}
