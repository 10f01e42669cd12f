//! Members see what is theirs, and requests by session are theirs.

use http::Method;
use serde_json::{Value, json};
use store::{BudgetInterval, MemberLimit, MemberRole, NewApiKey};

use super::{House, Person, check_refused};
use crate::support::Answer;

fn names(answer: &Answer) -> Vec<String> {
    let listed = answer.json();
    let names = listed["data"].as_array().unwrap().iter();
    names.map(|key| key["name"].as_str().unwrap().to_owned()).collect()
}

async fn key(house: &House, person: &Person, name: &str) -> (String, String) {
    let path = "/api/v1/keys";
    let answer = house.by(&person.token, Method::POST, path, &json!({"name": name})).await;
    let made = answer.json();
    assert_eq!(answer.status, 201, "{made}");
    assert_eq!(made["data"]["creator_user_id"], person.member.id.as_str());
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (text(&made["data"]["hash"]), text(&made["key"]))
}

#[tokio::test]
async fn a_request_by_session_runs_as_the_members_own_key_under_its_limits() {
    let house = House::start().await;
    let bo = house.person("bo@example.org", MemberRole::Member).await;
    assert!(names(&house.get(&bo.token, "/api/v1/keys").await).is_empty());
    let answer = house.chat(&bo.token).await;
    assert_eq!(answer.status, 200, "{}", answer.json());
    let row = house.gateway.generation(&answer).await.unwrap();
    assert_eq!(house.chat(&bo.token).await.status, 200);
    let listed = house.get(&bo.token, "/api/v1/keys").await.json();
    assert_eq!(listed["data"].as_array().unwrap().len(), 1, "it is made once");
    let key = &listed["data"][0];
    assert_eq!((&key["name"], &key["origin"]), (&json!("Playground"), &json!("playground")));
    assert_eq!(key["hash"], &*row.key_hash);
    let shown = house.get(&bo.token, &format!("/api/v1/generation?id={}", row.id)).await;
    assert_eq!(shown.status, 200);
    let counted = json!({"model": crate::support::MODEL, "max_tokens": 1,
        "messages": [{"role": "user", "content": "hi"}]});
    let path = "/api/v1/messages/count_tokens";
    assert_eq!(house.by(&bo.token, Method::POST, path, &counted).await.status, 200);

    let limit = MemberLimit {
        member_id: bo.member.id.clone(),
        interval: BudgetInterval::Daily,
        limit_nano_usd: 0,
        include_byok: true,
    };
    house.store().put_member_limit(limit, &store::Actor::system(), 1).await.unwrap();
    house.gateway.app.catch_up().await.unwrap();
    check_refused(&house.chat(&bo.token).await, 403, "daily");
    // Switched off it stays off; deleted, it is made anew.
    house
        .store()
        .remove_member_limit(&bo.member.id, BudgetInterval::Daily, &store::Actor::system(), 2)
        .await
        .unwrap();
    let path = format!("/api/v1/keys/{}", row.key_hash);
    house.by(&bo.token, Method::PATCH, &path, &json!({"disabled": true})).await;
    check_refused(&house.chat(&bo.token).await, 403, "disabled");
    let back = json!({"disabled": false});
    house.by(&bo.token, Method::PATCH, &path, &back).await;
    let rotate = format!("/api/internal/keys/{}/rotate", row.key_hash);
    let rotated = house.by(&bo.token, Method::POST, &rotate, &json!({"grace_hours": 0})).await;
    check_refused(&rotated, 400, "nobody has its secret");
    assert_eq!(house.chat(&bo.token).await.status, 200);
    assert_eq!(house.by(&bo.token, Method::DELETE, &path, &Value::Null).await.status, 200);
    assert_eq!(house.chat(&bo.token).await.status, 200);
}

#[tokio::test]
async fn members_see_and_change_their_own_keys_and_admins_all() {
    let house = House::start().await;
    let ada = house.person("ada@example.org", MemberRole::Owner).await;
    let bo = house.person("bo@example.org", MemberRole::Member).await;
    let (adas, _) = key(&house, &ada, "ada's").await;
    let (bos, _) = key(&house, &bo, "bo's").await;
    assert_eq!(names(&house.get(&bo.token, "/api/v1/keys").await), ["bo's"]);
    assert_eq!(names(&house.get(&ada.token, "/api/v1/keys").await), ["test", "ada's", "bo's"]);
    let both = json!({"hashes": [adas, bos]});
    let told = async |who: &Person| {
        house.by(&who.token, Method::POST, "/api/internal/keys/names", &both).await.json()
    };
    assert_eq!(told(&bo).await, json!({"data": {&*bos: "bo's"}}));
    assert_eq!(told(&ada).await, json!({"data": {&*bos: "bo's", &*adas: "ada's"}}));
    let path = |hash: &str| format!("/api/v1/keys/{hash}");
    for method in [Method::GET, Method::PATCH, Method::DELETE] {
        let body = if method == Method::PATCH { json!({"name": "x"}) } else { Value::Null };
        let refused = house.by(&bo.token, method.clone(), &path(&adas), &body).await;
        check_refused(&refused, 404, "not found");
        assert_eq!(house.by(&ada.token, method, &path(&bos), &body).await.status, 200);
    }
    // Otherwise 0 would take the operator's rates away.
    for rates in [json!({"concurrency": 0}), json!({"rate_limit": {"requests_per_day": 0}})] {
        let mut new = rates.clone();
        new["name"] = json!("k");
        let made = house.by(&bo.token, Method::POST, "/api/v1/keys", &new).await;
        check_refused(&made, 403, "rates");
        let (mine, _) = key(&house, &bo, "mine").await;
        let changed = house.by(&bo.token, Method::PATCH, &path(&mine), &rates).await;
        check_refused(&changed, 403, "rates");
        house.by(&bo.token, Method::DELETE, &path(&mine), &Value::Null).await;
    }
    let for_ada = json!({"name": "k", "creator_user_id": ada.member.id});
    let refused = house.by(&bo.token, Method::POST, "/api/v1/keys", &for_ada).await;
    check_refused(&refused, 403, "you are a member");
    let for_bo = json!({"name": "k", "creator_user_id": bo.member.id});
    assert_eq!(house.by(&ada.token, Method::POST, "/api/v1/keys", &for_bo).await.status, 201);
    assert_eq!(names(&house.get(&bo.token, "/api/v1/keys").await), ["k"]);
}

/// A member's keys see no more than the member. GEN-1
#[tokio::test]
async fn keys_of_members_see_their_members_generations() {
    let house = House::start().await;
    let ada = house.person("ada@example.org", MemberRole::Admin).await;
    let bo = house.person("bo@example.org", MemberRole::Member).await;
    let adas = house.gateway.generation(&house.chat(&ada.token).await).await.unwrap();
    let bos = house.gateway.generation(&house.chat(&bo.token).await).await.unwrap();
    let (_, key) = key(&house, &bo, "bo's").await;
    let new = NewApiKey {
        name: "bo's console".into(),
        creator: Some(bo.member.id.clone()),
        is_management: true,
        ..NewApiKey::default()
    };
    let console = house.store().create_api_key(new, &store::Actor::system(), 1).await.unwrap();
    house.gateway.app.catch_up().await.unwrap();
    for (key, may) in [
        (key.as_str(), false),
        (console.plaintext.expose(), false),
        // One of nobody sees what its account has.
        (house.gateway.key.as_str(), true),
    ] {
        let bearer = format!("Bearer {key}");
        let show = async |path: &str| {
            let headers = [("authorization", bearer.as_str())];
            house.send(Method::GET, path, &headers, &Value::Null).await.status.as_u16()
        };
        let expected = if may { 200 } else { 404 };
        assert_eq!(show(&format!("/api/v1/generation?id={}", adas.id)).await, expected);
        let content = format!("/api/v1/generation/content?id={}", adas.id);
        assert_eq!(show(&content).await == 404, !may);
        assert_eq!(show(&format!("/api/v1/generation?id={}", bos.id)).await, 200);
    }
}

/// What fails for others is counted, and its ids are not told.
#[tokio::test]
async fn members_are_told_of_their_own_failures() {
    let house = House::start().await;
    let ada = house.person("ada@example.org", MemberRole::Admin).await;
    let bo = house.person("bo@example.org", MemberRole::Member).await;
    for person in [&ada, &bo] {
        house.simulator.push(testkit::Script::status(400));
        assert_eq!(house.chat(&person.token).await.status, 400);
    }
    house.gateway.app.settlements.flush().await.unwrap();
    for (person, expected) in [(&ada, 2), (&bo, 1)] {
        let told = house.get(&person.token, "/api/internal/status/providers").await.json();
        let failures = told["data"][0]["last_failures"].as_array().map(Vec::len);
        assert_eq!(failures, Some(expected), "{told}");
    }
}

/// A key wins over the cookie.
#[tokio::test]
async fn who_sends_a_key_is_not_asked_for_its_cookie() {
    let house = House::start().await;
    let bo = house.person("bo@example.org", MemberRole::Member).await;
    let cookie = format!("trunkline_session={}", bo.token);
    let bearer = format!("Bearer {}", house.gateway.key);
    let headers = [("cookie", cookie.as_str()), ("authorization", bearer.as_str())];
    let answer = house.send(Method::GET, "/api/internal/session", &headers, &Value::Null).await;
    check_refused(&answer, 401, "without a key");
    let managed = house.send(Method::GET, "/api/v1/keys", &headers, &Value::Null).await;
    check_refused(&managed, 403, "management keys");
}

#[tokio::test]
async fn members_see_their_own_generations_and_figures() {
    let house = House::start().await;
    let ada = house.person("ada@example.org", MemberRole::Admin).await;
    let bo = house.person("bo@example.org", MemberRole::Member).await;
    let adas = house.gateway.generation(&house.chat(&ada.token).await).await.unwrap();
    let bos = house.gateway.generation(&house.chat(&bo.token).await).await.unwrap();
    let path = |id: &str| format!("/api/v1/generation?id={id}");
    check_refused(&house.get(&bo.token, &path(&adas.id)).await, 404, "not found");
    assert_eq!(house.get(&bo.token, &path(&bos.id)).await.status, 200);
    assert_eq!(house.get(&ada.token, &path(&bos.id)).await.status, 200);
    let content = format!("/api/v1/generation/content?id={}", adas.id);
    check_refused(&house.get(&bo.token, &content).await, 404, "not found");
    let feedback = json!({"generation_id": &*adas.id, "category": "other"});
    let path = "/api/v1/generation/feedback";
    check_refused(&house.by(&bo.token, Method::POST, path, &feedback).await, 404, "not found");
    let rows = |answer: &Answer| String::from_utf8_lossy(&answer.body).lines().count() - 1;
    let export = "/api/v1/generations/export";
    assert_eq!(rows(&house.get(&bo.token, export).await), 1);
    assert_eq!(rows(&house.get(&ada.token, export).await), 2);
    let count = async |path: &str| {
        let listed = house.get(&bo.token, &format!("/api/internal/generations{path}")).await.json();
        let rows = listed["data"].as_array().unwrap().clone();
        match rows.first().is_some_and(|row| row["ok"].is_i64()) {
            true => rows.iter().map(|row| row["ok"].as_i64().unwrap()).sum(),
            false => i64::try_from(rows.len()).unwrap(),
        }
    };
    for path in ["", "/histogram"] {
        assert_eq!(count(path).await, 1, "{path}");
        assert_eq!(count(&format!("{path}?key={}", adas.key_hash)).await, 0, "{path}");
    }
    // Its own stay its own when the key is deleted.
    let key = format!("/api/v1/keys/{}", bos.key_hash);
    assert_eq!(house.by(&bo.token, Method::DELETE, &key, &Value::Null).await.status, 200);
    assert_eq!(rows(&house.get(&bo.token, export).await), 1);
    assert_eq!(
        house.get(&bo.token, &format!("/api/v1/generation?id={}", bos.id)).await.status,
        200
    );

    let question = json!({"metrics": ["request_count"], "dimensions": ["user"]});
    let asked = house.by(&bo.token, Method::POST, "/api/v1/analytics/query", &question).await;
    let told = asked.json()["data"]["data"].clone();
    assert_eq!(told.as_array().map(Vec::len), Some(1), "{}", asked.json());
    assert_eq!(told[0]["user"], bo.member.id.as_str());
    let activity = format!("/api/v1/activity?user_id={}", ada.member.id);
    check_refused(&house.get(&bo.token, &activity).await, 403, "you are a member");
    assert_eq!(house.get(&ada.token, &activity).await.status, 200);
    assert_eq!(house.get(&bo.token, "/api/v1/activity").await.status, 200);
}

#[tokio::test]
async fn members_see_the_workspaces_they_are_in() {
    let house = House::start().await;
    let ada = house.person("ada@example.org", MemberRole::Owner).await;
    let bo = house.person("bo@example.org", MemberRole::Member).await;
    for slug in ["team", "other"] {
        let body = json!({"name": slug, "slug": slug});
        let made = house.by(&ada.token, Method::POST, "/api/v1/workspaces", &body).await;
        assert_eq!(made.status, 201, "{}", made.json());
    }
    let body = json!({"user_ids": [bo.member.id]});
    let added =
        house.by(&ada.token, Method::POST, "/api/v1/workspaces/team/members/add", &body).await;
    assert_eq!(added.status, 200, "{}", added.json());
    assert_eq!(names(&house.get(&bo.token, "/api/v1/workspaces").await), ["Default", "team"]);
    assert_eq!(house.get(&bo.token, "/api/v1/workspaces/other").await.status, 404);
    let body = json!({"name": "k", "workspace_id": "other"});
    let refused = house.by(&bo.token, Method::POST, "/api/v1/keys", &body).await;
    check_refused(&refused, 400, "workspace_id");
    let body = json!({"name": "k", "workspace_id": "team"});
    assert_eq!(house.by(&bo.token, Method::POST, "/api/v1/keys", &body).await.status, 201);
}

impl House {
    /// The default workspace keeps answers; everybody is in it.
    async fn keeping() -> Self {
        let house = Self::start().await;
        let workspace = house.store().workspaces().await.unwrap()[0].id.clone();
        let keep = |settings: &mut store::WorkspaceSettings| settings.stores_responses = true;
        let actor = store::Actor::system();
        house.store().update_workspace(&workspace, keep, &actor, 2).await.unwrap();
        house
    }

    /// Asks for an answer that is kept, and goes on from `previous`.
    async fn keep(&self, person: &Person, previous: Value) -> Value {
        let body = json!({"model": crate::support::MODEL, "store": true, "input": "a",
            "previous_response_id": previous});
        let answer = self.by(&person.token, Method::POST, "/api/v1/responses", &body).await;
        assert_eq!(answer.status, 200, "{}", answer.json());
        answer.json()
    }
}

#[tokio::test]
async fn answers_are_kept_by_session_as_by_key() {
    let house = House::keeping().await;
    let bo = house.person("bo@example.org", MemberRole::Member).await;
    let first = house.keep(&bo, Value::Null).await;
    assert_eq!(first["store"], true, "{first}");
    let next = house.keep(&bo, first["id"].clone()).await;
    assert_eq!(next["previous_response_id"], first["id"]);
    let path = format!("/api/v1/responses/{}", next["id"].as_str().unwrap());
    assert_eq!(house.get(&bo.token, &path).await.json(), next);
}

#[tokio::test]
async fn kept_answers_are_for_their_member_and_for_admins() {
    let house = House::keeping().await;
    let ada = house.person("ada@example.org", MemberRole::Admin).await;
    let bo = house.person("bo@example.org", MemberRole::Member).await;
    let cy = house.person("cy@example.org", MemberRole::Member).await;
    let (_, bos_key) = key(&house, &bo, "bo's").await;
    let (_, cys_key) = key(&house, &cy, "cy's").await;
    let told = house.keep(&bo, Value::Null).await;
    let path = format!("/api/v1/responses/{}", told["id"].as_str().unwrap());
    let items = format!("{path}/input_items");
    let cookie = |person: &Person| {
        [
            ("cookie", format!("trunkline_session={}", person.token)),
            ("sec-fetch-site", "same-origin".to_owned()),
        ]
    };
    let bearer =
        |key: &str| [("authorization", format!("Bearer {key}")), ("accept", "*/*".to_owned())];
    for (who, may) in [
        (cookie(&cy), false),
        (bearer(&cys_key), false),
        (cookie(&ada), true),
        (cookie(&bo), true),
        (bearer(&bos_key), true),
        // One of nobody sees what its workspace has.
        (bearer(&house.gateway.key), true),
    ] {
        let headers = who.each_ref().map(|(name, value)| (*name, value.as_str()));
        for path in [&path, &items] {
            let shown = house.send(Method::GET, path, &headers, &Value::Null).await;
            assert_eq!(shown.status, if may { 200 } else { 404 }, "{path} {headers:?}");
        }
        let next = json!({"model": crate::support::MODEL, "input": "b",
            "previous_response_id": told["id"]});
        let gone_on = house.send(Method::POST, "/api/v1/responses", &headers, &next).await;
        assert_eq!(gone_on.status, if may { 200 } else { 404 }, "{headers:?} {}", gone_on.json());
        if !may {
            let kept = house.send(Method::DELETE, &path, &headers, &Value::Null).await;
            check_refused(&kept, 404, "There is no stored answer");
        }
    }
    assert_eq!(house.by(&bo.token, Method::DELETE, &path, &Value::Null).await.status, 200);
    assert_eq!(house.get(&bo.token, &path).await.status, 404);
}

/// A key of a workspace that its member is not in any more stays off.
#[tokio::test]
async fn members_switch_on_no_key_of_a_workspace_they_left() {
    let house = House::start().await;
    let ada = house.person("ada@example.org", MemberRole::Owner).await;
    let bo = house.person("bo@example.org", MemberRole::Member).await;
    let team = json!({"name": "team", "slug": "team"});
    assert_eq!(house.by(&ada.token, Method::POST, "/api/v1/workspaces", &team).await.status, 201);
    let members = json!({"user_ids": [bo.member.id]});
    let in_team = async |what: &str| {
        let path = format!("/api/v1/workspaces/team/members/{what}");
        assert_eq!(house.by(&ada.token, Method::POST, &path, &members).await.status, 200);
    };
    in_team("add").await;
    let body = json!({"name": "k", "workspace_id": "team"});
    let made = house.by(&bo.token, Method::POST, "/api/v1/keys", &body).await.json();
    let path = format!("/api/v1/keys/{}", made["data"]["hash"].as_str().unwrap());
    let switch = async |who: &Person, off: bool| {
        house.by(&who.token, Method::PATCH, &path, &json!({"disabled": off})).await
    };
    assert_eq!(switch(&bo, true).await.status, 200);
    assert_eq!(switch(&bo, false).await.status, 200);
    assert_eq!(switch(&bo, true).await.status, 200);
    in_team("remove").await;
    check_refused(&switch(&bo, false).await, 403, "workspace");
    let named = house.by(&bo.token, Method::PATCH, &path, &json!({"name": "old"})).await;
    assert_eq!(named.status, 200);
    assert_eq!(switch(&ada, false).await.status, 200);
}
