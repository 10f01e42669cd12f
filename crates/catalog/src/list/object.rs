//! The public objects. Their members and order are those of the published interface.

use std::collections::BTreeMap;

use protocol::exchange::Effort;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::availability::Availability;
use crate::endpoint::{Endpoint, EndpointStatus, Quantization, ServiceTier};
use crate::index::{Catalog, EndpointId, ModelId};
use crate::modality::Modalities;
use crate::model::{Architecture, Model};
use crate::parts::ListedProvider;
use crate::price::{Meter, PicoUsd, PriceList, PriceState};
use crate::price_object::PriceObject;
use crate::provider::Provider;
use crate::{Parameter, Parameters};

/// What stands for a price that is not known.
const UNKNOWN_PRICE: &str = "-1";

/// A model in a list. MODELS-5
#[derive(Clone, Debug, PartialEq, Serialize)]
#[expect(missing_docs, reason = "the members are those of the published object")]
pub struct ModelObject {
    pub id: String,
    pub canonical_slug: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hugging_face_id: Option<String>,
    pub name: String,
    pub created: i64,
    pub description: String,
    pub context_length: Option<u64>,
    pub architecture: ArchitectureObject,
    pub pricing: PricingObject,
    pub top_provider: TopProvider,
    /// Never limited per request: always null.
    pub per_request_limits: Option<()>,
    pub supported_parameters: Parameters,
    /// Not known: always null.
    pub default_parameters: Option<()>,
    /// Not known: always null.
    pub supported_voices: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning: Option<ReasoningObject>,
    pub knowledge_cutoff: Option<String>,
    pub expiration_date: Option<String>,
    pub links: ModelLinks,
    /// The model an alias stands for. LATEST-2
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alias_target: Option<AliasTarget>,
}

/// Modalities and tokenizer. MODELS-5
#[derive(Clone, Debug, PartialEq, Serialize)]
#[expect(missing_docs, reason = "the members are those of the published object")]
pub struct ArchitectureObject {
    pub modality: String,
    pub input_modalities: Modalities,
    pub output_modalities: Modalities,
    pub tokenizer: String,
    pub instruct_type: Option<String>,
}

/// Prices. `prompt` and `completion` are always there; "-1" stands for a price that is not known,
/// "0" for nothing. MODELS-6
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PricingObject(pub PriceList);

/// What the best endpoint offers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the members are those of the published object")]
pub struct TopProvider {
    pub context_length: Option<u64>,
    pub max_completion_tokens: Option<u64>,
    pub is_moderated: bool,
}

/// Where more is found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the members are those of the published object")]
pub struct ModelLinks {
    pub details: String,
}

/// The model an alias stands for. LATEST-2
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the members are those of the published object")]
pub struct AliasTarget {
    pub name: String,
    pub slug: String,
}

/// How a model reasons. REASON-14
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReasoningObject {
    /// Efforts in descending order; null: all; left out: no choice.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub supported_efforts: Option<Option<Vec<Effort>>>,
    /// `none`: off by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_effort: Option<Effort>,
    /// It reasons without a request.
    pub default_enabled: bool,
    /// It cannot be switched off.
    pub mandatory: bool,
    /// It takes a budget; left out if not.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub supports_max_tokens: bool,
}

/// The endpoints of a model. MODELS-10
#[derive(Clone, Debug, PartialEq, Serialize)]
#[expect(missing_docs, reason = "the members are those of the published object")]
pub struct ModelEndpointsObject {
    pub id: String,
    pub name: String,
    pub created: i64,
    pub description: String,
    pub architecture: ArchitectureObject,
    pub endpoints: Vec<EndpointObject>,
}

/// An endpoint in a list. MODELS-11
#[derive(Clone, Debug, PartialEq, Serialize)]
#[expect(missing_docs, reason = "the members are those of the published object")]
pub struct EndpointObject {
    pub name: String,
    pub model_id: String,
    pub model_name: String,
    pub context_length: u64,
    pub pricing: PricingObject,
    pub provider_name: String,
    pub tag: String,
    pub quantization: Quantization,
    pub max_completion_tokens: Option<u64>,
    pub max_prompt_tokens: Option<u64>,
    pub supported_parameters: Parameters,
    /// 0: healthy; −10: not offered.
    pub status: i32,
    pub uptime_last_5m: Option<f64>,
    pub uptime_last_30m: Option<f64>,
    pub uptime_last_1d: Option<f64>,
    pub supports_implicit_caching: bool,
    pub supports_voice_cloning: bool,
    /// Not in OpenRouter's published document, but its SDK for Python requires this and the three
    /// that follow.
    pub supports_tool_choice: ToolChoiceSupport,
    pub supports_diarization: bool,
    pub native_tools: BTreeMap<String, String>,
    /// `null` for the ordinary tier.
    pub service_tier: Option<ServiceTier>,
    pub latency_last_30m: Option<Percentiles>,
    pub throughput_last_30m: Option<Percentiles>,
}

/// Which values of `tool_choice` an endpoint takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the members are those of the published object")]
pub struct ToolChoiceSupport {
    pub auto: bool,
    pub none: bool,
    pub required: bool,
    pub function: bool,
}

impl ToolChoiceSupport {
    fn of(endpoint: &Endpoint) -> Self {
        let tools = endpoint.supported_parameters.has(Parameter::Tools);
        let choice = endpoint.supported_parameters.has(Parameter::ToolChoice);
        let forced = choice && endpoint.abilities.forced_tool_choice;
        Self { auto: tools, none: choice, required: forced, function: forced }
    }
}

/// What was measured of an endpoint. MODELS-12, MODELS-13
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct EndpointStats {
    /// Share of successes in the last five minutes, in percent.
    pub uptime_last_5m: Option<f64>,
    /// The same of half an hour.
    pub uptime_last_30m: Option<f64>,
    /// The same of a day.
    pub uptime_last_1d: Option<f64>,
    /// Milliseconds to the first token; for authenticated callers only.
    pub latency_last_30m: Option<Percentiles>,
    /// Output tokens per second; for authenticated callers only.
    pub throughput_last_30m: Option<Percentiles>,
}

/// Percentiles of a measurement. MODELS-13
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[expect(missing_docs, reason = "the members are those of the published object")]
pub struct Percentiles {
    pub p50: f64,
    pub p75: f64,
    pub p90: f64,
    pub p99: f64,
}

/// A provider in a list. MODELS-14
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the members are those of the published object")]
pub struct ProviderObject {
    pub name: String,
    pub slug: String,
    pub privacy_policy_url: Option<String>,
    pub terms_of_service_url: Option<String>,
    pub status_page_url: Option<String>,
    pub headquarters: Option<String>,
    pub datacenters: Option<Vec<String>>,
}

impl Serialize for PricingObject {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let list = &self.0;
        let mut map = serializer.serialize_map(None)?;
        let unknown = list.state() == PriceState::Unknown;
        for meter in [Meter::Prompt, Meter::Completion] {
            let text = match list.get(meter) {
                Some(price) => price.to_string(),
                None if unknown => UNKNOWN_PRICE.to_owned(),
                None => PicoUsd::ZERO.to_string(),
            };
            map.serialize_entry(meter.name(), &text)?;
        }
        for (meter, price) in &list.base {
            if !matches!(meter, Meter::Prompt | Meter::Completion) {
                map.serialize_entry(meter.name(), price)?;
            }
        }
        if !list.overrides.is_empty() {
            let conditional =
                PriceObject(PriceList { base: Vec::new(), overrides: list.overrides.clone() });
            let value = serde_json::to_value(&conditional).map_err(serde::ser::Error::custom)?;
            map.serialize_entry("overrides", &value["overrides"])?;
        }
        map.end()
    }
}

impl From<&Architecture> for ArchitectureObject {
    fn from(architecture: &Architecture) -> Self {
        Self {
            modality: architecture.modality(),
            input_modalities: architecture.input_modalities,
            output_modalities: architecture.output_modalities,
            tokenizer: architecture.tokenizer.clone().unwrap_or_else(|| "Other".to_owned()),
            instruct_type: architecture.instruct_type.clone(),
        }
    }
}

/// The endpoint by which a model is priced in lists: of those that can be used, at the default
/// tier, the cheapest (input and output together); one whose price is known before all others.
pub(super) fn top_endpoint(
    catalog: &Catalog,
    id: ModelId,
    available: &Availability,
) -> Option<EndpointId> {
    catalog.endpoints_of(id).filter(|id| available.has_endpoint(*id)).min_by_key(|id| {
        let endpoint = catalog.endpoint(*id);
        (
            endpoint.service_tier != ServiceTier::Default,
            endpoint.price.state() == PriceState::Unknown,
            endpoint.status == EndpointStatus::Deprecated,
            in_and_out(&endpoint.price),
        )
    })
}

/// Input and output price together; where tokens cost nothing but something else does, one unit of
/// that: a price per image or search is not free.
pub(super) fn in_and_out(price: &PriceList) -> i128 {
    let tokens = |meter| price.get(meter).map_or(0, |price| i128::from(price.0));
    match tokens(Meter::Prompt) + tokens(Meter::Completion) {
        0 => price.base.iter().map(|(_, price)| i128::from(price.0)).sum(),
        sum => sum,
    }
}

/// A model as it is listed; priced by its cheapest usable endpoint. MODELS-5
pub fn model_object(catalog: &Catalog, id: ModelId, available: &Availability) -> ModelObject {
    let model = catalog.model(id);
    let top = top_endpoint(catalog, id, available).map(|id| catalog.endpoint(id));
    ModelObject {
        id: model.id.clone(),
        canonical_slug: model.canonical_slug.clone(),
        hugging_face_id: model.hugging_face_id.clone(),
        name: model.name.clone(),
        created: model.created,
        description: model.description.clone(),
        context_length: model.context_length,
        architecture: (&model.architecture).into(),
        pricing: PricingObject(top.map(|top| top.price.clone()).unwrap_or_default()),
        top_provider: TopProvider {
            context_length: top.and_then(|top| top.context_length).or(model.context_length),
            max_completion_tokens: top.and_then(|top| top.max_completion_tokens),
            is_moderated: false,
        },
        per_request_limits: None,
        supported_parameters: model.supported_parameters,
        default_parameters: None,
        supported_voices: None,
        reasoning: reasoning(model),
        knowledge_cutoff: model.knowledge_cutoff.clone(),
        expiration_date: model.expiration_date.clone(),
        links: ModelLinks { details: format!("/api/v1/models/{}/endpoints", model.id) },
        alias_target: None,
    }
}

/// A `~author/family-latest` alias as it is listed: with price and limits of its target. LATEST-2
pub fn alias_object(
    catalog: &Catalog,
    alias: &str,
    target: ModelId,
    available: &Availability,
) -> ModelObject {
    let mut object = model_object(catalog, target, available);
    object.alias_target = Some(AliasTarget { name: object.name, slug: object.id });
    object.name = format!("{} (latest)", alias.trim_start_matches('~').trim_end_matches("-latest"));
    object.links.details = format!("/api/v1/models/{alias}/endpoints");
    object.canonical_slug = alias.to_owned();
    object.id = alias.to_owned();
    object
}

fn reasoning(model: &Model) -> Option<ReasoningObject> {
    let support = model.reasoning.as_ref()?;
    Some(ReasoningObject {
        supported_efforts: match &support.supported_efforts {
            None => Some(None),
            Some(efforts) if efforts.is_empty() => None,
            Some(efforts) => Some(Some(efforts.clone())),
        },
        default_effort: support.default_effort,
        default_enabled: support.default_enabled,
        mandatory: support.mandatory,
        supports_max_tokens: support.supports_max_tokens,
    })
}

/// An endpoint as it is listed. MODELS-11
pub fn endpoint_object(
    catalog: &Catalog,
    model: ModelId,
    id: EndpointId,
    stats: Option<EndpointStats>,
) -> EndpointObject {
    let model = catalog.model(model);
    let endpoint = catalog.endpoint(id);
    let provider = catalog.provider_of(id);
    let stats = stats.unwrap_or_default();
    EndpointObject {
        name: format!("{}: {}", provider.name, model.name),
        model_id: model.id.clone(),
        model_name: model.name.clone(),
        context_length: endpoint.context_length.or(model.context_length).unwrap_or_default(),
        pricing: PricingObject(endpoint.price.clone()),
        provider_name: provider.name.clone(),
        tag: endpoint.tag.clone(),
        quantization: endpoint.quantization,
        max_completion_tokens: endpoint.max_completion_tokens,
        max_prompt_tokens: endpoint.max_prompt_tokens,
        supported_parameters: endpoint.supported_parameters,
        status: if endpoint.status == EndpointStatus::Disabled { -10 } else { 0 },
        uptime_last_5m: stats.uptime_last_5m,
        uptime_last_30m: stats.uptime_last_30m,
        uptime_last_1d: stats.uptime_last_1d,
        supports_implicit_caching: endpoint.supports_implicit_caching,
        supports_voice_cloning: false,
        supports_tool_choice: ToolChoiceSupport::of(endpoint),
        supports_diarization: false,
        native_tools: BTreeMap::new(),
        service_tier: Some(endpoint.service_tier).filter(|tier| *tier != ServiceTier::Default),
        latency_last_30m: stats.latency_last_30m,
        throughput_last_30m: stats.throughput_last_30m,
    }
}

/// A model with its endpoints that `shown` accepts. MODELS-10
pub fn model_endpoints_object(
    catalog: &Catalog,
    id: ModelId,
    shown: &dyn Fn(EndpointId) -> bool,
    stats: &dyn Fn(EndpointId) -> Option<EndpointStats>,
) -> ModelEndpointsObject {
    let model = catalog.model(id);
    ModelEndpointsObject {
        id: model.id.clone(),
        name: model.name.clone(),
        created: model.created,
        description: model.description.clone(),
        architecture: (&model.architecture).into(),
        endpoints: catalog
            .endpoints_of(id)
            .filter(|endpoint| shown(*endpoint))
            .map(|endpoint| endpoint_object(catalog, id, endpoint, stats(endpoint)))
            .collect(),
    }
}

/// A provider as it is listed. MODELS-14
pub fn provider_object(provider: &Provider) -> ProviderObject {
    ProviderObject {
        name: provider.name.clone(),
        slug: provider.slug.clone(),
        privacy_policy_url: provider.privacy_policy_url.clone(),
        terms_of_service_url: provider.terms_of_service_url.clone(),
        status_page_url: provider.status_page_url.clone(),
        headquarters: provider.headquarters.clone(),
        datacenters: provider.datacenters.clone(),
    }
}

/// All providers, with those that are known only, by slug. MODELS-14
pub fn provider_objects(catalog: &Catalog) -> Vec<ProviderObject> {
    let listed = |provider: &ListedProvider| ProviderObject {
        name: provider.name.clone(),
        slug: provider.slug.clone(),
        privacy_policy_url: provider.privacy_policy_url.clone(),
        terms_of_service_url: provider.terms_of_service_url.clone(),
        status_page_url: provider.status_page_url.clone(),
        headquarters: provider.headquarters.clone(),
        datacenters: provider.datacenters.clone(),
    };
    let mut objects: Vec<_> = catalog
        .providers()
        .map(|(_, provider)| provider_object(provider))
        .chain(catalog.listed().iter().map(listed))
        .collect();
    objects.sort_by(|left, right| left.slug.cmp(&right.slug));
    objects
}
