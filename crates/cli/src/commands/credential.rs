//! `trunkline credential`: keys for providers, sealed in the database. Never on the command line,
//! where everybody on the machine can read them, unless somebody insists.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use catalog::Catalog;
use clap::{Args, Subcommand};
use gateway::upstream::authorization::parse;
use serde_json::{Value, json};
use store::{Actor, NewProviderCredential, ProviderCredential, Secret, Workspace};

use crate::catalogue::CatalogueSource;
use crate::configuration::Context;
use crate::nearest::suggestion;
use crate::output::{one_line, print, print_json, table};
use crate::{data_folder, moment, prompt, small_file};

/// The longest secret read; service account files are a few kilobytes.
const LONGEST_SECRET: u64 = 64 * 1024;

/// What to do with provider credentials.
#[derive(Debug, Subcommand)]
pub enum CredentialCommand {
    /// Store a provider's key; without --key-env or --key-file it is asked for, or read from
    /// standard input
    Add(AddArguments),
    /// List credentials; secrets are not shown
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Remove a credential and its secret
    Remove {
        /// Its id, from `credential list`
        id: String,
    },
}

/// The new credential.
#[derive(Debug, Args)]
pub struct AddArguments {
    /// The provider's slug, such as openai
    provider: String,
    #[command(flatten)]
    key: KeySource,
    /// Where the provider is reached, when not at its usual address
    #[arg(long, value_name = "URL")]
    base_url: Option<String>,
    /// What to call the credential
    #[arg(long, default_value = "")]
    name: String,
    /// The workspace whose own it is, by slug or id; without it everybody's requests may use it
    #[arg(long, value_name = "WORKSPACE")]
    workspace: Option<String>,
}

/// Where the secret comes from.
#[derive(Args)]
#[group(multiple = false)]
pub struct KeySource {
    /// Read the key from this environment variable
    #[arg(long, value_name = "NAME")]
    key_env: Option<String>,
    /// Read the key from this file
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// The key itself; others on this machine can see it, and the shell remembers it
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
}

impl std::fmt::Debug for KeySource {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("KeySource(***)")
    }
}

/// Runs one of the commands.
pub async fn run(command: CredentialCommand, context: &Context) -> Result<()> {
    match command {
        CredentialCommand::Add(arguments) => add(arguments, context).await,
        CredentialCommand::List { json } => list(json, context).await,
        CredentialCommand::Remove { id } => {
            let store = data_folder::open(&context.folder).await?;
            store.remove_credential(&id, &Actor::command_line(), moment::now()).await?;
            store.close().await?;
            print(&format!("The credential {} is removed.\n", one_line(&id)))
        }
    }
}

/// The id of the workspace that a slug or an id names.
pub(super) async fn workspace_id(store: &store::Store, named: &str) -> Result<String> {
    let workspaces = store.workspaces().await?;
    let found = workspaces.iter().find(|row| row.id == named || row.settings.slug == named);
    let Some(found) = found else {
        let slugs = workspaces.iter().map(|row| row.settings.slug.as_str());
        bail!("there is no workspace `{named}`{}", suggestion(named, slugs));
    };
    Ok(found.id.clone())
}

async fn add(arguments: AddArguments, context: &Context) -> Result<()> {
    if let Some(url) = &arguments.base_url {
        check_base_url(url)?;
    }
    let store = data_folder::open_or_create(&context.folder).await?;
    let catalog = CatalogueSource::shipped()?.build(&store.overlay_list().await?)?;
    check_provider(&catalog, &arguments.provider)?;
    let workspace_id = match &arguments.workspace {
        Some(named) => Some(workspace_id(&store, named).await?),
        None => None,
    };
    let secret = read_secret(&arguments.key, &arguments.provider).await?;
    if let Some(id) = catalog.find_provider(&arguments.provider) {
        parse(&catalog.provider(id).auth, secret.expose()).context("the key cannot be used")?;
    }
    let new = NewProviderCredential {
        workspace_id,
        provider: arguments.provider,
        name: arguments.name,
        secret,
        base_url: arguments.base_url,
        ..NewProviderCredential::default()
    };
    let created = store.create_credential(new, &Actor::command_line(), moment::now()).await?;
    store.close().await?;
    print(&format!(
        "The credential {} ({}) for {} is stored. `trunkline doctor` checks that it works.\n",
        created.id, created.label, created.provider
    ))
}

fn check_base_url(url: &str) -> Result<()> {
    gateway::upstream::Origin::parse(url)?;
    Ok(())
}

fn check_provider(catalog: &Catalog, slug: &str) -> Result<()> {
    if catalog.find_provider(slug).is_some() {
        return Ok(());
    }
    if let Some(listed) = catalog.listed().iter().find(|listed| listed.slug == slug) {
        bail!("requests cannot be sent to {} yet: {}", listed.name, listed.reason);
    }
    let known = catalog.providers().map(|(_, provider)| provider.slug.as_str());
    bail!("there is no provider `{slug}`{}", suggestion(slug, known));
}

async fn read_secret(source: &KeySource, provider: &str) -> Result<Secret> {
    let text = match source {
        KeySource { key: Some(key), .. } => {
            eprintln!(
                "warning: a key on the command line is seen by others on this machine and kept by \
                 the shell; prefer --key-env or --key-file"
            );
            Secret::new(key.as_str())
        }
        KeySource { key_env: Some(name), .. } => Secret::new(
            std::env::var(name).with_context(|| format!("the variable {name} cannot be read"))?,
        ),
        KeySource { key_file: Some(path), .. } => read_file(path)?,
        _ if std::io::stdin().is_terminal() => {
            prompt::hidden(format!("Key for {provider} (not shown): ")).await?
        }
        _ => {
            // Keys of service accounts have many lines.
            let text = small_file::read_from(std::io::stdin().lock(), LONGEST_SECRET)
                .context("the key cannot be read from standard input")?;
            Secret::new(text)
        }
    };
    let key = text.expose().trim();
    if key.is_empty() {
        bail!("the key is empty");
    }
    Ok(Secret::new(key))
}

fn read_file(path: &Path) -> Result<Secret> {
    let text = small_file::read(path, LONGEST_SECRET)
        .with_context(|| format!("the key file {} cannot be read", path.display()))?;
    Ok(Secret::new(text))
}

async fn list(as_json: bool, context: &Context) -> Result<()> {
    let store = data_folder::open(&context.folder).await?;
    let credentials = store.credentials().await?;
    let workspaces = store.workspaces().await?;
    store.close().await?;
    if as_json {
        return print_json(&Value::Array(credentials.iter().map(document).collect()));
    }
    let rows: Vec<_> = credentials.iter().map(|credential| row(credential, &workspaces)).collect();
    let headings = ["ID", "PROVIDER", "WORKSPACE", "NAME", "KEY", "BASE URL", "STATE", "CREATED"];
    print(&table(headings, &rows))
}

fn document(credential: &ProviderCredential) -> Value {
    json!({
        "id": credential.id,
        "provider": credential.provider,
        "name": credential.name,
        "label": credential.label,
        "base_url": credential.base_url,
        "workspace_id": credential.workspace_id,
        "is_fallback": credential.is_fallback,
        "disabled": credential.disabled,
        "created_at": moment::text(credential.created_at),
    })
}

fn row(credential: &ProviderCredential, workspaces: &[Workspace]) -> [String; 8] {
    let workspace = match &credential.workspace_id {
        None => "all",
        Some(id) => workspaces
            .iter()
            .find(|workspace| workspace.id == *id)
            .map_or(id.as_str(), |workspace| workspace.settings.slug.as_str()),
    };
    [
        credential.id.clone(),
        credential.provider.clone(),
        workspace.to_owned(),
        credential.name.clone(),
        credential.label.clone(),
        credential.base_url.clone().unwrap_or_default(),
        if credential.disabled { "disabled" } else { "active" }.to_owned(),
        moment::day_text(credential.created_at),
    ]
}
