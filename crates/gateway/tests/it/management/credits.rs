//! Credit. CREDIT-3, CREDIT-10

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::Full;
use serde_json::json;

use super::{Managed, check_refused};

/// CREDIT-3
#[tokio::test]
async fn credit_is_granted_corrected_and_paid_back() {
    let managed = Managed::start().await;
    let credits = async || managed.get("/credits").await.json()["data"].clone();
    assert_eq!(credits().await, json!({"total_credits": 0, "total_usage": 0}));
    for (body, amount) in [
        (json!({"amount": 100.5, "reason": " first "}), 100.5),
        (json!({"kind": "adjustment", "amount": -0.25, "reason": "counted twice"}), -0.25),
        (json!({"kind": "refund", "amount": 50, "reason": "not needed"}), -50.0),
    ] {
        let answer = managed.post("/credits/grants", &body).await;
        let entry = answer.json()["data"].clone();
        assert_eq!(answer.status, 201, "{entry}");
        assert_eq!(entry["amount"].as_f64(), Some(amount));
        assert_eq!(entry["kind"], body.get("kind").cloned().unwrap_or(json!("grant")));
        let hash = store::api_key_hash(&managed.key);
        assert_eq!(entry["actor"], format!("api_key:{hash}"));
    }
    let key = managed.gateway.key.clone();
    let cost = managed.chat(&key).await.json()["usage"]["cost"].clone();
    managed.gateway.app.settlements.flush().await.unwrap();
    assert_eq!(credits().await, json!({"total_credits": 50.25, "total_usage": cost}));

    let mut seen = Vec::new();
    let mut query = "?limit=2".to_owned();
    loop {
        let page = managed.get(&format!("/credits/ledger{query}")).await.json();
        seen.extend(page["data"].as_array().unwrap().iter().map(|one| one["reason"].clone()));
        match page["next_cursor"].as_str() {
            Some(cursor) => query = format!("?limit=2&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!(seen, [json!("not needed"), json!("counted twice"), json!("first")]);
}

#[tokio::test]
async fn bad_grants_are_refused_by_the_name_of_the_member() {
    let managed = Managed::start().await;
    for (body, named) in [
        (json!({"reason": "r"}), "amount"),
        (json!({"amount": 1}), "reason"),
        (json!({"amount": 1, "reason": " "}), "reason"),
        (json!({"amount": 1, "reason": "r".repeat(501)}), "reason"),
        (json!({"amount": 0, "reason": "r"}), "amount"),
        (json!({"amount": -1, "reason": "r"}), "amount"),
        (json!({"amount": -1, "reason": "r", "kind": "refund"}), "amount"),
        (json!({"amount": 0, "reason": "r", "kind": "adjustment"}), "amount"),
        (json!({"amount": 10_000_001, "reason": "r"}), "amount"),
        (json!({"amount": 1e300, "reason": "r"}), "amount"),
        (json!({"amount": "1", "reason": "r"}), "amount"),
        (json!({"amount": 1, "reason": "r", "kind": "gift"}), "kind"),
        (json!({"amount": 1, "reason": "r", "account": "x"}), "account"),
    ] {
        check_refused(&managed.post("/credits/grants", &body).await, 400, named);
    }
    for (query, named) in [
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=x", "limit"),
        ("cursor=x", "cursor"),
    ] {
        check_refused(&managed.get(&format!("/credits/ledger?{query}")).await, 400, named);
    }
    assert_eq!(managed.get("/credits/ledger").await.json()["data"], json!([]));
}

/// No sum may overflow, or no change could ever be put in force again.
#[tokio::test]
async fn an_account_cannot_be_credited_beyond_what_can_be_counted() {
    let managed = Managed::start().await;
    let body = json!({"amount": 10_000_000, "reason": "r"});
    for _ in 0..500 {
        let answer = managed.post("/credits/grants", &body).await;
        assert_eq!(answer.status, 201);
    }
    check_refused(&managed.post("/credits/grants", &body).await, 400, "amount");
    assert_eq!(managed.get("/credits").await.json()["data"]["total_credits"], 5_000_000_000_u64);
}

/// CREDIT-10: for everybody, with a key or without.
#[tokio::test]
async fn payments_by_coinbase_are_gone() {
    let managed = Managed::start().await;
    let request = Request::builder()
        .method(Method::POST)
        .uri("/api/v1/credits/coinbase")
        .header("host", "gateway")
        .body(Full::new(Bytes::from_static(b"{}")))
        .unwrap();
    check_refused(&managed.gateway.send(request).await, 410, "Coinbase");
    check_refused(&managed.post("/credits/coinbase", &json!({})).await, 410, "Coinbase");
}
