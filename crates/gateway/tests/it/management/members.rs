//! Members of the account: made, changed, limited and removed. ORG-1 and our own.

use serde_json::{Value, json};

use super::{Managed, check_refused};

const MEMBERS: &str = "/organization/members";

async fn make(managed: &Managed, body: Value) -> Value {
    let answer = managed.post(MEMBERS, &body).await;
    let made = answer.json();
    assert_eq!(answer.status, 201, "{made}");
    made["data"].clone()
}

fn path(member: &Value) -> String {
    format!("{MEMBERS}/{}", member["id"].as_str().unwrap())
}

#[tokio::test]
async fn members_of_every_role_are_made_shown_changed_and_removed() {
    let managed = Managed::start().await;
    let ada = make(&managed, json!({"email": " Ada@Example.org", "name": "Ada King"})).await;
    assert_eq!((&ada["email"], &ada["is_owner"]), (&json!("ada@example.org"), &json!(true)));
    assert_eq!((&ada["first_name"], &ada["last_name"]), (&json!("Ada"), &json!("King")));
    let bo = make(&managed, json!({"email": "bo@example.org"})).await;
    let cy = make(&managed, json!({"email": "cy@example.org", "role": "org:admin"})).await;
    let di = make(&managed, json!({"email": "di@example.org", "role": "org:owner"})).await;
    let shown: Vec<_> =
        [&ada, &bo, &cy, &di].map(|one| (one["role"].clone(), one["is_owner"].clone())).into();
    assert_eq!(
        json!(shown),
        json!([
            ["org:admin", true],
            ["org:member", false],
            ["org:admin", false],
            ["org:admin", true]
        ])
    );
    let listed = managed.get(MEMBERS).await.json();
    assert_eq!((&listed["total_count"], &listed["data"][3]["id"]), (&json!(4), &di["id"]));

    let change = json!({"role": "org:member", "name": "Di"});
    let changed = managed.patch(&path(&di), &change).await.json()["data"].clone();
    assert_eq!(
        (&changed["role"], &changed["name"], &changed["is_owner"]),
        (&json!("org:member"), &json!("Di"), &json!(false))
    );
    assert_eq!(managed.get(&path(&di)).await.json()["data"], changed);
    for refused in [
        managed.patch(&path(&ada), &json!({"role": "org:admin"})).await,
        managed.delete(&path(&ada)).await,
    ] {
        check_refused(&refused, 400, "without an owner");
    }

    let (hash, _) =
        managed.make_key(&json!({"name": "k", "creator_user_id": bo["id"].clone()})).await;
    check_refused(&managed.delete(&path(&bo)).await, 400, "active API keys");
    let key = format!("/keys/{hash}");
    assert_eq!(managed.patch(&key, &json!({"disabled": true})).await.status, 200);
    for member in [&bo, &cy, &di] {
        assert_eq!(managed.delete(&path(member)).await.json(), json!({"deleted": true}));
        check_refused(&managed.delete(&path(member)).await, 404, "Member not found");
    }
    assert_eq!(managed.get(MEMBERS).await.json()["total_count"], 1);
    // The member's limits are gone, so that the key stays what it is.
    let enabled = managed.patch(&key, &json!({"disabled": false})).await;
    check_refused(&enabled, 404, "member");
}

#[tokio::test]
async fn a_limit_of_a_member_holds_for_its_keys_at_once_and_until_it_is_removed() {
    let managed = Managed::start().await;
    let ada = make(&managed, json!({"email": "ada@example.org"})).await;
    let (_, key) =
        managed.make_key(&json!({"name": "k", "creator_user_id": ada["id"].clone()})).await;
    let (_, other) = managed.make_key(&json!({"name": "other"})).await;
    let monthly = format!("{}/limits/monthly", path(&ada));
    let limited = managed.put(&monthly, &json!({"limit_usd": 0})).await.json();
    let resets_at = limited["data"]["limits"][0]["resets_at"].as_str().unwrap();
    assert!(resets_at.ends_with("-01T00:00:00.000Z"), "{resets_at}");
    let expected = json!([{
        "interval": "monthly", "limit_usd": 0, "include_byok": false,
        "used_usd": 0, "remaining_usd": 0, "resets_at": resets_at,
    }]);
    assert_eq!(limited["data"]["limits"], expected);
    check_refused(&managed.chat(&key).await, 403, "monthly");
    assert_eq!(managed.chat(&other).await.status, 200);
    let raised = json!({"limit_usd": 2.5, "include_byok": true});
    let limited = managed.put(&monthly, &raised).await.json();
    assert_eq!(limited["data"]["limits"][0]["limit_usd"], 2.5);
    assert_eq!(managed.get(&path(&ada)).await.json(), limited);
    assert_eq!(managed.chat(&key).await.status, 200);
    let spent = managed.get(&path(&ada)).await.json()["data"]["limits"][0].clone();
    let of_key = managed.get(&format!("/keys/{}", store::api_key_hash(&key))).await.json();
    assert_eq!(spent["used_usd"], of_key["data"]["usage_monthly"]);
    let [used, left] = ["used_usd", "remaining_usd"].map(|name| spent[name].as_f64().unwrap());
    assert!(used > 0.0 && (used + left - 2.5).abs() < 1e-9, "{spent}");
    managed.put(&monthly, &json!({"limit_usd": 0})).await;
    for _ in 0..2 {
        assert_eq!(managed.delete(&monthly).await.json(), json!({"deleted": true}));
    }
    assert_eq!(managed.chat(&key).await.status, 200);
}

#[tokio::test]
async fn changes_of_members_are_in_the_log() {
    let managed = Managed::start().await;
    let ada = make(&managed, json!({"email": "ada@example.org"})).await;
    let bo = make(&managed, json!({"email": "bo@example.org"})).await;
    let weekly = format!("{}/limits/weekly", path(&bo));
    managed.patch(&path(&bo), &json!({"role": "org:admin"})).await;
    managed.put(&weekly, &json!({"limit_usd": 1})).await;
    managed.delete(&weekly).await;
    managed.delete(&path(&bo)).await;
    let log = managed.get("/audit").await.json();
    let manager = json!(store::api_key_hash(&managed.key));
    let entries = log["data"].as_array().unwrap().iter().rev();
    let made_here: Vec<&Value> = entries.filter(|entry| entry["actor"]["id"] == manager).collect();
    let told: Vec<_> =
        made_here.iter().map(|entry| (&entry["action"], &entry["subject_id"])).collect();
    let expected = [
        ("member.create", &ada),
        ("member.create", &bo),
        ("member.update", &bo),
        ("member_limit.put", &bo),
        ("member_limit.remove", &bo),
        ("member.remove", &bo),
    ];
    let expected = expected.map(|(action, member)| json!([action, member["id"]]));
    assert_eq!(json!(told), json!(expected));
    let (before, after) = (&made_here[2]["before"], &made_here[2]["after"]);
    assert_eq!((&before["role"], &after["role"]), (&json!("member"), &json!("admin")));
}

#[tokio::test]
async fn bad_members_are_refused_by_the_name_of_what_is_at_fault() {
    let managed = Managed::start().await;
    for (body, named) in [
        (
            json!({"email": "bo@example.org", "role": "org:member"}),
            "role: the account has no owner",
        ),
        (json!({}), "email"),
        (json!({"email": ""}), "email"),
        (json!({"email": "nobody"}), "email"),
        (json!({"email": 5}), "email"),
        (json!({"email": format!("{}@b", "a".repeat(255))}), "email"),
        (json!({"email": "a@b", "name": "n".repeat(256)}), "name"),
        (json!({"email": "a@b", "name": null}), "name"),
        (json!({"email": "a@b", "role": "king"}), "role"),
        (json!({"email": "a@b", "rank": 1}), "rank"),
    ] {
        check_refused(&managed.post(MEMBERS, &body).await, 400, named);
    }
    let ada = make(&managed, json!({"email": "ada@example.org"})).await;
    check_refused(&managed.post(MEMBERS, &json!({"email": "ADA@example.org"})).await, 400, "email");
    for (body, named) in [
        (json!({"role": "admin"}), "role"),
        (json!({"name": "n".repeat(256)}), "name"),
        (json!({"email": "other@example.org"}), "email"),
    ] {
        check_refused(&managed.patch(&path(&ada), &body).await, 400, named);
    }
    let limit = |interval: &str| format!("{}/limits/{interval}", path(&ada));
    for (interval, body, named) in [
        ("hourly", json!({"limit_usd": 1}), "interval"),
        ("daily", json!({}), "limit_usd"),
        ("daily", json!({"limit_usd": -1}), "limit_usd"),
        ("daily", json!({"limit_usd": 1e10}), "limit_usd"),
        ("daily", json!({"limit_usd": 1, "include_byok": "no"}), "include_byok"),
        ("daily", json!({"limit_usd": 1, "reset": 1}), "reset"),
    ] {
        check_refused(&managed.put(&limit(interval), &body).await, 400, named);
    }
    check_refused(&managed.delete(&limit("hourly")).await, 400, "interval");
    let none = format!("{MEMBERS}/none");
    check_refused(&managed.get(&none).await, 404, "Member not found");
    check_refused(&managed.patch(&none, &json!({})).await, 404, "Member not found");
    let limit = format!("{none}/limits/daily");
    check_refused(&managed.put(&limit, &json!({"limit_usd": 1})).await, 404, "Member not found");
    check_refused(&managed.delete(&limit).await, 404, "Member not found");
}
