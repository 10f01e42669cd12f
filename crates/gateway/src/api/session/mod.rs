//! Who calls a resource: a key, or a member who is signed in.
//!
//! What each route asks of its callers is in one table, `access.rs`; handlers ask only for what
//! depends on the thing they are about.

pub mod ability;
pub mod access;
pub mod cookie;

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::{FromRequestParts, MatchedPath};
use http::request::Parts;
use protocol::exchange::{ErrorType, Fault};
use store::{Actor, ActorKind, Device, Generation, MemberRole, Micros};

use self::ability::Ability;
use self::access::Access;
use super::Refused;
use super::change::refused;
use super::sign_in::device::address;
use crate::app::App;
use crate::clock::now_micros;
use crate::control::{Caller, SignedIn, Snapshot};
use crate::error::unauthorized;
use crate::inference::admit::{admit, authenticate, names_key};

/// Who calls.
pub enum Party {
    /// A program with a key of any kind.
    Key(Arc<Caller>),
    /// A person, signed in.
    Member(Arc<SignedIn>),
}

impl Party {
    /// Finds the caller by its key or, without one, by its session. AUTH-1
    pub fn of(parts: &Parts, app: &App, snapshot: &Snapshot) -> Result<Self, Fault> {
        if !names_key(&parts.headers) && cookie::is_there(&parts.headers) {
            return signed_in(parts, app, snapshot).map(Self::Member);
        }
        authenticate(&parts.headers, snapshot, now_micros()).map(Self::Key)
    }

    /// The account it belongs to.
    pub fn account_id(&self) -> &str {
        match self {
            Self::Key(caller) => &caller.account_id,
            Self::Member(signed_in) => &signed_in.member.account_id,
        }
    }

    /// The member it is, or whose key it is.
    pub fn member_id(&self) -> Option<&str> {
        match self {
            Self::Key(caller) => caller.member_id.as_deref(),
            Self::Member(signed_in) => Some(&signed_in.member.id),
        }
    }

    /// The member who acts: it is signed in, or it is its key, or a management key it made.
    fn acting_member(&self) -> Option<&str> {
        match self {
            Self::Key(caller) if caller.is_management => {
                caller.member_id.as_deref().or(caller.creator.as_deref())
            }
            Self::Key(_) | Self::Member(_) => self.member_id(),
        }
    }
}

/// The member of a request's cookie. What changes something must come from our own pages.
fn signed_in(parts: &Parts, app: &App, snapshot: &Snapshot) -> Result<Arc<SignedIn>, Fault> {
    let signed_in = cookie::signed_in(&parts.headers, snapshot, now_micros())?;
    cookie::check_source(&parts.method, &parts.headers)?;
    app.session_seen(&signed_in, now_micros());
    Ok(signed_in)
}

/// A request with a usable key of any kind, or by session, which runs as a key of its member's
/// own; and the snapshot that was found in.
pub struct Session {
    /// Who calls.
    pub caller: Arc<Caller>,
    /// The control state.
    pub snapshot: Arc<Snapshot>,
}

impl FromRequestParts<Arc<App>> for Session {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Refused> {
        let mut snapshot = app.snapshot();
        let caller = admit(app, &parts.method, &parts.headers, &mut snapshot).await?;
        Ok(Self { caller, snapshot })
    }
}

/// Whether a caller may see and remove what a key asked, as its rows: members and their keys have
/// their own alone. GEN-1
pub async fn may_see_of(
    app: &App,
    snapshot: &Snapshot,
    caller: &Caller,
    key_hash: &str,
) -> Result<bool, Fault> {
    let Some(own) = caller.member_id.as_deref() else { return Ok(true) };
    match role_of_member(own, snapshot) {
        MemberRole::Owner | MemberRole::Admin => Ok(true),
        MemberRole::Member => {
            let owner = app.store.member_of_key(key_hash).await.map_err(refused)?;
            Ok(owner.as_deref() == Some(own))
        }
    }
}

/// A request with a usable key of any kind, or by session: what of an account's books it may see
/// depends on who calls.
pub struct Viewer {
    party: Party,
    /// The member whose rows alone it may see; `None`: everybody's. GEN-1
    own_only: Option<String>,
}

impl FromRequestParts<Arc<App>> for Viewer {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Refused> {
        let snapshot = app.snapshot();
        Ok(Self::new(Party::of(parts, app, &snapshot)?, &snapshot)?)
    }
}

impl Viewer {
    /// Members see their own rows, and so do their keys. A key of nobody sees what its account
    /// has.
    fn new(party: Party, snapshot: &Snapshot) -> Result<Self, Fault> {
        let role = match &party {
            Party::Member(signed_in) => signed_in.member.role,
            Party::Key(caller) if caller.is_management => role_of_key(caller, snapshot)?,
            Party::Key(caller) => {
                let member = caller.member_id.as_deref();
                member.map_or(MemberRole::Owner, |id| role_of_member(id, snapshot))
            }
        };
        let own_only = match role {
            MemberRole::Owner | MemberRole::Admin => None,
            // Nobody's rows are those of no member.
            MemberRole::Member => Some(party.acting_member().unwrap_or_default().to_owned()),
        };
        Ok(Self { party, own_only })
    }

    /// Whether a row may be shown to this caller; if not, it does not exist for it. GEN-1
    pub async fn may_see(&self, app: &App, row: &Generation) -> Result<bool, Fault> {
        if self.party.account_id() != &*row.account_id {
            return Ok(false);
        }
        let Some(own) = &self.own_only else { return Ok(true) };
        let owner = app.store.member_of_key(&row.key_hash).await.map_err(refused)?;
        Ok(owner.as_ref() == Some(own))
    }

    /// Whether what was asked and answered may be shown, where the row may be.
    pub fn may_read(&self, row: &Generation) -> bool {
        match &self.party {
            Party::Key(caller) => caller.is_management || row.key_hash == caller.key_hash,
            Party::Member(_) => true,
        }
    }
}

/// A request by session. A key wins over the cookie, and is nobody who is signed in.
pub struct Member(pub Arc<SignedIn>);

impl FromRequestParts<Arc<App>> for Member {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Refused> {
        if names_key(&parts.headers) {
            let message = "This asks who is signed in: send the session's cookie without a key";
            return Err(unauthorized(message).into());
        }
        Ok(Self(signed_in(parts, app, &app.snapshot())?))
    }
}

impl Member {
    /// Who is to be named in the audit log.
    pub fn actor(&self, origin: &Device) -> Actor {
        let origin = origin.address.clone();
        Actor { kind: ActorKind::Member, id: self.0.member.id.clone(), origin }
    }
}

/// A request of somebody who may do what its route does: with a management key, or by session.
/// AUTH-7
pub struct Management {
    party: Party,
    role: MemberRole,
    snapshot: Arc<Snapshot>,
    origin: String,
}

impl FromRequestParts<Arc<App>> for Management {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Refused> {
        let snapshot = app.snapshot();
        let party = Party::of(parts, app, &snapshot)?;
        let role = match &party {
            Party::Member(signed_in) => signed_in.member.role,
            Party::Key(caller) if caller.is_management => {
                app.uses.note(&app.store, &caller.key_hash, now_micros());
                role_of_key(caller, &snapshot)?
            }
            Party::Key(_) => {
                return Err(Refused(Fault::new(
                    ErrorType::PermissionDenied,
                    "Only management keys can perform this operation",
                )));
            }
        };
        let path = parts.extensions.get::<MatchedPath>().map_or("", MatchedPath::as_str);
        match access::of(&parts.method, path) {
            Some(Access::Managing) => {}
            Some(Access::Needs(ability)) => ability.check(role)?,
            // A route that nobody has put into the table is nobody's.
            _ => {
                let message = "Nobody may do this: the route has no rule";
                return Err(Refused(Fault::new(ErrorType::PermissionDenied, message)));
            }
        }
        Ok(Self { party, role, snapshot, origin: address(parts, app) })
    }
}

/// The role of a member; the least, where nothing is known of it any more.
fn role_of_member(id: &str, snapshot: &Snapshot) -> MemberRole {
    snapshot.people.members.get(id).map_or(MemberRole::Member, |member| member.role)
}

/// A management key is as mighty as the member who made it, so that no admin makes itself an owner
/// by one; those made at the machine are an owner's. One whose maker is not there any more is
/// nobody's, and refused.
fn role_of_key(caller: &Caller, snapshot: &Snapshot) -> Result<MemberRole, Fault> {
    let Some(id) = &caller.creator else { return Ok(MemberRole::Owner) };
    let maker = snapshot.people.members.get(id).map(|maker| maker.role);
    maker.ok_or_else(|| unauthorized("Who made this management key is not a member any more"))
}

impl Management {
    /// The account: what is managed.
    pub fn account_id(&self) -> &str {
        self.party.account_id()
    }

    /// Whether the caller may do what an ability stands for.
    pub fn may(&self, ability: Ability) -> bool {
        ability.is_of(self.role)
    }

    /// The member who acts, by session or by a management key it made; `None` for a management key
    /// of the machine.
    pub fn member_id(&self) -> Option<&str> {
        self.party.acting_member()
    }

    /// The member whose things alone may be seen and changed; `None`: everybody's.
    pub fn own_only(&self) -> Option<&str> {
        if self.may(Ability::KeysAll) {
            return None;
        }
        // Nobody's things are those of no member.
        Some(self.member_id().unwrap_or_default())
    }

    /// Refuses to touch what is of a member other than the one whose things alone may be touched.
    pub fn check_own(&self, member_id: &str) -> Result<(), Fault> {
        match self.own_only() {
            Some(own) if own != member_id => {
                Err(ability::refusal("see or change what is another member's", self.role))
            }
            _ => Ok(()),
        }
    }

    /// Refuses to set rates to who has only keys of its own: without them the operator's hold, and
    /// 0 would be none.
    pub fn check_may_set_rates(&self, are_given: bool) -> Result<(), Fault> {
        match are_given && self.own_only().is_some() {
            true => Err(ability::refusal("set rates of keys", self.role)),
            false => Ok(()),
        }
    }

    /// Refuses to make or unmake an owner to all but owners.
    pub fn check_may_make(&self, role: MemberRole) -> Result<(), Fault> {
        match (role, self.role) {
            (MemberRole::Owner, MemberRole::Admin | MemberRole::Member) => {
                let message = "Only owners may make, change, invite or remove an owner";
                Err(Fault::new(ErrorType::PermissionDenied, message))
            }
            _ => Ok(()),
        }
    }

    /// Whether somebody who sees only its own things may use a workspace.
    pub fn is_in_workspace(&self, id: &str, is_default: bool) -> bool {
        let Some(own) = self.own_only() else { return true };
        let rows = &self.snapshot.people.workspace_members;
        is_default || rows.iter().any(|(workspace, member)| workspace == id && member == own)
    }

    /// The member whose keys those are that this one makes, for itself or for an application;
    /// `None`: nobody's. Who has only keys of its own makes no others, by whichever key: they would
    /// be without its limits.
    pub fn owner_of_new_keys(&self) -> Option<&str> {
        self.own_only().or_else(|| self.party.member_id())
    }

    /// Who made this one's key, or who is signed in.
    pub fn creator(&self) -> Option<&str> {
        match &self.party {
            Party::Member(signed_in) => Some(&signed_in.member.id),
            Party::Key(caller) => caller.creator.as_deref(),
        }
    }

    /// Whether the secret of the key that was presented, or the session, is still good, and the role
    /// of the member or of the key's maker the same: for answers that go on.
    pub fn goes_on(&self, snapshot: &Snapshot, now: Micros) -> bool {
        match &self.party {
            Party::Key(caller) => snapshot.presented_again(caller).is_some_and(|caller| {
                let is_usable = !caller.disabled && caller.expires_at.is_none_or(|end| end > now);
                is_usable && role_of_key(caller, snapshot).is_ok_and(|role| role == self.role)
            }),
            Party::Member(signed_in) => {
                let mut sessions = snapshot.people.sessions.values();
                let id = &signed_in.session.token_hash;
                sessions.find(|known| known.session.token_hash == *id).is_some_and(|known| {
                    known.is_live(now) && known.member.role == signed_in.member.role
                })
            }
        }
    }

    /// What this caller may see of the books.
    pub fn viewer(self) -> Viewer {
        let own_only = self.own_only().map(str::to_owned);
        Viewer { party: self.party, own_only }
    }

    /// Who is to be named in the audit log.
    pub fn actor(&self) -> Actor {
        let (kind, id) = match &self.party {
            Party::Key(caller) => (ActorKind::ApiKey, caller.key_hash.to_string()),
            Party::Member(signed_in) => (ActorKind::Member, signed_in.member.id.clone()),
        };
        Actor { kind, id, origin: self.origin.clone() }
    }
}

/// The address a request came from, beyond trusted proxies, as text; empty if it is not known.
pub struct Origin(pub String);

impl FromRequestParts<Arc<App>> for Origin {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Infallible> {
        Ok(Self(address(parts, app)))
    }
}
