//! How providers and models do, how the gateway was set up, and what is told beside identities.

use http::Method;
use serde_json::{Value, json};
use testkit::{Protocol, Script, Simulator};

use super::{Managed, check_refused};
use crate::support::{Gateway, MODEL, Upstream};

#[tokio::test]
async fn providers_are_judged_by_attempts() {
    let (good, bad) = (Simulator::start().await.unwrap(), Simulator::start().await.unwrap());
    bad.set_default(Script::status(500));
    let upstreams = [
        Upstream::of(&bad, Protocol::OpenAi, "bad"),
        Upstream::of(&good, Protocol::OpenAi, "good"),
    ];
    let managed = Managed::over(Gateway::start(&upstreams).await, good).await;
    let key = managed.gateway.key.clone();
    let body = json!({"model": MODEL, "messages": [{"role": "user", "content": "hi"}],
        "provider": {"order": ["bad", "good"]}});
    let ask = async |body: &Value| {
        let path = "/api/v1/chat/completions";
        managed.call_with(&key, Method::POST, path, body.to_string().into()).await
    };
    for _ in 0..3 {
        assert_eq!(ask(&body).await.status, 200, "the other one answers");
    }
    let mut alone = body.clone();
    alone["provider"] = json!({"only": ["bad"]});
    assert_eq!(ask(&alone).await.status, 502);
    managed.gateway.app.settlements.flush().await.unwrap();
    for (window, ticks) in [("1h", 12), ("24h", 24), ("90d", 90)] {
        let told = managed.show(&format!("/status/providers?window={window}")).await;
        let find = |slug: &str| {
            let data = told["data"].as_array().unwrap();
            data.iter().find(|one| one["slug"] == slug).unwrap().clone()
        };
        let (good, bad) = (find("good"), find("bad"));
        assert_eq!(good["ticks"].as_array().unwrap().len(), ticks);
        assert_eq!((&good["uptime"], &bad["uptime"]), (&json!(100.0), &json!(0.0)), "{told}");
        let sum = |one: &Value, name: &str| {
            let ticks = one["ticks"].as_array().unwrap();
            ticks.iter().map(|tick| tick[name].as_i64().unwrap()).sum::<i64>()
        };
        assert_eq!((sum(&good, "ok"), sum(&bad, "failed")), (3, 4), "failures made good count too");
        assert_eq!((&good["breaker"], &bad["breaker"]), (&json!("closed"), &json!("open")));
        assert_eq!(bad["errors"][0]["count"], 4);
        assert_eq!(good["credential"], "ok");
        let failure = &bad["last_failures"][0];
        assert!(failure["id"].as_str().unwrap().starts_with("gen-"), "{failure}");
        assert!(failure["message"].as_str().unwrap().contains("500"), "{failure}");
        assert!(good["first_token_ms"]["p50"].is_number());
    }
    let path = "/status/providers?window=1y";
    check_refused(&managed.internal(Method::GET, path, &Value::Null).await, 400, "window");

    let stats = managed.show("/models/stats").await;
    let model = &stats["data"][0];
    assert_eq!(model["id"], MODEL);
    assert_eq!(model["requests_7d"], 4);
    assert!(model["tokens_7d"].as_i64().unwrap() > 0);
}

#[tokio::test]
async fn settings_are_shown() {
    let managed = Managed::start().await;
    let shown = managed.show("/settings").await;
    assert_eq!((&shown["database"], &shown["stores_prompts"]), (&json!("sqlite"), &json!(false)));
    assert!(shown["uptime_seconds"].is_u64() && shown["version"].is_string());
    assert!(shown["base_url"].as_str().unwrap().ends_with("/api/v1"));
}

/// Our own, beside ACT-3
#[tokio::test]
async fn usage_is_told_by_application_and_with_the_names_of_keys() {
    let managed = Managed::start().await;
    let key = managed.gateway.key.clone();
    for title in ["Chat", "Chat", ""] {
        let body = json!({"model": MODEL, "messages": [{"role": "user", "content": "hi"}]});
        let request = http::Request::post("/api/v1/chat/completions")
            .header("host", "gateway")
            .header("authorization", format!("Bearer {key}"))
            .header("x-title", title)
            .body(http_body_util::Full::new(bytes::Bytes::from(body.to_string())))
            .unwrap();
        assert_eq!(managed.gateway.send(request).await.status, 200);
    }
    managed.gateway.app.settlements.flush().await.unwrap();
    let question = json!({"metrics": ["request_count"], "dimensions": ["app", "api_key"],
        "time_range": {"start": "2020-01-01T00:00:00Z", "end": "2999-01-01T00:00:00Z"}});
    let told = managed.post("/analytics/query", &question).await.json();
    let rows = told["data"]["data"].as_array().unwrap();
    let counts: Vec<_> = rows
        .iter()
        .map(|row| (row["app"].as_str().unwrap(), row["request_count"].as_i64().unwrap()))
        .collect();
    assert_eq!(counts, [("Chat", 2), ("", 1)], "{told}");
    assert!(rows.iter().all(|row| row["api_key_name"] == "test"));
    let meta = managed.get("/analytics/meta").await.json().to_string();
    assert!(meta.contains("\"app\""));
    let listed = managed.show("/generations?app=Chat").await;
    assert_eq!(listed["data"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_route_is_explained_to_those_who_manage() {
    let managed = Managed::start().await;
    let body = json!({"model": MODEL, "messages": [{"role": "user", "content": "hi"}]});
    let told = managed.post("/route", &body).await;
    assert_eq!(told.status, 200, "{}", told.json());
    assert_eq!(managed.simulator.calls().len(), 0);
}

/// The limit of all that a key is under with the least left, and what is used of budgets.
#[tokio::test]
async fn the_limit_that_binds_a_key_is_told() {
    let managed = Managed::start().await;
    let (hash, key) =
        managed.make_key(&json!({"name": "k", "limit": 100, "limit_reset": "daily"})).await;
    let shown = async || managed.get(&format!("/keys/{hash}")).await.json()["data"].clone();
    let binding = shown().await["binding_limit"].clone();
    assert_eq!((&binding["kind"], &binding["limit"]), (&json!("key"), &json!(100)));
    assert!(binding["resets_at"].is_string());
    managed.put("/workspaces/default/budgets/lifetime", &json!({"limit_usd": 50})).await;
    let answer = managed.chat(&key).await;
    let cost = answer.json()["usage"]["cost"].as_f64().unwrap();
    managed.gateway.app.settlements.flush().await.unwrap();
    let binding = shown().await["binding_limit"].clone();
    assert_eq!((&binding["kind"], &binding["resets_at"]), (&json!("workspace"), &json!(null)));
    assert!((binding["remaining"].as_f64().unwrap() - (50.0 - cost)).abs() < 1e-9);
    let budgets = managed.get("/workspaces/default/budgets").await.json();
    let budget = &budgets["data"][0];
    assert!((budget["used_usd"].as_f64().unwrap() - cost).abs() < 1e-9, "{budget}");
    assert!((budget["remaining_usd"].as_f64().unwrap() - (50.0 - cost)).abs() < 1e-9);
    assert_eq!(budget["resets_at"], json!(null));
}

#[tokio::test]
async fn keys_are_found_put_in_order_and_paged() {
    let managed = Managed::start().await;
    let member = managed.member("a@b.c", "Ann", store::MemberRole::Member).await;
    for n in 0..119 {
        let new = store::NewApiKey { name: format!("key {n:03}"), ..store::NewApiKey::default() };
        managed.gateway.app.store.create_api_key(new, &store::Actor::system(), 2).await.unwrap();
    }
    // Puts the others in force as well.
    let special = json!({"name": "Special", "creator_user_id": member.id, "expires_at": "2999-01-01T00:00:00Z"});
    managed.make_key(&special).await;
    let names = |answer: &Value| -> Vec<String> {
        let data = answer["data"].as_array().unwrap();
        data.iter().map(|key| key["name"].as_str().unwrap().to_owned()).collect()
    };
    let found = managed.get("/keys?search=sPECIAL").await.json();
    assert_eq!(names(&found), ["Special"]);
    assert_eq!(
        found["data"][0]["member"],
        json!({"id": member.id, "email": "a@b.c", "name": "Ann"})
    );
    assert_eq!(names(&managed.get("/keys?order=expires").await.json())[0], "Special");
    let first = managed.get("/keys?order=name").await.json();
    let cursor = first["next_cursor"].as_str().unwrap();
    let hash = first["data"][99]["hash"].as_str().unwrap();
    let second = managed.get(&format!("/keys?order=name&cursor={cursor}")).await.json();
    let mut all = names(&first);
    all.extend(names(&second));
    assert_eq!((all.len(), &second["next_cursor"]), (121, &json!(null)));
    assert!(all.is_sorted_by_key(|name| name.to_lowercase()));
    managed.delete(&format!("/keys/{hash}")).await;
    let again = managed.get(&format!("/keys?order=name&cursor={cursor}")).await.json();
    assert_eq!(again["data"].as_array().unwrap().len(), 21, "where it was");
    managed.chat(&managed.gateway.key.clone()).await;
    managed.gateway.app.settlements.flush().await.unwrap();
    for order in ["spend", "last_used"] {
        assert_eq!(names(&managed.get(&format!("/keys?order={order}")).await.json())[0], "test");
    }
    // By the part of its limit that a key has used; without a limit a key comes last.
    let limited = [("Less", 5000.0), ("Nothing left", 0.0), ("More", 50.0), ("Unused", 1.0)];
    for (name, limit) in limited {
        let (_, key) = managed.make_key(&json!({"name": name, "limit": limit})).await;
        if !["Nothing left", "Unused"].contains(&name) {
            assert_eq!(managed.chat(&key).await.status, 200);
        }
    }
    managed.gateway.app.settlements.flush().await.unwrap();
    let by_limit = names(&managed.get("/keys?order=limit").await.json());
    assert_eq!(by_limit[..4], ["Nothing left", "More", "Less", "Unused"]);
    for (query, named) in [("order=colour", "order"), ("cursor=x", "cursor")] {
        check_refused(&managed.get(&format!("/keys?{query}")).await, 400, named);
    }
}
