//! What the account, its workspace and its guardrails allow. A request can tighten it, never
//! loosen it. PROV-4, PROV-6, PROV-7, GUARD-5

pub use catalog::Region as DataRegion;
use catalog::{Catalog, Endpoint, EndpointId, Model, ModelId, PriceState, Provider};
use serde::Serialize;

use crate::pattern::ProviderPattern;
use crate::preferences::Sort;

/// Everything that is laid down outside the request.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Policy {
    /// Lists of allowed providers: each of them must admit an endpoint. PROV-4, GUARD-5
    pub allowed_providers: Vec<AllowedProviders>,
    /// Providers that are never used. PROV-4
    pub ignored_providers: Vec<ProviderPattern>,
    /// Lists of allowed models, by id or permanent name: each must admit a model. GUARD-1
    pub allowed_models: Vec<Vec<String>>,
    /// Models that are never used, by id or permanent name. GUARD-1
    pub ignored_models: Vec<String>,
    /// Free endpoints that train on prompts are not used. PRIV-3
    pub deny_free_training: bool,
    /// Paid endpoints that train on prompts are not used. PRIV-3
    pub deny_paid_training: bool,
    /// Where zero retention is required. PRIV-4
    pub zdr: ZdrScopes,
    /// The sort where a request gives none. PROV-14
    pub default_sort: Option<Sort>,
    /// Regions that data must not leave; all of them must hold.
    pub data_regions: Vec<DataRegion>,
    /// Regions of which one must hold; empty: anywhere.
    pub allowed_regions: Vec<DataRegion>,
}

/// One list of allowed providers.
#[derive(Clone, Debug, PartialEq)]
pub struct AllowedProviders {
    /// Who made it.
    pub source: Source,
    /// Its entries.
    pub providers: Vec<ProviderPattern>,
}

/// Who laid a rule down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The request.
    Request,
    /// The settings of the account or workspace.
    Account,
    /// A guardrail. Nothing left because of it is a 403. GUARD-7
    Guardrail,
}

/// Authors of models for which zero retention is required. PRIV-4
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ZdrScopes {
    /// Models of Anthropic.
    pub anthropic: bool,
    /// Models of OpenAI.
    pub openai: bool,
    /// Models of Google.
    pub google: bool,
    /// Models of xAI.
    pub xai: bool,
    /// All other models.
    pub other: bool,
}

impl ZdrScopes {
    /// Everywhere.
    pub const ALL: Self =
        Self { anthropic: true, openai: true, google: true, xai: true, other: true };

    /// Whether it is required for a model.
    pub fn covers(self, model: &Model) -> bool {
        match model.author() {
            "anthropic" => self.anthropic,
            "openai" => self.openai,
            "google" => self.google,
            "x-ai" => self.xai,
            _ => self.other,
        }
    }
}

impl Policy {
    /// Adds another policy: lists of what is allowed intersect, everything else adds up. The sort
    /// set first stays. GUARD-5, PROV-14
    pub fn merge(&mut self, other: &Self) {
        self.allowed_providers.extend(other.allowed_providers.iter().cloned());
        self.ignored_providers.extend(other.ignored_providers.iter().cloned());
        self.allowed_models.extend(other.allowed_models.iter().cloned());
        self.ignored_models.extend(other.ignored_models.iter().cloned());
        self.deny_free_training |= other.deny_free_training;
        self.deny_paid_training |= other.deny_paid_training;
        self.zdr.anthropic |= other.zdr.anthropic;
        self.zdr.openai |= other.zdr.openai;
        self.zdr.google |= other.zdr.google;
        self.zdr.xai |= other.zdr.xai;
        self.zdr.other |= other.zdr.other;
        self.default_sort = self.default_sort.or(other.default_sort);
        for region in &other.data_regions {
            if !self.data_regions.contains(region) {
                self.data_regions.push(*region);
            }
        }
        match (self.allowed_regions.is_empty(), other.allowed_regions.is_empty()) {
            (_, true) => {}
            (true, false) => self.allowed_regions.clone_from(&other.allowed_regions),
            (false, false) => {
                let first = self.allowed_regions[0];
                self.allowed_regions.retain(|region| other.allowed_regions.contains(region));
                if self.allowed_regions.is_empty() {
                    // Nothing is in both: no endpoint is in two regions at once.
                    self.data_regions.push(first);
                    self.allowed_regions.clone_from(&other.allowed_regions);
                }
            }
        }
    }

    /// Whether what is laid down of prompts lets an endpoint of a model be used. PRIV-1, PRIV-3,
    /// PRIV-4
    pub fn admits_data(&self, catalog: &Catalog, endpoint: EndpointId, model: ModelId) -> bool {
        let keeps_nothing = catalog.retains_nothing(endpoint, model);
        let left = self.left_region(catalog.endpoint(endpoint), catalog.provider_of(endpoint));
        self.admits_training(catalog, endpoint)
            && (keeps_nothing || !self.zdr.covers(catalog.model(model)))
            && left.is_none()
    }

    /// Whether an endpoint may be used as far as training is concerned. PRIV-3
    pub(crate) fn admits_training(&self, catalog: &Catalog, endpoint: EndpointId) -> bool {
        let is_free = catalog.endpoint(endpoint).price.state() == PriceState::Free;
        let denied = if is_free { self.deny_free_training } else { self.deny_paid_training };
        !(denied && catalog.data_policy(endpoint).trains)
    }

    /// The region that data would leave.
    pub(crate) fn left_region(
        &self,
        endpoint: &Endpoint,
        provider: &Provider,
    ) -> Option<DataRegion> {
        let holds = |region: &&DataRegion| region.holds(endpoint, provider);
        let required = self.data_regions.iter().find(|region| !holds(region));
        let is_outside = !self.allowed_regions.iter().any(|region| holds(&region));
        required.or(self.allowed_regions.first().filter(|_| is_outside)).copied()
    }

    /// Whether a model may be used. GUARD-1
    pub fn admits_model(&self, model: &Model) -> bool {
        let names = |entry: &String| *entry == model.id || *entry == model.canonical_slug;
        self.allowed_models.iter().all(|list| list.iter().any(names))
            && !self.ignored_models.iter().any(names)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::model;

    /// GUARD-5, PROV-4, PROV-6, PROV-7
    #[test]
    fn merging_only_ever_tightens() {
        let allow = |source, name: &str| AllowedProviders {
            source,
            providers: vec![ProviderPattern::new(name)],
        };
        let mut policy = Policy {
            allowed_providers: vec![allow(Source::Account, "a")],
            allowed_models: vec![vec!["x/a".to_owned(), "x/b".to_owned()]],
            zdr: ZdrScopes { openai: true, ..ZdrScopes::default() },
            default_sort: Some(Sort::Price),
            ..Policy::default()
        };
        policy.merge(&Policy {
            allowed_providers: vec![allow(Source::Guardrail, "b")],
            allowed_models: vec![vec!["x/b".to_owned()]],
            ignored_models: vec!["x/c".to_owned()],
            zdr: ZdrScopes { google: true, ..ZdrScopes::default() },
            deny_paid_training: true,
            default_sort: Some(Sort::Latency),
            data_regions: vec![DataRegion::Eu],
            allowed_regions: vec![DataRegion::Eu, DataRegion::Us],
            ..Policy::default()
        });
        assert_eq!(policy.allowed_regions, [DataRegion::Eu, DataRegion::Us]);
        let only = |region| Policy { allowed_regions: vec![region], ..Policy::default() };
        policy.merge(&only(DataRegion::Eu));
        assert_eq!(policy.allowed_regions, [DataRegion::Eu]);
        let mut torn = only(DataRegion::Eu);
        torn.merge(&only(DataRegion::Us));
        assert_eq!(
            (&torn.data_regions, &torn.allowed_regions),
            (&vec![DataRegion::Eu], &vec![DataRegion::Us])
        );
        assert_eq!(policy.allowed_providers.len(), 2);
        assert!(policy.admits_model(&model("x/b")));
        for refused in ["x/a", "x/c", "x/d"] {
            assert!(!policy.admits_model(&model(refused)), "{refused}");
        }
        assert!(policy.zdr.openai && policy.zdr.google && !policy.zdr.xai);
        assert!(policy.deny_paid_training && !policy.deny_free_training);
        assert_eq!(policy.default_sort, Some(Sort::Price));
        assert_eq!(policy.data_regions, [DataRegion::Eu]);
    }

    /// PRIV-4
    #[test]
    fn zero_retention_is_scoped_by_author() {
        let openai = ZdrScopes { openai: true, ..ZdrScopes::default() };
        assert!(openai.covers(&model("openai/gpt")));
        assert!(!openai.covers(&model("meta/llama")));
        assert!(ZdrScopes { other: true, ..ZdrScopes::default() }.covers(&model("meta/llama")));
        assert!(ZdrScopes::ALL.covers(&model("x-ai/grok")));
    }
}
