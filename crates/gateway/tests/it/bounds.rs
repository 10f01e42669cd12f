//! What is held before a call is never less than what the call may cost, on every surface.

use catalog::{Catalog, Meter, Modalities, Modality, ModelKind, PicoUsd, PriceList};
use serde_json::{Value, json};
use store::{NewApiKey, Store};
use testkit::{Protocol, Simulator};

use super::limits::limited;
use super::support::{Gateway, MODEL, Upstream, catalog_of, settings};

/// A gateway whose model makes vectors and is priced by its prompt alone.
async fn embedding(simulator: &Simulator, context: u64, key: NewApiKey) -> Gateway {
    let upstreams = [Upstream::of(simulator, Protocol::OpenAi, "one")];
    let (mut models, mut endpoints, providers) = catalog_of(&upstreams).into_parts();
    let output: Modalities = [Modality::from_name("embeddings").unwrap()].into_iter().collect();
    models[0].kind = ModelKind::Embedding;
    models[0].architecture.output_modalities = output;
    endpoints[0].output_modalities = output;
    endpoints[0].context_length = Some(context);
    endpoints[0].price =
        PriceList { base: vec![(Meter::Prompt, PicoUsd(2_000_000))], overrides: Vec::new() };
    let catalog = Catalog::new(models, endpoints, providers).unwrap();
    let store = Store::open_temporary().await.unwrap();
    Gateway::with_store(catalog, settings(), store, key).await
}

/// Each input has to fit, not all of them together.
#[tokio::test]
async fn many_inputs_that_fit_each_are_embedded_together() {
    let simulator = Simulator::start().await.unwrap();
    let gateway = embedding(&simulator, 1_000, NewApiKey::default()).await;
    let inputs: Vec<String> = (0..50).map(|at| format!("{at} {}", "word ".repeat(400))).collect();
    let answer = gateway.post("/v1/embeddings", &json!({"model": MODEL, "input": inputs})).await;
    assert_eq!(answer.status, 200, "{}", answer.json());
    assert_eq!(answer.json()["data"].as_array().unwrap().len(), 50);
    let long = json!({"model": MODEL, "input": "word ".repeat(4_000)});
    let refused = gateway.post("/v1/embeddings", &long).await;
    assert_ne!(refused.status, 200, "one that is far too long is not sent");
}

/// Nothing is written, so that no price for output is missed.
#[tokio::test]
async fn a_limited_key_embeds_at_a_price_for_prompts_alone() {
    let simulator = Simulator::start().await.unwrap();
    let gateway = embedding(&simulator, 8_000, limited(1_000_000)).await;
    let body = json!({"model": MODEL, "input": "a text of a few words"});
    let answer = gateway.post("/v1/embeddings", &body).await;
    assert_eq!(answer.status, 200, "{}", answer.json());
    // Half a dollar for a million tokens: this one may cost more than is left.
    let long = json!({"model": MODEL, "input": "word ".repeat(2_000)});
    let refused = gateway.post("/v1/embeddings", &long).await;
    assert_eq!(refused.status, 402, "{}", refused.json());
    let dear = json!({"model": MODEL, "input": "x", "max_cost": 0.000_000_001});
    assert_eq!(gateway.post("/v1/embeddings", &dear).await.status, 400);
}

/// What would be held for a body, in nano-dollars, told by refusing to pay as much.
async fn held(path: &str, body: &Value) -> f64 {
    let simulator = Simulator::start().await.unwrap();
    let upstreams = [Upstream::of(&simulator, Protocol::OpenAi, "one")];
    let store = Store::open_temporary().await.unwrap();
    let gateway = Gateway::with_store(catalog_of(&upstreams), settings(), store, limited(1)).await;
    let refused = gateway.post(path, body).await;
    assert_eq!(refused.status, 402, "{}", refused.json());
    let message = refused.json()["error"]["message"].as_str().unwrap().to_owned();
    assert!(simulator.calls().is_empty());
    let cost = message.split_once("may cost ").and_then(|(_, rest)| rest.split_once(" USD"));
    let (dollars, _) = cost.unwrap_or_else(|| panic!("{message}"));
    dollars.parse::<f64>().unwrap() * 1e9
}

/// What is passed on without being understood is paid for as well.
#[tokio::test]
async fn members_that_nobody_knows_are_held_for() {
    let body = |more: &str| {
        json!({
            "model": MODEL,
            "max_tokens": 10,
            "messages": [{"role": "user", "content": [
                {"type": "text", "text": "hi", "something_new": more},
            ]}],
        })
    };
    let (short, long) = (
        held("/v1/messages", &body("x")).await,
        held("/v1/messages", &body(&"x".repeat(100_000))).await,
    );
    // Three dollars for a million tokens, of which a text has no more than bytes.
    assert!(long - short > 100_000.0 * 3_000.0 * 0.99, "{short} {long}");
}

/// What a provider's own tools find comes into the prompt.
#[tokio::test]
async fn tools_of_the_providers_own_are_held_for() {
    let body = |tools: Value| {
        json!({
            "model": MODEL,
            "max_tokens": 10,
            "messages": [{"role": "user", "content": "hi"}],
            "tools": tools,
        })
    };
    let plain = held("/v1/messages", &body(json!([]))).await;
    let search = json!([{"type": "web_search_20250305", "name": "web_search"}]);
    let hosted = held("/v1/messages", &body(search)).await;
    assert!(hosted - plain > 128_000.0 * 3_000.0 * 0.99, "{plain} {hosted}");
}
