//! What Trunkline costs, beside two plain proxies to the same simulated provider: nginx, and one of the
//! libraries that Trunkline is made of.
//!
//! `compare` starts them all, loads them in turn and prints a table.
//! `upstream`, `plain` and `load` are its parts alone, for profiling by hand.

mod books;
mod compare;
mod connection;
mod limits;
mod load;
mod management;
mod measure;
mod nginx;
mod plain;
mod postgres;
mod process;
mod report;
mod request;
mod response;
mod target;
mod translation;
mod trunkline;
mod variant;

use std::net::SocketAddr;
use std::time::Duration;

// The same memory allocator as the program that is measured.
use allocator as _;
use anyhow::{Context as _, Result};
use clap::Parser;
use tokio::net::TcpListener;

use crate::load::Load;
use crate::request::{Api, Shape};

/// Measures Trunkline beside nginx.
#[derive(Debug, Parser)]
#[command(name = "trunkline-bench")]
enum Command {
    /// Measure everything and print the table
    Compare(compare::Arguments),
    /// Serve the simulated provider
    Upstream {
        /// Where to listen
        #[arg(long, default_value = "127.0.0.1:9999")]
        listen: SocketAddr,
    },
    /// Pass requests on with the libraries that Trunkline uses, and nothing else
    Plain {
        /// Where to listen
        #[arg(long, default_value = "127.0.0.1:9998")]
        listen: SocketAddr,
        /// The provider
        #[arg(long, default_value = "127.0.0.1:9999")]
        upstream: SocketAddr,
    },
    /// Load one address and print what came of it
    Load(LoadArguments),
}

#[derive(Debug, clap::Args)]
struct LoadArguments {
    /// Where to connect
    #[arg(long)]
    address: SocketAddr,
    /// The path to post to
    #[arg(long, default_value = "/openai/v1/chat/completions")]
    path: String,
    /// The bearer token
    #[arg(long, default_value = "none")]
    key: String,
    /// The model, where it is not the usual one of that shape of an answer
    #[arg(long)]
    model: Option<String>,
    /// Chunks of an answer, and milliseconds between them; without it answers are not streamed
    #[arg(long, value_name = "CHUNKS-MS")]
    stream: Option<String>,
    /// Connections at once
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// Seconds to measure, after one second to warm up
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// The process whose processor time counts
    #[arg(long)]
    pid: Option<u32>,
}

// One thread: this and the provider share a core, the proxy has the other to itself.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    match Command::parse() {
        Command::Compare(arguments) => compare::run(arguments).await,
        Command::Upstream { listen } => {
            testkit::serve(bind(listen).await?, testkit::Options::default()).await;
            Ok(())
        }
        Command::Plain { listen, upstream } => plain::serve(bind(listen).await?, upstream).await,
        Command::Load(arguments) => load_once(arguments).await,
    }
}

async fn bind(address: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))
}

async fn load_once(arguments: LoadArguments) -> Result<()> {
    let shape = match &arguments.stream {
        None => Shape::Plain,
        Some(text) => Shape::parse(text)?,
    };
    let api = if arguments.path.ends_with("/messages") { Api::Messages } else { Api::Chat };
    let load = Load {
        address: arguments.address,
        request: request::bytes(
            arguments.address,
            &arguments.path,
            &arguments.key,
            (api, &*arguments.model.unwrap_or_else(|| shape.model())),
            shape,
        ),
        connections: arguments.connections,
        stagger: Duration::from_millis(500),
        warm_up: Duration::from_secs(1),
        window: Duration::from_secs(arguments.seconds),
    };
    let outcome = load.run(arguments.pid).await?;
    println!("{}", serde_json::to_string_pretty(&outcome.summary())?);
    Ok(())
}
