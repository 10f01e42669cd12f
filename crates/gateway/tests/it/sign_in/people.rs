//! Members are changed and removed, owners by owners alone.

use http::Method;
use serde_json::{Value, json};
use store::{Actor, MemberRole, NewApiKey};

use super::{House, check_refused};

fn path(id: &str) -> String {
    format!("/api/internal/members/{id}")
}

#[tokio::test]
async fn only_owners_make_change_and_remove_owners() {
    let house = House::start().await;
    let ada = house.person("ada@example.org", MemberRole::Owner).await;
    let bo = house.person("bo@example.org", MemberRole::Admin).await;
    let cy = house.person("cy@example.org", MemberRole::Member).await;
    let (adas, cys) = (path(&ada.member.id), path(&cy.member.id));
    let public = format!("/api/v1/organization/members/{}", ada.member.id);
    let owner = json!({"email": "di@example.org", "role": "owner"});
    let made = json!({"email": "di@example.org", "role": "org:owner"});
    let limit = format!("/api/v1/organization/members/{}/limits/daily", ada.member.id);
    for (method, path, body) in [
        (Method::PATCH, adas.clone(), json!({"role": "member"})),
        (Method::PATCH, adas.clone(), json!({"name": "x"})),
        (Method::PATCH, cys.clone(), json!({"role": "owner"})),
        (Method::PATCH, path(&bo.member.id), json!({"role": "owner"})),
        (Method::DELETE, adas.clone(), Value::Null),
        (Method::POST, format!("{adas}/reset"), Value::Null),
        (Method::PUT, limit.clone(), json!({"limit_usd": 0})),
        (Method::DELETE, limit, Value::Null),
        (Method::POST, "/api/internal/invites".to_owned(), owner),
        (Method::PATCH, public.clone(), json!({"role": "org:member"})),
        (Method::DELETE, public, Value::Null),
        (Method::POST, "/api/v1/organization/members".to_owned(), made),
    ] {
        let refused = house.by(&bo.token, method.clone(), &path, &body).await;
        check_refused(&refused, 403, "Only owners");
    }
    let raised = house.by(&bo.token, Method::PATCH, &cys, &json!({"role": "admin"})).await;
    assert_eq!(raised.json()["role"], "admin");
    // In force at once.
    assert_eq!(house.get(&cy.token, "/api/v1/audit").await.status, 200);
    let raised = house.by(&ada.token, Method::PATCH, &cys, &json!({"role": "owner"})).await;
    assert_eq!(raised.json()["role"], "owner");
    let left = house.by(&ada.token, Method::PATCH, &adas, &json!({"role": "admin"})).await;
    assert_eq!(left.status, 200);
    let last = house.by(&cy.token, Method::PATCH, &cys, &json!({"role": "admin"})).await;
    check_refused(&last, 400, "without an owner");
}

/// A key that an admin made has an admin's powers, so that nobody rises by it.
#[tokio::test]
async fn a_management_key_is_as_mighty_as_who_made_it() {
    let house = House::start().await;
    let ada = house.person("ada@example.org", MemberRole::Owner).await;
    let bo = house.person("bo@example.org", MemberRole::Admin).await;
    let new = NewApiKey {
        name: "bo's".into(),
        creator: Some(bo.member.id.clone()),
        is_management: true,
        ..NewApiKey::default()
    };
    let created = house.store().create_api_key(new, &Actor::system(), 1).await.unwrap();
    house.gateway.app.catch_up().await.unwrap();
    let bearer = format!("Bearer {}", created.plaintext.expose());
    let headers = [("authorization", bearer.as_str())];
    let raise = json!({"role": "owner"});
    let own = path(&bo.member.id);
    check_refused(&house.send(Method::PATCH, &own, &headers, &raise).await, 403, "Only owners");
    assert_eq!(house.send(Method::GET, "/api/v1/audit", &headers, &Value::Null).await.status, 200);
    let lower = json!({"role": "member"});
    assert_eq!(house.by(&ada.token, Method::PATCH, &own, &lower).await.status, 200);
    let refused = house.send(Method::GET, "/api/v1/audit", &headers, &Value::Null).await;
    check_refused(&refused, 403, "you are a member");
}

/// Removal takes its powers away, and a key made by a key has none of its own.
#[tokio::test]
async fn management_keys_end_with_the_member_who_made_them() {
    let house = House::start().await;
    let ada = house.person("ada@example.org", MemberRole::Owner).await;
    let bo = house.person("bo@example.org", MemberRole::Admin).await;
    let route = "/api/internal/management-keys";
    let body = json!({"name": "k"});
    let first = house.by(&bo.token, Method::POST, route, &body).await.json();
    let first = format!("Bearer {}", first["key"].as_str().unwrap());
    let headers = [("authorization", first.as_str())];
    let second = house.send(Method::POST, route, &headers, &body).await.json();
    assert_eq!(second["data"]["creator"], bo.member.id.as_str());
    let second = format!("Bearer {}", second["key"].as_str().unwrap());
    let role = async |role: &str| {
        let body = json!({"role": role});
        let own = path(&bo.member.id);
        assert_eq!(house.by(&ada.token, Method::PATCH, &own, &body).await.status, 200);
    };
    let audit = async |key: &str, method| {
        let headers = [("authorization", key)];
        house.send(method, "/api/v1/audit", &headers, &Value::Null).await
    };
    assert_eq!(audit(&second, Method::GET).await.status, 200);
    assert_eq!(audit(&second, Method::HEAD).await.status, 200);
    role("member").await;
    for key in [&first, &second] {
        check_refused(&audit(key, Method::GET).await, 403, "you are a member");
        assert_eq!(audit(key, Method::HEAD).await.status, 403);
    }
    role("admin").await;
    let own = path(&bo.member.id);
    assert_eq!(house.by(&ada.token, Method::DELETE, &own, &Value::Null).await.status, 200);
    for key in [&first, &second] {
        check_refused(&audit(key, Method::GET).await, 401, "No auth credentials");
    }
    // One whose maker nobody knows is nobody's.
    let new = NewApiKey {
        name: "stray".into(),
        creator: Some("user_gone".into()),
        is_management: true,
        ..NewApiKey::default()
    };
    let created = house.store().create_api_key(new, &Actor::system(), 1).await.unwrap();
    house.gateway.app.catch_up().await.unwrap();
    let stray = format!("Bearer {}", created.plaintext.expose());
    check_refused(&audit(&stray, Method::GET).await, 401, "not a member any more");
    let headers = [("authorization", stray.as_str())];
    let row = house.send(Method::GET, "/api/v1/generation?id=gen-1", &headers, &Value::Null).await;
    check_refused(&row, 401, "not a member any more");
}

#[tokio::test]
async fn a_member_is_removed_with_its_sessions_once_it_has_no_keys_in_use() {
    let house = House::start().await;
    let ada = house.person("ada@example.org", MemberRole::Owner).await;
    let bo = house.person("bo@example.org", MemberRole::Member).await;
    assert_eq!(house.chat(&bo.token).await.status, 200);
    let made = house.by(&bo.token, Method::POST, "/api/v1/keys", &json!({"name": "ci bot"})).await;
    let hash = made.json()["data"]["hash"].as_str().unwrap().to_owned();
    let own = path(&bo.member.id);
    let refused = house.by(&ada.token, Method::DELETE, &own, &Value::Null).await;
    check_refused(&refused, 409, "ci bot");
    assert!(!refused.json().to_string().contains("Playground"), "that one goes with its member");
    assert_eq!(house.get(&bo.token, "/api/internal/session").await.status, 200);
    let key = format!("/api/v1/keys/{hash}");
    house.by(&bo.token, Method::DELETE, &key, &Value::Null).await;
    let removed = house.by(&ada.token, Method::DELETE, &own, &Value::Null).await;
    assert_eq!(removed.json(), json!({"deleted": true}));
    assert_eq!(house.get(&bo.token, "/api/internal/session").await.status, 401);
    assert_eq!(house.chat(&bo.token).await.status, 401);
}

#[tokio::test]
async fn limits_are_set_by_admins_and_seen_by_their_member() {
    let house = House::start().await;
    let ada = house.person("ada@example.org", MemberRole::Admin).await;
    let bo = house.person("bo@example.org", MemberRole::Member).await;
    let shown = format!("/api/v1/organization/members/{}", bo.member.id);
    let daily = format!("{shown}/limits/daily");
    let body = json!({"limit_usd": 2.5});
    check_refused(&house.by(&bo.token, Method::PUT, &daily, &body).await, 403, "admin");
    let set = house.by(&ada.token, Method::PUT, &daily, &body).await.json();
    let mut expected = set["data"]["limits"].clone();
    let told = ["limit_usd", "used_usd", "remaining_usd"].map(|name| expected[0][name].clone());
    assert_eq!(json!(told), json!([2.5, 0, 2.5]));
    assert_eq!(house.get(&bo.token, &shown).await.json()["data"]["limits"], expected);
    let adas = format!("/api/v1/organization/members/{}/limits/weekly", ada.member.id);
    house.by(&ada.token, Method::PUT, &adas, &body).await;
    let all = "/api/internal/members/limits";
    expected[0]["member_id"] = bo.member.id.clone().into();
    assert_eq!(house.get(&bo.token, all).await.json(), json!({"data": expected}));
    let of_both = house.get(&ada.token, all).await.json();
    assert_eq!(of_both["data"].as_array().unwrap().len(), 2, "{of_both}");
    let removed = house.by(&ada.token, Method::DELETE, &daily, &Value::Null).await;
    assert_eq!(removed.json(), json!({"deleted": true}));
    assert_eq!(house.get(&bo.token, &shown).await.json()["data"]["is_owner"], false);
    let shown = format!("/api/v1/organization/members/{}", ada.member.id);
    check_refused(&house.get(&bo.token, &shown).await, 403, "another member's");
}

/// A management key that bo made while it was an admin, which it is not any more; and its daily
/// limit is nothing.
async fn lowered(house: &House) -> (super::Person, super::Person, String) {
    let ada = house.person("ada@example.org", MemberRole::Owner).await;
    let bo = house.person("bo@example.org", MemberRole::Admin).await;
    let body = json!({"name": "k"});
    let made = house.by(&bo.token, Method::POST, "/api/internal/management-keys", &body).await;
    let key = format!("Bearer {}", made.json()["key"].as_str().unwrap());
    let (own, lower) = (path(&bo.member.id), json!({"role": "member"}));
    assert_eq!(house.by(&ada.token, Method::PATCH, &own, &lower).await.status, 200);
    let limit = format!("/api/v1/organization/members/{}/limits/daily", bo.member.id);
    let nothing = json!({"limit_usd": 0});
    assert_eq!(house.by(&ada.token, Method::PUT, &limit, &nothing).await.status, 200);
    (ada, bo, key)
}

/// Whoever has only keys of its own makes no others, by whichever key: they would be without its
/// limits, and see what everybody asks.
#[tokio::test]
async fn keys_that_a_members_management_key_makes_are_the_members() {
    let house = House::start().await;
    let (ada, bo, manager) = lowered(&house).await;
    let adas = house.gateway.generation(&house.chat(&ada.token).await).await.unwrap();
    let headers = [("authorization", manager.as_str())];
    let body = json!({"name": "direct"});
    let direct = house.send(Method::POST, "/api/v1/keys", &headers, &body).await.json();
    assert_eq!(direct["data"]["creator_user_id"], bo.member.id.as_str(), "{direct}");
    assert_eq!(direct["data"]["member"]["id"], bo.member.id.as_str(), "{direct}");
    let body = json!({"callback_url": "https://app.example/"});
    let code = house.send(Method::POST, "/api/v1/auth/keys/code", &headers, &body).await.json();
    let approve = "/api/v1/auth/consent/approve";
    let approved = house.send(Method::POST, approve, &headers, &body).await.json();
    let mut keys = vec![direct["key"].clone()];
    for code in [&code["data"]["id"], &approved["data"]["code"]] {
        let body = json!({"code": code});
        let made = house.send(Method::POST, "/api/v1/auth/keys", &[], &body).await.json();
        assert_eq!(made["user_id"], bo.member.id.as_str(), "{made}");
        keys.push(made["key"].clone());
    }
    for key in keys {
        let bearer = format!("Bearer {}", key.as_str().unwrap());
        let headers = [("authorization", bearer.as_str())];
        let body = json!({"model": crate::support::MODEL,
            "messages": [{"role": "user", "content": "hi"}]});
        let asked = house.send(Method::POST, "/api/v1/chat/completions", &headers, &body).await;
        check_refused(&asked, 403, "daily");
        let row = format!("/api/v1/generation?id={}", adas.id);
        let shown = house.send(Method::GET, &row, &headers, &Value::Null).await;
        check_refused(&shown, 404, "not found");
    }
    let listed = house.get(&bo.token, "/api/v1/keys").await.json();
    assert_eq!(listed["data"].as_array().map(Vec::len), Some(3), "its member sees them: {listed}");
}

/// What grants a key to an application may end before the key is made. OAUTH-3
#[tokio::test]
async fn a_code_ends_with_what_granted_it() {
    let house = House::start().await;
    let ada = house.person("ada@example.org", MemberRole::Owner).await;
    let bo = house.person("bo@example.org", MemberRole::Member).await;
    let made = house
        .by(&ada.token, Method::POST, "/api/internal/management-keys", &json!({"name": "k"}))
        .await
        .json();
    let manager = format!("Bearer {}", made["key"].as_str().unwrap());
    let team = json!({"name": "team", "slug": "team"});
    assert_eq!(house.by(&ada.token, Method::POST, "/api/v1/workspaces", &team).await.status, 201);
    let members = json!({"user_ids": [bo.member.id]});
    let in_team = async |what: &str| {
        let path = format!("/api/v1/workspaces/team/members/{what}");
        assert_eq!(house.by(&ada.token, Method::POST, &path, &members).await.status, 200);
    };
    in_team("add").await;
    let asked = json!({"callback_url": "https://app.example/"});
    let mut for_team = asked.clone();
    for_team["workspace_id"] = json!("team");
    let approved = async |body: &Value| {
        let path = "/api/v1/auth/consent/approve";
        house.by(&bo.token, Method::POST, path, body).await.json()["data"]["code"].clone()
    };
    let by_key = async || {
        let (path, headers) = ("/api/v1/auth/keys/code", [("authorization", manager.as_str())]);
        house.send(Method::POST, path, &headers, &asked).await.json()["data"]["id"].clone()
    };
    let exchange = async |code: &Value| {
        assert!(code.is_string());
        house.send(Method::POST, "/api/v1/auth/keys", &[], &json!({"code": code})).await
    };
    let (kept, outside) = (approved(&asked).await, approved(&for_team).await);
    in_team("remove").await;
    check_refused(&exchange(&outside).await, 403, "Invalid code");
    assert_eq!(exchange(&kept).await.status, 200, "it is in the default workspace all the same");

    let code = by_key().await;
    assert_eq!(exchange(&by_key().await).await.status, 200);
    let revoke =
        format!("/api/internal/management-keys/{}", made["data"]["hash"].as_str().unwrap());
    assert_eq!(house.by(&ada.token, Method::DELETE, &revoke, &Value::Null).await.status, 200);
    check_refused(&exchange(&code).await, 403, "Invalid code");
}
