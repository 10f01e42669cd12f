//! What was used on which day. ACT-1

use serde_json::json;
use store::Generation;

use super::{Managed, check_refused};

const DAY: i64 = 86_400_000_000;

/// Copies of a row of today, on the days before.
async fn on_days_before(managed: &Managed, row: &Generation, days: &[i64]) {
    for (n, days) in days.iter().enumerate() {
        let copy = Generation {
            id: format!("gen-{}-{n:020}", row.created_at / 1_000_000 - days).into(),
            created_at: row.created_at - days * DAY,
            ..row.clone()
        };
        managed.gateway.app.settlements.reserve_slot().unwrap().settle(copy).await.unwrap();
    }
    managed.gateway.app.settlements.flush().await.unwrap();
}

/// ACT-1
#[tokio::test]
async fn the_last_thirty_completed_days_are_told() {
    let managed = Managed::start().await;
    let answer = managed.chat(&managed.gateway.key.clone()).await;
    let row = managed.gateway.generation(&answer).await.unwrap();
    on_days_before(&managed, &row, &[1, 1, 2, 30, 31]).await;
    let listed = managed.get("/activity").await.json()["data"].clone();
    let days = listed.as_array().unwrap();
    assert_eq!(days.len(), 3, "neither today nor the 31st day before: {listed}");
    assert_eq!(days[0]["requests"], 2);
    assert_eq!(days[0]["model"], "test/model");
    assert_eq!(days[0]["model_permaslug"], "test/model-20260101");
    assert_eq!(
        (&days[0]["endpoint_id"], &days[0]["provider_name"]),
        (&json!("one"), &json!("Provider one"))
    );
    assert!(days[0]["usage"].as_f64().unwrap() > 0.0);
    assert_eq!(days[0]["prompt_tokens"], row.native_tokens_prompt * 2);
    assert_eq!(days[0].get("workspace_id"), None);

    let date = days[1]["date"].as_str().unwrap();
    let one = managed.get(&format!("/activity?date={date}")).await.json();
    assert_eq!(one["data"], json!([days[1]]));
    let split = managed.get("/activity?group_by=workspace&workspace_id=default").await.json();
    assert_eq!(split["data"][0]["workspace_id"], &*row.workspace_id);
    let hash = &row.key_hash;
    let of_key = managed.get(&format!("/activity?api_key_hash={hash}")).await.json();
    assert_eq!(of_key["data"].as_array().unwrap().len(), 3);
    for query in [format!("api_key_hash={}", "0".repeat(64)), "user_id=user_nobody".to_owned()] {
        assert_eq!(managed.get(&format!("/activity?{query}")).await.json()["data"], json!([]));
    }

    let table = managed.get("/activity/export?group_by=workspace").await;
    assert_eq!(table.headers["content-type"], "text/csv; charset=utf-8");
    let text = String::from_utf8(table.body.to_vec()).unwrap();
    let lines: Vec<&str> = text.split_terminator("\r\n").collect();
    assert_eq!(lines.len(), 4, "{text}");
    assert!(lines[0].starts_with("date,workspace_id,model,"));
    assert!(lines[1].starts_with(&format!(
        "{},{},test/model,",
        days[0]["date"].as_str().unwrap(),
        row.workspace_id
    )));
}

/// ACT-1
#[tokio::test]
async fn bad_questions_are_refused_by_the_name_of_the_member() {
    let managed = Managed::start().await;
    for (query, named) in [
        ("date=2020-01-01", "date"),
        ("date=2999-01-01", "date"),
        ("date=2026-02-30", "date"),
        ("date=yesterday", "date"),
        ("group_by=model", "group_by"),
        ("workspace_id=none", "workspace_id"),
        ("api_key_hash=x", "api_key_hash"),
        ("user_id=%00", "NUL"),
    ] {
        check_refused(&managed.get(&format!("/activity?{query}")).await, 400, named);
        if named != "NUL" {
            check_refused(&managed.get(&format!("/activity/export?{query}")).await, 400, named);
        }
    }
}

/// A table that breaks off after its 200 says nothing of what is wrong.
#[tokio::test]
async fn an_export_that_cannot_be_read_is_an_error_and_no_table() {
    let managed = Managed::start().await;
    managed.gateway.app.store.close().await.unwrap();
    let answer = managed.get("/activity/export").await;
    assert!(answer.status.is_server_error(), "{}", answer.status);
    assert!(answer.json()["error"]["message"].is_string());
}
