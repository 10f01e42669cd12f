//! Which keys are on a page.

use std::cmp::{Ordering, Reverse};
use std::collections::HashMap;

use protocol::exchange::Fault;
use store::{ApiKey, ApiKeyFilter, ApiKeyStart, KeyUsage, UsageScope};

use super::spend::against_limit;
use crate::api::change::refused;
use crate::app::App;

/// So many keys are a page. API-7
const PAGE: u64 = 100;

/// Where a page begins.
pub enum Start {
    /// Behind so many keys.
    At(u64),
    /// Behind the key with that hash, the last of the page before; if it has gone, behind so many
    /// keys less one.
    Behind(u64, String),
}

/// A page.
pub struct KeysPage {
    /// Its keys in order.
    pub keys: Vec<ApiKey>,
    /// What they have spent; those never used are not there.
    pub spent: HashMap<String, KeyUsage>,
    /// How many keys come before the last of the page, if there are more behind it.
    pub end: Option<u64>,
}

/// The keys of a page. Where the order does not take it, no more than those are read.
pub async fn pick(
    app: &App,
    filter: ApiKeyFilter,
    search: Option<&str>,
    order: KeyOrder,
    start: &Start,
    now: i64,
) -> Result<KeysPage, Fault> {
    let store = &app.store;
    let mut spent = HashMap::new();
    let mut keys = match (order, search) {
        (KeyOrder::Created, None) => {
            let (start, begin) = match start {
                Start::At(offset) => (ApiKeyStart::At(*offset), *offset),
                Start::Behind(place, hash) => {
                    (ApiKeyStart::After(hash, *place), place.saturating_add(1))
                }
            };
            let keys = store.api_keys_page(&filter, start, PAGE + 1).await.map_err(refused)?;
            return with_spending(app, keys, begin, now).await;
        }
        (KeyOrder::Limit, None) => {
            return by_limit(app, filter, start, now).await;
        }
        _ => store.api_keys_page(&filter, ApiKeyStart::At(0), u64::MAX).await.map_err(refused)?,
    };
    if let Some(text) = search {
        let text = text.to_lowercase();
        let has = |part: &str| part.to_lowercase().contains(&text);
        keys.retain(|key| has(&key.name) || has(&key.label) || key.hash.starts_with(&text));
    }
    match order {
        KeyOrder::Spend | KeyOrder::LastUsed => {
            let all = store.usage_of_all(UsageScope::Key, now).await.map_err(refused)?;
            spent = all.into_iter().collect();
        }
        KeyOrder::Limit => spent = store.limited_keys_usage(now).await.map_err(refused)?,
        KeyOrder::Created | KeyOrder::Name | KeyOrder::Expires => {}
    }
    order.sort(&mut keys, &spent);
    let begin = begin_of(start, &keys);
    let rest = keys.into_iter().skip(usize::try_from(begin).unwrap_or(usize::MAX));
    with_spending(app, rest.take(page() + 1).collect(), begin, now).await
}

/// Keys with a limit of their own are few or many, but only those have to be put in order.
async fn by_limit(
    app: &App,
    filter: ApiKeyFilter,
    start: &Start,
    now: i64,
) -> Result<KeysPage, Fault> {
    let store = &app.store;
    let limited = ApiKeyFilter { is_limited: Some(true), ..filter.clone() };
    let mut keys =
        store.api_keys_page(&limited, ApiKeyStart::At(0), u64::MAX).await.map_err(refused)?;
    let spent = store.limited_keys_usage(now).await.map_err(refused)?;
    KeyOrder::Limit.sort(&mut keys, &spent);
    let count = u64::try_from(keys.len()).unwrap_or(u64::MAX);
    let mut begin = begin_of(start, &keys);
    if let Start::Behind(_, hash) = start
        && let Some(last) = store.api_key(hash).await.map_err(refused)?
        && last.limit_nano_usd.is_none()
    {
        // More keys may have got limits since.
        begin = begin.saturating_add(1).max(count);
    }
    let mut keys: Vec<ApiKey> =
        keys.into_iter().skip(usize::try_from(begin).unwrap_or(usize::MAX)).collect();
    keys.truncate(page() + 1);
    let missing = (PAGE + 1).saturating_sub(u64::try_from(keys.len()).unwrap_or(u64::MAX));
    if missing > 0 {
        let unlimited = ApiKeyFilter { is_limited: Some(false), ..filter };
        let behind = begin.saturating_sub(count);
        let start = match start {
            Start::Behind(_, hash) if begin >= count => ApiKeyStart::After(hash, behind),
            _ => ApiKeyStart::At(behind),
        };
        keys.extend(store.api_keys_page(&unlimited, start, missing).await.map_err(refused)?);
    }
    with_spending(app, keys, begin, now).await
}

/// How many keys come before a page of keys that are all there.
fn begin_of(start: &Start, keys: &[ApiKey]) -> u64 {
    match start {
        Start::At(offset) => *offset,
        Start::Behind(place, hash) => match keys.iter().position(|key| key.hash == *hash) {
            Some(place) => u64::try_from(place).unwrap_or(u64::MAX).saturating_add(1),
            None => *place,
        },
    }
}

fn page() -> usize {
    usize::try_from(PAGE).unwrap_or(usize::MAX)
}

/// A page of keys of which there is one too many if others come behind it.
async fn with_spending(
    app: &App,
    mut keys: Vec<ApiKey>,
    begin: u64,
    now: i64,
) -> Result<KeysPage, Fault> {
    let end = (keys.len() > page()).then(|| begin.saturating_add(PAGE - 1));
    keys.truncate(page());
    let hashes: Vec<&str> = keys.iter().map(|key| key.hash.as_str()).collect();
    let spent = app.store.keys_usage(&hashes, now).await.map_err(refused)?;
    Ok(KeysPage { keys, spent, end })
}

/// What keys are put in order by; those that are alike, by when they were made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyOrder {
    Created,
    Name,
    Spend,
    LastUsed,
    Expires,
    Limit,
}

impl KeyOrder {
    /// Reads the word of the query.
    ///
    /// # Errors
    ///
    /// Names the words there are.
    pub fn read(word: Option<&str>) -> Result<Self, Fault> {
        Ok(match word {
            None | Some("" | "created") => Self::Created,
            Some("name") => Self::Name,
            Some("spend") => Self::Spend,
            Some("last_used") => Self::LastUsed,
            Some("expires") => Self::Expires,
            Some("limit") => Self::Limit,
            Some(_) => {
                let message = "order: must be created, name, spend, last_used, expires or limit";
                return Err(Fault::invalid(message));
            }
        })
    }

    /// Keys come as they were made, and sorting keeps that.
    fn sort(self, keys: &mut [ApiKey], spent: &HashMap<String, KeyUsage>) {
        let of = |key: &ApiKey| spent.get(&key.hash).copied().unwrap_or_default();
        match self {
            Self::Created => {}
            Self::Name => keys.sort_by_cached_key(|key| key.name.to_lowercase()),
            Self::Spend => keys.sort_by_cached_key(|key| Reverse(of(key).usage.total)),
            Self::LastUsed => keys.sort_by_cached_key(|key| Reverse(of(key).last_day)),
            Self::Expires => keys.sort_by_key(|key| key.expires_at.unwrap_or(i64::MAX)),
            Self::Limit => keys.sort_by(|one, two| {
                let used = |key: &ApiKey| {
                    against_limit(&of(key), key.limit_reset, key.include_byok_in_limit)
                };
                match (one.limit_nano_usd, two.limit_nano_usd) {
                    (Some(limit), Some(other)) => share_of(used(two), other, used(one), limit),
                    (one, two) => two.is_some().cmp(&one.is_some()),
                }
            }),
        }
    }
}

/// Which of two amounts is the larger part of its limit. All of a limit of nothing is used.
fn share_of(used: i64, limit: i64, other_used: i64, other_limit: i64) -> Ordering {
    match (limit > 0, other_limit > 0) {
        (true, true) => (i128::from(used) * i128::from(other_limit))
            .cmp(&(i128::from(other_used) * i128::from(limit))),
        (has_some, other_has_some) => other_has_some.cmp(&has_some),
    }
}
