//! People: setting up, signing in and out, what roles may, and requests by session.

mod access;
mod invitations;
mod own;
mod people;
mod sessions;
mod setting_up;
mod watching;

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::Full;
use serde_json::{Value, json};
use store::{Actor, Device, Member, MemberRole, NewApiKey, NewMember};
use testkit::{Protocol, Simulator};

use super::support::{Answer, Gateway, MODEL, Upstream, settings};

const PASSWORD: &str = "correct horse battery";

/// A gateway with one provider, and people.
struct House {
    gateway: Gateway,
    simulator: Simulator,
}

/// Somebody with a session.
struct Person {
    member: Member,
    token: String,
}

impl House {
    async fn start() -> Self {
        Self::with_settings(settings()).await
    }

    async fn with_settings(settings: gateway::Settings) -> Self {
        let simulator = Simulator::start().await.unwrap();
        let upstreams = [Upstream::of(&simulator, Protocol::OpenAi, "one")];
        let gateway = Gateway::with_settings(&upstreams, settings).await;
        Self { gateway, simulator }
    }

    fn store(&self) -> &store::Store {
        &self.gateway.app.store
    }

    /// A member who is signed in, without the work of a password.
    async fn person(&self, email: &str, role: MemberRole) -> Person {
        let now = gateway::clock::now_micros();
        let new = NewMember { email: email.into(), name: "Name".into(), role };
        let member = self.store().create_member(new, &Actor::system(), now).await.unwrap();
        let token = self.session_of(&member).await;
        Person { member, token }
    }

    async fn session_of(&self, member: &Member) -> String {
        let (now, device, actor) =
            (gateway::clock::now_micros(), Device::default(), Actor::system());
        let beginning = self.store().begin_session(&member.id, &device, &actor, now);
        let created = beginning.await.unwrap();
        self.gateway.app.catch_up().await.unwrap();
        created.token.expose().to_owned()
    }

    async fn management_key(&self) -> String {
        let new = NewApiKey { name: "manager".into(), is_management: true, ..NewApiKey::default() };
        let created = self.store().create_api_key(new, &Actor::system(), 1).await.unwrap();
        self.gateway.app.catch_up().await.unwrap();
        created.plaintext.expose().to_owned()
    }

    async fn setup_code(&self) -> String {
        let now = gateway::clock::now_micros();
        let link = self.store().create_setup_link(&Actor::system(), now).await.unwrap().unwrap();
        link.token.expose().to_owned()
    }

    /// Sets the gateway up; tells the owner's token.
    async fn set_up(&self) -> String {
        let body = json!({
            "code": self.setup_code().await, "email": "ada@example.org", "name": "Ada",
            "password": PASSWORD,
        });
        let answer = self.send(Method::POST, "/api/internal/setup", &[], &body).await;
        assert_eq!(answer.status, 201, "{}", answer.json());
        token_of(&answer)
    }

    async fn log_in(&self, email: &str, password: &str) -> Answer {
        let body = json!({"email": email, "password": password});
        self.send(Method::POST, "/api/internal/login", &[], &body).await
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: &Value,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path).header("host", "gateway");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = match body {
            Value::Null => Bytes::new(),
            body => Bytes::from(body.to_string()),
        };
        self.gateway.send(request.body(Full::new(body)).unwrap()).await
    }

    /// A request by session, as our own pages send it.
    async fn by(&self, token: &str, method: Method, path: &str, body: &Value) -> Answer {
        let cookie = format!("trunkline_session={token}");
        let headers = [("cookie", cookie.as_str()), ("sec-fetch-site", "same-origin")];
        self.send(method, path, &headers, body).await
    }

    async fn get(&self, token: &str, path: &str) -> Answer {
        self.by(token, Method::GET, path, &Value::Null).await
    }

    async fn chat(&self, token: &str) -> Answer {
        let body = json!({"model": MODEL, "messages": [{"role": "user", "content": "hi"}]});
        self.by(token, Method::POST, "/api/v1/chat/completions", &body).await
    }
}

/// What an answer makes the browser keep.
fn token_of(answer: &Answer) -> String {
    let cookie = answer.headers["set-cookie"].to_str().unwrap();
    let (pair, rest) = cookie.split_once(';').unwrap();
    assert!(rest.contains("HttpOnly") && rest.contains("SameSite=Lax"), "{cookie}");
    assert_eq!(answer.headers["cache-control"], "no-store");
    pair.strip_prefix("trunkline_session=").unwrap().to_owned()
}

fn check_refused(answer: &Answer, status: u16, named: &str) {
    let shown = answer.json();
    assert_eq!(answer.status, status, "{named}: {shown}");
    let message = shown["error"]["message"].as_str().unwrap();
    assert!(message.contains(named), "`{named}` is not in: {message}");
}
