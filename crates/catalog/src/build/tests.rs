use super::*;
use crate::price::{Meter, PicoUsd, PriceState};

const MODELS: &str = r#"{
  "meta": {"generated": "2026-11-21", "sources": [{"name": "a list", "date": "2026-09-28", "license": "MIT"}]},
  "models": [
    {"id": "acme/big-2", "canonical_slug": null, "name": "Big 2", "type": "chat", "created": 1700000000,
     "description": "A model.", "context_length": 1000, "status": "active", "reasoning": true,
     "architecture": {"input_modalities": ["text", "image"], "output_modalities": ["text"], "tokenizer": "Other", "instruct_type": null},
     "endpoints": [
       {"provider": "acme", "provider_model_id": "big-2", "pricing": {"prompt": "0.000001", "completion": "0.000002"},
        "price_confidence": "single", "context_length": 2000, "max_completion_tokens": 500, "quantization": "fp8",
        "supported_parameters": ["max_tokens", "tools"], "tag": "fp8+fast", "deprecation_date": "2026-12-01",
        "reasoning_options": [{"type": "effort", "values": ["low", "high", null, "default"]}]},
       {"provider": "gift", "provider_model_id": "big-2", "pricing": {"prompt": "0", "completion": "0"},
        "price_confidence": "single", "is_free": true},
       {"provider": "other", "provider_model_id": "big-2", "pricing": {}, "price_confidence": null},
       {"provider": "gone", "provider_model_id": "big-2", "pricing": {}, "price_confidence": null}
     ]},
    {"id": "acme/old-1", "canonical_slug": null, "name": "Old", "type": "chat", "status": "retired",
     "architecture": {"input_modalities": ["text"], "output_modalities": ["text"]}, "endpoints": []},
    {"id": "acme/gone-1", "canonical_slug": null, "name": "Gone", "type": "chat", "status": "active",
     "architecture": {"input_modalities": ["text"], "output_modalities": ["text"]}, "endpoints": []}
  ]}"#;

const PROVIDERS: &str = r#"[
  {"slug": "acme", "name": "Acme", "kind": "cloud", "status": "active", "base_url": "https://acme.test/v1/",
   "wire_protocol": "openai-chat", "auth": {"style": "x-api-key"}, "env_keys": ["ACME_HOST", "ACME_KEY"],
   "models_endpoint": {"path": "/language-models?all=1; other"},
   "data_policy": {"trains_on_prompts": false, "retains_prompts": false, "zdr_available": true}},
  {"slug": "gift", "name": "Gift", "kind": "cloud", "status": "active", "base_url": "https://gift.test",
   "wire_protocol": "openai-chat", "auth": {"style": null}, "env_keys": null, "data_policy": {}},
  {"slug": "other", "name": "Other", "kind": "cloud", "status": "active", "base_url": "https://other.test",
   "wire_protocol": "anthropic", "auth": {"style": "bearer"}, "env_keys": null, "data_policy": {}},
  {"slug": "gone", "name": "Gone", "kind": "cloud", "status": "active", "base_url": null,
   "wire_protocol": null, "auth": {"style": null}, "data_policy": {}},
  {"slug": "mine", "name": "Mine", "kind": "self-hosted", "status": "active", "base_url": "http://localhost",
   "wire_protocol": "openai-chat", "auth": {"style": "none"}, "data_policy": {}}
]"#;

fn built() -> Built {
    build(MODELS, PROVIDERS, &Facts::shipped().unwrap()).unwrap()
}

#[test]
fn the_same_sources_give_the_same_bytes() {
    let pack = || crate::pack::pack(&built().parts).unwrap();
    assert_eq!(pack(), pack());
    assert_eq!(crate::pack::unpack(&pack()).unwrap(), built().parts);
}

#[test]
fn providers_are_routable_listed_or_left_out() {
    let parts = built().parts;
    let slugs: Vec<_> = parts.providers.iter().map(|provider| provider.slug.as_str()).collect();
    assert_eq!(slugs, ["acme", "gift", "other"]);
    assert_eq!(parts.listed[0].slug, "gone");
    let acme = &parts.providers[0];
    assert_eq!(acme.base_url, "https://acme.test/v1");
    assert_eq!(acme.auth, crate::provider::AuthStyle::XApiKey);
    assert_eq!(acme.environment_variables, ["ACME_KEY"]);
    assert_eq!(acme.models_path, "/language-models");
    assert!(acme.data_policy.zero_retention);
    assert_eq!(parts.providers[1].environment_variables, ["GIFT_API_KEY"]);
}

/// VAR-1
#[test]
fn free_endpoints_form_a_variant_of_their_own() {
    let catalog = built().parts.into_catalog().unwrap();
    let model = catalog.find("acme/big-2:free").unwrap();
    let tags: Vec<_> =
        catalog.endpoints_of(model).map(|id| catalog.endpoint(id).tag.as_str()).collect();
    assert_eq!(tags, ["gift"]);
    assert_eq!(catalog.model(catalog.find("acme/big-2").unwrap()).id, "acme/big-2");
}

#[test]
fn endpoints_take_over_tags_limits_and_reasoning() {
    let parts = built().parts;
    let endpoint = parts.endpoints.iter().find(|endpoint| endpoint.provider == "acme").unwrap();
    assert_eq!(endpoint.tag, "acme/fp8-fast");
    assert_eq!(endpoint.price.get(Meter::Prompt), Some(PicoUsd(1_000_000)));
    assert_eq!(endpoint.abilities.efforts.len(), 2);
    assert_eq!(endpoint.abilities.max_output_tokens, Some(500));
    assert_eq!(endpoint.status, EndpointStatus::Deprecated, "it goes within ninety days");
    let unknown = parts.endpoints.iter().find(|endpoint| endpoint.provider == "other").unwrap();
    assert_eq!(unknown.price.state(), PriceState::Unknown);
    let model = parts.models.iter().find(|model| model.id == "acme/big-2").unwrap();
    assert_eq!(model.context_length, Some(2000));
}

#[test]
fn a_model_without_endpoints_is_kept_only_if_it_is_retired() {
    let catalog = built().parts.into_catalog().unwrap();
    assert!(catalog.model(catalog.find("acme/old-1").unwrap()).retired);
    assert_eq!(catalog.find("acme/gone-1"), None);
}

/// MODELS-8
#[test]
fn without_a_list_an_endpoint_takes_what_most_others_of_its_model_do() {
    let list = |names: &str| format!(r#", "supported_parameters": [{names}]"#);
    let taken = |kind: &str, here: &str, others: &[String], model: &str| {
        let endpoint = |provider: &str, rest: &str| {
            format!(r#"{{"provider": "{provider}", "provider_model_id": "m"{rest}}}"#)
        };
        let mut endpoints = vec![endpoint("acme", here)];
        endpoints.extend(others.iter().map(|rest| endpoint("gift", rest)));
        let endpoints = endpoints.join(",");
        // What the provider takes for another model.
        let other = endpoint("acme", &list(r#""max_tokens", "tools", "temperature", "reasoning""#));
        let text = |id: &str, kind: &str, endpoints: &str, rest: &str| {
            format!(
                r#"{{"id": "{id}", "canonical_slug": null, "name": "N", "type": "{kind}",
                    "status": "active", "architecture": {{}}, "endpoints": [{endpoints}]{rest}}}"#
            )
        };
        let models = format!(
            r#"{{"meta": {{"generated": "2026-11-21"}}, "models": [{}, {}]}}"#,
            text("x/m", kind, &endpoints, model),
            text("x/other", "chat", &other, ""),
        );
        let parts = build(&models, PROVIDERS, &Facts::shipped().unwrap()).unwrap().parts;
        let found =
            parts.endpoints.into_iter().find(|it| it.model == "x/m" && it.provider == "acme");
        found.unwrap().supported_parameters
    };
    use crate::Parameter::{MaxTokens, Reasoning, Stop, Temperature, Tools};
    let most = [list(r#""tools", "seed""#), list(r#""tools", "reasoning""#), list(r#""seed""#)];
    let found = taken("chat", "", &most, "");
    assert!(found.has(Tools) && !found.has(MaxTokens), "{found:?}");
    // The model's own list, where no other endpoint has one; no effort is guessed.
    let own = r#", "supported_parameters_openrouter_2026_05": ["temperature", "reasoning"]"#;
    let found = taken("chat", "", &[], own);
    assert!(found.has(Temperature) && !found.has(Tools) && !found.has(Reasoning), "{found:?}");
    // Else the usual.
    let found = taken("chat", "", &[], "");
    assert!(found.has(Tools) && found.has(MaxTokens) && !found.has(Stop), "{found:?}");
    assert!(!taken("completion", "", &[], "").has(Tools));
    assert!(taken("embedding", "", &[], "").is_empty());
    let found = taken("chat", &list(r#""stop""#), &most, "");
    assert!(found.has(Stop) && !found.has(Tools), "what is listed stands");
}

/// REASON-14
#[test]
fn one_host_does_not_make_a_model_reason() {
    let yes = r#", "supported_parameters": ["tools", "reasoning"]"#;
    let effort = r#", "supported_parameters": ["tools"], "reasoning_options": [{"type": "effort", "values": ["low"]}]"#;
    let no = r#", "supported_parameters": ["tools"]"#;
    let silent = "";
    let found = |id: &str, endpoints: &[(&str, &str)], rest: &str| {
        let endpoints: Vec<_> = endpoints
            .iter()
            .map(|(provider, said)| {
                format!(r#"{{"provider": "{provider}", "provider_model_id": "m"{said}}}"#)
            })
            .collect();
        let models = format!(
            r#"{{"meta": {{"generated": "2026-11-21"}}, "models": [{{"id": "{id}",
                "canonical_slug": null, "name": "N", "type": "chat", "status": "active",
                "reasoning": true, "architecture": {{}}, "endpoints": [{}]{rest}}}]}}"#,
            endpoints.join(",")
        );
        let parts = build(&models, PROVIDERS, &Facts::shipped().unwrap()).unwrap().parts;
        let model = &parts.models[0];
        let reasons = model.reasoning.is_some();
        assert_eq!(model.supported_parameters.has(crate::Parameter::Reasoning), reasons, "{id}");
        let style = protocol::target::ReasoningStyle::None;
        assert!(reasons || parts.endpoints.iter().all(|it| it.abilities.reasoning == style));
        reasons
    };
    let router = r#", "supported_parameters_openrouter_2026_05": ["reasoning"]"#;
    for (id, endpoints, rest, expected) in [
        ("acme/m", [("acme", no), ("gift", yes), ("other", yes)], "", false),
        ("acme/m", [("acme", no), ("gift", effort), ("other", silent)], router, false),
        ("acme/m", [("acme", yes), ("gift", no), ("other", no)], "", true),
        ("ac-me/m", [("acme", yes), ("gift", no), ("other", no)], "", true),
        ("acme/m", [("acme", silent), ("gift", yes), ("other", no)], "", true),
        ("x/m", [("acme", no), ("gift", yes), ("other", yes)], "", true),
        ("x/m", [("acme", no), ("gift", yes), ("other", no)], "", false),
        ("x/m", [("acme", no), ("gift", yes), ("other", no)], router, true),
        ("qwen/qwq-1", [("acme", no), ("gift", yes), ("other", no)], "", true),
    ] {
        assert_eq!(found(id, &endpoints, rest), expected, "{id} {endpoints:?} {rest}");
    }
}

/// TIER-10: what is known of a provider's fast mode makes an endpoint of the sibling there.
#[test]
fn a_fast_mode_is_the_model_itself_at_a_multiple_of_its_price() {
    let models = r#"{"meta": {"generated": "2026-11-21"}, "models": [
      {"id": "anthropic/claude-opus-5", "name": "Opus", "type": "chat", "status": "active", "reasoning": true,
       "architecture": {"input_modalities": ["text"], "output_modalities": ["text"]},
       "endpoints": [
        {"provider": "anthropic", "provider_model_id": "claude-opus-5", "price_confidence": "single",
         "pricing": {"prompt": "0.000005", "completion": "0.000025", "cache_read": "0.0000005", "web_search": "0.01"}},
        {"provider": "other", "provider_model_id": "claude-opus-5", "price_confidence": "single",
         "pricing": {"prompt": "0.000005", "completion": "0.000025"}}]},
      {"id": "anthropic/claude-opus-5-fast", "name": "Opus, fast", "type": "chat", "status": "active",
       "architecture": {"input_modalities": ["text"], "output_modalities": ["text"]}, "endpoints": []}]}"#;
    let providers = PROVIDERS.replace("\"slug\": \"gift\"", "\"slug\": \"anthropic\"").replace(
        "https://gift.test\",\n   \"wire_protocol\": \"openai-chat\"",
        "https://a.test\",\n   \"wire_protocol\": \"anthropic\"",
    );
    let parts = build(models, &providers, &Facts::shipped().unwrap()).unwrap().parts;
    let of = |model: &str| -> Vec<_> {
        parts.endpoints.iter().filter(|endpoint| endpoint.model == model).collect()
    };
    let fast = of("anthropic/claude-opus-5-fast");
    assert_eq!(fast.len(), 1);
    assert_eq!(
        (fast[0].tag.as_str(), fast[0].upstream_model.as_str()),
        ("anthropic", "claude-opus-5")
    );
    assert!(fast[0].abilities.fast_mode);
    let price = |meter| fast[0].price.get(meter).map(|price| price.0);
    assert_eq!(price(Meter::Prompt), Some(10_000_000));
    assert_eq!(price(Meter::Completion), Some(50_000_000));
    assert_eq!(price(Meter::InputCacheRead), Some(1_000_000));
    assert_eq!(price(Meter::WebSearch), Some(10_000_000_000));
    assert!(of("anthropic/claude-opus-5").iter().all(|endpoint| !endpoint.abilities.fast_mode));
}

#[test]
fn a_broken_document_is_named() {
    let error = build("{", "[]", &Facts::shipped().unwrap()).unwrap_err();
    assert_eq!(error.document, "models");
}
