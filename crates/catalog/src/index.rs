//! The catalogue: everything that exists, indexed, immutable.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use protocol::Dialect;
use protocol::target::Quirks;

use crate::endpoint::{Endpoint, ServiceTier};
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
    endpoint_model: Vec<ModelId>,
    model_endpoints: Vec<std::ops::Range<u32>>,
    /// Looked into several times for each request.
    by_name: HashMap<String, ModelId, RandomState>,
    families: HashMap<String, Vec<ModelId>>,
    provider_by_slug: HashMap<String, ProviderId>,
    /// Visible models by the names that their authors' own providers have for them.
    native: HashMap<String, ModelId>,
    /// The same without dates and words for the newest; `None` where several models are meant.
    native_stems: HashMap<String, Option<ModelId>>,
    /// For each provider, the ordinary endpoint of each of its own names.
    by_upstream_name: Vec<HashMap<String, EndpointId>>,
    listed: Vec<ListedProvider>,
}

impl Catalog {
    /// Builds the index. Endpoints are sorted by model and tag.
    pub fn new(
        models: Vec<Model>,
        mut endpoints: Vec<Endpoint>,
        providers: Vec<Provider>,
    ) -> Result<Self, CatalogError> {
        let mut by_name =
            HashMap::with_capacity_and_hasher(models.len() * 2, RandomState::default());
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
            if !position.contains_key(endpoint.model.as_str()) {
                return Err(dangling(endpoint, "model", &endpoint.model));
            }
            if !provider_by_slug.contains_key(&endpoint.provider) {
                return Err(dangling(endpoint, "provider", &endpoint.provider));
            }
        }
        endpoints.sort_by(|left, right| {
            (position.get(left.model.as_str()), &left.tag)
                .cmp(&(position.get(right.model.as_str()), &right.tag))
        });
        let mut model_endpoints = vec![0..0; models.len()];
        let mut endpoint_model = Vec::with_capacity(endpoints.len());
        for (at, endpoint) in endpoints.iter().enumerate() {
            let at = at as u32;
            let Some(model) = position.get(endpoint.model.as_str()) else {
                return Err(dangling(endpoint, "model", &endpoint.model));
            };
            endpoint_model.push(ModelId(*model));
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
        let endpoint_provider: Vec<ProviderId> = endpoints
            .iter()
            .filter_map(|endpoint| provider_by_slug.get(&endpoint.provider).copied())
            .collect();
        // Asked for with each request: a walk over all endpoints would be paid each time.
        let mut native = HashMap::new();
        let mut native_stems: HashMap<String, Option<ModelId>> = HashMap::new();
        let mut by_upstream_name: Vec<HashMap<String, EndpointId>> =
            vec![HashMap::new(); providers.len()];
        for (at, (endpoint, provider)) in endpoints.iter().zip(&endpoint_provider).enumerate() {
            let name = || endpoint.upstream_model.clone();
            by_upstream_name[provider.0 as usize]
                .entry(name())
                .and_modify(|chosen| {
                    if peculiarity(endpoint) < peculiarity(&endpoints[chosen.0 as usize]) {
                        *chosen = EndpointId(at as u32);
                    }
                })
                .or_insert(EndpointId(at as u32));
            let Some(model) = position.get(endpoint.model.as_str()).copied() else { continue };
            // `google-ai-studio` is where Google serves its own.
            let own = endpoint.provider.starts_with(models[model as usize].author());
            if own && models[model as usize].is_visible() {
                native.entry(name()).or_insert(ModelId(model));
                native_stems
                    .entry(stem(&endpoint.upstream_model).to_owned())
                    .and_modify(|known| *known = known.filter(|known| known.0 == model))
                    .or_insert(Some(ModelId(model)));
            }
        }
        Ok(Self {
            models,
            endpoints,
            providers,
            endpoint_provider,
            endpoint_model,
            model_endpoints,
            by_name,
            families,
            provider_by_slug,
            native,
            native_stems,
            by_upstream_name,
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
    /// (`claude-sonnet-4-5-20250929`), so that clients made for that API need no other names. The
    /// author may stand before it: `anthropic/claude-sonnet-4-5`. CLIENT-1
    pub fn find_native(&self, name: &str) -> Option<ModelId> {
        self.native_name(name).or_else(|| {
            let (author, own) = name.split_once('/')?;
            self.native_name(own).filter(|id| self.model(*id).author() == author)
        })
    }

    fn native_name(&self, name: &str) -> Option<ModelId> {
        let exact = self.native.get(name).or_else(|| self.native.get(undated(name)));
        exact.copied().or_else(|| self.native_stems.get(stem(name)).copied().flatten())
    }

    /// The endpoint of a model at a provider, by the provider's name of it or by its id here. Of
    /// several with one name the ordinary one: what is not asked for as free or in another tier
    /// is not.
    pub fn endpoint_at(&self, provider: ProviderId, name: &str) -> Option<EndpointId> {
        let named = self.by_upstream_name.get(provider.0 as usize)?.get(name).copied();
        named.or_else(|| {
            let model = self.find(name).filter(|model| self.model(*model).id == name)?;
            self.endpoints_of(model)
                .filter(|id| self.provider_id_of(*id) == provider)
                .min_by_key(|id| peculiarity(self.endpoint(*id)))
        })
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
    /// `reasoned_tools`: the request offers tools, and the model reasons about it.
    pub fn dialect_toward(&self, id: EndpointId, spoken: Dialect, reasoned_tools: bool) -> Dialect {
        let own = self.dialect_of(id);
        let offered = own == Dialect::OpenaiChat && self.provider_of(id).responses;
        let abilities = &self.endpoint(id).abilities;
        let wanted = (spoken == Dialect::OpenaiResponses && !abilities.chat_only)
            || abilities.responses_only
            || (abilities.tools_in_responses && reasoned_tools);
        if offered && wanted { Dialect::OpenaiResponses } else { own }
    }

    /// An endpoint's deviations from the protocol it speaks.
    pub fn quirks_of(&self, id: EndpointId) -> &Quirks {
        self.provider_of(id).quirks_for(author(&self.endpoint(id).model))
    }

    /// The model of an endpoint, by position.
    pub fn model_id_of(&self, id: EndpointId) -> ModelId {
        self.endpoint_model[id.0 as usize]
    }

    /// The model of an endpoint.
    pub fn model_of(&self, id: EndpointId) -> &Model {
        self.model(self.model_id_of(id))
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

/// A name without the date of a snapshot.
pub(crate) fn undated(name: &str) -> &str {
    name.rsplit_once('-')
        .filter(|(_, date)| date.len() == 8 && date.bytes().all(|byte| byte.is_ascii_digit()))
        .map_or(name, |(undated, _)| undated)
}

/// A name without what tells a snapshot apart: its date, `-latest`, or the `-0` of Anthropic's first
/// one of a version.
pub(crate) fn stem(name: &str) -> &str {
    let undated = undated(name);
    let plain = undated.strip_suffix("-latest").unwrap_or(undated);
    plain.strip_suffix("-0").unwrap_or(plain)
}

/// The author of a model, by its id.
pub(crate) fn author(model: &str) -> &str {
    let bytes = model.as_bytes();
    // Authors' names are short, and asked for many times: looking at each byte is quickest.
    &model[..bytes.iter().position(|&byte| byte == b'/').unwrap_or(bytes.len())]
}

fn dangling(endpoint: &Endpoint, what: &'static str, name: &str) -> CatalogError {
    CatalogError::Dangling {
        endpoint: format!("{} at {}", endpoint.model, endpoint.tag),
        what,
        name: name.to_owned(),
    }
}

/// How far an endpoint is from what is meant by its name alone: free, in another tier, unpriced.
fn peculiarity(endpoint: &Endpoint) -> (bool, bool, bool) {
    let is_other_tier = endpoint.service_tier != ServiceTier::Default;
    (endpoint.model.ends_with(":free"), is_other_tier, endpoint.price.base.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_s_model_is_the_one_it_names() {
        let catalog = Catalog::embedded().unwrap();
        for (id, endpoint) in catalog.endpoints() {
            assert_eq!(catalog.model_of(id).id, endpoint.model);
        }
    }
    use crate::facts::Facts;
    use crate::overlay::compose;
    use crate::parts::CatalogParts;
    use crate::price::PriceList;

    fn embedded() -> Catalog {
        compose(CatalogParts::embedded().unwrap(), &[], &Facts::shipped().unwrap()).unwrap()
    }

    /// The rules in words, whatever they cost.
    fn walked_native(catalog: &Catalog, wanted: &str) -> Option<ModelId> {
        catalog.endpoints().find_map(|(id, endpoint)| {
            let model = catalog.find(&endpoint.model)?;
            let own = catalog.provider_of(id).slug.starts_with(catalog.model(model).author());
            let found = own && catalog.model(model).is_visible();
            (found && endpoint.upstream_model == wanted).then_some(model)
        })
    }

    fn walked(catalog: &Catalog, provider: ProviderId, name: &str) -> Option<EndpointId> {
        let find = |is_it: &dyn Fn(&Endpoint) -> bool| {
            let slug = &catalog.provider(provider).slug;
            catalog
                .endpoints()
                .filter(|(_, endpoint)| endpoint.provider == *slug && is_it(endpoint))
                .min_by_key(|(_, endpoint)| peculiarity(endpoint))
                .map(|(id, _)| id)
        };
        find(&|endpoint| endpoint.upstream_model == name).or_else(|| find(&|it| it.model == name))
    }

    /// CLIENT-1
    #[test]
    fn names_are_found_as_a_walk_over_all_endpoints_finds_them() {
        let catalog = embedded();
        assert!(catalog.endpoints().len() > 100);
        for (id, endpoint) in catalog.endpoints().step_by(5) {
            let name = endpoint.upstream_model.as_str();
            let native = walked_native(&catalog, name);
            if native.is_some() {
                assert_eq!(catalog.find_native(name), native, "{name}");
                let dated = format!("{name}-20990101");
                assert_eq!(catalog.find_native(&dated), native, "{dated}");
                assert_eq!(catalog.find_native(&format!("{name}-2099010")), None);
            }
            let provider = catalog.provider_id_of(id);
            for name in [name, endpoint.model.as_str(), "nobody-s"] {
                let found = catalog.endpoint_at(provider, name);
                assert_eq!(found, walked(&catalog, provider, name), "{name}");
            }
        }
        let at_elsewhere = catalog.endpoint_at(ProviderId(u32::MAX), "gpt-4o");
        assert_eq!(at_elsewhere, None);
        assert_eq!(Catalog::default().find_native("gpt-4o"), None);
    }

    /// CLIENT-1
    #[test]
    fn an_author_s_own_names_are_found_with_the_author_before_them_and_whatever_the_snapshot() {
        let catalog = Catalog::embedded().unwrap();
        for (name, model) in [
            ("anthropic/claude-sonnet-4-5-20250929", "anthropic/claude-sonnet-4.5"),
            ("anthropic/claude-sonnet-4-5", "anthropic/claude-sonnet-4.5"),
            ("anthropic/claude-haiku-4-5", "anthropic/claude-haiku-4.5"),
            ("anthropic/claude-sonnet-4-20250514", "anthropic/claude-sonnet-4"),
            ("claude-sonnet-4-20250514", "anthropic/claude-sonnet-4"),
            ("claude-opus-4-1-20250805", "anthropic/claude-opus-4.1"),
            ("claude-3-7-sonnet-20250219", "anthropic/claude-3.7-sonnet"),
            ("claude-3-5-sonnet-20241022", "anthropic/claude-3.5-sonnet"),
            ("claude-3-5-sonnet-latest", "anthropic/claude-3.5-sonnet"),
            ("claude-3-haiku-20240307", "anthropic/claude-3-haiku"),
            ("gemini-2.5-flash", "google/gemini-2.5-flash"),
        ] {
            let found = catalog.find_native(name).map(|id| catalog.model(id).id.as_str());
            assert_eq!(found, Some(model), "{name}");
        }
        assert_eq!(catalog.find_native("openai/claude-sonnet-4-5"), None, "somebody else's");
        assert_eq!(catalog.find_native("anthropic/claude-sonnet-4-6-5"), None);
    }

    #[test]
    fn of_several_offers_with_one_name_the_ordinary_one_is_found() {
        let (models, mut endpoints, providers) = embedded().into_parts();
        let mut ordinary = endpoints
            .iter()
            .find(|it| {
                it.service_tier == ServiceTier::Default
                    && !it.price.base.is_empty()
                    && !it.model.ends_with(":free")
            })
            .unwrap()
            .clone();
        "one-name".clone_into(&mut ordinary.upstream_model);
        "zz".clone_into(&mut ordinary.tag);
        let unpriced =
            Endpoint { tag: "za".into(), price: PriceList::default(), ..ordinary.clone() };
        let flex =
            Endpoint { tag: "zb".into(), service_tier: ServiceTier::Flex, ..ordinary.clone() };
        let slug = ordinary.provider.clone();
        endpoints.extend([unpriced, flex, ordinary]);
        let catalog = Catalog::new(models, endpoints, providers).unwrap();
        let provider = catalog.find_provider(&slug).unwrap();
        let found = catalog.endpoint_at(provider, "one-name").unwrap();
        assert_eq!(catalog.endpoint(found).tag, "zz");
    }
}
