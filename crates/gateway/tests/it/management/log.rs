//! The list of generations, their histogram, and those that come meanwhile.

use std::collections::HashMap;

use http::Method;
use serde_json::{Value, json};
use store::Generation;

use super::{Managed, check_refused};
use crate::events::{Events, STREAM};
use crate::support::MODEL;

async fn settle(managed: &Managed, row: Generation) {
    managed.gateway.app.settlements.reserve_slot().unwrap().settle(row).await.unwrap();
}

/// The identities of an export, and its cells by the names of their columns; they hold no commas.
async fn exported(managed: &Managed, query: &str) -> (Vec<String>, Vec<HashMap<String, String>>) {
    let answer =
        managed.internal(Method::GET, &format!("/generations/export?{query}"), &Value::Null).await;
    let text = String::from_utf8(answer.body.to_vec()).unwrap();
    let mut lines = text.split_terminator("\r\n").map(|line| line.split(',').map(str::to_owned));
    let head: Vec<String> = lines.next().unwrap().collect();
    let rows: Vec<HashMap<_, _>> =
        lines.map(|line| head.iter().cloned().zip(line).collect()).collect();
    (rows.iter().map(|row| row["id"].clone()).collect(), rows)
}

#[tokio::test]
async fn generations_are_listed_page_by_page_and_narrowed() {
    let managed = Managed::start().await;
    let (hash, other) = managed.make_key(&json!({"name": "other"})).await;
    for _ in 0..3 {
        managed.chat(&managed.gateway.key.clone()).await;
    }
    let answered = managed.chat(&other).await;
    managed.simulator.push(testkit::Script::status(400));
    assert_eq!(managed.chat(&other).await.status, 400);
    managed.gateway.app.settlements.flush().await.unwrap();

    let mut seen = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = managed.show(&format!("/generations?limit=2&cursor={cursor}")).await;
        let rows = page["data"].as_array().unwrap().clone();
        assert!(rows.len() <= 2);
        seen.extend(rows);
        match page["next_cursor"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => break,
        }
    }
    let ids: Vec<_> = seen.iter().map(|row| row["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), 5);
    assert!(ids.is_sorted_by(|one, next| one > next), "newest first, each once");
    let failed = &seen[0];
    assert_eq!((&failed["status"], &failed["status_code"]), (&json!("failed"), &json!(400)));
    assert_eq!(failed["error_type"], "invalid_request");
    let row = &seen[1];
    let generation = managed.gateway.generation(&answered).await.unwrap();
    assert_eq!(row["id"], &*generation.id);
    assert_eq!(row["model"], MODEL);
    assert_eq!(row["api_key"], json!({"hash": hash, "name": "other"}));
    assert_eq!((&row["status"], &row["provider_name"]), (&json!("ok"), &json!("Provider one")));
    assert_eq!(row["route"][0]["provider"], "Provider one");
    assert_eq!(row["route"][0]["status"], 200);
    assert!(row["cost"].as_f64().unwrap() > 0.0);
    assert!(!row.to_string().contains("messages"));

    let count = async |query: &str| {
        let listed = managed.show(&format!("/generations?{query}")).await;
        let listed: Vec<_> = listed["data"].as_array().unwrap().to_vec();
        let listed: Vec<_> = listed.iter().map(|row| row["id"].as_str().unwrap()).collect();
        // What a filter shows is what it downloads.
        assert_eq!(exported(&managed, query).await.0, listed, "{query}");
        listed.len()
    };
    for (query, expected) in [
        ("status=ok", 4),
        ("status=failed", 1),
        ("status=cancelled", 0),
        ("model=test/model", 5),
        ("model=test/none", 0),
        ("provider=one&status=ok", 4),
        ("error_type=invalid_request", 1),
        ("text=invalid", 1),
        ("min_cost=1", 0),
        ("to=2020-01-01T00:00:00Z", 0),
        ("from=2020-01-01T00:00:00Z&limit=100", 5),
        ("finish_reason=stop", 4),
        ("app=nobody", 0),
    ] {
        assert_eq!(count(query).await, expected, "{query}");
    }
    assert_eq!(count(&format!("key={hash}")).await, 2);
    assert!(count(&format!("text={}", &ids[2][..20])).await > 0);
    for (query, named) in [
        ("limit=101", "limit"),
        ("cursor=x", "cursor"),
        ("status=great", "status"),
        ("from=now", "from"),
    ] {
        let path = format!("/generations?{query}");
        check_refused(&managed.internal(Method::GET, &path, &Value::Null).await, 400, named);
    }

    let (_, cells) = exported(&managed, &format!("text={}", &ids[1])).await;
    let cell = |name: &str| cells[0][name].as_str();
    assert_eq!((cell("api_key_name"), cell("outcome")), ("other", "ok"));
    assert_eq!((cell("model"), cell("route")), (MODEL, "Provider one 200"));
    assert_eq!(cell("total_cost_usd"), row["cost"].to_string(), "to the last digit");
    assert_eq!(
        cell("first_token_ms"),
        row["first_token_ms"].as_i64().map_or_else(String::new, |ms| ms.to_string())
    );

    managed.delete(&format!("/keys/{hash}")).await;
    let rows = managed.show(&format!("/generations?key={hash}")).await;
    assert_eq!(rows["data"][0]["api_key"]["name"], "other", "also once it is deleted");
}

#[tokio::test]
async fn generations_are_counted_by_time() {
    let managed = Managed::start().await;
    let key = managed.gateway.key.clone();
    let answer = managed.chat(&key).await;
    let row = managed.gateway.generation(&answer).await.unwrap();
    let hour = 3_600_000_000;
    for n in 1..4_i64 {
        let status = if n == 2 { 502 } else { 200 };
        let id = format!("gen-{}-{n:020}", row.created_at / 1_000_000).into();
        settle(
            &managed,
            Generation { id, created_at: row.created_at - n * hour, status, ..row.clone() },
        )
        .await;
    }
    for query in ["", "model=test/model", "status=failed", "user=nobody"] {
        let told = managed.show(&format!("/generations/histogram?{query}")).await;
        let step = told["step_seconds"].as_i64().unwrap();
        let data = told["data"].as_array().unwrap();
        assert!((60..=120).contains(&data.len()), "{query}: {}", data.len());
        assert_eq!(step, 900);
        let sum = |name: &str| data.iter().map(|one| one[name].as_i64().unwrap()).sum::<i64>();
        let expected = match query {
            "status=failed" => (0, 1),
            "user=nobody" => (0, 0),
            _ => (3, 1),
        };
        assert_eq!((sum("ok"), sum("failed")), expected, "{query}");
    }
}

/// The hash and the text of another management key.
async fn make_management_key(managed: &Managed) -> (String, String) {
    let body = json!({"name": "console"});
    let made = managed.internal(Method::POST, "/management-keys", &body).await.json();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (text(&made["data"]["hash"]), text(&made["key"]))
}

async fn watch(managed: &Managed, path: &str, key: &str) -> Events {
    let key = format!("Bearer {key}");
    Events::open(managed.gateway.address, path, &[("authorization", &key)]).await
}

#[tokio::test]
async fn generations_are_told_of_as_they_are_settled() {
    let managed = Managed::start().await;
    let key = managed.gateway.key.clone();
    managed.chat(&key).await;
    let (hash, other) = managed.make_key(&json!({"name": "other"})).await;
    let mut events = watch(&managed, &format!("{STREAM}?key={hash}"), &managed.key).await;
    assert!(events.until(": listening").await);
    managed.chat(&key).await;
    let answered = managed.chat(&other).await;
    let id = answered.headers["x-generation-id"].to_str().unwrap();
    assert!(events.until("\n\nevent: generation").await);
    assert!(events.until(&format!("\"id\":\"{id}\"")).await);
    assert_eq!(events.text.matches("event: generation").count(), 1, "{}", events.text);
    assert!(events.text.contains("\"name\":\"other\""));

    // It ends with the key that it was asked with.
    let (gone, console) = make_management_key(&managed).await;
    let mut of_key = watch(&managed, STREAM, &console).await;
    assert!(of_key.until(": listening").await);
    managed.internal(Method::DELETE, &format!("/management-keys/{gone}"), &Value::Null).await;
    managed.chat(&key).await;
    assert!(!of_key.until("event: generation").await, "{}", of_key.text);
    of_key.close();

    // And it does not keep the gateway from stopping.
    let mut others = watch(&managed, STREAM, &managed.key).await;
    assert!(others.until(": listening").await);
    let Managed { gateway, .. } = managed;
    assert!(gateway.stop().await, "no request was in the way");
    assert!(!others.until("nothing like it").await);
    events.close();
    others.close();
}

/// A key that got another secret watches with that one, though the first is refused.
#[tokio::test]
async fn a_key_with_another_secret_watches() {
    let mut managed = Managed::start().await;
    let hash = store::api_key_hash(&managed.key);
    let now = gateway::clock::now_micros();
    let app = &managed.gateway.app;
    let made = app.store.rotate_api_key(&hash, 0, &store::Actor::system(), now).await.unwrap();
    app.reload().await.unwrap();
    managed.key = made.plaintext.expose().to_owned();
    let mut events = watch(&managed, STREAM, &managed.key).await;
    assert!(events.until(": listening").await);
    events.close();
}

/// Every answer names its request, and the record of it the same.
#[tokio::test]
async fn every_answer_names_its_request() {
    let managed = Managed::start().await;
    let answer = managed.chat(&managed.gateway.key.clone()).await;
    let id = answer.headers["x-request-id"].to_str().unwrap().to_owned();
    let row = managed.gateway.generation(&answer).await.unwrap();
    assert_eq!(id, &*row.request_id);
    for answer in [
        managed.get("/keys").await,
        managed.get("/nowhere").await,
        managed.chat("sk-or-v1-0").await,
        managed.internal(Method::GET, "/nowhere", &Value::Null).await,
    ] {
        let id = answer.headers["x-request-id"].to_str().unwrap();
        assert!(id.starts_with("req-"), "{id}");
        assert!(!answer.headers.contains_key("request-id"));
    }
    // Anthropic's clients look for it under another name, also where nobody was asked.
    let body = json!({"model": "x", "messages": []});
    for key in [managed.gateway.key.clone(), "sk-or-v1-0".to_owned()] {
        let body = body.to_string().into();
        let answer = managed.call_with(&key, Method::POST, "/api/v1/messages", body).await;
        assert_eq!(answer.headers["request-id"], answer.headers["x-request-id"]);
    }
}
