//! The catalogue: everything that exists, indexed, immutable.

use std::collections::HashMap;

use protocol::Dialect;
use protocol::target::Quirks;

use crate::endpoint::Endpoint;
use crate::model::{Model, ModelKind};
use crate::parts::ListedProvider;
use crate::provider::{DataPolicy, Provider};

/// Position of a model in the catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ModelId(pub u32);
/// Position of an endpoint in the catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EndpointId(pub u32);
/// Position of a provider in the catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProviderId(pub u32);

/// What is wrong with the parts of a catalogue.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum CatalogError {
    /// Two entries have the same name.
    #[error("{what} `{name}` occurs twice")]
    Duplicate {
        /// `model`, `provider` or `endpoint`.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// An endpoint names something that does not exist.
    #[error("endpoint `{endpoint}` names the {what} `{name}`, which does not exist")]
    Dangling {
        /// The endpoint.
        endpoint: String,
        /// `model` or `provider`.
        what: &'static str,
        /// The name.
        name: String,
    },
}

/// Everything that exists. Endpoints of a model stand together, in a stable order.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    models: Vec<Model>,
    endpoints: Vec<Endpoint>,
    providers: Vec<Provider>,
    endpoint_provider: Vec<ProviderId>,
    model_endpoints: Vec<std::ops::Range<u32>>,
    by_name: HashMap<String, ModelId>,
    families: HashMap<String, Vec<ModelId>>,
    provider_by_slug: HashMap<String, ProviderId>,
    listed: Vec<ListedProvider>,
}

impl Catalog {
    /// Builds the index. Endpoints are sorted by model and tag.
    pub fn new(
        models: Vec<Model>,
        mut endpoints: Vec<Endpoint>,
        providers: Vec<Provider>,
    ) -> Result<Self, CatalogError> {
        let mut by_name = HashMap::with_capacity(models.len() * 2);
        for (at, model) in models.iter().enumerate() {
            if by_name.insert(model.id.clone(), ModelId(at as u32)).is_some() {
                return Err(CatalogError::Duplicate { what: "model", name: model.id.clone() });
            }
        }
        // Ids win over permanent names, permanent names over aliases.
        for (at, model) in models.iter().enumerate() {
            by_name.entry(model.canonical_slug.clone()).or_insert(ModelId(at as u32));
        }
        for (at, model) in models.iter().enumerate() {
            for alias in &model.aliases {
                by_name.entry(alias.clone()).or_insert(ModelId(at as u32));
            }
        }
        let mut provider_by_slug = HashMap::with_capacity(providers.len());
        for (at, provider) in providers.iter().enumerate() {
            if provider_by_slug.insert(provider.slug.clone(), ProviderId(at as u32)).is_some() {
                return Err(CatalogError::Duplicate {
                    what: "provider",
                    name: provider.slug.clone(),
                });
            }
        }
        let mut position = HashMap::with_capacity(models.len());
        for (at, model) in models.iter().enumerate() {
            position.insert(model.id.as_str(), at as u32);
        }
        for endpoint in &endpoints {
            let dangling = |what, name: &str| CatalogError::Dangling {
                endpoint: format!("{} at {}", endpoint.model, endpoint.tag),
                what,
                name: name.to_owned(),
            };
            if !position.contains_key(endpoint.model.as_str()) {
                return Err(dangling("model", &endpoint.model));
            }
            if !provider_by_slug.contains_key(&endpoint.provider) {
                return Err(dangling("provider", &endpoint.provider));
            }
        }
        endpoints.sort_by(|left, right| {
            (position.get(left.model.as_str()), &left.tag)
                .cmp(&(position.get(right.model.as_str()), &right.tag))
        });
        let mut model_endpoints = vec![0..0; models.len()];
        for (at, endpoint) in endpoints.iter().enumerate() {
            let at = at as u32;
            let Some(model) = position.get(endpoint.model.as_str()) else { continue };
            let range = &mut model_endpoints[*model as usize];
            if range.end > range.start && endpoints[range.end as usize - 1].tag == endpoint.tag {
                return Err(CatalogError::Duplicate {
                    what: "endpoint",
                    name: format!("{} at {}", endpoint.model, endpoint.tag),
                });
            }
            *range = if range.end > range.start { range.start..at + 1 } else { at..at + 1 };
        }
        let mut families: HashMap<String, Vec<ModelId>> = HashMap::new();
        for (at, model) in models.iter().enumerate().filter(|(_, model)| model.is_visible()) {
            if let Some(family) = model.family_name() {
                families.entry(family.into_owned()).or_default().push(ModelId(at as u32));
            }
        }
        for members in families.values_mut() {
            members.sort_by_key(|id| {
                let model = &models[id.0 as usize];
                std::cmp::Reverse((model.created, &model.id))
            });
        }
        let endpoint_provider = endpoints
            .iter()
            .filter_map(|endpoint| provider_by_slug.get(&endpoint.provider).copied())
            .collect();
        Ok(Self {
            models,
            endpoints,
            providers,
            endpoint_provider,
            model_endpoints,
            by_name,
            families,
            provider_by_slug,
            listed: Vec::new(),
        })
    }

    /// With providers that are known, but not routed to. MODELS-14
    #[must_use]
    pub fn with_listed(mut self, listed: Vec<ListedProvider>) -> Self {
        self.listed = listed;
        self
    }

    /// Providers that are known, but not routed to.
    pub fn listed(&self) -> &[ListedProvider] {
        &self.listed
    }

    /// Finds a model by id, permanent name or alias (no variants, no `~`).
    pub fn find(&self, name: &str) -> Option<ModelId> {
        self.by_name.get(name).copied()
    }

    /// Finds a model by the name its author calls it at its own API, with or without a date
    /// (`claude-sonnet-4-5-20250929`), so that clients made for that API need no other names.
    /// CLIENT-1
    pub fn find_native(&self, name: &str) -> Option<ModelId> {
        let undated = name
            .rsplit_once('-')
            .filter(|(_, date)| date.len() == 8 && date.bytes().all(|byte| byte.is_ascii_digit()))
            .map_or(name, |(undated, _)| undated);
        let found = |wanted: &str| {
            self.endpoints().find_map(|(id, endpoint)| {
                if endpoint.upstream_model != wanted {
                    return None;
                }
                let model = self.find(&endpoint.model)?;
                // `google-ai-studio` is where Google serves its own.
                let own = self.provider_of(id).slug.starts_with(self.model(model).author());
                (own && self.model(model).is_visible()).then_some(model)
            })
        };
        found(name).or_else(|| (undated != name).then(|| found(undated))?)
    }

    /// The visible models of a family, the newest first; of two of the same age the one whose id
    /// sorts last, which is the higher version. The name has its author: `anthropic/claude-opus`.
    /// LATEST-1
    pub fn family(&self, name: &str) -> &[ModelId] {
        self.families.get(name).map(Vec::as_slice).unwrap_or_default()
    }

    /// A model.
    pub fn model(&self, id: ModelId) -> &Model {
        &self.models[id.0 as usize]
    }

    /// An endpoint.
    pub fn endpoint(&self, id: EndpointId) -> &Endpoint {
        &self.endpoints[id.0 as usize]
    }

    /// A provider.
    pub fn provider(&self, id: ProviderId) -> &Provider {
        &self.providers[id.0 as usize]
    }

    /// The provider of an endpoint.
    pub fn provider_of(&self, id: EndpointId) -> &Provider {
        self.provider(self.provider_id_of(id))
    }

    /// The protocol an endpoint speaks: its provider's, or that of the model's author there.
    pub fn dialect_of(&self, id: EndpointId) -> Dialect {
        self.provider_of(id).dialect_for(author(&self.endpoint(id).model))
    }

    /// The protocol in which an endpoint is best spoken to for a caller who speaks `spoken`: that of
    /// Responses where the provider offers it and either the caller or the model asks for it.
    pub fn dialect_toward(&self, id: EndpointId, spoken: Dialect) -> Dialect {
        let own = self.dialect_of(id);
        let offered = own == Dialect::OpenaiChat && self.provider_of(id).responses;
        let wanted =
            spoken == Dialect::OpenaiResponses || self.endpoint(id).abilities.responses_only;
        if offered && wanted { Dialect::OpenaiResponses } else { own }
    }

    /// An endpoint's deviations from the protocol it speaks.
    pub fn quirks_of(&self, id: EndpointId) -> &Quirks {
        self.provider_of(id).quirks_for(author(&self.endpoint(id).model))
    }

    /// The provider of an endpoint, by position.
    pub fn provider_id_of(&self, id: EndpointId) -> ProviderId {
        self.endpoint_provider[id.0 as usize]
    }

    /// The data policy of an endpoint: its own, else its provider's. PRIV-1
    pub fn data_policy(&self, id: EndpointId) -> &DataPolicy {
        self.endpoint(id).data_policy.as_ref().unwrap_or(&self.provider_of(id).data_policy)
    }

    /// Whether an endpoint of a model is eligible where nothing may be retained. Video never is.
    /// MODELS-15, PRIV-4, PRIV-5
    pub fn retains_nothing(&self, id: EndpointId, model: ModelId) -> bool {
        self.data_policy(id).zero_retention && self.model(model).kind != ModelKind::Video
    }

    /// The endpoints of a model.
    pub fn endpoints_of(&self, id: ModelId) -> impl ExactSizeIterator<Item = EndpointId> + use<> {
        self.model_endpoints[id.0 as usize].clone().map(EndpointId)
    }

    /// Finds a provider.
    pub fn find_provider(&self, slug: &str) -> Option<ProviderId> {
        self.provider_by_slug.get(slug).copied()
    }

    /// All models.
    pub fn models(&self) -> impl ExactSizeIterator<Item = (ModelId, &Model)> {
        self.models.iter().enumerate().map(|(at, model)| (ModelId(at as u32), model))
    }

    /// All endpoints.
    pub fn endpoints(&self) -> impl ExactSizeIterator<Item = (EndpointId, &Endpoint)> {
        self.endpoints.iter().enumerate().map(|(at, endpoint)| (EndpointId(at as u32), endpoint))
    }

    /// All providers.
    pub fn providers(&self) -> impl ExactSizeIterator<Item = (ProviderId, &Provider)> {
        self.providers.iter().enumerate().map(|(at, provider)| (ProviderId(at as u32), provider))
    }

    /// The parts, to build another catalogue from.
    pub fn into_parts(self) -> (Vec<Model>, Vec<Endpoint>, Vec<Provider>) {
        (self.models, self.endpoints, self.providers)
    }
}

/// The author of a model, by its id.
pub(crate) fn author(model: &str) -> &str {
    model.split('/').next().unwrap_or_default()
}
