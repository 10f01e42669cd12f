//! How fast a key may be used, and how much at once. Our own, beside KEYS-4 and KEYS-6.

use serde::{Deserialize, Serialize};
use store::{ApiKeyChange, KeyRates};
use utoipa::ToSchema;

use crate::api::body::present;

/// Requests that may begin; `null`: as the settings say for every key, 0: no limit.
#[derive(Serialize, ToSchema)]
pub struct KeyRateLimit {
    /// In any minute.
    requests_per_minute: Option<i64>,
    /// In a UTC day.
    requests_per_day: Option<i64>,
}

impl KeyRateLimit {
    /// That of a key; `None` where only the settings limit it.
    pub fn of(rates: KeyRates) -> Option<Self> {
        let KeyRates { requests_per_minute, requests_per_day, .. } = rates;
        let is_own = requests_per_minute.is_some() || requests_per_day.is_some();
        is_own.then_some(Self { requests_per_minute, requests_per_day })
    }
}

/// What requests that may begin are to be limited to; what is absent stays.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyRateLimitRequest {
    /// In any minute; `null`: as the settings say, 0: no limit.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<i64>, minimum = 0, maximum = 1_000_000_000)]
    requests_per_minute: Option<Option<i64>>,
    /// In a UTC day; `null`: as the settings say, 0: no limit.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<i64>, minimum = 0, maximum = 1_000_000_000)]
    requests_per_day: Option<Option<i64>>,
}

impl KeyRateLimitRequest {
    /// The rates of a new key.
    pub fn rates(self, concurrency: Option<i64>) -> KeyRates {
        KeyRates {
            requests_per_minute: self.requests_per_minute.flatten(),
            requests_per_day: self.requests_per_day.flatten(),
            concurrency,
        }
    }
}

/// Adds to the changes of a key what is said of its rates; `rate_limit: null` is `null` for both.
pub fn change(
    changes: &mut ApiKeyChange,
    rate_limit: Option<Option<KeyRateLimitRequest>>,
    concurrency: Option<Option<i64>>,
) {
    changes.concurrency = concurrency;
    (changes.requests_per_minute, changes.requests_per_day) = match rate_limit {
        None => (None, None),
        Some(None) => (Some(None), Some(None)),
        Some(Some(given)) => (given.requests_per_minute, given.requests_per_day),
    };
}
