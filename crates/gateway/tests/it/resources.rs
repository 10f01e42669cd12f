//! The resources that are not inference. MODELS, GEN, KEYS, AUTH

use serde_json::json;
use testkit::{Protocol, Simulator};

use super::support::{Gateway, MODEL, Upstream};

async fn gateway() -> (Simulator, Gateway) {
    let simulator = Simulator::start().await.unwrap();
    let gateway = Gateway::start(&[Upstream::of(&simulator, Protocol::OpenAi, "one")]).await;
    (simulator, gateway)
}

/// MODELS-1, MODELS-5, MODELS-9, MODELS-10
#[tokio::test]
async fn models_and_endpoints_are_listed() {
    let (_simulator, gateway) = gateway().await;
    for base in ["/api/v1", "/v1"] {
        let models = gateway.get(&format!("{base}/models")).await.json();
        assert_eq!(models["data"][0]["id"], MODEL);
        assert_eq!(models["data"][0]["pricing"]["prompt"], "0.000003");
        let count = gateway.get(&format!("{base}/models/count")).await.json();
        assert_eq!(count["data"]["count"], 1);
        let user = gateway.get(&format!("{base}/models/user")).await.json();
        assert_eq!(user["data"][0]["id"], MODEL);
        let one = gateway.get(&format!("{base}/model/{MODEL}")).await.json();
        assert_eq!(one["data"]["id"], MODEL);
        let variant = gateway.get(&format!("{base}/model/{MODEL}:nitro")).await;
        assert_eq!(variant.status, 200);
        let endpoints = gateway.get(&format!("{base}/models/{MODEL}/endpoints")).await.json();
        assert_eq!(endpoints["data"]["endpoints"][0]["tag"], "one");
        let providers = gateway.get(&format!("{base}/providers")).await.json();
        assert_eq!(providers["data"][0]["slug"], "one");
        let zdr = gateway.get(&format!("{base}/endpoints/zdr")).await.json();
        assert_eq!(zdr["data"][0]["tag"], "one");
        assert_eq!(gateway.get(&format!("{base}/model/acme/none")).await.status, 404);
        assert_eq!(gateway.get(&format!("{base}/models/acme/none/endpoints")).await.status, 404);
        assert_eq!(gateway.get(&format!("{base}/models?sort=luck")).await.status, 400);
    }
}

/// KEYS-1, GEN-1
#[tokio::test]
async fn the_key_shows_what_it_spent_and_generations_are_found() {
    let (_simulator, gateway) = gateway().await;
    let body = json!({"model": MODEL, "messages": [{"role": "user", "content": "hi"}]});
    let answer = gateway.post("/v1/chat/completions", &body).await;
    let cost = answer.json()["usage"]["cost"].clone();
    gateway.app.settlements.flush().await.unwrap();
    let key = gateway.get("/api/v1/key").await.json();
    assert_eq!(key["data"]["usage"], cost);
    assert_eq!(key["data"]["usage_daily"], cost);
    assert_eq!(key["data"]["limit"], json!(null));
    let unknown = gateway.get("/api/v1/generation?id=gen-1-x").await;
    assert_eq!(unknown.status, 404);
    assert_eq!(unknown.json()["error"]["code"], 404);
    assert_eq!(gateway.get("/api/v1/generation").await.status, 400);
}

/// Our own: the plan without the call.
#[tokio::test]
async fn a_route_is_explained_without_asking_anybody() {
    let (simulator, gateway) = gateway().await;
    let body =
        json!({"model": MODEL, "max_tokens": 100, "messages": [{"role": "user", "content": "hi"}]});
    let answer = gateway.post("/api/v1/route", &body).await;
    let told = answer.json();
    assert_eq!(answer.status, 200, "{told}");
    assert_eq!(told["data"]["attempts"][0]["provider"], "Provider one", "{told}");
    assert!(told["data"]["attempts"][0]["estimate"]["most"].is_number(), "{told}");
    assert!(simulator.calls().is_empty());
    let body = json!({"model": MODEL, "provider": {"only": ["other"]}, "messages": [{"role": "user", "content": "hi"}]});
    let told = gateway.post("/api/v1/route", &body).await.json();
    assert_eq!(told["data"]["attempts"], json!([]), "{told}");
    assert!(told["data"]["exclusions"][0]["reason"].is_string(), "{told}");
}

#[tokio::test]
async fn health_and_unknown_routes_answer() {
    let (_simulator, gateway) = gateway().await;
    assert_eq!(gateway.get("/healthz").await.status, 200);
    assert_eq!(gateway.get("/readyz").await.status, 200);
    assert_eq!(gateway.get("/api/v1/nothing").await.json()["error"]["code"], 404);
    let wrong = gateway.get("/api/v1/chat/completions").await;
    assert_eq!(
        (wrong.status.as_u16(), &wrong.headers["allow"]),
        (405, &"POST, OPTIONS".parse().unwrap())
    );
    // ERR-1: what the framework refuses has the envelope as well.
    for path in ["/api/v1/generation?id=a&id=b", "/api/v1/model/a/%FF"] {
        let refused = gateway.get(path).await;
        assert_eq!(refused.json()["error"]["code"], 400, "{path}");
    }
    let document = gateway.get("/openapi.json").await.json();
    assert!(document["paths"]["/api/v1/chat/completions"]["post"].is_object());
    gateway.app.drain();
}
