//! How members prove who they are: passwords, names at sign-on services, sessions, and links that
//! are good once.
//!
//! Sessions are part of the control plane, so that every node knows them without asking the
//! database, and of what is secret only hashes are kept. Changes that sign somebody in or out are
//! in the audit log like all others; nothing there can be used to sign in.

mod invitation;
mod management;
mod password;
mod playground;
mod session;
mod sign_on;
mod standing;
#[cfg(test)]
mod tests;

pub use invitation::{
    Accepted, INVITATION_LIFE, Invitation, InvitationKind, NewInvitation, RESET_LIFE, SETUP_LIFE,
};
pub use password::{LEAST_PASSWORD, MOST_PASSWORD, hash_password, verify_password};
pub use playground::KeyOrigin;
pub(crate) use session::sessions;
pub use session::{
    CreatedSession, Device, MemberSession, SEEN_EVERY, SESSION_IDLE, SESSION_LIFE, session_hash,
};
pub use sign_on::SignOn;

use serde_json::Value;

use crate::engine::{Session, values};
use crate::{ControlState, Member, MemberRole, Micros, StoreError};

pub(crate) use invitation::remove_of_member as remove_links;
pub(crate) use management::revoke_of_member as revoke_management_keys;
pub(crate) use playground::remove_of_member as remove_playground_key;
pub(crate) use standing::{Standing, standing};

/// Set once an owner can sign in, so that nobody can ever set the gateway up a second time.
const SET_UP: &str = "sign_in_set_up";

impl ControlState {
    /// Whether an owner can sign in, or could once.
    pub fn is_set_up(&self) -> bool {
        self.settings.get(SET_UP) == Some(&Value::Bool(true))
    }
}

/// Remembers that somebody can sign in, if it is an owner who can: with nobody else could the
/// account be managed.
pub(crate) async fn close_set_up(session: &mut Session, who: &Member) -> Result<(), StoreError> {
    if who.role != MemberRole::Owner || !can_sign_in(session, &who.id).await? {
        return Ok(());
    }
    let text =
        "INSERT INTO setting (name, value) VALUES ($1, 'true') ON CONFLICT (name) DO NOTHING";
    session.execute(text, values![SET_UP]).await?;
    Ok(())
}

/// Whether a member has a password, or a name at a sign-on service.
async fn can_sign_in(session: &mut Session, member_id: &str) -> Result<bool, StoreError> {
    if password::has(session, member_id).await? {
        return Ok(true);
    }
    let text = "SELECT subject FROM member_sign_on WHERE member_id = $1 LIMIT 1";
    Ok(session.fetch_optional(text, values![member_id]).await?.is_some())
}

async fn is_set_up(session: &mut Session) -> Result<bool, StoreError> {
    let text = "SELECT value FROM setting WHERE name = $1";
    Ok(session.fetch_optional(text, values![SET_UP]).await?.is_some())
}

/// Removes sessions that ended and links that nobody followed in time.
pub(crate) async fn remove_ended(session: &mut Session, now: Micros) -> Result<(), StoreError> {
    let text = "DELETE FROM member_session WHERE expires_at <= $1 OR last_seen_at <= $2";
    session.execute(text, values![now, now.saturating_sub(SESSION_IDLE)]).await?;
    session.execute("DELETE FROM invitation WHERE expires_at <= $1", values![now]).await?;
    Ok(())
}
