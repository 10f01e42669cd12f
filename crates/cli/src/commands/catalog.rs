//! `trunkline catalog`: what exists, and where the data comes from.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use catalog::facts::Facts;
use catalog::pack::pack;
use catalog::{Catalog, Meter, PriceState};
use clap::Subcommand;
use serde_json::json;

use super::catalog_sync::SyncArguments;
use crate::catalogue::CatalogueSource;
use crate::configuration::Context;
use crate::data_folder;
use crate::nearest::suggestion;
use crate::output::{harmless, one_line, print, print_json, print_json_lines, table};

/// What to do with the catalogue.
#[derive(Debug, Subcommand)]
pub enum CatalogCommand {
    /// Build a catalogue file from the two source documents
    Build {
        /// The document of models, JSON
        #[arg(long, value_name = "FILE")]
        models: PathBuf,
        /// The document of providers, JSON
        #[arg(long, value_name = "FILE")]
        providers: PathBuf,
        /// Where to write the result
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Show a model and who serves it, at which price
    Show {
        /// The model's id
        model: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Compare with a list of models and prices, and take over what changed
    Sync(SyncArguments),
    /// List the changes that are stored over the shipped catalogue, and where they came from
    Changes {
        /// Print JSON, with what each change says
        #[arg(long)]
        json: bool,
    },
    /// Print the whole catalogue as this data folder has it
    Export,
}

/// Runs one of the commands.
pub async fn run(command: CatalogCommand, context: &Context) -> Result<()> {
    match command {
        CatalogCommand::Build { models, providers, out } => build(&models, &providers, &out),
        CatalogCommand::Show { model, json } => show(&model, json, context).await,
        CatalogCommand::Sync(arguments) => super::catalog_sync::run(arguments, context).await,
        CatalogCommand::Changes { json } => super::catalog_changes::list(json, context).await,
        CatalogCommand::Export => {
            let parts = CatalogueSource::shipped()?.parts(&stored(context).await?)?;
            print_json_lines(&pack(&parts)?)
        }
    }
}

/// The stored changes; none if there is no database yet.
async fn stored(context: &Context) -> Result<Vec<store::Overlay>> {
    let Some(store) = data_folder::open_if_there(&context.folder).await? else {
        return Ok(Vec::new());
    };
    let rows = store.overlay_list().await?;
    store.close().await?;
    Ok(rows)
}

fn build(models: &Path, providers: &Path, out: &Path) -> Result<()> {
    let read = |path: &Path| {
        std::fs::read_to_string(path)
            .with_context(|| format!("the file {} cannot be read", path.display()))
    };
    let built = catalog::build::build(&read(models)?, &read(providers)?, &Facts::shipped()?)?;
    std::fs::write(out, pack(&built.parts)?)
        .with_context(|| format!("the file {} cannot be written", out.display()))?;
    for note in &built.notes {
        eprintln!("{}", harmless(note));
    }
    print(&format!(
        "{} models, {} endpoints and {} providers written to {}\n",
        built.parts.models.len(),
        built.parts.endpoints.len(),
        built.parts.providers.len(),
        out.display()
    ))
}

async fn show(name: &str, as_json: bool, context: &Context) -> Result<()> {
    let catalog = CatalogueSource::shipped()?.build(&stored(context).await?)?;
    let Some(id) = catalog.find(name) else {
        let known = catalog.models().map(|(_, model)| model.id.as_str());
        bail!("there is no model `{name}`{}", suggestion(name, known));
    };
    if as_json {
        let endpoints: Vec<_> =
            catalog.endpoints_of(id).map(|at| json!(catalog.endpoint(at))).collect();
        return print_json(&json!({ "model": catalog.model(id), "endpoints": endpoints }));
    }
    print(&text(&catalog, id))
}

fn text(catalog: &Catalog, id: catalog::ModelId) -> String {
    let model = catalog.model(id);
    let number = |value: Option<u64>| value.map_or_else(|| "?".to_owned(), |it| it.to_string());
    let mut text = format!(
        "{} ({})\n{}\nContext {}, {}\n\n",
        one_line(&model.id),
        one_line(&model.name),
        one_line(&model.description),
        number(model.context_length),
        model.architecture.modality()
    );
    let rows: Vec<_> = catalog
        .endpoints_of(id)
        .map(|at| {
            let endpoint = catalog.endpoint(at);
            let price = |meter| match (endpoint.price.state(), endpoint.price.get(meter)) {
                (PriceState::Free, _) => "free".to_owned(),
                (_, Some(price)) => per_million(price),
                _ => "?".to_owned(),
            };
            [
                endpoint.tag.clone(),
                price(Meter::Prompt),
                price(Meter::Completion),
                number(endpoint.context_length),
                number(endpoint.max_completion_tokens),
                endpoint.upstream_model.clone(),
            ]
        })
        .collect();
    let headings = ["ENDPOINT", "IN $/M", "OUT $/M", "CONTEXT", "OUTPUT", "UPSTREAM MODEL"];
    text.push_str(&table(headings, &rows));
    let fees: Vec<_> =
        catalog.endpoints_of(id).filter_map(|at| fees(catalog.endpoint(at))).collect();
    if !fees.is_empty() {
        text.push('\n');
        text.extend(fees);
    }
    text
}

/// A line of what an endpoint costs beside tokens: by the request, the search, the image.
fn fees(endpoint: &catalog::Endpoint) -> Option<String> {
    let pieces = endpoint
        .price
        .base
        .iter()
        .filter(|(meter, price)| !meter.counts_tokens() && *price != catalog::PicoUsd::ZERO);
    let fees: Vec<_> = pieces.map(|(meter, price)| format!("{} ${price}", meter.name())).collect();
    let tag = one_line(&endpoint.tag);
    (!fees.is_empty()).then(|| format!("{tag}, beside tokens: {}\n", fees.join(", ")))
}

/// A price for a million units, exactly.
fn per_million(price: catalog::PicoUsd) -> String {
    let micros = price.0;
    let fraction = format!("{:06}", micros % 1_000_000);
    let shown = fraction.trim_end_matches('0').len().max(2);
    format!("{}.{}", micros / 1_000_000, &fraction[..shown])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fees_are_shown_below_the_prices_of_tokens() {
        let catalog = Catalog::embedded().unwrap();
        let shown = |name| text(&catalog, catalog.find(name).unwrap());
        let fees = "perplexity, beside tokens: request $0.006, request_medium_context $0.01, request_high_context $0.014\n";
        assert!(shown("perplexity/sonar-pro").ends_with(fees), "{}", shown("perplexity/sonar-pro"));
        assert!(shown("perplexity/sonar-deep-research").ends_with("web_search $0.005\n"));
        assert!(!shown("openai/gpt-4.1-nano").contains("beside tokens: request"));
    }

    #[test]
    fn prices_are_shown_for_a_million_units() {
        assert_eq!(per_million(catalog::PicoUsd(2_500_000)), "2.50");
        assert_eq!(per_million(catalog::PicoUsd(37_500)), "0.0375");
        assert_eq!(per_million(catalog::PicoUsd(15_000_000)), "15.00");
    }
}
