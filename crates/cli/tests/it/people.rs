//! `trunkline setup-link`, `trunkline member`, and the link that a start prints.

use serde_json::{Value, json};

use crate::support::{Home, request, until};

const PASSWORD: &str = "correct horse battery";

/// What a link has at its end.
fn after<'a>(text: &'a str, before: &str) -> &'a str {
    let (_, rest) = text.split_once(before).unwrap_or_else(|| panic!("no {before} in {text}"));
    rest.split_whitespace().next().unwrap()
}

fn post(address: &str, path: &str, body: &Value) -> (u16, Value) {
    let (status, answer) = request(address, "POST", path, &[], &body.to_string());
    (status, serde_json::from_str(answer.trim()).unwrap())
}

#[test]
fn the_first_owner_comes_by_a_link_and_others_by_invitation() {
    let home = Home::new();
    let mut server = home.serve(&[]);
    let address = server.address();
    let printed = server.line("/setup#code=");
    assert!(printed.trim().starts_with(&format!("http://{address}/setup#code=")), "{printed}");
    let another = home.ok(&["setup-link"]);
    let code = after(&another, "http://127.0.0.1:8080/setup#code=");
    assert_ne!(code, after(&printed, "#code="));
    let body = json!({
        "code": code, "email": "ada@example.org", "name": "Ada", "password": PASSWORD,
    });
    let (status, answer) = post(&address, "/api/internal/setup", &body);
    assert_eq!((status, &answer["member"]["role"]), (201, &json!("owner")), "{answer}");
    let refused = home.fails(&["setup-link"]);
    assert!(refused.contains("trunkline member invite"), "{refused}");

    let link = home.ok(&["member", "invite", "bo@example.org", "--role", "admin"]);
    let secret = after(&link, "http://127.0.0.1:8080/invite#");
    let body = json!({"secret": secret, "name": "Bo", "password": PASSWORD});
    let (status, answer) = post(&address, "/api/internal/invites/accept", &body);
    assert_eq!((status, &answer["member"]["role"]), (200, &json!("admin")), "{answer}");
    let listed = home.json(&["member", "list", "--json"]);
    let roles: Vec<_> =
        listed.as_array().unwrap().iter().map(|one| (&one["email"], &one["role"])).collect();
    assert_eq!(json!(roles), json!([["ada@example.org", "owner"], ["bo@example.org", "admin"]]));
    assert!(home.ok(&["member", "list"]).contains("ada@example.org"));

    let changed = home.ok(&["member", "role", "BO@example.org", "member"]);
    assert!(changed.contains("bo@example.org has the role member"), "{changed}");
    let link = home.ok(&["member", "reset", "bo@example.org"]);
    let secret = after(&link, "/reset#");
    let body = json!({"secret": secret, "password": "another password"});
    let (status, _) = post(&address, "/api/internal/invites/accept", &body);
    assert_eq!(status, 200);
    let login = json!({"email": "bo@example.org", "password": "another password"});
    assert_eq!(post(&address, "/api/internal/login", &login).0, 200);
    for refused in [
        home.fails(&["member", "remove", "nobody@example.org"]),
        home.fails(&["member", "remove", "ada@example.org"]),
        home.fails(&["member", "role", "ada@example.org", "admin"]),
    ] {
        assert!(refused.contains("no member") || refused.contains("without an owner"), "{refused}");
    }
    home.ok(&["member", "remove", "bo@example.org"]);
    until(|| post(&address, "/api/internal/login", &login).0 == 401);
    server.stop();

    // Somebody can sign in: nothing is printed any more.
    let mut server = home.serve(&[]);
    server.address();
    let lines = server.stop();
    assert!(lines.iter().all(|line| !line.contains("code=")), "{lines:?}");
}

/// Where there are no pages, a link would lead nowhere.
#[test]
fn without_pages_no_link_is_printed_by_a_start_and_a_command_says_so() {
    let home = Home::new().with_variable("TRUNKLINE_SERVE_DASHBOARD", "false");
    let mut server = home.serve(&[]);
    server.address();
    let lines = server.stop();
    assert!(lines.iter().all(|line| !line.contains("code=")), "{lines:?}");
    let told = home.ok(&["setup-link"]);
    assert!(told.contains("code=") && told.contains("dashboard = false"), "{told}");
    let told = home.ok(&["member", "invite", "bo@example.org"]);
    assert!(told.contains("dashboard = false"), "{told}");
}

#[test]
fn links_are_made_of_the_address_that_the_settings_say() {
    let home = Home::new()
        .with_variable("TRUNKLINE_LISTEN", "0.0.0.0:9000")
        .with_variable("TRUNKLINE_BASE_PATH", "/gw");
    let link = home.ok(&["setup-link"]);
    assert!(link.starts_with("http://127.0.0.1:9000/gw/setup#code="), "{link}");
    let home = home.with_variable("TRUNKLINE_PUBLIC_URL", "https://llm.example.org/gw");
    let link = home.ok(&["member", "invite", "bo@example.org"]);
    assert!(link.starts_with("https://llm.example.org/gw/invite#"), "{link}");
    let refused = home.fails(&["setup-link", "--public-url", "https://other.example.org/?a=b"]);
    assert!(refused.contains("--public-url") && refused.contains("no address"), "{refused}");
    let link = home.ok(&["setup-link", "--public-url", "https://other.example.org"]);
    assert!(link.starts_with("https://other.example.org/"), "{link}");
}
