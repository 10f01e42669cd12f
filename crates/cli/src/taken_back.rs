//! Which stored changes of the catalogue go when some are taken back, and in which order.

use std::collections::BTreeSet;

use catalog::Catalog;
use store::{Overlay, OverlayKind};

/// The order in which rows are removed: prices and endpoints before what they refer to, so that
/// what is left fits together should it break off.
const ORDER: [OverlayKind; 4] =
    [OverlayKind::Price, OverlayKind::Endpoint, OverlayKind::Model, OverlayKind::Provider];

/// The rows that are meant, in the order in which they are to be removed, with the prices of
/// endpoints among them and the models that nobody serves without them. `shipped` is the catalogue
/// without any change.
pub fn taken_back<'r>(
    rows: &'r [Overlay],
    shipped: &Catalog,
    is_meant: impl Fn(&Overlay) -> bool,
) -> Vec<&'r Overlay> {
    let endpoints: Vec<_> =
        rows.iter().filter(|row| row.kind == OverlayKind::Endpoint && is_meant(row)).collect();
    let models: BTreeSet<_> =
        endpoints.iter().filter_map(|row| row.document["model"].as_str()).collect();
    let unserved: BTreeSet<_> = models
        .into_iter()
        .filter(|model| {
            let by_shipped =
                shipped.find(model).is_some_and(|id| shipped.endpoints_of(id).next().is_some());
            let by_others = rows.iter().any(|row| {
                row.kind == OverlayKind::Endpoint
                    && row.document["model"] == **model
                    && !is_meant(row)
            });
            !by_shipped && !by_others
        })
        .collect();
    let goes = |row: &Overlay| {
        is_meant(row)
            || match row.kind {
                OverlayKind::Price => endpoints.iter().any(|endpoint| endpoint.id == row.id),
                OverlayKind::Model => {
                    row.document["id"].as_str().is_some_and(|id| unserved.contains(id))
                }
                _ => false,
            }
    };
    ORDER
        .iter()
        .flat_map(|kind| rows.iter().filter(move |row| row.kind == *kind))
        .filter(|row| goes(row))
        .collect()
}

/// Whether a change is about a provider: it itself, or an endpoint or a price there.
pub fn is_at(row: &Overlay, slug: &str) -> bool {
    match row.kind {
        OverlayKind::Provider => row.document["slug"] == slug,
        OverlayKind::Endpoint => row.document["provider"] == slug,
        OverlayKind::Price => {
            let tag = row.document["tag"].as_str().unwrap_or_default();
            tag.split('/').next() == Some(slug)
        }
        OverlayKind::Model => false,
    }
}

/// Whether a change is about what a name stands for: a model, or its endpoint in `model@tag`.
pub fn is_of(row: &Overlay, name: &str) -> bool {
    let text = |member: &str| row.document[member].as_str();
    let model = match row.kind {
        OverlayKind::Model => text("id"),
        OverlayKind::Endpoint | OverlayKind::Price => text("model"),
        OverlayKind::Provider => None,
    };
    let Some(model) = model else { return false };
    let tag = text("tag").or_else(|| text("provider"));
    model == name || tag.is_some_and(|tag| format!("{model}@{tag}") == name)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn row(kind: OverlayKind, id: &str, document: Value) -> Overlay {
        Overlay { kind, id: id.to_owned(), document, updated_at: 0 }
    }

    fn stored() -> Vec<Overlay> {
        let endpoint = |model: &str, provider: &str| json!({"model": model, "provider": provider});
        let price = |model: &str, tag: &str| json!({"model": model, "tag": tag});
        vec![
            row(OverlayKind::Provider, "acme", json!({"slug": "acme"})),
            row(OverlayKind::Model, "acme/a", json!({"id": "acme/a"})),
            row(OverlayKind::Model, "sync acme/b", json!({"id": "acme/b"})),
            row(OverlayKind::Model, "openai/gpt-5", json!({"id": "openai/gpt-5"})),
            row(OverlayKind::Endpoint, "acme/a acme", endpoint("acme/a", "acme")),
            row(OverlayKind::Endpoint, "acme/a other", endpoint("acme/a", "other")),
            row(OverlayKind::Endpoint, "sync acme/b acme", endpoint("acme/b", "acme")),
            row(OverlayKind::Endpoint, "openai/gpt-5 acme", endpoint("openai/gpt-5", "acme")),
            row(OverlayKind::Price, "acme/a acme", price("acme/a", "acme")),
            row(OverlayKind::Price, "sync acme/b acme", price("acme/b", "acme")),
            row(OverlayKind::Price, "acme/b acme/eu", price("acme/b", "acme/eu")),
            row(OverlayKind::Price, "sync openai/gpt-5 openai", price("openai/gpt-5", "openai")),
        ]
    }

    fn ids(taken: &[&Overlay]) -> Vec<String> {
        taken.iter().map(|row| format!("{} {}", row.kind.as_str(), row.id)).collect()
    }

    #[test]
    fn a_provider_goes_with_what_is_there_whoever_changed_it_and_with_models_of_nobody_else() {
        let (rows, shipped) = (stored(), Catalog::embedded().unwrap());
        let taken = taken_back(&rows, &shipped, |row| is_at(row, "acme"));
        assert_eq!(
            ids(&taken),
            [
                "price acme/a acme",
                "price sync acme/b acme",
                "price acme/b acme/eu",
                "endpoint acme/a acme",
                "endpoint sync acme/b acme",
                "endpoint openai/gpt-5 acme",
                "model sync acme/b",
                "provider acme",
            ]
        );
        let taken = taken_back(&rows, &shipped, |row| is_at(row, "openai"));
        assert_eq!(ids(&taken), ["price sync openai/gpt-5 openai"]);
    }

    #[test]
    fn a_name_stands_for_a_model_or_for_it_at_one_provider() {
        let rows = stored();
        let of = |name: &str| rows.iter().filter(|row| is_of(row, name)).count();
        assert_eq!((of("acme/a"), of("acme/a@acme"), of("acme/a@other")), (4, 2, 1));
        assert_eq!((of("acme/b@acme/eu"), of("acme"), of("acme/c")), (1, 0, 0));
    }
}
