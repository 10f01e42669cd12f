//! `trunkline`: the gateway and the tools around it, in one binary.
//!
//! Each command is a file of `commands`. What they share stands beside it: boot settings in
//! `configuration`, the data folder in `data_folder`, the catalogue as the data folder has it in
//! `catalogue`.

mod catalogue;
mod changes;
mod commands;
mod configuration;
mod credentials;
mod data_folder;
mod decimal;
mod logging;
mod moment;
mod nearest;
mod open_files;
mod outbound;
mod output;
mod prompt;
mod signal;
mod simulated;
mod small_file;
mod taken_back;

use std::process::ExitCode;

use clap::Parser;

use crate::commands::Command;
use crate::configuration::{CommonArguments, with_variable};

/// A self-hosted gateway to every model provider, compatible with OpenRouter and OpenAI.
#[derive(Debug, Parser)]
#[command(name = "trunkline", version, propagate_version = true)]
struct Cli {
    #[command(flatten)]
    common: CommonArguments,
    #[command(subcommand)]
    command: Command,
}

fn main() -> ExitCode {
    allocator::keep_nothing();
    let arguments: Vec<_> = std::env::args_os().collect();
    let cli = Cli::try_parse_from(&arguments)
        .unwrap_or_else(|error| with_variable(error, &arguments).exit());
    match start(cli) {
        Ok(code) => code,
        // Whoever read the output has read enough: `trunkline key list | head -1`.
        Err(error) if output::is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("trunkline: {}", output::harmless(&format!("{error:#}")));
            ExitCode::FAILURE
        }
    }
}

fn start(cli: Cli) -> anyhow::Result<ExitCode> {
    let context = match cli.common.resolve() {
        Ok(context) => context,
        Err(error) => return commands::unreadable_settings(&cli.command, error),
    };
    logging::start(&context.folder)?;
    // The workers that serve callers have threads of their own; these two accept, settle, poll.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("control")
        .enable_all()
        .build()?;
    runtime.block_on(commands::run(cli.command, context))
}
