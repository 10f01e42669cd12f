//! A key as the API shows it. KEYS-7

use ledger::{LimitKind, NanoUsd};
use protocol::exchange::Fault;
use serde::Serialize;
use store::{ApiKey, KeyOrigin, KeyUsage, LimitReset, Member};
use utoipa::ToSchema;

use super::rates::KeyRateLimit;
use super::spend::{Spending, against_limit, remaining};
use crate::api::change::refused;
use crate::api::money::Usd;
use crate::api::time::iso;
use crate::app::App;
use crate::clock::now_micros;

/// The answer with one key.
#[derive(Serialize, ToSchema)]
pub struct ManagedKeyAnswer {
    pub data: ManagedKey,
}

/// A key; money in USD. KEYS-7
#[derive(Serialize, ToSchema)]
pub struct ManagedKey {
    /// SHA-256 of the key, in hex: its identity. AUTH-3
    pub hash: String,
    pub name: String,
    pub label: String,
    pub disabled: bool,
    #[schema(value_type = Option<f64>)]
    pub limit: Option<Usd>,
    #[schema(value_type = Option<f64>)]
    pub limit_remaining: Option<Usd>,
    pub limit_reset: Option<&'static str>,
    pub include_byok_in_limit: bool,
    /// Our own; `null`: as the settings say for every key.
    pub rate_limit: Option<KeyRateLimit>,
    /// Our own: requests that may run at once; `null`: as the settings say, 0: no limit.
    pub concurrency: Option<i64>,
    #[serde(flatten)]
    pub spending: Spending,
    pub created_at: String,
    pub updated_at: Option<String>,
    pub creator_user_id: Option<String>,
    pub workspace_id: String,
    pub expires_at: Option<String>,
    /// Not in OpenRouter's published document, but its SDK for Python requires this and the next.
    pub external_user: Option<String>,
    /// Our own: `playground` for the key that a member's requests by session run as.
    pub origin: Option<&'static str>,
    /// To the day: the first moment of the last UTC day with an answer.
    pub last_used_at: Option<String>,
    /// Our own: the limit with the least left of all that requests with the key count toward;
    /// `null`: there is none, or what is left of it cannot be told at the moment.
    pub binding_limit: Option<BindingLimit>,
    /// Our own: the member whose key it is.
    pub member: Option<KeyMember>,
}

/// A limit that requests count toward; money in USD.
#[derive(Serialize, ToSchema)]
pub struct BindingLimit {
    /// `key`, `member`, `workspace`, `credit` or `guardrail`.
    kind: &'static str,
    #[schema(value_type = f64)]
    limit: Usd,
    #[schema(value_type = f64)]
    remaining: Usd,
    /// `null`: it never starts afresh.
    resets_at: Option<String>,
}

/// A member whose key it is.
#[derive(Clone, Serialize, ToSchema)]
pub struct KeyMember {
    id: String,
    email: String,
    name: String,
}

/// Who members are, for showing keys.
pub struct People(Vec<Member>);

impl People {
    /// All there are.
    pub async fn all(app: &App) -> Result<Self, Fault> {
        Ok(Self(app.store.members().await.map_err(refused)?))
    }

    fn find(&self, id: Option<&str>) -> Option<KeyMember> {
        let member = self.0.iter().find(|member| Some(member.id.as_str()) == id)?;
        let (id, email, name) = (member.id.clone(), member.email.clone(), member.name.clone());
        Some(KeyMember { id, email, name })
    }
}

/// The limit of a key with the least left. Where nodes that count together cannot, nothing is told
/// rather than no key listed.
async fn binding_limit(app: &App, hash: &str) -> Option<BindingLimit> {
    let snapshot = app.snapshot();
    let limits = &snapshot.caller_of(hash)?.terms.limits;
    let mut least: Option<(NanoUsd, usize)> = None;
    for (place, limit) in limits.iter().enumerate() {
        let left = app.limits.unused(limit).await.ok()?;
        if least.is_none_or(|(least, _)| left < least) {
            least = Some((left, place));
        }
    }
    let (left, place) = least?;
    let limit = limits.get(place)?;
    Some(BindingLimit {
        kind: match limit.kind {
            LimitKind::KeyLimit => "key",
            LimitKind::MemberLimit => "member",
            LimitKind::WorkspaceBudget => "workspace",
            LimitKind::AccountBalance => "credit",
            LimitKind::GuardrailBudget => "guardrail",
        },
        limit: Usd(limit.amount.0),
        remaining: Usd(left.0.max(0)),
        resets_at: limit.window.resets_at(now_micros()).map(iso),
    })
}

impl ManagedKey {
    /// Shows a key with what it has spent.
    pub async fn new(app: &App, people: &People, key: ApiKey, spent: &KeyUsage) -> Self {
        let binding_limit = binding_limit(app, &key.hash).await;
        let counted = against_limit(spent, key.limit_reset, key.include_byok_in_limit);
        Self {
            limit: key.limit_nano_usd.map(Usd),
            limit_remaining: remaining(key.limit_nano_usd, counted).map(Usd),
            limit_reset: key.limit_reset.map(LimitReset::as_str),
            include_byok_in_limit: key.include_byok_in_limit,
            rate_limit: KeyRateLimit::of(key.rates),
            concurrency: key.rates.concurrency,
            spending: Spending::of(&spent.spent()),
            created_at: iso(key.created_at),
            updated_at: Some(iso(key.updated_at)),
            expires_at: key.expires_at.map(iso),
            hash: key.hash,
            name: key.name,
            label: key.label,
            disabled: key.disabled,
            creator_user_id: key.creator,
            workspace_id: key.workspace_id,
            external_user: None,
            origin: key.origin.map(KeyOrigin::as_str),
            last_used_at: spent.last_day.map(iso),
            binding_limit,
            member: people.find(key.member_id.as_deref()),
        }
    }
}
