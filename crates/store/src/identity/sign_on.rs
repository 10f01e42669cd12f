//! Members by what a sign-on service calls them.

use serde::Serialize;

use super::session::{Device, begin};
use super::{CreatedSession, close_set_up, remove_links};
use crate::audit::Deed;
use crate::engine::{Change, values};
use crate::member::{self, members};
use crate::{Actor, ActorKind, Member, MemberRole, Micros, NewMember, Store, StoreError};

/// Who a sign-on service says that somebody is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SignOn {
    /// The service.
    pub issuer: String,
    /// What the service calls the person; it never gives it to another.
    pub subject: String,
    /// The person's mail address, if the service says that it is verified.
    pub email: Option<String>,
    /// The person's name.
    pub name: String,
}

impl Store {
    /// Begins a session of the member whom a service names: one it named before, or the one with
    /// the verified mail address. A stranger becomes a member with the role `stranger`, or, where
    /// there is none, nobody: the answer is `None`. Somebody who was removed is no stranger, and is
    /// nobody until there is a member with the address again.
    pub async fn sign_on(
        &self,
        who: &SignOn,
        stranger: Option<MemberRole>,
        device: &Device,
        now: Micros,
    ) -> Result<Option<CreatedSession>, StoreError> {
        let mut change = self.database().begin_change().await?;
        let Some(member) = known(&mut change, who, stranger, device, now).await? else {
            return Ok(None);
        };
        let actor = actor_of(&member.id, device);
        close_set_up(&mut change, &member).await?;
        let created = begin(&mut change, &member.id, device, &actor, now).await?;
        change.commit().await?;
        Ok(Some(created))
    }
}

async fn known(
    change: &mut Change,
    who: &SignOn,
    stranger: Option<MemberRole>,
    device: &Device,
    now: Micros,
) -> Result<Option<Member>, StoreError> {
    let all = members(change).await?;
    let mut is_removed = false;
    let text = "SELECT member_id FROM member_sign_on WHERE issuer = $1 AND subject = $2";
    if let Some(row) = change.fetch_optional(text, values![&who.issuer, &who.subject]).await? {
        let id: String = row.try_get("member_id")?;
        if let Some(member) = all.iter().find(|member| member.id == id) {
            return Ok(Some(member.clone()));
        }
        is_removed = true;
    }
    let Some(email) = who.email.as_deref().map(|email| email.trim().to_lowercase()) else {
        return Ok(None);
    };
    let member = match (all.iter().find(|member| member.email == email), stranger) {
        (Some(member), _) => {
            // Another person of the same service had the address before.
            let text = "SELECT COUNT(*) AS others FROM member_sign_on \
                        WHERE issuer = $1 AND member_id = $2";
            let row = change.fetch_one(text, values![&who.issuer, &member.id]).await?;
            if row.try_get::<i64>("others")? > 0 {
                return Ok(None);
            }
            member.clone()
        }
        (None, None) => return Ok(None),
        (None, Some(_)) if is_removed || was_member(change, &email).await? => return Ok(None),
        (None, Some(role)) => {
            let new = NewMember { email, name: who.name.clone(), role };
            let actor = actor_of(&who.subject, device);
            member::create(change, new, &actor, now).await?
        }
    };
    let text = "INSERT INTO member_sign_on (issuer, subject, member_id, linked_at) \
                VALUES ($1, $2, $3, $4) ON CONFLICT (issuer, subject) DO UPDATE SET \
                member_id = excluded.member_id, linked_at = excluded.linked_at";
    change.execute(text, values![&who.issuer, &who.subject, &member.id, now]).await?;
    // Who can sign in needs no link any more.
    remove_links(change, &member).await?;
    let actor = actor_of(&member.id, device);
    let deed = Deed { actor: &actor, now, action: "sign_on.link", subject: &member.id };
    deed.record(change, None, Some(who)).await?;
    Ok(Some(member))
}

/// Whether a member with this address was removed.
async fn was_member(change: &mut Change, email: &str) -> Result<bool, StoreError> {
    let text = "SELECT id FROM member WHERE email = $1 AND deleted = $2 LIMIT 1";
    Ok(change.fetch_optional(text, values![email, true]).await?.is_some())
}

fn actor_of(id: &str, device: &Device) -> Actor {
    Actor { kind: ActorKind::Member, id: id.to_owned(), origin: device.address.clone() }
}
