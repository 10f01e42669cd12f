//! A server of a test's own, from the programs the system has installed.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};

use crate::shared::Valkey;
use crate::shared::clock::Clock;
use crate::shared::link::Patience;

const MISSING: &str = "neither Valkey nor Redis is installed: install Debian's package \
    `valkey-server` or `redis-server` (`apt-get install redis-server`), or leave these tests out \
    with TRUNKLINE_SKIP_VALKEY=1";

/// A running server. It ends with this.
pub(super) struct Server {
    folder: tempfile::TempDir,
    child: Child,
}

impl Server {
    /// A server that keeps what it is told even if it is killed: the system writes it down later. `None` if these tests are to be
    /// left out.
    pub(super) fn start() -> Option<Self> {
        if std::env::var("TRUNKLINE_SKIP_VALKEY").is_ok_and(|value| value == "1") {
            return None;
        }
        let folder = tempfile::Builder::new().prefix("trunkline-valkey-").tempdir().unwrap();
        let child = run(folder.path());
        Some(Self { folder, child })
    }

    pub(super) fn socket(&self) -> PathBuf {
        self.folder.path().join("socket")
    }

    pub(super) fn address(&self) -> String {
        format!("redis+unix://{}", self.socket().display())
    }

    pub(super) async fn connect(&self) -> Valkey {
        connected(&self.address()).await
    }

    /// Ends it as a fault does.
    pub(super) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        std::fs::remove_file(self.socket()).unwrap();
    }

    pub(super) fn lose_data(&self) {
        std::fs::remove_dir_all(self.folder.path().join("appendonlydir")).unwrap();
    }

    pub(super) fn start_again(&mut self) {
        self.child = run(self.folder.path());
    }

    /// Stops it without ending it, or lets it go on.
    pub(super) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(super) async fn connected(address: &str) -> Valkey {
    // Machines of builders are slow.
    let patience = Patience { answer: Duration::from_secs(10), ..Patience::default() };
    let valkey = Valkey::open_with(address, patience, Clock::of_callers()).unwrap();
    assert!(valkey.connected(Duration::from_secs(20)).await);
    valkey
}

fn run(folder: &Path) -> Child {
    let start = |program: &str| {
        Command::new(program)
            .current_dir(folder)
            .args(["--port", "0", "--unixsocket", "socket", "--save", "", "--loglevel", "warning"])
            .args(["--appendonly", "yes", "--appendfsync", "no"])
            .args(["--maxmemory-policy", "noeviction"])
            .stdout(Stdio::null())
            .spawn()
    };
    let child = start("valkey-server").or_else(|_| start("redis-server"));
    child.unwrap_or_else(|error| panic!("{MISSING} ({error})"))
}

/// A way to the server on which answers get lost.
pub(super) struct Lossy {
    _folder: tempfile::TempDir,
    address: String,
    /// How many answers are to be lost, with their connections.
    pub(super) losses: Arc<AtomicUsize>,
}

impl Lossy {
    pub(super) fn to(server: &Server) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let address = format!("redis+unix://{}", path.display());
        let listener = UnixListener::bind(path).unwrap();
        let losses = Arc::new(AtomicUsize::new(0));
        let (behind, left) = (server.socket(), Arc::clone(&losses));
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                if let Ok(far) = UnixStream::connect(&behind).await {
                    tokio::spawn(pass(near, far, Arc::clone(&left)));
                }
            }
        });
        Self { _folder: folder, address, losses }
    }

    pub(super) async fn connect(&self) -> Valkey {
        connected(&self.address).await
    }
}

/// Passes bytes both ways, until an answer is to be lost.
async fn pass(near: UnixStream, far: UnixStream, losses: Arc<AtomicUsize>) {
    let (mut from_near, mut to_near) = near.into_split();
    let (mut from_far, mut to_far) = far.into_split();
    let there = tokio::spawn(async move { tokio::io::copy(&mut from_near, &mut to_far).await });
    let mut buffer = vec![0; 1 << 16];
    while let Ok(length @ 1..) = from_far.read(&mut buffer).await {
        let lost = losses
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |losses| losses.checked_sub(1))
            .is_ok();
        if lost || to_near.write_all(&buffer[..length]).await.is_err() {
            break;
        }
    }
    there.abort();
}
