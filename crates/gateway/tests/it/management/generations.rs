//! Records: content, feedback, export. GEN-5, GEN-6

use bytes::Bytes;
use http::Method;
use serde_json::json;
use store::Generation;

use super::{Managed, check_refused};

/// GEN-5
#[tokio::test]
async fn content_is_shown_where_it_is_stored_and_to_whom_it_belongs() {
    let managed = Managed::start().await;
    let key = managed.gateway.key.clone();
    let answer = managed.chat(&key).await;
    let id = managed.gateway.generation(&answer).await.unwrap().id;
    let path = format!("/api/v1/generation/content?id={id}");
    let ask = async |key: &str| managed.call_with(key, Method::GET, &path, Bytes::new()).await;
    check_refused(&ask(&key).await, 404, "No content is stored");
    check_refused(&managed.get("/generation/content?id=gen-1-x").await, 404, "not found");
    check_refused(&managed.get("/generation/content").await, 400, "id");

    let content = json!({
        "input": {"messages": [{"role": "user", "content": "hi"}]},
        "output": {"completion": "hello", "reasoning": null},
        "error": null,
    });
    managed.gateway.app.store.put_generation_content(&id, &content, 1).await.unwrap();
    assert_eq!(ask(&key).await.json(), json!({"data": content}));
    assert_eq!(ask(&managed.key).await.json(), json!({"data": content}));
    let other = managed.make_key(&json!({"name": "other"})).await.1;
    assert_eq!(ask(&other).await.status, 403, "what one key asked is not another's to read");
}

/// GEN-6
#[tokio::test]
async fn feedback_is_kept() {
    let managed = Managed::start().await;
    let answer = managed.chat(&managed.gateway.key.clone()).await;
    let id = managed.gateway.generation(&answer).await.unwrap().id;
    let path = "/generation/feedback";
    let good = json!({"generation_id": &*id, "category": "latency", "comment": "slow"});
    assert_eq!(managed.post(path, &good).await.json(), json!({"data": {"success": true}}));
    let kept = managed.gateway.app.store.generation_feedback(&id).await.unwrap();
    assert_eq!((kept.len(), kept[0].comment.as_str()), (1, "slow"));
    for (body, status, named) in [
        (json!({"category": "latency"}), 400, "generation_id"),
        (json!({"generation_id": "", "category": "latency"}), 400, "generation_id"),
        (json!({"generation_id": "gen-1-x", "category": "latency"}), 404, "not found"),
        (json!({"generation_id": &*id}), 400, "category"),
        (json!({"generation_id": &*id, "category": "colour"}), 400, "category"),
        (
            json!({"generation_id": &*id, "category": "other", "comment": "c".repeat(1001)}),
            400,
            "comment",
        ),
    ] {
        check_refused(&managed.post(path, &body).await, status, named);
    }
}

#[tokio::test]
async fn generations_are_exported_as_a_table() {
    let managed = Managed::start().await;
    let key = managed.gateway.key.clone();
    let before = managed.get("/generations/export").await;
    assert_eq!(before.headers["content-type"], "text/csv; charset=utf-8");
    assert_eq!(before.body.iter().filter(|byte| **byte == b'\n').count(), 1, "the head alone");
    let (_, other) = managed.make_key(&json!({"name": "other"})).await;
    let chatted = managed.chat(&key).await;
    let row = managed.gateway.generation(&chatted).await.unwrap();
    // More than two pages of rows, many of one moment.
    for n in 0..1_200_i64 {
        let copy = Generation {
            id: format!("gen-{}-{n:020}", row.created_at / 1_000_000).into(),
            created_at: row.created_at - n / 7,
            ..row.clone()
        };
        managed.gateway.app.settlements.reserve_slot().unwrap().settle(copy).await.unwrap();
    }
    for _ in 0..3 {
        managed.chat(&other).await;
    }
    managed.gateway.app.settlements.flush().await.unwrap();
    let table = managed.get("/generations/export").await;
    let text = String::from_utf8(table.body.to_vec()).unwrap();
    let lines: Vec<&str> = text.split_terminator("\r\n").collect();
    assert_eq!(lines.len(), 1_205);
    let head: Vec<&str> = lines[0].split(',').collect();
    let cost = head.iter().position(|name| *name == "total_cost_usd").unwrap();
    assert!(lines[1..].iter().all(|line| line.split(',').count() == head.len()));
    assert!(
        lines[1..]
            .iter()
            .all(|line| line.split(',').nth(cost).unwrap().parse::<f64>().unwrap() > 0.0)
    );
    let mut ids: Vec<_> = lines[1..].iter().map(|line| line.split(',').next().unwrap()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 1_204, "each once");

    let hash = store::api_key_hash(&other);
    let some =
        managed.get(&format!("/generations/export?api_key_hash={hash}&workspace_id=default")).await;
    assert_eq!(some.body.iter().filter(|byte| **byte == b'\n').count(), 4);
    let none = managed.get("/generations/export?until=2020-01-01T00:00:00Z").await;
    assert_eq!(none.body.iter().filter(|byte| **byte == b'\n').count(), 1);
    for (query, named) in [
        ("from=yesterday", "from"),
        ("until=2020-01-01T00:00:00%2B01:00", "until"),
        ("from=2999-01-01T00:00:00Z", "from"),
        ("workspace_id=none", "workspace_id"),
        ("model_name=x", "model_name"),
    ] {
        check_refused(&managed.get(&format!("/generations/export?{query}")).await, 400, named);
    }
}
