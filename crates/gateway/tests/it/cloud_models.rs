//! Which models of clouds are asked, and how: inference profiles of Bedrock, and vectors of
//! Vertex AI. wire-formats 4

use catalog::{AuthStyle, Catalog, Meter, Modalities, Modality, ModelKind, PathStyle, PicoUsd};
use http::StatusCode;
use protocol::Dialect;
use serde_json::json;

use super::clouds::{Server, ask, catalog, gateway, hello, service_account, upstream};
use super::support::{MODEL, settings};

const OWN: &str = "a.b-v1:0";

/// A model that is asked at Bedrock by its own id, and by three profiles, the one dearer than the
/// other.
fn with_profiles(base_url: String) -> Catalog {
    let mut upstream = upstream(base_url, Dialect::Bedrock);
    OWN.clone_into(&mut upstream.model);
    let catalog = catalog(&[upstream], |provider| provider.auth = AuthStyle::Aws);
    let (models, mut endpoints, providers) = catalog.into_parts();
    let own = endpoints[0].clone();
    for (geography, price) in [("eu", 4_000_000), ("global", 5_000_000), ("us", 6_000_000)] {
        let mut endpoint = own.clone();
        endpoint.tag = format!("cloud/{geography}");
        endpoint.upstream_model = format!("{geography}.{OWN}");
        endpoint.price.base[0].1 = PicoUsd(price);
        endpoints.push(endpoint);
    }
    Catalog::new(models, endpoints, providers).unwrap()
}

#[tokio::test]
async fn a_model_is_asked_by_the_profile_of_its_credential_and_billed_by_it() {
    let provider = Server::start(|_, _| {
        let answer = json!({
            "output": {"message": {"role": "assistant", "content": [{"text": "hi"}]}},
            "stopReason": "end_turn",
            "usage": {"inputTokens": 1_000_000, "outputTokens": 1, "totalTokens": 1_000_001},
        });
        (StatusCode::OK, ("application/json", answer.to_string()))
    })
    .await;
    let keys = |more: serde_json::Value| {
        let mut keys = json!({
            "access_key_id": "AKIAIOSFODNN7EXAMPLE", "secret_access_key": "k",
        });
        keys.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        keys.to_string()
    };
    for (secret, id, nano_usd) in [
        (keys(json!({"region": "eu-west-1"})), "eu.a.b-v1%3A0", 4_000_000_000_i64),
        (keys(json!({"region": "us-east-2"})), "us.a.b-v1%3A0", 6_000_000_000),
        (keys(json!({"region": "sa-east-1"})), "global.a.b-v1%3A0", 5_000_000_000),
        (
            keys(json!({"region": "us-east-2", "inference_profile": "global"})),
            "global.a.b-v1%3A0",
            5_000_000_000,
        ),
        // A geography that is not there is not left for another.
        (
            keys(json!({"region": "us-east-2", "inference_profile": "jp"})),
            "a.b-v1%3A0",
            3_000_000_000,
        ),
        (
            keys(json!({"region": "us-east-2", "inference_profile": "none"})),
            "a.b-v1%3A0",
            3_000_000_000,
        ),
        (
            json!({"api_key": "ABSK-key", "region": "eu-west-1"}).to_string(),
            "eu.a.b-v1%3A0",
            4_000_000_000,
        ),
    ] {
        let gateway = gateway(with_profiles(provider.url()), settings(), &secret).await;
        let answer = ask(&gateway).await;
        assert_eq!(answer.status, StatusCode::OK, "{id}");
        let received = provider.received().pop().unwrap();
        assert_eq!(received.path, format!("/model/{id}/converse"));
        if secret.contains("ABSK") {
            assert_eq!(received.header("authorization"), "Bearer ABSK-key");
        }
        let row = gateway.generation(&answer).await.unwrap();
        // And a token of output.
        assert_eq!(row.total_cost, nano_usd + 15_000, "{id}");
    }
}

/// Where no region is known, nothing leaves it; and who asks for another profile by name is told why
/// it is not there.
#[tokio::test]
async fn without_a_region_a_model_is_asked_by_its_own_id() {
    let provider = Server::start(|_, _| {
        let answer = json!({
            "output": {"message": {"role": "assistant", "content": [{"text": "hi"}]}},
            "stopReason": "end_turn",
            "usage": {"inputTokens": 1, "outputTokens": 1, "totalTokens": 2},
        });
        (StatusCode::OK, ("application/json", answer.to_string()))
    })
    .await;
    let gateway = gateway(with_profiles(provider.url()), settings(), "ABSK-key").await;
    for _ in 0..3 {
        assert_eq!(ask(&gateway).await.status, StatusCode::OK);
    }
    for received in provider.received() {
        assert_eq!(received.path, "/model/a.b-v1%3A0/converse");
    }
    let mut body = hello(false);
    body["provider"] = json!({"only": ["cloud/us"]});
    let answer = gateway.post("/api/v1/chat/completions", &body).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    let message = answer.json()["error"]["message"].to_string();
    assert!(message.contains("Left out: cloud/us: no credential for the provider"), "{message}");
}

#[tokio::test]
async fn a_profile_that_nobody_knows_makes_the_credential_unusable() {
    let server = Server::start(|_, _| (StatusCode::OK, ("text/plain", String::new()))).await;
    let secret = json!({"api_key": "k", "inference_profile": "europe"}).to_string();
    let gateway = gateway(with_profiles(server.url()), settings(), &secret).await;
    assert_ne!(ask(&gateway).await.status, StatusCode::OK);
    assert!(server.received().is_empty());
}

/// EMB-1
#[tokio::test]
async fn vectors_of_googles_models_at_vertex() {
    let tokens = Server::of_tokens(3600).await;
    let provider = Server::start(|received, _| {
        let body = received.json();
        let answer = match body["instances"].as_array() {
            Some(instances) => {
                let statistics = json!({"token_count": 3, "truncated": false});
                let vector = json!({"values": [0.5, 0.25], "statistics": statistics});
                json!({"predictions": vec![json!({"embeddings": vector}); instances.len()]})
            }
            None => json!({
                "embedding": {"values": [0.5, 0.25]}, "truncated": false,
                "usageMetadata": {"promptTokenCount": 3, "totalTokenCount": 3},
            }),
        };
        (StatusCode::OK, ("application/json", answer.to_string()))
    })
    .await;
    for (model, method, calls) in [
        ("text-embedding-005", "predict", 1),
        ("gemini-embedding-001", "predict", 2),
        ("gemini-embedding-2", "embedContent", 2),
    ] {
        let base_url = format!("{}/v1/projects/p/locations/global", provider.url());
        let mut upstream = upstream(base_url, Dialect::Gemini);
        model.clone_into(&mut upstream.model);
        let catalog = catalog(&[upstream], |provider| {
            provider.auth = AuthStyle::Google;
            provider.path_style = PathStyle::Vertex;
        });
        let (mut models, mut endpoints, providers) = catalog.into_parts();
        let output: Modalities = [Modality::from_name("embeddings").unwrap()].into_iter().collect();
        models[0].kind = ModelKind::Embedding;
        models[0].architecture.output_modalities = output;
        endpoints[0].output_modalities = output;
        endpoints[0].price.base = vec![(Meter::Prompt, PicoUsd(2_000_000))];
        let catalog = Catalog::new(models, endpoints, providers).unwrap();
        let gateway = gateway(catalog, tokens.settings(), &service_account()).await;
        let before = provider.received().len();
        let body = json!({
            "model": MODEL, "input": ["one", "two"], "dimensions": 2, "input_type": "query",
        });
        let answer = gateway.post("/api/v1/embeddings", &body).await;
        let told = answer.json();
        assert_eq!(answer.status, StatusCode::OK, "{model}: {told}");
        assert_eq!(told["data"][1]["embedding"], json!([0.5, 0.25]), "{model}");
        assert_eq!(told["usage"]["prompt_tokens"], 6, "{model}");
        let row = gateway.generation(&answer).await.unwrap();
        assert_eq!(row.total_cost, 6 * 2_000, "{model}");
        let received = &provider.received()[before..];
        assert_eq!(received.len(), calls, "{model}");
        for call in received {
            let path = "/v1/projects/p/locations/global/publishers/google/models";
            assert_eq!(call.path, format!("{path}/{model}:{method}"));
            assert!(call.header("authorization").starts_with("Bearer token-"));
        }
        let body = received[0].json();
        let (dimensions, purpose, truncate) = match method {
            "predict" => (
                &body["parameters"]["outputDimensionality"],
                &body["instances"][0]["task_type"],
                &body["parameters"]["autoTruncate"],
            ),
            _ => (&body["outputDimensionality"], &body["taskType"], &body["autoTruncate"]),
        };
        let expected = (&json!(2), &json!("RETRIEVAL_QUERY"), &json!(false));
        assert_eq!((dimensions, purpose, truncate), expected, "{model}");
    }
}
