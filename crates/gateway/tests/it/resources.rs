//! The resources that are not inference. MODELS, GEN, KEYS, AUTH

use serde_json::json;
use testkit::{Protocol, Simulator};

use super::support::{Gateway, MODEL, Upstream, catalog_of, settings};

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
        let vectors = gateway.get(&format!("{base}/embeddings/models")).await.json();
        assert_eq!((&vectors["data"], &vectors["total_count"]), (&json!([]), &json!(0)));
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

/// What `models.retrieve` of OpenAI's clients asks for, whose ids have a slash. CLIENT-1
#[tokio::test]
async fn one_model_is_told_in_the_form_of_who_asks() {
    let (_simulator, gateway) = gateway().await;
    let encoded = MODEL.replace('/', "%2F");
    for base in ["/api/v1", "/v1", "/anthropic/v1", "/api/anthropic/v1"] {
        for name in [MODEL, &encoded, "test/model:nitro"] {
            let one = gateway.get(&format!("{base}/models/{name}")).await;
            let told = one.json();
            assert_eq!(one.status, 200, "{base} {name}: {told}");
            assert_eq!((&told["object"], &told["owned_by"]), (&json!("model"), &json!("test")));
            assert_eq!((&told["id"], &told["name"]), (&json!(MODEL), &json!("Test: Model")));
            assert!(told["created"].is_number() && told["pricing"]["prompt"].is_string(), "{told}");
        }
        let unknown = gateway.get(&format!("{base}/models/acme/none")).await;
        assert_eq!(
            (unknown.status.as_u16(), unknown.json()["error"]["code"].clone()),
            (404, json!(404))
        );
    }
    let asked = async |path: &str, name: &str, value: &str| {
        let request = http::Request::get(path)
            .header("host", "x")
            .header(name, value)
            .body(Default::default());
        gateway.send(request.unwrap()).await
    };
    let path = format!("/v1/models/{MODEL}");
    let told = asked(&path, "anthropic-version", "2023-06-01").await.json();
    assert_eq!((&told["type"], &told["display_name"]), (&json!("model"), &json!("Test: Model")));
    let unknown = asked("/v1/models/acme/none", "anthropic-version", "2023-06-01").await.json();
    assert_eq!(unknown["error"]["type"], "not_found_error");
    let told = asked(&path, "x-goog-api-key", "k").await.json();
    assert_eq!(told["name"], format!("models/{MODEL}"));
    let list = asked("/v1/models?pageSize=1", "x-goog-api-key", "k").await.json();
    assert_eq!(list["models"][0]["name"], format!("models/{MODEL}"));
    let unknown = asked("/v1/models/acme/none", "x-goog-api-key", "k").await.json();
    assert_eq!(unknown["error"]["status"], "NOT_FOUND");
}

/// An unknown model is told in the words of the surface, and nothing is counted for it.
#[tokio::test]
async fn tokens_are_counted_for_known_models_only() {
    let (_simulator, gateway) = gateway().await;
    let contents = json!({"contents": [{"parts": [{"text": "hello there"}]}]});
    for version in ["v1", "v1beta", "api/v1"] {
        for name in [MODEL, "test%2Fmodel", "test/model:nitro"] {
            let counted =
                gateway.post(&format!("/{version}/models/{name}:countTokens"), &contents).await;
            assert_eq!(counted.status, 200, "{version} {name}: {}", counted.json());
            assert!(counted.json()["totalTokens"].is_number());
        }
        let unknown =
            gateway.post(&format!("/{version}/models/acme/none:countTokens"), &contents).await;
        assert_eq!(unknown.status, 404);
        assert_eq!(unknown.json()["error"]["status"], "NOT_FOUND");
    }
    let body = json!({"model": "acme/none", "messages": [{"role": "user", "content": "hi"}]});
    let unknown = gateway.post("/v1/messages/count_tokens", &body).await;
    assert_eq!(
        (unknown.status.as_u16(), unknown.json()["error"]["type"].clone()),
        (404, json!("not_found_error"))
    );
    let body = json!({"messages": [{"role": "user", "content": "hi"}]});
    assert_eq!(gateway.post("/v1/messages/count_tokens", &body).await.status, 400);
}

/// With the vocabulary of the model where it is public; what only its own API can read is estimated.
#[tokio::test]
async fn tokens_are_counted_as_the_models_vendor_counts_them() {
    let simulator = Simulator::start().await.unwrap();
    let upstream = Upstream::of(&simulator, Protocol::OpenAi, "one");
    let (mut models, mut endpoints, providers) = catalog_of(&[upstream]).into_parts();
    models[0].id = "openai/gpt-4o".to_owned();
    models[0].canonical_slug = "openai/gpt-4o".to_owned();
    endpoints[0].model = "openai/gpt-4o".to_owned();
    let catalog = catalog::Catalog::new(models, endpoints, providers).unwrap();
    let gateway = Gateway::with_catalog(catalog, settings()).await;
    let text = "antidisestablishmentarianism";
    let body = json!({"model": "openai/gpt-4o", "messages": [{"role": "user", "content": text}]});
    let counted = gateway.post("/v1/messages/count_tokens", &body).await.json();
    // Six of the word, one of the role, three around the message, three that begin the answer.
    assert_eq!(counted["input_tokens"], 13, "{counted}");
    let body = json!({"contents": [{"parts": [{"text": text}]}]});
    let counted = gateway.post("/v1beta/models/openai/gpt-4o:countTokens", &body).await.json();
    assert_eq!(counted["totalTokens"], 13, "{counted}");
    let body = json!({"contents": [{"parts": [{"hologram": 1}], "role": "director"}]});
    let counted = gateway.post("/v1beta/models/openai/gpt-4o:countTokens", &body).await;
    assert_eq!(counted.status, 200, "{}", counted.json());
    assert!(simulator.calls().is_empty(), "no provider was asked");
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
    assert!(wrong.json()["error"]["message"].as_str().unwrap().starts_with("/api/v1/chat/"));
    let wrong = gateway.post("/api/v1/models", &json!({})).await;
    assert_eq!(wrong.status, 405);
    assert!(wrong.json()["error"]["message"].as_str().unwrap().starts_with("/api/v1/models "));
    let document = gateway.get("/openapi.json").await.json();
    assert!(document["paths"]["/api/v1/chat/completions"]["post"].is_object());
    gateway.app.drain();
}
