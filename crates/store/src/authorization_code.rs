//! Authorization codes: what an application exchanges for a key of the person who sent it here
//! (OAUTH-3, OAUTH-4).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::api_key::{self, api_key_hash};
use crate::audit::Deed;
use crate::engine::{Change, Row, values};
use crate::identity::{self, Standing, standing};
use crate::member::members;
use crate::secret::{hex, random_bytes};
use crate::workspace::{workspace_members, workspaces};
use crate::{
    Actor, ActorKind, CreatedApiKey, DEFAULT_WORKSPACE_SLUG, MemberRole, Micros, NewApiKey, Secret,
    Store, StoreError, Workspace,
};

/// How long a code can be exchanged: 10 minutes, in microseconds.
pub const AUTHORIZATION_CODE_LIFE: Micros = 10 * 60 * 1_000_000;

/// How the verifier is turned into the challenge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum ChallengeMethod {
    /// By SHA-256, written in base64url without padding.
    S256,
    /// Not at all.
    Plain,
}

impl ChallengeMethod {
    /// The word used in the API and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            ChallengeMethod::S256 => "S256",
            ChallengeMethod::Plain => "plain",
        }
    }

    /// Reads the word of [`ChallengeMethod::as_str`].
    pub fn parse(text: &str) -> Option<ChallengeMethod> {
        [ChallengeMethod::S256, ChallengeMethod::Plain]
            .into_iter()
            .find(|method| method.as_str() == text)
    }

    fn challenge_of(self, verifier: &str) -> String {
        match self {
            ChallengeMethod::S256 => URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes())),
            ChallengeMethod::Plain => verifier.to_owned(),
        }
    }
}

/// A challenge that only who knows the verifier can meet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Challenge {
    /// What the verifier turns into.
    pub text: String,
    /// How.
    pub method: ChallengeMethod,
}

/// What came of an exchange.
#[derive(Debug, Clone)]
pub enum Redemption {
    /// The key, made for the application.
    Key(Box<CreatedApiKey>),
    /// There is no such code, it was exchanged before, the verifier does not meet the challenge, or
    /// who granted it could not grant it any more.
    Refused,
    /// The code is older than [`AUTHORIZATION_CODE_LIFE`].
    Expired,
}

/// What a code is for, as it is kept.
#[derive(Serialize, Deserialize)]
struct Grant {
    #[serde(flatten)]
    key: NewApiKey,
    /// The identity of who granted it, a member's or a key's hash. Codes that earlier versions made
    /// tell none, and are good for nothing after the few minutes of an update.
    granted_by: Option<String>,
}

impl Store {
    /// Makes a code for a key that is not made before the code is exchanged. Only its hash is kept.
    pub async fn create_authorization_code(
        &self,
        key: &NewApiKey,
        challenge: Option<&Challenge>,
        actor: &Actor,
        now: Micros,
    ) -> Result<Secret, StoreError> {
        let code = Secret::new(hex(&random_bytes::<32>()?));
        let hash = api_key_hash(code.expose());
        let grant = Grant { key: key.clone(), granted_by: Some(actor.id.clone()) };
        let settings = serde_json::to_string(&grant).map_err(|error| StoreError::Invalid {
            what: "key settings",
            reason: error.to_string(),
        })?;
        let method = challenge.map_or(ChallengeMethod::S256, |challenge| challenge.method);
        let mut change = self.database().begin_change().await?;
        // Nobody can exchange the old ones any more.
        let text = "DELETE FROM authorization_code WHERE expires_at < $1";
        change.execute(text, values![now.saturating_sub(AUTHORIZATION_CODE_LIFE)]).await?;
        let text = "INSERT INTO authorization_code (code_hash, challenge, challenge_method, \
                    key_settings, created_at, expires_at, used) \
                    VALUES ($1, $2, $3, $4, $5, $6, $7)";
        let values = values![
            &hash,
            challenge.map(|challenge| challenge.text.as_str()),
            method.as_str(),
            settings,
            now,
            now.saturating_add(AUTHORIZATION_CODE_LIFE),
            false,
        ];
        change.execute(text, values).await?;
        let deed = Deed { actor, now, action: "authorization_code.create", subject: &hash };
        deed.record(&mut change, None, Some(key)).await?;
        change.commit().await?;
        Ok(code)
    }

    /// Removes codes that nobody can exchange any more, sessions that ended, and links that nobody
    /// followed in time, for as long as no new ones are made.
    pub async fn remove_expired(&self, now: Micros) -> Result<(), StoreError> {
        let mut write = self.database().begin_write().await?;
        let text = "DELETE FROM authorization_code WHERE expires_at < $1";
        write.execute(text, values![now.saturating_sub(AUTHORIZATION_CODE_LIFE)]).await?;
        identity::remove_ended(&mut write, now).await?;
        write.commit().await
    }

    /// Exchanges a code for a key, once, if who granted it could still grant it. A `method` named
    /// must be that of the challenge. `origin` says where the application is.
    pub async fn redeem_authorization_code(
        &self,
        code: &str,
        verifier: Option<&str>,
        method: Option<ChallengeMethod>,
        origin: &str,
        now: Micros,
    ) -> Result<Redemption, StoreError> {
        let hash = api_key_hash(code);
        let mut change = self.database().begin_change().await?;
        let text = "SELECT challenge, challenge_method, key_settings, expires_at, used \
                    FROM authorization_code WHERE code_hash = $1";
        let Some(row) = change.fetch_optional(text, values![&hash]).await? else {
            return Ok(Redemption::Refused);
        };
        if row.try_get("used")? || !is_met(&row, verifier, method)? {
            return Ok(Redemption::Refused);
        }
        if now >= row.try_get::<i64>("expires_at")? {
            return Ok(Redemption::Expired);
        }
        let settings: &str = row.try_get("key_settings")?;
        let grant: Grant = serde_json::from_str(settings).map_err(|error| StoreError::Corrupt {
            what: "key settings",
            reason: error.to_string(),
        })?;
        if !is_granted(&mut change, &grant, now).await? {
            return Ok(Redemption::Refused);
        }
        let text = "UPDATE authorization_code SET used = $1 WHERE code_hash = $2";
        change.execute(text, values![true, &hash]).await?;
        let created = api_key::create(&mut change, grant.key, now).await?;
        let actor = Actor {
            kind: ActorKind::Member,
            id: created.key.member_id.clone().unwrap_or_default(),
            origin: origin.to_owned(),
        };
        let deed =
            Deed { actor: &actor, now, action: "api_key.create", subject: &created.key.hash };
        deed.record(&mut change, None, Some(&created.key)).await?;
        change.commit().await?;
        Ok(Redemption::Key(Box::new(created)))
    }
}

/// Whether what was checked as a code was made still holds: who granted it is there, and may make
/// such a key now. Who has only keys of its own makes them in its own workspaces.
async fn is_granted(change: &mut Change, grant: &Grant, now: Micros) -> Result<bool, StoreError> {
    let (key, Some(granter)) = (&grant.key, &grant.granted_by) else { return Ok(false) };
    let named = key.workspace_id.as_deref();
    let all = workspaces(change).await?;
    // Removed since; without a name it is the default one, which stays.
    let workspace = all.iter().find(|workspace| named == Some(workspace.id.as_str()));
    if named.is_some() && workspace.is_none() {
        return Ok(false);
    }
    let people = members(change).await?;
    let granter = match standing(change, &people, granter, now).await? {
        Standing::Machine => return Ok(true),
        Standing::Gone => return Ok(false),
        Standing::Member(member) => member,
    };
    if granter.role != MemberRole::Member {
        return Ok(true);
    }
    let is_everybodys = |workspace: &Workspace| workspace.settings.slug == DEFAULT_WORKSPACE_SLUG;
    let is_in = match workspace {
        Some(workspace) if !is_everybodys(workspace) => {
            let rows = workspace_members(change).await?;
            rows.iter().any(|row| row.workspace_id == workspace.id && row.member_id == granter.id)
        }
        _ => true,
    };
    Ok(is_in && key.member_id.as_ref() == Some(&granter.id))
}

fn is_met(
    row: &Row,
    verifier: Option<&str>,
    named: Option<ChallengeMethod>,
) -> Result<bool, StoreError> {
    let challenge: Option<&str> = row.try_get("challenge")?;
    let word: &str = row.try_get("challenge_method")?;
    let method = ChallengeMethod::parse(word)
        .ok_or(StoreError::Corrupt { what: "challenge method", reason: word.to_owned() })?;
    Ok(match (challenge, verifier) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(_), Some(_)) if named.is_some_and(|named| named != method) => false,
        // Hashes are compared, so that the time it takes tells nothing about the challenge.
        (Some(challenge), Some(verifier)) => {
            api_key_hash(challenge) == api_key_hash(&method.challenge_of(verifier))
        }
    })
}
