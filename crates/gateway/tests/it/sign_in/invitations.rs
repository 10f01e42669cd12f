//! Links by which people become members, or set their password anew.

use http::Method;
use serde_json::{Value, json};
use store::MemberRole;

use super::{House, PASSWORD, check_refused, token_of};
use crate::support::{Answer, settings};

const INVITES: &str = "/api/internal/invites";

/// What is secret in a link to a page.
fn secret(page: &str, url: &Value) -> String {
    let url = url.as_str().unwrap();
    let rest = url.strip_prefix("https://llm.example.org/gw/").and_then(|at| at.strip_prefix(page));
    // Nothing that is sent to a server or a proxy tells it.
    rest.and_then(|rest| rest.strip_prefix('#')).unwrap_or_else(|| panic!("{url}")).into()
}

/// What the page of a link asks.
async fn shown(house: &House, secret: &str) -> Answer {
    let body = json!({"secret": secret});
    house.send(Method::POST, &format!("{INVITES}/show"), &[], &body).await
}

/// What the page of a link sends.
async fn accepted(house: &House, secret: &str, mut body: Value) -> Answer {
    body["secret"] = secret.into();
    house.send(Method::POST, &format!("{INVITES}/accept"), &[], &body).await
}

async fn house() -> House {
    let public_url = "https://llm.example.org/gw".to_owned();
    let base_path = "/gw".parse().unwrap();
    House::with_settings(gateway::Settings { public_url, base_path, ..settings() }).await
}

#[tokio::test]
async fn somebody_who_is_invited_becomes_a_member_once() {
    let house = house().await;
    let ada = house.person("ada@example.org", MemberRole::Admin).await;
    let body = json!({"email": "Bo@example.org", "role": "member"});
    let first = house.by(&ada.token, Method::POST, INVITES, &body).await.json();
    let made = house.by(&ada.token, Method::POST, INVITES, &body).await;
    assert_eq!(made.status, 201);
    let made = made.json();
    assert_eq!((&made["email"], &made["role"]), (&json!("bo@example.org"), &json!("member")));
    assert_eq!(made["created_by"], ada.member.id.as_str());
    let listed = house.get(&ada.token, INVITES).await.json();
    assert_eq!(listed["data"].as_array().unwrap().len(), 1, "another took the place of the first");
    assert_eq!((&listed["data"][0]["id"], &listed["data"][0]["url"]), (&made["id"], &json!(null)));

    let (old, new) = (secret("invite", &first["url"]), secret("invite", &made["url"]));
    check_refused(&shown(&house, &old).await, 404, "link");
    let found = shown(&house, &new).await.json();
    assert_eq!((&found["kind"], &found["email"]), (&json!("invite"), &json!("bo@example.org")));
    let path = format!("{INVITES}/{new}");
    for method in [Method::GET, Method::POST] {
        let refused = house.send(method, &path, &[], &json!({})).await;
        assert!(matches!(refused.status.as_u16(), 401 | 405), "no route has it in its address");
    }
    check_refused(
        &house.send(Method::POST, &format!("{INVITES}/show"), &[], &json!({})).await,
        400,
        "secret",
    );
    for (body, named) in [
        (json!({"password": PASSWORD}), "name"),
        (json!({"name": "Bo", "password": "short"}), "password"),
        (json!({"name": "Bo"}), "password"),
    ] {
        check_refused(&accepted(&house, &new, body).await, 400, named);
    }
    let body = json!({"name": "Bo", "password": PASSWORD});
    let joined = accepted(&house, &new, body.clone()).await;
    assert_eq!(joined.status, 200, "{}", joined.json());
    let cookie = joined.headers["set-cookie"].to_str().unwrap();
    assert!(cookie.contains("Path=/gw/;") && cookie.ends_with("; Secure"), "{cookie}");
    assert_eq!(joined.json()["abilities"], json!(["keys.own"]));
    let bo = token_of(&joined);
    assert_eq!(house.get(&bo, "/api/internal/session").await.status, 200);
    check_refused(&accepted(&house, &new, body).await, 404, "link");
    let again = json!({"email": "bo@example.org", "role": "member"});
    let refused = house.by(&ada.token, Method::POST, INVITES, &again).await;
    check_refused(&refused, 400, "email");

    let body = json!({"email": "cy@example.org", "role": "member"});
    let made = house.by(&ada.token, Method::POST, INVITES, &body).await.json();
    let path = format!("{INVITES}/{}", made["id"].as_str().unwrap());
    assert_eq!(house.by(&ada.token, Method::DELETE, &path, &Value::Null).await.status, 200);
    check_refused(&house.by(&ada.token, Method::DELETE, &path, &Value::Null).await, 404, "Invit");
    let withdrawn = secret("invite", &made["url"]);
    check_refused(&shown(&house, &withdrawn).await, 404, "link");
    let log = format!("{:?}", house.store().audit_page(None, 100).await.unwrap());
    assert!(log.contains("invitation.accept") && !log.contains(&withdrawn));
}

#[tokio::test]
async fn a_password_is_set_anew_by_a_link_and_all_sessions_end() {
    let house = house().await;
    let ada = house.set_up().await;
    let bo = house.person("bo@example.org", MemberRole::Member).await;
    let path = format!("/api/internal/members/{}/reset", bo.member.id);
    let made = house.by(&ada, Method::POST, &path, &Value::Null).await.json();
    assert!(made["expires_at"].is_string());
    let secret = secret("reset", &made["url"]);
    let found = shown(&house, &secret).await.json();
    assert_eq!((&found["kind"], &found["email"]), (&json!("reset"), &json!("bo@example.org")));
    assert!(house.get(&ada, INVITES).await.json()["data"].as_array().unwrap().is_empty());
    let body = json!({"password": "another password"});
    let set = accepted(&house, &secret, body.clone()).await;
    assert_eq!(set.status, 200, "{}", set.json());
    assert_eq!(house.get(&bo.token, "/api/internal/session").await.status, 401);
    assert_eq!(house.log_in("bo@example.org", "another password").await.status, 200);
    check_refused(&accepted(&house, &secret, body).await, 404, "link");
}
