//! `trunkline catalog changes` and `trunkline catalog sync --undo`: what is stored over the shipped
//! catalogue, and the way back from what synchronisations stored.

use anyhow::{Result, bail};
use serde_json::{Value, json};
use store::Overlay;

use crate::catalogue::{self, CatalogueSource, Layer, layer_of, name_of};
use crate::configuration::Context;
use crate::output::{one_line, print, print_json, table};
use crate::taken_back::{is_of, taken_back};
use crate::{data_folder, moment};

/// Lists the stored changes.
pub async fn list(as_json: bool, context: &Context) -> Result<()> {
    let rows = match data_folder::open_if_there(&context.folder).await? {
        Some(store) => {
            let rows = store.overlay_list().await?;
            store.close().await?;
            rows
        }
        None => Vec::new(),
    };
    if as_json {
        let documents = rows.iter().map(|row| {
            json!({
                "from": from(row),
                "kind": row.kind.as_str(),
                "id": name_of(row),
                "updated_at": moment::text(row.updated_at),
                "document": row.document,
            })
        });
        return print_json(&Value::Array(documents.collect()));
    }
    let cells: Vec<_> = rows
        .iter()
        .map(|row| {
            [
                from(row).to_owned(),
                row.kind.as_str().to_owned(),
                name_of(row).to_owned(),
                moment::text(row.updated_at),
            ]
        })
        .collect();
    print(&table(["FROM", "KIND", "ID", "CHANGED"], &cells))
}

/// Where a change came from.
fn from(row: &Overlay) -> &'static str {
    match layer_of(row) {
        Layer::Synchronised => "sync",
        Layer::Operator => "operator",
    }
}

/// Takes back what synchronisations stored: of these, `model` or `model@tag`, or all of it.
pub async fn undo(names: &[String], context: &Context) -> Result<()> {
    let store = data_folder::open(&context.folder).await?;
    let rows = store.overlay_list().await?;
    let synchronised: Vec<_> =
        rows.iter().filter(|row| layer_of(row) == Layer::Synchronised).collect();
    // Somebody would think that a price is as it was which is not.
    if let Some(name) = names.iter().find(|name| !synchronised.iter().any(|row| is_of(row, name))) {
        bail!(
            "no synchronisation stored anything for `{name}`; `trunkline catalog changes` shows \
             what is stored"
        );
    }
    let source = CatalogueSource::shipped()?;
    let taken = taken_back(&rows, &source.build(&[])?, |row| {
        let is_named = names.is_empty() || names.iter().any(|name| is_of(row, name));
        layer_of(row) == Layer::Synchronised && is_named
    });
    if let Some((row, reason)) = source.left_out_without(&rows, &taken)? {
        bail!(
            "your own change `{} {}` would have no effect any more ({reason}); take it back first",
            row.kind.as_str(),
            name_of(row)
        );
    }
    catalogue::remove(&store, &taken, moment::now()).await?;
    store.close().await?;
    let mut text = String::from("Taken back:\n");
    for row in &taken {
        text.push_str(&format!("    {} {}\n", row.kind.as_str(), one_line(name_of(row))));
    }
    if taken.is_empty() {
        text = String::from("No synchronisation has stored anything.\n");
    }
    print(&text)
}
