//! Whose credential is used, and whether it may be.

use std::sync::Arc;

use bytes::Bytes;
use gateway::{PassthroughPermission, Settings};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use serde_json::json as value;
use store::{Actor, NewApiKey, NewProviderCredential, Secret, Store};

use super::world::*;
use crate::support::{Answer, Gateway, MODEL};

/// A provider that tells which credential it got.
async fn telling() -> String {
    provider(|request: Request<Incoming>| async move {
        let credential = request.headers().get("authorization").map(|it| it.to_str().unwrap());
        json(value!({ "credential": credential }).to_string())
    })
    .await
}

fn permitted(permission: PassthroughPermission) -> Settings {
    let mut settings = passing();
    settings.passthrough.permission = permission;
    settings
}

async fn gateway_with(permission: PassthroughPermission, own: bool, shared: bool) -> Gateway {
    let store = Store::open_temporary().await.unwrap();
    if shared {
        credential(&store, "shared", None).await;
    }
    if own {
        let workspace = workspace(&store).await;
        credential(&store, "own", Some(workspace)).await;
    }
    let catalog = guarded(&telling().await);
    Gateway::with_store(catalog, permitted(permission), store, NewApiKey::default()).await
}

fn message(answer: &Answer) -> String {
    answer.json()["error"]["message"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_operator_says_whose_credentials_pass() {
    use PassthroughPermission::{All, Off, OwnCredentials};
    for (permission, own, shared, used) in [
        (Off, true, true, Err((403, "`passthrough`"))),
        (OwnCredentials, false, true, Err((403, "trunkline credential add one"))),
        (OwnCredentials, true, true, Ok("Bearer own")),
        (All, true, true, Ok("Bearer own")),
        (All, false, true, Ok("Bearer shared")),
        (All, false, false, Err((404, "Nobody has a credential"))),
    ] {
        let gateway = gateway_with(permission, own, shared).await;
        let answer = gateway.get("/one/v1/files").await;
        match used {
            Ok(credential) => {
                assert_eq!(answer.json()["credential"], credential);
                let row = gateway.generation(&answer).await.unwrap();
                assert_eq!(row.is_byok, credential == "Bearer own");
            }
            Err((status, words)) => {
                assert_eq!(answer.status, status, "{permission:?}");
                assert!(message(&answer).contains(words), "{}", message(&answer));
            }
        }
    }
}

/// BYOK-6: what is for some models only serves calls that name one of them beyond doubt.
#[tokio::test]
async fn restrictions_of_a_credential_hold() {
    let store = Store::open_temporary().await.unwrap();
    let new = NewProviderCredential {
        provider: "one".into(),
        secret: Secret::new("restricted"),
        workspace_id: Some(workspace(&store).await),
        allowed_models: Some(vec![MODEL.into()]),
        ..NewProviderCredential::default()
    };
    store.create_credential(new, &Actor::system(), 1).await.unwrap();
    let catalog = guarded(&telling().await);
    let settings = permitted(PassthroughPermission::All);
    let gateway = Gateway::with_store(catalog, settings, store, NewApiKey::default()).await;
    for body in [value!({"model": "m"}), value!({"model": MODEL})] {
        let answer = gateway.post("/one/v1/chat/completions", &body).await;
        assert_eq!(answer.json()["credential"], "Bearer restricted");
    }
    let files = gateway.get("/one/v1/files").await;
    assert_eq!(files.status, StatusCode::FORBIDDEN);
    assert!(message(&files).contains("certain keys or models"));
    for body in [
        r#"{"model":"other"}"#,
        r#"{"model":"m","model":"other"}"#,
        r#"{"requests":[{"model":"m"}]}"#,
        "no json",
    ] {
        let answer = gateway.post_bytes("/one/v1/chat/completions", body.into()).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{body}");
    }
    let elsewhere = gateway.post("/one/v1/models/other:x", &value!({"model": "m"})).await;
    assert_eq!(elsewhere.status, StatusCode::FORBIDDEN, "two names are no name");
    // Where no model is asked, none is named, whatever the body says.
    for (method, path) in [
        ("GET", "/one/v1/files"),
        ("DELETE", "/one/v1/files/x"),
        ("POST", "/one/v1/files"),
        ("POST", "/one/v1/batches"),
        ("POST", "/one/v1/models/m:foo"),
    ] {
        let body = Full::from(r#"{"model":"m"}"#);
        let mut asked = request(&gateway, method, path, body);
        asked.headers_mut().insert("content-type", "application/json".parse().unwrap());
        let answer = gateway.send(asked).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{method} {path}");
    }
    // A body too long to be looked into names nothing.
    let long = format!(r#"{{"model":"m","input":"{}"}}"#, "x".repeat(1024 * 1024));
    let answer = gateway.post_bytes("/one/v1/chat/completions", long.into()).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
}

/// Which account of a shared credential is charged is the operator's to say.
#[tokio::test]
async fn the_account_is_chosen_only_with_a_credential_of_ones_own() {
    for (own, told) in [(true, Some("org-1")), (false, None)] {
        let base_url = provider(|request: Request<Incoming>| async move {
            let account = request.headers().get("openai-organization");
            json(value!({ "account": account.map(|it| it.to_str().unwrap()) }).to_string())
        })
        .await;
        let store = Store::open_temporary().await.unwrap();
        let workspace = if own { Some(workspace(&store).await) } else { None };
        credential(&store, "secret", workspace).await;
        let settings = permitted(PassthroughPermission::All);
        let gateway =
            Gateway::with_store(guarded(&base_url), settings, store, NewApiKey::default()).await;
        let mut asked = request(&gateway, "GET", "/one/v1/files", Default::default());
        asked.headers_mut().insert("openai-organization", "org-1".parse().unwrap());
        let answer = gateway.send(asked).await;
        assert_eq!(answer.json()["account"].as_str(), told);
    }
}

/// What a provider repeats of the operator's key is nobody's to read.
#[tokio::test]
async fn a_key_that_is_repeated_in_an_error_is_not_told() {
    const KEY: &str = "sk-operator-0123456789";
    let base_url = provider(|request: Request<Incoming>| async move {
        let key = request.headers()["authorization"].to_str().unwrap().to_owned();
        let error = value!({"error": {"message": format!("bad: {key}"), "code": key}});
        let mut answer = json(error.to_string());
        *answer.status_mut() = StatusCode::BAD_REQUEST;
        answer.headers_mut().insert("x-echo", key.parse().unwrap());
        answer
    })
    .await;
    let store = Store::open_temporary().await.unwrap();
    credential(&store, KEY, None).await;
    let settings = permitted(PassthroughPermission::All);
    let gateway =
        Gateway::with_store(guarded(&base_url), settings, store, NewApiKey::default()).await;
    let untold = |answer: &Answer, status: u16| {
        let body = String::from_utf8_lossy(&answer.body);
        assert_eq!(answer.status, status, "{body}");
        assert!(body.contains("bad: Bearer ******"), "{body}");
        assert!(!body.contains("0123456789"), "{body}");
        assert!(!answer.headers.contains_key("x-echo"));
    };
    let chat =
        value!({"model": MODEL, "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]});
    untold(&gateway.post("/v1/chat/completions", &chat).await, 400);
    untold(&gateway.post("/v1/messages", &chat).await, 400);
    let responses = value!({"model": MODEL, "input": "hi"});
    untold(&gateway.post("/v1/responses", &responses).await, 400);
    untold(&gateway.post("/one/v1/files", &value!({})).await, 400);
    untold(&gateway.get("/one/v1/files").await, 400);
}

/// The same where an answer had begun.
#[tokio::test]
async fn a_key_that_is_repeated_within_a_stream_is_not_told() {
    const KEY: &str = "sk-operator-0123456789";
    let begun = Signal::default();
    let told = Arc::clone(&begun);
    let base_url = provider(move |request: Request<Incoming>| {
        let begun = Arc::clone(&told);
        async move {
            let key = request.headers()["authorization"].to_str().unwrap().to_owned();
            request.into_body().collect().await.unwrap();
            let (sender, body) = pieces();
            tokio::spawn(async move {
                sender.send(crate::raw::text_chunk("word").into()).ok();
                begun.notified().await;
                let error = value!({"error": {"message": format!("bad: {key}"), "code": 500}});
                sender.send(format!("data: {error}\n\n").into()).ok();
            });
            Response::builder().header("content-type", "text/event-stream").body(body).unwrap()
        }
    })
    .await;
    let store = Store::open_temporary().await.unwrap();
    credential(&store, KEY, None).await;
    let gateway =
        Gateway::with_store(guarded(&base_url), passing(), store, NewApiKey::default()).await;
    let chat =
        value!({"model": MODEL, "stream": true, "messages": [{"role": "user", "content": "hi"}]});
    let chat = Full::<Bytes>::from(chat.to_string());
    let mut asked = request(&gateway, "POST", "/v1/chat/completions", chat);
    asked.headers_mut().insert("content-type", "application/json".parse().unwrap());
    let mut response = connection(&gateway).await.send_request(asked).await.unwrap();
    let mut body =
        response.body_mut().frame().await.unwrap().unwrap().into_data().unwrap().to_vec();
    begun.notify_one();
    body.extend(response.into_body().collect().await.unwrap().to_bytes());
    let body = String::from_utf8(body).unwrap();
    assert!(body.contains("word") && body.contains("bad: Bearer ******"), "{body}");
    assert!(!body.contains("0123456789"), "{body}");
}
