//! Workspaces, their members and budgets, and the organisation. WS, ORG-1

use http::Method;
use serde_json::{Value, json};
use store::MemberRole;

use super::{Managed, check_refused};
use crate::support::MODEL;

/// WS-2, WS-3
#[tokio::test]
async fn a_workspace_is_made_shown_changed_and_deleted() {
    let managed = Managed::start().await;
    let wanted = json!({
        "name": "Team one", "slug": "team-1", "description": "ours",
        "default_text_model": "test/model", "default_provider_sort": "price",
        "io_logging_sampling_rate": 0.25, "is_observability_io_logging_enabled": true,
        "io_logging_api_key_ids": null, "stores_responses": true,
    });
    let answer = managed.post("/workspaces", &wanted).await;
    let made = answer.json()["data"].clone();
    assert_eq!(answer.status, 201, "{made}");
    for (member, value) in wanted.as_object().unwrap() {
        assert_eq!(&made[member], value, "{member}");
    }
    let id = made["id"].as_str().unwrap();
    assert_eq!((id.len(), made["default_guardrail_id"].as_str().unwrap().len()), (36, 36));
    for name in [id, "team-1"] {
        assert_eq!(managed.get(&format!("/workspaces/{name}")).await.json()["data"], made);
    }
    let listed = managed.get("/workspaces?limit=1&offset=1").await.json();
    assert_eq!((&listed["total_count"], &listed["data"]), (&json!(2), &json!([made])));

    let change = json!({"name": "Renamed", "default_text_model": null});
    let changed = managed.patch("/workspaces/team-1", &change).await.json()["data"].clone();
    assert_eq!(
        (&changed["name"], &changed["default_text_model"]),
        (&json!("Renamed"), &json!(null))
    );
    assert_eq!(
        (&changed["slug"], &changed["io_logging_sampling_rate"]),
        (&json!("team-1"), &json!(0.25))
    );

    let (hash, key) = managed.make_key(&json!({"name": "k", "workspace_id": id})).await;
    let keys = managed.get("/keys?workspace_id=team-1").await.json();
    assert_eq!(keys["data"][0]["hash"], hash);
    assert_eq!(managed.chat(&key).await.status, 200);
    check_refused(&managed.delete("/workspaces/team-1").await, 400, "active API keys");
    managed.delete(&format!("/keys/{hash}")).await;
    assert_eq!(managed.delete("/workspaces/team-1").await.json(), json!({"deleted": true}));
    check_refused(&managed.get(&format!("/workspaces/{id}")).await, 404, "not found");
    check_refused(&managed.delete("/workspaces/default").await, 403, "default workspace");
}

/// WS-2
#[tokio::test]
async fn bad_workspaces_are_refused_by_the_name_of_the_member() {
    let managed = Managed::start().await;
    managed.post("/workspaces", &json!({"name": "Other", "slug": "other"})).await;
    for (mut body, named) in [
        (json!({"name": ""}), "name"),
        (json!({"name": "n".repeat(101)}), "name"),
        (json!({"name": 5}), "name"),
        (json!({"slug": ""}), "slug"),
        (json!({"slug": "Team"}), "slug"),
        (json!({"slug": "a--b"}), "slug"),
        (json!({"slug": "-a"}), "slug"),
        (json!({"slug": "a".repeat(51)}), "slug"),
        (json!({"slug": "default"}), "slug"),
        (json!({"description": "d".repeat(501)}), "description"),
        (json!({"default_provider_sort": "luck"}), "default_provider_sort"),
        (json!({"default_text_model": ""}), "default_text_model"),
        (json!({"default_text_model": "acme/nope"}), "default_text_model"),
        (json!({"default_text_model": "test/modl"}), "did you mean test/model?"),
        (json!({"io_logging_sampling_rate": 0}), "io_logging_sampling_rate"),
        (json!({"io_logging_sampling_rate": 1.1}), "io_logging_sampling_rate"),
        (json!({"io_logging_api_key_ids": [1]}), "io_logging_api_key_ids"),
        (json!({"io_logging_api_key_hashes": ["x"]}), "io_logging_api_key_hashes"),
        (json!({"is_data_discount_logging_enabled": "yes"}), "is_data_discount_logging_enabled"),
    ] {
        check_refused(&managed.patch("/workspaces/other", &body).await, 400, named);
        let members = body.as_object_mut().unwrap();
        members.entry("name").or_insert(json!("New"));
        members.entry("slug").or_insert(json!("new"));
        check_refused(&managed.post("/workspaces", &body).await, 400, named);
    }
    check_refused(&managed.post("/workspaces", &json!({"slug": "x"})).await, 400, "name");
    check_refused(&managed.post("/workspaces", &json!({"name": "x"})).await, 400, "slug");
    check_refused(&managed.patch("/workspaces/default", &json!({"slug": "x"})).await, 400, "slug");
    check_refused(&managed.patch("/workspaces/none", &json!({})).await, 404, "not found");
    for query in ["limit=0", "limit=101", "offset=-1"] {
        let named = query.split('=').next().unwrap();
        check_refused(&managed.get(&format!("/workspaces?{query}")).await, 400, named);
    }
    assert_eq!(managed.get("/workspaces").await.json()["total_count"], 2);
}

#[tokio::test]
async fn of_two_workspaces_made_at_once_with_one_slug_one_is_made() {
    let managed = Managed::start().await;
    let body = json!({"name": "Team", "slug": "team"});
    let (one, two) =
        tokio::join!(managed.post("/workspaces", &body), managed.post("/workspaces", &body));
    let (made, refused) = if one.status == 201 { (one, two) } else { (two, one) };
    assert_eq!(made.status, 201);
    check_refused(&refused, 400, "slug");
}

/// Two changes of different members of one workspace: neither undoes the other.
#[tokio::test]
async fn changes_made_at_once_are_both_made() {
    let managed = Managed::start().await;
    let (name, sort) = (json!({"name": "New"}), json!({"default_provider_sort": "latency"}));
    let (one, two) = tokio::join!(
        managed.patch("/workspaces/default", &name),
        managed.patch("/workspaces/default", &sort)
    );
    assert_eq!((one.status.as_u16(), two.status.as_u16()), (200, 200));
    let shown = managed.get("/workspaces/default").await.json()["data"].clone();
    assert_eq!(
        (&shown["name"], &shown["default_provider_sort"]),
        (&json!("New"), &json!("latency"))
    );
}

/// WS-4, ORG-1
#[tokio::test]
async fn members_are_listed_added_and_removed() {
    let managed = Managed::start().await;
    let ada = managed.member("ada@example.org", "Ada King Lovelace", MemberRole::Owner).await;
    let bo = managed.member("bo@example.org", "", MemberRole::Member).await;
    let listed = managed.get("/organization/members").await.json();
    assert_eq!(
        listed,
        json!({"data": [
            {"id": ada.id, "first_name": "Ada", "last_name": "King Lovelace", "name": "Ada King Lovelace", "email": "ada@example.org", "role": "org:admin", "is_owner": true},
            {"id": bo.id, "first_name": null, "last_name": null, "name": "", "email": "bo@example.org", "role": "org:member", "is_owner": false},
        ], "total_count": 2})
    );
    let page = managed.get("/organization/members?offset=1&limit=1").await.json();
    assert_eq!((&page["data"][0]["id"], &page["total_count"]), (&json!(bo.id), &json!(2)));

    // WS-3: everybody is in the default workspace.
    let members = managed.get("/workspaces/default/members").await.json();
    assert_eq!(members["total_count"], 2);
    check_refused(
        &managed.post("/workspaces/default/members/remove", &json!({"user_ids": [ada.id]})).await,
        400,
        "default workspace",
    );

    managed.post("/workspaces", &json!({"name": "Team", "slug": "team"})).await;
    let both = json!({"user_ids": [ada.id, bo.id, bo.id]});
    let added = managed.post("/workspaces/team/members/add", &both).await.json();
    assert_eq!((&added["added_count"], added["data"].as_array().unwrap().len()), (&json!(2), 2));
    let again = managed.post("/workspaces/team/members/add", &both).await.json();
    assert_eq!((&again["added_count"], &again["data"]), (&json!(0), &added["data"]));
    let members = managed.get("/workspaces/team/members").await.json();
    assert_eq!((&members["data"], &members["total_count"]), (&added["data"], &json!(2)));
    for member in members["data"].as_array().unwrap() {
        let role = if member["user_id"] == ada.id { "admin" } else { "member" };
        assert_eq!(member["role"], role);
    }

    let key = json!({"name": "k", "workspace_id": "team", "creator_user_id": bo.id});
    let (hash, _) = managed.make_key(&key).await;
    let path = "/workspaces/team/members/remove";
    check_refused(&managed.post(path, &both).await, 400, "user_ids");
    managed.delete(&format!("/keys/{hash}")).await;
    assert_eq!(managed.post(path, &both).await.json(), json!({"removed_count": 2}));
    assert_eq!(managed.post(path, &both).await.json(), json!({"removed_count": 0}));

    for path in ["/workspaces/team/members/add", "/workspaces/default/members/add"] {
        for body in [
            json!({}),
            json!({"user_ids": []}),
            json!({"user_ids": "x"}),
            json!({"user_ids": vec!["x"; 101]}),
            json!({"user_ids": ["user_nobody"]}),
        ] {
            check_refused(&managed.post(path, &body).await, 400, "user_ids");
        }
    }
    check_refused(&managed.post("/workspaces/none/members/add", &both).await, 404, "not found");
}

/// WS-5, WS-6
#[tokio::test]
async fn budgets_are_set_listed_and_removed_and_longer_windows_allow_more() {
    let managed = Managed::start().await;
    let path = |interval: &str| format!("/workspaces/default/budgets/{interval}");
    let put = async |interval: &str, limit: f64| {
        managed.put(&path(interval), &json!({"limit_usd": limit})).await
    };
    let made = put("monthly", 100.0).await.json();
    assert_eq!(
        (&made["data"]["limit_usd"], &made["data"]["reset_interval"]),
        (&json!(100), &json!("monthly"))
    );
    assert_eq!(made["include_byok_in_budgets"], false);
    assert_eq!(put("lifetime", 1000.0).await.json()["data"]["reset_interval"], json!(null));
    assert_eq!(put("weekly", 50.0).await.status, 200);
    assert_eq!(put("daily", 20.0).await.status, 200);
    for (interval, limit) in [
        ("daily", 50.0),
        ("daily", 51.0),
        ("weekly", 20.0),
        ("weekly", 100.0),
        ("monthly", 1000.0),
        ("monthly", 50.0),
        ("lifetime", 100.0),
        ("daily", 0.0),
        ("daily", -1.0),
        ("daily", 1e10),
        ("daily", 1e-10),
    ] {
        check_refused(&put(interval, limit).await, 400, "limit_usd");
    }
    for body in [json!({}), json!({"limit_usd": "5"}), json!({"limit_usd": null})] {
        check_refused(&managed.put(&path("daily"), &body).await, 400, "limit_usd");
    }
    check_refused(&put("hourly", 1.0).await, 400, "interval");

    let body = json!({"limit_usd": 10, "include_byok_in_budgets": true});
    let changed = managed.put(&path("daily"), &body).await.json();
    assert_eq!(
        (&changed["include_byok_in_budgets"], &changed["data"]["limit_usd"]),
        (&json!(true), &json!(10))
    );
    assert_eq!(managed.get(&path("daily")).await.json(), changed);
    assert_eq!(put("daily", 11.0).await.json()["include_byok_in_budgets"], true, "it stays");
    let listed = managed.get("/workspaces/default/budgets").await.json();
    assert_eq!(listed["data"].as_array().unwrap().len(), 4);
    assert_eq!(listed["include_byok_in_budgets"], true);
    assert_eq!(
        managed.get("/workspaces/default").await.json()["data"]["include_byok_in_budgets"],
        true
    );

    for _ in 0..2 {
        assert_eq!(managed.delete(&path("daily")).await.json(), json!({"deleted": true}));
    }
    check_refused(&managed.get(&path("daily")).await, 404, "budget");
    check_refused(&managed.get("/workspaces/none/budgets").await, 404, "not found");
    let wrong = managed.send(Method::POST, &path("daily"), &json!({})).await;
    assert_eq!(wrong.status, 405);
}

/// CHAT-2, PROV-14
#[tokio::test]
async fn the_default_model_and_sort_of_a_workspace_hold_for_its_keys_at_once() {
    let managed = Managed::start().await;
    managed.post("/workspaces", &json!({"name": "Team", "slug": "team"})).await;
    let (_, key) = managed.make_key(&json!({"name": "k", "workspace_id": "team"})).await;
    let (_, other) = managed.make_key(&json!({"name": "other"})).await;
    let ask = async |key: &str, path: &str, body: &Value| {
        managed.call_with(key, Method::POST, path, body.to_string().into()).await
    };
    let chat = "/api/v1/chat/completions";
    let nameless = json!({"messages": [{"role": "user", "content": "hi"}]});
    check_refused(&ask(&key, chat, &nameless).await, 400, "model: is missing");

    let defaults = json!({"default_text_model": MODEL, "default_provider_sort": "throughput"});
    assert_eq!(managed.patch("/workspaces/team", &defaults).await.status, 200);
    let answered = ask(&key, chat, &nameless).await;
    assert_eq!((answered.status.as_u16(), &answered.json()["model"]), (200, &json!(MODEL)));
    let streamed = json!({"messages": nameless["messages"], "stream": true});
    assert_eq!(ask(&key, chat, &streamed).await.status, 200);
    check_refused(&ask(&other, chat, &nameless).await, 400, "model: is missing");
    let vectors = json!({"input": "hi"});
    check_refused(&ask(&key, "/api/v1/embeddings", &vectors).await, 400, "model");

    let route = async |key: &str, sort: Value| {
        let provider = json!({"sort": sort});
        let body = json!({"model": MODEL, "messages": nameless["messages"], "provider": provider});
        ask(key, "/api/v1/route", &body).await.json().to_string()
    };
    assert!(route(&key, Value::Null).await.contains("sorted by throughput"));
    let own = route(&key, json!("price")).await;
    assert!(own.contains("sorted by price") && !own.contains("throughput"), "{own}");
    assert!(!route(&other, Value::Null).await.contains("sorted by"));
    let none = json!({"default_text_model": null, "default_provider_sort": null});
    assert_eq!(managed.patch("/workspaces/team", &none).await.status, 200);
    check_refused(&ask(&key, chat, &nameless).await, 400, "model: is missing");
    assert!(!route(&key, Value::Null).await.contains("sorted by"));
}
