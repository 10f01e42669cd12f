//! A PostgreSQL server of the measurement's own.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use tempfile::TempDir;

use crate::process::{self, Process};

/// Runs a server until its standard input ends, and removes what the server wrote.
const SCRIPT: &str = include_str!("../../crates/store/src/tests/postgres.sh");
/// Who owns everything; nobody is asked for a password.
const USER: &str = "trunkline";
/// Making a cluster takes seconds, on a busy machine many.
const LONGEST_START: Duration = Duration::from_secs(120);

/// A running server; it ends with this.
#[derive(Debug)]
pub struct Postgres {
    programs: PathBuf,
    // Ends before its folder is removed.
    process: Process,
    folder: TempDir,
}

impl Postgres {
    /// Starts a server with the programs of a folder such as `/usr/lib/postgresql/15/bin`, on
    /// `core` only if one is given. Its files lie below `results`, its log in `folder`.
    pub async fn start(
        programs: &Path,
        core: Option<usize>,
        results: &Path,
        folder: &Path,
    ) -> Result<Self> {
        for name in ["initdb", "postgres", "psql"] {
            if !programs.join(name).is_file() {
                bail!("{} has no program {name} of PostgreSQL", programs.display());
            }
        }
        // Not within `folder`, which only its owner may enter: the server may be another's.
        let own = tempfile::Builder::new().prefix("postgres-").tempdir_in(results)?;
        let mut command = Command::new("sh");
        command.args(["-c", SCRIPT, "postgres.sh"]).arg(programs).arg(own.path());
        command.arg(folder.join("postgres-empty"));
        let log = folder.join("postgres.log");
        let process = Process::start_with_input(&command, core, &log)?;
        let mut server = Self { programs: programs.to_owned(), process, folder: own };
        server
            .wait()
            .await
            .with_context(|| std::fs::read_to_string(&log).unwrap_or_default())
            .context("PostgreSQL did not start")?;
        Ok(server)
    }

    async fn wait(&mut self) -> Result<()> {
        let begin = Instant::now();
        loop {
            let answer = self.run("postgres", "SELECT 1");
            if answer.is_ok() {
                return Ok(());
            }
            self.process.must_live()?;
            if begin.elapsed() > LONGEST_START {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// What `postgres --version` prints.
    pub fn version(&self) -> Result<String> {
        let program = self.programs.join("postgres");
        Ok(process::output(Command::new(program).arg("--version"))?.trim().to_owned())
    }

    /// Makes an empty database. Its commits are written before they are confirmed, as on a
    /// server as installed, but the disk is not waited for.
    pub fn create(&self, database: &str) -> Result<()> {
        self.run("postgres", &format!("CREATE DATABASE \"{database}\""))?;
        self.run("postgres", &format!("ALTER DATABASE \"{database}\" SET synchronous_commit = on"))
    }

    /// The address of a database.
    pub fn address(&self, database: &str) -> String {
        format!("postgres://{USER}@localhost/{database}?host={}", self.folder.path().display())
    }

    /// Runs statements in a database.
    pub fn run(&self, database: &str, statements: &str) -> Result<()> {
        let mut command = Command::new(self.programs.join("psql"));
        command.args(["--no-psqlrc", "--quiet", "--username", USER, "--dbname", database]);
        command.arg("--host").arg(self.folder.path()).args(["--command", statements]);
        process::output(&mut command).map(drop)
    }
}
