//! Builds a catalogue from the two source documents, models and providers. Pure: text in, parts
//! out, and always the same parts for the same text.
//!
//! Choices made here:
//! - A provider is routable if it speaks a protocol of ours below one base URL. The others stay in
//!   [`CatalogParts::listed`] with the reason. A base URL may contain `{NAME}`: the provider is
//!   unreachable until an overlay or the environment fills it in.
//! - A price that is not complete enough to bill by is unknown, which is an error state, never zero.
//! - Free endpoints form a `…:free` model of their own, whose id without the suffix is an alias if
//!   nothing else bears it. VAR-1
//! - Service tiers without known prices are left out. TIER-9
//! - At Bedrock each inference profile of a model is an endpoint, tagged with its geography.

mod date;
mod endpoint;
mod model;
mod parameters;
mod price;
mod profile;
mod provider;
mod source;

pub(crate) use self::date::day;
pub(crate) use self::endpoint::accepted;
pub(crate) use self::model::support as reasoning_support;
pub(crate) use self::parameters::usual_parameters;
pub(crate) use self::price::most as most_per_token;
pub(crate) use self::provider::conventional_name;

use std::collections::BTreeMap;

use crate::Parameters;
use crate::endpoint::EndpointStatus;
use crate::facts::Facts;
use crate::model::Model;
use crate::parts::{CatalogParts, Origin, OriginSource};
use crate::provider::Provider;

/// A built catalogue, and what was left out of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Built {
    /// The parts, in order.
    pub parts: CatalogParts,
    /// What was left out or doubted, one sentence each, in order.
    pub notes: Vec<String>,
}

/// A source document that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("the {document} document cannot be read: {reason}")]
pub struct BuildError {
    /// `models` or `providers`.
    pub document: &'static str,
    /// What is wrong, with line and column.
    pub reason: String,
}

/// Builds the parts of a catalogue from the JSON texts of the sources.
pub fn build(models: &str, providers: &str, facts: &Facts) -> Result<Built, BuildError> {
    let read = |document| {
        move |error: serde_json::Error| BuildError { document, reason: error.to_string() }
    };
    let source: source::ModelDocument = serde_json::from_str(models).map_err(read("models"))?;
    let hosts: Vec<source::SourceProvider> =
        serde_json::from_str(providers).map_err(read("providers"))?;

    let mut notes = Vec::new();
    let mut parts = CatalogParts { origin: origin(&source.meta), ..CatalogParts::default() };
    for host in &hosts {
        match provider::build(host, facts.providers.of(&host.slug)) {
            provider::Outcome::Routable(provider) => parts.providers.push(*provider),
            provider::Outcome::Listed(listed) => parts.listed.push(listed),
            provider::Outcome::LeftOut(reason) => notes.push(format!("{}: {reason}", host.slug)),
        }
    }
    let by_slug: BTreeMap<String, Provider> =
        parts.providers.iter().map(|provider| (provider.slug.clone(), provider.clone())).collect();
    let context = endpoint::Context {
        providers: &by_slug,
        facts,
        parameters: parameters::ParameterLists::new(&source.models),
        today: date::day(&source.meta.generated).unwrap_or_default(),
    };
    for entry in &source.models {
        let mut endpoints = endpoint::build_all(entry, &context, &mut notes);
        if let Some(plain) = entry.id.strip_suffix("-fast")
            && let Some(plain) = source.models.iter().find(|other| other.id == plain)
        {
            endpoints.extend(endpoint::fast_mode(entry, plain, &context, &mut notes));
        }
        model::add(entry, endpoints, facts, &mut parts);
    }
    parts.sort();
    notes.sort();
    Ok(Built { parts, notes })
}

fn origin(meta: &source::Meta) -> Origin {
    let sources = meta
        .sources
        .iter()
        .map(|source| OriginSource {
            name: source.name.clone(),
            as_of: [&source.date, &source.version, &source.commit]
                .into_iter()
                .flatten()
                .next()
                .cloned()
                .unwrap_or_default(),
            license: source.license.clone(),
        })
        .collect();
    Origin { generated: meta.generated.clone(), sources }
}

/// Recomputes what models inherit from their endpoints: the union of parameters and the longest
/// context. MODELS-8
pub(crate) fn inherit(models: &mut [Model], endpoints: &[crate::endpoint::Endpoint]) {
    let mut inherited: BTreeMap<&str, (Parameters, Option<u64>)> = BTreeMap::new();
    for endpoint in endpoints {
        if endpoint.status == EndpointStatus::Disabled {
            continue;
        }
        let entry = inherited.entry(endpoint.model.as_str()).or_default();
        entry.0 = entry.0.or(endpoint.supported_parameters);
        entry.1 = entry.1.max(endpoint.context_length);
    }
    for model in models {
        if let Some((parameters, context)) = inherited.get(model.id.as_str()) {
            model.supported_parameters = *parameters;
            model.context_length = context.or(model.context_length);
        }
    }
}

#[cfg(test)]
mod tests;
