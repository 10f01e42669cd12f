//! Facts about providers.

use std::collections::BTreeMap;

use protocol::Dialect;
use protocol::target::Quirks;
use serde::Deserialize;

use super::{FactsError, Pattern};
use crate::provider::{AuthStyle, AuthorDialect, PathStyle};

/// What is known of a provider beyond the source data.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProviderFacts {
    /// Replaces the source's base URL; `{NAME}` is filled in later.
    pub base_url: Option<String>,
    /// Replaces the source's protocol.
    pub dialect: Option<Dialect>,
    /// What it speaks for the models of some authors, where that is another protocol.
    pub author_dialects: BTreeMap<String, AuthorDialect>,
    /// How paths are made, where not as the protocol has it.
    pub path_style: PathStyle,
    /// Replaces the source's way of authentication.
    pub auth: Option<AuthStyle>,
    /// Why requests cannot be sent there: the provider is listed only.
    pub unroutable: Option<String>,
    /// Authors whose own provider it is, though it bears another name.
    pub authors: Vec<String>,
    /// Authors whose models are served under another protocol there.
    pub without_authors: Vec<String>,
    /// Models of the source that nobody can ask for there: placeholders of price lists, and generations
    /// that have ended.
    pub without_models: Vec<Pattern>,
    /// The provider's names of models, where the source has one that it does not know. By the
    /// model's id.
    pub upstream_models: BTreeMap<String, String>,
    /// Models that are served in the provider's protocol too, though the source has them under
    /// another interface; and the service of the provider at which they then are.
    pub served_too: ServedToo,
    /// Models that it serves in a fast mode, which is a sibling in the catalogue, and how many times
    /// their prices that costs. TIER-10
    pub fast_mode: BTreeMap<String, i64>,
    /// Replaces the source's names of environment variables.
    pub environment_variables: Option<Vec<String>>,
    /// Beside chat completions it offers Responses, below the same address.
    pub responses: bool,
    /// How it is asked for embeddings, where not as others of its protocol. EMB-1
    pub embeddings: Option<protocol::embeddings::Form>,
    /// How it is asked to rerank, where not as others of its protocol. RERANK-2
    pub rerank: Option<protocol::rerank::Form>,
    /// Closing the connection stops generation and billing. STREAM-8
    pub cancel_stops_billing: bool,
    /// Prompts are cached without being asked.
    pub implicit_caching: bool,
    /// What models.dev calls it; empty: by its slug.
    pub models_dev: Vec<String>,
    /// Deviations from the protocol.
    pub quirks: Quirks,
}

/// Models that a provider serves under more than one interface.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServedToo {
    /// The service, in the words of the source.
    pub surface: String,
    /// The models.
    pub models: Vec<Pattern>,
}

impl ProviderFacts {
    /// Whether it is the own provider of an author's models. `slug` is the provider's.
    pub fn is_of(&self, slug: &str, author: &str) -> bool {
        // One of the names often has a hyphen or an ending more: `xai`, `google-vertex`.
        let (slug, plain) = (slug.replace('-', ""), author.replace('-', ""));
        slug.starts_with(&plain)
            || plain.starts_with(&slug)
            || self.authors.iter().any(|own| own == author)
    }

    /// Whether a model that the source has under another interface is served in the provider's
    /// protocol all the same. `surfaces` are the services at which the source has it.
    pub fn serves_too(&self, model: &str, surfaces: &[String]) -> bool {
        surfaces.contains(&self.served_too.surface)
            && self.served_too.models.iter().any(|pattern| pattern.matches(model))
    }

    /// The names under which models.dev knows a provider.
    pub fn models_dev_names<'a>(&'a self, slug: &'a str) -> impl Iterator<Item = &'a str> {
        let own = self.models_dev.is_empty().then_some(slug);
        own.into_iter().chain(self.models_dev.iter().map(String::as_str))
    }
}

/// The facts, by provider slug.
#[derive(Clone, Debug)]
pub struct ProviderTable {
    facts: BTreeMap<String, ProviderFacts>,
    unknown: ProviderFacts,
}

impl ProviderTable {
    /// Reads the table.
    pub fn parse(text: &str) -> Result<Self, FactsError> {
        toml::from_str(text)
            .map(|facts| Self { facts, unknown: ProviderFacts::default() })
            .map_err(|error| FactsError { table: "providers", reason: error.to_string() })
    }

    /// The facts of a provider; nothing special for one without an entry.
    pub fn of(&self, slug: &str) -> &ProviderFacts {
        self.facts.get(slug).unwrap_or(&self.unknown)
    }

    /// The slugs with an entry.
    pub fn slugs(&self) -> impl Iterator<Item = &str> {
        self.facts.keys().map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn authors_have_providers_of_their_own() {
        let table = ProviderTable::parse(crate::facts::PROVIDERS).unwrap();
        for (slug, author, expected) in [
            ("openai", "openai", true),
            ("google-vertex", "google", true),
            ("mistral", "mistralai", true),
            ("xai", "x-ai", true),
            ("alibaba", "qwen", true),
            ("azure", "openai", false),
            ("digitalocean", "openai", false),
        ] {
            assert_eq!(table.of(slug).is_of(slug, author), expected, "{slug} {author}");
        }
    }

    /// STREAM-8
    #[test]
    fn cancelling_stops_the_bill_only_where_it_is_known_to() {
        let table = ProviderTable::parse(crate::facts::PROVIDERS).unwrap();
        for slug in ["openai", "azure", "anthropic", "fireworks"] {
            assert!(table.of(slug).cancel_stops_billing, "{slug}");
        }
        let running_on = [
            "amazon-bedrock",
            "groq",
            "google-ai-studio",
            "minimax",
            "huggingface",
            "replicate",
            "perplexity",
            "mistral",
            "ai21",
            "never-heard-of",
        ];
        for slug in running_on {
            assert!(!table.of(slug).cancel_stops_billing, "{slug}");
        }
    }
}
