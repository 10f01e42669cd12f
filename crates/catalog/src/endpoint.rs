//! Endpoints: one model at one provider in one variant.

use protocol::target::{Abilities, Tier};
use serde::{Deserialize, Serialize};

use crate::Parameters;
use crate::modality::Modalities;
use crate::price::PriceList;
use crate::provider::DataPolicy;

/// One model at one provider in one variant, with price and limits. MODELS-11
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Endpoint {
    /// The model's id.
    pub model: String,
    /// The provider's slug.
    pub provider: String,
    /// `provider`, `provider/region`, `provider/variant` or `provider/tier`; unique for a model. SLUG-1
    pub tag: String,
    /// The provider's name of the model.
    pub upstream_model: String,
    /// Prices. An empty list: unknown.
    #[serde(default)]
    pub price: PriceList,
    /// The longest context, in tokens.
    #[serde(default)]
    pub context_length: Option<u64>,
    /// The most output tokens.
    #[serde(default)]
    pub max_completion_tokens: Option<u64>,
    /// The most input tokens.
    #[serde(default)]
    pub max_prompt_tokens: Option<u64>,
    /// How the weights are stored. PROV-10
    #[serde(default)]
    pub quantization: Quantization,
    /// What may be sent. PROV-5
    #[serde(default)]
    pub supported_parameters: Parameters,
    /// What it takes.
    pub input_modalities: Modalities,
    /// What it gives.
    pub output_modalities: Modalities,
    /// Healthy, deprecated, disabled.
    #[serde(default)]
    pub status: EndpointStatus,
    /// Its service tier. TIER-9
    #[serde(default)]
    pub service_tier: ServiceTier,
    /// Where it runs, when the tag names a region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// It caches prompts without being asked.
    #[serde(default)]
    pub supports_implicit_caching: bool,
    /// Its own data policy, where it differs from the provider's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_policy: Option<DataPolicy>,
    /// What changes the wire.
    #[serde(default)]
    pub abilities: Abilities,
}

impl Endpoint {
    /// The longest prompt it takes, in tokens, if anything is known of it.
    pub fn longest_prompt(&self) -> Option<u64> {
        [self.context_length, self.max_prompt_tokens].into_iter().flatten().min()
    }
}

/// Whether an endpoint is offered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndpointStatus {
    /// It is.
    #[default]
    Active,
    /// It is, but will go.
    Deprecated,
    /// It is not.
    Disabled,
}

/// A provider's way of serving at another price and speed. TIER-1
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServiceTier {
    /// The ordinary one.
    #[default]
    Default,
    /// Cheaper and slower.
    Flex,
    /// Dearer and faster.
    Priority,
}

impl ServiceTier {
    /// The tier that a provider says has served, in the words of the dialects; `None` for a word
    /// that is no tier with a price per unit (`scale`, `batch`). TIER-6, TIER-7
    pub fn from_served(word: &str) -> Option<Self> {
        Some(match word {
            "default" | "standard" | "standard_only" | "on_demand" => Self::Default,
            "flex" => Self::Flex,
            "priority" | "fast" => Self::Priority,
            _ => return None,
        })
    }
}

impl From<ServiceTier> for Tier {
    fn from(tier: ServiceTier) -> Self {
        match tier {
            ServiceTier::Default => Self::Default,
            ServiceTier::Flex => Self::Flex,
            ServiceTier::Priority => Self::Priority,
        }
    }
}

/// How weights are stored. PROV-10
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are those of the formats")]
pub enum Quantization {
    Int4,
    Int8,
    Fp4,
    Mxfp4,
    Nvfp4,
    Fp6,
    Fp8,
    Mxfp8,
    Fp16,
    Bf16,
    Fp32,
    #[default]
    Unknown,
}
