//! Trunkline with a data folder of its own: authentication and recording are on.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use crate::books::Books;
use crate::limits;
use crate::management::Management;
use crate::process::{self, Process};
use crate::request::Shape;
use crate::target::{Target, free_address, ready};
use crate::translation::Pair;

/// Where a data folder keeps the key that requests are sent with.
const KEY_FILE: &str = "bench-key";

/// A way to start Trunkline.
#[derive(Clone, Debug)]
pub struct Trunkline {
    /// The program.
    pub program: PathBuf,
    /// The provider.
    pub upstream: SocketAddr,
    /// The core it runs on.
    pub core: Option<usize>,
    /// The answers that are asked for, each of them once.
    pub shapes: Vec<Shape>,
    /// Where its books are.
    pub books: Books,
    /// Whether its key is under every limit.
    pub is_limited: bool,
}

impl Trunkline {
    /// What `trunkline --version` prints.
    pub fn version(&self) -> Result<String> {
        let output = process::output(Command::new(&self.program).arg("--version"))?;
        Ok(output.trim().to_owned())
    }

    /// Starts it and says how long it took to answer. A data folder that is not there is made
    /// by that very start, which is what a first start costs; the provider follows once it runs.
    pub async fn start(&self, data: &Path) -> Result<(Target, Duration)> {
        let is_new = !data.exists();
        if is_new {
            self.books.create(data)?;
        }
        let address = free_address()?;
        let mut command = self.command(data)?;
        command
            .arg("serve")
            .env("TRUNKLINE_LISTEN", address.to_string())
            .env("TRUNKLINE_METRICS_LISTEN", "off")
            .env("TRUNKLINE_SIMULATED", "off");
        let log = data.with_extension("log");
        let begin = Instant::now();
        let mut process = Process::start(&command, self.core, &log)?;
        ready(&mut process, address, "/healthz")
            .await
            .with_context(|| std::fs::read_to_string(&log).unwrap_or_default())?;
        let took = begin.elapsed();
        if is_new {
            self.set_up(data, address).await?;
        }
        let key = std::fs::read_to_string(data.join(KEY_FILE))?;
        let path = "/api/v1/chat/completions".to_owned();
        Ok((Target { process, address, path, key }, took))
    }

    /// Makes the providers known, and a key.
    async fn set_up(&self, data: &Path, address: SocketAddr) -> Result<()> {
        let file = data.join("bench-provider.json");
        std::fs::write(&file, serde_json::to_string_pretty(&self.providers())?)?;
        process::output(self.command(data)?.args(["provider", "add"]).arg(&file))?;
        let key = if self.is_limited {
            let key = self.create_key(data, &["--management"])?;
            let management = Management { address, key: &key };
            management.noticed().await?;
            limits::set_up(&management, &self.books, data).await?
        } else {
            self.create_key(data, &[])?
        };
        std::fs::write(data.join(KEY_FILE), key)?;
        Ok(())
    }

    fn create_key(&self, data: &Path, options: &[&str]) -> Result<String> {
        let mut command = self.command(data)?;
        command.args(["key", "create", "--name", "bench", "--json"]).args(options);
        let created: Value = serde_json::from_str(&process::output(&mut command)?)?;
        created["key"].as_str().map(str::to_owned).context("`key create` printed no key")
    }

    /// The providers as `trunkline provider add` wants them. Prices are there so that every answer
    /// is billed.
    fn providers(&self) -> Value {
        let (mut providers, mut models, mut endpoints) = (Vec::new(), Vec::new(), Vec::new());
        for pair in Pair::ALL {
            let (slug, protocol, dialect) = pair.provider();
            providers.push(json!({
                "slug": slug,
                "name": slug,
                "dialect": dialect,
                "base_url": format!("http://{}{}", self.upstream, protocol.base_path()),
                "auth": "none",
            }));
            for shape in &self.shapes {
                let model = pair.model(*shape);
                models.push(json!({"id": model}));
                endpoints.push(json!({
                    "model": model,
                    "provider": slug,
                    "upstream_model": model,
                    "context_length": 128_000,
                    "price_per_million": {"prompt": "3", "completion": "15"},
                }));
            }
        }
        json!({"providers": providers, "models": models, "endpoints": endpoints})
    }

    fn command(&self, data: &Path) -> Result<Command> {
        let mut command = Command::new(&self.program);
        command.env("TRUNKLINE_DATA", data).env("TRUNKLINE_LOG", "warn");
        self.books.tell(&mut command, data)?;
        Ok(command)
    }
}
