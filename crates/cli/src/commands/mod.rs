//! The commands, one file each.

mod backup;
mod catalog;
mod catalog_changes;
mod catalog_sync;
mod config;
mod credential;
mod doctor;
mod key;
mod member;
mod openapi;
mod provider;
mod serve;
mod setup_link;
mod sim;

use std::process::ExitCode;

use anyhow::Result;

use crate::configuration::{AddressSettings, Context, ServerSettings};

/// What to do.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Run the gateway
    Serve(Box<ServerSettings>),
    /// Make, list and revoke API keys: what callers present
    #[command(subcommand)]
    Key(key::KeyCommand),
    /// Print a link to set the gateway up: whoever opens it becomes the owner
    SetupLink(AddressSettings),
    /// Invite, list, change and remove people who sign in
    #[command(subcommand)]
    Member(member::MemberCommand),
    /// Store, list and remove keys for providers
    #[command(subcommand)]
    Credential(credential::CredentialCommand),
    /// Add local model servers and other providers
    #[command(subcommand)]
    Provider(provider::ProviderCommand),
    /// Show, build and export the catalogue of models
    #[command(subcommand)]
    Catalog(catalog::CatalogCommand),
    /// Write a copy of the database to a file, also beside a running gateway
    Backup(backup::CopyArguments),
    /// Put a copy in the place of the database, and what was there aside
    Restore(backup::CopyArguments),
    /// Look for what is wrong, and say what to mend
    Doctor(Box<doctor::DoctorArguments>),
    /// Serve simulated providers for development and load tests
    Sim(sim::SimArguments),
    /// Print the OpenAPI document of the gateway
    Openapi,
    /// Print every boot setting with its default, as a file to start from
    Config,
}

/// Runs a command.
pub async fn run(command: Command, context: Context) -> Result<ExitCode> {
    match command {
        Command::Serve(settings) => serve::run(*settings, context).await?,
        Command::Key(command) => key::run(command, &context).await?,
        Command::SetupLink(address) => setup_link::run(address, &context).await?,
        Command::Member(command) => member::run(command, &context).await?,
        Command::Credential(command) => credential::run(command, &context).await?,
        Command::Provider(command) => provider::run(command, &context).await?,
        Command::Catalog(command) => catalog::run(command, &context).await?,
        Command::Backup(arguments) => backup::back_up(arguments, &context).await?,
        Command::Restore(arguments) => backup::restore(arguments, &context).await?,
        Command::Doctor(arguments) => return doctor::run(*arguments, &context).await,
        Command::Sim(arguments) => sim::run(arguments, &context).await?,
        Command::Openapi => openapi::run()?,
        Command::Config => config::run()?,
    }
    Ok(ExitCode::SUCCESS)
}

/// What to do about settings that cannot be read: for the doctor that is a finding.
pub fn unreadable_settings(command: &Command, error: anyhow::Error) -> Result<ExitCode> {
    match command {
        Command::Doctor(arguments) => doctor::unreadable_settings(&error, arguments),
        _ => Err(error),
    }
}
