//! Keys for applications. OAUTH

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{Method, Request};
use http_body_util::Full;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use store::{AUTHORIZATION_CODE_LIFE, Actor, NewApiKey};

use super::{Managed, check_refused};
use crate::support::Answer;

const CALLBACK: &str = "https://app.example/back?x=1";

/// What an application sends: it has no key.
async fn exchange(managed: &Managed, body: &Value) -> Answer {
    let request = Request::builder()
        .method(Method::POST)
        .uri("/api/v1/auth/keys")
        .header("host", "gateway")
        .body(Full::new(Bytes::from(body.to_string())))
        .unwrap();
    managed.gateway.send(request).await
}

async fn code(managed: &Managed, body: &Value) -> String {
    let answer = managed.post("/auth/keys/code", body).await;
    let made = answer.json();
    assert_eq!(answer.status, 200, "{made}");
    assert!(made["data"]["app_id"].is_u64(), "{made}");
    made["data"]["id"].as_str().unwrap().to_owned()
}

/// OAUTH-3 to OAUTH-5
#[tokio::test]
async fn a_code_is_exchanged_once_for_a_key_as_it_was_asked_for() {
    let managed = Managed::start().await;
    let verifier = "v".repeat(43);
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(&verifier));
    for (challenge, method) in [(challenge.as_str(), "S256"), (verifier.as_str(), "plain")] {
        let code = code(&managed, &json!({
            "callback_url": CALLBACK, "code_challenge": challenge, "code_challenge_method": method,
            "key_label": "My app", "limit": 5, "usage_limit_type": "weekly",
            "expires_at": "2999-01-01T00:00:00Z",
        }))
        .await;
        for body in [
            json!({"code": code}),
            json!({"code": code, "code_verifier": "wrong"}),
            json!({"code": "unknown", "code_verifier": verifier}),
            json!({"code": code, "code_verifier": verifier,
                "code_challenge_method": if method == "plain" { "S256" } else { "plain" }}),
        ] {
            check_refused(&exchange(&managed, &body).await, 403, "Invalid code or code_verifier");
        }
        let good =
            json!({"code": code, "code_verifier": verifier, "code_challenge_method": method});
        let answer = exchange(&managed, &good).await;
        let made = answer.json();
        assert_eq!(answer.status, 200, "{made}");
        assert_eq!(answer.headers["cache-control"], "no-store");
        assert_eq!(made["user_id"], json!(null));
        let key = made["key"].as_str().unwrap();
        assert_eq!(managed.chat(key).await.status, 200, "it works at once");
        let shown = managed.get(&format!("/keys/{}", store::api_key_hash(key))).await.json();
        assert_eq!(
            (&shown["data"]["name"], &shown["data"]["limit"]),
            (&json!("My app"), &json!(5))
        );
        assert_eq!(shown["data"]["limit_reset"], "weekly");
        check_refused(&exchange(&managed, &good).await, 403, "Invalid code or code_verifier");
    }
    let code = code(&managed, &json!({"callback_url": CALLBACK})).await;
    let made =
        exchange(&managed, &json!({"code": code, "code_challenge_method": null})).await.json();
    let hash = store::api_key_hash(made["key"].as_str().unwrap());
    let shown = managed.get(&format!("/keys/{hash}")).await.json();
    assert_eq!(shown["data"]["name"], "app.example", "an application goes by its host");
}

/// OAUTH-3, OAUTH-4
#[tokio::test]
async fn a_code_can_be_exchanged_for_ten_minutes() {
    let managed = Managed::start().await;
    let now = gateway::clock::now_micros();
    let key = NewApiKey { name: "app".into(), ..NewApiKey::default() };
    let store = &managed.gateway.app.store;
    let make = async |at| {
        let code = store.create_authorization_code(&key, None, &Actor::system(), at).await.unwrap();
        json!({"code": code.expose()})
    };
    let in_time = make(now - AUTHORIZATION_CODE_LIFE + 5_000_000).await;
    assert_eq!(exchange(&managed, &in_time).await.status, 200);
    let late = make(now - AUTHORIZATION_CODE_LIFE - 1).await;
    check_refused(&exchange(&managed, &late).await, 403, "Authorization code expired");
}

/// OAUTH-1, OAUTH-4, OAUTH-5
#[tokio::test]
async fn bad_requests_are_refused_by_the_name_of_the_member() {
    let managed = Managed::start().await;
    check_refused(&exchange(&managed, &json!({})).await, 400, "code");
    let body = json!({"code": "x", "code_challenge_method": "MD5"});
    check_refused(&exchange(&managed, &body).await, 400, "Invalid code_challenge_method");
    let wrong = managed.get("/auth/keys").await;
    assert_eq!(wrong.status, 405);
    for (member, value) in [
        ("callback_url", json!("http://app.example/")),
        ("callback_url", json!("nowhere")),
        ("code_challenge_method", json!("MD5")),
        ("code_challenge", json!("")),
        ("code_challenge", json!("c".repeat(129))),
        ("key_label", json!("k".repeat(101))),
        ("key_label", json!(" ")),
        ("limit", json!(-1)),
        ("limit", json!(1e300)),
        ("usage_limit_type", json!("yearly")),
        ("expires_at", json!("2999-01-01T00:00:00+01:00")),
        ("expires_at", json!("2000-01-01T00:00:00Z")),
        ("workspace_id", json!("none")),
    ] {
        let mut body = json!({"callback_url": CALLBACK, "code_challenge": "c"});
        body[member] = value;
        check_refused(&managed.post("/auth/keys/code", &body).await, 400, member);
        check_refused(&managed.post("/auth/consent/approve", &body).await, 400, member);
    }
    check_refused(&managed.post("/auth/keys/code", &json!({})).await, 400, "callback_url");
}

/// OAUTH-1 to OAUTH-3
#[tokio::test]
async fn the_consent_page_shows_approves_and_denies() {
    let managed = Managed::start().await;
    let query = "callback_url=https%3A%2F%2Fapp.example%2Fback%3Fx%3D1&code_challenge=abc\
                 &code_challenge_method=plain&key_label=My+app&limit=2.5";
    let shown = managed.get(&format!("/auth/consent?{query}")).await.json()["data"].clone();
    for (member, value) in [
        ("application", json!("app.example")),
        ("callback_url", json!(CALLBACK)),
        ("code_challenge_method", json!("plain")),
        ("key_label", json!("My app")),
        ("limit", json!(2.5)),
    ] {
        assert_eq!(shown[member], value, "{member}");
    }
    let asked = json!({"callback_url": CALLBACK, "code_challenge": "abc", "code_challenge_method": "plain"});
    let denied = managed.post("/auth/consent/deny", &asked).await.json()["data"].clone();
    assert_eq!(denied["redirect_url"], "https://app.example/back?x=1&error=access_denied");
    assert_eq!(denied["code"], json!(null));
    let approved = managed.post("/auth/consent/approve", &asked).await.json()["data"].clone();
    let code = approved["code"].as_str().unwrap();
    assert_eq!(approved["redirect_url"], format!("https://app.example/back?x=1&code={code}"));
    let body = json!({"code": code, "code_verifier": "abc"});
    assert_eq!(exchange(&managed, &body).await.status, 200);

    // OAUTH-2: without an address the challenge is required and the person copies the code.
    let headless = json!({"code_challenge": "abc", "code_challenge_method": "plain"});
    let approved = managed.post("/auth/consent/approve", &headless).await.json()["data"].clone();
    assert_eq!(approved["redirect_url"], json!(null));
    assert!(approved["code"].is_string() && approved["expires_at"].is_string());
    check_refused(&managed.get("/auth/consent").await, 400, "code_challenge");
    check_refused(&managed.get("/auth/consent?surprise=1").await, 400, "surprise");
}

#[tokio::test]
async fn of_two_exchanges_at_once_one_gets_a_key() {
    let managed = Managed::start().await;
    let body = json!({"code": code(&managed, &json!({"callback_url": CALLBACK})).await});
    let (one, two) = tokio::join!(exchange(&managed, &body), exchange(&managed, &body));
    let mut statuses = [one.status.as_u16(), two.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 403]);
}
