//! Signing in and out.

use http::Method;
use serde_json::{Value, json};
use store::{Actor, Device, MemberRole, SESSION_IDLE, SESSION_LIFE};

use super::{House, PASSWORD, check_refused, token_of};

const SESSION: &str = "/api/internal/session";

#[tokio::test]
async fn a_password_is_a_session_and_logging_out_ends_it() {
    let house = House::start().await;
    house.set_up().await;
    for (email, password) in [
        ("ada@example.org", "wrong horse battery"),
        ("nobody@example.org", PASSWORD),
        ("ada@example.org", ""),
    ] {
        let refused = house.log_in(email, password).await;
        check_refused(&refused, 401, "The mail address or the password is wrong");
        assert!(!refused.headers.contains_key("set-cookie"));
    }
    let answer = house.log_in(" ADA@example.org", PASSWORD).await;
    assert_eq!(answer.status, 200);
    let token = token_of(&answer);
    assert_eq!(house.get(&token, SESSION).await.json(), answer.json());
    let left = house.by(&token, Method::POST, "/api/internal/logout", &Value::Null).await;
    assert_eq!(left.json(), json!({"deleted": true}));
    assert!(left.headers["set-cookie"].to_str().unwrap().contains("Max-Age=0"));
    check_refused(&house.get(&token, SESSION).await, 401, "session has ended");
    let nobody = house.send(Method::GET, SESSION, &[], &Value::Null).await;
    check_refused(&nobody, 401, "not signed in");
    let again = house.send(Method::POST, "/api/internal/logout", &[], &Value::Null).await;
    assert_eq!(again.status, 200);
    let log = format!("{:?}", house.store().audit_page(None, 100).await.unwrap());
    assert!(log.contains("session.begin") && log.contains("session.end") && !log.contains(&token));
    assert!(!log.contains(PASSWORD) && !log.contains("argon2"));
}

#[tokio::test]
async fn five_failures_lock_an_account_whether_or_not_there_is_one() {
    let house = House::start().await;
    house.set_up().await;
    for email in ["ada@example.org", "nobody@example.org"] {
        for _ in 0..5 {
            assert_eq!(house.log_in(email, "wrong").await.status, 401);
        }
        // The right one does not help any more.
        let locked = house.log_in(email, PASSWORD).await;
        check_refused(&locked, 429, "try again after 20");
        let seconds: u64 = locked.headers["retry-after"].to_str().unwrap().parse().unwrap();
        assert!((1..=901).contains(&seconds), "{seconds}");
    }
}

#[tokio::test]
async fn sessions_end_by_time_and_by_rest() {
    let house = House::start().await;
    let person = house.person("bo@example.org", MemberRole::Member).await;
    let now = gateway::clock::now_micros();
    let (device, actor) = (Device::default(), Actor::system());
    let mut tokens = Vec::new();
    // The first is near its end, but was in use; the second had a rest that was too long.
    for (begun, seen) in
        [(now - SESSION_LIFE + 60_000_000, now - 1), (now - SESSION_IDLE - 1, now - SESSION_IDLE)]
    {
        let created = house.store().begin_session(&person.member.id, &device, &actor, begun).await;
        let created = created.unwrap();
        house.store().session_seen(&created.session.id, seen).await.unwrap();
        tokens.push(created);
    }
    house.gateway.app.catch_up().await.unwrap();
    assert_eq!(house.get(tokens[0].token.expose(), SESSION).await.status, 200);
    assert_eq!(house.get(tokens[1].token.expose(), SESSION).await.status, 401);
    let listed = house.get(&person.token, "/api/internal/sessions").await.json();
    assert_eq!(listed["data"].as_array().unwrap().len(), 2, "{listed}");
}

#[tokio::test]
async fn one_sees_ones_sessions_and_ends_them() {
    let house = House::start().await;
    let (ada, bo) = (
        house.person("ada@example.org", MemberRole::Owner).await,
        house.person("bo@example.org", MemberRole::Member).await,
    );
    let other = house.session_of(&ada.member).await;
    let listed = house.get(&ada.token, "/api/internal/sessions").await.json();
    let current: Vec<_> =
        listed["data"].as_array().unwrap().iter().map(|one| one["is_current"].clone()).collect();
    assert_eq!(current.len(), 2);
    let id = listed["data"].as_array().unwrap().iter().find(|one| one["is_current"] == false);
    let path = format!("/api/internal/sessions/{}", id.unwrap()["id"].as_str().unwrap());
    // Nobody ends another's, not even an owner.
    check_refused(&house.by(&bo.token, Method::DELETE, &path, &Value::Null).await, 404, "Session");
    assert_eq!(house.get(&other, SESSION).await.status, 200);
    let ended = house.by(&ada.token, Method::DELETE, &path, &Value::Null).await;
    assert_eq!(ended.json(), json!({"deleted": true}));
    assert_eq!(house.get(&other, SESSION).await.status, 401);
    assert!(!listed.to_string().contains(&ada.token));
}

#[tokio::test]
async fn a_new_password_needs_the_old_one_and_ends_other_sessions() {
    let house = House::start().await;
    let token = house.set_up().await;
    let other = token_of(&house.log_in("ada@example.org", PASSWORD).await);
    let profile = "/api/internal/profile";
    let new = "a new password";
    for (body, named) in [
        (json!({"new_password": new}), "current_password"),
        (json!({"new_password": new, "current_password": "x"}), "current_password: is wrong"),
        (json!({"new_password": "short", "current_password": PASSWORD}), "new_password"),
        (json!({"name": " "}), "name"),
        (json!({"role": "owner"}), "role"),
    ] {
        check_refused(&house.by(&token, Method::PATCH, profile, &body).await, 400, named);
    }
    let named = house.by(&token, Method::PATCH, profile, &json!({"name": "Ada K."})).await;
    assert_eq!(named.json()["member"]["name"], "Ada K.");
    let body = json!({"new_password": new, "current_password": PASSWORD});
    let changed = house.by(&token, Method::PATCH, profile, &body).await;
    assert_eq!(changed.status, 200, "{}", changed.json());
    assert_eq!(house.get(&token_of(&changed), SESSION).await.status, 200);
    for ended in [token, other] {
        assert_eq!(house.get(&ended, SESSION).await.status, 401);
    }
    assert_eq!(house.log_in("ada@example.org", PASSWORD).await.status, 401);
    assert_eq!(house.log_in("ada@example.org", new).await.status, 200);
}

/// Changes by cookie come from our own pages, a key wins over a cookie, and no other origin is told
/// anything.
#[tokio::test]
async fn a_cookie_counts_only_where_nobody_else_can_have_sent_it() {
    let house = House::start().await;
    let ada = house.person("ada@example.org", MemberRole::Owner).await;
    let cookie = format!("a=b; trunkline_session={}", ada.token);
    let cookie = ("cookie", cookie.as_str());
    let body = json!({"name": "k"});
    for site in ["cross-site", "same-site", "none"] {
        let headers = [cookie, ("sec-fetch-site", site)];
        let refused = house.send(Method::POST, "/api/v1/keys", &headers, &body).await;
        check_refused(&refused, 403, "X-Trunkline-Request");
        let chat = house.send(Method::POST, "/api/v1/chat/completions", &headers, &body).await;
        check_refused(&chat, 403, "X-Trunkline-Request");
    }
    let refused = house.send(Method::POST, "/api/v1/keys", &[cookie], &body).await;
    check_refused(&refused, 403, "X-Trunkline-Request");
    let headers = [cookie, ("x-trunkline-request", "1")];
    let made = house.send(Method::POST, "/api/v1/keys", &headers, &body).await;
    assert_eq!(made.status, 201);
    // A key of the wrong kind, or none that is valid, is what counts.
    for (key, status) in [(house.gateway.key.as_str(), 403), ("sk-or-v1-0", 401), ("", 401)] {
        let bearer = format!("Bearer {key}");
        let headers = [cookie, ("authorization", bearer.as_str())];
        let answer = house.send(Method::GET, "/api/v1/keys", &headers, &Value::Null).await;
        assert_eq!(answer.status, status, "{key}");
    }
    // A proxy's own scheme is not ours.
    let headers = [cookie, ("authorization", "Basic YTpi")];
    assert_eq!(house.send(Method::GET, "/api/v1/keys", &headers, &Value::Null).await.status, 200);
    let origin = ("origin", "https://elsewhere.example");
    for (method, path) in [
        (Method::GET, "/api/v1/keys"),
        (Method::GET, SESSION),
        (Method::OPTIONS, SESSION),
        (Method::OPTIONS, "/api/v1/keys"),
    ] {
        let answer = house.send(method.clone(), path, &[cookie, origin], &Value::Null).await;
        assert!(!answer.headers.contains_key("access-control-allow-credentials"), "{path}");
        let is_open = path.starts_with("/api/v1");
        let allowed = answer.headers.get("access-control-allow-origin");
        assert_eq!(allowed.map(|value| value.to_str().unwrap()), is_open.then_some("*"), "{path}");
    }
}

/// A page of another site that signs somebody in makes it work in another's name. Browsers tell
/// where a request comes from by Sec-Fetch-Site; over plain http by Origin alone.
#[tokio::test]
async fn other_pages_sign_nobody_in() {
    let house = House::start().await;
    let setup = json!({
        "code": house.setup_code().await, "email": "ada@example.org", "name": "Ada",
        "password": PASSWORD,
    });
    let login = json!({"email": "ada@example.org", "password": PASSWORD});
    let foreign = ["http://evil.example", "http://gateway:81", "https://gateway.evil", "null"];
    let send = async |path: &str, headers: &[(&str, &str)], body: &Value| {
        let path = format!("/api/internal/{path}");
        house.send(Method::POST, &path, headers, body).await
    };
    for (path, body) in [
        ("setup", &setup),
        ("login", &login),
        ("invites/accept", &json!({"secret": "s", "password": PASSWORD})),
    ] {
        for origin in foreign {
            let headers = [("origin", origin), ("content-type", "text/plain")];
            let refused = send(path, &headers, body).await;
            check_refused(&refused, 403, "another site");
            assert!(!refused.headers.contains_key("set-cookie"));
        }
    }
    assert_eq!(send("setup", &[("origin", "http://gateway")], &setup).await.status, 201);
    let public = house.gateway.app.settings.public_url.clone();
    for headers in [
        [("origin", "http://gateway"), ("accept", "*/*")],
        [("origin", "http://GATEWAY:80"), ("accept", "*/*")],
        [("origin", public.as_str()), ("accept", "*/*")],
        // Behind a proxy that names another host: no other page can send this.
        [("origin", "http://proxy.example"), ("x-trunkline-request", "1")],
        [("origin", "http://proxy.example"), ("sec-fetch-site", "same-origin")],
    ] {
        assert_eq!(send("login", &headers, &login).await.status, 200, "{headers:?}");
    }
}

#[tokio::test]
async fn failures_to_sign_in_are_counted() {
    let house = House::start().await;
    let token = house.set_up().await;
    let change = json!({"new_password": "a new password", "current_password": "wrong"});
    let profile = "/api/internal/profile";
    assert_eq!(house.by(&token, Method::PATCH, profile, &change).await.status, 400);
    for _ in 0..4 {
        assert_eq!(house.log_in("ada@example.org", "wrong").await.status, 401);
    }
    for _ in 0..3 {
        assert_eq!(house.log_in("ada@example.org", PASSWORD).await.status, 429);
    }
    assert_eq!(house.log_in("nobody@example.org", PASSWORD).await.status, 401);
    let text = house.gateway.app.metrics.render();
    for (reason, count) in [("Password", 6), ("Locked", 3)] {
        let line = format!("trunkline_sign_in_failures_total{{reason=\"{reason}\"}} {count}");
        assert!(text.contains(&line), "{line} is not in: {text}");
    }
}
