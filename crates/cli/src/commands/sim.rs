//! `trunkline sim`: simulated providers with scripted faults, without a gateway.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::Args;
use testkit::{Options, Protocol};
use tokio::net::TcpListener;

use crate::output::print;
use crate::signal::Interruption;

/// What to simulate, and where.
#[derive(Debug, Args)]
pub struct SimArguments {
    /// Where to listen; port 0 picks a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9999")]
    listen: SocketAddr,
    /// A file (TOML or JSON) that says which requests fail, and how
    #[arg(long, value_name = "FILE")]
    script: Option<PathBuf>,
}

/// Serves until interrupted.
pub async fn run(arguments: SimArguments) -> Result<()> {
    let options = match &arguments.script {
        None => Options::default(),
        Some(path) => {
            let text = std::fs::read_to_string(path)
                .with_context(|| format!("the script {} cannot be read", path.display()))?;
            Options::parse(&text).with_context(|| format!("in the script {}", path.display()))?
        }
    };
    let mut interruption = Interruption::listen()?;
    let listener = TcpListener::bind(arguments.listen)
        .await
        .with_context(|| format!("cannot listen on {}", arguments.listen))?;
    print(&greeting(listener.local_addr()?))?;
    tokio::select! {
        () = testkit::serve(listener, options) => {}
        () = interruption.wait() => {}
    }
    Ok(())
}

fn greeting(address: SocketAddr) -> String {
    let url = |protocol: Protocol| format!("http://{address}{}", protocol.base_path());
    let (openai, anthropic, gemini) =
        (url(Protocol::OpenAi), url(Protocol::Anthropic), url(Protocol::Gemini));
    format!(
        r#"Simulated providers are listening on {address}. Base URLs:
    OpenAI     {openai}
    Anthropic  {anthropic}
    Gemini     {gemini}

Try one (any key, any model id):
    curl {openai}/chat/completions -H "Content-Type: application/json" -d '{{"model": "sim-chat", "messages": [{{"role": "user", "content": "Hello!"}}]}}'

Faults: the model id sim-fault-429 is rate limited, sim-fault-reset-2 breaks after two chunks,
sim-slow is slow; or send a header such as x-sim-script: fault=status:503;retry_after=2
What was served: curl http://{address}/_sim/calls; what it costs: http://{address}/_sim/bill
"#
    )
}
