//! `trunkline key`

use crate::support::{Home, request, until};

#[test]
fn a_key_is_made_listed_and_revoked() {
    let home = Home::new();
    let text = home.ok(&[
        "key",
        "create",
        "--name",
        "robot",
        "--limit",
        "12.50",
        "--reset",
        "monthly",
        "--expires",
        "2999-12-31",
        "--requests-per-minute",
        "60",
        "--requests-per-day",
        "0",
        "--concurrency",
        "3",
    ]);
    let key = text.lines().next().unwrap();
    assert!(key.starts_with("sk-or-v1-") && key.len() == 73, "{key}");
    let list = home.json(&["key", "list", "--json"]);
    assert_eq!(list[0]["name"], "robot");
    assert_eq!(list[0]["limit"], "12.50");
    assert_eq!(list[0]["limit_reset"], "monthly");
    assert_eq!(list[0]["expires_at"], "2999-12-31T00:00:00Z");
    assert_eq!(list[0]["requests_per_minute"], 60);
    assert_eq!(list[0]["requests_per_day"], 0);
    assert_eq!(list[0]["concurrency"], 3);
    let table = home.ok(&["key", "list"]);
    assert!(table.contains("60 a minute, any a day, 3 at once"), "{table}");
    assert!(table.contains("12.50 monthly") && !table.contains(key), "{table}");
    let label = list[0]["label"].as_str().unwrap();
    home.ok(&["key", "revoke", &label[..12]]);
    assert_eq!(home.json(&["key", "list", "--json"]), serde_json::json!([]));
}

#[test]
fn a_key_may_be_a_workspace_s_and_a_member_s() {
    let home = Home::new();
    home.ok(&["setup-link"]);
    for (flag, unknown) in [("--workspace", "defalt"), ("--member", "bo@example.org")] {
        let refused = home.fails(&["key", "create", "--name", "x", flag, unknown]);
        assert!(refused.contains(unknown), "{refused}");
    }
    let made = home.json(&["key", "create", "--name", "x", "--workspace", "default", "--json"]);
    assert!(made["workspace_id"].is_string() && made["member_id"].is_null(), "{made}");
    let id = made["workspace_id"].as_str().unwrap();
    let by_id = home.json(&["key", "create", "--name", "y", "--workspace", id, "--json"]);
    assert_eq!(by_id["workspace_id"], made["workspace_id"]);
}

#[test]
fn nonsense_is_refused() {
    let home = Home::new();
    assert!(home.fails(&["key", "list"]).contains("there is no database"));
    for arguments in [
        &["key", "create", "--name", "x", "--limit", "-1"][..],
        &["key", "create", "--name", "x", "--limit", "0.0000000001"],
        &["key", "create", "--name", "x", "--reset", "daily"],
        &["key", "create", "--name", "x", "--expires", "2001-01-01"],
        &["key", "create", "--name", ""],
        &["key", "create", "--name", "x", "--concurrency", "-1"],
        &["key", "create", "--name", "x", "--requests-per-day", "1000000001"],
        &["key", "create", "--name", "x", "--requests-per-minute", "many"],
    ] {
        home.fails(arguments);
    }
    home.ok(&["key", "create", "--name", "x"]);
    assert!(home.fails(&["key", "revoke", "sk-or-v1-"]).contains("too short"));
    assert!(home.fails(&["key", "revoke", "zzzzzz"]).contains("no key"));
}

#[test]
fn a_running_server_notices_new_and_revoked_keys() {
    let home = Home::new();
    let mut server = home.serve(&[]);
    let address = server.address();
    let created = home.json(&["key", "create", "--name", "robot", "--json"]);
    let bearer = format!("Bearer {}", created["key"].as_str().unwrap());
    let status = || request(&address, "GET", "/api/v1/key", &[("Authorization", &bearer)], "").0;
    until(|| status() == 200);
    home.ok(&["key", "revoke", created["hash"].as_str().unwrap()]);
    until(|| status() == 401);
    server.stop();
}

#[test]
fn a_name_cannot_look_like_a_row_or_steer_the_terminal() {
    let home = Home::new();
    let name = "a\u{1b}[2J\u{9b}1m\nsk-or-v1-made-up";
    let mut shown = home.ok(&["key", "create", "--name", name]);
    let list = home.ok(&["key", "list"]);
    assert_eq!(list.lines().count(), 2, "{list}");
    shown += &list;
    assert!(!shown.contains(['\u{1b}', '\u{9b}']), "{shown:?}");
    // In a document it is as it was.
    assert_eq!(home.json(&["key", "list", "--json"])[0]["name"], name);
}
