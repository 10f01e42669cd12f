//! Every operation of the OpenAPI document, with every kind of caller.

use std::collections::BTreeSet;

use gateway::api::access::{Access, RULES};
use gateway::api::openapi::document;
use http::{Method, Request};
use http_body_util::Full;
use hyper_util::rt::TokioIo;
use store::{Actor, MemberRole, NewApiKey};

use super::{House, Person};
use crate::support::settings;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Who {
    Nobody,
    Member,
    Admin,
    Owner,
    ManagementKey,
    /// A management key that somebody made who is a member by now.
    LoweredKey,
    ApiKey,
}

const ALL: [Who; 7] = [
    Who::Nobody,
    Who::Member,
    Who::Admin,
    Who::Owner,
    Who::ManagementKey,
    Who::LoweredKey,
    Who::ApiKey,
];

/// What refuses a caller: `None` where the route goes on and looks at what was asked.
fn refusal(access: Access, who: Who) -> Option<u16> {
    use Who::{Admin, ApiKey, LoweredKey, ManagementKey, Member, Nobody, Owner};
    match (access, who) {
        (Access::Everyone, _) => None,
        (_, Nobody) => Some(401),
        (Access::Inference | Access::InferenceKey, ManagementKey | LoweredKey) => Some(403),
        (Access::InferenceKey, Member | Admin | Owner) => Some(401),
        (Access::Inference | Access::InferenceKey | Access::Known, _) => None,
        (Access::Session, ApiKey | ManagementKey | LoweredKey) => Some(401),
        (Access::Session, _) => None,
        (Access::Managing | Access::Needs(_), ApiKey) => Some(403),
        (Access::Needs(ability), Member | LoweredKey) => {
            (ability.as_str() != "keys.own").then_some(403)
        }
        (Access::Managing | Access::Needs(_), _) => None,
    }
}

/// A request's status: answers that never end are not waited for.
async fn status(house: &House, method: &Method, path: &str, header: Option<(&str, String)>) -> u16 {
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", "gateway")
        .header("sec-fetch-site", "same-origin");
    if let Some((name, value)) = header {
        request = request.header(name, value);
    }
    let stream = tokio::net::TcpStream::connect(house.gateway.address).await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    let driving = tokio::spawn(connection);
    let request = request.body(Full::new(bytes::Bytes::from("{}"))).unwrap();
    let status = sender.send_request(request).await.unwrap().status().as_u16();
    driving.abort();
    status
}

/// A path with something in place of its parameters.
fn filled(path: &str) -> String {
    let path = path.replace("{provider}", "one").replace("{interval}", "daily");
    let mut parts = path.split('{');
    let mut filled = parts.next().unwrap().to_owned();
    for part in parts {
        filled.push('x');
        filled.push_str(part.split_once('}').unwrap().1);
    }
    filled
}

#[tokio::test]
async fn every_operation_lets_in_whom_its_rule_names_and_nobody_else() {
    let mut settings = settings();
    settings.passthrough.permission = gateway::PassthroughPermission::All;
    let house = House::with_settings(settings).await;
    let mut people = Vec::new();
    for role in [MemberRole::Member, MemberRole::Admin, MemberRole::Owner] {
        people.push(house.person(&format!("{}@example.org", role.as_str()), role).await);
    }
    let management = house.management_key().await;
    let lowered = NewApiKey {
        name: "lowered".into(),
        creator: Some(people[0].member.id.clone()),
        is_management: true,
        ..NewApiKey::default()
    };
    let lowered = house.store().create_api_key(lowered, &Actor::system(), 1).await.unwrap();
    house.gateway.app.catch_up().await.unwrap();
    let lowered = lowered.plaintext.expose();
    let document = serde_json::to_value(document()).unwrap();
    let mut wrong = Vec::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, _) in operations.as_object().unwrap() {
            let method: Method = method.to_uppercase().parse().unwrap();
            let rules = RULES.iter().find(|(known, _)| known == path).map(|(_, rules)| *rules);
            let rule = rules.into_iter().flatten().find(|(known, _)| *known == method);
            let Some((_, access)) = rule else {
                wrong.push(format!("{method} {path} has no rule in session/access.rs"));
                continue;
            };
            for who in ALL {
                let session = |person: &Person| {
                    Some(("cookie", format!("trunkline_session={}", person.token)))
                };
                let header = match who {
                    Who::Nobody => None,
                    Who::Member => session(&people[0]),
                    Who::Admin => session(&people[1]),
                    Who::Owner => session(&people[2]),
                    Who::ManagementKey => Some(("authorization", format!("Bearer {management}"))),
                    Who::LoweredKey => Some(("authorization", format!("Bearer {lowered}"))),
                    Who::ApiKey => Some(("authorization", format!("Bearer {}", house.gateway.key))),
                };
                // A member sees its own.
                let own = format!("members/{}", people[0].member.id);
                let path = match (who, &method) {
                    (Who::Member | Who::LoweredKey, &Method::GET) => {
                        path.replace("members/{id}", &own)
                    }
                    _ => path.clone(),
                };
                let path = filled(&path);
                let found = status(&house, &method, &path, header.clone()).await;
                // What is passed through has methods of its own.
                if method == Method::GET && *access != Access::InferenceKey {
                    let head = status(&house, &Method::HEAD, &path, header).await;
                    if head != found {
                        wrong.push(format!("HEAD {path} as {who:?}: {head}, and GET {found}"));
                    }
                }
                let is_right = match refusal(*access, who) {
                    Some(expected) => found == expected,
                    // What the provider makes of it is its own.
                    None if *access == Access::InferenceKey => found != 401,
                    None => !matches!(found, 401 | 403 | 405 | 500..),
                };
                if !is_right {
                    wrong.push(format!("{method} {path} as {who:?} with {access:?}: {found}"));
                }
                // Whoever signed out signs in again.
                for person in &mut people {
                    if path.ends_with("/logout") {
                        person.token = house.session_of(&person.member).await;
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_rule_is_there_twice() {
    let mut seen = BTreeSet::new();
    for (path, rules) in RULES {
        for (method, _) in *rules {
            assert!(seen.insert(format!("{method} {path}")), "{method} {path}");
        }
    }
}
