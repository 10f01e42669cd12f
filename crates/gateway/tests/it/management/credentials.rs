//! Credentials for providers. BYOK

use catalog::{AuthStyle, Catalog, PathStyle};
use http::Method;
use serde_json::{Value, json};
use store::Store;
use testkit::{Protocol, Simulator};

use super::{Managed, check_refused};
use crate::support::{Gateway, Upstream, catalog_of, settings};

const GOOD: &str = "right-key-0123456789";

/// A gateway whose provider wants a key, `GOOD`, and whose environment has another.
async fn guarded() -> Managed {
    guarded_with(settings()).await
}

async fn guarded_with(settings: gateway::Settings) -> Managed {
    let simulator = Simulator::builder().require_key(GOOD).start().await.unwrap();
    let upstream = Upstream::of(&simulator, Protocol::OpenAi, "one");
    let (models, endpoints, mut providers) = catalog_of(&[upstream]).into_parts();
    providers[0].auth = AuthStyle::Bearer;
    providers[0].environment_variables = vec!["ONE_API_KEY".to_owned()];
    let catalog = Catalog::new(models, endpoints, providers).unwrap();
    let gateway = Gateway::with_catalog(catalog, settings).await;
    Managed::over(gateway, simulator).await
}

/// BYOK-1, BYOK-6, BYOK-10
#[tokio::test]
async fn a_credential_is_added_tested_used_changed_and_removed() {
    let mut settings = settings();
    settings.allow_local_providers = true;
    let managed = guarded_with(settings).await;
    let key = managed.gateway.key.clone();
    assert_eq!(managed.chat(&key).await.status, 404, "nobody has a key yet");
    let forms = managed.show("/providers").await;
    let form = &forms["data"][0];
    assert_eq!((&form["slug"], &form["has_credential"]), (&json!("one"), &json!(false)));
    assert_eq!((&form["key_optional"], &form["needs_base_url"]), (&json!(false), &json!(false)));
    assert_eq!((&form["models"], &form["name"]), (&json!(1), &json!("Provider one")));

    let test = async |body: Value| {
        let answer = managed.internal(Method::POST, "/byok/test", &body).await;
        assert_eq!(answer.status, 200, "{}", answer.json());
        answer.json()
    };
    let told = test(json!({"provider": "one", "key": "wrong-key-0123456789"})).await;
    assert_eq!(told["state"], "rejected", "{told}");
    let told = test(json!({"provider": "one", "key": format!(" {GOOD}\n")})).await;
    assert_eq!(told["state"], "verified", "what pasting left is no part of it: {told}");
    assert!(told["latency_ms"].is_u64());
    let away = json!({"provider": "one", "key": GOOD, "base_url": "http://127.0.0.1:1/v1"});
    assert_eq!(test(away).await["state"], "unknown", "nobody could be asked");

    let wrong = json!({"provider": "one", "key": "wrong-key-0123456789", "workspace_id": null});
    let made = managed.post("/byok", &wrong).await;
    let shown = made.json();
    assert_eq!(made.status, 201, "{shown}");
    assert_eq!(shown["data"]["workspace_id"], json!(null), "everybody's");
    assert_eq!(
        (&shown["data"]["source"], &shown["data"]["last_result"]),
        (&json!("stored"), &json!(null))
    );
    assert!(!shown.to_string().contains("wrong-key-0123456789"));
    let id = shown["data"]["id"].as_str().unwrap();
    let (path, own_test) = (format!("/byok/{id}"), format!("/byok/{id}/test"));
    let tested = managed.internal(Method::POST, &own_test, &json!(null)).await.json();
    assert_eq!(tested["state"], "rejected");
    let listed = managed.get("/byok").await.json();
    assert_eq!(
        (&listed["total_count"], &listed["data"][0]["last_result"]["state"]),
        (&json!(1), &json!("rejected"))
    );
    let status = managed.show("/status/providers").await;
    assert_eq!(status["data"][0]["credential"], "rejected");

    let changed = managed.patch(&path, &json!({"key": GOOD, "name": "main"})).await.json();
    assert_eq!(
        (&changed["data"]["name"], &changed["data"]["last_result"]),
        (&json!("main"), &json!(null))
    );
    assert_eq!(
        managed.internal(Method::POST, &own_test, &json!(null)).await.json()["state"],
        "verified"
    );
    assert_eq!(managed.chat(&key).await.status, 200, "in force at once");
    assert_eq!(managed.get(&path).await.json()["data"]["last_result"]["state"], "verified");

    managed.patch(&path, &json!({"allowed_models": ["test/other"]})).await;
    assert_eq!(managed.chat(&key).await.status, 404, "not for this model");
    let (hash, other) = managed.make_key(&json!({"name": "other"})).await;
    let only = json!({"allowed_models": null, "allowed_api_key_hashes": [hash]});
    assert_eq!(managed.patch(&path, &only).await.status, 200);
    assert_eq!(managed.chat(&key).await.status, 404, "not for this key");
    assert_eq!(managed.chat(&other).await.status, 200);
    managed.patch(&path, &json!({"allowed_api_key_hashes": null, "disabled": true})).await;
    assert_eq!(managed.chat(&key).await.status, 404, "disabled");
    managed.patch(&path, &json!({"disabled": false})).await;
    assert_eq!(managed.chat(&key).await.status, 200);
    // The stored secret is sent nowhere else.
    let away = managed.patch(&path, &json!({"base_url": "https://elsewhere.example/v1"})).await;
    check_refused(&away, 400, "send key");
    assert_eq!(managed.patch(&path, &json!({"base_url": null})).await.status, 200, "no change");
    for body in [json!({"allowed_user_ids": ["x"]}), json!({"allowed_user_ids": []})] {
        check_refused(&managed.patch(&path, &body).await, 400, "allowed_user_ids");
    }
    assert_eq!(managed.delete(&path).await.json(), json!({"deleted": true}));
    assert_eq!(managed.chat(&key).await.status, 404);
    assert_eq!(managed.get(&path).await.status, 404);
    let audit = managed.get("/audit").await.json().to_string();
    assert!(audit.contains("provider_credential.update") && !audit.contains(GOOD));
}

/// BYOK-11
#[tokio::test]
async fn a_key_of_azure_may_come_with_its_resource() {
    let simulator = Simulator::start().await.unwrap();
    let upstream = Upstream::of(&simulator, Protocol::OpenAi, "one");
    let (models, endpoints, mut providers) = catalog_of(&[upstream]).into_parts();
    (providers[0].auth, providers[0].path_style) = (AuthStyle::Azure, PathStyle::Azure);
    let catalog = Catalog::new(models, endpoints, providers).unwrap();
    let gateway = Gateway::with_catalog(catalog, settings()).await;
    let managed = Managed::over(gateway, simulator).await;
    let add = async |key: Value| {
        let body = json!({"provider": "one", "key": key.to_string()});
        managed.post("/byok", &body).await
    };
    let made = add(json!([{"api_key": "0123456789abcdef", "resource_name": "ours"}])).await.json();
    assert_eq!(made["data"]["base_url"], "https://ours.openai.azure.com", "{made}");
    assert_eq!(made["data"]["label"], "0123...cdef");
    let id = made["data"]["id"].as_str().unwrap();
    let other = json!([
        {"api_key": "fedcba9876543210", "resource_name": "r2", "resource_type": "ai_foundry"}
    ]);
    let change = json!({"key": other.to_string()});
    let changed = managed.patch(&format!("/byok/{id}"), &change).await.json();
    assert_eq!(changed["data"]["base_url"], "https://r2.services.ai.azure.com", "{changed}");
    let legacy = json!({
        "endpoint_url": "https://ours.openai.azure.com/openai/deployments/m/chat/completions",
        "api_key": "0123456789abcdef", "model_id": "model", "model_slug": "test/model",
    });
    let made = add(legacy).await.json();
    assert_eq!(made["data"]["allowed_models"], json!(["test/model"]), "{made}");
    check_refused(&add(json!([])).await, 400, "must be a list of one object");
}

/// BYOK-6: members
#[tokio::test]
async fn a_credential_may_be_for_some_members_and_for_one_workspace() {
    let managed = guarded().await;
    let member = managed.member("a@b.c", "Ann", store::MemberRole::Member).await;
    let body = json!({"provider": "one", "key": GOOD, "allowed_user_ids": [member.id]});
    let made = managed.post("/byok", &body).await.json();
    let workspace = managed.get("/workspaces/default").await.json()["data"]["id"].clone();
    assert_eq!(made["data"]["workspace_id"], workspace, "the default one's own, unless said");
    assert_eq!(managed.chat(&managed.gateway.key.clone()).await.status, 404);
    let (_, own) = managed.make_key(&json!({"name": "m", "creator_user_id": member.id})).await;
    let answer = managed.chat(&own).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["usage"]["is_byok"]), (200, &json!(true)));
    let second = managed.post("/byok", &json!({"provider": "one", "key": GOOD})).await.json();
    assert_eq!(second["data"]["sort_order"], 1, "after the first");
    let of = managed.get("/byok?workspace_id=default&provider=one&limit=1").await.json();
    assert_eq!((of["data"].as_array().unwrap().len(), &of["total_count"]), (1, &json!(2)));
}

#[tokio::test]
async fn what_cannot_be_used_is_refused_by_name() {
    let managed = guarded().await;
    for (body, named) in [
        (json!({"key": GOOD}), "provider"),
        (json!({"provider": "nobody", "key": GOOD}), "provider: there is no provider `nobody`"),
        (json!({"provider": "one", "key": " \n"}), "key: is empty"),
        (json!({"provider": "one", "key": "a\u{0}b"}), "key: "),
        (json!({"provider": "one", "key": "k".repeat(65 * 1024)}), "key: "),
        (json!({"provider": "one", "key": GOOD, "base_url": "ftp://x"}), "base_url: "),
        (json!({"provider": "one", "key": GOOD, "name": "n".repeat(256)}), "name: "),
        (json!({"provider": "one", "key": GOOD, "workspace_id": "none"}), "workspace_id: "),
        (
            json!({"provider": "one", "key": GOOD, "allowed_api_key_hashes": []}),
            "allowed_api_key_hashes: is empty",
        ),
        (
            json!({"provider": "one", "key": GOOD, "allowed_api_key_hashes": ["x"]}),
            "allowed_api_key_hashes: there is no key",
        ),
        (
            json!({"provider": "one", "key": GOOD, "allowed_models": vec!["m"; 101]}),
            "allowed_models: ",
        ),
        (json!({"provider": "one", "key": GOOD, "allowed_models": []}), "allowed_models: is empty"),
        (
            json!({"provider": "one", "key": GOOD, "allowed_user_ids": []}),
            "allowed_user_ids: is empty",
        ),
        (
            json!({"provider": "one", "key": GOOD, "allowed_user_ids": ["user_none"]}),
            "allowed_user_ids: the organization has no member user_none",
        ),
    ] {
        check_refused(&managed.post("/byok", &body).await, 400, named);
    }
    check_refused(&managed.patch("/byok/none", &json!({})).await, 404, "not found");
    check_refused(&managed.get("/byok?limit=101").await, 400, "limit");
    let path = "/byok/none/test";
    check_refused(&managed.internal(Method::POST, path, &json!(null)).await, 404, "not found");
}

#[tokio::test]
async fn what_the_environment_has_is_shown_and_tested_but_not_changed() {
    use gateway::control::ControlSources;
    use gateway::listener::Server;
    let simulator = Simulator::builder().require_key(GOOD).start().await.unwrap();
    let upstream = Upstream::of(&simulator, Protocol::OpenAi, "one");
    let (models, endpoints, mut providers) = catalog_of(&[upstream]).into_parts();
    providers[0].auth = AuthStyle::Bearer;
    let catalog = Catalog::new(models, endpoints, providers).unwrap();
    let store = Store::open_temporary().await.unwrap();
    let environment = vec![("one".to_owned(), store::Secret::new(GOOD))];
    let sources = ControlSources { environment, catalog: Box::new(move |_| Ok(catalog.clone())) };
    let app = gateway::App::new(settings(), store, sources).await.unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = Server::start(std::sync::Arc::clone(&app), listener, 1).unwrap();
    let managed = Managed::over(Gateway::of(app, server), simulator).await;
    let listed = managed.get("/byok").await.json();
    let one = &listed["data"][0];
    assert_eq!((&one["source"], &one["id"]), (&json!("environment"), &json!("environment:one")));
    assert!(!listed.to_string().contains(GOOD));
    let tested = managed.internal(Method::POST, "/byok/environment:one/test", &json!(null)).await;
    assert_eq!(tested.json()["state"], "verified");
    for refused in [
        managed.patch("/byok/environment:one", &json!({"disabled": true})).await,
        managed.delete("/byok/environment:one").await,
    ] {
        check_refused(&refused, 403, "comes from the environment");
    }
}

/// Otherwise whoever may store credentials reads what only this machine should: passed-through calls
/// tell all that is answered there.
#[tokio::test]
async fn addresses_of_this_machine_are_for_its_operator() {
    let managed = guarded().await;
    let credential = |url: &str| json!({"provider": "one", "key": GOOD, "base_url": url});
    let made = managed.post("/byok", &json!({"provider": "one", "key": GOOD})).await.json();
    let path = format!("/byok/{}", made["data"]["id"].as_str().unwrap());
    for url in [
        "http://127.0.0.1:9090",
        "http://127.8.9.10/v1",
        "http://127.1/v1",
        "http://2130706433/",
        "http://0.0.0.0:1/",
        "http://localhost:1/v1",
        "https://LOCALHOST./v1",
        "http://a.localhost/",
        "http://[::1]:9090/",
        "http://[::]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[64:ff9b::169.254.169.254]/",
        "http://[fe80::1]/",
        "http://169.254.169.254/latest",
        "http://[fd00:ec2::254]/",
        "http://100.100.100.200/",
        "http://metadata.google.internal/",
    ] {
        let body = credential(url);
        check_refused(&managed.post("/byok", &body).await, 400, "base_url: ");
        let changed = json!({"key": GOOD, "base_url": url});
        check_refused(&managed.patch(&path, &changed).await, 400, "allow_local_providers");
        let tested = managed.internal(Method::POST, "/byok/test", &body).await;
        check_refused(&tested, 400, "base_url: ");
    }
    for url in ["http://192.168.1.5:8000/v1", "http://10.0.0.1/", "https://[fd12::1]/v1"] {
        let made = managed.post("/byok", &credential(url)).await;
        assert_eq!(made.status, 201, "{}", made.json());
    }
    // The provider's own address is the operator's word.
    let snapshot = managed.gateway.app.snapshot();
    let id = snapshot.catalog.find_provider("one").unwrap();
    let own = snapshot.catalog.provider(id).base_url.clone();
    assert_eq!(managed.post("/byok", &credential(&own)).await.status, 201, "{own}");
    // So is what was given at the machine: another key there is no other address.
    let new = store::NewProviderCredential {
        provider: "one".into(),
        name: String::new(),
        secret: store::Secret::new(GOOD),
        workspace_id: None,
        base_url: Some("http://127.0.0.1:1/v1".into()),
        is_fallback: false,
        sort_order: 9,
        allowed_models: None,
        allowed_key_hashes: None,
        allowed_member_ids: None,
        disabled: false,
    };
    let store = &managed.gateway.app.store;
    let local = store.create_credential(new, &store::Actor::command_line(), 1).await.unwrap();
    let again = json!({"key": GOOD, "base_url": "http://127.0.0.1:1/v1"});
    assert_eq!(managed.patch(&format!("/byok/{}", local.id), &again).await.status, 200);
}
