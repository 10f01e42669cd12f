//! What is measured: the provider itself, nginx before it, Trunkline before it.

use std::net::{Ipv4Addr, SocketAddr, TcpListener as Listener};
use std::path::Path;
use std::process::Command;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::process::Process;
use crate::request::{self, Api, Shape};
use crate::translation::Pair;

/// Path of the provider's chat completions.
pub const UPSTREAM_PATH: &str = "/openai/v1/chat/completions";

/// The cores processes are bound to.
#[derive(Clone, Copy, Debug)]
pub struct Cores {
    /// The one of the proxy that is measured.
    pub proxy: Option<usize>,
    /// The one of the provider; this process runs there as well.
    pub upstream: Option<usize>,
}

/// One that can be measured: where it is and how it is asked.
#[derive(Debug)]
pub struct Target {
    /// Its process; ends with this.
    pub process: Process,
    /// Where it listens.
    pub address: SocketAddr,
    /// The path of its chat completions.
    pub path: String,
    /// The key it wants.
    pub key: String,
}

impl Target {
    /// A request for it.
    pub fn request(&self, shape: Shape) -> Rc<[u8]> {
        let asked = (Api::Chat, &*shape.model());
        request::bytes(self.address, &self.path, &self.key, asked, shape)
    }

    /// A request that has to be translated.
    pub fn translated(&self, pair: Pair, shape: Shape) -> Rc<[u8]> {
        let asked = (pair.api(), &*pair.model(shape));
        request::bytes(self.address, pair.path(), &self.key, asked, shape)
    }
}

/// A loopback address that was free a moment ago.
pub fn free_address() -> Result<SocketAddr> {
    let listener = Listener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port")?;
    Ok(listener.local_addr()?)
}

/// Starts the simulated provider.
pub async fn start_upstream(core: Option<usize>, folder: &Path) -> Result<Target> {
    let address = free_address()?;
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("upstream").arg("--listen").arg(address.to_string());
    let mut process = Process::start(&command, core, &folder.join("upstream.log"))?;
    ready(&mut process, address, "/openai/v1/models").await?;
    Ok(Target { process, address, path: UPSTREAM_PATH.to_owned(), key: "none".to_owned() })
}

/// Asks `path` until the answer is 200, and says how long that took.
pub async fn ready(process: &mut Process, address: SocketAddr, path: &str) -> Result<Duration> {
    const LONGEST: Duration = Duration::from_secs(20);
    let start = Instant::now();
    loop {
        if let Ok(true) = is_ok(address, path).await {
            return Ok(start.elapsed());
        }
        process.must_live()?;
        if start.elapsed() > LONGEST {
            bail!("http://{address}{path} did not answer 200 within {LONGEST:?}");
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

async fn is_ok(address: SocketAddr, path: &str) -> Result<bool> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(64 * 1024).read_to_end(&mut answer).await?;
    Ok(answer.starts_with(b"HTTP/1.1 200"))
}
