//! Prompts are counted with their model's vocabulary where their bytes or their estimate would
//! decide against them. LB-9, promise 3

use catalog::{Catalog, PicoUsd};
use serde_json::{Value, json};
use store::{NewApiKey, Store};
use testkit::{Protocol, Simulator};

use super::limits::{CHAT, limited};
use super::support::{Gateway, MODEL, Upstream, catalog_of, settings};

const CENT: i64 = 10_000_000;

/// The same catalogue, with a model whose vocabulary is public.
fn public(catalog: Catalog) -> Catalog {
    let (mut models, endpoints, providers) = catalog.into_parts();
    models[0].hugging_face_id = Some("Qwen/Qwen3-32B".to_owned());
    Catalog::new(models, endpoints, providers).unwrap()
}

/// A prompt of 40,000 bytes that has fewer than 3,000 tokens.
fn long_words() -> Value {
    json!({
        "model": MODEL, "max_tokens": 100,
        "messages": [{"role": "user", "content": " international".repeat(2_857)}],
    })
}

async fn gateway_of(catalog: Catalog, key: NewApiKey) -> Gateway {
    let store = Store::open_temporary().await.unwrap();
    Gateway::with_store(catalog, settings(), store, key).await
}

/// The bytes would cost twelve cents, and what is counted two.
#[tokio::test]
async fn a_limit_refuses_nothing_for_its_bytes_that_is_counted_shorter() {
    let simulator = Simulator::start().await.unwrap();
    let upstreams = [Upstream::of(&simulator, Protocol::OpenAi, "one")];
    let bytes = gateway_of(catalog_of(&upstreams), limited(5 * CENT)).await;
    assert_eq!(bytes.post(CHAT, &long_words()).await.status, 402);
    let counted = gateway_of(public(catalog_of(&upstreams)), limited(5 * CENT)).await;
    let told = counted.post("/api/v1/route", &long_words()).await.json();
    let held = told["data"]["reservation"]["credits"].as_f64().unwrap();
    assert!((0.01..0.03).contains(&held), "{told}");
    let answer = counted.post(CHAT, &long_words()).await;
    assert_eq!(answer.status, 200, "{}", answer.json());
    // With a cent it is refused all the same.
    let poor = gateway_of(public(catalog_of(&upstreams)), limited(CENT)).await;
    let refused = poor.post(CHAT, &long_words()).await;
    assert_eq!(refused.status, 402);
    let needed = &refused.json()["error"]["metadata"]["limit"]["needed_usd"];
    assert!(needed.as_f64().unwrap() < 0.03, "{}", refused.json());
}

/// `max_cost`: our own.
#[tokio::test]
async fn the_most_a_call_may_cost_goes_by_what_is_counted() {
    let simulator = Simulator::start().await.unwrap();
    let upstreams = [Upstream::of(&simulator, Protocol::OpenAi, "one")];
    let mut asked = long_words();
    asked["max_cost"] = json!(0.05);
    for (catalog, status) in [(catalog_of(&upstreams), 400), (public(catalog_of(&upstreams)), 200)]
    {
        let gateway = Gateway::with_catalog(catalog, settings()).await;
        let answer = gateway.post(CHAT, &asked).await;
        assert_eq!(answer.status, status, "{}", answer.json());
    }
}

/// An answer of no stated length gets what the prompt leaves of the money.
#[tokio::test]
async fn an_answer_is_cut_for_what_is_counted() {
    let simulator = Simulator::start().await.unwrap();
    let upstreams = [Upstream::of(&simulator, Protocol::OpenAi, "one")];
    let mut asked = long_words();
    asked.as_object_mut().unwrap().remove("max_tokens");
    let mut cuts = Vec::new();
    for catalog in [catalog_of(&upstreams), public(catalog_of(&upstreams))] {
        let gateway = gateway_of(catalog, limited(13 * CENT)).await;
        let answer = gateway.post(CHAT, &asked).await;
        assert_eq!(answer.status, 200, "{}", answer.json());
        cuts.push(simulator.calls().pop().unwrap().body["max_tokens"].as_u64().unwrap());
    }
    // A cent pays for 666 tokens: one is left of twelve bytes, eleven of what was counted.
    assert!(cuts[0] < 700 && cuts[1] > 7_000, "{cuts:?}");
}

/// A provider that is cheaper has room for what is counted, though not for what is estimated.
#[tokio::test]
async fn a_prompt_goes_where_it_fits_by_its_count() {
    let simulator = Simulator::start().await.unwrap();
    let upstreams = [
        Upstream::of(&simulator, Protocol::OpenAi, "large"),
        Upstream::of(&simulator, Protocol::OpenAi, "small"),
    ];
    let with_room = |room: u64| {
        let (models, mut endpoints, providers) = catalog_of(&upstreams).into_parts();
        for endpoint in endpoints.iter_mut().filter(|endpoint| endpoint.tag == "small") {
            endpoint.context_length = Some(room);
            endpoint.price.base.iter_mut().for_each(|(_, price)| *price = PicoUsd(price.0 / 2));
        }
        Catalog::new(models, endpoints, providers).unwrap()
    };
    let mut asked = long_words();
    asked["provider"] = json!({"sort": "price"});
    // The estimate is 10,000 tokens: more than there is room for, but perhaps not.
    for (catalog, chosen) in [
        (with_room(9_000), "Provider large"),
        (public(with_room(9_000)), "Provider small"),
        (public(with_room(2_000)), "Provider large"),
    ] {
        let gateway = Gateway::with_catalog(catalog, settings()).await;
        assert_eq!(gateway.post(CHAT, &asked).await.json()["provider"], chosen);
    }
    // Where nobody else is, an estimate of twice the room refuses, and a count does not.
    asked["provider"] = json!({"only": ["small"]});
    for (catalog, status) in
        [(with_room(4_000), 404), (public(with_room(4_000)), 200), (public(with_room(2_000)), 404)]
    {
        let gateway = Gateway::with_catalog(catalog, settings()).await;
        let answer = gateway.post(CHAT, &asked).await;
        assert_eq!(answer.status, status, "{}", answer.json());
    }
}

/// Who asks for a route is told the count.
#[tokio::test]
async fn a_route_is_told_with_the_prompts_count() {
    let simulator = Simulator::start().await.unwrap();
    let upstreams = [Upstream::of(&simulator, Protocol::OpenAi, "one")];
    let gateway = Gateway::with_catalog(public(catalog_of(&upstreams)), settings()).await;
    let told = gateway.post("/api/v1/route", &long_words()).await.json();
    let tokens = &told["data"]["attempts"][0]["estimate"]["prompt_tokens"];
    assert!((2_857..2_900).contains(&tokens.as_u64().unwrap()), "{told}");
}
