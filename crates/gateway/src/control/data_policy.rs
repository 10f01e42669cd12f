//! What an account lets happen to prompts, whatever its requests say. PRIV-3, PRIV-4

use catalog::{Catalog, EndpointId, Region};
use routing::{Policy, ZdrScopes};
use serde_json::{Map, Value, json};

/// What an account lets happen to prompts. A request can ask for more, never for less.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataPolicy {
    /// Endpoints that train on prompts, or of which nothing is known, may be used.
    pub allow_training: bool,
    /// Only endpoints that retain nothing are used.
    pub zdr_only: bool,
    /// Only endpoints known to run in one of these regions are used; empty: anywhere.
    pub regions: Vec<Region>,
    /// No endpoint is used: regions are named, and this version knows none of them.
    pub no_region: bool,
}

impl Default for DataPolicy {
    fn default() -> Self {
        Self { allow_training: true, zdr_only: false, regions: Vec::new(), no_region: false }
    }
}

/// The regions there are, by their names.
pub const REGIONS: [(&str, Region); 2] = [("eu", Region::Eu), ("us", Region::Us)];

/// What is named where none is allowed.
pub const NO_REGION: &str = "none";

/// The name of a region.
pub fn name_of(region: Region) -> &'static str {
    match region {
        Region::Eu => "eu",
        Region::Us => "us",
    }
}

/// The setting that keeps an account's.
pub fn setting_of(account: &str) -> String {
    format!("data_policy:{account}")
}

impl DataPolicy {
    /// Reads what was stored. What cannot be read counts as the stricter of what it could mean.
    pub fn read(value: &Value) -> Self {
        let named = value.get("regions").filter(|named| !named.is_null());
        let names = named.and_then(Value::as_array);
        let is_named = |name: &str| names.is_some_and(|names| names.iter().any(|one| one == name));
        let known = REGIONS.iter().filter(|(name, _)| is_named(name));
        let regions: Vec<_> = known.map(|(_, region)| *region).collect();
        let is_anywhere = named.is_none() || names.is_some_and(Vec::is_empty);
        Self {
            allow_training: value
                .get("allow_training")
                .is_none_or(|value| value == &Value::Bool(true)),
            zdr_only: value.get("zdr_only").is_some_and(|value| value != &Value::Bool(false)),
            no_region: regions.is_empty() && !is_anywhere,
            regions,
        }
    }

    /// The names of its regions.
    pub fn region_names(&self) -> Vec<&'static str> {
        match self.no_region {
            true => vec![NO_REGION],
            false => self.regions.iter().map(|region| name_of(*region)).collect(),
        }
    }

    /// As it is stored.
    pub fn document(&self) -> Map<String, Value> {
        let regions = self.region_names();
        let mut document = Map::new();
        document.insert("allow_training".to_owned(), json!(self.allow_training));
        document.insert("zdr_only".to_owned(), json!(self.zdr_only));
        document.insert("regions".to_owned(), json!(regions));
        document
    }

    /// The same as routing takes it.
    pub fn policy(&self) -> Policy {
        Policy {
            deny_free_training: !self.allow_training,
            deny_paid_training: !self.allow_training,
            zdr: if self.zdr_only { ZdrScopes::ALL } else { ZdrScopes::default() },
            allowed_regions: self.regions.clone(),
            // No endpoint is in all of them at once.
            data_regions: match self.no_region {
                true => REGIONS.iter().map(|(_, region)| *region).collect(),
                false => Vec::new(),
            },
            ..Policy::default()
        }
    }
}

/// How many endpoints and models are left of those that can be used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Left {
    /// Endpoints that may be used.
    pub endpoints: usize,
    /// Endpoints there are.
    pub endpoints_total: usize,
    /// Models with an endpoint that may be used.
    pub models: usize,
    /// Models there are.
    pub models_total: usize,
}

/// What a policy leaves of the endpoints that `is_usable` takes.
pub fn left(catalog: &Catalog, policy: &Policy, is_usable: impl Fn(EndpointId) -> bool) -> Left {
    let mut left = Left::default();
    for (model, _) in catalog.models() {
        let usable: Vec<_> = catalog.endpoints_of(model).filter(|id| is_usable(*id)).collect();
        let admitted = usable.iter().filter(|id| policy.admits_data(catalog, **id, model)).count();
        left.endpoints += admitted;
        left.endpoints_total += usable.len();
        left.models += usize::from(admitted > 0);
        left.models_total += usize::from(!usable.is_empty());
    }
    left
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_comes_back_and_what_cannot_be_read_is_strict() {
        let strict = DataPolicy {
            allow_training: false,
            zdr_only: true,
            regions: vec![Region::Eu],
            no_region: false,
        };
        let nowhere = DataPolicy { no_region: true, ..DataPolicy::default() };
        for policy in [DataPolicy::default(), strict.clone(), nowhere.clone()] {
            assert_eq!(DataPolicy::read(&Value::Object(policy.document())), policy);
        }
        assert_eq!(DataPolicy::read(&json!({})), DataPolicy::default());
        let odd = json!({"allow_training": 1, "zdr_only": "x", "regions": ["eu", "mars"]});
        assert_eq!(DataPolicy::read(&odd), strict);
        for odd in [json!(["mars"]), json!([1]), json!("eu"), json!({}), json!(false)] {
            let read = DataPolicy::read(&json!({"regions": odd}));
            assert_eq!(read, nowhere, "{odd}");
            assert_eq!(read.policy().data_regions, [Region::Eu, Region::Us]);
        }
        for anywhere in [json!([]), json!(null)] {
            let read = DataPolicy::read(&json!({"regions": anywhere}));
            assert_eq!(read, DataPolicy::default());
            assert!(read.policy().data_regions.is_empty());
        }
    }
}
