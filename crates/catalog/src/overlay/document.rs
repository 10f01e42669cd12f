//! The form of a document, in JSON or TOML.

use std::collections::BTreeMap;

use protocol::Dialect;
use protocol::target::Quirks;
use serde::{Deserialize, Serialize};

use super::error::OverlayError;
use crate::endpoint::{EndpointStatus, Quantization, ServiceTier};
use crate::facts::AbilityChange;
use crate::modality::Modality;
use crate::model::{ModelKind, ReasoningSupport};
use crate::price::PicoUsd;
use crate::price_object::PriceObject;
use crate::provider::{AuthStyle, AuthorDialect, PathStyle};

/// A document of changes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Overlay {
    /// Providers to add or change.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub providers: Vec<ProviderChange>,
    /// Models to add or change.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub models: Vec<ModelChange>,
    /// Endpoints to add or change.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub endpoints: Vec<EndpointChange>,
    /// Prices to replace.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub prices: Vec<PriceChange>,
    /// What is switched off.
    #[serde(skip_serializing_if = "is_default")]
    pub disable: Disabled,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl Overlay {
    /// Reads a JSON document.
    pub fn from_json(text: &str) -> Result<Self, OverlayError> {
        serde_json::from_str(text).map_err(|error| OverlayError::Document(error.to_string()))
    }

    /// Reads a TOML document.
    pub fn from_toml(text: &str) -> Result<Self, OverlayError> {
        toml::from_str(text).map_err(|error| OverlayError::Document(error.to_string()))
    }

    /// Writes the document as JSON, one form for one content.
    pub fn to_json(&self) -> Result<String, OverlayError> {
        serde_json::to_string_pretty(self)
            .map_err(|error| OverlayError::Document(error.to_string()))
    }
}

/// A provider to add (then `base_url` is needed) or to change.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProviderChange {
    /// The slug.
    pub slug: String,
    /// The display name; the slug if it is new and has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The protocol; that of OpenAI's chat completions if it is new and has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dialect: Option<Dialect>,
    /// What it speaks for the models of some authors; replaces all that was known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author_dialects: Option<BTreeMap<String, AuthorDialect>>,
    /// The address below which the paths are; `{NAME}` is filled in from the environment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
    /// How the path of a request is made; as the protocol has it if it is new and has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path_style: Option<PathStyle>,
    /// How requests are authenticated; as is usual for the protocol if it is new and has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<AuthStyle>,
    /// Environment variables of its key; `<SLUG>_API_KEY` if it is new and has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment_variables: Option<Vec<String>>,
    /// Headers sent with each request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub headers: Option<BTreeMap<String, String>>,
    /// Deviations from the protocol; they replace all that were known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quirks: Option<Quirks>,
    /// Beside chat completions it offers Responses, below the same address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub responses: Option<bool>,
    /// How it is asked for embeddings, where not as others of its protocol. EMB-1
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub embeddings: Option<protocol::embeddings::Form>,
    /// How it is asked to rerank, where not as others of its protocol. RERANK-2
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rerank: Option<protocol::rerank::Form>,
    /// Closing the connection stops generation and billing. STREAM-8
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancel_stops_billing: Option<bool>,
    /// What happens to prompts. PRIV-1
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_policy: Option<PolicyChange>,
    /// The path below the base URL that lists models.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub models_path: Option<String>,
    /// Country code of its seat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub headquarters: Option<String>,
    /// Country codes of its data centres.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub datacenters: Option<Vec<String>>,
}

/// What an operator says of prompts. It counts as verified, and what is not said as the worst.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PolicyChange {
    /// Prompts are used for training.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trains: Option<bool>,
    /// Prompts are stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retains: Option<bool>,
    /// For how many days.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retention_days: Option<u32>,
    /// Nothing is retained: short for `trains = false` and `retains = false`.
    #[serde(skip_serializing_if = "is_default")]
    pub zero_retention: bool,
}

/// A model to add or to change.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelChange {
    /// `author/name`.
    pub id: String,
    /// The display name; the part after the slash if it is new and has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What it is used for; by what it gives, else chat, if it is new and says nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<ModelKind>,
    /// When it was published, in seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<i64>,
    /// A line of description.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The longest context in tokens, where its endpoints do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context_length: Option<u64>,
    /// What it takes; text if it is new and says nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_modalities: Option<Vec<Modality>>,
    /// What it gives; text if it is new and says nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_modalities: Option<Vec<Modality>>,
    /// How it reasons.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reasoning: Option<ReasoningSupport>,
    /// `YYYY-MM-DD`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub knowledge_cutoff: Option<String>,
    /// Other ids by which it is found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aliases: Option<Vec<String>>,
    /// The family that `~author/family-latest` resolves within. LATEST-1
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub family: Option<String>,
    /// The author allows training other models on its output. PROV-8
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distillable: Option<bool>,
    /// Not listed, not routed to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hidden: Option<bool>,
}

/// An endpoint to add or to change, named by model and tag.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EndpointChange {
    /// The model's id.
    pub model: String,
    /// The provider's slug.
    pub provider: String,
    /// The tag; the provider's slug if there is none. SLUG-1
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// The provider's name of the model. Needed if the endpoint is new.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upstream_model: Option<String>,
    /// Prices in USD per unit. MODELS-6
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<PriceObject>,
    /// Prices in USD per million units, instead of `price`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price_per_million: Option<BTreeMap<String, String>>,
    /// The longest context, in tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context_length: Option<u64>,
    /// The most output tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_completion_tokens: Option<u64>,
    /// The most input tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_prompt_tokens: Option<u64>,
    /// How the weights are stored. PROV-10
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantization: Option<Quantization>,
    /// What may be sent; what chat models usually take if it is new and says nothing. With
    /// `reasoning` among it, it reasons as is usual for the protocol. MODELS-8
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supported_parameters: Option<Vec<String>>,
    /// What it takes; what the model takes if it is new and says nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_modalities: Option<Vec<Modality>>,
    /// What it gives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_modalities: Option<Vec<Modality>>,
    /// Healthy, deprecated, disabled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<EndpointStatus>,
    /// Its service tier. TIER-9
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_tier: Option<ServiceTier>,
    /// Where it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// It caches prompts without being asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supports_implicit_caching: Option<bool>,
    /// Its own data policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_policy: Option<PolicyChange>,
    /// What changes the wire, where it is not as the shipped rules say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub abilities: Option<AbilityChange>,
}

/// Prices that replace those of an endpoint, all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PriceChange {
    /// The model's id.
    pub model: String,
    /// The endpoint's tag.
    pub tag: String,
    /// Prices in USD per unit. MODELS-6
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<PriceObject>,
    /// Prices in USD per million units, instead of `price`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price_per_million: Option<BTreeMap<String, String>>,
}

/// What is switched off.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Disabled {
    /// Ids of models: hidden.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub models: Vec<String>,
    /// Slugs of providers: none of their endpoints is offered.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub providers: Vec<String>,
    /// Single endpoints.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub endpoints: Vec<DisabledEndpoint>,
}

/// An endpoint that is switched off.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DisabledEndpoint {
    /// The model's id.
    pub model: String,
    /// The endpoint's tag.
    pub tag: String,
}

/// A price per million units as a price per unit.
pub(super) fn per_million(text: &str) -> Result<PicoUsd, String> {
    PicoUsd::per_million(text).map_err(|error| error.to_string())
}
