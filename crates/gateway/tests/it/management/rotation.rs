//! Keys that get another secret.

use http::Method;
use serde_json::{Value, json};

use super::{Managed, check_refused};

#[tokio::test]
async fn a_key_goes_on_under_another_secret_and_the_old_one_ends() {
    let managed = Managed::start().await;
    let (hash, first) = managed.make_key(&json!({"name": "ci", "limit": 5})).await;
    assert_eq!(managed.chat(&first).await.status, 200);
    managed.gateway.app.settlements.flush().await.unwrap();
    let rotate = async |hash: &str, hours: Value| {
        let path = format!("/keys/{hash}/rotate");
        managed.internal(Method::POST, &path, &json!({"grace_hours": hours})).await
    };
    let answer = rotate(&hash, json!(1)).await;
    assert_eq!(answer.headers["cache-control"], "no-store");
    let made = answer.json();
    assert_eq!(answer.status, 201, "{made}");
    let second = made["key"].as_str().unwrap().to_owned();
    assert_ne!(second, first);
    assert_eq!(made["data"]["hash"], hash, "its identity stays");
    assert!(made["data"]["usage"].as_f64().unwrap() > 0.0, "and what it has spent");
    assert_eq!((&made["data"]["name"], &made["data"]["limit"]), (&json!("ci"), &json!(5)));
    let tail = &second[second.len() - 4..];
    assert!(made["data"]["label"].as_str().unwrap().ends_with(tail), "{made}");

    for key in [&first, &second] {
        let answer = managed.chat(key).await;
        assert_eq!(answer.status, 200, "both work for a while");
        let row = managed.gateway.generation(&answer).await.unwrap();
        assert_eq!(&*row.key_hash, hash, "and are one key in the books");
    }
    let shown = managed.get(&format!("/keys/{}", store::api_key_hash(&second))).await.json();
    assert_eq!(shown["data"]["hash"], hash, "found by what its owner can compute. AUTH-3");

    let third = rotate(&hash, json!(0)).await.json()["key"].as_str().unwrap().to_owned();
    for (key, status) in [(&first, 401), (&second, 401), (&third, 200)] {
        assert_eq!(managed.chat(key).await.status, status);
    }
    let listed = managed.get("/keys").await.json();
    assert_eq!(listed["data"].as_array().unwrap().len(), 2, "it is one key");
    for hours in [json!(-1), json!(169), json!("1"), json!(1.5)] {
        check_refused(&rotate(&hash, hours).await, 400, "grace_hours");
    }
    check_refused(&rotate("none", json!(1)).await, 404, "not found");
    managed.delete(&format!("/keys/{hash}")).await;
    assert_eq!(managed.chat(&third).await.status, 401, "deleted with all its secrets");
}

/// The limits of a key hold for all its secrets together.
#[tokio::test]
async fn secrets_of_one_key_share_its_limits() {
    let managed = Managed::start().await;
    let wanted = json!({"name": "ci", "rate_limit": {"requests_per_minute": 2}});
    let (hash, first) = managed.make_key(&wanted).await;
    let path = format!("/keys/{hash}/rotate");
    let second = managed.internal(Method::POST, &path, &json!({})).await.json()["key"].clone();
    let second = second.as_str().unwrap();
    assert_eq!(managed.chat(&first).await.status, 200);
    assert_eq!(managed.chat(second).await.status, 200);
    assert_eq!(managed.chat(&first).await.status, 429);
    assert_eq!(managed.chat(second).await.status, 429);
}
