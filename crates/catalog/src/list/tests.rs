use serde_json::json;

use super::*;
use crate::availability::{Availability, available};
use crate::endpoint::EndpointStatus;
use crate::index::Catalog;
use crate::price::{PicoUsd, PriceList};

const NOW: i64 = 1_795_000_000;

fn all() -> (Catalog, Availability) {
    let catalog = Catalog::embedded().unwrap();
    let found = available(&catalog, &|_| true);
    (catalog, found)
}

fn listed(pairs: &[(&str, &str)]) -> (Catalog, Vec<String>, ModelPage) {
    let (catalog, found) = all();
    let query = ModelQuery::parse(pairs.iter().copied()).unwrap();
    let page = list_models(&catalog, &query, &found, &|_| ModelFigures::default(), NOW);
    let names = page
        .rows
        .iter()
        .filter(|row| row.alias.is_none())
        .map(|row| catalog.model(row.model).id.clone())
        .collect();
    (catalog, names, page)
}

/// MODELS-5, MODELS-6, MODELS-7
#[test]
fn a_model_is_listed_with_all_required_members() {
    let (catalog, _) = all();
    let found = available(&catalog, &|provider| provider.slug == "anthropic");
    let id = catalog.find("anthropic/claude-sonnet-4.5").unwrap();
    let value = serde_json::to_value(model_object(&catalog, id, &found)).unwrap();
    for member in [
        "id",
        "canonical_slug",
        "name",
        "created",
        "pricing",
        "context_length",
        "architecture",
        "top_provider",
        "per_request_limits",
        "supported_parameters",
        "default_parameters",
        "supported_voices",
        "links",
    ] {
        assert!(value.get(member).is_some(), "{member}");
    }
    assert_eq!(value["canonical_slug"], "anthropic/claude-4.5-sonnet-20250929");
    assert_eq!(value["architecture"]["modality"], "text+image+file->text");
    assert_eq!(value["pricing"]["prompt"], "0.000003");
    assert_eq!(value["pricing"]["completion"], "0.000015");
    assert_eq!(
        value["pricing"]["overrides"][0],
        json!({
            "min_prompt_tokens": 200_000, "prompt": "0.000006", "completion": "0.0000225",
            "input_cache_read": "0.0000006", "input_cache_write": "0.0000075",
            "input_cache_write_1h": "0.000012",
        })
    );
    assert_eq!(value["links"]["details"], "/api/v1/models/anthropic/claude-sonnet-4.5/endpoints");
    assert_eq!(value["reasoning"]["supported_efforts"], json!(null), "a budget of any effort");
    assert_eq!(value["reasoning"]["supports_max_tokens"], true);
    assert!(value.get("alias_target").is_none());
}

#[test]
fn a_price_that_is_not_known_is_never_listed_as_zero() {
    let value = serde_json::to_value(PricingObject(PriceList::default())).unwrap();
    assert_eq!(value, json!({"prompt": "-1", "completion": "-1"}));
    let by_image = PriceList {
        base: vec![(crate::Meter::ImageOutput, PicoUsd(40_000_000_000))],
        overrides: Vec::new(),
    };
    let value = serde_json::to_value(PricingObject(by_image)).unwrap();
    assert_eq!(value, json!({"prompt": "0", "completion": "0", "image_output": "0.04"}));
}

/// REASON-14
#[test]
fn reasoning_is_listed_in_descending_efforts() {
    let (catalog, found) = all();
    let value = |name: &str| {
        let id = catalog.find(name).unwrap();
        serde_json::to_value(model_object(&catalog, id, &found)).unwrap()["reasoning"].clone()
    };
    let gpt = value("openai/gpt-5");
    assert_eq!(gpt["supported_efforts"], json!(["high", "medium", "low", "minimal"]));
    assert_eq!(gpt["mandatory"], true);
    assert_eq!(value("openai/gpt-5.1")["default_effort"], "none");
    assert_eq!(value("openai/gpt-4o"), json!(null), "left out");
}

/// MODELS-10, MODELS-11, MODELS-13
#[test]
fn endpoints_are_listed_with_measurements_where_there_are_any() {
    let (catalog, found) = all();
    let id = catalog.find("openai/gpt-5").unwrap();
    let stats = EndpointStats {
        uptime_last_30m: Some(99.5),
        latency_last_30m: Some(Percentiles { p50: 1.0, p75: 2.0, p90: 3.0, p99: 4.0 }),
        ..EndpointStats::default()
    };
    let object =
        model_endpoints_object(&catalog, id, &|id| found.has_endpoint(id), &|_| Some(stats));
    let value = serde_json::to_value(&object).unwrap();
    let endpoint = &value["endpoints"][0];
    for member in [
        "name",
        "model_id",
        "model_name",
        "context_length",
        "pricing",
        "provider_name",
        "tag",
        "quantization",
        "max_completion_tokens",
        "max_prompt_tokens",
        "supported_parameters",
        "uptime_last_30m",
        "uptime_last_5m",
        "uptime_last_1d",
        "supports_implicit_caching",
        "latency_last_30m",
        "throughput_last_30m",
        "status",
    ] {
        assert!(endpoint.get(member).is_some(), "{member}");
    }
    assert_eq!(endpoint["uptime_last_30m"], 99.5);
    assert_eq!(endpoint["latency_last_30m"]["p99"], 4.0);
    assert_eq!(endpoint["throughput_last_30m"], json!(null));
    assert_eq!(endpoint["quantization"], "unknown");
    assert!(object.endpoints.iter().any(|endpoint| endpoint.name == "OpenAI: GPT-5"));
}

/// MODELS-14
#[test]
fn providers_include_those_that_are_only_known() {
    let (catalog, _) = all();
    let objects = provider_objects(&catalog);
    assert_eq!(objects.len(), catalog.providers().len() + catalog.listed().len());
    assert!(objects.iter().any(|object| object.slug == "google-vertex"));
    assert!(objects.is_sorted_by(|left, right| left.slug < right.slug));
}

/// MODELS-2
#[test]
fn filters_keep_what_they_say() {
    type Check = fn(&crate::Model) -> bool;
    let cases: [(&[(&str, &str)], Check); 8] = [
        (&[], |model| model.architecture.output_modalities.has(crate::Modality::Text)),
        (&[("output_modalities", "embeddings")], |model| {
            model.architecture.output_modalities.has(crate::Modality::Embeddings)
        }),
        (&[("input_modalities", "image,audio")], |model| {
            model.architecture.input_modalities.has(crate::Modality::Audio)
                && model.architecture.input_modalities.has(crate::Modality::Image)
        }),
        (&[("supported_parameters", "tools,seed")], |model| {
            model.supported_parameters.has(crate::Parameter::Seed)
        }),
        (&[("q", "Claude OPUS")], |model| model.id.contains("opus")),
        (&[("context", "1000000")], |model| model.context_length >= Some(1_000_000)),
        (&[("model_authors", "openai, Anthropic")], |model| {
            ["openai", "anthropic"].contains(&model.author())
        }),
        (&[("arch", "llama")], |model| {
            model.architecture.tokenizer.as_deref().unwrap_or_default().starts_with("Llama")
        }),
    ];
    for (pairs, check) in cases {
        let (catalog, names, _) = listed(pairs);
        assert!(!names.is_empty(), "{pairs:?}");
        for name in names {
            assert!(check(catalog.model(catalog.find(&name).unwrap())), "{pairs:?}: {name}");
        }
    }
}

/// MODELS-1
#[test]
fn what_is_only_passed_through_is_listed_only_with_all() {
    let passed = |pairs| {
        let (catalog, names, _) = listed(pairs);
        let kind = |name: &String| catalog.model(catalog.find(name).unwrap()).kind;
        names.iter().filter(|name| kind(name).is_passed_through()).count()
    };
    assert_eq!(passed(&[]), 0);
    assert_eq!(passed(&[("output_modalities", "text,audio")]), 0);
    assert!(passed(&[("output_modalities", "all")]) > 20);
}

/// MODELS-2, PRIV-4
#[test]
fn prices_providers_and_policies_filter_by_endpoint() {
    let (_, cheap, _) = listed(&[("max_price", "0.1"), ("q", "gpt")]);
    assert!(cheap.contains(&"openai/gpt-5-nano".to_owned()), "{cheap:?}");
    assert!(!cheap.contains(&"openai/gpt-5".to_owned()));
    let (catalog, free, _) = listed(&[("max_price", "0"), ("max_output_price", "0")]);
    for name in &free {
        assert!(name.ends_with(":free"), "{name}");
    }
    let (_, anthropic, _) = listed(&[("providers", "Anthropic")]);
    assert!(!anthropic.is_empty());
    assert!(anthropic.iter().all(|name| name.starts_with("anthropic/")), "{anthropic:?}");
    let (_, private, _) = listed(&[("zdr", "true")]);
    for name in &private {
        let id = catalog.find(name).unwrap();
        assert!(catalog.endpoints_of(id).any(|id| {
            catalog.provider_of(id).data_policy.zero_retention
                && catalog.endpoint(id).status != EndpointStatus::Disabled
        }));
    }
    let (_, none, _) = listed(&[("min_coding_index", "1")]);
    assert!(none.is_empty(), "without figures nothing is known to pass");
}

/// MODELS-3
#[test]
fn orders_put_the_first_first() {
    let (catalog, found) = all();
    let first = |sort: &str, figures: &dyn Fn(crate::ModelId) -> ModelFigures| {
        let query = ModelQuery::parse([("sort", sort)]).unwrap();
        let page = list_models(&catalog, &query, &found, figures, NOW);
        catalog.model(page.rows[0].model).clone()
    };
    let none = |_| ModelFigures::default();
    let newest = catalog
        .models()
        .filter(|(id, model)| {
            found.has_model(*id) && model.architecture.output_modalities.has(crate::Modality::Text)
        })
        .map(|(_, model)| model.created)
        .max();
    assert_eq!(Some(first("newest", &none).created), newest);
    assert!(first("pricing-low-to-high", &none).id.ends_with(":free"));
    assert!(!first("pricing-high-to-low", &none).id.ends_with(":free"));
    let wanted = catalog.find("openai/gpt-4o").unwrap();
    let fast = |id| ModelFigures {
        latency: Some(if id == wanted { 1.0 } else { 2.0 }),
        ..ModelFigures::default()
    };
    assert_eq!(first("latency-low-to-high", &fast).id, "openai/gpt-4o");
}

/// MODELS-1
#[test]
fn pages_follow_each_other_without_gap_or_repetition() {
    let (_, _, whole) = listed(&[]);
    assert_eq!((whole.total, &whole.next), (whole.rows.len(), &None));
    let mut rows = Vec::new();
    let mut offset = 0;
    loop {
        let text = offset.to_string();
        let pairs = [("offset", text.as_str()), ("limit", "400"), ("q", "")];
        let (_, _, page) = listed(&pairs);
        rows.extend(page.rows.clone());
        match page.next {
            Some((next, 400)) => {
                let link = next_link("/api/v1/models", pairs, &page).unwrap();
                assert_eq!(link, format!("/api/v1/models?offset={next}&limit=400&q="));
                offset = next;
            }
            other => {
                assert_eq!(other, None);
                break;
            }
        }
    }
    assert_eq!(rows, whole.rows);
    let (_, _, beyond) = listed(&[("offset", "18446744073709551615")]);
    assert!(beyond.rows.is_empty() && beyond.next.is_none());
}

/// LATEST-2
#[test]
fn aliases_are_rows_beside_their_targets() {
    let (catalog, _, page) = listed(&[("q", "claude opus")]);
    let (_, found) = all();
    let alias = page.rows.iter().find(|row| row.alias.is_some()).unwrap();
    let name = alias.alias.clone().unwrap();
    assert_eq!(name, "~anthropic/claude-opus-latest");
    let value = serde_json::to_value(alias_object(&catalog, &name, alias.model, &found)).unwrap();
    assert_eq!(value["id"], name.as_str());
    assert_eq!(value["alias_target"]["slug"], catalog.model(alias.model).id.as_str());
}

#[test]
fn a_wrong_value_is_named_with_what_is_possible() {
    for (name, value, expected) in [
        ("sort", "best", "sort: `best` is not one of most-popular, newest"),
        ("output_modalities", "smell", "`smell` is not one of text, image"),
        ("supported_parameters", "tool", "`tool` is not one of frequency_penalty"),
        ("limit", "0", "limit: must be from 1 to 1000"),
        ("limit", "1001", "from 1 to 1000"),
        ("offset", "-1", "must be a whole number"),
        ("max_price", "cheap", "USD per million tokens"),
        ("distillable", "maybe", "`maybe` is not one of true, false"),
        ("category", "cooking", "`cooking` is not one of programming"),
        ("region", "mars", "`mars` is not one of eu, us"),
        ("min_tool_success_rate", "2", "from 0 to 1"),
        ("min_coding_index", "NaN", "must be a number of 0 or more"),
    ] {
        let error = ModelQuery::parse([(name, value)]).unwrap_err().to_string();
        assert!(error.contains(expected), "{name}={value}: {error}");
    }
    assert_eq!(ModelQuery::parse([("utm_source", "x"), ("q", " ")]), Ok(ModelQuery::text()));
}
