//! `trunkline provider`: providers beyond the shipped ones, and changes to those. They are stored
//! as changes over the catalogue; a running server notices.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use catalog::Catalog;
use catalog::overlay::{LocalServer, LocalServerKind, is_model_name};
use clap::{Args, Subcommand, ValueEnum};
use http::HeaderMap;
use serde::Deserialize;
use serde_json::{Value, json};
use store::{Actor, OverlayKind, Store};

use crate::catalogue::{self, CatalogueSource, Layer};
use crate::changes::{Document, Laid};
use crate::configuration::Context;
use crate::output::{one_line, print, print_json, table};
use crate::taken_back::{is_at, taken_back};
use crate::{data_folder, moment, outbound};

/// The most models taken from one server.
const MOST_MODELS: usize = 1000;

/// The largest list of models read, in bytes.
const LARGEST_LIST: usize = 4 * 1024 * 1024;

/// What to do with providers.
#[derive(Debug, Subcommand)]
pub enum ProviderCommand {
    /// Add a model server on this machine or network
    AddLocal(AddLocalArguments),
    /// Add or change providers, models and prices from a TOML or JSON file; what it does not name
    /// stays as it was
    Add {
        /// The file; docs/cli.md describes it
        file: PathBuf,
    },
    /// List the providers that were added, and those that something was added to or changed of
    List {
        /// List the shipped providers too
        #[arg(long)]
        all: bool,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Remove a provider that was added, with its models and credentials, or what was changed of a
    /// shipped one, also by a synchronisation
    Remove {
        /// Its slug
        slug: String,
    },
}

/// A local model server.
#[derive(Debug, Args)]
pub struct AddLocalArguments {
    /// What kind of server it is
    #[arg(value_enum)]
    kind: Kind,
    /// Where it is [default: the kind's usual port on this machine]
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// A model it serves; repeat for more. Without it, the server is asked
    #[arg(long, value_name = "ID")]
    model: Vec<String>,
    /// What to call it, where there are several of a kind
    #[arg(long)]
    slug: Option<String>,
}

/// A kind of local server.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    Ollama,
    Vllm,
    LlamaCpp,
    LmStudio,
}

impl Kind {
    fn known(self) -> LocalServerKind {
        match self {
            Self::Ollama => LocalServerKind::Ollama,
            Self::Vllm => LocalServerKind::VLlm,
            Self::LlamaCpp => LocalServerKind::LlamaCpp,
            Self::LmStudio => LocalServerKind::LmStudio,
        }
    }
}

/// Runs one of the commands.
pub async fn run(command: ProviderCommand, context: &Context) -> Result<()> {
    match command {
        ProviderCommand::AddLocal(arguments) => add_local(arguments, context).await,
        ProviderCommand::Add { file } => add(&file, context).await,
        ProviderCommand::List { all, json } => list(all, json, context).await,
        ProviderCommand::Remove { slug } => remove(&slug, context).await,
    }
}

async fn add_local(arguments: AddLocalArguments, context: &Context) -> Result<()> {
    let kind = arguments.kind.known();
    if let Some(slug) = &arguments.slug {
        check_slug(slug, &CatalogueSource::shipped()?.build(&[])?)?;
    }
    if let Some(name) = arguments.model.iter().find(|name| !is_model_name(name)) {
        bail!(
            "--model: \"{}\" is no name of a model: write it as the server does",
            name.escape_debug()
        );
    }
    let mut server = LocalServer {
        kind,
        slug: arguments.slug.unwrap_or_else(|| kind.slug().to_owned()),
        base_url: arguments.url.unwrap_or_else(|| kind.default_base_url().to_owned()),
        models: arguments.model,
    };
    if server.models.is_empty() {
        let url = base_url(&server);
        server.models = ask_for_models(&url).await.with_context(|| {
            format!(
                "{} at {url} could not be asked for its models; start it, say with --url where it \
                 is, or name its models with --model",
                kind.name()
            )
        })?;
        let listed = server.models.len();
        server.models.retain(|name| is_model_name(name));
        let left_out = listed - server.models.len();
        if left_out > 0 {
            eprintln!("warning: {left_out} of the server's models have no usable name");
        }
        if server.models.is_empty() {
            bail!("{} at {url} has no model yet", kind.name());
        }
    }
    let changes = server.overlay();
    let store = data_folder::open_or_create(&context.folder).await?;
    let before = store.overlay_list().await?;
    // A server that is added again may serve other models now.
    let kept = before.iter().filter(|row| !is_endpoint_of(row, &server.slug)).cloned().collect();
    let new = catalogue::rows(&changes, Layer::Operator, moment::now());
    let laid = Laid::replaced(kept, new);
    put(&store, &before, &laid).await?;
    store.close().await?;
    tell(&laid)
}

/// A server of the same name as what is shipped would get its models' requests, and the keys that
/// are meant for it.
fn check_slug(slug: &str, shipped: &Catalog) -> Result<()> {
    let is_provider = shipped.find_provider(slug).is_some()
        || shipped.listed().iter().any(|listed| listed.slug == slug);
    if is_provider {
        bail!(
            "--slug: `{slug}` is a provider that is shipped; call the server something else, or \
             change that provider with `trunkline provider add`"
        );
    }
    if shipped.models().any(|(_, model)| model.author() == slug) {
        bail!("--slug: models of `{slug}` are shipped; call the server something else");
    }
    if slug == "simulated" || slug.starts_with("simulated-") {
        bail!("--slug: `{slug}` is what simulated models are called; choose another");
    }
    Ok(())
}

/// The server's address as the catalogue completes it.
fn base_url(server: &LocalServer) -> String {
    let mut changes = server.overlay();
    changes.providers.pop().and_then(|provider| provider.base_url).unwrap_or_default()
}

#[derive(Deserialize)]
struct ModelList {
    data: Vec<ListedModel>,
}

#[derive(Deserialize)]
struct ListedModel {
    id: String,
}

async fn ask_for_models(base_url: &str) -> Result<Vec<String>> {
    let time = outbound::TIME_LIMIT;
    let answer = outbound::get(base_url, "/models", &HeaderMap::new(), LARGEST_LIST, time).await?;
    if !answer.status.is_success() {
        bail!("it answered with status {}", answer.status);
    }
    read_list(&answer.body)
}

fn read_list(body: &[u8]) -> Result<Vec<String>> {
    let list: ModelList =
        serde_json::from_slice(body).context("its list of models cannot be read")?;
    Ok(list.data.into_iter().map(|model| model.id).take(MOST_MODELS).collect())
}

async fn add(path: &Path, context: &Context) -> Result<()> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("the file {} cannot be read", path.display()))?;
    let add = async || {
        let document = Document::read(&text)?;
        if document.changes.disable != Default::default() {
            bail!(
                "`disable` is not stored: give the model `hidden = true`, or the endpoint \
                 `status = \"disabled\"`"
            );
        }
        let store = data_folder::open_or_create(&context.folder).await?;
        let before = store.overlay_list().await?;
        let laid = document.laid_into(&before, moment::now());
        put(&store, &before, &laid).await?;
        store.close().await?;
        tell(&laid)?;
        print(&note_of_variables(&laid))
    };
    add().await.with_context(|| format!("in the file {}", path.display()))
}

/// Stores changes after a look at whether the catalogue takes them: a server would leave them
/// out, and this is the better moment to say so. What is not among them any more is removed.
async fn put(store: &Store, before: &[store::Overlay], laid: &Laid) -> Result<()> {
    CatalogueSource::shipped()?.check_laid(laid)?;
    if laid.named.is_empty() {
        bail!("there is nothing in it to add");
    }
    let is_kept = |row: &store::Overlay| {
        laid.rows.iter().any(|kept| kept.kind == row.kind && kept.id == row.id)
    };
    let gone: Vec<_> = before.iter().filter(|row| !is_kept(row)).collect();
    catalogue::remove(store, &gone, moment::now()).await?;
    let named: Vec<_> = laid.rows.iter().filter(|row| laid.names(row)).cloned().collect();
    catalogue::put(store, &named).await
}

fn tell(laid: &Laid) -> Result<()> {
    let mut text = String::from("Stored:\n");
    for (kind, id) in &laid.named {
        text.push_str(&format!("    {} {}\n", kind.as_str(), one_line(id)));
    }
    print(&text)
}

/// What there is to say of providers that have their key in a variable: a server looks for those at
/// its start.
fn note_of_variables(laid: &Laid) -> String {
    let rows = laid.rows.iter().filter(|row| row.kind == OverlayKind::Provider && laid.names(row));
    rows.filter_map(|row| {
        let variable = row.document["environment_variables"].get(0)?.as_str()?;
        let (slug, variable) = (one_line(&row.id), one_line(variable));
        Some(format!(
            "A server that runs looks for {variable} when it is started again; `trunkline credential \
             add {slug}` is in force at once.\n"
        ))
    })
    .collect()
}

fn is_endpoint_of(row: &store::Overlay, slug: &str) -> bool {
    row.kind == OverlayKind::Endpoint && row.document["provider"] == slug
}

async fn list(all: bool, as_json: bool, context: &Context) -> Result<()> {
    let store = data_folder::open(&context.folder).await?;
    let rows = store.overlay_list().await?;
    store.close().await?;
    let catalog = CatalogueSource::shipped()?.build(&rows)?;
    let shipped = CatalogueSource::shipped()?.build(&[])?;
    let added = |slug: &str| shipped.find_provider(slug).is_none();
    let changes = |slug: &str| rows.iter().filter(|row| is_at(row, slug)).count();
    let providers: Vec<_> = catalog
        .providers()
        .filter(|(_, provider)| all || changes(&provider.slug) > 0)
        .map(|(id, provider)| {
            let endpoints =
                catalog.endpoints().filter(|(at, _)| catalog.provider_id_of(*at) == id).count();
            (provider, endpoints)
        })
        .collect();
    if as_json {
        let documents = providers.iter().map(|(provider, endpoints)| {
            json!({
                "slug": provider.slug,
                "name": provider.name,
                "dialect": provider.dialect,
                "base_url": provider.base_url,
                "endpoints": endpoints,
                "added": added(&provider.slug),
                "changes": changes(&provider.slug),
            })
        });
        return print_json(&Value::Array(documents.collect()));
    }
    let cells: Vec<_> = providers
        .iter()
        .map(|(provider, endpoints)| {
            [
                provider.slug.clone(),
                provider.name.clone(),
                provider.dialect.name().to_owned(),
                endpoints.to_string(),
                changes(&provider.slug).to_string(),
                provider.base_url.clone(),
            ]
        })
        .collect();
    print(&table(["SLUG", "NAME", "PROTOCOL", "ENDPOINTS", "CHANGES", "BASE URL"], &cells))
}

async fn remove(slug: &str, context: &Context) -> Result<()> {
    let store = data_folder::open(&context.folder).await?;
    let rows = store.overlay_list().await?;
    let shipped = CatalogueSource::shipped()?.build(&[])?;
    let is_shipped = shipped.find_provider(slug).is_some();
    // Before all: a provider of the same name that is added later may be anybody.
    let credentials = if is_shipped { 0 } else { remove_credentials(&store, slug).await? };
    // Also what a synchronisation changed: it is told to be as it is shipped.
    let taken = taken_back(&rows, &shipped, |row| is_at(row, slug));
    let removed = catalogue::remove(&store, &taken, moment::now()).await? || credentials > 0;
    store.close().await?;
    if !removed {
        bail!(
            "nothing of a provider `{slug}` was added or changed; `trunkline provider list` and \
             `trunkline catalog changes` show what was"
        );
    }
    let slug = one_line(slug);
    if is_shipped {
        return print(&format!("The provider {slug} is as it is shipped again.\n"));
    }
    let with = match credentials {
        0 => String::new(),
        1 => " with its credential".to_owned(),
        many => format!(" with its {many} credentials"),
    };
    print(&format!("The provider {slug} is removed{with}.\n"))
}

/// Removes what is stored to reach a provider, and says how many credentials those were.
async fn remove_credentials(store: &Store, slug: &str) -> Result<usize> {
    let credentials = store.credentials().await?;
    let of_it: Vec<_> = credentials.iter().filter(|row| row.provider == slug).collect();
    for row in &of_it {
        store.remove_credential(&row.id, &Actor::command_line(), moment::now()).await?;
    }
    Ok(of_it.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_local_server_is_not_called_as_what_is_shipped() {
        let shipped = Catalog::embedded().unwrap();
        for taken in ["openai", "replicate", "google", "simulated", "simulated-openai"] {
            let refused = check_slug(taken, &shipped).unwrap_err().to_string();
            assert!(refused.contains("--slug") && refused.contains(taken), "{refused}");
        }
        for kind in LocalServerKind::ALL {
            assert!(check_slug(kind.slug(), &shipped).is_ok(), "{}", kind.slug());
        }
        assert!(check_slug("second", &shipped).is_ok());
    }

    #[test]
    fn a_list_of_models_is_read_or_refused() {
        let body = br#"{"object": "list", "data": [{"id": "b"}, {"id": "a", "x": 1}]}"#;
        assert_eq!(read_list(body).unwrap(), ["b", "a"]);
        assert!(read_list(b"<html>").is_err());
    }
}
