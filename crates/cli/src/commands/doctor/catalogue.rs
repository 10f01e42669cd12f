//! The stored changes of the catalogue: whether all of them are in force.

use store::{Overlay, Store};

use super::finding::Finding;
use crate::catalogue::{CatalogueSource, Layer, LeftOut, layer_of};

const CHECK: &str = "catalogue";

/// Looks for changes that a start leaves out.
pub async fn check(store: &Store) -> Vec<Finding> {
    match store.overlay_list().await {
        Ok(rows) => of(&rows).unwrap_or_else(|error| vec![failure(&error)]),
        Err(error) => vec![failure(&error.into())],
    }
}

fn of(rows: &[Overlay]) -> anyhow::Result<Vec<Finding>> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let left_out = CatalogueSource::shipped()?.left_out(rows)?;
    if left_out.is_empty() {
        return Ok(vec![Finding::fine(CHECK, "all stored changes are in force")]);
    }
    Ok(left_out.iter().map(told).collect())
}

fn told(LeftOut { row, reason }: &LeftOut<'_>) -> Finding {
    let kind = row.kind.as_str();
    let detail = format!("the stored change `{kind} {}` is left out: {reason}", row.id);
    Finding::warning(CHECK, detail).mend(match layer_of(row) {
        Layer::Operator => {
            "say the members as they should be with `trunkline provider add`, those that are \
             too many as `null` in JSON, or take the change back; docs/cli.md says how"
        }
        Layer::Synchronised => {
            "`trunkline catalog sync` stored it, and it has no effect: what it changed is no \
             longer there; `trunkline catalog sync --undo` with the model's name removes it"
        }
    })
}

fn failure(error: &anyhow::Error) -> Finding {
    Finding::failure(CHECK, format!("the stored changes cannot be read: {error:#}"))
        .mend("restore the database from a backup")
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use store::OverlayKind;

    use super::super::finding::State;
    use super::*;

    #[test]
    fn a_change_that_is_left_out_is_a_warning_that_names_it() {
        let row = |id: &str, document| Overlay {
            kind: OverlayKind::Provider,
            id: id.to_owned(),
            document,
            updated_at: 0,
        };
        let good = row("acme", json!({"slug": "acme", "base_url": "https://acme.example/v1"}));
        let bad = row("other", json!({"slug": "other"}));
        assert!(of(&[]).unwrap().is_empty());
        assert_eq!(of(std::slice::from_ref(&good)).unwrap()[0].state, State::Fine);
        let found = of(&[good, bad]).unwrap();
        assert_eq!((found.len(), found[0].state), (1, State::Warning));
        let text = found[0].text();
        assert!(text.contains("provider other") && text.contains("base_url"), "{text}");
    }
}
