//! Who can sign in, and who is signed in, as of one moment.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use store::{ControlState, Member, MemberSession, Micros, SEEN_EVERY, SESSION_IDLE};

use super::compile::unhex;
use super::snapshot::{Caller, Snapshot};

/// People, their sessions, and the keys that their sessions run as.
pub struct People {
    /// Sessions by the SHA-256 of what the browser keeps.
    pub sessions: HashMap<[u8; 32], Arc<SignedIn>>,
    /// Members by identity.
    pub members: HashMap<String, Member>,
    /// The key that a member's requests by session run as, by the member.
    pub playground: HashMap<String, Arc<Caller>>,
    /// Which members are in which workspaces: (workspace, member). The default one has them all.
    pub workspace_members: Vec<(String, String)>,
    /// Names of accounts by identity.
    pub accounts: HashMap<String, String>,
    /// Whether somebody can sign in, or could once.
    pub is_set_up: bool,
}

/// A member with a session.
#[derive(Debug)]
pub struct SignedIn {
    /// The session as it was read; when it was last in use is [`SignedIn::last_seen`].
    pub session: MemberSession,
    /// Who it is.
    pub member: Member,
    last_seen: AtomicI64,
    written: AtomicI64,
}

impl People {
    /// Compiles them, with the keys that sessions run as, by member. What `previous` knows of
    /// sessions in use is carried over.
    pub fn new(
        state: &ControlState,
        playground: HashMap<String, Arc<Caller>>,
        previous: Option<&Snapshot>,
    ) -> Self {
        let members: HashMap<_, _> =
            state.members.iter().map(|member| (member.id.clone(), member.clone())).collect();
        let sessions = state.sessions.iter().filter_map(|session| {
            let hash = unhex(&session.token_hash)?;
            let member = members.get(&session.member_id)?.clone();
            let known = previous.and_then(|previous| previous.people.sessions.get(&hash));
            let seen = known.map_or(0, |known| known.last_seen()).max(session.last_seen_at);
            let written = known.map_or(0, |known| known.written.load(Ordering::Relaxed));
            let signed_in = SignedIn {
                session: session.clone(),
                member,
                last_seen: AtomicI64::new(seen),
                written: AtomicI64::new(written.max(session.last_seen_at)),
            };
            Some((hash, Arc::new(signed_in)))
        });
        Self {
            sessions: sessions.collect(),
            playground,
            workspace_members: state
                .workspace_members
                .iter()
                .map(|row| (row.workspace_id.clone(), row.member_id.clone()))
                .collect(),
            accounts: state
                .accounts
                .iter()
                .map(|account| (account.id.clone(), account.name.clone()))
                .collect(),
            is_set_up: state.is_set_up(),
            members,
        }
    }
}

impl SignedIn {
    /// Whether the session has not ended.
    pub fn is_live(&self, now: Micros) -> bool {
        now < self.session.expires_at && now < self.last_seen().saturating_add(SESSION_IDLE)
    }

    /// When it was last in use as far as this node knows, microseconds since 1970.
    pub fn last_seen(&self) -> Micros {
        self.last_seen.load(Ordering::Relaxed)
    }

    /// Remembers that it is in use; tells whether that is to be written down, once at a time.
    pub fn seen(&self, now: Micros) -> bool {
        self.last_seen.fetch_max(now, Ordering::Relaxed);
        let written = self.written.load(Ordering::Relaxed);
        written.saturating_add(SEEN_EVERY) <= now
            && self
                .written
                .compare_exchange(written, now, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
    }
}
