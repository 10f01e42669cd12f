//! Members, workspaces, budgets, credit, authorization codes, and the log of all of it.

use serde_json::json;

use super::{TestDatabase, on_each_engine};
use crate::{
    AUTHORIZATION_CODE_LIFE, Actor, ActorKind, ApiKeyChange, AuditEntry, BudgetInterval, Challenge,
    ChallengeMethod, FeedbackCategory, GenerationFeedback, LedgerKind, Member, MemberChange,
    MemberLimit, MemberRole, NewApiKey, NewLedgerEntry, NewMember, NewProviderCredential,
    Redemption, Secret, Store, WorkspaceSettings, api_key_hash,
};

fn admin() -> Actor {
    Actor { kind: ActorKind::Member, id: "user_admin".into(), origin: "192.0.2.1".into() }
}

async fn member(store: &Store, email: &str, role: MemberRole) -> Member {
    let new = NewMember { email: email.into(), name: "Name".into(), role };
    store.create_member(new, &admin(), 1).await.unwrap()
}

async fn key_of(store: &Store, member: &Member, workspace_id: Option<String>) -> String {
    let new = NewApiKey {
        name: "k".into(),
        member_id: Some(member.id.clone()),
        workspace_id,
        ..NewApiKey::default()
    };
    store.create_api_key(new, &admin(), 2).await.unwrap().key.hash
}

/// The newest entry of the log.
async fn last_entry(store: &Store) -> AuditEntry {
    store.audit_page(None, 1).await.unwrap().entries.remove(0)
}

on_each_engine!(members_are_made_changed_and_removed_and_the_log_tells_it);
async fn members_are_made_changed_and_removed_and_the_log_tells_it(database: TestDatabase) {
    let store = database.open().await;
    let owner = member(&store, " Ada@Example.org ", MemberRole::Owner).await;
    assert_eq!(owner.email, "ada@example.org");
    for email in ["ada@example.org", "nobody", "@", "a@"] {
        let new = NewMember { email: email.into(), name: String::new(), role: MemberRole::Member };
        assert!(store.create_member(new, &admin(), 2).await.is_err(), "{email}");
    }
    let other = member(&store, "bo@example.org", MemberRole::Member).await;
    assert_eq!(store.members().await.unwrap().len(), 2);

    let demoted = MemberChange { role: Some(MemberRole::Admin), ..MemberChange::default() };
    assert!(store.update_member(&owner.id, demoted.clone(), &admin(), 3).await.is_err());
    assert!(store.remove_member(&owner.id, &admin(), 3).await.is_err());
    let changed = store.update_member(&other.id, demoted, &admin(), 4).await.unwrap();
    assert_eq!((changed.role, changed.updated_at), (MemberRole::Admin, 4));
    let entry = last_entry(&store).await;
    assert_eq!((entry.action.as_str(), entry.recorded_at), ("member.update", 4));
    assert_eq!((entry.actor, entry.subject_id), (admin(), other.id.clone()));
    assert_eq!(entry.before.unwrap()["role"], json!("member"));
    assert_eq!(entry.after.unwrap()["role"], json!("admin"));

    let hash = key_of(&store, &other, None).await;
    assert_eq!(store.api_key(&hash).await.unwrap().unwrap().member_id, Some(other.id.clone()));
    assert!(store.remove_member(&other.id, &admin(), 5).await.is_err());
    let off = ApiKeyChange { disabled: Some(true), ..ApiKeyChange::default() };
    store.update_api_key(&hash, off, &admin(), 5).await.unwrap();
    store.remove_member(&other.id, &admin(), 6).await.unwrap();
    assert_eq!(store.members().await.unwrap(), [owner]);
    assert_eq!(last_entry(&store).await.after, None);
    // The address is free again.
    member(&store, "bo@example.org", MemberRole::Member).await;
}

on_each_engine!(limits_of_members_are_put_replaced_and_removed);
async fn limits_of_members_are_put_replaced_and_removed(database: TestDatabase) {
    let store = database.open().await;
    let member = member(&store, "a@example.org", MemberRole::Owner).await;
    let limit = MemberLimit {
        member_id: member.id.clone(),
        interval: BudgetInterval::Weekly,
        limit_nano_usd: 5,
        include_byok: true,
    };
    store.put_member_limit(limit.clone(), &admin(), 1).await.unwrap();
    let raised = MemberLimit { limit_nano_usd: 9, include_byok: false, ..limit.clone() };
    store.put_member_limit(raised.clone(), &admin(), 2).await.unwrap();
    assert_eq!(store.member_limits().await.unwrap(), [raised]);
    assert_eq!(last_entry(&store).await.before.unwrap()["limit_nano_usd"], json!(5));
    let negative = MemberLimit { limit_nano_usd: -1, ..limit.clone() };
    let nobody = MemberLimit { member_id: "nobody".into(), ..limit };
    for refused in [negative, nobody] {
        assert!(store.put_member_limit(refused, &admin(), 3).await.is_err());
    }
    let weekly = BudgetInterval::Weekly;
    assert!(store.remove_member_limit(&member.id, weekly, &admin(), 4).await.unwrap());
    assert!(!store.remove_member_limit(&member.id, weekly, &admin(), 5).await.unwrap());
}

on_each_engine!(workspaces_come_back_whole_and_leave_only_without_keys);
/// WS-2, WS-3, WS-4
async fn workspaces_come_back_whole_and_leave_only_without_keys(database: TestDatabase) {
    let store = database.open().await;
    let default = store.workspaces().await.unwrap().remove(0);
    let settings = WorkspaceSettings {
        description: "d".into(),
        default_text_model: Some("acme/one".into()),
        default_image_model: Some("acme/two".into()),
        default_provider_sort: Some("latency".into()),
        io_logging_sampling: 1,
        io_logging_key_hashes: Some(vec!["h".into()]),
        io_logging_enabled: true,
        broadcast_enabled: true,
        data_discount_logging_enabled: true,
        include_byok_in_budgets: true,
        default_guardrail_id: Some("g".into()),
        ..WorkspaceSettings::named("team-1", "Team")
    };
    let team = store.create_workspace(settings.clone(), &admin(), 2).await.unwrap();
    assert_eq!(team.created_by, Some("user_admin".into()));
    assert_eq!(store.workspaces().await.unwrap(), [default.clone(), team.clone()]);

    for slug in ["team-1", "", "Team", "a--b", "-a", "a_b"] {
        let settings = WorkspaceSettings::named(slug, "x");
        assert!(store.create_workspace(settings, &admin(), 3).await.is_err(), "{slug}");
    }
    let renamed = WorkspaceSettings { name: "Crew".into(), ..settings };
    let edit = |settings: &mut WorkspaceSettings| *settings = renamed;
    let after = store.update_workspace(&team.id, edit, &admin(), 4).await.unwrap();
    assert_eq!(store.workspaces().await.unwrap()[1], after);
    let moved = |settings: &mut WorkspaceSettings| "elsewhere".clone_into(&mut settings.slug);
    assert!(store.update_workspace(&default.id, moved, &admin(), 4).await.is_err());

    let member = member(&store, "a@example.org", MemberRole::Owner).await;
    let ids = [member.id.clone()];
    assert_eq!(store.add_workspace_members(&team.id, &ids, &admin(), 5).await.unwrap(), 1);
    assert_eq!(store.add_workspace_members(&team.id, &ids, &admin(), 6).await.unwrap(), 0);
    let listed = store.workspace_members().await.unwrap();
    assert_eq!((listed.len(), listed[0].added_at), (1, 5));
    let unknown = ["nobody".to_owned()];
    assert!(store.add_workspace_members(&team.id, &unknown, &admin(), 6).await.is_err());

    let hash = key_of(&store, &member, Some(team.id.clone())).await;
    assert!(store.remove_workspace_members(&team.id, &ids, &admin(), 7).await.is_err());
    assert!(store.remove_workspace(&team.id, &admin(), 7).await.is_err());
    assert!(store.remove_workspace(&default.id, &admin(), 7).await.is_err());
    store.delete_api_key(&hash, &admin(), 8).await.unwrap();
    assert_eq!(store.remove_workspace_members(&team.id, &ids, &admin(), 9).await.unwrap(), 1);
    assert!(store.workspace_members().await.unwrap().is_empty());
    for workspace_id in [None, Some(team.id.clone())] {
        let new = NewProviderCredential {
            provider: "acme".to_owned(),
            secret: Secret::new("secret"),
            workspace_id,
            ..NewProviderCredential::default()
        };
        store.create_credential(new, &admin(), 9).await.unwrap();
    }
    store.remove_workspace(&team.id, &admin(), 10).await.unwrap();
    let left = store.credentials().await.unwrap();
    assert_eq!((left.len(), left[0].workspace_id.as_deref()), (1, None));
    assert_eq!(store.workspaces().await.unwrap(), [default]);
    let again = WorkspaceSettings::named("team-1", "Team");
    store.create_workspace(again, &admin(), 11).await.unwrap();
}

on_each_engine!(longer_windows_have_larger_budgets);
/// WS-5, WS-6
async fn longer_windows_have_larger_budgets(database: TestDatabase) {
    use BudgetInterval::{Daily, Lifetime, Monthly, Weekly};
    let store = database.open().await;
    let id = store.workspaces().await.unwrap().remove(0).id;
    let actor = admin();
    let put = |interval, limit| store.put_workspace_budget(&id, interval, limit, None, &actor, 1);
    put(Weekly, 10).await.unwrap();
    put(Lifetime, 100).await.unwrap();
    for (interval, limit) in
        [(Daily, 10), (Daily, 0), (Monthly, 10), (Monthly, 100), (Lifetime, 10)]
    {
        assert!(put(interval, limit).await.is_err(), "{interval:?} {limit}");
    }
    put(Monthly, 50).await.unwrap();
    put(Weekly, 20).await.unwrap();
    let listed = store.workspace_budgets().await.unwrap();
    let listed: Vec<_> = listed.iter().map(|row| (row.interval, row.limit_nano_usd)).collect();
    assert_eq!(listed, [(Weekly, 20), (Monthly, 50), (Lifetime, 100)]);
    assert!(store.remove_workspace_budget(&id, Weekly, &actor, 2).await.unwrap());
    assert!(!store.remove_workspace_budget(&id, Weekly, &actor, 2).await.unwrap());
}

on_each_engine!(credit_is_the_sum_of_the_ledger);
/// CREDIT-3
async fn credit_is_the_sum_of_the_ledger(database: TestDatabase) {
    let store = database.open().await;
    let account = store.accounts().await.unwrap().remove(0).id;
    assert_eq!(store.account_credit(&account).await.unwrap(), 0);
    let entries = [
        (LedgerKind::Purchase, 10_000_000_000),
        (LedgerKind::Fee, -550_000_000),
        (LedgerKind::Grant, 5),
        (LedgerKind::Adjustment, -4),
        (LedgerKind::Refund, -1),
    ];
    for (kind, amount_nano_usd) in entries {
        let new = NewLedgerEntry { account_id: None, kind, amount_nano_usd, reason: "r".into() };
        let entry = store.add_ledger_entry(new, &admin(), 3).await.unwrap();
        assert_eq!((&entry.account_id, entry.actor.as_str()), (&account, "member:user_admin"));
    }
    for (kind, amount_nano_usd) in [
        (LedgerKind::Grant, -1),
        (LedgerKind::Fee, 1),
        (LedgerKind::Adjustment, 0),
        (LedgerKind::Grant, i64::MAX),
        (LedgerKind::Adjustment, i64::MIN),
    ] {
        let new = NewLedgerEntry { account_id: None, kind, amount_nano_usd, reason: "r".into() };
        assert!(store.add_ledger_entry(new, &admin(), 4).await.is_err());
    }
    let listed = store.ledger_entries(&account).await.unwrap();
    let sum: i64 = listed.iter().map(|entry| entry.amount_nano_usd).sum();
    assert_eq!((listed.len(), sum), (5, 9_450_000_000));
    assert_eq!(store.account_credit(&account).await.unwrap(), sum);
    assert_eq!(store.snapshot().await.unwrap().credits, [(account, sum)]);
}

on_each_engine!(a_code_is_exchanged_once_in_time_and_by_who_knows_the_verifier);
/// OAUTH-3, OAUTH-4
async fn a_code_is_exchanged_once_in_time_and_by_who_knows_the_verifier(database: TestDatabase) {
    let store = database.open().await;
    let key = NewApiKey {
        name: "app".into(),
        limit_nano_usd: Some(7),
        expires_at: Some(99),
        ..NewApiKey::default()
    };
    // The example of RFC 7636, appendix B.
    let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    let challenge = Challenge {
        text: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM".into(),
        method: ChallengeMethod::S256,
    };
    let machine = Actor::command_line();
    let code = store.create_authorization_code(&key, Some(&challenge), &machine, 0).await.unwrap();
    let redeem = async |code: &str, verifier: Option<&str>, now| {
        store.redeem_authorization_code(code, verifier, None, "192.0.2.2", now).await.unwrap()
    };
    let code = code.expose();
    for (code, verifier) in [(code, None), (code, Some("wrong")), ("unknown", Some(verifier))] {
        assert!(matches!(redeem(code, verifier, 1).await, Redemption::Refused));
    }
    let late = redeem(code, Some(verifier), AUTHORIZATION_CODE_LIFE).await;
    assert!(matches!(late, Redemption::Expired));
    assert!(store.api_keys(true, None).await.unwrap().is_empty());
    let Redemption::Key(created) = redeem(code, Some(verifier), 2).await else {
        panic!("the code is not exchanged");
    };
    assert_eq!((created.key.limit_nano_usd, created.key.expires_at), (Some(7), Some(99)));
    assert_eq!(created.key.hash, api_key_hash(created.plaintext.expose()));
    assert!(matches!(redeem(code, Some(verifier), 3).await, Redemption::Refused));
    assert_eq!(store.api_keys(true, None).await.unwrap().len(), 1);
    let log = format!("{:?}", store.audit_page(None, 10).await.unwrap());
    assert!(log.contains("api_key.create") && log.contains("192.0.2.2"));
    assert!(!log.contains(code) && !log.contains(created.plaintext.expose()));
}

on_each_engine!(a_code_is_good_while_who_granted_it_could_grant_it);
async fn a_code_is_good_while_who_granted_it_could_grant_it(database: TestDatabase) {
    let store = database.open().await;
    member(&store, "ada@example.org", MemberRole::Owner).await;
    let bo = member(&store, "bo@example.org", MemberRole::Admin).await;
    let settings = WorkspaceSettings::named("team", "Team");
    let team = store.create_workspace(settings, &admin(), 1).await.unwrap().id;
    let manager = |name: &str, end| NewApiKey {
        name: name.into(),
        creator: Some(bo.id.clone()),
        is_management: true,
        expires_at: end,
        ..NewApiKey::default()
    };
    let make = async |new| store.create_api_key(new, &admin(), 1).await.unwrap().key.hash;
    let by_key = |hash: &str| Actor { kind: ActorKind::ApiKey, id: hash.into(), ..admin() };
    let by_bo = Actor { id: bo.id.clone(), ..admin() };
    let key = |member: Option<&Member>, workspace: Option<&String>| NewApiKey {
        name: "app".into(),
        member_id: member.map(|member| member.id.clone()),
        workspace_id: workspace.cloned(),
        ..NewApiKey::default()
    };
    let grant = async |key: NewApiKey, actor: &Actor| {
        store.create_authorization_code(&key, None, actor, 2).await.unwrap()
    };
    let is_good = async |code: Secret, now| {
        let redeemed = store.redeem_authorization_code(code.expose(), None, None, "", now).await;
        matches!(redeemed.unwrap(), Redemption::Key(_))
    };
    let role = async |role| {
        let changes = MemberChange { role: Some(role), ..MemberChange::default() };
        store.update_member(&bo.id, changes, &admin(), 3).await.unwrap();
    };
    let manage = by_key(&make(manager("good", None)).await);
    let ending = by_key(&make(manager("ending", Some(5))).await);
    assert!(is_good(grant(key(None, None), &manage).await, 3).await);
    assert!(is_good(grant(key(None, None), &ending).await, 4).await);
    assert!(!is_good(grant(key(None, None), &ending).await, 5).await);
    for change in [true, false] {
        let hash = make(manager("going", None)).await;
        let code = grant(key(None, None), &by_key(&hash)).await;
        match change {
            true => store.delete_api_key(&hash, &admin(), 3).await.unwrap(),
            false => {
                let off = ApiKeyChange { disabled: Some(true), ..ApiKeyChange::default() };
                store.update_api_key(&hash, off, &admin(), 3).await.unwrap();
            }
        }
        assert!(!is_good(code, 4).await);
    }
    // Who is no admin any more has only keys of its own, where it is itself.
    let nobodys = grant(key(None, None), &manage).await;
    let of_team = grant(key(Some(&bo), Some(&team)), &by_bo).await;
    let own = grant(key(Some(&bo), None), &manage).await;
    role(MemberRole::Member).await;
    assert!(!is_good(nobodys, 4).await && !is_good(of_team, 4).await && is_good(own, 4).await);
    let bos = std::slice::from_ref(&bo.id);
    store.add_workspace_members(&team, bos, &admin(), 4).await.unwrap();
    let of_team = async || grant(key(Some(&bo), Some(&team)), &by_bo).await;
    let (taken, left) = (of_team().await, of_team().await);
    assert!(is_good(taken, 4).await);
    for made in store.api_keys(true, Some(&team)).await.unwrap() {
        store.delete_api_key(&made.hash, &admin(), 4).await.unwrap();
    }
    store.remove_workspace_members(&team, bos, &admin(), 4).await.unwrap();
    assert!(!is_good(left, 5).await);
    // Neither is there a key for a workspace, or by a member, that is gone.
    let (machines, of_bo) = (
        grant(key(None, Some(&team)), &Actor::system()).await,
        grant(key(None, None), &by_bo).await,
    );
    store.remove_workspace(&team, &admin(), 5).await.unwrap();
    assert!(!is_good(machines, 6).await);
    for made in store.api_keys(true, None).await.unwrap() {
        store.delete_api_key(&made.hash, &admin(), 6).await.unwrap();
    }
    store.remove_member(&bo.id, &admin(), 6).await.unwrap();
    assert!(!is_good(of_bo, 7).await);
}

on_each_engine!(feedback_and_content_are_kept_without_touching_the_control_plane);
/// GEN-5, GEN-6
async fn feedback_and_content_are_kept_without_touching_the_control_plane(database: TestDatabase) {
    let store = database.open().await;
    let revision = store.revision().await.unwrap();
    let feedback = GenerationFeedback {
        generation_id: "gen-1".into(),
        account_id: "acct".into(),
        category: FeedbackCategory::Billing,
        comment: "é".repeat(1_000),
        created_at: 4,
    };
    store.add_generation_feedback(&feedback, &admin()).await.unwrap();
    let long = GenerationFeedback { comment: "x".repeat(1_001), ..feedback.clone() };
    assert!(store.add_generation_feedback(&long, &admin()).await.is_err());
    assert_eq!(store.generation_feedback("gen-1").await.unwrap(), [feedback]);

    let content = json!({"input": {"prompt": "nul \0 and more"}, "output": {"completion": "b"}});
    for n in 0..450 {
        let id = format!("gen-{n}");
        store.put_generation_content(&id, &content, n).await.unwrap();
    }
    store.put_generation_content("gen-1", &json!(1), 0).await.unwrap();
    assert_eq!(store.generation_content("gen-1").await.unwrap(), Some(content));
    store.remove_generation_content_before(445).await.unwrap();
    assert_eq!(store.generation_content("gen-444").await.unwrap(), None);
    assert!(store.generation_content("gen-445").await.unwrap().is_some());
    assert_eq!(store.revision().await.unwrap(), revision);
}
