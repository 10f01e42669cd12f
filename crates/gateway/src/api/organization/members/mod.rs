//! People who work with the account. ORG-1

pub mod create;
pub mod delete;
pub mod limits;
pub mod list;
pub mod show;
pub mod update;

use protocol::exchange::{ErrorType, Fault};
use serde::{Deserialize, Serialize};
use store::{Member, MemberChange, MemberRole, StoreError};
use utoipa::ToSchema;

use self::limits::LimitObject;
use crate::api::change::{put_in_force, refused};
use crate::api::session::Management;
use crate::api::time::iso;
use crate::app::App;
use crate::clock::now_micros;

/// A person, as OpenRouter shows one.
#[derive(Serialize, ToSchema)]
pub struct OrganizationMember {
    id: String,
    first_name: Option<String>,
    last_name: Option<String>,
    email: String,
    /// `org:admin` or `org:member`; owners are shown as `org:admin`.
    role: &'static str,
    /// Our own: first and last name as one.
    name: String,
    /// Our own.
    is_owner: bool,
}

impl From<&Member> for OrganizationMember {
    fn from(member: &Member) -> Self {
        // People have one name here; the API wants two.
        let mut names = member.name.trim().splitn(2, ' ');
        let mut name = || names.next().map(str::trim).filter(|name| !name.is_empty());
        let (first_name, last_name) = (name().map(str::to_owned), name().map(str::to_owned));
        let role = match member.role {
            MemberRole::Owner | MemberRole::Admin => "org:admin",
            MemberRole::Member => "org:member",
        };
        Self {
            id: member.id.clone(),
            first_name,
            last_name,
            email: member.email.clone(),
            role,
            name: member.name.clone(),
            is_owner: member.role == MemberRole::Owner,
        }
    }
}

/// The answer with one member.
#[derive(Serialize, ToSchema)]
pub struct ManagedMemberAnswer {
    data: ManagedMember,
}

/// A person, with what only this gateway knows.
#[derive(Serialize, ToSchema)]
pub struct ManagedMember {
    #[serde(flatten)]
    shown: OrganizationMember,
    /// What the member's keys may spend together, by window.
    limits: Vec<LimitObject>,
    created_at: String,
    updated_at: String,
}

/// What a member is to be allowed.
#[derive(Clone, Copy, Deserialize, ToSchema)]
pub enum Role {
    /// Everything. The account always has an owner, once it has members.
    #[serde(rename = "org:owner")]
    Owner,
    /// Manages billing, policy and all keys.
    #[serde(rename = "org:admin")]
    Admin,
    /// Sees and makes keys of its own.
    #[serde(rename = "org:member")]
    Member,
}

impl From<Role> for MemberRole {
    fn from(role: Role) -> Self {
        match role {
            Role::Owner => Self::Owner,
            Role::Admin => Self::Admin,
            Role::Member => Self::Member,
        }
    }
}

/// The longest name, in characters.
const LONGEST_NAME: usize = 255;

/// Every member of the account, oldest first.
pub async fn all(app: &App, management: &Management) -> Result<Vec<Member>, Fault> {
    let mut members = app.store.members().await.map_err(refused)?;
    members.retain(|member| member.account_id == management.account_id());
    Ok(members)
}

/// The member of a path.
pub async fn find(app: &App, management: &Management, id: &str) -> Result<Member, Fault> {
    let found = all(app, management).await?.into_iter().find(|member| member.id == id);
    found.ok_or_else(|| Fault::new(ErrorType::NotFound, "Member not found"))
}

/// Changes a member, as far as the caller may.
pub async fn change(
    app: &App,
    management: &Management,
    id: &str,
    changes: MemberChange,
) -> Result<Member, Fault> {
    let before = find(app, management, id).await?;
    management.check_may_make(before.role)?;
    changes.role.map_or(Ok(()), |role| management.check_may_make(role))?;
    let (actor, now) = (management.actor(), now_micros());
    let member = app.store.update_member(id, changes, &actor, now).await.map_err(refused)?;
    put_in_force(app).await?;
    Ok(member)
}

/// What came of removing a member.
pub enum Removal {
    /// The member is gone.
    Done,
    /// It has keys in use, with these names.
    KeysInUse(String),
}

/// Removes a member, as far as the caller may.
pub async fn remove(app: &App, management: &Management, id: &str) -> Result<Removal, Fault> {
    let member = find(app, management, id).await?;
    management.check_may_make(member.role)?;
    match app.store.remove_member(id, &management.actor(), now_micros()).await {
        Ok(()) => {
            put_in_force(app).await?;
            Ok(Removal::Done)
        }
        Err(StoreError::Invalid { what: "removal", reason }) => Ok(Removal::KeysInUse(reason)),
        Err(error) => Err(refused(error)),
    }
}

/// A member as the answer shows it, with its limits.
async fn answer(app: &App, member: Member) -> Result<ManagedMemberAnswer, Fault> {
    let limits = app.store.member_limits().await.map_err(refused)?;
    let mut own = Vec::new();
    for limit in limits.into_iter().filter(|limit| limit.member_id == member.id) {
        own.push(LimitObject::new(app, limit).await);
    }
    let data = ManagedMember {
        shown: OrganizationMember::from(&member),
        limits: own,
        created_at: iso(member.created_at),
        updated_at: iso(member.updated_at),
    };
    Ok(ManagedMemberAnswer { data })
}
