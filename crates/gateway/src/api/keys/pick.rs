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
    /// Behind the last key of the page before.
    Behind(Last),
}

/// The last key of a page: where it was, and its hash.
pub struct Last {
    /// How many keys came before it. By limits these are counted apart, among the keys that have one
    /// or among those that have none; of the latter it is told as less than nothing: -1 is the first.
    pub place: i64,
    /// Its hash.
    pub hash: String,
}

/// A page.
pub struct KeysPage {
    /// Its keys in order.
    pub keys: Vec<ApiKey>,
    /// What they have spent, by hash; those never used are not there.
    pub spent: HashMap<String, KeyUsage>,
    /// Its last key, if there are more behind it.
    pub last: Option<Last>,
}

/// The keys of a page. The database hands over no more than those, unless the order or the search
/// takes all of them.
pub async fn pick(
    app: &App,
    filter: ApiKeyFilter,
    search: Option<&str>,
    order: KeyOrder,
    start: &Start,
    now: i64,
) -> Result<KeysPage, Fault> {
    match (order, search) {
        (KeyOrder::Created, None) => oldest_first(app, &filter, start, now).await,
        (KeyOrder::Limit, None) => by_limit(app, filter, start, now).await,
        _ => of_all(app, &filter, search, order, start, now).await,
    }
}

async fn oldest_first(
    app: &App,
    filter: &ApiKeyFilter,
    start: &Start,
    now: i64,
) -> Result<KeysPage, Fault> {
    let (from, begin) = match start {
        Start::At(offset) => (ApiKeyStart::At(*offset), *offset),
        Start::Behind(last) => {
            let place = count(last.place);
            (ApiKeyStart::After(&last.hash, place), place.saturating_add(1))
        }
    };
    let keys = app.store.api_keys_page(filter, from, PAGE + 1).await.map_err(refused)?;
    page(app, keys, None, now, |length| signed(begin.saturating_add(length - 1))).await
}

/// What takes all keys to tell which are on the page.
async fn of_all(
    app: &App,
    filter: &ApiKeyFilter,
    search: Option<&str>,
    order: KeyOrder,
    start: &Start,
    now: i64,
) -> Result<KeysPage, Fault> {
    let store = &app.store;
    let mut keys =
        store.api_keys_page(filter, ApiKeyStart::At(0), u64::MAX).await.map_err(refused)?;
    if let Some(text) = search {
        let text = text.to_lowercase();
        let has = |part: &str| part.to_lowercase().contains(&text);
        keys.retain(|key| has(&key.name) || has(&key.label) || key.hash.starts_with(&text));
    }
    let spent = match order {
        KeyOrder::Spend | KeyOrder::LastUsed => {
            let all = store.usage_of_all(UsageScope::Key, now).await.map_err(refused)?;
            Some(all.into_iter().collect())
        }
        KeyOrder::Limit => Some(store.limited_keys_usage(now).await.map_err(refused)?),
        KeyOrder::Created | KeyOrder::Name | KeyOrder::Expires => None,
    };
    let nothing = HashMap::new();
    order.sort(&mut keys, spent.as_ref().unwrap_or(&nothing), now);
    let begin = begin_among(&keys, start);
    let rest: Vec<ApiKey> = keys.into_iter().skip(size(begin)).take(size(PAGE + 1)).collect();
    // Only of keys that have a limit was it read.
    let spent = spent.filter(|_| order != KeyOrder::Limit);
    page(app, rest, spent, now, |length| signed(begin.saturating_add(length - 1))).await
}

/// First the keys that have a limit of their own, which have to be put in order, then those that
/// have none, the oldest first.
async fn by_limit(
    app: &App,
    filter: ApiKeyFilter,
    start: &Start,
    now: i64,
) -> Result<KeysPage, Fault> {
    let store = &app.store;
    let limited = ApiKeyFilter { is_limited: Some(true), ..filter.clone() };
    let unlimited = ApiKeyFilter { is_limited: Some(false), ..filter };
    if let Start::Behind(last @ Last { place: ..0, .. }) = start {
        let place = last.place.unsigned_abs();
        let from = ApiKeyStart::After(&last.hash, place - 1);
        let keys = store.api_keys_page(&unlimited, from, PAGE + 1).await.map_err(refused)?;
        return page(app, keys, None, now, |length| -signed(place.saturating_add(length))).await;
    }
    let mut keys =
        store.api_keys_page(&limited, ApiKeyStart::At(0), u64::MAX).await.map_err(refused)?;
    let spent = store.limited_keys_usage(now).await.map_err(refused)?;
    KeyOrder::Limit.sort(&mut keys, &spent, now);
    let begin = begin_among(&keys, start);
    let behind = begin.saturating_sub(length(&keys));
    let mut keys: Vec<ApiKey> = keys.into_iter().skip(size(begin)).take(size(PAGE + 1)).collect();
    let some = length(&keys);
    if some <= PAGE {
        let from = ApiKeyStart::At(behind);
        let more = store.api_keys_page(&unlimited, from, PAGE + 1 - some).await;
        keys.extend(more.map_err(refused)?);
    }
    page(app, keys, None, now, |length| match length.checked_sub(some) {
        None | Some(0) => signed(begin.saturating_add(length - 1)),
        Some(others) => -signed(behind.saturating_add(others)),
    })
    .await
}

/// How many keys come before a page of a list that is there as a whole.
fn begin_among(keys: &[ApiKey], start: &Start) -> u64 {
    match start {
        Start::At(offset) => *offset,
        Start::Behind(last) => match keys.iter().position(|key| key.hash == last.hash) {
            Some(place) => number_of(place).saturating_add(1),
            // It has gone: what was behind it is where it was.
            None => count(last.place),
        },
    }
}

/// A page of keys of which there is one too many if others come behind it. `place_of` tells where the
/// last of so many is.
async fn page(
    app: &App,
    mut keys: Vec<ApiKey>,
    spent: Option<HashMap<String, KeyUsage>>,
    now: i64,
    place_of: impl FnOnce(u64) -> i64,
) -> Result<KeysPage, Fault> {
    let has_more = length(&keys) > PAGE;
    keys.truncate(size(PAGE));
    let last = keys
        .last()
        .filter(|_| has_more)
        .map(|key| Last { place: place_of(PAGE), hash: key.hash.clone() });
    let spent = match spent {
        Some(spent) => spent,
        None => {
            let hashes: Vec<&str> = keys.iter().map(|key| key.hash.as_str()).collect();
            app.store.keys_usage(&hashes, now).await.map_err(refused)?
        }
    };
    Ok(KeysPage { keys, spent, last })
}

fn length(keys: &[ApiKey]) -> u64 {
    number_of(keys.len())
}

fn number_of(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

fn size(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn count(place: i64) -> u64 {
    u64::try_from(place).unwrap_or(0)
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
    fn sort(self, keys: &mut [ApiKey], spent: &HashMap<String, KeyUsage>, now: i64) {
        let of = |key: &ApiKey| spent.get(&key.hash).copied().unwrap_or_default();
        match self {
            Self::Created => {}
            Self::Name => keys.sort_by_cached_key(|key| key.name.to_lowercase()),
            Self::Spend => keys.sort_by_cached_key(|key| Reverse(of(key).usage.total)),
            Self::LastUsed => keys.sort_by_cached_key(|key| Reverse(of(key).last_day)),
            Self::Expires => keys.sort_by_key(|key| key.expires_at.unwrap_or(i64::MAX)),
            Self::Limit => keys.sort_by(|one, two| {
                let is_usable = |key: &ApiKey| {
                    !key.disabled && key.expires_at.is_none_or(|expires| expires > now)
                };
                let used = |key: &ApiKey| {
                    against_limit(&of(key), key.limit_reset, key.include_byok_in_limit)
                };
                match (one.limit_nano_usd, two.limit_nano_usd) {
                    (Some(limit), Some(other)) => {
                        let shares = compare_shares((used(one), limit), (used(two), other));
                        is_usable(two).cmp(&is_usable(one)).then(shares.reverse())
                    }
                    (one, two) => two.is_some().cmp(&one.is_some()),
                }
            }),
        }
    }
}

/// Compares what was used as parts of limits. All of a limit of nothing is used.
fn compare_shares((used, limit): (i64, i64), (other_used, other): (i64, i64)) -> Ordering {
    match (limit > 0, other > 0) {
        (true, true) => (i128::from(used) * i128::from(other))
            .cmp(&(i128::from(other_used) * i128::from(limit))),
        (has_some, other_has_some) => other_has_some.cmp(&has_some),
    }
}
