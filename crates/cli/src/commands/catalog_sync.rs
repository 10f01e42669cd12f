//! `trunkline catalog sync`: compares the catalogue with a list of prices, and stores what was
//! accepted when told to.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use catalog::facts::Facts;
use clap::Args;

use crate::catalogue::{self, CatalogueSource, Layer};
use crate::configuration::Context;
use crate::output::print;
use crate::{data_folder, moment, outbound};

/// The largest list read, in bytes. It has some megabytes.
const LARGEST_LIST: usize = 64 * 1024 * 1024;

/// The longest time to fetch the list.
const TIME_LIMIT: Duration = Duration::from_secs(60);

/// What to compare with, and what to do about it.
#[derive(Debug, Args)]
pub struct SyncArguments {
    /// The list: a file or a URL
    #[arg(long, value_name = "FILE|URL", default_value = "https://models.dev/api.json")]
    from: String,
    /// Store what changed; without it, only report
    #[arg(long)]
    apply: bool,
    /// Accept the price that was held back for this model, or `model@tag`; repeat for more
    #[arg(long, value_name = "ID")]
    accept_held_back: Vec<String>,
    /// Take back what was stored before, for these models (or `model@tag`), or all of it if none is
    /// named; nothing is fetched
    #[arg(
        long,
        value_name = "ID",
        num_args = 0..,
        conflicts_with_all = ["from", "apply", "accept_held_back"]
    )]
    undo: Option<Vec<String>>,
}

/// Compares, reports, and stores if told to.
pub async fn run(arguments: SyncArguments, context: &Context) -> Result<()> {
    if let Some(names) = &arguments.undo {
        return super::catalog_changes::undo(names, context).await;
    }
    let text = fetch(&arguments.from).await?;
    let store = data_folder::open_or_create(&context.folder).await?;
    let rows = store.overlay_list().await?;
    let source = CatalogueSource::shipped()?;
    let operator = catalogue::operator_changes(&rows);
    let report =
        catalog::sync::sync(&source.parts(&rows)?, &[operator], &text, &Facts::shipped()?)?;
    let mut changes = report.overlay();
    catalogue::add_to(&mut changes, report.accepted(&arguments.accept_held_back)?);
    let mut said = report.to_string();
    if arguments.apply {
        source.check(&rows, &changes)?;
        let new = catalogue::rows(&changes, Layer::Synchronised, moment::now());
        catalogue::put(&store, &new).await?;
        said.push_str(&format!(
            "{} changes are stored; `trunkline catalog sync --undo` takes them back.\n",
            new.len()
        ));
    } else {
        said.push_str("Nothing is stored yet; --apply stores it.\n");
    }
    store.close().await?;
    print(&said)
}

async fn fetch(from: &str) -> Result<String> {
    if !from.starts_with("https://") && !from.starts_with("http://") {
        return std::fs::read_to_string(Path::new(from))
            .with_context(|| format!("the list {from} cannot be read"));
    }
    let body = outbound::download(from, &[], LARGEST_LIST, TIME_LIMIT)
        .await
        .with_context(|| format!("the list {from} cannot be fetched"))?;
    String::from_utf8(body.to_vec()).with_context(|| format!("the list {from} is not text"))
}
