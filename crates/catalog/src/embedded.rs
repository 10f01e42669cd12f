//! The catalogue that is shipped inside the binary.

use crate::index::{Catalog, CatalogError};
use crate::pack::{PackError, unpack};
use crate::parts::CatalogParts;

/// The packed catalogue of this version.
const PACKED: &str = include_str!("../data/catalog.txt");

/// The lines of attribution that go with the data.
pub const ATTRIBUTION: &str = include_str!("../data/ATTRIBUTION");

/// A shipped catalogue that cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddedError {
    /// It cannot be read.
    #[error(transparent)]
    Pack(#[from] PackError),
    /// Its parts do not fit together.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
}

impl Catalog {
    /// Loads the catalogue that is shipped inside the binary.
    pub fn embedded() -> Result<Self, EmbeddedError> {
        Ok(CatalogParts::embedded()?.into_catalog()?)
    }
}

impl CatalogParts {
    /// The parts of the shipped catalogue, to lay changes over.
    pub fn embedded() -> Result<Self, PackError> {
        unpack(PACKED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::EndpointStatus;
    use crate::price::{Meter, PicoUsd, PriceState};

    fn price(catalog: &Catalog, model: &str, tag: &str) -> crate::price::PriceList {
        endpoint(catalog, model, tag).unwrap().price
    }

    #[test]
    fn the_shipped_catalogue_loads_and_is_of_the_expected_size() {
        let catalog = Catalog::embedded().unwrap();
        assert!(catalog.models().len() > 1_200, "{}", catalog.models().len());
        assert!(catalog.endpoints().len() > 2_500, "{}", catalog.endpoints().len());
        assert!(catalog.providers().len() > 80, "{}", catalog.providers().len());
        assert!(!catalog.listed().is_empty());
        assert!(PACKED.len() < 1_200_000, "{}", PACKED.len());
    }

    #[test]
    fn known_prices_are_right() {
        let catalog = Catalog::embedded().unwrap();
        let sonnet = price(&catalog, "anthropic/claude-sonnet-4.5", "anthropic");
        let at = |meter, tokens| sonnet.effective(meter, tokens, 0);
        assert_eq!(at(Meter::Prompt, 1), Some(PicoUsd::per_million("3").unwrap()));
        assert_eq!(at(Meter::Completion, 200_000), Some(PicoUsd::per_million("15").unwrap()));
        assert_eq!(at(Meter::Prompt, 200_001), Some(PicoUsd::per_million("6").unwrap()));
        assert_eq!(at(Meter::Completion, 200_001), Some(PicoUsd::per_million("22.5").unwrap()));
        assert_eq!(at(Meter::InputCacheRead, 1), Some(PicoUsd::per_million("0.3").unwrap()));
        assert_eq!(at(Meter::InputCacheWrite1h, 1), Some(PicoUsd::per_million("6").unwrap()));
        let gpt = price(&catalog, "openai/gpt-5", "openai");
        assert_eq!(gpt.get(Meter::Prompt), Some(PicoUsd::per_million("1.25").unwrap()));
        assert_eq!(gpt.get(Meter::Completion), Some(PicoUsd::per_million("10").unwrap()));
        let gemini = price(&catalog, "google/gemini-2.5-pro", "google-ai-studio");
        assert_eq!(gemini.get(Meter::Prompt), Some(PicoUsd::per_million("1.25").unwrap()));
    }

    /// Promise 2: an unknown price is an error state, never zero.
    #[test]
    fn nothing_is_free_that_is_not_called_free() {
        let catalog = Catalog::embedded().unwrap();
        for (_, endpoint) in catalog.endpoints() {
            let free = endpoint.price.state() == PriceState::Free;
            assert_eq!(
                free,
                endpoint.model.ends_with(":free"),
                "{} at {}",
                endpoint.model,
                endpoint.tag
            );
        }
    }

    #[test]
    fn every_endpoint_resolves_and_no_model_is_listed_in_vain() {
        let catalog = Catalog::embedded().unwrap();
        for (id, endpoint) in catalog.endpoints() {
            assert_eq!(catalog.provider_of(id).slug, endpoint.provider);
            assert!(endpoint.tag.starts_with(&endpoint.provider));
            assert!(!endpoint.upstream_model.is_empty());
            assert!(catalog.find(&endpoint.model).is_some());
        }
        for (id, model) in catalog.models() {
            let served = catalog
                .endpoints_of(id)
                .any(|id| catalog.endpoint(id).status != EndpointStatus::Disabled);
            assert!(served || model.hidden, "{}", model.id);
            assert!(!model.description.is_empty());
        }
    }

    #[test]
    fn providers_have_keys_and_addresses() {
        let catalog = Catalog::embedded().unwrap();
        for (_, provider) in catalog.providers() {
            assert!(provider.base_url.starts_with("https://"), "{}", provider.slug);
            assert!(!provider.environment_variables.is_empty(), "{}", provider.slug);
            assert!(!provider.base_url.ends_with('/'), "{}", provider.slug);
        }
        for slug in ["openai", "anthropic", "google-ai-studio", "deepseek", "groq", "mistral"] {
            let provider = catalog.provider(catalog.find_provider(slug).unwrap());
            assert!(provider.is_reachable(), "{slug}");
        }
        let azure = catalog.provider(catalog.find_provider("azure").unwrap());
        assert!(!azure.is_reachable());
        let variables: Vec<_> = azure.base_url_variables().map(|it| it.name()).collect();
        assert_eq!(variables, ["AZURE_RESOURCE_NAME"]);
        let filled = azure.filled_base_url(|_| Some("mine".to_owned())).unwrap();
        assert_eq!(filled, "https://mine.openai.azure.com/openai/v1");
        assert!(azure.filled_base_url(|_| Some("evil.test/".to_owned())).is_err());
    }

    /// wire-formats 4
    #[test]
    fn vertex_speaks_the_protocol_of_the_author() {
        use protocol::Dialect;
        let catalog = Catalog::embedded().unwrap();
        let vertex = catalog.find_provider("google-vertex").unwrap();
        let dialect = |model: &str| {
            let id = catalog.find(model).unwrap();
            let mut at =
                catalog.endpoints_of(id).filter(|at| catalog.provider_id_of(*at) == vertex);
            at.next().map(|at| catalog.dialect_of(at))
        };
        assert_eq!(dialect("google/gemini-2.5-pro"), Some(Dialect::Gemini));
        assert_eq!(dialect("anthropic/claude-sonnet-4.5"), Some(Dialect::Anthropic));
        assert_eq!(dialect("deepseek/deepseek-v3.2"), Some(Dialect::OpenaiChat));
        assert_eq!(dialect("mistralai/codestral-2501"), None);
        let provider = catalog.provider(vertex);
        let version = provider.quirks_for("anthropic").anthropic_version.as_deref();
        assert_eq!(version, Some("vertex-2023-10-16"));
        let project = |name: &str| (name == "GOOGLE_CLOUD_PROJECT").then(|| "mine".to_owned());
        let url = provider.filled_base_url(project).unwrap();
        assert!(url.ends_with("/v1/projects/mine/locations/global"), "{url}");
    }

    /// USAGE-4: the fee of a request at Perplexity is that of what it reads, and no search costs
    /// anything beside it.
    #[test]
    fn requests_to_perplexity_have_one_fee() {
        let catalog = Catalog::embedded().unwrap();
        for (model, low, medium, high) in [
            ("sonar", 5, 8, 12),
            ("sonar-pro", 6, 10, 14),
            ("sonar-reasoning", 5, 8, 12),
            ("sonar-reasoning-pro", 6, 10, 14),
        ] {
            let price = price(&catalog, &format!("perplexity/{model}"), "perplexity");
            let fee = |meter| price.get(meter).map(|fee| fee.0 / 1_000_000_000);
            assert_eq!(fee(Meter::Request), Some(low), "{model}");
            assert_eq!(fee(Meter::RequestMediumContext), Some(medium), "{model}");
            assert_eq!(fee(Meter::RequestHighContext), Some(high), "{model}");
            assert_eq!(fee(Meter::WebSearch), None, "{model}");
        }
        let deep = price(&catalog, "perplexity/sonar-deep-research", "perplexity");
        assert_eq!(deep.get(Meter::WebSearch), Some(PicoUsd(5_000_000_000)));
        assert_eq!(deep.get(Meter::Request), None);
    }

    /// MODELS-1: nothing is listed that nobody can ask for, and Anthropic is asked by names it knows.
    #[test]
    fn placeholders_of_price_lists_are_no_models() {
        let catalog = Catalog::embedded().unwrap();
        for name in [
            "openai/ft:gpt-4o",
            "openai/moderation",
            "openai/davinci",
            "anthropic/claude",
            "anthropic/claude-v1",
            "anthropic/claude-2",
            "anthropic/claude-instant",
        ] {
            assert_eq!(catalog.find(name), None, "{name}");
        }
        let sonnet = endpoint(&catalog, "anthropic/claude-3.5-sonnet", "anthropic").unwrap();
        assert_eq!(sonnet.upstream_model, "claude-3-5-sonnet-20241022");
        assert!(endpoint(&catalog, "mistralai/mistral-ocr-4", "mistral").is_some());
        assert!(endpoint(&catalog, "openai/gpt-realtime-2", "openai").is_some());
    }

    /// A region in one host's name of a model is not the model's.
    #[test]
    fn no_model_is_named_after_a_region() {
        for (_, model) in Catalog::embedded().unwrap().models() {
            for geography in ["(EU)", "(US)", "(APAC)", "(Global)"] {
                assert!(!model.name.ends_with(geography), "{}", model.name);
            }
        }
    }

    /// Bug 23, wire-formats 8
    #[test]
    fn azure_is_told_the_limit_as_the_author_of_the_model_wants_it() {
        use protocol::Dialect;
        use protocol::target::MaxTokensField;
        let catalog = Catalog::embedded().unwrap();
        let azure = catalog.find_provider("azure").unwrap();
        for (id, endpoint) in catalog.endpoints() {
            let speaks = catalog.dialect_of(id) == Dialect::OpenaiChat;
            if catalog.provider_id_of(id) != azure || !speaks {
                continue;
            }
            let expected = if endpoint.model.starts_with("openai/") {
                MaxTokensField::MaxCompletionTokens
            } else {
                MaxTokensField::MaxTokens
            };
            assert_eq!(catalog.quirks_of(id).max_tokens_field, expected, "{}", endpoint.model);
        }
    }

    fn endpoint(catalog: &Catalog, model: &str, tag: &str) -> Option<crate::Endpoint> {
        let id = catalog.find(model)?;
        let mut endpoints = catalog.endpoints_of(id).map(|id| catalog.endpoint(id));
        endpoints.find(|endpoint| endpoint.tag == tag).cloned()
    }

    #[test]
    fn models_that_call_tools_do_so_where_no_source_lists_it() {
        let catalog = Catalog::embedded().unwrap();
        for (model, provider, limit) in [
            ("anthropic/claude-3-haiku", "anthropic", Some(4_096)),
            ("anthropic/claude-3.5-sonnet", "anthropic", Some(8_192)),
            ("anthropic/claude-3.7-sonnet", "anthropic", Some(64_000)),
            ("anthropic/claude-opus-4.1", "anthropic", Some(32_000)),
            ("anthropic/claude-fable-5.2", "anthropic", Some(128_000)),
            ("x-ai/grok-3", "xai", None),
            ("x-ai/grok-4", "xai", None),
        ] {
            let found = endpoint(&catalog, model, provider).unwrap();
            let takes = |parameter| found.supported_parameters.has(parameter);
            assert!(takes(crate::Parameter::Tools) && found.abilities.tools, "{model}");
            assert!(limit.is_none() || found.abilities.max_output_tokens == limit, "{model}");
        }
        let opus = endpoint(&catalog, "anthropic/claude-opus-4.1", "anthropic").unwrap();
        assert!(opus.supported_parameters.has(crate::Parameter::Reasoning));
        let fable = endpoint(&catalog, "anthropic/claude-fable-5.2", "anthropic").unwrap();
        assert!(fable.supported_parameters.has(crate::Parameter::Reasoning), "by a rule");
    }

    /// EMB-1
    #[test]
    fn mistral_is_asked_for_embeddings_in_its_own_form() {
        let catalog = Catalog::embedded().unwrap();
        let mistral = catalog.provider(catalog.find_provider("mistral").unwrap());
        let form = mistral.embeddings_form("mistral-embed");
        assert_eq!(form, Some(protocol::embeddings::Form::Mistral));
    }

    #[test]
    fn a_slip_of_a_thousand_is_no_price() {
        let catalog = Catalog::embedded().unwrap();
        let found = endpoint(&catalog, "cohere/embed-multilingual-light-v3.0", "cohere").unwrap();
        assert_eq!(found.price.state(), PriceState::Unknown);
    }

    /// wire-formats 5.2
    #[test]
    fn what_bedrock_serves_in_its_own_protocol_too_is_there() {
        let catalog = Catalog::embedded().unwrap();
        for (model, tag, id) in [
            ("openai/gpt-oss-120b", "amazon-bedrock", "openai.gpt-oss-120b-1:0"),
            ("openai/gpt-oss-20b", "amazon-bedrock/us-gov", "us-gov.openai.gpt-oss-20b-1:0"),
            ("openai/gpt-6-sol", "amazon-bedrock/global", "global.openai.gpt-6-sol"),
            ("x-ai/grok-4.6", "amazon-bedrock/us", "us.xai.grok-4.6"),
            (
                "anthropic/claude-3.7-sonnet",
                "amazon-bedrock/eu",
                "eu.anthropic.claude-3-7-sonnet-20250219-v1:0",
            ),
            (
                "anthropic/claude-3.7-sonnet",
                "amazon-bedrock",
                "anthropic.claude-3-7-sonnet-20250219-v1:0",
            ),
        ] {
            let found = endpoint(&catalog, model, tag);
            assert_eq!(found.map(|it| it.upstream_model).as_deref(), Some(id), "{model} {tag}");
        }
        assert!(endpoint(&catalog, "google/gemma-4-31b-it", "amazon-bedrock").is_none());
    }

    /// wire-formats 5
    #[test]
    fn bedrock_is_reached_in_a_region() {
        let catalog = Catalog::embedded().unwrap();
        let bedrock = catalog.provider(catalog.find_provider("amazon-bedrock").unwrap());
        assert_eq!(bedrock.dialect, protocol::Dialect::Bedrock);
        assert_eq!(bedrock.auth, crate::AuthStyle::Aws);
        let region = |name: &str| (name == "AWS_DEFAULT_REGION").then(|| "eu-west-1".to_owned());
        let url = bedrock.filled_base_url(region).unwrap();
        assert_eq!(url, "https://bedrock-runtime.eu-west-1.amazonaws.com");
    }
}
