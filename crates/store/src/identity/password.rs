//! Passwords: kept as argon2id, which is slow and takes memory on purpose.

use std::sync::OnceLock;

use argon2::password_hash::{PasswordHash, PasswordHasher as _, PasswordVerifier as _, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::Semaphore;

use super::session::{Device, remove_of_member};
use super::{CreatedSession, close_set_up, remove_links};
use crate::audit::Deed;
use crate::engine::{Change, Session, values};
use crate::member::{find, members};
use crate::secret::random_bytes;
use crate::{Actor, Member, Micros, Secret, Store, StoreError};

/// The shortest password, in characters.
pub const LEAST_PASSWORD: usize = 10;

/// The longest password, in characters.
pub const MOST_PASSWORD: usize = 256;

/// How many passwords are worked on at once: each takes 19 MiB and a core.
static WORKING: Semaphore = Semaphore::const_new(2);

/// How many may wait for that or be worked on; more are refused.
static WAITING: Semaphore = Semaphore::const_new(32);

/// Checks a password's length and makes what is kept of it, beside the threads that serve callers.
pub async fn hash_password(password: Secret) -> Result<String, StoreError> {
    let length = password.expose().chars().count();
    if !(LEAST_PASSWORD..=MOST_PASSWORD).contains(&length) {
        let reason = format!("it must have {LEAST_PASSWORD} to {MOST_PASSWORD} characters");
        return Err(StoreError::Invalid { what: "password", reason });
    }
    work(move || hash(password.expose())).await?
}

/// Whether a password is the one that a hash was made of, beside the threads that serve callers.
/// Without a hash it is not, after as much work, so that the time tells nothing.
pub async fn verify_password(password: Secret, hash: Option<String>) -> Result<bool, StoreError> {
    work(move || {
        // Nobody has set one that long; hashing it would only be work.
        let text = match password.expose().chars().nth(MOST_PASSWORD) {
            None => password.expose(),
            Some(_) => "",
        };
        let known = match &hash {
            Some(hash) => Some(hash.as_str()),
            None => nobodys(),
        };
        let parsed = known.and_then(|known| PasswordHash::new(known).ok());
        let is_right =
            parsed.is_some_and(|parsed| argon2().verify_password(text.as_bytes(), &parsed).is_ok());
        is_right && hash.is_some()
    })
    .await
}

async fn work<T: Send + 'static>(
    working: impl FnOnce() -> T + Send + 'static,
) -> Result<T, StoreError> {
    let _waiting = WAITING.try_acquire().map_err(|_| StoreError::TooMuchAtOnce)?;
    let turn = WORKING.acquire().await.map_err(|_| StoreError::TooMuchAtOnce)?;
    // The turn goes along: who stops waiting does not stop the work.
    let work = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        working()
    });
    work.await.map_err(|error| StoreError::Database(Box::new(error)))
}

/// The recommendation of OWASP: 19 MiB, two passes, one lane.
fn argon2() -> Argon2<'static> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::DEFAULT)
}

fn hash(password: &str) -> Result<String, StoreError> {
    let invalid = |reason: &dyn std::fmt::Display| StoreError::Invalid {
        what: "password",
        reason: reason.to_string(),
    };
    let salt = SaltString::encode_b64(&random_bytes::<16>()?).map_err(|error| invalid(&error))?;
    let hash = argon2().hash_password(password.as_bytes(), &salt);
    Ok(hash.map_err(|error| invalid(&error))?.to_string())
}

/// A hash of what nobody knows.
fn nobodys() -> Option<&'static str> {
    static HASH: OnceLock<Option<String>> = OnceLock::new();
    HASH.get_or_init(|| {
        let unknown = random_bytes::<16>().ok()?;
        hash(&crate::secret::hex(&unknown)).ok()
    })
    .as_deref()
}

impl Store {
    /// The member of a mail address with what is kept of its password, if it has one.
    pub async fn password_of(
        &self,
        email: &str,
    ) -> Result<Option<(Member, Option<String>)>, StoreError> {
        let email = email.trim().to_lowercase();
        let mut view = self.database().begin_read().await?;
        let found = members(&mut view).await?.into_iter().find(|member| member.email == email);
        let Some(member) = found else { return Ok(None) };
        let hash = kept(&mut view, &member.id).await?;
        Ok(Some((member, hash)))
    }

    /// Replaces a member's password, ends all its sessions, and begins a new one.
    pub async fn change_password(
        &self,
        member_id: &str,
        hash: &str,
        device: &Device,
        actor: &Actor,
        now: Micros,
    ) -> Result<CreatedSession, StoreError> {
        let mut change = self.database().begin_change().await?;
        let all = members(&mut change).await?;
        put(&mut change, find(&all, member_id)?, hash, actor, now).await?;
        let created = super::session::begin(&mut change, member_id, device, actor, now).await?;
        change.commit().await?;
        Ok(created)
    }
}

/// What is kept of a member's password.
async fn kept(session: &mut Session, member_id: &str) -> Result<Option<String>, StoreError> {
    let text = "SELECT hash FROM member_password WHERE member_id = $1";
    let row = session.fetch_optional(text, values![member_id]).await?;
    row.map(|row| row.try_get("hash")).transpose()
}

/// Whether a member has a password.
pub(super) async fn has(session: &mut Session, member_id: &str) -> Result<bool, StoreError> {
    Ok(kept(session, member_id).await?.is_some())
}

/// Sets a member's password or replaces it. Whoever was signed in by the old one is not any more,
/// and no link that was made before sets another.
pub(super) async fn put(
    change: &mut Change,
    member: &Member,
    hash: &str,
    actor: &Actor,
    now: Micros,
) -> Result<(), StoreError> {
    let member_id = &member.id;
    remove_of_member(change, member_id).await?;
    remove_links(change, member).await?;
    let text = "INSERT INTO member_password (member_id, hash, updated_at) VALUES ($1, $2, $3) \
                ON CONFLICT (member_id) DO UPDATE SET hash = excluded.hash, \
                updated_at = excluded.updated_at";
    change.execute(text, values![member_id, hash, now]).await?;
    close_set_up(change, member).await?;
    let deed = Deed { actor, now, action: "password.put", subject: member_id };
    deed.record::<()>(change, None, None).await
}
