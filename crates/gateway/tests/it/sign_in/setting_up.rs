//! The first owner.

use http::Method;
use serde_json::{Value, json};

use super::{House, PASSWORD, check_refused, token_of};

const SETUP: &str = "/api/internal/setup";

fn request(code: &str) -> Value {
    json!({"code": code, "email": "Ada@example.org", "name": " Ada ", "password": PASSWORD})
}

#[tokio::test]
async fn the_gateway_is_set_up_once_by_who_has_the_link() {
    let house = House::start().await;
    let shown = house.send(Method::GET, SETUP, &[], &Value::Null).await.json();
    assert_eq!(shown, json!({"needed": true, "code_required": true}));
    let (code, other) = (house.setup_code().await, house.setup_code().await);
    let wrong = house.send(Method::POST, SETUP, &[], &request("guess")).await;
    check_refused(&wrong, 403, "setup-link");
    let mut short = request(&code);
    short["password"] = json!("nine char");
    check_refused(&house.send(Method::POST, SETUP, &[], &short).await, 400, "password");
    let foreign = [("sec-fetch-site", "cross-site")];
    check_refused(&house.send(Method::POST, SETUP, &foreign, &request(&code)).await, 403, "site");

    let answer = house.send(Method::POST, SETUP, &[], &request(&code)).await;
    assert_eq!(answer.status, 201, "{}", answer.json());
    let session = answer.json();
    assert_eq!(session["member"]["email"], "ada@example.org");
    assert_eq!(
        (&session["member"]["name"], &session["member"]["role"]),
        (&json!("Ada"), &json!("owner"))
    );
    assert_eq!(session["abilities"].as_array().unwrap().len(), 11);
    assert_eq!(session["account"]["name"], "Default");
    assert!(session["version"].is_string() && session["expires_at"].is_string());
    let token = token_of(&answer);
    assert_eq!(house.get(&token, "/api/internal/session").await.json(), session);

    let shown = house.send(Method::GET, SETUP, &[], &Value::Null).await.json();
    assert_eq!(shown["needed"], false);
    for code in [&code, &other] {
        check_refused(&house.send(Method::POST, SETUP, &[], &request(code)).await, 409, "set up");
    }
    let now = gateway::clock::now_micros();
    let another = house.store().create_setup_link(&store::Actor::system(), now).await.unwrap();
    assert!(another.is_none(), "closed for ever");
}

#[tokio::test]
async fn a_link_is_good_for_a_day_and_only_for_setting_up() {
    let house = House::start().await;
    let old = house.store().create_setup_link(&store::Actor::system(), 1).await.unwrap().unwrap();
    let late = house.send(Method::POST, SETUP, &[], &request(old.token.expose())).await;
    check_refused(&late, 403, "code");
    let code = house.setup_code().await;
    let body = json!({"secret": code});
    let shown = house.send(Method::POST, "/api/internal/invites/show", &[], &body).await;
    check_refused(&shown, 404, "link");
}
