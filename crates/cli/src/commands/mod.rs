//! The commands, one file each.

mod config;
mod key;
mod sim;

use std::process::ExitCode;

use anyhow::Result;

use crate::configuration::Context;

/// What to do.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Make, list and revoke API keys: what callers present
    #[command(subcommand)]
    Key(key::KeyCommand),
    /// Serve simulated providers for development and load tests
    Sim(sim::SimArguments),
    /// Print every boot setting with its default, as a file to start from
    Config,
}

/// Runs a command.
pub async fn run(command: Command, context: Context) -> Result<ExitCode> {
    match command {
        Command::Key(command) => key::run(command, &context).await?,
        Command::Sim(arguments) => sim::run(arguments).await?,
        Command::Config => config::run()?,
    }
    Ok(ExitCode::SUCCESS)
}
