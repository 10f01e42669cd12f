//! Comparing a list with the catalogue.

use std::collections::{BTreeMap, BTreeSet};

use super::guard::{self, is_same};
use super::report::{
    AddedEndpoint, HeldBack, HeldBackEndpoint, PriceDifference, RemovedEndpoint, SyncReport,
};
use super::source::{Document, ListModel};
use crate::build::day;
use crate::endpoint::{Endpoint, EndpointStatus};
use crate::facts::Facts;
use crate::modality::{Modalities, Modality};
use crate::model::ModelKind;
use crate::overlay::{EndpointChange, ModelChange, Overlay};
use crate::parts::CatalogParts;
use crate::price::{Meter, PicoUsd, PriceList, PriceState};
use crate::price_object::PriceObject;

/// A list that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("the list cannot be read: {0}")]
pub struct SyncError(String);

/// Compares `list` (the text of models.dev's `api.json`) with the parts of a catalogue. `operator`
/// are the operator's documents, whose prices stand.
pub fn sync(
    parts: &CatalogParts,
    operator: &[Overlay],
    list: &str,
    facts: &Facts,
) -> Result<SyncReport, SyncError> {
    let document: Document =
        serde_json::from_str(list).map_err(|error| SyncError(error.to_string()))?;
    let mut report = SyncReport::default();
    let own = own_prices(operator);

    let mut slug_of: BTreeMap<&str, &str> = BTreeMap::new();
    for provider in &parts.providers {
        for name in facts.providers.of(&provider.slug).models_dev_names(&provider.slug) {
            slug_of.entry(name).or_insert(&provider.slug);
        }
    }
    let known = Known::new(parts);
    let mut seen: BTreeSet<(&str, &str)> = BTreeSet::new();
    let mut compared: BTreeSet<&str> = BTreeSet::new();
    for (name, provider) in &document {
        let Some(slug) = slug_of.get(name.as_str()).copied() else {
            report.unknown_providers.push(name.clone());
            continue;
        };
        compared.insert(slug);
        for (upstream, listed) in &provider.models {
            seen.insert((slug, upstream));
            match known.endpoint(slug, upstream) {
                Some(endpoint) => compare(endpoint, listed, &known, &own, &mut report),
                None => add(slug, upstream, listed, &known, &mut report),
            }
        }
    }
    for endpoint in &parts.endpoints {
        let listed = seen.contains(&(endpoint.provider.as_str(), endpoint.upstream_model.as_str()));
        let offered = endpoint.status != EndpointStatus::Disabled;
        if offered && !listed && compared.contains(endpoint.provider.as_str()) {
            report.removed.push(RemovedEndpoint {
                model: endpoint.model.clone(),
                tag: endpoint.tag.clone(),
                upstream_model: endpoint.upstream_model.clone(),
            });
        }
    }
    Ok(in_order(report))
}

fn in_order(mut report: SyncReport) -> SyncReport {
    let place =
        |added: &AddedEndpoint| (added.endpoint.model.clone(), added.endpoint.provider.clone());
    // Two names of one model at one provider: the first stands.
    report.added.sort_by_key(place);
    report.added.dedup_by_key(|added| place(added));
    let taken: BTreeSet<_> = report.added.iter().map(place).collect();
    report.held_back_added.sort_by_key(|held| place(&held.added));
    report.held_back_added.dedup_by_key(|held| place(&held.added));
    report.held_back_added.retain(|held| !taken.contains(&place(&held.added)));
    let by_name = |model: &str, tag: &str| (model.to_owned(), tag.to_owned());
    report.changed.sort_by_key(|entry| by_name(&entry.model, &entry.tag));
    report.removed.sort_by_key(|entry| by_name(&entry.model, &entry.tag));
    report.held_back.sort_by_key(|entry| by_name(&entry.model, &entry.tag));
    report.overridden.sort();
    report.unmatched.sort();
    report
}

/// The endpoints that the operator has priced.
fn own_prices(operator: &[Overlay]) -> BTreeSet<(String, String)> {
    let mut own = BTreeSet::new();
    for overlay in operator {
        for change in &overlay.prices {
            own.insert((change.model.clone(), change.tag.clone()));
        }
        for change in &overlay.endpoints {
            if change.price.is_some() || change.price_per_million.is_some() {
                let tag = change.tag.clone().unwrap_or_else(|| change.provider.clone());
                own.insert((change.model.clone(), tag));
            }
        }
    }
    own
}

/// The catalogue, found by the providers' names of models.
struct Known<'a> {
    endpoints: BTreeMap<(&'a str, &'a str), &'a Endpoint>,
    /// Models by id, permanent name and alias, in lower case.
    models: BTreeMap<String, &'a str>,
    /// Models by a provider's name, in lower case; `None` where providers disagree.
    upstream: BTreeMap<String, Option<&'a str>>,
    /// Authors that a provider alone serves: its models are theirs.
    author_of: BTreeMap<&'a str, &'a str>,
    tags: BTreeSet<(&'a str, &'a str)>,
    kinds: BTreeMap<&'a str, ModelKind>,
}

impl<'a> Known<'a> {
    fn new(parts: &'a CatalogParts) -> Self {
        let mut known = Self {
            endpoints: BTreeMap::new(),
            models: BTreeMap::new(),
            upstream: BTreeMap::new(),
            author_of: BTreeMap::new(),
            tags: BTreeSet::new(),
            kinds: parts.models.iter().map(|model| (model.id.as_str(), model.kind)).collect(),
        };
        for model in &parts.models {
            known.models.insert(model.id.to_ascii_lowercase(), &model.id);
        }
        for model in &parts.models {
            for name in model.aliases.iter().chain([&model.canonical_slug]) {
                known.models.entry(name.to_ascii_lowercase()).or_insert(&model.id);
            }
        }
        let mut authors: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for endpoint in &parts.endpoints {
            known.tags.insert((&endpoint.model, &endpoint.tag));
            let key = (endpoint.provider.as_str(), endpoint.upstream_model.as_str());
            // Of several endpoints under one name, the plain one is compared.
            let entry = known.endpoints.entry(key).or_insert(endpoint);
            if endpoint.tag == endpoint.provider {
                *entry = endpoint;
            }
            known
                .upstream
                .entry(endpoint.upstream_model.to_ascii_lowercase())
                .and_modify(|model| {
                    if *model != Some(endpoint.model.as_str()) {
                        *model = None;
                    }
                })
                .or_insert(Some(&endpoint.model));
            let author = endpoint.model.split('/').next().unwrap_or_default();
            authors.entry(&endpoint.provider).or_default().insert(author);
        }
        for (provider, authors) in authors {
            if let (Some(author), 1) = (authors.first(), authors.len()) {
                known.author_of.insert(provider, author);
            }
        }
        known
    }

    fn endpoint(&self, provider: &str, upstream: &str) -> Option<&'a Endpoint> {
        self.endpoints.get(&(provider, upstream)).copied()
    }

    /// What a model is used for; a new one for conversations.
    fn kind(&self, model: &str) -> ModelKind {
        self.kinds.get(model).copied().unwrap_or_default()
    }

    /// The model that a provider's name stands for.
    fn model(&self, provider: &str, upstream: &str) -> Option<&'a str> {
        let lower = upstream.to_ascii_lowercase();
        let by_author = self.author_of.get(provider).map(|author| format!("{author}/{lower}"));
        self.models
            .get(&lower)
            .or_else(|| self.models.get(by_author.as_deref()?))
            .copied()
            .or_else(|| self.upstream.get(&lower).copied().flatten())
    }
}

fn compare(
    endpoint: &Endpoint,
    listed: &ListModel,
    known: &Known<'_>,
    own: &BTreeSet<(String, String)>,
    report: &mut SyncReport,
) {
    let key = (endpoint.model.clone(), endpoint.tag.clone());
    if own.contains(&key) {
        report.overridden.push(key);
        return;
    }
    let mut hold = |reason: String, price| {
        report.held_back.push(HeldBack {
            model: endpoint.model.clone(),
            tag: endpoint.tag.clone(),
            reason,
            price,
        });
    };
    let listed = match listed.price() {
        Ok(Some(price)) => price,
        Ok(None) => {
            report.unchanged += 1;
            return;
        }
        Err(error) => return hold(error.to_string(), None),
    };
    let new = merged(&endpoint.price, &listed);
    let left = guard::without_vanished(&new, &listed);
    let vanished = guard::vanished(&new, &left);
    let doubts = match new == endpoint.price {
        true => Vec::new(),
        false => guard::doubts(&endpoint.price, &new, known.kind(&endpoint.model)),
    };
    let is_accepted = doubts.is_empty();
    if !is_accepted || !vanished.is_empty() {
        // What is left of half a list could not be billed by.
        let is_whole = [Meter::Prompt, Meter::Completion]
            .into_iter()
            .all(|meter| left.get(meter).is_some() || endpoint.price.get(meter).is_none());
        let reasons: Vec<String> = doubts.into_iter().chain(vanished).collect();
        hold(reasons.join("; "), is_whole.then_some(left));
    } else if new == endpoint.price {
        report.unchanged += 1;
    }
    if is_accepted && new != endpoint.price {
        report.changed.push(PriceDifference {
            model: endpoint.model.clone(),
            tag: endpoint.tag.clone(),
            old: endpoint.price.clone(),
            new,
        });
    }
}

/// The old price with what the list says of it: what the list does not have (searches, images,
/// hours of cache) stays, and so does what differs by rounding only.
fn merged(old: &PriceList, listed: &PriceList) -> PriceList {
    let mut new = old.clone();
    for (meter, price) in &listed.base {
        put(&mut new.base, *meter, *price);
    }
    for entry in &listed.overrides {
        let same = |known: &&mut crate::price::PriceOverride| {
            known.min_prompt_tokens == entry.min_prompt_tokens && known.utc_start.is_none()
        };
        match new.overrides.iter_mut().find(same) {
            Some(known) => {
                for (meter, price) in &entry.prices {
                    put(&mut known.prices, *meter, *price);
                }
            }
            None => new.overrides.push(entry.clone()),
        }
    }
    new.base.sort_by_key(|(meter, _)| *meter);
    // The later one holds where several apply: a longer prompt's, an hour's. MODELS-7
    new.overrides.sort_by_key(|entry| (entry.utc_start.is_some(), entry.min_prompt_tokens));
    new
}

fn put(prices: &mut Vec<(Meter, PicoUsd)>, meter: Meter, price: PicoUsd) {
    match prices.iter_mut().find(|(known, _)| *known == meter) {
        Some((_, known)) if !is_same(*known, price) => *known = price,
        Some(_) => {}
        // A special token at zero that had no price of its own is a gap of the list.
        None if price == PicoUsd::ZERO && !matches!(meter, Meter::Prompt | Meter::Completion) => {}
        None => {
            prices.push((meter, price));
            prices.sort_by_key(|(meter, _)| *meter);
        }
    }
}

fn add(slug: &str, upstream: &str, listed: &ListModel, known: &Known<'_>, report: &mut SyncReport) {
    if listed.status.as_deref() == Some("deprecated") {
        return;
    }
    let (id, model) = match (known.model(slug, upstream), known.author_of.get(slug)) {
        (Some(id), _) => (id.to_owned(), None),
        (None, Some(author)) if is_plain(upstream) => {
            let id = format!("{author}/{upstream}");
            (id.clone(), Some(new_model(id, listed)))
        }
        _ => return report.unmatched.push((slug.to_owned(), upstream.to_owned())),
    };
    if known.tags.contains(&(id.as_str(), slug)) {
        // The provider has another name for a model it is known to serve.
        return report.unmatched.push((slug.to_owned(), upstream.to_owned()));
    }
    let mut unpriced = |reason: String| {
        report.held_back.push(HeldBack {
            model: id.clone(),
            tag: slug.to_owned(),
            reason,
            price: None,
        });
    };
    let price = match listed.price() {
        Ok(Some(price))
            if price.state() == PriceState::Free
                || price.get(Meter::Prompt).is_some() && price.get(Meter::Completion).is_some() =>
        {
            merged(&PriceList::default(), &price)
        }
        Ok(_) => return unpriced("new, without a price of input and output".to_owned()),
        Err(error) => return unpriced(error.to_string()),
    };
    let mut doubts = guard::absurd(&price, known.kind(&id));
    if price.state() == PriceState::Free {
        doubts.push("a price of zero, which may mean unknown".to_owned());
    }
    let added = AddedEndpoint {
        model,
        endpoint: EndpointChange {
            model: id,
            provider: slug.to_owned(),
            upstream_model: Some(upstream.to_owned()),
            price: Some(PriceObject(price)),
            context_length: listed.limit.context,
            max_prompt_tokens: listed.limit.input,
            max_completion_tokens: listed.limit.output,
            supported_parameters: Some(parameters(listed)),
            input_modalities: modalities(&listed.modalities.input),
            output_modalities: modalities(&listed.modalities.output),
            ..EndpointChange::default()
        },
    };
    if doubts.is_empty() {
        report.added.push(added);
    } else {
        report.held_back_added.push(HeldBackEndpoint { added, reason: doubts.join("; ") });
    }
}

/// Whether a provider's name can be the second part of an id.
fn is_plain(name: &str) -> bool {
    !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

fn new_model(id: String, listed: &ListModel) -> ModelChange {
    ModelChange {
        id,
        name: listed.name.clone(),
        created: listed.release_date.as_deref().and_then(day).map(|day| day * 86_400),
        input_modalities: modalities(&listed.modalities.input),
        output_modalities: modalities(&listed.modalities.output),
        knowledge_cutoff: listed.knowledge.clone(),
        distillable: Some(listed.open_weights),
        ..ModelChange::default()
    }
}

fn modalities(names: &[String]) -> Option<Vec<Modality>> {
    let set: Modalities = names
        .iter()
        .filter_map(
            |name| if name == "pdf" { Some(Modality::File) } else { Modality::from_name(name) },
        )
        .collect();
    (!set.is_empty()).then(|| set.iter().collect())
}

fn parameters(listed: &ListModel) -> Vec<String> {
    let mut names = vec!["max_tokens", "max_completion_tokens", "stop"];
    if listed.temperature != Some(false) {
        names.extend(["temperature", "top_p"]);
    }
    if listed.tool_call {
        names.extend(["tools", "tool_choice"]);
    }
    if listed.structured_output {
        names.extend(["response_format", "structured_outputs"]);
    }
    if listed.reasoning {
        names.extend(["reasoning", "include_reasoning"]);
    }
    names.sort_unstable();
    names.into_iter().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::price::PriceOverride;

    /// MODELS-7: the later one holds where several apply.
    #[test]
    fn a_length_that_is_new_stands_before_longer_ones() {
        let above = |tokens: u64, dollars: i64| PriceOverride {
            min_prompt_tokens: Some(tokens),
            utc_start: None,
            utc_end: None,
            prices: vec![(Meter::Prompt, PicoUsd(dollars * 1_000_000))],
        };
        let list = |overrides: Vec<PriceOverride>| PriceList {
            base: vec![(Meter::Prompt, PicoUsd(2_000_000))],
            overrides,
        };
        let new = merged(
            &list(vec![above(500_000, 8)]),
            &list(vec![above(200_000, 4), above(500_000, 8)]),
        );
        assert_eq!(new.overrides, [above(200_000, 4), above(500_000, 8)]);
    }
}
