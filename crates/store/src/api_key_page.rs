//! Keys by pages, in the order in which they were made: of many only those of the page are handed
//! over.

use crate::analytics::Conditions;
use crate::api_key::{COLUMNS, from_row};
use crate::engine::{Sql, values};
use crate::{ApiKey, Micros, Store, StoreError};

/// Which keys; those that are deleted, and management keys, never.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKeyFilter {
    /// Of this account.
    pub account_id: String,
    /// Of this workspace.
    pub workspace_id: String,
    /// Only this member's.
    pub member_id: Option<String>,
    /// Whether those that are disabled are among them.
    pub include_disabled: bool,
    /// Only those with a limit of their own, or without one.
    pub is_limited: Option<bool>,
}

/// Where a page begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApiKeyStart<'a> {
    /// Behind so many keys.
    At(u64),
    /// Behind the key with this hash, also where it has been deleted meanwhile; behind so many
    /// keys, if there never was one.
    After(&'a str, u64),
}

impl Store {
    /// The keys a filter takes, the oldest first, from a place on and at most so many.
    pub async fn api_keys_page(
        &self,
        filter: &ApiKeyFilter,
        start: ApiKeyStart<'_>,
        limit: u64,
    ) -> Result<Vec<ApiKey>, StoreError> {
        let mut conditions = filter.conditions();
        let mut offset = 0;
        match start {
            ApiKeyStart::At(place) => offset = place,
            ApiKeyStart::After(hash, place) => match self.made_at(hash).await? {
                Some(made) => {
                    let (made, hash) = (conditions.bind(made), conditions.bind(hash));
                    conditions.put(format!("(created_at, hash) > ({made}, {hash})"));
                }
                None => offset = place,
            },
        }
        let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let text = format!(
            "SELECT {COLUMNS} FROM api_key WHERE {} ORDER BY created_at, hash \
             LIMIT {} OFFSET {}",
            conditions.text_of(),
            number(limit),
            number(offset)
        );
        let rows = self.database().fetch_all(Sql::composed(text), conditions.values()).await?;
        rows.iter().map(from_row).collect()
    }

    async fn made_at(&self, hash: &str) -> Result<Option<Micros>, StoreError> {
        let text = "SELECT created_at FROM api_key WHERE hash = $1";
        let row = self.database().fetch_optional(text, values![hash]).await?;
        row.map(|row| row.try_get("created_at")).transpose()
    }
}

impl ApiKeyFilter {
    fn conditions(&self) -> Conditions<'_> {
        let mut conditions = Conditions::default();
        conditions.put("NOT deleted AND NOT is_management".to_owned());
        conditions.text("account_id", "=", &self.account_id);
        conditions.text("workspace_id", "=", &self.workspace_id);
        if let Some(member) = &self.member_id {
            conditions.text("member_id", "=", member);
        }
        if !self.include_disabled {
            conditions.put("NOT disabled".to_owned());
        }
        match self.is_limited {
            None => {}
            Some(true) => conditions.put("limit_nano_usd IS NOT NULL".to_owned()),
            Some(false) => conditions.put("limit_nano_usd IS NULL".to_owned()),
        }
        conditions
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::tests::{TestDatabase, on_each_engine};
    use crate::{Actor, ApiKeyChange, NewApiKey};

    on_each_engine!(pages_of_keys_go_on_where_the_one_before_ended);
    async fn pages_of_keys_go_on_where_the_one_before_ended(database: TestDatabase) {
        let store = database.open().await;
        let mut hashes = Vec::new();
        let mut workspace_id = String::new();
        let mut with_limit = BTreeSet::new();
        for n in 0..7 {
            let new = NewApiKey {
                name: format!("key {n}"),
                limit_nano_usd: (n % 3 == 0).then_some(5),
                is_management: n == 5,
                ..NewApiKey::default()
            };
            // Two of each moment: those are in the order of their hashes.
            let key = store.create_api_key(new, &Actor::system(), n / 2).await.unwrap().key;
            if n % 3 == 0 {
                with_limit.insert(key.hash.clone());
            }
            hashes.push((key.created_at, key.hash));
            workspace_id = key.workspace_id;
        }
        let management = hashes.remove(5).1;
        hashes.sort();
        let account_id = store.api_key(&management).await.unwrap().unwrap().account_id;
        let all = ApiKeyFilter {
            account_id,
            workspace_id,
            member_id: None,
            include_disabled: true,
            is_limited: None,
        };
        let page = async |filter: &ApiKeyFilter, start, limit| -> Vec<String> {
            let keys = store.api_keys_page(filter, start, limit).await.unwrap();
            keys.into_iter().map(|key| key.hash).collect()
        };
        let expected: Vec<String> = hashes.into_iter().map(|(_, hash)| hash).collect();
        assert_eq!(page(&all, ApiKeyStart::At(0), 100).await, expected);
        assert_eq!(page(&all, ApiKeyStart::At(2), 2).await, expected[2..4]);
        assert_eq!(page(&all, ApiKeyStart::At(u64::MAX), u64::MAX).await, [""; 0]);
        let third = expected[2].clone();
        assert_eq!(page(&all, ApiKeyStart::After(&third, 0), 2).await, expected[3..5]);
        assert_eq!(page(&all, ApiKeyStart::After("never", 1), 2).await, expected[1..3]);
        store.delete_api_key(&third, &Actor::system(), 9).await.unwrap();
        assert_eq!(page(&all, ApiKeyStart::After(&third, 0), 2).await, expected[3..5]);

        let off = ApiKeyChange { disabled: Some(true), ..ApiKeyChange::default() };
        store.update_api_key(&expected[0], off, &Actor::system(), 9).await.unwrap();
        let enabled = ApiKeyFilter { include_disabled: false, ..all.clone() };
        assert_eq!(page(&enabled, ApiKeyStart::At(0), 1).await, expected[1..2]);
        for is_limited in [true, false] {
            let filter = ApiKeyFilter { is_limited: Some(is_limited), ..all.clone() };
            let left = expected.iter().filter(|hash| **hash != third);
            let those: Vec<String> =
                left.filter(|hash| with_limit.contains(*hash) == is_limited).cloned().collect();
            assert!(!those.is_empty());
            assert_eq!(page(&filter, ApiKeyStart::At(0), 100).await, those);
        }
        let elsewhere = ApiKeyFilter { member_id: Some("nobody".into()), ..all };
        assert_eq!(page(&elsewhere, ApiKeyStart::At(0), 100).await, [""; 0]);
    }
}
