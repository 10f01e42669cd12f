use proptest::prelude::*;

use super::*;
use crate::endpoint::EndpointStatus;
use crate::facts::Facts;
use crate::index::Catalog;
use crate::parts::CatalogParts;
use crate::price::{Meter, PicoUsd, PriceState};

const DOCUMENT: &str = r#"
[[providers]]
slug = "acme"
base_url = "https://acme.test/v1/"
data_policy = { zero_retention = true }

[[models]]
id = "acme/big"
context_length = 32000

[[endpoints]]
model = "acme/big"
provider = "acme"
upstream_model = "big-1"
price_per_million = { prompt = "0.5", completion = "1.5" }

[[endpoints]]
model = "openai/gpt-5"
provider = "acme"
tag = "acme/flex"
upstream_model = "gpt-5"
price = { prompt = "0.000001", completion = "0.000002" }

[[prices]]
model = "openai/gpt-5"
tag = "openai"
price = { prompt = "0.000009", completion = "0.00009" }

[disable]
models = ["openai/gpt-4o"]
endpoints = [{ model = "anthropic/claude-sonnet-4.5", tag = "anthropic" }]
"#;

fn catalog(document: &str) -> Result<Catalog, OverlayError> {
    let overlay = Overlay::from_toml(document)?;
    compose(CatalogParts::embedded().unwrap(), &[overlay], &Facts::shipped().unwrap())
}

fn endpoint<'a>(catalog: &'a Catalog, model: &str, tag: &str) -> &'a crate::Endpoint {
    let model = catalog.find(model).unwrap();
    let mut endpoints = catalog.endpoints_of(model).map(|id| catalog.endpoint(id));
    endpoints.find(|endpoint| endpoint.tag == tag).unwrap()
}

#[test]
fn a_document_adds_changes_and_disables() {
    let catalog = catalog(DOCUMENT).unwrap();
    let provider = catalog.provider(catalog.find_provider("acme").unwrap());
    assert_eq!(provider.base_url, "https://acme.test/v1");
    assert_eq!(provider.environment_variables, ["ACME_API_KEY"]);
    assert!(provider.data_policy.zero_retention && !provider.data_policy.trains);
    let own = endpoint(&catalog, "acme/big", "acme");
    assert_eq!(own.price.get(Meter::Prompt), Some(PicoUsd(500_000)));
    assert_eq!(own.context_length, Some(32_000));
    let model = catalog.model(catalog.find("acme/big").unwrap());
    assert!(model.supported_parameters.has(crate::Parameter::Tools));
    let flex = endpoint(&catalog, "openai/gpt-5", "acme/flex");
    assert_eq!(flex.service_tier, crate::ServiceTier::Flex);
    assert!(!flex.abilities.sampling, "the shipped rules hold for own endpoints too");
    let replaced = endpoint(&catalog, "openai/gpt-5", "openai");
    assert_eq!(replaced.price.get(Meter::Prompt), Some(PicoUsd(9_000_000)));
    assert_eq!(replaced.price.get(Meter::InputCacheRead), None, "a price is replaced as a whole");
    assert!(catalog.model(catalog.find("openai/gpt-4o").unwrap()).hidden);
    let disabled = endpoint(&catalog, "anthropic/claude-sonnet-4.5", "anthropic");
    assert_eq!(disabled.status, EndpointStatus::Disabled);
}

#[test]
fn mistakes_are_named_with_entry_field_and_fix() {
    let provider = "[[providers]]\nslug = \"acme\"\nbase_url = \"https://a.test\"\n";
    for (document, expected) in [
        ("[[providers]]\nslug = \"acme\"\n", "provider `acme`: `base_url`: the provider is new"),
        ("[[providers]]\nslug = \"acme\"\nbase_url = \"acme.test\"\n", "begin with `https://`"),
        ("[[providers]]\nslug = \"a b\"\nbase_url = \"http://x\"\n", "`slug`: use letters"),
        ("[[models]]\nid = \"big\"\n", "model `big`: `id`: write `author/name`"),
        ("[[endpoints]]\nmodel = \"no/such\"\nprovider = \"openai\"\n", "no such model"),
        ("[[endpoints]]\nmodel = \"openai/gpt-5\"\nprovider = \"nobody\"\n", "no such provider"),
        ("[[prices]]\nmodel = \"openai/gpt-5\"\ntag = \"openai\"\n", "say what it costs"),
        ("[[models]]\nid = \"a/b\"\ncontxt = 1\n", "contxt"),
        ("[[models]]\nid = \"a/b\"\ncreated = -9223372036854775808\n", "seconds since 1970"),
        ("[disable]\nproviders = [\"nobody\"]\n", "no such provider"),
    ] {
        let error = catalog(document).unwrap_err().to_string();
        assert!(error.contains(expected), "{document}: {error}");
    }
    for (fields, expected) in [
        ("tag = \"other/x\"", "write `acme` or `acme/…`"),
        ("", "say what the provider calls the model"),
        ("upstream_model = \"x\"\nprice_per_million = { promt = \"1\" }", "`promt` is not one of"),
        ("upstream_model = \"x\"\nprice = { prompt = 1.0 }", "in quotes"),
        ("upstream_model = \"x\"\nsupported_parameters = [\"tool\"]", "`tool` is not one of"),
        ("upstream_model = \"x\"\ninput_modalities = []", "name at least one"),
    ] {
        let document = format!(
            "{provider}[[endpoints]]\nmodel = \"openai/gpt-5\"\nprovider = \"acme\"\n{fields}\n"
        );
        let error = catalog(&document).unwrap_err().to_string();
        assert!(error.contains(expected), "{fields}: {error}");
    }
}

#[test]
fn a_local_server_is_added_in_one_call() {
    let models = ["llama3.2:3b".to_owned(), "nomic-embed-text".to_owned()];
    let overlay = local_server(LocalServerKind::Ollama, "http://localhost:11434", &models);
    let parts = CatalogParts::embedded().unwrap();
    let catalog = compose(parts, &[overlay], &Facts::shipped().unwrap()).unwrap();
    let own = endpoint(&catalog, "ollama/llama3.2:3b", "ollama");
    assert_eq!(own.price.state(), PriceState::Free);
    assert_eq!(own.upstream_model, "llama3.2:3b");
    let provider = catalog.provider(catalog.find_provider("ollama").unwrap());
    assert_eq!(provider.auth, crate::AuthStyle::None);
    assert!(provider.data_policy.zero_retention && provider.is_reachable());
    let embeds = catalog.model(catalog.find("ollama/nomic-embed-text").unwrap());
    assert_eq!(embeds.kind, crate::ModelKind::Embedding);
}

#[test]
fn an_unreachable_provider_becomes_reachable_by_its_address() {
    let document = "[[providers]]\nslug = \"azure\"\nbase_url = \"https://x.test/openai/v1\"\n";
    let catalog = catalog(document).unwrap();
    let azure = catalog.provider(catalog.find_provider("azure").unwrap());
    assert!(azure.is_reachable());
    assert_eq!(azure.auth, crate::AuthStyle::Azure);
}

#[test]
fn azures_classic_addresses_and_other_dialects_are_a_matter_of_an_overlay() {
    let document = r#"
[[providers]]
slug = "azure"
base_url = "https://mine.openai.azure.com"
path_style = { azure_deployments = "2024-10-21" }

[[providers]]
slug = "acme"
base_url = "https://acme.test/v1"
auth = "google"
author_dialects.anthropic = { dialect = "anthropic", quirks = { no_media_urls = true } }

[[models]]
id = "anthropic/new"

[[endpoints]]
model = "anthropic/new"
provider = "acme"
upstream_model = "new"
"#;
    let catalog = catalog(document).unwrap();
    let azure = catalog.provider(catalog.find_provider("azure").unwrap());
    assert_eq!(azure.path_style, crate::PathStyle::AzureDeployments("2024-10-21".to_owned()));
    let model = catalog.find("anthropic/new").unwrap();
    let endpoint = catalog.endpoints_of(model).next().unwrap();
    assert_eq!(catalog.dialect_of(endpoint), protocol::Dialect::Anthropic);
    assert!(catalog.quirks_of(endpoint).no_media_urls);
    assert_eq!(catalog.provider_of(endpoint).dialect, protocol::Dialect::OpenaiChat);
}

/// REASON-6
#[test]
fn what_is_said_to_reason_is_asked_in_the_way_of_its_protocol() {
    use protocol::target::ReasoningStyle as Style;
    let reasoning = |provider: &str, model: &str, fields: &str| {
        let document = format!(
            r#"
[[providers]]
slug = "acme"
base_url = "https://acme.test/v1"
{provider}

[[models]]
id = "{model}"

[[endpoints]]
model = "{model}"
provider = "acme"
upstream_model = "x"
{fields}
"#
        );
        let catalog = catalog(&document).unwrap();
        let published = catalog.model(catalog.find(model).unwrap()).reasoning.is_some();
        let abilities = endpoint(&catalog, model, "acme").abilities.clone();
        assert_eq!(published, abilities.reasoning != Style::None, "{provider} {model} {fields}");
        abilities
    };
    let listed = r#"supported_parameters = ["max_tokens", "reasoning"]"#;
    for (provider, model, fields, expected) in [
        ("", "acme/big", listed, Style::Effort),
        ("", "acme/big", r#"supported_parameters = ["include_reasoning"]"#, Style::Effort),
        ("", "acme/big", r#"supported_parameters = ["tools"]"#, Style::None),
        ("", "acme/big", "", Style::None),
        (r#"dialect = "openai_responses""#, "acme/big", listed, Style::Effort),
        (r#"dialect = "anthropic""#, "acme/big", listed, Style::Budget),
        (r#"dialect = "gemini""#, "acme/big", listed, Style::Budget),
        (r#"dialect = "ollama""#, "acme/big", listed, Style::Toggle),
        (r#"quirks = { reasoning_request = "thinking_type" }"#, "acme/big", listed, Style::Toggle),
        // A rule and the document itself say otherwise.
        (r#"dialect = "anthropic""#, "anthropic/claude-opus-9.9", listed, Style::Budget),
        (r#"dialect = "anthropic""#, "anthropic/claude-opus-5.7", listed, Style::Adaptive),
        (r#"dialect = "anthropic""#, "anthropic/claude-3-other", listed, Style::None),
        (
            "",
            "acme/big",
            "supported_parameters = [\"reasoning\"]\nabilities = { reasoning = \"toggle\" }",
            Style::Toggle,
        ),
    ] {
        let found = reasoning(provider, model, fields).reasoning;
        assert_eq!(found, expected, "{provider} {model} {fields}");
    }
    let switched = reasoning(r#"quirks = { reasoning_request = "chat_template" }"#, "a/b", listed);
    assert!(switched.reasoning_default_on, "else `off` would not be said");
}

#[test]
fn local_servers_with_a_switch_for_reasoning_are_told() {
    use protocol::target::ReasoningStyle;
    for (kind, expected) in [
        (LocalServerKind::VLlm, ReasoningStyle::Toggle),
        (LocalServerKind::LlamaCpp, ReasoningStyle::Toggle),
        (LocalServerKind::LmStudio, ReasoningStyle::None),
    ] {
        let overlay = local_server(kind, "http://localhost", &["qwen3".to_owned()]);
        let catalog =
            compose(CatalogParts::default(), &[overlay], &Facts::shipped().unwrap()).unwrap();
        let slug = kind.slug();
        let own = endpoint(&catalog, &format!("{slug}/qwen3"), slug);
        assert_eq!(own.abilities.reasoning, expected, "{slug}");
        let listed = own.supported_parameters.has(crate::Parameter::Reasoning);
        assert_eq!(listed, expected != ReasoningStyle::None, "{slug}");
    }
}

/// EMB-1, RERANK-2
#[test]
fn what_a_model_gives_says_what_it_is_used_for() {
    use crate::ModelKind;
    for (fields, expected) in [
        (r#"output_modalities = ["embeddings"]"#, ModelKind::Embedding),
        (r#"output_modalities = ["rerank"]"#, ModelKind::Rerank),
        (r#"output_modalities = ["speech"]"#, ModelKind::Speech),
        (r#"output_modalities = ["text", "image"]"#, ModelKind::Chat),
        ("kind = \"chat\"\noutput_modalities = [\"embeddings\"]", ModelKind::Chat),
        ("", ModelKind::Chat),
    ] {
        let catalog = catalog(&format!("[[models]]\nid = \"a/b\"\n{fields}\n")).unwrap();
        assert_eq!(catalog.model(catalog.find("a/b").unwrap()).kind, expected, "{fields}");
    }
}

/// A small document of any content, over a small catalogue.
#[test]
fn what_cannot_be_sent_to_a_provider_is_refused_by_the_name_of_its_field() {
    let with = |fields: &str| {
        let address = match fields.contains("base_url") {
            true => "",
            false => "base_url = \"https://acme.test/v1\"\n",
        };
        catalog(&format!("[[providers]]\nslug = \"acme\"\n{address}{fields}"))
    };
    for (field, fields) in [
        ("base_url", r#"base_url = "https://acme.test/v1?key=1""#),
        ("base_url", r#"base_url = "https://acme.test/{v1""#),
        ("auth.header", r#"auth = { header = "X Key" }"#),
        ("auth.header", r#"auth = { header = "Host" }"#),
        ("headers", r#"headers = { "" = "1" }"#),
        ("headers", r#"headers = { "X Team" = "1" }"#),
        ("headers", r#"headers = { X-Team = "one\r\nX-Other: two" }"#),
        ("headers", r#"headers = { X-Team = "größer" }"#),
        ("headers", r#"headers = { X-Team = "1", x-team = "2" }"#),
        ("headers", r#"headers = { Content-Length = "1" }"#),
        ("headers", r#"headers = { transfer-encoding = "chunked" }"#),
        ("headers", r#"headers = { Authorization = "Bearer 1" }"#),
        ("headers", "auth = { header = \"X-Key\" }\nheaders = { x-key = \"1\" }"),
    ] {
        let refused = with(fields).map(|_| ()).unwrap_err().to_string();
        assert!(refused.contains(&format!("provider `acme`: `{field}`")), "{fields}: {refused}");
    }
    with("auth = \"none\"\nheaders = { Authorization = \"Basic YTpi\", X-Team = \"a b\" }")
        .unwrap();
    with("auth = { header = \"Authorization\" }").unwrap();
}

fn overlays() -> impl Strategy<Value = Overlay> {
    let number = proptest::option::of(0..1_000_000_u64);
    let price = proptest::option::of(0..1_000_000_u64);
    let endpoint = (0..3_usize, 0..2_usize, number, price, any::<bool>());
    (proptest::collection::vec(endpoint, 0..6), any::<bool>()).prop_map(|(endpoints, disable)| {
        let mut overlay = Overlay::default();
        for slug in ["one", "two"] {
            overlay.providers.push(ProviderChange {
                slug: slug.to_owned(),
                base_url: Some("https://x.test".to_owned()),
                ..ProviderChange::default()
            });
        }
        for at in 0..3 {
            overlay.models.push(ModelChange { id: format!("a/{at}"), ..ModelChange::default() });
        }
        for (model, provider, context_length, price, tools) in endpoints {
            overlay.endpoints.push(EndpointChange {
                model: format!("a/{model}"),
                provider: ["one", "two"][provider].to_owned(),
                upstream_model: Some("x".to_owned()),
                context_length,
                price_per_million: price.map(|price| {
                    std::collections::BTreeMap::from([("prompt".to_owned(), price.to_string())])
                }),
                supported_parameters: tools.then(|| vec!["tools".to_owned()]),
                ..EndpointChange::default()
            });
        }
        if disable {
            overlay.disable.providers.push("two".to_owned());
        }
        overlay
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn applying_twice_is_applying_once(overlay in overlays()) {
        let facts = Facts::shipped().unwrap();
        let documents = [overlay];
        let once = apply(CatalogParts::default(), &documents, &facts).unwrap();
        let twice = apply(once.clone(), &documents, &facts).unwrap();
        prop_assert_eq!(once, twice);
    }

    #[test]
    fn a_document_survives_the_way_to_json_and_back(overlay in overlays()) {
        let text = overlay.to_json().unwrap();
        prop_assert_eq!(Overlay::from_json(&text).unwrap(), overlay);
    }
}
