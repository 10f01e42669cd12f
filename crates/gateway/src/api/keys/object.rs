//! A key as the API shows it. KEYS-7

use serde::Serialize;
use store::{ApiKey, KeyOrigin, KeyUsage, LimitReset};
use utoipa::ToSchema;

use super::rates::KeyRateLimit;
use super::spend::{Spending, against_limit, remaining};
use crate::api::money::Usd;
use crate::api::time::iso;

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
}

impl ManagedKey {
    /// Shows a key with what it has spent.
    pub fn new(key: ApiKey, spent: &KeyUsage) -> Self {
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
        }
    }
}
