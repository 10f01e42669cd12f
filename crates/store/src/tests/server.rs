//! A PostgreSQL server for the tests of one process, from the programs the system has installed.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};

const MISSING: &str = "PostgreSQL is not installed: install Debian's package `postgresql` \
    (`apt-get install postgresql`), or leave these tests out with TRUNKLINE_SKIP_POSTGRES=1";

struct Server {
    folder: PathBuf,
    /// The server stops when this is closed, which the end of the process does in any case.
    _alive: ChildStdin,
}

/// Whether the tests on PostgreSQL are left out.
pub(super) fn is_skipped() -> bool {
    std::env::var("TRUNKLINE_SKIP_POSTGRES").is_ok_and(|value| value == "1")
}

/// The address of a new, empty database.
pub(super) async fn new_database() -> String {
    static SERVER: OnceLock<Server> = OnceLock::new();
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let server = SERVER.get_or_init(start);
    let name = format!("test_{}", NEXT.fetch_add(1, Ordering::Relaxed));
    let mut connection = PgConnection::connect(&server.address("postgres")).await.unwrap();
    connection.execute(AssertSqlSafe(format!("CREATE DATABASE {name}"))).await.unwrap();
    connection.close().await.unwrap();
    server.address(&name)
}

impl Server {
    fn address(&self, database: &str) -> String {
        format!("postgres://trunkline@localhost/{database}?host={}", self.folder.display())
    }
}

fn start() -> Server {
    let (version, programs) = programs().expect(MISSING);
    let beside = std::env::current_exe().unwrap();
    let template = beside.with_file_name(format!("postgres-{version}-empty"));
    // Removed by the script: nothing in this process is sure to run at its end.
    let folder = tempfile::Builder::new().prefix("trunkline-postgres-").tempdir().unwrap().keep();
    let log_path = folder.with_extension("log");
    let log = File::create(&log_path).unwrap();
    let mut child = Command::new("sh")
        .args(["-c", include_str!("postgres.sh"), "postgres.sh"])
        .args([&programs, &folder, &template])
        .stdin(Stdio::piped())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap();
    let alive = child.stdin.take().unwrap();
    wait_until_ready(&mut child, &folder.join("data/postmaster.pid"), &log_path);
    // Of no interest any more; what it is open for goes on writing to it.
    std::fs::remove_file(log_path).unwrap();
    Server { folder, _alive: alive }
}

fn wait_until_ready(child: &mut Child, state: &Path, log: &Path) {
    let begun = Instant::now();
    while !is_ready(state) {
        let ended = child.try_wait().unwrap();
        if ended.is_some() || begun.elapsed() > Duration::from_secs(60) {
            let log = std::fs::read_to_string(log).unwrap_or_default();
            panic!("PostgreSQL did not start ({ended:?}):\n{log}");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Whether the server lets clients in, which it writes into this file.
fn is_ready(state: &Path) -> bool {
    std::fs::read_to_string(state).is_ok_and(|text| text.lines().any(|line| line.trim() == "ready"))
}

/// Version and programs of the newest server installed, where Debian has it.
fn programs() -> Option<(u32, PathBuf)> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    let mut folders: Vec<(u32, PathBuf)> = versions
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let version = path.file_name()?.to_str()?.parse().ok()?;
            Some((version, path.join("bin")))
        })
        .filter(|(_, path)| path.join("postgres").exists())
        .collect();
    folders.sort();
    folders.pop()
}
