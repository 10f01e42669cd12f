//! Laying documents over a catalogue.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use protocol::Dialect;
use protocol::target::{Abilities, ReasoningStyle};

use super::document::{
    EndpointChange, ModelChange, Overlay, PolicyChange, PriceChange, ProviderChange, per_million,
};
use super::error::OverlayError;
use super::{reasoning, request};
use crate::build::{accepted, conventional_name, inherit, reasoning_support, usual_parameters};
use crate::describe::describe;
use crate::endpoint::{Endpoint, EndpointStatus, Quantization, ServiceTier};
use crate::facts::{AbilityScope, Facts};
use crate::index::{Catalog, author};
use crate::modality::{Modalities, Modality};
use crate::model::{Architecture, Model, ModelKind};
use crate::parts::CatalogParts;
use crate::price::{Meter, PriceList};
use crate::price_object::PriceObject;
use crate::provider::{AuthStyle, DataPolicy, PathStyle, Provider};
use crate::{Parameter, Parameters};

/// Lays documents over the parts of a catalogue, in order.
pub fn apply(
    parts: CatalogParts,
    overlays: &[Overlay],
    facts: &Facts,
) -> Result<CatalogParts, OverlayError> {
    let mut work = Work::new(parts, facts);
    for overlay in overlays {
        for change in &overlay.providers {
            work.provider(change)?;
        }
        for change in &overlay.models {
            work.model(change)?;
        }
        for change in &overlay.endpoints {
            work.endpoint(change)?;
        }
        for change in &overlay.prices {
            work.price(change)?;
        }
        work.disable(overlay)?;
    }
    Ok(work.finish())
}

/// Lays documents over the parts of a catalogue and indexes the result.
pub fn compose(
    parts: CatalogParts,
    overlays: &[Overlay],
    facts: &Facts,
) -> Result<Catalog, OverlayError> {
    Ok(apply(parts, overlays, facts)?.into_catalog()?)
}

/// The last second of the year 9999, in seconds since 1970.
const LATEST_MOMENT: i64 = 253_402_300_799;

struct Work<'a> {
    parts: CatalogParts,
    facts: &'a Facts,
    provider_at: HashMap<String, usize>,
    model_at: HashMap<String, usize>,
    endpoint_at: HashMap<(String, String), usize>,
    /// Models whose endpoints have changed.
    touched: BTreeSet<String>,
}

fn wrong(entry: String, field: &'static str, fix: impl Into<String>) -> OverlayError {
    OverlayError::Field { entry, field, fix: fix.into() }
}

impl<'a> Work<'a> {
    fn new(parts: CatalogParts, facts: &'a Facts) -> Self {
        let positions = |names: Vec<&String>| {
            names.into_iter().enumerate().map(|(at, name)| (name.clone(), at)).collect()
        };
        Self {
            provider_at: positions(parts.providers.iter().map(|entry| &entry.slug).collect()),
            model_at: positions(parts.models.iter().map(|entry| &entry.id).collect()),
            endpoint_at: parts
                .endpoints
                .iter()
                .enumerate()
                .map(|(at, entry)| ((entry.model.clone(), entry.tag.clone()), at))
                .collect(),
            touched: BTreeSet::new(),
            parts,
            facts,
        }
    }

    fn finish(mut self) -> CatalogParts {
        // Grouped by model, so that each model looks only at its own endpoints.
        let mut of_model: BTreeMap<&str, Vec<Endpoint>> = BTreeMap::new();
        for endpoint in &self.parts.endpoints {
            if self.touched.contains(&endpoint.model) {
                of_model.entry(&endpoint.model).or_default().push(endpoint.clone());
            }
        }
        for (name, endpoints) in of_model {
            let Some(model) = self.model_at.get(name).and_then(|at| self.parts.models.get_mut(*at))
            else {
                continue;
            };
            let generated = model.description.is_empty() || model.description == describe(model);
            inherit(std::slice::from_mut(model), &endpoints);
            if model.reasoning.is_none() {
                model.reasoning = endpoints
                    .iter()
                    .find(|endpoint| endpoint.abilities.reasoning != Default::default())
                    .map(|endpoint| reasoning_support(&endpoint.abilities, false));
            }
            if generated {
                model.description = describe(model);
            }
        }
        self.parts.sort();
        self.parts
    }

    fn provider(&mut self, change: &ProviderChange) -> Result<(), OverlayError> {
        let entry = || format!("provider `{}`", change.slug);
        let name_is_fine = |slug: &str| {
            !slug.is_empty()
                && slug.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        };
        if !name_is_fine(&change.slug) {
            return Err(wrong(entry(), "slug", "use letters, digits, `-`, `_` and `.` only"));
        }
        let refused = |(field, fix): request::Wrong| wrong(entry(), field, fix);
        if let Some(url) = &change.base_url {
            request::check_base_url(url).map_err(refused)?;
        }
        let at = match self.provider_at.get(&change.slug) {
            Some(at) => *at,
            None => {
                if change.base_url.is_none() {
                    return Err(wrong(
                        entry(),
                        "base_url",
                        "the provider is new: say where it is, e.g. \"https://host/v1\"",
                    ));
                }
                let dialect = change.dialect.unwrap_or(Dialect::OpenaiChat);
                self.parts.providers.push(Provider {
                    slug: change.slug.clone(),
                    name: change.slug.clone(),
                    dialect,
                    author_dialects: BTreeMap::new(),
                    base_url: String::new(),
                    path_style: PathStyle::Protocol,
                    base_url_values: BTreeMap::new(),
                    auth: match dialect {
                        Dialect::OpenaiChat
                        | Dialect::OpenaiResponses
                        | Dialect::Cohere
                        | Dialect::Bedrock => AuthStyle::Bearer,
                        Dialect::Ollama => AuthStyle::None,
                        Dialect::Anthropic => AuthStyle::XApiKey,
                        Dialect::Gemini => AuthStyle::XGoogApiKey,
                    },
                    environment_variables: vec![conventional_name(&change.slug)],
                    headers: Vec::new(),
                    quirks: self.facts.providers.of(&change.slug).quirks.clone(),
                    responses: false,
                    embeddings: None,
                    rerank: None,
                    cancel_stops_billing: false,
                    data_policy: DataPolicy::default(),
                    models_path: "/models".to_owned(),
                    headquarters: None,
                    datacenters: None,
                    privacy_policy_url: None,
                    terms_of_service_url: None,
                    status_page_url: None,
                });
                self.parts.listed.retain(|listed| listed.slug != change.slug);
                self.provider_at.insert(change.slug.clone(), self.parts.providers.len() - 1);
                self.parts.providers.len() - 1
            }
        };
        let Some(provider) = self.parts.providers.get_mut(at) else { return Ok(()) };
        set(&mut provider.name, &change.name);
        set(&mut provider.dialect, &change.dialect);
        if let Some(url) = &change.base_url {
            provider.base_url = url.trim_end_matches('/').to_owned();
        }
        set(&mut provider.author_dialects, &change.author_dialects);
        set(&mut provider.path_style, &change.path_style);
        set(&mut provider.auth, &change.auth);
        set(&mut provider.environment_variables, &change.environment_variables);
        if let Some(headers) = &change.headers {
            provider.headers =
                headers.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        }
        request::check_headers(provider).map_err(refused)?;
        set(&mut provider.quirks, &change.quirks);
        set(&mut provider.responses, &change.responses);
        set_optional(&mut provider.embeddings, &change.embeddings);
        set_optional(&mut provider.rerank, &change.rerank);
        set(&mut provider.cancel_stops_billing, &change.cancel_stops_billing);
        if let Some(policy) = &change.data_policy {
            provider.data_policy = data_policy(policy, &entry())?;
        }
        set(&mut provider.models_path, &change.models_path);
        set_optional(&mut provider.headquarters, &change.headquarters);
        set_optional(&mut provider.datacenters, &change.datacenters);
        Ok(())
    }

    fn model(&mut self, change: &ModelChange) -> Result<(), OverlayError> {
        let entry = || format!("model `{}`", change.id);
        let fine = change.id.split_once('/').is_some_and(|(author, name)| {
            !author.is_empty() && !name.is_empty() && !author.starts_with('~')
        });
        if !fine || change.id.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err(wrong(entry(), "id", "write `author/name`, without spaces"));
        }
        let at = match self.model_at.get(&change.id) {
            Some(at) => *at,
            None => {
                let name = change.id.split_once('/').map_or(change.id.as_str(), |(_, name)| name);
                self.parts.models.push(Model {
                    id: change.id.clone(),
                    canonical_slug: change.id.clone(),
                    name: name.to_owned(),
                    kind: change.kind.unwrap_or_default(),
                    created: 0,
                    description: String::new(),
                    context_length: None,
                    architecture: Architecture {
                        input_modalities: Modalities::TEXT,
                        output_modalities: Modalities::TEXT,
                        tokenizer: None,
                        instruct_type: None,
                    },
                    supported_parameters: Parameters::NONE,
                    reasoning: None,
                    knowledge_cutoff: None,
                    expiration_date: None,
                    hugging_face_id: None,
                    aliases: Vec::new(),
                    family: self.facts.families.family_of(&change.id).map(str::to_owned),
                    distillable: false,
                    hidden: false,
                    retired: false,
                });
                self.model_at.insert(change.id.clone(), self.parts.models.len() - 1);
                self.parts.models.len() - 1
            }
        };
        let Some(model) = self.parts.models.get_mut(at) else { return Ok(()) };
        set(&mut model.name, &change.name);
        set(&mut model.kind, &change.kind);
        if change.created.is_some_and(|created| !(0..=LATEST_MOMENT).contains(&created)) {
            return Err(wrong(entry(), "created", "write seconds since 1970"));
        }
        set(&mut model.created, &change.created);
        set_optional(&mut model.context_length, &change.context_length);
        if let Some(list) = &change.input_modalities {
            model.architecture.input_modalities = modalities(list, &entry(), "input_modalities")?;
        }
        if let Some(list) = &change.output_modalities {
            model.architecture.output_modalities = modalities(list, &entry(), "output_modalities")?;
            if change.kind.is_none() && model.kind == ModelKind::Chat {
                model.kind = kind_by_output(model.architecture.output_modalities);
            }
        }
        set_optional(&mut model.reasoning, &change.reasoning);
        set_optional(&mut model.knowledge_cutoff, &change.knowledge_cutoff);
        set(&mut model.aliases, &change.aliases);
        set_optional(&mut model.family, &change.family);
        set(&mut model.distillable, &change.distillable);
        if let Some(hidden) = change.hidden {
            model.hidden = hidden;
            // Who shows a retired model again has somewhere to run it.
            model.retired &= hidden;
        }
        match &change.description {
            Some(text) => model.description.clone_from(text),
            None if model.description.is_empty() => model.description = describe(model),
            None => {}
        }
        Ok(())
    }

    fn endpoint(&mut self, change: &EndpointChange) -> Result<(), OverlayError> {
        let tag = change.tag.clone().unwrap_or_else(|| change.provider.clone());
        let entry = || format!("endpoint `{tag}` of `{}`", change.model);
        if tag != change.provider && !tag.starts_with(&format!("{}/", change.provider)) {
            let fix = format!("write `{0}` or `{0}/…`", change.provider);
            return Err(wrong(entry(), "tag", fix));
        }
        let key = (change.model.clone(), tag.clone());
        let at = match self.endpoint_at.get(&key) {
            Some(at) => *at,
            None => {
                let new = self.new_endpoint(change, &tag, &entry())?;
                self.parts.endpoints.push(new);
                self.endpoint_at.insert(key, self.parts.endpoints.len() - 1);
                self.parts.endpoints.len() - 1
            }
        };
        let (dialect, usual_style) = self
            .provider_at
            .get(&change.provider)
            .and_then(|at| self.parts.providers.get(*at))
            .map_or((Dialect::OpenaiChat, ReasoningStyle::Effort), |provider| {
                let author = author(&change.model);
                let dialect = provider.dialect_for(author);
                (dialect, reasoning::usual(dialect, provider.quirks_for(author)))
            });
        let Some(endpoint) = self.parts.endpoints.get_mut(at) else { return Ok(()) };
        set(&mut endpoint.upstream_model, &change.upstream_model);
        let per_unit = change.price.as_ref();
        if let Some(price) = price(per_unit, change.price_per_million.as_ref(), &entry())? {
            endpoint.price = price;
        }
        set_optional(&mut endpoint.context_length, &change.context_length);
        if change.max_completion_tokens.is_some() {
            endpoint.max_completion_tokens = change.max_completion_tokens;
            endpoint.abilities.max_output_tokens = change.max_completion_tokens;
        }
        set_optional(&mut endpoint.max_prompt_tokens, &change.max_prompt_tokens);
        set(&mut endpoint.quantization, &change.quantization);
        if let Some(names) = &change.supported_parameters {
            endpoint.supported_parameters = parameters(names, &entry())?;
            from_parameters(endpoint.supported_parameters, &mut endpoint.abilities);
            if reasoning::is_named(endpoint.supported_parameters) {
                reasoning::assume(usual_style, &mut endpoint.abilities);
            }
            let scope = AbilityScope { model: &change.model, provider: &change.provider, dialect };
            self.facts.abilities.apply(scope, &mut endpoint.abilities);
        }
        if let Some(list) = &change.input_modalities {
            endpoint.input_modalities = modalities(list, &entry(), "input_modalities")?;
        }
        if let Some(list) = &change.output_modalities {
            endpoint.output_modalities = modalities(list, &entry(), "output_modalities")?;
        }
        set(&mut endpoint.status, &change.status);
        set(&mut endpoint.service_tier, &change.service_tier);
        set_optional(&mut endpoint.region, &change.region);
        set(&mut endpoint.supports_implicit_caching, &change.supports_implicit_caching);
        if let Some(policy) = &change.data_policy {
            endpoint.data_policy = Some(data_policy(policy, &entry())?);
        }
        if let Some(abilities) = &change.abilities {
            abilities.apply(&mut endpoint.abilities);
        }
        endpoint.supported_parameters =
            accepted(endpoint.supported_parameters, &endpoint.abilities);
        self.touched.insert(change.model.clone());
        Ok(())
    }

    fn new_endpoint(
        &self,
        change: &EndpointChange,
        tag: &str,
        entry: &str,
    ) -> Result<Endpoint, OverlayError> {
        let model =
            self.model_at.get(&change.model).and_then(|at| self.parts.models.get(*at)).ok_or_else(
                || wrong(entry.to_owned(), "model", "there is no such model: add it to `models`"),
            )?;
        let provider = self
            .provider_at
            .get(&change.provider)
            .and_then(|at| self.parts.providers.get(*at))
            .ok_or_else(|| {
                wrong(
                    entry.to_owned(),
                    "provider",
                    "there is no such provider: add it to `providers`",
                )
            })?;
        let upstream_model = change.upstream_model.clone().ok_or_else(|| {
            wrong(
                entry.to_owned(),
                "upstream_model",
                "the endpoint is new: say what the provider calls the model",
            )
        })?;
        let dialect = provider.dialect_for(author(&model.id));
        let scope = AbilityScope { model: &model.id, provider: &provider.slug, dialect };
        let rules = &self.facts.abilities;
        let supported_parameters =
            usual_parameters().or(rules.taken(scope)).without(rules.refused(scope));
        let mut abilities = Abilities::default();
        from_parameters(supported_parameters, &mut abilities);
        self.facts.abilities.apply(scope, &mut abilities);
        let tier = tag.rsplit('/').next().unwrap_or_default();
        Ok(Endpoint {
            model: model.id.clone(),
            provider: provider.slug.clone(),
            tag: tag.to_owned(),
            upstream_model,
            price: PriceList::default(),
            context_length: model.context_length,
            max_completion_tokens: None,
            max_prompt_tokens: None,
            quantization: Quantization::Unknown,
            supported_parameters,
            input_modalities: model.architecture.input_modalities,
            output_modalities: model.architecture.output_modalities,
            status: EndpointStatus::Active,
            service_tier: match tier {
                "flex" => ServiceTier::Flex,
                "priority" => ServiceTier::Priority,
                _ => ServiceTier::Default,
            },
            region: None,
            supports_implicit_caching: false,
            data_policy: None,
            abilities,
        })
    }

    fn price(&mut self, change: &PriceChange) -> Result<(), OverlayError> {
        let entry = || format!("price of `{}` of `{}`", change.tag, change.model);
        let per_unit = change.price.as_ref();
        let Some(price) = price(per_unit, change.price_per_million.as_ref(), &entry())? else {
            return Err(wrong(
                entry(),
                "price",
                "say what it costs, e.g. { prompt = \"0.000003\" }",
            ));
        };
        let endpoint = self.existing(&change.model, &change.tag, &entry())?;
        endpoint.price = price;
        Ok(())
    }

    fn existing(
        &mut self,
        model: &str,
        tag: &str,
        entry: &str,
    ) -> Result<&mut Endpoint, OverlayError> {
        let missing = || wrong(entry.to_owned(), "tag", "there is no such endpoint");
        let at = self.endpoint_at.get(&(model.to_owned(), tag.to_owned())).ok_or_else(missing)?;
        self.parts.endpoints.get_mut(*at).ok_or_else(missing)
    }

    fn disable(&mut self, overlay: &Overlay) -> Result<(), OverlayError> {
        for id in &overlay.disable.models {
            let model =
                self.model_at.get(id).and_then(|at| self.parts.models.get_mut(*at)).ok_or_else(
                    || wrong(format!("model `{id}`"), "disable", "there is no such model"),
                )?;
            model.hidden = true;
        }
        for slug in &overlay.disable.providers {
            if !self.provider_at.contains_key(slug) {
                let entry = format!("provider `{slug}`");
                return Err(wrong(entry, "disable", "there is no such provider"));
            }
            for endpoint in &mut self.parts.endpoints {
                if endpoint.provider == *slug {
                    endpoint.status = EndpointStatus::Disabled;
                    self.touched.insert(endpoint.model.clone());
                }
            }
        }
        for named in &overlay.disable.endpoints {
            let entry = format!("endpoint `{}` of `{}`", named.tag, named.model);
            let endpoint = self.existing(&named.model, &named.tag, &entry)?;
            endpoint.status = EndpointStatus::Disabled;
            self.touched.insert(named.model.clone());
        }
        Ok(())
    }
}

fn set<T: Clone>(field: &mut T, change: &Option<T>) {
    if let Some(value) = change {
        field.clone_from(value);
    }
}

fn set_optional<T: Clone>(field: &mut Option<T>, change: &Option<T>) {
    if change.is_some() {
        field.clone_from(change);
    }
}

/// What a model is used for that gives one thing alone, where a document does not say.
fn kind_by_output(given: Modalities) -> ModelKind {
    let only = |modality| given == Modalities::NONE.with(modality);
    if only(Modality::Embeddings) {
        ModelKind::Embedding
    } else if only(Modality::Rerank) {
        ModelKind::Rerank
    } else if only(Modality::Speech) {
        ModelKind::Speech
    } else if only(Modality::Transcription) {
        ModelKind::Transcription
    } else {
        ModelKind::Chat
    }
}

fn data_policy(change: &PolicyChange, entry: &str) -> Result<DataPolicy, OverlayError> {
    let zero = change.zero_retention;
    if zero && (change.trains == Some(true) || change.retains == Some(true)) {
        return Err(wrong(
            entry.to_owned(),
            "data_policy",
            "`zero_retention` excludes `trains` and `retains`: leave one of them out",
        ));
    }
    Ok(DataPolicy {
        trains: change.trains.unwrap_or(!zero),
        retains: change.retains.unwrap_or(!zero),
        retention_days: change.retention_days,
        zero_retention: zero,
        verified: true,
    })
}

fn modalities(
    list: &[Modality],
    entry: &str,
    field: &'static str,
) -> Result<Modalities, OverlayError> {
    if list.is_empty() {
        return Err(wrong(entry.to_owned(), field, "name at least one, e.g. \"text\""));
    }
    Ok(list.iter().copied().collect())
}

fn parameters(names: &[String], entry: &str) -> Result<Parameters, OverlayError> {
    names.iter().try_fold(Parameters::NONE, |set, name| {
        Parameter::from_name(name).map(|parameter| set.with(parameter)).ok_or_else(|| {
            let known = Parameter::ALL.iter().map(|known| known.name()).collect::<Vec<_>>();
            let fix = format!("`{name}` is not one of {}", known.join(", "));
            wrong(entry.to_owned(), "supported_parameters", fix)
        })
    })
}

fn from_parameters(parameters: Parameters, abilities: &mut Abilities) {
    abilities.tools = parameters.has(Parameter::Tools);
    abilities.structured_output = parameters.has(Parameter::StructuredOutputs);
    abilities.penalties = parameters.has(Parameter::FrequencyPenalty);
    abilities.logprobs = parameters.has(Parameter::Logprobs);
}

fn price(
    per_unit: Option<&PriceObject>,
    millions: Option<&BTreeMap<String, String>>,
    entry: &str,
) -> Result<Option<PriceList>, OverlayError> {
    match (per_unit, millions) {
        (None, None) => Ok(None),
        (Some(_), Some(_)) => Err(wrong(
            entry.to_owned(),
            "price_per_million",
            "`price` says it already: leave one of them out",
        )),
        (Some(price), None) => Ok(Some(price.0.clone())),
        (None, Some(millions)) => {
            let mut list = PriceList::default();
            for (name, text) in millions {
                let meter = Meter::from_name(name).ok_or_else(|| {
                    let known = Meter::ALL.map(Meter::name).join(", ");
                    let fix = format!("`{name}` is not one of {known}");
                    wrong(entry.to_owned(), "price_per_million", fix)
                })?;
                let price = per_million(text)
                    .map_err(|fix| wrong(entry.to_owned(), "price_per_million", fix))?;
                list.base.push((meter, price));
            }
            list.base.sort_by_key(|(meter, _)| *meter);
            Ok(Some(list))
        }
    }
}
