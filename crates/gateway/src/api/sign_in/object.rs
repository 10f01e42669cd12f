//! A session as its member sees it.

use serde::Serialize;
use store::{Member, MemberRole};
use utoipa::ToSchema;

use crate::api::session::ability::Ability;
use crate::api::time::iso;
use crate::control::{SignedIn, Snapshot};

/// Who is signed in, and what that person may do.
#[derive(Serialize, ToSchema)]
pub struct SessionAnswer {
    member: SessionMember,
    /// `keys.own`, and for admins and owners `keys.all`, `activity.all`, `members`, `credits`,
    /// `credentials`, `workspaces`, `privacy`, `settings`, `audit` and `management_keys`.
    abilities: Vec<&'static str>,
    /// When the session ends at the latest.
    expires_at: String,
    /// Of the gateway.
    version: &'static str,
    account: SessionAccount,
}

/// Who is signed in.
#[derive(Serialize, ToSchema)]
pub struct SessionMember {
    id: String,
    email: String,
    name: String,
    /// `owner`, `admin` or `member`.
    role: &'static str,
}

/// The account that the member belongs to.
#[derive(Serialize, ToSchema)]
pub struct SessionAccount {
    id: String,
    name: String,
}

impl From<&Member> for SessionMember {
    fn from(member: &Member) -> Self {
        Self {
            id: member.id.clone(),
            email: member.email.clone(),
            name: member.name.clone(),
            role: MemberRole::as_str(member.role),
        }
    }
}

/// Shows a session.
pub fn session_object(snapshot: &Snapshot, signed_in: &SignedIn) -> SessionAnswer {
    let member = &signed_in.member;
    SessionAnswer {
        member: member.into(),
        abilities: Ability::of(member.role),
        expires_at: iso(signed_in.session.expires_at),
        version: env!("CARGO_PKG_VERSION"),
        account: SessionAccount {
            id: member.account_id.clone(),
            name: snapshot.people.accounts.get(&member.account_id).cloned().unwrap_or_default(),
        },
    }
}
