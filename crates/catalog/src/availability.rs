//! What can be used with the credentials at hand, and what a slug stands for.

use crate::endpoint::EndpointStatus;
use crate::index::{Catalog, EndpointId, ModelId, stem};
use crate::provider::Provider;
use crate::slug::Slug;

/// How many close names an error offers.
const SUGGESTIONS: usize = 5;

/// Which endpoints and models can be used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Availability {
    endpoints: Vec<bool>,
    models: Vec<bool>,
}

/// Finds what can be used: endpoints that are offered, of models that are visible, at providers
/// that `usable` accepts: there is a way to reach them, with a credential unless none is needed.
/// Whether the catalogue's base URL is complete does not decide: a credential may have its own.
pub fn available(catalog: &Catalog, usable: &dyn Fn(&Provider) -> bool) -> Availability {
    let providers: Vec<bool> = catalog.providers().map(|(_, provider)| usable(provider)).collect();
    Availability::of(catalog, &|id| {
        providers.get(catalog.provider_id_of(id).0 as usize).copied().unwrap_or_default()
    })
}

impl Availability {
    /// Finds what can be used where `usable` decides endpoint by endpoint, as for one caller: what
    /// is offered, of models that are visible. MODELS-9
    pub fn of(catalog: &Catalog, usable: &dyn Fn(EndpointId) -> bool) -> Self {
        let mut found = Self {
            endpoints: vec![false; catalog.endpoints().len()],
            models: vec![false; catalog.models().len()],
        };
        for (model_id, model) in catalog.models() {
            if !model.is_visible() {
                continue;
            }
            for id in catalog.endpoints_of(model_id) {
                if catalog.endpoint(id).status != EndpointStatus::Disabled && usable(id) {
                    found.endpoints[id.0 as usize] = true;
                    found.models[model_id.0 as usize] = true;
                }
            }
        }
        found
    }

    /// Whether a model can be used.
    pub fn has_model(&self, id: ModelId) -> bool {
        self.models.get(id.0 as usize).copied().unwrap_or_default()
    }

    /// Whether an endpoint can be used.
    pub fn has_endpoint(&self, id: EndpointId) -> bool {
        self.endpoints.get(id.0 as usize).copied().unwrap_or_default()
    }

    /// The models that can be used, in order of the catalogue.
    pub fn models(&self) -> impl Iterator<Item = ModelId> {
        self.models.iter().enumerate().filter(|(_, has)| **has).map(|(at, _)| ModelId(at as u32))
    }
}

/// What a slug stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// A model that can be used.
    Model(ModelId),
    /// The newest model of a family. LATEST-1
    Latest(ModelId),
    /// A model that exists, but no provider with a credential offers it.
    Unavailable(ModelId),
    /// A model that is hidden by the operator, or retired.
    Withdrawn(ModelId),
    /// A family that exists, but none of its models can be used.
    EmptyFamily,
    /// Nothing of that name; some that are close, the closest first.
    Unknown {
        /// Ids of models that can be used.
        close: Vec<String>,
    },
}

/// Finds what a slug stands for. Variants and presets of the slug play no part.
pub fn resolve(catalog: &Catalog, slug: &Slug, available: &Availability) -> Resolution {
    if let Some(alias) = slug.base.strip_prefix('~') {
        return resolve_latest(catalog, alias, available);
    }
    match catalog.find(&slug.base) {
        Some(id) if available.has_model(id) => Resolution::Model(id),
        Some(id) if catalog.model(id).hidden || catalog.model(id).retired => {
            Resolution::Withdrawn(id)
        }
        Some(id) => Resolution::Unavailable(id),
        None => Resolution::Unknown { close: close_names(catalog, &slug.base, available) },
    }
}

/// The newest model of a family that can be used. Hidden ones never can, and a family holds models
/// only, never another alias. LATEST-1
fn resolve_latest(catalog: &Catalog, alias: &str, available: &Availability) -> Resolution {
    let members = alias.strip_suffix("-latest").map(|family| catalog.family(family));
    let members = members.unwrap_or_default();
    match members.iter().find(|id| available.has_model(**id)) {
        Some(id) => Resolution::Latest(*id),
        None if !members.is_empty() => Resolution::EmptyFamily,
        None => Resolution::Unknown { close: close_families(catalog, alias, available) },
    }
}

fn close_families(catalog: &Catalog, alias: &str, available: &Availability) -> Vec<String> {
    let mut names: Vec<String> = available
        .models()
        .filter_map(|id| catalog.model(id).family_name())
        .map(|family| format!("~{family}-latest"))
        .collect();
    names.sort();
    names.dedup();
    closest(&format!("~{alias}"), names.iter().map(String::as_str))
}

/// Ids of usable models that are close to a name, the closest first: before others those that a
/// provider calls by what follows the first slash, as other gateways name models
/// (`groq/llama-3.3-70b-versatile`).
pub fn close_names(catalog: &Catalog, name: &str, available: &Availability) -> Vec<String> {
    let lower = name.to_ascii_lowercase();
    let mut names: Vec<String> = Vec::new();
    if let Some((prefix, own)) = lower.split_once('/') {
        let mut called: Vec<_> = catalog
            .endpoints()
            .filter(|(id, endpoint)| {
                endpoint.upstream_model.eq_ignore_ascii_case(own) && available.has_endpoint(*id)
            })
            .map(|(id, _)| {
                // Of those that several providers call so, that of the provider that is named.
                let slug = &catalog.provider_of(id).slug;
                let other = !slug.starts_with(prefix) && !prefix.starts_with(slug.as_str());
                (other, catalog.endpoint(id).model.as_str())
            })
            .collect();
        called.sort_unstable();
        for (_, model) in called {
            if !names.iter().any(|known| known == model) {
                names.push(model.to_owned());
            }
        }
    }
    let near = closest(name, available.models().map(|id| catalog.model(id).id.as_str()));
    names.extend(near);
    let mut told = Vec::new();
    for name in names {
        if !told.contains(&name) && told.len() < SUGGESTIONS {
            told.push(name);
        }
    }
    told
}

fn closest<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Vec<String> {
    let name: String = name.to_ascii_lowercase().chars().take(100).collect();
    // Versions are written with points or without, and snapshots are of one model.
    let last = |id: &str| stem(id.rsplit('/').next().unwrap_or_default()).replace('.', "-");
    let mut scored: Vec<(usize, &str)> = candidates
        .filter_map(|id| {
            let lower = id.to_ascii_lowercase();
            let (wanted, known) = (last(&name), last(&lower));
            let limit = (wanted.len() / 3).max(1);
            let score = if wanted == known {
                0
            } else if wanted.len() >= 3 && (known.contains(&wanted) || wanted.contains(&known)) {
                1 + known.len().abs_diff(wanted.len())
            } else {
                let distance = edit_distance(&wanted, &known, limit)?;
                2 + distance * 4
            };
            // The same author first.
            let author = |id: &str| id.split_once('/').map(|(author, _)| author.to_owned());
            Some((score * 2 + usize::from(author(&name) != author(&lower)), id))
        })
        .collect();
    scored.sort();
    scored.into_iter().take(SUGGESTIONS).map(|(_, id)| id.to_owned()).collect()
}

/// The number of letters to insert, remove or replace, if it is at most `limit`.
fn edit_distance(left: &str, right: &str, limit: usize) -> Option<usize> {
    let (left, right): (Vec<char>, Vec<char>) =
        (left.chars().collect(), right.chars().take(200).collect());
    if left.len().abs_diff(right.len()) > limit {
        return None;
    }
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (at, letter) in left.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = at + 1;
        for (column, other) in right.iter().enumerate() {
            let above = row[column + 1];
            let replaced = diagonal + usize::from(letter != other);
            row[column + 1] = replaced.min(above + 1).min(row[column] + 1);
            diagonal = above;
        }
    }
    row.last().copied().filter(|distance| *distance <= limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(text: &str, providers: &[&str]) -> (Catalog, Resolution) {
        let catalog = Catalog::embedded().unwrap();
        let slugs: Vec<String> = providers.iter().map(|slug| (*slug).to_owned()).collect();
        let found = available(&catalog, &|provider| slugs.contains(&provider.slug));
        let resolution = resolve(&catalog, &Slug::parse(text).unwrap(), &found);
        (catalog, resolution)
    }

    #[test]
    fn a_model_is_found_by_id_permanent_name_and_with_variants() {
        for text in [
            "anthropic/claude-sonnet-4.5",
            "anthropic/claude-4.5-sonnet-20250929",
            "anthropic/claude-sonnet-4.5:nitro",
        ] {
            let (catalog, resolution) = resolved(text, &["anthropic"]);
            let Resolution::Model(id) = resolution else { panic!("{text}: {resolution:?}") };
            assert_eq!(catalog.model(id).id, "anthropic/claude-sonnet-4.5");
        }
    }

    #[test]
    fn without_a_credential_nothing_is_available() {
        let (_, resolution) = resolved("anthropic/claude-sonnet-4.5", &["openai"]);
        assert!(matches!(resolution, Resolution::Unavailable(_)));
        let catalog = Catalog::embedded().unwrap();
        assert_eq!(available(&catalog, &|_| false).models().count(), 0);
        assert!(available(&catalog, &|_| true).models().count() > 1_000);
    }

    /// MODELS-9: a credential may bring the address that the catalogue leaves open.
    #[test]
    fn whether_a_provider_can_be_reached_is_the_callers_to_say() {
        let catalog = Catalog::embedded().unwrap();
        assert!(available(&catalog, &|provider| provider.slug == "azure").models().count() > 10);
    }

    /// MODELS-9
    #[test]
    fn what_one_caller_can_use_is_decided_endpoint_by_endpoint() {
        let catalog = Catalog::embedded().unwrap();
        let (only, _) = catalog
            .endpoints()
            .find(|(_, endpoint)| endpoint.model == "anthropic/claude-sonnet-4.5")
            .unwrap();
        let found = Availability::of(&catalog, &|id| id == only);
        assert!(found.has_endpoint(only));
        assert_eq!(found.models().count(), 1);
        let (off, endpoint) = catalog
            .endpoints()
            .find(|(_, endpoint)| endpoint.status == EndpointStatus::Disabled)
            .unwrap();
        let found = Availability::of(&catalog, &|id| id == off);
        assert!(!found.has_endpoint(off), "{} is switched off", endpoint.tag);
        assert_eq!(found, Availability::of(&catalog, &|_| false));
    }

    /// LATEST-1
    #[test]
    fn latest_is_the_newest_that_can_be_used() {
        let (catalog, resolution) = resolved("~anthropic/claude-opus-latest", &["anthropic"]);
        let Resolution::Latest(id) = resolution else { panic!("{resolution:?}") };
        let newest = catalog.model(id);
        assert_eq!(newest.family.as_deref(), Some("anthropic/claude-opus"));
        for (_, model) in catalog.models() {
            if model.family == newest.family && !model.hidden {
                let offered = catalog
                    .endpoints_of(catalog.find(&model.id).unwrap())
                    .map(|id| catalog.endpoint(id))
                    .any(|end| {
                        end.provider == "anthropic" && end.status != EndpointStatus::Disabled
                    });
                assert!(!offered || model.created <= newest.created, "{}", model.id);
            }
        }
        assert_eq!(
            resolved("~anthropic/claude-opus-latest", &["mistral"]).1,
            Resolution::EmptyFamily
        );
    }

    #[test]
    fn a_retired_model_is_said_to_be_so() {
        let catalog = Catalog::embedded().unwrap();
        let retired = catalog.models().find(|(_, model)| model.retired).unwrap().1.id.clone();
        let (_, resolution) = resolved(&retired, &["openai"]);
        assert!(matches!(resolution, Resolution::Withdrawn(_)), "{retired}");
    }

    #[test]
    fn an_unknown_name_gets_close_ones() {
        for (text, expected) in [
            ("openai/gpt5", "openai/gpt-5"),
            ("gpt-5", "openai/gpt-5"),
            ("OpenAI/GPT-5-mini", "openai/gpt-5-mini"),
            ("~openai/gpt-minni-latest", "~openai/gpt-mini-latest"),
        ] {
            let (_, resolution) = resolved(text, &["openai"]);
            let Resolution::Unknown { close } = resolution else { panic!("{text}") };
            assert!(close.iter().any(|name| name == expected), "{text}: {close:?}");
        }
        let (_, resolution) = resolved("zzzzzzzzzzzzzzzzzz", &["openai"]);
        assert_eq!(resolution, Resolution::Unknown { close: Vec::new() });
    }

    #[test]
    fn the_first_name_that_is_suggested_is_the_one_that_was_meant() {
        let everywhere = [
            "openai",
            "anthropic",
            "google-ai-studio",
            "groq",
            "xai",
            "together",
            "amazon-bedrock",
        ];
        for (text, expected) in [
            ("anthropic/claude-sonnet-4-5-v2", "anthropic/claude-sonnet-4.5"),
            ("claud/claude-sonnet-4-5-20250929", "anthropic/claude-sonnet-4.5"),
            ("openai/gpt-4-1", "openai/gpt-4.1"),
            ("xai/grok-4", "x-ai/grok-4"),
            ("gemini/gemini-2.5-flash", "google/gemini-2.5-flash"),
            ("azure/gpt-4o", "openai/gpt-4o"),
            ("groq/llama-3.3-70b-versatile", "meta-llama/llama-3.3-70b-instruct"),
            (
                "together_ai/meta-llama/Llama-3.3-70B-Instruct-Turbo",
                "meta-llama/llama-3.3-70b-instruct",
            ),
            ("bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0", "anthropic/claude-sonnet-4.5"),
        ] {
            let catalog = Catalog::embedded().unwrap();
            let found = available(&catalog, &|it| everywhere.contains(&it.slug.as_str()));
            let close = close_names(&catalog, text, &found);
            assert_eq!(close.first().map(String::as_str), Some(expected), "{text}: {close:?}");
        }
    }
}
