//! The shapes of the source documents. Members that are not used are not read.

use std::collections::BTreeMap;

use serde::Deserialize;

#[derive(Deserialize)]
pub(super) struct ModelDocument {
    pub meta: Meta,
    pub models: Vec<SourceModel>,
}

#[derive(Deserialize)]
pub(super) struct Meta {
    pub generated: String,
    #[serde(default)]
    pub sources: Vec<Source>,
}

#[derive(Deserialize)]
pub(super) struct Source {
    pub name: String,
    pub date: Option<String>,
    pub version: Option<String>,
    pub commit: Option<String>,
    #[serde(default)]
    pub license: String,
}

#[derive(Deserialize)]
pub(super) struct SourceModel {
    pub id: String,
    pub canonical_slug: Option<String>,
    pub name: String,
    #[serde(rename = "type")]
    pub kind: String,
    pub created: Option<i64>,
    pub context_length: Option<u64>,
    pub architecture: SourceArchitecture,
    /// Whether any of its endpoints is said to reason.
    pub reasoning: Option<bool>,
    /// What another router said of the model; what single endpoints take stands there.
    #[serde(rename = "supported_parameters_openrouter_2026_05")]
    pub supported_parameters: Option<Vec<String>>,
    pub knowledge_cutoff: Option<String>,
    pub open_weights: Option<bool>,
    pub hugging_face_id: Option<String>,
    pub status: String,
    #[serde(default)]
    pub endpoints: Vec<SourceEndpoint>,
}

#[derive(Deserialize)]
pub(super) struct SourceArchitecture {
    #[serde(default)]
    pub input_modalities: Vec<String>,
    #[serde(default)]
    pub output_modalities: Vec<String>,
    pub tokenizer: Option<String>,
    pub instruct_type: Option<String>,
}

#[derive(Clone, Deserialize)]
pub(super) struct SourceEndpoint {
    pub provider: String,
    pub provider_model_id: Option<String>,
    #[serde(default)]
    pub alternate_model_ids: Vec<String>,
    #[serde(default)]
    pub pricing: BTreeMap<String, Option<String>>,
    #[serde(default)]
    pub pricing_tiers: Vec<BTreeMap<String, serde_json::Value>>,
    /// Prices of input and output, by geography, where they are not those of `pricing`.
    pub region_prices: Option<BTreeMap<String, BTreeMap<String, String>>>,
    pub price_confidence: Option<String>,
    pub context_length: Option<u64>,
    pub max_prompt_tokens: Option<u64>,
    pub max_completion_tokens: Option<u64>,
    pub quantization: Option<String>,
    pub supported_parameters: Option<Vec<String>>,
    pub input_modalities: Option<Vec<String>>,
    pub status: Option<String>,
    pub deprecation_date: Option<String>,
    pub tag: Option<String>,
    #[serde(default)]
    pub is_free: bool,
    #[serde(default)]
    pub reasoning_options: Vec<ReasoningOption>,
    /// The interface under which the source has it, where not that of its provider.
    pub api_shape: Option<String>,
    /// The services of its provider at which it is found.
    #[serde(default)]
    pub api_surfaces: Vec<String>,
}

#[derive(Clone, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum ReasoningOption {
    Toggle,
    Effort {
        #[serde(default)]
        values: Vec<Option<String>>,
    },
    BudgetTokens {},
    #[serde(other)]
    Unknown,
}

#[derive(Deserialize)]
pub(super) struct SourceProvider {
    pub slug: String,
    pub name: String,
    pub kind: String,
    pub status: String,
    pub base_url: Option<String>,
    pub wire_protocol: Option<String>,
    pub auth: SourceAuth,
    pub env_keys: Option<Vec<String>>,
    pub models_endpoint: Option<SourceModelsEndpoint>,
    pub headquarters: Option<String>,
    pub datacenters: Option<Vec<String>>,
    pub data_policy: SourceDataPolicy,
    pub privacy_policy_url: Option<String>,
    pub terms_of_service_url: Option<String>,
    pub status_page_url: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct SourceAuth {
    pub style: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct SourceModelsEndpoint {
    pub path: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct SourceDataPolicy {
    pub trains_on_prompts: Option<bool>,
    pub retains_prompts: Option<bool>,
    pub retention_days: Option<u32>,
    pub zdr_available: Option<bool>,
}
