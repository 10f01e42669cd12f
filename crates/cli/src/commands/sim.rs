//! `trunkline sim`: simulated providers with scripted faults, without a gateway, and made-up books.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use catalog::overlay::{LocalServer, LocalServerKind};
use clap::{Args, Subcommand};
use store::SeedPlan;
use testkit::{Options, Protocol};
use tokio::net::TcpListener;

use crate::catalogue::{self, Layer};
use crate::configuration::Context as Configuration;
use crate::output::print;
use crate::signal::Interruption;
use crate::{data_folder, moment};

/// What to simulate, and where.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct SimArguments {
    #[command(subcommand)]
    command: Option<SimCommand>,
    /// Where to listen; port 0 picks a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9999")]
    listen: SocketAddr,
    /// A file (TOML or JSON) that says which requests fail, and how
    #[arg(long, value_name = "FILE")]
    script: Option<PathBuf>,
}

/// What else to simulate.
#[derive(Debug, Subcommand)]
enum SimCommand {
    /// Fill the database of the data folder with made-up requests, to see pages with many rows; for
    /// a folder made for it, since nothing takes them out again
    Seed(SeedArguments),
}

/// How much is made up.
#[derive(Debug, Args)]
struct SeedArguments {
    /// How many requests
    #[arg(long, default_value_t = 100_000)]
    generations: u32,
    /// Of how many models; those beyond the usual seven are invented, and become models of a
    /// provider `sim` in the catalogue
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    models: u32,
    /// With how many keys; they are made, and nobody knows their secrets
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    keys: u32,
    /// Over how many days until now
    #[arg(long, default_value_t = 31, value_parser = clap::value_parser!(u32).range(1..=3650))]
    days: u32,
}

async fn seed(arguments: SeedArguments, context: &Configuration) -> Result<()> {
    let SeedArguments { generations, models, keys, days } = arguments;
    // As a server does, so that rows go the way they always go; not while one serves.
    let store = data_folder::serve(&context.folder).await?;
    let invented: Vec<String> =
        (store::USUAL_MODELS..models).map(|number| format!("model-{number}")).collect();
    if !invented.is_empty() {
        // Where `trunkline sim` listens, so that they answer beside it.
        let server = LocalServer {
            kind: LocalServerKind::VLlm,
            slug: "sim".to_owned(),
            base_url: format!("http://127.0.0.1:9999{}", Protocol::OpenAi.base_path()),
            models: invented,
        };
        let rows = catalogue::rows(&server.overlay(), Layer::Operator, moment::now());
        catalogue::put(&store, &rows).await?;
    }
    let plan = SeedPlan { generations, days, end: moment::now(), keys, models, seed: 1 };
    let began = std::time::Instant::now();
    let mut told = 0;
    store
        .seed(&plan, |made| {
            if made / 100_000 > told {
                told = made / 100_000;
                // Nobody has to see it.
                let _ = print(&format!("{made} requests\n"));
            }
        })
        .await?;
    store.close().await?;
    let seconds = began.elapsed().as_secs_f64();
    print(&format!("{generations} requests of {keys} keys are made, in {seconds:.1} seconds.\n"))
}

/// Serves until interrupted.
pub async fn run(mut arguments: SimArguments, context: &Configuration) -> Result<()> {
    if let Some(SimCommand::Seed(arguments)) = arguments.command.take() {
        return seed(arguments, context).await;
    }
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
