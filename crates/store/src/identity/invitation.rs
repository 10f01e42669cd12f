//! Links that are good once: to set the gateway up, to become a member, to set a password anew.

use serde::Serialize;

use super::password::{self, put};
use super::session::{CreatedSession, Device, begin, session_hash};
use super::standing::{Standing, standing};
use super::{is_set_up, remove_ended};
use crate::audit::Deed;
use crate::engine::{Change, Row, Session, Sql, values};
use crate::member::{self, check_address, find, members};
use crate::secret::{hex, random_bytes};
use crate::{
    Actor, ActorKind, Member, MemberChange, MemberRole, Micros, NewMember, Secret, Store,
    StoreError,
};

const HOUR: Micros = 3_600_000_000;

/// How long somebody who is invited can follow the link.
pub const INVITATION_LIFE: Micros = 7 * 24 * HOUR;

/// How long a password can be set anew.
pub const RESET_LIFE: Micros = 24 * HOUR;

/// How long the gateway can be set up by a link; there can always be another.
pub const SETUP_LIFE: Micros = 24 * HOUR;

/// What a link is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum InvitationKind {
    /// To become the first owner.
    Setup,
    /// To become a member.
    Invite,
    /// To set a member's password anew.
    Reset,
}

impl InvitationKind {
    /// The word used in the API and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            InvitationKind::Setup => "setup",
            InvitationKind::Invite => "invite",
            InvitationKind::Reset => "reset",
        }
    }

    fn parse(text: &str) -> Option<InvitationKind> {
        [InvitationKind::Setup, InvitationKind::Invite, InvitationKind::Reset]
            .into_iter()
            .find(|kind| kind.as_str() == text)
    }

    fn life(self) -> Micros {
        match self {
            InvitationKind::Setup => SETUP_LIFE,
            InvitationKind::Invite => INVITATION_LIFE,
            InvitationKind::Reset => RESET_LIFE,
        }
    }
}

/// A link, without what is in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Invitation {
    /// Stable identity, which is no secret.
    pub id: String,
    /// What it is for.
    pub kind: InvitationKind,
    /// Whom it is for; empty where that is not known yet.
    pub email: String,
    /// What that person is to be.
    pub role: MemberRole,
    /// Whose password it sets anew.
    pub member_id: Option<String>,
    /// The identity of who made it, a member's or a key's hash.
    pub created_by: String,
    /// Microseconds since the Unix epoch.
    pub created_at: Micros,
    /// It is good before this moment.
    pub expires_at: Micros,
}

/// A link just made: the only moment what is in it is known here.
#[derive(Debug, Clone)]
pub struct NewInvitation {
    /// What makes the link.
    pub token: Secret,
    /// The row stored.
    pub invitation: Invitation,
}

/// What came of following a link.
#[derive(Debug, Clone)]
pub enum Accepted {
    /// The member is signed in.
    SignedIn(Box<Member>, Box<CreatedSession>),
    /// There is no such link, or it was followed before, or too late, or it is for what is not so
    /// any more: the member has another role, or who made it may not make it now.
    Gone,
}

const COLUMNS: &str =
    "id, token_hash, kind, email, role, member_id, created_by, created_at, expires_at";

impl Store {
    /// Makes a link to set the gateway up; `None` once somebody can sign in.
    pub async fn create_setup_link(
        &self,
        actor: &Actor,
        now: Micros,
    ) -> Result<Option<NewInvitation>, StoreError> {
        let mut change = self.database().begin_change().await?;
        if is_set_up(&mut change).await? {
            return Ok(None);
        }
        let whom = (String::new(), MemberRole::Owner, None);
        let created = create(&mut change, InvitationKind::Setup, whom, actor, now).await?;
        change.commit().await?;
        Ok(Some(created))
    }

    /// Makes a link for somebody to become a member, in place of earlier ones for the address. A
    /// member who cannot sign in yet may be invited, to the role it has.
    pub async fn invite(
        &self,
        email: &str,
        role: MemberRole,
        actor: &Actor,
        now: Micros,
    ) -> Result<NewInvitation, StoreError> {
        let email = check_address(email)?;
        let mut change = self.database().begin_change().await?;
        let all = members(&mut change).await?;
        if let Some(member) = all.iter().find(|member| member.email == email) {
            if password::has(&mut change, &member.id).await? {
                return Err(invalid("mail address", "it is a member's who can sign in already"));
            }
            if member.role != role {
                let role = member.role.as_str();
                let reason = format!("the member with this address is a {role}; change that first");
                return Err(invalid("role", &reason));
            }
        }
        let text = "DELETE FROM invitation WHERE email = $1 AND kind = $2";
        change.execute(text, values![&email, InvitationKind::Invite.as_str()]).await?;
        let whom = (email, role, None);
        let created = create(&mut change, InvitationKind::Invite, whom, actor, now).await?;
        change.commit().await?;
        Ok(created)
    }

    /// Makes a link for a member to set its password anew, in place of earlier ones.
    pub async fn create_reset(
        &self,
        member_id: &str,
        actor: &Actor,
        now: Micros,
    ) -> Result<NewInvitation, StoreError> {
        let mut change = self.database().begin_change().await?;
        let all = members(&mut change).await?;
        let member = find(&all, member_id)?;
        let text = "DELETE FROM invitation WHERE member_id = $1";
        change.execute(text, values![member_id]).await?;
        let whom = (member.email.clone(), member.role, Some(member.id.clone()));
        let created = create(&mut change, InvitationKind::Reset, whom, actor, now).await?;
        change.commit().await?;
        Ok(created)
    }

    /// Invitations that can still be followed, the oldest first; no other links.
    pub async fn invitations(&self, now: Micros) -> Result<Vec<Invitation>, StoreError> {
        let text = format!(
            "SELECT {COLUMNS} FROM invitation WHERE kind = $1 AND expires_at > $2 \
             ORDER BY created_at, id"
        );
        let values = values![InvitationKind::Invite.as_str(), now];
        let mut view = self.database().begin_read().await?;
        let rows = view.fetch_all(Sql::composed(text), values).await?;
        let mut good = Vec::with_capacity(rows.len());
        for row in &rows {
            let invitation = from_row(row)?;
            if is_good(&mut view, &invitation, now).await? {
                good.push(invitation);
            }
        }
        Ok(good)
    }

    /// Takes an invitation back; says whether there was one.
    pub async fn remove_invitation(
        &self,
        id: &str,
        actor: &Actor,
        now: Micros,
    ) -> Result<bool, StoreError> {
        let mut change = self.database().begin_change().await?;
        let text = format!("SELECT {COLUMNS} FROM invitation WHERE id = $1 AND kind = $2");
        let values = values![id, InvitationKind::Invite.as_str()];
        let row = change.fetch_optional(Sql::composed(text), values).await?;
        let Some(before) = row.as_ref().map(from_row).transpose()? else { return Ok(false) };
        change.execute("DELETE FROM invitation WHERE id = $1", values![id]).await?;
        let deed = Deed { actor, now, action: "invitation.remove", subject: id };
        deed.record(&mut change, Some(&before), None).await?;
        change.commit().await?;
        Ok(true)
    }

    /// The link that a text makes, if it can still be followed.
    pub async fn invitation(
        &self,
        token: &str,
        now: Micros,
    ) -> Result<Option<Invitation>, StoreError> {
        by_token(&mut self.database().session().await?, token, now).await
    }

    /// Follows a link, once: the person becomes a member if it is none, its password is set, and
    /// it is signed in. `email` is for a link to set the gateway up, `name` for any but a reset.
    pub async fn accept_invitation(
        &self,
        token: &str,
        (email, name): (&str, &str),
        password_hash: &str,
        device: &Device,
        now: Micros,
    ) -> Result<Accepted, StoreError> {
        let mut change = self.database().begin_change().await?;
        let Some(invitation) = by_token(&mut change, token, now).await? else {
            return Ok(Accepted::Gone);
        };
        let kind = invitation.kind;
        let origin = device.address.clone();
        // Until there is a member, who acts is only known by the link.
        let guest = Actor { kind: ActorKind::Member, id: invitation.id.clone(), origin };
        let member = match (kind, &invitation.member_id) {
            (InvitationKind::Setup, _) if is_set_up(&mut change).await? => {
                return Ok(Accepted::Gone);
            }
            (InvitationKind::Reset, Some(id)) => {
                let all = members(&mut change).await?;
                match all.into_iter().find(|member| member.id == *id) {
                    Some(member) => member,
                    None => return Ok(Accepted::Gone),
                }
            }
            (InvitationKind::Reset, None) => return Ok(Accepted::Gone),
            (InvitationKind::Setup, _) => {
                let new = NewMember {
                    email: email.to_owned(),
                    name: name.to_owned(),
                    role: MemberRole::Owner,
                };
                joined(&mut change, new, true, &guest, now).await?
            }
            (InvitationKind::Invite, _) => {
                let new = NewMember {
                    email: invitation.email.clone(),
                    name: name.to_owned(),
                    role: invitation.role,
                };
                joined(&mut change, new, false, &guest, now).await?
            }
        };
        match kind {
            // Nobody can set it up again, by whichever link.
            InvitationKind::Setup => {
                let text = "DELETE FROM invitation WHERE kind = $1";
                change.execute(text, values![kind.as_str()]).await?;
            }
            InvitationKind::Invite | InvitationKind::Reset => {
                let text = "DELETE FROM invitation WHERE id = $1";
                change.execute(text, values![&invitation.id]).await?;
            }
        }
        let actor = Actor { id: member.id.clone(), ..guest };
        let deed =
            Deed { actor: &actor, now, action: "invitation.accept", subject: &invitation.id };
        deed.record(&mut change, Some(&invitation), None).await?;
        put(&mut change, &member, password_hash, &actor, now).await?;
        let created = begin(&mut change, &member.id, device, &actor, now).await?;
        change.commit().await?;
        Ok(Accepted::SignedIn(Box::new(member), Box::new(created)))
    }
}

/// The member of an address, made if there is none. `raise`: one that is there gets the role.
async fn joined(
    change: &mut Change,
    new: NewMember,
    raise: bool,
    actor: &Actor,
    now: Micros,
) -> Result<Member, StoreError> {
    let email = check_address(&new.email)?;
    let all = members(change).await?;
    let Some(member) = all.into_iter().find(|member| member.email == email) else {
        return member::create(change, new, actor, now).await;
    };
    if password::has(change, &member.id).await? {
        return Err(invalid("mail address", "it is a member's who can sign in already"));
    }
    let changes = MemberChange {
        name: Some(new.name).filter(|name| !name.trim().is_empty()),
        role: raise.then_some(new.role),
    };
    member::update(change, &member.id, changes, actor, now).await
}

fn invalid(what: &'static str, reason: &str) -> StoreError {
    StoreError::Invalid { what, reason: reason.to_owned() }
}

async fn create(
    change: &mut Change,
    kind: InvitationKind,
    (email, role, member_id): (String, MemberRole, Option<String>),
    actor: &Actor,
    now: Micros,
) -> Result<NewInvitation, StoreError> {
    remove_ended(change, now).await?;
    let token = Secret::new(hex(&random_bytes::<32>()?));
    let invitation = Invitation {
        id: format!("invite_{}", hex(&random_bytes::<12>()?)),
        kind,
        email,
        role,
        member_id,
        created_by: actor.id.clone(),
        created_at: now,
        expires_at: now.saturating_add(kind.life()),
    };
    let text =
        format!("INSERT INTO invitation ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)");
    let values = values![
        &invitation.id,
        session_hash(token.expose()),
        kind.as_str(),
        &invitation.email,
        invitation.role.as_str(),
        &invitation.member_id,
        &invitation.created_by,
        invitation.created_at,
        invitation.expires_at,
    ];
    change.execute(Sql::composed(text), values).await?;
    let deed = Deed { actor, now, action: "invitation.create", subject: &invitation.id };
    deed.record(change, None, Some(&invitation)).await?;
    Ok(NewInvitation { token, invitation })
}

async fn by_token(
    session: &mut Session,
    token: &str,
    now: Micros,
) -> Result<Option<Invitation>, StoreError> {
    let text =
        format!("SELECT {COLUMNS} FROM invitation WHERE token_hash = $1 AND expires_at > $2");
    let values = values![session_hash(token), now];
    let row = session.fetch_optional(Sql::composed(text), values).await?;
    let Some(invitation) = row.as_ref().map(from_row).transpose()? else { return Ok(None) };
    Ok(is_good(session, &invitation, now).await?.then_some(invitation))
}

/// Whether what was checked as a link was made still holds: the person has the role that the link
/// names, and who made it may make such a one.
async fn is_good(
    session: &mut Session,
    link: &Invitation,
    now: Micros,
) -> Result<bool, StoreError> {
    let all = members(session).await?;
    let whom = match &link.member_id {
        Some(id) => all.iter().find(|member| member.id == *id),
        None => all.iter().find(|member| member.email == link.email),
    };
    let is_same = match whom {
        Some(member) => member.role == link.role,
        // Of those links only these are for somebody who is no member yet.
        None => link.kind != InvitationKind::Reset,
    };
    Ok(is_same && may_make(session, &all, link, now).await?)
}

/// Whether who made a link may make such a one now: owners all, admins those that make no owner and
/// set no owner's password, a management key what its maker may.
async fn may_make(
    session: &mut Session,
    all: &[Member],
    link: &Invitation,
    now: Micros,
) -> Result<bool, StoreError> {
    Ok(match standing(session, all, &link.created_by, now).await? {
        Standing::Machine => true,
        Standing::Member(maker) => match maker.role {
            MemberRole::Owner => true,
            MemberRole::Admin => link.role != MemberRole::Owner,
            MemberRole::Member => false,
        },
        Standing::Gone => false,
    })
}

/// Removes the links of a member and of its address.
pub(crate) async fn remove_of_member(
    session: &mut Session,
    member: &Member,
) -> Result<(), StoreError> {
    let text = "DELETE FROM invitation WHERE member_id = $1 OR email = $2";
    session.execute(text, values![&member.id, &member.email]).await?;
    Ok(())
}

fn from_row(row: &Row) -> Result<Invitation, StoreError> {
    let (kind, role): (String, String) = (row.try_get("kind")?, row.try_get("role")?);
    Ok(Invitation {
        id: row.try_get("id")?,
        kind: InvitationKind::parse(&kind)
            .ok_or(StoreError::Corrupt { what: "invitation kind", reason: kind })?,
        email: row.try_get("email")?,
        role: MemberRole::parse(&role)
            .ok_or(StoreError::Corrupt { what: "member role", reason: role })?,
        member_id: row.try_get("member_id")?,
        created_by: row.try_get("created_by")?,
        created_at: row.try_get("created_at")?,
        expires_at: row.try_get("expires_at")?,
    })
}
