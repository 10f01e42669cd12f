//! `trunkline key`: API keys, what callers present. A running server on the same data folder
//! notices each change within a second.

use anyhow::{Result, bail};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};
use store::{Actor, ApiKey, KeyRates, KeyUsage, LimitReset, Micros, NewApiKey};

use super::credential::workspace_id;
use super::member;
use crate::configuration::Context;
use crate::decimal::{nano_usd, usd};
use crate::output::{one_line, print, print_json, table};
use crate::{data_folder, moment};

/// What to do with API keys.
#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// Make a key and print it, once
    Create(CreateArguments),
    /// List keys
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Revoke a key for good
    Revoke {
        /// The key's hash, or the beginning of its hash or label
        #[arg(value_name = "HASH|LABEL")]
        which: String,
    },
}

/// What the new key is to be.
#[derive(Debug, Args)]
pub struct CreateArguments {
    /// What it is for
    #[arg(long)]
    name: String,
    /// The most it may spend, in US dollars
    #[arg(long, value_name = "USD", value_parser = nano_usd)]
    limit: Option<i64>,
    /// When the limit starts afresh; without it the limit is for the key's lifetime
    #[arg(long, value_enum, requires = "limit")]
    reset: Option<Reset>,
    /// Requests that may begin with it in any minute; 0: no limit [default: as the settings say]
    #[arg(long, value_name = "N")]
    requests_per_minute: Option<i64>,
    /// The same in a UTC day
    #[arg(long, value_name = "N")]
    requests_per_day: Option<i64>,
    /// Requests that may run with it at once
    #[arg(long, value_name = "N")]
    concurrency: Option<i64>,
    /// From when on it is refused: 2026-12-31 or 2026-12-31T18:00:00Z (UTC)
    #[arg(long, value_name = "DATE", value_parser = moment::parse)]
    expires: Option<Micros>,
    /// The workspace whose it is, by slug or id [default: the default one]
    #[arg(long, value_name = "WORKSPACE")]
    workspace: Option<String>,
    /// The member whose limits hold for it, by mail address or id
    #[arg(long, value_name = "MEMBER")]
    member: Option<String>,
    /// Make a key for the management API, which cannot be used for inference
    #[arg(long)]
    management: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// A window of time for a limit.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Reset {
    Daily,
    Weekly,
    Monthly,
}

/// Runs one of the commands.
pub async fn run(command: KeyCommand, context: &Context) -> Result<()> {
    match command {
        KeyCommand::Create(arguments) => create(arguments, context).await,
        KeyCommand::List { json } => list(json, context).await,
        KeyCommand::Revoke { which } => revoke(&which, context).await,
    }
}

async fn create(arguments: CreateArguments, context: &Context) -> Result<()> {
    let now = moment::now();
    if arguments.expires.is_some_and(|expires| expires <= now) {
        bail!("--expires is in the past");
    }
    let store = data_folder::open_or_create(&context.folder).await?;
    let workspace_id = match &arguments.workspace {
        Some(named) => Some(workspace_id(&store, named).await?),
        None => None,
    };
    let member_id = match &arguments.member {
        Some(which) => Some(member::one_of(&store, which).await?.id),
        None => None,
    };
    let new = NewApiKey {
        name: arguments.name,
        workspace_id,
        member_id,
        limit_nano_usd: arguments.limit,
        limit_reset: arguments.reset.map(|reset| match reset {
            Reset::Daily => LimitReset::Daily,
            Reset::Weekly => LimitReset::Weekly,
            Reset::Monthly => LimitReset::Monthly,
        }),
        rates: KeyRates {
            requests_per_minute: arguments.requests_per_minute,
            requests_per_day: arguments.requests_per_day,
            concurrency: arguments.concurrency,
        },
        expires_at: arguments.expires,
        is_management: arguments.management,
        ..NewApiKey::default()
    };
    let created = store.create_api_key(new, &Actor::command_line(), now).await?;
    store.close().await?;
    if arguments.json {
        let mut document = document(&created.key, &KeyUsage::default());
        document["key"] = json!(created.plaintext.expose());
        return print_json(&document);
    }
    print(&format!(
        "{}\n\nThis is the only time the key \"{}\" is shown.\n",
        created.plaintext.expose(),
        one_line(&created.key.name)
    ))
}

async fn list(as_json: bool, context: &Context) -> Result<()> {
    let store = data_folder::open(&context.folder).await?;
    let now = moment::now();
    let mut keys = Vec::new();
    for key in store.api_keys(true, None).await? {
        let usage = store.key_usage(&key.hash, now).await?;
        keys.push((key, usage));
    }
    store.close().await?;
    if as_json {
        let documents = keys.iter().map(|(key, usage)| document(key, usage)).collect();
        return print_json(&Value::Array(documents));
    }
    let rows: Vec<_> = keys.iter().map(|(key, usage)| row(key, usage, now)).collect();
    print(&table(["LABEL", "NAME", "SPENT", "LIMIT", "RATE", "STATE", "CREATED", "HASH"], &rows))
}

fn document(key: &ApiKey, usage: &KeyUsage) -> Value {
    json!({
        "hash": key.hash,
        "name": key.name,
        "label": key.label,
        "disabled": key.disabled,
        "management": key.is_management,
        "workspace_id": key.workspace_id,
        "member_id": key.member_id,
        // Text: a float cannot hold every amount.
        "usage": usd(usage.usage.total),
        "limit": key.limit_nano_usd.map(usd),
        "limit_reset": key.limit_reset,
        "requests_per_minute": key.rates.requests_per_minute,
        "requests_per_day": key.rates.requests_per_day,
        "concurrency": key.rates.concurrency,
        "created_at": moment::text(key.created_at),
        "expires_at": key.expires_at.map(moment::text),
    })
}

fn row(key: &ApiKey, usage: &KeyUsage, now: Micros) -> [String; 8] {
    let limit = match (key.limit_nano_usd, key.limit_reset) {
        (None, _) => "none".to_owned(),
        (Some(limit), None) => usd(limit),
        (Some(limit), Some(reset)) => format!("{} {}", usd(limit), reset.as_str()),
    };
    let state = if key.disabled {
        "disabled".to_owned()
    } else {
        let kind = if key.is_management { "management" } else { "active" };
        match key.expires_at {
            Some(expires) if expires <= now => "expired".to_owned(),
            Some(expires) => format!("{kind} until {}", moment::day_text(expires)),
            None => kind.to_owned(),
        }
    };
    [
        key.label.clone(),
        key.name.clone(),
        usd(usage.usage.total),
        limit,
        rate(key.rates),
        state,
        moment::day_text(key.created_at),
        key.hash.chars().take(12).collect(),
    ]
}

/// The rates a key has of its own.
fn rate(rates: KeyRates) -> String {
    let parts: Vec<_> = [
        (rates.requests_per_minute, "a minute"),
        (rates.requests_per_day, "a day"),
        (rates.concurrency, "at once"),
    ]
    .into_iter()
    .filter_map(|(number, of)| match number? {
        0 => Some(format!("any {of}")),
        number => Some(format!("{number} {of}")),
    })
    .collect();
    if parts.is_empty() { "usual".to_owned() } else { parts.join(", ") }
}

async fn revoke(which: &str, context: &Context) -> Result<()> {
    let store = data_folder::open(&context.folder).await?;
    let keys = store.api_keys(true, None).await?;
    let key = one_of(&keys, which)?;
    store.delete_api_key(&key.hash, &Actor::command_line(), moment::now()).await?;
    store.close().await?;
    print(&format!("The key \"{}\" ({}) is revoked.\n", one_line(&key.name), key.label))
}

/// The one key that is meant.
fn one_of<'k>(keys: &'k [ApiKey], which: &str) -> Result<&'k ApiKey> {
    // `sk-or-v1-` begins every label and says nothing.
    if which.len() < 4 || "sk-or-v1-".starts_with(which) {
        bail!("`{which}` is too short to tell keys apart; `trunkline key list` shows them");
    }
    let found: Vec<_> = keys
        .iter()
        .filter(|key| key.hash.starts_with(which) || key.label.starts_with(which))
        .collect();
    match found[..] {
        [key] => Ok(key),
        [] => {
            bail!("no key's hash or label begins with `{which}`; `trunkline key list` shows them")
        }
        _ => bail!("{} keys begin with `{which}`; give more of the hash", found.len()),
    }
}
