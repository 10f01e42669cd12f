//! Questions of dashboards. ACT-2 to ACT-4

use serde_json::{Value, json};
use store::MemberRole;

use super::{Managed, check_refused};

/// ACT-2, ACT-3: what is listed is served, each of it.
#[tokio::test]
async fn everything_that_is_listed_can_be_asked() {
    let managed = Managed::start().await;
    managed.chat(&managed.gateway.key.clone()).await;
    managed.gateway.app.settlements.flush().await.unwrap();
    let meta = managed.get("/analytics/meta").await.json()["data"].clone();
    let names = |kind: &str| -> Vec<String> {
        let listed = meta[kind].as_array().unwrap().iter();
        listed.map(|one| one["name"].as_str().unwrap().to_owned()).collect()
    };
    let (metrics, dimensions) = (names("metrics"), names("dimensions"));
    assert!(
        metrics.contains(&"request_count".to_owned()) && dimensions.contains(&"model".to_owned())
    );
    assert_eq!(names("granularities"), ["minute", "hour", "day", "week", "month"]);
    let ask = async |question: Value| {
        let answer = managed.post("/analytics/query", &question).await;
        let told = answer.json();
        assert_eq!(answer.status, 200, "{question}: {told}");
        told["data"].clone()
    };
    for granularity in names("granularities") {
        let told = ask(json!({"metrics": metrics, "granularity": granularity})).await;
        let row = &told["data"][0];
        assert_eq!(row["request_count"], 1, "{granularity}: {told}");
        assert!(row[format!("date__{granularity}")].is_string(), "{told}");
        assert!(row["total_usage"].as_f64().unwrap() > 0.0, "{told}");
        for metric in &metrics {
            assert!(row.get(metric).is_some(), "{metric}");
        }
    }
    for dimension in dimensions {
        let told = ask(json!({"metrics": ["request_count"], "dimensions": [dimension]})).await;
        let value = told["data"][0][&dimension].clone();
        assert!(value.is_string(), "{dimension}: {told}");
        for operator in meta["operators"].as_array().unwrap() {
            let value = match operator["value_type"].as_str().unwrap() {
                "array" => json!([value]),
                _ => value.clone(),
            };
            let filter = json!({"field": dimension, "operator": operator["name"], "value": value});
            let told = ask(json!({"metrics": ["request_count"], "filters": [filter]})).await;
            assert!(told["metadata"]["row_count"].is_u64(), "{told}");
        }
    }
}

/// ACT-3, ACT-4
#[tokio::test]
async fn usage_is_told_apart_ordered_and_cut() {
    let managed = Managed::start().await;
    let member = managed.member("ada@example.org", "Ada", MemberRole::Member).await;
    let (hash, key) = managed.make_key(&json!({"name": "k", "creator_user_id": member.id})).await;
    managed.chat(&managed.gateway.key.clone()).await;
    for _ in 0..2 {
        managed.chat(&key).await;
    }
    managed.gateway.app.settlements.flush().await.unwrap();
    let question = json!({
        "metrics": ["request_count", "total_usage"], "dimensions": ["api_key", "user"],
        "order_by": {"field": "request_count", "direction": "desc"}, "limit": 1,
    });
    let told = managed.post("/analytics/query", &question).await.json()["data"].clone();
    let row = &told["data"][0];
    assert_eq!((&row["api_key"], &row["request_count"]), (&json!(hash), &json!(2)), "{told}");
    assert_eq!((&row["user"], &row["user_email"]), (&json!(member.id), &json!("ada@example.org")));
    assert_eq!(
        (&told["metadata"]["row_count"], &told["metadata"]["truncated"]),
        (&json!(1), &json!(true))
    );
    let question = json!({
        "metrics": ["request_count"],
        "time_range": {"start": "2020-01-01T00:00:00Z", "end": "2020-02-01T00:00:00Z"},
    });
    let told = managed.post("/analytics/query", &question).await;
    assert_eq!(told.status, 200, "{}", told.json());
}

/// ACT-3
#[tokio::test]
async fn bad_questions_are_refused_by_the_name_of_the_member() {
    let managed = Managed::start().await;
    let filter = |field: &str, operator: &str, value: Value| json!({"filters": [{"field": field, "operator": operator, "value": value}]});
    let range = |start: &str, end: &str| json!({"time_range": {"start": start, "end": end}});
    let for_days = |days: u32, mut question: Value| {
        let end = format!("2026-01-{days:02}T00:00:01Z").replace("01-32", "02-01");
        question["time_range"] = json!({"start": "2026-01-01T00:00:00Z", "end": end});
        question
    };
    for (question, named) in [
        (json!({"metrics": []}), "metrics"),
        (json!({"metrics": ["happiness"]}), "metrics"),
        (json!({"metrics": "request_count"}), "metrics"),
        (json!({"dimensions": ["planet"]}), "dimensions"),
        (json!({"dimensions": ["account"]}), "dimensions"),
        (json!({"dimensions": ["model", "provider", "user"]}), "dimensions"),
        (json!({"dimensions": ["model", "model"]}), "dimensions"),
        (filter("planet", "eq", json!("x")), "filters[0].field"),
        (filter("model", "like", json!("x")), "filters[0].operator"),
        (filter("model", "eq", json!(["x"])), "filters[0].value"),
        (filter("model", "in", json!("x")), "filters[0].value"),
        (filter("model", "eq", json!({})), "filters[0].value"),
        (filter("model", "in", json!(vec!["x"; 101])), "filters[0].value"),
        (
            json!({"filters": vec![json!({"field": "model", "operator": "eq", "value": "x"}); 21]}),
            "filters",
        ),
        (json!({"granularity": "second"}), "granularity"),
        (range("yesterday", "2026-01-01T00:00:00Z"), "time_range.start"),
        (range("2026-01-01T00:00:00+01:00", "2026-01-02T00:00:00Z"), "time_range.start"),
        (range("2026-01-02T00:00:00Z", "2026-01-01T00:00:00Z"), "time_range.end"),
        (json!({"order_by": {"field": "luck", "direction": "asc"}}), "order_by.field"),
        (json!({"order_by": {"field": "total_usage", "direction": "asc"}}), "order"),
        (json!({"order_by": {"field": "date", "direction": "up"}}), "order_by.direction"),
        (json!({"limit": 0}), "limit"),
        (json!({"limit": 1001}), "limit"),
        (json!({"group_limit": 0}), "group_limit"),
        (for_days(8, json!({"granularity": "minute"})), "time_range: by the minute"),
        (for_days(32, json!({"granularity": "hour"})), "time_range: by the hour"),
        (for_days(32, json!({"metrics": ["latency_p95"]})), "time_range: for metrics of latency"),
        (json!({"classifier_filters": {}}), "classifier_filters"),
    ] {
        let mut question = question;
        question.as_object_mut().unwrap().entry("metrics").or_insert(json!(["request_count"]));
        check_refused(&managed.post("/analytics/query", &question).await, 400, named);
    }
    check_refused(&managed.post("/analytics/query", &json!({})).await, 400, "metrics");
}
