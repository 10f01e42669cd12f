//! Where requests go, and what they ask for there. TIER, STICKY, RMETA, MODELS-9

use catalog::{Catalog, ServiceTier};
use serde_json::{Value, json};
use testkit::{Protocol, Script, Simulator};

use super::support::{Gateway, MODEL, Upstream, catalog_of, settings};

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
