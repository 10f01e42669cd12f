//! Sessions: a browser that is signed in.

use serde::Serialize;

use crate::api_key::api_key_hash;
use crate::audit::Deed;
use crate::engine::{Change, Row, Session, Sql, values};
use crate::member::{find, members};
use crate::secret::{hex, random_bytes};
use crate::{Actor, Micros, Secret, Store, StoreError};

const DAY: Micros = 86_400_000_000;

/// How long a session lasts at most.
pub const SESSION_LIFE: Micros = 30 * DAY;

/// How long a session lasts without a request.
pub const SESSION_IDLE: Micros = 7 * DAY;

/// How often it is written down that a session is in use.
pub const SEEN_EVERY: Micros = 5 * 60 * 1_000_000;

/// The most sessions of a member; the one longest unused makes place for another.
const MOST_OF_MEMBER: usize = 50;

/// The longest name of a program that is kept, in characters.
const LONGEST_AGENT: usize = 300;

/// A browser that is signed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MemberSession {
    /// Stable identity, which is no secret.
    pub id: String,
    /// SHA-256 of what the browser keeps, in hex.
    #[serde(skip)]
    pub token_hash: String,
    /// Who is signed in.
    pub member_id: String,
    /// Microseconds since the Unix epoch.
    pub created_at: Micros,
    /// Microseconds since the Unix epoch; not exact, see [`SEEN_EVERY`].
    pub last_seen_at: Micros,
    /// When it ends at the latest.
    pub expires_at: Micros,
    /// Where it was begun: a network address.
    pub address: String,
    /// What it was begun with: the program's own words.
    pub user_agent: String,
}

/// Where somebody signs in, and with what.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Device {
    /// A network address.
    pub address: String,
    /// The program's own words; what is too long is cut.
    pub user_agent: String,
}

/// A session just begun: the only moment its secret is known here.
#[derive(Debug, Clone)]
pub struct CreatedSession {
    /// What the browser is to keep.
    pub token: Secret,
    /// The row stored.
    pub session: MemberSession,
}

/// What is kept of the secret of a session or a link: lowercase hex SHA-256.
pub fn session_hash(token: &str) -> String {
    api_key_hash(token)
}

const COLUMNS: &str =
    "id, token_hash, member_id, created_at, last_seen_at, expires_at, address, user_agent";

impl Store {
    /// Begins a session of a member who has proved to be one.
    pub async fn begin_session(
        &self,
        member_id: &str,
        device: &Device,
        actor: &Actor,
        now: Micros,
    ) -> Result<CreatedSession, StoreError> {
        let mut change = self.database().begin_change().await?;
        find(&members(&mut change).await?, member_id)?;
        let created = begin(&mut change, member_id, device, actor, now).await?;
        change.commit().await?;
        Ok(created)
    }

    /// Ends a session of a member; says whether there was one.
    pub async fn end_session(
        &self,
        member_id: &str,
        id: &str,
        actor: &Actor,
        now: Micros,
    ) -> Result<bool, StoreError> {
        let mut change = self.database().begin_change().await?;
        let text = format!("SELECT {COLUMNS} FROM member_session WHERE id = $1 AND member_id = $2");
        let row = change.fetch_optional(Sql::composed(text), values![id, member_id]).await?;
        let Some(before) = row.as_ref().map(from_row).transpose()? else { return Ok(false) };
        change.execute("DELETE FROM member_session WHERE id = $1", values![id]).await?;
        let deed = Deed { actor, now, action: "session.end", subject: id };
        deed.record(&mut change, Some(&before), None).await?;
        change.commit().await?;
        Ok(true)
    }

    /// Writes down that a session is in use.
    pub async fn session_seen(&self, id: &str, now: Micros) -> Result<(), StoreError> {
        let text = "SELECT last_seen_at FROM member_session WHERE id = $1";
        let Some(row) = self.database().fetch_optional(text, values![id]).await? else {
            return Ok(());
        };
        // Once a day all nodes are told: none must think a session idle that is in use elsewhere,
        // and not every request is worth a change of the control plane.
        let before: i64 = row.try_get("last_seen_at")?;
        let is_worth_telling = before.div_euclid(DAY) != now.div_euclid(DAY);
        let mut change = match is_worth_telling {
            true => self.database().begin_change().await?,
            false => self.database().begin_write().await?,
        };
        let text =
            "UPDATE member_session SET last_seen_at = $1 WHERE id = $2 AND last_seen_at < $1";
        change.execute(text, values![now, id]).await?;
        change.commit().await
    }
}

/// Begins a session in a transaction.
pub(super) async fn begin(
    change: &mut Change,
    member_id: &str,
    device: &Device,
    actor: &Actor,
    now: Micros,
) -> Result<CreatedSession, StoreError> {
    super::remove_ended(change, now).await?;
    let mut others = sessions(change).await?;
    others.retain(|session| session.member_id == member_id);
    others.sort_by_key(|session| session.last_seen_at);
    for session in others.iter().rev().skip(MOST_OF_MEMBER - 1) {
        change.execute("DELETE FROM member_session WHERE id = $1", values![&session.id]).await?;
    }
    let token = Secret::new(hex(&random_bytes::<32>()?));
    let session = MemberSession {
        id: format!("session_{}", hex(&random_bytes::<12>()?)),
        token_hash: session_hash(token.expose()),
        member_id: member_id.to_owned(),
        created_at: now,
        last_seen_at: now,
        expires_at: now.saturating_add(SESSION_LIFE),
        address: device.address.clone(),
        user_agent: device.user_agent.chars().take(LONGEST_AGENT).collect(),
    };
    let text =
        format!("INSERT INTO member_session ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)");
    let values = values![
        &session.id,
        &session.token_hash,
        &session.member_id,
        session.created_at,
        session.last_seen_at,
        session.expires_at,
        &session.address,
        &session.user_agent,
    ];
    change.execute(Sql::composed(text), values).await?;
    let deed = Deed { actor, now, action: "session.begin", subject: &session.id };
    deed.record(change, None, Some(&session)).await?;
    Ok(CreatedSession { token, session })
}

/// Ends every session of a member.
pub(crate) async fn remove_of_member(
    session: &mut Session,
    member_id: &str,
) -> Result<(), StoreError> {
    let text = "DELETE FROM member_session WHERE member_id = $1";
    session.execute(text, values![member_id]).await?;
    Ok(())
}

/// Every session that is stored, those that ended among them.
pub(crate) async fn sessions(session: &mut Session) -> Result<Vec<MemberSession>, StoreError> {
    let text = format!("SELECT {COLUMNS} FROM member_session ORDER BY created_at, id");
    let rows = session.fetch_all(Sql::composed(text), &[]).await?;
    rows.iter().map(from_row).collect()
}

fn from_row(row: &Row) -> Result<MemberSession, StoreError> {
    Ok(MemberSession {
        id: row.try_get("id")?,
        token_hash: row.try_get("token_hash")?,
        member_id: row.try_get("member_id")?,
        created_at: row.try_get("created_at")?,
        last_seen_at: row.try_get("last_seen_at")?,
        expires_at: row.try_get("expires_at")?,
        address: row.try_get("address")?,
        user_agent: row.try_get("user_agent")?,
    })
}
