//! What an account lets happen to prompts. PRIV-3, PRIV-4

use catalog::{Catalog, DataPolicy};
use http::Method;
use serde_json::{Value, json};
use testkit::{Protocol, Simulator};

use super::{Managed, check_refused};
use crate::support::{Gateway, Upstream, catalog_of, settings};

/// A provider that keeps nothing, and one that trains.
async fn two_providers() -> Managed {
    let simulator = Simulator::start().await.unwrap();
    let upstreams =
        ["clean", "trains"].map(|slug| Upstream::of(&simulator, Protocol::OpenAi, slug));
    let (models, endpoints, mut providers) = catalog_of(&upstreams).into_parts();
    for provider in &mut providers {
        if provider.slug == "trains" {
            provider.data_policy = DataPolicy::default();
            provider.datacenters = Some(vec!["DE".to_owned()]);
        }
    }
    let catalog = Catalog::new(models, endpoints, providers).unwrap();
    Managed::over(Gateway::with_catalog(catalog, settings()).await, simulator).await
}

#[tokio::test]
async fn the_policy_of_an_account_holds_for_every_request() {
    let managed = two_providers().await;
    let key = managed.gateway.key.clone();
    let usual = managed.show("/privacy").await;
    assert_eq!((&usual["allow_training"], &usual["zdr_only"]), (&json!(true), &json!(false)));
    let effect =
        json!({"endpoints_left": 2, "endpoints_total": 2, "models_left": 1, "models_total": 1});
    assert_eq!(usual["effect"], effect);
    let preview = managed.show("/privacy?allow_training=false").await;
    assert_eq!(preview["effect"]["endpoints_left"], 1);
    let preview = managed.show("/privacy?zdr_only=true&regions=eu,us").await;
    assert_eq!(
        (&preview["effect"]["models_left"], &preview["regions"]),
        (&json!(0), &json!(["eu", "us"]))
    );
    assert_eq!(managed.show("/privacy").await, usual, "a preview changes nothing");

    let patch = async |body: Value| managed.internal(Method::PATCH, "/privacy", &body).await;
    let changed = patch(json!({"allow_training": false})).await.json();
    assert_eq!(changed["effect"]["endpoints_left"], 1);
    let ask = async |only: &str| {
        let body = json!({"model": crate::support::MODEL, "messages": [{"role": "user", "content": "hi"}],
            "provider": {"only": [only], "data_collection": "allow"}});
        let path = "/api/v1/chat/completions";
        managed.call_with(&key, Method::POST, path, body.to_string().into()).await
    };
    assert_eq!(ask("clean").await.status, 200);
    let refused = ask("trains").await;
    assert_eq!(refused.status, 404, "whatever the request says");
    assert!(
        refused.json()["error"].to_string().contains("data_policy:training"),
        "{}",
        refused.json()
    );
    patch(json!({"allow_training": true, "regions": ["eu"]})).await;
    assert_eq!(ask("trains").await.status, 200);
    assert_eq!(ask("clean").await.status, 404, "nobody knows where it is");
    // MODELS-9
    let reached = async || {
        let path = "/api/v1/models/user";
        managed.call_with(&key, Method::GET, path, Vec::new().into()).await.json()["total_count"]
            .clone()
    };
    assert_eq!(reached().await, 1);
    patch(json!({"regions": ["us"]})).await;
    assert_eq!(reached().await, 0, "no endpoint is left");
    patch(json!({"regions": null, "zdr_only": true})).await;
    assert_eq!(ask("trains").await.status, 404);
    assert_eq!(ask("clean").await.status, 200);
    assert_eq!(managed.show("/privacy").await["zdr_only"], true);
    for (body, named) in [
        (json!({"regions": ["mars"]}), "regions: `mars`"),
        (json!({"allow_training": "no"}), "allow_training"),
        (json!({"colour": 1}), "colour"),
    ] {
        check_refused(&patch(body).await, 400, named);
    }
    let audit = managed.get("/audit").await.json().to_string();
    assert!(audit.contains("zdr_only"), "it is told who changed it");
}

/// Our own: calls of a provider's own API.
#[tokio::test]
async fn the_policy_holds_for_what_is_passed_through() {
    let simulator = Simulator::start().await.unwrap();
    let upstreams =
        ["clean", "trains"].map(|slug| Upstream::of(&simulator, Protocol::OpenAi, slug));
    let (models, endpoints, mut providers) = catalog_of(&upstreams).into_parts();
    providers.iter_mut().find(|one| one.slug == "trains").unwrap().data_policy =
        DataPolicy::default();
    let mut settings = settings();
    settings.passthrough.permission = gateway::PassthroughPermission::All;
    let catalog = Catalog::new(models, endpoints, providers).unwrap();
    let managed = Managed::over(Gateway::with_catalog(catalog, settings).await, simulator).await;
    let key = managed.gateway.key.clone();
    let get = async |slug: &str| {
        let path = format!("/{slug}/models");
        managed.call_with(&key, Method::GET, &path, bytes::Bytes::new()).await
    };
    assert_eq!(get("trains").await.status, 200);
    managed.internal(Method::PATCH, "/privacy", &json!({"allow_training": false})).await;
    check_refused(&get("trains").await, 403, "data policy");
    assert_eq!(get("clean").await.status, 200);
}

/// A provider that retains what one of its models is asked gets what is certainly for the other one.
#[tokio::test]
async fn what_is_passed_through_names_its_model_where_it_is_read() {
    let simulator = Simulator::start().await.unwrap();
    let upstreams = [Upstream::of(&simulator, Protocol::OpenAi, "mix")];
    let (mut models, mut endpoints, providers) = catalog_of(&upstreams).into_parts();
    let mut other = models[0].clone();
    (other.id, other.canonical_slug) = ("test/other".to_owned(), "test/other-1".to_owned());
    models.push(other);
    let mut retaining = endpoints[0].clone();
    "test/other".clone_into(&mut retaining.model);
    "retaining".clone_into(&mut retaining.upstream_model);
    retaining.data_policy = Some(DataPolicy::default());
    endpoints.push(retaining);
    let mut settings = settings();
    settings.passthrough.permission = gateway::PassthroughPermission::All;
    let catalog = Catalog::new(models, endpoints, providers).unwrap();
    let managed = Managed::over(Gateway::with_catalog(catalog, settings).await, simulator).await;
    managed.internal(Method::PATCH, "/privacy", &json!({"zdr_only": true})).await;
    let key = managed.gateway.key.clone();
    let call = async |method: Method, path: &str, model: &str| {
        let body = json!({"model": model, "messages": [{"role": "user", "content": "hi"}]});
        managed.call_with(&key, method, path, body.to_string().into()).await
    };
    let work = "/mix/v1/chat/completions";
    assert_eq!(call(Method::POST, work, "simulated-model").await.status, 200);
    check_refused(&call(Method::POST, work, "retaining").await, 403, "data policy");
    for (method, path) in [
        (Method::PUT, work),
        (Method::POST, "/mix/v1/chat/completions?model=retaining"),
        (Method::POST, "/mix/v1/files"),
        (Method::DELETE, "/mix/v1/files/x"),
        (Method::POST, "/mix/v1/batches"),
        (Method::GET, "/mix/v1/models/simulated-model:foo"),
        (Method::POST, "/mix/v1/models/simulated-model:foo"),
        (Method::POST, "/mix/v1/files;/chat/completions"),
    ] {
        let answer = call(method.clone(), path, "simulated-model").await;
        check_refused(&answer, 403, "data policy");
    }
}
