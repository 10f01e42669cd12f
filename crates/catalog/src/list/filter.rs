//! Filtering and ordering the list of models. MODELS-1, MODELS-2, MODELS-3

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::object::{in_and_out, top_endpoint};
use super::query::{ModelQuery, ModelSort};
use crate::availability::{Availability, Resolution, resolve};
use crate::index::{Catalog, ModelId};
use crate::model::Model;
use crate::price::{Meter, PicoUsd, PriceState};
use crate::slug::Slug;

/// How many models a page has if only an offset is given. MODELS-1
const PAGE: usize = 500;

const SECONDS_PER_DAY: i64 = 86_400;

/// What is known of a model besides the catalogue. A model without a figure fails each bound on it
/// and comes last in an order by it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ModelFigures {
    /// Tokens of all time, or another measure of popularity.
    pub popularity: Option<f64>,
    /// The same of the last week.
    pub weekly: Option<f64>,
    /// Median output tokens per second.
    pub throughput: Option<f64>,
    /// Median milliseconds to the first token.
    pub latency: Option<f64>,
    /// Share of tool calls that succeed, 0 to 1.
    pub tool_success_rate: Option<f64>,
    /// An index of intelligence.
    pub intelligence: Option<f64>,
    /// An index of coding.
    pub coding: Option<f64>,
    /// An index of agency.
    pub agentic: Option<f64>,
    /// An index of design.
    pub design: Option<f64>,
}

/// A row of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedModel {
    /// The model.
    pub model: ModelId,
    /// The alias that the row is of, e.g. `~anthropic/claude-opus-latest`. LATEST-2
    pub alias: Option<String>,
}

/// A page of the list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModelPage {
    /// The rows of the page.
    pub rows: Vec<ListedModel>,
    /// How many rows all pages have.
    pub total: usize,
    /// Offset and limit of the next page.
    pub next: Option<(usize, usize)>,
}

/// The models that can be used and that a query asks for, with a row for each alias whose target is
/// among them. `now` is in seconds since 1970.
pub fn list_models(
    catalog: &Catalog,
    query: &ModelQuery,
    available: &Availability,
    figures: &dyn Fn(ModelId) -> ModelFigures,
    now: i64,
) -> ModelPage {
    let mut found: Vec<(ModelId, ModelFigures)> = available
        .models()
        .map(|id| (id, figures(id)))
        .filter(|(id, figures)| matches(catalog, query, available, *id, figures, now))
        .collect();
    order(catalog, query.sort, available, &mut found);
    let mut aliases = latest_aliases(catalog, available);
    let rows: Vec<ListedModel> = found
        .into_iter()
        .flat_map(|(model, _)| {
            let aliases = aliases.remove(&model).unwrap_or_default();
            let plain = ListedModel { model, alias: None };
            std::iter::once(plain).chain(
                aliases.into_iter().map(move |alias| ListedModel { model, alias: Some(alias) }),
            )
        })
        .collect();
    page(rows, query)
}

fn page(rows: Vec<ListedModel>, query: &ModelQuery) -> ModelPage {
    let total = rows.len();
    if query.offset.is_none() && query.limit.is_none() {
        return ModelPage { rows, total, next: None };
    }
    let offset = query.offset.unwrap_or_default();
    let limit = query.limit.unwrap_or(PAGE);
    let rows: Vec<_> = rows.into_iter().skip(offset).take(limit).collect();
    let end = offset.saturating_add(rows.len());
    let next = (end < total && !rows.is_empty()).then_some((end, limit));
    ModelPage { rows, total, next }
}

/// The address of the next page: the same query at another offset. `pairs` are the decoded pairs of
/// the query. MODELS-1
pub fn next_link<'a>(
    path: &str,
    pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
    page: &ModelPage,
) -> Option<String> {
    let (offset, limit) = page.next?;
    let mut link = format!("{path}?offset={offset}&limit={limit}");
    for (name, value) in pairs {
        if name != "offset" && name != "limit" {
            link.push('&');
            escape(name, &mut link);
            link.push('=');
            escape(value, &mut link);
        }
    }
    Some(link)
}

fn escape(text: &str, link: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            link.push(char::from(byte));
        } else {
            link.push_str(&format!("%{byte:02X}"));
        }
    }
}

/// The aliases of each model that is the newest of its family. LATEST-2
fn latest_aliases(catalog: &Catalog, available: &Availability) -> BTreeMap<ModelId, Vec<String>> {
    let mut aliases: BTreeMap<ModelId, Vec<String>> = BTreeMap::new();
    let families: std::collections::BTreeSet<_> =
        available.models().filter_map(|id| catalog.model(id).family_name()).collect();
    for family in families {
        let base = format!("~{family}-latest");
        let slug = Slug { base: base.clone(), variants: Vec::new(), preset: None };
        if let Resolution::Latest(id) = resolve(catalog, &slug, available) {
            aliases.entry(id).or_default().push(base);
        }
    }
    aliases
}

fn matches(
    catalog: &Catalog,
    query: &ModelQuery,
    available: &Availability,
    id: ModelId,
    figures: &ModelFigures,
    now: i64,
) -> bool {
    let model = catalog.model(id);
    describes(query, model, now)
        && within(figures.intelligence, query.intelligence)
        && within(figures.coding, query.coding)
        && within(figures.agentic, query.agentic)
        && within(figures.tool_success_rate, query.tool_success_rate)
        && priced(catalog, query, available, id)
        && served(catalog, query, available, id)
}

/// What the model itself must be.
fn describes(query: &ModelQuery, model: &Model, now: i64) -> bool {
    let architecture = &model.architecture;
    let given = |wanted: crate::Modalities| {
        wanted.iter().any(|modality| architecture.output_modalities.has(modality))
    };
    let text = || format!("{} {}", model.name, model.id).to_lowercase();
    let age =
        u64::try_from(now.saturating_sub(model.created) / SECONDS_PER_DAY).unwrap_or_default();
    let age_known = model.created > 0;
    query.output_modalities.is_none_or(|wanted| given(wanted) && !model.kind.is_passed_through())
        && architecture.input_modalities.covers(query.input_modalities)
        && model.supported_parameters.covers(query.supported_parameters)
        && (query.words.is_empty() || query.words.iter().all(|word| text().contains(word.as_str())))
        && query.context.is_none_or(|least| model.context_length.is_some_and(|has| has >= least))
        && query.architecture.as_ref().is_none_or(|wanted| {
            let tokenizer = architecture.tokenizer.as_deref().unwrap_or("Other").to_lowercase();
            tokenizer.contains(wanted.as_str())
        })
        && (query.authors.is_empty() || query.authors.contains(&model.author().to_lowercase()))
        && query.distillable.is_none_or(|wanted| model.distillable == wanted)
        && query.age_days.0.is_none_or(|least| age_known && age >= least)
        && query.age_days.1.is_none_or(|most| age_known && age <= most)
}

fn within(figure: Option<f64>, (least, most): (Option<f64>, Option<f64>)) -> bool {
    least.is_none_or(|least| figure.is_some_and(|figure| figure >= least))
        && most.is_none_or(|most| figure.is_some_and(|figure| figure <= most))
}

/// What it must cost. A price that is not known fails every bound.
fn priced(catalog: &Catalog, query: &ModelQuery, available: &Availability, id: ModelId) -> bool {
    let bounds = [(Meter::Prompt, query.prompt_price), (Meter::Completion, query.completion_price)];
    if bounds.iter().all(|(_, (least, most))| least.is_none() && most.is_none()) {
        return true;
    }
    let Some(top) = top_endpoint(catalog, id, available) else { return false };
    let price = &catalog.endpoint(top).price;
    price.state() != PriceState::Unknown
        && bounds.iter().all(|(meter, (least, most))| {
            let price = price.get(*meter).unwrap_or(PicoUsd::ZERO);
            least.is_none_or(|least| price >= least) && most.is_none_or(|most| price <= most)
        })
}

/// Where it must run.
fn served(catalog: &Catalog, query: &ModelQuery, available: &Availability, model: ModelId) -> bool {
    if query.providers.is_empty() && !query.zero_retention && query.region.is_none() {
        return true;
    }
    catalog.endpoints_of(model).filter(|id| available.has_endpoint(*id)).any(|id| {
        let provider = catalog.provider_of(id);
        let endpoint = catalog.endpoint(id);
        (query.providers.is_empty()
            || query.providers.contains(&provider.slug.to_lowercase())
            || query.providers.contains(&provider.name.to_lowercase()))
            && (!query.zero_retention || catalog.retains_nothing(id, model))
            && query.region.is_none_or(|region| region.holds(endpoint, provider))
    })
}

/// Orders the rows; what is equal, or not known, by age and id.
fn order(
    catalog: &Catalog,
    sort: ModelSort,
    available: &Availability,
    rows: &mut [(ModelId, ModelFigures)],
) {
    // The order that decides between equals first: the sorts are stable.
    rows.sort_by_key(|(id, _)| {
        let model = catalog.model(*id);
        (Reverse(model.created), &model.id)
    });
    let price = |id: &ModelId| {
        top_endpoint(catalog, *id, available)
            .map(|id| &catalog.endpoint(id).price)
            .filter(|price| price.state() != PriceState::Unknown)
            .map(in_and_out)
    };
    match sort {
        ModelSort::Newest => {}
        ModelSort::PricingLowToHigh => {
            rows.sort_by_cached_key(|(id, _)| price(id).map_or((true, 0), |price| (false, price)));
        }
        ModelSort::PricingHighToLow => {
            rows.sort_by_cached_key(|(id, _)| Reverse(price(id)));
        }
        ModelSort::ContextHighToLow => {
            rows.sort_by_key(|(id, _)| Reverse(catalog.model(*id).context_length));
        }
        ModelSort::MostPopular => descending(rows, |figures| figures.popularity),
        ModelSort::TopWeekly => descending(rows, |figures| figures.weekly),
        ModelSort::ThroughputHighToLow => descending(rows, |figures| figures.throughput),
        ModelSort::LatencyLowToHigh => {
            descending(rows, |figures| figures.latency.map(|latency| -latency));
        }
        ModelSort::IntelligenceHighToLow => descending(rows, |figures| figures.intelligence),
        ModelSort::CodingHighToLow => descending(rows, |figures| figures.coding),
        ModelSort::AgenticHighToLow => descending(rows, |figures| figures.agentic),
        ModelSort::DesignArenaEloHighToLow => descending(rows, |figures| figures.design),
    }
}

fn descending(rows: &mut [(ModelId, ModelFigures)], figure: impl Fn(&ModelFigures) -> Option<f64>) {
    let key = |figures: &ModelFigures| figure(figures).unwrap_or(f64::NEG_INFINITY);
    rows.sort_by(|(_, left), (_, right)| key(right).total_cmp(&key(left)));
}
