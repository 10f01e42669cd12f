//! Comparing a list with the catalogue.

use std::collections::{BTreeMap, BTreeSet};

use super::report::{AddedEndpoint, HeldBack, PriceDifference, RemovedEndpoint, SyncReport};
use super::source::{Document, ListModel};
use crate::build::day;
use crate::endpoint::{Endpoint, EndpointStatus};
use crate::facts::Facts;
use crate::modality::{Modalities, Modality};
use crate::overlay::{EndpointChange, ModelChange, Overlay};
use crate::parts::CatalogParts;
use crate::price::{Meter, PicoUsd, PriceList, PriceState};
use crate::price_object::PriceObject;

/// A price that became so many times larger or smaller is held back.
const JUMP: i128 = 3;

/// Two prices that differ by less than one part in so many are the same: lists round.
const SAME: i128 = 200;

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
                Some(endpoint) => compare(endpoint, listed, &own, &mut report),
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
    report.added.sort_by(|left, right| {
        (&left.endpoint.model, &left.endpoint.provider)
            .cmp(&(&right.endpoint.model, &right.endpoint.provider))
    });
    // Two names of one model at one provider: the first stands.
    report.added.dedup_by(|later, first| {
        (&later.endpoint.model, &later.endpoint.provider)
            == (&first.endpoint.model, &first.endpoint.provider)
    });
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
}

impl<'a> Known<'a> {
    fn new(parts: &'a CatalogParts) -> Self {
        let mut known = Self {
            endpoints: BTreeMap::new(),
            models: BTreeMap::new(),
            upstream: BTreeMap::new(),
            author_of: BTreeMap::new(),
            tags: BTreeSet::new(),
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
    if new == endpoint.price {
        report.unchanged += 1;
    } else if let Some(reason) = doubt(&endpoint.price, &new) {
        hold(reason, Some(new));
    } else {
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

fn is_same(left: PicoUsd, right: PicoUsd) -> bool {
    let (left, right) = (i128::from(left.0), i128::from(right.0));
    left == right || (left - right).abs() * SAME < left.max(right)
}

/// Why a price is not accepted by itself.
fn doubt(old: &PriceList, new: &PriceList) -> Option<String> {
    if old.state() == PriceState::Unknown {
        if new.state() == PriceState::Free {
            return Some("a price of zero, which may mean unknown".to_owned());
        }
        // Half a price looks known and cheap, and bills nothing.
        return (new.get(Meter::Prompt).is_none() || new.get(Meter::Completion).is_none())
            .then(|| "a price of input or output alone".to_owned());
    }
    let pairs = new.base.iter().map(|(meter, price)| (*meter, old.get(*meter), *price)).chain(
        new.overrides.iter().flat_map(|entry| {
            let known = old.overrides.iter().find(|known| {
                known.min_prompt_tokens == entry.min_prompt_tokens
                    && known.utc_start == entry.utc_start
            });
            entry.prices.iter().map(move |(meter, price)| {
                let before = known.and_then(|known| {
                    known.prices.iter().find(|(name, _)| name == meter).map(|(_, price)| *price)
                });
                (*meter, before, *price)
            })
        }),
    );
    for (meter, before, now) in pairs {
        let Some(before) = before else { continue };
        if (before == PicoUsd::ZERO) != (now == PicoUsd::ZERO) {
            return Some(format!("{} goes from {before} to {now} USD", meter.name()));
        }
        let (before, after) = (i128::from(before.0), i128::from(now.0));
        if after > before * JUMP || before > after * JUMP {
            return Some(format!("{} changes by more than {JUMP} times", meter.name()));
        }
    }
    None
}

fn add(slug: &str, upstream: &str, listed: &ListModel, known: &Known<'_>, report: &mut SyncReport) {
    if listed.status.as_deref() == Some("deprecated") {
        return;
    }
    let mut hold = |reason: String, price| {
        report.held_back.push(HeldBack {
            model: upstream.to_owned(),
            tag: slug.to_owned(),
            reason,
            price,
        });
    };
    let price = match listed.price() {
        Ok(Some(price)) if price.state() == PriceState::Free => {
            return hold("new, at a price of zero, which may mean unknown".to_owned(), Some(price));
        }
        Ok(Some(price))
            if price.get(Meter::Prompt).is_some() && price.get(Meter::Completion).is_some() =>
        {
            price
        }
        Ok(_) => return hold("new, without a price of input and output".to_owned(), None),
        Err(error) => return hold(error.to_string(), None),
    };
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
    report.added.push(AddedEndpoint {
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
    });
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

    /// Promise 2: half a price looks cheap, and bills nothing.
    #[test]
    fn an_unknown_price_is_replaced_by_a_whole_one_only() {
        let list = |prices: &[(Meter, i64)]| PriceList {
            base: prices.iter().map(|(meter, price)| (*meter, PicoUsd(*price))).collect(),
            overrides: Vec::new(),
        };
        let unknown = PriceList::default();
        let whole = [(Meter::Prompt, 1), (Meter::Completion, 2)];
        assert_eq!(doubt(&unknown, &list(&whole)), None);
        for (new, held) in [
            (list(&whole[..1]), true),
            (list(&whole[1..]), true),
            (list(&[(Meter::Prompt, 0), (Meter::Completion, 0)]), true),
        ] {
            assert_eq!(doubt(&unknown, &new).is_some(), held, "{new:?}");
        }
    }
}
