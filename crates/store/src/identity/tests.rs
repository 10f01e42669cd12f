//! Signing in and out, on each engine.

use super::*;
use crate::tests::{TestDatabase, on_each_engine};
use crate::{
    Actor, ActorKind, Member, MemberChange, MemberRole, NewApiKey, NewMember, Secret, Store,
};

fn actor() -> Actor {
    Actor { origin: "192.0.2.1".into(), ..Actor::command_line() }
}

fn acting(member: &Member) -> Actor {
    Actor { kind: ActorKind::Member, id: member.id.clone(), origin: String::new() }
}

async fn member(store: &Store, email: &str, role: MemberRole) -> Member {
    let new = NewMember { email: email.into(), name: "Name".into(), role };
    store.create_member(new, &actor(), 1).await.unwrap()
}

async fn begin(store: &Store, member: &Member, now: Micros) -> CreatedSession {
    store.begin_session(&member.id, &Device::default(), &actor(), now).await.unwrap()
}

async fn session_ids(store: &Store) -> Vec<String> {
    store.snapshot().await.unwrap().sessions.into_iter().map(|session| session.id).collect()
}

#[tokio::test]
async fn a_password_is_known_again_and_nothing_else_is() {
    let password = || Secret::new("correct horse battery");
    let hash = hash_password(password()).await.unwrap();
    assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
    assert_ne!(hash, hash_password(password()).await.unwrap(), "each has a salt of its own");
    assert!(verify_password(password(), Some(hash.clone())).await.unwrap());
    for (text, hash) in [
        ("correct horse batterz", Some(hash.clone())),
        ("", Some(hash.clone())),
        ("correct horse battery", None),
        ("correct horse battery", Some("no hash".to_owned())),
        (&"x".repeat(MOST_PASSWORD + 1), Some(hash)),
    ] {
        assert!(!verify_password(Secret::new(text), hash).await.unwrap(), "{text}");
    }
    for text in ["nine char", &"x".repeat(MOST_PASSWORD + 1)] {
        assert!(hash_password(Secret::new(text)).await.is_err());
    }
    assert!(hash_password(Secret::new("é".repeat(LEAST_PASSWORD))).await.is_ok());
}

on_each_engine!(a_session_is_begun_seen_and_ended);
async fn a_session_is_begun_seen_and_ended(database: TestDatabase) {
    let store = database.open().await;
    let ada = member(&store, "ada@example.org", MemberRole::Owner).await;
    let device = Device { address: "192.0.2.7".into(), user_agent: "é".repeat(1_000) };
    let created = store.begin_session(&ada.id, &device, &actor(), 5).await.unwrap();
    let session = created.session.clone();
    assert_eq!(session.token_hash, session_hash(created.token.expose()));
    assert_eq!((session.created_at, session.expires_at), (5, 5 + SESSION_LIFE));
    assert_eq!(session.user_agent.chars().count(), 300);
    assert_eq!(store.snapshot().await.unwrap().sessions, std::slice::from_ref(&session));
    let nobody = store.begin_session("nobody", &device, &actor(), 5).await;
    assert!(matches!(nobody, Err(StoreError::NotFound { .. })));

    // All nodes are told once a day, and not more often.
    let revision = store.revision().await.unwrap();
    store.session_seen(&session.id, 7).await.unwrap();
    assert_eq!(store.revision().await.unwrap(), revision);
    store.session_seen(&session.id, 86_400_000_007).await.unwrap();
    assert_eq!(store.revision().await.unwrap().number(), revision.number() + 1);
    store.session_seen(&session.id, 6).await.unwrap();
    store.session_seen("nothing", 6).await.unwrap();
    assert_eq!(store.snapshot().await.unwrap().sessions[0].last_seen_at, 86_400_000_007);

    assert!(!store.end_session("another", &session.id, &actor(), 9).await.unwrap());
    assert!(store.end_session(&ada.id, &session.id, &actor(), 9).await.unwrap());
    assert!(!store.end_session(&ada.id, &session.id, &actor(), 9).await.unwrap());
    assert!(session_ids(&store).await.is_empty());
    let log = format!("{:?}", store.audit_page(None, 100).await.unwrap());
    assert!(log.contains("session.begin") && !log.contains(&session.token_hash));
}

on_each_engine!(sessions_that_ended_are_removed_and_there_are_never_many);
async fn sessions_that_ended_are_removed_and_there_are_never_many(database: TestDatabase) {
    let store = database.open().await;
    let ada = member(&store, "ada@example.org", MemberRole::Owner).await;
    let bo = member(&store, "bo@example.org", MemberRole::Member).await;
    let bos = begin(&store, &bo, 1).await.session.id;
    let mut ids = Vec::new();
    for now in 0..52 {
        ids.push(begin(&store, &ada, now).await.session.id);
    }
    let left = session_ids(&store).await;
    assert_eq!(left.len(), 51);
    assert!(left.contains(&bos) && !left.contains(&ids[0]) && !left.contains(&ids[1]));
    store.remove_expired(1 + SESSION_IDLE).await.unwrap();
    assert_eq!(session_ids(&store).await.len(), 50);
    let late = begin(&store, &ada, SESSION_IDLE + 100).await;
    assert_eq!(session_ids(&store).await, [late.session.id]);
}

on_each_engine!(the_gateway_is_set_up_once);
async fn the_gateway_is_set_up_once(database: TestDatabase) {
    let store = database.open().await;
    assert!(!store.snapshot().await.unwrap().is_set_up());
    let (one, other) = (
        store.create_setup_link(&actor(), 1).await.unwrap().unwrap(),
        store.create_setup_link(&actor(), 1).await.unwrap().unwrap(),
    );
    // An owner whom a program made, and who cannot sign in.
    let ada = member(&store, "ada@example.org", MemberRole::Owner).await;
    let accept = async |token: &str, now| {
        let who = ("Ada@example.org", "Ada");
        store.accept_invitation(token, who, "hash", &Device::default(), now).await.unwrap()
    };
    assert!(matches!(accept("guess", 2).await, Accepted::Gone));
    assert!(matches!(accept(one.token.expose(), 1 + SETUP_LIFE).await, Accepted::Gone));
    let Accepted::SignedIn(owner, session) = accept(one.token.expose(), 2).await else {
        panic!("the link is not good");
    };
    assert_eq!((&owner.id, owner.role, owner.name.as_str()), (&ada.id, MemberRole::Owner, "Ada"));
    assert_eq!(session.session.member_id, ada.id);
    assert!(store.snapshot().await.unwrap().is_set_up());
    for token in [one.token.expose(), other.token.expose()] {
        assert!(matches!(accept(token, 3).await, Accepted::Gone));
    }
    assert!(store.create_setup_link(&actor(), 4).await.unwrap().is_none());
    let (found, hash) = store.password_of(" ADA@example.org").await.unwrap().unwrap();
    assert_eq!((found.id, hash.as_deref()), (ada.id, Some("hash")));
    assert!(store.password_of("nobody@example.org").await.unwrap().is_none());
}

on_each_engine!(an_invitation_is_good_once_in_time_and_for_the_newest_link);
async fn an_invitation_is_good_once_in_time_and_for_the_newest_link(database: TestDatabase) {
    let store = database.open().await;
    let (email, role) = ("Bo@example.org", MemberRole::Admin);
    let first = store.invite(email, role, &actor(), 1).await.unwrap();
    let second = store.invite(email, role, &actor(), 2).await.unwrap();
    assert_eq!(store.invitations(3).await.unwrap(), std::slice::from_ref(&second.invitation));
    assert_eq!(store.invitation(first.token.expose(), 3).await.unwrap(), None);
    let token = second.token.expose();
    assert_eq!(store.invitation(token, 3).await.unwrap(), Some(second.invitation.clone()));
    assert_eq!(store.invitation(token, 2 + INVITATION_LIFE).await.unwrap(), None);
    assert!(store.invitations(2 + INVITATION_LIFE).await.unwrap().is_empty());
    let accept = async |token: &str| {
        let who = ("", "Bo");
        store.accept_invitation(token, who, "hash", &Device::default(), 4).await.unwrap()
    };
    assert!(matches!(accept(first.token.expose()).await, Accepted::Gone));
    let Accepted::SignedIn(bo, session) = accept(token).await else {
        panic!("the link is not good");
    };
    assert_eq!((bo.email.as_str(), bo.role), ("bo@example.org", MemberRole::Admin));
    assert!(matches!(accept(token).await, Accepted::Gone));
    assert!(store.invite(email, role, &actor(), 5).await.is_err(), "who can sign in needs none");

    // A member who cannot sign in is invited to the role it has.
    member(&store, "cy@example.org", MemberRole::Owner).await;
    assert!(store.invite("cy@example.org", MemberRole::Member, &actor(), 5).await.is_err());
    let link = store.invite("cy@example.org", MemberRole::Owner, &actor(), 5).await.unwrap();
    assert!(matches!(accept(link.token.expose()).await, Accepted::SignedIn(..)));
    let back = store.invite("di@example.org", role, &actor(), 5).await.unwrap();
    assert!(store.remove_invitation(&back.invitation.id, &actor(), 6).await.unwrap());
    assert!(!store.remove_invitation(&back.invitation.id, &actor(), 6).await.unwrap());
    assert!(matches!(accept(back.token.expose()).await, Accepted::Gone));

    let reset = store.create_reset(&bo.id, &actor(), 6).await.unwrap();
    assert!(store.invitations(7).await.unwrap().is_empty(), "it is no invitation");
    let Accepted::SignedIn(same, new) = accept(reset.token.expose()).await else {
        panic!("the link is not good");
    };
    assert_eq!((&same.id, same.name.as_str()), (&bo.id, "Bo"));
    let left = session_ids(&store).await;
    assert!(left.contains(&new.session.id) && !left.contains(&session.session.id));
    let log = format!("{:?}", store.audit_page(None, 100).await.unwrap());
    assert!(log.contains("invitation.accept") && !log.contains(token) && !log.contains("\"hash\""));
}

on_each_engine!(somebody_is_known_by_the_name_a_service_gave_before);
async fn somebody_is_known_by_the_name_a_service_gave_before(database: TestDatabase) {
    let store = database.open().await;
    let ada = member(&store, "ada@example.org", MemberRole::Owner).await;
    let who = |subject: &str, email: Option<&str>| SignOn {
        issuer: "https://issuer.example".into(),
        subject: subject.into(),
        email: email.map(str::to_owned),
        name: "Ada".into(),
    };
    let sign_on = async |who: SignOn, stranger| {
        let signed_on = store.sign_on(&who, stranger, &Device::default(), 3).await.unwrap();
        signed_on.map(|created| created.session.member_id)
    };
    // Nobody is known by a name alone, or by an address that is not verified.
    assert_eq!(sign_on(who("1", None), Some(MemberRole::Member)).await, None);
    assert_eq!(sign_on(who("1", Some("nobody@example.org")), None).await, None);
    assert!(!store.snapshot().await.unwrap().is_set_up());
    assert_eq!(sign_on(who("1", Some("Ada@example.org")), None).await, Some(ada.id.clone()));
    assert!(store.snapshot().await.unwrap().is_set_up());
    // From then on the address does not matter, and another person with it is a stranger.
    assert_eq!(sign_on(who("1", Some("new@example.org")), None).await, Some(ada.id.clone()));
    assert_eq!(sign_on(who("1", None), None).await, Some(ada.id.clone()));
    assert_eq!(sign_on(who("2", Some("ada@example.org")), Some(MemberRole::Member)).await, None);
    let made = sign_on(who("3", Some("Bo@example.org")), Some(MemberRole::Member)).await.unwrap();
    let members = store.members().await.unwrap();
    assert_eq!((&members[1].id, members[1].email.as_str()), (&made, "bo@example.org"));
    assert_eq!(members[1].role, MemberRole::Member);
    // Who was removed does not come back by itself: not by the old name, not as a stranger, not by
    // another name with the address.
    store.remove_member(&made, &actor(), 4).await.unwrap();
    assert_eq!(sign_on(who("3", None), None).await, None);
    for (subject, address) in
        [("3", "bo@example.org"), ("3", "other@example.org"), ("4", "Bo@example.org")]
    {
        let signed_on = sign_on(who(subject, Some(address)), Some(MemberRole::Member)).await;
        assert_eq!(signed_on, None, "{subject} {address}");
    }
    // Somebody has to make a member of the address again.
    let again = member(&store, "bo@example.org", MemberRole::Member).await;
    assert_eq!(sign_on(who("3", Some("bo@example.org")), None).await, Some(again.id.clone()));
    assert_eq!(sign_on(who("3", None), None).await, Some(again.id));
}

on_each_engine!(only_an_owner_who_can_sign_in_closes_the_set_up);
async fn only_an_owner_who_can_sign_in_closes_the_set_up(database: TestDatabase) {
    let store = database.open().await;
    let is_open = async || {
        let is_open = store.create_setup_link(&actor(), 9).await.unwrap().is_some();
        assert_eq!(is_open, !store.snapshot().await.unwrap().is_set_up());
        is_open
    };
    let who = SignOn {
        issuer: "https://issuer.example".into(),
        subject: "1".into(),
        email: Some("bo@example.org".into()),
        name: "Bo".into(),
    };
    let stranger = Some(MemberRole::Admin);
    store.sign_on(&who, stranger, &Device::default(), 1).await.unwrap().unwrap();
    assert!(is_open().await, "a stranger cannot manage the account");
    let cy = member(&store, "cy@example.org", MemberRole::Member).await;
    store.change_password(&cy.id, "hash", &Device::default(), &actor(), 2).await.unwrap();
    assert!(is_open().await);
    member(&store, "ada@example.org", MemberRole::Owner).await;
    assert!(is_open().await, "an owner who cannot sign in");
    let raise = MemberChange { role: Some(MemberRole::Owner), name: None };
    store.update_member(&cy.id, raise, &actor(), 3).await.unwrap();
    assert!(!is_open().await);
}

on_each_engine!(a_link_does_not_outlive_what_it_was_made_under);
async fn a_link_does_not_outlive_what_it_was_made_under(database: TestDatabase) {
    let store = database.open().await;
    let ada = member(&store, "ada@example.org", MemberRole::Owner).await;
    let bo = member(&store, "bo@example.org", MemberRole::Admin).await;
    let cy = member(&store, "cy@example.org", MemberRole::Member).await;
    let role = async |member: &Member, role| {
        let change = MemberChange { role: Some(role), name: None };
        store.update_member(&member.id, change, &actor(), 2).await.unwrap();
    };
    let follow = async |link: &NewInvitation| {
        let token = link.token.expose();
        let who = ("", "Name");
        let shown = store.invitation(token, 3).await.unwrap().is_some();
        let followed = store.accept_invitation(token, who, "hash", &Device::default(), 3).await;
        let is_good = matches!(followed.unwrap(), Accepted::SignedIn(..));
        assert_eq!(shown, is_good);
        is_good
    };
    // An admin makes a link for a member who then becomes an owner, and would sign in as one.
    let reset = store.create_reset(&cy.id, &acting(&bo), 1).await.unwrap();
    let invite = store.invite("cy@example.org", MemberRole::Member, &acting(&bo), 1).await.unwrap();
    role(&cy, MemberRole::Owner).await;
    assert!(!follow(&reset).await && !follow(&invite).await);
    // One for an address that becomes an owner's meanwhile.
    let invite = store.invite("di@example.org", MemberRole::Member, &acting(&bo), 1).await.unwrap();
    let di = member(&store, "di@example.org", MemberRole::Owner).await;
    assert!(!follow(&invite).await);
    role(&di, MemberRole::Member).await;
    // A new password takes the older links away.
    let reset = store.create_reset(&di.id, &actor(), 1).await.unwrap();
    store.change_password(&di.id, "hash", &Device::default(), &actor(), 2).await.unwrap();
    assert!(!follow(&reset).await);

    // Who made it may not make it any more.
    let as_owner =
        store.invite("e@example.org", MemberRole::Owner, &acting(&ada), 1).await.unwrap();
    let as_admin =
        store.invite("f@example.org", MemberRole::Admin, &acting(&ada), 1).await.unwrap();
    role(&ada, MemberRole::Admin).await;
    assert_eq!(store.invitations(3).await.unwrap(), std::slice::from_ref(&as_admin.invitation));
    assert!(!follow(&as_owner).await && follow(&as_admin).await);
    let last = store.invite("g@example.org", MemberRole::Admin, &acting(&bo), 1).await.unwrap();
    let console = NewApiKey {
        name: "bo's".into(),
        creator: Some(bo.id.clone()),
        is_management: true,
        ..NewApiKey::default()
    };
    let key = store.create_api_key(console.clone(), &acting(&bo), 1).await.unwrap().key;
    let by_key = Actor { kind: ActorKind::ApiKey, id: key.hash.clone(), origin: String::new() };
    let of_key = store.invite("h@example.org", MemberRole::Member, &by_key, 1).await.unwrap();
    let good = store.invite("i@example.org", MemberRole::Member, &by_key, 1).await.unwrap();
    assert!(follow(&good).await);
    let new = NewApiKey { expires_at: Some(2), ..console };
    let key_at_its_end = store.create_api_key(new, &acting(&bo), 1).await.unwrap().key;
    let ended = Actor { id: key_at_its_end.hash, ..by_key };
    let of_ended = store.invite("j@example.org", MemberRole::Member, &ended, 1).await.unwrap();
    assert!(!follow(&of_ended).await);
    store.remove_member(&bo.id, &actor(), 2).await.unwrap();
    assert!(!follow(&last).await && !follow(&of_key).await);
    assert_eq!(store.api_key(&key.hash).await.unwrap(), None, "it is revoked with its maker");
    let log = format!("{:?}", store.audit_page(None, 100).await.unwrap());
    assert!(log.contains("api_key.delete"), "{log}");
}

on_each_engine!(who_is_removed_is_signed_out_and_the_playground_key_goes_along);
async fn who_is_removed_is_signed_out_and_the_playground_key_goes_along(database: TestDatabase) {
    let store = database.open().await;
    member(&store, "ada@example.org", MemberRole::Owner).await;
    let bo = member(&store, "bo@example.org", MemberRole::Member).await;
    begin(&store, &bo, 2).await;
    store.change_password(&bo.id, "hash", &Device::default(), &actor(), 3).await.unwrap();
    let key = store.playground_key(&bo.id, &actor(), 3).await.unwrap();
    assert_eq!((key.origin, key.name.as_str()), (Some(KeyOrigin::Playground), "Playground"));
    assert_eq!(store.playground_key(&bo.id, &actor(), 4).await.unwrap(), key);
    assert_eq!(store.api_key(&key.hash).await.unwrap(), Some(key.clone()));
    store.remove_member(&bo.id, &actor(), 5).await.unwrap();
    assert!(session_ids(&store).await.is_empty());
    assert!(store.password_of("bo@example.org").await.unwrap().is_none());
    assert_eq!(store.api_key(&key.hash).await.unwrap(), None);
    assert_eq!(store.member_of_key(&key.hash).await.unwrap(), Some(bo.id.clone()));
    assert_eq!(store.member_of_key("nothing").await.unwrap(), None);
    assert!(store.playground_key(&bo.id, &actor(), 6).await.is_err());
}
