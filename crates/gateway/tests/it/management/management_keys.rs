//! Management keys over HTTP.

use http::Method;
use serde_json::{Value, json};

use super::{Managed, check_refused};

#[tokio::test]
async fn management_keys_are_made_listed_and_revoked() {
    let managed = Managed::start().await;
    let route = "/management-keys";
    let wanted = json!({"name": "console", "expires_at": "2999-01-01T00:00:00Z"});
    let answer = managed.internal(Method::POST, route, &wanted).await;
    assert_eq!(
        (answer.status.as_u16(), &answer.headers["cache-control"]),
        (201, &"no-store".parse().unwrap())
    );
    let made = answer.json();
    let key = made["key"].as_str().unwrap();
    let hash = made["data"]["hash"].as_str().unwrap();
    assert_eq!(hash, store::api_key_hash(key));
    assert_eq!(made["data"]["last_used_at"], json!(null));
    assert_eq!(made["data"]["expires_at"], "2999-01-01T00:00:00.000Z");

    let own = managed
        .call_with(key, Method::GET, "/api/internal/management-keys", bytes::Bytes::new())
        .await;
    assert_eq!(own.status, 200, "it manages at once");
    assert_eq!(managed.chat(key).await.status, 403, "and asks no model. AUTH-7");
    let keys = managed.get("/keys").await.json();
    assert!(!keys.to_string().contains(hash), "it is no API key");
    // Noted without anybody waiting for it.
    let noted = async {
        while managed.gateway.app.store.key_uses().await.unwrap().len() < 2 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), noted).await.unwrap();
    let listed = managed.show(route).await;
    let listed = listed["data"].as_array().unwrap();
    assert_eq!(listed.len(), 2);
    let one = listed.iter().find(|one| one["hash"] == hash).unwrap();
    assert!(one["last_used_at"].is_string() && one["creator"].is_null(), "{one}");

    let path = format!("{route}/{hash}");
    let mine = store::api_key_hash(&managed.key);
    let itself = managed.internal(Method::DELETE, &format!("{route}/{mine}"), &Value::Null).await;
    check_refused(&itself, 409, "does not revoke itself");
    assert_eq!(managed.internal(Method::DELETE, &path, &Value::Null).await.status, 200);
    check_refused(&managed.internal(Method::DELETE, &path, &Value::Null).await, 404, "not found");
    let gone = managed.call_with(key, Method::GET, "/api/v1/keys", bytes::Bytes::new()).await;
    assert_eq!(gone.status, 401);
    let inference = store::api_key_hash(&managed.gateway.key);
    let path = format!("{route}/{inference}");
    check_refused(&managed.internal(Method::DELETE, &path, &Value::Null).await, 404, "not found");
    for (body, named) in [
        (json!({}), "name"),
        (json!({"name": " "}), "name"),
        (json!({"name": "x", "expires_at": "2020-01-01T00:00:00Z"}), "expires_at"),
        (json!({"name": "x", "limit": 1}), "limit"),
    ] {
        check_refused(&managed.internal(Method::POST, route, &body).await, 400, named);
    }
}
