//! The log of who changed what.

use serde_json::{Value, json};

use super::{Managed, check_refused};

#[tokio::test]
async fn every_change_is_in_the_log_with_who_made_it_and_without_secrets() {
    let managed = Managed::start().await;
    let (hash, key) = managed.make_key(&json!({"name": "k", "limit": 1})).await;
    managed.patch(&format!("/keys/{hash}"), &json!({"limit": 2})).await;
    managed.delete(&format!("/keys/{hash}")).await;
    managed.post("/credits/grants", &json!({"amount": 1, "reason": "r"})).await;
    managed.post("/workspaces", &json!({"name": "Team", "slug": "team"})).await;
    managed.put("/workspaces/team/budgets/daily", &json!({"limit_usd": 1})).await;
    managed.patch("/workspaces/team", &json!({"name": "New"})).await;
    managed.delete("/workspaces/team").await;
    let code = json!({"callback_url": "https://app.example"});
    let code = managed.post("/auth/keys/code", &code).await.json()["data"]["id"].clone();

    let log = managed.get("/audit").await.json();
    let entries = log["data"].as_array().unwrap();
    let manager = store::api_key_hash(&managed.key);
    let made_here: Vec<&Value> =
        entries.iter().filter(|entry| entry["actor"]["id"] == manager).collect();
    let actions: Vec<&str> =
        made_here.iter().rev().map(|entry| entry["action"].as_str().unwrap()).collect();
    assert_eq!(
        actions,
        [
            "api_key.create",
            "api_key.update",
            "api_key.delete",
            "ledger_entry.add",
            "workspace.create",
            "workspace_budget.put",
            "workspace.update",
            "workspace.remove",
            "authorization_code.create",
        ]
    );
    for entry in &made_here {
        assert_eq!(entry["actor"]["kind"], "api_key");
        assert_eq!(entry["actor"]["origin"], "127.0.0.1");
    }
    let update = made_here[made_here.len() - 2];
    assert_eq!((&update["subject_kind"], &update["subject_id"]), (&json!("api_key"), &json!(hash)));
    assert_eq!(update["before"]["limit_nano_usd"], 1_000_000_000);
    assert_eq!(update["after"]["limit_nano_usd"], 2_000_000_000);
    let text = log.to_string();
    assert!(!text.contains(&key) && !text.contains(code.as_str().unwrap()), "no secret is told");
}

#[tokio::test]
async fn the_log_is_read_page_by_page() {
    let managed = Managed::start().await;
    for n in 0..5 {
        managed.make_key(&json!({"name": format!("k{n}")})).await;
    }
    let whole = managed.get("/audit?limit=1000").await.json();
    assert_eq!(whole["next_cursor"], json!(null));
    let (mut seen, mut query) = (Vec::new(), "?limit=2".to_owned());
    loop {
        let page = managed.get(&format!("/audit{query}")).await.json();
        seen.extend(page["data"].as_array().unwrap().clone());
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        query = format!("?limit=2&cursor={cursor}");
        // What comes meanwhile neither shifts nor repeats what follows.
        managed.make_key(&json!({"name": "meanwhile"})).await;
    }
    assert_eq!(json!(seen), whole["data"]);
    for (query, named) in [("limit=0", "limit"), ("limit=-1", "limit"), ("cursor=%00", "cursor")] {
        check_refused(&managed.get(&format!("/audit?{query}")).await, 400, named);
    }
}
