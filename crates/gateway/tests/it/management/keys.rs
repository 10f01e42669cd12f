//! Keys. KEYS, AUTH-3 to AUTH-5

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};
use store::MemberRole;
use testkit::Script;

use super::{Managed, check_refused};
use crate::support::MODEL;

/// Our own: rates of a key itself, in force at once.
#[tokio::test]
async fn rates_of_a_key_are_set_shown_changed_and_taken_away() {
    let managed = Managed::start().await;
    let wanted = json!({"name": "k", "rate_limit": {"requests_per_minute": 1}, "concurrency": 7});
    let (hash, key) = managed.make_key(&wanted).await;
    let path = format!("/keys/{hash}");
    let shown = managed.get(&path).await.json()["data"].clone();
    let expected = json!({"requests_per_minute": 1, "requests_per_day": null});
    assert_eq!((&shown["rate_limit"], &shown["concurrency"]), (&expected, &json!(7)));
    assert_eq!(managed.chat(&key).await.status, 200);
    assert_eq!(managed.chat(&key).await.status, 429);

    let change = json!({"rate_limit": {"requests_per_minute": 0, "requests_per_day": 2}});
    let changed = managed.patch(&path, &change).await.json()["data"].clone();
    assert_eq!(
        (&changed["rate_limit"], &changed["concurrency"]),
        (&change["rate_limit"], &json!(7))
    );
    assert_eq!(managed.chat(&key).await.status, 200);
    let refused = managed.chat(&key).await;
    check_refused(&refused, 429, "2 requests a day");

    let change = json!({"rate_limit": {"requests_per_day": null}, "concurrency": null});
    let changed = managed.patch(&path, &change).await.json()["data"].clone();
    let expected = json!({"requests_per_minute": 0, "requests_per_day": null});
    assert_eq!((&changed["rate_limit"], &changed["concurrency"]), (&expected, &json!(null)));
    let changed = managed.patch(&path, &json!({"rate_limit": null})).await.json()["data"].clone();
    assert_eq!(changed["rate_limit"], json!(null));
    assert_eq!(managed.patch(&path, &json!({"name": "n"})).await.json()["data"]["name"], "n");
    for _ in 0..3 {
        assert_eq!(managed.chat(&key).await.status, 200);
    }
}

/// KEYS-4 to KEYS-7
#[tokio::test]
async fn a_key_is_made_used_listed_changed_and_deleted() {
    let managed = Managed::start().await;
    let wanted = json!({
        "name": "ci", "limit": 2.5, "limit_reset": "monthly", "include_byok_in_limit": true,
        "expires_at": "2999-12-31T23:59:59Z", "unknown": "is ignored",
    });
    let answer = managed.post("/keys", &wanted).await;
    assert_eq!(
        (answer.status.as_u16(), &answer.headers["cache-control"]),
        (201, &"no-store".parse().unwrap())
    );
    let made = answer.json();
    let key = made["key"].as_str().unwrap();
    let hash = made["data"]["hash"].as_str().unwrap();
    assert_eq!(hash, store::api_key_hash(key), "AUTH-3");
    for (member, value) in [
        ("name", json!("ci")),
        ("limit", json!(2.5)),
        ("limit_remaining", json!(2.5)),
        ("limit_reset", json!("monthly")),
        ("include_byok_in_limit", json!(true)),
        ("expires_at", json!("2999-12-31T23:59:59.000Z")),
        ("disabled", json!(false)),
        ("usage", json!(0)),
        ("last_used_at", json!(null)),
    ] {
        assert_eq!(made["data"][member], value, "{member}");
    }

    // It works at once: the answer came after it was in force.
    let answered = managed.chat(key).await;
    assert_eq!(answered.status, 200);
    let cost = answered.json()["usage"]["cost"].as_f64().unwrap();
    managed.gateway.app.settlements.flush().await.unwrap();
    let shown = managed.get(&format!("/keys/{hash}")).await.json();
    assert_eq!(shown["data"]["usage_monthly"].as_f64(), Some(cost));
    assert!((shown["data"]["limit_remaining"].as_f64().unwrap() - (2.5 - cost)).abs() < 1e-9);
    assert!(shown["data"]["last_used_at"].is_string());
    let listed = managed.get("/keys").await.json();
    let names: Vec<_> =
        listed["data"].as_array().unwrap().iter().map(|key| key["name"].clone()).collect();
    assert_eq!(names, [json!("test"), json!("ci")], "management keys are not among them");
    assert_eq!(listed["data"][1], shown["data"]);
    assert!(!listed.to_string().contains(key), "AUTH-5");

    let path = format!("/keys/{hash}");
    let changed = managed
        .patch(&path, &json!({"name": "new", "limit": null, "limit_reset": null, "disabled": true}))
        .await
        .json();
    assert_eq!(changed["data"]["name"], "new");
    assert_eq!(
        (&changed["data"]["limit"], &changed["data"]["limit_remaining"]),
        (&json!(null), &json!(null))
    );
    assert_eq!(changed["data"]["include_byok_in_limit"], true, "what is absent stays");
    assert_eq!(managed.chat(key).await.status, 401, "disabled at once");
    assert_eq!(managed.get("/keys").await.json()["data"].as_array().unwrap().len(), 1);
    let all = managed.get("/keys?include_disabled=true").await.json();
    assert_eq!(all["data"].as_array().unwrap().len(), 2);
    assert_eq!(
        managed.get("/keys?include_disabled=true&offset=1").await.json()["data"][0]["name"],
        "new"
    );

    managed.patch(&path, &json!({"disabled": false})).await;
    assert_eq!(managed.chat(key).await.status, 200);
    assert_eq!(managed.delete(&path).await.json(), json!({"deleted": true}));
    assert_eq!(managed.chat(key).await.status, 401, "deleted at once");
    check_refused(&managed.get(&path).await, 404, "not found");
    check_refused(&managed.delete(&path).await, 404, "not found");
    check_refused(&managed.patch(&path, &json!({})).await, 404, "not found");
}

/// KEYS-4, KEYS-6
#[tokio::test]
async fn bad_keys_are_refused_by_the_name_of_the_member() {
    let managed = Managed::start().await;
    let made = managed.make_key(&json!({"name": "k", "limit": 0})).await.0;
    let path = format!("/keys/{made}");
    let both = [
        (json!({"name": ""}), "name"),
        (json!({"name": "  "}), "name"),
        (json!({"name": "n".repeat(256)}), "name"),
        (json!({"name": 5}), "name"),
        (json!({"name": "a\u{0}b"}), "NUL"),
        (json!({"name": "k", "limit": -0.01}), "limit"),
        (json!({"name": "k", "limit": 1e10}), "limit"),
        (json!({"name": "k", "limit": 1e300}), "limit"),
        (json!({"name": "k", "limit": "5"}), "limit"),
        (json!({"name": "k", "limit_reset": "yearly"}), "limit_reset"),
        (json!({"name": "k", "include_byok_in_limit": "yes"}), "include_byok_in_limit"),
        (json!({"name": "k", "rate_limit": 5}), "rate_limit"),
        (json!({"name": "k", "rate_limit": {"requests": 5}}), "rate_limit"),
        (
            json!({"name": "k", "rate_limit": {"requests_per_minute": -1}}),
            "rate_limit.requests_per_minute",
        ),
        (
            json!({"name": "k", "rate_limit": {"requests_per_day": 1_000_000_001}}),
            "rate_limit.requests_per_day",
        ),
        (
            json!({"name": "k", "rate_limit": {"requests_per_day": 1.5}}),
            "rate_limit.requests_per_day",
        ),
        (json!({"name": "k", "concurrency": -1}), "concurrency"),
        (json!({"name": "k", "concurrency": "1"}), "concurrency"),
    ];
    for (body, named) in &both {
        check_refused(&managed.post("/keys", body).await, 400, named);
        check_refused(&managed.patch(&path, body).await, 400, named);
    }
    let creation = [
        (json!({}), "name"),
        (
            json!({"name": "k", "expires_at": "2999-01-01T00:00:00+01:00"}),
            "expires_at: must be in UTC",
        ),
        (json!({"name": "k", "expires_at": "2999-01-01T00:00:00"}), "expires_at: must be in UTC"),
        (json!({"name": "k", "expires_at": "tomorrow"}), "expires_at"),
        (json!({"name": "k", "expires_at": "2020-01-01T00:00:00Z"}), "expires_at"),
        (json!({"name": "k", "creator_user_id": "user_nobody"}), "creator_user_id"),
        (json!({"name": "k", "workspace_id": "elsewhere"}), "workspace_id"),
    ];
    for (body, named) in &creation {
        check_refused(&managed.post("/keys", body).await, 400, named);
    }
    for (body, named) in [
        ("{\"name\": \"k\", \"limit\": NaN}", "limit"),
        ("{\"name\": \"k\", \"limit\": 1e999}", "limit"),
        ("{\"name\": \"k\", \"name\": \"k\"}", "name"),
        ("[\"k\"]", "JSON object"),
        ("name=k", "JSON object"),
        ("", "JSON object"),
    ] {
        let answer =
            managed.call_with(&managed.key, Method::POST, "/api/v1/keys", Bytes::from(body)).await;
        check_refused(&answer, 400, named);
    }
    for query in [
        "offset=-1",
        "offset=x",
        "include_disabled=maybe",
        "workspace_id=none",
        "offset=1&offset=2",
    ] {
        let named = query.split('=').next().unwrap();
        check_refused(&managed.get(&format!("/keys?{query}")).await, 400, named);
    }
    assert_eq!(managed.get("/keys/%00").await.status, 400);
    assert_eq!(managed.get("/keys/%FF").await.status, 400);
    let count = managed.get("/keys").await.json()["data"].as_array().unwrap().len();
    assert_eq!(count, 2, "nothing was made");
}

/// AUTH-7: nobody is locked out, and no management key begets another.
#[tokio::test]
async fn management_keys_are_not_managed_here() {
    let managed = Managed::start().await;
    let hash = store::api_key_hash(&managed.key);
    check_refused(&managed.get(&format!("/keys/{hash}")).await, 404, "not found");
    check_refused(&managed.delete(&format!("/keys/{hash}")).await, 404, "not found");
    let made = managed.make_key(&json!({"name": "k", "is_management": true})).await.1;
    let answer = managed.call_with(&made, Method::GET, "/api/v1/keys", Bytes::new()).await;
    assert_eq!(answer.status, 403);
}

/// KEYS-1, WS-5: the calling key sees the budgets of its workspace as well.
#[tokio::test]
async fn the_calling_key_shows_its_limits() {
    let managed = Managed::start().await;
    managed.put("/workspaces/default/budgets/monthly", &json!({"limit_usd": 100})).await;
    managed.put("/workspaces/default/budgets/daily", &json!({"limit_usd": 5})).await;
    let key = managed.make_key(&json!({"name": "k", "limit": 20})).await.1;
    let shown =
        managed.call_with(&key, Method::GET, "/api/v1/key", Bytes::new()).await.json()["data"]
            .clone();
    let budgets: Vec<_> = shown["budgets"]
        .as_array()
        .unwrap()
        .iter()
        .map(|budget| {
            (budget["scope"].clone(), budget["limit_usd"].clone(), budget["reset_interval"].clone())
        })
        .collect();
    assert_eq!(
        budgets,
        [
            (json!("workspace"), json!(5), json!("daily")),
            (json!("workspace"), json!(100), json!("monthly")),
            (json!("key_limit"), json!(20), json!(null)),
        ]
    );
    assert_eq!(shown["effective_budget"]["limit_usd"], 5);
    assert_eq!(
        (&shown["is_management_key"], &shown["limit_remaining"]),
        (&json!(false), &json!(20))
    );
    let own = managed.get("/key").await.json();
    assert_eq!(own["data"]["is_management_key"], true);
}

/// KEYS-4: a key for a member.
#[tokio::test]
async fn a_key_can_be_a_members() {
    let managed = Managed::start().await;
    let member = managed.member("ada@example.org", "Ada", MemberRole::Member).await;
    let made =
        managed.post("/keys", &json!({"name": "k", "creator_user_id": member.id})).await.json();
    assert_eq!(made["data"]["creator_user_id"], member.id);
    let hash = made["data"]["hash"].as_str().unwrap();
    let stored = managed.gateway.app.store.api_key(hash).await.unwrap().unwrap();
    assert_eq!(stored.member_id, Some(member.id));
}

#[tokio::test]
async fn keys_made_at_once_are_all_made_and_work() {
    let managed = Managed::start().await;
    let body = json!({"name": "same"});
    let (one, two, three) =
        tokio::join!(managed.make_key(&body), managed.make_key(&body), managed.make_key(&body));
    for (_, key) in [&one, &two, &three] {
        assert_eq!(managed.chat(key).await.status, 200);
    }
    assert!(one.0 != two.0 && two.0 != three.0);
}

#[tokio::test]
async fn a_request_in_flight_outlives_its_key() {
    let managed = Managed::start().await;
    managed.simulator.push(Script::new().chunks(8).gap(40));
    let (hash, key) = managed.make_key(&json!({"name": "k"})).await;
    let body = json!({
        "model": MODEL, "stream": true,
        "messages": [{"role": "user", "content": "hi"}],
    });
    let path = "/api/v1/chat/completions";
    let running = managed.call_with(&key, Method::POST, path, body.to_string().into());
    let deleting = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        managed.delete(&format!("/keys/{hash}")).await
    };
    let (answer, deleted) = tokio::join!(running, deleting);
    assert_eq!(deleted.status, 200);
    assert_eq!(answer.status, 200);
    assert!(!answer.streamed_text().is_empty(), "it ended with [DONE]");
    let row = managed.gateway.generation(&answer).await.unwrap();
    assert_eq!(&*row.key_hash, hash);
    assert_eq!(managed.chat(&key).await.status, 401);
    let value: Value = managed.get("/credits").await.json();
    assert!(value["data"]["total_usage"].as_f64().unwrap() > 0.0, "the spend is not lost");
}

#[tokio::test]
async fn keys_are_named_also_when_they_are_deleted() {
    let managed = Managed::start().await;
    let (one, _) = managed.make_key(&json!({"name": "one"})).await;
    let (two, _) = managed.make_key(&json!({"name": "two"})).await;
    managed.delete(&format!("/keys/{two}")).await;
    let tell = async |body: Value| managed.internal(Method::POST, "/keys/names", &body).await;
    let told = tell(json!({"hashes": [one, two, one, "", "never"]})).await.json();
    assert_eq!(told, json!({"data": {one: "one", two: "two"}}));
    assert_eq!(tell(json!({"hashes": []})).await.json(), json!({"data": {}}));
    check_refused(&tell(json!({"hashes": vec!["x"; 1001]})).await, 400, "hashes");
    check_refused(&tell(json!({"hashes": "x"})).await, 400, "hashes");
}

/// Keys that have a limit and keys that have none are two lists, of which the second follows on the
/// first: each key is on one page, whichever key a page ends with and whatever becomes of it.
#[tokio::test]
async fn by_limit_each_key_is_on_one_page() {
    let managed = Managed::start().await;
    let mut made = HashMap::new();
    let mut make = async |name: String, limit: Value| {
        let (hash, _) = managed.make_key(&json!({"name": name, "limit": limit})).await;
        made.insert(name, hash);
    };
    for number in 0..6 {
        make(format!("early {number}"), Value::Null).await;
    }
    for number in 0..100 {
        make(format!("limited {number:02}"), json!(10)).await;
    }
    for number in 0..97 {
        make(format!("late {number:02}"), Value::Null).await;
    }
    let page = async |query: &str| -> (Vec<String>, Option<String>) {
        let answer = managed.get(&format!("/keys?order=limit{query}")).await.json();
        let keys = answer["data"].as_array().unwrap();
        let names = keys.iter().map(|key| key["name"].as_str().unwrap().to_owned()).collect();
        (names, answer["next_cursor"].as_str().map(str::to_owned))
    };
    let rest = async |cursor: Option<String>| -> Vec<String> {
        let mut names = Vec::new();
        let mut next = cursor;
        while let Some(cursor) = next {
            let (more, after) = page(&format!("&cursor={cursor}")).await;
            names.extend(more);
            next = after;
        }
        names
    };
    // One key comes with the gateway, and has no limit.
    let late = |from: usize| (from..97).map(|number| format!("late {number:02}"));
    let unlimited: Vec<String> = ["test".to_owned()]
        .into_iter()
        .chain((0..6).map(|number| format!("early {number}")))
        .chain(late(0))
        .collect();
    let (first, cursor) = page("").await;
    assert!(first.iter().all(|name| name.starts_with("limited")), "{first:?}");
    assert_eq!(first.iter().collect::<HashSet<_>>().len(), 100);
    assert_eq!(rest(cursor.clone()).await, unlimited, "a page ends with the last that has a limit");
    assert_eq!(page("&offset=103").await.0, unlimited[3..103]);
    let (second, after) = page(&format!("&cursor={}", cursor.clone().unwrap())).await;
    assert_eq!(second, unlimited[..100]);

    // The last key of a page gets a limit, and is deleted.
    let last = &made[&second[99]];
    managed.patch(&format!("/keys/{last}"), &json!({"limit": 1})).await;
    assert_eq!(rest(after.clone()).await, unlimited[100..]);
    managed.delete(&format!("/keys/{last}")).await;
    assert_eq!(rest(after).await, unlimited[100..]);
    managed.delete(&format!("/keys/{}", made[&first[99]])).await;
    let mut left = unlimited;
    left.remove(99);
    assert_eq!(rest(cursor).await, left);

    // What cannot be used comes behind what can.
    let spent = &made[&first[0]];
    managed.patch(&format!("/keys/{spent}"), &json!({"disabled": true})).await;
    let shown = page("&include_disabled=true").await.0;
    assert_eq!((shown[0] == first[0], &shown[98]), (false, &first[0]));
}
