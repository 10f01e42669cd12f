//! Where requests go, and what they ask for there. TIER, STICKY, RMETA, MODELS-9

use std::sync::Arc;

use catalog::{Catalog, EndpointStatus, Parameter, ServiceTier};
use http::Request;
use http_body_util::Full;
use protocol::exchange::Effort;
use protocol::target::{Abilities, ReasoningStyle};
use serde_json::{Value, json};
use store::{NewProviderCredential, Secret};
use testkit::{Protocol, Script, Simulator};

use super::support::{
    Answer, Gateway, MODEL, Upstream, catalog_of, serving_unknown_prices, settings,
};

fn hello(extra: Value) -> Value {
    let mut body = json!({"model": MODEL, "messages": [{"role": "user", "content": "hi"}]});
    for (name, value) in extra.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

/// The catalogue of these providers, and an endpoint of another tier at each at five times the
/// price.
fn with_tier(upstreams: &[Upstream], tier: ServiceTier, suffix: &str) -> Catalog {
    let (models, mut endpoints, providers) = catalog_of(upstreams).into_parts();
    let tiers: Vec<_> = endpoints
        .iter()
        .map(|endpoint| {
            let mut dear = endpoint.clone();
            dear.tag = format!("{}/{suffix}", dear.tag);
            dear.service_tier = tier;
            for (_, price) in &mut dear.price.base {
                price.0 *= 5;
            }
            dear
        })
        .collect();
    endpoints.extend(tiers);
    Catalog::new(models, endpoints, providers).unwrap()
}

/// TIER-1, TIER-6: what has no price of its own is not asked for.
#[tokio::test]
async fn a_tier_without_a_price_is_not_passed_on() {
    let member = |protocol| match protocol {
        Protocol::Gemini => "serviceTier",
        Protocol::OpenAi | Protocol::Anthropic => "service_tier",
        other => panic!("{other:?} is not asked here"),
    };
    for protocol in [Protocol::OpenAi, Protocol::Anthropic, Protocol::Gemini] {
        let simulator = Simulator::start().await.unwrap();
        let gateway = Gateway::start(&[Upstream::of(&simulator, protocol, "one")]).await;
        for extra in [
            json!({"service_tier": "priority"}),
            json!({"service_tier": "fast"}),
            json!({"service_tier": "flex"}),
            json!({"speed": "fast"}),
        ] {
            let answer = gateway.post("/api/v1/chat/completions", &hello(extra.clone())).await;
            assert_eq!(answer.status, 200, "{extra} {}", answer.json());
            let call = simulator.calls().pop().unwrap();
            assert_eq!(call.body.get(member(protocol)), None, "{protocol:?} {extra}");
            assert_eq!(call.body.get("speed"), None, "{protocol:?} {extra}");
        }
    }
}

/// TIER-2, TIER-3, TIER-4, TIER-5: an endpoint of a tier is asked for its tier.
#[tokio::test]
async fn the_tier_of_the_endpoint_is_what_the_provider_is_asked_for() {
    for (tier, suffix) in [(ServiceTier::Priority, "priority"), (ServiceTier::Flex, "flex")] {
        let simulator = Simulator::start().await.unwrap();
        let upstreams = [Upstream::of(&simulator, Protocol::OpenAi, "one")];
        let catalog = with_tier(&upstreams, tier, suffix);
        let gateway = Gateway::with_catalog(catalog, settings()).await;
        for (extra, sent) in [
            (json!({"service_tier": suffix}), Some(suffix)),
            (json!({"provider": {"only": [format!("one/{suffix}")]}}), Some(suffix)),
            (json!({}), None),
            (json!({"service_tier": "default"}), Some("default")),
        ] {
            let answer = gateway.post("/api/v1/chat/completions", &hello(extra.clone())).await;
            assert_eq!(answer.status, 200, "{extra} {}", answer.json());
            let call = simulator.calls().pop().unwrap();
            let told = call.body.get("service_tier").and_then(Value::as_str);
            assert_eq!(told, sent, "{suffix} {extra}");
            let row = gateway.generation(&answer).await.unwrap();
            let tag = if sent == Some(suffix) { format!("one/{suffix}") } else { "one".into() };
            assert_eq!(&*row.endpoint_tag, tag, "{extra}");
        }
    }
}

/// TIER-2: the ordinary endpoint that a priority request falls back to is asked for its own tier.
#[tokio::test]
async fn a_priority_request_that_falls_back_asks_for_the_ordinary_tier() {
    let simulator = Simulator::start().await.unwrap();
    let upstreams = [Upstream::of(&simulator, Protocol::OpenAi, "one")];
    let catalog = with_tier(&upstreams, ServiceTier::Priority, "priority");
    let gateway = Gateway::with_catalog(catalog, settings()).await;
    simulator.set_default(Script::status(500));
    let answer =
        gateway.post("/api/v1/chat/completions", &hello(json!({"service_tier": "priority"}))).await;
    assert_eq!(answer.status, 502, "{}", answer.json());
    let told: Vec<_> = simulator
        .calls()
        .iter()
        .map(|call| call.body.get("service_tier").and_then(Value::as_str).map(str::to_owned))
        .collect();
    assert_eq!(told, [Some("priority".to_owned()), None]);
}

/// TIER-10: fast mode is the sibling at the author, which is the same model there, asked for with
/// the vendor's word and flag, at a price of its own.
#[tokio::test]
async fn fast_mode_is_the_model_itself_asked_for_in_another_way() {
    let simulator = Simulator::start().await.unwrap();
    let upstream = Upstream::of(&simulator, Protocol::Anthropic, "anthropic");
    let (mut models, mut endpoints, providers) = catalog_of(&[upstream]).into_parts();
    models[0].id = "anthropic/claude-test".into();
    endpoints[0].model.clone_from(&models[0].id);
    let (mut model, mut endpoint) = (models[0].clone(), endpoints[0].clone());
    model.id.push_str("-fast");
    model.canonical_slug.push_str("-fast");
    endpoint.model.clone_from(&model.id);
    endpoint.abilities.fast_mode = true;
    for (_, price) in &mut endpoint.price.base {
        price.0 *= 2;
    }
    models.push(model);
    endpoints.push(endpoint);
    let catalog = Catalog::new(models, endpoints, providers).unwrap();
    let gateway = Gateway::with_catalog(catalog, settings()).await;
    let mut costs = Vec::new();
    for (model, extra, fast) in [
        ("anthropic/claude-test", json!({}), false),
        ("anthropic/claude-test", json!({"speed": "fast"}), true),
        ("anthropic/claude-test", json!({"service_tier": "fast"}), true),
        ("anthropic/claude-test-fast", json!({}), true),
        ("anthropic/claude-test", json!({"speed": "standard"}), false),
    ] {
        for path in ["/api/v1/chat/completions", "/api/v1/messages"] {
            let mut body = hello(extra.clone());
            body["model"] = model.into();
            body["max_tokens"] = 50.into();
            let answer = gateway.post(path, &body).await;
            assert_eq!(answer.status, 200, "{extra} {}", answer.json());
            let call = simulator.calls().pop().unwrap();
            assert_eq!(call.body.get("speed"), fast.then_some(&json!("fast")), "{path} {extra}");
            let flag = call.header("anthropic-beta");
            assert_eq!(flag, fast.then_some("fast-mode-2026-02-01"), "{path} {extra}");
            let row = gateway.generation(&answer).await.unwrap();
            costs.push((fast, row.total_cost));
        }
    }
    let (plain, fast) = (costs[0].1, costs[2].1);
    assert_eq!(plain * 2, fast);
    assert!(costs.iter().all(|(is_fast, cost)| *cost == if *is_fast { fast } else { plain }));
}

/// CLIENT-1
#[tokio::test]
async fn a_model_is_found_by_its_author_s_own_name_of_it() {
    let simulator = Simulator::start().await.unwrap();
    let mut upstream = Upstream::of(&simulator, Protocol::Anthropic, "anthropic");
    "claude-test-4-5".clone_into(&mut upstream.model);
    let (mut models, mut endpoints, providers) = catalog_of(&[upstream]).into_parts();
    models[0].id = "anthropic/claude-test-4.5".into();
    endpoints[0].model.clone_from(&models[0].id);
    let catalog = Catalog::new(models, endpoints, providers).unwrap();
    let gateway = Gateway::with_catalog(catalog, settings()).await;
    for (name, status) in [
        ("claude-test-4-5", 200),
        ("claude-test-4-5-20250929", 200),
        ("anthropic/claude-test-4-5", 200),
        ("anthropic/claude-test-4-5-20250929", 200),
        ("anthropic/claude-test-4-5:nitro", 200),
        ("openai/claude-test-4-5", 400),
    ] {
        let answer = gateway.post("/api/v1/chat/completions", &hello(json!({"model": name}))).await;
        assert_eq!(answer.status, status, "{name} {}", answer.json());
        if status == 200 {
            assert_eq!(answer.json()["model"], "anthropic/claude-test-4.5", "{name}");
        } else {
            let told = answer.json()["error"]["message"].to_string();
            assert!(told.contains("anthropic/claude-test-4.5"), "{told}");
        }
    }
}

/// What a model refuses in chat completions goes to Responses, where the provider has that, and the
/// other way round.
#[tokio::test]
async fn the_interface_is_one_that_the_model_answers_in() {
    let simulator = Simulator::start().await.unwrap();
    let start = async |abilities: Abilities| {
        let upstreams = [Upstream::of(&simulator, Protocol::OpenAi, "one")];
        let (models, mut endpoints, mut providers) = catalog_of(&upstreams).into_parts();
        providers[0].responses = true;
        endpoints[0].abilities = abilities;
        Gateway::with_catalog(Catalog::new(models, endpoints, providers).unwrap(), settings()).await
    };
    let tools = json!([{"type": "function", "function": {"name": "f", "parameters": {}}}]);
    let reasoning = Abilities {
        reasoning: ReasoningStyle::Effort,
        efforts: vec![Effort::None, Effort::High],
        tools_in_responses: true,
        ..Abilities::default()
    };
    let default_on = Abilities { reasoning_default_on: true, ..reasoning.clone() };
    for (abilities, extra, expected) in [
        (&reasoning, json!({}), Protocol::OpenAi),
        (&reasoning, json!({"tools": tools}), Protocol::OpenAi),
        (
            &reasoning,
            json!({"tools": tools, "reasoning_effort": "high"}),
            Protocol::OpenAiResponses,
        ),
        (&reasoning, json!({"reasoning_effort": "high"}), Protocol::OpenAi),
        (&default_on, json!({"tools": tools}), Protocol::OpenAiResponses),
        (&default_on, json!({"tools": tools, "reasoning_effort": "none"}), Protocol::OpenAi),
    ] {
        let gateway = start(abilities.clone()).await;
        let answer = gateway.post("/api/v1/chat/completions", &hello(extra.clone())).await;
        assert_eq!(answer.status, 200, "{extra} {}", answer.json());
        assert_eq!(simulator.calls().pop().unwrap().protocol, expected, "{extra}");
    }
    for (chat_only, expected) in [(true, Protocol::OpenAi), (false, Protocol::OpenAiResponses)] {
        let gateway = start(Abilities { chat_only, ..Abilities::default() }).await;
        let body = json!({"model": MODEL, "input": "hi"});
        let answer = gateway.post("/api/v1/responses", &body).await;
        assert_eq!(answer.status, 200, "{}", answer.json());
        assert_eq!(simulator.calls().pop().unwrap().protocol, expected);
    }
}

async fn one() -> (Simulator, Gateway) {
    let simulator = Simulator::start().await.unwrap();
    let gateway = Gateway::start(&[Upstream::of(&simulator, Protocol::OpenAi, "one")]).await;
    (simulator, gateway)
}

async fn add_key(gateway: &Gateway, provider: &str, name: &str) {
    let new = NewProviderCredential {
        provider: provider.to_owned(),
        name: name.to_owned(),
        secret: Secret::new(name),
        ..NewProviderCredential::default()
    };
    gateway.app.store.create_credential(new, &store::Actor::system(), 1).await.unwrap();
    gateway.app.reload().await.unwrap();
}

async fn post_with(gateway: &Gateway, headers: &[(&str, &str)], body: &Value) -> Answer {
    let mut request = Request::post("/api/v1/chat/completions")
        .header("host", "gateway")
        .header("authorization", format!("Bearer {}", gateway.key));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    gateway.send(request.body(Full::new(body.to_string().into())).unwrap()).await
}

/// STICKY-8, STICKY-11
#[tokio::test]
async fn the_session_of_the_body_is_the_one_in_the_books() {
    let (_simulator, gateway) = one().await;
    let header = [("x-session-id", "from-header")];
    for (body, expected) in [
        (hello(json!({"session_id": "from-body"})), "from-body"),
        (hello(json!({})), "from-header"),
    ] {
        let answer = post_with(&gateway, &header, &body).await;
        let row = gateway.generation(&answer).await.unwrap();
        assert_eq!(row.session_id.as_deref(), Some(expected));
    }
}

/// RMETA-2
#[tokio::test]
async fn an_endpoint_with_two_keys_is_one_endpoint() {
    let (_simulator, gateway) = one().await;
    add_key(&gateway, "one", "first-key").await;
    add_key(&gateway, "one", "second-key").await;
    let headers = [("x-openrouter-metadata", "enabled")];
    let body = post_with(&gateway, &headers, &hello(json!({}))).await.json();
    let told = &body["openrouter_metadata"];
    assert_eq!(told["endpoints"]["total"], 1, "{told}");
    let available = told["endpoints"]["available"].as_array().unwrap();
    assert_eq!(available.len(), 1, "{told}");
    assert_eq!(available[0]["selected"], true);
    assert_eq!(told["summary"], "available=1, selected=Provider one");
    assert_eq!(told["attempts"][0]["model"], available[0]["model"]);
    let refused = hello(json!({"models": ["none/such"], "provider": {"only": ["nobody"]}}));
    let body = post_with(&gateway, &headers, &refused).await.json();
    assert_eq!(body["openrouter_metadata"]["endpoints"]["total"], 1, "{body}");
    assert_eq!(body["openrouter_metadata"]["strategy"], "fallback", "{body}");
}

/// MODELS-9
#[tokio::test]
async fn models_of_a_caller_are_those_that_can_be_called() {
    let simulator = Simulator::start().await.unwrap();
    let upstreams = [
        Upstream::of(&simulator, Protocol::OpenAi, "one"),
        Upstream::of(&simulator, Protocol::OpenAi, "two"),
    ];
    let (models, mut endpoints, providers) = catalog_of(&upstreams).into_parts();
    let mut other = models[0].clone();
    "test/other".clone_into(&mut other.id);
    "test/other-1".clone_into(&mut other.canonical_slug);
    let mut off = endpoints[0].clone();
    "test/other".clone_into(&mut off.model);
    off.status = EndpointStatus::Disabled;
    let mut reserved = endpoints[1].clone();
    "test/other".clone_into(&mut reserved.model);
    endpoints.extend([off, reserved]);
    let catalog = Catalog::new(vec![models[0].clone(), other], endpoints, providers).unwrap();
    let gateway = Gateway::with_catalog(catalog, settings()).await;
    // The second provider's only key is for another caller.
    let new = NewProviderCredential {
        provider: "two".to_owned(),
        secret: Secret::new("key"),
        allowed_key_hashes: Some(vec!["other".to_owned()]),
        ..NewProviderCredential::default()
    };
    gateway.app.store.create_credential(new, &store::Actor::system(), 1).await.unwrap();
    gateway.app.reload().await.unwrap();
    let all = gateway.get("/api/v1/models").await.json();
    assert_eq!(all["total_count"], 2, "{all}");
    let own = gateway.get("/api/v1/models/user").await.json();
    assert_eq!(own["total_count"], 1, "{own}");
    assert_eq!(own["data"][0]["id"], MODEL);
    let page = gateway.get("/api/v1/models/user?offset=0&limit=1").await.json();
    assert_eq!((page["data"].as_array().unwrap().len(), &page["links"]["next"]), (1, &json!(null)));
    assert_eq!(gateway.get("/api/v1/models/user?limit=abc").await.status, 400);
}

/// GEN-1, GEN-2
#[tokio::test]
async fn a_generation_names_its_router_only_if_there_was_one_and_no_unknown_cost() {
    let (_simulator, gateway) = one().await;
    let answer = gateway.post("/api/v1/chat/completions", &hello(json!({}))).await;
    let row = gateway.generation(&answer).await.unwrap();
    let shown = gateway.get(&format!("/api/v1/generation?id={}", row.id)).await.json();
    assert_eq!(shown["data"]["router"], json!(null));
    assert!(shown["data"]["upstream_inference_cost"].is_number());
    let simulator = Simulator::start().await.unwrap();
    let upstream = Upstream::of(&simulator, Protocol::OpenAi, "one");
    let gateway = Gateway::without_prices(&[upstream], serving_unknown_prices()).await;
    let answer = gateway.post("/api/v1/chat/completions", &hello(json!({}))).await;
    let row = gateway.generation(&answer).await.unwrap();
    let shown = gateway.get(&format!("/api/v1/generation?id={}", row.id)).await.json();
    assert_eq!(shown["data"]["upstream_inference_cost"], json!(null), "{shown}");
    assert_eq!(shown["data"]["price_state"], "unknown");
}

/// FALL-1, VAR-2
#[tokio::test]
async fn one_bad_name_is_passed_over_and_what_is_not_served_is_said() {
    let (_simulator, gateway) = one().await;
    let list = hello(json!({"models": ["a b", "test/model:"]}));
    assert_eq!(gateway.post("/api/v1/chat/completions", &list).await.status, 200);
    for name in ["a b", "test/model:online", "test/model@preset/mail"] {
        let answer = gateway.post("/api/v1/chat/completions", &hello(json!({"model": name}))).await;
        assert_eq!(answer.status, 400, "{name} {}", answer.json());
    }
}

#[tokio::test]
async fn who_mistypes_a_model_is_told_what_there_is() {
    let (_simulator, gateway) = one().await;
    for name in ["test/modl", "model", "test/modell:free"] {
        let answer = gateway.post("/api/v1/chat/completions", &hello(json!({"model": name}))).await;
        let told = answer.json()["error"]["message"].as_str().unwrap().to_owned();
        assert_eq!(told, format!("{name} is not a valid model ID; similar: {MODEL}"));
    }
    let far = gateway.post("/api/v1/chat/completions", &hello(json!({"model": "a/qqqqqq"}))).await;
    assert_eq!(far.json()["error"]["message"], "a/qqqqqq is not a valid model ID");
}

/// VAR-2, PLUG-1, PRESET-1: the same said in other members.
#[tokio::test]
async fn plugins_and_presets_that_are_not_served_are_named() {
    let (_simulator, gateway) = one().await;
    for (extra, named) in [
        (json!({"plugins": [{"id": "web"}]}), "plugins: "),
        (json!({"preset": "mail"}), "preset: "),
    ] {
        for path in ["/api/v1/chat/completions", "/api/v1/messages", "/api/v1/responses"] {
            let mut body = hello(extra.clone());
            body["max_tokens"] = json!(9);
            body["input"] = json!("hi");
            let answer = gateway.post(path, &body).await;
            assert_eq!(answer.status, 400, "{path} {extra} {}", answer.json());
            assert!(
                answer.json()["error"]["message"].as_str().unwrap().starts_with(named),
                "{path}"
            );
        }
    }
}

/// LATEST-4
#[tokio::test]
async fn an_alias_of_a_model_that_must_reason_takes_off_for_the_least() {
    let simulator = Simulator::start().await.unwrap();
    let upstreams = [Upstream::of(&simulator, Protocol::OpenAi, "one")];
    let (mut models, mut endpoints, providers) = catalog_of(&upstreams).into_parts();
    models[0].family = Some("best".to_owned());
    endpoints[0].abilities = Abilities {
        reasoning: ReasoningStyle::Effort,
        efforts: vec![Effort::High, Effort::Low],
        reasoning_mandatory: true,
        ..Abilities::default()
    };
    let catalog = Catalog::new(models, endpoints, providers).unwrap();
    let gateway = Gateway::with_catalog(catalog, settings()).await;
    for off in [json!({"effort": "none"}), json!({"enabled": false}), json!({"max_tokens": 0})] {
        let ask = async |model: &str| {
            let body = hello(json!({"model": model, "reasoning": off}));
            gateway.post("/api/v1/chat/completions", &body).await
        };
        assert_eq!(ask(MODEL).await.status, 400, "{off}");
        let one_of_several =
            hello(json!({"model": "none/such", "models": ["~test/best-latest"], "reasoning": off}));
        for answer in [
            ask("~test/best-latest").await,
            gateway.post("/api/v1/chat/completions", &one_of_several).await,
        ] {
            assert_eq!(answer.status, 200, "{off} {}", answer.json());
            let sent = simulator.calls().pop().unwrap().body;
            assert_eq!(sent["reasoning_effort"], "low", "{off} {sent}");
        }
    }
}

/// RMETA-2
#[tokio::test]
async fn the_endpoint_that_answered_is_marked_whoever_failed_before() {
    let simulator = Simulator::start().await.unwrap();
    let upstreams = [Upstream::of(&simulator, Protocol::OpenAi, "one")];
    let (mut models, mut endpoints, providers) = catalog_of(&upstreams).into_parts();
    let mut other = models[0].clone();
    "test/second".clone_into(&mut other.id);
    "test/second-1".clone_into(&mut other.canonical_slug);
    models.push(other);
    let mut its = endpoints[0].clone();
    "test/second".clone_into(&mut its.model);
    endpoints.push(its);
    let gateway =
        Gateway::with_catalog(Catalog::new(models, endpoints, providers).unwrap(), settings())
            .await;
    simulator.push(Script::status(503));
    let headers = [("x-openrouter-metadata", "enabled")];
    let body = hello(json!({"models": ["test/second"]}));
    let told = post_with(&gateway, &headers, &body).await.json();
    let available = &told["openrouter_metadata"]["endpoints"]["available"];
    let marked: Vec<&Value> = available
        .as_array()
        .unwrap()
        .iter()
        .filter(|endpoint| endpoint["selected"] == true)
        .map(|endpoint| &endpoint["model"])
        .collect();
    assert_eq!(marked, ["test/second"], "{told}");
}

/// CHAT-3
#[tokio::test]
async fn the_deprecated_route_says_whether_models_stay_apart() {
    let simulator = Simulator::start().await.unwrap();
    let upstreams = [Upstream::of(&simulator, Protocol::OpenAi, "one")];
    let gateway = Gateway::with_second_model(
        &upstreams,
        Upstream::of(&simulator, Protocol::OpenAi, "two"),
        settings(),
    )
    .await;
    let first = async |route: &str| {
        let body = hello(json!({
            "models": ["test/second"], "provider": {"sort": "price", "order": ["two"]}, "route": route,
        }));
        let told = gateway.post("/api/v1/route", &body).await.json();
        told["data"]["attempts"][0]["model"].clone()
    };
    assert_eq!(first("fallback").await, MODEL);
    assert_eq!(first("sort").await, "test/second");
}

/// PROV-5, PROV-9, STRUCT-2
#[tokio::test]
async fn what_is_sent_empty_asks_for_nothing_and_a_schema_for_more_than_json() {
    let simulator = Simulator::start().await.unwrap();
    let upstreams = [Upstream::of(&simulator, Protocol::OpenAi, "one")];
    let (models, mut endpoints, providers) = catalog_of(&upstreams).into_parts();
    endpoints[0].supported_parameters =
        [Parameter::MaxTokens, Parameter::ResponseFormat].into_iter().collect();
    let catalog = Catalog::new(models, endpoints, providers).unwrap();
    let gateway = Gateway::with_catalog(catalog, settings()).await;
    let schema =
        json!({"type": "json_schema", "json_schema": {"name": "s", "schema": {"type": "object"}}});
    for (extra, found) in [
        (json!({"tools": [], "tool_choice": "auto"}), true),
        (json!({"response_format": {"type": "text"}}), true),
        (json!({"response_format": {"type": "json_object"}}), true),
        (json!({"response_format": schema}), false),
        (json!({"seed": 1}), false),
    ] {
        let mut body = hello(extra.clone());
        body["provider"] = json!({"require_parameters": true});
        let told = gateway.post("/api/v1/route", &body).await.json();
        let attempts = told["data"]["attempts"].as_array().unwrap();
        assert_eq!(!attempts.is_empty(), found, "{extra} {told}");
    }
}

/// LB-8: most changes are of keys.
#[tokio::test]
async fn a_change_of_keys_keeps_the_catalogue_and_what_is_known_of_health() {
    let (_simulator, gateway) = one().await;
    let before = gateway.app.snapshot();
    add_key(&gateway, "one", "first-key").await;
    let after = gateway.app.snapshot();
    assert_ne!(before.revision, after.revision);
    assert!(Arc::ptr_eq(&before.catalog, &after.catalog));
    assert!(
        Arc::ptr_eq(&before.health, &after.health),
        "what streams on the old one report counts"
    );
    assert_eq!(after.access[0].len(), 1);
}

/// ERR-1
#[tokio::test]
async fn what_cannot_be_read_of_an_address_is_refused_in_the_envelope() {
    let (_simulator, gateway) = one().await;
    for (path, status) in [
        ("/api/v1/generation?id=a&id=b", 400),
        ("/api/v1/model/%FF/x", 400),
        ("/api/v1/models/%FF/x/endpoints", 400),
    ] {
        let answer = gateway.get(path).await;
        assert_eq!(answer.status, status, "{path}");
        assert_eq!(answer.json()["error"]["code"], status, "{path}");
    }
}
