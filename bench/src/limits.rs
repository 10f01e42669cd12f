//! A key under every limit there is: its own, its member's, its workspace's budget and the
//! credit of its account. All are so large that nothing is refused.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use crate::books::Books;
use crate::management::Management;
use crate::target::Target;

/// Every limit, in US dollars: no more can be credited at once, and no measurement spends it.
const PLENTY_USD: i64 = 10_000_000;
/// The member's id.
const MEMBER: &str = "user_bench";
/// The limits as `GET /key` names them.
const SCOPES: [&str; 4] = ["account", "workspace", "member", "key_limit"];

/// Sets every limit and tells the key that is subject to all of them.
pub async fn set_up(management: &Management<'_>, books: &Books, data: &Path) -> Result<String> {
    books.run(data, &member()).context("cannot add a member")?;
    let plenty = json!({"limit_usd": PLENTY_USD});
    management.ask("PUT", "/workspaces/default/budgets/monthly", &plenty).await?;
    let grant = json!({"amount": PLENTY_USD, "reason": "measurement"});
    management.ask("POST", "/credits/grants", &grant).await?;
    let key = json!({
        "name": "bench",
        "limit": PLENTY_USD,
        "limit_reset": "monthly",
        "creator_user_id": MEMBER,
    });
    let created = management.ask("POST", "/keys", &key).await?;
    created["key"].as_str().map(str::to_owned).context("`POST /keys` told no key")
}

/// Adds a member with a monthly limit, which neither a command nor the management API does.
fn member() -> String {
    let nano_usd = PLENTY_USD * 1_000_000_000;
    format!(
        "INSERT INTO member (id, account_id, email, name, role, deleted, created_at, updated_at) \
         SELECT '{MEMBER}', id, 'bench@localhost', 'Bench', 'member', FALSE, 0, 0 \
         FROM account LIMIT 1; \
         INSERT INTO member_limit (member_id, reset_interval, limit_nano_usd, include_byok) \
         VALUES ('{MEMBER}', 'monthly', {nano_usd}, FALSE)"
    )
}

/// Fails unless the key of `target` is under every limit. With `has_spent` each must have counted
/// something.
pub async fn check(target: &Target, has_spent: bool) -> Result<()> {
    let asked = Management { address: target.address, key: &target.key };
    let answer = asked.ask("GET", "/key", &Value::Null).await?;
    let missing = missing(&answer, has_spent);
    if !missing.is_empty() {
        bail!("not in force, or nothing was counted: {missing:?} of {answer}");
    }
    Ok(())
}

fn missing(answer: &Value, has_spent: bool) -> Vec<&'static str> {
    let limits = answer["data"]["budgets"].as_array().map(Vec::as_slice).unwrap_or_default();
    let is_counted = |limit: &Value| limit["spend_usd"].as_f64().is_some_and(|spend| spend > 0.0);
    let is_there = |scope: &str| {
        limits.iter().any(|limit| limit["scope"] == scope && (!has_spent || is_counted(limit)))
    };
    SCOPES.into_iter().filter(|scope| !is_there(scope)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_that_are_not_there_or_do_not_count_are_named() {
        let answer = json!({"data": {"budgets": [
            {"scope": "account", "spend_usd": 1.5},
            {"scope": "workspace", "spend_usd": 0},
            {"scope": "key_limit", "spend_usd": 0.000_1},
        ]}});
        assert_eq!(missing(&answer, false), ["member"]);
        assert_eq!(missing(&answer, true), ["workspace", "member"]);
        assert_eq!(missing(&json!({"data": {}}), false), SCOPES);
    }
}
