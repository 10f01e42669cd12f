//! Members of an account: people, their roles, and what each may spend (ORG-1).

use serde::{Deserialize, Serialize};

use crate::account::accounts;
use crate::audit::Deed;
use crate::engine::{Change, Row, Session, Sql, values};
use crate::identity::{close_set_up, remove_links, remove_playground_key, revoke_management_keys};
use crate::secret::{hex, random_bytes};
use crate::{Actor, BudgetInterval, Micros, Store, StoreError};

/// What a member may do in the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MemberRole {
    /// Everything. An account with members always has an owner.
    Owner,
    /// Manages billing, policy and all keys.
    Admin,
    /// Sees and makes keys of its own.
    Member,
}

impl MemberRole {
    /// Every role, the mightiest first.
    pub const ALL: [MemberRole; 3] = [MemberRole::Owner, MemberRole::Admin, MemberRole::Member];

    /// The word used in the API and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            MemberRole::Owner => "owner",
            MemberRole::Admin => "admin",
            MemberRole::Member => "member",
        }
    }

    /// Reads the word of [`MemberRole::as_str`].
    pub fn parse(text: &str) -> Option<MemberRole> {
        MemberRole::ALL.into_iter().find(|role| role.as_str() == text)
    }
}

/// A person who works with an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Member {
    /// Stable identity.
    pub id: String,
    /// The account.
    pub account_id: String,
    /// Mail address in lower case, unique within the account.
    pub email: String,
    /// Name shown to people.
    pub name: String,
    /// What the member may do.
    pub role: MemberRole,
    /// Microseconds since the Unix epoch.
    pub created_at: Micros,
    /// Microseconds since the Unix epoch.
    pub updated_at: Micros,
}

/// What a new member is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMember {
    /// Mail address; required.
    pub email: String,
    /// Name shown to people.
    pub name: String,
    /// What the member may do.
    pub role: MemberRole,
}

/// Changes to a member; `None` leaves a field as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MemberChange {
    /// A new name.
    pub name: Option<String>,
    /// A new role.
    pub role: Option<MemberRole>,
}

/// What a member's keys may spend together in a window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MemberLimit {
    /// The member.
    pub member_id: String,
    /// The window.
    pub interval: BudgetInterval,
    /// Nano-dollars.
    pub limit_nano_usd: i64,
    /// Whether spend on the caller's own provider keys counts.
    pub include_byok: bool,
}

const COLUMNS: &str = "id, account_id, email, name, role, deleted, created_at, updated_at";

impl Store {
    /// Every member of every account, oldest first.
    pub async fn members(&self) -> Result<Vec<Member>, StoreError> {
        members(&mut self.database().session().await?).await
    }

    /// Adds a member to the first account.
    pub async fn create_member(
        &self,
        new: NewMember,
        actor: &Actor,
        now: Micros,
    ) -> Result<Member, StoreError> {
        let mut change = self.database().begin_change().await?;
        let member = create(&mut change, new, actor, now).await?;
        change.commit().await?;
        Ok(member)
    }

    /// Changes a member. The last owner stays one.
    pub async fn update_member(
        &self,
        id: &str,
        changes: MemberChange,
        actor: &Actor,
        now: Micros,
    ) -> Result<Member, StoreError> {
        let mut change = self.database().begin_change().await?;
        let after = update(&mut change, id, changes, actor, now).await?;
        change.commit().await?;
        Ok(after)
    }

    /// Removes a member from the account and all workspaces, signs it out, and revokes the
    /// management keys it made. Refused for the last owner, and while the member has keys in use,
    /// which the reason then names. What sign-on services call it stays known, so that it does not
    /// come back by itself.
    pub async fn remove_member(
        &self,
        id: &str,
        actor: &Actor,
        now: Micros,
    ) -> Result<(), StoreError> {
        let mut change = self.database().begin_change().await?;
        let all = members(&mut change).await?;
        let before = find(&all, id)?;
        check_owner_left(&all, before)?;
        remove_playground_key(&mut change, id, now).await?;
        let text = "SELECT name FROM api_key WHERE member_id = $1 AND deleted = $2 \
                    AND disabled = $3 ORDER BY name, hash LIMIT 20";
        let rows = change.fetch_all(text, values![id, false, false]).await?;
        let keys = rows.iter().map(|row| row.try_get("name"));
        let keys = keys.collect::<Result<Vec<String>, _>>()?;
        if !keys.is_empty() {
            return Err(invalid("removal", &keys.join(", ")));
        }
        for text in [
            "DELETE FROM workspace_member WHERE member_id = $1",
            "DELETE FROM member_limit WHERE member_id = $1",
            "DELETE FROM member_session WHERE member_id = $1",
            "DELETE FROM member_password WHERE member_id = $1",
        ] {
            change.execute(text, values![id]).await?;
        }
        remove_links(&mut change, before).await?;
        revoke_management_keys(&mut change, id, actor, now).await?;
        let text = "UPDATE member SET deleted = $1, updated_at = $2 WHERE id = $3";
        change.execute(text, values![true, now, id]).await?;
        let deed = Deed { actor, now, action: "member.remove", subject: id };
        deed.record(&mut change, Some(before), None).await?;
        change.commit().await
    }

    /// Every limit of every member.
    pub async fn member_limits(&self) -> Result<Vec<MemberLimit>, StoreError> {
        member_limits(&mut self.database().session().await?).await
    }

    /// Sets a member's limit for a window, or replaces it.
    pub async fn put_member_limit(
        &self,
        limit: MemberLimit,
        actor: &Actor,
        now: Micros,
    ) -> Result<(), StoreError> {
        if limit.limit_nano_usd < 0 {
            return Err(invalid("member limit", "it is negative"));
        }
        let mut change = self.database().begin_change().await?;
        find(&members(&mut change).await?, &limit.member_id)?;
        let before = limit_of(&mut change, &limit.member_id, limit.interval).await?;
        let text = "INSERT INTO member_limit \
                    (member_id, reset_interval, limit_nano_usd, include_byok) \
                    VALUES ($1, $2, $3, $4) ON CONFLICT (member_id, reset_interval) DO UPDATE SET \
                    limit_nano_usd = excluded.limit_nano_usd, include_byok = excluded.include_byok";
        let values = values![
            &limit.member_id,
            limit.interval.as_str(),
            limit.limit_nano_usd,
            limit.include_byok,
        ];
        change.execute(text, values).await?;
        let deed = Deed { actor, now, action: "member_limit.put", subject: &limit.member_id };
        deed.record(&mut change, before.as_ref(), Some(&limit)).await?;
        change.commit().await
    }

    /// Removes a member's limit for a window; says whether there was one.
    pub async fn remove_member_limit(
        &self,
        member_id: &str,
        interval: BudgetInterval,
        actor: &Actor,
        now: Micros,
    ) -> Result<bool, StoreError> {
        let mut change = self.database().begin_change().await?;
        let Some(before) = limit_of(&mut change, member_id, interval).await? else {
            return Ok(false);
        };
        let text = "DELETE FROM member_limit WHERE member_id = $1 AND reset_interval = $2";
        change.execute(text, values![member_id, interval.as_str()]).await?;
        let deed = Deed { actor, now, action: "member_limit.remove", subject: member_id };
        deed.record(&mut change, Some(&before), None).await?;
        change.commit().await?;
        Ok(true)
    }
}

/// The form in which mail addresses are kept and compared.
pub(crate) fn check_address(email: &str) -> Result<String, StoreError> {
    let email = email.trim().to_lowercase();
    if !email.split_once('@').is_some_and(|(user, host)| !user.is_empty() && !host.is_empty()) {
        return Err(invalid("mail address", "it has not the form user@host"));
    }
    Ok(email)
}

/// Adds a member to the first account in a transaction.
pub(crate) async fn create(
    change: &mut Change,
    new: NewMember,
    actor: &Actor,
    now: Micros,
) -> Result<Member, StoreError> {
    let email = check_address(&new.email)?;
    let account = accounts(change).await?.into_iter().next();
    let account = account.ok_or_else(|| not_found("account", "default"))?;
    let same = |member: &Member| member.account_id == account.id && member.email == email;
    if members(change).await?.iter().any(same) {
        return Err(invalid("mail address", "another member has it"));
    }
    let member = Member {
        id: format!("user_{}", hex(&random_bytes::<12>()?)),
        account_id: account.id,
        email,
        name: new.name,
        role: new.role,
        created_at: now,
        updated_at: now,
    };
    let text = format!("INSERT INTO member ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)");
    let values = values![
        &member.id,
        &member.account_id,
        &member.email,
        &member.name,
        member.role.as_str(),
        false,
        member.created_at,
        member.updated_at,
    ];
    change.execute(Sql::composed(text), values).await?;
    let deed = Deed { actor, now, action: "member.create", subject: &member.id };
    deed.record(change, None, Some(&member)).await?;
    Ok(member)
}

/// Changes a member in a transaction. The last owner stays one.
pub(crate) async fn update(
    change: &mut Change,
    id: &str,
    changes: MemberChange,
    actor: &Actor,
    now: Micros,
) -> Result<Member, StoreError> {
    let all = members(change).await?;
    let before = find(&all, id)?;
    let mut after = before.clone();
    after.name = changes.name.unwrap_or(after.name);
    after.role = changes.role.unwrap_or(after.role);
    after.updated_at = now;
    if after.role != MemberRole::Owner {
        check_owner_left(&all, before)?;
    }
    let text = "UPDATE member SET name = $1, role = $2, updated_at = $3 WHERE id = $4";
    change.execute(text, values![&after.name, after.role.as_str(), now, id]).await?;
    if after.role != before.role {
        remove_links(change, before).await?;
        close_set_up(change, &after).await?;
    }
    let deed = Deed { actor, now, action: "member.update", subject: id };
    deed.record(change, Some(before), Some(&after)).await?;
    Ok(after)
}

fn invalid(what: &'static str, reason: &str) -> StoreError {
    StoreError::Invalid { what, reason: reason.to_owned() }
}

fn not_found(what: &'static str, id: &str) -> StoreError {
    StoreError::NotFound { what, id: id.to_owned() }
}

pub(crate) fn find<'a>(members: &'a [Member], id: &str) -> Result<&'a Member, StoreError> {
    members.iter().find(|member| member.id == id).ok_or_else(|| not_found("member", id))
}

fn check_owner_left(all: &[Member], without: &Member) -> Result<(), StoreError> {
    let is_other_owner = |member: &&Member| {
        member.role == MemberRole::Owner
            && member.account_id == without.account_id
            && member.id != without.id
    };
    if without.role == MemberRole::Owner && !all.iter().any(|member| is_other_owner(&member)) {
        return Err(invalid("member", "the account would be left without an owner"));
    }
    Ok(())
}

/// Every member that is not removed.
pub(crate) async fn members(session: &mut Session) -> Result<Vec<Member>, StoreError> {
    let text = format!("SELECT {COLUMNS} FROM member WHERE deleted = $1 ORDER BY created_at, id");
    let rows = session.fetch_all(Sql::composed(text), values![false]).await?;
    rows.iter().map(member).collect()
}

fn member(row: &Row) -> Result<Member, StoreError> {
    let role: String = row.try_get("role")?;
    Ok(Member {
        id: row.try_get("id")?,
        account_id: row.try_get("account_id")?,
        email: row.try_get("email")?,
        name: row.try_get("name")?,
        role: MemberRole::parse(&role)
            .ok_or(StoreError::Corrupt { what: "member role", reason: role })?,
        created_at: row.try_get("created_at")?,
        updated_at: row.try_get("updated_at")?,
    })
}

pub(crate) async fn member_limits(session: &mut Session) -> Result<Vec<MemberLimit>, StoreError> {
    let text = "SELECT member_id, reset_interval, limit_nano_usd, include_byok FROM member_limit \
                ORDER BY member_id, reset_interval";
    let rows = session.fetch_all(text, &[]).await?;
    rows.iter()
        .map(|row| {
            Ok(MemberLimit {
                member_id: row.try_get("member_id")?,
                interval: BudgetInterval::from_row(row)?,
                limit_nano_usd: row.try_get("limit_nano_usd")?,
                include_byok: row.try_get("include_byok")?,
            })
        })
        .collect()
}

async fn limit_of(
    session: &mut Session,
    member_id: &str,
    interval: BudgetInterval,
) -> Result<Option<MemberLimit>, StoreError> {
    let limits = member_limits(session).await?;
    let matches = |limit: &MemberLimit| limit.member_id == member_id && limit.interval == interval;
    Ok(limits.into_iter().find(matches))
}
