//! The management API: keys, credit, workspaces, members, codes, records. AUTH-7

mod activity;
mod analytics;
mod audit;
mod authorization;
mod credentials;
mod credits;
mod generations;
mod keys;
mod log;
mod management_keys;
mod members;
mod privacy;
mod rotation;
mod status;
mod workspaces;

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::Full;
use serde_json::{Value, json};
use store::{Actor, Member, MemberRole, NewApiKey, NewMember};
use testkit::{Protocol, Simulator};

use super::support::{Answer, Gateway, MODEL, Upstream};

/// A gateway with one provider, and a management key.
struct Managed {
    gateway: Gateway,
    key: String,
    simulator: Simulator,
}

impl Managed {
    async fn start() -> Self {
        let simulator = Simulator::start().await.unwrap();
        let gateway = Gateway::start(&[Upstream::of(&simulator, Protocol::OpenAi, "one")]).await;
        Self::over(gateway, simulator).await
    }

    /// The same over a gateway that a test has made.
    async fn over(gateway: Gateway, simulator: Simulator) -> Self {
        let new = NewApiKey { name: "manager".into(), is_management: true, ..NewApiKey::default() };
        let created = gateway.app.store.create_api_key(new, &Actor::system(), 1).await.unwrap();
        gateway.app.reload().await.unwrap();
        let key = created.plaintext.expose().to_owned();
        Self { gateway, key, simulator }
    }

    async fn call_with(&self, key: &str, method: Method, path: &str, body: Bytes) -> Answer {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "gateway")
            .header("authorization", format!("Bearer {key}"))
            .body(Full::new(body))
            .unwrap();
        self.gateway.send(request).await
    }

    /// Calls what is the gateway's own.
    async fn internal(&self, method: Method, path: &str, body: &Value) -> Answer {
        let body = if body.is_null() { Bytes::new() } else { body.to_string().into() };
        self.call_with(&self.key, method, &format!("/api/internal{path}"), body).await
    }

    async fn show(&self, path: &str) -> Value {
        let answer = self.internal(Method::GET, path, &Value::Null).await;
        let shown = answer.json();
        assert_eq!(answer.status, 200, "{path}: {shown}");
        shown
    }

    async fn get(&self, path: &str) -> Answer {
        self.call_with(&self.key, Method::GET, &format!("/api/v1{path}"), Bytes::new()).await
    }

    async fn delete(&self, path: &str) -> Answer {
        self.call_with(&self.key, Method::DELETE, &format!("/api/v1{path}"), Bytes::new()).await
    }

    async fn send(&self, method: Method, path: &str, body: &Value) -> Answer {
        let body = Bytes::from(body.to_string());
        self.call_with(&self.key, method, &format!("/api/v1{path}"), body).await
    }

    async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::POST, path, body).await
    }

    async fn patch(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::PATCH, path, body).await
    }

    async fn put(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::PUT, path, body).await
    }

    /// Makes a key; tells its hash and its text.
    async fn make_key(&self, body: &Value) -> (String, String) {
        let answer = self.post("/keys", body).await;
        let made = answer.json();
        assert_eq!(answer.status, 201, "{made}");
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        (text(&made["data"]["hash"]), text(&made["key"]))
    }

    /// Asks the model with a key.
    async fn chat(&self, key: &str) -> Answer {
        let body = json!({"model": MODEL, "messages": [{"role": "user", "content": "hi"}]});
        let path = "/api/v1/chat/completions";
        self.call_with(key, Method::POST, path, body.to_string().into()).await
    }

    async fn member(&self, email: &str, name: &str, role: MemberRole) -> Member {
        let new = NewMember { email: email.into(), name: name.into(), role };
        // Lists are in the order of time.
        let now = gateway::clock::now_micros();
        self.gateway.app.store.create_member(new, &Actor::system(), now).await.unwrap()
    }
}

/// The refusal of a bad request, which must name what is at fault.
fn check_refused(answer: &Answer, status: u16, named: &str) {
    let shown = answer.json();
    assert_eq!(answer.status, status, "{named}: {shown}");
    assert_eq!(shown["error"]["code"], status, "{shown}");
    let message = shown["error"]["message"].as_str().unwrap();
    assert!(message.contains(named), "`{named}` is not in: {message}");
}

/// AUTH-6, AUTH-7
#[tokio::test]
async fn only_management_keys_manage() {
    let managed = Managed::start().await;
    let inference = managed.gateway.key.clone();
    let routes = [
        (Method::GET, "/keys"),
        (Method::POST, "/keys"),
        (Method::GET, "/keys/x"),
        (Method::PATCH, "/keys/x"),
        (Method::DELETE, "/keys/x"),
        (Method::GET, "/credits"),
        (Method::POST, "/credits/grants"),
        (Method::GET, "/credits/ledger"),
        (Method::POST, "/generation/feedback"),
        (Method::GET, "/generations/export"),
        (Method::GET, "/organization/members"),
        (Method::POST, "/organization/members"),
        (Method::GET, "/organization/members/x"),
        (Method::PATCH, "/organization/members/x"),
        (Method::DELETE, "/organization/members/x"),
        (Method::PUT, "/organization/members/x/limits/daily"),
        (Method::DELETE, "/organization/members/x/limits/daily"),
        (Method::GET, "/workspaces"),
        (Method::POST, "/workspaces"),
        (Method::GET, "/workspaces/default"),
        (Method::PATCH, "/workspaces/default"),
        (Method::DELETE, "/workspaces/default"),
        (Method::GET, "/workspaces/default/members"),
        (Method::POST, "/workspaces/default/members/add"),
        (Method::POST, "/workspaces/default/members/remove"),
        (Method::GET, "/workspaces/default/budgets"),
        (Method::GET, "/workspaces/default/budgets/daily"),
        (Method::PUT, "/workspaces/default/budgets/daily"),
        (Method::DELETE, "/workspaces/default/budgets/daily"),
        (Method::POST, "/auth/keys/code"),
        (Method::GET, "/auth/consent"),
        (Method::POST, "/auth/consent/approve"),
        (Method::POST, "/auth/consent/deny"),
        (Method::GET, "/activity"),
        (Method::GET, "/activity/export"),
        (Method::GET, "/analytics/meta"),
        (Method::POST, "/analytics/query"),
        (Method::GET, "/audit"),
        (Method::GET, "/byok"),
        (Method::POST, "/byok"),
        (Method::GET, "/byok/x"),
        (Method::PATCH, "/byok/x"),
        (Method::DELETE, "/byok/x"),
    ];
    let internal = [
        (Method::GET, "/providers"),
        (Method::POST, "/byok/test"),
        (Method::POST, "/byok/x/test"),
        (Method::GET, "/generations"),
        (Method::GET, "/generations/export"),
        (Method::GET, "/generations/stream"),
        (Method::GET, "/generations/histogram"),
        (Method::POST, "/keys/x/rotate"),
        (Method::GET, "/management-keys"),
        (Method::POST, "/management-keys"),
        (Method::DELETE, "/management-keys/x"),
        (Method::GET, "/models/stats"),
        (Method::GET, "/status/providers"),
        (Method::GET, "/settings"),
        (Method::GET, "/privacy"),
        (Method::PATCH, "/privacy"),
    ];
    let bases: [&[&str]; 2] = [&["/api/v1", "/v1"], &["/api/internal"]];
    let routes = routes.map(|route| (bases[0], route)).into_iter();
    for (bases, (method, route)) in routes.chain(internal.map(|route| (bases[1], route))) {
        for base in bases {
            let path = format!("{base}{route}");
            let answer =
                managed.call_with(&inference, method.clone(), &path, Bytes::from("{}")).await;
            check_refused(&answer, 403, "Only management keys can perform this operation");
            let unknown =
                managed.call_with("sk-or-v1-0", method.clone(), &path, Bytes::from("{}")).await;
            assert_eq!(unknown.status, 401, "{method} {path}");
        }
    }
    assert_eq!(managed.chat(&managed.key).await.status, 403, "and they do nothing else");
}
